//! Instants in words, and whether a certificate is valid at one.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::Certificate;

pub(crate) fn date(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

/// What is found of a certificate that is not valid at an instant.
pub(crate) fn out_of_date(certificate: &Certificate, at: OffsetDateTime) -> Vec<(&'static Code, String)> {
    let subject = &certificate.subject;
    let mut found = Vec::new();
    if at > certificate.not_after {
        let message = format!("{subject:?} expired at {}", date(certificate.not_after));
        found.push((codes::CERTIFICATE_EXPIRED, message));
    }
    if at < certificate.not_before {
        let message = format!("{subject:?} is valid from {}", date(certificate.not_before));
        found.push((codes::CERTIFICATE_NOT_YET_VALID, message));
    }
    if certificate.not_after <= certificate.not_before {
        found.push((codes::CERTIFICATE_EXPIRED, format!("{subject:?} is never valid")));
    }
    found
}
