//! Readers of one value each: what it must be by itself, wherever it stands.
use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::catalog::tables::components::API_SERVER_PORT;
use crate::cluster::Endpoint;
use crate::diagnostic::{Code, JustReported, Reporter, codes};

use super::names::{self, LONGEST_NAME};
use super::tree::At;

/// Reports that a text can't be `what`, and why.
pub fn cant_be<'a>(
    text: &At<String>,
    what: &str,
    problem: impl Display,
    code: &'static Code,
    say: &'a Reporter,
) -> JustReported<'a> {
    say.at(text, code, format!("\"{}\" can't be {what}: {problem}", text.value))
}

/// The text, unless it has a `problem` for which it can't be `what`: that is reported.
pub fn unless(
    problem: Option<String>,
    text: At<String>,
    what: &str,
    code: &'static Code,
    say: &Reporter,
) -> Option<At<String>> {
    let Some(problem) = problem else { return Some(text) };
    cant_be(&text, what, problem, code, say);
    None
}

/// A path that is not empty.
pub fn path_name(path: At<String>, say: &Reporter) -> Option<At<String>> {
    if !path.value.is_empty() {
        return Some(path);
    }
    say.at(path.place, codes::BAD_PATH, "the path is empty");
    None
}

/// Who reads archives takes 1024 characters and 32 components (`src/found/unpack.rs`), and before these stand a host's name and a folder.
const LONGEST_PLACE: usize = 700;
const DEEPEST_PLACE: usize = 30;

/// A path that every tool on the way to the host reads the same way.
pub fn path_on_host(path: At<String>, say: &Reporter) -> Option<At<String>> {
    let text = &path.value;
    let strange = text.chars().find(|c| !c.is_ascii_graphic() || "\"'`\\".contains(*c));
    let component = |component: &str| match component {
        "" => Some("a component is empty"),
        "." | ".." => Some("a component is `.` or `..`"),
        _ if component.len() > 255 => Some("a component has more than 255 characters"),
        _ => None,
    };
    let problem = match (text.strip_prefix('/'), strange) {
        (None, _) => Some("it does not begin with a slash".to_owned()),
        (_, Some(' ')) => Some("it has a space".to_owned()),
        (_, Some(c)) => Some(format!("`{c}` is not permitted")),
        _ if text.len() > LONGEST_PLACE => Some(format!("it has more than {LONGEST_PLACE} characters")),
        (Some(below), None) if below.split('/').count() > DEEPEST_PLACE => {
            Some(format!("it has more than {DEEPEST_PLACE} components"))
        }
        (Some(below), None) => below.split('/').find_map(component).map(str::to_owned),
    };
    unless(problem, path, "a path on a host", codes::BAD_PLACE_PATH, say)
}

/// A path at which a file can be put for good.
pub fn place_on_host(path: At<String>, say: &Reporter) -> Option<At<String>> {
    let path = path_on_host(path, say)?;
    let first = path.value.split('/').nth(1).unwrap_or_default();
    let problem = ["dev", "proc", "sys"]
        .contains(&first)
        .then(|| format!("what is in /{first} the kernel makes"));
    unless(problem, path, "a path on a host", codes::BAD_PLACE_PATH, say)
}

/// The mode of a key: its owner reads it, its group may, and nobody else does anything with it but the owner who may write.
pub fn key_mode(mode: At<String>, say: &Reporter) -> Option<u32> {
    let problem = match octal(&mode.value) {
        None => NOT_OCTAL,
        Some(bits) if bits & 0o007 != 0 => "others could read the key, or do more",
        Some(bits) if bits & 0o400 == 0 => "its owner could not read the key",
        Some(bits) if bits & !0o640 != 0 => "a key is neither run nor written by its group",
        Some(bits) => return Some(bits),
    };
    cant_be(&mode, "a key's mode", problem, codes::BAD_MODE, say);
    None
}

/// The mode of a file that holds no secret of khw-gen's: its owner reads it, and not everybody may write it.
pub fn file_mode(mode: At<String>, say: &Reporter) -> Option<u32> {
    let problem = match octal(&mode.value) {
        None => NOT_OCTAL,
        Some(bits) if bits & !0o777 != 0 => "files of other users' rights are not put on hosts",
        Some(bits) if bits & 0o002 != 0 => "everybody could write the file",
        Some(bits) if bits & 0o400 == 0 => "its owner could not read the file",
        Some(bits) => return Some(bits),
    };
    cant_be(&mode, "a file's mode", problem, codes::BAD_FILE_MODE, say);
    None
}

const NOT_OCTAL: &str = "it is no octal number of three or four digits";

fn octal(text: &str) -> Option<u32> {
    let is_octal = matches!(text.len(), 3 | 4) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    u32::from_str_radix(text, 8).ok().filter(|_| is_octal)
}

/// A host's name or address, perhaps with a port.
pub fn endpoint(text: At<String>, say: &Reporter) -> Option<At<Endpoint>> {
    match parse_endpoint(&text.value) {
        Ok(endpoint) => Some(text.with(endpoint)),
        Err(problem) => {
            cant_be(&text, "the endpoint", problem, codes::BAD_ENDPOINT, say);
            None
        }
    }
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    let address = |host: &str| host.parse::<IpAddr>().ok();
    if let Some((_, rest)) = text.split_once("://") {
        return Err(format!("it is a URL; write `{}`", rest.trim_end_matches('/')));
    }
    let (host, port) = if address(text).is_some() {
        (text, None)
    } else if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        if !address(host).is_some_and(|address| address.is_ipv6()) {
            return Err("brackets are for an IPv6 address".to_owned());
        }
        match rest {
            "" => (host, None),
            rest => (
                host,
                Some(rest.strip_prefix(':').ok_or("a port was expected after the bracket")?),
            ),
        }
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let port = match port {
        None => API_SERVER_PORT,
        Some(port) => {
            let number = port
                .parse::<u16>()
                .ok()
                .filter(|number| *number > 0 && number.to_string() == port);
            number.ok_or_else(|| format!("\"{port}\" is no port"))?
        }
    };
    if let Some(address) = address(host) {
        if let Some(problem) = address_problem(address) {
            return Err(problem.to_owned());
        }
        return Ok(Endpoint {
            host: address.to_string(),
            port,
        });
    }
    match names::dns_name_problem(host, LONGEST_NAME) {
        Some(problem) => Err(problem),
        None => Ok(Endpoint {
            host: host.to_owned(),
            port,
        }),
    }
}

/// A range in which other hosts can be reached.
pub fn range(text: At<String>, say: &Reporter) -> Option<At<IpNet>> {
    let Ok(range) = text.value.parse::<IpNet>() else {
        let message = format!("\"{}\" is no address range", text.value);
        say.at(text.place, codes::BAD_RANGE, message);
        return None;
    };
    if range.trunc() != range {
        let message = format!("{range} has host bits set");
        say.at(text.place, codes::HOST_BITS, message)
            .hint(format!("write {}", range.trunc()));
        return None;
    }
    if let Some(problem) = address_problem(range.network()).filter(|_| range.prefix_len() > 0) {
        let message = format!("{range} can't be used: {problem}");
        say.at(text.place, codes::BAD_RANGE, message)
            .hint("choose a private range (RFC 1918 or RFC 4193)");
        return None;
    }
    Some(text.with(range))
}

/// An address at which other hosts can be reached.
pub fn address(text: At<String>, say: &Reporter) -> Option<At<IpAddr>> {
    let problem = match text.value.parse::<IpAddr>() {
        Ok(address) => match address_problem(address) {
            None => return Some(text.with(address)),
            Some(problem) => format!("{address} can't be used: {problem}"),
        },
        Err(_) => format!("\"{}\" is no address", text.value),
    };
    say.at(text.place, codes::BAD_ADDRESS, problem);
    None
}

/// Why other hosts can't reach `address`.
pub fn address_problem(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let this_network = matches!(address, IpAddr::V4(address) if address.octets()[0] == 0);
    let reserved = matches!(address, IpAddr::V4(address) if address.octets()[0] >= 240);
    let mapped = matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    match () {
        () if address.is_unspecified() || this_network => Some("it means no particular host"),
        () if address.is_loopback() => Some("it is a loopback address"),
        () if address.is_multicast() => Some("it is a multicast address"),
        () if link_local => Some("it is a link-local address"),
        () if reserved => Some("it is reserved"),
        () if mapped => Some("it is an IPv4 address in IPv6 form; write the IPv4 address"),
        () => None,
    }
}

/// The number of a port.
pub fn port_number(port: At<i64>, say: &Reporter) -> Option<At<u16>> {
    match u16::try_from(port.value).ok().filter(|number| *number > 0) {
        Some(number) => Some(port.with(number)),
        None => {
            say.at(port.place, codes::BAD_PORT, format!("{} is no port", port.value));
            None
        }
    }
}
