//! From an output to its hosts: which archives there are to seal, what they open to, and whether what was opened is whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bundle::{Bundle, BundleEntry, Content};
use crate::found::{FoundNode, FoundNodes, Remark, printable, stem_of_archive};
use crate::manifest::{MANIFEST, ManifestOf, ManifestRow, parse_manifest, sha256sums_text};
use crate::pki::digest::{Sha256, sha256};

/// The archive of a host, as the manifest of an output lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostArchive<'a> {
    /// Whose archive it is.
    pub host: &'a str,
    /// The name of the file.
    pub name: &'a str,
    /// Its digest, as the list has it.
    pub sha256: Sha256,
}

/// The archives beside the folders of hosts that an output's manifest lists, in the order of their names; an error is the name of a host
/// that has none.
pub fn archives(rows: &BTreeMap<String, ManifestRow>) -> Result<Vec<HostArchive<'_>>, &str> {
    let top = || rows.iter().filter(|(path, _)| !path.contains('/'));
    let archives: Vec<HostArchive<'_>> = top()
        .filter_map(|(name, row)| {
            let host = stem_of_archive(name)?;
            rows.get(host).filter(|row| row.sha256.is_none())?;
            Some(HostArchive {
                host,
                name,
                sha256: row.sha256?,
            })
        })
        .collect();
    let lacks = |host: &&str| !archives.iter().any(|archive| archive.host == *host);
    let mut hosts = top()
        .filter(|(_, row)| row.sha256.is_none())
        .map(|(name, _)| name.as_str());
    match hosts.find(lacks) {
        Some(host) => Err(host),
        None => Ok(archives),
    }
}

/// The sums of what sealed archives open to, in the format of `sha256sum`: each archive, and the manifest in it, by which an opened bundle
/// is known.
pub fn opened_sums(archives: &[HostArchive<'_>], rows: &BTreeMap<String, ManifestRow>) -> String {
    let manifests = archives.iter().filter_map(|archive| {
        let path = format!("{}/{MANIFEST}", archive.host);
        let sum = rows.get(&path)?.sha256?;
        Some((path, sum))
    });
    let manifests: Vec<(String, Sha256)> = manifests.collect();
    let of_archives = archives.iter().map(|archive| (archive.name, archive.sha256));
    sha256sums_text(of_archives.chain(manifests.iter().map(|(path, sum)| (path.as_str(), *sum))))
}

/// The sum that a text in the format of `sha256sum` has of a file; none where it has none, or two.
pub fn sum_of(sums: &str, name: &str) -> Option<Sha256> {
    let mut of_name = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .filter(|(_, path)| *path == name);
    match (of_name.next(), of_name.next()) {
        (Some((sum, _)), None) => Sha256::from_hex(sum),
        _ => None,
    }
}

/// Whether bytes have this sum.
pub fn has_sum(bytes: &[u8], sum: Sha256) -> bool {
    sha256(bytes) == sum
}

/// The bundle of `host` that an archive holds, if it is just that: everything that its manifest lists, as it lists it, and nothing else.
pub fn bundle_of(host: &str, (nodes, remarks): (FoundNodes, Vec<Remark>)) -> Result<Bundle, String> {
    if let Some(remark) = remarks.first() {
        let place = match remark.path.is_empty() {
            true => String::new(),
            false => format!("{}: ", printable(&remark.path)),
        };
        return Err(format!("{place}{}", remark.message));
    }
    let mut bundle = Bundle::new();
    for (path, node) in nodes {
        if path == host {
            continue;
        }
        let shown = printable(&path);
        let Some(below) = path.strip_prefix(host).and_then(|path| path.strip_prefix('/')) else {
            return Err(format!("it holds {shown}, which is not below {host}"));
        };
        let inserted = match node {
            FoundNode::Directory { mode: Some(mode) } => bundle.insert_directory(below, mode),
            FoundNode::File {
                mode: Some(mode),
                content,
                ..
            } => bundle.insert_file(below, mode, Content::secret(Arc::new(content))),
            _ => return Err(format!("nobody says which mode {shown} has")),
        };
        inserted.map_err(|error| format!("{shown}: {error}"))?;
    }
    let manifest = match bundle.entries.get(MANIFEST) {
        Some(BundleEntry::File { content, .. }) => std::str::from_utf8(content.bytes()).map(str::to_owned),
        _ => return Err(format!("there is no {MANIFEST} in it")),
    };
    let manifest = manifest.map_err(|_| format!("its {MANIFEST} is not UTF-8"))?;
    let rows = parse_manifest(ManifestOf::Bundle, &manifest).map_err(|error| format!("{error} in its {MANIFEST}"))?;
    let found = bundle.entries.iter().filter(|(path, _)| path.as_str() != MANIFEST);
    let found: BTreeMap<&str, ManifestRow> = found.map(|(path, entry)| (path.as_str(), entry.into())).collect();
    let is_other = |path: &&str| found.get(path) != rows.get(*path);
    let all = found.keys().copied().chain(rows.keys().map(String::as_str));
    match { all }.find(is_other) {
        Some(path) => Err(format!("{} is not as its {MANIFEST} says", printable(path))),
        None => Ok(bundle),
    }
}
