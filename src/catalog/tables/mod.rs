//! The rows: edit these to change what is generated.

pub mod artifacts;
pub mod components;
pub mod instead;
pub mod ports;
pub mod releases;
pub mod safeguards;
#[cfg(test)]
mod tests;
