//! The secrets of each host, where they lie, and what they can do.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::powers::{Power, Powers};
use crate::audit::document::Tree;
use crate::audit::finding::Findings;
use crate::audit::login::is_kubeconfig;
use crate::audit::view::{HostView, View, private_key_of};
use crate::found::Found;
use crate::secrecy::{PRIVATE_KEY, holds_secret};

/// A file that holds secrets.
#[derive(Clone, Debug)]
pub struct HeldSecret {
    /// The path of the file.
    pub path: String,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What whoever has it can do.
    pub powers: BTreeSet<Power>,
}

/// A host with what it holds, by path.
#[derive(Clone, Debug)]
pub struct HostSecrets {
    /// The host, by its name.
    pub host: String,
    /// What it holds, by path.
    pub secrets: Vec<HeldSecret>,
}

/// Flags of the API server that name a list of users with what they log in by.
const LISTS_OF_USERS: [&str; 2] = ["token-auth-file", "basic-auth-file"];

/// Every host with its secrets. What they can do is told by everything that was found: a key's certificate may lie on another host.
pub fn held_secrets(found: &Found) -> Vec<HostSecrets> {
    let findings = Findings::default();
    // What can be done with a key does not depend on when.
    secrets_of_view(&View::read(found, OffsetDateTime::UNIX_EPOCH, &findings))
}

/// The same of what was read.
pub(crate) fn secrets_of_view(view: &View<'_>) -> Vec<HostSecrets> {
    let powers = Powers::read(view);
    let hosts = view.hosts.iter().map(|host| HostSecrets {
        host: host.name.to_owned(),
        secrets: secrets_of(view, host, &powers),
    });
    hosts.collect()
}

fn secrets_of(view: &View<'_>, host: &HostView<'_>, powers: &Powers<'_>) -> Vec<HeldSecret> {
    let lines = host.commands.iter().map(|command| &command.line);
    let lists = lines.flat_map(|line| LISTS_OF_USERS.iter().flat_map(|flag| line.values(flag)));
    let lists: BTreeSet<&str> = lists.filter_map(|path| host.resolve(path)).collect();
    let held = host.host.files.iter().filter_map(|(path, file)| {
        let documents = host.documents.get(path.as_str()).map_or(&[][..], AsRef::as_ref);
        let keys = host.pem.get(path.as_str()).map_or(&[][..], |items| items.as_ref());
        let keys: BTreeSet<&[u8]> = keys.iter().filter_map(|item| item.private_key()).collect();
        let may_be_read = file.mode.is_none_or(|mode| mode & 0o004 != 0);
        let (what, powers) = if !keys.is_empty() {
            ("private key", keys.into_iter().flat_map(|key| powers.of(key)).collect())
        } else if documents.iter().any(is_kubeconfig) {
            (
                "kubeconfig",
                documents
                    .iter()
                    .flat_map(|one| of_kubeconfig(view, one, powers))
                    .collect(),
            )
        } else if documents.iter().any(encrypts) {
            ("encryption keys", BTreeSet::from([Power::ReadEncryptedSecrets]))
        } else if lists.contains(path.as_str()) {
            ("list of users", BTreeSet::from([Power::LogIn]))
        } else if file
            .text()
            .is_some_and(|text| text.contains(PRIVATE_KEY) || !may_be_read && holds_secret(text))
        {
            ("other secret", BTreeSet::from([Power::Unknown]))
        } else {
            return None;
        };
        let path = path.clone();
        (!powers.is_empty()).then_some(HeldSecret { path, what, powers })
    });
    held.collect()
}

/// What its users can do by what stands in it; a key that it names by its path is a file of its own.
fn of_kubeconfig(view: &View<'_>, config: &Tree, powers: &Powers<'_>) -> BTreeSet<Power> {
    let mut found = BTreeSet::new();
    for user in config.items_at(&["users"]).iter().filter_map(|entry| entry.get("user")) {
        let pem = user
            .text_at(&["client-key-data"])
            .map(|text| Base64::decode_vec(text.trim()));
        if let Some(pem) = pem {
            let pem = Zeroizing::new(pem.unwrap_or_default());
            match private_key_of(&view.items_of(&pem)) {
                Some(key) => found.extend(powers.of(key)),
                None => drop(found.insert(Power::Unknown)),
            }
        }
        if ["token", "password"]
            .iter()
            .any(|field| user.text_at(&[field]).is_some())
        {
            found.insert(Power::LogIn);
        }
    }
    found
}

/// Whether it is an encryption configuration with a key in it.
fn encrypts(document: &Tree) -> bool {
    let resources = document.items_at(&["resources"]).iter();
    let providers = resources.flat_map(|resource| resource.items_at(&["providers"]));
    let of_keys = |provider: &Tree| match provider {
        Tree::Map(kinds) => kinds.iter().any(|(_, kind)| !kind.items_at(&["keys"]).is_empty()),
        _ => false,
    };
    document.is_encryption() && providers.into_iter().any(of_keys)
}
