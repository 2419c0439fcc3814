//! A part of a fleet: which hosts are built, and the list in a partial output that says what it is a part of.
//!
//! Pure. Nothing of the list is secret: names of hosts, and the identity of the whole build.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::bundle::check_path;
use crate::cluster::{Cluster, Host};
use crate::manifest::LineError;

/// The name of the list, at the top of a partial output; a whole one has none.
pub const PART: &str = "PART";

const HEADER: &str = "# khw-gen part 1: the hosts of a fleet, + those that are here; khw-gen merge joins the parts";
const WHOLE: &str = "whole ";
const HOSTS: &str = "hosts ";
const HERE: &str = "+ ";
const ELSEWHERE: &str = "- ";
const END: &str = "# end";

/// The hosts that a build makes, in the order of the cluster.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    cluster: &'a Cluster,
    hosts: Vec<&'a Host>,
    is_part: bool,
}

/// One of several parts of about the same size: `3/8` is the third of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let digits = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().ok(),
            false => None,
        };
        let parsed: Option<(u32, u32)> = text
            .split_once('/')
            .and_then(|(number, of)| Some((digits(number)?, digits(of)?)));
        match parsed {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
            _ => Err("a shard is written I/N, the first of eight 1/8 and the last 8/8".to_owned()),
        }
    }
}

impl<'a> Selection<'a> {
    /// All hosts: the output is whole.
    pub fn whole(cluster: &'a Cluster) -> Selection<'a> {
        Selection {
            cluster,
            hosts: cluster.hosts.iter().collect(),
            is_part: false,
        }
    }

    /// The hosts of these names; a name that is given twice counts once.
    ///
    /// Errors: the names that no host has.
    pub fn named<'n>(cluster: &'a Cluster, names: &[&'n str]) -> Result<Selection<'a>, Vec<&'n str>> {
        let known: BTreeSet<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
        let unknown: Vec<&str> = names.iter().copied().filter(|name| !known.contains(name)).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let wanted: BTreeSet<&str> = names.iter().copied().collect();
        let hosts = cluster.hosts.iter();
        Ok(Selection {
            cluster,
            hosts: hosts.filter(|host| wanted.contains(host.name.as_str())).collect(),
            is_part: true,
        })
    }

    /// The hosts of a shard: each is the next piece of the cluster's hosts, and none has more than one more than another.
    pub fn shard(cluster: &'a Cluster, shard: Shard) -> Selection<'a> {
        // Neither number is beyond 32 bits, so the product fits.
        let end = |number: u32| (cluster.hosts.len() as u128 * u128::from(number) / u128::from(shard.of)) as usize;
        let hosts = cluster.hosts.iter().take(end(shard.number)).skip(end(shard.number - 1));
        Selection {
            cluster,
            hosts: hosts.collect(),
            is_part: true,
        }
    }

    /// The hosts to make.
    pub(crate) fn hosts(&self) -> &[&'a Host] {
        &self.hosts
    }

    /// Whether the output says what it is a part of; it does where only some hosts were asked for, even if that are all.
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// What a partial output says of itself; `whole` is the identity of the whole build.
    pub fn list(&self, whole: String) -> PartList {
        let here: BTreeSet<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
        let hosts = self.cluster.hosts.iter();
        PartList {
            whole,
            hosts: hosts
                .map(|host| (host.name.clone(), here.contains(host.name.as_str())))
                .collect(),
        }
    }
}

/// What a partial output says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartList {
    /// The identity of the whole build.
    pub whole: String,
    /// Every host of the whole, and whether it is in this part.
    pub hosts: BTreeMap<String, bool>,
}

impl PartList {
    /// The hosts that are in this part.
    pub fn here(&self) -> impl Iterator<Item = &str> {
        self.hosts
            .iter()
            .filter(|(_, here)| **here)
            .map(|(name, _)| name.as_str())
    }

    /// The text of the list: a header, the identity, how many hosts there are, a line for each, an end mark.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\n{WHOLE}{}\n{HOSTS}{}\n", self.whole, self.hosts.len());
        for (name, here) in &self.hosts {
            text.push_str(if *here { HERE } else { ELSEWHERE });
            text.push_str(name);
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
        text
    }

    /// Reads back what [`PartList::text`] wrote, and nothing else.
    pub fn parse(text: &str) -> Result<PartList, LineError> {
        let mut lines = text.lines().zip(1..);
        let mut after = |start: &'static str, line: usize, expected: &'static str| {
            let found = lines.next().and_then(|(text, _)| text.strip_prefix(start));
            found.ok_or(LineError { line, expected })
        };
        after(HEADER, 1, "the header of the list of a part that this khw-gen knows")?;
        let expected = "the identity of the whole, as 64 digits";
        let whole = after(WHOLE, 2, expected)?;
        if whole.len() != 64 || !whole.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(LineError { line: 2, expected });
        }
        let expected = "the number of hosts";
        let count: usize = after(HOSTS, 3, expected)?
            .parse()
            .map_err(|_| LineError { line: 3, expected })?;
        let mut hosts = BTreeMap::new();
        for line in 4.. {
            let error = |expected| LineError { line, expected };
            let text = after("", line, "its end mark")?;
            if text == END {
                break;
            }
            let (name, here) = match (text.strip_prefix(HERE), text.strip_prefix(ELSEWHERE)) {
                (Some(name), _) => (name, true),
                (_, Some(name)) => (name, false),
                (None, None) => return Err(error("a host")),
            };
            if name.contains('/') || check_path(name).is_err() {
                return Err(error("a host with a plain name"));
            }
            if hosts.insert(name.to_owned(), here).is_some() {
                return Err(error("a host that is new"));
            }
        }
        let list = PartList {
            whole: whole.to_owned(),
            hosts,
        };
        if list.hosts.len() != count {
            return Err(LineError { line: 3, expected });
        }
        if list.text() != text {
            return Err(LineError {
                line: count + 4,
                expected: "the end of a list in order",
            });
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> PartList {
        PartList {
            whole: "0123456789abcdef".repeat(4),
            hosts: BTreeMap::from([
                ("a".to_owned(), true),
                ("b-1".to_owned(), false),
                ("c".to_owned(), true),
            ]),
        }
    }

    #[test]
    fn a_list_is_read_back() {
        let list = list();
        assert_eq!(PartList::parse(&list.text()), Ok(list.clone()));
        assert_eq!(list.here().collect::<Vec<_>>(), ["a", "c"]);
        let empty = PartList {
            hosts: BTreeMap::new(),
            ..list
        };
        assert_eq!(PartList::parse(&empty.text()), Ok(empty));
    }

    #[test]
    fn what_is_not_a_whole_list_is_told_by_its_line() {
        let text = list().text();
        for (from, to, line) in [
            ("part 1", "part 2", 1),
            ("whole 0", "whole G", 2),
            ("whole 0", "whole ", 2),
            ("hosts 3", "hosts 2", 3),
            ("hosts 3", "hosts three", 3),
            ("hosts 3", "hosts 03", 7),
            ("+ a", "* a", 4),
            ("+ a", "+ ../a", 4),
            ("+ a", "+ ", 4),
            ("- b-1", "- a", 5),
            ("# end\n", "", 7),
            ("# end\n", "# end", 7),
            ("# end\n", "# end\n# end\n", 7),
            ("+ a\n- b-1\n", "- b-1\n+ a\n", 7),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(PartList::parse(&changed).unwrap_err().line, line, "{from} -> {to}");
        }
        for end in 0..text.len() {
            assert!(PartList::parse(&text[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn shards_are_read_strictly() {
        for text in ["1/1", "3/8", "8/8", "1/4294967295"] {
            assert!(text.parse::<Shard>().is_ok(), "{text}");
        }
        for text in [
            "0/1",
            "2/1",
            "1",
            "/",
            "1/",
            "/1",
            "+1/2",
            "1/2/3",
            " 1/2",
            "-1/2",
            "1/0",
            "0/0",
            "a/b",
            "1/4294967296",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
