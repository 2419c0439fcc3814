//! Manifests, checksums, archives beside folders, and who may read what.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;

use super::document::Tree;
use super::finding::Findings;
use super::spot::Spot;
use super::view::View;
use crate::diagnostic::verify_codes as codes;
use crate::found::{Archive, Found, FoundNode, FoundNodes, PART, is_archive, printable, stem_of_archive};
use crate::pki::digest::sha256_hex;

/// The list of what belongs to a bundle, or to an output.
const MANIFEST: &str = "MANIFEST";

pub(crate) fn check(view: &View<'_>, found: &Found) {
    let findings = view.findings;
    for host in &found.hosts {
        check_manifest(findings, &host.name, &host.all);
        check_host_line(findings, &host.name, &host.all, host.is_named);
    }
    if !found.output.is_empty() {
        check_manifest(findings, "", &found.output);
        check_sums(findings, &found.output);
        check_part(findings, found);
    }
    let hosts: BTreeSet<&str> = found.hosts.iter().map(|host| host.name.as_str()).collect();
    for archive in found.archives() {
        for remark in &archive.remarks {
            findings.report(remark.code, "", &remark.path, remark.message.clone());
        }
        match stem_of_archive(archive.name).filter(|stem| hosts.contains(stem)) {
            Some(host) => check_archive(findings, host, found.folder_of(host).collect(), &archive),
            None => {
                let message = "there is no folder of the same name beside it";
                findings.report(codes::ARCHIVE_DIFFERS, "", archive.name, message);
            }
        }
    }
    check_modes(view);
    for (path, node) in &found.output {
        if let FoundNode::File { mode: Some(mode), .. } = node
            && !path.contains('/')
            && is_archive(path)
            && mode & 0o077 != 0
        {
            let message = format!("mode {mode:04o}: others than its owner may read the keys in it");
            findings.report(codes::SECRET_EXPOSED, "", path, message);
        }
    }
}

/// `mode sha256 path` in each line, a folder with `-` and a slash at its end.
fn check_manifest(findings: &Findings, host: &str, nodes: &FoundNodes) {
    let bad = |message: &str| findings.report(codes::BAD_MANIFEST, host, MANIFEST, message);
    let differs = |path: &str, message: &str| findings.report(codes::MANIFEST_DIFFERS, host, path, message);
    let Some(FoundNode::File { content, .. }) = nodes.get(MANIFEST) else {
        if !nodes.is_empty() {
            bad("there is none, so nothing says what belongs here");
        }
        return;
    };
    let Ok(text) = std::str::from_utf8(content.expose()) else {
        return bad("it is not UTF-8");
    };
    let mut listed = BTreeSet::new();
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let (mode, sum, path) = match fields.as_slice() {
            [mode, sum, path] => (u32::from_str_radix(mode, 8).ok(), *sum, path.trim_end_matches('/')),
            _ => (None, "", ""),
        };
        let Some(mode) = mode.filter(|_| sum == "-" || is_sum(sum)) else {
            bad(&format!("line {number} is no mode, sum and path"));
            continue;
        };
        if !listed.insert(path.to_owned()) {
            bad(&format!("line {number} names a path again"));
        }
        let got = match (nodes.get(path), sum == "-") {
            (Some(FoundNode::Directory { mode }), true) => *mode,
            (Some(FoundNode::File { mode, content, .. }), false) => {
                if sha256_hex(content.expose()) != sum {
                    let message = "it is not what the manifest was made over";
                    findings.report(codes::CHECKSUM_MISMATCH, host, path, message);
                }
                *mode
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
    for path in nodes.keys().filter(|path| !listed.contains(*path)) {
        if ![MANIFEST, "SHA256SUMS", ".khw-gen.state"].contains(&path.as_str()) {
            differs(path, "the manifest does not list it");
        }
    }
}

/// The second line of a host's manifest names the host: `install.sh` does nothing without. A folder by itself may be called
/// anything.
fn check_host_line(findings: &Findings, host: &str, nodes: &FoundNodes, folder_is_named: bool) {
    let Some(FoundNode::File { content, .. }) = nodes.get(MANIFEST) else {
        return;
    };
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

fn check_sums(findings: &Findings, nodes: &FoundNodes) {
    const SUMS: &str = "SHA256SUMS";
    let bad = |message: &str| findings.report(codes::BAD_MANIFEST, "", SUMS, message);
    let Some(FoundNode::File { content, .. }) = nodes.get(SUMS) else {
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
        let (code, message) = match nodes.get(path) {
            Some(FoundNode::File { content, .. }) if sha256_hex(content.expose()) == sum => continue,
            Some(_) => (codes::CHECKSUM_MISMATCH, format!("it is not what {SUMS} was made over")),
            None => (codes::MANIFEST_DIFFERS, format!("{SUMS} lists it, and it is not there")),
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

/// An archive holds what the folder beside it holds.
fn check_archive(findings: &Findings, host: &str, mut beside: BTreeMap<&str, &FoundNode>, archive: &Archive<'_>) {
    let differs = |message: &str| findings.report(codes::ARCHIVE_DIFFERS, "", archive.name, message);
    for (path, node) in archive.nodes.iter().filter(|(path, _)| *path != host) {
        let shown = printable(path);
        if matches!(
            node,
            FoundNode::File {
                root_owned: Some(false),
                ..
            }
        ) {
            let message = format!("in it {shown} is not root's");
            findings.report(codes::ARCHIVE_OWNER, "", archive.name, message);
        }
        let another_mode = Some("has another mode than in the folder beside it");
        let in_host = path.strip_prefix(host).and_then(|path| path.strip_prefix('/'));
        let difference = match (in_host.and_then(|path| beside.remove(path)), node) {
            (None, _) => Some("is in it, and not in the folder beside it"),
            (Some(FoundNode::File { content, .. }), FoundNode::File { content: packed, .. }) if content != packed => {
                Some("is not the file in the folder beside it")
            }
            (Some(FoundNode::File { mode, .. }), FoundNode::File { mode: packed, .. })
            | (Some(FoundNode::Directory { mode }), FoundNode::Directory { mode: packed }) => {
                another_mode.filter(|_| packed.is_some() && mode != packed)
            }
            _ => Some("is of another kind than in the folder beside it"),
        };
        if let Some(difference) = difference {
            differs(&format!("in it {shown} {difference}"));
        }
    }
    for path in beside.keys() {
        let shown = printable(&format!("{host}/{path}"));
        differs(&format!("{shown} is in the folder beside it, and not in it"));
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
            if let FoundNode::File { mode: Some(mode), .. } | FoundNode::Directory { mode: Some(mode) } = node
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
            let documents = host.documents.get(path.as_str()).map_or(&[][..], Vec::as_slice);
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
