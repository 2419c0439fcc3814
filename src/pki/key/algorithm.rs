//! Kinds of keys and of signatures, by which names and numbers they go, and what can go wrong with a key.

use std::fmt;

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
pub struct RsaBits(pub(super) u16);

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

/// A parameter set of ML-DSA that cfssl offers since 1.7 (FIPS 204, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MlDsa {
    /// Security category 2, as AES-128 has in the end.
    MlDsa44,
    /// Security category 3.
    MlDsa65,
    /// Security category 5.
    MlDsa87,
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
    /// ML-DSA (FIPS 204).
    MlDsa(MlDsa),
}

/// The algorithm's name in labels and messages: `rsa-2048`, `ecdsa-p256`, `ed25519`, `ml-dsa-65`.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algorithm::Rsa(bits) => write!(f, "rsa-{}", bits.get()),
            Algorithm::Ecdsa(Curve::P256) => f.write_str("ecdsa-p256"),
            Algorithm::Ecdsa(Curve::P384) => f.write_str("ecdsa-p384"),
            Algorithm::Ecdsa(Curve::P521) => f.write_str("ecdsa-p521"),
            Algorithm::Ed25519 => f.write_str("ed25519"),
            Algorithm::MlDsa(MlDsa::MlDsa44) => f.write_str("ml-dsa-44"),
            Algorithm::MlDsa(MlDsa::MlDsa65) => f.write_str("ml-dsa-65"),
            Algorithm::MlDsa(MlDsa::MlDsa87) => f.write_str("ml-dsa-87"),
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
    /// Pure ML-DSA, with an empty context.
    MlDsa(MlDsa),
}

impl Algorithm {
    /// The DER of the AlgorithmIdentifier of a public key (RFC 3279 section 2.3.1, RFC 5480 section 2.1.1, RFC 8410 section 3,
    /// RFC 9881 section 4).
    pub fn identifier_der(self) -> &'static [u8] {
        match self {
            Algorithm::Rsa(_) => RSA_ENCRYPTION,
            Algorithm::Ecdsa(Curve::P256) => EC_P256,
            Algorithm::Ecdsa(Curve::P384) => EC_P384,
            Algorithm::Ecdsa(Curve::P521) => EC_P521,
            Algorithm::Ed25519 => ED25519,
            Algorithm::MlDsa(set) => set.identifier_der(),
        }
    }
}

impl MlDsa {
    /// The DER of the AlgorithmIdentifier of keys and of signatures (RFC 9881, section 2), which has no parameters.
    fn identifier_der(self) -> &'static [u8] {
        match self {
            MlDsa::MlDsa44 => ML_DSA_44,
            MlDsa::MlDsa65 => ML_DSA_65,
            MlDsa::MlDsa87 => ML_DSA_87,
        }
    }
}

impl SignatureAlgorithm {
    /// The DER of the AlgorithmIdentifier (RFC 4055 section 5: NULL parameters; RFC 5758 section 3.2, RFC 8410
    /// section 3 and RFC 9881 section 2: none), as it stands in a certificate's `signature` and `signatureAlgorithm`.
    pub fn algorithm_identifier_der(self) -> &'static [u8] {
        match self {
            SignatureAlgorithm::Sha256WithRsa => SHA256_WITH_RSA,
            SignatureAlgorithm::Sha384WithRsa => SHA384_WITH_RSA,
            SignatureAlgorithm::Sha512WithRsa => SHA512_WITH_RSA,
            SignatureAlgorithm::EcdsaWithSha256 => ECDSA_WITH_SHA256,
            SignatureAlgorithm::EcdsaWithSha384 => ECDSA_WITH_SHA384,
            SignatureAlgorithm::EcdsaWithSha512 => ECDSA_WITH_SHA512,
            SignatureAlgorithm::Ed25519 => ED25519,
            SignatureAlgorithm::MlDsa(set) => set.identifier_der(),
        }
    }
}

const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const SHA256_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
const SHA384_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00";
const SHA512_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00";
const EC_P256: &[u8] = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const EC_P384: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
const EC_P521: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23";
const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ECDSA_WITH_SHA384: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
const ECDSA_WITH_SHA512: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
const ML_DSA_44: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11";
const ML_DSA_65: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12";
const ML_DSA_87: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13";

/// Why a key could not be made or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// For P-256 with a probability below 2^-64, else cryptographically negligible.
    #[error("the seed gives no key of this algorithm")]
    OutOfRange,
    /// The hardware or an implementation computed a wrong signature; it was not let out.
    #[error("a new signature did not verify: the hardware computes wrongly")]
    SignatureDidNotVerify,
    /// As DER, which no key that this module holds can cause.
    #[error("the key could not be encoded")]
    Encoding,
    /// No private key can be read in it.
    #[error("this is no private key in PEM, or it is damaged")]
    Malformed,
    /// Which one is meant?
    #[error("there is more than one private key in this PEM")]
    SeveralKeys,
    /// There is nobody to ask for a passphrase.
    #[error("the private key is encrypted; decrypt it first")]
    Encrypted,
    /// A key, but of no kind that is used here.
    #[error(
        "keys of this kind or size can't be used; RSA of 2048 to 8192 bits (a multiple of 16, two primes), ECDSA on P-256, \
         P-384 or P-521, Ed25519 and ML-DSA can"
    )]
    Unsupported,
    /// Go reads it no more than this does.
    #[error("it is an ML-DSA key without its seed, which Go does not read either: make another, or find the seed")]
    MlDsaExpanded,
    /// As OpenSSL 3.5 writes it. Go refuses it, and so would what is to read the file.
    #[error(
        "it is an ML-DSA key with its seed and its expanded form, which Go does not read; write the seed alone: \
         `openssl pkey -in KEY -provparam ml-dsa.output_formats=seed-only -out KEY.pem`, with OpenSSL 3.5"
    )]
    MlDsaBoth,
    /// It would sign what nobody can verify.
    #[error("the numbers in the private key contradict each other")]
    Inconsistent,
}
