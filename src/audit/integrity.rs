//! Manifests, checksums, archives beside folders, and who may read what.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use rayon::prelude::*;

use super::document::Tree;
use super::finding::Findings;
use super::spot::Spot;
use super::view::View;
use crate::diagnostic::verify_codes as codes;
use crate::found::{Found, FoundHost, FoundNode, PART, is_archive_beside, printable};
use crate::pki::digest::Sha256;

/// The list of what belongs to a bundle, or to an output; the sums of an output; what it says for the next build.
const MANIFEST: &str = "MANIFEST";
const SHA256SUMS: &str = "SHA256SUMS";
const STATE: &str = ".khw-gen.state";

pub(crate) fn check(view: &View<'_>, found: &Found) {
    let findings = view.findings;
    found.hosts.par_iter().filter(|host| host.is_bundle()).for_each(|host| {
        check_manifest(findings, &host.name, host.paths(), &|path| host.node(path));
        check_host_line(findings, host);
    });
    if !found.output.is_empty() {
        let hosts: BTreeMap<&str, &FoundHost> = found.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
        let node = |path: &str| match path.split_once('/').map(|(host, path)| (hosts.get(host), path)) {
            Some((Some(host), path)) => host.node(path),
            _ => found.output.get(path).cloned(),
        };
        let in_hosts = found.hosts.iter().flat_map(|host| {
            let paths = host.paths();
            paths.map(|path| format!("{}/{path}", host.name))
        });
        check_manifest(findings, "", found.output.keys().cloned().chain(in_hosts), &node);
        check_sums(findings, &node);
        check_part(findings, found);
    }
    for remark in &found.in_archives {
        findings.report(remark.code, "", &remark.path, remark.message.clone());
    }
    check_modes(view);
    for (path, node) in &found.output {
        if let FoundNode::Digested { mode: Some(mode), .. } = node
            && is_archive_beside(path)
            && mode & 0o077 != 0
        {
            let message = format!("mode {mode:04o}: others than its owner may read the keys in it");
            findings.report(codes::SECRET_EXPOSED, "", path, message);
        }
    }
}

/// What is at a path.
type NodeAt<'n> = &'n (dyn Fn(&str) -> Option<FoundNode> + Sync);

/// `mode sha256 path` in each line, a folder with `-` and a slash at its end.
fn check_manifest(findings: &Findings, host: &str, paths: impl Iterator<Item = String>, node: NodeAt<'_>) {
    let bad = |message: &str| findings.report(codes::BAD_MANIFEST, host, MANIFEST, message);
    let differs = |path: &str, message: &str| findings.report(codes::MANIFEST_DIFFERS, host, path, message);
    let Some(FoundNode::File { content, .. }) = node(MANIFEST) else {
        return bad("there is none, so nothing says what belongs here");
    };
    let Ok(text) = std::str::from_utf8(content.expose()) else {
        return bad("it is not UTF-8");
    };
    let mut listed = BTreeSet::new();
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with('#') {
            continue;
        }
        let mut fields = line.splitn(3, ' ');
        let (mode, sum, path) = match (fields.next(), fields.next(), fields.next()) {
            (Some(mode), Some(sum), Some(path)) => (u32::from_str_radix(mode, 8).ok(), sum, path.trim_end_matches('/')),
            _ => (None, "", ""),
        };
        let Some(mode) = mode.filter(|_| sum == "-" || is_sum(sum)) else {
            bad(&format!("line {number} is no mode, sum and path"));
            continue;
        };
        if !listed.insert(path) {
            bad(&format!("line {number} names a path again"));
        }
        let got = match (node(path), sum == "-") {
            (Some(FoundNode::Directory { mode }), true) => mode,
            (Some(file @ (FoundNode::File { mode, .. } | FoundNode::Digested { mode, .. })), false) => {
                if file.sha256() != Sha256::from_hex(sum) {
                    let message = "it is not what the manifest was made over";
                    findings.report(codes::CHECKSUM_MISMATCH, host, path, message);
                }
                mode
            }
            (Some(_), _) => {
                differs(path, "it is of another kind than the manifest says");
                continue;
            }
            (None, _) => {
                differs(path, "the manifest lists it, and it is not there");
                continue;
            }
        };
        if let Some(got) = got.filter(|got| *got != mode) {
            let message = format!("its mode is {got:04o}, and {mode:04o} in the manifest");
            differs(path, &message);
        }
    }
    let ended = text.lines().last().is_some_and(|line| line.starts_with("# end"));
    if !ended || !text.ends_with('\n') {
        bad("its end is missing");
    }
    for path in paths.filter(|path| !listed.contains(path.as_str())) {
        if ![MANIFEST, SHA256SUMS, STATE].contains(&path.as_str()) {
            differs(&path, "the manifest does not list it");
        }
    }
}

/// The second line of a host's manifest names the host: `install.sh` does nothing without. A folder by itself may be called
/// anything.
fn check_host_line(findings: &Findings, host: &FoundHost) {
    let Some(FoundNode::File { content, .. }) = host.beside.get(MANIFEST) else {
        return;
    };
    let (host, folder_is_named) = (host.name.as_str(), host.is_named);
    let text = String::from_utf8_lossy(content.expose());
    let named = text.lines().nth(1).and_then(|line| line.strip_prefix("# host: "));
    let could_be_host =
        |name: &&str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-'));
    match named.filter(could_be_host) {
        None => {
            let message = "its second line does not name the host";
            findings.report(codes::BAD_MANIFEST, host, MANIFEST, message);
        }
        Some(named) if folder_is_named && named != host => {
            let message = format!("it is the manifest of {}", printable(named));
            findings.report(codes::MANIFEST_DIFFERS, host, MANIFEST, message);
        }
        Some(_) => {}
    }
}

fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn check_sums(findings: &Findings, node: NodeAt<'_>) {
    let bad = |message: &str| findings.report(codes::BAD_MANIFEST, "", SHA256SUMS, message);
    let Some(FoundNode::File { content, .. }) = node(SHA256SUMS) else {
        return bad("there is none");
    };
    let Ok(text) = std::str::from_utf8(content.expose()) else {
        return bad("it is not UTF-8");
    };
    for (line, number) in text.lines().zip(1..) {
        let Some((sum, path)) = line.split_once("  ").filter(|(sum, _)| is_sum(sum)) else {
            bad(&format!("line {number} is no sum and path"));
            continue;
        };
        let (code, message) = match node(path) {
            Some(node) if node.sha256().is_some_and(|got| Sha256::from_hex(sum) == Some(got)) => continue,
            Some(_) => (
                codes::CHECKSUM_MISMATCH,
                format!("it is not what {SHA256SUMS} was made over"),
            ),
            None => (
                codes::MANIFEST_DIFFERS,
                format!("{SHA256SUMS} lists it, and it is not there"),
            ),
        };
        findings.report(code, "", path, message);
    }
}

/// What a part of a fleet says of its hosts: those that it says are elsewhere are looked for by nobody.
fn check_part(findings: &Findings, found: &Found) {
    let Some(part) = &found.part else {
        if found.output.contains_key(PART) {
            let message = "it is no list of the hosts of a fleet";
            findings.report(codes::BAD_MANIFEST, "", PART, message);
        }
        return;
    };
    let differs = |message: String| findings.report(codes::MANIFEST_DIFFERS, "", PART, message);
    let hosts: BTreeSet<&str> = found.hosts.iter().map(|host| host.name.as_str()).collect();
    for host in part.here.iter().filter(|host| !hosts.contains(host.as_str())) {
        let host = printable(host);
        differs(format!(
            "it says that {host} is in this part, and there is no such folder"
        ));
    }
    for host in hosts.iter().filter(|host| !part.here.contains(**host)) {
        let host = printable(host);
        differs(format!(
            "it does not say that {host} is in this part, and there is such a folder"
        ));
    }
}

/// Who may read keys, and who may change anything.
fn check_modes(view: &View<'_>) {
    for host in &view.hosts {
        // In a folder that others may write they can put a file in another's place, whatever the modes of both.
        for (path, mode) in &host.host.folders {
            let open = mode.filter(|mode| mode & 0o022 != 0 && mode & 0o1000 == 0);
            if let Some(mode) = open {
                let message = format!("mode {mode:04o}: others than its owner may put files into this folder");
                Spot { view, host, path }.report(codes::WRITABLE_BY_OTHERS, message);
            }
        }
        for (path, node) in &host.host.beside {
            if let FoundNode::File { mode: Some(mode), .. }
            | FoundNode::Digested { mode: Some(mode), .. }
            | FoundNode::Directory { mode: Some(mode) } = node
                && mode & 0o022 != 0
            {
                let message = format!("mode {mode:04o}: others than its owner may change it");
                Spot { view, host, path }.report(codes::WRITABLE_BY_OTHERS, message);
            }
        }
        for (path, file) in &host.host.files {
            let spot = Spot { view, host, path };
            if file.root_owned == Some(false) {
                spot.report(codes::ARCHIVE_OWNER, "it is not root's in the archive");
            }
            let Some(mode) = file.mode else { continue };
            let documents = host.documents.get(path.as_str()).map_or(&[][..], AsRef::as_ref);
            let secret =
                memmem::find(file.content.expose(), b"PRIVATE KEY-----").is_some() || documents.iter().any(is_secret);
            if secret && mode & 0o027 != 0 {
                let message = format!("mode {mode:04o}: others than its owner may read or change a secret");
                spot.report(codes::SECRET_EXPOSED, message);
            } else if secret && mode & 0o050 != 0 {
                let message = format!("mode {mode:04o}: the group of its owner may read a secret");
                spot.report(codes::SECRET_FOR_GROUP, message);
            } else if mode & 0o7022 != 0 {
                let message = format!("mode {mode:04o}: others than its owner may change it, or it has a special bit");
                spot.report(codes::WRITABLE_BY_OTHERS, message);
            }
            if mode & 0o400 == 0 {
                let message = format!("mode {mode:04o}: not even its owner may read it");
                spot.report(codes::UNREADABLE_MODE, message);
            }
        }
    }
}

/// Whether a document holds a key: of encryption at rest, or a client's.
fn is_secret(document: &Tree) -> bool {
    let fields = ["client-key-data", "token", "password"];
    let has_key = |user: &Tree| fields.iter().any(|field| user.at(&["user", field]).is_some());
    document.is_encryption() || document.kind() == "Config" && document.items_at(&["users"]).iter().any(has_key)
}
