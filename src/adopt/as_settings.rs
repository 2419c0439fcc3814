//! Flags that a program passes over once it is given a file, which ours always are: what they say goes into the file.

use super::programs::RunningProgram;
use crate::catalog::flags::{Several, several, takes_in_any};
use crate::catalog::value_type::ValueType;
use crate::settings::{Table, Value};

/// Program | flag | the field of its file that says the same.
///
/// Sources: `addOSFlags`, `AddFlags` and `Complete` of cmd/kube-proxy/app/options.go of Kubernetes 1.37 with
/// `Convert_v1alpha1_KubeProxyConfiguration_To_config_KubeProxyConfiguration` of pkg/proxy/apis/config/v1alpha1; `AddFlags` and `ApplyTo` of
/// cmd/kube-scheduler/app/options/deprecated.go.
#[rustfmt::skip]
const AS_SETTINGS: &[(&str, &str, &[&str])] = &[
    ("kube-proxy", "bind-address-hard-fail", &["bindAddressHardFail"]),
    ("kube-proxy", "config-sync-period", &["configSyncPeriod"]),
    ("kube-proxy", "conntrack-max-per-core", &["conntrack", "maxPerCore"]),
    ("kube-proxy", "conntrack-min", &["conntrack", "min"]),
    ("kube-proxy", "conntrack-tcp-be-liberal", &["conntrack", "tcpBeLiberal"]),
    ("kube-proxy", "conntrack-tcp-timeout-close-wait", &["conntrack", "tcpCloseWaitTimeout"]),
    ("kube-proxy", "conntrack-tcp-timeout-established", &["conntrack", "tcpEstablishedTimeout"]),
    ("kube-proxy", "conntrack-udp-timeout", &["conntrack", "udpTimeout"]),
    ("kube-proxy", "conntrack-udp-timeout-stream", &["conntrack", "udpStreamTimeout"]),
    ("kube-proxy", "detect-local-mode", &["detectLocalMode"]),
    ("kube-proxy", "feature-gates", &["featureGates"]),
    ("kube-proxy", "healthz-bind-address", &["healthzBindAddress"]),
    ("kube-proxy", "iptables-localhost-nodeports", &["iptables", "localhostNodePorts"]),
    ("kube-proxy", "iptables-masquerade-bit", &["iptables", "masqueradeBit"]),
    ("kube-proxy", "iptables-min-sync-period", &["iptables", "minSyncPeriod"]),
    ("kube-proxy", "iptables-sync-period", &["iptables", "syncPeriod"]),
    ("kube-proxy", "ipvs-exclude-cidrs", &["ipvs", "excludeCIDRs"]),
    ("kube-proxy", "ipvs-min-sync-period", &["ipvs", "minSyncPeriod"]),
    ("kube-proxy", "ipvs-scheduler", &["ipvs", "scheduler"]),
    ("kube-proxy", "ipvs-strict-arp", &["ipvs", "strictARP"]),
    ("kube-proxy", "ipvs-sync-period", &["ipvs", "syncPeriod"]),
    ("kube-proxy", "ipvs-tcp-timeout", &["ipvs", "tcpTimeout"]),
    ("kube-proxy", "ipvs-tcpfin-timeout", &["ipvs", "tcpFinTimeout"]),
    ("kube-proxy", "ipvs-udp-timeout", &["ipvs", "udpTimeout"]),
    ("kube-proxy", "kube-api-burst", &["clientConnection", "burst"]),
    ("kube-proxy", "kube-api-content-type", &["clientConnection", "contentType"]),
    ("kube-proxy", "kube-api-qps", &["clientConnection", "qps"]),
    ("kube-proxy", "masquerade-all", &["iptables", "masqueradeAll"]),
    ("kube-proxy", "metrics-bind-address", &["metricsBindAddress"]),
    ("kube-proxy", "nodeport-addresses", &["nodePortAddresses"]),
    ("kube-proxy", "oom-score-adj", &["oomScoreAdj"]),
    ("kube-proxy", "pod-bridge-interface", &["detectLocal", "bridgeInterface"]),
    ("kube-proxy", "pod-interface-name-prefix", &["detectLocal", "interfaceNamePrefix"]),
    ("kube-proxy", "profiling", &["enableProfiling"]),
    ("kube-proxy", "proxy-port-range", &["portRange"]),
    ("kube-proxy", "show-hidden-metrics-for-version", &["showHiddenMetricsForVersion"]),
    ("kube-proxy", "udp-timeout", &["udpIdleTimeout"]),
    ("kube-scheduler", "contention-profiling", &["enableContentionProfiling"]),
    ("kube-scheduler", "kube-api-burst", &["clientConnection", "burst"]),
    ("kube-scheduler", "kube-api-content-type", &["clientConnection", "contentType"]),
    ("kube-scheduler", "kube-api-qps", &["clientConnection", "qps"]),
    ("kube-scheduler", "lock-object-name", &["leaderElection", "resourceName"]),
    ("kube-scheduler", "lock-object-namespace", &["leaderElection", "resourceNamespace"]),
    ("kube-scheduler", "profiling", &["enableProfiling"]),
];

/// The field that a flag is, and its value there; none where it stays a flag.
pub(super) fn as_setting(running: &RunningProgram<'_>, flag: &str, value: &str) -> Option<(Vec<String>, Value)> {
    let program = running.name();
    let (.., field) = AS_SETTINGS.iter().find(|(of, own, _)| *of == program && *own == flag)?;
    let is_of_nftables = flag == "masquerade-all" && running.flag("proxy-mode") == Some("nftables");
    let field: &[&str] = if is_of_nftables {
        &["nftables", "masqueradeAll"]
    } else {
        field
    };
    let field = field.iter().map(|name| (*name).to_owned()).collect();
    let takes = match several(program, flag) {
        Several::OfCsv => ValueType::List("string"),
        Several::OfPairs | Several::LastCounts => takes_in_any(program, flag)?,
    };
    Some((field, typed(takes, value)))
}

/// A flag's value as its file has it.
fn typed(takes: ValueType, value: &str) -> Value {
    let text = || Value::Text(value.to_owned());
    let items = || value.split(',').map(str::trim).filter(|item| !item.is_empty());
    match takes {
        ValueType::Boolean => match value {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Value::Boolean(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Value::Boolean(false),
            _ => text(),
        },
        ValueType::Whole { .. } => value.parse().map_or_else(|_| text(), Value::Integer),
        ValueType::Number => match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(whole), _) => Value::Integer(whole),
            (_, Ok(number)) if number.is_finite() => Value::Float(number),
            _ => text(),
        },
        ValueType::List(_) => Value::List(items().map(|item| Value::Text(item.to_owned())).collect()),
        ValueType::Switches => {
            let mut table = Table::new();
            for (name, value) in items().filter_map(|item| item.split_once('=')) {
                table.insert(name.to_owned(), typed(ValueType::Boolean, value));
            }
            Value::Table(table)
        }
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::flags::{Known, field, flag, kinds};
    use crate::catalog::releases::{Program, known};

    /// Each row is a flag that some release has, and a field that the same release has.
    #[test]
    fn every_row_is_of_one_release_at_least() {
        let (first, last) = known(Program::Kubernetes);
        for (program, name, path) in AS_SETTINGS {
            let kind = match *program {
                "kube-proxy" => "KubeProxyConfiguration",
                _ => "KubeSchedulerConfiguration",
            };
            let mut minors = first.minor..=last.minor;
            let is_field = |minor| {
                let mut versions = kinds(minor).filter(|one| one.split('/').next() == Some(kind));
                versions.any(|version| field(version, &path.join("."), minor) == Known::Yes)
            };
            assert!(
                minors.any(|minor| flag(program, name, minor) == Known::Yes && is_field(minor)),
                "{program} --{name}"
            );
        }
    }
}
