//! What flags, settings and variables have to be together: which programs | what is asked | why | where that can be read.
//!
//! The rules are about the merged result: what the tables, the layout, the release and the user say of a program on a host.

use crate::catalog::rule::Asks::{
    Alone, Apart, Both, Compared, GatesAgree, Given, HasSuiteOfHttp2, Heeded, Needs, NeedsGate, NoProxyFor,
    NoSuitesOfTls13, NodePortsAreFree, NotInEnvironment, Once, PodsHaveAddresses, With,
};
use crate::catalog::rule::Called::{self, ApiServer, Etcd, Nodes, Pods, Services};
use crate::catalog::rule::Ours::{self, GivesWay, Stays};
use crate::catalog::rule::{Asks, Measure, Rule, Than, Valued, Zero};
use crate::catalog::safeguard::Part::{self, Flag, Setting};

const API: &[&str] = &["kube-apiserver"];
const CONTROLLER: &[&str] = &["kube-controller-manager"];
const KUBELET: &[&str] = &["kubelet"];
const ETCD: &[&str] = &["etcd"];
const SCHEDULER: &[&str] = &["kube-scheduler"];
const PROXY: &[&str] = &["kube-proxy"];
const CONTAINERD: &[&str] = &["containerd"];
const SERVERS: &[&str] = &["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
const KUBERNETES: &[&str] = &[
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
];
/// Those whose kubeconfig leads them to the API server, and who call nobody else.
const CLIENTS: &[&str] = &["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];

const fn rule(of: &'static [&'static str], asks: Asks, why: &'static str, source: &'static str) -> Rule {
    Rule {
        of,
        asks,
        why,
        source,
        since: 0,
        until: u16::MAX,
    }
}

/// A rule of a minor and what comes after it.
const fn since(minor: u16, rule: Rule) -> Rule {
    Rule { since: minor, ..rule }
}

const fn alone(one: Part, others: &'static [Part], ours: Ours) -> Asks {
    Alone { one, others, ours }
}

const fn with(one: &'static [Part], item: &'static str, others: &'static [Part]) -> Asks {
    With { one, item, others }
}

/// What is compared, with its default.
const fn of(parts: &'static [Part], default: &'static str) -> Measure {
    Measure {
        parts,
        default,
        tenths: 10,
        zero: Zero::Counts,
    }
}

const fn tenths(tenths: u32, measure: Measure) -> Measure {
    Measure { tenths, ..measure }
}

const fn zero(zero: Zero, measure: Measure) -> Measure {
    Measure { zero, ..measure }
}

const fn compared(one: Measure, is: Than, other: Measure, unless_off: &'static [Part]) -> Asks {
    Compared {
        one,
        is,
        other,
        unless_off,
    }
}

/// What the kubelet reserves, of which one has to be there for a cgroup to be held to it.
const KUBE_RESERVED: &[Part] = &[
    Setting(&["kubeReserved", "cpu"]),
    Setting(&["kubeReserved", "memory"]),
    Setting(&["kubeReserved", "ephemeral-storage"]),
    Setting(&["kubeReserved", "pid"]),
    Flag("kube-reserved"),
];
const SYSTEM_RESERVED: &[Part] = &[
    Setting(&["systemReserved", "cpu"]),
    Setting(&["systemReserved", "memory"]),
    Setting(&["systemReserved", "ephemeral-storage"]),
    Setting(&["systemReserved", "pid"]),
    Flag("system-reserved"),
];
const RESERVED_CPUS: &[Part] = &[
    Setting(&["reservedSystemCPUs"]),
    Setting(&["kubeReserved", "cpu"]),
    Setting(&["systemReserved", "cpu"]),
    Flag("reserved-cpus"),
    Flag("kube-reserved"),
    Flag("system-reserved"),
];
/// What the kubelet holds pods to.
const ENFORCED: &[Part] = &[Setting(&["enforceNodeAllocatable"]), Flag("enforce-node-allocatable")];
/// Leader election of the controller manager and of the scheduler, which has a file too, and the API server's for others.
const ELECTS: &[Part] = &[Flag("leader-elect")];
const LEASE: Measure = of(&[Flag("leader-elect-lease-duration")], "15s");
const RENEWAL: Measure = of(&[Flag("leader-elect-renew-deadline")], "10s");
const RETRY: Measure = of(&[Flag("leader-elect-retry-period")], "2s");
const FILE_ELECTS: &[Part] = &[Setting(&["leaderElection", "leaderElect"]), Flag("leader-elect")];
const LEASE_OF_FILE: Measure = of(
    &[
        Setting(&["leaderElection", "leaseDuration"]),
        Flag("leader-elect-lease-duration"),
    ],
    "15s",
);
const RENEWAL_OF_FILE: Measure = of(
    &[
        Setting(&["leaderElection", "renewDeadline"]),
        Flag("leader-elect-renew-deadline"),
    ],
    "10s",
);
const RETRY_OF_FILE: Measure = of(
    &[
        Setting(&["leaderElection", "retryPeriod"]),
        Flag("leader-elect-retry-period"),
    ],
    "2s",
);
const LEASE_FOR_OTHERS: Measure = of(&[Flag("coordinated-leadership-lease-duration")], "15s");
const RENEWAL_FOR_OTHERS: Measure = of(&[Flag("coordinated-leadership-renew-deadline")], "10s");
const RETRY_FOR_OTHERS: Measure = of(&[Flag("coordinated-leadership-retry-period")], "2s");

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

const OIDC: &str = "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubeapiserver/options/authentication.go";
const AUTHORIZATION: &str =
    "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubeapiserver/options/authorization.go";
const ADMISSION: &str = "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/";
const TOKENS: &str = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection";
const ELECTION: &str = "https://github.com/kubernetes/client-go/blob/v0.37.2/tools/leaderelection/leaderelection.go";
const KUBELET_VALIDATION: &str =
    "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubelet/apis/config/validation/validation.go";
const CPU_POLICIES: &str =
    "https://kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies/#static-policy-configuration";
const EVICTION: &str =
    "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#soft-eviction-thresholds";
const ENFORCEMENT: &str =
    "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubelet/cm/node_container_manager_linux.go";
const PROXY_VALIDATION: &str =
    "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/proxy/apis/config/validation/validation.go";
const ETCD_VALIDATION: &str = "https://github.com/etcd-io/etcd/blob/v3.6.16/server/embed/config.go";

const HOSTS_TOML: &str = "https://github.com/containerd/containerd/blob/main/docs/hosts.md";
const MIRRORS: &str =
    "the kubelet finds no runtime: write each mirror as a file of [[files]], /etc/containerd/certs.d/NAME/hosts.toml";
const NOT_STARTED: &str = "it does not start with both";
const HALF: &str = "it does not start with one alone";
const UNUSED_HALF: &str = "it starts with one alone, and shows no certificate";
const NOT_STARTED_SO: &str = "it does not start";
const LOST: &str = "a proxy does not know the way, or should not be asked for it";

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule(API, alone(Flag("authorization-config"), &[Flag("authorization-mode"), Flag("authorization-webhook-*")], GivesWay), NOT_STARTED, "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization"),
    rule(API, alone(Flag("authentication-config"), &[Flag("oidc-*")], Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration"),
    rule(API, alone(Flag("service-account-signing-endpoint"), &[Flag("service-account-signing-key-file"), Flag("service-account-key-file")], Stays), NOT_STARTED, "https://github.com/kubernetes/enhancements/tree/master/keps/sig-auth/740-service-account-external-signing"),
    rule(CONTROLLER, alone(Flag("cluster-signing-cert-file"), SIGNERS, Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(CONTROLLER, alone(Flag("cluster-signing-key-file"), SIGNERS, Stays), NOT_STARTED, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(CONTROLLER, alone(Flag("node-cidr-mask-size"), &[Flag("node-cidr-mask-size-ipv4"), Flag("node-cidr-mask-size-ipv6")], Stays), NOT_STARTED, "https://kubernetes.io/docs/concepts/services-networking/dual-stack/#configure-ipv4-ipv6-dual-stack"),
    rule(KUBELET, Needs { one: &[Setting(&["serverCertificateKeyAlgorithm"])], when: Valued::Begins("ML-DSA-"), other: &[Setting(&["tlsMinVersion"])], is: &["VersionTLS13"], by_itself: false }, "it does not start, since TLS 1.2 knows no such keys", "https://github.com/kubernetes/kubernetes/blob/v1.38.0-beta.0/pkg/kubelet/apis/config/validation/validation.go"),
    rule(KUBELET, alone(Setting(&["reservedSystemCPUs"]), &[Setting(&["systemReservedCgroup"]), Setting(&["kubeReservedCgroup"])], Stays), NOT_STARTED, "https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/#explicitly-reserved-cpu-list"),
    rule(CONTAINERD, alone(Setting(&["plugins", "io.containerd.cri.v1.images", "registry", "mirrors", "*"]), &[Setting(&["plugins", "io.containerd.cri.v1.images", "registry", "config_path"])], Stays), MIRRORS, HOSTS_TOML),
    rule(CONTAINERD, alone(Setting(&["plugins", "io.containerd.grpc.v1.cri", "registry", "mirrors", "*"]), &[Setting(&["plugins", "io.containerd.grpc.v1.cri", "registry", "config_path"])], Stays), MIRRORS, HOSTS_TOML),
    rule(ETCD, alone(Flag("initial-cluster"), &[Flag("discovery"), Flag("discovery-endpoints"), Flag("discovery-srv")], Stays), NOT_STARTED, "https://etcd.io/docs/v3.6/op-guide/clustering/"),
    rule(API, alone(Flag("admission-control"), &[Flag("enable-admission-plugins"), Flag("disable-admission-plugins")], Stays), NOT_STARTED, "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubeapiserver/options/admission.go"),
    // Their old names and their new ones, which 3.6 has both.
    since(6, rule(ETCD, alone(Flag("experimental-initial-corrupt-check"), &[Flag("feature-gates")], GivesWay), "it does not start where both name InitialCorruptCheck", ETCD_VALIDATION)),
    rule(ETCD, alone(Flag("experimental-watch-progress-notify-interval"), &[Flag("watch-progress-notify-interval")], GivesWay), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("experimental-warning-apply-duration"), &[Flag("warning-apply-duration")], Stays), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("experimental-snapshot-catchup-entries"), &[Flag("snapshot-catchup-entries")], Stays), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("experimental-compaction-batch-limit"), &[Flag("compaction-batch-limit")], Stays), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("experimental-bootstrap-defrag-threshold-megabytes"), &[Flag("bootstrap-defrag-threshold-megabytes")], Stays), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("experimental-max-learners"), &[Flag("max-learners")], Stays), NOT_STARTED, ETCD_VALIDATION),
    rule(ETCD, alone(Flag("config-file"), &[Flag("*")], Stays), "etcd heeds the file alone", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    rule(SERVERS, Both(Flag("tls-cert-file"), Flag("tls-private-key-file")), HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("etcd-certfile"), Flag("etcd-keyfile")), HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("kubelet-client-certificate"), Flag("kubelet-client-key")), UNUSED_HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Both(Flag("proxy-client-cert-file"), Flag("proxy-client-key-file")), UNUSED_HALF, "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(CONTROLLER, Both(Flag("cluster-signing-cert-file"), Flag("cluster-signing-key-file")), "it starts with one alone, and signs no request", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"),
    rule(KUBELET, Both(Setting(&["tlsCertFile"]), Setting(&["tlsPrivateKeyFile"])), HALF, "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"),
    rule(ETCD, Both(Flag("cert-file"), Flag("key-file")), HALF, "https://etcd.io/docs/v3.6/op-guide/security/"),
    rule(ETCD, Both(Flag("peer-cert-file"), Flag("peer-key-file")), HALF, "https://etcd.io/docs/v3.6/op-guide/security/"),

    rule(API, with(&[Flag("oidc-issuer-url")], "", &[Flag("oidc-client-id")]), NOT_STARTED_SO, OIDC),
    rule(API, with(&[Flag("oidc-client-id")], "", &[Flag("oidc-issuer-url")]), NOT_STARTED_SO, OIDC),
    since(29, rule(API, with(&[Flag("oidc-ca-file"), Flag("oidc-groups-*"), Flag("oidc-required-claim"), Flag("oidc-signing-algs"), Flag("oidc-username-*")], "", &[Flag("oidc-issuer-url")]), NOT_STARTED_SO, OIDC)),
    rule(API, with(&[Flag("authorization-mode")], "Webhook", &[Flag("authorization-webhook-config-file")]), NOT_STARTED_SO, AUTHORIZATION),
    rule(API, with(&[Flag("authorization-mode")], "ABAC", &[Flag("authorization-policy-file")]), NOT_STARTED_SO, AUTHORIZATION),
    rule(API, with(&[Flag("enable-admission-plugins")], "ImagePolicyWebhook", &[Flag("admission-control-config-file")]), NOT_STARTED_SO, ADMISSION),
    rule(API, with(&[Flag("enable-admission-plugins")], "EventRateLimit", &[Flag("admission-control-config-file")]), NOT_STARTED_SO, ADMISSION),
    since(20, rule(API, Given(&[Flag("service-account-issuer")]), NOT_STARTED_SO, TOKENS)),
    since(20, rule(API, Given(&[Flag("service-account-signing-key-file"), Flag("service-account-signing-endpoint")]), NOT_STARTED_SO, TOKENS)),
    rule(SCHEDULER, Given(&[Flag("config"), Flag("kubeconfig"), Flag("master")]), "it does not find the API server", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/"),
    rule(KUBELET, with(ENFORCED, "kube-reserved", &[Setting(&["kubeReservedCgroup"]), Flag("kube-reserved-cgroup")]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, with(ENFORCED, "kube-reserved-compressible", &[Setting(&["kubeReservedCgroup"]), Flag("kube-reserved-cgroup")]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, with(ENFORCED, "system-reserved", &[Setting(&["systemReservedCgroup"]), Flag("system-reserved-cgroup")]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, with(ENFORCED, "system-reserved-compressible", &[Setting(&["systemReservedCgroup"]), Flag("system-reserved-cgroup")]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, with(ENFORCED, "kube-reserved", KUBE_RESERVED), NOT_STARTED_SO, ENFORCEMENT),
    rule(KUBELET, with(ENFORCED, "system-reserved", SYSTEM_RESERVED), NOT_STARTED_SO, ENFORCEMENT),
    rule(KUBELET, with(&[Setting(&["systemCgroups"]), Flag("system-cgroups")], "", &[Setting(&["cgroupRoot"]), Flag("cgroup-root")]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, NeedsGate { one: &[Setting(&["cpuCFSQuotaPeriod"]), Flag("cpu-cfs-quota-period")], when: Valued::IsNot("100ms"), gate: "CustomCPUCFSQuotaPeriod" }, NOT_STARTED_SO, KUBELET_VALIDATION),
    since(29, rule(KUBELET, NeedsGate { one: &[Setting(&["imageMaximumGCAge"])], when: Valued::IsNot("0s"), gate: "ImageMaximumGCAge" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(37, rule(KUBELET, NeedsGate { one: &[Setting(&["defaultPodSysctls", "*"])], when: Valued::Given, gate: "DefaultPodSysctls" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(21, rule(KUBELET, NeedsGate { one: &[Setting(&["shutdownGracePeriod"])], when: Valued::IsNot("0s"), gate: "GracefulNodeShutdown" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(23, rule(KUBELET, NeedsGate { one: &[Setting(&["shutdownGracePeriodByPodPriority"])], when: Valued::Given, gate: "GracefulNodeShutdownBasedOnPodPriority" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(22, rule(KUBELET, NeedsGate { one: &[Setting(&["memorySwap", "swapBehavior"])], when: Valued::Given, gate: "NodeSwap" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(32, rule(KUBELET, NeedsGate { one: &[Setting(&["crashLoopBackOff", "maxContainerRestartPeriod"])], when: Valued::Given, gate: "KubeletCrashLoopBackOffMax" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(33, rule(KUBELET, NeedsGate { one: &[Setting(&["imagePullCredentialsVerificationPolicy"])], when: Valued::Given, gate: "KubeletEnsureSecretPulledImages" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(33, rule(KUBELET, NeedsGate { one: &[Setting(&["preloadedImagesVerificationAllowlist"])], when: Valued::Given, gate: "KubeletEnsureSecretPulledImages" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(37, rule(KUBELET, NeedsGate { one: &[Setting(&["memoryThrottlingFactor"])], when: Valued::IsNot("0.9"), gate: "MemoryQoS" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(36, rule(KUBELET, NeedsGate { one: &[Setting(&["memoryReservationPolicy"])], when: Valued::Is("TieredReservation"), gate: "MemoryQoS" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    since(27, rule(KUBELET, NeedsGate { one: &[Setting(&["enableSystemLogQuery"])], when: Valued::Is("true"), gate: "NodeLogQuery" }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    rule(KUBELET, NeedsGate { one: &[Setting(&["serverTLSBootstrap"])], when: Valued::Is("true"), gate: "RotateKubeletServerCertificate" }, NOT_STARTED_SO, KUBELET_VALIDATION),
    since(27, rule(KUBELET, Needs { one: &[Setting(&["maxParallelImagePulls"])], when: Valued::MoreThan(1), other: &[Setting(&["serializeImagePulls"]), Flag("serialize-image-pulls")], is: &["false"], by_itself: true }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    rule(KUBELET, Needs { one: &[Setting(&["cgroupsPerQOS"]), Flag("cgroups-per-qos")], when: Valued::Is("false"), other: &[Setting(&["enforceNodeAllocatable"]), Flag("enforce-node-allocatable")], is: &["none", ""], by_itself: false }, NOT_STARTED_SO, KUBELET_VALIDATION),
    since(33, rule(KUBELET, Needs { one: &[Setting(&["preloadedImagesVerificationAllowlist"])], when: Valued::Given, other: &[Setting(&["imagePullCredentialsVerificationPolicy"])], is: &["NeverVerifyAllowlistedImages"], by_itself: false }, NOT_STARTED_SO, KUBELET_VALIDATION)),
    rule(KUBELET, with(&[Setting(&["cpuManagerPolicy"]), Flag("cpu-manager-policy")], "static", RESERVED_CPUS), NOT_STARTED_SO, CPU_POLICIES),
    rule(KUBELET, with(&[Setting(&["memoryManagerPolicy"]), Flag("memory-manager-policy")], "Static", &[Setting(&["reservedMemory"]), Flag("reserved-memory")]), NOT_STARTED_SO, "https://kubernetes.io/docs/tasks/administer-cluster/memory-manager/#reserved-memory-flag"),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "memory.available"])], "", &[Setting(&["evictionSoftGracePeriod", "memory.available"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "nodefs.available"])], "", &[Setting(&["evictionSoftGracePeriod", "nodefs.available"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "nodefs.inodesFree"])], "", &[Setting(&["evictionSoftGracePeriod", "nodefs.inodesFree"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "imagefs.available"])], "", &[Setting(&["evictionSoftGracePeriod", "imagefs.available"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "imagefs.inodesFree"])], "", &[Setting(&["evictionSoftGracePeriod", "imagefs.inodesFree"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Setting(&["evictionSoft", "pid.available"])], "", &[Setting(&["evictionSoftGracePeriod", "pid.available"])]), NOT_STARTED_SO, EVICTION),
    rule(KUBELET, with(&[Flag("eviction-soft")], "", &[Flag("eviction-soft-grace-period")]), NOT_STARTED_SO, EVICTION),
    rule(PROXY, with(&[Setting(&["detectLocalMode"])], "BridgeInterface", &[Setting(&["detectLocal", "bridgeInterface"])]), NOT_STARTED_SO, PROXY_VALIDATION),
    rule(PROXY, with(&[Setting(&["detectLocalMode"])], "InterfaceNamePrefix", &[Setting(&["detectLocal", "interfaceNamePrefix"])]), NOT_STARTED_SO, PROXY_VALIDATION),

    rule(CONTROLLER, compared(LEASE, Than::More, RENEWAL, ELECTS), NOT_STARTED_SO, ELECTION),
    rule(CONTROLLER, compared(RENEWAL, Than::More, tenths(12, RETRY), ELECTS), NOT_STARTED_SO, ELECTION),
    rule(SCHEDULER, compared(LEASE_OF_FILE, Than::More, RENEWAL_OF_FILE, FILE_ELECTS), NOT_STARTED_SO, ELECTION),
    rule(SCHEDULER, compared(RENEWAL_OF_FILE, Than::More, tenths(12, RETRY_OF_FILE), FILE_ELECTS), NOT_STARTED_SO, ELECTION),
    rule(API, compared(LEASE_FOR_OTHERS, Than::More, RENEWAL_FOR_OTHERS, &[]), NOT_STARTED_SO, "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controlplane/apiserver/options/validation.go"),
    rule(API, compared(RENEWAL_FOR_OTHERS, Than::More, RETRY_FOR_OTHERS, &[]), NOT_STARTED_SO, "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controlplane/apiserver/options/validation.go"),
    rule(API, compared(of(&[Flag("audit-log-truncate-max-batch-size")], "10485760"), Than::AtLeast, of(&[Flag("audit-log-truncate-max-event-size")], "102400"), &[]), NOT_STARTED_SO, "https://github.com/kubernetes/apiserver/blob/v0.37.2/pkg/server/options/audit.go"),
    rule(KUBELET, compared(of(&[Setting(&["imageGCHighThresholdPercent"]), Flag("image-gc-high-threshold")], "85"), Than::More, of(&[Setting(&["imageGCLowThresholdPercent"]), Flag("image-gc-low-threshold")], "80"), &[]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, compared(zero(Zero::IsNone, of(&[Setting(&["imageMaximumGCAge"])], "")), Than::More, zero(Zero::IsDefault, of(&[Setting(&["imageMinimumGCAge"]), Flag("minimum-image-ttl-duration")], "2m")), &[]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(KUBELET, compared(of(&[Setting(&["shutdownGracePeriod"])], "0s"), Than::AtLeast, of(&[Setting(&["shutdownGracePeriodCriticalPods"])], "0s"), &[]), NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(PROXY, compared(zero(Zero::IsDefault, of(&[Setting(&["iptables", "syncPeriod"])], "30s")), Than::AtLeast, zero(Zero::IsDefault, of(&[Setting(&["iptables", "minSyncPeriod"])], "1s")), &[]), NOT_STARTED_SO, PROXY_VALIDATION),
    rule(PROXY, compared(zero(Zero::IsDefault, of(&[Setting(&["ipvs", "syncPeriod"])], "30s")), Than::AtLeast, of(&[Setting(&["ipvs", "minSyncPeriod"])], "0s"), &[]), NOT_STARTED_SO, PROXY_VALIDATION),
    rule(ETCD, compared(of(&[Flag("election-timeout")], "1000"), Than::AtLeast, tenths(50, of(&[Flag("heartbeat-interval")], "100")), &[]), NOT_STARTED_SO, ETCD_VALIDATION),
    rule(ETCD, compared(of(&[Flag("tls-max-version")], ""), Than::AtLeast, of(&[Flag("tls-min-version")], "TLS1.2"), &[]), NOT_STARTED_SO, ETCD_VALIDATION),

    rule(API, NoProxyFor(WHOM_THE_API_SERVER_CALLS), LOST, "https://github.com/kubernetes/kubernetes/issues/107446"),
    rule(CLIENTS, NoProxyFor(&[ApiServer]), LOST, "https://github.com/kubernetes/kubeadm/issues/2370"),
    rule(ETCD, NoProxyFor(&[Etcd]), LOST, "https://pkg.go.dev/net/http#ProxyFromEnvironment"),

    rule(SERVERS, HasSuiteOfHttp2 { suites: Flag("tls-cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "VersionTLS13" }, NO_HTTP2, HTTP2),
    rule(KUBELET, HasSuiteOfHttp2 { suites: Setting(&["tlsCipherSuites"]), oldest: Setting(&["tlsMinVersion"]), tls_1_3: "VersionTLS13" }, NO_HTTP2, HTTP2),
    rule(ETCD, HasSuiteOfHttp2 { suites: Flag("cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "TLS1.3" }, NO_HTTP2, HTTP2),
    rule(ETCD, NoSuitesOfTls13 { suites: Flag("cipher-suites"), oldest: Flag("tls-min-version"), tls_1_3: "TLS1.3" }, "it does not start: suites of TLS 1.3 can't be chosen", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    rule(API, Once { flag: Flag("service-account-issuer"), is_list: false }, "it does not start", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(API, Once { flag: Flag("authorization-mode"), is_list: true }, "it does not start", "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
    rule(KUBELET, Once { flag: Setting(&["enforceNodeAllocatable"]), is_list: true }, NOT_STARTED_SO, KUBELET_VALIDATION),
    rule(API, Apart(Flag("enable-admission-plugins"), Flag("disable-admission-plugins")), "it does not start", "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/"),
    rule(ETCD, NotInEnvironment("ETCD_"), "it does not start with both, also where they are the same", "https://etcd.io/docs/v3.6/op-guide/configuration/"),

    // Seen with kubelet 1.37.2: one whose kubeconfig was given a certificate that nobody trusts stayed Ready.
    rule(KUBELET, Heeded { switches: &[Setting(&["rotateCertificates"]), Flag("rotate-certificates")], beside: &[Flag("kubeconfig")] }, "it copies the certificate of its kubeconfig to /var/lib/kubelet/pki when it first starts, and reads the copy as long as that is valid: a kubeconfig that is renewed has no effect", "https://kubernetes.io/docs/tasks/tls/certificate-rotation/"),
    // Likewise: it asks for none, and says nothing of it.
    rule(KUBELET, Heeded { switches: &[Setting(&["serverTLSBootstrap"]), Flag("rotate-server-certificates")], beside: &[Setting(&["tlsCertFile"]), Flag("tls-cert-file")] }, "it shows the certificate of that file, and asks the cluster for none", "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#certificate-rotation"),

    since(35, rule(KUBERNETES, GatesAgree, "it does not start", "https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/features/kube_features.go")),

    rule(KUBELET, PodsHaveAddresses, "pods beyond that get no address and don't start", "https://www.cni.dev/plugins/current/ipam/host-local/"),
    rule(API, NodePortsAreFree, "a service that is given such a port takes it from what listens there", "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport"),
];
