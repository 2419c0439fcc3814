//! What values have to be beside what their types say: of which program | field | flag | within what.
//!
//! Sources: the programs' own validation, `pkg/kubelet/apis/config/validation`, `pkg/proxy/apis/config/validation`,
//! `pkg/scheduler/apis/config/validation` and the options of `cmd/` in <https://github.com/kubernetes/kubernetes>;
//! <https://etcd.io/docs/v3.6/op-guide/configuration/>. What some release takes is in a list of choices.

use crate::catalog::value_type::Limit;
use crate::catalog::value_type::Within::{
    self, Absolute, Address, AddressAndPort, AtLeast, Between, Digits, Ends, Https, InRelease, Keys, ListensAt,
    MinorBefore, NumberOrDuration, Numbers, OneOf, Port, Quantities, Quantity, Ranges, RangesOr, Seconds,
    SecondsBetween, SwitchesInRelease, Threshold, Thresholds, Urls, ZeroOrSeconds,
};

type Of = (&'static str, &'static str);

const KUBELET: &[Of] = &[("kubelet", "KubeletConfiguration")];
const PROXY: &[Of] = &[("kube-proxy", "KubeProxyConfiguration")];
const SCHEDULER: &[Of] = &[("kube-scheduler", "KubeSchedulerConfiguration")];
const API: &[Of] = &[("kube-apiserver", "")];
const CONTROLLER: &[Of] = &[("kube-controller-manager", "")];
const MANAGERS: &[Of] = &[("kube-controller-manager", ""), ("kube-scheduler", "")];
const CONTROL_PLANE: &[Of] = &[
    ("kube-apiserver", ""),
    ("kube-controller-manager", ""),
    ("kube-scheduler", ""),
];
const BOTH_WITH_RANGES: &[Of] = &[("kube-apiserver", ""), ("kube-controller-manager", "")];
const ETCD: &[Of] = &[("etcd", "")];
const KUBERNETES: &[Of] = &[
    ("kube-apiserver", ""),
    ("kube-controller-manager", ""),
    ("kube-scheduler", ""),
    ("kubelet", ""),
    ("kube-proxy", ""),
];
const LOGS_BY_OPTIONS: &[Of] = &[
    ("kube-apiserver", ""),
    ("kube-controller-manager", ""),
    ("kube-scheduler", ""),
    ("kubelet", ""),
];
const KUBECONFIG: &[Of] = &[("", "Config")];
const ENCRYPTION: &[Of] = &[("", "EncryptionConfiguration")];

const fn limit(of: &'static [Of], setting: &'static str, flag: &'static str, within: Within) -> Limit {
    Limit {
        of,
        setting,
        flag,
        within,
        since: 0,
        until: u16::MAX,
        or_empty: false,
    }
}

/// A limit of a minor and what comes after it.
const fn since(minor: u16, limit: Limit) -> Limit {
    Limit { since: minor, ..limit }
}

/// A limit of the minors up to one.
const fn until(minor: u16, limit: Limit) -> Limit {
    Limit { until: minor, ..limit }
}

/// A flag whose empty value is its default.
const fn or_empty(limit: Limit) -> Limit {
    Limit {
        or_empty: true,
        ..limit
    }
}

const PORT: Within = Port(1);
const PORT_OR_NONE: Within = Port(0);
/// In seconds: the longest duration of Go, in which they are nanoseconds of 64 bits.
const LONGEST: i64 = 9_223_372_036;
const NOT_NEGATIVE: Within = AtLeast(0);
const TLS: Within = OneOf(&["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"]);
const LOGS: Within = OneOf(&["text", "json"]);
const MASQUERADE_BIT: Within = Numbers(0, 31);
const OOM_SCORE: Within = Numbers(-1000, 1000);
const RESERVED: Within = Keys(RESOURCES);
const RESOURCES: &[&str] = &["cpu", "memory", "ephemeral-storage", "pid"];
const LOCKS: Within = OneOf(&[
    "leases",
    "endpoints",
    "configmaps",
    "endpointsleases",
    "configmapsleases",
]);

/// A lock's kinds in 1.24 to 1.27, and from 1.28 on: `tools/leaderelection/resourcelock` of k8s.io/client-go.
const LOCKS_FROM_24: Within = OneOf(&["leases", "endpointsleases", "configmapsleases"]);
const LOCKS_FROM_28: Within = OneOf(&["leases"]);
const SYNCS_OF_SLICES: Within = Numbers(1, 50);
const ENDPOINTS: Within = Numbers(1, 1000);

/// The names of Go's crypto/tls, which `TLSCipherPossibleValues` of k8s.io/component-base and etcd's `tlsutil` take.
const CIPHERS: Within = OneOf(&[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
]);

/// The plugins of `pkg/kubeapiserver/options/plugins.go`: the first and the last minor that has each; from 0 on it is in 1.17 and later.
#[rustfmt::skip]
const PLUGINS: Within = InRelease(&[
    ("AlwaysAdmit", 0, u16::MAX),
    ("AlwaysDeny", 0, u16::MAX),
    ("AlwaysPullImages", 0, u16::MAX),
    ("AuthorizationConditionsEnforcer", 38, u16::MAX),
    ("CertificateApproval", 18, u16::MAX),
    ("CertificateSigning", 18, u16::MAX),
    ("CertificateSubjectRestriction", 18, u16::MAX),
    ("ClusterTrustBundleAttest", 27, u16::MAX),
    ("DefaultIngressClass", 18, u16::MAX),
    ("DefaultStorageClass", 0, u16::MAX),
    ("DefaultTolerationSeconds", 0, u16::MAX),
    ("DenyEscalatingExec", 0, 20),
    ("DenyExecOnPrivileged", 0, 20),
    ("DenyServiceExternalIPs", 21, u16::MAX),
    ("EventRateLimit", 0, u16::MAX),
    ("ExtendedResourceToleration", 0, u16::MAX),
    ("ImagePolicyWebhook", 0, u16::MAX),
    ("JobValidation", 36, 36),
    ("LimitPodHardAntiAffinityTopology", 0, u16::MAX),
    ("LimitRanger", 0, u16::MAX),
    ("MutatingAdmissionPolicy", 32, u16::MAX),
    ("MutatingAdmissionWebhook", 0, u16::MAX),
    ("NamespaceAutoProvision", 0, u16::MAX),
    ("NamespaceExists", 0, u16::MAX),
    ("NamespaceLifecycle", 0, u16::MAX),
    ("NodeDeclaredFeatureValidator", 35, u16::MAX),
    ("NodeRestriction", 0, u16::MAX),
    ("OwnerReferencesPermissionEnforcement", 0, u16::MAX),
    ("PersistentVolumeClaimResize", 0, u16::MAX),
    ("PersistentVolumeLabel", 0, 30),
    ("PodGroupProtection", 36, u16::MAX),
    ("PodGroupWorkloadExists", 36, 36),
    ("PodNodeSelector", 0, u16::MAX),
    ("PodPreset", 0, 19),
    ("PodResizeValidator", 36, u16::MAX),
    ("PodSecurity", 22, u16::MAX),
    ("PodSecurityPolicy", 0, 24),
    ("PodTolerationRestriction", 0, u16::MAX),
    ("PodTopologyLabels", 33, u16::MAX),
    ("Priority", 0, u16::MAX),
    ("ResourceQuota", 0, u16::MAX),
    ("RuntimeClass", 0, u16::MAX),
    ("SecurityContextDeny", 0, 29),
    ("ServiceAccount", 0, u16::MAX),
    ("StorageObjectInUseProtection", 0, u16::MAX),
    ("TaintNodesByCondition", 0, u16::MAX),
    ("ValidatingAdmissionPolicy", 26, u16::MAX),
    ("ValidatingAdmissionWebhook", 0, u16::MAX),
]);

/// `server/features/etcd_features.go` of etcd 3.6 and 3.7, and what switches all of a maturity.
const GATES_OF_ETCD: Within = SwitchesInRelease(&[
    ("AllAlpha", 6, u16::MAX),
    ("AllBeta", 6, u16::MAX),
    ("CompactHashCheck", 6, u16::MAX),
    ("FastLeaseKeepAlive", 7, u16::MAX),
    ("InitialCorruptCheck", 6, u16::MAX),
    ("LeaseCheckpoint", 6, u16::MAX),
    ("LeaseCheckpointPersist", 6, u16::MAX),
    ("PriorityRequest", 7, u16::MAX),
    ("SetMemberLocalAddr", 6, u16::MAX),
    ("StopGRPCServiceOnDefrag", 6, u16::MAX),
    ("TxnModeWriteWithSharedBuffer", 6, u16::MAX),
]);

/// The signals of `pkg/kubelet/eviction/api`.
const SIGNALS: Within = Keys(NAMES_OF_SIGNALS);
const NAMES_OF_SIGNALS: &[&str] = &[
    "memory.available",
    "allocatableMemory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "pid.available",
];

#[rustfmt::skip]
pub const LIMITS: &[Limit] = &[
    limit(KUBERNETES, "", "help", Ends),
    limit(KUBERNETES, "", "version", Ends),
    or_empty(limit(KUBERNETES, "", "show-hidden-metrics-for-version", MinorBefore)),
    limit(KUBELET, "showHiddenMetricsForVersion", "", MinorBefore),
    limit(PROXY, "showHiddenMetricsForVersion", "", MinorBefore),
    // `VerbosityLevelPflag` of k8s.io/component-base/logs/api/v1.
    since(25, limit(LOGS_BY_OPTIONS, "", "v", Digits)),
    since(30, limit(&[("kube-proxy", "")], "", "v", Digits)),

    limit(KUBELET, "address", "address", Address),
    limit(KUBELET, "cgroupDriver", "cgroup-driver", OneOf(&["cgroupfs", "systemd"])),
    limit(KUBELET, "clusterDNS", "cluster-dns", Address),
    limit(KUBELET, "containerLogMaxSize", "container-log-max-size", Quantity),
    limit(KUBELET, "containerLogMaxFiles", "container-log-max-files", AtLeast(2)),
    limit(KUBELET, "containerLogMaxWorkers", "", AtLeast(1)),
    limit(KUBELET, "containerLogMonitorInterval", "", Seconds(3)),
    limit(KUBELET, "cpuManagerPolicy", "cpu-manager-policy", OneOf(&["none", "static"])),
    limit(KUBELET, "crashLoopBackOff.maxContainerRestartPeriod", "", SecondsBetween(1, 300)),
    limit(KUBELET, "enforceNodeAllocatable", "enforce-node-allocatable", OneOf(&["none", "pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible"])),
    limit(KUBELET, "eventBurst", "event-burst", NOT_NEGATIVE),
    limit(KUBELET, "eventRecordQPS", "event-qps", NOT_NEGATIVE),
    limit(KUBELET, "evictionHard", "", SIGNALS),
    limit(KUBELET, "evictionHard.*", "", Threshold),
    or_empty(limit(KUBELET, "", "eviction-hard", Thresholds(NAMES_OF_SIGNALS))),
    limit(KUBELET, "evictionMinimumReclaim", "", SIGNALS),
    limit(KUBELET, "evictionMinimumReclaim.*", "", Threshold),
    limit(KUBELET, "evictionSoft", "", SIGNALS),
    limit(KUBELET, "evictionSoft.*", "", Threshold),
    or_empty(limit(KUBELET, "", "eviction-soft", Thresholds(NAMES_OF_SIGNALS))),
    limit(KUBELET, "evictionSoftGracePeriod", "", SIGNALS),
    limit(KUBELET, "hairpinMode", "hairpin-mode", OneOf(&["hairpin-veth", "none", "promiscuous-bridge"])),
    limit(KUBELET, "healthzBindAddress", "healthz-bind-address", Address),
    limit(KUBELET, "healthzPort", "healthz-port", PORT_OR_NONE),
    limit(KUBELET, "imageGCHighThresholdPercent", "image-gc-high-threshold", Numbers(0, 100)),
    limit(KUBELET, "imageGCLowThresholdPercent", "image-gc-low-threshold", Numbers(0, 100)),
    limit(KUBELET, "imageMaximumGCAge", "", Seconds(0)),
    limit(KUBELET, "imagePullCredentialsVerificationPolicy", "", OneOf(&["AlwaysVerify", "NeverVerify", "NeverVerifyAllowlistedImages", "NeverVerifyPreloadedImages"])),
    limit(KUBELET, "memoryReservationPolicy", "", OneOf(&["None", "TieredReservation"])),
    limit(KUBELET, "memoryThrottlingFactor", "", Between(0.0, 1.0)),
    limit(KUBELET, "imageMinimumGCAge", "minimum-image-ttl-duration", Seconds(0)),
    limit(KUBELET, "iptablesDropBit", "iptables-drop-bit", MASQUERADE_BIT),
    limit(KUBELET, "iptablesMasqueradeBit", "iptables-masquerade-bit", MASQUERADE_BIT),
    limit(KUBELET, "kubeAPIBurst", "kube-api-burst", NOT_NEGATIVE),
    limit(KUBELET, "kubeAPIQPS", "kube-api-qps", NOT_NEGATIVE),
    limit(KUBELET, "kubeReserved", "", RESERVED),
    limit(KUBELET, "kubeReserved.*", "", Quantity),
    or_empty(limit(KUBELET, "", "kube-reserved", Quantities(RESOURCES))),
    limit(KUBELET, "logging.format", "logging-format", LOGS),
    limit(KUBELET, "maxOpenFiles", "max-open-files", NOT_NEGATIVE),
    limit(KUBELET, "maxParallelImagePulls", "", AtLeast(1)),
    limit(KUBELET, "maxPods", "max-pods", NOT_NEGATIVE),
    limit(KUBELET, "memoryManagerPolicy", "memory-manager-policy", OneOf(&["None", "Static"])),
    limit(KUBELET, "memorySwap.swapBehavior", "", OneOf(&["LimitedSwap", "NoSwap", "UnlimitedSwap"])),
    since(30, limit(KUBELET, "memorySwap.swapBehavior", "", OneOf(&["LimitedSwap", "NoSwap"]))),
    limit(KUBELET, "nodeLeaseDurationSeconds", "", NOT_NEGATIVE),
    limit(KUBELET, "nodeStatusMaxImages", "node-status-max-images", AtLeast(-1)),
    limit(KUBELET, "oomScoreAdj", "oom-score-adj", OOM_SCORE),
    limit(KUBELET, "podCIDR", "pod-cidr", Ranges),
    limit(KUBELET, "podLogsDir", "", Absolute),
    limit(KUBELET, "podsPerCore", "pods-per-core", NOT_NEGATIVE),
    limit(KUBELET, "port", "port", PORT_OR_NONE),
    limit(KUBELET, "readOnlyPort", "read-only-port", PORT_OR_NONE),
    limit(KUBELET, "registryBurst", "registry-burst", NOT_NEGATIVE),
    limit(KUBELET, "registryPullQPS", "registry-qps", NOT_NEGATIVE),
    since(21, limit(KUBELET, "shutdownGracePeriod", "", ZeroOrSeconds(1, LONGEST))),
    since(21, limit(KUBELET, "shutdownGracePeriodCriticalPods", "", ZeroOrSeconds(1, LONGEST))),
    limit(KUBELET, "systemReserved", "", RESERVED),
    limit(KUBELET, "systemReserved.*", "", Quantity),
    or_empty(limit(KUBELET, "", "system-reserved", Quantities(RESOURCES))),
    limit(KUBELET, "tlsCipherSuites", "tls-cipher-suites", CIPHERS),
    limit(KUBELET, "tlsMinVersion", "tls-min-version", TLS),
    limit(KUBELET, "topologyManagerPolicy", "topology-manager-policy", OneOf(&["none", "best-effort", "restricted", "single-numa-node"])),
    limit(KUBELET, "topologyManagerScope", "topology-manager-scope", OneOf(&["container", "pod"])),
    limit(KUBELET, "", "authorization-mode", OneOf(&["AlwaysAllow", "Webhook"])),
    limit(KUBELET, "", "node-ip", Address),

    limit(PROXY, "bindAddress", "bind-address", Address),
    limit(PROXY, "clientConnection.burst", "kube-api-burst", NOT_NEGATIVE),
    limit(PROXY, "clusterCIDR", "cluster-cidr", Ranges),
    limit(PROXY, "configSyncPeriod", "config-sync-period", Seconds(0)),
    limit(PROXY, "conntrack.maxPerCore", "conntrack-max-per-core", NOT_NEGATIVE),
    limit(PROXY, "conntrack.min", "conntrack-min", NOT_NEGATIVE),
    limit(PROXY, "conntrack.tcpCloseWaitTimeout", "conntrack-tcp-timeout-close-wait", Seconds(0)),
    limit(PROXY, "conntrack.tcpEstablishedTimeout", "conntrack-tcp-timeout-established", Seconds(0)),
    limit(PROXY, "conntrack.udpStreamTimeout", "", Seconds(0)),
    limit(PROXY, "conntrack.udpTimeout", "", Seconds(0)),
    limit(PROXY, "detectLocalMode", "detect-local-mode", OneOf(&["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"])),
    limit(PROXY, "healthzBindAddress", "", AddressAndPort),
    limit(PROXY, "iptables.masqueradeBit", "iptables-masquerade-bit", MASQUERADE_BIT),
    limit(PROXY, "iptables.minSyncPeriod", "iptables-min-sync-period", Seconds(0)),
    limit(PROXY, "iptables.syncPeriod", "iptables-sync-period", Seconds(0)),
    limit(PROXY, "ipvs.tcpFinTimeout", "ipvs-tcpfin-timeout", Seconds(0)),
    limit(PROXY, "ipvs.tcpTimeout", "ipvs-tcp-timeout", Seconds(0)),
    limit(PROXY, "ipvs.udpTimeout", "ipvs-udp-timeout", Seconds(0)),
    limit(PROXY, "ipvs.excludeCIDRs", "ipvs-exclude-cidrs", Ranges),
    limit(PROXY, "logging.format", "logging-format", LOGS),
    limit(PROXY, "metricsBindAddress", "", AddressAndPort),
    limit(PROXY, "mode", "proxy-mode", OneOf(&["iptables", "ipvs", "nftables", "userspace"])),
    since(26, limit(PROXY, "mode", "proxy-mode", OneOf(&["iptables", "ipvs", "nftables"]))),
    limit(PROXY, "nodePortAddresses", "", RangesOr(&["primary", "localhost", "all"])),
    until(36, limit(PROXY, "nodePortAddresses", "", RangesOr(&["primary"]))),
    limit(PROXY, "nftables.masqueradeBit", "", MASQUERADE_BIT),
    limit(PROXY, "oomScoreAdj", "oom-score-adj", OOM_SCORE),

    since(28, limit(SCHEDULER, "leaderElection.resourceLock", "leader-elect-resource-lock", LOCKS_FROM_28)),
    since(24, limit(SCHEDULER, "leaderElection.resourceLock", "leader-elect-resource-lock", LOCKS_FROM_24)),
    limit(SCHEDULER, "leaderElection.resourceLock", "leader-elect-resource-lock", LOCKS),
    limit(SCHEDULER, "parallelism", "", AtLeast(1)),
    limit(SCHEDULER, "percentageOfNodesToScore", "", Numbers(0, 100)),
    limit(SCHEDULER, "profiles.percentageOfNodesToScore", "", Numbers(0, 100)),
    limit(SCHEDULER, "percentageOfPlacementsToScore", "", Numbers(0, 100)),
    limit(SCHEDULER, "profiles.percentageOfPlacementsToScore", "", Numbers(0, 100)),
    limit(SCHEDULER, "podInitialBackoffSeconds", "", AtLeast(1)),
    limit(SCHEDULER, "podMaxBackoffSeconds", "", AtLeast(1)),

    limit(CONTROL_PLANE, "", "logging-format", LOGS),
    or_empty(limit(CONTROL_PLANE, "", "tls-cipher-suites", CIPHERS)),
    or_empty(limit(CONTROL_PLANE, "", "tls-min-version", TLS)),
    limit(MANAGERS, "", "secure-port", PORT_OR_NONE),
    limit(BOTH_WITH_RANGES, "", "service-cluster-ip-range", Ranges),

    limit(API, "", "audit-log-format", OneOf(&["json", "legacy"])),
    limit(API, "", "audit-log-maxage", NOT_NEGATIVE),
    limit(API, "", "audit-log-maxbackup", NOT_NEGATIVE),
    limit(API, "", "audit-log-maxsize", NOT_NEGATIVE),
    limit(API, "", "audit-log-mode", OneOf(&["batch", "blocking", "blocking-strict"])),
    limit(API, "", "authorization-mode", OneOf(&["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"])),
    or_empty(limit(API, "", "disable-admission-plugins", PLUGINS)),
    or_empty(limit(API, "", "enable-admission-plugins", PLUGINS)),
    limit(API, "", "etcd-servers", Urls),
    limit(API, "", "goaway-chance", Between(0.0, 0.02)),
    limit(API, "", "kubelet-port", PORT),
    or_empty(limit(API, "", "kubelet-preferred-address-types", OneOf(&["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"]))),
    limit(API, "", "max-mutating-requests-inflight", NOT_NEGATIVE),
    limit(API, "", "max-requests-inflight", NOT_NEGATIVE),
    limit(API, "", "oidc-issuer-url", Https),
    or_empty(limit(API, "", "oidc-signing-algs", OneOf(&["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]))),
    limit(API, "", "secure-port", PORT),
    limit(API, "", "service-account-max-token-expiration", ZeroOrSeconds(3600, 4_294_967_296)),
    or_empty(limit(API, "", "storage-backend", OneOf(&["etcd3"]))),

    or_empty(limit(CONTROLLER, "", "cluster-cidr", Ranges)),
    limit(CONTROLLER, "", "concurrent-cron-job-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-daemonset-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-ephemeralvolume-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-horizontal-pod-autoscaler-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-job-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-statefulset-syncs", AtLeast(1)),
    limit(CONTROLLER, "", "concurrent-service-endpoint-syncs", SYNCS_OF_SLICES),
    since(28, limit(CONTROLLER, "", "leader-elect-resource-lock", LOCKS_FROM_28)),
    since(24, limit(CONTROLLER, "", "leader-elect-resource-lock", LOCKS_FROM_24)),
    limit(CONTROLLER, "", "leader-elect-resource-lock", LOCKS),
    limit(CONTROLLER, "", "max-endpoints-per-slice", ENDPOINTS),
    limit(CONTROLLER, "", "mirroring-concurrent-service-endpoint-syncs", SYNCS_OF_SLICES),
    limit(CONTROLLER, "", "mirroring-max-endpoints-per-subset", ENDPOINTS),
    limit(CONTROLLER, "", "node-cidr-mask-size", Numbers(0, 128)),
    limit(CONTROLLER, "", "node-cidr-mask-size-ipv4", Numbers(0, 32)),
    limit(CONTROLLER, "", "node-cidr-mask-size-ipv6", Numbers(0, 128)),

    limit(ETCD, "", "advertise-client-urls", Urls),
    limit(ETCD, "", "auto-compaction-mode", OneOf(&["periodic", "revision"])),
    limit(ETCD, "", "auto-compaction-retention", NumberOrDuration),
    limit(ETCD, "", "cipher-suites", CIPHERS),
    limit(ETCD, "", "election-timeout", Numbers(1, 50_000)),
    limit(ETCD, "", "feature-gates", GATES_OF_ETCD),
    limit(ETCD, "", "heartbeat-interval", AtLeast(1)),
    limit(ETCD, "", "initial-advertise-peer-urls", Urls),
    limit(ETCD, "", "initial-cluster-state", OneOf(&["existing", "new"])),
    limit(ETCD, "", "listen-client-urls", ListensAt),
    limit(ETCD, "", "listen-client-http-urls", ListensAt),
    limit(ETCD, "", "listen-metrics-urls", ListensAt),
    limit(ETCD, "", "listen-peer-urls", ListensAt),
    limit(ETCD, "", "log-format", OneOf(&["console", "json"])),
    limit(ETCD, "", "log-level", OneOf(&["debug", "info", "warn", "error", "dpanic", "panic", "fatal"])),
    limit(ETCD, "", "logger", OneOf(&["capnslog", "zap"])),
    since(5, limit(ETCD, "", "logger", OneOf(&["zap"]))),
    limit(ETCD, "", "metrics", OneOf(&["basic", "extensive"])),
    limit(ETCD, "", "tls-max-version", OneOf(&["TLS1.2", "TLS1.3"])),
    limit(ETCD, "", "tls-min-version", OneOf(&["TLS1.2", "TLS1.3"])),
    since(6, limit(ETCD, "", "v2-deprecation", OneOf(&["gone", "write-only", "write-only-drop-data"]))),
    limit(ETCD, "", "help", Ends),
    limit(ETCD, "", "version", Ends),

    limit(KUBECONFIG, "clusters.cluster.min-connection-pool-size", "", Numbers(0, 100)),

    limit(ENCRYPTION, "resources.providers.kms.apiVersion", "", OneOf(&["v1", "v2"])),
    limit(ENCRYPTION, "resources.providers.kms.endpoint", "", Urls),
];
