//! The two sides of a comparison: what is known of their keys, and which of their hosts are compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::found::{Found, FoundHost};

/// Which keys and secrets a side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Its own.
    Own,
    /// Those of a seed that stands in for its own.
    StandIn,
}

/// Whether both sides were made with their seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysKnown {
    All,
    /// Both sides were made from one seed that stands in for theirs: fingerprints of keys mean nothing.
    StandIn,
    /// One side was made without its seed: keys, serial numbers and secrets are not compared.
    WithoutSeed,
}

impl KeysKnown {
    /// What is known where the sides have these keys.
    pub fn of(old: Keys, new: Keys) -> KeysKnown {
        match (old, new) {
            (Keys::Own, Keys::Own) => KeysKnown::All,
            (Keys::StandIn, Keys::StandIn) => KeysKnown::StandIn,
            _ => KeysKnown::WithoutSeed,
        }
    }
}

/// Of a fleet's part, only its own hosts are compared: those that it says are elsewhere are not missing.
pub fn leave_out_elsewhere(other: &mut Found, part: &Found) {
    if let Some(part) = &part.part {
        other.hosts.retain(|host| !part.elsewhere.contains(&host.name));
    }
}

/// Where one side is a single host, only that host of the other is compared: by the name of its folder or archive.
///
/// Errors: the names of the part's hosts, if the whole has none of them.
pub fn keep_hosts_of<'p>(whole: &mut Found, part: &'p Found) -> Result<(), Vec<&'p str>> {
    let names: Vec<&str> = part.hosts.iter().map(|host| host.name.as_str()).collect();
    whole.hosts.retain(|host| names.contains(&host.name.as_str()));
    match whole.hosts.is_empty() {
        true => Err(names),
        false => Ok(()),
    }
}

/// A host before and after: a machine, whatever it is called.
pub(super) struct Pair<'a> {
    /// Its name, the later one where it got another.
    pub name: &'a str,
    pub old: Option<&'a FoundHost>,
    pub new: Option<&'a FoundHost>,
    renamed: bool,
}

impl Pair<'_> {
    /// Whether it is the same machine under another name.
    pub fn is_renamed(&self) -> bool {
        self.renamed
    }
}

/// Hosts of both sides by name. Where each side is one host, they are the same one, whatever their folders are called; of a
/// fleet's part that can't be told.
pub(super) fn pairs<'a>(old: &'a Found, new: &'a Found) -> Vec<Pair<'a>> {
    if let ([before], [after], None, None) = (old.hosts.as_slice(), new.hosts.as_slice(), &old.part, &new.part) {
        return vec![Pair {
            name: &after.name,
            old: Some(before),
            new: Some(after),
            renamed: false,
        }];
    }
    let mut pairs: BTreeMap<&str, (Option<&FoundHost>, Option<&FoundHost>)> = BTreeMap::new();
    for host in &old.hosts {
        pairs.entry(&host.name).or_default().0 = Some(host);
    }
    for host in &new.hosts {
        pairs.entry(&host.name).or_default().1 = Some(host);
    }
    let pairs = pairs.into_iter();
    let pairs = pairs.map(|(name, (old, new))| Pair {
        name,
        old,
        new,
        renamed: false,
    });
    let pairs = pairs.collect();
    match (&old.part, &new.part) {
        (None, None) => with_renamed(pairs),
        // Who is gone here may be elsewhere.
        _ => pairs,
    }
}

/// A host that is gone and one that is new are the same machine where their first address is the same; not if the one had left, or
/// the other joins.
fn with_renamed(mut pairs: Vec<Pair<'_>>) -> Vec<Pair<'_>> {
    let gone = pairs.iter().filter_map(|pair| pair.old.filter(|_| pair.new.is_none()));
    let by_address: BTreeMap<&str, &FoundHost> = gone
        .filter(|old| !old.about.is_leaving())
        .filter_map(|old| Some((old.about.addresses.first()?.as_str(), old)))
        .collect();
    let mut renamed: BTreeSet<&str> = BTreeSet::new();
    for pair in &mut pairs {
        let new = pair.new.filter(|new| pair.old.is_none() && !new.about.is_joining());
        let address = new.and_then(|new| new.about.addresses.first());
        if let Some(before) = address.and_then(|address| by_address.get(address.as_str())) {
            pair.old = Some(before);
            pair.renamed = true;
            renamed.insert(&before.name);
        }
    }
    pairs.retain(|pair| pair.new.is_some() || !renamed.contains(pair.name));
    pairs
}
