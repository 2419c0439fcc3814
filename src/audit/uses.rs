//! What each certificate is for: as flags and configurations name it, else as its file or its user is called.

use std::collections::BTreeMap;

use super::view::View;
use crate::pki::inspect::Certificate;

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

/// Flags that name a kubeconfig of the program's own.
pub(crate) const KUBECONFIG_FLAGS: [&str; 3] = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];

/// By host and path, what is there for whom: its rank, then in words.
type Named<'b> = BTreeMap<(&'b str, &'b str), Vec<(usize, String)>>;

/// What is used for what in a bundle.
pub(crate) struct Uses<'v> {
    leaves: Named<'v>,
    authorities: Named<'v>,
}

impl<'v> Uses<'v> {
    pub(crate) fn read(view: &'v View<'v>) -> Uses<'v> {
        Uses {
            leaves: of_leaves(view),
            authorities: of_flags(view, AUTHORITIES),
        }
    }

    /// What a certificate that lies at `places` (host and path) is for, the most telling first.
    pub(crate) fn of(&self, certificate: &Certificate, places: &[(String, String)]) -> Vec<String> {
        let named = match certificate.authority {
            true => &self.authorities,
            false => &self.leaves,
        };
        let places_of = places.iter().map(|(host, path)| (host.as_str(), path.as_str()));
        let mut uses: Vec<&(usize, String)> = places_of.filter_map(|place| named.get(&place)).flatten().collect();
        uses.sort();
        let mut words: Vec<String> = Vec::new();
        for (_, word) in uses {
            if !words.contains(word) {
                words.push(word.clone());
            }
        }
        if words.is_empty() {
            words.push(by_name(certificate, places));
        }
        words
    }
}

fn of_flags<'v>(view: &'v View<'v>, table: &[(&str, &str, &str)]) -> Named<'v> {
    let mut named = Named::new();
    for host in &view.hosts {
        for (rank, (program, flag, what)) in table.iter().enumerate() {
            let paths = host.programs(program).flat_map(|command| command.line.values(flag));
            for path in paths.filter_map(|path| host.resolve(path)) {
                let uses = named.entry((host.name, path)).or_default();
                uses.push((rank, (*what).to_owned()));
            }
        }
    }
    named
}

/// Flags, the kubelet's configuration, and who uses which kubeconfig.
fn of_leaves<'v>(view: &'v View<'v>) -> Named<'v> {
    let mut named = of_flags(view, LEAVES);
    for host in &view.hosts {
        let mut add = |path: Option<&str>, what: String| {
            if let Some(path) = path.and_then(|path| host.resolve(path)) {
                named.entry((host.name, path)).or_default().push((LEAVES.len(), what));
            }
        };
        for command in &host.commands {
            let program = &command.line.program;
            for flag in KUBECONFIG_FLAGS {
                add(command.line.flag(flag), format!("{program} client"));
            }
            for document in host.documents(command.line.flag("config").unwrap_or_default()) {
                let kubeconfig = document.text_at(&["clientConnection", "kubeconfig"]);
                add(kubeconfig, format!("{program} client"));
                add(document.text_at(&["tlsCertFile"]), format!("{program} serving"));
            }
        }
    }
    named
}

/// By its user, else by its file.
fn by_name(certificate: &Certificate, places: &[(String, String)]) -> String {
    let common_name = certificate.user();
    if common_name.starts_with("system:node:") {
        return match (certificate.server_auth, certificate.client_auth) {
            (true, false) => "kubelet serving".to_owned(),
            (false, true) => "kubelet client".to_owned(),
            _ => "kubelet".to_owned(),
        };
    }
    if let Some(component) = common_name.strip_prefix("system:") {
        return format!("{component} client");
    }
    let files = places.iter().map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
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
