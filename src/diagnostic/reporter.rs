//! Where problems are told while an input is read and judged: one list, to which whoever finds something adds.
use std::cell::RefCell;

use super::code::{Code, Severity};
use super::problem::{Diagnostic, Place, order};
use super::suggest::{listed, nearest};

/// The findings so far, in the order they were made. Inputs are read and judged on one thread, so a shared reference will do
/// to add to them.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    findings: RefCell<Vec<Diagnostic>>,
}

/// What has a place, or may have one.
pub trait Placed {
    /// The place, where there is one.
    fn placed(self) -> Option<Place>;
}

impl Placed for Place {
    fn placed(self) -> Option<Place> {
        Some(self)
    }
}

impl Placed for &Place {
    fn placed(self) -> Option<Place> {
        Some(self.clone())
    }
}

impl Placed for Option<Place> {
    fn placed(self) -> Option<Place> {
        self
    }
}

impl Placed for &Option<Place> {
    fn placed(self) -> Option<Place> {
        self.clone()
    }
}

impl Placed for Option<&Place> {
    fn placed(self) -> Option<Place> {
        self.cloned()
    }
}

impl Reporter {
    /// Adds a finding of the kind `code`, with the table's advice as its hint.
    pub fn at(&self, place: impl Placed, code: &'static Code, message: impl Into<String>) -> JustReported<'_> {
        self.add(Diagnostic::new(code, message).at(place.placed()));
        JustReported { reporter: self }
    }

    /// Adds a finding as it is.
    pub fn add(&self, finding: Diagnostic) {
        self.findings.borrow_mut().push(finding);
    }

    /// Adds those of another.
    pub fn append(&self, other: Reporter) {
        self.findings.borrow_mut().extend(other.into_vec());
    }

    /// Whether any of them stops the build.
    pub fn has_errors(&self) -> bool {
        self.has_error_since(0)
    }

    /// Whether any after the first `count` stops the build.
    pub fn has_error_since(&self, count: usize) -> bool {
        let findings = self.findings.borrow();
        findings
            .iter()
            .skip(count)
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Drops those that `keep` says no to.
    pub fn retain(&self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.findings.borrow_mut().retain(keep);
    }

    /// Takes all of them out.
    pub fn take(&self) -> Vec<Diagnostic> {
        self.findings.take()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.findings.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, as they were reported.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.findings.into_inner()
    }

    /// All of them, by file and place; those of no place come last.
    pub fn into_sorted_vec(self) -> Vec<Diagnostic> {
        let mut list = self.into_vec();
        list.sort_by(|a, b| order(a).cmp(&order(b)));
        list
    }
}

/// The finding that was reported last, for those who have better advice than the table's.
pub struct JustReported<'a> {
    reporter: &'a Reporter,
}

impl JustReported<'_> {
    /// Gives it this hint.
    pub fn hint(self, hint: impl Into<String>) {
        if let Some(last) = self.reporter.findings.borrow_mut().last_mut() {
            last.hint = hint.into();
        }
    }

    /// Gives it this hint, if there is one.
    pub fn hint_if(self, hint: Option<impl Into<String>>) {
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    /// Asks whether the nearest of `known` was meant, if one is near enough to `word`.
    pub fn meant<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) {
        self.hint_if(did_you_mean(word, known));
    }

    /// Asks whether the nearest of `known` was meant; else says `otherwise`.
    pub fn meant_or<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>, otherwise: impl Into<String>) {
        self.hint(did_you_mean(word, known).unwrap_or_else(|| otherwise.into()));
    }

    /// Asks whether the nearest of `known` was meant; else lists them all behind `are`: "the roles are".
    pub fn meant_of<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str> + Clone, are: &str) {
        self.meant_or(word, known.clone(), format!("{are} {}", listed(known)));
    }
}

fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|meant| format!("did you mean `{meant}`?"))
}
