//! Which kinds of keys sign the tokens of service accounts.
use crate::catalog::releases::Release;
use crate::diagnostic::{Placed, Reporter, codes};
use crate::pki::key::Algorithm;

/// Whether tokens are signed with keys of this kind; where not, that is told. `instead`: what to do about it, where that is not to write
/// another CSR file. `release`: none, where it could not be read; then nothing is said that depends on it.
pub fn signs_any_tokens(
    name: &str,
    key: Algorithm,
    at: impl Placed,
    instead: Option<&'static str>,
    release: Option<&Release>,
    say: &Reporter,
) -> bool {
    let (code, called) = match key {
        Algorithm::Rsa(_) | Algorithm::Ecdsa(_) => return true,
        Algorithm::Ed25519 => (codes::ED25519_TOKENS, "an Ed25519 key"),
        Algorithm::MlDsa(_) => match release {
            Some(release) if !release.ml_dsa_tokens => (codes::ML_DSA_TOKENS, "an ML-DSA key"),
            _ => return true,
        },
    };
    say.at(at, code, format!("{name} is {called}")).hint_if(instead);
    false
}
