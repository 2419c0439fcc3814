//! An output that is there already: read, and compared with what is to take its place.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, FlockOperation, Stat, flock, fstat, statat};
use rustix::io::Errno;

use super::output::{HOST_MODE, Kind, LIST_MODE, STATE_MODE};
use super::tree::{LARGEST_MANIFEST, Rows, names, open_file, open_folder, read_file, read_open, rewind, same};
use crate::bundle::{
    Bundle, Entry, MANIFEST, ManifestOf, ManifestRow, SHA256SUMS, STATE, check_path, manifest_text, rows_below,
    sha256sums_of_output,
};
use crate::pki::digest::sha256_hex;
use crate::pki::secret::SecretBytes;
use crate::reuse::Earlier;

/// An output of this user's and with its own modes, locked: no other build changes it meanwhile.
#[derive(Debug)]
pub(super) struct EarlierOutput {
    pub(super) folder: OwnedFd,
    path: PathBuf,
    /// Who all of it has to belong to: whoever else could write to it could change it meanwhile.
    owner: u32,
    /// What its MANIFEST lists.
    pub(super) rows: Rows,
    /// How many bytes were found intact.
    bytes: AtomicU64,
}

impl EarlierOutput {
    /// An opened output of which MANIFEST lists `rows`.
    pub(super) fn new(folder: OwnedFd, path: &Path, rows: Rows) -> EarlierOutput {
        EarlierOutput {
            folder,
            path: path.to_owned(),
            owner: rustix::process::geteuid().as_raw(),
            rows,
            bytes: AtomicU64::new(0),
        }
    }

    /// Whether it is this user's, with the mode of an output.
    pub(super) fn is_as_left(&self) -> bool {
        fstat(&self.folder).is_ok_and(|stat| self.is(&stat, Kind::Output.mode()))
    }

    /// Whether something is its owner's and has this mode.
    fn is(&self, stat: &Stat, mode: u32) -> bool {
        stat.st_uid == self.owner && stat.st_mode & 0o7777 == mode
    }

    /// Whether the folder of a host has everything of this bundle, as it is there. What is in it besides is for
    /// [`super::tree::check_rows`] to find.
    pub(super) fn has_host(&self, host: &str, bundle: &Bundle) -> bool {
        let Ok(folder) = open_folder(self.folder.as_fd(), host.as_ref()) else {
            return false;
        };
        let listed = rows_below(&self.rows, host).map(|(path, _)| path);
        let is_same = |(path, entry): (&String, &Entry)| match entry {
            Entry::Directory { mode } => statat(&folder, path.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory && self.is(&stat, *mode)
            }),
            Entry::File { mode, content } => self.has(folder.as_fd(), path, *mode, content.bytes()),
        };
        listed.eq(bundle.entries.keys().map(String::as_str))
            && fstat(&folder).is_ok_and(|stat| self.is(&stat, HOST_MODE))
            && bundle.entries.iter().all(is_same)
    }

    /// Whether a file at the top is exactly this.
    pub(super) fn has_file(&self, name: &str, mode: u32, bytes: &[u8]) -> bool {
        self.has(self.folder.as_fd(), name, mode, bytes)
    }

    fn has(&self, folder: BorrowedFd<'_>, path: &str, mode: u32, bytes: &[u8]) -> bool {
        open_file(folder, path).is_ok_and(|(file, stat)| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && self.is(&stat, mode)
                && stat.st_size as u64 == bytes.len() as u64
                && read(file, &stat).is_some_and(|found| found.expose() == bytes)
        })
    }

    /// How many bytes [`Earlier::is_intact`] found.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the lists at the top are as they would be written.
    fn has_lists(&self) -> bool {
        let manifest = manifest_text(
            ManifestOf::Output,
            self.rows.iter().map(|(path, row)| (path.as_str(), row)),
        );
        let sums = sha256sums_of_output(&self.rows, &manifest);
        self.bytes
            .fetch_add((manifest.len() + sums.len()) as u64, Ordering::Relaxed);
        self.has_file(MANIFEST, LIST_MODE, manifest.as_bytes()) && self.has_file(SHA256SUMS, LIST_MODE, sums.as_bytes())
    }
}

impl Earlier for EarlierOutput {
    fn rows(&self) -> &Rows {
        &self.rows
    }

    fn read(&self, path: &str) -> Option<SecretBytes> {
        check_path(path).ok()?;
        read_file(self.folder.as_fd(), path, &self.path, LARGEST_MANIFEST).ok()
    }

    fn is_intact(&self) -> bool {
        let is_same = |path: &str, found: Found<'_>| match (self.rows.get(path), found) {
            (Some(ManifestRow { mode, sha256: None }), Found::Folder(stat)) => self.is(stat, *mode),
            (
                Some(ManifestRow {
                    mode,
                    sha256: Some(sha256),
                }),
                Found::File(stat, file),
            ) => {
                self.bytes.fetch_add(stat.st_size as u64, Ordering::Relaxed);
                self.is(stat, *mode) && read(file, stat).is_some_and(|found| sha256_hex(found.expose()) == *sha256)
            }
            (None, Found::File(stat, _)) => match path {
                MANIFEST | SHA256SUMS => self.is(stat, LIST_MODE),
                STATE => self.is(stat, STATE_MODE),
                _ => false,
            },
            _ => false,
        };
        let (found, lists) = rayon::join(
            || {
                rewind(self.folder.as_fd()).ok()?;
                count_same(self.folder.as_fd(), "", &is_same)
            },
            || self.has_lists(),
        );
        lists && found == Some(self.rows.len() + [MANIFEST, SHA256SUMS, STATE].len())
    }
}

/// Something in a folder, by what it is now.
enum Found<'a> {
    Folder(&'a Stat),
    File(&'a Stat, File),
}

/// How many files and folders are below `folder`, if `is_same` says yes to each of them, on all threads.
fn count_same(
    folder: BorrowedFd<'_>,
    prefix: &str,
    is_same: &(dyn Fn(&str, Found<'_>) -> bool + Sync),
) -> Option<usize> {
    let counts = names(folder, usize::MAX).ok()?.into_par_iter().map(|(name, _)| {
        let name = name.to_str()?;
        let path = format!("{prefix}{name}");
        let (file, stat) = open_file(folder, name).ok()?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if is_same(&path, Found::Folder(&stat)) => {
                Some(1 + count_same(file.as_fd(), &format!("{path}/"), is_same)?)
            }
            FileType::RegularFile => is_same(&path, Found::File(&stat, file)).then_some(1),
            _ => None,
        }
    });
    counts.sum()
}

/// The content of a file, if it has not grown since.
fn read(file: File, stat: &Stat) -> Option<SecretBytes> {
    let size = u64::try_from(stat.st_size).ok()?;
    let content = read_open(file, size, size).ok()?;
    (content.len() as u64 == size).then_some(content)
}

/// Waits until nobody builds over the folder `name`; the lock is held until the descriptor is dropped. None where there is
/// no such folder, or no lock to be had.
pub(super) fn wait_for_lock(parent: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    loop {
        let folder = match open_folder(parent, name) {
            Err(Errno::NOENT) => return Ok(None),
            folder => folder?,
        };
        if flock(&folder, FlockOperation::LockExclusive).is_err() {
            return Ok(None);
        }
        // Whoever had it may have put another in its place.
        match open_folder(parent, name) {
            Ok(named) if same(&fstat(&named)?, &fstat(&folder)?) => return Ok(Some(folder)),
            Ok(_) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(reason) => return Err(reason),
        }
    }
}
