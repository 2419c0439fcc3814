//! What ends when, as text for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::{Duration, UtcOffset};

use super::endings::{Ending, Expiry};
use crate::audit::dates::date;
use crate::audit::report::days_left;
use crate::audit::table::{first, left, start, who};
use crate::found::printable;
use crate::json_document::JsonKind;
use crate::table::{table, wrapped};

/// A heading, and how wide its column gets at most.
const COLUMNS: [(&str, usize); 6] = [
    ("WHAT", 34),
    ("SUBJECT", 52),
    ("HOSTS", 44),
    ("UNTIL", 20),
    ("LEFT", 8),
    ("RENEW BY", 20),
];

/// How many hosts a line names.
const HOSTS_NAMED: usize = 4;

/// A table of authorities, one of all others, from when on each authority is too old for what it issues, and what ends soon; for
/// lines of `width` characters.
pub fn expiry_text(expiry: &Expiry, width: Option<usize>) -> String {
    let mut text = String::new();
    let (authorities, leaves): (Vec<_>, Vec<_>) = expiry.endings.iter().partition(|one| one.row.certificate.authority);
    for (heading, endings) in [("AUTHORITIES", &authorities), ("CERTIFICATES", &leaves)] {
        if !endings.is_empty() {
            let lines: Vec<_> = endings.iter().map(|ending| cells(ending, expiry)).collect();
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "{heading}\n{}",
                table(COLUMNS.map(|(heading, _)| heading), &lines, width)
            );
        }
    }
    let notes: Vec<String> = authorities.into_iter().filter_map(too_old_from).collect();
    if !notes.is_empty() {
        let _ = writeln!(text, "{}\n", wrapped(&notes.join("\n"), width).trim_end());
    }
    let _ = writeln!(
        text,
        "to be renewed within {}, or ended: {} of {} certificates",
        period(expiry.within),
        expiry.soon(),
        expiry.endings.len()
    );
    text
}

fn cells(ending: &Ending, expiry: &Expiry) -> [String; 6] {
    let row = &ending.row;
    let hosts: Vec<String> = ending.hosts.iter().cloned().collect();
    let width = |column: usize| COLUMNS[column].1;
    [
        first(&row.uses, 1, width(0)),
        start(&who(&row.certificate.subject), width(1)),
        first(&hosts, HOSTS_NAMED, width(2)),
        date(row.certificate.not_after),
        left(row, expiry.at),
        date(ending.renew_by()),
    ]
}

/// From when on what an authority usually issues would outlive it.
pub(super) fn too_old_from(ending: &Ending) -> Option<String> {
    Some(format!(
        "From {} on a leaf of {} no longer fits under {}: replace that authority before.",
        date(ending.renew_by()),
        period(ending.usual_life?),
        printable(&ending.row.certificate.subject)
    ))
}

/// As people write it: in days where it is full days, else in hours or minutes.
fn period(life: Duration) -> String {
    let minutes = life.whole_minutes();
    match (minutes % (24 * 60), minutes % 60) {
        (0, _) => format!("{}d", life.whole_days()),
        (_, 0) => format!("{}h", life.whole_hours()),
        _ => format!("{minutes}m"),
    }
}

/// Every certificate with its dates, as JSON; instants as RFC 3339 has them, lives in seconds.
pub fn expiry_json(expiry: &Expiry) -> String {
    let list: Vec<Value> = expiry
        .endings
        .iter()
        .map(|ending| {
            let certificate = &ending.row.certificate;
            json!({
                "uses": ending.row.uses,
                "subject": certificate.subject,
                "issuer": certificate.issuer,
                "authority": certificate.authority,
                "hosts": ending.hosts,
                "not_before": date(certificate.not_before),
                "not_after": date(certificate.not_after),
                "days_left": days_left(&ending.row, expiry.at),
                "soon": expiry.is_soon(ending),
                "renew_by": date(ending.renew_by()),
                "usual_life_seconds": ending.usual_life.map(Duration::whole_seconds),
                "sha256": certificate.fingerprint,
            })
        })
        .collect();
    let document = JsonKind::Expiry.document([
        ("at", date(expiry.at.to_offset(UtcOffset::UTC)).into()),
        ("within_seconds", expiry.within.whole_seconds().into()),
        ("soon", expiry.soon().into()),
        ("certificates", list.into()),
    ]);
    format!("{document:#}\n")
}
