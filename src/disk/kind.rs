//! What khw-gen replaces as a whole: which kinds of folders there are, what is at the top of each, and who may read it.

use crate::golden::index::INDEX;
use crate::manifest::{MANIFEST, SHA256SUMS, SIGNATURE, STATE};

/// What a folder is that is replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FolderKind {
    /// The bundles of a cluster.
    Output,
    /// Texts of them without secrets.
    Golden,
    /// Archives that are sealed, and lists of them.
    Sealed,
}

impl FolderKind {
    pub(super) fn mode(self) -> u32 {
        match self {
            // It holds secrets.
            FolderKind::Output => 0o700,
            FolderKind::Golden | FolderKind::Sealed => 0o755,
        }
    }

    /// The files that it makes itself, at the top.
    pub(super) fn own_files(self) -> &'static [&'static str] {
        match self {
            FolderKind::Output => &[MANIFEST, SHA256SUMS, STATE],
            FolderKind::Golden => &[INDEX],
            FolderKind::Sealed => &[MANIFEST, SHA256SUMS, SIGNATURE],
        }
    }
}

/// The mode of a host's folder: the same that its archive gives it.
pub(super) const HOST_MODE: u32 = 0o755;

/// The mode of an archive: it holds secrets.
pub(super) const ARCHIVE_MODE: u32 = 0o600;

/// The mode of MANIFEST and SHA256SUMS.
pub(super) const LIST_MODE: u32 = 0o644;

/// The mode of a sealed archive: nobody reads it without a key.
pub(super) const SEALED_MODE: u32 = 0o644;

/// The mode of the state file: it is nobody else's business.
pub(super) const STATE_MODE: u32 = 0o600;
