//! The network of pods, as far as a bundle brings it: each node's own range in its bridge, and the routes to those of others.

use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Tree;
use super::spot::{Spot, documents, running};
use super::view::View;
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(view: &View<'_>) {
    let own: Vec<(Spot<'_>, IpNet)> = documents(view)
        .flat_map(|(spot, document)| ranges_of(spot, document))
        .collect();
    let cluster = cluster_ranges(view);
    let report = |spot: Spot<'_>, message: String| spot.report(codes::POD_RANGE_DISAGREES, message);
    for (index, (spot, range)) in own.iter().enumerate() {
        for (other, of_other) in own[..index]
            .iter()
            .filter(|(other, _)| other.host.name != spot.host.name)
        {
            if range.contains(of_other) || of_other.contains(range) {
                report(
                    *spot,
                    format!("the pods of {} have addresses of {range} too", other.host.name),
                );
            }
        }
        let mut outside = cluster
            .iter()
            .filter(|(_, ranges)| !ranges.iter().any(|all| all.contains(range)));
        if let Some((said, _)) = outside.next() {
            let (path, host) = (said.path, said.host.name);
            report(
                *spot,
                format!("{range} is not in the range of pods that {path} of {host} has"),
            );
        }
    }
    let routes: Vec<(Spot<'_>, IpNet, IpAddr)> = routes(view).collect();
    for (spot, to, via) in &routes {
        let Some((owner, _)) = own.iter().find(|(_, range)| range == to) else {
            if view.whole {
                report(*spot, format!("it routes {to}, which no host's pods have"));
            }
            continue;
        };
        let addresses = node_addresses(*owner);
        if !addresses.is_empty() && !addresses.contains(via) {
            report(
                *spot,
                format!("it routes {to} by {via}, and the pods are on {}", owner.host.name),
            );
        }
    }
    // Who has routes has them to everybody.
    for host in &view.hosts {
        let of_host = || routes.iter().filter(|(spot, ..)| spot.host.name == host.name);
        let Some((spot, ..)) = of_host().next() else { continue };
        for (owner, range) in own.iter().filter(|(owner, _)| owner.host.name != host.name) {
            if !of_host().any(|(_, to, _)| to == range) {
                report(
                    *spot,
                    format!("it does not route {range}, the pods of {}", owner.host.name),
                );
            }
        }
    }
}

/// The ranges in the configuration of a network plugin of a host that has a kubelet.
pub(crate) fn ranges_of<'v>(spot: Spot<'v>, document: &'v Tree) -> impl Iterator<Item = (Spot<'v>, IpNet)> {
    let of_a_node = spot.path.starts_with("/etc/cni/net.d/") && spot.host.runs("kubelet");
    let subnets = subnets(document).filter(move |_| of_a_node);
    subnets.filter_map(move |subnet| Some((spot, subnet.parse().ok()?)))
}

/// The ranges out of which plugins give pods addresses (<https://www.cni.dev/plugins/current/ipam/host-local/>).
pub(crate) fn subnets(document: &Tree) -> impl Iterator<Item = &str> {
    let plugins = document.items_at(&["plugins"]).iter();
    let ranges = plugins
        .flat_map(|plugin| plugin.items_at(&["ipam", "ranges"]))
        .flat_map(Tree::items);
    ranges.filter_map(|range| range.text_at(&["subnet"]))
}

/// The ranges of all pods: where they are said, and what they are.
fn cluster_ranges<'v>(view: &'v View<'v>) -> Vec<(Spot<'v>, Vec<IpNet>)> {
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
    said.retain(|(_, ranges)| !ranges.is_empty());
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
