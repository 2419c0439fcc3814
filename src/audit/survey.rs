//! Everything that is told of a bundle at once, read once: what is wrong with it, who meets whom, every certificate, every secret.

use time::OffsetDateTime;

use super::balancing::handed_on;
use super::checks;
use super::finding::{Finding, Findings};
use super::inventory::{InventoryRow, inventory_of};
use super::relations::{Belief, Meeting, Parties, beliefs, meetings};
use super::secrets::{HostSecrets, secrets_of_view};
use super::view::View;
use crate::found::Found;

/// What is told of a bundle.
#[derive(Debug)]
pub struct Survey {
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
        let (met, believed, certificates, secrets) = {
            let view = View::read(found, at, &findings);
            checks::run(&view, found);
            let parties = Parties::of(&view);
            let mut met = meetings(&parties);
            met.extend(handed_on(&parties));
            let believed = beliefs(&parties);
            (met, believed, inventory_of(&view), secrets_of_view(&view))
        };
        Survey {
            findings: findings.into_sorted(),
            meetings: met,
            beliefs: believed,
            certificates,
            secrets,
        }
    }
}
