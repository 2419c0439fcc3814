//! Each program that a unit starts: the files that it names, the certificates that it shows and trusts, the addresses that
//! it is reached at and calls.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::document::Tree;
use super::names::{Url, balancer, canonical, first_of, is_loopback};
use super::{Audit, Command, Read, chain};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::{Certificate, Usage};

/// A kube-apiserver.
#[derive(Clone)]
pub struct Api<'a, 'b> {
    pub read: &'b Read<'a>,
    pub command: &'b Command<'a>,
    pub port: u16,
    pub addresses: BTreeSet<String>,
}

impl Api<'_, '_> {
    /// The certificate that it shows, then those of its chain.
    pub fn serving(&self) -> Vec<&Certificate> {
        self.read
            .certificates(self.command.line.flag("tls-cert-file").unwrap_or_default())
    }
}

/// Every kube-apiserver that a unit starts.
pub fn apis<'a, 'b>(hosts: &'b [Read<'a>]) -> Vec<Api<'a, 'b>> {
    let mut apis = Vec::new();
    for read in hosts {
        for command in read.programs("kube-apiserver") {
            let address = |flag| command.line.flag(flag).map(canonical);
            let any = |address: &String| address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
            apis.push(Api {
                read,
                command,
                port: command
                    .line
                    .flag("secure-port")
                    .and_then(|port| port.parse().ok())
                    .unwrap_or(6443),
                addresses: [
                    address("advertise-address"),
                    address("bind-address").filter(|address| !any(address)),
                ]
                .into_iter()
                .flatten()
                .collect(),
            });
        }
    }
    apis
}

/// Flags without which a program does not start, or starts without a safeguard.
const NEEDED: &[(&str, &[&str])] = &[
    (
        "kube-apiserver",
        &[
            "client-ca-file",
            "etcd-servers",
            "etcd-cafile",
            "etcd-certfile",
            "etcd-keyfile",
            "kubelet-certificate-authority",
            "kubelet-client-certificate",
            "kubelet-client-key",
            "service-account-key-file",
            "service-cluster-ip-range",
            "tls-cert-file",
            "tls-private-key-file",
        ],
    ),
    (
        "kube-controller-manager",
        &[
            "kubeconfig",
            "root-ca-file",
            "service-account-private-key-file",
            "service-cluster-ip-range",
        ],
    ),
    (
        "etcd",
        &[
            "name",
            "cert-file",
            "key-file",
            "trusted-ca-file",
            "peer-cert-file",
            "peer-key-file",
            "peer-trusted-ca-file",
            "client-cert-auth",
            "peer-client-cert-auth",
            "advertise-client-urls",
            "listen-client-urls",
            "initial-advertise-peer-urls",
            "listen-peer-urls",
            "initial-cluster",
        ],
    ),
    ("kubelet", &["kubeconfig", "config"]),
    ("kube-proxy", &["config"]),
];

type Report = (&'static Code, String, String, String);

struct Reports<'r>(&'r mut Vec<Report>);

impl Reports<'_> {
    fn add(&mut self, code: &'static Code, read: &Read<'_>, path: &str, message: impl Into<String>) {
        self.0
            .push((code, read.name.to_owned(), path.to_owned(), message.into()));
    }
}

pub fn check(audit: &mut Audit<'_>) {
    let mut list = Vec::new();
    let mut reports = Reports(&mut list);
    for read in &audit.hosts {
        for command in &read.commands {
            check_flags(read, command, &mut reports);
            match command.line.program.as_str() {
                "etcd" => check_etcd(audit, read, command, &mut reports),
                "kube-apiserver" => check_api(audit, read, command, &mut reports),
                "kubelet" => check_kubelet(audit, read, command, &mut reports),
                "kube-controller-manager" => {
                    let of = |flag| command.line.flag(flag).unwrap_or_default();
                    check_pair(
                        read,
                        command,
                        "cluster-signing-cert-file",
                        "cluster-signing-key-file",
                        &mut reports,
                    );
                    check_authority(read, command, of("root-ca-file"), &mut reports);
                    check_insecure_address(read, command, &mut reports);
                }
                "kube-scheduler" => check_insecure_address(read, command, &mut reports),
                _ => {}
            }
        }
        check_files_of_documents(read, &mut reports);
        check_balancers(audit, read, &mut reports);
        check_encryption(read, &mut reports);
    }
    for (code, host, path, message) in list {
        audit.report(code, &host, &path, message);
    }
}

/// The address at which neither identity nor encryption is asked for.
fn check_insecure_address(read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    let address = command.line.flag("address").unwrap_or("127.0.0.1");
    if !is_loopback(address) && command.line.flag("port") != Some("0") {
        let message = format!("--address={address} lets everybody read who reaches its insecure port");
        reports.add(codes::OPEN_DOOR, read, command.path, message);
    }
}

/// Addresses of a list that come again.
fn check_twice(read: &Read<'_>, at: &str, what: &str, list: &[String], reports: &mut Reports<'_>) {
    let mut seen = BTreeSet::new();
    for one in list.iter().filter(|one| !seen.insert(one.as_str())) {
        reports.add(codes::LISTED_TWICE, read, at, format!("{what} has {one} twice"));
    }
}

/// Whether a value is the path of a file that a bundle brings: its own name says so, or the flag or field it is the value of.
fn is_file_of_a_bundle(field: &str, value: &str) -> bool {
    let name = value.rsplit('/').next().unwrap_or_default();
    let ends = [".pem", ".crt", ".key", ".pub", ".kubeconfig", ".yaml", ".yml", ".json"];
    let fields = [
        "cafile",
        "ca-file",
        "certfile",
        "cert-file",
        "keyfile",
        "key-file",
        "CAFile",
        "CertFile",
        "KeyFile",
    ];
    let is_named = fields.iter().any(|end| field.ends_with(end)) || matches!(field, "kubeconfig" | "config");
    value.starts_with('/')
        && !value.starts_with("/run/")
        && (is_named || ends.iter().any(|end| name.ends_with(end)) || name == "kubeconfig")
}

fn check_flags(read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    for (program, flags) in NEEDED {
        for flag in flags.iter().filter(|_| *program == command.line.program) {
            if command.line.flag(flag).is_none_or(|value| value == "false") {
                reports.add(
                    codes::MISSING_SETTING,
                    read,
                    command.path,
                    format!("--{flag} is not set"),
                );
            }
        }
    }
    for (flag, values) in &command.line.flags {
        for value in values.iter().flat_map(|value| value.split(',')) {
            if is_file_of_a_bundle(flag, value) && read.resolve(value).is_none() && !read.host.loose {
                reports.add(
                    codes::MISSING_FILE,
                    read,
                    command.path,
                    format!("--{flag} names {value}, which is not here"),
                );
            }
        }
    }
}

fn check_files_of_documents(read: &Read<'_>, reports: &mut Reports<'_>) {
    fn texts<'t>(name: &'t str, tree: &'t Tree, found: &mut Vec<(&'t str, &'t str)>) {
        match tree {
            Tree::Text(text) => found.push((name, text)),
            Tree::Plain(_) => {}
            Tree::List(items) => items.iter().for_each(|item| texts(name, item, found)),
            Tree::Map(fields) => fields.iter().for_each(|(name, value)| texts(name, value, found)),
        }
    }
    if read.host.loose {
        return;
    }
    for (path, documents) in &read.documents {
        let configures = |document: &&Tree| {
            let kind = document.text_at(&["kind"]).unwrap_or_default();
            kind.ends_with("Configuration") || kind == "Config"
        };
        for document in documents.iter().filter(configures) {
            let mut found = Vec::new();
            texts("", document, &mut found);
            for (_, text) in found.into_iter().filter(|(name, text)| is_file_of_a_bundle(name, text)) {
                if read.resolve(text).is_none() {
                    reports.add(
                        codes::MISSING_FILE,
                        read,
                        path,
                        format!("it names {text}, which is not here"),
                    );
                }
            }
        }
    }
}

/// A certificate and its key, as flags name them.
fn check_pair(read: &Read<'_>, command: &Command<'_>, certificate: &str, key: &str, reports: &mut Reports<'_>) {
    let of = |flag: &str| command.line.flag(flag).unwrap_or_default();
    let (certificate_path, key_path) = (of(certificate), of(key));
    if read.resolve(certificate_path).is_none() || read.resolve(key_path).is_none() {
        return;
    }
    fits(read, command.path, certificate_path, key_path, reports);
}

fn fits(read: &Read<'_>, at: &str, certificate_path: &str, key_path: &str, reports: &mut Reports<'_>) {
    let certificates = read.certificates(certificate_path);
    match (certificates.first(), read.private_key(key_path)) {
        (Some(certificate), Some(key)) if certificate.public_key == key => {}
        (Some(_), Some(_)) => {
            reports.add(
                codes::KEY_MISMATCH,
                read,
                at,
                format!("{key_path} is not the key of {certificate_path}"),
            );
        }
        (None, _) => reports.add(
            codes::BAD_PEM,
            read,
            at,
            format!("there is no certificate in {certificate_path}"),
        ),
        (_, None) => reports.add(
            codes::BAD_PEM,
            read,
            at,
            format!("there is no private key in {key_path}"),
        ),
    }
}

/// Every certificate that is trusted has to be an authority's.
fn check_authority(read: &Read<'_>, command: &Command<'_>, path: &str, reports: &mut Reports<'_>) {
    for certificate in read.certificates(path) {
        if !certificate.authority {
            let message = format!("{path} is trusted, and {:?} in it is no authority", certificate.subject);
            reports.add(codes::NOT_AN_AUTHORITY, read, command.path, message);
        }
    }
}

/// Whether somebody who trusts `roots` accepts the certificate at `path` for `usage`; says so at `at`.
fn check_accepted(
    audit: &Audit<'_>,
    (read, at, path): (&Read<'_>, &str, &str),
    roots: &[&Certificate],
    usage: Usage,
    by: &str,
    reports: &mut Reports<'_>,
) {
    let certificates = read.certificates(path);
    let Some((leaf, others)) = certificates.split_first() else {
        return;
    };
    let (may, code) = match usage {
        Usage::Server => (leaf.server_auth, codes::MISSING_SERVER_AUTH),
        Usage::Client => (leaf.client_auth, codes::MISSING_CLIENT_AUTH),
    };
    if !may {
        let message = format!("{path} is shown by a {usage}, and may not be");
        return reports.add(code, read, at, message);
    }
    if roots.is_empty() {
        return;
    }
    if let Err(why) = chain(leaf, others, roots, audit.at, usage) {
        reports.add(
            codes::UNTRUSTED_CERTIFICATE,
            read,
            at,
            format!("{by} refuses {path}: {why}"),
        );
    }
}

fn check_covers(read: &Read<'_>, at: &str, path: &str, host: &str, why: &str, reports: &mut Reports<'_>) {
    if let Some(leaf) = read.certificates(path).first()
        && !leaf.covers(host)
    {
        reports.add(
            codes::ADDRESS_NOT_COVERED,
            read,
            at,
            format!("{path} does not hold {host}, {why}"),
        );
    }
}

fn urls(command: &Command<'_>, flag: &str) -> Vec<Url> {
    command.line.list(flag).into_iter().filter_map(Url::parse).collect()
}

/// `name=https://host:port` of `--initial-cluster`.
pub fn members(command: &Command<'_>) -> Vec<(String, Option<Url>)> {
    let list = command.line.list("initial-cluster").into_iter();
    list.map(|member| match member.split_once('=') {
        Some((name, url)) => (name.to_owned(), Url::parse(url)),
        None => (member.to_owned(), None),
    })
    .collect()
}

fn check_etcd(audit: &Audit<'_>, read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    let at = command.path;
    let of = |flag: &str| command.line.flag(flag).unwrap_or_default();
    check_pair(read, command, "cert-file", "key-file", reports);
    check_pair(read, command, "peer-cert-file", "peer-key-file", reports);
    for flag in ["trusted-ca-file", "peer-trusted-ca-file"] {
        check_authority(read, command, of(flag), reports);
    }
    for flag in [
        "advertise-client-urls",
        "listen-client-urls",
        "initial-advertise-peer-urls",
        "listen-peer-urls",
    ] {
        for text in command.line.list(flag) {
            match Url::parse(text) {
                Some(url) if url.scheme == "https" => {}
                Some(url) if is_loopback(&url.host) => {}
                Some(_) => reports.add(
                    codes::OPEN_DOOR,
                    read,
                    at,
                    format!("--{flag} has {text}, which is not encrypted"),
                ),
                None => reports.add(
                    codes::BAD_ADDRESS,
                    read,
                    at,
                    format!("--{flag} has {text:?}, which is no URL"),
                ),
            }
        }
    }
    let server = of("cert-file");
    let peer = of("peer-cert-file");
    for url in urls(command, "advertise-client-urls") {
        check_covers(
            read,
            at,
            server,
            &url.host,
            "at which clients are told to call it",
            reports,
        );
        if !listens_at(command, "listen-client-urls", &url) {
            reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("it advertises {} and does not listen there", url.host),
            );
        }
    }
    for url in urls(command, "listen-client-urls")
        .iter()
        .filter(|url| !is_any(&url.host))
    {
        check_covers(read, at, server, &url.host, "at which it listens for clients", reports);
    }
    for url in urls(command, "initial-advertise-peer-urls") {
        check_covers(read, at, peer, &url.host, "at which its peers call it", reports);
        if !listens_at(command, "listen-peer-urls", &url) {
            reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("it tells peers {} and does not listen there", url.host),
            );
        }
    }
    let trusted = read.certificates(of("trusted-ca-file"));
    let peers = read.certificates(of("peer-trusted-ca-file"));
    check_accepted(
        audit,
        (read, at, server),
        &trusted,
        Usage::Server,
        "etcd's own authority",
        reports,
    );
    check_accepted(
        audit,
        (read, at, peer),
        &peers,
        Usage::Server,
        "another member",
        reports,
    );
    check_accepted(
        audit,
        (read, at, peer),
        &peers,
        Usage::Client,
        "another member",
        reports,
    );

    let name = of("name");
    let members = members(command);
    for (member, url) in &members {
        if url.is_none() {
            reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("--initial-cluster has no URL for {member}"),
            );
        }
    }
    if !members.is_empty() && members.len().is_multiple_of(2) {
        let message = format!(
            "its cluster has {} members: {} have to work",
            members.len(),
            members.len() / 2 + 1
        );
        reports.add(codes::ETCD_QUORUM, read, at, message);
    }
    let urls_of_members: Vec<String> = members
        .iter()
        .filter_map(|(_, url)| url.as_ref().map(|url| url.host.clone()))
        .collect();
    check_twice(read, at, "--initial-cluster", &urls_of_members, reports);
    match members.iter().find(|(member, _)| member == name) {
        None => reports.add(
            codes::ETCD_DISAGREES,
            read,
            at,
            format!("it is {name:?}, which is not in its initial cluster"),
        ),
        Some((_, Some(url))) if !urls(command, "initial-advertise-peer-urls").contains(url) => {
            reports.add(
                codes::ETCD_DISAGREES,
                read,
                at,
                format!("it advertises another peer URL than the initial cluster has for {name:?}"),
            );
        }
        _ => {}
    }
}

/// Whether one of the URLs of a flag is where `url` leads, on that address or on all.
fn listens_at(command: &Command<'_>, flag: &str, url: &Url) -> bool {
    urls(command, flag)
        .iter()
        .any(|listen| listen.port == url.port && (listen.host == url.host || is_any(&listen.host)))
}

fn is_any(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

fn check_api(audit: &Audit<'_>, read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    let at = command.path;
    let of = |flag: &str| command.line.flag(flag).unwrap_or_default();
    for (certificate, key) in [
        ("tls-cert-file", "tls-private-key-file"),
        ("etcd-certfile", "etcd-keyfile"),
        ("kubelet-client-certificate", "kubelet-client-key"),
        ("proxy-client-cert-file", "proxy-client-key-file"),
    ] {
        check_pair(read, command, certificate, key, reports);
    }
    let authorities = [
        "client-ca-file",
        "etcd-cafile",
        "kubelet-certificate-authority",
        "requestheader-client-ca-file",
    ];
    for flag in authorities {
        check_authority(read, command, of(flag), reports);
    }
    // Its own certificate: whoever calls it asks for the name of the service or an address.
    let serving = of("tls-cert-file");
    let clients = read.certificates(of("client-ca-file"));
    if let Some(leaf) = read.certificates(serving).first() {
        if !leaf.server_auth {
            reports.add(
                codes::MISSING_SERVER_AUTH,
                read,
                at,
                format!("{serving} is shown by a server, and may not be"),
            );
        }
        let mut names = vec![
            "kubernetes".to_owned(),
            "kubernetes.default".to_owned(),
            "kubernetes.default.svc".to_owned(),
        ];
        names.push(format!(
            "kubernetes.default.svc.{}",
            domain(audit, of("service-account-issuer"))
        ));
        for name in names.iter().filter(|name| !leaf.covers(name)) {
            reports.add(
                codes::SERVICE_NAME_MISSING,
                read,
                serving,
                format!("it does not hold {name}, by which pods call the API server"),
            );
        }
        // Pods are told the address of the first family alone, in a dual-stack cluster too: the API server makes its
        // service single-stack (pkg/controlplane/controller/kubernetesservice, createOrUpdateMasterServiceIfNeeded).
        for range in command.line.list("service-cluster-ip-range").into_iter().take(1) {
            match first_of(range) {
                Some(first) if leaf.ips.contains(&first) => {}
                Some(first) => reports.add(
                    codes::SERVICE_ADDRESS_MISSING,
                    read,
                    serving,
                    format!("it does not hold {first}, the first address of the services"),
                ),
                None => {}
            }
        }
    }
    for range in command.line.list("service-cluster-ip-range") {
        if range.parse::<IpNet>().map_or(true, |net| net.trunc() != net) {
            reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("--service-cluster-ip-range has {range:?}, which is no range"),
            );
        }
    }
    if let Some(address) = command.line.flag("advertise-address") {
        match address.parse::<IpAddr>() {
            Ok(_) => check_covers(read, at, serving, &canonical(address), "which it advertises", reports),
            Err(_) => reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("--advertise-address {address:?} is no address"),
            ),
        }
    }
    check_etcd_servers(audit, read, command, reports);
    // Tokens.
    let signing = of("service-account-signing-key-file");
    if read.resolve(signing).is_some() {
        let verifying: Vec<&[u8]> = command
            .line
            .flags
            .get("service-account-key-file")
            .into_iter()
            .flatten()
            .flat_map(|path| read.public_keys(path))
            .collect();
        match read.private_key(signing) {
            Some(key) if verifying.contains(&key) => {}
            Some(_) => reports.add(
                codes::SERVICE_ACCOUNT_KEYS_DISAGREE,
                read,
                at,
                "it signs tokens with a key that it does not accept",
            ),
            None => reports.add(
                codes::BAD_PEM,
                read,
                at,
                format!("there is no private key in {signing}"),
            ),
        }
    }
    // A key for tokens that is for something else too.
    for path in command.line.flags.get("service-account-key-file").into_iter().flatten() {
        for key in read.public_keys(path) {
            let others = [
                "tls-cert-file",
                "client-ca-file",
                "etcd-certfile",
                "etcd-cafile",
                "kubelet-client-certificate",
            ];
            for flag in others {
                if read.public_keys(of(flag)).contains(&key) {
                    reports.add(
                        codes::SHARED_KEY,
                        read,
                        at,
                        format!("the key of service accounts is that of --{flag} too"),
                    );
                }
            }
        }
    }
    // The front proxy.
    let proxies = read.certificates(of("requestheader-client-ca-file"));
    if !of("requestheader-client-ca-file").is_empty() {
        if proxies
            .iter()
            .any(|one| clients.iter().any(|other| one.public_key == other.public_key))
        {
            reports.add(
                codes::FRONT_PROXY,
                read,
                at,
                "the authority of front proxies is that of clients: any client could claim to be anybody",
            );
        }
        let allowed = command.line.list("requestheader-allowed-names");
        let proxy = read.certificates(of("proxy-client-cert-file"));
        let name = proxy
            .first()
            .and_then(|one| one.common_name.as_deref())
            .unwrap_or_default();
        if allowed.is_empty() {
            reports.add(
                codes::FRONT_PROXY,
                read,
                at,
                "--requestheader-allowed-names is not set: any certificate of the authority may be a front proxy's",
            );
        } else if !proxy.is_empty() && !allowed.contains(&name) {
            reports.add(
                codes::FRONT_PROXY,
                read,
                at,
                format!("{name:?}, its own front proxy's name, is not allowed"),
            );
        }
        check_accepted(
            audit,
            (read, at, of("proxy-client-cert-file")),
            &proxies,
            Usage::Client,
            "the authority of front proxies",
            reports,
        );
    }
    // Doors.
    let modes = command.line.list("authorization-mode");
    if modes.is_empty() || modes.contains(&"AlwaysAllow") {
        reports.add(
            codes::OPEN_DOOR,
            read,
            at,
            "--authorization-mode lets everybody do everything",
        );
    } else if !modes.contains(&"RBAC") {
        reports.add(
            codes::MISSING_SETTING,
            read,
            at,
            "--authorization-mode has no RBAC, so that no binding counts",
        );
    }
    if !matches!(command.line.flag("insecure-port"), None | Some("0")) {
        reports.add(
            codes::OPEN_DOOR,
            read,
            at,
            "--insecure-port lets in everybody who reaches it",
        );
    }
    if command.line.flag("insecure-port").is_none() && command.line.flags.contains_key("kubelet-https") {
        // It is on by default before Kubernetes 1.20; a release that knows --kubelet-https is not much later.
        let message = "--insecure-port is not 0: in a release so old everybody on this host is an administrator";
        reports.add(codes::OPEN_DOOR, read, at, message);
    }
    let plugins = command.line.list("enable-admission-plugins");
    if modes.contains(&"Node") && !plugins.contains(&"NodeRestriction") {
        reports.add(
            codes::MISSING_SETTING,
            read,
            at,
            "--enable-admission-plugins lacks NodeRestriction, so that a kubelet may change other nodes",
        );
    }
    if command.line.flags.contains_key("audit-log-path") && command.line.flag("audit-policy-file").is_none() {
        let message = "--audit-log-path without --audit-policy-file: nothing is recorded";
        reports.add(codes::NO_EFFECT, read, at, message);
    }
    let lease = command.line.flag("endpoint-reconciler-type").unwrap_or("lease") == "lease";
    if lease && command.line.flags.contains_key("apiserver-count") {
        let message = "--apiserver-count: API servers count each other by their leases";
        reports.add(codes::NO_EFFECT, read, at, message);
    }
    if command.line.flag("anonymous-auth") == Some("true") {
        reports.add(codes::OPEN_DOOR, read, at, "--anonymous-auth is on");
    }
    // Kubelets.
    let caller = of("kubelet-client-certificate");
    let kubelets = audit
        .hosts
        .iter()
        .filter(|other| other.runs("kubelet"))
        .collect::<Vec<_>>();
    for kubelet in kubelets {
        for config in kubelet
            .programs("kubelet")
            .filter_map(|kubelet| kubelet.line.flag("config"))
        {
            for document in kubelet.documents(config) {
                let Some(path) = document.text_at(&["authentication", "x509", "clientCAFile"]) else {
                    continue;
                };
                let roots = kubelet.certificates(path);
                check_accepted(
                    audit,
                    (read, at, caller),
                    &roots,
                    Usage::Client,
                    &format!("the kubelet of {}", kubelet.name),
                    reports,
                );
            }
        }
    }
    check_accepted(audit, (read, at, caller), &[], Usage::Client, "", reports);
    check_rbac(audit, read, command, caller, reports);
}

/// The binding by which the API server may call kubelets names the user of its certificate.
fn check_rbac(audit: &Audit<'_>, read: &Read<'_>, command: &Command<'_>, caller: &str, reports: &mut Reports<'_>) {
    let certificates = read.certificates(caller);
    let Some(leaf) = certificates.first() else { return };
    if leaf.organizations.iter().any(|one| one == "system:masters") {
        return;
    }
    let mut any = false;
    for other in &audit.hosts {
        for (path, documents) in &other.documents {
            for document in documents {
                let role = document.text_at(&["roleRef", "name"]).unwrap_or_default();
                if !(role.contains("to-kubelet") || role.contains("kubelet-api")) {
                    continue;
                }
                any = true;
                let matches = |subject: &Tree| {
                    let name = subject.text_at(&["name"]);
                    match subject.text_at(&["kind"]) {
                        Some("User") => name == leaf.common_name.as_deref(),
                        Some("Group") => leaf.organizations.iter().any(|one| Some(one.as_str()) == name),
                        _ => false,
                    }
                };
                if !document.items_at(&["subjects"]).iter().any(matches) {
                    let user = leaf.common_name.as_deref().unwrap_or_default();
                    reports.add(
                        codes::RBAC_SUBJECT,
                        other,
                        path,
                        format!(
                            "the API server of {} calls kubelets as {user:?}, which it does not bind",
                            read.name
                        ),
                    );
                }
            }
        }
    }
    check_role(audit, reports);
    if !any && audit.whole {
        reports.add(
            codes::RBAC_SUBJECT,
            read,
            command.path,
            "nothing here binds the user as which it calls kubelets",
        );
    }
}

/// The role of each binding by which kubelets are called: one that is here, or the one that every cluster has.
fn check_role(audit: &Audit<'_>, reports: &mut Reports<'_>) {
    let documents = || audit.hosts.iter().flat_map(|read| read.documents.values().flatten());
    let roles: BTreeSet<&str> = documents()
        .filter(|document| document.text_at(&["kind"]) == Some("ClusterRole"))
        .filter_map(|document| document.text_at(&["metadata", "name"]))
        .chain(["system:kubelet-api-admin"])
        .collect();
    for read in audit.hosts.iter().filter(|_| audit.whole) {
        for (path, documents) in &read.documents {
            let bound = documents
                .iter()
                .filter_map(|document| document.text_at(&["roleRef", "name"]));
            for role in bound.filter(|role| role.contains("kubelet") && !roles.contains(role)) {
                let message = format!("it binds the role {role:?}, which is not here");
                reports.add(codes::RBAC_SUBJECT, read, path, message);
            }
        }
    }
}

/// The domain of the cluster: as kubelets have it, else as the issuer of tokens says.
fn domain(audit: &Audit<'_>, issuer: &str) -> String {
    let configs = audit.hosts.iter().flat_map(|read| read.documents.values().flatten());
    let mut domains = configs
        .filter(|document| document.text_at(&["kind"]) == Some("KubeletConfiguration"))
        .filter_map(|document| document.text_at(&["clusterDomain"]));
    let issued = issuer
        .strip_prefix("https://kubernetes.default.svc.")
        .map(|rest| rest.trim_end_matches('/'));
    domains.next().or(issued).unwrap_or("cluster.local").to_owned()
}

fn check_etcd_servers(audit: &Audit<'_>, read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    let at = command.path;
    let of = |flag: &str| command.line.flag(flag).unwrap_or_default();
    let trusted = read.certificates(of("etcd-cafile"));
    let servers: Vec<String> = command
        .line
        .list("etcd-servers")
        .into_iter()
        .map(str::to_owned)
        .collect();
    check_twice(read, at, "--etcd-servers", &servers, reports);
    for text in command.line.list("etcd-servers") {
        let Some(url) = Url::parse(text) else {
            reports.add(
                codes::BAD_ADDRESS,
                read,
                at,
                format!("--etcd-servers has {text:?}, which is no URL"),
            );
            continue;
        };
        if url.scheme != "https" {
            reports.add(
                codes::OPEN_DOOR,
                read,
                at,
                format!("--etcd-servers has {text}, which is not encrypted"),
            );
        }
        let mut answered = false;
        let mut any = false;
        for other in &audit.hosts {
            for etcd in other.programs("etcd") {
                any = true;
                let answers = |flag| {
                    urls(etcd, flag)
                        .iter()
                        .any(|one| one.port == url.port && one.host == url.host)
                };
                let local = is_loopback(&url.host) && other.name != read.name;
                if local || !(answers("listen-client-urls") || answers("advertise-client-urls")) {
                    continue;
                }
                answered = true;
                let server = etcd.line.flag("cert-file").unwrap_or_default();
                let shown = other.certificates(server);
                let Some((leaf, others)) = shown.split_first() else {
                    continue;
                };
                if !leaf.covers(&url.host) {
                    reports.add(
                        codes::ADDRESS_NOT_COVERED,
                        read,
                        at,
                        format!("{} is not in the certificate of etcd of {}", url.host, other.name),
                    );
                }
                if leaf.server_auth
                    && let Err(why) = chain(leaf, others, &trusted, audit.at, Usage::Server)
                {
                    reports.add(
                        codes::UNTRUSTED_CERTIFICATE,
                        read,
                        at,
                        format!("--etcd-cafile does not vouch for etcd of {}: {why}", other.name),
                    );
                }
                let roots = other.certificates(etcd.line.flag("trusted-ca-file").unwrap_or_default());
                check_accepted(
                    audit,
                    (read, at, of("etcd-certfile")),
                    &roots,
                    Usage::Client,
                    &format!("etcd of {}", other.name),
                    reports,
                );
            }
        }
        if any && !answered && audit.whole {
            reports.add(codes::NOBODY_ANSWERS, read, at, format!("no etcd listens at {text}"));
        }
    }
}

fn check_kubelet(audit: &Audit<'_>, read: &Read<'_>, command: &Command<'_>, reports: &mut Reports<'_>) {
    let name = command.line.flag("hostname-override").unwrap_or(read.name);
    let has_network = read.host.files.keys().any(|path| path.starts_with("/etc/cni/net.d/"));
    if !has_network && !read.host.loose {
        let message = "nothing in /etc/cni/net.d gives its pods a network";
        reports.add(codes::NODE_WITHOUT_NETWORK, read, command.path, message);
    }
    let Some(path) = command.line.flag("config").and_then(|path| read.resolve(path)) else {
        return;
    };
    for document in read.documents(path) {
        if document.text_at(&["kind"]) != Some("KubeletConfiguration") {
            reports.add(codes::BAD_SYNTAX, read, path, "its kind is not KubeletConfiguration");
            continue;
        }
        if document.text_at(&["authentication", "anonymous", "enabled"]) != Some("false") {
            reports.add(codes::OPEN_DOOR, read, path, "anonymous requests are allowed");
        }
        if document.text_at(&["authorization", "mode"]) != Some("Webhook") {
            reports.add(
                codes::OPEN_DOOR,
                read,
                path,
                "authorization is not by webhook: everybody may do everything",
            );
        }
        if !matches!(document.text_at(&["readOnlyPort"]), None | Some("0")) {
            reports.add(codes::OPEN_DOOR, read, path, "the read-only port lets everybody read");
        }
        match document.text_at(&["authentication", "x509", "clientCAFile"]) {
            Some(authority) => check_authority(read, command, authority, reports),
            None => reports.add(
                codes::MISSING_SETTING,
                read,
                path,
                "authentication.x509.clientCAFile is not set",
            ),
        }
        let (Some(serving), Some(key)) = (
            document.text_at(&["tlsCertFile"]),
            document.text_at(&["tlsPrivateKeyFile"]),
        ) else {
            reports.add(
                codes::MISSING_SETTING,
                read,
                path,
                "tlsCertFile or tlsPrivateKeyFile is not set, so that the API server can't verify it",
            );
            continue;
        };
        if read.resolve(serving).is_none() || read.resolve(key).is_none() {
            continue;
        }
        fits(read, path, serving, key, reports);
        check_covers(read, path, serving, name, "the name of its node", reports);
        for address in command.line.list("node-ip") {
            check_covers(
                read,
                path,
                serving,
                &canonical(address),
                "an address of its node",
                reports,
            );
        }
        let mut judged = false;
        for api in apis(&audit.hosts) {
            let roots = api.read.certificates(
                api.command
                    .line
                    .flag("kubelet-certificate-authority")
                    .unwrap_or_default(),
            );
            judged |= !roots.is_empty();
            check_accepted(
                audit,
                (read, path, serving),
                &roots,
                Usage::Server,
                &format!("the API server of {}", api.read.name),
                reports,
            );
        }
        if !judged {
            let roots = read.certificates(
                document
                    .text_at(&["authentication", "x509", "clientCAFile"])
                    .unwrap_or_default(),
            );
            check_accepted(
                audit,
                (read, path, serving),
                &roots,
                Usage::Server,
                "its own authority",
                reports,
            );
        }
        for dns in document.items_at(&["clusterDNS"]).iter().filter_map(Tree::text) {
            let Ok(ip) = dns.parse::<IpAddr>() else {
                reports.add(
                    codes::BAD_ADDRESS,
                    read,
                    path,
                    format!("clusterDNS {dns:?} is no address"),
                );
                continue;
            };
            let outside = |api: &Api<'_, '_>| {
                let ranges = api.command.line.list("service-cluster-ip-range");
                !ranges.is_empty()
                    && !ranges
                        .iter()
                        .any(|range| range.parse::<IpNet>().is_ok_and(|range| range.contains(&ip)))
            };
            if apis(&audit.hosts).iter().any(outside) {
                reports.add(
                    codes::DNS_DISAGREES,
                    read,
                    path,
                    format!("clusterDNS {dns} is not in the range of services"),
                );
            }
        }
    }
}

fn check_balancers(audit: &Audit<'_>, read: &Read<'_>, reports: &mut Reports<'_>) {
    let apis = apis(&audit.hosts);
    for (path, file) in &read.host.files {
        if !(path.ends_with(".conf") || path.ends_with(".cfg")) || apis.is_empty() || !audit.whole {
            continue;
        }
        let Some(balancer) = std::str::from_utf8(file.content.expose()).ok().and_then(balancer) else {
            continue;
        };
        let leads_to = |api: &Api<'_, '_>, (host, port): &(String, Option<u16>)| {
            (api.addresses.contains(host) || is_loopback(host) && api.read.name == read.name)
                && port.is_none_or(|port| port == api.port)
        };
        for address in &balancer.unfilled {
            let message = format!("{address:?} is a placeholder, and no address");
            reports.add(codes::BAD_ADDRESS, read, path, message);
        }
        let upstreams: Vec<String> = balancer
            .upstreams
            .iter()
            .map(|(host, port)| format!("{host} port {}", port.unwrap_or_default()))
            .collect();
        check_twice(read, path, "it", &upstreams, reports);
        for upstream in &balancer.upstreams {
            let is_name = upstream.0.parse::<IpAddr>().is_err();
            if !is_name && !apis.iter().any(|api| leads_to(api, upstream)) {
                let port = upstream.1.map_or(String::new(), |port| format!(" port {port}"));
                reports.add(
                    codes::NOBODY_ANSWERS,
                    read,
                    path,
                    format!("no API server listens at {}{port}", upstream.0),
                );
            }
        }
        for api in apis
            .iter()
            .filter(|api| !balancer.upstreams.iter().any(|upstream| leads_to(api, upstream)))
        {
            reports.add(
                codes::NOT_BALANCED,
                read,
                path,
                format!("it never asks the API server of {}", api.read.name),
            );
        }
    }
}

/// SHA-256 of the base64 of keys that stand in documentation: the walk-through's own, 32 zeros, and those of kubernetes.io,
/// "Encrypting Confidential Data at Rest".
const PUBLISHED: [&str; 5] = [
    "6595643956924dbe2402efee28ac8d37b73ec8e8cb7b4b884b09646a70e5d7fc",
    "51643eac9777b63a7b268174d1fd4276daedec9bc9ea0bc6e5abf69047bc54f6",
    "dc9b5db8c9b009b33f42c4aa31b9862fabd53f56920632a4fe1f28a933570008",
    "0e8e10c14d31e55f39d33df7e136521d706a7cd67196950b8742acd130ca5c91",
    "3d4e957dbf72e713e736a6b5fb7c07ee75a1dec7f7daa0b0be91e320f79e9e40",
];

fn check_encryption(read: &Read<'_>, reports: &mut Reports<'_>) {
    use base64ct::{Base64, Encoding};
    use zeroize::Zeroizing;

    for (path, documents) in &read.documents {
        for document in documents {
            if !matches!(
                document.text_at(&["kind"]),
                Some("EncryptionConfiguration" | "EncryptionConfig")
            ) {
                continue;
            }
            let resources = document.items_at(&["resources"]);
            let names = |resource: &Tree| {
                let of = resource.items_at(&["resources"]).iter();
                of.filter_map(Tree::text)
                    .any(|name| matches!(name, "secrets" | "*." | "*.*"))
            };
            if !resources.iter().any(names) {
                reports.add(codes::BAD_ENCRYPTION, read, path, "it does not encrypt secrets");
            }
            for resource in resources {
                let providers = resource.items_at(&["providers"]);
                let kind = |provider: &Tree| match provider {
                    Tree::Map(fields) => fields.first().map(|(name, _)| name.clone()),
                    _ => None,
                };
                match providers.first().and_then(kind).as_deref() {
                    Some("aescbc") => {
                        reports.add(codes::WEAK_ENCRYPTION, read, path, "its first provider is aescbc");
                    }
                    Some("identity") => reports.add(
                        codes::IDENTITY_FIRST,
                        read,
                        path,
                        "what is written is not encrypted: its first provider is identity",
                    ),
                    Some(_) => {}
                    None => reports.add(codes::BAD_ENCRYPTION, read, path, "it has no provider"),
                }
                for provider in providers {
                    let Some(kind) = kind(provider) else { continue };
                    let keys = provider.items_at(&[&kind, "keys"]);
                    if keys.is_empty() && ["aescbc", "aesgcm", "secretbox"].contains(&kind.as_str()) {
                        reports.add(
                            codes::BAD_ENCRYPTION,
                            read,
                            path,
                            format!("its provider {kind} has no key"),
                        );
                    }
                    let mut seen = BTreeSet::new();
                    for key in keys {
                        let name = key.text_at(&["name"]).unwrap_or_default();
                        if name.is_empty() || !seen.insert(name) {
                            reports.add(codes::BAD_ENCRYPTION, read, path, "a key of it has no name of its own");
                        }
                        let secret = key.text_at(&["secret"]).unwrap_or_default();
                        if PUBLISHED.contains(&sha256_hex(secret.as_bytes()).as_str()) {
                            let message = format!("the key {name:?} of it is that of a well-known example");
                            reports.add(codes::PUBLISHED_SECRET, read, path, message);
                        }
                        let length = Base64::decode_vec(secret)
                            .map(Zeroizing::new)
                            .ok()
                            .map(|bytes| bytes.len());
                        let message = match length {
                            Some(32) => continue,
                            Some(16 | 24) if kind == "aesgcm" || kind == "aescbc" => continue,
                            Some(length) => format!("the key {name:?} of it has {length} bytes, not 32"),
                            None => format!("the key {name:?} of it is not strict base64"),
                        };
                        reports.add(codes::BAD_ENCRYPTION, read, path, message);
                    }
                }
            }
        }
    }
}
