//! The table of fields as JSON Schema, for editors and for whoever makes cluster.toml by a program.
//!
//! Draft 7, but nothing that draft 4 lacks, so that Taplo and its relatives take it. It says what can be said of a field by
//! itself: what it refuses, khw-gen refuses, not the other way round.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::forms::{MOMENT, VERSION};
use super::kind::{Absent, Field, FieldKind, Section, TextForm, Together};
use super::table::TOP;

/// Sections by their paths.
type Definitions = BTreeMap<&'static str, Value>;

/// The schema of a whole cluster.toml, as `khw-gen schema` prints it.
pub fn schema() -> String {
    let mut definitions = Definitions::new();
    let mut schema = section(&TOP, &mut definitions);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("cluster.toml of khw-gen");
    schema["definitions"] = json!(definitions);
    format!("{schema:#}\n")
}

/// A section by itself; those below it become definitions.
fn section(section: &Section, definitions: &mut Definitions) -> Value {
    let required = |field: &&Field| matches!(field.absent, Absent::Required);
    let required: Vec<&str> = section.fields.iter().filter(required).map(|field| field.name).collect();
    let properties: BTreeMap<&str, Value> = section
        .fields
        .iter()
        .map(|field| (field.name, property(field, definitions)))
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    // Draft 4 takes no empty list here.
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let each = |names: &[&str]| names.iter().map(|name| json!({ "required": [name] })).collect();
    match section.together {
        Together::Any => {}
        Together::AtLeastOne(names) => schema["anyOf"] = each(names),
        Together::ExactlyOne(names) => schema["oneOf"] = each(names),
    }
    schema
}

fn property(field: &Field, definitions: &mut Definitions) -> Value {
    let mut schema = of(&field.kind, definitions);
    // What stands beside a reference counts for nothing.
    let described = match field.kind {
        FieldKind::Table(section) => definitions.entry(section.path).or_default(),
        _ => &mut schema,
    };
    described["description"] = json!(field.description());
    if let Some(default) = field.default_value() {
        described["default"] = default;
    }
    schema
}

fn of(kind: &FieldKind, definitions: &mut Definitions) -> Value {
    match kind {
        FieldKind::Text(form) => text(form),
        FieldKind::OneOf(_, all) => json!({ "type": "string", "enum": all() }),
        FieldKind::Version(_) => text(&VERSION),
        FieldKind::Integer(first, last) => json!({ "type": "integer", "minimum": first, "maximum": last }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        // TOML's own instants are texts to those who read TOML into JSON.
        FieldKind::Moment => text(&MOMENT),
        FieldKind::PerFamily(form) => {
            let one = text(form);
            let mut schema = json!({ "items": one, "minItems": 1, "maxItems": 2, "type": ["string", "array"] });
            schema["pattern"] = one["pattern"].clone();
            schema
        }
        FieldKind::List(of_each) => json!({ "type": "array", "items": of(of_each, definitions) }),
        FieldKind::Set(of_each) => {
            json!({ "type": "array", "items": of(of_each, definitions), "minItems": 1, "uniqueItems": true })
        }
        FieldKind::Table(below) => {
            if !definitions.contains_key(below.path) {
                let schema = section(below, definitions);
                definitions.insert(below.path, schema);
            }
            json!({ "$ref": format!("#/definitions/{}", below.path) })
        }
        FieldKind::Map(keys, of_each) => map(keys, of(of_each, definitions)),
        FieldKind::Flag => {
            let one = json!({ "type": ["string", "number", "boolean"] });
            json!({ "type": ["string", "number", "boolean", "array"], "items": one, "minItems": 1 })
        }
        FieldKind::Settings => json!({ "type": "object" }),
    }
}

fn map(keys: &FieldKind, value: Value) -> Value {
    let one_of = |keys: Vec<&'static str>| keys.into_iter().map(|key| (key, value.clone())).collect();
    let (each, rest): (BTreeMap<&str, Value>, Value) = match keys {
        FieldKind::OneOf(_, all) => (one_of(all()), json!(false)),
        FieldKind::Text(form) if !form.pattern.is_empty() => (one_of(vec![form.pattern]), json!(false)),
        _ => (BTreeMap::new(), value.clone()),
    };
    let keyed = match keys {
        FieldKind::OneOf(..) => "properties",
        _ => "patternProperties",
    };
    json!({ "type": "object", keyed: each, "additionalProperties": rest })
}

fn text(form: &TextForm) -> Value {
    let mut schema = json!({ "type": "string" });
    if !form.pattern.is_empty() {
        schema["pattern"] = json!(form.pattern);
    }
    if form.longest < usize::MAX {
        schema["maxLength"] = json!(form.longest);
    }
    schema
}
