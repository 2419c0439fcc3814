//! The certificate of an authority that somebody already has, read as sceptically as any other input.
//!
//! What is read here is what those who verify a chain look at (RFC 5280, section 6.1). Whether it will do is for the checks of
//! the specification; nothing here knows what the authority is to sign.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::key::{KeyError, PublicKey};
use super::x509::{IssuerCertificate, Validity, X509Error, with_subject_key};

/// An authority's certificate and what it says about those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCertificate {
    der: Vec<u8>,
    /// The DER of the subject's Name, as it stands.
    pub subject: Vec<u8>,
    pub public: PublicKey,
    pub validity: Validity,
    /// Whether basicConstraints says that it is an authority.
    pub is_ca: bool,
    /// Whether keyUsage lets it sign certificates; where there is none, it may.
    pub signs_certificates: bool,
    /// How many authorities may stand between it and a leaf; none is no limit.
    pub path_length: Option<u32>,
    /// Whether it limits the names of those below it.
    pub has_name_constraints: bool,
    /// Of server and client authentication those that its extended key usages withhold from all below it, as Go and OpenSSL
    /// read them.
    pub withheld_usages: Vec<&'static str>,
    /// Critical extensions that verifiers need not know, dotted: those who don't know one refuse the chain.
    pub unknown_critical: Vec<String>,
}

/// Why a file is not the certificate of an authority. No message contains anything of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// No block of PEM, or a broken one.
    #[error("is not PEM")]
    NotPem,
    #[error("holds no certificate")]
    NoCertificate,
    #[error("holds {0} certificates, and one of them signs")]
    Several(usize),
    #[error("holds a private key")]
    HoldsPrivateKey,
    /// The block is no DER certificate, or has something after it or an extension twice.
    #[error("holds a certificate that is damaged")]
    NotACertificate,
    #[error("has {}", match .0 {
        KeyError::Unsupported => "a key that can't be used; RSA of 2048 to 8192 bits (a multiple of 16), ECDSA on P-256, \
            P-384 or P-521, Ed25519 and ML-DSA can",
        _ => "a public key that is damaged, or not encoded as DER has it",
    })]
    Key(KeyError),
}

const BEGIN: &[u8] = b"-----BEGIN ";

impl AuthorityCertificate {
    /// The one certificate in a PEM file; text around it means nothing.
    pub fn from_pem(file: &[u8]) -> Result<AuthorityCertificate, AuthorityError> {
        // A key is noticed before anything is decoded into memory that nobody wipes.
        let labels: Vec<&[u8]> = file
            .split(|byte| *byte == b'\n')
            .filter_map(|line| line.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(b"-----"))
            .collect();
        if labels.iter().any(|label| label.ends_with(b"PRIVATE KEY")) {
            return Err(AuthorityError::HoldsPrivateKey);
        }
        let certificates = labels.iter().filter(|label| **label == b"CERTIFICATE").count();
        match (labels.len(), certificates) {
            (0, _) => return Err(AuthorityError::NotPem),
            (_, 0) => return Err(AuthorityError::NoCertificate),
            (_, 1) => {}
            (_, count) => return Err(AuthorityError::Several(count)),
        }
        let blocks = pem::parse_many(file).map_err(|_| AuthorityError::NotPem)?;
        let block = blocks.iter().find(|block| block.tag() == "CERTIFICATE");
        AuthorityCertificate::from_der(block.ok_or(AuthorityError::NotPem)?.contents())
    }

    /// The public key in a PEM file: a `PUBLIC KEY` (RFC 7468, section 13), or that of a certificate, whose it may be.
    ///
    /// Errors: as [`AuthorityCertificate::from_pem`].
    pub fn public_key_in(file: &[u8]) -> Result<PublicKey, AuthorityError> {
        const HEAD: &[u8] = b"-----BEGIN PUBLIC KEY-----";
        if !file.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == HEAD) {
            return Ok(AuthorityCertificate::from_pem(file)?.public);
        }
        let blocks = pem::parse_many(file).map_err(|_| AuthorityError::NotPem)?;
        match blocks.as_slice() {
            [block] => PublicKey::from_spki_der(block.contents()).map_err(AuthorityError::Key),
            blocks => Err(AuthorityError::Several(blocks.len())),
        }
    }

    /// The certificate of this DER.
    ///
    /// Errors: it is damaged, or has a key that can't be used.
    pub(crate) fn from_der(der: &[u8]) -> Result<AuthorityCertificate, AuthorityError> {
        let damaged = |_| AuthorityError::NotACertificate;
        let issuer = IssuerCertificate::from_der(der).map_err(|_| AuthorityError::NotACertificate)?;
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| AuthorityError::NotACertificate)?;
        certificate.extensions_map().map_err(damaged)?;
        let public = PublicKey::from_spki_der(certificate.public_key().raw).map_err(AuthorityError::Key)?;
        let basic_constraints = certificate.basic_constraints().map_err(damaged)?;
        let key_usage = certificate.key_usage().map_err(damaged)?;
        let purposes = certificate.extended_key_usage().map_err(damaged)?;
        let purposes = purposes
            .map(|extension| extension.value)
            .filter(|purposes| !purposes.any);
        let granted = purposes.map(|purposes| {
            [
                ("server auth", purposes.server_auth),
                ("client auth", purposes.client_auth),
            ]
        });
        let withheld = granted.into_iter().flatten().filter(|(_, granted)| !granted);
        let is_known = |extension: &ParsedExtension<'_>| {
            matches!(
                extension,
                ParsedExtension::BasicConstraints(_)
                    | ParsedExtension::KeyUsage(_)
                    | ParsedExtension::ExtendedKeyUsage(_)
                    | ParsedExtension::NameConstraints(_)
                    | ParsedExtension::SubjectAlternativeName(_)
                    | ParsedExtension::CertificatePolicies(_)
                    | ParsedExtension::SubjectKeyIdentifier(_)
                    | ParsedExtension::AuthorityKeyIdentifier(_)
            )
        };
        let extensions = certificate.extensions().iter();
        Ok(AuthorityCertificate {
            der: der.to_vec(),
            public,
            validity: Validity {
                not_before: certificate.validity().not_before.to_datetime(),
                not_after: certificate.validity().not_after.to_datetime(),
            },
            // Only version 3 has extensions (RFC 5280, section 4.1.2.9).
            is_ca: certificate.version() == X509Version::V3 && basic_constraints.is_some_and(|found| found.value.ca),
            signs_certificates: key_usage.is_none_or(|found| found.value.key_cert_sign()),
            path_length: issuer.path_length,
            has_name_constraints: certificate.name_constraints().map_err(damaged)?.is_some(),
            withheld_usages: withheld.map(|(name, _)| name).collect(),
            unknown_critical: extensions
                .filter(|extension| extension.critical && !is_known(extension.parsed_extension()))
                .map(|extension| extension.oid.to_id_string())
                .collect(),
            subject: issuer.subject,
        })
    }

    /// The DER as it was read.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER with another key in the place of its own, to sign with where its own key is not at hand.
    pub(crate) fn with_key(&self, key: &PublicKey) -> Result<Vec<u8>, X509Error> {
        with_subject_key(&self.der, key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::pki::cfssl::{self, CaSection, Request};
    use crate::pki::key::{Algorithm, KeyPair};
    use crate::pki::x509::to_pem;

    fn root() -> Vec<u8> {
        let request = Request {
            cn: "CA".to_owned(),
            names: Vec::new(),
            serial_number: String::new(),
            hosts: Vec::new(),
            key: Algorithm::Ed25519,
            ca: Some(CaSection {
                pathlen: 3,
                ..CaSection::default()
            }),
            crl_url: String::new(),
            delegation_enabled: false,
            extensions: Vec::new(),
        };
        let key = KeyPair::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap();
        cfssl::root(&request, &key, datetime!(2026-01-01 00:00 UTC)).unwrap()
    }

    #[test]
    fn what_a_root_says_is_read() {
        let read = AuthorityCertificate::from_pem(to_pem("CERTIFICATE", &root()).as_bytes()).unwrap();
        assert!(read.is_ca && read.signs_certificates && !read.has_name_constraints);
        assert_eq!(read.path_length, Some(3));
        assert_eq!(read.public.algorithm, Algorithm::Ed25519);
        assert_eq!(read.validity.not_before, datetime!(2025-12-31 23:55 UTC));
        assert!(read.withheld_usages.is_empty() && read.unknown_critical.is_empty());
        assert_eq!(read.der(), root());
    }

    #[test]
    fn what_is_no_single_certificate_is_refused() {
        let one = to_pem("CERTIFICATE", &root());
        let cases = [
            (String::new(), AuthorityError::NotPem),
            (one.replace('-', "="), AuthorityError::NotPem),
            (one.replace("CERTIFICATE", "X509 CRL"), AuthorityError::NoCertificate),
            (format!("{one}{one}"), AuthorityError::Several(2)),
            (
                format!("{one}-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
                AuthorityError::HoldsPrivateKey,
            ),
            (
                to_pem("CERTIFICATE", &[root(), vec![0]].concat()),
                AuthorityError::NotACertificate,
            ),
        ];
        for (file, error) in cases {
            assert_eq!(AuthorityCertificate::from_pem(file.as_bytes()), Err(error), "{file}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_certificate_is_no_panic(changes: Vec<(prop::sample::Index, u8)>, cut: prop::sample::Index) {
            let mut der = root();
            for (index, byte) in changes {
                let index = index.index(der.len());
                der[index] = byte;
            }
            let _ = AuthorityCertificate::from_pem(to_pem("CERTIFICATE", &der).as_bytes());
            let _ = AuthorityCertificate::from_pem(to_pem("CERTIFICATE", &der[..cut.index(der.len())]).as_bytes());
            let _ = AuthorityCertificate::from_pem(&der);
        }
    }
}
