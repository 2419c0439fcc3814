//! The subject of a request and what becomes of it in the certificate.
//!
//! cfssl puts the subject in a request, reads the request back, and writes the certificate's subject from what it read.
//! Go's `pkix.Name` in between knows nine attributes and treats all others as extras, which shows in the result: an
//! attribute of the nine that `OID` gives replaces the typed one in the request and joins its list in the certificate.
//!
//! This module must not validate: lengths, alphabets and country codes are for the checks of the specification.

use yasna::{DERWriter, construct_der};

use super::request::{Name, Request};
use crate::pki::x509::{X509Error, is_object_identifier, write_oid};

const EMAIL_ADDRESS: &[u64] = &[1, 2, 840, 113549, 1, 9, 1];
const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
const COUNTRY: &[u64] = &[2, 5, 4, 6];
const LOCALITY: &[u64] = &[2, 5, 4, 7];
const STATE_OR_PROVINCE: &[u64] = &[2, 5, 4, 8];
const STREET_ADDRESS: &[u64] = &[2, 5, 4, 9];
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
const ORGANIZATIONAL_UNIT: &[u64] = &[2, 5, 4, 11];
const POSTAL_CODE: &[u64] = &[2, 5, 4, 17];

/// The order of Go's `pkix.Name.ToRDNSequence`: one RDN for all values of an attribute.
const LISTS: [&[u64]; 7] = [
    COUNTRY,
    STATE_OR_PROVINCE,
    LOCALITY,
    STREET_ADDRESS,
    POSTAL_CODE,
    ORGANIZATION,
    ORGANIZATIONAL_UNIT,
];
/// Written after the lists; only the last value of each is kept.
const SINGLES: [&[u64]; 2] = [COMMON_NAME, SERIAL_NUMBER];

/// An attribute's type and value.
type Attribute = (Vec<u64>, String);

/// A Go `pkix.Name`: lists, single values and extras, before they are put in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CertificateSubject {
    lists: [Vec<String>; LISTS.len()],
    singles: [String; SINGLES.len()],
    extras: Vec<Attribute>,
}

impl CertificateSubject {
    /// The subject that a CSR file names (cfssl `csr.CertificateRequest.Name`).
    pub(super) fn requested(request: &Request) -> Result<CertificateSubject, X509Error> {
        let mut subject = CertificateSubject {
            singles: [request.cn.clone(), request.serial_number.clone()],
            ..CertificateSubject::default()
        };
        for Name {
            c,
            st,
            l,
            o,
            ou,
            e,
            oid,
        } in &request.names
        {
            for (attribute, value) in [
                (COUNTRY, c),
                (STATE_OR_PROVINCE, st),
                (LOCALITY, l),
                (ORGANIZATION, o),
                (ORGANIZATIONAL_UNIT, ou),
            ] {
                if !value.is_empty() {
                    subject.add(attribute, value);
                }
            }
            for (attribute, value) in oid {
                if !is_object_identifier(attribute) {
                    return Err(X509Error::InvalidOid(attribute.clone()));
                }
                subject.extras.push((attribute.clone(), value.clone()));
            }
            if !e.is_empty() {
                subject.extras.push((EMAIL_ADDRESS.to_vec(), e.clone()));
            }
        }
        Ok(subject)
    }

    /// The subject that cfssl reads from a request with this subject (`pkix.Name.FillFromRDNSequence` and
    /// `signer.ParseCertificateRequest`).
    pub(super) fn read_back(&self) -> CertificateSubject {
        let mut read = CertificateSubject::default();
        for (attribute, value) in self.names().into_iter().flatten() {
            if !read.add(&attribute, &value) {
                read.extras.push((attribute, value));
            }
        }
        read
    }

    /// The common name and the organizations, as who reads the certificate finds them.
    pub(super) fn user_and_groups(&self) -> (String, Vec<String>) {
        let (mut user, mut groups) = (String::new(), Vec::new());
        for (attribute, value) in self.names().into_iter().flatten() {
            match attribute.as_slice() {
                COMMON_NAME => user = value,
                ORGANIZATION => groups.push(value),
                _ => {}
            }
        }
        (user, groups)
    }

    /// The DER of the Name (RFC 5280, section 4.1.2.4).
    pub(super) fn to_der(&self) -> Vec<u8> {
        construct_der(|writer| {
            writer.write_sequence(|writer| {
                for attributes in self.names() {
                    writer.next().write_set_of(|writer| {
                        for attribute in &attributes {
                            write_attribute(writer.next(), attribute);
                        }
                    });
                }
            })
        })
    }

    /// Adds a value of one of the nine attributes; false if it is none of them.
    fn add(&mut self, attribute: &[u64], value: &str) -> bool {
        if let Some(list) = LISTS.iter().position(|known| *known == attribute) {
            self.lists[list].push(value.to_owned());
        } else if let Some(single) = SINGLES.iter().position(|known| *known == attribute) {
            self.singles[single] = value.to_owned();
        } else {
            return false;
        }
        true
    }

    /// The relative distinguished names in the order in which they are written.
    fn names(&self) -> Vec<Vec<Attribute>> {
        let lists = LISTS
            .iter()
            .zip(&self.lists)
            .map(|(attribute, values)| (*attribute, values.clone()));
        let singles = SINGLES.iter().zip(&self.singles).map(|(attribute, value)| {
            let value = (!value.is_empty()).then(|| value.clone());
            (*attribute, Vec::from_iter(value))
        });
        let typed = lists.chain(singles).filter(|(attribute, values)| {
            !values.is_empty() && !self.extras.iter().any(|(extra, _)| extra == attribute)
        });
        let typed = typed.map(|(attribute, values)| {
            // Their order is DER's (X.690, section 11.6), which the writer of the SET brings about.
            values.into_iter().map(|value| (attribute.to_vec(), value)).collect()
        });
        typed
            .chain(self.extras.iter().map(|extra| vec![extra.clone()]))
            .collect()
    }
}

fn write_attribute(writer: DERWriter<'_>, (attribute, value): &Attribute) {
    writer.write_sequence(|writer| {
        write_oid(writer.next(), attribute);
        if value.bytes().all(is_printable) {
            // yasna's own PrintableString has no question mark.
            let tag = yasna::tags::TAG_PRINTABLESTRING;
            writer
                .next()
                .write_tagged_implicit(tag, |writer| writer.write_bytes(value.as_bytes()));
        } else {
            writer.next().write_utf8_string(value);
        }
    })
}

/// The alphabet of PrintableString (X.680, section 41.4).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}
