//! Whether the hosts make a cluster together.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::identity::{Identity, Per};
use crate::catalog::layouts::Layout;
use crate::catalog::port::Port;
use crate::catalog::tables::components::API_SERVER_PORT;
use crate::catalog::tables::ports::PORTS;
use crate::cluster::{ClusterState, Endpoint, HostState, Role};
use crate::diagnostic::{Place, Reporter, codes};

use super::draft::{Draft, DraftHost};
use super::labels;
use super::load_balancer::{self, virtual_endpoint, virtual_ips};
use super::pods;
use super::tree::At;
use super::values::cant_be;

/// Everything that can be wrong with the hosts together. `complete` is false when some could not be read, so that what is
/// missing may be there.
pub fn check(draft: &Draft, complete: bool, say: &Reporter) {
    duplicate_names(draft, say);
    duplicate_addresses(draft, say);
    names_of_api_servers(draft, say);
    endpoint_answers(draft, say);
    reserved_names(draft, say);
    port_conflicts(draft, say);
    fields_of_other_roles(draft, say);
    nothing_to_join(draft, say);
    load_balancer::check(draft, complete, say);
    pods::check(draft, say);
    labels::check(draft, say);
    if complete {
        missing_roles(draft, say);
        nobody_stays(draft, say);
        even_etcd(draft, say);
        load_balancing(draft, say);
    }
}

/// Where the API server is reached: as given, else the address that the load balancers share, else the first of them, else
/// the only control plane.
pub fn endpoint(draft: &Draft) -> Option<Endpoint> {
    if let Some(endpoint) = draft.cluster.endpoint.sound()? {
        return Some(endpoint.value.clone());
    }
    // One that neither comes nor goes, where there is one.
    let first = |role| {
        let settled = draft.with(role).find(|host| host.state().is_none());
        settled.or_else(|| draft.with(role).next())
    };
    let (host, port) = match first(Role::LoadBalancer) {
        Some(host) => {
            let port = draft.load_balancing.as_ref()?.port.as_ref()?.value;
            if let Some(ip) = virtual_endpoint(draft) {
                return Some(Endpoint {
                    host: ip.value.to_string(),
                    port,
                });
            }
            (host, port)
        }
        None => (first(Role::ControlPlane)?, API_SERVER_PORT),
    };
    Some(Endpoint {
        host: host.ip.as_ref()?.primary.value.to_string(),
        port,
    })
}

/// An endpoint that is one of the hosts must be where an API server or a load balancer listens.
fn endpoint_answers(draft: &Draft, say: &Reporter) {
    let Some(endpoint) = draft.cluster.endpoint.given() else {
        return;
    };
    let Endpoint { host: name, port } = &endpoint.value;
    if is_localhost(name) && draft.hosts.len() > 1 {
        let message =
            format!("\"{name}\" can't be the endpoint: every host calls itself that, and has to reach another");
        say.at(&endpoint.place, codes::BAD_ENDPOINT, message)
            .hint("name a load balancer or a control plane");
        return;
    }
    let is_endpoint = |host: &&DraftHost| {
        host.all_names().any(|own| own.value == *name) || host.all_addresses().any(|own| own.value.to_string() == *name)
    };
    let host = draft.hosts.iter().find(is_endpoint);
    let is_virtual =
        draft.with(Role::LoadBalancer).next().is_some() && virtual_ips(draft).any(|ip| ip.value.to_string() == *name);
    if !is_virtual && host.is_none_or(|host| host.roles.is_none()) {
        return;
    }
    let is = |role| host.is_some_and(|host| host.is(role));
    let balances = load_balancer_port(draft).filter(|_| is_virtual || is(Role::LoadBalancer));
    let serves = Some(API_SERVER_PORT).filter(|_| is(Role::ControlPlane));
    if balances != Some(*port) && serves != Some(*port) {
        let message = format!("\"{name}\" can't be the endpoint: nothing on that host listens on port {port}");
        let hint = match balances.or(serves) {
            Some(right) => format!("write port {right}"),
            None => "name a load balancer or a control plane".to_owned(),
        };
        say.at(&endpoint.place, codes::BAD_ENDPOINT, message).hint(hint);
    }
}

fn duplicate_names(draft: &Draft, say: &Reporter) {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    let report = |message, place: &Option<Place>| {
        say.at(place, codes::DUPLICATE_NAME, message);
    };
    for (index, name) in own_names(draft) {
        if owners.insert(&name.value, index).is_some() {
            report(format!("another host is named \"{}\"", name.value), &name.place);
        }
    }
    for (index, host) in draft.hosts.iter().enumerate() {
        for name in &host.names {
            match owners.get(name.value.as_str()) {
                Some(owner) if *owner == index => {
                    report(format!("the host has the name \"{}\" already", name.value), &name.place);
                }
                Some(owner) => {
                    let owner = draft.hosts[*owner].called("another host");
                    let message = format!("\"{}\" is a name of {owner} too", name.value);
                    report(message, &name.place);
                }
                None => {
                    owners.insert(&name.value, index);
                }
            }
        }
    }
}

/// A name of the API servers' that is on the list already, or is a kubelet's alone: with its certificate it could pass for an
/// API server.
fn names_of_api_servers(draft: &Draft, say: &Reporter) {
    let mut seen = BTreeSet::new();
    for name in &draft.cluster.names {
        let is_only_a_node = |host: &&DraftHost| {
            let is_worker = host.roles.is_some() && host.is(Role::Worker) && !host.is(Role::ControlPlane);
            let has_name = host.all_names().any(|own| own.value == name.value);
            is_worker && (has_name || host.all_addresses().any(|own| own.value.to_string() == name.value))
        };
        let problem = if !seen.insert(&name.value) {
            format!("\"{}\" is given twice", name.value)
        } else if let Some(worker) = draft.hosts.iter().find(is_only_a_node) {
            let worker = worker.called("a worker");
            format!("\"{}\" belongs to the worker {worker}", name.value)
        } else {
            continue;
        };
        let hint = "remove it: here are names and addresses by which the API servers are reached";
        say.at(&name.place, codes::DUPLICATE_NAME, problem).hint(hint);
    }
}

/// The port of the load balancers, unless it is wrong.
fn load_balancer_port(draft: &Draft) -> Option<u16> {
    Some(draft.load_balancing.as_ref()?.port.as_ref()?.value)
}

/// The names that hosts have as hosts, with the hosts' numbers.
fn own_names(draft: &Draft) -> impl Iterator<Item = (usize, &At<String>)> {
    let hosts = draft.hosts.iter().enumerate();
    hosts.filter_map(|(index, host)| Some((index, host.name.as_ref()?)))
}

fn duplicate_addresses(draft: &Draft, say: &Reporter) {
    let mut owners = BTreeMap::new();
    for (index, host) in draft.hosts.iter().enumerate() {
        for ip in host.all_addresses() {
            let Some(first) = owners.insert(ip.value, index) else {
                continue;
            };
            let owner = draft.hosts[first].called("another host");
            let message = match first == index {
                true => format!("the host has the address {} already", ip.value),
                false => format!("{owner} has the address {} too", ip.value),
            };
            say.at(&ip.place, codes::DUPLICATE_ADDRESS, message);
            owners.insert(ip.value, first);
        }
    }
    for ip in virtual_ips(draft) {
        if let Some(owner) = owners.get(&ip.value) {
            let owner = draft.hosts[*owner].called("a host");
            let message = format!("{} can't be the virtual address: it is {owner}'s own", ip.value);
            let hint = "write an address of the same network that no host has";
            say.at(&ip.place, codes::DUPLICATE_ADDRESS, message).hint(hint);
        }
    }
}

/// What only workers have a use for, on hosts that are none.
fn fields_of_other_roles(draft: &Draft, say: &Reporter) {
    let hosts = draft.hosts.iter().filter(|host| host.roles.is_some());
    for host in hosts.filter(|host| !host.is(Role::Worker)) {
        for field in &host.role_fields {
            let message = format!("`{}` has no effect on a host that is no worker", field.value);
            say.at(&field.place, codes::IGNORED_FIELD, message);
        }
    }
}

/// In the single layout a worker NAME has the files NAME.pem, NAME-key.pem, NAME.csr, NAME-csr.json and NAME.kubeconfig beside
/// those of the cluster's identities: neither name may be the other, or the other with `-key`.
fn reserved_names(draft: &Draft, say: &Reporter) {
    let rows = draft.pki.layout.map_or(&[][..], Layout::identities);
    let own_files = |row: &&Identity| row.per == Per::Cluster;
    let named_after_hosts = rows.iter().any(|row| row.files == "{host}");
    let identities: BTreeSet<&str> = rows
        .iter()
        .filter(|row| named_after_hosts && own_files(row))
        .map(|row| row.name)
        .collect();
    let workers = draft.with(Role::Worker).filter_map(|host| host.name.as_ref());
    let worker_names: BTreeSet<&str> = workers.map(|name| name.value.as_str()).collect();
    // A kubelet's certificate is valid for its host's name: with the API server's it could pass for the API server.
    let domain = draft.cluster.domain.as_ref().map_or("", |domain| &domain.value);
    let service =
        ["", ".default", ".default.svc", &format!(".default.svc.{domain}")].map(|rest| format!("kubernetes{rest}"));
    let endpoint = draft.cluster.endpoint.given();
    let endpoint = endpoint.map(|endpoint| endpoint.value.host.as_str());
    let of_api_servers: BTreeSet<&str> = service.iter().map(String::as_str).chain(endpoint).collect();
    for host in &draft.hosts {
        for name in &host.names {
            let problem = if is_localhost(&name.value) {
                "every host calls itself localhost"
            } else if host.is(Role::Worker) && of_api_servers.contains(name.value.as_str()) {
                "it is a name of the API server"
            } else {
                continue;
            };
            cant_be(name, "a name of the host", problem, codes::RESERVED_HOST_NAME, say);
        }
        let Some(name) = &host.name else { continue };
        let owns_key_of = name.value.strip_suffix("-key");
        let problem = if is_localhost(&name.value) {
            Some("every host calls itself localhost".to_owned())
        } else if [".tar.gz", ".tar.zst", ".zip"]
            .iter()
            .any(|end| name.value.ends_with(end))
        {
            Some("its bundle would have the name of an archive".to_owned())
        } else if !host.is(Role::Worker) {
            None
        } else if service.contains(&name.value) && !identities.contains(name.value.as_str()) {
            Some("it is a name of the API server".to_owned())
        } else if identities.contains(name.value.as_str()) {
            Some(format!(
                "{0}.pem and {0}-key.pem are files of the cluster's own",
                name.value
            ))
        } else if let Some(other) = owns_key_of
            .filter(|other| identities.contains(other) || (named_after_hosts && worker_names.contains(other)))
        {
            Some(format!("{}.pem is the key of {other}", name.value))
        } else if identities.contains(format!("{}-key", name.value).as_str()) {
            Some(format!("{}-key.pem is a file of the cluster's own", name.value))
        } else {
            None
        };
        if let Some(problem) = problem {
            cant_be(name, "the host's name", problem, codes::RESERVED_HOST_NAME, say);
        }
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.starts_with("localhost.") || name.ends_with(".localhost")
}

fn missing_roles(draft: &Draft, say: &Reporter) {
    for (role, code) in [
        (Role::ControlPlane, codes::NO_CONTROL_PLANE),
        (Role::Etcd, codes::NO_ETCD),
        (Role::Worker, codes::NO_WORKER),
    ] {
        if draft.with(role).next().is_none() {
            say.at(
                &draft.hosts_place,
                code,
                format!("no host has the role {}", role.name()),
            );
        }
    }
}

/// Hosts that join or leave where there is no cluster to join or leave.
fn nothing_to_join(draft: &Draft, say: &Reporter) {
    let Some(state) = draft.cluster.state.sound() else {
        return;
    };
    if state.is_some_and(|state| state.value == ClusterState::Running) {
        return;
    }
    let marked = draft.hosts.iter().filter_map(|host| host.state.given());
    for host in marked {
        let message = match host.value {
            HostState::Joining => "the host joins a cluster that is yet to be founded",
            HostState::Leaving => "the host leaves a cluster that is yet to be founded",
        };
        say.at(host, codes::NOTHING_TO_JOIN, message)
            .hint("if the cluster runs, write state = \"running\" below [cluster]; else take this `state` away");
    }
}

/// Roles that a running cluster can't be without, which only hosts have that come or go.
fn nobody_stays(draft: &Draft, say: &Reporter) {
    for role in [Role::Etcd, Role::ControlPlane] {
        let mut hosts = draft.with(role).peekable();
        let Some(first) = hosts.peek().copied() else { continue };
        if hosts.all(|host| host.state().is_some()) {
            let place = first.state.given().and_then(|state| state.place.clone());
            let message = format!("every host with the role {} joins or leaves", role.name());
            say.at(&place, codes::NOBODY_STAYS, message)
                .hint("take `state` away where the host is a part of the cluster now, and stays one");
        }
    }
}

fn even_etcd(draft: &Draft, say: &Reporter) {
    let stays = |host: &&DraftHost| host.state() != Some(HostState::Leaving);
    let members: Vec<&DraftHost> = draft.with(Role::Etcd).filter(stays).collect();
    let count = members.len();
    if let (Some(last), true) = (members.last(), count > 0 && count.is_multiple_of(2)) {
        let message = match count / 2 - 1 {
            0 => format!(
                "{count} etcd members tolerate no failure, and neither would {}",
                count - 1
            ),
            1 => format!("{count} etcd members tolerate one failure, as {} would", count - 1),
            failures => format!(
                "{count} etcd members tolerate {failures} failures, as {} would",
                count - 1
            ),
        };
        say.at(last.place(), codes::EVEN_ETCD, message)
            .hint(format!("use {} or {} members", count - 1, count + 1));
    }
}

fn load_balancing(draft: &Draft, say: &Reporter) {
    let shared = draft.load_balancing.as_ref();
    let Some(shared) = shared.and_then(|written| written.virtual_ip.sound()) else {
        return;
    };
    if !draft.cluster.endpoint.is_absent() {
        return;
    }
    let with = |role| draft.with(role);
    let control_planes = with(Role::ControlPlane).count();
    let second = with(Role::LoadBalancer).nth(1).filter(|_| shared.is_none());
    if let Some(second) = second {
        let first = with(Role::LoadBalancer)
            .find_map(|host| host.name.as_ref())
            .map_or("the first", |name| &name.value);
        let message = format!("everything uses {first}, the first load balancer");
        say.at(second.place(), codes::SEVERAL_LOAD_BALANCERS, message);
    } else if control_planes > 1 && with(Role::LoadBalancer).next().is_none() {
        let place = with(Role::ControlPlane).nth(1).map(DraftHost::place);
        let message = format!("{control_planes} control planes, and nothing that reaches them all");
        say.at(place, codes::NO_ENDPOINT, message);
    }
}

fn port_conflicts(draft: &Draft, say: &Reporter) {
    let Some(port) = load_balancer_port(draft) else { return };
    let kubernetes = draft.release.as_ref().map(|known| known.release.kubernetes);
    for host in draft.with(Role::LoadBalancer) {
        let is_taken = |taken: &&Port| taken.number == port && host.is(taken.role) && taken.is_taken_in(kubernetes);
        if let Some(Port { number, whose, .. }) = PORTS.iter().find(is_taken) {
            let message = format!("the load balancer's port {number} is {whose}'s on this host");
            say.at(host.place(), codes::PORT_CONFLICT, message);
        }
    }
}
