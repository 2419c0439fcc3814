//! Fingerprints of secrets that may be shown to anybody: they change with the secret and give nothing of it away.
//!
//! They are keyed. The digest of a password can be compared with the digests of all passwords that people choose; a
//! fingerprint can't be without the seed. docs/derivation.md says the same for a second implementation.

use zeroize::Zeroizing;

use super::derivation::{Purpose, Seed, hmac};
use super::digest::hex;

/// How many bytes of the HMAC are shown: nobody finds a second secret with the same 128 bits.
const SHOWN: usize = 16;

/// The generation of the key; another would change every fingerprint.
const GENERATION: u32 = 1;

/// What fingerprints are made with: wiped on drop, never printed.
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// The key of a cluster's fingerprints.
    pub fn new(seed: &Seed, cluster: &str) -> FingerprintKey {
        FingerprintKey(seed.derive(cluster, &Purpose::FingerprintKey, GENERATION))
    }

    /// The fingerprint of a secret as 32 hexadecimal digits. `what` says what kind of thing it is or where it belongs: equal
    /// secrets of different kinds have different fingerprints, so that nobody learns that they are equal.
    pub fn of(&self, what: &str, secret: &[u8]) -> String {
        let length = u16::try_from(what.len()).unwrap_or(u16::MAX).to_be_bytes();
        let tag = hmac(self.0.as_slice(), &[&length, what.as_bytes(), secret]);
        hex(&tag[..SHOWN])
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_the_seed_the_cluster_the_kind_and_the_secret() {
        let key = |number, cluster: &str| FingerprintKey::new(&Seed::stand_in(number), cluster);
        let one = key(1, "demo").of("/etc/password", b"hunter2");
        assert_eq!(one.len(), 32);
        assert_eq!(one, key(1, "demo").of("/etc/password", b"hunter2"));
        for other in [
            key(2, "demo").of("/etc/password", b"hunter2"),
            key(1, "other").of("/etc/password", b"hunter2"),
            key(1, "demo").of("/etc/pass", b"wordhunter2"),
            key(1, "demo").of("/etc/password", b"hunter3"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(format!("{:?}", key(1, "demo")), "FingerprintKey(not shown)");
    }
}
