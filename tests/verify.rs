//! `verify` is silent on what the program makes, and finds every single fault that is put into it; `inspect` lists all.
//!
//! [`FAULTS`] is the table: one change to a good bundle, and the code that has to be reported. Bundles are changed in memory.

#[path = "support/examples.rs"]
mod examples;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use khw_gen::audit::{Finding, audit};
use khw_gen::diagnostic::{Severity, verify_codes};
use khw_gen::disk::{TreeEntry, read_tree};
use khw_gen::found::{Node, Nodes, from_archive, from_folder};
use khw_gen::pki::cfssl::{self, Authority, ExtendedKeyUsage, KeyUsage, Name, Profile, Request, Usage};
use khw_gen::pki::inspect::{Certificate, Item, items};
use khw_gen::pki::key::{KeyPair, PublicKey};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::x509::to_pem;
use rayon::prelude::*;
use support::{build, khw_gen, project, run, said};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);
const AT_TEXT: &str = "2026-06-01T00:00:00Z";

fn nodes_of(folder: &Path) -> Nodes {
    let entries = read_tree(folder).expect("a folder").into_iter();
    entries
        .map(|(path, entry)| {
            let node = match entry {
                TreeEntry::Directory { mode } => Node::Directory { mode: Some(mode) },
                TreeEntry::File { mode, content } => Node::File {
                    mode: Some(mode),
                    root_owned: None,
                    content,
                },
                _ => Node::Other { what: "link" },
            };
            (path, node)
        })
        .collect()
}

fn built(case: &str) -> Nodes {
    let (_folder, out) = build(&project().join("specs").join(case).join("cluster.toml"));
    nodes_of(&out)
}

static BUNDLES: LazyLock<BTreeMap<&'static str, Nodes>> = LazyLock::new(|| {
    ["walkthrough", "three-masters", "dual-stack"]
        .map(|case| (case, built(case)))
        .into()
});

#[test]
fn nothing_is_wrong_with_what_the_program_makes() {
    let mut cases: Vec<_> = fs::read_dir(project().join("specs"))
        .expect("specifications")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 10, "{cases:?}");
    for case in cases {
        let (_folder, out) = build(&case.join("cluster.toml"));
        let found = from_folder("out", nodes_of(&out));
        let errors = errors_of(audit(&found, AT));
        assert!(errors.is_empty(), "{}: {errors:#?}", case.display());
        // And each host alone, as folder and as archive.
        for (name, bytes) in support::files_below(&out)
            .iter()
            .filter(|(name, _)| name.ends_with(".tar.gz"))
        {
            let errors = errors_of(audit(&from_archive(name, bytes), AT));
            assert!(errors.is_empty(), "{} {name}: {errors:#?}", case.display());
        }
    }
}

fn errors_of(findings: Vec<Finding>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| finding.row().severity == Severity::Error)
        .collect()
}

// --- faults ------------------------------------------------------------------------------------------------------------

/// One change to a bundle. Paths are `host/path on the host`, or `@path` from the top of the output.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Replaces a text, which has to be there.
    Edit(&'static str, &'static str, &'static str),
    Remove(&'static str),
    Mode(&'static str, u32),
    /// Puts the content of one file in another's place.
    Copy(&'static str, &'static str),
    Swap(&'static str, &'static str),
    /// Keeps the first bytes alone.
    Cut(&'static str, usize),
    Write(&'static str, &'static str),
    /// Gives a line `field: …` of a kubeconfig the value that it has in another.
    Field(&'static str, &'static str, &'static str),
    /// Issues the certificate anew by an authority (its certificate and key) with something different.
    Reissue(&'static str, &'static str, &'static str, Differently),
    Link(&'static str),
    /// Judges at another instant.
    At(OffsetDateTime),
}

#[derive(Clone, Copy, Debug)]
enum Differently {
    CommonName(&'static str),
    Without(&'static str),
    With(&'static str),
    ServerOnly,
    ClientOnly,
    NeitherUse,
    Expired,
    Later,
    Outlives,
    Organization(&'static str),
}

use Change::*;
use Differently::*;

/// bundle | change | code that has to be reported.
#[rustfmt::skip]
const FAULTS: &[(&str, Change, &str)] = &include!("verify/faults.in");

fn key_of(path: &str) -> String {
    match path.strip_prefix('@') {
        Some(path) => path.to_owned(),
        None => {
            let (host, path) = path.split_once('/').expect("a host and a path");
            format!("{host}/rootfs/{path}")
        }
    }
}

fn content(nodes: &Nodes, path: &str) -> Vec<u8> {
    match nodes.get(&key_of(path)) {
        Some(Node::File { content, .. }) => content.expose().to_vec(),
        other => panic!("{path} is {other:?}"),
    }
}

fn put(nodes: &mut Nodes, path: &str, bytes: Vec<u8>) {
    let mode = match nodes.get(&key_of(path)) {
        Some(Node::File { mode, .. }) => *mode,
        _ => Some(0o644),
    };
    let file = Node::File {
        mode,
        root_owned: None,
        content: SecretBytes::from(bytes),
    };
    nodes.insert(key_of(path), file);
}

fn field<'t>(text: &'t str, field: &str) -> &'t str {
    let line = text.lines().find(|line| line.trim().starts_with(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("there is no {field}"))
}

fn certificate(pem: &[u8]) -> Certificate {
    match items(pem).into_iter().next() {
        Some(Item::Certificate(certificate)) => *certificate,
        other => panic!("not a certificate: {other:?}"),
    }
}

fn reissue(pem: &[u8], authority: &[u8], key: &[u8], differently: Differently) -> Vec<u8> {
    let old = certificate(pem);
    let authority = certificate(authority);
    let mut hosts: Vec<String> = old
        .dns
        .iter()
        .cloned()
        .chain(old.ips.iter().map(|ip| ip.to_string()))
        .collect();
    let mut cn = old.common_name.clone().expect("a common name");
    let mut o = old.organizations.first().cloned().unwrap_or_default();
    let mut usages = vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
    let (mut not_before, mut not_after) = (old.not_before, old.not_after);
    match differently {
        CommonName(name) => cn = name.to_owned(),
        Organization(name) => o = name.to_owned(),
        Without(host) => {
            let before = hosts.len();
            hosts.retain(|one| one != host);
            assert!(hosts.len() < before, "{host} is not in {hosts:?}");
        }
        With(host) => hosts.push(host.to_owned()),
        ServerOnly => usages = vec![ExtendedKeyUsage::ServerAuth],
        ClientOnly => usages = vec![ExtendedKeyUsage::ClientAuth],
        NeitherUse => usages = vec![ExtendedKeyUsage::CodeSigning],
        Expired => not_after = AT - Duration::days(1),
        Later => not_before = AT + Duration::days(1),
        Outlives => not_after = authority.not_after + Duration::days(1),
    }
    let request = Request {
        cn,
        names: vec![Name { o, ..Name::default() }],
        serial_number: String::new(),
        hosts,
        key: khw_gen::pki::key::Algorithm::Ecdsa(khw_gen::pki::key::Curve::P256),
        ca: None,
        crl_url: String::new(),
        delegation_enabled: false,
        extensions: Vec::new(),
    };
    let profile = Profile {
        usages: [Usage::Key(KeyUsage::DigitalSignature)]
            .into_iter()
            .chain(usages.into_iter().map(Usage::Extended))
            .collect(),
        expiry: Duration::days(30),
        not_before: Some(not_before),
        not_after: Some(not_after),
        ..Profile::default()
    };
    let public = PublicKey::from_spki_der(&old.public_key).expect("a key");
    let pair = KeyPair::from_pem(key).expect("the authority's key");
    let issuer = Authority {
        certificate: &authority.der,
        key: &pair,
    };
    let der = cfssl::leaf(&request, &public, &profile, &issuer, AT).expect("a certificate");
    to_pem("CERTIFICATE", &der).into_bytes()
}

fn apply(nodes: &mut Nodes, change: Change) -> OffsetDateTime {
    match change {
        Edit(path, from, to) => {
            let text = String::from_utf8(content(nodes, path)).expect("text");
            assert!(text.contains(from), "{path} does not hold {from}");
            put(nodes, path, text.replacen(from, to, 1).into_bytes());
        }
        Remove(path) => {
            nodes
                .remove(&key_of(path))
                .unwrap_or_else(|| panic!("{path} is not there"));
        }
        Mode(path, new) => match nodes.get_mut(&key_of(path)) {
            Some(Node::File { mode, .. } | Node::Directory { mode }) => *mode = Some(new),
            other => panic!("{path} is {other:?}"),
        },
        Copy(from, to) => {
            let bytes = content(nodes, from);
            assert_ne!(bytes, content(nodes, to), "{from} is {to}");
            put(nodes, to, bytes);
        }
        Swap(one, other) => {
            let (first, second) = (content(nodes, one), content(nodes, other));
            put(nodes, one, second);
            put(nodes, other, first);
        }
        Cut(path, length) => {
            let mut bytes = content(nodes, path);
            bytes.truncate(length);
            put(nodes, path, bytes);
        }
        Write(path, text) => put(nodes, path, text.as_bytes().to_vec()),
        Field(path, name, other) => {
            let text = String::from_utf8(content(nodes, path)).expect("text");
            let other = String::from_utf8(content(nodes, other)).expect("text");
            assert_ne!(field(&text, name), field(&other, name));
            let changed = text.replace(field(&text, name), field(&other, name));
            put(nodes, path, changed.into_bytes());
        }
        Reissue(path, authority, key, differently) => {
            let bytes = reissue(
                &content(nodes, path),
                &content(nodes, authority),
                &content(nodes, key),
                differently,
            );
            put(nodes, path, bytes);
        }
        Link(path) => {
            nodes.insert(key_of(path), Node::Other { what: "symbolic link" });
        }
        At(instant) => return instant,
    }
    AT
}

/// What a fault leads to, besides that the manifests no longer fit.
fn findings_of(case: &str, change: Change) -> BTreeSet<&'static str> {
    let mut nodes = BUNDLES[case].clone();
    // What is not about manifests and archives is faster without.
    let about_integrity = matches!(change, Edit(path, ..) | Remove(path) | Mode(path, _) | Write(path, _) | Cut(path, _) if path.starts_with('@'));
    let at = apply(&mut nodes, change);
    if !about_integrity {
        nodes.retain(|path, _| !path.ends_with(".tar.gz") && !path.ends_with("MANIFEST") && path != "SHA256SUMS");
    }
    let findings = audit(&from_folder("out", nodes), at);
    let codes = findings.iter().map(|finding| finding.code);
    codes
        .filter(|code| about_integrity || *code != "bad-manifest")
        .collect()
}

#[test]
fn every_fault_is_found() {
    let before: BTreeMap<&str, BTreeSet<&str>> = BUNDLES
        .keys()
        .map(|case| {
            let quiet = audit(&from_folder("out", BUNDLES[case].clone()), AT);
            (*case, quiet.iter().map(|finding| finding.code).collect())
        })
        .collect();
    let missed: Vec<String> = FAULTS
        .par_iter()
        .filter_map(|(case, change, code)| {
            assert!(
                !before[case].contains(code),
                "{code} is found in {case} before anything is wrong"
            );
            assert!(
                verify_codes::CODES.iter().any(|row| row.name == *code),
                "there is no code {code}"
            );
            let found = findings_of(case, *change);
            (!found.contains(code)).then(|| format!("{case} {change:?}: {code} is not among {found:?}"))
        })
        .collect();
    let distinct: BTreeSet<String> = FAULTS
        .iter()
        .map(|(case, change, _)| format!("{case} {change:?}"))
        .collect();
    assert_eq!(distinct.len(), FAULTS.len(), "no fault twice");
    println!("{} of {} faults found", FAULTS.len() - missed.len(), FAULTS.len());
    assert!(
        missed.is_empty(),
        "{} of {} missed:\n{}",
        missed.len(),
        FAULTS.len(),
        missed.join("\n")
    );
    assert!(FAULTS.len() >= 150, "{}", FAULTS.len());
}

/// What no change to a good bundle leads to; [`what_no_fault_can_make_is_found_too`] has it.
const ELSEWHERE: [&str; 5] = [
    "archive-limit",
    "archive-owner",
    "broken-digest",
    "weak-key",
    "unknown-issuer",
];

/// The mode that `ls -l` shows in front of a plain file.
fn listed_mode(line: &str) -> Option<u32> {
    let bits = line
        .split(' ')
        .next()?
        .strip_prefix('-')
        .filter(|bits| bits.len() == 9)?;
    bits.chars()
        .zip("rwxrwxrwx".chars())
        .try_fold(0, |mode, (bit, set)| match bit {
            '-' => Some(mode << 1),
            bit if bit == set => Some(mode << 1 | 1),
            _ => None,
        })
}

/// Whether the finding is reported where its example is put into a good bundle, or else is a fault in the same file.
fn example_is_found(row: &khw_gen::diagnostic::Code) -> bool {
    let (bundle, example) = ("three-masters", &row.example);
    let path: &'static str = match example.place.split_once(": /") {
        Some((host, path)) => format!("{host}/{path}").leak(),
        None => format!("@{}", example.place).leak(),
    };
    let text = match BUNDLES[bundle].get(&key_of(path)) {
        Some(Node::File { content, .. }) => std::str::from_utf8(content.expose()).ok(),
        _ => None,
    };
    let edited = text.and_then(|text| examples::exchanged(text, example.right, example.wrong));
    let change = match (text.and(listed_mode(example.wrong[0])), edited) {
        (Some(mode), _) if example.wrong.len() == 1 => Change::Mode(path, mode),
        (_, Some(edited)) => Change::Write(path, edited.leak()),
        _ => {
            let file = path.rsplit('/').next().expect("a name").trim_start_matches('@');
            let in_the_file = |change: &Change| format!("{change:?}").contains(file);
            return FAULTS
                .iter()
                .any(|(_, change, code)| *code == row.name && in_the_file(change));
        }
    };
    findings_of(bundle, change).contains(row.name)
}

#[test]
fn every_example_is_found() {
    let missed: Vec<&str> = verify_codes::CODES
        .par_iter()
        .filter(|row| !ELSEWHERE.contains(&row.name) && !example_is_found(row))
        .map(|row| row.name)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_no_fault_can_make_is_found_too() {
    let codes = |found: &khw_gen::found::Found| -> BTreeSet<&str> {
        audit(found, AT).iter().map(|finding| finding.code).collect()
    };
    let alone = |pem: &[u8]| {
        let file = Node::File {
            mode: Some(0o644),
            root_owned: None,
            content: SecretBytes::from(pem.to_vec()),
        };
        codes(&from_folder("certs", [("one.pem".to_owned(), file)].into()))
    };
    assert!(alone(include_bytes!("verify/sha1.pem")).contains("broken-digest"));
    assert!(alone(include_bytes!("verify/rsa1024.pem")).contains("weak-key"));
    let leaf = content(&BUNDLES["walkthrough"], "node1/var/lib/kubelet/node1.pem");
    assert!(alone(&leaf).contains("unknown-issuer"));
    assert!(!alone(&leaf).contains("weak-key"));

    let entry = [("h/rootfs/etc/motd", tar::EntryType::Regular, &b"x"[..])];
    let roots = tar_of(&entry);
    assert!(!codes(&from_archive("h.tar", &roots)).contains("archive-owner"));
    let mut header = tar::Header::from_byte_slice(&roots[..512]).clone();
    header.set_uid(1000);
    header.set_cksum();
    let alices = [&header.as_bytes()[..], &roots[512..]].concat();
    assert!(codes(&from_archive("h.tar", &alices)).contains("archive-owner"));
}

#[test]
fn the_page_of_findings_is_the_table() {
    let path = project().join("docs/findings.md");
    if std::env::var_os("KHW_BLESS").is_some() {
        fs::write(&path, verify_codes::page()).expect("the page can be written");
    }
    let page = fs::read_to_string(&path).expect("docs/findings.md");
    assert_eq!(
        page,
        verify_codes::page(),
        "run the test with KHW_BLESS=1 to rewrite the page"
    );
    for (index, row) in verify_codes::CODES.iter().enumerate() {
        assert!(
            verify_codes::CODES[..index].iter().all(|other| other.name != row.name),
            "{}",
            row.name
        );
        assert!(
            khw_gen::diagnostic::Code::by_name(row.name).is_none(),
            "{} is a diagnostic too",
            row.name
        );
    }
}

// --- hostile archives --------------------------------------------------------------------------------------------------

fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn hostile_archives_are_findings() {
    use tar::EntryType;
    let codes = |bytes: &[u8]| -> BTreeSet<&str> {
        audit(&from_archive("h.tar", bytes), AT)
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    let file = EntryType::Regular;
    for (entries, code) in [
        (vec![("../evil", file, &b"x"[..])], "unsafe-entry"),
        (vec![("h/../../evil", file, b"x")], "unsafe-entry"),
        (vec![("/etc/passwd", file, b"x")], "unsafe-entry"),
        (vec![("h//x", file, b"x")], "unsafe-entry"),
        (vec![("h/./x", file, b"x")], "unsafe-entry"),
        (vec![("h\\x", file, b"x")], "unsafe-entry"),
        (vec![("C:x", file, b"x")], "unsafe-entry"),
        (vec![("h/a\x1b[2J", file, b"x")], "unsafe-entry"),
        (vec![("h/link", EntryType::Symlink, b"")], "unsafe-entry"),
        (vec![("h/link", EntryType::Link, b"")], "unsafe-entry"),
        (vec![("h/dev", EntryType::Char, b"")], "unsafe-entry"),
        (vec![("h/pipe", EntryType::Fifo, b"")], "unsafe-entry"),
        (vec![("h/a", file, b"x"), ("h/a", file, b"y")], "unsafe-entry"),
        (
            vec![(
                "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
                file,
                b"x",
            )],
            "archive-limit",
        ),
    ] {
        let found = codes(&tar_of(&entries));
        assert!(found.contains(code), "{entries:?}: {found:?}");
    }
    assert!(codes(b"").contains("damaged-archive"));
    assert!(codes(b"PK\x03\x04 nonsense").contains("damaged-archive"));
    assert!(codes(&[0x1f, 0x8b, 8, 0, 1, 2]).contains("damaged-archive"));

    // 300 MiB of zeros in 300 KiB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        bomb.write_all(&zeros).expect("memory");
    }
    assert!(codes(&bomb.finish().expect("a bomb")).contains("archive-limit"));

    // Whatever is cut off or flipped, it is told and nothing panics.
    let Some(Node::File { content, .. }) = BUNDLES["dual-stack"].get("node1.tar.gz") else {
        panic!("there is no archive")
    };
    let good = content.expose();
    for cut in (0..good.len()).step_by(good.len() / 40) {
        assert!(!codes(&good[..cut]).is_empty(), "cut off at {cut}");
    }
    for at in (10..good.len()).step_by(good.len() / 40) {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x55;
        assert!(!codes(&bytes).is_empty(), "flipped at {at}");
    }
}

// --- by hand -----------------------------------------------------------------------------------------------------------

#[test]
fn a_folder_made_by_hand_is_judged_by_the_names_of_its_files() {
    let bundle = &BUNDLES["walkthrough"];
    let prefix = "control/rootfs/root/certs/";
    let good: Nodes = bundle
        .iter()
        .filter_map(|(path, node)| Some((path.strip_prefix(prefix)?.to_owned(), node.clone())))
        .collect();
    let errors = errors_of(audit(&from_folder("certs", good.clone()), AT));
    assert!(errors.is_empty(), "{errors:#?}");

    let file = |nodes: &Nodes, path: &str| match nodes.get(path) {
        Some(Node::File { content, .. }) => content.expose().to_vec(),
        other => panic!("{path} is {other:?}"),
    };
    let codes = |nodes: Nodes| -> BTreeSet<&str> {
        audit(&from_folder("certs", nodes), AT)
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    let with = |path: &str, bytes: Vec<u8>, mode: u32| {
        let mut nodes = good.clone();
        let node = Node::File {
            mode: Some(mode),
            root_owned: None,
            content: SecretBytes::from(bytes),
        };
        nodes.insert(path.to_owned(), node);
        nodes
    };
    let (ca, ca_key) = (file(&good, "ca.pem"), file(&good, "ca-key.pem"));
    for name in [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ] {
        let without = reissue(&file(&good, "kubernetes.pem"), &ca, &ca_key, Without(name));
        assert!(
            codes(with("kubernetes.pem", without, 0o644)).contains("service-name-missing"),
            "{name}"
        );
    }
    let without = reissue(&file(&good, "kubernetes.pem"), &ca, &ca_key, Without("10.128.15.226"));
    assert!(codes(with("kubernetes.pem", without, 0o644)).contains("address-not-covered"));
    let encryption = file(&good, "encryption-config.yaml");
    assert!(codes(with("encryption-config.yaml", encryption, 0o644)).contains("secret-exposed"));
    assert!(codes(with("node1.pem", file(&good, "node2.pem"), 0o644)).contains("key-mismatch"));
    assert!(codes(with("node1.pem", file(&good, "node2.pem"), 0o644)).contains("wrong-identity"));
    assert!(codes(with("node1.kubeconfig", file(&good, "node2.kubeconfig"), 0o600)).contains("wrong-identity"));
    let misspelt = reissue(
        &file(&good, "kube-scheduler.pem"),
        &ca,
        &ca_key,
        CommonName("system:system:kube-scheduler"),
    );
    assert!(codes(with("kube-scheduler.pem", misspelt, 0o644)).contains("wrong-identity"));
}

// --- the commands ------------------------------------------------------------------------------------------------------

#[test]
fn the_commands_say_what_they_found_by_their_exit_codes() {
    let (_folder, out) = build(&project().join("specs/dual-stack/cluster.toml"));
    let verify = |path: &Path, more: &[&str]| run(khw_gen().arg("verify").arg(path).args(["--at", AT_TEXT]).args(more));
    let inspect = |more: &[&str]| run(khw_gen().arg("inspect").arg(&out).args(["--at", AT_TEXT]).args(more));
    let good = verify(&out, &[]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert_eq!(verify(&out.join("node1"), &[]).status.code(), Some(0));
    assert_eq!(verify(&out.join("node1.tar.gz"), &[]).status.code(), Some(0));
    assert_eq!(verify(&out.join("nothing"), &[]).status.code(), Some(2));
    assert_eq!(run(khw_gen().arg("verify")).status.code(), Some(2));
    assert_eq!(
        run(khw_gen().arg("verify").arg(&out).args(["--at", "tomorrow"]))
            .status
            .code(),
        Some(2)
    );
    let later = run(khw_gen()
        .arg("verify")
        .arg(&out)
        .args(["--at", "2060-01-01T00:00:00Z", "--format", "json"]));
    assert_eq!(later.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&later.stdout).expect("JSON");
    assert!(findings["errors"].as_u64().is_some_and(|count| count > 10));
    assert_eq!(findings["findings"][0]["code"], "certificate-expired");
    let key = out.join("master1/rootfs/var/lib/kubernetes/apiserver-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let exposed = verify(&out, &[]);
    assert_eq!(exposed.status.code(), Some(1));
    assert!(
        said(&exposed).contains("error[secret-exposed]: master1: /var/lib/kubernetes/apiserver-key.pem"),
        "{}",
        said(&exposed)
    );

    let all = inspect(&["--format", "json"]);
    assert_eq!(all.status.code(), Some(0));
    let all: serde_json::Value = serde_json::from_slice(&all.stdout).expect("JSON");
    let list = all["certificates"].as_array().expect("a list");
    assert_eq!(list.iter().filter(|one| one["authority"] == true).count(), 3);
    assert!(list.iter().any(|one| {
        one["subject"]
            .as_str()
            .is_some_and(|name| name.contains("system:kube-scheduler"))
    }));
    assert_eq!(inspect(&["--expires-within", "30d"]).status.code(), Some(0));
    assert_eq!(inspect(&["--expires-within", "400d"]).status.code(), Some(1));
    assert_eq!(inspect(&["--expires-within", "soon"]).status.code(), Some(2));
    let mut now = Command::new(env!("CARGO_BIN_EXE_khw-gen"));
    assert!(
        run(now.arg("inspect").arg(&out)).status.success(),
        "without --at it is now"
    );
}
