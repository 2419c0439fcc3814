//! Archives that lie beside the folders of hosts: each holds what the folder of its name holds.
//!
//! They are unpacked and compared one at a time on each thread; what stays is the digest of each and what was found.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::host::FoundHost;
use super::node::{FoundNode, FoundNodes, Remark, printable};
use super::unpack::{stem_of_archive, unpack_within};
use crate::diagnostic::verify_codes as codes;
use crate::pki::digest::Sha256;
use crate::pki::secret::SecretBytes;

/// What an archive may be and unpack to that is not alone in memory. The bundle of a host is far below.
const USUAL: u64 = 8 << 20;

/// An archive beside the folders of hosts, of which no more is known than this.
pub struct ComparedArchive {
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// What should not be in it, and where it differs from the folder.
    pub remarks: Vec<Remark>,
}

/// Compares archives with the folders of the same names. Each has a name and a size, and `read` gives its bytes. Together they may
/// unpack to `left`: each has what those before it have left.
///
/// Errors: the first that `read` returns.
pub fn compare_archives<E: Send>(
    archives: &[(String, u64)],
    hosts: &[FoundHost],
    mut left: u64,
    read: impl Fn(&str) -> Result<SecretBytes, E> + Sync,
) -> Result<Vec<ComparedArchive>, E> {
    let hosts: BTreeMap<&str, &FoundHost> = hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    let compare = |name: &str, left: &mut u64| Ok(compared(name, &read(name)?, &hosts, left));
    let at_once: Vec<Option<Result<(ComparedArchive, u64), E>>> = archives
        .par_iter()
        .map(|(name, size)| {
            (*size <= USUAL).then(|| {
                let mut left_here = USUAL;
                let compared = compare(name, &mut left_here)?;
                Ok((compared, USUAL - left_here))
            })
        })
        .collect();
    let in_turn = archives.iter().zip(at_once).map(|((name, _), at_once)| {
        // What met no limit meets none where there is more room.
        if let Some((compared, taken)) = at_once.transpose()?
            && taken < USUAL.min(left)
            && !compared
                .remarks
                .iter()
                .any(|remark| remark.code == codes::ARCHIVE_LIMIT)
        {
            left -= taken;
            return Ok(compared);
        }
        compare(name, &mut left)
    });
    in_turn.collect()
}

fn compared(name: &str, bytes: &SecretBytes, hosts: &BTreeMap<&str, &FoundHost>, left: &mut u64) -> ComparedArchive {
    let host = stem_of_archive(name).and_then(|stem| hosts.get(stem).copied());
    let in_folder = |path: &str| {
        let host = host?;
        host.node(path.strip_prefix(&host.name)?.strip_prefix('/')?)
    };
    let (nodes, mut remarks) = unpack_within(bytes.expose(), left, Some(&in_folder));
    for remark in &mut remarks {
        remark.path = format!("{name}: {}", remark.path);
    }
    match host {
        Some(host) => remarks.extend(differences(name, host, &nodes)),
        None => {
            let message = "there is no folder of the same name beside it";
            remarks.push(Remark::new(codes::ARCHIVE_DIFFERS, name, message));
        }
    }
    ComparedArchive {
        sha256: bytes.sha256(),
        remarks,
    }
}

/// Where the archive of a host is not what its folder is.
fn differences(name: &str, host: &FoundHost, nodes: &FoundNodes) -> Vec<Remark> {
    let differs = |message: String| Remark::new(codes::ARCHIVE_DIFFERS, name, message);
    let mut remarks = Vec::new();
    for (path, packed) in nodes.iter().filter(|(path, _)| **path != host.name) {
        let shown = printable(path);
        if packed.root_owned() == Some(false) {
            let message = format!("in it {shown} is not root's");
            remarks.push(Remark::new(codes::ARCHIVE_OWNER, name, message));
        }
        let another_mode = Some("has another mode than in the folder beside it");
        let in_host = path.strip_prefix(&host.name).and_then(|path| path.strip_prefix('/'));
        let in_folder = in_host.and_then(|path| host.node(path));
        let difference = match (&in_folder, packed) {
            (None, _) => Some("is in it, and not in the folder beside it"),
            (Some(node), packed) if node.is_another_file(packed) => Some("is not the file in the folder beside it"),
            (Some(FoundNode::Directory { mode }), FoundNode::Directory { mode: packed })
            | (
                Some(FoundNode::File { mode, .. } | FoundNode::Digested { mode, .. }),
                FoundNode::File { mode: packed, .. } | FoundNode::Digested { mode: packed, .. },
            ) => another_mode.filter(|_| packed.is_some() && mode != packed),
            _ => Some("is of another kind than in the folder beside it"),
        };
        remarks.extend(difference.map(|difference| differs(format!("in it {shown} {difference}"))));
    }
    for path in host.paths().map(|path| format!("{}/{path}", host.name)) {
        if !nodes.contains_key(&path) {
            let shown = printable(&path);
            remarks.push(differs(format!("{shown} is in the folder beside it, and not in it")));
        }
    }
    remarks
}
