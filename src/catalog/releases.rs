//! Which values change with the Kubernetes release: the only place that compares versions.

use super::components::{Component, Flag, Setting, Unit};

/// One Kubernetes minor release and the values that it needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// Such as `1.14`.
    pub kubernetes: &'static str,
    /// The etcd version that goes with it.
    pub etcd: &'static str,
    /// `apiVersion` of KubeSchedulerConfiguration.
    pub scheduler_api_version: &'static str,
    /// The scheduler's plain-HTTP listener; it can't be switched off from the file, so it is kept off the network.
    pub scheduler_insecure_bind_address: &'static str,
    /// The unit that the kubelet's container runtime runs as.
    pub runtime_unit: &'static str,
    /// What an API server that is up answers `ok` to, through `kubectl get --raw`.
    pub health_path: &'static str,
    /// Flags of this release alone, by component.
    pub flags: &'static [(&'static str, &'static [Flag])],
    /// Settings of this release alone, by component.
    pub settings: &'static [(&'static str, &'static [Setting])],
}

/// The releases that are known, oldest first.
pub const RELEASES: &[Release] = &[Release {
    kubernetes: "1.14",
    etcd: "3.3.10",
    scheduler_api_version: "kubescheduler.config.k8s.io/v1alpha1",
    scheduler_insecure_bind_address: "127.0.0.1:10251",
    runtime_unit: "docker.service",
    health_path: "/healthz",
    flags: &[
        // 127.0.0.1:8080 answers everybody on the host without authentication unless it is switched off.
        ("kube-apiserver", &[("insecure-port", Some("0"))]),
        ("kube-controller-manager", &[("port", Some("0"))]),
        (
            "kubelet",
            &[
                ("image-pull-progress-deadline", Some("2m")),
                ("network-plugin", Some("cni")),
            ],
        ),
    ],
    settings: &[],
}];

impl Release {
    /// The release that `text` (`1.14`, `1.14.10`, `v1.14`) names, or none.
    pub fn by_name(text: &str) -> Option<&'static Release> {
        let number = |part: &&str| !part.is_empty() && part.len() < 6 && part.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = text.strip_prefix('v').unwrap_or(text).split('.').collect();
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(number) {
            return None;
        }
        RELEASES
            .iter()
            .find(|release| release.kubernetes == format!("{}.{}", parts[0], parts[1]))
    }

    /// The flags that only this release gives `component`.
    pub fn flags_of(&self, component: &str) -> &'static [Flag] {
        self.flags
            .iter()
            .find(|(name, _)| *name == component)
            .map_or(&[], |(_, flags)| flags)
    }

    /// Whether the component is part of a cluster of this release: a container runtime is if kubelets use it.
    pub fn uses(&self, component: &Component) -> bool {
        let is_runtime = self.runtime_unit.strip_suffix(".service") == Some(component.name);
        component.unit != Unit::Runtime || is_runtime
    }

    /// The settings of a component's configuration file, in the order of its table; a later one of the same path counts.
    pub fn settings_of(&self, component: &Component) -> Vec<Setting> {
        let always = component.config.map_or(&[][..], |config| config.settings);
        let own = self.settings.iter().filter(|(name, _)| *name == component.name);
        let mut settings: Vec<Setting> = Vec::new();
        for setting in always.iter().chain(own.flat_map(|(_, settings)| *settings)) {
            match settings.iter_mut().find(|earlier| earlier.path == setting.path) {
                Some(earlier) => *earlier = *setting,
                None => settings.push(*setting),
            }
        }
        settings
    }
}
