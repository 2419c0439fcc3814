//! What leads from one release to another, looked up.

use super::change::{Program, Version};
use super::tables::upgrades::{BEFORE, BEHIND, FLOORS, FORMATS, LEFT_BY_CLEANUP, ONE_AT_A_TIME, ONE_WAY, WAYS_BACK};
use super::upgrade::{Before, FileFormat, Floor, LeftByCleanup, OneAtATime, OneWay, WayBack};

/// What is to be said of a program whose minors are gone through one at a time.
pub fn one_at_a_time(of: Program) -> Option<&'static OneAtATime> {
    ONE_AT_A_TIME.iter().find(|row| row.of == of)
}

/// From which patch a minor can be reached, where that is not any.
pub fn floor(of: Program, to: Version) -> Option<&'static Floor> {
    FLOORS.iter().find(|row| row.of == of && row.to == to)
}

/// What can't be undone once a release is there: the last row that is not newer.
pub fn one_way(of: Program, to: Version) -> Option<&'static OneWay> {
    ONE_WAY.iter().rfind(|row| row.of == of && row.since <= to)
}

/// What has to be looked after before each release on the way from one to another.
pub fn before(of: Program, from: Version, to: Version) -> impl Iterator<Item = &'static Before> {
    BEFORE
        .iter()
        .filter(move |row| row.of == of && from < row.to && row.to <= to)
}

/// What becomes of who goes back from a release: the last row that is not newer.
pub fn way_back(of: Program, from: Version) -> Option<&'static WayBack> {
    WAYS_BACK.iter().rfind(|row| row.of == of && row.from <= from)
}

/// How many minors a program of a version may be older than the newest API server; none where it calls none.
pub fn may_be_behind(program: &str, version: Version) -> Option<u16> {
    let mut rows = BEHIND.iter();
    let row = rows.rfind(|row| row.program == program && row.since <= version);
    row.map(|row| row.minors)
}

/// The minors that lead from one to another, the last one among them: none where it is not newer.
pub fn on_the_way(from: Version, to: Version) -> Vec<Version> {
    match from.major == to.major {
        true => (from.minor + 1..=to.minor)
            .map(|minor| Version::new(to.major, minor))
            .collect(),
        false => vec![to],
    }
}

/// What is left of a mode by a release of kube-proxy.
pub fn left_by_cleanup(mode: &str, release: Version) -> Option<&'static LeftByCleanup> {
    LEFT_BY_CLEANUP
        .iter()
        .find(|row| row.mode == mode && release < row.before)
}

/// What is known of a version of the format of containerd's configuration.
pub fn format_of(version: u32) -> Option<&'static FileFormat> {
    FORMATS.iter().find(|row| row.version == version)
}
