//! All that a report tells, put together from what `audit` tells, before it gets any form.

use std::collections::{BTreeMap, BTreeSet};

use time::{OffsetDateTime, UtcOffset};

use crate::audit::{Finding, Survey};
use crate::cluster::Cluster;
use crate::diagnostic::Severity;
use crate::found::{Found, printable};
use crate::plan::plan;
use crate::table::so_many;
use crate::theft::Thefts;

use super::connections::{self, Cause, GroupBelief, GroupConnection, Health, KnownCauses};
use super::groups::{self, Groups};
use super::holdings::{self, Holding};
use super::trust::{self, EndingTogether, IssuedForUse, TrustedAuthority};
use super::turns::{self, Sources, Turn};

/// Which of the two a report is of.
#[derive(Clone, Copy, Debug)]
pub enum ReportOf<'a> {
    /// A bundle as found.
    Found,
    /// What a cluster compiles to; with its own seed, or with another that stands in for it.
    Made { cluster: &'a Cluster, own_seed: bool },
}

/// All that a report tells, whatever form it gets.
#[derive(Debug)]
pub struct Report {
    /// What it is of, as its reader calls it.
    pub title: String,
    /// Whether it was found or made, in words.
    pub source: &'static str,
    pub at: OffsetDateTime,
    /// Whether the fingerprints are those of a build.
    pub has_fingerprints: bool,
    /// What can't be told of this, and what it would take; each a sentence.
    pub untold: Vec<String>,
    pub groups: Groups,
    /// As `verify` has them, each cause once.
    pub causes: Vec<Cause>,
    findings: Vec<Finding>,
    pub connections: Vec<GroupConnection>,
    pub beliefs: Vec<GroupBelief>,
    /// By the pattern of a path, what lies there, in a word or two.
    pub kinds: BTreeMap<String, String>,
    /// The patterns of all files with secrets.
    pub secret_paths: BTreeSet<String>,
    pub authorities: Vec<TrustedAuthority>,
    /// Leaves whose issuer is not here.
    pub orphans: Vec<IssuedForUse>,
    pub endings: Vec<EndingTogether>,
    pub turns: Vec<Turn>,
    pub holdings: Vec<Holding>,
}

impl Report {
    /// Of what was found or made, as of `at`. `title` is what it is called where it does not say itself of which cluster it is.
    pub fn of(title: &str, found: &Found, of: ReportOf<'_>, at: OffsetDateTime) -> Report {
        let survey = Survey::of(found, at);
        let groups = Groups::of(found);
        let known = KnownCauses::of(&survey.findings);
        let connections = connections::connections(&survey.meetings, &groups, &known);
        let beliefs = connections::beliefs(&survey.beliefs, &groups, &known);
        let cluster = match of {
            ReportOf::Found => None,
            ReportOf::Made { cluster, .. } => Some(cluster),
        };
        let causes = known.causes;
        let plan = cluster.map(plan);
        let thefts = plan.as_ref().map(Thefts::of);
        let turns = turns::turns(&Sources {
            found,
            survey: &survey,
            groups: &groups,
            cluster,
        });
        let title = match (&survey.cluster, found.hosts.as_slice()) {
            (Some(cluster), [host]) if *cluster != host.name => format!("{cluster}: {}", host.name),
            (Some(cluster), _) => cluster.clone(),
            (None, _) => title.to_owned(),
        };
        let (authorities, orphans) = trust::tree(&survey.certificates, &groups);
        Report {
            title: printable(&title),
            source: match of {
                ReportOf::Found => "as found",
                ReportOf::Made { .. } => "as cluster.toml compiles",
            },
            at: at.to_offset(UtcOffset::UTC),
            has_fingerprints: !matches!(of, ReportOf::Made { own_seed: false, .. }),
            untold: untold(found, of),
            causes,
            connections,
            beliefs,
            kinds: kinds(&survey, &groups),
            secret_paths: secret_paths(&survey, &groups),
            authorities,
            orphans,
            endings: trust::endings(&survey.certificates, at, &groups),
            turns,
            holdings: holdings::holdings(&survey.secrets, &groups, thefts.as_ref()),
            groups,
            findings: survey.findings,
        }
    }

    /// Whether there is an error among the findings, for which `verify` exits with 1.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.row().severity == Severity::Error)
    }

    /// How many connections there are of each health.
    pub(crate) fn healths(&self) -> BTreeMap<Health, usize> {
        let mut counts = BTreeMap::new();
        let beliefs = self.beliefs.iter().map(|one| one.way.health());
        for health in self.connections.iter().map(GroupConnection::health).chain(beliefs) {
            *counts.entry(health).or_default() += 1;
        }
        counts
    }

    /// In one sentence, what was verified of who meets whom.
    pub fn verdict(&self) -> String {
        let counts = self.healths();
        let total: usize = counts.values().sum();
        let of = |health| counts.get(&health).copied().unwrap_or(0);
        // A picture shows and numbers the connections alone.
        let kinds = match (self.connections.len(), self.beliefs.len()) {
            (_, 0) | (0, _) => String::new(),
            (meet, believe) => format!(
                " ({}, and {believe} of believing what another signs)",
                so_many(meet, "connection")
            ),
        };
        let mut text = match of(Health::Holds) {
            0 if total == 0 => "Nobody here meets anybody.".to_owned(),
            all if all == total => format!("All {total} relations hold{kinds}."),
            some => format!("{some} of {total} relations hold{kinds}."),
        };
        for (health, told) in [
            (Health::Broken, "broken"),
            (Health::Unknown, "not known, for want of a file"),
            (Health::Unasked, "shown a certificate that nobody asks for"),
        ] {
            match of(health) {
                0 => {}
                count => text.push_str(&format!(" {count} {told}.")),
            }
        }
        text
    }

    /// How many errors and warnings there are.
    pub(crate) fn counted(&self) -> String {
        let count = |severity| {
            self.findings
                .iter()
                .filter(|one| one.row().severity == severity)
                .count()
        };
        [Severity::Error, Severity::Warning]
            .map(|severity| severity.counted(count(severity)))
            .join(", ")
    }
}

/// What can't be told, and why.
fn untold(found: &Found, of: ReportOf<'_>) -> Vec<String> {
    let mut untold = Vec::new();
    match of {
        ReportOf::Found => {
            untold.push("What keys are called, and so which have to be replaced when a host is stolen: a cluster.toml alone tells that.".to_owned());
            untold
                .push("Which generation of a key is used, and whether a rotation is on its way: likewise.".to_owned());
        }
        ReportOf::Made { own_seed, .. } => {
            untold.push(
                "What lies on a disk: this was compiled in memory, so that modes, sums and archives are as they would be made. An output folder tells that."
                    .to_owned(),
            );
            if !own_seed {
                untold.push("Fingerprints: the seed is not here, and another one stood in for it. With the seed, or of an output, they are told.".to_owned());
            }
        }
    }
    if let Some(part) = found.part.as_ref().filter(|part| !part.elsewhere.is_empty()) {
        untold.push(format!(
            "What is on {} other hosts: this is a part of a fleet. The whole output (khw-gen merge) tells that.",
            groups::grouped(part.elsewhere.len())
        ));
    }
    if !found.remarks.is_empty() {
        untold.push("What is in files that can't be read: the findings name them.".to_owned());
    }
    if found.hosts.iter().any(|host| !host.is_bundle()) {
        untold.push(
            "Roles and versions of hosts that have no manifest: only a bundle says what it was made for.".to_owned(),
        );
    }
    untold
}

/// What lies at a pattern: of secrets and certificates as these are told, else by the name.
fn kinds(survey: &Survey, groups: &Groups) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::new();
    for row in &survey.certificates {
        for (host, path) in &row.places {
            let first = row.uses.first().map_or("certificate", String::as_str);
            let what = match row.certificate.authority {
                true => format!("authority: {first}"),
                false => format!("certificate: {first}"),
            };
            kinds.entry(groups.path_pattern(host, path)).or_insert(what);
        }
    }
    for host in &survey.secrets {
        for secret in &host.secrets {
            kinds.insert(groups.path_pattern(&host.host, &secret.path), secret.what.to_owned());
        }
    }
    for path in groups.all.iter().flat_map(|group| group.files.keys()) {
        kinds
            .entry(path.clone())
            .or_insert_with(|| kind_by_name(path).to_owned());
    }
    kinds
}

fn kind_by_name(path: &str) -> &'static str {
    let file = path.rsplit('/').next().unwrap_or(path);
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        _ if path.contains("/systemd/") => "unit",
        "service" => "unit",
        "csr" => "request",
        "pub" => "public key",
        "sh" => "script",
        "md" => "instructions",
        "pem" | "crt" => "PEM",
        _ if !path.contains('/') => "list",
        _ => "configuration",
    }
}

fn secret_paths(survey: &Survey, groups: &Groups) -> BTreeSet<String> {
    let of_host = |host: &crate::audit::HostSecrets| {
        let paths = host
            .secrets
            .iter()
            .map(|one| groups.path_pattern(&host.host, &one.path));
        paths.collect::<Vec<_>>()
    };
    survey.secrets.iter().flat_map(of_host).collect()
}

/// An instant, as people and programs both read it.
pub(super) fn day(instant: OffsetDateTime) -> String {
    instant.to_offset(UtcOffset::UTC).date().to_string()
}

/// To the second.
pub(super) fn moment(instant: OffsetDateTime) -> String {
    let instant = instant.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = instant.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", instant.date())
}

/// How long something is valid still, as `expiry` says it.
pub(super) fn left(from: OffsetDateTime, until: OffsetDateTime, at: OffsetDateTime) -> String {
    match (until - at).whole_seconds().div_euclid(86_400) {
        ..0 => "ended".to_owned(),
        _ if at < from => "not yet".to_owned(),
        days => format!("{} d", groups::grouped(usize::try_from(days).unwrap_or(0))),
    }
}
