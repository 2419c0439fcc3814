//! The picture as a flowchart that Mermaid draws: <https://mermaid.js.org/syntax/flowchart.html>.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::connections::{GroupActor, Health};
use super::told::Report;
use crate::found::printable;

/// The flowchart.
pub fn to_mermaid(report: &Report) -> String {
    let mut text = format!(
        "%% khw-gen report: {}\nflowchart LR\n",
        printable(&report.title).replace(['{', '}', '%'], " ")
    );
    let actors: BTreeSet<&GroupActor> = report
        .connections
        .iter()
        .flat_map(|one| [&one.caller, &one.callee])
        .collect();
    let actors: Vec<&GroupActor> = actors.into_iter().collect();
    let id = |actor: &GroupActor| {
        let at = actors.iter().position(|one| *one == actor).unwrap_or_default();
        format!("n{}", at + 1)
    };
    for (index, group) in report.groups.all.iter().enumerate() {
        let own = actors.iter().filter(|actor| actor.group == index);
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            continue;
        }
        // Writing to a String does not fail.
        let _ = writeln!(text, "  subgraph g{}[\"{}\"]", index + 1, quoted(&group.title()));
        for actor in own {
            let _ = writeln!(text, "    {}[\"{}\"]", id(actor), quoted(actor.label()));
        }
        text.push_str("  end\n");
    }
    for one in &report.connections {
        let arrow = match one.health() {
            Health::Holds => "-->",
            Health::Broken => "==>",
            Health::Unasked | Health::Unknown => "-.->",
        };
        let told = match one.health() {
            Health::Holds => one.purpose.to_owned(),
            health => format!("{}: {}", one.purpose, health.word().to_uppercase()),
        };
        let _ = writeln!(
            text,
            "  {} {arrow}|\"{}\"| {}",
            id(&one.caller),
            quoted(&told),
            id(&one.callee)
        );
    }
    let broken: Vec<String> = report
        .connections
        .iter()
        .enumerate()
        .filter(|(_, one)| one.health() == Health::Broken)
        .map(|(index, _)| index.to_string())
        .collect();
    if !broken.is_empty() {
        let _ = writeln!(text, "  linkStyle {} stroke:#b3261e,stroke-width:3px", broken.join(","));
    }
    text
}

/// A text between quotes: what Mermaid or the HTML that it makes could take for its own are entities.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for character in printable(text).chars() {
        match character {
            c if c.is_alphanumeric() || " .,-–_/:()'…".contains(c) => quoted.push(c),
            c => {
                let _ = write!(quoted, "#{};", u32::from(c));
            }
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_syntax_is_an_entity() {
        assert_eq!(quoted("a\"]<b>#;`"), "a#34;#93;#60;b#62;#35;#59;#96;");
        assert_eq!(quoted("w1–w9 (9)"), "w1–w9 (9)");
    }
}
