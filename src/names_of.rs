//! The names and addresses by which servers are reached, which their certificates must hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Cluster, Host, Role};

impl Cluster {
    /// The names of the API server on `host`, or of all API servers: its own, those of whatever passes connections on to it,
    /// and those of its service (<https://kubernetes.io/docs/setup/best-practices/certificates/>).
    pub fn api_server_names(&self, host: Option<&Host>) -> Vec<String> {
        let mut names: Vec<String> = self.first_service_addresses().map(|ip| ip.to_string()).collect();
        names.extend(self.names_of_hosts(host, Role::ControlPlane));
        names.extend(self.names_of_hosts(None, Role::LoadBalancer));
        names.extend(self.virtual_ips().map(IpAddr::to_string));
        names.push(self.endpoint.host.clone());
        names.extend(self.names.iter().cloned());
        names.extend(self.loopback_names(host, Role::ControlPlane));
        names.extend(["kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned));
        names.push(format!("kubernetes.default.svc.{}", self.domain));
        without_repetition(names)
    }

    /// The names of etcd on `host`, or of all etcd members, for their clients and for each other.
    pub fn etcd_names(&self, host: Option<&Host>) -> Vec<String> {
        let mut names = self.names_of_hosts(host, Role::Etcd);
        names.extend(self.loopback_names(host, Role::Etcd));
        without_repetition(names)
    }

    /// The names of the kubelet on `host`.
    pub fn node_names(&self, host: &Host) -> Vec<String> {
        let names = std::iter::once(host.name.clone()).chain(host.names.iter().cloned());
        without_repetition(names.chain(addresses_of(host)).collect())
    }

    /// The names and addresses of `host`, or of every host with `role`: the addresses of all first.
    fn names_of_hosts(&self, host: Option<&Host>, role: Role) -> Vec<String> {
        let hosts = || {
            self.with(role)
                .filter(|one| host.is_none_or(|host| host.name == one.name))
        };
        let names = hosts().flat_map(|host| std::iter::once(&host.name).chain(&host.names));
        hosts().flat_map(addresses_of).chain(names.cloned()).collect()
    }

    /// What `host`, or any host with `role`, calls itself.
    fn loopback_names(&self, host: Option<&Host>, role: Role) -> Vec<String> {
        let speaks_ipv6 = |host: &Host| host.ip.iter().chain(&host.addresses).any(IpAddr::is_ipv6);
        let ipv6 = self.has_ipv6() || host.map_or_else(|| self.with(role).any(speaks_ipv6), speaks_ipv6);
        let addresses = ["127.0.0.1"].into_iter().chain(ipv6.then_some("::1"));
        addresses.chain(["localhost"]).map(str::to_owned).collect()
    }

    /// The addresses of the service `kubernetes`: the first after the network's own, of each range.
    pub fn first_service_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.network.services.iter().map(|services| match services.network() {
            IpAddr::V4(network) => IpAddr::V4(u32::from(network).wrapping_add(1).into()),
            IpAddr::V6(network) => IpAddr::V6(u128::from(network).wrapping_add(1).into()),
        })
    }

    /// The addresses that the load balancers share.
    pub fn virtual_ips(&self) -> impl Iterator<Item = &IpAddr> {
        let shared = self.load_balancing.virtual_address.iter();
        shared.flat_map(|address| address.ip.iter())
    }

    /// Whether IPv6 is the family of the cluster, or the first of two.
    pub fn is_ipv6(&self) -> bool {
        matches!(self.network.services.primary, IpNet::V6(_))
    }

    /// Whether IPv6 is a family of the cluster.
    pub fn has_ipv6(&self) -> bool {
        self.network.services.iter().any(|range| matches!(range, IpNet::V6(_)))
    }
}

fn addresses_of(host: &Host) -> impl Iterator<Item = String> {
    host.ip.iter().chain(&host.addresses).map(IpAddr::to_string)
}

fn without_repetition(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
