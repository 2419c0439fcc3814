//! The programs of each machine with their flags, whether a unit starts them or a static pod does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::evidence::Evidence;
use crate::audit::document::Tree;
use crate::audit::environment::assignments;
use crate::audit::static_pods::containers;
use crate::audit::unit::{CommandLine, FILE_OF_ETCD};
use crate::audit::view::{HostView, View};
use crate::pki::inspect::Certificate;

/// The programs of a cluster whose flags say how it is.
pub(super) const PROGRAMS: [&str; 6] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
];

/// A program that runs on a machine.
pub(super) struct RunningProgram<'v> {
    pub host: &'v HostView<'v>,
    /// The unit or the manifest.
    pub path: &'v str,
    pub line: Cow<'v, CommandLine>,
    pub environment: Cow<'v, BTreeMap<String, String>>,
    /// The variables that a static pod has from elsewhere.
    pub from_elsewhere: Vec<String>,
    /// What a static pod is made of: `registry.k8s.io/etcd:3.6.5-0`.
    pub image: Option<&'v str>,
}

/// Every program of the cluster, by machine.
pub(super) fn programs<'v>(view: &'v View<'v>) -> Vec<RunningProgram<'v>> {
    let mut all = Vec::new();
    for host in &view.hosts {
        for command in &host.commands {
            all.push(RunningProgram {
                host,
                path: command.path,
                line: Cow::Borrowed(&command.line),
                environment: Cow::Borrowed(&command.environment),
                from_elsewhere: Vec::new(),
                image: None,
            });
        }
        for (path, documents) in &host.documents {
            all.extend(documents.iter().flat_map(|document| of_pod(host, path, document)));
        }
        if !all
            .iter()
            .any(|one| one.host.name == host.name && one.name() == "kubelet")
        {
            all.extend(kubelet_of_kubeadm(host));
        }
    }
    all.retain(|program| PROGRAMS.contains(&program.name()));
    all
}

/// What the containers of a static pod start.
fn of_pod<'v>(host: &'v HostView<'v>, path: &'v str, pod: &'v Tree) -> impl Iterator<Item = RunningProgram<'v>> {
    containers(pod).map(move |container| RunningProgram {
        host,
        path,
        line: Cow::Owned(container.line),
        environment: Cow::Owned(container.environment),
        from_elsewhere: container.from_elsewhere,
        image: container.image,
    })
}

/// Where kubeadm has the kubelet's configuration, its kubeconfig, and flags of this machine.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBELET_KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const KUBELET_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// The kubelet that kubeadm has set up, where the unit of its package is not here: `/usr` is seldom copied.
fn kubelet_of_kubeadm<'v>(host: &'v HostView<'v>) -> Option<RunningProgram<'v>> {
    let here = |path: &str| host.host.files.get_key_value(path).map(|(path, _)| path.as_str());
    let path = here(KUBELET_CONFIG)
        .or_else(|| here(KUBELET_KUBECONFIG))
        .filter(|_| !host.host.loose)?;
    let mut words = vec!["kubelet".to_owned(), format!("--kubeconfig={KUBELET_KUBECONFIG}")];
    words.extend(here(KUBELET_CONFIG).map(|path| format!("--config={path}")));
    let flags = assignments(host.host.text(KUBELET_FLAGS).unwrap_or_default());
    let flags = flags.into_iter().rev().find(|(name, _)| name == "KUBELET_KUBEADM_ARGS");
    words.extend(
        flags
            .iter()
            .flat_map(|(_, flags)| flags.split_whitespace())
            .map(str::to_owned),
    );
    Some(RunningProgram {
        host,
        path,
        line: Cow::Owned(CommandLine::of(words)),
        environment: Cow::Owned(BTreeMap::new()),
        from_elsewhere: Vec::new(),
        image: None,
    })
}

/// The file that something on a host calls `path`: itself, or where there are no machines the one whose path ends most alike.
pub(super) fn resolve<'v>(host: &HostView<'v>, path: &str) -> Option<&'v str> {
    if !host.host.loose {
        return host.resolve(path);
    }
    let parts = |path: &str| -> Vec<String> { path.rsplit('/').map(str::to_owned).collect() };
    let asked = parts(path);
    let alike = |path: &str| {
        parts(path)
            .iter()
            .zip(&asked)
            .take_while(|(one, other)| one == other)
            .count()
    };
    let files = host.host.files.keys().map(String::as_str);
    let best = files.map(|file| (alike(file), file)).filter(|(alike, _)| *alike > 0);
    best.max_by_key(|(alike, file)| (*alike, std::cmp::Reverse(*file)))
        .map(|(_, file)| file)
}

impl<'v> RunningProgram<'v> {
    pub(super) fn name(&self) -> &str {
        &self.line.program
    }

    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.line.flag(name)
    }

    /// Where a flag of it stands.
    pub(super) fn evidence(&self, flag: &str) -> Evidence {
        if let Some(file) = self.line.read_from.as_deref().filter(|_| flag != FILE_OF_ETCD) {
            return Evidence::within(self.host, file, &format!("{flag}:"), flag);
        }
        Evidence::within(self.host, self.path, &format!("--{flag}"), &format!("--{flag}"))
    }

    /// Where a variable of its command line stands.
    pub(super) fn variable(&self, name: &str) -> Evidence {
        let text = self.host.host.text(self.path).unwrap_or_default();
        let as_written = [format!("${name}"), format!("${{{name}}}")];
        let needle = as_written.iter().find(|written| text.contains(*written));
        Evidence::within(
            self.host,
            self.path,
            needle.map_or(name, String::as_str),
            &as_written[0],
        )
    }

    /// The file that a flag names.
    pub(super) fn file(&self, flag: &str) -> Option<&'v str> {
        resolve(self.host, self.flag(flag)?)
    }

    /// The certificates in the file that a flag names.
    pub(super) fn certificates(&self, flag: &str) -> Vec<&'v Certificate> {
        self.file(flag)
            .map_or_else(Vec::new, |path| certificates(self.host, path))
    }

    /// Its configuration file: the document of that kind which its flag names.
    pub(super) fn config(&self) -> Option<(&'v str, &'v Tree)> {
        let path = self.file("config")?;
        let documents = self.host.documents.get(path)?;
        Some((path, documents.first()?))
    }

    /// The variables of its command line that have no value here: any flags may be in them.
    pub(super) fn unvalued(&self) -> impl Iterator<Item = &str> {
        self.line.unset.iter().chain(&self.line.untold).map(String::as_str)
    }

    pub(super) fn is_static_pod(&self) -> bool {
        self.image.is_some()
    }
}

/// Each program of a machine, and that of ours which takes its place, by the host's name.
pub(super) fn pairs<'a, 'v>(
    running: &'a [RunningProgram<'v>],
    made: &'a [RunningProgram<'v>],
    names: &BTreeMap<String, String>,
) -> Vec<(String, &'a RunningProgram<'v>, &'a RunningProgram<'v>)> {
    let of_machines = running.iter().filter(|one| !one.host.host.loose);
    let paired = of_machines.filter_map(|one| {
        let host = names.get(one.host.name)?;
        let mut ours = made.iter();
        let ours = ours.find(|ours| ours.name() == one.name() && ours.host.name == host)?;
        Some((host.clone(), one, ours))
    });
    paired.collect()
}

/// The certificates in a file of a host.
pub(super) fn certificates<'v>(host: &'v HostView<'v>, path: &str) -> Vec<&'v Certificate> {
    let items = host.pem.get(path).map_or(&[][..], AsRef::as_ref);
    crate::audit::view::certificates_of(items)
}
