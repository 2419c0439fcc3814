//! Signatures over the sums of an output, as OpenSSH makes and verifies them for files (PROTOCOL.sshsig), and who may make them.
//!
//! The key comes from the seed, so that whoever has the public half by another way knows who made an output.

use std::collections::BTreeSet;

use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, LineEnding, PublicKey as SshPublicKey, Signature, SshSig};

use super::derivation::{Purpose, Seed};
use super::key::{Algorithm, KeyPair, PublicKey};

/// What the signatures are for, so that one of SSH's made for anything else is none of an output.
pub const NAMESPACE: &str = "khw-gen";

/// The generation of the key.
const GENERATION: u32 = 1;

/// Who signs the sums of a cluster's outputs.
#[derive(Debug)]
pub struct OutputSigner {
    key: KeyPair,
    cluster: String,
}

impl OutputSigner {
    /// The key of a cluster that has this name.
    pub fn new(seed: &Seed, cluster: &str) -> Result<OutputSigner, SigningError> {
        let bytes = seed.derive(cluster, &Purpose::SigningKey, GENERATION);
        Ok(OutputSigner {
            key: KeyPair::from_seed(Algorithm::Ed25519, &bytes).map_err(SigningError::of)?,
            cluster: cluster.to_owned(),
        })
    }

    /// By which name OpenSSH knows who signs: that of the cluster, since a file may name those of several.
    pub fn principal(cluster: &str) -> String {
        format!("{NAMESPACE}@{cluster}")
    }

    /// The line of a file of allowed signers (ssh-keygen(1)), without its end.
    pub fn allowed_signers_line(&self) -> Result<String, SigningError> {
        let key = SshPublicKey::from(self.public()?)
            .to_openssh()
            .map_err(SigningError::of)?;
        Ok(format!(
            "{} namespaces=\"{NAMESPACE}\" {key}",
            OutputSigner::principal(&self.cluster)
        ))
    }

    /// The text of a `.sig` file over `message`. The same message has the same signature.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningError> {
        let hash = HashAlg::Sha512;
        let signed = SshSig::signed_data(NAMESPACE, hash, message).map_err(SigningError::of)?;
        let signature = self.key.sign(&signed).map_err(SigningError::of)?;
        let signature = Signature::new(ssh_key::Algorithm::Ed25519, signature).map_err(SigningError::of)?;
        let whole = SshSig::new(self.public()?, NAMESPACE, hash, signature).map_err(SigningError::of)?;
        whole.to_pem(LineEnding::LF).map_err(SigningError::of)
    }

    fn public(&self) -> Result<KeyData, SigningError> {
        let bytes = self.key.public().subject_public_key.as_slice();
        Ed25519PublicKey::try_from(bytes)
            .map(KeyData::Ed25519)
            .map_err(SigningError::of)
    }
}

/// Why something could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it can't be signed: {0}")]
pub struct SigningError(String);

impl SigningError {
    fn of(error: impl ToString) -> SigningError {
        SigningError(error.to_string())
    }
}

/// A file of allowed signers: whose signatures count, as `ssh-keygen -Y verify` reads it, but for what could limit a key in other ways
/// than by a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigners(Vec<(String, PublicKey)>);

impl AllowedSigners {
    /// Errors: the number of the line, from 1, and why it can't be believed. Nothing is passed over but blank lines and comments.
    pub fn parse(text: &str) -> Result<AllowedSigners, (usize, SignersLineError)> {
        let mut signers = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            if !line.trim().is_empty() && !line.starts_with('#') {
                signers.extend(signer(line).map_err(|error| (number, error))?);
            }
        }
        Ok(AllowedSigners(signers))
    }

    /// Whose signature over `message` the text of a `.sig` file is.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<&str, SignatureError> {
        let signature = SshSig::from_pem(signature.trim()).map_err(|_| SignatureError::NotRead)?;
        if signature.namespace() != NAMESPACE {
            return Err(SignatureError::OtherNamespace);
        }
        let (KeyData::Ed25519(key), 1) = (signature.public_key(), signature.version()) else {
            return Err(SignatureError::NotAllowed);
        };
        let of_key = |(_, allowed): &&(String, PublicKey)| allowed.subject_public_key == key.as_ref();
        let (principal, key) = self.0.iter().find(of_key).ok_or(SignatureError::NotAllowed)?;
        let signed =
            SshSig::signed_data(NAMESPACE, signature.hash_alg(), message).map_err(|_| SignatureError::NotRead)?;
        match key.verifies(&signed, signature.signature_bytes()) {
            true => Ok(principal),
            false => Err(SignatureError::Changed),
        }
    }
}

/// Who signs by one line: `PRINCIPALS [OPTIONS] ssh-ed25519 KEY [COMMENT]`; nobody where it is for another namespace or of another kind
/// of key.
fn signer(line: &str) -> Result<Option<(String, PublicKey)>, SignersLineError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words
        .iter()
        .position(|word| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-"));
    let (principals, options, key) = match (words.as_slice(), at) {
        ([principals, ..], Some(1)) => (principals, None, &words[1..]),
        ([principals, options, ..], Some(2)) => (principals, Some(*options), &words[2..]),
        _ => return Err(SignersLineError::NoKey),
    };
    for option in options.unwrap_or_default().split_terminator("\",") {
        let Some(names) = option.strip_prefix("namespaces=\"") else {
            return Err(SignersLineError::UnknownOption);
        };
        let names: BTreeSet<&str> = names.trim_end_matches('"').split(',').collect();
        if !names.contains(NAMESPACE) {
            return Ok(None);
        }
    }
    if key.first() != Some(&"ssh-ed25519") {
        return Ok(None);
    }
    let key = SshPublicKey::from_openssh(&key.join(" ")).map_err(|_| SignersLineError::NoKey)?;
    let KeyData::Ed25519(key) = key.key_data() else {
        return Ok(None);
    };
    let public = PublicKey {
        algorithm: Algorithm::Ed25519,
        subject_public_key: key.as_ref().to_vec(),
    };
    Ok(Some(((*principals).to_owned(), public)))
}

/// Why a line of a file of allowed signers can't be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignersLineError {
    #[error("it has no public key of SSH behind a name")]
    NoKey,
    #[error("it has options besides namespaces=\"…\", which khw-gen can't judge")]
    UnknownOption,
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("it is no signature as ssh-keygen -Y sign writes it")]
    NotRead,
    #[error("it was made for something else than outputs of khw-gen")]
    OtherNamespace,
    #[error("it is by a key that is not among the allowed signers")]
    NotAllowed,
    #[error("what it was made over was changed")]
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer_of(cluster: &str) -> OutputSigner {
        OutputSigner::new(&Seed::stand_in(1), cluster).unwrap()
    }

    #[test]
    fn a_signature_counts_for_its_message_and_its_signer_alone() {
        let (one, other) = (signer_of("demo"), signer_of("other"));
        let allowed = AllowedSigners::parse(&format!("# mine\n\n{}\n", one.allowed_signers_line().unwrap())).unwrap();
        let signature = one.sign(b"sums").unwrap();
        assert_eq!(signature, one.sign(b"sums").unwrap());
        assert_eq!(allowed.verify(b"sums", &signature), Ok("khw-gen@demo"));
        assert_eq!(allowed.verify(b"sumz", &signature), Err(SignatureError::Changed));
        let others = other.sign(b"sums").unwrap();
        assert_eq!(allowed.verify(b"sums", &others), Err(SignatureError::NotAllowed));
        for at in 0..signature.len() {
            let mut changed = signature.clone().into_bytes();
            changed[at] ^= 1;
            // The padding of a line may be written in several ways, what it says may not.
            if let Ok(changed) = String::from_utf8(changed)
                && allowed.verify(b"sums", &changed).is_ok()
            {
                let same = |text: &str| SshSig::from_pem(text.trim()).unwrap();
                assert_eq!(same(&changed), same(&signature), "at {at}");
            }
        }
    }

    #[test]
    fn lines_of_allowed_signers_are_read_or_refused() {
        let line = signer_of("demo").allowed_signers_line().unwrap();
        let key = line.split_once("ssh-ed25519").unwrap().1;
        let signature = signer_of("demo").sign(b"sums").unwrap();
        let verified = |text: &str| Ok(AllowedSigners::parse(text)?.verify(b"sums", &signature).is_ok());
        assert_eq!(verified(&format!("a,b ssh-ed25519{key} a comment")), Ok(true));
        assert_eq!(
            verified(&format!("a namespaces=\"git,khw-gen\" ssh-ed25519{key}")),
            Ok(true)
        );
        assert_eq!(verified(&format!("a namespaces=\"git\" ssh-ed25519{key}")), Ok(false));
        assert_eq!(verified(""), Ok(false));
        for option in [
            "cert-authority",
            "valid-before=\"20200101\"",
            "namespaces=\"khw-gen\",cert-authority",
        ] {
            let text = format!("\na {option} ssh-ed25519{key}");
            assert_eq!(verified(&text), Err((2, SignersLineError::UnknownOption)), "{option}");
        }
        for text in ["ssh-ed25519", "a ssh-ed25519 AAAA", "a b"] {
            assert_eq!(verified(text), Err((1, SignersLineError::NoKey)), "{text}");
        }
    }
}
