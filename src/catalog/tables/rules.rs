//! What flags, settings and variables have to be together: which programs | what is asked | why | where that can be read.
//!
//! The rules are about the merged result: what the tables, the layout, the release and the user say of a program on a host.

use crate::catalog::rule::Asks::{
    Alone, Apart, Both, HasSuiteOfHttp2, Heeded, Needs, NoProxyFor, NoSuitesOfTls13, NodePortsAreFree,
    NotInEnvironment, Once, PodsHaveAddresses,
};
use crate::catalog::rule::Called::{self, ApiServer, Etcd, Nodes, Pods, Services};
use crate::catalog::rule::Ours::{self, GivesWay, Stays};
use crate::catalog::rule::{Asks, Rule};
use crate::catalog::safeguard::Part::{self, Flag, Setting};

const API: &[&str] = &["kube-apiserver"];
const CONTROLLER: &[&str] = &["kube-controller-manager"];
const KUBELET: &[&str] = &["kubelet"];
const ETCD: &[&str] = &["etcd"];
const SERVERS: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// Those whose kubeconfig leads them to the API server, and who call nobody else.
const CLIENTS: &[&str] = &["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];

const fn rule(of: &'static [&'static str], asks: Asks, why: &'static str, source: &'static str) -> Rule {
    Rule { of, asks, why, source }
}

const fn alone(one: Part, others: &'static [Part], ours: Ours) -> Asks {
    Alone { one, others, ours }
}

const SIGNERS: &[Part] = &[
    Flag("cluster-signing-kubelet-serving-*"),
    Flag("cluster-signing-kubelet-client-*"),
    Flag("cluster-signing-kube-apiserver-client-*"),
    Flag("cluster-signing-legacy-unknown-*"),
];
const WHOM_THE_API_SERVER_CALLS: &[Called] = &[Services, Pods, Etcd, Nodes];

/// `http2.ConfigureServer` of Go, which all of them call as they start. Kubernetes 1.37.2 and etcd 3.7.3 were run.
const HTTP2: &str = "https://pkg.go.dev/golang.org/x/net/http2#ConfigureServer";
const NO_HTTP2: &str =
    "it does not start without TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

const NOT_STARTED: &str = "it does not start with both";
const HALF: &str = "it does not start with one alone";
const UNUSED_HALF: &str = "it starts with one alone, and shows no certificate";
const LOST: &str = "a proxy does not know the way, or should not be asked for it";

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule(API, alone(Flag("authorization-config"), &[Flag("authorization-mode"), Flag("authorization-webhook-*")], GivesWay), NOT_STARTED, "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization"),
    rule(API, alone(Flag("authentication-config"), &[Flag("oidc-*")], Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration"),
    rule(API, alone(Flag("service-account-signing-endpoint"), &[Flag("service-account-signing-key-file"), Flag("service-account-key-file")], Stays), NOT_STARTED, "https://github.com/kubernetes/enhancements/tree/master/keps/sig-auth/740-service-account-external-signing"),
    rule(CONTROLLER, alone(Flag("cluster-signing-cert-file"), SIGNERS, Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(CONTROLLER, alone(Flag("cluster-signing-key-file"), SIGNERS, Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(CONTROLLER, alone(Flag("node-cidr-mask-size"), &[Flag("node-cidr-mask-size-ipv4"), Flag("node-cidr-mask-size-ipv6")], Stays), NOT_STARTED, "https://kubernetes.io/docs/concepts/services-networking/dual-stack/#configure-ipv4-ipv6-dual-stack"),
    rule(KUBELET, Needs { one: Setting(&["serverCertificateKeyAlgorithm"]), begins: "ML-DSA-", other: Setting(&["tlsMinVersion"]), is: "VersionTLS13" }, "it does not start, since TLS 1.2 knows no such keys", "https://github.com/kubernetes/kubernetes/blob/v1.38.0-beta.0/pkg/kubelet/apis/config/validation/validation.go"),
    rule(KUBELET, alone(Setting(&["reservedSystemCPUs"]), &[Setting(&["systemReservedCgroup"]), Setting(&["kubeReservedCgroup"])], Stays), NOT_STARTED, "https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/#explicitly-reserved-cpu-list"),
    rule(ETCD, alone(Flag("initial-cluster"), &[Flag("discovery"), Flag("discovery-endpoints"), Flag("discovery-srv")], Stays), NOT_STARTED, "https://etcd.io/docs/v3.6/op-guide/clustering/"),
    rule(ETCD, alone(Flag("config-file"), &[Flag("*")], Stays), "etcd heeds the file alone", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    rule(SERVERS, Both(Flag("tls-cert-file"), Flag("tls-private-key-file")), HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("etcd-certfile"), Flag("etcd-keyfile")), HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("kubelet-client-certificate"), Flag("kubelet-client-key")), UNUSED_HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("proxy-client-cert-file"), Flag("proxy-client-key-file")), UNUSED_HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(CONTROLLER, Both(Flag("cluster-signing-cert-file"), Flag("cluster-signing-key-file")), "it starts with one alone, and signs no request", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(KUBELET, Both(Setting(&["tlsCertFile"]), Setting(&["tlsPrivateKeyFile"])), HALF, "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"),
    rule(ETCD, Both(Flag("cert-file"), Flag("key-file")), HALF, "https://etcd.io/docs/v3.6/op-guide/security/"),
    rule(ETCD, Both(Flag("peer-cert-file"), Flag("peer-key-file")), HALF, "https://etcd.io/docs/v3.6/op-guide/security/"),

    rule(API, NoProxyFor(WHOM_THE_API_SERVER_CALLS), LOST, "https://github.com/kubernetes/kubernetes/issues/107446"),
    rule(CLIENTS, NoProxyFor(&[ApiServer]), LOST, "https://github.com/kubernetes/kubeadm/issues/2370"),
    rule(ETCD, NoProxyFor(&[Etcd]), LOST, "https://pkg.go.dev/net/http#ProxyFromEnvironment"),

    rule(SERVERS, HasSuiteOfHttp2 { suites: Flag("tls-cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "VersionTLS13" }, NO_HTTP2, HTTP2),
    rule(KUBELET, HasSuiteOfHttp2 { suites: Setting(&["tlsCipherSuites"]), oldest: Setting(&["tlsMinVersion"]), tls_1_3: "VersionTLS13" }, NO_HTTP2, HTTP2),
    rule(ETCD, HasSuiteOfHttp2 { suites: Flag("cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "TLS1.3" }, NO_HTTP2, HTTP2),
    rule(ETCD, NoSuitesOfTls13 { suites: Flag("cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "TLS1.3" }, "it does not start: suites of TLS 1.3 can't be chosen", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    rule(API, Once { flag: Flag("service-account-issuer"), is_list: false }, "it does not start", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Once { flag: Flag("authorization-mode"), is_list: true }, "it does not start", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Apart(Flag("enable-admission-plugins"), Flag("disable-admission-plugins")), "it does not start", "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/"),
    rule(ETCD, NotInEnvironment("ETCD_"), "it does not start with both, also where they are the same", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    // Seen with kubelet 1.37.2: one whose kubeconfig was given a certificate that nobody trusts stayed Ready.
    rule(KUBELET, Heeded { switches: &[Setting(&["rotateCertificates"]), Flag("rotate-certificates")], beside: &[Flag("kubeconfig")] }, "it copies the certificate of its kubeconfig to /var/lib/kubelet/pki when it first starts, and reads the copy as long as that is valid: a kubeconfig that is renewed has no effect", "https://kubernetes.io/docs/tasks/tls/certificate-rotation/"),
    // Likewise: it asks for none, and says nothing of it.
    rule(KUBELET, Heeded { switches: &[Setting(&["serverTLSBootstrap"]), Flag("rotate-server-certificates")], beside: &[Setting(&["tlsCertFile"]), Flag("tls-cert-file")] }, "it shows the certificate of that file, and asks the cluster for none", "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#certificate-rotation"),

    rule(KUBELET, PodsHaveAddresses, "pods beyond that get no address and don't start", "https://www.cni.dev/plugins/current/ipam/host-local/"),
    rule(API, NodePortsAreFree, "a service that is given such a port takes it from what listens there", "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport"),
];
