//! Reads a bundle that is to be verified, whatever it is: a folder or an archive.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use super::error::DiskError;
use super::tree::{TreeEntry, read_open, read_tree};
use crate::found::{Found, FoundNode, FoundNodes, MOST_BYTES, TOO_LARGE, from_archive, from_folder};

/// What is at `path`: a folder, or a tar, tar.gz, tar.zst or zip of a host. No link below it is followed.
///
/// Errors: it can't be read, or is neither.
pub fn read_found(path: &Path) -> Result<Found, DiskError> {
    let os = |reason| DiskError::os("open", path, reason);
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(os)?;
    let stat = fstat(&file).map_err(os)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(from_folder(&folder_name(path), read_nodes(path)?)),
        FileType::RegularFile => {
            let bytes = read_open(File::from(file), &stat, path, MOST_BYTES)?;
            Ok(from_archive(&folder_name(path), bytes.expose()))
        }
        _ => Err(DiskError::NotAFile { path: path.to_owned() }),
    }
}

/// The last part of a path, also where it is `.`.
fn folder_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What is below a folder. Links are noted and not followed.
///
/// Errors: as [`read_tree`].
pub fn read_nodes(path: &Path) -> Result<FoundNodes, DiskError> {
    let entries = read_tree(path)?.into_iter();
    Ok(entries
        .map(|(path, entry)| {
            let node = match entry {
                TreeEntry::Directory { mode } => FoundNode::Directory { mode: Some(mode) },
                TreeEntry::File { mode, content } => FoundNode::File {
                    mode: Some(mode),
                    root_owned: None,
                    content,
                },
                TreeEntry::TooLarge { .. } => FoundNode::Other { what: TOO_LARGE },
                TreeEntry::Symlink => FoundNode::Other { what: "symbolic link" },
                TreeEntry::Other => FoundNode::Other {
                    what: "device, pipe or socket",
                },
            };
            (path, node)
        })
        .collect())
}
