//! SHA-256 of whole contents. It keeps nothing of what it digests.

use std::fmt;

use ring::digest::{Context, Digest, SHA256, digest};

/// A SHA-256 (FIPS 180-4); shown as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest that has these bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Sha256 {
        Sha256(bytes)
    }

    /// The digest of these 64 lower-case digits; none if they are no such.
    pub(crate) fn from_hex(text: &str) -> Option<Sha256> {
        let mut bytes = [0; 32];
        let length = base16ct::lower::decode(text, &mut bytes).ok()?.len();
        (length == bytes.len()).then_some(Sha256(bytes))
    }

    /// Appends the 64 digits.
    pub(crate) fn write_to(&self, text: &mut String) {
        text.push_str(base16ct::lower::encode_str(&self.0, &mut [0; 64]).unwrap_or_default());
    }
}

impl From<Digest> for Sha256 {
    fn from(digest: Digest) -> Sha256 {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Sha256(bytes)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Sha256 {
    digest(&SHA256, bytes).into()
}

/// The SHA-256 of `bytes` as text.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes).0)
}

/// As [`sha256`], of bytes that come piece by piece.
#[derive(Clone)]
pub(crate) struct Sha256Pieces(Context);

impl Sha256Pieces {
    /// Of nothing yet.
    #[allow(
        clippy::new_without_default,
        reason = "the digest of nothing is nothing that anybody starts from by default"
    )]
    pub(crate) fn new() -> Sha256Pieces {
        Sha256Pieces(Context::new(&SHA256))
    }

    /// Takes the next piece.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    pub(crate) fn finish(self) -> Sha256 {
        self.0.finish().into()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-2, appendix B.
    #[test]
    fn agrees_with_the_standards_examples() {
        assert_eq!(
            sha256_hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut pieces = Sha256Pieces::new();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish(), sha256(b"abc"));
        assert_eq!(sha256(b"abc").to_string(), sha256_hex(b"abc"));
    }

    #[test]
    fn digits_are_read_back_and_nothing_else_is() {
        let text = sha256_hex(b"abc");
        assert_eq!(Sha256::from_hex(&text), Some(sha256(b"abc")));
        let upper = text.to_uppercase();
        let (short, long, odd) = (&text[1..], format!("{text}0"), text.replacen('b', "g", 1));
        for other in ["", &upper, short, &long, &odd, &"\u{e9}".repeat(32)] {
            assert_eq!(Sha256::from_hex(other), None, "{other}");
        }
    }
}
