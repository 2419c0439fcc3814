//! What an entry of `hosts` is, and the subjectAltName that a list of them becomes.
//!
//! cfssl asks Go's parsers in turn and takes the first answer. Nothing here judges whether a name is a good one: `10.0.0.0/24`
//! and the empty string are DNS names to cfssl, and it is for the checks of the specification to object.

use std::net::IpAddr;

use yasna::{PCBit, Tag, TagClass, construct_der};

use super::mail;
use super::uri::Uri;
use crate::pki::x509::{Extension, X509Error};

pub(super) const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];

const EMAIL_TAG: u64 = 1;
const DNS_TAG: u64 = 2;
const URI_TAG: u64 = 6;
const IP_TAG: u64 = 7;

/// What cfssl makes of one `hosts` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// An address; IPv4-mapped IPv6 addresses are IPv4 addresses.
    Ip(IpAddr),
    /// A mail address without display name.
    Email(String),
    /// A URI as Go writes it, which may differ from the entry.
    Uri(String),
    /// Anything else, unchecked.
    Dns(String),
}

impl San {
    /// Classifies as cfssl does: net.ParseIP, then mail.ParseAddress, then url.ParseRequestURI, else a DNS name.
    pub fn classify(host: &str) -> San {
        // Rust's and Go's address grammars agree: no leading zeros, no zones, `::` for one group at least.
        if let Ok(ip) = host.parse::<IpAddr>() {
            San::Ip(ip.to_canonical())
        } else if let Some(address) = mail::parse_address(host) {
            San::Email(address)
        } else if let Some(uri) = Uri::from_request(host) {
            San::Uri(uri.to_string())
        } else {
            San::Dns(host.to_owned())
        }
    }
}

/// The names of a certificate by kind, which is how Go keeps and writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AltNames {
    pub(super) dns: Vec<String>,
    pub(super) email: Vec<String>,
    pub(super) ip: Vec<Vec<u8>>,
    pub(super) uri: Vec<String>,
}

impl AltNames {
    /// Sorts `hosts` into kinds, each in the order of the list.
    pub(super) fn classify(hosts: &[String]) -> AltNames {
        let mut names = AltNames::default();
        for host in hosts {
            match San::classify(host) {
                San::Dns(name) => names.dns.push(name),
                San::Email(address) => names.email.push(address),
                San::Ip(IpAddr::V4(ip)) => names.ip.push(ip.octets().to_vec()),
                San::Ip(IpAddr::V6(ip)) => names.ip.push(ip.octets().to_vec()),
                San::Uri(uri) => names.uri.push(uri),
            }
        }
        names
    }

    /// The extension that Go writes for these names, or none if there are none.
    pub(super) fn to_extension(&self, critical: bool) -> Result<Option<Extension>, X509Error> {
        let tagged = |tag, names: &[String]| names.iter().map(move |name| (tag, name.clone())).collect::<Vec<_>>();
        let texts = [
            tagged(DNS_TAG, &self.dns),
            tagged(EMAIL_TAG, &self.email),
            tagged(URI_TAG, &self.uri),
        ]
        .concat();
        if let Some((_, name)) = texts.iter().find(|(_, name)| !name.is_ascii()) {
            return Err(X509Error::NonAsciiName(name.clone()));
        }
        if texts.is_empty() && self.ip.is_empty() {
            return Ok(None);
        }
        let (before_ip, uris) = texts.split_at(self.dns.len() + self.email.len());
        let names = before_ip.iter().map(|(tag, name)| (*tag, name.as_bytes()));
        let names = names.chain(self.ip.iter().map(|ip| (IP_TAG, short_ip(ip))));
        let names = names.chain(uris.iter().map(|(tag, name)| (*tag, name.as_bytes())));
        let value = construct_der(|writer| {
            writer.write_sequence(|writer| {
                for (tag, name) in names {
                    writer
                        .next()
                        .write_tagged_implicit(Tag::context(tag), |writer| writer.write_bytes(name));
                }
            })
        });
        Ok(Some(Extension {
            oid: SUBJECT_ALT_NAME.to_vec(),
            critical,
            value,
        }))
    }

    /// Reads the names back from the content of an extension (`parseSANExtension` in crypto/x509), and refuses what Go
    /// can't read; other kinds of name are passed over.
    pub(super) fn from_extension(value: &[u8]) -> Result<AltNames, X509Error> {
        let malformed = || X509Error::MalformedExtension(SUBJECT_ALT_NAME.to_vec());
        let elements = yasna::parse_der(value, |reader| {
            reader.collect_sequence_of(|reader| reader.read_tagged_der())
        })
        .map_err(|_| malformed())?;
        let mut names = AltNames::default();
        for element in elements {
            let tag = element.tag();
            if tag.tag_class != TagClass::ContextSpecific || element.pcbit() != PCBit::Primitive {
                continue;
            }
            let bytes = element.value();
            let ascii = || {
                let text = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii());
                text.map(str::to_owned).ok_or_else(malformed)
            };
            match tag.tag_number {
                EMAIL_TAG => names.email.push(ascii()?),
                DNS_TAG => names.dns.push(ascii()?),
                URI_TAG => names.uri.push(uri_read_back(&ascii()?)?),
                IP_TAG if matches!(bytes.len(), 4 | 16) => names.ip.push(bytes.to_vec()),
                IP_TAG => return Err(malformed()),
                _ => {}
            }
        }
        Ok(names)
    }
}

/// Go writes an IPv4-mapped IPv6 address as the IPv4 address.
fn short_ip(ip: &[u8]) -> &[u8] {
    ip.strip_prefix(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        .filter(|rest| rest.len() == 4)
        .unwrap_or(ip)
}

fn uri_read_back(text: &str) -> Result<String, X509Error> {
    let uri = Uri::from_reference(text).filter(Uri::host_is_readable);
    uri.map(|uri| uri.to_string())
        .ok_or_else(|| X509Error::InvalidUri(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> San {
        San::Dns(name.to_owned())
    }

    fn uri(uri: &str) -> San {
        San::Uri(uri.to_owned())
    }

    fn email(address: &str) -> San {
        San::Email(address.to_owned())
    }

    #[test]
    fn the_contracts_examples() {
        let ip = |text: &str| San::Ip(text.parse().unwrap());
        for (host, san) in [
            ("10.0.0.1", ip("10.0.0.1")),
            ("::ffff:1.2.3.4", ip("1.2.3.4")),
            ("fd00::1", ip("fd00::1")),
            ("Bob <b@x.y>", email("b@x.y")),
            ("\"quoted local\"@x.y", email("quoted local@x.y")),
            ("a@[::1]", email("a@[::1]")),
            ("/abs/path", uri("/abs/path")),
            ("foo:bar", uri("foo:bar")),
            ("urn:x:y", uri("urn:x:y")),
            ("spiffe://td/wl", uri("spiffe://td/wl")),
            ("localhost:6443", uri("localhost:6443")),
            ("*", uri("*")),
            ("10.0.0.0/24", dns("10.0.0.0/24")),
            ("10.0.0.1:6443", dns("10.0.0.1:6443")),
            (" 10.0.0.1", dns(" 10.0.0.1")),
            ("010.0.0.1", dns("010.0.0.1")),
            ("fe80::1%eth0", dns("fe80::1%eth0")),
            ("bad host name", dns("bad host name")),
            ("svc.", dns("svc.")),
            ("a,b", dns("a,b")),
            ("UPPER.Case", dns("UPPER.Case")),
            ("*.example.com", dns("*.example.com")),
            ("", dns("")),
        ] {
            assert_eq!(San::classify(host), san, "{host:?}");
        }
    }

    #[test]
    fn names_are_read_back_from_what_was_written() {
        let hosts = ["b.c", "1.2.3.4", "fd00::1", "a@b.c", "x://y/z", "a.b"].map(str::to_owned);
        let names = AltNames::classify(&hosts);
        let extension = names.to_extension(false).unwrap().unwrap();
        assert_eq!(AltNames::from_extension(&extension.value), Ok(names));
    }

    #[test]
    fn a_uri_that_go_can_not_read_back_is_refused() {
        let names = AltNames::classify(&["spiffe://trust-domain./x".to_owned()]);
        let extension = names.to_extension(false).unwrap().unwrap();
        let refused = X509Error::InvalidUri("spiffe://trust-domain./x".to_owned());
        assert_eq!(AltNames::from_extension(&extension.value), Err(refused));
    }

    #[test]
    fn only_ascii_can_be_written() {
        for host in ["bücher.example", "a@bücher.example", "urn:bücher"] {
            let names = AltNames::classify(&[host.to_owned()]);
            assert_eq!(names.to_extension(false), Err(X509Error::NonAsciiName(host.to_owned())));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_some_kind_of_name(host in "\\PC*|[a-z0-9.:/@<>%\\[\\]\"?#=() ]{0,24}") {
            San::classify(&host);
        }
    }
}
