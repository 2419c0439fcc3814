//! What has to be made anew when a host is stolen: the keys that it had, and who gets other files by that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cluster::{Cluster, Generations};
use crate::plan::{KeyId, KeyOf, Plan, PlannedContent};

/// How the keys that encrypt Secrets are called among generations.
const ENCRYPTION: &str = "encryption";

/// Which secrets are where in a cluster.
pub struct Thefts<'a> {
    plan: &'a Plan<'a>,
    /// In the order of the cluster, by each host.
    held: Vec<Held<'a>>,
}

#[derive(Default)]
struct Held<'a> {
    /// Private keys.
    keys: BTreeSet<KeyId<'a>>,
    /// Keys of which it has anything, if only a certificate.
    named: BTreeSet<KeyId<'a>>,
    encrypts: bool,
}

/// What a stolen host leads to. Generations are the next ones, by the name of a key, or of a host for all keys of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theft {
    pub generations: BTreeMap<String, u32>,
    /// Authorities whose own keys it had not, and whose signatures it had: a certificate that they signed is believed to its end.
    pub authorities: BTreeMap<String, u32>,
    /// Which other hosts get other files with these generations, those of the authorities left out; in the order of the cluster.
    pub others: Vec<String>,
}

impl<'a> Thefts<'a> {
    pub fn of(plan: &'a Plan<'a>) -> Thefts<'a> {
        let held = plan.cluster.hosts.iter().map(|host| {
            let mut held = Held::default();
            for file in plan.files_on(host) {
                held.named.extend(file.content.ids());
                match file.content {
                    PlannedContent::PrivateKey(id) | PlannedContent::Kubeconfig { id, .. } => {
                        held.keys.insert(id);
                    }
                    PlannedContent::EncryptionConfig(_) => held.encrypts = true,
                    _ => {}
                }
            }
            held
        });
        Thefts {
            held: held.collect(),
            plan,
        }
    }

    /// What follows from the theft of a host; nothing where there is none of that name.
    pub fn theft(&self, host: &str) -> Option<Theft> {
        let stolen = self.plan.cluster.hosts.iter().position(|one| one.name == host)?;
        let held = &self.held[stolen];
        let mut generations = self.named(&held.keys);
        if held.encrypts {
            let encryption = &self.plan.cluster.encryption.generations;
            generations.insert(ENCRYPTION.to_owned(), next(encryption));
        }
        let issuers = held.keys.iter().filter_map(|id| self.plan.certificate(*id)?.issuer());
        let issuers = issuers.filter(|issuer| !held.keys.contains(issuer)).collect();
        // Issuers come before what they sign.
        let mut changed = held.keys.clone();
        for certificate in &self.plan.certificates {
            if certificate.issuer().is_some_and(|issuer| changed.contains(&issuer)) {
                changed.insert(certificate.id);
            }
        }
        let gets_others = |other: &Held<'_>| held.encrypts && other.encrypts || !other.named.is_disjoint(&changed);
        let others = self.plan.cluster.hosts.iter().zip(&self.held).enumerate();
        let others = others.filter(|(index, (_, other))| *index != stolen && gets_others(other));
        Some(Theft {
            generations,
            authorities: self.named(&issuers),
            others: others.map(|(_, (host, _))| host.name.clone()).collect(),
        })
    }

    /// The names by which `keys` are replaced: of a host whose own keys are all among them, its name, unless a key is called so.
    fn named(&self, keys: &BTreeSet<KeyId<'a>>) -> BTreeMap<String, u32> {
        let cluster = self.plan.cluster;
        let is_own_of = |id: &KeyId<'_>, host: &str| id.host == Some(host);
        let all = || self.plan.certificates.iter().map(|certificate| certificate.id);
        let taken: BTreeSet<String> = all().filter(|id| id.host.is_none()).map(|id| id.name()).collect();
        let owners: BTreeSet<&str> = keys.iter().filter_map(|id| id.host).collect();
        let wholly: BTreeSet<&str> = owners
            .into_iter()
            .filter(|host| *host != ENCRYPTION && !taken.contains(*host))
            .filter(|host| all().all(|id| !is_own_of(&id, host) || keys.contains(&id)))
            .collect();
        let mut named = BTreeMap::new();
        for id in keys {
            let name = match id.host.filter(|host| wholly.contains(host)) {
                Some(host) => host.to_owned(),
                None => id.name(),
            };
            let generation = named.entry(name).or_insert(0);
            *generation = next_of(cluster, *id).max(*generation);
        }
        named
    }
}

fn next_of(cluster: &Cluster, id: KeyId<'_>) -> u32 {
    match id.of {
        KeyOf::Identity(name) => next(cluster.pki.generations_of(name)),
        KeyOf::Own(_) => id.generation.number() + 1,
    }
}

/// One that was never used.
fn next(generations: &Generations) -> u32 {
    generations
        .all()
        .map(|one| one.number())
        .max()
        .map_or(1, |last| last + 1)
}

/// How many hosts a line names.
const HOSTS_NAMED: usize = 12;

impl Theft {
    /// Lines for the section `[generations]` of cluster.toml, and in remarks what else there is to know.
    pub fn to_toml(&self) -> String {
        let mut lines: Vec<String> = assignments(&self.generations);
        if lines.is_empty() {
            lines.push("# it has no key that could be replaced".to_owned());
        }
        if !self.authorities.is_empty() {
            lines.push("# What these signed is believed until it ends. To end that at once, too:".to_owned());
            lines.extend(
                assignments(&self.authorities)
                    .into_iter()
                    .map(|line| format!("# {line}")),
            );
        }
        let named = self
            .others
            .iter()
            .take(HOSTS_NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        lines.push(match self.others.len() {
            0 => "# No other host gets new files.".to_owned(),
            count @ ..=HOSTS_NAMED => format!("# {count} other hosts get new files: {named}"),
            count => format!(
                "# {count} other hosts get new files: {named} and {} more",
                count - HOSTS_NAMED
            ),
        });
        lines.join("\n")
    }

    pub fn to_json(&self) -> Value {
        json!({ "generations": self.generations, "authorities": self.authorities, "others": self.others })
    }
}

fn assignments(generations: &BTreeMap<String, u32>) -> Vec<String> {
    // Names are made of letters, digits, `-`, `.` and `/`, so a quote is all that they may need.
    let is_bare = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let lines = generations.iter().map(|(name, generation)| match is_bare(name) {
        true => format!("{name} = {generation}"),
        false => format!("{name:?} = {generation}"),
    });
    lines.collect()
}
