//! What nodes need of the kernel: modules and settings, as systemd-modules-load(8) and systemd-sysctl(8) find them in a bundle.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::pods::{cluster_ranges, ranges_of};
use super::spot::Spot;
use super::view::{HostView, View};
use crate::diagnostic::verify_codes as codes;
use crate::found::FoundHost;

/// Folders of configuration, those that count before others first.
const ABOVE: [&str; 5] = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"];
const V4: [&str; 2] = ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"];
const V6: [&str; 2] = ["net.ipv6.conf.all.forwarding", "net.bridge.bridge-nf-call-ip6tables"];
/// Whether it is of IPv6 | what takes back what others give, for interfaces that come later | its value for that.
const TAKEN_BACK: &[(bool, &str, &str)] = &[
    (true, "net.ipv6.conf.all.disable_ipv6", "1"),
    (true, "net.ipv6.conf.default.disable_ipv6", "1"),
    (true, "net.ipv6.conf.default.forwarding", "0"),
    (false, "net.ipv4.conf.default.forwarding", "0"),
];
const MODULES: [&str; 2] = ["br_netfilter", "overlay"];

/// What a host's files say to the kernel, each with the file that says it last.
#[derive(Default)]
struct Kernel<'v> {
    settings: BTreeMap<String, (&'v str, &'v str)>,
    modules: BTreeMap<&'v str, &'v str>,
    /// Modules that are never loaded.
    refused: BTreeMap<&'v str, &'v str>,
}

pub(crate) fn check(view: &View<'_>) {
    let nodes = view
        .hosts
        .iter()
        .filter(|host| host.runs("kubelet") && !host.host.loose);
    let nodes: Vec<(&HostView<'_>, Kernel<'_>)> = nodes.map(|host| (host, read(view, host))).collect();
    // Where nobody brings any, machines may have them from elsewhere; a bundle brings them.
    let is_brought = |is_any: fn(&Kernel<'_>) -> bool| nodes.iter().any(|(_, kernel)| is_any(kernel));
    let has_settings = is_brought(|kernel| !kernel.settings.is_empty());
    let has_modules = is_brought(|kernel| !kernel.modules.is_empty());
    let cluster: Vec<IpNet> = cluster_ranges(view)
        .into_iter()
        .flat_map(|(_, ranges)| ranges)
        .collect();
    for (host, kernel) in &nodes {
        let report = |path, message: String| Spot { view, host, path }.report(codes::KERNEL_SETTING, message);
        let unit = host.programs("kubelet").next().map_or("", |kubelet| kubelet.path);
        let own: Vec<IpNet> = host
            .documents
            .iter()
            .flat_map(|(path, documents)| documents.iter().map(move |one| (Spot { view, host, path }, one)))
            .flat_map(|(spot, document)| ranges_of(spot, document))
            .map(|(_, range)| range)
            .collect();
        let ranges = if own.is_empty() { &cluster } else { &own };
        let has_v6 = ranges.iter().any(|range| range.addr().is_ipv6());
        let has_v4 = !has_v6 || ranges.iter().any(|range| range.addr().is_ipv4());
        let needed = [(has_v4, V4), (has_v6, V6)].into_iter().filter(|(has, _)| *has);
        for name in needed.flat_map(|(_, names)| names) {
            match kernel.settings.get(name) {
                Some((_, value)) if value.parse::<u32>().is_ok_and(|value| value != 0) => {}
                Some((path, value)) => report(path, format!("{name} is {value:?}, and pods need 1")),
                None if has_settings || host.host.is_bundle() => {
                    let path = kernel.settings.values().next().map_or(unit, |(path, _)| path);
                    report(path, format!("nothing here sets {name}, which pods need"));
                }
                None => {}
            }
        }
        for (has, name, wrong) in TAKEN_BACK {
            let is_wrong = |value: &str| (value == "0") == (*wrong == "0");
            let said = kernel.settings.get(*name).filter(|(_, value)| is_wrong(value));
            if let Some((path, value)) = said.filter(|_| if *has { has_v6 } else { has_v4 }) {
                report(path, format!("{name} is {value:?}: it takes from pods what they need"));
            }
        }
        for name in MODULES {
            if let Some(path) = kernel.refused.get(name) {
                report(path, format!("{name} is never loaded, and pods need it"));
            } else if !kernel.modules.contains_key(name) && (has_modules || host.host.is_bundle()) {
                let path = kernel.modules.values().next().copied().unwrap_or(unit);
                report(path, format!("nothing here loads {name}, which pods need"));
            }
        }
    }
}

/// The texts of a kind of configuration in the order in which they are read: by their names, wherever they lie. A file takes the
/// place of one of the same name in a folder that counts less.
fn texts<'v>(host: &'v FoundHost, kind: &str) -> Vec<(&'v str, &'v str)> {
    let mut parts = BTreeMap::new();
    for above in ABOVE.iter().rev() {
        let folder = format!("{above}/{kind}.d/");
        let from = host.files.range(folder.clone()..).map(|(path, _)| path.as_str());
        let inside = from.map_while(|path| Some((path.strip_prefix(&folder)?, path)));
        parts.extend(inside.filter(|(name, _)| name.ends_with(".conf") && !name.contains('/')));
    }
    // `sysctl --system` reads it behind all others.
    let last = host
        .files
        .get_key_value(&format!("/etc/{kind}.conf"))
        .map(|(path, _)| path.as_str());
    let paths = parts.into_values().chain(last);
    paths.filter_map(|path| Some((path, host.text(path)?))).collect()
}

/// The lines of a text that are no comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
}

fn read<'v>(view: &View<'v>, host: &'v HostView<'v>) -> Kernel<'v> {
    let mut kernel = Kernel::default();
    for (path, text) in texts(host.host, "sysctl") {
        for line in lines(text) {
            let Some((name, value)) = line.split_once('=') else {
                // `-NAME` leaves a name out of a pattern.
                if !line.starts_with('-') {
                    let message = "a line of it is no assignment";
                    view.findings
                        .report(codes::IGNORED_BY_SYSTEMD, host.name, path, message);
                }
                continue;
            };
            let name = name.trim().trim_start_matches('-').replace('/', ".");
            let name = match name.as_str() {
                "net.ipv4.conf.all.forwarding" => V4[0].to_owned(),
                _ => name,
            };
            kernel.settings.insert(name, (path, value.trim()));
        }
    }
    // A pattern sets what no line names.
    for (name, (path, value)) in kernel.settings.clone() {
        if let Some((start, end)) = name.split_once('*') {
            let names = V4.iter().chain(&V6).chain(TAKEN_BACK.iter().map(|(_, name, _)| name));
            for name in names.filter(|name| name.starts_with(start) && name.ends_with(end)) {
                kernel.settings.entry((*name).to_owned()).or_insert((path, value));
            }
        }
    }
    for (path, text) in texts(host.host, "modules-load") {
        kernel.modules.extend(lines(text).map(|name| (name, path)));
    }
    for (path, text) in texts(host.host, "modprobe") {
        for line in lines(text) {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["blacklist", name] => drop(kernel.refused.insert(name, path)),
                ["install", name, program, ..] if ["/bin/false", "/bin/true", "/usr/bin/false"].contains(program) => {
                    kernel.refused.insert(name, path);
                }
                _ => {}
            }
        }
    }
    kernel
}
