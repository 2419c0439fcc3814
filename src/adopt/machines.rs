//! The hosts: of machines' trees as their programs say, of a folder of certificates as the names in these say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::evidence::{Basis, Evidence, Settled};
use super::programs::RunningProgram;
use super::shown::{NODE, ShownAs, of};
use crate::audit::balancers::Listener;
use crate::audit::names::{Url, first_of, host_and_port, is_loopback, why_nobody_asks_for};
use crate::audit::pods::{plugins_of, subnets};
use crate::audit::view::{HostView, NETWORK_PLUGINS, View};
use crate::catalog::layouts::Layout;
use crate::catalog::roles::Role;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};

/// A host as it is to stand in cluster.toml.
#[derive(Clone, Debug)]
pub(super) struct AdoptedHost {
    pub name: String,
    pub basis: Basis,
    pub ips: Settled<Vec<IpAddr>>,
    pub roles: BTreeSet<Role>,
    pub labels: Vec<(String, String)>,
    pub taints: Vec<String>,
    /// Its part of the pods' range, where its bridge has one.
    pub pods: Option<AdoptedBridge>,
    /// Others by which it is reached.
    pub addresses: Vec<IpAddr>,
    pub names: Vec<String>,
    /// The network interface that carries a virtual address.
    pub interface: Option<String>,
}

/// The bridge of a node to which its pods are connected.
#[derive(Clone, Debug)]
pub(super) struct AdoptedBridge {
    /// The interface.
    pub name: String,
    /// The ranges out of which it gives them addresses.
    pub ranges: Settled<Vec<String>>,
}

/// Where the API is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdoptedEndpoint {
    pub host: String,
    pub port: u16,
}

impl AdoptedEndpoint {
    pub(super) fn text(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{}]:{}", self.host, self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Addresses of the blocks for documentation (RFC 5737, RFC 3849), which nobody has: for machines of which none is told.
#[derive(Default)]
struct Nobodys {
    given: u16,
}

impl Nobodys {
    fn next(&mut self, is_ipv6: bool) -> IpAddr {
        self.given += 1;
        match is_ipv6 {
            true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, self.given]),
            // Three blocks of IPv4 have 254 each; who adopts more machines without an address writes theirs anyway.
            false => {
                let block = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][usize::from((self.given - 1) / 254 % 3)];
                let [a, b, c] = block;
                IpAddr::from([a, b, c, ((self.given - 1) % 254 + 1) as u8])
            }
        }
    }
}

/// The families of the services, the first one first, each by whether it is IPv6: a host has an address of the first, a node of each.
fn families_of(services: &[String]) -> Vec<bool> {
    services.iter().map(|range| range.contains(':')).collect()
}

/// The addresses of a host as cluster.toml has them, one of each family of the services in their order; what is not told gets a stand-in.
fn of_families(
    found: &[(IpAddr, Evidence)],
    families: &[bool],
    is_node: bool,
    nobodys: &mut Nobodys,
) -> Settled<Vec<IpAddr>> {
    let mut ips = Vec::new();
    let mut told: Option<&Evidence> = None;
    let mut stands_in: Option<IpAddr> = None;
    for (index, is_ipv6) in families.iter().enumerate() {
        match found.iter().find(|(ip, _)| ip.is_ipv6() == *is_ipv6) {
            Some((ip, evidence)) => {
                ips.push(*ip);
                told = told.or(Some(evidence));
            }
            None if index == 0 || is_node => {
                let ip = nobodys.next(*is_ipv6);
                ips.push(ip);
                stands_in = Some(ip);
            }
            None => {}
        }
    }
    match (stands_in, told) {
        (None, Some(evidence)) => Settled::told(ips, evidence.clone()),
        (Some(ip), Some(evidence)) => {
            let why = format!(
                "{evidence} has its other address, and {ip}, which nobody has, stands for this one: write its own"
            );
            Settled::assumed(ips, why)
        }
        (_, None) => Settled::assumed(ips, "an address that nobody has stands for it: write its own"),
    }
}

/// The names of an API server that are not of a host.
const OF_SERVICES: [&str; 2] = ["kubernetes", "localhost"];

/// By the name of each machine that of its host: as what its kubelet is a node, else what its folder is called.
pub(super) fn names(view: &View<'_>, programs: &[RunningProgram<'_>]) -> BTreeMap<String, String> {
    let machines = view.hosts.iter().filter(|host| !host.host.loose);
    let named = |machine: &HostView<'_>| {
        let mut kubelets = programs
            .iter()
            .filter(|one| one.host.name == machine.name && one.name() == "kubelet");
        let node = kubelets.find_map(|kubelet| {
            kubelet
                .flag("hostname-override")
                .map(str::to_owned)
                .or_else(|| node_of(kubelet))
        });
        (
            machine.name.to_owned(),
            host_name(node.as_deref().unwrap_or(machine.name)),
        )
    };
    machines.map(named).collect()
}

/// The node that a kubelet logs in as.
fn node_of(kubelet: &RunningProgram<'_>) -> Option<String> {
    let documents = kubelet.host.documents.get(kubelet.file("kubeconfig")?)?;
    let users = documents.iter().flat_map(|one| one.items_at(&["users"]));
    let mut names = users.filter_map(|user| user.text_at(&["name"])?.strip_prefix(NODE).map(str::to_owned));
    names.next()
}

/// What of the whole cluster says how its machines are.
pub(super) struct OfCluster<'a> {
    pub endpoint: Option<&'a AdoptedEndpoint>,
    pub services: &'a [String],
    pub layout: Layout,
}

/// Of machines' trees, by their names.
pub(super) fn of_machines(
    view: &View<'_>,
    machines: &BTreeMap<String, String>,
    programs: &[RunningProgram<'_>],
    shown: &[ShownAs],
    of_cluster: &OfCluster<'_>,
    say: &Reporter,
) -> Vec<AdoptedHost> {
    let OfCluster {
        endpoint,
        services,
        layout,
    } = *of_cluster;
    let families = &families_of(services);
    let mut hosts: Vec<AdoptedHost> = Vec::new();
    let mut nobodys = Nobodys::default();
    let api_addresses: BTreeSet<String> = programs
        .iter()
        .filter(|one| one.name() == "kube-apiserver")
        .flat_map(|api| addresses_of(api.host, programs, shown))
        .map(|(ip, _)| ip.to_string())
        .collect();
    for machine in view.hosts.iter().filter(|host| !host.host.loose) {
        let (roles, basis) = roles(machine, programs, &api_addresses, layout);
        if roles.is_empty() {
            continue;
        }
        let name = machines
            .get(machine.name)
            .cloned()
            .unwrap_or_else(|| host_name(machine.name));
        let mut found = addresses_of(machine, programs, shown);
        found.extend(beside(machine, &found, shown, of_cluster));
        let endpoint_here = || {
            let only = found.is_empty() && roles.iter().eq([&Role::LoadBalancer]);
            let ip = endpoint
                .and_then(|endpoint| endpoint.host.parse::<IpAddr>().ok())
                .filter(|ip| only && families.first() == Some(&ip.is_ipv6()))?;
            Some(Settled::assumed(
                vec![ip],
                "taken to be where the API is reached: write its own address if it has another",
            ))
        };
        let is_node = roles.contains(&Role::ControlPlane) || roles.contains(&Role::Worker);
        let ips = endpoint_here().unwrap_or_else(|| of_families(&found, families, is_node, &mut nobodys));
        if hosts.iter().any(|host| host.name == name) {
            let message = format!(
                "two machines are called {name}: the second, {}, is left out",
                machine.name
            );
            say.add(Diagnostic::new(codes::DISAGREE, message));
            continue;
        }
        let kubelet = programs
            .iter()
            .find(|one| one.host.name == machine.name && one.name() == "kubelet");
        let mut interfaces = machine
            .shared
            .values()
            .flat_map(|shared| &shared.routers)
            .map(|router| router.interface.clone());
        hosts.push(AdoptedHost {
            basis,
            labels: kubelet.map_or_else(Vec::new, labels),
            taints: kubelet.map_or_else(Vec::new, taints),
            pods: pods(machine, families).filter(|_| roles.contains(&Role::Worker)),
            interface: interfaces
                .find(|one| !one.is_empty())
                .filter(|_| roles.contains(&Role::LoadBalancer)),
            roles,
            ips,
            name,
            addresses: Vec::new(),
            names: Vec::new(),
        });
    }
    tell_doubled_addresses(&hosts, say);
    hosts
}

/// A host's name is one, and a node that has registered by its address keeps that for its life.
pub(super) fn tell_addresses_as_names(hosts: &[AdoptedHost], say: &Reporter) {
    let is_address = |host: &&AdoptedHost| host.name.parse::<IpAddr>().is_ok();
    let mut all = hosts.iter().filter(is_address);
    let Some(first) = all.next() else { return };
    let more = match all.count() {
        0 => String::new(),
        1 => ", and 1 more has".to_owned(),
        more => format!(", and {more} more have"),
    };
    let message = format!(
        "a node has its address {} for a name ({}){more}: hosts are called by names here, and their certificates are made for these",
        first.name,
        first.basis.comment()
    );
    say.add(Diagnostic::new(codes::NODE_NAME, message));
}

fn tell_doubled_addresses(hosts: &[AdoptedHost], say: &Reporter) {
    let mut owners: BTreeMap<IpAddr, &AdoptedHost> = BTreeMap::new();
    for host in hosts {
        for ip in &host.ips.value {
            if let Some(other) = owners.insert(*ip, host) {
                let (one, two) = (other.ips.basis.comment(), host.ips.basis.comment());
                let message = format!(
                    "{} ({one}) and {} ({two}) have the address {ip} both",
                    other.name, host.name
                );
                say.add(Diagnostic::new(codes::DISAGREE, message));
            }
        }
    }
}

/// A name as hosts have it, in lower case; what DNS does not take becomes a hyphen.
fn host_name(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = text.chars().map(plain).collect();
    name.trim_matches(['-', '.']).to_owned()
}

fn roles(
    machine: &HostView<'_>,
    programs: &[RunningProgram<'_>],
    apis: &BTreeSet<String>,
    layout: Layout,
) -> (BTreeSet<Role>, Basis) {
    let about = &machine.host.about;
    let mut roles: BTreeSet<Role> = about.roles.iter().filter_map(|role| Role::named(role)).collect();
    if !roles.is_empty() {
        return (
            roles,
            Basis::Told(vec![Evidence::words(format!("{}: its MANIFEST", machine.name))]),
        );
    }
    let mut by = Vec::new();
    for (program, role) in [
        ("kube-apiserver", Role::ControlPlane),
        ("etcd", Role::Etcd),
        ("kubelet", Role::Worker),
    ] {
        let mut here = programs
            .iter()
            .filter(|one| one.host.name == machine.name && one.name() == program);
        if let Some(program) = here.next() {
            roles.insert(role);
            by.push(Evidence::file(machine, program.path));
        }
    }
    for (path, balancer) in &machine.balancers {
        // One that listens to its own machine alone passes on what that calls, and is nobody else's.
        let is_reached = |listen: &Listener| listen.address.is_none_or(|address| !address.is_loopback());
        let services = balancer.services.iter();
        let reached = services.filter(|service| service.listens.is_empty() || service.listens.iter().any(is_reached));
        let mut servers = reached.flat_map(|service| &service.servers);
        if servers.any(|server| apis.contains(&server.host) || apis.is_empty()) {
            roles.insert(Role::LoadBalancer);
            by.push(Evidence::file(machine, path));
        }
    }
    // Where authorities are several, no key lies beside them, and none is brought there.
    let of_authorities = ["/root/certs/etcd-ca.pem", "/root/certs/front-proxy-ca.pem"];
    let is_admins = |path: &&str| {
        path.starts_with("/root/certs/") && path.ends_with("-key.pem")
            || layout == Layout::Split && of_authorities.contains(path)
    };
    let of_admin = machine.host.files.keys().map(String::as_str).find(is_admins);
    // A control plane has an administrator's kubeconfig whoever works there; it must not get every key of the cluster for that.
    let of_admin = of_admin.or_else(|| leads_out(machine).filter(|_| !roles.contains(&Role::ControlPlane)));
    if let Some(path) = of_admin {
        roles.insert(Role::Admin);
        by.push(Evidence::file(machine, path));
    }
    (roles, Basis::Told(by))
}

/// An administrator's kubeconfig in root's home that leads to another machine.
fn leads_out<'v>(machine: &'v HostView<'_>) -> Option<&'v str> {
    let is_own = |path: &&str| path.starts_with("/root/") && path.contains("admin") || path.starts_with("/root/.kube/");
    let here = machine.documents.iter().filter(|(path, _)| is_own(path));
    let mut leading = here.filter(|(_, documents)| {
        let configs = documents.iter().filter(|one| crate::audit::login::is_kubeconfig(one));
        let servers = configs.flat_map(|one| one.items_at(&["clusters"]));
        let mut urls = servers.filter_map(|one| Url::parse(one.text_at(&["cluster", "server"])?));
        urls.any(|url| !is_loopback(&url.host))
    });
    leading.next().map(|(path, _)| *path)
}

/// The addresses of a machine, the one that most tells first.
fn addresses_of(machine: &HostView<'_>, programs: &[RunningProgram<'_>], shown: &[ShownAs]) -> Vec<(IpAddr, Evidence)> {
    let mut found: Vec<(IpAddr, Evidence)> = Vec::new();
    let mut add = |ip: IpAddr, evidence: Evidence| {
        // One of a link alone is valid on this machine and nowhere else.
        let is_of_link = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if !ip.is_loopback() && !ip.is_unspecified() && !is_of_link && !found.iter().any(|(known, _)| *known == ip) {
            found.push((ip, evidence));
        }
    };
    for text in &machine.host.about.addresses {
        if let Ok(ip) = text.parse() {
            add(ip, Evidence::words(format!("{}: its MANIFEST", machine.name)));
        }
    }
    let here = || programs.iter().filter(|one| one.host.name == machine.name);
    // RunningProgram | flag, whose value is an address, a list of them, or URLs.
    for (name, flag) in [
        ("kubelet", "node-ip"),
        ("kube-apiserver", "advertise-address"),
        ("etcd", "initial-advertise-peer-urls"),
        ("etcd", "advertise-client-urls"),
        ("etcd", "listen-peer-urls"),
        ("etcd", "listen-client-urls"),
        ("kubelet", "address"),
    ] {
        for program in here().filter(|one| one.name() == name) {
            for item in program.line.list(flag) {
                let host = Url::parse(item).map(|url| url.host);
                // An address by itself may stand in the brackets of IPv6 too.
                let host = host.or_else(|| host_and_port(item).map(|(host, _)| host));
                if let Some(ip) = host.and_then(|host| host.parse().ok()) {
                    add(ip, program.evidence(flag));
                }
            }
        }
    }
    for shared in machine.shared.values().flat_map(|shared| &shared.routers) {
        if let Some(ip) = shared.source {
            add(ip, Evidence::words(format!("{}: keepalived", machine.name)));
        }
    }
    // A certificate of its own has its own addresses; that of all API servers has those of others too.
    for purpose in ["kubelet-serving", "etcd-server", "etcd-peer"] {
        let mut own = of(shown, purpose).filter(|one| one.host.as_deref() == Some(machine.name));
        if let Some(one) = own.next()
            && is_of_one_machine(shown, one)
        {
            one.certificate.ips.iter().for_each(|ip| add(*ip, one.evidence.clone()));
        }
    }
    found
}

/// The addresses of the other family that go with those of a machine by their order in the certificate of its API server.
fn beside(
    machine: &HostView<'_>,
    found: &[(IpAddr, Evidence)],
    shown: &[ShownAs],
    of_cluster: &OfCluster<'_>,
) -> Vec<(IpAddr, Evidence)> {
    let of_services: Vec<IpAddr> = of_cluster.services.iter().filter_map(|range| first_of(range)).collect();
    let is_found = |ip: &IpAddr| found.iter().any(|(known, _)| known == ip);
    let mut more = Vec::new();
    for api in of(shown, "apiserver").filter(|one| one.host.as_deref() == Some(machine.name)) {
        let ips = api.certificate.ips.iter().copied();
        let ips: Vec<IpAddr> = ips
            .filter(|ip| !ip.is_loopback() && !of_services.contains(ip))
            .collect();
        for together in machines_of(&ips, &[], of_cluster.endpoint)
            .into_iter()
            .filter(|ips| ips.iter().any(is_found))
        {
            let evidence = Evidence::words(format!("{}, by the order of its addresses", api.evidence));
            more.extend(
                together
                    .into_iter()
                    .filter(|ip| !is_found(ip))
                    .map(|ip| (ip, evidence.clone())),
            );
        }
    }
    more
}

/// Whether no other machine shows the same certificate.
fn is_of_one_machine(shown: &[ShownAs], one: &ShownAs) -> bool {
    let same = |other: &&ShownAs| other.certificate.fingerprint == one.certificate.fingerprint;
    shown.iter().filter(same).all(|other| other.host == one.host)
}

fn labels(kubelet: &RunningProgram<'_>) -> Vec<(String, String)> {
    let items = kubelet.line.list("node-labels").into_iter();
    items
        .filter_map(|item| item.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn taints(kubelet: &RunningProgram<'_>) -> Vec<String> {
    let items = kubelet.line.list("register-with-taints").into_iter();
    items.map(|item| item.replace("=:", ":")).collect()
}

/// What the plugin calls a bridge that is given no name (<https://www.cni.dev/plugins/current/main/bridge/>).
const DEFAULT_BRIDGE: &str = "cni0";

/// The pods' addresses that the bridge of a node hands out.
fn pods(machine: &HostView<'_>, families: &[bool]) -> Option<AdoptedBridge> {
    let below = machine
        .documents
        .iter()
        .filter(|(path, _)| path.starts_with(NETWORK_PLUGINS));
    for (path, documents) in below {
        for document in documents.iter() {
            let mut plugins = plugins_of(document);
            let Some(bridge) = plugins.find(|plugin| plugin.text_at(&["type"]) == Some("bridge")) else {
                continue;
            };
            let mut ranges: Vec<String> = subnets(document).map(str::to_owned).collect();
            ranges.sort_by_key(|range| Some(range.contains(':')) != families.first().copied());
            if !ranges.is_empty() {
                return Some(AdoptedBridge {
                    name: bridge.text_at(&["bridge"]).unwrap_or(DEFAULT_BRIDGE).to_owned(),
                    ranges: Settled::told(ranges, Evidence::within(machine, path, "subnet", "subnet")),
                });
            }
        }
    }
    None
}

/// Of certificates alone: nodes are named in those of kubelets, the others in that of the API server.
pub(super) fn of_certificates(
    shown: &[ShownAs],
    endpoint: Option<&AdoptedEndpoint>,
    services: &[String],
    say: &Reporter,
) -> Vec<AdoptedHost> {
    let families = families_of(services);
    let mut hosts: Vec<AdoptedHost> = Vec::new();
    let mut nodes: Vec<&ShownAs> = Vec::new();
    for one in of(shown, "kubelet-serving").chain(of(shown, "kubelet-client")) {
        if one.host.is_some() && !nodes.iter().any(|known| known.host == one.host) {
            nodes.push(one);
        }
    }
    let mut taken: BTreeSet<IpAddr> = services.iter().filter_map(|range| first_of(range)).collect();
    let mut nobodys = Nobodys::default();
    for node in nodes {
        let name = host_name(node.host.as_deref().unwrap_or_default());
        let own: Vec<(IpAddr, Evidence)> = node
            .certificate
            .ips
            .iter()
            .filter(|ip| !ip.is_loopback())
            .map(|ip| (*ip, node.evidence.clone()))
            .collect();
        let ips = of_families(&own, &families, true, &mut nobodys);
        taken.extend(&ips.value);
        hosts.push(plain_host(
            name,
            Basis::Told(vec![node.evidence.clone()]),
            ips,
            &[Role::Worker],
        ));
    }
    let apis: Vec<&ShownAs> = of(shown, "apiserver").collect();
    let members: Vec<&ShownAs> = of(shown, "etcd-server").chain(of(shown, "etcd-peer")).collect();
    let etcd: BTreeSet<IpAddr> = members
        .iter()
        .flat_map(|one| one.certificate.ips.iter().copied())
        .filter(|ip| !ip.is_loopback())
        .collect();
    let mut of_api = servers(&apis, &hosts, &taken, endpoint);
    if of_api.is_empty() {
        of_api = servers_by_name(&apis, endpoint);
    }
    let has_own_etcd = !etcd.is_empty();
    for Named {
        name,
        ips,
        evidence,
        is_named,
    } in of_api
    {
        let in_etcd = ips.iter().any(|ip| etcd.contains(ip));
        let is_member = in_etcd || !has_own_etcd;
        // What leads to the API and is no member of etcd, among several, passes connections on.
        let is_balancer =
            leads_to(endpoint, &ips) && is_named && has_others(&apis, &ips, &taken) && !(has_own_etcd && in_etcd);
        let roles: &[Role] = match (is_balancer, is_member) {
            (true, _) => &[Role::LoadBalancer],
            (false, true) => &[Role::ControlPlane, Role::Etcd],
            (false, false) => &[Role::ControlPlane],
        };
        let basis = Basis::assumed(match is_named {
            true if ips.is_empty() => format!(
                "{evidence} has names and no address of a machine: this is taken to run an API server; write a host for each that does"
            ),
            true => format!("{evidence} has this name and address among others: see that they belong together"),
            false => format!("{evidence} has its address and no name for it: write its own name"),
        });
        let node = hosts.iter_mut().find(|host| ips.is_empty() && host.name == name);
        if let Some(node) = node {
            node.roles.extend(roles);
            continue;
        }
        let found: Vec<(IpAddr, Evidence)> = ips.iter().map(|ip| (*ip, evidence.clone())).collect();
        let ips = of_families(&found, &families, !is_balancer, &mut nobodys);
        hosts.push(plain_host(name, basis, ips, roles));
    }
    // Members of etcd on machines of their own.
    let known: BTreeSet<IpAddr> = hosts.iter().flat_map(|host| host.ips.value.iter().copied()).collect();
    let mut alone: Vec<(Vec<IpAddr>, &Evidence)> = Vec::new();
    for member in members {
        let ips = member.certificate.ips.iter().copied();
        let ips: Vec<IpAddr> = ips.filter(|ip| !ip.is_loopback() && !known.contains(ip)).collect();
        for ips in machines_of(&ips, &[], None) {
            if !alone.iter().any(|(others, _)| others.iter().any(|ip| ips.contains(ip))) {
                alone.push((ips, &member.evidence));
            }
        }
    }
    alone.sort();
    for (index, (ips, evidence)) in alone.into_iter().enumerate() {
        let basis = Basis::assumed(format!(
            "{evidence} has its address and no name for it: write its own name"
        ));
        let found: Vec<(IpAddr, Evidence)> = ips.iter().map(|ip| (*ip, evidence.clone())).collect();
        let ips = of_families(&found, &families, false, &mut nobodys);
        hosts.push(plain_host(format!("etcd{}", index + 1), basis, ips, &[Role::Etcd]));
    }
    merge_same_addresses(&mut hosts);
    if !hosts.iter().any(|host| host.roles.contains(&Role::ControlPlane)) {
        let told = "no control plane is told";
        say.add(match apis.first() {
            None => Diagnostic::new(codes::NO_HOST, format!("{told}: there is no certificate of an API server")),
            Some(api) => {
                let message = format!("{told}: {} has neither an address nor a name of a machine", api.evidence);
                Diagnostic::new(codes::NO_HOST, message).hint(
                    "give the machines' trees beside it, each in a folder of its machine's name (machines/master1/etc, machines/master1/var): \
                     khw-gen adopt CERTS machines -o DIR",
                )
            }
        });
    }
    hosts
}

/// Where the certificates of API servers have no address of a machine, those that their names are of: each that has a number in its name,
/// else the one where the API is reached, or that is named first, whose other names are of the same machine.
fn servers_by_name(apis: &[&ShownAs], endpoint: Option<&AdoptedEndpoint>) -> Vec<Named> {
    let all = || {
        apis.iter()
            .flat_map(|api| api.certificate.dns.iter().map(move |name| (name, *api)))
    };
    let names: Vec<(&String, &ShownAs)> = all().filter(|(name, _)| is_of_machine(name)).collect();
    let leads_to = |name: &str| endpoint.is_some_and(|endpoint| endpoint.host == name);
    let first_label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let is_numbered = |name: &str| first_label(name).ends_with(|c: char| c.is_ascii_digit());
    let numbered = names.iter().filter(|(name, _)| is_numbered(name) && !leads_to(name));
    let mut chosen: Vec<&(&String, &ShownAs)> = numbered.collect();
    if chosen.is_empty() {
        let of_endpoint = names.iter().find(|(name, _)| leads_to(name));
        chosen.extend(of_endpoint.or(names.first()));
    }
    let mut found: Vec<Named> = Vec::new();
    for (name, api) in chosen {
        let name = host_name(&first_label(name));
        if !found.iter().any(|known| known.name == name) {
            found.push(Named {
                name,
                ips: Vec::new(),
                evidence: api.evidence.clone(),
                is_named: true,
            });
        }
    }
    found
}

/// Whether a name in the certificate of an API server may be that of a machine.
fn is_of_machine(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    !OF_SERVICES.contains(&first) && !name.starts_with('*') && why_nobody_asks_for(name).is_none()
}

/// Whether there is another machine's address besides these in the certificate of an API server; `taken` are of none of them.
fn has_others(apis: &[&ShownAs], ips: &[IpAddr], taken: &BTreeSet<IpAddr>) -> bool {
    let mut others = apis.iter().flat_map(|one| &one.certificate.ips);
    others.any(|other| !ips.contains(other) && !other.is_loopback() && !taken.contains(other))
}

/// Whether the API is reached at one of these addresses.
fn leads_to(endpoint: Option<&AdoptedEndpoint>, ips: &[IpAddr]) -> bool {
    endpoint.is_some_and(|endpoint| ips.iter().any(|ip| endpoint.host == ip.to_string()))
}

/// Which addresses of a certificate are of one machine: those of a host that is known already; else the first of IPv4 and the first of
/// IPv6, and so on, where there are as many of both. Where there are not, each of the family that has more is of a machine.
fn machines_of(ips: &[IpAddr], known: &[AdoptedHost], endpoint: Option<&AdoptedEndpoint>) -> Vec<Vec<IpAddr>> {
    let host_of = |ip: &IpAddr| known.iter().find(|host| host.ips.value.contains(ip));
    let others = |is_ipv6: bool, with_endpoint: bool| -> Vec<IpAddr> {
        let of_family = ips.iter().filter(|ip| ip.is_ipv6() == is_ipv6 && host_of(ip).is_none());
        let kept = of_family.filter(|ip| with_endpoint || !leads_to(endpoint, &[**ip]));
        kept.copied().collect()
    };
    let paired: Vec<(IpAddr, IpAddr)> = [true, false]
        .iter()
        .map(|with_endpoint| (others(false, *with_endpoint), others(true, *with_endpoint)))
        .find(|(of_4, of_6)| of_4.len() == of_6.len())
        .map_or_else(Vec::new, |(of_4, of_6)| of_4.into_iter().zip(of_6).collect());
    let has_more = others(true, true).len() > others(false, true).len();
    let mut machines: Vec<Vec<IpAddr>> = Vec::new();
    for ip in ips {
        if machines.iter().any(|machine| machine.contains(ip)) {
            continue;
        }
        let pair = paired.iter().find(|(of_4, of_6)| of_4 == ip || of_6 == ip);
        match (host_of(ip), pair) {
            (Some(host), _) => machines.push(ips.iter().filter(|ip| host.ips.value.contains(ip)).copied().collect()),
            (None, Some((of_4, of_6))) => machines.push(vec![*of_4, *of_6]),
            (None, None) if !paired.is_empty() || ip.is_ipv6() == has_more => machines.push(vec![*ip]),
            (None, None) => {}
        }
    }
    machines
}

fn plain_host(name: String, basis: Basis, ips: Settled<Vec<IpAddr>>, roles: &[Role]) -> AdoptedHost {
    AdoptedHost {
        name,
        basis,
        ips,
        roles: roles.iter().copied().collect(),
        labels: Vec::new(),
        taints: Vec::new(),
        pods: None,
        addresses: Vec::new(),
        names: Vec::new(),
        interface: None,
    }
}

/// A machine that the certificate of an API server names.
struct Named {
    name: String,
    /// One, or one of each family.
    ips: Vec<IpAddr>,
    evidence: Evidence,
    /// Whether its name is there too.
    is_named: bool,
}

/// The machines in the certificates of API servers: addresses and names go together in their order where there are as many of both.
fn servers(
    apis: &[&ShownAs],
    nodes: &[AdoptedHost],
    taken: &BTreeSet<IpAddr>,
    endpoint: Option<&AdoptedEndpoint>,
) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for api in apis {
        let certificate = &api.certificate;
        let is_of_node = |ip: &IpAddr| nodes.iter().any(|node| node.ips.value.contains(ip));
        let ips: Vec<IpAddr> = certificate
            .ips
            .iter()
            .copied()
            .filter(|ip| !ip.is_loopback() && (!taken.contains(ip) || is_of_node(ip)))
            .collect();
        let is_own = |name: &&String| is_of_machine(name) && endpoint.is_none_or(|endpoint| endpoint.host != **name);
        let names: Vec<&String> = certificate.dns.iter().filter(is_own).collect();
        let machines = machines_of(&ips, nodes, endpoint);
        let paired = names.len() == machines.len();
        for (index, ips) in machines.into_iter().enumerate() {
            if found.iter().any(|known| known.ips.iter().any(|ip| ips.contains(ip))) {
                continue;
            }
            let own = names.get(index).filter(|_| paired).map(|name| host_name(name));
            // An address without a name that leads to the API is nobody's of ours.
            if own.is_none() && leads_to(endpoint, &ips) && has_others(apis, &ips, taken) {
                continue;
            }
            let number = found.iter().filter(|one| !one.is_named).count() + 1;
            found.push(Named {
                is_named: own.is_some(),
                name: own.unwrap_or_else(|| format!("master{number}")),
                ips,
                evidence: api.evidence.clone(),
            });
        }
    }
    found
}

/// A machine that is a node and a control plane is one host.
fn merge_same_addresses(hosts: &mut Vec<AdoptedHost>) {
    let mut merged: Vec<AdoptedHost> = Vec::new();
    for host in hosts.drain(..) {
        match merged
            .iter_mut()
            .find(|known| known.ips.value.iter().any(|ip| host.ips.value.contains(ip)))
        {
            Some(known) => known.roles.extend(host.roles),
            None => merged.push(host),
        }
    }
    // A name that is made up must not be another's.
    let mut names: BTreeSet<String> = BTreeSet::new();
    for host in &mut merged {
        let mut name = host.name.clone();
        let mut number = 1;
        while !names.insert(name.clone()) {
            number += 1;
            name = format!("{}-{number}", host.name);
        }
        host.name = name;
    }
    *hosts = merged;
}
