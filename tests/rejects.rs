//! Every code of the table has a case in `tests/rejects/<code>/` (or `<code>--<variant>/`), and every case a code: what is
//! wrong with it, and exactly what is said about it.
//!
//! A case is `changes.txt`, a few replacements in the base, which has nothing wrong with it, and `expected.txt`, the whole
//! rendered text. `KHW_BLESS=1` rewrites what is expected.

#[path = "support/cases.rs"]
mod cases;
mod support;

use std::{env, fs};

use cases::{Files, base, cases, change, read, root, sources};
use khw_gen::diagnostic::codes::{self, CODES};
use khw_gen::diagnostic::{Diagnostic, Example, Severity, render_json, render_text};
use khw_gen::input::{GivenFiles, check};
use support::examples;

fn blessing() -> bool {
    let blessing = env::var_os("KHW_BLESS").is_some_and(|value| value == "1");
    assert!(
        !(blessing && env::var_os("CI").is_some()),
        "what is expected is not rewritten in CI"
    );
    blessing
}

fn findings(sources: &GivenFiles) -> Vec<Diagnostic> {
    match check(sources) {
        Ok(checked) => {
            assert!(
                checked.remarks.iter().all(|remark| remark.severity != Severity::Error),
                "an error among remarks"
            );
            checked.remarks
        }
        Err(findings) => {
            assert!(
                findings.iter().any(|finding| finding.severity == Severity::Error),
                "refused without an error"
            );
            findings
        }
    }
}

fn code_of(case: &str) -> &str {
    case.split_once("--").map_or(case, |(code, _)| code)
}

#[test]
fn the_base_has_nothing_wrong() {
    let text = render_text(&findings(&sources(base())));
    assert!(text.is_empty(), "{text}");
}

#[test]
fn remarks_in_json_are_passed_over() {
    let mut files = base();
    let ca = files.get_mut("csr/ca-csr.json").expect("it is in the base");
    *ca = ca.replacen(
        '{',
        "{\n  \"_comment\": \"ours since 2019\", \"//\": [1], \"$schema\": \"x\",",
        1,
    );
    let text = render_text(&findings(&sources(files)));
    assert!(text.is_empty(), "{text}");
}

#[test]
fn every_case_is_told_as_expected() {
    let mut problems = Vec::new();
    for (case, folder) in cases() {
        let mut files = base();
        change(&mut files, &read(&folder.join("changes.txt")));
        let findings = findings(&sources(files));
        let text = render_text(&findings);
        let expected = folder.join("expected.txt");
        if blessing() {
            fs::write(&expected, &text).expect("the case can be written");
        }
        if !findings.iter().any(|finding| finding.code == code_of(&case)) {
            problems.push(format!("{case} does not raise its code, but says:\n{text}"));
        } else if text != fs::read_to_string(&expected).unwrap_or_default() {
            problems.push(format!("{case} says:\n{text}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_code_has_a_case_and_every_case_a_code() {
    let cases = cases();
    let without: Vec<&str> = CODES
        .iter()
        .map(|code| code.name)
        // What can't be read never becomes a text to check: `tests/commands.rs` has its case.
        .filter(|code| *code != codes::UNREADABLE.name)
        .filter(|code| !cases.keys().any(|case| code_of(case) == *code))
        .collect();
    assert!(without.is_empty(), "no case raises {without:?}");
    let strange: Vec<&String> = cases
        .keys()
        .filter(|case| codes::by_name(code_of(case)).is_none())
        .collect();
    assert!(strange.is_empty(), "no code is named {strange:?}");
}

/// In the place of an example whose point is that the file is missing.
const NO_FILE: &[&str] = &["(no such file)"];

#[test]
fn every_example_stands_in_a_case_and_what_is_right_takes_the_finding_away() {
    let (cases, base) = (cases(), base());
    let mut problems = Vec::new();
    // `tests/explain.rs` has the example of what can't be read.
    for code in CODES.iter().filter(|code| **code != codes::UNREADABLE) {
        let Example { place, wrong, right } = code.example;
        let count = |files: &Files| {
            let findings = findings(&sources(files.clone()));
            findings.iter().filter(|finding| finding.code == code.name).count()
        };
        let mut met = Vec::new();
        for (case, folder) in cases.iter().filter(|(case, _)| code_of(case) == code.name) {
            let mut files = base.clone();
            change(&mut files, &read(&folder.join("changes.txt")));
            let Some(text) = files.get(place) else {
                if wrong == NO_FILE {
                    met.push("proven");
                }
                continue;
            };
            if examples::exchanged(text, wrong, wrong).is_none() {
                continue;
            }
            let in_the_base = |text: &String| examples::exchanged(text, wrong, wrong).is_some();
            met.push(match right {
                [] if base.get(place).is_some_and(in_the_base) => "in the base, where nothing is wrong",
                [] => "proven",
                right => {
                    let before = count(&files);
                    let mended = examples::exchanged(text, wrong, right).expect("it stands there");
                    files.insert(place.to_owned(), mended);
                    match count(&files) < before {
                        true => "proven",
                        false => "found all the same with what is right in its place",
                    }
                }
            });
            println!("{case}: {met:?}");
        }
        if !met.contains(&"proven") {
            problems.push(format!("{}: {wrong:?} in {place}: {met:?}", code.name));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_page_of_codes_is_the_table() {
    let path = root().join("docs/diagnostics.md");
    if blessing() {
        fs::write(&path, codes::page()).expect("the page can be written");
    }
    assert_eq!(
        read(&path),
        codes::page(),
        "run the test with KHW_BLESS=1 to rewrite the page"
    );
}

#[test]
fn codes_are_well_formed() {
    for (index, code) in CODES.iter().enumerate() {
        assert!(
            code.name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            code.name
        );
        assert!(
            CODES[..index].iter().all(|other| other.name != code.name),
            "{} stands twice",
            code.name
        );
        assert!(
            !code.title.is_empty() && code.meaning.ends_with('.') && !code.advice.is_empty(),
            "{}",
            code.name
        );
        assert!(
            !code.advice.ends_with('.') && !code.title.ends_with('.'),
            "{}",
            code.name
        );
    }
}

#[test]
fn programs_read_the_same_findings_as_people() {
    let mut files = base();
    change(
        &mut files,
        "cluster.toml\n- domain = \"cluster.local\"\n+ domain = \"\u{e4}.Local\"\n+ bogus = 1\n",
    );
    let findings = findings(&sources(files));
    let json: serde_json::Value = serde_json::from_str(&render_json(&findings)).expect("valid JSON");
    assert_eq!(json["kind"], "khw-gen/diagnostics/v1");
    let list = json["diagnostics"].as_array().expect("a list");
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["code"], "bad-domain");
    assert_eq!((&list[0]["line"], &list[0]["column"]), (&4.into(), &10.into()));
    // The columns count characters: the name has 9 with its quotes, and 10 bytes.
    assert_eq!((&list[0]["end_line"], &list[0]["end_column"]), (&4.into(), &19.into()));
    assert_eq!(list[1]["severity"], "error");
    assert_eq!(list[1]["file"], "cluster.toml");
}

#[test]
fn the_built_in_files_are_the_walkthroughs() {
    let folder = root().join("specs/walkthrough/csr");
    let built_in = khw_gen::input::built_in_files(khw_gen::cluster::Layout::Single);
    for (name, text) in &built_in {
        assert_eq!(read(&folder.join(name)), *text, "{name}");
    }
    assert_eq!(
        fs::read_dir(folder).expect("the folder is there").count(),
        built_in.len()
    );
}
