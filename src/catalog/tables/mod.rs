//! The rows: edit these to change what is generated.

pub(crate) mod artifacts;
pub(crate) mod components;
pub(crate) mod instead;
pub(crate) mod limits;
pub(crate) mod ports;
pub(crate) mod releases;
pub(crate) mod reloads;
pub(crate) mod rotations;
pub(crate) mod rules;
pub(crate) mod safeguards;
#[cfg(test)]
mod tests;
pub(crate) mod upgrades;
