//! The DER around keys (SubjectPublicKeyInfo, PKCS#8 for Ed25519 and ML-DSA) and their PEM.
//!
//! It knows encodings only and makes no key.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, MlDsa};
use crate::pki::secret::SecretBytes;

/// SubjectPublicKeyInfo DER (RFC 5280, section 4.1).
pub(super) fn spki(algorithm: Algorithm, subject_public_key: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(algorithm.identifier_der());
            writer
                .next()
                .write_bitvec_bytes(subject_public_key, subject_public_key.len() * 8);
        })
    })
}

/// PKCS#8 version 1, without the public key (RFC 8410, section 7): what Go writes and every OpenSSL since 1.1.1 reads.
pub(super) fn ed25519_pkcs8(seed: &[u8; 32]) -> SecretBytes {
    let mut der = SecretBytes::with_capacity(48);
    der.extend(b"\x30\x2e\x02\x01\x00");
    der.extend(Algorithm::Ed25519.identifier_der());
    der.extend(b"\x04\x22\x04\x20");
    der.extend(seed);
    der
}

/// PKCS#8 version 1 of the seed alone (RFC 9881, section 6): what Go writes, and the only form that it reads.
pub(super) fn ml_dsa_pkcs8(set: MlDsa, seed: &[u8; 32]) -> SecretBytes {
    let mut der = SecretBytes::with_capacity(54);
    der.extend(b"\x30\x34\x02\x01\x00");
    der.extend(Algorithm::MlDsa(set).identifier_der());
    der.extend(b"\x04\x22\x80\x20");
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
