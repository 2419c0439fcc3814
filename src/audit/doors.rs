//! Doors that the flags and settings of a program open: which program, which flag or setting, when, and what follows.

use super::spot::Running;
use super::together::program;
use super::view::View;
use crate::audit::names::{Url, host_and_port, is_loopback};
use crate::audit::spot::all_running;
use crate::catalog::safeguard::Part::{self, Flag, Setting};
use crate::catalog::safeguard::is_weak_cipher;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::rules::StartedProgram;

/// Which values open a door. Lists are separated by commas.
enum Opens {
    Given,
    On,
    Off,
    /// The list has one of these.
    Has(&'static [&'static str]),
    /// The list has something besides these.
    HasBesides(&'static [&'static str]),
    /// An address that is not the host's own loopback address.
    OffLoopback,
    /// A URL of plain HTTP: beyond the host, or on it alone.
    PlainHttpBeyond,
    PlainHttpHere,
    /// A list that has a cipher which Go calls insecure (crypto/tls, InsecureCipherSuites).
    WeakCipher,
}
use Opens::{Given, Has, HasBesides, Off, OffLoopback, On, PlainHttpBeyond, PlainHttpHere, WeakCipher};

const API: &[&str] = &["kube-apiserver"];
const CONTROLLER: &[&str] = &["kube-controller-manager"];
const CONTROL_PLANE: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
const KUBELET: &[&str] = &["kubelet"];
const PROXY: &[&str] = &["kube-proxy"];
const ETCD: &[&str] = &["etcd"];

const OLD_TLS: Opens = Has(&["VersionTLS10", "VersionTLS11", "TLS1.0", "TLS1.1"]);
/// What everybody may ask without this being said (`NewDelegatingAuthorizationOptions` of k8s.io/apiserver).
const HEALTH: &[&str] = &["/healthz", "/livez", "/readyz"];

/// Sources: <https://kubernetes.io/docs/reference/command-line-tools-reference/>,
/// <https://etcd.io/docs/latest/op-guide/security/>, RFC 8996, and the CIS Kubernetes Benchmark.
#[rustfmt::skip]
const DOORS: &[(&[&str], Part, Opens, &Code, &str)] = &[
    (API, Flag("token-auth-file"), Given, codes::OPEN_DOOR, "its tokens lie in clear text in a file, and are valid until it starts again without them"),
    (API, Flag("basic-auth-file"), Given, codes::OPEN_DOOR, "passwords lie in clear text in a file"),
    (API, Flag("insecure-bind-address"), OffLoopback, codes::OPEN_DOOR, "its insecure port lets in everybody who reaches it"),
    (API, Flag("insecure-allow-any-token"), On, codes::OPEN_DOOR, "everybody can be anybody"),
    (API, Flag("kubelet-https"), Off, codes::OPEN_DOOR, "logs and commands go to kubelets in clear text"),
    (API, Flag("service-account-lookup"), Off, codes::OPEN_DOOR, "tokens of deleted service accounts stay valid"),
    (API, Flag("disable-admission-plugins"), Has(&["NodeRestriction"]), codes::OPEN_DOOR, "a kubelet may change other nodes"),
    (CONTROLLER, Flag("use-service-account-credentials"), Off, codes::WEAK_DOOR, "all controllers share one identity, with the rights of all of them"),
    (CONTROL_PLANE, Flag("authorization-always-allow-paths"), HasBesides(HEALTH), codes::WEAK_DOOR, "these paths are open to everybody"),
    (CONTROL_PLANE, Flag("tls-min-version"), OLD_TLS, codes::WEAK_DOOR, "TLS before 1.2 has known weaknesses"),
    (CONTROL_PLANE, Flag("tls-cipher-suites"), WeakCipher, codes::WEAK_DOOR, "it has a cipher with known weaknesses"),
    (KUBELET, Setting(&["tlsMinVersion"]), OLD_TLS, codes::WEAK_DOOR, "TLS before 1.2 has known weaknesses"),
    (KUBELET, Setting(&["tlsCipherSuites"]), WeakCipher, codes::WEAK_DOOR, "it has a cipher with known weaknesses"),
    (KUBELET, Setting(&["staticPodURL"]), PlainHttpBeyond, codes::OPEN_DOOR, "whoever answers in its place runs pods on this host"),
    (PROXY, Setting(&["metricsBindAddress"]), OffLoopback, codes::WEAK_DOOR, "its metrics answer everybody who reaches them"),
    (ETCD, Flag("auto-tls"), On, codes::WEAK_DOOR, "what it would show to clients is of its own making, which nobody can check"),
    (ETCD, Flag("peer-auto-tls"), On, codes::WEAK_DOOR, "what it would show to members is of its own making, which nobody can check"),
    (ETCD, Flag("listen-metrics-urls"), PlainHttpBeyond, codes::OPEN_DOOR, "its metrics answer everybody who reaches them, in clear text"),
    (ETCD, Flag("listen-metrics-urls"), PlainHttpHere, codes::WEAK_DOOR, "its metrics answer everybody on this host"),
    (ETCD, Flag("listen-client-http-urls"), PlainHttpBeyond, codes::OPEN_DOOR, "clients talk to it in clear text"),
    (ETCD, Flag("listen-client-http-urls"), PlainHttpHere, codes::OPEN_DOOR, "everybody on this host reads and writes everything in it"),
    (ETCD, Flag("cipher-suites"), WeakCipher, codes::WEAK_DOOR, "it has a cipher with known weaknesses"),
    (ETCD, Flag("cors"), Has(&["*"]), codes::WEAK_DOOR, "any web page that a client shows may ask it"),
];

pub(crate) fn check(view: &View<'_>) {
    for running in all_running(view) {
        let mut rows = DOORS
            .iter()
            .filter(|(of, ..)| of.contains(&running.line.program.as_str()))
            .peekable();
        if rows.peek().is_none() {
            continue;
        }
        let program = program(running);
        for (_, part, opens, code, why) in rows {
            if let Some(name) = opened(running, &program, *part, opens) {
                running.report(code, format!("{name}: {why}"));
            }
        }
    }
}

/// The flag or setting, if its value opens the door.
fn opened(running: Running<'_>, program: &StartedProgram, part: Part, opens: &Opens) -> Option<String> {
    let (name, value, switch) = match part {
        Flag(name) => (format!("--{name}"), running.line.flag(name)?, running.line.switch(name)),
        Setting(path) => {
            let path: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
            let value = program.settings.get(&path)?;
            (format!("`{}`", path.join(".")), value.as_str(), value.parse().ok())
        }
    };
    let mut items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    let plain = |url: &str| Url::parse(url).filter(|url| url.scheme == "http");
    let is_open = match opens {
        Given => true,
        On => switch == Some(true),
        Off => switch == Some(false),
        Has(bad) => items.any(|item| bad.contains(&item)),
        HasBesides(good) => items.any(|item| !good.contains(&item)),
        OffLoopback => items.any(|item| host_and_port(item).is_some_and(|(host, _)| !is_loopback(&host))),
        PlainHttpBeyond => items.any(|item| plain(item).is_some_and(|url| !is_loopback(&url.host))),
        PlainHttpHere => items.any(|item| plain(item).is_some_and(|url| is_loopback(&url.host))),
        WeakCipher => items.any(is_weak_cipher),
    };
    is_open.then_some(name)
}
