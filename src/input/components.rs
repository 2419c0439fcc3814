//! `[components.NAME]`: flags, settings and environment of the user's own, and whether they fit the component, the hosts and
//! each other.
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::components::{
    COMPONENTS, Component, Flag, Setting as GeneratedSetting, SettingValue, Unit, environment_path,
};
use crate::catalog::flags::{self, Known};
use crate::catalog::releases::Program;
use crate::catalog::safeguards::{PERMISSIVE_DEFAULTS, Part, SAFEGUARDS, WIRING, When};
use crate::cluster::{ComponentSettings, Nodes, Override, Overrides, OwnFlag, PlacedOn};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceFile, codes};
use crate::settings::{Table, Value as Setting};

use super::cluster_file::{Draft, DraftHost};
use super::tree::{At, Entry, Fields, Naming, Node, Value};
use super::{extra, suggest, tree};

const COMPONENT: &[&str] = &["flags", "config", "env", "on"];
const ON: &[&str] = &["flags", "config", "env"];

/// Deeper than any configuration is.
const DEEPEST: usize = 32;

/// What is set on a component as it is written, for all hosts or for some.
#[derive(Debug)]
pub struct DraftOverride {
    pub component: &'static Component,
    /// A role or the name of a host; none for all.
    pub on: Option<At<String>>,
    pub flags: Vec<(At<String>, OwnFlag)>,
    pub config: Table,
    /// The values of `config` that are no tables, by their path.
    pub leaves: Vec<(At<Vec<String>>, Setting)>,
    pub environment: Vec<(At<String>, String)>,
    /// Where `flags` and `config` stand, if they do.
    flags_place: Option<Place>,
    config_place: Option<Place>,
    place: Place,
}

/// Reads the section.
pub fn read(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<DraftOverride> {
    let mut overrides = Vec::new();
    for entry in top.map("components", diagnostics).unwrap_or_default() {
        let component = component(top.file(), entry, diagnostics);
        let Some(fields) = Fields::of(top.file(), &entry.node, COMPONENT, Naming::Exact, diagnostics) else {
            continue;
        };
        let Some(component) = component else { continue };
        let place = Place::new(top.file(), entry.key_span.clone());
        overrides.push(draft(component, None, &fields, place, diagnostics));
        for on in fields.map("on", diagnostics).unwrap_or_default() {
            if let Some(fields) = Fields::of(top.file(), &on.node, ON, Naming::Exact, diagnostics) {
                let place = Place::new(top.file(), on.key_span.clone());
                let name = At {
                    value: on.key.clone(),
                    place: Some(place.clone()),
                };
                overrides.push(draft(component, Some(name), &fields, place, diagnostics));
            }
        }
    }
    overrides
}

fn component(file: &Arc<SourceFile>, entry: &Entry, diagnostics: &mut Diagnostics) -> Option<&'static Component> {
    let component = Component::by_name(&entry.key);
    if component.is_none() {
        let names = || COMPONENTS.iter().map(|component| component.name);
        let hint = suggest::nearest(&entry.key, names()).map_or_else(
            || format!("the components are {}", suggest::listed(names())),
            |name| format!("did you mean `{name}`?"),
        );
        let message = format!("unknown component `{}`", entry.key);
        let place = Place::new(file, entry.key_span.clone());
        diagnostics.report(Diagnostic::new(codes::UNKNOWN_COMPONENT, message).at(place).hint(hint));
    }
    component
}

fn draft(
    component: &'static Component,
    on: Option<At<String>>,
    fields: &Fields<'_>,
    place: Place,
    diagnostics: &mut Diagnostics,
) -> DraftOverride {
    let file = fields.file();
    let mut draft = DraftOverride {
        component,
        on,
        flags: Vec::new(),
        config: Table::new(),
        leaves: Vec::new(),
        environment: Vec::new(),
        flags_place: fields.has("flags").then(|| fields.key_place("flags")),
        config_place: fields.has("config").then(|| fields.key_place("config")),
        place,
    };
    for entry in fields.map("flags", diagnostics).unwrap_or_default() {
        let name = flag_name(file, entry, diagnostics);
        let flag = flag_value(file, &entry.node, diagnostics);
        draft.flags.extend(name.zip(flag));
    }
    if let Some(node) = fields.get("config") {
        match &node.value {
            Value::Table(entries) => draft.config = table(file, entries, &[], &mut draft.leaves, diagnostics),
            _ => drop(tree::wrong_type::<()>(file, node, "a table", diagnostics)),
        }
    }
    for entry in fields.map("env", diagnostics).unwrap_or_default() {
        let name = variable_name(file, entry, diagnostics);
        let value = tree::text(file, &entry.node, diagnostics);
        draft.environment.extend(name.zip(value.map(|value| value.value)));
    }
    draft
}

fn flag_name(file: &Arc<SourceFile>, entry: &Entry, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let name = &entry.key;
    let place = Place::new(file, entry.key_span.clone());
    let is_sound = |name: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        name.chars().all(inner) && ends(name.chars().next()) && ends(name.chars().next_back())
    };
    if is_sound(name) {
        return Some(At {
            value: name.clone(),
            place: Some(place),
        });
    }
    let (bare, value) = name.trim_start_matches('-').split_once('=').unzip();
    let bare = bare.unwrap_or(name.trim_start_matches('-'));
    // Kubernetes' programs take an underscore for a hyphen.
    let meant = bare.to_ascii_lowercase().replace('_', "-");
    let mut diagnostic = Diagnostic::new(codes::BAD_FLAG, format!("\"{name}\" can't be the name of a flag")).at(place);
    if is_sound(&meant) {
        diagnostic = diagnostic.hint(match value {
            Some(value) => format!("write \"{meant}\" = \"{value}\""),
            None => format!("write `{meant}`"),
        });
    }
    diagnostics.report(diagnostic);
    None
}

/// A flag's value: a string, a number and true are given as text, false removes the flag, and a list gives it several times.
fn flag_value(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<OwnFlag> {
    const EXPECTED: &str = "a string, a number, true, false or a list of them";
    let mut one = |node: &Node| match &node.value {
        Value::Text(_) => tree::text(file, node, diagnostics).map(|text| text.value),
        Value::Integer(value) => Some(value.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Number => match float(file, node) {
            // As it is written, for whoever reads it has more ways than one to print it.
            Some(_) => file.text.get(node.span.clone()).map(|text| text.replace('_', "")),
            None => tree::wrong_type(file, node, EXPECTED, diagnostics),
        },
        _ => tree::wrong_type(file, node, EXPECTED, diagnostics),
    };
    match &node.value {
        Value::Boolean(false) => Some(OwnFlag::Removed),
        Value::List(list) if list.is_empty() => {
            let place = Place::new(file, node.span.clone());
            let message = "a list without values gives the flag no value";
            let hint = "write false to remove the flag, \"\" to give it an empty value";
            diagnostics.report(Diagnostic::new(codes::BAD_FLAG, message).at(place).hint(hint));
            None
        }
        Value::List(list) => {
            let values: Vec<Option<String>> = list.iter().map(one).collect();
            values.into_iter().collect::<Option<_>>().map(OwnFlag::Values)
        }
        _ => one(node).map(|value| OwnFlag::Values(vec![value])),
    }
}

/// The float at `node`, if it is one that JSON has too.
fn float(file: &SourceFile, node: &Node) -> Option<f64> {
    let text = file.text.get(node.span.clone())?.replace('_', "");
    // A number without a sign of a float is an integer that is too large.
    let is_float = text.contains(['.', 'e', 'E']);
    text.parse().ok().filter(|float: &f64| is_float && float.is_finite())
}

fn table(
    file: &Arc<SourceFile>,
    entries: &[Entry],
    above: &[String],
    leaves: &mut Vec<(At<Vec<String>>, Setting)>,
    diagnostics: &mut Diagnostics,
) -> Table {
    let mut table_here = Table::new();
    for entry in entries {
        let path = [above, std::slice::from_ref(&entry.key)].concat();
        if path.len() > DEEPEST {
            let place = Place::new(file, entry.key_span.clone());
            let message = format!("more than {DEEPEST} levels");
            diagnostics.report(Diagnostic::new(codes::TOO_DEEP, message).at(place));
            continue;
        }
        let value = match &entry.node.value {
            Value::Table(below) if !below.is_empty() => {
                Some(Setting::Table(table(file, below, &path, leaves, diagnostics)))
            }
            _ => setting(file, &entry.node, path.len(), diagnostics).inspect(|value| {
                let place = Some(Place::new(file, entry.node.span.clone()));
                leaves.push((At { value: path, place }, value.clone()));
            }),
        };
        if let Some(value) = value {
            table_here.insert(entry.key.clone(), value);
        }
    }
    table_here
}

/// A value that YAML and TOML both have.
fn setting(file: &Arc<SourceFile>, node: &Node, depth: usize, diagnostics: &mut Diagnostics) -> Option<Setting> {
    if depth > DEEPEST {
        let message = format!("more than {DEEPEST} levels");
        let place = Place::new(file, node.span.clone());
        diagnostics.report(Diagnostic::new(codes::TOO_DEEP, message).at(place));
        return None;
    }
    match &node.value {
        Value::Text(text) => Some(Setting::Text(text.clone())),
        Value::Integer(value) => Some(Setting::Integer(*value)),
        Value::Boolean(value) => Some(Setting::Boolean(*value)),
        Value::List(list) => {
            let values: Vec<Option<Setting>> = list
                .iter()
                .map(|node| setting(file, node, depth + 1, diagnostics))
                .collect();
            values.into_iter().collect::<Option<_>>().map(Setting::List)
        }
        Value::Table(entries) => {
            let mut table = Table::new();
            for entry in entries {
                table.insert(entry.key.clone(), setting(file, &entry.node, depth + 1, diagnostics)?);
            }
            Some(Setting::Table(table))
        }
        Value::Number if float(file, node).is_some() => float(file, node).map(Setting::Float),
        Value::Number | Value::Moment | Value::Null => {
            let expected = "a string, a finite number, a boolean, a list or a table";
            tree::wrong_type(file, node, expected, diagnostics)
        }
    }
}

/// What systemd takes for the name of a variable.
fn variable_name(file: &Arc<SourceFile>, entry: &Entry, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let place = Place::new(file, entry.key_span.clone());
    let name = &entry.key;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Some(At {
            value: name.clone(),
            place: Some(place),
        });
    }
    let message = format!("\"{name}\" can't be the name of an environment variable");
    diagnostics.report(Diagnostic::new(codes::BAD_VARIABLE, message).at(place));
    None
}

// --- judging -------------------------------------------------------------------------------------------------------------

/// Everything that can be wrong with what the user sets on components.
pub fn check(draft: &Draft, nodes: Option<&Nodes>, diagnostics: &mut Diagnostics) {
    for own in &draft.components {
        if let Some(on) = &own.on {
            extra::on_something(draft, on, codes::UNUSED_OVERRIDE, diagnostics);
        }
        somebody_runs_it(draft, nodes, own, diagnostics);
        parts_it_has(own, diagnostics);
        known_flags(draft, own, diagnostics);
        known_fields(draft, own, diagnostics);
        known_gates(draft, own, diagnostics);
        removed_flags(draft, own, diagnostics);
        safeguards(draft, own, diagnostics);
    }
    conflicts(draft, nodes, diagnostics);
}

/// What was found sound.
pub fn overrides(draft: &Draft) -> Option<Overrides> {
    let overrides = draft.components.iter().map(|own| {
        Some(Override {
            component: own.component.name,
            on: placed_on(draft, own)?,
            settings: ComponentSettings {
                flags: own
                    .flags
                    .iter()
                    .map(|(name, flag)| (name.value.clone(), flag.clone()))
                    .collect(),
                config: own.config.clone(),
                environment: own
                    .environment
                    .iter()
                    .map(|(name, value)| (name.value.clone(), value.clone()))
                    .collect(),
            },
        })
    });
    overrides.collect::<Option<Vec<_>>>().map(Overrides)
}

/// The files on `host` with which units that come with a package get an environment, and whose they are.
pub fn environments(draft: &Draft, nodes: Option<&Nodes>, host: &DraftHost) -> Vec<(String, String)> {
    let given = draft.components.iter().filter(|own| {
        let here = placed_on(draft, own).is_some_and(|on| is_here(&on, host));
        own.component.unit == Unit::Packaged && !own.environment.is_empty() && here
    });
    given
        .filter(|own| may_run(draft, nodes, own.component, host))
        .map(|own| {
            let name = own.component.name;
            (environment_path(name), format!("[components.{name}] env"))
        })
        .collect()
}

fn placed_on(draft: &Draft, own: &DraftOverride) -> Option<PlacedOn> {
    match &own.on {
        Some(on) => extra::placed_on(draft, &on.value),
        None => Some(PlacedOn::All),
    }
}

fn is_here(on: &PlacedOn, host: &DraftHost) -> bool {
    match on {
        PlacedOn::All => true,
        PlacedOn::Role(role) => host.is(*role),
        PlacedOn::Host(name) => host.name.as_ref().is_some_and(|own| own.value == *name),
    }
}

/// Whether a component runs on `host`; where a choice is not known it may.
fn may_run(draft: &Draft, nodes: Option<&Nodes>, component: &Component, host: &DraftHost) -> bool {
    extra::may_be(draft, nodes, component.when) && extra::is_on(draft, component.on, host)
}

fn somebody_runs_it(draft: &Draft, nodes: Option<&Nodes>, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let Some(on) = placed_on(draft, own) else { return };
    let name = own.component.name;
    let runs = |host: &&DraftHost| is_here(&on, host) && may_run(draft, nodes, own.component, host);
    if draft.hosts_incomplete || draft.hosts.iter().any(|host| runs(&host)) {
        return;
    }
    let message = match &on {
        PlacedOn::All => format!("no host runs {name}"),
        // That has been said.
        PlacedOn::Role(role) if !draft.hosts.iter().any(|host| host.is(*role)) => return,
        PlacedOn::Role(role) => format!("no host with the role {} runs {name}", role.name()),
        PlacedOn::Host(host) => format!("{host} does not run {name}"),
    };
    diagnostics.report(Diagnostic::new(codes::UNUSED_OVERRIDE, message).at(own.place.clone()));
}

/// A unit that comes with a package has its own command line, and not every component has a configuration file of ours.
fn parts_it_has(own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let name = own.component.name;
    if own.component.flags.is_empty()
        && let Some(place) = &own.flags_place
    {
        let message = match own.component.unit {
            Unit::Packaged => format!("the unit of {name} comes with its package, and takes no flags from here"),
            Unit::Generated => format!("{name} takes no flags"),
        };
        let hint = match own.component.config {
            Some(_) => "set what is meant in `config`, or with `env`",
            None => "set what is meant with `env`, or put a file on the host with [[files]]",
        };
        diagnostics.report(
            Diagnostic::new(codes::MISSING_PART, message)
                .at(place.clone())
                .hint(hint),
        );
    }
    if own.component.config.is_none()
        && let Some(place) = &own.config_place
    {
        let message = format!("khw-gen writes no configuration file for {name}");
        let hint = match own.component.unit {
            Unit::Generated if own.component.flags.is_empty() => "put a file on the host with [[files]]",
            Unit::Generated => "set what is meant in `flags`",
            Unit::Packaged => "put a file on the host with [[files]]",
        };
        diagnostics.report(
            Diagnostic::new(codes::MISSING_PART, message)
                .at(place.clone())
                .hint(hint),
        );
    }
}

/// The flags that a component is given without the user, as far as the release and the layout are known.
fn generated_flags<'a>(draft: &'a Draft, component: &'static Component) -> Vec<&'a Flag> {
    let of_layout = draft.layout.map(|layout| component.flags_of_layout(layout));
    let of_release = draft
        .release
        .iter()
        .flat_map(|known| known.release.flags_of(component.name));
    component
        .flags
        .iter()
        .chain(of_layout.into_iter().flatten())
        .chain(of_release)
        .collect()
}

/// Whether the component of this release takes the flags.
fn known_flags(draft: &Draft, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let Some(release) = draft.release.as_ref().map(|known| &known.release) else {
        return;
    };
    let component = own.component;
    if component.flags.is_empty() {
        return;
    }
    let version = release.version_of(component.name);
    let program = match version.program.name() {
        name if name == component.name => format!("{name} {}", version.version),
        name => format!("{} of {name} {}", component.name, version.version),
    };
    let given = own.flags.iter().filter(|(_, flag)| *flag != OwnFlag::Removed);
    for (name, _) in given {
        let (code, message, hint) = match flags::flag(component.name, &name.value, version.version.minor) {
            Known::Yes => continue,
            Known::Since(minor) => (
                codes::REFUSED_FLAG,
                format!(
                    "{program} refuses `--{}`: it came with {}.{minor}",
                    name.value, version.version.major
                ),
                None,
            ),
            Known::Until(minor) => (
                codes::REFUSED_FLAG,
                format!(
                    "{program} refuses `--{}`: {}.{minor} was the last to take it",
                    name.value, version.version.major
                ),
                flags::instead(component.name, &name.value).map(str::to_owned),
            ),
            Known::Never => {
                let known = flags::flag_names(component.name, version.version.minor);
                (
                    codes::UNKNOWN_FLAG,
                    format!("{program} has no flag `--{}`", name.value),
                    suggest::nearest(&name.value, known).map(|meant| format!("did you mean `{meant}`?")),
                )
            }
        };
        let diagnostic = Diagnostic::new(code, message).at(name.place.clone());
        diagnostics.report(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }
}

/// Whether the configuration file of this release has the fields. Containerd's is not in the tables.
fn known_fields(draft: &Draft, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let Some(release) = draft.release.as_ref().map(|known| &known.release) else {
        return;
    };
    let Some(kind) = release.kind_of(own.component) else {
        return;
    };
    let minor = release.kubernetes.minor;
    for (path, value) in &own.leaves {
        let mut paths = vec![path.value.join(".")];
        if let Setting::List(items) = value {
            for item in items {
                if let Setting::Table(table) = item {
                    let below = table.leaves().into_iter();
                    paths.extend(below.map(|(below, _)| format!("{}.{}", path.value.join("."), below.join("."))));
                }
            }
        }
        for path_text in paths {
            let message = match flags::field(&kind, &path_text, minor) {
                Known::Yes => continue,
                Known::Since(since) => format!(
                    "`{path_text}` has no effect: {kind} has it from Kubernetes 1.{since} on, and this is {}",
                    release.kubernetes
                ),
                Known::Until(until) => format!(
                    "`{path_text}` has no effect: Kubernetes 1.{until} was the last whose {kind} has it, and this is {}",
                    release.kubernetes
                ),
                Known::Never => format!("`{path_text}` is no field of {kind}"),
            };
            let near = suggest::nearest(&path_text, flags::field_names(&kind, minor));
            let diagnostic = Diagnostic::new(codes::UNKNOWN_SETTING, message).at(path.place.clone());
            diagnostics.report(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }
}

/// Whether the release has the feature gates that are set by flag or in a configuration file.
fn known_gates(draft: &Draft, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let Some(release) = draft.release.as_ref().map(|known| &known.release) else {
        return;
    };
    if release.version_of(own.component.name).program != Program::Kubernetes {
        return;
    }
    let minor = release.kubernetes.minor;
    let mut gates: Vec<(String, &Option<Place>)> = Vec::new();
    for (name, flag) in own.flags.iter().filter(|(name, _)| name.value == "feature-gates") {
        let OwnFlag::Values(values) = flag else { continue };
        let pairs = values.iter().flat_map(|value| value.split(','));
        gates.extend(pairs.map(|pair| (pair.split('=').next().unwrap_or(pair).trim().to_owned(), &name.place)));
    }
    for (path, _) in &own.leaves {
        if let [first, gate] = path.value.as_slice()
            && first == "featureGates"
        {
            gates.push((gate.clone(), &path.place));
        }
    }
    for (gate, place) in gates
        .into_iter()
        .filter(|(gate, _)| !gate.is_empty() && !GROUPS.contains(&gate.as_str()))
    {
        let message = match flags::gate(&gate, minor) {
            Known::Yes => continue,
            Known::Since(since) => format!("Kubernetes 1.{minor} has no feature gate {gate}: it came with 1.{since}"),
            Known::Until(until) => {
                format!("Kubernetes 1.{minor} has no feature gate {gate}: 1.{until} was the last to have it")
            }
            Known::Never => format!("Kubernetes 1.{minor} has no feature gate {gate}"),
        };
        let diagnostic = Diagnostic::new(codes::UNKNOWN_GATE, message).at(place.clone());
        diagnostics.report(match suggest::nearest(&gate, flags::gate_names(minor)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
    }
}

/// The gates that switch all of a maturity.
const GROUPS: [&str; 2] = ["AllAlpha", "AllBeta"];

/// Removing what is not given does nothing.
fn removed_flags(draft: &Draft, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    if draft.release.is_none() || draft.layout.is_none() || own.component.flags.is_empty() {
        return;
    }
    let ours = generated_flags(draft, own.component);
    let others = |name: &str| {
        draft.components.iter().any(|other| {
            let gives = |(own, flag): &(At<String>, OwnFlag)| own.value == name && *flag != OwnFlag::Removed;
            other.component == own.component && other.flags.iter().any(gives)
        })
    };
    for (name, flag) in &own.flags {
        let is_ours = ours.iter().any(|(ours, _)| *ours == name.value);
        if *flag == OwnFlag::Removed && !is_ours && !others(&name.value) {
            let message = format!(
                "`{}` is not given to {}: there is nothing to remove",
                name.value, own.component.name
            );
            let near = suggest::nearest(&name.value, ours.iter().map(|(ours, _)| *ours));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write \"false\" in quotes to give it the value false".to_owned(),
            };
            diagnostics.report(
                Diagnostic::new(codes::UNUSED_OVERRIDE, message)
                    .at(name.place.clone())
                    .hint(hint),
            );
        }
    }
}

/// What the user does to a flag or a setting.
enum Change {
    Removed,
    Given(Vec<String>),
}

/// Says which safeguards are taken away, and what else depends on what was changed.
fn safeguards(draft: &Draft, own: &DraftOverride, diagnostics: &mut Diagnostics) {
    let ours = generated_flags(draft, own.component);
    for (name, flag) in &own.flags {
        let change = match flag {
            OwnFlag::Removed if !ours.iter().any(|(ours, _)| *ours == name.value) => continue,
            OwnFlag::Removed => Change::Removed,
            OwnFlag::Values(values) if values.iter().all(String::is_empty) => Change::Removed,
            OwnFlag::Values(values) => {
                // What is as it was changes nothing.
                let same = |flag: &&&Flag| flag.0 == name.value && flag.1.unwrap_or("true") == values.join(",");
                if ours.iter().any(|flag| same(&flag)) {
                    continue;
                }
                Change::Given(values.clone())
            }
        };
        let is_part = |part: Part| matches!(part, Part::Flag(own) if own == name.value);
        let what = match &change {
            Change::Removed => format!("{} without `--{}`", own.component.name, name.value),
            Change::Given(values) => format!("{} `--{}={}`", own.component.name, name.value, values.join(",")),
        };
        judge(
            own.component,
            &is_part,
            &change,
            &what,
            &name.value,
            &name.place,
            diagnostics,
        );
    }
    let settings = draft
        .release
        .iter()
        .flat_map(|known| known.release.settings_of(own.component));
    let settings: Vec<_> = settings.collect();
    for (path, value) in &own.leaves {
        let values = texts(value);
        let same = |ours: &GeneratedSetting| {
            let is_text = matches!(ours.value, SettingValue::Text(text) if values == [text]);
            is_text && ours.path.iter().eq(path.value.iter())
        };
        if settings.iter().any(same) {
            continue;
        }
        let change = match values.iter().all(String::is_empty) {
            true => Change::Removed,
            false => Change::Given(values),
        };
        let is_part = |part: Part| matches!(part, Part::Setting(own) if own.iter().eq(path.value.iter()));
        let dotted = path.value.join(".");
        let what = match &change {
            Change::Removed => format!("{} without `{dotted}`", own.component.name),
            Change::Given(values) => format!("{} `{dotted}: {}`", own.component.name, values.join(",")),
        };
        judge(
            own.component,
            &is_part,
            &change,
            &what,
            &dotted,
            &path.place,
            diagnostics,
        );
    }
}

/// A value as a list of texts.
fn texts(value: &Setting) -> Vec<String> {
    match value {
        Setting::Text(text) => vec![text.clone()],
        Setting::Boolean(value) => vec![value.to_string()],
        Setting::Integer(value) => vec![value.to_string()],
        Setting::Float(value) => vec![value.to_string()],
        Setting::List(list) => list.iter().flat_map(texts).collect(),
        Setting::Table(_) => Vec::new(),
    }
}

fn judge(
    component: &Component,
    is_part: &dyn Fn(Part) -> bool,
    change: &Change,
    what: &str,
    name: &str,
    place: &Option<Place>,
    diagnostics: &mut Diagnostics,
) {
    let is_about = |of: &[&str], part| of.contains(&component.name) && is_part(part);
    let mut weakened = false;
    for row in SAFEGUARDS.iter().filter(|row| is_about(row.of, row.part)) {
        if is_gone(row.gone, change) {
            weakened = true;
            let is_default = PERMISSIVE_DEFAULTS.contains(&(component.name, row.part));
            let code = if is_default {
                codes::PERMISSIVE_DEFAULT
            } else {
                codes::WEAKENED_SAFEGUARD
            };
            diagnostics.report(Diagnostic::new(code, format!("{what}: {}", row.why)).at(place.clone()));
        }
    }
    if weakened {
        return;
    }
    if let Some(row) = WIRING.iter().find(|row| is_about(row.of, row.part)) {
        let message = format!(
            "khw-gen decides `{name}` of {}, and this depends on it: {}",
            component.name, row.dependents
        );
        diagnostics.report(Diagnostic::new(codes::OVERRIDDEN_WIRING, message).at(place.clone()));
    }
}

/// Whether a change takes a safeguard away. Of several values that a flag is given the last may count, or all: one is enough.
fn is_gone(gone: When, change: &Change) -> bool {
    let values = match change {
        Change::Removed => return gone == When::Removed,
        Change::Given(values) => values,
    };
    // strconv.ParseBool of Go.
    let is_true = |value: &String| ["1", "t", "T", "TRUE", "true", "True"].contains(&value.as_str());
    let is_false = |value: &String| ["0", "f", "F", "FALSE", "false", "False"].contains(&value.as_str());
    let items = || values.iter().flat_map(|value| value.split(',')).map(str::trim);
    match gone {
        When::Removed => false,
        When::Given => true,
        When::True => values.iter().any(is_true),
        When::False => values.iter().any(is_false),
        When::OneOf(some) => items().any(|item| some.contains(&item)),
        When::Not(only) => values.iter().any(|value| value.trim() != only),
        When::Has(bad) => items().any(|item| item == bad),
        When::Lacks(good) => !items().any(|item| item == good),
        When::PlainHttp => items().any(|url| {
            let lower = url.to_ascii_lowercase();
            lower.strip_prefix("http://").is_some_and(|rest| !is_loopback(rest))
        }),
        When::OffLoopback => items().any(|address| !is_loopback(address)),
    }
}

/// Whether `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, perhaps with a path, is the host itself.
fn is_loopback(address: &str) -> bool {
    let authority = address.split('/').next().unwrap_or(address);
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_address = |text: &str| {
        let is_ip = bare(text).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        is_ip || text.eq_ignore_ascii_case("localhost")
    };
    is_address(authority) || authority.rsplit_once(':').is_some_and(|(host, _)| is_address(host))
}

/// One host that has two roles for which the same is set differently: nothing says which one counts, unless the host does.
fn conflicts(draft: &Draft, nodes: Option<&Nodes>, diagnostics: &mut Diagnostics) {
    let mut told: BTreeSet<(usize, String)> = BTreeSet::new();
    for host in &draft.hosts {
        let here: Vec<(usize, PlacedOn, &DraftOverride)> = draft
            .components
            .iter()
            .enumerate()
            .filter_map(|(index, own)| Some((index, placed_on(draft, own)?, own)))
            .filter(|(_, on, own)| is_here(on, host) && may_run(draft, nodes, own.component, host))
            .collect();
        let of_roles = || here.iter().filter(|(_, on, _)| matches!(on, PlacedOn::Role(_)));
        for (index, _, later) in of_roles() {
            for (_, _, earlier) in
                of_roles().filter(|(other, _, own)| other < index && own.component == later.component)
            {
                let of_host = here
                    .iter()
                    .filter(|(_, on, own)| matches!(on, PlacedOn::Host(_)) && own.component == later.component);
                let of_host: Vec<&DraftOverride> = of_host.map(|(_, _, own)| *own).collect();
                for (what, place) in differences(earlier, later, &of_host) {
                    if told.insert((*index, what.clone())) {
                        report_conflict(host, earlier, later, &what, place, diagnostics);
                    }
                }
            }
        }
    }
}

fn report_conflict(
    host: &DraftHost,
    earlier: &DraftOverride,
    later: &DraftOverride,
    what: &str,
    place: Option<Place>,
    diagnostics: &mut Diagnostics,
) {
    let role = |own: &DraftOverride| own.on.as_ref().map_or(String::new(), |on| on.value.clone());
    let host = host.name.as_ref().map_or("a host", |name| &name.value);
    let component = later.component.name;
    let message = format!(
        "{what} of {component} is set otherwise for the role {}, and {host} has both roles",
        role(earlier)
    );
    let hint = format!("set it the same for both, or in [components.{component}.on.{host}]");
    diagnostics.report(
        Diagnostic::new(codes::CONFLICTING_OVERRIDES, message)
            .at(place)
            .hint(hint),
    );
}

/// What two set differently, and where the later does, but for what the host's own settles.
fn differences(
    earlier: &DraftOverride,
    later: &DraftOverride,
    of_host: &[&DraftOverride],
) -> Vec<(String, Option<Place>)> {
    let mut found = Vec::new();
    for (name, flag) in &later.flags {
        let differs = earlier
            .flags
            .iter()
            .any(|(other, own)| other.value == name.value && own != flag);
        let is_settled = of_host
            .iter()
            .any(|own| own.flags.iter().any(|(own, _)| own.value == name.value));
        if differs && !is_settled {
            found.push((format!("the flag `{}`", name.value), name.place.clone()));
        }
    }
    for (name, value) in &later.environment {
        let differs = earlier
            .environment
            .iter()
            .any(|(other, own)| other.value == name.value && own != value);
        let is_settled = of_host
            .iter()
            .any(|own| own.environment.iter().any(|(own, _)| own.value == name.value));
        if differs && !is_settled {
            found.push((format!("the variable `{}`", name.value), name.place.clone()));
        }
    }
    for (path, value) in &later.leaves {
        let is_empty_table = |value: &Setting| matches!(value, Setting::Table(_));
        let differs = earlier.leaves.iter().any(|(other, own)| {
            let (a, b) = (&path.value, &other.value);
            let is_above = (a.len() < b.len() && b.starts_with(a) && !is_empty_table(value))
                || (b.len() < a.len() && a.starts_with(b) && !is_empty_table(own));
            (a == b && own != value) || is_above
        });
        let is_settled = of_host
            .iter()
            .any(|own| own.leaves.iter().any(|(own, _)| path.value.starts_with(&own.value)));
        if differs && !is_settled {
            found.push((format!("the setting `{}`", path.value.join(".")), path.place.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_is_one_in_every_form() {
        for here in [
            "127.0.0.1",
            "127.0.0.1:2379",
            "127.9.9.9:1/x",
            "[::1]:2379",
            "::1",
            "localhost:80",
            "LOCALHOST",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            "0.0.0.0:1",
            "10.0.0.1",
            "[::]:2379",
            "::",
            "localhost.example",
            "127.0.0.1.example:1",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_safeguard_is_gone_when_its_row_says_so() {
        let given = |values: &[&str]| Change::Given(values.iter().map(|value| (*value).to_owned()).collect());
        for (gone, values, expected) in [
            (When::Has("AlwaysAllow"), &["Node,AlwaysAllow"][..], true),
            (When::Has("AlwaysAllow"), &["Node", "AlwaysAllow"], true),
            (When::Has("AlwaysAllow"), &["NotAlwaysAllow"], false),
            (When::Lacks("RBAC"), &["Node, RBAC"], false),
            (When::Lacks("RBAC"), &["Node"], true),
            (When::True, &["T"], true),
            (When::True, &["false"], false),
            (When::False, &["0"], true),
            (When::Not("0"), &["8080"], true),
            (When::Not("0"), &["0"], false),
            (When::PlainHttp, &["https://10.0.0.1:2379,http://127.0.0.1:2379"], false),
            (When::PlainHttp, &["HTTP://10.0.0.1:2379"], true),
            (When::OffLoopback, &["0.0.0.0:10251"], true),
            (When::Removed, &["x"], false),
            (When::Given, &["x"], true),
        ] {
            assert_eq!(is_gone(gone, &given(values)), expected, "{gone:?} {values:?}");
        }
        assert!(is_gone(When::Removed, &Change::Removed) && !is_gone(When::Lacks("RBAC"), &Change::Removed));
    }
}
