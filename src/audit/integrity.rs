//! Manifests, checksums, archives beside folders, and who may read what.

use std::collections::{BTreeMap, BTreeSet};

use super::Audit;
use super::document::Tree;
use crate::diagnostic::verify_codes as codes;
use crate::found::{Found, Node, Nodes, PART, is_archive, printable, stem_of_archive};
use crate::pki::digest::sha256_hex;

/// The list of what belongs to a bundle, or to an output.
const MANIFEST: &str = "MANIFEST";

pub fn check(audit: &mut Audit<'_>, found: &Found) {
    for host in &found.hosts {
        check_manifest(audit, &host.name, &host.all);
        check_host_line(audit, &host.name, &host.all, host.is_named);
    }
    if !found.output.is_empty() {
        check_manifest(audit, "", &found.output);
        check_sums(audit, &found.output);
        check_part(audit, found);
    }
    for (name, inside) in &found.archives {
        check_archive(audit, found, name, inside);
    }
    check_modes(audit);
    for (path, node) in &found.output {
        if let Node::File { mode: Some(mode), .. } = node
            && !path.contains('/')
            && is_archive(path)
            && mode & 0o077 != 0
        {
            let message = format!("mode {mode:04o}: others than its owner may read the keys in it");
            audit.report(codes::SECRET_EXPOSED, "", path, message);
        }
    }
}

/// `mode sha256 path` in each line, a folder with `-` and a slash at its end.
fn check_manifest(audit: &mut Audit<'_>, host: &str, nodes: &Nodes) {
    let Some(Node::File { content, .. }) = nodes.get(MANIFEST) else {
        if !nodes.is_empty() {
            audit.report(
                codes::BAD_MANIFEST,
                host,
                MANIFEST,
                "there is none, so nothing says what belongs here",
            );
        }
        return;
    };
    let Ok(text) = std::str::from_utf8(content.expose()) else {
        return audit.report(codes::BAD_MANIFEST, host, MANIFEST, "it is not UTF-8");
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
            audit.report(
                codes::BAD_MANIFEST,
                host,
                MANIFEST,
                format!("line {number} is no mode, sum and path"),
            );
            continue;
        };
        if !listed.insert(path.to_owned()) {
            audit.report(
                codes::BAD_MANIFEST,
                host,
                MANIFEST,
                format!("line {number} names a path again"),
            );
        }
        let got = match (nodes.get(path), sum == "-") {
            (Some(Node::Directory { mode }), true) => *mode,
            (Some(Node::File { mode, content, .. }), false) => {
                if sha256_hex(content.expose()) != sum {
                    audit.report(
                        codes::CHECKSUM_MISMATCH,
                        host,
                        path,
                        "it is not what the manifest was made over",
                    );
                }
                *mode
            }
            (Some(_), _) => {
                audit.report(
                    codes::MANIFEST_DIFFERS,
                    host,
                    path,
                    "it is of another kind than the manifest says",
                );
                continue;
            }
            (None, _) => {
                audit.report(
                    codes::MANIFEST_DIFFERS,
                    host,
                    path,
                    "the manifest lists it, and it is not there",
                );
                continue;
            }
        };
        if let Some(got) = got.filter(|got| *got != mode) {
            let message = format!("its mode is {got:04o}, and {mode:04o} in the manifest");
            audit.report(codes::MANIFEST_DIFFERS, host, path, message);
        }
    }
    let ended = text.lines().last().is_some_and(|line| line.starts_with("# end"));
    if !ended || !text.ends_with('\n') {
        audit.report(codes::BAD_MANIFEST, host, MANIFEST, "its end is missing");
    }
    for path in nodes.keys().filter(|path| !listed.contains(*path)) {
        if ![MANIFEST, "SHA256SUMS", ".khw-gen.state"].contains(&path.as_str()) {
            audit.report(codes::MANIFEST_DIFFERS, host, path, "the manifest does not list it");
        }
    }
}

/// The second line of a host's manifest names the host: `install.sh` does nothing without. A folder by itself may be called
/// anything.
fn check_host_line(audit: &mut Audit<'_>, host: &str, nodes: &Nodes, folder_is_named: bool) {
    let Some(Node::File { content, .. }) = nodes.get(MANIFEST) else {
        return;
    };
    let text = String::from_utf8_lossy(content.expose());
    let named = text.lines().nth(1).and_then(|line| line.strip_prefix("# host: "));
    let could_be_host =
        |name: &&str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-'));
    match named.filter(could_be_host) {
        None => audit.report(
            codes::BAD_MANIFEST,
            host,
            MANIFEST,
            "its second line does not name the host",
        ),
        Some(named) if folder_is_named && named != host => {
            let message = format!("it is the manifest of {}", printable(named));
            audit.report(codes::MANIFEST_DIFFERS, host, MANIFEST, message);
        }
        Some(_) => {}
    }
}

fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn check_sums(audit: &mut Audit<'_>, nodes: &Nodes) {
    const SUMS: &str = "SHA256SUMS";
    let Some(Node::File { content, .. }) = nodes.get(SUMS) else {
        return audit.report(codes::BAD_MANIFEST, "", SUMS, "there is none");
    };
    let Ok(text) = std::str::from_utf8(content.expose()) else {
        return audit.report(codes::BAD_MANIFEST, "", SUMS, "it is not UTF-8");
    };
    for (line, number) in text.lines().zip(1..) {
        let Some((sum, path)) = line.split_once("  ").filter(|(sum, _)| is_sum(sum)) else {
            audit.report(
                codes::BAD_MANIFEST,
                "",
                SUMS,
                format!("line {number} is no sum and path"),
            );
            continue;
        };
        match nodes.get(path) {
            Some(Node::File { content, .. }) if sha256_hex(content.expose()) == sum => {}
            Some(_) => audit.report(
                codes::CHECKSUM_MISMATCH,
                "",
                path,
                format!("it is not what {SUMS} was made over"),
            ),
            None => audit.report(
                codes::MANIFEST_DIFFERS,
                "",
                path,
                format!("{SUMS} lists it, and it is not there"),
            ),
        }
    }
}

/// What a part of a fleet says of its hosts: those that it says are elsewhere are looked for by nobody.
fn check_part(audit: &mut Audit<'_>, found: &Found) {
    let Some(part) = &found.part else {
        if found.output.contains_key(PART) {
            audit.report(codes::BAD_MANIFEST, "", PART, "it is no list of the hosts of a fleet");
        }
        return;
    };
    let hosts: BTreeSet<&str> = found.hosts.iter().map(|host| host.name.as_str()).collect();
    for host in part.here.iter().filter(|host| !hosts.contains(host.as_str())) {
        let message = format!(
            "it says that {} is in this part, and there is no such folder",
            printable(host)
        );
        audit.report(codes::MANIFEST_DIFFERS, "", PART, message);
    }
    for host in hosts.iter().filter(|host| !part.here.contains(**host)) {
        let message = format!(
            "it does not say that {} is in this part, and there is such a folder",
            printable(host)
        );
        audit.report(codes::MANIFEST_DIFFERS, "", PART, message);
    }
}

/// An archive holds what the folder beside it holds.
fn check_archive(audit: &mut Audit<'_>, found: &Found, name: &str, inside: &Nodes) {
    let Some(stem) = stem_of_archive(name) else {
        return;
    };
    if !found.hosts.iter().any(|host| host.name == stem) {
        return audit.report(
            codes::ARCHIVE_DIFFERS,
            "",
            name,
            "there is no folder of the same name beside it",
        );
    }
    let prefix = format!("{stem}/");
    let mut beside: BTreeMap<&str, &Node> = found
        .output
        .iter()
        .filter(|(path, _)| path.starts_with(&prefix))
        .map(|(path, node)| (path.as_str(), node))
        .collect();
    for (path, node) in inside {
        if path == stem {
            continue;
        }
        if let Node::File {
            root_owned: Some(false),
            ..
        } = node
        {
            audit.report(
                codes::ARCHIVE_OWNER,
                "",
                name,
                format!("in it {} is not root's", printable(path)),
            );
        }
        let message = match (beside.remove(path.as_str()), node) {
            (None, _) => Some("is in it, and not in the folder beside it"),
            (
                Some(Node::File { content, mode, .. }),
                Node::File {
                    content: packed,
                    mode: packed_mode,
                    ..
                },
            ) => {
                if content != packed {
                    Some("is not the file in the folder beside it")
                } else if packed_mode.is_some() && mode != packed_mode {
                    Some("has another mode than in the folder beside it")
                } else {
                    None
                }
            }
            (Some(Node::Directory { mode }), Node::Directory { mode: packed }) => {
                (packed.is_some() && mode != packed).then_some("has another mode than in the folder beside it")
            }
            _ => Some("is of another kind than in the folder beside it"),
        };
        if let Some(message) = message {
            audit.report(
                codes::ARCHIVE_DIFFERS,
                "",
                name,
                format!("in it {} {message}", printable(path)),
            );
        }
    }
    for path in beside.keys() {
        let message = format!("{} is in the folder beside it, and not in it", printable(path));
        audit.report(codes::ARCHIVE_DIFFERS, "", name, message);
    }
}

/// Who may read keys, and who may change anything.
fn check_modes(audit: &mut Audit<'_>) {
    let mut reports = Vec::new();
    for read in &audit.hosts {
        for (path, file) in &read.host.files {
            if file.root_owned == Some(false) {
                reports.push((
                    codes::ARCHIVE_OWNER,
                    read.name,
                    path,
                    "it is not root's in the archive".to_owned(),
                ));
            }
            let Some(mode) = file.mode else { continue };
            let documents = read.documents.get(path.as_str()).map_or(&[][..], Vec::as_slice);
            let secret = contains(file.content.expose(), b"PRIVATE KEY-----") || documents.iter().any(is_secret);
            if secret && mode & 0o027 != 0 {
                let message = format!("mode {mode:04o}: others than its owner may read or change a secret");
                reports.push((codes::SECRET_EXPOSED, read.name, path, message));
            } else if secret && mode & 0o050 != 0 {
                let message = format!("mode {mode:04o}: the group of its owner may read a secret");
                reports.push((codes::SECRET_FOR_GROUP, read.name, path, message));
            } else if mode & 0o7022 != 0 {
                let message = format!("mode {mode:04o}: others than its owner may change it, or it has a special bit");
                reports.push((codes::WRITABLE_BY_OTHERS, read.name, path, message));
            }
            if mode & 0o400 == 0 {
                let message = format!("mode {mode:04o}: not even its owner may read it");
                reports.push((codes::UNREADABLE_MODE, read.name, path, message));
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, host, path, message);
    }
}

/// Whether a document holds a key: of encryption at rest, or a client's.
fn is_secret(document: &Tree) -> bool {
    let kind = document.text_at(&["kind"]).unwrap_or_default();
    if kind == "EncryptionConfiguration" || kind == "EncryptionConfig" {
        return true;
    }
    let users = document.items_at(&["users"]);
    kind == "Config"
        && users.iter().any(|user| {
            ["client-key-data", "token", "password"]
                .iter()
                .any(|field| user.at(&["user", field]).is_some())
        })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
