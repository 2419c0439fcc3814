//! The hosts: of machines' trees as their programs say, of a folder of certificates as the names in these say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::evidence::{Basis, Claims, Evidence, Settled};
use super::programs::RunningProgram;
use super::shown::{NODE, ShownAs, of};
use crate::audit::names::{Url, is_loopback};
use crate::audit::pods::{plugins_of, subnets};
use crate::audit::view::{HostView, NETWORK_PLUGINS, View};
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

/// An address of the block for documentation (RFC 5737), which nobody has: for a machine of which no address is told.
const NOBODYS: &str = "192.0.2.";

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

/// Of machines' trees, by their names.
pub(super) fn of_machines(
    view: &View<'_>,
    machines: &BTreeMap<String, String>,
    programs: &[RunningProgram<'_>],
    shown: &[ShownAs],
    endpoint: Option<&AdoptedEndpoint>,
    say: &Reporter,
) -> Vec<AdoptedHost> {
    let mut hosts: Vec<AdoptedHost> = Vec::new();
    let mut without_address = 0;
    let api_addresses: BTreeSet<String> = programs
        .iter()
        .filter(|one| one.name() == "kube-apiserver")
        .flat_map(|api| addresses_of(api.host, programs, shown))
        .map(|(ip, _)| ip.to_string())
        .collect();
    for machine in view.hosts.iter().filter(|host| !host.host.loose) {
        let (roles, basis) = roles(machine, programs, &api_addresses);
        if roles.is_empty() {
            continue;
        }
        let name = machines
            .get(machine.name)
            .cloned()
            .unwrap_or_else(|| host_name(machine.name));
        let mut claims: Claims<Vec<IpAddr>> = Claims::default();
        let found = addresses_of(machine, programs, shown);
        if let Some((first, evidence)) = found.first() {
            let mut ips = vec![*first];
            // The first address of the other family beside it.
            ips.extend(
                found
                    .iter()
                    .map(|(ip, _)| *ip)
                    .find(|ip| ip.is_ipv4() != first.is_ipv4()),
            );
            claims.add(ips, evidence.clone());
        }
        let endpoint_here = || {
            let only = roles.iter().eq([&Role::LoadBalancer]);
            let ip = endpoint
                .and_then(|endpoint| endpoint.host.parse::<IpAddr>().ok())
                .filter(|_| only)?;
            Some(Settled::assumed(
                vec![ip],
                "taken to be where the API is reached: write its own address if it has another",
            ))
        };
        let ips = claims.most().or_else(endpoint_here).unwrap_or_else(|| {
            without_address += 1;
            let ip: IpAddr = format!("{NOBODYS}{without_address}")
                .parse()
                .unwrap_or(IpAddr::from([192, 0, 2, 1]));
            Settled::assumed(vec![ip], "an address that nobody has stands for it: write its own")
        });
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
            pods: pods(machine).filter(|_| roles.contains(&Role::Worker)),
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

fn roles(machine: &HostView<'_>, programs: &[RunningProgram<'_>], apis: &BTreeSet<String>) -> (BTreeSet<Role>, Basis) {
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
        let mut servers = balancer.services.iter().flat_map(|service| &service.servers);
        if servers.any(|server| apis.contains(&server.host) || apis.is_empty()) {
            roles.insert(Role::LoadBalancer);
            by.push(Evidence::file(machine, path));
        }
    }
    let is_admins = |path: &&str| path.starts_with("/root/certs/") && path.ends_with("-key.pem");
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
        if !ip.is_loopback() && !ip.is_unspecified() && !found.iter().any(|(known, _)| *known == ip) {
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
                let text = Url::parse(item).map_or_else(|| item.to_owned(), |url| url.host);
                if let Ok(ip) = text.parse() {
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
fn pods(machine: &HostView<'_>) -> Option<AdoptedBridge> {
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
            let ranges: Vec<String> = subnets(document).map(str::to_owned).collect();
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
    service: &[IpAddr],
    say: &Reporter,
) -> Vec<AdoptedHost> {
    let mut hosts: Vec<AdoptedHost> = Vec::new();
    let mut nodes: Vec<&ShownAs> = Vec::new();
    for one in of(shown, "kubelet-serving").chain(of(shown, "kubelet-client")) {
        if one.host.is_some() && !nodes.iter().any(|known| known.host == one.host) {
            nodes.push(one);
        }
    }
    let mut taken: BTreeSet<IpAddr> = service.iter().copied().collect();
    let mut without_address = 0;
    for node in nodes {
        let name = host_name(node.host.as_deref().unwrap_or_default());
        let ips = first_of_each_family(node.certificate.ips.iter().filter(|ip| !ip.is_loopback()));
        taken.extend(&ips);
        let ips = match ips.is_empty() {
            false => Settled::told(ips, node.evidence.clone()),
            true => {
                without_address += 1;
                let ip: IpAddr = format!("{NOBODYS}{without_address}")
                    .parse()
                    .unwrap_or(IpAddr::from([192, 0, 2, 1]));
                Settled::assumed(vec![ip], "an address that nobody has stands for it: write its own")
            }
        };
        hosts.push(plain_host(
            name,
            Basis::Told(vec![node.evidence.clone()]),
            ips,
            &[Role::Worker],
        ));
    }
    let apis: Vec<&ShownAs> = of(shown, "apiserver").collect();
    let etcd: BTreeSet<IpAddr> = of(shown, "etcd-server")
        .chain(of(shown, "etcd-peer"))
        .flat_map(|one| one.certificate.ips.iter().copied())
        .filter(|ip| !ip.is_loopback())
        .collect();
    let of_api = servers(&apis, &hosts, &taken, endpoint);
    let has_own_etcd = !etcd.is_empty();
    for Named {
        name,
        ip,
        evidence,
        is_named,
    } in of_api
    {
        let is_endpoint = endpoint.is_some_and(|endpoint| endpoint.host == ip.to_string());
        let is_member = etcd.contains(&ip) || !has_own_etcd;
        // What leads to the API and is no member of etcd, among several, passes connections on.
        let is_balancer =
            is_endpoint && is_named && has_others(&apis, ip, &taken) && !(has_own_etcd && etcd.contains(&ip));
        let roles: &[Role] = match (is_balancer, is_member) {
            (true, _) => &[Role::LoadBalancer],
            (false, true) => &[Role::ControlPlane, Role::Etcd],
            (false, false) => &[Role::ControlPlane],
        };
        let basis = Basis::assumed(match is_named {
            true => format!("{evidence} has this name and address among others: see that they belong together"),
            false => format!("{evidence} has its address and no name for it: write its own name"),
        });
        hosts.push(plain_host(name, basis, Settled::told(vec![ip], evidence), roles));
    }
    // Members of etcd on machines of their own.
    let known: BTreeSet<IpAddr> = hosts.iter().flat_map(|host| host.ips.value.iter().copied()).collect();
    let evidence = of(shown, "etcd-server")
        .chain(of(shown, "etcd-peer"))
        .next()
        .map(|one| one.evidence.clone());
    for (index, ip) in etcd.iter().filter(|ip| !known.contains(ip)).enumerate() {
        let evidence = evidence
            .clone()
            .unwrap_or_else(|| Evidence::words("etcd's certificate"));
        let basis = Basis::assumed(format!(
            "{evidence} has its address and no name for it: write its own name"
        ));
        hosts.push(plain_host(
            format!("etcd{}", index + 1),
            basis,
            Settled::told(vec![*ip], evidence),
            &[Role::Etcd],
        ));
    }
    merge_same_addresses(&mut hosts);
    if !hosts.iter().any(|host| host.roles.contains(&Role::ControlPlane)) {
        say.add(Diagnostic::new(
            codes::NO_HOST,
            "no control plane is told: there is no certificate of an API server with an address of a machine in it",
        ));
    }
    hosts
}

/// Whether there is another machine's address besides this one in the certificate of an API server; `taken` are of none of them.
fn has_others(apis: &[&ShownAs], ip: IpAddr, taken: &BTreeSet<IpAddr>) -> bool {
    let mut others = apis.iter().flat_map(|one| &one.certificate.ips);
    others.any(|other| *other != ip && !other.is_loopback() && !taken.contains(other))
}

fn first_of_each_family<'i>(ips: impl Iterator<Item = &'i IpAddr>) -> Vec<IpAddr> {
    let mut first: Vec<IpAddr> = Vec::new();
    for ip in ips {
        if !first.iter().any(|known| known.is_ipv4() == ip.is_ipv4()) {
            first.push(*ip);
        }
    }
    first
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
    ip: IpAddr,
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
        let is_of_machine = |name: &&String| {
            let first = name.split('.').next().unwrap_or_default();
            !OF_SERVICES.contains(&first)
                && !name.starts_with('*')
                && endpoint.is_none_or(|endpoint| endpoint.host != **name)
        };
        let names: Vec<&String> = certificate.dns.iter().filter(is_of_machine).collect();
        let paired = names.len() == ips.len();
        for (index, ip) in ips.into_iter().enumerate() {
            if found.iter().any(|known| known.ip == ip) {
                continue;
            }
            let own = names.get(index).filter(|_| paired).map(|name| host_name(name));
            let is_endpoint = endpoint.is_some_and(|endpoint| endpoint.host == ip.to_string());
            // An address without a name that leads to the API is nobody's of ours.
            if own.is_none() && is_endpoint && has_others(apis, ip, taken) {
                continue;
            }
            let number = found.iter().filter(|one| !one.is_named).count() + 1;
            found.push(Named {
                is_named: own.is_some(),
                name: own.unwrap_or_else(|| format!("master{number}")),
                ip,
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
