//! Folders on disk by file descriptor: listed, read, judged against a manifest, removed. No symbolic link is followed and
//! no other filesystem entered, so nothing outside the folder can be meant by anything inside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, Stat, chmodat, fchmod, fstat, fsync, open, openat, readlinkat,
    seek, statat, unlinkat,
};
use rustix::io::Errno;

use super::error::DiskError;
use super::kind::FolderKind;
use crate::found::{
    FoundNode, FoundNodes, LINK, MOST_BYTES, MOST_IN_ALL, NodeKind, Places, SharedContents, TOO_LARGE, cost,
    is_of_systemd, newest_of_store,
};
use crate::golden::index::{self, INDEX};
use crate::manifest::{MANIFEST, ManifestOf, ManifestRow, parse_manifest};
use crate::pki::digest::{Sha256, Sha256Pieces};
use crate::pki::secret::{SecretBytes, WipedBytes};

/// More than the manifest of 100,000 hosts.
pub(super) const LARGEST_MANIFEST: u64 = 1 << 30;

/// How much of a file is read at once where all of it may be too much.
const PIECE: usize = 128 << 10;

/// How many foreign paths an error names.
const NAMED_FOREIGN_PATHS: usize = 5;

/// Levels of folders: each keeps a descriptor open while what is below it is read.
const DEEPEST: usize = 64;

/// Everything below `dir`, by path relative to it. `dir` itself may be a symbolic link; below it links are noted and not followed.
///
/// What has a name that is not UTF-8 is noted as something else than a file or a folder.
///
/// Errors: something can't be read, folders are more than 64 levels deep, or all together is more than
/// [`MOST_IN_ALL`].
pub fn read_tree(dir: &Path) -> Result<FoundNodes, DiskError> {
    read_tree_where(dir, |_, _| true)
}

/// As [`read_tree`], of what is at `places` alone; of other folders not even what is in them.
pub(super) fn read_places(dir: &Path, places: &Places) -> Result<FoundNodes, DiskError> {
    read_tree_where(dir, |path, kind| places.hold(path, kind))
}

/// As [`read_tree`], of what is `wanted`, by its path and by what it is.
pub(super) fn read_tree_where(dir: &Path, wanted: impl Fn(&str, NodeKind) -> bool) -> Result<FoundNodes, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = open(dir, flags, Mode::empty()).map_err(|reason| DiskError::os("open", dir, reason))?;
    let known = ReadTogether::new(dir);
    let mut reading = Reading::new(&known, &wanted);
    reading.read_below(folder.as_fd(), dir, "", 1)?;
    Ok(reading.nodes)
}

/// What all threads know that read the same folder.
pub(super) struct ReadTogether<'a> {
    dir: &'a Path,
    /// How much may still be read.
    left: AtomicU64,
    contents: SharedContents,
}

impl<'a> ReadTogether<'a> {
    pub(super) fn new(dir: &'a Path) -> ReadTogether<'a> {
        ReadTogether {
            dir,
            left: AtomicU64::new(MOST_IN_ALL),
            contents: SharedContents::default(),
        }
    }

    /// How much may still be read.
    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    fn too_much(&self) -> DiskError {
        DiskError::TooMuch {
            path: self.dir.to_owned(),
            limit: MOST_IN_ALL,
        }
    }

    /// Takes what all that is listed will need. Before anything is read: what is too much together must not be in memory to be
    /// found out.
    pub(super) fn pay_for(&self, prefix: &str, listed: &[(OsString, Stat)]) -> Result<(), DiskError> {
        for (name, stat) in listed {
            let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            let size = size_to_read(stat).filter(|_| is_file);
            let cost = cost(prefix, name.len() as u64 * 3 + size.unwrap_or(0));
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost))
                .map_err(|_| self.too_much())?;
        }
        Ok(())
    }
}

/// The size of a file, unless it is too large to be read.
pub(super) fn size_to_read(stat: &Stat) -> Option<u64> {
    u64::try_from(stat.st_size).ok().filter(|size| *size <= MOST_BYTES)
}

/// A folder that is read.
pub(super) struct Reading<'a> {
    known: &'a ReadTogether<'a>,
    wanted: &'a dyn Fn(&str, NodeKind) -> bool,
    pub nodes: FoundNodes,
}

impl<'a> Reading<'a> {
    pub(super) fn new(known: &'a ReadTogether<'a>, wanted: &'a dyn Fn(&str, NodeKind) -> bool) -> Reading<'a> {
        Reading {
            known,
            wanted,
            nodes: FoundNodes::new(),
        }
    }

    /// Reads all that is in an open folder.
    pub(super) fn read_below(
        &mut self,
        folder: BorrowedFd<'_>,
        shown: &Path,
        prefix: &str,
        level: usize,
    ) -> Result<(), DiskError> {
        if level > DEEPEST {
            return Err(DiskError::TooDeep { path: shown.to_owned() });
        }
        let mut listed = list_at_most(folder, shown, most_entries(self.known.left()))?;
        listed.retain(|(name, stat)| {
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => NodeKind::Folder,
                FileType::Symlink => NodeKind::Link,
                _ => NodeKind::File,
            };
            (self.wanted)(&format!("{prefix}{}", in_text(name)), kind)
        });
        self.known.pay_for(prefix, &listed)?;
        for (name, stat) in listed {
            self.read_entry(folder, shown, prefix, level, (&name, &stat))?;
        }
        Ok(())
    }

    /// Reads what a folder has under a name, which is paid for.
    pub(super) fn read_entry(
        &mut self,
        folder: BorrowedFd<'_>,
        shown: &Path,
        prefix: &str,
        level: usize,
        (name, stat): (&OsStr, &Stat),
    ) -> Result<(), DiskError> {
        let shown = shown.join(name);
        let Some(name) = name.to_str() else {
            let path = format!("{prefix}{}", in_text(name));
            self.nodes.insert(path, FoundNode::Other { what: NAME_NOT_UTF8 });
            return Ok(());
        };
        let path = format!("{prefix}{name}");
        let mode = Some(mode_of(stat));
        let node = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let below =
                    open_folder(folder, name.as_ref()).map_err(|reason| DiskError::os("open", &shown, reason))?;
                self.read_below(below.as_fd(), &shown, &format!("{path}/"), level + 1)?;
                FoundNode::Directory { mode }
            }
            FileType::RegularFile => match size_to_read(stat) {
                Some(size) => FoundNode::File {
                    mode,
                    root_owned: None,
                    // It may grow meanwhile; what it had is what was paid for.
                    content: self.known.contents.once(&path, read_file(folder, name, &shown, size)?),
                },
                None => FoundNode::Other { what: TOO_LARGE },
            },
            FileType::Symlink if is_link_of_systemd(folder, name, &path) => return Ok(()),
            FileType::Symlink => self
                .newest_of_store(folder, name, &path, &shown)
                .unwrap_or(FoundNode::Other { what: LINK }),
            _ => FoundNode::Other {
                what: "device, pipe or socket",
            },
        };
        self.nodes.insert(path, node);
        Ok(())
    }
}

impl Reading<'_> {
    /// The file that a kubelet's link to its newest certificate leads to, where that lies beside it.
    fn newest_of_store(&self, folder: BorrowedFd<'_>, name: &str, path: &str, shown: &Path) -> Option<FoundNode> {
        let target = readlinkat(folder, name, Vec::new()).ok()?;
        let target = newest_of_store(path, target.to_str().ok()?)?;
        let stat = statat(folder, target, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let listed = [(OsString::from(target), stat)];
        self.known.pay_for("", &listed).ok()?;
        let size = size_to_read(&listed[0].1)?;
        Some(FoundNode::File {
            mode: Some(mode_of(&listed[0].1)),
            root_owned: None,
            content: self
                .known
                .contents
                .once(path, read_file(folder, target, shown, size).ok()?),
        })
    }
}

/// What something is called whose name no path in a text can be: it is told, and not read.
const NAME_NOT_UTF8: &str = "file or folder whose name is not UTF-8, which was not read";

/// A name as a text has it; bytes that are none are written as `\xff`.
fn in_text(name: &OsStr) -> Cow<'_, str> {
    match name.to_str() {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(name.as_bytes().escape_ascii().to_string()),
    }
}

/// How many entries a folder may have where that much may still be read.
pub(super) fn most_entries(left: u64) -> usize {
    usize::try_from(left / cost("", 0)).unwrap_or(usize::MAX)
}

fn is_link_of_systemd(folder: BorrowedFd<'_>, name: &str, path: &str) -> bool {
    readlinkat(folder, name, Vec::new())
        .is_ok_and(|target| target.to_str().is_ok_and(|target| is_of_systemd(path, target)))
}

/// A file's content, of which there may be `most` bytes.
pub(super) fn read_file(folder: BorrowedFd<'_>, name: &str, shown: &Path, most: u64) -> Result<SecretBytes, DiskError> {
    let (file, stat) = open_file(folder, name).map_err(|reason| DiskError::os("open", shown, reason))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => read_open(file, &stat, shown, most),
        _ => Err(DiskError::NotAFile { path: shown.to_owned() }),
    }
}

/// Opens what may be a file, without waiting for anything, and says what it is.
pub(super) fn open_file(folder: BorrowedFd<'_>, name: impl AsRef<OsStr>) -> Result<(File, Stat), Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name.as_ref(), flags, Mode::empty())?;
    let stat = fstat(&file)?;
    Ok((file.into(), stat))
}

/// The content of an open file, which may have grown since; no more than one byte over `most` is read.
pub(super) fn read_open(mut file: File, stat: &Stat, shown: &Path, most: u64) -> Result<SecretBytes, DiskError> {
    let failed = |reason| DiskError::os("read", shown, reason);
    let too_large = || DiskError::TooLarge {
        path: shown.to_owned(),
        limit: most,
    };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > most {
        return Err(too_large());
    }
    // One byte more than the file has, so that reading to its end never moves a secret.
    let mut bytes = WipedBytes::from(vec![0; size as usize + 1]);
    let length = fill(&mut file, &mut bytes).map_err(failed)?;
    let grown = length > size as usize;
    bytes.truncate(length);
    if grown {
        file.take((most + 1).saturating_sub(length as u64))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    match bytes.len() as u64 > most {
        true => Err(too_large()),
        false => Ok(SecretBytes::from(std::mem::take(&mut *bytes))),
    }
}

/// Reads a file into `bytes`, which has room for one byte more than the file had, and says how many it read: it has grown if
/// that is all of them.
pub(super) fn fill(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    // Fewer bytes than it had are no end yet: not every filesystem gives all at once.
    while length + 1 < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(length)
}

/// Reads a file to its end in pieces: its digest and how many bytes it has, or why it can't be read.
///
/// Errors: what `each` said of a piece.
pub(super) fn digest_pieces(
    file: &mut File,
    mut each: impl FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<io::Result<(Sha256, u64)>, DiskError> {
    let mut digest = Sha256Pieces::new();
    let mut bytes = 0;
    let mut piece = WipedBytes::from(vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Ok((digest.finish(), bytes))),
            Ok(count) => {
                digest.update(&piece[..count]);
                bytes += count as u64;
                each(&piece[..count])?;
            }
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
            Err(reason) => return Ok(Err(reason)),
        }
    }
}

/// What is in an open folder, sorted by name; `shown` is its path for errors.
pub(super) fn list(folder: BorrowedFd<'_>, shown: &Path) -> Result<Vec<(OsString, Stat)>, DiskError> {
    list_at_most(folder, shown, usize::MAX)
}

/// As [`list`]; more than `most` entries are an error.
pub(super) fn list_at_most(
    folder: BorrowedFd<'_>,
    shown: &Path,
    most: usize,
) -> Result<Vec<(OsString, Stat)>, DiskError> {
    let failed = |reason| DiskError::os("read the folder", shown, reason);
    let mut entries = Vec::new();
    rewind(folder).map_err(failed)?;
    for (name, _) in names(folder, most).map_err(failed)? {
        match statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => entries.push((name, stat)),
            // Somebody else removed it since.
            Err(Errno::NOENT) => {}
            Err(reason) => return Err(DiskError::os("look at", shown.join(name), reason)),
        }
    }
    if entries.len() > most {
        return Err(DiskError::TooMuch {
            path: shown.to_owned(),
            limit: MOST_IN_ALL,
        });
    }
    Ok(entries)
}

/// From here an open folder is read from its beginning.
pub(super) fn rewind(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    seek(folder, SeekFrom::Start(0)).map(drop)
}

/// What is in a folder that has just been opened or rewound, sorted by name, and what kind of thing it is, as far as the folder
/// itself knows; of more than `most` some.
pub(super) fn names(folder: BorrowedFd<'_>, most: usize) -> Result<Vec<(OsString, FileType)>, Errno> {
    // Room for any name (getdents64(2)).
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut names = Vec::new();
    let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((OsString::from_vec(name.to_vec()), entry.file_type()));
        }
        if names.len() > most {
            break;
        }
    }
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(names)
}

/// The permissions in what the system says of a file or folder.
pub(super) fn mode_of(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

/// Opens a folder by its name in another, never through a symbolic link.
pub(super) fn open_folder(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(
        parent,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Whether two descriptions are of one and the same file or folder.
pub(super) fn same(one: &Stat, other: &Stat) -> bool {
    one.st_dev == other.st_dev && one.st_ino == other.st_ino
}

/// Removes the folder `name` and all below it. What somebody else removes meanwhile is fine.
pub(super) fn remove(parent: BorrowedFd<'_>, name: &OsStr, shown: &Path) -> Result<(), DiskError> {
    let folder = match open_for_removal(parent, name) {
        Err(Errno::NOENT) => return Ok(()),
        folder => folder.map_err(|reason| DiskError::os("remove", shown, reason))?,
    };
    remove_below(folder.as_fd(), shown)?;
    unlink(parent, name, AtFlags::REMOVEDIR, shown)
}

fn remove_below(folder: BorrowedFd<'_>, shown: &Path) -> Result<(), DiskError> {
    let device = fstat(folder)
        .map_err(|reason| DiskError::os("look at", shown, reason))?
        .st_dev;
    let found = match list(folder, shown) {
        Err(error) if error.is_not_found() => return Ok(()),
        found => found?,
    };
    // A fleet's hosts on all threads.
    found.par_iter().try_for_each(|(name, stat)| {
        let shown = shown.join(name);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if stat.st_dev != device => Err(DiskError::os("remove", shown, Errno::BUSY)),
            FileType::Directory => remove(folder, name, &shown),
            _ => unlink(folder, name, AtFlags::empty(), &shown),
        }
    })
}

fn unlink(parent: BorrowedFd<'_>, name: &OsStr, flags: AtFlags, shown: &Path) -> Result<(), DiskError> {
    match unlinkat(parent, name, flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(reason) => Err(DiskError::os("remove", shown, reason)),
    }
}

/// Its own owner can't empty a folder that has no permissions for the owner.
fn open_for_removal(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let folder = match open_folder(parent, name) {
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            open_folder(parent, name)?
        }
        folder => folder?,
    };
    if fstat(&folder)?.st_mode & 0o700 != 0o700 {
        fchmod(&folder, Mode::RWXU)?;
    }
    Ok(folder)
}

/// What a list says of everything in a folder, by path.
pub type Rows = BTreeMap<String, ManifestRow>;

/// Whether the folder `name` may be replaced: khw-gen made it, and nothing was added since; or it is empty.
///
/// Errors: [`DiskError::NotAFolder`], [`DiskError::NotOurs`], [`DiskError::Foreign`], or it can't be read.
pub(super) fn check_replaceable(
    kind: FolderKind,
    parent: BorrowedFd<'_>,
    name: &OsStr,
    shown: &Path,
) -> Result<(), DiskError> {
    let folder = open_output(parent, name, shown)?;
    let rows = read_rows(kind, folder.as_fd(), shown)?;
    check_rows(kind, folder.as_fd(), shown, &rows)
}

/// The folder `name`.
///
/// Errors: [`DiskError::NotAFolder`], or it can't be opened.
pub(super) fn open_output(parent: BorrowedFd<'_>, name: &OsStr, shown: &Path) -> Result<OwnedFd, DiskError> {
    match open_folder(parent, name) {
        Err(Errno::NOTDIR | Errno::LOOP) => Err(DiskError::NotAFolder { path: shown.to_owned() }),
        folder => folder.map_err(|reason| DiskError::os("open", shown, reason)),
    }
}

/// What the list in an open folder says is in it; an empty folder needs no list.
///
/// Errors: [`DiskError::NotOurs`], or it can't be read.
pub(super) fn read_rows(kind: FolderKind, folder: BorrowedFd<'_>, shown: &Path) -> Result<Rows, DiskError> {
    let first = rewind(folder).and_then(|()| names(folder, 0));
    if first
        .map_err(|reason| DiskError::os("read the folder", shown, reason))?
        .is_empty()
    {
        return Ok(Rows::new());
    }
    match kind {
        FolderKind::Output | FolderKind::Sealed => {
            let text = text_of(MANIFEST, folder, shown)?;
            let of = match kind {
                FolderKind::Sealed => ManifestOf::Sealed,
                _ if ManifestOf::Sealed.begins(&text) => return Err(DiskError::IsSealed { path: shown.to_owned() }),
                _ => ManifestOf::Output,
            };
            parse_manifest(of, &text).map_err(|error| not_ours(shown, format!("{error} in its {MANIFEST}")))
        }
        FolderKind::Golden => {
            let text = text_of(INDEX, folder, shown)?;
            rows_of_golden(&text).map_err(|error| not_ours(shown, error.to_string()))
        }
    }
}

/// Whether there is nothing in a folder but what `rows` list and the files that are made beside them.
///
/// Errors: [`DiskError::Foreign`], or it can't be read.
pub(super) fn check_rows(kind: FolderKind, folder: BorrowedFd<'_>, shown: &Path, rows: &Rows) -> Result<(), DiskError> {
    let failed = |reason| DiskError::os("look at", shown, reason);
    rewind(folder).map_err(failed)?;
    let device = fstat(folder).map_err(failed)?.st_dev;
    let looking = Looking {
        kind,
        shown,
        rows,
        device,
    };
    let mut foreign = looking.find_all(folder)?;
    match foreign.len() {
        0 => Ok(()),
        count => {
            foreign.truncate(NAMED_FOREIGN_PATHS);
            Err(DiskError::Foreign {
                path: shown.to_owned(),
                count,
                first: foreign.into_iter().map(Into::into).collect(),
            })
        }
    }
}

fn not_ours(path: &Path, why: String) -> DiskError {
    DiskError::NotOurs {
        path: path.to_owned(),
        why,
    }
}

/// The text of the file at the top of a folder that says what else is in it.
pub(super) fn text_of(list: &str, folder: BorrowedFd<'_>, shown: &Path) -> Result<String, DiskError> {
    let not_ours = |why: String| not_ours(shown, why);
    let stat = statat(folder, list, AtFlags::SYMLINK_NOFOLLOW);
    match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::RegularFile) => {}
        Ok(_) => return Err(not_ours(format!("its {list} is not a file"))),
        Err(Errno::NOENT) => return Err(not_ours(format!("there is no {list} in it"))),
        Err(reason) => return Err(DiskError::os("look at", shown.join(list), reason)),
    }
    let content = read_file(folder, list, &shown.join(list), LARGEST_MANIFEST)?;
    let text = std::str::from_utf8(content.expose());
    text.map(str::to_owned)
        .map_err(|_| not_ours(format!("its {list} is not UTF-8")))
}

/// An index knows nothing of contents, and nobody asks it.
const LISTED_FILE: ManifestRow = ManifestRow::file(0o644, Sha256::from_bytes([0; 32]));
const LISTED_FOLDER: ManifestRow = ManifestRow::folder(0o755);

/// The files that the index of a golden lists and the folders that they are in.
fn rows_of_golden(text: &str) -> Result<Rows, index::IndexError> {
    let paths = index::replaceable(text)?;
    let mut rows = Rows::new();
    for path in paths {
        let folders = path
            .match_indices('/')
            .map(|(end, _)| (path[..end].to_owned(), LISTED_FOLDER));
        rows.extend(folders);
        rows.insert(path.to_owned(), LISTED_FILE);
    }
    Ok(rows)
}

/// Looks for what a list doesn't have. Below a folder that isn't listed nothing is looked at: it is foreign as a whole.
struct Looking<'a> {
    kind: FolderKind,
    /// The path of the folder, for errors.
    shown: &'a Path,
    rows: &'a Rows,
    /// The filesystem that it is on.
    device: u64,
}

impl Looking<'_> {
    /// What is foreign in an open folder that has just been opened or rewound.
    fn find_all(&self, folder: BorrowedFd<'_>) -> Result<Vec<OsString>, DiskError> {
        let entries = names(folder, usize::MAX).map_err(|reason| self.failed("look at", b"", reason))?;
        let found: Result<Vec<Vec<OsString>>, DiskError> = entries
            .into_par_iter()
            .map(|(name, kind_of_file)| {
                let mut foreign = Vec::new();
                self.find(folder, &mut Vec::new(), &name, kind_of_file, &mut foreign)?;
                Ok(foreign)
            })
            .collect();
        Ok(found?.concat())
    }

    /// Collects what of `name`, and of all that is below it, is foreign. `path` is that of the folder with a slash, and is so again.
    fn find(
        &self,
        folder: BorrowedFd<'_>,
        path: &mut Vec<u8>,
        name: &OsStr,
        kind_of_file: FileType,
        foreign: &mut Vec<OsString>,
    ) -> Result<(), DiskError> {
        let before = path.len();
        path.extend_from_slice(name.as_bytes());
        let row = str::from_utf8(path).ok().and_then(|path| self.rows.get(path));
        let is_own = || self.kind.own_files().iter().any(|own| own.as_bytes() == path);
        let kind_of_file = match kind_of_file {
            FileType::Unknown => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                // Somebody else removed it since.
                Err(Errno::NOENT) => {
                    path.truncate(before);
                    return Ok(());
                }
                Err(reason) => return Err(self.failed("look at", path, reason)),
            },
            known => known,
        };
        match (kind_of_file, row) {
            (FileType::RegularFile, None) if is_own() => {}
            (FileType::RegularFile, Some(ManifestRow { sha256: Some(_), .. })) => {}
            (FileType::Directory, Some(ManifestRow { sha256: None, .. })) => {
                self.find_below(folder, path, name, foreign)?;
            }
            _ => foreign.push(OsString::from_vec(path.clone())),
        }
        path.truncate(before);
        Ok(())
    }

    /// As [`Looking::find`], of a listed folder.
    fn find_below(
        &self,
        folder: BorrowedFd<'_>,
        path: &mut Vec<u8>,
        name: &OsStr,
        foreign: &mut Vec<OsString>,
    ) -> Result<(), DiskError> {
        let below = match open_folder(folder, name) {
            Err(Errno::NOENT) => return Ok(()),
            below => below.map_err(|reason| self.failed("open", path, reason))?,
        };
        let stat = fstat(&below).map_err(|reason| self.failed("look at", path, reason))?;
        if stat.st_dev != self.device {
            foreign.push(OsString::from_vec(path.clone()));
            return Ok(());
        }
        let entries = names(below.as_fd(), usize::MAX).map_err(|reason| self.failed("look at", path, reason))?;
        path.push(b'/');
        for (name, kind_of_file) in entries {
            self.find(below.as_fd(), path, &name, kind_of_file, foreign)?;
        }
        Ok(())
    }

    fn failed(&self, action: &'static str, path: &[u8], reason: Errno) -> DiskError {
        let path = match path {
            b"" => self.shown.to_owned(),
            path => self.shown.join(OsStr::from_bytes(path)),
        };
        DiskError::os(action, path, reason)
    }
}

/// Some filesystems can't sync a folder; then there is nothing more to be had.
pub(super) fn sync_folder(folder: impl AsFd) -> Result<(), Errno> {
    match fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::ROFS) => Ok(()),
        synced => synced,
    }
}
