//! Who is reached at an address: the hosts that have it or carry it for others, and what listens there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::balancers::Listener;
use super::names::{Url, canonical, is_loopback};
use super::spot::{Running, documents_of, running};
use super::view::{HostView, View};

/// A kube-apiserver that a unit starts, and where it is reached.
pub(crate) struct Api<'v> {
    pub running: Running<'v>,
    pub port: u16,
    pub addresses: BTreeSet<String>,
}

/// Every kube-apiserver that a unit starts.
pub(crate) fn apis<'v>(view: &'v View<'v>) -> Vec<Api<'v>> {
    let all = running(view, "kube-apiserver").map(|running| {
        let line = running.line;
        let address = |flag| line.flag(flag).map(canonical);
        let any = |address: &String| address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        let bound = address("bind-address").filter(|address| !any(address));
        Api {
            running,
            port: line
                .flag("secure-port")
                .and_then(|port| port.parse().ok())
                .unwrap_or(6443),
            addresses: address("advertise-address").into_iter().chain(bound).collect(),
        }
    });
    all.collect()
}

/// Hosts by their addresses, and what they listen at.
pub(crate) struct Reached<'v> {
    view: &'v View<'v>,
    /// The hosts, as they stand in the view, that have an address or a name, or carry it together.
    owners: BTreeMap<String, BTreeSet<usize>>,
    /// The ports of API servers, by host.
    api_ports: BTreeMap<&'v str, u16>,
    /// The addresses and ports that kubeconfigs call.
    called: BTreeSet<(String, u16)>,
    /// Whether the own addresses of all load balancers are known.
    knows_balancers: bool,
    /// Whether there are load balancers, listening or not.
    has_balancers: bool,
    /// Everything that a load balancer listens at, each once.
    balanced: BTreeSet<Listener>,
}

impl<'v> Reached<'v> {
    pub(crate) fn of(view: &'v View<'v>, apis: &[Api<'v>]) -> Reached<'v> {
        let mut reached = Reached {
            view,
            owners: BTreeMap::new(),
            called: called(view),
            knows_balancers: (view.hosts.iter())
                .all(|host| host.balancers.is_empty() || !host.host.about.addresses.is_empty()),
            has_balancers: view.hosts.iter().any(|host| !host.balancers.is_empty()),
            balanced: view.hosts.iter().flat_map(listeners).copied().collect(),
            api_ports: apis.iter().map(|api| (api.running.spot.host.name, api.port)).collect(),
        };
        let index: BTreeMap<&str, usize> = view.hosts.iter().map(|host| host.name).zip(0..).collect();
        let mut own = |address: String, host: &str| {
            reached.owners.entry(address).or_default().extend(index.get(host));
        };
        for host in &view.hosts {
            own(host.name.to_owned(), host.name);
            let carried = host
                .shared
                .values()
                .flat_map(|shared| &shared.routers)
                .flat_map(|router| {
                    let addresses = router.addresses.iter().chain(&router.source);
                    addresses.map(ToString::to_string)
                });
            host.host
                .about
                .addresses
                .iter()
                .map(|one| canonical(one))
                .chain(carried)
                .for_each(|one| own(one, host.name));
        }
        for api in apis {
            api.addresses
                .iter()
                .for_each(|one| own(one.clone(), api.running.spot.host.name));
        }
        for kubelet in running(view, "kubelet") {
            kubelet
                .line
                .list("node-ip")
                .into_iter()
                .for_each(|one| own(canonical(one), kubelet.spot.host.name));
        }
        for etcd in running(view, "etcd") {
            etcd.urls("initial-advertise-peer-urls")
                .into_iter()
                .for_each(|url| own(url.host, etcd.spot.host.name));
        }
        reached
    }

    /// The hosts that have or carry an address, as far as that is known.
    pub(crate) fn owners(&self, address: &str) -> impl Iterator<Item = &'v HostView<'v>> {
        let owners = self.owners.get(address).into_iter().flatten();
        owners.map(|at| &self.view.hosts[*at])
    }

    /// Whether something that is known listens on a host at an address and port.
    pub(crate) fn listens(&self, host: &HostView<'_>, address: &str, port: u16) -> bool {
        self.api_ports.get(host.name) == Some(&port) || balances(host, address, port)
    }

    /// Whether something outside of the bundle may carry an address or a name, and pass on to load balancers what it takes at a port of
    /// its own: at the usual one of https, or at one that all call.
    pub(crate) fn may_be_elsewhere(&self, host: &str, port: u16) -> bool {
        let ports = self.called.range((host.to_owned(), 0)..=(host.to_owned(), u16::MAX));
        match is_address(host) {
            true => self.knows_balancers && (port == 443 || ports.take(2).count() == 1),
            false => port == 443,
        }
    }

    /// Whether anybody answers at a URL, as far as can be told; who carries an address that no host has, or a name, passes it on
    /// to load balancers where there are any.
    pub(crate) fn is_answered(&self, url: &Url) -> bool {
        let port = url.port.unwrap_or(443);
        // What else a host does, that is no bundle, nobody knows.
        let is_known = |host: &&HostView<'_>| {
            host.host.is_bundle() || self.api_ports.contains_key(host.name) || !host.balancers.is_empty()
        };
        let mut owners = self.owners(&url.host).peekable();
        if owners.peek().is_some() {
            return owners.any(|host| !is_known(&host) || self.listens(host, &url.host, port));
        }
        match self.has_balancers {
            false => self.api_ports.is_empty() || self.api_ports.values().any(|one| *one == port),
            true => {
                let mut balanced = self.balanced.iter();
                self.may_be_elsewhere(&url.host, port) || balanced.any(|one| one.port == port && one.answers(&url.host))
            }
        }
    }
}

pub(super) fn listeners<'h>(host: &'h HostView<'_>) -> impl Iterator<Item = &'h Listener> {
    let services = host.balancers.values().flat_map(|balancer| &balancer.services);
    services.flat_map(|service| &service.listens)
}

fn balances(host: &HostView<'_>, address: &str, port: u16) -> bool {
    listeners(host).any(|listener| listener.port == port && listener.answers(address))
}

/// Every address and port that kubeconfigs call, but for their own hosts'.
pub(crate) fn called(view: &View<'_>) -> BTreeSet<(String, u16)> {
    let clusters = documents_of(view, "Config").flat_map(|(_, config)| config.items_at(&["clusters"]));
    let urls = clusters.filter_map(|cluster| Url::parse(cluster.text_at(&["cluster", "server"])?));
    let elsewhere = urls.filter(|url| !is_loopback(&url.host));
    elsewhere.map(|url| (url.host, url.port.unwrap_or(443))).collect()
}

/// Whether a text is an address, and no name.
pub(crate) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Whether a member of etcd is who answers an API server at a URL.
pub(crate) fn answers(etcd: Running<'_>, url: &Url, caller: Running<'_>) -> bool {
    let is_here = |one: &Url| one.port == url.port && one.host == url.host;
    let is_elsewhere = is_loopback(&url.host) && etcd.spot.host.name != caller.spot.host.name;
    let mut flags = ["listen-client-urls", "advertise-client-urls"].into_iter();
    !is_elsewhere && flags.any(|flag| etcd.urls(flag).iter().any(is_here))
}
