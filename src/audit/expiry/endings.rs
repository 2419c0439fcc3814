//! Certificates with the dates that count for their renewal.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use crate::audit::inventory::InventoryRow;

/// A certificate, and until when it can stay.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The certificate, and where it is.
    pub row: InventoryRow,
    /// Where it is, sorted.
    pub hosts: BTreeSet<String>,
    /// Of an authority, the longest life of the leaves that it issued and that are there.
    pub usual_life: Option<Duration>,
}

impl Ending {
    /// When it has to be replaced at the latest: an authority before a new leaf of its usual life would outlive it.
    pub fn renew_by(&self) -> OffsetDateTime {
        let end = self.row.certificate.not_after;
        self.usual_life.and_then(|life| end.checked_sub(life)).unwrap_or(end)
    }
}

/// What ends, as of an instant.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// In the order of the inventory: authorities first, then by the end of their life.
    pub endings: Vec<Ending>,
    /// The instant that all is told of.
    pub at: OffsetDateTime,
    /// How soon is soon.
    pub within: Duration,
}

impl Expiry {
    /// What ends of these certificates: `within` says how soon is soon.
    pub fn of(rows: Vec<InventoryRow>, at: OffsetDateTime, within: Duration) -> Expiry {
        let usual: Vec<Option<Duration>> = rows.iter().map(|row| usual_life(row, &rows)).collect();
        let endings = rows.into_iter().zip(usual).map(|(row, usual_life)| Ending {
            hosts: row.places.iter().map(|(host, _)| host.clone()).collect(),
            row,
            usual_life,
        });
        Expiry {
            endings: endings.collect(),
            at,
            within,
        }
    }

    /// Whether a certificate has to be replaced within the time, or should have been: since it ends then or, of an authority, is too old for
    /// what it issues. Its last instant is part of its life (RFC 5280, section 4.1.2.5).
    pub fn is_soon(&self, ending: &Ending) -> bool {
        let until = self.at.checked_add(self.within);
        until.is_none_or(|until| ending.renew_by() <= until)
    }

    /// How many certificates have to be replaced within the time, or should have been.
    pub fn soon(&self) -> usize {
        self.endings.iter().filter(|ending| self.is_soon(ending)).count()
    }
}

fn usual_life(authority: &InventoryRow, rows: &[InventoryRow]) -> Option<Duration> {
    let by = Some(&authority.certificate).filter(|one| one.authority)?;
    let leaves = rows.iter().map(|row| &row.certificate).filter(|one| !one.authority);
    let issued = leaves.filter(|leaf| leaf.names_as_issuer(by) && leaf.is_signed_by(by));
    issued.map(|leaf| leaf.not_after - leaf.not_before).max()
}
