//! A file or directory of the tables: on which hosts of which clusters, at which path, who may read it, what it holds.

use super::holds::Holds;
use super::scope::{On, When};

/// Who may read a file or enter a directory; nobody but root may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Everyone,
    Root,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub when: When,
    pub on: On,
    pub at: &'static str,
    pub reader: Reader,
    pub holds: Holds,
    /// What it is, in words, for `plan`.
    pub what: &'static str,
}

impl Artifact {
    /// The row, for such clusters only.
    pub(super) const fn only(self, when: When) -> Artifact {
        Artifact { when, ..self }
    }
}
