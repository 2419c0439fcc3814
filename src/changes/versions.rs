//! The releases that a bundle was made for, as its manifest says.

use std::collections::BTreeMap;

use crate::catalog::releases::{Program, Release, Version};
use crate::found::FoundHost;

/// What is released together.
pub(super) struct Product {
    pub of: Program,
    /// The release of it that a bundle was made for.
    pub version: fn(&FoundHost) -> Option<Version>,
    /// The same as the manifest has it: with a patch, where one was asked for.
    pub written: fn(&FoundHost) -> &str,
    pub programs: &'static [&'static str],
}

pub(super) const PRODUCTS: [Product; 2] = [
    Product {
        of: Program::Kubernetes,
        version: kubernetes_version,
        written: |host| plain(&host.about.kubernetes),
        programs: &[
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
        ],
    },
    Product {
        of: Program::Etcd,
        version: etcd_version,
        written: |host| plain(&host.about.etcd),
        programs: &["etcd"],
    },
];

pub(super) fn kubernetes_version(host: &FoundHost) -> Option<Version> {
    Version::parse(&host.about.kubernetes)
}

pub(super) fn etcd_version(host: &FoundHost) -> Option<Version> {
    Version::parse(&host.about.etcd)
}

/// `v1.37.2` as `1.37.2`.
fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// Whether a release is one patch, such as `1.37.2` or `1.38.0-beta.0`, and not any of its minor.
fn is_one_patch(written: &str) -> bool {
    written.split('.').nth(2).is_some()
}

/// Where an API server of the bundle's release says whether it is ready.
pub(super) fn health_path(host: &FoundHost) -> &'static str {
    kubernetes_version(host).map_or("/readyz", |version| Release::of(version).health_path)
}

/// The programs whose binaries have to be replaced, and the release that they have to be of: another minor, or another patch where one is
/// asked for. Which one was there before is not known where none was.
pub(super) fn replaced_programs(old: &FoundHost, new: &FoundHost) -> BTreeMap<&'static str, String> {
    let mut replaced = BTreeMap::new();
    for Product {
        of,
        version,
        written,
        programs,
    } in PRODUCTS
    {
        let (Some(before), Some(after)) = (version(old), version(new)) else {
            continue;
        };
        let is_another_patch = is_one_patch(written(new)) && written(new) != written(old);
        if before != after || is_another_patch {
            let release = format!("{} {}", of.name(), written(new));
            replaced.extend(programs.iter().map(|program| (*program, release.clone())));
        }
    }
    replaced
}
