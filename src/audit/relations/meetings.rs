//! Who meets whom, as found: each pair that a row of the table speaks of, and what each of the two says of the other.
//!
//! The words are those of `judge`, so that what is told here and what `verify` finds is one and the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::judge::{self, Refusal};
use super::parties::{End, Member, Parties};
use super::table::{CONNECTIONS, Calls, Connection, HeldAt, Party, Proof, SIGNATURES};
use crate::audit::dates::out_of_date;
use crate::audit::finding::Finding;
use crate::audit::login::programs_of_kubeconfigs;
use crate::audit::names::{Url, with_port};
use crate::pki::inspect::{Certificate, Item, TlsRole};

/// A program of a host, or a kubeconfig of it that no program of the host is known to use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Actor {
    /// Where it runs, or lies.
    pub host: String,
    /// What the program is called, or the path of the kubeconfig.
    pub name: String,
}

/// What one of two says of what the other shows or signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Accepted,
    /// As `verify` finds it.
    Refused(Vec<Finding>),
    /// A file of `host` that is named, and is not there or has nothing of its kind in it.
    Lacking {
        /// Whose file it is.
        host: String,
        /// As the flag or field has it.
        path: String,
    },
    /// Nobody asks: whoever it is shown to trusts no authority for it.
    Unasked,
}

/// A certificate as it is shown.
#[derive(Clone, Debug)]
pub struct ShownCertificate {
    /// By which flag or field.
    pub by: String,
    /// The certificate.
    pub certificate: Arc<Certificate>,
}

/// One side of a meeting: what one shows, and what the other says of it.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// None where nothing is shown, or what is named is not there.
    pub shown: Option<ShownCertificate>,
    /// By which flag or field those are trusted who may have issued it.
    pub trusted_by: String,
    /// Those who are trusted.
    pub trusted: Vec<Arc<Certificate>>,
    /// What the other says.
    pub verdict: Verdict,
}

/// Two that meet.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// What for.
    pub purpose: &'static str,
    /// Who begins.
    pub caller: Actor,
    /// Who answers.
    pub callee: Actor,
    /// The addresses that the caller asks for, where it says so.
    pub addresses: Vec<String>,
    /// What the callee shows.
    pub server: Option<Handshake>,
    /// What the caller shows.
    pub client: Option<Handshake>,
    /// The file of the load balancer that the caller is: it shows nothing of its own, and hands on what others show.
    pub hands_on_by: Option<String>,
}

/// Somebody who believes what another signs or writes.
#[derive(Clone, Debug)]
pub struct Belief {
    /// What for.
    pub purpose: &'static str,
    /// Who signs or writes.
    pub signer: Actor,
    /// By which flag, which names a file.
    pub by: String,
    /// The path of that file.
    pub by_file: String,
    /// Who believes it, or does not.
    pub judge: Actor,
    /// By which flag it is judged.
    pub as_in: String,
    /// The paths of the files that this flag names.
    pub as_in_files: Vec<String>,
    /// What is said of it.
    pub verdict: Verdict,
}

/// Every meeting of the table, sorted by purpose, caller and callee.
pub(crate) fn meetings(parties: &Parties<'_>) -> Vec<Meeting> {
    let names = Names::of(parties);
    let mut all: BTreeMap<(usize, Actor, Actor), Meeting> = BTreeMap::new();
    // Two rows for one purpose are the two sides of one meeting.
    let rank = |purpose: &str| CONNECTIONS.iter().position(|row| row.purpose == purpose);
    for row in CONNECTIONS {
        for meeting in of_row(parties, row, &names) {
            let rank = rank(row.purpose).unwrap_or_default();
            let key = (rank, meeting.caller.clone(), meeting.callee.clone());
            match all.get_mut(&key) {
                Some(known) => {
                    known.addresses.extend(meeting.addresses);
                    known.server = known.server.take().or(meeting.server);
                    known.client = known.client.take().or(meeting.client);
                }
                None => drop(all.insert(key, meeting)),
            }
        }
    }
    all.into_values().collect()
}

/// Every signature of the table, and what API servers write for each other.
pub(crate) fn beliefs(parties: &Parties<'_>) -> Vec<Belief> {
    let names = Names::of(parties);
    let mut all = Vec::new();
    for row in SIGNATURES {
        let judges = parties.members(row.accepted_by);
        for signer in parties.members(row.signer) {
            let by = signer.end(row.by);
            for judge in judges.iter().filter(|_| signer.names(row.by)) {
                let disbelieved = by.as_ref().map(|by| judge::disbelieved(row, by, *judge));
                let verdict = match disbelieved {
                    None => lacking(signer, row.by),
                    Some(None) if !judge.names(row.as_in) => Verdict::Unasked,
                    Some(None) => lacking(*judge, row.as_in),
                    Some(Some(refusal)) => verdict_of(refusal),
                };
                all.push(Belief {
                    purpose: row.purpose,
                    signer: names.actor(signer),
                    by: row.by.to_string(),
                    by_file: signer.named(row.by).unwrap_or_default().to_owned(),
                    judge: names.actor(*judge),
                    as_in: row.as_in.to_string(),
                    as_in_files: files(*judge, row.as_in),
                    verdict,
                });
            }
        }
    }
    all.extend(encryption(parties));
    all
}

/// What an API server encrypts each other one has to read.
fn encryption(parties: &Parties<'_>) -> Vec<Belief> {
    const FLAG: &str = "--encryption-provider-config";
    let all = judge::configurations(parties);
    let actor = |host: &str| Actor {
        host: host.to_owned(),
        name: Party::ApiServer.program().to_owned(),
    };
    let between = all.iter().flat_map(|(spot, _, written)| {
        all.iter().map(move |(reader, name, read)| Belief {
            purpose: "Secrets in etcd",
            signer: actor(spot.host.name),
            by: FLAG.to_owned(),
            by_file: String::new(),
            judge: actor(reader.host.name),
            as_in: FLAG.to_owned(),
            as_in_files: Vec::new(),
            verdict: verdict_of(judge::not_read((*spot, written), (name, read))),
        })
    });
    between.collect()
}

/// Every file that stands at a place of a member: a flag may be given more than once.
fn files(member: Member<'_, '_>, at: HeldAt) -> Vec<String> {
    match at {
        HeldAt::Flag(flag) => member.values(flag).into_iter().map(str::to_owned).collect(),
        HeldAt::Field(_) => member.named(at).map(str::to_owned).into_iter().collect(),
    }
}

/// What members are called.
struct Names<'v>(BTreeMap<(&'v str, &'v str), &'v str>);

impl<'v> Names<'v> {
    fn of(parties: &Parties<'v>) -> Names<'v> {
        Names(programs_of_kubeconfigs(parties.view))
    }

    fn actor(&self, member: Member<'_, 'v>) -> Actor {
        let spot = member.spot();
        let name = match member.party() {
            Party::Kubeconfig => self.0.get(&(spot.host.name, spot.path)).copied().unwrap_or(spot.path),
            party => party.program(),
        };
        Actor {
            host: spot.host.name.to_owned(),
            name: name.to_owned(),
        }
    }
}

fn of_row(parties: &Parties<'_>, row: &Connection, names: &Names<'_>) -> Vec<Meeting> {
    let callees = parties.members(row.callee);
    let callers = parties.members(row.caller);
    let of_caller = |caller: &Member<'_, '_>| {
        let caller = *caller;
        let urls = judge::urls(row.calls, caller);
        let met = callees
            .iter()
            .filter(|callee| caller.calls(parties, row.calls, **callee));
        let meetings = met.filter_map(|callee| {
            let called = called_at(row.calls, (caller, &urls), *callee);
            let server = row.server.as_ref().and_then(|proof| {
                let mut side = handshake(proof, TlsRole::Server, *callee, caller)?;
                let asked = (caller, urls.as_slice());
                side.refuse(judge::not_covered(proof, row.calls, asked, *callee, parties));
                Some(side)
            });
            let client = row.client.as_ref();
            let client = client.and_then(|proof| handshake(proof, TlsRole::Client, caller, *callee));
            (server.is_some() || client.is_some()).then(|| Meeting {
                purpose: row.purpose,
                caller: names.actor(caller),
                callee: names.actor(*callee),
                addresses: called,
                server,
                client,
                hands_on_by: None,
            })
        });
        meetings.collect::<Vec<_>>()
    };
    callers.par_iter().flat_map_iter(of_caller).collect()
}

/// Where a caller finds a callee, by its own words.
fn called_at(calls: Calls, (caller, urls): (Member<'_, '_>, &[Url]), callee: Member<'_, '_>) -> Vec<String> {
    let leads = |url: &&Url| match (calls, caller, callee) {
        (Calls::Urls(_), Member::Started(_, caller), Member::Started(_, etcd)) => {
            crate::audit::reached::answers(etcd, url, caller)
        }
        _ => true,
    };
    let called = urls.iter().filter(leads).map(|url| match url.port {
        Some(port) => with_port(&url.host, port),
        None => url.host.clone(),
    });
    called.collect()
}

/// What `shower` shows, and what `judge` says of it; none where neither has to do with it.
fn handshake(proof: &Proof, usage: TlsRole, shower: Member<'_, '_>, judge: Member<'_, '_>) -> Option<Handshake> {
    let shown = shower.end(proof.shown);
    let trusted = judge.end(proof.trusted);
    let leaf = shown.as_ref().and_then(|shown| shared(shown.items).next());
    let roots: Vec<Arc<Certificate>> = trusted.iter().flat_map(|end| shared(end.items)).cloned().collect();
    let verdict = match (&shown, leaf) {
        _ if !shower.names(proof.shown) => return None,
        (Some(shown), Some(leaf)) => match judge::without_right(usage, shown, leaf) {
            Some(refusal) => verdict_of([refusal]),
            None => match judge::judged(proof, usage, (shower, shown), judge) {
                Some(refusal) => verdict_of(refusal),
                None if judge.names(proof.trusted) => lacking(judge, proof.trusted),
                None => Verdict::Unasked,
            },
        },
        _ => lacking(shower, proof.shown),
    };
    let shown_certificate = leaf.map(|leaf| ShownCertificate {
        by: proof.shown.to_string(),
        certificate: leaf.clone(),
    });
    let mut side = Handshake {
        shown: shown_certificate,
        trusted_by: proof.trusted.to_string(),
        trusted: roots,
        verdict,
    };
    if side.verdict == Verdict::Accepted {
        let late = shown.iter().zip(leaf).flat_map(|(end, leaf)| late(end, leaf));
        let late: Vec<Finding> = late.collect();
        let roots = || {
            side.trusted
                .iter()
                .filter(|root| leaf.is_some_and(|leaf| leaf.names_as_issuer(root)))
        };
        let of_roots = roots().map(|root| trusted.iter().flat_map(|end| self::late(end, root)).collect::<Vec<_>>());
        let of_roots: Vec<Vec<Finding>> = of_roots.collect();
        let no_root = !of_roots.is_empty() && of_roots.iter().all(|late| !late.is_empty());
        let all: Vec<Finding> = late
            .into_iter()
            .chain(of_roots.into_iter().flatten().filter(|_| no_root))
            .collect();
        if !all.is_empty() {
            side.verdict = Verdict::Refused(all);
        }
    }
    Some(side)
}

/// What is found of a certificate that is past its end, or not there yet.
fn late(end: &End<'_, '_>, certificate: &Certificate) -> Vec<Finding> {
    let path = match end.path {
        "" => end.spot.path,
        path => path,
    };
    let late = out_of_date(certificate, end.spot.view.at).into_iter();
    late.map(|(code, message)| end.spot.at(path).finding(code, message))
        .collect()
}

impl Handshake {
    fn refuse<'v>(&mut self, more: impl IntoIterator<Item = Refusal<'v>>) {
        if let Verdict::Refused(more) = verdict_of(more) {
            match &mut self.verdict {
                Verdict::Refused(known) => known.extend(more),
                verdict => *verdict = Verdict::Refused(more),
            }
        }
    }
}

fn verdict_of<'v>(refusals: impl IntoIterator<Item = Refusal<'v>>) -> Verdict {
    let found = refusals
        .into_iter()
        .map(|refusal| refusal.spot.finding(refusal.code, refusal.message));
    let found: Vec<Finding> = found.collect();
    match found.is_empty() {
        true => Verdict::Accepted,
        false => Verdict::Refused(found),
    }
}

fn lacking(member: Member<'_, '_>, at: HeldAt) -> Verdict {
    Verdict::Lacking {
        host: member.spot().host.name.to_owned(),
        path: member.named(at).unwrap_or(member.spot().path).to_owned(),
    }
}

fn shared(items: &[Item]) -> impl Iterator<Item = &Arc<Certificate>> {
    items.iter().filter_map(|item| match item {
        Item::Certificate(certificate) => Some(certificate),
        _ => None,
    })
}
