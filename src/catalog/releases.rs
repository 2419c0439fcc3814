//! Which values change with the Kubernetes release: the only place that compares versions.

/// One Kubernetes minor release and the values that it needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// Such as `1.14`.
    pub kubernetes: &'static str,
    /// The etcd version that goes with it.
    pub etcd: &'static str,
    pub scheduler_api_version: &'static str,
}

/// The releases that are known, oldest first.
pub const RELEASES: &[Release] = &[Release {
    kubernetes: "1.14",
    etcd: "3.3.10",
    scheduler_api_version: "kubescheduler.config.k8s.io/v1alpha1",
}];

impl Release {
    /// The release that `text` ("1.14", "1.14.10", "v1.14") names, or none.
    pub fn by_name(text: &str) -> Option<&'static Release> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts = text.split('.');
        let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next());
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if parts.next().is_some() || !patch.is_none_or(number) {
            return None;
        }
        RELEASES
            .iter()
            .find(|release| release.kubernetes == format!("{major}.{minor}"))
    }
}
