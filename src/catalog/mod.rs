//! The tables: edit these to change what is generated.
pub mod identities;
pub mod releases;
