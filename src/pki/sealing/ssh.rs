//! The Ed25519 keys of SSH as age's recipients and identities (c2sp.org/age, the recipient type `ssh-ed25519`): a file's key is wrapped
//! for the Montgomery form of the key, changed by a factor that depends on the whole public key.
//!
//! The crate `age` has them too, but only with RSA's, whose crate deny.toml refuses.

use std::sync::Arc;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use age_core::secrecy::ExposeSecret;
use base64ct::{Base64Unpadded, Encoding};
use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{SigningKey, VerifyingKey};
use ring::digest;
use ssh_key::private::KeypairData;
use ssh_key::public::KeyData;
use ssh_key::{PrivateKey, PublicKey};
use zeroize::{Zeroize, Zeroizing};

use super::passphrase::{Ask, OpenError, Trouble};

/// The first word of the stanza, and of the key as text.
const KIND: &str = "ssh-ed25519";

const LABEL: &[u8] = b"age-encryption.org/v1/ssh-ed25519";

/// A public key: as OpenSSH encodes it, and as a point to agree on keys with.
struct Public {
    encoded: Vec<u8>,
    point: MontgomeryPoint,
}

impl Public {
    fn of(key: &PublicKey) -> Option<Public> {
        let KeyData::Ed25519(ed25519) = key.key_data() else {
            return None;
        };
        Some(Public {
            encoded: key.to_bytes().ok()?,
            point: VerifyingKey::from_bytes(ed25519.as_ref()).ok()?.to_montgomery(),
        })
    }

    /// By which a stanza tells for whom it is.
    fn tag(&self) -> String {
        Base64Unpadded::encode_string(&digest::digest(&digest::SHA256, &self.encoded).as_ref()[..4])
    }

    /// The factor that ties what is agreed upon to the whole public key.
    fn tweak(&self) -> [u8; 32] {
        hkdf(&self.encoded, LABEL, b"")
    }

    /// The key that wraps a file's key: from the point of whoever sealed it, and the one agreed upon.
    fn wrapping_key(&self, share: &MontgomeryPoint, agreed: MontgomeryPoint) -> Zeroizing<[u8; 32]> {
        let mut tied = agreed.mul_clamped(self.tweak());
        let salt = [share.to_bytes(), self.point.to_bytes()].concat();
        let key = Zeroizing::new(hkdf(&salt, LABEL, &tied.to_bytes()));
        tied.zeroize();
        key
    }
}

/// A public key for which files are sealed.
pub(super) struct SshRecipient(Public);

impl SshRecipient {
    /// A line as in `id_ed25519.pub`; none where it is no whole Ed25519 key.
    pub(super) fn parse(line: &str) -> Option<SshRecipient> {
        Some(SshRecipient(Public::of(&PublicKey::from_openssh(line).ok()?)?))
    }
}

impl age::Recipient for SshRecipient {
    // age's own interface has a set without an order; there is never anything in it.
    #[allow(clippy::disallowed_types, reason = "an empty set has no order")]
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, std::collections::HashSet<String>), EncryptError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|error| EncryptError::Io(std::io::Error::other(error)))?;
        let share = MontgomeryPoint::mul_base_clamped(*secret);
        let key = self.0.wrapping_key(&share, self.0.point.mul_clamped(*secret));
        let stanza = Stanza {
            tag: KIND.to_owned(),
            args: vec![self.0.tag(), Base64Unpadded::encode_string(&share.to_bytes())],
            body: aead_encrypt(&key, file_key.expose_secret()),
        };
        Ok((vec![stanza], Default::default()))
    }
}

/// A private key of OpenSSH, which may be locked with a passphrase.
pub(super) struct SshIdentity {
    name: String,
    public: Public,
    private: PrivateKey,
    ask: Arc<Ask>,
    trouble: Trouble,
}

impl SshIdentity {
    /// Reads `id_ed25519`, in the form that OpenSSH writes since 7.8 and for Ed25519 always.
    pub(super) fn read(
        name: &str,
        pem: &[u8],
        ask: Arc<Ask>,
        trouble: Trouble,
    ) -> Result<SshIdentity, SshIdentityError> {
        let private = PrivateKey::from_openssh(pem).map_err(|_| SshIdentityError::NotRead)?;
        let public = Public::of(private.public_key()).ok_or(SshIdentityError::NotEd25519)?;
        Ok(SshIdentity {
            name: name.to_owned(),
            public,
            private,
            ask,
            trouble,
        })
    }

    /// The scalar of the private key, unlocked where that has to be.
    fn scalar(&self) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let unlocked;
        let private = match self.private.is_encrypted() {
            true => {
                let not_asked = |why| OpenError::IdentityNotAsked(self.name.clone(), why);
                let passphrase = (self.ask)(&self.name).map_err(not_asked)?;
                let wrong = |_| OpenError::WrongPassphraseOfIdentity(self.name.clone());
                unlocked = self.private.decrypt(passphrase.expose()).map_err(wrong)?;
                &unlocked
            }
            false => &self.private,
        };
        match private.key_data() {
            KeypairData::Ed25519(pair) => {
                let seed = Zeroizing::new(pair.private.to_bytes());
                Ok(Zeroizing::new(SigningKey::from_bytes(&seed).to_scalar_bytes()))
            }
            _ => Err(OpenError::Damaged("the identity holds another key than it says")),
        }
    }
}

impl age::Identity for SshIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != KIND {
            return None;
        }
        let share = match &stanza.args[..] {
            [tag, _] if *tag != self.public.tag() => return None,
            [_, share] => Base64Unpadded::decode_vec(share).ok(),
            _ => None,
        };
        let Some(share) = share.and_then(|share| <[u8; 32]>::try_from(share).ok()) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        let scalar = match self.scalar() {
            Ok(scalar) => scalar,
            Err(error) => {
                *self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                return Some(Err(DecryptError::KeyDecryptionFailed));
            }
        };
        let share = MontgomeryPoint(share);
        let agreed = share.mul_clamped(*scalar);
        // A point of small order is nobody's: anybody could have agreed on that.
        if agreed.to_bytes() == [0; 32] {
            return Some(Err(DecryptError::InvalidHeader));
        }
        let key = self.public.wrapping_key(&share, agreed);
        let opened = aead_decrypt(&key, FILE_KEY_BYTES, &stanza.body);
        Some(opened.map_err(DecryptError::from).map(|mut bytes| {
            FileKey::init_with_mut(|file_key| {
                file_key.copy_from_slice(&bytes);
                bytes.zeroize();
            })
        }))
    }
}

/// Why a file is no private key of SSH that opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshIdentityError {
    #[error("it is no private key as OpenSSH writes it (`ssh-keygen -p -f FILE` rewrites an older form)")]
    NotRead,
    #[error("of SSH's keys only Ed25519 opens anything here (ssh-keygen -t ed25519)")]
    NotEd25519,
}
