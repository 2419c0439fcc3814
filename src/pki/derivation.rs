//! From one seed to 32 bytes for each thing. (interface skeleton)
use super::key::Algorithm;
use zeroize::Zeroizing;

/// The 32 secret bytes of a cluster.
pub struct Seed(Zeroizing<[u8; 32]>);

/// What 32 bytes are derived for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A key pair: the identity's name ("ca", "node/node1") and its algorithm.
    KeyPair { name: &'a str, algorithm: Algorithm },
    /// A key of the encryption configuration: its name ("key1") and provider ("aescbc").
    EncryptionKey { name: &'a str, provider: &'a str },
}

impl Seed {
    /// 32 bytes for one purpose of one cluster at one generation (1 for now).
    pub fn derive(&self, _cluster: &str, _purpose: &Purpose<'_>, _generation: u32) -> Zeroizing<[u8; 32]> {
        let _ = &self.0;
        todo!()
    }
}
