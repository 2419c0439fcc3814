//! Hosts that are alike, as one: of a thousand workers a reader wants to see one, and that there are a thousand.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::roles::Role;
use crate::found::{Found, FoundHost};

/// What stands for the name of the host in a path or a text that is told once for all hosts of a group.
pub const OF_HOST: &str = "{host}";
/// What stands for the names of other hosts, where a host has a file for each.
const OF_OTHERS: &str = "{each host}";

/// Hosts with the same roles, state and versions; where no manifest says so, with the same files but for their own names in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which hosts, in short: `w0001–w1000`.
    pub name: String,
    /// Sorted as people count: `w9` before `w10`.
    pub hosts: Vec<String>,
    /// What the manifests say of them; nothing where there are none.
    pub roles: Vec<String>,
    pub state: String,
    /// The releases of what runs there.
    pub kubernetes: String,
    pub etcd: String,
    pub containerd: String,
    /// The files of each host by their patterns, those beside the tree by their names.
    pub files: BTreeMap<String, GroupFile>,
}

/// What hosts of a group have at the paths of one pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFile {
    /// Which hosts have it with which permission bits; none where these are not kept.
    pub modes: BTreeMap<Option<u32>, BTreeSet<String>>,
    /// How many there are on a host at most.
    pub count: usize,
}

impl Group {
    /// Its name, with how many hosts it is where it is not one.
    pub fn title(&self) -> String {
        match self.hosts.len() {
            1 => self.name.clone(),
            count => format!("{} ({})", self.name, grouped(count)),
        }
    }
}

/// All groups, and which one each host is in.
#[derive(Debug)]
pub struct Groups {
    pub all: Vec<Group>,
    of: BTreeMap<String, usize>,
    addresses: BTreeMap<String, Vec<String>>,
    names: BTreeSet<String>,
}

impl Groups {
    pub(super) fn of(found: &Found) -> Groups {
        let names: BTreeSet<String> = found.hosts.iter().map(|host| host.name.clone()).collect();
        let mut groups: BTreeMap<_, Vec<&FoundHost>> = BTreeMap::new();
        for host in &found.hosts {
            let about = &host.about;
            // Of a host without a manifest its files say what it is.
            let files = match about.roles.is_empty() {
                true => host
                    .files
                    .keys()
                    .map(|path| path_pattern(&host.name, path, &names))
                    .collect(),
                false => BTreeSet::new(),
            };
            // A manifest names the releases of the whole cluster.
            let runs = |roles: &[Role], release: &String| {
                let is_one = |role: &String| roles.iter().any(|one| one.name() == role);
                match about.roles.is_empty() || about.roles.iter().any(is_one) {
                    true => release.clone(),
                    false => String::new(),
                }
            };
            let key = (
                rank(&about.roles),
                about.roles.clone(),
                about.state.clone(),
                runs(&[Role::ControlPlane, Role::Worker], &about.kubernetes),
                runs(&[Role::Etcd], &about.etcd),
                runs(&[Role::Worker], &about.containerd),
                files,
            );
            groups.entry(key).or_default().push(host);
        }
        let mut all: Vec<(usize, Group)> = groups
            .into_iter()
            .map(|((rank, roles, state, kubernetes, etcd, containerd, _), found)| {
                let mut hosts: Vec<String> = found.iter().map(|host| host.name.clone()).collect();
                hosts.sort_by_cached_key(|name| counted(name));
                let group = Group {
                    name: span(&hosts),
                    hosts,
                    roles,
                    state,
                    kubernetes,
                    etcd,
                    containerd,
                    files: files_of(&found, &names),
                };
                (rank, group)
            })
            .collect();
        all.sort_by_cached_key(|(rank, group)| (*rank, group.hosts.first().map(|name| counted(name))));
        let all: Vec<Group> = all.into_iter().map(|(_, group)| group).collect();
        let of = all
            .iter()
            .enumerate()
            .flat_map(|(index, group)| group.hosts.iter().map(move |host| (host.clone(), index)))
            .collect();
        let addresses = found
            .hosts
            .iter()
            .map(|host| (host.name.clone(), host.about.addresses.clone()))
            .collect();
        Groups {
            all,
            of,
            addresses,
            names,
        }
    }

    /// The place of a host's group; none of a host that is not here.
    pub(super) fn at(&self, host: &str) -> Option<usize> {
        self.of.get(host).copied()
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.of.len()
    }

    /// A text about a host as it would be about any of its group: without its name and addresses.
    pub(super) fn pattern(&self, host: &str, text: &str) -> String {
        let own = self.addresses.get(host).into_iter().flatten();
        let text = own.fold(text.to_owned(), |text, address| replaced(&text, address, "{address}"));
        replaced(&text, host, OF_HOST)
    }

    /// A path of a host, likewise; and with what stands for other hosts.
    pub(super) fn path_pattern(&self, host: &str, path: &str) -> String {
        path_pattern(host, path, &self.names)
    }

    /// What a group has at a pattern, in words: its permission bits, and which hosts have them where not all do.
    pub(super) fn cell(&self, group: &Group, file: &GroupFile) -> Vec<String> {
        let told = file.modes.iter().map(|(mode, hosts)| {
            let mode = mode.map_or_else(|| "yes".to_owned(), |mode| format!("{mode:04o}"));
            let count = match file.count {
                1 => String::new(),
                count => format!(" ×{}", grouped(count)),
            };
            let without = || {
                group
                    .hosts
                    .iter()
                    .filter(|host| !hosts.contains(*host))
                    .map(String::as_str)
            };
            let on = match group.hosts.len() - hosts.len() {
                0 => String::new(),
                some if some < hosts.len() => format!(" not {}", self.span_of(without())),
                _ => format!(" {} only", self.span_of(hosts.iter().map(String::as_str))),
            };
            format!("{mode}{count}{on}")
        });
        told.collect()
    }

    /// Names of hosts, in short.
    pub(super) fn span_of<'a>(&self, hosts: impl IntoIterator<Item = &'a str>) -> String {
        let mut hosts: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
        hosts.sort_by_cached_key(|name| counted(name));
        hosts.dedup();
        span(&hosts)
    }
}

/// The order of groups: who keeps the cluster first.
fn rank(roles: &[String]) -> usize {
    const ORDER: [&str; 5] = ["control-plane", "etcd", "worker", "load-balancer", "admin"];
    let first = ORDER.iter().position(|role| roles.iter().any(|own| own == role));
    first.unwrap_or(ORDER.len())
}

fn files_of(hosts: &[&FoundHost], names: &BTreeSet<String>) -> BTreeMap<String, GroupFile> {
    let mut files: BTreeMap<String, GroupFile> = BTreeMap::new();
    for host in hosts {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let in_tree = host
            .files
            .iter()
            .map(|(path, file)| (path_pattern(&host.name, path, names), file.mode));
        let beside = host.files_beside().map(|(path, mode)| (path.to_owned(), mode));
        for (pattern, mode) in in_tree.chain(beside) {
            let file = files.entry(pattern.clone()).or_default();
            file.modes.entry(mode).or_default().insert(host.name.clone());
            let count = counts.entry(pattern).or_default();
            *count += 1;
            file.count = file.count.max(*count);
        }
    }
    files
}

/// A path with what stands for the name of a host at the beginning of its last part.
fn path_pattern(host: &str, path: &str, names: &BTreeSet<String>) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let ends = file.match_indices(['-', '.']).map(|(at, _)| at);
    let longest = ends.filter(|at| names.contains(&file[..*at])).max();
    // Programs and kinds of files are called so too, as hosts may be.
    const OTHERS: [&str; 12] = [
        "admin",
        "ca",
        "etcd",
        "kubelet",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubernetes",
        "containerd",
        "haproxy",
        "nginx",
    ];
    match longest {
        Some(at) if !OTHERS.contains(&&file[..at]) => {
            let stands = if &file[..at] == host { OF_HOST } else { OF_OTHERS };
            format!("{folder}/{stands}{}", &file[at..])
        }
        _ => path.to_owned(),
    }
}

/// A text with something in the place of a word, wherever that stands by itself.
fn replaced(text: &str, word: &str, by: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '{';
    while let Some(at) = rest.find(word).filter(|_| !word.is_empty()) {
        let before = rest[..at].chars().next_back().or_else(|| result.chars().next_back());
        let end = at + word.len();
        let after = rest[end..].chars().next();
        let stands_alone = !before.is_some_and(is_part) && !after.is_some_and(is_part);
        result.push_str(&rest[..at]);
        result.push_str(if stands_alone { by } else { word });
        rest = &rest[end..];
    }
    result + rest
}

/// How names are sorted: what stands before their number, then the number, then what stands behind.
pub(super) fn counted(name: &str) -> (String, u64, String) {
    match split(name) {
        Some((before, number, _)) => (before.to_owned(), number, name.to_owned()),
        None => (name.to_owned(), 0, String::new()),
    }
}

/// A name without the number at its end, the number, and how many digits it has.
fn split(name: &str) -> Option<(&str, u64, usize)> {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, number) = name.split_at(name.len() - digits);
    Some((before, number.parse().ok()?, digits))
}

/// The most parts of a span; what is more is counted.
const PARTS: usize = 3;

/// Sorted names, in short: those that follow each other are the first and the last.
fn span(names: &[String]) -> String {
    let mut runs: Vec<(&str, &str, usize)> = Vec::new();
    for name in names {
        let follows = |last: &str| match (split(last), split(name)) {
            (Some((one, last, digits)), Some((other, next, others))) => {
                one == other && next == last + 1 && (digits == others || last.to_string().len() == digits)
            }
            _ => false,
        };
        match runs.last_mut() {
            Some((_, last, count)) if follows(last) => {
                *last = name;
                *count += 1;
            }
            _ => runs.push((name, name, 1)),
        }
    }
    let shown = runs.iter().take(PARTS).map(|(first, last, count)| match count {
        1 => (*first).to_owned(),
        2 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    });
    let text = shown.collect::<Vec<_>>().join(", ");
    match runs.iter().skip(PARTS).map(|(_, _, count)| count).sum::<usize>() {
        0 => text,
        more => format!("{text} and {} more", grouped(more)),
    }
}

/// A number as people read it: `12,000`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_follow_each_other_are_told_by_the_first_and_the_last() {
        let span = |names: &[&str]| super::span(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(span(&["a"]), "a");
        assert_eq!(span(&["m1", "m2", "m3"]), "m1–m3");
        assert_eq!(span(&["m1", "m2"]), "m1, m2");
        assert_eq!(span(&["w0009", "w0010", "w0011"]), "w0009–w0011");
        assert_eq!(span(&["w9", "w10", "w11"]), "w9–w11");
        assert_eq!(span(&["a", "b", "c", "d", "m1", "m2"]), "a, b, c and 3 more");
    }

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(
            replaced("system:node:n1, n1, n10", "n1", "{host}"),
            "system:node:{host}, {host}, n10"
        );
        assert_eq!(
            replaced("10.0.0.1 10.0.0.11", "10.0.0.1", "{address}"),
            "{address} 10.0.0.11"
        );
        assert_eq!(replaced("aa", "a", "{host}"), "aa");
    }

    #[test]
    fn a_path_is_of_its_host_or_of_another() {
        let names = BTreeSet::from(["n1".to_owned(), "n1-b".to_owned(), "admin".to_owned()]);
        let pattern = |path| path_pattern("n1", path, &names);
        assert_eq!(pattern("/etc/n1-key.pem"), "/etc/{host}-key.pem");
        assert_eq!(pattern("/etc/n1-b-key.pem"), "/etc/{each host}-key.pem");
        assert_eq!(pattern("/root/admin.kubeconfig"), "/root/admin.kubeconfig");
    }

    #[test]
    fn numbers_are_read_by_thousands() {
        assert_eq!(
            (grouped(7), grouped(999), grouped(12000)),
            ("7".into(), "999".into(), "12,000".into())
        );
    }
}
