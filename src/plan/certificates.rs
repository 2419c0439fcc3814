//! The certificates of a cluster: the rows of its layout and the user's own, each with what it is made from.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, NODE_PLACEHOLDER, Names, Per, SignedBy};
use crate::catalog::when_of;
use crate::cluster::{Cluster, ExtraCertificate, Generation, Host, SignedChain};
use crate::pki::authority::AuthorityCertificate;
use crate::pki::cfssl::{Name, Profile, Request, user_and_groups};
use crate::pki::key::{Algorithm, KeyPair, PublicKey};
use crate::server_names::{api_server_names, etcd_names, node_names};

use super::keys::{KeyFrom, KeyId, KeyOf};
use super::rows::counts;

/// A key, and what its certificate and request are made from.
#[derive(Clone, Debug)]
pub struct PlannedCertificate<'a> {
    /// Which key it is.
    pub id: KeyId<'a>,
    /// What its files are called: `ca`, `node1`.
    pub files: String,
    /// The name of the CSR file that it is made from.
    pub csr: &'a str,
    /// Where its key comes from.
    pub key: KeyFrom<'a>,
    /// Where its certificate comes from.
    pub from: CertificateFrom<'a>,
}

/// Where a certificate comes from. A request is a CSR with the names it must be valid for as its hosts, and the node's name in
/// place of the placeholder.
#[derive(Clone, Debug)]
pub enum CertificateFrom<'a> {
    /// It signs itself.
    Itself {
        /// The request.
        request: Request,
        /// When it was issued, which may be before everything else was.
        issued: OffsetDateTime,
    },
    /// An authority signs it.
    SignedBy {
        /// The request.
        request: Request,
        /// The authority's key.
        issuer: KeyId<'a>,
        /// What it may be used for, and how long.
        profile: &'a Profile,
    },
    /// Another signs it elsewhere; none is before it has.
    SignedElsewhere {
        /// The request.
        request: Request,
        /// The authority's key.
        issuer: KeyId<'a>,
        /// What it may be used for, and how long.
        profile: &'a Profile,
        /// What was signed; none before it is here.
        answer: Option<&'a SignedChain>,
    },
    /// Somebody already has it.
    File(&'a AuthorityCertificate),
    /// It is that of an authority that signs elsewhere, and is not here yet.
    Elsewhere,
    /// It is a key pair, and has no certificate.
    Nobody,
}

impl<'a> PlannedCertificate<'a> {
    /// The CSR; none for what is not made from one, or for a key pair.
    pub fn request(&self) -> Option<&Request> {
        match &self.from {
            CertificateFrom::Itself { request, .. }
            | CertificateFrom::SignedBy { request, .. }
            | CertificateFrom::SignedElsewhere { request, .. } => Some(request),
            CertificateFrom::File(_) | CertificateFrom::Elsewhere | CertificateFrom::Nobody => None,
        }
    }

    /// The public half of its key; `own` is the key, or what stands in for one that is elsewhere.
    pub fn public<'k>(&self, own: &'k KeyPair) -> &'k PublicKey
    where
        'a: 'k,
    {
        match self.key {
            KeyFrom::Elsewhere(public) => public,
            KeyFrom::Seed(_) | KeyFrom::File(_) | KeyFrom::Kept => own.public(),
        }
    }

    /// Who signs it, where that is another.
    pub fn issuer(&self) -> Option<KeyId<'a>> {
        match self.from {
            CertificateFrom::SignedBy { issuer, .. } | CertificateFrom::SignedElsewhere { issuer, .. } => Some(issuer),
            CertificateFrom::Itself { .. }
            | CertificateFrom::File(_)
            | CertificateFrom::Elsewhere
            | CertificateFrom::Nobody => None,
        }
    }

    /// Whether its private key is here, or will be.
    pub(crate) fn has_key(&self) -> bool {
        !matches!(self.key, KeyFrom::Kept)
    }

    /// The user of a kubeconfig that holds it: the name by which the API server knows its bearer.
    pub fn user(&self) -> String {
        let user = self.request().map(|request| user_and_groups(request).0);
        user.filter(|user| !user.is_empty())
            .unwrap_or_else(|| self.files.clone())
    }
}

/// The certificates that the cluster needs, issuers first.
pub fn certificates<'a>(cluster: &'a Cluster, rows: &'static [Identity]) -> Vec<PlannedCertificate<'a>> {
    let rows = rows.iter().filter(|identity| counts(cluster, when_of(identity)));
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
    // What the CSR file has twice, cfssl writes twice.
    let of_the_csr = request.hosts.into_iter().filter(|host| !extra.hosts.contains(host));
    request.hosts = union(extra.hosts.clone(), Vec::new())
        .into_iter()
        .chain(of_the_csr)
        .collect();
    let id = extra_id(cluster, &extra.name);
    Some(PlannedCertificate {
        id,
        files: extra.name.clone(),
        csr: &extra.csr,
        key: key_of(cluster, id, request.key),
        from: match &extra.signed_by {
            Some(other) => CertificateFrom::SignedBy {
                request,
                issuer: extra_id(cluster, other),
                profile: &extra.profile,
            },
            None => signed(cluster, id, request, CLUSTER_AUTHORITY, &extra.profile),
        },
    })
}

/// The certificate of a key that an authority of the cluster signs, here or elsewhere.
fn signed<'a>(
    cluster: &'a Cluster,
    id: KeyId<'a>,
    request: Request,
    authority: &'static str,
    profile: &'a Profile,
) -> CertificateFrom<'a> {
    let issuer = used(cluster, authority);
    if !cluster.pki.signs_elsewhere(authority) {
        return CertificateFrom::SignedBy {
            request,
            issuer,
            profile,
        };
    }
    let answers = cluster.pki.answers.as_ref();
    CertificateFrom::SignedElsewhere {
        request,
        issuer,
        profile,
        answer: answers.and_then(|answers| answers.certificates.get(&id.to_string())),
    }
}

/// Those of an identity: of each host that has its own, and of each generation, the used one first.
fn certificates_of<'a>(cluster: &'a Cluster, identity: &'static Identity) -> Vec<PlannedCertificate<'a>> {
    let hosts: Vec<Option<&Host>> = match cluster.pki.per(identity) {
        Per::Cluster => vec![None],
        Per::Each(role) => cluster.with(role).map(Some).collect(),
    };
    let each = hosts.into_iter().flat_map(|host| {
        let generations = cluster
            .pki
            .generations_of(identity.name, host.map(|host| host.name.as_str()));
        generations.all().map(move |generation| (host, generation))
    });
    each.filter_map(|(host, generation)| certificate_of(cluster, identity, host, generation))
        .collect()
}

fn certificate_of<'a>(
    cluster: &'a Cluster,
    identity: &'static Identity,
    host: Option<&'a Host>,
    generation: Generation,
) -> Option<PlannedCertificate<'a>> {
    let id = KeyId {
        of: KeyOf::Identity(identity.name),
        host: host.map(|host| host.name.as_str()),
        generation,
    };
    let (key, from) = match cluster.pki.brought(identity.name, generation) {
        None if cluster.pki.is_external(identity.name, generation) => {
            let certificate = certificate_elsewhere(cluster, identity.name, generation);
            (
                KeyFrom::Kept,
                certificate.map_or(CertificateFrom::Elsewhere, CertificateFrom::File),
            )
        }
        Some(existing) => (
            match &existing.key {
                Some(key) => KeyFrom::File(key),
                None => KeyFrom::Elsewhere(&existing.certificate.public),
            },
            CertificateFrom::File(&existing.certificate),
        ),
        None => {
            let csr = cluster.pki.csrs.get(identity.csr)?;
            let mut request = match host {
                Some(host) => with_host_name(&csr.request, &host.name),
                None => csr.request.clone(),
            };
            request.hosts = union(names(cluster, identity.names, host), request.hosts);
            let key = key_of(cluster, id, request.key);
            let from = match identity.signed_by {
                SignedBy::Itself => CertificateFrom::Itself {
                    request,
                    issued: cluster.pki.authority_issued(identity.name, generation),
                },
                SignedBy::Authority(name) => signed(cluster, id, request, name, cluster.pki.profile_of(identity.name)),
                SignedBy::Nobody => CertificateFrom::Nobody,
            };
            (key, from)
        }
    };
    Some(PlannedCertificate {
        id,
        files: identity.files_of(host.map(|host| host.name.as_str())),
        csr: identity.csr,
        key,
        from,
    })
}

/// Of an authority elsewhere, which everybody is to trust: who was found to have signed, if it signs now, or whom cluster.toml names.
fn certificate_elsewhere<'a>(
    cluster: &'a Cluster,
    authority: &str,
    generation: Generation,
) -> Option<&'a AuthorityCertificate> {
    if cluster.pki.generations_of(authority, None).used == generation {
        let answers = cluster.pki.answers.as_ref();
        return answers.and_then(|answers| answers.authorities.get(authority));
    }
    cluster.pki.elsewhere(authority, generation)?.certificate.as_ref()
}

/// Where a key comes from: from the seed, if nobody has it already.
fn key_of<'a>(cluster: &'a Cluster, id: KeyId<'a>, algorithm: Algorithm) -> KeyFrom<'a> {
    match cluster.pki.brought_key(&id.name(), id.generation) {
        None => KeyFrom::Seed(algorithm),
        Some(existing) => match &existing.key {
            Some(key) => KeyFrom::File(key),
            None => KeyFrom::Elsewhere(&existing.public),
        },
    }
}

/// The key of an authority that signs.
fn used<'a>(cluster: &Cluster, authority: &'static str) -> KeyId<'a> {
    KeyId {
        of: KeyOf::Identity(authority),
        host: None,
        generation: cluster.pki.generations_of(authority, None).used,
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

/// The key of a certificate of the user's own.
pub fn extra_id<'a>(cluster: &Cluster, name: &'a str) -> KeyId<'a> {
    KeyId {
        of: KeyOf::Own(name),
        host: None,
        generation: cluster.pki.generation_of_own(name),
    }
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
