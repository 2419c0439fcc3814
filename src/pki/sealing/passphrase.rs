//! Passphrases, and what else stands in the way of opening something.

use std::sync::{Arc, Mutex};

use age::DecryptError;
use age::secrecy::SecretString;

use crate::pki::secret::SecretBytes;

/// As a power of two, the most work that a passphrase may ask for: a gigabyte, and seconds. age's own programs write 18.
pub(super) const MOST_WORK: u8 = 20;

/// Asks for the passphrase of what has this name; an error is why nobody can be asked.
pub type Ask = dyn Fn(&str) -> Result<SecretBytes, String> + Send + Sync;

/// Where an identity that could not be used says why; age's own interface has no room for that.
pub(super) type Trouble = Arc<Mutex<Option<OpenError>>>;

/// A passphrase as age takes one.
pub(super) fn secret_string(passphrase: &SecretBytes) -> Result<SecretString, OpenError> {
    let text = std::str::from_utf8(passphrase.expose()).map_err(|_| OpenError::PassphraseNotText)?;
    Ok(SecretString::from(text.to_owned()))
}

/// Why something could not be opened. No message contains anything of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("it is sealed: give --identity FILE, with the private half of a key that it was sealed for")]
    NoIdentity,
    #[error("it is sealed for others than the identities that were given")]
    OtherIdentities,
    #[error("it is sealed with another passphrase than the one that was given")]
    WrongPassphrase,
    /// Nobody can be asked, and why.
    #[error("it is sealed with a passphrase: {0}")]
    NotAsked(String),
    #[error("the passphrase is not UTF-8")]
    PassphraseNotText,
    /// An identity that fits is locked with another passphrase.
    #[error("the passphrase of the identity {0} is another than the one that was given")]
    WrongPassphraseOfIdentity(String),
    /// An identity that fits is locked, nobody can be asked, and why.
    #[error("the identity {0} is locked with a passphrase: {1}")]
    IdentityNotAsked(String, String),
    /// A power of two.
    #[error("its passphrase takes more work than is done for one: 2^{0} blocks, and 2^{MOST_WORK} are the most")]
    TooMuchWork(u8),
    #[error("it is no whole file of age, or was changed: {0}")]
    Damaged(&'static str),
    #[error("it is of a later version of age than khw-gen knows")]
    LaterVersion,
}

impl OpenError {
    pub(super) fn of(error: DecryptError) -> OpenError {
        match error {
            DecryptError::NoMatchingKeys => OpenError::OtherIdentities,
            DecryptError::ExcessiveWork { required, .. } => OpenError::TooMuchWork(required),
            DecryptError::InvalidMac => OpenError::Damaged("its header was changed"),
            DecryptError::UnknownFormat => OpenError::LaterVersion,
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                OpenError::Damaged("the key of its content can't be opened")
            }
            _ => OpenError::Damaged("its header can't be read"),
        }
    }
}
