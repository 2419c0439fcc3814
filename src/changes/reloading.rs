//! Which programs read by themselves what changed, and when they have.
//!
//! A unit goes without its restart where every text that names a changed file does so by a flag or a field of which the table of
//! [`reload`](crate::catalog::reload) says that the program looks again.

use std::collections::BTreeSet;

use super::calling::kubectl_on_the_spot;
use super::files::{Fate, HostChange};
use super::stage::{Action, Stage, Step, quoted};
use super::units::{UnitFiles, times_mentioned};
use super::versions::PRODUCTS;
use crate::audit::document::{self, Tree};
use crate::audit::unit::UnitFile;
use crate::catalog::reload::{Delay, NamedBy, Reload};
use crate::catalog::tables::reloads::RELOADS;
use crate::found::FoundHost;

/// What is read again on a host without a restart, and what shows that it was.
#[derive(Default)]
pub(super) struct PickedUp<'h> {
    units: Vec<UnitLeft<'h>>,
    /// After how long at the latest, and by which program, of what takes long.
    seconds: BTreeSet<(u16, &'static str)>,
    /// On which host a command shows it.
    shown: Vec<(&'h str, String)>,
}

/// A unit that is not restarted.
#[derive(Clone, Copy)]
pub(super) struct UnitLeft<'h> {
    /// The stage at which it would be.
    pub stage: Stage,
    pub host: &'h FoundHost,
    pub name: &'h str,
    /// After how long it has read what it reads soon.
    pub seconds: u16,
}

/// What takes longer is waited for once, when every host has its files: until then who calls has to be served as before.
const SOON: u16 = 10;

/// The rows of what changed for a unit, with the files; none where it has to be restarted.
pub(super) fn read_again<'h>(
    old: &FoundHost,
    new: &FoundHost,
    unit: &UnitFiles<'_>,
    reads: &BTreeSet<&'h str>,
    change: &HostChange,
) -> Option<Vec<(&'static Reload, &'h str)>> {
    let mut rows = Vec::new();
    for path in reads {
        let fate = change.files.iter().find(|file| file.path == *path)?.fate;
        let named = naming(new, unit, path)?;
        if fate != Fate::Changed || named.is_empty() {
            return None;
        }
        for by in named {
            let row = RELOADS
                .iter()
                .find(|row| row.program == unit.program && by.is(row.named_by))?;
            rows.push((row, *path));
        }
    }
    let is_known = |row: &Reload, host: &FoundHost| {
        let mut products = PRODUCTS.iter().filter(|product| product.of == row.of);
        products.any(|product| (product.version)(host).is_some_and(|version| version >= row.since))
    };
    let all = rows.iter().all(|(row, _)| is_known(row, old) && is_known(row, new));
    all.then_some(rows)
}

/// By what a text names a file.
enum Naming {
    /// A flag, and the switches of the same command.
    Flag(String, BTreeSet<String>),
    Field(Vec<String>, bool),
}

impl Naming {
    fn is(&self, by: NamedBy) -> bool {
        match (self, by) {
            (Naming::Flag(flag, _), NamedBy::Flag(name)) => flag == name,
            (Naming::Flag(flag, switches), NamedBy::FlagWith(name, switch)) => {
                flag == name && switches.contains(switch)
            }
            (Naming::Field(path, false), NamedBy::Setting(names)) => path == names,
            (Naming::Field(path, true), NamedBy::Kubeconfig(name)) => path.last().is_some_and(|field| field == name),
            _ => false,
        }
    }
}

/// All by which the texts that a unit reads name a file; none where one does in a way that can't be told.
fn naming(host: &FoundHost, unit: &UnitFiles<'_>, path: &str) -> Option<Vec<Naming>> {
    let mut all = Vec::new();
    for text_path in unit.naming(host, path) {
        let text = host.text(text_path)?;
        let mut explained = 0;
        if text_path.ends_with(".service") {
            for command in UnitFile::parse(text).ok()?.commands().ok()? {
                let on = |name: &&String| command.switch(name) == Some(true);
                let switches: BTreeSet<String> = command.flags.keys().filter(on).cloned().collect();
                for (flag, values) in &command.flags {
                    let times = values.iter().filter(|value| *value == path).count();
                    explained += times;
                    all.extend((times > 0).then(|| Naming::Flag(flag.clone(), switches.clone())));
                }
            }
        } else {
            for document in document::yaml(text).ok()? {
                let is_kubeconfig = document.kind() == "Config";
                fields(&document, path, &mut Vec::new(), &mut |names| {
                    explained += 1;
                    all.push(Naming::Field(names.to_vec(), is_kubeconfig));
                });
            }
        }
        // A variable, another command, a list that it is part of: nobody knows when that is read.
        if explained == 0 || explained != times_mentioned(text, path) {
            return None;
        }
    }
    Some(all)
}

/// The fields of a document that are this text, each by the names on the way.
fn fields(tree: &Tree, text: &str, way: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    match tree {
        Tree::Map(entries) => {
            for (name, entry) in entries {
                way.push(name.clone());
                fields(entry, text, way, found);
                way.pop();
            }
        }
        Tree::List(items) => items.iter().for_each(|item| fields(item, text, way, found)),
        scalar => {
            if scalar.text() == Some(text) {
                found(way);
            }
        }
    }
}

impl<'h> PickedUp<'h> {
    pub fn add(&mut self, stage: Stage, host: &'h FoundHost, name: &'h str, rows: &[(&'static Reload, &str)]) {
        let mut soon = 0;
        for (row, path) in rows {
            match row.within {
                Delay::EachUse => {}
                Delay::Seconds(seconds) if seconds <= SOON => soon = soon.max(seconds),
                Delay::Seconds(seconds) => {
                    self.seconds.insert((seconds, row.program));
                }
                Delay::Shown(seconds, command) => match kubectl_on_the_spot(host) {
                    Some(kubectl) => {
                        let command = command.replace("{kubectl}", &kubectl).replace("{file}", &quoted(path));
                        self.shown.push((&host.name, command));
                    }
                    None => {
                        self.seconds.insert((seconds, row.program));
                    }
                },
            }
        }
        self.units.push(UnitLeft {
            stage,
            host,
            name,
            seconds: soon,
        });
    }

    pub fn units(&self) -> impl Iterator<Item = UnitLeft<'h>> {
        self.units.iter().copied()
    }

    /// What is done at the end, when everybody has his files: what can be seen is looked at, and for the rest one waits, once for all.
    pub fn steps(self) -> Vec<Step> {
        let shown = self.shown.into_iter();
        let looked_at = shown.map(|(host, command)| Step::new(Stage::PickingUp, host, vec![Action::Until(command)]));
        let programs: BTreeSet<&str> = self.seconds.iter().map(|(_, program)| *program).collect();
        let programs = programs.into_iter().collect::<Vec<_>>().join(", ");
        let longest = self.seconds.last().map(|(seconds, _)| *seconds);
        let waited = longest.zip(self.units.last()).map(|(seconds, UnitLeft { host, .. })| {
            Step::new(Stage::PickingUp, &host.name, vec![Action::Wait { seconds, programs }])
        });
        looked_at.chain(waited).collect()
    }
}
