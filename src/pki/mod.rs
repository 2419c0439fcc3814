//! The only cryptography, DER and PEM in the project; it knows no Kubernetes, no hosts and no paths.
pub mod authority;
pub mod cfssl;
pub mod decode;
pub mod derivation;
pub mod digest;
pub mod fingerprint;
pub mod inspect;
pub mod key;
pub mod keyed_digest;
pub mod sealing;
pub mod secret;
pub mod shares;
pub mod signing;
pub mod x509;
