//! What answers clients on a host: its API server, and its load balancers.

use super::units::command_of;
use crate::audit::balancers::{Balancer, balancer};
use crate::found::FoundHost;

/// The port of the API server that a host starts.
pub(super) fn api_port(host: &FoundHost) -> Option<u16> {
    let api = command_of(host, "kube-apiserver")?;
    api.flag("secure-port").unwrap_or("6443").parse().ok()
}

/// The load balancers whose files a host has.
pub(super) fn balancers(host: &FoundHost) -> impl Iterator<Item = Balancer> {
    ["/etc/nginx/", "/etc/haproxy/"]
        .into_iter()
        .flat_map(|folder| host.texts_below(folder).filter_map(move |text| balancer(folder, text)))
}
