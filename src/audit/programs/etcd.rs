//! A member of etcd: what it shows and trusts, where it listens, and whom it takes for its cluster.

use std::net::IpAddr;

use crate::audit::names::Url;
use crate::audit::spot::Running;
use crate::diagnostic::verify_codes as codes;

/// Flags with URLs: where a member is called, and where it listens.
const URLS: [&str; 4] = [
    "advertise-client-urls",
    "listen-client-urls",
    "initial-advertise-peer-urls",
    "listen-peer-urls",
];

pub(crate) fn check(etcd: Running<'_>) {
    check_encrypted(etcd);
    check_addresses(etcd);
    check_members(etcd);
}

/// `name=https://host:port` of `--initial-cluster`.
pub(crate) fn members(etcd: Running<'_>) -> Vec<(&str, Option<Url>)> {
    let list = etcd.line.list("initial-cluster").into_iter();
    list.map(|member| match member.split_once('=') {
        Some((name, url)) => (name, Url::parse(url)),
        None => (member, None),
    })
    .collect()
}

fn check_encrypted(etcd: Running<'_>) {
    for flag in URLS {
        for text in etcd.line.list(flag) {
            match Url::parse(text) {
                Some(url) if url.scheme == "https" => {}
                Some(_) => etcd.report(codes::OPEN_DOOR, format!("--{flag} has {text}, which is not encrypted")),
                None => etcd.report(codes::BAD_ADDRESS, format!("--{flag} has {text:?}, which is no URL")),
            }
        }
    }
}

/// Whatever address it is called at is in its certificates, and it listens there.
fn check_addresses(etcd: Running<'_>) {
    let (server, peer) = (etcd.file("cert-file"), etcd.file("peer-cert-file"));
    for url in etcd.urls("advertise-client-urls") {
        let why = "at which clients are told to call it";
        etcd.spot.check_covers(server, &url.host, why);
        if !listens_at(etcd, "listen-client-urls", &url) {
            let message = format!("it advertises {} and does not listen there", url.host);
            etcd.report(codes::BAD_ADDRESS, message);
        }
    }
    for url in etcd.urls("listen-client-urls").iter().filter(|url| !is_any(&url.host)) {
        let why = "at which it listens for clients";
        etcd.spot.check_covers(server, &url.host, why);
    }
    for url in etcd.urls("initial-advertise-peer-urls") {
        etcd.spot.check_covers(peer, &url.host, "at which its peers call it");
        if !listens_at(etcd, "listen-peer-urls", &url) {
            let message = format!("it tells peers {} and does not listen there", url.host);
            etcd.report(codes::BAD_ADDRESS, message);
        }
    }
}

/// Whether one of the URLs of a flag is where `url` leads, on that address or on all.
fn listens_at(etcd: Running<'_>, flag: &str, url: &Url) -> bool {
    let listens = etcd.urls(flag).into_iter();
    listens
        .filter(|listen| listen.port == url.port)
        .any(|listen| listen.host == url.host || is_any(&listen.host))
}

fn is_any(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

fn check_members(etcd: Running<'_>) {
    let members = members(etcd);
    for (member, _) in members.iter().filter(|(_, url)| url.is_none()) {
        etcd.report(codes::BAD_ADDRESS, format!("--initial-cluster has no URL for {member}"));
    }
    // While a member comes or goes, the number is one on the way to another.
    let mut hosts = etcd.spot.view.hosts.iter();
    let is_on_the_way = hosts.any(|host| host.runs("etcd") && host.host.about.comes_or_goes());
    if !members.is_empty() && members.len().is_multiple_of(2) && !is_on_the_way {
        let (all, most) = (members.len(), members.len() / 2 + 1);
        let message = format!("its cluster has {all} members: {most} have to work");
        etcd.report(codes::ETCD_QUORUM, message);
    }
    let hosts = members.iter().filter_map(|(_, url)| Some(url.as_ref()?.host.clone()));
    etcd.spot.check_twice("--initial-cluster", hosts);
    let name = etcd.file("name");
    match members.iter().find(|(member, _)| *member == name) {
        None => {
            let message = format!("it is {name:?}, which is not in its initial cluster");
            etcd.report(codes::ETCD_DISAGREES, message);
        }
        Some((_, Some(url))) if !etcd.urls("initial-advertise-peer-urls").contains(url) => {
            let message = format!("it advertises another peer URL than the initial cluster has for {name:?}");
            etcd.report(codes::ETCD_DISAGREES, message);
        }
        Some(_) => {}
    }
}
