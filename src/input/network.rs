//! Whether the address ranges fit together and fit the hosts.
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Families, Role, node_prefix};
use crate::diagnostic::{Place, Reporter, codes};

use super::draft::{Draft, DraftHost};
use super::families::{AtFamilies as _, OfFamily, family_name};
use super::load_balancer::virtual_ips;
use super::tree::At;

/// Everything that can be wrong with the network.
pub fn check(draft: &Draft, say: &Reporter) {
    services_size(draft, say);
    pods_size(draft, say);
    dns_address(draft, say);
    // Kubernetes 1.20 has it behind a feature gate, 1.21 has it on; earlier ones take one range.
    let release = draft.release.as_ref();
    let release_offers_dual_stack = release.is_none_or(|release| release.release.dual_stack);
    dual_stack(draft, release_offers_dual_stack, say);
    if families(draft, say) {
        overlaps(draft, say);
    }
}

/// The cluster DNS address: as given, else the tenth of the first services range.
pub fn dns(draft: &Draft) -> Option<Families<IpAddr>> {
    match (draft.network.dns.sound()?, draft.network.services.as_ref()?) {
        (Some(dns), _) => Some(dns.values()),
        (None, services) => nth(&services.primary.value, 10).map(Families::single),
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

/// Kubernetes takes the first address for the API server and refuses a range of more than 20 bits
/// (kube-apiserver, validateClusterIPFlags).
fn services_size(draft: &Draft, say: &Reporter) {
    for services in draft.network.services.iter().flat_map(|services| services.iter()) {
        let (largest, smallest) = if services.value.is_ipv6() { (108, 124) } else { (12, 28) };
        let prefix = services.value.prefix_len();
        let size = if prefix < largest { "large" } else { "small" };
        if !(largest..=smallest).contains(&prefix) {
            let message = format!("the services range {} is too {size}", services.value);
            let hint = format!("choose a prefix length from /{largest} to /{smallest}");
            say.at(&services.place, codes::SERVICES_SIZE, message).hint(hint);
        }
    }
}

/// The controller manager cuts node ranges of a fixed size out of the pods range, 16 bits at most
/// (pkg/controller/nodeipam/ipam/cidrset).
fn pods_size(draft: &Draft, say: &Reporter) {
    let workers = draft.with(Role::Worker).count();
    for pods in draft.network.pods.iter().flat_map(|pods| pods.iter()) {
        one_pods_size(pods, workers, say);
    }
}

fn one_pods_size(pods: &At<IpNet>, workers: usize, say: &Reporter) {
    let node = node_prefix(&pods.value);
    let (largest, prefix) = (node - 16, pods.value.prefix_len());
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
        say.at(&pods.place, codes::PODS_SIZE, message).hint(hint);
    }
}

fn dns_address(draft: &Draft, say: &Reporter) {
    let (Some(dns), Some(services)) = (draft.network.dns.given(), &draft.network.services) else {
        return;
    };
    for dns in dns.iter() {
        if let Some(range) = services.of_family(dns.value.is_ipv6()) {
            one_dns_address(dns, &range.value, say);
        }
    }
}

fn one_dns_address(dns: &At<IpAddr>, range: &IpNet, say: &Reporter) {
    let address = dns.value;
    let problem = if !range.contains(&address) {
        "lies outside of it"
    } else if address == range.network() {
        "is the range's own address, which no service can have"
    } else if Some(address) == nth(range, 1) {
        "is its first address, which the API server's service has"
    } else if address == range.broadcast() && !range.is_ipv6() {
        "is its last address, which no service can have"
    } else {
        return;
    };
    let message = format!("the services range is {range}, and the DNS address {address} {problem}");
    let usual = nth(range, 10).map(|usual| format!("write {usual}, or leave it out"));
    say.at(dns, codes::DNS_ADDRESS, message).hint_if(usual);
}

/// Ranges of both families, or of one, for services and pods alike; and in a dual-stack cluster whatever runs pods or
/// answers for a service has an address of each: <https://kubernetes.io/docs/concepts/services-networking/dual-stack/>.
fn dual_stack(draft: &Draft, offered: bool, say: &Reporter) {
    let (Some(services), Some(pods)) = (&draft.network.services, &draft.network.pods) else {
        return;
    };
    let half = match (&services.secondary, &pods.secondary) {
        (None, None) => return,
        (Some(_), None) => Some(("services", &pods.primary, "pods")),
        (None, Some(_)) => Some(("pods", &services.primary, "services")),
        (Some(_), Some(_)) => None,
    };
    if let Some((dual, single, name)) = half {
        let message = format!(
            "the {dual} have ranges of both families, and the {name} have {} alone",
            single.value
        );
        let place = single.place.clone().or_else(|| match name {
            "pods" => services.primary.place.clone(),
            _ => pods.primary.place.clone(),
        });
        say.at(place, codes::HALF_DUAL_STACK, message);
        return;
    }
    if !offered {
        let message = "this Kubernetes release takes one range of services";
        let place = services.secondary.as_ref().and_then(|at| at.place.clone());
        say.at(place, codes::MIXED_FAMILIES, message)
            .hint("leave one family, or name a later release");
        return;
    }
    for ip in draft
        .hosts
        .iter()
        .filter(|host| is_node(host))
        .filter_map(|host| host.ip.as_ref())
    {
        if let Families {
            primary,
            secondary: None,
        } = ip
        {
            let missing = family_name(!primary.value.is_ipv6());
            let message = format!(
                "the host has {} alone, and no address of the family {missing}",
                primary.value
            );
            say.at(&primary.place, codes::MISSING_FAMILY, message);
        }
    }
}

/// Whether the host answers for a service or runs pods.
fn is_node(host: &DraftHost) -> bool {
    host.is(Role::ControlPlane) || host.is(Role::Worker)
}

/// Whether all addresses are of a family of the services, those that come first of the first.
fn families(draft: &Draft, say: &Reporter) -> bool {
    let Some(services) = &draft.network.services else {
        return false;
    };
    let first = services.primary.value.is_ipv6();
    let mut one = true;
    let mut differs = |what: &str, place: &Option<Place>, hint: Option<&str>| {
        one = false;
        let which = if services.is_dual() {
            "first services range"
        } else {
            "services range"
        };
        let message = format!("{what} is not of the family of the {which}, {}", family_name(first));
        say.at(place, codes::MIXED_FAMILIES, message).hint_if(hint);
    };
    let order = services
        .is_dual()
        .then_some("name the families in the same order everywhere, that of the services first");
    if let Some(pods) = &draft.network.pods
        && pods.primary.value.is_ipv6() != first
    {
        differs(
            &format!("the pods range {}", pods.primary.value),
            &pods.primary.place,
            order,
        );
    }
    for dns in draft.network.dns.given().into_iter().flat_map(Families::iter) {
        if services.of_family(dns.value.is_ipv6()).is_none() {
            differs(&format!("the DNS address {}", dns.value), &dns.place, None);
        }
    }
    // Where the pods have both families, the services that lack one have been told: the hosts are right.
    let seconds_are_told = draft.network.pods.as_ref().is_some_and(Families::is_dual);
    let mut seconds = Vec::new();
    for host in &draft.hosts {
        let Some(ip) = &host.ip else { continue };
        // Of a node that has only the other family it has been said that it lacks one.
        if ip.primary.value.is_ipv6() != first && (ip.is_dual() || !services.is_dual() || !is_node(host)) {
            differs(&format!("the address {}", ip.primary.value), &ip.primary.place, order);
        }
        if let (Some(second), false) = (&ip.secondary, services.is_dual())
            && second.value.is_ipv6() != first
        {
            seconds.push(second);
        }
    }
    if let [second, others @ ..] = seconds.as_slice() {
        let hint = "move it to `addresses`, or give services and pods a range of its family";
        let whose = match others.len() {
            0 => String::new(),
            1 => ", as that of another host,".to_owned(),
            others => format!(", as those of {others} other hosts,"),
        };
        if !seconds_are_told {
            differs(
                &format!("the address {}{whose}", second.value),
                &second.place,
                Some(hint),
            );
        }
    }
    if let Some(endpoint) = draft.cluster.endpoint.given()
        && let Ok(address) = endpoint.value.host.parse::<IpAddr>()
        && services.of_family(address.is_ipv6()).is_none()
    {
        differs(&format!("the endpoint {}", endpoint.value.host), &endpoint.place, None);
    }
    for ip in virtual_ips(draft) {
        if services.of_family(ip.value.is_ipv6()).is_none() {
            differs(&format!("the virtual address {}", ip.value), &ip.place, None);
        }
    }
    one && seconds.is_empty()
}

fn overlaps(draft: &Draft, say: &Reporter) {
    let ranges_of = |ranges: &Option<Families<At<IpNet>>>| -> Vec<At<IpNet>> {
        ranges.iter().flat_map(|ranges| ranges.iter()).cloned().collect()
    };
    let (services, pods) = (ranges_of(&draft.network.services), ranges_of(&draft.network.pods));
    for services in &services {
        for pods in &pods {
            let (a, b) = (&services.value, &pods.value);
            if a.contains(b) || b.contains(a) {
                let message = format!("the services range {a} and the pods range {b} overlap");
                let place = pods.place.clone().or_else(|| services.place.clone());
                say.at(place, codes::OVERLAPPING_RANGES, message);
            }
        }
    }
    let endpoint = draft.cluster.endpoint.given();
    let endpoint = endpoint.and_then(|at| at.value.host.parse().ok().map(|ip: IpAddr| at.with(ip)));
    let hosts = draft.hosts.iter().flat_map(|host| host.all_addresses()).cloned();
    for ip in hosts.chain(endpoint).chain(virtual_ips(draft).cloned()) {
        for (name, ranges) in [("services", &services), ("pods", &pods)] {
            if let Some(range) = ranges.iter().find(|range| range.value.contains(&ip.value)) {
                let message = format!("the address {} lies in the {name} range {}", ip.value, range.value);
                say.at(&ip.place, codes::OVERLAPPING_RANGES, message);
            }
        }
    }
}
