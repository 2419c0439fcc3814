//! What is generated: edit the rows in [`tables`] and [`layouts`] to change it. Rows are data, and there is no code in them; what
//! a row is made of and what looks rows up stands beside them.

pub mod artifact;
pub mod change;
pub mod component;
pub mod engines;
pub mod flag;
pub mod flags;
pub mod holds;
pub mod identity;
pub mod layouts;
pub mod releases;
pub mod roles;
pub mod safeguard;
pub mod scope;
pub mod tables;

use component::Component;
use tables::components::COMPONENTS;

/// The component of that name.
pub fn component(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}
