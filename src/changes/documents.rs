//! What files of a host hold, as documents.

use super::units::command_of;
use crate::audit::document::{self, Tree};
use crate::audit::pods::subnets;
use crate::audit::static_pods::containers;
use crate::audit::view::NETWORK_PLUGINS;
use crate::found::FoundHost;

/// The YAML documents of files whose path ends like this.
pub(super) fn documents<'h>(host: &'h FoundHost, end: &'h str) -> impl Iterator<Item = Tree> {
    let files = host.files.iter().filter(move |(path, _)| path.ends_with(end));
    let texts = files.filter_map(|(_, file)| file.text());
    texts.filter_map(|text| document::yaml(text).ok()).flatten()
}

/// The documents of the file that a program is started with, by `--config`.
pub(super) fn configuration(host: &FoundHost, program: &str) -> Option<Vec<Tree>> {
    document::yaml(host.text(command_of(host, program)?.flag("config")?)?).ok()
}

/// Where kubeadm has the manifests of static pods.
pub(super) const STATIC_PODS: &str = "/etc/kubernetes/manifests/";

/// What the pods of a manifest run: a container without a command what its image is called after.
pub(super) fn programs_of_pod(host: &FoundHost, path: &str) -> Vec<String> {
    let documents = host.text(path).and_then(|text| document::yaml(text).ok());
    let documents = documents.unwrap_or_default();
    let started = documents.iter().flat_map(containers);
    started.map(|container| container.program().to_owned()).collect()
}

/// The configurations of networks for pods.
pub(super) fn networks(host: &FoundHost) -> Vec<Tree> {
    let texts = host.texts_below(NETWORK_PLUGINS);
    texts.filter_map(|text| document::json(text).ok()).collect()
}

/// The ranges out of which a host gives its pods addresses.
pub(super) fn ranges_of_pods(host: &FoundHost) -> Vec<String> {
    let networks = networks(host);
    networks.iter().flat_map(subnets).map(str::to_owned).collect()
}
