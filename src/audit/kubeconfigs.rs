//! Kubeconfigs: who they say the client is, whom they trust, and where they lead.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::components::{Api, apis};
use super::document::Tree;
use super::names::{Balancer, Url, balancer, is_loopback};
use super::{Audit, Read, certificates_of, chain};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, Item, Usage};

/// Who must stand in a certificate.
enum Who {
    User(String),
    Node(String),
    Administrator,
}

pub fn check(audit: &mut Audit<'_>) {
    let mut reports = Vec::new();
    let apis = apis(&audit.hosts);
    let trusted_groups = administrators(&audit.hosts);
    let balancers: Vec<Balancer> = audit
        .hosts
        .iter()
        .flat_map(|read| read.host.files.iter())
        .filter(|(path, _)| path.ends_with(".conf") || path.ends_with(".cfg"))
        .filter_map(|(_, file)| std::str::from_utf8(file.content.expose()).ok())
        .filter_map(balancer)
        .collect();
    for read in &audit.hosts {
        for (path, documents) in &read.documents {
            let Some(config) = documents
                .iter()
                .find(|document| document.text_at(&["kind"]) == Some("Config"))
            else {
                if path.ends_with("kubeconfig") {
                    reports.push((
                        codes::BAD_KUBECONFIG,
                        read.name,
                        *path,
                        "it is no kubeconfig: its kind is not Config".to_owned(),
                    ));
                }
                continue;
            };
            let mut report = |code: &'static Code, message: String| reports.push((code, read.name, *path, message));
            let check = Check {
                audit,
                read,
                path,
                apis: &apis,
                balancers: &balancers,
                groups: &trusted_groups,
            };
            check.run(config, &mut report);
        }
    }
    for (code, host, path, message) in reports {
        audit.report(code, host, path, message);
    }
}

/// The groups and users that a binding makes administrators.
fn administrators(hosts: &[Read<'_>]) -> BTreeSet<String> {
    let documents = hosts.iter().flat_map(|read| read.documents.values().flatten());
    documents
        .filter(|document| document.text_at(&["roleRef", "name"]) == Some("cluster-admin"))
        .flat_map(|document| document.items_at(&["subjects"]))
        .filter_map(|subject| subject.text_at(&["name"]))
        .map(str::to_owned)
        .collect()
}

struct Check<'a, 'b> {
    audit: &'b Audit<'a>,
    read: &'b Read<'a>,
    path: &'b str,
    apis: &'b [Api<'a, 'b>],
    balancers: &'b [Balancer],
    groups: &'b BTreeSet<String>,
}

impl Check<'_, '_> {
    fn run(&self, config: &Tree, report: &mut dyn FnMut(&'static Code, String)) {
        let Some(context) = config
            .text_at(&["current-context"])
            .and_then(|name| named(config, "contexts", name))
            .and_then(|context| context.get("context"))
        else {
            return report(
                codes::BAD_KUBECONFIG,
                "its current context is not among its contexts".to_owned(),
            );
        };
        let part = |list: &str, field: &str| {
            let name = context.text_at(&[field])?;
            named(config, list, name)?.get(field)
        };
        let (Some(cluster), Some(user)) = (part("clusters", "cluster"), part("users", "user")) else {
            return report(
                codes::BAD_KUBECONFIG,
                "its context names a cluster or a user that is not in it".to_owned(),
            );
        };
        let trusted = self.material(cluster, "certificate-authority-data", "certificate-authority", report);
        let trusted = certificates_of(&trusted);
        if cluster.text_at(&["insecure-skip-tls-verify"]) == Some("true") || trusted.is_empty() {
            report(
                codes::INSECURE_KUBECONFIG,
                "it does not say which authority the server has to show".to_owned(),
            );
        }
        for authority in &trusted {
            if !authority.authority {
                report(
                    codes::NOT_AN_AUTHORITY,
                    format!("it trusts {:?}, which is no authority", authority.subject),
                );
            }
        }
        let server = cluster.text_at(&["server"]);
        match server.and_then(Url::parse) {
            Some(url) => self.check_server(&url, &trusted, report),
            None => report(codes::BAD_KUBECONFIG, "its server is no URL".to_owned()),
        }
        let client = self.material(user, "client-certificate-data", "client-certificate", report);
        let key = self.material(user, "client-key-data", "client-key", report);
        let client = certificates_of(&client);
        let Some((leaf, others)) = client.split_first() else {
            return report(codes::BAD_KUBECONFIG, "its user has no client certificate".to_owned());
        };
        let key = key.iter().find_map(|item| match item {
            Item::PrivateKey(key) => Some(key),
            _ => None,
        });
        match key {
            Some(key) if *key == leaf.public_key => {}
            Some(_) => report(codes::KEY_MISMATCH, "its key does not fit its certificate".to_owned()),
            None => report(codes::BAD_KUBECONFIG, "its user has no private key".to_owned()),
        }
        if !leaf.client_auth {
            report(
                codes::MISSING_CLIENT_AUTH,
                format!("{:?} may not be a client", leaf.subject),
            );
        }
        let mut judged = false;
        for api in self.apis {
            let roots = api
                .read
                .certificates(api.command.line.flag("client-ca-file").unwrap_or_default());
            if roots.is_empty() {
                continue;
            }
            judged = true;
            if leaf.client_auth
                && let Err(why) = chain(leaf, others, &roots, self.audit.at, Usage::Client)
            {
                report(
                    codes::UNTRUSTED_CERTIFICATE,
                    format!("the API server of {} refuses it: {why}", api.read.name),
                );
            }
        }
        if !judged
            && leaf.client_auth
            && !trusted.is_empty()
            && let Err(why) = chain(leaf, others, &trusted, self.audit.at, Usage::Client)
        {
            report(
                codes::UNTRUSTED_CERTIFICATE,
                format!("its own authority did not issue its certificate: {why}"),
            );
        }
        for who in self.who() {
            self.check_identity(&who, leaf, report);
        }
    }

    /// The PEM of a field, given as base64 or as the path of a file.
    fn material(
        &self,
        tree: &Tree,
        data: &str,
        path: &str,
        report: &mut dyn FnMut(&'static Code, String),
    ) -> Vec<Item> {
        if let Some(text) = tree.text_at(&[data]) {
            let Ok(pem) = Base64::decode_vec(text.trim()).map(Zeroizing::new) else {
                report(codes::BAD_KUBECONFIG, format!("its {data} is not base64"));
                return Vec::new();
            };
            let found = self.audit.items_of(&pem);
            for item in &found {
                if let Item::Unreadable(label, why) = item {
                    report(
                        codes::BAD_KUBECONFIG,
                        format!("its {data} holds a {label} that can't be read: {why}"),
                    );
                }
            }
            if found.is_empty() {
                report(codes::BAD_KUBECONFIG, format!("its {data} holds no PEM"));
            }
            return found;
        }
        tree.text_at(&[path])
            .map_or_else(Vec::new, |path| self.read.items(path).to_vec())
    }

    fn check_server(&self, url: &Url, trusted: &[&Certificate], report: &mut dyn FnMut(&'static Code, String)) {
        if url.scheme != "https" {
            report(
                codes::INSECURE_KUBECONFIG,
                format!("its server is reached by {}", url.scheme),
            );
        }
        let own: Vec<&Api<'_, '_>> = self.apis.iter().filter(|api| api.read.name == self.read.name).collect();
        let direct: Vec<&Api<'_, '_>> = self
            .apis
            .iter()
            .filter(|api| api.addresses.contains(&url.host))
            .collect();
        let answering: Vec<&Api<'_, '_>> = if is_loopback(&url.host) && !own.is_empty() {
            own.clone()
        } else if !direct.is_empty() {
            direct.clone()
        } else {
            self.apis.iter().collect()
        };
        if self.audit.whole
            && is_loopback(&url.host)
            && !self.apis.is_empty()
            && self.is_used_here()
            && own.is_empty()
            && !self.is_balanced_here()
        {
            let message = format!(
                "no API server and no load balancer of this host listens at {}",
                url.host
            );
            report(codes::NOBODY_ANSWERS, message);
        }
        let port = url.port.unwrap_or(443);
        let listens: BTreeSet<u16> = self
            .balancers
            .iter()
            .flat_map(|one| one.listens.iter().copied())
            .collect();
        let ports: BTreeSet<u16> = answering
            .iter()
            .map(|api| api.port)
            .chain(listens.iter().copied())
            .collect();
        let is_known = !direct.is_empty() || is_loopback(&url.host) || !listens.is_empty();
        if !answering.is_empty() && is_known && !ports.contains(&port) {
            report(
                codes::WRONG_PORT,
                format!("nothing listens at port {port} of its server {}", url.host),
            );
        }
        for api in answering {
            let served = api.serving();
            let Some((leaf, others)) = served.split_first() else {
                continue;
            };
            if !leaf.covers(&url.host) {
                let message = format!(
                    "its server {} is not in the certificate of the API server of {}",
                    url.host, api.read.name
                );
                report(codes::ADDRESS_NOT_COVERED, message);
            }
            if leaf.server_auth
                && !trusted.is_empty()
                && let Err(why) = chain(leaf, others, trusted, self.audit.at, Usage::Server)
            {
                let message = format!(
                    "its authority does not vouch for the API server of {}: {why}",
                    api.read.name
                );
                report(codes::UNTRUSTED_CERTIFICATE, message);
            }
        }
    }

    /// Who uses the file, as units and configurations say.
    fn programs(&self) -> Vec<Who> {
        let is_this = |path: Option<&str>| path.and_then(|path| self.read.resolve(path)) == Some(self.path);
        let mut found = Vec::new();
        for command in &self.read.commands {
            let flags = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];
            let config = command.line.flag("config").unwrap_or_default();
            let by_config = self
                .read
                .documents(config)
                .iter()
                .any(|document| is_this(document.text_at(&["clientConnection", "kubeconfig"])));
            if !by_config && !flags.iter().any(|flag| is_this(command.line.flag(flag))) {
                continue;
            }
            match command.line.program.as_str() {
                "kubelet" => {
                    let name = command.line.flag("hostname-override").unwrap_or(self.read.name);
                    found.push(Who::Node(name.to_owned()));
                }
                "kube-apiserver" => {}
                program => found.push(Who::User(format!("system:{program}"))),
            }
        }
        found
    }

    /// Who uses the file: as units and configurations say, else as its name says.
    fn who(&self) -> Vec<Who> {
        let mut found = self.programs();
        if !found.is_empty() {
            return found;
        }
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        match name.strip_suffix(".kubeconfig") {
            Some(name @ ("kube-controller-manager" | "kube-scheduler" | "kube-proxy")) => {
                found.push(Who::User(format!("system:{name}")));
            }
            Some("admin") => found.push(Who::Administrator),
            Some(name) if self.is_node(name) => found.push(Who::Node(name.to_owned())),
            _ => {}
        }
        found
    }

    /// Whether it is for this host: a program here reads it, or an administrator.
    fn is_used_here(&self) -> bool {
        !self.programs().is_empty() || self.who().iter().any(|who| matches!(who, Who::Administrator))
    }

    fn is_balanced_here(&self) -> bool {
        let files = self.read.host.files.iter();
        files
            .filter(|(path, _)| path.ends_with(".conf") || path.ends_with(".cfg"))
            .filter_map(|(_, file)| std::str::from_utf8(file.content.expose()).ok())
            .any(|text| balancer(text).is_some())
    }

    fn is_node(&self, name: &str) -> bool {
        self.audit.hosts.iter().any(|read| {
            read.programs("kubelet")
                .any(|command| command.line.flag("hostname-override").unwrap_or(read.name) == name)
        }) || self.audit.hosts.len() == 1
            && self
                .read
                .certificates(&format!("{}.pem", self.path.trim_end_matches(".kubeconfig")))
                .iter()
                .any(|one| {
                    one.common_name
                        .as_deref()
                        .is_some_and(|name| name.starts_with("system:node:"))
                })
    }

    fn check_identity(&self, who: &Who, leaf: &Certificate, report: &mut dyn FnMut(&'static Code, String)) {
        let name = leaf.common_name.as_deref().unwrap_or_default();
        let mut expect_name = |expected: &str| {
            if name != expected {
                report(
                    codes::WRONG_IDENTITY,
                    format!("its certificate is {name:?}, and has to be {expected:?}"),
                );
            }
        };
        match who {
            Who::User(user) => expect_name(user),
            Who::Node(node) => {
                expect_name(&format!("system:node:{node}"));
                if !leaf.organizations.iter().any(|one| one == "system:nodes") {
                    report(codes::WRONG_IDENTITY, "its certificate lacks O=system:nodes".to_owned());
                }
            }
            Who::Administrator => {
                let mut names = leaf.organizations.iter().map(String::as_str).chain([name]);
                if !names.any(|name| name == "system:masters" || self.groups.contains(name)) && self.audit.whole {
                    let message = "neither its group nor its user has a binding that makes it an administrator";
                    report(codes::RBAC_SUBJECT, message.to_owned());
                }
            }
        }
    }
}

/// The entry of that name in a list of a kubeconfig.
fn named<'t>(config: &'t Tree, list: &str, name: &str) -> Option<&'t Tree> {
    config
        .items_at(&[list])
        .iter()
        .find(|entry| entry.text_at(&["name"]) == Some(name))
}
