//! Which fields cluster.toml may have, in one table (`table`): the reader has its known names from it, `docs/cluster-toml.md`
//! and the JSON Schema are made of it.
//!
//! The table says *what* there is. *How* a field is read, and what must fit together, is the code's that reads it;
//! `tests/schema.rs` holds the two together.
// Rows are a line each.
#[rustfmt::skip]
mod forms;
mod kind;
mod page;
mod schema;
#[rustfmt::skip]
mod table;

pub use kind::{Absent, Field, FieldKind, Section, TextForm, Together};
pub use page::page;
pub use schema::schema;
pub use table::*;
