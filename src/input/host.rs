//! One host as it is written, in `[[hosts]]` or for all of a pool. Whether hosts fit together is judged in [`super::hosts`].
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::cluster::{HostState, Role};
use crate::diagnostic::{Reporter, codes};

use super::draft::DraftHost;
use super::names::{self, LONGEST_HOST_NAME, LONGEST_NAME};
use super::tree::{At, Document, Fields, Node, Written};
use super::values::{address, cant_be, range, unless};
use super::{choices, families, fields, handover, labels, load_balancer};

/// The fields of a host that only some roles have a use for.
const OF_ROLES: &[&str] = &["labels", "taints", "pods"];

/// An entry of `[[hosts]]`.
pub fn host(doc: Document<'_>, node: &Node) -> Option<DraftHost> {
    let fields = doc.fields(node, &fields::HOST.names())?;
    for name in ["name", "ip"] {
        fields.require(name);
    }
    Some(DraftHost {
        name: fields.parsed("name", host_name),
        ip: families::read(&fields, "ip", address),
        state: choices::choice(&fields, "state", HostState::named, HostState::NAMES),
        ..host_without_name(&fields)
    })
}

/// What hosts have besides a name and an address of their own, as far as `fields` may have it.
pub fn host_without_name(fields: &Fields<'_>) -> DraftHost {
    let say = fields.doc.say;
    let addresses = fields.texts("addresses").into_iter();
    let names = fields.texts("names").into_iter();
    let pods = families::read(fields, "pods", range);
    let of_roles = OF_ROLES.iter().filter(|name| fields.has(name));
    DraftHost {
        name: None,
        ip: None,
        addresses: addresses.filter_map(|text| address(text, say)).collect(),
        names: names.filter_map(|name| other_name(name, say)).collect(),
        labels: labels::labels(fields),
        taints: labels::taints(fields),
        pods: pods.iter().flat_map(|parts| parts.iter().cloned()).collect(),
        interface: load_balancer::interface(fields),
        role_fields: of_roles.map(|name| fields.key_at(name)).collect(),
        roles: roles(fields),
        roles_place: fields.place("roles"),
        state: Written::Absent,
        recipients: handover::recipients(fields),
        pool: None,
    }
}

fn roles(fields: &Fields<'_>) -> Option<BTreeSet<Role>> {
    let say = fields.doc.say;
    if fields.misspelt("roles") {
        return None;
    }
    let written = match fields.has("roles") {
        true => fields.list("roles")?.value,
        false => &[],
    };
    if written.is_empty() {
        say.at(fields.place("roles"), codes::NO_ROLE, "the host has no role");
        return None;
    }
    let mut roles = BTreeSet::new();
    let mut sound = true;
    for node in written {
        let Some(text) = fields.doc.text(node) else {
            sound = false;
            continue;
        };
        match Role::named(&text.value) {
            Some(role) if !roles.insert(role) => {
                let message = format!("the role `{}` is given twice", text.value);
                say.at(text.place, codes::DUPLICATE_ROLE, message);
            }
            Some(_) => {}
            None => {
                sound = false;
                say.at(&text, codes::UNKNOWN_ROLE, format!("unknown role \"{}\"", text.value))
                    .meant_of(&text.value, Role::NAMES.iter().copied(), "the roles are");
            }
        }
    }
    sound.then_some(roles)
}

fn host_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    let problem = names::dns_name_problem(&name.value, LONGEST_HOST_NAME);
    unless(problem, name, "a host's name", codes::BAD_HOST_NAME, say)
}

/// A DNS name by which a host is reached besides its own.
fn other_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    let problem = match name.value.parse::<IpAddr>() {
        Ok(_) => "it is an address; addresses go into `addresses`".to_owned(),
        Err(_) => match names::dns_name_problem(&name.value, LONGEST_NAME) {
            Some(problem) => problem,
            None => return Some(name),
        },
    };
    cant_be(&name, "a name of the host", problem, codes::BAD_NAME_ENTRY, say)
        .hint("write a DNS name in lower case, such as master1.example.org");
    None
}
