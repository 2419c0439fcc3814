//! Key pairs: made from 32 bytes, written in cfssl's PEM forms, and used to sign deterministically.
//!
//! A key is a function of its seed and of nothing else: RSA and ECDSA keys come from C2SP det-keygen, Ed25519 keys from
//! RFC 8032, and no signature contains randomness (RFC 6979 for ECDSA). This module must not draw randomness, must not
//! print, and must not let a signature out that its own public key doesn't verify.

mod arithmetic;
mod ecdsa;
mod encoding;
mod hmac_drbg;
mod import;
mod lanes;
mod limbs;
mod montgomery;
mod prime;
mod rsa;
mod trial_division;

use std::fmt;

use ed25519_dalek::Signer;
use ring::signature as judge;

pub use self::arithmetic::Arithmetic;
use self::ecdsa::EcdsaKey;
use self::rsa::RsaKey;
use super::secret::SecretBytes;

/// A NIST curve that cfssl offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Curve {
    /// secp256r1, with SHA-256.
    P256,
    /// secp384r1, with SHA-384.
    P384,
    /// secp521r1, with SHA-512.
    P521,
}

/// The modulus size of an RSA key in bits: 2048 to 8192, a multiple of 16 (the sizes that det-keygen defines).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RsaBits(u16);

impl RsaBits {
    /// The size, if keys of that size can be made.
    pub fn new(bits: u32) -> Option<Self> {
        u16::try_from(bits)
            .ok()
            .filter(|bits| (2048..=8192).contains(bits) && bits.is_multiple_of(16))
            .map(RsaBits)
    }

    /// The size in bits.
    pub fn get(self) -> u32 {
        self.0.into()
    }
}

/// What kind of key a CSR asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA with the public exponent 65537 (RFC 8017).
    Rsa(RsaBits),
    /// ECDSA on a NIST curve (FIPS 186-5).
    Ecdsa(Curve),
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// The algorithm's name in labels and messages: `rsa-2048`, `ecdsa-p256`, `ed25519`.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algorithm::Rsa(bits) => write!(f, "rsa-{}", bits.get()),
            Algorithm::Ecdsa(Curve::P256) => f.write_str("ecdsa-p256"),
            Algorithm::Ecdsa(Curve::P384) => f.write_str("ecdsa-p384"),
            Algorithm::Ecdsa(Curve::P521) => f.write_str("ecdsa-p521"),
            Algorithm::Ed25519 => f.write_str("ed25519"),
        }
    }
}

/// The signature algorithms that cfssl chooses from the key (RSA by modulus size, ECDSA by curve).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// PKCS#1 v1.5, RSA below 3072 bits.
    Sha256WithRsa,
    /// PKCS#1 v1.5, RSA from 3072 bits.
    Sha384WithRsa,
    /// PKCS#1 v1.5, RSA from 4096 bits.
    Sha512WithRsa,
    /// P-256.
    EcdsaWithSha256,
    /// P-384.
    EcdsaWithSha384,
    /// P-521.
    EcdsaWithSha512,
    /// Pure Ed25519.
    Ed25519,
}

impl SignatureAlgorithm {
    /// The DER of the AlgorithmIdentifier (RFC 4055 section 5: NULL parameters; RFC 5758 section 3.2 and RFC 8410
    /// section 3: none), as it stands in a certificate's `signature` and `signatureAlgorithm`.
    pub fn algorithm_identifier_der(self) -> &'static [u8] {
        encoding::signature_algorithm_identifier(self)
    }
}

/// A public key: its algorithm and the contents of the subjectPublicKey BIT STRING (RFC 5280, section 4.1.2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The kind of key.
    pub algorithm: Algorithm,
    /// RSAPublicKey DER (RFC 8017 A.1.1), an uncompressed point (SEC 1, 2.3.3), or 32 bytes (RFC 8032, 5.1.5).
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
        import::public_key(der)
    }

    /// The DER of the AlgorithmIdentifier that stands in the SubjectPublicKeyInfo.
    pub fn algorithm_identifier_der(&self) -> &'static [u8] {
        encoding::key_algorithm_identifier(self.algorithm)
    }

    /// What cfssl signs with when it holds this key's private half.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.algorithm {
            // cfssl signer/signer.go, DefaultSigAlgo.
            Algorithm::Rsa(bits) if bits.get() >= 4096 => SignatureAlgorithm::Sha512WithRsa,
            Algorithm::Rsa(bits) if bits.get() >= 3072 => SignatureAlgorithm::Sha384WithRsa,
            Algorithm::Rsa(_) => SignatureAlgorithm::Sha256WithRsa,
            Algorithm::Ecdsa(Curve::P256) => SignatureAlgorithm::EcdsaWithSha256,
            Algorithm::Ecdsa(Curve::P384) => SignatureAlgorithm::EcdsaWithSha384,
            Algorithm::Ecdsa(Curve::P521) => SignatureAlgorithm::EcdsaWithSha512,
            Algorithm::Ed25519 => SignatureAlgorithm::Ed25519,
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

enum PrivateKey {
    Rsa(Box<RsaKey>),
    Ecdsa(Box<EcdsaKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl KeyPair {
    /// The key pair that 32 derived bytes determine: det-keygen for RSA and ECDSA, RFC 8032 for Ed25519.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<KeyPair, KeyError> {
        match algorithm {
            Algorithm::Rsa(bits) => KeyPair::rsa_from_seed(bits, seed, Arithmetic::fastest()),
            Algorithm::Ecdsa(curve) => KeyPair::of_ecdsa(EcdsaKey::generate(curve, seed)?),
            Algorithm::Ed25519 => Ok(KeyPair::of_ed25519(seed)),
        }
    }

    /// As [`KeyPair::from_seed`], the primes found by the arithmetic that is asked for. Nothing but the time depends on it.
    pub fn rsa_from_seed(bits: RsaBits, seed: &[u8; 32], arithmetic: Arithmetic) -> Result<KeyPair, KeyError> {
        KeyPair::of_rsa(RsaKey::generate(bits, seed, arithmetic))
    }

    fn of_rsa(key: RsaKey) -> Result<KeyPair, KeyError> {
        Ok(KeyPair {
            public: PublicKey {
                algorithm: Algorithm::Rsa(key.bits()),
                subject_public_key: key.public_key_der()?,
            },
            der: key.to_pkcs1_der()?,
            private: PrivateKey::Rsa(Box::new(key)),
        })
    }

    fn of_ecdsa(key: EcdsaKey) -> Result<KeyPair, KeyError> {
        Ok(KeyPair {
            public: PublicKey {
                algorithm: Algorithm::Ecdsa(key.curve()),
                subject_public_key: key.public_point(),
            },
            der: key.to_sec1_der()?,
            private: PrivateKey::Ecdsa(Box::new(key)),
        })
    }

    fn of_ed25519(seed: &[u8; 32]) -> KeyPair {
        let key = Box::new(ed25519_dalek::SigningKey::from_bytes(seed));
        KeyPair {
            public: PublicKey {
                algorithm: Algorithm::Ed25519,
                subject_public_key: key.verifying_key().to_bytes().to_vec(),
            },
            der: encoding::ed25519_pkcs8(seed),
            private: PrivateKey::Ed25519(key),
        }
    }

    /// The key pair of a PEM file that holds exactly one private key: PKCS#1, SEC1 or PKCS#8. Other blocks, like the
    /// `EC PARAMETERS` that OpenSSL writes first, are passed over.
    ///
    /// The key's numbers have to fit each other: p * q = n, d and the CRT values, the public point. Whether p and q are
    /// prime is not tested; a key whose factors aren't makes no signature that verifies.
    pub fn from_pem(pem: &[u8]) -> Result<KeyPair, KeyError> {
        import::private_key(pem)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What [`KeyPair::sign`] signs with.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
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
        };
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(KeyError::SignatureDidNotVerify)
        }
    }

    /// cfssl's PEM form: PKCS#1, SEC1, or PKCS#8 v1 for Ed25519.
    pub fn to_pem(&self) -> SecretBytes {
        let label = match self.private {
            PrivateKey::Rsa(_) => "RSA PRIVATE KEY",
            PrivateKey::Ecdsa(_) => "EC PRIVATE KEY",
            PrivateKey::Ed25519(_) => "PRIVATE KEY",
        };
        encoding::pem(label, self.der.expose())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, private half not shown)", self.public.algorithm)
    }
}

/// Why a key could not be made or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The seed gives no key: for P-256 with a probability below 2^-64, else cryptographically negligible.
    OutOfRange,
    /// The hardware or an implementation computed a wrong signature; it was not let out.
    SignatureDidNotVerify,
    /// A key could not be written as DER, which no key that this module holds can cause.
    Encoding,
    /// What was read is no private key in PEM, or its DER is broken.
    Malformed,
    /// A PEM file with more than one private key: which one is meant?
    SeveralKeys,
    /// The private key is encrypted, and there is nobody to ask for a passphrase.
    Encrypted,
    /// A kind or a size of key that can't be used: P-224, RSA outside 2048 to 8192 bits or by more than two primes, ...
    Unsupported,
    /// The numbers of the key contradict each other.
    Inconsistent,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::OutOfRange => "the seed gives no key of this algorithm",
            KeyError::SignatureDidNotVerify => "a new signature did not verify: the hardware computes wrongly",
            KeyError::Encoding => "the key could not be encoded",
            KeyError::Malformed => "this is no private key in PEM, or it is damaged",
            KeyError::SeveralKeys => "there is more than one private key in this PEM",
            KeyError::Encrypted => "the private key is encrypted; decrypt it first",
            KeyError::Unsupported => {
                "keys of this kind or size can't be used; RSA of 2048 to 8192 bits (a multiple of 16, two primes), \
                 ECDSA on P-256, P-384 or P-521, and Ed25519 can"
            }
            KeyError::Inconsistent => "the numbers in the private key contradict each other",
        })
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod arithmetic_tests;
#[cfg(test)]
mod tests;
