//! Another release of Kubernetes or etcd: whether a plan leads there, what has to be true before, and which nodes are emptied first.

use std::collections::{BTreeMap, BTreeSet};

use super::calling::etcdctl_environment;
use super::leftovers::{another_format, another_proxy_mode, settings_of_pods};
use super::members::arrives;
use super::sides::Pair;
use super::stage::{Action, Stage, Step};
use super::units::{command_of, programs};
use super::versions::{PRODUCTS, Product, etcd_version, kubernetes_version};
use super::warnings::Warning;
use crate::catalog::releases::{Program, Version};
use crate::catalog::upgrades::{floor, may_be_behind, on_the_way, one_at_a_time, way_back};
use crate::found::FoundHost;

/// What another release asks for.
#[derive(Default)]
pub(super) struct Upgrades {
    pub obstacles: Vec<Warning>,
    /// At [`Stage::Precondition`].
    pub steps: Vec<Step>,
}

/// A host that stays, before and after.
type Staying<'a> = (&'a FoundHost, &'a FoundHost);

fn staying<'a>(pairs: &[Pair<'a>]) -> Vec<Staying<'a>> {
    let staying = pairs.iter().filter(|pair| !arrives(pair));
    staying.filter_map(|pair| Some((pair.old?, pair.new?))).collect()
}

fn runs(host: &FoundHost, program: &str) -> bool {
    command_of(host, program).is_some()
}

/// `whole`: whether all hosts of both sides are there; `members_change`: whether members of etcd come or go.
pub(super) fn upgrades(pairs: &[Pair<'_>], whole: bool, members_change: bool) -> Upgrades {
    let hosts = staying(pairs);
    let mut obstacles = Obstacles::default();
    for product in PRODUCTS {
        let goes = one_minor_at_a_time(&product, &hosts, &mut obstacles);
        // Where the API servers don't get there, nobody needs to be told how far from them it would be.
        if goes && product.of == Program::Kubernetes {
            nobody_too_far_from_the_api_servers(&hosts, &mut obstacles);
        }
    }
    let raised = raised_etcd(&hosts);
    if members_change && !raised.is_empty() {
        let message =
            "members of etcd come or go, and its release changes: make it two builds, each with a plan of its own";
        for (old, _) in &raised {
            obstacles.add(message.to_owned(), &old.name);
        }
    }
    Upgrades {
        obstacles: obstacles.into_warnings(),
        steps: etcd_precondition(&hosts, &raised, whole).into_iter().collect(),
    }
}

/// The same obstacle of several hosts is one.
#[derive(Default)]
struct Obstacles(BTreeMap<String, Vec<String>>);

impl Obstacles {
    fn add(&mut self, message: String, host: &str) {
        self.0.entry(message).or_default().push(host.to_owned());
    }

    fn into_warnings(self) -> Vec<Warning> {
        let all = self.0.into_iter();
        all.map(|(message, hosts)| Warning::mind(message, hosts)).collect()
    }
}

/// Whether nobody skips a minor who must not, and nobody goes back; who does is an obstacle.
fn one_minor_at_a_time(product: &Product, hosts: &[Staying<'_>], obstacles: &mut Obstacles) -> bool {
    let Some(row) = one_at_a_time(product.of) else {
        return true;
    };
    let mut goes = true;
    for (old, new) in hosts.iter().filter(|(old, _)| runs(old, row.run_by)) {
        let (Some(before), Some(after)) = ((product.version)(old), (product.version)(new)) else {
            continue;
        };
        let changed = format!(
            "{} {} -> {}",
            product.of.name(),
            (product.written)(old),
            (product.written)(new)
        );
        let way = on_the_way(before, after);
        if before > after {
            if let Some(back) = way_back(product.of, before) {
                obstacles.add(format!("{changed}: {} ({})", back.how, back.source), &new.name);
                goes = false;
            }
        } else if way.len() > 1 || before.major != after.major {
            let minors: Vec<String> = way.iter().map(Version::to_string).collect();
            let message = format!(
                "{changed} skips minors, and {} ({}): go to {}, each a build and a plan of its own that is carried out before the next",
                row.why,
                row.source,
                minors.join(", then to ")
            );
            obstacles.add(message, &new.name);
            goes = false;
        }
    }
    goes
}

/// Whoever calls API servers is never newer than the oldest, nor too old for the newest: while the plan is carried out, which is
/// when they are new and it is not.
fn nobody_too_far_from_the_api_servers(hosts: &[Staying<'_>], obstacles: &mut Obstacles) {
    let servers = || hosts.iter().filter(|(_, new)| runs(new, "kube-apiserver"));
    let versions = servers().filter_map(|(_, new)| kubernetes_version(new));
    let (oldest, newest) = (versions.clone().min(), versions.max());
    for (old, new) in hosts {
        let (Some(before), Some(after)) = (kubernetes_version(old), kubernetes_version(new)) else {
            continue;
        };
        for program in programs(new) {
            let Some(behind) = may_be_behind(&program, before) else {
                continue;
            };
            // Where there are no API servers, they have to be there already.
            let newest = newest.unwrap_or(after);
            if newest.major == before.major && newest.minor > before.minor + behind {
                let message = format!(
                    "{program} {before} is too old for API servers of {newest}, of which it may be {behind} minors behind: bring it to {} first",
                    Version::new(newest.major, newest.minor - behind)
                );
                obstacles.add(message, &new.name);
            }
            if let Some(oldest) = oldest
                && after > oldest
            {
                let message =
                    format!("{program} {after} is newer than an API server, of {oldest}: API servers come first");
                obstacles.add(message, &new.name);
            }
        }
    }
}

/// The members of etcd that stay and get a newer release.
fn raised_etcd<'a>(hosts: &[Staying<'a>]) -> Vec<Staying<'a>> {
    let members = hosts.iter().filter(|(old, new)| runs(old, "etcd") && runs(new, "etcd"));
    members
        .filter(|(old, new)| etcd_version(new) > etcd_version(old) && etcd_version(old).is_some())
        .copied()
        .collect()
}

/// A bundle does not say which patch runs, so the members are asked before anything is touched; whoever has been replaced already
/// counts as well, so that the plan can be begun again.
fn etcd_precondition(hosts: &[Staying<'_>], raised: &[Staying<'_>], whole: bool) -> Option<Step> {
    let before = raised.iter().filter_map(|(old, _)| etcd_version(old)).min()?;
    let after = raised.iter().filter_map(|(_, new)| etcd_version(new)).max()?;
    let asked = raised.iter().map(|(old, _)| *old);
    let (asked, environment) = asked.filter_map(|old| Some((old, etcdctl_environment(old)?))).next()?;
    let oldest = floor(Program::Etcd, after).map_or((before.major, before.minor, 0), |row| row.before);
    let members = hosts.iter().filter(|(old, _)| runs(old, "etcd")).count();
    let command = members_are_at_least(oldest, whole.then_some(members));
    Some(Step {
        environment,
        ..Step::new(Stage::Precondition, &asked.name, vec![Action::Run(command)])
    })
}

/// Succeeds where every member is of that version or a newer one, and where there are as many as that; says otherwise who is not.
/// `etcdctl endpoint status` tells `URL, ID, version, …`, the same in every release from 3.3 on.
fn members_are_at_least((major, minor, patch): (u16, u16, u16), members: Option<usize>) -> String {
    let number = (u64::from(major) * 1000 + u64::from(minor)) * 1000 + u64::from(patch);
    let missing = match members {
        Some(members) => format!("NR != {members}"),
        None => "!NR".to_owned(),
    };
    format!(
        "etcdctl endpoint status --cluster | awk -F ', ' '{{ split($3, v, \".\") }} (v[1] * 1000 + v[2]) * 1000 + v[3] < {number} \
         {{ print $1 \" is \" $3 \", not yet {major}.{minor}.{patch}\"; old = 1 }} \
         END {{ if ({missing}) print NR \" members answer\"; exit old || {missing} }}'"
    )
}

/// Whether a host's Kubernetes becomes another minor, under which a kubelet is not changed while pods run
/// (<https://kubernetes.io/releases/version-skew-policy/>).
fn another_minor(old: &FoundHost, new: &FoundHost) -> bool {
    matches!((kubernetes_version(old), kubernetes_version(new)), (Some(before), Some(after)) if before != after)
}

/// The hosts whose nodes are emptied before anything is done about them: the minor of a kubelet is not changed under running pods, nor
/// is what the rules of their Services or their runtime are made by.
pub(super) fn emptied(pairs: &[Pair<'_>]) -> BTreeSet<String> {
    // One that leaves is emptied for good.
    let leaves = |pair: &&Pair<'_>| pair.new.is_some_and(|host| host.about.is_leaving());
    let same_name = pairs
        .iter()
        .filter(|pair| !pair.is_renamed() && !arrives(pair) && !leaves(pair));
    let hosts = same_name.filter_map(|pair| Some((pair.old?, pair.new?)));
    hosts
        .filter(|(old, new)| runs(old, "kubelet") && runs(new, "kubelet"))
        .filter(|(old, new)| {
            another_minor(old, new)
                || another_proxy_mode(old, new).is_some()
                || another_format(old, new).is_some()
                || !settings_of_pods(old, new).is_empty()
        })
        .map(|(_, new)| new.name.clone())
        .collect()
}
