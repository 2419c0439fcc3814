//! Reads a bundle that is to be verified, whatever it is: a folder or an archive.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use super::error::DiskError;
use super::tree::{read_open, read_tree};
use crate::found::{Found, MOST_BYTES, from_archive, from_folder};

/// What is at `path`: a folder, or a tar, tar.gz, tar.zst or zip of a host. No link below it is followed.
///
/// Errors: it can't be read, or is neither.
pub fn read_found(path: &Path) -> Result<Found, DiskError> {
    let os = |reason| DiskError::os("open", path, reason);
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(os)?;
    let stat = fstat(&file).map_err(os)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(from_folder(&folder_name(path), read_tree(path)?)),
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
