//! How the cluster's identities are laid out: each layout is a file with its certificates and what they are used for.

mod single;
mod split;

use super::flag::Flag;
use super::identity::Identity;

pub use single::SINGLE_CSR;

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

    /// Its identities, issuers before what they sign.
    pub fn identities(self) -> &'static [Identity] {
        match self {
            Layout::Single => single::IDENTITIES,
            Layout::Split => split::IDENTITIES,
        }
    }

    /// The flags that it adds to those of a component.
    pub fn flags_of(self, component: &str) -> &'static [Flag] {
        let added = match self {
            Layout::Single => &[],
            Layout::Split => split::FLAGS,
        };
        added
            .iter()
            .find(|(of, _)| *of == component)
            .map_or(&[], |(_, flags)| flags)
    }

    /// The row of that name.
    pub fn identity(self, name: &str) -> Option<&'static Identity> {
        self.identities().iter().find(|row| row.name == name)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::identity::{Per, SignedBy};

    #[test]
    fn issuers_come_before_what_they_sign() {
        for layout in Layout::ALL {
            let rows = layout.identities();
            for (at, row) in rows.iter().enumerate() {
                if let SignedBy::Authority(name) = row.signed_by {
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
