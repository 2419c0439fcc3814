//! The container runtime of a node and what goes with it: containerd's configuration, crictl's, and those of CNI.

use crate::audit::document::Tree;
use crate::audit::read_as::check_fields;
use crate::audit::spot::Spot;
use crate::audit::view::{HostView, NETWORK_PLUGINS, View};
use crate::catalog::releases::Version;
use crate::catalog::upgrades::format_of;
use crate::diagnostic::verify_codes as codes;
use crate::rules::containerd::{PLUGINS, RUNC, settings_of_plugin};

const CONTAINERD: &str = "/etc/containerd/config.toml";
const CRICTL: &str = "/etc/crictl.yaml";
/// Where containerd answers unless it is told.
const SOCKET: &str = "/run/containerd/containerd.sock";

pub(crate) fn check(view: &View<'_>) {
    for host in &view.hosts {
        let at = |path| Spot { view, host, path };
        let config = host.documents(CONTAINERD).first();
        let socket = config.map(|config| check_containerd(at(CONTAINERD), config));
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
        check_kubelet(view, host, socket);
    }
}

/// Says at which socket containerd answers.
fn check_containerd<'v>(spot: Spot<'v>, config: &'v Tree) -> &'v str {
    check_fields(spot, "containerd", config);
    let version = config
        .text_at(&["version"])
        .map_or(Some(1), |version| version.parse::<u64>().ok());
    let socket = config.text_at(&["grpc", "address"]).unwrap_or(SOCKET);
    let Some(version) = version else { return socket };
    let program = Version::parse(&spot.host.host.about.containerd);
    let format = u32::try_from(version).ok().and_then(format_of);
    if let Some(format) = format.filter(|format| program.is_some_and(|program| program < format.since)) {
        let message = format!(
            "`version` is {version}, which containerd reads from {} on: an older one {}",
            format.since, format.older
        );
        spot.report(codes::REFUSED_VALUE, message);
    }
    for (name, plugin) in fields_of(config.get("plugins")) {
        match settings_of_plugin(version, name) {
            Ok(Some(kind)) => check_fields(spot, kind, plugin),
            Ok(None) => {}
            Err(why) => spot.report(codes::UNREAD_SETTING, why),
        }
    }
    for (name, runtime) in runtimes(config) {
        check_fields(spot, "containerd/runtime", runtime);
        if runtime.text_at(&["runtime_type"]) == Some(RUNC)
            && let Some(options) = runtime.get("options")
        {
            check_fields(spot, "runc", options);
        }
        if runtime.text_at(&["runtime_type"]).is_none() {
            spot.report(
                codes::MISSING_SETTING,
                format!("the runtime {name} has no runtime_type"),
            );
        }
    }
    socket
}

fn fields_of(map: Option<&Tree>) -> impl Iterator<Item = (&str, &Tree)> {
    let fields = match map {
        Some(Tree::Map(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().map(|(name, value)| (name.as_str(), value))
}

/// The runtimes that pods may ask for, by their names.
fn runtimes(config: &Tree) -> impl Iterator<Item = (&str, &Tree)> {
    let plugins = PLUGINS
        .iter()
        .filter_map(|(_, plugin, _)| config.at(&["plugins", plugin, "containerd", "runtimes"]));
    plugins.flat_map(|runtimes| fields_of(Some(runtimes)))
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
fn check_kubelet(view: &View<'_>, host: &HostView<'_>, socket: Option<&str>) {
    let Some(containerd) = host.documents(CONTAINERD).first() else {
        return;
    };
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
        for (name, runtime) in runtimes(containerd) {
            if runtime.text_at(&["runtime_type"]) != Some(RUNC) {
                continue;
            }
            let of_runtime = match runtime.text_at(&["options", "SystemdCgroup"]) {
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
