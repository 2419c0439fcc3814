//! The folder beside an output in which what takes its place is made: nobody else's, and locked as long as it is.
//!
//! The lock is how the next run tells one that is being filled from one that was left behind by a crash.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, Stat, chmodat, fchmod, flock, fstat, fsync, mkdirat, openat, statat,
    syncfs,
};
use rustix::io::Errno;

use super::error::DiskError;
use super::place::{ATTEMPTS, OutputPlace};
use super::tree::{mode_of, open_folder, remove, same, sync_folder};

/// A staging folder. Dropped before it has become the output, it is removed.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) place: OutputPlace,
    pub(super) name: OsString,
    /// Open and locked as long as this lives; its inode becomes the output.
    pub(super) folder: OwnedFd,
    /// Whether it has become the output, or what it held has.
    pub(super) published: bool,
}

impl Staging {
    /// A new folder beside the output, empty, ours, locked and of this mode. A name that is taken, by whatever, is passed over.
    pub(super) fn make(place: OutputPlace, mode: u32) -> Result<Staging, DiskError> {
        for attempt in 0..ATTEMPTS {
            let mut name = place.staging_prefix();
            name.push(std::process::id().to_string());
            if attempt > 0 {
                name.push(format!("-{attempt}"));
            }
            if let Some(folder) = make_locked(&place, &name)
                .map_err(|reason| DiskError::os("make the folder", place.beside(&name), reason))?
            {
                let staging = Staging {
                    place,
                    name,
                    folder,
                    published: false,
                };
                staging.set_mode(&staging.folder, mode, "")?;
                return Ok(staging);
            }
        }
        let mut path = place.path();
        path.pop();
        Err(DiskError::Contended { path })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.place.beside(&self.name)
    }

    /// For errors: the path of what is in it, or of the folder itself where `path` is empty.
    fn path_of(&self, path: &str) -> PathBuf {
        match path {
            "" => self.path(),
            path => self.path().join(path),
        }
    }

    /// Makes a folder. It has its mode at once where its owner may do anything in it, and else after
    /// [`Staging::finish_folder`], when everything is in it.
    pub(super) fn make_folder(&self, path: &str, mode: u32) -> Result<(), DiskError> {
        let failed = |reason| DiskError::os("make the folder", self.path_of(path), reason);
        let first = if is_open_to_its_owner(mode) { mode } else { 0o700 };
        match mkdirat(&self.folder, path, Mode::from_raw_mode(first)) {
            Err(Errno::EXIST) => return Err(DiskError::Duplicate { name: path.to_owned() }),
            made => made.map_err(failed)?,
        }
        // A umask can take permissions even from the owner, and a folder can inherit bits from the one that it is in.
        let stat = || statat(&self.folder, path, AtFlags::SYMLINK_NOFOLLOW).map_err(failed);
        if mode_of(&stat()?) == first {
            return Ok(());
        }
        chmodat(&self.folder, path, Mode::from_raw_mode(first), AtFlags::empty()).map_err(failed)?;
        self.check_mode(&stat()?, first, path)
    }

    pub(super) fn finish_folder(&self, path: &str, mode: u32) -> Result<(), DiskError> {
        if is_open_to_its_owner(mode) {
            return Ok(());
        }
        let folder = open_folder(self.folder.as_fd(), path.as_ref())
            .map_err(|reason| DiskError::os("open", self.path_of(path), reason))?;
        self.set_mode(&folder, mode, path)
    }

    pub(super) fn write_file(&self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
        self.write_file_by(path, mode, |file| {
            file.write_all(bytes).map_err(|reason| self.write_failed(path, reason))
        })
    }

    pub(super) fn write_failed(&self, path: &str, reason: io::Error) -> DiskError {
        DiskError::os("write", self.path_of(path), reason)
    }

    /// Makes a file of what `write` writes. At no moment can anybody open it whom its mode does not allow to, whatever the
    /// umask.
    pub(super) fn write_file_by<T>(
        &self,
        path: &str,
        mode: u32,
        write: impl FnOnce(&mut File) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.folder, path, flags, Mode::from_raw_mode(mode)).map_err(|reason| match reason {
            Errno::EXIST => DiskError::Duplicate { name: path.to_owned() },
            reason => DiskError::os("create", self.path_of(path), reason),
        })?;
        let mut file = File::from(file);
        let written = write(&mut file)?;
        self.set_mode(&file, mode, path)?;
        Ok(written)
    }

    /// Gives a file or folder its mode where the umask, or a folder above it, has left it another.
    fn set_mode(&self, file: impl AsFd, mode: u32, path: &str) -> Result<(), DiskError> {
        let failed = |reason: Errno| DiskError::os("set the mode of", self.path_of(path), reason);
        let stat = || fstat(&file).map_err(failed);
        if mode_of(&stat()?) == mode {
            return Ok(());
        }
        fchmod(&file, Mode::from_raw_mode(mode)).map_err(failed)?;
        self.check_mode(&stat()?, mode, path)
    }

    /// FAT and some network filesystems accept every mode and keep none.
    fn check_mode(&self, stat: &Stat, wanted: u32, path: &str) -> Result<(), DiskError> {
        match mode_of(stat) {
            got if got == wanted => Ok(()),
            got => Err(DiskError::ModeNotKept {
                path: self.path_of(path),
                wanted,
                got,
            }),
        }
    }

    /// Makes all of it durable at once: an fsync for each of 20,000 files takes five seconds, one syncfs a fifth of that. The
    /// descriptor is from before the first byte, so a failure to write back any of them is reported here. `entries` is what is
    /// in it, and whether that is a file, for filesystems that must be told one by one.
    pub(super) fn make_durable<'e>(&self, entries: impl Iterator<Item = (&'e str, bool)>) -> Result<(), DiskError> {
        match syncfs(&self.folder) {
            Ok(()) => Ok(()),
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                for (path, is_file) in entries {
                    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    openat(&self.folder, path, flags, Mode::empty())
                        .and_then(|file| if is_file { fsync(&file) } else { sync_folder(&file) })
                        .map_err(|reason| DiskError::os("sync", self.path_of(path), reason))?;
                }
                sync_folder(&self.folder).map_err(|reason| DiskError::os("sync", self.path(), reason))
            }
            Err(reason) => Err(DiskError::os("sync", self.path(), reason)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // Only what still is the folder that was made: the name may be another's by now.
        let found = statat(&self.place.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        if let (Ok(found), Ok(made)) = (found, fstat(&self.folder))
            && same(&found, &made)
        {
            // What can't be removed is removed by the next run.
            let _ = remove(self.place.parent.as_fd(), &self.name, &self.path());
        }
    }
}

/// None: somebody has the name, or had the folder in the moment before the lock.
fn make_locked(place: &OutputPlace, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    match mkdirat(&place.parent, name, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(None),
        made => made?,
    }
    let folder = match open_made(&place.parent, name) {
        Err(Errno::NOENT) => return Ok(None),
        folder => folder?,
    };
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        // Another run takes it for abandoned.
        Err(Errno::WOULDBLOCK) => return Ok(None),
        // Without locks nothing is ever taken for abandoned.
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => {}
        locked => locked?,
    }
    let made = fstat(&folder)?;
    match statat(&place.parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) if same(&found, &made) => {}
        _ => return Ok(None),
    }
    match made.st_uid == rustix::process::geteuid().as_raw() {
        true => Ok(Some(folder)),
        false => Err(Errno::PERM),
    }
}

/// Opens the folder just made. A umask of 0777 has left its owner no permission, and to give it by name could follow a
/// link that somebody put there meanwhile; so it is given through the descriptor, which /proc makes into a path.
fn open_made(parent: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    match open_folder(parent.as_fd(), name) {
        Err(Errno::ACCESS) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = openat(parent, name, flags, Mode::empty())?;
            chmodat(
                CWD,
                format!("/proc/self/fd/{}", handle.as_raw_fd()),
                Mode::RWXU,
                AtFlags::empty(),
            )?;
            open_folder(parent.as_fd(), name)
        }
        opened => opened,
    }
}

/// Whether a folder's mode allows its owner to make anything in it.
fn is_open_to_its_owner(mode: u32) -> bool {
    mode & 0o700 == 0o700
}
