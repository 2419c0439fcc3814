//! The two sides of a comparison: what is known of their keys, and which of their hosts are compared.

use std::collections::BTreeMap;

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

/// A host before and after.
pub(super) struct Pair<'a> {
    pub name: &'a str,
    pub old: Option<&'a FoundHost>,
    pub new: Option<&'a FoundHost>,
}

/// Hosts of both sides by name. Where each side is one host, they are the same one, whatever their folders are called; of a
/// fleet's part that can't be told.
pub(super) fn pairs<'a>(old: &'a Found, new: &'a Found) -> Vec<Pair<'a>> {
    if let ([before], [after], None, None) = (old.hosts.as_slice(), new.hosts.as_slice(), &old.part, &new.part) {
        return vec![Pair {
            name: &after.name,
            old: Some(before),
            new: Some(after),
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
    pairs.map(|(name, (old, new))| Pair { name, old, new }).collect()
}
