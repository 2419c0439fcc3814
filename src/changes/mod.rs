//! Two bundles as found -> what differs in meaning, what has to be done about it, in which order, and what can't be undone.
//!
//! Bytes are compared by what they say ([`facts`]): a certificate by its names and dates, a unit by its flags. Pure; nothing
//! of a secret is in what comes out.

mod facts;
mod report;
mod sides;
mod steps;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

use crate::found::{Found, Host, Node, Nodes, printable};
use facts::{Fact, is_secret, said};

pub use report::{render_markdown, render_text, to_json};
pub use sides::{Keys, Known, keep_hosts_of, leave_out_elsewhere};
pub use steps::{Action, Stage, Step};
pub use warnings::Warning;

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Added,
    Changed,
    Removed,
}

impl Fate {
    pub fn name(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Changed => "changed",
            Fate::Removed => "removed",
        }
    }

    fn of<T>(old: &Option<T>, new: &Option<T>) -> Fate {
        match (old, new) {
            (None, _) => Fate::Added,
            (_, None) => Fate::Removed,
            _ => Fate::Changed,
        }
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path on the host; of a file beside its tree, the name alone.
    pub path: String,
    pub fate: Fate,
    /// What it is, in a few words.
    pub what: String,
    /// `+ SAN 10.0.0.9`, `--initial-cluster + master3=…`.
    pub details: Vec<String>,
    /// Whether a program that reads it would see no difference.
    pub cosmetic: bool,
}

/// What became of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostChange {
    pub host: String,
    pub fate: Fate,
    pub files: Vec<FileChange>,
}

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Hosts with a difference, by name.
    pub hosts: Vec<HostChange>,
    /// What has to be done, in a safe order.
    pub steps: Vec<Step>,
    /// Files that only have to be copied: host and path.
    pub copies: Vec<(String, String)>,
    /// Files that are no longer in the bundle and stay on the host until somebody removes them: host and path.
    pub deletions: Vec<(String, String)>,
    pub warnings: Vec<Warning>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }
}

/// A host before and after.
struct Pair<'a> {
    name: &'a str,
    old: Option<&'a Host>,
    new: Option<&'a Host>,
}

/// What differs between `old` and `new`.
pub fn compare(old: &Found, new: &Found, known: Known) -> Changes {
    let pairs = pairs(old, new);
    let changed: Vec<(&Pair<'_>, HostChange)> = pairs
        .iter()
        .filter_map(|pair| Some((pair, host_change(pair, known)?)))
        .collect();
    let (steps, copies) = steps::steps(&changed);
    let warnings = warnings::warnings(&pairs, known);
    let hosts: Vec<HostChange> = changed.into_iter().map(|(_, change)| change).collect();
    let of_changed = hosts.iter().filter(|host| host.fate == Fate::Changed);
    let removed = of_changed.flat_map(|host| host.files.iter().map(move |file| (host, file)));
    let deletions = removed
        .filter(|(_, file)| file.fate == Fate::Removed && file.path.starts_with('/'))
        .map(|(host, file)| (host.host.clone(), file.path.clone()))
        .collect();
    Changes {
        deletions,
        hosts,
        steps,
        copies,
        warnings,
    }
}

/// What became of a host; none if nothing differs.
fn host_change(pair: &Pair<'_>, known: Known) -> Option<HostChange> {
    let files = files_of(pair, known);
    let fate = Fate::of(&pair.old, &pair.new);
    (fate != Fate::Changed || !files.is_empty()).then(|| HostChange {
        host: printable(pair.name),
        fate,
        files,
    })
}

/// Hosts of both sides by name. Where each side is one host, they are the same one, whatever their folders are called; of a
/// fleet's part that can't be told.
fn pairs<'a>(old: &'a Found, new: &'a Found) -> Vec<Pair<'a>> {
    if let ([before], [after], None, None) = (old.hosts.as_slice(), new.hosts.as_slice(), &old.part, &new.part) {
        return vec![Pair {
            name: &after.name,
            old: Some(before),
            new: Some(after),
        }];
    }
    let by_name = |found: &'a Found| -> BTreeMap<&'a str, &'a Host> {
        found.hosts.iter().map(|host| (host.name.as_str(), host)).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    names
        .into_iter()
        .map(|name| Pair {
            name,
            old: old.get(name).copied(),
            new: new.get(name).copied(),
        })
        .collect()
}

/// What lists or carries the rest, and says nothing of its own.
const DERIVED: [&str; 3] = [
    crate::manifest::MANIFEST,
    crate::manifest::SHA256SUMS,
    crate::manifest::STATE,
];

fn files_of(pair: &Pair<'_>, known: Known) -> Vec<FileChange> {
    let empty = BTreeMap::new();
    let old = pair.old.map_or(&empty, |host| &host.files);
    let new = pair.new.map_or(&empty, |host| &host.files);
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut changes: Vec<FileChange> = paths
        .into_iter()
        .filter_map(|path| {
            let (before, after) = (old.get(path), new.get(path));
            if let (Some(before), Some(after)) = (before, after)
                && before.content == after.content
                && (before.mode == after.mode || before.mode.is_none() || after.mode.is_none())
            {
                return None;
            }
            // Of what is secret on one side, nothing is shown on either.
            let secret = before.into_iter().chain(after).any(is_secret);
            let mut before = before.map(|file| said(path, file, secret, known));
            let mut after = after.map(|file| said(path, file, secret, known));
            // A mode that one side does not keep can't be compared.
            if let (Some(one), Some(other)) = (&mut before, &mut after) {
                let has = |side: &facts::Said| side.facts.iter().any(|(label, _)| label == "mode");
                if !(has(one) && has(other)) {
                    one.facts.retain(|(label, _)| label != "mode");
                    other.facts.retain(|(label, _)| label != "mode");
                }
            }
            change(path, before, after, known)
        })
        .collect();
    changes.extend(folders(pair));
    changes.extend(beside(pair));
    changes
}

/// Folders that are there before and after, with another mode.
fn folders(pair: &Pair<'_>) -> Vec<FileChange> {
    let (Some(old), Some(new)) = (pair.old, pair.new) else {
        return Vec::new();
    };
    let changed = new.all.iter().filter_map(|(path, node)| {
        let on_host = path.strip_prefix("rootfs/")?;
        let (Some(Node::Directory { mode: Some(before) }), Node::Directory { mode: Some(after) }) =
            (old.all.get(path), node)
        else {
            return None;
        };
        (before != after).then(|| FileChange {
            path: printable(&format!("/{on_host}/")),
            fate: Fate::Changed,
            what: "folder".to_owned(),
            details: vec![format!("mode {before:04o} -> {after:04o}")],
            cosmetic: false,
        })
    });
    changed.collect()
}

fn change(path: &str, before: Option<facts::Said>, after: Option<facts::Said>, known: Known) -> Option<FileChange> {
    let fate = Fate::of(&before, &after);
    let what = after
        .as_ref()
        .or(before.as_ref())
        .map(|said| said.what.clone())
        .unwrap_or_default();
    let details = match (&before, &after) {
        // What can be read on one side alone has nothing to be compared with.
        (Some(before), Some(after)) if before.is_opaque() != after.is_opaque() => {
            vec![format!("was a {}, and is a {}", before.what, after.what)]
        }
        (Some(before), Some(after)) => differences(&before.facts, &after.facts),
        (None, Some(after)) => summary(&after.facts),
        (_, None) => Vec::new(),
    };
    let cosmetic = fate == Fate::Changed && details.is_empty();
    if cosmetic && known == Known::WithoutSeed {
        return None;
    }
    Some(FileChange {
        path: printable(path),
        fate,
        what: printable(&what),
        details: match cosmetic {
            true => vec!["only comments or layout".to_owned()],
            false => details.iter().map(|detail| printable(detail)).collect(),
        },
        cosmetic,
    })
}

/// Instructions and the installer: that they changed is worth a look, each line of them isn't.
fn beside(pair: &Pair<'_>) -> Vec<FileChange> {
    let empty = Nodes::new();
    let old = pair.old.map_or(&empty, |host| &host.beside);
    let new = pair.new.map_or(&empty, |host| &host.beside);
    if pair.old.is_none() || pair.new.is_none() {
        return Vec::new();
    }
    let is_file = |node: Option<&Node>| matches!(node, Some(Node::File { .. }));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| !DERIVED.contains(&name.as_str()))
        .filter(|name| is_file(old.get(*name)) || is_file(new.get(*name)))
        .filter(|name| content(old.get(*name)) != content(new.get(*name)))
        .map(|name| FileChange {
            path: printable(name),
            fate: Fate::of(&old.get(name), &new.get(name)),
            what: "beside the tree".to_owned(),
            details: Vec::new(),
            cosmetic: true,
        })
        .collect()
}

fn content(node: Option<&Node>) -> Option<&[u8]> {
    match node {
        Some(Node::File { content, .. }) => Some(content.expose()),
        _ => None,
    }
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}

/// What is worth saying of a file that was not there before.
fn summary(facts: &[(String, Fact)]) -> Vec<String> {
    facts
        .iter()
        .filter_map(|(label, fact)| match fact {
            Fact::Key(fingerprint) => Some(format!("{label} sha256:{}", short(fingerprint))),
            Fact::List(items) if label.ends_with("SAN") && !items.is_empty() => {
                Some(format!("{label} {}", items.join(", ")))
            }
            Fact::Value(text) if label.ends_with("not after") => Some(format!("{label} {text}")),
            _ => None,
        })
        .collect()
}

/// Each difference between two lists of facts, in words.
fn differences(old: &[(String, Fact)], new: &[(String, Fact)]) -> Vec<String> {
    let (before, after) = (by_label(old), by_label(new));
    let gone = old.iter().filter(|(label, _)| !after.contains_key(label.as_str()));
    let labels = new.iter().chain(gone).map(|(label, _)| label.as_str());
    let mut details = Vec::new();
    let mut marks = Vec::new();
    for label in labels {
        match (before.get(label).copied(), after.get(label).copied()) {
            (Some(before), Some(after)) if before == after => {
                // Made from a seed that stands in, a key is a mark, which is the same or is not.
                if matches!(after, Fact::Key(_)) || matches!(after, Fact::Mark(_)) && label.ends_with("key") {
                    marks.push(format!("same {label}"));
                }
            }
            (Some(Fact::Mark(_)), Some(Fact::Mark(_))) if label.ends_with("bytes") => {
                // Worth a word only where nothing else says that the certificate is another one.
                marks.push(label.replace("bytes", "signed again"));
            }
            (Some(Fact::Mark(_)), Some(Fact::Mark(_))) => marks.push(format!("new {label}")),
            (before, after) => details.extend(difference(label, before, after)),
        }
    }
    let changed = !details.is_empty() || marks.iter().any(|mark| !mark.starts_with("same "));
    if changed {
        let renewed = marks.iter().any(|mark| mark.starts_with("new "));
        // That a key stayed is news where its certificate did not; that it was signed again, where its number stayed.
        marks.retain(|mark| match mark.starts_with("same ") {
            true => renewed,
            false => !(renewed && mark.ends_with("signed again")),
        });
        if !marks.is_empty() {
            details.push(marks.join("; "));
        }
    }
    details
}

/// Of facts with one label the first counts.
fn by_label(facts: &[(String, Fact)]) -> BTreeMap<&str, &Fact> {
    facts.iter().rev().map(|(label, fact)| (label.as_str(), fact)).collect()
}

fn difference(label: &str, before: Option<&Fact>, after: Option<&Fact>) -> Vec<String> {
    let named = |sign: char, item: &str| match label {
        "" => format!("{sign} {item}"),
        "SAN" => format!("{sign} SAN {item}"),
        _ => format!("{label} {sign} {item}"),
    };
    match (before, after) {
        (Some(Fact::Value(before)), Some(Fact::Value(after))) => vec![format!("{label} {before} -> {after}")],
        (Some(Fact::Key(before)), Some(Fact::Key(after))) => {
            vec![format!(
                "new {label} sha256:{} -> sha256:{}",
                short(before),
                short(after)
            )]
        }
        (Some(Fact::Hidden(_)), Some(_)) | (Some(_), Some(Fact::Hidden(_))) => vec![format!("{label} changed")],
        (Some(Fact::Hidden(_)), None) => vec![format!("{label} removed")],
        (None, Some(Fact::Hidden(_))) => vec![format!("{label} added")],
        (Some(Fact::Mark(_)), None) | (None, Some(Fact::Mark(_))) => Vec::new(),
        (before, after) => {
            let (old, new) = (items(before), items(after));
            let removed = without(&old, &new).map(|item| named('-', item));
            let added = without(&new, &old).map(|item| named('+', item));
            let changed: Vec<String> = removed.chain(added).collect();
            match changed.is_empty() && old != new {
                true => vec![format!("{label} in another order").trim_start().to_owned()],
                false => changed,
            }
        }
    }
}

fn items(fact: Option<&Fact>) -> Vec<&str> {
    match fact {
        Some(Fact::List(items) | Fact::Lines(items)) => items.iter().map(String::as_str).collect(),
        Some(Fact::Value(text)) => vec![text],
        Some(Fact::Key(fingerprint)) => vec![short(fingerprint)],
        Some(Fact::Hidden(_) | Fact::Mark(_)) | None => Vec::new(),
    }
}

/// The items of `list` that are not in `other`, each as often as it is more often there.
fn without<'a>(list: &'a [&'a str], other: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for item in other {
        *left.entry(item).or_default() += 1;
    }
    list.iter()
        .filter(move |item| match left.get_mut(**item) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .copied()
}
