//! What lies on a host: each file and directory, with what it will hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::artifact::{Artifact, Reader};
use crate::catalog::holds::{Template, Through};
use crate::catalog::identity::Identity;
use crate::cluster::{Cluster, ExtraCertificate, Host};

use super::certificates::{PlannedCertificate, extra_id};
use super::keys::KeyId;
use super::rows::components_on;

const EVERYONE: Access = Access::Of(Reader::Everyone);

/// A file or directory on a host.
#[derive(Clone, Debug)]
pub struct PlannedFile<'a> {
    /// The host.
    pub host: &'a Host,
    /// Absolute on the host; a directory ends in a slash.
    pub path: String,
    /// Who may read it.
    pub access: Access,
    /// What it will hold.
    pub content: PlannedContent<'a>,
    /// Who wants it there.
    pub origin: Origin<'a>,
}

/// Who may read a file or enter a directory; nobody but root may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the tables say it.
    Of(Reader),
    /// The permission bits that the user wrote.
    Bits(u32),
}

impl PlannedFile<'_> {
    /// The permission bits of the file or directory.
    pub fn mode(&self) -> u32 {
        let is_directory = matches!(self.content, PlannedContent::Directory);
        match (self.access, is_directory) {
            (Access::Of(Reader::Everyone), true) => 0o755,
            (Access::Of(Reader::Root), true) => 0o700,
            (Access::Of(Reader::Everyone), false) => 0o644,
            (Access::Of(Reader::Root), false) => 0o600,
            (Access::Bits(bits), _) => bits,
        }
    }

    /// Whether what it holds must be kept from those who may not read it.
    pub fn is_secret(&self) -> bool {
        self.mode() & 0o004 == 0
    }
}

/// Where it is written that a file belongs on a host.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// A row of the catalogue.
    Row(&'static Artifact),
    /// A place of the user's own, of the certificate of this name.
    Certificate(&'a str),
    /// What the user sets on the component of this name.
    Component(&'static str),
    /// A file of the user's own, by its template.
    File(&'a str),
}

/// What a file will hold.
#[derive(Clone, Debug)]
pub enum PlannedContent<'a> {
    /// Nothing: it is a directory.
    Directory,
    /// The certificate of this key.
    Certificate(KeyId<'a>),
    /// This key.
    PrivateKey(KeyId<'a>),
    /// The certificates that are accepted, one at least.
    Trust(Vec<KeyId<'a>>),
    /// The public keys that are accepted, one at least; in their certificates, where they have any.
    PublicKeys(Vec<KeyId<'a>>),
    /// The request of this key.
    Request(KeyId<'a>),
    /// A kubeconfig.
    Kubeconfig {
        /// The key, with its certificate, that its bearer logs in with.
        id: KeyId<'a>,
        /// Where it reaches the API server.
        through: Through,
        /// The certificates of authorities that are accepted.
        trust: Vec<KeyId<'a>>,
        /// The files that it names instead of holding what is in them.
        files: Option<NamedFiles>,
    },
    /// The unit of the component of this name.
    Unit(&'static str, Template),
    /// The encryption configuration, with its keys.
    EncryptionConfig(Template),
    /// What a template of the tables makes of the facts.
    Rendered(Template),
    /// The configuration file of the component of this name.
    Config(&'static str),
    /// The environment of the unit of this name, which comes with a package.
    Environment(&'static str),
    /// What a template of the user's own makes of the facts.
    OwnTemplate(Arc<str>),
    /// The text of a CSR file, with the placeholder replaced by the name of the host where there is one.
    CsrFile {
        /// The name of the CSR file.
        file: &'a str,
        /// The host.
        host: Option<&'a str>,
    },
    /// cfssl's ca-config.json, as it was read.
    SigningConfig,
}

/// The files that a kubeconfig names, absolute on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFiles {
    /// That of the authority.
    pub authority: String,
    /// That of the certificate.
    pub certificate: String,
    /// That of the key.
    pub key: String,
}

impl<'a> PlannedContent<'a> {
    /// The keys that it is made of, with their certificates.
    pub fn ids(&self) -> Vec<KeyId<'a>> {
        match self {
            PlannedContent::Certificate(id) | PlannedContent::PrivateKey(id) | PlannedContent::Request(id) => vec![*id],
            PlannedContent::Kubeconfig { id, trust, .. } => std::iter::once(id).chain(trust).copied().collect(),
            PlannedContent::Trust(ids) | PlannedContent::PublicKeys(ids) => ids.clone(),
            PlannedContent::Directory
            | PlannedContent::Unit(..)
            | PlannedContent::EncryptionConfig(_)
            | PlannedContent::Rendered(_)
            | PlannedContent::Config(_)
            | PlannedContent::Environment(_)
            | PlannedContent::OwnTemplate(_)
            | PlannedContent::CsrFile { .. }
            | PlannedContent::SigningConfig => Vec::new(),
        }
    }
}

/// The environments that the user gives to units on `host` that come with a package.
pub fn environments<'a>(cluster: &'a Cluster, host: &'a Host) -> Vec<PlannedFile<'a>> {
    components_on(cluster, host)
        .filter(|component| !cluster.overrides.of(component.name, host).environment.is_empty())
        .filter_map(|component| {
            Some(PlannedFile {
                host,
                path: component.environment_file()?,
                access: EVERYONE,
                content: PlannedContent::Environment(component.name),
                origin: Origin::Component(component.name),
            })
        })
        .collect()
}

/// The user's own files on `host`.
pub fn own_files<'a>(cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = PlannedFile<'a>> {
    let files = cluster.files.iter().filter(|file| file.on.is(host));
    files.map(|file| PlannedFile {
        host,
        path: file.at.clone(),
        access: Access::Bits(file.mode),
        content: PlannedContent::OwnTemplate(file.text.clone()),
        origin: Origin::File(&file.origin),
    })
}

/// The files of a certificate of the user's own on `host`.
pub fn placed<'a>(cluster: &Cluster, extra: &'a ExtraCertificate, host: &'a Host) -> Vec<PlannedFile<'a>> {
    let id = extra_id(cluster, &extra.name);
    let mut files = Vec::new();
    for place in extra.places.iter().filter(|place| place.on.is(host)) {
        let contents = [
            (&place.certificate, EVERYONE, PlannedContent::Certificate(id)),
            (&place.key, Access::Bits(place.key_mode), PlannedContent::PrivateKey(id)),
            (&place.request, EVERYONE, PlannedContent::Request(id)),
        ];
        files.extend(contents.into_iter().filter_map(|(path, access, content)| {
            Some(PlannedFile {
                host,
                path: path.clone()?,
                access,
                content,
                origin: Origin::Certificate(&extra.name),
            })
        }));
    }
    files
}

/// The JSON files that the certificates are made from; each worker has a CSR file of its own, as in the walk-through.
pub fn inputs<'a>(
    cluster: &'a Cluster,
    rows: &'static [Identity],
    certificates: &[&PlannedCertificate<'a>],
) -> Vec<(String, PlannedContent<'a>)> {
    let mut inputs = vec![("ca-config.json".to_owned(), PlannedContent::SigningConfig)];
    let of_workers = || certificates.iter().filter(|certificate| certificate.id.host.is_some());
    // The CSR of a worker that is called `node` has the name of the one for all workers, and takes its place.
    let is_a_workers = |file: &str| of_workers().any(|c| format!("{}-csr.json", c.files) == file);
    // An authority that there was already, or that is elsewhere, is not what the CSR file says, which is of another generation.
    let is_made = |identity: &&Identity| {
        let used = cluster.pki.generations_of(identity.name, None).used;
        cluster.pki.brought(identity.name, used).is_none() && !cluster.pki.is_external(identity.name, used)
    };
    let identities = rows.iter().filter(is_made).map(|identity| identity.csr);
    let extra = cluster.pki.extra.iter().map(|extra| extra.csr.as_str());
    let mut seen = BTreeSet::new();
    for file in identities.chain(extra) {
        if cluster.pki.csrs.contains_key(file) && seen.insert(file) && !is_a_workers(file) {
            let content = PlannedContent::CsrFile { file, host: None };
            inputs.push((file.to_owned(), content));
        }
    }
    for certificate in of_workers() {
        let content = PlannedContent::CsrFile {
            file: certificate.csr,
            host: certificate.id.host,
        };
        inputs.push((format!("{}-csr.json", certificate.files), content));
    }
    inputs
}
