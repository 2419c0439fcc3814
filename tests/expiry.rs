//! `expiry`: what ends when of known specifications, as text, JSON, a calendar and metrics, each read back here by readers of its own.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use support::{Spec, build, examples, khw_gen, must, project, run, said, walkthrough};

const AT: &str = "2026-06-01T00:00:00Z";

fn expiry(path: &Path, more: &[&str]) -> Output {
    run(khw_gen().arg("expiry").arg(path).args(more))
}

fn shown(path: &Path, format: &str) -> String {
    must(khw_gen().arg("expiry").arg(path).args(["--at", AT, "--format", format]))
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&shown(path, "json")).expect("JSON")
}

#[test]
fn the_page_shows_what_ends_in_the_walk_through() {
    let (_folder, out) = build(&walkthrough());
    examples::assert_shows("expiry", "text", &shown(&out, "text"));
}

#[test]
fn an_authority_has_to_go_before_what_it_issues_outlives_it() {
    let (_folder, out) = build(&walkthrough());
    let all = json(&out);
    assert_eq!((&all["kind"], &all["at"]), (&"khw-gen/expiry/v1".into(), &AT.into()));
    assert_eq!((&all["within_seconds"], &all["soon"]), (&2_592_000.into(), &0.into()));
    let list = all["certificates"].as_array().expect("a list");
    assert_eq!(list.len(), 9);
    let authority = &list[0];
    assert_eq!(authority["authority"], true);
    // Five years of 365 days from five minutes before 2026, and a year less.
    assert_eq!(authority["not_after"], "2030-12-30T23:55:00Z");
    assert_eq!(authority["renew_by"], "2029-12-30T23:55:00Z");
    assert_eq!(authority["usual_life_seconds"], 365 * 86_400);
    assert_eq!(authority["days_left"], 1673);
    for leaf in &list[1..] {
        assert_eq!(leaf["authority"], false);
        assert_eq!(leaf["not_after"], "2026-12-31T23:55:00Z");
        assert_eq!(leaf["renew_by"], leaf["not_after"]);
        assert_eq!((&leaf["days_left"], &leaf["soon"]), (&213.into(), &false.into()));
        assert!(leaf["usual_life_seconds"].is_null());
    }
    let node1 = list.iter().find(|one| {
        one["subject"]
            .as_str()
            .is_some_and(|name| name.ends_with("system:node:node1"))
    });
    let node1 = node1.expect("the certificate of node1");
    assert_eq!(node1["hosts"], serde_json::json!(["control", "node1"]));
    assert_eq!(node1["uses"], serde_json::json!(["kubelet client", "kubelet serving"]));
    // Of one host's archive that host's alone.
    let of_node1 = json(&out.join("node1.tar.gz"));
    assert_eq!(of_node1["certificates"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_specification_and_what_it_was_built_to_end_alike() {
    let spec = project().join("specs/three-masters/cluster.toml");
    let (_folder, out) = build(&spec);
    for format in ["text", "json", "ical", "prometheus"] {
        assert_eq!(shown(&spec, format), shown(&out, format), "{format}");
    }
    let all = json(&spec);
    let list = all["certificates"].as_array().expect("a list");
    let (authorities, leaves): (Vec<_>, Vec<_>) = list.iter().partition(|one| one["authority"] == true);
    assert_eq!((authorities.len(), leaves.len()), (3, 22));
    for authority in authorities {
        assert_eq!(authority["not_after"], "2035-12-29T23:55:00Z");
        assert_eq!(authority["renew_by"], "2034-12-29T23:55:00Z");
    }
    // Without its seed another stands in: the dates are the same.
    let alone = tempfile::TempDir::new().expect("a folder");
    let copy = alone.path().join("cluster.toml");
    fs::copy(&spec, &copy).expect("a copy");
    let without = expiry(&copy, &["--at", AT]);
    assert!(said(&without).contains("has no seed here"), "{}", said(&without));
    assert!(
        String::from_utf8_lossy(&without.stdout) == shown(&out, "text"),
        "{}",
        said(&without)
    );
}

#[test]
fn exit_codes_tell_whether_anything_ends_soon() {
    let (_folder, out) = build(&walkthrough());
    for (more, code) in [
        (&["--at", "2026-12-01T23:54:59Z"][..], 0),
        (&["--at", "2026-12-01T23:55:00Z"], 1),
        (&["--at", "2026-12-01T23:55:00Z", "--within", "29d"], 0),
        (&["--at", "2026-12-01T23:55:00Z", "--within", "5w"], 1),
        (&["--at", "2026-12-31T11:55:00Z", "--within", "12h"], 1),
        (&["--at", "2026-12-31T11:54:00Z", "--within", "12h"], 0),
        (&["--at", "2027-01-01T00:00:00Z", "--within", "0d"], 1),
        (&["--within", "soon"], 2),
        (&["--within", "30"], 2),
        (&["--within", "-1d"], 2),
        (&["--at", "tomorrow"], 2),
        (&["--format", "yaml"], 2),
    ] {
        let output = expiry(&out, more);
        assert_eq!(output.status.code(), Some(code), "{more:?}:\n{}", said(&output));
    }
    assert_eq!(expiry(&out.join("nothing"), &[]).status.code(), Some(2));
    assert_eq!(expiry(&out.join("nothing.toml"), &[]).status.code(), Some(2));
    let over = String::from_utf8(expiry(&out, &["--at", "2027-01-01T00:00:00Z"]).stdout).expect("text");
    assert_eq!(over.matches("EXPIRED").count(), 8, "{over}");
    assert!(
        over.ends_with("ended, or ending within 30d: 8 of 9 certificates\n"),
        "{over}"
    );
}

/// A cluster with a name in its certificates that every format has to escape, and that is long.
fn awkward() -> Spec {
    let name = r#"quo\"te; back\\slash, comma: éèüß…"#;
    Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], "")
        .with_csrs(|_, text| text.replace("Kubernetes The Hard Way", name))
}

/// As subjects are written (RFC 4514, section 2.4).
const AWKWARD: &str = r#"OU=quo"te; back\\slash\, comma: éèüß…"#;

// --- the calendar ------------------------------------------------------------------------------------------------------

/// A component of a calendar: its properties in their order, and what is in it.
#[derive(Default)]
struct Component {
    properties: Vec<(String, String)>,
    inside: Vec<(String, Component)>,
}

impl Component {
    fn get(&self, name: &str) -> &str {
        let mut values = self.properties.iter().filter(|(property, _)| property == name);
        let (_, value) = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }
}

/// Reads a calendar by the letter of RFC 5545: CRLF, no line above 75 octets, each folded line one again, each BEGIN with its END.
fn calendar(text: &str) -> Component {
    assert!(text.ends_with("\r\n") && text.matches('\n').count() == text.matches("\r\n").count());
    let lines = || text.split_terminator("\r\n");
    assert!(lines().all(|line| line.len() <= 75 && !line.contains('\r') && !line.is_empty()));
    let unfolded = text.replace("\r\n ", "");
    let mut open = vec![(String::new(), Component::default())];
    for line in unfolded.split_terminator("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no property: {line}"));
        let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        assert!(is_name && !value.chars().any(char::is_control), "{line}");
        match name {
            "BEGIN" => open.push((value.to_owned(), Component::default())),
            "END" => {
                let closed = open.pop().expect("a component");
                assert_eq!(closed.0, value);
                open.last_mut().expect("what it is in").1.inside.push(closed);
            }
            _ => open
                .last_mut()
                .expect("a component")
                .1
                .properties
                .push((name.to_owned(), value.to_owned())),
        }
    }
    let (_, root) = open.pop().expect("the root");
    assert!(open.is_empty() && root.properties.is_empty() && root.inside.len() == 1);
    let (name, calendar) = root.inside.into_iter().next().expect("one calendar");
    assert_eq!((name.as_str(), calendar.get("VERSION")), ("VCALENDAR", "2.0"));
    assert!(!calendar.get("PRODID").is_empty());
    calendar
}

/// A value of type TEXT: no comma and no semicolon stands in it as such.
fn text_of(value: &str) -> String {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(escaped @ ('\\' | ';' | ',')) => text.push(escaped),
                other => panic!("\\{other:?} in {value}"),
            },
            ';' | ',' => panic!("{character} in {value}"),
            _ => text.push(character),
        }
    }
    text
}

#[test]
fn the_calendar_has_an_event_for_each_end() {
    let spec = project().join("specs/three-masters/cluster.toml");
    let text = shown(&spec, "ical");
    let calendar = calendar(&text);
    // 22 leaves end at one instant, and three authorities at another.
    let ends: Vec<&str> = calendar.inside.iter().map(|(_, event)| event.get("DTSTART")).collect();
    assert_eq!(ends, ["20261231T235500Z", "20351229T235500Z"]);
    let all = json(&spec);
    let fingerprints: BTreeSet<String> = all["certificates"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}@khw-gen", one["sha256"].as_str().expect("a digest")))
        .collect();
    let ids: BTreeSet<String> = calendar
        .inside
        .iter()
        .map(|(_, event)| event.get("UID").to_owned())
        .collect();
    assert!(ids.len() == 2 && ids.is_subset(&fingerprints), "{ids:?}");
    for (name, event) in &calendar.inside {
        assert_eq!((name.as_str(), event.get("DTSTAMP")), ("VEVENT", "20251231T235500Z"));
        let [(name, alarm)] = event.inside.as_slice() else {
            panic!("one alarm");
        };
        assert_eq!(
            (name.as_str(), alarm.get("ACTION"), alarm.get("TRIGGER")),
            ("VALARM", "DISPLAY", "-P30D")
        );
        assert!(!text_of(alarm.get("DESCRIPTION")).is_empty());
    }
    let leaves = text_of(calendar.inside[0].1.get("DESCRIPTION"));
    assert_eq!(leaves.lines().count(), 21, "{leaves}");
    assert!(leaves.ends_with("and 2 more: khw-gen expiry has them all"), "{leaves}");
    let summary = text_of(calendar.inside[0].1.get("SUMMARY"));
    assert!(summary.starts_with("22 certificates end, "), "{summary}");
    let authorities = text_of(calendar.inside[1].1.get("DESCRIPTION"));
    assert!(
        authorities.contains("From 2034-12-29T23:55:00Z on a leaf of 365d no longer fits under CN=kubernetes-ca"),
        "{authorities}"
    );
}

#[test]
fn calendar_and_metrics_hold_no_clock_and_any_name() {
    let spec = awkward();
    let (_folder, out) = build(&spec.path());
    for format in ["ical", "prometheus"] {
        let later = expiry(&out, &["--at", "2028-02-03T04:05:06Z", "--format", format]);
        assert_eq!(String::from_utf8(later.stdout).expect("text"), shown(&out, format));
    }
    let calendar = calendar(&shown(&out, "ical"));
    let described = text_of(calendar.inside[0].1.get("DESCRIPTION"));
    let subjects = metrics(&shown(&out, "prometheus"));
    let all = json(&out);
    let list = all["certificates"].as_array().expect("a list");
    assert_eq!(subjects.len(), list.len());
    for one in list {
        let subject = one["subject"].as_str().expect("a subject");
        let (label, value) = &subjects[one["sha256"].as_str().expect("a digest")];
        assert_eq!(label, subject);
        let end = time::OffsetDateTime::from_unix_timestamp(*value).expect("an instant");
        let format = &time::format_description::well_known::Rfc3339;
        assert_eq!(
            end.format(format).expect("an instant"),
            one["not_after"].as_str().expect("an instant")
        );
        assert!(
            one["authority"] == true || described.contains(subject),
            "{subject} in {described}"
        );
    }
    assert!(described.contains(AWKWARD), "{described}");
}

// --- the metrics -------------------------------------------------------------------------------------------------------

/// Reads metrics by the letter of the text format: by fingerprint the subject and the value. One gauge, each series once.
fn metrics(text: &str) -> BTreeMap<String, (String, i64)> {
    const NAME: &str = "khw_gen_certificate_not_after_timestamp_seconds";
    let mut lines = text.strip_suffix('\n').expect("a last line").split('\n');
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with(&format!("# HELP {NAME} ")))
    );
    assert_eq!(lines.next(), Some(&*format!("# TYPE {NAME} gauge")));
    let mut series = BTreeMap::new();
    for line in lines {
        let labels = line.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('{'));
        let mut rest = labels.unwrap_or_else(|| panic!("no series: {line}"));
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let (name, after) = rest.split_once("=\"").expect("a label");
            assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{line}");
            let mut value = String::new();
            let mut characters = after.chars();
            loop {
                match characters.next().expect("a quote") {
                    '"' => break,
                    '\\' => match characters.next() {
                        Some('n') => value.push('\n'),
                        Some(escaped @ ('"' | '\\')) => value.push(escaped),
                        other => panic!("\\{other:?} in {line}"),
                    },
                    character => value.push(character),
                }
            }
            assert!(found.insert(name.to_owned(), value).is_none(), "{line}");
            rest = characters.as_str();
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        let value = rest
            .strip_prefix("} ")
            .expect("the end of the labels")
            .parse()
            .expect("a number");
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["fingerprint", "subject", "use"]);
        assert!(!found["use"].is_empty());
        assert!(
            series
                .insert(found["fingerprint"].clone(), (found["subject"].clone(), value))
                .is_none()
        );
    }
    series
}
