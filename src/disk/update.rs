//! Replacing a few hosts of an output: the others stay untouched on the disk.
//!
//! What is new stands ready in the staging folder, on the disk. Then the output is taken away, the old is moved out of it into
//! the staging folder and the new into it, and it is put back: renames alone, so that for less than a thousandth of a second
//! for each host there is no output, and never a mixed one. The staging folder says what is being done, so that whoever finds it
//! after a crash can move everything back to where it was.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, renameat, statat};
use rustix::io::Errno;

use super::error::DiskError;
use super::tree::{LARGEST_MANIFEST, open_folder, read_file};

/// Where in the staging folder the old is put.
pub(super) const REPLACED: &str = ".replaced";

/// The file in the staging folder that says what is being done.
pub(super) const PLAN: &str = ".update";

/// A file or folder at the top of the output that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangeAtTop {
    /// The staging folder has one of this name, to be put in the place of what there is, if anything.
    Put(String),
    /// There is one, and there will be none.
    Remove(String),
}

impl ChangeAtTop {
    fn name(&self) -> &str {
        match self {
            ChangeAtTop::Put(name) | ChangeAtTop::Remove(name) => name,
        }
    }
}

/// The text of [`PLAN`].
pub(super) fn text(changes: &[ChangeAtTop]) -> String {
    let line = |change: &ChangeAtTop| match change {
        ChangeAtTop::Put(name) => format!("+{name}\n"),
        ChangeAtTop::Remove(name) => format!("-{name}\n"),
    };
    changes.iter().map(line).collect()
}

/// Reads back what [`text`] wrote.
fn parse(text: &str) -> Vec<ChangeAtTop> {
    let change = |line: &str| match line.split_at_checked(1)? {
        ("+", name) => Some(ChangeAtTop::Put(name.to_owned())),
        ("-", name) => Some(ChangeAtTop::Remove(name.to_owned())),
        _ => None,
    };
    text.lines().filter_map(change).collect()
}

/// Moves the old out of the output's folder and the new into it.
pub(super) fn perform(output: BorrowedFd<'_>, staging: BorrowedFd<'_>, changes: &[ChangeAtTop]) -> Result<(), Errno> {
    let replaced = open_folder(staging, REPLACED.as_ref())?;
    for change in changes {
        let name = change.name();
        match renameat(output, name, &replaced, name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(reason) => return Err(reason),
        }
        if let ChangeAtTop::Put(_) = change {
            renameat(staging, name, output, name)?;
        }
    }
    Ok(())
}

/// Moves everything back, however far [`perform`] came.
pub(super) fn undo(output: BorrowedFd<'_>, staging: BorrowedFd<'_>, changes: &[ChangeAtTop]) -> Result<(), Errno> {
    let replaced = open_folder(staging, REPLACED.as_ref())?;
    for change in changes.iter().rev() {
        let name = change.name();
        if matches!(change, ChangeAtTop::Put(_)) && !exists(staging, name)? && exists(output, name)? {
            renameat(output, name, staging, name)?;
        }
        if exists(replaced.as_fd(), name)? {
            renameat(&replaced, name, output, name)?;
        }
    }
    Ok(())
}

fn exists(folder: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(reason) => Err(reason),
    }
}

/// What a run that crashed was doing with the output that it took away, by what its staging folder says; nothing where that
/// says nothing.
pub(super) fn undo_after_crash(
    parent: BorrowedFd<'_>,
    taken_away: &OsStr,
    staging: &OsStr,
    shown: &Path,
) -> Result<(), DiskError> {
    let failed = |reason: Errno| DiskError::os("restore", shown, reason);
    let staging = match open_folder(parent, staging) {
        Err(Errno::NOENT) => return Ok(()),
        staging => staging.map_err(failed)?,
    };
    if !exists(staging.as_fd(), PLAN).map_err(failed)? {
        return Ok(());
    }
    let text = read_file(staging.as_fd(), PLAN, shown, LARGEST_MANIFEST)?;
    let changes = parse(std::str::from_utf8(text.expose()).unwrap_or_default());
    let output = open_folder(parent, taken_away).map_err(failed)?;
    undo(output.as_fd(), staging.as_fd(), &changes).map_err(failed)
}
