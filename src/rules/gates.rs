//! Feature gates that may not be on without others (`AddDependencies` of k8s.io/component-base/featuregate, from Kubernetes 1.35 on).

use super::values::Minors;
use crate::catalog::flags::{self, Gate, GateNeed};

/// What is set of a feature gate, or of all of a maturity: its name, and whether it is on.
pub(super) type Set<'s> = (&'s str, bool);

/// The pairs that can't be so, and which of what is set makes them so. Of what is set twice, the last counts. Where the release
/// is not known, it is what no release has so.
pub(super) fn parted<'s>(minors: &Minors, set: &[Set<'s>]) -> Vec<(GateNeed, Vec<&'s str>)> {
    let Some(newest) = minors.newest_first().next().filter(|_| !minors.is_newer()) else {
        return Vec::new();
    };
    let is_parted = |need: &GateNeed| is_on(&need.gate, set) && !is_on(&need.needs, set);
    let everywhere = |need: &GateNeed| {
        minors.newest_first().all(|minor| {
            let mut here = flags::gates_need(minor).filter(is_parted);
            here.any(|other| (other.gate.name, other.needs.name) == (need.gate.name, need.needs.name))
        })
    };
    let parted = flags::gates_need(newest).filter(is_parted).filter(everywhere);
    parted
        .map(|need| {
            let by = [&need.gate, &need.needs].map(|gate| said_of(gate, set).map(|(name, _)| *name));
            (need, by.into_iter().flatten().collect())
        })
        .collect()
}

/// Whether a feature gate is off in each of these releases, with what is set. Of one that is not known nothing is said, nor where all of a
/// maturity is turned on.
pub(super) fn is_off(minors: &Minors, name: &str, set: &[Set<'_>]) -> bool {
    let last = |wanted: &str| set.iter().rev().find(|(name, _)| *name == wanted).map(|(_, on)| *on);
    let by_itself = |minor| flags::gate_default(name, minor).is_some_and(|state| state.ends_with("off"));
    match last(name) {
        Some(on) => !on,
        None => {
            let all_on = ["AllAlpha", "AllBeta"].into_iter().any(|all| last(all) == Some(true));
            !all_on && !minors.is_newer() && minors.all(by_itself)
        }
    }
}

fn is_on(gate: &Gate, set: &[Set<'_>]) -> bool {
    said_of(gate, set).map_or(gate.is_on, |(_, on)| *on)
}

/// What counts of a gate: what is said of itself, else of all that is as mature.
fn said_of<'a, 's>(gate: &Gate, set: &'a [Set<'s>]) -> Option<&'a Set<'s>> {
    let last = |wanted: &str| set.iter().rev().find(|(name, _)| *name == wanted);
    let of_maturity = || match gate.maturity {
        "alpha" => last("AllAlpha"),
        "beta" => last("AllBeta"),
        _ => None,
    };
    last(gate.name).or_else(of_maturity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::releases::{Program, Version};

    /// kube-apiserver, kubelet and the others of 1.37.2 were run with each gate of the table alone: these are what stopped them so.
    #[test]
    fn what_stops_1_37_alone_is_what_stopped_it() {
        let minors = Minors::of(Program::Kubernetes, Some(Version::new(1, 37)));
        let mut stopped: Vec<(String, bool)> = Vec::new();
        for name in flags::gate_names(37) {
            // One that is locked can't be set otherwise at all.
            let is_locked = flags::locked_gate("kubelet", name, 37);
            for on in [false, true] {
                if is_locked.is_none_or(|locked| locked == on) && !parted(&minors, &[(name, on)]).is_empty() {
                    stopped.push((name.to_owned(), on));
                }
            }
        }
        let off = [
            "APIServerIdentity",
            "AtomicFIFO",
            "ClusterTrustBundle",
            "ContainerRestartRules",
            "DRADeviceTaints",
            "GracefulNodeShutdown",
            "MatchLabelKeysInPodTopologySpread",
            "PodLevelResources",
            "ResourceHealthStatus",
        ];
        let on = [
            "AllAlpha",
            "CompositePodGroup",
            "DRAPartitionableDevicesType",
            "DRAWorkloadResourceClaims",
            "PodGroupPreemptionPolicy",
            "TopologyAwareWorkloadScheduling",
            "WorkloadWithJob",
        ];
        let all = |names: &[&str], on: bool| -> Vec<(String, bool)> {
            names.iter().map(|name| ((*name).to_owned(), on)).collect()
        };
        let mut expected = [all(&off, false), all(&on, true)].concat();
        stopped.sort();
        expected.sort();
        assert_eq!(stopped, expected);
    }

    #[test]
    fn what_is_said_of_a_gate_counts_before_what_is_said_of_all() {
        let parted =
            |release: Option<Version>, set: &[Set<'_>]| parted(&Minors::of(Program::Kubernetes, release), set).len();
        let of_1_37 = Some(Version::new(1, 37));
        let shutdown = ("GracefulNodeShutdown", false);
        let by_priority = ("GracefulNodeShutdownBasedOnPodPriority", false);
        assert_eq!(parted(of_1_37, &[]), 0);
        // On Windows there is another that needs it.
        assert_eq!(parted(of_1_37, &[shutdown]), 2);
        assert_eq!(parted(of_1_37, &[shutdown, by_priority]), 1);
        assert_eq!(parted(of_1_37, &[("AllBeta", false)]), 0);
        assert_eq!(
            parted(
                of_1_37,
                &[("AllBeta", false), ("GracefulNodeShutdownBasedOnPodPriority", true)]
            ),
            1
        );
        assert_eq!(parted(of_1_37, &[("AllAlpha", true), ("GenericWorkload", true)]), 0);
        assert_eq!(parted(Some(Version::new(1, 34)), &[shutdown]), 0);
        // Of which release it is nobody knows: some take it.
        assert_eq!(parted(None, &[shutdown]), 0);
    }
}
