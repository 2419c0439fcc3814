//! The variables that a unit gives its programs: `Environment=`, and the files of `EnvironmentFile=`, as systemd reads them.

use std::collections::BTreeMap;

use super::unit::{Specifiers, UnitFile, words};
use crate::found::FoundHost;

/// The variables of a unit, and what is not known of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables<'v> {
    pub set: BTreeMap<String, String>,
    /// The files of it that are here.
    pub files: Vec<&'v str>,
    /// What may set others: the files that are not here, and what the service manager itself has.
    pub elsewhere: Vec<String>,
}

/// What a unit sets. What a file says counts before what the unit says, a later file before an earlier one.
pub(super) fn variables<'v>(unit: &UnitFile, host: &'v FoundHost, meaning: Specifiers<'_>) -> Variables<'v> {
    let mut variables = Variables::default();
    for value in unit.values("Service", "Environment") {
        for word in words(value).unwrap_or_default() {
            let word = meaning.resolved(&word);
            let named = word.split_once('=').filter(|(name, _)| is_name(name.trim()));
            variables
                .set
                .extend(named.map(|(name, value)| (name.trim().to_owned(), value.to_owned())));
        }
    }
    for name in unit.list("Service", "PassEnvironment") {
        variables.elsewhere.push(format!("PassEnvironment={name}"));
    }
    for path in unit.values("Service", "EnvironmentFile") {
        let path = meaning.resolved(path.trim_start_matches('-'));
        match host.resolve(&path).and_then(|path| Some((path, host.text(path)?))) {
            Some((path, text)) => {
                variables.set.extend(assignments(text));
                variables.files.push(path);
            }
            None => variables.elsewhere.push(path),
        }
    }
    variables
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where a reader of such a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Comment,
    Name,
    /// Before a value, or behind the quotes of one.
    Blank,
    Plain,
    /// Within quotes.
    Quoted(char),
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
const ENDS: [char; 2] = ['\n', '\r'];
/// What a backslash takes the meaning of within double quotes.
const ESCAPED: [char; 4] = ['"', '\\', '`', '$'];

/// The assignments of a file of `EnvironmentFile=` (systemd.exec(5)), in their order: a value may go on over lines, behind a backslash or within
/// quotes. What systemd passes over, a name that is none among it, is not there.
pub(crate) fn assignments(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let (mut name, mut value) = (String::new(), String::new());
    // How much of a plain value stays: what is blank at its end goes, unless a backslash stands before it.
    let mut kept = 0;
    let mut at = At::Start;
    let mut rest = text.chars();
    // What is left at the end is an assignment as any other.
    while let Some(c) = rest.next().or_else(|| (at != At::Start).then_some('\n')) {
        let is_over = rest.as_str().is_empty() && (c == '\n' || c == '\r');
        at = match (at, c) {
            (At::Start, '#' | ';') => At::Comment,
            (At::Start, c) if BLANKS.contains(&c) => At::Start,
            (At::Start, c) => {
                name = c.to_string();
                At::Name
            }
            (At::Comment | At::Name, c) if ENDS.contains(&c) => At::Start,
            // A backslash continues no comment (since systemd 254).
            (At::Comment, _) => At::Comment,
            (At::Name, '=') => {
                (value, kept) = (String::new(), 0);
                At::Blank
            }
            (At::Name, c) => {
                name.push(c);
                At::Name
            }
            (At::Blank | At::Plain, c) if ENDS.contains(&c) => {
                value.truncate(kept);
                all.push((name.trim_end_matches(BLANKS).to_owned(), value.clone()));
                At::Start
            }
            (At::Blank, '"' | '\'') => At::Quoted(c),
            (At::Blank, c) if BLANKS.contains(&c) => At::Blank,
            (At::Blank | At::Plain, '\\') => {
                value.extend(rest.next().filter(|c| !ENDS.contains(c)));
                kept = value.len();
                At::Plain
            }
            (At::Blank | At::Plain, c) => {
                value.push(c);
                if !BLANKS.contains(&c) {
                    kept = value.len();
                }
                At::Plain
            }
            (At::Quoted(open), c) if c == open => At::Blank,
            (At::Quoted(_), '\n') if is_over => At::Blank,
            (At::Quoted('"'), '\\') => {
                match rest.next() {
                    Some('\n') | None => {}
                    Some(c) => {
                        value.extend(Some('\\').filter(|_| !ESCAPED.contains(&c)));
                        value.push(c);
                    }
                }
                kept = value.len();
                At::Quoted('"')
            }
            (At::Quoted(open), c) => {
                value.push(c);
                kept = value.len();
                At::Quoted(open)
            }
        };
    }
    all.retain(|(name, _)| is_name(name));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By systemd.exec(5), "EnvironmentFile=", and as `load_env_file` of systemd 252 reads them, but for the last: until 254 a backslash went on
    /// with a comment. What is no name is dropped after it.
    #[test]
    fn files_are_read_as_systemd_reads_them() {
        let rows: [(&str, &[(&str, &str)]); 17] = [
            (
                "A=1\n# B=2\n;C=3\n\nno sign\n D = 4 5 \t\n",
                &[("A", "1"), ("D", "4 5")],
            ),
            ("A=\nB=2", &[("A", ""), ("B", "2")]),
            // Over several lines, each way.
            ("A=\"--x=1 \\\n  --y=2\"\nB=3\n", &[("A", "--x=1   --y=2"), ("B", "3")]),
            ("A=--x=1 \\\n  --y=2\nB=3\n", &[("A", "--x=1   --y=2"), ("B", "3")]),
            ("A=\"--x=1\n--y=2\"\nB=3\n", &[("A", "--x=1\n--y=2"), ("B", "3")]),
            ("A='--x=1\n--y=\\2'\nB=3\n", &[("A", "--x=1\n--y=\\2"), ("B", "3")]),
            ("A=\\\n--x=1\n", &[("A", "--x=1")]),
            // Escapes, within double quotes of some characters alone.
            (r#"A="a\"b\\c\$d\`e\nf""#, &[("A", r#"a"b\c$d`e\nf"#)]),
            (r"A=a\nb\\\ ", &[("A", "anb\\ ")]),
            (r#"A=a "b" 'c'"#, &[("A", r#"a "b" 'c'"#)]),
            ("A=\"a\" 'b'\tc d \n", &[("A", "abc d")]),
            ("A=\"a \"\n", &[("A", "a ")]),
            // What does not end, and what is no name.
            ("A=\"a\nB=2", &[("A", "a\nB=2")]),
            ("A=a\\", &[("A", "a")]),
            ("export A=1\n1A=2\nA-B=3\nB=4", &[("B", "4")]),
            ("\u{feff}A=1\r\nB=2\r\n", &[("B", "2")]),
            ("# a \\\nA=1\n", &[("A", "1")]),
        ];
        for (text, expected) in rows {
            let read = assignments(text);
            let read: Vec<(&str, &str)> = read
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
