//! A kubelet: whom it lets in, which node it is, and which names its pods ask.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::audit::document::Tree;
use crate::audit::names::canonical;
use crate::audit::reached::Api;
use crate::audit::relations::CLIENTS_OF_KUBELETS;
use crate::audit::spot::{Running, Spot};
use crate::audit::view::NETWORK_PLUGINS;
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(kubelet: Running<'_>, apis: &[Api<'_>]) {
    let host = kubelet.spot.host;
    let has_network = host.host.files.keys().any(|path| path.starts_with(NETWORK_PLUGINS));
    if !has_network && !host.host.loose {
        let message = "nothing in /etc/cni/net.d gives its pods a network";
        kubelet.report(codes::NODE_WITHOUT_NETWORK, message);
    }
    let Some(path) = host.resolve(kubelet.file("config")) else {
        return;
    };
    let spot = kubelet.spot.at(path);
    for document in host.documents(path) {
        if document.kind() != "KubeletConfiguration" {
            spot.report(codes::BAD_SYNTAX, "its kind is not KubeletConfiguration");
            continue;
        }
        check_doors(spot, document);
        if document.text_at(CLIENTS_OF_KUBELETS).is_none() {
            spot.report(codes::MISSING_SETTING, "authentication.x509.clientCAFile is not set");
        }
        let pair = (
            document.text_at(&["tlsCertFile"]),
            document.text_at(&["tlsPrivateKeyFile"]),
        );
        let (Some(serving), Some(key)) = pair else {
            let message = "tlsCertFile or tlsPrivateKeyFile is not set, so that the API server can't verify it";
            spot.report(codes::MISSING_SETTING, message);
            continue;
        };
        if host.resolve(serving).is_none() || host.resolve(key).is_none() {
            continue;
        }
        spot.check_covers(serving, host.node(kubelet.line), "the name of its node");
        for address in kubelet.line.list("node-ip") {
            spot.check_covers(serving, &canonical(address), "an address of its node");
        }
        check_dns(spot, document, apis);
    }
}

fn check_doors(spot: Spot<'_>, document: &Tree) {
    if document.text_at(&["authentication", "anonymous", "enabled"]) != Some("false") {
        spot.report(codes::OPEN_DOOR, "anonymous requests are allowed");
    }
    if document.text_at(&["authorization", "mode"]) != Some("Webhook") {
        let message = "authorization is not by webhook: everybody may do everything";
        spot.report(codes::OPEN_DOOR, message);
    }
    if !matches!(document.text_at(&["readOnlyPort"]), None | Some("0")) {
        spot.report(codes::OPEN_DOOR, "the read-only port lets everybody read");
    }
}

/// The address of the cluster's DNS is a Service's.
fn check_dns(spot: Spot<'_>, document: &Tree, apis: &[Api<'_>]) {
    for dns in document.items_at(&["clusterDNS"]).iter().filter_map(Tree::text) {
        let Ok(ip) = dns.parse::<IpAddr>() else {
            spot.report(codes::BAD_ADDRESS, format!("clusterDNS {dns:?} is no address"));
            continue;
        };
        let holds = |range: &&str| range.parse::<IpNet>().is_ok_and(|range| range.contains(&ip));
        let outside = |api: &Api<'_>| {
            let ranges = api.running.line.list("service-cluster-ip-range");
            !ranges.is_empty() && !ranges.iter().any(holds)
        };
        if apis.iter().any(outside) {
            let message = format!("clusterDNS {dns} is not in the range of services");
            spot.report(codes::DNS_DISAGREES, message);
        }
    }
}
