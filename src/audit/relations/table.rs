//! The rows.

use std::fmt;

use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::TlsRole;

/// A program of the cluster, or whoever logs in with a kubeconfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    ApiServer,
    ControllerManager,
    Scheduler,
    Etcd,
    Kubelet,
    Kubeconfig,
}

impl Party {
    /// The program that a unit starts; none of a kubeconfig.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Party::ApiServer => "kube-apiserver",
            Party::ControllerManager => "kube-controller-manager",
            Party::Scheduler => "kube-scheduler",
            Party::Etcd => "etcd",
            Party::Kubelet => "kubelet",
            Party::Kubeconfig => "",
        }
    }

    /// The one of a host, in a sentence.
    pub(crate) fn of(self, host: &str) -> String {
        match self {
            Party::ApiServer => format!("the API server of {host}"),
            Party::ControllerManager => format!("the controller manager of {host}"),
            Party::Scheduler => format!("the scheduler of {host}"),
            Party::Etcd => format!("etcd of {host}"),
            Party::Kubelet => format!("the kubelet of {host}"),
            Party::Kubeconfig => format!("a kubeconfig of {host}"),
        }
    }
}

/// Where a party has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldAt {
    /// The value of a flag.
    Flag(&'static str),
    /// A field of its configuration, or of the kubeconfig that it is; a flag that stands for the field counts as the field.
    Field(&'static [&'static str]),
}

impl fmt::Display for HeldAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeldAt::Flag(flag) => write!(f, "--{flag}"),
            HeldAt::Field(path) => write!(f, "its {}", path.last().unwrap_or(&"")),
        }
    }
}

/// A certificate that a party shows.
pub(crate) struct Shown {
    pub by: Party,
    pub certificate: HeldAt,
    pub key: HeldAt,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

/// Authorities that a party trusts.
pub(crate) struct Trusted {
    pub by: Party,
    pub file: HeldAt,
    /// Whose they are, in a word or two.
    pub purpose: &'static str,
}

/// How a caller comes to whom it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Those that answer at the URLs of a flag.
    Urls(&'static str),
    /// Those that the server of the kubeconfig leads to.
    Server,
    /// Any of them.
    Any,
    /// Those of its own host.
    Own,
}

/// One side of a handshake: a certificate, by whom it is accepted, and where it is told if it is not.
pub(crate) struct Proof {
    pub shown: HeldAt,
    pub trusted: HeldAt,
    pub told: Told,
    /// By whom else it has to be accepted where nobody is known who asks for it: authorities of whoever shows it.
    pub otherwise: Option<HeldAt>,
}

/// Who of two hears of a handshake that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Shows,
    Judges,
}

/// Who calls whom over TLS.
pub(crate) struct Connection {
    /// What for, in a few words.
    pub purpose: &'static str,
    pub caller: Party,
    pub calls: Calls,
    pub callee: Party,
    /// What the callee shows, and the caller trusts.
    pub server: Option<Proof>,
    /// What the caller shows, and the callee trusts.
    pub client: Option<Proof>,
}

/// What somebody signs whom others believe.
pub(crate) struct Signature {
    /// What is signed, in a few words.
    pub purpose: &'static str,
    pub signer: Party,
    /// The certificate that signs certificates, or the key that signs tokens.
    pub by: HeldAt,
    pub what: Signed,
    pub accepted_by: Party,
    /// The authorities, or the keys of tokens.
    pub as_in: HeldAt,
    pub code: &'static Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Certificates,
    Tokens,
}

use HeldAt::{Field, Flag};
use Party::{ApiServer, ControllerManager, Etcd, Kubeconfig, Kubelet, Scheduler};

/// Where a kubelet's configuration names the authority of its clients.
pub(crate) const CLIENTS_OF_KUBELETS: &[&str] = &["authentication", "x509", "clientCAFile"];
const SERVING_OF_KUBELETS: HeldAt = Field(&["tlsCertFile"]);
/// Whom a kubeconfig trusts, and as whom it logs in.
const AUTHORITY_OF_CLUSTER: HeldAt = Field(&["cluster", "certificate-authority"]);
const CERTIFICATE_OF_USER: HeldAt = Field(&["user", "client-certificate"]);

/// Every certificate that is shown, the most telling first.
#[rustfmt::skip]
pub(crate) const SHOWN: &[Shown] = &[
    shown(ApiServer, Flag("tls-cert-file"), Flag("tls-private-key-file"), "kube-apiserver serving"),
    shown(Etcd, Flag("cert-file"), Flag("key-file"), "etcd serving"),
    shown(Etcd, Flag("peer-cert-file"), Flag("peer-key-file"), "etcd peer"),
    shown(ApiServer, Flag("etcd-certfile"), Flag("etcd-keyfile"), "kube-apiserver to etcd"),
    shown(ApiServer, Flag("kubelet-client-certificate"), Flag("kubelet-client-key"), "kube-apiserver to kubelet"),
    shown(ApiServer, Flag("proxy-client-cert-file"), Flag("proxy-client-key-file"), "front proxy client"),
    shown(Kubelet, SERVING_OF_KUBELETS, Field(&["tlsPrivateKeyFile"]), "kubelet serving"),
    shown(ControllerManager, Flag("tls-cert-file"), Flag("tls-private-key-file"), "kube-controller-manager serving"),
    shown(Scheduler, Flag("tls-cert-file"), Flag("tls-private-key-file"), "kube-scheduler serving"),
];

const fn shown(by: Party, certificate: HeldAt, key: HeldAt, purpose: &'static str) -> Shown {
    Shown {
        by,
        certificate,
        key,
        purpose,
    }
}

/// Every file of authorities that somebody trusts, the most telling first.
#[rustfmt::skip]
pub(crate) const TRUSTED: &[Trusted] = &[
    trusted(ApiServer, Flag("client-ca-file"), "cluster"),
    trusted(Etcd, Flag("trusted-ca-file"), "etcd"),
    trusted(ApiServer, Flag("etcd-cafile"), "etcd"),
    trusted(Etcd, Flag("peer-trusted-ca-file"), "etcd peers"),
    trusted(ApiServer, Flag("requestheader-client-ca-file"), "front proxy"),
    trusted(ApiServer, Flag("kubelet-certificate-authority"), "cluster"),
    trusted(ControllerManager, Flag("root-ca-file"), "cluster"),
    trusted(Kubelet, Field(CLIENTS_OF_KUBELETS), "cluster"),
];

const fn trusted(by: Party, file: HeldAt, purpose: &'static str) -> Trusted {
    Trusted { by, file, purpose }
}

/// Every connection of a cluster that a certificate secures.
pub(crate) const CONNECTIONS: &[Connection] = &[
    Connection {
        purpose: "keeps the cluster's state",
        caller: ApiServer,
        calls: Calls::Urls("etcd-servers"),
        callee: Etcd,
        server: Some(Proof::of(Flag("cert-file"), Flag("etcd-cafile"), Told::Judges)),
        client: Some(Proof::of(Flag("etcd-certfile"), Flag("trusted-ca-file"), Told::Shows)),
    },
    // etcdctl, and etcd itself for its gateway.
    Connection {
        purpose: "etcdctl, and etcd's own gateway",
        caller: Etcd,
        calls: Calls::Own,
        callee: Etcd,
        server: Some(Proof::of(Flag("cert-file"), Flag("trusted-ca-file"), Told::Shows)),
        client: None,
    },
    Connection {
        purpose: "members of etcd among each other",
        caller: Etcd,
        calls: Calls::Any,
        callee: Etcd,
        server: Some(Proof::of(
            Flag("peer-cert-file"),
            Flag("peer-trusted-ca-file"),
            Told::Shows,
        )),
        client: Some(Proof::of(
            Flag("peer-cert-file"),
            Flag("peer-trusted-ca-file"),
            Told::Shows,
        )),
    },
    Connection {
        purpose: "logs, exec, metrics of nodes",
        caller: ApiServer,
        calls: Calls::Any,
        callee: Kubelet,
        server: Some(Proof {
            otherwise: Some(Field(CLIENTS_OF_KUBELETS)),
            ..Proof::of(SERVING_OF_KUBELETS, Flag("kubelet-certificate-authority"), Told::Shows)
        }),
        client: Some(Proof::of(
            Flag("kubelet-client-certificate"),
            Field(CLIENTS_OF_KUBELETS),
            Told::Shows,
        )),
    },
    // Every pod gets it, to check the API server with.
    Connection {
        purpose: "what pods check the API server with",
        caller: ControllerManager,
        calls: Calls::Any,
        callee: ApiServer,
        server: Some(Proof::of(Flag("tls-cert-file"), Flag("root-ca-file"), Told::Judges)),
        client: None,
    },
    Connection {
        purpose: "logs in",
        caller: Kubeconfig,
        calls: Calls::Server,
        callee: ApiServer,
        server: Some(Proof::of(Flag("tls-cert-file"), AUTHORITY_OF_CLUSTER, Told::Judges)),
        client: None,
    },
    // Behind a load balancer it may come to any of them.
    Connection {
        purpose: "logs in",
        caller: Kubeconfig,
        calls: Calls::Any,
        callee: ApiServer,
        server: None,
        client: Some(Proof {
            otherwise: Some(AUTHORITY_OF_CLUSTER),
            ..Proof::of(CERTIFICATE_OF_USER, Flag("client-ca-file"), Told::Shows)
        }),
    },
    // Extension API servers trust what API servers publish (kube-system/extension-apiserver-authentication).
    Connection {
        purpose: "extension API servers",
        caller: ApiServer,
        calls: Calls::Any,
        callee: ApiServer,
        server: None,
        client: Some(Proof::of(
            Flag("proxy-client-cert-file"),
            Flag("requestheader-client-ca-file"),
            Told::Shows,
        )),
    },
];

impl Proof {
    const fn of(shown: HeldAt, trusted: HeldAt, told: Told) -> Proof {
        Proof {
            shown,
            trusted,
            told,
            otherwise: None,
        }
    }
}

/// Everything that is signed in a cluster while it runs.
#[rustfmt::skip]
pub(crate) const SIGNATURES: &[Signature] = &[
    signs("certificates that are asked for", "cluster-signing-cert-file", "client-ca-file"),
    signs("certificates of kubelets as clients", "cluster-signing-kubelet-client-cert-file", "client-ca-file"),
    signs("certificates of clients", "cluster-signing-kube-apiserver-client-cert-file", "client-ca-file"),
    signs("certificates of kubelets as servers", "cluster-signing-kubelet-serving-cert-file", "kubelet-certificate-authority"),
    signs_tokens("tokens in Secrets", ControllerManager, "service-account-private-key-file"),
    signs_tokens("tokens of pods", ApiServer, "service-account-signing-key-file"),
];

const fn signs(purpose: &'static str, by: &'static str, as_in: &'static str) -> Signature {
    Signature {
        purpose,
        signer: ControllerManager,
        by: Flag(by),
        what: Signed::Certificates,
        accepted_by: ApiServer,
        as_in: Flag(as_in),
        code: codes::UNTRUSTED_CERTIFICATE,
    }
}

const fn signs_tokens(purpose: &'static str, signer: Party, by: &'static str) -> Signature {
    Signature {
        purpose,
        signer,
        by: Flag(by),
        what: Signed::Tokens,
        accepted_by: ApiServer,
        as_in: Flag("service-account-key-file"),
        code: codes::SERVICE_ACCOUNT_KEYS_DISAGREE,
    }
}

/// The right that a certificate needs for a side of a handshake, and what is said without it.
pub(crate) const fn code_without(usage: TlsRole) -> &'static Code {
    match usage {
        TlsRole::Server => codes::MISSING_SERVER_AUTH,
        TlsRole::Client => codes::MISSING_CLIENT_AUTH,
    }
}
