//! `install.sh` as an operator runs it: into a tree, twice, dry, over something else, and from a damaged bundle.

#[path = "install/signed.rs"]
mod signed;
mod support;
#[path = "install/taking_back.rs"]
mod taking_back;
#[path = "install/variables.rs"]
mod variables;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{build, files_below, mode, must, project, run, said, walkthrough};
use tempfile::TempDir;

fn install(bundle: &Path, destination: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .arg(bundle.join("install.sh"))
        .env("DESTDIR", destination)
        .current_dir("/");
    command
}

/// The bundle of a host, unpacked from its archive as an operator would.
fn unpacked(out: &Path, host: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    must(
        Command::new("tar")
            .arg("-xzf")
            .arg(out.join(format!("{host}.tar.gz")))
            .current_dir(folder.path()),
    );
    let bundle = folder.path().join(host);
    (folder, bundle)
}

#[test]
fn every_file_lands_with_its_mode_and_a_second_run_changes_nothing() {
    let (_folder, out) = build(&walkthrough());
    for host in ["control", "lb", "master1", "master2", "node1", "node2"] {
        let (_unpacked, bundle) = unpacked(&out, host);
        let root = TempDir::new().expect("a folder");
        must(&mut install(&bundle, root.path()));
        let tree = bundle.join("rootfs");
        let expected = files_below(&tree);
        for (name, bytes) in &expected {
            let target = root.path().join(name);
            assert!(
                fs::read(&target).expect("an installed file") == *bytes,
                "{host}: {name}"
            );
            assert_eq!(mode(&target), mode(&tree.join(name)), "{host}: {name}");
        }
        let leftovers: Vec<String> = files_below(root.path())
            .into_keys()
            .filter(|name| !expected.contains_key(name) && !name.contains(".wants/"))
            .filter(|name| name != "var/backups/khw-gen/1/JOURNAL")
            .collect();
        assert_eq!(leftovers, Vec::<String>::new(), "{host}");
        if host.starts_with("master") {
            assert_eq!(mode(&root.path().join("var/lib/etcd")), 0o700);
            let wants = root.path().join("etc/systemd/system/multi-user.target.wants");
            assert!(
                fs::symlink_metadata(wants.join("etcd.service")).is_ok(),
                "etcd is not enabled"
            );
        }
        let again = must(&mut install(&bundle, root.path()));
        assert!(again.contains(&format!("{host}: nothing to change")), "{again}");
        assert!(
            !root.path().join("var/backups/khw-gen/2").exists(),
            "a run that changes nothing keeps nothing"
        );
    }
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would_do() {
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    let said = must(install(&out.join("master1"), root.path()).arg("--dry-run"));
    assert!(
        said.contains("would install 0600 /etc/etcd/kubernetes-key.pem"),
        "{said}"
    );
    assert!(said.contains("would create 0700 /var/lib/etcd/"), "{said}");
    assert!(files_below(root.path()).is_empty());
    assert!(fs::read_dir(root.path()).expect("a folder").next().is_none());
}

#[test]
fn what_is_replaced_is_kept_with_its_mode() {
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    let config = root.path().join("var/lib/kubernetes/encryption-config.yaml");
    fs::create_dir_all(config.parent().expect("a parent")).expect("a folder");
    fs::write(&config, "somebody's own\n").expect("a file");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o640)).expect("a mode");
    must(&mut install(&out.join("master1"), root.path()));
    let kept = root
        .path()
        .join("var/backups/khw-gen/1/var/lib/kubernetes/encryption-config.yaml");
    assert_eq!(fs::read_to_string(&kept).expect("the copy"), "somebody's own\n");
    assert_eq!(mode(&kept), 0o640);
    assert_eq!(mode(&root.path().join("var/backups/khw-gen")), 0o700);
    assert_eq!(mode(&config), 0o600);

    // A widened mode is closed again, without a second copy of the same run.
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("a mode");
    must(&mut install(&out.join("master1"), root.path()));
    assert_eq!(mode(&config), 0o600);
    assert!(root.path().join("var/backups/khw-gen/2").exists());
}

#[test]
fn a_folder_that_others_may_write_is_told_and_one_with_a_sticky_bit_is_not() {
    let (_folder, out) = build(&walkthrough());
    let (_unpacked, bundle) = unpacked(&out, "master1");
    let root = TempDir::new().expect("a folder");
    for (folder, mode) in [("etc/etcd", 0o777), ("etc/systemd/system", 0o1777), ("root", 0o755)] {
        let folder = root.path().join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let text = must(&mut install(&bundle, root.path()));
    let told: Vec<&str> = text.lines().filter(|line| line.contains("put other files")).collect();
    assert_eq!(told.len(), 1, "{text}");
    assert!(told[0].ends_with("chmod o-w /etc/etcd"), "{text}");
}

#[test]
fn a_damaged_bundle_is_refused_before_anything_is_touched() {
    let (_folder, out) = build(&walkthrough());
    let (_unpacked, bundle) = unpacked(&out, "node1");
    let root = TempDir::new().expect("a folder");
    let unit = bundle.join("rootfs/etc/systemd/system/kubelet.service");
    fs::write(&unit, "[Service]\nExecStart=/bin/evil\n").expect("damage");
    fs::remove_file(bundle.join("rootfs/var/lib/kubelet/node1.pem")).expect("damage");
    let output = run(&mut install(&bundle, root.path()));
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("kubelet.service is not what the bundle was made with"),
        "{said}"
    );
    assert!(said.contains("node1.pem is missing from the bundle"), "{said}");
    assert!(fs::read_dir(root.path()).expect("a folder").next().is_none());
}

/// What can't be read may be whole: nobody says that it was changed.
#[test]
fn what_can_not_be_read_is_not_called_changed() {
    let (_folder, out) = build(&walkthrough());
    let (_unpacked, bundle) = unpacked(&out, "node1");
    let root = TempDir::new().expect("a folder");
    // A disk that gives an error for one file, for root too.
    let programs = TempDir::new().expect("a folder");
    let sums = programs.path().join("sha256sum");
    let text = "#!/bin/sh\ncase $(readlink /proc/$$/fd/0) in */kubelet.service) exit 1 ;; esac\nPATH=${PATH#*:} exec sha256sum\n";
    fs::write(&sums, text).expect("a program");
    fs::set_permissions(&sums, fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = format!(
        "{}:{}",
        programs.path().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = run(install(&bundle, root.path()).env("PATH", path));
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("kubelet.service can't be read here")
            && said.contains("Nothing was done")
            && !said.contains("damaged"),
        "{said}"
    );
    assert!(fs::read_dir(root.path()).expect("a folder").next().is_none());
}

/// On another machine than the bundle's nothing is installed, unless somebody names the tree.
#[test]
fn the_bundle_of_another_host_is_refused() {
    let (_folder, out) = build(&walkthrough());
    let (_unpacked, bundle) = unpacked(&out, "node1");
    // The clock is asked next: where the script gets so far it ends there, and this machine stays as it is.
    let programs = TempDir::new().expect("a folder");
    for (name, text) in [
        ("date", "exit 99"),
        ("id", "echo 0"),
        ("uname", "echo elsewhere.example.org"),
    ] {
        let path = programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let path = format!(
        "{}:{}",
        programs.path().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let installing = |destination: Option<&str>, arguments: &[&str]| {
        let mut command = Command::new("sh");
        command
            .arg(bundle.join("install.sh"))
            .args(arguments)
            .env("PATH", &path)
            .env_remove("DESTDIR");
        if let Some(destination) = destination {
            command.env("DESTDIR", destination);
        }
        let output = run(&mut command);
        (output.status.code(), said(&output))
    };
    let (code, told) = installing(None, &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains(
            "this bundle is for node1, and this machine calls itself elsewhere.example.org; nothing was installed"
        ),
        "{told}"
    );
    let (code, told) = installing(None, &["--dry-run"]);
    assert!(
        code == Some(99) && told.contains("warning: this bundle is for node1"),
        "{told}"
    );
    let (code, told) = installing(Some("/"), &[]);
    assert!(code == Some(99) && !told.contains("this bundle is for"), "{told}");
}

#[test]
fn a_manifest_that_was_cut_off_or_altered_is_refused() {
    let (_folder, out) = build(&walkthrough());
    let (_unpacked, bundle) = unpacked(&out, "node1");
    let manifest = bundle.join("MANIFEST");
    let whole = fs::read_to_string(&manifest).expect("the manifest");
    let rows: Vec<&str> = whole.lines().collect();
    let fewer = [&rows[..6], &rows[rows.len() - 1..]].concat().join("\n") + "\n";
    for damaged in [
        "",
        &whole[..900],
        &whole[..whole.len() - 2],
        &rows[..20].join("\n"),
        &fewer,
        &whole.replace("0600 ", "4777 "),
        &whole.replace("0600 ", "--reference=/etc/passwd "),
        &whole.replace("rootfs/etc/cni/net.d/", "rootfs/../../outside/"),
        &whole.replace("# host: node1\n", ""),
        &whole.replace("# host: node1\n", "# host: \n"),
        &whole.replace("# host: node1\n", "# host: node1\r\n"),
        &whole.replace("# host: node1\n", "# host:   \n"),
        &whole.replace("# host: node1\n", "# host: \\033[2J\\c\n"),
    ] {
        fs::write(&manifest, damaged).expect("damage");
        let root = TempDir::new().expect("a folder");
        let output = run(&mut install(&bundle, root.path()));
        assert_eq!(output.status.code(), Some(1), "{damaged}");
        assert!(said(&output).contains("nothing was installed"), "{}", said(&output));
        assert!(
            fs::read_dir(root.path()).expect("a folder").next().is_none(),
            "{damaged}"
        );
    }
}

#[test]
fn a_link_that_leads_out_of_the_image_is_refused() {
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    let outside = TempDir::new().expect("a folder");
    fs::create_dir(root.path().join("etc")).expect("a folder");
    symlink(outside.path(), root.path().join("etc/systemd")).expect("a link");
    let output = run(&mut install(&out.join("node1"), root.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("leads out of"), "{}", said(&output));
    assert!(files_below(outside.path()).is_empty());

    // A link that stays inside, as /bin -> usr/bin does, is fine.
    let root = TempDir::new().expect("a folder");
    fs::create_dir_all(root.path().join("data/systemd")).expect("a folder");
    fs::create_dir(root.path().join("etc")).expect("a folder");
    symlink("../data/systemd", root.path().join("etc/systemd")).expect("a link");
    must(&mut install(&out.join("node1"), root.path()));
    assert!(root.path().join("data/systemd/system/kubelet.service").exists());
}

#[test]
fn it_finds_its_bundle_from_anywhere() {
    let (_folder, out) = build(&walkthrough());
    let folder = TempDir::new().expect("a folder");
    let odd = folder.path().join("-x y");
    must(Command::new("cp").arg("-a").arg("--").arg(out.join("lb")).arg(&odd));
    let decoy = folder.path().join("decoy");
    fs::create_dir_all(decoy.join("-x y")).expect("a folder");
    let root = TempDir::new().expect("a folder");
    let mut command = Command::new("sh");
    command.args(["--", "-x y/install.sh"]).current_dir(folder.path());
    let said = must(command.env("CDPATH", &decoy).env("DESTDIR", root.path()));
    assert!(
        said.contains("installed 0644 /etc/nginx/tcpconf.d/kubernetes.conf"),
        "{said}"
    );
}

#[test]
fn a_link_in_a_files_place_is_replaced_and_not_followed() {
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    let victim = root.path().join("victim");
    fs::write(&victim, "untouched").expect("a file");
    let key = root.path().join("etc/etcd/kubernetes-key.pem");
    fs::create_dir_all(key.parent().expect("a parent")).expect("a folder");
    symlink(&victim, &key).expect("a link");
    symlink(&victim, root.path().join("etc/etcd/kubernetes-key.pem.khw-gen-new")).expect("a link");
    must(&mut install(&out.join("master1"), root.path()));
    assert_eq!(fs::read_to_string(&victim).expect("the victim"), "untouched");
    assert!(fs::symlink_metadata(&key).expect("the key").is_file());
}

/// A program that reads a new key beside an old certificate can serve nobody.
#[test]
fn all_is_written_before_each_key_and_its_certificate_go_to_their_places_together() {
    let (_folder, out) = build(&walkthrough());
    let Some(dash) = support::program("dash", "the order in which install.sh moves files") else {
        return;
    };
    let told = TempDir::new().expect("a folder");
    let log = told.path().join("log");
    for name in ["cp", "mv"] {
        let real =
            support::program(name, "the order in which install.sh moves files").expect("a program of every system");
        let text = format!(
            "#!/bin/sh\nfor last in \"$@\"; do :; done\necho {name} \"$last\" >>{}\nexec {} \"$@\"\n",
            log.display(),
            real.display()
        );
        fs::write(told.path().join(name), text).expect("a program");
        fs::set_permissions(told.path().join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let own = support::path();
    let path = std::iter::once(told.path().to_owned()).chain(std::env::split_paths(&own));
    let root = TempDir::new().expect("a folder");
    must(
        Command::new(dash)
            .arg(out.join("master1/install.sh"))
            .env("DESTDIR", root.path())
            .env("PATH", std::env::join_paths(path).expect("a path")),
    );
    let log = fs::read_to_string(&log).expect("a log");
    let to = |line: &str, program: &str| {
        line.strip_prefix(program)
            .and_then(|to| to.strip_prefix(root.path().to_str()?))
            .map(str::to_owned)
    };
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| to(line, "cp ").is_some() || to(line, "mv ").is_some_and(|to| !to.starts_with("/var/backups")))
        .collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("mv "))
        .expect("files are moved");
    assert!(lines[first..].iter().all(|line| line.starts_with("mv ")), "{log}");
    let moved: Vec<String> = lines[first..].iter().filter_map(|line| to(line, "mv ")).collect();
    let keys: Vec<usize> = (0..moved.len()).filter(|at| moved[*at].ends_with("-key.pem")).collect();
    assert_eq!(keys.len(), 4, "{moved:?}");
    for key in keys {
        let certificate = moved[key].replace("-key.pem", ".pem");
        if moved.contains(&certificate) {
            assert_eq!(moved[key + 1], certificate, "{moved:?}");
        }
    }
}

#[test]
fn the_include_line_is_added_once_and_an_existing_one_is_respected() {
    let (_folder, out) = build(&walkthrough());
    for (before, added) in [
        ("events {}\nhttp {}\n", true),
        ("events {}\n# include /etc/nginx/tcpconf.d/*;", true),
        ("events {}\ninclude /etc/nginx/tcpconf.d/*;\n", false),
        ("events {}\n  include   /etc/nginx/tcpconf.d/*.conf ;\n", false),
        ("events {} include \"/etc/nginx/tcpconf.d/*.conf\";\n", false),
        ("events {}\ninclude 'tcpconf.d/kubernetes.conf';\n", false),
        ("events {}\ninclude /etc/nginx/tcpconf.d/other.conf;\n", true),
    ] {
        let root = TempDir::new().expect("a folder");
        let conf = root.path().join("etc/nginx/nginx.conf");
        fs::create_dir_all(conf.parent().expect("a parent")).expect("a folder");
        fs::write(&conf, before).expect("nginx.conf");
        must(&mut install(&out.join("lb"), root.path()));
        must(&mut install(&out.join("lb"), root.path()));
        let after = fs::read_to_string(&conf).expect("nginx.conf");
        if added {
            assert_eq!(
                after,
                format!(
                    "{}\ninclude /etc/nginx/tcpconf.d/*.conf;\n",
                    before.trim_end_matches('\n')
                )
            );
        } else {
            assert_eq!(after, before);
        }
    }
}

#[test]
fn hosts_with_the_same_roles_have_the_same_script() {
    let (_folder, out) = build(&walkthrough());
    let script = |host: &str| fs::read(out.join(host).join("install.sh")).expect("a script");
    assert!(script("node1") == script("node2") && script("master1") == script("master2"));
    assert!(script("node1") != script("master1"));
    for host in ["node1", "node2"] {
        let manifest = fs::read_to_string(out.join(host).join("MANIFEST")).expect("the manifest");
        assert_eq!(manifest.lines().nth(1), Some(format!("# host: {host}").as_str()));
        let said = must(
            Command::new("sh")
                .arg(out.join(host).join("install.sh"))
                .arg("--dry-run"),
        );
        assert!(said.contains(&format!("{host}: ")), "{said}");
    }
}

#[test]
fn the_manifest_of_another_host_is_found_where_the_folder_has_a_name() {
    let (_folder, out) = build(&walkthrough());
    let (unpacked, bundle) = unpacked(&out, "node1");
    let manifest = bundle.join("MANIFEST");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    fs::write(&manifest, text.replace("# host: node1\n", "# host: node2\n")).expect("a manifest");
    let archive = unpacked.path().join("node1.tar.gz");
    must(
        Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(unpacked.path())
            .arg("node1"),
    );
    let told = "it is the manifest of node2";
    let verify = |path: &Path| said(&run(support::khw_gen().arg("verify").arg(path)));
    assert!(verify(&archive).contains(told));
    assert!(!verify(&out.join("node1.tar.gz")).contains("manifest-differs"));
    assert!(
        !verify(&bundle).contains(told),
        "a folder by itself may be called anything"
    );
}

#[test]
fn the_script_is_posix_sh() {
    let (_folder, out) = build(&walkthrough());
    for host in ["master1", "lb", "node1", "control"] {
        let script = out.join(host).join("install.sh");
        must(Command::new("sh").arg("-n").arg(&script));
        for shell in ["dash", "busybox"] {
            if let Some(shell_path) = support::program(shell, &format!("install.sh in {shell}")) {
                let root = TempDir::new().expect("a folder");
                let mut command = Command::new(shell_path);
                if shell == "busybox" {
                    command.arg("sh");
                }
                must(command.arg(&script).env("DESTDIR", root.path()));
                assert!(files_below(root.path()).len() > 2 || host == "lb");
            }
        }
        let routes = out.join(host).join("rootfs/etc/kubernetes/pod-routes.sh");
        if let (true, Some(shellcheck)) = (
            routes.is_file(),
            support::program("shellcheck", "shellcheck reads pod-routes.sh"),
        ) {
            must(Command::new(shellcheck).args(["-s", "sh"]).arg(&routes));
        }
        if let Some(shellcheck) = support::program("shellcheck", "shellcheck reads install.sh") {
            // SC2174: mkdir -p -m gives the mode to the last folder alone. So it is meant: what is above it is there, or above
            // DESTDIR, outside of the tree.
            must(Command::new(shellcheck).args(["-s", "sh", "-e", "SC2174"]).arg(&script));
        }
    }
    let scripts = project().join("tests/programs");
    for script in files_below(&scripts).into_keys().filter(|name| name.ends_with(".sh")) {
        must(Command::new("sh").arg("-n").arg(scripts.join(script)));
    }
}

#[test]
fn wrong_usage_is_said() {
    let (_folder, out) = build(&walkthrough());
    let output = run(Command::new("sh").arg(out.join("lb/install.sh")).arg("--frce"));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("usage:"));
    let output = run(Command::new("sh")
        .arg(out.join("lb/install.sh"))
        .args(["--status", "--rollback"]));
    assert_eq!(output.status.code(), Some(2));
    let output = run(Command::new("sh")
        .arg(out.join("lb/install.sh"))
        .env("DESTDIR", "relative"));
    assert_eq!(output.status.code(), Some(1));
}
