//! `verify` is silent on what the program makes, and finds every single fault that is put into it; `inspect` lists all.
//!
//! [`FAULTS`] is the table: one change to a good bundle, and the code that has to be reported. Bundles are changed in memory.

#[path = "verify/balancers.rs"]
mod balancers;
#[path = "verify/by_hand.rs"]
mod by_hand;
#[path = "verify/each_file.rs"]
mod each_file;
#[path = "verify/machines.rs"]
mod machines;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use khw_gen::audit::{Finding, audit};
use khw_gen::diagnostic::{Severity, verify_codes};
use khw_gen::disk::read_tree;
use khw_gen::found::{FoundNode, FoundNodes, from_archive, from_folder};
use khw_gen::pki::cfssl::{self, Authority, ExtendedKeyUsage, KeyUsage, Name, Profile, Request, Usage};
use khw_gen::pki::inspect::{Certificate, Item, items};
use khw_gen::pki::key::{Algorithm, Curve, KeyPair, PublicKey};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::x509::to_pem;
use rayon::prelude::*;
use support::{Spec, build, examples, khw_gen, project, run, said};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);
const AT_TEXT: &str = "2026-06-01T00:00:00Z";

fn nodes_of(folder: &Path) -> FoundNodes {
    read_tree(folder).expect("a folder")
}

fn built(case: &str) -> FoundNodes {
    let (_folder, out) = build(&project().join("specs").join(case).join("cluster.toml"));
    nodes_of(&out)
}

static BUNDLES: LazyLock<BTreeMap<&'static str, FoundNodes>> = LazyLock::new(|| {
    ["walkthrough", "three-masters", "dual-stack", "kubernetes-1.35"]
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

/// Not even a warning: each containerd gets a file of the version that it has, or that one before it has too.
#[test]
fn nothing_is_to_be_said_of_what_any_containerd_gets() {
    for (version, format) in [
        ("1.6", 2),
        ("1.7", 2),
        ("2.0", 3),
        ("2.1", 3),
        ("2.2", 3),
        ("2.3", 3),
        ("2.4", 4),
    ] {
        let hosts = ["m1 10.0.0.1 control-plane etcd", "w1 10.0.0.2 worker"];
        let runtime = format!("[cluster]\nkubernetes = \"1.30\"\n[runtime]\nversion = {version:?}\ngvisor = true\n");
        let spec = Spec::new(&hosts, &runtime).with_ecdsa_keys();
        let (_folder, out) = build(&spec.path());
        let nodes = nodes_of(&out);
        let text = String::from_utf8(content(&nodes, "w1/etc/containerd/config.toml")).expect("text");
        assert!(text.starts_with(&format!("version = {format}\n")), "{version}: {text}");
        let findings = audit(&from_folder("out", nodes), AT);
        let about = findings.iter().filter(|finding| finding.path.contains("containerd"));
        assert_eq!(about.count(), 0, "{version}: {findings:#?}");
    }
}

/// A chain of ML-DSA that Go signed is said to be one, and not said to be wrong.
#[test]
fn a_post_quantum_chain_is_not_called_untrusted() {
    let mut nodes = FoundNodes::new();
    for (name, pem) in [
        (
            "control/root/certs/ca.pem",
            include_str!("verify/certificates/ml-dsa-ca.pem"),
        ),
        (
            "control/root/certs/server.pem",
            include_str!("verify/certificates/ml-dsa.pem"),
        ),
    ] {
        put(&mut nodes, name, pem.as_bytes().to_vec());
    }
    let found = from_folder("certs", nodes);
    let codes: BTreeSet<&str> = audit(&found, AT).iter().map(|finding| finding.code).collect();
    assert!(codes.contains("ml-dsa-certificate"), "{codes:?}");
    let wrong = [
        "unknown-issuer",
        "untrusted-certificate",
        "refused-certificate",
        "bad-pem",
    ];
    assert!(wrong.iter().all(|code| !codes.contains(code)), "{codes:?}");
}

/// The API server's service has an address of the first family alone, so that nobody calls that of the second.
#[test]
fn the_second_familys_service_address_is_not_asked_for() {
    let mut nodes = BUNDLES["dual-stack"].clone();
    let (ca, key) = (
        "master1/var/lib/kubernetes/ca.pem",
        "master1/var/lib/kubernetes/ca-key.pem",
    );
    for host in ["master1", "master2", "master3"] {
        let path = format!("{host}/var/lib/kubernetes/apiserver.pem");
        let of = |path: &str| content(&nodes, path);
        let bytes = reissue(&of(&path), &of(ca), &of(key), Without("fd00:19:1::1"));
        put(&mut nodes, &path, bytes);
    }
    let errors = errors_of(by_meaning(nodes, AT));
    assert!(errors.is_empty(), "{errors:#?}");
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
    /// The same in the file of that path on every host that has it: what is wrong everywhere disagrees with nothing.
    EditEverywhere(&'static str, &'static str, &'static str),
    Remove(&'static str),
    /// A folder and all that is in it.
    RemoveFolder(&'static str),
    Mode(&'static str, u32),
    /// Puts the content of one file in another's place.
    Copy(&'static str, &'static str),
    Swap(&'static str, &'static str),
    /// Puts what is in the second file behind what is in the first.
    Append(&'static str, &'static str),
    /// Keeps the first bytes alone.
    Cut(&'static str, usize),
    Write(&'static str, &'static str),
    /// Gives a line `field: …` of a kubeconfig the value that it has in another.
    Field(&'static str, &'static str, &'static str),
    /// Issues the certificate anew by an authority (its certificate and key) with something different.
    Reissue(&'static str, &'static str, &'static str, Differently),
    /// Issues the certificate anew by another authority of the same name as this one.
    Resign(&'static str, &'static str),
    /// Issues the certificate anew by an authority that nobody has heard of.
    Stranger(&'static str),
    /// Packs an archive anew with something different.
    Repack(&'static str, Packed),
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

/// One difference in an archive; paths are within it.
#[derive(Clone, Copy, Debug)]
enum Packed {
    OwnedBy(u64),
    Moved(&'static str, &'static str),
    Without(&'static str),
    WithMode(&'static str, u32),
    /// With one byte of a file changed.
    Flipped(&'static str),
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

fn content(nodes: &FoundNodes, path: &str) -> Vec<u8> {
    match nodes.get(&key_of(path)) {
        Some(FoundNode::File { content, .. }) => content.expose().to_vec(),
        other => panic!("{path} is {other:?}"),
    }
}

fn put(nodes: &mut FoundNodes, path: &str, bytes: Vec<u8>) {
    let mode = match nodes.get(&key_of(path)) {
        Some(FoundNode::File { mode, .. }) => *mode,
        _ => Some(0o644),
    };
    let file = FoundNode::File {
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
        Some(Item::Certificate(certificate)) => Arc::unwrap_or_clone(certificate),
        other => panic!("not a certificate: {other:?}"),
    }
}

/// An authority of somebody's own, whatever it calls itself.
fn own_authority(subject: &str) -> (Certificate, KeyPair) {
    let pair = KeyPair::from_seed(P256, &[7; 32]).expect("a key");
    let of_subject = |attribute: &str| {
        let start = format!("{attribute}=");
        let part = subject.split(", ").find_map(|part| part.strip_prefix(&start));
        part.unwrap_or_default().to_owned()
    };
    let request = Request {
        names: vec![Name {
            c: of_subject("C"),
            st: of_subject("ST"),
            l: of_subject("L"),
            o: of_subject("O"),
            ou: of_subject("OU"),
            ..Name::default()
        }],
        ..request(of_subject("CN"))
    };
    let der = cfssl::root(&request, &pair, AT - Duration::days(100)).expect("a root");
    let root = Certificate::from_der(&der).expect("a certificate");
    assert_eq!(root.subject, subject);
    (root, pair)
}

const P256: Algorithm = Algorithm::Ecdsa(Curve::P256);

fn request(cn: String) -> Request {
    Request {
        cn,
        names: Vec::new(),
        serial_number: String::new(),
        hosts: Vec::new(),
        key: P256,
        ca: None,
        crl_url: String::new(),
        delegation_enabled: false,
        extensions: Vec::new(),
    }
}

/// What a certificate is asked for with.
struct Asked {
    hosts: Vec<String>,
    cn: String,
    o: String,
    usages: Vec<ExtendedKeyUsage>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

/// Issues a certificate anew, for the same key, after a change.
fn reissue_with(pem: &[u8], authority: &Certificate, pair: &KeyPair, change: impl FnOnce(&mut Asked)) -> Vec<u8> {
    let old = certificate(pem);
    let names = old.dns.iter().cloned();
    let mut asked = Asked {
        hosts: names.chain(old.ips.iter().map(ToString::to_string)).collect(),
        cn: old.common_name.clone().expect("a common name"),
        o: old.organizations.first().cloned().unwrap_or_default(),
        usages: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        not_before: old.not_before,
        not_after: old.not_after,
    };
    change(&mut asked);
    let request = Request {
        names: vec![Name {
            o: asked.o,
            ..Name::default()
        }],
        hosts: asked.hosts,
        ..request(asked.cn)
    };
    let usages = asked.usages.into_iter().map(Usage::Extended);
    let profile = Profile {
        usages: [Usage::Key(KeyUsage::DigitalSignature)]
            .into_iter()
            .chain(usages)
            .collect(),
        expiry: Duration::days(30),
        not_before: Some(asked.not_before),
        not_after: Some(asked.not_after),
        ..Profile::default()
    };
    let public = PublicKey::from_spki_der(&old.public_key).expect("a key");
    let issuer = Authority {
        certificate: &authority.der,
        key: pair,
    };
    let der = cfssl::leaf(&request, &public, &profile, &issuer, AT).expect("a certificate");
    to_pem("CERTIFICATE", &der).into_bytes()
}

fn reissue(pem: &[u8], authority: &[u8], key: &[u8], differently: Differently) -> Vec<u8> {
    let pair = KeyPair::from_pem(key).expect("the authority's key");
    let authority = certificate(authority);
    reissue_with(pem, &authority, &pair, |asked| match differently {
        CommonName(name) => asked.cn = name.to_owned(),
        Organization(name) => asked.o = name.to_owned(),
        Without(host) => {
            let before = asked.hosts.len();
            asked.hosts.retain(|one| one != host);
            assert!(asked.hosts.len() < before, "{host} is not in {:?}", asked.hosts);
        }
        With(host) => asked.hosts.push(host.to_owned()),
        ServerOnly => asked.usages = vec![ExtendedKeyUsage::ServerAuth],
        ClientOnly => asked.usages = vec![ExtendedKeyUsage::ClientAuth],
        NeitherUse => asked.usages = vec![ExtendedKeyUsage::CodeSigning],
        Expired => asked.not_after = AT - Duration::days(1),
        Later => asked.not_before = AT + Duration::days(1),
        Outlives => asked.not_after = authority.not_after + Duration::days(1),
    })
}

/// An entry of an archive as [`tar_of`] takes it.
struct Entry {
    path: String,
    kind: tar::EntryType,
    mode: u32,
    owner: u64,
    content: Vec<u8>,
}

fn repack(archive: &[u8], packed: Packed) -> Vec<u8> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut entries: Vec<Entry> = tar
        .entries()
        .expect("a tar")
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            Entry {
                path: String::from_utf8(entry.path_bytes().into_owned()).expect("a path"),
                kind: entry.header().entry_type(),
                mode: entry.header().mode().expect("a mode"),
                owner: 0,
                content,
            }
        })
        .collect();
    let mut found = false;
    entries.retain_mut(|entry| {
        let here = match packed {
            Packed::OwnedBy(_) => true,
            Packed::Moved(path, _) | Packed::Without(path) | Packed::WithMode(path, _) | Packed::Flipped(path) => {
                path == entry.path
            }
        };
        found |= here;
        match packed {
            _ if !here => {}
            Packed::OwnedBy(owner) => entry.owner = owner,
            Packed::Moved(_, to) => entry.path = to.to_owned(),
            Packed::Without(_) => return false,
            Packed::WithMode(_, mode) => entry.mode = mode,
            Packed::Flipped(_) => entry.content[0] ^= 1,
        }
        true
    });
    assert!(found, "{packed:?} is about nothing");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    gzip.write_all(&tar_of(&entries)).expect("memory");
    gzip.finish().expect("an archive")
}

fn apply(nodes: &mut FoundNodes, change: Change) -> OffsetDateTime {
    match change {
        Edit(path, from, to) => {
            let text = String::from_utf8(content(nodes, path)).expect("text");
            assert!(text.contains(from), "{path} does not hold {from}");
            put(nodes, path, text.replacen(from, to, 1).into_bytes());
        }
        EditEverywhere(path, from, to) => {
            let end = format!("/rootfs/{path}");
            let hosts: Vec<String> = nodes
                .keys()
                .filter_map(|key| key.strip_suffix(&end).map(str::to_owned))
                .collect();
            assert!(!hosts.is_empty(), "no host has {path}");
            for host in hosts {
                apply(nodes, Edit(format!("{host}/{path}").leak(), from, to));
            }
        }
        Remove(path) => {
            nodes
                .remove(&key_of(path))
                .unwrap_or_else(|| panic!("{path} is not there"));
        }
        RemoveFolder(path) => {
            let before = nodes.len();
            let folder = key_of(path);
            let prefix = format!("{folder}/");
            nodes.retain(|path, _| *path != folder && !path.starts_with(&prefix));
            assert!(nodes.len() < before, "{path} is not there");
        }
        Mode(path, new) => match nodes.get_mut(&key_of(path)) {
            Some(FoundNode::File { mode, .. } | FoundNode::Directory { mode }) => *mode = Some(new),
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
        Append(path, from) => {
            let bytes = [content(nodes, path), content(nodes, from)].concat();
            put(nodes, path, bytes);
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
        Resign(path, authority) => {
            let (root, pair) = own_authority(&certificate(&content(nodes, authority)).subject);
            let bytes = reissue_with(&content(nodes, path), &root, &pair, |_| {});
            put(nodes, path, bytes);
        }
        Stranger(path) => {
            let (root, pair) = own_authority("O=Somebody, CN=Anybody");
            let bytes = reissue_with(&content(nodes, path), &root, &pair, |_| {});
            put(nodes, path, bytes);
        }
        Repack(path, packed) => {
            let bytes = repack(&content(nodes, path), packed);
            put(nodes, path, bytes);
        }
        Link(path) => {
            nodes.insert(key_of(path), FoundNode::Other { what: "symbolic link" });
        }
        At(instant) => return instant,
    }
    AT
}

/// What a fault leads to, besides that the manifests no longer fit.
fn findings_of(case: &str, change: Change) -> BTreeSet<&'static str> {
    let mut nodes = BUNDLES[case].clone();
    let about_integrity = matches!(change, Edit(path, ..) | Remove(path) | Mode(path, _) | Write(path, _) | Cut(path, _) | Repack(path, _) if path.starts_with('@'));
    let at = apply(&mut nodes, change);
    let findings = match about_integrity {
        true => audit(&from_folder("out", nodes), at),
        false => by_meaning(nodes, at),
    };
    findings.iter().map(|finding| finding.code).collect()
}

/// What is found where manifests and archives can't tell that anything was changed: there are none.
fn by_meaning(mut nodes: FoundNodes, at: OffsetDateTime) -> Vec<Finding> {
    nodes.retain(|path, _| !path.ends_with(".tar.gz") && !path.ends_with("MANIFEST") && path != "SHA256SUMS");
    let mut findings = audit(&from_folder("out", nodes), at);
    findings.retain(|finding| finding.code != "bad-manifest");
    findings
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

const API: &str = "master1/etc/systemd/system/kube-apiserver.service";
const MEMBER: &str = "master1/etc/systemd/system/etcd.service";
const NODE: &str = "node1/var/lib/kubelet/kubelet-config.yaml";
const PROXY: &str = "node1/var/lib/kube-proxy/kube-proxy-config.yaml";
const WEBHOOK: &str = "apiVersion: v1\nkind: Config\nclusters:\n  - name: audit\n    cluster: {server: \"https://audit.example.org/\"}\n\
                       contexts:\n  - name: audit\n    context: {cluster: audit, user: \"\"}\ncurrent-context: audit\n";

/// What is right, though it looks like a mistake.
const RIGHT: &[&[Change]] = &[
    &[Edit(API, "  --profiling=false \\\n", "")],
    &[Edit(
        API,
        "/usr/local/bin/kube-apiserver",
        "/opt/kubernetes/bin/kube-apiserver",
    )],
    &[Edit(API, "--v=2", "--v=0x2")],
    &[Edit(API, "--event-ttl=1h", "--event-ttl=1h0m0.5s")],
    // A file of variables, whose values go on over lines.
    &[
        Edit(API, "[Service]\n", "[Service]\nEnvironmentFile=/etc/default/%N\n"),
        Edit(
            API,
            "  --client-ca-file=/var/lib/kubernetes/ca.pem \\\n",
            "  $MORE \\\n",
        ),
        Write(
            "master1/etc/default/kube-apiserver",
            "# MORE=1\nMORE=\"--audit-log-compress=true \\\n  --client-ca-file=/var/lib/kubernetes/ca.pem\"\n",
        ),
    ],
    // Each further value of a list adds to those before it.
    &[EditEverywhere(
        "etc/systemd/system/kube-apiserver.service",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-admission-plugins=NodeRestriction --enable-admission-plugins=PodNodeSelector",
    )],
    &[EditEverywhere(
        "etc/systemd/system/kube-apiserver.service",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-allowed-names=front-proxy-client --requestheader-allowed-names=other",
    )],
    &[Edit(
        API,
        "--authorization-mode=Node,RBAC",
        "--authorization-mode=RBAC --authorization-mode=Node",
    )],
    &[
        Edit(
            API,
            "--v=2",
            "--audit-webhook-config-file=/etc/kubernetes/audit.kubeconfig --v=2",
        ),
        Write("master1/etc/kubernetes/audit.kubeconfig", WEBHOOK),
    ],
    &[Write(
        "master1/etc/kubernetes/admission.yaml",
        "apiVersion: apiserver.k8s.io/v1alpha1\nkind: AdmissionConfiguration\nplugins: []\n",
    )],
    &[Write(
        "master1/root/gatekeeper.yaml",
        "apiVersion: config.gatekeeper.sh/v1alpha1\nkind: Config\nmetadata: {name: config, namespace: gatekeeper-system}\n",
    )],
    &[Write(
        "master1/root/binding.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: tools}\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n\
         subjects:\n  - {kind: ServiceAccount, name: default, namespace: kube-system}\n",
    )],
    &[Edit(
        MEMBER,
        "[Service]\n",
        "[Service]\nEnvironment=ETCD_UNSUPPORTED_ARCH=arm64\n",
    )],
    &[Edit(
        NODE,
        "readOnlyPort: 0",
        "readOnlyPort: 0x0\nmaxPods: 110.0\nmakeIPTablesUtilChains: yes\ntopologyManagerScope:\n",
    )],
    &[Edit(
        NODE,
        "readOnlyPort: 0",
        "readOnlyPort: 0\nevictionHard: {memory.available: 5%, nodefs.available: 1Gi}\nkubeReserved: {cpu: 100m}",
    )],
    &[Edit(
        PROXY,
        "mode: iptables",
        "mode: iptables\nhealthzBindAddress: 127.0.0.1\nconntrack: {maxPerCore: null, min: 0}",
    )],
    &[Edit(PROXY, "mode: iptables", "mode: ipvs")],
];

#[test]
fn what_is_right_stays_silent() {
    let before = by_meaning(BUNDLES["three-masters"].clone(), AT);
    for changes in RIGHT {
        let mut nodes = BUNDLES["three-masters"].clone();
        for change in *changes {
            apply(&mut nodes, *change);
        }
        let mut now = by_meaning(nodes, AT);
        now.retain(|finding| !before.contains(finding));
        assert!(now.is_empty(), "{changes:?}: {now:?}");
    }
}

/// The flags of a member as the file of `--config-file` has them.
fn as_file(unit: &str) -> String {
    let (mut file, mut client, mut peer) = (String::new(), String::new(), String::new());
    let flags = unit.lines().filter_map(|line| line.trim().strip_prefix("--"));
    for flag in flags.map(|flag| flag.trim_end_matches(['\\', ' '])) {
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let key = name.strip_prefix("peer-").unwrap_or(name);
        let is_of_tls = ["cert-file", "key-file", "trusted-ca-file", "client-cert-auth"].contains(&key);
        let line = match name {
            "watch-progress-notify-interval" => format!("{name}: 5000000000\n"),
            _ => format!("{key}: {value}\n"),
        };
        match (is_of_tls, name == key) {
            (false, _) => file.push_str(&line),
            (true, true) => client.push_str(&format!("  {line}")),
            (true, false) => peer.push_str(&format!("  {line}")),
        }
    }
    format!(
        "{file}log-outputs: [stderr]\nwal-dir:\nclient-transport-security:\n{client}peer-transport-security:\n{peer}"
    )
}

/// With `--config-file` etcd heeds the file alone, and with neither flags nor a file its variables.
#[test]
fn a_member_is_judged_by_its_file_or_its_variables() {
    const FILE: &str = "master1/etc/etcd/etcd.conf.yml";
    let before = by_meaning(BUNDLES["three-masters"].clone(), AT);
    let unit = String::from_utf8(content(&BUNDLES["three-masters"], MEMBER)).expect("text");
    let (start, rest) = unit.split_once("/usr/local/bin/etcd \\\n").expect("a command line");
    let (flags, end) = rest.split_once("Restart=").expect("the next line");
    let file = as_file(flags);
    let with = |flags: &str, file: Option<&str>| {
        let mut nodes = BUNDLES["three-masters"].clone();
        let unit = format!("{start}/usr/local/bin/etcd {flags}\nRestart={end}");
        put(&mut nodes, MEMBER, unit.into_bytes());
        if let Some(file) = file {
            put(&mut nodes, FILE, file.as_bytes().to_vec());
        }
        let mut now = by_meaning(nodes, AT);
        now.retain(|finding| !before.contains(finding));
        let told = now.iter().map(|one| (one.code, one.message.clone()));
        told.collect::<Vec<_>>()
    };
    let named = "--config-file=/etc/etcd/etcd.conf.yml";
    assert_eq!(with(named, Some(&file)), []);
    let codes = |flags: &str, file: Option<&str>| -> BTreeSet<&str> {
        with(flags, file).into_iter().map(|(code, _)| code).collect()
    };
    let open = file.replacen("client-cert-auth: true", "client-cert-auth: false", 1);
    assert_ne!(open, file);
    for (flags, file, expected) in [
        (named, Some(open.as_str()), "missing-setting"),
        (
            named,
            Some(&file.replace("name: master1", "name: master9")),
            "etcd-disagrees",
        ),
        (named, Some(&format!("{file}no-such-setting: 1\n")), "no-effect"),
        (&format!("{named} --name=master2"), Some(&file), "refused-together"),
        (named, Some("- 1\n"), "bad-syntax"),
        (named, None, "missing-file"),
    ] {
        let found = codes(flags, file);
        assert!(found.contains(expected), "{flags} {expected}: {found:?}");
        // What may be in a file that is not here is not said to be missing.
        assert!(file.is_some() || !found.contains("missing-setting"), "{found:?}");
    }
    let given = flags.lines().filter_map(|line| line.trim().strip_prefix("--"));
    // What is called a token may be a secret, as a variable.
    let (stay, others): (Vec<&str>, Vec<&str>) = given
        .map(|flag| flag.trim_end_matches(['\\', ' ']))
        .partition(|flag| flag.starts_with("initial-cluster-token"));
    let mut variables = format!("--{}", stay.join(" --"));
    for flag in others {
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let name = name.to_uppercase().replace('-', "_");
        variables.push_str(&format!("\nEnvironment=ETCD_{name}={value}"));
    }
    assert_eq!(with(&variables, None), []);
    assert_eq!(
        with(
            "\nEnvironment=ETCD_CONFIG_FILE=/etc/etcd/etcd.conf.yml ETCD_NAME=other",
            Some(&file)
        ),
        []
    );
}

/// What containerd itself writes as its defaults has nothing in it that it does not read, and what 2.4 reads no more is named.
#[test]
fn what_containerd_writes_is_read_by_the_containerd_that_wrote_it() {
    const PATH: &str = "etc/containerd/config.toml";
    for (own, host, text, expected) in [
        (
            "2.4",
            "2.4",
            include_str!("verify/containerd/default-2.4.2.toml"),
            &[][..],
        ),
        ("2.3", "2.3", include_str!("verify/containerd/default-2.3.7.toml"), &[]),
        (
            "2.3",
            "2.4",
            include_str!("verify/containerd/default-2.3.7.toml"),
            &[
                "`cni.bin_dir`",
                "`enable_cdi`",
                "`enable_experimental_restore_via_create`",
            ],
        ),
        (
            "2.4",
            "2.3",
            include_str!("verify/containerd/default-2.4.2.toml"),
            &["`disable_pause_image_pull`"],
        ),
    ] {
        let mut nodes = BUNDLES["kubernetes-1.35"].clone();
        put(&mut nodes, &format!("node1/{PATH}"), text.into());
        let manifest = String::from_utf8(content(&nodes, "@node1/MANIFEST")).expect("text");
        let manifest = manifest.replace("# containerd: 2.4", &format!("# containerd: {host}"));
        put(&mut nodes, "@node1/MANIFEST", manifest.into());
        let findings = audit(&from_folder("out", nodes), AT);
        let of_file = findings.iter().filter(|finding| {
            finding.path.ends_with(PATH) && finding.host == "node1" && finding.code != "checksum-mismatch"
        });
        let mut said: Vec<&str> = of_file
            .map(|finding| finding.message.split(' ').next().unwrap_or_default())
            .collect();
        said.sort_unstable();
        assert_eq!(said, expected, "the defaults of {own} with {host}: {findings:#?}");
    }
}

/// What containerd's configuration imports takes the place of what it says itself.
#[test]
fn what_containerd_imports_is_what_it_says() {
    let codes = |imports: &str, beside: &str| {
        let mut nodes = BUNDLES["three-masters"].clone();
        let config = "node1/etc/containerd/config.toml";
        let text = String::from_utf8(content(&nodes, config)).expect("text");
        put(&mut nodes, config, format!("imports = {imports}\n{text}").into());
        put(&mut nodes, "node1/etc/containerd/conf.d/10-own.toml", beside.into());
        let findings = by_meaning(nodes, AT);
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let options = "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\n";
    let harmless = format!("{options}NoNewKeyring = true\n");
    for imports in [
        r#"["/etc/containerd/conf.d/*.toml"]"#,
        r#"["conf.d/10-*n.toml"]"#,
        r#"["./*/10-own.toml"]"#,
    ] {
        assert_eq!(codes(imports, &harmless), [""; 0], "{imports}");
        // Without a version it is read by any names, those that have moved among them.
        let without = harmless.replace("version = 3\n", "[metrics]\naddress = \"127.0.0.1:1338\"\n");
        assert_eq!(codes(imports, &without), [""; 0], "{imports}");
        assert_eq!(
            codes(imports, &format!("{options}SystemdCgroup = false\n")),
            ["runtime-disagrees"]
        );
        assert_eq!(
            codes(imports, "version = 3\n[grpc]\naddress = \"/run/x.sock\"\n")[0],
            "runtime-disagrees"
        );
        assert_eq!(
            codes(imports, "version = 4\n[grpc]\naddress = \"/run/x.sock\"\n"),
            ["unread-setting"]
        );
    }
    for imports in [
        "[]",
        r#"["/etc/containerd/*.toml"]"#,
        r#"["conf.d/20-*.toml"]"#,
        r#"["/etc/containerd/conf.d"]"#,
    ] {
        assert_eq!(codes(imports, &harmless), ["unread-setting"], "{imports}");
    }
}

/// Where a bundle says which release it is for, what others know is not known.
#[test]
fn a_release_knows_its_own_alone() {
    for (change, code) in [
        (
            Edit(
                "master1/etc/systemd/system/kube-apiserver.service",
                "--v=2",
                "--v=2 \\\n  --insecure-port=0",
            ),
            "unread-setting",
        ),
        (
            Edit(
                "node1/etc/systemd/system/kubelet.service",
                "--register-node=true",
                "--register-node=true \\\n  --network-plugin=cni",
            ),
            "unread-setting",
        ),
        (
            Edit(
                "master1/etc/kubernetes/config/kube-scheduler.yaml",
                "kubescheduler.config.k8s.io/v1",
                "kubescheduler.config.k8s.io/v1beta2",
            ),
            "refused-value",
        ),
    ] {
        let mut nodes = BUNDLES["three-masters"].clone();
        let at = apply(&mut nodes, change);
        let findings = audit(&from_folder("out", nodes), at);
        let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(code), "{change:?}: {code} is not among {codes:?}");
    }
}

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
        Some(FoundNode::File { content, .. }) => std::str::from_utf8(content.expose()).ok(),
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
        // No bundle can be made larger than any; a hostile archive is.
        .filter(|row| row.name != "archive-limit" && !example_is_found(row))
        .map(|row| row.name)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
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
            khw_gen::diagnostic::codes::by_name(row.name).is_none(),
            "{} is a diagnostic too",
            row.name
        );
    }
}

/// Every code is provoked by one of the tables of this test: a new code needs a fault.
#[test]
fn every_code_is_provoked() {
    let provoked: BTreeSet<&str> = FAULTS
        .iter()
        .map(|(_, _, code)| *code)
        .chain(HOSTILE.iter().map(|(_, code)| *code))
        .chain(by_hand::MISTAKES.iter().map(|mistake| mistake.code))
        .chain(by_hand::SLIPS.iter().map(|(_, _, code)| *code))
        .collect();
    let codes: BTreeSet<&str> = verify_codes::CODES.iter().map(|row| row.name).collect();
    println!(
        "{} of {} codes provoked",
        codes.intersection(&provoked).count(),
        codes.len()
    );
    let never: Vec<_> = codes.difference(&provoked).collect();
    assert!(never.is_empty(), "nothing provokes {never:?}");
}

// --- hostile archives --------------------------------------------------------------------------------------------------

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        // Not by `set_path`, which refuses what a hostile archive has.
        header.as_old_mut().name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner);
        header.set_gid(entry.owner);
        header.set_mtime(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

use tar::EntryType::{Char, Fifo, Link as HardLink, Regular, Symlink};

/// The path of an entry, its kind, and its content or what it links to.
type HostileEntry = (&'static str, tar::EntryType, &'static str);

/// Entries of an archive, with content where they are files | code that has to be reported.
#[rustfmt::skip]
const HOSTILE: &[(&[HostileEntry], &str)] = &[
    (&[("../evil", Regular, "x")], "unsafe-entry"),
    (&[("h/../../evil", Regular, "x")], "unsafe-entry"),
    (&[("/etc/passwd", Regular, "x")], "unsafe-entry"),
    (&[("h//x", Regular, "x")], "unsafe-entry"),
    (&[("h/./x", Regular, "x")], "unsafe-entry"),
    (&[("h\\x", Regular, "x")], "unsafe-entry"),
    (&[("C:x", Regular, "x")], "unsafe-entry"),
    (&[("h/a\x1b[2J", Regular, "x")], "unsafe-entry"),
    (&[("h/link", Symlink, "")], "unsafe-entry"),
    (&[("h/link", HardLink, "")], "unsafe-entry"),
    (&[("h/dev", Char, "")], "unsafe-entry"),
    (&[("h/pipe", Fifo, "")], "unsafe-entry"),
    (&[("h/a", Regular, "x"), ("h/a", Regular, "y")], "unsafe-entry"),
    (&[("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", Regular, "x")], "archive-limit"),
];

#[test]
fn hostile_archives_are_findings() {
    let codes = |bytes: &[u8]| -> BTreeSet<&str> {
        audit(&from_archive("h.tar", bytes), AT)
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    for (entries, code) in HOSTILE {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(path, kind, content)| Entry {
                path: (*path).to_owned(),
                kind: *kind,
                mode: 0o644,
                owner: 0,
                content: content.as_bytes().to_vec(),
            })
            .collect();
        let found = codes(&tar_of(&entries));
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert!(found.contains(code), "{paths:?}: {found:?}");
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
    let Some(FoundNode::File { content, .. }) = BUNDLES["dual-stack"].get("node1.tar.gz") else {
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
    let good: FoundNodes = bundle
        .iter()
        .filter_map(|(path, node)| Some((path.strip_prefix(prefix)?.to_owned(), node.clone())))
        .collect();
    let errors = errors_of(audit(&from_folder("certs", good.clone()), AT));
    assert!(errors.is_empty(), "{errors:#?}");

    let file = |nodes: &FoundNodes, path: &str| match nodes.get(path) {
        Some(FoundNode::File { content, .. }) => content.expose().to_vec(),
        other => panic!("{path} is {other:?}"),
    };
    let codes = |nodes: FoundNodes| -> BTreeSet<&str> {
        audit(&from_folder("certs", nodes), AT)
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    let with = |path: &str, bytes: Vec<u8>, mode: u32| {
        let mut nodes = good.clone();
        let node = FoundNode::File {
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

/// A page of docs/ shows what `inspect` says of the walk-through.
#[test]
fn the_page_shows_the_table_of_the_walk_through() {
    let (_folder, out) = build(&support::walkthrough());
    let said = support::must(khw_gen().arg("inspect").arg(&out).args(["--at", AT_TEXT]));
    examples::assert_shows("inspect", "text", &said);
}

#[test]
fn inspect_fits_a_line_and_wide_has_all() {
    for case in ["walkthrough", "dual-stack"] {
        let (_folder, out) = build(&project().join("specs").join(case).join("cluster.toml"));
        let inspect =
            |more: &[&str]| support::must(khw_gen().arg("inspect").arg(&out).args(["--at", AT_TEXT]).args(more));
        let short = inspect(&[]);
        let widest = short.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 200), "{widest:?}:\n{short}");
        let json: serde_json::Value = serde_json::from_str(&inspect(&["--format", "json"])).expect("JSON");
        let certificates = json["certificates"].as_array().expect("a list");
        // Two headings, two lines of names of columns, two empty lines and the sum.
        assert_eq!(short.lines().count(), certificates.len() + 7, "{short}");
        let wide = inspect(&["--wide"]);
        assert!(!wide.contains('…') && !wide.contains(" +"), "{wide}");
        for certificate in certificates {
            let text = |field: &str| certificate[field].as_str().expect("text").to_owned();
            let names = certificate["names"].as_array().expect("a list").iter();
            let uses = certificate["uses"].as_array().expect("a list").iter();
            let places = certificate["places"].as_array().expect("a list").iter();
            let all: Vec<String> = ["subject", "issuer", "not_after", "key"]
                .map(text)
                .into_iter()
                .chain(names.chain(uses).map(|name| name.as_str().expect("text").to_owned()))
                .chain(places.map(|place| {
                    format!(
                        "{}:{}",
                        place["host"].as_str().unwrap(),
                        place["path"].as_str().unwrap()
                    )
                }))
                .collect();
            let line = wide
                .lines()
                .find(|line| all.iter().all(|one| line.contains(one.as_str())));
            assert!(line.is_some(), "{all:?} is in no line of\n{wide}");
        }
    }
    let (_folder, out) = build(&project().join("specs/three-masters/cluster.toml"));
    let all = support::must(khw_gen().arg("inspect").arg(&out).args(["--at", AT_TEXT]));
    for what in [
        "kube-apiserver serving",
        "kube-apiserver to etcd",
        "kube-apiserver to kubelet",
        "etcd serving",
        "etcd peer",
        "front proxy client",
        "kubelet serving",
        "kubelet client",
        "kube-proxy client",
        "kube-scheduler client",
        "kube-controller-manager client",
        "admin ",
        "break-glass ",
        "etcd-healthcheck-client ",
        "cluster ",
        "front proxy ",
    ] {
        assert!(
            all.lines().any(|line| line.starts_with(what)),
            "{what} is not in\n{all}"
        );
    }
}
