//! Bridges that give pods addresses.

use crate::audit::document;
use crate::found::FoundHost;

/// The ranges out of which the bridges of a host give pods addresses
/// (<https://www.cni.dev/plugins/current/ipam/host-local/>).
pub(super) fn ranges_of_pods(host: &FoundHost) -> Vec<String> {
    let of_bridges = host
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("/etc/cni/net.d/"));
    let texts = of_bridges.filter_map(|(_, file)| std::str::from_utf8(file.content.expose()).ok());
    let documents = texts.filter_map(|text| document::json(text).ok());
    documents
        .flat_map(|document| {
            let plugins = document.items_at(&["plugins"]).iter();
            let ranges = plugins.flat_map(|plugin| plugin.items_at(&["ipam", "ranges"]));
            let subnets = ranges
                .flat_map(|set| set.items())
                .filter_map(|range| range.text_at(&["subnet"]));
            subnets.map(str::to_owned).collect::<Vec<String>>()
        })
        .collect()
}
