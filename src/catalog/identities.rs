//! Who has a certificate: name | CSR file | signed by | needs | SANs | one per what.
use crate::pki::cfssl::ExtendedKeyUsage;

/// For whom a row makes a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Cluster,
    Worker,
}

/// Which names a certificate must be valid for, besides the `hosts` of its CSR file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    None,
    ApiServerAndEtcd,
    Node,
}

/// A subject that Kubernetes insists on. `{host}` stands for the worker's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub cn: Option<&'static str>,
    pub o: Option<&'static str>,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of its files, as `cfssljson -bare NAME`; for a worker, its host's name takes this place.
    pub name: &'static str,
    pub csr: &'static str,
    pub signed_by: Option<&'static str>,
    pub per: Per,
    pub names: Names,
    /// The extended key usages without which its users refuse it.
    pub needs: &'static [ExtendedKeyUsage],
    pub subject: Subject,
    /// Why it is there, for `plan` and for diagnostics.
    pub what: &'static str,
}

const ANY: Subject = Subject { cn: None, o: None };
const fn subject(cn: &'static str, o: &'static str) -> Subject {
    Subject {
        cn: Some(cn),
        o: Some(o),
    }
}
use ExtendedKeyUsage::{ClientAuth, ServerAuth};

/// The walk-through's certificates, in its order.
#[rustfmt::skip]
pub const IDENTITIES: &[Identity] = &[
    Identity { name: "ca", csr: "ca-csr.json", signed_by: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "certificate authority of the cluster" },
    Identity { name: "node", csr: "node-csr.json", signed_by: Some("ca"), per: Per::Worker, names: Names::Node, needs: &[ServerAuth, ClientAuth], subject: subject("system:node:{host}", "system:nodes"), what: "kubelet, as client and as server" },
    Identity { name: "kube-controller-manager", csr: "kube-controller-manager-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: Subject { cn: Some("system:kube-controller-manager"), o: None }, what: "client of the API server" },
    Identity { name: "kube-proxy", csr: "kube-proxy-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: Subject { cn: Some("system:kube-proxy"), o: None }, what: "client of the API server" },
    Identity { name: "kube-scheduler", csr: "kube-scheduler-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: Subject { cn: Some("system:kube-scheduler"), o: None }, what: "client of the API server" },
    Identity { name: "admin", csr: "admin-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: Subject { cn: None, o: Some("system:masters") }, what: "administrator" },
    Identity { name: "kubernetes", csr: "kubernetes-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::ApiServerAndEtcd, needs: &[ServerAuth, ClientAuth], subject: ANY, what: "API server and etcd, as servers and as each other's clients" },
    Identity { name: "service-account", csr: "service-account-csr.json", signed_by: Some("ca"), per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "key pair that signs and verifies service account tokens" },
];

/// The literal in node-csr.json that the worker's name takes the place of.
pub const NODE_PLACEHOLDER: &str = "WORKER_HOST";
