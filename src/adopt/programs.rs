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
    /// Files beside that one in which its flags may stand: drop-ins, and those of variables.
    pub more: Vec<&'v str>,
    /// What may set its variables and is not here.
    pub elsewhere: &'v [String],
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
                more: command.more.clone(),
                elsewhere: &command.elsewhere,
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

/// What should start a program of a cluster and starts something else, as a script: where that is, and what is read of it.
pub(super) fn unread(view: &View<'_>) -> Vec<(Evidence, &'static str, String)> {
    let mut all = Vec::new();
    let named = |text: &str| PROGRAMS.into_iter().find(|program| name_of(text) == *program);
    let meant = |name: &str, line: &CommandLine| {
        // The script of a shell is one word.
        let words = line.words.iter().flat_map(|word| word.split([' ', '\n', '\t']));
        named(name).or_else(|| words.filter(|word| word.starts_with('/')).find_map(named))
    };
    let is_read = |line: &CommandLine| PROGRAMS.contains(&line.program.as_str());
    for host in &view.hosts {
        for unit in &host.units {
            let lines: Vec<&CommandLine> = host
                .commands
                .iter()
                .filter(|one| one.path == unit.path)
                .map(|one| &one.line)
                .collect();
            let stem = unit.name().trim_end_matches(".service");
            if let Some(line) = lines.first().filter(|_| !lines.iter().any(|line| is_read(line)))
                && let Some(program) = meant(stem, line)
            {
                let evidence = Evidence::within(host, unit.path, "ExecStart=", "");
                all.push((evidence, program, line.path().1.to_owned()));
            }
        }
        for (path, documents) in &host.documents {
            for pod in documents.iter().filter(|document| document.kind() == "Pod") {
                let containers = pod.items_at(&["spec", "containers"]);
                for (container, of_pod) in containers.iter().zip(of_pod(host, path, pod)) {
                    let name = container.text_at(&["name"]).unwrap_or_default();
                    if let Some(program) = meant(name, &of_pod.line).filter(|_| !is_read(&of_pod.line)) {
                        let evidence = Evidence::within(host, path, "command:", "");
                        all.push((evidence, program, of_pod.line.path().1.to_owned()));
                    }
                }
            }
        }
    }
    all
}

/// The last part of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
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
        more: Vec::new(),
        elsewhere: &[],
    })
}

/// Where kubeadm has the kubelet's configuration, its kubeconfig, and flags of this machine.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBELET_KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const KUBELET_FLAGS: (&str, &str) = ("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS");
/// Where an administrator adds flags, of Debian's kind and of Red Hat's
/// (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/>).
const MORE_FLAGS: [(&str, &str); 2] = [
    ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS"),
    ("/etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS"),
];

/// The kubelet that kubeadm has set up, where the unit of its package is not here: `/usr` is seldom copied.
fn kubelet_of_kubeadm<'v>(host: &'v HostView<'v>) -> Option<RunningProgram<'v>> {
    let here = |path: &str| host.host.files.get_key_value(path).map(|(path, _)| path.as_str());
    let path = here(KUBELET_CONFIG)
        .or_else(|| here(KUBELET_KUBECONFIG))
        .filter(|_| !host.host.loose)?;
    let mut words = vec!["kubelet".to_owned(), format!("--kubeconfig={KUBELET_KUBECONFIG}")];
    words.extend(here(KUBELET_CONFIG).map(|path| format!("--config={path}")));
    let mut more = Vec::new();
    for (file, variable) in std::iter::once(KUBELET_FLAGS).chain(MORE_FLAGS) {
        let Some(file) = here(file) else { continue };
        let all = assignments(host.host.text(file).unwrap_or_default());
        let flags = all.into_iter().rev().find(|(name, _)| name == variable);
        words.extend(
            flags
                .iter()
                .flat_map(|(_, flags)| flags.split_whitespace())
                .map(str::to_owned),
        );
        more.push(file);
    }
    Some(RunningProgram {
        host,
        path,
        line: Cow::Owned(CommandLine::of(words)),
        environment: Cow::Owned(BTreeMap::new()),
        from_elsewhere: Vec::new(),
        image: None,
        more,
        elsewhere: &[],
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
        let as_given = format!("--{flag}");
        // Kubernetes' programs take an underscore for a hyphen.
        let written = [as_given.clone(), format!("--{}", flag.replace('-', "_"))];
        let is_in = |path: &&str, needle: &str| self.host.host.text(path).is_some_and(|text| text.contains(needle));
        let files = || std::iter::once(self.path).chain(self.more.iter().copied());
        let found = written
            .iter()
            .find_map(|needle| Some((files().find(|path| is_in(path, needle))?, needle)));
        let (path, needle) = found.unwrap_or((self.path, &as_given));
        Evidence::within(self.host, path, needle, &as_given)
    }

    /// Where a variable of its command line stands.
    pub(super) fn variable(&self, name: &str) -> Evidence {
        let as_written = [format!("${name}"), format!("${{{name}}}")];
        let mut files = std::iter::once(self.path).chain(self.more.iter().copied());
        let found = files.find_map(|path| {
            let text = self.host.host.text(path)?;
            Some((path, as_written.iter().find(|written| text.contains(*written))?))
        });
        let (path, needle) = found.unwrap_or((self.path, &as_written[0]));
        Evidence::within(self.host, path, needle, &as_written[0])
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
