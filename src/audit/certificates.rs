//! Each certificate and key by itself, wherever it lies: dates, names, strength, who signed it, which key is whose.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding};
use time::OffsetDateTime;

use super::document::Tree;
use super::names::Url;
use super::{Audit, Read, certificates_of, uses};
use crate::diagnostic::verify_codes as codes;
use crate::found::Found;
use crate::pki::inspect::{Certificate, Item, items};
use crate::pki::x509::ComparableName;

/// A distinct certificate and everywhere it is.
#[derive(Clone, Debug)]
pub struct InventoryRow {
    pub certificate: Certificate,
    /// Host and path, sorted.
    pub places: Vec<(String, String)>,
    /// What it is for, in a few words each: the most telling first.
    pub uses: Vec<String>,
}

/// Every distinct certificate of a bundle, in files and within kubeconfigs: authorities first, then by the end of their life.
pub fn inventory(found: &Found, at: OffsetDateTime) -> Vec<InventoryRow> {
    let audit = Audit::read(found, at);
    let mut rows: Vec<InventoryRow> = gather(&audit.hosts).into_values().collect();
    rows.sort_by(|a, b| {
        let key = |row: &InventoryRow| {
            let certificate = &row.certificate;
            (
                !certificate.authority,
                certificate.not_after,
                certificate.subject.clone(),
                row.places.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    uses::add(&audit.hosts, &mut rows);
    rows
}

/// By fingerprint.
fn gather(hosts: &[Read<'_>]) -> BTreeMap<String, InventoryRow> {
    let mut rows: BTreeMap<String, InventoryRow> = BTreeMap::new();
    let mut add = |certificate: &Certificate, host: &str, path: &str| {
        let row = rows
            .entry(certificate.fingerprint.clone())
            .or_insert_with(|| InventoryRow {
                certificate: certificate.clone(),
                places: Vec::new(),
                uses: Vec::new(),
            });
        let place = (host.to_owned(), path.to_owned());
        // A file is gone through in one go.
        if row.places.last() != Some(&place) {
            row.places.push(place);
        }
    };
    for read in hosts {
        for (path, items) in &read.pem {
            for certificate in certificates_of(items) {
                add(certificate, read.name, path);
            }
        }
        for (path, documents) in &read.documents {
            for item in documents.iter().flat_map(embedded) {
                if let Item::Certificate(certificate) = item {
                    add(&certificate, read.name, path);
                }
            }
        }
    }
    rows
}

/// The PEM items in a kubeconfig's fields, private keys left out.
fn embedded(document: &Tree) -> Vec<Item> {
    let clusters = document.items_at(&["clusters"]).iter();
    let users = document.items_at(&["users"]).iter();
    clusters
        .filter_map(|cluster| cluster.text_at(&["cluster", "certificate-authority-data"]))
        .chain(users.filter_map(|user| user.text_at(&["user", "client-certificate-data"])))
        .filter_map(|text| Base64::decode_vec(text.trim()).ok())
        .flat_map(|pem| items(&pem))
        .collect()
}

pub fn check(audit: &mut Audit<'_>) {
    let rows: Vec<InventoryRow> = gather(&audit.hosts).into_values().collect();
    let all: Vec<&Certificate> = rows.iter().map(|row| &row.certificate).collect();
    let mut by_subject: BTreeMap<&ComparableName, Vec<&Certificate>> = BTreeMap::new();
    for certificate in &all {
        by_subject
            .entry(&certificate.subject_name)
            .or_default()
            .push(certificate);
    }
    for row in &rows {
        let issuers = by_subject.get(&row.certificate.issuer_name);
        check_one(audit, row, issuers.map_or(&[], Vec::as_slice));
    }
    check_shared_keys(audit, &rows);
    check_pairs(audit);
    check_authority_keys(audit, &all);
    check_foreign_keys(audit, &rows);
    check_loose(audit);
}

/// What the names of files say where no unit says it: in a folder made by hand, and where certificates are made.
fn check_loose(audit: &mut Audit<'_>) {
    let served = audit.hosts.iter().any(|read| read.runs("kube-apiserver"));
    let mut reports = Vec::new();
    for read in &audit.hosts {
        let mut servers = Vec::new();
        for path in read.pem.keys() {
            let Some(leaf) = read.certificates(path).first().copied() else {
                continue;
            };
            let Some(stem) = path.strip_suffix(".pem").or_else(|| path.strip_suffix(".crt")) else {
                continue;
            };
            let name = stem.rsplit('/').next().unwrap_or(stem);
            if !served && ["kubernetes", "apiserver", "kube-apiserver"].contains(&name) {
                servers.push((*path, leaf));
                let wanted = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
                for wanted in wanted.iter().filter(|wanted| !leaf.covers(wanted)) {
                    reports.push((
                        codes::SERVICE_NAME_MISSING,
                        read.name,
                        *path,
                        format!("it does not hold {wanted}, by which pods call the API server"),
                    ));
                }
                if !leaf.dns.iter().any(|dns| dns.starts_with("kubernetes.default.svc.")) {
                    let message =
                        "it does not hold kubernetes.default.svc and the domain, by which pods call the API server";
                    reports.push((codes::SERVICE_NAME_MISSING, read.name, *path, message.to_owned()));
                }
                if !leaf.server_auth {
                    reports.push((
                        codes::MISSING_SERVER_AUTH,
                        read.name,
                        *path,
                        "it is shown by a server, and may not be".to_owned(),
                    ));
                }
            }
            let common_name = leaf.common_name.as_deref().unwrap_or_default();
            let expected = match name {
                "kube-controller-manager" | "kube-scheduler" | "kube-proxy" => Some(format!("system:{name}")),
                _ if common_name.starts_with("system:node:")
                    && read.host.files.contains_key(&format!("{stem}.kubeconfig")) =>
                {
                    Some(format!("system:node:{name}"))
                }
                _ => None,
            };
            if let Some(expected) = expected.filter(|expected| expected != common_name) {
                let message = format!("it is {common_name:?}, and has to be {expected:?}");
                reports.push((codes::WRONG_IDENTITY, read.name, *path, message));
            }
            if let Some(node) = common_name.strip_prefix("system:nodes:") {
                let message = format!("it is {common_name:?}, and a node's user is \"system:node:{node}\"");
                reports.push((codes::WRONG_IDENTITY, read.name, *path, message));
            }
            if common_name.starts_with("system:node:") && !leaf.organizations.iter().any(|one| one == "system:nodes") {
                reports.push((
                    codes::WRONG_IDENTITY,
                    read.name,
                    *path,
                    "it lacks O=system:nodes".to_owned(),
                ));
            }
            let asked = read
                .documents(&format!("{stem}-csr.json"))
                .first()
                .and_then(|request| request.text_at(&["CN"]));
            if let Some(asked) = asked.filter(|asked| *asked != common_name) {
                let message = format!("it is {common_name:?}, and {name}-csr.json asks for {asked:?}");
                reports.push((codes::WRONG_IDENTITY, read.name, *path, message));
            }
        }
        for (path, documents) in &read.documents {
            let clusters = documents
                .iter()
                .filter(|document| document.text_at(&["kind"]) == Some("Config"))
                .flat_map(|document| document.items_at(&["clusters"]));
            for url in clusters
                .filter_map(|cluster| cluster.text_at(&["cluster", "server"]))
                .filter_map(Url::parse)
            {
                for (server, leaf) in servers.iter().filter(|(_, leaf)| !leaf.covers(&url.host)) {
                    let message = format!("its server {} is not in {server}, {:?}", url.host, leaf.subject);
                    reports.push((codes::ADDRESS_NOT_COVERED, read.name, *path, message));
                }
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, host, path, message);
    }
}

/// Authorities of one name: a cluster has one, or two while it is replaced.
const MOST_ISSUERS: usize = 32;

/// `issuers` are the certificates of its issuer's name.
fn check_one(audit: &mut Audit<'_>, row: &InventoryRow, issuers: &[&Certificate]) {
    let certificate = &row.certificate;
    let mut reports = Vec::new();
    if audit.at > certificate.not_after {
        reports.push((
            codes::CERTIFICATE_EXPIRED,
            format!("{:?} expired at {}", certificate.subject, certificate.not_after),
        ));
    }
    if audit.at < certificate.not_before {
        let message = format!("{:?} is valid from {}", certificate.subject, certificate.not_before);
        reports.push((codes::CERTIFICATE_NOT_YET_VALID, message));
    }
    if certificate.has_broken_digest() {
        reports.push((
            codes::BROKEN_DIGEST,
            format!("{:?} is signed by {}", certificate.subject, certificate.signature),
        ));
    }
    if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits < 2048) {
        reports.push((
            codes::WEAK_KEY,
            format!("the RSA key of {:?} has {bits} bits", certificate.subject),
        ));
    }
    for name in certificate.dns.iter().chain(&certificate.other_names) {
        if !is_dns_name(name) {
            reports.push((codes::BAD_SAN, format!("no client ever asks for {name:?}")));
        }
    }
    let misspelt = |name: &&String| {
        name.starts_with("kubernetes.svc.")
            || name.starts_with("kubernete.")
            || name.starts_with("kubernetes.default.scv")
    };
    for name in certificate.dns.iter().filter(misspelt) {
        reports.push((
            codes::BAD_SAN,
            format!("{name:?} is no name of the API server's service"),
        ));
    }
    for organization in &certificate.organizations {
        let break_glass = row
            .places
            .iter()
            .all(|(_, path)| path.contains("break-glass") || path.contains("super-admin"));
        if organization == "system:masters" && !break_glass && !certificate.authority {
            let message = format!(
                "{:?} may do everything, and no binding can take that back",
                certificate.subject
            );
            reports.push((codes::SYSTEM_MASTERS, message));
        }
    }
    if certificate.authority && !certificate.signs_certificates {
        reports.push((
            codes::NOT_AN_AUTHORITY,
            format!("the key usage of {:?} forbids it to sign", certificate.subject),
        ));
    }
    let signers: Vec<&&Certificate> = issuers
        .iter()
        .take(MOST_ISSUERS)
        .filter(|issuer| certificate.is_signed_by(issuer))
        .collect();
    if certificate.is_self_issued() && certificate.is_signed_by(certificate) {
        if !certificate.authority {
            let message = format!("{:?} is signed by itself, and no authority", certificate.subject);
            reports.push((codes::NOT_AN_AUTHORITY, message));
        }
    } else if issuers.is_empty() {
        let message = format!(
            "the issuer of {:?}, {:?}, is not here",
            certificate.subject, certificate.issuer
        );
        reports.push((codes::UNKNOWN_ISSUER, message));
    } else if signers.is_empty() {
        let message = format!(
            "{:?} says that {:?} issued it, whose key did not",
            certificate.subject, certificate.issuer
        );
        reports.push((codes::UNTRUSTED_CERTIFICATE, message));
    }
    for issuer in signers {
        if !issuer.authority {
            let message = format!(
                "{:?} issued {:?} and is no authority",
                issuer.subject, certificate.subject
            );
            reports.push((codes::NOT_AN_AUTHORITY, message));
        }
        if certificate.not_after > issuer.not_after {
            let message = format!(
                "{:?} ends after its issuer, at {}",
                certificate.subject, certificate.not_after
            );
            reports.push((codes::LEAF_OUTLIVES_AUTHORITY, message));
        }
    }
    if certificate.not_after <= certificate.not_before {
        reports.push((
            codes::CERTIFICATE_EXPIRED,
            format!("{:?} is never valid", certificate.subject),
        ));
    }
    for (code, message) in reports {
        for (host, path) in &row.places {
            audit.report(code, host, path, message.clone());
        }
    }
}

/// Whether a text can be a DNS name that something asks for; an address, a range or a port in it can't.
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn check_shared_keys(audit: &mut Audit<'_>, rows: &[InventoryRow]) {
    let mut by_key: BTreeMap<&[u8], Vec<&InventoryRow>> = BTreeMap::new();
    for row in rows {
        by_key.entry(&row.certificate.public_key).or_default().push(row);
    }
    for rows in by_key.values() {
        let subjects: BTreeSet<&str> = rows.iter().map(|row| row.certificate.subject.as_str()).collect();
        let kinds: BTreeSet<bool> = rows.iter().map(|row| row.certificate.authority).collect();
        if subjects.len() > 1 || kinds.len() > 1 {
            let message = format!("one key for {}", subjects.into_iter().collect::<Vec<_>>().join(" and "));
            for (host, path) in rows.iter().flat_map(|row| &row.places) {
                audit.report(codes::SHARED_KEY, host, path, message.clone());
            }
        }
    }
}

/// `NAME-key.pem` beside `NAME.pem`, `NAME.pub`, `NAME.csr`; `NAME.key` beside `NAME.crt`.
fn check_pairs(audit: &mut Audit<'_>) {
    let mut reports = Vec::new();
    for read in &audit.hosts {
        for path in read.pem.keys() {
            let stem = path.strip_suffix("-key.pem").or_else(|| path.strip_suffix(".key"));
            let (Some(stem), Some(key)) = (stem, read.private_key(path)) else {
                if stem.is_some() {
                    reports.push((
                        codes::BAD_PEM,
                        read.name,
                        *path,
                        "there is no private key in it".to_owned(),
                    ));
                }
                continue;
            };
            for end in [".pem", ".pub", ".crt", ".csr"] {
                let other = format!("{stem}{end}");
                let first = match read.host.files.contains_key(&other) {
                    true => read.public_keys(&other),
                    false => Default::default(),
                };
                if first.first().is_some_and(|public| *public != key) {
                    let message = format!("the key does not fit {other}");
                    reports.push((codes::KEY_MISMATCH, read.name, *path, message));
                }
            }
        }
        for (path, items) in &read.pem {
            let public = path.ends_with(".pem") && !path.ends_with("-key.pem") || path.ends_with(".crt");
            let certificates = certificates_of(items);
            if public && certificates.is_empty() && !items.iter().any(|item| matches!(item, Item::PublicKey(_))) {
                reports.push((
                    codes::BAD_PEM,
                    read.name,
                    *path,
                    "there is no certificate in it".to_owned(),
                ));
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, host, path, message);
    }
}

/// The key of an authority belongs to the control plane that signs with it, and to where certificates are made.
fn check_authority_keys(audit: &mut Audit<'_>, all: &[&Certificate]) {
    let mut reports = Vec::new();
    for read in &audit.hosts {
        let used: BTreeSet<&str> = read
            .commands
            .iter()
            .flat_map(|command| command.line.flags.values().flatten())
            .filter_map(|value| read.resolve(value))
            .collect();
        let serves = !read.commands.is_empty() || read.host.files.keys().any(|path| path.ends_with(".cfg"));
        for path in read.pem.keys() {
            let Some(key) = read.private_key(path) else { continue };
            let authority = all.iter().find(|one| one.authority && one.public_key == key);
            if let Some(authority) = authority
                && serves
                && !read.host.loose
                && !used.contains(path)
            {
                let message = format!(
                    "whoever has this host signs as {:?}, and nothing here needs to",
                    authority.subject
                );
                reports.push((codes::AUTHORITY_KEY_MISPLACED, read.name, *path, message));
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, host, path, message);
    }
}

/// A node has its own key, and those of no other. Whoever has an authority's key needs none of them.
fn check_foreign_keys(audit: &mut Audit<'_>, rows: &[InventoryRow]) {
    let node_of = |certificate: &Certificate| {
        let name = certificate.common_name.as_deref()?.strip_prefix("system:node:")?;
        Some(name.to_owned())
    };
    let nodes: BTreeMap<&[u8], String> = rows
        .iter()
        .filter_map(|row| Some((row.certificate.public_key.as_slice(), node_of(&row.certificate)?)))
        .collect();
    let authorities: BTreeSet<&[u8]> = rows
        .iter()
        .filter(|row| row.certificate.authority)
        .map(|row| row.certificate.public_key.as_slice())
        .collect();
    let mut reports = Vec::new();
    for read in audit.hosts.iter().filter(|read| read.runs("kubelet")) {
        let own: BTreeSet<&str> = read
            .programs("kubelet")
            .map(|command| command.line.flag("hostname-override").unwrap_or(read.name))
            .collect();
        let keys: Vec<(&str, &[u8])> = read
            .pem
            .keys()
            .filter_map(|path| Some((*path, read.private_key(path)?)))
            .collect();
        if keys.iter().any(|(_, key)| authorities.contains(key)) {
            continue;
        }
        for (path, key) in keys {
            if let Some(node) = nodes.get(key).filter(|node| !own.contains(node.as_str())) {
                reports.push((read.name.to_owned(), path.to_owned(), node.clone()));
            }
        }
        for row in rows {
            let Some(node) = node_of(&row.certificate).filter(|node| !own.contains(node.as_str())) else {
                continue;
            };
            // In a kubeconfig the key is beside it.
            let in_kubeconfigs = row
                .places
                .iter()
                .filter(|(host, path)| host == read.name && read.documents.contains_key(path.as_str()));
            reports.extend(in_kubeconfigs.map(|(host, path)| (host.clone(), path.clone(), node.clone())));
        }
    }
    for (host, path, node) in reports {
        let message = format!("with it this host can be the node {node:?}");
        audit.report(codes::FOREIGN_KEY, &host, &path, message);
    }
}
