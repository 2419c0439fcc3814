//! What a file says, as facts that can be compared: each has a label, and none shows a secret.
//!
//! What isn't known to be public is [`Fact::Hidden`]: whether it changed can be told, and nothing else.

use base64ct::{Base64, Encoding};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::Known;
use crate::audit::document::{self, Tree};
use crate::audit::unit::{Unit, words};
use crate::found::File;
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::{Certificate, Item, items};

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

/// What a file says.
pub struct Said {
    /// What it is, in a few words: `certificate kubernetes`, `unit`.
    pub what: String,
    /// Label and fact, in an order for people.
    pub facts: Vec<(String, Fact)>,
}

impl Said {
    /// Whether some of it is compared as a whole, since nothing can read it.
    pub fn is_opaque(&self) -> bool {
        self.facts.iter().any(|(label, _)| label == OPAQUE)
    }
}

/// The label of what is compared as a whole.
const OPAQUE: &str = "content";

/// Whether others may not read a file, or should not.
pub fn is_secret(file: &File) -> bool {
    let key = file
        .content
        .expose()
        .windows(PRIVATE_KEY.len())
        .any(|window| window == PRIVATE_KEY.as_bytes());
    key || file.mode.is_some_and(|mode| mode & 0o007 == 0)
}

/// What the boundary of every kind of private key in PEM holds.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// What a file of a host says. `path` is its path there; of a `secret` file nothing is shown but what is known to be public.
pub fn said(path: &str, file: &File, secret: bool, known: Known) -> Said {
    let mut said = content(path, file, secret);
    if let Some(mode) = file.mode {
        said.facts.push(("mode".to_owned(), Fact::Value(format!("{mode:04o}"))));
    }
    match known {
        Known::All => {}
        Known::StandIn => {
            for (_, fact) in &mut said.facts {
                if let Fact::Key(fingerprint) = fact {
                    *fact = Fact::Mark(std::mem::take(fingerprint));
                }
            }
        }
        Known::WithoutSeed => said
            .facts
            .retain(|(_, fact)| !matches!(fact, Fact::Mark(_) | Fact::Key(_) | Fact::Hidden(_))),
    }
    said
}

fn content(path: &str, file: &File, secret: bool) -> Said {
    let bytes = file.content.expose();
    let hidden = |what: &str| Said {
        what: what.to_owned(),
        facts: vec![(OPAQUE.to_owned(), Fact::Hidden(Digest::of(bytes)))],
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if bytes.starts_with(b"-----BEGIN ") || ends(&[".pem", ".crt", ".key", ".csr", ".pub"]) {
        return pem(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return hidden("binary file");
    };
    let is_yaml = ends(&[".yaml", ".yml", ".kubeconfig"]) || name == "kubeconfig";
    // kubeadm's kubeconfigs end in .conf.
    let documents = match is_yaml || ends(&[".conf"]) {
        true => document::yaml(text).ok(),
        false => None,
    };
    if let Some([config]) = documents.as_deref() {
        if config.text_at(&["kind"]) == Some("Config") {
            return kubeconfig(config);
        }
        if is_encryption(config) {
            return encryption(config);
        }
    }
    if secret {
        return hidden("secret file");
    }
    if let Some(documents) = documents.filter(|_| is_yaml) {
        return settings(&documents);
    }
    if ends(&[".json", ".conflist"])
        && let Ok(document) = document::json(text)
    {
        return settings(&[document]);
    }
    if ends(&[".service", ".socket", ".timer", ".path", ".mount", ".target"]) || path.contains(".service.d/") {
        return match Unit::parse(text) {
            Ok(unit) => of_unit(&unit),
            Err(_) => hidden("unit that can't be read"),
        };
    }
    if ends(&[".conf", ".cfg", ".toml", ".md", ".sh"]) {
        return plain_text(text);
    }
    hidden("file")
}

/// Lines that are no comments; those that may hold a secret are not shown.
fn plain_text(text: &str) -> Said {
    let lines = text.lines().map(str::trim_end);
    let (secret, shown): (Vec<&str>, Vec<&str>) = lines
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with(['#', ';']))
        .partition(|line| {
            let name = line.trim_start().split(['=', ':', ' ']).next().unwrap_or_default();
            is_sensitive(name) || holds_secret(line)
        });
    let mut facts = vec![(
        String::new(),
        Fact::Lines(shown.into_iter().map(str::to_owned).collect()),
    )];
    if !secret.is_empty() {
        let secret = Zeroizing::new(secret.join("\n"));
        facts.push(("secret lines".to_owned(), Fact::Hidden(Digest::of(secret.as_bytes()))));
    }
    Said {
        what: "text".to_owned(),
        facts,
    }
}

/// Whether a text holds a private key, or a URL with a user and so perhaps a password.
fn holds_secret(text: &str) -> bool {
    let says_who = ["Basic ", "Bearer ", "basic ", "bearer "];
    text.contains(PRIVATE_KEY)
        || says_who.iter().any(|word| text.contains(word))
        || text.split("://").skip(1).any(|rest| {
            rest.split(['/', ' ', '"'])
                .next()
                .is_some_and(|authority| authority.contains('@'))
        })
}

/// A value under its name; hidden where one of the two says that it may be a secret.
fn named(name: &str, text: &str) -> Fact {
    match !matches!(text, "true" | "false" | "") && (is_sensitive(name) || holds_secret(text)) {
        true => Fact::Hidden(Digest::of(text.as_bytes())),
        false => value(text),
    }
}

/// Whether the value of a field, flag or variable of that name may be a secret.
fn is_sensitive(name: &str) -> bool {
    const PARTS: [&str; 10] = [
        "secret",
        "passw",
        "credential",
        "auth_pass",
        "key-data",
        "accesskey",
        "access_key",
        "access-key",
        "apikey",
        "api_key",
    ];
    const ENDS: [&str; 5] = ["token", "privatekey", "private_key", "private-key", "authorization"];
    // `p` is the short form of a password in many programs.
    const WHOLE: [&str; 4] = ["auth", "pass", "private", "p"];
    const PLACES: [&str; 10] = [
        "file", "path", "dir", "url", "ttl", "issuer", "name", "mode", "secrets", "type",
    ];
    let name = name
        .trim()
        .trim_start_matches('-')
        .trim_matches('"')
        .to_ascii_lowercase();
    !PLACES.iter().any(|end| name.ends_with(end))
        && (PARTS.iter().any(|part| name.contains(part))
            || ENDS.iter().any(|end| name.ends_with(end))
            || WHOLE.contains(&name.as_str()))
}

fn value(text: impl Into<String>) -> Fact {
    Fact::Value(text.into())
}

fn instant(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn fingerprint(spki: &[u8]) -> Fact {
    Fact::Key(sha256_hex(spki))
}

fn pem(bytes: &[u8]) -> Said {
    let items = items(bytes);
    let mut said = Said {
        what: match items.as_slice() {
            [Item::Certificate(certificate)] => certificate_name(certificate),
            [Item::PrivateKey(_)] => "private key".to_owned(),
            [Item::PublicKey(_)] => "public key".to_owned(),
            [Item::Request(_)] => "certificate request".to_owned(),
            [] => "PEM file with nothing in it".to_owned(),
            several => format!("{} PEM blocks", several.len()),
        },
        facts: Vec::new(),
    };
    for (item, number) in items.iter().zip(1..) {
        let prefix = match items.len() {
            1 => String::new(),
            _ => format!("block {number} "),
        };
        of_item(item, &prefix, &mut said.facts);
    }
    // What is not decoded here can change all the same: a request, text beside the blocks.
    if !items
        .iter()
        .all(|item| matches!(item, Item::Certificate(_) | Item::PrivateKey(_) | Item::PublicKey(_)))
    {
        said.facts.push(("content".to_owned(), Fact::Hidden(Digest::of(bytes))));
    }
    said
}

fn certificate_name(certificate: &Certificate) -> String {
    let kind = if certificate.authority {
        "authority"
    } else {
        "certificate"
    };
    match certificate.common_name.as_deref() {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_owned(),
    }
}

fn of_item(item: &Item, prefix: &str, facts: &mut Vec<(String, Fact)>) {
    let mut add = |label: &str, fact: Fact| facts.push((format!("{prefix}{label}"), fact));
    match item {
        Item::Certificate(certificate) => {
            add("subject", value(&certificate.subject));
            add("issuer", value(&certificate.issuer));
            let ips = certificate.ips.iter().map(ToString::to_string);
            let names = certificate.dns.iter().chain(&certificate.other_names).cloned();
            add("SAN", Fact::List(names.chain(ips).collect()));
            let mut usages = Vec::new();
            for (has, usage) in [
                (certificate.authority, "authority"),
                (certificate.signs_certificates && certificate.authority, "cert sign"),
                (certificate.server_auth && !certificate.authority, "server auth"),
                (certificate.client_auth && !certificate.authority, "client auth"),
            ] {
                if has {
                    usages.push(usage.to_owned());
                }
            }
            add("usage", Fact::List(usages));
            add("not before", value(instant(certificate.not_before)));
            add("not after", value(instant(certificate.not_after)));
            add("key type", value(&certificate.key));
            add("signature", value(&certificate.signature));
            add("serial", Fact::Mark(certificate.serial.clone()));
            add("key", fingerprint(&certificate.public_key));
            add("bytes", Fact::Mark(certificate.fingerprint.clone()));
        }
        Item::PrivateKey(spki) | Item::PublicKey(spki) => add("key", fingerprint(spki)),
        Item::Request(_) => {}
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

fn kubeconfig(config: &Tree) -> Said {
    let mut said = Said {
        what: "kubeconfig".to_owned(),
        facts: Vec::new(),
    };
    flatten(config, "", &mut said.facts);
    said.facts
        .retain(|(label, _)| !matches!(label.as_str(), "kind" | "apiVersion"));
    for (label, fact) in &mut said.facts {
        let field = label.rsplit('.').next().unwrap_or(label);
        let is_decoded = ["certificate authority ", "client "]
            .iter()
            .any(|start| label.starts_with(start));
        if !is_decoded && !PUBLIC_FIELDS.contains(&field) {
            *fact = hide_fact(fact);
        }
    }
    // With one of each, there is no need to say of which.
    let alone = ["clusters", "users", "contexts"]
        .iter()
        .all(|list| config.items_at(&[list]).len() == 1);
    if alone {
        for (label, _) in &mut said.facts {
            if let Some((_, field)) = label.split_once("].") {
                *label = match field.split_once('.') {
                    Some(("cluster" | "user" | "context", field)) => field.to_owned(),
                    _ => format!("{} {field}", label.split('[').next().unwrap_or_default()),
                };
            }
        }
    }
    said
}

/// Whether a document is an encryption configuration, of whatever version.
pub fn is_encryption(document: &Tree) -> bool {
    let kind = document.text_at(&["kind"]);
    matches!(kind, Some("EncryptionConfiguration" | "EncryptionConfig"))
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
fn encryption(config: &Tree) -> Said {
    let mut facts = Vec::new();
    let entries = config.items_at(&["resources"]);
    for (entry, number) in entries.iter().zip(1..) {
        let of = match entries.len() {
            1 => String::new(),
            _ => format!("resources {number} "),
        };
        let resources = entry.items_at(&["resources"]).iter().filter_map(Tree::text);
        facts.push((
            format!("{of}resources"),
            Fact::List(resources.map(str::to_owned).collect()),
        ));
        let mut order = Vec::new();
        let mut keys = Vec::new();
        for (provider, key) in providers(entry) {
            match key {
                None => order.push(provider.to_owned()),
                Some(key) => {
                    let name = format!("{provider} {}", key.name);
                    keys.push((format!("{of}key {name}"), Fact::Hidden(key.secret)));
                    order.push(name);
                }
            }
        }
        facts.push((format!("{of}providers"), Fact::List(order)));
        facts.extend(keys);
    }
    Said {
        what: "encryption configuration".to_owned(),
        facts,
    }
}

fn settings(documents: &[Tree]) -> Said {
    let mut said = Said {
        what: "settings".to_owned(),
        facts: Vec::new(),
    };
    let kind = |document: &Tree| document.text_at(&["kind"]).map(str::to_owned);
    if let [document] = documents
        && let Some(kind) = kind(document)
    {
        said.what = kind;
    }
    for (document, number) in documents.iter().zip(1..) {
        let prefix = match (documents.len(), kind(document), document.text_at(&["metadata", "name"])) {
            (1, ..) => String::new(),
            (_, Some(kind), Some(name)) => format!("{kind} {name} "),
            _ => format!("document {number} "),
        };
        let mut facts = Vec::new();
        flatten(document, "", &mut facts);
        let is_secret = kind(document).as_deref() == Some("Secret");
        for (label, fact) in facts {
            let hide = is_secret && ["data", "stringData"].iter().any(|field| label.starts_with(field));
            let fact = if hide { hide_fact(&fact) } else { fact };
            said.facts.push((format!("{prefix}{label}"), fact));
        }
    }
    said
}

fn hide_fact(fact: &Fact) -> Fact {
    let text = match fact {
        Fact::Value(text) | Fact::Mark(text) | Fact::Key(text) => text.clone(),
        Fact::List(items) | Fact::Lines(items) => items.join("\n"),
        Fact::Hidden(digest) => return Fact::Hidden(digest.clone()),
    };
    Fact::Hidden(Digest::of(Zeroizing::new(text).as_bytes()))
}

/// The scalars of a tree by their paths. Items of a list go by their name where they have one.
fn flatten(tree: &Tree, path: &str, facts: &mut Vec<(String, Fact)>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    match tree {
        Tree::Map(fields) if fields.is_empty() => facts.push((path.to_owned(), value("{}"))),
        Tree::Map(fields) => {
            // The environment of a container is a list of names and values.
            let of_secret = tree.text_at(&["name"]).is_some_and(is_sensitive);
            for (name, field) in fields {
                match field.text() {
                    Some(text) if of_secret && name == "value" => {
                        facts.push((below(name), Fact::Hidden(Digest::of(text.as_bytes()))));
                    }
                    Some(text) if name.ends_with("-data") => embedded(text, &below(name), facts),
                    Some(text) => match named(name, text) {
                        hidden @ Fact::Hidden(_) => facts.push((below(name), hidden)),
                        _ => flatten(field, &below(name), facts),
                    },
                    _ => flatten(field, &below(name), facts),
                }
            }
        }
        Tree::List(items) if items.iter().all(|item| item.text().is_some()) => {
            let texts: Vec<String> = items.iter().filter_map(Tree::text).map(str::to_owned).collect();
            let field = path.rsplit('.').next().unwrap_or(path);
            facts.push(
                match is_sensitive(field) || texts.iter().any(|text| holds_secret(text)) {
                    true => (path.to_owned(), Fact::Hidden(Digest::of(texts.join("\n").as_bytes()))),
                    false => (path.to_owned(), Fact::List(texts)),
                },
            );
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
fn embedded(text: &str, label: &str, facts: &mut Vec<(String, Fact)>) {
    let Ok(pem) = Base64::decode_vec(text).map(Zeroizing::new) else {
        return facts.push((label.to_owned(), Fact::Hidden(Digest::of(text.as_bytes()))));
    };
    let items = items(&pem);
    if items.is_empty() {
        facts.push((label.to_owned(), Fact::Hidden(Digest::of(&pem))));
    }
    let label = label
        .rsplit('.')
        .next()
        .unwrap_or(label)
        .trim_end_matches("-data")
        .replace('-', " ");
    for (item, number) in items.iter().zip(1..) {
        let prefix = match items.len() {
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

fn of_unit(unit: &Unit) -> Said {
    let mut facts: Vec<(String, Fact)> = Vec::new();
    let mut seen = Vec::new();
    for (section, name, _) in &unit.assignments {
        if seen.contains(&(section, name)) {
            continue;
        }
        seen.push((section, name));
        let values = unit.values(section, name);
        match (name.as_str(), values.as_slice()) {
            ("ExecStart", [line]) if line.contains("--") => command(line, &mut facts),
            ("Environment", lines) => {
                for word in lines.iter().filter_map(|line| words(line).ok()).flatten() {
                    let (name, text) = word.split_once('=').unwrap_or((&word, ""));
                    facts.push((format!("Environment {name}"), named(name, text)));
                }
            }
            (_, [one]) => facts.push((label_of(section, name), named(name, one))),
            (_, several) => {
                let lines: Vec<String> = several.iter().map(|one| (*one).to_owned()).collect();
                facts.push(match lines.iter().any(|line| holds_secret(line)) {
                    true => (
                        label_of(section, name),
                        Fact::Hidden(Digest::of(lines.join("\n").as_bytes())),
                    ),
                    false => (label_of(section, name), Fact::List(lines)),
                });
            }
        }
    }
    Said {
        what: "unit".to_owned(),
        facts,
    }
}

fn label_of(section: &str, name: &str) -> String {
    match section {
        "Service" => name.to_owned(),
        _ => format!("[{section}] {name}"),
    }
}

/// The flags of a command line, each by its name; what is no flag is the command.
fn command(line: &str, facts: &mut Vec<(String, Fact)>) {
    let Ok(words) = words(line) else {
        return facts.push(("ExecStart".to_owned(), Fact::Hidden(Digest::of(line.as_bytes()))));
    };
    let mut plain = Vec::new();
    let mut flags: Vec<(String, Vec<String>)> = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            plain.push(word);
            continue;
        };
        let (name, text) = match flag.split_once('=') {
            Some((name, text)) => (name, text.to_owned()),
            None => {
                let text = words.next_if(|next| !plain.is_empty() && !next.starts_with('-'));
                (flag, text.unwrap_or_else(|| "true".to_owned()))
            }
        };
        match flags.iter_mut().find(|(other, _)| other == name) {
            Some((_, values)) => values.push(text),
            None => flags.push((name.to_owned(), vec![text])),
        }
    }
    facts.push(("command".to_owned(), named("", &plain.join(" "))));
    for (name, values) in flags {
        // A comma separates items in every flag that is a list.
        let text = values.join(",");
        let fact = match named(&name, &text) {
            Fact::Value(text) if text.contains(',') => Fact::List(text.split(',').map(str::to_owned).collect()),
            fact => fact,
        };
        facts.push((format!("--{name}"), fact));
    }
}
