//! The releases that a bundle was made for, as its manifest says.

use std::collections::BTreeMap;

use crate::catalog::releases::{Release, Version};
use crate::found::FoundHost;

/// A minor release.
pub(super) type Minor = (u32, u32);

/// What is released together: its name, the release of it that a bundle was made for, and the programs.
type Product = (&'static str, fn(&FoundHost) -> Option<Minor>, &'static [&'static str]);

pub(super) const PRODUCTS: [Product; 2] = [
    (
        "Kubernetes",
        kubernetes_version,
        &[
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
        ],
    ),
    ("etcd", etcd_version, &["etcd"]),
];

pub(super) fn kubernetes_version(host: &FoundHost) -> Option<Minor> {
    minor(&host.about.kubernetes)
}

pub(super) fn etcd_version(host: &FoundHost) -> Option<Minor> {
    minor(&host.about.etcd)
}

/// Where an API server of the bundle's release says whether it is ready.
pub(super) fn health_path(host: &FoundHost) -> &'static str {
    Version::parse(&host.about.kubernetes).map_or("/readyz", |version| Release::of(version).health_path)
}

fn minor(text: &str) -> Option<Minor> {
    let (major, rest) = text.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The programs whose binaries have to be replaced, and the release that they have to be of.
pub(super) fn newer_programs(old: &FoundHost, new: &FoundHost) -> BTreeMap<&'static str, String> {
    let mut newer = BTreeMap::new();
    for (product, version, programs) in PRODUCTS {
        let (Some(before), Some(after)) = (version(old), version(new)) else {
            continue;
        };
        if before != after {
            let release = format!("{product} {}.{}", after.0, after.1);
            newer.extend(programs.iter().map(|program| (*program, release.clone())));
        }
    }
    newer
}
