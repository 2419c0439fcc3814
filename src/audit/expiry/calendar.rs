//! What ends when, as a calendar (RFC 5545).

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::endings::{Ending, Expiry};
use super::report::too_old_from;
use crate::found::printable;

/// What happens to certificates at an instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    LeafEnds,
    AuthorityIsTooOld,
    AuthorityEnds,
}

/// A calendar with an event for each instant at which something ends, or an authority is too old for what it issues, and an alarm 30 days
/// before. Nothing in it is of today.
pub fn expiry_calendar(expiry: &Expiry) -> String {
    let mut events: BTreeMap<(OffsetDateTime, Happens), Vec<&Ending>> = BTreeMap::new();
    for ending in &expiry.endings {
        let certificate = &ending.row.certificate;
        let ends = match certificate.authority {
            true => Happens::AuthorityEnds,
            false => Happens::LeafEnds,
        };
        events.entry((certificate.not_after, ends)).or_default().push(ending);
        if ending.usual_life.is_some() {
            let too_old = (ending.renew_by(), Happens::AuthorityIsTooOld);
            events.entry(too_old).or_default().push(ending);
        }
    }
    let mut lines: Vec<String> = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//khw-gen//khw-gen expiry//EN",
    ]
    .map(str::to_owned)
    .to_vec();
    for ((at, happens), endings) in &events {
        lines.extend(event(*at, *happens, endings));
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// How many certificates an event describes.
const DESCRIBED: usize = 20;

fn event(at: OffsetDateTime, happens: Happens, endings: &[&Ending]) -> Vec<String> {
    let certificates = || endings.iter().map(|ending| &ending.row.certificate);
    // Of the same certificates the same, and still the same when others join them.
    let of = certificates()
        .map(|one| one.fingerprint.as_str())
        .min()
        .unwrap_or_default();
    let of = match happens {
        Happens::AuthorityIsTooOld => format!("{of}-renew"),
        Happens::LeafEnds | Happens::AuthorityEnds => of.to_owned(),
    };
    // There is no clock: what is told of them has been true since the last of them began.
    let told = certificates().map(|one| one.not_before).max().unwrap_or(at);
    let (one, several) = match happens {
        Happens::LeafEnds => ("certificate ends", "certificates end"),
        Happens::AuthorityIsTooOld => ("replace authority before", "authorities to replace before"),
        Happens::AuthorityEnds => ("authority ends", "authorities end"),
    };
    let summary = match endings {
        [only] => format!("{one}: {}", first_use(only)),
        all => format!("{} {several}, {} among them", all.len(), first_use(all[0])),
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
        format!("DTSTART:{}", date_time(at)),
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
