//! What may be the name of a host, a domain or a cluster.
//!
//! The character sets are strict because the names stand unquoted in units, nginx files, YAML and paths.
use std::net::IpAddr;

/// Linux keeps host names in 64 bytes with the final zero, and Kubernetes keeps node names in labels of 63 characters.
pub const LONGEST_HOST_NAME: usize = 63;
/// RFC 1035, section 2.3.4.
pub const LONGEST_NAME: usize = 253;
/// RFC 1035, section 2.3.4, less the room for `kubernetes.default.svc.` before it.
pub const LONGEST_DOMAIN: usize = 200;

/// Why `name` is no RFC 1123 name in lower case of at most `longest` characters, or none if it is one.
pub fn dns_name_problem(name: &str, longest: usize) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > longest {
        return Some(format!(
            "it has {} characters, more than {longest}",
            name.chars().count()
        ));
    }
    if let Some(c) = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')))
    {
        return Some(match c {
            'A'..='Z' => format!("`{c}` is a capital letter"),
            ' ' => "it has a space".to_owned(),
            _ => format!("`{c}` is not permitted"),
        });
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Some("a label is empty: a dot stands at the beginning, at the end or beside another".to_owned());
        }
        if label.len() > 63 {
            return Some("a label has more than 63 characters".to_owned());
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some(format!("the label `{label}` begins or ends with a hyphen"));
        }
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if name.parse::<IpAddr>().is_ok() || (name.contains('.') && last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some("it looks like an address".to_owned());
    }
    None
}

/// Whether `name` can be a cluster's: 1 to 63 of `a-z A-Z 0-9 - . _`, a letter or digit at both ends.
pub fn is_cluster_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= 63
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        && ends(name.chars().next())
        && ends(name.chars().next_back())
}

/// Why a certificate's DNS name would never match, or none if it is a name, perhaps with a wildcard as first label.
pub fn certificate_name_problem(name: &str) -> Option<String> {
    let plain = name.strip_prefix("*.").unwrap_or(name);
    if name.parse::<ipnet::IpNet>().is_ok() {
        return Some("it is an address range; list the addresses".to_owned());
    }
    if name.trim() != name || name.contains(char::is_whitespace) {
        return Some("it has a space".to_owned());
    }
    if name.contains(',') {
        return Some("it has a comma; write one entry for each name".to_owned());
    }
    if !name.is_ascii() {
        return Some("it is not ASCII; write the name's punycode form (xn--...)".to_owned());
    }
    if let Some((host, port)) = plain.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(format!(
            "it has a port; write `{}`",
            host.trim_start_matches('[').trim_end_matches(']')
        ));
    }
    if plain.ends_with('.') && plain.len() > 1 {
        return Some(format!("it ends with a dot; write `{}`", name.trim_end_matches('.')));
    }
    if plain.contains('.') && plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Some("it is no valid address, perhaps for leading zeros".to_owned());
    }
    // Underscores are no part of host names, but Go's and OpenSSL's verifiers take them.
    dns_name_problem(&plain.to_ascii_lowercase().replace('_', "a"), LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_rfc_1123() {
        for good in ["a", "node1", "1", "n-1.example.org", "0x", &"a".repeat(63)] {
            assert_eq!(dns_name_problem(good, LONGEST_HOST_NAME), None, "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "A",
            "a/b",
            "../a",
            "a b",
            "a\n",
            "ä",
            "10.0.0.1",
            "1.2",
            &"a".repeat(64),
        ] {
            assert!(dns_name_problem(bad, LONGEST_HOST_NAME).is_some(), "{bad}");
        }
    }

    #[test]
    fn certificate_names_are_those_a_client_can_match() {
        for good in [
            "a",
            "*.example.org",
            "kubernetes.default",
            "UPPER.case",
            "_srv.example.org",
        ] {
            assert_eq!(certificate_name_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/24",
            "10.0.0.1:6443",
            " 10.0.0.1",
            "010.0.0.1",
            "bad host",
            "svc.",
            "a,b",
            "ä.example",
            "*",
            "a.*.b",
            "[::1]:6443",
        ] {
            assert!(certificate_name_problem(bad).is_some(), "{bad}");
        }
    }
}
