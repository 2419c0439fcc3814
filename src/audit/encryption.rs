//! The configuration of encryption at rest: what is encrypted, by what, and with which keys.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::document::Tree;
use super::spot::Spot;
use crate::diagnostic::verify_codes as codes;
use crate::pki::digest::sha256_hex;

/// SHA-256 of the base64 of keys that stand in documentation: the walk-through's own, 32 zeros, and those of kubernetes.io,
/// "Encrypting Confidential Data at Rest".
const PUBLISHED: [&str; 5] = [
    "6595643956924dbe2402efee28ac8d37b73ec8e8cb7b4b884b09646a70e5d7fc",
    "51643eac9777b63a7b268174d1fd4276daedec9bc9ea0bc6e5abf69047bc54f6",
    "dc9b5db8c9b009b33f42c4aa31b9862fabd53f56920632a4fe1f28a933570008",
    "0e8e10c14d31e55f39d33df7e136521d706a7cd67196950b8742acd130ca5c91",
    "3d4e957dbf72e713e736a6b5fb7c07ee75a1dec7f7daa0b0be91e320f79e9e40",
];

/// Flags that name the configuration of encryption; the second in releases before 1.13.
pub(crate) const ENCRYPTION: [&str; 2] = ["encryption-provider-config", "experimental-encryption-provider-config"];

/// What an API server with one configuration writes and one with another can't read, and why.
pub(crate) fn unreadable(written: &Tree, read: &Tree) -> Vec<String> {
    let mut all = Vec::new();
    for resource in written.items_at(&["resources"]) {
        let first = resource.items_at(&["providers"]).first();
        let Some((kind, writer)) = first.and_then(|first| Some((kind_of(first)?, first))) else {
            continue;
        };
        for name in resource.items_at(&["resources"]).iter().filter_map(Tree::text) {
            let is_of = |other: &&Tree| {
                other
                    .items_at(&["resources"])
                    .iter()
                    .any(|one| one.text() == Some(name))
            };
            let readers = read.items_at(&["resources"]).iter().find(is_of);
            let providers = readers.map_or(&[][..], |other| other.items_at(&["providers"]));
            // What is written in clear is read in clear where nothing else is said.
            let is_read = match kind {
                "identity" => readers.is_none() || providers.iter().any(|one| kind_of(one) == Some(kind)),
                _ => providers
                    .iter()
                    .any(|one| kind_of(one) == Some(kind) && has_key_of(one, writer, kind)),
            };
            if !is_read {
                let key = writer
                    .items_at(&[kind, "keys"])
                    .first()
                    .and_then(|key| key.text_at(&["name"]));
                let by = key.map_or_else(|| kind.to_owned(), |key| format!("{kind} with the key {key:?}"));
                all.push(format!("{name} are written by {by}, which it has not"));
            }
        }
    }
    all
}

/// Whether a provider has the key with which another one writes.
fn has_key_of(provider: &Tree, writer: &Tree, kind: &str) -> bool {
    let is_same = |one: &Tree, other: &Tree| {
        ["name", "secret"]
            .iter()
            .all(|field| one.text_at(&[field]) == other.text_at(&[field]))
    };
    match writer.items_at(&[kind, "keys"]).first() {
        Some(first) => provider.items_at(&[kind, "keys"]).iter().any(|key| is_same(key, first)),
        // A plugin has its keys elsewhere.
        None => provider.text_at(&[kind, "endpoint"]) == writer.text_at(&[kind, "endpoint"]),
    }
}

/// Says nothing of any other document.
pub(crate) fn check(spot: Spot<'_>, document: &Tree) {
    if !document.is_encryption() {
        return;
    }
    let resources = document.items_at(&["resources"]);
    let names = resources.iter().flat_map(|resource| resource.items_at(&["resources"]));
    if !names
        .filter_map(Tree::text)
        .any(|name| matches!(name, "secrets" | "*." | "*.*"))
    {
        spot.report(codes::BAD_ENCRYPTION, "it does not encrypt secrets");
    }
    for resource in resources {
        let providers = resource.items_at(&["providers"]);
        match providers.first().and_then(kind_of) {
            Some("aescbc") => spot.report(codes::WEAK_ENCRYPTION, "its first provider is aescbc"),
            Some("identity") => {
                let message = "what is written is not encrypted: its first provider is identity";
                spot.report(codes::IDENTITY_FIRST, message);
            }
            Some(_) => {}
            None => spot.report(codes::BAD_ENCRYPTION, "it has no provider"),
        }
        for provider in providers {
            if let Some(kind) = kind_of(provider) {
                check_keys(spot, kind, provider.items_at(&[kind, "keys"]));
            }
        }
    }
}

/// A provider is a map of one field, which says what it is.
fn kind_of(provider: &Tree) -> Option<&str> {
    match provider {
        Tree::Map(fields) => fields.first().map(|(name, _)| name.as_str()),
        _ => None,
    }
}

/// The keys of one provider.
fn check_keys(spot: Spot<'_>, kind: &str, keys: &[Tree]) {
    if keys.is_empty() && ["aescbc", "aesgcm", "secretbox"].contains(&kind) {
        spot.report(codes::BAD_ENCRYPTION, format!("its provider {kind} has no key"));
    }
    let mut seen = BTreeSet::new();
    for key in keys {
        let name = key.text_at(&["name"]).unwrap_or_default();
        if name.is_empty() || !seen.insert(name) {
            spot.report(codes::BAD_ENCRYPTION, "a key of it has no name of its own");
        }
        let secret = key.text_at(&["secret"]).unwrap_or_default();
        if PUBLISHED.contains(&sha256_hex(secret.as_bytes()).as_str()) {
            let message = format!("the key {name:?} of it is that of a well-known example");
            spot.report(codes::PUBLISHED_SECRET, message);
        }
        let bytes = Base64::decode_vec(secret).map(Zeroizing::new);
        let what = match bytes.map(|bytes| bytes.len()) {
            Ok(32) => continue,
            Ok(16 | 24) if kind == "aesgcm" || kind == "aescbc" => continue,
            Ok(length) => format!("has {length} bytes, not 32"),
            Err(_) => "is not strict base64".to_owned(),
        };
        spot.report(codes::BAD_ENCRYPTION, format!("the key {name:?} of it {what}"));
    }
}
