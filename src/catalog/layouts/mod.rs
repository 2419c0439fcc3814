//! How the cluster's identities are laid out: each layout is a file with its certificates and what they are used for.

mod single;
mod split;

use super::flag::Flag;
use super::holds::Holds;
use super::identity::Identity;
use super::named::named_values;
use super::roles::Role;

pub use single::SINGLE_CSR;

named_values! {
    /// How the cluster's identities are laid out over certificates and authorities.
    pub enum Layout {
        /// The walk-through's: one authority, and one certificate for the API server and etcd, as servers and as clients.
        Single = "single",
        /// An authority each for the cluster, etcd and the front proxy, and a certificate of its own for each purpose:
        /// <https://kubernetes.io/docs/setup/best-practices/certificates/>.
        Split = "split",
    }
}

impl Layout {
    /// Its identities, issuers before what they sign.
    pub fn identities(self) -> &'static [Identity] {
        match self {
            Layout::Single => single::IDENTITIES,
            Layout::Split => split::IDENTITIES,
        }
    }

    /// The keys of which every host of a role has the same, unless each is to have its own. In the single layout they lie with the
    /// administrator, for all.
    pub(crate) fn shared(self) -> &'static [(&'static str, Role)] {
        match self {
            Layout::Single => &[],
            Layout::Split => split::SHARED,
        }
    }

    /// The flags that it adds to those of a component.
    pub(crate) fn flags_of(self, component: &str) -> &'static [Flag] {
        let added = match self {
            Layout::Single => &[],
            Layout::Split => split::FLAGS,
        };
        added
            .iter()
            .find(|(of, _)| *of == component)
            .map_or(&[], |(_, flags)| flags)
    }

    /// What its certificates and keys are used for, each with the file that serves it.
    pub(crate) fn uses(self) -> &'static [(&'static str, Holds)] {
        match self {
            Layout::Single => single::USES,
            Layout::Split => split::USES,
        }
    }

    /// The signing configuration where the CSR folder has none.
    pub(crate) fn built_in_config(self) -> &'static str {
        match self {
            Layout::Single => include_str!("single/ca-config.json"),
            Layout::Split => include_str!("split/ca-config.json"),
        }
    }

    /// The row of that name.
    pub fn identity(self, name: &str) -> Option<&'static Identity> {
        self.identities().iter().find(|row| row.name == name)
    }
}

/// The identity with which the API server calls kubelets: RBAC gives it its rights there by this certificate's CN.
pub(crate) fn kubelet_client_csr(layout: Layout) -> &'static str {
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
