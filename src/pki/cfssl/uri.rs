//! URIs as Go's `net/url` (1.26) reads and writes them, since cfssl asks it what a host name is and writes what it says.
//!
//! The rules are Go's, not RFC 3986's: what is escaped, what is refused and what is normalised all differ in details that
//! show in certificates. Values are bytes because `%ff` in a host is one.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// A URI that Go accepts (`url.URL`), split into the parts that decide how it is written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uri {
    scheme: String,
    opaque: String,
    userinfo: Option<UserInfo>,
    host: Vec<u8>,
    path: Vec<u8>,
    raw_path: String,
    query: String,
    has_empty_query: bool,
    fragment: Vec<u8>,
    raw_fragment: String,
    omit_host: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// The part of a URI that bytes stand in; each has its own alphabet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    UserInfo,
    Fragment,
}

/// Where the text comes from: Go's `url.ParseRequestURI` or `url.Parse`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Request,
    Reference,
}

impl Uri {
    /// `url.ParseRequestURI`: an absolute URI or an absolute path, with `#` an ordinary character.
    pub(super) fn from_request(text: &str) -> Option<Uri> {
        Uri::parse(text, Source::Request)
    }

    /// `url.Parse`, which is what reads a URI back from a certificate.
    pub(super) fn from_reference(text: &str) -> Option<Uri> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut uri = Uri::parse(text, Source::Reference)?;
        uri.fragment = unescape(fragment, Part::Fragment)?;
        if escape(&uri.fragment, Part::Fragment) != fragment {
            uri.raw_fragment = fragment.to_owned();
        }
        Some(uri)
    }

    /// Whether Go reads a certificate with a URI of this host (`domainNameValid` in crypto/x509).
    pub(super) fn host_is_readable(&self) -> bool {
        self.host.is_empty()
            || self.host.iter().all(|byte| (33..=126).contains(byte))
                && self.host.split(|byte| *byte == b'.').all(|label| !label.is_empty())
    }

    fn parse(text: &str, source: Source) -> Option<Uri> {
        if text.bytes().any(|byte| byte.is_ascii_control()) || text.is_empty() && source == Source::Request {
            return None;
        }
        let mut uri = Uri::default();
        if text == "*" {
            uri.path = b"*".to_vec();
            return Some(uri);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        uri.scheme = scheme.to_ascii_lowercase();
        if rest.ends_with('?') && rest.matches('?').count() == 1 {
            uri.has_empty_query = true;
            rest = &rest[..rest.len() - 1];
        } else if let Some((before, query)) = rest.split_once('?') {
            (rest, uri.query) = (before, query.to_owned());
        }
        if !rest.starts_with('/') {
            if !uri.scheme.is_empty() {
                uri.opaque = rest.to_owned();
                return Some(uri);
            }
            let first_segment = rest.split('/').next().unwrap_or_default();
            if source == Source::Request || first_segment.contains(':') {
                return None;
            }
        }
        let may_have_authority = !uri.scheme.is_empty() || source == Source::Reference && !rest.starts_with("///");
        if let Some(authority) = rest.strip_prefix("//").filter(|_| may_have_authority) {
            let end = authority.find('/').unwrap_or(authority.len());
            (uri.userinfo, uri.host) = parse_authority(&uri.scheme, &authority[..end])?;
            rest = &authority[end..];
        } else if !uri.scheme.is_empty() && rest.starts_with('/') {
            uri.omit_host = true;
        }
        uri.path = unescape(rest, Part::Path)?;
        if escape(&uri.path, Part::Path) != rest {
            uri.raw_path = rest.to_owned();
        }
        Some(uri)
    }

    fn written_path(&self) -> Cow<'_, str> {
        let raw_is_faithful = || unescape(&self.raw_path, Part::Path).is_some_and(|path| path == self.path);
        if !self.raw_path.is_empty() && is_escaped(&self.raw_path, Part::Path) && raw_is_faithful() {
            Cow::Borrowed(&self.raw_path)
        } else if self.path == b"*" {
            // Go leaves it alone for the sake of HTTP's `OPTIONS *`.
            Cow::Borrowed("*")
        } else {
            Cow::Owned(escape(&self.path, Part::Path))
        }
    }

    fn written_fragment(&self) -> Cow<'_, str> {
        let raw_is_faithful = || unescape(&self.raw_fragment, Part::Fragment).is_some_and(|part| part == self.fragment);
        if !self.raw_fragment.is_empty() && is_escaped(&self.raw_fragment, Part::Fragment) && raw_is_faithful() {
            Cow::Borrowed(&self.raw_fragment)
        } else {
            Cow::Owned(escape(&self.fragment, Part::Fragment))
        }
    }
}

/// Go's `url.URL.String`.
impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if !self.opaque.is_empty() {
            text.push_str(&self.opaque);
        } else {
            let has_authority = !self.scheme.is_empty() || !self.host.is_empty() || self.userinfo.is_some();
            let omits_authority = self.omit_host && self.host.is_empty() && self.userinfo.is_none();
            if has_authority && !omits_authority {
                if !self.host.is_empty() || !self.path.is_empty() || self.userinfo.is_some() {
                    text.push_str("//");
                }
                if let Some(userinfo) = &self.userinfo {
                    text.push_str(&escape(&userinfo.name, Part::UserInfo));
                    if let Some(password) = &userinfo.password {
                        text.push(':');
                        text.push_str(&escape(password, Part::UserInfo));
                    }
                    text.push('@');
                }
                text.push_str(&escape(&self.host, Part::Host));
            }
            let path = self.written_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                text.push('/');
            }
            if text.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
                text.push_str("./");
            }
            text.push_str(&path);
        }
        if self.has_empty_query || !self.query.is_empty() {
            text.push('?');
            text.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            text.push('#');
            text.push_str(&self.written_fragment());
        }
        f.write_str(&text)
    }
}

/// The scheme, empty if there is none, and what follows its colon; none if there is a colon and no scheme before it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return None,
            b':' => return Some((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn parse_authority(scheme: &str, authority: &str) -> Option<(Option<UserInfo>, Vec<u8>)> {
    let Some((userinfo, host)) = authority.rsplit_once('@') else {
        return Some((None, parse_host(scheme, authority)?));
    };
    let host = parse_host(scheme, host)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !userinfo.bytes().all(is_allowed) {
        return None;
    }
    let userinfo = match userinfo.split_once(':') {
        None => UserInfo {
            name: unescape(userinfo, Part::UserInfo)?,
            password: None,
        },
        Some((name, password)) => UserInfo {
            name: unescape(name, Part::UserInfo)?,
            password: Some(unescape(password, Part::UserInfo)?),
        },
    };
    Some((Some(userinfo), host))
}

fn parse_host(scheme: &str, host: &str) -> Option<Vec<u8>> {
    match host.rfind('[') {
        Some(0) => return parse_bracketed_host(host),
        Some(_) => return None,
        None => {}
    }
    if let Some(first_colon) = host.find(':') {
        // Database drivers write several `host:port` in one URI; Go allows that, except for HTTP.
        let port = if scheme == "http" || scheme == "https" {
            first_colon
        } else {
            host.rfind(':')?
        };
        if !is_optional_port(&host[port..]) {
            return None;
        }
    }
    unescape(host, Part::Host)
}

fn parse_bracketed_host(host: &str) -> Option<Vec<u8>> {
    let end = host.rfind(']')?;
    let (address, port) = (&host[1..end], &host[end + 1..]);
    if !is_optional_port(port) {
        return None;
    }
    let address = match address.find("%25") {
        Some(zone) => [
            unescape(&address[..zone], Part::Host)?,
            unescape(&address[zone..], Part::Zone)?,
        ]
        .concat(),
        None => unescape(address, Part::Host)?,
    };
    let before_zone = address.split(|byte| *byte == b'%').next().unwrap_or_default();
    let has_empty_zone = address.ends_with(b"%") && before_zone.len() + 1 == address.len();
    // A `.` before any `:` makes Go read an IPv4 address, which must not stand in brackets.
    std::str::from_utf8(before_zone)
        .ok()?
        .parse::<Ipv6Addr>()
        .ok()
        .filter(|_| !has_empty_zone)?;
    Some([b"[".as_slice(), &address, b"]", port.as_bytes()].concat())
}

fn is_optional_port(port: &str) -> bool {
    port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The bytes that `text` stands for, or none if a `%` escape is broken or the part doesn't allow what is there.
fn unescape(text: &str, part: Part) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        let byte = text[index];
        if byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && must_escape(byte, part) {
                return None;
            }
            bytes.push(byte);
            index += 1;
            continue;
        }
        let digit = |offset: usize| text.get(index + offset).and_then(|digit| (*digit as char).to_digit(16));
        let value = (digit(1)? << 4 | digit(2)?) as u8;
        let is_escaped_percent = value == b'%';
        let is_allowed = match part {
            // RFC 3986 lets a host escape only what isn't ASCII; RFC 6874 adds the percent sign of a zone.
            Part::Host => !value.is_ascii() || is_escaped_percent,
            Part::Zone => is_escaped_percent || value == b' ' || !must_escape(value, Part::Host),
            Part::Path | Part::UserInfo | Part::Fragment => true,
        };
        if !is_allowed {
            return None;
        }
        bytes.push(value);
        index += 3;
    }
    Some(bytes)
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if must_escape(byte, part) {
            text.push_str(&format!("%{byte:02X}"));
        } else {
            text.push(byte as char);
        }
    }
    text
}

/// Whether `text` needs no further escaping (Go `validEncoded`, which is more generous than [`must_escape`]).
fn is_escaped(text: &str, part: Part) -> bool {
    text.bytes()
        .all(|byte| b"!$&'()*+,;=:@[]%".contains(&byte) || !must_escape(byte, part))
}

/// Go's table (`shouldEscape` in net/url/gen_encoding_table.go).
fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let unescaped: &[u8] = match part {
        Part::Path => b"$&+,/:;=@",
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::UserInfo => b"$&+,;=",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !unescaped.contains(&byte)
}
