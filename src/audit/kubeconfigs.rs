//! Kubeconfigs: who they say the client is, whom they trust, and where they lead.

use std::collections::BTreeSet;

use super::document::Tree;
use super::login::KUBECONFIG_FLAGS;
use super::login::{Login, is_kubeconfig, kubeconfigs, lead_elsewhere};
use super::names::{Url, is_loopback};
use super::reached::Api;
use super::relations::Parties;
use super::spot::{Spot, documents};
use super::view::{HostView, View, certificates_of, private_key_of};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, Item};

/// Who must stand in a certificate.
enum Who {
    User(String),
    FoundNode(String),
    Administrator,
}

pub(crate) fn check(parties: &Parties<'_>) {
    let view = parties.view;
    for host in &view.hosts {
        let elsewhere = lead_elsewhere(host);
        for (path, documents) in &host.documents {
            let is_called_so = path.ends_with("kubeconfig") && !elsewhere.contains(path);
            if is_called_so && !documents.iter().any(is_kubeconfig) {
                let spot = Spot { view, host, path };
                spot.report(codes::BAD_KUBECONFIG, "it is no kubeconfig: its kind is not Config");
            }
        }
        for (spot, config) in kubeconfigs(view, host) {
            if let Err(why) = Login::read(spot, config) {
                spot.report(codes::BAD_KUBECONFIG, why);
            }
        }
    }
    let administrators = administrators(view);
    let nodes: BTreeSet<&str> = view.hosts.iter().flat_map(HostView::nodes).collect();
    for login in &parties.logins {
        let kubeconfig = Kubeconfig {
            login,
            parties,
            administrators: &administrators,
            nodes: &nodes,
        };
        kubeconfig.check();
    }
}

/// The groups and users that a binding makes administrators.
pub(crate) fn administrators<'v>(view: &'v View<'v>) -> BTreeSet<&'v str> {
    let is_binding = |document: &Tree| document.text_at(&["roleRef", "name"]) == Some("cluster-admin");
    let bindings = documents(view).filter(|(_, document)| is_binding(document));
    let subjects = bindings.flat_map(|(_, binding)| binding.items_at(&["subjects"]));
    subjects.filter_map(|subject| subject.text_at(&["name"])).collect()
}

/// A kubeconfig, and what there is to hold it against.
struct Kubeconfig<'p, 'v> {
    login: &'p Login<'v>,
    parties: &'p Parties<'v>,
    administrators: &'p BTreeSet<&'v str>,
    /// Every node that a host is.
    nodes: &'p BTreeSet<&'v str>,
}

impl Kubeconfig<'_, '_> {
    fn report(&self, code: &'static Code, message: impl Into<String>) {
        self.login.spot.report(code, message);
    }

    fn check(&self) {
        for problem in &self.login.problems {
            self.report(codes::BAD_KUBECONFIG, problem);
        }
        self.check_trusted();
        match &self.login.url {
            Some(url) => self.check_server(url),
            None => self.report(codes::BAD_KUBECONFIG, "its server is no URL"),
        }
        self.check_client();
    }

    fn check_trusted(&self) {
        let trusted = certificates_of(&self.login.trusted);
        if self.login.cluster.text_at(&["insecure-skip-tls-verify"]) == Some("true") || trusted.is_empty() {
            let message = "it does not say which authority the server has to show";
            self.report(codes::INSECURE_KUBECONFIG, message);
        }
        for authority in trusted.iter().filter(|authority| !authority.authority) {
            let message = format!("it trusts {:?}, which is no authority", authority.subject);
            self.report(codes::NOT_AN_AUTHORITY, message);
        }
    }

    /// Whether its key fits its certificate, and who that has to be.
    fn check_client(&self) {
        let Some(leaf) = self.login.client.iter().find_map(Item::certificate) else {
            return self.report(codes::BAD_KUBECONFIG, "its user has no client certificate");
        };
        match private_key_of(&self.login.key) {
            Some(key) if *key == leaf.public_key => {}
            Some(_) => self.report(codes::KEY_MISMATCH, "its key does not fit its certificate"),
            None => self.report(codes::BAD_KUBECONFIG, "its user has no private key"),
        }
        for who in self.who() {
            self.check_identity(&who, leaf);
        }
    }

    /// Whether anything listens where it leads.
    fn check_server(&self, url: &Url) {
        if url.scheme != "https" {
            let message = format!("its server is reached by {}", url.scheme);
            self.report(codes::INSECURE_KUBECONFIG, message);
        }
        let (parties, host) = (self.parties, self.login.spot.host);
        let is_of = |api: &Api<'_>| api.running.spot.host.name == host.name;
        let is_local = is_loopback(&url.host);
        let is_answered = parties.apis.is_empty() || parties.apis.iter().any(is_of) || !host.balancers.is_empty();
        if parties.view.whole && is_local && !is_answered && self.is_used_here() {
            let message = format!(
                "no API server and no load balancer of this host listens at {}",
                url.host
            );
            self.report(codes::NOBODY_ANSWERS, message);
        }
        let answering = parties.answering(self.login, url);
        let port = url.port.unwrap_or(443);
        // On this host; where that is not known to have anything, on any.
        let is_open_here = || {
            let is_empty = host.balancers.is_empty() && !host.runs("kube-apiserver");
            parties.reached.listens(host, &url.host, port) || is_empty && answering.iter().any(|api| api.port == port)
        };
        let is_open = if is_local {
            is_open_here()
        } else {
            parties.reached.is_answered(url)
        };
        // Of one machine alone nobody knows who else there is.
        let is_direct = parties.apis.iter().any(|api| api.addresses.contains(&url.host));
        let is_known = is_direct || is_local || parties.view.whole;
        if !answering.is_empty() && is_known && !is_open {
            let message = format!("nothing listens at port {port} of its server {}", url.host);
            self.report(codes::WRONG_PORT, message);
        }
    }

    /// Who uses the file, as units and configurations say.
    fn programs(&self) -> Vec<Who> {
        let host = self.login.spot.host;
        let is_this = |path: Option<&str>| path.and_then(|path| host.resolve(path)) == Some(self.login.spot.path);
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
        let name = self.login.spot.path.rsplit('/').next().unwrap_or(self.login.spot.path);
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
            let path = format!("{}.pem", self.login.spot.path.trim_end_matches(".kubeconfig"));
            let mut certificates = self.login.spot.host.certificates(&path).into_iter();
            certificates.any(|one| one.user().starts_with("system:node:"))
        };
        self.nodes.contains(name) || self.login.spot.view.hosts.len() == 1 && beside()
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
                if !names.any(is_administrator) && self.login.spot.view.whole {
                    let message = "neither its group nor its user has a binding that makes it an administrator";
                    self.report(codes::RBAC_SUBJECT, message);
                }
            }
        }
    }
}
