//! A certificate of the cluster's own is rows and a CSR file: here copies of the tables have one more.
//!
//! What a new one changes is `catalog/layouts/split.rs` (its row), `catalog/layouts/split/NAME-csr.json` (which the row names) and
//! `catalog/tables/artifacts.rs` (where it lies). The built-in files, the plan, the keys, the files and their modes follow.

use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;
use crate::bundle::BundleEntry;
use crate::catalog::artifact::Reader::{Everyone, Root};
use crate::catalog::identity::{ANY, KeyPurpose, Names, Per, SignedBy};
use crate::catalog::roles::Role;
use crate::catalog::scope::On;
use crate::catalog::tables::artifacts::row;
use crate::input::{GivenFiles, check};
use crate::pki::derivation::Seed;
use crate::pki::key::{Algorithm, Curve};
use crate::render::Renderer;
use crate::vault::Issuing;

const SPEC: &str = r#"
[cluster]
kubernetes = "1.35"
[pki]
layout = "split"
issued = "2026-01-01T00:00:00Z"
[[hosts]]
name = "master"
ip = "10.0.0.1"
roles = ["control-plane", "etcd"]
[[hosts]]
name = "node"
ip = "10.0.0.2"
roles = ["worker"]
"#;

fn one_more<T: Copy>(rows: &[T], more: &[T]) -> &'static [T] {
    [rows, more].concat().leak()
}

#[test]
fn a_certificate_is_a_row_a_csr_file_and_where_it_lies() {
    let mut cluster = check(&GivenFiles::new(SPEC)).expect("a sound specification").cluster;
    let identity = Identity {
        name: "konnectivity",
        files: "konnectivity",
        csr: "konnectivity-csr.json",
        built_in: r#"{"CN": "konnectivity"}"#,
        only_of: None,
        signed_by: SignedBy::Authority("ca"),
        profile: Some("client"),
        per: Per::Cluster,
        names: Names::None,
        purpose: KeyPurpose::Client,
        subject: ANY,
        what: "a certificate that is not there yet",
    };
    // As each row's CSR file is read.
    let mut csr = cluster.pki.csrs["admin-csr.json"].clone();
    csr.request.cn = "konnectivity".to_owned();
    csr.request.names.clear();
    cluster.pki.csrs.insert(identity.csr.to_owned(), csr);
    for csr in cluster.pki.csrs.values_mut() {
        csr.request.key = Algorithm::Ecdsa(Curve::P256);
    }
    let on = On::Role(Role::ControlPlane);
    let tables = Tables {
        identities: one_more(cluster.pki.layout.identities(), &[identity]),
        artifacts: one_more(
            ARTIFACTS,
            &[
                row(
                    on,
                    "/etc/konnectivity/client.pem",
                    Everyone,
                    Holds::Certificate("konnectivity"),
                    "its certificate",
                ),
                row(
                    on,
                    "/etc/konnectivity/client-key.pem",
                    Root,
                    Holds::PrivateKey("konnectivity"),
                    "its key",
                ),
            ],
        ),
    };
    let plan = plan_of(&cluster, tables);
    let seed = Seed::from_bytes(zeroize::Zeroizing::new([7; 32]));
    let vault = Issuing::new(&plan, &seed).issue().expect("keys and certificates");
    let renderer = Renderer::new(&plan, &vault).expect("the templates");
    let [master, node] = &cluster.hosts[..] else { panic!() };
    let bundle = renderer.bundle(master).expect("a bundle");
    let Some(BundleEntry::File { mode: 0o644, content }) = bundle.entries.get("rootfs/etc/konnectivity/client.pem")
    else {
        panic!("it lies where its row says, for everyone");
    };
    let pem = pem::parse(content.bytes()).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(pem.contents()).expect("a certificate");
    assert_eq!(certificate.subject().to_string(), "CN=konnectivity");
    let key = bundle.entries.get("rootfs/etc/konnectivity/client-key.pem");
    assert!(matches!(key, Some(BundleEntry::File { mode: 0o600, content }) if content.is_secret()));
    let elsewhere = renderer.bundle(node).expect("a bundle");
    assert!(!elsewhere.entries.keys().any(|path| path.contains("konnectivity")));
}
