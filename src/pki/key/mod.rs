//! Key pairs: made from 32 bytes, written in cfssl's PEM forms, and used to sign deterministically.
//!
//! A key is a function of its seed and of nothing else: RSA and ECDSA keys come from C2SP det-keygen, Ed25519 keys from
//! RFC 8032 and FIPS 204, and no signature contains randomness (RFC 6979 for ECDSA). This module must not draw randomness, must not
//! print, and must not let a signature out that its own public key doesn't verify.

mod algorithm;
mod arithmetic;
mod ecdsa;
mod encoding;
mod hmac_drbg;
mod import;
mod lanes;
mod limbs;
mod ml_dsa;
mod montgomery;
mod prime;
mod private;
mod rsa;
mod trial_division;

use std::fmt;

use ed25519_dalek::Signer;
use ring::signature as judge;

use self::ecdsa::EcdsaKey;
use self::ml_dsa::MlDsaKey;
use self::private::PrivateKey;
use self::rsa::RsaKey;
use super::secret::SecretBytes;

pub use self::algorithm::{Algorithm, Curve, KeyError, MlDsa, RsaBits, SignatureAlgorithm};
pub use self::arithmetic::Arithmetic;
pub(super) use self::hmac_drbg::keyed_with;

/// A public key: its algorithm and the contents of the subjectPublicKey BIT STRING (RFC 5280, section 4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The kind of key.
    pub algorithm: Algorithm,
    /// RSAPublicKey DER (RFC 8017 A.1.1), an uncompressed point (SEC 1, 2.3.3), 32 bytes (RFC 8032, 5.1.5), or what
    /// FIPS 204, algorithm 22, encodes.
    pub subject_public_key: Vec<u8>,
}

impl PublicKey {
    /// The DER of the SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
    pub fn spki_der(&self) -> Vec<u8> {
        encoding::spki(self.algorithm, &self.subject_public_key)
    }

    /// The key in a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), of a kind and size that [`Algorithm`] names.
    ///
    /// A point has to be uncompressed and on its curve, and the DER has to be what [`PublicKey::spki_der`] writes.
    pub fn from_spki_der(der: &[u8]) -> Result<PublicKey, KeyError> {
        let (algorithm, subject_public_key) = import::public_key(der)?;
        Ok(PublicKey {
            algorithm,
            subject_public_key,
        })
    }

    /// What cfssl signs with when it holds this key's private half.
    pub(crate) fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.algorithm {
            // cfssl signer/signer.go, DefaultSigAlgo.
            Algorithm::Rsa(bits) if bits.get() >= 4096 => SignatureAlgorithm::Sha512WithRsa,
            Algorithm::Rsa(bits) if bits.get() >= 3072 => SignatureAlgorithm::Sha384WithRsa,
            Algorithm::Rsa(_) => SignatureAlgorithm::Sha256WithRsa,
            Algorithm::Ecdsa(Curve::P256) => SignatureAlgorithm::EcdsaWithSha256,
            Algorithm::Ecdsa(Curve::P384) => SignatureAlgorithm::EcdsaWithSha384,
            Algorithm::Ecdsa(Curve::P521) => SignatureAlgorithm::EcdsaWithSha512,
            Algorithm::Ed25519 => SignatureAlgorithm::Ed25519,
            Algorithm::MlDsa(set) => SignatureAlgorithm::MlDsa(set),
        }
    }

    /// Whether `signature` is this key's over `message`, by [`PublicKey::signature_algorithm`].
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verification: &dyn judge::VerificationAlgorithm = match self.signature_algorithm() {
            SignatureAlgorithm::Sha256WithRsa => &judge::RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::Sha384WithRsa => &judge::RSA_PKCS1_2048_8192_SHA384,
            SignatureAlgorithm::Sha512WithRsa => &judge::RSA_PKCS1_2048_8192_SHA512,
            SignatureAlgorithm::EcdsaWithSha256 => &judge::ECDSA_P256_SHA256_ASN1,
            SignatureAlgorithm::EcdsaWithSha384 => &judge::ECDSA_P384_SHA384_ASN1,
            // ring has no P-521.
            SignatureAlgorithm::EcdsaWithSha512 => {
                return ecdsa::p521_verifies(&self.subject_public_key, message, signature);
            }
            SignatureAlgorithm::Ed25519 => &judge::ED25519,
            // ring has no ML-DSA.
            SignatureAlgorithm::MlDsa(set) => {
                return ml_dsa::verifies(set, &self.subject_public_key, message, signature);
            }
        };
        judge::UnparsedPublicKey::new(verification, &self.subject_public_key)
            .verify(message, signature)
            .is_ok()
    }
}

/// A key pair. The private half is wiped when it is dropped, and never prints.
pub struct KeyPair {
    public: PublicKey,
    private: PrivateKey,
    /// The private key in the form that [`KeyPair::to_pem`] wraps.
    der: SecretBytes,
}

impl KeyPair {
    /// The key pair that 32 derived bytes determine: det-keygen for RSA and ECDSA, RFC 8032 for Ed25519,
    /// FIPS 204 for ML-DSA.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<KeyPair, KeyError> {
        match algorithm {
            Algorithm::Rsa(bits) => KeyPair::rsa_from_seed(bits, seed, Arithmetic::fastest()),
            Algorithm::Ecdsa(curve) => KeyPair::of(PrivateKey::of_ecdsa(EcdsaKey::generate(curve, seed)?)),
            Algorithm::Ed25519 => KeyPair::of(PrivateKey::of_ed25519(seed)),
            Algorithm::MlDsa(set) => KeyPair::of(PrivateKey::of_ml_dsa(MlDsaKey::from_seed(set, seed))),
        }
    }

    /// As [`KeyPair::from_seed`], the primes found by the arithmetic that is asked for. Nothing but the time depends on it.
    pub fn rsa_from_seed(bits: RsaBits, seed: &[u8; 32], arithmetic: Arithmetic) -> Result<KeyPair, KeyError> {
        KeyPair::of(PrivateKey::of_rsa(RsaKey::generate(bits, seed, arithmetic)))
    }

    fn of(private: PrivateKey) -> Result<KeyPair, KeyError> {
        Ok(KeyPair {
            public: PublicKey {
                algorithm: private.algorithm(),
                subject_public_key: private.subject_public_key()?,
            },
            der: private.to_der()?,
            private,
        })
    }

    /// The key pair of a PEM file that holds exactly one private key: PKCS#1, SEC1 or PKCS#8. Other blocks, like the
    /// `EC PARAMETERS` that OpenSSL writes first, are passed over.
    ///
    /// The key's numbers have to fit each other: p * q = n, d and the CRT values, the public point. Whether p and q are
    /// prime is not tested; a key whose factors aren't makes no signature that verifies.
    pub fn from_pem(pem: &[u8]) -> Result<KeyPair, KeyError> {
        KeyPair::of(import::private_key(pem)?)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What [`KeyPair::sign`] signs with.
    pub(crate) fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.public.signature_algorithm()
    }

    /// The signature over `message`, as it stands in a certificate's signatureValue. Deterministic.
    ///
    /// Each signature is verified before it leaves, by another implementation where there is one: a fault during the
    /// computation (of an RSA signature by CRT above all) would give the private key away.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.private {
            PrivateKey::Rsa(key) => key.sign(self.signature_algorithm(), message)?,
            PrivateKey::Ecdsa(key) => key.sign(message)?,
            PrivateKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            PrivateKey::MlDsa(key) => key.sign(message)?,
        };
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(KeyError::SignatureDidNotVerify)
        }
    }

    /// cfssl's PEM form: PKCS#1, SEC1, or PKCS#8 v1 for Ed25519 and ML-DSA.
    pub fn to_pem(&self) -> SecretBytes {
        let label = match self.private {
            PrivateKey::Rsa(_) => "RSA PRIVATE KEY",
            PrivateKey::Ecdsa(_) => "EC PRIVATE KEY",
            PrivateKey::Ed25519(_) | PrivateKey::MlDsa(_) => "PRIVATE KEY",
        };
        encoding::pem(label, self.der.expose())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, private half not shown)", self.public.algorithm)
    }
}

#[cfg(test)]
mod arithmetic_tests;
#[cfg(test)]
mod ml_dsa_tests;
#[cfg(test)]
mod tests;
