//! Ranges of pods, which a node keeps for as long as it is one.

use std::collections::BTreeSet;

use super::documents::ranges_of_pods;
use super::members::arrives;
use super::sides::Pair;
use super::units::command_of;
use super::warnings::Warning;

/// Why nodes can't get another range while they are nodes: pods that run keep their addresses, and every other node's routes lead to the
/// new one's place at another moment. Most of the time nobody meant it: a range follows from a node's place among the workers.
pub(super) fn moved_ranges(pairs: &[Pair<'_>]) -> Option<Warning> {
    const SHOWN: usize = 5;
    let staying: Vec<&Pair<'_>> = pairs.iter().filter(|pair| !arrives(pair)).collect();
    let moved: Vec<(&str, Vec<String>)> = staying
        .iter()
        .filter_map(|pair| {
            let before = ranges_of_pods(pair.old?);
            let after = ranges_of_pods(pair.new?);
            // A host that is no node any more has none; where no bundle brought the bridge, none takes it away.
            let stays = !pair.old?.is_bundle() && after.is_empty();
            let moves = !stays && !before.is_empty() && before != after && command_of(pair.new?, "kubelet").is_some();
            moves.then_some((pair.name, before))
        })
        .collect();
    if moved.is_empty() {
        return None;
    }
    let hosts: Vec<String> = moved.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all = pairs.iter().filter_map(|pair| pair.new);
    if all.flat_map(ranges_of_pods).next().is_none() {
        let message = "the bridge that gives its pods addresses goes, and pods run on it: write cni = \"bridge\" below [network] to keep \
             it (unless it is written, more than 256 nodes have none); to change to another network, let nodes leave, and join again";
        return Some(Warning::mind(message, hosts));
    }
    if moved_between_families(&staying) {
        let message = "the ranges of pods become of other families of addresses, which no node can change while it is one: take the entries of \
             all workers out, build and carry that plan out, then put them back beside the new ranges, and carry out that one; there are no pods \
             on them in between";
        return Some(Warning::mind(message, hosts));
    }
    let mut kept: Vec<String> = moved
        .iter()
        .take(SHOWN)
        .map(|(name, ranges)| match ranges.as_slice() {
            [range] => format!("pods = \"{range}\" on {name}"),
            ranges => format!("pods = {ranges:?} on {name}"),
        })
        .collect();
    if hosts.len() > SHOWN {
        kept.push("so on".to_owned());
    }
    let message = format!(
        "another range of pods, while pods run and other nodes' routes lead to the old one. A range follows from a node's place among the \
         workers unless its entry names it, those of pools behind all others: to keep what there is, write {} (who comes beside a pool \
         comes as another one behind it); to change it, let the node leave, and join again",
        kept.join(", ")
    );
    Some(Warning::mind(message, hosts))
}

/// Whether any node has ranges of IPv4 alone, say, and gets one of IPv6 too.
fn moved_between_families(staying: &[&Pair<'_>]) -> bool {
    let families = |ranges: Vec<String>| -> BTreeSet<bool> { ranges.iter().map(|range| range.contains(':')).collect() };
    staying.iter().any(|pair| {
        let (Some(old), Some(new)) = (pair.old, pair.new) else {
            return false;
        };
        let (before, after) = (ranges_of_pods(old), ranges_of_pods(new));
        !before.is_empty() && !after.is_empty() && families(before) != families(after)
    })
}
