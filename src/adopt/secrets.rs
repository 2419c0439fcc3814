//! What must not change besides authorities: the key that signs tokens, and the keys that Secrets are encrypted with.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::evidence::{Basis, Claims, Evidence, Settled};
use super::material::{Material, TrustedBeside};
use super::programs::{RunningProgram, resolve};
use super::shown::{ShownAs, of};
use crate::audit::document::Tree;
use crate::audit::encryption::ENCRYPTION;
use crate::audit::view::{HostView, View};
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::input::{key_sizes, problem_of_key_name};
use crate::pki::secret::SecretBytes;

/// The key pair that tokens are signed with.
#[derive(Clone, Debug)]
pub(super) struct KeptTokenKey {
    /// The SubjectPublicKeyInfo.
    pub public: Vec<u8>,
    pub key: SecretBytes,
    pub basis: Basis,
    /// Others whose tokens are accepted.
    pub beside: Vec<TrustedBeside>,
}

/// What such a key's file is called where nothing else says what it is.
const CALLED: [&str; 5] = ["service-account", "service_account", "serviceaccount", "sa.", "sa-"];

/// Finds it; that there is none is reported.
pub(super) fn token_key(
    programs: &[RunningProgram<'_>],
    material: &Material<'_>,
    shown: &[ShownAs],
    say: &Reporter,
) -> Option<KeptTokenKey> {
    let mut signing: Claims<Vec<u8>> = Claims::default();
    let mut accepted: Claims<Vec<u8>> = Claims::default();
    for program in programs {
        let signs = match program.name() {
            "kube-apiserver" => "service-account-signing-key-file",
            "kube-controller-manager" => "service-account-private-key-file",
            _ => continue,
        };
        let file = program.file(signs).and_then(|path| program.host.private_key(path));
        if let Some(public) = file {
            signing.add(public.to_vec(), program.evidence(signs));
        }
        let named: Vec<&str> = program.line.values("service-account-key-file").collect();
        for named_path in &named {
            let path = resolve(program.host, named_path);
            // The only one is most likely the other half of what signs.
            if path.is_none() && (named.len() > 1 || file.is_none()) {
                let message = format!(
                    "{}: {named_path} is not among the files: tokens that are accepted by the key in it are refused from the first build on",
                    program.evidence("service-account-key-file")
                );
                say.add(Diagnostic::new(codes::NOT_COPIED, message));
            }
            for public in path.map_or_else(Vec::new, |path| program.host.public_keys(path)) {
                accepted.add(public.to_vec(), program.evidence("service-account-key-file"));
            }
        }
    }
    let told = match signing.is_empty() {
        false => signing,
        true => by_name(material, shown, &accepted),
    };
    let describe = |_: &Vec<u8>| "one key".to_owned();
    let Some(chosen) = told.settle("what signs tokens", describe, say) else {
        let message = "nothing here signs tokens: a new key is made, and no token that there is is accepted any more";
        say.add(Diagnostic::new(codes::NO_TOKEN_KEY, message));
        return None;
    };
    let own = accepted.told_by(&chosen.value);
    let others = accepted.all().iter().filter(|(public, _)| *public != chosen.value);
    let beside = others.map(|(public, by)| TrustedBeside {
        public: public.clone(),
        certificate: None,
        key: material.private(public).cloned(),
        by: by.clone(),
        everywhere: own.iter().all(|place| by.contains(place)),
    });
    let beside = beside.collect();
    let key = material.private(&chosen.value)?.clone();
    Some(KeptTokenKey {
        public: chosen.value,
        key,
        basis: chosen.basis,
        beside,
    })
}

/// A key that is called so, or whose certificate is; or the private half of the one that is accepted.
fn by_name(material: &Material<'_>, shown: &[ShownAs], accepted: &Claims<Vec<u8>>) -> Claims<Vec<u8>> {
    let mut claims = Claims::default();
    for (public, by) in accepted
        .all()
        .iter()
        .filter(|(public, _)| material.private(public).is_some())
    {
        by.iter().for_each(|by| claims.add(public.clone(), by.clone()));
    }
    if !claims.is_empty() {
        return claims;
    }
    for one in of(shown, "service-account").filter(|one| material.private(&one.certificate.public_key).is_some()) {
        claims.add(one.certificate.public_key.clone(), one.evidence.clone());
    }
    let without_certificate = material.keys.iter().filter(|(public, key)| {
        let mut certificates = material.certificates.values();
        key.private.is_some() && !certificates.any(|one| one.certificate.public_key == **public)
    });
    for (public, key) in without_certificate {
        for at in &key.private_at {
            let name = at.path.rsplit('/').next().unwrap_or_default().to_lowercase();
            if CALLED.iter().any(|called| name.starts_with(called)) {
                claims.add(public.clone(), at.evidence.clone());
            }
        }
    }
    claims
}

/// A key of encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptEncryptionKey {
    pub name: String,
    pub secret: SecretBytes,
}

/// How Secrets are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptEncryption {
    pub provider: String,
    /// That of the first generation first: what is written with is the last but one that is to follow.
    pub keys: Vec<KeptEncryptionKey>,
    /// Which of them is written with, counted from 1.
    pub written: usize,
}

/// What is known of encryption.
pub(super) enum EncryptionFound {
    Kept(Settled<KeptEncryption>),
    /// API servers are known and have none, or nothing tells.
    Nothing,
}

/// Finds the configuration that API servers read, or that lies there; one that can't be expressed is reported.
pub(super) fn encryption(view: &View<'_>, programs: &[RunningProgram<'_>], say: &Reporter) -> EncryptionFound {
    let mut claims: Claims<KeptEncryption> = Claims::default();
    let mut seen = BTreeSet::new();
    let mut read = |host: &HostView<'_>, path: &str, document: &Tree| {
        // One that a flag names lies there as well.
        if !seen.insert((host.name.to_owned(), path.to_owned())) {
            return;
        }
        let evidence = Evidence::file(host, path);
        match kept(document) {
            Ok(found) => claims.add(found, evidence),
            Err(NotKept { why, hint, needle }) => {
                let place = Evidence::within(host, path, &needle, "");
                let diagnostic = Diagnostic::new(codes::ENCRYPTION_NOT_KEPT, format!("{place}: {why}"));
                say.add(match hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                });
            }
        }
    };
    let apis: Vec<&RunningProgram<'_>> = programs.iter().filter(|one| one.name() == "kube-apiserver").collect();
    for api in &apis {
        let named = ENCRYPTION.iter().find_map(|flag| api.file(flag));
        if let Some((path, document)) = named.and_then(|path| Some((path, api.host.documents.get(path)?.first()?))) {
            read(api.host, path, document);
        }
    }
    let names_one = |api: &RunningProgram<'_>| ENCRYPTION.iter().any(|flag| api.flag(flag).is_some());
    let may_name_one = |api: &RunningProgram<'_>| !names_one(api) && api.unvalued().next().is_some();
    let is_asked = apis.iter().any(|api| names_one(api) || may_name_one(api));
    if apis.is_empty() || is_asked {
        for host in view.hosts.iter() {
            let encryption = host
                .documents
                .iter()
                .filter(|(_, all)| all.iter().any(Tree::is_encryption));
            for (path, documents) in encryption {
                documents
                    .iter()
                    .filter(|one| one.is_encryption())
                    .for_each(|one| read(host, path, one));
            }
        }
    }
    let asked = apis.iter().find_map(|api| {
        let named = ENCRYPTION.iter().find_map(|flag| Some((*flag, api.flag(flag)?)));
        named.map(|(flag, path)| (api.evidence(flag), path))
    });
    if let Some((evidence, path)) = asked.filter(|_| seen.is_empty()) {
        let message = format!(
            "{evidence}: {path} is not among the files: what is encrypted with its keys could not be read any more"
        );
        say.add(Diagnostic::new(codes::ENCRYPTION_NOT_KEPT, message).hint("copy it as well, and adopt again"));
    }
    let may_encrypt = apis.iter().filter(|api| may_name_one(api)).find_map(|api| {
        let variable = api.unvalued().next()?;
        Some(api.variable(variable))
    });
    if let Some(place) = may_encrypt.filter(|_| seen.is_empty()) {
        let message = format!(
            "{place} has no value here and may name the file of encryption keys: what is encrypted with them could not be read any more"
        );
        say.add(Diagnostic::new(codes::ENCRYPTION_NOT_KEPT, message).hint(
            "copy the file that sets it, and that of the keys if it names one; where it is empty, take it out of the copied unit; and adopt again",
        ));
    }
    let describe = |one: &KeptEncryption| {
        let names: Vec<&str> = one.keys.iter().map(|key| key.name.as_str()).collect();
        format!("{} with {}", one.provider, names.join(", "))
    };
    let kept = claims.settle("how Secrets are encrypted", describe, say);
    kept.map_or(EncryptionFound::Nothing, EncryptionFound::Kept)
}

/// Why a configuration can't be kept.
struct NotKept {
    why: String,
    /// What to do, where it is something else than one key in the place of all others.
    hint: Option<String>,
    /// What the line has in it that says so.
    needle: String,
}

impl From<String> for NotKept {
    fn from(why: String) -> NotKept {
        NotKept {
            why,
            hint: None,
            needle: "providers".to_owned(),
        }
    }
}

impl From<&str> for NotKept {
    fn from(why: &str) -> NotKept {
        NotKept::from(why.to_owned())
    }
}

/// What a key that can't stay is rid of by.
const ANOTHER_KEY: &str = "add a key of another name in front of it, restart the API servers, write all Secrets anew (kubectl get secrets -A \
                           -o json | kubectl replace -f -), then take this one out and adopt";

/// A configuration as cluster.toml can say it, or why it can't.
fn kept(document: &Tree) -> Result<KeptEncryption, NotKept> {
    let resources = document.items_at(&["resources"]);
    let of_secrets = resources.iter().find(|one| {
        let mut names = one.items_at(&["resources"]).iter().filter_map(Tree::text);
        // The API server encrypts all of the core group, or everything, by these.
        names.any(|name| ["secrets", "*.", "*.*"].contains(&name))
    });
    let of_secrets = of_secrets.ok_or_else(|| NotKept {
        why: "Secrets are not among what it encrypts".to_owned(),
        hint: Some(
            "add `secrets` to what it encrypts and write all of them anew; or decrypt what it encrypts, and adopt without it".to_owned(),
        ),
        needle: "resources".to_owned(),
    })?;
    let names: Vec<&str> = resources
        .iter()
        .flat_map(|one| one.items_at(&["resources"]))
        .filter_map(Tree::text)
        .filter(|name| *name != "secrets")
        .collect();
    if let Some(first) = names.first() {
        let all = names.join(", ");
        return Err(NotKept {
            why: format!("it encrypts {all} too, and here Secrets are encrypted alone"),
            hint: Some(format!(
                "decrypt {all}: give them an entry of their own in front, with `identity: {{}}` before the keys that there are, restart the API \
                 servers, write them anew (kubectl get RESOURCE -A -o json | kubectl replace -f -), then leave `secrets` alone in the file and adopt"
            )),
            needle: (*first).to_owned(),
        });
    }
    let providers = of_secrets.items_at(&["providers"]);
    let kinds: Vec<&str> = providers
        .iter()
        .filter_map(|one| match one {
            Tree::Map(fields) => fields.first().map(|(name, _)| name.as_str()),
            _ => None,
        })
        .collect();
    let with_keys: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "identity").collect();
    let [provider] = with_keys.as_slice() else {
        return Err(NotKept::from(match with_keys.len() {
            0 => "it encrypts nothing".to_owned(),
            _ => format!(
                "it has several providers ({}); re-encrypt with one of them first",
                with_keys.join(", ")
            ),
        }));
    };
    let Some(sizes) = key_sizes(provider) else {
        return Err(format!("its provider is {provider}, which has its keys elsewhere").into());
    };
    if kinds.first() == Some(&"identity") {
        return Err("its first provider is identity: what is written is not encrypted".into());
    }
    let keys = providers
        .iter()
        .find_map(|one| one.at(&[provider, "keys"]))
        .map_or(&[][..], Tree::items);
    let mut all: Vec<KeptEncryptionKey> = Vec::new();
    for key in keys {
        let (name, secret) = key
            .text_at(&["name"])
            .zip(key.text_at(&["secret"]))
            .ok_or("a key of it has no name or no secret")?;
        let of_key = |why: String, hint: &str| NotKept {
            why,
            hint: Some(hint.to_owned()),
            needle: name.to_owned(),
        };
        if let Some(problem) = problem_of_key_name(name) {
            return Err(of_key(
                format!("{name:?} can't be the name of a key: {problem}"),
                ANOTHER_KEY,
            ));
        }
        if all.iter().any(|other| other.name == name) {
            let why = format!("there are two keys {name:?}, and what is encrypted says no more than the name");
            return Err(of_key(why, ANOTHER_KEY));
        }
        let Ok(bytes) = Base64::decode_vec(secret).map(Zeroizing::new) else {
            let why = format!("the secret of its key {name:?} is not strict base64");
            return Err(of_key(
                why,
                "the API server does not start with it: see that the file is the one that it reads",
            ));
        };
        if !sizes.contains(&bytes.len()) {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            let why = format!(
                "its key {name:?} has {} bytes, and {provider} takes {}: the API server does not start with it",
                bytes.len(),
                sizes.join(" or ")
            );
            return Err(of_key(why, "see that the file is the one that the API server reads"));
        }
        if let Some(other) = all.iter().find(|other| other.secret.expose() == secret.as_bytes()) {
            let why = format!("its keys {:?} and {name:?} are one key by two names", other.name);
            return Err(of_key(why, ANOTHER_KEY));
        }
        all.push(KeptEncryptionKey {
            name: name.to_owned(),
            secret: SecretBytes::from(secret.as_bytes()),
        });
    }
    match all.len() {
        0 => Err("it has no key".into()),
        1 | 2 => {
            // The first one writes: it is the successor of those behind it.
            all.reverse();
            Ok(KeptEncryption {
                provider: (*provider).to_owned(),
                written: all.len(),
                keys: all,
            })
        }
        more => Err(format!(
            "it has {more} keys, and only two can count at once: take out those that nothing is written with any more"
        )
        .into()),
    }
}
