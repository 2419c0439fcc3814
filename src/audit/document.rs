//! YAML, JSON and TOML as a tree, read within limits. An error says which line, never what stands there.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::rules::values::{DocumentNode, DocumentValue};

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

    /// Puts a value at a path of names, and makes the maps on the way that are not there.
    pub(crate) fn set(&mut self, path: &[&str], value: Tree) {
        let Some((name, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self, Tree::Map(_)) {
            *self = Tree::Map(Vec::new());
        }
        let Tree::Map(fields) = self else { return };
        match fields.iter_mut().find(|(field, _)| field == name) {
            Some((_, field)) => field.set(rest, value),
            None => {
                let mut field = Tree::Map(Vec::new());
                field.set(rest, value);
                fields.push(((*name).to_owned(), field));
            }
        }
    }

    /// What kind of an object it says it is; empty where it does not say.
    pub fn kind(&self) -> &str {
        self.text_at(&["kind"]).unwrap_or_default()
    }

    /// Whether it is an encryption configuration, of whatever version.
    pub fn is_encryption(&self) -> bool {
        matches!(self.kind(), "EncryptionConfiguration" | "EncryptionConfig")
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

impl DocumentNode for Tree {
    fn given(&self) -> DocumentValue<'_, Tree> {
        match self {
            Tree::Text(text) => DocumentValue::of_yaml(text),
            Tree::List(items) => DocumentValue::List(items),
            Tree::Map(fields) => {
                DocumentValue::Map(fields.iter().map(|(name, value)| (name.as_str(), value)).collect())
            }
            Tree::Plain(plain) => match (plain.as_str(), plain.parse(), plain.parse()) {
                ("null", ..) => DocumentValue::Nothing,
                ("true" | "false", ..) => DocumentValue::Boolean,
                (_, Ok(whole), _) => DocumentValue::Whole(whole),
                (_, _, Ok(number)) => DocumentValue::Number(number),
                _ => DocumentValue::Text(plain),
            },
        }
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
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

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Tree, E> {
        pay(value.len())?;
        Ok(Tree::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Tree, E> {
        pay(value.len())?;
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
            pay(0)?;
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields: Vec<(String, Tree)> = Vec::new();
        let mut names = BTreeSet::new();
        while let Some((name, value)) = map.next_entry::<Tree, Tree>()? {
            let name = name.text().unwrap_or_default().to_owned();
            pay(2 * name.len())?;
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom("a field is given twice"));
            }
            fields.push((name, value));
        }
        Ok(Tree::Map(fields))
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

/// More than any file of a cluster has.
const MOST_BYTES: usize = 4 << 20;
/// Levels of brackets and of indentation.
const DEEPEST: usize = 200;

/// The most that the trees of one file may take in memory, and those of all files together. A document of a few bytes can
/// ask for a lot: by aliases, or since each value is a node.
const MOST_OF_ONE: usize = 64 << 20;
const MOST_OF_ALL: usize = 1 << 30;
/// Those of one host.
const MOST_OF_HOST: usize = 128 << 20;
/// What a value takes besides its text.
const COST_OF_NODE: usize = 96;

thread_local! {
    /// What the trees of the text that is being read may still take: a visitor is handed nothing that could count.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

fn pay<E: serde::de::Error>(bytes: usize) -> Result<(), E> {
    let left = LEFT.get().checked_sub(COST_OF_NODE + bytes);
    LEFT.set(left.unwrap_or(0));
    left.map(drop).ok_or_else(|| E::custom("too much"))
}

/// Why a text could not be read.
pub enum Unread {
    /// It is not what it should be, in that line where it is known.
    Syntax(Option<u64>),
    /// It, or all together, is more than any cluster has.
    TooLarge,
}

/// Reads documents, as many as there may be.
pub struct Documents {
    left: usize,
    taken: usize,
}

impl Default for Documents {
    fn default() -> Self {
        let (left, taken) = (MOST_OF_ALL, 0);
        Documents { left, taken }
    }
}

impl Documents {
    /// For a host's part of what is left.
    pub(crate) fn for_one_host(&self) -> Documents {
        let left = self.left.min(MOST_OF_HOST);
        Documents { left, taken: 0 }
    }

    /// Takes what another reading of the same text took; whether there is that much.
    pub(crate) fn take(&mut self, cost: usize) -> bool {
        let is_enough = cost <= self.left.min(MOST_OF_ONE);
        if is_enough {
            self.left -= cost;
            self.taken += cost;
        }
        is_enough
    }

    /// What was taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// What another one has read of this one's is gone.
    pub(crate) fn pay_for(&mut self, other: &Documents) {
        self.left = self.left.saturating_sub(other.taken);
    }

    /// The documents of a YAML stream.
    pub fn yaml(&mut self, text: &str) -> Result<Vec<Tree>, Unread> {
        if text.len() <= MOST_BYTES && is_deep(text) {
            return Err(Unread::Syntax(None));
        }
        self.within(text, || {
            let options = serde_saphyr::options! {
                budget: serde_saphyr::budget! { max_recorded_anchor_events: 100_000, max_recorded_anchor_bytes: MOST_BYTES },
            };
            serde_saphyr::from_multiple_with_options(text, options)
                .map_err(|error| error.location().map(|location| location.line()))
        })
    }

    /// A JSON document.
    pub fn json(&mut self, text: &str) -> Result<Tree, Unread> {
        self.within(text, || {
            serde_json::from_str(text).map_err(|error| Some(error.line() as u64))
        })
    }

    /// A TOML document.
    pub fn toml(&mut self, text: &str) -> Result<Tree, Unread> {
        self.within(text, || {
            let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() as u64 + 1;
            toml::from_str(text).map_err(|error| error.span().map(|span| line(span.start)))
        })
    }

    fn within<T>(&mut self, text: &str, read: impl FnOnce() -> Result<T, Option<u64>>) -> Result<T, Unread> {
        if text.len() > MOST_BYTES {
            return Err(Unread::TooLarge);
        }
        let most = self.left.min(MOST_OF_ONE);
        LEFT.set(most);
        let read = read();
        let left = LEFT.get();
        if read.is_ok() {
            self.left -= most - left;
            self.taken += most - left;
        }
        // Whoever asked for more has nothing left.
        read.map_err(|line| match left {
            0 => Unread::TooLarge,
            _ => Unread::Syntax(line),
        })
    }
}

/// The documents of one YAML stream, for whoever keeps none of them.
pub fn yaml(text: &str) -> Result<Vec<Tree>, Unread> {
    Documents::default().yaml(text)
}

/// One JSON document, likewise.
pub fn json(text: &str) -> Result<Tree, Unread> {
    Documents::default().json(text)
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
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'?' | b':'))
                .count()
        })
        .max()
        .unwrap_or(0);
    brackets > DEEPEST || dashes > 2 * DEEPEST
}
