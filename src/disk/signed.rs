//! The folder with what authorities elsewhere have signed. Nothing of it is believed.

use std::fs;
use std::path::Path;

use super::error::DiskError;
use super::source::read_found_secret;
use crate::pki::secret::SecretBytes;

/// More than a fleet has certificates.
const MOST_FILES: usize = 1_000_000;

/// The files of a folder by their paths, sorted: what is hidden, and what is a folder, is passed over. Each is kept as a secret is, since
/// it may be a key by mistake.
///
/// Errors: the folder or a file can't be read, or a file is larger than any certificate.
pub fn read_signed(dir: &Path) -> Result<Vec<(String, SecretBytes)>, DiskError> {
    let failed = |reason| DiskError::os("read the folder", dir, reason);
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)?.take(MOST_FILES) {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: std::path::PathBuf| Ok((path.to_string_lossy().into_owned(), read_found_secret(&path)?));
    paths.into_iter().map(read).collect()
}
