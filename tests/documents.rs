//! The documents: the README is short, and no link or path leads nowhere. What their commands do, `tests/pages.rs` holds.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{examples, files_below, project, run, said};
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

/// The pages of docs/ are a book: SUMMARY.md names each of them once, and no link leads out of it but to a file that mdbook copies.
#[test]
fn the_summary_names_every_page_and_no_other() {
    let docs = project().join("docs");
    let mut named = links(&fs::read_to_string(docs.join("SUMMARY.md")).expect("SUMMARY.md"));
    let entries = fs::read_dir(&docs)
        .expect("docs")
        .map(|entry| entry.expect("an entry").file_name());
    let mut pages: Vec<String> = entries.map(|name| name.into_string().expect("a name")).collect();
    pages.retain(|name| name.ends_with(".md") && name != "SUMMARY.md");
    named.sort();
    pages.sort();
    assert_eq!(named, pages);
    for page in pages {
        let out: Vec<String> = links(&fs::read_to_string(docs.join(&page)).expect("a page"))
            .into_iter()
            .filter(|link| link.starts_with("../"))
            .collect();
        assert!(
            out.is_empty(),
            "{page} leads out of the book, where there is no such page: {out:?}"
        );
    }
}

/// As a reader of the book has it: every link and every heading of what mdbook makes is there, and its search knows the pages.
#[test]
fn the_book_is_whole() {
    let Some(mdbook) = support::program("mdbook", "the book of docs/") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let book = folder.path().join("book");
    let output = run(Command::new(mdbook)
        .arg("build")
        .arg("--dest-dir")
        .arg(&book)
        .arg(project()));
    let told = said(&output);
    assert!(
        output.status.success() && !told.contains("WARN") && !told.contains("ERROR"),
        "{told}"
    );
    let made = files_below(&book);
    let text = |name: &str| String::from_utf8_lossy(&made[name]).into_owned();
    let pages: Vec<&String> = made
        .keys()
        .filter(|name| name.ends_with(".html") && *name != "404.html")
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    assert!(
        made.keys().any(|name| name.starts_with("searchindex")),
        "there is no search"
    );
    let mut broken = Vec::new();
    for page in pages {
        let html = text(page);
        for link in html.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"')) {
            let (file, heading) = link.0.split_once('#').unwrap_or((link.0, ""));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let target = if file.is_empty() { page } else { file };
            let leads = made.contains_key(target)
                && (heading.is_empty() || text(target).contains(&format!("id=\"{heading}\"")));
            if !leads {
                broken.push(format!("{page}: {}", link.0));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
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
