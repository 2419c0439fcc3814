//! Which command-line flags and configuration fields each release of each component knows: what the tables say.
//!
//! The tables are made from the components' source by `tests/flags/extract.sh` and are never edited by hand; only
//! `INSTEAD` is written by hand. Kubernetes minors are those of 1.x (14 is 1.14), etcd's those of 3.x (5 is 3.5).
//!
//! `flags.tsv`, one line for each run of minors with nothing missing between: component, flag, first minor, last minor,
//! what it takes (a word of `ValueType`; with `bool` and `switch` it needs no value), deprecated since (`19`, or `19-28` if that was
//! taken back), and `minor.patch` for each minor whose first patches lack it. `fields.tsv` likewise: kind/version, dotted path,
//! first minor, last minor, what it takes. `other-fields.tsv` has the same columns for files whose programs are not Kubernetes' own:
//! containerd's configuration (1.7's, 2.3's and 2.4's `cri/config`, `server/config`, the servers' plugins and runc's options), crictl's, those of CNI and its
//! plugins (1.7). It is written by hand, and holds for every release. `gates.tsv` likewise: `kubernetes`, or the program that alone knows
//! it, feature gate, first minor, last minor, and what it is in these: `off`, `on`, `locked-off`, `locked-on`. `gates-need.tsv`: feature gate,
//! another without which it may not be on, first minor, last minor, and how mature the two are in these. `-` is an open end: as far as
//! the tables reach.

use std::sync::LazyLock;

use super::tables::instead::{EVERY, INSTEAD};
use super::value_type::ValueType;

/// Whether a release knows a flag or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does.
    Yes,
    /// It does not yet: this minor is the first that does.
    Since(u16),
    /// It does no longer: this minor was the last that did.
    Until(u16),
    /// No release that the tables reach knows it.
    Never,
}

/// What the lines of both tables have in common: what is known, from which minor to which.
#[derive(Debug)]
struct Row {
    of: &'static str,
    name: &'static str,
    first: u16,
    last: u16,
    /// The columns after the fourth.
    rest: Vec<&'static str>,
}

static FLAGS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(include_str!("flags.tsv")));
static GATES: LazyLock<Vec<Row>> = LazyLock::new(|| rows(include_str!("gates.tsv")));
static GATES_NEED: LazyLock<Vec<Row>> = LazyLock::new(|| rows(include_str!("gates-need.tsv")));
static FIELDS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut all = rows(include_str!("fields.tsv"));
    all.extend(rows(include_str!("other-fields.tsv")));
    all.sort_by_key(|row| (row.of, row.name, row.last));
    all
});

/// Each kind of document says which it is.
static KINDS: LazyLock<Vec<&Row>> = LazyLock::new(|| FIELDS.iter().filter(|row| row.name == "kind").collect());

/// The lines that can be read; a test holds that this is all of them, in order.
fn rows(table: &'static str) -> Vec<Row> {
    table.lines().filter_map(row).collect()
}

fn row(line: &'static str) -> Option<Row> {
    let mut columns = line.split('\t');
    let (of, name, first, last) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    let bound = |text: &str, open: u16| match text {
        "-" => Some(open),
        text => text.parse().ok(),
    };
    Some(Row {
        of,
        name,
        first: bound(first, 0)?,
        last: bound(last, u16::MAX)?,
        rest: columns.collect(),
    })
}

impl Row {
    fn covers(&self, minor: u16) -> bool {
        (self.first..=self.last).contains(&minor)
    }

    fn column(&self, index: usize) -> &'static str {
        self.rest.get(index).copied().unwrap_or("-")
    }
}

/// The rows of one flag or field, oldest first.
fn rows_of(table: &'static [Row], of: &str, name: &str) -> &'static [Row] {
    let from = table.partition_point(|row| (row.of, row.name) < (of, name));
    let to = table.partition_point(|row| (row.of, row.name) <= (of, name));
    table.get(from..to).unwrap_or_default()
}

fn known(rows: impl IntoIterator<Item = &'static Row>, minor: u16) -> Known {
    let rows: Vec<_> = rows.into_iter().collect();
    if rows.iter().any(|row| row.covers(minor)) {
        return Known::Yes;
    }
    // Between two runs it is the earlier that tells the reader what happened: it was there, and went.
    match (
        rows.iter().rev().find(|row| row.last < minor),
        rows.iter().find(|row| row.first > minor),
    ) {
        (Some(before), _) => Known::Until(before.last),
        (None, Some(after)) => Known::Since(after.first),
        (None, None) => Known::Never,
    }
}

/// The row of one flag or field that holds for this minor.
fn row_of(table: &'static [Row], of: &str, name: &str, minor: u16) -> Option<&'static Row> {
    rows_of(table, of, name).iter().find(|row| row.covers(minor))
}

fn flag_row(component: &str, name: &str, minor: u16) -> Option<&'static Row> {
    row_of(&FLAGS, component, &hyphenated(component, name), minor)
}

/// Kubernetes' components take an underscore for a hyphen (`WordSepNormalizeFunc` of k8s.io/component-base/cli/flag).
pub(crate) fn hyphenated(component: &str, name: &str) -> String {
    match component {
        "etcd" => name.to_owned(),
        _ => name.replace('_', "-"),
    }
}

/// Whether a minor release of a component takes a flag, whose name is given without its dashes. A flag that is
/// deprecated, and one that no help text shows, is taken.
pub fn flag(component: &str, name: &str, minor: u16) -> Known {
    known(rows_of(&FLAGS, component, &hyphenated(component, name)), minor)
}

/// Whether a flag needs no value: `--profiling` and `--profiling=false` are right, and `--profiling false` is not.
pub fn is_switch(component: &str, name: &str, minor: u16) -> bool {
    flag_row(component, name, minor).is_some_and(|row| matches!(row.column(0), "bool" | "switch"))
}

/// What a minor release of a component takes as a flag's value, where it knows the flag.
pub(crate) fn flag_takes(component: &str, name: &str, minor: u16) -> Option<ValueType> {
    flag_row(component, name, minor).map(|row| ValueType::of(row.column(0)))
}

/// What the newest release that knows a flag takes as its value; none where no release knows it.
pub(crate) fn takes_in_any(component: &str, name: &str) -> Option<ValueType> {
    let rows = rows_of(&FLAGS, component, &hyphenated(component, name));
    rows.last().map(|row| ValueType::of(row.column(0)))
}

/// The flags that a minor release of a component takes, sorted.
pub(crate) fn flag_names(component: &str, minor: u16) -> impl Iterator<Item = &'static str> {
    names(&FLAGS, component, minor)
}

/// What a program makes of a flag that it is given several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    LastCounts,
    /// Each adds items, of which pflag reads each value as a line of CSV (`StringSlice`).
    OfCsv,
    /// Each adds items with commas between them: `name=value`, or as their own reader has them.
    OfPairs,
}

/// Program | flag with a reader of its own, whose word says nothing of how it is read | what it does: `ConfigurationMap`, `MapStringString`,
/// `ColonSeparatedMultimapStringString`, `LangleSeparatedMapStringString` of k8s.io/component-base/cli/flag, and what pflag has.
#[rustfmt::skip]
const ADDING_UP: &[(&str, &str)] = &[
    (EVERY, "allow-metric-labels"), (EVERY, "feature-gates"), (EVERY, "tls-curve-preferences"), ("kube-apiserver", "runtime-config"),
    ("kubelet", "eviction-hard"), ("kubelet", "eviction-soft"), ("kubelet", "manifest-url-header"), ("kubelet", "node-labels"),
];

/// Its values are `name=value` likewise, and a comma in one is part of the value (`NewMapStringStringNoSplit`).
const WITH_COMMAS: (&str, &str) = ("kube-apiserver", "oidc-required-claim");

/// What a program makes of a flag that it is given several times, in any release: none has changed it.
pub(crate) fn several(component: &str, name: &str) -> Several {
    let name = hyphenated(component, name);
    let rows = rows_of(&FLAGS, component, &name);
    let adds = |(of, flag): &(&str, &str)| *flag == name && (*of == component || *of == EVERY);
    if rows.is_empty() || (component, name.as_str()) == WITH_COMMAS {
        return Several::LastCounts;
    }
    match rows
        .iter()
        .map(|row| row.column(0))
        .find(|word| ["strings", "bools", "pairs"].contains(word))
    {
        Some("strings") => Several::OfCsv,
        Some(_) => Several::OfPairs,
        None if ADDING_UP.iter().any(adds) => Several::OfPairs,
        None => Several::LastCounts,
    }
}

/// Every flag of every program, whatever the release.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FLAGS.iter().map(|row| (row.of, row.name))
}

/// Whether the release warns of a flag that it takes, or calls it deprecated in its help text.
pub(crate) fn is_deprecated(component: &str, name: &str, minor: u16) -> bool {
    flag_row(component, name, minor).is_some_and(|row| {
        let (from, to) = row.column(1).split_once('-').unwrap_or((row.column(1), ""));
        from.parse().is_ok_and(|from: u16| from <= minor) && to.parse().map_or(true, |to: u16| minor <= to)
    })
}

/// What the tables have of a feature gate that a program knows: those of all of Kubernetes, and its own.
fn gate_rows(program: &str, name: &str) -> Vec<&'static Row> {
    let own = rows_of(&GATES, program, name);
    let mut rows: Vec<_> = rows_of(&GATES, "kubernetes", name).iter().chain(own).collect();
    rows.sort_by_key(|row| row.first);
    rows
}

/// Whether a minor release of a program knows a feature gate; one that it doesn't know stops it.
pub(crate) fn gate(program: &str, name: &str, minor: u16) -> Known {
    known(gate_rows(program, name), minor)
}

/// What a minor release of a program has locked a feature gate to, where it has.
pub(crate) fn locked_gate(program: &str, name: &str, minor: u16) -> Option<bool> {
    let row = gate_rows(program, name).into_iter().find(|row| row.covers(minor))?;
    row.column(0).strip_prefix("locked-").map(|state| state == "on")
}

/// What a minor release makes of a feature gate that nobody sets; one that is locked may not be set otherwise.
pub(crate) fn gate_default(name: &str, minor: u16) -> Option<&'static str> {
    Some(row_of(&GATES, "kubernetes", name, minor)?.column(0))
}

/// A feature gate that may not be on without another: each with its name, how mature it is, and whether it is on by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GateNeed {
    pub gate: Gate,
    pub needs: Gate,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub name: &'static str,
    /// `alpha`, `beta`, `ga`, `deprecated`.
    pub maturity: &'static str,
    pub is_on: bool,
}

/// Which feature gates a minor release has not on without others.
pub(crate) fn gates_need(minor: u16) -> impl Iterator<Item = GateNeed> {
    let here = GATES_NEED.iter().filter(move |row| row.covers(minor));
    here.map(move |row| {
        let gate = |name, maturity| Gate {
            name,
            maturity,
            is_on: gate_default(name, minor).is_some_and(|state| state.ends_with("on")),
        };
        let (own, other) = row.column(0).split_once(',').unwrap_or_default();
        GateNeed {
            gate: gate(row.of, own),
            needs: gate(row.name, other),
        }
    })
}

/// The feature gates that a minor release knows, sorted.
pub(crate) fn gate_names(minor: u16) -> impl Iterator<Item = &'static str> {
    names(&GATES, "kubernetes", minor)
}

/// Whether a minor release reads a field of a configuration file. `kind` is such as `KubeletConfiguration/v1beta1`; `path`
/// is dotted, lists and the keys of maps with no mark of their own: `registerWithTaints.effect`, `evictionHard.memory.available`.
pub fn field(kind: &str, path: &str, minor: u16) -> Known {
    let own = known(rows_of(&FIELDS, kind, path), minor);
    if own == Known::Yes {
        return own;
    }
    // What is below a map or below something that isn't looked into belongs to whoever wrote it.
    let mut above = path
        .match_indices('.')
        .filter_map(|(at, _)| row_of(&FIELDS, kind, &path[..at], minor));
    let above = above.any(|row| matches!(ValueType::of(row.column(0)), ValueType::Map(_) | ValueType::Anything));
    if above { Known::Yes } else { own }
}

/// What a minor release takes as a field's value: what its row says, or that of the map which it is a key of.
pub(crate) fn field_takes(kind: &str, path: &str, minor: u16) -> Option<ValueType> {
    let takes = |path: &str| row_of(&FIELDS, kind, path, minor).map(|row| ValueType::of(row.column(0)));
    takes(path).or_else(|| {
        let mut above = path.rmatch_indices('.').map(|(at, _)| &path[..at]);
        match above.find_map(takes)? {
            // What is below the keys of a map has no rows.
            ValueType::Map(word) => Some(ValueType::of(word)).filter(|takes| *takes != ValueType::Object),
            _ => None,
        }
    })
}

/// What the newest release that reads a field takes as its value; none where no release has a row of it.
pub(crate) fn field_takes_in_any(kind: &str, path: &str) -> Option<ValueType> {
    let rows = rows_of(&FIELDS, kind, path);
    rows.last().map(|row| ValueType::of(row.column(0)))
}

/// The fields that a minor release reads in a configuration file, sorted, each with its whole path.
pub(crate) fn field_names(kind: &str, minor: u16) -> impl Iterator<Item = &'static str> {
    names(&FIELDS, kind, minor)
}

/// The kinds of configuration file that the tables know, each with its version, that a minor release reads.
pub fn kinds(minor: u16) -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(move |row| row.covers(minor)).map(|row| row.of)
}

fn names(table: &'static [Row], of: &str, minor: u16) -> impl Iterator<Item = &'static str> {
    let from = table.partition_point(|row| row.of < of);
    let to = table.partition_point(|row| row.of <= of);
    table
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .filter(move |row| row.covers(minor))
        .map(|row| row.name)
}

/// What takes the place of a flag that some release refuses, and why; as a sentence that ends a hint.
pub(crate) fn instead(component: &str, name: &str) -> Option<&'static str> {
    let name = hyphenated(component, name);
    INSTEAD
        .iter()
        .find(|(of, flag, _)| *flag == name && (*of == component || *of == EVERY && component != "etcd"))
        .map(|(_, _, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::releases::{Program, known as known_versions};
    use crate::catalog::tables::components::COMPONENTS;

    /// The first patch of this minor that takes the flag: 0 but for flags that were added to a release after it was out.
    fn first_patch(component: &str, name: &str, minor: u16) -> u16 {
        flag_row(component, name, minor)
            .into_iter()
            .flat_map(|row| row.column(2).split(','))
            .filter_map(|patch| patch.split_once('.'))
            .find(|(of, _)| of.parse() == Ok(minor))
            .and_then(|(_, patch)| patch.parse().ok())
            .unwrap_or(0)
    }

    const TABLES: [(&str, &str, usize); 5] = [
        ("flags.tsv", include_str!("flags.tsv"), 7),
        ("fields.tsv", include_str!("fields.tsv"), 5),
        ("other-fields.tsv", include_str!("other-fields.tsv"), 5),
        ("gates.tsv", include_str!("gates.tsv"), 5),
        ("gates-need.tsv", include_str!("gates-need.tsv"), 5),
    ];

    #[test]
    fn the_tables_are_well_formed_and_sorted() {
        for (file, text, columns) in TABLES {
            let read = rows(text);
            assert_eq!(read.len(), text.lines().count(), "{file}: a line can't be read");
            assert!(read.len() > 100, "{file}: where is the rest?");
            for (line, row) in text.lines().zip(&read) {
                assert_eq!(line.split('\t').count(), columns, "{file}: {line}");
                let program = if row.of == "etcd" {
                    Program::Etcd
                } else {
                    Program::Kubernetes
                };
                let (first_known, last_known) = known_versions(program);
                let tables_end = first_known.minor..=last_known.minor;
                for bound in [row.first, row.last] {
                    assert!(
                        bound == 0 || bound == u16::MAX || tables_end.contains(&bound),
                        "{file}: {line}"
                    );
                }
                assert!(row.first <= row.last && !row.name.is_empty(), "{file}: {line}");
            }
            for two in read.windows(2) {
                let [one, next] = two else { unreachable!() };
                assert!(
                    (one.of, one.name, one.last) < (next.of, next.name, next.first),
                    "{file}: {next:?} comes after {one:?}"
                );
            }
        }
        let defaults = ["off", "on", "locked-off", "locked-on"];
        assert!(GATES.iter().all(|row| defaults.contains(&row.column(0))));
        let maturities = ["alpha", "beta", "ga", "deprecated"];
        for row in GATES_NEED.iter() {
            let (own, other) = row.column(0).split_once(',').expect("two words");
            assert!(maturities.contains(&own) && maturities.contains(&other), "{row:?}");
            for name in [row.of, row.name] {
                assert_eq!(gate("kubelet", name, row.first), Known::Yes, "{row:?}");
            }
        }
        // A word that nobody knows takes anything: it must be one that says so.
        let is_open = |word: &str| ["any", "value", "-", "switch", "int-or-string"].contains(&word);
        for row in FLAGS.iter().chain(FIELDS.iter()) {
            let word = row.column(0).trim_start_matches("[]").trim_start_matches("{}");
            assert!(ValueType::of(word) != ValueType::Anything || is_open(word), "{row:?}");
        }
    }

    /// Facts that can be looked up elsewhere: the release notes and the reference pages of each release.
    #[test]
    fn the_tables_know_what_is_known() {
        use Known::{Never, Since, Until, Yes};
        for (component, name, minor, expected) in [
            ("kubelet", "allow-privileged", 14, Yes),
            ("kubelet", "allow-privileged", 15, Until(14)),
            ("kubelet", "network-plugin", 23, Yes),
            ("kubelet", "network-plugin", 24, Until(23)),
            ("kubelet", "container-runtime", 27, Until(26)),
            ("kubelet", "pod-infra-container-image", 35, Until(34)),
            ("kubelet", "config-dir", 27, Since(28)),
            ("kubelet", "hostname_override", 37, Yes),
            ("kubelet", "insecure-port", 14, Never),
            ("kube-apiserver", "insecure-port", 23, Yes),
            ("kube-apiserver", "insecure-port", 24, Until(23)),
            ("kube-apiserver", "kubelet-https", 22, Until(21)),
            ("kube-apiserver", "requestheader-uid-headers", 31, Since(32)),
            ("kube-apiserver", "encryption-provider-config", 14, Yes),
            ("kube-apiserver", "feature-gates", 37, Yes),
            ("kube-apiserver", "v", 37, Yes),
            ("kube-controller-manager", "port", 24, Until(23)),
            ("kube-controller-manager", "node-cidr-mask-size-ipv6", 16, Since(17)),
            ("kube-scheduler", "policy-config-file", 23, Until(22)),
            ("kube-scheduler", "logtostderr", 26, Until(25)),
            ("kube-proxy", "cleanup-ipvs", 21, Until(20)),
            ("kube-proxy", "config", 37, Yes),
            ("etcd", "enable-v2", 6, Until(5)),
            ("etcd", "feature-gates", 5, Since(6)),
            ("etcd", "trusted-ca-file", 7, Yes),
            ("etcd", "trusted_ca_file", 7, Never),
            ("kube-nothing", "v", 20, Never),
        ] {
            assert_eq!(
                flag(component, name, minor),
                expected,
                "{component} --{name} of minor {minor}"
            );
        }
        for (kind, path, minor, expected) in [
            (
                "KubeletConfiguration/v1beta1",
                "authentication.x509.clientCAFile",
                14,
                Yes,
            ),
            (
                "KubeletConfiguration/v1beta1",
                "containerRuntimeEndpoint",
                26,
                Since(27),
            ),
            ("KubeletConfiguration/v1beta1", "failCgroupV1", 31, Yes),
            (
                "KubeletConfiguration/v1beta1",
                "registerWithTaints.effect",
                22,
                Since(23),
            ),
            ("KubeletConfiguration/v1beta1", "evictionHard.memory.available", 14, Yes),
            (
                "KubeletConfiguration/v1beta1",
                "authentication.anonymus.enabled",
                14,
                Never,
            ),
            ("KubeProxyConfiguration/v1alpha1", "resourceContainer", 16, Until(15)),
            ("KubeSchedulerConfiguration/v1alpha1", "healthzBindAddress", 14, Yes),
            (
                "KubeSchedulerConfiguration/v1alpha1",
                "healthzBindAddress",
                19,
                Until(18),
            ),
            ("KubeSchedulerConfiguration/v1", "healthzBindAddress", 30, Never),
            (
                "KubeSchedulerConfiguration/v1",
                "profiles.pluginConfig.args.anything",
                30,
                Yes,
            ),
        ] {
            assert_eq!(field(kind, path, minor), expected, "{path} of {kind} in 1.{minor}");
        }
        assert!(
            is_switch("kube-apiserver", "allow-privileged", 37) && !is_switch("kube-apiserver", "etcd-servers", 37)
        );
        assert!(is_deprecated("kubelet", "cloud-provider", 20) && !is_deprecated("kubelet", "cloud-provider", 30));
        for (name, minor, expected, default) in [
            ("IPv6DualStack", 15, Since(16), None),
            ("IPv6DualStack", 20, Yes, Some("off")),
            ("IPv6DualStack", 22, Yes, Some("on")),
            ("IPv6DualStack", 24, Yes, Some("locked-on")),
            ("IPv6DualStack", 25, Until(24), None),
            ("NFTablesProxyMode", 28, Since(29), None),
            ("NFTablesProxyMode", 31, Yes, Some("on")),
            ("AllAlpha", 20, Yes, Some("off")),
            ("NoSuchGate", 20, Never, None),
        ] {
            assert_eq!(
                (gate("kubelet", name, minor), gate_default(name, minor)),
                (expected, default),
                "{name} in 1.{minor}"
            );
        }
        // One program knows gates of its own, and one longer than the others.
        let own = "ControllerManagerReleaseLeaderElectionLockOnExit";
        for (program, name, minor, expected, locked) in [
            ("kube-controller-manager", own, 37, Yes, None),
            ("kube-controller-manager", own, 35, Since(36), None),
            ("kube-apiserver", own, 37, Never, None),
            ("kube-controller-manager", "IPv6DualStack", 26, Yes, Some(true)),
            ("kube-controller-manager", "IPv6DualStack", 27, Until(26), None),
            ("kube-scheduler", "IPv6DualStack", 26, Until(24), None),
        ] {
            assert_eq!(
                (gate(program, name, minor), locked_gate(program, name, minor)),
                (expected, locked),
                "{name} of {program} in 1.{minor}"
            );
        }
        assert_eq!(first_patch("etcd", "tls-min-version", 4), 25);
        assert_eq!(first_patch("etcd", "tls-min-version", 6), 0);
    }

    #[test]
    fn names_are_those_of_one_component_and_one_release() {
        let names: Vec<_> = flag_names("kubelet", 24).collect();
        assert!(names.contains(&"container-runtime") && !names.contains(&"network-plugin"));
        assert!(names.is_sorted() && !names.contains(&"etcd-servers"));
        assert_eq!(flag_names("kube-nothing", 24).count(), 0);
        assert!(field_names("KubeProxyConfiguration/v1alpha1", 29).any(|path| path == "nftables.syncPeriod"));
        let scheduler: Vec<_> = kinds(25).filter(|kind| kind.starts_with("KubeScheduler")).collect();
        assert_eq!(
            scheduler,
            [
                "KubeSchedulerConfiguration/v1",
                "KubeSchedulerConfiguration/v1beta2",
                "KubeSchedulerConfiguration/v1beta3"
            ]
        );
    }

    /// What has a successor is refused by some release, and the successor is taken by then.
    #[test]
    fn what_takes_the_place_of_a_flag_is_there() {
        assert!(INSTEAD.is_sorted_by_key(|(component, name, _)| (*component, *name)));
        for (component, name, what) in INSTEAD {
            let components: Vec<&str> = match *component {
                EVERY => COMPONENTS.iter().map(|component| component.name).collect(),
                one => vec![one],
            };
            let went: Vec<(&str, u16)> = components
                .iter()
                .filter_map(|one| Some((*one, rows_of(&FLAGS, one, name).last()?.last)))
                .collect();
            assert!(
                went.iter().any(|(_, last)| *last != u16::MAX),
                "{component} --{name} is still taken"
            );
            for successor in what.split('`').filter_map(|word| word.strip_prefix("--")) {
                let successor = successor.split('=').next().unwrap_or_default();
                for (one, last) in &went {
                    let has = |minor| {
                        flag(one, successor, minor) == Known::Yes
                            || flag("kube-apiserver", successor, minor) == Known::Yes
                    };
                    assert!(
                        (last + 1..=last + 6).any(has),
                        "{one} has no --{successor} after {last}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_flag_that_went_has_a_successor_or_a_reason() {
        let unexplained: Vec<_> = FLAGS
            .iter()
            .filter(|row| row.last != u16::MAX)
            .filter(|row| {
                rows_of(&FLAGS, row.of, row.name)
                    .last()
                    .is_some_and(|last| last.last == row.last)
            })
            .filter(|row| instead(row.of, row.name).is_none())
            .map(|row| format!("{} --{} after {}", row.of, row.name, row.last))
            .collect();
        assert_eq!(unexplained, Vec::<String>::new());
    }
}
