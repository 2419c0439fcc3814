//! What cfssl 1.6.5 does with a CSR and a profile: the types its JSON is read into, and the certificate it would make.
//!
//! Given the same keys, dates and serial number, the certificates and requests made here are cfssl's byte for byte
//! (`tests/cfssl_parity.rs`). Reading the JSON is for `input`; nothing here reads a file, a clock or a random number.

mod extensions;
mod hosts;
mod profile;
mod request;
mod subject;
mod template;
mod usage;
mod validity;

use time::OffsetDateTime;

use self::subject::CertificateSubject;
use self::template::{CertificateTemplate, Signer};
use super::key::{KeyPair, PublicKey};
use super::x509::{CertificateContent, IssuerCertificate, RequestContent, X509Error};

pub use self::hosts::San;
pub use self::profile::{CaConstraint, CsrWhitelist, Policy, Profile, Qualifier};
pub use self::request::{CaSection, Name, Request};
pub use self::usage::{ExtendedKeyUsage, KeyUsage, Usage};
pub use self::validity::{leaf_validity, root_validity};
pub use super::x509::Validity;

/// A certificate authority that signs: its certificate (DER) and its key.
pub struct Authority<'a> {
    pub certificate: &'a [u8],
    pub key: &'a KeyPair,
}

/// The common name and the organizations of the certificate that a request becomes, which Kubernetes reads as the user and
/// its groups (kubernetes.io, "Authenticating"): what `OID` gives replaces or joins what `CN` and `O` say. For a request
/// that is refused, what it says.
pub(crate) fn user_and_groups(request: &Request) -> (String, Vec<String>) {
    match subject::CertificateSubject::requested(request) {
        Ok(subject) => subject.read_back().user_and_groups(),
        Err(_) => (
            request.cn.clone(),
            request.names.iter().map(|name| name.o.clone()).collect(),
        ),
    }
}

/// The DER of the self-signed root that `gencert -initca` makes.
pub fn root(request: &Request, key: &KeyPair, now: OffsetDateTime) -> Result<Vec<u8>, X509Error> {
    root_content(request, key.public(), now)?.sign(key)
}

/// The DER of the certificate that `gencert -ca -ca-key -config -profile` makes, with `request.hosts` as its hosts.
///
/// A `-hostname` is the same as other `hosts`, but for a profile with a `CSRWhitelist`, which cfssl doesn't apply to it.
/// `profile.name_whitelist` is not applied: it decides whether to sign at all, and that has been decided here.
pub fn leaf(
    request: &Request,
    public: &PublicKey,
    profile: &Profile,
    issuer: &Authority<'_>,
    now: OffsetDateTime,
) -> Result<Vec<u8>, X509Error> {
    leaf_content(request, public, profile, issuer.certificate, issuer.key.public(), now)?.sign(issuer.key)
}

/// The DER of the certificate signing request that gencert writes beside the certificate.
pub fn signing_request(request: &Request, key: &KeyPair) -> Result<Vec<u8>, X509Error> {
    request_content(request)?.sign(key)
}

/// What [`root`] signs, for which the public key is enough.
pub fn root_content(request: &Request, key: &PublicKey, now: OffsetDateTime) -> Result<CertificateContent, X509Error> {
    if !has_ca_subject(request) {
        return Err(X509Error::MissingCaSubject);
    }
    let ca = request.ca.clone().unwrap_or_default();
    // initca.CAPolicy
    let profile = Profile {
        usages: vec![Usage::Key(KeyUsage::CertSign), Usage::Key(KeyUsage::CrlSign)],
        crl_url: request.crl_url.clone(),
        ca_constraint: CaConstraint {
            is_ca: true,
            max_path_len: ca.pathlen,
            max_path_len_zero: ca.pathlenzero,
        },
        ..Profile::default()
    };
    let mut template = CertificateTemplate::read_back(request, profile.copy_extensions)?;
    template.override_hosts(&request.hosts)?;
    let validity = validity::root_within_calendar(request.ca.as_ref(), now).ok_or(X509Error::DateOutOfRange)?;
    template.certificate(key, &profile, validity, &Signer::Itself)
}

/// What [`leaf`] signs, for which the public keys and the DER of the issuer's certificate are enough.
pub fn leaf_content(
    request: &Request,
    key: &PublicKey,
    profile: &Profile,
    issuer: &[u8],
    issuer_key: &PublicKey,
    now: OffsetDateTime,
) -> Result<CertificateContent, X509Error> {
    let certificate = IssuerCertificate::from_der(issuer)?;
    if certificate.subject_public_key != issuer_key.subject_public_key {
        return Err(X509Error::KeyMismatch);
    }
    let mut template = CertificateTemplate::read_back(request, profile.copy_extensions)?;
    if let Some(whitelist) = &profile.csr_whitelist {
        template = template.keep(whitelist)?;
    }
    template.check_ca(&profile.ca_constraint, &certificate)?;
    let validity = validity::leaf_within_calendar(profile, now).ok_or(X509Error::DateOutOfRange)?;
    let signer = Signer::Issuer {
        certificate: &certificate,
        key: issuer_key,
    };
    template.certificate(key, profile, validity, &signer)
}

/// What [`leaf`] would sign, whoever signs: its own name and key stand in the place of the issuer's, whose identifier is left out.
pub(crate) fn wanted_content(
    request: &Request,
    key: &PublicKey,
    profile: &Profile,
    now: OffsetDateTime,
) -> Result<CertificateContent, X509Error> {
    let mut template = CertificateTemplate::read_back(request, profile.copy_extensions)?;
    if let Some(whitelist) = &profile.csr_whitelist {
        template = template.keep(whitelist)?;
    }
    if template.asks_for_ca() && !profile.ca_constraint.is_ca {
        return Err(X509Error::CaNotAllowed);
    }
    let validity = validity::leaf_within_calendar(profile, now).ok_or(X509Error::DateOutOfRange)?;
    template.certificate(key, profile, validity, &Signer::Itself)
}

/// What [`signing_request`] signs, but for the public key.
pub fn request_content(request: &Request) -> Result<RequestContent, X509Error> {
    template::requested(request)
}

/// Why cfssl refuses to sign `request` with `profile`, whoever signs; none if it would.
pub(crate) fn leaf_refusal(request: &Request, profile: &Profile) -> Option<X509Error> {
    let signable = CertificateTemplate::read_back(request, profile.copy_extensions).and_then(|template| match template
        .asks_for_ca()
    {
        true if !profile.ca_constraint.is_ca => Err(X509Error::CaNotAllowed),
        _ => Ok(()),
    });
    signable.err()
}

/// Why cfssl refuses to make a root of `request`, whatever the time; none if it would.
pub(crate) fn root_refusal(request: &Request) -> Option<X509Error> {
    match has_ca_subject(request) {
        true => CertificateTemplate::read_back(request, false).err(),
        false => Some(X509Error::MissingCaSubject),
    }
}

/// The DER of the Name that a certificate of `request` gets as its subject.
pub(crate) fn subject_der(request: &Request) -> Result<Vec<u8>, X509Error> {
    Ok(CertificateSubject::requested(request)?.read_back().to_der())
}

/// Whether the subject is one that cfssl makes a root of (the validator of `initca.New`).
fn has_ca_subject(request: &Request) -> bool {
    let is_blank = |name: &Name| {
        [&name.c, &name.st, &name.l, &name.o, &name.ou]
            .iter()
            .all(|text| text.trim().is_empty())
    };
    !request.cn.is_empty() || !request.names.is_empty() && !request.names.iter().any(is_blank)
}
