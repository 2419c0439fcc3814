//! Certificates and requests as bytes: what stands in one is decided in [`super::cfssl`], how it is written is here.
//!
//! `rcgen` writes the frame: version, validity and extensions of a certificate, version and attributes of a request. It
//! can't write a Name with several values of one attribute, an imported authority's exact Name, P-521, or a serial number
//! that depends on everything else. So those elements are written here and take the place of rcgen's, in every
//! certificate and by one path, and only then is the result signed. rcgen never sees a private key.
//!
//! Nothing here chooses: no usage, no date and no name comes from this module, and nothing is random.

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, PublicKeyData, SerialNumber, SigningKey};
use ring::digest;
use time::{OffsetDateTime, UtcOffset};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, construct_der};

use super::key::{KeyError, KeyPair, PublicKey};

/// When a certificate is valid, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// Why a certificate or a request could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum X509Error {
    #[error("the key could not be used: {0:?}")]
    Key(#[from] KeyError),
    #[error("not a certificate")]
    NotACertificate,
    /// A name of an extension must be ASCII (IA5String).
    #[error("{0:?} has a character outside ASCII")]
    NonAsciiName(String),
    /// Not one that X.509 libraries read (two arcs or more, in range, each below 2^31).
    #[error("{} is not an object identifier", dotted(.0))]
    InvalidOid(Vec<u64>),
    /// A form that not everybody reads alike.
    #[error("{0:?} is not a plain mail address or URI")]
    UnusualName(String),
    #[error("the extension {} is asked for twice", dotted(.0))]
    DuplicateExtension(Vec<u64>),
    /// An extension whose content is read (basicConstraints, subjectAltName) is not what it says it is.
    #[error("the extension {} has malformed content", dotted(.0))]
    MalformedExtension(Vec<u64>),
    #[error("the profile has no usage that such a key can have")]
    NoUsage,
    /// A root needs a common name, or a C, ST, L, O or OU in each entry of `names`.
    #[error("the subject of a root certificate is missing")]
    MissingCaSubject,
    #[error("the profile does not allow a CA certificate")]
    CaNotAllowed,
    #[error("the issuer's path length does not allow this CA certificate")]
    PathTooLong,
    #[error("only a CA certificate may have a path length")]
    PathLengthWithoutCa,
    /// There is no certificate without one.
    #[error("CSRWhitelist leaves out the public key")]
    PublicKeyNotAllowed,
    /// X.509 can't write it.
    #[error("a date outside the years 0 to 9999")]
    DateOutOfRange,
    #[error("the authority's key is not the one in its certificate")]
    KeyMismatch,
    /// A mistake in this program.
    #[error("internal error: {0}")]
    Internal(String),
}

/// An extension as it is written: `value` is the content of extnValue, normally DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub oid: Vec<u64>,
    pub critical: bool,
    pub value: Vec<u8>,
}

/// All of a certificate but its serial number and signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateContent {
    /// The DER of the issuer's Name.
    pub issuer: Vec<u8>,
    /// The public key that the signature will be checked with; it decides the signature algorithm.
    pub issuer_key: PublicKey,
    pub validity: Validity,
    /// The DER of the subject's Name.
    pub subject: Vec<u8>,
    pub subject_key: PublicKey,
    /// In the order in which they are written.
    pub extensions: Vec<Extension>,
}

impl CertificateContent {
    /// The DER of a certificate that nobody signed, to be read and shown to nobody.
    pub(crate) fn unsigned(&self) -> Result<Vec<u8>, X509Error> {
        let to_be_signed = self.to_be_signed(&[1])?;
        Ok(construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_der(&to_be_signed);
                let algorithm = self.issuer_key.signature_algorithm();
                writer.next().write_der(algorithm.algorithm_identifier_der());
                writer.next().write_bitvec_bytes(&[], 0);
            })
        }))
    }

    /// The DER of the TBSCertificate (RFC 5280, section 4.1) with the serial number `serial`, a big-endian magnitude.
    pub fn to_be_signed(&self, serial: &[u8]) -> Result<Vec<u8>, X509Error> {
        let mut params = frame_params(&self.extensions)?;
        params.not_before = writable_date(self.validity.not_before)?;
        params.not_after = writable_date(self.validity.not_after)?;
        params.serial_number = Some(SerialNumber::from_slice(&[0]));
        let written = params.self_signed(&Unused).map_err(internal)?;
        let mut elements = elements_of(&first_element(written.der())?)?;
        let [
            _version,
            serial_number,
            signature,
            issuer,
            _validity,
            subject,
            subject_key,
            ..,
        ] = elements.as_mut_slice()
        else {
            return Err(X509Error::Internal("rcgen wrote a certificate of another shape".into()));
        };
        *serial_number = construct_der(|writer| writer.write_bigint_bytes(serial, true));
        *signature = self
            .issuer_key
            .signature_algorithm()
            .algorithm_identifier_der()
            .to_vec();
        issuer.clone_from(&self.issuer);
        subject.clone_from(&self.subject);
        *subject_key = self.subject_key.spki_der();
        Ok(sequence(&elements))
    }

    /// The serial number that the rest of the certificate determines: 20 bytes, positive without padding, so that two
    /// certificates of one issuer have the same serial only if they are the same certificate (RFC 5280, 4.1.2.2).
    pub(crate) fn serial(&self) -> Result<[u8; 20], X509Error> {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"khw-gen/1 serial\0");
        hash.update(&self.issuer_key.spki_der());
        hash.update(&self.to_be_signed(&[0])?);
        let mut serial = [0; 20];
        serial.copy_from_slice(&hash.finish().as_ref()[..20]);
        serial[0] = serial[0] & 0x7f | 0x40;
        Ok(serial)
    }

    /// The DER of the certificate, signed with `issuer_key`, which must be the private half of `self.issuer_key`.
    pub(crate) fn sign(&self, issuer_key: &KeyPair) -> Result<Vec<u8>, X509Error> {
        if issuer_key.public() != &self.issuer_key {
            return Err(X509Error::KeyMismatch);
        }
        signed(&self.to_be_signed(&self.serial()?)?, issuer_key)
    }
}

/// All of a certificate signing request but its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContent {
    /// The DER of the subject's Name.
    pub subject: Vec<u8>,
    /// In the order in which they are written.
    pub extensions: Vec<Extension>,
}

impl RequestContent {
    /// The DER of the CertificationRequestInfo (RFC 2986, section 4.1).
    pub fn to_be_signed(&self, key: &PublicKey) -> Result<Vec<u8>, X509Error> {
        let written = frame_params(&self.extensions)?
            .serialize_request(&Unused)
            .map_err(internal)?;
        let mut elements = elements_of(&first_element(written.der())?)?;
        let [_version, subject, subject_key, _attributes] = elements.as_mut_slice() else {
            return Err(X509Error::Internal("rcgen wrote a request of another shape".into()));
        };
        subject.clone_from(&self.subject);
        *subject_key = key.spki_der();
        Ok(sequence(&elements))
    }

    /// The DER of the request, signed with the key that it is for.
    pub(crate) fn sign(&self, key: &KeyPair) -> Result<Vec<u8>, X509Error> {
        signed(&self.to_be_signed(key.public())?, key)
    }
}

/// What an issuer's certificate says about the certificates under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerCertificate {
    /// The DER of the subject's Name, as it stands.
    pub subject: Vec<u8>,
    /// The subject key identifier, empty if there is none.
    pub key_identifier: Vec<u8>,
    /// The pathLenConstraint.
    pub path_length: Option<u32>,
    /// The contents of the subjectPublicKey BIT STRING.
    pub subject_public_key: Vec<u8>,
}

impl IssuerCertificate {
    /// Reads the DER of a certificate.
    pub(crate) fn from_der(der: &[u8]) -> Result<IssuerCertificate, X509Error> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| X509Error::NotACertificate)?;
        if !rest.is_empty() {
            return Err(X509Error::NotACertificate);
        }
        let basic_constraints = certificate
            .basic_constraints()
            .map_err(|_| X509Error::NotACertificate)?;
        Ok(IssuerCertificate {
            subject: certificate.subject().as_raw().to_vec(),
            key_identifier: subject_key_identifier_of(&certificate),
            path_length: basic_constraints.and_then(|extension| extension.value.path_len_constraint),
            subject_public_key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }
}

/// The DER of a certificate with another public key in the place of its own, for those who can't have the private half: what
/// it says about those below it stays, and its signature is nobody's.
pub(crate) fn with_subject_key(certificate: &[u8], key: &PublicKey) -> Result<Vec<u8>, X509Error> {
    const VERSION_TAG: u8 = 0xa0;
    let read = |der: &[u8]| elements_of(der).map_err(|_| X509Error::NotACertificate);
    let mut outer = read(certificate)?;
    let to_be_signed = outer.first_mut().ok_or(X509Error::NotACertificate)?;
    let mut elements = read(to_be_signed)?;
    // RFC 5280, section 4.1: a certificate of version 1 does not say its version.
    let has_version = elements.first().and_then(|element| element.first()) == Some(&VERSION_TAG);
    let subject_key = elements.get_mut(if has_version { 6 } else { 5 });
    *subject_key.ok_or(X509Error::NotACertificate)? = key.spki_der();
    *to_be_signed = sequence(&elements);
    Ok(sequence(&outer))
}

/// A Name as those who build chains compare it (RFC 5280, section 7.1): letters in another case, other spaces or another type
/// of string make no difference. Of a Name that can't be read the bytes count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparableName(Result<Vec<Vec<ComparableAttribute>>, Vec<u8>>);

/// The type of an attribute, its text, and its bytes where it has none.
type ComparableAttribute = (String, String, Vec<u8>);

impl ComparableName {
    /// The Name with this DER.
    pub(crate) fn from_der(der: &[u8]) -> ComparableName {
        let Ok((_, name)) = X509Name::from_der(der) else {
            return ComparableName(Err(der.to_vec()));
        };
        let names = name.iter_rdn().map(|attributes| {
            let mut attributes: Vec<_> = attributes.iter().map(normal_attribute).collect();
            attributes.sort();
            attributes
        });
        ComparableName(Ok(names.collect()))
    }
}

/// Whether two Names, as DER, are the same to those who build chains.
pub(crate) fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    one == other || ComparableName::from_der(one) == ComparableName::from_der(other)
}

/// The type of an attribute and its value, as text without the differences that mean nothing, or as bytes.
fn normal_attribute(attribute: &AttributeTypeAndValue<'_>) -> ComparableAttribute {
    let oid = attribute.attr_type().to_id_string();
    match attribute.as_str() {
        Ok(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            (oid, words.join(" ").to_lowercase(), Vec::new())
        }
        Err(_) => (oid, String::new(), attribute.as_slice().to_vec()),
    }
}

fn subject_key_identifier_of(certificate: &X509Certificate<'_>) -> Vec<u8> {
    use x509_parser::extensions::ParsedExtension;
    let mut identifiers = certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        });
    identifiers.next().unwrap_or_default()
}

/// The key identifier of a public key: SHA-1 of the contents of its BIT STRING (RFC 5280, section 4.2.1.2, method 1).
pub(crate) fn key_identifier(key: &PublicKey) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &key.subject_public_key)
        .as_ref()
        .to_vec()
}

/// The PEM of a DER, with one of the labels `CERTIFICATE` and `CERTIFICATE REQUEST`: 64-column base64, one final newline.
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// Whether X.509 libraries read this as an object identifier. Go's, like many, keeps each subidentifier in 31 bits.
pub(crate) fn is_object_identifier(arcs: &[u64]) -> bool {
    const LARGEST: u64 = i32::MAX as u64;
    let [first, second, rest @ ..] = arcs else { return false };
    let first_two_fit = match first {
        0 | 1 => *second < 40,
        2 => *second <= LARGEST - 80,
        _ => false,
    };
    first_two_fit && rest.iter().all(|arc| *arc <= LARGEST)
}

/// Writes an OID that [`is_object_identifier`].
pub(crate) fn write_oid(writer: DERWriter<'_>, arcs: &[u64]) {
    writer.write_oid(&ObjectIdentifier::from_slice(arcs));
}

/// An OID with dots.
pub(crate) fn dotted(arcs: &[u64]) -> String {
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

fn signed(to_be_signed: &[u8], key: &KeyPair) -> Result<Vec<u8>, X509Error> {
    let signature = key.sign(to_be_signed)?;
    Ok(construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(to_be_signed);
            writer
                .next()
                .write_der(key.signature_algorithm().algorithm_identifier_der());
            writer.next().write_bitvec_bytes(&signature, signature.len() * 8);
        })
    }))
}

/// rcgen's parameters for these extensions in this order: everything else off, since only custom extensions keep theirs.
fn frame_params(extensions: &[Extension]) -> Result<CertificateParams, X509Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for extension in extensions {
        if !is_object_identifier(&extension.oid) {
            return Err(X509Error::InvalidOid(extension.oid.clone()));
        }
        let mut custom = CustomExtension::from_oid_content(&extension.oid, extension.value.clone());
        custom.set_criticality(extension.critical);
        params.custom_extensions.push(custom);
    }
    Ok(params)
}

fn writable_date(date: OffsetDateTime) -> Result<OffsetDateTime, X509Error> {
    let date = date
        .checked_to_offset(UtcOffset::UTC)
        .ok_or(X509Error::DateOutOfRange)?;
    if (0..=9999).contains(&date.year()) {
        Ok(date)
    } else {
        Err(X509Error::DateOutOfRange)
    }
}

/// The key that rcgen is told of: its algorithm, public key and signature are all replaced afterwards.
struct Unused;

impl PublicKeyData for Unused {
    fn der_bytes(&self) -> &[u8] {
        &[]
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl SigningKey for Unused {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// The elements of a DER SEQUENCE, each with its tag and length.
fn elements_of(der: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    yasna::parse_der(der, |reader| reader.collect_sequence_of(|reader| reader.read_der()))
        .map_err(|error| X509Error::Internal(format!("rcgen wrote DER that can't be read: {error}")))
}

fn first_element(der: &[u8]) -> Result<Vec<u8>, X509Error> {
    elements_of(der)?
        .into_iter()
        .next()
        .ok_or_else(|| X509Error::Internal("rcgen wrote nothing".into()))
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            for element in elements {
                writer.next().write_der(element);
            }
        })
    })
}

fn internal(error: rcgen::Error) -> X509Error {
    X509Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::pki::key::{Algorithm, Curve, MlDsa};

    const ALGORITHMS: [Algorithm; 5] = [
        Algorithm::Ecdsa(Curve::P256),
        Algorithm::Ecdsa(Curve::P384),
        Algorithm::Ecdsa(Curve::P521),
        Algorithm::Ed25519,
        Algorithm::MlDsa(MlDsa::MlDsa44),
    ];

    fn key(algorithm: Algorithm, seed: u8) -> KeyPair {
        KeyPair::from_seed(algorithm, &[seed; 32]).unwrap()
    }

    /// A Name with one common name.
    fn name(common_name: &str) -> Vec<u8> {
        construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_set(|writer| {
                    writer.next().write_sequence(|writer| {
                        write_oid(writer.next(), &[2, 5, 4, 3]);
                        writer.next().write_utf8_string(common_name);
                    })
                })
            })
        })
    }

    fn content(issuer: &KeyPair, subject: &KeyPair) -> CertificateContent {
        let not_before = datetime!(2026-01-01 00:00 UTC);
        CertificateContent {
            issuer: name("issuer"),
            issuer_key: issuer.public().clone(),
            validity: Validity {
                not_before,
                not_after: not_before + Duration::DAY,
            },
            subject: name("subject"),
            subject_key: subject.public().clone(),
            extensions: vec![Extension {
                oid: vec![1, 2, 3],
                critical: true,
                value: vec![5, 0],
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_its_signature_verifies() {
        for algorithm in ALGORITHMS {
            let (issuer, subject) = (key(algorithm, 1), key(Algorithm::Ed25519, 2));
            let content = content(&issuer, &subject);
            let der = content.sign(&issuer).unwrap();
            let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
            assert!(rest.is_empty());
            assert_eq!(certificate.raw_serial(), content.serial().unwrap());
            assert_eq!(certificate.issuer().as_raw(), content.issuer);
            assert_eq!(certificate.subject().as_raw(), content.subject);
            assert_eq!(certificate.public_key().raw, subject.public().spki_der());
            assert_eq!(
                certificate.validity().not_after.to_datetime(),
                content.validity.not_after
            );
            assert_eq!(certificate.signature_algorithm, certificate.tbs_certificate.signature);
            let signature = &certificate.signature_value.data;
            assert!(
                issuer
                    .public()
                    .verifies(certificate.tbs_certificate.as_ref(), signature),
                "{algorithm}"
            );
            assert_eq!(content.sign(&issuer).unwrap(), der);
        }
    }

    #[test]
    fn a_request_is_signed_by_the_key_it_is_for() {
        use x509_parser::prelude::X509CertificationRequest;
        for algorithm in ALGORITHMS {
            let key = key(algorithm, 1);
            let der = RequestContent {
                subject: name("subject"),
                extensions: Vec::new(),
            }
            .sign(&key)
            .unwrap();
            let (_, request) = X509CertificationRequest::from_der(&der).unwrap();
            let info = &request.certification_request_info;
            assert_eq!(info.subject_pki.raw, key.public().spki_der());
            assert!(
                key.public().verifies(info.raw, &request.signature_value.data),
                "{algorithm}"
            );
        }
    }

    #[test]
    fn the_serial_number_is_the_hash_of_the_rest() {
        let issuer = key(Algorithm::Ed25519, 1);
        let content = content(&issuer, &key(Algorithm::Ed25519, 2));
        let mut hashed = b"khw-gen/1 serial".to_vec();
        hashed.push(0);
        hashed.extend(issuer.public().spki_der());
        hashed.extend(content.to_be_signed(&[0]).unwrap());
        let mut expected = digest::digest(&digest::SHA256, &hashed).as_ref()[..20].to_vec();
        expected[0] = expected[0] & 0x3f | 0x40;
        assert_eq!(content.serial().unwrap(), expected.as_slice());
    }

    #[test]
    fn each_part_of_a_certificate_changes_its_serial_number() {
        let issuer = key(Algorithm::Ed25519, 1);
        let content = content(&issuer, &key(Algorithm::Ed25519, 2));
        let mut others = vec![content.clone(); 6];
        others[0].issuer = name("other");
        others[1].issuer_key = key(Algorithm::Ed25519, 3).public().clone();
        others[2].validity.not_after += Duration::SECOND;
        others[3].subject = name("other");
        others[4].subject_key = key(Algorithm::Ed25519, 3).public().clone();
        others[5].extensions.clear();
        for other in others {
            assert_ne!(other.serial().unwrap(), content.serial().unwrap(), "{other:?}");
        }
    }

    #[test]
    fn only_the_issuers_key_signs() {
        let (issuer, subject) = (key(Algorithm::Ed25519, 1), key(Algorithm::Ed25519, 2));
        assert_eq!(content(&issuer, &subject).sign(&subject), Err(X509Error::KeyMismatch));
    }

    #[test]
    fn another_key_takes_the_place_of_a_certificates_own_and_all_else_stays() {
        let (issuer, other) = (key(Algorithm::Ed25519, 1), key(Algorithm::Ecdsa(Curve::P384), 2));
        let der = content(&issuer, &issuer).sign(&issuer).unwrap();
        let changed = with_subject_key(&der, other.public()).unwrap();
        let (before, after) = (
            IssuerCertificate::from_der(&der).unwrap(),
            IssuerCertificate::from_der(&changed).unwrap(),
        );
        assert_eq!(after.subject_public_key, other.public().subject_public_key);
        assert_eq!(
            IssuerCertificate {
                subject_public_key: before.subject_public_key.clone(),
                ..after
            },
            before
        );
        assert_eq!(with_subject_key(&changed, issuer.public()).unwrap(), der);
        assert!(with_subject_key(b"", issuer.public()).is_err());
    }

    #[test]
    fn an_issuer_is_read_as_it_stands() {
        let issuer = key(Algorithm::Ecdsa(Curve::P256), 1);
        let mut content = content(&issuer, &issuer);
        let key_identifier = construct_der(|writer| writer.write_bytes(b"any bytes"));
        content.extensions.push(Extension {
            oid: vec![2, 5, 29, 14],
            critical: false,
            value: key_identifier,
        });
        let basic_constraints = vec![0x30, 6, 1, 1, 0xff, 2, 1, 7];
        content.extensions.push(Extension {
            oid: vec![2, 5, 29, 19],
            critical: true,
            value: basic_constraints,
        });
        let mut der = content.sign(&issuer).unwrap();
        let read = IssuerCertificate::from_der(&der).unwrap();
        assert_eq!(
            read,
            IssuerCertificate {
                subject: name("subject"),
                key_identifier: b"any bytes".to_vec(),
                path_length: Some(7),
                subject_public_key: issuer.public().subject_public_key.clone(),
            }
        );
        der.push(0);
        assert_eq!(IssuerCertificate::from_der(&der), Err(X509Error::NotACertificate));
    }

    #[test]
    fn a_year_that_does_not_fit_is_refused() {
        let issuer = key(Algorithm::Ed25519, 1);
        let mut content = content(&issuer, &issuer);
        content.validity.not_before = datetime!(-0001-12-31 23:59 UTC);
        assert_eq!(content.sign(&issuer), Err(X509Error::DateOutOfRange));
    }

    #[test]
    fn object_identifiers_are_those_that_can_be_read_back() {
        for arcs in [&[0, 39][..], &[1, 39, 2147483647], &[2, 2147483567], &[2, 999, 0]] {
            assert!(is_object_identifier(arcs), "{arcs:?}");
        }
        for arcs in [
            &[][..],
            &[1],
            &[3, 0],
            &[0, 40],
            &[1, 40],
            &[2, 2147483568],
            &[1, 3, 2147483648],
            &[1, u64::MAX],
        ] {
            assert!(!is_object_identifier(arcs), "{arcs:?}");
        }
    }

    #[test]
    fn pem_has_lines_of_64_and_one_final_newline() {
        let pem = to_pem("CERTIFICATE", &[0; 60]);
        let lines: Vec<_> = pem.split('\n').collect();
        assert_eq!(
            lines.iter().map(|line| line.len()).collect::<Vec<_>>(),
            [27, 64, 16, 25, 0]
        );
    }
}
