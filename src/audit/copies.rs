//! Keys that lie where nothing needs them: a copy beside the one in use, an administrator's on a host that runs programs.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::document::Tree;
use super::inventory::InventoryRow;
use super::spot::{Spot, documents};
use super::view::{HostView, View, private_key_of};
use crate::diagnostic::verify_codes as codes;

/// How editors, package managers and people call what they leave behind.
#[rustfmt::skip]
const LEFT_BEHIND: [&str; 14] = [
    "~", ".bak", ".backup", ".copy", ".dpkg-dist", ".dpkg-old", ".old", ".orig", ".rpmorig", ".rpmsave", ".save", ".swo",
    ".swp", ".tmp",
];

pub(crate) fn check(view: &View<'_>, rows: &[InventoryRow]) {
    let administrators = administrators(view, rows);
    // Of a folder made by hand nothing says what is where.
    let hosts = || view.hosts.iter().filter(|host| !host.host.loose);
    let keys: Vec<(Spot<'_>, Vec<Vec<u8>>)> = hosts().flat_map(|host| keys_of(view, host)).collect();
    let mut used: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
    let mut used_anywhere: BTreeSet<&[u8]> = BTreeSet::new();
    let named: BTreeMap<&str, BTreeSet<&str>> = hosts().map(|host| (host.name, named(host))).collect();
    let is_named = |spot: &Spot<'_>| named.get(spot.host.name).is_some_and(|named| named.contains(spot.path));
    for (spot, of_file) in keys.iter().filter(|(spot, _)| is_named(spot)) {
        for key in of_file {
            used.entry(spot.host.name).or_default().insert(key);
            used_anywhere.insert(key);
        }
    }
    for (spot, of_file) in &keys {
        let is_left = LEFT_BEHIND.iter().any(|end| spot.path.ends_with(end));
        let here = used.get(spot.host.name);
        let is_copy = of_file
            .iter()
            .any(|key| here.is_some_and(|here| here.contains(key.as_slice())));
        let is_foreign = of_file.iter().any(|key| used_anywhere.contains(key.as_slice())) && !is_copy;
        let serves = !spot.host.commands.is_empty() || !spot.host.balancers.is_empty();
        // The home of root is where keys are brought to, and where certificates are made.
        let is_home = spot.path.starts_with("/root/");
        if is_named(spot) {
            continue;
        }
        if is_left {
            spot.report(
                codes::COPIED_SECRET,
                "a key is in it, and its name is that of something left behind",
            );
        } else if is_copy && !is_home {
            spot.report(
                codes::COPIED_SECRET,
                "a key is in it that programs have from another place",
            );
        } else if is_foreign && serves && !is_home {
            spot.report(
                codes::COPIED_SECRET,
                "a key is in it that programs of other hosts have, and none of this one",
            );
        }
        let is_administrators = of_file.iter().any(|key| administrators.contains(key.as_slice()));
        if is_administrators && serves && !spot.host.runs("kube-apiserver") {
            let message = "whoever has this host is an administrator of the cluster, and nothing here needs to be";
            spot.report(codes::ADMINISTRATOR_KEY_MISPLACED, message);
        }
    }
}

/// The public halves of the keys of administrators: of system:masters, or bound to cluster-admin.
fn administrators<'v>(view: &View<'_>, rows: &'v [InventoryRow]) -> BTreeSet<&'v [u8]> {
    let is_binding = |document: &Tree| document.text_at(&["roleRef", "name"]) == Some("cluster-admin");
    let bindings = documents(view).filter(|(_, document)| is_binding(document));
    let subjects = bindings.flat_map(|(_, binding)| binding.items_at(&["subjects"]));
    let names: BTreeSet<&str> = subjects
        .filter_map(|subject| subject.text_at(&["name"]))
        .chain(["system:masters"])
        .collect();
    let certificates = rows.iter().map(|row| &row.certificate).filter(|one| !one.authority);
    let ours = certificates
        .filter(|one| names.contains(one.user()) || one.organizations.iter().any(|of| names.contains(of.as_str())));
    ours.map(|one| one.public_key.as_slice()).collect()
}

/// Every file of a host that has private keys, and their public halves.
fn keys_of<'v>(view: &'v View<'v>, host: &'v HostView<'v>) -> Vec<(Spot<'v>, Vec<Vec<u8>>)> {
    let plain = host
        .pem
        .iter()
        .filter_map(|(path, items)| Some((*path, vec![private_key_of(items)?.to_vec()])));
    let embedded = host.documents.iter().map(|(path, documents)| {
        let users = documents.iter().flat_map(|document| document.items_at(&["users"]));
        let keys = users.filter_map(|user| {
            let pem = Zeroizing::new(Base64::decode_vec(user.text_at(&["user", "client-key-data"])?.trim()).ok()?);
            Some(private_key_of(&view.items_of(&pem))?.to_vec())
        });
        (*path, keys.collect())
    });
    let all = plain
        .chain(embedded)
        .filter(|(_, keys): &(_, Vec<Vec<u8>>)| !keys.is_empty());
    all.map(|(path, keys)| (Spot { view, host, path }, keys)).collect()
}

/// Every file that a flag of a program names, or a document of the host.
fn named<'v>(host: &'v HostView<'v>) -> BTreeSet<&'v str> {
    fn add<'v>(host: &HostView<'v>, tree: &Tree, found: &mut BTreeSet<&'v str>) {
        match tree {
            Tree::Map(fields) => fields.iter().for_each(|(_, field)| add(host, field, found)),
            Tree::List(items) => items.iter().for_each(|item| add(host, item, found)),
            _ => found.extend(
                tree.text()
                    .filter(|text| text.starts_with('/'))
                    .and_then(|text| host.resolve(text)),
            ),
        }
    }
    let flags = host
        .commands
        .iter()
        .flat_map(|command| command.line.flags.values().flatten());
    let mut found: BTreeSet<&str> = flags
        .flat_map(|value| value.split(','))
        .filter_map(|path| host.resolve(path))
        .collect();
    host.all_documents()
        .for_each(|document| add(host, document, &mut found));
    found
}
