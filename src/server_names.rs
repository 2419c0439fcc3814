//! The names and addresses by which servers are reached, which their certificates must hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::cluster::{Cluster, Host, Role};

/// The names of the API server on `host`, or of all API servers: its own, those of whatever passes connections on to it,
/// and those of its service (<https://kubernetes.io/docs/setup/best-practices/certificates/>).
pub fn api_server_names(cluster: &Cluster, host: Option<&Host>) -> Vec<String> {
    let mut names: Vec<String> = cluster.first_service_addresses().map(|ip| ip.to_string()).collect();
    names.extend(names_of_hosts(cluster, host, Role::ControlPlane));
    names.extend(names_of_hosts(cluster, None, Role::LoadBalancer));
    names.extend(cluster.virtual_ips().map(IpAddr::to_string));
    names.push(cluster.endpoint.host.clone());
    names.extend(cluster.names.iter().cloned());
    names.extend(loopback_names(cluster, host, Role::ControlPlane));
    names.extend(["kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned));
    names.push(format!("kubernetes.default.svc.{}", cluster.domain));
    without_repetition(names)
}

/// The names of etcd on `host`, or of all etcd members, for their clients and for each other.
pub fn etcd_names(cluster: &Cluster, host: Option<&Host>) -> Vec<String> {
    let mut names = names_of_hosts(cluster, host, Role::Etcd);
    names.extend(loopback_names(cluster, host, Role::Etcd));
    without_repetition(names)
}

/// The names of the kubelet on `host`.
pub fn node_names(host: &Host) -> Vec<String> {
    let names = std::iter::once(host.name.clone()).chain(host.names.iter().cloned());
    without_repetition(names.chain(addresses_of(host)).collect())
}

/// The names and addresses of `host`, or of every host with `role`: the addresses of all first.
fn names_of_hosts(cluster: &Cluster, host: Option<&Host>, role: Role) -> Vec<String> {
    let hosts = || {
        cluster
            .with(role)
            .filter(|one| host.is_none_or(|host| host.name == one.name))
    };
    let names = hosts().flat_map(|host| std::iter::once(&host.name).chain(&host.names));
    hosts().flat_map(addresses_of).chain(names.cloned()).collect()
}

/// What `host`, or any host with `role`, calls itcluster.
fn loopback_names(cluster: &Cluster, host: Option<&Host>, role: Role) -> Vec<String> {
    let speaks_ipv6 = |host: &Host| host.ip.iter().chain(&host.addresses).any(IpAddr::is_ipv6);
    let ipv6 = cluster.has_ipv6() || host.map_or_else(|| cluster.with(role).any(speaks_ipv6), speaks_ipv6);
    let addresses = ["127.0.0.1"].into_iter().chain(ipv6.then_some("::1"));
    addresses.chain(["localhost"]).map(str::to_owned).collect()
}

fn addresses_of(host: &Host) -> impl Iterator<Item = String> {
    host.ip.iter().chain(&host.addresses).map(IpAddr::to_string)
}

fn without_repetition(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
