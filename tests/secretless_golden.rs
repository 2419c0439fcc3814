//! `khw-gen golden`: what is reported and what is not, with the seed and without it, and that no secret gets into a golden or out
//! of a comparison.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::leaks::{base64, decode, decode_lines, forms, holds, piece_of_key};
use support::{SEED, Spec, examples, files_below, khw_gen, mode, must, program, project, run, said};

const HOSTS: [&str; 3] = [
    "cp 10.0.0.1 control-plane etcd admin",
    "n1 10.0.0.2 worker",
    "lb 10.0.0.3 load-balancer",
];

/// A password that anybody guesses, in a file that only root may read.
const EXTRA: &str = "[cluster]\nname = \"canary\"\n\
    [components.kubelet.config]\nmaxPods = 110\n\
    [[files]]\non = \"all\"\nat = \"/etc/app/password\"\nmode = \"0600\"\ncontent = \"hunter2\"\n\
    [[files]]\non = \"worker\"\nat = \"/etc/app/line\"\ncontent = \"one line for {{ host.name }}\\n\"\n";

/// The layout with the fewest keys.
fn spec() -> Spec {
    Spec::new(&HOSTS, EXTRA).with_ecdsa_keys()
}

fn golden_of(spec: &Spec) -> PathBuf {
    spec.path().with_file_name("golden")
}

fn write(spec: &Spec) -> PathBuf {
    let golden = golden_of(spec);
    must(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&golden));
    golden
}

fn check(spec: &Spec, options: &[&str]) -> Output {
    let mut command = khw_gen();
    command.args(["golden", "check"]).arg(spec.path()).arg(golden_of(spec));
    run(command.args(options))
}

fn change(spec: &Spec, from: &str, to: &str) {
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(spec.path(), text.replacen(from, to, 1)).expect("cluster.toml");
}

/// The differences that a check printed: kind and path.
fn reported(output: &Output) -> BTreeSet<(String, String)> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            let (kind, rest) = line.split_once(':').expect("a kind");
            let path = rest.trim().split([':', ' ']).next().expect("a path");
            (kind.to_owned(), path.to_owned())
        })
        .collect()
}

fn assert_same(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    assert!(output.stdout.is_empty(), "{}", said(output));
}

#[test]
fn what_was_written_is_what_is_compiled_whatever_the_umask() {
    let spec = spec();
    let golden = write(&spec);
    let output = check(&spec, &[]);
    assert_same(&output);
    assert!(!said(&output).contains("golden"), "{}", said(&output));
    assert_same(&check(&spec, &["--without-seed"]));
    let first = files_below(&golden);
    let script = "umask 077; exec \"$0\" golden write \"$1\" \"$2\"";
    let program = env!("CARGO_BIN_EXE_khw-gen");
    must(
        Command::new("sh")
            .args(["-c", script, program])
            .arg(spec.path())
            .arg(&golden),
    );
    assert!(files_below(&golden) == first, "two goldens of one cluster differ");
    for name in first.keys() {
        assert_eq!(mode(&golden.join(name)), 0o644, "{name}");
    }
    assert_eq!(mode(&golden), 0o755);
    assert_eq!(mode(&golden.join("cp/rootfs/root")), 0o755);
    // One text for each file of the output, and the index.
    let (_folder, out) = support::build(&spec.path());
    let of_output: BTreeSet<String> = files_below(&out)
        .into_keys()
        .filter(|name| name.contains('/'))
        .collect();
    let of_golden: BTreeSet<String> = first.keys().filter(|name| *name != "GOLDEN").cloned().collect();
    assert_eq!(of_golden, of_output);
    assert!(first["GOLDEN"].starts_with(b"# khw-gen golden 1\n"));
}

/// A difference that must be reported: its kind, its path, and a line of the excerpt; and whether it is without the seed.
type Expectation = (&'static str, &'static str, &'static str, bool);

/// A text and what takes its place.
type Replacement = (&'static str, &'static str);

#[test]
fn each_change_is_reported_for_what_it_is() {
    let cases: [(&[Replacement], &[Expectation]); 4] = [
        (
            &[
                (
                    "name = \"canary\"",
                    "name = \"canary\"\nnames = [\"api.example\"]\n[encryption]\nprovider = \"aesgcm\"",
                ),
                ("maxPods = 110", "maxPods = 120"),
                ("one line", "two lines"),
                ("mode = \"0600\"", "mode = \"0640\""),
            ],
            &[
                (
                    "different",
                    "cp/rootfs/var/lib/kubernetes/kubernetes.pem",
                    "+   Subject alternative name: DNS api.example",
                    true,
                ),
                (
                    "different",
                    "n1/rootfs/var/lib/kubelet/kubelet-config.yaml",
                    "- maxPods: 110",
                    true,
                ),
                ("different", "n1/rootfs/etc/app/line", "+ two lines for n1", true),
                (
                    "different",
                    "lb/MANIFEST",
                    "+ 0640 sha256 rootfs/etc/app/password",
                    true,
                ),
                (
                    "different",
                    "cp/rootfs/var/lib/kubernetes/encryption-config.yaml",
                    "-       - secretbox:",
                    true,
                ),
            ],
        ),
        (
            &[("\"/etc/app/line\"", "\"/etc/app/moved\""), ("\"lb\"", "\"lb2\"")],
            &[
                ("missing", "n1/rootfs/etc/app/line", "", true),
                ("unexpected", "n1/rootfs/etc/app/moved", "", true),
                ("missing", "lb/", "", true),
                ("unexpected", "lb2/", "", true),
            ],
        ),
        (
            &[("hunter2", "hunter3")],
            &[(
                "different",
                "lb/rootfs/etc/app/password",
                "- secret file hmac-sha256:",
                false,
            )],
        ),
        (
            &[("seed = \"seed\"", "seed = \"other\"")],
            &[
                (
                    "different",
                    "cp/rootfs/var/lib/kubernetes/encryption-config.yaml",
                    "-               secret: hmac-sha256:",
                    false,
                ),
                ("different", "GOLDEN", "- # seed hmac-sha256:", false),
                (
                    "different",
                    "cp/rootfs/var/lib/kubernetes/ca-key.pem",
                    "-   SHA-256 of the public key: ",
                    false,
                ),
            ],
        ),
    ];
    let spec = spec();
    write(&spec);
    let original = fs::read_to_string(spec.path()).expect("cluster.toml");
    let mut other = SEED;
    other[31] ^= 1;
    spec.secret("other", &other);
    for (changes, expectations) in cases {
        fs::write(spec.path(), &original).expect("cluster.toml");
        for (from, to) in changes {
            change(&spec, from, to);
        }
        for with_seed in [true, false] {
            let output = check(&spec, if with_seed { &[] } else { &["--without-seed"] });
            let text = said(&output);
            let expected: Vec<_> = expectations
                .iter()
                .filter(|(.., without)| with_seed || *without)
                .collect();
            if expected.is_empty() {
                assert_same(&output);
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{changes:?}: {text}");
            let reported = reported(&output);
            for (kind, path, line, _) in expected {
                let expected = ((*kind).to_owned(), (*path).to_owned());
                assert!(reported.contains(&expected), "{expected:?} is not in {text}");
                let is_shown = text
                    .lines()
                    .any(|shown| shown.trim_start_matches([' ', '|']).starts_with(line));
                assert!(line.is_empty() || is_shown, "{line:?} is not in {text}");
            }
            // A host that is not concerned has nothing to be said of.
            if changes.len() == 1 && changes[0].0 == "hunter2" {
                assert_eq!(reported.len(), HOSTS.len(), "{text}");
            }
        }
    }
}

#[test]
fn an_excerpt_is_bounded_and_names_what_it_leaves_out() {
    let spec = Spec::new(
        &HOSTS,
        "[[files]]\non = \"lb\"\nat = \"/etc/long\"\ntemplate = \"long\"\n",
    );
    let lines = |word: &str| (0..100).map(|number| format!("{word} {number}\n")).collect::<String>();
    let template = spec.path().with_file_name("long");
    fs::write(&template, lines("old")).expect("a template");
    write(&spec);
    fs::write(&template, lines("new")).expect("a template");
    let output = check(&spec, &[]);
    assert_eq!(
        reported(&output),
        BTreeSet::from([("different".to_owned(), "lb/rootfs/etc/long".to_owned())])
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 22, "{text}");
    assert!(text.contains("more lines differ"), "{text}");
}

#[test]
fn a_golden_put_together_from_two_seeds_is_noticed_without_either() {
    let spec = spec();
    let golden = write(&spec);
    let (mut other, file) = (SEED, golden.join("cp/rootfs/etc/etcd/ca.pem"));
    other[0] ^= 1;
    let kept = fs::read(&file).expect("a text");
    spec.secret("seed", &other);
    write(&spec);
    fs::write(&file, kept).expect("a text");
    let output = check(&spec, &["--without-seed"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("stands for another elsewhere"),
        "{}",
        said(&output)
    );
    // Nor is a value of another shape taken for one that can't be known.
    write(&spec);
    let text = fs::read_to_string(&file).expect("a text");
    let serial = text
        .lines()
        .find(|line| line.contains("Serial: "))
        .expect("a serial number")
        .to_owned();
    fs::write(&file, text.replace(&serial, "  Serial: 01")).expect("a text");
    let output = check(&spec, &["--without-seed"]);
    assert_eq!(
        reported(&output),
        BTreeSet::from([("different".to_owned(), "cp/rootfs/etc/etcd/ca.pem".to_owned())])
    );
}

#[test]
fn a_seed_that_is_not_there_is_done_without_and_said_and_any_other_problem_is_trouble() {
    let spec = spec();
    let golden = write(&spec);
    let seed = spec.path().with_file_name("seed");
    let elsewhere = spec.path().with_file_name("elsewhere");
    fs::rename(&seed, &elsewhere).expect("the seed goes");
    let output = check(&spec, &[]);
    assert_same(&output);
    let text = said(&output);
    assert!(
        text.contains("there is no seed") && text.contains("without the seed"),
        "{text}"
    );
    let given = run(khw_gen()
        .args(["golden", "check", "--seed-file"])
        .args([&elsewhere, &spec.path(), &golden]));
    assert_same(&given);
    assert!(!said(&given).contains("without"), "{}", said(&given));

    let mut piped = khw_gen()
        .args(["golden", "check", "--seed-file", "-"])
        .args([spec.path(), golden.clone()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program");
    let hex: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    piped
        .stdin
        .take()
        .expect("its input")
        .write_all(hex.as_bytes())
        .expect("the seed");
    assert!(piped.wait().expect("its end").success());

    let trouble = |output: &Output| assert_eq!(output.status.code(), Some(2), "{}", said(output));
    let missing = spec.path().with_file_name("missing").display().to_string();
    trouble(&check(&spec, &["--seed-file", &missing]));
    trouble(&check(&spec, &["--seed-file", "/dev/null"]));
    trouble(&check(&spec, &["--seed-file", &missing, "--without-seed"]));
    let written = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden.clone()]));
    assert_eq!(written.status.code(), Some(1), "{}", said(&written));

    let index = fs::read_to_string(golden.join("GOLDEN")).expect("the index");
    fs::write(golden.join("GOLDEN"), index.replacen("golden 1", "golden 2", 1)).expect("the index");
    let newer = check(&spec, &[]);
    trouble(&newer);
    assert!(
        said(&newer).contains("format 2") && newer.stdout.is_empty(),
        "{}",
        said(&newer)
    );
    fs::remove_file(golden.join("GOLDEN")).expect("no index");
    trouble(&check(&spec, &[]));
    fs::write(golden.join("GOLDEN"), index).expect("the index");
    fs::write(spec.path(), "nonsense = 1\n").expect("cluster.toml");
    trouble(&check(&spec, &[]));
}

#[test]
fn what_khw_gen_did_not_write_is_neither_replaced_nor_overlooked() {
    let spec = spec();
    let golden = write(&spec);
    fs::write(golden.join("n1/mine"), "precious").expect("a file");
    symlink("MANIFEST", golden.join("n1/link")).expect("a link");
    fs::create_dir(golden.join("empty")).expect("a folder");
    let refused = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden.clone()]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("n1/mine"), "{}", said(&refused));
    assert_eq!(fs::read(golden.join("n1/mine")).expect("still there"), b"precious");
    let found = reported(&check(&spec, &[]));
    for name in ["n1/mine", "n1/link", "empty/"] {
        assert!(found.contains(&("missing".to_owned(), name.to_owned())), "{found:?}");
    }
    assert_eq!(found.len(), 3, "{found:?}");
    // An output is no golden, and a golden no output.
    let (_folder, out) = support::build(&spec.path());
    assert_eq!(
        run(khw_gen().args(["golden", "write"]).args([spec.path(), out]))
            .status
            .code(),
        Some(1)
    );
    let written = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&golden));
    assert_eq!(written.status.code(), Some(1), "{}", said(&written));
}

/// Every secret of an output: by its name the forms in which it could get out.
fn secrets(out: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut secrets = BTreeMap::from([("the seed".to_owned(), forms(&SEED))]);
    for (name, bytes) in files_below(out) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = |field: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(field).map(str::to_owned));
            decode(line.unwrap_or_else(|| panic!("{name} has no {field}")).as_bytes())
        };
        let body = |pem: &str| {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            decode(body.as_bytes())
        };
        if name.ends_with("-key.pem") {
            let der = body(&text);
            secrets.insert(name, forms(piece_of_key(&der)));
        } else if name.ends_with("kubeconfig") {
            let der = body(&String::from_utf8_lossy(&value("client-key-data: ")));
            secrets.insert(name, forms(piece_of_key(&der)));
        } else if name.ends_with("encryption-config.yaml") {
            let key = value("secret: ");
            secrets.insert(name, forms(&key));
        }
    }
    secrets
}

/// The password and its digests, in every form that a digest has.
fn password() -> Vec<Vec<u8>> {
    let mut forms = vec![
        b"hunter2".to_vec(),
        b"68756e74657232".to_vec(),
        base64(b"hunter2")[..9].to_vec(),
    ];
    for program in ["sha256sum", "sha1sum", "md5sum", "sha512sum"] {
        let mut digest = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("coreutils");
        digest
            .stdin
            .take()
            .expect("its input")
            .write_all(b"hunter2")
            .expect("the password");
        let text = String::from_utf8(digest.wait_with_output().expect("a digest").stdout).expect("hexadecimal");
        let hex = text.split(' ').next().expect("a digest");
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        // Half of a digest is enough to try guesses with.
        forms.push(hex.as_bytes()[..16].to_vec());
        forms.push(hex.to_uppercase().as_bytes()[..16].to_vec());
        forms.push(base64(&bytes)[..16].to_vec());
    }
    forms
}

#[test]
fn no_secret_gets_into_a_golden_or_out_of_a_comparison() {
    let with_both_algorithms = Spec::new(&HOSTS, EXTRA).with_csrs(|name, text| match name {
        "admin-csr.json" | "ca-csr.json" => text,
        _ => text
            .replace("\"algo\": \"rsa\"", "\"algo\": \"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256"),
    });
    for spec in [Spec::new(&HOSTS, EXTRA), with_both_algorithms] {
        let (_folder, out) = support::build(&spec.path());
        let mut secrets = secrets(&out);
        assert!(secrets.len() > 10, "{:?}", secrets.keys());
        // The canary sings where the secrets are.
        for (name, forms) in secrets.iter().filter(|(name, _)| *name != "the seed") {
            let bytes = fs::read(out.join(name)).expect("an output");
            let once = decode_lines(&bytes);
            assert!(
                [&bytes, &once, &decode_lines(&once)]
                    .iter()
                    .any(|layer| holds(layer, forms)),
                "{name}"
            );
        }
        secrets.insert("the password".to_owned(), password());
        let silent = |what: &str, bytes: &[u8]| {
            let once = decode_lines(bytes);
            let twice = decode_lines(&once);
            for (name, forms) in &secrets {
                let found = [bytes, &once, &twice].iter().any(|layer| holds(layer, forms));
                assert!(!found, "{what} gives {name} away: {}", String::from_utf8_lossy(bytes));
            }
        };
        let golden = write(&spec);
        let texts = files_below(&golden);
        for (name, text) in &texts {
            silent(name, text);
        }
        // Everything is different, and nothing of it is shown that should not be.
        let mut other = SEED;
        other[5] ^= 1;
        spec.secret("other", &other);
        let other = spec.path().with_file_name("other").display().to_string();
        for options in [&["--seed-file", other.as_str()][..], &["--without-seed"], &[]] {
            let output = check(&spec, options);
            silent("check", said(&output).as_bytes());
        }
        // The output where its golden should be: what should never have been copied there is not printed.
        for (name, bytes) in files_below(&out)
            .into_iter()
            .filter(|(name, _)| texts.contains_key(name))
        {
            fs::write(golden.join(name), bytes).expect("a mistake");
        }
        for options in [&[][..], &["--without-seed"]] {
            let output = check(&spec, options);
            assert_eq!(output.status.code(), Some(1));
            silent("check of a copied output", said(&output).as_bytes());
        }
        // A golden to which all lines of the output were added, but for those by which a private key is known.
        for (name, text) in texts.iter().filter(|(name, _)| *name != "GOLDEN") {
            let from_output = fs::read_to_string(out.join(name)).expect("an output");
            let mixed: String = String::from_utf8_lossy(text)
                .lines()
                .chain(from_output.lines().filter(|line| !line.starts_with("-----")))
                .map(|line| format!("{line}\n"))
                .collect();
            fs::write(golden.join(name), mixed).expect("a mistake");
        }
        silent("check of a mixture", said(&check(&spec, &[])).as_bytes());
    }
}

#[test]
fn an_authority_signs_without_its_key_as_far_as_can_be_compared() {
    let root = Spec::new(&["ca 10.9.0.1 control-plane etcd"], "");
    let (_folder, out) = support::build(&root.path());
    let spec = Spec::new(
        &HOSTS,
        "[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n[cluster]\nname = \"canary\"\n",
    );
    for name in ["ca.pem", "ca-key.pem"] {
        let bytes = fs::read(out.join("ca/rootfs/var/lib/kubernetes").join(name)).expect("an authority");
        spec.secret(name, &bytes);
    }
    let golden = write(&spec);
    let key = spec.path().with_file_name("ca-key.pem");
    fs::remove_file(&key).expect("the key goes");
    for options in [&[][..], &["--without-seed"]] {
        let output = check(&spec, options);
        assert_same(&output);
        assert!(
            said(&output).contains("a key that is brought is not there"),
            "{}",
            said(&output)
        );
    }
    // The authority itself is compared all the same, and with the seed every key is.
    let ca = golden.join("cp/rootfs/var/lib/kubernetes/ca.pem");
    let text = fs::read_to_string(&ca).expect("a text");
    fs::write(&ca, text.replacen("Not after: 20", "Not after: 21", 1)).expect("a text");
    let kubelet = golden.join("n1/rootfs/var/lib/kubelet/kubelet-serving-key.pem");
    let of_key = fs::read_to_string(&kubelet).expect("a text");
    let digest = of_key.trim_end().rsplit(' ').next().expect("a digest").to_owned();
    fs::write(&kubelet, of_key.replace(&digest, &"0".repeat(64))).expect("a text");
    let found = reported(&check(&spec, &[]));
    for name in [
        "cp/rootfs/var/lib/kubernetes/ca.pem",
        "n1/rootfs/var/lib/kubelet/kubelet-serving-key.pem",
    ] {
        assert!(found.contains(&("different".to_owned(), name.to_owned())), "{found:?}");
    }
    assert_eq!(found.len(), 2, "{found:?}");
    let written = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden]));
    assert_eq!(
        written.status.code(),
        Some(1),
        "who writes a golden has every key: {}",
        said(&written)
    );
}

#[test]
fn openssl_computes_the_fingerprint_of_a_key() {
    const TEST: &str = "openssl_computes_the_fingerprint_of_a_key";
    let Some(openssl) = program("openssl", TEST) else {
        return;
    };
    let spec = spec();
    let (_folder, out) = support::build(&spec.path());
    let golden = write(&spec);
    let mut compared = 0;
    for (name, _) in files_below(&out)
        .into_iter()
        .filter(|(name, _)| name.ends_with("-key.pem"))
    {
        let script = "\"$0\" pkey -in \"$1\" -pubout -outform DER | sha256sum";
        let printed = must(
            Command::new("sh")
                .args(["-c", script])
                .arg(&openssl)
                .arg(out.join(&name)),
        );
        let digest = printed.split(' ').next().expect("a digest");
        let text = fs::read_to_string(golden.join(&name)).expect("a text");
        assert!(
            text.contains(&format!("SHA-256 of the public key: {digest}\n")),
            "{name}: {text}"
        );
        compared += 1;
    }
    assert!(compared > 5);
    let page = fs::read_to_string(project().join("docs/golden.md")).expect("docs/golden.md");
    assert!(page.contains("-pubout -outform DER | sha256sum"), "the page says how");
}

#[test]
fn the_lines_for_ci_do_what_they_say() {
    let script = examples::shown("golden", "sh");
    let workflow: Value = serde_saphyr::from_str(&examples::shown("golden workflow", "yaml")).expect("YAML");
    let steps = workflow["jobs"]["golden"]["steps"].as_array().expect("steps").iter();
    let in_workflow = steps
        .filter_map(|step| step["run"].as_str())
        .next_back()
        .expect("a script");
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let same = script
        .replace("${SEED:-}", "$SEED")
        .replace("without-seed\nfi", "without-seed; fi");
    assert_eq!(
        words(in_workflow),
        words(&same),
        "the workflow's script is the one in shell"
    );
    let spec = spec();
    write(&spec);
    fs::remove_file(spec.path().with_file_name("seed")).expect("there is no seed in CI");
    let programs = Path::new(env!("CARGO_BIN_EXE_khw-gen"))
        .parent()
        .expect("a folder")
        .display()
        .to_string();
    let in_ci = |seed: &str| {
        let path = format!("{programs}:{}", support::path().display());
        let mut shell = Command::new("sh");
        shell.arg("-ec").arg(&script).env("PATH", path).env("SEED", seed);
        run(shell.current_dir(spec.path().parent().expect("a folder")))
    };
    let hex: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_same(&in_ci(&hex));
    assert_same(&in_ci(&format!("# the seed\n{hex}\n")));
    let without = in_ci("");
    assert_same(&without);
    assert!(said(&without).contains("without the seed"), "{}", said(&without));
    change(&spec, "hunter2", "hunter3");
    assert_eq!(in_ci(&hex).status.code(), Some(1));
    assert_eq!(in_ci("").status.code(), Some(0));
}

#[test]
fn a_kubeconfig_that_names_files_is_shown_as_it_is() {
    let spec = spec();
    change(&spec, "[pki]\n", "[pki]\nkubeconfigs = \"files\"\n");
    let golden = write(&spec);
    assert_same(&check(&spec, &[]));
    assert_same(&check(&spec, &["--without-seed"]));
    let (_folder, out) = support::build(&spec.path());
    let path = "n1/rootfs/var/lib/kubelet/kubeconfig";
    let text = fs::read_to_string(golden.join(path)).expect("a text");
    assert!(text.contains("client-key: /"), "{text}");
    assert_eq!(text, fs::read_to_string(out.join(path)).expect("a kubeconfig"));
}
