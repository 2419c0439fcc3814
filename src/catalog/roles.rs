//! What a host can be.

/// What a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    ControlPlane,
    Etcd,
    Worker,
    LoadBalancer,
    Admin,
}

impl Role {
    pub const ALL: [Role; 5] = [
        Role::ControlPlane,
        Role::Etcd,
        Role::Worker,
        Role::LoadBalancer,
        Role::Admin,
    ];
    /// The name in cluster.toml.
    pub fn name(self) -> &'static str {
        match self {
            Role::ControlPlane => "control-plane",
            Role::Etcd => "etcd",
            Role::Worker => "worker",
            Role::LoadBalancer => "load-balancer",
            Role::Admin => "admin",
        }
    }
}
