//! One host as found: its files at the paths that they have there, and what lies beside them.

use std::collections::BTreeMap;

use super::machine::{HOSTNAME, is_in_store, name_of_machine, was_installed};
use super::node::{FoundNode, FoundNodes};
use crate::manifest::{About, MANIFEST};
use crate::pki::secret::SecretBytes;

/// Where the tree of a host is in its folder.
pub const ROOTFS: &str = "rootfs";
/// What of the files beside a tree is read for what it says. Of all others it is enough to know whether they are the same.
const READ_BESIDE: [&str; 2] = [MANIFEST, "install.sh"];

/// A file of a host.
#[derive(Clone, Debug)]
pub struct File {
    /// The permission bits, where they are kept.
    pub mode: Option<u32>,
    /// Whether root owns it; none where that can't be told.
    pub root_owned: Option<bool>,
    /// What is in it.
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
    /// What the folder or the archive is called.
    pub name: String,
    /// The name is that of a folder in an output or archive, which was made with it; not of what was read, which may be called
    /// anything.
    pub is_named: bool,
    /// A folder made by hand: its files are known by their names alone.
    pub loose: bool,
    /// A bundle has its tree in a folder of its own, and instructions and a manifest beside that.
    is_bundle: bool,
    /// By the path on the host (`/etc/etcd/ca.pem`), or the name in a loose folder (`/ca.pem`).
    pub files: BTreeMap<String, File>,
    /// Of a folder made by hand, the first path of each name.
    by_name: BTreeMap<String, String>,
    /// Its folders, likewise, and their permission bits where they are kept.
    pub folders: BTreeMap<String, Option<u32>>,
    /// What is neither in its tree, likewise, and what that is.
    others: BTreeMap<String, &'static str>,
    /// What lies beside the tree of the host: its manifest, instructions, installer.
    pub beside: FoundNodes,
    /// What its manifest says of it; nothing where it has none.
    pub about: About,
}

impl FoundHost {
    /// What lies in a folder, which is called `name`.
    pub(super) fn of_folder(name: &str, nodes: FoundNodes) -> FoundHost {
        let is_bundle = is_folder(&nodes, ROOTFS);
        let tree = !is_bundle && is_tree(&nodes, "");
        let own_name = tree.then(|| name_of_machine(&nodes)).flatten();
        let own_hostname = tree && was_installed(HOSTNAME, &nodes);
        let mut host = FoundHost {
            name: own_name.unwrap_or_else(|| name.to_owned()),
            is_named: false,
            loose: !is_bundle && !tree,
            is_bundle,
            files: BTreeMap::new(),
            by_name: BTreeMap::new(),
            folders: BTreeMap::new(),
            others: BTreeMap::new(),
            beside: FoundNodes::new(),
            about: match nodes.get(MANIFEST) {
                Some(FoundNode::File { content, .. }) if is_bundle => {
                    About::read(&String::from_utf8_lossy(content.expose()))
                }
                _ => About::default(),
            },
        };
        for (path, node) in nodes {
            // What install.sh keeps is no file of a bundle, and what the machine is called only where it came with one.
            if tree && (is_in_store(&path) || path == HOSTNAME && !own_hostname) {
                continue;
            }
            let on_host = match is_bundle {
                true => path
                    .strip_prefix(ROOTFS)
                    .filter(|path| path.starts_with('/'))
                    .map(str::to_owned),
                false => Some(format!("/{path}")),
            };
            match (on_host, node) {
                (None, node) if READ_BESIDE.contains(&path.as_str()) => drop(host.beside.insert(path, node)),
                (None, node) => drop(host.beside.insert(path, node.digested())),
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
                    host.files.insert(path, file);
                }
                (Some(path), FoundNode::Directory { mode }) => drop(host.folders.insert(path, mode)),
                (Some(path), FoundNode::Other { what }) => drop(host.others.insert(path, what)),
                // Of a file in a tree nobody keeps the digest alone.
                (Some(_), FoundNode::Digested { .. }) => {}
            }
        }
        if host.loose {
            let named = host.files.keys().rev();
            let named = named.map(|path| (path.rsplit('/').next().unwrap_or(path).to_owned(), path.clone()));
            host.by_name = named.collect();
        }
        host
    }

    /// Whether it is a bundle, with its manifest and instructions; else files as they lie on a machine, or in a folder made by hand.
    pub fn is_bundle(&self) -> bool {
        self.is_bundle
    }

    /// Whether its files were copied off a machine so that nobody else reads any of them: what their modes were there, nothing tells.
    pub(crate) fn is_closed_copy(&self) -> bool {
        let closed = |file: &File| file.mode.is_some_and(|mode| mode & 0o077 == 0);
        !self.is_bundle && !self.files.is_empty() && self.files.values().all(closed)
    }

    /// What a bundle has at a path in its folder (`rootfs/etc/etcd/ca.pem`, `MANIFEST`).
    pub(crate) fn node(&self, path: &str) -> Option<FoundNode> {
        let Some(on_host) = path.strip_prefix(ROOTFS).filter(|path| path.starts_with('/')) else {
            return self.beside.get(path).cloned();
        };
        let folder = || {
            let mode = *self.folders.get(on_host)?;
            Some(FoundNode::Directory { mode })
        };
        let other = || {
            let what = self.others.get(on_host)?;
            Some(FoundNode::Other { what })
        };
        let file = self.files.get(on_host).map(|file| FoundNode::File {
            mode: file.mode,
            root_owned: file.root_owned,
            content: file.content.clone(),
        });
        file.or_else(folder).or_else(other)
    }

    /// The files beside its tree, and their permission bits where they are kept.
    pub(crate) fn files_beside(&self) -> impl Iterator<Item = (&str, Option<u32>)> {
        self.beside.iter().filter_map(|(path, node)| match node {
            FoundNode::File { mode, .. } | FoundNode::Digested { mode, .. } => Some((path.as_str(), *mode)),
            FoundNode::Directory { .. } | FoundNode::Other { .. } => None,
        })
    }

    /// The paths of all that a bundle has in its folder.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let in_tree = self.files.keys().chain(self.folders.keys()).chain(self.others.keys());
        let in_tree = in_tree.map(|path| format!("{ROOTFS}{path}"));
        in_tree.chain(self.beside.keys().cloned())
    }

    /// The text at a path on the host.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text()
    }

    /// The path here of a file that something on the host calls `path`: in a loose folder that of the same name.
    pub(crate) fn resolve(&self, path: &str) -> Option<&str> {
        let exact = self.files.get_key_value(path).map(|(path, _)| path.as_str());
        if exact.is_some() || !self.loose {
            return exact;
        }
        let name = path.rsplit('/').next()?;
        self.by_name.get(name).map(String::as_str)
    }

    /// Whether there is any file below a folder of the host, whose name ends in a slash.
    pub(crate) fn has_below(&self, folder: &str) -> bool {
        let mut from = self.files.range(folder.to_owned()..);
        from.next().is_some_and(|(path, _)| path.starts_with(folder))
    }

    /// The texts below a folder of the host, whose name ends in a slash.
    pub(crate) fn texts_below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let from = self.files.range(folder.to_owned()..);
        let below = from.take_while(move |(path, _)| path.starts_with(folder));
        below.filter_map(|(_, file)| file.text())
    }
}

/// Whether the folders of a machine are below a path.
pub(super) fn is_tree(nodes: &FoundNodes, prefix: &str) -> bool {
    ["etc", "var", "root", "opt"]
        .iter()
        .any(|top| is_folder(nodes, &format!("{prefix}{top}")))
}

pub(super) fn is_folder(nodes: &FoundNodes, path: &str) -> bool {
    matches!(nodes.get(path), Some(FoundNode::Directory { .. }))
}
