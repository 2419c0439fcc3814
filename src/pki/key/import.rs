//! Keys that others made: PEM private keys and SubjectPublicKeyInfo, checked before anything is done with them.
//!
//! Refused is what contradicts itself and what no signature could be verified for; nothing of a key's content is ever
//! part of an error.

use base64ct::{Base64, Encoding};
use pkcs8::der::Decode;
use pkcs8::der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::spki::SubjectPublicKeyInfo;
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve, KeyError, RsaBits};
use super::ecdsa::{self, EcdsaKey};
use super::private::PrivateKey;
use super::rsa::RsaKey;
use super::{encoding, limbs, ml_dsa};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The one private key in a PEM file.
pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut found = None;
    let mut lines = pem.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix(b"-----BEGIN ")
            .and_then(|rest| rest.strip_suffix(b"-----"))
        else {
            continue;
        };
        let mut base64 = Zeroizing::new(Vec::with_capacity(pem.len()));
        let mut headers = false;
        loop {
            let line = lines.next().ok_or(KeyError::Malformed)?;
            match line
                .strip_prefix(b"-----END ")
                .and_then(|rest| rest.strip_suffix(b"-----"))
            {
                Some(end) if end == label => break,
                Some(_) => return Err(KeyError::Malformed),
                // RFC 1421 headers stand before OpenSSL's old encryption, and before nothing else that is a key.
                None if line.contains(&b':') => headers = true,
                None => base64.extend_from_slice(line),
            }
        }
        if !label.ends_with(b"PRIVATE KEY") {
            continue;
        }
        if headers || label == b"ENCRYPTED PRIVATE KEY" {
            return Err(KeyError::Encrypted);
        }
        if found.is_some() {
            return Err(KeyError::SeveralKeys);
        }
        let mut der = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
        let der = Base64::decode(base64.as_slice(), &mut der).map_err(|_| KeyError::Malformed)?;
        found = Some(match label {
            b"RSA PRIVATE KEY" => PrivateKey::of_rsa(RsaKey::from_pkcs1_der(der)?),
            b"EC PRIVATE KEY" => from_sec1_der(der, None)?,
            // cfssl writes its Ed25519 keys, PKCS#8 like all others', with a label of its own (helpers/derhelpers).
            b"PRIVATE KEY" | b"Ed25519 PRIVATE KEY" => from_pkcs8_der(der)?,
            _ => return Err(KeyError::Unsupported),
        });
    }
    found.ok_or(KeyError::Malformed)
}

/// PrivateKeyInfo (RFC 5208, section 5) or OneAsymmetricKey (RFC 5958, section 2).
fn from_pkcs8_der(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed)?;
    let key = match info.algorithm.oid {
        RSA_ENCRYPTION => PrivateKey::of_rsa(RsaKey::from_pkcs1_der(info.private_key.as_bytes())?),
        EC_PUBLIC_KEY => from_sec1_der(info.private_key.as_bytes(), Some(curve_of(&info.algorithm)?))?,
        ED25519 => {
            // CurvePrivateKey (RFC 8410, section 7): an OCTET STRING in the OCTET STRING.
            let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes()).map_err(|_| KeyError::Malformed)?;
            let seed = <&[u8; 32]>::try_from(inner.as_bytes()).map_err(|_| KeyError::Malformed)?;
            PrivateKey::of_ed25519(seed)
        }
        oid => {
            let set = ml_dsa::named(oid).ok_or(KeyError::Unsupported)?;
            if info.algorithm.parameters.is_some() {
                return Err(KeyError::Malformed);
            }
            PrivateKey::of_ml_dsa(ml_dsa::from_private_key_der(set, info.private_key.as_bytes())?)
        }
    };
    match info.public_key {
        Some(stated) if stated.as_bytes() != Some(key.subject_public_key()?.as_slice()) => Err(KeyError::Inconsistent),
        _ => Ok(key),
    }
}

/// ECPrivateKey (RFC 5915), whose curve may be named outside, inside, or in both places alike.
fn from_sec1_der(der: &[u8], curve_outside: Option<Curve>) -> Result<PrivateKey, KeyError> {
    let fields = sec1::EcPrivateKey::try_from(der).map_err(|_| KeyError::Malformed)?;
    let curve_inside = match fields.parameters {
        None => None,
        Some(parameters) => Some(curve_named(parameters.named_curve())?),
    };
    let curve = match (curve_outside, curve_inside) {
        (Some(outside), Some(inside)) if outside != inside => return Err(KeyError::Inconsistent),
        (outside, inside) => outside.or(inside).ok_or(KeyError::Malformed)?,
    };
    if fields.private_key.len() != ecdsa::scalar_length(curve) {
        return Err(KeyError::Malformed);
    }
    let key = EcdsaKey::from_scalar(curve, fields.private_key).map_err(|_| KeyError::Inconsistent)?;
    match fields.public_key {
        Some(stated) if stated != key.public_point().as_slice() => Err(KeyError::Inconsistent),
        _ => Ok(PrivateKey::of_ecdsa(key)),
    }
}

/// The key in a SubjectPublicKeyInfo: its kind, and the contents of subjectPublicKey.
pub(super) fn public_key(der: &[u8]) -> Result<(Algorithm, Vec<u8>), KeyError> {
    let info = SubjectPublicKeyInfo::<pkcs8::der::asn1::AnyRef<'_>, BitStringRef<'_>>::from_der(der)
        .map_err(|_| KeyError::Malformed)?;
    let subject_public_key = info.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
    let algorithm = match info.algorithm.oid {
        RSA_ENCRYPTION => Algorithm::Rsa(rsa_bits(subject_public_key)?),
        EC_PUBLIC_KEY => {
            let curve = curve_of(&info.algorithm)?;
            if !ecdsa::is_uncompressed_point(curve, subject_public_key) {
                return Err(KeyError::Malformed);
            }
            Algorithm::Ecdsa(curve)
        }
        ED25519 => {
            let bytes = <&[u8; 32]>::try_from(subject_public_key).map_err(|_| KeyError::Malformed)?;
            ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
            Algorithm::Ed25519
        }
        oid => {
            let set = ml_dsa::named(oid).ok_or(KeyError::Unsupported)?;
            if subject_public_key.len() != ml_dsa::public_key_length(set) {
                return Err(KeyError::Malformed);
            }
            Algorithm::MlDsa(set)
        }
    };
    // Two encodings of one key would give two key identifiers.
    match encoding::spki(algorithm, subject_public_key) == der {
        true => Ok((algorithm, subject_public_key.to_vec())),
        false => Err(KeyError::Malformed),
    }
}

/// The modulus size of an RSAPublicKey.
fn rsa_bits(der: &[u8]) -> Result<RsaBits, KeyError> {
    let key = pkcs1::RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::Malformed)?;
    let number = |field: UintRef<'_>| limbs::from_be_bytes(field.as_bytes());
    let (modulus, exponent) = (number(key.modulus), number(key.public_exponent));
    let is_odd = |number: &[u64]| number.first().is_some_and(|limb| limb & 1 == 1);
    if !is_odd(&modulus) || !is_odd(&exponent) || limbs::bit_length(&exponent) < 2 {
        return Err(KeyError::Malformed);
    }
    RsaBits::new(limbs::bit_length(&modulus)).ok_or(KeyError::Unsupported)
}

fn curve_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Curve, KeyError> {
    curve_named(algorithm.parameters_oid().ok())
}

/// One of the three curves; explicit parameters and other curves can't be used.
fn curve_named(oid: Option<ObjectIdentifier>) -> Result<Curve, KeyError> {
    [Curve::P256, Curve::P384, Curve::P521]
        .into_iter()
        .find(|curve| oid == Some(ecdsa::named_curve(*curve)))
        .ok_or(KeyError::Unsupported)
}
