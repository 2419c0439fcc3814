//! Replacing an output folder as a whole: readers see the old one or the new one, never a part of either.
//!
//! Everything is written into a staging folder beside the output, then the two names are exchanged in one system call. The
//! staging folder is locked by whoever made it, so that the next run can tell one that was left behind by a crash. Over an
//! earlier output, only what differs from it is written, and takes the place of what was there: see `update`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, chmodat, fchmod, flock, fstat, fsync,
    mkdirat, open, openat, renameat, renameat_with, statat, syncfs,
};
use rustix::io::Errno;

use super::DiskError;
use super::earlier::{EarlierOutput, wait_for_lock};
use super::tree::{
    Rows, check_replaceable, check_rows, list, mode_of, open_folder, open_output, read_rows, remove, same,
};
use super::update::{self, Change};
use crate::bundle::{Bundle, Content, Entry, MANIFEST, ManifestRow, SHA256SUMS, STATE, check_path, lists_of_output};
use crate::golden::index::{self, INDEX};
use crate::reuse::{Earlier, Nothing};

/// How often to begin again when others get in between before giving up.
const ATTEMPTS: u32 = 64;

/// What a folder is that is replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bundles of a cluster.
    Output,
    /// Texts of them without secrets.
    Golden,
}

impl Kind {
    pub(super) fn mode(self) -> u32 {
        match self {
            // It holds secrets.
            Kind::Output => 0o700,
            Kind::Golden => 0o755,
        }
    }

    /// The files that it makes itself, at the top.
    pub(super) fn own_files(self) -> &'static [&'static str] {
        match self {
            Kind::Output => &[MANIFEST, SHA256SUMS, STATE],
            Kind::Golden => &[INDEX],
        }
    }
}

/// The mode of a host's folder: the same that its archive gives it.
pub(super) const HOST_MODE: u32 = 0o755;

/// The mode of an archive: it holds secrets.
const ARCHIVE_MODE: u32 = 0o600;

/// The mode of MANIFEST and SHA256SUMS.
pub(super) const LIST_MODE: u32 = 0o644;

/// The mode of the state file: it is nobody else's business.
pub(super) const STATE_MODE: u32 = 0o600;

/// An output in the making. Dropped without [`Output::commit`], it leaves everything as it was.
#[derive(Debug)]
pub struct Output {
    kind: Kind,
    /// The folder that the output is in, and its path for errors.
    parent: OwnedFd,
    parent_path: PathBuf,
    /// The output's name in it.
    name: OsString,
    staging_name: OsString,
    /// Open and locked as long as this lives; its inode becomes the output.
    staging: OwnedFd,
    /// The output that is there, where only what differs from it is to be written.
    earlier: Option<EarlierOutput>,
    /// What the output will have, for the manifest.
    rows: BTreeMap<String, ManifestRow>,
    hosts: BTreeSet<String>,
    /// How many of them stay as they are.
    unchanged: usize,
    /// Of the names at the top those that stay as they are in the earlier output.
    kept: BTreeSet<String>,
    /// What it has at the top that its manifest does not list.
    own: BTreeSet<&'static str>,
    bytes: u64,
    kernel_exchanges: bool,
    published: bool,
}

/// What [`Output::commit`] did.
#[derive(Debug)]
pub struct Summary {
    /// The output folder, absolute and free of symbolic links.
    pub path: PathBuf,
    /// How many hosts there are.
    pub hosts: usize,
    /// How many of them were left as they were, folder and archive.
    pub unchanged: usize,
    /// How many files there are, manifests and checksums included.
    pub files: usize,
    /// How many bytes they hold together.
    pub bytes: u64,
    /// Whether there was an output before.
    pub replaced: bool,
    /// The filesystem can't exchange two folders: for a moment there was none. Worth a warning.
    pub two_renames: bool,
    /// The old output, where it could not be removed; it holds secrets. Worth a warning.
    pub leftover: Option<Leftover>,
}

/// A folder that should be gone.
#[derive(Debug)]
pub struct Leftover {
    pub path: PathBuf,
    pub holds_secrets: bool,
    pub reason: Box<DiskError>,
}

/// A host that was written.
#[derive(Debug)]
pub struct Written {
    pub(super) host: String,
    pub(super) rows: BTreeMap<String, ManifestRow>,
    /// Of the host's folder and archive those that stay as they are.
    pub(super) kept: Vec<String>,
    pub(super) bytes: u64,
}

/// How an output is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// All of it is written, whatever is there.
    Anew,
    /// Of an earlier output stays on the disk what would be written again. Where it is not as khw-gen would leave it for this
    /// user, or can't be locked, all of it is replaced.
    Over,
    /// A golden: readable by everyone, and only a golden is replaced by it.
    Golden,
}

/// How the new folder came to the output's name.
struct Published {
    /// The name that the old folder has now.
    old: Option<OsString>,
    two_renames: bool,
}

impl Output {
    /// Prepares to make or replace the folder `out`, in an existing folder. `out` may be a symbolic link to a folder.
    ///
    /// Removes what crashed runs left beside `out`; changes nothing else. Waits for a build that is changing some of its hosts.
    ///
    /// Errors: `out` is not a folder, or one that khw-gen did not make, or holds something that it did not write; there is
    /// no staging folder to be had.
    pub fn begin(out: &Path) -> Result<Output, DiskError> {
        Output::begin_as(Start::Anew, out, &|| ())
    }

    /// As [`Output::begin`], in one of several ways; `waits` is called before waiting for another build, which may take minutes.
    pub fn begin_as(start: Start, out: &Path, waits: &dyn Fn()) -> Result<Output, DiskError> {
        let kind = match start {
            Start::Anew | Start::Over => Kind::Output,
            Start::Golden => Kind::Golden,
        };
        let (parent_path, name) = locate(out)?;
        let parent = open_parent(&parent_path)?;
        let path = parent_path.join(&name);
        let prefix = staging_prefix(&name);
        restore_after_crash(&parent, &parent_path, &name, &prefix)?;
        let earlier = match statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => {
                refuse_working_folder(&path)?;
                // What another build is changing is not yet as its MANIFEST says.
                let locked = wait_for_lock(parent.as_fd(), &name, waits).ok().flatten();
                let reusable = start == Start::Over && locked.is_some();
                let folder = locked.map_or_else(|| open_output(parent.as_fd(), &name, &path), Ok)?;
                let rows = read_rows(kind, folder.as_fd(), &path)?;
                let earlier = EarlierOutput::new(folder, &path, rows);
                match reusable && earlier.is_as_left() {
                    true => Some(earlier),
                    false => {
                        check_rows(kind, earlier.folder.as_fd(), &path, &earlier.rows)?;
                        None
                    }
                }
            }
            Err(Errno::NOENT) => None,
            Err(reason) => return Err(DiskError::os("look at", path, reason)),
        };
        remove_stale(&parent, &parent_path, &prefix)?;
        let (staging_name, staging) = make_staging(&parent, &parent_path, &prefix)?;
        let output = Output {
            kind,
            parent,
            parent_path,
            name,
            staging_name,
            staging,
            earlier,
            rows: BTreeMap::new(),
            hosts: BTreeSet::new(),
            unchanged: 0,
            kept: BTreeSet::new(),
            own: BTreeSet::new(),
            bytes: 0,
            kernel_exchanges: true,
            published: false,
        };
        output.set_mode(&output.staging, kind.mode(), "")?;
        Ok(output)
    }

    /// Writes a host's folder, and its archive (name and bytes) beside it. Several may be written at once, in any order; what
    /// is returned has to be given to [`Output::record`].
    ///
    /// Errors: a name that is taken or that can't be one, or the system's reason. After an error the output can only be
    /// dropped.
    pub fn write(&self, host: &str, bundle: &Bundle, archive: Option<(&str, &Content)>) -> Result<Written, DiskError> {
        let mut written = Written {
            host: host.to_owned(),
            rows: BTreeMap::new(),
            kept: Vec::new(),
            bytes: 0,
        };
        self.check_top(host)?;
        let row = ManifestRow {
            mode: HOST_MODE,
            sha256: None,
        };
        written.rows.insert(host.to_owned(), row);
        for (path, entry) in &bundle.entries {
            let path = format!("{host}/{path}");
            check_path(&path).map_err(|_| bad_name(&path, "it is not a plain relative path"))?;
            if let Entry::File { content, .. } = entry {
                written.bytes += content.bytes().len() as u64;
            }
            written.rows.insert(path, ManifestRow::from(entry));
        }
        match self
            .earlier
            .as_ref()
            .is_some_and(|earlier| earlier.has_host(host, bundle))
        {
            true => written.kept.push(host.to_owned()),
            false => self.write_host(host, bundle)?,
        }
        if let Some((name, content)) = archive {
            self.check_top(name)?;
            let row = ManifestRow {
                mode: ARCHIVE_MODE,
                sha256: Some(content.sha256()),
            };
            if written.rows.insert(name.to_owned(), row).is_some() {
                return Err(DiskError::Duplicate { name: name.to_owned() });
            }
            written.bytes += content.bytes().len() as u64;
            if self.keep_or_write(name, ARCHIVE_MODE, content.bytes())? {
                written.kept.push(name.to_owned());
            }
        }
        Ok(written)
    }

    /// Writes a file at the top, unless the earlier output has it just so; whether it does.
    fn keep_or_write(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<bool, DiskError> {
        let earlier = self.earlier.as_ref();
        if earlier.is_some_and(|earlier| earlier.has_file(name, mode, bytes)) {
            return Ok(true);
        }
        self.write_file(name, mode, bytes)?;
        Ok(false)
    }

    fn write_host(&self, host: &str, bundle: &Bundle) -> Result<(), DiskError> {
        self.make_folder(host, HOST_MODE)?;
        for (path, entry) in &bundle.entries {
            let path = format!("{host}/{path}");
            match entry {
                Entry::Directory { mode } => self.make_folder(&path, *mode)?,
                Entry::File { mode, content } => self.write_file(&path, *mode, content.bytes())?,
            }
        }
        // From the deepest up: the final mode of a folder may not allow to make anything in it.
        for (path, entry) in bundle.entries.iter().rev() {
            if let Entry::Directory { mode } = entry {
                self.finish_folder(&format!("{host}/{path}"), *mode)?;
            }
        }
        Ok(())
    }

    /// Takes what [`Output::write`] wrote into the manifest.
    ///
    /// Errors: two hosts or archives of one name.
    pub fn record(&mut self, written: Written) -> Result<(), DiskError> {
        for (path, row) in self.count(written) {
            if self.rows.insert(path.clone(), row).is_some() {
                return Err(DiskError::Duplicate { name: path });
            }
        }
        Ok(())
    }

    /// As [`Output::record`], of a whole fleet: sorted at once, which is several times as fast.
    ///
    /// Errors: as its.
    pub fn record_all(&mut self, written: Vec<Written>) -> Result<(), DiskError> {
        let mut rows: Vec<(String, ManifestRow)> = std::mem::take(&mut self.rows).into_iter().collect();
        for written in written {
            rows.extend(self.count(written));
        }
        rows.par_sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(twice) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(DiskError::Duplicate {
                name: twice[0].0.clone(),
            });
        }
        self.rows = rows.into_iter().collect();
        Ok(())
    }

    /// Counts what was written, and gives the rows of it.
    fn count(&mut self, written: Written) -> BTreeMap<String, ManifestRow> {
        let at_top = written.rows.keys().filter(|path| !path.contains('/')).count();
        self.unchanged += usize::from(written.kept.len() == at_top);
        self.bytes += written.bytes;
        self.hosts.insert(written.host);
        self.kept.extend(written.kept);
        written.rows
    }

    /// [`Output::write`] and [`Output::record`] in one.
    ///
    /// Errors: as theirs.
    pub fn add(&mut self, host: &str, bundle: &Bundle, archive: Option<(&str, &[u8])>) -> Result<(), DiskError> {
        let archive = archive.map(|(name, bytes)| (name, Content::secret(Arc::new(bytes.into()))));
        let archive = archive.as_ref().map(|(name, content)| (*name, content));
        let written = self.write(host, bundle, archive)?;
        self.record(written)
    }

    /// Writes a file beside the hosts' folders.
    ///
    /// Errors: as [`Output::add`].
    pub fn add_file(&mut self, name: &str, mode: u32, content: &Content) -> Result<(), DiskError> {
        self.check_top(name)?;
        if self.rows.contains_key(name) {
            return Err(DiskError::Duplicate { name: name.to_owned() });
        }
        self.put_at_top(name, mode, content.bytes())?;
        self.bytes += content.bytes().len() as u64;
        let sha256 = Some(content.sha256());
        self.rows.insert(name.to_owned(), ManifestRow { mode, sha256 });
        Ok(())
    }

    /// Adds a file of the output's own, which its manifest does not list.
    fn add_own(&mut self, name: &'static str, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
        self.put_at_top(name, mode, bytes)?;
        self.own.insert(name);
        Ok(())
    }

    fn put_at_top(&mut self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
        if self.keep_or_write(name, mode, bytes)? {
            self.kept.insert(name.to_owned());
        }
        Ok(())
    }

    /// Whether the earlier output may be changed, which [`Start::Over`] leaves to be asked: it may prove to be what is
    /// wanted.
    ///
    /// Errors: it holds something that khw-gen did not write.
    pub fn check_earlier(&self) -> Result<(), DiskError> {
        match &self.earlier {
            Some(earlier) => check_rows(self.kind, earlier.folder.as_fd(), &self.path(), &earlier.rows),
            None => Ok(()),
        }
    }

    /// The output that is there, where [`Start::Over`] could use it.
    pub fn earlier(&self) -> &dyn Earlier {
        self.earlier
            .as_ref()
            .map_or(&Nothing, |earlier| earlier as &dyn Earlier)
    }

    /// Writes `MANIFEST` and `SHA256SUMS` over everything, makes it durable, and puts it in the output's place.
    ///
    /// Errors: the old output is as it was, and the staging folder removed where possible.
    pub fn commit(mut self) -> Result<Summary, DiskError> {
        let lists = lists_of_output(&self.rows);
        self.add_lists(lists)?;
        self.make_durable_and_publish()
    }

    /// As [`Output::commit`], with a state file, whose text is made from what `MANIFEST` lists.
    pub fn commit_with_state(mut self, state: impl FnOnce(&Rows) -> String + Send) -> Result<Summary, DiskError> {
        let (state, lists) = rayon::join(|| state(&self.rows), || lists_of_output(&self.rows));
        self.add_own(STATE, STATE_MODE, state.as_bytes())?;
        self.add_lists(lists)?;
        self.make_durable_and_publish()
    }

    /// Leaves the earlier output as it is: [`Earlier::is_intact`] has looked at all of it.
    pub fn leave(self) -> Summary {
        let empty = BTreeMap::new();
        let rows = self.earlier.as_ref().map_or(&empty, |earlier| &earlier.rows);
        let hosts = rows
            .iter()
            .filter(|(path, row)| !path.contains('/') && row.sha256.is_none())
            .count();
        Summary {
            path: self.path(),
            hosts,
            unchanged: hosts,
            files: rows.values().filter(|row| row.sha256.is_some()).count() + 2,
            bytes: self.earlier.as_ref().map_or(0, EarlierOutput::bytes),
            replaced: false,
            two_renames: false,
            leftover: None,
        }
    }

    /// As [`Output::commit`], for a golden made from the seed of this fingerprint: writes its index.
    pub fn commit_golden(mut self, seed: &str) -> Result<Summary, DiskError> {
        let files = self.rows.iter().filter(|(_, row)| row.sha256.is_some());
        let text = index::text(seed, files.map(|(path, _)| path.as_str()));
        self.add_own(INDEX, 0o644, text.as_bytes())?;
        self.make_durable_and_publish()
    }

    fn make_durable_and_publish(mut self) -> Result<Summary, DiskError> {
        let changes = self.changes();
        if let Some(changes) = &changes {
            self.make_folder(update::REPLACED, self.kind.mode())?;
            self.write_file(update::PLAN, STATE_MODE, update::text(changes).as_bytes())?;
        }
        self.make_durable(changes.is_some())?;
        let published = match &changes {
            Some(changes) => self.publish_changes(changes)?,
            None => self.publish()?,
        };
        self.published = true;
        let leftover = published.old.as_ref().and_then(|old| {
            let path = self.parent_path.join(old);
            let reason = Box::new(remove(self.parent.as_fd(), old, &path).err()?);
            let holds_secrets = self.kind == Kind::Output;
            Some(Leftover {
                path,
                holds_secrets,
                reason,
            })
        });
        Ok(Summary {
            path: self.path(),
            hosts: self.hosts.len(),
            unchanged: self.unchanged,
            files: self.rows.values().filter(|row| row.sha256.is_some()).count()
                + self.own.iter().filter(|name| **name != STATE).count(),
            bytes: self.bytes,
            replaced: published.old.is_some(),
            two_renames: published.two_renames,
            leftover,
        })
    }

    fn path(&self) -> PathBuf {
        self.parent_path.join(&self.name)
    }

    fn staging_path(&self) -> PathBuf {
        self.parent_path.join(&self.staging_name)
    }

    /// For errors: the path of what is staged, or of the staging folder itself where `path` is empty.
    fn staged(&self, path: &str) -> PathBuf {
        match path {
            "" => self.staging_path(),
            path => self.staging_path().join(path),
        }
    }

    /// Whether a name can be at the top.
    fn check_top(&self, name: &str) -> Result<(), DiskError> {
        if name.contains('/') {
            return Err(bad_name(name, "it holds a slash"));
        }
        check_path(name).map_err(|_| bad_name(name, "it is not a plain file name"))?;
        if self.kind.own_files().contains(&name) {
            return Err(bad_name(name, "it is taken by the output itself"));
        }
        Ok(())
    }

    /// Makes a folder. It has its mode at once where its owner may do anything in it, and else after
    /// [`Output::finish_folder`], when everything is in it.
    pub(super) fn make_folder(&self, path: &str, mode: u32) -> Result<(), DiskError> {
        let failed = |reason| DiskError::os("make the folder", self.staged(path), reason);
        let first = if is_open_to_its_owner(mode) { mode } else { 0o700 };
        match mkdirat(&self.staging, path, Mode::from_raw_mode(first)) {
            Err(Errno::EXIST) => return Err(DiskError::Duplicate { name: path.to_owned() }),
            made => made.map_err(failed)?,
        }
        // A umask can take permissions even from the owner, and a folder can inherit bits from the one that it is in.
        let stat = || statat(&self.staging, path, AtFlags::SYMLINK_NOFOLLOW).map_err(failed);
        if mode_of(&stat()?) == first {
            return Ok(());
        }
        chmodat(&self.staging, path, Mode::from_raw_mode(first), AtFlags::empty()).map_err(failed)?;
        self.check_mode(&stat()?, first, path)
    }

    pub(super) fn finish_folder(&self, path: &str, mode: u32) -> Result<(), DiskError> {
        if is_open_to_its_owner(mode) {
            return Ok(());
        }
        let folder = open_folder(self.staging.as_fd(), path.as_ref())
            .map_err(|reason| DiskError::os("open", self.staged(path), reason))?;
        self.set_mode(&folder, mode, path)
    }

    fn write_file(&self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
        self.write_file_by(path, mode, |file| {
            file.write_all(bytes).map_err(|reason| self.write_failed(path, reason))
        })
    }

    pub(super) fn write_failed(&self, path: &str, reason: io::Error) -> DiskError {
        DiskError::os("write", self.staged(path), reason)
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
        let file = openat(&self.staging, path, flags, Mode::from_raw_mode(mode)).map_err(|reason| match reason {
            Errno::EXIST => DiskError::Duplicate { name: path.to_owned() },
            reason => DiskError::os("create", self.staged(path), reason),
        })?;
        let mut file = File::from(file);
        let written = write(&mut file)?;
        self.set_mode(&file, mode, path)?;
        Ok(written)
    }

    /// Gives a file or folder its mode where the umask, or a folder above it, has left it another.
    fn set_mode(&self, file: impl AsFd, mode: u32, path: &str) -> Result<(), DiskError> {
        let failed = |reason: Errno| DiskError::os("set the mode of", self.staged(path), reason);
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
                path: self.staged(path),
                wanted,
                got,
            }),
        }
    }

    fn add_lists(&mut self, (manifest, sums): (String, String)) -> Result<(), DiskError> {
        self.bytes += (manifest.len() + sums.len()) as u64;
        self.add_own(MANIFEST, LIST_MODE, manifest.as_bytes())?;
        self.add_own(SHA256SUMS, LIST_MODE, sums.as_bytes())
    }

    /// What has to change at the top of the earlier output, where something of it stays; none where all of it is replaced.
    fn changes(&self) -> Option<Vec<Change>> {
        let earlier = self.earlier.as_ref().filter(|_| !self.kept.is_empty())?;
        let top = |rows: &BTreeMap<String, ManifestRow>| -> BTreeSet<String> {
            rows.keys().filter(|path| !path.contains('/')).cloned().collect()
        };
        let mut wanted = top(&self.rows);
        wanted.extend(self.own.iter().map(|name| (*name).to_owned()));
        let mut found = top(&earlier.rows);
        found.extend(self.kind.own_files().iter().map(|name| (*name).to_owned()));
        let put = wanted.difference(&self.kept).cloned().map(Change::Put);
        let remove = found.difference(&wanted).cloned().map(Change::Remove);
        Some(put.chain(remove).collect())
    }

    /// All of it at once: an fsync for each of 20,000 files takes five seconds, one syncfs a fifth of that. The descriptor
    /// is from before the first byte, so a failure to write back any of them is reported here.
    fn make_durable(&self, is_update: bool) -> Result<(), DiskError> {
        match syncfs(&self.staging) {
            Ok(()) => Ok(()),
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
                let listed = self
                    .rows
                    .iter()
                    .map(|(path, row)| (path.as_str(), row.sha256.is_some()));
                let update = [(update::PLAN, true), (update::REPLACED, false)];
                let update = update.into_iter().filter(|_| is_update);
                let own = self.own.iter().map(|name| (*name, true)).chain(update);
                for (path, is_file) in listed.chain(own).filter(|(path, _)| !self.kept.contains(&top(path))) {
                    let shown = self.staged(path);
                    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let synced = openat(&self.staging, path, flags, Mode::empty())
                        .and_then(|file| if is_file { fsync(&file) } else { sync_folder(&file) });
                    synced.map_err(|reason| DiskError::os("sync", shown, reason))?;
                }
                sync_folder(&self.staging).map_err(|reason| DiskError::os("sync", self.staging_path(), reason))
            }
            Err(reason) => Err(DiskError::os("sync", self.staging_path(), reason)),
        }
    }

    /// Puts what differs into the earlier output, which meanwhile has another name: whoever looks for it finds it as it was,
    /// or as it is to be, or not at all.
    fn publish_changes(&self, changes: &[Change]) -> Result<Published, DiskError> {
        let nothing = Published {
            old: Some(self.staging_name.clone()),
            two_renames: false,
        };
        let (parent, staging) = (&self.parent, self.staging.as_fd());
        let Some(earlier) = self.earlier.as_ref().filter(|_| !changes.is_empty()) else {
            return Ok(nothing);
        };
        let mut away = self.staging_name.clone();
        away.push(OLD_SUFFIX);
        let failed = |reason: Errno| DiskError::os("update", self.path(), reason);
        let back = || rename_to_nothing(parent, &away, &self.name);
        renameat(parent, &self.name, parent, &away).map_err(failed)?;
        let taken = open_folder(parent.as_fd(), &away).and_then(|taken| fstat(&taken));
        let is_earlier = taken.and_then(|taken| Ok(same(&taken, &fstat(&earlier.folder)?)));
        if is_earlier != Ok(true) {
            back().map_err(failed)?;
            return Err(DiskError::Contended { path: self.path() });
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
                check_rows(self.kind, replaced.as_fd(), &self.path(), &earlier.rows)?;
                sync_folder(output).map_err(failed)?;
                self.sync_parent()
            });
        if let Err(error) = updated {
            let away_again = match in_place {
                true => renameat(parent, &self.name, parent, &away),
                false => Ok(()),
            };
            away_again
                .and_then(|()| update::undo(output, staging, changes))
                .and_then(|()| back())
                .map_err(|reason| DiskError::os("restore", self.path(), reason))?;
            return Err(error);
        }
        Ok(nothing)
    }

    fn publish(&self) -> Result<Published, DiskError> {
        for _ in 0..ATTEMPTS {
            let attempt = match statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => self.replace()?,
                Err(Errno::NOENT) => self.put_in_place()?,
                Err(reason) => return Err(DiskError::os("look at", self.path(), reason)),
            };
            if let Some(published) = attempt {
                return Ok(published);
            }
        }
        Err(DiskError::Contended { path: self.path() })
    }

    /// There is no output yet. None: there is one now.
    fn put_in_place(&self) -> Result<Option<Published>, DiskError> {
        match self.rename_to_output() {
            Ok(()) => {}
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => return Ok(None),
            Err(reason) => return Err(DiskError::os("rename to", self.path(), reason)),
        }
        if let Err(error) = self.sync_parent() {
            let _ = renameat(&self.parent, &self.name, &self.parent, &self.staging_name);
            return Err(error);
        }
        Ok(Some(Published {
            old: None,
            two_renames: false,
        }))
    }

    fn rename_to_output(&self) -> Result<(), Errno> {
        rename_to_nothing(&self.parent, &self.staging_name, &self.name)
    }

    /// There is an output. None: it has gone.
    fn replace(&self) -> Result<Option<Published>, DiskError> {
        // Whoever changes some of its hosts has it locked until that is done.
        let _lock = match &self.earlier {
            Some(_) => None,
            None => wait_for_lock(self.parent.as_fd(), &self.name, &|| ())
                .map_err(|reason| DiskError::os("lock", self.path(), reason))?,
        };
        check_replaceable(self.kind, self.parent.as_fd(), &self.name, &self.path())?;
        if !self.kernel_exchanges {
            return self.replace_by_two_renames();
        }
        match self.exchange() {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::INVAL | Errno::NOSYS) => return self.replace_by_two_renames(),
            Err(reason) => return Err(DiskError::os("replace", self.path(), reason)),
        }
        // Now nobody finds the old one by its name any more: what has come into it until here would be lost.
        let staging = self.staging_path();
        let checked = check_replaceable(self.kind, self.parent.as_fd(), &self.staging_name, &staging);
        match checked.and_then(|_| self.sync_parent()) {
            Ok(()) => Ok(Some(Published {
                old: Some(self.staging_name.clone()),
                two_renames: false,
            })),
            Err(error) => {
                self.exchange()
                    .map_err(|reason| DiskError::os("restore", self.path(), reason))?;
                Err(self.about_output(error))
            }
        }
    }

    fn exchange(&self) -> Result<(), Errno> {
        renameat_with(
            &self.parent,
            &self.staging_name,
            &self.parent,
            &self.name,
            RenameFlags::EXCHANGE,
        )
    }

    /// The way of filesystems that can't exchange. A crash in between is mended by the next run's [`restore_after_crash`].
    fn replace_by_two_renames(&self) -> Result<Option<Published>, DiskError> {
        let mut old = self.staging_name.clone();
        old.push(OLD_SUFFIX);
        let parent = &self.parent;
        match renameat(parent, &self.name, parent, &old) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(reason) => return Err(DiskError::os("rename", self.path(), reason)),
        }
        let mut in_place = false;
        let published =
            check_replaceable(self.kind, parent.as_fd(), &old, &self.parent_path.join(&old)).and_then(|_| {
                self.rename_to_output()
                    .map_err(|reason| DiskError::os("rename to", self.path(), reason))?;
                in_place = true;
                self.sync_parent()
            });
        match published {
            Ok(()) => Ok(Some(Published {
                old: Some(old),
                two_renames: true,
            })),
            Err(error) => {
                let restored = match in_place {
                    true => renameat(parent, &self.name, parent, &self.staging_name),
                    false => Ok(()),
                };
                restored
                    .and_then(|()| renameat(parent, &old, parent, &self.name))
                    .map_err(|reason| DiskError::os("restore", self.path(), reason))?;
                Err(self.about_output(error))
            }
        }
    }

    /// An error found while the old folder had another name is about the output all the same.
    fn about_output(&self, error: DiskError) -> DiskError {
        match error {
            DiskError::Foreign { count, first, .. } => DiskError::Foreign {
                path: self.path(),
                count,
                first,
            },
            DiskError::NotOurs { why, .. } => DiskError::NotOurs { path: self.path(), why },
            DiskError::NotAFolder { .. } => DiskError::NotAFolder { path: self.path() },
            other => other,
        }
    }

    fn sync_parent(&self) -> Result<(), DiskError> {
        sync_folder(&self.parent).map_err(|reason| DiskError::os("sync", &self.parent_path, reason))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // Only what still is the folder that was made: the name may be another's by now.
        let found = statat(&self.parent, &self.staging_name, AtFlags::SYMLINK_NOFOLLOW);
        if let (Ok(found), Ok(made)) = (found, fstat(&self.staging))
            && same(&found, &made)
        {
            // What can't be removed is removed by the next run.
            let _ = remove(self.parent.as_fd(), &self.staging_name, &self.staging_path());
        }
    }
}

/// Renames a folder to a name that is not taken.
fn rename_to_nothing(parent: &OwnedFd, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    match renameat_with(parent, from, parent, to, RenameFlags::NOREPLACE) {
        // A plain rename replaces nothing but an empty folder.
        Err(Errno::INVAL | Errno::NOSYS) => renameat(parent, from, parent, to),
        renamed => renamed,
    }
}

/// Whether a folder's mode allows its owner to make anything in it.
fn is_open_to_its_owner(mode: u32) -> bool {
    mode & 0o700 == 0o700
}

fn bad_name(name: &str, why: &'static str) -> DiskError {
    DiskError::BadName {
        name: name.to_owned(),
        why,
    }
}

/// Some filesystems can't sync a folder; then there is nothing more to be had.
fn sync_folder(folder: impl AsFd) -> Result<(), Errno> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::ROFS) => Ok(()),
        synced => synced,
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
    let Ok((parent_path, name)) = locate(&out.parent().unwrap_or(Path::new("")).join(target)) else {
        return Ok(());
    };
    let parent = open_parent(&parent_path)?;
    restore_after_crash(&parent, &parent_path, &name, &staging_prefix(&name))
}

fn open_parent(path: &Path) -> Result<OwnedFd, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|reason| DiskError::os("open", path, reason))
}

/// A shell that stands in the output would stand in the removed one afterwards and see nothing.
fn refuse_working_folder(out: &Path) -> Result<(), DiskError> {
    match fs::canonicalize(".") {
        Ok(here) if here.starts_with(out) => Err(DiskError::OutputIsWorkingFolder { path: out.to_owned() }),
        _ => Ok(()),
    }
}

/// What an output is called that two renames have put aside.
const OLD_SUFFIX: &str = ".old";

fn staging_prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".khw-gen.");
    prefix
}

/// Whether a name is one that [`make_staging`] gives (a process id, perhaps a counter), or one put aside.
fn is_staging_name(name: &OsStr, prefix: &OsStr) -> bool {
    let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else {
        return false;
    };
    let rest = rest.strip_suffix(OLD_SUFFIX.as_bytes()).unwrap_or(rest);
    let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    rest.split(|byte| *byte == b'-').count() <= 2 && rest.split(|byte| *byte == b'-').all(number)
}

/// Folders beside the output that a run has left behind: ours, of the right name, and locked by nobody; with their locks.
fn abandoned(parent: &OwnedFd, parent_path: &Path, prefix: &OsStr) -> Result<Vec<(OsString, OwnedFd)>, DiskError> {
    let mut abandoned = Vec::new();
    for (name, stat) in list(parent.as_fd(), parent_path)? {
        if !is_staging_name(&name, prefix) || FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let Ok(folder) = open_folder(parent.as_fd(), &name) else {
            continue;
        };
        let Ok(opened) = fstat(&folder) else { continue };
        let ours = opened.st_uid == rustix::process::geteuid().as_raw() && same(&opened, &stat);
        if ours && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            abandoned.push((name, folder));
        }
    }
    Ok(abandoned)
}

/// Puts an output back that a crash between two renames left under another name.
fn restore_after_crash(parent: &OwnedFd, parent_path: &Path, name: &OsStr, prefix: &OsStr) -> Result<(), DiskError> {
    if !matches!(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
        return Ok(());
    }
    for (old, _lock) in abandoned(parent, parent_path, prefix)? {
        if let Some(staging) = old.as_encoded_bytes().strip_suffix(OLD_SUFFIX.as_bytes()) {
            let staging = OsStr::from_bytes(staging);
            update::undo_after_crash(parent.as_fd(), &old, staging, &parent_path.join(name))?;
            return renameat(parent, &old, parent, name)
                .map_err(|reason| DiskError::os("restore", parent_path.join(name), reason));
        }
    }
    Ok(())
}

fn remove_stale(parent: &OwnedFd, parent_path: &Path, prefix: &OsStr) -> Result<(), DiskError> {
    for (name, _lock) in abandoned(parent, parent_path, prefix)? {
        remove(parent.as_fd(), &name, &parent_path.join(&name))?;
    }
    Ok(())
}

/// A new folder beside the output, empty, ours, 0700 and locked. A name that is taken, by whatever, is passed over.
fn make_staging(parent: &OwnedFd, parent_path: &Path, prefix: &OsStr) -> Result<(OsString, OwnedFd), DiskError> {
    for attempt in 0..ATTEMPTS {
        let mut name = prefix.to_owned();
        name.push(std::process::id().to_string());
        if attempt > 0 {
            name.push(format!("-{attempt}"));
        }
        let path = parent_path.join(&name);
        let failed = |reason: Errno| DiskError::os("make the folder", &path, reason);
        match mkdirat(parent, &name, Mode::RWXU) {
            Err(Errno::EXIST) => continue,
            made => made.map_err(failed)?,
        }
        let staging = match open_made(parent, &name) {
            Err(Errno::NOENT) => continue,
            staging => staging.map_err(failed)?,
        };
        match flock(&staging, FlockOperation::NonBlockingLockExclusive) {
            // Another run takes it for abandoned, in the moment before the lock.
            Err(Errno::WOULDBLOCK) => continue,
            // Without locks nothing is ever taken for abandoned.
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => {}
            locked => locked.map_err(failed)?,
        }
        let made = fstat(&staging).map_err(failed)?;
        match statat(parent, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if same(&found, &made) => {}
            _ => continue,
        }
        if made.st_uid != rustix::process::geteuid().as_raw() {
            return Err(failed(Errno::PERM));
        }
        return Ok((name, staging));
    }
    Err(DiskError::Contended {
        path: parent_path.to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{TreeEntry, read_tree};

    fn bundle(text: &str) -> Bundle {
        let mut bundle = Bundle::new();
        bundle
            .insert_file("etc/file", 0o640, Content::public(text.as_bytes().into()))
            .unwrap();
        bundle
    }

    fn write(out: &Path, text: &str, kernel_exchanges: bool) -> Result<Summary, DiskError> {
        let mut output = Output::begin(out)?;
        output.kernel_exchanges = kernel_exchanges;
        output.add("node1", &bundle(text), None)?;
        output.commit()
    }

    fn text_of(out: &Path) -> Vec<u8> {
        match &read_tree(out).unwrap()["node1/etc/file"] {
            TreeEntry::File { content, .. } => content.expose().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    fn names_in(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn without_exchange_there_are_two_renames_and_the_summary_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        assert!(
            !write(&out, "one", false).unwrap().two_renames,
            "nothing to replace, one rename is enough"
        );
        let summary = write(&out, "two", false).unwrap();
        assert!(summary.two_renames && summary.replaced && summary.leftover.is_none());
        assert_eq!(text_of(&out), b"two");
        assert_eq!(names_in(folder.path()), ["out"]);
        assert!(!write(&out, "three", true).unwrap().two_renames);
    }

    #[test]
    fn a_crash_between_two_renames_is_mended_by_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write(&out, "one", true).unwrap();
        fs::rename(&out, folder.path().join(".out.khw-gen.123.old")).unwrap();
        drop(Output::begin(&out).unwrap());
        assert_eq!(text_of(&out), b"one");
        assert_eq!(names_in(folder.path()), ["out"]);
    }

    #[test]
    fn foreign_files_that_come_while_writing_are_not_lost() {
        for kernel_exchanges in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            write(&out, "one", true).unwrap();
            let mut output = Output::begin(&out).unwrap();
            output.kernel_exchanges = kernel_exchanges;
            output.add("node1", &bundle("two"), None).unwrap();
            fs::write(out.join("node1/mine"), "precious").unwrap();
            assert!(matches!(output.commit(), Err(DiskError::Foreign { count: 1, .. })));
            assert_eq!(fs::read(out.join("node1/mine")).unwrap(), b"precious");
            assert_eq!(text_of(&out), b"one");
            assert_eq!(names_in(folder.path()), ["out"]);
        }
    }

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
