//! What a file says, as facts that can be compared: each has a label, and none shows a secret.
//!
//! What isn't known to be public is [`Fact::Hidden`]: whether it changed can be told, and nothing else.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::sides::KeysKnown;
use crate::audit::document::{self, Tree};
use crate::audit::unit::{CommandLine, UnitFile, words};
use crate::found::File;
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::{Certificate, Item, items};
use crate::secrecy::{PRIVATE_KEY, holds_secret, is_name_of_secret, may_be_secret};

/// One thing that a file says.
#[derive(Clone, PartialEq, Eq)]
pub enum Fact {
    /// One value.
    Value(String),
    /// Several, in an order.
    List(Vec<String>),
    /// Lines of a text, in their order.
    Lines(Vec<String>),
    /// What is told of only when it changes: a serial number.
    Mark(String),
    /// The SHA-256 of the public half of a key.
    Key(String),
    /// A secret, or something that may be one: a digest that is compared and never shown.
    Hidden(Digest),
}

/// A digest of a secret. It can be compared, and nothing shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    pub fn of(secret: &[u8]) -> Digest {
        Digest(sha256_hex(secret))
    }
}

/// A label, and the fact that it names.
pub type Labelled = (String, Fact);

/// What a file says.
pub struct Meaning {
    /// What it is, in a few words: `certificate kubernetes`, `unit`.
    pub what: String,
    /// Label and fact, in an order for people.
    pub facts: Vec<Labelled>,
}

impl Meaning {
    /// Whether some of it is compared as a whole, since nothing can read it.
    pub fn is_opaque(&self) -> bool {
        self.facts.iter().any(|(label, _)| label == OPAQUE)
    }
}

/// The label of what is compared as a whole.
const OPAQUE: &str = "content";

/// Whether others may not read a file, or should not.
pub fn is_secret(file: &File) -> bool {
    holds_key(file) || file.mode.is_some_and(|mode| mode & 0o007 == 0)
}

fn holds_key(file: &File) -> bool {
    memchr::memmem::find(file.content.expose(), PRIVATE_KEY.as_bytes()).is_some()
}

/// Likewise of files that were copied so that nobody else reads any: their modes say nothing, and what `other`, the file of the same path on the
/// other side, is decides. What a unit says systemd tells everybody (systemd warns of units that not everybody may read).
pub fn is_secret_in_copy(path: &str, file: &File, other: Option<&File>) -> bool {
    match other.is_none() && !path.ends_with(".service") {
        true => is_secret(file),
        false => holds_key(file),
    }
}

/// What a file of a host says. `path` is its path there; of a `secret` file nothing is shown but what is known to be public. `started` is what
/// a unit starts, where its variables stand in files of their own.
pub fn meaning(path: &str, file: &File, secret: bool, known: KeysKnown, started: Option<&CommandLine>) -> Meaning {
    let mut meaning = content(path, file, secret, started);
    let facts = &mut meaning.facts;
    facts.extend(file.mode.map(|mode| ("mode".to_owned(), value(format!("{mode:04o}")))));
    match known {
        KeysKnown::All => {}
        KeysKnown::StandIn => {
            for (_, fact) in facts {
                if let Fact::Key(fingerprint) = fact {
                    *fact = Fact::Mark(std::mem::take(fingerprint));
                }
            }
        }
        KeysKnown::WithoutSeed => {
            facts.retain(|(_, fact)| !matches!(fact, Fact::Mark(_) | Fact::Key(_) | Fact::Hidden(_)));
        }
    }
    meaning
}

fn content(path: &str, file: &File, secret: bool, started: Option<&CommandLine>) -> Meaning {
    let bytes = file.content.expose();
    let opaque = |what: &str| Meaning {
        what: what.to_owned(),
        facts: vec![(OPAQUE.to_owned(), hidden(bytes))],
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if bytes.starts_with(b"-----BEGIN ") || ends(&[".pem", ".crt", ".key", ".csr", ".pub"]) {
        return pem(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return opaque("binary file");
    };
    let is_yaml = ends(&[".yaml", ".yml", ".kubeconfig"]) || name == "kubeconfig";
    // kubeadm's kubeconfigs end in .conf.
    let documents = match is_yaml || ends(&[".conf"]) {
        true => document::yaml(text).ok(),
        false => None,
    };
    match documents.as_deref() {
        Some([config]) if config.kind() == "Config" => return kubeconfig(config),
        Some([config]) if config.is_encryption() => return encryption(config),
        _ if secret => return opaque("secret file"),
        Some(documents) if is_yaml => return settings(documents),
        _ => {}
    }
    if ends(&[".json", ".conflist"])
        && let Ok(document) = document::json(text)
    {
        return settings(&[document]);
    }
    if ends(&[".service", ".socket", ".timer", ".path", ".mount", ".target"]) || path.contains(".service.d/") {
        return match UnitFile::parse(text) {
            Ok(unit) => of_unit(&unit, started),
            Err(_) => opaque("unit that can't be read"),
        };
    }
    if ends(&[".conf", ".cfg", ".toml", ".md", ".sh"]) {
        return plain_text(text);
    }
    opaque("file")
}

/// Lines that are no comments; those that may hold a secret are not shown.
fn plain_text(text: &str) -> Meaning {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with(['#', ';']));
    let (secret, shown): (Vec<&str>, Vec<&str>) = lines.partition(|line| {
        let name = line.trim_start().split(['=', ':', ' ']).next().unwrap_or_default();
        is_name_of_secret(name) || holds_secret(line)
    });
    let shown = shown.into_iter().map(str::to_owned).collect();
    let mut facts = vec![(String::new(), Fact::Lines(shown))];
    if !secret.is_empty() {
        facts.push(("secret lines".to_owned(), hidden_all(&secret)));
    }
    Meaning {
        what: "text".to_owned(),
        facts,
    }
}

/// A value under its name; hidden where one of the two says that it may be a secret.
fn named(name: &str, text: &str) -> Fact {
    match may_be_secret(name, text) {
        true => hidden(text),
        false => value(text),
    }
}

fn value(text: impl Into<String>) -> Fact {
    Fact::Value(text.into())
}

fn hidden(secret: impl AsRef<[u8]>) -> Fact {
    Fact::Hidden(Digest::of(secret.as_ref()))
}

/// Texts as one secret.
fn hidden_all(secrets: &[impl AsRef<str>]) -> Fact {
    let mut all = Zeroizing::new(String::new());
    for (index, secret) in secrets.iter().enumerate() {
        all.push_str(if index == 0 { "" } else { "\n" });
        all.push_str(secret.as_ref());
    }
    hidden(all.as_bytes())
}

pub(super) fn instant(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn fingerprint(spki: &[u8]) -> Fact {
    Fact::Key(sha256_hex(spki))
}

fn pem(bytes: &[u8]) -> Meaning {
    let items = items(bytes);
    let mut facts = Vec::new();
    for (item, number) in items.iter().zip(1..) {
        // The first keeps its labels whatever comes after it: one that is trusted beside it is an addition.
        let prefix = match number {
            1 => String::new(),
            _ => format!("block {number} "),
        };
        of_item(item, &prefix, &mut facts);
    }
    // What is not decoded here can change all the same: a request, text beside the blocks.
    let is_decoded = |item: &Item| matches!(item, Item::Certificate(_) | Item::PrivateKey(_) | Item::PublicKey(_));
    if !items.iter().all(is_decoded) {
        facts.push((OPAQUE.to_owned(), hidden(bytes)));
    }
    let what = match items.as_slice() {
        [Item::Certificate(certificate)] => certificate_name(certificate),
        [Item::PrivateKey(_)] => "private key".to_owned(),
        [Item::PublicKey(_)] => "public key".to_owned(),
        [Item::Request(_)] => "certificate request".to_owned(),
        [Item::Revocations] => "list of revoked certificates".to_owned(),
        [] => "PEM file with nothing in it".to_owned(),
        several => format!("{} PEM blocks", several.len()),
    };
    Meaning { what, facts }
}

fn certificate_name(certificate: &Certificate) -> String {
    let kind = match certificate.authority {
        true => "authority",
        false => "certificate",
    };
    match certificate.common_name.as_deref() {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_owned(),
    }
}

fn of_item(item: &Item, prefix: &str, facts: &mut Vec<Labelled>) {
    let mut add = |label: &str, fact: Fact| facts.push((format!("{prefix}{label}"), fact));
    match item {
        Item::Certificate(certificate) => {
            add("subject", value(&certificate.subject));
            add("issuer", value(&certificate.issuer));
            let ips = certificate.ips.iter().map(ToString::to_string);
            let names = certificate.dns.iter().chain(&certificate.other_names).cloned();
            add("SAN", Fact::List(names.chain(ips).collect()));
            let usages = [
                (certificate.authority, "authority"),
                (certificate.signs_certificates && certificate.authority, "cert sign"),
                (certificate.server_auth && !certificate.authority, "server auth"),
                (certificate.client_auth && !certificate.authority, "client auth"),
            ];
            let usages = usages.into_iter().filter(|(has, _)| *has);
            add("usage", Fact::List(usages.map(|(_, usage)| usage.to_owned()).collect()));
            add("not before", value(instant(certificate.not_before)));
            add("not after", value(instant(certificate.not_after)));
            add("key type", value(&certificate.key));
            add("signature", value(&certificate.signature));
            add("serial", Fact::Mark(certificate.serial.clone()));
            add("key", fingerprint(&certificate.public_key));
            add("bytes", Fact::Mark(certificate.fingerprint.clone()));
        }
        Item::PrivateKey(spki) | Item::PublicKey(spki) => add("key", fingerprint(spki)),
        Item::Request(_) | Item::Revocations => {}
        Item::Unreadable(label, why) => add("unreadable", value(format!("{label}: {why}"))),
    }
}

/// What of a kubeconfig is shown besides its certificates. The rest may hold credentials in any field: of a command that is
/// run, of a provider that is asked.
const PUBLIC_FIELDS: [&str; 12] = [
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "name",
    "cluster",
    "user",
    "namespace",
    "current-context",
    "preferences",
];

fn kubeconfig(config: &Tree) -> Meaning {
    let mut facts = Vec::new();
    flatten(config, "", &mut facts);
    facts.retain(|(label, _)| !matches!(label.as_str(), "kind" | "apiVersion"));
    let is_decoded = |label: &str| label.starts_with("certificate authority ") || label.starts_with("client ");
    // With one of each, there is no need to say of which.
    let lists = ["clusters", "users", "contexts"];
    let alone = lists.iter().all(|list| config.items_at(&[list]).len() == 1);
    for (label, fact) in &mut facts {
        let field = label.rsplit('.').next().unwrap_or(label);
        if !is_decoded(label) && !PUBLIC_FIELDS.contains(&field) {
            *fact = hide_fact(fact);
        }
        if let Some((list, field)) = label.split_once("].").filter(|_| alone) {
            *label = match field.split_once('.') {
                Some(("cluster" | "user" | "context", field)) => field.to_owned(),
                _ => format!("{} {field}", list.split('[').next().unwrap_or_default()),
            };
        }
    }
    Meaning {
        what: "kubeconfig".to_owned(),
        facts,
    }
}

/// A key of an encryption configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    pub provider: String,
    pub name: String,
    pub secret: Digest,
}

/// The providers of one entry of an encryption configuration in the order in which they are tried, each with each of its
/// keys; one without keys comes alone.
pub fn providers(entry: &Tree) -> Vec<(&str, Option<EncryptionKey>)> {
    let mut providers = Vec::new();
    for provider in entry.items_at(&["providers"]) {
        let Tree::Map(fields) = provider else { continue };
        for (kind, provider) in fields {
            let keys = provider.items_at(&["keys"]);
            if keys.is_empty() {
                providers.push((kind.as_str(), None));
            }
            for key in keys {
                let key = EncryptionKey {
                    provider: kind.clone(),
                    name: key.text_at(&["name"]).unwrap_or("without a name").to_owned(),
                    secret: Digest::of(key.text_at(&["secret"]).unwrap_or_default().as_bytes()),
                };
                providers.push((kind.as_str(), Some(key)));
            }
        }
    }
    providers
}

/// Providers in their order, and a hidden fact for each key.
fn encryption(config: &Tree) -> Meaning {
    let mut facts = Vec::new();
    let entries = config.items_at(&["resources"]);
    for (entry, number) in entries.iter().zip(1..) {
        let of = match entries.len() {
            1 => String::new(),
            _ => format!("resources {number} "),
        };
        let resources = entry.items_at(&["resources"]).iter().filter_map(Tree::text);
        let resources = resources.map(str::to_owned).collect();
        facts.push((format!("{of}resources"), Fact::List(resources)));
        let mut order = Vec::new();
        let mut keys = Vec::new();
        for (provider, key) in providers(entry) {
            order.push(match &key {
                None => provider.to_owned(),
                Some(key) => format!("{provider} {}", key.name),
            });
            keys.extend(key.map(|key| (format!("{of}key {provider} {}", key.name), Fact::Hidden(key.secret))));
        }
        facts.push((format!("{of}providers"), Fact::List(order)));
        facts.extend(keys);
    }
    Meaning {
        what: "encryption configuration".to_owned(),
        facts,
    }
}

fn settings(documents: &[Tree]) -> Meaning {
    let what = match documents {
        [document] if !document.kind().is_empty() => document.kind(),
        _ => "settings",
    };
    let mut all = Vec::new();
    for (document, number) in documents.iter().zip(1..) {
        let kind = document.kind();
        let prefix = match (documents.len(), kind, document.text_at(&["metadata", "name"])) {
            (1, ..) => String::new(),
            (_, "", _) | (_, _, None) => format!("document {number} "),
            (_, kind, Some(name)) => format!("{kind} {name} "),
        };
        let mut facts = Vec::new();
        flatten(document, "", &mut facts);
        for (label, fact) in facts {
            let hide = kind == "Secret" && ["data", "stringData"].iter().any(|field| label.starts_with(field));
            let fact = if hide { hide_fact(&fact) } else { fact };
            all.push((format!("{prefix}{label}"), fact));
        }
    }
    Meaning {
        what: what.to_owned(),
        facts: all,
    }
}

fn hide_fact(fact: &Fact) -> Fact {
    match fact {
        Fact::Value(text) | Fact::Mark(text) | Fact::Key(text) => hidden(text),
        Fact::List(items) | Fact::Lines(items) => hidden_all(items),
        Fact::Hidden(digest) => Fact::Hidden(digest.clone()),
    }
}

/// The scalars of a tree by their paths. Items of a list go by their name where they have one.
fn flatten(tree: &Tree, path: &str, facts: &mut Vec<Labelled>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    match tree {
        Tree::Map(fields) if fields.is_empty() => facts.push((path.to_owned(), value("{}"))),
        Tree::Map(fields) => {
            // The environment of a container is a list of names and values.
            let of_secret = tree.text_at(&["name"]).is_some_and(is_name_of_secret);
            for (name, field) in fields {
                match field.text().map(|text| (text, named(name, text))) {
                    Some((text, _)) if of_secret && name == "value" => facts.push((below(name), hidden(text))),
                    Some((text, _)) if name.ends_with("-data") => embedded(text, &below(name), facts),
                    Some((_, secret @ Fact::Hidden(_))) => facts.push((below(name), secret)),
                    _ => flatten(field, &below(name), facts),
                }
            }
        }
        Tree::List(items) if items.iter().all(|item| item.text().is_some()) => {
            let texts: Vec<String> = items.iter().filter_map(Tree::text).map(str::to_owned).collect();
            let field = path.rsplit('.').next().unwrap_or(path);
            let fact = match is_name_of_secret(field) || texts.iter().any(|text| holds_secret(text)) {
                true => hidden_all(&texts),
                false => Fact::List(texts),
            };
            facts.push((path.to_owned(), fact));
        }
        Tree::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = match item.text_at(&["name"]) {
                    Some(name) => name.to_owned(),
                    None => index.to_string(),
                };
                flatten(item, &format!("{path}[{name}]"), facts);
            }
        }
        Tree::Text(text) => facts.push((path.to_owned(), value(text.as_str()))),
        Tree::Plain(text) => facts.push((path.to_owned(), value(text))),
    }
}

/// What a field ending in `-data` holds: base64 of PEM, decoded; anything else is hidden.
fn embedded(text: &str, label: &str, facts: &mut Vec<Labelled>) {
    let Ok(pem) = Base64::decode_vec(text).map(Zeroizing::new) else {
        return facts.push((label.to_owned(), hidden(text)));
    };
    let items = items(&pem);
    if items.is_empty() {
        facts.push((label.to_owned(), hidden(&pem)));
    }
    let field = label.rsplit('.').next().unwrap_or(label);
    let label = field.trim_end_matches("-data").replace('-', " ");
    for (item, number) in items.iter().zip(1..) {
        let prefix = match number {
            1 => format!("{label} "),
            _ => format!("{label} {number} "),
        };
        // `client key key` would say it twice.
        let prefix = match item {
            Item::PrivateKey(_) => prefix.trim_end_matches("key ").to_owned(),
            _ => prefix,
        };
        of_item(item, &prefix, facts);
    }
}

fn of_unit(unit: &UnitFile, started: Option<&CommandLine>) -> Meaning {
    let mut facts: Vec<Labelled> = Vec::new();
    let mut seen = BTreeSet::new();
    for (section, name, _) in &unit.assignments {
        if !seen.insert((section, name)) {
            continue;
        }
        let label = match section.as_str() {
            "Service" => name.clone(),
            _ => format!("[{section}] {name}"),
        };
        match (name.as_str(), unit.values(section, name).as_slice()) {
            ("ExecStart", [line]) if started.is_some() || line.contains("--") => {
                match started.cloned().map_or_else(|| CommandLine::parse(line), Ok) {
                    Ok(command) => flags(&command, &mut facts),
                    Err(_) => facts.push(("ExecStart".to_owned(), hidden(line))),
                }
            }
            ("Environment", lines) => {
                for word in lines.iter().filter_map(|line| words(line).ok()).flatten() {
                    let (name, text) = word.split_once('=').unwrap_or((&word, ""));
                    facts.push((format!("Environment {name}"), named(name, text)));
                }
            }
            (_, [one]) => facts.push((label, named(name, one))),
            (_, several) if several.iter().any(|line| holds_secret(line)) => facts.push((label, hidden_all(several))),
            (_, several) => {
                let lines = several.iter().map(|one| (*one).to_owned()).collect();
                facts.push((label, Fact::List(lines)));
            }
        }
    }
    Meaning {
        what: "unit".to_owned(),
        facts,
    }
}

/// The flags of a command line, each by its name; what is no flag is the command.
fn flags(command: &CommandLine, facts: &mut Vec<Labelled>) {
    facts.push(("command".to_owned(), named("", &command.plain.join(" "))));
    for name in &command.order {
        // A comma separates items in every flag that is a list.
        let text = command.values(name).collect::<Vec<_>>().join(",");
        let fact = match named(name, &text) {
            Fact::Value(text) if text.contains(',') => Fact::List(text.split(',').map(str::to_owned).collect()),
            fact => fact,
        };
        facts.push((format!("--{name}"), fact));
    }
}
