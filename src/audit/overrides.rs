//! Where a command line and a configuration file say the same thing: which of them the program heeds.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::document::Tree;
use super::unit::CommandLine;
use crate::catalog::releases::Program;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::rules::values::{Minors, Untaken, flag as flag_taken};

/// A flag, and the setting that says the same.
type SaidTwice = (&'static str, &'static [&'static str]);

/// Flags that take the place of a setting in the file that `--config` names: program | kind of the file | flag, setting.
///
/// Sources: <https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/#kubelet-configuration-merging-order>,
/// `AddKubeletConfigFlags` of cmd/kubelet/app/options, `ApplyLeaderElectionTo` of cmd/kube-scheduler/app/options, and
/// `processHostnameOverrideFlag` of cmd/kube-proxy/app.
#[rustfmt::skip]
const HEEDED: &[(&str, &str, &[SaidTwice])] = &[
    ("kubelet", "KubeletConfiguration", &[
        ("address", &["address"]),
        ("anonymous-auth", &["authentication", "anonymous", "enabled"]),
        ("authentication-token-webhook", &["authentication", "webhook", "enabled"]),
        ("authentication-token-webhook-cache-ttl", &["authentication", "webhook", "cacheTTL"]),
        ("authorization-mode", &["authorization", "mode"]),
        ("authorization-webhook-cache-authorized-ttl", &["authorization", "webhook", "cacheAuthorizedTTL"]),
        ("authorization-webhook-cache-unauthorized-ttl", &["authorization", "webhook", "cacheUnauthorizedTTL"]),
        ("cgroup-driver", &["cgroupDriver"]),
        ("cgroup-root", &["cgroupRoot"]),
        ("cgroups-per-qos", &["cgroupsPerQOS"]),
        ("client-ca-file", &["authentication", "x509", "clientCAFile"]),
        ("cluster-dns", &["clusterDNS"]),
        ("cluster-domain", &["clusterDomain"]),
        ("container-log-max-files", &["containerLogMaxFiles"]),
        ("container-log-max-size", &["containerLogMaxSize"]),
        ("container-runtime-endpoint", &["containerRuntimeEndpoint"]),
        ("contention-profiling", &["enableContentionProfiling"]),
        ("cpu-manager-policy", &["cpuManagerPolicy"]),
        ("enable-debugging-handlers", &["enableDebuggingHandlers"]),
        ("enable-server", &["enableServer"]),
        ("enforce-node-allocatable", &["enforceNodeAllocatable"]),
        ("event-burst", &["eventBurst"]),
        ("event-qps", &["eventRecordQPS"]),
        ("eviction-hard", &["evictionHard"]),
        ("eviction-minimum-reclaim", &["evictionMinimumReclaim"]),
        ("eviction-soft", &["evictionSoft"]),
        ("fail-swap-on", &["failSwapOn"]),
        ("hairpin-mode", &["hairpinMode"]),
        ("healthz-bind-address", &["healthzBindAddress"]),
        ("healthz-port", &["healthzPort"]),
        ("image-gc-high-threshold", &["imageGCHighThresholdPercent"]),
        ("image-gc-low-threshold", &["imageGCLowThresholdPercent"]),
        ("image-service-endpoint", &["imageServiceEndpoint"]),
        ("kube-api-burst", &["kubeAPIBurst"]),
        ("kube-api-qps", &["kubeAPIQPS"]),
        ("kube-reserved", &["kubeReserved"]),
        ("kube-reserved-cgroup", &["kubeReservedCgroup"]),
        ("make-iptables-util-chains", &["makeIPTablesUtilChains"]),
        ("manifest-url", &["staticPodURL"]),
        ("max-open-files", &["maxOpenFiles"]),
        ("max-pods", &["maxPods"]),
        ("memory-manager-policy", &["memoryManagerPolicy"]),
        ("node-status-update-frequency", &["nodeStatusUpdateFrequency"]),
        ("oom-score-adj", &["oomScoreAdj"]),
        ("pod-cidr", &["podCIDR"]),
        ("pod-manifest-path", &["staticPodPath"]),
        ("pod-max-pids", &["podPidsLimit"]),
        ("pods-per-core", &["podsPerCore"]),
        ("port", &["port"]),
        ("protect-kernel-defaults", &["protectKernelDefaults"]),
        ("provider-id", &["providerID"]),
        ("read-only-port", &["readOnlyPort"]),
        ("register-node", &["registerNode"]),
        ("register-with-taints", &["registerWithTaints"]),
        ("registry-burst", &["registryBurst"]),
        ("registry-qps", &["registryPullQPS"]),
        ("reserved-cpus", &["reservedSystemCPUs"]),
        ("resolv-conf", &["resolvConf"]),
        ("rotate-certificates", &["rotateCertificates"]),
        ("rotate-server-certificates", &["serverTLSBootstrap"]),
        ("runtime-request-timeout", &["runtimeRequestTimeout"]),
        ("serialize-image-pulls", &["serializeImagePulls"]),
        ("streaming-connection-idle-timeout", &["streamingConnectionIdleTimeout"]),
        ("sync-frequency", &["syncFrequency"]),
        ("system-reserved", &["systemReserved"]),
        ("system-reserved-cgroup", &["systemReservedCgroup"]),
        ("tls-cert-file", &["tlsCertFile"]),
        ("tls-cipher-suites", &["tlsCipherSuites"]),
        ("tls-min-version", &["tlsMinVersion"]),
        ("tls-private-key-file", &["tlsPrivateKeyFile"]),
        ("topology-manager-policy", &["topologyManagerPolicy"]),
        ("topology-manager-scope", &["topologyManagerScope"]),
        ("volume-plugin-dir", &["volumePluginDir"]),
    ]),
    ("kube-scheduler", "KubeSchedulerConfiguration", &[
        ("leader-elect", &["leaderElection", "leaderElect"]),
        ("leader-elect-lease-duration", &["leaderElection", "leaseDuration"]),
        ("leader-elect-renew-deadline", &["leaderElection", "renewDeadline"]),
        ("leader-elect-resource-lock", &["leaderElection", "resourceLock"]),
        ("leader-elect-resource-name", &["leaderElection", "resourceName"]),
        ("leader-elect-resource-namespace", &["leaderElection", "resourceNamespace"]),
        ("leader-elect-retry-period", &["leaderElection", "retryPeriod"]),
    ]),
    ("kube-proxy", "KubeProxyConfiguration", &[("hostname-override", &["hostnameOverride"])]),
];

/// Flags that a program passes over once `--config` names a file, each by its beginning; those of profiling are nobody's harm.
///
/// Sources: `Complete` of cmd/kube-proxy/app, `ApplyTo` of cmd/kube-scheduler/app/options.
#[rustfmt::skip]
const PASSED_OVER: &[(&str, &[&str])] = &[
    ("kube-proxy", &[
        "bind-address", "cluster-cidr", "config-sync-period", "conntrack-", "detect-local-mode", "feature-gates", "healthz-",
        "iptables-", "ipvs-", "kube-api-", "kubeconfig", "masquerade-all", "metrics-", "nftables-", "nodeport-addresses",
        "oom-score-adj", "pod-bridge-interface", "pod-interface-name-prefix", "proxy-mode", "proxy-port-range", "udp-timeout",
    ]),
    ("kube-scheduler", &["algorithm-provider", "kube-api-", "kubeconfig", "lock-object-", "policy-", "scheduler-name"]),
];

/// Whether a program passes a flag over once `--config` names a file.
pub(crate) fn is_passed_over(program: &str, flag: &str) -> bool {
    let mut rows = PASSED_OVER.iter().filter(|(of, _)| *of == program);
    rows.any(|(_, flags)| flags.iter().any(|start| flag.starts_with(start)))
}

/// The flags of a command line that take the place of settings in a document, and those.
fn heeded<'l>(line: &'l CommandLine, document: &Tree) -> impl Iterator<Item = &'static SaidTwice> + use<'l> {
    let kind = document.kind().to_owned();
    let tables = HEEDED
        .iter()
        .filter(move |(of, of_kind, _)| *of == line.program && *of_kind == kind);
    let said_twice = tables.flat_map(|(_, _, table)| table.iter());
    said_twice.filter(|(flag, _)| line.flags.contains_key(*flag))
}

/// Whether [`apply`] changes anything.
pub(super) fn takes_any(line: &CommandLine, documents: &[Tree]) -> bool {
    documents.iter().any(|document| heeded(line, document).next().is_some())
}

/// Gives the documents of the file at `path`, which `--config` of a command line names, the values that flags have in their
/// place: whoever reads them reads what the program heeds. `report` is told what is overridden; says which dotted settings have a flag's.
pub(super) fn apply(
    line: &CommandLine,
    path: &str,
    documents: &mut [Tree],
    mut report: impl FnMut(&'static Code, String),
) -> Vec<String> {
    let mut taken = Vec::new();
    for (_, flags) in PASSED_OVER.iter().filter(|(of, _)| *of == line.program) {
        let is_passed_over = |flag: &&String| flags.iter().any(|start| flag.starts_with(start));
        for flag in line.order.iter().filter(is_passed_over) {
            report(codes::NO_EFFECT, format!("--{flag}: beside --config it is passed over"));
        }
    }
    for document in documents {
        for (flag, setting) in heeded(line, document) {
            let is_list = *flag == "cluster-dns" || matches!(document.at(setting), Some(Tree::List(_)));
            let (old, new) = (document.at(setting).map(as_written), given(line, flag, is_list));
            if old.is_some_and(|old| old != as_written(&new)) {
                let setting = setting.join(".");
                let message = format!("--{flag} takes the place of `{setting}`, which {path} has otherwise");
                report(codes::OVERRIDDEN_SETTING, message);
            }
            document.set(setting, new);
            taken.push(setting.join("."));
        }
    }
    taken
}

/// etcd takes a flag that it is not given from its variable, `--quota-backend-bytes` from `ETCD_QUOTA_BACKEND_BYTES`, and does
/// not start with both (<https://etcd.io/docs/v3.6/op-guide/configuration/>).
pub(super) fn give_variables(
    line: &mut CommandLine,
    variables: &BTreeMap<String, String>,
    mut report: impl FnMut(String),
) {
    let of_etcd = variables
        .iter()
        .filter(|(_, value)| line.program == "etcd" && !value.is_empty());
    for (name, value) in of_etcd {
        let Some(flag) = name
            .strip_prefix("ETCD_")
            .map(|flag| flag.to_lowercase().replace('_', "-"))
        else {
            continue;
        };
        // Of one that it does not know etcd only warns, and some are no flags, such as `ETCD_UNSUPPORTED_ARCH`.
        if let Some(Untaken::Unknown(_)) = flag_taken("etcd", &Minors::of(Program::Etcd, None), &flag, value) {
            continue;
        }
        match line.flags.contains_key(&flag) {
            true => report(format!(
                "{name} is set beside --{flag}, and etcd does not start with both"
            )),
            false => drop(line.flags.insert(flag, vec![value.clone()])),
        }
    }
}

/// The value of a flag, as the file would have it.
fn given(line: &CommandLine, flag: &str, is_list: bool) -> Tree {
    let text = |text: &str| Tree::Text(Zeroizing::new(text.to_owned()));
    match line
        .switch(flag)
        .filter(|_| !line.flag(flag).is_some_and(|value| value == "0" || value == "1"))
    {
        Some(is_on) => Tree::Plain(is_on.to_string()),
        None if is_list => Tree::List(line.list(flag).into_iter().map(text).collect()),
        None => text(line.flag(flag).unwrap_or_default()),
    }
}

/// A value as text: a list has commas, and a map is like no other.
fn as_written(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Map(_) => None,
        Tree::List(items) => Some(items.iter().filter_map(Tree::text).collect::<Vec<_>>().join(",")),
        _ => tree.text().map(str::to_owned),
    }
}
