//! What each certificate is for: as flags and configurations name it, else as its file or its user is called.

use std::collections::BTreeMap;

use super::{InventoryRow, Read};

/// Program, its flag that names a certificate, and what that is for: the most telling first.
const LEAVES: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "tls-cert-file", "kube-apiserver serving"),
    ("etcd", "cert-file", "etcd serving"),
    ("etcd", "peer-cert-file", "etcd peer"),
    ("kube-apiserver", "etcd-certfile", "kube-apiserver to etcd"),
    (
        "kube-apiserver",
        "kubelet-client-certificate",
        "kube-apiserver to kubelet",
    ),
    ("kube-apiserver", "proxy-client-cert-file", "front proxy client"),
    ("kubelet", "tls-cert-file", "kubelet serving"),
    (
        "kube-controller-manager",
        "tls-cert-file",
        "kube-controller-manager serving",
    ),
    ("kube-scheduler", "tls-cert-file", "kube-scheduler serving"),
    ("kube-apiserver", "service-account-key-file", "service accounts"),
];

/// The same for what is trusted.
const AUTHORITIES: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "client-ca-file", "cluster"),
    ("etcd", "trusted-ca-file", "etcd"),
    ("kube-apiserver", "etcd-cafile", "etcd"),
    ("etcd", "peer-trusted-ca-file", "etcd peers"),
    ("kube-apiserver", "requestheader-client-ca-file", "front proxy"),
];

/// By host and path, what is there for whom: its rank, then in words.
type Named<'b> = BTreeMap<(&'b str, &'b str), Vec<(usize, String)>>;

/// Says of each row what it is for.
pub fn add(hosts: &[Read<'_>], rows: &mut [InventoryRow]) {
    let (leaves, authorities) = (of_leaves(hosts), of_flags(hosts, AUTHORITIES));
    for row in rows {
        let named = if row.certificate.authority {
            &authorities
        } else {
            &leaves
        };
        let mut uses: Vec<(usize, String)> = row
            .places
            .iter()
            .filter_map(|(host, path)| named.get(&(host.as_str(), path.as_str())))
            .flatten()
            .cloned()
            .collect();
        uses.sort();
        let mut words: Vec<String> = Vec::new();
        for (_, word) in uses {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if words.is_empty() {
            words.push(by_name(row));
        }
        row.uses = words;
    }
}

fn of_flags<'b>(hosts: &'b [Read<'_>], table: &[(&str, &str, &str)]) -> Named<'b> {
    let mut named = Named::new();
    for read in hosts {
        for (rank, (program, flag, what)) in table.iter().enumerate() {
            let paths = read
                .programs(program)
                .flat_map(|command| command.line.flags.get(*flag).into_iter().flatten());
            for path in paths.filter_map(|path| read.resolve(path)) {
                let uses = named.entry((read.name, path)).or_default();
                uses.push((rank, (*what).to_owned()));
            }
        }
    }
    named
}

/// Flags, the kubelet's configuration, and who uses which kubeconfig.
fn of_leaves<'b>(hosts: &'b [Read<'_>]) -> Named<'b> {
    let mut named = of_flags(hosts, LEAVES);
    for read in hosts {
        let mut add = |path: Option<&'b str>, what: String| {
            if let Some(path) = path {
                named.entry((read.name, path)).or_default().push((LEAVES.len(), what));
            }
        };
        for command in &read.commands {
            let program = &command.line.program;
            for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
                let path = command.line.flag(flag).and_then(|path| read.resolve(path));
                add(path, format!("{program} client"));
            }
            for document in read.documents(command.line.flag("config").unwrap_or_default()) {
                let at = |path: &[&str]| document.text_at(path).and_then(|path| read.resolve(path));
                add(at(&["clientConnection", "kubeconfig"]), format!("{program} client"));
                add(at(&["tlsCertFile"]), format!("{program} serving"));
            }
        }
    }
    named
}

/// By its user, else by its file.
fn by_name(row: &InventoryRow) -> String {
    let common_name = row.certificate.common_name.as_deref().unwrap_or_default();
    if common_name.starts_with("system:node:") {
        return match (row.certificate.server_auth, row.certificate.client_auth) {
            (true, false) => "kubelet serving".to_owned(),
            (false, true) => "kubelet client".to_owned(),
            _ => "kubelet".to_owned(),
        };
    }
    if let Some(component) = common_name.strip_prefix("system:") {
        return format!("{component} client");
    }
    let files = row
        .places
        .iter()
        .map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
    // A kubeconfig's name says who, a certificate's what.
    let (kubeconfigs, certificates): (Vec<&str>, Vec<&str>) = files.partition(|file| file.ends_with("kubeconfig"));
    let file = certificates
        .first()
        .or(kubeconfigs.first())
        .copied()
        .unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    match stem {
        "" => common_name.to_owned(),
        stem => stem.to_owned(),
    }
}
