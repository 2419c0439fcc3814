//! The tables applied to a cluster: every certificate and every file, all decided, no bytes.

mod certificates;
mod files;
mod keys;
mod rows;
#[cfg(test)]
mod tests;
mod text;
mod units;

pub use certificates::{CertificateFrom, PlannedCertificate};
pub use files::{Access, NamedFiles, Origin, PlannedContent, PlannedFile};
pub use keys::{KeyFrom, KeyId, KeyOf};
pub use rows::{components_on, units_on};
pub use text::{flags, flags_json};
pub use units::{PlannedConfig, PlannedFlag, PlannedSetting, PlannedSettingValue, PlannedUnit, PlannedValue};
pub(crate) use units::{config, unit};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog;
use crate::catalog::artifact::Artifact;
use crate::catalog::holds::{Holds, Through};
use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity};
use crate::catalog::tables::artifacts::ARTIFACTS;
use crate::cluster::{Cluster, Generation, Host, Kubeconfigs};
use crate::json_document::JsonKind;

use certificates::{certificates, extra_id};
use files::{environments, inputs, own_files, placed};
use rows::{counts, is_on};

/// Everything that will be made. The files of a host are worked out when they are asked for: a fleet has millions.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What it is a plan of.
    pub cluster: &'a Cluster,
    /// Issuers before what they sign.
    pub certificates: Vec<PlannedCertificate<'a>>,
    /// Where each id is among the certificates.
    by_id: BTreeMap<KeyId<'a>, usize>,
    /// Whether some host gets every request.
    places_all_requests: bool,
    tables: Tables,
}

/// The rows that a plan is made from.
#[derive(Clone, Copy, Debug)]
struct Tables {
    identities: &'static [Identity],
    artifacts: &'static [Artifact],
}

/// Decides every certificate of `cluster`, and so what each host gets.
pub fn plan(cluster: &Cluster) -> Plan<'_> {
    let tables = Tables {
        identities: cluster.pki.layout.identities(),
        artifacts: ARTIFACTS,
    };
    plan_of(cluster, tables)
}

fn plan_of(cluster: &Cluster, tables: Tables) -> Plan<'_> {
    let certificates = certificates(cluster, tables.identities);
    let ids = certificates.iter().enumerate();
    Plan {
        cluster,
        tables,
        places_all_requests: tables
            .artifacts
            .iter()
            .filter(|row| matches!(row.holds, Holds::EveryRequest) && counts(cluster, row.when))
            .any(|row| cluster.hosts.iter().any(|host| is_on(cluster, row.on, host))),
        by_id: ids.map(|(index, certificate)| (certificate.id, index)).collect(),
        certificates,
    }
}

impl<'a> Plan<'a> {
    /// The certificate of an id.
    pub(crate) fn certificate(&self, id: KeyId<'a>) -> Option<&PlannedCertificate<'a>> {
        self.certificates.get(*self.by_id.get(&id)?)
    }

    /// A key of an identity, on `host` where each host has its own.
    fn key(&self, identity: &'static str, host: &'a Host, generation: Generation) -> KeyId<'a> {
        let shared = KeyId {
            of: KeyOf::Identity(identity),
            host: None,
            generation,
        };
        let own = KeyId {
            host: Some(&host.name),
            ..shared
        };
        match self.by_id.contains_key(&own) {
            true => own,
            false => shared,
        }
    }

    /// The keys of an identity that are accepted, the used one first.
    fn accepted(&self, identity: &'static str, host: &'a Host) -> Vec<KeyId<'a>> {
        let generations = self.cluster.pki.generations_of(identity, Some(&host.name)).all();
        generations
            .map(|generation| self.key(identity, host, generation))
            .collect()
    }

    /// The certificates of an authority that are trusted, the oldest first whichever signs: so a bundle stays as it is when the next one
    /// begins to sign, and nobody has to read it again.
    fn trusted(&self, authority: &'static str, host: &'a Host) -> Vec<KeyId<'a>> {
        let mut all = self.accepted(authority, host);
        all.sort_by_key(|id| id.generation);
        all
    }

    /// Whether a certificate is that of the generation which is used.
    fn is_used(&self, certificate: &PlannedCertificate<'_>) -> bool {
        match certificate.id.of {
            KeyOf::Identity(name) => {
                certificate.id.generation == self.cluster.pki.generations_of(name, certificate.id.host).used
            }
            KeyOf::Own(_) => true,
        }
    }

    /// Every file and directory of a host of the cluster, by row.
    pub(crate) fn files_on(&self, host: &'a Host) -> Vec<PlannedFile<'a>> {
        let cluster = self.cluster;
        let mut files = Vec::new();
        let rows = self.tables.artifacts.iter().filter(|row| counts(cluster, row.when));
        for row in rows.filter(|row| is_on(cluster, row.on, host)) {
            files.extend(self.contents(row, host).into_iter().map(|(name, content)| PlannedFile {
                host,
                path: row.at.replace("{host}", &host.name).replace("{name}", &name),
                access: Access::Of(row.reader),
                content,
                origin: Origin::Row(row),
            }));
        }
        files.extend(cluster.pki.extra.iter().flat_map(|extra| placed(cluster, extra, host)));
        files.extend(environments(cluster, host));
        files.extend(own_files(cluster, host));
        files
    }

    /// The unit of a component that runs on `host`; none where there is no such component.
    pub(crate) fn unit(&self, component: &str, host: &Host) -> Option<PlannedUnit> {
        Some(units::unit(self.cluster, catalog::component(component)?, host))
    }

    /// The configuration file of a component that runs on `host`; none where it has none.
    pub(crate) fn config(&self, component: &str, host: &Host) -> Option<PlannedConfig> {
        units::config(self.cluster, catalog::component(component)?, host)
    }

    /// Every file and directory: host, mode, path, what it is, and the row it comes from, as a table for people with lines of `width`
    /// characters.
    pub fn text(&self, width: Option<usize>) -> String {
        text::files(self.files(), width)
    }

    /// Every unit that is generated, by host in the order of the cluster.
    pub fn units(&self) -> impl Iterator<Item = (&'a Host, PlannedUnit)> {
        let cluster = self.cluster;
        cluster.hosts.iter().flat_map(move |host| {
            units_on(cluster, host).map(move |component| (host, units::unit(cluster, component, host)))
        })
    }

    /// A file and directory each, and the CSR files that are built in, as a document for programs.
    pub fn to_json(&self) -> Value {
        JsonKind::Plan.document([
            ("files", text::files_json(self.files())),
            ("built_in", self.cluster.built_in_files().into()),
        ])
    }

    /// The ids of the certificates and keys that some hosts of the cluster can't be made without, those who sign them included.
    pub fn certificates_needed_by(&self, hosts: &[&'a Host]) -> BTreeSet<KeyId<'a>> {
        let mut needed = BTreeSet::new();
        for host in hosts {
            for file in self.files_on(host) {
                needed.extend(file.content.ids());
            }
        }
        // Issuers come before what they sign, so one pass from the end finds the issuers of issuers too.
        for certificate in self.certificates.iter().rev() {
            if let Some(issuer) = certificate.issuer()
                && needed.contains(&certificate.id)
            {
                needed.insert(issuer);
            }
        }
        needed
    }

    /// Whether any host gets the signing request of a certificate.
    pub(crate) fn places_request(&self, certificate: &PlannedCertificate<'_>) -> bool {
        let extra = self
            .cluster
            .pki
            .extra
            .iter()
            .filter(|extra| extra_id(self.cluster, &extra.name) == certificate.id);
        let mut places = extra.flat_map(|extra| &extra.places);
        self.places_all_requests || places.any(|place| place.request.is_some())
    }

    /// Every file and directory, by host in the order of the cluster, then by row.
    pub(crate) fn files(&self) -> impl Iterator<Item = PlannedFile<'a>> {
        self.cluster.hosts.iter().flat_map(|host| self.files_on(host))
    }

    /// The files that the kubeconfig of a row names: its certificate and key where they lie beside it, as those of the cluster's own
    /// programs do.
    fn named_files(&self, row: &Artifact, identity: &'static str, host: &Host) -> Option<NamedFiles> {
        if self.cluster.pki.kubeconfigs != Kubeconfigs::Files {
            return None;
        }
        let folder = |at: &'static str| at.rsplit_once('/').map(|(folder, _)| folder);
        let path = |holds, beside: bool| {
            let mut rows = self.tables.artifacts.iter().filter(|other| other.holds == holds);
            let found = rows.find(|other| {
                let counts = counts(self.cluster, other.when) && is_on(self.cluster, other.on, host);
                counts && (!beside || folder(other.at) == folder(row.at))
            })?;
            Some(found.at.replace("{host}", &host.name))
        };
        Some(NamedFiles {
            authority: path(Holds::Trust(CLUSTER_AUTHORITY), false)?,
            certificate: path(Holds::Certificate(identity), true)?,
            key: path(Holds::PrivateKey(identity), true)?,
        })
    }

    /// What `row` puts on `host`: one content, or one for each of its kind with the name that takes the place of `{name}`.
    fn contents(&self, row: &'static Artifact, host: &'a Host) -> Vec<(String, PlannedContent<'a>)> {
        let generation = |identity| self.cluster.pki.generations_of(identity, Some(&host.name)).used;
        let used = |identity| self.key(identity, host, generation(identity));
        let certificates = || self.certificates.iter().filter(|certificate| self.is_used(certificate));
        let kubeconfig = |id, through, files| PlannedContent::Kubeconfig {
            id,
            through,
            trust: self.trusted(CLUSTER_AUTHORITY, host),
            files,
        };
        let one = |content| vec![(String::new(), content)];
        let each = |content: fn(KeyId<'a>) -> PlannedContent<'a>| {
            certificates()
                .map(|certificate| (certificate.files.clone(), content(certificate.id)))
                .collect()
        };
        match row.holds {
            Holds::Directory => one(PlannedContent::Directory),
            Holds::Certificate(name) => one(PlannedContent::Certificate(used(name))),
            Holds::PrivateKey(name) => one(PlannedContent::PrivateKey(used(name))),
            Holds::Trust(name) => one(PlannedContent::Trust(self.trusted(name, host))),
            Holds::PublicKeys(name) => one(PlannedContent::PublicKeys(self.accepted(name, host))),
            Holds::Kubeconfig(name, through) => one(kubeconfig(used(name), through, self.named_files(row, name, host))),
            Holds::Unit(component, template) => one(PlannedContent::Unit(component, template)),
            Holds::EncryptionConfig(template) => one(PlannedContent::EncryptionConfig(template)),
            Holds::Rendered(template) => one(PlannedContent::Rendered(template)),
            Holds::Config(component) => one(PlannedContent::Config(component)),
            Holds::EveryCertificate => each(PlannedContent::Certificate),
            Holds::EveryPrivateKey => certificates()
                .filter(|certificate| certificate.has_key())
                .map(|certificate| (certificate.files.clone(), PlannedContent::PrivateKey(certificate.id)))
                .collect(),
            Holds::EveryRequest => certificates()
                .filter(|certificate| certificate.request().is_some())
                .map(|certificate| (certificate.files.clone(), PlannedContent::Request(certificate.id)))
                .collect(),
            Holds::EveryInput => inputs(
                self.cluster,
                self.tables.identities,
                &certificates().collect::<Vec<_>>(),
            ),
            Holds::EveryKubeconfig(name) => certificates()
                .filter(|certificate| certificate.id.of == KeyOf::Identity(name))
                .map(|certificate| {
                    let content = kubeconfig(certificate.id, Through::Endpoint, None);
                    (certificate.files.clone(), content)
                })
                .collect(),
        }
    }
}
