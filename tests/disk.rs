//! Replacing an output: exact modes, old or new but never a part of either, nothing of anybody else's touched.
//!
//! What can kill or confuse a process (signals, limits, umask, another user) is tried on a child: this very program,
//! started again with only the test `child`.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use khw_gen::bundle::{Bundle, Content};
use khw_gen::disk::{DiskError, Output, Specification, Start, Summary, read_seed, read_tree, write_new_files};
use khw_gen::found::{FoundNode, FoundNodes};
use khw_gen::input::Files;
use khw_gen::manifest::{About, ManifestOf, ManifestRow, add_manifest, parse_manifest};
use khw_gen::pki::digest::sha256;
use khw_gen::pki::secret::SecretBytes;
use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::{Resource, Rlimit, geteuid, setrlimit, umask};
use support::{can_trace, copy_program, program, skip};
use tempfile::TempDir;

const NOBODY: u32 = 65534;

/// The output that the children write: a few hosts whose every file says which version it is of.
fn bundle(version: &str) -> Bundle {
    let mut bundle = Bundle::new();
    for index in 0..5 {
        let secret = SecretBytes::from(format!("secret {index} of {version}\n").repeat(200).into_bytes());
        bundle
            .insert_file(
                &format!("rootfs/etc/keys/{index}-key.pem"),
                0o600,
                Content::secret(Arc::new(secret)),
            )
            .unwrap();
        let public = format!("public {index} of {version}\n").into_bytes();
        bundle
            .insert_file(
                &format!("rootfs/etc/certs/{index}.pem"),
                0o644,
                Content::public(public.into()),
            )
            .unwrap();
    }
    bundle
        .insert_file("install.sh", 0o755, Content::public(version.as_bytes().into()))
        .unwrap();
    bundle.insert_directory("rootfs/var/lib/etcd", 0o700).unwrap();
    bundle.insert_directory("rootfs/read-only", 0o500).unwrap();
    bundle
        .insert_file("rootfs/read-only/file", 0o400, Content::public(b"kept"[..].into()))
        .unwrap();
    add_manifest(&mut bundle, &About::named("node1")).unwrap();
    bundle
}

fn begin(out: &Path) -> Result<Output, DiskError> {
    Output::begin(Start::Anew, out, &|| ())
}

fn add(output: &mut Output, host: &str, bundle: &Bundle, archive: Option<(&str, &[u8])>) -> Result<(), DiskError> {
    let archive = archive.map(|(name, bytes)| (name, Content::public(bytes.into())));
    let written = output.write(host, bundle, archive.as_ref().map(|(name, content)| (*name, content)))?;
    output.record(vec![written])
}

fn write(out: &Path, version: &str) -> Result<Summary, DiskError> {
    let mut output = begin(out)?;
    for host in ["node1", "node2", "node3"] {
        add(
            &mut output,
            host,
            &bundle(version),
            Some((&format!("{host}.tar.gz"), version.as_bytes())),
        )?;
    }
    output.commit()
}

/// The versions in an output; it must be complete and agree with its MANIFEST, in modes too.
fn versions(out: &Path) -> BTreeSet<String> {
    let tree = read_tree(out).unwrap_or_else(|error| panic!("{error}"));
    check_against_manifest(&tree);
    let hosts = ["node1", "node2", "node3"];
    hosts
        .iter()
        .map(|host| text(&tree, &format!("{host}/install.sh")))
        .collect()
}

fn check_against_manifest(tree: &FoundNodes) {
    let rows = parse_manifest(ManifestOf::Output, &text(tree, "MANIFEST")).unwrap();
    let found: BTreeMap<String, ManifestRow> = tree
        .iter()
        .filter(|(path, _)| !["MANIFEST", "SHA256SUMS"].contains(&path.as_str()))
        .map(|(path, entry)| match entry {
            FoundNode::Directory { mode: Some(mode) } => (
                path.clone(),
                ManifestRow {
                    mode: *mode,
                    sha256: None,
                },
            ),
            FoundNode::File {
                mode: Some(mode),
                content,
                ..
            } => (
                path.clone(),
                ManifestRow {
                    mode: *mode,
                    sha256: Some(sha256(content.expose())),
                },
            ),
            other => panic!("{path} is {other:?}"),
        })
        .collect();
    assert_eq!(found, rows);
}

fn text(tree: &FoundNodes, path: &str) -> String {
    match tree.get(path) {
        Some(FoundNode::File { content, .. }) => String::from_utf8(content.expose().to_vec()).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

fn only(version: &str) -> BTreeSet<String> {
    BTreeSet::from([version.to_owned()])
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    (folder, out)
}

// --- the child ---------------------------------------------------------------------------------------------------------

/// Does nothing but in a child, where `KHW_CHILD` is the output and `KHW_VERSIONS` what to write there, one after another.
#[test]
fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(out) = variable("KHW_CHILD") else { return };
    if let Some(mask) = variable("KHW_UMASK") {
        umask(Mode::from_raw_mode(u32::from_str_radix(&mask, 8).unwrap()));
    }
    if let Some(limit) = variable("KHW_FSIZE") {
        let limit = limit.parse().ok();
        setrlimit(
            Resource::Fsize,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )
        .unwrap();
    }
    let rounds = variable("KHW_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        for version in variable("KHW_VERSIONS").unwrap().split(',') {
            if let Err(error) = write(Path::new(&out), version) {
                eprintln!("{error}");
                std::process::exit(3);
            }
        }
    }
}

/// The arguments after which this program is the child.
const AS_CHILD: [&str; 4] = ["--exact", "child", "--nocapture", "--test-threads=1"];

fn child_of(program: impl AsRef<Path>, out: &Path, versions: &str) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .args(AS_CHILD)
        .env("KHW_CHILD", out)
        .env("KHW_VERSIONS", versions)
        .env("RUST_BACKTRACE", "0");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn errors_of(mut command: Command) -> (ExitStatus, String) {
    let output = command.output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

// --- what is written ---------------------------------------------------------------------------------------------------

#[test]
fn modes_are_exact_whatever_the_umask_and_whoever_writes() {
    for mask in ["000", "022", "077", "0777"] {
        for as_nobody in [false, true] {
            if as_nobody && !geteuid().is_root() {
                continue;
            }
            let (folder, out) = folder();
            let program = folder.path().join("program");
            copy_program(&this_program(), &program);
            let mut command = child_of(&program, &out, "one,two");
            if as_nobody {
                chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
                command.uid(NOBODY).gid(NOBODY);
            }
            let (status, errors) = errors_of({
                command.env("KHW_UMASK", mask);
                command
            });
            assert!(status.success(), "umask {mask}: {errors}");
            assert_eq!(versions(&out), only("two"), "umask {mask}");
            assert_eq!(names_in(folder.path()), ["out", "program"]);
            for (path, mode) in [
                ("", 0o700),
                ("MANIFEST", 0o644),
                ("SHA256SUMS", 0o644),
                ("node1", 0o755),
                ("node1.tar.gz", 0o600),
                ("node1/install.sh", 0o755),
                ("node1/rootfs/etc/keys", 0o755),
                ("node1/rootfs/etc/keys/0-key.pem", 0o600),
                ("node1/rootfs/etc/certs/0.pem", 0o644),
                ("node1/rootfs/var/lib/etcd", 0o700),
                ("node1/rootfs/read-only", 0o500),
            ] {
                assert_eq!(mode_of(&out.join(path)), mode, "{path} with umask {mask}");
            }
        }
    }
    if !geteuid().is_root() {
        skip("modes when another user writes", "not root");
    }
}

/// What is made in a folder of mode 2775 is born with its group, and a folder with that bit too.
#[test]
fn modes_are_exact_whatever_is_inherited() {
    let (folder, out) = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2775)).unwrap();
    write(&out, "one").unwrap();
    write(&out, "two").unwrap();
    for (path, mode) in [
        ("", 0o700),
        ("node1", 0o755),
        ("node1/install.sh", 0o755),
        ("node1/rootfs/etc/keys", 0o755),
        ("node1/rootfs/etc/keys/0-key.pem", 0o600),
        ("node1/rootfs/var/lib/etcd", 0o700),
        ("node1/rootfs/read-only", 0o500),
    ] {
        assert_eq!(mode_of(&out.join(path)), mode, "{path}");
    }
}

#[test]
fn the_order_of_hosts_leaves_no_trace() {
    let (one, other) = (folder(), folder());
    for (out, hosts) in [(&one.1, ["a", "b", "a-b"]), (&other.1, ["a-b", "b", "a"])] {
        let mut output = begin(out).unwrap();
        for host in hosts {
            add(&mut output, host, &bundle(host), Some((&format!("{host}.zip"), b"zip"))).unwrap();
        }
        output.commit().unwrap();
    }
    assert_eq!(read_tree(&one.1).unwrap(), read_tree(&other.1).unwrap());
}

#[test]
fn sha256sum_finds_every_file_and_every_digest() {
    let (_folder, out) = folder();
    let summary = write(&out, "one").unwrap();
    let tree = read_tree(&out).unwrap();
    let files: Vec<&String> = tree
        .iter()
        .filter(|(_, entry)| matches!(entry, FoundNode::File { .. }))
        .map(|(path, _)| path)
        .collect();
    let sums = text(&tree, "SHA256SUMS");
    let listed: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(
        listed,
        files
            .iter()
            .copied()
            .filter(|path| *path != "SHA256SUMS")
            .collect::<Vec<_>>()
    );
    assert!(listed.contains(&"MANIFEST") && listed.contains(&"node1/MANIFEST"));
    assert_eq!(
        (summary.hosts, summary.files, summary.replaced),
        (3, files.len(), false)
    );
    let sizes = tree.values().map(|entry| {
        if let FoundNode::File { content, .. } = entry {
            content.len()
        } else {
            0
        }
    });
    assert_eq!(summary.bytes, sizes.sum::<usize>() as u64);
    if program("sha256sum", "SHA256SUMS as sha256sum reads it").is_some() {
        let mut check = Command::new("sha256sum");
        let output = check
            .args(["--strict", "--quiet", "-c", "SHA256SUMS"])
            .current_dir(&out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn names_that_could_leave_the_output_or_hide_another_are_refused() {
    let (_folder, out) = folder();
    let mut output = begin(&out).unwrap();
    for name in ["", ".", "..", "a/b", "/etc", "../x", "a\nb", "MANIFEST", "SHA256SUMS"] {
        assert!(
            matches!(
                add(&mut output, name, &Bundle::new(), None),
                Err(DiskError::BadName { .. })
            ),
            "{name:?}"
        );
    }
    add(&mut output, "node1", &Bundle::new(), None).unwrap();
    assert!(matches!(
        add(&mut output, "node1", &Bundle::new(), None),
        Err(DiskError::Duplicate { .. })
    ));
    let archive_named_like_a_host = add(&mut output, "node2", &Bundle::new(), Some(("node1", b"")));
    assert!(matches!(archive_named_like_a_host, Err(DiskError::Duplicate { .. })));
}

// --- where it is written -----------------------------------------------------------------------------------------------

#[test]
fn every_way_to_name_a_folder_means_that_folder() {
    let (folder, out) = folder();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    symlink("elsewhere/real", folder.path().join("link")).unwrap();
    for (version, name) in ["out", "out/", "out/.", "elsewhere/../out", "./out//"]
        .into_iter()
        .enumerate()
    {
        let summary = write(&folder.path().join(name), &version.to_string()).unwrap();
        assert_eq!(summary.path, fs::canonicalize(&out).unwrap(), "{name}");
        assert_eq!(versions(&out), only(&version.to_string()), "{name}");
    }
    fs::create_dir(folder.path().join("elsewhere/real")).unwrap();
    write(&folder.path().join("link"), "linked").unwrap();
    assert!(
        fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink(),
        "the link stays"
    );
    assert_eq!(versions(&folder.path().join("elsewhere/real")), only("linked"));
    assert_eq!(names_in(&folder.path().join("elsewhere")), ["real"]);
}

#[test]
fn what_cannot_be_an_output_is_refused_at_once() {
    let (folder, out) = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "mine").unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let refused = |path: &Path| begin(path).unwrap_err();
    assert!(matches!(refused(Path::new("/")), DiskError::NoName { .. }));
    assert!(matches!(refused(Path::new("")), DiskError::NoName { .. }));
    assert!(matches!(refused(&at("file")), DiskError::NotAFolder { .. }));
    assert!(matches!(refused(&at("dangling")), DiskError::Os { .. }));
    assert!(matches!(
        refused(&at("dangling/")),
        DiskError::NotAFolder { .. } | DiskError::Os { .. }
    ));
    assert!(matches!(refused(&at("loop")), DiskError::Os { .. }));
    assert!(matches!(refused(&at("missing/out")), DiskError::Os { .. }));
    assert!(matches!(
        refused(&at("missing/..")),
        DiskError::NoName { .. } | DiskError::Os { .. }
    ));
    assert!(matches!(refused(&at("file/out")), DiskError::Os { .. }));
    assert!(matches!(refused(&out.join("x".repeat(300))), DiskError::Os { .. }));
    assert!(matches!(
        refused(Path::new(".")),
        DiskError::OutputIsWorkingFolder { .. }
    ));
    assert_eq!(
        names_in(folder.path()),
        ["dangling", "file", "loop"],
        "nothing was made"
    );
}

#[test]
fn what_khw_gen_did_not_make_is_never_replaced() {
    let (folder, out) = folder();
    fs::create_dir(&out).unwrap();
    write(&out, "one").unwrap_or_else(|error| panic!("an empty folder is fine: {error}"));

    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(write(&other, "two"), Err(DiskError::NotOurs { .. })));
    fs::write(other.join("MANIFEST"), "some other program's\n").unwrap();
    assert!(matches!(write(&other, "two"), Err(DiskError::NotOurs { .. })));
    fs::write(
        other.join("MANIFEST"),
        "# khw-gen output 1: mode sha256 path\n# end: 0 entries\n",
    )
    .unwrap();
    assert!(matches!(write(&other, "two"), Err(DiskError::Foreign { count: 1, .. })));
    fs::remove_file(other.join("MANIFEST")).unwrap();
    symlink(out.join("MANIFEST"), other.join("MANIFEST")).unwrap();
    assert!(
        matches!(write(&other, "two"), Err(DiskError::NotOurs { .. })),
        "a link to a manifest is none"
    );
    assert_eq!(fs::read(other.join("thesis.tex")).unwrap(), b"years of work");
}

#[test]
fn whatever_was_added_to_an_output_stops_it_from_being_replaced() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 8] = [
        ("mine", |out| fs::write(out.join("mine"), "x").unwrap()),
        ("node1/mine", |out| fs::write(out.join("node1/mine"), "x").unwrap()),
        ("node1/rootfs/etc/keys/.mine", |out| {
            fs::write(out.join("node1/rootfs/etc/keys/.mine"), "x").unwrap()
        }),
        ("mine", |out| fs::create_dir_all(out.join("mine/below")).unwrap()),
        ("mine", |out| symlink("/", out.join("mine")).unwrap()),
        ("node1/SHA256SUMS", |out| {
            fs::write(out.join("node1/SHA256SUMS"), "x").unwrap()
        }),
        ("node1", |out| {
            fs::rename(out.join("node1"), out.parent().unwrap().join("moved")).unwrap();
            symlink("../moved", out.join("node1")).unwrap();
        }),
        ("node1/install.sh", |out| {
            fs::remove_file(out.join("node1/install.sh")).unwrap();
            fs::create_dir(out.join("node1/install.sh")).unwrap();
        }),
    ];
    for (path, change) in changes {
        let (_folder, out) = folder();
        write(&out, "one").unwrap();
        change(&out);
        let before = read_tree(&out).unwrap();
        match write(&out, "two") {
            Err(DiskError::Foreign { count: 1, first, .. }) => assert_eq!(first, [Path::new(path)]),
            other => panic!("{path}: {other:?}"),
        }
        assert_eq!(read_tree(&out).unwrap(), before);
    }
}

#[test]
fn many_foreign_files_are_counted_and_the_first_few_named() {
    let (_folder, out) = folder();
    write(&out, "one").unwrap();
    for index in 0..9 {
        fs::write(out.join(format!("node1/\u{1b}mine{index}")), "x").unwrap();
    }
    let message = write(&out, "two").unwrap_err().to_string();
    assert!(
        message.contains("node1/\\u{1b}mine0") && message.ends_with(" and 4 more"),
        "{message:?}"
    );
    assert!(!message.contains('\u{1b}'), "a file's name must not steer the terminal");
}

#[test]
fn a_file_that_was_taken_away_is_no_obstacle() {
    let (_folder, out) = folder();
    write(&out, "one").unwrap();
    fs::remove_file(out.join("node2.tar.gz")).unwrap();
    fs::remove_dir_all(out.join("node1")).unwrap();
    assert!(write(&out, "two").unwrap().replaced);
    assert_eq!(versions(&out), only("two"));
}

// --- staging folders ---------------------------------------------------------------------------------------------------

#[test]
fn an_output_that_is_dropped_leaves_everything_as_it_was() {
    let (folder, out) = folder();
    write(&out, "one").unwrap();
    let mut output = begin(&out).unwrap();
    add(&mut output, "node1", &bundle("two"), None).unwrap();
    assert_eq!(names_in(folder.path()).len(), 2);
    drop(output);
    assert_eq!(names_in(folder.path()), ["out"]);
    assert_eq!(versions(&out), only("one"));
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let (folder, out) = folder();
    let mut one = begin(&out).unwrap();
    let mut two = begin(&out).unwrap();
    add(&mut one, "node1", &bundle("one"), None).unwrap();
    add(&mut two, "node1", &bundle("two"), None).unwrap();
    assert!(!one.commit().unwrap().replaced);
    assert!(two.commit().unwrap().replaced);
    let tree = read_tree(&out).unwrap();
    check_against_manifest(&tree);
    assert_eq!(text(&tree, "node1/install.sh"), "two");
    assert_eq!(names_in(folder.path()), ["out"]);
}

#[test]
fn what_a_crash_left_is_removed_and_what_is_in_use_is_not() {
    let (folder, out) = folder();
    let stale = folder.path().join(".out.khw-gen.1");
    fs::create_dir_all(stale.join("node1/sealed")).unwrap();
    fs::set_permissions(stale.join("node1/sealed"), fs::Permissions::from_mode(0o000)).unwrap();
    let used = folder.path().join(".out.khw-gen.2");
    fs::create_dir(&used).unwrap();
    let lock = File::open(&used).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let similar = folder.path().join(".out.khw-gen.backup");
    fs::create_dir(&similar).unwrap();
    write(&out, "one").unwrap();
    assert_eq!(
        names_in(folder.path()),
        [".out.khw-gen.2", ".out.khw-gen.backup", "out"]
    );
    drop(lock);
    write(&out, "two").unwrap();
    assert_eq!(names_in(folder.path()), [".out.khw-gen.backup", "out"]);
}

/// Somebody who may write beside the output knows the name of the next staging folder.
#[test]
fn a_trap_under_the_staging_name_is_neither_followed_nor_removed() {
    let (folder, out) = folder();
    let victim = folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "precious").unwrap();
    let pid = std::process::id();
    let link = format!(".out.khw-gen.{pid}");
    symlink(&victim, folder.path().join(&link)).unwrap();
    let file = format!(".out.khw-gen.{pid}-1");
    fs::write(folder.path().join(&file), "in the way").unwrap();
    let mut left = vec![link, file, "out".to_owned(), "victim".to_owned()];
    if geteuid().is_root() {
        let others = format!(".out.khw-gen.{pid}-2");
        fs::create_dir(folder.path().join(&others)).unwrap();
        chown(folder.path().join(&others), Some(NOBODY), None).unwrap();
        left.insert(2, others);
    } else {
        skip("a staging folder of another user", "not root");
    }
    write(&out, "one").unwrap();
    write(&out, "two").unwrap();
    assert_eq!(versions(&out), only("two"));
    assert_eq!(names_in(folder.path()), left);
    assert_eq!(names_in(&victim), ["file"]);
}

/// Links inside what a crash left lead out of it; removing must not go there.
#[test]
fn removing_follows_no_link() {
    let (folder, out) = folder();
    let victim = folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "precious").unwrap();
    let stale = folder.path().join(".out.khw-gen.1");
    fs::create_dir(&stale).unwrap();
    symlink(&victim, stale.join("link")).unwrap();
    write(&out, "one").unwrap();
    assert_eq!(names_in(folder.path()), ["out", "victim"]);
    assert_eq!(fs::read(victim.join("file")).unwrap(), b"precious");
}

// --- everything that can go wrong --------------------------------------------------------------------------------------

/// A reader that looks all the time finds the one or the other, complete, while a writer is killed over and over.
#[test]
fn a_reader_finds_old_or_new_however_often_the_writer_is_killed() {
    let (folder, out) = folder();
    write(&out, "zero").unwrap();
    let done = AtomicBool::new(false);
    let reads = AtomicU32::new(0);
    let saw_both = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                if let Some(versions) = read_unless_replaced(&out) {
                    assert_eq!(versions.len(), 1, "a mixture: {versions:?}");
                    seen.extend(versions);
                    saw_both.store(seen.contains("one") && seen.contains("two"), Ordering::Relaxed);
                }
                reads.fetch_add(1, Ordering::Relaxed);
            }
            seen
        });
        // On a machine on which the writer is slow to start, later moments come round until it has got anywhere.
        for round in (0..600_u32).take_while(|round| *round < 60 || !saw_both.load(Ordering::Relaxed)) {
            let mut child = child_of(this_program(), &out, "one,two")
                .env("KHW_ROUNDS", "1000")
                .spawn()
                .unwrap();
            // Killed after so many reads: a different moment each time, and no clock.
            let until = reads.load(Ordering::Relaxed) + 3 + round % 23 * (1 + round / 23);
            while reads.load(Ordering::Relaxed) < until && !reader.is_finished() {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            assert_eq!(
                child.wait().unwrap().signal(),
                Some(9),
                "the writer ended before it was killed"
            );
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(
        seen.contains("one") && seen.contains("two"),
        "the reader saw only {seen:?}"
    );
    write(&out, "three").unwrap();
    assert_eq!(versions(&out), only("three"));
    assert_eq!(names_in(folder.path()), ["out"], "nothing is left of the killed");
}

/// The versions in the output, or none when it was replaced while being read. The open folder keeps its inode from being
/// given to another, so an unchanged inode is an unchanged folder.
fn read_unless_replaced(out: &Path) -> Option<BTreeSet<String>> {
    let held = File::open(out).expect("there is always an output");
    let tree = read_tree(Path::new(&format!("/proc/self/fd/{}", held.as_raw_fd())));
    let now = fs::metadata(out).expect("there is always an output");
    let then = held.metadata().unwrap();
    if (now.dev(), now.ino()) != (then.dev(), then.ino()) {
        return None;
    }
    let tree = tree.unwrap();
    check_against_manifest(&tree);
    Some(
        ["node1", "node2", "node3"]
            .iter()
            .map(|host| text(&tree, &format!("{host}/install.sh")))
            .collect(),
    )
}

/// The child under strace, which does `fault` to the calls of `call` that `when` says.
fn with_fault(out: &Path, call: &str, fault: &str, when: &str) -> Command {
    let mut command = Command::new("strace");
    let filter = format!("inject={call}:{fault}:when={when}");
    command.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={call}"),
        "-e",
        &filter,
    ]);
    command.arg(this_program()).args(AS_CHILD);
    command
        .env("KHW_CHILD", out)
        .env("KHW_VERSIONS", "two")
        .env("RUST_BACKTRACE", "0");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Each system call that writes fails or is the last, one after another.
#[test]
fn every_system_call_may_fail_or_be_the_last() {
    if !can_trace("failing each system call in turn") {
        return;
    }
    for fault in ["error=EIO", "error=ENOSPC", "signal=KILL"] {
        for call in [
            "mkdirat",
            "fchmod",
            "write",
            "fsync",
            "syncfs",
            "renameat2",
            "unlinkat",
            "flock",
        ] {
            let mut stopped = 0;
            for when in faults_to_try(call) {
                let (folder, out) = folder();
                write(&out, "one").unwrap();
                let (status, errors) = errors_of(with_fault(&out, call, fault, &when.to_string()));
                let versions = versions(&out);
                let place = format!("{fault} at {call} number {when}: {status} {errors}");
                match status.code() {
                    Some(0) => assert_eq!(versions, only("two"), "{place}"),
                    Some(3) => {
                        assert_eq!(versions, only("one"), "{place}");
                        assert!(errors.contains("error 5") || errors.contains("error 28"), "{place}");
                        stopped += 1;
                    }
                    // Killed, or the test harness around the child could not write.
                    _ => {
                        assert!(versions == only("one") || versions == only("two"), "{place}");
                        stopped += u32::from(status.signal() == Some(9));
                    }
                }
                write(&out, "three").unwrap();
                assert_eq!(names_in(folder.path()), ["out"], "{place}");
            }
            // An old output that can't be removed does not undo the new one.
            assert!(
                stopped > 0 || call == "unlinkat",
                "{fault} at {call} never stopped the child"
            );
        }
    }
}

/// The first calls and a few later ones: there are hundreds that are all alike.
fn faults_to_try(call: &str) -> Vec<u32> {
    match call {
        "renameat2" | "syncfs" | "fsync" | "flock" => vec![1, 2],
        _ => vec![1, 2, 5, 13, 34],
    }
}

#[test]
fn filesystems_that_cannot_exchange_or_sync_as_a_whole_are_fine() {
    if !can_trace("filesystems without renameat2 or syncfs") {
        return;
    }
    for (call, fault) in [
        ("renameat2", "ENOSYS"),
        ("renameat2", "EINVAL"),
        ("syncfs", "ENOSYS"),
        ("flock", "ENOLCK"),
    ] {
        let (folder, out) = folder();
        // First there is nothing to replace, then there is.
        for _ in 0..2 {
            let (status, errors) = errors_of(with_fault(&out, call, &format!("error={fault}"), "1+"));
            assert!(status.success(), "{call} {fault}: {errors}");
            assert_eq!(versions(&out), only("two"), "{call} {fault}");
        }
        assert_eq!(names_in(folder.path()), ["out"]);
    }
}

/// A tmpfs of the given size, unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(kilobytes: u32) -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("not root".to_owned());
        }
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        match mounted.status.success() {
            true => Ok(SmallDisk(folder)),
            false => Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned()),
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_leaves_the_old_output_and_nothing_else() {
    let mut outcomes = BTreeSet::new();
    // From too small for one output to large enough for two.
    for kilobytes in (60..=600).step_by(36) {
        let disk = match SmallDisk::mount(kilobytes) {
            Ok(disk) => disk,
            Err(why) => return skip("a full disk", &why),
        };
        let out = disk.0.path().join("out");
        if write(&out, "one").is_err() {
            assert_eq!(names_in(disk.0.path()), [""; 0], "{kilobytes} KiB");
            outcomes.insert("too small for one");
            continue;
        }
        match write(&out, "two") {
            Ok(_) => {
                assert_eq!(versions(&out), only("two"));
                outcomes.insert("large enough");
            }
            Err(error) => {
                assert!(error.to_string().contains("No space left on device"), "{error}");
                assert_eq!(versions(&out), only("one"), "{kilobytes} KiB");
                outcomes.insert("too small for two");
            }
        }
        assert_eq!(names_in(disk.0.path()), ["out"], "{kilobytes} KiB");
    }
    assert_eq!(outcomes.len(), 3, "only {outcomes:?}");
}

#[test]
fn a_mount_point_cannot_be_exchanged_and_says_so() {
    let disk = match SmallDisk::mount(400) {
        Ok(disk) => disk,
        Err(why) => return skip("an output that is a mount point", &why),
    };
    assert!(matches!(write(disk.0.path(), "one"), Err(DiskError::Os { .. })));
    assert_eq!(names_in(disk.0.path()), [""; 0]);
}

/// The limit's signal ends the process; where it is ignored, writing fails. Either way the old output stays.
#[test]
fn a_limit_on_the_size_of_files_leaves_the_old_output() {
    let (folder, out) = folder();
    write(&out, "one").unwrap();
    let (status, _) = errors_of({
        let mut command = child_of(this_program(), &out, "two");
        command.env("KHW_FSIZE", "1000");
        command
    });
    assert!(!status.success());
    assert_eq!(versions(&out), only("one"));

    let mut ignoring = Command::new("sh");
    ignoring
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(this_program())
        .args(AS_CHILD);
    ignoring
        .env("KHW_CHILD", &out)
        .env("KHW_VERSIONS", "two")
        .env("KHW_FSIZE", "1000");
    let (status, errors) = errors_of(ignoring);
    assert_eq!(status.code(), Some(3), "{errors}");
    assert!(errors.contains("File too large"), "{errors}");
    assert_eq!(versions(&out), only("one"));
    assert_eq!(
        names_in(folder.path()),
        ["out"],
        "the run that failed removed what the killed one left, and its own"
    );
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    if !geteuid().is_root() {
        return skip("a folder of another user", "not root");
    }
    let (folder, out) = folder();
    let program = folder.path().join("program");
    copy_program(&this_program(), &program);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (status, errors) = errors_of({
        let mut command = child_of(&program, &out, "one");
        command.uid(NOBODY).gid(NOBODY);
        command
    });
    assert_eq!(status.code(), Some(3), "{errors}");
    assert!(errors.contains("Permission denied"), "{errors}");
}

/// With the most open umask: whatever holds a secret, or will, is closed to others at any moment that one looks.
#[test]
fn secrets_are_never_open_to_others() {
    let (folder, out) = folder();
    let mut child = child_of(this_program(), &out, "one,two")
        .env("KHW_ROUNDS", "40")
        .env("KHW_UMASK", "000")
        .spawn()
        .unwrap();
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        for entry in fs::read_dir(folder.path()).unwrap() {
            let top = entry.unwrap().path();
            // What vanishes while one looks is not open to others either.
            let Ok(metadata) = fs::symlink_metadata(&top) else {
                continue;
            };
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", top.display());
            for host in ["node1", "node2", "node3"] {
                for index in 0..5 {
                    let key = top.join(format!("{host}/rootfs/etc/keys/{index}-key.pem"));
                    if let Ok(metadata) = fs::symlink_metadata(&key) {
                        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", key.display());
                        looks += 1;
                    }
                }
            }
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(looks > 0, "nothing was seen");
}

// --- seeds, sources, new files -----------------------------------------------------------------------------------------

#[test]
fn a_seed_that_others_can_read_is_refused_unless_it_is_public() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.seed");
    fs::write(&path, "secret words").unwrap();
    for (mode, exposed) in [
        (0o600, false),
        (0o400, false),
        (0o700, false),
        (0o640, true),
        (0o604, true),
        (0o620, true),
        (0o644, true),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let seed = read_seed(&path).unwrap();
        assert_eq!(seed.bytes.expose(), b"secret words");
        assert_eq!(seed.exposed_mode, exposed.then_some(mode));
        seed.check_exposure(true).unwrap();
        match seed.check_exposure(false) {
            Ok(()) => assert!(!exposed, "{mode:o}"),
            Err(error) => {
                assert!(exposed, "{mode:o}");
                assert!(error.to_string().contains(&format!("{mode:04o}")) && !format!("{error:?}").contains("words"));
            }
        }
        assert!(!format!("{seed:?}").contains("words"));
    }
    // The permissions that count are those of the file, not of a link to it.
    symlink(&path, folder.path().join("link")).unwrap();
    assert_eq!(
        read_seed(&folder.path().join("link")).unwrap().exposed_mode,
        Some(0o644)
    );
}

#[test]
fn seeds_that_cannot_be_read_name_the_path_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.seed");
    let missing = read_seed(&path).unwrap_err().to_string();
    assert!(
        missing.contains("cluster.seed") && missing.contains("No such file"),
        "{missing}"
    );
    assert!(matches!(read_seed(folder.path()), Err(DiskError::Os { .. })));
    fs::write(&path, "x".repeat(64 << 10)).unwrap();
    assert_eq!(read_seed(&path).unwrap().bytes.len(), 64 << 10);
    fs::write(&path, "x".repeat((64 << 10) + 1)).unwrap();
    assert!(matches!(
        read_seed(&path),
        Err(DiskError::TooLarge { limit: 65536, .. })
    ));
    assert!(
        matches!(read_seed(Path::new("/dev/zero")), Err(DiskError::TooLarge { .. })),
        "without end"
    );
}

/// Only in a child: prints how long the seed on standard input is, and whether it is exposed.
#[test]
fn child_that_reads_a_seed() {
    if std::env::var("KHW_SEED_CHILD").is_ok() {
        let seed = read_seed(Path::new("-")).unwrap();
        eprintln!("{} {:?}", seed.bytes.len(), seed.exposed_mode);
    }
}

#[test]
fn a_seed_may_come_on_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.seed");
    fs::write(&path, "seven by").unwrap();
    let child = |stdin: Stdio| {
        let mut command = Command::new(this_program());
        command
            .args(["--exact", "child_that_reads_a_seed", "--nocapture"])
            .env("KHW_SEED_CHILD", "1");
        command
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut piped = child(Stdio::piped());
    piped.stdin.take().unwrap().write_all(b"from a pipe").unwrap();
    assert_eq!(piped.wait_with_output().unwrap().stderr, b"11 None\n");
    for (mode, exposed) in [(0o600, "None"), (0o644, "Some(420)")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let redirected = child(File::open(&path).unwrap().into()).wait_with_output().unwrap();
        assert_eq!(String::from_utf8(redirected.stderr).unwrap(), format!("8 {exposed}\n"));
    }
}

#[test]
fn a_specification_is_cluster_toml_and_the_json_files_of_its_csr_folder() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = folder.path().join("cluster.toml");
    fs::write(&cluster, "[pki]\ncsr = \"requests\"\n").unwrap();
    let spec = Specification::open(&cluster).unwrap();
    assert_eq!(spec.list("requests"), Ok(Vec::new()), "no folder is no file");
    assert_eq!(spec.main().name, cluster.to_str().unwrap());
    assert_eq!(spec.name("requests"), folder.path().join("requests").to_str().unwrap());

    let requests = folder.path().join("requests");
    fs::create_dir(&requests).unwrap();
    for (name, text) in [
        ("ca-csr.json", "{}"),
        ("b.json", "b"),
        (".#b.json", "lock"),
        ("notes.txt", "no"),
        ("json", "no"),
    ] {
        fs::write(requests.join(name), text).unwrap();
    }
    symlink("b.json", requests.join("linked.json")).unwrap();
    let listed = spec.list("requests").unwrap().into_iter().map(Result::unwrap);
    let read: Vec<_> = listed
        .map(|name| (spec.text(&format!("requests/{name}")).unwrap(), name))
        .collect();
    let expected = [("b", "b.json"), ("{}", "ca-csr.json"), ("b", "linked.json")];
    assert_eq!(read, expected.map(|(text, name)| (text.to_owned(), name.to_owned())));
}

#[test]
fn every_source_that_cannot_be_read_is_told_at_once_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = folder.path().join("cluster.toml");
    let csr = folder.path().join("csr");
    assert!(
        Specification::open(&cluster)
            .unwrap_err()
            .to_string()
            .contains("cluster.toml")
    );
    fs::write(&cluster, "").unwrap();
    fs::create_dir(&csr).unwrap();
    fs::write(csr.join("latin.json"), b"hush \xff").unwrap();
    fs::create_dir(csr.join("folder.json")).unwrap();
    symlink("nowhere", csr.join("dangling.json")).unwrap();
    File::create(csr.join("large.json"))
        .unwrap()
        .set_len((16 << 20) + 1)
        .unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        csr.join("pipe.json"),
        rustix::fs::FileType::Fifo,
        Mode::RWXU,
        0,
    )
    .unwrap();
    let spec = Specification::open(&cluster).unwrap();
    let names = ["dangling.json", "folder.json", "large.json", "latin.json", "pipe.json"];
    assert_eq!(spec.list("csr").unwrap(), names.map(|name| Ok(name.to_owned())));
    for name in names {
        let why = spec.text(&format!("csr/{name}")).unwrap_err().why;
        assert!(why.contains(name) && !why.contains("hush"), "{why}");
    }
}

#[test]
fn new_files_never_replace_any() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/cluster");
    let files: [(&str, u32, &[u8]); 3] = [
        ("cluster.toml", 0o644, b"text"),
        ("cluster.seed", 0o600, b"seed"),
        ("csr/ca.json", 0o644, b"{}"),
    ];
    write_new_files(&dir, &files).unwrap();
    let tree = read_tree(&dir).unwrap();
    assert_eq!(tree["csr"], FoundNode::Directory { mode: Some(0o755) });
    for (path, mode, bytes) in files {
        assert_eq!(
            tree[path],
            FoundNode::File {
                mode: Some(mode),
                root_owned: None,
                content: bytes.into()
            }
        );
    }
    fs::remove_file(dir.join("cluster.seed")).unwrap();
    match write_new_files(&dir, &files) {
        Err(DiskError::WouldOverwrite { paths }) => {
            assert_eq!(
                paths,
                [dir.join("cluster.toml"), dir.join("csr/ca.json")],
                "all of them"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(!dir.join("cluster.seed").exists(), "nothing was written");
    symlink("nowhere", dir.join("cluster.seed")).unwrap();
    assert!(
        matches!(
            write_new_files(&dir, &files[1..2]),
            Err(DiskError::WouldOverwrite { .. })
        ),
        "a link is in the way"
    );
    assert!(matches!(
        write_new_files(&dir, &[("../x", 0o644, b"")]),
        Err(DiskError::BadName { .. })
    ));
}

#[test]
fn new_files_that_fail_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    let file_as_folder: [(&str, u32, &[u8]); 2] = [("a", 0o644, b"text"), ("a/b", 0o644, b"text")];
    assert!(write_new_files(&dir, &file_as_folder).is_err());
    assert!(!dir.exists());
}
