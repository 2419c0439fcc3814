//! An output that is there already: read, and compared with what is to take its place.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, FlockOperation, Stat, flock, fstat, statat};
use rustix::io::Errno;

use super::kind::{FolderKind, HOST_MODE, LIST_MODE, STATE_MODE};
use super::tree::{
    LARGEST_MANIFEST, Rows, digest_pieces, fill, mode_of, names, open_file, open_folder, read_file, rewind, same,
};
use crate::bundle::{Bundle, BundleEntry, check_path};
use crate::manifest::{MANIFEST, ManifestRow, SHA256SUMS, STATE, below, lists_of_output};
use crate::pki::digest::{Sha256, sha256};
use crate::pki::secret::{SecretBytes, WipedBytes};
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
        fstat(&self.folder).is_ok_and(|stat| self.is(&stat, FolderKind::Output.mode()))
    }

    /// Whether something is its owner's and has this mode.
    fn is(&self, stat: &Stat, mode: u32) -> bool {
        stat.st_uid == self.owner && mode_of(stat) == mode
    }

    /// Whether the folder of a host has everything of this bundle, as it is there. What is in it besides is for
    /// [`super::tree::check_rows`] to find.
    pub(super) fn has_host(&self, host: &str, bundle: &Bundle) -> bool {
        let Ok(folder) = open_folder(self.folder.as_fd(), host.as_ref()) else {
            return false;
        };
        let listed = below(&self.rows, host).map(|(path, _)| path);
        let largest = bundle.entries.values().map(BundleEntry::size).max().unwrap_or_default();
        let mut buffer = buffer_for(largest);
        let mut is_same = |(path, entry): (&String, &BundleEntry)| match entry {
            BundleEntry::Directory { mode } => {
                statat(&folder, path.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
                    FileType::from_raw_mode(stat.st_mode) == FileType::Directory && self.is(&stat, *mode)
                })
            }
            BundleEntry::File { mode, content } => self.has(folder.as_fd(), path, *mode, content.bytes(), &mut buffer),
        };
        listed.eq(bundle.entries.keys().map(String::as_str))
            && fstat(&folder).is_ok_and(|stat| self.is(&stat, HOST_MODE))
            && bundle.entries.iter().all(&mut is_same)
    }

    /// Whether a file at the top is exactly this.
    pub(super) fn has_file(&self, name: &str, mode: u32, bytes: &[u8]) -> bool {
        self.has(self.folder.as_fd(), name, mode, bytes, &mut buffer_for(bytes.len()))
    }

    /// `buffer` is one for at least as many bytes.
    fn has(&self, folder: BorrowedFd<'_>, path: &str, mode: u32, bytes: &[u8], buffer: &mut [u8]) -> bool {
        open_file(folder, path).is_ok_and(|(mut file, stat)| {
            let size = bytes.len();
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && self.is(&stat, mode)
                && stat.st_size as u64 == size as u64
                && matches!(fill(&mut file, &mut buffer[..=size]), Ok(length) if length == size)
                && buffer[..size] == *bytes
        })
    }

    /// How many bytes [`Earlier::is_intact`] found.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the lists at the top are as they would be written.
    fn has_lists(&self) -> bool {
        let (manifest, sums) = lists_of_output(&self.rows);
        self.bytes
            .fetch_add((manifest.len() + sums.len()) as u64, Ordering::Relaxed);
        self.has_file(MANIFEST, LIST_MODE, manifest.as_bytes()) && self.has_file(SHA256SUMS, LIST_MODE, sums.as_bytes())
    }

    /// How many files and folders `name` and what is in it are, if each of them is as MANIFEST says. `path` is that of the folder
    /// with a slash, and is so again.
    fn count_intact(
        &self,
        folder: BorrowedFd<'_>,
        path: &mut String,
        name: &OsStr,
        reader: &mut Reader<'_>,
    ) -> Option<usize> {
        let before = path.len();
        path.push_str(name.to_str()?);
        let (mut file, stat) = open_file(folder, name).ok()?;
        let count = match (FileType::from_raw_mode(stat.st_mode), self.rows.get(path.as_str())) {
            (FileType::Directory, Some(ManifestRow { mode, sha256: None })) if self.is(&stat, *mode) => {
                let inside = names(file.as_fd(), usize::MAX).ok()?;
                path.push('/');
                inside.iter().try_fold(1, |count, (name, _)| {
                    Some(count + self.count_intact(file.as_fd(), path, name, reader)?)
                })
            }
            (
                FileType::RegularFile,
                Some(ManifestRow {
                    mode,
                    sha256: Some(sha256),
                }),
            ) if self.is(&stat, *mode) => {
                self.bytes.fetch_add(stat.st_size as u64, Ordering::Relaxed);
                reader.has_digest(&mut file, &stat, path, *sha256).then_some(1)
            }
            (FileType::RegularFile, None) => {
                let mode = match path.as_str() {
                    MANIFEST | SHA256SUMS => LIST_MODE,
                    STATE => STATE_MODE,
                    _ => return None,
                };
                self.is(&stat, mode).then_some(1)
            }
            _ => None,
        };
        path.truncate(before);
        count
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
        let models = Models::default();
        let count = |folder: BorrowedFd<'_>| {
            rewind(folder).ok()?;
            let top = names(folder, usize::MAX).ok()?;
            let reader = || Reader::new(&models);
            let counts = top.into_par_iter().map_init(reader, |reader, (name, _)| {
                self.count_intact(folder, &mut String::new(), &name, reader)
            });
            counts.sum::<Option<usize>>()
        };
        let (found, lists) = rayon::join(|| count(self.folder.as_fd()), || self.has_lists());
        lists && found == Some(self.rows.len() + [MANIFEST, SHA256SUMS, STATE].len())
    }
}

/// What is larger is read in pieces.
const READ_AT_ONCE: usize = 64 << 10;

/// Reads files, one after the other, for their digests.
struct Reader<'a> {
    buffer: WipedBytes,
    models: &'a Models,
}

impl Reader<'_> {
    fn new(models: &Models) -> Reader<'_> {
        Reader {
            buffer: buffer_for(READ_AT_ONCE),
            models,
        }
    }

    /// Whether a file can be read and has this digest.
    fn has_digest(&mut self, file: &mut File, stat: &Stat, path: &str, digest: Sha256) -> bool {
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        if size > READ_AT_ONCE {
            return matches!(digest_pieces(file, |_| Ok(())), Ok(Ok((found, _))) if found == digest);
        }
        match fill(file, &mut self.buffer[..=size]) {
            Ok(length) if length == size => self.models.is_digest_of(path, digest, &self.buffer[..size]),
            _ => false,
        }
    }
}

/// What was last found intact at each place of a host's folder. Most files are the same on the next host, and to compare them
/// is twenty times as fast as to digest them.
#[derive(Default)]
struct Models(RwLock<BTreeMap<String, Model>>);

struct Model {
    sha256: Sha256,
    /// Known once a second host was found to have it: what is a host's own, and secret, is not kept.
    content: Option<SecretBytes>,
}

impl Models {
    /// Whether `digest` is the digest of `content`, which is at `path`, below the folder of a host.
    fn is_digest_of(&self, path: &str, digest: Sha256, content: &[u8]) -> bool {
        let Some((_, place)) = path.split_once('/') else {
            return sha256(content) == digest;
        };
        let mut again = false;
        if let Some(model) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(place) {
            again = model.sha256 == digest;
            if let (true, Some(intact)) = (again, &model.content) {
                return intact.expose() == content;
            }
        }
        if sha256(content) != digest {
            return false;
        }
        let model = Model {
            sha256: digest,
            content: again.then(|| SecretBytes::from(content)),
        };
        let mut models = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match models.get_mut(place) {
            Some(known) => *known = model,
            None => _ = models.insert(place.to_owned(), model),
        }
        true
    }
}

/// For reading a file of so many bytes: it has one more, so that a file that has grown is seen to.
fn buffer_for(bytes: usize) -> WipedBytes {
    WipedBytes::from(vec![0; bytes + 1])
}

/// Waits until nobody builds over the folder `name`; the lock is held until the descriptor is dropped. None where there is
/// no lock to be had. `waits` is called once somebody else has it, before waiting.
///
/// Errors: there is no such folder ([`Errno::NOENT`]), or it can't be opened.
pub(super) fn wait_for_lock(parent: BorrowedFd<'_>, name: &OsStr, waits: &dyn Fn()) -> Result<Option<OwnedFd>, Errno> {
    loop {
        let folder = open_folder(parent, name)?;
        let locked = match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                waits();
                flock(&folder, FlockOperation::LockExclusive)
            }
            locked => locked,
        };
        if locked.is_err() {
            return Ok(None);
        }
        // Whoever had it may have put another in its place.
        if same(&fstat(open_folder(parent, name)?)?, &fstat(&folder)?) {
            return Ok(Some(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a host has, and what its manifest says of it, may be anything: a model only ever spares work.
    #[test]
    fn a_model_says_what_the_digest_would_say() {
        let models = Models::default();
        let contents: Vec<String> = (0..40).map(|number| format!("content {number}")).collect();
        let digests: Vec<Sha256> = contents.iter().map(|content| sha256(content.as_bytes())).collect();
        // Alike, then another kind of host, then each its own, then alike again; and damaged in between.
        let order = [0, 0, 0, 1, 1, 0, 1].into_iter().chain(0..40).chain([7, 7, 39, 39, 39]);
        for (host, number) in order.enumerate() {
            let (content, digest) = (contents[number].as_bytes(), digests[number]);
            let path = format!("host-{host}/etc/file");
            assert!(models.is_digest_of(&path, digest, content), "{path}");
            assert!(!models.is_digest_of(&path, digest, b"damaged"), "{path}");
            assert!(
                !models.is_digest_of(&path, digests[(number + 1) % 40], content),
                "{path}"
            );
            assert!(models.is_digest_of(&format!("host-{host}.tar.gz"), digest, content));
            assert!(!models.is_digest_of(&format!("host-{host}.tar.gz"), digest, b"damaged"));
        }
        let kept = models.0.read().unwrap();
        assert_eq!(
            kept.keys().collect::<Vec<_>>(),
            ["etc/file"],
            "one for each place, none for archives"
        );
    }

    #[test]
    fn what_is_a_hosts_own_is_not_kept() {
        let models = Models::default();
        for host in 0..9 {
            for place in ["etc/own".to_owned(), format!("etc/{host}"), "etc/shared".to_owned()] {
                let content = if place == "etc/shared" { 0 } else { host }.to_string();
                let path = format!("host-{host}/{place}");
                assert!(models.is_digest_of(&path, sha256(content.as_bytes()), content.as_bytes()));
            }
        }
        let models = models.0.read().unwrap();
        let kept: Vec<&String> = models
            .iter()
            .filter_map(|(place, model)| model.content.as_ref().map(|_| place))
            .collect();
        assert_eq!((models.len(), kept), (11, vec![&"etc/shared".to_owned()]));
    }
}
