//! Which clusters and which hosts a row is for.

use std::collections::BTreeSet;
use std::fmt;

use super::engines::{Engine, Runtime};
use super::layouts::Layout;
use super::roles::Role;

/// Which hosts get a row's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every host with the role.
    Role(Role),
    /// Every host with one of the roles.
    Either(Role, Role),
    /// Every host with the first role that lacks the second.
    But(Role, Role),
    /// The first host with the first role, and every host with the second.
    FirstAnd(Role, Role),
}

impl On {
    /// Whether every host that gets a row of `other` gets this one's too, as far as it needs to be known.
    pub fn covers(self, other: On) -> bool {
        self == other || matches!((self, other), (On::Either(one, two), On::Role(role)) if role == one || role == two)
    }

    /// Whether a host of these roles gets the row's file; `is_first` says whether it is the first host of a role.
    pub fn is(self, roles: &BTreeSet<Role>, is_first: impl Fn(Role) -> bool) -> bool {
        match self {
            On::Role(role) => roles.contains(&role),
            On::Either(one, other) => roles.contains(&one) || roles.contains(&other),
            On::But(role, not) => roles.contains(&role) && !roles.contains(&not),
            On::FirstAnd(first, every) => roles.contains(&every) || is_first(first),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Role(role) => f.write_str(role.name()),
            On::Either(one, other) => write!(f, "{} or {}", one.name(), other.name()),
            On::But(role, not) => write!(f, "{} but not {}", role.name(), not.name()),
            On::FirstAnd(first, every) => write!(f, "first {} and {}", first.name(), every.name()),
        }
    }
}

/// In which clusters a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    Layout(Layout),
    /// Kubeconfigs of the cluster's own programs name files.
    KubeconfigFiles,
    KubeconfigFilesIn(Layout),
    /// The authority of the cluster signs here, and so does the controller manager with its key.
    ClusterSigning,
    /// Services are reached by kube-proxy.
    KubeProxy,
    KubeProxyIn(Layout),
    KubeProxyWithKubeconfigFiles,
    Runtime(Runtime),
    /// Nodes and pods are connected by bridges and routes of the compiler's making.
    Bridges,
    /// Pods may ask for gVisor's sandbox.
    GVisor,
    /// This is the program that balances connections.
    Engine(Engine),
    /// The load balancers share an address.
    VirtualAddress,
}

/// What is chosen for a cluster; nothing where that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choices {
    pub layout: Option<Layout>,
    pub kubeconfig_files: Option<bool>,
    pub cluster_signing: Option<bool>,
    pub kube_proxy: Option<bool>,
    pub runtime: Option<Runtime>,
    pub bridges: Option<bool>,
    pub gvisor: Option<bool>,
    pub engine: Option<Engine>,
    pub virtual_address: Option<bool>,
}

impl Choices {
    /// Whether rows for such clusters count in this one, as far as it is known.
    pub fn is(&self, when: When) -> Option<bool> {
        match when {
            When::Always => Some(true),
            When::Layout(layout) => self.layout.map(|own| own == layout),
            When::KubeconfigFiles => self.kubeconfig_files,
            When::KubeconfigFilesIn(layout) => Some(self.is(When::Layout(layout))? && self.kubeconfig_files?),
            When::ClusterSigning => self.cluster_signing,
            When::KubeProxy => self.kube_proxy,
            When::KubeProxyIn(layout) => Some(self.is(When::Layout(layout))? && self.kube_proxy?),
            When::KubeProxyWithKubeconfigFiles => Some(self.kube_proxy? && self.kubeconfig_files?),
            When::Runtime(runtime) => self.runtime.map(|own| own == runtime),
            When::Bridges => self.bridges,
            When::GVisor => self.gvisor,
            When::Engine(engine) => self.engine.map(|own| own == engine),
            When::VirtualAddress => self.virtual_address,
        }
    }
}
