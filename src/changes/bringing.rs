//! What an operator brings to a machine that comes, since no bundle has it: programs, as `INSTALL.md` of its bundle lists them. That both
//! name the same is a test's business (`tests/running.rs`): `INSTALL.md` is of one host, and this is of a bundle as found.

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

/// What somebody brings before the bundle is put there; none where it needs nothing.
pub(super) fn bringing(host: &FoundHost) -> Option<Action> {
    let running = programs(host);
    let is_admins = host.about.roles.iter().any(|role| role == "admin");
    let mut all = Vec::new();
    for Product {
        of,
        version,
        written,
        programs,
    } in PRODUCTS
    {
        let here = programs.iter().copied().filter(|program| running.contains(*program));
        let mut names: Vec<&str> = here.collect();
        let tools = TOOLS.iter().filter(|(program, _)| names.contains(program));
        let tools: Vec<&str> = tools.map(|(_, tool)| *tool).collect();
        names.extend(tools);
        if of == Program::Kubernetes && is_admins && !names.contains(&"kubectl") {
            names.push("kubectl");
        }
        if !names.is_empty() {
            let release = version(host).map_or(String::new(), |_| format!(" of {} {}", of.name(), written(host)));
            all.push(format!("{}{release}", sentence(&names)));
        }
    }
    if running.contains("kubelet") {
        let config = host.text(CONTAINERD);
        all.push(match config {
            Some(_) => format!("containerd {} with its unit, and runc", host.about.containerd),
            None => "Docker with its unit".to_owned(),
        });
        if config.is_some_and(|config| config.contains("runsc")) {
            all.push("runsc and containerd-shim-runsc-v1".to_owned());
        }
        let has_bridge = host.files.keys().any(|path| path.starts_with("/etc/cni/net.d/"));
        all.push(match has_bridge {
            true => "the CNI plugins bridge, host-local, portmap and loopback".to_owned(),
            false => "the CNI plugins".to_owned(),
        });
    }
    let has = |folder: &str| host.files.keys().any(|path| path.starts_with(folder));
    all.extend(
        PACKAGES
            .iter()
            .filter(|(folder, _)| has(folder))
            .map(|(_, name)| (*name).to_owned()),
    );
    (!all.is_empty()).then(|| Action::Bring(all.join(", ")))
}

/// "a", "a and b", "a, b and c".
fn sentence(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.join(""),
    }
}
