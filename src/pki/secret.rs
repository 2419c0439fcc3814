//! Bytes that are wiped from memory when dropped and that never print.
//!
//! [`SecretBytes`] is what every secret file's content, key encoding and archive lives in.

use std::fmt;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use zeroize::{Zeroize, ZeroizeOnDrop, optimization_barrier};

use super::digest::{Sha256, sha256};

/// Bytes that are wiped when they are dropped, with all the room that they had, and that may print: what secrets are read into, or made in.
///
/// They are wiped at once, which the barrier keeps the compiler from leaving out; `Zeroizing<Vec<u8>>` writes one byte at a time, and
/// that was a tenth of a build's time.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct WipedBytes(Vec<u8>);

impl WipedBytes {
    /// An empty buffer with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        WipedBytes(Vec::with_capacity(capacity))
    }
}

impl From<Vec<u8>> for WipedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        WipedBytes(bytes)
    }
}

impl Deref for WipedBytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for WipedBytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Zeroize for WipedBytes {
    /// Wipes them and all room besides, and leaves it empty.
    fn zeroize(&mut self) {
        self.0.clear();
        // It never allocates, since there is that much room.
        self.0.resize(self.0.capacity(), 0);
        optimization_barrier(self.0.as_slice());
        self.0.clear();
    }
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for WipedBytes {}

/// A growable byte buffer that is wiped on drop, never prints, and leaves no copy of itself behind when it grows.
///
/// Clones share the bytes until one of them grows, and the last that is dropped wipes them: what is in several places of a
/// bundle is in memory once, and digested once.
#[derive(Clone, Default)]
pub struct SecretBytes(Arc<Shared>);

/// Bytes, and their digest once it was asked for.
#[derive(Default)]
struct Shared {
    bytes: WipedBytes,
    sha256: OnceLock<Sha256>,
}

impl SecretBytes {
    /// An empty buffer with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        SecretBytes::from(Vec::with_capacity(capacity))
    }

    /// The bytes themselves. Whoever calls this answers for where they go.
    pub fn expose(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Their digest, which is computed once.
    pub fn sha256(&self) -> Sha256 {
        *self.0.sha256.get_or_init(|| sha256(self.expose()))
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    /// The bytes to be changed, where no clone has them too.
    fn own(&mut self) -> Option<&mut WipedBytes> {
        let own = Arc::get_mut(&mut self.0)?;
        own.sha256.take();
        Some(&mut own.bytes)
    }

    /// Takes the bytes out and keeps the room they had; what they leave there is overwritten by what comes, or wiped at last.
    pub(crate) fn clear(&mut self) {
        match self.own() {
            Some(own) => own.clear(),
            None => *self = SecretBytes::default(),
        }
    }

    /// Makes room for `more` bytes beyond those that are there.
    pub(crate) fn reserve(&mut self, more: usize) {
        if self.0.bytes.capacity() - self.len() < more {
            let mut larger = SecretBytes::with_capacity(self.len() + more);
            larger.extend(self.expose());
            *self = larger;
        }
    }

    /// Appends `bytes`; a reallocation wipes the memory it leaves.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let needed = self.len() + bytes.len();
        if let Some(own) = self.own().filter(|own| needed <= own.capacity()) {
            own.extend_from_slice(bytes);
            return;
        }
        let mut larger = Vec::with_capacity(needed.max(self.0.bytes.capacity() * 2));
        larger.extend_from_slice(self.expose());
        larger.extend_from_slice(bytes);
        *self = SecretBytes::from(larger);
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for SecretBytes {}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        SecretBytes(Arc::new(Shared {
            bytes: WipedBytes(bytes),
            sha256: OnceLock::new(),
        }))
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut secret = SecretBytes::with_capacity(bytes.len());
        secret.extend(bytes);
        secret
    }
}

impl Write for SecretBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Zeroize for SecretBytes {
    /// Wipes the bytes; those that a clone still needs are only let go.
    fn zeroize(&mut self) {
        match self.own() {
            Some(own) => own.zeroize(),
            None => *self = SecretBytes::default(),
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes, not shown)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_holds_what_was_written_through_any_growth() {
        let mut secret = SecretBytes::default();
        let mut expected = Vec::new();
        for length in [0, 1, 2, 100, 3, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            secret.write_all(&bytes).unwrap();
            expected.extend(bytes);
            assert_eq!(secret.expose(), expected);
            assert_eq!((secret.len(), secret.is_empty()), (expected.len(), expected.is_empty()));
        }
        assert_eq!(SecretBytes::from(expected.as_slice()), secret);
        secret.zeroize();
        assert!(secret.is_empty());
    }

    #[test]
    fn clones_share_the_bytes_until_one_grows() {
        let one = SecretBytes::from(&b"hunter2"[..]);
        let mut other = one.clone();
        assert_eq!(one.expose().as_ptr(), other.expose().as_ptr());
        other.extend(b"!");
        assert_eq!((one.expose(), other.expose()), (&b"hunter2"[..], &b"hunter2!"[..]));
        for bytes in [&mut other.clone(), &mut other] {
            let before = bytes.sha256();
            bytes.extend(b"!");
            assert_ne!(bytes.sha256(), before);
            assert_eq!(bytes.sha256(), sha256(bytes.expose()));
        }
        let mut third = one.clone();
        third.zeroize();
        assert!(third.is_empty());
        assert_eq!(one.expose(), b"hunter2");
    }

    #[test]
    fn debug_shows_the_length_alone() {
        assert_eq!(
            format!("{:?}", SecretBytes::from(&b"hunter2"[..])),
            "SecretBytes(7 bytes, not shown)"
        );
    }
}
