//! A row of the identities: name | CSR file | signed by | profile | purpose | SANs | one per what.

use super::roles::Role;
use crate::pki::cfssl::ExtendedKeyUsage;

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

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// It signs certificates.
    Authority,
    /// It signs service account tokens.
    Tokens,
    Server,
    Client,
    ServerAndClient,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its key is derived for this name, with the host's after a slash where each host has its own.
    pub name: &'static str,
    /// The name of its files, as `cfssljson -bare NAME`; `{host}` is the host's name.
    pub files: &'static str,
    pub csr: &'static str,
    /// The text of that file where the CSR folder has none.
    pub built_in: &'static str,
    pub signed_by: SignedBy,
    /// The profile that signs it where ca-config.json has it and cluster.toml names no other.
    pub profile: Option<&'static str>,
    pub per: Per,
    pub names: Names,
    pub purpose: KeyPurpose,
    pub subject: Subject,
    /// The component that alone has a use for it, in clusters that have that.
    pub only_of: Option<&'static str>,
    /// Why it is there, for `plan` and for diagnostics.
    pub what: &'static str,
}

impl Identity {
    /// Whether it is an authority.
    pub(crate) fn signs(&self) -> bool {
        self.purpose == KeyPurpose::Authority
    }

    /// Whether its users refuse its certificate without an extended key usage.
    pub(crate) fn needs(&self, usage: ExtendedKeyUsage) -> bool {
        match self.purpose {
            KeyPurpose::Authority | KeyPurpose::Tokens => false,
            KeyPurpose::Server => usage == ExtendedKeyUsage::ServerAuth,
            KeyPurpose::Client => usage == ExtendedKeyUsage::ClientAuth,
            KeyPurpose::ServerAndClient => matches!(usage, ExtendedKeyUsage::ServerAuth | ExtendedKeyUsage::ClientAuth),
        }
    }

    /// What the files of its certificate are called, of a host's own where each has one.
    pub(crate) fn files_of(&self, host: Option<&str>) -> String {
        match host {
            Some(host) if self.files.contains("{host}") => self.files.replace("{host}", host),
            Some(host) => format!("{}-{host}", self.files),
            None => self.files.to_owned(),
        }
    }

    /// Whether a kubelet is a node by it.
    pub(crate) fn is_of_nodes(&self) -> bool {
        self.subject.cn == NODE.cn && self.needs(ExtendedKeyUsage::ClientAuth)
    }

    /// Whether a profile applies to it.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self.signed_by, SignedBy::Authority(_))
    }
}

/// The authority that signs what the API server and kubelets check; the one that `[pki.ca]` can take the place of.
pub(crate) const CLUSTER_AUTHORITY: &str = "ca";

/// The literal in node-csr.json that the worker's name takes the place of.
pub(crate) const NODE_PLACEHOLDER: &str = "WORKER_HOST";

/// Any subject will do.
pub(crate) const ANY: Subject = Subject { cn: None, o: None };
pub(super) const fn user(cn: &'static str) -> Subject {
    Subject { cn: Some(cn), o: None }
}
pub(super) const fn group(o: &'static str) -> Subject {
    Subject { cn: None, o: Some(o) }
}
pub(super) const NODE: Subject = Subject {
    cn: Some("system:node:{host}"),
    o: Some("system:nodes"),
};
