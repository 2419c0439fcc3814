//! From a CSR file to the contents of a request, and from a request and a profile to the contents of a certificate.
//!
//! cfssl never goes from the CSR file to the certificate: it writes a request, reads it back into a template, takes from
//! the template what the profile lets through, and fills in the rest. The detour shows (which extensions count as copied,
//! what `CSRWhitelist` drops), so it is made here too, step by step, in the order of cfssl's `signer/local/local.go`.
//!
//! Whether a request or a profile is a good one is for the checks of the specification; what is refused here is only what
//! cfssl refuses as well.

use std::collections::BTreeSet;

use super::extensions::{self, BASIC_CONSTRAINTS, DELEGATION_USAGE};
use super::hosts::{AltNames, SUBJECT_ALT_NAME};
use super::profile::{CaConstraint, CsrWhitelist, Profile};
use super::request::Request;
use super::subject::CertificateSubject;
use super::usage::Usage;
use crate::pki::key::PublicKey;
use crate::pki::x509::{self, CertificateContent, Extension, IssuerCertificate, RequestContent, Validity, X509Error};

/// What a request asks for, as Go reads it from the request.
#[derive(Clone, Debug, Default)]
pub(super) struct CertificateTemplate {
    subject: CertificateSubject,
    names: AltNames,
    /// Extensions that go into the certificate as they are.
    extras: Vec<Extension>,
    is_ca: bool,
    path_length: Option<i64>,
}

/// Who signs: the issuer's Name, key identifier and public key, or the certificate itself.
pub(super) enum Signer<'a> {
    Itself,
    Issuer {
        certificate: &'a IssuerCertificate,
        key: &'a PublicKey,
    },
}

/// The contents of the request that cfssl writes for a CSR file (`csr.GenerateDER`).
pub(super) fn requested(request: &Request) -> Result<RequestContent, X509Error> {
    let mut extras = Vec::new();
    if let Some(ca) = &request.ca {
        extras.push(extensions::basic_constraints(
            true,
            path_length(ca.pathlen, ca.pathlenzero),
        ));
    }
    if request.delegation_enabled {
        // cfssl's `append(tpl.Extensions, …)` starts from another, empty list: what was there is lost.
        extras = vec![extensions::delegation_usage()];
    }
    extras.extend(request.extensions.iter().cloned());
    let mut all = Vec::new();
    if !contains(&extras, SUBJECT_ALT_NAME) {
        all.extend(AltNames::classify(&request.hosts)?.to_extension(false)?);
    }
    all.extend(extras);
    Ok(RequestContent {
        subject: CertificateSubject::requested(request)?.to_der(),
        extensions: all,
    })
}

impl CertificateTemplate {
    /// What cfssl reads from the request that it wrote for `request` (`signer.ParseCertificateRequest`).
    pub(super) fn read_back(request: &Request, copies_extensions: bool) -> Result<CertificateTemplate, X509Error> {
        let mut template = CertificateTemplate {
            subject: CertificateSubject::requested(request)?.read_back(),
            ..CertificateTemplate::default()
        };
        let mut seen = BTreeSet::new();
        for extension in requested(request)?.extensions {
            if !x509::is_object_identifier(&extension.oid) {
                return Err(X509Error::InvalidOid(extension.oid));
            }
            if !seen.insert(extension.oid.clone()) {
                return Err(X509Error::DuplicateExtension(extension.oid));
            }
            if extension.oid == SUBJECT_ALT_NAME {
                template.names = AltNames::from_extension(&extension.value)?;
            }
            if extension.oid == BASIC_CONSTRAINTS {
                (template.is_ca, template.path_length) = extensions::read_basic_constraints(&extension.value)?;
            } else if extension.oid == DELEGATION_USAGE || copies_extensions {
                template.extras.push(extension);
            }
        }
        Ok(template)
    }

    /// Keeps what a `CSRWhitelist` lets through.
    pub(super) fn keep(self, whitelist: &CsrWhitelist) -> Result<CertificateTemplate, X509Error> {
        if !whitelist.public_key {
            return Err(X509Error::PublicKeyNotAllowed);
        }
        Ok(CertificateTemplate {
            subject: kept(whitelist.subject, self.subject),
            names: AltNames {
                dns: kept(whitelist.dns_names, self.names.dns),
                email: kept(whitelist.email_addresses, self.names.email),
                ip: kept(whitelist.ip_addresses, self.names.ip),
                uri: kept(whitelist.uris, self.names.uri),
            },
            ..CertificateTemplate::default()
        })
    }

    /// Replaces the names by those of `hosts`, if there are any (`local.OverrideHosts`).
    pub(super) fn override_hosts(&mut self, hosts: &[String]) -> Result<(), X509Error> {
        if !hosts.is_empty() {
            self.names = AltNames::classify(hosts)?;
        }
        Ok(())
    }

    /// Whether the request asks for a CA certificate.
    pub(super) fn asks_for_ca(&self) -> bool {
        self.is_ca
    }

    /// Refuses a request for a CA certificate that the profile or the issuer doesn't allow.
    pub(super) fn check_ca(&self, constraint: &CaConstraint, issuer: &IssuerCertificate) -> Result<(), X509Error> {
        if !self.is_ca {
            return Ok(());
        }
        if !constraint.is_ca {
            return Err(X509Error::CaNotAllowed);
        }
        match issuer.path_length {
            Some(0) => Err(X509Error::PathTooLong),
            Some(limit) if self.path_length >= Some(i64::from(limit)) => Err(X509Error::PathTooLong),
            _ => Ok(()),
        }
    }

    /// The certificate that a profile makes of this template (`signer.FillTemplate`, `x509.CreateCertificate`).
    pub(super) fn certificate(
        mut self,
        key: &PublicKey,
        profile: &Profile,
        validity: Validity,
        signer: &Signer<'_>,
    ) -> Result<CertificateContent, X509Error> {
        let usages = Usage::written(&profile.usages, key.algorithm).ok_or(X509Error::NoUsage)?;
        let CaConstraint {
            is_ca,
            max_path_len,
            max_path_len_zero,
        } = profile.ca_constraint;
        let path_length = if is_ca {
            path_length(max_path_len, max_path_len_zero)
        } else {
            None
        };
        if is_ca {
            self.names = AltNames {
                ip: self.names.ip,
                ..AltNames::default()
            };
        } else if self.path_length.is_some() {
            return Err(X509Error::PathLengthWithoutCa);
        }
        self.extras.extend(extensions::certificate_policies(&profile.policies)?);
        if profile.ocsp_no_check {
            self.extras.push(extensions::ocsp_no_check());
        }

        let subject = self.subject.to_der();
        let key_identifier = x509::key_identifier(key);
        let (issuer, issuer_key, authority_key_identifier) = match signer {
            Signer::Itself => (subject.clone(), key.clone(), None),
            Signer::Issuer { certificate, key } => {
                // Go takes a certificate with its issuer's name for self-issued, and leaves the identifier out.
                let identifier = Some(&certificate.key_identifier)
                    .filter(|identifier| !identifier.is_empty() && certificate.subject != subject);
                (certificate.subject.clone(), (*key).clone(), identifier)
            }
        };
        let is_subject_empty = subject == EMPTY_NAME;
        let typed = [
            extensions::key_usage(&usages),
            extensions::extended_key_usage(&usages),
            Some(extensions::basic_constraints(is_ca, path_length)),
            Some(extensions::subject_key_identifier(&key_identifier)),
            authority_key_identifier.map(|identifier| extensions::authority_key_identifier(identifier)),
            extensions::authority_info_access(&profile.ocsp_url, &profile.issuer_urls),
            self.names.to_extension(is_subject_empty)?,
            extensions::crl_distribution_points(&profile.crl_url),
        ];
        let mut all: Vec<Extension> = Vec::new();
        all.extend(
            typed
                .into_iter()
                .flatten()
                .filter(|extension| !contains(&self.extras, &extension.oid)),
        );
        all.extend(self.extras);
        Ok(CertificateContent {
            issuer,
            issuer_key,
            validity,
            subject,
            subject_key: key.clone(),
            extensions: all,
        })
    }
}

/// The DER of a Name without any attribute.
const EMPTY_NAME: [u8; 2] = [0x30, 0];

fn kept<T: Default>(is_kept: bool, value: T) -> T {
    if is_kept { value } else { T::default() }
}

fn contains(extensions: &[Extension], oid: &[u64]) -> bool {
    extensions.iter().any(|extension| extension.oid == oid)
}

/// Zero means no limit unless it is asked for by name.
fn path_length(length: u32, zero: bool) -> Option<u32> {
    (length != 0 || zero).then_some(length)
}
