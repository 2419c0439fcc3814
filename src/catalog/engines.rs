//! The programs that the user chooses between: what passes connections on to the API servers, and what runs containers.

use super::named::named_values;

named_values! {
    /// A program that balances TCP connections. Its name is that in cluster.toml, of the package, of its unit and of its process.
    pub enum Engine {
        Nginx = "nginx",
        Haproxy = "haproxy",
    }
}

named_values! {
    /// What runs containers. Its name is that in cluster.toml, and of its unit.
    pub enum Runtime {
        Containerd = "containerd",
        Docker = "docker",
    }
}
