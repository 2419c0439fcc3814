//! Addresses that load balancers carry together by keepalived: whether those who share one agree, can hear each other, watch what
//! they should, and carry what clients call.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::audit::agreement::disagree;
use crate::audit::balancers::{Keepalived, VirtualRouter};
use crate::audit::reached::Api;
use crate::audit::reached::{Reached, listeners};
use crate::audit::spot::Spot;
use crate::audit::view::{HostView, View};
use crate::diagnostic::verify_codes as codes;

/// A `vrrp_instance`, and where it stands.
#[derive(Clone, Copy)]
struct Share<'v> {
    spot: Spot<'v>,
    router: &'v VirtualRouter,
}

pub(super) fn check(view: &View<'_>, apis: &[Api<'_>], called: &BTreeSet<(String, u16)>, reached: &Reached<'_>) {
    let mut parts = Vec::new();
    for host in &view.hosts {
        for (path, shared) in &host.shared {
            let spot = Spot { view, host, path };
            check_watching(spot, shared);
            parts.extend(shared.routers.iter().map(|router| Share { spot, router }));
        }
    }
    for part in &parts {
        check_part(*part, apis, called, reached);
    }
    for group in groups(&parts) {
        check_group(&group);
    }
    check_called(&parts, called, reached);
    // Who balances without a part in what the others share.
    if view.whole && !parts.is_empty() {
        // Who listens to its own host alone has nothing to share.
        let is_for_others = |host: &HostView<'_>| {
            listeners(host).any(|listener| listener.address.is_none_or(|address| !address.is_loopback()))
        };
        for host in view
            .hosts
            .iter()
            .filter(|host| host.shared.is_empty() && is_for_others(host))
        {
            let message = "other load balancers share an address by keepalived, and its configuration is not here";
            view.findings.report(codes::MISSING_FILE, host.name, "", message);
        }
    }
}

/// What is watched: a program whose file is here, scripts that can be run.
fn check_watching(spot: Spot<'_>, shared: &Keepalived) {
    let nothing = |message: String| spot.report(codes::WATCHES_NOTHING, message);
    let programs: BTreeSet<&str> = spot.host.balancers.values().map(|balancer| balancer.program).collect();
    let used: BTreeSet<&str> = shared
        .routers
        .iter()
        .flat_map(|router| &router.processes)
        .map(String::as_str)
        .collect();
    for (_, process) in shared.processes.iter().filter(|(name, _)| used.contains(name.as_str())) {
        let program = process.rsplit('/').next().unwrap_or(process);
        let is_run =
            programs.contains(program) || spot.host.commands.iter().any(|command| command.line.program == program);
        if !is_run && !programs.is_empty() {
            let runs = programs.iter().copied().collect::<Vec<_>>().join(" and ");
            nothing(format!(
                "it watches the process {program:?}, and the load balancer here is {runs}"
            ));
        }
        if !is_run && programs.is_empty() && ["nginx", "haproxy"].contains(&program) && !spot.host.host.loose {
            let message = format!("it watches {program}, whose configuration is not here");
            spot.report(codes::MISSING_FILE, message);
        }
    }
    for command in shared.scripts.values() {
        let path = command.split_whitespace().next().unwrap_or_default();
        let Some(file) = spot.host.resolve(path).and_then(|path| spot.host.host.files.get(path)) else {
            // Programs of the machine are in other folders.
            if ["/etc/", "/opt/", "/var/", "/root/"]
                .iter()
                .any(|folder| path.starts_with(folder))
                && !spot.host.host.loose
            {
                spot.report(codes::MISSING_FILE, format!("it runs {path}, which is not here"));
            }
            continue;
        };
        if file.mode.is_some_and(|mode| mode & 0o111 == 0) {
            nothing(format!("it runs {path}, which may not be executed"));
        }
    }
    for router in &shared.routers {
        if router.processes.is_empty() && router.scripts.is_empty() && !router.watches_more && !programs.is_empty() {
            let message = format!(
                "vrrp_instance {} watches nothing: a load balancer that died keeps the address",
                router.name
            );
            spot.report(codes::VRRP_DOUBTFUL, message);
        }
        if router.is_master && router.stays {
            let message = format!(
                "vrrp_instance {} has `nopreempt`, which keepalived ignores with `state MASTER`",
                router.name
            );
            spot.report(codes::VRRP_DOUBTFUL, message);
        }
    }
}

/// Whether one host's part can be right by itself: its own address, and addresses that API servers are called at.
fn check_part(part: Share<'_>, apis: &[Api<'_>], called: &BTreeSet<(String, u16)>, reached: &Reached<'_>) {
    let (spot, router) = (part.spot, part.router);
    let own: BTreeSet<IpAddr> = spot
        .host
        .host
        .about
        .addresses
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect();
    if let Some(source) = router.source.filter(|source| !own.is_empty() && !own.contains(source)) {
        let message = format!("unicast_src_ip {source} is not one of the host's own addresses");
        spot.report(codes::BAD_ADDRESS, message);
    }
    // Who is called by name may be so alone: then no certificate needs the address.
    let is_named = called.iter().any(|(host, _)| host.parse::<IpAddr>().is_err());
    for address in &router.addresses {
        let text = address.to_string();
        let is_own = |host: &HostView<'_>| host.host.about.addresses.contains(&text);
        if let Some(owner) = reached.owners(&text).find(|host| is_own(host)) {
            let message = format!("it carries {text}, which is the address of {} itself", owner.name);
            spot.report(codes::BAD_ADDRESS, message);
        }
        let is_called = called.iter().any(|(host, _)| *host == text);
        for api in apis.iter().filter(|_| is_called || !is_named) {
            let shown = api.running.certificates("tls-cert-file");
            if shown.first().is_some_and(|leaf| !leaf.covers(&text)) {
                let name = api.running.spot.host.name;
                let message = format!("it carries {text}, which is not in the certificate of the API server of {name}");
                spot.report(codes::ADDRESS_NOT_COVERED, message);
            }
        }
    }
}

/// Clients call an address that nobody has, and what is carried in its family is called by nobody.
fn check_called(parts: &[Share<'_>], called: &BTreeSet<(String, u16)>, reached: &Reached<'_>) {
    let addresses: BTreeSet<IpAddr> = called.iter().filter_map(|(host, _)| host.parse().ok()).collect();
    let is_nobodys = |one: &&IpAddr| reached.owners(&one.to_string()).next().is_none();
    let of_nobody: Vec<&IpAddr> = addresses.iter().filter(is_nobodys).collect();
    for part in parts {
        let carried = &part.router.addresses;
        let Some(first) = carried
            .first()
            .filter(|_| !carried.iter().any(|one| addresses.contains(one)))
        else {
            continue;
        };
        if let Some(nobodys) = of_nobody.iter().find(|one| one.is_ipv4() == first.is_ipv4()) {
            let message = format!("it carries {first}, and kubeconfigs call {nobodys}, which no host has");
            part.spot.report(codes::NOBODY_ANSWERS, message);
        }
    }
}

/// Instances of different hosts that belong together: by an address that they share, or by the same name or id, in one family.
fn groups<'v>(parts: &[Share<'v>]) -> Vec<Vec<Share<'v>>> {
    let mut first: BTreeMap<(bool, String), usize> = BTreeMap::new();
    let mut leader: Vec<usize> = (0..parts.len()).collect();
    for (at, part) in parts.iter().enumerate() {
        let router = part.router;
        let family = router
            .addresses
            .first()
            .or(router.source.as_ref())
            .is_some_and(IpAddr::is_ipv4);
        let id = router.id.map(|id| format!("id {id}"));
        let addresses = router.addresses.iter().map(|address| format!("address {address}"));
        let keys = addresses.chain(id).chain([format!("name {}", router.name)]);
        for key in keys {
            let other = *first.entry((family, key)).or_insert(at);
            let (one, other) = (root(&mut leader, at), root(&mut leader, other));
            leader[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Vec<Share<'v>>> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        groups.entry(root(&mut leader, at)).or_default().push(*part);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// Who leads a group; the way there is made short.
fn root(leader: &mut [usize], at: usize) -> usize {
    let mut at = at;
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}

fn check_group(group: &[Share<'_>]) {
    let all = |what: &str, value: fn(&VirtualRouter) -> String| {
        let said = group.iter().map(|part| (part.spot, value(part.router)));
        disagree(said, codes::VRRP_DISAGREES, what);
    };
    all("virtual_router_id", |router| format!("{:?}", router.id));
    all("virtual_ipaddress", |router| {
        format!("{:?}", router.addresses.iter().collect::<BTreeSet<_>>())
    });
    all("advert_int", |router| router.interval.clone());
    all("the version of VRRP", |router| router.version.clone());
    all("authentication", |router| format!("{:?}", router.authentication));
    all("unicast_peer", |router| router.peers.is_some().to_string());
    let masters = group.iter().filter(|part| part.router.is_master).count();
    let mut priorities = BTreeSet::new();
    for part in group {
        let alike = !priorities.insert(part.router.priority);
        if alike {
            let message = format!(
                "vrrp_instance {} has the same priority as another load balancer's",
                part.router.name
            );
            part.spot.report(codes::VRRP_DOUBTFUL, message);
        }
        if part.router.is_master && masters > 1 {
            let message = format!(
                "vrrp_instance {} begins as MASTER, and so does another",
                part.router.name
            );
            part.spot.report(codes::VRRP_DOUBTFUL, message);
        }
    }
    check_peers(group);
}

/// Whether each tells all others, by the addresses from which these speak.
fn check_peers(group: &[Share<'_>]) {
    let source = |part: &Share<'_>| {
        let first = part.router.addresses.first()?;
        let own = part
            .spot
            .host
            .host
            .about
            .addresses
            .iter()
            .filter_map(|one| one.parse::<IpAddr>().ok());
        part.router
            .source
            .or_else(|| own.into_iter().find(|one| one.is_ipv4() == first.is_ipv4()))
    };
    let sources: Vec<Option<IpAddr>> = group.iter().map(source).collect();
    let known: BTreeSet<IpAddr> = sources.iter().copied().flatten().collect();
    if known.len() < sources.iter().flatten().count() {
        let message = "two load balancers that share an address have the same unicast_src_ip";
        if let Some(part) = group.last() {
            part.spot.report(codes::VRRP_DISAGREES, message);
        }
    }
    let all_known = sources.iter().all(Option::is_some) && group.iter().all(|part| part.spot.view.whole);
    for (part, own) in group.iter().zip(&sources) {
        let Some(peers) = &part.router.peers else { continue };
        let told: BTreeSet<IpAddr> = peers.iter().copied().collect();
        let missing: Vec<String> = known
            .difference(&told)
            .filter(|one| Some(**one) != *own)
            .take(3)
            .map(ToString::to_string)
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "vrrp_instance {} does not tell {}: unicast_peer lacks it",
                part.router.name,
                missing.join(", ")
            );
            part.spot.report(codes::VRRP_DISAGREES, message);
        }
        for stranger in told.iter().filter(|peer| all_known && !known.contains(peer)) {
            let message = format!(
                "vrrp_instance {} tells {stranger}, where nobody carries the address with it",
                part.router.name
            );
            part.spot.report(codes::VRRP_DISAGREES, message);
        }
    }
}
