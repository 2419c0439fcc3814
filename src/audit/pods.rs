//! The network of pods, as far as a bundle brings it: each node's own range in its bridge, and the routes to those of others.

use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Tree;
use super::{Audit, Read};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;

/// A range that a host gives its pods addresses of.
struct Own<'b> {
    host: &'b str,
    path: &'b str,
    range: IpNet,
}

pub fn check(audit: &mut Audit<'_>) {
    let mut reports: Vec<(&'static Code, String, String, String)> = Vec::new();
    let own: Vec<Own<'_>> = audit.hosts.iter().flat_map(own_ranges).collect();
    for (index, one) in own.iter().enumerate() {
        let mut report = |message| {
            let place = (one.host.to_owned(), one.path.to_owned());
            reports.push((codes::POD_RANGE_DISAGREES, place.0, place.1, message));
        };
        for other in own[..index].iter().filter(|other| other.host != one.host) {
            if one.range.contains(&other.range) || other.range.contains(&one.range) {
                report(format!(
                    "the pods of {} have addresses of {} too",
                    other.host, one.range
                ));
            }
        }
        let outside = cluster_ranges(audit)
            .into_iter()
            .filter(|(_, _, ranges)| !ranges.iter().any(|range| range.contains(&one.range)));
        for (host, path, _) in outside.take(1) {
            report(format!(
                "{} is not in the range of pods that {path} of {host} has",
                one.range
            ));
        }
    }
    for read in &audit.hosts {
        let routes: Vec<(&str, IpNet, IpAddr)> = routes(read).collect();
        for (path, to, via) in &routes {
            let Some(owner) = own.iter().find(|own| own.range == *to) else {
                if audit.whole {
                    let message = format!("it routes {to}, which no host's pods have");
                    reports.push((
                        codes::POD_RANGE_DISAGREES,
                        read.name.to_owned(),
                        (*path).to_owned(),
                        message,
                    ));
                }
                continue;
            };
            let addresses = node_addresses(&audit.hosts, owner.host);
            if !addresses.is_empty() && !addresses.contains(via) {
                let message = format!("it routes {to} by {via}, and the pods are on {}", owner.host);
                reports.push((
                    codes::POD_RANGE_DISAGREES,
                    read.name.to_owned(),
                    (*path).to_owned(),
                    message,
                ));
            }
        }
        // Who has routes has them to everybody.
        let Some((path, ..)) = routes.first() else { continue };
        for own in own.iter().filter(|own| own.host != read.name) {
            if !routes.iter().any(|(_, to, _)| *to == own.range) {
                let message = format!("it does not route {}, the pods of {}", own.range, own.host);
                reports.push((
                    codes::POD_RANGE_DISAGREES,
                    read.name.to_owned(),
                    (*path).to_owned(),
                    message,
                ));
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, &host, &path, message);
    }
}

/// The ranges in the configurations of network plugins of a host that has a kubelet.
fn own_ranges<'b>(read: &'b Read<'_>) -> impl Iterator<Item = Own<'b>> {
    let of_a_node = read.runs("kubelet");
    let configs = read
        .documents
        .iter()
        .filter(move |(path, _)| of_a_node && path.starts_with("/etc/cni/net.d/"));
    configs.flat_map(move |(path, documents)| {
        let plugins = documents.iter().flat_map(|document| document.items_at(&["plugins"]));
        let ranges = plugins.flat_map(|plugin| plugin.items_at(&["ipam", "ranges"]));
        ranges
            .flat_map(Tree::items)
            .filter_map(|range| range.text_at(&["subnet"])?.parse().ok())
            .map(move |range| Own {
                host: read.name,
                path,
                range,
            })
    })
}

/// The ranges of all pods: where they are said, and what they are.
fn cluster_ranges<'b>(audit: &'b Audit<'_>) -> Vec<(&'b str, &'b str, Vec<IpNet>)> {
    let ranges = |text: &str| {
        text.split(',')
            .filter_map(|range| range.trim().parse().ok())
            .collect::<Vec<IpNet>>()
    };
    let mut said = Vec::new();
    for read in &audit.hosts {
        for command in read.programs("kube-controller-manager") {
            let range = command.line.flag("cluster-cidr").unwrap_or_default();
            said.push((read.name, command.path, ranges(range)));
        }
        for (path, documents) in &read.documents {
            let proxies = documents
                .iter()
                .filter(|document| document.text_at(&["kind"]) == Some("KubeProxyConfiguration"));
            for range in proxies.filter_map(|document| document.text_at(&["clusterCIDR"])) {
                said.push((read.name, path, ranges(range)));
            }
        }
    }
    said.retain(|(_, _, ranges)| !ranges.is_empty());
    said
}

/// `ip route replace RANGE via ADDRESS` in the units of a host.
fn routes<'b>(read: &'b Read<'_>) -> impl Iterator<Item = (&'b str, IpNet, IpAddr)> {
    read.programs("ip").filter_map(|command| {
        let words = &command.line.words;
        let after = |word: &str| {
            let at = words.iter().position(|one| one == word)?;
            words.get(at + 1)
        };
        after("route")?;
        let to = after("replace").or_else(|| after("add"))?.parse().ok()?;
        Some((command.path, to, after("via")?.parse().ok()?))
    })
}

/// The addresses that a host's kubelet says it has.
fn node_addresses(hosts: &[Read<'_>], name: &str) -> Vec<IpAddr> {
    let kubelets = hosts
        .iter()
        .filter(|read| read.name == name)
        .flat_map(|read| read.programs("kubelet"));
    kubelets
        .flat_map(|command| command.line.list("node-ip"))
        .filter_map(|address| address.parse().ok())
        .collect()
}
