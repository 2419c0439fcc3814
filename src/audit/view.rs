//! Everything of a bundle, parsed: PEM files, documents, command lines, load balancers. Once it is read, it does not change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem;
use rayon::prelude::*;
use time::OffsetDateTime;

use super::balancers::{Balancer, Keepalived, balancer, shared_addresses};
use super::chain::chain;
use super::document::{Documents, Tree, Unread};
use super::finding::Findings;
use super::overrides;
use super::started::{HostUnit, UnitCommand, units_and_commands};
use super::static_pods::{PodContainer, containers};
use super::unit::CommandLine;
use crate::diagnostic::verify_codes as codes;
use crate::found::{Found, FoundHost, NAME_A_CONFIGURATION};
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
        let report = |code, path: &str, message: String| self.findings.report(code, read.name, path, message);
        (read.units, read.commands) = units_and_commands(host, &report);
        for path in configurations_by_flags(&read) {
            self.read_named(&mut read, path, reader);
        }
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

    fn read_file(&self, read: &mut HostView<'v>, path: &'v str, content: &'v SecretBytes, reader: &mut Documents) {
        let (host, bytes) = (read.name, content.expose());
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
        let language = match (is_json, is_toml) {
            (true, _) => Language::Json,
            (_, true) => Language::Toml,
            _ => Language::Yaml,
        };
        self.read_document(read, path, content, language, reader);
    }

    /// Reads what a program is given as its configuration, whatever it is called.
    fn read_named(&self, read: &mut HostView<'v>, path: &'v str, reader: &mut Documents) {
        let Some(file) = read.host.files.get(path) else { return };
        let is_json = file.content.expose().trim_ascii_start().starts_with(b"{");
        let language = if is_json { Language::Json } else { Language::Yaml };
        self.read_document(read, path, &file.content, language, reader);
    }

    fn read_document(
        &self,
        read: &mut HostView<'v>,
        path: &'v str,
        content: &'v SecretBytes,
        language: Language,
        reader: &mut Documents,
    ) {
        let host = read.name;
        let bad = |message: &str| self.findings.report(codes::BAD_SYNTAX, host, path, message);
        let is_json = language == Language::Json;
        let Ok(text) = std::str::from_utf8(content.expose()) else {
            return bad("it is not UTF-8");
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

/// The files that flags of a cluster's programs name as their configurations and that were not read by their names.
fn configurations_by_flags<'v>(read: &HostView<'v>) -> BTreeSet<&'v str> {
    let of_units = read.commands.iter().map(|command| &command.line);
    let of_pods: Vec<PodContainer<'_>> = read.all_documents().flat_map(containers).collect();
    let lines = of_units.chain(of_pods.iter().map(|container| &container.line));
    let is_known = |program: &str| program.starts_with("kube") || program == "etcd";
    let named = lines
        .filter(|line| is_known(&line.program))
        .flat_map(|line| NAME_A_CONFIGURATION.iter().filter_map(|flag| line.flag(flag)));
    let here = named.filter_map(|path| read.resolve(path));
    here.filter(|path| !read.documents.contains_key(path) && !read.pem.contains_key(path))
        .collect()
}

const TOO_LARGE: &str = "it, or what all files hold together, is more than any cluster needs, and was not read";

impl<'v> HostView<'v> {
    /// The path in the bundle of a file that something on the host calls `path`.
    pub(crate) fn resolve(&self, path: &str) -> Option<&'v str> {
        self.host.resolve(path)
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
