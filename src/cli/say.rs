//! What is said: results on standard output, all else on standard error.

use std::fmt::Display;
use std::io::{self, Write};

use khw_gen::diagnostic::{Diagnostic, Severity, render_text};

/// Problems were found, and have been reported.
pub struct Reported;

impl<E: Display> From<E> for Reported {
    fn from(error: E) -> Self {
        say_error(error);
        Reported
    }
}

pub fn say_diagnostics(diagnostics: &[Diagnostic]) {
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity <= Severity::Note)
    {
        say(render_text(diagnostics).trim_end());
    }
}

pub fn say_error(error: impl Display) {
    say(format_args!("error: {error}"));
}

/// To standard error; that nobody listens there is no reason to fail.
pub fn say(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// To standard output. A reader that went away (`| head`) has what it wanted.
pub fn print(message: impl Display) -> Result<(), Reported> {
    match writeln!(io::stdout().lock(), "{message}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
