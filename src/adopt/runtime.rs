//! What nodes run pods with.

use super::evidence::{Claims, Evidence, Settled};
use super::programs::RunningProgram;
use crate::audit::document::Tree;
use crate::audit::view::View;
use crate::catalog::releases::{Release, Version};
use crate::diagnostic::Reporter;

/// `[runtime]` as far as it is told.
#[derive(Clone, Debug, Default)]
pub(super) struct AdoptedRuntime {
    pub engine: Option<Settled<String>>,
    pub version: Option<Settled<String>>,
    pub cgroup_driver: Option<Settled<String>>,
    pub cgroup_v1: Option<Settled<bool>>,
    pub gvisor: Option<Settled<bool>>,
}

const CONTAINERD: &str = "/etc/containerd/config.toml";

/// Version of the file | the first and the last containerd that we write it for | the one that is written where nothing else tells which runs.
#[rustfmt::skip]
const FORMS: &[(&str, Version, Version, &str)] = &[
    ("2", Version::new(1, 3), Version::new(1, u16::MAX), "1.7"),
    ("3", Version::new(2, 0), Version::new(2, 3), "2.0"),
    ("4", Version::new(2, 4), Version::new(u16::MAX, u16::MAX), "2.4"),
];

pub(super) fn runtime(
    view: &View<'_>,
    programs: &[RunningProgram<'_>],
    kubernetes: &str,
    say: &Reporter,
) -> AdoptedRuntime {
    let release = Version::parse(kubernetes).map(Release::of).unwrap_or_default();
    let kubelets: Vec<&RunningProgram<'_>> = programs.iter().filter(|one| one.name() == "kubelet").collect();
    let mut engines: Claims<String> = Claims::default();
    let mut drivers: Claims<String> = Claims::default();
    let mut versions: Claims<String> = Claims::default();
    let mut found = AdoptedRuntime::default();
    for host in view.hosts.iter().filter(|host| !host.host.about.containerd.is_empty()) {
        let evidence = Evidence::words(format!("{}: its MANIFEST", host.name));
        versions.add(host.host.about.containerd.clone(), evidence);
    }
    for host in &view.hosts {
        let Some(config) = host.documents.get(CONTAINERD).and_then(|all| all.first()) else {
            continue;
        };
        engines.add("containerd".to_owned(), Evidence::file(host, CONTAINERD));
        let form = config.text_at(&["version"]);
        let written_for = FORMS.iter().find(|(one, ..)| form == Some(one));
        if versions.is_empty()
            && let Some((_, from, to, version)) = written_for
            && !(*from..=*to).contains(&release.containerd)
        {
            let evidence = Evidence::within(host, CONTAINERD, "version", "the version of its form");
            found.version = Some(Settled::told((*version).to_owned(), evidence));
        }
        let text = host
            .host
            .files
            .get(CONTAINERD)
            .and_then(|file| file.text())
            .unwrap_or_default();
        if text.contains("runsc") {
            found.gvisor = Some(Settled::told(
                true,
                Evidence::within(host, CONTAINERD, "runsc", "runsc"),
            ));
        }
    }
    for kubelet in &kubelets {
        let config = kubelet.config();
        let socket = kubelet.flag("container-runtime-endpoint");
        let in_config = config.and_then(|(_, config)| config.text_at(&["containerRuntimeEndpoint"]));
        let evidence = Evidence::file(kubelet.host, kubelet.path);
        match (socket.or(in_config), kubelet.flag("container-runtime")) {
            (Some(socket), _) if socket.contains("containerd") => {
                engines.add("containerd".to_owned(), evidence.clone())
            }
            // The kubelet's own default, as long as it spoke to Docker itself.
            (None, None | Some("docker")) if release.docker => engines.add("docker".to_owned(), evidence.clone()),
            _ => {}
        }
        let driver = config.and_then(|(path, config)| {
            let driver = config.text_at(&["cgroupDriver"])?;
            Some((
                driver,
                Evidence::within(kubelet.host, path, "cgroupDriver", "cgroupDriver"),
            ))
        });
        match (kubelet.flag("cgroup-driver"), driver) {
            (Some(driver), _) => drivers.add(driver.to_owned(), kubelet.evidence("cgroup-driver")),
            (None, Some((driver, evidence))) => drivers.add(driver.to_owned(), evidence),
            // What its file says is not known, and has been told.
            (None, None) if config.is_none() && kubelet.flag("config").is_some() => {}
            // The kubelet's own default.
            (None, None) => drivers.add("cgroupfs".to_owned(), evidence),
        }
        if let Some((path, config)) = config
            && config.at(&["failCgroupV1"]).and_then(Tree::text) == Some("false")
        {
            let evidence = Evidence::within(kubelet.host, path, "failCgroupV1", "failCgroupV1");
            found.cgroup_v1 = Some(Settled::told(true, evidence));
        }
    }
    found.engine = engines.settle("what runs containers", String::clone, say);
    found.cgroup_driver = drivers.settle("the driver of control groups", String::clone, say);
    if let Some(version) = versions.settle("the version of containerd", String::clone, say) {
        let is_containerd = found.engine.as_ref().is_some_and(|engine| engine.value == "containerd");
        found.version = is_containerd.then_some(version);
    }
    found
}
