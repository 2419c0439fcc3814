//! What has to be made anew when a host is stolen: the keys that it had, and who gets other files by that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::catalog::rotation::ROTATED;
use crate::cluster::{Cluster, ENCRYPTION, Generations};
use crate::plan::{KeyId, KeyOf, Plan, PlannedContent};

/// Which keys are where in a cluster.
pub struct Thefts<'a> {
    plan: &'a Plan<'a>,
    /// The private keys of each host, in the order of the cluster.
    held: Vec<BTreeSet<KeyId<'a>>>,
    /// The hosts that have anything of a key, if only a certificate, by their place in the cluster.
    hosts_of: BTreeMap<KeyId<'a>, BTreeSet<usize>>,
    /// The hosts with the keys that encrypt Secrets.
    encrypting: BTreeSet<usize>,
    /// What the key of an authority signed.
    issued: BTreeMap<KeyId<'a>, Vec<KeyId<'a>>>,
    /// The keys that a host has of its own.
    own: BTreeMap<&'a str, BTreeSet<KeyId<'a>>>,
    /// What keys of the whole cluster are called.
    taken: BTreeSet<String>,
}

/// What a stolen host leads to. Generations are the next ones, by the name of a key, or of a host for all keys of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theft {
    pub generations: BTreeMap<String, u32>,
    /// Authorities whose own keys it had not, and whose signatures it had: a certificate that they signed is believed to its end.
    pub authorities: BTreeMap<String, u32>,
    /// Those of them that sign elsewhere, which nothing here can replace.
    pub elsewhere: Vec<String>,
    /// Which other hosts get other files with these generations, those of the authorities left out; in the order of the cluster.
    pub others: Vec<String>,
}

impl<'a> Thefts<'a> {
    pub fn of(plan: &'a Plan<'a>) -> Thefts<'a> {
        let mut thefts = Thefts {
            plan,
            held: Vec::new(),
            hosts_of: BTreeMap::new(),
            encrypting: BTreeSet::new(),
            issued: BTreeMap::new(),
            own: BTreeMap::new(),
            taken: BTreeSet::from([ENCRYPTION.to_owned()]),
        };
        for certificate in &plan.certificates {
            let id = certificate.id;
            if let Some(issuer) = certificate.issuer() {
                thefts.issued.entry(issuer).or_default().push(id);
            }
            match id.host {
                Some(host) => drop(thefts.own.entry(host).or_default().insert(id)),
                None => drop(thefts.taken.insert(id.name())),
            }
        }
        for (index, host) in plan.cluster.hosts.iter().enumerate() {
            let mut held = BTreeSet::new();
            for file in plan.files_on(host) {
                for id in file.content.ids() {
                    thefts.hosts_of.entry(id).or_default().insert(index);
                }
                match file.content {
                    PlannedContent::PrivateKey(id) | PlannedContent::Kubeconfig { id, .. } => drop(held.insert(id)),
                    PlannedContent::EncryptionConfig(_) => drop(thefts.encrypting.insert(index)),
                    _ => {}
                }
            }
            thefts.held.push(held);
        }
        thefts
    }

    /// What follows from the theft of a host; nothing where there is none of that name.
    pub fn theft(&self, host: &str) -> Option<Theft> {
        let cluster = self.plan.cluster;
        let stolen = cluster.hosts.iter().position(|one| one.name == host)?;
        let held = &self.held[stolen];
        let mut generations = self.named(held);
        let mut others: BTreeSet<usize> = BTreeSet::new();
        if self.encrypting.contains(&stolen) {
            generations.insert(ENCRYPTION.to_owned(), next(&cluster.encryption.generations));
            others.extend(&self.encrypting);
        }
        let issuers = held.iter().filter_map(|id| self.plan.certificate(*id)?.issuer());
        let issuers: BTreeSet<KeyId<'_>> = issuers.filter(|issuer| !held.contains(issuer)).collect();
        let signs_elsewhere = |issuer: &KeyId<'_>| matches!(issuer.of, KeyOf::Identity(name) if cluster.pki.is_external(name, issuer.generation));
        let (elsewhere, issuers): (BTreeSet<_>, BTreeSet<_>) = issuers.into_iter().partition(signs_elsewhere);
        // What a new authority signs is new too.
        let mut changed = held.clone();
        let mut left: Vec<KeyId<'_>> = held.iter().copied().collect();
        while let Some(id) = left.pop() {
            others.extend(self.hosts_of.get(&id).into_iter().flatten());
            let issued = self.issued.get(&id).into_iter().flatten();
            left.extend(issued.copied().filter(|id| changed.insert(*id)));
        }
        others.remove(&stolen);
        Some(Theft {
            generations,
            authorities: self.named(&issuers),
            elsewhere: elsewhere.iter().map(KeyId::name).collect(),
            others: others.iter().map(|index| cluster.hosts[*index].name.clone()).collect(),
        })
    }

    /// The names by which `keys` are replaced: of a host whose own keys are all among them, its name, unless a key is called so.
    fn named(&self, keys: &BTreeSet<KeyId<'a>>) -> BTreeMap<String, u32> {
        let is_whole = |host: &&str| !self.taken.contains(*host) && self.own[host].is_subset(keys);
        let mut named = BTreeMap::new();
        for id in keys {
            let name = id.host.filter(is_whole).map_or_else(|| id.name(), str::to_owned);
            let generation = named.entry(name).or_insert(0);
            *generation = next_of(self.plan.cluster, *id).max(*generation);
        }
        named
    }
}

fn next_of(cluster: &Cluster, id: KeyId<'_>) -> u32 {
    match id.of {
        KeyOf::Identity(name) => next(cluster.pki.generations_of(name, id.host)),
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
        let is_rotated = |name: &str| ROTATED.contains(&name);
        let (rotated, at_once): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .generations
            .clone()
            .into_iter()
            .partition(|(name, _)| is_rotated(name));
        let mut lines: Vec<String> = assignments(&at_once);
        if lines.is_empty() && rotated.is_empty() {
            lines.push("# it has no key that could be replaced".to_owned());
        }
        let rotations = |names: &BTreeMap<String, u32>| {
            let commands = names
                .keys()
                .map(|name| format!("#   khw-gen rotate cluster.toml {name} -o DIR"));
            commands.collect::<Vec<_>>()
        };
        if !rotated.is_empty() {
            lines.push("# Then, in phases and one after the other:".to_owned());
            lines.extend(rotations(&rotated));
        }
        if !self.authorities.is_empty() {
            lines.push(
                "# The stolen certificates are believed until they end, unless these are replaced too:".to_owned(),
            );
            let (in_phases, at_once): (BTreeMap<_, _>, BTreeMap<_, _>) = self
                .authorities
                .clone()
                .into_iter()
                .partition(|(name, _)| is_rotated(name));
            lines.extend(assignments(&at_once).iter().map(|line| format!("#   {line}")));
            lines.extend(rotations(&in_phases));
        }
        if !self.elsewhere.is_empty() {
            lines.push(format!(
                "# The stolen certificates of {} are believed until they end: no program of the cluster asks whether one is revoked.",
                self.elsewhere.join(", ")
            ));
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
            1 => format!("# 1 other host gets new files: {named}"),
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
