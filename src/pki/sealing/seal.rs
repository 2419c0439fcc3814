//! Sealing, for those who have a key or a passphrase.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use age::armor::{ArmoredWriter, Format};
use age::{Encryptor, scrypt, x25519};

use super::passphrase::secret_string;
use super::ssh::SshRecipient;
use crate::pki::secret::SecretBytes;

/// As a power of two, the work that a passphrase takes: what age's own program writes, a second or so.
const WORK: u8 = 18;

/// Who can open what is sealed: a public key, of age (`age1…`) or of SSH (`ssh-ed25519 …`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(String);

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Recipient, RecipientError> {
        match usable(text.trim()) {
            Ok(_) => Ok(Recipient(text.trim().to_owned())),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Recipient {
    /// Those in a file of recipients, one a line, as age reads it: blank lines and those that begin with `#` mean nothing. An error has
    /// the number of its line, from 1.
    pub fn list(text: &str) -> Result<Vec<Recipient>, (usize, RecipientError)> {
        let lines = text.lines().zip(1..);
        let lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|(line, number)| line.parse().map_err(|error| (number, error)))
            .collect()
    }
}

/// A recipient as age's interface has it.
fn usable(text: &str) -> Result<Box<dyn age::Recipient>, RecipientError> {
    if let Ok(recipient) = text.parse::<x25519::Recipient>() {
        return Ok(Box::new(recipient));
    }
    // Whatever it is, it is not repeated: a private key may have been pasted.
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        return Err(RecipientError::IsIdentity);
    }
    match text.split_whitespace().next().unwrap_or_default() {
        "ssh-ed25519" => SshRecipient::parse(text)
            .map(|recipient| Box::new(recipient) as Box<dyn age::Recipient>)
            .ok_or(RecipientError::DamagedSsh),
        kind if kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-") => {
            Err(RecipientError::OtherSsh)
        }
        kind if kind.starts_with("age1") && kind.chars().filter(|character| *character == '1').count() > 1 => {
            Err(RecipientError::Plugin)
        }
        _ => Err(RecipientError::Unknown),
    }
}

/// Why a text names nobody for whom anything could be sealed. No message contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    #[error("it is no recipient: neither a public key of age (age1…) nor one of SSH (ssh-ed25519 …)")]
    Unknown,
    #[error("it is an identity, which opens: keep it secret, and give its public half, which `age-keygen -y` prints")]
    IsIdentity,
    #[error("it is no whole public key of SSH")]
    DamagedSsh,
    #[error(
        "it is a key of SSH for which nothing is sealed: use an Ed25519 key (ssh-ed25519 …), or one of age (age-keygen)"
    )]
    OtherSsh,
    #[error(
        "it is a recipient of a plugin, or not whole: use one of age's own (age-keygen), or of SSH (ssh-ed25519 …)"
    )]
    Plugin,
}

/// Seals for all of `recipients`, each of whom can open it alone. The result is binary.
pub fn seal_for(recipients: &[Recipient], plain: &SecretBytes) -> Result<Vec<u8>, SealError> {
    let usable: Vec<_> = recipients
        .iter()
        .map(|recipient| usable(&recipient.0))
        .collect::<Result<_, RecipientError>>()
        .map_err(|error| SealError(error.to_string()))?;
    let mut sealed = Vec::new();
    write(encryptor(usable.iter().map(Box::as_ref))?, plain, &mut sealed)?;
    Ok(sealed)
}

/// The same as text (ASCII armor), as seeds are kept.
pub fn seal_as_text(recipients: &[Recipient], plain: &SecretBytes) -> Result<Vec<u8>, SealError> {
    Ok(armored(&seal_for(recipients, plain)?)?)
}

/// Seals with a passphrase, as text.
pub fn seal_with_passphrase(passphrase: &SecretBytes, plain: &SecretBytes) -> Result<Vec<u8>, SealError> {
    let passphrase = secret_string(passphrase).map_err(|error| SealError(error.to_string()))?;
    let mut recipient = scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(WORK);
    let mut sealed = Vec::new();
    let one = std::iter::once(&recipient as &dyn age::Recipient);
    write(encryptor(one)?, plain, &mut sealed)?;
    Ok(armored(&sealed)?)
}

fn encryptor<'a>(recipients: impl Iterator<Item = &'a dyn age::Recipient>) -> Result<Encryptor, SealError> {
    Encryptor::with_recipients(recipients).map_err(|_| SealError("there is nobody to seal it for".to_owned()))
}

fn write(encryptor: Encryptor, plain: &SecretBytes, sealed: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = encryptor.wrap_output(sealed)?;
    stream.write_all(plain.expose())?;
    stream.finish().map(drop)
}

fn armored(sealed: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    writer.write_all(sealed)?;
    writer.finish()
}

/// Why something could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it can't be sealed: {0}")]
pub struct SealError(String);

impl From<io::Error> for SealError {
    fn from(error: io::Error) -> Self {
        SealError(error.to_string())
    }
}
