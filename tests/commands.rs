//! The commands as their users meet them: exit codes, what goes to which stream, what they refuse, and the README's examples.

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use khw_gen::manifest::STATE;
use support::{SEED, Spec, examples, files_below, khw_gen, mode, must, run, said, walkthrough};
use tempfile::TempDir;

#[test]
fn wrong_usage_exits_with_2_and_problems_with_1() {
    for arguments in [
        &["frobnicate"][..],
        &["build"],
        &["build", "x", "--archive", "rar", "-o", "y"],
        &["check", "x", "--format", "xml"],
    ] {
        assert_eq!(run(khw_gen().args(arguments)).status.code(), Some(2), "{arguments:?}");
    }
    let missing = run(khw_gen().args(["check", "/nonexistent/cluster.toml"]));
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("/nonexistent/cluster.toml"));
    let wrong = Spec::new(
        &["cp 10.0.0.1 control-plane etcd", "w 10.0.0.1 worker"],
        "[cluster]\nnaem = \"x\"\n",
    );
    for command in ["check", "plan"] {
        let output = run(khw_gen().arg(command).arg(wrong.path()));
        assert_eq!(output.status.code(), Some(1));
        assert!(
            output.stdout.is_empty() && said(&output).contains("naem"),
            "{}",
            said(&output)
        );
    }
    let out = wrong.path().with_file_name("out");
    assert_eq!(
        run(khw_gen().arg("build").arg(wrong.path()).arg("-o").arg(&out))
            .status
            .code(),
        Some(1)
    );
    assert!(!out.exists());
}

#[test]
fn check_speaks_json_on_standard_output() {
    let wrong = Spec::new(&["cp 10.0.0.1 control-plane etcd"], "[cluster]\nnaem = \"x\"\n");
    let output = run(khw_gen().args(["check", "--format", "json"]).arg(wrong.path()));
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &report["diagnostics"][0];
    assert_eq!(first["severity"], "error");
    assert_eq!(first["code"], "unknown-field");
    assert_eq!(first["line"], 5);
    assert!(first["file"].as_str().expect("a file").ends_with("cluster.toml"));
}

#[test]
fn what_cannot_be_read_is_reported_to_machines_too() {
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd"], "");
    fs::write(spec.path(), b"[cluster]\nname = \"\xff\"\n").expect("not UTF-8");
    for path in [spec.path(), spec.path().with_file_name("missing.toml")] {
        let output = run(khw_gen().args(["check", "--format", "json"]).arg(&path));
        assert_eq!(output.status.code(), Some(1));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["diagnostics"][0]["code"], "unreadable-input");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(
            report["diagnostics"][0]["message"]
                .as_str()
                .expect("a message")
                .contains(&name)
        );
    }
}

/// An editor asks about what is not saved: the text comes from it, all else from beside the file, which need not be there.
#[test]
fn check_reads_what_an_editor_has() {
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd"], "").with_ecdsa_keys();
    let saved = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path().with_file_name("csr/ca-csr.json"), "{").expect("a broken file");
    let unsaved = saved.replace("[pki]", "[pki]\nlaoyut = \"split\"");
    for is_there in [true, false] {
        if !is_there {
            fs::remove_file(spec.path()).expect("it was there");
        }
        let mut child = khw_gen()
            .args(["check", "--format", "json", "--stdin"])
            .arg(spec.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("khw-gen");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(unsaved.as_bytes()).expect("a reader");
        drop(input);
        let output = child.wait_with_output().expect("its end");
        assert_eq!(output.status.code(), Some(1));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let diagnostics = report["diagnostics"].as_array().expect("diagnostics");
        let of = |code: &str| diagnostics.iter().find(|one| one["code"] == code);
        let of_text = of("unknown-field").expect("the field");
        assert_eq!(of_text["file"], spec.path().display().to_string());
        let file = of("json-syntax").map(|one| one["file"].as_str().expect("a file").to_owned());
        assert!(file.is_some_and(|file| file.ends_with("csr/ca-csr.json")), "{report:#}");
    }
}

/// A core file would have the seed in it, and so would what a debugger of the same user reads.
#[cfg(target_os = "linux")]
#[test]
fn whoever_ends_the_program_gets_no_core() {
    use std::os::unix::process::ExitStatusExt;
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd"], "");
    let mut shell = std::process::Command::new("sh");
    let waits = format!(
        "ulimit -c unlimited 2>/dev/null || ulimit -S -c \"$(ulimit -H -c)\"; exec {} check --stdin {}",
        env!("CARGO_BIN_EXE_khw-gen"),
        spec.path().display()
    );
    let mut child = shell
        .args(["-ec", &waits])
        .current_dir(spec.path().parent().expect("a folder"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let limits = format!("/proc/{}/limits", child.id());
    let of_cores = || {
        let limits = fs::read_to_string(&limits).expect("its limits");
        let line = limits.lines().find(|line| line.starts_with("Max core file size"));
        line.map(|line| line.split_whitespace().skip(4).take(2).collect::<Vec<_>>().join(" "))
    };
    let begun = std::time::Instant::now();
    while of_cores().as_deref() != Some("0 0") {
        assert!(begun.elapsed().as_secs() < 60, "{:?}", of_cores());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    must(std::process::Command::new("kill").args(["-ABRT", &child.id().to_string()]));
    let end = child.wait().expect("its end");
    assert!(end.signal() == Some(6) && !end.core_dumped(), "{end:?}");
}

#[test]
fn plan_lists_what_build_makes() {
    let plan = must(khw_gen().arg("plan").arg(walkthrough()));
    let (_folder, out) = support::build(&walkthrough());
    let mut planned: Vec<(String, u32)> = plan
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let path = format!("{}/rootfs{}", words[0], words[2]);
            (
                path.trim_end_matches('/').to_owned(),
                u32::from_str_radix(words[1], 8).expect("a mode"),
            )
        })
        .collect();
    for (path, planned_mode) in &planned {
        assert_eq!(mode(&out.join(path)), *planned_mode, "{path}");
    }
    planned.sort();
    let mut made: Vec<String> = files_below(&out)
        .into_keys()
        .filter(|name| name.contains("/rootfs/"))
        .collect();
    made.retain(|name| planned.binary_search_by(|(path, _)| path.cmp(name)).is_err());
    assert_eq!(made, Vec::<String>::new(), "made, but not planned");
}

#[test]
fn plan_shows_each_flag_with_who_gives_it() {
    let own = "[components.kube-apiserver.flags]\nprofiling = true\nv = false\nevent-ttl = [\"2h\"]\n";
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], own);
    let flags = must(khw_gen().arg("plan").arg("--flags").arg(spec.path()));
    // Host and unit stand above their flags.
    let mut of = ["", ""];
    let mut lines: Vec<Vec<&str>> = Vec::new();
    for line in flags.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            None => of = <[&str; 2]>::try_from(line.split(": ").collect::<Vec<_>>()).expect("a host and a unit"),
            Some(flag) => lines.push(of.into_iter().chain(flag.split_whitespace()).collect()),
        }
    }
    assert_eq!(lines[0][2..], ["FLAG", "FROM"]);
    assert!(
        flags.starts_with("cp: etcd\n") && flags.matches("cp: etcd\n").count() == 1,
        "{flags}"
    );
    // What stands in the units, and not what it is made from.
    assert!(!flags.contains('{'), "{flags}");
    for expected in [
        ["cp", "etcd", "--client-cert-auth", "component"],
        ["cp", "etcd", "--name=cp", "component"],
        ["cp", "etcd", "--cert-file=/etc/etcd/etcd-server.pem", "component"],
        [
            "cp",
            "kube-apiserver",
            "--proxy-client-cert-file=/var/lib/kubernetes/front-proxy-client.pem",
            "layout",
        ],
        ["cp", "kube-apiserver", "--profiling=true", "user"],
        ["cp", "kube-apiserver", "--event-ttl=2h", "user"],
    ] {
        assert!(
            lines.iter().any(|line| *line == expected),
            "{expected:?} is not in\n{flags}"
        );
    }
    assert!(
        lines.iter().any(|line| line[1] == "etcd" && line[3] == "release"),
        "{flags}"
    );
    assert!(
        flags.contains("--hostname-override=w "),
        "as it is written into the unit: {flags}"
    );
    let removed = |line: &Vec<&str>| line[1] == "kube-apiserver" && line[2].starts_with("--v=");
    assert!(!lines.iter().any(removed), "{flags}");
    assert!(!flags.contains("--node-labels"), "a node without labels: {flags}");
}

#[test]
fn plan_says_which_csr_files_are_built_in() {
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], "");
    let plan = must(khw_gen().arg("plan").arg(spec.path()));
    assert!(
        plan.contains("ca-config.json") && plan.contains("kubelet-client-csr.json"),
        "{plan}"
    );
    let own = Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], "").with_csrs(|_, text| text);
    assert!(!must(khw_gen().arg("plan").arg(own.path())).contains("Built in"));
}

#[test]
fn init_writes_a_specification_that_builds_and_never_overwrites() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("new/cluster");
    must(khw_gen().arg("init").arg(&dir));
    assert_eq!(mode(&dir.join("cluster.seed")), 0o600);
    must(khw_gen().arg("check").arg(dir.join("cluster.toml")));
    must(
        khw_gen()
            .arg("build")
            .arg(dir.join("cluster.toml"))
            .arg("-o")
            .arg(folder.path().join("out")),
    );
    let before = files_below(&dir);
    assert!(before.contains_key("csr/ca-config.json"));

    let again = run(khw_gen().arg("init").arg(&dir));
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("cluster.toml"), "{}", said(&again));
    assert_eq!(files_below(&dir), before);

    // One file is enough to refuse, and then nothing else is written.
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("cluster.seed"), "mine").expect("a file");
    assert_eq!(run(khw_gen().arg("init").arg(&other)).status.code(), Some(1));
    assert_eq!(files_below(&other).len(), 1);

    let another = folder.path().join("another");
    must(khw_gen().arg("init").arg(&another));
    assert_ne!(
        files_below(&another)["cluster.seed"],
        before["cluster.seed"],
        "every seed is fresh"
    );
}

/// What a program says comes next is put into a shell as it stands, whatever the folders are called.
#[test]
fn what_comes_next_is_for_a_shell_whatever_folders_are_called() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("east $1 'a' & b");
    let program = khw_gen().get_program().to_owned();
    let carried_out = |command: &str| {
        let arguments = command.strip_prefix("khw-gen").unwrap_or_else(|| panic!("{command}"));
        let mut shell = std::process::Command::new("sh");
        must(
            shell
                .args(["-c", &format!("\"$KHW_GEN\"{arguments}")])
                .env("KHW_GEN", &program)
                .current_dir(folder.path()),
        )
    };
    let begun = must(khw_gen().args(["init", "--from", "single-node"]).arg(&dir));
    let (_, next) = begun.split_once(", then ").expect("what comes next");
    carried_out(next.lines().next().expect("a line").trim_end_matches('.'));
    must(
        khw_gen()
            .args(["build", "--quiet"])
            .arg(dir.join("cluster.toml"))
            .arg("-o")
            .arg(dir.join("of machines")),
    );
    let adopted = run(khw_gen()
        .arg("adopt")
        .arg(dir.join("of machines"))
        .arg("-o")
        .arg(dir.join("adopted")));
    assert!(adopted.status.success(), "{}", said(&adopted));
    let said = said(&adopted);
    let (_, next) = said.split_once("Next: read ").expect("what comes next");
    let steps: Vec<String> = next
        .trim_end()
        .trim_end_matches('.')
        .split(", ")
        .filter_map(|step| Some(step[step.find("khw-gen ")?..].trim_end_matches(" writes").to_owned()))
        .collect();
    assert_eq!(steps.len(), 3, "{next}");
    // What the others need is signed elsewhere.
    carried_out(&steps[0]);
}

/// Each of what there is to begin with builds as it is, with a seed of its own, and is the specification of that name.
#[test]
fn init_begins_with_any_of_the_specifications() {
    let folder = TempDir::new().expect("a folder");
    let mut seeds = std::collections::BTreeSet::new();
    for name in [
        "default",
        "single-node",
        "three-masters",
        "external-etcd",
        "dual-stack",
        "walkthrough",
    ] {
        let dir = folder.path().join(name);
        must(khw_gen().args(["init", "--from", name]).arg(&dir));
        assert!(
            seeds.insert(fs::read(dir.join("cluster.seed")).expect("a seed")),
            "{name}: a seed of its own"
        );
        assert_eq!(mode(&dir.join("cluster.seed")), 0o600);
        let text = fs::read_to_string(dir.join("cluster.toml")).expect("cluster.toml");
        assert!(
            text.starts_with("#:schema ") && !text.contains("public") && !text.contains("2026-01-01"),
            "{text}"
        );
        let spec = dir.join("cluster.toml");
        let checked = must(khw_gen().arg("check").arg(&spec));
        let release = if name == "walkthrough" { "1.14" } else { "1.37" };
        assert!(checked.contains(&format!("Kubernetes {release},")), "{checked}");
        must(
            khw_gen()
                .args(["build", "--quiet", "--archive", "none"])
                .arg(&spec)
                .arg("-o")
                .arg(dir.join("out")),
        );
        if name != "default" {
            let hosts = |text: &str| -> Vec<String> {
                let lines = text
                    .lines()
                    .filter(|line| line.starts_with("name ") || line.starts_with("ip "));
                lines.map(str::to_owned).collect()
            };
            let own = fs::read_to_string(support::project().join("specs").join(name).join("cluster.toml"));
            assert_eq!(hosts(&text), hosts(&own.expect("a specification")), "{name}");
        }
    }
    let unknown = run(khw_gen()
        .args(["init", "--from", "two-nodes"])
        .arg(folder.path().join("x")));
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn the_seed_comes_from_the_file_the_option_or_standard_input() {
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], "").with_csrs(|_, text| {
        text.replace("\"algo\": \"rsa\"", "\"algo\": \"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256")
    });
    let at = |name: &str| spec.path().with_file_name(name);
    must(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(at("one")));
    let hex: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    spec.secret("as-text", format!("# a comment\n{hex}\n").as_bytes());
    must(
        khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(at("two"))
            .arg("--seed-file")
            .arg(at("as-text")),
    );
    let mut piped = khw_gen();
    piped
        .arg("build")
        .arg(spec.path())
        .arg("-o")
        .arg(at("three"))
        .args(["--seed-file", "-"])
        .stdin(Stdio::piped());
    let mut child = piped.spawn().expect("khw-gen");
    child.stdin.take().expect("a pipe").write_all(&SEED).expect("the seed");
    assert!(child.wait().expect("khw-gen").success());
    assert_eq!(files_below(&at("one")), files_below(&at("two")));
    assert_eq!(files_below(&at("one")), files_below(&at("three")));

    fs::remove_file(at("seed")).expect("the seed goes");
    let output = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(at("four")));
    assert_eq!(output.status.code(), Some(1));
    assert!(!at("four").exists());
}

#[test]
fn a_seed_that_others_may_read_is_refused_unless_it_says_that_it_is_public() {
    let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd"], "");
    let seed = spec.path().with_file_name("seed");
    for exposed in [0o640, 0o604, 0o644, 0o660] {
        fs::set_permissions(&seed, fs::Permissions::from_mode(exposed)).expect("a mode");
        let output = run(khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(seed.with_file_name("out")));
        assert_eq!(output.status.code(), Some(1), "{exposed:o}");
    }
    let output = run(khw_gen()
        .arg("build")
        .arg(walkthrough())
        .arg("-o")
        .arg(seed.with_file_name("out")));
    assert!(output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("public"),
        "the demo's seed is warned of"
    );
}

#[test]
fn archives_are_as_asked() {
    let (_folder, reference) = support::build(&walkthrough());
    for (format, suffix) in [
        ("zip", ".zip"),
        ("none", ""),
        ("tar.zst", ".tar.zst"),
        ("tar.gz", ".tar.gz"),
    ] {
        let folder = TempDir::new().expect("a folder");
        let out = folder.path().join("out");
        must(
            khw_gen()
                .arg("build")
                .arg(walkthrough())
                .arg("-o")
                .arg(&out)
                .args(["--archive", format]),
        );
        let archives: Vec<String> = files_below(&out)
            .into_keys()
            .filter(|name| !name.contains('/') && !["MANIFEST", "SHA256SUMS", STATE].contains(&name.as_str()))
            .collect();
        if suffix.is_empty() {
            assert_eq!(archives, Vec::<String>::new());
            continue;
        }
        assert_eq!(archives.len(), 6);
        assert!(archives.iter().all(|name| name.ends_with(suffix)), "{archives:?}");
        for archive in archives {
            let host = archive.trim_end_matches(suffix);
            let unpacked = folder.path().join("unpacked");
            let path = out.join(&archive);
            let mut command = std::process::Command::new(if suffix == ".zip" { "unzip" } else { "tar" });
            fs::create_dir_all(&unpacked).expect("a folder");
            if suffix == ".zip" {
                if support::program("unzip", "zip archives are read back").is_none() {
                    continue;
                }
                command.arg("-q").arg(&path).arg("-d").arg(&unpacked);
            } else {
                if suffix == ".tar.zst" && support::program("zstd", "tar.zst archives are read back").is_none() {
                    continue;
                }
                command
                    .args(["--same-permissions", "-xf"])
                    .arg(&path)
                    .arg("-C")
                    .arg(&unpacked);
            }
            must(&mut command);
            assert_eq!(
                files_below(&unpacked.join(host)),
                files_below(&reference.join(host)),
                "{archive}"
            );
            for name in files_below(&unpacked.join(host)).keys() {
                assert_eq!(
                    mode(&unpacked.join(host).join(name)),
                    mode(&reference.join(host).join(name)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn output_that_is_not_ours_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    let build = || run(khw_gen().arg("build").arg(walkthrough()).arg("-o").arg(&out));
    fs::create_dir(&out).expect("a folder");
    assert!(build().status.success(), "an empty folder is fine");
    assert!(build().status.success(), "our own output is replaced");
    fs::write(out.join("notes.txt"), "mine").expect("a file");
    let refused = build();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("notes.txt"), "{}", said(&refused));
    assert_eq!(fs::read_to_string(out.join("notes.txt")).expect("still there"), "mine");
    let beside: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name())
        .collect();
    assert_eq!(beside.len(), 1, "nothing is left beside it: {beside:?}");
}

#[test]
fn the_readmes_minimal_topology_compiles() {
    let text = examples::shown("minimal", "toml");
    assert!(text.lines().filter(|line| !line.is_empty()).count() <= 14, "minimal");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("cluster.toml");
    fs::write(&path, text).expect("cluster.toml");
    let seed = folder.path().join("cluster.seed");
    fs::write(&seed, SEED).expect("a seed");
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o600)).expect("a mode");
    let out = folder.path().join("out");
    must(khw_gen().arg("build").arg(&path).arg("-o").arg(&out));
    assert!(Path::new(&out.join("master1.tar.gz")).exists() && out.join("node1.tar.gz").exists());
}

#[test]
fn explain_knows_every_code_and_no_other() {
    let list = must(khw_gen().arg("explain"));
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.contains(&"even-etcd"), "{list}");
    for name in [names[0], "even-etcd", names[names.len() - 1]] {
        let text = must(khw_gen().args(["explain", name]));
        assert!(text.contains(name) && text.contains("What to do: "), "{text}");
    }
    let output = run(khw_gen().args(["explain", "evem-etcd"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("there is no code `evem-etcd`"),
        "{}",
        said(&output)
    );
}
