//! Which clusters and which hosts a row is for.

use std::collections::BTreeSet;
use std::fmt;

use super::engines::{Engine, Runtime};
use super::layouts::Layout;
use super::roles::Role;

/// Which hosts get a row's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every host with the role.
    Role(Role),
    /// Every host with one of the roles.
    Either(Role, Role),
    /// Every host with the first role that lacks the second.
    But(Role, Role),
    /// The first host with the first role, and every host with the second.
    FirstAnd(Role, Role),
}

impl On {
    /// Whether a host of these roles gets the row's file; `is_first` says whether it is the first host of a role.
    pub fn is(self, roles: &BTreeSet<Role>, is_first: impl Fn(Role) -> bool) -> bool {
        match self {
            On::Role(role) => roles.contains(&role),
            On::Either(one, other) => roles.contains(&one) || roles.contains(&other),
            On::But(role, not) => roles.contains(&role) && !roles.contains(&not),
            On::FirstAnd(first, every) => roles.contains(&every) || is_first(first),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Role(role) => f.write_str(role.name()),
            On::Either(one, other) => write!(f, "{} or {}", one.name(), other.name()),
            On::But(role, not) => write!(f, "{} but not {}", role.name(), not.name()),
            On::FirstAnd(first, every) => write!(f, "first {} and {}", first.name(), every.name()),
        }
    }
}

/// In which clusters a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    Layout(Layout),
    Runtime(Runtime),
    /// Nodes and pods are connected by bridges and routes of the compiler's making.
    Bridges,
    /// Pods may ask for gVisor's sandbox.
    GVisor,
    /// This is the program that balances connections.
    Engine(Engine),
    /// The load balancers share an address.
    VirtualAddress,
}
