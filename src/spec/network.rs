//! Whether the address ranges fit together and fit the hosts.
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Role, node_prefix};
use crate::diagnostic::codes;
use crate::diagnostic::{Diagnostic, Diagnostics};

use super::cluster_file::Draft;
use super::tree::At;

/// Everything that can be wrong with the network.
pub fn check(draft: &Draft, diagnostics: &mut Diagnostics) {
    services_size(draft, diagnostics);
    pods_size(draft, diagnostics);
    dns_address(draft, diagnostics);
    if families(draft, diagnostics) {
        overlaps(draft, diagnostics);
    }
}

/// The cluster DNS address: as given, else the tenth of the services range.
pub fn dns(draft: &Draft) -> Option<At<IpAddr>> {
    match (draft.dns.as_ref()?, draft.services.as_ref()?) {
        (Some(dns), _) => Some(dns.clone()),
        (None, services) => nth(&services.value, 10).map(At::default_value),
    }
}

/// The `n`th address after the first of `range`, if the range has it.
pub fn nth(range: &IpNet, n: u32) -> Option<IpAddr> {
    let address = match range.network() {
        IpAddr::V4(first) => IpAddr::V4(u32::from(first).checked_add(n)?.into()),
        IpAddr::V6(first) => IpAddr::V6(u128::from(first).checked_add(n.into())?.into()),
    };
    range.contains(&address).then_some(address)
}

fn is_v6(range: &IpNet) -> bool {
    matches!(range, IpNet::V6(_))
}

/// Kubernetes takes the first address for the API server and refuses a range of more than 20 bits
/// (kube-apiserver, validateClusterIPFlags).
fn services_size(draft: &Draft, diagnostics: &mut Diagnostics) {
    let Some(services) = &draft.services else { return };
    let (largest, smallest) = if is_v6(&services.value) { (108, 124) } else { (12, 28) };
    let prefix = services.value.prefix_len();
    let size = if prefix < largest { "large" } else { "small" };
    if !(largest..=smallest).contains(&prefix) {
        let message = format!("the services range {} is too {size}", services.value);
        let hint = format!("choose a prefix length from /{largest} to /{smallest}");
        diagnostics.report(
            Diagnostic::new(codes::SERVICES_SIZE, message)
                .at(services.place.clone())
                .hint(hint),
        );
    }
}

/// The controller manager cuts node ranges of a fixed size out of the pods range, 16 bits at most
/// (pkg/controller/nodeipam/ipam/cidrset).
fn pods_size(draft: &Draft, diagnostics: &mut Diagnostics) {
    let Some(pods) = &draft.pods else { return };
    let node = node_prefix(&pods.value);
    let (largest, prefix) = (node - 16, pods.value.prefix_len());
    let workers = draft.hosts.iter().filter(|host| host.is(Role::Worker)).count();
    let has = if prefix > node {
        0
    } else {
        1_usize << (node - prefix).min(16)
    };
    let problem = if prefix < largest {
        Some(format!(
            "the pods range {} is too large: the controller manager cuts a /{node} out of at most a /{largest}",
            pods.value
        ))
    } else if has < workers.max(1) {
        Some(format!(
            "the pods range {} holds {has} of the /{node} ranges that workers take, one each; workers: {workers}",
            pods.value
        ))
    } else {
        None
    };
    if let Some(message) = problem {
        let hint = if prefix < largest {
            "choose a smaller range"
        } else {
            "choose a larger range"
        };
        diagnostics.report(
            Diagnostic::new(codes::PODS_SIZE, message)
                .at(pods.place.clone())
                .hint(hint),
        );
    }
}

fn dns_address(draft: &Draft, diagnostics: &mut Diagnostics) {
    let (Some(Some(dns)), Some(services)) = (&draft.dns, &draft.services) else {
        return;
    };
    let (address, range) = (dns.value, &services.value);
    if address.is_ipv4() == is_v6(range) {
        return;
    }
    let problem = if !range.contains(&address) {
        "lies outside of it"
    } else if address == range.network() {
        "is the range's own address, which no service can have"
    } else if Some(address) == nth(range, 1) {
        "is its first address, which the API server's service has"
    } else if address == range.broadcast() && !is_v6(range) {
        "is its last address, which no service can have"
    } else {
        return;
    };
    let message = format!("the services range is {range}, and the DNS address {address} {problem}");
    let mut diagnostic = Diagnostic::new(codes::DNS_ADDRESS, message).at(dns.place.clone());
    if let Some(usual) = nth(range, 10) {
        diagnostic = diagnostic.hint(format!("write {usual}, or leave it out"));
    }
    diagnostics.report(diagnostic);
}

/// Whether all addresses are of the family of the services range.
fn families(draft: &Draft, diagnostics: &mut Diagnostics) -> bool {
    let Some(services) = &draft.services else { return false };
    let expected = if is_v6(&services.value) { "IPv6" } else { "IPv4" };
    let mut one = true;
    let mut differs = |what: &str, place| {
        one = false;
        let message = format!("{what} is not of the family of the services range, {expected}");
        diagnostics.report(Diagnostic::new(codes::MIXED_FAMILIES, message).at(place));
    };
    if let Some(pods) = &draft.pods
        && is_v6(&pods.value) != is_v6(&services.value)
    {
        differs(&format!("the pods range {}", pods.value), pods.place.clone());
    }
    if let Some(Some(dns)) = &draft.dns
        && dns.value.is_ipv6() != is_v6(&services.value)
    {
        differs(&format!("the DNS address {}", dns.value), dns.place.clone());
    }
    for ip in draft.hosts.iter().filter_map(|host| host.ip.as_ref()) {
        if ip.value.is_ipv6() != is_v6(&services.value) {
            differs(&format!("the address {}", ip.value), ip.place.clone());
        }
    }
    if let Some(Some(endpoint)) = &draft.endpoint
        && endpoint
            .value
            .host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv6() != is_v6(&services.value))
    {
        differs(&format!("the endpoint {}", endpoint.value.host), endpoint.place.clone());
    }
    one
}

fn overlaps(draft: &Draft, diagnostics: &mut Diagnostics) {
    let (services, pods) = (draft.services.as_ref(), draft.pods.as_ref());
    if let (Some(services), Some(pods)) = (services, pods) {
        let (a, b) = (&services.value, &pods.value);
        if a.contains(b) || b.contains(a) {
            let message = format!("the services range {a} and the pods range {b} overlap");
            let place = pods.place.clone().or_else(|| services.place.clone());
            diagnostics.report(Diagnostic::new(codes::OVERLAPPING_RANGES, message).at(place));
        }
    }
    let ranges = [("services", services), ("pods", pods)];
    let endpoint = draft
        .endpoint
        .iter()
        .flatten()
        .filter_map(|at| at.value.host.parse().ok().map(|ip: IpAddr| at.with(ip)));
    let addresses = draft.hosts.iter().filter_map(|host| host.ip.clone()).chain(endpoint);
    for ip in addresses {
        for (name, range) in ranges {
            if let Some(range) = range.filter(|range| range.value.contains(&ip.value)) {
                let message = format!("the address {} lies in the {name} range {}", ip.value, range.value);
                diagnostics.report(Diagnostic::new(codes::OVERLAPPING_RANGES, message).at(ip.place.clone()));
            }
        }
    }
}
