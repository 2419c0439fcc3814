//! Which certificate is used for what: as flags and kubeconfigs say, else as its subject and names say, and last as its file is called.
//!
//! Purposes have the names of the split layout, whichever layout the cluster has.

use std::sync::Arc;

use super::evidence::Evidence;
use super::material::{FoundCertificate, Material};
use super::programs::{RunningProgram, certificates, resolve};
use crate::audit::view::View;
use crate::pki::inspect::Certificate;

/// A certificate in use.
#[derive(Clone, Debug)]
pub(super) struct ShownAs {
    /// The identity of the split layout.
    pub purpose: &'static str,
    /// The machine that shows it, or the node that it is of; none where that is not told.
    pub host: Option<String>,
    pub certificate: Arc<Certificate>,
    pub evidence: Evidence,
}

/// RunningProgram | flag | what its certificate is for.
#[rustfmt::skip]
const FLAGS: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "tls-cert-file", "apiserver"),
    ("kube-apiserver", "kubelet-client-certificate", "apiserver-kubelet-client"),
    ("kube-apiserver", "etcd-certfile", "apiserver-etcd-client"),
    ("kube-apiserver", "proxy-client-cert-file", "front-proxy-client"),
    ("etcd", "cert-file", "etcd-server"),
    ("etcd", "peer-cert-file", "etcd-peer"),
    ("kubelet", "tls-cert-file", "kubelet-serving"),
];

/// Common name | what its bearer is.
#[rustfmt::skip]
const USERS: &[(&str, &str)] = &[
    ("system:kube-controller-manager", "kube-controller-manager"),
    ("system:kube-scheduler", "kube-scheduler"),
    ("system:kube-proxy", "kube-proxy"),
];

/// What a common name or the name of a file has in it | what such a certificate is for, where nothing else says it. The first row counts.
#[rustfmt::skip]
const HINTS: &[(&str, &str)] = &[
    ("service-account", "service-account"),
    ("serviceaccount", "service-account"),
    ("healthcheck", "etcd-healthcheck-client"),
    ("etcd-client", "apiserver-etcd-client"),
    ("kubelet-client", "apiserver-kubelet-client"),
    ("front-proxy", "front-proxy-client"),
    ("proxy-client", "front-proxy-client"),
    ("aggregator", "front-proxy-client"),
    ("etcd-peer", "etcd-peer"),
    ("etcd/peer", "etcd-peer"),
    ("etcd", "etcd-server"),
    ("apiserver", "apiserver"),
    ("kube-proxy", "kube-proxy"),
    ("controller-manager", "kube-controller-manager"),
    ("scheduler", "kube-scheduler"),
    ("admin", "admin"),
];

const MASTERS: &str = "system:masters";
/// Whom kubeadm makes administrators since 1.29: <https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/>.
const ADMINS: [&str; 2] = [MASTERS, "kubeadm:cluster-admins"];
/// A name that every API server has in its certificate.
const OF_API_SERVERS: [&str; 2] = ["kubernetes.default", "kubernetes.default.svc"];
pub(super) const NODE: &str = "system:node:";

/// What every certificate that is no authority's is used for, as far as anything tells it; in the order of the evidence's weight.
pub(super) fn shown(view: &View<'_>, programs: &[RunningProgram<'_>], material: &Material<'_>) -> Vec<ShownAs> {
    let mut all = by_flags(programs);
    all.extend(by_configuration(programs));
    all.extend(by_logins(material));
    let told: Vec<&'static str> = all.iter().map(|one| one.purpose).collect();
    // That of a node may be its client's and its server's.
    let known = |one: &FoundCertificate| {
        let mut known = all.iter();
        let is_nodes = one.certificate.user().starts_with(NODE);
        !is_nodes && known.any(|shown| shown.certificate.fingerprint == one.certificate.fingerprint)
    };
    let others: Vec<&FoundCertificate> = material.leaves().into_iter().filter(|one| !known(one)).collect();
    // One that is in use is not told by others of its kind which only lie there.
    let mut guessed: Vec<ShownAs> = others
        .into_iter()
        .flat_map(|one| by_itself(view, one))
        .filter(|one| !told.contains(&one.purpose) || one.purpose.starts_with("kubelet"))
        .collect();
    let is_nodes = |one: &ShownAs| one.purpose.starts_with("kubelet");
    let nodes: Vec<(&'static str, Option<String>)> = all.iter().map(|one| (one.purpose, one.host.clone())).collect();
    guessed.retain(|one| !is_nodes(one) || !nodes.contains(&(one.purpose, one.host.clone())));
    all.extend(guessed);
    tell_administrators_apart(&mut all);
    all
}

fn by_flags(programs: &[RunningProgram<'_>]) -> Vec<ShownAs> {
    let mut all = Vec::new();
    for program in programs {
        for (_, flag, purpose) in FLAGS.iter().filter(|(of, ..)| *of == program.name()) {
            let leaf = program.certificates(flag).first().map(|leaf| Arc::new((*leaf).clone()));
            all.extend(leaf.map(|certificate| ShownAs {
                purpose,
                host: (!program.host.host.loose).then(|| program.host.name.to_owned()),
                certificate,
                evidence: program.evidence(flag),
            }));
        }
    }
    all
}

/// What a kubelet serves with.
fn by_configuration(programs: &[RunningProgram<'_>]) -> Vec<ShownAs> {
    let kubelets = programs.iter().filter(|program| program.name() == "kubelet");
    let of_kubelet = |kubelet: &RunningProgram<'_>| {
        let (path, config) = kubelet.config()?;
        let named = resolve(kubelet.host, config.text_at(&["tlsCertFile"])?)?;
        let leaf = *certificates(kubelet.host, named).first()?;
        Some(ShownAs {
            purpose: "kubelet-serving",
            host: (!kubelet.host.host.loose).then(|| kubelet.host.name.to_owned()),
            certificate: Arc::new(leaf.clone()),
            evidence: Evidence::within(kubelet.host, path, "tlsCertFile", "tlsCertFile"),
        })
    };
    kubelets.filter_map(of_kubelet).collect()
}

fn by_logins(material: &Material<'_>) -> Vec<ShownAs> {
    let of_login = |found: &super::material::FoundLogin<'_>| {
        let leaf = found.login.client.iter().find_map(|item| match item {
            crate::pki::inspect::Item::Certificate(leaf) => Some(Arc::clone(leaf)),
            _ => None,
        })?;
        let (purpose, node) = of_client(&leaf, found.login.spot.path)?;
        let host = found.login.spot.host;
        Some(ShownAs {
            purpose,
            host: node.or_else(|| (!host.host.loose).then(|| host.name.to_owned())),
            certificate: leaf,
            evidence: found.evidence.clone(),
        })
    };
    material.logins.iter().filter_map(of_login).collect()
}

/// What a client is by its subject, and the node that it is.
fn of_client(leaf: &Certificate, path: &str) -> Option<(&'static str, Option<String>)> {
    let user = leaf.user();
    if let Some(node) = user.strip_prefix(NODE) {
        return Some(("kubelet-client", Some(node.to_owned())));
    }
    if let Some((_, purpose)) = USERS.iter().find(|(name, _)| *name == user) {
        return Some((purpose, None));
    }
    let is_admin = ADMINS.iter().any(|group| leaf.is_in(group)) || path.to_lowercase().contains("admin");
    is_admin.then_some(("admin", None))
}

/// What a certificate that nothing names is for.
fn by_itself(view: &View<'_>, found: &FoundCertificate) -> Vec<ShownAs> {
    let leaf = &found.certificate;
    let Some(first) = found.at.first() else {
        return Vec::new();
    };
    let shown = |purpose, host: Option<String>| ShownAs {
        purpose,
        host,
        certificate: Arc::clone(leaf),
        evidence: first.evidence.clone(),
    };
    let is_loose = |name: &str| view.hosts.iter().any(|host| host.name == name && host.host.loose);
    let machine = (!is_loose(&first.host)).then(|| first.host.clone());
    if let Some(node) = leaf.user().strip_prefix(NODE) {
        let client = leaf.client_auth.then(|| shown("kubelet-client", Some(node.to_owned())));
        let serves = leaf.server_auth && !(leaf.dns.is_empty() && leaf.ips.is_empty());
        let server = serves.then(|| shown("kubelet-serving", Some(node.to_owned())));
        return client.into_iter().chain(server).collect();
    }
    if leaf.server_auth && leaf.dns.iter().any(|name| OF_API_SERVERS.contains(&name.as_str())) {
        return vec![shown("apiserver", machine)];
    }
    if let Some((purpose, _)) = of_client(leaf, "").filter(|_| leaf.client_auth) {
        let is_of_api_server = leaf.user().contains("kubelet-client");
        return vec![shown(
            if is_of_api_server {
                "apiserver-kubelet-client"
            } else {
                purpose
            },
            machine,
        )];
    }
    let texts = std::iter::once(leaf.user().to_lowercase()).chain(found.at.iter().map(|at| at.path.to_lowercase()));
    let hint = texts
        .into_iter()
        .find_map(|text| HINTS.iter().find(|(part, _)| text.contains(part)));
    hint.map(|(_, purpose)| shown(purpose, machine)).into_iter().collect()
}

/// Where there are administrators whom RBAC can stop and others whom nothing stops, the latter are for emergencies.
fn tell_administrators_apart(all: &mut [ShownAs]) {
    let is_admin = |one: &ShownAs| one.purpose == "admin";
    let stoppable = |one: &ShownAs| !one.certificate.is_in(MASTERS);
    if all.iter().any(|one| is_admin(one) && stoppable(one)) {
        for one in all.iter_mut().filter(|one| one.purpose == "admin") {
            if one.certificate.is_in(MASTERS) {
                one.purpose = "break-glass";
            }
        }
    }
}

/// Those of a purpose.
pub(super) fn of<'s>(all: &'s [ShownAs], purpose: &str) -> impl Iterator<Item = &'s ShownAs> {
    all.iter().filter(move |one| one.purpose == purpose)
}
