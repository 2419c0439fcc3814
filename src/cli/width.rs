//! How wide a line may be where a person reads it.

use std::io;

use khw_gen::changes::has_commands;
use khw_gen::table::wrapped_but;
use terminal_size::{Width, terminal_size_of};

/// How many characters a line of the terminal has on which standard output is shown; none where it is shown on none, so that what programs
/// read does not depend on a window.
pub fn width() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(Width(columns), _)| usize::from(columns))
}

/// The same of the terminal on which standard error is shown.
pub fn width_of_errors() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(Width(columns), _)| usize::from(columns))
}

/// A text for lines of so many characters: sentences are continued; what somebody copies, commands and lines of a patch, stays as it is, and
/// so does source with what is written below it.
pub fn fitted(text: &str, width: Option<usize>) -> String {
    let is_of_patch = |line: &str| line.starts_with(['+', '-', '@']);
    let is_source = |line: &str| {
        let rest = line.trim_start();
        rest.starts_with("--> ")
            || rest
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start()
                .starts_with('|')
    };
    let fitted = wrapped_but(text, width, |line| {
        has_commands(line) || is_of_patch(line) || is_source(line)
    });
    match text.ends_with('\n') {
        true => fitted,
        false => fitted.trim_end_matches('\n').to_owned(),
    }
}
