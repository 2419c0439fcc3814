//! A problem with an input, where it is, and all that were found.

use std::ops::Range;
use std::sync::Arc;

use super::code::{Code, Severity};
use crate::secrecy::hidden;

/// A text that was read, under the name that diagnostics call it by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// What diagnostics call it: a path as the user wrote it.
    pub name: String,
    /// What was read.
    pub text: String,
}

impl SourceFile {
    /// A text and the name to call it by.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<SourceFile> {
        Arc::new(SourceFile {
            name: name.into(),
            text: text.into(),
        })
    }
}

/// A place in a source: a range of bytes of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub file: Arc<SourceFile>,
    /// The range, in bytes of the text.
    pub span: Range<usize>,
}

impl Place {
    /// The bytes `span` of `file`.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>) -> Place {
        Place {
            file: Arc::clone(file),
            span,
        }
    }
}

/// One finding about the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, kebab-case; a row of the table of codes.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence without any secret.
    pub message: String,
    /// Where; none where nothing was written of it.
    pub place: Option<Place>,
    /// What to do.
    pub hint: String,
}

impl Diagnostic {
    /// A finding of the kind `code`, at no place yet and with the table's advice as its hint. A secret in the message is hidden.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: code.name,
            severity: code.severity,
            message: hidden(&message.into()),
            place: None,
            hint: code.advice.to_owned(),
        }
    }

    /// The same finding at `place`.
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Diagnostic {
        self.place = place.into();
        self
    }

    /// The same finding with advice that fits it better than the table's.
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = hint.into();
        self
    }
}

/// By file, place, then code and message, so that equal inputs give equal texts; those of no place come last.
pub(super) fn order(diagnostic: &Diagnostic) -> impl Ord + '_ {
    let place = diagnostic
        .place
        .as_ref()
        .map(|place| (place.file.name.as_str(), place.span.start, place.span.end));
    (place.is_none(), place, diagnostic.code, diagnostic.message.as_str())
}
