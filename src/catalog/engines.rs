//! What passes connections on to the API servers: name | unit.

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
