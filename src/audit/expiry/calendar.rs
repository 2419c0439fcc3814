//! What ends when, as a calendar (RFC 5545).

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::endings::{Ending, Expiry};
use super::report::too_old_from;
use crate::found::printable;

/// A calendar with an event for each instant at which something ends, and an alarm 30 days before. Nothing in it is of today.
pub fn expiry_calendar(expiry: &Expiry) -> String {
    let mut events: BTreeMap<(OffsetDateTime, bool), Vec<&Ending>> = BTreeMap::new();
    for ending in &expiry.endings {
        let certificate = &ending.row.certificate;
        let event = events
            .entry((certificate.not_after, certificate.authority))
            .or_default();
        event.push(ending);
    }
    let mut lines: Vec<String> = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//khw-gen//khw-gen expiry//EN",
    ]
    .map(str::to_owned)
    .to_vec();
    for ((end, _), endings) in &events {
        lines.extend(event(*end, endings));
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// How many certificates an event describes.
const DESCRIBED: usize = 20;

fn event(end: OffsetDateTime, endings: &[&Ending]) -> Vec<String> {
    let certificates = || endings.iter().map(|ending| &ending.row.certificate);
    // Of the same certificates the same, and still the same when others join them.
    let of = certificates()
        .map(|one| one.fingerprint.as_str())
        .min()
        .unwrap_or_default();
    // There is no clock: what is told of them has been true since the last of them began.
    let told = certificates().map(|one| one.not_before).max().unwrap_or(end);
    let summary = match endings {
        [one] => {
            let what = if one.row.certificate.authority {
                "authority"
            } else {
                "certificate"
            };
            format!("{what} ends: {}", first_use(one))
        }
        several => format!(
            "{} certificates end, {} among them",
            several.len(),
            first_use(several[0])
        ),
    };
    let mut description: Vec<String> = endings.iter().take(DESCRIBED).map(|one| described(one)).collect();
    if endings.len() > DESCRIBED {
        description.push(format!(
            "and {} more: khw-gen expiry has them all",
            endings.len() - DESCRIBED
        ));
    }
    [
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{of}@khw-gen"),
        format!("DTSTAMP:{}", date_time(told)),
        format!("DTSTART:{}", date_time(end)),
        format!("SUMMARY:{}", escaped(&summary)),
        format!("DESCRIPTION:{}", escaped(&description.join("\n"))),
        "TRANSP:TRANSPARENT".to_owned(),
        "BEGIN:VALARM".to_owned(),
        "ACTION:DISPLAY".to_owned(),
        format!("DESCRIPTION:{}", escaped(&summary)),
        "TRIGGER:-P30D".to_owned(),
        "END:VALARM".to_owned(),
        "END:VEVENT".to_owned(),
    ]
    .to_vec()
}

fn first_use(ending: &Ending) -> String {
    printable(ending.row.uses.first().map_or("", String::as_str))
}

/// How many hosts a line of a description names.
const HOSTS_NAMED: usize = 6;

fn described(ending: &Ending) -> String {
    let row = &ending.row;
    let named: Vec<&str> = ending.hosts.iter().take(HOSTS_NAMED).map(String::as_str).collect();
    let more = match ending.hosts.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = format!(
        "{} ({}) on {}{more}",
        row.certificate.subject,
        row.uses.join(", "),
        named.join(", ")
    );
    let too_old = too_old_from(ending).map_or_else(String::new, |note| format!(". {note}"));
    format!("{}{too_old}", printable(&what))
}

/// An instant in UTC (RFC 5545, section 3.3.5, form 2).
fn date_time(instant: OffsetDateTime) -> String {
    let (date, time) = (instant.date(), instant.time());
    let month = u8::from(date.month());
    format!(
        "{:04}{month:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A text (RFC 5545, section 3.3.11). It has no control characters but the ends of lines.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The most octets of a line, its end not counted (RFC 5545, section 3.1).
const WIDTH: usize = 75;

/// A line with its end, in pieces where it is too long; no character is cut.
fn folded(line: &str) -> String {
    let mut folded = String::new();
    let mut octets = 0;
    for character in line.chars() {
        if octets + character.len_utf8() > WIDTH {
            folded.push_str("\r\n ");
            octets = 1;
        }
        folded.push(character);
        octets += character.len_utf8();
    }
    folded + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_lines_folded_between_characters() {
        assert_eq!(escaped("a;b,c\\d\ne:\"f\""), "a\\;b\\,c\\\\d\\ne:\"f\"");
        let line = format!("{}é{}", "x".repeat(74), "y".repeat(80));
        let expected = format!("{}\r\n é{}\r\n {}\r\n", "x".repeat(74), "y".repeat(72), "y".repeat(8));
        assert_eq!(folded(&line), expected);
        assert!(folded(&line).split("\r\n").all(|piece| piece.len() <= WIDTH));
        assert_eq!(folded(&"x".repeat(75)), format!("{}\r\n", "x".repeat(75)));
    }
}
