//! What changed files ask for on a host that stays: which units must restart or reload.
//!
//! What programs of the distribution read is in [`ELSEWHERE`].

use std::collections::{BTreeMap, BTreeSet};

use super::calling::kubectl;
use super::documents::{STATIC_PODS, programs_of_pod};
use super::files::{Fate, HostChange};
use super::leftovers::{another_format, another_proxy_mode, forgetting, of_format, proxy_cleanup};
use super::reloading::{PickedUp, read_again};
use super::stage::{Action, Stage, quoted};
use super::strangers::of_a_cluster;
use super::units::{UNITS, UnitFiles, stays_beside, units};
use super::versions::replaced_programs;
use crate::audit::document;
use crate::audit::unit::UnitFile;
use crate::found::FoundHost;

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
    ("/etc/modules-load.d/", Stage::Node, || Action::LoadModules),
    ("/etc/sysctl.d/", Stage::Node, || {
        Action::Run("sysctl --system".to_owned())
    }),
    ("/etc/containerd/", Stage::Node, || {
        Action::Restart("containerd".to_owned())
    }),
    ("/etc/docker/", Stage::Node, || Action::Restart("docker".to_owned())),
];

/// Manifests are applied for the whole cluster, whichever host they lie on.
pub(super) struct Manifests<'a> {
    /// Paths that some host has after the change: what was made of them stays.
    pub kept: BTreeSet<&'a str>,
    /// Paths of which a step was given already.
    pub applied: BTreeSet<String>,
}

/// What the changes of a host's files ask for; files that need no more than a copy go to `copies`.
pub(super) fn of_changed<'h>(
    old: &FoundHost,
    new: &'h FoundHost,
    change: &'h HostChange,
    add: &mut impl FnMut(Stage, Action),
    manifests: &mut Manifests<'_>,
    copies: &mut Vec<(String, String)>,
    picked_up: &mut PickedUp<'h>,
) {
    let (mut before, after) = (units(old), units(new));
    if !old.is_bundle() {
        before = of_a_cluster(before)
            .filter(|(_, unit)| !stays_beside(unit, new))
            .collect();
    }
    let is_node = |units: &BTreeMap<&str, UnitFiles<'_>>| units.values().any(|unit| unit.program == "kubelet");
    let goes = is_node(&before) && !is_node(&after);
    if another_proxy_mode(old, new).is_some()
        && let Some(cleanup) = proxy_cleanup(old, new)
    {
        add(Stage::Node, cleanup);
    }
    if let Some(forgetting) = forgetting(old, new) {
        add(Stage::Node, forgetting);
    }
    for action in another_format(old, new).iter().flat_map(|format| of_format(format)) {
        add(Stage::Node, action);
    }
    let touched: BTreeSet<&str> = change
        .files
        .iter()
        .filter(|file| !file.cosmetic && file.path.starts_with('/'))
        .map(|file| file.path.as_str())
        .collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let replaced = replaced_programs(old, new);
    let kubectl = kubectl(new).unwrap_or_else(|| "kubectl".to_owned());
    for (name, unit) in &after {
        let reads: BTreeSet<&str> = touched.iter().copied().filter(|path| unit.reads(path)).collect();
        let stage = Stage::of_program(&unit.program);
        let own = reads.iter().any(|path| path.starts_with(UNITS));
        if !before.contains_key(name) {
            let pod = static_pod_of(old, &unit.program, change);
            // As with a host that comes: load balancers lead to it next.
            let stage = match pod {
                None if stage == Stage::ApiServer => Stage::NewApiServer,
                _ => stage,
            };
            if let Some(manifest) = pod {
                let program = unit.program.clone();
                add(
                    stage,
                    Action::StopPod {
                        manifest: manifest.to_owned(),
                        program,
                    },
                );
            }
            add(stage, Action::DaemonReload);
            add(stage, Action::Start((*name).to_owned()));
        } else if own
            && reads.len() == 1
            && !replaced.contains_key(unit.program.as_str())
            && counts_at_first_start_alone(unit_path(name), old, new)
        {
            copies.push((change.host.clone(), unit_path(name)));
        } else if !reads.is_empty()
            && !replaced.contains_key(unit.program.as_str())
            && let Some(rows) = read_again(old, new, unit, &reads, change)
        {
            picked_up.add(stage, new, name, &rows);
        } else if !reads.is_empty() || replaced.contains_key(unit.program.as_str()) {
            if own {
                add(stage, Action::DaemonReload);
            }
            if let Some(release) = replaced.get(unit.program.as_str()) {
                add(stage, Action::Replace(format!("{} of {release}", unit.program)));
            }
            add(stage, Action::Restart((*name).to_owned()));
        }
        used.extend(reads);
    }
    for (name, unit) in &before {
        if !after.contains_key(name) {
            let stage = Stage::of_program(&unit.program);
            add(stage.of_stopping(goes), Action::Stop((*name).to_owned()));
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
            let program = folder.trim_start_matches("/etc/").trim_end_matches('/');
            // A pod that reads the files is no unit that could be reloaded.
            let pod = static_pod_of(old, program, change);
            let is_there_after = new.has_below(folder);
            if let Some(manifest) = pod {
                if !is_there_after {
                    continue;
                }
                let (manifest, program) = (manifest.to_owned(), program.to_owned());
                add(*stage, Action::StopPod { manifest, program });
            }
            let action = of_package(action(), old.has_below(folder) && pod.is_none(), is_there_after);
            let stage = match action {
                Action::Stop(_) => stage.of_stopping(goes),
                _ => *stage,
            };
            add(stage, action);
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
        } else if path.starts_with(STATIC_PODS) {
            // The kubelet's: no object of the API is made of it.
        } else if is_manifest(if file.fate == Fate::Removed { old } else { new }, path) {
            let stays = file.fate == Fate::Removed && manifests.kept.contains(path);
            if !stays && manifests.applied.insert(path.to_owned()) {
                let path = path.to_owned();
                add(
                    Stage::Manifests,
                    match file.fate {
                        Fate::Removed => Action::Unapply(format!("{kubectl} delete -f {}", quoted(&path))),
                        _ => Action::Apply(format!("{kubectl} apply -f {}", quoted(&path))),
                    },
                );
            }
        } else if file.fate != Fate::Removed {
            copies.push((change.host.clone(), path.to_owned()));
        }
    }
}

/// The manifest that goes of the static pod which runs a program.
fn static_pod_of<'h>(old: &FoundHost, program: &str, change: &'h HostChange) -> Option<&'h str> {
    let mut gone = change
        .files
        .iter()
        .filter(|file| file.fate == Fate::Removed && file.path.starts_with(STATIC_PODS));
    let runs_it = |path: &str| programs_of_pod(old, path).iter().any(|one| one == program);
    gone.find(|file| runs_it(&file.path)).map(|file| file.path.as_str())
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
    let is_yaml = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
    is_yaml
        && host
            .text(path)
            .and_then(|text| document::yaml(text).ok())
            .is_some_and(|documents| {
                documents.iter().any(|document| {
                    document.get("apiVersion").is_some() && document.at(&["metadata", "name"]).is_some()
                })
            })
}

/// Flags that a program reads when it starts for the first time, and never again: program, flags.
const AT_FIRST_START: &[(&str, &[&str])] = &[(
    // <https://etcd.io/docs/v3.6/op-guide/configuration/>: a member that has data knows its cluster from there.
    "etcd",
    &["initial-cluster", "initial-cluster-state", "initial-cluster-token"],
)];

fn unit_path(name: &str) -> String {
    format!("{UNITS}{name}.service")
}

/// Whether a unit differs in nothing that its program reads, if it has started before.
fn counts_at_first_start_alone(path: String, old: &FoundHost, new: &FoundHost) -> bool {
    let read = |host: &FoundHost| {
        let mut unit = UnitFile::parse(host.text(&path)?).ok()?;
        let mut commands = unit.commands().ok()?;
        unit.assignments.retain(|(_, name, _)| name != "ExecStart");
        for command in &mut commands {
            let flags = AT_FIRST_START.iter().find(|(program, _)| *program == command.program);
            for flag in flags.map_or(&[][..], |(_, flags)| flags) {
                command.flags.remove(*flag);
            }
        }
        let flags: Vec<_> = commands
            .into_iter()
            .map(|command| (command.program, command.flags, command.plain))
            .collect();
        Some((unit.assignments, flags))
    };
    matches!((read(old), read(new)), (Some(before), Some(after)) if before == after)
}

/// What starts everything on a host that comes, each at its stage.
pub(super) fn starting(host: &FoundHost) -> Vec<(Stage, Action)> {
    let units = units(host).into_iter();
    let own = units.map(|(name, unit)| (Stage::of_program(&unit.program), Action::Restart(name.to_owned())));
    let has = |folder: &str| host.files.keys().any(|path| path.starts_with(folder));
    let of_packages = ELSEWHERE.iter().filter(|(folder, ..)| has(folder));
    let of_packages = of_packages.map(|(_, stage, action)| match action() {
        Action::Reload(unit) => (*stage, Action::Restart(unit)),
        action => (*stage, action),
    });
    own.chain(of_packages).collect()
}
