//! Putting what is ready in the output's place: whoever looks for it by its name finds the old one or the new one, never a part
//! of either.
//!
//! The two folders exchange their names in one system call. Where only some hosts change, they are moved: see `update`.

use std::ffi::OsString;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, RenameFlags, fstat, renameat_with, statat};
use rustix::io::Errno;

use super::earlier::{EarlierOutput, wait_for_lock};
use super::error::DiskError;
use super::kind::FolderKind;
use super::place::{ATTEMPTS, OLD_SUFFIX};
use super::staging::Staging;
use super::tree::{check_replaceable, check_rows, open_folder, same, sync_folder};
use super::update::{self, ChangeAtTop};

/// What is ready to take an output's place, and what is there.
pub(super) struct Publication<'a> {
    pub(super) kind: FolderKind,
    pub(super) staging: &'a Staging,
    /// The output that is there, where it is locked.
    pub(super) earlier: Option<&'a EarlierOutput>,
    pub(super) kernel_exchanges: bool,
}

/// How the new folder came to the output's name.
pub(super) struct Published {
    /// The name that the old folder has now.
    pub(super) old: Option<OsString>,
    pub(super) two_renames: bool,
}

impl Published {
    /// By one rename, or none.
    fn at_once(old: Option<OsString>) -> Published {
        let two_renames = false;
        Published { old, two_renames }
    }
}

impl Publication<'_> {
    /// Puts what differs into the earlier output, which meanwhile has another name: whoever looks for it finds it as it was,
    /// or as it is to be, or not at all.
    pub(super) fn put_changes(&self, changes: &[ChangeAtTop]) -> Result<Published, DiskError> {
        let done = Published::at_once(Some(self.staging.name.clone()));
        let (place, staging) = (&self.staging.place, self.staging.folder.as_fd());
        let Some(earlier) = self.earlier.filter(|_| !changes.is_empty()) else {
            return Ok(done);
        };
        let away = self.name_aside();
        let failed = |reason: Errno| DiskError::os("update", place.path(), reason);
        let back = || place.rename_to_nothing(&away, &place.name);
        place.rename(&place.name, &away).map_err(failed)?;
        let taken = open_folder(place.parent.as_fd(), &away).and_then(|taken| fstat(&taken));
        let is_earlier = taken.and_then(|taken| Ok(same(&taken, &fstat(&earlier.folder)?)));
        if is_earlier != Ok(true) {
            back().map_err(failed)?;
            return Err(DiskError::Contended { path: place.path() });
        }
        let output = earlier.folder.as_fd();
        let mut in_place = false;
        let updated = update::perform(output, staging, changes)
            .and_then(|()| back())
            .map_err(failed)
            .and_then(|()| {
                in_place = true;
                // Now nobody finds the old ones by their names any more: what has come into them until here would be lost.
                let replaced = open_folder(staging, update::REPLACED.as_ref()).map_err(failed)?;
                check_rows(self.kind, replaced.as_fd(), &place.path(), &earlier.rows)?;
                sync_folder(output).map_err(failed)?;
                place.sync()
            });
        if let Err(error) = updated {
            let away_again = match in_place {
                true => place.rename(&place.name, &away),
                false => Ok(()),
            };
            away_again
                .and_then(|()| update::undo(output, staging, changes))
                .and_then(|()| back())
                .map_err(|reason| DiskError::os("restore", place.path(), reason))?;
            return Err(error);
        }
        Ok(done)
    }

    /// Puts all of it in the place of the output, if there is one.
    pub(super) fn put_whole(&self) -> Result<Published, DiskError> {
        let place = &self.staging.place;
        for _ in 0..ATTEMPTS {
            let attempt = match statat(&place.parent, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => self.replace()?,
                Err(Errno::NOENT) => self.put_in_place()?,
                Err(reason) => return Err(DiskError::os("look at", place.path(), reason)),
            };
            if let Some(published) = attempt {
                return Ok(published);
            }
        }
        Err(DiskError::Contended { path: place.path() })
    }

    /// There is no output yet. None: there is one now.
    fn put_in_place(&self) -> Result<Option<Published>, DiskError> {
        let place = &self.staging.place;
        match self.rename_to_output() {
            Ok(()) => {}
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => return Ok(None),
            Err(reason) => return Err(DiskError::os("rename to", place.path(), reason)),
        }
        if let Err(error) = place.sync() {
            let _ = place.rename(&place.name, &self.staging.name);
            return Err(error);
        }
        Ok(Some(Published::at_once(None)))
    }

    fn rename_to_output(&self) -> Result<(), Errno> {
        let place = &self.staging.place;
        place.rename_to_nothing(&self.staging.name, &place.name)
    }

    /// There is an output. None: it has gone.
    fn replace(&self) -> Result<Option<Published>, DiskError> {
        let Staging { place, name, .. } = self.staging;
        // Whoever changes some of its hosts has it locked until that is done.
        let _lock = match self.earlier {
            Some(_) => None,
            None => wait_for_lock(place.parent.as_fd(), &place.name, &|| ())
                .map_err(|reason| DiskError::os("lock", place.path(), reason))?,
        };
        check_replaceable(self.kind, place.parent.as_fd(), &place.name, &place.path())?;
        if !self.kernel_exchanges {
            return self.replace_by_two_renames();
        }
        match self.exchange() {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::INVAL | Errno::NOSYS) => return self.replace_by_two_renames(),
            Err(reason) => return Err(DiskError::os("replace", place.path(), reason)),
        }
        // Now nobody finds the old one by its name any more: what has come into it until here would be lost.
        let checked = check_replaceable(self.kind, place.parent.as_fd(), name, &self.staging.path());
        match checked.and_then(|_| place.sync()) {
            Ok(()) => Ok(Some(Published::at_once(Some(name.clone())))),
            Err(error) => {
                self.exchange()
                    .map_err(|reason| DiskError::os("restore", place.path(), reason))?;
                Err(self.about_output(error))
            }
        }
    }

    fn exchange(&self) -> Result<(), Errno> {
        let Staging { place, name, .. } = self.staging;
        renameat_with(&place.parent, name, &place.parent, &place.name, RenameFlags::EXCHANGE)
    }

    /// The way of filesystems that can't exchange. A crash in between is mended by the next run's [`super::place::OutputPlace::find`].
    fn replace_by_two_renames(&self) -> Result<Option<Published>, DiskError> {
        let place = &self.staging.place;
        let old = self.name_aside();
        match place.rename(&place.name, &old) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(reason) => return Err(DiskError::os("rename", place.path(), reason)),
        }
        let mut in_place = false;
        let checked = check_replaceable(self.kind, place.parent.as_fd(), &old, &place.beside(&old));
        let published = checked.and_then(|_| {
            self.rename_to_output()
                .map_err(|reason| DiskError::os("rename to", place.path(), reason))?;
            in_place = true;
            place.sync()
        });
        match published {
            Ok(()) => Ok(Some(Published {
                old: Some(old),
                two_renames: true,
            })),
            Err(error) => {
                let restored = match in_place {
                    true => place.rename(&place.name, &self.staging.name),
                    false => Ok(()),
                };
                restored
                    .and_then(|()| place.rename(&old, &place.name))
                    .map_err(|reason| DiskError::os("restore", place.path(), reason))?;
                Err(self.about_output(error))
            }
        }
    }

    /// What the old output is called while two renames go on.
    fn name_aside(&self) -> OsString {
        let mut name = self.staging.name.clone();
        name.push(OLD_SUFFIX);
        name
    }

    /// An error found while the old folder had another name is about the output all the same.
    fn about_output(&self, error: DiskError) -> DiskError {
        let path = self.staging.place.path();
        match error {
            DiskError::Foreign { count, first, .. } => DiskError::Foreign { path, count, first },
            DiskError::NotOurs { why, .. } => DiskError::NotOurs { path, why },
            DiskError::NotAFolder { .. } => DiskError::NotAFolder { path },
            other => other,
        }
    }
}
