//! What changes with the releases, as the values of one [`Release`]. The only place that compares versions; everything else gets
//! the values.

use serde_json::{Value, json};

use super::component::Component;
use super::flag::{Flag, Setting, SettingValue};
use super::tables::releases::{BEFORE_RELEASE, CHANGES, KNOWN};

use super::change::Change;
use crate::json_document::JsonKind;

pub use super::change::{Program, Sets, Version, VersionOf};

/// The first and the last version of a program that is known.
pub fn known(program: Program) -> (Version, Version) {
    let row = KNOWN.iter().find(|(of, _, _)| *of == program);
    // Each program has its row, as a test holds.
    row.map_or_else(Default::default, |(_, first, last)| (*first, *last))
}

/// The last version of a program that is released, and known: what is taken where none is asked for.
pub(crate) fn last_released(program: Program) -> Version {
    let (first, last) = known(program);
    let released = |minor: &u16| before_release(program, Version::new(last.major, *minor)).is_none();
    let last_minor = (0..=last.minor).rev().find(released).unwrap_or(first.minor);
    Version::new(last.major, last_minor)
}

/// Of a version that is not released yet, from what it is known.
pub(crate) fn before_release(program: Program, version: Version) -> Option<&'static str> {
    let mut rows = BEFORE_RELEASE.iter();
    rows.find(|(of, early, _)| (*of, *early) == (program, version))
        .map(|(_, _, known_from)| *known_from)
}

/// The version before one, if that is known.
pub fn one_before(program: Program, version: Version) -> Option<Version> {
    let minor = version.minor.checked_sub(1)?;
    let before = Version { minor, ..version };
    (before >= known(program).0).then_some(before)
}

/// Which release a version compiles as, if any; a later one than is known compiles as the last.
pub(crate) fn release(program: Program, version: Version) -> Option<Version> {
    let (first, last) = known(program);
    (version >= first && version.major <= last.major).then_some(version.min(last))
}

/// The values of one release of each program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    pub kubernetes: Version,
    pub etcd: Version,
    pub containerd: Version,
    /// The oldest etcd that goes with it.
    pub oldest_etcd: Version,
    /// The releases of Go with which Kubernetes and etcd are published.
    kubernetes_go: Option<Version>,
    etcd_go: Option<Version>,
    /// What an API server that is up answers `ok` to, through `kubectl get --raw`.
    pub health_path: &'static str,
    /// `apiVersion` of RuntimeClass.
    pub runtime_class_api_version: &'static str,
    /// The version of the CNI specification that the networks' configuration follows.
    pub cni_version: &'static str,
    /// The image of a pod's sandbox.
    pub sandbox_image: &'static str,
    pub coredns_image: &'static str,
    /// Whether the kubelet can use Docker by itself.
    pub docker: bool,
    pub dual_stack: bool,
    /// Whether kubelets may label their nodes with a zone and region of `topology.kubernetes.io`.
    pub topology_labels: bool,
    /// Whether tokens of service accounts may be signed with ML-DSA.
    pub ml_dsa_tokens: bool,
    /// The modes of kube-proxy, the default first.
    pub proxy_modes: &'static [&'static str],
    /// What is to be said of a mode of kube-proxy.
    pub discouraged_proxy_modes: Vec<(&'static str, &'static str)>,
    /// Flags that not all releases take, by component.
    flags: Vec<(&'static str, Flag)>,
    /// Settings that not all releases take, by component.
    settings: Vec<(&'static str, Setting)>,
}

impl Release {
    /// The release with the etcd and the containerd that go with it.
    pub fn of(kubernetes: Version) -> Release {
        Release::of_rows(CHANGES, kubernetes)
    }

    /// The values of these versions, each a known one.
    pub(crate) fn with(kubernetes: Version, etcd: Version, containerd: Version) -> Release {
        Release::with_rows(CHANGES, kubernetes, etcd, containerd)
    }

    fn of_rows(changes: &[Change], kubernetes: Version) -> Release {
        let lowest = |program: Program| known(program).0;
        let (mut etcd, mut containerd) = (lowest(Program::Etcd), lowest(Program::Containerd));
        for change in changes
            .iter()
            .filter(|change| change.of == Program::Kubernetes && change.since <= kubernetes)
        {
            match change.sets {
                Sets::Etcd(version) => etcd = Version::parse(version).unwrap_or(etcd),
                Sets::Containerd(version) => containerd = Version::parse(version).unwrap_or(containerd),
                _ => {}
            }
        }
        Release::with_rows(changes, kubernetes, etcd, containerd)
    }

    fn with_rows(changes: &[Change], kubernetes: Version, etcd: Version, containerd: Version) -> Release {
        let mut release = Release {
            kubernetes,
            etcd,
            containerd,
            oldest_etcd: known(Program::Etcd).0,
            ..Release::default()
        };
        for change in changes {
            if change.since <= release.of_program(change.of) {
                release.apply(change.of, change.sets);
            }
        }
        release
    }

    fn apply(&mut self, of: Program, sets: Sets) {
        match sets {
            Sets::CompiledWith(go) => {
                let compiled_with = Version::parse(go);
                match of {
                    Program::Kubernetes => self.kubernetes_go = compiled_with,
                    Program::Etcd => self.etcd_go = compiled_with,
                    Program::Containerd => {}
                }
            }
            // Decided before: they choose whose changes apply.
            Sets::Etcd(_) | Sets::Containerd(_) => {}
            Sets::OldestEtcd(version) => self.oldest_etcd = Version::parse(version).unwrap_or(self.oldest_etcd),
            Sets::HealthPath(path) => self.health_path = path,
            Sets::RuntimeClassApi(version) => self.runtime_class_api_version = version,
            Sets::CniVersion(version) => self.cni_version = version,
            Sets::SandboxImage(image) => self.sandbox_image = image,
            Sets::CoreDnsImage(image) => self.coredns_image = image,
            Sets::Docker(speaks) => self.docker = speaks,
            Sets::DualStack(possible) => self.dual_stack = possible,
            Sets::TopologyLabels(taken) => self.topology_labels = taken,
            Sets::MlDsaTokens(taken) => self.ml_dsa_tokens = taken,
            Sets::ProxyModes(modes) => self.proxy_modes = modes,
            Sets::DiscouragedProxyMode(mode, why) => self.discouraged_proxy_modes.push((mode, why)),
            Sets::Flag(component, flag) => self.flags.push((component, flag)),
            Sets::Setting(component, setting) => self.settings.push((component, setting)),
            Sets::NoSetting(component, path) => self
                .settings
                .retain(|(of, setting)| (*of, setting.path) != (component, path)),
            Sets::NoFlag(component, name) => self.flags.retain(|(of, flag)| (*of, flag.name) != (component, name)),
        }
    }

    /// The release of Go with which the first patch of a program's minor is published; nothing asks for containerd's.
    pub(crate) fn compiled_with(&self, program: Program) -> Option<Version> {
        match program {
            Program::Kubernetes => self.kubernetes_go,
            Program::Etcd => self.etcd_go,
            Program::Containerd => None,
        }
    }

    /// By whose versions a component goes, and which one this is.
    pub(crate) fn version_of(&self, component: &Component) -> VersionOf {
        let program = component.program;
        let version = self.of_program(program);
        VersionOf { program, version }
    }

    fn of_program(&self, program: Program) -> Version {
        match program {
            Program::Kubernetes => self.kubernetes,
            Program::Etcd => self.etcd,
            Program::Containerd => self.containerd,
        }
    }

    /// The kind of a component's configuration file with its version, such as `KubeletConfiguration/v1beta1`.
    pub(crate) fn kind_of(&self, component: &Component) -> Option<String> {
        let settings = self.settings_of(component);
        let text = |key: &str| {
            settings.iter().find_map(|setting| match (setting.path, setting.value) {
                ([own], SettingValue::Text(text)) if *own == key => Some(text),
                _ => None,
            })
        };
        let version = text("apiVersion")?;
        Some(format!(
            "{}/{}",
            text("kind")?,
            version.rsplit('/').next().unwrap_or(version)
        ))
    }

    /// The settings of a component's configuration file, in the order of its table; a later one of the same path counts.
    pub(crate) fn settings_of(&self, component: &Component) -> Vec<Setting> {
        let always = component.config.map_or(&[][..], |config| config.settings);
        let own = self.settings.iter().filter(|(name, _)| *name == component.name);
        let mut settings: Vec<Setting> = Vec::new();
        for setting in always.iter().chain(own.map(|(_, setting)| setting)) {
            match settings.iter_mut().find(|earlier| earlier.path == setting.path) {
                Some(earlier) => *earlier = *setting,
                None => settings.push(*setting),
            }
        }
        settings
    }

    /// The flags that this release gives `component` beside those that all take.
    pub(crate) fn flags_of(&self, component: &str) -> impl Iterator<Item = &Flag> {
        self.flags
            .iter()
            .filter(move |(of, _)| *of == component)
            .map(|(_, flag)| flag)
    }
}

/// The table as a document for programs.
pub fn to_json() -> Value {
    let programs = Program::ALL.map(|program| {
        let (first, last) = known(program);
        let changes = CHANGES.iter().filter(|change| change.of == program);
        let changes: Vec<Value> = changes.map(as_json).collect();
        json!({"program": program.name(), "first": first.to_string(), "last": last.to_string(), "changes": changes})
    });
    JsonKind::Releases.document([("programs", programs.to_vec().into())])
}

pub(super) fn as_json(change: &Change) -> Value {
    json!({"since": change.since.to_string(), "what": change.sets.to_string(), "why": change.why})
}

/// The table in words: for each program and version what changes, and why; for each Kubernetes release what goes with it.
pub fn table() -> String {
    let mut text = String::new();
    for program in Program::ALL {
        let (first, last) = known(program);
        text.push_str(&format!("{} {first} to {last}\n", program.name()));
        let mut at = None;
        for change in CHANGES.iter().filter(|change| change.of == program) {
            let version = match at == Some(change.since) {
                true => String::new(),
                false => change.since.to_string(),
            };
            at = Some(change.since);
            text.push_str(&format!("  {version:<5} {} ({})\n", change.sets, change.why));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::flag::flag;

    /// To follow a release, `tables/releases.rs` changes and nothing else: here with rows for one that is not out yet.
    #[test]
    fn a_release_is_rows() {
        let (_, last) = known(Program::Kubernetes);
        let next = Version::new(last.major, last.minor + 1);
        let row = |sets: Sets| Change {
            of: Program::Kubernetes,
            since: next,
            sets,
            why: "it is new",
        };
        let mut rows = CHANGES.to_vec();
        rows.push(row(Sets::CoreDnsImage("registry.k8s.io/coredns/coredns:v9")));
        rows.push(row(Sets::Flag("kubelet", flag("brand-new", "yes"))));
        rows.push(row(Sets::ProxyModes(&["nftables"])));
        let (before, after) = (Release::of_rows(&rows, last), Release::of_rows(&rows, next));
        assert_eq!(before, Release::of(last), "earlier releases are what they were");
        assert_eq!(after.coredns_image, "registry.k8s.io/coredns/coredns:v9");
        assert_eq!(after.proxy_modes, ["nftables"]);
        assert!(after.flags_of("kubelet").any(|flag| flag.name == "brand-new"));
        assert_eq!(
            (after.etcd, after.sandbox_image),
            (before.etcd, before.sandbox_image),
            "the rest stays"
        );
    }

    #[test]
    fn every_program_has_known_versions() {
        for program in Program::ALL {
            assert_eq!(
                KNOWN.iter().filter(|(of, _, _)| *of == program).count(),
                1,
                "{program:?}"
            );
            assert_eq!(release(program, known(program).1), Some(known(program).1));
        }
    }
}
