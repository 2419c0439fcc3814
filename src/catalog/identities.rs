//! Who has a certificate: name | CSR file | signed by | profile | needs | SANs | one per what; one table for each layout.
use super::roles::Role;
use crate::pki::cfssl::ExtendedKeyUsage;

/// How the cluster's identities are laid out over certificates and authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The walk-through's: one authority, and one certificate for the API server and etcd, as servers and as clients.
    Single,
    /// An authority each for the cluster, etcd and the front proxy, and a certificate of its own for each purpose:
    /// <https://kubernetes.io/docs/setup/best-practices/certificates/>.
    Split,
}

impl Layout {
    pub const ALL: [Layout; 2] = [Layout::Single, Layout::Split];

    /// The name in cluster.toml.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Single => "single",
            Layout::Split => "split",
        }
    }

    /// The rows of the layout, issuers before what they sign.
    pub fn identities(self) -> &'static [Identity] {
        match self {
            Layout::Single => SINGLE,
            Layout::Split => SPLIT,
        }
    }

    /// The row of that name.
    pub fn identity(self, name: &str) -> Option<&'static Identity> {
        self.identities().iter().find(|row| row.name == name)
    }
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// It is an authority.
    Itself,
    /// The authority of that name.
    Authority(&'static str),
    /// A key pair without a certificate.
    Nobody,
}

/// For whom a row makes a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Cluster,
    /// One for each host with the role.
    Each(Role),
}

/// Which names a certificate must be valid for, besides the `hosts` of its CSR file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    None,
    ApiServer,
    Etcd,
    ApiServerAndEtcd,
    Node,
}

/// A subject that Kubernetes insists on. `{host}` stands for the host's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub cn: Option<&'static str>,
    pub o: Option<&'static str>,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its key is derived for this name, with the host's after a slash where each host has its own.
    pub name: &'static str,
    /// The name of its files, as `cfssljson -bare NAME`; `{host}` is the host's name.
    pub files: &'static str,
    pub csr: &'static str,
    pub signed_by: SignedBy,
    /// The profile that signs it where ca-config.json has it and cluster.toml names no other.
    pub profile: Option<&'static str>,
    pub per: Per,
    pub names: Names,
    /// The extended key usages without which its users refuse it.
    pub needs: &'static [ExtendedKeyUsage],
    pub subject: Subject,
    /// Why it is there, for `plan` and for diagnostics.
    pub what: &'static str,
}

impl Identity {
    /// Whether it is an authority.
    pub fn signs(&self) -> bool {
        self.signed_by == SignedBy::Itself
    }

    /// Whether a profile applies to it.
    pub fn is_signed(&self) -> bool {
        matches!(self.signed_by, SignedBy::Authority(_))
    }
}

const ANY: Subject = Subject { cn: None, o: None };
const fn user(cn: &'static str) -> Subject {
    Subject { cn: Some(cn), o: None }
}
const fn group(o: &'static str) -> Subject {
    Subject { cn: None, o: Some(o) }
}
const NODE: Subject = Subject {
    cn: Some("system:node:{host}"),
    o: Some("system:nodes"),
};

use ExtendedKeyUsage::{ClientAuth, ServerAuth};
use SignedBy::{Authority, Itself, Nobody};

/// The authority that signs what the API server and kubelets check; the one that `[pki.ca]` can take the place of.
pub const CLUSTER_AUTHORITY: &str = "ca";

/// The CSR file that tells the walk-through's folder from others: its one certificate for everything.
pub const SINGLE_CSR: &str = "kubernetes-csr.json";

/// The walk-through's certificates, in its order.
#[rustfmt::skip]
const SINGLE: &[Identity] = &[
    Identity { name: "ca", files: "ca", csr: "ca-csr.json", signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "certificate authority of the cluster" },
    Identity { name: "node", files: "{host}", csr: "node-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Each(Role::Worker), names: Names::Node, needs: &[ServerAuth, ClientAuth], subject: NODE, what: "kubelet, as client and as server" },
    Identity { name: "kube-controller-manager", files: "kube-controller-manager", csr: "kube-controller-manager-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-controller-manager"), what: "client of the API server" },
    Identity { name: "kube-proxy", files: "kube-proxy", csr: "kube-proxy-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-proxy"), what: "client of the API server" },
    Identity { name: "kube-scheduler", files: "kube-scheduler", csr: "kube-scheduler-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-scheduler"), what: "client of the API server" },
    Identity { name: "admin", files: "admin", csr: "admin-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: group("system:masters"), what: "administrator" },
    Identity { name: "kubernetes", files: "kubernetes", csr: SINGLE_CSR, signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::ApiServerAndEtcd, needs: &[ServerAuth, ClientAuth], subject: ANY, what: "API server and etcd, as servers and as each other's clients" },
    Identity { name: "service-account", files: "service-account", csr: "service-account-csr.json", signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "key pair that signs and verifies service account tokens" },
];

/// What an operator signs off: kubeadm's list, with a certificate of its own for each server and each purpose.
#[rustfmt::skip]
const SPLIT: &[Identity] = &[
    Identity { name: "ca", files: "ca", csr: "ca-csr.json", signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "certificate authority of the cluster" },
    Identity { name: "etcd-ca", files: "etcd-ca", csr: "etcd-ca-csr.json", signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "certificate authority of etcd" },
    Identity { name: "front-proxy-ca", files: "front-proxy-ca", csr: "front-proxy-ca-csr.json", signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "certificate authority of the front proxy" },
    Identity { name: "apiserver", files: "apiserver-{host}", csr: "apiserver-csr.json", signed_by: Authority("ca"), profile: Some("server"), per: Per::Each(Role::ControlPlane), names: Names::ApiServer, needs: &[ServerAuth], subject: ANY, what: "API server, as server" },
    Identity { name: "apiserver-kubelet-client", files: "apiserver-kubelet-client", csr: "apiserver-kubelet-client-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: ANY, what: "API server, as client of kubelets" },
    Identity { name: "apiserver-etcd-client", files: "apiserver-etcd-client", csr: "apiserver-etcd-client-csr.json", signed_by: Authority("etcd-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: ANY, what: "API server, as client of etcd" },
    // etcd's own gateway is a client of its server: <https://github.com/etcd-io/etcd/issues/9785>.
    Identity { name: "etcd-server", files: "etcd-server-{host}", csr: "etcd-server-csr.json", signed_by: Authority("etcd-ca"), profile: Some("peer"), per: Per::Each(Role::Etcd), names: Names::Etcd, needs: &[ServerAuth, ClientAuth], subject: ANY, what: "etcd, as server" },
    Identity { name: "etcd-peer", files: "etcd-peer-{host}", csr: "etcd-peer-csr.json", signed_by: Authority("etcd-ca"), profile: Some("peer"), per: Per::Each(Role::Etcd), names: Names::Etcd, needs: &[ServerAuth, ClientAuth], subject: ANY, what: "etcd, to its peers" },
    Identity { name: "etcd-healthcheck-client", files: "etcd-healthcheck-client", csr: "etcd-healthcheck-client-csr.json", signed_by: Authority("etcd-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: ANY, what: "whoever looks after etcd's health" },
    Identity { name: "front-proxy-client", files: "front-proxy-client", csr: "front-proxy-client-csr.json", signed_by: Authority("front-proxy-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("front-proxy-client"), what: "API server, as client of extension API servers" },
    Identity { name: "kubelet-client", files: "kubelet-client-{host}", csr: "kubelet-client-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Each(Role::Worker), names: Names::None, needs: &[ClientAuth], subject: NODE, what: "kubelet, as client of the API server" },
    Identity { name: "kubelet-serving", files: "kubelet-serving-{host}", csr: "kubelet-serving-csr.json", signed_by: Authority("ca"), profile: Some("server"), per: Per::Each(Role::Worker), names: Names::Node, needs: &[ServerAuth], subject: NODE, what: "kubelet, as server" },
    Identity { name: "kube-controller-manager", files: "kube-controller-manager", csr: "kube-controller-manager-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-controller-manager"), what: "client of the API server" },
    Identity { name: "kube-scheduler", files: "kube-scheduler", csr: "kube-scheduler-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-scheduler"), what: "client of the API server" },
    Identity { name: "kube-proxy", files: "kube-proxy", csr: "kube-proxy-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: user("system:kube-proxy"), what: "client of the API server" },
    Identity { name: "admin", files: "admin", csr: "admin-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: ANY, what: "administrator, by a role that RBAC can take back" },
    Identity { name: "break-glass", files: "break-glass", csr: "break-glass-csr.json", signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, needs: &[ClientAuth], subject: group("system:masters"), what: "administrator whom nothing stops, for emergencies" },
    Identity { name: "service-account", files: "service-account", csr: "service-account-csr.json", signed_by: Nobody, profile: None, per: Per::Cluster, names: Names::None, needs: &[], subject: ANY, what: "key pair that signs and verifies service account tokens" },
];

/// Under which name the flags and files of a host know an identity: what it is for | in the single layout | in the split one.
/// In a flag or template it is `pki.WHAT`. Empty: the layout has nothing for it.
#[rustfmt::skip]
pub const USES: &[(&str, &str, &str)] = &[
    ("ca",                       "ca.pem",                  "ca.pem"),
    ("ca_key",                   "ca-key.pem",              "ca-key.pem"),
    ("etcd_ca",                  "ca.pem",                  "etcd-ca.pem"),
    ("etcd_server",              "kubernetes.pem",          "etcd-server.pem"),
    ("etcd_server_key",          "kubernetes-key.pem",      "etcd-server-key.pem"),
    ("etcd_peer",                "kubernetes.pem",          "etcd-peer.pem"),
    ("etcd_peer_key",            "kubernetes-key.pem",      "etcd-peer-key.pem"),
    ("etcd_client",              "kubernetes.pem",          "etcd-healthcheck-client.pem"),
    ("etcd_client_key",          "kubernetes-key.pem",      "etcd-healthcheck-client-key.pem"),
    ("apiserver",                "kubernetes.pem",          "apiserver.pem"),
    ("apiserver_key",            "kubernetes-key.pem",      "apiserver-key.pem"),
    ("apiserver_etcd_client",     "kubernetes.pem",         "apiserver-etcd-client.pem"),
    ("apiserver_etcd_client_key", "kubernetes-key.pem",     "apiserver-etcd-client-key.pem"),
    ("apiserver_kubelet_client",     "kubernetes.pem",      "apiserver-kubelet-client.pem"),
    ("apiserver_kubelet_client_key", "kubernetes-key.pem",  "apiserver-kubelet-client-key.pem"),
    ("service_account",          "service-account.pem",     "service-account.pub"),
    ("service_account_key",      "service-account-key.pem", "service-account-key.pem"),
    ("kubelet_serving",          "{host}.pem",              "kubelet-serving.pem"),
    ("kubelet_serving_key",      "{host}-key.pem",          "kubelet-serving-key.pem"),
];

/// The identity with which the API server calls kubelets: RBAC gives it its rights there by this certificate's CN.
pub fn kubelet_client_csr(layout: Layout) -> &'static str {
    match layout {
        Layout::Single => SINGLE_CSR,
        Layout::Split => "apiserver-kubelet-client-csr.json",
    }
}

/// The literal in node-csr.json that the worker's name takes the place of.
pub const NODE_PLACEHOLDER: &str = "WORKER_HOST";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_come_before_what_they_sign() {
        for layout in Layout::ALL {
            let rows = layout.identities();
            for (at, row) in rows.iter().enumerate() {
                if let Authority(name) = row.signed_by {
                    assert!(
                        rows[..at].iter().any(|issuer| issuer.name == name && issuer.signs()),
                        "{}",
                        row.name
                    );
                }
            }
        }
    }

    #[test]
    fn each_host_s_own_certificate_has_files_of_its_own() {
        for row in Layout::ALL.into_iter().flat_map(Layout::identities) {
            assert_eq!(row.files.contains("{host}"), row.per != Per::Cluster, "{}", row.name);
        }
    }
}
