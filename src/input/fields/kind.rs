//! What a row of the table of fields is made of: a field's type, and what counts where it is absent.
use serde_json::{Value, json};

use crate::catalog::releases::{self, Program};

use crate::diagnostic::suggest;

/// A table of cluster.toml. Fields that are not among its own are refused.
pub struct Section {
    /// The keys that lead to it, a dot between them: `pki.ca`. A word in capitals is a key that the user chooses.
    pub path: &'static str,
    pub fields: &'static [Field],
    pub together: Together,
}

/// Which fields of a section must be there together, or not.
#[derive(Clone, Copy)]
pub enum Together {
    /// Each by itself.
    Any,
    /// One of these or more.
    AtLeastOne(&'static [&'static str]),
    /// One of these, and no more.
    ExactlyOne(&'static [&'static str]),
}

/// A row of the table.
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    pub absent: Absent,
    /// What it is, as text with code in backquotes.
    pub what: &'static str,
}

/// What counts where a field is absent.
pub enum Absent {
    /// It is a mistake.
    Required,
    /// Nothing takes its place.
    Nothing,
    /// This value, written without quotes.
    Is(&'static str),
    /// What follows from something else, in words.
    Follows(&'static str),
}

/// What a field takes.
pub enum FieldKind {
    Text(&'static TextForm),
    /// A text that is one of these; the first is what they are called.
    OneOf(&'static str, fn() -> Vec<&'static str>),
    /// A program's version.
    Version(Program),
    /// From the first to the last, both included.
    Integer(i64, i64),
    Boolean,
    /// An instant: RFC 3339 as a text, or TOML's own.
    Moment,
    /// A text, or a list of one for each address family.
    PerFamily(&'static TextForm),
    List(&'static FieldKind),
    /// A list that has something in it, and nothing twice.
    Set(&'static FieldKind),
    Table(&'static Section),
    /// A table with keys of the user's choice.
    Map(&'static FieldKind, &'static FieldKind),
    /// What a flag is set to: a value, several, or false to remove it.
    Flag,
    /// What both YAML and TOML have.
    Settings,
}

/// How a text is to be written. What is wrong with it is the reader's to say; the pattern never refuses what the reader takes.
pub struct TextForm {
    /// What such a text is, with its article.
    pub called: &'static str,
    /// A regular expression that ECMAScript, Python and Rust read alike.
    pub pattern: &'static str,
    /// In characters.
    pub longest: usize,
    /// One that is right.
    pub such_as: &'static str,
}

impl Section {
    /// The names that its fields may have.
    pub fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.name).collect()
    }

    /// How it is written: `[pki.ca]`, `[[hosts]]`.
    pub fn heading(&self, is_list: bool) -> String {
        match is_list {
            true => format!("[[{}]]", self.path),
            false => format!("[{}]", self.path),
        }
    }
}

impl Field {
    /// The section below it, and whether it is a list of such.
    pub fn section(&self) -> Option<(&'static Section, bool)> {
        match &self.kind {
            FieldKind::Table(section) | FieldKind::Map(_, FieldKind::Table(section)) => Some((*section, false)),
            FieldKind::List(FieldKind::Table(section)) => Some((*section, true)),
            _ => None,
        }
    }

    /// What it is, and what follows where it is absent, as text.
    pub fn description(&self) -> String {
        match &self.absent {
            Absent::Follows(words) => format!("{} (default: {words})", self.what),
            _ => self.what.to_owned(),
        }
    }

    /// The default, where it is a value.
    pub fn default_value(&self) -> Option<Value> {
        match (&self.absent, &self.kind) {
            (Absent::Is(text), FieldKind::Integer(..) | FieldKind::Boolean) => serde_json::from_str(text).ok(),
            (Absent::Is(text), _) => Some(json!(text)),
            _ => None,
        }
    }
}

impl Absent {
    /// As the column of a table.
    pub fn in_words(&self) -> String {
        match self {
            Absent::Required => "required".to_owned(),
            Absent::Nothing => "none".to_owned(),
            Absent::Is(value) => format!("`{value}`"),
            Absent::Follows(words) => (*words).to_owned(),
        }
    }
}

impl FieldKind {
    /// The type in words, with what is possible.
    pub fn in_words(&self) -> String {
        /// More than this are not listed.
        const MOST_LISTED: usize = 8;
        match self {
            FieldKind::Text(form) => form.in_words(),
            FieldKind::OneOf(called, all) => match all() {
                all if all.len() > MOST_LISTED => (*called).to_owned(),
                all => suggest::offered(all),
            },
            FieldKind::Version(program) => {
                let (first, last) = releases::known(*program);
                format!("a version, `{first}` to `{last}`, with or without a patch")
            }
            FieldKind::Integer(first, last) => format!("a number from {first} to {last}"),
            FieldKind::Boolean => "`true` or `false`".to_owned(),
            FieldKind::Moment => "an instant, such as `2026-01-01T00:00:00Z`".to_owned(),
            FieldKind::PerFamily(form) => format!("{}, or a list of one of each family", form.in_words()),
            FieldKind::List(FieldKind::Table(_)) => "a list of tables".to_owned(),
            FieldKind::List(of) | FieldKind::Set(of) => format!("a list: {}", of.in_words()),
            FieldKind::Table(_) => "a table".to_owned(),
            FieldKind::Map(keys, FieldKind::Table(_)) => format!("a table for {}", keys.in_words()),
            FieldKind::Map(keys, of) => format!("{} = {}", keys.in_words(), of.in_words()),
            FieldKind::Flag => "a text, a number, `true` or a list of them; or `false`".to_owned(),
            FieldKind::Settings => "a table of anything but dates".to_owned(),
        }
    }
}

impl TextForm {
    fn in_words(&self) -> String {
        match self.such_as {
            "" => self.called.to_owned(),
            example => format!("{}, such as `{example}`", self.called),
        }
    }
}
