//! `[encryption]`: how Secrets are encrypted in etcd, and the keys for it that there are already.
use std::sync::Arc;

use base64ct::{Base64, Encoding};

use crate::cluster::{ENCRYPTION, EncryptionProvider, ExistingEncryptionKey};
use crate::diagnostic::suggest::listed;
use crate::diagnostic::{Reporter, codes};
use crate::pki::secret::{SecretBytes, WipedBytes};

use super::draft::{Draft, DraftEncryption, DraftEncryptionKey};
use super::fields;
use super::generations::of_shared_key;
use super::source_files::Files;
use super::tree::{At, Document, Fields, Node};
use super::values::{cant_be, path_name};

/// Reads the section.
pub fn read(fields: &Fields<'_>) -> DraftEncryption {
    let named = fields.text_or("provider", EncryptionProvider::Secretbox.name());
    let keys = fields.nodes("keys").iter();
    DraftEncryption {
        provider: named.and_then(|name| provider(name, fields.doc.say)),
        keys: keys.filter_map(|node| key(fields.doc, node)).collect(),
    }
}

fn provider(text: At<String>, say: &Reporter) -> Option<At<EncryptionProvider>> {
    let Some(provider) = EncryptionProvider::named(&text.value) else {
        let message = format!("unknown encryption provider \"{}\"", text.value);
        let hint = format!(
            "the providers are {}",
            listed(EncryptionProvider::NAMES.iter().copied())
        );
        say.at(text.place, codes::UNKNOWN_PROVIDER, message).hint(hint);
        return None;
    };
    let weakness = match provider {
        EncryptionProvider::Aescbc => Some("aescbc is open to padding oracle attacks"),
        EncryptionProvider::Aesgcm => Some("aesgcm must have its key rotated every 200,000 writes"),
        EncryptionProvider::Secretbox => None,
    };
    if let Some(weakness) = weakness {
        say.at(&text.place, codes::WEAK_PROVIDER, weakness);
    }
    Some(text.with(provider))
}

fn key(doc: Document<'_>, node: &Node) -> Option<DraftEncryptionKey> {
    let fields = doc.fields(node, &fields::ENCRYPTION_KEY.names())?;
    fields.require("name");
    Some(DraftEncryptionKey {
        name: fields.parsed("name", key_name),
        file: fields.optional("file", path_name),
        place: fields.own_place(),
    })
}

fn key_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    let Some(problem) = problem_of_key_name(&name.value) else {
        return Some(name);
    };
    cant_be(&name, "the name of a key", problem, codes::BAD_ENCRYPTION_KEY, say);
    None
}

/// What is wrong with the name of a key: the API server writes it into etcd between colons, before what is encrypted with the key.
pub(crate) fn problem_of_key_name(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match name {
        "" => Some("it is empty"),
        name if !name.chars().all(is_plain) => Some("it has something else than letters, digits, `.`, `_` and `-`"),
        _ => None,
    }
}

/// How many bytes a key of a provider may have; none of a provider that has no keys of its own, or is not known.
pub(crate) fn key_sizes(provider: &str) -> Option<&'static [usize]> {
    EncryptionProvider::named(provider).map(EncryptionProvider::key_sizes)
}

/// The keys that there are already; none if one of them can't be used, which is reported.
pub fn brought(files: &dyn Files, draft: &Draft, say: &Reporter) -> Option<Vec<ExistingEncryptionKey>> {
    check_places(draft, say);
    let generations = of_shared_key(draft, ENCRYPTION);
    let keys = draft.encryption.keys.iter().zip(1..).map(|(key, number)| {
        let counts = generations.all().any(|generation| generation.number() == number);
        let secret = match (key.file.sound()?, counts) {
            (Some(file), _) => secret(files, draft, file, say)?,
            (None, false) => None,
            (None, true) => {
                let message = "a key that counts has no `file` with its secret";
                say.at(&key.place, codes::MISSING_FIELD, message);
                return None;
            }
        };
        Some(ExistingEncryptionKey {
            name: key.name.as_ref()?.value.clone(),
            secret,
        })
    });
    // Each of them has its say.
    let keys: Vec<Option<ExistingEncryptionKey>> = keys.collect();
    let keys: Vec<ExistingEncryptionKey> = keys.into_iter().collect::<Option<_>>()?;
    let twice = keys
        .iter()
        .zip(&draft.encryption.keys)
        .enumerate()
        .find(|(at, (key, _))| {
            let mut before = keys.iter().take(*at);
            key.secret.is_some() && before.any(|other| other.secret == key.secret)
        });
    if let Some((_, (key, written))) = twice {
        let message = format!("`{}` is the key of an earlier generation by another name", key.name);
        say.at(&written.place, codes::BAD_ENCRYPTION_KEY, message)
            .hint("take it out, and the next key is made from the seed; or name the file of another");
        return None;
    }
    Some(keys)
}

/// Whether each has a name of its own, and a generation that can count.
fn check_places(draft: &Draft, say: &Reporter) {
    let next = of_shared_key(draft, ENCRYPTION).newest().successor().number();
    let mut seen: Vec<&str> = Vec::new();
    for (key, number) in draft.encryption.keys.iter().zip(1..) {
        let Some(name) = &key.name else { continue };
        if seen.contains(&name.value.as_str()) {
            let message = format!(
                "there are two keys `{}`, and what is encrypted says no more than the name",
                name.value
            );
            say.at(name, codes::BAD_ENCRYPTION_KEY, message)
                .hint("give each the name by which the API server has it");
        } else if number > next {
            let message = format!(
                "`{}` is the key of generation {number}, and the next one is {next}",
                name.value
            );
            say.at(name, codes::BAD_ENCRYPTION_KEY, message).hint(format!(
                "the keys stand in the order of their generations, and `{ENCRYPTION}` of [generations] says which of them is written with: \
                 list no more than the one after it"
            ));
        }
        seen.push(&name.value);
    }
}

/// The secret in a file, in base64 as an EncryptionConfiguration has it: none where it was not there to be read, and none at all
/// where it can't be used.
#[expect(clippy::option_option, reason = "what is not at hand is not wrong")]
fn secret(files: &dyn Files, draft: &Draft, path: &At<String>, say: &Reporter) -> Option<Option<Arc<SecretBytes>>> {
    let file = match files.key(&path.value) {
        Ok(Some(file)) => file,
        Ok(None) => return Some(None),
        Err(why) => {
            say.at(path, codes::UNREADABLE, why.why).hint_if(why.hint);
            return None;
        }
    };
    let provider = draft.encryption.provider.as_ref()?.value;
    let text = file.expose().trim_ascii();
    let sizes = provider.key_sizes();
    match base64_length(text) {
        Some(length) if sizes.contains(&length) => Some(Some(Arc::new(SecretBytes::from(text)))),
        found => {
            let found = match found {
                Some(length) => format!("a key of {length} bytes"),
                None => "no base64".to_owned(),
            };
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            let message = format!(
                "{} holds {found}; the provider `{}` takes {} bytes in base64",
                path.value,
                provider.name(),
                sizes.join(" or "),
            );
            say.at(path, codes::BAD_ENCRYPTION_KEY, message)
                .hint("write what stands behind `secret:` in the configuration of the API server, and nothing else");
            None
        }
    }
}

/// How many bytes a text in base64 stands for.
fn base64_length(text: &[u8]) -> Option<usize> {
    let mut bytes = WipedBytes::from(vec![0; text.len()]);
    Base64::decode(text, &mut bytes).ok().map(<[u8]>::len)
}
