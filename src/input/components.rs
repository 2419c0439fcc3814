//! `[components.NAME]`: flags, settings and environment of the user's own, as they are written.
use std::sync::Arc;

use crate::catalog;
use crate::catalog::component::Component;
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::OwnFlag;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceFile, codes};
use crate::settings::{Table, Value as Setting};

use super::draft::DraftOverride;
use super::tree::{At, Entry, Fields, Naming, Node, Value};
use super::{fields, suggest, tree};

/// Deeper than any configuration is.
const DEEPEST: usize = 32;

/// Reads the section.
pub fn read(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<DraftOverride> {
    let mut overrides = Vec::new();
    for entry in top.map("components", diagnostics).unwrap_or_default() {
        let component = component(top.file(), entry, diagnostics);
        let Some(fields) = Fields::of(
            top.file(),
            &entry.node,
            &fields::COMPONENT.names(),
            Naming::Exact,
            diagnostics,
        ) else {
            continue;
        };
        let Some(component) = component else { continue };
        let place = Place::new(top.file(), entry.key_span.clone());
        overrides.push(draft(component, None, &fields, place, diagnostics));
        for on in fields.map("on", diagnostics).unwrap_or_default() {
            if let Some(fields) = Fields::of(
                top.file(),
                &on.node,
                &fields::COMPONENT_ON.names(),
                Naming::Exact,
                diagnostics,
            ) {
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
    let component = catalog::component(&entry.key);
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
