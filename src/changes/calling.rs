//! How the cluster is asked from one of its hosts: with which credentials of those that lie there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::documents::documents;
use super::stage::quoted;
use super::units::command_of;
use super::versions::etcd_version;
use crate::audit::names::{Url, is_loopback};
use crate::catalog::releases::Version;
use crate::found::FoundHost;
use crate::pki::inspect::{Certificate, Item, items};

/// kubectl as an administrator calls it on a host; none where no administrator's kubeconfig lies.
pub(super) fn kubectl(host: &FoundHost) -> Option<String> {
    const OF_ADMINISTRATORS: [&str; 3] = [
        "/root/admin.kubeconfig",
        "/root/break-glass.kubeconfig",
        "/etc/kubernetes/admin.conf",
    ];
    let path = OF_ADMINISTRATORS.iter().find(|path| host.files.contains_key(**path))?;
    Some(format!("kubectl --kubeconfig={path}"))
}

/// kubectl as it asks the API server on the host itself, wherever the administrator's kubeconfig leads.
pub(super) fn kubectl_on_the_spot(host: &FoundHost) -> Option<String> {
    let kubectl = kubectl(host)?;
    let local = |url: &String| Url::parse(url).is_some_and(|url| is_loopback(&url.host));
    let path = kubectl.rsplit('=').next().unwrap_or_default();
    if servers_of(host, path).iter().any(local) {
        return Some(kubectl);
    }
    match servers_called(host).iter().find(|url| local(url)) {
        Some(url) => Some(format!("{kubectl} --server={}", quoted(url))),
        None => Some(kubectl),
    }
}

/// The API servers' URLs in the kubeconfigs of a host.
pub(super) fn servers_called(host: &FoundHost) -> BTreeSet<String> {
    servers_of(host, "kubeconfig")
}

fn servers_of(host: &FoundHost, end: &str) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for config in documents(host, end) {
        let clusters = config.items_at(&["clusters"]).iter();
        let servers = clusters.filter_map(|cluster| cluster.text_at(&["cluster", "server"]));
        called.extend(servers.map(str::to_owned));
    }
    called
}

/// The environment in which etcdctl reaches the member of etcd on its own host
/// (<https://etcd.io/docs/v3.6/op-guide/security/>); none where the member's unit or a client's certificate can't be found.
pub fn etcdctl_environment(host: &FoundHost) -> Option<Vec<(String, String)>> {
    let etcd = command_of(host, "etcd")?;
    let urls = etcd.list("listen-client-urls");
    let is_own = |url: &&&str| Url::parse(url).is_some_and(|url| is_loopback(&url.host));
    let endpoint = urls.iter().find(is_own).or_else(|| urls.first())?;
    let mut environment = vec![("ETCDCTL_ENDPOINTS", (*endpoint).to_owned())];
    // Until 3.4 etcdctl spoke the second version of the interface if nobody said otherwise.
    if etcd_version(host).is_some_and(|version| version < Version::new(3, 4)) {
        environment.push(("ETCDCTL_API", "3".to_owned()));
    }
    if let Some(authority) = etcd.flag("trusted-ca-file") {
        let (certificate, key) = client_of(host, authority)?;
        environment.push(("ETCDCTL_CACERT", authority.to_owned()));
        environment.push(("ETCDCTL_CERT", certificate));
        environment.push(("ETCDCTL_KEY", key));
    }
    let owned = environment.into_iter().map(|(name, value)| (name.to_owned(), value));
    Some(owned.collect())
}

/// The files of a certificate, and of its key, with which the host can be a client of who trusts the `authorities` in that file.
fn client_of(host: &FoundHost, authorities: &str) -> Option<(String, String)> {
    let authorities = certificates(host, authorities);
    let mut clients = host.files.keys().filter_map(|path| {
        let stem = path.strip_suffix(".pem").or_else(|| path.strip_suffix(".crt"))?;
        let keys = [format!("{stem}-key.pem"), format!("{stem}.key")];
        let key = keys.into_iter().find(|key| host.files.contains_key(key))?;
        let certificate = certificates(host, path).into_iter().next()?;
        let is_trusted = authorities.iter().any(|authority| certificate.is_signed_by(authority));
        let is_client = certificate.client_auth && !certificate.authority && is_trusted;
        is_client.then(|| (path.clone(), key))
    });
    clients.next()
}

fn certificates(host: &FoundHost, path: &str) -> Vec<Certificate> {
    let file = host.files.get(path);
    let items = file.map_or_else(Vec::new, |file| items(file.content.expose()));
    let certificates = items.into_iter().filter_map(|item| match item {
        Item::Certificate(certificate) => Some(Arc::unwrap_or_clone(certificate)),
        _ => None,
    });
    certificates.collect()
}
