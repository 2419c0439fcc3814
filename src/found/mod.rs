//! A bundle as found: a folder or an archive, whoever made it, as hosts with files at the paths that they have there.
//!
//! Nothing is followed, unpacked to disk or believed: what should not be in a bundle is a remark. All content is kept in
//! [`SecretBytes`], once however often it is there, and all limits hold whatever the bytes are.

mod machine;
mod node;
mod unpack;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::verify_codes as codes;
use crate::manifest::{About, MANIFEST, below};
use crate::pki::secret::SecretBytes;
use machine::{HOSTNAME, is_in_store, name_of_machine, was_installed};
use node::cost_of;
use unpack::unpack_within;

pub use machine::{NodeKind, Places, STORE, is_of_enabled_unit};
pub use node::{FoundNode, FoundNodes, MOST_BYTES, MOST_IN_ALL, Remark, TOO_LARGE, cost, printable};
pub use unpack::{is_archive, stem_of_archive, unpack};

/// A file of a host.
#[derive(Clone, Debug)]
pub struct File {
    pub mode: Option<u32>,
    pub root_owned: Option<bool>,
    pub content: SecretBytes,
}

impl File {
    /// What it says, unless it is no text.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.content.expose()).ok()
    }
}

/// A host, or a folder of files that is of no host in particular.
#[derive(Clone, Debug)]
pub struct FoundHost {
    pub name: String,
    /// The name is that of a folder in an output or archive, which was made with it; not of what was read, which may be called
    /// anything.
    pub is_named: bool,
    /// A folder made by hand: its files are known by their names alone.
    pub loose: bool,
    /// By the path on the host (`/etc/etcd/ca.pem`), or the name in a loose folder (`/ca.pem`).
    pub files: BTreeMap<String, File>,
    /// Its folders, likewise, and their permission bits where they are kept.
    pub folders: BTreeMap<String, Option<u32>>,
    /// What lies beside the tree of the host: its manifest, instructions, installer.
    pub beside: FoundNodes,
    /// Everything below the host's folder, for its manifest.
    pub all: FoundNodes,
    /// What its manifest says of it; nothing where it has none.
    pub about: About,
}

impl FoundHost {
    /// Whether it is a bundle, with its manifest and instructions; else files as they lie on a machine, or in a folder made by hand.
    pub fn is_bundle(&self) -> bool {
        !self.all.is_empty()
    }

    /// The text at a path on the host.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text()
    }

    /// The texts below a folder of the host, whose name ends in a slash.
    pub(crate) fn texts_below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let from = self.files.range(folder.to_owned()..);
        let below = from.take_while(move |(path, _)| path.starts_with(folder));
        below.filter_map(|(_, file)| file.text())
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    pub hosts: Vec<FoundHost>,
    /// An output as a whole, with its manifest and sums; empty for anything less.
    pub output: FoundNodes,
    /// Which hosts there are besides, where the output is a part of a fleet and says so.
    pub part: Option<PartOfFleet>,
    pub remarks: Vec<Remark>,
}

/// An archive that lies beside the folders of hosts.
pub struct Archive<'f> {
    pub name: &'f str,
    /// What is in it. Of a file that is not the one in the folder there is no more than it takes to tell.
    pub nodes: FoundNodes,
    pub remarks: Vec<Remark>,
}

impl Found {
    /// What an output has in the folder of a host, by the path in it.
    pub(crate) fn folder_of(&self, host: &str) -> impl Iterator<Item = (&str, &FoundNode)> {
        below(&self.output, host)
    }

    /// The archives beside the hosts' folders, each unpacked when it is its turn.
    pub fn archives(&self) -> impl Iterator<Item = Archive<'_>> {
        let mut left = MOST_IN_ALL.saturating_sub(cost_of(&self.output));
        self.output.iter().filter_map(move |(path, node)| match node {
            FoundNode::File { content, .. } if !path.contains('/') && is_archive(path) => {
                let (nodes, mut remarks) = unpack_within(content.expose(), &mut left, Some(&self.output));
                for remark in &mut remarks {
                    remark.path = format!("{path}: {}", remark.path);
                }
                let name = path.as_str();
                Some(Archive { name, nodes, remarks })
            }
            _ => None,
        })
    }
}

/// The name of the list in an output that is a part of a fleet.
pub(crate) const PART: &str = "PART";

/// What an output says of itself that is a part of a fleet: the names of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartOfFleet {
    pub here: BTreeSet<String>,
    pub elsewhere: BTreeSet<String>,
}

impl PartOfFleet {
    /// The list at the top of an output: a header, two fields, a line for each host, an end mark.
    fn read(nodes: &FoundNodes) -> Option<PartOfFleet> {
        let Some(FoundNode::File { content, .. }) = nodes.get(PART) else {
            return None;
        };
        let text = std::str::from_utf8(content.expose()).ok()?;
        let hosts = text.strip_prefix("# khw-gen part ")?.strip_suffix("\n# end\n")?;
        let named = |mark: &str| {
            hosts
                .lines()
                .filter_map(|line| line.strip_prefix(mark))
                .map(str::to_owned)
                .collect()
        };
        Some(PartOfFleet {
            here: named("+ "),
            elsewhere: named("- "),
        })
    }
}

/// What a folder holds, as hosts. `name` is the folder's own name.
pub fn from_folder(name: &str, nodes: FoundNodes) -> Found {
    let mut found = Found::default();
    remark_on(&nodes, "", &mut found.remarks);
    let tops: BTreeSet<String> = nodes
        .keys()
        .filter_map(|path| path.strip_suffix("/rootfs"))
        .filter(|top| !top.contains('/') && is_folder(&nodes, &format!("{top}/rootfs")))
        .map(str::to_owned)
        .collect();
    if is_folder(&nodes, "rootfs") {
        found.hosts.push(host(name, nodes));
        return found;
    }
    found.part = PartOfFleet::read(&nodes);
    // A part may have no host at all, where there are more parts than hosts.
    if tops.is_empty() && found.part.is_none() {
        found.hosts = machines(name, nodes);
        return found;
    }
    for top in &tops {
        found.hosts.push(FoundHost {
            is_named: true,
            ..host(top, within(&nodes, top))
        });
    }
    found.output = nodes;
    found
}

/// A folder of machines as somebody made them by hand, each with its `etc`, `var` or `root` and without manifests; else one
/// host.
fn machines(name: &str, nodes: FoundNodes) -> Vec<FoundHost> {
    let is_top = |path: &&String| !path.contains('/') && is_folder(&nodes, path);
    let folders: Vec<String> = nodes.keys().filter(is_top).cloned().collect();
    let is_machine = |folder: &String| is_tree(&nodes, &format!("{folder}/"));
    if is_tree(&nodes, "") || !folders.iter().any(is_machine) {
        return vec![host(name, nodes)];
    }
    let mut hosts: Vec<FoundHost> = folders
        .iter()
        .map(|folder| host(folder, within(&nodes, folder)))
        .collect();
    let beside: FoundNodes = nodes.into_iter().filter(|(path, _)| !path.contains('/')).collect();
    hosts.push(host(name, beside));
    hosts.retain(|host| !host.files.is_empty());
    hosts
}

/// Whether the folders of a machine are below a path.
fn is_tree(nodes: &FoundNodes, prefix: &str) -> bool {
    ["etc", "var", "root"]
        .iter()
        .any(|top| is_folder(nodes, &format!("{prefix}{top}")))
}

fn is_folder(nodes: &FoundNodes, path: &str) -> bool {
    matches!(nodes.get(path), Some(FoundNode::Directory { .. }))
}

/// What an archive holds, as hosts. `name` is the file's own name.
pub fn from_archive(name: &str, bytes: &[u8]) -> Found {
    let (nodes, remarks) = unpack(bytes);
    let mut found = from_folder(stem_of_archive(name).unwrap_or(name), nodes);
    found.output = FoundNodes::new();
    // Links and the like were remarked on while unpacking.
    found.remarks = remarks;
    found
}

fn remark_on(nodes: &FoundNodes, prefix: &str, remarks: &mut Vec<Remark>) {
    for (path, node) in nodes {
        if let FoundNode::Other { what } = node {
            let code = match *what == TOO_LARGE {
                true => codes::ARCHIVE_LIMIT,
                false => codes::UNSAFE_ENTRY,
            };
            remarks.push(Remark::new(code, format!("{prefix}{path}"), format!("it is a {what}")));
        }
    }
}

/// What is below a folder, by the path in it.
fn within(nodes: &FoundNodes, folder: &str) -> FoundNodes {
    let entries = below(nodes, folder);
    entries.map(|(path, node)| (path.to_owned(), node.clone())).collect()
}

fn host(name: &str, nodes: FoundNodes) -> FoundHost {
    let rootfs = is_folder(&nodes, "rootfs");
    let tree = !rootfs && is_tree(&nodes, "");
    let loose = !rootfs && !tree;
    let own_name = tree.then(|| name_of_machine(&nodes)).flatten();
    let own_hostname = tree && was_installed(HOSTNAME, &nodes);
    let mut host = FoundHost {
        name: own_name.unwrap_or_else(|| name.to_owned()),
        is_named: false,
        loose,
        files: BTreeMap::new(),
        folders: BTreeMap::new(),
        beside: FoundNodes::new(),
        all: if rootfs { nodes.clone() } else { FoundNodes::new() },
        about: match nodes.get(MANIFEST) {
            Some(FoundNode::File { content, .. }) if rootfs => About::read(&String::from_utf8_lossy(content.expose())),
            _ => About::default(),
        },
    };
    for (path, node) in nodes {
        // What install.sh keeps is no file of a bundle, and what the machine is called only where it came with one.
        if tree && (is_in_store(&path) || path == HOSTNAME && !own_hostname) {
            continue;
        }
        let on_host = if rootfs {
            path.strip_prefix("rootfs/")
        } else {
            Some(path.as_str())
        };
        match (on_host, node) {
            (
                Some(path),
                FoundNode::File {
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
            (Some(path), FoundNode::Directory { mode }) => {
                host.folders.insert(format!("/{path}"), mode);
            }
            (None, node) => {
                host.beside.insert(path, node);
            }
            _ => {}
        }
    }
    host
}
