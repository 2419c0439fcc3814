//! Everything of a bundle, parsed: PEM files, documents, command lines, load balancers. Once it is read, it does not change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem;
use rayon::prelude::*;
use time::OffsetDateTime;

use super::balancers::{Balancer, Keepalived, balancer, shared_addresses};
use super::chain::chain;
use super::document::{Documents, Tree, Unread};
use super::finding::Findings;
use super::overrides;
use super::systemd::why_ignored;
use super::unit::{Circumstances, CommandLine, UnitFile, words};
use crate::diagnostic::verify_codes as codes;
use crate::found::{Found, FoundHost};
use crate::pki::digest::{Sha256, sha256};
use crate::pki::inspect::{Certificate, Item, TlsRole, items};
use crate::pki::secret::SecretBytes;

/// Where the plugins of a pods' network have their configuration, which the runtime reads in the order of the names.
pub(crate) const NETWORK_PLUGINS: &str = "/etc/cni/net.d/";

/// A bundle as read, as of an instant.
pub(crate) struct View<'v> {
    pub at: OffsetDateTime,
    pub hosts: Vec<HostView<'v>>,
    /// Whether there is more than one host, and none elsewhere that is known of, so that what is missing is missing.
    pub whole: bool,
    /// Behind the name of whoever is told of: nothing, or in words which of two bundles it is in.
    pub side: &'static str,
    /// Where everything goes that is found in it.
    pub findings: &'v Findings,
    /// What PEM texts hold, by their digest: the same keys are in many places, and to read one costs arithmetic.
    known: Mutex<BTreeMap<Sha256, Arc<[Item]>>>,
    /// What documents say, and what that takes, by their language and digest: hosts of a fleet have most of theirs alike.
    documents: Mutex<BTreeMap<(Language, Sha256), (Documented, usize)>>,
    /// What became of each chain: every kubeconfig of a fleet leads to the same API servers.
    judged: Mutex<BTreeMap<(TlsRole, String), Result<(), String>>>,
    /// Whether a certificate is signed by the key of another: by itself it is asked, and of each chain that has both.
    signed: Mutex<BTreeMap<String, bool>>,
}

/// The documents of a file; one copy for all hosts where nothing takes the place of a setting.
pub(crate) type Documented = Arc<[Tree]>;

/// What a document is written in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Language {
    Json,
    Toml,
    Yaml,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Language::Json => "JSON",
            Language::Toml => "TOML",
            Language::Yaml => "YAML",
        }
    }

    fn read(self, text: &str, reader: &mut Documents) -> Result<Vec<Tree>, Unread> {
        match self {
            Language::Json => reader.json(text).map(|document| vec![document]),
            Language::Toml => reader.toml(text).map(|document| vec![document]),
            Language::Yaml => reader.yaml(text),
        }
    }
}

/// A host whose files are parsed.
pub(crate) struct HostView<'v> {
    pub name: &'v str,
    pub host: &'v FoundHost,
    /// PEM files: what is in them.
    pub pem: BTreeMap<&'v str, Arc<[Item]>>,
    pub documents: BTreeMap<&'v str, Documented>,
    /// The dotted settings of a document that a flag takes the place of: there the document has the flag's value.
    pub overridden: BTreeMap<&'v str, Vec<String>>,
    pub units: Vec<HostUnit<'v>>,
    pub commands: Vec<UnitCommand<'v>>,
    /// Configurations of load balancers.
    pub balancers: BTreeMap<&'v str, Balancer>,
    /// Configurations of keepalived.
    pub shared: BTreeMap<&'v str, Keepalived>,
}

/// A unit of a host, with its drop-ins.
pub(crate) struct HostUnit<'v> {
    pub path: &'v str,
    pub file: UnitFile,
    /// What `Environment=` and `EnvironmentFile=` give its programs.
    pub variables: BTreeMap<String, String>,
    /// Whether those are all that they get but for systemd's own.
    pub has_all_variables: bool,
}

impl<'v> HostUnit<'v> {
    /// Its file name.
    pub(crate) fn name(&self) -> &'v str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// What is started by a setting such as `ExecStart=`, and the variables in it that nothing sets.
    pub(crate) fn started(&self, setting: &str, host: &str) -> Result<(Vec<CommandLine>, Vec<String>), &'static str> {
        let meaning = Circumstances {
            host,
            unit: self.name(),
            variables: &self.variables,
            is_all: self.has_all_variables,
        };
        self.file.started(setting, &meaning)
    }
}

/// A command line in a unit of a host.
pub(crate) struct UnitCommand<'v> {
    /// The unit.
    pub path: &'v str,
    pub line: CommandLine,
    /// What `Environment=` and the files of `EnvironmentFile=` give it, in the unit and in its drop-ins.
    pub environment: BTreeMap<String, String>,
}

const HOSTS_AT_A_TIME: usize = 8;

/// What work gives for a key, which is done once; twice where two ask at the same moment.
fn once<K: Ord, V: Clone>(known: &Mutex<BTreeMap<K, V>>, key: K, work: impl FnOnce() -> V) -> V {
    let known = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let before = known().get(&key).cloned();
    before.unwrap_or_else(|| {
        let value = work();
        known().insert(key, value.clone());
        value
    })
}

impl<'v> View<'v> {
    /// Reads all that was found; what can't be read is reported.
    pub(crate) fn read(found: &'v Found, at: OffsetDateTime, findings: &'v Findings) -> View<'v> {
        let mut view = View {
            at,
            hosts: Vec::new(),
            whole: found.hosts.len() > 1 && found.part.as_ref().is_none_or(|part| part.elsewhere.is_empty()),
            side: "",
            findings,
            known: Mutex::default(),
            documents: Mutex::default(),
            judged: Mutex::default(),
            signed: Mutex::default(),
        };
        // So many at a time, on any machine: what may be read of the next does not depend on who was quicker.
        let mut left = Documents::default();
        for hosts in found.hosts.chunks(HOSTS_AT_A_TIME) {
            let read: Vec<(HostView<'v>, Documents)> = hosts
                .par_iter()
                .map(|host| {
                    let mut reader = left.for_one_host();
                    (view.read_host(host, &mut reader), reader)
                })
                .collect();
            for (host, reader) in read {
                left.pay_for(&reader);
                view.hosts.push(host);
            }
        }
        view
    }

    /// What a PEM text holds.
    pub(crate) fn items_of(&self, pem: &[u8]) -> Arc<[Item]> {
        once(&self.known, sha256(pem), || items(pem).into())
    }

    /// A chain from a certificate to one that is trusted, or why there is none.
    pub(crate) fn chain(
        &self,
        leaf: &Certificate,
        others: &[&Certificate],
        trusted: &[&Certificate],
        usage: TlsRole,
    ) -> Result<(), String> {
        let fingerprints =
            |all: &[&Certificate]| -> String { all.iter().map(|one| one.fingerprint.as_str()).collect() };
        let asked = format!(
            "{} {} {}",
            leaf.fingerprint,
            fingerprints(others),
            fingerprints(trusted)
        );
        once(&self.judged, (usage, asked), || {
            chain(leaf, others, trusted, self.at, usage, &|one, by| self.signed(one, by))
        })
    }

    /// Whether the key of `by` made the signature of `one`.
    pub(crate) fn signed(&self, one: &Certificate, by: &Certificate) -> bool {
        let asked = format!("{} {}", one.fingerprint, by.fingerprint);
        once(&self.signed, asked, || one.is_signed_by(by))
    }

    fn read_host(&self, host: &'v FoundHost, reader: &mut Documents) -> HostView<'v> {
        let mut read = HostView {
            name: &host.name,
            host,
            pem: BTreeMap::new(),
            documents: BTreeMap::new(),
            overridden: BTreeMap::new(),
            units: Vec::new(),
            commands: Vec::new(),
            balancers: BTreeMap::new(),
            shared: BTreeMap::new(),
        };
        for (path, file) in &host.files {
            let bytes = file.content.expose();
            self.read_file(&mut read, path, &file.content, reader);
            if path.ends_with(".conf") || path.ends_with(".cfg") {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                read.balancers
                    .extend(balancer(path, text).map(|balancer| (path.as_str(), balancer)));
                read.shared
                    .extend(shared_addresses(path, text).map(|shared| (path.as_str(), shared)));
            }
        }
        self.read_units(&mut read);
        let configs = read.commands.iter();
        let configs: Vec<Option<&str>> = configs.map(|one| read.resolve(one.line.flag("config")?)).collect();
        for (command, path) in read.commands.iter().zip(configs) {
            let Some((path, documents)) = path.and_then(|path| Some((path, read.documents.get_mut(path)?))) else {
                continue;
            };
            let own = match overrides::takes_any(&command.line, documents) {
                true => Arc::make_mut(documents),
                false => &mut [],
            };
            let taken = overrides::apply(&command.line, path, own, |code, message| {
                self.findings.report(code, read.name, command.path, message);
            });
            read.overridden.entry(path).or_default().extend(taken);
        }
        read
    }

    /// Units as systemd reads them: from its folders, each with its drop-ins, and without what it passes over.
    fn read_units(&self, read: &mut HostView<'v>) {
        let (host, name) = (read.host, read.name);
        let mut files: BTreeMap<&str, UnitFile> = BTreeMap::new();
        for (path, file) in &host.files {
            if !(path.ends_with(".service") || path.contains("service.d/") && path.ends_with(".conf")) {
                continue;
            }
            let bad = |message: &str| self.findings.report(codes::BAD_SYNTAX, name, path, message);
            let ignored = |message: String| self.findings.report(codes::IGNORED_BY_SYSTEMD, name, path, message);
            let Some(text) = file.text() else {
                bad("it is not UTF-8");
                continue;
            };
            match UnitFile::parse(text) {
                Ok(unit) => {
                    for (line, what) in &unit.ignored {
                        ignored(format!("line {line} is {what}"));
                    }
                    for (section, name, value) in &unit.assignments {
                        why_ignored(section, name, value).into_iter().for_each(ignored);
                    }
                    files.insert(path, unit);
                }
                Err((line, why)) => bad(&format!("it is no unit: line {line} is {why}")),
            }
        }
        for path in units_of(host) {
            let Some(mut unit) = files.get(path).cloned() else {
                continue;
            };
            let parts = drop_ins(host, path).into_iter().filter_map(|path| files.get(path));
            unit.assignments
                .extend(parts.flat_map(|part| part.assignments.iter().cloned()));
            let (variables, has_all_variables) = variables(&unit, host);
            let unit = HostUnit {
                path,
                file: unit,
                variables,
                has_all_variables,
            };
            let report = |code, message: String| self.findings.report(code, name, path, message);
            match unit.started("ExecStart", name) {
                Ok((lines, _)) if lines.is_empty() && unit.file.values("Service", "ExecStop").is_empty() => {
                    report(codes::BAD_SYNTAX, "it starts no program".to_owned());
                }
                Ok((lines, unset)) => {
                    for variable in unset {
                        let message = format!("its command line has ${variable}, which nothing sets");
                        report(codes::MISSING_SETTING, message);
                    }
                    read.commands.extend(lines.into_iter().map(|mut line| {
                        overrides::give_variables(&mut line, &unit.variables, |message| {
                            report(codes::REFUSED_TOGETHER, message);
                        });
                        UnitCommand {
                            path,
                            line,
                            environment: unit.variables.clone(),
                        }
                    }));
                }
                Err(why) => report(codes::BAD_SYNTAX, format!("a command line of it has {why}")),
            }
            read.units.push(unit);
        }
    }

    fn read_file(&self, read: &mut HostView<'v>, path: &'v str, content: &'v SecretBytes, reader: &mut Documents) {
        let (host, bytes) = (read.name, content.expose());
        let bad = |message: &str| self.findings.report(codes::BAD_SYNTAX, host, path, message);
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let holds = |text: &[u8]| memmem::find(bytes, text).is_some();
        let is_text = ends(&[
            ".yaml", ".yml", ".json", ".service", ".sh", ".md", ".conf", ".cfg", ".toml",
        ]);
        let has_key = !is_text && holds(b"PRIVATE KEY-----\n");
        if ends(&[".pem", ".crt", ".key", ".csr", ".pub"]) || bytes.starts_with(b"-----BEGIN ") || has_key {
            let bad = |message: String| self.findings.report(codes::BAD_PEM, host, path, message);
            let items = once(&self.known, content.sha256(), || items(bytes).into());
            if items.is_empty() {
                bad("there is no PEM block in it".to_owned());
            }
            for (label, why) in unreadable(&items) {
                bad(format!("its {label} can't be read: {why}"));
            }
            read.pem.insert(path, items);
            return;
        }
        let is_yaml = ends(&[".yaml", ".yml", ".kubeconfig"]) || name == "kubeconfig";
        // One plugin alone stands in a .conf, which is no YAML (<https://www.cni.dev/docs/spec/#section-1-network-configuration-format>).
        let is_json = ends(&[".json", ".conflist"]) || path.starts_with(NETWORK_PLUGINS) && ends(&[".conf"]);
        let is_toml = ends(&[".toml"]);
        let is_kubeconfig = (!is_text || ends(&[".conf"])) && (holds(b"kind: Config\n") || holds(b"client-key-data: "));
        if !(is_yaml || is_json || is_toml || is_kubeconfig) {
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return bad("it is not UTF-8");
        };
        let language = match (is_json, is_toml) {
            (true, _) => Language::Json,
            (_, true) => Language::Toml,
            _ => Language::Yaml,
        };
        match self.documents_of(language, content.sha256(), text, reader) {
            Ok(documents) if documents.is_empty() => bad("there is nothing in it"),
            Ok(documents) => {
                if !is_json && !documents.iter().all(|document| matches!(document, Tree::Map(_))) {
                    bad("it is no map of fields");
                }
                read.documents.insert(path, documents);
            }
            Err(Unread::TooLarge) => self.findings.report(codes::ARCHIVE_LIMIT, host, path, TOO_LARGE),
            Err(Unread::Syntax(line)) => {
                let line = line.map_or(String::new(), |line| format!(", see line {line}"));
                bad(&format!("it is not valid {}{line}", language.name()));
            }
        }
    }

    /// What a text says; it takes as much of what may be read whether it was read before or not.
    fn documents_of(
        &self,
        language: Language,
        sha256: Sha256,
        text: &str,
        reader: &mut Documents,
    ) -> Result<Documented, Unread> {
        let known = || self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&(language, sha256)).cloned();
        if let Some((documents, _)) = before.filter(|(_, cost)| reader.take(*cost)) {
            return Ok(documents);
        }
        let taken = reader.taken();
        let documents: Documented = language.read(text, reader)?.into();
        let cost = reader.taken() - taken;
        known().insert((language, sha256), (documents.clone(), cost));
        Ok(documents)
    }
}

const TOO_LARGE: &str = "it, or what all files hold together, is more than any cluster needs, and was not read";

/// Where systemd looks for units and their drop-ins; what is in a folder counts before what is in those behind it.
pub(crate) const UNIT_FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The units that systemd finds on a host. In a folder made by hand it is any.
fn units_of(host: &FoundHost) -> Vec<&str> {
    let units = host
        .files
        .keys()
        .map(String::as_str)
        .filter(|path| path.ends_with(".service"));
    if host.loose {
        return units.collect();
    }
    let rank = |path: &str| {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        UNIT_FOLDERS.iter().position(|one| Some(*one) == folder)
    };
    let mut first: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for path in units {
        if let (Some(rank), Some(name)) = (rank(path), path.rsplit('/').next()) {
            let known = first.entry(name).or_insert((rank, path));
            *known = (*known).min((rank, path));
        }
    }
    first.into_values().map(|(_, path)| path).collect()
}

/// The drop-ins of a unit in the order in which they are read (systemd.unit(5)): by their names, wherever they lie.
fn drop_ins<'v>(host: &'v FoundHost, unit: &str) -> Vec<&'v str> {
    let (own_folder, name) = unit.rsplit_once('/').unwrap_or(("", unit));
    let dashes = name
        .match_indices('-')
        .map(|(at, _)| format!("{}.service.d", &name[..=at]));
    let of_name = std::iter::once("service.d".to_owned())
        .chain(dashes)
        .chain([format!("{name}.d")]);
    let of_name: Vec<String> = of_name.collect();
    let folders = match host.loose {
        true => vec![own_folder],
        false => UNIT_FOLDERS.iter().rev().copied().collect(),
    };
    let mut parts = BTreeMap::new();
    for folder in folders {
        for of_name in &of_name {
            let below = format!("{folder}/{of_name}/");
            let from = host.files.range(below.clone()..).map(|(path, _)| path.as_str());
            let inside = from.map_while(|path| Some((path.strip_prefix(&below)?, path)));
            parts.extend(inside.filter(|(part, _)| part.ends_with(".conf") && !part.contains('/')));
        }
    }
    parts.into_values().collect()
}

/// The variables that a unit gives its programs, and whether those are all. What a file says counts before what the unit says.
fn variables(unit: &UnitFile, host: &FoundHost) -> (BTreeMap<String, String>, bool) {
    let mut variables = BTreeMap::new();
    let named = |word: &str| {
        let (name, value) = word.split_once('=')?;
        Some((name.trim().to_owned(), value.replace("%%", "%")))
    };
    for value in unit.values("Service", "Environment") {
        variables.extend(words(value).unwrap_or_default().iter().filter_map(|word| named(word)));
    }
    let mut is_all = unit.values("Service", "PassEnvironment").is_empty();
    for path in unit.values("Service", "EnvironmentFile") {
        let Some(text) = host.text(path.trim_start_matches('-')) else {
            is_all = false;
            continue;
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
        let unquoted = lines.filter_map(|line| line.split_once('=')).map(|(name, value)| {
            let value = value.trim();
            let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
            (
                name.trim().to_owned(),
                inner('"').or(inner('\'')).unwrap_or(value).to_owned(),
            )
        });
        variables.extend(unquoted);
    }
    (variables, is_all)
}

impl<'v> HostView<'v> {
    /// The path in the bundle of a file that something on the host calls `path`.
    pub(crate) fn resolve(&self, path: &str) -> Option<&'v str> {
        let exact = self.host.files.get_key_value(path).map(|(path, _)| path.as_str());
        if exact.is_some() || !self.host.loose {
            return exact;
        }
        let name = path.rsplit('/').next()?;
        let mut paths = self.host.files.keys().map(String::as_str);
        paths.find(|path| path.rsplit('/').next() == Some(name))
    }

    /// The digest of a file.
    pub(crate) fn digest(&self, path: &str) -> Option<String> {
        Some(self.host.files.get(path)?.content.sha256().to_string())
    }

    pub(crate) fn items(&self, path: &str) -> &[Item] {
        let items = self.resolve(path).and_then(|path| self.pem.get(path));
        items.map_or(&[], AsRef::as_ref)
    }

    pub(crate) fn certificates(&self, path: &str) -> Vec<&Certificate> {
        certificates_of(self.items(path))
    }

    /// The public half of the private key in a file.
    pub(crate) fn private_key(&self, path: &str) -> Option<&[u8]> {
        private_key_of(self.items(path))
    }

    /// Every public key that a file names: of certificates, requests, public and private keys.
    pub(crate) fn public_keys(&self, path: &str) -> Vec<&[u8]> {
        self.items(path).iter().filter_map(Item::public_key).collect()
    }

    pub(crate) fn documents(&self, path: &str) -> &[Tree] {
        let documents = self.resolve(path).and_then(|path| self.documents.get(path));
        documents.map_or(&[], AsRef::as_ref)
    }

    pub(crate) fn all_documents(&self) -> impl Iterator<Item = &Tree> {
        self.documents.values().flat_map(|documents| documents.iter())
    }

    pub(crate) fn programs(&self, program: &str) -> impl Iterator<Item = &UnitCommand<'v>> {
        self.commands
            .iter()
            .filter(move |command| command.line.program == program)
    }

    pub(crate) fn runs(&self, program: &str) -> bool {
        self.programs(program).next().is_some()
    }

    /// As which node a kubelet of the host registers.
    pub(crate) fn node<'b>(&'b self, kubelet: &'b CommandLine) -> &'b str {
        kubelet.flag("hostname-override").unwrap_or(self.name)
    }

    /// Every node that the host is.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.programs("kubelet").map(|kubelet| self.node(&kubelet.line))
    }
}

pub(crate) fn certificates_of(items: &[Item]) -> Vec<&Certificate> {
    items.iter().filter_map(Item::certificate).collect()
}

pub(crate) fn private_key_of(items: &[Item]) -> Option<&[u8]> {
    items.iter().find_map(Item::private_key)
}

/// What can't be read: the label, and why.
pub(crate) fn unreadable(items: &[Item]) -> impl Iterator<Item = (&str, &str)> {
    items.iter().filter_map(|item| match item {
        Item::Unreadable(label, why) => Some((label.as_str(), why.as_str())),
        _ => None,
    })
}
