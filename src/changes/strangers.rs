//! Files of a machine that are no cluster's: where no bundle says what it put there, most of what lies beside is somebody else's, and is
//! not to be removed or stopped because the new bundle does not have it.

use std::collections::BTreeMap;

use super::documents::{STATIC_PODS, programs_of_pod};
use super::sides::Pair;
use super::stage::Stage;
use super::units::{UNITS, UnitFiles, stays_beside, units};
use crate::audit::view::NETWORK_PLUGINS;
use crate::catalog::places;
use crate::found::{FoundHost, NodeKind, Places};

/// Files of what runs containers: a cluster's where a kubelet uses it.
const RUNTIME: &[&str] = &["/etc/containerd/", "/etc/docker/", "/etc/crictl.yaml"];

/// What decides, for one host before and after.
pub(super) struct Strangers<'a> {
    host: &'a FoundHost,
    /// The host afterwards, and its units: what they name outside of the bundle, whoever put it there, is still read.
    after: Option<(&'a FoundHost, BTreeMap<&'a str, UnitFiles<'a>>)>,
    units: BTreeMap<&'a str, UnitFiles<'a>>,
    places: Places,
    is_node: bool,
    has_plugins_after: bool,
}

impl<'a> Strangers<'a> {
    /// None where a bundle says itself what is its own.
    pub fn of(pair: &Pair<'a>) -> Option<Strangers<'a>> {
        let old = pair.old.filter(|old| !old.is_bundle())?;
        let after = pair.new.map(|new| (new, units(new)));
        let units: BTreeMap<&str, UnitFiles<'_>> = of_a_cluster(units(old)).collect();
        let has_plugins = |host: &FoundHost| host.files.keys().any(|path| path.starts_with(NETWORK_PLUGINS));
        Some(Strangers {
            host: old,
            after,
            is_node: units.values().any(|unit| unit.program == "kubelet"),
            places: Places::new(places()),
            has_plugins_after: pair.new.is_some_and(has_plugins),
            units,
        })
    }

    /// Whether a file is somebody else's.
    pub fn own(&self, path: &str) -> bool {
        if path.starts_with(NETWORK_PLUGINS) {
            return !self.has_plugins_after;
        }
        if RUNTIME.iter().any(|place| path.starts_with(place)) && !self.is_node {
            return true;
        }
        if path.starts_with(STATIC_PODS) {
            let is_known = |program: &String| Stage::of_program(program) != Stage::Other;
            return !programs_of_pod(self.host, path).iter().any(is_known);
        }
        let unit = path
            .strip_prefix(UNITS)
            .map(|below| below.split(".service").next().unwrap_or(below));
        if let (Some(unit), Some((after, _))) = (unit.and_then(|unit| self.units.get(unit)), &self.after)
            && stays_beside(unit, after)
        {
            return true;
        }
        let mut after = self
            .after
            .iter()
            .flat_map(|(host, units)| units.values().map(move |unit| (host, unit)));
        if after.any(|(host, unit)| unit.names(host, path)) {
            return true;
        }
        let is_read = self.units.values().any(|unit| unit.reads(path));
        let is_unit = path.starts_with(UNITS);
        !is_read && (is_unit || !self.places.hold(path.trim_start_matches('/'), NodeKind::File))
    }
}

/// Units whose programs are a cluster's.
pub(super) fn of_a_cluster<'a>(
    units: BTreeMap<&'a str, UnitFiles<'a>>,
) -> impl Iterator<Item = (&'a str, UnitFiles<'a>)> {
    let is_known = |unit: &UnitFiles<'_>| Stage::of_program(&unit.program) != Stage::Other;
    units.into_iter().filter(move |(_, unit)| is_known(unit))
}
