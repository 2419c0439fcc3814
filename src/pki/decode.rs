//! Certificates, requests and public keys as text for people. (interface skeleton)

/// The text that stands beside a PEM file in a golden: subject, issuer, serial, validity, key, usages, SANs, key identifiers,
/// fingerprint. Never anything of a private key but the fingerprint of its public half.
pub fn describe_pem(_pem: &[u8]) -> Option<String> { None }
