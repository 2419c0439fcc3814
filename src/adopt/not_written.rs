//! What is wrong with a specification that would be written: its files are nowhere, so each problem is told by what was given.

use super::requests::of_identity;
use super::shown::ShownAs;
use crate::catalog::layouts::Layout;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::input::CONFIG_FILE;
use crate::secrecy::hidden;

/// What was given, as far as files that would be written follow from it.
pub(super) struct WhatWasGiven<'a> {
    /// What was read, as the user called it.
    pub from: &'a str,
    /// What the topology's file is called.
    pub topology: &'a str,
    pub layout: Layout,
    pub shown: &'a [ShownAs],
    /// Where the signing configuration lies, where there is one.
    pub config: Option<String>,
    /// Whether machines' trees were given, not certificates alone.
    pub has_machines: bool,
}

/// What a value of a file that would be written follows from.
enum Follows {
    /// What tells it, and in words where it would stand.
    From(String, String),
    /// Nothing tells it.
    FromNothing(String),
    /// It is a file that was given, or one that may be.
    Itself(Option<String>),
    Unknown,
}

/// The errors among the problems, each without its place, which is nowhere: with what would stand there, what tells that, and what to do.
pub(super) fn not_written(problems: Vec<Diagnostic>, given: &WhatWasGiven<'_>) -> Vec<Diagnostic> {
    let errors = problems.into_iter().filter(|one| one.severity == Severity::Error);
    errors.map(|problem| told(problem, given)).collect()
}

fn told(mut problem: Diagnostic, given: &WhatWasGiven<'_>) -> Diagnostic {
    let from = given.from;
    let more = match given.has_machines {
        true => "give the tree of the machine that tells it beside the others, in a folder of its name".to_owned(),
        false => format!(
            "give what does beside it: a kubeconfig of a node, or the machines' trees, each in a folder of its machine's name (khw-gen adopt {from} \
             machines -o DIR)"
        ),
    };
    let follows = problem
        .place
        .take()
        .map_or(Follows::Unknown, |place| follows(&place, given));
    let (standing, hint) = match follows {
        Follows::From(standing, by) => (
            format!("{standing}, told by: {by}"),
            format!(
                "put it right in a copy of what is given, and adopt that; out of a certificate, which is signed as it is, nothing can be taken: leave \
                 the file out of the copy, and {more}"
            ),
        ),
        Follows::Itself(Some(by)) => (
            String::new(),
            format!(
                "put it right in a copy of what is given ({by}), or leave that file out there, and adopt that: without one it is made as certificates live"
            ),
        ),
        Follows::Itself(None) => (
            String::new(),
            format!(
                "put a {CONFIG_FILE} into what is given that says how certificates are to be signed, and adopt that"
            ),
        ),
        Follows::FromNothing(standing) => (format!("{standing}, which nothing tells"), more),
        Follows::Unknown => (String::new(), format!("what is given does not tell enough: {more}")),
    };
    if !standing.is_empty() {
        problem
            .message
            .push_str(&hidden(&format!(" (there would be {standing})")));
    }
    problem.hint = hint;
    problem
}

fn follows(place: &Place, given: &WhatWasGiven<'_>) -> Follows {
    if place.file.name == given.topology {
        return in_topology(place);
    }
    let Some(name) = place.file.name.strip_prefix("csr/") else {
        return Follows::Unknown;
    };
    if name == CONFIG_FILE {
        return Follows::Itself(given.config.clone());
    }
    let mut rows = given.layout.identities().iter();
    let row = rows.find(|row| row.csr == name);
    let certificate = row.and_then(|row| of_identity(row, given.shown).first().copied());
    match certificate {
        Some(one) => Follows::From(
            format!("a request as the certificate was made, {name}"),
            one.evidence.to_string(),
        ),
        None => Follows::FromNothing(format!("a request of khw-gen's own, {name}")),
    }
}

/// What would stand in cluster.toml, and the comment above it that tells why.
fn in_topology(place: &Place) -> Follows {
    let lines: Vec<&str> = place.file.text.lines().collect();
    let before = place.file.text.get(..place.span.start).unwrap_or_default();
    let first = before.matches('\n').count();
    // A problem of a whole section is told by its first value.
    let is_value = |line: &&str| !line.is_empty() && !line.starts_with(['#', '[']);
    let Some(at) = (first..lines.len()).find(|at| lines.get(*at).is_some_and(is_value)) else {
        return Follows::Unknown;
    };
    let Some(line) = lines.get(at) else {
        return Follows::Unknown;
    };
    let above = lines.iter().take(at).rev().take_while(|line| !line.is_empty());
    let comment = above.filter_map(|line| line.strip_prefix("# ")).next();
    let standing = format!("`{line}`");
    match comment {
        Some(comment) if comment.starts_with("not told by anything") => Follows::FromNothing(standing),
        Some(comment) => Follows::From(standing, comment.to_owned()),
        None => Follows::Unknown,
    }
}
