//! NO_PROXY, as Go reads it: <https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config>.

use std::net::IpAddr;

use ipnet::IpNet;

/// What is called without a proxy.
#[derive(Debug, Default)]
pub struct NoProxy {
    /// Everything is.
    all: bool,
    ranges: Vec<IpNet>,
    /// Names and addresses that are excepted at one port alone.
    at_port: Vec<(String, u16)>,
    /// With a dot in front, and whether the name without it counts too.
    domains: Vec<(String, bool)>,
}

impl NoProxy {
    /// Reads the variable.
    pub fn parse(text: &str) -> NoProxy {
        let mut no_proxy = NoProxy::default();
        for entry in text.split(',').map(|entry| entry.trim().to_ascii_lowercase()) {
            let address = entry.trim_start_matches('[').trim_end_matches(']');
            let at_port = entry.rsplit_once(':').and_then(|(host, port)| {
                let is_address = host.starts_with('[') && host.ends_with(']');
                let host = host.trim_start_matches('[').trim_end_matches(']');
                Some((host.to_owned(), port.parse().ok()?)).filter(|_| is_address || !host.contains(':'))
            });
            if entry == "*" {
                no_proxy.all = true;
            } else if let Ok(range) = entry.parse::<IpNet>() {
                no_proxy.ranges.push(range);
            } else if let Ok(ip) = address.parse::<IpAddr>() {
                no_proxy.ranges.push(ip.into());
            } else if let Some(at_port) = at_port {
                no_proxy.at_port.push(at_port);
            } else if !entry.is_empty() && !entry.contains([':', '/']) {
                let name = entry
                    .strip_prefix('*')
                    .filter(|rest| rest.starts_with('.'))
                    .unwrap_or(&entry);
                let (domain, itself) = match name.starts_with('.') {
                    true => (name.to_owned(), false),
                    false => (format!(".{name}"), true),
                };
                no_proxy.domains.push((domain, itself));
            }
        }
        no_proxy
    }

    /// Whether a name or an address is called at that port without a proxy. The host itself always is.
    pub fn covers_at(&self, host: &str, port: u16) -> bool {
        let is_excepted = |(own, of): &(String, u16)| own.eq_ignore_ascii_case(host) && *of == port;
        self.covers(host) || self.at_port.iter().any(is_excepted)
    }

    /// Whether a name or an address is called at every port without a proxy.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || self.covers_range(ip.into()),
            Err(_) => {
                let is_below = |(domain, itself): &(String, bool)| {
                    host.ends_with(domain.as_str()) || *itself && domain.get(1..) == Some(host.as_str())
                };
                self.all || host == "localhost" || self.domains.iter().any(is_below)
            }
        }
    }

    /// Whether every address of a range is called without a proxy, by one entry or by several together.
    pub fn covers_range(&self, range: IpNet) -> bool {
        if self.all || self.ranges.iter().any(|own| own.contains(&range)) {
            return true;
        }
        let has_parts = self.ranges.iter().any(|own| range.contains(own));
        let halves = range.subnets(range.prefix_len() + 1).ok().filter(|_| has_parts);
        halves.is_some_and(|mut halves| halves.all(|half| self.covers_range(half)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_go_reads_them() {
        for (text, host, expected) in [
            ("", "10.0.0.1", false),
            ("", "127.0.0.1", true),
            ("", "::1", true),
            ("", "localhost", true),
            ("*", "10.0.0.1", true),
            ("*", "a.example", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.9/8", "10.1.2.3", true),
            ("11.0.0.0/8, 10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:6443", "10.1.2.3", false),
            ("10.", "10.1.2.3", false),
            ("[fd00::1]", "fd00::1", true),
            ("fd00::/64", "fd00::1", true),
            ("foo.com", "foo.com", true),
            ("foo.com", "bar.FOO.com", true),
            ("foo.com", "xfoo.com", false),
            (".y.com", "x.y.com", true),
            (".y.com", "y.com", false),
            ("*.y.com", "x.y.com", true),
            ("*.y.com", "y.com", false),
            ("*y.com", "x.y.com", false),
            (".svc", "service.namespace.svc", true),
            (".svc.cluster.local", "service.namespace.svc", false),
        ] {
            assert_eq!(NoProxy::parse(text).covers(host), expected, "{text:?} {host}");
        }
    }

    #[test]
    fn an_entry_with_a_port_excepts_that_port() {
        let covers = |text: &str, host: &str| NoProxy::parse(text).covers_at(host, 6443);
        assert!(covers("10.1.2.3:6443", "10.1.2.3") && !covers("10.1.2.3:443", "10.1.2.3"));
        assert!(covers("[fd00::1]:6443", "fd00::1") && !covers("fd00::1:6443", "fd00::1"));
        assert!(covers("api.Example:6443", "api.example") && covers("10.0.0.0/8", "10.1.2.3"));
    }

    #[test]
    fn a_range_is_covered_by_its_parts() {
        let covers = |text: &str, range: &str| NoProxy::parse(text).covers_range(range.parse().unwrap());
        assert!(covers("10.0.0.0/25,10.0.0.128/25", "10.0.0.0/24"));
        assert!(!covers("10.0.0.0/25,10.0.0.128/26", "10.0.0.0/24"));
        assert!(!covers("10.0.0.1", "10.0.0.0/8") && covers("10.0.0.0/8", "10.9.0.0/16"));
        assert!(!covers("0.0.0.0/0", "fd00::/8") && covers("::/0", "fd00::/8"));
    }
}
