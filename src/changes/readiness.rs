//! What has to be true on a host before the next one has its turn.

use super::calling::{etcdctl_environment, kubectl_on_the_spot};
use super::documents::configuration;
use super::members::until_healthy;
use super::stage::{Action, quoted};
use super::units::command_of;
use super::versions::health_path;
use crate::found::FoundHost;

/// When a unit does its work on a host; none where nothing can be asked.
pub(super) fn until_well(unit: &str, host: &FoundHost) -> Option<Action> {
    match unit {
        "etcd" => etcdctl_environment(host).map(|_| until_healthy()),
        "kube-apiserver" => {
            let kubectl = kubectl_on_the_spot(host)?;
            Some(Action::Until(format!("{kubectl} get --raw {}", health_path(host))))
        }
        "kubelet" => Some(Action::Until(format!("curl -sf {}", quoted(&kubelet_health(host)?)))),
        _ => None,
    }
}

/// Where the kubelet tells whether it is well; none where it is told not to
/// (<https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>).
fn kubelet_health(host: &FoundHost) -> Option<String> {
    command_of(host, "kubelet")?;
    let config = configuration(host, "kubelet").and_then(|documents| documents.into_iter().next());
    let set = |name: &str| config.as_ref().and_then(|config| config.text_at(&[name]));
    let port = set("healthzPort").unwrap_or("10248");
    let address = match set("healthzBindAddress").unwrap_or("127.0.0.1") {
        "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        address => address.to_owned(),
    };
    (port != "0").then(|| format!("http://{address}:{port}/healthz"))
}
