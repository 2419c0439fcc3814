//! JSON text -> tree, with the place of every key and value, and every key even when it is doubled.
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::diagnostic::{SourceFile, codes};

use super::tree::{Document, Entry, Node, Value};

/// How deep lists and tables may be nested; a CSR has four levels.
const DEEPEST: usize = 32;

/// The tree of the document, or none when its syntax is wrong, which is reported.
pub fn parse(doc: Document<'_>) -> Option<Node> {
    // Go's decoder refuses a byte order mark as well; naming it is kinder than "expected value".
    if doc.file.text.starts_with('\u{feff}') {
        doc.say
            .at(
                doc.place(&(0..3)),
                codes::JSON_SYNTAX,
                "the file begins with a byte order mark",
            )
            .hint("save it as UTF-8 without a byte order mark");
        return None;
    }
    match serde_json::from_str::<&RawValue>(&doc.file.text) {
        Ok(raw) => node(doc, raw, 0),
        Err(error) => {
            let span = offset_of(&doc.file.text, error.line(), error.column());
            doc.say
                .at(doc.place(&span), codes::JSON_SYNTAX, message(&error))
                .hint_if(something_else(&doc.file.text, span.start));
            None
        }
    }
}

fn node(doc: Document<'_>, raw: &RawValue, depth: usize) -> Option<Node> {
    let text = raw.get();
    let span = span_of(doc.file, text);
    if depth > DEEPEST {
        doc.say
            .at(doc.place(&span), codes::TOO_DEEP, format!("more than {DEEPEST} levels"));
        return None;
    }
    let value = match text.bytes().next() {
        Some(b'{') => {
            let pairs: Pairs<'_> = part(doc, raw)?;
            let mut entries = Vec::with_capacity(pairs.0.len());
            for (key, value) in pairs.0 {
                entries.push(Entry {
                    key: part(doc, key)?,
                    key_span: span_of(doc.file, key.get()),
                    node: node(doc, value, depth + 1)?,
                });
            }
            Value::Table(entries)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = part(doc, raw)?;
            let list: Option<_> = items.into_iter().map(|item| node(doc, item, depth + 1)).collect();
            Value::List(list?)
        }
        Some(b'"') => Value::Text(part(doc, raw)?),
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'n') => Value::Null,
        _ => text.parse().map_or(Value::Number, Value::Integer),
    };
    Some(Node { value, span })
}

/// A part of the document, as serde_json reads it.
fn part<'a, T: serde::Deserialize<'a>>(doc: Document<'_>, raw: &'a RawValue) -> Option<T> {
    let read = serde_json::from_str(raw.get());
    let place = || doc.place(&span_of(doc.file, raw.get()));
    read.inspect_err(|error| {
        doc.say.at(place(), codes::JSON_SYNTAX, message(error));
    })
    .ok()
}

/// What to do with a text that is something else than JSON, by what stands where JSON ends.
fn something_else(text: &str, at: usize) -> Option<&'static str> {
    let here = text[at..].trim_start();
    let before = text[..at].trim_end();
    let is_at_start = before.is_empty();
    let stands = |marks: &[&str]| {
        marks
            .iter()
            .any(|mark| here.starts_with(mark) || before.ends_with(mark))
    };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if stands(&["{{", "{%", "<%", "${"]) || before.ends_with('{') && here.starts_with('{') {
        Some("it is a template: put the file here that it makes")
    } else if is_at_start && (first.contains("<<") || first.starts_with("#!")) {
        Some(
            "it is a script for the shell: put the JSON alone here, what stands between the marks of the here document",
        )
    } else if stands(&["//", "/*"]) || here.starts_with('#') {
        Some("JSON has no comments: a field whose name begins with `_` is passed over")
    } else if before.ends_with(',') && here.starts_with(['}', ']']) {
        Some("take the comma before it away")
    } else {
        None
    }
}

/// serde_json's message without the position that it appends: the place says that better.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message)
        .to_owned()
}

/// Where `part`, a slice of the file's text, stands in it.
fn span_of(file: &SourceFile, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(file.text.as_ptr() as usize);
    start..start + part.len()
}

/// The character at a line and a column, both counted from 1 and columns in bytes, as serde_json does.
fn offset_of(text: &str, line: usize, column: usize) -> Range<usize> {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut start = (line_start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    start..start + text[start..].chars().next().map_or(0, char::len_utf8)
}

/// The members of an object in the order of the text, doubled ones included.
struct Pairs<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostic, Reporter};

    fn tree(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let (file, say) = (SourceFile::new("a.json", text), Reporter::default());
        let tree = parse(Document::json(&file, &say));
        (tree, say.take())
    }

    #[test]
    fn knows_the_place_of_each_key_and_value() {
        let text = "{ \"a\" : [1, \"x\"],\n  \"\\u0061\": null }";
        let (
            Some(Node {
                value: Value::Table(entries),
                span,
            }),
            problems,
        ) = tree(text)
        else {
            panic!("no table")
        };
        assert!(problems.is_empty());
        assert_eq!(&text[span], text);
        assert_eq!(
            entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(),
            ["a", "a"]
        );
        assert_eq!(&text[entries[0].key_span.clone()], "\"a\"");
        assert_eq!(&text[entries[0].node.span.clone()], "[1, \"x\"]");
        assert_eq!(&text[entries[1].key_span.clone()], "\"\\u0061\"");
        assert_eq!(entries[1].node.value, Value::Null);
    }

    #[test]
    fn points_at_the_syntax_error() {
        let text = "{\n  \"a\": 1,\n}";
        let (tree, problems) = tree(text);
        assert!(tree.is_none());
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "json-syntax");
        assert_eq!(
            problems[0].place.as_ref().map(|place| &text[place.span.clone()]),
            Some("}")
        );
    }

    #[test]
    fn refuses_depth_and_lone_surrogates() {
        assert_eq!(
            tree(&format!("{}{}", "[".repeat(100), "]".repeat(100))).1[0].code,
            "too-deep"
        );
        assert_eq!(
            tree(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).1[0].code,
            "too-deep"
        );
        assert_eq!(tree(r#"{"a": "\ud800"}"#).1[0].code, "json-syntax");
    }
}
