//! The texts of a specification, and what checking them gives.
use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::diagnostic::Diagnostic;
use crate::pki::secret::SecretBytes;

/// The texts of a specification, as read from disk by `disk`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The name that diagnostics call cluster.toml by (the path as the user gave it).
    pub cluster_name: String,
    pub cluster: String,
    /// The CSR folder as diagnostics call it, joined from the user's path (`specs/walkthrough/csr`).
    pub csr_dir: String,
    /// file name -> text, for every `*.json` of the CSR folder.
    pub csr: BTreeMap<String, String>,
    /// The file that `[pki.ca] cert` names. It is kept as a secret is, since it may be a key by mistake.
    pub ca_certificate: Option<SecretBytes>,
    /// The file that `[pki.ca] key` names, where it can be read.
    pub ca_key: Option<SecretBytes>,
    /// The templates that `[[files]]` name, by the path as it is written.
    pub templates: BTreeMap<String, TemplateText>,
    /// The path of the seed as `[pki] seed` has it: nothing is checked of what is there.
    pub seed: Option<String>,
    /// What is named, or lies in the CSR folder, and could not be read, and why.
    pub unreadable: BTreeMap<SourceId, String>,
}

/// Which file of a specification, apart from cluster.toml itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceId {
    /// The CSR folder itself, which can't be listed: nobody knows what is in it.
    CsrFolder,
    /// In the CSR folder, by its name.
    Csr(String),
    /// By the path as `[[files]]` have it.
    Template(String),
    CaCertificate,
    CaKey,
}

impl Sources {
    /// Whether the CSR folder has a file of this name, or may have one, that could not be read.
    pub(super) fn is_csr_unreadable(&self, name: &str) -> bool {
        self.is_unreadable(SourceId::CsrFolder) || self.is_unreadable(SourceId::Csr(name.to_owned()))
    }

    pub(super) fn is_unreadable(&self, source: SourceId) -> bool {
        self.unreadable.contains_key(&source)
    }
}

/// A template of the user's own.
#[derive(Clone, Debug, Default)]
pub struct TemplateText {
    /// What diagnostics call it, joined from the user's path.
    pub name: String,
    pub text: String,
}

/// A cluster and what should be said about it though it compiles (warnings and notes).
#[derive(Debug)]
pub struct Checked {
    pub cluster: Cluster,
    pub remarks: Vec<Diagnostic>,
}

/// The part of cluster.toml that says which other files to read: `csr`, `seed`, `ca.cert` and `ca.key` of `[pki]`, where it
/// can be read at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    pub csr: Option<String>,
    pub seed: Option<String>,
    pub ca_certificate: Option<String>,
    pub ca_key: Option<String>,
    /// Of `[[files]]`.
    pub templates: Vec<String>,
}

/// The CSR folder beside cluster.toml when `[pki] csr` names none.
pub const DEFAULT_CSR_FOLDER: &str = "csr";
