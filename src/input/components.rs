//! `[components.NAME]`: flags, settings and environment of the user's own, as they are written.
use std::ops::Range;

use crate::catalog;
use crate::catalog::component::Component;
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::OwnFlag;
use crate::diagnostic::{Place, codes};
use crate::settings::{Table, Value as Setting};

use super::draft::DraftOverride;
use super::fields;
use super::tree::{At, Document, Entry, Fields, Node, Value};

/// Deeper than any configuration is.
const DEEPEST: usize = 32;

/// Reads the section.
pub fn read(top: &Fields<'_>) -> Vec<DraftOverride> {
    let doc = top.doc;
    let mut overrides = Vec::new();
    for entry in top.map("components") {
        let component = component(doc, entry);
        let Some(fields) = doc.fields(&entry.node, &fields::COMPONENT.names()) else {
            continue;
        };
        let Some(component) = component else { continue };
        let place = doc.place(&entry.key_span);
        overrides.push(draft(component, None, &fields, place));
        for on in fields.map("on") {
            if let Some(fields) = doc.fields(&on.node, &fields::COMPONENT_ON.names()) {
                let place = doc.place(&on.key_span);
                overrides.push(draft(component, Some(doc.key(on)), &fields, place));
            }
        }
    }
    overrides
}

fn component(doc: Document<'_>, entry: &Entry) -> Option<&'static Component> {
    let component = catalog::component(&entry.key);
    if component.is_none() {
        let names = COMPONENTS.iter().map(|component| component.name);
        let message = format!("unknown component `{}`", entry.key);
        doc.say.at(&doc.key(entry), codes::UNKNOWN_COMPONENT, message).meant_of(
            &entry.key,
            names,
            "the components are",
        );
    }
    component
}

fn draft(component: &'static Component, on: Option<At<String>>, fields: &Fields<'_>, place: Place) -> DraftOverride {
    let doc = fields.doc;
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
    for entry in fields.map("flags") {
        let name = flag_name(doc, entry);
        let flag = flag_value(doc, &entry.node);
        draft.flags.extend(name.zip(flag));
    }
    if let Some(node) = fields.get("config") {
        match &node.value {
            Value::Table(entries) => draft.config = table(doc, entries, &[], &mut draft.leaves),
            _ => drop(doc.wrong_type::<()>(node, "a table")),
        }
    }
    for entry in fields.map("env") {
        let name = variable_name(doc, entry);
        let value = doc.text(&entry.node);
        draft.environment.extend(name.zip(value.map(|value| value.value)));
    }
    draft
}

fn flag_name(doc: Document<'_>, entry: &Entry) -> Option<At<String>> {
    let name = &entry.key;
    let is_sound = |name: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        name.chars().all(inner) && ends(name.chars().next()) && ends(name.chars().next_back())
    };
    if is_sound(name) {
        return Some(doc.key(entry));
    }
    let (bare, value) = name.trim_start_matches('-').split_once('=').unzip();
    let bare = bare.unwrap_or(name.trim_start_matches('-'));
    // Kubernetes' programs take an underscore for a hyphen.
    let meant = bare.to_ascii_lowercase().replace('_', "-");
    let hint = is_sound(&meant).then(|| match value {
        Some(value) => format!("write \"{meant}\" = \"{value}\""),
        None => format!("write `{meant}`"),
    });
    let message = format!("\"{name}\" can't be the name of a flag");
    doc.say.at(&doc.key(entry), codes::BAD_FLAG, message).hint_if(hint);
    None
}

/// A flag's value: a string, a number and true are given as text, false removes the flag, and a list gives it several times.
fn flag_value(doc: Document<'_>, node: &Node) -> Option<OwnFlag> {
    const EXPECTED: &str = "a string, a number, true, false or a list of them";
    let one = |node: &Node| match &node.value {
        Value::Text(_) => doc.text(node).map(|text| text.value),
        Value::Integer(value) => Some(value.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Number => match float(doc, node) {
            // As it is written, for whoever reads it has more ways than one to print it.
            Some(_) => doc.written(node).map(|text| text.replace('_', "")),
            None => doc.wrong_type(node, EXPECTED),
        },
        _ => doc.wrong_type(node, EXPECTED),
    };
    match &node.value {
        Value::Boolean(false) => Some(OwnFlag::Removed),
        Value::List(list) if list.is_empty() => {
            let place = doc.place(&node.span);
            let hint = "write false to remove the flag, \"\" to give it an empty value";
            doc.say
                .at(place, codes::BAD_FLAG, "a list without values gives the flag no value")
                .hint(hint);
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
fn float(doc: Document<'_>, node: &Node) -> Option<f64> {
    let text = doc.written(node)?.replace('_', "");
    // A number without a sign of a float is an integer that is too large.
    let is_float = text.contains(['.', 'e', 'E']);
    text.parse().ok().filter(|float: &f64| is_float && float.is_finite())
}

fn table(
    doc: Document<'_>,
    entries: &[Entry],
    above: &[String],
    leaves: &mut Vec<(At<Vec<String>>, Setting)>,
) -> Table {
    let mut table_here = Table::new();
    for entry in entries {
        let path = [above, std::slice::from_ref(&entry.key)].concat();
        if path.len() > DEEPEST {
            too_deep(doc, &entry.key_span);
            continue;
        }
        let value = match &entry.node.value {
            Value::Table(below) if !below.is_empty() => Some(Setting::Table(table(doc, below, &path, leaves))),
            _ => setting(doc, &entry.node, path.len()).inspect(|value| {
                leaves.push((doc.at(&entry.node.span, path), value.clone()));
            }),
        };
        if let Some(value) = value {
            table_here.insert(entry.key.clone(), value);
        }
    }
    table_here
}

fn too_deep(doc: Document<'_>, span: &Range<usize>) {
    doc.say
        .at(doc.place(span), codes::TOO_DEEP, format!("more than {DEEPEST} levels"));
}

/// A value that YAML and TOML both have.
fn setting(doc: Document<'_>, node: &Node, depth: usize) -> Option<Setting> {
    if depth > DEEPEST {
        too_deep(doc, &node.span);
        return None;
    }
    match &node.value {
        Value::Text(text) => Some(Setting::Text(text.clone())),
        Value::Integer(value) => Some(Setting::Integer(*value)),
        Value::Boolean(value) => Some(Setting::Boolean(*value)),
        Value::List(list) => {
            let values: Vec<Option<Setting>> = list.iter().map(|node| setting(doc, node, depth + 1)).collect();
            values.into_iter().collect::<Option<_>>().map(Setting::List)
        }
        Value::Table(entries) => {
            let mut table = Table::new();
            for entry in entries {
                table.insert(entry.key.clone(), setting(doc, &entry.node, depth + 1)?);
            }
            Some(Setting::Table(table))
        }
        Value::Number if float(doc, node).is_some() => float(doc, node).map(Setting::Float),
        Value::Number | Value::Moment | Value::Null => {
            let expected = "a string, a finite number, a boolean, a list or a table";
            doc.wrong_type(node, expected)
        }
    }
}

/// What systemd takes for the name of a variable.
fn variable_name(doc: Document<'_>, entry: &Entry) -> Option<At<String>> {
    let name = &entry.key;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Some(doc.key(entry));
    }
    let message = format!("\"{name}\" can't be the name of an environment variable");
    doc.say.at(&doc.key(entry), codes::BAD_VARIABLE, message);
    None
}
