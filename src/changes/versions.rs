//! The releases that a bundle was made for, as its manifest says.

use std::collections::BTreeMap;

use crate::catalog::releases::{Program, Release, Version};
use crate::found::FoundHost;

/// What is released together.
pub(super) struct Product {
    pub of: Program,
    /// The release of it that a bundle was made for.
    pub version: fn(&FoundHost) -> Option<Version>,
    pub programs: &'static [&'static str],
}

pub(super) const PRODUCTS: [Product; 2] = [
    Product {
        of: Program::Kubernetes,
        version: kubernetes_version,
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
        programs: &["etcd"],
    },
];

pub(super) fn kubernetes_version(host: &FoundHost) -> Option<Version> {
    Version::parse(&host.about.kubernetes)
}

pub(super) fn etcd_version(host: &FoundHost) -> Option<Version> {
    Version::parse(&host.about.etcd)
}

/// Where an API server of the bundle's release says whether it is ready.
pub(super) fn health_path(host: &FoundHost) -> &'static str {
    kubernetes_version(host).map_or("/readyz", |version| Release::of(version).health_path)
}

/// The programs whose binaries have to be replaced, and the release that they have to be of.
pub(super) fn newer_programs(old: &FoundHost, new: &FoundHost) -> BTreeMap<&'static str, String> {
    let mut newer = BTreeMap::new();
    for Product { of, version, programs } in PRODUCTS {
        let (Some(before), Some(after)) = (version(old), version(new)) else {
            continue;
        };
        if before != after {
            let release = format!("{} {after}", of.name());
            newer.extend(programs.iter().map(|program| (*program, release.clone())));
        }
    }
    newer
}
