//! What an operator brings to a machine that comes, or gets another task, since no bundle has it: programs, as `INSTALL.md` of its bundle
//! lists them. That both name the same is a test's business (`tests/running.rs`): `INSTALL.md` is of one host, and this is of a bundle as
//! found.

use super::stage::Action;
use super::units::programs;
use super::versions::{PRODUCTS, Product};
use crate::catalog::releases::Program;
use crate::found::FoundHost;

/// A folder of a bundle | what reads it, which comes as a package.
const PACKAGES: [(&str, &str); 3] = [
    ("/etc/nginx/", "nginx"),
    ("/etc/haproxy/", "haproxy"),
    ("/etc/keepalived/", "keepalived"),
];

/// A program | what goes with it, of the same release, for whoever works there.
const TOOLS: [(&str, &str); 2] = [("kube-apiserver", "kubectl"), ("etcd", "etcdctl")];

const CONTAINERD: &str = "/etc/containerd/config.toml";

/// What a host needs and no bundle has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A program, of the release that its bundle was made for.
    Of(Program, &'static str),
    Containerd,
    Docker,
    Gvisor,
    /// Those that khw-gen's own network is made of.
    BridgePlugins,
    /// Those of a network that somebody has chosen.
    OwnPlugins,
    Package(&'static str),
}

/// What somebody brings before the bundle is put there: what the host needs and did not need `before`, as the same machine; none where
/// that is nothing. What else a machine has that was no bundle, its files do not tell.
pub(super) fn bringing(before: Option<&FoundHost>, host: &FoundHost) -> Option<Action> {
    if before.is_some_and(|before| !before.is_bundle()) {
        return None;
    }
    let there = before.map(needs).unwrap_or_default();
    let mut missing = needs(host);
    missing.retain(|need| !there.contains(need));
    let of_releases = PRODUCTS
        .iter()
        .filter_map(|product| of_product(product, &missing, host));
    let others = missing.iter().filter_map(|need| in_words(*need, host));
    let all: Vec<String> = of_releases.chain(others).collect();
    (!all.is_empty()).then(|| Action::Bring(all.join(", ")))
}

/// All that a host needs, in the order in which it is told.
fn needs(host: &FoundHost) -> Vec<Need> {
    let running = programs(host);
    let mut needs = Vec::new();
    for Product { of, programs, .. } in PRODUCTS {
        let here = programs.iter().copied().filter(|program| running.contains(*program));
        let mut names: Vec<&str> = here.collect();
        let tools = TOOLS.iter().filter(|(program, _)| names.contains(program));
        let tools: Vec<&str> = tools.map(|(_, tool)| *tool).collect();
        names.extend(tools);
        needs.extend(names.into_iter().map(|name| Need::Of(of, name)));
    }
    let kubectl = Need::Of(Program::Kubernetes, "kubectl");
    if host.about.roles.iter().any(|role| role == "admin") && !needs.contains(&kubectl) {
        needs.push(kubectl);
    }
    let has = |folder: &str| host.files.keys().any(|path| path.starts_with(folder));
    if running.contains("kubelet") {
        let config = host.text(CONTAINERD);
        needs.push(match config {
            Some(_) => Need::Containerd,
            None => Need::Docker,
        });
        if config.is_some_and(|config| config.contains("runsc")) {
            needs.push(Need::Gvisor);
        }
        needs.push(match has("/etc/cni/net.d/") {
            true => Need::BridgePlugins,
            false => Need::OwnPlugins,
        });
    }
    let packages = PACKAGES.iter().filter(|(folder, _)| has(folder));
    needs.extend(packages.map(|(_, name)| Need::Package(name)));
    needs
}

/// "kubelet and kube-proxy of Kubernetes 1.37", as far as they are missing.
fn of_product(product: &Product, missing: &[Need], host: &FoundHost) -> Option<String> {
    let names = missing.iter().filter_map(|need| match need {
        Need::Of(of, name) if *of == product.of => Some(*name),
        _ => None,
    });
    let names: Vec<&str> = names.collect();
    let release = match (product.version)(host) {
        Some(_) => format!(" of {} {}", product.of.name(), (product.written)(host)),
        None => String::new(),
    };
    (!names.is_empty()).then(|| format!("{}{release}", sentence(&names)))
}

/// What is of no product.
fn in_words(need: Need, host: &FoundHost) -> Option<String> {
    let words = match need {
        Need::Of(..) => return None,
        Need::Containerd => return Some(format!("containerd {} with its unit, and runc", host.about.containerd)),
        Need::Docker => "Docker with its unit",
        Need::Gvisor => "runsc and containerd-shim-runsc-v1",
        Need::BridgePlugins => "the CNI plugins bridge, host-local, portmap and loopback",
        Need::OwnPlugins => "the CNI plugins",
        Need::Package(name) => name,
    };
    Some(words.to_owned())
}

/// "a", "a and b", "a, b and c".
fn sentence(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.join(""),
    }
}
