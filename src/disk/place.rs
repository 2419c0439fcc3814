//! Where an output is or will be, and what crashed runs left beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, open, renameat, renameat_with, statat,
};
use rustix::io::Errno;

use super::error::DiskError;
use super::tree::{list, open_folder, remove, same, sync_folder};
use super::update;

/// How often to begin again when others get in between before giving up.
pub(super) const ATTEMPTS: u32 = 64;

/// What an output is called that two renames have put aside.
pub(super) const OLD_SUFFIX: &str = ".old";

/// A name in a folder: of an output, whether there is one or not.
#[derive(Debug)]
pub(super) struct OutputPlace {
    pub(super) parent: OwnedFd,
    /// For errors.
    parent_path: PathBuf,
    pub(super) name: OsString,
}

impl OutputPlace {
    /// The place that `out` means, with the output that a crash between two renames left there under another name.
    pub(super) fn find(out: &Path) -> Result<OutputPlace, DiskError> {
        let (parent_path, name) = locate(out)?;
        let place = OutputPlace::open(parent_path, name)?;
        place.restore_after_crash()?;
        Ok(place)
    }

    fn open(parent_path: PathBuf, name: OsString) -> Result<OutputPlace, DiskError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent =
            open(&parent_path, flags, Mode::empty()).map_err(|reason| DiskError::os("open", &parent_path, reason))?;
        Ok(OutputPlace {
            parent,
            parent_path,
            name,
        })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.beside(&self.name)
    }

    /// The path of another name in the same folder.
    pub(super) fn beside(&self, name: &OsStr) -> PathBuf {
        self.parent_path.join(name)
    }

    /// Renames what is in the folder; an empty folder may be replaced by it.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        renameat(&self.parent, from, &self.parent, to)
    }

    /// Renames what is in the folder to a name that is not taken.
    pub(super) fn rename_to_nothing(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        match renameat_with(&self.parent, from, &self.parent, to, RenameFlags::NOREPLACE) {
            // A plain rename replaces nothing but an empty folder.
            Err(Errno::INVAL | Errno::NOSYS) => self.rename(from, to),
            renamed => renamed,
        }
    }

    pub(super) fn sync(&self) -> Result<(), DiskError> {
        sync_folder(&self.parent).map_err(|reason| DiskError::os("sync", &self.parent_path, reason))
    }

    /// A shell that stands in the output would stand in the removed one afterwards and see nothing.
    pub(super) fn refuse_working_folder(&self) -> Result<(), DiskError> {
        let path = self.path();
        match fs::canonicalize(".") {
            Ok(here) if here.starts_with(&path) => Err(DiskError::OutputIsWorkingFolder { path }),
            _ => Ok(()),
        }
    }

    /// What the names of staging folders begin with.
    pub(super) fn staging_prefix(&self) -> OsString {
        staging_prefix(&self.name)
    }

    /// Folders beside the output that a run has left behind: ours, of the right name, and locked by nobody; with their locks.
    fn abandoned(&self) -> Result<Vec<(OsString, OwnedFd)>, DiskError> {
        let prefix = self.staging_prefix();
        let mut abandoned = Vec::new();
        for (name, stat) in list(self.parent.as_fd(), &self.parent_path)? {
            if !is_staging_name(&name, &prefix) || FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                continue;
            }
            let Ok(folder) = open_folder(self.parent.as_fd(), &name) else {
                continue;
            };
            let Ok(opened) = fstat(&folder) else { continue };
            let ours = opened.st_uid == rustix::process::geteuid().as_raw() && same(&opened, &stat);
            if !ours || flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            // Whoever had it may have been done with it in this moment, and have given it the output's name.
            let found = statat(&self.parent, &name, AtFlags::SYMLINK_NOFOLLOW);
            if found.is_ok_and(|found| same(&found, &opened)) {
                abandoned.push((name, folder));
            }
        }
        Ok(abandoned)
    }

    /// Puts an output back that a crash between two renames left under another name.
    fn restore_after_crash(&self) -> Result<(), DiskError> {
        if !matches!(
            statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW),
            Err(Errno::NOENT)
        ) {
            return Ok(());
        }
        for (old, _lock) in self.abandoned()? {
            if let Some(staging) = old.as_encoded_bytes().strip_suffix(OLD_SUFFIX.as_bytes()) {
                let path = self.path();
                update::undo_after_crash(self.parent.as_fd(), &old, OsStr::from_bytes(staging), &path)?;
                return match self.rename_to_nothing(&old, &self.name) {
                    Err(reason) if !is_taken(reason) => Err(DiskError::os("restore", path, reason)),
                    // Another run has put it back, or another output there.
                    _ => Ok(()),
                };
            }
        }
        Ok(())
    }

    /// Removes the staging folders of runs that crashed.
    pub(super) fn remove_stale(&self) -> Result<(), DiskError> {
        for (name, _lock) in self.abandoned()? {
            remove(self.parent.as_fd(), &name, &self.beside(&name))?;
        }
        Ok(())
    }
}

/// The real folder that `out` is in and its name there. Symbolic links are followed, `.` and `..` resolved; behind a link that
/// leads nowhere, what a crash took away is put back first.
pub(super) fn locate(out: &Path) -> Result<(PathBuf, OsString), DiskError> {
    let no_name = || DiskError::NoName { path: out.to_owned() };
    let resolved = match fs::canonicalize(out) {
        Ok(path) => path,
        Err(reason) if reason.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(out).is_ok() => {
            restore_behind_link(out)?;
            // A link that leads nowhere is a mistake to be told, not a place to write to.
            fs::canonicalize(out).map_err(|_| DiskError::os("follow", out, reason))?
        }
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => {
            let parent = match out.parent().ok_or_else(no_name)? {
                here if here.as_os_str().is_empty() => Path::new("."),
                parent => parent,
            };
            let name = out.file_name().ok_or_else(no_name)?;
            fs::canonicalize(parent)
                .map_err(|reason| DiskError::os("find the folder", parent, reason))?
                .join(name)
        }
        Err(reason) => return Err(DiskError::os("find", out, reason)),
    };
    match (resolved.parent(), resolved.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), name.to_owned())),
        _ => Err(no_name()),
    }
}

/// Puts an output back that a crash took away from where the link `out` leads.
fn restore_behind_link(out: &Path) -> Result<(), DiskError> {
    let target = fs::read_link(out).map_err(|reason| DiskError::os("follow", out, reason))?;
    match locate(&out.parent().unwrap_or(Path::new("")).join(target)) {
        Ok((parent_path, name)) => OutputPlace::open(parent_path, name)?.restore_after_crash(),
        Err(_) => Ok(()),
    }
}

/// Whether a rename failed because something has the name already.
pub(super) fn is_taken(reason: Errno) -> bool {
    matches!(reason, Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR)
}

fn staging_prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".khw-gen.");
    prefix
}

/// Whether a name is one that a staging folder is given (a process id, perhaps a counter), or one put aside.
fn is_staging_name(name: &OsStr, prefix: &OsStr) -> bool {
    let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else {
        return false;
    };
    let rest = rest.strip_suffix(OLD_SUFFIX.as_bytes()).unwrap_or(rest);
    let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    rest.split(|byte| *byte == b'-').count() <= 2 && rest.split(|byte| *byte == b'-').all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_a_run_gives_are_taken_for_staging_folders() {
        let prefix = staging_prefix(OsStr::new("out"));
        for name in [
            ".out.khw-gen.1",
            ".out.khw-gen.12-3",
            ".out.khw-gen.1.old",
            ".out.khw-gen.12-3.old",
        ] {
            assert!(is_staging_name(OsStr::new(name), &prefix), "{name}");
        }
        for name in [
            "out",
            ".out.khw-gen.",
            ".out.khw-gen.x",
            ".out.khw-gen.1-",
            ".out.khw-gen.1-2-3",
            ".out.khw-gen.1.bak",
        ] {
            assert!(!is_staging_name(OsStr::new(name), &prefix), "{name}");
        }
    }
}
