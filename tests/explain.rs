//! `khw-gen explain` and the pages tell every code in the same words, and tell all of it.
mod support;

use std::collections::BTreeSet;
use std::fs;

use khw_gen::diagnostic::{Code, adopt_codes, answer_codes, codes, verify_codes};
use support::{khw_gen, must, project, run, said};

fn all() -> impl Iterator<Item = &'static Code> {
    let all = codes::CODES.iter().chain(verify_codes::CODES);
    all.chain(answer_codes::CODES).chain(adopt_codes::CODES).copied()
}

/// The words of a text in Markdown without its marks, so that they are those of the same text in a terminal.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .map(|word| {
            word.trim_start_matches("**")
                .trim_end_matches("**")
                .trim_end_matches(":**")
        })
        .map(|word| word.trim_end_matches(':'))
        .map(|word| {
            word.strip_prefix('<')
                .and_then(|word| word.strip_suffix('>'))
                .unwrap_or(word)
        })
        .filter(|word| !matches!(*word, "-" | "```text" | "```"))
        .collect()
}

#[test]
fn the_pages_say_what_explain_says() {
    let mut told = BTreeSet::new();
    for page in [
        "docs/diagnostics.md",
        "docs/findings.md",
        "docs/answers.md",
        "docs/adoptions.md",
    ] {
        let page = fs::read_to_string(project().join(page)).expect("a page");
        for section in page.split("\n### ").skip(1) {
            let section = section.split("\n## ").next().expect("a section");
            let (name, section) = section.split_once('\n').expect("a name");
            let explained = must(khw_gen().args(["explain", name]));
            assert_eq!(words(section), words(&explained), "{name}");
            told.insert(name.to_owned());
        }
    }
    let known: BTreeSet<String> = all().map(|code| code.name.to_owned()).collect();
    assert_eq!(told, known);
}

#[test]
fn every_code_is_told_in_full() {
    for code in all() {
        let name = code.name;
        let texts = [code.title, code.meaning, code.advice, code.met];
        let distinct: BTreeSet<String> = texts.iter().map(|text| words(text).join(" ").to_lowercase()).collect();
        assert_eq!(distinct.len(), texts.len(), "{name} says one thing twice");
        assert!(
            code.met.ends_with('.') && words(code.met).len() >= 10,
            "{name}: {}",
            code.met
        );
        assert!(
            !code.met.contains(code.meaning) && !code.met.contains(code.advice),
            "{name} repeats itself"
        );
        let example = &code.example;
        assert!(
            !example.place.is_empty() && !example.wrong.is_empty(),
            "{name} has no example"
        );
        assert_ne!(example.wrong, example.right, "{name}");
        for line in example.wrong.iter().chain(example.right) {
            assert!(
                line.trim_end() == *line && line.chars().count() <= 96,
                "{name}: {line:?}"
            );
        }
        for source in code.sources {
            assert!(
                source.starts_with("https://") && words(source).len() == 1,
                "{name}: {source}"
            );
        }
    }
    let mets: BTreeSet<&str> = all().map(|code| code.met).collect();
    assert_eq!(mets.len(), all().count(), "two codes are met in the same way");
}

#[test]
fn an_explanation_fits_a_terminal() {
    for code in all() {
        for line in code.explanation(None).lines() {
            assert!(
                line.chars().count() <= 100 || words(line).len() == 1,
                "{}: {line:?}",
                code.name
            );
        }
    }
}

#[test]
fn a_misspelt_code_is_guessed() {
    for (typed, meant) in [
        ("evem-etcd", "even-etcd"),
        ("secret_exposed", "secret-exposed"),
        ("bad", ""),
    ] {
        let output = run(khw_gen().args(["explain", typed]));
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains(&format!("there is no code `{typed}`")),
            "{}",
            said(&output)
        );
        if !meant.is_empty() {
            assert!(
                said(&output).contains(&format!("did you mean `{meant}`?")),
                "{}",
                said(&output)
            );
        }
    }
}

#[test]
fn the_example_of_what_cannot_be_read_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("cluster");
    must(khw_gen().arg("init").arg(&place));
    let spec = place.join(codes::UNREADABLE.example.place);
    let files = |lines: &[&str]| {
        let mut text = fs::read_to_string(&spec).expect("a specification");
        text.truncate(text.find("\n[[files]]").unwrap_or(text.len()));
        let entry = format!(
            "\n[[files]]\non = \"all\"\nat = \"/etc/hosts.toml\"\n{}\n",
            lines.join("\n")
        );
        fs::write(&spec, text + &entry).expect("a specification");
        said(&run(khw_gen().arg("check").arg(&spec)))
    };
    fs::write(place.join("hosts.toml.j2"), "x\n").expect("a template");
    assert!(files(codes::UNREADABLE.example.wrong).contains("error[unreadable-input]"));
    assert!(!files(codes::UNREADABLE.example.right).contains("error[unreadable-input]"));
}
