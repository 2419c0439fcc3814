//! The programs that the user chooses between: what passes connections on to the API servers, and what runs containers.

/// A program that balances TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Nginx,
    Haproxy,
}

impl Engine {
    pub const ALL: [Engine; 2] = [Engine::Nginx, Engine::Haproxy];
    /// The name in cluster.toml, of the package, of its unit and of its process.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Nginx => "nginx",
            Engine::Haproxy => "haproxy",
        }
    }
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    Containerd,
    Docker,
}

impl Runtime {
    pub const ALL: [Runtime; 2] = [Runtime::Containerd, Runtime::Docker];

    /// The name in cluster.toml, and of its unit.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Containerd => "containerd",
            Runtime::Docker => "docker",
        }
    }
}
