//! What has to be the same on several hosts, or on both sides of a connection.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Tree;
use super::encryption::ENCRYPTION;
use super::programs::etcd::members;
use super::relations::CLIENTS_OF_KUBELETS;
use super::spot::{Running, Spot, documents, documents_of, running};
use super::together::leaves;
use super::view::View;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;

/// Flags that every instance of a program has the same.
#[rustfmt::skip]
const SAME_FLAGS: &[(&str, &[&str], &Code)] = &[
    ("kube-apiserver", &[
        "allow-privileged", "anonymous-auth", "api-audiences", "authorization-mode", "authorization-webhook-version",
        "cloud-provider", "default-not-ready-toleration-seconds", "default-unreachable-toleration-seconds",
        "disable-admission-plugins", "enable-admission-plugins", "enable-aggregator-routing", "enable-bootstrap-token-auth",
        "endpoint-reconciler-type", "etcd-prefix", "etcd-servers", "etcd-servers-overrides", "external-hostname",
        "feature-gates", "oidc-client-id", "oidc-groups-claim", "oidc-groups-prefix", "oidc-issuer-url",
        "oidc-username-claim", "oidc-username-prefix", "requestheader-allowed-names", "requestheader-extra-headers-prefix",
        "requestheader-group-headers", "requestheader-username-headers", "runtime-config", "secure-port",
        "service-account-extend-token-expiration", "service-account-issuer", "service-account-jwks-uri",
        "service-account-lookup", "service-account-max-token-expiration", "service-node-port-range", "storage-media-type",
        "tls-cipher-suites", "tls-min-version",
    ], codes::SETTINGS_DISAGREE),
    ("kube-controller-manager", &[
        "allocate-node-cidrs", "cidr-allocator-type", "cloud-provider", "cluster-cidr", "cluster-name",
        "cluster-signing-duration", "configure-cloud-routes", "controllers", "feature-gates", "leader-elect-resource-lock",
        "leader-elect-resource-name", "leader-elect-resource-namespace", "node-cidr-mask-size", "node-cidr-mask-size-ipv4",
        "node-cidr-mask-size-ipv6", "node-monitor-grace-period", "pod-eviction-timeout", "terminated-pod-gc-threshold",
        "use-service-account-credentials",
    ], codes::SETTINGS_DISAGREE),
    ("kube-scheduler", &[
        "feature-gates", "leader-elect-resource-lock", "leader-elect-resource-name", "leader-elect-resource-namespace",
    ], codes::SETTINGS_DISAGREE),
    ("etcd", &[
        "auth-token", "auto-compaction-mode", "auto-compaction-retention", "client-cert-allowed-cn", "election-timeout",
        "enable-v2", "feature-gates", "heartbeat-interval", "initial-cluster-state", "initial-cluster-token",
        "max-request-bytes", "max-txn-ops", "pre-vote", "quota-backend-bytes", "strict-reconfig-check",
    ], codes::ETCD_DISAGREES),
];

/// What some of these flags are where they are not given: who says so says nothing else.
const DEFAULTS: &[(&str, &str)] = &[
    ("allow-privileged", "false"),
    ("auth-token", "simple"),
    ("auto-compaction-mode", "periodic"),
    ("auto-compaction-retention", "0"),
    ("cluster-name", "kubernetes"),
    ("controllers", "*"),
    ("default-not-ready-toleration-seconds", "300"),
    ("default-unreachable-toleration-seconds", "300"),
    ("election-timeout", "1000"),
    ("endpoint-reconciler-type", "lease"),
    ("etcd-prefix", "/registry"),
    ("heartbeat-interval", "100"),
    ("initial-cluster-state", "new"),
    ("initial-cluster-token", "etcd-cluster"),
    ("leader-elect-resource-namespace", "kube-system"),
    ("max-request-bytes", "1572864"),
    ("max-txn-ops", "128"),
    ("node-monitor-grace-period", "40s"),
    ("pre-vote", "true"),
    ("quota-backend-bytes", "0"),
    ("secure-port", "6443"),
    ("service-account-extend-token-expiration", "true"),
    ("service-account-lookup", "true"),
    ("service-node-port-range", "30000-32767"),
    ("strict-reconfig-check", "true"),
    ("terminated-pod-gc-threshold", "12500"),
    ("tls-min-version", "VersionTLS12"),
    ("use-service-account-credentials", "false"),
];

/// Files that every instance of a program has the same.
#[rustfmt::skip]
const SAME_FILES: &[(&str, &[&str], &Code)] = &[
    ("kube-apiserver", &["service-account-key-file", "service-account-signing-key-file"],
        codes::SERVICE_ACCOUNT_KEYS_DISAGREE),
    ("kube-apiserver", &[
        "client-ca-file", "etcd-cafile", "requestheader-client-ca-file", "kubelet-certificate-authority",
        "audit-policy-file", "authorization-config", "authentication-config", "admission-control-config-file",
        "token-auth-file",
    ], codes::SETTINGS_DISAGREE),
    ("kube-controller-manager", &[
        "root-ca-file", "cluster-signing-cert-file", "cluster-signing-key-file", "client-ca-file",
        "requestheader-client-ca-file",
    ], codes::SETTINGS_DISAGREE),
    ("etcd", &["trusted-ca-file", "peer-trusted-ca-file"], codes::ETCD_DISAGREES),
];

pub(crate) fn check(view: &View<'_>) {
    check_instances(view);
    check_range_of_services(view);
    check_documents(view);
    check_encrypted(view);
    check_manifests(view);
    check_members(view);
    check_memberships(view);
}

fn check_instances(view: &View<'_>) {
    for (program, flags, code) in SAME_FLAGS {
        for flag in *flags {
            let said = running(view, program).map(|one| {
                let mut items = one.line.list(flag);
                if items.is_empty() {
                    items.extend(DEFAULTS.iter().filter(|(of, _)| of == flag).map(|(_, value)| *value));
                }
                items.sort_unstable();
                (one.spot, items.join(","))
            });
            disagree(said, code, &format!("--{flag}"));
        }
    }
    for (program, flags, code) in SAME_FILES {
        for flag in *flags {
            let said = running(view, program).filter_map(|one| {
                let path = one.spot.host.resolve(one.line.flag(flag)?)?;
                Some((one.spot.at(path), one.spot.host.digest(path)?))
            });
            disagree(said, code, &format!("the file of --{flag}"));
        }
    }
}

fn check_range_of_services(view: &View<'_>) {
    let flag = "service-cluster-ip-range";
    let said = running(view, "kube-apiserver").chain(running(view, "kube-controller-manager"));
    let said = said.filter_map(|one| Some((one.spot, one.line.flag(flag)?.to_owned())));
    disagree(said, codes::SERVICE_RANGE_DISAGREES, "--service-cluster-ip-range");
}

/// What the configurations of programs say, and flags besides.
fn check_documents(view: &View<'_>) {
    // Controller managers and proxies, as far as both say one.
    let managers = running(view, "kube-controller-manager");
    let managers = managers.filter_map(|one| Some((one.spot, one.line.flag("cluster-cidr")?.to_owned())));
    let proxies = documents_of(view, "KubeProxyConfiguration");
    let proxies = proxies.filter_map(|(spot, one)| Some((spot, one.text_at(&["clusterCIDR"])?.to_owned())));
    disagree(managers.chain(proxies), codes::POD_RANGE_DISAGREES, "the range of pods");
    // Whichever scheduler works, it places pods alike; where each finds its kubeconfig is its own affair.
    let schedulers = documents_of(view, "KubeSchedulerConfiguration").map(|(spot, config)| {
        let mut config = config.clone();
        config.set(&["clientConnection"], Tree::Map(Vec::new()));
        (spot, format!("{:?}", leaves(&config)))
    });
    disagree(schedulers, codes::SETTINGS_DISAGREE, "the scheduler's configuration");
    // Where an API server names one, another that lies beside it is nobody's.
    let named: Vec<(&str, &str)> = running(view, "kube-apiserver")
        .filter_map(|api| {
            let file = ENCRYPTION.iter().find_map(|flag| api.line.flag(flag))?;
            Some((api.spot.host.name, api.spot.host.resolve(file)?))
        })
        .collect();
    let is_read = |spot: &Spot<'_>| {
        let mut here = named.iter().filter(|(host, _)| *host == spot.host.name).peekable();
        here.peek().is_none() || here.any(|(_, path)| *path == spot.path)
    };
    let encryption = documents(view).filter(|(spot, document)| document.is_encryption() && is_read(spot));
    let encryption = encryption.filter_map(|(spot, _)| Some((spot, spot.host.digest(spot.path)?)));
    disagree(encryption, codes::ENCRYPTION_DISAGREES, "the encryption configuration");
    let kubelets = || documents_of(view, "KubeletConfiguration");
    let domains = kubelets().map(|(spot, one)| (spot, one.text_at(&["clusterDomain"]).unwrap_or_default().to_owned()));
    disagree(domains, codes::DNS_DISAGREES, "the domain of the cluster");
    let dns = documents(view).filter_map(|(spot, document)| match document.kind() {
        "KubeletConfiguration" => {
            let addresses = document.items_at(&["clusterDNS"]).iter().filter_map(Tree::text);
            Some((spot, addresses.collect::<Vec<_>>().join(",")))
        }
        "Service" if document.text_at(&["metadata", "name"])?.contains("dns") => {
            Some((spot, document.text_at(&["spec", "clusterIP"])?.to_owned()))
        }
        _ => None,
    });
    disagree(dns, codes::DNS_DISAGREES, "the address of the cluster's DNS");
    let authorities = kubelets().filter_map(|(spot, one)| {
        let path = spot.host.resolve(one.text_at(CLIENTS_OF_KUBELETS)?)?;
        Some((spot, spot.host.digest(path)?))
    });
    disagree(authorities, codes::SETTINGS_DISAGREE, "the authority of clients");
}

/// Who can't decrypt what the others encrypt reads nothing of it, and writes in clear.
fn check_encrypted(view: &View<'_>) {
    let named = |api: Running<'_>| {
        ENCRYPTION
            .iter()
            .find_map(|flag| api.line.flag(flag))
            .map(str::to_owned)
    };
    let by = running(view, "kube-apiserver").find(|api| named(*api).is_some());
    for api in running(view, "kube-apiserver").filter(|api| named(*api).is_none()) {
        let documents = api.spot.host.documents.iter();
        let mut unused =
            documents.filter(|(path, all)| !path.starts_with("/root/") && all.iter().any(Tree::is_encryption));
        if let Some(other) = by {
            let message = format!(
                "--{} is not set, and that of {} encrypts",
                ENCRYPTION[0], other.spot.host.name
            );
            api.report(codes::ENCRYPTION_DISAGREES, message);
        } else if let Some((path, _)) = unused.next() {
            api.report(
                codes::MISSING_SETTING,
                format!("--{} is not set: {path} does nothing", ENCRYPTION[0]),
            );
        }
    }
}

/// What is applied to the cluster, on whichever host that is done.
fn check_manifests(view: &View<'_>) {
    let mut manifests: BTreeMap<&str, Vec<(Spot<'_>, String)>> = BTreeMap::new();
    for host in &view.hosts {
        for (path, documents) in &host.documents {
            let is_manifest = |document: &Tree| document.at(&["metadata", "name"]).is_some();
            if let Some(digest) = host.digest(path).filter(|_| documents.iter().all(is_manifest)) {
                let spot = Spot { view, host, path };
                manifests.entry(path).or_default().push((spot, digest));
            }
        }
    }
    for said in manifests.into_values() {
        disagree(said, codes::SETTINGS_DISAGREE, "the manifest");
    }
}

/// Names and members of etcd.
fn check_members(view: &View<'_>) {
    let mut names: BTreeMap<&str, Vec<Running<'_>>> = BTreeMap::new();
    for etcd in running(view, "etcd") {
        names.entry(etcd.file("name")).or_default().push(etcd);
    }
    for (name, of_name) in names.iter().filter(|(_, of_name)| of_name.len() > 1) {
        for etcd in of_name {
            let message = format!("more than one member is called {name:?}");
            etcd.report(codes::ETCD_DISAGREES, message);
        }
    }
    for etcd in running(view, "etcd").filter(|_| view.whole) {
        let listed: BTreeSet<&str> = members(etcd).into_iter().map(|(name, _)| name).collect();
        for missing in listed.iter().filter(|name| !names.contains_key(*name)) {
            let message = format!("its initial cluster has {missing:?}, which no host here is");
            etcd.report(codes::ETCD_DISAGREES, message);
        }
    }
}

/// The members that each member starts with. Who founds a cluster founds it together with all others. Where one is there, the members
/// that join come one after the other, and each names those before it.
fn check_memberships(view: &View<'_>) {
    let mut named: Vec<(Spot<'_>, BTreeSet<&str>)> = running(view, "etcd")
        .map(|one| (one.spot, one.line.list("initial-cluster").into_iter().collect()))
        .collect();
    let joins = |one: Running<'_>| one.line.flag("initial-cluster-state") == Some("existing");
    if running(view, "etcd").all(joins) {
        named.sort_by_key(|(_, members)| members.len());
        let most = named.last().map(|(_, members)| members.clone()).unwrap_or_default();
        let is_turn = |at: usize| named[at..].windows(2).all(|pair| pair[0].1.is_subset(&pair[1].1));
        let first = (0..named.len()).find(|at| is_turn(*at)).unwrap_or(0);
        // What leads to the longest list agrees with it.
        for (_, members) in &mut named[first..] {
            members.clone_from(&most);
        }
    }
    let said = named
        .into_iter()
        .map(|(spot, members)| (spot, members.into_iter().collect::<Vec<_>>().join(",")));
    disagree(said, codes::ETCD_DISAGREES, "--initial-cluster");
}

/// Reports those that are not what most say; of two equally many the first is right.
pub(super) fn disagree<'v>(said: impl IntoIterator<Item = (Spot<'v>, String)>, code: &'static Code, what: &str) {
    let said: Vec<(Spot<'v>, String)> = said.into_iter().collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, value) in &said {
        *counts.entry(value).or_default() += 1;
    }
    if counts.len() < 2 {
        return;
    }
    let most = counts.values().max();
    let Some((right, value)) = said.iter().find(|(_, value)| counts.get(value.as_str()) == most) else {
        return;
    };
    for (spot, _) in said.iter().filter(|(_, other)| other != value) {
        let message = format!("{what} is not the same as in {} of {}", right.path, right.host.name);
        spot.report(code, message);
    }
}
