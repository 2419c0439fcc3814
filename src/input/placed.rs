//! Where things may lie: which hosts an `on` means, and which of the catalogue's rows count, as far as it is known.
use crate::catalog::component::Component;
use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::scope::{Choices, On, When};
use crate::cluster::{Kubeconfigs, NO_PROXY, Nodes, PlacedOn, Role};
use crate::diagnostic::{Code, Reporter, codes};

use super::draft::{Draft, DraftHost, DraftOverride};
use super::generations::{named, of_shared_key};
use super::tree::At;

/// `on` of a file that every host gets.
pub const ALL: &str = "all";

/// The role or host that `on` names, if there is one.
pub fn placed_on(draft: &Draft, on: &str) -> Option<PlacedOn> {
    if let Some(role) = Role::named(on) {
        return Some(PlacedOn::Role(role));
    }
    draft.has_host(on).then(|| PlacedOn::Host(on.to_owned()))
}

/// Which hosts get a file.
pub fn placed_on_or_all(draft: &Draft, on: &str) -> Option<PlacedOn> {
    match on {
        ALL => Some(PlacedOn::All),
        on => placed_on(draft, on),
    }
}

/// Where what the user sets on a component holds.
pub fn override_on(draft: &Draft, own: &DraftOverride) -> Option<PlacedOn> {
    match &own.on {
        Some(on) => placed_on(draft, &on.value),
        None => Some(PlacedOn::All),
    }
}

/// Reports that `on` names nothing, or (as `unused`) a role that nobody has.
pub fn on_something(draft: &Draft, on: &At<String>, unused: &'static Code, say: &Reporter) {
    match placed_on(draft, &on.value) {
        Some(PlacedOn::Role(role)) if draft.has_host(&on.value) => {
            let message = format!("\"{}\" is a role and a host", role.name());
            say.at(on, codes::UNKNOWN_HOST, message)
                .hint("give the host another name");
        }
        Some(PlacedOn::Role(role)) if draft.hosts_complete && draft.with(role).next().is_none() => {
            say.at(on, unused, format!("no host has the role {}", role.name()));
        }
        Some(_) => {}
        // The host that is meant may be one that could not be read.
        None if !draft.hosts_complete || draft.hosts.iter().any(|host| host.name.is_none()) => {}
        None => {
            let hosts = draft.hosts.iter().filter_map(|host| host.name.as_ref());
            let known = hosts.map(|name| name.value.as_str()).chain(Role::NAMES.iter().copied());
            let message = format!("\"{}\" is neither a role nor a host", on.value);
            say.at(on, codes::UNKNOWN_HOST, message).meant(&on.value, known);
        }
    }
}

/// Whether rows for such clusters count in this one, as far as it is known.
pub fn may_be(draft: &Draft, nodes: Option<&Nodes>, when: When) -> bool {
    let balancing = draft.load_balancing.as_ref();
    let choices = Choices {
        layout: draft.pki.layout,
        cluster_signing: Some(!signs_elsewhere(draft)),
        kubeconfig_files: draft.pki.kubeconfigs.map(|own| own == Kubeconfigs::Files),
        engine: balancing.and_then(|own| own.engine),
        virtual_address: balancing.and_then(|own| Some(own.virtual_ip.sound()?.is_some())),
        kube_proxy: has_proxy(draft),
        ..nodes.map(Nodes::choices).unwrap_or_default()
    };
    choices.is(when) != Some(false)
}

/// Whether what the authority of the cluster signs now is signed elsewhere.
fn signs_elsewhere(draft: &Draft) -> bool {
    let used = (
        CLUSTER_AUTHORITY.to_owned(),
        of_shared_key(draft, CLUSTER_AUTHORITY).used,
    );
    let mut brought = draft.pki.brought.iter();
    brought.any(|(name, ca)| ca.external && named(&name.value).as_ref() == Some(&used))
}

/// Whether services are reached by kube-proxy, as far as that is known.
fn has_proxy(draft: &Draft) -> Option<bool> {
    let mode = draft.nodes.proxy_mode.sound()?;
    Some(mode.is_none_or(|mode| mode.value != NO_PROXY))
}

/// Whether `host` is one of those that `on` means.
pub fn is_on(draft: &Draft, on: On, host: &DraftHost) -> bool {
    let (Some(roles), Some(name)) = (&host.roles, &host.name) else {
        return false;
    };
    let is_first = |role| {
        let first = draft.with(role).next();
        let first = first.and_then(|first| first.name.as_ref());
        first.is_some_and(|first| first.value == name.value)
    };
    on.is(roles, is_first)
}

/// Whether `host` is one of those that `on` means.
pub fn is_here(on: &PlacedOn, host: &DraftHost) -> bool {
    on.includes(host.called(""), |role| host.is(role))
}

/// Whether a component runs on `host`; where a choice is not known it may.
pub fn may_run(draft: &Draft, nodes: Option<&Nodes>, component: &Component, host: &DraftHost) -> bool {
    may_be(draft, nodes, component.when) && is_on(draft, component.on, host)
}
