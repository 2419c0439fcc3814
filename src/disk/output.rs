//! An output in the making: what is written into the staging folder, and what of an earlier output stays as it is.
//!
//! A place is found for it (`place`), a folder beside it is filled (here, in `staging`), and that takes the place (`publish`).
//! Over an earlier output, only what differs from it is written, and takes the place of what was there: see `update`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::io::Errno;

use super::earlier::{EarlierOutput, wait_for_lock};
use super::error::DiskError;
use super::kind::{ARCHIVE_MODE, FolderKind, HOST_MODE, LIST_MODE, SEALED_MODE, STATE_MODE};
use super::place::OutputPlace;
use super::publish::Publication;
use super::staging::Staging;
use super::tree::{Rows, check_rows, open_output, read_rows, remove};
use super::update::{self, ChangeAtTop};
use crate::bundle::{Bundle, BundleEntry, Content, check_path};
use crate::golden::index::{self, INDEX};
use crate::manifest::{MANIFEST, ManifestRow, SHA256SUMS, SIGNATURE, STATE, lists_of_output, lists_of_sealed};
use crate::reuse::{Earlier, Nothing};

/// An output in the making. Dropped without [`Output::commit`], it leaves everything as it was.
#[derive(Debug)]
pub struct Output {
    kind: FolderKind,
    /// What may be there already, to be replaced.
    replaces: FolderKind,
    pub(super) staging: Staging,
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
pub struct WrittenHost {
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
    /// Sealed archives, which replace only such.
    Sealed,
    /// Sealed archives in the place of the output that they were made of.
    SealedInPlace,
}

impl Output {
    /// Prepares to make or replace the folder `out`, in an existing folder. `out` may be a symbolic link to a folder.
    ///
    /// Removes what crashed runs left beside `out`; changes nothing else. Waits for a build that is changing some of its hosts,
    /// which may take minutes; `waits` is called before.
    ///
    /// Errors: `out` is not a folder, or one that khw-gen did not make, or holds something that it did not write; there is
    /// no staging folder to be had.
    pub fn begin(start: Start, out: &Path, waits: &dyn Fn()) -> Result<Output, DiskError> {
        let (kind, replaces) = match start {
            Start::Anew | Start::Over => (FolderKind::Output, FolderKind::Output),
            Start::Golden => (FolderKind::Golden, FolderKind::Golden),
            Start::Sealed => (FolderKind::Sealed, FolderKind::Sealed),
            Start::SealedInPlace => (FolderKind::Sealed, FolderKind::Output),
        };
        let place = OutputPlace::find(out)?;
        let path = place.path();
        if start == Start::SealedInPlace {
            // Of a run that was cut off after it had sealed, what can be read is still there.
            place.remove_stale()?;
        }
        place.refuse_working_folder()?;
        let earlier = match open_waiting(&place, waits) {
            Ok((folder, is_locked)) => {
                let reusable = matches!(start, Start::Over | Start::SealedInPlace) && is_locked;
                let rows = read_rows(replaces, folder.as_fd(), &path)?;
                let earlier = EarlierOutput::new(folder, &path, rows);
                let reusable = reusable && earlier.is_as_left();
                if !reusable || start == Start::SealedInPlace {
                    check_rows(replaces, earlier.folder.as_fd(), &path, &earlier.rows)?;
                }
                match (reusable, start) {
                    (true, _) => Some(earlier),
                    // What is sealed is read from it, and nobody may change it meanwhile.
                    (false, Start::SealedInPlace) => {
                        let why =
                            "it can't be locked, or is not its owner's alone (0700) as khw-gen leaves it".to_owned();
                        return Err(DiskError::NotOurs { path, why });
                    }
                    (false, _) => None,
                }
            }
            Err(error) if error.is_not_found() && start != Start::SealedInPlace => None,
            Err(error) => return Err(error),
        };
        place.remove_stale()?;
        Ok(Output {
            kind,
            replaces,
            staging: Staging::make(place, kind.mode())?,
            earlier,
            rows: BTreeMap::new(),
            hosts: BTreeSet::new(),
            unchanged: 0,
            kept: BTreeSet::new(),
            own: BTreeSet::new(),
            bytes: 0,
            kernel_exchanges: true,
        })
    }

    /// Writes a host's folder, and its archive (name and bytes) beside it. Several may be written at once, in any order; what
    /// is returned has to be given to [`Output::record`].
    ///
    /// Errors: a name that is taken or that can't be one, or the system's reason. After an error the output can only be
    /// dropped.
    pub fn write(
        &self,
        host: &str,
        bundle: &Bundle,
        archive: Option<(&str, &Content)>,
    ) -> Result<WrittenHost, DiskError> {
        let mut written = WrittenHost {
            host: host.to_owned(),
            rows: BTreeMap::new(),
            kept: Vec::new(),
            bytes: 0,
        };
        self.check_top(host)?;
        written.rows.insert(host.to_owned(), ManifestRow::folder(HOST_MODE));
        for (path, entry) in &bundle.entries {
            let path = format!("{host}/{path}");
            check_path(&path).map_err(|_| bad_name(&path, "it is not a plain relative path"))?;
            if let BundleEntry::File { content, .. } = entry {
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
            let row = ManifestRow::file(ARCHIVE_MODE, content.sha256());
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
        self.staging.write_file(name, mode, bytes)?;
        Ok(false)
    }

    fn write_host(&self, host: &str, bundle: &Bundle) -> Result<(), DiskError> {
        self.staging.make_folder(host, HOST_MODE)?;
        for (path, entry) in &bundle.entries {
            let path = format!("{host}/{path}");
            match entry {
                BundleEntry::Directory { mode } => self.staging.make_folder(&path, *mode)?,
                BundleEntry::File { mode, content } => self.staging.write_file(&path, *mode, content.bytes())?,
            }
        }
        // From the deepest up: the final mode of a folder may not allow to make anything in it.
        for (path, entry) in bundle.entries.iter().rev() {
            if let BundleEntry::Directory { mode } = entry {
                self.staging.finish_folder(&format!("{host}/{path}"), *mode)?;
            }
        }
        Ok(())
    }

    /// Takes what [`Output::write`] wrote into the manifest. Of a whole fleet at once it is sorted at once, which is several times
    /// as fast.
    ///
    /// Errors: two hosts or archives of one name.
    pub fn record(&mut self, written: Vec<WrittenHost>) -> Result<(), DiskError> {
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
    fn count(&mut self, written: WrittenHost) -> BTreeMap<String, ManifestRow> {
        let at_top = written.rows.keys().filter(|path| !path.contains('/')).count();
        self.unchanged += usize::from(written.kept.len() == at_top);
        self.bytes += written.bytes;
        self.hosts.insert(written.host);
        self.kept.extend(written.kept);
        written.rows
    }

    /// Writes a file beside the hosts' folders.
    ///
    /// Errors: as [`Output::write`].
    pub fn add_file(&mut self, name: &str, mode: u32, content: &Content) -> Result<(), DiskError> {
        self.check_top(name)?;
        if self.rows.contains_key(name) {
            return Err(DiskError::Duplicate { name: name.to_owned() });
        }
        self.put_at_top(name, mode, content.bytes())?;
        self.bytes += content.bytes().len() as u64;
        let row = ManifestRow::file(mode, content.sha256());
        self.rows.insert(name.to_owned(), row);
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
            Some(earlier) => check_rows(
                self.replaces,
                earlier.folder.as_fd(),
                &self.staging.place.path(),
                &earlier.rows,
            ),
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
            path: self.staging.place.path(),
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

    /// Writes a sealed archive, or what goes with it.
    ///
    /// Errors: as [`Output::write`].
    pub fn add_sealed(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), DiskError> {
        self.add_file(name, SEALED_MODE, &Content::public(bytes.into()))
    }

    /// Writes `MANIFEST` and `SHA256SUMS` of what is sealed, and gives the text of the sums, to be signed.
    pub fn add_sealed_lists(&mut self) -> Result<String, DiskError> {
        let (manifest, sums) = lists_of_sealed(&self.rows);
        self.add_lists((manifest, sums.clone()))?;
        Ok(sums)
    }

    /// As [`Output::commit`], for what is sealed: [`Output::add_sealed_lists`] comes before. `signature` is over the sums.
    pub fn commit_sealed(mut self, signature: Option<&str>) -> Result<Summary, DiskError> {
        if let Some(signature) = signature {
            self.add_own(SIGNATURE, LIST_MODE, signature.as_bytes())?;
        }
        self.make_durable_and_publish()
    }

    fn make_durable_and_publish(mut self) -> Result<Summary, DiskError> {
        let changes = self.changes();
        if let Some(changes) = &changes {
            self.staging.make_folder(update::REPLACED, self.kind.mode())?;
            self.staging
                .write_file(update::PLAN, STATE_MODE, update::text(changes).as_bytes())?;
        }
        self.make_durable(changes.is_some())?;
        let publication = Publication {
            kind: self.replaces,
            staging: &self.staging,
            earlier: self.earlier.as_ref(),
            kernel_exchanges: self.kernel_exchanges,
        };
        let published = match &changes {
            Some(changes) => publication.put_changes(changes)?,
            None => publication.put_whole()?,
        };
        self.staging.published = true;
        let place = &self.staging.place;
        let leftover = published.old.as_ref().and_then(|old| {
            let path = place.beside(old);
            let reason = Box::new(remove(place.parent.as_fd(), old, &path).err()?);
            let holds_secrets = self.replaces == FolderKind::Output;
            Some(Leftover {
                path,
                holds_secrets,
                reason,
            })
        });
        drop(published.lock);
        Ok(Summary {
            path: place.path(),
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

    fn add_lists(&mut self, (manifest, sums): (String, String)) -> Result<(), DiskError> {
        self.bytes += (manifest.len() + sums.len()) as u64;
        self.add_own(MANIFEST, LIST_MODE, manifest.as_bytes())?;
        self.add_own(SHA256SUMS, LIST_MODE, sums.as_bytes())
    }

    /// What has to change at the top of the earlier output, where something of it stays; none where all of it is replaced.
    fn changes(&self) -> Option<Vec<ChangeAtTop>> {
        let earlier = self.earlier.as_ref().filter(|_| !self.kept.is_empty())?;
        let top = |rows: &BTreeMap<String, ManifestRow>| -> BTreeSet<String> {
            rows.keys().filter(|path| !path.contains('/')).cloned().collect()
        };
        let mut wanted = top(&self.rows);
        wanted.extend(self.own.iter().map(|name| (*name).to_owned()));
        let mut found = top(&earlier.rows);
        found.extend(self.kind.own_files().iter().map(|name| (*name).to_owned()));
        let put = wanted.difference(&self.kept).cloned().map(ChangeAtTop::Put);
        let remove = found.difference(&wanted).cloned().map(ChangeAtTop::Remove);
        Some(put.chain(remove).collect())
    }

    fn make_durable(&self, is_update: bool) -> Result<(), DiskError> {
        let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let listed = self
            .rows
            .iter()
            .map(|(path, row)| (path.as_str(), row.sha256.is_some()));
        let update = [(update::PLAN, true), (update::REPLACED, false)];
        let update = update.into_iter().filter(|_| is_update);
        let own = self.own.iter().map(|name| (*name, true)).chain(update);
        let written = listed.chain(own).filter(|(path, _)| !self.kept.contains(&top(path)));
        self.staging.make_durable(written)
    }
}

/// The output that is there, and whether it is locked: what another build is changing is not yet as its MANIFEST says, so that
/// is waited for.
fn open_waiting(place: &OutputPlace, waits: &dyn Fn()) -> Result<(OwnedFd, bool), DiskError> {
    match wait_for_lock(place.parent.as_fd(), &place.name, waits) {
        Ok(Some(folder)) => Ok((folder, true)),
        Err(Errno::NOENT) => Err(DiskError::os("look at", place.path(), Errno::NOENT)),
        Ok(None) | Err(_) => Ok((open_output(place.parent.as_fd(), &place.name, &place.path())?, false)),
    }
}

fn bad_name(name: &str, why: &'static str) -> DiskError {
    DiskError::BadName {
        name: name.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::disk::read_tree;
    use crate::found::FoundNode;

    fn begin(out: &Path) -> Result<Output, DiskError> {
        Output::begin(Start::Anew, out, &|| ())
    }

    fn add(output: &mut Output, text: &str) -> Result<(), DiskError> {
        let written = output.write("node1", &bundle(text), None)?;
        output.record(vec![written])
    }

    fn bundle(text: &str) -> Bundle {
        let mut bundle = Bundle::new();
        bundle
            .insert_file("etc/file", 0o640, Content::public(text.as_bytes().into()))
            .unwrap();
        bundle
    }

    fn write(out: &Path, text: &str, kernel_exchanges: bool) -> Result<Summary, DiskError> {
        let mut output = begin(out)?;
        output.kernel_exchanges = kernel_exchanges;
        add(&mut output, text)?;
        output.commit()
    }

    fn text_of(out: &Path) -> Vec<u8> {
        match &read_tree(out).unwrap()["node1/etc/file"] {
            FoundNode::File { content, .. } => content.expose().to_vec(),
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
        drop(begin(&out).unwrap());
        assert_eq!(text_of(&out), b"one");
        assert_eq!(names_in(folder.path()), ["out"]);
    }

    /// Builds that change one host of two, which is away for a moment then, beside builds that put a whole one in its place in
    /// either way: each succeeds, whoever comes first, and nothing is left beside it.
    #[test]
    fn builds_that_meet_at_any_moment_all_succeed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let build = |start: Start, number: usize, kernel_exchanges: bool| {
            let mut output = Output::begin(start, &out, &|| ())?;
            output.kernel_exchanges = kernel_exchanges;
            let hosts = [("node1", "the same".to_owned()), ("node2", format!("build {number}"))];
            for (host, text) in hosts {
                let written = output.write(host, &bundle(&text), None)?;
                output.record(vec![written])?;
            }
            output.commit()
        };
        build(Start::Anew, 0, true).unwrap();
        let ways = [
            (Start::Over, true),
            (Start::Over, true),
            (Start::Anew, true),
            (Start::Anew, false),
        ];
        std::thread::scope(|scope| {
            for (way, (start, kernel_exchanges)) in ways.into_iter().enumerate() {
                let build = &build;
                scope.spawn(move || {
                    for round in 0..150 {
                        let number = round * ways.len() + way;
                        if let Err(error) = build(start, number, kernel_exchanges) {
                            panic!("{start:?}, round {round}: {error}");
                        }
                    }
                });
            }
        });
        assert_eq!(names_in(folder.path()), ["out"]);
        assert_eq!(fs::read(out.join("node1/etc/file")).unwrap(), b"the same");
        let last = fs::read_to_string(out.join("node2/etc/file")).unwrap();
        assert!(last.starts_with("build "), "{last}");
    }

    #[test]
    fn foreign_files_that_come_while_writing_are_not_lost() {
        for kernel_exchanges in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            write(&out, "one", true).unwrap();
            let mut output = begin(&out).unwrap();
            output.kernel_exchanges = kernel_exchanges;
            add(&mut output, "two").unwrap();
            fs::write(out.join("node1/mine"), "precious").unwrap();
            assert!(matches!(output.commit(), Err(DiskError::Foreign { count: 1, .. })));
            assert_eq!(fs::read(out.join("node1/mine")).unwrap(), b"precious");
            assert_eq!(text_of(&out), b"one");
            assert_eq!(names_in(folder.path()), ["out"]);
        }
    }
}
