//! What a file of the tables can hold.

/// The way to the API server that a kubeconfig takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Through {
    /// The load balancer, or whatever stands in its place.
    Endpoint,
    /// The API server on the same host.
    Loopback,
}

/// A template: its path in `templates/`, which is the path on the host, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub path: &'static str,
    pub text: &'static str,
}

/// What a file holds. Certificates, keys and requests are named by their row in the identities table; for an identity that
/// each worker has its own of, the host's own is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Directory,
    /// One certificate: what its holder shows, or signs with.
    Certificate(&'static str),
    PrivateKey(&'static str),
    /// The certificates of an authority that are accepted, the oldest first.
    Trust(&'static str),
    /// The public keys that are accepted, the one of the key that signs first; in their certificates, where they have any.
    PublicKeys(&'static str),
    Kubeconfig(&'static str, Through),
    /// The unit of the component of this name.
    Unit(&'static str, Template),
    /// How the API server encrypts secrets, with the key.
    EncryptionConfig(Template),
    /// Facts alone, in the form of the template.
    Rendered(Template),
    /// The configuration file of a component.
    Config(&'static str),
    /// One file for every certificate of the cluster.
    EveryCertificate,
    /// One file for every private key.
    EveryPrivateKey,
    /// One file for every certificate signing request.
    EveryRequest,
    /// One file for every CSR JSON file and for ca-config.json, as they were read.
    EveryInput,
    /// One file for each worker's kubelet, of the identity of that name.
    EveryKubeconfig(&'static str),
}

impl Holds {
    /// The template of what is rendered whole.
    pub fn template(self) -> Option<Template> {
        match self {
            Holds::Unit(_, template) | Holds::EncryptionConfig(template) | Holds::Rendered(template) => Some(template),
            _ => None,
        }
    }
}
