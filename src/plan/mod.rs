//! The tables applied to a cluster: every certificate and every file, all decided, no bytes.

mod certificates;
mod files;
mod rows;
mod text;

pub use certificates::{Issuer, PlannedCertificate};
pub use files::{Origin, PlannedContent, PlannedFile};
pub use rows::units_on;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::artifact::Artifact;
use crate::catalog::holds::{Holds, Through};
use crate::catalog::tables::artifacts::ARTIFACTS;
use crate::cluster::{Cluster, Host};

use certificates::{certificates, extra_id};
use files::{environments, inputs, own_files, placed};
use rows::{counts, is_on};

/// Everything that will be made. The files of a host are worked out when they are asked for: a fleet has millions.
#[derive(Debug)]
pub struct Plan<'a> {
    pub cluster: &'a Cluster,
    /// Issuers before what they sign.
    pub certificates: Vec<PlannedCertificate<'a>>,
    /// Where each id is among the certificates.
    by_id: BTreeMap<String, usize>,
    /// Whether some host gets every request.
    places_all_requests: bool,
}

/// Decides every certificate of `cluster`, and so what each host gets.
pub fn plan(cluster: &Cluster) -> Plan<'_> {
    let certificates = certificates(cluster);
    let ids = certificates.iter().enumerate();
    Plan {
        cluster,
        places_all_requests: ARTIFACTS
            .iter()
            .filter(|row| matches!(row.holds, Holds::EveryRequest) && counts(cluster, row.when))
            .any(|row| cluster.hosts.iter().any(|host| is_on(cluster, row.on, host))),
        by_id: ids
            .map(|(index, certificate)| (certificate.id.clone(), index))
            .collect(),
        certificates,
    }
}

impl<'a> Plan<'a> {
    /// The certificate of an id.
    pub fn certificate(&self, id: &str) -> Option<&PlannedCertificate<'a>> {
        self.certificates.get(*self.by_id.get(id)?)
    }

    /// Every file and directory of a host of the cluster, by row.
    pub fn files_on(&self, host: &'a Host) -> Vec<PlannedFile<'a>> {
        let cluster = self.cluster;
        let mut files = Vec::new();
        let rows = ARTIFACTS.iter().filter(|row| counts(cluster, row.when));
        for row in rows.filter(|row| is_on(cluster, row.on, host)) {
            files.extend(self.contents(row, host).into_iter().map(|(name, content)| PlannedFile {
                host,
                path: row.at.replace("{host}", &host.name).replace("{name}", &name),
                mode: row.mode(),
                content,
                origin: Origin::Row(row),
            }));
        }
        files.extend(cluster.pki.extra.iter().flat_map(|extra| placed(extra, host)));
        files.extend(environments(cluster, host));
        files.extend(own_files(cluster, host));
        files
    }

    /// The ids of the certificates and keys that some hosts of the cluster can't be made without, those who sign them included.
    pub fn certificates_needed_by(&self, hosts: &[&'a Host]) -> BTreeSet<String> {
        let mut needed = BTreeSet::new();
        for host in hosts {
            for file in self.files_on(host) {
                needed.extend(file.content.ids().iter().cloned());
            }
        }
        // Issuers come before what they sign, so one pass from the end finds the issuers of issuers too.
        for certificate in self.certificates.iter().rev() {
            if let Issuer::Another(issuer) = &certificate.issuer
                && needed.contains(&certificate.id)
            {
                needed.insert(issuer.clone());
            }
        }
        needed
    }

    /// Whether any host gets the signing request of a certificate.
    pub fn places_request(&self, certificate: &PlannedCertificate<'_>) -> bool {
        let extra = self
            .cluster
            .pki
            .extra
            .iter()
            .filter(|extra| extra_id(&extra.name) == certificate.id);
        let mut places = extra.flat_map(|extra| &extra.places);
        self.places_all_requests || places.any(|place| place.request.is_some())
    }

    /// Every file and directory, by host in the order of the cluster, then by row.
    pub fn files(&self) -> impl Iterator<Item = PlannedFile<'a>> {
        self.cluster.hosts.iter().flat_map(|host| self.files_on(host))
    }

    /// What `row` puts on `host`: one content, or one for each of its kind with the name that takes the place of `{name}`.
    fn contents(&self, row: &'static Artifact, host: &Host) -> Vec<(String, PlannedContent)> {
        let (cluster, certificates) = (self.cluster, &self.certificates);
        let id_of = |name: &str| {
            let own = format!("{name}/{}", host.name);
            match self.by_id.contains_key(&own) {
                true => own,
                false => name.to_owned(),
            }
        };
        let one = |content| vec![(String::new(), content)];
        let each = |content: fn(String) -> PlannedContent| {
            certificates
                .iter()
                .map(|certificate| (certificate.files.clone(), content(certificate.id.clone())))
                .collect()
        };
        match row.holds {
            Holds::Directory => one(PlannedContent::Directory),
            Holds::Certificate(name) => one(PlannedContent::Certificate(id_of(name))),
            Holds::PrivateKey(name) => one(PlannedContent::PrivateKey(id_of(name))),
            Holds::Trust(name) => one(PlannedContent::Trust(vec![id_of(name)])),
            Holds::PublicKeys(name) => one(PlannedContent::PublicKeys(vec![id_of(name)])),
            Holds::Kubeconfig(name, through) => one(PlannedContent::Kubeconfig {
                id: id_of(name),
                through,
            }),
            Holds::Rendered(template) => one(PlannedContent::Rendered(template)),
            Holds::Config(component) => one(PlannedContent::Config(component)),
            Holds::EveryCertificate => each(PlannedContent::Certificate),
            Holds::EveryPrivateKey => each(PlannedContent::PrivateKey),
            Holds::EveryRequest => certificates
                .iter()
                .filter(|certificate| certificate.request.is_some())
                .map(|certificate| {
                    (
                        certificate.files.clone(),
                        PlannedContent::Request(certificate.id.clone()),
                    )
                })
                .collect(),
            Holds::EveryInput => inputs(cluster, certificates),
            Holds::EveryKubeconfig(name) => certificates
                .iter()
                .filter(|certificate| certificate.row.is_some_and(|row| row.name == name))
                .map(|certificate| {
                    let content = PlannedContent::Kubeconfig {
                        id: certificate.id.clone(),
                        through: Through::Endpoint,
                    };
                    (certificate.files.clone(), content)
                })
                .collect(),
        }
    }
}

impl fmt::Display for Plan<'_> {
    /// A line for each file and directory: host, mode, path, what it is, and the row it comes from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self.files(), f)
    }
}
