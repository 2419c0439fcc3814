//! A change that comes with a version of Kubernetes, etcd or containerd.

use std::fmt;

use super::flag::{Flag, FlagValue, Given, Setting, SettingValue};
use super::named::named_values;

/// The first two numbers of a version, `1.14`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    pub(crate) const fn new(major: u16, minor: u16) -> Version {
        Version { major, minor }
    }

    /// Reads `1.14`, `1.14.10`, `v1.14` or `1.14.0-rc.1`.
    pub fn parse(text: &str) -> Option<Version> {
        let number = |part: &&str| {
            let plain = part.bytes().all(|b| b.is_ascii_digit()) && (*part == "0" || !part.starts_with('0'));
            !part.is_empty() && part.len() < 5 && plain
        };
        let text = text.strip_prefix('v').unwrap_or(text);
        let (numbers, early) = match text.split_once('-') {
            Some((numbers, early)) => (numbers, Some(early)),
            None => (text, None),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(number) {
            return None;
        }
        // https://semver.org/#spec-item-9, as Kubernetes, etcd and containerd write it.
        let is_early = |early: &str| {
            let stage = ["alpha.", "beta.", "rc."]
                .iter()
                .find_map(|stage| early.strip_prefix(stage));
            parts.len() == 3 && stage.is_some_and(|count| number(&count))
        };
        if !early.is_none_or(is_early) {
            return None;
        }
        Some(Version::new(parts[0].parse().ok()?, parts[1].parse().ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

named_values! {
    /// Whose versions a change goes by.
    pub enum Program {
        Kubernetes = "Kubernetes",
        Etcd = "etcd",
        Containerd = "containerd",
    }
}

/// A version and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionOf {
    pub program: Program,
    pub version: Version,
}

/// What a change sets, from its version on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    Etcd(&'static str),
    /// An older etcd is warned of.
    OldestEtcd(&'static str),
    Containerd(&'static str),
    /// The release of Go with which its programs are published.
    CompiledWith(&'static str),
    HealthPath(&'static str),
    RuntimeClassApi(&'static str),
    CniVersion(&'static str),
    SandboxImage(&'static str),
    CoreDnsImage(&'static str),
    /// Whether the kubelet speaks to Docker itself; where it does, that is the default.
    Docker(bool),
    DualStack(bool),
    /// Whether kubelets may label their nodes with a zone and region of `topology.kubernetes.io`.
    TopologyLabels(bool),
    /// Whether tokens of service accounts may be signed with ML-DSA.
    MlDsaTokens(bool),
    /// The modes of kube-proxy, the default first.
    ProxyModes(&'static [&'static str]),
    /// What is to be said of a mode of kube-proxy.
    DiscouragedProxyMode(&'static str, &'static str),
    /// A component gets the flag.
    Flag(&'static str, Flag),
    /// A component no longer gets the flag.
    NoFlag(&'static str, &'static str),
    /// A component's configuration file has the setting.
    Setting(&'static str, Setting),
    /// A component's configuration file no longer has the setting.
    NoSetting(&'static str, &'static [&'static str]),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub of: Program,
    pub since: Version,
    pub sets: Sets,
    pub why: &'static str,
}

impl fmt::Display for Sets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sets::Etcd(version) => write!(f, "etcd {version}"),
            Sets::OldestEtcd(version) => write!(f, "etcd {version} or later"),
            Sets::Containerd(version) => write!(f, "containerd {version}"),
            Sets::CompiledWith(go) => write!(f, "published with Go {go}"),
            Sets::HealthPath(path) => write!(f, "health at {path}"),
            Sets::RuntimeClassApi(version) => write!(f, "RuntimeClass is {version}"),
            Sets::CniVersion(version) => write!(f, "CNI {version}"),
            Sets::SandboxImage(image) => write!(f, "sandbox image {image}"),
            Sets::CoreDnsImage(image) => write!(f, "CoreDNS {image}"),
            Sets::Docker(true) => write!(f, "runtime docker or containerd"),
            Sets::Docker(false) => write!(f, "runtime containerd"),
            Sets::DualStack(true) => write!(f, "dual stack"),
            Sets::DualStack(false) => write!(f, "no dual stack"),
            Sets::MlDsaTokens(true) => write!(f, "tokens may be signed with ML-DSA"),
            Sets::MlDsaTokens(false) => write!(f, "no tokens signed with ML-DSA"),
            Sets::TopologyLabels(true) => write!(f, "labels topology.kubernetes.io"),
            Sets::TopologyLabels(false) => write!(f, "no labels topology.kubernetes.io"),
            Sets::ProxyModes(modes) => write!(f, "kube-proxy modes {}", modes.join(", ")),
            Sets::DiscouragedProxyMode(mode, _) => write!(f, "kube-proxy mode {mode} is warned of"),
            Sets::Flag(component, flag) => match flag.value {
                FlagValue::Text(value) if is_plain(value, flag.given) => {
                    write!(f, "+ {component} --{}={value}", flag.name)
                }
                _ => write!(f, "+ {component} --{}", flag.name),
            },
            Sets::NoFlag(component, name) => write!(f, "- {component} --{name}"),
            Sets::Setting(component, setting) => match setting.value {
                SettingValue::Text(value) if is_plain(value, setting.given) => {
                    write!(f, "+ {component} {}: {value}", setting.path.join("."))
                }
                _ => write!(f, "+ {component} {}", setting.path.join(".")),
            },
            Sets::NoSetting(component, path) => write!(f, "- {component} {}", path.join(".")),
        }
    }
}

/// Whether a value is the same for every host.
fn is_plain(value: &str, given: Given) -> bool {
    given == Given::Always && !value.contains("{{")
}
