//! Who talks to whom, and who believes what whom signs: the meetings of all hosts, by their groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::groups::Groups;
use crate::audit::{Actor, Belief, Finding, Handshake, Meeting, Verdict};
use crate::diagnostic::Severity;
use crate::pki::inspect::Certificate;

/// A program of a group of hosts, or a kubeconfig of theirs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupActor {
    /// The place of the group.
    pub group: usize,
    /// What the program is called, or the path of the kubeconfig.
    pub name: String,
}

impl GroupActor {
    /// In short: of a path the file.
    pub fn label(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// What became of all that is one connection; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Holds,
    /// What is shown is asked for by nobody.
    Unasked,
    /// A file is not here, so that it can't be told; nothing was found about it.
    Unknown,
    Broken,
}

impl Health {
    /// In a word, as all forms of the report have it.
    pub fn word(self) -> &'static str {
        match self {
            Health::Holds => "holds",
            Health::Unasked => "not asked",
            Health::Unknown => "not known",
            Health::Broken => "broken",
        }
    }
}

/// One way of a connection: what is shown, and by whom it is accepted.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// Flags and fields.
    pub shown_by: BTreeSet<String>,
    pub trusted_by: BTreeSet<String>,
    /// The certificates that are shown, by fingerprint.
    pub shown: BTreeMap<String, Arc<Certificate>>,
    /// The authorities that are trusted, by fingerprint.
    pub trusted: BTreeMap<String, Arc<Certificate>>,
    /// How many pairs there are of each health.
    pub pairs: BTreeMap<Health, usize>,
    /// The places of the causes for which some are broken.
    pub causes: BTreeSet<usize>,
}

impl Way {
    /// The worst there is; of nothing at all it holds.
    pub fn health(&self) -> Health {
        self.pairs.keys().copied().max().unwrap_or(Health::Holds)
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.pairs.values().sum()
    }
}

/// All meetings of two groups for one purpose.
#[derive(Clone, Debug)]
pub struct GroupConnection {
    pub purpose: &'static str,
    pub caller: GroupActor,
    pub callee: GroupActor,
    /// Where callers find callees, each once.
    pub addresses: BTreeSet<String>,
    /// How many pairs meet.
    pub pairs: usize,
    /// Whether any of these are on two hosts.
    pub leaves_host: bool,
    /// What the callee shows, and the caller trusts.
    pub server: Option<Way>,
    /// What the caller shows, and the callee trusts.
    pub client: Option<Way>,
    /// Of load balancers, which show nothing of their own: their files, and what is found of them.
    pub handed_on: Option<Way>,
}

impl GroupConnection {
    /// Every way of it.
    fn ways(&self) -> impl Iterator<Item = &Way> {
        self.server.iter().chain(&self.client).chain(&self.handed_on)
    }

    pub fn health(&self) -> Health {
        self.ways().map(Way::health).max().unwrap_or(Health::Holds)
    }

    /// The places of all causes for which it does not hold.
    pub fn causes(&self) -> BTreeSet<usize> {
        self.ways().flat_map(|way| way.causes.iter().copied()).collect()
    }
}

/// All that two groups believe of each other for one purpose.
#[derive(Clone, Debug)]
pub struct GroupBelief {
    pub purpose: &'static str,
    pub signer: GroupActor,
    pub by: String,
    pub judge: GroupActor,
    pub as_in: String,
    pub way: Way,
}

/// What is found of one path for one reason, on however many hosts: told once.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The first of them.
    pub finding: Finding,
    pub hosts: Vec<String>,
}

/// All causes, and which one each finding is of: looked up by what a meeting says of it.
pub(super) struct KnownCauses<'f> {
    findings: &'f [Finding],
    /// In the order of the findings.
    pub(super) causes: Vec<Cause>,
    cause_of: Vec<usize>,
    exact: BTreeMap<&'f Finding, usize>,
    by_message: BTreeMap<(&'f str, &'f str), usize>,
}

impl<'f> KnownCauses<'f> {
    pub(super) fn of(findings: &'f [Finding]) -> KnownCauses<'f> {
        let mut known = KnownCauses {
            findings,
            causes: Vec::new(),
            cause_of: Vec::new(),
            exact: findings.iter().zip(0..).collect(),
            by_message: BTreeMap::new(),
        };
        let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        for (index, finding) in findings.iter().enumerate() {
            let cause = (finding.code, finding.path.as_str(), finding.message.as_str());
            let place = *places.entry(cause).or_insert_with(|| {
                known.causes.push(Cause {
                    finding: finding.clone(),
                    hosts: Vec::new(),
                });
                known.causes.len() - 1
            });
            if !finding.host.is_empty() {
                known.causes[place].hosts.push(finding.host.clone());
            }
            known.cause_of.push(place);
            let message = (finding.code, finding.message.as_str());
            known.by_message.entry(message).or_insert(index);
        }
        known
    }

    /// Itself; else the same of another file, where a certificate lies in one that a kubeconfig names.
    fn place(&self, finding: &Finding) -> Option<usize> {
        let same = || self.by_message.get(&(finding.code, finding.message.as_str()));
        let index = self.exact.get(finding).or_else(same)?;
        self.cause_of.get(*index).copied()
    }

    /// The errors about a file of a host: at its place, or where it is named.
    fn about(&self, host: &str, path: &str) -> Vec<usize> {
        let is_error = |one: &Finding| one.row().severity == Severity::Error;
        let is_about =
            |one: &Finding| one.host == host && (one.path == path || one.message.contains(path)) && is_error(one);
        let about = self
            .findings
            .iter()
            .zip(&self.cause_of)
            .filter(|(one, _)| is_about(one));
        about.map(|(_, cause)| *cause).collect()
    }

    fn health(&self, verdict: &Verdict) -> (Health, Vec<usize>) {
        match verdict {
            Verdict::Accepted => (Health::Holds, Vec::new()),
            Verdict::Unasked => (Health::Unasked, Vec::new()),
            Verdict::Refused(found) => (Health::Broken, found.iter().filter_map(|one| self.place(one)).collect()),
            Verdict::Lacking { host, path } => match self.about(host, path) {
                about if about.is_empty() => (Health::Unknown, about),
                about => (Health::Broken, about),
            },
        }
    }
}

fn actor(groups: &Groups, actor: &Actor) -> Option<GroupActor> {
    Some(GroupActor {
        group: groups.at(&actor.host)?,
        name: groups.path_pattern(&actor.host, &actor.name),
    })
}

/// Meetings by their groups: in the order of the table, then of the groups.
pub(super) fn connections(meetings: &[Meeting], groups: &Groups, known: &KnownCauses<'_>) -> Vec<GroupConnection> {
    let mut order: Vec<&str> = Vec::new();
    let mut all: BTreeMap<(usize, GroupActor, GroupActor), GroupConnection> = BTreeMap::new();
    for meeting in meetings {
        let (Some(caller), Some(callee)) = (actor(groups, &meeting.caller), actor(groups, &meeting.callee)) else {
            continue;
        };
        let rank = order
            .iter()
            .position(|purpose| *purpose == meeting.purpose)
            .unwrap_or_else(|| {
                order.push(meeting.purpose);
                order.len() - 1
            });
        let key = (rank, caller.clone(), callee.clone());
        let connection = all.entry(key).or_insert_with(|| GroupConnection {
            purpose: meeting.purpose,
            caller,
            callee,
            addresses: BTreeSet::new(),
            pairs: 0,
            leaves_host: false,
            server: None,
            client: None,
            handed_on: None,
        });
        connection.pairs += 1;
        connection.leaves_host |= meeting.caller.host != meeting.callee.host;
        connection.addresses.extend(meeting.addresses.iter().cloned());
        for (way, side) in [
            (&mut connection.server, &meeting.server),
            (&mut connection.client, &meeting.client),
        ] {
            if let Some(side) = side {
                add(way.get_or_insert_default(), side, known);
            }
        }
        if let Some(path) = &meeting.hands_on_by {
            let way = connection.handed_on.get_or_insert_default();
            let causes = known.about(&meeting.caller.host, path);
            let health = if causes.is_empty() {
                Health::Holds
            } else {
                Health::Broken
            };
            way.shown_by.insert(path.clone());
            *way.pairs.entry(health).or_default() += 1;
            way.causes.extend(causes);
        }
    }
    all.into_values().collect()
}

fn add(way: &mut Way, side: &Handshake, known: &KnownCauses<'_>) {
    if let Some(shown) = &side.shown {
        way.shown_by.insert(shown.by.clone());
        way.shown
            .entry(shown.certificate.fingerprint.clone())
            .or_insert_with(|| shown.certificate.clone());
    }
    way.trusted_by.insert(side.trusted_by.clone());
    for one in &side.trusted {
        way.trusted
            .entry(one.fingerprint.clone())
            .or_insert_with(|| one.clone());
    }
    judge(way, &side.verdict, known);
}

fn judge(way: &mut Way, verdict: &Verdict, known: &KnownCauses<'_>) {
    let (health, causes) = known.health(verdict);
    *way.pairs.entry(health).or_default() += 1;
    way.causes.extend(causes);
}

/// Beliefs by their groups, in the order of the table.
pub(super) fn beliefs(beliefs: &[Belief], groups: &Groups, known: &KnownCauses<'_>) -> Vec<GroupBelief> {
    let mut all: Vec<GroupBelief> = Vec::new();
    for belief in beliefs {
        let (Some(signer), Some(judging)) = (actor(groups, &belief.signer), actor(groups, &belief.judge)) else {
            continue;
        };
        let is_same = |one: &GroupBelief| {
            (one.purpose, &one.signer, &one.judge, &one.by) == (belief.purpose, &signer, &judging, &belief.by)
        };
        let at = all.iter().position(is_same).unwrap_or(all.len());
        if at == all.len() {
            all.push(GroupBelief {
                purpose: belief.purpose,
                signer,
                by: belief.by.clone(),
                judge: judging,
                as_in: belief.as_in.clone(),
                way: Way::default(),
            });
        }
        judge(&mut all[at].way, &belief.verdict, known);
    }
    all
}
