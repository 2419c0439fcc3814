//! The only cryptography, DER and PEM in the project; it knows no Kubernetes, no hosts and no paths.
#[doc(hidden)]
pub mod answer;
#[doc(hidden)]
pub mod authority;
#[doc(hidden)]
pub mod cfssl;
#[doc(hidden)]
pub mod decode;
pub mod derivation;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod fingerprint;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod key;
#[doc(hidden)]
pub mod keyed_digest;
#[doc(hidden)]
pub mod sealing;
pub mod secret;
#[doc(hidden)]
pub mod shares;
#[doc(hidden)]
pub mod signing;
#[doc(hidden)]
pub mod x509;
