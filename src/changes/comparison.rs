//! Two bundles, compared: what becomes of hosts, and what follows from that.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::files::{Fate, HostChange, host_change};
use super::sides::{KeysKnown, Pair, pairs};
use super::stage::{Action, Step};
use super::steps::{Sequence, sequence};
use super::warnings::{Warning, warnings};
use crate::audit::Finding;
use crate::found::Found;

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Hosts with a difference, by name.
    pub hosts: Vec<HostChange>,
    /// Why the change can't be carried out like this: then there are no steps, no copies and no deletions.
    pub obstacles: Vec<Warning>,
    /// What has to be done, in a safe order.
    pub steps: Vec<Step>,
    /// Files that only have to be copied: host and path.
    pub copies: Vec<(String, String)>,
    /// Files that are no longer in the bundle and stay on the host until somebody removes them: host and path.
    pub deletions: Vec<(String, String)>,
    pub warnings: Vec<Warning>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Says, before all warnings of what can be undone, that hosts of the one and of the other do not know each other's keys: what
    /// [`crate::audit::beside`] found of rotations.
    pub fn warn_of_apart(&mut self, apart: &[Finding]) {
        let hosts: BTreeSet<&str> = apart.iter().map(|finding| finding.host.as_str()).collect();
        if let Some(first) = apart.first() {
            let message = format!(
                "hosts that have the old and hosts that have the new can't run together, so that a phase of a rotation is skipped or reversed \
                 ({}: {}). Go through announce, switch and retire one after the other, or back the same way (khw-gen rotate writes all of \
                 them)",
                first.path, first.message
            );
            let hosts = hosts.into_iter().map(str::to_owned).collect();
            add_behind_irreversible(&mut self.warnings, Warning::mind(message, hosts));
        }
    }
}

/// What can't be undone stands first.
fn add_behind_irreversible(warnings: &mut Vec<Warning>, warning: Warning) {
    let irreversible = warnings.iter().take_while(|one| one.irreversible).count();
    warnings.insert(irreversible, warning);
}

/// What draining takes from pods (<https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/>).
fn of_emptied_nodes(steps: &[Step]) -> Option<Warning> {
    let actions = steps.iter().flat_map(|step| &step.actions);
    let nodes: BTreeSet<&str> = actions
        .filter_map(|action| match action {
            Action::Drain { node, .. } => Some(node.as_str()),
            _ => None,
        })
        .collect();
    let message = "the node is emptied: pods that no controller makes again are gone, and with each pod what it has in volumes of emptyDir";
    (!nodes.is_empty()).then(|| Warning {
        irreversible: true,
        ..Warning::mind(message, nodes.into_iter().map(str::to_owned).collect())
    })
}

/// What differs between `old` and `new`.
pub fn compare(old: &Found, new: &Found, known: KeysKnown) -> Changes {
    let pairs = pairs(old, new);
    let changed: Vec<(&Pair<'_>, HostChange)> = pairs
        .par_iter()
        .filter_map(|pair| Some((pair, host_change(pair, known)?)))
        .collect();
    let Sequence {
        steps,
        copies,
        obstacles,
    } = sequence(&pairs, old.part.is_none() && new.part.is_none(), &changed);
    let mut warnings = warnings(&pairs, known);
    if let Some(warning) = of_emptied_nodes(&steps) {
        add_behind_irreversible(&mut warnings, warning);
    }
    let hosts: Vec<HostChange> = changed.into_iter().map(|(_, change)| change).collect();
    // What can't be carried out leaves nothing to remove after it.
    let of_changed = hosts
        .iter()
        .filter(|host| host.fate == Fate::Changed && obstacles.is_empty());
    let removed = of_changed.flat_map(|host| host.files.iter().map(move |file| (host, file)));
    let deletions = removed
        .filter(|(_, file)| file.fate == Fate::Removed && file.path.starts_with('/'))
        .map(|(host, file)| (host.host.clone(), file.path.clone()))
        .collect();
    Changes {
        deletions,
        hosts,
        obstacles,
        steps,
        copies,
        warnings,
    }
}
