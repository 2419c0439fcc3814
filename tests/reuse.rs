//! A build over an earlier output gives the bytes of a build from nothing, makes only what it can't prove to be there, and
//! leaves on the disk what is the same.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use khw_gen::manifest::{MANIFEST, ManifestOf, ManifestRow, SHA256SUMS, STATE, parse_manifest};
use khw_gen::pack::ArchiveFormat;
use khw_gen::part::Selection;
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::digest::sha256_hex;
use khw_gen::pki::secret::SecretBytes;
use khw_gen::plan::plan;
use khw_gen::reuse::{Earlier, Proofs};
use khw_gen::{disk, input};
use proptest::prelude::*;
use support::{can_trace, copy_program, khw_gen, must, run, said, skip};
use tempfile::TempDir;

/// What a specification is made from: each field is something that an edit changes.
#[derive(Clone, Debug)]
struct Input {
    workers: BTreeSet<u8>,
    masters: u8,
    minor: u8,
    layout: &'static str,
    cni: &'static str,
    provider: &'static str,
    archive: &'static str,
    day: u8,
    seed: u8,
    name: Option<u8>,
    verbosity: Option<u8>,
    label: Option<(u8, u8)>,
    text: Option<u8>,
}

impl Input {
    fn new() -> Input {
        Input {
            workers: BTreeSet::from([1, 2, 3]),
            masters: 1,
            minor: 34,
            layout: "split",
            cni: "none",
            provider: "aescbc",
            archive: "tar.gz",
            day: 1,
            seed: 1,
            name: None,
            verbosity: None,
            label: None,
            text: None,
        }
    }

    /// Writes the specification into `folder`.
    fn write(&self, folder: &Path) {
        let mut text = format!(
            "[cluster]\nname = \"c\"\nkubernetes = \"1.{}\"\n[network]\ncni = \"{}\"\n[encryption]\nprovider = \"{}\"\n\
             [pki]\nlayout = \"{}\"\nissued = \"2026-01-{:02}T00:00:00Z\"\nseed = \"seed\"\n",
            self.minor, self.cni, self.provider, self.layout, self.day
        );
        if let Some(name) = self.name {
            text = text.replace("[network]", &format!("names = [\"api-{name}.example.org\"]\n[network]"));
        }
        if let Some(verbosity) = self.verbosity {
            text += &format!("[components.kubelet.flags]\nv = \"{verbosity}\"\n");
        }
        if let Some(value) = self.text {
            text += "[[files]]\non = \"worker\"\nat = \"/etc/motd\"\nmode = \"0644\"\ntemplate = \"motd\"\n";
            fs::write(folder.join("motd"), format!("{value} on {{{{ host.name }}}}\n")).unwrap();
        }
        text += "[[hosts]]\nname = \"lb\"\nip = \"10.0.0.2\"\nroles = [\"load-balancer\", \"admin\"]\n";
        for master in 0..self.masters {
            text += &format!(
                "[[hosts]]\nname = \"m{master}\"\nip = \"10.0.1.{}\"\nroles = [\"control-plane\", \"etcd\"]\n",
                master + 1
            );
        }
        for worker in &self.workers {
            text += &format!("[[hosts]]\nname = \"w{worker}\"\nip = \"10.0.2.{worker}\"\nroles = [\"worker\"]\n");
            if let Some((_, value)) = self.label.filter(|(labelled, _)| labelled == worker) {
                text += &format!("labels = {{ disk = \"d{value}\" }}\n");
            }
        }
        fs::write(folder.join("cluster.toml"), text).unwrap();
        let seed = folder.join("seed");
        let _ = fs::remove_file(&seed);
        fs::write(
            &seed,
            format!("{:02x}{}\n", self.seed, "5ac1e7920bd36f48".repeat(4).split_at(2).1),
        )
        .unwrap();
        fs::set_permissions(&seed, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn edit() -> impl Strategy<Value = fn(&mut Input, u8)> {
    let edits: Vec<fn(&mut Input, u8)> = vec![
        |input, n| _ = input.workers.insert(4 + n % 40),
        |input, n| {
            let nth = input.workers.iter().nth(usize::from(n) % input.workers.len()).copied();
            if input.workers.len() > 1 {
                nth.map(|worker| input.workers.remove(&worker));
            }
        },
        |input, n| input.masters = if n % 2 == 0 { 1 } else { 3 },
        |input, n| input.minor = 33 + n % 3,
        |input, n| input.layout = ["split", "single"][usize::from(n) % 2],
        |input, n| input.cni = ["none", "bridge"][usize::from(n) % 2],
        |input, n| input.provider = ["aescbc", "secretbox"][usize::from(n) % 2],
        |input, n| input.archive = ["tar.gz", "zip", "none"][usize::from(n) % 3],
        |input, n| input.day = 1 + n % 5,
        |input, n| input.seed = 1 + n % 3,
        |input, n| input.name = (n % 3 > 0).then_some(n),
        |input, n| input.verbosity = (n % 3 > 0).then_some(n % 5),
        |input, n| input.label = Some((1 + n % 3, n)),
        |input, n| input.text = (n % 3 > 0).then_some(n),
    ];
    proptest::sample::select(edits)
}

/// Something that happens to an output on the disk.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// A byte of a file changes.
    Flip(u16),
    /// As that, and MANIFEST and SHA256SUMS are made to agree.
    Forge(u16),
    Remove(u16),
    Mode(u16),
    /// The state is cut off, is gone, or is another's.
    CutState,
    NoState,
    OtherState,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => Just(Damage::None),
        2 => any::<u16>().prop_map(Damage::Flip),
        2 => any::<u16>().prop_map(Damage::Forge),
        1 => any::<u16>().prop_map(Damage::Remove),
        1 => any::<u16>().prop_map(Damage::Mode),
        1 => Just(Damage::CutState),
        1 => Just(Damage::NoState),
        1 => Just(Damage::OtherState),
    ]
}

impl Damage {
    fn do_to(self, out: &Path, other_state: Option<&[u8]>) {
        let names: Vec<String> = support::files_below(out)
            .into_keys()
            .filter(|name| name != MANIFEST)
            .collect();
        let nth = |n: u16| &names[usize::from(n) % names.len()];
        match self {
            Damage::None => {}
            Damage::Flip(n) => flip(&out.join(nth(n)), n),
            Damage::Forge(n) => {
                let name = nth(n);
                let file = out.join(name);
                let before = sha256_hex(&fs::read(&file).unwrap());
                flip(&file, n);
                let after = sha256_hex(&fs::read(&file).unwrap());
                for list in [MANIFEST, SHA256SUMS] {
                    if name != SHA256SUMS {
                        let text = fs::read_to_string(out.join(list)).unwrap();
                        fs::write(out.join(list), text.replace(&before, &after)).unwrap();
                    }
                }
            }
            Damage::Remove(n) => fs::remove_file(out.join(nth(n))).unwrap(),
            Damage::Mode(n) => fs::set_permissions(out.join(nth(n)), fs::Permissions::from_mode(0o640)).unwrap(),
            Damage::CutState => {
                let state = fs::read(out.join(STATE)).unwrap();
                fs::write(out.join(STATE), &state[..state.len() / 2]).unwrap();
            }
            Damage::NoState => _ = fs::remove_file(out.join(STATE)),
            Damage::OtherState => {
                if let Some(state) = other_state {
                    fs::write(out.join(STATE), state).unwrap();
                }
            }
        }
    }
}

fn flip(file: &Path, n: u16) {
    let mut bytes = fs::read(file).unwrap();
    let at = usize::from(n) % bytes.len();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn build_with(folder: &Path, out: &Path, archive: &str, more: &[&str]) -> String {
    let spec = folder.join("cluster.toml");
    let command = &mut khw_gen();
    must(
        command
            .arg("build")
            .arg(spec)
            .arg("-o")
            .arg(out)
            .args(["--archive", archive])
            .args(more),
    )
}

/// Every file and folder below `folder`: its mode, and a file's bytes.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    fn collect(folder: &Path, below: &Path, all: &mut BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, meta) = (below.join(entry.file_name()), entry.metadata().unwrap());
            let bytes = meta.is_file().then(|| fs::read(entry.path()).unwrap());
            all.insert(path.clone(), (meta.mode() & 0o7777, bytes));
            if meta.is_dir() {
                collect(&entry.path(), &path, all);
            }
        }
    }
    let mut all = BTreeMap::new();
    collect(folder, Path::new(""), &mut all);
    all
}

fn assert_same(one: &Path, other: &Path, what: &str) {
    let (one, other) = (everything(one), everything(other));
    let paths: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let different: Vec<_> = paths
        .into_iter()
        .filter(|path| one.get(*path) != other.get(*path))
        .collect();
    assert!(different.is_empty(), "{what}: {different:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// Whatever changes in the input, and whatever happens to the output in between.
    #[test]
    fn over_an_earlier_output_the_bytes_are_those_of_a_build_from_nothing(
        steps in proptest::collection::vec((edit(), any::<u8>(), damage()), 1..6)
    ) {
        let folder = TempDir::new().unwrap();
        let (out, fresh) = (folder.path().join("out"), folder.path().join("fresh"));
        let mut input = Input::new();
        input.write(folder.path());
        build_with(folder.path(), &out, input.archive, &[]);
        let mut states = vec![fs::read(out.join(STATE)).unwrap()];
        for (edit, n, damage) in steps {
            damage.do_to(&out, states.first().map(Vec::as_slice));
            edit(&mut input, n);
            input.write(folder.path());
            build_with(folder.path(), &out, input.archive, &[]);
            build_with(folder.path(), &fresh, input.archive, &["--fresh"]);
            assert_same(&out, &fresh, &format!("{input:?} after {damage:?}"));
            states.insert(0, fs::read(out.join(STATE)).unwrap());
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "left over: {:?}", left);
    }
}

/// What changes when anything is done to a file or folder.
fn touched(path: &Path) -> (u64, i64, i64, i64, i64) {
    let meta = fs::symlink_metadata(path).unwrap();
    (
        meta.ino(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    )
}

fn all_touched(out: &Path, wanted: impl Fn(&str) -> bool) -> BTreeMap<PathBuf, (u64, i64, i64, i64, i64)> {
    everything(out)
        .into_keys()
        .filter(|path| wanted(path.iter().next().unwrap().to_str().unwrap()))
        .map(|path| (path.clone(), touched(&out.join(path))))
        .collect()
}

#[test]
fn what_is_the_same_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut input = Input::new();
    input.write(folder.path());
    build_with(folder.path(), &out, "tar.gz", &[]);

    // Nothing: not even the folder itself is touched.
    let (before, top) = (all_touched(&out, |_| true), touched(&out));
    assert!(build_with(folder.path(), &out, "tar.gz", &[]).contains("nothing changed"));
    assert_eq!(all_touched(&out, |_| true), before);
    assert_eq!(touched(&out), top);

    // A worker more: the other workers and the load balancer stay.
    let others = |name: &str| ["w1", "w2", "w3", "lb"].contains(&name.split('.').next().unwrap());
    let before = all_touched(&out, others);
    assert!(before.len() > 100, "{}", before.len());
    input.workers.insert(9);
    input.write(folder.path());
    let said = build_with(folder.path(), &out, "tar.gz", &[]);
    assert!(
        said.contains("6 hosts") && said.contains("5 hosts as they were"),
        "{said}"
    );
    assert_eq!(all_touched(&out, others), before);
    assert!(out.join("w9.tar.gz").is_file());

    // A worker less: it is gone, and the others stay.
    input.workers.remove(&9);
    input.write(folder.path());
    build_with(folder.path(), &out, "tar.gz", &[]);
    assert_eq!(all_touched(&out, others), before);
    assert!(!out.join("w9").exists() && !out.join("w9.tar.gz").exists());

    // A label of one: that one is another.
    input.label = Some((2, 7));
    input.write(folder.path());
    build_with(folder.path(), &out, "tar.gz", &[]);
    let without = |name: &str| others(name) && !name.starts_with("w2");
    let before: BTreeMap<_, _> = before
        .into_iter()
        .filter(|(path, _)| !path.starts_with("w2") && !path.starts_with("w2.tar.gz"))
        .collect();
    assert_eq!(all_touched(&out, without), before);

    // Archives of another kind: the folders stay.
    let folders =
        |name: &str| !name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let before = all_touched(&out, folders);
    build_with(folder.path(), &out, "zip", &[]);
    assert_eq!(all_touched(&out, folders), before);
    assert!(out.join("w1.zip").is_file() && !out.join("w1.tar.gz").exists());

    // From nothing: all is another, and the same.
    build_with(folder.path(), &out, "zip", &["--fresh"]);
    let after = all_touched(&out, folders);
    assert!(before.iter().all(|(path, touched)| after[path] != *touched));
}

/// An output on the disk, as the compiler reads it.
struct Folder<'a>(&'a Path, BTreeMap<String, ManifestRow>);

impl Earlier for Folder<'_> {
    fn rows(&self) -> &BTreeMap<String, ManifestRow> {
        &self.1
    }

    fn read(&self, path: &str) -> Option<SecretBytes> {
        fs::read(self.0.join(path)).ok().map(SecretBytes::from)
    }

    fn is_intact(&self) -> bool {
        true
    }
}

#[test]
fn keys_and_certificates_are_proven_by_what_determines_them() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut input = Input::new();
    input.layout = "single";
    // How many certificates, keys and requests are proven, of how many; with the seed of this first byte.
    let proven = |input: &Input, seed: u8| {
        Input { seed, ..input.clone() }.write(folder.path());
        let sources = disk::Specification::open(&folder.path().join("cluster.toml")).unwrap();
        let cluster = input::check(&sources).unwrap().cluster;
        let seed = Seed::parse(&fs::read(folder.path().join("seed")).unwrap())
            .unwrap()
            .seed;
        let rows = parse_manifest(ManifestOf::Output, &fs::read_to_string(out.join(MANIFEST)).unwrap()).unwrap();
        let (plan, earlier) = (plan(&cluster), Folder(&out, rows));
        let proofs = Proofs::new(&plan, &seed, ArchiveFormat::TarGz, &earlier);
        let all: Vec<_> = plan
            .certificates
            .iter()
            .map(|certificate| proofs.of(certificate))
            .collect();
        (
            all.iter().filter(|proven| proven.certificate.is_some()).count(),
            all.iter().filter(|proven| proven.key.is_some()).count(),
            all.iter().filter(|proven| proven.request.is_some()).count(),
            all.len(),
            proofs.nothing_changed(&Selection::whole(&cluster)),
        )
    };
    input.write(folder.path());
    build_with(folder.path(), &out, "tar.gz", &[]);
    // ca, admin, service-account, kubernetes, three of the control plane's clients and three nodes'.
    assert_eq!(proven(&input, 1), (10, 10, 10, 10, true));
    assert_eq!(proven(&input, 2), (0, 0, 0, 10, false), "another seed proves nothing");
    let named = Input {
        name: Some(7),
        ..input.clone()
    };
    assert_eq!(proven(&named, 1), (9, 10, 9, 10, false), "the API server's is another");
    let later = Input {
        day: 2,
        ..input.clone()
    };
    assert_eq!(proven(&later, 1).1, 10, "keys don't depend on the day");
    assert_eq!(proven(&later, 1).0, 0, "certificates do");
    let more = Input {
        workers: BTreeSet::from([1, 2, 3, 4]),
        ..input.clone()
    };
    assert_eq!(proven(&more, 1), (10, 10, 10, 11, false));

    // A key that is another's is none, though it is a good key.
    let certs = out.join("lb/rootfs/root/certs");
    fs::copy(certs.join("w1-key.pem"), certs.join("w2-key.pem")).unwrap();
    assert_eq!(proven(&input, 1).1, 9);
}

#[test]
fn what_was_added_to_an_output_stops_a_build_that_would_change_it() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut input = Input::new();
    input.write(folder.path());
    build_with(folder.path(), &out, "tar.gz", &[]);
    fs::write(out.join("w1/mine"), "precious").unwrap();
    for workers in [vec![1, 2, 3], vec![1, 2, 3, 4], vec![2]] {
        input.workers = workers.into_iter().collect();
        input.write(folder.path());
        let spec = folder.path().join("cluster.toml");
        let output = run(khw_gen().arg("build").arg(spec).arg("-o").arg(&out));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("w1/mine"), "{}", said(&output));
        assert_eq!(fs::read(out.join("w1/mine")).unwrap(), b"precious");
    }
}

/// Something that is done to the output in a folder.
type Done = Box<dyn Fn(&Path)>;

/// Whatever is done to an output of which nothing would change, it is seen: the next build makes it as it was, or says what is in
/// its way, and never that nothing changed.
#[test]
fn an_output_that_is_not_as_it_was_left_is_not_taken_for_unchanged() {
    let folder = TempDir::new().unwrap();
    let (out, fresh) = (folder.path().join("out"), folder.path().join("fresh"));
    let mut input = Input::new();
    input.workers = (1..=9).collect();
    input.text = Some(1);
    input.write(folder.path());
    // The same on each worker, and more than is read at once.
    let large: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    fs::write(folder.path().join("motd"), large).unwrap();
    build_with(folder.path(), &fresh, "tar.gz", &[]);

    let shared = "rootfs/etc/sysctl.d/zz-kubernetes.conf";
    let own = "rootfs/var/lib/kubelet/kubelet-serving-key.pem";
    let mode = |path: &'static str, mode: u32| -> Done {
        Box::new(move |out| fs::set_permissions(out.join(path), fs::Permissions::from_mode(mode)).unwrap())
    };
    let instead = |path: String, make: fn(&Path)| -> Done {
        Box::new(move |out| {
            let path = out.join(&path);
            match path.is_dir() {
                true => fs::remove_dir_all(&path).unwrap(),
                false => fs::remove_file(&path).unwrap(),
            }
            make(&path);
        })
    };
    let changed = |path: String, change: fn(&mut Vec<u8>)| -> Done {
        Box::new(move |out| {
            let mut bytes = fs::read(out.join(&path)).unwrap();
            change(&mut bytes);
            fs::write(out.join(&path), bytes).unwrap();
        })
    };
    let mut damages: Vec<(String, Done)> = vec![
        ("a file's mode".into(), mode("w5/rootfs/etc/motd", 0o640)),
        ("a folder's mode".into(), mode("w5/rootfs/etc", 0o700)),
        ("a host's mode".into(), mode("w5", 0o700)),
        ("the list's mode".into(), mode(MANIFEST, 0o600)),
        ("the state's mode".into(), mode(STATE, 0o644)),
        (
            "an empty folder is gone".into(),
            instead("m0/rootfs/var/lib/etcd".into(), |_| {}),
        ),
        (
            "a full folder is gone".into(),
            instead("w5/rootfs/var/lib/kubelet".into(), |_| {}),
        ),
        ("a host is gone".into(), instead("w5".into(), |_| {})),
        ("an archive is gone".into(), instead("w5.tar.gz".into(), |_| {})),
        ("a list is gone".into(), instead(SHA256SUMS.into(), |_| {})),
        (
            "a link to the same".into(),
            instead("w5/install.sh".into(), |path| {
                symlink("../w4/install.sh", path).unwrap()
            }),
        ),
        (
            "a pipe".into(),
            instead("w5/install.sh".into(), |path| {
                _ = must(Command::new("mkfifo").arg(path))
            }),
        ),
        (
            "a folder for a file".into(),
            instead("w5/install.sh".into(), |path| fs::create_dir(path).unwrap()),
        ),
        (
            "a file for a folder".into(),
            instead("m0/rootfs/var/lib/etcd".into(), |path| fs::write(path, "").unwrap()),
        ),
        (
            "two hosts' keys exchanged".into(),
            Box::new(move |out| {
                let [one, other] = ["w4", "w5"].map(|host| out.join(host).join(own));
                let (of_one, of_other) = (fs::read(&one).unwrap(), fs::read(&other).unwrap());
                fs::write(one, of_other).unwrap();
                fs::write(other, of_one).unwrap();
            }),
        ),
    ];
    for host in ["w1", "w5", "w9"] {
        for file in [shared, own, "rootfs/etc/motd", "MANIFEST"] {
            let path = format!("{host}/{file}");
            let flip = |bytes: &mut Vec<u8>| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            };
            damages.push((format!("{path} has a bit flipped"), changed(path.clone(), flip)));
            if host == "w5" {
                damages.push((
                    format!("{path} is shorter"),
                    changed(path.clone(), |bytes| _ = bytes.pop()),
                ));
                damages.push((format!("{path} is longer"), changed(path, |bytes| bytes.push(b'\n'))));
            }
        }
    }
    must(Command::new("cp").arg("-a").args([&fresh, &out]));
    assert!(build_with(folder.path(), &out, "tar.gz", &[]).contains("nothing changed"));
    for (what, damage) in damages {
        fs::remove_dir_all(&out).unwrap();
        must(Command::new("cp").arg("-a").args([&fresh, &out]));
        damage(&out);
        let output = run(khw_gen()
            .arg("build")
            .arg(folder.path().join("cluster.toml"))
            .arg("-o")
            .arg(&out));
        let said = said(&output);
        assert!(!said.contains("nothing changed"), "{what}: {said}");
        match output.status.code() {
            Some(0) => assert_same(&out, &fresh, &what),
            code => assert!(
                code == Some(1) && said.contains("khw-gen did not write"),
                "{what}: {said}"
            ),
        }
    }
}

#[test]
fn two_builds_at_once_leave_one_whole_output() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut specs = Vec::new();
    for count in 1..=3 {
        let own = folder.path().join(format!("spec{count}"));
        fs::create_dir(&own).unwrap();
        let input = Input {
            workers: (1..=count).collect(),
            ..Input::new()
        };
        input.write(&own);
        build_with(
            &own,
            &folder.path().join(format!("fresh{count}")),
            "tar.gz",
            &["--fresh"],
        );
        specs.push(own);
    }
    build_with(&specs[0], &out, "tar.gz", &[]);
    for round in 0..12 {
        let children: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(number, spec)| {
                let mut command = khw_gen();
                command.arg("build").arg(spec.join("cluster.toml")).arg("-o").arg(&out);
                if number == round % 4 {
                    command.arg("--fresh");
                }
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
        let now = everything(&out);
        let is_one = (1..=3).any(|count| everything(&folder.path().join(format!("fresh{count}"))) == now);
        assert!(is_one, "it is none of what was built");
    }
}

#[test]
fn a_build_says_that_it_waits_for_another() {
    let folder = TempDir::new().unwrap();
    Input::new().write(folder.path());
    let out = folder.path().join("out");
    build_with(folder.path(), &out, "tar.gz", &[]);
    let lock = fs::File::open(&out).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut child = khw_gen()
        .arg("build")
        .arg(folder.path().join("cluster.toml"))
        .arg("-o")
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stderr.as_mut().unwrap())
        .lines()
        .map(Result::unwrap);
    let told: Vec<String> = told
        .take_while(|line| !line.contains("waiting for another khw-gen"))
        .collect();
    assert!(child.try_wait().unwrap().is_none(), "it did not wait: {told:?}");
    drop(lock);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && said(&output).contains("nothing changed"));
}

/// The program under strace, which does `fault` to the call of `call` that `when` says.
fn with_fault(spec: &Path, out: &Path, call: &str, fault: &str, when: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:{fault}:when={when}")]);
    command.arg(env!("CARGO_BIN_EXE_khw-gen"));
    // One thread: so it is the same call each time.
    command.args(["build", "--jobs", "1"]).arg(spec).arg("-o").arg(out);
    command
}

/// Root may do anything with a file of mode 0000, its owner may not.
#[test]
fn an_update_does_not_depend_on_the_umask() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("khw-gen");
    copy_program(Path::new(env!("CARGO_BIN_EXE_khw-gen")), &program);
    let own = folder.path().join("own");
    let mut input = Input::new();
    for spec in ["old", "new"] {
        fs::create_dir_all(own.join(spec)).unwrap();
        input.write(&own.join(spec));
        input.workers.insert(9);
    }
    build_with(&own.join("new"), &folder.path().join("fresh"), "tar.gz", &[]);
    let somebody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let able = Command::new("setpriv").args(somebody).arg("true").status();
    if !able.is_ok_and(|status| status.success()) {
        return skip("an update under another umask", "only root can become somebody else");
    }
    must(Command::new("chown").arg("-R").arg("65534:65534").arg(&own));
    let line = "umask 0777; \"$0\" build old/cluster.toml -o out && \"$0\" build new/cluster.toml -o out";
    let mut command = Command::new("setpriv");
    command
        .args(somebody)
        .args(["sh", "-c", line])
        .arg(&program)
        .current_dir(&own);
    let said = must(&mut command);
    assert!(said.contains("5 hosts as they were"), "{said}");
    assert_same(&own.join("out"), &folder.path().join("fresh"), "umask 0777");
}

/// Without renameat2, or without a sync of everything.
#[test]
fn filesystems_that_can_do_less_are_updated_all_the_same() {
    let what = "updating on filesystems without renameat2 or syncfs";
    if !can_trace(what) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut input = Input::new();
    input.write(folder.path());
    let spec = folder.path().join("cluster.toml");
    for (call, fault) in [
        ("renameat2", "ENOSYS"),
        ("renameat2", "EINVAL"),
        ("syncfs", "ENOSYS"),
        ("flock", "ENOLCK"),
    ] {
        build_with(folder.path(), &out, "tar.gz", &[]);
        input.workers.insert(20 + input.workers.len() as u8);
        input.write(folder.path());
        let said = must(&mut with_fault(&spec, &out, call, &format!("error={fault}"), "1+"));
        // Without locks nobody could be kept from changing it meanwhile: then all of it is replaced.
        assert_eq!(said.contains("hosts as they were"), call != "flock", "{call}: {said}");
        let fresh = folder.path().join("fresh");
        build_with(folder.path(), &fresh, "tar.gz", &["--fresh"]);
        assert_same(&out, &fresh, call);
    }
}

/// Each system call that changes something fails or is the last: there is the old output, the new one, or for the moment none,
/// and never a mixture. The next build finds its way from each.
#[test]
fn an_update_that_is_cut_off_anywhere_leaves_no_mixture() {
    let what = "cutting an update off at each system call";
    if !can_trace(what) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let spec_of = |name: &str, input: &Input| {
        let own = folder.path().join(name);
        fs::create_dir(&own).unwrap();
        input.write(&own);
        build_with(
            &own,
            &folder.path().join(format!("{name}.fresh")),
            "tar.gz",
            &["--fresh"],
        );
        own.join("cluster.toml")
    };
    let input = Input {
        workers: BTreeSet::from([1, 2]),
        ..Input::new()
    };
    spec_of("old", &input);
    // One stays, one is another, one is new.
    let new = spec_of(
        "new",
        &Input {
            workers: BTreeSet::from([1, 2, 3]),
            label: Some((2, 1)),
            ..input
        },
    );
    let [old_made, new_made] = ["old.fresh", "new.fresh"].map(|name| everything(&folder.path().join(name)));
    let place = folder.path().join("place");
    let (out, real) = (place.join("out"), place.join("real"));
    let (mut cut, mut absent) = (0, 0);
    for fault in ["error=EIO", "signal=KILL"] {
        for (call, times) in [
            ("renameat", 24),
            ("renameat2", 3),
            ("syncfs", 1),
            ("fsync", 3),
            ("mkdirat", 4),
        ] {
            for when in 1..=times {
                fs::create_dir(&place).unwrap();
                must(
                    Command::new("cp")
                        .arg("-a")
                        .arg(folder.path().join("old.fresh"))
                        .arg(&real),
                );
                // By its name, and by a link to it.
                match when % 2 {
                    0 => fs::rename(&real, &out).unwrap(),
                    _ => symlink("real", &out).unwrap(),
                }
                let output = run(&mut with_fault(&new, &out, call, fault, &when.to_string()));
                let at = format!("{fault} at {call} {when}: {} {}", output.status, said(&output));
                if output.status.success() {
                    assert_eq!(everything(&out), new_made, "{at}");
                } else {
                    cut += 1;
                    let killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
                    match out.exists() {
                        true => {
                            let found = everything(&out);
                            assert!(found == old_made || killed && found == new_made, "{at}");
                        }
                        false => {
                            assert!(killed, "it could have been put back: {at}");
                            absent += 1;
                        }
                    }
                }
                must(khw_gen().arg("build").arg(&new).arg("-o").arg(&out));
                assert_eq!(everything(&out), new_made, "afterwards: {at}");
                let mut left: Vec<_> = fs::read_dir(&place)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name())
                    .collect();
                left.sort();
                assert_eq!(left, ["out", "real"][..1 + when as usize % 2], "{at}");
                fs::remove_dir_all(&place).unwrap();
            }
        }
    }
    assert!(cut > 20, "only {cut} were cut off");
    assert!(
        absent > 5,
        "only {absent} were cut off while there was no output: the calls were others"
    );
}
