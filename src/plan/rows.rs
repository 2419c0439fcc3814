//! Which rows of the tables count in a cluster, and on which of its hosts.

use crate::catalog::component::{Component, Unit};
use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::scope::{Choices, On, When};
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::{Cluster, Host, Kubeconfigs};

/// The components that run on `host`, in the order in which they start.
pub fn components_on<'a>(cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = &'static Component> + 'a {
    COMPONENTS
        .iter()
        .filter(|component| counts(cluster, component.when) && is_on(cluster, component.on, host))
}

/// The components on `host` whose units are generated, in the order in which they start.
pub fn units_on<'a>(cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = &'static Component> + 'a {
    components_on(cluster, host).filter(|component| component.unit == Unit::Generated)
}

/// Whether rows for such clusters count in this one.
pub fn counts(cluster: &Cluster, when: When) -> bool {
    let balancing = &cluster.load_balancing;
    let choices = Choices {
        layout: Some(cluster.pki.layout),
        cluster_signing: Some(!cluster.pki.signs_elsewhere(CLUSTER_AUTHORITY)),
        kubeconfig_files: Some(cluster.pki.kubeconfigs == Kubeconfigs::Files),
        engine: Some(balancing.engine),
        virtual_address: Some(balancing.virtual_address.is_some()),
        ..cluster.nodes.choices()
    };
    choices.is(when) == Some(true)
}

pub fn is_on(cluster: &Cluster, on: On, host: &Host) -> bool {
    let is_first = |role| cluster.with(role).next().is_some_and(|first| first.name == host.name);
    on.is(&host.roles, is_first)
}
