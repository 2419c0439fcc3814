//! The extensions of a certificate that a profile decides, each as Go's crypto/x509 (`buildCertExtensions`) or cfssl
//! (`signer.go`) writes its content. Their order is decided in [`super::template`].

use yasna::{DERWriter, Tag, construct_der};

use super::profile::{Policy, Qualifier};
use super::usage::{ExtendedKeyUsage, KeyUsage, Usage};
use crate::pki::x509::{Extension, X509Error, is_object_identifier, write_oid};

pub(super) const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
/// Delegated credentials (RFC 9345, section 4.2), under the OID of an early draft.
pub(super) const DELEGATION_USAGE: &[u64] = &[1, 3, 6, 1, 4, 1, 44363, 44];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];
const AUTHORITY_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 35];
const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const CRL_DISTRIBUTION_POINTS: &[u64] = &[2, 5, 29, 31];
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
const OCSP_NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];

const NULL: &[u8] = &[5, 0];

pub(super) fn key_usage(usages: &[Usage]) -> Option<Extension> {
    let bits = usages.iter().filter_map(|usage| match usage {
        Usage::Key(usage) => Some(KeyUsage::bit(*usage)),
        Usage::Extended(_) => None,
    });
    // DER drops trailing zero bits of a named bit list (X.690, section 11.2.2), so the last bit is always a one.
    let length = bits.clone().max()? + 1;
    let mut bytes = vec![0u8; length.div_ceil(8)];
    for bit in bits {
        bytes[bit / 8] |= 0x80 >> (bit % 8);
    }
    Some(critical(
        KEY_USAGE,
        construct_der(|writer| writer.write_bitvec_bytes(&bytes, length)),
    ))
}

pub(super) fn extended_key_usage(usages: &[Usage]) -> Option<Extension> {
    let purposes: Vec<_> = usages
        .iter()
        .filter_map(|usage| match usage {
            Usage::Extended(usage) => Some(ExtendedKeyUsage::oid(*usage)),
            Usage::Key(_) => None,
        })
        .collect();
    let value = sequence_of(&purposes, |writer, purpose| write_oid(writer, purpose));
    (!purposes.is_empty()).then(|| extension(EXTENDED_KEY_USAGE, value))
}

/// basicConstraints, with a path length only where there is one.
pub(super) fn basic_constraints(is_ca: bool, path_length: Option<u32>) -> Extension {
    let value = construct_der(|writer| {
        writer.write_sequence(|writer| {
            if is_ca {
                writer.next().write_bool(true);
            }
            if let Some(length) = path_length {
                writer.next().write_u32(length);
            }
        })
    });
    critical(BASIC_CONSTRAINTS, value)
}

/// What a request's basicConstraints ask for: whether it is a CA, and the path length.
pub(super) fn read_basic_constraints(value: &[u8]) -> Result<(bool, Option<i64>), X509Error> {
    yasna::parse_der(value, |reader| {
        reader.read_sequence(|reader| {
            let is_ca = reader.read_optional(|reader| reader.read_bool())?.unwrap_or(false);
            let path_length = reader.read_optional(|reader| reader.read_i64())?;
            // Go takes an explicit -1 for none.
            Ok((is_ca, path_length.filter(|length| *length != -1)))
        })
    })
    .map_err(|_| X509Error::MalformedExtension(BASIC_CONSTRAINTS.to_vec()))
}

pub(super) fn subject_key_identifier(identifier: &[u8]) -> Extension {
    extension(
        SUBJECT_KEY_IDENTIFIER,
        construct_der(|writer| writer.write_bytes(identifier)),
    )
}

pub(super) fn authority_key_identifier(identifier: &[u8]) -> Extension {
    let value = construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer
                .next()
                .write_tagged_implicit(Tag::context(0), |writer| writer.write_bytes(identifier));
        })
    });
    extension(AUTHORITY_KEY_IDENTIFIER, value)
}

pub(super) fn authority_info_access(ocsp_url: &str, issuer_urls: &[String]) -> Option<Extension> {
    const OCSP: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
    const CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
    let ocsp = (!ocsp_url.is_empty()).then_some((OCSP, ocsp_url));
    let issuers = issuer_urls.iter().map(|url| (CA_ISSUERS, url.as_str()));
    let descriptions: Vec<_> = ocsp.into_iter().chain(issuers).collect();
    let value = sequence_of(&descriptions, |writer, (method, url)| {
        writer.write_sequence(|writer| {
            write_oid(writer.next(), method);
            write_url(writer.next(), url);
        })
    });
    (!descriptions.is_empty()).then(|| extension(AUTHORITY_INFO_ACCESS, value))
}

pub(super) fn crl_distribution_points(url: &str) -> Option<Extension> {
    let value = construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| {
                writer.next().write_tagged_implicit(Tag::context(0), |writer| {
                    writer.write_sequence(|writer| {
                        writer.next().write_tagged_implicit(Tag::context(0), |writer| {
                            writer.write_sequence(|writer| write_url(writer.next(), url))
                        });
                    })
                });
            })
        })
    });
    (!url.is_empty()).then(|| extension(CRL_DISTRIBUTION_POINTS, value))
}

pub(super) fn certificate_policies(policies: &[Policy]) -> Result<Option<Extension>, X509Error> {
    for policy in policies {
        if !is_object_identifier(&policy.id) {
            return Err(X509Error::InvalidOid(policy.id.clone()));
        }
        for qualifier in &policy.qualifiers {
            if let Qualifier::Cps(uri) = qualifier
                && !uri.is_ascii()
            {
                return Err(X509Error::NonAsciiName(uri.clone()));
            }
        }
    }
    let value = sequence_of(policies, |writer, policy| {
        writer.write_sequence(|writer| {
            write_oid(writer.next(), &policy.id);
            if !policy.qualifiers.is_empty() {
                writer
                    .next()
                    .write_der(&sequence_of(&policy.qualifiers, write_qualifier));
            }
        })
    });
    Ok((!policies.is_empty()).then(|| extension(CERTIFICATE_POLICIES, value)))
}

pub(super) fn ocsp_no_check() -> Extension {
    extension(OCSP_NO_CHECK, NULL.to_vec())
}

pub(super) fn delegation_usage() -> Extension {
    extension(DELEGATION_USAGE, NULL.to_vec())
}

fn write_qualifier(writer: DERWriter<'_>, qualifier: &Qualifier) {
    const CPS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 2, 1];
    const USER_NOTICE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 2, 2];
    writer.write_sequence(|writer| match qualifier {
        Qualifier::Cps(uri) => {
            write_oid(writer.next(), CPS);
            writer.next().write_ia5_string(uri);
        }
        Qualifier::UserNotice(text) => {
            write_oid(writer.next(), USER_NOTICE);
            writer
                .next()
                .write_sequence(|writer| writer.next().write_utf8_string(text));
        }
    })
}

/// A uniformResourceIdentifier (RFC 5280, section 4.2.1.6), which Go doesn't check.
fn write_url(writer: DERWriter<'_>, url: &str) {
    writer.write_tagged_implicit(Tag::context(6), |writer| writer.write_bytes(url.as_bytes()));
}

fn sequence_of<T>(items: &[T], write: impl Fn(DERWriter<'_>, &T)) -> Vec<u8> {
    construct_der(|writer| {
        writer.write_sequence(|writer| {
            for item in items {
                write(writer.next(), item);
            }
        })
    })
}

fn extension(oid: &[u64], value: Vec<u8>) -> Extension {
    Extension {
        oid: oid.to_vec(),
        critical: false,
        value,
    }
}

fn critical(oid: &[u64], value: Vec<u8>) -> Extension {
    Extension {
        oid: oid.to_vec(),
        critical: true,
        value,
    }
}
