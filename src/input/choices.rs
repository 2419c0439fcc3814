//! Which releases, which layout, and what workers run pods with: values that are chosen from a few.
use std::collections::BTreeSet;

use crate::catalog::engines::Runtime;
use crate::catalog::layouts::Layout;
use crate::catalog::releases::{self, Program, Release, Version};
use crate::cluster::{CgroupDriver, Kubeconfigs, NO_PROXY, Nodes, PodNetwork};
use crate::diagnostic::suggest::offered;
use crate::diagnostic::{Place, Reporter, codes};

use super::draft::{DraftNodes, DraftRelease};
use super::tree::{At, Fields, Written};
use super::values::path_on_host;

/// More workers than this are not connected by routes from each to each unless that is asked for.
const MOST_ROUTES: usize = 256;

/// Reads `kubernetes` and `etcd` of `[cluster]`, and `version` of `[runtime]`.
pub fn release(cluster: Option<&Fields<'_>>, runtime: Option<&Fields<'_>>) -> Option<DraftRelease> {
    let (cluster, runtime) = (cluster?, runtime?);
    let kubernetes = version(cluster, "kubernetes", Program::Kubernetes);
    let etcd = version(cluster, "etcd", Program::Etcd);
    let containerd = version(runtime, "version", Program::Containerd);
    let last = releases::last_released(Program::Kubernetes);
    let (text, kubernetes) = kubernetes.or((last.to_string(), last))?;
    let usual = Release::of(kubernetes);
    let (etcd_text, etcd) = etcd.or((usual.etcd.to_string(), usual.etcd))?;
    let containerd = containerd.or((String::new(), usual.containerd))?.1;
    if cluster.has("etcd") && etcd < usual.oldest_etcd {
        let message = format!(
            "Kubernetes {text} goes with etcd {} or later, not {etcd}",
            usual.oldest_etcd
        );
        cluster.doc.say.at(cluster.place("etcd"), codes::OLD_ETCD, message);
    }
    Some(DraftRelease {
        version: text,
        etcd: etcd_text,
        release: Release::with(kubernetes, etcd, containerd),
    })
}

/// A version as it is written without a `v`, and the one that it compiles as.
fn version(fields: &Fields<'_>, name: &str, program: Program) -> Written<(String, Version)> {
    if fields.misspelt(name) {
        return Written::Wrong;
    }
    fields.optional(name, |text, say| known_version(&text, program, say))
}

fn known_version(text: &At<String>, program: Program, say: &Reporter) -> Option<(String, Version)> {
    let plain = text.value.strip_prefix('v').unwrap_or(&text.value).to_owned();
    let (first, last) = releases::known(program);
    let called = program.name();
    let version = Version::parse(&text.value);
    let compiled = version.and_then(|version| releases::release(program, version));
    if compiled.is_none() {
        let message = format!("unknown {called} release \"{}\"", text.value);
        let hint = match version {
            Some(_) => format!("the releases are {first} to {last}; `khw-gen releases` shows them"),
            None => format!("write it as {last}, {last}.2 or {last}.0-rc.1; the releases are {first} to {last}"),
        };
        say.at(text, codes::UNKNOWN_RELEASE, message).hint(hint);
    } else if compiled != version {
        let message = format!("{called} {plain} is later than {last}, the last that is known: compiled as {last}");
        say.at(text, codes::LATER_RELEASE, message);
    } else if let Some(known_from) = compiled.and_then(|version| releases::before_release(program, version)) {
        let message = format!(
            "{called} {} is not released yet, and known from {known_from}",
            compiled.unwrap_or_default()
        );
        say.at(text, codes::EARLY_RELEASE, message);
    } else if plain.contains('-') {
        let released = compiled.unwrap_or_default();
        let message = format!("{called} {plain} came before {released} was released, which it is compiled as");
        say.at(text, codes::EARLY_RELEASE, message)
            .hint(format!("write {released}, or a patch of it"));
    }
    Some((plain, compiled?))
}

/// Reads `layout` of `[pki]`; where it is not given, the one that the CSR folder is written for.
pub fn layout(pki: &Fields<'_>, default: impl FnOnce() -> Layout) -> Option<Layout> {
    let given = choice(pki, "layout", Layout::named, Layout::NAMES);
    Some(given.sound()?.map_or_else(default, |given| given.value))
}

/// Reads `per_host` of `[pki]`.
pub fn per_host(pki: &Fields<'_>, layout: Layout) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    for node in pki.nodes("per_host") {
        let Some(name) = pki.doc.text(node) else { continue };
        let known = layout.shared().iter().map(|(name, _)| *name);
        match known.clone().find(|known| *known == name.value) {
            Some(known) if !all.insert(known) => {
                let message = format!("`{known}` stands here twice");
                pki.doc
                    .say
                    .at(&name, codes::UNKNOWN_CHOICE, message)
                    .hint("take one of the two out");
            }
            Some(_) => {}
            None if known.clone().next().is_none() => {
                let message =
                    "in the layout `single` keys that hosts share lie with the administrator too, in one file for all";
                pki.doc
                    .say
                    .at(&name, codes::UNKNOWN_CHOICE, message)
                    .hint("use the layout `split`");
            }
            None => {
                let message = format!("\"{}\" is no key that hosts share", name.value);
                pki.doc.say.at(&name.place, codes::UNKNOWN_CHOICE, message).meant_of(
                    &name.value,
                    known,
                    "those that they share are",
                );
            }
        }
    }
    all
}

/// Reads `kubeconfigs` of `[pki]`.
pub fn kubeconfigs(pki: &Fields<'_>) -> Option<Kubeconfigs> {
    let given = choice(pki, "kubeconfigs", Kubeconfigs::named, Kubeconfigs::NAMES);
    Some(given.sound()?.map_or(Kubeconfigs::Embedded, |given| given.value))
}

/// Reads `[runtime]` but for the version, and what `[network]` says of pods.
pub fn nodes(runtime: Option<&Fields<'_>>, network: Option<&Fields<'_>>) -> DraftNodes {
    let mut draft = DraftNodes::default();
    if let Some(fields) = runtime {
        draft.version = fields.has("version").then(|| fields.place("version"));
        draft.runtime = choice(fields, "engine", Runtime::named, Runtime::NAMES);
        draft.cgroup_driver = choice(fields, "cgroup_driver", CgroupDriver::named, CgroupDriver::NAMES);
        let flag = |name| {
            fields
                .written(name, || fields.boolean(name))
                .or(At::default_value(false))
        };
        draft.cgroup_v1 = flag("cgroup_v1").map(|at| at.value);
        draft.gvisor = flag("gvisor");
    }
    if let Some(fields) = network {
        draft.pod_network = choice(fields, "cni", PodNetwork::named, PodNetwork::NAMES);
        draft.proxy_mode = fields.optional("proxy_mode", |mode, _| Some(mode));
        draft.resolv_conf = fields
            .text_or("resolv_conf", "/run/systemd/resolve/resolv.conf")
            .and_then(|path| path_on_host(path, fields.doc.say))
            .map(|path| path.value);
    }
    draft
}

/// One of a few values by its name.
pub fn choice<T>(
    fields: &Fields<'_>,
    name: &str,
    named: fn(&str) -> Option<T>,
    names: &[&'static str],
) -> Written<At<T>> {
    if fields.misspelt(name) {
        return Written::Wrong;
    }
    fields.optional(name, |text, say| {
        let found = named(&text.value);
        if found.is_none() {
            unknown_choice(name, &text, names, say);
        }
        found.map(|found| text.with(found))
    })
}

/// Reports that the value of the field `name` is none of `all`.
fn unknown_choice(name: &str, text: &At<String>, all: &[&'static str], say: &Reporter) {
    let message = format!("`{name}` can't be \"{}\"", text.value);
    say.at(text, codes::UNKNOWN_CHOICE, message).meant_or(
        &text.value,
        all.iter().copied(),
        format!("write {}", offered(all.iter().copied())),
    );
}

/// What is chosen, as far as the release permits it. Each choice is judged by itself, so that one mistake hides no other.
pub fn check(draft: &DraftNodes, release: Option<&DraftRelease>, workers: usize, say: &Reporter) -> Option<Nodes> {
    let release = &release?.release;
    let runtime = runtime(draft, release, say);
    let proxy_mode = proxy_mode(draft, release, say);
    let pod_network = pod_network(draft, workers, say);
    if let (Some(NO_PROXY), Some(PodNetwork::Bridge), Some(Some(given))) =
        (proxy_mode, pod_network, draft.proxy_mode.sound())
    {
        let message = "pods get addresses by bridges, and nothing leads to a service's address without kube-proxy";
        say.at(given, codes::NO_SERVICE_PROXY, message);
    }
    let (runtime, driver) = (runtime?, draft.cgroup_driver.sound()?);
    Some(Nodes {
        runtime,
        cgroup_driver: driver.map_or(usual_driver(runtime), |driver| driver.value),
        cgroup_v1: draft.cgroup_v1?,
        gvisor: draft.gvisor.as_ref()?.value,
        resolv_conf: draft.resolv_conf.clone()?,
        pod_network: pod_network?,
        proxy_mode: proxy_mode?,
    })
}

fn usual_driver(runtime: Runtime) -> CgroupDriver {
    match runtime {
        Runtime::Containerd => CgroupDriver::Systemd,
        // Docker's own default; the kubelet's must be the same.
        Runtime::Docker => CgroupDriver::Cgroupfs,
    }
}

fn refused(message: String, at: &At<impl Sized>, hint: impl Into<String>, say: &Reporter) {
    say.at(&at.place, codes::NOT_IN_RELEASE, message).hint(hint.into());
}

fn runtime(draft: &DraftNodes, release: &Release, say: &Reporter) -> Option<Runtime> {
    let runtime = match draft.runtime.sound()? {
        Some(given) => given.value,
        None if release.docker => Runtime::Docker,
        None => Runtime::Containerd,
    };
    if let Some(given) = draft.runtime.given()
        && runtime == Runtime::Docker
        && !release.docker
    {
        let message = format!(
            "the kubelet of Kubernetes {} does not speak to Docker",
            release.kubernetes
        );
        refused(message, given, "use containerd, which Docker brings along", say);
    }
    if let Some(place) = &draft.version
        && runtime == Runtime::Docker
    {
        let message = "`version` is containerd's, and Docker runs the containers".to_owned();
        say.at(place, codes::UNUSED_RUNTIME_VERSION, message);
    }
    if let Some(given) = draft.gvisor.as_ref().filter(|gvisor| gvisor.value)
        && runtime == Runtime::Docker
    {
        let message = "gVisor's runtime class needs containerd".to_owned();
        refused(message, given, "set engine = \"containerd\"", say);
    }
    Some(runtime)
}

fn proxy_mode(draft: &DraftNodes, release: &Release, say: &Reporter) -> Option<&'static str> {
    let modes = release.proxy_modes;
    let Some(given) = draft.proxy_mode.sound()? else {
        return modes.first().copied();
    };
    if let Some((mode, why)) = release
        .discouraged_proxy_modes
        .iter()
        .find(|(mode, _)| given.value == *mode)
    {
        let message = format!("the mode {mode} of kube-proxy is {why}");
        say.at(&given.place, codes::DISCOURAGED_PROXY_MODE, message);
    }
    if given.value == NO_PROXY {
        return Some(NO_PROXY);
    }
    let mode = modes.iter().find(|known| **known == given.value);
    if mode.is_none() {
        let last = Release::of(releases::known(Program::Kubernetes).1);
        match last.proxy_modes.contains(&given.value.as_str()) {
            true => refused(
                format!(
                    "kube-proxy of Kubernetes {} has no mode {}",
                    release.kubernetes, given.value
                ),
                given,
                format!("write {}", offered(modes.iter().copied())),
                say,
            ),
            false => {
                let all: Vec<&'static str> = modes.iter().copied().chain([NO_PROXY]).collect();
                unknown_choice("proxy_mode", given, &all, say);
            }
        }
    }
    mode.copied()
}

fn pod_network(draft: &DraftNodes, workers: usize, say: &Reporter) -> Option<PodNetwork> {
    match draft.pod_network.sound()? {
        Some(given) => Some(given.value),
        None if workers > MOST_ROUTES => {
            let message = format!("{workers} workers would each need a route to every other: no pod network is made");
            say.at(None::<Place>, codes::NO_POD_NETWORK, message);
            Some(PodNetwork::Own)
        }
        None => Some(PodNetwork::Bridge),
    }
}
