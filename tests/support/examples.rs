//! Examples: those that README.md and the pages of docs/ show, by their names, and those of codes, which stand in other texts.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use super::project;

/// The block of code in `language` that follows `<!-- example: NAME -->` in the README or in a page of docs/.
pub fn shown(name: &str, language: &str) -> String {
    let (_, page, block) = find(name, language);
    page[block].to_owned()
}

/// Holds that block against what it should show; with `KHW_BLESS` it is rewritten.
pub fn assert_shows(name: &str, language: &str, expected: &str) {
    let (path, page, block) = find(name, language);
    if std::env::var_os("KHW_BLESS").is_some() {
        let blessed = format!("{}{expected}{}", &page[..block.start], &page[block.end..]);
        fs::write(path, blessed).expect("a page");
        return;
    }
    assert_eq!(
        &page[block],
        expected,
        "run the test with KHW_BLESS=1 to rewrite `{name}` in {}",
        path.display()
    );
}

/// README.md and the pages of docs/.
pub fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(project().join("docs")).expect("docs");
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.push(project().join("README.md"));
    pages
}

fn find(name: &str, language: &str) -> (PathBuf, String, Range<usize>) {
    let mark = format!("<!-- example: {name} -->\n");
    let opening = format!("```{language}\n");
    let mut found = pages().into_iter().filter_map(|path| {
        let page = fs::read_to_string(&path).expect("a page");
        let mark = page.find(&mark)?;
        let start = mark + page[mark..].find(&opening).expect("a block") + opening.len();
        let end = start + page[start..].find("```").expect("its end");
        Some((path, page, start..end))
    });
    let block = found
        .next()
        .unwrap_or_else(|| panic!("no page shows the example `{name}`"));
    assert!(found.next().is_none(), "two pages show an example `{name}`");
    block
}

/// `text` with the lines `new` where `old` stand first; none if `old` don't stand there. Of `old`, the first may be the end of
/// a line and the last the beginning of one; how far lines are indented makes no difference.
pub fn exchanged(text: &str, old: &[&str], new: &[&str]) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (first, last) = (old.first()?.trim(), old.last()?.trim());
    (0..lines.len()).find_map(|at| {
        let window = lines.get(at..at + old.len())?;
        let (before, after) = match window {
            [line] => line.split_once(first)?,
            [head, middle @ .., tail] => {
                let same = middle
                    .iter()
                    .zip(&old[1..])
                    .all(|(line, old)| line.trim() == old.trim());
                let around = (
                    head.trim_end().strip_suffix(first)?,
                    tail.trim_start().strip_prefix(last)?,
                );
                same.then_some(around)?
            }
            [] => return None,
        };
        let indent = &window[0][..window[0].len() - window[0].trim_start().len()];
        let indented: Vec<String> = new
            .iter()
            .enumerate()
            .map(|(index, line)| match index {
                0 => line.trim_start().to_owned(),
                _ => format!("{indent}{line}"),
            })
            .collect();
        let changed = format!("{before}{}{after}", indented.join("\n"));
        let rest = [&lines[..at], &[changed.as_str()], &lines[at + old.len()..]].concat();
        Some(rest.join("\n") + "\n")
    })
}
