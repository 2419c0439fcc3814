//! What has to be done on the hosts, in a safe order: which units must restart or reload because of what changed.
//!
//! A unit reads a file if its own text names the path, or if a file that it reads does. What programs of the distribution
//! read is in [`ELSEWHERE`].

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Fate, HostChange};
use super::sides::Pair;
use crate::audit::document;
use crate::audit::unit::UnitFile;
use crate::found::{FoundHost, FoundNode};

/// What is done before what: a member of etcd before the API servers that write to it, nodes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Etcd,
    ApiServer,
    ControlPlane,
    LoadBalancer,
    Manifests,
    Other,
    FoundNode,
    Retirement,
}

impl Stage {
    /// What it is about, and how to go about it on several hosts.
    pub fn title(self) -> &'static str {
        match self {
            Stage::Etcd => {
                "etcd, one member at a time: go on when `etcdctl endpoint health --cluster` finds every member healthy"
            }
            Stage::ApiServer => "API servers, one at a time: go on when /readyz of the last one says ok",
            Stage::ControlPlane => "controller managers and schedulers",
            Stage::LoadBalancer => "load balancers, one at a time",
            Stage::Manifests => "objects in the cluster",
            Stage::Other => "other units",
            Stage::FoundNode => "nodes, one at a time: go on when the last one is Ready",
            Stage::Retirement => "hosts that are no longer part of the cluster",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Stage::Etcd => "etcd",
            Stage::ApiServer => "api-server",
            Stage::ControlPlane => "control-plane",
            Stage::LoadBalancer => "load-balancer",
            Stage::Manifests => "manifests",
            Stage::Other => "other",
            Stage::FoundNode => "node",
            Stage::Retirement => "retirement",
        }
    }

    fn of_program(program: &str) -> Stage {
        match program {
            "etcd" => Stage::Etcd,
            "kube-apiserver" => Stage::ApiServer,
            "kube-controller-manager" | "kube-scheduler" => Stage::ControlPlane,
            "nginx" | "haproxy" | "keepalived" => Stage::LoadBalancer,
            "kubelet" | "kube-proxy" | "containerd" | "docker" | "dockerd" => Stage::FoundNode,
            _ => Stage::Other,
        }
    }
}

/// One thing to do on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// What a manifest made, once for the whole cluster, before the file is gone.
    Unapply(String),
    /// Put the whole bundle there, as its INSTALL.md says.
    Install,
    /// A unit that is no longer there.
    Stop(String),
    DaemonReload,
    Run(&'static str),
    /// Another release of a program: which, of what.
    Replace(String),
    /// A unit that was not there.
    Start(String),
    Restart(String),
    Reload(String),
    /// A manifest, once for the whole cluster.
    Apply(String),
    /// Take the host out of the cluster.
    Retire(&'static str),
}

impl Action {
    pub fn command(&self) -> String {
        match self {
            Action::Unapply(path) => format!("kubectl delete -f {path}, before it is removed"),
            Action::Install => "install its bundle, as INSTALL.md there says".to_owned(),
            Action::Stop(unit) => format!("systemctl disable --now {unit}"),
            Action::DaemonReload => "systemctl daemon-reload".to_owned(),
            Action::Run(command) => (*command).to_owned(),
            Action::Replace(program) => format!("put {program} in place"),
            Action::Start(unit) => format!("systemctl enable --now {unit}"),
            Action::Restart(unit) => format!("systemctl restart {unit}"),
            Action::Reload(unit) => format!("systemctl reload {unit}"),
            Action::Apply(path) => format!("kubectl apply -f {path}"),
            Action::Retire(command) => (*command).to_owned(),
        }
    }
}

/// What to do on one host at one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: Stage,
    pub host: String,
    pub actions: Vec<Action>,
}

/// A folder, when its files count, and what makes their program read them again.
type Elsewhere = (&'static str, Stage, fn() -> Action);

/// Files of programs whose units come from the distribution.
const ELSEWHERE: &[Elsewhere] = &[
    ("/etc/nginx/", Stage::LoadBalancer, || {
        Action::Reload("nginx".to_owned())
    }),
    ("/etc/haproxy/", Stage::LoadBalancer, || {
        Action::Reload("haproxy".to_owned())
    }),
    ("/etc/keepalived/", Stage::LoadBalancer, || {
        Action::Reload("keepalived".to_owned())
    }),
    ("/etc/modules-load.d/", Stage::FoundNode, || {
        Action::Run("systemctl restart systemd-modules-load")
    }),
    ("/etc/sysctl.d/", Stage::FoundNode, || Action::Run("sysctl --system")),
    ("/etc/containerd/", Stage::FoundNode, || {
        Action::Restart("containerd".to_owned())
    }),
    ("/etc/docker/", Stage::FoundNode, || {
        Action::Restart("docker".to_owned())
    }),
];

const UNITS: &str = "/etc/systemd/system/";

/// The steps, and the files that need no more than to be copied.
pub(super) fn steps(changes: &[(&Pair<'_>, HostChange)]) -> (Vec<Step>, Vec<(String, String)>) {
    let mut steps: BTreeMap<(Stage, String), BTreeSet<Action>> = BTreeMap::new();
    let mut copies = Vec::new();
    let mut applied = BTreeSet::new();
    for (pair, change) in changes {
        let mut add = |stage: Stage, action: Action| {
            steps.entry((stage, change.host.clone())).or_default().insert(action);
        };
        match (pair.old, pair.new) {
            (old, None) => {
                let ran = old.map(programs).unwrap_or_default();
                if ran.contains("kubelet") {
                    add(
                        Stage::Retirement,
                        Action::Retire("kubectl drain it, then kubectl delete node"),
                    );
                }
                if ran.contains("etcd") {
                    add(Stage::Retirement, Action::Retire("etcdctl member remove it"));
                }
                add(Stage::Retirement, Action::Retire("switch it off, and delete its keys"));
            }
            (None, Some(new)) => add(first_stage(new), Action::Install),
            (Some(old), Some(new)) => {
                of_changed(old, new, change, &mut add, &mut applied, &mut copies);
            }
        }
    }
    let mut reloaded = BTreeSet::new();
    let steps = steps
        .into_iter()
        .map(|((stage, host), actions)| Step {
            // Once on a host, before anything else there.
            actions: actions
                .into_iter()
                .filter(|action| *action != Action::DaemonReload || reloaded.insert(host.clone()))
                .collect(),
            stage,
            host,
        })
        .collect();
    (steps, copies)
}

fn of_changed(
    old: &FoundHost,
    new: &FoundHost,
    change: &HostChange,
    add: &mut impl FnMut(Stage, Action),
    applied: &mut BTreeSet<String>,
    copies: &mut Vec<(String, String)>,
) {
    let (before, after) = (units(old), units(new));
    let touched: BTreeSet<&str> = change
        .files
        .iter()
        .filter(|file| !file.cosmetic && file.path.starts_with('/'))
        .map(|file| file.path.as_str())
        .collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let newer = newer_programs(old, new);
    for (name, unit) in &after {
        let reads: BTreeSet<&str> = touched.iter().copied().filter(|path| unit.reads(path)).collect();
        let stage = Stage::of_program(&unit.program);
        let own = reads.iter().any(|path| path.starts_with(UNITS));
        if !before.contains_key(name) {
            add(stage, Action::DaemonReload);
            add(stage, Action::Start((*name).to_owned()));
        } else if !reads.is_empty() || newer.contains_key(unit.program.as_str()) {
            if own {
                add(stage, Action::DaemonReload);
            }
            if let Some(version) = newer.get(unit.program.as_str()) {
                add(stage, Action::Replace(format!("{} of {version}", unit.program)));
            }
            add(stage, Action::Restart((*name).to_owned()));
        }
        used.extend(reads);
    }
    for (name, unit) in &before {
        if !after.contains_key(name) {
            add(Stage::of_program(&unit.program), Action::Stop((*name).to_owned()));
        }
        used.extend(touched.iter().copied().filter(|path| unit.reads(path)));
    }
    for file in &change.files {
        let path = file.path.as_str();
        if !path.starts_with('/') || (used.contains(path) && !file.cosmetic) {
            continue;
        }
        if file.cosmetic {
            copies.push((change.host.clone(), path.to_owned()));
        } else if let Some((folder, stage, action)) = ELSEWHERE.iter().find(|(folder, ..)| path.starts_with(folder)) {
            let has = |host: &FoundHost| host.files.keys().any(|path| path.starts_with(folder));
            add(*stage, of_package(action(), has(old), has(new)));
        } else if let Some(unit) = unit_elsewhere(path) {
            let stage = Stage::of_program(unit.trim_end_matches(".service"));
            add(stage, Action::DaemonReload);
            let unit = unit.trim_end_matches(".service").to_owned();
            let is_unit = path.rsplit('/').next() == Some(unit.as_str());
            add(
                stage,
                match file.fate {
                    Fate::Added if is_unit => Action::Start(unit),
                    Fate::Removed if is_unit => Action::Stop(unit),
                    _ => Action::Restart(unit),
                },
            );
        } else if is_manifest(if file.fate == Fate::Removed { old } else { new }, path) {
            if applied.insert(path.to_owned()) {
                let path = path.to_owned();
                add(
                    Stage::Manifests,
                    match file.fate {
                        Fate::Removed => Action::Unapply(path),
                        _ => Action::Apply(path),
                    },
                );
            }
        } else if file.fate != Fate::Removed {
            copies.push((change.host.clone(), path.to_owned()));
        }
    }
}

/// What makes a program of the distribution read its files again, which it has had before, or has from now on, or neither.
fn of_package(action: Action, before: bool, after: bool) -> Action {
    match (action, before, after) {
        (Action::Restart(unit) | Action::Reload(unit), false, _) => Action::Start(unit),
        (Action::Restart(unit) | Action::Reload(unit), _, false) => Action::Stop(unit),
        (action, _, _) => action,
    }
}

/// The unit that a file belongs to whose service is not in the bundle: a drop-in of a package's, a timer, a socket.
fn unit_elsewhere(path: &str) -> Option<&str> {
    let name = path.strip_prefix(UNITS)?;
    match name.split_once(".d/") {
        Some((unit, _)) => Some(unit),
        None => [".timer", ".socket", ".path", ".mount", ".target", ".slice"]
            .iter()
            .any(|end| name.ends_with(end))
            .then_some(name),
    }
}

/// Whether a file is an object for the API server: it is in no program's hands and has an API version and metadata.
fn is_manifest(host: &FoundHost, path: &str) -> bool {
    let Some(file) = host.files.get(path) else { return false };
    let is_yaml = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
    is_yaml
        && std::str::from_utf8(file.content.expose())
            .ok()
            .and_then(|text| document::yaml(text).ok())
            .is_some_and(|documents| {
                documents.iter().any(|document| {
                    document.get("apiVersion").is_some() && document.at(&["metadata", "name"]).is_some()
                })
            })
}

/// A unit of a host, and what it reads.
struct UnitFiles<'a> {
    program: String,
    texts: Vec<&'a str>,
}

impl UnitFiles<'_> {
    fn reads(&self, path: &str) -> bool {
        self.texts.contains(&path)
    }
}

/// The units in a bundle by name, without `.service`.
fn units(host: &FoundHost) -> BTreeMap<&str, UnitFiles<'_>> {
    let mut units = BTreeMap::new();
    for (path, file) in &host.files {
        let Some(name) = path.strip_prefix(UNITS).and_then(|name| name.strip_suffix(".service")) else {
            continue;
        };
        let program = std::str::from_utf8(file.content.expose())
            .ok()
            .and_then(|text| UnitFile::parse(text).ok())
            .and_then(|unit| Some(unit.commands().ok()?.first()?.program.clone()))
            .filter(|program| Stage::of_program(program) != Stage::Other)
            .unwrap_or_else(|| name.to_owned());
        let drop_ins = format!("{UNITS}{name}.service.d/");
        let mut reached: Vec<&str> = vec![path];
        reached.extend(
            host.files
                .keys()
                .map(String::as_str)
                .filter(|path| path.starts_with(&drop_ins)),
        );
        let mut next = 0;
        while let Some(path) = reached.get(next) {
            next += 1;
            let Some(text) = host.files.get(*path).map(|file| file.content.expose()) else {
                continue;
            };
            if text.starts_with(b"-----BEGIN ") {
                continue;
            }
            let Ok(text) = std::str::from_utf8(text) else { continue };
            for other in host.files.keys() {
                if !reached.contains(&other.as_str()) && (mentions(text, other) || mentions_folder_of(text, other)) {
                    reached.push(other);
                }
            }
        }
        units.insert(
            name,
            UnitFiles {
                program,
                texts: reached,
            },
        );
    }
    units
}

fn mentions(text: &str, path: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.match_indices(path).any(|(at, _)| {
        let end = text.get(at + path.len()..).and_then(|rest| rest.chars().next());
        let start = text.get(..at).and_then(|rest| rest.chars().next_back());
        !end.is_some_and(goes_on) && !start.is_some_and(goes_on)
    })
}

/// Whether a text names the folder of a file as one to read files from: `--config-dir=`, `--pod-manifest-path=`.
fn mentions_folder_of(text: &str, path: &str) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else {
        return false;
    };
    ["config-dir=", "manifest-path=", "staticPodPath: ", "staticPodPath: \""]
        .iter()
        .any(|flag| text.contains(&format!("{flag}{folder}")))
}

fn programs(host: &FoundHost) -> BTreeSet<String> {
    units(host).into_values().map(|unit| unit.program).collect()
}

fn first_stage(host: &FoundHost) -> Stage {
    let stages = programs(host).into_iter().map(|program| Stage::of_program(&program));
    let of_units = stages.filter(|stage| *stage != Stage::Other).min();
    let of_files = || {
        let paths = host.files.keys();
        let rows = paths.flat_map(|path| ELSEWHERE.iter().filter(move |(folder, ..)| path.starts_with(folder)));
        rows.map(|(_, stage, _)| *stage).min()
    };
    of_units.or_else(of_files).unwrap_or(Stage::Other)
}

/// The version of a program that a bundle's instructions ask for: `Kubernetes 1.37`, `etcd 3.7`.
pub(super) fn version(host: &FoundHost, program: &str) -> Option<(u32, u32)> {
    let Some(FoundNode::File { content, .. }) = host.beside.get("INSTALL.md") else {
        return None;
    };
    let text = std::str::from_utf8(content.expose()).ok()?;
    let marker = format!("of {program} ");
    text.match_indices(&marker).find_map(|(at, _)| {
        let rest = text.get(at + marker.len()..)?;
        let (major, rest) = rest.split_once('.')?;
        let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((major.parse().ok()?, minor.parse().ok()?))
    })
}

/// The programs whose binaries have to be replaced, and the release that they have to be of.
fn newer_programs(old: &FoundHost, new: &FoundHost) -> BTreeMap<&'static str, String> {
    const OF: [(&str, &[&str]); 2] = [
        (
            "Kubernetes",
            &[
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
            ],
        ),
        ("etcd", &["etcd"]),
    ];
    let mut newer = BTreeMap::new();
    for (product, programs) in OF {
        let (Some(before), Some(after)) = (version(old, product), version(new, product)) else {
            continue;
        };
        if before != after {
            newer.extend(
                programs
                    .iter()
                    .map(|program| (*program, format!("{product} {}.{}", after.0, after.1))),
            );
        }
    }
    newer
}
