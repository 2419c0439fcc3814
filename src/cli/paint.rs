//! Colour for people: what is said and shown, as it is read from plain text, so that nothing but its look depends on the terminal.

use std::io::IsTerminal;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();
const ASIDE: Style = AnsiColor::BrightBlue.on_default();

/// How a line begins, and how that beginning looks.
const BEGINNINGS: [(&str, Style); 9] = [
    ("error", ERROR),
    ("warning", WARNING),
    ("note", NOTE),
    ("  = help:", ASIDE),
    ("+ ", NOTE),
    ("- ", ERROR),
    ("  + ", NOTE),
    ("  - ", ERROR),
    ("  ~ ", WARNING),
];

/// Before a file and a line: it is set in as far as the line's number is long.
const ARROW: &str = " --> ";

/// The text as a stream takes it: with colour where it is shown to somebody who wants it (`--color`, NO_COLOR, CLICOLOR_FORCE).
pub fn painted<S: RawStream + IsTerminal>(text: &str, stream: &S) -> String {
    match AutoStream::choice(stream) {
        ColorChoice::Never => text.to_owned(),
        _ => with_colour(text),
    }
}

fn with_colour(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let found = BEGINNINGS.iter().find_map(|(beginning, style)| {
        let rest = line.strip_prefix(beginning)?;
        // A word is a heading where a code or a colon follows.
        let is_word = beginning.ends_with(char::is_alphabetic);
        let end = match (is_word, rest.strip_prefix('[').and_then(|rest| rest.find("]: "))) {
            (false, _) => beginning.len(),
            (true, Some(code)) => beginning.len() + code + 3,
            (true, None) if rest.starts_with(": ") => beginning.len() + 1,
            (true, None) => return None,
        };
        Some((line.get(..end)?, line.get(end..)?, style))
    });
    let arrow = || {
        let set_in = line.find(|c| c != ' ')?.checked_sub(1)?;
        let (beginning, rest) = line.split_at_checked(set_in + ARROW.len())?;
        beginning.ends_with(ARROW).then_some((beginning, rest, &ASIDE))
    };
    match found.or_else(arrow) {
        Some((beginning, rest, style)) => format!("{style}{beginning}{style:#}{rest}"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_look_changes() {
        let text = "error[bad-ca]: it is none\n --> a.toml:1:2\n    --> b.toml:1234:5\n  |\n1 | errors = 2\n  = help: another\nerrors: 2\n\nnote: so it is\n  + n1\n";
        let coloured = with_colour(text);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text);
        assert!(
            coloured.starts_with(&format!("{ERROR}error[bad-ca]:{ERROR:#} it is none\n")),
            "{coloured:?}"
        );
        for arrow in [" --> ", "    --> "] {
            assert!(coloured.contains(&format!("\n{ASIDE}{arrow}{ASIDE:#}")), "{coloured:?}");
        }
        for plain in ["1 | errors = 2\n", "\nerrors: 2\n"] {
            assert!(coloured.contains(plain), "{coloured:?}");
        }
        assert!(
            coloured.contains(&format!("{NOTE}note:{NOTE:#} so"))
                && coloured.contains(&format!("{NOTE}  + {NOTE:#}n1"))
        );
    }
}
