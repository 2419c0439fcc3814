//! Which ports of a host are taken: by whose role | number | whose.

use super::components::API_SERVER_PORT;
use crate::catalog::roles::Role;

/// The ports that components listen on, on all of a host's addresses or on its loopback alone.
pub const PORTS: &[(Role, u16, &str)] = &[
    (Role::ControlPlane, API_SERVER_PORT, "the API server"),
    (Role::ControlPlane, 10251, "the scheduler"),
    (Role::ControlPlane, 10252, "the controller manager"),
    (Role::ControlPlane, 10257, "the controller manager"),
    (Role::ControlPlane, 10259, "the scheduler"),
    (Role::Etcd, 2379, "etcd"),
    (Role::Etcd, 2380, "etcd"),
    (Role::Worker, 10248, "the kubelet"),
    (Role::Worker, 10249, "kube-proxy"),
    (Role::Worker, 10250, "the kubelet"),
    (Role::Worker, 10256, "kube-proxy"),
];
