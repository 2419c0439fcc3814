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
        over.ends_with("to be renewed within 30d, or ended: 8 of 9 certificates\n"),
        "{over}"
    );
}

/// A year before its end the walk-through's authority is too old for another leaf of a year: it has to be replaced, though it is valid.
#[test]
fn an_authority_past_its_renew_by_counts_as_one_that_ends() {
    let (_folder, out) = build(&walkthrough());
    let at = |at: &str| {
        let output = expiry(&out, &["--at", at, "--format", "json"]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        document["certificates"][0]["soon"].clone()
    };
    assert_eq!(at("2029-11-30T23:54:59Z"), false);
    assert_eq!(at("2029-11-30T23:55:00Z"), true);
    assert_eq!(at("2030-01-01T00:00:00Z"), true);
    let text = String::from_utf8(expiry(&out, &["--at", "2030-01-01T00:00:00Z"]).stdout).expect("text");
    assert!(text.ends_with("or ended: 9 of 9 certificates\n"), "{text}");
}

/// No certificate at all is nothing that could be told, and not that none ends.
#[test]
fn a_tree_without_certificates_is_not_judged() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let etc = folder.path().join("etc/haproxy");
    fs::create_dir_all(&etc).expect("a folder");
    fs::write(etc.join("haproxy.cfg"), "defaults\n  mode tcp\n").expect("a file");
    for command in [
        &["expiry"][..],
        &["expiry", "--format", "ical"],
        &["expiry", "--format", "prometheus"],
        &["expiry", "--format", "json"],
        &["inspect", "--expires-within", "30d"],
    ] {
        let output = run(khw_gen().args(command).arg(folder.path()));
        assert_eq!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("there is no certificate in "), "{command:?}: {told}");
        let printed = String::from_utf8(output.stdout).expect("text");
        match command.contains(&"json") {
            true => assert!(printed.contains("khw-gen/error/v1"), "{printed}"),
            false => assert_eq!(printed, "", "{command:?}"),
        }
    }
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
    // 22 leaves end at one instant, and three authorities at another, a year before which they are too old.
    let ends: Vec<&str> = calendar.inside.iter().map(|(_, event)| event.get("DTSTART")).collect();
    assert_eq!(ends, ["20261231T235500Z", "20341229T235500Z", "20351229T235500Z"]);
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
    let of_certificates = |id: &String| fingerprints.contains(&id.replace("-renew@", "@"));
    assert!(ids.len() == 3 && ids.iter().all(of_certificates), "{ids:?}");
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
    let too_old = text_of(calendar.inside[1].1.get("SUMMARY"));
    assert!(too_old.starts_with("3 authorities to replace before, "), "{too_old}");
    let authorities = text_of(calendar.inside[2].1.get("DESCRIPTION"));
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
        let told = &subjects[one["sha256"].as_str().expect("a digest")];
        assert_eq!(told.subject, subject);
        for (value, field) in [(told.not_after, "not_after"), (told.renew_by, "renew_by")] {
            let instant = time::OffsetDateTime::from_unix_timestamp(value).expect("an instant");
            let format = &time::format_description::well_known::Rfc3339;
            let expected = one[field].as_str().expect("an instant");
            assert_eq!(instant.format(format).expect("an instant"), expected, "{field}");
        }
        assert!(
            one["authority"] == true || described.contains(subject),
            "{subject} in {described}"
        );
    }
    assert!(described.contains(AWKWARD), "{described}");
}

// --- the metrics -------------------------------------------------------------------------------------------------------

/// What two gauges tell of a certificate.
#[derive(Default)]
struct Told {
    subject: String,
    not_after: i64,
    renew_by: i64,
}

/// Reads metrics by the letter of the text format: what is told by fingerprint. Two gauges, each series once.
fn metrics(text: &str) -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let renew_by = text.rfind("# HELP").expect("a second gauge");
    for (subject, fingerprint, value) in gauge("khw_gen_certificate_not_after_timestamp_seconds", &text[..renew_by]) {
        let one = told.entry(fingerprint).or_default();
        (one.subject, one.not_after) = (subject, value);
    }
    let count = told.len();
    for (subject, fingerprint, value) in gauge("khw_gen_certificate_renew_by_timestamp_seconds", &text[renew_by..]) {
        let one = told.entry(fingerprint).or_default();
        assert_eq!(one.subject, subject);
        one.renew_by = value;
    }
    assert_eq!(told.len(), count);
    told
}

/// Reads one gauge: subject, fingerprint and value of each series.
fn gauge(metric: &str, text: &str) -> Vec<(String, String, i64)> {
    let mut lines = text.strip_suffix('\n').expect("a last line").split('\n');
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with(&format!("# HELP {metric} ")))
    );
    assert_eq!(lines.next(), Some(&*format!("# TYPE {metric} gauge")));
    let mut series = Vec::new();
    for line in lines {
        let labels = line.strip_prefix(metric).and_then(|rest| rest.strip_prefix('{'));
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
        let of = (found["subject"].clone(), found["fingerprint"].clone(), value);
        let is_same = |other: &(String, String, i64)| other.1 == of.1;
        assert!(!series.iter().any(is_same), "{line}");
        series.push(of);
    }
    series
}

/// What a timer carries out puts a file in place that tells something, and no other: with the exit codes 0 and 1, not with 2.
#[test]
fn the_lines_for_a_timer_keep_the_last_file_where_nothing_is_told() {
    let page = fs::read_to_string(project().join("docs/expiry-and-secrets.md")).expect("the page");
    let help = must(khw_gen().args(["expiry", "--help"]).env("COLUMNS", "80"));
    for (text, file) in [(&page, "khw-gen"), (&help, "x")] {
        let line = text.lines().find(|line| line.contains("--format prometheus > "));
        let line = line.expect("a line").trim_start().trim_start_matches("sudo ");
        for (code, is_moved) in [(0, true), (1, true), (2, false), (137, false)] {
            let folder = tempfile::TempDir::new().expect("a folder");
            let at = |name: &str| folder.path().join(name);
            fs::write(at(&format!("{file}.prom")), "before\n").expect("a file");
            let stand_in = format!("khw-gen() {{ [ {code} -gt 1 ] || echo now; return {code}; }}\n");
            let output = run(std::process::Command::new("sh")
                .args([
                    "-c",
                    &(stand_in.replace("khw-gen()", "khw_gen()") + &line.replacen("khw-gen ", "khw_gen ", 1)),
                ])
                .current_dir(&folder));
            let kept = fs::read_to_string(at(&format!("{file}.prom"))).expect("a file");
            assert_eq!(kept, if is_moved { "now\n" } else { "before\n" }, "{line}: {code}");
            // A timer says that its unit failed.
            assert_eq!(output.status.success(), is_moved, "{line}: {code}");
        }
    }
}

/// Prometheus takes the rules of the page, and they fire just when they should.
#[test]
fn the_alerts_of_the_page_fire() {
    let Some(promtool) = support::program("promtool", "Prometheus reads the alerts of the page") else {
        return;
    };
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::write(folder.path().join("rules.yml"), examples::shown("alerts", "yaml")).expect("the rules");
    // Time begins at 0, and each value stands for an hour.
    let ends = r#"khw_gen_certificate_renew_by_timestamp_seconds{instance="a", fingerprint="1"}"#;
    let written = r#"node_textfile_mtime_seconds{instance="a", file="/var/lib/khw-gen.prom"}"#;
    let case = |series: &[(&str, &str)], at: &str, firing: &[(&str, &str)]| {
        let series: String = series
            .iter()
            .map(|(name, values)| format!("      - {{series: '{name}', values: '{values}'}}\n"))
            .collect();
        let alerts = [
            "CertificateToBeRenewed",
            "CertificatesToldLongAgo",
            "CertificatesNoLongerTold",
            "CertificatesNotTold",
        ];
        let expected: String = alerts
            .iter()
            .map(|alert| {
                let labels = firing.iter().find(|(name, _)| name == alert).map(|(_, labels)| labels);
                let fires = labels.map_or(String::new(), |labels| format!("{{exp_labels: {{{labels}}}}}"));
                format!("      - {{eval_time: {at}, alertname: {alert}, exp_alerts: [{fires}]}}\n")
            })
            .collect();
        format!("  - interval: 1h\n    input_series:\n{series}    alert_rule_test:\n{expected}")
    };
    let instance = "instance: a";
    let certificate = r#"instance: a, fingerprint: "1""#;
    let cases = [
        // 31 days from the beginning, and the file is written each hour.
        case(&[(ends, "2678400x99"), (written, "0+3600x99")], "1h", &[]),
        case(
            &[(ends, "2678400x99"), (written, "0+3600x99")],
            "25h",
            &[("CertificateToBeRenewed", certificate)],
        ),
        case(
            &[(ends, "9999999x99"), (written, "0x99")],
            "49h",
            &[("CertificatesToldLongAgo", r#"instance: a, file: /var/lib/khw-gen.prom"#)],
        ),
        // An empty file with a fresh time, as a move whatever the exit code would leave it.
        case(
            &[(ends, "9999999x10 stale"), (written, "0+3600x99")],
            "50h",
            &[("CertificatesNoLongerTold", instance), ("CertificatesNotTold", "")],
        ),
        case(&[(written, "0+3600x99")], "1h", &[("CertificatesNotTold", "")]),
    ];
    let tests = format!(
        "rule_files: [rules.yml]\nevaluation_interval: 1h\ntests:\n{}",
        cases.concat()
    );
    fs::write(folder.path().join("tests.yml"), tests).expect("the tests");
    must(
        std::process::Command::new(promtool)
            .args(["test", "rules", "tests.yml"])
            .current_dir(&folder),
    );
}
