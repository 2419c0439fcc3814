//! Where clients call an API server: whether somebody answers there until the last of them has been told of another place.
//!
//! Load balancers and API servers have their turn before nodes, and all of a host's files are put there at once: so where they no longer
//! answer is called until the last node is done.

use std::collections::BTreeSet;

use super::calling::servers_called;
use super::members::arrives;
use super::serving::{api_port, balancers};
use super::sides::Pair;
use super::units::command_of;
use super::warnings::Warning;
use crate::audit::names::{Url, is_loopback};
use crate::found::{FoundHost, printable};

/// A host that answers clients.
struct Answering<'a> {
    host: &'a FoundHost,
    balances: BTreeSet<u16>,
    serves: Option<u16>,
}

impl<'a> Answering<'a> {
    fn of(host: &'a FoundHost) -> Answering<'a> {
        let balances = balancers(host).flat_map(|balancer| balancer.ports().collect::<Vec<_>>());
        // Who leaves stops its API server before nodes have their turn.
        let serves = api_port(host).filter(|_| !host.about.is_leaving());
        Answering {
            host,
            balances: balances.collect(),
            serves,
        }
    }

    /// Whether an address is the host's own, or one that it may carry for others.
    fn has(&self, address: &str) -> bool {
        let carries = |text: &str| {
            text.split(|c: char| c.is_whitespace() || c == '/')
                .any(|word| word == address)
        };
        self.host.about.addresses.iter().any(|own| own == address)
            || self.host.texts_below("/etc/keepalived/").any(carries)
    }

    fn listens(&self, port: u16) -> bool {
        self.balances.contains(&port) || self.serves == Some(port)
    }
}

/// Whether somebody answers at a URL. Who carries an address that no host has, or a name, passes it on to a load balancer, or to an API
/// server where there is none.
fn is_answered(hosts: &[Answering<'_>], url: &Url) -> bool {
    let port = url.port.unwrap_or(443);
    let mut own = hosts.iter().filter(|host| host.has(&url.host)).peekable();
    if own.peek().is_some() {
        return own.any(|host| host.listens(port));
    }
    match url.host.parse::<std::net::IpAddr>() {
        Ok(_) => false,
        Err(_) => hosts.iter().any(|host| host.listens(port)),
    }
}

/// Why nodes that stay would be without an API server until their turn, and the builds that lead there all the same.
pub(super) fn unanswered(pairs: &[Pair<'_>], whole: bool) -> Option<Warning> {
    if !whole {
        return None;
    }
    let before: Vec<Answering<'_>> = pairs.iter().filter_map(|pair| pair.old).map(Answering::of).collect();
    // A host that is gone is switched off last.
    let after = pairs.iter().filter_map(|pair| pair.new.or(pair.old));
    let after: Vec<Answering<'_>> = after.map(Answering::of).collect();
    let mut urls = BTreeSet::new();
    let mut nodes = Vec::new();
    for pair in pairs.iter().filter(|pair| !arrives(pair)) {
        let (Some(old), Some(new)) = (pair.old, pair.new) else {
            continue;
        };
        if command_of(new, "kubelet").is_none() {
            continue;
        }
        let kept = servers_called(new);
        let lost = servers_called(old).into_iter().filter(|url| !kept.contains(url));
        let lost = lost.filter(|text| {
            let url = Url::parse(text).filter(|url| !is_loopback(&url.host));
            url.is_some_and(|url| is_answered(&before, &url) && !is_answered(&after, &url))
        });
        let lost: Vec<String> = lost.collect();
        if !lost.is_empty() {
            nodes.push(new.name.clone());
            urls.extend(lost);
        }
    }
    let url = urls.into_iter().collect::<Vec<_>>().join(" and ");
    (!nodes.is_empty()).then(|| Warning::mind(message(&printable(&url), staying_server(pairs).as_deref()), nodes))
}

fn message(url: &str, staying: Option<&str>) -> String {
    let why = format!("it calls {url} until its own turn, which comes last, and by then nobody answers there any more");
    match staying {
        Some(server) => format!(
            "{why}: make it three builds, each with a plan of its own that is carried out before the next: first the cluster as it is, \
             with endpoint = \"{server}\" below [cluster], so that everybody calls an API server that stays; then this change, with that \
             endpoint; then the endpoint that it is to be"
        ),
        None => format!(
            "{why}, nor is there an API server that stays at its address, which could be called meanwhile: let one join or stay first"
        ),
    }
}

/// Where an API server answers before and after.
fn staying_server(pairs: &[Pair<'_>]) -> Option<String> {
    let staying = pairs.iter().filter(|pair| !arrives(pair));
    let mut servers = staying.filter_map(|pair| {
        let (old, new) = (Answering::of(pair.old?), Answering::of(pair.new?));
        let (port, address) = (old.serves?, old.host.about.addresses.first()?);
        let stays = new.serves == Some(port) && new.has(address);
        let shown = match address.contains(':') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        };
        stays.then_some(shown)
    });
    servers.next()
}
