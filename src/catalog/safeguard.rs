//! What protects a cluster, and what its parts depend on.

/// A flag or a setting of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Flag(&'static str),
    Setting(&'static [&'static str]),
}

/// Which values take a safeguard away. Lists are separated by commas; an empty value counts as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is removed.
    Removed,
    /// It is given any value.
    Given,
    /// It is true, in one of the spellings that Go knows.
    True,
    /// It is false, likewise.
    False,
    /// It is one of these.
    OneOf(&'static [&'static str]),
    /// It is anything but this.
    Not(&'static str),
    /// The list has this.
    Has(&'static str),
    /// The list lacks this.
    Lacks(&'static str),
    /// A URL of the list is plain HTTP beyond the host itself.
    PlainHttp,
    /// A URL of the list is plain HTTP on the host itself.
    PlainHttpHere,
    /// The list has a cipher with known weaknesses.
    HasWeakCipher,
    /// The address is not the host's own loopback address.
    OffLoopback,
}

/// One row: a safeguard of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safeguard {
    pub of: &'static [&'static str],
    pub part: Part,
    pub gone: Gone,
    /// What follows, as the end of a sentence.
    pub why: &'static str,
}

/// One row: something that other parts of the cluster are generated to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wiring {
    pub of: &'static [&'static str],
    pub part: Part,
    /// What depends on it.
    pub dependents: &'static str,
}

/// Whether Go calls a cipher insecure: without forward secrecy, by RC4 or 3DES, or in CBC mode with SHA-256.
pub(crate) fn is_weak_cipher(cipher: &str) -> bool {
    ["RC4", "3DES"].iter().any(|weak| cipher.contains(weak))
        || cipher.starts_with("TLS_RSA_")
        || cipher.ends_with("_CBC_SHA256")
}
