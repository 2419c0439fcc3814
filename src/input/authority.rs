//! Whether the authority that `[pki.ca]` names can sign for a cluster. What it signs is judged in [`super::certificates`].
use std::sync::Arc;

use crate::cluster::ExistingCa;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, codes};
use crate::pki::authority::{AuthorityCertificate, AuthorityError};
use crate::pki::key::{Algorithm, KeyError, KeyPair};

use super::draft::DraftCa;
use super::sources::{SourceId, Sources};

/// An authority as far as it could be read, and where its certificate is named.
pub struct Existing {
    /// None if it can't be used, which has been reported.
    pub ca: Option<ExistingCa>,
    pub place: Option<Place>,
}

/// Reads the certificate and, where it is there, the key.
pub fn read(sources: &Sources, draft: &DraftCa, diagnostics: &mut Diagnostics) -> Existing {
    let place = draft.certificate.as_ref().and_then(|path| path.place.clone());
    let certificate = certificate(sources, draft, diagnostics);
    let key = key(sources, draft, diagnostics);
    let ca = match (certificate, key) {
        (Some(certificate), Ok(key)) => {
            let fits = key
                .as_ref()
                .is_none_or(|key| fits(&certificate, key, draft, diagnostics));
            fits.then_some(ExistingCa { certificate, key })
        }
        _ => None,
    };
    Existing { ca, place }
}

fn certificate(sources: &Sources, draft: &DraftCa, diagnostics: &mut Diagnostics) -> Option<AuthorityCertificate> {
    let path = draft.certificate.as_ref()?;
    let mut report = |code: &'static Code, message: String, hint: Option<&str>| {
        let diagnostic = Diagnostic::new(code, message).at(path.place.clone());
        diagnostics.report(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    };
    let Some(file) = &sources.ca_certificate else {
        if !sources.is_unreadable(SourceId::CaCertificate) {
            report(codes::BAD_CA, format!("{} was not read", path.value), None);
        }
        return None;
    };
    let certificate = match AuthorityCertificate::from_pem(file.expose()) {
        Ok(certificate) => certificate,
        Err(error) => {
            let hint = match error {
                AuthorityError::HoldsPrivateKey => Some("name the certificate here, and the key with `key`"),
                AuthorityError::Several(_) => Some("leave the certificate whose key is at hand, and no other"),
                _ => None,
            };
            report(codes::BAD_CA, format!("{} {error}", path.value), hint);
            return None;
        }
    };
    if !certificate.unknown_critical.is_empty() {
        let oids = certificate.unknown_critical.join(", ");
        let message = format!(
            "{} has a critical extension that those who verify it may not know: {oids}",
            path.value
        );
        report(codes::BAD_CA, message, Some("use a CA without it"));
    }
    if !certificate.is_ca {
        let message = format!("{} is not the certificate of an authority", path.value);
        report(codes::NOT_A_CA, message, None);
    } else if !certificate.signs_certificates {
        let message = format!("the key usage of {} leaves out the signing of certificates", path.value);
        report(codes::NOT_A_CA, message, None);
    } else if !certificate.withheld_usages.is_empty() {
        let message = format!(
            "the extended key usages of {} leave out {}, and so they do for all that it signs",
            path.value,
            certificate.withheld_usages.join(" and ")
        );
        report(codes::NOT_A_CA, message, None);
    }
    if certificate.public.algorithm == Algorithm::Ed25519 {
        let message = format!(
            "{} has an Ed25519 key, which is refused by some who must accept it",
            path.value
        );
        report(codes::ED25519_IDENTITY, message, None);
    }
    if certificate.has_name_constraints {
        let message = format!(
            "{} limits the names of what it signs, which is not checked here",
            path.value
        );
        report(codes::CA_NAME_CONSTRAINTS, message, None);
    }
    Some(certificate)
}

/// The key, none if it was not there to be read, or that it can't be used.
fn key(sources: &Sources, draft: &DraftCa, diagnostics: &mut Diagnostics) -> Result<Option<Arc<KeyPair>>, KeyError> {
    let (Some(path), Some(file)) = (&draft.key, &sources.ca_key) else {
        return Ok(None);
    };
    KeyPair::from_pem(file.expose())
        .map(|key| Some(Arc::new(key)))
        .inspect_err(|error| {
            let message = format!("{} can't be used: {error}", path.value);
            diagnostics.report(Diagnostic::new(codes::BAD_CA_KEY, message).at(path.place.clone()));
        })
}

fn fits(certificate: &AuthorityCertificate, key: &KeyPair, draft: &DraftCa, diagnostics: &mut Diagnostics) -> bool {
    let fits = certificate.public == *key.public();
    if !fits {
        let name = |path: &Option<super::tree::At<String>>| path.as_ref().map_or("", |path| &path.value).to_owned();
        let message = format!("{} is not the key of {}", name(&draft.key), name(&draft.certificate));
        let place = draft.certificate.as_ref().and_then(|path| path.place.clone());
        diagnostics.report(Diagnostic::new(codes::CA_KEY_MISMATCH, message).at(place));
    }
    fits
}
