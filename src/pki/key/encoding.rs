//! The DER around keys (AlgorithmIdentifier, SubjectPublicKeyInfo, PKCS#8 for Ed25519) and their PEM.
//!
//! It knows encodings only and makes no key.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::{Algorithm, Curve, SignatureAlgorithm};
use crate::pki::secret::SecretBytes;

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

/// AlgorithmIdentifier of a public key (RFC 3279 section 2.3.1, RFC 5480 section 2.1.1, RFC 8410 section 3).
pub(super) fn key_algorithm_identifier(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::Rsa(_) => RSA_ENCRYPTION,
        Algorithm::Ecdsa(Curve::P256) => EC_P256,
        Algorithm::Ecdsa(Curve::P384) => EC_P384,
        Algorithm::Ecdsa(Curve::P521) => EC_P521,
        Algorithm::Ed25519 => ED25519,
    }
}

/// AlgorithmIdentifier of a signature.
pub(super) fn signature_algorithm_identifier(algorithm: SignatureAlgorithm) -> &'static [u8] {
    match algorithm {
        SignatureAlgorithm::Sha256WithRsa => SHA256_WITH_RSA,
        SignatureAlgorithm::Sha384WithRsa => SHA384_WITH_RSA,
        SignatureAlgorithm::Sha512WithRsa => SHA512_WITH_RSA,
        SignatureAlgorithm::EcdsaWithSha256 => ECDSA_WITH_SHA256,
        SignatureAlgorithm::EcdsaWithSha384 => ECDSA_WITH_SHA384,
        SignatureAlgorithm::EcdsaWithSha512 => ECDSA_WITH_SHA512,
        SignatureAlgorithm::Ed25519 => ED25519,
    }
}

/// SubjectPublicKeyInfo DER (RFC 5280, section 4.1).
pub(super) fn spki(algorithm: Algorithm, subject_public_key: &[u8]) -> Vec<u8> {
    let algorithm_identifier = key_algorithm_identifier(algorithm);
    let mut bit_string = header(0x03, subject_public_key.len() + 1);
    bit_string.push(0);
    let mut der = header(
        0x30,
        algorithm_identifier.len() + bit_string.len() + subject_public_key.len(),
    );
    der.extend_from_slice(algorithm_identifier);
    der.extend_from_slice(&bit_string);
    der.extend_from_slice(subject_public_key);
    der
}

/// The tag and the definite length in its shortest form (X.690, sections 8.1.3 and 10.1).
fn header(tag: u8, length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let mut header = vec![tag];
    match significant {
        [] => header.push(0),
        [short] if *short < 0x80 => header.push(*short),
        // A usize has at most eight bytes, so the count fits the lower bits.
        long => {
            header.push(0x80 | long.len() as u8);
            header.extend_from_slice(long);
        }
    }
    header
}

/// PKCS#8 version 1, without the public key (RFC 8410, section 7): what Go writes and every OpenSSL since 1.1.1 reads.
pub(super) fn ed25519_pkcs8(seed: &[u8; 32]) -> SecretBytes {
    let mut der = SecretBytes::with_capacity(48);
    der.extend(b"\x30\x2e\x02\x01\x00");
    der.extend(ED25519);
    der.extend(b"\x04\x22\x04\x20");
    der.extend(seed);
    der
}

/// PEM (RFC 7468): 64 columns, LF, one newline at the end.
pub(super) fn pem(label: &str, der: &[u8]) -> SecretBytes {
    // Four characters for three bytes, a newline for 48 bytes, and the two boundary lines.
    let mut pem = SecretBytes::with_capacity(der.len().div_ceil(48) * 65 + 2 * (label.len() + 17));
    pem.extend(format!("-----BEGIN {label}-----\n").as_bytes());
    let mut line = Zeroizing::new([0; 64]);
    for bytes in der.chunks(48) {
        // 48 bytes are exactly 64 characters, so the only error (too short a buffer) can't be.
        let text = Base64::encode(bytes, line.as_mut_slice()).unwrap_or_default();
        pem.extend(text.as_bytes());
        pem.extend(b"\n");
    }
    pem.extend(format!("-----END {label}-----\n").as_bytes());
    pem
}
