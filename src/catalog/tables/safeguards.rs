//! What protects a cluster, and what its parts depend on: which flag or setting | when it no longer does | why it matters.
//!
//! A user may set anything. These rows say what is worth a warning.

use crate::catalog::safeguard::Gone::{
    self, False, Given, Has, HasWeakCipher, Lacks, Not, OffLoopback, OneOf, PlainHttp, PlainHttpHere, Removed, True,
};
use crate::catalog::safeguard::Part::{self, Flag, Setting};
use crate::catalog::safeguard::{Safeguard, Wiring};

const API: &[&str] = &["kube-apiserver"];
const CONTROLLER: &[&str] = &["kube-controller-manager"];
const SCHEDULER: &[&str] = &["kube-scheduler"];
const MANAGERS: &[&str] = &["kube-controller-manager", "kube-scheduler"];
const CONTROL_PLANE: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
const SERVERS: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];
const KUBELET: &[&str] = &["kubelet"];
const PROXY: &[&str] = &["kube-proxy"];
const ETCD: &[&str] = &["etcd"];

const OLD_TLS: Gone = OneOf(&["VersionTLS10", "VersionTLS11"]);

const fn safeguard(of: &'static [&'static str], part: Part, gone: Gone, why: &'static str) -> Safeguard {
    Safeguard { of, part, gone, why }
}

const fn wiring(of: &'static [&'static str], part: Part, dependents: &'static str) -> Wiring {
    Wiring { of, part, dependents }
}

/// What protects a cluster. Sources: the components' references
/// (<https://kubernetes.io/docs/reference/command-line-tools-reference/>), <https://kubernetes.io/docs/concepts/security/>,
/// <https://etcd.io/docs/latest/op-guide/security/>.
#[rustfmt::skip]
pub const SAFEGUARDS: &[Safeguard] = &[
    safeguard(API, Flag("authorization-mode"), Has("AlwaysAllow"), "everybody who is known may do everything"),
    safeguard(API, Flag("authorization-mode"), Lacks("RBAC"), "the roles that components and people have are no longer asked"),
    safeguard(API, Flag("authorization-mode"), Lacks("Node"), "kubelets are no longer limited to what is their own"),
    safeguard(API, Flag("authorization-mode"), Removed, "without it everybody who is known may do everything"),
    safeguard(API, Flag("authorization-config"), Given, "it takes the place of `--authorization-mode=Node,RBAC`, so that its file has to name both"),
    safeguard(API, Flag("insecure-port"), Not("0"), "the port answers everybody who reaches it, without authentication"),
    safeguard(API, Flag("insecure-port"), Removed, "without it some releases answer everybody on the host, without authentication"),
    safeguard(API, Flag("insecure-bind-address"), Given, "it is for a port that answers everybody, without authentication"),
    safeguard(API, Flag("basic-auth-file"), Given, "passwords lie in clear text in a file, and can't be changed while the API server runs"),
    safeguard(API, Flag("token-auth-file"), Given, "tokens lie in clear text in a file, are valid for ever, and can't be changed while the API server runs"),
    safeguard(API, Flag("anonymous-auth"), True, "requests without credentials are let in as system:anonymous"),
    safeguard(API, Flag("enable-admission-plugins"), Lacks("NodeRestriction"), "a node may change any other node's objects"),
    safeguard(API, Flag("enable-admission-plugins"), Removed, "without NodeRestriction a node may change any other node's objects"),
    safeguard(API, Flag("disable-admission-plugins"), Has("NodeRestriction"), "a node may change any other node's objects"),
    safeguard(API, Flag("admission-control"), Lacks("NodeRestriction"), "a node may change any other node's objects"),
    safeguard(API, Flag("encryption-provider-config"), Removed, "secrets lie unencrypted in etcd"),
    safeguard(API, Flag("audit-policy-file"), Removed, "nothing is recorded in the audit log"),
    safeguard(API, Flag("audit-log-path"), Removed, "nothing is recorded in the audit log"),
    safeguard(API, Flag("kubelet-certificate-authority"), Removed, "kubelets are no longer checked, and anybody in between may read logs and run commands"),
    safeguard(API, Flag("kubelet-https"), False, "logs and commands go to kubelets in clear text"),
    safeguard(API, Flag("service-account-lookup"), False, "tokens of deleted service accounts stay valid"),
    safeguard(API, Flag("etcd-cafile"), Removed, "etcd is no longer checked"),
    safeguard(API, Flag("etcd-servers"), PlainHttp, "everything, secrets included, goes to etcd in clear text"),
    safeguard(API, Flag("authorization-always-allow-paths"), Given, "these paths are open to everybody"),

    safeguard(MANAGERS, Flag("authorization-always-allow-paths"), Given, "these paths are open to everybody"),
    safeguard(MANAGERS, Flag("authentication-kubeconfig"), Removed, "who asks can no longer be authenticated by the API server"),
    safeguard(MANAGERS, Flag("authorization-kubeconfig"), Removed, "who asks can no longer be authorised by the API server"),
    safeguard(MANAGERS, Flag("port"), Not("0"), "the port answers everybody who reaches it, without authentication"),
    safeguard(MANAGERS, Flag("port"), Removed, "without it some releases answer everybody who reaches the port, without authentication"),
    safeguard(CONTROLLER, Flag("use-service-account-credentials"), False, "all controllers share one identity, with the rights of all of them"),
    safeguard(CONTROLLER, Flag("use-service-account-credentials"), Removed, "all controllers share one identity, with the rights of all of them"),
    safeguard(CONTROLLER, Flag("root-ca-file"), Removed, "pods get no CA to check the API server with"),
    safeguard(SCHEDULER, Setting(&["enableProfiling"]), True, "who may ask the port learns how it works inside, and can slow it down"),
    safeguard(SCHEDULER, Setting(&["healthzBindAddress"]), OffLoopback, "the port answers everybody who reaches it, without authentication"),
    safeguard(SCHEDULER, Setting(&["metricsBindAddress"]), OffLoopback, "the port answers everybody who reaches it, without authentication"),

    safeguard(CONTROL_PLANE, Flag("profiling"), True, "who may ask the port learns how it works inside, and can slow it down"),
    safeguard(CONTROL_PLANE, Flag("profiling"), Removed, "profiling is on without it: who may ask the port learns how it works inside, and can slow it down"),
    safeguard(SERVERS, Flag("client-ca-file"), Removed, "client certificates are no longer accepted"),
    safeguard(SERVERS, Flag("tls-cert-file"), Removed, "it serves with a certificate that nobody can check"),
    safeguard(SERVERS, Flag("tls-private-key-file"), Removed, "it serves with a certificate that nobody can check"),
    safeguard(SERVERS, Flag("tls-cipher-suites"), HasWeakCipher, "it has a cipher with known weaknesses"),
    safeguard(SERVERS, Flag("tls-min-version"), OLD_TLS, "TLS before 1.2 has known weaknesses (RFC 8996)"),
    safeguard(SERVERS, Flag("tls-min-version"), Removed, "some releases then take TLS before 1.2, which has known weaknesses (RFC 8996)"),

    safeguard(KUBELET, Flag("anonymous-auth"), True, "who reaches the kubelet needs no credentials"),
    safeguard(KUBELET, Flag("authorization-mode"), Has("AlwaysAllow"), "everybody who is known may run commands in any pod of the node"),
    safeguard(KUBELET, Flag("read-only-port"), Not("0"), "the port tells everybody which pods run, without authentication"),
    safeguard(KUBELET, Flag("authentication-token-webhook"), False, "tokens are no longer accepted"),
    safeguard(KUBELET, Setting(&["authentication", "anonymous", "enabled"]), True, "who reaches the kubelet needs no credentials"),
    safeguard(KUBELET, Setting(&["authentication", "webhook", "enabled"]), False, "tokens are no longer checked with the API server"),
    safeguard(KUBELET, Setting(&["authentication", "x509", "clientCAFile"]), Removed, "client certificates, the API server's included, are no longer checked"),
    safeguard(KUBELET, Setting(&["authorization", "mode"]), OneOf(&["AlwaysAllow"]), "everybody who is known may run commands in any pod of the node"),
    safeguard(KUBELET, Setting(&["readOnlyPort"]), Not("0"), "the port tells everybody which pods run, without authentication"),
    safeguard(KUBELET, Setting(&["tlsCertFile"]), Removed, "it serves with a certificate that nobody can check"),
    safeguard(KUBELET, Setting(&["tlsPrivateKeyFile"]), Removed, "it serves with a certificate that nobody can check"),
    safeguard(KUBELET, Setting(&["tlsCipherSuites"]), HasWeakCipher, "it has a cipher with known weaknesses"),
    safeguard(KUBELET, Setting(&["staticPodURL"]), PlainHttp, "whoever answers in its place runs pods on this host"),
    safeguard(KUBELET, Setting(&["tlsMinVersion"]), OLD_TLS, "TLS before 1.2 has known weaknesses (RFC 8996)"),
    safeguard(KUBELET, Setting(&["tlsMinVersion"]), Removed, "some releases then take TLS before 1.2, which has known weaknesses (RFC 8996)"),

    safeguard(PROXY, Flag("profiling"), True, "who may ask the port learns how it works inside, and can slow it down"),
    safeguard(PROXY, Flag("metrics-bind-address"), OffLoopback, "the port answers everybody who reaches it, without authentication"),
    safeguard(PROXY, Setting(&["enableProfiling"]), True, "who may ask the port learns how it works inside, and can slow it down"),
    safeguard(PROXY, Setting(&["metricsBindAddress"]), OffLoopback, "the port answers everybody who reaches it, without authentication"),

    safeguard(ETCD, Flag("client-cert-auth"), False, "who reaches etcd reads and writes everything in it"),
    safeguard(ETCD, Flag("client-cert-auth"), Removed, "who reaches etcd reads and writes everything in it"),
    safeguard(ETCD, Flag("peer-client-cert-auth"), False, "who reaches etcd can pass for a member of it"),
    safeguard(ETCD, Flag("peer-client-cert-auth"), Removed, "who reaches etcd can pass for a member of it"),
    safeguard(ETCD, Flag("trusted-ca-file"), Removed, "clients are no longer checked"),
    safeguard(ETCD, Flag("peer-trusted-ca-file"), Removed, "members are no longer checked"),
    safeguard(ETCD, Flag("cert-file"), Removed, "it serves clients without a certificate"),
    safeguard(ETCD, Flag("key-file"), Removed, "it serves clients without a certificate"),
    safeguard(ETCD, Flag("peer-cert-file"), Removed, "it serves members without a certificate"),
    safeguard(ETCD, Flag("peer-key-file"), Removed, "it serves members without a certificate"),
    safeguard(ETCD, Flag("auto-tls"), True, "it serves clients with a certificate of its own making, which nobody can check"),
    safeguard(ETCD, Flag("peer-auto-tls"), True, "it serves members with a certificate of its own making, which nobody can check"),
    safeguard(ETCD, Flag("listen-client-urls"), PlainHttp, "who reaches the port reads and writes everything, in clear text"),
    safeguard(ETCD, Flag("listen-client-urls"), PlainHttpHere, "everybody on the host reads and writes everything in it"),
    safeguard(ETCD, Flag("listen-client-http-urls"), PlainHttp, "who reaches the port reads and writes everything, in clear text"),
    safeguard(ETCD, Flag("listen-client-http-urls"), PlainHttpHere, "everybody on the host reads and writes everything in it"),
    safeguard(ETCD, Flag("listen-peer-urls"), PlainHttp, "who reaches the port can pass for a member, in clear text"),
    safeguard(ETCD, Flag("listen-metrics-urls"), PlainHttp, "who reaches the port reads the metrics, without authentication"),
    safeguard(ETCD, Flag("cipher-suites"), HasWeakCipher, "it has a cipher with known weaknesses"),
    safeguard(ETCD, Flag("cors"), Has("*"), "any web page that a client shows may ask it"),
    safeguard(ETCD, Flag("enable-pprof"), True, "who may ask the port learns how it works inside, and can slow it down"),
];

/// Safeguards that a component lacks anyway unless it is told otherwise: a note instead of a warning.
pub const PERMISSIVE_DEFAULTS: &[(&str, Part)] = &[("kube-apiserver", Flag("anonymous-auth"))];

/// What other parts of the cluster are generated to fit.
#[rustfmt::skip]
pub const WIRING: &[Wiring] = &[
    wiring(ETCD, Flag("name"), "`initial-cluster` of every member"),
    wiring(ETCD, Flag("initial-cluster"), "the other members, which have the same list"),
    wiring(ETCD, Flag("initial-cluster-state"), "`state` of `[cluster]`, which says whether the cluster runs"),
    wiring(ETCD, Flag("initial-cluster-token"), "the other members, which have the same token"),
    wiring(ETCD, Flag("initial-advertise-peer-urls"), "`initial-cluster` of every member"),
    wiring(ETCD, Flag("listen-peer-urls"), "`initial-cluster` of every member"),
    wiring(ETCD, Flag("listen-client-urls"), "`etcd-servers` of every API server"),
    wiring(ETCD, Flag("advertise-client-urls"), "whoever asks etcd for its members"),
    wiring(ETCD, Flag("data-dir"), "the folder /var/lib/etcd/, which is made and closed to others"),
    wiring(ETCD, Flag("cert-file"), "the place where its certificate is put"),
    wiring(ETCD, Flag("key-file"), "the place where its key is put"),
    wiring(ETCD, Flag("trusted-ca-file"), "the place where the CA is put"),
    wiring(ETCD, Flag("peer-cert-file"), "the place where its certificate is put"),
    wiring(ETCD, Flag("peer-key-file"), "the place where its key is put"),
    wiring(ETCD, Flag("peer-trusted-ca-file"), "the place where the CA is put"),

    wiring(API, Flag("advertise-address"), "the endpoints of the service `kubernetes`, and the API server's certificate"),
    wiring(API, Flag("bind-address"), "the load balancer, and the kubeconfigs that lead to the loopback address"),
    wiring(API, Flag("secure-port"), "the load balancer, and every kubeconfig"),
    wiring(API, Flag("etcd-servers"), "the addresses at which etcd's members listen"),
    wiring(API, Flag("etcd-cafile"), "the place where the CA is put"),
    wiring(API, Flag("etcd-certfile"), "the place where its certificate is put"),
    wiring(API, Flag("etcd-keyfile"), "the place where its key is put"),
    wiring(API, Flag("encryption-provider-config"), "the place where the encryption configuration is put"),
    wiring(API, Flag("audit-policy-file"), "the place where the audit policy is put"),
    wiring(API, Flag("audit-log-path"), "the folder /var/log/kubernetes/, which is made and closed to others"),
    wiring(API, Flag("kubelet-certificate-authority"), "the place where the CA is put"),
    wiring(API, Flag("kubelet-client-certificate"), "the place where its certificate is put"),
    wiring(API, Flag("kubelet-client-key"), "the place where its key is put"),
    wiring(API, Flag("service-account-issuer"), "whoever checks service account tokens"),
    wiring(API, Flag("service-account-key-file"), "the key with which the controller manager signs service account tokens"),
    wiring(API, Flag("service-account-signing-key-file"), "the key with which service account tokens are checked"),
    wiring(API, Flag("tls-cert-file"), "the place where its certificate is put"),
    wiring(API, Flag("tls-private-key-file"), "the place where its key is put"),
    wiring(&["kube-apiserver", "kube-controller-manager"], Flag("client-ca-file"), "the place where the CA is put"),
    wiring(&["kube-apiserver", "kube-controller-manager"], Flag("service-cluster-ip-range"), "the DNS address, the API server's certificate and the controller manager, which have the same range"),

    wiring(API, Flag("proxy-client-cert-file"), "the place where the front proxy's certificate is put"),
    wiring(API, Flag("proxy-client-key-file"), "the place where the front proxy's key is put"),
    wiring(API, Flag("requestheader-allowed-names"), "the front proxy's certificate, which has this name"),
    wiring(&["kube-apiserver", "kube-controller-manager"], Flag("requestheader-client-ca-file"), "the place where the front proxy's CA is put"),

    wiring(CONTROLLER, Flag("allocate-node-cidrs"), "the network of pods"),
    wiring(CONTROLLER, Flag("cluster-cidr"), "kube-proxy and the network of pods, which have the same range"),
    wiring(CONTROLLER, Flag("node-cidr-mask-size"), "the check that the range of pods is large enough for all workers"),
    wiring(CONTROLLER, Flag("node-cidr-mask-size-ipv4"), "the check that the range of pods is large enough for all workers"),
    wiring(CONTROLLER, Flag("node-cidr-mask-size-ipv6"), "the check that the range of pods is large enough for all workers"),
    wiring(CONTROLLER, Flag("cluster-signing-cert-file"), "the place where the CA is put"),
    wiring(CONTROLLER, Flag("cluster-signing-key-file"), "the place where the CA's key is put"),
    wiring(CONTROLLER, Flag("root-ca-file"), "the place where the CA is put"),
    wiring(CONTROLLER, Flag("service-account-private-key-file"), "the key with which the API server checks service account tokens"),
    wiring(&["kube-controller-manager", "kube-scheduler", "kubelet"], Flag("kubeconfig"), "the place where its kubeconfig is put"),
    wiring(MANAGERS, Flag("authentication-kubeconfig"), "the place where its kubeconfig is put"),
    wiring(MANAGERS, Flag("authorization-kubeconfig"), "the place where its kubeconfig is put"),
    wiring(&["kube-scheduler", "kubelet", "kube-proxy"], Flag("config"), "the place where its configuration is put"),
    wiring(&["kube-scheduler", "kube-proxy"], Setting(&["clientConnection", "kubeconfig"]), "the place where its kubeconfig is put"),
    wiring(&["kube-scheduler", "kubelet", "kube-proxy"], Setting(&["apiVersion"]), "the version in which all its settings are written"),
    wiring(&["kube-scheduler", "kubelet", "kube-proxy"], Setting(&["kind"]), "the form in which all its settings are written"),

    wiring(KUBELET, Flag("hostname-override"), "the node's name in its certificate"),
    wiring(KUBELET, Flag("node-ip"), "the node's address in its certificate"),
    wiring(KUBELET, Flag("node-labels"), "`labels` of the hosts, whose place this takes"),
    wiring(KUBELET, Flag("register-with-taints"), "`taints` of the hosts, whose place this takes"),
    wiring(KUBELET, Flag("network-plugin"), "the pods' network, whose configuration is put on the host"),
    wiring(KUBELET, Flag("container-runtime"), "the container runtime, whose unit the kubelet's waits for"),
    wiring(KUBELET, Flag("container-runtime-endpoint"), "the container runtime, whose unit the kubelet's waits for"),
    wiring(KUBELET, Setting(&["containerRuntimeEndpoint"]), "the container runtime, whose unit the kubelet's waits for"),
    wiring(KUBELET, Setting(&["cgroupDriver"]), "the container runtime, which has the same driver"),
    wiring(KUBELET, Flag("register-node"), "the node's presence in the cluster"),
    wiring(KUBELET, Setting(&["authentication", "x509", "clientCAFile"]), "the place where the CA is put"),
    wiring(KUBELET, Setting(&["clusterDNS"]), "the service address of the DNS add-on"),
    wiring(KUBELET, Setting(&["clusterDomain"]), "the DNS add-on, and the names in the API server's certificate"),
    wiring(KUBELET, Setting(&["tlsCertFile"]), "the place where its certificate is put"),
    wiring(KUBELET, Setting(&["tlsPrivateKeyFile"]), "the place where its key is put"),
    wiring(KUBELET, Setting(&["port"]), "the API server, which calls kubelets at port 10250"),

    wiring(PROXY, Setting(&["mode"]), "the kernel modules that the host loads"),
    wiring(PROXY, Setting(&["clusterCIDR"]), "the controller manager and the network of pods, which have the same range"),
    wiring(PROXY, Setting(&["hostnameOverride"]), "the name by which the node is registered"),
];
