//! What can't be adopted is told by its code and its place, and leaves nothing behind; nothing hangs, and no secret is shown.

use khw_gen::catalog::releases;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use khw_gen::diagnostic::{Severity, adopt_codes};
use rayon::prelude::*;
use tempfile::TempDir;

use crate::adopt;
use crate::maker::{AT, KeyForm, Maker, Pair, kubeconfig, put};
use crate::support::{files_below, khw_gen, must, program, project, run, said};

/// A small cluster's folder, in which nothing is wrong.
pub struct Certs {
    pub folder: TempDir,
    make: Maker,
    ca: Pair,
}

const API_NAMES: &str = "DNS:kubernetes.default,DNS:master1,IP:10.32.0.1,IP:10.0.0.11,IP:127.0.0.1";

impl Certs {
    pub fn new() -> Certs {
        let folder = TempDir::new().expect("a folder");
        let make = Maker::new(KeyForm::EcPkcs8, |name| {
            (format!("{name}.pem"), format!("{name}-key.pem"))
        });
        let certs = folder.path().join("certs");
        let ca = make.authority(&certs, "ca", "/CN=Kubernetes");
        make.issue(&ca, &certs, "kubernetes", "/CN=kubernetes", API_NAMES);
        make.issue(
            &ca,
            &certs,
            "node1",
            "/O=system:nodes/CN=system:node:node1",
            "DNS:node1,IP:10.0.0.21",
        );
        make.issue(&ca, &certs, "admin", "/O=system:masters/CN=admin", "");
        make.issue(&ca, &certs, "service-account", "/CN=service-accounts", "");
        let certs = Certs { folder, make, ca };
        certs.kubeconfig("node1", "https://10.0.0.11:6443");
        certs
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("certs").join(name)
    }

    pub fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    pub fn kubeconfig(&self, name: &str, server: &str) {
        let client = Pair {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}-key.pem")),
        };
        kubeconfig(
            &self.path(&format!("{name}.kubeconfig")),
            "c",
            server,
            &self.ca.certificate,
            name,
            &client,
        );
    }

    fn adopt(&self) -> (Output, PathBuf) {
        let spec = self.folder.path().join("spec");
        let _ = fs::remove_dir_all(&spec);
        (adopt(&[&self.certs()], &spec, &AT), spec)
    }
}

fn remove(certs: &Certs, name: &str) {
    fs::remove_file(certs.path(name)).expect("it was there");
}

/// Machines of which one has a unit with these flags, beside what they name.
fn api_unit(certs: &Certs, flags: &str) {
    put(
        &certs.path("kube-apiserver.service"),
        &format!(
            "[Service]\nExecStart=/usr/bin/kube-apiserver --client-ca-file=/x/ca.pem --tls-cert-file=/x/kubernetes.pem \
             --service-cluster-ip-range=10.32.0.0/24 {flags}\n"
        ),
    );
}

fn encryption(certs: &Certs, providers: &str) {
    put(
        &certs.path("encryption-config.yaml"),
        &format!(
            "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n{providers}"
        ),
    );
}

const SECRET: &str = "qkLXoJ5Yp1yq0b9UoFqQh6oT0iUnpqb8lqisyzYcGtI=";

/// Code | how it comes about in a folder in which nothing is wrong | what is told besides the code.
type Wrong = (&'static str, fn(&Certs), &'static str);

#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    ("adopt-no-authority", |certs| { remove(certs, "ca.pem"); remove(certs, "node1.kubeconfig"); }, "there is no certificate of an authority"),
    ("adopt-locked-key", |certs| {
        let (from, to) = (certs.path("ca-key.pem"), certs.path("locked"));
        must(Command::new("openssl").args(["pkcs8", "-topk8", "-passout", "pass:canary-passphrase", "-in"]).arg(&from).arg("-out").arg(&to));
        fs::rename(to, from).expect("a key");
    }, "ca-key.pem"),
    ("adopt-locked-key", |certs| fs::write(certs.path("ca-key.pem"), "age-encryption.org/v1\n-> scrypt a 18\n").expect("a file"), "age has locked it"),
    ("adopt-locked-key", |certs| fs::write(certs.path("ca-key.pem"), "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n").expect("a file"), "age has locked it"),
    ("adopt-ended-authority", |certs| {
        let ca = certs.make.authority_until(&certs.certs(), "ca", "/CN=Kubernetes", "20250301000000Z");
        certs.make.issue(&ca, &certs.certs(), "kubernetes", "/CN=kubernetes", API_NAMES);
        certs.make.issue(&ca, &certs.certs(), "node1", "/O=system:nodes/CN=system:node:node1", "DNS:node1,IP:10.0.0.21");
        certs.make.issue(&ca, &certs.certs(), "admin", "/O=system:masters/CN=admin", "");
        certs.make.issue(&ca, &certs.certs(), "service-account", "/CN=service-accounts", "");
        certs.kubeconfig("node1", "https://10.0.0.11:6443");
    }, "2025-03-01"),
    ("adopt-no-host", |certs| { remove(certs, "kubernetes.pem"); remove(certs, "kubernetes-key.pem"); }, "there is no certificate of an API server"),
    ("adopt-no-host", |certs| { certs.make.issue(&certs.ca, &certs.certs(), "kubernetes", "/CN=kubernetes", "DNS:kubernetes.default,IP:10.32.0.1"); }, "kubernetes.pem has neither an address nor a name of a machine"),
    ("adopt-other-port", |certs| certs.kubeconfig("node1", "https://10.0.0.11:8443"), "which is master1 itself"),
    ("adopt-node-name", |certs| {
        remove(certs, "node1.kubeconfig");
        certs.make.issue(&certs.ca, &certs.certs(), "node1", "/O=system:nodes/CN=system:node:10.0.0.21", "IP:10.0.0.21");
    }, "a node has its address 10.0.0.21 for a name"),
    ("adopt-encryption", |certs| encryption(certs, "  - kms: {name: vault}\n  - identity: {}\n"), "has its keys elsewhere"),
    ("adopt-encryption", |certs| encryption(certs, &format!("  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}]}}\n  - secretbox: {{keys: [{{name: b, secret: {SECRET}}}]}}\n")), "several providers"),
    ("adopt-encryption", |certs| encryption(certs, "  - aescbc: {keys: [{name: a, secret: c2hvcnRrZXk=}]}\n"), "has 8 bytes, and aescbc takes 16 or 24 or 32"),
    ("adopt-encryption", |certs| put(&certs.path("encryption-config.yaml"), &format!(
        "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: ['*.*']\n  providers:\n  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}]}}\n")), "it encrypts *.* too"),
    ("adopt-encryption", |certs| encryption(certs, &format!("  - identity: {{}}\n  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}]}}\n")), "first provider is identity"),
    ("adopt-encryption", |certs| api_unit(certs, "--encryption-provider-config=/opt/kubernetes/encryption.yml"), "/opt/kubernetes/encryption.yml is not among the files"),
    // The line of the key, or of the name, that is in the way.
    ("adopt-encryption", |certs| encryption(certs, &format!("  - aescbc:\n      keys:\n      - {{name: 'my key', secret: {SECRET}}}\n")), "encryption-config.yaml:8: \"my key\" can't be the name of a key"),
    ("adopt-encryption", |certs| encryption(certs, &format!("  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}, {{name: a, secret: c2l4dGVlbiBieXRlcyBrZQ==}}]}}\n")), "there are two keys \"a\""),
    ("adopt-encryption", |certs| encryption(certs, &format!("  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}, {{name: b, secret: {SECRET}}}]}}\n")), "are one key by two names"),
    ("adopt-encryption", |certs| put(&certs.path("encryption-config.yaml"), &format!(
        "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources:\n  - secrets\n  - configmaps\n  providers:\n  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}]}}\n")), "encryption-config.yaml:6: it encrypts configmaps too"),
    ("adopt-not-copied", |certs| api_unit(certs, "--audit-policy-file=/opt/kubernetes/audit.yml"), "/opt/kubernetes/audit.yml is not among the files"),
    // What a variable holds is not taken for absent.
    ("adopt-not-copied", |certs| { api_unit(certs, "$MORE"); encryption(certs, &format!("  - aescbc: {{keys: [{{name: a, secret: {SECRET}}}]}}\n")); },
        "kube-apiserver.service:2, $MORE has no value here"),
    ("adopt-encryption", |certs| api_unit(certs, "$MORE"), "kube-apiserver.service:2, $MORE has no value here and may name"),
    ("adopt-encryption", |certs| api_unit(certs, "--v=2 ${MORE}\nEnvironmentFile=-/etc/default/%N"), "$MORE has no value here and may name"),
    // A file of variables whose values go on over lines.
    ("adopt-encryption", |certs| {
        api_unit(certs, "$MORE\nEnvironmentFile=/etc/default/%N");
        put(&certs.path("kube-apiserver"), "MORE=\"--v=2 \\\n  --encryption-provider-config=/opt/encryption.yml\"\n");
    }, "/opt/encryption.yml is not among the files"),
    ("adopt-unknown-release", |certs| put(&certs.path("kube-apiserver.yaml"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - command: [kube-apiserver, --client-ca-file=/x/ca.pem]\n    image: k8s.gcr.io/kube-apiserver:v1.12.10\n"), "1.12.10"),
    ("adopt-disagree", |certs| {
        certs.make.issue(&certs.ca, &certs.certs(), "node2", "/O=system:nodes/CN=system:node:node2", "DNS:node2,IP:10.0.0.22");
        certs.kubeconfig("node2", "https://10.0.0.99:6443");
    }, "node2.kubeconfig"),
    ("adopt-no-key", |certs| remove(certs, "ca-key.pem"), "signs elsewhere"),
    ("adopt-no-token-key", |certs| { remove(certs, "service-account.pem"); remove(certs, "service-account-key.pem"); }, "no token that there is"),
    ("adopt-trusted-beside", |certs| {
        let other = certs.make.authority(&certs.folder.path().join("elsewhere"), "other", "/CN=Another");
        let both = fs::read_to_string(&certs.ca.certificate).expect("PEM") + &fs::read_to_string(&other.certificate).expect("PEM");
        fs::write(certs.path("ca.pem"), both).expect("a file");
        api_unit(certs, "");
    }, "CN=Another"),
    ("adopt-front-proxy", |certs| {
        let etcd = certs.make.authority(&certs.certs(), "etcd-ca", "/CN=etcd");
        certs.make.issue(&etcd, &certs.certs(), "etcd", "/CN=etcd", "IP:10.0.0.11,IP:127.0.0.1");
        api_unit(certs, "--etcd-cafile=/x/etcd-ca.pem --requestheader-client-ca-file=/x/ca.pem");
    }, "vouches for the front proxy too"),
    ("adopt-unreadable", |certs| fs::write(certs.path("old.pem"), [0x80, 0xff, 0, 1, 2]).expect("a file"), "old.pem"),
    ("adopt-unreadable", |certs| fs::write(certs.path("cut.crt"), "-----BEGIN CERTIFICATE-----\nMIIDxTCC\n").expect("a file"), "cut.crt"),
    ("adopt-unreadable", |certs| fs::write(certs.certs().join(OsStr::from_bytes(b"caf\xe9.pem")), "x").expect("a file"), "caf\\xe9.pem: it is a file or folder whose name is not UTF-8"),
    ("adopt-unreadable", |certs| symlink("/etc/passwd", certs.path("link.pem")).expect("a link"), "link.pem"),
    ("adopt-stray", |certs| certs.make.key(&certs.path("old-key.pem")), "old-key.pem"),
    ("adopt-stray", |certs| { certs.make.authority(&certs.certs(), "ca-old", "/CN=Kubernetes"); }, "ca-old.pem"),
    ("adopt-static-pods", |certs| put(&certs.path("kube-apiserver.yaml"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - command: [kube-apiserver, --client-ca-file=/x/ca.pem]\n    image: registry.k8s.io/kube-apiserver:v1.34.1\n"), "kube-apiserver runs as a static pod"),
];

/// Whether it is told, by its code and with its place, and ends as its severity says.
fn problem((code, wrong, told): &Wrong) -> Result<(), String> {
    let certs = Certs::new();
    let (done, _) = certs.adopt();
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(!said(&done).contains("warning"), "{}", said(&done));
    wrong(&certs);
    let (done, spec) = certs.adopt();
    let row = adopt_codes::CODES.iter().find(|row| row.name == *code).expect("a code");
    let is_error = row.severity == Severity::Error;
    let text = said(&done);
    for secret in [SECRET, "canary-passphrase", "PRIVATE KEY-----\n"] {
        assert!(!text.contains(secret), "{text}");
    }
    // An error is one thing that is wrong: the same twice would be two.
    if is_error && (text.matches(&format!("error[{code}]")).count() != 1 || text.contains("warning[")) {
        return Err(format!("{code} is not told once: {text}"));
    }
    if !text.contains(&format!("[{code}]")) || !text.contains(told) {
        return Err(format!("{code} with {told:?} is not told: {text}"));
    }
    if done.status.code() != Some(i32::from(is_error)) || spec.exists() == is_error {
        return Err(format!(
            "{code} ends with {:?}, and there is a folder: {}",
            done.status.code(),
            spec.exists()
        ));
    }
    if !is_error && *code != "adopt-no-key" {
        must(
            khw_gen()
                .arg("build")
                .arg(spec.join("cluster.toml"))
                .arg("-o")
                .arg(certs.folder.path().join("out")),
        );
    }
    Ok(())
}

#[test]
fn what_cant_be_adopted_is_told_by_its_code() {
    let test = "what_cant_be_adopted_is_told_by_its_code";
    if program("openssl", test).is_none() {
        return;
    }
    let problems: Vec<String> = WRONG.par_iter().filter_map(|wrong| problem(wrong).err()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // Flags that are left out, what is decided otherwise, files that stay, and folders' names need machines: `losses.rs` and `takes.rs` have
    // them, and the walk-through's.
    let without: Vec<&str> = adopt_codes::CODES
        .iter()
        .map(|row| row.name)
        .filter(|name| WRONG.iter().all(|(code, ..)| code != name))
        .collect();
    assert_eq!(
        without,
        [
            "adopt-file-stays",
            "adopt-other-name",
            "adopt-decided",
            "adopt-left-out"
        ]
    );
}

/// A release that is not known names the option that named it, and what would stand in cluster.toml says that it does not.
#[test]
fn what_is_asked_for_is_judged_where_it_is_asked() {
    let test = "what_is_asked_for_is_judged_where_it_is_asked";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Certs::new();
    let spec = certs.folder.path().join("spec");
    for asked in ["1.5", "", "newest"] {
        let done = adopt(&[&certs.certs()], &spec, &[AT[0], AT[1], "--kubernetes", asked]);
        let told = said(&done);
        assert_eq!(done.status.code(), Some(1), "{told}");
        assert!(
            told.contains(&format!(
                "error[adopt-unknown-release]: --kubernetes {asked:?} names no release"
            )) && told.contains(&format!(
                "known are 1.14 to {}",
                releases::known(releases::Program::Kubernetes).1
            )) && !told.contains("cluster.toml"),
            "{told}"
        );
    }
    assert!(!spec.exists());
}

/// What was told of an adoption tells itself to programs too, and by the same words.
#[test]
fn refusals_are_documents_for_programs() {
    let test = "refusals_are_documents_for_programs";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Certs::new();
    remove(&certs, "ca.pem");
    remove(&certs, "node1.kubeconfig");
    let spec = certs.folder.path().join("spec");
    let done = adopt(&[&certs.certs()], &spec, &["--format", "json"]);
    assert_eq!(done.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(document["kind"], "khw-gen/error/v1");
    assert_eq!(document["diagnostics"][0]["code"], "adopt-no-authority");
}

/// A flag's password, and a flag that the release does not take: neither is in cluster.toml, and both are told.
#[test]
fn a_secret_in_a_flag_stays_out() {
    let test = "a_secret_in_a_flag_stays_out";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Certs::new();
    let root = certs.folder.path().join("machines/master1");
    for name in [
        "ca.pem",
        "ca-key.pem",
        "kubernetes.pem",
        "kubernetes-key.pem",
        "service-account-key.pem",
    ] {
        put(
            &root.join("etc/k").join(name),
            &fs::read_to_string(certs.path(name)).expect("PEM"),
        );
    }
    put(
        &root.join("etc/systemd/system/kube-apiserver.service"),
        "[Service]\nEnvironment=HTTPS_PROXY=http://me:canary-password@10.0.0.9:3128\nExecStart=/usr/bin/kube-apiserver \
         --client-ca-file=/etc/k/ca.pem --tls-cert-file=/etc/k/kubernetes.pem --tls-private-key-file=/etc/k/kubernetes-key.pem \
         --advertise-address=10.0.0.11 --service-cluster-ip-range=10.32.0.0/24 --insecure-port=0 --event-ttl=3h \
         --service-account-signing-key-file=/etc/k/service-account-key.pem --etcd-servers=https://10.0.0.11:2379\n",
    );
    put(
        &root.join("etc/systemd/system/etcd.service"),
        "[Service]\nExecStart=/usr/bin/etcd --name=master1 --initial-advertise-peer-urls=https://10.0.0.11:2380 --cert-file=/etc/k/kubernetes.pem \
         --trusted-ca-file=/etc/k/ca.pem\n",
    );
    let spec = certs.folder.path().join("spec");
    let done = adopt(&[&root], &spec, &[AT[0], AT[1], "--kubernetes", "1.34"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let text = fs::read_to_string(spec.join("cluster.toml")).expect("cluster.toml");
    assert!(
        text.contains("event-ttl = \"3h\"") && text.contains("# insecure-port = \"0\""),
        "{text}"
    );
    let told = said(&done);
    assert_eq!(told.matches("[adopt-left-out]").count(), 2, "{told}");
    for place in [said(&done), text] {
        assert!(!place.contains("canary-password"), "{place}");
    }
    must(
        khw_gen()
            .arg("build")
            .arg(spec.join("cluster.toml"))
            .arg("-o")
            .arg(certs.folder.path().join("out")),
    );
}

/// What is put into a folder, and how.
type Hostile = (&'static str, fn(&Path));

/// Bombs, pipes and folders without an end: an error or a finding, within a limited address space and a few seconds.
#[test]
fn hostile_folders_are_told_and_nothing_hangs() {
    let test = "hostile_folders_are_told_and_nothing_hangs";
    if program("openssl", test).is_none() {
        return;
    }
    let hostile: [Hostile; 5] = [
        ("a pipe", |folder| {
            drop(must(Command::new("mkfifo").arg(folder.join("pipe.pem"))))
        }),
        ("deep folders", |folder| {
            let mut path = folder.to_owned();
            (0..80).for_each(|_| path.push("d"));
            fs::create_dir_all(path).expect("folders");
        }),
        ("a file without an end", |folder| {
            let file = fs::File::create(folder.join("huge.pem")).expect("a file");
            file.set_len(1 << 40).expect("a hole");
        }),
        ("aliases", |folder| {
            let mut text = "kind: Config\na0: &a0 [x, x]\n".to_owned();
            (1..40).for_each(|n| text.push_str(&format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)));
            fs::write(folder.join("bomb.yaml"), text).expect("a file");
        }),
        ("thousands of blocks", |folder| {
            let ca = fs::read_to_string(folder.join("ca.pem")).expect("PEM");
            fs::write(folder.join("many.pem"), ca.repeat(5000)).expect("a file");
        }),
    ];
    for (what, make) in hostile {
        let certs = Certs::new();
        make(&certs.certs());
        let spec = certs.folder.path().join("spec");
        let command = "ulimit -v 4000000; exec timeout 60 \"$@\"";
        let done = run(Command::new("sh")
            .args(["-c", command, "sh", env!("CARGO_BIN_EXE_khw-gen"), "adopt"])
            .arg(certs.certs())
            .arg("-o")
            .arg(&spec)
            .args(AT));
        assert!(
            matches!(done.status.code(), Some(0 | 1)),
            "{what}: {:?} {}",
            done.status,
            said(&done)
        );
        assert_eq!(spec.exists(), done.status.success(), "{what}: {}", said(&done));
        assert!(!said(&done).contains("panicked"), "{what}: {}", said(&done));
    }
}

/// What is there stays: a folder with anything in it is refused, an empty one is taken; what others may not read has its mode.
#[test]
fn a_folder_with_something_in_it_is_refused() {
    let test = "a_folder_with_something_in_it_is_refused";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Certs::new();
    let spec = certs.folder.path().join("there");
    put(&spec.join("cluster.toml"), "mine\n");
    let done = adopt(&[&certs.certs()], &spec, &AT);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert_eq!(files_below(&spec).len(), 1);
    assert_eq!(fs::read_to_string(spec.join("cluster.toml")).expect("a file"), "mine\n");
    let empty = certs.folder.path().join("new/empty");
    fs::create_dir_all(&empty).expect("a folder");
    let done = adopt(&[&certs.certs()], &empty, &AT);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let names: BTreeSet<String> = files_below(&empty).into_keys().collect();
    assert!(
        names.contains("cluster.seed") && names.contains("keys/ca-key.pem"),
        "{names:?}"
    );
    let mode = fs::metadata(empty.join("keys")).expect("a folder").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    // Two seeds are never the same.
    let other = certs.folder.path().join("other");
    adopt(&[&certs.certs()], &other, &AT);
    assert_ne!(
        fs::read(empty.join("cluster.seed")).expect("a seed"),
        fs::read(other.join("cluster.seed")).expect("a seed")
    );
    let nothing = adopt(
        &[&certs.folder.path().join("nowhere")],
        &certs.folder.path().join("x"),
        &AT,
    );
    assert_eq!(nothing.status.code(), Some(1), "{}", said(&nothing));
}

/// `build`, `check` and `init` in the folder of a cluster made by hand never pass over its authority in silence.
#[test]
fn an_authority_beside_csr_files_is_never_passed_over() {
    let test = "an_authority_beside_csr_files_is_never_passed_over";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Certs::new();
    let place = certs.folder.path().join("place");
    must(khw_gen().arg("init").arg(&place));
    let spec = place.join("cluster.toml");
    for (names, hint) in [
        (["ca.pem", "ca-key.pem"], "key = \"csr/ca-key.pem\""),
        (["ca.crt", "ca.key"], "key = \"csr/ca.key\""),
        (["root.pem", "root-key.pem"], "cert = \"csr/root.pem\""),
    ] {
        let [certificate, key] = names.map(|name| place.join("csr").join(name));
        fs::copy(&certs.ca.certificate, &certificate).expect("a copy");
        fs::copy(&certs.ca.key, &key).expect("a copy");
        for command in [vec!["check"], vec!["build", "-o"]] {
            let mut run_it = khw_gen();
            run_it.arg(command[0]).arg(&spec);
            if command.len() > 1 {
                run_it.arg("-o").arg(certs.folder.path().join("out"));
            }
            let told = said(&run(&mut run_it));
            assert!(
                told.contains("warning[unused-authority]") && told.contains(hint) && told.contains("khw-gen adopt"),
                "{names:?}: {told}"
            );
        }
        fs::remove_file(&certificate).expect("it was there");
        let told = said(&run(khw_gen().arg("check").arg(&spec)));
        // A key by itself is known by its name alone.
        assert_eq!(
            told.contains("unused-authority"),
            names[0].starts_with("ca."),
            "{names:?}: {told}"
        );
        fs::remove_file(&key).expect("it was there");
    }
    let begun = certs.folder.path().join("begun");
    fs::create_dir_all(begun.join("csr")).expect("a folder");
    fs::copy(&certs.ca.certificate, begun.join("csr/ca.pem")).expect("a copy");
    let told = said(&run(khw_gen().arg("init").arg(&begun)));
    assert!(told.contains("warning[unused-authority]"), "{told}");
}

#[test]
fn the_page_is_the_table() {
    let path = project().join("docs/adoptions.md");
    if std::env::var_os("KHW_BLESS").is_some() {
        fs::write(&path, adopt_codes::page()).expect("the page can be written");
    }
    assert_eq!(
        fs::read_to_string(&path).expect("docs/adoptions.md"),
        adopt_codes::page(),
        "run the test with KHW_BLESS=1 to rewrite docs/adoptions.md"
    );
}
