//! A keyed digest of what is written piece by piece, however long it gets: two are equal only if all that was written was,
//! and without the seed nobody can try out what it was.
//!
//! docs/derivation.md says which key; nothing of what is written stays in memory.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::derivation::{Purpose, Seed};
use super::digest::hex;
use super::key::keyed_with;

/// The generation of the key; another would change every identity.
const GENERATION: u32 = 1;

/// HMAC-SHA256 over what is written to it, wiped on drop.
pub struct KeyedDigest(Hmac<Sha256>);

impl KeyedDigest {
    /// The digest that tells one build of a cluster from another.
    pub fn of_build(seed: &Seed, cluster: &str) -> KeyedDigest {
        let key = seed.derive(cluster, &Purpose::BuildIdentityKey, GENERATION);
        KeyedDigest(keyed_with(key.as_slice()))
    }

    /// A field with its length before it, as eight bytes, big-endian: no two lists of fields are written alike.
    pub fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// The digest as 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize().into_bytes())
    }
}

/// Text without a length: what it is followed by has to be told from it otherwise.
impl fmt::Write for KeyedDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedDigest(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn it_depends_on_the_seed_the_cluster_and_every_field() {
        let digest = |number, cluster: &str, fields: &[&str], text: &str| {
            let mut digest = KeyedDigest::of_build(&Seed::stand_in(number), cluster);
            fields.iter().for_each(|field| digest.field(field.as_bytes()));
            digest.write_str(text).unwrap();
            assert_eq!(format!("{digest:?}"), "KeyedDigest(not shown)");
            digest.finish()
        };
        let one = digest(1, "demo", &["a", "b"], "text");
        assert_eq!(one.len(), 64);
        assert_eq!(one, digest(1, "demo", &["a", "b"], "text"));
        for other in [
            digest(2, "demo", &["a", "b"], "text"),
            digest(1, "other", &["a", "b"], "text"),
            digest(1, "demo", &["ab", ""], "text"),
            digest(1, "demo", &["a"], "text"),
            digest(1, "demo", &["a", "b"], "texts"),
        ] {
            assert_ne!(one, other);
        }
    }
}
