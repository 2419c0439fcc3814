//! What is handed over: an output that is read to be sealed, and a bundle that was opened and comes to lie as a folder.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;

use super::earlier::EarlierOutput;
use super::error::DiskError;
use super::kind::{FolderKind, HOST_MODE};
use super::new_files::make_folder;
use super::place::OutputPlace;
use super::staging::Staging;
use super::tree::{open_output, read_rows};
use crate::bundle::{Bundle, BundleEntry};
use crate::reuse::Earlier;

/// An output that is there, to be read.
///
/// Errors: it is none, or is sealed.
pub fn read_output(out: &Path) -> Result<Box<dyn Earlier>, DiskError> {
    let place = OutputPlace::find(out)?;
    let path = place.path();
    let folder = open_output(place.parent.as_fd(), &place.name, &path)?;
    let rows = read_rows(FolderKind::Output, folder.as_fd(), &path)?;
    Ok(Box::new(EarlierOutput::new(folder, &path, rows)))
}

/// Writes a bundle as the folder `dir`, which is a new one or was empty, whole or not at all; folders that lead to it are made (0755).
///
/// Errors: there is something in it, or the system's reason; then there is nothing new.
pub fn write_new_folder(dir: &Path, bundle: &Bundle) -> Result<PathBuf, DiskError> {
    let named = |part: Option<&str>| part.filter(|name| !name.is_empty()).map(str::to_owned);
    let name = named(dir.file_name().and_then(|name| name.to_str()));
    let name = name.ok_or_else(|| DiskError::NotAFolder { path: dir.to_owned() })?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_folder(parent)?;
    // Only a folder with nothing in it goes; whatever else is there stays, and is told.
    let _ = std::fs::remove_dir(dir);
    write_unpacked(parent, &name, bundle)
}

/// Writes a bundle as the new folder `host` in a folder that is there, whole or not at all, and gives its path.
///
/// Errors: there is something of that name, or the system's reason; then there is nothing new.
pub fn write_unpacked(folder: &Path, host: &str, bundle: &Bundle) -> Result<PathBuf, DiskError> {
    let place = OutputPlace::find(&folder.join(host))?;
    let path = place.path();
    let taken = |path: &Path| DiskError::WouldOverwrite {
        paths: vec![path.to_owned()],
    };
    match statat(&place.parent, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => {}
        Ok(_) => return Err(taken(&path)),
        Err(reason) => return Err(DiskError::os("look at", path, reason)),
    }
    place.remove_stale()?;
    let mut staging = Staging::make(place, HOST_MODE)?;
    for (path, entry) in &bundle.entries {
        match entry {
            BundleEntry::Directory { mode } => staging.make_folder(path, *mode)?,
            BundleEntry::File { mode, content } => staging.write_file(path, *mode, content.bytes())?,
        }
    }
    for (path, entry) in bundle.entries.iter().rev() {
        if let BundleEntry::Directory { mode } = entry {
            staging.finish_folder(path, *mode)?;
        }
    }
    let entries = bundle.entries.iter();
    staging.make_durable(entries.map(|(path, entry)| (path.as_str(), matches!(entry, BundleEntry::File { .. }))))?;
    match staging.place.rename_to_nothing(&staging.name, &staging.place.name) {
        Err(Errno::EXIST | Errno::NOTEMPTY) => return Err(taken(&path)),
        renamed => renamed.map_err(|reason| DiskError::os("rename to", &path, reason))?,
    }
    staging.published = true;
    staging.place.sync()?;
    Ok(path)
}
