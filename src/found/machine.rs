//! A machine that bundles were installed on, or a copy of its files: of the many that it has, which can be of a bundle.

use std::collections::BTreeSet;

use super::node::{FoundNode, FoundNodes};

/// What a symbolic link is called that is noted and not followed.
pub const LINK: &str = "symbolic link";
/// Where `install.sh` keeps its journals, without the slash before it.
pub const STORE: &str = "var/backups/khw-gen";
/// A name of its own for a machine that is read from its root.
pub(super) const HOSTNAME: &str = "etc/hostname";
/// Where an administrator's units are.
const UNITS: &str = "etc/systemd/system/";
/// Where packages have theirs (systemd.unit(5)).
const UNITS_OF_PACKAGES: [&str; 3] = [
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Folders in which a bundle's files may be that are named in others; never those of programs, of people or of the kernel.
const WHERE_FILES_ARE_NAMED: &[&str] = &["etc", "var", "root", "opt", "srv"];
/// What a file is called that is read for what it says.
const READ_BY_THEIR_NAMES: &[&str] = &[
    ".pem",
    ".crt",
    ".key",
    ".csr",
    ".pub",
    ".yaml",
    ".yml",
    ".json",
    ".conflist",
    ".kubeconfig",
    "/kubeconfig",
];
/// Flags that give a program a configuration: what they name is read as one, whatever it is called.
pub const NAME_A_CONFIGURATION: [&str; 8] = [
    "config",
    "config-file",
    "audit-policy-file",
    "authentication-config",
    "authorization-config",
    "admission-control-config-file",
    "encryption-provider-config",
    "experimental-encryption-provider-config",
];
/// No unit and no document is longer that names others.
const LONGEST_TO_SEARCH: usize = 1 << 20;

/// The paths of a machine that are looked at, without a slash at their beginning.
#[derive(Clone, Debug)]
pub struct Places {
    /// A bundle's own: whatever is there is noted, a link too.
    own: Vec<Place>,
    /// Where others have their files as well: plain files are read, and links are not a bundle's matter.
    shared: Vec<Place>,
    /// Named by files that were read.
    named: BTreeSet<String>,
    /// Whether keys are looked for beside the certificates that are named.
    with_keys: bool,
}

/// A path in pieces; one in braces stands for any text.
#[derive(Clone, Debug)]
struct Place(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Exact(String),
    Between(String, String),
}

impl Piece {
    fn new(text: &str) -> Piece {
        match (text.split_once('{'), text.split_once('}')) {
            (Some((before, _)), Some((_, after))) => Piece::Between(before.to_owned(), after.to_owned()),
            _ => Piece::Exact(text.to_owned()),
        }
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Piece::Exact(exact) => name == exact,
            Piece::Between(before, after) => {
                name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
            }
        }
    }
}

impl Place {
    fn new(path: &str) -> Place {
        Place(path.trim_matches('/').split('/').map(Piece::new).collect())
    }

    /// Whether a path is this one (`Some(0)`) or on the way to it, and then how far it is from it.
    fn distance(&self, path: &str) -> Option<usize> {
        let mut pieces = self.0.iter();
        let leads = path
            .split('/')
            .all(|name| pieces.next().is_some_and(|piece| piece.is(name)));
        leads.then(|| pieces.len())
    }
}

impl Places {
    /// `own` are the paths that a bundle's files can have, as the tables write them: `/var/lib/kubelet/{host}.pem`.
    pub fn new(own: impl IntoIterator<Item = String>) -> Places {
        let with_drop_ins = |path: String| {
            // systemd.unit(5): what lies in this folder changes what the unit says, whoever put it there.
            let is_unit = path.starts_with(&format!("/{UNITS}")) && path.ends_with(".service");
            let drop_ins = is_unit.then(|| Place::new(&format!("{path}.d/{{name}}.conf")));
            std::iter::once(Place::new(&path)).chain(drop_ins)
        };
        Places {
            own: own.into_iter().flat_map(with_drop_ins).collect(),
            shared: [
                "etc/systemd/system/{unit}.service",
                "var/backups/khw-gen/{run}/JOURNAL",
                HOSTNAME,
            ]
            .map(Place::new)
            .to_vec(),
            named: BTreeSet::new(),
            with_keys: false,
        }
    }

    /// With the paths at which others than khw-gen put a cluster's files: those are read, and links there are no bundle's matter.
    #[must_use]
    pub fn and_of_others(mut self, paths: impl IntoIterator<Item = String>) -> Places {
        self.shared.extend(paths.into_iter().map(|path| Place::new(&path)));
        self
    }

    /// With the key that lies beside a certificate which something names: nothing names that of an authority where it only lies.
    #[must_use]
    pub fn with_keys_beside(self) -> Places {
        Places {
            with_keys: true,
            ..self
        }
    }

    /// With the units of that name that packages bring, and their drop-ins; `{…}` in a name stands for any text. A link there is a package's
    /// matter, and so is that which leads from `/lib` to `/usr/lib`.
    #[must_use]
    pub fn with_units_of_packages<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Places {
        for name in names {
            let units = UNITS_OF_PACKAGES.iter().flat_map(|folder| {
                ["", ".d/{part}.conf"].map(|more| Place::new(&format!("{folder}/{name}.service{more}")))
            });
            self.shared.extend(units);
        }
        self
    }

    /// Whether something at a path is looked at. A link is, where it or something below it would be a bundle's own.
    pub fn hold(&self, path: &str, is: NodeKind) -> bool {
        let own = || self.own.iter().filter_map(|place| place.distance(path));
        let below = || format!("{path}/");
        let leads_to_named = || {
            let below = below();
            self.named
                .range(below.clone()..)
                .next()
                .is_some_and(|named| named.starts_with(&below))
        };
        match is {
            NodeKind::Folder => {
                own().next().is_some()
                    || leads_to_named()
                    || self.shared.iter().any(|place| place.distance(path).is_some())
            }
            NodeKind::Link => own().next().is_some() || self.named.contains(path) || leads_to_named(),
            NodeKind::File => {
                own().any(|distance| distance == 0)
                    || self.named.contains(path)
                    || self.shared.iter().any(|place| place.distance(path) == Some(0))
            }
        }
    }

    /// Adds what files that were read name, and says whether that is anything new.
    pub fn add_named_in(&mut self, nodes: &FoundNodes) -> bool {
        let before = self.named.len();
        for (path, node) in nodes {
            if !self.is_others(path, node) {
                // A file of variables is known by the unit that names it alone.
                let starts = is_of_units(path) || self.named.contains(path) && !is_read_by_its_name(path);
                let given = text_of(node).filter(|_| starts).into_iter().flat_map(given_in);
                let given: Vec<String> = given.map(str::to_owned).collect();
                for path in named_by(path, node).into_iter().chain(given) {
                    let keys = key_files_of(&path).into_iter().filter(|_| self.with_keys);
                    self.named.extend(keys.flatten());
                    self.named.insert(path);
                }
            }
        }
        self.named.len() > before
    }

    /// Takes out what is in a shared place and is of somebody else: units that name nothing of a bundle.
    pub fn without_others(&self, mut nodes: FoundNodes) -> FoundNodes {
        nodes.retain(|path, node| !self.is_others(path, node));
        nodes
    }

    /// Takes out the links that are none of a bundle's files and lead to none, of trees of files that were copied off machines: of these all
    /// was read, in a tree or in one for each host.
    pub fn without_others_links(&self, mut nodes: FoundNodes) -> FoundNodes {
        if !nodes
            .values()
            .any(|node| matches!(node, FoundNode::Other { what } if *what == LINK))
        {
            return nodes;
        }
        let mut known = self.clone();
        for (path, node) in &nodes {
            known.named.extend(named_by(path, node));
        }
        nodes.retain(|path, node| {
            let in_host = path.split_once('/').map(|(_, below)| below);
            let trees = [Some(path.as_str()), in_host].into_iter().flatten();
            let is_link = matches!(node, FoundNode::Other { what } if *what == LINK);
            let is_kept = |path: &str| known.hold(path, NodeKind::Link) || known.is_about_unit(path);
            let mut trees = trees.filter(|path| is_of_root(path)).peekable();
            // In a folder of certificates alone whatever lies there is meant.
            !is_link || trees.peek().is_none() || trees.any(is_kept)
        });
        nodes
    }

    /// Whether what lies at a path changes what systemd makes of a unit of a bundle: in its drop-ins, or called like it.
    fn is_about_unit(&self, path: &str) -> bool {
        let Some(below) = path.strip_prefix(UNITS) else {
            return false;
        };
        let units = self.own.iter().filter_map(|place| match place.0.as_slice() {
            [.., Piece::Exact(unit)] if unit.ends_with(".service") => Some(unit),
            _ => None,
        });
        let names = || below.split('/').map(|name| name.strip_suffix(".d").unwrap_or(name));
        units.into_iter().any(|unit| names().any(|name| name == unit))
    }

    fn is_others(&self, path: &str, node: &FoundNode) -> bool {
        let FoundNode::File { content, .. } = node else {
            return false;
        };
        let is_own =
            |path: &str| self.named.contains(path) || self.own.iter().any(|place| place.distance(path) == Some(0));
        if !path.starts_with(UNITS) || is_own(path) {
            return false;
        }
        let text = String::from_utf8_lossy(content.expose());
        !paths_in(&text).any(is_own)
    }
}

/// Whether a path is one below a machine's root.
fn is_of_root(path: &str) -> bool {
    let top = path.split_once('/').map(|(top, _)| top);
    top.is_some_and(|top| WHERE_FILES_ARE_NAMED.contains(&top) || ["usr", "lib"].contains(&top))
}

/// What something on a machine is, as far as it decides whether it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A file.
    File,
}

/// Paths that a file names, as far as they can be a bundle's: all in a journal, elsewhere what is called like something that is read.
fn named_by(path: &str, node: &FoundNode) -> BTreeSet<String> {
    let Some(text) = text_of(node) else {
        return BTreeSet::new();
    };
    if is_journal(path) {
        let installed = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let is_file = matches!(words.next(), Some("file" | "replaced" | "again"));
            let path = words.nth(1)?.trim_start_matches('/');
            (is_file && !path.is_empty()).then(|| path.to_owned())
        };
        return text.lines().filter_map(installed).collect();
    }
    let could_be_a_bundles = |path: &&str| is_where_files_are_named(path);
    let could_be_read = |path: &&str| is_read_by_its_name(path);
    let named = paths_in(text).filter(could_be_read).chain(configurations_in(text));
    named.filter(could_be_a_bundles).map(str::to_owned).collect()
}

/// What a text names as the configuration of a program, likewise.
fn configurations_in(text: &str) -> impl Iterator<Item = &str> {
    NAME_A_CONFIGURATION.iter().flat_map(move |flag| {
        let at = text.match_indices(flag).map(|(at, _)| text.split_at(at));
        let behind = at.filter(|(before, _)| before.ends_with("--"));
        let behind = behind.filter_map(move |(_, from)| from.strip_prefix(flag));
        behind.filter_map(|behind| paths_in(behind.strip_prefix(['=', ' '])?.split_whitespace().next()?).next())
    })
}

/// What the file of a key is called whose certificate's is at a path.
fn key_files_of(path: &str) -> Option<[String; 2]> {
    let stem = [".pem", ".crt"].iter().find_map(|end| path.strip_suffix(end))?;
    Some([format!("{stem}-key.pem"), format!("{stem}.key")])
}

/// What a file says that is short enough to be searched for paths.
fn text_of(node: &FoundNode) -> Option<&str> {
    let FoundNode::File { content, .. } = node else {
        return None;
    };
    let bytes = content.expose();
    std::str::from_utf8(bytes)
        .ok()
        .filter(|_| bytes.len() <= LONGEST_TO_SEARCH)
}

fn is_where_files_are_named(path: &str) -> bool {
    WHERE_FILES_ARE_NAMED.contains(&path.split('/').next().unwrap_or_default())
}

fn is_read_by_its_name(path: &str) -> bool {
    READ_BY_THEIR_NAMES.iter().any(|end| path.ends_with(end))
}

/// Whether it is a unit, or a drop-in of one.
fn is_of_units(path: &str) -> bool {
    path.contains("systemd/system/") && [".service", ".conf"].iter().any(|end| path.ends_with(end))
}

/// What a program of a unit is given to read, whatever that is called: the files of `EnvironmentFile=` and the values of flags, but for
/// programs. What is called like what nobody reads is not: binaries, logs, sockets.
fn given_in(text: &str) -> impl Iterator<Item = &str> {
    let assigned = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
    let given = assigned.flat_map(|line| {
        let starts = line.trim_start().starts_with("Exec");
        line.split('=').skip(if starts { 2 } else { 1 })
    });
    let given = given.flat_map(|after| {
        paths_in(
            after
                .trim_start_matches(['-', '"', '\''])
                .split([' ', '\t'])
                .next()
                .unwrap_or_default(),
        )
    });
    given.filter(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_text = !name.contains('.') || [".conf", ".cfg", ".env", ".yml"].iter().any(|end| name.ends_with(end));
        is_text
            && is_where_files_are_named(path)
            && !path
                .split('/')
                .any(|part| ["bin", "sbin", "log", "run"].contains(&part))
    })
}

/// Absolute paths in a text, without the slash at their beginning.
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    let is_in_path = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    text.split(move |c| !is_in_path(c))
        .filter_map(|word| word.strip_prefix('/'))
        .filter(|path| path.split('/').all(|name| !["", ".", ".."].contains(&name)))
}

/// Whether a path is where `install.sh` keeps its journals and copies.
pub(super) fn is_in_store(path: &str) -> bool {
    path.strip_prefix(STORE)
        .is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

fn is_journal(path: &str) -> bool {
    is_in_store(path) && path.ends_with("/JOURNAL")
}

/// Whether a journal says that a run of `install.sh` put a file there.
pub(super) fn was_installed(path: &str, nodes: &FoundNodes) -> bool {
    let mut journals = nodes.iter().filter(|(path, _)| is_journal(path));
    journals.any(|(journal, node)| named_by(journal, node).contains(path))
}

/// What a machine is called: as the newest bundle that was installed says, or its own file.
pub(super) fn name_of_machine(nodes: &FoundNodes) -> Option<String> {
    let text = |path: &str| match nodes.get(path) {
        Some(FoundNode::File { content, .. }) => std::str::from_utf8(content.expose()).ok(),
        _ => None,
    };
    let journals = nodes.keys().filter(|path| is_journal(path)).filter_map(|path| {
        let run: u64 = path.strip_prefix(STORE)?.split('/').nth(1)?.parse().ok()?;
        let host = text(path)?.lines().next()?.rsplit_once("journal of ")?.1;
        Some((run, host))
    });
    let newest = journals.max().map(|(_, host)| host);
    let could_be_host =
        |name: &&str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-'));
    newest
        .or_else(|| text(HOSTNAME).map(str::trim))
        .filter(could_be_host)
        .map(str::to_owned)
}

/// The file beside it that a link leads to which a kubelet keeps to the newest of its certificates: `kubelet-client-current.pem` to
/// `kubelet-client-2026-11-30-06-46-11.pem` (`certificate.FileStore` of k8s.io/client-go). `path` is that of the link, in a tree.
pub fn newest_of_store<'t>(path: &str, target: &'t str) -> Option<&'t str> {
    let (folder, name) = path.rsplit_once('/')?;
    let pair = name.strip_suffix("-current.pem")?;
    let (target_folder, target_name) = target.rsplit_once('/').unwrap_or(("", target));
    let is_beside =
        target_folder.is_empty() || target_folder.starts_with('/') && format!("/{folder}").ends_with(target_folder);
    let dated = target_name
        .strip_prefix(pair)?
        .strip_prefix('-')?
        .strip_suffix(".pem")?;
    let is_date = !dated.is_empty() && dated.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (is_beside && is_date).then_some(target_name)
}

/// Whether a link is one of systemd's own. That of a unit that is enabled (systemd.unit(5), `WantedBy=`) is in a folder of wishes, and called
/// as the unit that it leads to; that of a masked drop-in leads to /dev/null. `path` is that in a tree of a machine, or in a folder of such trees.
pub fn is_of_systemd(path: &str, target: &str) -> bool {
    let in_tree = match path.split_once('/') {
        Some((top, below)) if top != "rootfs" && !path.starts_with(UNITS) => below,
        _ => path,
    };
    let Some(below) = in_tree.strip_prefix(UNITS) else {
        return false;
    };
    // A drop-in that is masked is as if a package had not brought it (systemd.unit(5)). A masked unit can't be started, and stays a finding.
    if target == "/dev/null" && below.ends_with(".conf") {
        return true;
    }
    let Some((wishes, unit)) = below.split_once('/') else {
        return false;
    };
    let is_wish = [".wants", ".requires", ".upholds"]
        .iter()
        .any(|end| wishes.ends_with(end));
    let Some((folder, name)) = target.rsplit_once('/') else {
        return false;
    };
    let holds_units = [
        "..",
        "/etc/systemd/system",
        "/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/usr/local/lib/systemd/system",
    ];
    is_wish && name == unit && holds_units.contains(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without an ending is looked for where a flag names it as a configuration, and nowhere else.
    #[test]
    fn configurations_are_named_by_flags() {
        let text = "ExecStart=/usr/bin/kubelet --config=/opt/k/kubelet.config --config-dir=/opt/k/d --kubeconfig=/opt/k/kc \\\n \
                    --audit-policy-file '/etc/k/policy' --log-dir=/var/log/k\nOPTS=\"--config=/srv/k/proxy\"\n";
        let all: BTreeSet<&str> = configurations_in(text).collect();
        assert_eq!(
            all,
            BTreeSet::from(["etc/k/policy", "opt/k/kubelet.config", "srv/k/proxy"])
        );
    }
}
