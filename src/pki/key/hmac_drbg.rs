//! HMAC_DRBG with SHA-256 (NIST SP 800-90A Rev. 1, section 10.1.2), as C2SP det-keygen uses it.
//!
//! It has no reseeding, no additional input and no request counter, because det-keygen has none: it isn't a random
//! generator for any other use.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The generator's state; wiped on drop.
pub(super) struct HmacDrbg {
    /// HMAC keyed with K, so that the key schedule is computed once for each K.
    keyed: Hmac<Sha256>,
    v: Zeroizing<[u8; 32]>,
}

impl HmacDrbg {
    /// Instantiates the generator (section 10.1.2.3); `seed` is the entropy input and there is no nonce.
    pub(super) fn new(seed: &[u8], personalization: &[u8]) -> Self {
        let mut drbg = HmacDrbg {
            keyed: keyed_with(&[0; 32]),
            v: Zeroizing::new([1; 32]),
        };
        drbg.rekey(0, &[seed, personalization]);
        drbg.rekey(1, &[seed, personalization]);
        drbg
    }

    /// Fills `out`, in whole generator blocks of which the last may be cut (section 10.1.2.5, steps 3 to 5).
    ///
    /// The update that ends a request there is [`HmacDrbg::update`], which the caller asks for between two outputs.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for block in out.chunks_mut(32) {
            self.advance();
            block.copy_from_slice(&self.v[..block.len()]);
        }
    }

    /// Updates the state with an empty input (section 10.1.2.2).
    pub(super) fn update(&mut self) {
        self.rekey(0, &[]);
    }

    /// K = HMAC(K, V || separator || input), V = HMAC(K, V).
    fn rekey(&mut self, separator: u8, input: &[&[u8]]) {
        let mut mac = self.keyed.clone();
        mac.update(self.v.as_slice());
        mac.update(&[separator]);
        for part in input {
            mac.update(part);
        }
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        self.keyed = keyed_with(key.as_slice());
        self.advance();
    }

    /// V = HMAC(K, V).
    fn advance(&mut self) {
        let mut mac = self.keyed.clone();
        mac.update(self.v.as_slice());
        *self.v = mac.finalize().into_bytes().into();
    }
}

/// HMAC with a key of at most 64 bytes, its hash's block: a shorter one is padded with zeros (RFC 2104, section 2).
pub(in crate::pki) fn keyed_with(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new((&*block).into())
}
