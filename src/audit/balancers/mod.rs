//! The files of load balancers, read as their programs read them. It judges nothing but whether a program takes them.

mod haproxy;
mod keepalived;
mod nginx;
mod service;

use super::started::is_of_units;
pub use keepalived::{Keepalived, VirtualRouter};
pub use service::{Answer, Asked, Balancer, HealthCheck, Listener, Question, Service, Upstream};

/// More than any load balancer's file has.
const MOST_BYTES: usize = 1 << 20;

/// Reads nginx's or haproxy's configuration; none if it balances nothing.
pub fn balancer(path: &str, text: &str) -> Option<Balancer> {
    let is_other =
        text.len() > MOST_BYTES || path.contains("keepalived") || text.contains("kind: Config") || is_of_units(path);
    let is_nginx = path.contains("nginx") || !path.contains("haproxy") && text.contains('{') && text.contains(';');
    match is_nginx {
        _ if is_other => None,
        true => nginx::read(path, text),
        false => haproxy::read(path, text),
    }
}

/// Reads keepalived's configuration; none if it is something else.
pub fn shared_addresses(path: &str, text: &str) -> Option<Keepalived> {
    let can_be = path.contains("keepalived") || text.contains("vrrp_instance");
    (can_be && text.len() <= MOST_BYTES && !is_of_units(path))
        .then(|| keepalived::read(path, text))
        .flatten()
}
