//! Where something is found: a file of a host. What is asked of many files is asked here, and told there.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Tree;
use super::finding::Finding;
use super::names::Url;
use super::unit::CommandLine;
use super::view::{HostView, View};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::Certificate;

/// A file of a host, where findings are told.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'v> {
    pub view: &'v View<'v>,
    pub host: &'v HostView<'v>,
    pub path: &'v str,
}

impl<'v> Spot<'v> {
    pub(crate) fn report(self, code: &'static Code, message: impl Into<String>) {
        self.view.findings.add(self.finding(code, message));
    }

    /// What [`Spot::report`] tells.
    pub(crate) fn finding(self, code: &'static Code, message: impl Into<String>) -> Finding {
        let side = self.view.side;
        let message = match side {
            "" => message.into(),
            side => format!("{} (the file{side})", message.into()),
        };
        Finding::new(code, self.host.name, self.path, message)
    }

    /// Another file of the same host.
    pub(crate) fn at(self, path: &'v str) -> Spot<'v> {
        Spot { path, ..self }
    }

    /// Whether a certificate and a key, where both are there, belong together.
    pub(crate) fn check_pair(self, certificate: &str, key: &str) {
        if self.host.resolve(certificate).is_none() || self.host.resolve(key).is_none() {
            return;
        }
        match (self.host.certificates(certificate).first(), self.host.private_key(key)) {
            (Some(leaf), Some(private)) if leaf.public_key == private => {}
            (Some(_), Some(_)) => self.report(codes::KEY_MISMATCH, format!("{key} is not the key of {certificate}")),
            (None, _) => self.report(codes::BAD_PEM, format!("there is no certificate in {certificate}")),
            (_, None) => self.report(codes::BAD_PEM, format!("there is no private key in {key}")),
        }
    }

    /// Every certificate that is trusted has to be an authority's.
    pub(crate) fn check_authority(self, path: &str) {
        let certificates = self.host.certificates(path).into_iter();
        for certificate in certificates.filter(|certificate| !certificate.authority) {
            let message = format!("{path} is trusted, and {:?} in it is no authority", certificate.subject);
            self.report(codes::NOT_AN_AUTHORITY, message);
        }
    }

    /// Whether the certificate at `path` holds the name or address `host`, and why it has to.
    pub(crate) fn check_covers(self, path: &str, host: &str, why: &str) {
        if self
            .host
            .certificates(path)
            .first()
            .is_some_and(|leaf| !leaf.covers(host))
        {
            self.report(
                codes::ADDRESS_NOT_COVERED,
                format!("{path} does not hold {host}, {why}"),
            );
        }
    }

    /// Whether items of a list come again.
    pub(crate) fn check_twice(self, what: &str, list: impl IntoIterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for one in list {
            if seen.contains(&one) {
                self.report(codes::LISTED_TWICE, format!("{what} has {one} twice"));
            }
            seen.insert(one);
        }
    }
}

/// Every document of every host, and where it is.
pub(crate) fn documents<'v>(view: &'v View<'v>) -> impl Iterator<Item = (Spot<'v>, &'v Tree)> {
    view.hosts.iter().flat_map(move |host| {
        let files = host.documents.iter();
        files.flat_map(move |(path, documents)| documents.iter().map(move |one| (Spot { view, host, path }, one)))
    })
}

/// Every document of one kind.
pub(crate) fn documents_of<'v>(view: &'v View<'v>, kind: &'static str) -> impl Iterator<Item = (Spot<'v>, &'v Tree)> {
    documents(view).filter(move |(_, document)| document.kind() == kind)
}

/// A program that a unit starts. What is found of its command line is told of the unit.
#[derive(Clone, Copy)]
pub(crate) struct Running<'v> {
    pub spot: Spot<'v>,
    pub line: &'v CommandLine,
    /// The variables of its unit.
    pub environment: &'v BTreeMap<String, String>,
}

impl<'v> Running<'v> {
    /// The value of a flag, as a path; empty where it is not set.
    pub(crate) fn file(self, flag: &str) -> &'v str {
        self.line.flag(flag).unwrap_or_default()
    }

    /// The certificates in the file that a flag names.
    pub(crate) fn certificates(self, flag: &str) -> Vec<&'v Certificate> {
        self.spot.host.certificates(self.file(flag))
    }

    /// Every public key in the files that a flag names, each time it is given.
    pub(crate) fn public_keys(self, flag: &str) -> Vec<&'v [u8]> {
        let paths = self.line.values(flag);
        paths.flat_map(|path| self.spot.host.public_keys(path)).collect()
    }

    /// The URLs of a flag that are some.
    pub(crate) fn urls(self, flag: &str) -> Vec<Url> {
        self.line.list(flag).into_iter().filter_map(Url::parse).collect()
    }

    pub(crate) fn report(self, code: &'static Code, message: impl Into<String>) {
        self.spot.report(code, message);
    }
}

/// Every program that a unit of any host starts.
pub(crate) fn all_running<'v>(view: &'v View<'v>) -> impl Iterator<Item = Running<'v>> {
    view.hosts.iter().flat_map(move |host| {
        host.commands.iter().map(move |command| Running {
            spot: Spot {
                view,
                host,
                path: command.path,
            },
            line: &command.line,
            environment: &command.environment,
        })
    })
}

/// Every instance of one program.
pub(crate) fn running<'v>(view: &'v View<'v>, program: &'static str) -> impl Iterator<Item = Running<'v>> {
    all_running(view).filter(move |one| one.line.program == program)
}
