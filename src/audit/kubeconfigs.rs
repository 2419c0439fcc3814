//! Kubeconfigs: who they say the client is, whom they trust, and where they lead.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::document::Tree;
use super::names::{Url, is_loopback};
use super::programs::apiserver::{Api, apis};
use super::reached::Reached;
use super::spot::{Spot, documents};
use super::uses::KUBECONFIG_FLAGS;
use super::view::{HostView, View, certificates_of, private_key_of, unreadable};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, Item, TlsRole};

/// Who must stand in a certificate.
enum Who {
    User(String),
    FoundNode(String),
    Administrator,
}

pub(crate) fn check(view: &View<'_>) {
    let apis = apis(view);
    let administrators = administrators(view);
    let reached = Reached::of(view, &apis);
    let nodes: BTreeSet<&str> = view.hosts.iter().flat_map(HostView::nodes).collect();
    for host in &view.hosts {
        let elsewhere = lead_elsewhere(host);
        for (path, documents) in host.documents.iter().filter(|(path, _)| !elsewhere.contains(*path)) {
            let spot = Spot { view, host, path };
            match documents.iter().find(|document| is_kubeconfig(document)) {
                Some(config) => {
                    let kubeconfig = Kubeconfig {
                        spot,
                        apis: &apis,
                        reached: &reached,
                        administrators: &administrators,
                        nodes: &nodes,
                    };
                    kubeconfig.check(config);
                }
                None if path.ends_with("kubeconfig") => {
                    spot.report(codes::BAD_KUBECONFIG, "it is no kubeconfig: its kind is not Config");
                }
                None => {}
            }
        }
    }
}

/// `Config` of `v1`, which others call something of theirs too.
fn is_kubeconfig(document: &Tree) -> bool {
    document.kind() == "Config" && matches!(document.text_at(&["apiVersion"]), Some("v1") | None)
}

/// Files in a kubeconfig's form that say where an API server finds a webhook, which is not of the cluster
/// (<https://kubernetes.io/docs/reference/access-authn-authz/webhook/>).
fn lead_elsewhere<'v>(host: &'v HostView<'v>) -> BTreeSet<&'v str> {
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
    let documents = host.documents.values().flatten();
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
    certificates_of(&items).first().map(|leaf| (*leaf).clone())
}

/// The groups and users that a binding makes administrators.
pub(crate) fn administrators<'v>(view: &'v View<'v>) -> BTreeSet<&'v str> {
    let is_binding = |document: &Tree| document.text_at(&["roleRef", "name"]) == Some("cluster-admin");
    let bindings = documents(view).filter(|(_, document)| is_binding(document));
    let subjects = bindings.flat_map(|(_, binding)| binding.items_at(&["subjects"]));
    subjects.filter_map(|subject| subject.text_at(&["name"])).collect()
}

/// A kubeconfig, and what there is to hold it against.
struct Kubeconfig<'v> {
    spot: Spot<'v>,
    apis: &'v [Api<'v>],
    /// Who is reached where.
    reached: &'v Reached<'v>,
    administrators: &'v BTreeSet<&'v str>,
    /// Every node that a host is.
    nodes: &'v BTreeSet<&'v str>,
}

impl Kubeconfig<'_> {
    fn report(&self, code: &'static Code, message: impl Into<String>) {
        self.spot.report(code, message);
    }

    fn check(&self, config: &Tree) {
        let context = config.text_at(&["current-context"]);
        let context = context.and_then(|name| named(config, "contexts", name)?.get("context"));
        let Some(context) = context else {
            return self.report(codes::BAD_KUBECONFIG, "its current context is not among its contexts");
        };
        let part = |list: &str, field: &str| named(config, list, context.text_at(&[field])?)?.get(field);
        let (Some(cluster), Some(user)) = (part("clusters", "cluster"), part("users", "user")) else {
            let message = "its context names a cluster or a user that is not in it";
            return self.report(codes::BAD_KUBECONFIG, message);
        };
        let trusted = self.material(cluster, "certificate-authority-data", "certificate-authority");
        let trusted = certificates_of(&trusted);
        self.check_trusted(cluster, &trusted);
        match cluster.text_at(&["server"]).and_then(Url::parse) {
            Some(url) => self.check_server(&url, &trusted),
            None => self.report(codes::BAD_KUBECONFIG, "its server is no URL"),
        }
        let client = self.material(user, "client-certificate-data", "client-certificate");
        let key = self.material(user, "client-key-data", "client-key");
        self.check_client(&certificates_of(&client), private_key_of(&key), &trusted);
    }

    /// The PEM of a field, given as base64 or as the path of a file.
    fn material(&self, tree: &Tree, data: &str, path: &str) -> Arc<[Item]> {
        let Some(text) = tree.text_at(&[data]) else {
            let path = tree.text_at(&[path]).unwrap_or_default();
            return self.spot.host.items(path).into();
        };
        let Ok(pem) = Base64::decode_vec(text.trim()).map(Zeroizing::new) else {
            self.report(codes::BAD_KUBECONFIG, format!("its {data} is not base64"));
            return Arc::default();
        };
        let items = self.spot.view.items_of(&pem);
        for (label, why) in unreadable(&items) {
            let message = format!("its {data} holds a {label} that can't be read: {why}");
            self.report(codes::BAD_KUBECONFIG, message);
        }
        if items.is_empty() {
            self.report(codes::BAD_KUBECONFIG, format!("its {data} holds no PEM"));
        }
        items
    }

    fn check_trusted(&self, cluster: &Tree, trusted: &[&Certificate]) {
        if cluster.text_at(&["insecure-skip-tls-verify"]) == Some("true") || trusted.is_empty() {
            let message = "it does not say which authority the server has to show";
            self.report(codes::INSECURE_KUBECONFIG, message);
        }
        for authority in trusted.iter().filter(|authority| !authority.authority) {
            let message = format!("it trusts {:?}, which is no authority", authority.subject);
            self.report(codes::NOT_AN_AUTHORITY, message);
        }
    }

    /// The client's certificates and key: whether they fit, who lets them in, and who they have to be.
    fn check_client(&self, certificates: &[&Certificate], key: Option<&[u8]>, trusted: &[&Certificate]) {
        let Some((leaf, others)) = certificates.split_first() else {
            return self.report(codes::BAD_KUBECONFIG, "its user has no client certificate");
        };
        match key {
            Some(key) if *key == leaf.public_key => {}
            Some(_) => self.report(codes::KEY_MISMATCH, "its key does not fit its certificate"),
            None => self.report(codes::BAD_KUBECONFIG, "its user has no private key"),
        }
        if leaf.client_auth {
            self.check_accepted(leaf, others, trusted);
        } else {
            self.report(
                codes::MISSING_CLIENT_AUTH,
                format!("{:?} may not be a client", leaf.subject),
            );
        }
        for who in self.who() {
            self.check_identity(&who, leaf);
        }
    }

    /// Each API server has to accept the client; where there is none, the authority that the kubeconfig trusts.
    fn check_accepted(&self, leaf: &Certificate, others: &[&Certificate], trusted: &[&Certificate]) {
        let accepted = |roots: &[&Certificate]| self.spot.view.chain(leaf, others, roots, TlsRole::Client);
        let mut judged = false;
        for api in self.apis {
            let roots = api.running.certificates("client-ca-file");
            if roots.is_empty() {
                continue;
            }
            judged = true;
            if let Err(why) = accepted(&roots) {
                let message = format!("the API server of {} refuses it: {why}", api.running.spot.host.name);
                self.report(codes::UNTRUSTED_CERTIFICATE, message);
            }
        }
        if !judged
            && !trusted.is_empty()
            && let Err(why) = accepted(trusted)
        {
            let message = format!("its own authority did not issue its certificate: {why}");
            self.report(codes::UNTRUSTED_CERTIFICATE, message);
        }
    }

    fn check_server(&self, url: &Url, trusted: &[&Certificate]) {
        if url.scheme != "https" {
            let message = format!("its server is reached by {}", url.scheme);
            self.report(codes::INSECURE_KUBECONFIG, message);
        }
        let all = || self.apis.iter();
        let own: Vec<&Api<'_>> = all().filter(|api| self.is_here(api)).collect();
        let direct: Vec<&Api<'_>> = all().filter(|api| api.addresses.contains(&url.host)).collect();
        let (is_local, is_direct) = (is_loopback(&url.host), !direct.is_empty());
        let is_answered = self.apis.is_empty() || !own.is_empty() || !self.spot.host.balancers.is_empty();
        if self.spot.view.whole && is_local && !is_answered && self.is_used_here() {
            let message = format!(
                "no API server and no load balancer of this host listens at {}",
                url.host
            );
            self.report(codes::NOBODY_ANSWERS, message);
        }
        let answering = match (is_local && !own.is_empty(), is_direct) {
            (true, _) => own,
            (false, true) => direct,
            (false, false) => all().collect(),
        };
        let port = url.port.unwrap_or(443);
        // On this host; where that is not known to have anything, on any.
        let is_open_here = || {
            let host = self.spot.host;
            let is_empty = host.balancers.is_empty() && !host.runs("kube-apiserver");
            self.reached.listens(host, &url.host, port) || is_empty && answering.iter().any(|api| api.port == port)
        };
        let is_open = if is_local {
            is_open_here()
        } else {
            self.reached.is_answered(url)
        };
        // Of one machine alone nobody knows who else there is.
        let is_known = is_direct || is_local || self.spot.view.whole;
        if !answering.is_empty() && is_known && !is_open {
            let message = format!("nothing listens at port {port} of its server {}", url.host);
            self.report(codes::WRONG_PORT, message);
        }
        for api in answering {
            self.check_answer(api, url, trusted);
        }
    }

    fn is_here(&self, api: &Api<'_>) -> bool {
        api.running.spot.host.name == self.spot.host.name
    }

    /// What an API server shows to those who call it at a URL.
    fn check_answer(&self, api: &Api<'_>, url: &Url, trusted: &[&Certificate]) {
        let name = api.running.spot.host.name;
        let shown = api.running.certificates("tls-cert-file");
        let Some((leaf, others)) = shown.split_first() else {
            return;
        };
        if !leaf.covers(&url.host) {
            let message = format!(
                "its server {} is not in the certificate of the API server of {name}",
                url.host
            );
            self.report(codes::ADDRESS_NOT_COVERED, message);
        }
        if leaf.server_auth
            && !trusted.is_empty()
            && let Err(why) = self.spot.view.chain(leaf, others, trusted, TlsRole::Server)
        {
            let message = format!("its authority does not vouch for the API server of {name}: {why}");
            self.report(codes::UNTRUSTED_CERTIFICATE, message);
        }
    }

    /// Who uses the file, as units and configurations say.
    fn programs(&self) -> Vec<Who> {
        let host = self.spot.host;
        let is_this = |path: Option<&str>| path.and_then(|path| host.resolve(path)) == Some(self.spot.path);
        let mut found = Vec::new();
        for command in &host.commands {
            let configs = host.documents(command.line.flag("config").unwrap_or_default());
            let by_config = |config: &Tree| is_this(config.text_at(&["clientConnection", "kubeconfig"]));
            let by_flag = |flag: &&str| is_this(command.line.flag(flag));
            if !configs.iter().any(by_config) && !KUBECONFIG_FLAGS.iter().any(by_flag) {
                continue;
            }
            match command.line.program.as_str() {
                "kubelet" => found.push(Who::FoundNode(host.node(&command.line).to_owned())),
                "kube-apiserver" => {}
                program => found.push(Who::User(format!("system:{program}"))),
            }
        }
        found
    }

    /// Who uses the file: as units and configurations say, else as its name says.
    fn who(&self) -> Vec<Who> {
        let found = self.programs();
        if !found.is_empty() {
            return found;
        }
        let name = self.spot.path.rsplit('/').next().unwrap_or(self.spot.path);
        match name.strip_suffix(".kubeconfig") {
            Some(name @ ("kube-controller-manager" | "kube-scheduler" | "kube-proxy")) => {
                vec![Who::User(format!("system:{name}"))]
            }
            Some("admin") => vec![Who::Administrator],
            Some(name) if self.is_node(name) => vec![Who::FoundNode(name.to_owned())],
            _ => Vec::new(),
        }
    }

    /// Whether it is for this host: a program here reads it, or an administrator.
    fn is_used_here(&self) -> bool {
        !self.programs().is_empty() || self.who().iter().any(|who| matches!(who, Who::Administrator))
    }

    fn is_node(&self, name: &str) -> bool {
        let beside = || {
            let path = format!("{}.pem", self.spot.path.trim_end_matches(".kubeconfig"));
            let mut certificates = self.spot.host.certificates(&path).into_iter();
            certificates.any(|one| one.user().starts_with("system:node:"))
        };
        self.nodes.contains(name) || self.spot.view.hosts.len() == 1 && beside()
    }

    fn check_identity(&self, who: &Who, leaf: &Certificate) {
        let name = leaf.user();
        let expect_name = |expected: &str| {
            if name != expected {
                let message = format!("its certificate is {name:?}, and has to be {expected:?}");
                self.report(codes::WRONG_IDENTITY, message);
            }
        };
        match who {
            Who::User(user) => expect_name(user),
            Who::FoundNode(node) => {
                expect_name(&format!("system:node:{node}"));
                if !leaf.is_in("system:nodes") {
                    self.report(codes::WRONG_IDENTITY, "its certificate lacks O=system:nodes");
                }
            }
            Who::Administrator => {
                let mut names = leaf.organizations.iter().map(String::as_str).chain([name]);
                let is_administrator = |name: &str| name == "system:masters" || self.administrators.contains(name);
                if !names.any(is_administrator) && self.spot.view.whole {
                    let message = "neither its group nor its user has a binding that makes it an administrator";
                    self.report(codes::RBAC_SUBJECT, message);
                }
            }
        }
    }
}

/// The entry of that name in a list of a kubeconfig.
fn named<'t>(config: &'t Tree, list: &str, name: &str) -> Option<&'t Tree> {
    let mut entries = config.items_at(&[list]).iter();
    entries.find(|entry| entry.text_at(&["name"]) == Some(name))
}
