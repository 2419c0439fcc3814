//! What is read again by itself when its file changes: by which program | how it is told of the file | since which release | how | after
//! how long.
//!
//! What is not here is read at the start alone. Measured on real programs by `tests/e2e/reloads.py`; the first release of a row is the
//! oldest that was measured.

use crate::catalog::change::{Program, Version};
use crate::catalog::reload::Delay::{EachUse, Seconds, Shown};
use crate::catalog::reload::NamedBy::{Flag, FlagWith, Kubeconfig, Setting};
use crate::catalog::reload::{Delay, NamedBy, Reload};

const fn kubernetes(minor: u16, program: &'static str, named_by: NamedBy, within: Delay, how: &'static str) -> Reload {
    Reload {
        program,
        named_by,
        of: Program::Kubernetes,
        since: Version::new(1, minor),
        within,
        how,
    }
}

const fn etcd(minor: u16, named_by: NamedBy, within: Delay, how: &'static str) -> Reload {
    Reload {
        program: "etcd",
        named_by,
        of: Program::Etcd,
        since: Version::new(3, minor),
        within,
        how,
    }
}

const API: &str = "kube-apiserver";
const MANAGER: &str = "kube-controller-manager";
const SCHEDULER: &str = "kube-scheduler";
const WATCHED: &str = "the file is watched";
const HANDSHAKE: &str = "read at each handshake";
/// Then all its connections are closed, with what is under way on them.
const CYCLE: &str = "looked at every 300 s, and at each new connection";
const REQUEST: &str = "looked at by the first request 300 s after the last look";
/// With what the API server says of the configuration that it has: its digest.
const HAS_DIGEST: &str =
    "{kubectl} get --raw /metrics | grep -q \"last_config_info.*sha256:$(sha256sum <{file} | cut -d ' ' -f 1)\"";

#[rustfmt::skip]
pub(crate) const RELOADS: &[Reload] = &[
    etcd(4, Flag("cert-file"), EachUse, HANDSHAKE),
    etcd(4, Flag("key-file"), EachUse, HANDSHAKE),
    etcd(4, Flag("peer-cert-file"), EachUse, HANDSHAKE),
    etcd(4, Flag("peer-key-file"), EachUse, HANDSHAKE),

    kubernetes(31, API, Flag("authentication-config"), Seconds(60), WATCHED),
    kubernetes(31, API, Flag("authorization-config"), Seconds(60), WATCHED),
    kubernetes(31, API, Flag("client-ca-file"), Seconds(5), WATCHED),
    kubernetes(35, API, FlagWith("encryption-provider-config", "encryption-provider-config-automatic-reload"), Shown(75, HAS_DIGEST), "looked at every 60 s"),
    kubernetes(31, API, Flag("etcd-certfile"), EachUse, HANDSHAKE),
    kubernetes(31, API, Flag("etcd-keyfile"), EachUse, HANDSHAKE),
    kubernetes(36, API, Flag("kubelet-certificate-authority"), Seconds(400), REQUEST),
    kubernetes(31, API, Flag("kubelet-client-certificate"), Seconds(330), CYCLE),
    kubernetes(31, API, Flag("kubelet-client-key"), Seconds(330), CYCLE),
    kubernetes(31, API, Flag("proxy-client-cert-file"), Seconds(5), WATCHED),
    kubernetes(31, API, Flag("proxy-client-key-file"), Seconds(5), WATCHED),
    kubernetes(31, API, Flag("requestheader-client-ca-file"), Seconds(5), WATCHED),
    kubernetes(31, API, Flag("tls-cert-file"), Seconds(5), WATCHED),
    kubernetes(31, API, Flag("tls-private-key-file"), Seconds(5), WATCHED),

    kubernetes(31, MANAGER, Flag("client-ca-file"), Seconds(5), WATCHED),
    kubernetes(31, MANAGER, Flag("cluster-signing-cert-file"), Seconds(10), WATCHED),
    kubernetes(31, MANAGER, Flag("cluster-signing-key-file"), Seconds(10), WATCHED),
    kubernetes(31, MANAGER, Flag("tls-cert-file"), Seconds(5), WATCHED),
    kubernetes(31, MANAGER, Flag("tls-private-key-file"), Seconds(5), WATCHED),

    kubernetes(31, SCHEDULER, Flag("client-ca-file"), Seconds(5), WATCHED),
    kubernetes(31, SCHEDULER, Flag("tls-cert-file"), Seconds(5), WATCHED),
    kubernetes(31, SCHEDULER, Flag("tls-private-key-file"), Seconds(5), WATCHED),

    kubernetes(31, "kubelet", Setting(&["authentication", "x509", "clientCAFile"]), Seconds(30), WATCHED),
    // Before 1.36 whoever calls the kubelet by its address, as API servers do, is shown the old one: only for a name it looks again.
    kubernetes(36, "kubelet", Setting(&["tlsCertFile"]), Seconds(5), WATCHED),
    kubernetes(36, "kubelet", Setting(&["tlsPrivateKeyFile"]), Seconds(5), WATCHED),

    kubernetes(36, MANAGER, Kubeconfig("certificate-authority"), Seconds(400), REQUEST),
    kubernetes(31, MANAGER, Kubeconfig("client-certificate"), Seconds(330), CYCLE),
    kubernetes(31, MANAGER, Kubeconfig("client-key"), Seconds(330), CYCLE),
    kubernetes(36, SCHEDULER, Kubeconfig("certificate-authority"), Seconds(400), REQUEST),
    kubernetes(31, SCHEDULER, Kubeconfig("client-certificate"), Seconds(330), CYCLE),
    kubernetes(31, SCHEDULER, Kubeconfig("client-key"), Seconds(330), CYCLE),
    kubernetes(36, "kubelet", Kubeconfig("certificate-authority"), Seconds(400), REQUEST),
    kubernetes(31, "kubelet", Kubeconfig("client-certificate"), Seconds(330), CYCLE),
    kubernetes(31, "kubelet", Kubeconfig("client-key"), Seconds(330), CYCLE),
    kubernetes(36, "kube-proxy", Kubeconfig("certificate-authority"), Seconds(400), REQUEST),
    kubernetes(31, "kube-proxy", Kubeconfig("client-certificate"), Seconds(330), CYCLE),
    kubernetes(31, "kube-proxy", Kubeconfig("client-key"), Seconds(330), CYCLE),
];
