//! What a key is called, and where it comes from.

use std::fmt;
use std::sync::Arc;

use crate::cluster::Generation;
use crate::pki::key::{Algorithm, KeyPair, PublicKey};

/// What one key is, and what is made with it: everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId<'a> {
    /// Whose it is.
    pub of: KeyOf<'a>,
    /// The host whose own it is.
    pub host: Option<&'a str>,
    /// Which of its successors.
    pub generation: Generation,
}

/// Whose a key is, of each host or of the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyOf<'a> {
    /// The identity of this name, a row of the layout.
    Identity(&'static str),
    /// The certificate of the user's own of this name.
    Own(&'a str),
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug)]
pub enum KeyFrom<'a> {
    /// It is derived from the seed.
    Seed(Algorithm),
    /// Somebody already has it.
    File(&'a Arc<KeyPair>),
    /// Somebody already has it, and of it the public half alone is at hand: enough to plan, and to compare what does not depend on
    /// the other.
    Elsewhere(&'a PublicKey),
    /// The authority whose it is signs elsewhere, and nothing here is made with it.
    Kept,
}

impl KeyId<'_> {
    /// The name that it is derived for, in every generation: `ca`, `node/node1`, `certificate/metrics`. No identity's name has a
    /// slash.
    pub fn name(&self) -> String {
        match (self.of, self.host) {
            (KeyOf::Identity(name), None) => name.to_owned(),
            (KeyOf::Identity(name), Some(host)) => format!("{name}/{host}"),
            (KeyOf::Own(name), _) => format!("certificate/{name}"),
        }
    }
}

impl fmt::Display for KeyId<'_> {
    /// Its name, and after an `@` the generation of all but the first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match self.generation {
            Generation::FIRST => Ok(()),
            later => write!(f, "@{}", later.number()),
        }
    }
}
