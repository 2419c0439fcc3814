//! `install.sh --status`, `--rollback` and `--uninstall`, by each shell, over something else, twice, and after kill -9 at each command.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::support::{build, files_below, mode, must, namespaces, program, project, run, said, walkthrough};

/// The shells that the script is for, with what they are called by.
fn shells() -> Vec<Vec<PathBuf>> {
    let test = "install.sh takes back";
    let dash = program("dash", test).map(|dash| vec![dash]);
    let busybox = program("busybox", test).map(|busybox| vec![busybox, "sh".into()]);
    dash.into_iter().chain(busybox).collect()
}

fn script(shell: &[PathBuf], bundle: &Path, root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&shell[0]);
    command
        .args(&shell[1..])
        .arg(bundle.join("install.sh"))
        .args(arguments)
        .env("DESTDIR", root);
    command
}

/// What is below a folder but for what install.sh keeps: mode, owner, and content or target.
fn snapshot(root: &Path) -> BTreeMap<String, (u32, u32, u32, Vec<u8>)> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .expect("below it")
                .to_str()
                .expect("UTF-8")
                .to_owned();
            if name.starts_with("var/backups") {
                continue;
            }
            let about = fs::symlink_metadata(&path).expect("what it is");
            let content = if about.is_dir() {
                folders.push(path);
                b"folder".to_vec()
            } else if about.is_symlink() {
                fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            seen.insert(name, (about.mode(), about.uid(), about.gid(), content));
        }
    }
    seen
}

/// A tree with something else in it: a file where one belongs, a masked unit, an enabled one of the same name, an open folder that must
/// be closed, nginx.conf without an end of its last line.
fn somebodys_tree() -> TempDir {
    let root = TempDir::new().expect("a folder");
    let put = |path: &str, text: &str, permissions: u32| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(permissions)).expect("a mode");
    };
    put("etc/nginx/nginx.conf", "events {}", 0o640);
    put("var/lib/kubernetes/ca.pem", "somebody's own\n", 0o664);
    put("var/lib/etcd/member/data", "data\n", 0o600);
    put(
        "etc/systemd/system/other.service",
        "[Service]\nExecStart=/bin/true\n",
        0o644,
    );
    symlink("/dev/null", root.path().join("etc/systemd/system/kubelet.service")).expect("a link");
    // A package's etcd is enabled already.
    put(
        "usr/lib/systemd/system/etcd.service",
        "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        0o644,
    );
    let wants = root.path().join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir(&wants).expect("a folder");
    symlink("/usr/lib/systemd/system/etcd.service", wants.join("etcd.service")).expect("a link");
    let etcd = root.path().join("var/lib/etcd");
    fs::set_permissions(etcd, fs::Permissions::from_mode(0o751)).expect("a mode");
    fs::create_dir_all(root.path().join("var/backups")).expect("a folder");
    root
}

#[test]
fn a_run_is_taken_back_to_the_byte_and_twice_is_safe() {
    let (_folder, out) = build(&walkthrough());
    for shell in shells() {
        for host in ["master1", "lb", "node1"] {
            let root = somebodys_tree();
            let script = |arguments: &[&str]| must(&mut script(&shell, &out.join(host), root.path(), arguments));
            let before = snapshot(root.path());
            for back in ["--rollback", "--uninstall"] {
                script(&[]);
                let installed = snapshot(root.path());
                assert_ne!(installed, before, "{host}");
                let told = script(&[back, "--dry-run"]);
                assert!(told.contains("would remove /"), "{told}");
                assert_eq!(snapshot(root.path()), installed, "{host} {back} --dry-run: {told}");
                let told = script(&[back]);
                assert_eq!(snapshot(root.path()), before, "{host} {back}: {told}");
                script(&[back]);
                assert_eq!(snapshot(root.path()), before, "{host} {back} twice");
            }
            let store = root.path().join("var/backups/khw-gen");
            assert!(!store.exists(), "{host}: {:?}", files_below(&store));
        }
    }
}

#[test]
fn the_newest_run_is_taken_back_and_no_further() {
    let (_folder, out) = build(&walkthrough());
    let (_other_folder, other) = build(&project().join("specs/three-masters/cluster.toml"));
    let shell = [PathBuf::from("sh")];
    let root = TempDir::new().expect("a folder");
    must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
    let first = snapshot(root.path());
    must(&mut script(&shell, &other.join("master1"), root.path(), &[]));
    assert_ne!(snapshot(root.path()), first);
    must(&mut script(
        &shell,
        &other.join("master1"),
        root.path(),
        &["--rollback"],
    ));
    assert_eq!(snapshot(root.path()), first);
    let told = must(&mut script(
        &shell,
        &other.join("master1"),
        root.path(),
        &["--rollback"],
    ));
    assert!(told.contains("run 2 was taken back already"), "{told}");
    assert_eq!(snapshot(root.path()), first);
}

#[test]
fn all_runs_are_taken_back_and_neither_data_nor_anybodys_work_is_lost() {
    let (_folder, out) = build(&walkthrough());
    let (_other_folder, other) = build(&project().join("specs/three-masters/cluster.toml"));
    for shell in shells() {
        let root = TempDir::new().expect("a folder");
        must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
        must(&mut script(&shell, &other.join("master1"), root.path(), &[]));
        fs::write(root.path().join("var/lib/etcd/data"), "data").expect("a file");
        let edited = "etc/kubernetes/config/kube-scheduler.yaml";
        fs::write(root.path().join(edited), "edited\n").expect("a file");
        let told = must(&mut script(
            &shell,
            &other.join("master1"),
            root.path(),
            &["--uninstall"],
        ));
        assert!(told.contains("/var/lib/etcd/"), "{told}");
        let left: Vec<String> = files_below(root.path()).into_keys().collect();
        let kept = format!("var/backups/khw-gen/kept-1/{edited}");
        assert_eq!(left, [kept.clone(), "var/lib/etcd/data".to_owned()], "{told}");
        assert_eq!(fs::read_to_string(root.path().join(kept)).expect("a file"), "edited\n");
        assert_eq!(mode(&root.path().join("var/backups/khw-gen")), 0o700);
    }
}

#[test]
fn no_key_stays_where_a_file_was_edited_between_two_runs() {
    let (_folder, out) = build(&walkthrough());
    let (_other_folder, other) = build(&project().join("specs/three-masters/cluster.toml"));
    let (first, second) = (out.join("master1"), other.join("master1"));
    for shell in shells() {
        let root = TempDir::new().expect("a folder");
        let script = |bundle: &Path, arguments: &[&str]| must(&mut script(&shell, bundle, root.path(), arguments));
        script(&first, &[]);
        script(&second, &[]);
        let key = root.path().join("var/backups/khw-gen/2/var/lib/kubernetes/ca-key.pem");
        assert!(key.exists(), "the second run keeps a copy of the first one's key");
        let unit = "etc/systemd/system/etcd.service";
        let edited = fs::read_to_string(root.path().join(unit)).expect("a unit") + "# edited\n";
        fs::write(root.path().join(unit), &edited).expect("a unit");
        script(&second, &[]);
        let told = script(&second, &["--uninstall"]);
        let left = files_below(root.path());
        let kept = format!("var/backups/khw-gen/kept-1/{unit}");
        assert_eq!(left, BTreeMap::from([(kept, edited.into_bytes())]), "{told}");
        let again = script(&second, &["--rollback"]);
        assert!(again.contains("there is no run to take back"), "{again}");
        assert_eq!(files_below(root.path()), left, "{again}");
    }
}

#[test]
fn an_edit_between_a_run_that_was_cut_off_and_the_next_is_kept() {
    let (_folder, out) = build(&walkthrough());
    let bundle = out.join("master1");
    let folder = TempDir::new().expect("a folder");
    let killer = folder.path().join("systemctl");
    // By then all files are in place, and the journal has no end.
    let text = "#!/bin/sh\ncase \"$*\" in *'--quiet enable'*) kill -9 $PPID ;; esac\n";
    fs::write(&killer, text).expect("a program");
    fs::set_permissions(&killer, fs::Permissions::from_mode(0o755)).expect("a mode");
    for shell in shells() {
        let root = somebodys_tree();
        let at = |path: &str| root.path().join(path);
        let before = snapshot(root.path());
        let own = super::support::path();
        let path = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&own));
        let path = std::env::join_paths(path).expect("a path");
        run(script(&shell, &bundle, root.path(), &[]).env("PATH", path));
        let status = said(&run(&mut script(&shell, &bundle, root.path(), &["--status"])));
        assert!(status.contains("it was cut off"), "{status}");

        let unit = "etc/systemd/system/etcd.service";
        let edited = fs::read_to_string(at(unit)).expect("a unit") + "# edited\n";
        fs::write(at(unit), &edited).expect("a unit");
        fs::remove_file(at("etc/etcd/ca.pem")).expect("a file");
        symlink("/elsewhere", at("etc/etcd/ca.pem")).expect("a link");
        // As it was before the run, which has a copy of it.
        fs::write(at("var/lib/kubernetes/ca.pem"), "somebody's own\n").expect("a file");
        fs::set_permissions(at("var/lib/kubernetes/ca.pem"), fs::Permissions::from_mode(0o664)).expect("a mode");
        let told = must(&mut script(&shell, &bundle, root.path(), &[]));
        assert!(told.contains(&format!("kept /{unit}, which was changed")), "{told}");
        let kept = at("var/backups/khw-gen/kept-1");
        let copies: Vec<String> = snapshot(&kept)
            .into_iter()
            .filter(|(_, (_, _, _, content))| content != b"folder")
            .map(|(name, (_, _, _, content))| format!("{name}: {}", String::from_utf8_lossy(&content)))
            .collect();
        assert_eq!(
            copies,
            ["etc/etcd/ca.pem: /elsewhere".to_owned(), format!("{unit}: {edited}")],
            "{told}"
        );

        let told = must(&mut script(&shell, &bundle, root.path(), &["--rollback"]));
        assert_eq!(snapshot(root.path()), before, "{told}");
    }
}

#[test]
fn what_was_installed_without_a_journal_goes_as_well() {
    let (_folder, out) = build(&walkthrough());
    let shell = [PathBuf::from("sh")];
    let root = TempDir::new().expect("a folder");
    must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
    fs::remove_dir_all(root.path().join("var/backups")).expect("the journals");
    fs::write(root.path().join("var/lib/kubernetes/ca.pem"), "another\n").expect("a file");
    let told = must(&mut script(&shell, &out.join("master1"), root.path(), &["--uninstall"]));
    assert!(told.contains("/var/lib/kubernetes/ca.pem stays"), "{told}");
    let left: Vec<String> = files_below(root.path()).into_keys().collect();
    assert_eq!(left, ["var/lib/kubernetes/ca.pem"], "{told}");
}

#[test]
fn the_status_says_what_is_right_and_changes_nothing() {
    let (_folder, out) = build(&walkthrough());
    for shell in shells() {
        let root = TempDir::new().expect("a folder");
        let status = || run(&mut script(&shell, &out.join("master1"), root.path(), &["--status"]));
        let nothing = status();
        assert_eq!(nothing.status.code(), Some(1));
        assert!(
            said(&nothing).contains("missing /etc/etcd/ca.pem"),
            "{}",
            said(&nothing)
        );
        assert!(snapshot(root.path()).is_empty());
        must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
        let installed = snapshot(root.path());
        let right = status();
        assert_eq!(right.status.code(), Some(0), "{}", said(&right));
        assert!(said(&right).contains("right /etc/etcd/ca.pem"), "{}", said(&right));
        assert_eq!(snapshot(root.path()), installed);

        let at = |path: &str| root.path().join(path);
        fs::set_permissions(at("etc/etcd/ca.pem"), fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::write(at("etc/etcd/kubernetes.pem"), "other").expect("a file");
        fs::remove_file(at("root/coredns.yaml")).expect("a file");
        fs::set_permissions(at("var/lib/etcd"), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::remove_file(at("etc/systemd/system/multi-user.target.wants/etcd.service")).expect("a link");
        let wrong = status();
        assert_eq!(wrong.status.code(), Some(1));
        for line in [
            "differs /etc/etcd/ca.pem: its mode is 600",
            "differs /etc/etcd/kubernetes.pem: its content",
            "missing /root/coredns.yaml",
            "differs /var/lib/etcd: others may look into it",
            "differs etcd: the unit is not enabled",
            "master1: 5 not right",
        ] {
            assert!(said(&wrong).contains(line), "{line}: {}", said(&wrong));
        }
    }
}

/// Programs that first kill who calls them, when it is their turn.
fn killers(folder: &Path) {
    for name in ["cp", "mv", "mkdir", "rm", "chmod", "rmdir"] {
        let real = program(name, "kill -9 of install.sh").expect("a program of every system");
        let text = format!(
            "#!/bin/sh\nread turn <{count}\necho $((turn + 1)) >{count}\nread stop <{stop}\n\
             [ \"$turn\" -ne \"$stop\" ] || {{ kill -9 $PPID; exit 1; }}\nexec {real} \"$@\"\n",
            count = folder.join("count").display(),
            stop = folder.join("stop").display(),
            real = real.display(),
        );
        fs::write(folder.join(name), text).expect("a program");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}

/// A shell whose commands can kill it, and the folder of these; none where there is none. Busybox's has its commands within it.
fn shell_to_be_killed() -> Option<([PathBuf; 1], TempDir)> {
    let dash = program("dash", "kill -9 of install.sh")?;
    let folder = TempDir::new().expect("a folder");
    killers(folder.path());
    Some(([dash], folder))
}

/// How many commands it had come to when it ended, or was killed before the command `stop`.
fn killed_at(killers: &Path, stop: usize, command: &mut Command) -> usize {
    fs::write(killers.join("count"), "0\n").expect("a file");
    fs::write(killers.join("stop"), format!("{stop}\n")).expect("a file");
    let own = super::support::path();
    let path = std::iter::once(killers.to_owned()).chain(std::env::split_paths(&own));
    run(command.env("PATH", std::env::join_paths(path).expect("a path")));
    let count = fs::read_to_string(killers.join("count")).expect("a file");
    count.trim().parse().expect("a number")
}

#[test]
fn a_run_that_was_killed_is_taken_back_wherever_it_was() {
    let (_folder, out) = build(&walkthrough());
    let Some((shell, folder)) = shell_to_be_killed() else {
        return;
    };
    // Of the load balancer's few commands each, of a control plane's some of each kind.
    for (host, step) in [("lb", 1), ("master1", 17)] {
        let bundle = out.join(host);
        let whole = somebodys_tree();
        let commands = killed_at(
            folder.path(),
            usize::MAX >> 1,
            &mut script(&shell, &bundle, whole.path(), &[]),
        );
        assert!(commands > 10, "{host}: the programs were not asked");
        for back in ["--rollback", "--uninstall"] {
            for stop in (0..commands).step_by(step) {
                let root = somebodys_tree();
                let before = snapshot(root.path());
                killed_at(folder.path(), stop, &mut script(&shell, &bundle, root.path(), &[]));
                if stop % 3 == 1 {
                    // The next run goes on with it, and both are one.
                    must(&mut script(&shell, &bundle, root.path(), &[]));
                    let told = said(&run(&mut script(&shell, &bundle, root.path(), &["--status"])));
                    assert!(!told.contains("cut off"), "{told}");
                }
                killed_at(
                    folder.path(),
                    stop / 2,
                    &mut script(&shell, &bundle, root.path(), &[back]),
                );
                let told = must(&mut script(&shell, &bundle, root.path(), &[back]));
                assert_eq!(snapshot(root.path()), before, "{host} {back} after {stop}: {told}");
                let store = root.path().join("var/backups/khw-gen");
                assert!(back == "--rollback" || !store.exists(), "{host} after {stop}: {told}");
            }
        }
    }
}

/// Kills a run and all that it started as soon as its journal has so many lines, if it does not end before.
fn killed_after_lines(lines: usize, root: &Path, command: &mut Command) {
    let journal = root.join("var/backups/khw-gen/1/JOURNAL");
    let mut running = command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let written = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    while running.try_wait().expect("a child").is_none() && written() < lines {
        sleep(Duration::from_millis(1));
    }
    let group = format!("-{}", running.id());
    run(Command::new("kill").args(["-9", "--", &group]));
    running.wait().expect("a child");
}

#[test]
fn a_run_of_any_shell_that_was_killed_is_taken_back() {
    let (_folder, out) = build(&walkthrough());
    let bundle = out.join("master1");
    for shell in shells() {
        for (count, lines) in [1, 2, 7, 15, 24, 31, 36].into_iter().enumerate() {
            let back = ["--rollback", "--uninstall"][count % 2];
            let root = somebodys_tree();
            let before = snapshot(root.path());
            killed_after_lines(lines, root.path(), &mut script(&shell, &bundle, root.path(), &[]));
            let told = must(&mut script(&shell, &bundle, root.path(), &[back]));
            assert_eq!(snapshot(root.path()), before, "{shell:?} {back} after {lines}: {told}");
        }
    }
}

#[test]
fn on_the_machine_itself_owners_and_units_are_put_back() {
    if !namespaces("install.sh as root of a machine of its own") {
        return;
    }
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    let machine = r#"
set -eu
echo master1 >/proc/sys/kernel/hostname
mount -t tmpfs none "$ROOT"
cd "$ROOT"
for folder in usr bin sbin lib lib64; do
    if [ -L /$folder ]; then cp -P /$folder .; elif [ -d /$folder ]; then mkdir $folder; mount --bind /$folder $folder; fi
done
mkdir -p dev etc/alternatives etc/etcd etc/systemd/system var/lib/etcd bundle proc
[ ! -d /etc/alternatives ] || mount --bind /etc/alternatives etc/alternatives
mount --bind /dev dev
mount -t proc none proc
mount --bind "$BUNDLE" bundle
chown 12:34 etc/etcd
echo old >etc/etcd/ca.pem
chown 56:78 etc/etcd/ca.pem
chmod 0464 etc/etcd/ca.pem
list() { find etc var root -path var/backups -prune -o -exec stat -c '%n %A %u:%g' {} + 2>/dev/null | sort; }
list >before
chroot . $SHELL_UNDER_TEST /bundle/install.sh
[ "$(stat -c '%a %u:%g' etc/etcd/ca.pem)" = "644 0:0" ]
[ -L etc/systemd/system/multi-user.target.wants/etcd.service ]
chroot . $SHELL_UNDER_TEST /bundle/install.sh --status
for back in --rollback --uninstall; do
    chroot . $SHELL_UNDER_TEST /bundle/install.sh $back
    list >after
    cmp before after
    [ "$(cat etc/etcd/ca.pem)" = old ]
    [ $back = --uninstall ] || chroot . $SHELL_UNDER_TEST /bundle/install.sh
done
[ ! -e var/backups/khw-gen ]
"#;
    for shell in shells() {
        let words: Vec<String> = shell.iter().map(|word| word.display().to_string()).collect();
        let told = must(
            Command::new("unshare")
                .args(["--mount", "--uts", "sh", "-c", machine])
                .env("ROOT", root.path())
                .env("BUNDLE", out.join("master1"))
                .env("SHELL_UNDER_TEST", words.join(" ")),
        );
        assert!(told.contains("nothing was stopped: if any of these runs"), "{told}");
    }
}

#[test]
fn a_journal_that_leads_elsewhere_is_refused() {
    let (_folder, out) = build(&walkthrough());
    let shell = [PathBuf::from("sh")];
    let outside = TempDir::new().expect("a folder");
    fs::write(outside.path().join("victim"), "untouched").expect("a file");
    let root = outside.path().join("image");
    let store = root.join("var/backups/khw-gen/1");
    fs::create_dir_all(&store).expect("a folder");
    for (lines, told) in [
        ("file 0 /../victim\n", "has a line with the path"),
        ("closed --reference=/ /etc\n", "has a line with the mode"),
        ("touch - /etc\n", "has a line that is not known"),
    ] {
        fs::write(
            store.join("JOURNAL"),
            format!("# khw-gen install.sh: journal of lb\n{lines}"),
        )
        .expect("a file");
        let output = run(&mut script(&shell, &out.join("lb"), &root, &["--rollback"]));
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(told), "{}", said(&output));
    }
    assert!(outside.path().join("victim").exists());
}

/// A run of another bundle that was killed between writing and moving leaves no key of that one behind.
#[test]
fn what_a_run_that_was_killed_had_written_is_not_left() {
    let (_folder, out) = build(&walkthrough());
    let Some((shell, folder)) = shell_to_be_killed() else {
        return;
    };
    // Another bundle for the same host: one key differs, and one file is of it alone.
    let other = TempDir::new().expect("a folder");
    let bundle = other.path().join("master1");
    must(Command::new("cp").arg("-r").arg(out.join("master1")).arg(&bundle));
    let root = somebodys_tree();
    must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
    let key = bundle.join("rootfs/etc/etcd/kubernetes-key.pem");
    let before = fs::read(&key).expect("a key");
    fs::write(&key, b"another key\n").expect("a key");
    let manifest = fs::read_to_string(bundle.join("MANIFEST")).expect("a manifest");
    let sum = |bytes: &[u8]| khw_gen::pki::digest::sha256_hex(bytes);
    let (old, new) = (sum(&before), sum(b"another key\n"));
    // The API server's file of the same content stays.
    let of = |of: &str| format!("{of} rootfs/etc/etcd/kubernetes-key.pem");
    assert!(manifest.contains(&of(&old)));
    fs::write(bundle.join("MANIFEST"), manifest.replace(&of(&old), &of(&new))).expect("a manifest");
    let beside = root.path().join("etc/etcd/kubernetes-key.pem.khw-gen-new");
    let stop = (0..40).find(|stop| {
        killed_at(folder.path(), *stop, &mut script(&shell, &bundle, root.path(), &[]));
        beside.exists()
    });
    assert!(stop.is_some(), "it was never killed between writing and moving");
    must(&mut script(&shell, &out.join("master1"), root.path(), &[]));
    assert!(!beside.exists());
    let told = must(&mut script(&shell, &out.join("master1"), root.path(), &["--status"]));
    assert!(told.contains("all is right"), "{told}");
}
