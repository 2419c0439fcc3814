//! A bundle as found: a folder or an archive, whoever made it, as hosts with files at the paths that they have there.
//!
//! Nothing is followed, unpacked to disk or believed: what should not be in a bundle is a remark. All content is kept in
//! [`SecretBytes`], and all limits hold whatever the bytes are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use crate::diagnostic::verify_codes as codes;
use crate::diagnostic::{Code, is_unsafe};
use crate::pki::secret::SecretBytes;

/// The most bytes that an archive may hold when it is unpacked.
pub const MOST_BYTES: u64 = 256 << 20;
const MOST_ENTRIES: usize = 20_000;
const LONGEST_PATH: usize = 1024;
const MOST_LEVELS: usize = 32;

/// Something at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Directory {
        mode: Option<u32>,
    },
    File {
        /// The permission bits, where they are kept.
        mode: Option<u32>,
        /// Whether root owns it; none where that can't be told.
        root_owned: Option<bool>,
        content: SecretBytes,
    },
    /// A symbolic or hard link, a device, a pipe: what it is, in words.
    Other {
        what: &'static str,
    },
}

/// Relative path, without a slash at its end, to what is there.
pub type Nodes = BTreeMap<String, Node>;

/// What is remarkable about how something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub code: &'static Code,
    pub path: String,
    pub message: String,
}

impl Remark {
    fn new(code: &'static Code, path: impl Into<String>, message: impl Into<String>) -> Remark {
        Remark {
            code,
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A file of a host.
#[derive(Clone, Debug)]
pub struct File {
    pub mode: Option<u32>,
    pub root_owned: Option<bool>,
    pub content: SecretBytes,
}

/// A host, or a folder of files that is of no host in particular.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    /// A folder made by hand: its files are known by their names alone.
    pub loose: bool,
    /// By the path on the host (`/etc/etcd/ca.pem`), or the name in a loose folder (`/ca.pem`).
    pub files: BTreeMap<String, File>,
    /// What lies beside the tree of the host: its manifest, instructions, installer.
    pub beside: Nodes,
    /// Everything below the host's folder, for its manifest.
    pub all: Nodes,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    pub hosts: Vec<Host>,
    /// The archives beside the hosts' folders: name, and what is in them.
    pub archives: Vec<(String, Nodes)>,
    /// An output as a whole, with its manifest and sums; empty for anything less.
    pub output: Nodes,
    pub remarks: Vec<Remark>,
}

/// What a folder holds, as hosts. `name` is the folder's own name.
pub fn from_folder(name: &str, nodes: Nodes) -> Found {
    let mut found = Found::default();
    remark_on(&nodes, "", &mut found.remarks);
    let tops: BTreeSet<String> = nodes
        .keys()
        .filter_map(|path| path.strip_suffix("/rootfs"))
        .filter(|top| !top.contains('/') && matches!(nodes.get(&format!("{top}/rootfs")), Some(Node::Directory { .. })))
        .map(str::to_owned)
        .collect();
    if matches!(nodes.get("rootfs"), Some(Node::Directory { .. })) || tops.is_empty() {
        found.hosts = machines(name, nodes);
        return found;
    }
    for top in &tops {
        found.hosts.push(host(top, below(&nodes, top)));
    }
    for (path, node) in &nodes {
        let Node::File { content, .. } = node else { continue };
        if !path.contains('/') && is_archive(path) {
            let (inside, mut remarks) = unpack(content.expose());
            for remark in &mut remarks {
                remark.path = format!("{path}: {}", remark.path);
            }
            found.remarks.extend(remarks);
            found.archives.push((path.clone(), inside));
        }
    }
    found.output = nodes;
    found
}

/// A folder of machines as somebody made them by hand, each with its `etc`, `var` or `root` and without manifests; else one
/// host.
fn machines(name: &str, nodes: Nodes) -> Vec<Host> {
    let folders: Vec<String> = nodes
        .iter()
        .filter(|(path, node)| !path.contains('/') && matches!(node, Node::Directory { .. }))
        .map(|(path, _)| path.clone())
        .collect();
    let is_machine = |folder: &String| is_tree(&nodes, &format!("{folder}/"));
    if is_tree(&nodes, "") || !folders.iter().any(is_machine) {
        return vec![host(name, nodes)];
    }
    let mut hosts: Vec<Host> = folders
        .iter()
        .map(|folder| host(folder, below(&nodes, folder)))
        .collect();
    let beside: Nodes = nodes.into_iter().filter(|(path, _)| !path.contains('/')).collect();
    hosts.push(host(name, beside));
    hosts.retain(|host| !host.files.is_empty());
    hosts
}

/// Whether the folders of a machine are below a path.
fn is_tree(nodes: &Nodes, prefix: &str) -> bool {
    ["etc", "var", "root"]
        .iter()
        .any(|top| matches!(nodes.get(&format!("{prefix}{top}")), Some(Node::Directory { .. })))
}

/// What an archive holds, as hosts. `name` is the file's own name.
pub fn from_archive(name: &str, bytes: &[u8]) -> Found {
    let (nodes, remarks) = unpack(bytes);
    let stem = [".tar.gz", ".tgz", ".tar", ".zip"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let mut found = from_folder(stem, nodes);
    found.output = Nodes::new();
    // Links and the like were remarked on while unpacking.
    found.remarks = remarks;
    found
}

/// Whether a file's name says that it is an archive that can be read.
pub fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar", ".zip"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn remark_on(nodes: &Nodes, prefix: &str, remarks: &mut Vec<Remark>) {
    for (path, node) in nodes {
        if let Node::Other { what } = node {
            remarks.push(Remark::new(
                codes::UNSAFE_ENTRY,
                format!("{prefix}{path}"),
                format!("it is a {what}"),
            ));
        }
    }
}

/// What is below a folder, by the path in it.
fn below(nodes: &Nodes, folder: &str) -> Nodes {
    let prefix = format!("{folder}/");
    nodes
        .iter()
        .filter_map(|(path, node)| Some((path.strip_prefix(&prefix)?.to_owned(), node.clone())))
        .collect()
}

fn host(name: &str, nodes: Nodes) -> Host {
    let rootfs = matches!(nodes.get("rootfs"), Some(Node::Directory { .. }));
    let tree = !rootfs && is_tree(&nodes, "");
    let loose = !rootfs && !tree;
    let mut host = Host {
        name: name.to_owned(),
        loose,
        files: BTreeMap::new(),
        beside: Nodes::new(),
        all: if rootfs { nodes.clone() } else { Nodes::new() },
    };
    for (path, node) in nodes {
        let on_host = if rootfs {
            path.strip_prefix("rootfs/")
        } else {
            Some(path.as_str())
        };
        match (on_host, node) {
            (
                Some(path),
                Node::File {
                    mode,
                    root_owned,
                    content,
                },
            ) => {
                let file = File {
                    mode,
                    root_owned,
                    content,
                };
                host.files.insert(format!("/{path}"), file);
            }
            (None, node) => {
                host.beside.insert(path, node);
            }
            _ => {}
        }
    }
    host
}

/// What is in an archive, and what should not be. Of a path that comes twice the first is kept.
pub fn unpack(bytes: &[u8]) -> (Nodes, Vec<Remark>) {
    let mut unpacked = Unpacked::default();
    if bytes.starts_with(b"PK") {
        unpacked.read_zip(bytes);
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut tar = SecretBytes::default();
        let mut reader = flate2::read::MultiGzDecoder::new(bytes);
        match read_limited(&mut reader, MOST_BYTES, &mut tar) {
            Some(Limit::Damaged) => unpacked.damaged("its gzip is damaged"),
            Some(Limit::Exceeded) => unpacked.limit("", "it unpacks to more than 256 MiB"),
            None => unpacked.read_tar(tar.expose()),
        }
    } else {
        unpacked.read_tar(bytes);
    }
    // A parent that no entry names is a folder all the same.
    let parents: BTreeSet<String> = unpacked
        .nodes
        .keys()
        .flat_map(|path| {
            path.match_indices('/')
                .map(|(end, _)| path[..end].to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    for parent in parents {
        unpacked.nodes.entry(parent).or_insert(Node::Directory { mode: None });
    }
    (unpacked.nodes, unpacked.remarks)
}

enum Limit {
    Damaged,
    Exceeded,
}

/// Reads to the end, but no more than `most` bytes.
fn read_limited(reader: &mut impl Read, most: u64, into: &mut SecretBytes) -> Option<Limit> {
    let mut buffer = zeroize::Zeroizing::new(vec![0; 64 << 10]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) if into.len() as u64 + count as u64 > most => return Some(Limit::Exceeded),
            Ok(count) => into.extend(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Some(Limit::Damaged),
        }
    }
}

#[derive(Default)]
struct Unpacked {
    nodes: Nodes,
    remarks: Vec<Remark>,
    bytes: u64,
}

impl Unpacked {
    fn damaged(&mut self, why: &str) {
        self.remarks.push(Remark::new(codes::DAMAGED_ARCHIVE, "", why));
    }

    fn limit(&mut self, path: &str, why: &str) {
        self.remarks.push(Remark::new(codes::ARCHIVE_LIMIT, path, why));
    }

    /// Whether an entry of that path may be taken; remarks where not.
    fn accepts(&mut self, path: &str) -> bool {
        let shown = printable(path);
        let unsafe_entry = |why: &str| Some(Remark::new(codes::UNSAFE_ENTRY, shown.clone(), why));
        let components: Vec<&str> = path.split('/').collect();
        let remark = if path.starts_with('/') || path.contains('\\') || path.get(1..2) == Some(":") {
            unsafe_entry("its path is absolute or not one that every tool reads the same way")
        } else if components.iter().any(|component| matches!(*component, ".." | "." | "")) {
            unsafe_entry("its path has an empty component, `.` or `..`")
        } else if path.chars().any(char::is_control) {
            unsafe_entry("its path holds a control character")
        } else if path.len() > LONGEST_PATH || components.len() > MOST_LEVELS {
            Some(Remark::new(
                codes::ARCHIVE_LIMIT,
                shown.chars().take(80).collect::<String>(),
                "its path is too long or too deep",
            ))
        } else if self.nodes.contains_key(path) {
            unsafe_entry("its path is in the archive more than once")
        } else {
            None
        };
        let accepted = remark.is_none();
        self.remarks.extend(remark);
        accepted
    }

    fn is_full(&mut self) -> bool {
        let full = self.nodes.len() + self.remarks.len() >= MOST_ENTRIES;
        if full {
            self.limit("", "it has more than 20000 entries");
        }
        full
    }

    fn read_tar(&mut self, bytes: &[u8]) {
        let mut archive = tar::Archive::new(Cursor::new(bytes));
        let Ok(entries) = archive.entries() else {
            return self.damaged("it is no tar");
        };
        let mut any = false;
        for entry in entries {
            let Ok(mut entry) = entry else {
                return self.damaged("its tar is damaged");
            };
            any = true;
            if self.is_full() {
                return;
            }
            let header = entry.header();
            let kind = header.entry_type();
            let mode = header.mode().ok().map(|mode| mode & 0o7777);
            let root_owned = match (header.uid(), header.gid()) {
                (Ok(uid), Ok(gid)) => Some(uid == 0 && gid == 0),
                _ => Some(false),
            };
            let path = match std::str::from_utf8(&entry.path_bytes()) {
                Ok(path) => path.strip_prefix("./").unwrap_or(path).trim_end_matches('/').to_owned(),
                Err(_) => {
                    self.remarks.push(Remark::new(
                        codes::UNSAFE_ENTRY,
                        "",
                        "the name of an entry is not UTF-8",
                    ));
                    continue;
                }
            };
            if matches!(path.as_str(), "" | ".") && kind.is_dir() {
                continue;
            }
            if !self.accepts(&path) {
                continue;
            }
            let node = if kind.is_dir() {
                Node::Directory { mode }
            } else if kind.is_file() {
                let mut content = SecretBytes::default();
                match read_limited(&mut entry, MOST_BYTES - self.bytes.min(MOST_BYTES), &mut content) {
                    Some(Limit::Exceeded) => return self.limit(&path, "the archive unpacks to more than 256 MiB"),
                    Some(Limit::Damaged) => return self.damaged("its tar ends within an entry"),
                    None => {}
                }
                if content.len() as u64 != entry.size() {
                    return self.damaged("its tar ends within an entry");
                }
                self.bytes += content.len() as u64;
                Node::File {
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
                self.remarks.push(Remark::new(
                    codes::UNSAFE_ENTRY,
                    printable(&path),
                    format!("it is a {what}"),
                ));
                continue;
            };
            self.nodes.insert(path, node);
        }
        if !any {
            self.damaged("there is nothing in it, or it is no archive");
        }
    }

    fn read_zip(&mut self, bytes: &[u8]) {
        let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
            return self.damaged("its zip is damaged");
        };
        if archive.is_empty() {
            return self.damaged("there is nothing in it");
        }
        // The reader keeps one entry of each name; how many there were stands in the end record.
        if let Some(said) = entries_of_zip(bytes)
            && said != 0xffff
            && said != archive.len()
        {
            self.remarks.push(Remark::new(
                codes::UNSAFE_ENTRY,
                "",
                format!(
                    "of its {said} entries some have the same path: {} are different",
                    archive.len()
                ),
            ));
        }
        for index in 0..archive.len() {
            if self.is_full() {
                return;
            }
            let Ok(mut entry) = archive.by_index(index) else {
                self.damaged("an entry of its zip is damaged, encrypted, or compressed in an unknown way");
                continue;
            };
            let Ok(raw) = std::str::from_utf8(entry.name_raw()).map(str::to_owned) else {
                self.remarks.push(Remark::new(
                    codes::UNSAFE_ENTRY,
                    "",
                    "the name of an entry is not UTF-8",
                ));
                continue;
            };
            let mode = entry.unix_mode();
            let path = raw.trim_end_matches('/').to_owned();
            if !self.accepts(&path) {
                continue;
            }
            const KIND: u32 = 0o170_000;
            let kind = mode.unwrap_or(0) & KIND;
            let node = if raw.ends_with('/') {
                Node::Directory {
                    mode: mode.map(|mode| mode & 0o7777),
                }
            } else if ![0, 0o100_000].contains(&kind) {
                self.remarks.push(Remark::new(
                    codes::UNSAFE_ENTRY,
                    printable(&path),
                    "it is a link or a device",
                ));
                continue;
            } else {
                let mut content = SecretBytes::default();
                match read_limited(&mut entry, MOST_BYTES - self.bytes.min(MOST_BYTES), &mut content) {
                    Some(Limit::Exceeded) => return self.limit(&path, "the archive unpacks to more than 256 MiB"),
                    Some(Limit::Damaged) => {
                        self.damaged("an entry of its zip is damaged");
                        continue;
                    }
                    None => {}
                }
                self.bytes += content.len() as u64;
                Node::File {
                    mode: mode.map(|mode| mode & 0o7777),
                    root_owned: None,
                    content,
                }
            };
            self.nodes.insert(path, node);
        }
    }
}

/// How many entries the end of a zip's directory says it has.
fn entries_of_zip(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let count = bytes.get(at + 10..at + 12)?;
    Some(usize::from(u16::from_le_bytes([count[0], count[1]])))
}

/// A path for people: no character that could steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| match is_unsafe(c) {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect()
}
