//! The JSON documents that are printed for programs: what each is called, and its schema.
//!
//! A document names its kind, `khw-gen/NAME/v1`. What is added to one keeps the number; what is taken away, or means something else, is a
//! new one. The schemas are JSON Schema, draft 7.

use serde_json::{Map, Value};

/// Makes the table of the kinds from their names.
macro_rules! kinds {
    ($($kind:ident $name:literal;)*) => {
        /// What a document is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum JsonKind {
            $(#[doc = concat!("`khw-gen/", $name, "/v1`")] $kind,)*
        }

        impl JsonKind {
            pub const ALL: &[JsonKind] = &[$(JsonKind::$kind),*];

            /// Without what stands around it: `findings`.
            pub fn name(self) -> &'static str {
                match self {
                    $(JsonKind::$kind => $name,)*
                }
            }

            /// The JSON Schema of the documents of this kind.
            pub fn schema(self) -> &'static str {
                match self {
                    $(JsonKind::$kind => include_str!(concat!("../docs/schema/", $name, "-v1.json")),)*
                }
            }
        }
    };
}

kinds! {
    Adoption "adoption";
    Changes "changes";
    Codes "codes";
    CommandLines "command-lines";
    Diagnostics "diagnostics";
    Error "error";
    Expiry "expiry";
    Facts "facts";
    Findings "findings";
    Golden "golden";
    Inventory "inventory";
    Plan "plan";
    Releases "releases";
    Renewal "renewal";
    Report "report";
    Requests "requests";
    Rotation "rotation";
    Secrets "secrets";
    Upgrade "upgrade";
}

impl JsonKind {
    /// A document of this kind with these fields.
    pub fn document<const FIELDS: usize>(self, fields: [(&str, Value); FIELDS]) -> Value {
        let kind = Value::String(format!("khw-gen/{}/v1", self.name()));
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Value::Object(Map::from_iter(std::iter::once(("kind".to_owned(), kind)).chain(fields)))
    }
}
