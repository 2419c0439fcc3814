//! What an operator has tuned: flags and settings that run and would be rendered differently, and are no matter of khw-gen's own.

use std::collections::BTreeMap;

use super::as_settings::as_setting;
use super::decided::ReplacedProgram;
use super::evidence::Evidence;
use super::network::is_of_services;
use super::own_files::path_of_brought;
use super::programs::RunningProgram;
use super::units::{data_dir, own_variables};
use crate::audit::document::Tree;
use crate::audit::names::is_loopback;
use crate::audit::overrides::is_passed_over;
use crate::audit::view::{HostView, View};
use crate::catalog::flags::{field_takes_in_any, takes_in_any};
use crate::catalog::value_type::ValueType;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::secrecy::may_be_secret;
use crate::settings::Value;

/// Component | flags that are khw-gen's own business: addresses, names and files that it decides, and what cluster.toml says elsewhere.
#[rustfmt::skip]
const OURS: &[(&str, &[&str])] = &[
    ("etcd", &[
        "name", "initial-advertise-peer-urls", "listen-peer-urls", "listen-client-urls", "advertise-client-urls", "initial-cluster-token",
        "initial-cluster", "initial-cluster-state", "config-file",
    ]),
    ("kube-apiserver", &[
        "advertise-address", "bind-address", "secure-port", "etcd-servers", "service-cluster-ip-range", "apiserver-count",
        "experimental-encryption-provider-config", "encryption-provider-config",
    ]),
    ("kube-controller-manager", &[
        "master", "kubeconfig", "service-cluster-ip-range", "cluster-cidr", "cluster-name",
    ]),
    ("kube-scheduler", &["master", "kubeconfig", "config"]),
    ("kubelet", &[
        "config", "kubeconfig", "bootstrap-kubeconfig", "hostname-override", "node-ip", "node-labels", "register-with-taints", "cert-dir",
        "cluster-dns", "cluster-domain", "client-ca-file", "tls-cert-file", "tls-private-key-file", "cgroup-driver", "resolv-conf",
        "pod-manifest-path", "rotate-certificates", "container-runtime", "container-runtime-endpoint", "pod-cidr",
    ]),
    ("kube-proxy", &["config", "kubeconfig", "hostname-override", "cluster-cidr", "proxy-mode", "bind-address", "master"]),
];

/// Files that khw-gen names by itself, and all the same whatever is in them is where an operator has put it.
const KEPT_PATHS: [&str; 3] = ["data-dir", "wal-dir", "audit-log-path"];

/// Kind | settings that are khw-gen's own business, likewise.
#[rustfmt::skip]
const OUR_SETTINGS: &[&str] = &[
    "apiVersion", "kind", "tlsCertFile", "tlsPrivateKeyFile", "authentication.x509.clientCAFile", "clusterDNS", "clusterDomain", "cgroupDriver",
    "resolvConf", "staticPodPath", "rotateCertificates", "serverTLSBootstrap", "podCIDR", "failCgroupV1", "containerRuntimeEndpoint",
    "clientConnection.kubeconfig", "hostnameOverride", "clusterCIDR", "mode", "bindAddress", "registerWithTaints",
];

/// Flags whose values are sets.
const SETS: [&str; 3] = ["enable-admission-plugins", "tls-cipher-suites", "feature-gates"];

/// Component | flag | what it is without it: khw-gen gives it, and a cluster that runs without must not get it by the way.
#[rustfmt::skip]
const NOT_BY_THE_WAY: &[(&str, &str, Option<&str>, &str)] = &[
    ("kube-apiserver", "encryption-provider-config", None,
        "what runs encrypts nothing, and could not read what is encrypted, beside it or after a way back; take this line out once all is built"),
    ("kube-controller-manager", "cluster-cidr", None, "what runs hands out no ranges of pods"),
    ("kube-controller-manager", "allocate-node-cidrs", Some("false"), "what runs hands out no ranges of pods"),
];

/// Where a tuned value goes in cluster.toml.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TunedPart {
    Flag(String),
    Setting(Vec<String>),
    Variable(String),
}

/// A value that is kept.
#[derive(Clone, Debug)]
pub(super) struct Tuned {
    pub component: &'static str,
    /// None for all hosts that run the component.
    pub on: Option<String>,
    pub part: TunedPart,
    pub value: TunedValue,
    pub evidence: String,
}

/// What it is set to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TunedValue {
    /// The flag is not given.
    Removed,
    Is(Value),
}

/// Everything that is kept, of programs that run and of those of the model; `names` has each machine's name as a host.
pub(super) fn tuned(
    running: &[RunningProgram<'_>],
    pairs: &[ReplacedProgram<'_, '_>],
    model: &View<'_>,
    names: &BTreeMap<String, String>,
    services: &[String],
    checks_kubelets: bool,
    say: &Reporter,
) -> Vec<Tuned> {
    let mut all = Vec::new();
    for (component, business) in OURS {
        let mut by_host: Vec<(String, Kept)> = Vec::new();
        for (host, program, made) in pairs.iter().filter(|(_, one, _)| one.name() == *component) {
            let mut kept = flags(program, made, business, say);
            kept.extend(settings(program, made, say));
            kept.extend(variables(program, made, say));
            kept.extend(data_dir_of(program, made));
            kept.extend(dns_of_node(program, services));
            kept.extend(not_by_the_way(component, program, made, checks_kubelets));
            by_host.push((host.clone(), kept));
        }
        all.extend(together(component, by_host));
    }
    let nodes = running
        .iter()
        .filter(|one| one.name() == "kubelet" && !one.host.host.loose);
    let of_runtime = nodes.filter_map(|one| {
        let host = names.get(one.host.name)?;
        let made = model.hosts.iter().find(|made| made.name == host)?;
        Some((host.clone(), runtime(one.host, made, say)))
    });
    all.extend(together(CONTAINERD_COMPONENT, of_runtime.collect()));
    all
}

const CONTAINERD_COMPONENT: &str = "containerd";
const CONTAINERD: &str = "/etc/containerd/config.toml";
/// The name of what says which tree of control groups a container is put in: with the kubelet's it stands in `cgroup_driver`.
const CGROUP_DRIVER: &str = "SystemdCgroup";

/// What a node's containerd is told. A file of another version calls its settings otherwise.
fn runtime(theirs: &HostView<'_>, made: &HostView<'_>, say: &Reporter) -> Kept {
    let mut kept = Kept::new();
    let document = |host: &'_ HostView<'_>| host.documents(CONTAINERD).first().cloned();
    let (Some(theirs_is), Some(ours)) = (document(theirs), document(made)) else {
        return kept;
    };
    let version = |tree: &Tree| tree.text_at(&["version"]).unwrap_or("1").to_owned();
    let mut leaves = Vec::new();
    collect(&theirs_is, &mut Vec::new(), &mut leaves);
    for (keys, value) in leaves {
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let last = names.last().copied().unwrap_or_default();
        let same = ours
            .at(&names)
            .is_some_and(|ours| as_value(ours) == Some(value.clone()));
        let is_empty = matches!(&value, Value::Text(text) if text.is_empty())
            || matches!(&value, Value::List(list) if list.is_empty())
            || matches!(&value, Value::Table(table) if table.is_empty());
        if same || is_empty || [CGROUP_DRIVER, "version"].contains(&last) {
            continue;
        }
        let evidence = Evidence::within(theirs, CONTAINERD, last, &keys.join("."));
        if is_secret(last, &value) {
            tell_secret(&evidence, say);
        } else if version(&theirs_is) != version(&ours) {
            let message = format!(
                "{evidence} is told in version {} of the file, and khw-gen writes version {}, where it may be called otherwise",
                version(&theirs_is),
                version(&ours)
            );
            say.add(Diagnostic::new(codes::LEFT_OUT, message));
        } else {
            kept.insert(TunedPart::Setting(keys), (TunedValue::Is(value), evidence.to_string()));
        }
    }
    kept
}

/// Values that are kept, and what tells each.
type Kept = BTreeMap<TunedPart, (TunedValue, String)>;

/// What all hosts have stands once.
fn together(component: &'static str, by_host: Vec<(String, Kept)>) -> Vec<Tuned> {
    let mut all = Vec::new();
    let Some((_, first)) = by_host.first() else { return all };
    let is_everywhere = |part: &TunedPart, value: &TunedValue| {
        by_host
            .iter()
            .all(|(_, kept)| kept.get(part).is_some_and(|(other, _)| other == value))
    };
    for (part, (value, evidence)) in first {
        if is_everywhere(part, value) {
            all.push(Tuned {
                component,
                on: None,
                part: part.clone(),
                value: value.clone(),
                evidence: evidence.clone(),
            });
        }
    }
    for (host, kept) in &by_host {
        for (part, (value, evidence)) in kept.iter().filter(|(part, (value, _))| !is_everywhere(part, value)) {
            all.push(Tuned {
                component,
                on: Some(host.clone()),
                part: part.clone(),
                value: value.clone(),
                evidence: evidence.clone(),
            });
        }
    }
    all
}

fn flags(running: &RunningProgram<'_>, made: &RunningProgram<'_>, business: &[&str], say: &Reporter) -> Kept {
    let mut kept = Kept::new();
    for (name, values) in &running.line.flags {
        if business.contains(&name.as_str()) || is_nothing_lost(running.name(), name, values) {
            continue;
        }
        if let Some(path) = path_of_brought(running, made, name) {
            let value = TunedValue::Is(Value::Text(path));
            kept.insert(
                TunedPart::Flag(name.clone()),
                (value, running.evidence(name).to_string()),
            );
            continue;
        }
        if let Some((part, value)) = in_the_file(running, made, name, say) {
            kept.extend(value.map(|value| (part, (TunedValue::Is(value), running.evidence(name).to_string()))));
            continue;
        }
        let name = &as_we_call_it(name, made);
        let ours = made.line.flags.get(name);
        let is_path = |values: &Vec<String>| values.iter().all(|value| value.starts_with('/'));
        let is_named_file =
            ours.is_some_and(|ours| is_path(ours) && is_path(values)) && !KEPT_PATHS.contains(&name.as_str());
        if is_named_file
            || ours.is_some_and(|ours| is_same(name, ours, values))
            || is_said_by_file(running, name, values)
        {
            continue;
        }
        let is_plain = takes_in_any(running.name(), name).is_some_and(ValueType::holds_no_secret);
        if !is_plain && values.iter().any(|value| may_be_secret(name, value)) {
            tell_secret(&running.evidence(name), say);
            continue;
        }
        let mut values = values.clone();
        if name == "requestheader-allowed-names" {
            // By this name the API server's own certificate goes.
            let needed = "front-proxy-client";
            for value in values
                .iter_mut()
                .filter(|value| !value.is_empty() && !value.split(',').any(|one| one == needed))
            {
                value.push_str(&format!(",{needed}"));
            }
        }
        let mut texts: Vec<Value> = values.into_iter().map(Value::Text).collect();
        let value = match texts.len() {
            1 => texts.remove(0),
            _ => Value::List(texts),
        };
        kept.insert(
            TunedPart::Flag(name.clone()),
            (TunedValue::Is(value), running.evidence(name).to_string()),
        );
    }
    kept
}

/// What a flag says that its program passes over beside the file which ours always has: the setting, and its value unless ours has the same, or
/// it is told instead.
fn in_the_file(
    running: &RunningProgram<'_>,
    made: &RunningProgram<'_>,
    name: &str,
    say: &Reporter,
) -> Option<(TunedPart, Option<Value>)> {
    let given = running.flag(name)?;
    let setting = as_setting(running, name, given);
    let (_, ours) = made.config()?;
    if setting.is_none() && !is_passed_over(running.name(), name) || made.line.flags.contains_key(name) {
        return None;
    }
    let leave_out = |why: &str| {
        say.add(Diagnostic::new(
            codes::LEFT_OUT,
            format!("{}: {why}", running.evidence(name)),
        ));
    };
    let part = |keys: Vec<String>| TunedPart::Setting(keys);
    Some(match setting {
        _ if running.flag("config").is_some() => {
            leave_out("beside --config it is passed over, and so it did nothing");
            (part(Vec::new()), None)
        }
        None => {
            leave_out("it is passed over beside --config, and no setting of the file says the same");
            (part(Vec::new()), None)
        }
        Some((keys, value)) if is_secret(name, &value) => {
            tell_secret(&running.evidence(name), say);
            (part(keys), None)
        }
        Some((keys, value)) => {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let is_ours = ours.at(&names).and_then(as_value) == Some(value.clone());
            (part(keys), Some(value).filter(|_| !is_ours))
        }
    })
}

/// With one family of addresses there is one length of a node's range, by either flag.
fn as_we_call_it(name: &str, made: &RunningProgram<'_>) -> String {
    const LENGTH: &str = "node-cidr-mask-size";
    let is_ipv6 = made.flag("cluster-cidr").is_some_and(|range| range.contains(':'));
    let of_family = if is_ipv6 {
        "node-cidr-mask-size-ipv6"
    } else {
        "node-cidr-mask-size-ipv4"
    };
    match name == of_family && made.line.flags.contains_key(LENGTH) {
        true => LENGTH.to_owned(),
        false => name.to_owned(),
    }
}

/// Addresses that a program listens at by itself, or within the machine alone.
fn is_nothing_lost(program: &str, name: &str, values: &[String]) -> bool {
    let all = |is: fn(&str) -> bool| values.iter().all(|value| is(value));
    match (program, name) {
        ("kubelet", "address") => all(|address| ["0.0.0.0", "::"].contains(&address)),
        ("kube-controller-manager" | "kube-scheduler", "address") => all(is_loopback),
        _ => false,
    }
}

/// The data of an etcd that no flag leads to from wherever it is started.
fn data_dir_of(running: &RunningProgram<'_>, made: &RunningProgram<'_>) -> Option<(TunedPart, (TunedValue, String))> {
    let is_etcd = running.name() == "etcd" && !running.line.is_elsewhere() && running.unvalued().next().is_none();
    let path = data_dir(running).filter(|path| is_etcd && made.flag("data-dir") != Some(path))?;
    let evidence = format!(
        "{}: where it has its data when it is started without --data-dir, or with a path from there",
        Evidence::file(running.host, running.path)
    );
    Some((
        TunedPart::Flag("data-dir".to_owned()),
        (TunedValue::Is(Value::Text(path)), evidence),
    ))
}

/// Whether the file that we write says the same as a flag: the leader of schedulers is elected by it.
fn is_said_by_file(running: &RunningProgram<'_>, name: &str, values: &[String]) -> bool {
    let is_true = values.iter().all(|value| value == "true");
    running.name() == "kube-scheduler" && name == "leader-elect" && is_true
}

fn is_same(name: &str, ours: &[String], theirs: &[String]) -> bool {
    let set = |values: &[String]| {
        let mut items: Vec<String> = values
            .iter()
            .flat_map(|value| value.split(','))
            .map(str::to_owned)
            .collect();
        items.sort();
        items
    };
    ours == theirs || SETS.contains(&name) && set(ours) == set(theirs)
}

/// Whether a value may hold a secret, however deep.
fn is_secret(name: &str, value: &Value) -> bool {
    match value {
        Value::Text(text) => may_be_secret(name, text),
        Value::List(items) => items.iter().any(|item| is_secret(name, item)),
        Value::Table(table) => table.entries().any(|(name, value)| is_secret(name, value)),
        _ => false,
    }
}

fn tell_secret(evidence: &Evidence, say: &Reporter) {
    // A word behind a flag would be taken for its value, and hidden.
    let message = format!("what may be a secret does not go into cluster.toml: {evidence}");
    say.add(Diagnostic::new(codes::LEFT_OUT, message));
}

fn settings(running: &RunningProgram<'_>, made: &RunningProgram<'_>, say: &Reporter) -> Kept {
    let mut kept = Kept::new();
    let Some((path, theirs)) = running.config() else {
        return kept;
    };
    let ours = made.config().map(|(_, ours)| ours);
    // The tables have `KubeletConfiguration/v1beta1`, and files `kubelet.config.k8s.io/v1beta1` beside the kind.
    let version = theirs.text_at(&["apiVersion"]).unwrap_or_default();
    let kind = format!("{}/{}", theirs.kind(), version.rsplit('/').next().unwrap_or_default());
    let mut leaves = Vec::new();
    collect(theirs, &mut Vec::new(), &mut leaves);
    for (keys, value) in leaves {
        let dotted = keys.join(".");
        let is_ours = OUR_SETTINGS
            .iter()
            .any(|own| dotted == *own || dotted.starts_with(&format!("{own}.")));
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let same = ours
            .and_then(|ours| ours.at(&names))
            .is_some_and(|ours| as_value(ours) == Some(value.clone()));
        // What a flag has taken the place of is told by the flag.
        let overridden = running.host.overridden.get(path);
        let is_of_flag = overridden.is_some_and(|all| all.contains(&dotted));
        if is_ours || same || is_of_flag || is_nothing(&names, &value) {
            continue;
        }
        let last = keys.last().map_or("", String::as_str);
        let evidence = Evidence::within(running.host, path, &format!("{last}:"), &dotted);
        let is_plain = field_takes_in_any(&kind, &dotted).is_some_and(ValueType::holds_no_secret);
        if !is_plain && is_secret(last, &value) {
            tell_secret(&evidence, say);
            continue;
        }
        kept.insert(TunedPart::Setting(keys), (TunedValue::Is(value), evidence.to_string()));
    }
    kept
}

/// The addresses to which a kubelet sends its pods for names, where one of them is no service: that of the node's own cache.
fn dns_of_node(kubelet: &RunningProgram<'_>, services: &[String]) -> Kept {
    let mut kept = Kept::new();
    const SETTING: &str = "clusterDNS";
    let by_flag = kubelet.line.list("cluster-dns").into_iter().map(str::to_owned);
    let mut all: Vec<String> = by_flag.collect();
    let mut evidence = kubelet.evidence("cluster-dns");
    if let Some((path, config)) = kubelet.config().filter(|_| all.is_empty()) {
        let items = config.items_at(&[SETTING]).iter().filter_map(Tree::text);
        all.extend(items.map(str::to_owned));
        evidence = Evidence::within(kubelet.host, path, &format!("{SETTING}:"), SETTING);
    }
    if kubelet.name() == "kubelet" && all.iter().any(|ip| !is_of_services(ip, services)) {
        let value = Value::List(all.into_iter().map(Value::Text).collect());
        kept.insert(
            TunedPart::Setting(vec![SETTING.to_owned()]),
            (TunedValue::Is(value), evidence.to_string()),
        );
    }
    kept
}

/// What kubeadm writes where nothing is set, and the program reads as its default. Elsewhere a nought is a number as any other:
/// `conntrack.maxPerCore: 0` leaves the machine's own limit.
fn is_nothing(names: &[&str], value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty() || text == "0s" || text == "0",
        Value::Table(table) => table.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Integer(0) => names.first() == Some(&"logging"),
        _ => false,
    }
}

fn collect(tree: &Tree, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    match tree {
        Tree::Map(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                path.push(name.clone());
                collect(value, path, leaves);
                path.pop();
            }
        }
        other => leaves.extend(as_value(other).map(|value| (path.clone(), value))),
    }
}

/// A value of a document as a setting; none for nothing.
fn as_value(tree: &Tree) -> Option<Value> {
    Some(match tree {
        Tree::Text(text) => Value::Text(text.as_str().to_owned()),
        Tree::Plain(text) => match (text.as_str(), text.parse::<i64>(), text.parse::<f64>()) {
            ("null", ..) => return None,
            ("true", ..) => Value::Boolean(true),
            ("false", ..) => Value::Boolean(false),
            (_, Ok(whole), _) => Value::Integer(whole),
            (_, _, Ok(number)) if number.is_finite() => Value::Float(number),
            _ => Value::Text(text.clone()),
        },
        Tree::List(items) => Value::List(items.iter().filter_map(as_value).collect()),
        Tree::Map(fields) => {
            let mut table = crate::settings::Table::new();
            for (name, value) in fields {
                if let Some(value) = as_value(value) {
                    table.insert(name.clone(), value);
                }
            }
            Value::Table(table)
        }
    })
}

fn variables(running: &RunningProgram<'_>, made: &RunningProgram<'_>, say: &Reporter) -> Kept {
    let mut kept = Kept::new();
    for name in &running.from_elsewhere {
        let evidence = Evidence::within(running.host, running.path, name, name);
        let message = format!("{evidence}: its value comes from the cluster or from the pod, which a unit has not");
        say.add(Diagnostic::new(codes::LEFT_OUT, message));
    }
    for (name, value) in own_variables(running) {
        if made.environment.get(name) == Some(value) {
            continue;
        }
        let evidence = Evidence::within(running.host, running.path, name, name);
        if may_be_secret(name, value) {
            tell_secret(&evidence, say);
            continue;
        }
        let value = TunedValue::Is(Value::Text(value.clone()));
        kept.insert(TunedPart::Variable(name.to_owned()), (value, evidence.to_string()));
    }
    kept
}

fn not_by_the_way(
    component: &str,
    running: &RunningProgram<'_>,
    made: &RunningProgram<'_>,
    checks_kubelets: bool,
) -> Kept {
    let mut kept = Kept::new();
    let given = |flag: &str| running.line.flags.contains_key(flag);
    let encrypts = crate::audit::encryption::ENCRYPTION.iter().any(|flag| given(flag));
    // What is in a variable that has no value here is no absence.
    let is_known = running.unvalued().next().is_none();
    for (of, flag, instead, why) in NOT_BY_THE_WAY.iter().filter(|_| is_known) {
        let is_given = given(flag) || *flag == "encryption-provider-config" && encrypts;
        if *of != component || is_given || !made.line.flags.contains_key(*flag) {
            continue;
        }
        // Ranges that are written in the nodes' bridges are nobody's to hand out.
        let value = match instead {
            Some(instead) if made.flag(flag) == Some(*instead) => continue,
            Some(instead) => TunedValue::Is(Value::Text((*instead).to_owned())),
            None => TunedValue::Removed,
        };
        let evidence = format!("{}: {why}", Evidence::file(running.host, running.path));
        kept.insert(TunedPart::Flag((*flag).to_owned()), (value, evidence));
    }
    let flag = "kubelet-certificate-authority";
    if component == "kube-apiserver" && !given(flag) && !checks_kubelets && made.line.flags.contains_key(flag) {
        let why =
            "kubelets show certificates of their own making as yet; take this line out once all of them are built";
        let evidence = format!("{}: {why}", Evidence::file(running.host, running.path));
        kept.insert(TunedPart::Flag(flag.to_owned()), (TunedValue::Removed, evidence));
    }
    kept
}
