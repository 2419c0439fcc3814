//! The tables applied to a cluster: every certificate and every file, all decided, no bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::catalog::artifacts::{ARTIFACTS, Artifact, Holds, On, Template, Through, When};
use crate::catalog::components::{COMPONENTS, Component, Unit, environment_path};
use crate::catalog::identities::{CLUSTER_AUTHORITY, Identity, NODE_PLACEHOLDER, Names, Per, SignedBy};
use crate::cluster::{Cluster, ExtraCertificate, Host, PodNetwork};
use crate::pki::cfssl::{Name, Profile, Request, user_and_groups};

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
    /// What it is signed with, unless it signs itself.
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

/// A file or directory on a host.
#[derive(Clone, Debug)]
pub struct PlannedFile<'a> {
    pub host: &'a Host,
    /// Absolute on the host; a directory ends in a slash.
    pub path: String,
    pub mode: u32,
    pub content: PlannedContent,
    pub origin: Origin<'a>,
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

/// What a file will hold; certificates are named by their id.
#[derive(Clone, Debug)]
pub enum PlannedContent {
    Directory,
    Certificate(String),
    PrivateKey(String),
    PublicKey(String),
    Request(String),
    Kubeconfig {
        id: String,
        through: Through,
    },
    Rendered(Template),
    /// The configuration file of the component of this name.
    Config(&'static str),
    /// The environment of the unit of this name, which comes with a package.
    Environment(&'static str),
    /// What a template of the user's own makes of the facts.
    OwnTemplate(Arc<str>),
    /// The text of a CSR file, with the placeholder replaced by the name of the host where there is one.
    CsrFile {
        file: String,
        host: Option<String>,
    },
    SigningConfig,
}

impl Cluster {
    /// The certificates that the cluster needs, issuers first.
    pub fn certificates(&self) -> Vec<PlannedCertificate<'_>> {
        let rows = self.pki.layout.identities().iter();
        let identities = rows.flat_map(|identity| self.certificates_of(identity));
        let extra = self.pki.extra.iter().filter_map(|extra| self.extra_certificate(extra));
        identities.chain(extra).collect()
    }

    fn extra_certificate<'a>(&'a self, extra: &'a ExtraCertificate) -> Option<PlannedCertificate<'a>> {
        let mut request = self.pki.csrs.get(&extra.csr)?.request.clone();
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

    fn certificates_of<'a>(&'a self, identity: &'static Identity) -> Vec<PlannedCertificate<'a>> {
        let csr = self.pki.csrs.get(identity.csr);
        let planned = |host: Option<&'a Host>| {
            let request = csr.map(|csr| {
                let mut request = match host {
                    Some(host) => with_host_name(&csr.request, &host.name),
                    None => csr.request.clone(),
                };
                request.hosts = union(self.names(identity.names, host), request.hosts);
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
                profile: self.pki.profile_of(identity.name),
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
            Per::Each(role) => self.with(role).map(|host| planned(Some(host))).collect(),
        }
    }

    /// The names and addresses by which the holder of a certificate is reached.
    fn names(&self, names: Names, host: Option<&Host>) -> Vec<String> {
        match names {
            Names::None => Vec::new(),
            Names::Node => host.map(|host| self.node_names(host)).unwrap_or_default(),
            Names::ApiServer => self.api_server_names(host),
            Names::Etcd => self.etcd_names(host),
            Names::ApiServerAndEtcd => union(self.api_server_names(None), self.etcd_names(None)),
        }
    }

    /// The components that run on `host`, in the order in which they start.
    pub fn components_on<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'static Component> + 'a {
        COMPONENTS
            .iter()
            .filter(|component| self.is(component.when) && self.is_on(component.on, host))
    }

    /// The components on `host` whose units are generated, in the order in which they start.
    pub fn units_on<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'static Component> + 'a {
        self.components_on(host)
            .filter(|component| component.unit == Unit::Generated)
    }

    /// Whether rows for such clusters count in this one.
    fn is(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Layout(layout) => self.pki.layout == layout,
            When::Runtime(runtime) => self.nodes.runtime == runtime,
            When::Bridges => self.nodes.pod_network == PodNetwork::Bridge,
            When::GVisor => self.nodes.gvisor,
            When::Engine(engine) => self.load_balancing.engine == engine,
            When::VirtualAddress => self.load_balancing.virtual_address.is_some(),
        }
    }

    fn is_on(&self, on: On, host: &Host) -> bool {
        let is_first = |role| self.with(role).next().is_some_and(|first| first.name == host.name);
        on.is(&host.roles, is_first)
    }
}

/// Decides every certificate of `cluster`, and so what each host gets.
pub fn plan(cluster: &Cluster) -> Plan<'_> {
    let certificates = cluster.certificates();
    let ids = certificates.iter().enumerate();
    Plan {
        cluster,
        places_all_requests: ARTIFACTS
            .iter()
            .filter(|row| matches!(row.holds, Holds::EveryRequest) && cluster.is(row.when))
            .any(|row| cluster.hosts.iter().any(|host| cluster.is_on(row.on, host))),
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
        let rows = ARTIFACTS.iter().filter(|row| cluster.is(row.when));
        for row in rows.filter(|row| cluster.is_on(row.on, host)) {
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

    /// Whether any host gets the public half of a key by itself.
    pub fn places_public_key(&self, certificate: &PlannedCertificate<'_>) -> bool {
        let rows = ARTIFACTS.iter().filter(|row| self.cluster.is(row.when));
        let mut names = rows.filter_map(|row| match row.holds {
            Holds::PublicKey(name) => Some(name),
            _ => None,
        });
        names.any(|name| certificate.row.is_some_and(|row| row.name == name))
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
            Holds::PublicKey(name) => one(PlannedContent::PublicKey(id_of(name))),
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

/// The environments that the user gives to units on `host` that come with a package.
fn environments<'a>(cluster: &'a Cluster, host: &'a Host) -> Vec<PlannedFile<'a>> {
    cluster
        .components_on(host)
        .filter(|component| component.unit != Unit::Generated)
        .filter(|component| !cluster.overrides.of(component.name, host).environment.is_empty())
        .map(|component| PlannedFile {
            host,
            path: environment_path(component.name),
            mode: 0o644,
            content: PlannedContent::Environment(component.name),
            origin: Origin::Component(component.name),
        })
        .collect()
}

/// The user's own files on `host`.
fn own_files<'a>(cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = PlannedFile<'a>> {
    let files = cluster.files.iter().filter(|file| file.on.is(host));
    files.map(|file| PlannedFile {
        host,
        path: file.at.clone(),
        mode: file.mode,
        content: PlannedContent::OwnTemplate(file.text.clone()),
        origin: Origin::File(&file.origin),
    })
}

/// The files of a certificate of the user's own on `host`.
fn placed<'a>(extra: &'a ExtraCertificate, host: &'a Host) -> Vec<PlannedFile<'a>> {
    let id = || extra_id(&extra.name);
    let mut files = Vec::new();
    for place in extra.places.iter().filter(|place| place.on.is(host)) {
        let contents = [
            (&place.certificate, 0o644, PlannedContent::Certificate(id())),
            (&place.key, place.key_mode, PlannedContent::PrivateKey(id())),
            (&place.request, 0o644, PlannedContent::Request(id())),
        ];
        files.extend(contents.into_iter().filter_map(|(path, mode, content)| {
            Some(PlannedFile {
                host,
                path: path.clone()?,
                mode,
                content,
                origin: Origin::Certificate(&extra.name),
            })
        }));
    }
    files
}

/// What the key of an extra certificate is derived for. No identity's name has a slash but a worker's, `node/NAME`.
fn extra_id(name: &str) -> String {
    format!("certificate/{name}")
}

/// The JSON files that the certificates are made from; each worker has a CSR file of its own, as in the walk-through.
fn inputs(cluster: &Cluster, certificates: &[PlannedCertificate<'_>]) -> Vec<(String, PlannedContent)> {
    let mut inputs = vec![("ca-config.json".to_owned(), PlannedContent::SigningConfig)];
    let of_workers = || certificates.iter().filter(|certificate| certificate.host.is_some());
    // The CSR of a worker that is called `node` has the name of the one for all workers, and takes its place.
    let is_a_workers = |file: &str| of_workers().any(|c| format!("{}-csr.json", c.files) == file);
    let identities = cluster.pki.layout.identities().iter().map(|identity| identity.csr);
    let extra = cluster.pki.extra.iter().map(|extra| extra.csr.as_str());
    let mut seen = BTreeSet::new();
    for file in identities.chain(extra) {
        if cluster.pki.csrs.contains_key(file) && seen.insert(file) && !is_a_workers(file) {
            let content = PlannedContent::CsrFile {
                file: file.to_owned(),
                host: None,
            };
            inputs.push((file.to_owned(), content));
        }
    }
    for certificate in of_workers() {
        let content = PlannedContent::CsrFile {
            file: certificate.csr.to_owned(),
            host: certificate.host.map(str::to_owned),
        };
        inputs.push((format!("{}-csr.json", certificate.files), content));
    }
    inputs
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

impl fmt::Display for Plan<'_> {
    /// A line for each file and directory: host, mode, path, what it is, and the row it comes from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.files().map(|file| {
            let (what, row) = match file.origin {
                Origin::Row(row) => (row.what, format!("{}: {}", row.on, row.at)),
                Origin::Certificate(name) => ("certificate of your own", format!("[[certificates]] {name}")),
                Origin::Component(name) => ("environment of your own", format!("[components.{name}] env")),
                Origin::File(name) => ("file of your own", format!("[[files]] {name}")),
            };
            let what = match &file.content {
                PlannedContent::PrivateKey(id) if matches!(file.origin, Origin::Certificate(_)) => {
                    format!("its key ({id})")
                }
                PlannedContent::Request(id) if matches!(file.origin, Origin::Certificate(_)) => {
                    format!("its signing request ({id})")
                }
                PlannedContent::Certificate(id)
                | PlannedContent::PrivateKey(id)
                | PlannedContent::PublicKey(id)
                | PlannedContent::Request(id) => {
                    format!("{what} ({id})")
                }
                _ => what.to_owned(),
            };
            [
                file.host.name.clone(),
                format!("{:04o}", file.mode),
                file.path.clone(),
                what,
                row,
            ]
        });
        let heading = ["HOST", "MODE", "PATH", "WHAT", "ROW"].map(str::to_owned);
        let lines: Vec<[String; 5]> = std::iter::once(heading).chain(lines).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        for [host, mode, path, what, row] in &lines {
            writeln!(
                f,
                "{host:0$}  {mode:1$}  {path:2$}  {what:3$}  {row}",
                widths[0], widths[1], widths[2], widths[3]
            )?;
        }
        Ok(())
    }
}
