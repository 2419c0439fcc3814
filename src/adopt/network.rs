//! What holds for the whole cluster: its name, where it is reached, its ranges, its domain, and what passes connections on.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::evidence::{Claims, Evidence, Settled};
use super::machines::{AdoptedBridge, AdoptedEndpoint, AdoptedHost};
use super::material::Material;
use super::programs::RunningProgram;
use super::shown::{ShownAs, of};
use crate::audit::document::Tree;
use crate::audit::names::{canonical, first_of, is_loopback, why_nobody_asks_for};
use crate::audit::view::View;
use crate::catalog::roles::Role;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};

/// The ranges or addresses of a list as a program is given it, each in its one canonical form: IPv6 has many spellings.
fn each_of(list: &str) -> Vec<String> {
    let one = |text: &str| match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(net), _) => net.to_string(),
        (_, Ok(ip)) => ip.to_string(),
        _ => text.to_owned(),
    };
    list.split(',').map(|text| one(text.trim())).collect()
}

fn listed(ranges: impl AsRef<[String]>) -> String {
    ranges.as_ref().join(",")
}

/// What the kubeconfigs call the cluster.
pub(super) fn name(programs: &[RunningProgram<'_>], material: &Material<'_>, say: &Reporter) -> Settled<String> {
    let fits = |name: &str| {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        !name.is_empty()
            && name.len() <= 63
            && name.chars().all(is_of_name)
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    let mut claims = Claims::default();
    for login in &material.logins {
        if let Some(name) = login.cluster_name.as_deref().filter(|name| fits(name)) {
            claims.add(name.to_owned(), login.evidence.clone());
        }
    }
    if claims.is_empty() {
        for program in programs.iter().filter(|one| one.name() == "kube-controller-manager") {
            if let Some(name) = program.flag("cluster-name").filter(|name| fits(name)) {
                claims.add(name.to_owned(), program.evidence("cluster-name"));
            }
        }
    }
    let told = claims.settle("the name of the cluster", String::clone, say);
    told.unwrap_or_else(|| Settled::assumed("kubernetes".to_owned(), "the name that most call it by"))
}

/// Where nodes reach the API, and who does not run beside it.
pub(super) fn endpoint(
    programs: &[RunningProgram<'_>],
    material: &Material<'_>,
    say: &Reporter,
) -> Option<Settled<AdoptedEndpoint>> {
    let mut of_nodes = Claims::default();
    let mut of_others = Claims::default();
    // What leads to its own machine says as little as a loopback address, unless nothing else is said.
    let mut of_themselves = Claims::default();
    let is_own = |host: &str, address: &str| {
        let mut here = programs
            .iter()
            .filter(|one| one.host.name == host && !one.host.host.loose);
        here.any(|one| {
            let listed = ["advertise-address", "node-ip"]
                .iter()
                .flat_map(|flag| one.line.list(flag));
            // An address of IPv6 has many spellings.
            listed.map(canonical).any(|own| own == address)
        })
    };
    for login in &material.logins {
        let Some(url) = login.login.url.as_ref().filter(|url| !is_loopback(&url.host)) else {
            continue;
        };
        let endpoint = AdoptedEndpoint {
            host: url.host.clone(),
            port: url.port.unwrap_or(443),
        };
        let user = login
            .login
            .client
            .iter()
            .find_map(|item| item.certificate())
            .map_or("", |leaf| leaf.user());
        let is_of_node = user.starts_with("system:node:") || user == "system:kube-proxy";
        let claims = match is_own(login.login.spot.host.name, &endpoint.host) {
            true => &mut of_themselves,
            false if is_of_node => &mut of_nodes,
            false => &mut of_others,
        };
        claims.add(endpoint, login.evidence.clone());
    }
    let told = [of_nodes, of_others].into_iter().find(|claims| !claims.is_empty());
    match told {
        Some(told) => told.settle("where the API is reached", AdoptedEndpoint::text, say),
        None => of_themselves.most(),
    }
}

/// The port that API servers listen at: khw-gen knows no other.
const PORT: u16 = 6443;

/// That the API is reached at a control plane itself, at a port where none will listen.
pub(super) fn tell_other_port(endpoint: Option<&Settled<AdoptedEndpoint>>, hosts: &[AdoptedHost], say: &Reporter) {
    let Some(Settled { value, basis }) = endpoint.filter(|one| one.value.port != PORT) else {
        return;
    };
    let is_it = |host: &&AdoptedHost| {
        let ips = host.ips.value.iter().any(|ip| ip.to_string() == value.host);
        (ips || host.name == value.host) && !host.roles.contains(&Role::LoadBalancer)
    };
    let Some(host) = hosts.iter().find(is_it) else { return };
    let (port, name) = (value.port, &host.name);
    let message = format!(
        "the API is reached at {} ({}), which is {name} itself: API servers of khw-gen listen at {PORT} alone",
        value.text(),
        basis.comment()
    );
    say.add(Diagnostic::new(codes::OTHER_PORT, message).hint(format!(
        "put a load balancer of an address of its own in front that listens at {port}, or let the API servers listen at {PORT} (--secure-port, \
         and `server` of every kubeconfig); have the cluster run so, copy it again, and adopt that"
    )));
}

fn assumed_endpoint(ip: IpAddr, why: String) -> Settled<AdoptedEndpoint> {
    let host = ip.to_string();
    Settled::assumed(AdoptedEndpoint { host, port: PORT }, why)
}

/// The addresses in the certificate of an API server that are of machines, or of what leads to them.
fn of_machines(api: &ShownAs, services: &[String]) -> Vec<IpAddr> {
    let of_services: Vec<IpAddr> = services.iter().filter_map(|range| first_of(range)).collect();
    let ips = api.certificate.ips.iter().copied();
    ips.filter(|ip| !ip.is_loopback() && !of_services.contains(ip))
        .collect()
}

/// Where certificates are all that there is, and no kubeconfig: the one address in that of the API server that is not like the others, as a
/// load balancer's is not.
pub(super) fn endpoint_beside(shown: &[ShownAs], services: &[String]) -> Option<Settled<AdoptedEndpoint>> {
    let addresses = |purposes: &[&str]| -> BTreeSet<IpAddr> {
        let certificates = purposes.iter().flat_map(|purpose| of(shown, purpose));
        certificates
            .flat_map(|one| one.certificate.ips.iter().copied())
            .collect()
    };
    let of_nodes = addresses(&["kubelet-serving", "kubelet-client"]);
    let of_etcd = addresses(&["etcd-server", "etcd-peer"]);
    for api in of(shown, "apiserver") {
        for is_ipv6 in [false, true] {
            let ips = of_machines(api, services).into_iter();
            let ips: Vec<IpAddr> = ips.filter(|ip| ip.is_ipv6() == is_ipv6).collect();
            let is_other = |ip: &&IpAddr| {
                let others: Vec<IpAddr> = ips.iter().copied().filter(|other| other != *ip).collect();
                let alone_is_no_member =
                    others.len() > 1 && !of_etcd.contains(ip) && others.iter().all(|one| of_etcd.contains(one));
                !of_nodes.contains(ip)
                    && !of_etcd.contains(ip)
                    && (alone_is_no_member || is_out_of_range(**ip, &others))
            };
            let mut outside = ips.iter().filter(is_other);
            if let (Some(ip), None) = (outside.next(), outside.next()) {
                let why = format!(
                    "{} has {ip} beside addresses of another kind: taken to be what leads to all API servers; if it is one of them, write it as \
                     a host",
                    api.evidence
                );
                return Some(assumed_endpoint(*ip, why));
            }
        }
    }
    None
}

/// Whether an address is public beside private ones, or lies outside of the network that several others have in common.
fn is_out_of_range(ip: IpAddr, others: &[IpAddr]) -> bool {
    let is_public = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_private(),
        IpAddr::V6(ip) => !ip.is_unique_local(),
    };
    let network = others.first().and_then(|first| {
        let bits = if first.is_ipv4() { 16 } else { 48 };
        Some(IpNet::new(*first, bits).ok()?.trunc())
    });
    let Some(network) = network else { return false };
    let in_common = others.len() > 1 && others.iter().all(|other| network.contains(other));
    in_common && !network.contains(&ip) || is_public(&ip) && !others.iter().any(is_public)
}

/// Where several machines run API servers and nothing says what leads to them all: an address in their certificate that no machine has,
/// else that of the first.
pub(super) fn endpoint_of_several(
    shown: &[ShownAs],
    services: &[String],
    hosts: &[AdoptedHost],
    balancer: &AdoptedBalancer,
) -> Option<Settled<AdoptedEndpoint>> {
    let with = |role| hosts.iter().filter(move |host| host.roles.contains(&role));
    let is_told = with(Role::LoadBalancer).next().is_some() || !balancer.virtual_ips.is_empty();
    if is_told || with(Role::ControlPlane).count() < 2 {
        return None;
    }
    let is_of_host = |ip: &IpAddr| hosts.iter().any(|host| host.ips.value.contains(ip));
    let mut beside =
        of(shown, "apiserver").flat_map(|api| of_machines(api, services).into_iter().map(move |ip| (ip, api)));
    if let Some((ip, api)) = beside.find(|(ip, _)| !is_of_host(ip)) {
        let why = format!(
            "{} has {ip}, and no machine: taken to be what leads to all API servers",
            api.evidence
        );
        return Some(assumed_endpoint(ip, why));
    }
    let first = with(Role::ControlPlane).next()?;
    let why = format!(
        "several machines run API servers, and nothing says what leads to them all: this is the first of them, {}, so that nothing goes on \
         without it; write the load balancer's address",
        first.name
    );
    Some(assumed_endpoint(*first.ips.value.first()?, why))
}

/// The domain of services.
pub(super) fn domain(programs: &[RunningProgram<'_>], shown: &[ShownAs], say: &Reporter) -> Settled<String> {
    let mut claims = Claims::default();
    for kubelet in programs.iter().filter(|one| one.name() == "kubelet") {
        if let Some(domain) = kubelet.flag("cluster-domain") {
            claims.add(
                domain.trim_end_matches('.').to_owned(),
                kubelet.evidence("cluster-domain"),
            );
        } else if let Some((path, config)) = kubelet.config()
            && let Some(domain) = config.text_at(&["clusterDomain"])
        {
            let evidence = Evidence::within(kubelet.host, path, "clusterDomain", "clusterDomain");
            claims.add(domain.trim_end_matches('.').to_owned(), evidence);
        }
    }
    if claims.is_empty() {
        for api in of(shown, "apiserver") {
            for (domain, why) in domains_of(&api.certificate.dns) {
                claims.add(domain, Evidence::words(format!("{}{why}", api.evidence)));
            }
        }
    }
    let told = claims.settle("the domain of services", String::clone, say);
    told.unwrap_or_else(|| Settled::assumed("cluster.local".to_owned(), "the domain that nearly every cluster has"))
}

/// The domains that names of services in a certificate have, and in words what was wrong with the names. Those of the API server's own
/// service count; one of which a longer domain begins with another name's was cut off, as `kubernetes.default.svc.cluster` is beside
/// `kubernetes.svc.cluster.local` in Kubernetes The Hard Way.
fn domains_of(names: &[String]) -> Vec<(String, String)> {
    let all: Vec<(&str, &str)> = names
        .iter()
        .filter(|name| name.starts_with("kubernetes."))
        .filter_map(|name| Some((name.as_str(), name.split_once(".svc.")?.1)))
        .filter(|(_, domain)| !domain.is_empty())
        .collect();
    let of_itself = |(name, _): &&(&str, &str)| name.starts_with("kubernetes.default.svc.");
    let own: Vec<&(&str, &str)> = all.iter().filter(of_itself).collect();
    let counting = if own.is_empty() { all.iter().collect() } else { own };
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, domain) in counting {
        let longer = all.iter().filter(|(_, other)| is_cut_off(domain, other));
        let whole = longer.max_by_key(|(_, other)| other.len());
        let (domain, why) = match whole {
            Some((other, whole)) => (
                *whole,
                format!(": {other} ends with it, and {name} beside it is cut off"),
            ),
            None if !name.starts_with("kubernetes.default.svc.") => (*domain, format!(": {name} ends with it")),
            None => (*domain, String::new()),
        };
        if !found.iter().any(|(known, _)| known == domain) {
            found.push((domain.to_owned(), why));
        }
    }
    found
}

/// Whether a domain is the beginning of another one: `cluster` of `cluster.local`.
fn is_cut_off(domain: &str, whole: &str) -> bool {
    whole.strip_prefix(domain).is_some_and(|rest| rest.starts_with('.'))
}

/// Why a name of a certificate is not taken over; none if it is.
pub(super) fn why_left_out(name: &str, domain: &str) -> Option<String> {
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let own = name.split_once(".svc.").map_or("", |(_, own)| own);
    let cut_off = || format!("{name:?} is cut off, since the domain is {domain}");
    why_nobody_asks_for(name).or_else(|| (!own.is_empty() && is_cut_off(own, domain)).then(cut_off))
}

/// The range of services.
pub(super) fn services(
    programs: &[RunningProgram<'_>],
    shown: &[ShownAs],
    dns: Option<&Settled<Vec<String>>>,
    say: &Reporter,
) -> Settled<Vec<String>> {
    let mut claims = Claims::default();
    let mut of_manager = Claims::default();
    for program in programs {
        if let Some(range) = program.flag("service-cluster-ip-range") {
            let ranges = each_of(range);
            let evidence = program.evidence("service-cluster-ip-range");
            // The manager may have one family of two.
            match program.name() == "kube-apiserver" {
                true => claims.add(ranges, evidence),
                false => of_manager.add(ranges, evidence),
            }
        }
    }
    let told = if claims.is_empty() { of_manager } else { claims };
    if let Some(told) = told.settle("the range of services", |ranges| listed(ranges), say) {
        return told;
    }
    // The first address of each range is in the certificate of the API server.
    let dns: Vec<IpAddr> = dns
        .into_iter()
        .flat_map(|dns| &dns.value)
        .filter_map(|ip| ip.parse().ok())
        .filter(|ip| !is_of_link(ip))
        .collect();
    for api in of(shown, "apiserver") {
        let mut firsts: Vec<(IpAddr, IpNet)> = Vec::new();
        for ip in &api.certificate.ips {
            let known = |(first, _): &(IpAddr, IpNet)| first.is_ipv4() == ip.is_ipv4();
            let range = guessed_range(*ip, &api.certificate.ips).filter(|_| !firsts.iter().any(known));
            let mut of_family = dns.iter().filter(|dns| dns.is_ipv4() == ip.is_ipv4());
            let fits_dns = |net: &IpNet| of_family.all(|dns| net.contains(dns));
            firsts.extend(range.filter(fits_dns).map(|net| (*ip, net)));
        }
        // DNS is of the family that comes first.
        if let Some(first) = dns.first() {
            firsts.sort_by_key(|(ip, _)| ip.is_ipv4() != first.is_ipv4());
        }
        let fits_dns = |(ip, _): &(IpAddr, IpNet)| dns.first().is_none_or(|dns| dns.is_ipv4() == ip.is_ipv4());
        if !firsts.first().is_some_and(fits_dns) {
            continue;
        }
        let ips: Vec<String> = firsts.iter().map(|(ip, _)| ip.to_string()).collect();
        let why = match ips.as_slice() {
            [ip] => format!("{} has its first address {ip}: see that it is as long", api.evidence),
            ips => format!(
                "{} has their first addresses {}: see that they are as long",
                api.evidence,
                ips.join(" and ")
            ),
        };
        return Settled::assumed(firsts.iter().map(|(_, net)| net.to_string()).collect(), why);
    }
    match speaks_ipv6_alone(programs, shown) {
        true => Settled::assumed(
            vec!["fd00:32::/112".to_owned()],
            "a range as clusters over IPv6 have: write the cluster's own",
        ),
        false => Settled::assumed(
            vec!["10.32.0.0/24".to_owned()],
            "the walk-through's range: write the cluster's own",
        ),
    }
}

/// Whether an address is valid on its own link alone, as that of a node's own cache of DNS is.
fn is_of_link(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether every address that is told of a machine is of IPv6.
fn speaks_ipv6_alone(programs: &[RunningProgram<'_>], shown: &[ShownAs]) -> bool {
    let flags = ["node-ip", "advertise-address"];
    let given = programs
        .iter()
        .flat_map(|one| flags.iter().flat_map(|flag| one.line.list(flag)))
        .filter_map(|text| text.parse::<IpAddr>().ok());
    let shown = shown.iter().flat_map(|one| one.certificate.ips.iter().copied());
    let mut all = given.chain(shown).filter(|ip| !ip.is_loopback()).peekable();
    all.peek().is_some() && all.all(|ip| ip.is_ipv6())
}

/// The range of services that an address is the first of, as guides and installers have it; none where it looks like a machine's: where
/// `beside` it others lie in the same range, or of IPv6 in the same network.
pub(super) fn guessed_range(ip: IpAddr, beside: &[IpAddr]) -> Option<IpNet> {
    // The ranges of kubeadm, of the walk-throughs, and of others that are often met.
    let known = [
        "10.32.0.0/24",
        "10.96.0.0/12",
        "10.254.0.0/16",
        "10.233.0.0/18",
        "10.3.0.0/24",
        "10.0.0.0/24",
        "172.20.0.0/16",
        "192.168.0.0/16",
        "10.43.0.0/16",
        "10.68.0.0/16",
        "10.100.0.0/16",
        "10.152.183.0/24",
        "fd85:ee78:d8a6:8607::1000/116",
        "fd01::/108",
    ];
    let usual = match ip {
        IpAddr::V4(v4) if v4.is_private() => {
            let [a, b, c, d] = v4.octets();
            (c == 0 && d == 1).then(|| format!("{a}.{b}.{c}.0/24"))
        }
        // No longer than this may a range of IPv6 be in older releases, and guides make it as long.
        IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_multicast() => {
            (v6.segments()[7] == 1).then(|| format!("{ip}/112"))
        }
        _ => None,
    };
    let known = known
        .iter()
        .filter(|range| first_of(range) == Some(ip))
        .map(|range| (*range).to_owned());
    let mut all = known
        .chain(usual)
        .filter_map(|range| Some(range.parse::<IpNet>().ok()?.trunc()));
    all.find(|range| {
        let network = match ip {
            IpAddr::V4(_) => *range,
            IpAddr::V6(_) => IpNet::new(ip, 64).map_or(*range, |network| network.trunc()),
        };
        beside.iter().all(|other| *other == ip || !network.contains(other))
    })
}

/// The range of pods, and whether controllers hand out parts of it.
pub(super) fn pods(
    programs: &[RunningProgram<'_>],
    hosts: &[AdoptedHost],
    services: &[String],
    say: &Reporter,
) -> Settled<Vec<String>> {
    let mut claims = Claims::default();
    // A program may be told its families in any order; in cluster.toml that of the services is everybody's.
    let first_is_ipv6 = services.first().is_some_and(|range| range.contains(':'));
    let in_order = |list: &str| {
        let mut ranges = each_of(list);
        ranges.sort_by_key(|range| range.contains(':') != first_is_ipv6);
        ranges
    };
    for program in programs
        .iter()
        .filter(|one| ["kube-controller-manager", "kube-proxy"].contains(&one.name()))
    {
        if let Some(range) = program.flag("cluster-cidr") {
            claims.add(in_order(range), program.evidence("cluster-cidr"));
        } else if let Some((path, config)) = program.config()
            && let Some(range) = config.text_at(&["clusterCIDR"])
        {
            let evidence = Evidence::within(program.host, path, "clusterCIDR", "clusterCIDR");
            claims.add(in_order(range), evidence);
        }
    }
    if let Some(told) = claims.settle("the range of pods", |ranges| listed(ranges), say) {
        return told;
    }
    let taken: Vec<IpNet> = services.iter().filter_map(|range| range.parse().ok()).collect();
    let ips: BTreeSet<IpAddr> = hosts.iter().flat_map(|host| host.ips.value.iter().copied()).collect();
    let is_free = |range: &&&str| {
        range.parse::<IpNet>().is_ok_and(|net| {
            let overlaps = taken.iter().any(|other| net.contains(other) || other.contains(&net));
            !overlaps && !ips.iter().any(|ip| net.contains(ip))
        })
    };
    let free = [
        "10.200.0.0/16",
        "10.244.0.0/16",
        "172.30.0.0/16",
        "192.168.0.0/16",
        "10.128.0.0/16",
        "fd00:200::/56",
        "fd00:244::/56",
        "fd00:10:244::/56",
    ];
    // Of each family that services have, in the same order.
    let families = services.iter().map(|range| range.contains(':'));
    let range_of = |is_ipv6: bool| {
        let mut all = free.iter().filter(|range| range.contains(':') == is_ipv6).peekable();
        let first = all.peek().copied();
        all.find(is_free).or(first).map(|range| (*range).to_owned())
    };
    Settled::assumed(
        families.filter_map(range_of).collect(),
        "a range that nothing else has: write that of the network's plugin",
    )
}

/// The addresses of the cluster's DNS.
pub(super) fn dns(programs: &[RunningProgram<'_>], say: &Reporter) -> Option<Settled<Vec<String>>> {
    let mut claims = Claims::default();
    for kubelet in programs.iter().filter(|one| one.name() == "kubelet") {
        if let Some(dns) = kubelet.flag("cluster-dns") {
            claims.add(each_of(dns), kubelet.evidence("cluster-dns"));
        } else if let Some((path, config)) = kubelet.config() {
            let all: Vec<String> = config
                .items_at(&["clusterDNS"])
                .iter()
                .filter_map(Tree::text)
                .flat_map(each_of)
                .collect();
            if !all.is_empty() {
                claims.add(all, Evidence::within(kubelet.host, path, "clusterDNS", "clusterDNS"));
            }
        }
    }
    claims.settle("the address of the cluster's DNS", |ranges| listed(ranges), say)
}

/// Whether a text is an address of services.
pub(super) fn is_of_services(text: &str, services: &[String]) -> bool {
    let ip = text.parse::<IpAddr>();
    let ranges = || services.iter().filter_map(|range| range.parse::<IpNet>().ok());
    ip.is_ok_and(|ip| ranges().any(|range| range.contains(&ip)))
}

/// The addresses of the cluster's DNS among services. Where nodes have a cache of their own, kubelets name that, and nothing names the service
/// that it asks: by the convention of everybody it is the tenth, in kubespray the third.
pub(super) fn dns_of_services(
    dns: Option<Settled<Vec<String>>>,
    services: &Settled<Vec<String>>,
) -> Option<Settled<Vec<String>>> {
    let found = dns?;
    let own = found.value.iter().find(|ip| !is_of_services(ip, &services.value));
    let Some(own) = own else { return Some(found) };
    let range: IpNet = services.value.first()?.parse().ok()?;
    let tenth = range.hosts().nth(if range.addr().is_ipv4() { 9 } else { 10 })?;
    Some(Settled::assumed(
        vec![tenth.to_string()],
        format!(
            "kubelets send pods to {own} ({}), which is no service but each node's own cache, and go on so; this is the service that CoreDNS \
             gets, usually the tenth and in kubespray the third: write what kubectl get service -n kube-system shows",
            found.basis.comment()
        ),
    ))
}

/// How kube-proxy reaches services; `none` where there are nodes and no kube-proxy on them.
pub(super) fn proxy_mode(programs: &[RunningProgram<'_>], shown: &[ShownAs], say: &Reporter) -> Settled<String> {
    let mut claims = Claims::default();
    for proxy in programs.iter().filter(|one| one.name() == "kube-proxy") {
        let config = proxy.config();
        let told = config.and_then(|(path, config)| Some((path, config.text_at(&["mode"])?)));
        match (proxy.flag("proxy-mode"), told) {
            (Some(mode), _) => claims.add(mode.to_owned(), proxy.evidence("proxy-mode")),
            (None, Some((path, mode))) => {
                claims.add(mode.to_owned(), Evidence::within(proxy.host, path, "mode:", "mode"));
            }
            // Its own default on Linux.
            (None, None) => claims.add("iptables".to_owned(), Evidence::file(proxy.host, proxy.path)),
        }
    }
    if let Some(told) = claims.settle("kube-proxy's mode", String::clone, say) {
        return told;
    }
    let nodes = programs.iter().find(|one| one.name() == "kubelet");
    match (nodes, of(shown, "kube-proxy").next()) {
        (Some(kubelet), _) => {
            let why = format!(
                "no unit starts kube-proxy ({}): a DaemonSet or another program takes its place",
                Evidence::file(kubelet.host, kubelet.path)
            );
            Settled::assumed("none".to_owned(), why)
        }
        (None, Some(one)) => Settled::assumed(
            "iptables".to_owned(),
            format!("{} is there, and this is kube-proxy's default", one.evidence),
        ),
        (None, None) => Settled::assumed("none".to_owned(), "nothing shows a kube-proxy"),
    }
}

/// The bridge that khw-gen gives nodes.
const OUR_BRIDGE: &str = "cni0";

/// The pods' network: a bridge where nodes have one of ours or alike, else that of a plugin.
pub(super) fn cni(hosts: &[AdoptedHost]) -> Settled<String> {
    let workers: Vec<&AdoptedHost> = hosts.iter().filter(|host| host.roles.contains(&Role::Worker)).collect();
    let bridges: Vec<&AdoptedBridge> = workers.iter().filter_map(|host| host.pods.as_ref()).collect();
    let other = bridges.iter().find(|bridge| bridge.name != OUR_BRIDGE);
    match (bridges.first(), other) {
        (Some(first), None) if bridges.len() == workers.len() => Settled {
            value: "bridge".to_owned(),
            basis: first.ranges.basis.clone(),
        },
        (_, Some(other)) => Settled::assumed(
            "none".to_owned(),
            format!(
                "nodes have a bridge {} of their own, and pods are connected to it: its files in /etc/cni/net.d and the routes between nodes \
                 stay as they are",
                other.name
            ),
        ),
        _ => Settled::assumed(
            "none".to_owned(),
            "not every node has a bridge with a range of its own, so a plugin makes the network",
        ),
    }
}

/// The file with a node's own resolvers.
pub(super) fn resolv_conf(programs: &[RunningProgram<'_>], say: &Reporter) -> Option<Settled<String>> {
    let mut claims = Claims::default();
    for kubelet in programs.iter().filter(|one| one.name() == "kubelet") {
        match (kubelet.flag("resolv-conf"), kubelet.config()) {
            (Some(path), _) => claims.add(path.to_owned(), kubelet.evidence("resolv-conf")),
            (None, Some((path, config))) => match config.text_at(&["resolvConf"]) {
                Some(resolv) => claims.add(
                    resolv.to_owned(),
                    Evidence::within(kubelet.host, path, "resolvConf", "resolvConf"),
                ),
                // The kubelet's own default.
                None => claims.add("/etc/resolv.conf".to_owned(), Evidence::file(kubelet.host, path)),
            },
            (None, None) => {}
        }
    }
    claims.settle("the file with a node's resolvers", String::clone, say)
}

/// What the hosts that pass connections on do.
#[derive(Clone, Debug, Default)]
pub(super) struct AdoptedBalancer {
    pub engine: Option<Settled<String>>,
    pub port: Option<Settled<u16>>,
    pub virtual_ips: Vec<IpAddr>,
    pub router: Option<u8>,
}

/// Finds it; a port that would be no more is told.
pub(super) fn balancer(view: &View<'_>, hosts: &[AdoptedHost], say: &Reporter) -> AdoptedBalancer {
    let mut found = AdoptedBalancer::default();
    let is_balancer = |name: &str| {
        hosts
            .iter()
            .any(|host| host.name == name && host.roles.contains(&Role::LoadBalancer))
    };
    for host in view.hosts.iter().filter(|host| is_balancer(host.name)) {
        for (path, balancer) in &host.balancers {
            let engine = if balancer.program == "haproxy" {
                "haproxy"
            } else {
                "nginx"
            };
            found
                .engine
                .get_or_insert_with(|| Settled::told(engine.to_owned(), Evidence::file(host, path)));
            let ports: Vec<u16> = balancer
                .services
                .iter()
                .flat_map(|one| &one.listens)
                .map(|one| one.port)
                .collect();
            let port = ports
                .iter()
                .copied()
                .find(|port| *port == 6443)
                .or_else(|| ports.first().copied());
            let others: BTreeSet<u16> = ports.iter().copied().filter(|other| Some(*other) != port).collect();
            if let (Some(port), false) = (port, others.is_empty()) {
                let others: Vec<String> = others.iter().map(u16::to_string).collect();
                let message = format!(
                    "{}: it listens at {} besides {port}, and one port is all that there will be",
                    Evidence::file(host, path),
                    others.join(", ")
                );
                say.add(Diagnostic::new(codes::LEFT_OUT, message));
            }
            if let Some(port) = port {
                found
                    .port
                    .get_or_insert_with(|| Settled::told(port, Evidence::within(host, path, &port.to_string(), "")));
            }
        }
        for router in host.shared.values().flat_map(|shared| &shared.routers) {
            for ip in &router.addresses {
                if !found.virtual_ips.contains(ip) {
                    found.virtual_ips.push(*ip);
                }
            }
            found.router = found.router.or(router.id);
        }
    }
    found
}
