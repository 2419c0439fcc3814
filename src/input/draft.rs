//! What cluster.toml says, section by section, before anything is judged.
//!
//! None is a value that is wrong and has been reported.
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use time::OffsetDateTime;

use crate::catalog::component::Component;
use crate::catalog::engines::Engine;
use crate::catalog::engines::Runtime;
use crate::catalog::layouts::Layout;
use crate::catalog::releases::{Release, Version};
use crate::cluster::{
    CgroupDriver, ClusterState, EncryptionProvider, Endpoint, Families, Generation, HostState, Kubeconfigs, OwnFlag,
    PodNetwork, Role, RotationPhase, Taint,
};
use crate::diagnostic::Place;
use crate::pki::sealing::Recipient;
use crate::settings::{Table, Value as Setting};

use super::tree::{At, Written};

/// What cluster.toml says.
#[derive(Debug, Default)]
pub struct Draft {
    pub cluster: DraftNaming,
    pub release: Option<DraftRelease>,
    pub network: DraftNetwork,
    pub nodes: DraftNodes,
    pub pki: DraftPki,
    pub encryption: DraftEncryption,
    /// None if it could not be read at all.
    pub load_balancing: Option<DraftLoadBalancing>,
    /// Codes that are silenced.
    pub allow: BTreeSet<&'static str>,
    pub hosts: Vec<DraftHost>,
    /// Whether every host could be read, so that what is missing is really missing.
    pub hosts_complete: bool,
    /// For what is wrong with the hosts as a whole.
    pub hosts_place: Option<Place>,
    pub certificates: Vec<DraftCertificate>,
    pub components: Vec<DraftOverride>,
    pub files: Vec<DraftFile>,
    pub generations: DraftGenerations,
    /// Those of `[handover]`.
    pub recipients: Vec<Recipient>,
}

/// `[encryption]` as it is written.
#[derive(Debug, Default)]
pub struct DraftEncryption {
    pub provider: Option<At<EncryptionProvider>>,
    /// The entries of `keys`, the first generation's first.
    pub keys: Vec<DraftEncryptionKey>,
}

/// A key that there is already.
#[derive(Debug)]
pub struct DraftEncryptionKey {
    pub name: Option<At<String>>,
    /// The path of the file with its secret.
    pub file: Written<At<String>>,
    pub place: Place,
}

/// `[generations]` and `[rotate]` as they are written.
#[derive(Debug, Default)]
pub struct DraftGenerations {
    /// What a key is called, and which of its successors is used.
    pub used: Vec<(At<String>, Generation)>,
    pub rotations: Vec<DraftRotation>,
}

/// A section of `[rotate]`.
#[derive(Debug)]
pub struct DraftRotation {
    pub of: At<String>,
    pub to: At<Generation>,
    pub phase: RotationPhase,
}

/// What `[cluster]` says but for the versions: by which names the cluster goes.
#[derive(Debug, Default)]
pub struct DraftNaming {
    pub name: Option<At<String>>,
    pub state: Written<At<ClusterState>>,
    pub domain: Option<At<String>>,
    pub endpoint: Written<At<Endpoint>>,
    /// Names and addresses by which the API servers are reached besides.
    pub names: Vec<At<String>>,
    /// The release of Go with which Kubernetes and etcd are compiled, where not as they are published.
    pub go: Written<At<Version>>,
}

/// The address ranges of `[network]`.
#[derive(Debug, Default)]
pub struct DraftNetwork {
    pub services: Option<Families<At<IpNet>>>,
    pub pods: Option<Families<At<IpNet>>>,
    pub dns: Written<Families<At<IpAddr>>>,
}

/// `[pki]` as it is written.
#[derive(Debug, Default)]
pub struct DraftPki {
    pub csr: Option<At<String>>,
    pub seed: Option<At<String>>,
    pub layout: Option<Layout>,
    pub kubeconfigs: Option<Kubeconfigs>,
    /// The entries of `per_host` that are of the layout.
    pub per_host: BTreeSet<&'static str>,
    pub profile: Option<At<String>>,
    pub issued: Option<At<OffsetDateTime>>,
    /// The entries of `[pki.authorities_issued]`.
    pub authorities_issued: Vec<(At<String>, At<OffsetDateTime>)>,
    /// The entries of `[pki.profiles]`: the name of a certificate and its profile.
    pub profiles: Vec<(At<String>, At<String>)>,
    /// The authorities of `[pki.ca]`, which is called `ca`, and `[pki.bring]`.
    pub brought: Vec<(At<String>, DraftCa)>,
}

impl Draft {
    /// The hosts that have a role.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &DraftHost> {
        self.hosts.iter().filter(move |host| host.is(role))
    }

    /// The release that everything is compiled for, where it could be read.
    pub fn known_release(&self) -> Option<&Release> {
        self.release.as_ref().map(|drafted| &drafted.release)
    }

    /// The user's own certificate of this name.
    pub fn certificate(&self, name: &str) -> Option<&DraftCertificate> {
        let mut certificates = self.certificates.iter();
        certificates.find(|own| own.name.as_ref().is_some_and(|own| own.value == name))
    }

    /// Whether one of the hosts has this name.
    pub fn has_host(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| host.is_named(name))
    }
}

impl DraftPki {
    /// The path of the CSR folder; one that is wrong has been reported, and is as if it were not given.
    pub fn csr_folder(&self) -> &str {
        self.csr.as_ref().map_or(CSR_FOLDER, |csr| &csr.value)
    }
}

/// The CSR folder beside cluster.toml when `[pki] csr` names none.
pub const CSR_FOLDER: &str = "csr";

/// The versions as they are written, and the release that they make together.
#[derive(Clone, Debug)]
pub struct DraftRelease {
    /// The Kubernetes version as it was written.
    pub version: String,
    /// etcd's, as it was written or as it follows.
    pub etcd: String,
    pub release: Release,
}

/// `[runtime]` and what `[network]` says of pods.
#[derive(Debug, Default)]
pub struct DraftNodes {
    pub runtime: Written<At<Runtime>>,
    /// Where containerd's version is given.
    pub version: Option<Place>,
    pub cgroup_driver: Written<At<CgroupDriver>>,
    pub cgroup_v1: Option<bool>,
    pub gvisor: Option<At<bool>>,
    pub resolv_conf: Option<String>,
    pub pod_network: Written<At<PodNetwork>>,
    pub proxy_mode: Written<At<String>>,
}

/// `[pki.ca]`, or a section of `[pki.bring]`, as it is written: the paths of a certificate, or public key, and of its key.
#[derive(Debug)]
pub struct DraftCa {
    pub certificate: Option<At<String>>,
    pub key: Option<At<String>>,
    /// Whether it signs elsewhere, and its key never comes here.
    pub external: bool,
    /// Of a key that each host has: those whose key it is, where not all of them are.
    pub hosts: Option<Vec<At<String>>>,
}

/// `[load_balancer]` as it is written.
#[derive(Debug)]
pub struct DraftLoadBalancing {
    pub engine: Option<Engine>,
    pub port: Option<At<u16>>,
    pub virtual_ip: Written<Families<At<IpAddr>>>,
    pub interface: Written<At<String>>,
    pub virtual_router_id: Option<u8>,
    pub max_connections: Written<At<u32>>,
    /// Whether a field that nobody knows may have been meant for the virtual address, or for the engine.
    pub virtual_ip_may_be_meant: bool,
    pub engine_may_be_meant: bool,
    /// The fields that are of use only with a virtual address, or only with a load balancer, and where they stand.
    pub given: Vec<At<&'static str>>,
}

/// A host as it is written.
#[derive(Clone, Debug)]
pub struct DraftHost {
    pub name: Option<At<String>>,
    pub ip: Option<Families<At<IpAddr>>>,
    pub addresses: Vec<At<IpAddr>>,
    pub names: Vec<At<String>>,
    /// None if any is unknown.
    pub roles: Option<BTreeSet<Role>>,
    pub roles_place: Place,
    pub labels: Vec<(At<String>, String)>,
    pub taints: Vec<Taint>,
    /// The parts of the pods' ranges that the host is given; at most one of each family.
    pub pods: Vec<At<IpNet>>,
    pub interface: Written<At<String>>,
    pub state: Written<At<HostState>>,
    /// For whom the host's archive is sealed.
    pub recipients: Vec<Recipient>,
    /// The fields that only some roles have a use for, and where they stand.
    pub role_fields: Vec<At<&'static str>>,
    /// The number of the pool that it is one of.
    pub pool: Option<usize>,
}

impl DraftHost {
    /// Whether the host has `role`.
    pub fn is(&self, role: Role) -> bool {
        self.roles.as_ref().is_some_and(|roles| roles.contains(&role))
    }

    /// What it is about to do; nothing where that can't be read.
    pub fn state(&self) -> Option<HostState> {
        Some(self.state.given()?.value)
    }

    /// Whether this is the host's name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.value == name)
    }

    /// The host's name, or for want of one what it is called otherwise.
    pub fn called<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.name.as_ref().map_or(otherwise, |name| &name.value)
    }

    /// All addresses by which the host is reached.
    pub fn all_addresses(&self) -> impl Iterator<Item = &At<IpAddr>> {
        self.ip.iter().flat_map(|ip| ip.iter()).chain(&self.addresses)
    }

    /// All names by which the host is reached.
    pub fn all_names(&self) -> impl Iterator<Item = &At<String>> {
        self.name.iter().chain(&self.names)
    }

    /// Where the host's name stands, or the next best.
    pub fn place(&self) -> Place {
        self.name
            .as_ref()
            .and_then(|name| name.place.clone())
            .unwrap_or_else(|| self.roles_place.clone())
    }
}

/// A certificate of the user's own as it is written.
#[derive(Debug)]
pub struct DraftCertificate {
    pub name: Option<At<String>>,
    pub csr: Option<At<String>>,
    pub profile: Written<At<String>>,
    pub hosts: Vec<At<String>>,
    pub signed_by: Option<At<String>>,
    pub places: Vec<DraftPlacement>,
    pub place: Place,
}

/// Where a certificate of the user's own lies, as it is written. A path that is none was not given, or was wrong.
#[derive(Debug)]
pub struct DraftPlacement {
    /// A role or the name of a host.
    pub on: Option<At<String>>,
    pub certificate: Option<At<String>>,
    pub key: Option<At<String>>,
    pub request: Option<At<String>>,
    /// None if it is wrong.
    pub mode: Option<u32>,
    /// Whether nothing is to be put there.
    pub empty: bool,
    pub place: Place,
}

/// What is set on a component as it is written, for all hosts or for some.
#[derive(Debug)]
pub struct DraftOverride {
    pub component: &'static Component,
    /// A role or the name of a host; none for all.
    pub on: Option<At<String>>,
    pub flags: Vec<(At<String>, OwnFlag)>,
    pub config: Table,
    /// The values of `config` that are no tables, by their path.
    pub leaves: Vec<(At<Vec<String>>, Setting)>,
    pub environment: Vec<(At<String>, String)>,
    /// Where `flags` and `config` stand, if they do.
    pub flags_place: Option<Place>,
    pub config_place: Option<Place>,
    pub place: Place,
}

/// A file of the user's own as it is written. What is none was not given, or was wrong.
#[derive(Debug)]
pub struct DraftFile {
    /// A role, the name of a host, or all.
    pub on: Option<At<String>>,
    pub at: Option<At<String>>,
    pub mode: Option<u32>,
    pub text: Option<DraftText>,
}

/// Where the text of a template is.
#[derive(Debug)]
pub enum DraftText {
    /// In a file beside cluster.toml.
    Beside(At<String>),
    Here(At<String>),
}

impl DraftFile {
    /// The row of `plan` that it comes from.
    pub fn origin(&self) -> String {
        match &self.text {
            Some(DraftText::Beside(path)) => path.value.clone(),
            Some(DraftText::Here(_)) | None => "content".to_owned(),
        }
    }

    /// The path of its template, if it has a file of its own.
    pub fn beside(&self) -> Option<&At<String>> {
        match &self.text {
            Some(DraftText::Beside(path)) => Some(path),
            _ => None,
        }
    }
}
