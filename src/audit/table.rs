//! Certificates as a table for people.

use std::fmt::Write as _;

use time::OffsetDateTime;

use super::dates::date;
use super::inventory::InventoryRow;
use super::report::{days_left, names};
use crate::found::printable;
use crate::table::table;

/// How much of a certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What fits a line of 200 characters.
    Short,
    /// All of it, whatever the width.
    Wide,
}

/// A heading, and how wide its column gets where it is shortened: all of them and what is between make 200.
const COLUMNS: [(&str, usize); 9] = [
    ("WHAT", 30),
    ("WHERE", 42),
    ("SUBJECT", 36),
    ("NAMES", 26),
    ("ISSUER", 14),
    ("FROM", 10),
    ("UNTIL", 10),
    ("LEFT", 7),
    ("KEY", 9),
];

/// A table of authorities, then one of all others by the end of their life, for lines of `width` characters.
pub fn inventory_text(rows: &[InventoryRow], at: OffsetDateTime, detail: Detail, width: Option<usize>) -> String {
    let mut text = String::new();
    let (authorities, leaves): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.certificate.authority);
    for (heading, rows) in [("AUTHORITIES", &authorities), ("CERTIFICATES", &leaves)] {
        if !rows.is_empty() {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{heading}");
            let lines: Vec<_> = rows.iter().map(|row| cells(row, at, detail)).collect();
            text.push_str(&table(COLUMNS.map(|(heading, _)| heading), &lines, width));
            text.push('\n');
        }
    }
    let _ = writeln!(text, "{} authorities, {} certificates", authorities.len(), leaves.len());
    text
}

fn cells(row: &InventoryRow, at: OffsetDateTime, detail: Detail) -> [String; 9] {
    let certificate = &row.certificate;
    let places: Vec<String> = row.places.iter().map(|(host, path)| format!("{host}:{path}")).collect();
    let cells = match detail {
        Detail::Wide => [
            row.uses.join(", "),
            places.join(", "),
            certificate.subject.clone(),
            names(row).join(", "),
            certificate.issuer.clone(),
            date(certificate.not_before),
            date(certificate.not_after),
            left(row, at),
            certificate.key.clone(),
        ],
        Detail::Short => {
            let width = |column: usize| COLUMNS[column].1;
            [
                first(&row.uses, 1, width(0)),
                first(&shortened(row, width(1)), 1, width(1)),
                start(&who(&certificate.subject), width(2)),
                first(&names(row), 2, width(3)),
                start(
                    attribute(&certificate.issuer, "CN").unwrap_or(&certificate.issuer),
                    width(4),
                ),
                certificate.not_before.date().to_string(),
                certificate.not_after.date().to_string(),
                left(row, at),
                key(&certificate.key),
            ]
        }
    };
    cells.map(|cell| match cell.is_empty() {
        true => "-".to_owned(),
        false => printable(&cell),
    })
}

/// How long a certificate is still valid.
pub(super) fn left(row: &InventoryRow, at: OffsetDateTime) -> String {
    match days_left(row, at) {
        ..0 => "EXPIRED".to_owned(),
        _ if at < row.certificate.not_before => "NOT YET".to_owned(),
        days => format!("{days}d"),
    }
}

/// As many of the first items as fit, and how many there are more: at least one, whose end is kept where it is too long.
pub(super) fn first(items: &[String], most: usize, width: usize) -> String {
    for shown in (1..=most.min(items.len())).rev() {
        let more = match items.len() - shown {
            0 => String::new(),
            more => format!(" +{more}"),
        };
        let text = printable(&items[..shown].join(", "));
        let space = width.saturating_sub(more.len());
        if text.chars().count() <= space {
            return format!("{text}{more}");
        }
        if shown == 1 {
            let over = text.chars().count() - space + 1;
            let end: String = text.chars().skip(over).collect();
            return format!("…{end}{more}");
        }
    }
    String::new()
}

/// Places; where one is too long, without the folders.
fn shortened(row: &InventoryRow, width: usize) -> Vec<String> {
    // What says how many there are more takes its part too.
    let width = width.saturating_sub(5);
    let places = row.places.iter().map(|(host, path)| match path.rsplit_once('/') {
        Some((_, file)) if host.chars().count() + path.chars().count() >= width => format!("{host}:…/{file}"),
        _ => format!("{host}:{path}"),
    });
    places.collect()
}

/// The start of a text.
pub(super) fn start(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{start}…")
}

/// What Kubernetes reads of a subject, the user and its groups; all of it where there is no user.
pub(super) fn who(subject: &str) -> String {
    let Some(user) = attribute(subject, "CN") else {
        return subject.to_owned();
    };
    let groups: Vec<&str> = subject.split(", ").filter(|part| part.starts_with("O=")).collect();
    let parts: Vec<String> = std::iter::once(format!("CN={user}"))
        .chain(groups.into_iter().map(str::to_owned))
        .collect();
    parts.join(", ")
}

fn attribute<'t>(name: &'t str, attribute: &str) -> Option<&'t str> {
    name.split(", ")
        .find_map(|part| part.strip_prefix(attribute)?.strip_prefix('='))
}

/// `RSA 2048` of `RSA 2048 bits, e 65537`, `P-256` of `ECDSA P-256`.
fn key(key: &str) -> String {
    let short = key.split(" bits").next().unwrap_or(key);
    let short = short.strip_prefix("ECDSA ").unwrap_or(short);
    start(short, COLUMNS[8].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_shortened_and_say_how_much_there_is_more() {
        let items = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(first(&items(&["a", "b", "c"]), 2, 20), "a, b +1");
        assert_eq!(first(&items(&["aaaa", "bbbb", "c"]), 2, 9), "aaaa +2");
        assert_eq!(
            first(&items(&["master1:/etc/etcd/kubernetes.pem", "b"]), 1, 20),
            "…d/kubernetes.pem +1"
        );
        assert_eq!(first(&[], 2, 20), "");
        assert_eq!(start("system:node:node1", 8), "system:…");
        assert_eq!(
            who("C=US, O=system:nodes, OU=x, CN=system:node:n"),
            "CN=system:node:n, O=system:nodes"
        );
        assert_eq!(who("O=nobody"), "O=nobody");
        assert_eq!(key("RSA 2048 bits, e 65537"), "RSA 2048");
        assert_eq!(key("ECDSA P-256"), "P-256");
        // What could steer a terminal never gets there, and counts as what it is shown as.
        assert_eq!(start("a\u{1b}[2J", 20), "a\\u{1b}[2J");
        let width: usize = COLUMNS.iter().map(|(_, width)| width).sum::<usize>() + 8 * 2;
        assert!(width <= 200, "{width}");
    }
}
