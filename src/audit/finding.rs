//! What is found, and where every check puts it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::found::printable;
use crate::secrecy::hidden;

/// Something that is wrong with a bundle, or remarkable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The host, by its name; empty for what is of no host.
    pub host: String,
    /// The path below the host.
    pub path: String,
    /// Stable, kebab-case; a row of the table of codes.
    pub code: &'static str,
    /// What is wrong, in a sentence without any secret.
    pub message: String,
}

impl Finding {
    /// With nothing in it that could steer a terminal, and no secret.
    pub(crate) fn new(code: &'static Code, host: &str, path: &str, message: impl Into<String>) -> Finding {
        Finding {
            host: printable(host),
            path: printable(path),
            code: code.name,
            message: printable(&hidden(&message.into())),
        }
    }

    /// The row of its code.
    pub fn row(&self) -> &'static Code {
        let row = codes::CODES.iter().copied().find(|row| row.name == self.code);
        row.unwrap_or(codes::UNSAFE_ENTRY)
    }
}

/// All that is found, each once, and in an order that no check decides: checks add to it while others read the same bundle.
#[derive(Default)]
pub(crate) struct Findings(Mutex<BTreeSet<Finding>>);

impl Findings {
    pub(crate) fn report(&self, code: &'static Code, host: &str, path: &str, message: impl Into<String>) {
        self.add(Finding::new(code, host, path, message));
    }

    pub(crate) fn add(&self, finding: Finding) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(finding);
    }

    /// What was found so far of a code.
    pub(crate) fn of(&self, code: &Code) -> Vec<Finding> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .iter()
            .filter(|finding| finding.code == code.name)
            .cloned()
            .collect()
    }

    /// Errors first, each sorted by host and path.
    pub(crate) fn into_sorted(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .0
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_iter()
            .collect();
        findings.sort_by_key(|finding| finding.row().severity);
        findings
    }
}
