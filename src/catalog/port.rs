//! A port of a host at which a component listens.

use super::change::Version;
use super::roles::Role;

/// One row: a port that is taken on every host with the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub role: Role,
    /// The program that listens there.
    pub program: &'static str,
    pub number: u16,
    /// Who that is, in a sentence.
    pub whose: &'static str,
    /// The last release of Kubernetes in which it listens there; none where it still does.
    pub last: Option<Version>,
}

impl Port {
    pub const fn new(role: Role, program: &'static str, number: u16, whose: &'static str) -> Port {
        Port {
            role,
            program,
            number,
            whose,
            last: None,
        }
    }

    pub const fn until(self, last: Version) -> Port {
        Port {
            last: Some(last),
            ..self
        }
    }

    /// Whether it is taken in a release of Kubernetes. Where the release is not known, what has gone since is taken to be gone.
    pub fn is_taken_in(&self, kubernetes: Option<Version>) -> bool {
        match self.last {
            None => true,
            Some(last) => kubernetes.is_some_and(|version| version <= last),
        }
    }
}
