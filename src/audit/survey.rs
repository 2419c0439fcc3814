//! Everything that is told of a bundle at once, read once: what is wrong with it, who meets whom, every certificate, every secret.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::balancing::handed_on;
use super::checks;
use super::finding::{Finding, Findings};
use super::inventory::{InventoryRow, inventory_of};
use super::login::kubeconfigs;
use super::relations::{Belief, Meeting, Parties, beliefs, meetings};
use super::secrets::{HostSecrets, secrets_of_view};
use super::view::View;
use crate::found::Found;

/// What is told of a bundle.
#[derive(Debug)]
pub struct Survey {
    /// What its kubeconfigs call the cluster, where all of them agree.
    pub cluster: Option<String>,
    /// As [`super::audit`] has them.
    pub findings: Vec<Finding>,
    /// Who meets whom, sorted by purpose, caller and callee; load balancers last.
    pub meetings: Vec<Meeting>,
    /// Who believes what another signs or writes.
    pub beliefs: Vec<Belief>,
    /// As [`super::inventory`] has them.
    pub certificates: Vec<InventoryRow>,
    /// As [`super::held_secrets`] has them.
    pub secrets: Vec<HostSecrets>,
}

impl Survey {
    /// Of what was found, as of `at`.
    pub fn of(found: &Found, at: OffsetDateTime) -> Survey {
        let findings = Findings::default();
        let (cluster, met, believed, certificates, secrets) = {
            let view = View::read(found, at, &findings);
            checks::run(&view, found);
            let parties = Parties::of(&view);
            let mut met = meetings(&parties);
            met.extend(handed_on(&parties));
            let believed = beliefs(&parties);
            (
                cluster_of(&view),
                met,
                believed,
                inventory_of(&view),
                secrets_of_view(&view),
            )
        };
        Survey {
            cluster,
            findings: findings.into_sorted(),
            meetings: met,
            beliefs: believed,
            certificates,
            secrets,
        }
    }
}

fn cluster_of(view: &View<'_>) -> Option<String> {
    let configs = view.hosts.iter().flat_map(|host| kubeconfigs(view, host));
    let clusters = configs.flat_map(|(_, config)| config.items_at(&["clusters"]));
    let names: BTreeSet<&str> = clusters.filter_map(|cluster| cluster.text_at(&["name"])).collect();
    let mut names = names.into_iter();
    let name = names.next()?;
    names.next().is_none().then(|| name.to_owned())
}
