//! The network of pods, as far as a bundle brings it: each node's own range in its bridge, and the routes to those of others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Tree;
use super::spot::{Spot, documents, running};
use super::view::{NETWORK_PLUGINS, View};
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(view: &View<'_>) {
    let own: Vec<(Spot<'_>, IpNet)> = documents(view)
        .flat_map(|(spot, document)| ranges_of(spot, document))
        .collect();
    check_apart(&own);
    check_inside(&own, &cluster_ranges(view));
    check_routes(view, &own);
    check_everybody_routes(view, &own);
    check_own(view);
}

fn report(spot: Spot<'_>, message: String) {
    spot.report(codes::POD_RANGE_DISAGREES, message);
}

/// No address belongs to the pods of two hosts.
fn check_apart(own: &[(Spot<'_>, IpNet)]) {
    let ranges: Vec<(&str, IpNet)> = own.iter().map(|(spot, range)| (spot.host.name, *range)).collect();
    for ((spot, range), other) in own.iter().zip(had_before(&ranges)) {
        if let Some(host) = other {
            report(*spot, format!("the pods of {host} have addresses of {range} too"));
        }
    }
}

/// For each range of a host the first host before it, another one, that has an address of it.
fn had_before<'v>(ranges: &[(&'v str, IpNet)]) -> Vec<Option<&'v str>> {
    let mut first: BTreeMap<IpNet, FirstTwo<'_>> = BTreeMap::new();
    for (index, (host, range)) in ranges.iter().enumerate() {
        first.entry(range.trunc()).or_default().add(index, host);
    }
    let mut near = first.clone();
    // Of two ranges with an address in common one is within the other, and follows it in this order.
    let mut around: Vec<IpNet> = Vec::new();
    for (range, of_range) in &first {
        while around.last().is_some_and(|outer| !outer.contains(range)) {
            around.pop();
        }
        for outer in &around {
            near.entry(*range).or_default().add_all(first.get(outer));
            near.entry(*outer).or_default().add_all(Some(of_range));
        }
        around.push(*range);
    }
    let other = |(index, (host, range)): (usize, &(&str, IpNet))| {
        let mut others = near.get(&range.trunc())?.0.into_iter().flatten();
        let (_, other) = others.find(|(before, other)| *before < index && other != host)?;
        Some(other)
    };
    ranges.iter().enumerate().map(other).collect()
}

/// The first range, by its place in a list, and the first of another host.
#[derive(Clone, Default)]
struct FirstTwo<'v>([Option<(usize, &'v str)>; 2]);

impl<'v> FirstTwo<'v> {
    fn add(&mut self, index: usize, host: &'v str) {
        let mut all: Vec<(usize, &str)> = self.0.into_iter().flatten().chain([(index, host)]).collect();
        all.sort_unstable();
        let first = all.first().copied();
        let second = all
            .into_iter()
            .find(|(_, host)| first.is_some_and(|(_, one)| one != *host));
        self.0 = [first, second];
    }

    fn add_all(&mut self, others: Option<&FirstTwo<'v>>) {
        for (index, host) in others.into_iter().flat_map(|others| others.0.iter().flatten()) {
            self.add(*index, host);
        }
    }
}

/// The range of all pods, where it is said, has each host's in it.
fn check_inside(own: &[(Spot<'_>, IpNet)], cluster: &[(Spot<'_>, Vec<IpNet>)]) {
    for (spot, range) in own {
        let is_inside = |ranges: &[IpNet]| ranges.iter().any(|all| all.contains(range));
        if let Some((said, _)) = cluster.iter().find(|(_, ranges)| !is_inside(ranges)) {
            let (path, host) = (said.path, said.host.name);
            report(
                *spot,
                format!("{range} is not in the range of pods that {path} of {host} has"),
            );
        }
    }
}

/// Routes lead to the hosts that have the pods; and who has routes has them to everybody.
fn check_routes(view: &View<'_>, own: &[(Spot<'_>, IpNet)]) {
    let mut owners: BTreeMap<IpNet, (Spot<'_>, Vec<IpAddr>)> = BTreeMap::new();
    for (owner, range) in own {
        owners.entry(*range).or_insert_with(|| (*owner, node_addresses(*owner)));
    }
    let mut of_hosts: BTreeMap<&str, (Spot<'_>, BTreeSet<IpNet>)> = BTreeMap::new();
    for (spot, to, via) in routes(view) {
        let of_host = of_hosts
            .entry(spot.host.name)
            .or_insert_with(|| (spot, BTreeSet::new()));
        of_host.1.insert(to);
        match owners.get(&to) {
            _ if to.addr().is_ipv4() != via.is_ipv4() => {
                report(spot, format!("it routes {to} by {via}, an address of the other family"));
            }
            Some((owner, addresses)) if !addresses.is_empty() && !addresses.contains(&via) => {
                report(
                    spot,
                    format!("it routes {to} by {via}, and the pods are on {}", owner.host.name),
                );
            }
            None if view.whole => report(spot, format!("it routes {to}, which no host's pods have")),
            _ => {}
        }
    }
    for (spot, routed) in of_hosts.values() {
        for (owner, range) in own.iter().filter(|(owner, _)| owner.host.name != spot.host.name) {
            if !routed.contains(range) {
                report(
                    *spot,
                    format!("it does not route {range}, the pods of {}", owner.host.name),
                );
            }
        }
    }
}

/// Where hosts have routes to the pods of others, all of their kind have them: nodes for their pods, API servers for webhooks.
fn check_everybody_routes(view: &View<'_>, own: &[(Spot<'_>, IpNet)]) {
    let routed: BTreeSet<&str> = routes(view).map(|(spot, ..)| spot.host.name).collect();
    let owners: BTreeSet<&str> = own.iter().map(|(spot, _)| spot.host.name).collect();
    for program in ["kubelet", "kube-apiserver"] {
        let is_any = running(view, program).any(|one| routed.contains(one.spot.host.name));
        for one in running(view, program).filter(|_| is_any && view.whole) {
            let name = one.spot.host.name;
            let is_needed = owners.iter().take(2).any(|owner| *owner != name);
            if is_needed && !routed.contains(name) {
                report(one.spot, "nothing here routes the pods of other hosts".to_owned());
            }
        }
    }
}

/// What a host's unit says of its own pods, and of all, is what they have: by that their packets are forwarded, and they are the
/// node to everybody outside.
fn check_own(view: &View<'_>) {
    let cluster = cluster_ranges(view);
    for one in running(view, "sh") {
        let host = one.spot.host;
        let ranges = |flag: &str| {
            one.line
                .values(flag)
                .map(|text| text.parse::<IpNet>().map_err(|_| text))
                .collect::<Vec<_>>()
        };
        let (own, all) = (ranges("own"), ranges("cluster"));
        let routes = one.line.values("route").filter(|route| {
            let pair = route.split_once('@');
            !pair.is_some_and(|(to, via)| to.parse::<IpNet>().is_ok() && via.parse::<IpAddr>().is_ok())
        });
        for text in own
            .iter()
            .chain(&all)
            .filter_map(|range| range.as_ref().err().copied())
            .chain(routes)
        {
            one.report(
                codes::BAD_ADDRESS,
                format!("{text:?} is no range of pods, or none by an address"),
            );
        }
        let own: BTreeSet<IpNet> = own.into_iter().flatten().collect();
        let all: BTreeSet<IpNet> = all.into_iter().flatten().collect();
        let is_router = one.line.flags.contains_key("route") || !own.is_empty();
        let documents = host.documents.iter().filter(|_| is_router);
        let documents = documents.flat_map(|(path, documents)| documents.iter().map(move |one| (*path, one)));
        let of_plugins: BTreeSet<IpNet> = documents
            .clone()
            .filter(|(_, document)| !masquerades(document))
            .flat_map(|(path, document)| ranges_of(Spot { view, host, path }, document))
            .map(|(_, range)| range)
            .collect();
        for range in of_plugins.difference(&own) {
            report(
                one.spot,
                format!("--own lacks {range}: to others its pods are not the node"),
            );
        }
        for range in own
            .difference(&of_plugins)
            .filter(|_| documents.clone().next().is_some())
        {
            if !of_plugins.is_empty() {
                report(
                    one.spot,
                    format!("--own has {range}, of which its pods have no address"),
                );
            }
        }
        for range in &own {
            if !all.iter().any(|all| all.contains(range)) {
                report(one.spot, format!("--cluster has no range of all pods for {range}"));
            }
        }
        let known = |range: &&IpNet| cluster.is_empty() || cluster.iter().any(|(_, ranges)| ranges.contains(range));
        for range in all.iter().filter(|range| !known(range)) {
            report(
                one.spot,
                format!("--cluster has {range}, which is not the range of all pods"),
            );
        }
    }
}

/// Whether a plugin makes pods the node to everybody else by itself.
fn masquerades(document: &Tree) -> bool {
    plugins_of(document).any(|plugin| plugin.text_at(&["ipMasq"]) == Some("true"))
}

/// The ranges in the configuration of a network plugin of a host that has a kubelet.
pub(crate) fn ranges_of<'v>(spot: Spot<'v>, document: &'v Tree) -> impl Iterator<Item = (Spot<'v>, IpNet)> {
    let of_a_node = spot.path.starts_with(NETWORK_PLUGINS) && spot.host.runs("kubelet");
    let subnets = subnets(document).filter(move |_| of_a_node);
    subnets.filter_map(move |subnet| Some((spot, subnet.parse().ok()?)))
}

/// The ranges out of which plugins give pods addresses (<https://www.cni.dev/plugins/current/ipam/host-local/>).
pub(crate) fn subnets(document: &Tree) -> impl Iterator<Item = &str> {
    plugins_of(document).flat_map(|plugin| {
        let ranges = plugin.items_at(&["ipam", "ranges"]).iter().flat_map(Tree::items);
        let old_form = plugin.text_at(&["ipam", "subnet"]);
        ranges.filter_map(|range| range.text_at(&["subnet"])).chain(old_form)
    })
}

/// The plugins of a network: those of a list, or the one that a file of the older form is.
pub(crate) fn plugins_of(document: &Tree) -> impl Iterator<Item = &Tree> {
    let alone = document.text_at(&["type"]).is_some().then_some(document);
    document.items_at(&["plugins"]).iter().chain(alone)
}

/// The ranges of all pods: where they are said, and what they are.
pub(crate) fn cluster_ranges<'v>(view: &'v View<'v>) -> Vec<(Spot<'v>, Vec<IpNet>)> {
    let mut said = Vec::new();
    for host in &view.hosts {
        let mut add = |path: &'v str, text: &str| {
            let ranges = text.split(',').filter_map(|range| range.trim().parse().ok());
            said.push((Spot { view, host, path }, ranges.collect::<Vec<IpNet>>()));
        };
        for manager in host.programs("kube-controller-manager") {
            add(manager.path, manager.line.flag("cluster-cidr").unwrap_or_default());
        }
        for (path, documents) in &host.documents {
            for proxy in documents
                .iter()
                .filter(|document| document.kind() == "KubeProxyConfiguration")
            {
                add(path, proxy.text_at(&["clusterCIDR"]).unwrap_or_default());
            }
        }
    }
    // Every host of a fleet says the same.
    let mut known = BTreeSet::new();
    said.retain(|(_, ranges)| !ranges.is_empty() && known.insert(ranges.clone()));
    said
}

/// `--route=RANGE@ADDRESS` and `ip route replace RANGE via ADDRESS` in the units of hosts.
fn routes<'v>(view: &'v View<'v>) -> impl Iterator<Item = (Spot<'v>, IpNet, IpAddr)> {
    let given = running(view, "sh").flat_map(|running| {
        let routes = running.line.values("route").filter_map(|route| route.split_once('@'));
        routes.filter_map(move |(to, via)| Some((running.spot, to.parse().ok()?, via.parse().ok()?)))
    });
    let made = running(view, "ip").filter_map(|running| {
        let words = &running.line.words;
        let after = |word: &str| words.get(words.iter().position(|one| one == word)? + 1);
        after("route")?;
        let to = after("replace").or_else(|| after("add"))?.parse().ok()?;
        Some((running.spot, to, after("via")?.parse().ok()?))
    });
    given.chain(made)
}

/// The addresses that a host's kubelet says it has.
fn node_addresses(spot: Spot<'_>) -> Vec<IpAddr> {
    let kubelets = spot.host.programs("kubelet");
    let addresses = kubelets.flat_map(|command| command.line.list("node-ip"));
    addresses.filter_map(|address| address.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_had_an_address_before_is_who_a_look_at_every_pair_finds() {
        // Small numbers, so that ranges are often within each other, and hosts have several.
        let mut state: u32 = 1;
        let mut below = |limit: u32| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
            (state >> 16) % limit
        };
        let mut told = 0;
        for _ in 0..500 {
            let ranges: Vec<(&str, IpNet)> = (0..12)
                .map(|_| {
                    let host = ["a", "b", "c", "d"][below(4) as usize];
                    let range = match below(4) {
                        0 => format!("fd00::{}/{}", below(16), 124 + below(5)),
                        _ => format!("10.0.0.{}/{}", below(64), 26 + below(7)),
                    };
                    (host, range.parse().expect("a range"))
                })
                .collect();
            let pairwise: Vec<Option<&str>> = (0..ranges.len())
                .map(|index| {
                    let (host, range) = ranges[index];
                    let meets = |other: &IpNet| range.contains(&other.trunc()) || other.contains(&range.trunc());
                    let mut before = ranges[..index].iter();
                    let found = before.find(|(other, of_other)| *other != host && meets(of_other));
                    found.map(|(other, _)| *other)
                })
                .collect();
            told += pairwise.iter().flatten().count();
            assert_eq!(had_before(&ranges), pairwise, "{ranges:?}");
        }
        assert!(told > 1000, "{told} ranges meet another: too few to say anything");
    }
}
