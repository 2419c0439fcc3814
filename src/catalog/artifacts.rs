//! What lies on the hosts: on which hosts | at which path | who may read it | what it holds.
//!
//! A row reads as a sentence. `{host}` in a path is the host's name; in a row that holds one of each certificate,
//! `{name}` is the name of its files. Directories end in a slash.

use std::collections::BTreeSet;
use std::fmt;

use super::engines::Engine;
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

/// In which clusters a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// Where this is the program that balances connections.
    Engine(Engine),
    /// Where the load balancers share an address.
    VirtualAddress,
}

/// Who may read a file or enter a directory; nobody but root may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Everyone,
    Root,
}

/// The way to the API server that a kubeconfig takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// The load balancer, or whatever stands in its place.
    Endpoint,
    /// The API server on the same host.
    Loopback,
}

/// A template: its path in `templates/`, which is the path on the host, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub path: &'static str,
    pub text: &'static str,
}

/// What a file holds. Certificates, keys and requests are named by their row in the identities table; for an identity that
/// each worker has its own of, the host's own is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Directory,
    Certificate(&'static str),
    PrivateKey(&'static str),
    Kubeconfig(&'static str, Through),
    Rendered(Template),
    /// One file for every certificate of the cluster.
    EveryCertificate,
    /// One file for every private key.
    EveryPrivateKey,
    /// One file for every certificate signing request.
    EveryRequest,
    /// One file for every CSR JSON file and for ca-config.json, as they were read.
    EveryInput,
    /// One file for each worker's kubelet.
    EveryKubeletKubeconfig,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub on: On,
    pub when: When,
    pub at: &'static str,
    pub reader: Reader,
    pub holds: Holds,
    /// What it is, in words, for `plan`.
    pub what: &'static str,
}

impl Artifact {
    /// The same row for some clusters only.
    const fn when(self, when: When) -> Artifact {
        Artifact { when, ..self }
    }

    /// The permission bits of the file or directory.
    pub fn mode(&self) -> u32 {
        match (self.reader, self.holds) {
            (Reader::Everyone, Holds::Directory) => 0o755,
            (Reader::Root, Holds::Directory) => 0o700,
            (Reader::Everyone, _) => 0o644,
            (Reader::Root, _) => 0o600,
        }
    }
}

const fn row(on: On, at: &'static str, reader: Reader, holds: Holds, what: &'static str) -> Artifact {
    Artifact {
        on,
        when: When::Always,
        at,
        reader,
        holds,
        what,
    }
}

macro_rules! template {
    ($path:literal) => {
        Holds::Rendered(Template {
            path: $path,
            text: include_str!(concat!("../templates/", $path)),
        })
    };
}

const CONTROL_PLANE: On = On::Role(Role::ControlPlane);
const ETCD: On = On::Role(Role::Etcd);
const WORKER: On = On::Role(Role::Worker);
const LOAD_BALANCER: On = On::Role(Role::LoadBalancer);
const ADMIN: On = On::Role(Role::Admin);
const CONTROL_PLANE_AND_WORKER: On = On::Either(Role::ControlPlane, Role::Worker);
const CONTROL_PLANE_AND_ADMIN: On = On::Either(Role::ControlPlane, Role::Admin);
const CONTROL_PLANE_BUT_ADMIN: On = On::But(Role::ControlPlane, Role::Admin);
const FIRST_CONTROL_PLANE_AND_ADMIN: On = On::FirstAnd(Role::ControlPlane, Role::Admin);

use Holds::{
    Certificate, Directory, EveryCertificate, EveryInput, EveryKubeletKubeconfig, EveryPrivateKey, EveryRequest,
    Kubeconfig, PrivateKey,
};
use Reader::{Everyone, Root};
use Through::{Endpoint, Loopback};

/// Everything that is put on hosts.
#[rustfmt::skip]
pub const ARTIFACTS: &[Artifact] = &[
    row(ETCD, "/var/lib/etcd/", Root, Directory, "etcd's data"),
    row(ETCD, "/etc/etcd/ca.pem", Everyone, Certificate("ca"), "CA that etcd's peers and clients are checked against"),
    row(ETCD, "/etc/etcd/kubernetes.pem", Everyone, Certificate("kubernetes"), "etcd's certificate, for clients and peers"),
    row(ETCD, "/etc/etcd/kubernetes-key.pem", Root, PrivateKey("kubernetes"), "its key"),
    row(ETCD, "/etc/systemd/system/etcd.service", Everyone, template!("etc/systemd/system/etcd.service"), "etcd's unit"),

    row(CONTROL_PLANE_AND_WORKER, "/var/lib/kubernetes/ca.pem", Everyone, Certificate("ca"), "CA of the cluster"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/ca-key.pem", Root, PrivateKey("ca"), "CA key, with which the controller manager signs"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kubernetes.pem", Everyone, Certificate("kubernetes"), "API server's certificate, also as client of etcd and kubelets"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kubernetes-key.pem", Root, PrivateKey("kubernetes"), "its key"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/service-account.pem", Everyone, Certificate("service-account"), "verifies service account tokens"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/service-account-key.pem", Root, PrivateKey("service-account"), "signs service account tokens"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/encryption-config.yaml", Root, template!("var/lib/kubernetes/encryption-config.yaml"), "how secrets are encrypted in etcd, with the key"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-controller-manager.kubeconfig", Root, Kubeconfig("kube-controller-manager", Loopback), "controller manager's access to the API server"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-scheduler.kubeconfig", Root, Kubeconfig("kube-scheduler", Loopback), "scheduler's access to the API server"),
    row(CONTROL_PLANE, "/etc/kubernetes/config/kube-scheduler.yaml", Everyone, template!("etc/kubernetes/config/kube-scheduler.yaml"), "scheduler's configuration"),
    row(CONTROL_PLANE, "/etc/kubernetes/config/audit-policy.yaml", Root, template!("etc/kubernetes/config/audit-policy.yaml"), "what the API server records in its audit log"),
    row(CONTROL_PLANE, "/var/log/kubernetes/", Root, Directory, "audit log"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-apiserver.service", Everyone, template!("etc/systemd/system/kube-apiserver.service"), "API server's unit"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-controller-manager.service", Everyone, template!("etc/systemd/system/kube-controller-manager.service"), "controller manager's unit"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-scheduler.service", Everyone, template!("etc/systemd/system/kube-scheduler.service"), "scheduler's unit"),
    row(CONTROL_PLANE_BUT_ADMIN, "/root/admin.kubeconfig", Root, Kubeconfig("admin", Loopback), "administrator's access, on the spot"),

    row(CONTROL_PLANE_AND_ADMIN, "/root/", Root, Directory, "root's home"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/kubelet-rbac-clusterrole.yaml", Everyone, template!("root/kubelet-rbac-clusterrole.yaml"), "what the API server may do on kubelets: apply once"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/kubelet-rbac-clusterrolebinding.yaml", Everyone, template!("root/kubelet-rbac-clusterrolebinding.yaml"), "that it is the API server which may: apply once"),

    row(WORKER, "/var/lib/kubelet/{host}.pem", Everyone, Certificate("node"), "kubelet's certificate, as client and as server"),
    row(WORKER, "/var/lib/kubelet/{host}-key.pem", Root, PrivateKey("node"), "its key"),
    row(WORKER, "/var/lib/kubelet/kubeconfig", Root, Kubeconfig("node", Endpoint), "kubelet's access to the API server"),
    row(WORKER, "/var/lib/kubelet/kubelet-config.yaml", Everyone, template!("var/lib/kubelet/kubelet-config.yaml"), "kubelet's configuration"),
    row(WORKER, "/etc/systemd/system/kubelet.service", Everyone, template!("etc/systemd/system/kubelet.service"), "kubelet's unit"),
    row(WORKER, "/var/lib/kube-proxy/kubeconfig", Root, Kubeconfig("kube-proxy", Endpoint), "kube-proxy's access to the API server"),
    row(WORKER, "/var/lib/kube-proxy/kube-proxy-config.yaml", Everyone, template!("var/lib/kube-proxy/kube-proxy-config.yaml"), "kube-proxy's configuration"),
    row(WORKER, "/etc/systemd/system/kube-proxy.service", Everyone, template!("etc/systemd/system/kube-proxy.service"), "kube-proxy's unit"),
    row(WORKER, "/etc/cni/net.d/", Everyone, Directory, "CNI configuration"),
    row(WORKER, "/opt/cni/bin/", Everyone, Directory, "CNI plugins"),

    row(LOAD_BALANCER, "/etc/nginx/tcpconf.d/kubernetes.conf", Everyone, template!("etc/nginx/tcpconf.d/kubernetes.conf"), "nginx passes TCP on to the API servers").when(When::Engine(Engine::Nginx)),
    row(LOAD_BALANCER, "/etc/haproxy/haproxy.cfg", Everyone, template!("etc/haproxy/haproxy.cfg"), "haproxy passes TCP on to the API servers").when(When::Engine(Engine::Haproxy)),
    row(LOAD_BALANCER, "/etc/keepalived/keepalived.conf", Everyone, template!("etc/keepalived/keepalived.conf"), "keepalived moves the virtual address to a load balancer that works").when(When::VirtualAddress),

    row(ADMIN, "/root/admin.kubeconfig", Root, Kubeconfig("admin", Endpoint), "administrator's access to the cluster"),
    row(ADMIN, "/root/certs/", Root, Directory, "everything that the cluster's certificates are made of"),
    row(ADMIN, "/root/certs/{name}.pem", Everyone, EveryCertificate, "certificate"),
    row(ADMIN, "/root/certs/{name}-key.pem", Root, EveryPrivateKey, "private key"),
    row(ADMIN, "/root/certs/{name}.csr", Everyone, EveryRequest, "certificate signing request"),
    row(ADMIN, "/root/certs/{name}", Everyone, EveryInput, "what it was made from"),
    row(ADMIN, "/root/certs/{name}.kubeconfig", Root, EveryKubeletKubeconfig, "kubelet's access to the API server"),
    row(ADMIN, "/root/certs/kube-proxy.kubeconfig", Root, Kubeconfig("kube-proxy", Endpoint), "kube-proxy's access to the API server"),
    row(ADMIN, "/root/certs/kube-controller-manager.kubeconfig", Root, Kubeconfig("kube-controller-manager", Loopback), "controller manager's access to the API server"),
    row(ADMIN, "/root/certs/kube-scheduler.kubeconfig", Root, Kubeconfig("kube-scheduler", Loopback), "scheduler's access to the API server"),
    row(ADMIN, "/root/certs/admin.kubeconfig", Root, Kubeconfig("admin", Endpoint), "administrator's access to the cluster"),
    row(ADMIN, "/root/certs/encryption-config.yaml", Root, template!("var/lib/kubernetes/encryption-config.yaml"), "how secrets are encrypted in etcd, with the key"),
];

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
