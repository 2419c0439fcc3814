//! Which command-line flags and configuration fields each release of each component knows: what the tables say.
//!
//! The tables are made from the components' source by `tests/flags/extract.sh` and are never edited by hand; only
//! [`INSTEAD`] is written by hand. Kubernetes minors are those of 1.x (14 is 1.14), etcd's those of 3.x (5 is 3.5).
//!
//! `flags.tsv`, one line for each run of minors with nothing missing between:
//! component, flag, first minor, last minor, `bool` if it needs no value, deprecated since (`19`, or `19-28` if that was
//! taken back), and `minor.patch` for each minor whose first patches lack it. `fields.tsv` likewise: kind/version, dotted
//! path, first minor, last minor, shape (`value`, `object`, `list`, `map`, or `any` for what is not looked into). `-` is
//! an open end: as old, or as new, as the tables reach.

use std::sync::LazyLock;

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
static FIELDS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(include_str!("fields.tsv")));

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

fn known(rows: &[Row], minor: u16) -> Known {
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

/// The row of a flag that holds for this minor.
fn flag_row(component: &str, name: &str, minor: u16) -> Option<&'static Row> {
    rows_of(&FLAGS, component, &hyphenated(component, name))
        .iter()
        .find(|row| row.covers(minor))
}

/// Kubernetes' components take an underscore for a hyphen (`WordSepNormalizeFunc` of k8s.io/component-base/cli/flag).
fn hyphenated(component: &str, name: &str) -> String {
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
    flag_row(component, name, minor).is_some_and(|row| row.column(0) == "bool")
}

/// Whether the release warns of a flag that it takes, or calls it deprecated in its help text.
pub fn is_deprecated(component: &str, name: &str, minor: u16) -> bool {
    flag_row(component, name, minor).is_some_and(|row| {
        let (from, to) = row.column(1).split_once('-').unwrap_or((row.column(1), ""));
        from.parse().is_ok_and(|from: u16| from <= minor) && to.parse().map_or(true, |to: u16| minor <= to)
    })
}

/// The first patch of this minor that takes the flag: 0 but for flags that were added to a release after it was out.
pub fn first_patch(component: &str, name: &str, minor: u16) -> u16 {
    flag_row(component, name, minor)
        .into_iter()
        .flat_map(|row| row.column(2).split(','))
        .filter_map(|patch| patch.split_once('.'))
        .find(|(of, _)| of.parse() == Ok(minor))
        .and_then(|(_, patch)| patch.parse().ok())
        .unwrap_or(0)
}

/// The flags that a minor release of a component takes, sorted.
pub fn flag_names(component: &str, minor: u16) -> impl Iterator<Item = &'static str> {
    names(&FLAGS, component, minor)
}

/// Whether a minor release reads a field of a configuration file. `kind` is such as `KubeletConfiguration/v1beta1`; `path`
/// is dotted, with no mark for lists and what follows a map's own key: `registerWithTaints.effect`, `evictionHard.memory.available`.
pub fn field(kind: &str, path: &str, minor: u16) -> Known {
    let own = known(rows_of(&FIELDS, kind, path), minor);
    if own == Known::Yes {
        return own;
    }
    // What is below a map or below something that isn't looked into belongs to whoever wrote it.
    let above = path
        .match_indices('.')
        .map(|(at, _)| &path[..at])
        .any(|above| {
            rows_of(&FIELDS, kind, above)
                .iter()
                .any(|row| row.covers(minor) && matches!(row.column(0), "map" | "any"))
        });
    if above { Known::Yes } else { own }
}

/// The fields that a minor release reads in a configuration file, sorted; a field below another is there with its whole path.
pub fn field_names(kind: &str, minor: u16) -> impl Iterator<Item = &'static str> {
    names(&FIELDS, kind, minor)
}

/// The kinds of configuration file that the tables know, each with its version, that a minor release reads.
pub fn kinds(minor: u16) -> impl Iterator<Item = &'static str> {
    let mut last = "";
    FIELDS.iter().filter(move |row| row.covers(minor)).filter_map(move |row| {
        let is_new = row.of != last;
        last = row.of;
        is_new.then_some(row.of)
    })
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
pub fn instead(component: &str, name: &str) -> Option<&'static str> {
    let name = hyphenated(component, name);
    INSTEAD
        .iter()
        .find(|(of, flag, _)| *of == component && *flag == name)
        .map(|(_, _, what)| *what)
}

