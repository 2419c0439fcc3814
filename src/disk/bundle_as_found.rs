//! Reads a bundle that is to be verified, whatever it is: a folder or an archive.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, statat};

use super::error::DiskError;
use super::tree::{list, read_open, read_places, read_tree, read_tree_where};
use crate::found::{Found, FoundNode, FoundNodes, MOST_BYTES, Places, STORE, from_archive, from_folder};
use crate::manifest::MANIFEST;

/// What is at `path`: a folder, or a tar, tar.gz, tar.zst or zip of a host. No link below it is followed. Of a machine, or a copy
/// of one, only what is at `places` is looked at, and what these files name.
///
/// Errors: it can't be read, or is neither.
pub fn read_found(path: &Path, places: &Places) -> Result<Found, DiskError> {
    let os = |reason| DiskError::os("open", path, reason);
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(os)?;
    let stat = fstat(&file).map_err(os)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(from_folder(&folder_name(path), read_folder(path, places)?)),
        FileType::RegularFile => {
            let bytes = read_open(File::from(file), &stat, path, MOST_BYTES)?;
            Ok(from_archive(&folder_name(path), bytes.expose()))
        }
        _ => Err(DiskError::NotAFile { path: path.to_owned() }),
    }
}

/// A bundle or an output, a machine, or a folder of machines.
fn read_folder(dir: &Path, places: &Places) -> Result<FoundNodes, DiskError> {
    let folder = open_dir(dir)?;
    if is_machine(&folder) {
        return read_machine(dir, places);
    }
    if has(&folder, MANIFEST) {
        return read_tree(dir);
    }
    let mut machines = FoundNodes::new();
    let mut names = BTreeSet::new();
    for (name, stat) in list(folder.as_fd(), dir)? {
        let (Some(name), FileType::Directory) = (name.to_str(), FileType::from_raw_mode(stat.st_mode)) else {
            continue;
        };
        let shown = dir.join(name);
        // What can't be opened is told where it is read.
        if !open_dir(&shown).is_ok_and(|folder| is_machine(&folder)) {
            continue;
        }
        machines.insert(name.to_owned(), FoundNode::Directory { mode: None });
        let below = read_machine(&shown, places)?;
        machines.extend(below.into_iter().map(|(path, node)| (format!("{name}/{path}"), node)));
        names.insert(name.to_owned());
    }
    let mut nodes = read_tree_where(dir, |path, _| !names.contains(path))?;
    nodes.extend(machines);
    Ok(nodes)
}

fn open_dir(dir: &Path) -> Result<OwnedFd, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(dir, flags, Mode::empty()).map_err(|reason| DiskError::os("open", dir, reason))
}

fn has(folder: &OwnedFd, path: &str) -> bool {
    statat(folder, path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Whether a folder is the root of a machine, or a copy of one: there are programs or people on it, or install.sh has been there.
fn is_machine(folder: &OwnedFd) -> bool {
    let is_bundle = has(folder, "rootfs") || has(folder, MANIFEST);
    let is_root = has(folder, "etc") && ["usr", "proc", "etc/passwd"].iter().any(|path| has(folder, path));
    !is_bundle && (is_root || has(folder, STORE))
}

/// Reads again until no file names another.
fn read_machine(dir: &Path, places: &Places) -> Result<FoundNodes, DiskError> {
    let mut places = places.clone();
    loop {
        let nodes = read_places(dir, &places)?;
        if !places.add_named_in(&nodes) {
            return Ok(places.without_others(nodes));
        }
    }
}

/// The last part of a path, also where it is `.`.
fn folder_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
