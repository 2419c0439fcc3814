//! What leads from one release to another: what the rows of that table are made of.

use super::change::{Program, Version};

/// A whole version: major, minor, patch.
pub type Patch = (u16, u16, u16);

/// A program of which no minor may be skipped.
pub struct OneAtATime {
    pub of: Program,
    /// Which of its programs it is about.
    pub run_by: &'static str,
    pub why: &'static str,
    pub source: &'static str,
}

/// The oldest patch from which the next minor can be reached.
pub struct Floor {
    pub of: Program,
    pub before: Patch,
    pub to: Version,
    pub why: &'static str,
    pub source: &'static str,
}

/// What can't be undone once a release is there.
pub struct OneWay {
    pub of: Program,
    pub since: Version,
    pub what: &'static str,
}

/// What somebody has to look after before a release is there, which no file of a bundle shows.
#[derive(Debug)]
pub struct Before {
    pub of: Program,
    /// The first release that is like this.
    pub to: Version,
    /// The program that is.
    pub run_by: &'static str,
    pub what: &'static str,
    pub source: &'static str,
}

/// What becomes of who goes back from a release.
pub struct WayBack {
    pub of: Program,
    pub from: Version,
    pub how: &'static str,
    pub source: &'static str,
}

/// How many minors a program, from a version of its own on, may be older than the newest API server.
pub struct Behind {
    pub program: &'static str,
    pub since: Version,
    pub minors: u16,
}

/// What kube-proxy leaves of a mode that it was told to take away, before a release.
pub struct LeftByCleanup {
    pub mode: &'static str,
    pub before: Version,
    pub what: &'static str,
    pub source: &'static str,
}

/// A version of the format of containerd's configuration.
pub struct FileFormat {
    pub version: u32,
    /// The first containerd that reads it, and the version before it too.
    pub since: Version,
    /// What an older one does with it.
    pub older: &'static str,
    pub source: &'static str,
}
