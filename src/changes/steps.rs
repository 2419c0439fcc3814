//! What has to be done, in a safe order: the one sequence for every kind of change, from what a host is before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::bringing::bringing;
use super::calling::{etcdctl_environment, kubectl};
use super::endpoints::unanswered;
use super::files::HostChange;
use super::layout::another_layout;
use super::led_to::{back_after, servers};
use super::members::{Membership, arrives, begins_to_leave, membership, until_healthy};
use super::pods::moved_ranges;
use super::readiness::until_well;
use super::reloading::{PickedUp, UnitLeft};
use super::sides::Pair;
use super::stage::{Action, Stage, Step, quoted};
use super::touched::{Manifests, of_changed, starting};
use super::units::{command_of, programs};
use super::upgrades::{Upgrades, emptied, upgrades};
use super::versions::kubernetes_version;
use super::warnings::Warning;
use crate::catalog::releases::Version;
use crate::found::{FoundHost, printable};

/// All that has to be done.
#[derive(Default)]
pub(super) struct Sequence {
    /// In a safe order; nothing where there are obstacles.
    pub steps: Vec<Step>,
    /// Files that need no more than to be copied, host and path; likewise nothing where there are obstacles.
    pub copies: Vec<(String, String)>,
    /// Why the change can't be made like this.
    pub obstacles: Vec<Warning>,
}

/// The sequence of steps for hosts that changed; `pairs` are all hosts, the `whole` of both sides or a part.
pub(super) fn sequence(pairs: &[Pair<'_>], whole: bool, changes: &[(&Pair<'_>, HostChange)]) -> Sequence {
    let Membership {
        steps: of_members,
        obstacles,
        installed,
    } = membership(pairs, whole);
    let Upgrades {
        obstacles: of_releases,
        steps: preconditions,
    } = upgrades(pairs, whole, !of_members.is_empty());
    let mut sequence = Sequence {
        obstacles: obstacles
            .into_iter()
            .chain(of_releases)
            .chain(unanswered(pairs, whole))
            .chain(another_layout(pairs))
            .chain(moved_ranges(pairs))
            .collect(),
        ..Sequence::default()
    };
    let administrator = administrator(pairs);
    let mut steps = Steps {
        emptied: emptied(pairs).into_iter().chain(renamed(pairs)).collect(),
        before: preconditions,
        ..Steps::default()
    };
    let mut manifests = Manifests {
        kept: kept_manifests(pairs, whole),
        applied: BTreeSet::new(),
    };
    let mut picked_up = PickedUp::default();
    for (pair, change) in changes {
        match (pair.old, pair.new) {
            (Some(old), None) => gone(old, &administrator, &mut steps),
            (_, Some(new)) if arrives(pair) => {
                if let Some(old) = pair.old {
                    forget_node(old, &administrator, &mut steps);
                }
                steps.bring(None, new, &installed);
                arrival(new, installed.contains(&new.name), &mut steps);
            }
            (Some(old), Some(new)) => {
                let stage_of_api = match lets_go(old, new) {
                    true => Stage::LettingGo,
                    false => Stage::ApiServer,
                };
                let mut add = |stage: Stage, action: Action| {
                    let stage = if stage == Stage::ApiServer { stage_of_api } else { stage };
                    steps.add(stage, &new.name, action);
                };
                let copies = &mut sequence.copies;
                of_changed(old, new, change, &mut add, &mut manifests, copies, &mut picked_up);
                steps.bring(Some(old), new, &installed);
                if begins_to_leave(pair) {
                    departure(new, &administrator, &mut steps);
                }
            }
            (None, _) => {}
        }
    }
    for unit in picked_up.units() {
        steps.has_its_files(unit);
    }
    picked_up.steps().into_iter().for_each(|step| steps.after(step));
    match sequence.obstacles.is_empty() {
        true => sequence.steps = steps.in_order(pairs, of_members, &installed, &administrator),
        // Among them may be the file that is the obstacle: a node's range of pods is one that programs read again by themselves.
        false => sequence.copies.clear(),
    }
    sequence
}

/// The paths whose manifests stay applied, though a host has them no longer: another one has them. Of a part of a fleet nobody knows, so
/// nothing is taken back.
fn kept_manifests<'a>(pairs: &[Pair<'a>], whole: bool) -> BTreeSet<&'a str> {
    let hosts = pairs
        .iter()
        .filter_map(|pair| if whole { pair.new } else { pair.old.or(pair.new) });
    let paths = hosts.flat_map(|host| host.files.keys());
    let paths = paths.filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"));
    paths.map(String::as_str).collect()
}

/// kubectl as an administrator calls it, and the host on which that is done.
struct Administrator<'a> {
    host: &'a str,
    kubectl: String,
}

/// A control plane that stays, since its kubeconfig does without a load balancer; else any host with an administrator's.
fn administrator<'a>(pairs: &[Pair<'a>]) -> Option<Administrator<'a>> {
    let staying = pairs.iter().filter(|pair| !arrives(pair) && !begins_to_leave(pair));
    let hosts: Vec<&'a FoundHost> = staying.filter_map(|pair| pair.old.and(pair.new)).collect();
    let serves = |host: &&&FoundHost| command_of(host, "kube-apiserver").is_some();
    let mut preferred = hosts.iter().filter(serves).chain(&hosts);
    preferred.find_map(|host| {
        Some(Administrator {
            host: &host.name,
            kubectl: kubectl(host)?,
        })
    })
}

/// Steps as they are collected: what changed files ask for is sorted, what has an order of its own is kept in it.
#[derive(Default)]
struct Steps {
    sorted: BTreeMap<(Stage, String), BTreeSet<Action>>,
    /// The hosts whose nodes are emptied before anything is done about them as nodes.
    emptied: BTreeSet<String>,
    /// What somebody brings to a host before it gets its bundle.
    brought: BTreeMap<String, Action>,
    before: Vec<Step>,
    after: Vec<Step>,
}

impl Steps {
    fn add(&mut self, stage: Stage, host: &str, action: Action) {
        self.at(stage, host).insert(action);
    }

    fn at(&mut self, stage: Stage, host: &str) -> &mut BTreeSet<Action> {
        let stage = match stage {
            Stage::Node if self.emptied.contains(host) => Stage::EmptiedNode,
            stage => stage,
        };
        self.sorted.entry((stage, host.to_owned())).or_default()
    }

    /// A unit whose files count at a stage though it is not restarted: they are there, and read where that takes no time, and all is well,
    /// before the next has its turn.
    fn has_its_files(&mut self, unit: UnitLeft<'_>) {
        let UnitLeft {
            stage,
            host,
            name,
            seconds,
        } = unit;
        let programs = String::new();
        let wait = (seconds > 0).then_some(Action::Wait { seconds, programs });
        let actions = wait.into_iter().chain(until_well(name, host));
        self.at(stage, &host.name).extend(actions);
    }

    /// What a host needs and did not need `before`. One that was `installed` as a member of etcd has got it with its bundle.
    fn bring(&mut self, before: Option<&FoundHost>, host: &FoundHost, installed: &BTreeSet<String>) {
        if let Some(brought) = bringing(before, host).filter(|_| !installed.contains(&host.name)) {
            self.brought.insert(host.name.clone(), brought);
        }
    }

    /// Of a stage, what has to be done before what changed files ask for.
    fn before(&mut self, step: Step) {
        self.before.push(step);
    }

    fn after(&mut self, step: Step) {
        self.after.push(step);
    }

    /// All in the order in which they are carried out. A host gets its bundle where the first of its changed files counts, unless
    /// it was `installed` before.
    fn in_order(
        mut self,
        pairs: &[Pair<'_>],
        of_members: Vec<Step>,
        installed: &BTreeSet<String>,
        administrator: &Option<Administrator<'_>>,
    ) -> Vec<Step> {
        let mut first: BTreeMap<&str, Stage> = BTreeMap::new();
        for (stage, host) in self.sorted.keys().filter(|(_, host)| !installed.contains(host)) {
            first.entry(host).or_insert(*stage);
        }
        // Whoever starts nothing, as where somebody works, gets its bundle as well.
        for host in self.brought.keys() {
            first.entry(host).or_insert(Stage::Other);
        }
        let first: Vec<(Stage, String)> = first
            .into_iter()
            .map(|(host, stage)| (stage, host.to_owned()))
            .collect();
        let by_name: BTreeMap<&str, &Pair<'_>> = pairs.iter().map(|pair| (pair.name, pair)).collect();
        for (stage, host) in first {
            if by_name.get(host.as_str()).is_some_and(|pair| pair.is_renamed()) {
                self.add(stage, &host, Action::Rename(host.clone()));
            }
            if let Some(brought) = self.brought.remove(&host) {
                self.add(stage, &host, brought);
            }
            self.add(stage, &host, Action::Install);
        }
        let servers = servers(pairs);
        let mut reloaded = BTreeSet::new();
        let sorted = self.sorted.into_iter().flat_map(|((stage, host), mut actions)| {
            // Once on a host, before anything else there.
            if actions.contains(&Action::DaemonReload) && !reloaded.insert(host.clone()) {
                actions.remove(&Action::DaemonReload);
            }
            let pair = by_name.get(host.as_str());
            let bundle = pair.and_then(|pair| pair.new);
            let started = actions.iter().filter_map(|action| match action {
                Action::Restart(unit) | Action::Start(unit) => Some(unit),
                _ => None,
            });
            let well = started.clone().filter_map(|unit| until_well(unit, bundle?));
            // Who takes its place while it is away may not be the next that is restarted.
            let restarts_api = actions.contains(&Action::Restart("kube-apiserver".to_owned()));
            let led_to = bundle
                .filter(|_| restarts_api)
                .and_then(|host| back_after(&servers, host));
            let led_to = led_to.map(|seconds| Action::Wait {
                seconds,
                programs: "load balancers, until they lead to it again".to_owned(),
            });
            let followed: Vec<Action> = well.chain(led_to).collect();
            let actions: Vec<Action> = actions.into_iter().chain(followed).collect();
            let environment = match actions.contains(&until_healthy()) {
                true => bundle.and_then(etcdctl_environment).unwrap_or_default(),
                false => Vec::new(),
            };
            let step = Step {
                environment,
                ..Step::new(stage, &host, actions)
            };
            match (stage, pair) {
                (Stage::EmptiedNode, Some(pair)) => emptied_before(step, pair, administrator),
                (Stage::NodeDeparture, Some(pair)) => no_node_any_more(step, pair, administrator),
                _ => vec![step],
            }
        });
        let all = of_members
            .into_iter()
            .chain(self.before)
            .chain(sorted)
            .chain(self.after);
        let mut steps: Vec<Step> = all.filter(|step| !step.actions.is_empty()).collect();
        steps.sort_by_key(|step| step.stage);
        for step in &mut steps {
            step.host = printable(&step.host);
        }
        steps
    }
}

/// Whether API servers stop calling members of etcd and call no others instead: that is done before those go.
fn lets_go(old: &FoundHost, new: &FoundHost) -> bool {
    let called = |host: &FoundHost| -> BTreeSet<String> {
        let api = command_of(host, "kube-apiserver");
        let servers = api.iter().flat_map(|api| api.list("etcd-servers"));
        servers.map(str::to_owned).collect()
    };
    let (before, after) = (called(old), called(new));
    after.is_subset(&before) && after != before
}

/// A host that comes: its units in the order in which they need each other.
fn arrival(new: &FoundHost, is_member: bool, steps: &mut Steps) {
    let starting = starting(new).into_iter().filter_map(|(stage, action)| match stage {
        Stage::Etcd if is_member => None,
        Stage::ApiServer => Some((Stage::NewApiServer, action)),
        stage => Some((stage, action)),
    });
    let starting: Vec<(Stage, Action)> = starting.collect();
    for (stage, action) in starting {
        steps.add(stage, &new.name, action);
    }
}

/// A host that is gone without having left: nobody is there to stop anything.
fn gone(old: &FoundHost, administrator: &Option<Administrator<'_>>, steps: &mut Steps) {
    if !old.about.is_leaving() {
        forget_node(old, administrator, steps);
    }
    let keys = "switch it off, and delete its keys".to_owned();
    steps.after(Step::new(Stage::Retirement, &old.name, vec![Action::ByHand(keys)]));
}

/// The Node of a machine that is not there any more: what ran there is made again elsewhere.
fn forget_node(old: &FoundHost, administrator: &Option<Administrator<'_>>, steps: &mut Steps) {
    let Some(node) = node_of(old) else { return };
    let Some(Administrator { host, kubectl }) = administrator else {
        return;
    };
    steps.before(Step::new(Stage::Other, host, vec![delete_node(kubectl, &node)]));
}

/// A host that goes while it still runs.
fn departure(host: &FoundHost, administrator: &Option<Administrator<'_>>, steps: &mut Steps) {
    let stop = |units: &[&str]| -> Vec<Action> {
        let programs = programs(host);
        let there = units.iter().filter(|unit| programs.contains(**unit));
        there.map(|unit| Action::Stop((*unit).to_owned())).collect()
    };
    steps.after(Step::new(
        Stage::Departure,
        &host.name,
        stop(&["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]),
    ));
    if let (Some(node), Some(administrator)) = (node_of(host), administrator) {
        let Administrator { host: asked, kubectl } = administrator;
        let step = |host: &str, actions| Step::new(Stage::NodeDeparture, host, actions);
        steps.after(step(asked, vec![drain(kubectl, &node, kubernetes_version(host))]));
        steps.after(step(&host.name, stop(&["kubelet", "kube-proxy"])));
        steps.after(step(asked, vec![delete_node(kubectl, &node)]));
    }
}

/// Machines whose Node is another one after the change, since they have another name.
fn renamed(pairs: &[Pair<'_>]) -> impl Iterator<Item = String> {
    let staying = pairs.iter().filter(|pair| !arrives(pair));
    let renamed = staying.filter(|pair| {
        let nodes = (pair.old.and_then(node_of), pair.new.and_then(node_of));
        matches!(nodes, (Some(before), Some(after)) if before != after)
    });
    renamed.map(|pair| pair.name.to_owned())
}

/// A step on a host whose node is emptied before, and after may be used again; or is forgotten, where the machine is another Node now.
fn emptied_before(step: Step, pair: &Pair<'_>, administrator: &Option<Administrator<'_>>) -> Vec<Step> {
    let (Some(old), Some(new)) = (pair.old, pair.new) else {
        return vec![step];
    };
    let (Some(before), Some(after)) = (node_of(old), node_of(new)) else {
        return vec![step];
    };
    let is_same = before == after;
    let (asked, emptied, used) = match administrator {
        Some(Administrator { host: asked, kubectl }) => {
            let node = quoted(&after);
            let ready = format!("{kubectl} wait --for=condition=Ready node/{node} --timeout=5m");
            let last = match is_same {
                true => Action::Run(format!("{kubectl} uncordon {node}")),
                false => delete_node(kubectl, &before),
            };
            let drained = drain(kubectl, &before, kubernetes_version(new));
            (*asked, drained, vec![Action::Until(ready), last])
        }
        None => {
            let emptied =
                format!("empty the node {before} (kubectl drain) where there is an administrator's kubeconfig");
            let last = match is_same {
                true => format!("let the node {after} be used again (kubectl uncordon)"),
                false => format!("delete the node {before} (kubectl delete node)"),
            };
            (new.name.as_str(), Action::ByHand(emptied), vec![Action::ByHand(last)])
        }
    };
    vec![
        Step::new(Stage::EmptiedNode, asked, vec![emptied]),
        step,
        Step::new(Stage::EmptiedNode, asked, used),
    ]
}

/// A step on a host that stays and is no node any more: emptied before, and its Node is deleted after.
fn no_node_any_more(step: Step, pair: &Pair<'_>, administrator: &Option<Administrator<'_>>) -> Vec<Step> {
    let (Some(old), Some(new), Some(administrator)) = (pair.old, pair.new, administrator) else {
        return vec![step];
    };
    let (Some(node), None) = (node_of(old), node_of(new)) else {
        return vec![step];
    };
    let Administrator { host: asked, kubectl } = administrator;
    let ask = |action| Step::new(Stage::NodeDeparture, asked, vec![action]);
    let drained = drain(kubectl, &node, kubernetes_version(old));
    vec![ask(drained), step, ask(delete_node(kubectl, &node))]
}

/// The name of the Node of a host with a kubelet.
fn node_of(host: &FoundHost) -> Option<String> {
    let kubelet = command_of(host, "kubelet")?;
    Some(kubelet.flag("hostname-override").unwrap_or(&host.name).to_owned())
}

/// <https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/>
fn drain(kubectl: &str, node: &str, version: Option<Version>) -> Action {
    let data = match version {
        // The flag got its present name in 1.20.
        Some(version) if version < Version::new(1, 20) => "--delete-local-data",
        _ => "--delete-emptydir-data",
    };
    Action::Drain {
        node: node.to_owned(),
        command: format!(
            "{kubectl} drain {} --ignore-daemonsets {data} --force --timeout=5m",
            quoted(node)
        ),
    }
}

fn delete_node(kubectl: &str, node: &str) -> Action {
    Action::Run(format!("{kubectl} delete node {} --ignore-not-found", quoted(node)))
}
