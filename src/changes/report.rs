//! Changes as text for people, as markdown for a pull request's comment, and as JSON for programs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::comparison::Changes;
use super::files::{Fate, FileChange};
use super::stage::{Action, BY_HAND, Step, quoted};
use super::warnings::Warning;
use crate::found::printable;
use crate::json_document::JsonKind;

/// A heading and what stands below it; each item is one line or more, and is shown whole or not at all.
struct Listing {
    heading: String,
    /// Which section is filled first when there is not room for all.
    rank: usize,
    items: Vec<String>,
}

/// How text is set off: plain, or markdown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Markup {
    Plain,
    Markdown,
}

impl Markup {
    /// A word of the machine's: a path, a host.
    fn code(self, text: &str) -> String {
        match self {
            Markup::Plain => text.to_owned(),
            // A backtick would end the span.
            Markup::Markdown => format!("`{}`", text.replace('`', "'")),
        }
    }

    fn heading(self, text: &str) -> String {
        match self {
            Markup::Plain => text.to_owned(),
            Markup::Markdown => format!("#### {text}\n"),
        }
    }
}

/// Nothing at all where nothing changed. `limit`: the most bytes; what has no room is counted.
pub fn render_text(changes: &Changes, limit: Option<usize>) -> String {
    render(changes, limit, Markup::Plain, true)
}

/// As [`render_text`], in GitHub's markdown.
pub fn render_markdown(changes: &Changes, limit: Option<usize>) -> String {
    render(changes, limit, Markup::Markdown, true)
}

/// As [`render_markdown`], but for what changes in which file: what is to be done, and minded.
pub fn render_steps(changes: &Changes) -> String {
    render(changes, None, Markup::Markdown, false)
}

/// Why it can't be carried out, alone.
pub fn render_obstacles(changes: &Changes) -> String {
    let alone = Changes {
        hosts: changes.hosts.clone(),
        obstacles: changes.obstacles.clone(),
        ..Changes::default()
    };
    render(&alone, None, Markup::Plain, false)
}

fn render(changes: &Changes, limit: Option<usize>, markup: Markup, with_files: bool) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let count = |fate: Fate| changes.hosts.iter().filter(|host| host.fate == fate).count();
    let counts: Vec<String> = [Fate::Added, Fate::Changed, Fate::Removed]
        .into_iter()
        .map(|fate| (count(fate), fate))
        .filter(|(count, _)| *count > 0)
        .map(|(count, fate)| format!("{count} {} {}", if count == 1 { "host" } else { "hosts" }, fate.name()))
        .collect();
    let title = match markup {
        Markup::Plain => counts.join(", "),
        Markup::Markdown => format!("### {}", counts.join(", ")),
    };
    let told = |warning: &Warning| {
        let hosts = hosts(&warning.hosts, markup);
        format!("{} {hosts}: {}", bullet(markup), warning.message)
    };
    let warnings = |irreversible: bool| -> Vec<String> {
        let warnings = changes.warnings.iter();
        warnings
            .filter(|warning| warning.irreversible == irreversible)
            .map(told)
            .collect()
    };
    let sections = [
        (
            0,
            "Can't be carried out like this",
            changes.obstacles.iter().map(told).collect(),
        ),
        (1, "Can't be undone", warnings(true)),
        (2, "Mind", warnings(false)),
        (FILES, "What changes", files(changes, markup)),
        (3, "What to do, in this order, as root", steps(changes, markup)),
        (
            5,
            "Remove there when nothing reads it any more: install.sh leaves it",
            by_path(&changes.deletions, markup),
        ),
        (
            6,
            "Needs no more than a copy: ./install.sh there, at any time",
            by_path(&changes.copies, markup),
        ),
    ]
    .into_iter()
    .filter(|(rank, _, items)| !items.is_empty() && (with_files || *rank != FILES))
    .map(|(rank, heading, items)| Listing {
        heading: heading.to_owned(),
        rank,
        items,
    })
    .collect();
    fit(&title, sections, limit.unwrap_or(usize::MAX), markup)
}

/// The rank of what changes in each file.
const FILES: usize = 4;

fn bullet(markup: Markup) -> &'static str {
    match markup {
        Markup::Plain => "  !",
        Markup::Markdown => "-",
    }
}

/// Room for `  and 1000000 more` and a heading.
const RESERVE: usize = 120;

/// As much of each section as there is room for, the most important first.
fn fit(title: &str, sections: Vec<Listing>, limit: usize, markup: Markup) -> String {
    let mut room = limit.saturating_sub(title.len() + 2);
    let mut shown: BTreeMap<usize, usize> = BTreeMap::new();
    let mut by_rank: Vec<&Listing> = sections.iter().collect();
    by_rank.sort_by_key(|section| section.rank);
    let mut left: usize = by_rank.len() * RESERVE;
    for section in by_rank {
        let mut taken = 0;
        for item in &section.items {
            if item.len() + 1 + left > room {
                break;
            }
            room -= item.len() + 1;
            taken += 1;
        }
        left -= RESERVE;
        room = room.saturating_sub(RESERVE);
        shown.insert(section.rank, taken);
    }
    let mut text = format!("{title}\n");
    for section in &sections {
        let taken = shown.get(&section.rank).copied().unwrap_or(0);
        text.push_str(&format!("\n{}\n", markup.heading(&section.heading)));
        for item in section.items.iter().take(taken) {
            text.push_str(item);
            text.push('\n');
        }
        if taken < section.items.len() {
            let more = section.items.len() - taken;
            text.push_str(&match markup {
                Markup::Plain => format!("  and {more} more\n"),
                Markup::Markdown => format!("- and {more} more\n"),
            });
        }
    }
    // A limit below any use still holds.
    if text.len() > limit {
        let mut end = limit;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

const HOSTS_SHOWN: usize = 6;

fn hosts(names: &[String], markup: Markup) -> String {
    let shown: Vec<String> = names.iter().take(HOSTS_SHOWN).map(|name| markup.code(name)).collect();
    match names.len().saturating_sub(HOSTS_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The same change of the same file on several hosts is one item.
fn files(changes: &Changes, markup: Markup) -> Vec<String> {
    let mut groups: Vec<(&FileChange, Fate, Vec<String>)> = Vec::new();
    let mut known: BTreeMap<(Fate, &str, &str, Fate, &[String]), usize> = BTreeMap::new();
    for host in &changes.hosts {
        for file in &host.files {
            let key = (
                host.fate,
                file.path.as_str(),
                file.what.as_str(),
                file.fate,
                file.details.as_slice(),
            );
            let index = *known.entry(key).or_insert_with(|| {
                groups.push((file, host.fate, Vec::new()));
                groups.len() - 1
            });
            groups[index].2.push(host.host.clone());
        }
    }
    let mut items: Vec<String> = changes
        .hosts
        .iter()
        .filter(|host| host.fate != Fate::Changed)
        .map(|host| {
            let name = markup.code(&host.host);
            match (markup, host.fate) {
                (Markup::Plain, Fate::Added) => format!("  + {name}: a new host, {} files", host.files.len()),
                (Markup::Plain, _) => format!("  - {name}: no longer a host"),
                (_, Fate::Added) => format!("- {name}: a new host, {} files", host.files.len()),
                _ => format!("- {name}: no longer a host"),
            }
        })
        .collect();
    for (file, host_fate, names) in groups {
        // Of a host that goes, each file goes.
        if host_fate == Fate::Removed {
            continue;
        }
        let sign = match file.fate {
            Fate::Added => "+",
            Fate::Changed => "~",
            Fate::Removed => "-",
        };
        let head = format!("{}: {} {}", hosts(&names, markup), markup.code(&file.path), file.what);
        let mut item = match markup {
            Markup::Plain => format!("  {sign} {head}"),
            Markup::Markdown => format!("- {} {head}", file.fate.name()),
        };
        for detail in &file.details {
            item.push_str(&match markup {
                Markup::Plain => format!("\n      {detail}"),
                Markup::Markdown => format!("\n  - {}", markup.code(detail)),
            });
        }
        items.push(item);
    }
    items
}

/// What a line of a plain text begins with that has hosts and their commands.
const COMMANDS: &str = "       ";

/// Whether a line of a plain text has commands, which somebody copies.
pub fn has_commands(line: &str) -> bool {
    line.starts_with(COMMANDS)
}

/// Steps of one stage that are the same on several hosts are one item, with the hosts in their order.
fn steps(changes: &Changes, markup: Markup) -> Vec<String> {
    let mut groups: Vec<(&Step, Vec<String>)> = Vec::new();
    for step in &changes.steps {
        let is_same = |other: &Step| {
            (other.stage, &other.environment, &other.actions) == (step.stage, &step.environment, &step.actions)
        };
        // Where steps build on each other, none goes to an earlier one.
        let from = if step.stage.is_in_order() {
            groups.len().saturating_sub(1)
        } else {
            0
        };
        match groups[from..].iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, hosts)) => hosts.push(step.host.clone()),
            None => groups.push((step, vec![step.host.clone()])),
        }
    }
    let mut items = Vec::new();
    let mut stage = None;
    let mut number = 0;
    for (step, names) in groups {
        let of = step.stage;
        let mut item = String::new();
        if stage != Some(of) {
            stage = Some(of);
            number += 1;
            item.push_str(&match markup {
                Markup::Plain => format!("  {number}. {}\n", of.title()),
                Markup::Markdown => format!("{number}. {}\n", of.title()),
            });
        }
        let exports = step
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={}", quoted(value)));
        let exports: Vec<String> = exports.collect();
        let exported = (!exports.is_empty()).then(|| format!("export {}", exports.join(" ")));
        let actions = step.actions.iter().map(|action| match action {
            Action::Until(command) | Action::Drain { command, .. } => {
                Told::Command(format!("until {command}; do sleep 1; done"))
            }
            action if action.kind() == BY_HAND => Told::ByHand(action.text()),
            action => Told::Command(action.text()),
        });
        let told: Vec<Told> = exported.into_iter().map(Told::Command).chain(actions).collect();
        let names = hosts(&names, markup);
        item.push_str(&match markup {
            Markup::Plain => format!("{COMMANDS}{names}: {}", lines(&told).join(&format!("\n{COMMANDS}    "))),
            Markup::Markdown => {
                let told = told.iter().map(|told| match told {
                    Told::Command(command) => markup.code(command),
                    Told::ByHand(words) => words.clone(),
                });
                let told: Vec<String> = told.collect();
                format!("   - {names}: {}", printable(&told.join("; ")))
            }
        });
        items.push(item);
    }
    items
}

/// What is done on a host.
enum Told {
    /// As a shell takes it.
    Command(String),
    /// In words.
    ByHand(String),
}

/// Commands that follow each other in one line, as a shell takes them; what no command does in a line of its own.
fn lines(told: &[Told]) -> Vec<String> {
    let is_command = |told: &Told| matches!(told, Told::Command(_));
    let groups = told.chunk_by(|one, next| is_command(one) && is_command(next));
    let line = |group: &[Told]| {
        let texts = group.iter().map(|told| match told {
            Told::Command(command) => command.clone(),
            Told::ByHand(words) => format!("by hand: {words}"),
        });
        printable(&texts.collect::<Vec<_>>().join("; "))
    };
    groups.map(line).collect()
}

fn by_path(files: &[(String, String)], markup: Markup) -> Vec<String> {
    let mut by_path: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (host, path) in files {
        by_path.entry(path).or_default().push(host.clone());
    }
    by_path
        .into_iter()
        .map(|(path, names)| match markup {
            Markup::Plain => format!("  {}: {path}", hosts(&names, markup)),
            Markup::Markdown => format!("- {}: {}", hosts(&names, markup), markup.code(path)),
        })
        .collect()
}

/// All of it as a document; its lists are empty where nothing changed.
pub fn to_json(changes: &Changes) -> Value {
    let hosts: Vec<Value> = changes
        .hosts
        .iter()
        .map(|host| {
            let files: Vec<Value> = host
                .files
                .iter()
                .map(|file| {
                    json!({
                        "path": file.path,
                        "change": file.fate.name(),
                        "what": file.what,
                        "details": file.details,
                        "cosmetic": file.cosmetic,
                    })
                })
                .collect();
            json!({"host": host.host, "change": host.fate.name(), "files": files})
        })
        .collect();
    let steps: Vec<Value> = changes
        .steps
        .iter()
        .map(|step| {
            let actions = step.actions.iter().map(|action| match action.kind() {
                kind @ BY_HAND => json!({"do": kind, "text": action.text()}),
                kind => json!({"do": kind, "command": action.text()}),
            });
            let environment = step
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)));
            json!({
                "stage": step.stage.name(),
                "host": step.host,
                "environment": environment.collect::<Map<_, _>>(),
                "actions": actions.collect::<Vec<_>>(),
            })
        })
        .collect();
    let places = |files: &[(String, String)]| -> Vec<Value> {
        files
            .iter()
            .map(|(host, path)| json!({"host": host, "path": path}))
            .collect()
    };
    let (copies, deletions) = (places(&changes.copies), places(&changes.deletions));
    let obstacles = changes.obstacles.iter();
    let obstacles: Vec<Value> = obstacles
        .map(|obstacle| json!({"message": obstacle.message, "hosts": obstacle.hosts}))
        .collect();
    let warnings: Vec<Value> = changes
        .warnings
        .iter()
        .map(
            |warning| json!({"irreversible": warning.irreversible, "message": warning.message, "hosts": warning.hosts}),
        )
        .collect();
    JsonKind::Changes.document([
        ("hosts", hosts.into()),
        ("obstacles", obstacles.into()),
        ("steps", steps.into()),
        ("copies", copies.into()),
        ("deletions", deletions.into()),
        ("warnings", warnings.into()),
    ])
}
