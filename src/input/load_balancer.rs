//! The section `[load_balancer]`: what passes connections on, and the address that the load balancers share.
use std::net::IpAddr;

use crate::catalog::engines::Engine;
use crate::catalog::tables::components::API_SERVER_PORT;
use crate::cluster::{Families, LoadBalancing, Role, VirtualAddress};
use crate::diagnostic::suggest::listed;
use crate::diagnostic::{Reporter, codes};

use super::choices;
use super::draft::{Draft, DraftHost, DraftLoadBalancing};
use super::families::{self, AtFamilies as _, OfFamily, family_name};
use super::fields;
use super::tree::{At, Fields, Written};
use super::values::{address, port_number, unless};

/// The fields that say how a virtual address is carried.
const OF_VIRTUAL: [&str; 2] = ["interface", "virtual_router_id"];
const VIRTUAL_ROUTER_ID: u8 = 51;

/// Reads the section.
pub fn read(section: &Fields<'_>) -> DraftLoadBalancing {
    let say = section.doc.say;
    let given = fields::LOAD_BALANCER
        .names()
        .into_iter()
        .filter(|name| section.has(name));
    DraftLoadBalancing {
        engine: choices::choice(section, "engine", Engine::named, Engine::NAMES)
            .or(At::default_value(Engine::Nginx))
            .map(|engine| engine.value),
        port: section
            .written("port", || port_number(section.integer("port")?, say))
            .or(At::default_value(API_SERVER_PORT)),
        virtual_ip: section.written("virtual_ip", || families::read(section, "virtual_ip", address)),
        interface: interface(section),
        virtual_router_id: section
            .written("virtual_router_id", || {
                virtual_router_id(&section.integer("virtual_router_id")?, say)
            })
            .or(VIRTUAL_ROUTER_ID),
        max_connections: section.written("max_connections", || {
            max_connections(&section.integer("max_connections")?, say)
        }),
        virtual_ip_may_be_meant: section.may_be_meant("virtual_ip"),
        engine_may_be_meant: section.may_be_meant("engine"),
        given: given.map(|name| section.key_at(name)).collect(),
    }
}

/// The field `interface`: the name of a network interface, as Linux takes one (dev_valid_name) and as it can stand in a file
/// unquoted.
pub fn interface(fields: &Fields<'_>) -> Written<At<String>> {
    fields.optional("interface", interface_name)
}

fn interface_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    const LONGEST: usize = 15;
    let strange = |c: &char| !(c.is_ascii_alphanumeric() || "-_.".contains(*c));
    let problem = match name.value.chars().find(strange) {
        _ if name.value.is_empty() => Some("it is empty".to_owned()),
        Some(c) => Some(format!("`{c}` is not permitted")),
        None if matches!(name.value.as_str(), "." | "..") => Some("it is no name".to_owned()),
        None if name.value.len() > LONGEST => {
            Some(format!("it has {} characters, more than {LONGEST}", name.value.len()))
        }
        None if name.value == "lo" => Some("nothing reaches the loopback interface from elsewhere".to_owned()),
        None => None,
    };
    unless(problem, name, "a network interface", codes::BAD_INTERFACE, say)
}

fn virtual_router_id(id: &At<i64>, say: &Reporter) -> Option<u8> {
    let number = u8::try_from(id.value).ok().filter(|number| *number > 0);
    if number.is_none() {
        let hint = "write a number from 1 to 255 that nothing else on the network uses";
        let message = format!("{} is no virtual router id", id.value);
        say.at(&id.place, codes::OUT_OF_RANGE, message).hint(hint);
    }
    number
}

fn max_connections(count: &At<i64>, say: &Reporter) -> Option<At<u32>> {
    const MOST: u32 = 1_000_000;
    const FEWEST: u32 = 100;
    let number = u32::try_from(count.value)
        .ok()
        .filter(|number| (FEWEST..=MOST).contains(number));
    if number.is_none() {
        let message = format!("{} is no number of connections for a load balancer", count.value);
        say.at(&count.place, codes::OUT_OF_RANGE, message)
            .hint(format!("write a number from {FEWEST} to {MOST}"));
    }
    number.map(|number| count.with(number))
}

/// A kubelet, kube-proxy and what else runs on a node keep some connections each, and all of them come at once when another load
/// balancer stops.
const CONNECTIONS_OF_A_NODE: usize = 8;

const USUAL_CONNECTIONS: u32 = 8000;

/// What the load balancers do. None if something is wrong, which has been reported.
pub fn load_balancing(draft: &Draft) -> Option<LoadBalancing> {
    let written = draft.load_balancing.as_ref()?;
    let interface = written.interface.sound()?.map(|at| at.value.clone());
    let router_id = written.virtual_router_id?;
    let nodes = draft.with(Role::Worker).count() * CONNECTIONS_OF_A_NODE;
    let connections_of_nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
    Some(LoadBalancing {
        connections_of_nodes,
        max_connections: written
            .max_connections
            .sound()?
            .map_or(USUAL_CONNECTIONS.max(connections_of_nodes), |at| at.value),
        engine: written.engine?,
        port: written.port.as_ref()?.value,
        virtual_address: written.virtual_ip.sound()?.map(|ip| VirtualAddress {
            ip: ip.values(),
            interface,
            router_id,
        }),
    })
}

/// The virtual addresses, where there are any.
pub fn virtual_ips(draft: &Draft) -> impl Iterator<Item = &At<IpAddr>> {
    let written = draft.load_balancing.iter();
    written
        .filter_map(|written| written.virtual_ip.given())
        .flat_map(Families::iter)
}

/// The virtual address that clients use: the one of the cluster's first family, else the one that there is.
pub fn virtual_endpoint(draft: &Draft) -> Option<&At<IpAddr>> {
    let first_is_ipv6 = draft.network.services.as_ref()?.primary.value.is_ipv6();
    let of_first = virtual_ips(draft).find(|ip| ip.value.is_ipv6() == first_is_ipv6);
    of_first.or_else(|| virtual_ips(draft).next())
}

/// Everything that can be wrong with a virtual address. `complete` is false when some hosts could not be read.
pub fn check(draft: &Draft, complete: bool, say: &Reporter) {
    let Some(written) = &draft.load_balancing else { return };
    let has_virtual = !written.virtual_ip.is_absent();
    let ignored = |what: &str, at: &At<&str>| {
        let message = format!("`{}` has no effect without {what}", at.value);
        say.at(at, codes::IGNORED_FIELD, message);
    };
    let lacks_virtual = !has_virtual && !written.virtual_ip_may_be_meant;
    if lacks_virtual {
        for field in written.given.iter().filter(|field| OF_VIRTUAL.contains(&field.value)) {
            ignored("`virtual_ip`", field);
        }
    }
    // What nginx takes stands in its own nginx.conf.
    if written.engine == Some(Engine::Nginx) && !written.engine_may_be_meant {
        for field in written.given.iter().filter(|field| field.value == "max_connections") {
            ignored("`engine = \"haproxy\"`", field);
        }
    }
    for host in draft.hosts.iter().filter(|host| host.roles.is_some()) {
        let Some(interface) = host.interface.given() else {
            continue;
        };
        let field = interface.with("interface");
        if !host.is(Role::LoadBalancer) {
            let message = "`interface` has no effect on a host that is no load balancer";
            say.at(field.place, codes::IGNORED_FIELD, message);
        } else if lacks_virtual {
            ignored("`virtual_ip` in [load_balancer]", &field);
        }
    }
    let load_balancers = || draft.with(Role::LoadBalancer);
    if complete && has_virtual && load_balancers().next().is_none() {
        for field in written.given.iter().filter(|field| field.value == "virtual_ip") {
            let message = "`virtual_ip` has no effect without a host with the role load-balancer";
            say.at(field, codes::IGNORED_FIELD, message).hint(
                "give hosts the role load-balancer, also control planes, with another `port` there; or remove it",
            );
        }
    }
    let is_of_the_cluster = |ip: &&At<IpAddr>| {
        let services = draft.network.services.as_ref();
        services.is_none_or(|services| services.of_family(ip.value.is_ipv6()).is_some())
    };
    for ip in virtual_ips(draft).filter(is_of_the_cluster) {
        for host in load_balancers() {
            own_address(host, ip, say);
        }
    }
    if virtual_ips(draft).next().is_some() && written.interface.is_absent() {
        let without: Vec<&DraftHost> = load_balancers().filter(|host| host.interface.is_absent()).collect();
        if let Some(first) = without.first() {
            let names: Vec<&str> = without.iter().map(|host| host.called("a host")).collect();
            let message = match names.as_slice() {
                [_] => "the load balancer has a virtual address, and no `interface` that carries it".to_owned(),
                names => format!(
                    "the load balancers {} have a virtual address, and no `interface` that carries it",
                    listed(names.iter().copied())
                ),
            };
            let hint = match names.len() {
                1 => "add interface = \"eth0\" to [load_balancer], or to the host",
                _ => "add interface = \"eth0\" to [load_balancer], or to each of them",
            };
            say.at(first.place(), codes::MISSING_FIELD, message).hint(hint);
        }
    }
}

/// Load balancers agree among themselves from an address of the same family as the one that they share.
fn own_address(host: &DraftHost, ip: &At<IpAddr>, say: &Reporter) {
    let is_ipv6 = ip.value.is_ipv6();
    if host.ip.is_none() || host.all_addresses().any(|own| own.value.is_ipv6() == is_ipv6) {
        return;
    }
    let family = family_name(is_ipv6);
    let message = format!(
        "the host has no address of the family {family}, which the virtual address {} has",
        ip.value
    );
    let hint = format!("add its {family} address to `ip` or `addresses`");
    say.at(host.place(), codes::MISSING_FAMILY, message).hint(hint);
}
