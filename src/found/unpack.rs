//! Archives of others, read in memory and within limits: gzip, zstd, tar and zip.
//!
//! Nothing is believed of what an archive says of itself, and what tools could read in different ways is a remark.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};

use super::node::{FoundNode, FoundNodes, MOST_BYTES, MOST_IN_ALL, Remark, cost, printable};
use crate::diagnostic::verify_codes as codes;
use crate::pki::secret::SecretBytes;

const MOST_ENTRIES: usize = 20_000;
const LONGEST_PATH: usize = 1024;
/// More than the words before an entry of a tar can need: its long path.
const LONGEST_EXTENSION: u64 = 64 << 10;
const MOST_LEVELS: usize = 32;
/// What a frame of zstd begins with (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How far back a frame may point, as a power of two: the memory that its reader sets aside. No more is useful for what may be
/// unpacked, and zstd's own program takes no more by itself.
const ZSTD_MOST_WINDOW: u32 = 27;

/// Whether a file's name says that it is an archive that can be read.
pub fn is_archive(name: &str) -> bool {
    stem_of_archive(name).is_some()
}

/// What an archive that can be read is called without the end that says so; none of any other name.
pub fn stem_of_archive(name: &str) -> Option<&str> {
    [".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar", ".zip"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
}

/// What is in an archive, and what should not be. Of a path that comes twice the first is kept.
pub fn unpack(bytes: &[u8]) -> (FoundNodes, Vec<Remark>) {
    let mut left = MOST_IN_ALL;
    unpack_within(bytes, &mut left, None)
}

/// What lies at a path that an archive has too.
pub(super) type InFolder<'b> = &'b dyn Fn(&str) -> Option<FoundNode>;

/// As [`unpack`], as far as `left` goes, from which what was read is taken. Of what only has to be compared with what is `beside`
/// nothing is kept that is not there.
pub(super) fn unpack_within(bytes: &[u8], left: &mut u64, beside: Option<InFolder<'_>>) -> (FoundNodes, Vec<Remark>) {
    let most = MOST_BYTES.min(*left);
    let mut unpacked = Unpacked {
        nodes: FoundNodes::new(),
        remarks: Vec::new(),
        beside,
        left: most,
        folders: BTreeSet::new(),
    };
    if bytes.starts_with(b"PK") {
        unpacked.read_zip(bytes);
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        unpacked.read_tar(flate2::read::MultiGzDecoder::new(bytes), "gzip");
    } else if bytes.starts_with(&ZSTD_MAGIC) {
        unpacked.read_zstd(bytes);
    } else {
        unpacked.read_tar(bytes, "tar");
    }
    *left -= most - unpacked.left.min(most);
    // A parent that no entry names is a folder all the same.
    for parent in std::mem::take(&mut unpacked.folders) {
        unpacked
            .nodes
            .entry(parent)
            .or_insert(FoundNode::Directory { mode: None });
    }
    (unpacked.nodes, unpacked.remarks)
}

/// Counts what is read, and fails where there is more than may be.
struct Limited<'a, R> {
    reader: R,
    left: &'a Cell<u64>,
    exceeded: &'a Cell<bool>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.left.get().checked_sub(count as u64) {
            Some(left) => self.left.set(left),
            None => {
                self.exceeded.set(true);
                return Err(io::Error::other("too much"));
            }
        }
        Ok(count)
    }
}

enum Limit {
    Damaged,
    Exceeded,
}

/// Where what is read passes through: one for all entries, since to wipe it costs more than to read a small file.
type Buffer = zeroize::Zeroizing<[u8; 16 << 10]>;

fn buffer() -> Buffer {
    zeroize::Zeroizing::new([0; 16 << 10])
}

/// Reads to the end, but no more than `most` bytes.
fn read_limited(reader: &mut impl Read, most: u64, into: &mut SecretBytes, buffer: &mut Buffer) -> Option<Limit> {
    loop {
        match reader.read(&mut **buffer) {
            Ok(0) => return None,
            Ok(count) if into.len() as u64 + count as u64 > most => return Some(Limit::Exceeded),
            Ok(count) => into.extend(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Some(Limit::Damaged),
        }
    }
}

struct Unpacked<'a> {
    nodes: FoundNodes,
    remarks: Vec<Remark>,
    /// What lies beside the archive, where it is to be compared with that.
    beside: Option<InFolder<'a>>,
    /// How much may still be read.
    left: u64,
    /// The parents of what was found.
    folders: BTreeSet<String>,
}

impl Unpacked<'_> {
    fn damaged(&mut self, why: &str) {
        self.remarks.push(Remark::new(codes::DAMAGED_ARCHIVE, "", why));
    }

    fn limit(&mut self, path: &str, why: &str) {
        self.remarks.push(Remark::new(codes::ARCHIVE_LIMIT, path, why));
    }

    fn unsafe_entry(&mut self, path: &str, why: impl Into<String>) {
        self.remarks
            .push(Remark::new(codes::UNSAFE_ENTRY, printable(path), why));
    }

    /// Whether an entry of that path may be taken; remarks where not.
    fn accepts(&mut self, path: &str) -> bool {
        let components: Vec<&str> = path.split('/').collect();
        let why = if path.starts_with('/') || path.contains('\\') || path.get(1..2) == Some(":") {
            "its path is absolute or not one that every tool reads the same way"
        } else if components.iter().any(|component| matches!(*component, ".." | "." | "")) {
            "its path has an empty component, `.` or `..`"
        } else if path.chars().any(char::is_control) {
            "its path holds a control character"
        } else if path.len() > LONGEST_PATH || components.len() > MOST_LEVELS {
            let start: String = printable(path).chars().take(80).collect();
            self.limit(&start, "its path is too long or too deep");
            return false;
        } else if self.nodes.contains_key(path) {
            "its path is in the archive more than once"
        } else {
            return true;
        };
        self.unsafe_entry(path, why);
        false
    }

    fn is_full(&mut self) -> bool {
        let full = self.nodes.len() + self.remarks.len() >= MOST_ENTRIES;
        if full {
            self.limit("", "it has more than 20000 entries");
        }
        full
    }

    /// Takes an entry, unless it is more than there may be.
    fn insert(&mut self, path: String, mut node: FoundNode) {
        let Some(left) = self.left.checked_sub(cost(&path, 0)) else {
            self.left = 0;
            return self.limit(&path, TOO_MUCH);
        };
        self.left = left;
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if !self.folders.contains(parent) {
                self.left = self.left.saturating_sub(cost(parent, 0));
                self.folders.insert(parent.to_owned());
            }
        }
        if let (FoundNode::File { content, .. }, Some(beside)) = (&mut node, self.beside) {
            match beside(&path) {
                Some(FoundNode::File { content: same, .. }) if *content == same => *content = same,
                // One byte more than that file has, and it can't be taken for it.
                Some(FoundNode::File { content: other, .. }) => {
                    *content = content.expose()[..content.len().min(other.len() + 1)].into();
                }
                Some(FoundNode::Digested { .. }) => node = node.digested(),
                _ => *content = SecretBytes::default(),
            }
        }
        self.nodes.insert(path, node);
    }

    fn read_zstd(&mut self, bytes: &[u8]) {
        let reader = zstd::stream::read::Decoder::with_buffer(bytes).and_then(|mut reader| {
            reader.window_log_max(ZSTD_MOST_WINDOW)?;
            Ok(reader)
        });
        match reader {
            Ok(reader) => self.read_tar(reader, "zstd"),
            Err(_) => self.damaged("its zstd can't be read"),
        }
    }

    /// `within` is what the tar is in, in words.
    fn read_tar(&mut self, reader: impl Read, within: &str) {
        let (left, exceeded) = (Cell::new(self.left), Cell::new(false));
        let mut archive = tar::Archive::new(Limited {
            reader,
            left: &left,
            exceeded: &exceeded,
        });
        let end = self.read_entries(&mut archive, &left);
        if let Ok(any) = end {
            // What follows the end some tools read and others don't.
            let mut rest = archive.into_inner();
            let mut buffer = buffer();
            loop {
                match rest.read(&mut *buffer) {
                    Ok(0) => break,
                    Ok(count) if buffer[..count].iter().all(|byte| *byte == 0) => {}
                    // What begins with its end is no archive, and told as such.
                    Ok(_) if !any => break,
                    Ok(_) => {
                        self.unsafe_entry(
                            "",
                            "there is more behind the end of its tar, which some tools read and others don't",
                        );
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) if exceeded.get() => break,
                    Err(_) => {
                        self.damaged(&format!("its {within} is damaged"));
                        break;
                    }
                }
            }
        }
        if exceeded.get() {
            self.limit("", TOO_MUCH);
        } else {
            match end {
                Ok(true) | Err(None) => {}
                Ok(false) => self.damaged("there is nothing in it, or it is no archive"),
                Err(Some(why)) => self.damaged(why),
            }
        }
        self.left = self.left.min(left.get());
    }

    /// Whether there is anything in it. An error is why it can't be read further; none where that is told already.
    fn read_entries<R: Read>(
        &mut self,
        archive: &mut tar::Archive<R>,
        left: &Cell<u64>,
    ) -> Result<bool, Option<&'static str>> {
        // Raw: nothing is believed of what one entry says about the next but a long path, and that within limits.
        let entries = archive.entries().map_err(|_| "it is no tar")?.raw(true);
        let mut any = false;
        let mut buffer = buffer();
        let mut long_path: Option<Vec<u8>> = None;
        let mut other_owner = false;
        for entry in entries {
            let mut entry = entry.map_err(|_| match any {
                true => "its tar is damaged",
                false => "its tar is damaged, or it is no archive: of a single file, name the folder that it lies in",
            })?;
            any = true;
            if self.is_full() {
                return Err(None);
            }
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                let mut words = SecretBytes::default();
                match read_limited(&mut entry, LONGEST_EXTENSION, &mut words, &mut buffer) {
                    Some(Limit::Exceeded) => {
                        self.limit("", "an entry's path or its attributes are too long");
                        return Err(None);
                    }
                    Some(Limit::Damaged) => return Err(Some("its tar ends within an entry")),
                    None => {}
                }
                let path = match kind.is_gnu_longname() {
                    true => Ok(Some(
                        words
                            .expose()
                            .split(|byte| *byte == 0)
                            .next()
                            .unwrap_or_default()
                            .to_vec(),
                    )),
                    false => path_of_pax(words.expose(), &mut other_owner),
                };
                match (path, &long_path) {
                    (Ok(Some(_)), Some(_)) => return Err(Some("two paths are given for one entry of its tar")),
                    (Ok(Some(path)), None) => long_path = Some(path),
                    (Ok(None), _) => {}
                    (Err(why), _) => return Err(Some(why)),
                }
                continue;
            }
            let header = entry.header();
            if kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
                // git-archive writes a comment; the target of a link does not matter, since the link is refused.
                continue;
            }
            let mode = header.mode().ok().map(|mode| mode & 0o7777);
            let root_owned = match (header.uid(), header.gid()) {
                (Ok(0), Ok(0)) => Some(!std::mem::take(&mut other_owner)),
                _ => Some(false),
            };
            other_owner = false;
            let raw = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let Ok(path) = std::str::from_utf8(&raw) else {
                self.unsafe_entry("", "the name of an entry is not UTF-8");
                continue;
            };
            let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/').to_owned();
            if matches!(path.as_str(), "" | ".") && kind.is_dir() {
                continue;
            }
            if !self.accepts(&path) {
                continue;
            }
            let node = if kind.is_dir() {
                if root_owned == Some(false) {
                    let message = "it is a folder that is not root's in the archive";
                    self.remarks
                        .push(Remark::new(codes::ARCHIVE_OWNER, printable(&path), message));
                }
                FoundNode::Directory { mode }
            } else if kind.is_file() {
                let room = entry.size().min(left.get());
                let mut content = SecretBytes::with_capacity(usize::try_from(room).unwrap_or(0));
                match read_limited(&mut entry, MOST_BYTES, &mut content, &mut buffer) {
                    None if content.len() as u64 == entry.size() => {}
                    Some(Limit::Exceeded) => {
                        self.limit(&path, TOO_MUCH);
                        return Err(None);
                    }
                    _ => return Err(Some("its tar ends within an entry")),
                }
                FoundNode::File {
                    mode,
                    root_owned,
                    content,
                }
            } else {
                let what = if kind.is_symlink() || kind.is_hard_link() {
                    "link"
                } else {
                    "device, pipe or something else that is no file"
                };
                self.unsafe_entry(&path, format!("it is a {what}"));
                continue;
            };
            // What is read and what is noted come out of one purse.
            self.left = left.get();
            self.insert(path, node);
            left.set(self.left);
        }
        match long_path {
            Some(_) => Err(Some("its tar ends with a path of nothing")),
            None => Ok(any),
        }
    }

    fn read_zip(&mut self, bytes: &[u8]) {
        let Some(end) = bytes.windows(4).rposition(|window| window == b"PK\x05\x06") else {
            return self.damaged("its zip is damaged");
        };
        // A count of 64 bits has the reader set memory aside for as many.
        let is_zip64 = |at: usize| at >= 20 && bytes[at - 20..].starts_with(b"PK\x06\x07");
        let mut ends = bytes
            .windows(4)
            .enumerate()
            .filter(|(_, window)| *window == b"PK\x05\x06");
        if ends.any(|(at, _)| is_zip64(at)) {
            return self.limit("", "it is a zip for more than 65535 entries or 4 GiB");
        }
        let le16 = |at: usize| Some(usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
        if le16(end + 20).is_none_or(|comment| end + 22 + comment != bytes.len()) {
            self.unsafe_entry(
                "",
                "there is more behind the end of its zip, which some tools read and others don't",
            );
        }
        let said = le16(end + 10).unwrap_or_default();
        if said > MOST_ENTRIES {
            return self.limit("", "it has more than 20000 entries");
        }
        let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
            return self.damaged("its zip is damaged");
        };
        if archive.is_empty() {
            return self.damaged("there is nothing in it");
        }
        // The reader keeps one entry of each name; how many there were stands in the end record.
        if said != archive.len() {
            self.unsafe_entry(
                "",
                format!(
                    "of its {said} entries some have the same path: {} are different",
                    archive.len()
                ),
            );
        }
        let mut places = Vec::new();
        let mut buffer = buffer();
        for index in 0..archive.len() {
            if self.is_full() {
                return;
            }
            let Ok(mut entry) = archive.by_index(index) else {
                self.damaged("an entry of its zip is damaged, encrypted, or compressed in an unknown way");
                continue;
            };
            let Ok(raw) = std::str::from_utf8(entry.name_raw()).map(str::to_owned) else {
                self.unsafe_entry("", "the name of an entry is not UTF-8");
                continue;
            };
            let mode = entry.unix_mode();
            let path = raw.trim_end_matches('/').to_owned();
            // What unpacks from the beginning to the end believes the headers before the contents.
            let start = usize::try_from(entry.header_start()).unwrap_or(usize::MAX);
            let local = bytes.get(start..).filter(|header| header.starts_with(b"PK\x03\x04"));
            let name_and_more = local.and_then(|_| Some((le16(start + 26)?, le16(start + 28)?)));
            match name_and_more {
                Some((name, more)) if bytes.get(start + 30..start + 30 + name) == Some(raw.as_bytes()) => {
                    let content = (start + 30 + name + more) as u64;
                    places.push((start as u64, content.saturating_add(entry.compressed_size())));
                }
                _ => self.unsafe_entry(&path, "its zip calls it something else where it begins"),
            }
            if !self.accepts(&path) {
                continue;
            }
            const KIND: u32 = 0o170_000;
            let kind = mode.unwrap_or(0) & KIND;
            let node = if raw.ends_with('/') {
                FoundNode::Directory {
                    mode: mode.map(|mode| mode & 0o7777),
                }
            } else if ![0, 0o100_000].contains(&kind) {
                self.unsafe_entry(&path, "it is a link or a device");
                continue;
            } else {
                let mut content = SecretBytes::default();
                let read = read_limited(&mut entry, self.left, &mut content, &mut buffer);
                self.left = self.left.saturating_sub(content.len() as u64);
                match read {
                    Some(Limit::Exceeded) => return self.limit(&path, TOO_MUCH),
                    None if content.len() as u64 == entry.size() => {}
                    _ => {
                        self.damaged("an entry of its zip is damaged");
                        continue;
                    }
                }
                FoundNode::File {
                    mode: mode.map(|mode| mode & 0o7777),
                    root_owned: None,
                    content,
                }
            };
            self.insert(path, node);
        }
        places.sort_unstable();
        if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            self.unsafe_entry("", "entries of its zip lie over each other");
        }
    }
}

const TOO_MUCH: &str = "it unpacks to more than 256 MiB, or all that is verified together is more than 2 GiB";

/// The path in the attributes of a tar's entry (pax), and whether they name another owner than root; an error is why they
/// can't be believed.
fn path_of_pax(words: &[u8], other_owner: &mut bool) -> Result<Option<Vec<u8>>, &'static str> {
    let mut path = None;
    for word in tar::PaxExtensions::new(words) {
        let word = word.map_err(|_| "the attributes of an entry of its tar are damaged")?;
        match word.key_bytes() {
            b"path" if path.is_none() => path = Some(word.value_bytes().to_vec()),
            b"path" => return Err("two paths are given for one entry of its tar"),
            b"uid" | b"gid" => *other_owner |= word.value_bytes() != b"0",
            // Where both say how long an entry is, tools differ in which they believe.
            b"size" => return Err("the size of an entry is given a second time in its tar"),
            key if key.starts_with(b"GNU.sparse") => return Err("an entry of its tar has holes"),
            _ => {}
        }
    }
    Ok(path)
}
