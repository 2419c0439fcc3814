//! Two bundles, compared: what becomes of hosts, and what follows from that.

use rayon::prelude::*;

use super::files::{Fate, HostChange, host_change};
use super::sides::{KeysKnown, Pair, pairs};
use super::stage::Step;
use super::steps::{Sequence, sequence};
use super::warnings::{Warning, warnings};
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
    let warnings = warnings(&pairs, known);
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
