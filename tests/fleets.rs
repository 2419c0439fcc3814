//! A fleet in parts: together they are byte for byte the whole; what is no part of it is refused; the examples in docs/fleets run.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use khw_gen::manifest::STATE;
use khw_gen::part::{PART, PartList};
use khw_gen::plan::KeyId;
use khw_gen::vault::Issuing;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use support::leaks::{decode, forms, holds, piece_of_key};
use support::{SEED, Spec, files_below, khw_gen, must, program, project, run, said, skip, walkthrough};
use tempfile::TempDir;

/// When every certificate of the specifications is valid.
const AT: &str = "2026-06-01T00:00:00Z";

/// Every file and folder below `out` by path, with its mode and, for a file, its bytes; the folder itself too.
fn tree(out: &Path) -> BTreeMap<String, (u32, Option<Vec<u8>>)> {
    let mut tree = BTreeMap::new();
    let mut paths = vec![(String::new(), out.to_owned())];
    while let Some((name, path)) = paths.pop() {
        let kind = fs::symlink_metadata(&path).expect("what was listed").file_type();
        let bytes = match (kind.is_dir(), kind.is_symlink()) {
            (false, true) => Some(
                fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes(),
            ),
            (false, false) => Some(fs::read(&path).expect("a file")),
            (true, _) => {
                for entry in fs::read_dir(&path).expect("a folder") {
                    let entry = entry.expect("an entry");
                    paths.push((format!("{name}/{}", entry.file_name().to_string_lossy()), entry.path()));
                }
                None
            }
        };
        tree.insert(name, (support::mode(&path), bytes));
    }
    tree
}

/// Fails with the first path that differs, not with the bytes of a cluster.
fn assert_same(one: &Path, other: &Path, what: &str) {
    let (one, other) = (tree(one), tree(other));
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for path in paths {
        assert!(one.get(path) == other.get(path), "{what}: {path} differs");
    }
}

fn build(spec: &Path, out: &Path, arguments: &[&str]) -> Output {
    run(khw_gen().arg("build").arg(spec).arg("-o").arg(out).args(arguments))
}

fn built(spec: &Path, out: &Path, arguments: &[&str]) {
    let output = build(spec, out, arguments);
    assert!(output.status.success(), "{}", said(&output));
}

fn merge(parts: &[PathBuf], out: &Path) -> Output {
    run(khw_gen().arg("merge").args(parts).arg("-o").arg(out))
}

fn merged(parts: &[PathBuf], out: &Path) {
    let output = merge(parts, out);
    assert!(output.status.success(), "{}", said(&output));
}

/// Fails unless the merge was refused with exit code 1, each of these was said, and nothing was left behind.
fn refused(parts: &[PathBuf], out: &Path, expected: &[&str]) {
    let before = out.exists().then(|| tree(out));
    let output = merge(parts, out);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    assert!(out.exists().then(|| tree(out)) == before, "the output was touched");
    if let Some(parent) = out.parent().filter(|parent| parent.exists()) {
        let left = fs::read_dir(parent).expect("a folder");
        let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
        assert!(
            !left
                .iter()
                .any(|name| name != STATE && name.to_string_lossy().contains(".khw-gen.")),
            "{left:?}"
        );
    }
}

fn shards(spec: &Path, folder: &Path, count: usize, arguments: &[&str]) -> Vec<PathBuf> {
    (1..=count)
        .map(|number| {
            let part = folder.join(format!("{number}-of-{count}"));
            let shard = format!("{number}/{count}");
            built(spec, &part, &[&["--shard", &shard], arguments].concat());
            part
        })
        .collect()
}

fn list(part: &Path) -> PartList {
    let text = fs::read_to_string(part.join(PART)).expect("a part says what it is");
    PartList::parse(&text).expect("its list")
}

/// What `verify` finds, each finding as text.
fn findings(path: &Path) -> BTreeSet<String> {
    let output = run(khw_gen().arg("verify").arg(path).args(["--at", AT, "--format", "json"]));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let findings = report["findings"].as_array().expect("findings").iter();
    findings.map(Value::to_string).collect()
}

/// Whatever `verify` finds in a part it finds in the whole: nothing is missed that is elsewhere.
fn nothing_is_missed(part: &Path, in_whole: &BTreeSet<String>) {
    let found = findings(part);
    let own: Vec<&String> = found.difference(in_whole).collect();
    assert!(own.is_empty(), "{}: {own:#?}", part.display());
}

/// Two control planes, a member of etcd elsewhere, an administrator's machine, workers in a pool: keys that take no time.
fn small() -> Spec {
    Spec::new(
        &[
            "admin 10.0.0.2 admin",
            "lb 10.0.0.3 load-balancer",
            "cp1 10.0.0.11 control-plane",
            "cp2 10.0.0.12 control-plane",
            "member 10.0.0.13 etcd",
        ],
        "[cluster]\nname = \"parts\"\n[[pools]]\nname = \"worker-{n:02}\"\ncount = 4\nfirst_ip = \"10.0.1.1\"\nroles = [\"worker\"]\n",
    )
}

const SMALL_HOSTS: [&str; 9] = [
    "admin",
    "lb",
    "cp1",
    "cp2",
    "member",
    "worker-01",
    "worker-02",
    "worker-03",
    "worker-04",
];

/// Certificates for ninety years on P-256, so that `verify` finds nothing on any day.
fn lasting(hosts: &[&str]) -> Spec {
    Spec::new(hosts, "").issued_long_ago().with_csrs(|name, text| {
        let text = text
            .replace("\"rsa\"", "\"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256");
        match name {
            "ca-config.json" => text.replace("8760h", "780000h"),
            "ca-csr.json" => text.replacen('{', "{ \"ca\": { \"expiry\": \"790000h\" },", 1),
            _ => text,
        }
    })
}

fn whole_from_shards(spec: &Path, hosts: usize, counts: &[usize], arguments: &[&str]) {
    let folder = TempDir::new().expect("a folder");
    let whole = folder.path().join("whole");
    built(spec, &whole, arguments);
    assert!(!whole.join(PART).exists(), "a whole output is no part");
    let in_whole = findings(&whole);
    for count in counts {
        let parts = shards(spec, folder.path(), *count, arguments);
        let sizes: Vec<usize> = parts.iter().map(|part| list(part).here().count()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), hosts);
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 1, "{sizes:?} is not balanced");
        let whole_tree = tree(&whole);
        for part in &parts {
            nothing_is_missed(part, &in_whole);
            for (path, found) in tree(part) {
                let own = ["", "/PART", "/MANIFEST", "/SHA256SUMS", "/.khw-gen.state"].contains(&path.as_str());
                assert!(
                    own || whole_tree.get(&path) == Some(&found),
                    "{path} is not as in the whole"
                );
            }
        }
        let joined = folder.path().join(format!("joined-{count}"));
        merged(&parts, &joined);
        assert_same(&whole, &joined, &format!("{} in {count}", spec.display()));
        // The order of the parts means nothing, and an earlier output is replaced.
        let backwards: Vec<PathBuf> = parts.into_iter().rev().collect();
        merged(&backwards, &joined);
        assert_same(&whole, &joined, "backwards");
    }
}

#[test]
fn the_walk_throughs_parts_are_the_whole() {
    whole_from_shards(&walkthrough(), 6, &[1, 2, 3, 8], &[]);
}

#[test]
fn parts_of_split_clusters_are_the_whole() {
    let spec = |case: &str| project().join("specs").join(case).join("cluster.toml");
    whole_from_shards(&spec("external-etcd"), 6, &[1, 2, 3, 8], &[]);
    let dual_stack = fs::read_to_string(spec("dual-stack")).expect("a specification");
    whole_from_shards(&spec("dual-stack"), dual_stack.matches("[[hosts]]").count(), &[3], &[]);
}

#[test]
fn parts_with_pools_and_other_archives_are_the_whole() {
    let spec = small();
    whole_from_shards(&spec.path(), 9, &[1, 2, 3, 11], &[]);
    whole_from_shards(&spec.path(), 9, &[4], &["--archive", "zip"]);
    whole_from_shards(&spec.path(), 9, &[2], &["--archive", "none"]);
    // The single layout, whose administrator's machine holds every key.
    whole_from_shards(&small().with_ecdsa_keys().path(), 9, &[3], &[]);
}

#[test]
fn parts_of_hosts_by_name_are_the_whole() {
    for spec in [small(), small().with_ecdsa_keys()] {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        built(&spec.path(), &path("whole"), &[]);
        let in_whole = findings(&path("whole"));
        let groups: [&[&str]; 4] = [
            &["worker-03"],
            &["member", "admin"],
            &["cp2", "lb", "worker-01"],
            &["cp1", "worker-02", "worker-04"],
        ];
        let mut parts = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            let part = path(&number.to_string());
            let arguments: Vec<&str> = group.iter().flat_map(|host| ["--host", host]).collect();
            built(&spec.path(), &part, &arguments);
            assert_eq!(
                list(&part).here().collect::<BTreeSet<_>>(),
                group.iter().copied().collect()
            );
            nothing_is_missed(&part, &in_whole);
            parts.push(part);
        }
        // A name that is given twice counts once.
        built(&spec.path(), &parts[0], &["--host", "worker-03", "--host", "worker-03"]);
        merged(&parts, &path("joined"));
        assert_same(&path("whole"), &path("joined"), "by name");
    }
}

#[test]
fn any_split_is_the_whole() {
    let spec = small();
    let folder = TempDir::new().expect("a folder");
    let whole = folder.path().join("whole");
    built(&spec.path(), &whole, &[]);
    let in_whole = findings(&whole);
    let mut runner = TestRunner::new(Config {
        cases: 6,
        failure_persistence: None,
        ..Config::default()
    });
    let split = proptest::collection::vec(0..4_usize, SMALL_HOSTS.len());
    runner
        .run(&split, |split| {
            let folder = TempDir::new().expect("a folder");
            let mut parts = Vec::new();
            for part in split.iter().copied().collect::<BTreeSet<usize>>() {
                let out = folder.path().join(part.to_string());
                let hosts = SMALL_HOSTS.iter().zip(&split).filter(|(_, of)| **of == part);
                let arguments: Vec<&str> = hosts.flat_map(|(host, _)| ["--host", host]).collect();
                built(&spec.path(), &out, &arguments);
                nothing_is_missed(&out, &in_whole);
                parts.push(out);
            }
            let joined = folder.path().join("joined");
            merged(&parts, &joined);
            assert_same(&whole, &joined, &format!("{split:?}"));
            Ok(())
        })
        .expect("any split");
}

#[test]
fn only_what_a_parts_hosts_need_is_made() {
    let spec = small();
    let sources = khw_gen::disk::Specification::open(&spec.path()).expect("a specification");
    let cluster = khw_gen::input::check(&sources)
        .unwrap_or_else(|_| panic!("a cluster"))
        .cluster;
    let plan = khw_gen::plan::plan(&cluster);
    let needed = |name: &str| {
        let host = cluster.hosts.iter().find(|host| host.name == name).expect("a host");
        plan.certificates_needed_by(&[host])
    };
    let has = |ids: &BTreeSet<KeyId<'_>>, id: &str| ids.iter().any(|one| one.to_string() == id);
    let worker = needed("worker-02");
    assert!(
        has(&worker, "ca") && worker.iter().any(|id| id.host == Some("worker-02")),
        "{worker:?}"
    );
    for other in ["worker-01", "cp1", "etcd", "admin"] {
        assert!(
            !worker.iter().any(|id| id.to_string().contains(other)),
            "{other} in {worker:?}"
        );
    }
    assert!(has(&needed("member"), "etcd-ca") && !has(&needed("member"), "front-proxy-ca"));
    assert!(needed("lb").is_empty(), "{:?}", needed("lb"));
    let seed = khw_gen::pki::derivation::Seed::stand_in(1);
    let issuing = Issuing {
        needed: Some(&worker),
        ..Issuing::new(&plan, &seed)
    };
    let vault = issuing.issue().expect("certificates");
    assert_eq!(vault.issued.keys().copied().collect::<BTreeSet<_>>(), worker);
    let all = Issuing::new(&plan, &seed).issue().expect("certificates");
    for (id, issued) in &vault.issued {
        assert_eq!(issued.certificate, all.issued[id].certificate, "{id}");
        assert_eq!(issued.key, all.issued[id].key, "{id}");
    }
}

#[test]
fn the_command_line_takes_hosts_that_there_are() {
    let spec = small();
    let out = spec.path().with_file_name("out");
    let output = build(
        &spec.path(),
        &out,
        &["--host", "cp1", "--host", "worker-05", "--host", "etcd9"],
    );
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    for expected in ["\"worker-05\" (did you mean worker-01?)", "\"etcd9\"", "admin, lb, cp1"] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    for arguments in [
        vec!["--shard", "0/3"],
        vec!["--shard", "4/3"],
        vec!["--shard", "3"],
        vec!["--shard", "1/0"],
        vec!["--shard", "1/2", "--host", "cp1"],
    ] {
        let output = build(&spec.path(), &out, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
    }
    assert!(!out.exists());
    // The whole specification is checked, not only the part.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path(), text.replace("10.0.0.12", "10.0.0.11")).expect("cluster.toml");
    let output = build(&spec.path(), &out, &["--host", "worker-01"]);
    assert!(
        !output.status.success() && said(&output).contains("duplicate-address"),
        "{}",
        said(&output)
    );
    assert_eq!(
        run(khw_gen().arg("merge").arg("-o").arg(&out)).status.code(),
        Some(2),
        "no part is named"
    );
}

#[test]
fn a_part_and_a_whole_replace_each_other() {
    let spec = small();
    let folder = TempDir::new().expect("a folder");
    let (out, fresh) = (folder.path().join("out"), folder.path().join("fresh"));
    for arguments in [
        &[][..],
        &["--shard", "2/3"],
        &["--host", "lb"],
        &[],
        &["--shard", "9/40"],
        &["--shard", "40/40"],
        &[],
    ] {
        built(&spec.path(), &out, arguments);
        let _ = fs::remove_dir_all(&fresh);
        built(&spec.path(), &fresh, arguments);
        assert_same(&fresh, &out, &format!("{arguments:?}"));
    }
    built(&spec.path(), &out, &["--shard", "2/3"]);
    fs::write(out.join("cp2/mine"), "precious").expect("a file");
    let output = build(&spec.path(), &out, &[]);
    assert!(
        !output.status.success() && said(&output).contains("cp2/mine"),
        "{}",
        said(&output)
    );
}

/// Three parts of the small cluster, and a folder to change them in.
struct Parts {
    spec: Spec,
    folder: TempDir,
    parts: Vec<PathBuf>,
}

impl Parts {
    fn new() -> Parts {
        let (spec, folder) = (small(), TempDir::new().expect("a folder"));
        let parts = shards(&spec.path(), folder.path(), 3, &[]);
        Parts { spec, folder, parts }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn what_does_not_fit_is_refused_with_every_reason() {
    let fleet = Parts::new();
    let [one, two, three] = [&fleet.parts[0], &fleet.parts[1], &fleet.parts[2]].map(PathBuf::clone);
    let out = fleet.path("out");
    // Gaps.
    refused(
        &[one.clone(), three.clone()],
        &out,
        &["no part has cp2, member, worker-01"],
    );
    refused(
        std::slice::from_ref(&two),
        &out,
        &["admin, cp1, lb, worker-02, worker-03, worker-04"],
    );
    // Doubles.
    refused(
        &[one.clone(), two.clone(), three.clone(), two.clone()],
        &out,
        &["cp2, member, worker-01 are in more than one part"],
    );
    let alone = fleet.path("alone");
    built(&fleet.spec.path(), &alone, &["--host", "lb", "--host", "cp2"]);
    refused(
        &[one.clone(), three.clone(), alone.clone()],
        &out,
        &["lb is in more than one part", "alone", "no part has member, worker-01"],
    );
    // An earlier output stays.
    merged(&fleet.parts, &out);
    refused(std::slice::from_ref(&one), &out, &["no part has"]);
    // The output among the parts, and a part in the output.
    for (bad, why) in [
        (one.clone(), "it would be replaced"),
        (one.join("out"), "it would be replaced"),
        (one.join("cp1"), "it would be replaced"),
        (fleet.folder.path().to_owned(), "it would be replaced"),
        (fleet.path("no/such/folder"), "no/such"),
    ] {
        refused(&fleet.parts, &bad, &[why]);
    }
    symlink(&one, fleet.path("link")).expect("a link");
    refused(&fleet.parts, &fleet.path("link"), &["it would be replaced"]);
    let file = fleet.path("file");
    fs::write(&file, "").expect("a file");
    refused(&fleet.parts, &file, &["is not a folder"]);
    fs::create_dir(fleet.path("foreign")).expect("a folder");
    fs::write(fleet.path("foreign/mine"), "precious").expect("a file");
    refused(&fleet.parts, &fleet.path("foreign"), &["was not made by khw-gen"]);
    // What is no part.
    refused(
        std::slice::from_ref(&out),
        &fleet.path("other"),
        &["is no part", "there is no PART in it"],
    );
    refused(
        &[fleet.path("nowhere"), fleet.path("foreign")],
        &fleet.path("other"),
        &["nowhere", "is no part"],
    );
    let tar = fleet.path("part.tar");
    must(Command::new("tar").arg("-C").arg(&one).arg("-cpf").arg(&tar).arg("."));
    refused(
        &[tar.clone(), two.clone(), three.clone()],
        &fleet.path("other"),
        &["tar -xpf", "part.tar"],
    );
    // As the message says.
    let unpacked = fleet.path("unpacked");
    fs::create_dir(&unpacked).expect("a folder");
    must(Command::new("tar").arg("-C").arg(&unpacked).arg("-xpf").arg(&tar));
    merged(&[unpacked, two, three], &fleet.path("other"));
    assert_same(&out, &fleet.path("other"), "through a tar");
    // Links to parts are parts.
    merged(
        &[fleet.path("link"), fleet.parts[1].clone(), fleet.parts[2].clone()],
        &fleet.path("by-link"),
    );
}

#[test]
fn parts_of_another_whole_are_refused() {
    let fleet = Parts::new();
    let out = fleet.path("out");
    let text = fs::read_to_string(fleet.spec.path()).expect("cluster.toml");
    let other = fleet.path("other");
    let of_another = |what: &str, arguments: &[&str]| {
        built(&fleet.spec.path(), &other, &[&["--shard", "2/3"], arguments].concat());
        let parts = [fleet.parts[0].clone(), other.clone(), fleet.parts[2].clone()];
        refused(&parts, &out, &["the parts are not of one whole"]);
        assert_ne!(list(&other).whole, list(&fleet.parts[0]).whole, "{what}");
    };
    of_another("archive", &["--archive", "zip"]);
    fleet.spec.secret("another", &SEED.map(|byte| byte ^ 0x5a));
    let seed = fleet.spec.path().with_file_name("another");
    of_another("seed", &["--seed-file", seed.to_str().expect("a path")]);
    // Everything that may change a byte of the output, wherever it is.
    let changes = [
        ("name = \"parts\"", "name = \"party\""),
        ("2026-01-01T00", "2026-01-01T01"),
        ("10.0.1.1\"", "10.0.1.2\""),
        ("roles = [\"worker\"]", "roles = [\"worker\"]\nlabels = { a = \"b\" }"),
        (
            "roles = [\"worker\"]",
            "roles = [\"worker\"]\ntaints = [\"a=b:NoExecute\"]",
        ),
        ("[cluster]", "[components.kubelet.config]\nmaxPods = 7\n[cluster]"),
        ("[cluster]", "[components.kubelet.config]\nmaxPods = 8\n[cluster]"),
        (
            "[cluster]",
            "[components.etcd.flags]\nquota-backend-bytes = 7\n[cluster]",
        ),
        (
            "[cluster]",
            "[[files]]\non = \"all\"\nat = \"/etc/x\"\ncontent = \"1\\n\"\nmode = \"0644\"\n[cluster]",
        ),
        (
            "[cluster]",
            "[[files]]\non = \"all\"\nat = \"/etc/x\"\ncontent = \"2\\n\"\nmode = \"0644\"\n[cluster]",
        ),
        (
            "[cluster]",
            "[[files]]\non = \"all\"\nat = \"/etc/x\"\ncontent = \"2\\n\"\nmode = \"0600\"\n[cluster]",
        ),
        ("[cluster]", "[encryption]\nprovider = \"aescbc\"\n[cluster]"),
        ("[cluster]", "[load_balancer]\nport = 6444\n[cluster]"),
        ("[cluster]", "[runtime]\ngvisor = true\n[cluster]"),
        ("[cluster]", "[cluster]\nnames = [\"api.example\"]"),
        ("[cluster]", "[cluster]\nkubernetes = \"1.34.1\""),
    ];
    let mut wholes = BTreeSet::from([list(&fleet.parts[0]).whole]);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        fs::write(fleet.spec.path(), text.replacen(from, to, 1)).expect("cluster.toml");
        of_another(to, &[]);
        assert!(wholes.insert(list(&other).whole), "{to} has the identity of another");
    }
    // What changes no byte of the output changes no identity: comments, threads, the folder.
    fs::write(fleet.spec.path(), format!("# a comment\n{text}")).expect("cluster.toml");
    built(&fleet.spec.path(), &other, &["--shard", "2/3", "--jobs", "1"]);
    merged(&[fleet.parts[0].clone(), other, fleet.parts[2].clone()], &out);
}

/// What the identity is made of leaves nothing out but keys, which are in it in another way.
#[test]
fn a_cluster_shows_all_of_itself() {
    let cluster = |spec: &Path| {
        let sources = khw_gen::disk::Specification::open_with_keys(spec).expect("a specification");
        let checked = khw_gen::input::check(&sources);
        checked.unwrap_or_else(|problems| panic!("{problems:?}")).cluster
    };
    let spec = small().with_ecdsa_keys();
    assert_eq!(format!("{:?}", cluster(&spec.path())).matches("not shown").count(), 0);
    // With an authority that there was already: the one of an earlier output.
    let folder = TempDir::new().expect("a folder");
    let earlier = folder.path().join("earlier");
    built(&spec.path(), &earlier, &["--host", "admin"]);
    for name in ["ca.pem", "ca-key.pem"] {
        let bytes = fs::read(earlier.join("admin/rootfs/root/certs").join(name)).expect("an authority");
        spec.secret(name, &bytes);
    }
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(
        spec.path(),
        format!("{text}\n[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n"),
    )
    .expect("cluster.toml");
    fs::remove_file(spec.path().with_file_name("csr").join("ca-csr.json")).expect("a CSR file");
    let with_authority = format!("{:?}", cluster(&spec.path()));
    assert_eq!(with_authority.matches("not shown").count(), 1, "its key");
    let parts = shards(&spec.path(), folder.path(), 2, &[]);
    assert_ne!(list(&parts[0]).whole, list(&earlier).whole);
    built(&spec.path(), &folder.path().join("whole"), &[]);
    merged(&parts, &folder.path().join("joined"));
    assert_same(
        &folder.path().join("whole"),
        &folder.path().join("joined"),
        "with an authority",
    );
}

#[test]
fn a_damaged_part_is_refused_by_the_name_of_what_is_damaged() {
    let fleet = Parts::new();
    let out = fleet.path("out");
    let work = fleet.path("work");
    let part = &fleet.parts[1];
    let host = list(part).here().next().expect("a host").to_owned();
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    type Fault<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>, Vec<String>);
    let install = |work: &Path| work.join(&host).join("install.sh");
    let faults: Vec<Fault<'_>> = vec![
        (
            "a byte",
            Box::new(|work| fs::write(install(work), "#!/bin/sh\n").expect("a file")),
            vec![format!(
                "{host}/install.sh is damaged: it is not what the manifest was made over"
            )],
        ),
        (
            "an archive",
            Box::new(|work| fs::write(work.join(format!("{host}.tar.gz")), "").expect("a file")),
            vec![format!("{host}.tar.gz is damaged")],
        ),
        (
            "a mode",
            Box::new(|work| set_mode(&install(work), 0o700)),
            vec![
                format!("{host}/install.sh is damaged: its mode is 0700, and 0755"),
                "tar -xpf".to_owned(),
            ],
        ),
        (
            "a folder's mode",
            Box::new(|work| set_mode(&work.join(&host).join("rootfs"), 0o700)),
            vec![format!("{host}/rootfs is damaged: its mode")],
        ),
        (
            "missing",
            Box::new(|work| fs::remove_file(install(work)).expect("a file")),
            vec![format!(
                "{host}/install.sh is damaged: the manifest lists it, and it is not there"
            )],
        ),
        (
            "a folder is missing",
            Box::new(|work| fs::remove_dir_all(work.join(&host)).expect("a folder")),
            vec![format!("{host} is damaged: the manifest lists it, and it is not there")],
        ),
        (
            "more than is listed",
            Box::new(|work| fs::write(work.join(&host).join("rootfs/mine"), "").expect("a file")),
            vec![format!("{host}/rootfs/mine is damaged: the manifest does not list it")],
        ),
        (
            "more at the top",
            Box::new(|work| fs::write(work.join("mine"), "").expect("a file")),
            vec!["does not list mine".to_owned()],
        ),
        (
            "a link in the place of a file",
            Box::new(|work| {
                fs::rename(install(work), work.join("../elsewhere")).expect("a file");
                symlink("../../elsewhere", install(work)).expect("a link");
            }),
            vec![format!("{host}/install.sh is damaged: it is of another kind")],
        ),
        (
            "the list",
            Box::new(|work| {
                let path = work.join(PART);
                let text = fs::read_to_string(&path).expect("a list");
                fs::write(path, text.replacen("\n+ ", "\n- ", 1)).expect("a list");
            }),
            vec!["its PART is not the one that its MANIFEST lists".to_owned()],
        ),
        (
            "half a list",
            Box::new(|work| fs::write(work.join(PART), "# khw-gen part 1\n").expect("a list")),
            vec!["line 1 is not the header".to_owned()],
        ),
        (
            "no manifest",
            Box::new(|work| fs::remove_file(work.join("MANIFEST")).expect("a manifest")),
            vec!["there is no MANIFEST in it".to_owned()],
        ),
        (
            "half a manifest",
            Box::new(|work| {
                let text = fs::read_to_string(work.join("MANIFEST")).expect("a manifest");
                fs::write(work.join("MANIFEST"), &text[..text.len() / 2]).expect("a manifest");
            }),
            vec!["in its MANIFEST".to_owned()],
        ),
        (
            "a manifest that says something else",
            Box::new(|work| {
                let text = fs::read_to_string(work.join("MANIFEST")).expect("a manifest");
                fs::write(work.join("MANIFEST"), text.replacen("0755", "0777", 1)).expect("a manifest");
            }),
            vec!["its MANIFEST and its SHA256SUMS do not say the same".to_owned()],
        ),
        (
            "no sums",
            Box::new(|work| fs::remove_file(work.join("SHA256SUMS")).expect("sums")),
            vec!["there is no SHA256SUMS in it".to_owned()],
        ),
    ];
    for (what, fault, expected) in &faults {
        let _ = fs::remove_dir_all(&work);
        must(Command::new("cp").arg("-a").arg(part).arg(&work));
        fault(&work);
        let expected: Vec<&str> = expected.iter().map(String::as_str).chain(["work"]).collect();
        println!("{what}");
        refused(
            &[fleet.parts[0].clone(), work.clone(), fleet.parts[2].clone()],
            &out,
            &expected,
        );
    }
    // All of it in one run: damages of two parts, a gap and an output that can't be.
    let _ = fs::remove_dir_all(&work);
    must(Command::new("cp").arg("-a").arg(part).arg(&work));
    fs::write(install(&work), "").expect("a file");
    fs::remove_file(fleet.parts[0].join("lb.tar.gz")).expect("an archive");
    let file = fleet.path("file");
    fs::write(&file, "").expect("a file");
    let expected = [
        "install.sh is damaged",
        "lb.tar.gz is damaged",
        "no part has worker-02",
        "is not a folder",
    ];
    refused(&[fleet.parts[0].clone(), work], &file, &expected);
}

#[test]
fn verify_and_diff_know_a_part() {
    let spec = small();
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let parts = shards(&spec.path(), folder.path(), 3, &[]);
    built(&spec.path(), &path("whole"), &[]);
    let verify = |path: &Path, more: &[&str]| run(khw_gen().arg("verify").arg(path).args(["--at", AT]).args(more));
    let output = verify(&parts[1], &[]);
    assert!(
        said(&output).contains("a part of a fleet, 3 of 9 hosts"),
        "{}",
        said(&output)
    );
    let spec_path = spec.path();
    let output = verify(&parts[1], &["--spec", spec_path.to_str().expect("a path")]);
    assert!(
        output.status.success() && said(&output).contains("makes the same"),
        "{}",
        said(&output)
    );
    // The same folders without the list lack hosts.
    let copy = path("copy");
    must(Command::new("cp").arg("-a").arg(&parts[1]).arg(&copy));
    fs::remove_file(copy.join(PART)).expect("a list");
    assert!(!verify(&copy, &[]).status.success());
    for (from, to, expected) in [
        ("+ cp2", "- cp2", "does not say that cp2 is in this part"),
        ("- cp1", "+ cp1", "says that cp1 is in this part"),
        ("# khw-gen part", "# part", "no list of the hosts"),
    ] {
        let text = fs::read_to_string(parts[1].join(PART))
            .expect("a list")
            .replacen(from, to, 1);
        fs::write(copy.join(PART), text).expect("a list");
        let output = verify(&copy, &[]);
        assert!(
            output.status.code() == Some(1) && said(&output).contains(expected),
            "{}",
            said(&output)
        );
        assert!(said(&output).contains("checksum-mismatch"), "{}", said(&output));
    }
    let empty = path("empty");
    built(&spec.path(), &empty, &["--shard", "1/99"]);
    assert!(findings(&empty).is_empty());

    let diff = |old: &Path, new: &Path| run(khw_gen().arg("diff").arg(old).arg(new));
    for (old, new) in [
        (&parts[1], &path("whole")),
        (&path("whole"), &parts[1]),
        (&parts[1], &spec.path()),
        (&spec.path(), &parts[1]),
        (&parts[1], &parts[1]),
        (&path("whole"), &empty),
    ] {
        let output = diff(old, new);
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{old:?} {new:?}: {}",
            said(&output)
        );
        assert!(said(&output).contains("is a part of a fleet"), "{}", said(&output));
    }
    let output = diff(&parts[0], &parts[1]);
    assert!(
        output.status.code() == Some(2) && said(&output).contains("no host in common"),
        "{}",
        said(&output)
    );
    // A host that the part has and the new whole hasn't is gone; one that it never knew of is new.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path(), text.replace("worker-{n:02}", "node-{n:02}")).expect("cluster.toml");
    let output = diff(&parts[1], &spec.path());
    let shown = said(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(
        shown.contains("- worker-01: no longer a host") && shown.contains("+ node-01: a new host"),
        "{shown}"
    );
    assert!(!shown.contains("- worker-02"), "{shown}");
    // A golden is something else.
    let output = run(khw_gen().args(["golden", "check"]).arg(spec.path()).arg(&parts[0]));
    assert!(
        output.status.code() == Some(2) && said(&output).contains("is no golden"),
        "{}",
        said(&output)
    );
    let output = run(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&parts[0]));
    assert!(
        output.status.code() == Some(1) && said(&output).contains("will not be replaced"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_list_of_a_part_holds_no_secret() {
    let spec = small().with_ecdsa_keys();
    let out = spec.path().with_file_name("out");
    let output = build(&spec.path(), &out, &["--host", "admin", "--host", "cp1"]);
    assert!(output.status.success());
    let text = fs::read(out.join(PART)).expect("a list");
    let mut secrets = vec![SEED.to_vec()];
    for (name, bytes) in files_below(&out.join("admin/rootfs/root/certs")) {
        if name.ends_with("-key.pem") {
            let body: String = String::from_utf8_lossy(&bytes)
                .lines()
                .filter(|line| !line.starts_with('-'))
                .collect();
            secrets.push(piece_of_key(&decode(body.as_bytes())).to_vec());
        }
    }
    assert!(secrets.len() > 5);
    for secret in secrets {
        let secret = forms(&secret);
        assert!(!holds(&text, &secret) && !holds(said(&output).as_bytes(), &secret));
    }
    // Nor does anything that merge says of parts that are damaged.
    let key = out.join("cp1/rootfs/var/lib/kubernetes/ca-key.pem");
    let bytes = fs::read(&key).expect("a key");
    let body: String = String::from_utf8_lossy(&bytes)
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    fs::write(&key, [bytes.as_slice(), b"\n"].concat()).expect("a key");
    let refusal = merge(std::slice::from_ref(&out), &spec.path().with_file_name("joined"));
    assert!(said(&refusal).contains("ca-key.pem is damaged"), "{}", said(&refusal));
    assert!(!holds(
        said(&refusal).as_bytes(),
        &forms(piece_of_key(&decode(body.as_bytes())))
    ));
}

// --- the examples in docs/fleets ----------------------------------------------------------------------------------------

const FEW: [&str; 4] = [
    "admin 10.0.0.2 admin",
    "control 10.0.0.11 control-plane etcd",
    "node1 10.0.0.21 worker",
    "node2 10.0.0.22 worker",
];

fn example(name: &str) -> String {
    fs::read_to_string(project().join("docs/fleets").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A shell in `folder` that finds khw-gen, and of everything else what is in `path`.
fn shell(folder: &Path, path: &str) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_khw-gen")).parent().expect("a folder");
    let mut command = Command::new("/bin/sh");
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", format!("{}:{path}", own.display()));
    command
}

fn path() -> String {
    support::path().into_string().expect("a path that is text")
}

/// Runs the script on a fleet, in a folder with a space in its name.
fn run_script(path: &str) {
    let spec = lasting(&FEW);
    let folder = spec.path().with_file_name("a fleet");
    fs::create_dir(&folder).expect("a folder");
    let script = project().join("docs/fleets/parallel.sh");
    let mut command = shell(&folder, path);
    command.arg(&script).arg(spec.path()).args(["3", "my out"]);
    must(&mut command);
    built(&spec.path(), &folder.join("whole"), &[]);
    assert_same(&folder.join("whole"), &folder.join("my out"), "by the script");
    assert!(!folder.join("my out.parts").exists());
    // A shard that fails stops it.
    fs::write(spec.path(), "").expect("cluster.toml");
    let output = run(&mut command);
    assert!(!output.status.success(), "{}", said(&output));
    assert_same(&folder.join("whole"), &folder.join("my out"), "after a failure");
}

#[test]
fn the_script_runs_with_gnu_parallel() {
    let test = "a fleet with GNU parallel";
    let Some(parallel) = program("parallel", test) else {
        return;
    };
    if !must(Command::new(&parallel).arg("--version")).contains("GNU") {
        return skip(test, "parallel is another program of that name");
    }
    run_script(&path());
}

#[test]
fn the_script_runs_with_xargs() {
    let needed = ["sh", "grep", "seq", "xargs", "nproc", "mkdir", "rm"];
    let programs: Option<Vec<PathBuf>> = needed.iter().map(|name| program(name, "a fleet with xargs")).collect();
    let Some(programs) = programs else { return };
    let folder = TempDir::new().expect("a folder");
    for (name, path) in needed.iter().zip(programs) {
        symlink(fs::canonicalize(path).expect("a program"), folder.path().join(name)).expect("a link");
    }
    run_script(folder.path().to_str().expect("a path"));
}

fn yaml(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}")))
        .collect()
}

#[test]
fn the_workflow_builds_and_joins() {
    let workflow = yaml(&example("github.yaml")).remove(0);
    let (part, join) = (&workflow["jobs"]["part"], &workflow["jobs"]["merge"]);
    let steps = |job: &Value| -> Vec<String> {
        let steps = job["steps"].as_array().expect("steps").iter();
        let runs = steps.filter_map(|step| step["run"].as_str().map(str::to_owned));
        // What is installed is the program that is tested.
        runs.filter(|run| !run.starts_with("cargo install")).collect()
    };
    assert_eq!(join["needs"], "part");
    assert_eq!(part["env"]["SHARD"], "${{ matrix.shard }}");
    assert_eq!(part["env"]["SHARDS"], "${{ strategy.job-total }}");
    let shards: Vec<u64> = part["strategy"]["matrix"]["shard"]
        .as_array()
        .expect("a matrix")
        .iter()
        .map(|shard| shard.as_u64().expect("a number"))
        .collect();
    assert_eq!(
        shards,
        (1..=shards.len() as u64).collect::<Vec<_>>(),
        "the matrix has every shard"
    );
    if program("openssl", "the workflow of a fleet").is_none() || program("tar", "the workflow of a fleet").is_none() {
        return;
    }
    let spec = lasting(&FEW);
    let seed: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = spec.path().parent().expect("a folder").to_owned();
    let run_steps = |job: &Value, folder: &Path, variables: &[(&str, String)]| {
        for step in steps(job) {
            let mut command = shell(folder, &path());
            command.envs(variables.iter().map(|(name, value)| (*name, value)));
            // As the runner does it, without pipefail.
            must(command.env("PASSPHRASE", "a passphrase").args(["-e", "-c", &step]));
        }
    };
    let other = TempDir::new().expect("another machine");
    fs::create_dir(other.path().join("packed")).expect("a folder");
    for shard in &shards {
        let variables = [
            ("SHARD", shard.to_string()),
            ("SHARDS", shards.len().to_string()),
            ("SEED", seed.clone()),
        ];
        run_steps(part, &folder, &variables);
        let packed = format!("part-{shard}.tar.enc");
        fs::copy(folder.join(&packed), other.path().join("packed").join(&packed)).expect("an artifact");
    }
    run_steps(join, other.path(), &[]);
    built(&spec.path(), &folder.join("whole"), &[]);
    assert_same(&folder.join("whole"), &other.path().join("out"), "by the workflow");
}

#[test]
fn the_jobs_build_and_join() {
    let documents = yaml(&example("kubernetes.yaml"));
    let claim = documents
        .iter()
        .find(|one| one["kind"] == "PersistentVolumeClaim")
        .expect("a claim");
    let job = documents.iter().find(|one| one["kind"] == "Job").expect("a job");
    let join = yaml(&example("kubernetes-merge.yaml")).remove(0);
    let pod = |job: &Value| job["spec"]["template"]["spec"].clone();
    let container = |job: &Value| pod(job)["containers"][0].clone();
    let count = job["spec"]["completions"].as_u64().expect("completions");
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    for job in [job, &join] {
        assert_eq!(container(job)["env"][0]["value"], count.to_string(), "SHARDS");
        assert!(pod(job).get("securityContext").is_none(), "fsGroup changes modes");
        let volumes = pod(job)["volumes"].as_array().expect("volumes").clone();
        let mounts = container(job)["volumeMounts"].as_array().expect("mounts").clone();
        let names = |list: &[Value]| -> BTreeSet<String> { list.iter().map(|one| one["name"].to_string()).collect() };
        assert_eq!(names(&volumes), names(&mounts));
        let of_claim = volumes
            .iter()
            .find_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        assert_eq!(of_claim, claim["metadata"]["name"].as_str());
        assert_eq!(container(job)["command"], serde_json::json!(["sh", "-euc"]));
    }
    let volumes = pod(job)["volumes"].as_array().expect("volumes").clone();
    let seed = volumes
        .iter()
        .find(|volume| volume["name"] == "seed")
        .expect("the seed");
    let seed_mode = seed["secret"]["defaultMode"].as_u64().expect("a mode") as u32;
    assert_eq!(seed_mode, 0o400);

    // As a volume of a ConfigMap or a Secret looks: links into a folder that is a link.
    let spec = lasting(&FEW);
    let root = TempDir::new().expect("a root");
    let volume = |name: &str, files: &[(&str, &[u8], u32)]| {
        let folder = root.path().join(name);
        fs::create_dir_all(folder.join("..2026")).expect("a folder");
        symlink("..2026", folder.join("..data")).expect("a link");
        for (file, bytes, mode) in files {
            fs::write(folder.join("..2026").join(file), bytes).expect("a file");
            fs::set_permissions(folder.join("..2026").join(file), fs::Permissions::from_mode(*mode)).expect("a mode");
            symlink(format!("..data/{file}"), folder.join(file)).expect("a link");
        }
    };
    let csr = spec.path().with_file_name("csr");
    let csr_files = files_below(&csr);
    let csr_files: Vec<(&str, &[u8], u32)> = csr_files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice(), 0o644))
        .collect();
    let text = fs::read_to_string(spec.path())
        .expect("cluster.toml")
        .replace("[pki]", "[pki]\ncsr = \"../csr\"");
    volume("spec", &[("cluster.toml", text.as_bytes(), 0o644)]);
    volume("csr", &csr_files);
    volume("seed", &[("seed", &SEED, seed_mode)]);
    fs::create_dir(root.path().join("fleet")).expect("a folder");
    let run_job = |job: &Value, index: u64| {
        let container = container(job);
        let mut script = container["args"][0].as_str().expect("a script").to_owned();
        for mount in container["volumeMounts"].as_array().expect("mounts") {
            let at = mount["mountPath"].as_str().expect("a path");
            let inside = root.path().join(&at[1..]);
            script = script.replace(&format!("{at}/"), &format!("{}/", inside.display()));
        }
        let mut command = shell(root.path(), &path());
        let command = command
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .env("SHARDS", count.to_string());
        must(command.args(["-euc", &script]));
    };
    for index in (0..count).rev() {
        run_job(job, index);
    }
    run_job(&join, 0);
    built(&spec.path(), &root.path().join("whole"), &[]);
    assert_same(&root.path().join("whole"), &root.path().join("fleet/out"), "by jobs");
    assert_eq!(
        fs::read_dir(root.path().join("fleet")).expect("a folder").count(),
        1,
        "the parts are gone"
    );
}
