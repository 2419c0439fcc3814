//! The private half of a key pair, of whichever kind.

use super::algorithm::{Algorithm, KeyError};
use super::ecdsa::EcdsaKey;
use super::encoding;
use super::ml_dsa::MlDsaKey;
use super::rsa::RsaKey;
use crate::pki::secret::SecretBytes;

/// Each wipes itself on drop.
pub(super) enum PrivateKey {
    Rsa(Box<RsaKey>),
    Ecdsa(Box<EcdsaKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa(Box<MlDsaKey>),
}

impl PrivateKey {
    pub(super) fn of_rsa(key: RsaKey) -> PrivateKey {
        PrivateKey::Rsa(Box::new(key))
    }

    pub(super) fn of_ecdsa(key: EcdsaKey) -> PrivateKey {
        PrivateKey::Ecdsa(Box::new(key))
    }

    pub(super) fn of_ed25519(seed: &[u8; 32]) -> PrivateKey {
        PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    pub(super) fn of_ml_dsa(key: MlDsaKey) -> PrivateKey {
        PrivateKey::MlDsa(Box::new(key))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            PrivateKey::Rsa(key) => Algorithm::Rsa(key.bits()),
            PrivateKey::Ecdsa(key) => Algorithm::Ecdsa(key.curve()),
            PrivateKey::Ed25519(_) => Algorithm::Ed25519,
            PrivateKey::MlDsa(key) => Algorithm::MlDsa(key.set()),
        }
    }

    /// The contents of the subjectPublicKey of the public half (RFC 5280, section 4.1.2.7).
    pub(super) fn subject_public_key(&self) -> Result<Vec<u8>, KeyError> {
        Ok(match self {
            PrivateKey::Rsa(key) => key.public_key_der()?,
            PrivateKey::Ecdsa(key) => key.public_point(),
            PrivateKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            PrivateKey::MlDsa(key) => key.public_key(),
        })
    }

    /// What cfssl writes it as: PKCS#1, SEC1, or PKCS#8 v1 for Ed25519 and ML-DSA.
    pub(super) fn to_der(&self) -> Result<SecretBytes, KeyError> {
        match self {
            PrivateKey::Rsa(key) => key.to_pkcs1_der(),
            PrivateKey::Ecdsa(key) => key.to_sec1_der(),
            PrivateKey::Ed25519(key) => Ok(encoding::ed25519_pkcs8(key.as_bytes())),
            PrivateKey::MlDsa(key) => Ok(encoding::ml_dsa_pkcs8(key.set(), key.seed())),
        }
    }
}
