//! Key pairs: made from 32 bytes, written in cfssl's PEM forms, and used to sign deterministically.
//! (interface skeleton)

use super::secret::SecretBytes;

/// A NIST curve that cfssl offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Curve {
    P256,
    P384,
    P521,
}

/// The modulus size of an RSA key in bits: 2048 to 8192, a multiple of 16 (the sizes that det-keygen defines).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RsaBits(u16);

impl RsaBits {
    pub fn new(bits: u32) -> Option<Self> {
        (2048..=8192)
            .contains(&bits)
            .then_some(bits)
            .filter(|b| b % 16 == 0)
            .map(|b| RsaBits(b as u16))
    }
    pub fn get(self) -> u32 {
        self.0.into()
    }
}

/// What kind of key a CSR asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Rsa(RsaBits),
    Ecdsa(Curve),
    Ed25519,
}

/// The signature algorithms that cfssl chooses from the key (RSA by modulus size, ECDSA by curve).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    Sha256WithRsa,
    Sha384WithRsa,
    Sha512WithRsa,
    EcdsaWithSha256,
    EcdsaWithSha384,
    EcdsaWithSha512,
    Ed25519,
}

/// A public key: its algorithm and the contents of the subjectPublicKey BIT STRING (RFC 5280, section 4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub algorithm: Algorithm,
    pub subject_public_key: Vec<u8>,
}

/// A key pair.
pub struct KeyPair {
    _private: (),
}

impl KeyPair {
    /// The key pair that 32 derived bytes determine: det-keygen for RSA and ECDSA, RFC 8032 for Ed25519.
    pub fn from_seed(_algorithm: Algorithm, _seed: &[u8; 32]) -> Result<KeyPair, KeyError> {
        todo!()
    }
    pub fn public(&self) -> &PublicKey {
        todo!()
    }
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        todo!()
    }
    /// The signature over `message`, as it stands in a certificate's signatureValue. Deterministic.
    pub fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        todo!()
    }
    /// cfssl's PEM form: PKCS#1, SEC1, or PKCS#8 v1 for Ed25519.
    pub fn to_pem(&self) -> SecretBytes {
        todo!()
    }
}

/// Why a key could not be made or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    OutOfRange,
    SignatureDidNotVerify,
}
