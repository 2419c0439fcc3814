//! What an entry of `hosts` is, and the subjectAltName that a list of them becomes.
//!
//! cfssl asks Go's parsers in turn and takes the first answer. What those parsers could read as a mail address or a URI is one only
//! in its plain form, in which everybody reads the same; all other forms are refused. Nothing here judges whether a name is a good
//! one: `10.0.0.0/24` and the empty string are DNS names to cfssl, and it is for the checks of the specification to object.

use std::net::IpAddr;

use yasna::{PCBit, Tag, TagClass, construct_der};

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
    /// A mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// What may be a mail address or a URI to cfssl, but is not written plainly: a display name, a comment, quotes, an escape.
    Unusual(String),
    /// Anything else, unchecked.
    Dns(String),
}

impl San {
    /// Classifies as cfssl does: net.ParseIP, then mail.ParseAddress, then url.ParseRequestURI, else a DNS name.
    pub fn classify(host: &str) -> San {
        // Rust's and Go's address grammars agree: no leading zeros, no zones, `::` for one group at least.
        if let Ok(ip) = host.parse::<IpAddr>() {
            return San::Ip(ip.to_canonical());
        }
        // No mail address is without an `@`.
        let kind = match (host.contains('@'), may_be_uri(host)) {
            (true, _) if is_plain_mail(host) => San::Email,
            (false, true) if is_plain_uri(host) => San::Uri,
            (false, false) => San::Dns,
            _ => San::Unusual,
        };
        kind(host.to_owned())
    }
}

/// Whether Go could take a text for a URI: a path, a scheme and what follows, or the star of `OPTIONS *`.
fn may_be_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.as_bytes());
    let is_scheme = |scheme: &[u8]| {
        scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    };
    text == "*" || text.starts_with('/') || scheme.is_some_and(is_scheme)
}

/// `local@domain` and nothing around it, which everybody reads alike: two dot-atoms of RFC 5322, section 3.2.3.
fn is_plain_mail(text: &str) -> bool {
    let is_atom = |atom: &str| !atom.is_empty() && consists_of(atom, "!#$%&'*+-/=?^_`{|}~");
    text.split_once('@')
        .is_some_and(|(local, domain)| [local, domain].iter().all(|part| part.split('.').all(is_atom)))
}

/// A URI that Go writes as it is: no escapes, fragment, user or address in brackets, and the scheme in lower case.
fn is_plain_uri(text: &str) -> bool {
    match text {
        "*" => return true,
        _ if !may_be_uri(text) => return false,
        _ => {}
    }
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if !text.starts_with('/') => (scheme, rest),
        _ => ("", text),
    };
    let has_authority = rest.starts_with("//");
    if scheme.bytes().any(|byte| byte.is_ascii_uppercase())
        || scheme.is_empty() && has_authority
        || !consists_of(rest, "-._~!$&'()*+,;=:/?")
    {
        return false;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return true;
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_label = |label: &str| !label.is_empty() && consists_of(label, "-_~");
    match authority {
        "" => path.starts_with('/'),
        _ => host.split('.').all(is_label) && port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty(),
    }
}

/// Whether a text has letters, digits and these signs of ASCII alone.
fn consists_of(text: &str, signs: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || signs.as_bytes().contains(&byte))
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
    pub(super) fn classify(hosts: &[String]) -> Result<AltNames, X509Error> {
        let mut names = AltNames::default();
        for host in hosts {
            match San::classify(host) {
                San::Dns(name) => names.dns.push(name),
                San::Email(address) => names.email.push(address),
                San::Ip(IpAddr::V4(ip)) => names.ip.push(ip.octets().to_vec()),
                San::Ip(IpAddr::V6(ip)) => names.ip.push(ip.octets().to_vec()),
                San::Uri(uri) => names.uri.push(uri),
                San::Unusual(text) => return Err(X509Error::UnusualName(text)),
            }
        }
        Ok(names)
    }

    /// The extension that Go writes for these names, or none if there are none.
    pub(super) fn to_extension(&self, critical: bool) -> Result<Option<Extension>, X509Error> {
        let mut texts = self.dns.iter().chain(&self.email).chain(&self.uri);
        if let Some(name) = texts.find(|name| !name.is_ascii()) {
            return Err(X509Error::NonAsciiName(name.clone()));
        }
        fn tagged(tag: u64, names: &[String]) -> impl Iterator<Item = (u64, &[u8])> {
            names.iter().map(move |name| (tag, name.as_bytes()))
        }
        let names: Vec<(u64, &[u8])> = tagged(DNS_TAG, &self.dns)
            .chain(tagged(EMAIL_TAG, &self.email))
            .chain(self.ip.iter().map(|ip| (IP_TAG, short_ip(ip))))
            .chain(tagged(URI_TAG, &self.uri))
            .collect();
        if names.is_empty() {
            return Ok(None);
        }
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
                URI_TAG => match ascii()? {
                    uri if is_plain_uri(&uri) => names.uri.push(uri),
                    uri => return Err(X509Error::UnusualName(uri)),
                },
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
            ("b+c@x.y", email("b+c@x.y")),
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
            ("https://a.b:443/c?d=e", uri("https://a.b:443/c?d=e")),
            ("file:///etc/x", uri("file:///etc/x")),
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
    fn what_is_not_written_plainly_is_refused() {
        for host in [
            "Bob <b@x.y>",
            "\"quoted local\"@x.y",
            "a@[::1]",
            "q@r (comment)",
            "g: x@y.z;",
            "=?utf-8?q?n?= <m@n.o>",
            "u@v.",
            "w@x ",
            "a@bücher.example",
            "HTTP://a/",
            "http://u@h/",
            "http://a/%7Eb",
            "http://a/b#c",
            "http://[::1]/",
            "//host/x",
            "fe80::1%eth0",
            "spiffe://td./x",
            "urn:bücher",
        ] {
            assert_eq!(San::classify(host), San::Unusual(host.to_owned()), "{host:?}");
            let refused = X509Error::UnusualName(host.to_owned());
            assert_eq!(AltNames::classify(&[host.to_owned()]), Err(refused));
        }
    }

    #[test]
    fn names_are_read_back_from_what_was_written() {
        let hosts = ["b.c", "1.2.3.4", "fd00::1", "a@b.c", "x://y/z", "a.b"].map(str::to_owned);
        let names = AltNames::classify(&hosts).unwrap();
        let extension = names.to_extension(false).unwrap().unwrap();
        assert_eq!(AltNames::from_extension(&extension.value), Ok(names));
    }

    #[test]
    fn a_uri_in_an_extension_is_written_plainly_too() {
        let names = AltNames {
            uri: vec!["x:y#z".to_owned()],
            ..AltNames::default()
        };
        let extension = names.to_extension(false).unwrap().unwrap();
        let refused = X509Error::UnusualName("x:y#z".to_owned());
        assert_eq!(AltNames::from_extension(&extension.value), Err(refused));
    }

    #[test]
    fn only_ascii_can_be_written() {
        let host = "bücher.example".to_owned();
        let names = AltNames::classify(std::slice::from_ref(&host)).unwrap();
        assert_eq!(names.to_extension(false), Err(X509Error::NonAsciiName(host)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_some_kind_of_name(host in "\\PC*|[a-z0-9.:/@<>%\\[\\]\"?#=() ]{0,24}") {
            San::classify(&host);
        }
    }
}
