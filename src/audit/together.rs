//! Each program as found, judged by the table of rules; and secrets in files that everybody may read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::document::Tree;
use super::names::Url;
use super::pods::ranges_of;
use super::read_as::minors_of_program;
use super::spot::{Running, Spot, all_running, running};
use super::unit::FILE_OF_ETCD;
use super::view::View;
use crate::catalog::port::Port;
use crate::catalog::releases::Version;
use crate::catalog::rule::Asks;
use crate::diagnostic::verify_codes as codes;
use crate::rules::{StartedProgram, Surroundings, broken, has_rules, taken_beside_services};
use crate::secrecy::secrets;

pub(crate) fn check(view: &View<'_>) {
    let services = services(view);
    let pods = pods(view);
    let nodes = nodes(view);
    let etcd: Vec<(String, u16)> = running(view, "etcd").flat_map(members).collect();
    let taken = taken(view);
    for one in all_running(view).filter(|one| has_rules(&one.line.program)) {
        let around = Surroundings {
            services: services.clone(),
            pods: pods.clone(),
            nodes: Arc::clone(&nodes),
            etcd: match one.line.program.as_str() {
                "kube-apiserver" => one.urls("etcd-servers").into_iter().map(called_at).collect(),
                _ => etcd.clone(),
            },
            api_server: api_server(one),
            own_pods: own_pods(one),
            taken: Arc::clone(&taken),
            minors: Some(minors_of_program(one)),
            // Of what is found, the release of Go is not known.
            any_proxy_is_asked: false,
        };
        for broken in broken(&program(one), &around) {
            let code = match broken.rule.asks {
                Asks::Alone { .. }
                | Asks::Needs { .. }
                | Asks::NeedsGate { .. }
                | Asks::With { .. }
                | Asks::Compared { .. }
                | Asks::GatesAgree => codes::REFUSED_TOGETHER,
                Asks::Given(_) => codes::MISSING_SETTING,
                Asks::Both(..) => codes::MISSING_SETTING,
                Asks::NoProxyFor(_) => codes::PROXIED_CALLS,
                Asks::PodsHaveAddresses => codes::PODS_WITHOUT_ADDRESSES,
                Asks::NodePortsAreFree => codes::NODE_PORT_TAKEN,
                Asks::HasSuiteOfHttp2 { .. } | Asks::NoSuitesOfTls13 { .. } | Asks::Once { .. } => codes::REFUSED_VALUE,
                Asks::Apart(..) => codes::REFUSED_TOGETHER,
                // Told where variables are read as flags.
                Asks::NotInEnvironment(_) => continue,
                Asks::Heeded { .. } if renews_in_place(one) => continue,
                Asks::Heeded { .. } => codes::NO_EFFECT,
            };
            one.report(code, broken.message);
        }
    }
    open_secrets(view);
}

/// A program as it was found.
pub(super) fn program(running: Running<'_>) -> StartedProgram {
    let mut settings = BTreeMap::new();
    for document in running.spot.host.documents(running.file("config")) {
        settings.append(&mut leaves(document));
    }
    let mut flags = running.line.flags.clone();
    if running.line.read_from.is_some() {
        // What is read from the file is not beside it.
        flags.remove(FILE_OF_ETCD);
    }
    StartedProgram {
        name: running.line.program.clone(),
        flags,
        settings,
        environment: running.environment.clone(),
    }
}

/// The fields of a document that are no maps, by their path; a list has commas.
pub(super) fn leaves(document: &Tree) -> BTreeMap<Vec<String>, String> {
    let mut found = BTreeMap::new();
    add_leaves(document, &mut Vec::new(), &mut found);
    found
}

fn add_leaves(tree: &Tree, path: &mut Vec<String>, found: &mut BTreeMap<Vec<String>, String>) {
    match tree {
        Tree::Map(fields) => {
            for (name, field) in fields {
                path.push(name.clone());
                add_leaves(field, path, found);
                path.pop();
            }
        }
        Tree::List(items) => {
            // A map in a list is there, whatever it has.
            let texts: Vec<&str> = items.iter().map(|item| item.text().unwrap_or("{}")).collect();
            found.insert(path.clone(), texts.join(","));
        }
        Tree::Text(_) | Tree::Plain(_) => {
            found.insert(path.clone(), tree.text().unwrap_or_default().to_owned());
        }
    }
}

fn services(view: &View<'_>) -> Vec<IpNet> {
    let apis = running(view, "kube-apiserver");
    unique(apis.flat_map(|api| ranges(&api.line.list("service-cluster-ip-range"))))
}

fn pods(view: &View<'_>) -> Vec<IpNet> {
    let managers = running(view, "kube-controller-manager");
    unique(managers.flat_map(|manager| ranges(&manager.line.list("cluster-cidr"))))
}

fn nodes(view: &View<'_>) -> Arc<[IpAddr]> {
    let first = |kubelet: Running<'_>| kubelet.line.list("node-ip").first()?.parse().ok();
    running(view, "kubelet").filter_map(first).collect()
}

fn ranges(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn unique(ranges: impl Iterator<Item = IpNet>) -> Vec<IpNet> {
    let mut all: Vec<IpNet> = ranges.collect();
    all.sort();
    all.dedup();
    all
}

/// At which hosts and ports a member of etcd tells others to call it.
fn members(etcd: Running<'_>) -> impl Iterator<Item = (String, u16)> {
    etcd.urls("initial-advertise-peer-urls").into_iter().map(called_at)
}

fn called_at(url: Url) -> (String, u16) {
    (url.host, url.port.unwrap_or(443))
}

/// Where the kubeconfig of a program leads, which its command line names or its configuration.
fn api_server(running: Running<'_>) -> Option<(String, u16)> {
    let host = running.spot.host;
    let configs = host.documents(running.file("config")).iter();
    let of_config = configs.filter_map(|config| config.text_at(&["clientConnection", "kubeconfig"]));
    let mut paths = running.line.flag("kubeconfig").into_iter().chain(of_config);
    let config = paths.find_map(|path| host.documents(path).first())?;
    let cluster = config.items_at(&["clusters"]).first()?;
    Url::parse(cluster.text_at(&["cluster", "server"])?).map(called_at)
}

/// Whether a kubelet keeps its own certificate, as kubeadm has it: by a token at first, or by a kubeconfig that names the copy.
fn renews_in_place(kubelet: Running<'_>) -> bool {
    let host = kubelet.spot.host;
    let mut users = host
        .documents(kubelet.file("kubeconfig"))
        .iter()
        .flat_map(|config| config.items_at(&["users"]));
    let names_copy = |user: &Tree| {
        let certificate = user.text_at(&["user", "client-certificate"]);
        certificate.is_some_and(|path| path.ends_with("/kubelet-client-current.pem"))
    };
    !kubelet.file("bootstrap-kubeconfig").is_empty() || users.any(names_copy)
}

/// The ranges out of which bridges of a kubelet's host give addresses.
fn own_pods(running: Running<'_>) -> Vec<IpNet> {
    let Spot { view, host, .. } = running.spot;
    let documents = host.documents.iter().filter(|_| running.line.program == "kubelet");
    let documents = documents.flat_map(|(path, documents)| documents.iter().map(move |one| (*path, one)));
    let ranges = documents.flat_map(|(path, document)| ranges_of(Spot { view, host, path }, document));
    ranges.map(|(_, range)| range).collect()
}

/// The ports that are taken where those of services are opened.
fn taken(view: &View<'_>) -> Arc<[Port]> {
    taken_beside_services(view.hosts.iter().map(|host| {
        let programs = host.commands.iter().map(|command| command.line.program.as_str());
        (programs.collect(), Version::parse(&host.host.about.kubernetes))
    }))
}

/// What may be a secret and stands where everybody may read it. Keys, kubeconfigs and encryption configurations have
/// findings of their own.
fn open_secrets(view: &View<'_>) {
    const KINDS: [&str; 9] = [
        ".service",
        ".conf",
        ".cfg",
        ".toml",
        ".yaml",
        ".yml",
        ".json",
        ".conflist",
        ".env",
    ];
    let has_its_own = |document: &Tree| document.kind() == "Config" || document.is_encryption();
    for host in &view.hosts {
        for (path, file) in &host.host.files {
            let is_open = file.mode.is_some_and(|mode| mode & 0o004 != 0);
            let is_told = host.documents(path).iter().any(has_its_own);
            if !is_open || is_told || !KINDS.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let Some(text) = file.text() else { continue };
            for secret in secrets(text) {
                let message = format!(
                    "`{}` may be a secret, and everybody on the host may read it",
                    secret.name
                );
                Spot { view, host, path }.report(codes::SECRET_IN_THE_OPEN, message);
            }
        }
    }
}
