//! The tables: edit these to change what is generated. Rows are data; there is no code in them.

pub mod artifacts;
pub mod components;
pub mod engines;
pub mod flags;
pub mod identities;
pub mod releases;
pub mod roles;
pub mod safeguards;
