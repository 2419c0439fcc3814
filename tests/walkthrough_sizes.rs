//! The walk-through's own listings as an oracle: our files have the sizes that `ls -l` shows there, or `docs/walkthrough.md`
//! says why not.

mod support;

use std::fs;
use std::path::PathBuf;

use khw_gen::pki::cfssl::{self, Authority};
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::x509;
use khw_gen::plan::plan;
use khw_gen::vault::Issuing;
use khw_gen::{disk, input};
use support::{build, project, walkthrough};

/// What the walk-through's listings show, in bytes.
const LISTED: [(&str, usize); 12] = [
    ("ca.pem", 1367),
    ("kubernetes.pem", 1558),
    ("service-account.pem", 1440),
    ("kube-controller-manager.kubeconfig", 6427),
    ("kube-scheduler.kubeconfig", 6377),
    ("kube-scheduler.yaml", 198),
    ("encryption-config.yaml", 271),
    ("kubelet-config.yaml", 416),
    ("kube-apiserver.service", 1755),
    ("kube-controller-manager.service", 835),
    ("kube-scheduler.service", 304),
    ("kubelet.service", 541),
];

fn path_of(out: &std::path::Path, file: &str) -> PathBuf {
    let (host, folder) = match file {
        "kubelet-config.yaml" => ("node1", "var/lib/kubelet"),
        "kubelet.service" => ("node1", "etc/systemd/system"),
        "kube-scheduler.yaml" => ("master1", "etc/kubernetes/config"),
        file if file.ends_with(".service") => ("master1", "etc/systemd/system"),
        _ => ("master1", "var/lib/kubernetes"),
    };
    out.join(host).join("rootfs").join(folder).join(file)
}

#[test]
fn every_listed_file_has_its_size_or_a_reason() {
    let (_folder, out) = build(&walkthrough());
    let page = fs::read_to_string(project().join("docs/walkthrough.md")).expect("the page");
    for (file, theirs) in LISTED {
        let ours = fs::metadata(path_of(&out, file)).expect("our file").len();
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{file}` |")))
            .unwrap_or_else(|| panic!("{file} is not in the table"));
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells[1], theirs.to_string(), "{file}: theirs");
        assert_eq!(cells[2], ours.to_string(), "{file}: ours");
        assert_eq!(
            cells[3] == "same",
            ours == theirs as u64,
            "{file}: the table says why it differs, just where it does"
        );
        assert!(cells[3] == "same" || cells[3].len() > 20, "{file}: a reason");
    }
}

/// The size of a PEM file with a DER of that many bytes: 64 characters of base64 to a line.
fn pem_size(label: &str, der: usize) -> usize {
    let base64 = der.div_ceil(3) * 4;
    base64 + base64.div_ceil(64) + 2 * "-----BEGIN -----\n".len() - 2 + 2 * label.len()
}

fn der_size(pem: &[u8]) -> usize {
    pem::parse(pem).expect("PEM").contents().len()
}

#[test]
fn the_reasons_account_for_every_byte() {
    let (_folder, out) = build(&walkthrough());
    let read = |file: &str| fs::read(path_of(&out, file)).expect("our file");
    // A path length is 3 bytes, an authority key identifier 33.
    assert_eq!(pem_size("CERTIFICATE", der_size(&read("ca.pem")) + 3 + 33), 1367);

    let base64 = |bytes: usize| bytes.div_ceil(3) * 4;
    for (component, theirs) in [("kube-controller-manager", 6427), ("kube-scheduler", 6377)] {
        let kubeconfig = read(&format!("{component}.kubeconfig"));
        let key = fs::metadata(out.join(format!("control/rootfs/root/certs/{component}-key.pem")))
            .expect("a key")
            .len();
        let without = |total: usize, ca: usize, key: usize| total - base64(ca) - base64(key);
        assert_eq!(
            without(kubeconfig.len(), read("ca.pem").len(), key as usize),
            without(theirs, 1367, 1679),
            "{component}: but for the CA and the key, the kubeconfigs are equally long"
        );
    }
}

#[test]
fn with_their_names_the_server_certificate_has_their_size() {
    let sources = disk::Specification::open(&walkthrough()).expect("the specification");
    let cluster = input::check(&sources).expect("it is valid").cluster;
    let seed = disk::read_seed(&project().join("specs/walkthrough/walkthrough.seed")).expect("the seed");
    let seed = Seed::parse(seed.bytes.expose()).expect("a seed").seed;
    let plan = plan(&cluster);
    let vault = Issuing::new(&plan, &seed).issue().expect("certificates");
    let issued = |name: &str| {
        let mut issued = vault.issued.iter();
        issued.find(|(id, _)| id.to_string() == name).expect("issued").1
    };
    let planned = plan
        .certificates
        .iter()
        .find(|certificate| certificate.id.to_string() == "kubernetes")
        .expect("planned");
    let mut request = planned.request().expect("a request").clone();
    request.hosts =
        "10.32.0.1,10.128.15.221,10.128.15.222,master1,master2,10.128.15.226,lb,127.0.0.1,localhost,kubernetes.default"
            .split(',')
            .map(str::to_owned)
            .collect();
    let key =
        khw_gen::pki::key::KeyPair::from_pem(issued("ca").key.as_ref().expect("a key").expose()).expect("the CA's key");
    let own = khw_gen::pki::key::KeyPair::from_pem(issued("kubernetes").key.as_ref().expect("a key").expose())
        .expect("its key");
    let ca = pem::parse(issued("ca").certificate.as_ref().expect("a certificate")).expect("PEM");
    let authority = Authority {
        certificate: ca.contents(),
        key: &key,
    };
    let der = cfssl::leaf(
        &request,
        own.public(),
        &cluster.pki.profile,
        &authority,
        cluster.pki.issued,
    )
    .expect("a leaf");
    assert_eq!(x509::to_pem("CERTIFICATE", &der).len(), 1558);
}
