//! YAML and JSON as a tree, read within limits. An error says which line, never what stands there.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A value of a document. Texts may be secrets, so they are wiped.
#[derive(Clone, PartialEq)]
pub enum Tree {
    /// Anything that is no text, list or map, as text: `null`, `true`, `1`.
    Plain(String),
    Text(Zeroizing<String>),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// The field of a map.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Map(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The field at a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, name| tree.get(name))
    }

    /// The text of a scalar, whatever its type.
    pub fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            Tree::Plain(text) if text != "null" => Some(text),
            _ => None,
        }
    }

    /// The text at a path of names; none where it is empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Tree::text).filter(|text| !text.is_empty())
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Tree] {
        match self {
            Tree::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list at a path.
    pub fn items_at(&self, path: &[&str]) -> &[Tree] {
        self.at(path).map_or(&[], Tree::items)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(Zeroizing::new(value)))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain("null".to_owned()))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Plain("null".to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Tree, D::Error> {
        Tree::deserialize(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields: Vec<(String, Tree)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<Tree, Tree>()? {
            let name = name.text().unwrap_or_default().to_owned();
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(serde::de::Error::custom("a field is given twice"));
            }
            fields.push((name, value));
        }
        Ok(Tree::Map(fields))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// More than any file of a cluster has; a document of a few bytes can still ask for a lot (aliases), which the reader's own
/// budget stops.
const MOST_BYTES: usize = 4 << 20;
/// Levels of brackets and of indentation.
const DEEPEST: usize = 200;

/// The documents of a YAML stream; an error is the line, where that is known.
pub fn yaml(text: &str) -> Result<Vec<Tree>, Option<u64>> {
    if text.len() > MOST_BYTES || is_deep(text) {
        return Err(None);
    }
    serde_saphyr::from_multiple(text).map_err(|error| error.location().map(|location| location.line()))
}

/// A JSON document; an error is its line.
pub fn json(text: &str) -> Result<Tree, Option<u64>> {
    serde_json::from_str(text).map_err(|error| Some(error.line() as u64))
}

/// Whether brackets or indentation go so deep that a reader might run out of stack.
fn is_deep(text: &str) -> bool {
    let brackets = text
        .bytes()
        .scan(0_usize, |depth, byte| {
            match byte {
                b'[' | b'{' => *depth += 1,
                b']' | b'}' => *depth = depth.saturating_sub(1),
                _ => {}
            }
            Some(*depth)
        })
        .max()
        .unwrap_or(0);
    let dashes = text
        .lines()
        .map(|line| {
            line.bytes()
                .take_while(|byte| matches!(byte, b' ' | b'-' | b'?' | b':'))
                .count()
        })
        .max()
        .unwrap_or(0);
    brackets > DEEPEST || dashes > 2 * DEEPEST
}
