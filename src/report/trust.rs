//! Authorities, and what each issued; and until when all of that lasts.

use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

use super::groups::{Groups, counted};
use crate::audit::{Ending, Expiry, InventoryRow};

/// How soon an end is told as near; `expiry` has the same where it is not told otherwise.
const SOON: Duration = Duration::days(30);

/// An authority, with all that leads to it.
#[derive(Clone, Debug)]
pub struct TrustedAuthority {
    pub subject: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    pub key: String,
    pub not_after: OffsetDateTime,
    /// What it is trusted for, in a few words each.
    pub uses: Vec<String>,
    /// Where its certificate is, in short.
    pub hosts: String,
    /// Whether its issuer is not here, and it is not its own.
    pub is_from_elsewhere: bool,
    pub issued: Vec<IssuedForUse>,
    /// The authorities that it issued.
    pub below: Vec<TrustedAuthority>,
}

/// Certificates for one use that one authority issued.
#[derive(Clone, Debug)]
pub struct IssuedForUse {
    pub what: String,
    /// Sorted by subject.
    pub certificates: Vec<IssuedLeaf>,
}

#[derive(Clone, Debug)]
pub struct IssuedLeaf {
    pub subject: String,
    pub fingerprint: String,
    /// Where it is, in short.
    pub hosts: String,
}

/// The trees of authorities, and leaves whose issuer is not here.
pub(super) fn tree(rows: &[InventoryRow], groups: &Groups) -> (Vec<TrustedAuthority>, Vec<IssuedForUse>) {
    let (authorities, leaves): (Vec<&InventoryRow>, Vec<&InventoryRow>) =
        rows.iter().partition(|row| row.certificate.authority);
    let issuer_of = |row: &InventoryRow| {
        authorities.iter().position(|by| {
            let by = &by.certificate;
            by.fingerprint != row.certificate.fingerprint
                && row.certificate.names_as_issuer(by)
                && row.certificate.is_signed_by(by)
        })
    };
    let above: Vec<Option<usize>> = authorities
        .iter()
        .map(|row| {
            if row.certificate.is_self_issued() {
                None
            } else {
                issuer_of(row)
            }
        })
        .collect();
    let mut issued: BTreeMap<Option<usize>, BTreeMap<String, Vec<IssuedLeaf>>> = BTreeMap::new();
    for leaf in leaves {
        let of_issuer = issued.entry(issuer_of(leaf)).or_default();
        of_issuer.entry(leaf.uses.join(", ")).or_default().push(IssuedLeaf {
            subject: leaf.certificate.subject.clone(),
            fingerprint: leaf.certificate.fingerprint.clone(),
            hosts: hosts_of(leaf, groups),
        });
    }
    let mut issued_by = |issuer: Option<usize>| {
        let by_use = issued.remove(&issuer).unwrap_or_default().into_iter();
        let sorted = by_use.map(|(what, mut certificates)| {
            let order = |leaf: &IssuedLeaf| (counted(&leaf.subject), counted(&leaf.hosts), leaf.fingerprint.clone());
            certificates.sort_by_cached_key(order);
            IssuedForUse { what, certificates }
        });
        sorted.collect::<Vec<_>>()
    };
    let nodes: Vec<TrustedAuthority> = authorities
        .iter()
        .enumerate()
        .map(|(index, row)| TrustedAuthority {
            subject: row.certificate.subject.clone(),
            fingerprint: row.certificate.fingerprint.clone(),
            key: row.certificate.key.clone(),
            not_after: row.certificate.not_after,
            uses: row.uses.clone(),
            hosts: hosts_of(row, groups),
            is_from_elsewhere: above[index].is_none() && !row.certificate.is_self_issued(),
            issued: issued_by(Some(index)),
            below: Vec::new(),
        })
        .collect();
    let orphans = issued_by(None);
    // Of authorities that issued each other the first is the top.
    let tops: Vec<usize> = (0..nodes.len()).filter(|index| above[*index].is_none()).collect();
    let mut seen = BTreeSet::new();
    let mut trees: Vec<TrustedAuthority> = tops
        .into_iter()
        .map(|top| grown(top, &nodes, &above, &mut seen))
        .collect();
    for index in 0..nodes.len() {
        if !seen.contains(&index) {
            trees.push(grown(index, &nodes, &above, &mut seen));
        }
    }
    (trees, orphans)
}

fn grown(
    at: usize,
    nodes: &[TrustedAuthority],
    above: &[Option<usize>],
    seen: &mut BTreeSet<usize>,
) -> TrustedAuthority {
    seen.insert(at);
    let mut node = nodes[at].clone();
    for (below, issuer) in above.iter().enumerate() {
        if *issuer == Some(at) && !seen.contains(&below) {
            node.below.push(grown(below, nodes, above, seen));
        }
    }
    node
}

fn hosts_of(row: &InventoryRow, groups: &Groups) -> String {
    groups.span_of(row.places.iter().map(|(host, _)| host.as_str()))
}

/// Certificates that end at one instant and are for one use.
#[derive(Clone, Debug)]
pub struct EndingTogether {
    pub is_authority: bool,
    pub what: String,
    /// Of one its subject; of several how many they are.
    pub subject: String,
    pub count: usize,
    pub hosts: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    pub renew_by: OffsetDateTime,
    /// Ended, or to be replaced within 30 days.
    pub is_soon: bool,
}

/// All endings: authorities first, each by their instants.
pub(super) fn endings(rows: &[InventoryRow], at: OffsetDateTime, groups: &Groups) -> Vec<EndingTogether> {
    let expiry = Expiry::of(rows.to_vec(), at, SOON);
    let mut together: BTreeMap<_, Vec<&Ending>> = BTreeMap::new();
    for ending in &expiry.endings {
        let certificate = &ending.row.certificate;
        let key = (
            !certificate.authority,
            certificate.not_after,
            ending.renew_by(),
            certificate.not_before,
            ending.row.uses.join(", "),
        );
        together.entry(key).or_default().push(ending);
    }
    let told = together
        .into_iter()
        .map(|((is_leaf, not_after, renew_by, not_before, what), endings)| {
            let hosts = endings.iter().flat_map(|one| one.hosts.iter().map(String::as_str));
            EndingTogether {
                is_authority: !is_leaf,
                what,
                subject: match endings.as_slice() {
                    [one] => one.row.certificate.subject.clone(),
                    several => format!("{} certificates", super::groups::grouped(several.len())),
                },
                count: endings.len(),
                hosts: groups.span_of(hosts),
                not_before,
                not_after,
                renew_by,
                is_soon: endings.iter().any(|one| expiry.is_soon(one)),
            }
        });
    told.collect()
}
