//! Which secrets each host holds and what they can do: once for all hosts of which the same can be said.

use std::collections::BTreeMap;

use super::groups::Groups;
use crate::audit::HostSecrets;
use crate::theft::Thefts;

/// Hosts of one group that hold the same but for their own names.
#[derive(Clone, Debug)]
pub struct Holding {
    /// In short, and how many.
    pub name: String,
    pub hosts: Vec<String>,
    pub secrets: Vec<GroupSecret>,
    /// What follows if the first of them is stolen; none where no cluster.toml says what keys are called.
    pub theft: Option<String>,
}

/// A file that each of them has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupSecret {
    pub path: String,
    pub what: &'static str,
    pub powers: Vec<String>,
    /// How many there are on a host: more than one where it has one for each other host.
    pub count: usize,
}

/// In the order of the groups.
pub(super) fn holdings(hosts: &[HostSecrets], groups: &Groups, thefts: Option<&Thefts<'_>>) -> Vec<Holding> {
    let mut all: BTreeMap<(usize, Vec<GroupSecret>), Vec<String>> = BTreeMap::new();
    for host in hosts {
        let Some(group) = groups.at(&host.host) else { continue };
        let mut secrets: BTreeMap<(String, &'static str), GroupSecret> = BTreeMap::new();
        for secret in &host.secrets {
            let path = groups.path_pattern(&host.host, &secret.path);
            let powers = secret
                .powers
                .iter()
                .map(|power| groups.pattern(&host.host, &power.to_string()));
            let known = secrets
                .entry((path.clone(), secret.what))
                .or_insert_with(|| GroupSecret {
                    path,
                    what: secret.what,
                    powers: Vec::new(),
                    count: 0,
                });
            known.count += 1;
            for power in powers {
                if !known.powers.contains(&power) {
                    known.powers.push(power);
                }
            }
        }
        let key = (group, secrets.into_values().collect());
        all.entry(key).or_default().push(host.host.clone());
    }
    let told = all.into_iter().map(|((_, secrets), hosts)| {
        let first = hosts.first().map(String::as_str).unwrap_or_default();
        let theft = thefts
            .and_then(|thefts| thefts.theft(first))
            .map(|theft| theft.to_toml());
        let name = groups.span_of(hosts.iter().map(String::as_str));
        let name = match hosts.len() {
            1 => name,
            count => format!("{name} ({})", super::groups::grouped(count)),
        };
        Holding {
            name,
            secrets,
            theft,
            hosts,
        }
    });
    told.collect()
}
