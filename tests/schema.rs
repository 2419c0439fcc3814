//! The table of the fields of cluster.toml: each row is read as it says, its page and its JSON Schema are current, and the
//! schema agrees with the reader. What khw-gen accepts, `taplo` and `check-jsonschema` accept by the schema; mistakes that a
//! schema can tell, both find.
//!
//! `KHW_BLESS=1` rewrites the page and the schema in `docs/`.

#[path = "support/cases.rs"]
mod cases;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use khw_gen::catalog::reloads;
use khw_gen::diagnostic::{Diagnostic, Severity, render_text};
use khw_gen::input::fields::{self, Absent, Field, FieldKind, Section, TOP, Together};
use khw_gen::input::{Checked, GivenFiles, check};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use support::{files_below, khw_gen, must, program, project, run, said};
use tempfile::TempDir;

#[test]
fn the_page_and_the_schema_are_the_table() {
    let blessing = env::var_os("KHW_BLESS").is_some_and(|value| value == "1");
    assert!(
        !(blessing && env::var_os("CI").is_some()),
        "what is expected is not rewritten in CI"
    );
    for (path, text) in [
        ("docs/cluster-toml.md", fields::page()),
        ("docs/reload.md", reloads::page()),
        ("docs/cluster.schema.json", must(khw_gen().arg("schema"))),
    ] {
        if blessing {
            fs::write(project().join(path), &text).expect("it can be written");
        }
        let written = fs::read_to_string(project().join(path)).unwrap_or_default();
        assert!(
            written == text,
            "{path} is stale: KHW_BLESS=1 cargo test --test schema rewrites it"
        );
    }
}

// --- a cluster.toml as a value, to be edited -----------------------------------------------------------------------------

/// `tests/schema/every-section.toml`.
fn every_section() -> Value {
    let path = project().join("tests/schema/every-section.toml");
    toml::from_str(&fs::read_to_string(path).expect("the file")).expect("TOML")
}

/// The same as a cluster that nothing is wrong with: there is no `ca.pem`.
fn cluster() -> Value {
    let mut cluster = every_section();
    let pki = cluster["pki"].as_object_mut().expect("a table");
    for brought in ["ca", "bring"] {
        pki.remove(brought);
    }
    cluster
}

/// A value as TOML, each field at the top on a line of its own.
fn to_toml(document: &Value) -> String {
    fn inline(value: &Value) -> String {
        match value {
            Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
            Value::Object(table) => {
                let entries = table
                    .iter()
                    .map(|(key, value)| format!("{} = {}", json!(key), inline(value)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
            // Numbers, booleans and texts are written alike.
            other => other.to_string(),
        }
    }
    let table = document.as_object().expect("a table");
    table
        .iter()
        .map(|(key, value)| format!("{} = {}\n", json!(key), inline(value)))
        .collect()
}

/// What the reader makes of a text.
fn read(text: &str) -> Result<Checked, Vec<Diagnostic>> {
    let request = r#"{ "CN": "own", "hosts": ["own.example"], "key": { "algo": "ecdsa", "size": 256 } }"#;
    check(&GivenFiles::new(text).with("csr/own-csr.json", request))
}

/// The errors in a text: code, and the text at their place.
fn errors(text: &str) -> Vec<(&'static str, String)> {
    let found = read(text).err().unwrap_or_default().into_iter();
    let errors = found.filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| {
            let place = finding.place.map(|place| place.file.text[place.span].to_owned());
            (finding.code, place.unwrap_or_default())
        })
        .collect()
}

/// A row of the table, and where its section is in [`every_section`].
struct Spot {
    field: &'static Field,
    of: &'static Section,
    /// As JSON pointers have it.
    section: String,
    /// As people call it: `hosts.name`.
    name: String,
}

impl Spot {
    /// [`every_section`] with this value in the field.
    fn with(&self, value: Value) -> Value {
        self.set(every_section(), value)
    }

    fn set(&self, mut document: Value, value: Value) -> Value {
        let section = document.pointer_mut(&self.section).and_then(Value::as_object_mut);
        let section = section.expect("the section");
        if let Together::ExactlyOne(names) = self.of.together
            && names.contains(&self.field.name)
        {
            section.retain(|name, _| !names.contains(&name.as_str()));
        }
        section.insert(self.field.name.to_owned(), value);
        document
    }

    /// Likewise without the field.
    fn without(&self, mut document: Value) -> Value {
        let section = document.pointer_mut(&self.section).and_then(Value::as_object_mut);
        section.expect("the section").remove(self.field.name);
        document
    }
}

/// Every section, and where it is in [`every_section`].
fn sections() -> Vec<(&'static Section, String)> {
    fn walk(section: &'static Section, at: &str, document: &Value, all: &mut Vec<(&'static Section, String)>) {
        all.push((section, at.to_owned()));
        for field in section.fields {
            let Some((below, _)) = field.section() else { continue };
            let here = format!("{at}/{}", field.name);
            let first = match (document.pointer(&here), &field.kind) {
                (Some(Value::Array(_)), _) => format!("{here}/0"),
                (Some(Value::Object(table)), FieldKind::Map(..)) => {
                    format!("{here}/{}", table.keys().next().expect("a key"))
                }
                (Some(_), _) => here,
                (None, _) => panic!("tests/schema/every-section.toml has no {here}"),
            };
            walk(below, &first, document, all);
        }
    }
    let mut all = Vec::new();
    walk(&TOP, "", &every_section(), &mut all);
    all
}

fn spots() -> Vec<Spot> {
    let sections = sections().into_iter();
    sections
        .flat_map(|(section, at)| {
            section.fields.iter().map(move |field| Spot {
                field,
                of: section,
                section: at.clone(),
                name: format!("{}.{}", section.path, field.name)
                    .trim_start_matches('.')
                    .to_owned(),
            })
        })
        .collect()
}

fn spot(name: &str) -> Spot {
    let found = spots().into_iter().find(|spot| spot.name == name);
    found.unwrap_or_else(|| panic!("there is no field {name}"))
}

// --- mistakes, a kind after the other ------------------------------------------------------------------------------------

/// A cluster.toml with a mistake, what is to be said of it, and, where it is known, the text at that place.
struct Mistake {
    what: String,
    document: Value,
    /// Any of these; any at all where there is none.
    codes: Vec<&'static str>,
    place: Option<String>,
}

/// Where a wrong type stands, it is one of these.
fn wrong_values(kind: &FieldKind) -> Vec<(Value, Value)> {
    let number = json!(987_654_321);
    let alone = |wrong: Value| vec![(wrong.clone(), wrong)];
    let within = |kind: &FieldKind, around: &dyn Fn(Value) -> Value| {
        let inner = wrong_values(kind).into_iter();
        inner.map(|(value, wrong)| (around(value), wrong)).collect::<Vec<_>>()
    };
    match kind {
        FieldKind::Integer(..) | FieldKind::Boolean => alone(json!("wrong")),
        FieldKind::Flag => [alone(json!({ "wrong": 1 })), vec![(json!([[7]]), json!([7]))]].concat(),
        FieldKind::PerFamily(_) => [alone(number.clone()), vec![(json!([number]), number)]].concat(),
        FieldKind::List(of) | FieldKind::Set(of) => [alone(number), within(of, &|value| json!([value]))].concat(),
        FieldKind::Map(keys, of) => {
            let key = match keys {
                FieldKind::OneOf(_, all) => all()[0],
                _ => "one",
            };
            [alone(number), within(of, &|value| json!({ key: value }))].concat()
        }
        FieldKind::Text(_)
        | FieldKind::OneOf(..)
        | FieldKind::Version(_)
        | FieldKind::Moment
        | FieldKind::Table(_)
        | FieldKind::Settings => alone(number),
    }
}

fn of_wrong_types() -> Vec<Mistake> {
    let spots = spots().into_iter();
    spots
        .flat_map(|spot| {
            wrong_values(&spot.field.kind)
                .into_iter()
                .map(move |(value, wrong)| Mistake {
                    what: format!("{} = {value}", spot.name),
                    document: spot.with(value),
                    codes: vec!["wrong-type"],
                    place: Some(
                        to_toml(&json!({ "x": wrong }))
                            .trim_start_matches("\"x\" = ")
                            .trim_end()
                            .to_owned(),
                    ),
                })
        })
        .collect()
}

fn of_unknown_names() -> Vec<Mistake> {
    let sections = sections().into_iter();
    sections
        .map(|(section, at)| {
            let mut document = every_section();
            document.pointer_mut(&at).expect("the section")["qqqqqq"] = json!(1);
            Mistake {
                what: format!("{}.qqqqqq", section.path),
                document,
                codes: vec!["unknown-field"],
                place: Some("\"qqqqqq\"".to_owned()),
            }
        })
        .collect()
}

fn of_missing_fields() -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for spot in spots()
        .into_iter()
        .filter(|spot| matches!(spot.field.absent, Absent::Required))
    {
        mistakes.push(Mistake {
            what: format!("no {}", spot.name),
            document: spot.without(every_section()),
            codes: vec!["missing-field", "no-role"],
            place: None,
        });
    }
    for (section, at) in sections() {
        let (names, all) = match section.together {
            Together::Any => continue,
            Together::AtLeastOne(names) => (names, false),
            Together::ExactlyOne(names) => (names, true),
        };
        let mut document = every_section();
        let table = document
            .pointer_mut(&at)
            .and_then(Value::as_object_mut)
            .expect("the section");
        names.iter().for_each(|name| drop(table.remove(*name)));
        mistakes.push(Mistake {
            what: format!("{at} with none of {names:?}"),
            document: document.clone(),
            codes: vec!["missing-field", "no-hosts", "empty-place"],
            place: None,
        });
        if all {
            names
                .iter()
                .for_each(|name| document.pointer_mut(&at).expect("the section")[*name] = json!("both"));
            mistakes.push(Mistake {
                what: format!("{at} with all of {names:?}"),
                document,
                codes: vec!["several-contents"],
                place: None,
            });
        }
    }
    mistakes
}

fn of_values_out_of_range() -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for spot in spots() {
        let FieldKind::Integer(first, last) = spot.field.kind else {
            continue;
        };
        for number in [first - 1, last + 1] {
            mistakes.push(Mistake {
                what: format!("{} = {number}", spot.name),
                document: spot.with(json!(number)),
                codes: vec!["out-of-range", "bad-port"],
                place: Some(number.to_string()),
            });
        }
    }
    mistakes
}

/// The values that there are, and how one is written.
type Choices = (Vec<&'static str>, fn(&str) -> Value);

/// The choices of a field, whether it takes one of them, a list of them or a table by them.
fn choices(kind: &FieldKind) -> Option<Choices> {
    match kind {
        FieldKind::OneOf(_, all) => Some((all(), |choice| json!(choice))),
        FieldKind::List(FieldKind::OneOf(_, all)) | FieldKind::Set(FieldKind::OneOf(_, all)) => {
            Some((all(), |choice| json!([choice])))
        }
        FieldKind::Map(FieldKind::OneOf(_, all), _) => Some((all(), |choice| json!({ choice: {} }))),
        _ => None,
    }
}

const UNKNOWN_CHOICES: &[&str] = &[
    "unknown-choice",
    "unknown-role",
    "unknown-provider",
    "unknown-code",
    "unknown-component",
];

fn of_choices_that_there_are_not() -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for spot in spots() {
        if let Some((_, written)) = choices(&spot.field.kind) {
            mistakes.push(Mistake {
                what: format!("{} is qqqqqq", spot.name),
                document: spot.with(written("qqqqqq")),
                codes: UNKNOWN_CHOICES.to_vec(),
                place: Some("\"qqqqqq\"".to_owned()),
            });
        }
    }
    for (name, value, code) in [
        ("hosts.roles", json!([]), "no-role"),
        ("hosts.roles", json!(["worker", "worker"]), "duplicate-role"),
        ("network.dns", json!([]), "one-per-family"),
        (
            "network.dns",
            json!(["10.32.0.10", "fd00::10", "10.32.0.11"]),
            "one-per-family",
        ),
        ("components.NAME.flags", json!({ "v": [] }), "bad-flag"),
        ("components.NAME.flags", json!({ "--v": 1 }), "bad-flag"),
        ("components.NAME.env", json!({ "A-B": "c" }), "bad-variable"),
        ("hosts.labels", json!({ "-a": "b" }), "bad-label"),
    ] {
        mistakes.push(Mistake {
            what: format!("{name} = {value}"),
            document: spot(name).with(value),
            codes: vec![code],
            place: None,
        });
    }
    mistakes
}

/// Texts by the fields that they stand in: those that the reader takes, and those that it refuses and a pattern can.
/// A key of each kind for which archives are sealed.
const RECIPIENTS: &[&str] = &[
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKSn0fG/43Ow/Rb39XsT61BVOzIGhqwtLZcH9HFCBkVz",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKSn0fG/43Ow/Rb39XsT61BVOzIGhqwtLZcH9HFCBkVz somebody@somewhere",
];

const TEXTS: &[(&str, &[&str], &[&str])] = &[
    ("handover.recipients", RECIPIENTS, &["", "ssh-rsa AAAA", "age1BIG"]),
    ("hosts.recipients", RECIPIENTS, &["", "ssh-rsa AAAA", "age1BIG"]),
    ("pools.recipients", RECIPIENTS, &["", "ssh-rsa AAAA", "age1BIG"]),
    ("pki.authorities_issued", &["2025-01-01T00:00:00Z"], &["", "yesterday"]),
    ("cluster.name", &["a", "A.b_c-9"], &["", "-a", "a ", "a/b"]),
    (
        "cluster.domain",
        &["cluster.local", "a"],
        &["", "A.b", "a..b", ".a", "a_b"],
    ),
    (
        "cluster.endpoint",
        &[
            "10.0.0.11",
            "one:7443",
            "[fd00::1]:6443",
            "fd00::1",
            "[fd00::1]",
            "api.example.org:1",
        ],
        &["https://one:6443", "a b", "one:", "one:port", "[one]:1", ""],
    ),
    (
        "cluster.names",
        &["api.example.org", "10.9.9.9", "FD00::9", "::ffff:0:1.2.3.4"],
        &["", "A.b", "a:1", "a_b"],
    ),
    (
        "network.services",
        &["10.32.0.0/24", "10.96.0.0/16"],
        &["10.32.0.0", "x/24", "10.32.0/24", ""],
    ),
    ("network.pods", &["10.200.0.0/16"], &["10.200.0.0-10.200.1.0", "/16"]),
    ("network.dns", &["10.32.0.10"], &["ten", "10.32.0", "10.32.0.10:53", ""]),
    (
        "network.resolv_conf",
        &["/etc/resolv.conf", "/a-b/c_d/e.f+g"],
        &["etc", "/", "/a//b", "/a/", "/a b", "/a\"", "/a`", "/ä", ""],
    ),
    ("pki.csr", &["csr", "../a b/c"], &[""]),
    ("pki.seed", &["cluster.seed"], &[""]),
    ("pki.ca.cert", &["ca.pem"], &[""]),
    ("pki.ca.key", &["ca-key.pem"], &[""]),
    ("encryption.keys.name", &["key1", "A.b_c-9"], &["", "a b", "a:b"]),
    ("encryption.keys.file", &["keys/key1"], &[""]),
    ("pki.bring", &["ca", "etcd-ca", "ca@2"], &["", "a/b"]),
    ("pki.bring.NAME.cert", &["ca.pem"], &[""]),
    ("pki.bring.NAME.key", &["ca-key.pem"], &[""]),
    ("load_balancer.virtual_ip", &["10.0.0.99"], &["nine", ""]),
    (
        "load_balancer.interface",
        &["eth0", "bond0.12", "a_b-c"],
        &["", "eth 0", "abcdefghijklmnop", "a/b"],
    ),
    (
        "hosts.name",
        &["one", "n-1.example.org"],
        &["", "One", "a_b", "a.", "-a"],
    ),
    ("hosts.ip", &["10.0.0.11"], &["one", "10.0.0.11/24", ""]),
    ("hosts.addresses", &["10.9.0.1", "fd00::9"], &["one", ""]),
    ("hosts.names", &["one.example.org"], &["One", "10.0.0.1/8", ""]),
    ("hosts.labels", &["", "a", "A_b.c-9"], &["-a", "a b", "a/b"]),
    (
        "hosts.taints",
        &["a:NoSchedule", "a.b/c=d:NoExecute", "a=:PreferNoSchedule"],
        &[
            "a",
            "a:",
            "a=b",
            "a:noschedule",
            ":NoSchedule",
            "a=b=c:NoSchedule",
            "a b:NoSchedule",
        ],
    ),
    ("hosts.pods", &["10.200.9.0/24"], &["10.200.9.0", ""]),
    ("hosts.interface", &["eth1"], &["", "eth 1"]),
    (
        "pools.name",
        &["w{n}", "w-{n:04}.example.org", "{n}"],
        &["w", "{n", "{x}", "w{n}{n}", "W{n}", "w{n:4}", "w{n:00}"],
    ),
    ("pools.first_ip", &["10.0.1.1"], &["one", ""]),
    ("pools.labels", &["a"], &["-a"]),
    ("pools.taints", &["a:NoSchedule"], &["a"]),
    ("pools.interface", &["eth1"], &["eth 1"]),
    ("certificates.name", &["own", "0-a"], &["", "a.b", "A", "a/b"]),
    ("certificates.places.certificate", &["/etc/a.pem"], &["a.pem", "/"]),
    ("certificates.places.key", &["/etc/a.pem"], &["a.pem", "/a//b"]),
    ("certificates.places.request", &["/etc/a.pem"], &["a.pem", ""]),
    (
        "certificates.places.mode",
        &["0600", "640", "0400", "440"],
        &["0644", "0700", "06000", "rw", "1600", ""],
    ),
    ("files.template", &["own.j2"], &[""]),
    ("files.at", &["/etc/a.conf"], &["a.conf", "/", "/a'b"]),
    (
        "files.mode",
        &["0644", "755", "0600", "0444"],
        &["0666", "0044", "4755", "644 ", ""],
    ),
    (
        "cluster.kubernetes",
        &["1.20", "v1.30", "1.30.4"],
        &["", "1", "1.x", "latest", "1.30-rc.1", "1.30.4.5"],
    ),
    ("cluster.etcd", &["3.5", "3.6.1"], &["3", "v", "3.5.x"]),
    (
        "cluster.go",
        &["1.27", "1.27.4", "go1.27.4"],
        &["1", "go", "tip", "1.27rc1"],
    ),
    ("runtime.version", &["1.7", "2.0.1"], &["2", "two"]),
    (
        "pki.issued",
        &[
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00+01:00",
            "1999-12-31T23:59:59-12:00",
            "2026-01-01t00:00:00.000z",
        ],
        &[
            "2026-01-01",
            "now",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.5Z",
            "",
        ],
    ),
];

/// A text in the manner that a field takes it; for a table by itself as a value.
fn written(kind: &FieldKind, text: &str) -> Value {
    match kind {
        FieldKind::List(_) => json!([text]),
        FieldKind::Map(..) => json!({ "example.org/own": text }),
        _ => json!(text),
    }
}

/// Whether a regular expression stands behind a field.
fn has_form(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Text(form) | FieldKind::PerFamily(form) => !form.pattern.is_empty(),
        FieldKind::List(of) | FieldKind::Map(_, of) => has_form(of),
        FieldKind::Version(_) | FieldKind::Moment => true,
        _ => false,
    }
}

fn of_texts() -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (name, _, wrong) in TEXTS {
        let spot = spot(name);
        for text in *wrong {
            mistakes.push(Mistake {
                what: format!("{name} is {text:?}"),
                document: spot.with(written(&spot.field.kind, text)),
                codes: vec![],
                place: Some(json!(text).to_string()),
            });
        }
    }
    mistakes
}

fn all_mistakes() -> Vec<Mistake> {
    [
        of_wrong_types(),
        of_unknown_names(),
        of_missing_fields(),
        of_values_out_of_range(),
        of_choices_that_there_are_not(),
        of_texts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

// --- the table and the reader --------------------------------------------------------------------------------------------

#[test]
fn every_section_but_for_authorities_that_are_brought_is_a_cluster() {
    if let Err(findings) = read(&to_toml(&cluster())) {
        panic!("{}", render_text(&findings));
    }
}

/// A row that nobody reads would raise nothing, wherever its value is wrong.
#[test]
fn the_reader_finds_every_mistake_where_it_stands() {
    let mut problems = Vec::new();
    for mistake in all_mistakes() {
        let found = errors(&to_toml(&mistake.document));
        let is_it = |(code, place): &(&str, String)| {
            (mistake.codes.is_empty() || mistake.codes.contains(code))
                && mistake.place.as_ref().is_none_or(|expected| expected == place)
        };
        if !found.iter().any(is_it) {
            problems.push(format!("{}: {found:?}", mistake.what));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_reader_takes_every_choice_and_every_end_of_a_range() {
    let mut problems = Vec::new();
    for spot in spots() {
        let mut values = Vec::new();
        if let Some((all, written)) = choices(&spot.field.kind) {
            values.extend(all.into_iter().map(written));
        }
        if let FieldKind::Integer(first, last) = spot.field.kind {
            // As many hosts as there may be take too long.
            values.extend(
                [first, last]
                    .into_iter()
                    .filter(|number| *number != fields::MOST_HOSTS as i64)
                    .map(Value::from),
            );
        }
        for value in values {
            let refused = [UNKNOWN_CHOICES, &["out-of-range", "bad-port", "not-silenceable"]].concat();
            let found = errors(&to_toml(&spot.with(value.clone())));
            if found.iter().any(|(code, _)| refused.contains(code)) {
                problems.push(format!("{} = {value}: {found:?}", spot.name));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_reader_takes_what_a_form_is_to_take() {
    let without: Vec<String> = spots()
        .into_iter()
        .filter(|spot| has_form(&spot.field.kind) && !spot.name.contains("NAME"))
        .filter(|spot| TEXTS.iter().all(|(name, ..)| *name != spot.name))
        .map(|spot| spot.name)
        .collect();
    assert!(without.is_empty(), "TEXTS has no row for {without:?}");
    let mut problems = Vec::new();
    for (name, right, _) in TEXTS {
        let spot = spot(name);
        for text in *right {
            let found = errors(&to_toml(&spot.with(written(&spot.field.kind, text))));
            let place = json!(text).to_string();
            // These two are of files that are not there.
            let is_bad = |code: &str| code.starts_with("bad-") && !["bad-ca", "bad-template"].contains(&code);
            if found.iter().any(|(code, at)| *at == place && is_bad(code)) {
                problems.push(format!("{name} is {text:?}: {found:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_default_is_the_readers() {
    let compiled = |document: &Value| match read(&to_toml(document)) {
        Ok(checked) => format!("{:?}", checked.cluster),
        Err(findings) => panic!("{}", render_text(&findings)),
    };
    // A whole cluster has no authority that is brought.
    let is_brought = |spot: &Spot| ["pki.ca", "pki.bring"].iter().any(|name| spot.name.starts_with(name));
    for spot in spots().into_iter().filter(|spot| !is_brought(spot)) {
        if let Some(default) = spot.field.default_value() {
            let absent = spot.without(cluster());
            let mut given = spot.set(cluster(), default);
            // A port of the load balancer's that the API server has on the same host.
            let mut absent = absent;
            if spot.name == "load_balancer.port" {
                for document in [&mut absent, &mut given] {
                    document["hosts"][0]["roles"] = json!(["control-plane", "etcd", "worker", "admin"]);
                }
            }
            assert_eq!(compiled(&absent), compiled(&given), "{}", spot.name);
        }
    }
}

// --- the schema and its judges -------------------------------------------------------------------------------------------

/// Writes each text to a file, and asks both judges which they refuse by the schema. None where neither is here.
fn refused(texts: &BTreeMap<String, String>, test: &str) -> Vec<(&'static str, BTreeSet<String>)> {
    let folder = TempDir::new().expect("a folder");
    let schema = folder.path().join("schema.json");
    fs::write(&schema, must(khw_gen().arg("schema"))).expect("the schema");
    let files: BTreeMap<PathBuf, &String> = texts
        .keys()
        .enumerate()
        .map(|(index, name)| (folder.path().join(format!("{index}.toml")), name))
        .collect();
    for (file, name) in &files {
        fs::write(file, &texts[*name]).expect("a cluster.toml");
    }
    let names =
        |paths: Vec<String>| -> BTreeSet<String> { paths.iter().map(|path| files[Path::new(path)].clone()).collect() };
    let mut judged = Vec::new();
    if let Some(taplo) = program("taplo", test) {
        let mut command = Command::new(taplo);
        // It takes nothing but URLs here.
        command.args(["lint", "--no-auto-config", "--colors", "never", "--schema"]);
        let output = run(command.arg(format!("file://{}", schema.display())).args(files.keys()));
        let said = said(&output);
        // The last of the lines that name an invalid file is lost now and then; the places are not.
        let places = said.lines().filter_map(|line| line.trim_start().strip_prefix("┌─ "));
        let paths: Vec<String> = places
            .filter_map(|place| place.rsplitn(3, ':').nth(2))
            .map(str::to_owned)
            .collect();
        assert_eq!(output.status.success(), paths.is_empty(), "{said}");
        judged.push(("taplo", names(paths)));
    }
    if let Some(judge) = program("check-jsonschema", test) {
        let mut command = Command::new(judge);
        command
            .args(["-o", "json", "--schemafile"])
            .arg(&schema)
            .args(files.keys());
        let output = run(&mut command);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let of = |list: &str| report[list].as_array().cloned().unwrap_or_default();
        let paths = [of("errors"), of("parse_errors")].concat();
        let paths = paths
            .iter()
            .map(|error| error["filename"].as_str().expect("a name").to_owned());
        judged.push(("check-jsonschema", names(paths.collect())));
    }
    judged
}

fn must_take(texts: &BTreeMap<String, String>, test: &str) {
    for (judge, refused) in refused(texts, test) {
        let shown: Vec<String> = refused.iter().map(|name| format!("{name}:\n{}", texts[name])).collect();
        assert!(shown.is_empty(), "{judge} refuses what is right:\n{}", shown.join("\n"));
    }
}

#[test]
fn a_schema_finds_every_mistake_that_it_can() {
    let texts: BTreeMap<String, String> = all_mistakes()
        .into_iter()
        .map(|mistake| (mistake.what, to_toml(&mistake.document)))
        .collect();
    for (judge, refused) in refused(&texts, "mistakes are found by the schema") {
        let missed: Vec<&String> = texts.keys().filter(|name| !refused.contains(*name)).collect();
        assert!(missed.is_empty(), "{judge} misses {missed:#?}");
    }
}

#[test]
fn specifications_and_examples_are_what_the_schema_says() {
    let mut texts = BTreeMap::new();
    for folder in ["specs", "tests/e2e/specs", "tests/rejects/base", "tests/schema"] {
        for (path, bytes) in files_below(&project().join(folder)) {
            if path.ends_with("cluster.toml") || path.ends_with("every-section.toml") {
                let text = String::from_utf8(bytes).expect("a text");
                // Those of tests/e2e are templates.
                let filled = text
                    .replace("@KUBERNETES@", "1.34.1")
                    .replace("@ETCD@", "3.6.4")
                    .replace("@ISSUED@", "2026-01-01T00:00:00Z");
                texts.insert(format!("{folder}/{path}"), filled);
            }
        }
    }
    assert!(texts.len() > 14, "{:?}", texts.keys());
    let mut pages = files_below(&project().join("docs"));
    pages.insert(
        "README.md".to_owned(),
        fs::read(project().join("README.md")).expect("README.md"),
    );
    for (page, bytes) in pages.into_iter().filter(|(page, _)| page.ends_with(".md")) {
        let text = String::from_utf8(bytes).expect("a text");
        for (index, block) in text.split("```toml\n").skip(1).enumerate() {
            let block = block.split("```").next().expect("a block");
            texts.insert(format!("{page}, {index}"), whole(block));
        }
    }
    must_take(&texts, "specifications and examples by the schema");
}

/// An example with what it leaves out because every cluster.toml has it.
fn whole(example: &str) -> String {
    let table: toml::Table = example.parse().unwrap_or_else(|error| panic!("{error}\n{example}"));
    let mut whole = example.to_owned();
    if table.get("pki").is_none_or(|pki| pki.get("issued").is_none()) {
        let issued = "issued = \"2026-01-01T00:00:00Z\"\n";
        // A table that has a header can't be written to from elsewhere (TOML 1.0, "Table").
        whole = match whole.lines().any(|line| line == "[pki]") {
            true => whole.replacen("[pki]\n", &format!("[pki]\n{issued}"), 1),
            false => format!("pki.{issued}{whole}"),
        };
    }
    if !table.contains_key("hosts") && !table.contains_key("pools") {
        whole.push_str("\n[[hosts]]\nname = \"one\"\nip = \"10.0.0.1\"\nroles = [\"worker\"]\n");
    }
    whole
}

#[test]
fn what_init_writes_names_its_schema() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("new");
    must(khw_gen().arg("init").arg(&dir));
    let path = dir.join("cluster.toml");
    let schema = fs::read_to_string(dir.join("cluster.schema.json")).expect("the schema");
    assert_eq!(
        schema,
        fs::read_to_string(project().join("docs/cluster.schema.json")).expect("the schema")
    );
    let Some(taplo) = program("taplo", "what init writes names its schema") else {
        return;
    };
    let lint = || run(Command::new(&taplo).args(["lint", "--no-auto-config"]).arg(&path));
    assert!(lint().status.success(), "{}", said(&lint()));
    let text = fs::read_to_string(&path).expect("cluster.toml");
    fs::write(
        &path,
        text.replace("provider = \"secretbox\"", "provider = \"secretbux\""),
    )
    .expect("cluster.toml");
    assert!(
        said(&lint()).contains("\"secretbux\" is not one of"),
        "{}",
        said(&lint())
    );
}

/// Values that a field may have, many of them right.
fn values(spot: &Spot) -> BoxedStrategy<Value> {
    let listed = TEXTS.iter().find(|(name, ..)| *name == spot.name);
    let texts = listed.map_or(vec![], |(_, right, wrong)| [*right, *wrong].concat());
    let text = match texts.is_empty() {
        true => "[a-z/]{1,8}".boxed(),
        false => prop_oneof![3 => proptest::sample::select(texts), 1 => Just("")]
            .prop_map(str::to_owned)
            .boxed(),
    };
    // One character more, less or other is where a pattern and a reader would differ.
    let text = (text, "[ -~]", any::<prop::sample::Index>(), 0..6_u8)
        .prop_map(|(text, other, at, how)| {
            let at = at.index(text.len() + 1);
            let (head, tail) = (&text[..at], &text[at..]);
            match (how, tail.get(1..)) {
                (0, _) => format!("{head}{other}{tail}"),
                (1, Some(rest)) => format!("{head}{rest}"),
                (2, Some(rest)) => format!("{head}{other}{rest}"),
                _ => text,
            }
        })
        .boxed();
    let kind = &spot.field.kind;
    match kind {
        // Tens of thousands of hosts in a pool take their time.
        FieldKind::Integer(first, last) => (*first..=(*last).min(*first + 60)).prop_map(Value::from).boxed(),
        FieldKind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        FieldKind::Settings => Just(json!({ "a": { "b": [1, 2.5, "c", true, { "d": {} }] } })).boxed(),
        FieldKind::Map(_, FieldKind::Flag) => {
            let values = [
                json!("a"),
                json!(1),
                json!(1.5),
                json!(true),
                json!(false),
                json!(["a", 1, false, 0.5]),
            ];
            ("[a-z0-9.-]{1,4}", proptest::sample::select(values.to_vec()))
                .prop_map(|(key, value)| json!({ key: value }))
                .boxed()
        }
        FieldKind::Map(_, FieldKind::Text(_)) => ("[a-zA-Z0-9._-]{1,4}(/[a-zA-Z0-9._-]{1,4})?", text)
            .prop_map(|(key, value)| json!({ key: value }))
            .boxed(),
        FieldKind::List(FieldKind::Text(_)) => proptest::collection::vec(text, 0..3).prop_map(Value::from).boxed(),
        FieldKind::PerFamily(_) => prop_oneof![
            text.clone().prop_map(Value::from),
            proptest::collection::vec(text, 0..3).prop_map(Value::from)
        ]
        .boxed(),
        FieldKind::Text(_) | FieldKind::Version(_) | FieldKind::Moment => text.prop_map(Value::from).boxed(),
        _ => match choices(kind) {
            Some((all, written)) => proptest::sample::select(all).prop_map(written).boxed(),
            None => Just(Value::Null).boxed(),
        },
    }
}

/// What TOML can write in more ways than one.
const TURNS: &[(&str, &str)] = &[
    ("issued = \"2026-01-01T00:00:00Z\"", "issued = 2026-01-01T00:00:00Z"),
    (
        "issued = \"2026-01-01T00:00:00Z\"",
        "issued = 2026-01-01T00:00:00+01:00",
    ),
    ("issued = \"2026-01-01T00:00:00Z\"", "issued = 2026-01-01t00:00:00.000z"),
    ("port = 7443", "port = 0x1d_13"),
    ("[cluster]\nname = \"every-section\"", "cluster.name = 'every-section'"),
    (
        "[components.kubelet.flags]",
        "[components.kubelet.flags]\n\"provider-id\" = 4.5\nvmodule = [\"\"\"A=true\"\"\", 1e3, true]",
    ),
    ("content = \"one line\\n\"", "content = \"\"\"\n{{ host.name }}\n\"\"\""),
];

#[test]
fn what_the_reader_takes_the_schema_takes() {
    let mut texts = BTreeMap::new();
    for (case, folder) in cases::cases() {
        let mut files = cases::base();
        cases::change(&mut files, &cases::read(&folder.join("changes.txt")));
        let text = files.get("cluster.toml").cloned().unwrap_or_default();
        // What is only warned of.
        if check(&cases::sources(files)).is_ok() {
            texts.insert(case, text);
        }
    }
    let mut keep = |name: String, text: String| {
        let taken = read(&text).is_ok();
        if taken {
            texts.insert(name, text);
        }
        taken
    };
    let path = project().join("tests/schema/every-section.toml");
    let every_section = fs::read_to_string(path)
        .expect("the file")
        .replace("[pki.ca]", "")
        .replace("[pki.bring.etcd-ca]", "")
        .replace("cert = \"ca.pem\"\nkey = \"ca-key.pem\"\nexternal = false", "");
    for (plain, turned) in TURNS {
        assert_eq!(every_section.matches(plain).count(), 1, "{plain}");
        assert!(
            keep((*turned).to_owned(), every_section.replace(plain, turned)),
            "{turned}"
        );
    }
    let mut runner = TestRunner::deterministic();
    for spot in spots()
        .into_iter()
        .filter(|spot| !["pki.ca", "pki.bring"].iter().any(|name| spot.name.starts_with(name)))
    {
        let values = values(&spot);
        for index in 0..10 {
            let value = values.new_tree(&mut runner).expect("a value").current();
            if !value.is_null() {
                keep(
                    format!("{} {index} = {value}", spot.name),
                    to_toml(&spot.set(cluster(), value)),
                );
            }
        }
    }
    assert!(texts.len() > 200, "only {} are taken", texts.len());
    must_take(&texts, "what the reader takes by the schema");
}
