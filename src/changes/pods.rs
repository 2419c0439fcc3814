//! Ranges of pods, which a node keeps for as long as it is one.

use super::documents::ranges_of_pods;
use super::members::arrives;
use super::sides::Pair;
use super::units::command_of;
use super::warnings::Warning;

/// Why nodes can't get another range while they are nodes: pods that run keep their addresses, and every other node's routes lead to the
/// new one's place at another moment. Most of the time nobody meant it: a range follows from a node's place among the workers.
pub(super) fn moved_ranges(pairs: &[Pair<'_>]) -> Option<Warning> {
    const SHOWN: usize = 5;
    let staying = pairs.iter().filter(|pair| !arrives(pair));
    let moved: Vec<(&str, Vec<String>)> = staying
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
