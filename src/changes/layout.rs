//! Another layout of authorities: what trusts whom before and after has nothing in common.

use std::collections::BTreeSet;

use super::members::arrives;
use super::sides::Pair;
use super::units::command_of;
use super::warnings::{Warning, certificates};
use crate::found::FoundHost;

/// The authorities that a host's member of etcd trusts its peers by: where they lie, and what they are called.
fn peers_trusted(host: &FoundHost) -> Option<(String, BTreeSet<String>)> {
    let path = command_of(host, "etcd")?.flag("peer-trusted-ca-file")?.to_owned();
    let names = certificates(host.files.get(&path)?).map(|authority| authority.subject);
    let names: BTreeSet<String> = names.collect();
    (!names.is_empty()).then_some((path, names))
}

/// Why a running cluster can't get another layout host by host: etcd reads whom it trusts when it starts, so the first member that
/// restarts is shut out by the others, and every client by it.
pub(super) fn another_layout(pairs: &[Pair<'_>]) -> Option<Warning> {
    let staying = pairs.iter().filter(|pair| !arrives(pair));
    let changed = staying.filter_map(|pair| {
        let (before, after) = (peers_trusted(pair.old?)?, peers_trusted(pair.new?)?);
        (before.0 != after.0 && before.1.is_disjoint(&after.1)).then(|| pair.name.to_owned())
    });
    let hosts: Vec<String> = changed.collect();
    let message = "the layout of authorities changes, and what trusts whom before has nothing in common with what does after: the first \
         member of etcd that restarts is shut out by the others, and no build between the two trusts both. Build a cluster of the new \
         layout beside this one and move over, or keep the layout ([pki] layout)";
    (!hosts.is_empty()).then(|| Warning::mind(message, hosts))
}
