//! Certificates, requests and keys as text for people: what a reviewer of a diff of base64 wants to know.
//!
//! The layout is this project's own, one line for each fact in the order of the file, and stable, because goldens hold
//! it. What is described may come from anyone: nothing here panics on it, and no character of it reaches a terminal that
//! isn't printable. Of a private key nothing is shown but its public half.

use std::fmt::Write;
use std::net::IpAddr;

use time::format_description::well_known::Rfc3339;
use x509_parser::asn1_rs::Oid;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, PolicyInformation, X509Extension};
use x509_parser::prelude::{
    ASN1Time, AlgorithmIdentifier, AttributeTypeAndValue, FromDer, SubjectPublicKeyInfo, X509Certificate, X509Name,
};
use x509_parser::public_key::PublicKey as ParsedKey;

use super::cfssl::Usage;
use super::digest::{hex, sha256_hex};
use super::key::KeyPair;

/// The text that stands beside a PEM file in a golden: subject, issuer, serial, validity, key, usages, SANs, key identifiers,
/// fingerprint. Never anything of a private key but the fingerprint of its public half. Several PEM blocks are several
/// texts with an empty line between them; none if there is no PEM block.
pub fn describe_pem(pem: &[u8]) -> Option<String> {
    let texts: Vec<String> = blocks(pem).iter().map(Block::describe).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// A piece of a text that may hold PEM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PemPart<'a> {
    /// Lines outside of any block.
    Text(&'a [u8]),
    /// A block, with its boundary lines.
    Block {
        /// `CERTIFICATE`, `EC PRIVATE KEY`.
        label: String,
        /// As it stands.
        text: &'a [u8],
        /// As [`describe_pem`] puts it; none if it can't be read.
        description: Option<String>,
    },
}

/// A text in pieces, in order; together they are all of it.
pub(crate) fn parts(text: &[u8]) -> Vec<PemPart<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    for block in blocks(text) {
        let start = find_boundary(rest, b"-----BEGIN ").map_or(0, |(start, _)| start);
        if start > 0 {
            parts.push(PemPart::Text(&rest[..start]));
        }
        rest = &rest[start + block.text.len()..];
        parts.push(PemPart::Block {
            description: block.facts().map(|facts| facts.0),
            label: block.label,
            text: block.text,
        });
    }
    if !rest.is_empty() {
        parts.push(PemPart::Text(rest));
    }
    parts
}

/// A PEM block (RFC 7468), with its boundary lines.
pub(super) struct Block<'a> {
    pub(super) label: String,
    pub(super) text: &'a [u8],
}

/// The PEM blocks of a text. One that doesn't end is a block as well, since leaving it out would be silent.
pub(super) fn blocks(text: &[u8]) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((start, label)) = find_boundary(rest, b"-----BEGIN ") {
        rest = &rest[start..];
        let after_line = |from: usize| {
            let newline = rest[from..].iter().position(|byte| *byte == b'\n');
            newline.map_or(rest.len(), |newline| from + newline + 1)
        };
        let first = after_line(0);
        let end = find_boundary(&rest[first..], b"-----END ");
        let end = end.map_or(rest.len(), |(end, _)| after_line(first + end));
        found.push(Block {
            label,
            text: &rest[..end],
        });
        rest = &rest[end..];
    }
    found
}

/// Where the first line of the form `-----BEGIN LABEL-----` begins, and its label.
fn find_boundary(text: &[u8], prefix: &[u8]) -> Option<(usize, String)> {
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(label) = line
            .trim_ascii_end()
            .strip_prefix(prefix)
            .and_then(|line| line.strip_suffix(b"-----"))
        {
            return Some((start, String::from_utf8_lossy(label).into_owned()));
        }
        start += line.len();
    }
    None
}

/// Whether a line begins a block but for something that stands before or after it: a mark of the order of bytes, the end of the
/// block before, a dash too many. What is commented out is meant to be passed over.
pub(super) fn has_lost_boundary(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii_end();
        let begins = memchr::memmem::find(line, b"----BEGIN ").is_some();
        begins && !line.starts_with(b"#") && find_boundary(line, b"-----BEGIN ").is_none()
    })
}

impl Block<'_> {
    fn describe(&self) -> String {
        self.facts().map_or_else(
            || format!("{}: can't be read\n", printable(&self.label)),
            |facts| facts.0,
        )
    }

    fn facts(&self) -> Option<Description> {
        match self.label.as_str() {
            "CERTIFICATE" => self.der().and_then(|der| certificate(&der)),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => self.der().and_then(|der| request(&der)),
            "PUBLIC KEY" => self.der().and_then(|der| {
                let mut facts = Description::of("Public key");
                facts.add_public_key(&whole(SubjectPublicKeyInfo::from_der(&der).ok()?)?);
                Some(facts)
            }),
            // The DER of a private key must not lie about in memory that nobody wipes.
            label if label.ends_with("PRIVATE KEY") => private_key(self.text),
            _ => None,
        }
    }

    /// Why Go or OpenSSL pass over it or refuse it, of what is easily overlooked. A key with headers is encrypted, which is
    /// said by whoever reads it.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        let text = String::from_utf8_lossy(self.text);
        let lines: Vec<&str> = text.split('\n').skip(1).map(str::trim_ascii).collect();
        let end = format!("-----END {}-----", self.label);
        let Some(last) = lines.iter().position(|line| *line == end) else {
            return Some("its last line does not fit its first, or is missing");
        };
        let body: Vec<&str> = lines[..last]
            .iter()
            .copied()
            .skip_while(|line| line.is_empty())
            .collect();
        let is_key = self.label.ends_with("PRIVATE KEY");
        if body.iter().any(|line| line.contains(':')) {
            return (!is_key).then_some("it has headers, and Go passes over such a block");
        }
        let full = body.iter().take_while(|line| !line.is_empty()).count();
        if body[full..].iter().any(|line| !line.is_empty()) {
            return Some("an empty line is in it, at which OpenSSL stops");
        }
        None
    }

    pub(super) fn der(&self) -> Option<Vec<u8>> {
        // The decoders of Go and OpenSSL pass over no other control characters.
        let is_text = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r' | b'\n');
        if !self.text.iter().all(is_text) {
            return None;
        }
        pem::parse(self.text).ok().map(pem::Pem::into_contents)
    }
}

fn certificate(der: &[u8]) -> Option<Description> {
    let certificate: X509Certificate<'_> = whole(X509Certificate::from_der(der).ok()?)?;
    let mut facts = Description::of("Certificate");
    facts.add("Version", certificate.version().0.saturating_add(1));
    facts.add("Serial", hex(certificate.raw_serial()));
    facts.add("Issuer", name(certificate.issuer()));
    facts.add("Subject", name(certificate.subject()));
    facts.add("Not before", date(&certificate.validity().not_before));
    facts.add("Not after", date(&certificate.validity().not_after));
    facts.add_public_key(certificate.public_key());
    for extension in certificate.extensions() {
        facts.add_extension(extension);
    }
    facts.add(
        "Signature algorithm",
        signature_algorithm(&certificate.signature_algorithm),
    );
    facts.add("SHA-256 fingerprint", sha256_hex(der));
    Some(facts)
}

pub(super) fn request(der: &[u8]) -> Option<Description> {
    let request: X509CertificationRequest<'_> = whole(X509CertificationRequest::from_der(der).ok()?)?;
    let info = &request.certification_request_info;
    let mut facts = Description::of("Certificate request");
    facts.add("Subject", name(&info.subject));
    facts.add_public_key(&info.subject_pki);
    for attribute in info.iter_attributes() {
        match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(requested) => {
                for extension in &requested.extensions {
                    facts.add_extension(extension);
                }
            }
            _ => facts.add(&format!("Attribute {}", dotted(&attribute.oid)), hex(attribute.value)),
        }
    }
    facts.add("Signature algorithm", signature_algorithm(&request.signature_algorithm));
    facts.add("SHA-256 fingerprint", sha256_hex(der));
    Some(facts)
}

fn private_key(pem: &[u8]) -> Option<Description> {
    let spki = KeyPair::from_pem(pem).ok()?.public().spki_der();
    let mut facts = Description::of("Private key");
    facts.add_public_key(&whole(SubjectPublicKeyInfo::from_der(&spki).ok()?)?);
    Some(facts)
}

/// The parsed value, if nothing is left behind it.
fn whole<T>((rest, value): (&[u8], T)) -> Option<T> {
    rest.is_empty().then_some(value)
}

/// Lines of a label and a fact.
pub(super) struct Description(String);

impl Description {
    fn of(what: &str) -> Description {
        Description(format!("{what}\n"))
    }

    fn add(&mut self, label: &str, fact: impl std::fmt::Display) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "  {label}: {fact}");
    }

    fn add_public_key(&mut self, key: &SubjectPublicKeyInfo<'_>) {
        self.add("Public key", public_key(key));
        self.add("SHA-256 of the public key", sha256_hex(key.raw));
    }

    fn add_extension(&mut self, extension: &X509Extension<'_>) {
        let oid = dotted(&extension.oid);
        let known = EXTENSIONS.iter().find(|(known, _)| *known == oid);
        let name = known.map_or(oid.as_str(), |(_, name)| name);
        let critical = if extension.critical { " (critical)" } else { "" };
        let facts = facts_of_extension(extension).unwrap_or_else(|| vec![hex(extension.value)]);
        for fact in facts {
            self.add(&format!("{name}{critical}"), fact);
        }
    }
}

const EXTENSIONS: [(&str, &str); 11] = [
    ("2.5.29.15", "Key usage"),
    ("2.5.29.37", "Extended key usage"),
    ("2.5.29.19", "Basic constraints"),
    ("2.5.29.14", "Subject key identifier"),
    ("2.5.29.35", "Authority key identifier"),
    ("1.3.6.1.5.5.7.1.1", "Authority information access"),
    ("2.5.29.17", "Subject alternative name"),
    ("2.5.29.31", "CRL distribution point"),
    ("2.5.29.32", "Certificate policy"),
    ("1.3.6.1.5.5.7.48.1.5", "OCSP no check"),
    ("1.3.6.1.4.1.44363.44", "Delegation usage"),
];

/// What an extension says, each item a fact of its own; none if it isn't known or isn't what it should be.
fn facts_of_extension(extension: &X509Extension<'_>) -> Option<Vec<String>> {
    let facts = match extension.parsed_extension() {
        ParsedExtension::KeyUsage(usage) => {
            let names = [
                (usage.digital_signature(), "digital signature"),
                (usage.non_repudiation(), "content commitment"),
                (usage.key_encipherment(), "key encipherment"),
                (usage.data_encipherment(), "data encipherment"),
                (usage.key_agreement(), "key agreement"),
                (usage.key_cert_sign(), "cert sign"),
                (usage.crl_sign(), "crl sign"),
                (usage.encipher_only(), "encipher only"),
                (usage.decipher_only(), "decipher only"),
            ];
            let set: Vec<_> = names
                .iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, name)| *name)
                .collect();
            vec![set.join(", ")]
        }
        ParsedExtension::ExtendedKeyUsage(_) => vec![extended_key_usages(extension.value)?],
        ParsedExtension::BasicConstraints(constraints) => {
            let kind = if constraints.ca { "CA" } else { "not a CA" };
            let length = constraints.path_len_constraint;
            vec![length.map_or_else(|| kind.to_owned(), |length| format!("{kind}, path length {length}"))]
        }
        ParsedExtension::SubjectKeyIdentifier(identifier) => vec![hex(identifier.0)],
        ParsedExtension::AuthorityKeyIdentifier(authority)
            if authority.authority_cert_issuer.is_none() && authority.authority_cert_serial.is_none() =>
        {
            vec![hex(authority.key_identifier.as_ref()?.0)]
        }
        ParsedExtension::AuthorityInfoAccess(access) => access
            .iter()
            .map(|description| {
                let method = match dotted(&description.access_method).as_str() {
                    "1.3.6.1.5.5.7.48.1" => "OCSP".to_owned(),
                    "1.3.6.1.5.5.7.48.2" => "CA issuers".to_owned(),
                    other => other.to_owned(),
                };
                format!("{method} {}", general_name(&description.access_location))
            })
            .collect(),
        ParsedExtension::SubjectAlternativeName(names) => names.general_names.iter().map(general_name).collect(),
        ParsedExtension::CRLDistributionPoints(points) => {
            let mut facts = Vec::new();
            for point in points.iter() {
                let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
                    return None;
                };
                if point.reasons.is_some() || point.crl_issuer.is_some() {
                    return None;
                }
                facts.extend(names.iter().map(general_name));
            }
            facts
        }
        ParsedExtension::CertificatePolicies(policies) => policies.iter().map(policy).collect(),
        _ if extension.value == NULL && EXTENSIONS.iter().any(|(oid, _)| *oid == dotted(&extension.oid)) => {
            vec!["yes".to_owned()]
        }
        _ => return None,
    };
    // An extension without any item still is an extension.
    Some(if facts.is_empty() {
        vec!["empty".to_owned()]
    } else {
        facts
    })
}

const NULL: &[u8] = &[5, 0];

/// The usages in their order, which the parser doesn't keep.
fn extended_key_usages(value: &[u8]) -> Option<String> {
    let purposes = yasna::parse_der(value, |reader| reader.collect_sequence_of(|reader| reader.read_oid())).ok()?;
    let names = purposes.iter().map(|purpose| {
        let known = Usage::name_of_purpose(purpose.components());
        known.map_or_else(|| purpose.to_string(), str::to_owned)
    });
    Some(names.collect::<Vec<_>>().join(", "))
}

pub(super) fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS {}", printable(name)),
        GeneralName::RFC822Name(address) => format!("email {}", printable(address)),
        GeneralName::URI(uri) => format!("URI {}", printable(uri)),
        GeneralName::IPAddress(bytes) => match ip(bytes) {
            Some(ip) => format!("IP {ip}"),
            None => format!("IP of {} bytes {}", bytes.len(), hex(bytes)),
        },
        GeneralName::DirectoryName(directory) => format!("directory {}", self::name(directory)),
        GeneralName::RegisteredID(oid) => format!("registered ID {}", dotted(oid)),
        GeneralName::OtherName(oid, value) => format!("other {} {}", dotted(oid), hex(value)),
        GeneralName::X400Address(value) => format!("X.400 {}", hex(value.data)),
        GeneralName::EDIPartyName(value) => format!("EDI {}", hex(value.data)),
        GeneralName::Invalid(tag, value) => format!("invalid [{}] {}", tag.0, hex(value)),
    }
}

pub(super) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

fn policy(policy: &PolicyInformation<'_>) -> String {
    let mut fact = dotted(&policy.policy_id);
    for qualifier in policy.policy_qualifiers.iter().flatten() {
        let text = match dotted(&qualifier.policy_qualifier_id).as_str() {
            "1.3.6.1.5.5.7.2.1" => yasna::parse_der(qualifier.qualifier, |reader| reader.read_ia5_string())
                .map(|uri| format!("CPS {}", printable(&uri))),
            "1.3.6.1.5.5.7.2.2" => yasna::parse_der(qualifier.qualifier, |reader| {
                reader.read_sequence(|reader| reader.next().read_utf8string())
            })
            .map(|text| format!("notice {}", printable(&text))),
            other => Ok(format!("{other} {}", hex(qualifier.qualifier))),
        };
        fact.push_str("; ");
        fact.push_str(&text.unwrap_or_else(|_| format!("qualifier {}", hex(qualifier.qualifier))));
    }
    fact
}

pub(super) fn public_key(key: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = dotted(&key.algorithm.algorithm);
    match (algorithm.as_str(), key.parsed()) {
        (_, Ok(ParsedKey::RSA(rsa))) => {
            let exponent = rsa
                .try_exponent()
                .map_or_else(|_| hex(rsa.exponent), |exponent| exponent.to_string());
            format!("RSA {} bits, e {exponent}", bits_of(rsa.modulus))
        }
        ("1.2.840.10045.2.1", _) => match oid_parameter(&key.algorithm).as_deref() {
            Some("1.2.840.10045.3.1.7") => "ECDSA P-256".to_owned(),
            Some("1.3.132.0.34") => "ECDSA P-384".to_owned(),
            Some("1.3.132.0.35") => "ECDSA P-521".to_owned(),
            Some(other) => format!("ECDSA {other}"),
            None => "ECDSA without a named curve".to_owned(),
        },
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        (other, _) => ml_dsa(other, &key.algorithm).unwrap_or(other).to_owned(),
    }
}

fn oid_parameter(algorithm: &AlgorithmIdentifier<'_>) -> Option<String> {
    algorithm
        .parameters
        .as_ref()?
        .as_oid()
        .ok()
        .map(|oid: Oid<'_>| dotted(&oid))
}

/// The number of bits of a big-endian number.
pub(super) fn bits_of(number: &[u8]) -> usize {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

pub(super) fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> String {
    match dotted(&algorithm.algorithm).as_str() {
        "1.2.840.113549.1.1.5" => "SHA-1 with RSA".to_owned(),
        "1.2.840.113549.1.1.11" => "SHA-256 with RSA".to_owned(),
        "1.2.840.113549.1.1.12" => "SHA-384 with RSA".to_owned(),
        "1.2.840.113549.1.1.13" => "SHA-512 with RSA".to_owned(),
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256".to_owned(),
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384".to_owned(),
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512".to_owned(),
        "1.3.101.112" => "Ed25519".to_owned(),
        other => ml_dsa(other, algorithm).unwrap_or(other).to_owned(),
    }
}

/// The keys and signatures of FIPS 204, by their object identifiers, which have no parameters (RFC 9881, section 2).
fn ml_dsa(oid: &str, algorithm: &AlgorithmIdentifier<'_>) -> Option<&'static str> {
    match oid {
        _ if algorithm.parameters.is_some() => None,
        "2.16.840.1.101.3.4.3.17" => Some("ML-DSA-44"),
        "2.16.840.1.101.3.4.3.18" => Some("ML-DSA-65"),
        "2.16.840.1.101.3.4.3.19" => Some("ML-DSA-87"),
        _ => None,
    }
}

/// A distinguished name with its attributes in the order of the file, ` + ` between those of one RDN.
pub(super) fn name(name: &X509Name<'_>) -> String {
    let names = name.iter_rdn().map(|attributes| {
        let attributes = attributes.iter().map(|attribute| {
            let value = match attribute.as_str() {
                Ok(text) => printable(text).replace(',', "\\,").replace('+', "\\+"),
                Err(_) => format!("#{}", hex(attribute.as_slice())),
            };
            format!("{}={value}", attribute_type(&dotted(attribute.attr_type())))
        });
        attributes.collect::<Vec<_>>().join(" + ")
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The attributes of a distinguished name in their order; those that are no text are left out.
pub(super) fn attributes(name: &X509Name<'_>) -> Vec<(String, String)> {
    let attribute = |one: &AttributeTypeAndValue<'_>| {
        let text = one.as_str().ok()?.to_owned();
        Some((attribute_type(&dotted(one.attr_type())).to_owned(), text))
    };
    name.iter_attributes().filter_map(attribute).collect()
}

fn attribute_type(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.17" => "postalCode",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "E",
        other => other,
    }
}

fn date(date: &ASN1Time) -> String {
    date.to_datetime()
        .format(&Rfc3339)
        .unwrap_or_else(|_| printable(&date.to_string()))
}

/// An object identifier with dots. The parser's own text is wrong where the first two arcs take more than a byte.
fn dotted(oid: &Oid<'_>) -> String {
    let mut arcs: Vec<u128> = Vec::new();
    let mut arc: u128 = 0;
    for byte in oid.as_bytes() {
        let Some(shifted) = arc.checked_mul(128) else {
            return format!("OID {}", hex(oid.as_bytes()));
        };
        arc = shifted | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                // X.690, section 8.19.4: the first two arcs share a subidentifier.
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= first * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

/// The text with everything escaped that doesn't print, and backslashes so that an escape is one.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\'' | '"' => printable.push(character),
            _ => printable.extend(character.escape_debug()),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::cfssl::{self, Authority, Name, Policy, Profile, Qualifier, Request};
    use crate::pki::key::{Algorithm, Curve};
    use crate::pki::x509::to_pem;

    fn request(cn: &str, hosts: &[&str]) -> Request {
        Request {
            cn: cn.to_owned(),
            names: vec![
                Name {
                    c: "US".to_owned(),
                    o: "system:masters".to_owned(),
                    ..Name::default()
                },
                Name {
                    o: "second, with + and \u{202e}".to_owned(),
                    e: "e@x.y".to_owned(),
                    ..Name::default()
                },
            ],
            serial_number: String::new(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            key: Algorithm::Ed25519,
            ca: None,
            crl_url: String::new(),
            delegation_enabled: true,
            extensions: Vec::new(),
        }
    }

    fn key(seed: u8) -> KeyPair {
        KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[seed; 32]).unwrap()
    }

    fn leaf() -> Vec<u8> {
        let now = datetime!(2026-01-01 00:00 UTC);
        let ca_key = key(1);
        let ca = cfssl::root(&request("CA", &[]), &ca_key, now).unwrap();
        let profile = Profile {
            usages: ["client auth", "signing", "server auth"]
                .map(|name| Usage::by_name(name).unwrap())
                .to_vec(),
            expiry: time::Duration::days(1),
            issuer_urls: vec!["http://ca.example/ca.crt".to_owned()],
            ocsp_url: "http://ocsp.example".to_owned(),
            crl_url: "http://crl.example/ca.crl".to_owned(),
            ocsp_no_check: true,
            policies: vec![Policy {
                id: vec![2, 999, 1],
                qualifiers: vec![
                    Qualifier::Cps("http://cps".to_owned()),
                    Qualifier::UserNotice("ü".to_owned()),
                ],
            }],
            ..Profile::default()
        };
        let hosts = ["a.example", "10.0.0.1", "fd00::1", "a@b.c", "spiffe://td/x"];
        let issuer = Authority {
            certificate: &ca,
            key: &ca_key,
        };
        cfssl::leaf(&request("leaf", &hosts), key(2).public(), &profile, &issuer, now).unwrap()
    }

    /// The text without what differs with each key.
    fn without_hashes(text: &str) -> String {
        let is_stable = |line: &&str| {
            !["SHA-256 of", "SHA-256 finger", "Serial", "identifier"]
                .iter()
                .any(|word| line.contains(word))
        };
        text.lines().filter(is_stable).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_certificate_has_a_line_for_each_fact() {
        let text = describe_pem(to_pem("CERTIFICATE", &leaf()).as_bytes()).unwrap();
        assert_eq!(
            without_hashes(&text),
            "Certificate
  Version: 3
  Issuer: C=US, O=system:masters + O=second\\, with \\+ and \\u{202e}, CN=CA, E=e@x.y
  Subject: C=US, O=system:masters + O=second\\, with \\+ and \\u{202e}, CN=leaf, E=e@x.y
  Not before: 2025-12-31T23:55:00Z
  Not after: 2026-01-01T23:55:00Z
  Public key: ECDSA P-256
  Key usage (critical): digital signature
  Extended key usage: client auth, server auth
  Basic constraints (critical): not a CA
  Authority information access: OCSP URI http://ocsp.example
  Authority information access: CA issuers URI http://ca.example/ca.crt
  Subject alternative name: DNS a.example
  Subject alternative name: email a@b.c
  Subject alternative name: IP 10.0.0.1
  Subject alternative name: IP fd00::1
  Subject alternative name: URI spiffe://td/x
  CRL distribution point: URI http://crl.example/ca.crl
  Delegation usage: yes
  Certificate policy: 2.999.1; CPS http://cps; notice ü
  OCSP no check: yes
  Signature algorithm: ECDSA with SHA-256
"
        );
    }

    #[test]
    fn a_request_says_what_it_asks_for() {
        let der = cfssl::signing_request(&request("leaf", &["a.example"]), &key(2)).unwrap();
        let text = describe_pem(to_pem("CERTIFICATE REQUEST", &der).as_bytes()).unwrap();
        assert_eq!(
            without_hashes(&text),
            "Certificate request
  Subject: C=US, O=system:masters + O=second\\, with \\+ and \\u{202e}, CN=leaf, E=e@x.y
  Public key: ECDSA P-256
  Subject alternative name: DNS a.example
  Delegation usage: yes
  Signature algorithm: ECDSA with SHA-256
"
        );
    }

    #[test]
    fn a_key_and_its_certificate_show_the_same_fingerprint_of_the_public_key() {
        let mut pem = key(2).to_pem().expose().to_vec();
        pem.extend(to_pem("CERTIFICATE", &leaf()).bytes());
        let text = describe_pem(&pem).unwrap();
        let fingerprints: Vec<_> = text
            .lines()
            .filter(|line| line.contains("SHA-256 of the public key"))
            .collect();
        assert_eq!(fingerprints.len(), 2);
        assert_eq!(fingerprints[0], fingerprints[1]);
        let private: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
        assert_eq!(private[..2], ["Private key", "  Public key: ECDSA P-256"]);
        assert_eq!(private.len(), 3);
    }

    #[test]
    fn what_can_not_be_read_is_said() {
        let text = b"x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN \x1b[2J-----\n";
        let said = describe_pem(text).unwrap();
        assert_eq!(said, "CERTIFICATE: can't be read\n\n\\u{1b}[2J: can't be read\n");
        assert_eq!(describe_pem(b"no PEM at all"), None);
    }

    #[test]
    fn the_parts_of_a_text_are_all_of_it() {
        let pem = to_pem("CERTIFICATE", &leaf());
        let text = format!("before\n{pem}{pem}between\n-----BEGIN X-----\nAAAA\n-----END X-----\nafter");
        let parts = parts(text.as_bytes());
        let bytes: Vec<&[u8]> = parts
            .iter()
            .map(|part| match part {
                PemPart::Text(text) | PemPart::Block { text, .. } => *text,
            })
            .collect();
        assert_eq!(bytes.concat(), text.as_bytes());
        let described: Vec<bool> = parts
            .iter()
            .filter_map(|part| match part {
                PemPart::Text(_) => None,
                PemPart::Block { description, .. } => Some(description.is_some()),
            })
            .collect();
        assert_eq!(described, [true, true, false]);
        assert_eq!(super::parts(b""), []);
    }

    proptest::proptest! {
        #[test]
        fn random_der_is_no_panic(der: Vec<u8>, label in "CERTIFICATE( REQUEST)?|PUBLIC KEY|EC PRIVATE KEY") {
            describe_pem(to_pem(&label, &der).as_bytes());
            describe_pem(&der);
            parts(&der);
        }

        #[test]
        fn a_mutated_certificate_is_no_panic_and_prints(changes: Vec<(proptest::sample::Index, u8)>) {
            let mut der = leaf();
            for (index, byte) in changes {
                let index = index.index(der.len());
                der[index] = byte;
            }
            let text = describe_pem(to_pem("CERTIFICATE", &der).as_bytes()).unwrap();
            proptest::prop_assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
        }
    }
}
