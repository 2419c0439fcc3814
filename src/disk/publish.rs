//! Putting what is ready in the output's place: whoever looks for it by its name finds the old one or the new one, never a part
//! of either.
//!
//! The two folders exchange their names in one system call. Where only some hosts change, they are moved: see `update`. While they
//! are, there is no output, and another build, which finds none, may put a whole one there: that one came first, and is replaced.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, RenameFlags, fstat, renameat, renameat_with, statat};
use rustix::io::Errno;

use super::earlier::{EarlierOutput, wait_for_lock};
use super::error::DiskError;
use super::kind::FolderKind;
use super::place::{ATTEMPTS, OLD_SUFFIX, is_taken};
use super::staging::Staging;
use super::tree::{check_replaceable, check_rows, open_folder, remove, same, sync_folder};
use super::update::{self, ChangeAtTop};

/// What a whole output is called in the staging folder that came to the name while the one with the changes had another.
const CAME_BETWEEN: &str = ".came-between-";

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
    /// Of the old folder, to be held until it is removed: nobody else may take it for what a crash left behind.
    pub(super) lock: Option<OwnedFd>,
}

impl Published {
    /// By one rename, or none.
    fn at_once(old: Option<OsString>) -> Published {
        Published {
            old,
            two_renames: false,
            lock: None,
        }
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
        place.rename(&place.name, &away).map_err(failed)?;
        let taken = open_folder(place.parent.as_fd(), &away).and_then(|taken| fstat(&taken));
        let is_earlier = taken.and_then(|taken| Ok(same(&taken, &fstat(&earlier.folder)?)));
        if is_earlier != Ok(true) {
            self.give_back(&away)?;
            return Err(DiskError::Contended { path: place.path() });
        }
        let output = earlier.folder.as_fd();
        let mut in_place = false;
        let mut came_between = None;
        let updated = update::perform(output, staging, changes)
            .map_err(failed)
            .and_then(|()| self.give_name_to_changed(&away, &mut came_between))
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
                .and_then(|()| match &came_between {
                    Some(name) => renameat(staging, name, &place.parent, &place.name),
                    None => Ok(()),
                })
                .map_err(|reason| DiskError::os("restore", place.path(), reason))?;
            self.give_back(&away)?;
            return Err(error);
        }
        Ok(done)
    }

    /// Gives the output that was taken away, and is as it was, its name again. Where somebody has put another there, that one
    /// stays: this one is put back once the name is free.
    fn give_back(&self, away: &OsStr) -> Result<(), DiskError> {
        let place = &self.staging.place;
        match place.rename_to_nothing(away, &place.name) {
            Err(reason) if !is_taken(reason) => Err(DiskError::os("restore", place.path(), reason)),
            _ => Ok(()),
        }
    }

    /// Gives the output that was taken away, and is changed, its name again. An output that another build has put there
    /// meanwhile goes into the staging folder, under the name in `came_between`.
    fn give_name_to_changed(&self, away: &OsStr, came_between: &mut Option<String>) -> Result<(), DiskError> {
        let Staging { place, folder, .. } = self.staging;
        let failed = |reason: Errno| DiskError::os("update", place.path(), reason);
        for attempt in 0..ATTEMPTS {
            match place.rename_to_nothing(away, &place.name) {
                Ok(()) => return Ok(()),
                Err(reason) if is_taken(reason) => {}
                Err(reason) => return Err(failed(reason)),
            }
            let (parent, path) = (place.parent.as_fd(), place.path());
            let _lock = match wait_for_lock(parent, &place.name, &|| ()) {
                Err(Errno::NOENT) => continue,
                locked => locked.map_err(failed)?,
            };
            let kept = format!("{CAME_BETWEEN}{attempt}");
            match check_replaceable(self.kind, parent, &place.name, &path) {
                Err(error) if error.is_not_found() => continue,
                checked => checked?,
            }
            match renameat(parent, &place.name, folder, &kept) {
                Err(Errno::NOENT) => continue,
                renamed => renamed.map_err(failed)?,
            }
            let checked = check_replaceable(self.kind, folder.as_fd(), kept.as_ref(), &path);
            *came_between = Some(kept);
            checked?;
        }
        Err(DiskError::Contended { path: place.path() })
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
            Err(reason) if is_taken(reason) => return Ok(None),
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
        let place = &self.staging.place;
        // Whoever changes some of its hosts has it locked until that is done.
        let lock = match self.earlier {
            Some(_) => None,
            None => match wait_for_lock(place.parent.as_fd(), &place.name, &|| ()) {
                Err(Errno::NOENT) => return Ok(None),
                locked => locked.map_err(|reason| DiskError::os("lock", place.path(), reason))?,
            },
        };
        match check_replaceable(self.kind, place.parent.as_fd(), &place.name, &place.path()) {
            Err(error) if error.is_not_found() => return Ok(None),
            checked => checked?,
        }
        let published = match self.kernel_exchanges {
            true => self.replace_by_exchange(),
            false => self.replace_by_two_renames(),
        };
        published.map(|published| published.map(|published| Published { lock, ..published }))
    }

    fn replace_by_exchange(&self) -> Result<Option<Published>, DiskError> {
        let Staging { place, name, .. } = self.staging;
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
            match self.rename_to_output() {
                Err(reason) if is_taken(reason) => return Ok(None),
                renamed => renamed.map_err(|reason| DiskError::os("rename to", place.path(), reason))?,
            }
            in_place = true;
            place.sync()?;
            Ok(Some(()))
        });
        match published {
            Ok(Some(())) => Ok(Some(Published {
                old: Some(old),
                two_renames: true,
                lock: None,
            })),
            // Another build has found no output and put one there: the one before it is nobody's any more.
            Ok(None) => {
                remove(place.parent.as_fd(), &old, &place.beside(&old))?;
                Ok(None)
            }
            Err(error) => {
                let taken_back = match in_place {
                    true => place.rename(&place.name, &self.staging.name),
                    false => Ok(()),
                };
                taken_back.map_err(|reason| DiskError::os("restore", place.path(), reason))?;
                self.give_back(&old)?;
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
