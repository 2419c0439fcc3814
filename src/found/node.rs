//! Something at a path, wherever it was found: in a folder, in an archive; and how much of it is read.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, is_unsafe};
use crate::pki::digest::Sha256;
use crate::pki::secret::SecretBytes;

/// The most bytes that a file may have, and that an archive may hold when it is unpacked.
pub const MOST_BYTES: u64 = 256 << 20;
/// The most that is read for one verification: folders, archives, and what these unpack to. The output for ten thousand
/// hosts fits in.
pub const MOST_IN_ALL: u64 = 2 << 30;
/// What something at a path costs besides its content: the path, and what is noted of it, in each list that it is in.
const COST_OF_NODE: u64 = 512;
/// What a file is called that was not read for its size.
pub const TOO_LARGE: &str = "file of more than 256 MiB, which was not read";

/// Something at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundNode {
    /// A folder.
    Directory {
        /// The permission bits, where they are kept.
        mode: Option<u32>,
    },
    /// A file.
    File {
        /// The permission bits, where they are kept.
        mode: Option<u32>,
        /// Whether root owns it; none where that can't be told.
        root_owned: Option<bool>,
        /// What is in it.
        content: SecretBytes,
    },
    /// A file of which nobody reads what it says: whether it is another one is told by its digest.
    Digested {
        /// The permission bits, where they are kept.
        mode: Option<u32>,
        /// Whether root owns it; none where that can't be told.
        root_owned: Option<bool>,
        /// The digest of what is in it.
        sha256: Sha256,
    },
    /// A symbolic or hard link, a device, a pipe: what it is, in words.
    Other {
        /// In words.
        what: &'static str,
    },
}

impl FoundNode {
    /// The same; of what a file says no more than the digest.
    pub(super) fn digested(self) -> FoundNode {
        match self {
            FoundNode::File {
                mode,
                root_owned,
                content,
            } => FoundNode::Digested {
                mode,
                root_owned,
                sha256: content.sha256(),
            },
            other => other,
        }
    }

    /// The digest of a file.
    pub(crate) fn sha256(&self) -> Option<Sha256> {
        match self {
            FoundNode::File { content, .. } => Some(content.sha256()),
            FoundNode::Digested { sha256, .. } => Some(*sha256),
            FoundNode::Directory { .. } | FoundNode::Other { .. } => None,
        }
    }

    /// Whether root owns a file.
    pub(super) fn root_owned(&self) -> Option<bool> {
        match self {
            FoundNode::File { root_owned, .. } | FoundNode::Digested { root_owned, .. } => *root_owned,
            FoundNode::Directory { .. } | FoundNode::Other { .. } => None,
        }
    }

    /// Whether both are files, and not the same.
    pub(super) fn is_another_file(&self, other: &FoundNode) -> bool {
        match (self, other) {
            (FoundNode::File { content, .. }, FoundNode::File { content: other, .. }) => content != other,
            _ => self
                .sha256()
                .zip(other.sha256())
                .is_some_and(|(one, other)| one != other),
        }
    }
}

/// Relative path, without a slash at its end, to what is there.
pub type FoundNodes = BTreeMap<String, FoundNode>;

/// What something at a path takes of [`MOST_IN_ALL`].
pub fn cost(path: &str, content: u64) -> u64 {
    COST_OF_NODE + 3 * path.len() as u64 + content
}

pub(super) fn cost_of(nodes: &FoundNodes) -> u64 {
    let costs = nodes.iter().map(|(path, node)| match node {
        FoundNode::File { content, .. } => cost(path, content.len() as u64),
        _ => cost(path, 0),
    });
    costs.sum()
}

/// What is remarkable about how something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The row of the table of codes.
    pub code: &'static Code,
    /// Where, as it was found.
    pub path: String,
    /// What is remarkable, in a sentence.
    pub message: String,
}

impl Remark {
    pub(super) fn new(code: &'static Code, path: impl Into<String>, message: impl Into<String>) -> Remark {
        Remark {
            code,
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A path for people: no character that could steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| match is_unsafe(c) {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect()
}
