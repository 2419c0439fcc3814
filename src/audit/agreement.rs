//! What has to be the same on several hosts, or on both sides of a connection.

use std::collections::{BTreeMap, BTreeSet};

use super::components::members;
use super::document::Tree;
use super::{Audit, Command, Read};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::digest::sha256_hex;

/// Flags that every instance of a program has the same.
const SAME_FLAGS: &[(&str, &[&str], &Code)] = &[
    (
        "kube-apiserver",
        &[
            "service-account-issuer",
            "authorization-mode",
            "service-node-port-range",
            "requestheader-allowed-names",
            "etcd-servers",
            "secure-port",
        ],
        codes::SETTINGS_DISAGREE,
    ),
    (
        "kube-controller-manager",
        &["cluster-name", "cluster-cidr"],
        codes::SETTINGS_DISAGREE,
    ),
    (
        "etcd",
        &["initial-cluster", "initial-cluster-token", "initial-cluster-state"],
        codes::ETCD_DISAGREES,
    ),
];

/// Files that every instance of a program has the same.
const SAME_FILES: &[(&str, &[&str], &Code)] = &[
    (
        "kube-apiserver",
        &["service-account-key-file", "service-account-signing-key-file"],
        codes::SERVICE_ACCOUNT_KEYS_DISAGREE,
    ),
    (
        "kube-apiserver",
        &[
            "client-ca-file",
            "etcd-cafile",
            "requestheader-client-ca-file",
            "kubelet-certificate-authority",
            "audit-policy-file",
        ],
        codes::SETTINGS_DISAGREE,
    ),
    (
        "kube-controller-manager",
        &["root-ca-file", "cluster-signing-cert-file", "client-ca-file"],
        codes::SETTINGS_DISAGREE,
    ),
    (
        "etcd",
        &["trusted-ca-file", "peer-trusted-ca-file"],
        codes::ETCD_DISAGREES,
    ),
];

struct Said {
    value: String,
    host: String,
    path: String,
}

pub fn check(audit: &mut Audit<'_>) {
    let mut reports: Vec<(&'static Code, String, String, String)> = Vec::new();
    let commands: Vec<(&Read<'_>, &Command<'_>)> = audit
        .hosts
        .iter()
        .flat_map(|read| read.commands.iter().map(move |command| (read, command)))
        .collect();
    let of = |program: &'static str| {
        commands
            .iter()
            .filter(move |(_, command)| command.line.program == program)
    };

    for (program, flags, code) in SAME_FLAGS {
        for flag in *flags {
            let said = of(program).map(|(read, command)| {
                let mut items = command.line.list(flag);
                items.sort_unstable();
                say(read, command.path, items.join(","))
            });
            disagree(said.collect(), code, &format!("--{flag}"), &mut reports);
        }
    }
    for (program, flags, code) in SAME_FILES {
        for flag in *flags {
            let said = of(program).filter_map(|(read, command)| {
                let path = read.resolve(command.line.flag(flag)?)?;
                Some(say(read, path, sha256_hex(read.host.files.get(path)?.content.expose())))
            });
            disagree(said.collect(), code, &format!("the file of --{flag}"), &mut reports);
        }
    }

    // The range of services: API servers and controller managers.
    let ranges = of("kube-apiserver")
        .chain(of("kube-controller-manager"))
        .filter_map(|(read, command)| {
            let range = command.line.flag("service-cluster-ip-range")?;
            Some(say(read, command.path, range.to_owned()))
        });
    disagree(
        ranges.collect(),
        codes::SERVICE_RANGE_DISAGREES,
        "--service-cluster-ip-range",
        &mut reports,
    );

    // Tokens are signed by what every API server accepts.
    for (read, command) in of("kube-controller-manager") {
        let path = command
            .line
            .flag("service-account-private-key-file")
            .unwrap_or_default();
        let Some(key) = read.private_key(path) else { continue };
        for (other, api) in of("kube-apiserver") {
            let accepted: Vec<&[u8]> = api
                .line
                .flags
                .get("service-account-key-file")
                .into_iter()
                .flatten()
                .flat_map(|path| other.public_keys(path))
                .collect();
            if !accepted.is_empty() && !accepted.contains(&key) {
                let message = format!(
                    "the API server of {} does not accept the tokens that it signs",
                    other.name
                );
                reports.push((
                    codes::SERVICE_ACCOUNT_KEYS_DISAGREE,
                    read.name.to_owned(),
                    command.path.to_owned(),
                    message,
                ));
            }
        }
    }

    // The ranges of pods: controller managers and proxies, as far as both say one.
    let mut pods: Vec<Said> = of("kube-controller-manager")
        .filter_map(|(read, command)| Some(say(read, command.path, command.line.flag("cluster-cidr")?.to_owned())))
        .collect();
    let mut domains = Vec::new();
    let mut dns = Vec::new();
    let mut kubelet_authorities = Vec::new();
    let mut encryption = Vec::new();
    for read in &audit.hosts {
        for (path, documents) in &read.documents {
            for document in documents {
                match document.text_at(&["kind"]) {
                    Some("EncryptionConfiguration" | "EncryptionConfig") => {
                        let sum = read.host.files.get(*path).map(|file| sha256_hex(file.content.expose()));
                        encryption.extend(sum.map(|sum| say(read, path, sum)));
                    }
                    Some("KubeProxyConfiguration") => {
                        pods.extend(
                            document
                                .text_at(&["clusterCIDR"])
                                .map(|range| say(read, path, range.to_owned())),
                        );
                    }
                    Some("KubeletConfiguration") => {
                        domains.push(say(
                            read,
                            path,
                            document.text_at(&["clusterDomain"]).unwrap_or_default().to_owned(),
                        ));
                        let addresses: Vec<&str> = document
                            .items_at(&["clusterDNS"])
                            .iter()
                            .filter_map(|one| one.text())
                            .collect();
                        dns.push(say(read, path, addresses.join(",")));
                        let authority = document.text_at(&["authentication", "x509", "clientCAFile"]);
                        if let Some(file) = authority
                            .and_then(|path| read.resolve(path))
                            .and_then(|path| read.host.files.get(path))
                        {
                            kubelet_authorities.push(say(read, path, sha256_hex(file.content.expose())));
                        }
                    }
                    Some("Service")
                        if document
                            .text_at(&["metadata", "name"])
                            .is_some_and(|name| name.contains("dns")) =>
                    {
                        dns.extend(
                            document
                                .text_at(&["spec", "clusterIP"])
                                .map(|address| say(read, path, address.to_owned())),
                        );
                    }
                    _ => {}
                }
            }
        }
    }
    disagree(pods, codes::POD_RANGE_DISAGREES, "the range of pods", &mut reports);
    disagree(
        encryption,
        codes::ENCRYPTION_DISAGREES,
        "the encryption configuration",
        &mut reports,
    );
    disagree(domains, codes::DNS_DISAGREES, "the domain of the cluster", &mut reports);
    disagree(
        dns,
        codes::DNS_DISAGREES,
        "the address of the cluster's DNS",
        &mut reports,
    );
    disagree(
        kubelet_authorities,
        codes::SETTINGS_DISAGREE,
        "the authority of clients",
        &mut reports,
    );

    // What is applied to the cluster, on whichever host that is done.
    let mut manifests: BTreeMap<&str, Vec<Said>> = BTreeMap::new();
    for read in &audit.hosts {
        for (path, documents) in &read.documents {
            let is_manifest = |document: &Tree| document.at(&["metadata", "name"]).is_some();
            if let Some(file) = read.host.files.get(*path).filter(|_| documents.iter().all(is_manifest)) {
                let said = say(read, path, sha256_hex(file.content.expose()));
                manifests.entry(path).or_default().push(said);
            }
        }
    }
    for said in manifests.into_values() {
        disagree(said, codes::SETTINGS_DISAGREE, "the manifest", &mut reports);
    }

    // Names and members of etcd.
    let mut names: BTreeMap<&str, Vec<&(&Read<'_>, &Command<'_>)>> = BTreeMap::new();
    for one in of("etcd") {
        names
            .entry(one.1.line.flag("name").unwrap_or_default())
            .or_default()
            .push(one);
    }
    for (name, of_name) in names.iter().filter(|(_, of_name)| of_name.len() > 1) {
        for (read, command) in of_name {
            let message = format!("more than one member is called {name:?}");
            reports.push((
                codes::ETCD_DISAGREES,
                read.name.to_owned(),
                command.path.to_owned(),
                message,
            ));
        }
    }
    if audit.whole {
        for (read, command) in of("etcd") {
            let listed: BTreeSet<String> = members(command).into_iter().map(|(name, _)| name).collect();
            for missing in listed.iter().filter(|name| !names.contains_key(name.as_str())) {
                let message = format!("its initial cluster has {missing:?}, which no host here is");
                reports.push((
                    codes::ETCD_DISAGREES,
                    read.name.to_owned(),
                    command.path.to_owned(),
                    message,
                ));
            }
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, &host, &path, message);
    }
}

fn say(read: &Read<'_>, path: &str, value: String) -> Said {
    Said {
        value,
        host: read.name.to_owned(),
        path: path.to_owned(),
    }
}

/// Reports those that are not what most say; of two equally many the first is right.
fn disagree(
    said: Vec<Said>,
    code: &'static Code,
    what: &str,
    reports: &mut Vec<(&'static Code, String, String, String)>,
) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &said {
        *counts.entry(&one.value).or_default() += 1;
    }
    if counts.len() < 2 {
        return;
    }
    let most = counts.values().max().copied().unwrap_or(0);
    let Some(right) = said.iter().find(|one| counts.get(one.value.as_str()) == Some(&most)) else {
        return;
    };
    for one in said.iter().filter(|one| one.value != right.value) {
        let message = format!("{what} is not the same as in {} of {}", right.path, right.host);
        reports.push((code, one.host.clone(), one.path.clone(), message));
    }
}
