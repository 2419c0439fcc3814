//! Each program that a unit starts: the files that it names, the certificates that it shows and trusts, the addresses that
//! it is reached at and calls.

pub(crate) mod apiserver;
pub(crate) mod etcd;
mod kubelet;
mod manager;
mod runtime;

use super::document::Tree;
use super::encryption;
use super::names::is_loopback;
use super::relations::Parties;
use super::spot::{Running, Spot, all_running, documents};
use super::unit::FILE_OF_ETCD;
use crate::diagnostic::verify_codes as codes;
use crate::rules::stands_in;

/// Flags without which a program does not start, or starts without a safeguard.
#[rustfmt::skip]
const NEEDED: &[(&str, &[&str])] = &[
    ("kube-apiserver", &[
        "client-ca-file", "etcd-servers", "etcd-cafile", "etcd-certfile", "etcd-keyfile", "kubelet-certificate-authority",
        "kubelet-client-certificate", "kubelet-client-key", "service-account-key-file", "service-cluster-ip-range",
        "tls-cert-file", "tls-private-key-file",
    ]),
    ("kube-controller-manager", &[
        "kubeconfig", "root-ca-file", "service-account-private-key-file", "service-cluster-ip-range",
    ]),
    ("etcd", &[
        "name", "cert-file", "key-file", "trusted-ca-file", "peer-cert-file", "peer-key-file", "peer-trusted-ca-file",
        "client-cert-auth", "peer-client-cert-auth", "advertise-client-urls", "listen-client-urls",
        "initial-advertise-peer-urls", "listen-peer-urls", "initial-cluster",
    ]),
    ("kubelet", &["kubeconfig", "config"]),
    ("kube-proxy", &["config"]),
];

/// What a table says of one program.
fn of_program<T>(table: &'static [(&str, &[T])], program: &str) -> impl Iterator<Item = &'static T> {
    let rows = table.iter().filter(move |(of, _)| *of == program);
    rows.flat_map(|(_, flags)| flags.iter())
}

pub(crate) fn check(parties: &Parties<'_>) {
    let (view, apis) = (parties.view, &parties.apis);
    for api in apis {
        apiserver::check(api);
    }
    apiserver::check_encryption(apis);
    for running in all_running(view) {
        check_flags(running);
        match running.line.program.as_str() {
            "etcd" if !running.line.is_elsewhere() => etcd::check(running),
            "kubelet" => kubelet::check(running, apis),
            "kube-controller-manager" => {
                check_signers(running);
                check_insecure_address(running);
                manager::check(running, apis);
            }
            "kube-scheduler" => check_insecure_address(running),
            _ => {}
        }
    }
    manager::check_election(view);
    for (spot, document) in documents(view) {
        check_files_of(spot, document);
        encryption::check(spot, document);
    }
    runtime::check(view);
}

/// What certificates are signed with: a pair for all signers of the cluster, or one for a signer.
const SIGNERS: [&str; 5] = [
    "",
    "-kubelet-serving",
    "-kubelet-client",
    "-kube-apiserver-client",
    "-legacy-unknown",
];

/// A controller manager signs with one certificate, even where more are trusted.
fn check_signers(manager: Running<'_>) {
    let spot = manager.spot;
    for signer in SIGNERS {
        let flag = format!("cluster-signing{signer}-cert-file");
        let key = format!("cluster-signing{signer}-key-file");
        spot.check_pair(manager.file(&flag), manager.file(&key));
        let count = manager.certificates(&flag).len();
        if let Some(path) = spot.host.resolve(manager.file(&flag)).filter(|_| count > 1) {
            let message = format!("there are {count} certificates in it, and --{flag} has to name a file with one");
            spot.at(path).report(codes::SEVERAL_SIGNERS, message);
        }
    }
}

/// The address at which neither identity nor encryption is asked for.
fn check_insecure_address(running: Running<'_>) {
    let address = running.line.flag("address").unwrap_or("127.0.0.1");
    if !is_loopback(address) && running.line.flag("port") != Some("0") {
        let message = format!("--address={address} lets everybody read who reaches its insecure port");
        running.report(codes::OPEN_DOOR, message);
    }
}

/// Whether a value is the path of a file that a bundle brings: its own name says so, or the flag or field it is the value of.
fn is_file_of_a_bundle(field: &str, value: &str) -> bool {
    let name = value.rsplit('/').next().unwrap_or_default();
    let ends = [".pem", ".crt", ".key", ".pub", ".kubeconfig", ".yaml", ".yml", ".json"];
    #[rustfmt::skip]
    let fields = [
        "cafile", "ca-file", "certfile", "cert-file", "keyfile", "key-file", "CAFile", "CertFile", "KeyFile",
    ];
    let is_named =
        fields.iter().any(|end| field.ends_with(end)) || matches!(field, "kubeconfig" | "config" | FILE_OF_ETCD);
    value.starts_with('/')
        && !value.starts_with("/run/")
        && (is_named || ends.iter().any(|end| name.ends_with(end)) || name == "kubeconfig")
}

fn check_flags(running: Running<'_>) {
    let program = running.line.program.as_str();
    // Of a file that is not here nothing is known, but that it is not here.
    for flag in of_program(NEEDED, program).filter(|_| !running.line.is_elsewhere()) {
        let is_given = |other: &str| running.line.flag(other).is_some();
        if !is_given(flag) && stands_in(program, flag, is_given) {
            continue;
        }
        if running.line.flag(flag).is_none() || running.line.switch(flag) == Some(false) {
            running.report(codes::MISSING_SETTING, format!("--{flag} is not set"));
        }
    }
    for (flag, values) in &running.line.flags {
        for value in values.iter().flat_map(|value| value.split(',')) {
            if is_missing(running.spot, flag, value) {
                let message = format!("--{flag} names {value}, which is not here");
                running.report(codes::MISSING_FILE, message);
            }
        }
    }
}

fn is_missing(spot: Spot<'_>, field: &str, value: &str) -> bool {
    !spot.host.host.loose && is_file_of_a_bundle(field, value) && spot.host.resolve(value).is_none()
}

/// The files that a program's configuration names.
fn check_files_of(spot: Spot<'_>, document: &Tree) {
    fn check(spot: Spot<'_>, name: &str, tree: &Tree) {
        match tree {
            Tree::Text(text) if is_missing(spot, name, text) => {
                spot.report(
                    codes::MISSING_FILE,
                    format!("it names {}, which is not here", text.as_str()),
                );
            }
            Tree::Text(_) | Tree::Plain(_) => {}
            Tree::List(items) => items.iter().for_each(|item| check(spot, name, item)),
            Tree::Map(fields) => fields.iter().for_each(|(name, value)| check(spot, name, value)),
        }
    }
    if document.kind().ends_with("Configuration") || document.kind() == "Config" {
        check(spot, "", document);
    }
}
