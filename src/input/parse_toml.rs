//! TOML text -> tree. It goes on after a syntax error, so that one mistake does not hide the others.
use std::sync::Arc;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use crate::diagnostic::{Place, Reporter, SourceFile, codes};

use super::tree::{Entry, Node, Value};

/// The tree of `file`, as far as it can be read, and its syntax errors.
pub fn parse(file: &Arc<SourceFile>, say: &Reporter) -> Node {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in errors {
        let place = Place::new(file, error.span().unwrap_or(0..0));
        let message = error.message().trim_end().replace('\n', "; ");
        say.at(place, codes::TOML_SYNTAX, message);
    }
    Node {
        span: table.span(),
        value: Value::Table(entries(table.get_ref())),
    }
}

fn entries(table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            node: node(value),
        })
        .collect();
    entries.sort_by_key(|entry| (entry.key_span.start, entry.key_span.end));
    entries
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let tree = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Number, Value::Integer)
        }
        DeValue::Float(_) => Value::Number,
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => Value::Moment,
        DeValue::Array(list) => Value::List(list.iter().map(node).collect()),
        DeValue::Table(table) => Value::Table(entries(table)),
    };
    Node {
        value: tree,
        span: value.span(),
    }
}
