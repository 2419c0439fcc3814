//! Whether the authority that `[pki.ca]` names can sign for a cluster. What it signs is judged in [`super::certificates`].
use std::sync::Arc;

use crate::catalog::releases::Release;
use crate::cluster::{ExistingCa, ExistingKey};
use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::authority::{AuthorityCertificate, AuthorityError};
use crate::pki::key::{Algorithm, KeyError, KeyPair, PublicKey};

use super::draft::DraftCa;
use super::source_files::{Files, or_told};
use super::token_keys::signs_any_tokens;

/// An authority as far as it could be read, and where its certificate is named.
pub struct Existing {
    /// None if it can't be used, which has been reported; and where it signs elsewhere and nothing names its certificate.
    pub ca: Option<ExistingCa>,
    pub place: Option<Place>,
    /// Whether it signs elsewhere.
    pub external: bool,
}

/// Reads the certificate and, where it is there, the key.
pub fn read(files: &dyn Files, draft: &DraftCa, say: &Reporter) -> Existing {
    let place = draft.certificate.as_ref().and_then(|path| path.place.clone());
    let certificate = certificate(files, draft, say);
    let key = match &draft.key {
        Some(path) if draft.external => {
            let message = "an authority that signs elsewhere keeps its key";
            say.at(path, codes::EXTERNAL_KEY, message);
            Ok(None)
        }
        _ => key(files, draft, say),
    };
    let ca = match (certificate, key) {
        (Some(certificate), Ok(key)) => {
            let fits = key.as_ref().is_none_or(|key| fits(&certificate, key, draft, say));
            fits.then_some(ExistingCa { certificate, key })
        }
        _ => None,
    };
    Existing {
        ca,
        place,
        external: draft.external,
    }
}

/// What a key that signs no certificates is brought for.
#[derive(Clone, Copy)]
pub enum BroughtFor<'a> {
    /// Tokens of service accounts, which this release checks, where it could be read.
    Tokens(Option<&'a Release>),
    ACertificate,
}

/// Reads a key that signs no certificates, and its public half. None if it can't be used, which is reported.
pub fn read_key(files: &dyn Files, draft: &DraftCa, purpose: BroughtFor<'_>, say: &Reporter) -> Option<ExistingKey> {
    let public = public_key(files, draft, purpose, say);
    let key = key(files, draft, say);
    let (public, key) = (public?, key.ok()?);
    if let Some(key) = &key
        && *key.public() != public
    {
        tell_mismatch(draft, say);
        return None;
    }
    Some(ExistingKey { public, key })
}

/// What to do about a key that no token can be signed with.
const BRING_ANOTHER: &str = "bring an RSA or ECDSA key, or take the section out and one is made from the seed";

fn public_key(files: &dyn Files, draft: &DraftCa, purpose: BroughtFor<'_>, say: &Reporter) -> Option<PublicKey> {
    let path = draft.certificate.as_ref()?;
    let file = or_told(files.certificate(&path.value), path, say)?;
    let public = match AuthorityCertificate::public_key_in(file.expose()) {
        Ok(public) => public,
        Err(error) => {
            let hint = match error {
                AuthorityError::Key(_) => {
                    "bring a key that can be used, or take the section out and one is made from the seed"
                }
                _ => {
                    "name the public key here (`openssl pkey -in KEY -pubout` writes it), and the private one with `key`"
                }
            };
            say.at(path, codes::BAD_CA, format!("{} {error}", path.value))
                .hint(hint);
            return None;
        }
    };
    if let BroughtFor::Tokens(release) = purpose
        && !signs_any_tokens(&path.value, public.algorithm, path, Some(BRING_ANOTHER), release, say)
    {
        return None;
    }
    if public.algorithm == Algorithm::Ed25519 && matches!(purpose, BroughtFor::ACertificate) {
        let message = format!(
            "{} is an Ed25519 key, which is refused by some who must accept it",
            path.value
        );
        say.at(path, codes::ED25519_IDENTITY, message);
    }
    Some(public)
}

fn certificate(files: &dyn Files, draft: &DraftCa, say: &Reporter) -> Option<AuthorityCertificate> {
    let path = draft.certificate.as_ref()?;
    let name = &path.value;
    let file = or_told(files.certificate(&path.value), path, say)?;
    let certificate = match AuthorityCertificate::from_pem(file.expose()) {
        Ok(certificate) => certificate,
        Err(error) => {
            let hint = match error {
                AuthorityError::HoldsPrivateKey => Some("name the certificate here, and the key with `key`"),
                AuthorityError::Several(_) => Some("leave the certificate whose key is at hand, and no other"),
                _ => None,
            };
            say.at(path, codes::BAD_CA, format!("{name} {error}")).hint_if(hint);
            return None;
        }
    };
    if !certificate.unknown_critical.is_empty() {
        let oids = certificate.unknown_critical.join(", ");
        let message = format!("{name} has a critical extension that those who verify it may not know: {oids}");
        say.at(path, codes::BAD_CA, message).hint("use a CA without it");
    }
    if !certificate.is_ca {
        let message = format!("{name} is not the certificate of an authority");
        say.at(path, codes::NOT_A_CA, message);
    } else if !certificate.signs_certificates {
        let message = format!("the key usage of {name} leaves out the signing of certificates");
        say.at(path, codes::NOT_A_CA, message);
    } else if !certificate.withheld_usages.is_empty() {
        let withheld = certificate.withheld_usages.join(" and ");
        let message =
            format!("the extended key usages of {name} leave out {withheld}, and so they do for all that it signs");
        say.at(path, codes::NOT_A_CA, message);
    }
    if certificate.public.algorithm == Algorithm::Ed25519 {
        let message = format!("{name} has an Ed25519 key, which is refused by some who must accept it");
        say.at(path, codes::ED25519_IDENTITY, message);
    }
    if certificate.has_name_constraints {
        let message = format!("{name} limits the names of what it signs, which is not checked here");
        say.at(path, codes::CA_NAME_CONSTRAINTS, message);
    }
    Some(certificate)
}

/// The key, none if it was not there to be read, or that it can't be used.
fn key(files: &dyn Files, draft: &DraftCa, say: &Reporter) -> Result<Option<Arc<KeyPair>>, KeyError> {
    let Some(path) = &draft.key else { return Ok(None) };
    let file = match files.key(&path.value) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(None),
        Err(why) => {
            say.at(path, codes::UNREADABLE, why.why).hint_if(why.hint);
            return Ok(None);
        }
    };
    KeyPair::from_pem(file.expose())
        .map(|key| Some(Arc::new(key)))
        .inspect_err(|error| {
            let message = format!("{} can't be used: {error}", path.value);
            let sealed = "`openssl pkey -in KEY -out PLAIN` asks for the passphrase and takes it away; age may seal what comes of it";
            say.at(&path.place, codes::BAD_CA_KEY, message)
                .hint_if((*error == KeyError::Encrypted).then_some(sealed));
        })
}

fn fits(certificate: &AuthorityCertificate, key: &KeyPair, draft: &DraftCa, say: &Reporter) -> bool {
    let fits = certificate.public == *key.public();
    if !fits {
        tell_mismatch(draft, say);
    }
    fits
}

fn tell_mismatch(draft: &DraftCa, say: &Reporter) {
    let name = |path: &Option<super::tree::At<String>>| path.as_ref().map_or("", |path| &path.value).to_owned();
    let message = format!("{} is not the key of {}", name(&draft.key), name(&draft.certificate));
    let place = draft.certificate.as_ref().and_then(|path| path.place.clone());
    say.at(place, codes::CA_KEY_MISMATCH, message);
}
