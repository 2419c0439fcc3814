//! What the names of files say where no unit says it: in a folder made by hand, and where certificates are made.

use super::names::Url;
use super::spot::{Spot, documents_of};
use super::view::View;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::Certificate;

pub(crate) fn check(view: &View<'_>) {
    let served = view.hosts.iter().any(|host| host.runs("kube-apiserver"));
    let mut servers: Vec<(Spot<'_>, &Certificate)> = Vec::new();
    for host in &view.hosts {
        for path in host.pem.keys() {
            let Some(leaf) = host.certificates(path).first().copied() else {
                continue;
            };
            let Some(stem) = path.strip_suffix(".pem").or_else(|| path.strip_suffix(".crt")) else {
                continue;
            };
            let spot = Spot { view, host, path };
            let name = stem.rsplit('/').next().unwrap_or(stem);
            if !served && ["kubernetes", "apiserver", "kube-apiserver"].contains(&name) {
                servers.push((spot, leaf));
                check_server(spot, leaf);
            }
            check_identity(spot, leaf, stem, name);
        }
    }
    for (spot, document) in documents_of(view, "Config") {
        let clusters = document.items_at(&["clusters"]).iter();
        let urls = clusters.filter_map(|cluster| Url::parse(cluster.text_at(&["cluster", "server"])?));
        for url in urls {
            let here = servers.iter().filter(|(server, _)| server.host.name == spot.host.name);
            for (server, leaf) in here.filter(|(_, leaf)| !leaf.covers(&url.host)) {
                let message = format!("its server {} is not in {}, {:?}", url.host, server.path, leaf.subject);
                spot.report(codes::ADDRESS_NOT_COVERED, message);
            }
        }
    }
}

/// A certificate that an API server will show.
fn check_server(spot: Spot<'_>, leaf: &Certificate) {
    let wanted = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    for wanted in wanted.iter().filter(|wanted| !leaf.covers(wanted)) {
        let message = format!("it does not hold {wanted}, by which pods call the API server");
        spot.report(codes::SERVICE_NAME_MISSING, message);
    }
    if !leaf.dns.iter().any(|dns| dns.starts_with("kubernetes.default.svc.")) {
        let message = "it does not hold kubernetes.default.svc and the domain, by which pods call the API server";
        spot.report(codes::SERVICE_NAME_MISSING, message);
    }
    if !leaf.server_auth {
        spot.report(codes::MISSING_SERVER_AUTH, "it is shown by a server, and may not be");
    }
}

/// Whether a certificate is whom its file's name says, and its request.
fn check_identity(spot: Spot<'_>, leaf: &Certificate, stem: &str, name: &str) {
    let user = leaf.user();
    let wrong = |message: String| spot.report(codes::WRONG_IDENTITY, message);
    let has_kubeconfig = || spot.host.host.files.contains_key(&format!("{stem}.kubeconfig"));
    let expected = match name {
        "kube-controller-manager" | "kube-scheduler" | "kube-proxy" => Some(format!("system:{name}")),
        _ if user.starts_with("system:node:") && has_kubeconfig() => Some(format!("system:node:{name}")),
        _ => None,
    };
    if let Some(expected) = expected.filter(|expected| expected != user) {
        wrong(format!("it is {user:?}, and has to be {expected:?}"));
    }
    if let Some(node) = user.strip_prefix("system:nodes:") {
        wrong(format!("it is {user:?}, and a node's user is \"system:node:{node}\""));
    }
    if user.starts_with("system:node:") && !leaf.is_in("system:nodes") {
        wrong("it lacks O=system:nodes".to_owned());
    }
    let request = spot.host.documents(&format!("{stem}-csr.json")).first();
    let asked = request.and_then(|request| request.text_at(&["CN"]));
    if let Some(asked) = asked.filter(|asked| *asked != user) {
        wrong(format!("it is {user:?}, and {name}-csr.json asks for {asked:?}"));
    }
}
