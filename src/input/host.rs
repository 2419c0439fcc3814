//! One host as it is written, in `[[hosts]]` or for all of a pool. Whether hosts fit together is judged in [`super::hosts`].
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::cluster::Role;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile, codes};

use super::draft::DraftHost;
use super::names::{self, LONGEST_HOST_NAME, LONGEST_NAME};
use super::tree::{self, At, Fields, Naming, Node};
use super::values::{address, range};
use super::{families, fields, labels, load_balancer, suggest};

/// The fields of a host that only some roles have a use for.
const OF_ROLES: &[&str] = &["labels", "taints", "pods"];

pub fn host(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<DraftHost> {
    let fields = Fields::of(file, node, &fields::HOST.names(), Naming::Exact, diagnostics)?;
    for name in ["name", "ip"] {
        fields.require(name, diagnostics);
    }
    Some(DraftHost {
        name: fields
            .text("name", diagnostics)
            .and_then(|name| host_name(name, diagnostics)),
        ip: families::read(&fields, "ip", address, diagnostics),
        ..host_without_name(&fields, diagnostics)
    })
}

/// What hosts have besides a name and an address of their own, as far as `fields` may have it.
pub fn host_without_name(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> DraftHost {
    DraftHost {
        name: None,
        ip: None,
        addresses: fields
            .texts("addresses", diagnostics)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|text| address(text, diagnostics))
            .collect(),
        names: fields
            .texts("names", diagnostics)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| other_name(name, diagnostics))
            .collect(),
        labels: labels::labels(fields, diagnostics),
        taints: labels::taints(fields, diagnostics),
        pods: families::read(fields, "pods", range, diagnostics)
            .map_or_else(Vec::new, |parts| parts.iter().cloned().collect()),
        interface: load_balancer::interface(fields, diagnostics),
        role_fields: OF_ROLES
            .iter()
            .filter(|name| fields.has(name))
            .map(|name| At {
                value: *name,
                place: Some(fields.key_place(name)),
            })
            .collect(),
        roles: roles(fields, diagnostics),
        roles_place: fields.place("roles"),
        pool: None,
    }
}

fn roles(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<BTreeSet<Role>> {
    let no_role = |diagnostics: &mut Diagnostics| {
        diagnostics.report(Diagnostic::new(codes::NO_ROLE, "the host has no role").at(fields.place("roles")));
        None
    };
    if fields.misspelt("roles") {
        return None;
    }
    if !fields.has("roles") {
        return no_role(diagnostics);
    }
    let written = fields.list("roles", diagnostics)?.value;
    if written.is_empty() {
        return no_role(diagnostics);
    }
    let mut roles = BTreeSet::new();
    let mut sound = true;
    for node in written {
        let Some(text) = tree::text(fields.file(), node, diagnostics) else {
            sound = false;
            continue;
        };
        match Role::ALL.into_iter().find(|role| role.name() == text.value) {
            Some(role) if !roles.insert(role) => {
                let message = format!("the role `{}` is given twice", text.value);
                diagnostics.report(Diagnostic::new(codes::DUPLICATE_ROLE, message).at(text.place));
            }
            Some(_) => {}
            None => {
                sound = false;
                let names = || Role::ALL.into_iter().map(Role::name);
                let hint = suggest::nearest(&text.value, names()).map_or_else(
                    || format!("the roles are {}", suggest::listed(names())),
                    |name| format!("did you mean `{name}`?"),
                );
                let message = format!("unknown role \"{}\"", text.value);
                diagnostics.report(Diagnostic::new(codes::UNKNOWN_ROLE, message).at(text.place).hint(hint));
            }
        }
    }
    sound.then_some(roles)
}

fn host_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let Some(problem) = names::dns_name_problem(&name.value, LONGEST_HOST_NAME) else {
        return Some(name);
    };
    let message = format!("\"{}\" can't be a host's name: {problem}", name.value);
    diagnostics.report(Diagnostic::new(codes::BAD_HOST_NAME, message).at(name.place));
    None
}

/// A DNS name by which a host is reached besides its own.
fn other_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let problem = match name.value.parse::<IpAddr>() {
        Ok(_) => "it is an address; addresses go into `addresses`".to_owned(),
        Err(_) => match names::dns_name_problem(&name.value, LONGEST_NAME) {
            Some(problem) => problem,
            None => return Some(name),
        },
    };
    let message = format!("\"{}\" can't be a name of the host: {problem}", name.value);
    let hint = "write a DNS name in lower case, such as master1.example.org";
    diagnostics.report(
        Diagnostic::new(codes::BAD_NAME_ENTRY, message)
            .at(name.place)
            .hint(hint),
    );
    None
}
