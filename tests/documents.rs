//! The documents: the README is short, its first minute goes as it says, and no link or path leads nowhere.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{examples, must, project};
use tempfile::TempDir;

#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(project().join("README.md")).expect("README.md");
    let lines = readme.lines().count();
    assert!(
        lines <= 180,
        "README.md has {lines} lines: people read 180 at most; what is more belongs in a page of docs/"
    );
}

/// Each command of the README's first minute, and what it prints; `…` stands for any lines.
#[test]
fn the_first_minute_goes_as_the_readme_says() {
    let folder = TempDir::new().expect("a folder");
    let programs = Path::new(env!("CARGO_BIN_EXE_khw-gen")).parent().expect("a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let shown = examples::shown("sixty seconds", "console");
    for step in shown.split("$ ").skip(1) {
        let (command, expected) = step.split_once('\n').expect("what it prints");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} 2>&1")]).env("PATH", &path);
        let printed = must(shell.current_dir(folder.path()));
        let mut rest = printed.lines().map(steady);
        let mut skips = false;
        for line in expected.lines() {
            if line == "…" {
                skips = true;
                continue;
            }
            let found = if skips {
                rest.find(|printed| *printed == steady(line))
            } else {
                rest.next()
            };
            assert_eq!(found, Some(steady(line)), "`{command}` prints:\n{printed}");
            skips = false;
        }
        assert!(skips || rest.next().is_none(), "`{command}` prints more:\n{printed}");
    }
}

/// A line without how large and how fast an output was made.
fn steady(line: &str) -> String {
    match (line.rfind(" files, "), line.ends_with(" s")) {
        (Some(end), true) => line[..end].to_owned(),
        _ => line.to_owned(),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = examples::pages();
    pages.push(project().join("ARCHITECTURE.md"));
    let mut broken = Vec::new();
    for page in &pages {
        for link in links(&fs::read_to_string(page).expect("a page")) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target: PathBuf = match file {
                "" => page.clone(),
                _ => page.with_file_name(file),
            };
            let leads = target.exists()
                && (heading.is_empty() || headings(&fs::read_to_string(&target).expect("a page")).contains(heading));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "no such file or heading:\n{}", broken.join("\n"));
}

/// What ARCHITECTURE.md calls a path: `src/lib.rs`, `tests/rejects/`, and no command, placeholder or path of a host.
#[test]
fn every_path_in_the_architecture_is_there() {
    let page = fs::read_to_string(project().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let is_path = |text: &&str| {
        let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
        (text.contains('/') || text.ends_with(".rs"))
            && text.chars().all(plain)
            && !text.starts_with('/')
            && !text.contains("TARGET")
    };
    let named = prose(&page)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(is_path);
    let gone: BTreeSet<&str> = named.filter(|path| !project().join(path).exists()).collect();
    assert!(
        gone.is_empty(),
        "ARCHITECTURE.md names what is not there, or not from the project's folder: {gone:?}"
    );
}

/// The lines of a page that are no code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let fence = line.starts_with("```");
        in_code ^= fence;
        !fence && !in_code
    })
}

/// Where the links of a page lead, but for those to other sites.
fn links(page: &str) -> Vec<String> {
    prose(page)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .filter(|link| !link.contains("://"))
        .collect()
}

/// The names by which a page's headings are linked, as forges make them.
fn headings(page: &str) -> BTreeSet<String> {
    prose(page)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            text.chars()
                .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
                .map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
        .collect()
}
