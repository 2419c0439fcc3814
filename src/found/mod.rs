//! A bundle as found: a folder or an archive, whoever made it, as hosts with files at the paths that they have there.
//!
//! Nothing is followed, unpacked to disk or believed: what should not be in a bundle is a remark. All content is kept in
//! [`SecretBytes`], once however often it is there, and all limits hold whatever the bytes are.

mod archives;
mod contents;
mod host;
mod machine;
mod node;
mod unpack;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crate::diagnostic::verify_codes as codes;
use crate::manifest::{MANIFEST, SHA256SUMS, below};
use crate::pki::secret::SecretBytes;
use host::{is_folder, is_tree};
use node::cost_of;

pub use archives::{ComparedArchive, compare_archives};
pub use contents::SharedContents;
pub use host::{File, FoundHost, ROOTFS};
pub use machine::{LINK, NAME_A_CONFIGURATION, NodeKind, Places, STORE, is_of_systemd, newest_of_store};
pub use node::{FoundNode, FoundNodes, MOST_BYTES, MOST_IN_ALL, Remark, TOO_LARGE, cost, printable};
pub use unpack::{is_archive, stem_of_archive, unpack};

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The hosts, by name.
    pub hosts: Vec<FoundHost>,
    /// What is at the top of an output: the folders of its hosts, its lists, its archives; and all that is below other folders.
    /// Empty for anything less.
    pub output: FoundNodes,
    /// Which hosts there are besides, where the output is a part of a fleet and says so.
    pub part: Option<PartOfFleet>,
    /// What is remarkable about how it was found.
    pub remarks: Vec<Remark>,
    /// What is to be said of the archives beside the folders of hosts.
    pub in_archives: Vec<Remark>,
}

/// Whether what lies beside the hosts of an output is judged, its lists and archives, or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// It is judged.
    Judged,
    /// It is left out.
    LeftOut,
}

/// The name of the list in an output that is a part of a fleet.
pub(crate) const PART: &str = "PART";

/// What an output says of itself that is a part of a fleet: the names of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartOfFleet {
    /// Those that the output has.
    pub here: BTreeSet<String>,
    /// Those of the fleet that other parts have.
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
    of_folder(name, nodes, Beside::Judged)
}

/// As [`from_folder`], with what lies beside the hosts of an output or without.
pub(crate) fn of_folder(name: &str, nodes: FoundNodes, beside: Beside) -> Found {
    let tops: BTreeSet<String> = nodes
        .keys()
        .filter_map(|path| path.strip_suffix("/rootfs"))
        .filter(|top| !top.contains('/') && is_folder(&nodes, &format!("{top}/rootfs")))
        .map(str::to_owned)
        .collect();
    let is_bundle = is_folder(&nodes, "rootfs");
    // A part may have no host at all, where there are more parts than hosts.
    if is_bundle || tops.is_empty() && PartOfFleet::read(&nodes).is_none() {
        let remarks = remarks_on(&nodes, "");
        let hosts = match is_bundle {
            true => vec![FoundHost::of_folder(name, nodes)],
            false => machines(name, nodes),
        };
        return Found {
            hosts,
            remarks,
            ..Found::default()
        };
    }
    let left = MOST_IN_ALL.saturating_sub(cost_of(&nodes));
    let mut folders: BTreeMap<String, FoundNodes> = tops.into_iter().map(|top| (top, FoundNodes::new())).collect();
    let mut top = FoundNodes::new();
    for (path, node) in nodes {
        let in_folder = path.split_once('/').map(|(host, path)| (folders.get_mut(host), path));
        match in_folder {
            Some((Some(folder), path)) => drop(folder.insert(path.to_owned(), node)),
            _ => drop(top.insert(path, node)),
        }
    }
    let hosts = folders.into_iter();
    let (hosts, remarks): (Vec<FoundHost>, Vec<_>) = hosts.map(|(name, nodes)| host_of_output(&name, nodes)).unzip();
    let archives: BTreeMap<String, SecretBytes> = match beside {
        Beside::Judged => contents_of_archives(&top).collect(),
        Beside::LeftOut => BTreeMap::new(),
    };
    let sizes: Vec<(String, u64)> = archives
        .iter()
        .map(|(name, bytes)| (name.clone(), bytes.len() as u64))
        .collect();
    let read = |name: &str| Ok::<_, Infallible>(archives.get(name).cloned().unwrap_or_default());
    let Ok(compared) = compare_archives(&sizes, &hosts, left, read);
    let in_archives = compared.into_iter().flat_map(|archive| archive.remarks);
    of_output(hosts, remarks.concat(), top, in_archives.collect())
}

fn contents_of_archives(top: &FoundNodes) -> impl Iterator<Item = (String, SecretBytes)> {
    top.iter().filter_map(|(path, node)| match node {
        FoundNode::File { content, .. } if is_archive_beside(path) => Some((path.clone(), content.clone())),
        _ => None,
    })
}

/// Whether a path of an output is that of an archive which is compared with the folder beside it.
pub(crate) fn is_archive_beside(path: &str) -> bool {
    !path.contains('/') && is_archive(path)
}

/// What is in the folder of a host of an output, by the path in it; and what is remarkable about that.
pub(crate) fn host_of_output(name: &str, nodes: FoundNodes) -> (FoundHost, Vec<Remark>) {
    let remarks = remarks_on(&nodes, &format!("{name}/"));
    let mut host = FoundHost::of_folder(name, nodes);
    host.is_named = true;
    (host, remarks)
}

/// An output: its hosts by name, what else is in it, and what is to be said of archives that were compared.
pub(crate) fn of_output(
    hosts: Vec<FoundHost>,
    mut remarks: Vec<Remark>,
    top: FoundNodes,
    in_archives: Vec<Remark>,
) -> Found {
    remarks.extend(remarks_on(&top, ""));
    remarks.sort_by(|one, other| one.path.cmp(&other.path));
    let part = PartOfFleet::read(&top);
    let is_read = |path: &str| [MANIFEST, SHA256SUMS, PART].contains(&path);
    let output = top.into_iter().map(|(path, node)| match is_read(&path) {
        true => (path, node),
        false => (path, node.digested()),
    });
    Found {
        hosts,
        output: output.collect(),
        in_archives,
        part,
        remarks,
    }
}

/// A folder of machines as somebody made them by hand, each with its `etc`, `var` or `root` and without manifests; else one
/// host.
fn machines(name: &str, nodes: FoundNodes) -> Vec<FoundHost> {
    let is_top = |path: &&String| !path.contains('/') && is_folder(&nodes, path);
    let folders: Vec<String> = nodes.keys().filter(is_top).cloned().collect();
    let is_machine = |folder: &String| is_tree(&nodes, &format!("{folder}/"));
    if is_tree(&nodes, "") || !folders.iter().any(is_machine) {
        return vec![FoundHost::of_folder(name, nodes)];
    }
    let mut hosts: Vec<FoundHost> = folders
        .iter()
        .map(|folder| FoundHost::of_folder(folder, within(&nodes, folder)))
        .collect();
    let beside: FoundNodes = nodes.into_iter().filter(|(path, _)| !path.contains('/')).collect();
    hosts.push(FoundHost::of_folder(name, beside));
    hosts.retain(|host| !host.files.is_empty());
    hosts
}

/// What an archive holds, as hosts. `name` is the file's own name.
pub fn from_archive(name: &str, bytes: &[u8]) -> Found {
    let (nodes, remarks) = unpack(bytes);
    let mut found = of_folder(stem_of_archive(name).unwrap_or(name), nodes, Beside::LeftOut);
    found.output = FoundNodes::new();
    // Links and the like were remarked on while unpacking.
    found.remarks = remarks;
    found
}

fn remarks_on(nodes: &FoundNodes, prefix: &str) -> Vec<Remark> {
    let remark = |(path, node): (&String, &FoundNode)| {
        let FoundNode::Other { what } = node else { return None };
        let code = match *what == TOO_LARGE {
            true => codes::ARCHIVE_LIMIT,
            false => codes::UNSAFE_ENTRY,
        };
        Some(Remark::new(code, format!("{prefix}{path}"), format!("it is a {what}")))
    };
    nodes.iter().filter_map(remark).collect()
}

/// What is below a folder, by the path in it.
fn within(nodes: &FoundNodes, folder: &str) -> FoundNodes {
    let entries = below(nodes, folder);
    entries.map(|(path, node)| (path.to_owned(), node.clone())).collect()
}
