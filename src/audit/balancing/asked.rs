//! Whom a load balancer asks: every API server, and nobody else; by their own TLS, and by checks that can succeed.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::balancers::{Answer, Asked, HealthCheck, Listener, Question, Service, Upstream};
use crate::audit::names::{is_loopback, with_port};
use crate::audit::reached::Api;
use crate::audit::reached::{Reached, is_address};
use crate::audit::relations::{Actor, Meeting, Parties, Party};
use crate::audit::spot::Spot;
use crate::audit::view::{HostView, View};
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::TlsRole;

/// Seconds of silence that a watch survives easily: an API server ends it after some minutes itself.
const QUIET: u64 = 60;

/// API servers by their addresses, and what kubeconfigs call.
struct Around<'v> {
    apis: &'v [Api<'v>],
    by_address: BTreeMap<&'v str, Vec<&'v Api<'v>>>,
    by_host: BTreeMap<&'v str, Vec<&'v Api<'v>>>,
    /// The ports that kubeconfigs call.
    ports: BTreeSet<u16>,
}

/// Every load balancer that asks an API server at times: a meeting in which it shows nothing of its own.
pub(crate) fn handed_on(parties: &Parties<'_>) -> Vec<Meeting> {
    let around = Around::of(&parties.apis, &BTreeSet::new());
    let of_host = |host: &HostView<'_>| {
        let mut all = Vec::new();
        for (path, balancer) in &host.balancers {
            let servers = balancer.services.iter().flat_map(|service| &service.servers);
            let is_asked = |server: &&Upstream| !matches!(server.asked, Asked::Never(_));
            all.extend(servers.filter(is_asked).filter_map(|server| {
                let api = around.leads_to(host, server)?;
                let actor = |host: &str, program: &str| Actor {
                    host: host.to_owned(),
                    name: program.to_owned(),
                };
                Some(Meeting {
                    purpose: "hands on what others show",
                    caller: actor(host.name, balancer.program),
                    callee: actor(api.running.spot.host.name, Party::ApiServer.program()),
                    addresses: vec![with_port(&server.host, api.port)],
                    server: None,
                    client: None,
                    hands_on_by: Some((*path).to_owned()),
                })
            }));
        }
        all
    };
    parties.view.hosts.iter().flat_map(of_host).collect()
}

pub(super) fn check(view: &View<'_>, apis: &[Api<'_>], called: &BTreeSet<(String, u16)>, reached: &Reached<'_>) {
    let around = Around::of(apis, called);
    // Calls of each host, and of addresses that no host is known to have.
    let mut calls: BTreeMap<&str, Vec<&(String, u16)>> = BTreeMap::new();
    let mut unowned = Vec::new();
    for call in called {
        let mut owners = reached.owners(&call.0).peekable();
        if owners.peek().is_none() && !reached.may_be_elsewhere(&call.0, call.1) {
            unowned.push(call);
        }
        owners.for_each(|owner| calls.entry(owner.name).or_default().push(call));
    }
    for host in view.hosts.iter().filter(|host| !host.balancers.is_empty()) {
        let mut listeners = Vec::new();
        for (path, balancer) in &host.balancers {
            let spot = Spot { view, host, path };
            for address in &balancer.unfilled {
                let message = format!("{address:?} is a placeholder, and no address");
                spot.report(codes::BAD_ADDRESS, message);
            }
            let services = balancer
                .services
                .iter()
                .filter(|one| !one.listens.is_empty() || !one.servers.is_empty());
            let is_alone = services.clone().count() == 1;
            let for_apis: Vec<&Service> = services.filter(|one| is_alone || around.concerns(host, one)).collect();
            for service in &for_apis {
                around.check_service(spot, service);
            }
            if !for_apis.is_empty() {
                around.check_left_out(spot, &for_apis);
                listeners.extend(
                    for_apis
                        .iter()
                        .flat_map(|service| &service.listens)
                        .map(|one| (spot, *one)),
                );
            }
        }
        // Where clients call the host, somebody has to listen; who listens to the host itself is called by nobody else.
        let mine = calls.get(host.name).into_iter().flatten().chain(&unowned);
        let is_own = |(_, one): &(Spot<'_>, Listener)| one.address.is_some_and(|address| address.is_loopback());
        let is_answered = |(address, port): &&&(String, u16)| reached.listens(host, address, *port);
        let is_for_others = calls.contains_key(host.name) || !listeners.iter().all(is_own);
        if let Some((spot, _)) = listeners.first().filter(|_| is_for_others)
            && let Some((address, port)) = mine.clone().next()
            && !mine.clone().any(|call| is_answered(&call))
        {
            let message = format!("kubeconfigs call {address} port {port}, where it does not listen");
            spot.report(codes::WRONG_PORT, message);
        }
    }
}

impl<'v> Around<'v> {
    fn of(apis: &'v [Api<'v>], called: &BTreeSet<(String, u16)>) -> Around<'v> {
        let mut around = Around {
            apis,
            by_address: BTreeMap::new(),
            by_host: BTreeMap::new(),
            ports: called.iter().map(|(_, port)| *port).collect(),
        };
        for api in apis {
            let name = api.running.spot.host.name;
            for address in api.addresses.iter().map(String::as_str).chain([name]) {
                around.by_address.entry(address).or_default().push(api);
            }
            around.by_host.entry(name).or_default().push(api);
        }
        around
    }

    fn leads_to(&self, host: &HostView<'_>, server: &Upstream) -> Option<&'v Api<'v>> {
        let (own, named) = (self.by_host.get(host.name), self.by_address.get(server.host.as_str()));
        let found = if is_loopback(&server.host) { own } else { named };
        let mut found = found.into_iter().flatten().copied();
        found.find(|api| server.port.is_none_or(|port| port == api.port))
    }

    /// Whether a service is meant for API servers; a load balancer may have others.
    fn concerns(&self, host: &HostView<'_>, service: &Service) -> bool {
        let leads = |server: &Upstream| self.leads_to(host, server).is_some();
        service.servers.iter().any(leads)
            || service
                .listens
                .iter()
                .any(|listener| self.ports.contains(&listener.port))
    }

    fn check_service(&self, spot: Spot<'_>, service: &Service) {
        let texts = service
            .servers
            .iter()
            .map(|one| format!("{} port {}", one.host, one.port.unwrap_or_default()));
        spot.check_twice("it", texts);
        for how in &service.breaks_tls {
            let message = format!("it {how}: clients do not get to show API servers their certificates");
            spot.report(codes::TLS_ENDS_EARLY, message);
        }
        for how in &service.closed {
            spot.report(
                codes::NOBODY_ANSWERS,
                format!("it {how}, so that no client gets through"),
            );
        }
        if let Some(quiet) = service.quiet.filter(|quiet| *quiet < QUIET) {
            let message = format!("it cuts connections that are quiet for {quiet} seconds");
            spot.report(codes::QUIET_CONNECTIONS_CUT, message);
        }
        let mut is_any_asked = false;
        for server in &service.servers {
            let Some(api) = self.leads_to(spot.host, server) else {
                if is_address(&server.host) {
                    let port = server.port.map_or(String::new(), |port| format!(" port {port}"));
                    let message = format!("no API server listens at {}{port}", server.host);
                    spot.report(codes::NOBODY_ANSWERS, message);
                } else {
                    is_any_asked = true;
                }
                continue;
            };
            is_any_asked |= !matches!(server.asked, Asked::Never(_));
            if let Some(check) = &server.check {
                check_health(spot, api, check);
            }
        }
        if !is_any_asked {
            spot.report(codes::NOBODY_ANSWERS, "it leads to no API server that it asks");
        }
    }

    /// API servers that are never asked, or late. Nobody counts on who comes or goes.
    fn check_left_out(&self, spot: Spot<'_>, services: &[&Service]) {
        let mut asked: BTreeMap<&str, Asked> = BTreeMap::new();
        for server in services.iter().flat_map(|service| &service.servers) {
            if let Some(api) = self.leads_to(spot.host, server) {
                let before = asked.entry(api.running.spot.host.name).or_insert(server.asked);
                if server.asked == Asked::Always || matches!(before, Asked::Never(_)) {
                    *before = server.asked;
                }
            }
        }
        // Who a name is, only the machine knows.
        let is_named = services
            .iter()
            .flat_map(|service| &service.servers)
            .any(|server| self.leads_to(spot.host, server).is_none() && !is_address(&server.host));
        for api in self
            .apis
            .iter()
            .filter(|api| !api.running.spot.host.host.about.comes_or_goes())
        {
            let name = api.running.spot.host.name;
            let message = match asked.get(name) {
                Some(Asked::Always) => continue,
                Some(Asked::LastResort) => {
                    format!("it asks the API server of {name} when all others fail, and not before (backup)")
                }
                Some(Asked::Never(why)) => format!("it never asks the API server of {name}: {why}"),
                None if is_named => continue,
                None => format!("it never asks the API server of {name}"),
            };
            spot.report(codes::NOT_BALANCED, message);
        }
    }
}

/// Ports at which a host may tell by plain HTTP how its API server is: nobody knows who listens there.
const PLAIN_PORTS: [u16; 2] = [80, 8080];

/// Whether a check of an API server can succeed.
fn check_health(spot: Spot<'_>, api: &Api<'_>, check: &HealthCheck) {
    let name = api.running.spot.host.name;
    let never = |why: String| spot.report(codes::CHECK_NEVER_SUCCEEDS, why);
    if let Some(port) = check.port.filter(|port| *port != api.port) {
        if !PLAIN_PORTS.contains(&port) {
            never(format!(
                "it checks port {port} of {name}, whose API server listens at {}",
                api.port
            ));
        }
        return;
    }
    match &check.asks {
        Question::Foreign(protocol) => never(format!("it checks API servers by {protocol}, which they do not speak")),
        Question::Http { .. } if !check.tls => {
            never("it checks API servers by HTTP without TLS (no check-ssl), and they answer with 400".to_owned());
        }
        Question::Http {
            path,
            answer: Answer::Among(ranges),
        } => {
            let given = answers(api, path);
            if !given
                .iter()
                .any(|status| ranges.iter().any(|(first, last)| (first..=last).contains(&status)))
            {
                let given: Vec<String> = given.iter().map(ToString::to_string).collect();
                never(format!(
                    "it waits for another status than {} of {path}, by which {name} answers",
                    given.join(" or ")
                ));
            }
        }
        Question::Http { .. } | Question::Connection => {}
    }
    let Some(path) = check.authority.as_deref().filter(|path| path.starts_with('/')) else {
        return;
    };
    if spot.host.resolve(path).is_none() {
        if !spot.host.host.loose && !is_of_the_machine(path) {
            spot.report(codes::MISSING_FILE, format!("ca-file names {path}, which is not here"));
        }
        return;
    }
    let trusted = spot.host.certificates(path);
    let shown = api.running.certificates("tls-cert-file");
    let Some((leaf, others)) = shown.split_first() else {
        return;
    };
    if let Err(why) = spot.view.chain(leaf, others, &trusted, TlsRole::Server) {
        let message = format!("its checks refuse the API server of {name}, for which {path} does not vouch: {why}");
        spot.report(codes::UNTRUSTED_CERTIFICATE, message);
    }
    if let Some(wanted) = check.name.as_deref().filter(|wanted| !leaf.covers(wanted)) {
        let message =
            format!("its checks ask for {wanted}, which is not in the certificate of the API server of {name}");
        spot.report(codes::ADDRESS_NOT_COVERED, message);
    }
}

/// Where distributions keep the authorities of the web.
fn is_of_the_machine(path: &str) -> bool {
    ["/etc/ssl/certs/", "/etc/pki/", "/usr/"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

/// The statuses by which an API server may answer somebody who is nobody.
/// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests>
fn answers(api: &Api<'_>, path: &str) -> Vec<u16> {
    const OPEN: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];
    let path = path.split('?').next().unwrap_or(path);
    let is_open = OPEN
        .iter()
        .any(|open| path == *open || path.strip_prefix(open).is_some_and(|rest| rest.starts_with('/')));
    let line = api.running.line;
    match (line.flag("anonymous-auth"), is_open) {
        _ if line.flag("authentication-config").is_some() => vec![200, 401, 403],
        (Some("false"), _) => vec![401],
        (_, true) => vec![200],
        (_, false) => vec![403],
    }
}
