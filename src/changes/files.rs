//! What became of each host and of each of its files.

use std::collections::{BTreeMap, BTreeSet};

use super::differences::{differences, summary};
use super::meaning::{Meaning, is_secret, is_secret_in_copy, meaning};
use super::sides::{KeysKnown, Pair};
use super::strangers::Strangers;
use crate::audit::started::command_of_unit;
use crate::audit::unit::CommandLine;
use crate::found::{File, FoundHost, FoundNode, FoundNodes, printable};
use crate::manifest::{MANIFEST, SHA256SUMS, STATE};

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

/// What became of a host; none if nothing differs.
pub(super) fn host_change(pair: &Pair<'_>, known: KeysKnown) -> Option<HostChange> {
    let files = files_of(pair, known);
    let fate = Fate::of(&pair.old, &pair.new);
    (fate != Fate::Changed || !files.is_empty()).then(|| HostChange {
        host: printable(pair.name),
        fate,
        files,
    })
}

/// A host before or after.
struct Side<'a> {
    host: Option<&'a FoundHost>,
    is_closed_copy: bool,
}

impl<'a> Side<'a> {
    fn of(host: Option<&'a FoundHost>) -> Side<'a> {
        Side {
            host,
            is_closed_copy: host.is_some_and(FoundHost::is_closed_copy),
        }
    }

    fn is_secret(&self, path: &str, file: Option<&File>, other: Option<&File>) -> bool {
        file.is_some_and(|file| match self.is_closed_copy {
            true => is_secret_in_copy(path, file, other),
            false => is_secret(file),
        })
    }

    /// What a unit starts whose variables stand in files of their own, where nobody is kept from reading any of them.
    fn started(&self, path: &str, file: &File) -> Option<CommandLine> {
        let host = self.host.filter(|_| path.ends_with(".service"))?;
        file.text().filter(|text| text.contains("EnvironmentFile="))?;
        let command = command_of_unit(host, path)?;
        let is_shown = |path: &&str| {
            let file = host.files.get(*path);
            self.is_closed_copy || !file.is_some_and(is_secret)
        };
        command.more.iter().all(is_shown).then_some(command.line)
    }
}

/// What lists or carries the rest, and says nothing of its own.
const DERIVED: [&str; 3] = [MANIFEST, SHA256SUMS, STATE];

fn files_of(pair: &Pair<'_>, known: KeysKnown) -> Vec<FileChange> {
    let empty = BTreeMap::new();
    let old = pair.old.map_or(&empty, |host| &host.files);
    let new = pair.new.map_or(&empty, |host| &host.files);
    let sides = [pair.old, pair.new].map(Side::of);
    let strangers = Strangers::of(pair);
    let is_stranger = |path: &str| strangers.as_ref().is_some_and(|strangers| strangers.own(path));
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let paths = paths
        .into_iter()
        .filter(|path| new.contains_key(*path) || !is_stranger(path));
    let mut changes: Vec<FileChange> = paths
        .filter_map(|path| {
            let (before, after) = (old.get(path), new.get(path));
            let modes_tell = !sides.iter().any(|side| side.is_closed_copy);
            if let (Some(before), Some(after)) = (before, after)
                && before.content == after.content
                && (before.mode == after.mode || before.mode.is_none() || after.mode.is_none() || !modes_tell)
            {
                return None;
            }
            // Of what is secret on one side, nothing is shown on either.
            let [old_side, new_side] = &sides;
            let secret = old_side.is_secret(path, before, after) || new_side.is_secret(path, after, before);
            let meaning = |side: &Side<'_>, file: Option<&File>| {
                let started = file.and_then(|file| side.started(path, file));
                Some(meaning(path, file?, secret, known, started.as_ref()))
            };
            let (mut before, mut after) = (meaning(old_side, before), meaning(new_side, after));
            // A mode that one side does not keep can't be compared.
            if let (Some(one), Some(other)) = (&mut before, &mut after) {
                let has = |side: &Meaning| side.facts.iter().any(|(label, _)| label == "mode");
                if !(has(one) && has(other) && modes_tell) {
                    one.facts.retain(|(label, _)| label != "mode");
                    other.facts.retain(|(label, _)| label != "mode");
                }
            }
            change(path, before, after, known)
        })
        .collect();
    changes.extend(folders(pair));
    // On a machine there is nothing beside the files, and nothing says what it is about to do.
    if [pair.old, pair.new].into_iter().flatten().all(FoundHost::is_bundle) {
        changes.extend(state(pair));
        changes.extend(beside(pair));
    }
    changes
}

/// What a host is about to do in the cluster: no program reads it, and steps follow from it.
fn state(pair: &Pair<'_>) -> Option<FileChange> {
    let (before, after) = (&pair.old?.about, &pair.new?.about);
    // That a cluster runs by now is the same for all hosts, and stands in what etcd is started with.
    let changed = before.state != after.state && (before.comes_or_goes() || after.comes_or_goes());
    let (before, after) = (&before.state, &after.state);
    changed.then(|| FileChange {
        path: MANIFEST.to_owned(),
        fate: Fate::Changed,
        what: "what the host is about to do".to_owned(),
        details: vec![printable(&format!("state {before} -> {after}"))],
        cosmetic: false,
    })
}

/// Folders that are there before and after, with another mode.
fn folders(pair: &Pair<'_>) -> Vec<FileChange> {
    let (Some(old), Some(new)) = (pair.old, pair.new) else {
        return Vec::new();
    };
    if !(old.is_bundle() && new.is_bundle()) {
        return Vec::new();
    }
    let changed = new.folders.iter().filter_map(|(path, after)| {
        let (before, after) = (old.folders.get(path).copied().flatten()?, (*after)?);
        (before != after).then(|| FileChange {
            path: printable(&format!("{path}/")),
            fate: Fate::Changed,
            what: "folder".to_owned(),
            details: vec![format!("mode {before:04o} -> {after:04o}")],
            cosmetic: false,
        })
    });
    changed.collect()
}

fn change(path: &str, before: Option<Meaning>, after: Option<Meaning>, known: KeysKnown) -> Option<FileChange> {
    let fate = Fate::of(&before, &after);
    let what = after.as_ref().or(before.as_ref()).map_or("", |side| side.what.as_str());
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
    if cosmetic && known == KeysKnown::WithoutSeed {
        return None;
    }
    Some(FileChange {
        path: printable(path),
        fate,
        what: printable(what),
        details: match cosmetic {
            true => vec!["only comments or layout".to_owned()],
            false => details.iter().map(|detail| printable(detail)).collect(),
        },
        cosmetic,
    })
}

/// Instructions and the installer: that they changed is worth a look, each line of them isn't.
fn beside(pair: &Pair<'_>) -> Vec<FileChange> {
    let empty = FoundNodes::new();
    let old = pair.old.map_or(&empty, |host| &host.beside);
    let new = pair.new.map_or(&empty, |host| &host.beside);
    if pair.old.is_none() || pair.new.is_none() {
        return Vec::new();
    }
    let digest = |node: Option<&FoundNode>| node.and_then(FoundNode::sha256);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| !DERIVED.contains(&name.as_str()))
        .filter(|name| digest(old.get(*name)) != digest(new.get(*name)))
        .map(|name| FileChange {
            path: printable(name),
            fate: Fate::of(&old.get(name), &new.get(name)),
            what: "beside the tree".to_owned(),
            details: Vec::new(),
            cosmetic: true,
        })
        .collect()
}
