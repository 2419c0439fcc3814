//! What a host can be.

use super::named::named_values;

named_values! {
    /// What a host does.
    pub enum Role {
        ControlPlane = "control-plane",
        Etcd = "etcd",
        Worker = "worker",
        LoadBalancer = "load-balancer",
        Admin = "admin",
    }
}
