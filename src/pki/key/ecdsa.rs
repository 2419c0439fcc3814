//! ECDSA key pairs on the NIST curves: det-keygen, deterministic signatures (RFC 6979), SEC1.
//!
//! The curves' arithmetic is the RustCrypto crates'; nothing here computes with a secret itself.

use p256::ecdsa::signature::{SignatureEncoding, Signer, Verifier};
use sec1::der::Encode;
use sec1::der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::algorithm::{Curve, KeyError};
use super::hmac_drbg::HmacDrbg;
use crate::pki::secret::SecretBytes;

/// An ECDSA private key; each variant wipes itself on drop.
pub(super) enum EcdsaKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

/// The same expression for whichever curve the key is on.
macro_rules! on_its_curve {
    ($key:expr, $inner:ident => $body:expr) => {
        match $key {
            EcdsaKey::P256($inner) => $body,
            EcdsaKey::P384($inner) => $body,
            EcdsaKey::P521($inner) => $body,
        }
    };
}

impl EcdsaKey {
    /// The key that det-keygen makes of `seed` (at least 16 bytes).
    pub(super) fn generate(curve: Curve, seed: &[u8]) -> Result<EcdsaKey, KeyError> {
        let personalization = match curve {
            Curve::P256 => "det ECDSA key gen P-256",
            Curve::P384 => "det ECDSA key gen P-384",
            Curve::P521 => "det ECDSA key gen P-521",
        };
        let mut drbg = HmacDrbg::new(seed, personalization.as_bytes());
        match (scalar(curve, &mut drbg), curve) {
            // Only the order of P-256 is so far below a power of two that a rejection can happen in practice.
            (Err(_), Curve::P256) => {
                drbg.update();
                scalar(curve, &mut drbg)
            }
            (key, _) => key,
        }
    }

    /// The key whose private scalar is `scalar`, big-endian, as long as the order.
    pub(super) fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<EcdsaKey, KeyError> {
        let out_of_range = |_| KeyError::OutOfRange;
        Ok(match curve {
            Curve::P256 => EcdsaKey::P256(p256::ecdsa::SigningKey::from_slice(scalar).map_err(out_of_range)?),
            Curve::P384 => EcdsaKey::P384(p384::ecdsa::SigningKey::from_slice(scalar).map_err(out_of_range)?),
            Curve::P521 => EcdsaKey::P521(p521::ecdsa::SigningKey::from_slice(scalar).map_err(out_of_range)?),
        })
    }

    pub(super) fn curve(&self) -> Curve {
        match self {
            EcdsaKey::P256(_) => Curve::P256,
            EcdsaKey::P384(_) => Curve::P384,
            EcdsaKey::P521(_) => Curve::P521,
        }
    }

    /// The public point, uncompressed (SEC 1, section 2.3.3).
    pub(super) fn public_point(&self) -> Vec<u8> {
        on_its_curve!(self, key => key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
    }

    /// The signature by RFC 6979 as a DER SEQUENCE of r and s (RFC 3279, section 2.2.3), with the curve's hash.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            EcdsaKey::P256(key) => signature::<p256::ecdsa::DerSignature>(key, message),
            EcdsaKey::P384(key) => signature::<p384::ecdsa::DerSignature>(key, message),
            EcdsaKey::P521(key) => signature::<p521::ecdsa::DerSignature>(key, message),
        }
    }

    /// ECPrivateKey DER (RFC 5915) with the named curve and the public point, as Go writes it.
    pub(super) fn to_sec1_der(&self) -> Result<SecretBytes, KeyError> {
        on_its_curve!(self, key => sec1_der(self.curve(), &Zeroizing::new(key.to_bytes()), &self.public_point()))
    }
}

fn signature<S: SignatureEncoding>(key: &impl Signer<S>, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signature = key.try_sign(message).map_err(|_| KeyError::SignatureDidNotVerify)?;
    Ok(signature.to_vec())
}

fn sec1_der(curve: Curve, scalar: &[u8], public_point: &[u8]) -> Result<SecretBytes, KeyError> {
    let document = sec1::EcPrivateKey {
        private_key: scalar,
        parameters: Some(sec1::EcParameters::NamedCurve(named_curve(curve))),
        public_key: Some(public_point),
    };
    // to_der asks for the length first, so no buffer grows and leaves an unwiped copy behind.
    document.to_der().map(SecretBytes::from).map_err(|_| KeyError::Encoding)
}

/// How many bytes a private scalar has: exactly as many as the order (RFC 5915, section 3).
pub(super) fn scalar_length(curve: Curve) -> usize {
    match curve {
        Curve::P256 => 32,
        Curve::P384 => 48,
        Curve::P521 => 66,
    }
}

/// One output of the generator as a private scalar: its leftmost bits, as many as the order has.
fn scalar(curve: Curve, drbg: &mut HmacDrbg) -> Result<EcdsaKey, KeyError> {
    let mut bytes = Zeroizing::new([0_u8; 66]);
    let bytes = &mut bytes[..scalar_length(curve)];
    drbg.fill(bytes);
    if curve == Curve::P521 {
        shift_right_by_7(bytes);
    }
    EcdsaKey::from_scalar(curve, bytes)
}

/// The leftmost 521 of 528 bits as an integer (bits2int, RFC 6979 section 2.3.2).
fn shift_right_by_7(bytes: &mut [u8]) {
    let mut left = 0;
    for byte in bytes {
        let shifted = (left << 1) | (*byte >> 7);
        left = *byte;
        *byte = shifted;
    }
}

/// The object identifier of a curve (RFC 5480, section 2.1.1.1).
pub(super) const fn named_curve(curve: Curve) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(match curve {
        Curve::P256 => "1.2.840.10045.3.1.7",
        Curve::P384 => "1.3.132.0.34",
        Curve::P521 => "1.3.132.0.35",
    })
}

/// Whether `bytes` are a point of the curve in the uncompressed form.
pub(super) fn is_uncompressed_point(curve: Curve, bytes: &[u8]) -> bool {
    bytes.first() == Some(&4)
        && match curve {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(bytes).is_ok(),
            Curve::P521 => p521::PublicKey::from_sec1_bytes(bytes).is_ok(),
        }
}

/// Whether `signature` (DER) is that of the P-521 key `point` over `message`, with SHA-512.
pub(super) fn p521_verifies(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (
        p521::ecdsa::VerifyingKey::from_sec1_bytes(point),
        p521::ecdsa::DerSignature::from_bytes(signature),
    ) else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}
