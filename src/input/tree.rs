//! A document as a tree whose every part knows its place, and the reader that takes fields out of it: what is unknown,
//! missing, doubled or of the wrong type is reported here, in one manner for TOML and JSON.
//!
//! It knows no field by name.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::suggest::{fold, nearest};
use crate::diagnostic::{Place, Placed, Reporter, SourceFile, codes};

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
pub const INTEGER: &str = "an integer";
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

/// What a field says.
#[derive(Clone, Debug, Default)]
pub enum Written<T> {
    Absent,
    /// That has been reported.
    #[default]
    Wrong,
    Is(T),
}

impl<T> Written<T> {
    /// The value that it has.
    pub fn given(&self) -> Option<&T> {
        match self {
            Written::Is(value) => Some(value),
            Written::Absent | Written::Wrong => None,
        }
    }

    /// The value, none where the field is absent; nothing where it is wrong.
    pub fn sound(&self) -> Option<Option<&T>> {
        (!matches!(self, Written::Wrong)).then(|| self.given())
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Written::Absent)
    }

    /// The value, `default` where the field is absent, or none where it is wrong.
    pub fn or(self, default: T) -> Option<T> {
        match self {
            Written::Is(value) => Some(value),
            Written::Absent => Some(default),
            Written::Wrong => None,
        }
    }
}

impl<T> Placed for &At<T> {
    fn placed(self) -> Option<Place> {
        self.place.clone()
    }
}

/// How field names are compared.
#[derive(Clone, Copy)]
enum Naming {
    /// As written, as TOML readers do.
    Exact,
    /// Regardless of case, as Go's encoding/json does.
    Folded,
}

/// A document that is being read, and who is told what is wrong with it.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    pub file: &'a Arc<SourceFile>,
    naming: Naming,
    pub say: &'a Reporter,
}

impl<'a> Document<'a> {
    /// TOML, of which `say` is told.
    pub fn toml(file: &'a Arc<SourceFile>, say: &'a Reporter) -> Document<'a> {
        let naming = Naming::Exact;
        Document { file, naming, say }
    }

    /// JSON as cfssl reads it.
    pub fn json(file: &'a Arc<SourceFile>, say: &'a Reporter) -> Document<'a> {
        let naming = Naming::Folded;
        Document { file, naming, say }
    }

    /// The place of `span`.
    pub fn place(self, span: &Range<usize>) -> Place {
        Place::new(self.file, span.clone())
    }

    /// A value that stands at `span`.
    pub fn at<T>(self, span: &Range<usize>, value: T) -> At<T> {
        At {
            value,
            place: Some(self.place(span)),
        }
    }

    /// The key of an entry.
    pub fn key(self, entry: &Entry) -> At<String> {
        self.at(&entry.key_span, entry.key.clone())
    }

    /// The text of `node` as it is written.
    pub fn written(self, node: &Node) -> Option<&'a str> {
        self.file.text.get(node.span.clone())
    }

    /// The fields of the table `node`, of which `known` are the names; reports any other. None if it is no table.
    pub fn fields(self, node: &'a Node, known: &[&'static str]) -> Option<Fields<'a>> {
        self.merged(&[node], &node.span, known)
    }

    /// Several tables as one, as Go reads an object that is given twice.
    fn merged(self, nodes: &[&'a Node], span: &Range<usize>, known: &[&'static str]) -> Option<Fields<'a>> {
        let mut fields = Fields {
            doc: self,
            span: span.clone(),
            entries: BTreeMap::new(),
            meant: BTreeSet::new(),
            has_unknown: false,
        };
        for node in nodes {
            let Value::Table(entries) = &node.value else {
                return self.wrong_type(node, TABLE);
            };
            for entry in entries {
                fields.add(entry, known);
            }
        }
        for (name, entries) in &fields.entries {
            if let [_, .., last] = entries.as_slice() {
                let message = format!("`{name}` is given {} times; the last one counts", entries.len());
                self.say.at(self.place(&last.key_span), codes::DUPLICATE_FIELD, message);
            }
        }
        Some(fields)
    }

    /// The string at `node`, if it is one and has no control characters.
    pub fn text(self, node: &Node) -> Option<At<String>> {
        match &node.value {
            Value::Text(text) if text.chars().any(char::is_control) => {
                let message = "the value has a control character";
                self.say.at(self.place(&node.span), codes::CONTROL_CHARACTER, message);
                None
            }
            Value::Text(text) => Some(self.at(&node.span, text.clone())),
            Value::Null => Some(self.at(&node.span, String::new())),
            _ => self.wrong_type(node, STRING),
        }
    }

    /// Reports that `node` is not `expected`; gives None for the convenience of callers.
    pub fn wrong_type<T>(self, node: &Node, expected: &str) -> Option<T> {
        let written = self.written(node).filter(|text| text.len() <= 40);
        let hint = match (expected, &node.value, written) {
            (STRING, Value::Integer(_) | Value::Number | Value::Boolean(_) | Value::Moment, Some(written)) => {
                Some(format!("put it in quotes: \"{written}\""))
            }
            (INTEGER, Value::Text(text), _) if text.parse::<i64>().is_ok() => {
                Some(format!("write {text}, without quotes"))
            }
            (BOOLEAN, Value::Text(text), _) if text == "true" || text == "false" => {
                Some(format!("write {text}, without quotes"))
            }
            (LIST, Value::Text(_) | Value::Integer(_), Some(written)) => {
                Some(format!("put it in brackets: [{written}]"))
            }
            _ => None,
        };
        let message = format!("expected {expected}, found {}", node.value.kind());
        let place = self.place(&node.span);
        self.say.at(place, codes::WRONG_TYPE, message).hint_if(hint);
        None
    }
}

/// Whether a field of JSON is a remark to its readers: `_comment`, `//`, or the name of a schema.
fn is_comment(name: &str) -> bool {
    name.starts_with(['_', '#']) || name.starts_with("//") || name == "$schema"
}

/// The fields of a table.
pub struct Fields<'a> {
    pub doc: Document<'a>,
    /// The key, or for want of one the table itself, for what is missing.
    span: Range<usize>,
    entries: BTreeMap<&'static str, Vec<&'a Entry>>,
    /// The fields that unknown ones seem to be misspellings of.
    meant: BTreeSet<&'static str>,
    has_unknown: bool,
}

impl<'a> Fields<'a> {
    fn add(&mut self, entry: &'a Entry, known: &[&'static str]) {
        let say = self.doc.say;
        let place = self.doc.place(&entry.key_span);
        let exact = known.iter().find(|name| **name == entry.key);
        let folded = || known.iter().find(|name| fold(name) == fold(&entry.key));
        match (exact, exact.or_else(folded), self.doc.naming) {
            (Some(name), ..) => self.entries.entry(name).or_default().push(entry),
            (None, Some(name), Naming::Folded) => {
                let message = format!("`{}` is written in another case than `{name}`", entry.key);
                say.at(place, codes::FIELD_CASE, message)
                    .hint(format!("write `{name}`"));
                self.entries.entry(name).or_default().push(entry);
            }
            // JSON has no comments, and this is how people write them.
            (None, None, Naming::Folded) if is_comment(&entry.key) => {}
            _ => {
                let names = || known.iter().copied();
                let near = nearest(&entry.key, names());
                self.has_unknown = true;
                self.meant.extend(names().find(|name| Some(*name) == near));
                say.at(place, codes::UNKNOWN_FIELD, format!("unknown field `{}`", entry.key))
                    .meant_of(&entry.key, names(), "the fields here are");
            }
        }
    }

    /// Whether `name` is absent, but a field that is there seems to be it, misspelt: that has been reported, and that
    /// `name` is missing need not be.
    pub fn misspelt(&self, name: &str) -> bool {
        !self.has(name) && self.meant.contains(name)
    }

    /// Whether `name` is absent, but a field that nobody knows, and that has been reported, may have been meant for it: what belongs to
    /// `name` is not said to be of no use.
    pub fn may_be_meant(&self, name: &str) -> bool {
        !self.has(name) && self.has_unknown
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
        self.doc.place(self.get(name).map_or(&self.span, |node| &node.span))
    }

    /// Where the key `name` stands, or the table for want of it.
    pub fn key_place(&self, name: &str) -> Place {
        let key = self.entries.get(name).and_then(|entries| entries.last());
        self.doc.place(key.map_or(&self.span, |entry| &entry.key_span))
    }

    /// The key `name`, where it stands.
    pub fn key_at(&self, name: &'static str) -> At<&'static str> {
        At {
            value: name,
            place: Some(self.key_place(name)),
        }
    }

    /// Where the table stands.
    pub fn own_place(&self) -> Place {
        self.doc.place(&self.span)
    }

    /// Reports that `name` is missing, unless it has a value.
    pub fn require(&self, name: &str) -> bool {
        if !self.has(name) && !self.misspelt(name) {
            let message = format!("`{name}` is missing");
            self.doc
                .say
                .at(self.own_place(), codes::MISSING_FIELD, message)
                .hint(format!("add `{name}`"));
        }
        self.has(name)
    }

    /// The string `name`. None if it is absent, wrong or not printable; the latter two are reported.
    pub fn text(&self, name: &str) -> Option<At<String>> {
        self.doc.text(self.get(name)?)
    }

    /// The string `name`, `default` if absent, or None if it is wrong.
    pub fn text_or(&self, name: &str, default: &str) -> Option<At<String>> {
        let written = self.written(name, || self.text(name));
        written.or(At::default_value(default.to_owned()))
    }

    /// The integer `name`.
    pub fn integer(&self, name: &str) -> Option<At<i64>> {
        let node = self.get(name)?;
        match node.value {
            Value::Integer(value) => Some(self.doc.at(&node.span, value)),
            _ => self.doc.wrong_type(node, INTEGER),
        }
    }

    /// The boolean `name`.
    pub fn boolean(&self, name: &str) -> Option<At<bool>> {
        let node = self.get(name)?;
        match node.value {
            Value::Boolean(value) => Some(self.doc.at(&node.span, value)),
            _ => self.doc.wrong_type(node, BOOLEAN),
        }
    }

    /// The list of tables `name`. Go mixes the entries of one that is given twice, so that is refused.
    pub fn tables(&self, name: &str) -> &'a [Node] {
        if self.all_since_null(name).len() > 1 {
            let message = format!("`{name}` is given more than once, and cfssl mixes the entries");
            self.doc.say.at(self.key_place(name), codes::MIXED_LISTS, message);
            return &[];
        }
        self.nodes(name)
    }

    /// The list `name`, empty if it is absent or wrong.
    pub fn nodes(&self, name: &str) -> &'a [Node] {
        self.list(name).map_or(&[], |list| list.value)
    }

    /// The list `name`.
    pub fn list(&self, name: &str) -> Option<At<&'a [Node]>> {
        let node = self.all_since_null(name).last().copied()?;
        match &node.value {
            Value::List(list) => Some(self.doc.at(&node.span, list.as_slice())),
            _ => self.doc.wrong_type(node, LIST),
        }
    }

    /// The list of strings `name`, without those that are wrong. As in Go a null among them is an empty string.
    pub fn texts(&self, name: &str) -> Vec<At<String>> {
        self.nodes(name).iter().filter_map(|node| self.doc.text(node)).collect()
    }

    /// Whether the boolean `name` is true.
    pub fn is_true(&self, name: &str) -> bool {
        self.boolean(name).is_some_and(|at| at.value)
    }

    /// The fields of the table `name`.
    pub fn table(&self, name: &str, known: &[&'static str]) -> Option<Fields<'a>> {
        let nodes = self.all_since_null(name);
        let last = nodes.last()?;
        let key = self
            .entries
            .get(name)
            .and_then(|entries| entries.last())
            .map(|entry| &entry.key_span);
        self.doc.merged(&nodes, key.unwrap_or(&last.span), known)
    }

    /// The entries of the table `name`, whose keys are the user's own: later ones of a key replace earlier ones.
    pub fn map(&self, name: &str) -> Vec<&'a Entry> {
        let mut kept: Vec<&'a Entry> = Vec::new();
        let mut index: BTreeMap<&'a str, usize> = BTreeMap::new();
        for node in self.all_since_null(name) {
            let Value::Table(entries) = &node.value else {
                return self.doc.wrong_type(node, TABLE).unwrap_or_default();
            };
            for entry in entries {
                match index.get(entry.key.as_str()) {
                    Some(&at) => {
                        let message = format!("`{}` is given more than once; the last one counts", entry.key);
                        let place = self.doc.place(&entry.key_span);
                        self.doc.say.at(place, codes::DUPLICATE_FIELD, message);
                        kept[at] = entry;
                    }
                    None => {
                        index.insert(&entry.key, kept.len());
                        kept.push(entry);
                    }
                }
            }
        }
        kept
    }

    /// What `read` makes of the string `name`; none if it is absent or wrong.
    pub fn parsed<T>(&self, name: &str, read: impl FnOnce(At<String>, &Reporter) -> Option<T>) -> Option<T> {
        read(self.text(name)?, self.doc.say)
    }

    /// As [`Fields::parsed`], and whether it is absent.
    pub fn optional<T>(&self, name: &str, read: impl FnOnce(At<String>, &Reporter) -> Option<T>) -> Written<T> {
        self.written(name, || self.parsed(name, read))
    }

    /// What `read` makes of the field `name` if it has a value.
    pub fn written<T>(&self, name: &str, read: impl FnOnce() -> Option<T>) -> Written<T> {
        match self.has(name) {
            true => read().map_or(Written::Wrong, Written::Is),
            false => Written::Absent,
        }
    }
}
