//! Kubeconfigs: what each holds, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::document::Tree;
use super::names::Url;
use super::spot::Spot;
use super::view::{HostView, View, unreadable};
use crate::pki::inspect::{Certificate, Item};

/// Flags that name a kubeconfig of the program's own.
pub(crate) const KUBECONFIG_FLAGS: [&str; 3] = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];

/// What the current context of a kubeconfig leads to, and as whom.
pub(crate) struct Login<'v> {
    pub spot: Spot<'v>,
    pub cluster: &'v Tree,
    pub user: &'v Tree,
    /// Where its cluster is, if that is a URL.
    pub url: Option<Url>,
    /// The authorities that it trusts.
    pub trusted: Arc<[Item]>,
    pub client: Arc<[Item]>,
    pub key: Arc<[Item]>,
    /// What of these can't be read, and why.
    pub problems: Vec<String>,
}

impl<'v> Login<'v> {
    /// Reads a kubeconfig; what it lacks, where it leads nowhere.
    pub(crate) fn read(spot: Spot<'v>, config: &'v Tree) -> Result<Login<'v>, &'static str> {
        let context = config.text_at(&["current-context"]);
        let context = context.and_then(|name| named(config, "contexts", name)?.get("context"));
        let context = context.ok_or("its current context is not among its contexts")?;
        let part = |list: &str, field: &str| named(config, list, context.text_at(&[field])?)?.get(field);
        let parts = part("clusters", "cluster").zip(part("users", "user"));
        let (cluster, user) = parts.ok_or("its context names a cluster or a user that is not in it")?;
        let mut problems = Vec::new();
        let mut material = |tree: &Tree, field: &str| material(spot, tree, field, &mut problems);
        Ok(Login {
            spot,
            cluster,
            user,
            url: cluster.text_at(&["server"]).and_then(Url::parse),
            trusted: material(cluster, "certificate-authority"),
            client: material(user, "client-certificate"),
            key: material(user, "client-key"),
            problems,
        })
    }

    /// Whether it has something at `cluster.certificate-authority` or `user.client-certificate`, itself or the path of a file.
    pub(crate) fn names(&self, field: &[&str]) -> bool {
        let (tree, field) = match field {
            ["cluster", field] => (self.cluster, field),
            [_, field] => (self.user, field),
            _ => return false,
        };
        let data = format!("{field}-data");
        tree.text_at(&[field]).is_some() || tree.text_at(&[&data]).is_some()
    }

    /// What stands at `cluster.certificate-authority` or `user.client-certificate`, whether there or in the file that it names.
    pub(crate) fn items(&self, field: &[&str]) -> &[Item] {
        match field.first() {
            Some(&"cluster") => &self.trusted,
            _ => &self.client,
        }
    }
}

/// A path as a kubeconfig has it: relative to its folder (`ResolveLocalPaths` of client-go).
fn beside(kubeconfig: &str, path: &str) -> String {
    let relative = !path.is_empty() && !path.starts_with('/');
    let folder = kubeconfig.rsplit_once('/').map_or("", |(folder, _)| folder);
    match relative {
        true => format!("{folder}/{}", path.trim_start_matches("./")),
        false => path.to_owned(),
    }
}

/// The PEM of a field, given as base64 in `FIELD-data` or as the path of a file.
fn material(spot: Spot<'_>, tree: &Tree, field: &str, problems: &mut Vec<String>) -> Arc<[Item]> {
    let data = format!("{field}-data");
    let Some(text) = tree.text_at(&[&data]) else {
        let path = tree.text_at(&[field]).unwrap_or_default();
        return spot.host.items(&beside(spot.path, path)).into();
    };
    let Ok(pem) = Base64::decode_vec(text.trim()).map(Zeroizing::new) else {
        problems.push(format!("its {data} is not base64"));
        return Arc::default();
    };
    let items = spot.view.items_of(&pem);
    for (label, why) in unreadable(&items) {
        problems.push(format!("its {data} holds a {label} that can't be read: {why}"));
    }
    if items.is_empty() {
        problems.push(format!("its {data} holds no PEM"));
    }
    items
}

/// The kubeconfigs of a host that are of the cluster, as documents.
pub(crate) fn kubeconfigs<'v>(
    view: &'v View<'v>,
    host: &'v HostView<'v>,
) -> impl Iterator<Item = (Spot<'v>, &'v Tree)> {
    let elsewhere = lead_elsewhere(host);
    let files = host
        .documents
        .iter()
        .filter(move |(path, _)| !elsewhere.contains(*path));
    files.filter_map(move |(path, documents)| {
        let config = documents.iter().find(|document| is_kubeconfig(document))?;
        Some((Spot { view, host, path }, config))
    })
}

/// By host and path of a kubeconfig, the program of the host that logs in with it: the first by its name.
pub(crate) fn programs_of_kubeconfigs<'v>(view: &'v View<'v>) -> BTreeMap<(&'v str, &'v str), &'v str> {
    let mut programs = BTreeMap::new();
    for host in &view.hosts {
        for command in &host.commands {
            let line = &command.line;
            let by_flags = KUBECONFIG_FLAGS.iter().filter_map(|flag| line.flag(flag));
            let documents = host.documents(line.flag("config").unwrap_or_default()).iter();
            let by_config = documents.filter_map(|one| one.text_at(&["clientConnection", "kubeconfig"]));
            for path in by_flags.chain(by_config).filter_map(|path| host.resolve(path)) {
                let program = programs.entry((host.name, path)).or_insert(line.program.as_str());
                *program = line.program.as_str().min(program);
            }
        }
    }
    programs
}

/// `Config` of `v1`, which others call something of theirs too.
pub(crate) fn is_kubeconfig(document: &Tree) -> bool {
    document.kind() == "Config" && matches!(document.text_at(&["apiVersion"]), Some("v1") | None)
}

/// Files in a kubeconfig's form that say where an API server finds a webhook, which is not of the cluster
/// (<https://kubernetes.io/docs/reference/access-authn-authz/webhook/>).
pub(crate) fn lead_elsewhere<'v>(host: &'v HostView<'v>) -> BTreeSet<&'v str> {
    let flags = host.commands.iter().flat_map(|command| command.line.flags.iter());
    let by_flags = flags
        .filter(|(name, _)| name.ends_with("webhook-config-file"))
        .flat_map(|(_, paths)| paths.iter().map(String::as_str));
    let mut named: Vec<&str> = by_flags.collect();
    let kinds = [
        "AdmissionConfiguration",
        "AuthorizationConfiguration",
        "WebhookAdmission",
    ];
    let documents = host.all_documents();
    for document in documents.filter(|document| kinds.contains(&document.kind())) {
        named_in(document, &mut named);
    }
    named.into_iter().filter_map(|path| host.resolve(path)).collect()
}

fn named_in<'v>(tree: &'v Tree, named: &mut Vec<&'v str>) {
    match tree {
        Tree::Map(fields) => {
            for (name, value) in fields {
                match value.text().filter(|_| name.to_lowercase().starts_with("kubeconfig")) {
                    Some(path) => named.push(path),
                    None => named_in(value, named),
                }
            }
        }
        Tree::List(items) => items.iter().for_each(|item| named_in(item, named)),
        Tree::Text(_) | Tree::Plain(_) => {}
    }
}

/// The certificate with which an entry of `users` in a kubeconfig logs in, where it can be read.
pub(crate) fn client_of(spot: Spot<'_>, user: &Tree) -> Option<Certificate> {
    let items = match user.text_at(&["user", "client-certificate-data"]) {
        Some(text) => spot.view.items_of(&Base64::decode_vec(text.trim()).ok()?),
        None => spot.host.items(user.text_at(&["user", "client-certificate"])?).into(),
    };
    items.iter().find_map(Item::certificate).cloned()
}

/// The entry of that name in a list of a kubeconfig.
fn named<'t>(config: &'t Tree, list: &str, name: &str) -> Option<&'t Tree> {
    let mut entries = config.items_at(&[list]).iter();
    entries.find(|entry| entry.text_at(&["name"]) == Some(name))
}
