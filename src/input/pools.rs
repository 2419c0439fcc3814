//! `[[pools]]`: many hosts alike, made into hosts as if each were written out, so that all checks of hosts are theirs too.
//!
//! Every host of a pool stands where the pool does. What is said of many of them in the same way is said once
//! ([`tell_once`]).
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::Families;
use crate::diagnostic::{Diagnostic, Place, Reporter, codes};

use super::draft::{Draft, DraftHost};
use super::families;
use super::fields::{self, HIGHEST_FIRST, MOST_HOSTS};
use super::host::host_without_name;
use super::names::{self, LONGEST_HOST_NAME};
use super::tree::{At, Document, Fields, Node};
use super::values::{self, cant_be};

/// The hosts of all pools, in the order of the file; none that could not be made out, of which `complete` tells.
pub struct Pools {
    pub hosts: Vec<DraftHost>,
    pub complete: bool,
    /// Where the first of them stands.
    pub place: Option<Place>,
}

/// Reads `[[pools]]`.
pub fn read(top: &Fields<'_>) -> Pools {
    let list = top.list("pools");
    let nodes = list.as_ref().map_or(&[][..], |list| list.value);
    let mut pools = Pools {
        hosts: Vec::new(),
        complete: list.is_some() == top.has("pools") && !top.misspelt("pools"),
        place: nodes.first().map(|node| top.doc.place(&node.span)),
    };
    for (index, node) in nodes.iter().enumerate() {
        let room = MOST_HOSTS - pools.hosts.len();
        match pool(top.doc, node, index, room) {
            Some(hosts) => pools.hosts.extend(hosts),
            None => pools.complete = false,
        }
    }
    pools
}

/// The hosts of one pool, if it can be told how many they are. `room` is how many there may be.
fn pool(doc: Document<'_>, node: &Node, index: usize, room: usize) -> Option<Vec<DraftHost>> {
    let say = doc.say;
    let fields = doc.fields(node, &fields::POOL.names())?;
    for name in ["name", "count", "first_ip"] {
        fields.require(name);
    }
    let pattern = fields.parsed("name", |name, say| name_pattern(&name, say));
    let count = fields.integer("count").and_then(|count| host_count(&count, room, say));
    let first_n = fields.written("first_n", || first_number(&fields.integer("first_n")?, say));
    let first_n = first_n.or(1);
    let first_ip = families::read(&fields, "first_ip", values::address);
    let alike = DraftHost {
        pool: Some(index),
        ..host_without_name(&fields)
    };
    let count = count?;
    let name_of = pattern
        .zip(first_n)
        .filter(|(pattern, first)| last_name_is_sound(pattern, first + count - 1, say));
    let first_ip = first_ip.filter(|first_ip| addresses_are_sound(first_ip.iter(), count, say));
    let host = |offset| DraftHost {
        name: name_of
            .as_ref()
            .map(|(pattern, first)| pattern.name.with(pattern.expand(first + offset))),
        ip: first_ip.as_ref().and_then(|first_ip| {
            let ips = first_ip.iter().map(|ip| Some(ip.with(nth(ip.value, offset)?)));
            Families::of(ips.collect::<Option<Vec<_>>>()?)
        }),
        ..alike.clone()
    };
    Some((0..count).map(host).collect())
}

/// The name of a pool's hosts: a number between two texts.
struct NamePattern {
    name: At<String>,
    before: String,
    /// The digits that the number has at least.
    width: usize,
    after: String,
}

impl NamePattern {
    fn expand(&self, number: u64) -> String {
        let NamePattern {
            before, width, after, ..
        } = self;
        format!("{before}{number:0width$}{after}")
    }
}

fn name_pattern(name: &At<String>, say: &Reporter) -> Option<NamePattern> {
    match parse_pattern(&name.value) {
        Ok((before, width, after)) => Some(NamePattern {
            name: name.clone(),
            before: before.to_owned(),
            width,
            after: after.to_owned(),
        }),
        Err(problem) => {
            cant_be(name, "the name of a pool's hosts", problem, codes::BAD_POOL_NAME, say);
            None
        }
    }
}

/// What stands before the number, its width, and what stands behind it.
fn parse_pattern(text: &str) -> Result<(&str, usize, &str), String> {
    let (before, rest) = text
        .split_once('{')
        .ok_or("it has no {n}, and they would all have one name")?;
    let (inside, after) = rest.split_once('}').ok_or("a brace is not closed")?;
    if before.contains('}') || after.contains(['{', '}']) {
        return Err("it has a brace besides those around the number".to_owned());
    }
    let width = match inside.split_once(':') {
        None if inside == "n" => 0,
        Some(("n", width)) => parse_width(width).ok_or_else(|| {
            format!("`{width}` is no width: a zero and the digits that the number has at least, from 1 to 63")
        })?,
        _ => return Err(format!("{{{inside}}} stands for nothing")),
    };
    Ok((before, width, after))
}

fn parse_width(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('0')?;
    let is_plain = !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit());
    let width = digits.parse().ok().filter(|_| is_plain)?;
    (1..=LONGEST_HOST_NAME).contains(&width).then_some(width)
}

fn host_count(count: &At<i64>, room: usize, say: &Reporter) -> Option<u64> {
    let problem = match usize::try_from(count.value) {
        Ok(hosts @ 1..=MOST_HOSTS) if hosts <= room => return u64::try_from(hosts).ok(),
        Ok(1..=MOST_HOSTS) => format!(
            "the pool's {} hosts and those of the pools before it are more than {MOST_HOSTS}",
            count.value
        ),
        _ => format!("a pool can't have {} hosts", count.value),
    };
    let hint = format!("write a number from 1 to {MOST_HOSTS}, which is also the most that all pools have together");
    say.at(&count.place, codes::OUT_OF_RANGE, problem).hint(hint);
    None
}

fn first_number(first: &At<i64>, say: &Reporter) -> Option<u64> {
    let number = u64::try_from(first.value).ok().filter(|first| *first <= HIGHEST_FIRST);
    if number.is_none() {
        let message = format!("{} can't be the number of a pool's first host", first.value);
        say.at(&first.place, codes::OUT_OF_RANGE, message)
            .hint(format!("write a number from 0 to {HIGHEST_FIRST}"));
    }
    number
}

/// Names differ in their digits alone, and the last has the most of them: what it may be, all may.
fn last_name_is_sound(pattern: &NamePattern, last: u64, say: &Reporter) -> bool {
    let name = pattern.expand(last);
    let Some(problem) = names::dns_name_problem(&name, LONGEST_HOST_NAME) else {
        return true;
    };
    let message = format!("\"{name}\", the pool's last, can't be a host's name: {problem}");
    say.at(&pattern.name.place, codes::BAD_HOST_NAME, message);
    false
}

/// Whether others can reach all of the addresses; of each family the first that is unusable is told.
fn addresses_are_sound<'a>(first_ip: impl Iterator<Item = &'a At<IpAddr>>, count: u64, say: &Reporter) -> bool {
    let mut sound = true;
    for first in first_ip {
        let problem = (0..count).find_map(|offset| {
            let host = offset + 1;
            let Some(address) = nth(first.value, offset) else {
                return Some(format!("there is no address for the pool's host {host} of {count}"));
            };
            let problem = values::address_problem(address)?;
            Some(format!(
                "{address}, for the pool's host {host} of {count}, can't be used: {problem}"
            ))
        });
        if let Some(problem) = problem {
            sound = false;
            let hint = "begin with another address, or make two pools of it: addresses are consecutive";
            say.at(&first.place, codes::BAD_ADDRESS, problem).hint(hint);
        }
    }
    sound
}

/// The address `offset` behind `first`, unless the family ends before.
fn nth(first: IpAddr, offset: u64) -> Option<IpAddr> {
    Some(match first {
        IpAddr::V4(first) => IpAddr::V4(u32::from(first).checked_add(u32::try_from(offset).ok()?)?.into()),
        IpAddr::V6(first) => IpAddr::V6(u128::from(first).checked_add(offset.into())?.into()),
    })
}

/// Leaves one of the findings at one place that differ in nothing but which hosts of a pool they name, and says how many
/// there are.
pub fn tell_once(draft: &Draft, say: &Reporter) {
    if draft.hosts.iter().all(|host| host.pool.is_none()) {
        return;
    }
    let members = Members::of(draft);
    let mut told: BTreeMap<_, usize> = BTreeMap::new();
    let mut kept: Vec<(Diagnostic, usize)> = Vec::new();
    for finding in say.take() {
        let place = finding
            .place
            .as_ref()
            .map(|place| (place.file.name.clone(), place.span.start, place.span.end));
        let (message, names_some) = members.without_names(&finding.message);
        match told.get(&(finding.code, place.clone(), message.clone())) {
            Some(first) => kept[*first].1 += usize::from(names_some),
            None => {
                told.insert((finding.code, place, message), kept.len());
                kept.push((finding, 0));
            }
        }
    }
    for (mut finding, more) in kept {
        if more > 0 {
            finding.message.push_str(&format!(" (and {more} more like it)"));
        }
        say.add(finding);
    }
}

/// The names and addresses of hosts, with the pools that they are in. One that several have is the first one's.
struct Members<'a> {
    names: BTreeMap<&'a str, Option<usize>>,
    addresses: BTreeMap<IpAddr, Option<usize>>,
}

impl<'a> Members<'a> {
    fn of(draft: &'a Draft) -> Members<'a> {
        let mut members = Members {
            names: BTreeMap::new(),
            addresses: BTreeMap::new(),
        };
        for host in &draft.hosts {
            for name in host.all_names() {
                members.names.entry(&name.value).or_insert(host.pool);
            }
            for address in host.all_addresses() {
                members.addresses.entry(address.value).or_insert(host.pool);
            }
        }
        members
    }

    /// The text with the number of the pool in place of each of its hosts, and whether there is any.
    fn without_names(&self, text: &str) -> (String, bool) {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-');
        let mut rest = text;
        let (mut without, mut names_some) = (String::new(), false);
        while let Some(start) = rest.find(is_of_word) {
            let word = &rest[start..];
            let word = &word[..word.find(|c| !is_of_word(c)).unwrap_or(word.len())];
            without.push_str(&rest[..start]);
            // A file's name may begin with a host's, and a sentence go on with a colon.
            let ends = word.rmatch_indices(['.', ':', '-']).map(|(end, _)| end);
            let found = std::iter::once(word.len())
                .chain(ends)
                .find_map(|end| Some((end, self.pool_of(&word[..end])?)));
            match found {
                Some((end, Some(pool))) => {
                    names_some = true;
                    without.push_str(&format!("\0{pool}\0{}", &word[end..]));
                }
                _ => without.push_str(word),
            }
            rest = &rest[start + word.len()..];
        }
        without.push_str(rest);
        (without, names_some)
    }

    /// The pool of the host that `word` names, which may be none.
    fn pool_of(&self, word: &str) -> Option<Option<usize>> {
        let address = || self.addresses.get(&word.parse().ok()?);
        self.names.get(word).or_else(address).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        for (text, first, last) in [
            ("{n}", "7", "12345"),
            ("a{n:01}", "a7", "a12345"),
            ("worker-{n:04}", "worker-0007", "worker-12345"),
            ("a-{n:010}.b", "a-0000000007.b", "a-0000012345.b"),
            ("{n:063}", &format!("{:063}", 7), &format!("{:063}", 12345)),
        ] {
            let name = At::default_value(text.to_owned());
            let pattern = name_pattern(&name, &Reporter::default()).expect(text);
            assert_eq!(
                (pattern.expand(7), pattern.expand(12_345)),
                (first.to_owned(), last.to_owned())
            );
        }
        for bad in [
            "",
            "a",
            "n",
            "a{}",
            "a{ n}",
            "a{N}",
            "a{0}",
            "a{n:}",
            "a{n:0}",
            "a{n:4}",
            "a{n:00}",
            "a{n:004}",
            "a{n:0+4}",
            "a{n:04x}",
            "a{n:0 4}",
            "a{n:064}",
            "a{n:099999999999999999999}",
            "a{n:04:04}",
            "a{n:-04}",
            "{{n}}",
            "a{n}}",
            "a}{n}",
            "{n}{n}",
            "{n",
            "n}",
        ] {
            assert!(parse_pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_end_with_their_family() {
        let next = |first: &str, offset| nth(first.parse().expect("an address"), offset).map(|ip| ip.to_string());
        assert_eq!(next("10.0.0.254", 3).as_deref(), Some("10.0.1.1"));
        assert_eq!(next("fd00::fffe", 3).as_deref(), Some("fd00::1:1"));
        assert_eq!(next("255.255.255.255", 1), None);
        assert_eq!(next("0.0.0.0", 1 << 32), None);
        assert_eq!(next("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1), None);
    }

    #[test]
    fn what_is_said_of_a_pool_is_the_same_for_all_of_it() {
        let members = Members {
            names: BTreeMap::from([("a", None), ("a-1", Some(0)), ("a-10", Some(0)), ("b-1", Some(1))]),
            addresses: BTreeMap::from([("fd00::1".parse().expect("an address"), Some(1))]),
        };
        let same = |one, other| members.without_names(one).0 == members.without_names(other).0;
        assert!(same("\"a-1\": a-1-key.pem", "\"a-10\": a-10-key.pem"));
        assert!(same("fd00::1: taken", "b-1: taken"));
        assert!(!same("a-1 taken", "b-1 taken"));
        assert!(!same("a taken", "a-1 taken"));
        assert_eq!(members.without_names("\u{e4}: a"), ("\u{e4}: a".to_owned(), false));
    }
}
