//! What is said: results on standard output, all else on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use khw_gen::changes::quoted;
use khw_gen::diagnostic::{self, Diagnostic, Severity, render_text_within};
use khw_gen::json_document::JsonKind;
use serde_json::Value;

use super::paint::painted;
use super::width::{fitted, width, width_of_errors};

/// Problems were found, and have been reported.
pub struct Reported;

impl<E: Display> From<E> for Reported {
    fn from(error: E) -> Self {
        say_error(error);
        Reported
    }
}

/// What was said, for the document that stands for a result where there is none.
#[derive(Default)]
struct Said {
    messages: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    has_result: bool,
}

static SAID: Mutex<Said> = Mutex::new(Said {
    messages: Vec::new(),
    diagnostics: Vec::new(),
    has_result: false,
});

fn noted(note: impl FnOnce(&mut Said)) {
    note(&mut SAID.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Prints the errors that were said as a document, where no result was printed.
pub fn print_errors_unless_printed() {
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    if !said.has_result {
        let document = JsonKind::Error.document([
            ("messages", said.messages.into()),
            ("diagnostics", diagnostic::as_json(&said.diagnostics)),
        ]);
        let _ = print_document(&document);
    }
}

pub fn say_diagnostics(diagnostics: &[Diagnostic]) {
    noted(|said| said.diagnostics.extend_from_slice(diagnostics));
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity <= Severity::Note)
    {
        say(render_text_within(diagnostics, width_of_errors()).trim_end());
    }
}

pub fn say_error(error: impl Display) {
    let message = error.to_string();
    say(format_args!("error: {message}"));
    noted(|said| said.messages.push(message));
}

/// To standard error; that nobody listens there is no reason to fail.
pub fn say(message: impl Display) {
    let stderr = io::stderr();
    let text = painted(&fitted(&message.to_string(), width_of_errors()), &stderr);
    let _ = writeln!(stderr.lock(), "{text}");
}

/// To standard output. A reader that went away (`| head`) has what it wanted.
pub fn print(message: impl Display) -> Result<(), Reported> {
    noted(|said| said.has_result = true);
    match writeln!(io::stdout().lock(), "{message}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The same for people: in lines that fit their terminal, and in colour, where they want it.
pub fn show(message: impl Display) -> Result<(), Reported> {
    print(painted(&fitted(&message.to_string(), width()), &io::stdout()))
}

/// A path as a shell takes it for one word of a command.
pub fn as_word(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A document for programs, to standard output.
pub fn print_document(document: &Value) -> Result<(), Reported> {
    print(format_args!("{document:#}"))
}
