//! What lies between two releases of Kubernetes: what the programs take no longer, what they take anew, and what is to be done before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::{Change, Program, Version};
use super::flags;
use super::releases::{as_json, before_release};
use super::tables::components::COMPONENTS;
use super::tables::releases::CHANGES;
use super::upgrade::Before;
use super::upgrades::before;
use crate::json_document::JsonKind;

/// What differs between two releases of Kubernetes, the older first.
#[derive(Debug)]
pub struct Between {
    pub from: Version,
    pub to: Version,
    /// What bundles have otherwise.
    in_bundles: Vec<&'static Change>,
    before: Vec<&'static Before>,
    gone: Names,
    new: Names,
    /// Flags that are taken, and warned of, and were not warned of before: program and flag.
    deprecated: Vec<(&'static str, &'static str)>,
    /// Feature gates that can't be set otherwise any more, and to what they are locked.
    locked: Vec<(&'static str, bool)>,
    /// Feature gates that nobody has to set any more, or that somebody has to: what they are by default.
    by_default: Vec<(&'static str, bool)>,
}

/// What one of two releases knows, and the other does not.
#[derive(Debug, Default)]
struct Names {
    /// Program and flag.
    flags: Vec<(&'static str, &'static str)>,
    /// Kinds of configuration files, each with its version.
    kinds: Vec<&'static str>,
    /// Kind and dotted path, of the kinds that both know.
    fields: Vec<(&'static str, &'static str)>,
    gates: Vec<&'static str>,
}

impl Between {
    /// None where `to` is not newer than `from`.
    pub fn of(from: Version, to: Version) -> Option<Between> {
        if to <= from {
            return None;
        }
        let is_between =
            |change: &&Change| change.of == Program::Kubernetes && from < change.since && change.since <= to;
        let both = |name: &&&'static str| flags::gate_names(from.minor).any(|other| other == **name);
        let gates: Vec<&'static str> = flags::gate_names(to.minor).collect();
        let state = |name, minor: u16| flags::gate_default(name, minor).unwrap_or_default();
        let is_on = |state: &str| state.ends_with("on");
        let stays = || gates.iter().filter(both).copied();
        let locked = stays().filter(|name| {
            state(name, to.minor).starts_with("locked") && !state(name, from.minor).starts_with("locked")
        });
        let by_default = stays().filter(|name| is_on(state(name, from.minor)) != is_on(state(name, to.minor)));
        let now = |name: &'static str| (name, is_on(state(name, to.minor)));
        Some(Between {
            from,
            to,
            in_bundles: CHANGES.iter().filter(is_between).collect(),
            before: before(Program::Kubernetes, from, to).collect(),
            gone: Names::known_to(from, to),
            new: Names::known_to(to, from),
            deprecated: deprecated(from, to),
            locked: locked.map(now).collect(),
            by_default: by_default.map(now).collect(),
        })
    }

    /// As a document for programs.
    pub fn to_json(&self) -> Value {
        let gates = |gates: &[(&str, bool)]| -> Vec<Value> {
            let gates = gates.iter();
            gates.map(|(gate, on)| json!({"gate": gate, "on": on})).collect()
        };
        let in_bundles = self.in_bundles.iter().map(|change| as_json(change));
        let before = self.before.iter().map(
            |row| json!({"release": row.to.to_string(), "program": row.run_by, "what": row.what, "source": row.source}),
        );
        JsonKind::Upgrade.document([
            ("from", self.from.to_string().into()),
            ("to", self.to.to_string().into()),
            ("known_from", known_from(self.to).into()),
            ("in_bundles", in_bundles.collect()),
            ("before", before.collect()),
            ("gone", self.gone.to_json()),
            ("deprecated", of_programs(&self.deprecated)),
            ("locked", gates(&self.locked).into()),
            ("by_default", gates(&self.by_default).into()),
            ("new", self.new.to_json()),
        ])
    }

    /// In words, below headings of which none is empty.
    pub fn to_text(&self) -> String {
        let known_from = known_from(self.to).map_or(String::new(), |known_from| {
            format!(", which is not released yet and known from {known_from}")
        });
        let mut text = format!("From Kubernetes {} to {}{known_from}\n", self.from, self.to);
        let is_one_step = self.to.minor == self.from.minor + 1;
        if !is_one_step {
            text.push_str("A cluster gets there one minor at a time: each is a build and a plan of its own.\n");
        }
        let mut part = |heading: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                text.push_str(&format!("\n{heading}\n"));
                lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
            }
        };
        let in_bundles = self.in_bundles.iter();
        part(
            "Bundles have",
            in_bundles
                .map(|change| {
                    let since = if is_one_step {
                        String::new()
                    } else {
                        format!("{}  ", change.since)
                    };
                    format!("{since}{} ({})", change.sets, change.why)
                })
                .collect(),
        );
        let before = self.before.iter();
        part(
            "To be looked after before",
            before
                .map(|row| format!("{} of {}: {} ({})", row.run_by, row.to, row.what, row.source))
                .collect(),
        );
        part(
            "Gone: a program that is given one does not start, or passes over it",
            self.gone.lines(),
        );
        let on = |gates: &[(&str, bool)]| -> Vec<String> {
            let is = |wanted: bool| -> Vec<&str> {
                let gates = gates.iter().filter(|(_, on)| *on == wanted);
                gates.map(|(gate, _)| *gate).collect()
            };
            let lines = [("on", is(true)), ("off", is(false))].into_iter();
            let lines = lines.filter(|(_, gates)| !gates.is_empty());
            lines
                .map(|(state, gates)| format!("{state}: {}", gates.join(", ")))
                .collect()
        };
        part("Feature gates that are locked", on(&self.locked));
        part("Feature gates with another default", on(&self.by_default));
        let deprecated = Names {
            flags: self.deprecated.clone(),
            ..Names::default()
        };
        part("Flags that are deprecated", deprecated.lines());
        part("New", self.new.lines());
        text
    }
}

impl Names {
    /// What one release knows and the other does not.
    fn known_to(one: Version, other: Version) -> Names {
        let of_kubernetes = COMPONENTS
            .iter()
            .filter(|component| component.program == Program::Kubernetes);
        let lacks = |known: Vec<&'static str>, others: Vec<&'static str>| {
            let others: BTreeSet<&str> = others.into_iter().collect();
            known.into_iter().filter(move |name| !others.contains(name))
        };
        let all = |of: &str, minor: u16| flags::flag_names(of, minor).collect();
        let flags = of_kubernetes.flat_map(|component| {
            let names = lacks(all(component.name, one.minor), all(component.name, other.minor));
            names.map(|name| (component.name, name))
        });
        let kinds = |minor: u16| -> Vec<&'static str> { flags::kinds(minor).collect() };
        let both: Vec<&'static str> = kinds(one.minor);
        let both = both.into_iter().filter(|kind| kinds(other.minor).contains(kind));
        let fields = both.flat_map(|kind| {
            let all = |minor| flags::field_names(kind, minor).collect();
            lacks(all(one.minor), all(other.minor)).map(move |path| (kind, path))
        });
        Names {
            flags: flags.collect(),
            kinds: lacks(kinds(one.minor), kinds(other.minor)).collect(),
            fields: fields.collect(),
            gates: lacks(
                flags::gate_names(one.minor).collect(),
                flags::gate_names(other.minor).collect(),
            )
            .collect(),
        }
    }

    /// One line for each program and kind, without what is below a field that is named.
    fn lines(&self) -> Vec<String> {
        let programs = grouped(&self.flags).into_iter().map(|(program, flags)| {
            let flags: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
            format!("{program} {}", flags.join(", "))
        });
        let kinds = self.kinds.iter().map(|kind| format!("{kind}, the whole kind"));
        let fields = grouped(&self.fields).into_iter().map(|(kind, paths)| {
            let is_below = |path: &str| paths.iter().any(|above| path.starts_with(&format!("{above}.")));
            let paths: Vec<&str> = paths.iter().copied().filter(|path| !is_below(path)).collect();
            format!("{kind} {}", paths.join(", "))
        });
        let gates = (!self.gates.is_empty()).then(|| format!("feature gates {}", self.gates.join(", ")));
        programs.chain(kinds).chain(fields).chain(gates).collect()
    }

    fn to_json(&self) -> Value {
        let fields = self.fields.iter();
        let fields: Vec<Value> = fields.map(|(kind, path)| json!({"kind": kind, "path": path})).collect();
        json!({"flags": of_programs(&self.flags), "kinds": self.kinds, "fields": fields, "feature_gates": self.gates})
    }
}

fn grouped(pairs: &[(&'static str, &'static str)]) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (of, name) in pairs {
        groups.entry(of).or_default().push(name);
    }
    groups
}

fn of_programs(flags: &[(&str, &str)]) -> Value {
    let flags = flags.iter();
    flags
        .map(|(program, flag)| json!({"program": program, "flag": flag}))
        .collect()
}

fn known_from(version: Version) -> Option<&'static str> {
    before_release(Program::Kubernetes, version)
}

fn deprecated(from: Version, to: Version) -> Vec<(&'static str, &'static str)> {
    let of_kubernetes = COMPONENTS
        .iter()
        .filter(|component| component.program == Program::Kubernetes);
    let is_warned_of = move |component: &str, name: &str| {
        flags::is_deprecated(component, name, to.minor) && !flags::is_deprecated(component, name, from.minor)
    };
    of_kubernetes
        .flat_map(|component| {
            let names = flags::flag_names(component.name, to.minor);
            let names = names.filter(move |name| is_warned_of(component.name, name));
            names.map(|name| (component.name, name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn kubernetes(minor: u16) -> Version {
        Version::new(1, minor)
    }

    /// Facts of the release notes.
    #[test]
    fn what_lies_between_two_releases_is_what_their_notes_say() {
        let between = Between::of(kubernetes(37), kubernetes(38)).expect("two releases");
        assert!(between.gone.gates.contains(&"SeparateTaintEvictionController"));
        assert!(between.locked.contains(&("PortForwardWebsockets", true)));
        assert!(between.by_default.contains(&("ShardedListAndWatch", true)));
        assert!(
            between.gone.flags.is_empty() && between.gone.kinds.is_empty(),
            "{:?}",
            between.gone
        );
        assert_eq!(between.before.len(), 2);
        let between = Between::of(kubernetes(23), kubernetes(24)).expect("two releases");
        assert!(between.gone.flags.contains(&("kubelet", "network-plugin")));
        assert_eq!(between.gone.kinds, ["Policy/v1alpha1", "Policy/v1beta1"]);
        let between = Between::of(kubernetes(28), kubernetes(29)).expect("two releases");
        assert!(
            between.deprecated.contains(&("kube-apiserver", "cloud-provider")),
            "{between:?}"
        );
    }

    /// What two steps take away, one step over both takes away too; what is new and gone in between is not told.
    #[test]
    fn several_releases_are_what_lies_between_each_of_them() {
        let of = |from, to| Between::of(kubernetes(from), kubernetes(to)).expect("two releases");
        let (first, second, both) = (of(22, 23), of(23, 24), of(22, 24));
        let known = |name: &str| flags::gate_names(22).any(|gate| gate == name);
        let steps = first
            .gone
            .gates
            .iter()
            .chain(second.gone.gates.iter().filter(|gate| known(gate)));
        assert_eq!(steps.collect::<BTreeSet<_>>(), both.gone.gates.iter().collect());
        assert!(Between::of(kubernetes(24), kubernetes(24)).is_none());
    }
}
