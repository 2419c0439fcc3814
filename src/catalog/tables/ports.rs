//! Which ports of a host are taken: by whose role | by which program | number | whose | until which release.

use super::components::API_SERVER_PORT;
use super::releases::LAST_WITH_PLAIN_PORTS;
use crate::catalog::port::Port;
use crate::catalog::roles::Role::{ControlPlane, Etcd, Worker};

/// The ports that components listen on, on all of a host's addresses or on its loopback alone.
#[rustfmt::skip]
pub const PORTS: &[Port] = &[
    Port::new(ControlPlane, "kube-apiserver", API_SERVER_PORT, "the API server"),
    // Without encryption, until https://github.com/kubernetes/kubernetes/pull/96345.
    Port::new(ControlPlane, "kube-scheduler", 10251, "the scheduler").until(LAST_WITH_PLAIN_PORTS),
    // Likewise, until https://github.com/kubernetes/kubernetes/pull/96216.
    Port::new(ControlPlane, "kube-controller-manager", 10252, "the controller manager").until(LAST_WITH_PLAIN_PORTS),
    Port::new(ControlPlane, "kube-controller-manager", 10257, "the controller manager"),
    Port::new(ControlPlane, "kube-scheduler", 10259, "the scheduler"),
    Port::new(Etcd, "etcd", 2379, "etcd"),
    Port::new(Etcd, "etcd", 2380, "etcd"),
    Port::new(Worker, "kubelet", 10248, "the kubelet"),
    Port::new(Worker, "kube-proxy", 10249, "kube-proxy"),
    Port::new(Worker, "kubelet", 10250, "the kubelet"),
    Port::new(Worker, "kube-proxy", 10256, "kube-proxy"),
];
