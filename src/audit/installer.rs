//! Scripts that khw-gen brings and root runs: whether their text is the known one, but for what differs by host.

use super::spot::Spot;
use super::view::View;
use crate::diagnostic::verify_codes as codes;
use crate::found::FoundNode;
use crate::pki::digest::sha256_hex;

/// What install.sh has of its host, in lines `NAME='VALUE'` at its top.
const VARIES: [&str; 7] = [
    "cluster",
    "units",
    "not_before",
    "not_after",
    "load_balancer",
    "keepalived",
    "runtime",
];
/// No line of a host's own is below this one.
const TOP: usize = 40;

/// SHA-256 of install.sh without what its host has, and of the script for routes. Whoever changes a script puts its digest here:
/// tests/verify.rs says so.
const INSTALLER: &str = "976dedc2b1f5afe9858f2f21174a740e7f9d171a3f6d62d1b21436396befb654";
const ROUTES: (&str, &str) = (
    "/etc/kubernetes/pod-routes.sh",
    "0452a799ca9c47a922642a6a19660e4ba32639cfa2a1955efda0cb719c4d079e",
);

pub(crate) fn check(view: &View<'_>) {
    for host in view.hosts.iter().filter(|host| host.host.is_bundle()) {
        let report = |path| {
            let message = "it is not as this khw-gen writes it";
            Spot { view, host, path }.report(codes::UNKNOWN_INSTALLER, message);
        };
        if let Some(FoundNode::File { content, .. }) = host.host.beside.get("install.sh")
            && std::str::from_utf8(content.expose())
                .map_or(true, |text| sha256_hex(of_any_host(text).as_bytes()) != INSTALLER)
        {
            report("install.sh");
        }
        let (path, digest) = ROUTES;
        if host.digest(path).is_some_and(|found| found != digest) {
            report(path);
        }
    }
}

/// The text without what differs by host. A value that a shell would do something with stays.
fn of_any_host(text: &str) -> String {
    let is_value = |value: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || " ._-".contains(c));
    let lines = text.split('\n').enumerate().map(|(at, line)| {
        let assigned = line
            .strip_suffix('\'')
            .and_then(|line| line.split_once("='"))
            .filter(|_| at < TOP);
        match assigned.filter(|(name, value)| VARIES.contains(name) && is_value(value)) {
            Some((name, _)) => format!("{name}=''"),
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
