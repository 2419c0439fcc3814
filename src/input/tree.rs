//! A document as a tree whose every part knows its place, and the reader that takes fields out of it: what is unknown,
//! missing, doubled or of the wrong type is reported here, in one manner for TOML and JSON.
//!
//! It knows no field by name.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceFile};

use super::suggest::{self, fold};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Range<usize>,
}

/// What JSON and TOML have in common.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number that is no 64-bit integer.
    Number,
    Text(String),
    /// A TOML date or time.
    Moment,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value; a key may occur more than once.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub node: Node,
}

impl Value {
    /// The type as diagnostics call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Number => "a number that is no (64-bit) integer",
            Value::Text(_) => "a string",
            Value::Moment => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

const STRING: &str = "a string";
const INTEGER: &str = "an integer";
const BOOLEAN: &str = "true or false";
const LIST: &str = "a list";
const TABLE: &str = "a table";

/// A value that was read, and where; a default stands nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub value: T,
    pub place: Option<Place>,
}

impl<T> At<T> {
    /// A value that the user did not write.
    pub fn default_value(value: T) -> At<T> {
        At { value, place: None }
    }

    /// What `convert` makes of the value, at the same place.
    pub fn with<U>(&self, value: U) -> At<U> {
        At {
            value,
            place: self.place.clone(),
        }
    }
}

/// How field names are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As written, as TOML readers do.
    Exact,
    /// Regardless of case, as Go's encoding/json does.
    Folded,
}

/// The fields of a table.
pub struct Fields<'a> {
    file: &'a Arc<SourceFile>,
    naming: Naming,
    /// The key, or for want of one the table itself, for what is missing.
    span: Range<usize>,
    entries: BTreeMap<&'static str, Vec<&'a Entry>>,
    /// The fields that unknown ones seem to be misspellings of.
    meant: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of the table `node`, of which `known` are the names; reports any other. None if it is no table.
    pub fn of(
        file: &'a Arc<SourceFile>,
        node: &'a Node,
        known: &[&'static str],
        naming: Naming,
        diagnostics: &mut Diagnostics,
    ) -> Option<Fields<'a>> {
        Fields::merged(file, &[node], &node.span, known, naming, diagnostics)
    }

    /// Several tables as one, as Go reads an object that is given twice.
    fn merged(
        file: &'a Arc<SourceFile>,
        nodes: &[&'a Node],
        span: &Range<usize>,
        known: &[&'static str],
        naming: Naming,
        diagnostics: &mut Diagnostics,
    ) -> Option<Fields<'a>> {
        let mut fields = Fields {
            file,
            naming,
            span: span.clone(),
            entries: BTreeMap::new(),
            meant: BTreeSet::new(),
        };
        for node in nodes {
            let Value::Table(entries) = &node.value else {
                return wrong_type(file, node, TABLE, diagnostics);
            };
            for entry in entries {
                fields.add(entry, known, diagnostics);
            }
        }
        for (name, entries) in &fields.entries {
            if let [_, .., last] = entries.as_slice() {
                let message = format!("`{name}` is given {} times; the last one counts", entries.len());
                diagnostics.report(
                    Diagnostic::new(codes::DUPLICATE_FIELD, message).at(Place::new(file, last.key_span.clone())),
                );
            }
        }
        Some(fields)
    }

    fn add(&mut self, entry: &'a Entry, known: &[&'static str], diagnostics: &mut Diagnostics) {
        let place = Place::new(self.file, entry.key_span.clone());
        let exact = known.iter().find(|name| **name == entry.key);
        let folded = || known.iter().find(|name| fold(name) == fold(&entry.key));
        match (exact, exact.or_else(folded), self.naming) {
            (Some(name), ..) => self.entries.entry(name).or_default().push(entry),
            (None, Some(name), Naming::Folded) => {
                let message = format!("`{}` is written in another case than `{name}`", entry.key);
                let hint = format!("write `{name}`");
                diagnostics.report(Diagnostic::new(codes::FIELD_CASE, message).at(place).hint(hint));
                self.entries.entry(name).or_default().push(entry);
            }
            _ => {
                let meant = known
                    .iter()
                    .copied()
                    .find(|name| Some(*name) == suggest::nearest(&entry.key, known.iter().copied()));
                self.meant.extend(meant);
                let hint = meant.map_or_else(
                    || format!("the fields here are {}", suggest::listed(known.iter().copied())),
                    |name| format!("did you mean `{name}`?"),
                );
                let message = format!("unknown field `{}`", entry.key);
                diagnostics.report(Diagnostic::new(codes::UNKNOWN_FIELD, message).at(place).hint(hint));
            }
        }
    }

    /// Whether `name` is absent, but a field that is there seems to be it, misspelt: that has been reported, and that
    /// `name` is missing need not be.
    pub fn misspelt(&self, name: &str) -> bool {
        !self.has(name) && self.meant.contains(name)
    }

    /// The value of `name`; null counts as absent, as in Go.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.all(name).last().copied()
    }

    fn all(&self, name: &str) -> Vec<&'a Node> {
        let nodes = self.entries.get(name).into_iter().flatten().map(|entry| &entry.node);
        nodes.filter(|node| node.value != Value::Null).collect()
    }

    /// As [`Fields::all`], for lists and tables: to Go a null is the empty one, and what stood before it is gone.
    fn all_since_null(&self, name: &str) -> Vec<&'a Node> {
        let entries = self.entries.get(name).map_or(&[][..], Vec::as_slice);
        let null = entries.iter().rposition(|entry| entry.node.value == Value::Null);
        entries
            .iter()
            .skip(null.map_or(0, |at| at + 1))
            .map(|entry| &entry.node)
            .collect()
    }

    /// Whether `name` has a value, be it a wrong one.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Where the value of `name` stands, or the table for want of it.
    pub fn place(&self, name: &str) -> Place {
        Place::new(self.file, self.get(name).map_or(&self.span, |node| &node.span).clone())
    }

    /// Where the key `name` stands, or the table for want of it.
    pub fn key_place(&self, name: &str) -> Place {
        let key = self.entries.get(name).and_then(|entries| entries.last());
        Place::new(self.file, key.map_or(&self.span, |entry| &entry.key_span).clone())
    }

    /// Where the table stands.
    pub fn own_place(&self) -> Place {
        Place::new(self.file, self.span.clone())
    }

    /// Reports that `name` is missing, unless it has a value.
    pub fn require(&self, name: &str, diagnostics: &mut Diagnostics) -> bool {
        if !self.has(name) && !self.misspelt(name) {
            let message = format!("`{name}` is missing");
            let hint = format!("add `{name}`");
            diagnostics.report(
                Diagnostic::new(codes::MISSING_FIELD, message)
                    .at(self.own_place())
                    .hint(hint),
            );
        }
        self.has(name)
    }

    /// The string `name`. None if it is absent, wrong or not printable; the latter two are reported.
    pub fn text(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<At<String>> {
        text(self.file, self.get(name)?, diagnostics)
    }

    /// The string `name`, `default` if absent, or None if it is wrong.
    pub fn text_or(&self, name: &str, default: &str, diagnostics: &mut Diagnostics) -> Option<At<String>> {
        if self.has(name) {
            self.text(name, diagnostics)
        } else {
            Some(At::default_value(default.to_owned()))
        }
    }

    /// The integer `name`.
    pub fn integer(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<At<i64>> {
        let node = self.get(name)?;
        match node.value {
            Value::Integer(value) => Some(At {
                value,
                place: Some(Place::new(self.file, node.span.clone())),
            }),
            _ => wrong_type(self.file, node, INTEGER, diagnostics),
        }
    }

    /// The boolean `name`.
    pub fn boolean(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<At<bool>> {
        let node = self.get(name)?;
        match node.value {
            Value::Boolean(value) => Some(At {
                value,
                place: Some(Place::new(self.file, node.span.clone())),
            }),
            _ => wrong_type(self.file, node, BOOLEAN, diagnostics),
        }
    }

    /// The list of tables `name`. Go mixes the entries of one that is given twice, so that is refused.
    pub fn tables(&self, name: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        if self.all_since_null(name).len() > 1 {
            let message = format!("`{name}` is given more than once, and cfssl mixes the entries");
            diagnostics.report(Diagnostic::new(codes::MIXED_LISTS, message).at(self.key_place(name)));
            return &[];
        }
        self.list(name, diagnostics).map_or(&[], |list| list.value)
    }

    /// The list `name`.
    pub fn list(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<At<&'a [Node]>> {
        let node = self.all_since_null(name).last().copied()?;
        match &node.value {
            Value::List(list) => Some(At {
                value: list.as_slice(),
                place: Some(Place::new(self.file, node.span.clone())),
            }),
            _ => wrong_type(self.file, node, LIST, diagnostics),
        }
    }

    /// The list of strings `name`, without those that are wrong. As in Go a null among them is an empty string.
    pub fn texts(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<Vec<At<String>>> {
        let list = self.list(name, diagnostics)?;
        Some(
            list.value
                .iter()
                .filter_map(|node| text(self.file, node, diagnostics))
                .collect(),
        )
    }

    /// The fields of the table `name`.
    pub fn table(&self, name: &str, known: &[&'static str], diagnostics: &mut Diagnostics) -> Option<Fields<'a>> {
        let nodes = self.all_since_null(name);
        let last = nodes.last()?;
        let key = self
            .entries
            .get(name)
            .and_then(|entries| entries.last())
            .map(|entry| &entry.key_span);
        Fields::merged(
            self.file,
            &nodes,
            key.unwrap_or(&last.span),
            known,
            self.naming,
            diagnostics,
        )
    }

    /// The entries of the table `name`, whose keys are the user's own: later ones of a key replace earlier ones.
    pub fn map(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<Vec<&'a Entry>> {
        let mut kept: Vec<&'a Entry> = Vec::new();
        let mut index: BTreeMap<&'a str, usize> = BTreeMap::new();
        for node in self.all_since_null(name) {
            let Value::Table(entries) = &node.value else {
                return wrong_type(self.file, node, TABLE, diagnostics);
            };
            for entry in entries {
                match index.get(entry.key.as_str()) {
                    Some(&at) => {
                        let message = format!("`{}` is given more than once; the last one counts", entry.key);
                        let place = Place::new(self.file, entry.key_span.clone());
                        diagnostics.report(Diagnostic::new(codes::DUPLICATE_FIELD, message).at(place));
                        kept[at] = entry;
                    }
                    None => {
                        index.insert(&entry.key, kept.len());
                        kept.push(entry);
                    }
                }
            }
        }
        (!self.all_since_null(name).is_empty()).then_some(kept)
    }

    /// The file that the fields stand in.
    pub fn file(&self) -> &'a Arc<SourceFile> {
        self.file
    }
}

/// The string at `node`, if it is one and has no control characters.
pub fn text(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let place = Place::new(file, node.span.clone());
    match &node.value {
        Value::Text(text) if text.chars().any(char::is_control) => {
            let message = "the value has a control character";
            diagnostics.report(Diagnostic::new(codes::CONTROL_CHARACTER, message).at(place));
            None
        }
        Value::Text(text) => Some(At {
            value: text.clone(),
            place: Some(place),
        }),
        Value::Null => Some(At {
            value: String::new(),
            place: Some(place),
        }),
        _ => wrong_type(file, node, STRING, diagnostics),
    }
}

/// Reports that `node` is not `expected`; gives None for the convenience of callers.
pub fn wrong_type<T>(file: &Arc<SourceFile>, node: &Node, expected: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let message = format!("expected {expected}, found {}", node.value.kind());
    let mut diagnostic = Diagnostic::new(codes::WRONG_TYPE, message).at(Place::new(file, node.span.clone()));
    let written = file.text.get(node.span.clone()).filter(|text| text.len() <= 40);
    let hint = match (expected, &node.value, written) {
        (STRING, Value::Integer(_) | Value::Number | Value::Boolean(_) | Value::Moment, Some(written)) => {
            Some(format!("put it in quotes: \"{written}\""))
        }
        (INTEGER, Value::Text(text), _) if text.parse::<i64>().is_ok() => Some(format!("write {text}, without quotes")),
        (BOOLEAN, Value::Text(text), _) if text == "true" || text == "false" => {
            Some(format!("write {text}, without quotes"))
        }
        (LIST, Value::Text(_) | Value::Integer(_), Some(written)) => Some(format!("put it in brackets: [{written}]")),
        _ => None,
    };
    if let Some(hint) = hint {
        diagnostic = diagnostic.hint(hint);
    }
    diagnostics.report(diagnostic);
    None
}
