//! What is generated: edit the rows in `tables` and [`layouts`] to change it. Rows are data, and there is no code in them; what
//! a row is made of and what looks rows up stands beside them.

pub(crate) mod artifact;
pub mod between;
pub(crate) mod change;
pub(crate) mod component;
pub(crate) mod engines;
pub(crate) mod flag;
pub mod flags;
pub(crate) mod holds;
pub mod identity;
pub mod layouts;
pub(crate) mod named;
pub(crate) mod port;
pub mod releases;
pub(crate) mod reload;
pub mod reloads;
pub(crate) mod roles;
pub(crate) mod rotation;
pub(crate) mod rule;
pub(crate) mod safeguard;
pub(crate) mod scope;
pub(crate) mod tables;
pub(crate) mod upgrade;
pub(crate) mod upgrades;
pub(crate) mod value_type;

use artifact::Artifact;
use component::Component;
use flag::{Flag, GivenBy};
use identity::Identity;
use layouts::Layout;
use releases::Release;
use scope::{Choices, When};
use tables::artifacts::ARTIFACTS;
use tables::components::COMPONENTS;

/// Every path that a file of a bundle can have, but for files of the user's own: `{host}` and `{name}` stand for any name.
pub fn places() -> impl Iterator<Item = String> {
    let artifacts = ARTIFACTS.iter().map(|row| row.at.to_owned());
    artifacts.chain(COMPONENTS.iter().filter_map(Component::environment_file))
}

/// The component of that name.
pub(crate) fn component(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}

/// In which clusters there is a certificate or key of an identity.
pub(crate) fn when_of(identity: &Identity) -> When {
    let component = identity.only_of.and_then(component);
    component.map_or(When::Always, |component| component.when)
}

/// The flags that a component is given without the user, in their order, as far as the layout and the release are known.
pub(crate) fn flags_of(
    component: &Component,
    layout: Option<Layout>,
    release: Option<&Release>,
) -> Vec<(Flag, GivenBy)> {
    let by = |by: GivenBy| move |flag: &Flag| (*flag, by);
    let of_layout = layout.map_or(&[][..], |layout| layout.flags_of(component.name));
    let of_release = release.into_iter().flat_map(|release| release.flags_of(component.name));
    let own = component.flags.iter().map(by(GivenBy::Component));
    let added = of_layout.iter().map(by(GivenBy::Layout));
    own.chain(added).chain(of_release.map(by(GivenBy::Release))).collect()
}

/// Where the file of a use lies on the hosts that run a component; `{host}` is the host's name.
pub(crate) fn path_of(what: &str, component: &Component, layout: Layout) -> Option<&'static str> {
    let mut rows = rows_of(what, layout);
    rows.find(|row| row.on.covers(component.on)).map(|row| row.at)
}

/// What the file of each use is called, wherever it lies; `{host}` is the host's name.
pub(crate) fn files_of(layout: Layout) -> impl Iterator<Item = (&'static str, &'static str)> {
    layout.uses().iter().filter_map(move |(what, _)| {
        let path = rows_of(what, layout).next()?.at;
        Some((*what, path.rsplit('/').next().unwrap_or(path)))
    })
}

fn rows_of(what: &str, layout: Layout) -> impl Iterator<Item = &'static Artifact> {
    let used = layout
        .uses()
        .iter()
        .find(|(use_, _)| *use_ == what)
        .map(|(_, holds)| *holds);
    let choices = Choices {
        layout: Some(layout),
        ..Choices::default()
    };
    let counts = move |row: &&Artifact| choices.is(row.when) != Some(false);
    ARTIFACTS
        .iter()
        .filter(counts)
        .filter(move |row| Some(row.holds) == used)
}
