//! Releases as they are given on the command line.

use khw_gen::catalog::releases::{self, Program, Version};

/// A release of Kubernetes that is known.
pub fn kubernetes_release(text: &str) -> Result<Version, String> {
    let (first, last) = releases::known(Program::Kubernetes);
    let version = Version::parse(text).filter(|version| (first..=last).contains(version));
    version.ok_or_else(|| format!("the releases of Kubernetes that are known are {first} to {last}"))
}
