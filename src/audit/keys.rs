//! Which key is whose: one for several, one beside a certificate that it does not fit, one where it has no business.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::InventoryRow;
use super::kubeconfigs::administrators;
use super::login::client_of;
use super::spot::{Spot, all_running};
use super::units::logs_in_for;
use super::view::{HostView, View, certificates_of};
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, Item};
use crate::pki::x509::ComparableName;

pub(crate) fn check(view: &View<'_>, rows: &[InventoryRow]) {
    check_shared(view, rows);
    check_pairs(view);
    check_authorities(view, rows);
    check_foreign(view, rows);
    check_misplaced(view);
    check_trusted(view, rows);
}

/// Where several authorities are trusted, each issued something that is here. One that did not may be on its way in or out,
/// with the name of the other.
fn check_trusted(view: &View<'_>, rows: &[InventoryRow]) {
    let issued = rows.iter().filter(|row| !row.certificate.is_self_issued());
    let issuers: BTreeSet<&ComparableName> = issued.map(|row| &row.certificate.issuer_name).collect();
    let mut trusted: BTreeMap<&(String, String), Vec<&Certificate>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.certificate.authority) {
        for place in &row.places {
            trusted.entry(place).or_default().push(&row.certificate);
        }
    }
    for ((host, path), all) in trusted.into_iter().filter(|(_, all)| all.len() > 1 && view.whole) {
        for one in all.iter().filter(|one| !issuers.contains(&one.subject_name)) {
            let message = format!("{:?} is trusted, and issued nothing that is here", one.subject);
            view.findings.report(codes::EXTRA_TRUST, host, path, message);
        }
    }
}

fn check_shared(view: &View<'_>, rows: &[InventoryRow]) {
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
                view.findings.report(codes::SHARED_KEY, host, path, message.clone());
            }
        }
    }
}

/// `NAME-key.pem` beside `NAME.pem`, `NAME.pub`, `NAME.csr`; `NAME.key` beside `NAME.crt`.
fn check_pairs(view: &View<'_>) {
    for host in &view.hosts {
        for (path, items) in &host.pem {
            let spot = Spot { view, host, path };
            let public = path.ends_with(".pem") && !path.ends_with("-key.pem") || path.ends_with(".crt");
            let is_public_key = |item: &Item| matches!(item, Item::PublicKey(_) | Item::Revocations);
            if public && certificates_of(items).is_empty() && !items.iter().any(is_public_key) {
                spot.report(codes::BAD_PEM, "there is no certificate in it");
            }
            let Some(stem) = path.strip_suffix("-key.pem").or_else(|| path.strip_suffix(".key")) else {
                continue;
            };
            let Some(key) = host.private_key(path) else {
                spot.report(codes::BAD_PEM, "there is no private key in it");
                continue;
            };
            for end in [".pem", ".pub", ".crt", ".csr"] {
                let other = format!("{stem}{end}");
                if !host.host.files.contains_key(&other) {
                    continue;
                }
                // Of several authorities that are trusted any may be the one that signs; a leaf stands before those above it.
                let certificates = host.certificates(&other);
                let are_trusted = certificates.len() > 1 && certificates.iter().all(|one| one.authority);
                let public_keys = host.public_keys(&other);
                let fits = match are_trusted {
                    true => public_keys.contains(&key),
                    false => public_keys.first().is_none_or(|public| *public == key),
                };
                if !fits {
                    spot.report(codes::KEY_MISMATCH, format!("the key does not fit {other}"));
                }
            }
        }
    }
}

/// The key of an authority belongs to the control plane that signs with it, and to where certificates are made.
fn check_authorities(view: &View<'_>, rows: &[InventoryRow]) {
    let authorities: BTreeMap<&[u8], &Certificate> = rows
        .iter()
        .rev()
        .map(|row| &*row.certificate)
        .filter(|one| one.authority)
        .map(|one| (one.public_key.as_slice(), one))
        .collect();
    for host in view.hosts.iter().filter(|host| !host.host.loose) {
        let values = host
            .commands
            .iter()
            .flat_map(|command| command.line.flags.values().flatten());
        let used: BTreeSet<&str> = values.filter_map(|value| host.resolve(value)).collect();
        let serves = !host.commands.is_empty() || host.host.files.keys().any(|path| path.ends_with(".cfg"));
        for path in host.pem.keys().filter(|path| serves && !used.contains(*path)) {
            let Some(key) = host.private_key(path) else { continue };
            if let Some(authority) = authorities.get(key) {
                let subject = &authority.subject;
                let message = format!("whoever has this host signs as {subject:?}, and nothing here needs to");
                Spot { view, host, path }.report(codes::AUTHORITY_KEY_MISPLACED, message);
            }
        }
    }
}

/// A node has its own key, and those of no other. Whoever has an authority's key needs none of them.
fn check_foreign(view: &View<'_>, rows: &[InventoryRow]) {
    let node_of = |certificate: &Certificate| certificate.user().strip_prefix("system:node:").map(str::to_owned);
    let certificates = || rows.iter().map(|row| &row.certificate);
    let nodes: BTreeMap<&[u8], String> = certificates()
        .filter_map(|one| Some((one.public_key.as_slice(), node_of(one)?)))
        .collect();
    let authorities: BTreeSet<&[u8]> = certificates()
        .filter(|one| one.authority)
        .map(|one| one.public_key.as_slice())
        .collect();
    // In a kubeconfig the key is beside the certificate.
    let mut in_kubeconfigs: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for row in rows {
        let Some(node) = node_of(&row.certificate) else {
            continue;
        };
        for (host, path) in &row.places {
            in_kubeconfigs.entry(host).or_default().push((path, node.clone()));
        }
    }
    for host in view.hosts.iter().filter(|host| host.runs("kubelet")) {
        let own: BTreeSet<&str> = host.nodes().collect();
        let report = |path: &str, node: &String| {
            let message = format!("with it this host can be the node {node:?}");
            view.findings.report(codes::FOREIGN_KEY, host.name, path, message);
        };
        let keys = || {
            host.pem
                .keys()
                .filter_map(|path| Some((*path, host.private_key(path)?)))
        };
        if keys().any(|(_, key)| authorities.contains(key)) {
            continue;
        }
        let is_foreign = |node: &String| !own.contains(node.as_str());
        for (path, key) in keys() {
            if let Some(node) = nodes.get(key).filter(|node| is_foreign(node)) {
                report(path, node);
            }
        }
        let places = in_kubeconfigs.get(host.name).into_iter().flatten();
        for (path, node) in places.filter(|(path, node)| host.documents.contains_key(path) && is_foreign(node)) {
            report(path, node);
        }
    }
}

/// Flags that name a private key of the program's own; authorities' have a check of their own.
const OWN_KEYS: [&str; 9] = [
    "tls-private-key-file",
    "etcd-keyfile",
    "kubelet-client-key",
    "proxy-client-key-file",
    "service-account-signing-key-file",
    "service-account-private-key-file",
    "key-file",
    "peer-key-file",
    "private-key-file",
];

/// What is a control plane's, or an administrator's, has no business on a host that serves as something else.
fn check_misplaced(view: &View<'_>) {
    let mut of_programs: BTreeMap<&[u8], (&str, &str)> = BTreeMap::new();
    let mut own: BTreeSet<(&str, &[u8])> = BTreeSet::new();
    for one in all_running(view) {
        let paths = OWN_KEYS.iter().flat_map(|flag| one.line.values(flag));
        for key in paths.filter_map(|path| one.spot.host.private_key(path)) {
            own.insert((one.spot.host.name, key));
            of_programs
                .entry(key)
                .or_insert((&one.line.program, one.spot.host.name));
        }
    }
    let administrators = administrators(view);
    let is_elsewhere = |host: &HostView<'_>| !host.host.about.roles.iter().any(|role| role == "admin");
    let serves = |host: &HostView<'_>| !host.host.loose && (!host.commands.is_empty() || !host.balancers.is_empty());
    for host in view.hosts.iter().filter(|host| serves(host)) {
        let report = |path, message: String| Spot { view, host, path }.report(codes::MISPLACED_KEY, message);
        for path in host.pem.keys() {
            let key = host.private_key(path).filter(|key| !own.contains(&(host.name, *key)));
            if let Some((program, of)) = key.and_then(|key| of_programs.get(key)) {
                report(
                    path,
                    format!("it is the key of {program} of {of}, and nothing here needs it"),
                );
            }
        }
        if host.runs("kube-apiserver") {
            continue;
        }
        for (path, documents) in &host.documents {
            for document in documents.iter() {
                if document.is_encryption() {
                    report(
                        path,
                        "the keys of everything encrypted are in it, and no API server is here".to_owned(),
                    );
                }
                let users = document
                    .items_at(&["users"])
                    .iter()
                    .filter(|_| document.kind() == "Config");
                for leaf in users.filter_map(|user| client_of(Spot { view, host, path }, user)) {
                    let mut names = leaf.organizations.iter().map(String::as_str).chain([leaf.user()]);
                    let is_administrator = names.any(|name| name == "system:masters" || administrators.contains(name));
                    if is_administrator && is_elsewhere(host) {
                        report(
                            path,
                            "whoever has this host is an administrator of the cluster".to_owned(),
                        );
                    }
                    let program =
                        logs_in_for(leaf.user()).filter(|program| !["kubelet", "kube-proxy"].contains(program));
                    if let Some(program) = program.filter(|program| !host.runs(program)) {
                        report(path, format!("with it this host can be {program}, and does not run it"));
                    }
                }
            }
        }
    }
}
