//! The walk-through, minimal files, and whatever else may be thrown at `check`.
use super::*;
use crate::cluster::Role;

fn walkthrough() -> Sources {
    let csr = crate::catalog::identities::IDENTITIES
        .iter()
        .map(|row| row.csr)
        .chain([certificates::CONFIG_FILE]);
    Sources {
        cluster_name: "cluster.toml".to_owned(),
        cluster: include_str!("../../specs/walkthrough/cluster.toml").to_owned(),
        csr_dir: "csr".to_owned(),
        csr: csr
            .map(|name| {
                (
                    name.to_owned(),
                    certificates::built_in(name).unwrap_or_default().to_owned(),
                )
            })
            .collect(),
    }
}

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn the_walkthrough_is_a_cluster() {
    let checked =
        check(&walkthrough()).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    assert_eq!(
        codes(&checked.remarks),
        ["weak-encryption-provider", "even-etcd", "ca-default-expiry"]
    );
    let cluster = checked.cluster;
    assert_eq!(cluster.name, "mycluster");
    assert_eq!(cluster.endpoint.host, "10.128.15.226");
    assert_eq!(
        cluster
            .with(Role::Etcd)
            .map(|host| host.name.as_str())
            .collect::<Vec<_>>(),
        ["master1", "master2"]
    );
    assert_eq!(cluster.pki.csrs["node-csr.json"].request.cn, "system:node:WORKER_HOST");
    assert!(cluster.pki.csrs.values().all(|csr| !csr.built_in));
}

#[test]
fn a_dozen_lines_are_a_cluster() {
    let sources = Sources {
        cluster_name: "cluster.toml".to_owned(),
        cluster: "[pki]\nissued = 2026-01-01T01:00:00+01:00\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\", \"worker\"]\n".to_owned(),
        ..Sources::default()
    };
    let checked = check(&sources).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    assert_eq!(codes(&checked.remarks), ["ca-default-expiry", "built-in-csr"]);
    let cluster = checked.cluster;
    assert_eq!(
        (cluster.endpoint.host.as_str(), cluster.endpoint.port),
        ("192.0.2.1", 6443)
    );
    assert_eq!(cluster.network.dns.to_string(), "10.32.0.10");
    assert_eq!(cluster.pki.issued, time::macros::datetime!(2026-01-01 00:00 UTC));
    assert!(cluster.pki.csrs.values().all(|csr| csr.built_in) && cluster.pki.config_built_in);
}

#[test]
fn every_identity_has_a_built_in_csr() {
    for row in crate::catalog::identities::IDENTITIES {
        assert!(certificates::built_in(row.csr).is_some(), "{}", row.csr);
    }
}

#[test]
fn paths_are_read_from_a_file_that_is_wrong_elsewhere() {
    let paths = paths("[pki]\nseed = \"a.seed\"\ncsr = \"there\"\nissued = \n[cluster\n");
    assert_eq!(
        (paths.csr.as_deref(), paths.seed.as_deref()),
        (Some("there"), Some("a.seed"))
    );
}
