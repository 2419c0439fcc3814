//! Opening what was sealed: with identities that lie in files, or with a passphrase.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use age::{DecryptError, Decryptor, armor::ArmoredReader, scrypt, x25519};
use zeroize::{Zeroize, Zeroizing};

use super::passphrase::{Ask, MOST_WORK, OpenError, Trouble, secret_string};
use super::ssh::{SshIdentity, SshIdentityError};
use crate::pki::digest::{Sha256, sha256};
use crate::pki::secret::SecretBytes;

/// What a file of age begins with (c2sp.org/age), whatever its version.
const MAGIC: &[u8] = b"age-encryption.org/";

/// What one in ASCII begins with.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Whether a file says that it is one of age.
pub fn is_sealed(file: &[u8]) -> bool {
    file.starts_with(MAGIC) || is_text(file)
}

/// Whether it is one in ASCII, around which there may be white space.
fn is_text(file: &[u8]) -> bool {
    file.trim_ascii_start().starts_with(ARMOR)
}

/// What opens sealed files: identities, and who can be asked for a passphrase.
pub struct Opener {
    identities: Vec<Box<dyn age::Identity + Send + Sync>>,
    ask: Arc<Ask>,
    /// Why an identity that fits could not be used.
    trouble: Trouble,
    /// What a passphrase has opened, by the digest of the sealed: nobody is asked twice for the same.
    opened: Mutex<BTreeMap<Sha256, SecretBytes>>,
}

impl Opener {
    /// No identities yet, and somebody who can be asked.
    pub fn new(ask: impl Fn(&str) -> Result<SecretBytes, String> + Send + Sync + 'static) -> Opener {
        Opener {
            identities: Vec::new(),
            ask: Arc::new(ask),
            trouble: Trouble::default(),
            opened: Mutex::default(),
        }
    }

    /// Nothing that opens anything.
    pub fn none() -> Opener {
        Opener::new(|_| Err("there is nobody to ask for it".to_owned()))
    }

    /// Takes the identities in a file: lines as `age-keygen` writes them, which may be sealed with a passphrase themselves, or a private
    /// key of OpenSSH. The passphrase of that is asked for when it is needed first.
    pub fn add_identities(&mut self, name: &str, file: &SecretBytes) -> Result<(), IdentityError> {
        match is_sealed(file.expose()) {
            true => {
                let opened = self.open(name, file.expose()).map_err(IdentityError::Sealed)?;
                self.add_plain(name, opened.expose())
            }
            false => self.add_plain(name, file.expose()),
        }
    }

    fn add_plain(&mut self, name: &str, file: &[u8]) -> Result<(), IdentityError> {
        if file.trim_ascii_start().starts_with(b"-----BEGIN") {
            let identity = SshIdentity::read(name, file, Arc::clone(&self.ask), Arc::clone(&self.trouble));
            self.identities.push(Box::new(identity?));
            return Ok(());
        }
        let before = self.identities.len();
        for (line, number) in file.split(|byte| *byte == b'\n').zip(1..) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let identity = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
            let identity: x25519::Identity = identity.ok_or(match line {
                [b'a', b'g', b'e', b'1', ..] => IdentityError::IsRecipient(number),
                _ => IdentityError::Line(number),
            })?;
            self.identities.push(Box::new(identity));
        }
        match self.identities.len() == before {
            true => Err(IdentityError::Empty),
            false => Ok(()),
        }
    }

    /// What is sealed in a file, binary or in ASCII; all of it was authentic, or it is an error. `name` is what whoever is asked for a
    /// passphrase is told.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let digest = sha256(sealed);
        if let Some(opened) = self.opened().get(&digest) {
            return Ok(opened.clone());
        }
        let sealed = match is_text(sealed) {
            true => sealed.trim_ascii(),
            false => sealed,
        };
        let decryptor = Decryptor::new(ArmoredReader::new(sealed)).map_err(OpenError::of)?;
        if !decryptor.is_scrypt() {
            if self.identities.is_empty() {
                return Err(OpenError::NoIdentity);
            }
            let identities = self
                .identities
                .iter()
                .map(|identity| identity.as_ref() as &dyn age::Identity);
            let stream = decryptor.decrypt(identities);
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
            let stream = stream.map_err(|error| trouble.unwrap_or(OpenError::of(error)))?;
            return read_all(stream, sealed.len());
        }
        let passphrase = secret_string(&(self.ask)(name).map_err(OpenError::NotAsked)?)?;
        let mut identity = scrypt::Identity::new(passphrase);
        identity.set_max_work_factor(MOST_WORK);
        let stream = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
        let stream = stream.map_err(|error| match error {
            DecryptError::DecryptionFailed => OpenError::WrongPassphrase,
            error => OpenError::of(error),
        })?;
        let opened = read_all(stream, sealed.len())?;
        self.opened().insert(digest, opened.clone());
        Ok(opened)
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<Sha256, SecretBytes>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({} identities, not shown)", self.identities.len())
    }
}

/// Reads to the end: what was sealed is shorter than what it was sealed in.
fn read_all(mut stream: impl Read, at_most: usize) -> Result<SecretBytes, OpenError> {
    let mut opened = SecretBytes::with_capacity(at_most);
    let mut chunk = Zeroizing::new([0; 16 << 10]);
    loop {
        match stream.read(&mut chunk[..]) {
            Ok(0) => return Ok(opened),
            Ok(length) => opened.extend(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                opened.zeroize();
                return Err(OpenError::Damaged("its content is cut off or was changed"));
            }
        }
    }
}

/// Why a file has no identities to open anything with. No message contains anything of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The number of the line, from 1.
    #[error(
        "line {0} is no identity of age: they begin with AGE-SECRET-KEY-1, and those of plugins are not known here"
    )]
    Line(usize),
    #[error(
        "line {0} is a recipient, which seals; what opens is its private half, a line that begins with AGE-SECRET-KEY-1"
    )]
    IsRecipient(usize),
    #[error("there is no identity in it")]
    Empty,
    #[error("{0}")]
    Ssh(#[from] SshIdentityError),
    /// It is sealed itself.
    #[error("{0}")]
    Sealed(OpenError),
}
