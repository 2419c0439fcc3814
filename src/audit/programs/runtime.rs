//! The container runtime of a node and what goes with it: containerd's configuration, crictl's, and those of CNI.

use std::collections::BTreeMap;

use crate::audit::document::Tree;
use crate::audit::read_as::check_fields;
use crate::audit::spot::Spot;
use crate::audit::view::{HostView, NETWORK_PLUGINS, View};
use crate::catalog::releases::Version;
use crate::catalog::upgrades::format_of;
use crate::diagnostic::verify_codes as codes;
use crate::rules::containerd::{PLUGINS, RUNC, SERVER, VERSIONS, is_translated, settings_of_plugin, unread};

const CONTAINERD: &str = "/etc/containerd/config.toml";
/// Where settings beside it are put, by those who have it import them.
const CONF_D: &str = "/etc/containerd/conf.d/";
const CRICTL: &str = "/etc/crictl.yaml";
/// Where containerd answers unless it is told.
const SOCKET: &str = "/run/containerd/containerd.sock";

pub(crate) fn check(view: &View<'_>) {
    for host in &view.hosts {
        let at = |path| Spot { view, host, path };
        let configs = configs(host);
        for (path, config, naming) in &configs {
            check_containerd(at(path), config, *naming);
        }
        check_imports(at(CONTAINERD), &configs);
        let socket = (!configs.is_empty()).then(|| socket(host, &configs));
        let runtimes = runtimes_of(&configs);
        for name in runtimes
            .iter()
            .filter_map(|(name, one)| one.kind.is_none().then_some(name))
        {
            let message = format!("the runtime {name} has no runtime_type");
            at(CONTAINERD).report(codes::MISSING_SETTING, message);
        }
        if let Some(config) = host.documents(CRICTL).first() {
            check_fields(at(CRICTL), "crictl", config);
            let endpoints = ["runtime-endpoint", "image-endpoint"].map(|name| (name, config.text_at(&[name])));
            check_endpoints(at(CRICTL), socket, endpoints);
        }
        for (path, documents) in host
            .documents
            .iter()
            .filter(|(path, _)| path.starts_with(NETWORK_PLUGINS))
        {
            documents.iter().for_each(|document| check_network(at(path), document));
        }
        check_kubelet(view, host, socket, &runtimes);
    }
}

/// A file of containerd's configuration, where it is, and how it calls its settings.
type Config<'v> = (&'v str, &'v Tree, Naming);

/// By which version of the format a file calls its settings.
#[derive(Clone, Copy)]
enum Naming {
    Version(u64),
    /// What is imported need not tell a version, and is read by the names of each (seen on 1.6.20, 2.2.9, 2.3.7 and 2.4.2).
    Any,
    /// What stands there is no number.
    Unknown,
}

impl Naming {
    fn of(config: &Tree, is_imported: bool) -> Naming {
        match config.text_at(&["version"]).map(str::parse) {
            Some(Ok(version)) => Naming::Version(version),
            Some(Err(_)) => Naming::Unknown,
            None if is_imported => Naming::Any,
            None => Naming::Version(1),
        }
    }

    /// The version by which nothing of it is called as it was before; none where nothing can be told.
    fn version(self) -> Option<u64> {
        match self {
            Naming::Version(version) => Some(version),
            Naming::Any => Some(*VERSIONS.start()),
            Naming::Unknown => None,
        }
    }

    /// The kind of a plugin's settings, as [`settings_of_plugin`] has it.
    fn of_plugin(self, name: &str, program: Option<Version>) -> Result<Option<&'static str>, String> {
        match self {
            Naming::Version(version) => settings_of_plugin(version, name, program),
            Naming::Any => {
                let mut kinds = VERSIONS.rev().map(|version| settings_of_plugin(version, name, program));
                Ok(kinds.find_map(Result::ok).flatten())
            }
            Naming::Unknown => Ok(None),
        }
    }
}

/// containerd's configuration with what it imports, in the order in which one takes the place of what another says; empty, where it is
/// not here. What a file imports comes after all that came before.
fn configs<'v>(host: &'v HostView<'v>) -> Vec<Config<'v>> {
    let mut found: Vec<Config<'_>> = Vec::new();
    let mut pending = vec![CONTAINERD];
    while !pending.is_empty() {
        let path = pending.remove(0);
        let Some(config) = host
            .documents(path)
            .first()
            .filter(|_| found.iter().all(|(known, ..)| *known != path))
        else {
            continue;
        };
        found.push((path, config, Naming::of(config, !found.is_empty())));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for pattern in config.items_at(&["imports"]).iter().filter_map(Tree::text) {
            let pattern = match pattern.starts_with('/') {
                true => pattern.to_owned(),
                false => format!("{folder}/{}", pattern.trim_start_matches("./")),
            };
            let all = host.documents.keys().filter(|path| names(&pattern, path));
            pending.extend(all.copied());
        }
    }
    found
}

/// Whether a pattern of `imports` names a file, or may: a star is any part of one name (<https://pkg.go.dev/path/filepath#Match>).
fn names(pattern: &str, path: &str) -> bool {
    let (folders, parts) = (pattern.split('/'), path.split('/'));
    let is_name = |(pattern, name): (&str, &str)| {
        if pattern.contains(['?', '[', '\\']) {
            return true; // nobody is told that a file is unread by what is not read here
        }
        let mut rest = name;
        let mut pieces = pattern.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(after) = rest.strip_prefix(first) else {
            return false;
        };
        rest = after;
        let pieces: Vec<&str> = pieces.collect();
        let Some((last, middle)) = pieces.split_last() else {
            return rest.is_empty();
        };
        for piece in middle {
            let Some((_, after)) = rest.split_once(piece) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(last)
    };
    folders.clone().count() == parts.clone().count() && folders.zip(parts).all(is_name)
}

/// Files beside the configuration that it does not import. `containerd config dump` of 2.2.9, 2.3.7 and 2.4.2 lists conf.d among its imports
/// for every configuration, and reads it where the file itself names it alone.
fn check_imports(spot: Spot<'_>, configs: &[Config<'_>]) {
    if configs.is_empty() {
        return;
    }
    let beside = spot
        .host
        .documents
        .keys()
        .filter(|path| path.starts_with(CONF_D) && path.ends_with(".toml"));
    for path in beside.filter(|path| configs.iter().all(|(known, ..)| known != *path)) {
        let message = format!(
            "containerd does not read it: no `imports` of {CONTAINERD} names it, and there is none by default, whatever `containerd \
             config dump` lists; {CONTAINERD} needs `imports = [\"{CONF_D}*.toml\"]`"
        );
        spot.at(path).report(codes::UNREAD_SETTING, message);
    }
}

/// The containerd of a host, where its bundle tells.
fn program_of(host: &HostView<'_>) -> Option<Version> {
    Version::parse(&host.host.about.containerd)
}

/// At which socket containerd answers.
fn socket<'v>(host: &HostView<'_>, configs: &[Config<'v>]) -> &'v str {
    let said = configs.iter().rev().find_map(|(_, config, naming)| {
        let version = naming.version()?;
        let of_plugin = match naming.of_plugin(SERVER, program_of(host)) {
            Ok(_) => config.text_at(&["plugins", SERVER, "address"]),
            Err(_) => None,
        };
        let is_moved = unread("containerd", version, program_of(host)).any(|row| row.path == "grpc.address");
        of_plugin.or_else(|| config.text_at(&["grpc", "address"]).filter(|_| !is_moved))
    });
    said.unwrap_or(SOCKET)
}

/// Says what containerd does not read in one file, or reads as something else.
fn check_containerd(spot: Spot<'_>, config: &Tree, naming: Naming) {
    check_settings(spot, "containerd", naming, config);
    if let Naming::Version(version) = naming {
        check_version(spot, version);
    }
    for (name, plugin) in fields_of(config.get("plugins")) {
        match naming.of_plugin(name, program_of(spot.host)) {
            Ok(Some(kind)) => check_settings(spot, kind, naming, plugin),
            Ok(None) => {}
            Err(why) => spot.report(codes::UNREAD_SETTING, why),
        }
    }
    for (_, runtime) in runtimes(config) {
        check_settings(spot, "containerd/runtime", naming, runtime);
        if runtime.text_at(&["runtime_type"]) == Some(RUNC)
            && let Some(options) = runtime.get("options")
        {
            check_fields(spot, "runc", options);
        }
    }
}

/// Whether a containerd reads a file of this version, and as it is.
fn check_version(spot: Spot<'_>, version: u64) {
    let program = program_of(spot.host);
    if !VERSIONS.contains(&version) {
        let message = format!("`version` is {version}, which no containerd that is known reads");
        spot.report(codes::REFUSED_VALUE, message);
    }
    let format = u32::try_from(version).ok().and_then(format_of);
    if let Some(format) = format.filter(|format| program.is_some_and(|program| program < format.since)) {
        let message = format!(
            "`version` is {version}, which containerd reads from {} on: an older one {}",
            format.since, format.older
        );
        spot.report(codes::REFUSED_VALUE, message);
    }
    if let Some(program) = program.filter(|program| is_translated(version, *program)) {
        let message = format!(
            "`version` is {version}, an older one than that of containerd {program}, which translates it at each start, with a warning; \
             `containerd config migrate` writes what comes of it"
        );
        spot.report(codes::TRANSLATED_FILE, message);
    }
}

/// The settings of a kind in one file: whether anybody reads them, and then whether this containerd does in a file of this version.
fn check_settings(spot: Spot<'_>, kind: &str, naming: Naming, settings: &Tree) {
    check_fields(spot, kind, settings);
    let Some(version) = naming.version() else { return };
    for row in unread(kind, version, program_of(spot.host)) {
        let path: Vec<&str> = row.path.split('.').collect();
        if settings.at(&path).is_some() {
            let message = format!("`{}` {}: {}", row.path, row.why, row.instead);
            spot.report(codes::UNREAD_SETTING, message);
        }
    }
}

fn fields_of(map: Option<&Tree>) -> impl Iterator<Item = (&str, &Tree)> {
    let fields = match map {
        Some(Tree::Map(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|(name, value)| (name.as_str(), value))
}

/// The runtimes that pods may ask for of one file, by their names.
fn runtimes(config: &Tree) -> impl Iterator<Item = (&str, &Tree)> {
    let mut plugins: Vec<&str> = PLUGINS.iter().map(|(_, plugin, _)| *plugin).collect();
    plugins.sort_unstable();
    plugins.dedup();
    let plugins = plugins
        .into_iter()
        .filter_map(|plugin| config.at(&["plugins", plugin, "containerd", "runtimes"]));
    plugins.flat_map(|runtimes| fields_of(Some(runtimes)))
}

/// What all files together say of a runtime.
#[derive(Default)]
struct FoundRuntime<'v> {
    kind: Option<&'v str>,
    systemd: Option<&'v str>,
}

/// The runtimes by their names: a later file says one setting, and leaves the others.
fn runtimes_of<'v>(configs: &[Config<'v>]) -> BTreeMap<&'v str, FoundRuntime<'v>> {
    let mut all: BTreeMap<&str, FoundRuntime<'_>> = BTreeMap::new();
    for (name, runtime) in configs.iter().flat_map(|(_, config, _)| runtimes(config)) {
        let one = all.entry(name).or_default();
        one.kind = runtime.text_at(&["runtime_type"]).or(one.kind);
        one.systemd = runtime.text_at(&["options", "SystemdCgroup"]).or(one.systemd);
    }
    all
}

fn check_endpoints<const N: usize>(spot: Spot<'_>, socket: Option<&str>, endpoints: [(&str, Option<&str>); N]) {
    for (name, endpoint) in endpoints {
        let (Some(endpoint), Some(socket)) = (endpoint, socket) else {
            continue;
        };
        let path = endpoint.strip_prefix("unix://").unwrap_or(endpoint);
        // Both lead to the same folder.
        if path.trim_start_matches("/var") != socket.trim_start_matches("/var") {
            let message = format!("{name} is {endpoint}, and containerd answers at {socket}");
            spot.report(codes::RUNTIME_DISAGREES, message);
        }
    }
}

/// Whether the kubelet calls containerd where it answers, and both keep control groups by one driver.
fn check_kubelet(
    view: &View<'_>,
    host: &HostView<'_>,
    socket: Option<&str>,
    runtimes: &BTreeMap<&str, FoundRuntime<'_>>,
) {
    for kubelet in host.commands.iter().filter(|command| command.line.program == "kubelet") {
        let config = host.documents(kubelet.line.flag("config").unwrap_or_default()).first();
        // A flag beats the file.
        let said = |flag: &str, field: &str| kubelet.line.flag(flag).or_else(|| config?.text_at(&[field]));
        let spot = Spot {
            view,
            host,
            path: kubelet.path,
        };
        let endpoint = said("container-runtime-endpoint", "containerRuntimeEndpoint");
        check_endpoints(spot, socket, [("the kubelet's endpoint", endpoint)]);
        let driver = said("cgroup-driver", "cgroupDriver").unwrap_or("cgroupfs");
        for (name, runtime) in runtimes.iter().filter(|(_, runtime)| runtime.kind == Some(RUNC)) {
            let of_runtime = match runtime.systemd {
                Some("true") => "systemd",
                _ => "cgroupfs",
            };
            if of_runtime != driver {
                let message =
                    format!("the runtime {name} keeps control groups by {of_runtime}, and the kubelet by {driver}");
                spot.at(CONTAINERD).report(codes::RUNTIME_DISAGREES, message);
            }
        }
    }
}

/// A network's configuration: one plugin, or a list (CNI specification, section 1).
fn check_network(spot: Spot<'_>, document: &Tree) {
    let plugins = match document.get("plugins") {
        Some(plugins) => {
            check_fields(spot, "cni/list", document);
            plugins.items()
        }
        None => std::slice::from_ref(document),
    };
    if document.text_at(&["name"]).is_none() || plugins.is_empty() {
        spot.report(codes::MISSING_SETTING, "it has no name, or no plugin");
    }
    for plugin in plugins {
        let Some(kind) = plugin.text_at(&["type"]) else {
            spot.report(codes::MISSING_SETTING, "a plugin of it has no type");
            continue;
        };
        // Of those that are not in the table nothing is known.
        if let "bridge" | "loopback" | "portmap" = kind {
            check_fields(spot, &format!("cni/{kind}"), plugin);
        }
        if let Some(ipam) = plugin
            .get("ipam")
            .filter(|ipam| ipam.text_at(&["type"]) == Some("host-local"))
        {
            check_fields(spot, "cni/host-local", ipam);
        }
    }
}
