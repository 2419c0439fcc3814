//! The cluster's DNS, as its manifest has it: whether its Service leads to its pods, and whether they answer for the domain that
//! kubelets tell pods.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Tree;
use super::spot::{Spot, documents_of, running};
use super::view::{HostView, View};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;

/// The port at which resolvers ask.
const PORT: &str = "53";

pub(crate) fn check(view: &View<'_>) {
    let of_kubelets = documents_of(view, "KubeletConfiguration").filter_map(|(_, one)| one.text_at(&["clusterDomain"]));
    let domains: BTreeSet<&str> = of_kubelets.map(|domain| domain.trim_end_matches('.')).collect();
    let ranges: BTreeSet<&str> = running(view, "kube-apiserver")
        .flat_map(|api| api.line.list("service-cluster-ip-range"))
        .collect();
    let ranges: Vec<IpNet> = ranges.into_iter().filter_map(|range| range.parse().ok()).collect();
    for host in &view.hosts {
        for (path, documents) in &host.documents {
            let spot = Spot { view, host, path };
            let is_dns = |document: &&Tree| document.kind() == "Service" && name(document).contains("dns");
            for service in documents.iter().filter(is_dns) {
                check_address(spot, service, &ranges);
                check_ports(spot, service);
                check_pods(spot, service, host);
            }
            for map in documents.iter().filter(|document| document.kind() == "ConfigMap") {
                if let Some(corefile) = map.text_at(&["data", "Corefile"]) {
                    check_corefile(spot, corefile, &domains);
                }
            }
        }
    }
}

fn name(document: &Tree) -> &str {
    document.text_at(&["metadata", "name"]).unwrap_or_default()
}

fn namespace(document: &Tree) -> &str {
    document.text_at(&["metadata", "namespace"]).unwrap_or("default")
}

fn broken(spot: Spot<'_>, message: String) {
    spot.report(codes::BROKEN_DNS, message);
}

fn check_address(spot: Spot<'_>, service: &Tree, ranges: &[IpNet]) {
    let Some(address) = service.text_at(&["spec", "clusterIP"]) else {
        return broken(
            spot,
            "its Service has no clusterIP, so that it gets one that nobody was told".to_owned(),
        );
    };
    let tell = |code: &'static Code, message: String| spot.report(code, message);
    match address.parse::<IpAddr>() {
        Ok(ip) if ranges.is_empty() || ranges.iter().any(|range| range.contains(&ip)) => {}
        Ok(_) => tell(
            codes::DNS_DISAGREES,
            format!("its address {address} is not in the range of services"),
        ),
        Err(_) => tell(codes::BAD_ADDRESS, format!("its clusterIP {address:?} is no address")),
    }
}

fn check_ports(spot: Spot<'_>, service: &Tree) {
    for protocol in ["UDP", "TCP"] {
        let is_it = |port: &Tree| {
            port.text_at(&["port"]) == Some(PORT) && port.text_at(&["protocol"]).unwrap_or("TCP") == protocol
        };
        if !service.items_at(&["spec", "ports"]).iter().any(is_it) {
            broken(spot, format!("its Service has no port {PORT} of {protocol}"));
        }
    }
}

/// The pods behind the Service, the account that they run as, and the configuration that they mount.
fn check_pods(spot: Spot<'_>, service: &Tree, host: &HostView<'_>) {
    let here = |kinds: &'static [&'static str]| {
        let documents = host.all_documents();
        documents.filter(move |one| kinds.contains(&one.kind()) && namespace(one) == namespace(service))
    };
    let selector = service.at(&["spec", "selector"]);
    let labels = |workload: &Tree| workload.at(&["spec", "template", "metadata", "labels"]).cloned();
    let all: Vec<&Tree> = here(&["Deployment", "DaemonSet"]).collect();
    let is_selected = |workload: &&&Tree| selector.is_some_and(|selector| selects(selector, labels(workload).as_ref()));
    let behind: Vec<&&Tree> = all.iter().filter(is_selected).collect();
    if behind.is_empty() {
        broken(
            spot,
            format!(
                "the selector of the Service {:?} finds none of the pods here",
                name(service)
            ),
        );
    }
    for workload in behind {
        let own = workload.at(&["spec", "selector", "matchLabels"]);
        if !own.is_none_or(|own| selects(own, labels(workload).as_ref())) {
            let message = format!("the selector of {:?} does not find its own pods", name(workload));
            spot.report(codes::REFUSED_OBJECT, message);
        }
        if workload.text_at(&["spec", "replicas"]) == Some("0") {
            broken(spot, format!("{:?} has no replicas", name(workload)));
        }
        let pod = ["spec", "template", "spec"];
        let of_pod = |field: &str| workload.text_at(&[pod[0], pod[1], pod[2], field]);
        let account = of_pod("serviceAccountName")
            .or(of_pod("serviceAccount"))
            .unwrap_or("default");
        if account != "default" && !here(&["ServiceAccount"]).any(|one| name(one) == account) {
            broken(
                spot,
                format!("its pods run as the account {account:?}, which is not here"),
            );
        }
        if of_pod("dnsPolicy").unwrap_or("ClusterFirst") != "Default" {
            broken(
                spot,
                format!(
                    "the pods of {:?} ask themselves: their dnsPolicy is not Default",
                    name(workload)
                ),
            );
        }
        let volumes = workload.items_at(&["spec", "template", "spec", "volumes"]).iter();
        let maps = volumes.filter_map(|volume| volume.text_at(&["configMap", "name"]));
        for map in maps.filter(|map| !here(&["ConfigMap"]).any(|one| name(one) == *map)) {
            broken(spot, format!("its pods mount the ConfigMap {map:?}, which is not here"));
        }
    }
}

/// Whether labels have all that a selector has; one that has nothing selects nothing.
fn selects(selector: &Tree, labels: Option<&Tree>) -> bool {
    match selector {
        Tree::Map(fields) => {
            !fields.is_empty()
                && fields
                    .iter()
                    .all(|(label, value)| labels.and_then(|labels| labels.get(label)?.text()) == value.text())
        }
        _ => false,
    }
}

/// Sources: <https://coredns.io/manual/configuration/>, <https://coredns.io/plugins/kubernetes/>.
fn check_corefile(spot: Spot<'_>, corefile: &str, domains: &BTreeSet<&str>) {
    let lines = || {
        corefile
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
    };
    let zones: Option<Vec<&str>> = lines().find_map(|mut words| {
        (words.next() == Some("kubernetes")).then(|| words.take_while(|word| *word != "{").collect())
    });
    let Some(zones) = zones else {
        return broken(
            spot,
            "its Corefile has no plugin kubernetes, so that no Service has a name".to_owned(),
        );
    };
    let zones: BTreeSet<&str> = zones.iter().map(|zone| zone.trim_end_matches('.')).collect();
    for domain in domains
        .iter()
        .filter(|domain| !zones.is_empty() && !zones.contains(**domain))
    {
        let message = format!("kubelets tell pods the domain {domain:?}, and its Corefile answers for others");
        spot.report(codes::DNS_DISAGREES, message);
    }
    let is_port = |server: &str| match server.trim_start_matches("dns://").rsplit_once(':') {
        Some((_, port)) => port == PORT,
        None => true,
    };
    // A block of a server begins outside of all others.
    let mut depth = 0_usize;
    let mut is_asked = false;
    for words in lines() {
        let words: Vec<&str> = words.collect();
        match words.split_last() {
            Some((&"{", servers)) => {
                is_asked |= depth == 0 && servers.iter().any(|server| is_port(server.trim_end_matches(',')));
                depth += 1;
            }
            Some((&"}", _)) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if !is_asked {
        broken(spot, format!("its Corefile does not listen at port {PORT}"));
    }
}
