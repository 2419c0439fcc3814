//! A bundle as found, and an instant -> findings. What leaves the building is checked by something that believes nothing
//! the compiler believed: everything is parsed again, and no table, plan or specification is asked.
//!
//! Pure: no files, no clock. No message ever quotes what a secret file holds.

mod agreement;
mod certificates;
mod components;
pub(crate) mod document;
mod integrity;
mod kubeconfigs;
pub(crate) mod names;
mod pods;
mod report;
mod table;
pub(crate) mod unit;
mod uses;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::found::{File, Found, Host, printable};
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::{Certificate, Item, Usage, items, judge_chain};
use document::{Documents, Tree, Unread};
use unit::{CommandLine, Unit};

pub use certificates::{InventoryRow, inventory};
pub use report::{inventory_json, render_json, render_text};
pub use table::{Detail, inventory_text};

/// Something that is wrong with a bundle, or remarkable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub host: String,
    pub path: String,
    pub code: &'static str,
    pub message: String,
}

impl Finding {
    /// The row of its code.
    pub fn row(&self) -> &'static Code {
        codes::CODES
            .iter()
            .copied()
            .find(|row| row.name == self.code)
            .unwrap_or(codes::UNSAFE_ENTRY)
    }
}

/// Everything that is wrong with what was found, as of `at`: errors first, each sorted by host and path.
pub fn audit(found: &Found, at: OffsetDateTime) -> Vec<Finding> {
    let mut audit = Audit::read(found, at);
    for remark in &found.remarks {
        audit.report(remark.code, "", &remark.path, remark.message.clone());
    }
    integrity::check(&mut audit, found);
    certificates::check(&mut audit);
    components::check(&mut audit);
    kubeconfigs::check(&mut audit);
    agreement::check(&mut audit);
    pods::check(&mut audit);
    let mut findings: Vec<Finding> = audit.findings.into_iter().collect();
    findings.sort_by_key(|finding| finding.row().severity);
    findings
}

/// A host whose files are parsed.
struct Read<'a> {
    name: &'a str,
    host: &'a Host,
    /// PEM files: what is in them.
    pem: BTreeMap<&'a str, Vec<Item>>,
    documents: BTreeMap<&'a str, Vec<Tree>>,
    commands: Vec<Command<'a>>,
}

/// A command line in a unit of a host.
#[derive(Clone)]
struct Command<'a> {
    path: &'a str,
    line: CommandLine,
}

impl<'a> Read<'a> {
    /// The path in the bundle of a file that something on the host calls `path`.
    fn resolve(&self, path: &str) -> Option<&'a str> {
        let exact = self.host.files.get_key_value(path).map(|(path, _)| path.as_str());
        if exact.is_some() || !self.host.loose {
            return exact;
        }
        let name = path.rsplit('/').next()?;
        let mut same = self
            .host
            .files
            .keys()
            .filter(|path| path.rsplit('/').next() == Some(name));
        same.next().map(String::as_str)
    }

    fn items(&self, path: &str) -> &[Item] {
        self.resolve(path)
            .and_then(|path| self.pem.get(path))
            .map_or(&[], Vec::as_slice)
    }

    fn certificates(&self, path: &str) -> Vec<&Certificate> {
        certificates_of(self.items(path))
    }

    /// The public half of the private key in a file.
    fn private_key(&self, path: &str) -> Option<&[u8]> {
        self.items(path).iter().find_map(|item| match item {
            Item::PrivateKey(key) => Some(key.as_slice()),
            _ => None,
        })
    }

    /// Every public key that a file names: of certificates, requests, public and private keys.
    fn public_keys(&self, path: &str) -> Vec<&[u8]> {
        public_keys_of(self.items(path))
    }

    fn documents(&self, path: &str) -> &[Tree] {
        self.resolve(path)
            .and_then(|path| self.documents.get(path))
            .map_or(&[], Vec::as_slice)
    }

    fn programs(&self, program: &str) -> impl Iterator<Item = &Command<'a>> {
        self.commands
            .iter()
            .filter(move |command| command.line.program == program)
    }

    fn runs(&self, program: &str) -> bool {
        self.programs(program).next().is_some()
    }
}

fn certificates_of(items: &[Item]) -> Vec<&Certificate> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Certificate(certificate) => Some(certificate.as_ref()),
            _ => None,
        })
        .collect()
}

fn public_keys_of(items: &[Item]) -> Vec<&[u8]> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Certificate(certificate) => Some(certificate.public_key.as_slice()),
            Item::PrivateKey(key) | Item::PublicKey(key) | Item::Request(key) => Some(key.as_slice()),
            _ => None,
        })
        .collect()
}

struct Audit<'a> {
    at: OffsetDateTime,
    hosts: Vec<Read<'a>>,
    /// Whether there is more than one host, and none elsewhere that is known of, so that what is missing is missing.
    whole: bool,
    findings: BTreeSet<Finding>,
    /// What PEM texts hold, by their digest: the same keys are in many places, and to read one costs arithmetic.
    known: RefCell<BTreeMap<String, Vec<Item>>>,
    reader: Documents,
}

impl<'a> Audit<'a> {
    fn items_of(&self, pem: &[u8]) -> Vec<Item> {
        let digest = sha256_hex(pem);
        self.known
            .borrow_mut()
            .entry(digest)
            .or_insert_with(|| items(pem))
            .clone()
    }

    fn report(&mut self, code: &'static Code, host: &str, path: &str, message: impl Into<String>) {
        self.findings.insert(Finding {
            host: printable(host),
            path: printable(path),
            code: code.name,
            message: printable(&message.into()),
        });
    }

    fn read(found: &'a Found, at: OffsetDateTime) -> Audit<'a> {
        let mut audit = Audit {
            at,
            hosts: Vec::new(),
            whole: found.hosts.len() > 1 && found.part.as_ref().is_none_or(|part| part.elsewhere.is_empty()),
            findings: BTreeSet::new(),
            known: RefCell::default(),
            reader: Documents::default(),
        };
        for host in &found.hosts {
            let mut read = Read {
                name: &host.name,
                host,
                pem: BTreeMap::new(),
                documents: BTreeMap::new(),
                commands: Vec::new(),
            };
            for (path, file) in &host.files {
                audit.read_file(&mut read, path, file);
            }
            audit.hosts.push(read);
        }
        audit
    }

    fn read_file(&mut self, read: &mut Read<'a>, path: &'a str, file: &'a File) {
        let bytes = file.content.expose();
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".pem", ".crt", ".key", ".csr", ".pub"]) || bytes.starts_with(b"-----BEGIN ") {
            let items = self.items_of(bytes);
            if items.is_empty() {
                self.report(codes::BAD_PEM, read.name, path, "there is no PEM block in it");
            }
            for item in &items {
                if let Item::Unreadable(label, why) = item {
                    self.report(
                        codes::BAD_PEM,
                        read.name,
                        path,
                        format!("its {label} can't be read: {why}"),
                    );
                }
            }
            read.pem.insert(path, items);
            return;
        }
        let is_yaml = ends(&[".yaml", ".yml", ".kubeconfig"]) || name == "kubeconfig";
        let is_json = ends(&[".json", ".conflist"]);
        let is_unit = ends(&[".service"]);
        let is_kubeconfig = ends(&[".conf"]) && bytes.windows(12).any(|window| window == b"kind: Config");
        if !(is_yaml || is_json || is_unit || is_kubeconfig) {
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.report(codes::BAD_SYNTAX, read.name, path, "it is not UTF-8");
        };
        let in_line = |line: Option<u64>| line.map_or(String::new(), |line| format!(", see line {line}"));
        if is_unit {
            let commands = Unit::parse(text)
                .map_err(|(line, why)| format!("it is no unit: line {line} is {why}"))
                .and_then(|unit| unit.commands().map_err(|why| format!("a command line of it has {why}")));
            match commands {
                Ok(commands) if commands.is_empty() => {
                    self.report(codes::BAD_SYNTAX, read.name, path, "it starts no program");
                }
                Ok(commands) => read
                    .commands
                    .extend(commands.into_iter().map(|line| Command { path, line })),
                Err(why) => self.report(codes::BAD_SYNTAX, read.name, path, why),
            }
        } else if is_json {
            match self.reader.json(text) {
                Ok(document) => {
                    read.documents.insert(path, vec![document]);
                }
                Err(Unread::TooLarge) => self.report(codes::ARCHIVE_LIMIT, read.name, path, TOO_LARGE),
                Err(Unread::Syntax(line)) => {
                    let message = format!("it is not valid JSON{}", in_line(line));
                    self.report(codes::BAD_SYNTAX, read.name, path, message);
                }
            }
        } else {
            match self.reader.yaml(text) {
                Ok(documents) if documents.is_empty() => {
                    self.report(codes::BAD_SYNTAX, read.name, path, "there is nothing in it");
                }
                Ok(documents) => {
                    for document in &documents {
                        if !matches!(document, Tree::Map(_)) {
                            self.report(codes::BAD_SYNTAX, read.name, path, "it is no map of fields");
                        }
                    }
                    read.documents.insert(path, documents);
                }
                Err(Unread::TooLarge) => self.report(codes::ARCHIVE_LIMIT, read.name, path, TOO_LARGE),
                Err(Unread::Syntax(line)) => {
                    let message = format!("it is not valid YAML{}", in_line(line));
                    self.report(codes::BAD_SYNTAX, read.name, path, message);
                }
            }
        }
    }
}

const TOO_LARGE: &str = "it, or what all files hold together, is more than any cluster needs, and was not read";

/// A chain from a certificate to one that is trusted, or why there is none.
fn chain(
    leaf: &Certificate,
    others: &[&Certificate],
    trusted: &[&Certificate],
    at: OffsetDateTime,
    usage: Usage,
) -> Result<(), String> {
    if trusted.is_empty() {
        return Err("there is no certificate of an authority to trust".to_owned());
    }
    if !trusted.iter().any(|root| leaf.names_as_issuer(root)) && !others.iter().any(|other| leaf.names_as_issuer(other))
    {
        return Err(format!(
            "it was issued by {:?}, and trusted is {:?}",
            leaf.issuer,
            trusted
                .iter()
                .map(|root| root.subject.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    if !leads_to(leaf, others, trusted) {
        return Err("its signature is not by the key of the trusted authority".to_owned());
    }
    let all = others.iter().chain(trusted).chain(std::iter::once(&leaf));
    let valid = all.into_iter().all(|one| one.not_before <= at && at <= one.not_after);
    // What has expired is told as such.
    if valid && !leaf.has_broken_digest() && leaf.rsa_bits.is_none_or(|bits| bits >= 2048) {
        judge_chain(leaf, others, trusted, at, usage).map_err(|reason| format!("rustls-webpki says {reason}"))?;
    }
    Ok(())
}

/// More than any chain has to try.
const MOST_SIGNATURES: usize = 1000;

/// Whether signatures lead from `leaf` to one that is trusted. Each certificate is gone through once: of authorities that
/// issued each other there are more paths than anybody can try.
fn leads_to(leaf: &Certificate, others: &[&Certificate], trusted: &[&Certificate]) -> bool {
    let mut tries = 0;
    let mut issued = |one: &Certificate, by: &Certificate| {
        one.names_as_issuer(by) && {
            tries += 1;
            tries <= MOST_SIGNATURES && one.is_signed_by(by)
        }
    };
    let mut left: Vec<&Certificate> = others.iter().copied().filter(|other| other.authority).collect();
    let mut reached = vec![leaf];
    let mut next = 0;
    while let Some(one) = reached.get(next).copied() {
        if trusted.iter().any(|root| issued(one, root)) {
            return true;
        }
        left.retain(|other| {
            let is_next = issued(one, other);
            if is_next {
                reached.push(other);
            }
            !is_next
        });
        next += 1;
    }
    false
}
