//! Everything of a bundle, parsed: PEM files, documents, command lines, load balancers. Once it is read, it does not change.

use std::cell::RefCell;
use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::balancers::{Balancer, Keepalived, balancer, shared_addresses};
use super::chain::chain;
use super::document::{Documents, Tree, Unread};
use super::finding::Findings;
use super::overrides;
use super::unit::{CommandLine, UnitFile, words};
use crate::diagnostic::verify_codes as codes;
use crate::found::{Found, FoundHost};
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::{Certificate, Item, TlsRole, items};

/// A bundle as read, as of an instant.
pub(crate) struct View<'v> {
    pub at: OffsetDateTime,
    pub hosts: Vec<HostView<'v>>,
    /// Whether there is more than one host, and none elsewhere that is known of, so that what is missing is missing.
    pub whole: bool,
    /// Where everything goes that is found in it.
    pub findings: &'v Findings,
    /// What PEM texts hold, by their digest: the same keys are in many places, and to read one costs arithmetic.
    known: RefCell<BTreeMap<String, Vec<Item>>>,
    /// What became of each chain: every kubeconfig of a fleet leads to the same API servers.
    judged: RefCell<BTreeMap<(TlsRole, String), Result<(), String>>>,
}

/// A host whose files are parsed.
pub(crate) struct HostView<'v> {
    pub name: &'v str,
    pub host: &'v FoundHost,
    /// PEM files: what is in them.
    pub pem: BTreeMap<&'v str, Vec<Item>>,
    pub documents: BTreeMap<&'v str, Vec<Tree>>,
    pub commands: Vec<UnitCommand<'v>>,
    /// Configurations of load balancers.
    pub balancers: BTreeMap<&'v str, Balancer>,
    /// Configurations of keepalived.
    pub shared: BTreeMap<&'v str, Keepalived>,
}

/// A command line in a unit of a host.
pub(crate) struct UnitCommand<'v> {
    /// The unit.
    pub path: &'v str,
    pub line: CommandLine,
    /// What `Environment=` gives it, in the unit and in its drop-ins.
    pub environment: BTreeMap<String, String>,
}

impl<'v> View<'v> {
    /// Reads all that was found; what can't be read is reported.
    pub(crate) fn read(found: &'v Found, at: OffsetDateTime, findings: &'v Findings) -> View<'v> {
        let mut view = View {
            at,
            hosts: Vec::new(),
            whole: found.hosts.len() > 1 && found.part.as_ref().is_none_or(|part| part.elsewhere.is_empty()),
            findings,
            known: RefCell::default(),
            judged: RefCell::default(),
        };
        let mut reader = Documents::default();
        view.hosts = found
            .hosts
            .iter()
            .map(|host| view.read_host(host, &mut reader))
            .collect();
        view
    }

    pub(crate) fn items_of(&self, pem: &[u8]) -> Vec<Item> {
        let mut known = self.known.borrow_mut();
        known.entry(sha256_hex(pem)).or_insert_with(|| items(pem)).clone()
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
        let mut judged = self.judged.borrow_mut();
        let answer = judged
            .entry((usage, asked))
            .or_insert_with(|| chain(leaf, others, trusted, self.at, usage));
        answer.clone()
    }

    fn read_host(&self, host: &'v FoundHost, reader: &mut Documents) -> HostView<'v> {
        let mut read = HostView {
            name: &host.name,
            host,
            pem: BTreeMap::new(),
            documents: BTreeMap::new(),
            commands: Vec::new(),
            balancers: BTreeMap::new(),
            shared: BTreeMap::new(),
        };
        for (path, file) in &host.files {
            let bytes = file.content.expose();
            self.read_file(&mut read, path, bytes, reader);
            if path.ends_with(".conf") || path.ends_with(".cfg") {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                read.balancers
                    .extend(balancer(path, text).map(|balancer| (path.as_str(), balancer)));
                read.shared
                    .extend(shared_addresses(path, text).map(|shared| (path.as_str(), shared)));
            }
        }
        let configs = read.commands.iter();
        let configs: Vec<Option<&str>> = configs.map(|one| read.resolve(one.line.flag("config")?)).collect();
        for (command, path) in read.commands.iter().zip(configs) {
            let Some((path, documents)) = path.and_then(|path| Some((path, read.documents.get_mut(path)?))) else {
                continue;
            };
            overrides::apply(&command.line, path, documents, |code, message| {
                self.findings.report(code, read.name, command.path, message);
            });
        }
        read
    }

    fn read_file(&self, read: &mut HostView<'v>, path: &'v str, bytes: &'v [u8], reader: &mut Documents) {
        let host = read.name;
        let bad = |message: &str| self.findings.report(codes::BAD_SYNTAX, host, path, message);
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        let is_text = ends(&[
            ".yaml", ".yml", ".json", ".service", ".sh", ".md", ".conf", ".cfg", ".toml",
        ]);
        let has_key = !is_text && holds(b"PRIVATE KEY-----\n");
        if ends(&[".pem", ".crt", ".key", ".csr", ".pub"]) || bytes.starts_with(b"-----BEGIN ") || has_key {
            let bad = |message: String| self.findings.report(codes::BAD_PEM, host, path, message);
            let items = self.items_of(bytes);
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
        let is_json = ends(&[".json", ".conflist"]);
        let is_toml = ends(&[".toml"]);
        let is_unit = ends(&[".service"]);
        let is_kubeconfig = (!is_text || ends(&[".conf"])) && (holds(b"kind: Config\n") || holds(b"client-key-data: "));
        if !(is_yaml || is_json || is_toml || is_unit || is_kubeconfig) {
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return bad("it is not UTF-8");
        };
        if is_unit {
            match commands(text) {
                Ok(lines) if lines.is_empty() => bad("it starts no program"),
                Ok(lines) => read.commands.extend(lines.into_iter().map(|mut line| {
                    let environment = environment(path, read.host);
                    overrides::give_variables(&mut line, &environment, |message| {
                        self.findings.report(codes::REFUSED_TOGETHER, host, path, message);
                    });
                    UnitCommand {
                        path,
                        line,
                        environment,
                    }
                })),
                Err(why) => bad(&why),
            }
            return;
        }
        let (language, documents) = match (is_json, is_toml) {
            (true, _) => ("JSON", reader.json(text).map(|document| vec![document])),
            (_, true) => ("TOML", reader.toml(text).map(|document| vec![document])),
            _ => ("YAML", reader.yaml(text)),
        };
        match documents {
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
                bad(&format!("it is not valid {language}{line}"));
            }
        }
    }
}

const TOO_LARGE: &str = "it, or what all files hold together, is more than any cluster needs, and was not read";

/// The command lines of a unit; an error says why there are none.
fn commands(text: &str) -> Result<Vec<CommandLine>, String> {
    let unit = UnitFile::parse(text).map_err(|(line, why)| format!("it is no unit: line {line} is {why}"))?;
    unit.commands().map_err(|why| format!("a command line of it has {why}"))
}

/// The variables that a unit gives its program: what it has itself, then what its drop-ins have, in their order.
fn environment(unit: &str, host: &FoundHost) -> BTreeMap<String, String> {
    let drop_ins = format!("{unit}.d/");
    let is_part = |path: &&String| path.starts_with(&drop_ins) && path.ends_with(".conf");
    let parts = host.files.keys().filter(is_part).map(String::as_str);
    let mut variables = BTreeMap::new();
    for path in std::iter::once(unit).chain(parts) {
        let Some(Ok(part)) = host.text(path).map(UnitFile::parse) else {
            continue;
        };
        for (section, name, value) in &part.assignments {
            match (section.as_str(), name.as_str(), value.as_str()) {
                ("Service", "Environment", "") => variables.clear(),
                ("Service", "Environment", value) => {
                    let words = words(value).unwrap_or_default().into_iter();
                    variables.extend(words.filter_map(|word| {
                        let (name, value) = word.split_once('=')?;
                        Some((name.to_owned(), value.to_owned()))
                    }));
                }
                _ => {}
            }
        }
    }
    variables
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
        Some(sha256_hex(self.host.files.get(path)?.content.expose()))
    }

    pub(crate) fn items(&self, path: &str) -> &[Item] {
        let items = self.resolve(path).and_then(|path| self.pem.get(path));
        items.map_or(&[], Vec::as_slice)
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
        let keys = self.items(path).iter().filter_map(|item| match item {
            Item::Certificate(certificate) => Some(certificate.public_key.as_slice()),
            Item::PrivateKey(key) | Item::PublicKey(key) | Item::Request(key) => Some(key.as_slice()),
            Item::Revocations | Item::Unreadable(..) => None,
        });
        keys.collect()
    }

    pub(crate) fn documents(&self, path: &str) -> &[Tree] {
        let documents = self.resolve(path).and_then(|path| self.documents.get(path));
        documents.map_or(&[], Vec::as_slice)
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
    let certificates = items.iter().filter_map(|item| match item {
        Item::Certificate(certificate) => Some(certificate.as_ref()),
        _ => None,
    });
    certificates.collect()
}

pub(crate) fn private_key_of(items: &[Item]) -> Option<&[u8]> {
    items.iter().find_map(|item| match item {
        Item::PrivateKey(key) => Some(key.as_slice()),
        _ => None,
    })
}

/// What can't be read: the label, and why.
pub(crate) fn unreadable(items: &[Item]) -> impl Iterator<Item = (&str, &str)> {
    items.iter().filter_map(|item| match item {
        Item::Unreadable(label, why) => Some((label.as_str(), why.as_str())),
        _ => None,
    })
}
