//! What the user wrote -> a valid cluster, or every problem at once. (interface skeleton)
use crate::cluster::Cluster;
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;

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
}

/// A cluster and what should be said about it though it compiles (warnings and notes).
#[derive(Debug)]
pub struct Checked {
    pub cluster: Cluster,
    pub remarks: Vec<Diagnostic>,
}

/// Checks everything and reports every problem; errors and remarks together when it fails.
pub fn check(_sources: &Sources) -> Result<Checked, Vec<Diagnostic>> {
    todo!()
}

/// The part of cluster.toml that says which other files to read: `[pki] csr` and `[pki] seed`, where it can be read at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    pub csr: Option<String>,
    pub seed: Option<String>,
}

/// Reads just those two paths; whatever is wrong with the text is `check`'s to say.
pub fn paths(_cluster_toml: &str) -> Paths {
    todo!()
}
