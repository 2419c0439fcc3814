//! The DER around keys (SubjectPublicKeyInfo, PKCS#8 for Ed25519) and their PEM.
//!
//! It knows encodings only and makes no key.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use crate::pki::secret::SecretBytes;

/// SubjectPublicKeyInfo DER (RFC 5280, section 4.1).
pub(super) fn spki(algorithm: Algorithm, subject_public_key: &[u8]) -> Vec<u8> {
    let algorithm_identifier = algorithm.identifier_der();
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
    der.extend(Algorithm::Ed25519.identifier_der());
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
