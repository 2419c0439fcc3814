//! Each worker's own part of the pods' ranges: the one that it is given, else the next that nobody is given.
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Families, Nodes, PodNetwork, Role, node_prefix};
use crate::diagnostic::{Reporter, codes};

use super::draft::{Draft, DraftHost};
use super::families::{AtFamilies as _, OfFamily};

/// Everything that can be wrong with the parts that workers are given.
pub fn check(draft: &Draft, say: &Reporter) {
    let Some(pods) = &draft.network.pods else { return };
    let mut owners: BTreeMap<IpNet, &DraftHost> = BTreeMap::new();
    for host in draft.with(Role::Worker) {
        for part in &host.pods {
            let range = pods.of_family(part.value.is_ipv6()).map(|range| range.value);
            let prefix = range.map(|range| node_prefix(&range));
            let problem = match (range, owners.get(&part.value)) {
                (Some(range), _) if prefix != Some(part.value.prefix_len()) => {
                    let prefix = node_prefix(&range);
                    Some(format!("every node's part of {range} is a /{prefix}"))
                }
                (Some(range), _) if !range.contains(&part.value) => {
                    Some(format!("it lies outside of the pods range {range}"))
                }
                (None, _) => Some("the pods have no range of its family".to_owned()),
                (_, Some(owner)) => {
                    let owner = owner.called("another worker");
                    Some(format!("it is {owner}'s too"))
                }
                (Some(_), None) => None,
            };
            match problem {
                Some(problem) => {
                    let message = format!("{} can't be the worker's part of the pods range: {problem}", part.value);
                    say.at(&part.place, codes::NODE_PODS, message);
                }
                None => {
                    owners.insert(part.value, host);
                }
            }
        }
    }
}

/// What a worker is given where the controller manager hands out the nodes' parts by itself.
pub fn given_in_vain(draft: &Draft, nodes: Option<&Nodes>, say: &Reporter) {
    if nodes.is_none_or(|nodes| nodes.pod_network == PodNetwork::Bridge) {
        return;
    }
    for host in draft.with(Role::Worker) {
        for field in host.role_fields.iter().filter(|field| field.value == "pods") {
            let message =
                "`pods` has no effect without the network `bridge`: the controller manager hands out the nodes' parts";
            say.at(&field.place, codes::IGNORED_FIELD, message);
        }
    }
}

/// The parts of all hosts, in their order; none for a host that is no worker, or where the ranges do not suffice.
pub fn allot(draft: &Draft) -> Vec<Option<Families<IpNet>>> {
    let mut allotted = vec![Vec::new(); draft.hosts.len()];
    let ranges = draft.network.pods.iter().flat_map(|pods| pods.iter());
    for range in ranges.map(|range| range.value) {
        let given = |host: &DraftHost| {
            let mut parts = host.pods.iter().map(|part| part.value);
            parts.find(|part| part.is_ipv6() == range.is_ipv6())
        };
        let workers = || draft.hosts.iter().enumerate().filter(|(_, host)| host.is(Role::Worker));
        let taken: std::collections::BTreeSet<IpNet> = workers().filter_map(|(_, host)| given(host)).collect();
        let mut free = (0..)
            .map_while(|n| part(&range, n))
            .filter(|part| !taken.contains(part));
        for (index, host) in workers() {
            allotted[index].extend(given(host).or_else(|| free.next()));
        }
    }
    allotted.into_iter().map(Families::of).collect()
}

/// The `n`th node's part of `range`, counted from none, if the range has it.
fn part(range: &IpNet, n: u64) -> Option<IpNet> {
    let prefix = node_prefix(range);
    let offset = |bits: u8| u128::from(n).checked_mul(1_u128.checked_shl(u32::from(bits.checked_sub(prefix)?))?);
    let first = match range.network() {
        IpAddr::V4(first) => {
            let first = u128::from(u32::from(first)).checked_add(offset(32)?)?;
            IpAddr::V4(u32::try_from(first).ok()?.into())
        }
        IpAddr::V6(first) => IpAddr::V6(u128::from(first).checked_add(offset(128)?)?.into()),
    };
    let part = IpNet::new(first, prefix).ok()?;
    range.contains(&part).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(range: &str) -> (String, usize) {
        let range = range.parse().expect("a range");
        let all: Vec<String> = (0..70_000)
            .map_while(|n| part(&range, n))
            .map(|part| part.to_string())
            .collect();
        (all.iter().take(3).cloned().collect::<Vec<_>>().join(" "), all.len())
    }

    #[test]
    fn a_range_has_the_parts_that_the_controller_manager_cuts() {
        let is = |range, first: &str, count| assert_eq!(parts(range), (first.to_owned(), count), "{range}");
        is("10.200.0.0/16", "10.200.0.0/24 10.200.1.0/24 10.200.2.0/24", 256);
        is("10.200.0.0/23", "10.200.0.0/24 10.200.1.0/24", 2);
        is("10.200.0.0/25", "", 0);
        is("255.255.254.0/23", "255.255.254.0/24 255.255.255.0/24", 2);
        is(
            "fd00:200::/56",
            "fd00:200::/64 fd00:200:0:1::/64 fd00:200:0:2::/64",
            256,
        );
        is("fd00::/40", "fd00::/56 fd00:0:0:100::/56 fd00:0:0:200::/56", 65_536);
        is("fd00::/64", "fd00::/64", 1);
        is("fd00::/112", "fd00::/120 fd00::100/120 fd00::200/120", 256);
        is("fd00::/124", "", 0);
        is(
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120",
            1,
        );
    }
}
