//! The certificates of a cluster: the rows of its layout and the user's own, each with the request that it is made from.

use std::collections::BTreeSet;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, NODE_PLACEHOLDER, Names, Per, SignedBy};
use crate::cluster::{Cluster, ExtraCertificate, Host};
use crate::pki::cfssl::{Name, Profile, Request, user_and_groups};
use crate::server_names::{api_server_names, etcd_names, node_names};

/// A certificate, its key and its request.
#[derive(Clone, Debug)]
pub struct PlannedCertificate<'a> {
    /// What its key is derived for: `ca`, `node/node1`, `certificate/metrics`.
    pub id: String,
    /// What its files are called: `ca`, `node1`.
    pub files: String,
    /// The row it comes from; none is one of the user's own.
    pub row: Option<&'static Identity>,
    /// The host whose own it is.
    pub host: Option<&'a str>,
    /// The name of the CSR file that it is made from.
    pub csr: &'a str,
    /// What it is signed with, unless it signs itcluster.
    pub profile: &'a Profile,
    /// The CSR, with the names it must be valid for as its hosts and the node's name in place of the placeholder. None for an
    /// authority that is there already.
    pub request: Option<Request>,
    pub issuer: Issuer,
}

/// Who signs a planned certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    Itself,
    /// The planned certificate with this id.
    Another(String),
    /// It is a key pair, and has no certificate.
    Nobody,
}

impl PlannedCertificate<'_> {
    /// The user of a kubeconfig that holds it: the name by which the API server knows its bearer.
    pub fn user(&self) -> String {
        let user = self.request.as_ref().map(|request| user_and_groups(request).0);
        user.filter(|user| !user.is_empty())
            .unwrap_or_else(|| self.files.clone())
    }
}

/// The certificates that the cluster needs, issuers first.
pub fn certificates(cluster: &Cluster) -> Vec<PlannedCertificate<'_>> {
    let rows = cluster.pki.layout.identities().iter();
    let identities = rows.flat_map(|identity| certificates_of(cluster, identity));
    let extra = cluster
        .pki
        .extra
        .iter()
        .filter_map(|extra| extra_certificate(cluster, extra));
    identities.chain(extra).collect()
}

fn extra_certificate<'a>(cluster: &'a Cluster, extra: &'a ExtraCertificate) -> Option<PlannedCertificate<'a>> {
    let mut request = cluster.pki.csrs.get(&extra.csr)?.request.clone();
    request.hosts = union(extra.hosts.clone(), request.hosts);
    Some(PlannedCertificate {
        id: extra_id(&extra.name),
        files: extra.name.clone(),
        row: None,
        host: None,
        csr: &extra.csr,
        profile: &extra.profile,
        request: Some(request),
        issuer: Issuer::Another(
            extra
                .signed_by
                .as_deref()
                .map_or_else(|| CLUSTER_AUTHORITY.to_owned(), extra_id),
        ),
    })
}

fn certificates_of<'a>(cluster: &'a Cluster, identity: &'static Identity) -> Vec<PlannedCertificate<'a>> {
    let csr = cluster.pki.csrs.get(identity.csr);
    let planned = |host: Option<&'a Host>| {
        let request = csr.map(|csr| {
            let mut request = match host {
                Some(host) => with_host_name(&csr.request, &host.name),
                None => csr.request.clone(),
            };
            request.hosts = union(names(cluster, identity.names, host), request.hosts);
            request
        });
        PlannedCertificate {
            id: host.map_or_else(
                || identity.name.to_owned(),
                |host| format!("{}/{}", identity.name, host.name),
            ),
            files: identity.files.replace("{host}", host.map_or("", |host| &host.name)),
            row: Some(identity),
            host: host.map(|host| host.name.as_str()),
            csr: identity.csr,
            profile: cluster.pki.profile_of(identity.name),
            request,
            issuer: match identity.signed_by {
                SignedBy::Itself => Issuer::Itself,
                SignedBy::Authority(name) => Issuer::Another(name.to_owned()),
                SignedBy::Nobody => Issuer::Nobody,
            },
        }
    };
    match identity.per {
        Per::Cluster => vec![planned(None)],
        Per::Each(role) => cluster.with(role).map(|host| planned(Some(host))).collect(),
    }
}

/// The names and addresses by which the holder of a certificate is reached.
fn names(cluster: &Cluster, names: Names, host: Option<&Host>) -> Vec<String> {
    match names {
        Names::None => Vec::new(),
        Names::Node => host.map(node_names).unwrap_or_default(),
        Names::ApiServer => api_server_names(cluster, host),
        Names::Etcd => etcd_names(cluster, host),
        Names::ApiServerAndEtcd => union(api_server_names(cluster, None), etcd_names(cluster, None)),
    }
}

/// What the key of an extra certificate is derived for. No identity's name has a slash but a worker's, `node/NAME`.
pub fn extra_id(name: &str) -> String {
    format!("certificate/{name}")
}

/// The request with the placeholder in each of its texts replaced by the host's name.
fn with_host_name(request: &Request, host: &str) -> Request {
    let named = |text: &str| text.replace(NODE_PLACEHOLDER, host);
    Request {
        cn: named(&request.cn),
        serial_number: named(&request.serial_number),
        hosts: request.hosts.iter().map(|name| named(name)).collect(),
        names: request
            .names
            .iter()
            .map(|name| Name {
                c: named(&name.c),
                st: named(&name.st),
                l: named(&name.l),
                o: named(&name.o),
                ou: named(&name.ou),
                e: named(&name.e),
                oid: name
                    .oid
                    .iter()
                    .map(|(oid, value)| (oid.clone(), named(value)))
                    .collect(),
            })
            .collect(),
        ..request.clone()
    }
}

/// All of `first`, then what `second` adds, nothing twice.
fn union(first: Vec<String>, second: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    first
        .into_iter()
        .chain(second)
        .filter(|name| seen.insert(name.clone()))
        .collect()
}
