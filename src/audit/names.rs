//! Addresses as files name them: URLs, and hosts with their ports; and what can be a name at all.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// A scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    pub scheme: String,
    pub host: String,
    pub port: Option<u16>,
}

impl Url {
    /// Reads `https://host:port`; none if it is no such thing.
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = host_and_port(authority)?;
        Some(Url {
            scheme: scheme.to_owned(),
            host,
            port,
        })
    }
}

/// A host and a port as a URL has them: an address of IPv6 in brackets.
pub(crate) fn with_port(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// `10.0.0.1:6443`, `[::1]:6443`, `name`; the address in its one canonical form.
pub fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        (host, rest.strip_prefix(':'))
    } else if text.parse::<IpAddr>().is_ok() {
        (text, None)
    } else {
        text.rsplit_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)))
    };
    if is_placeholder(host) || host.is_empty() || host.contains([':', '@']) && host.parse::<IpAddr>().is_err() {
        return None;
    }
    Some((canonical(host), port.map(str::parse).transpose().ok()?))
}

/// Whether a template or a shell should have put something else there: `{{IP}}`, `${IP}`, `<ip>`.
pub fn is_placeholder(host: &str) -> bool {
    host.contains(['{', '}', '$', '<', '>', '(', ')'])
}

/// An address in its shortest form, a name in lower case.
pub fn canonical(host: &str) -> String {
    host.parse::<IpAddr>()
        .map_or_else(|_| host.to_ascii_lowercase(), |ip| ip.to_string())
}

/// Whether it is the machine itself.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The first address of a range of services, which is the API server's own.
pub fn first_of(range: &str) -> Option<IpAddr> {
    match range.parse::<IpNet>().ok()? {
        IpNet::V4(net) => Some(IpAddr::from((u32::from(net.network()).checked_add(1)?).to_be_bytes())),
        IpNet::V6(net) => Some(IpAddr::from((u128::from(net.network()).checked_add(1)?).to_be_bytes())),
    }
}

/// What people write in the place of `kubernetes.default.svc.DOMAIN`.
const MISSPELT: [&str; 3] = ["kubernetes.svc.", "kubernete.", "kubernetes.default.scv"];

/// Why no client ever asks for a DNS name of a certificate; none if one may.
pub fn why_nobody_asks_for(name: &str) -> Option<String> {
    if !is_dns_name(name) {
        return Some(format!("no client ever asks for {name:?}"));
    }
    let is_misspelt = MISSPELT.iter().any(|start| name.starts_with(start));
    is_misspelt.then(|| format!("{name:?} is no name of the API server's service"))
}

/// Whether a text can be a DNS name that something asks for; an address, a range or a port in it can't.
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_of_label)
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_form() {
        let url = |text| Url::parse(text).map(|url| (url.host, url.port));
        assert_eq!(url("https://10.0.0.1:2379"), Some(("10.0.0.1".to_owned(), Some(2379))));
        assert_eq!(
            url("https://[fd00:0::1]:6443/"),
            Some(("fd00::1".to_owned(), Some(6443)))
        );
        assert_eq!(
            url("https://K8s.example.org"),
            Some(("k8s.example.org".to_owned(), None))
        );
        assert_eq!(url("10.0.0.1:6443"), None);
        assert_eq!(url("https://10.0.0.1:x"), None);
        assert_eq!(first_of("10.32.0.0/24"), "10.32.0.1".parse().ok());
        assert_eq!(first_of("fd00::/112"), "fd00::1".parse().ok());
    }
}
