//! How long load balancers leave an API server alone that was away: the next one has its turn when they lead to this one again.

use super::serving::{api_port, balancers};
use super::sides::Pair;
use crate::found::FoundHost;

/// An API server that load balancers lead to, and others beside it.
pub(super) struct LedTo {
    address: String,
    port: u16,
    /// After how many seconds at the latest it is led to again.
    back_after: u16,
}

/// Longer than that nobody waits: what takes longer is not meant to come back by itself.
const LONGEST: u64 = 300;

/// The servers of all load balancers that have several.
pub(super) fn servers(pairs: &[Pair<'_>]) -> Vec<LedTo> {
    let mut servers = Vec::new();
    let balancers = pairs.iter().filter_map(|pair| pair.new).flat_map(balancers);
    let services = balancers.flat_map(|balancer| balancer.services);
    for service in services.filter(|service| service.servers.len() > 1) {
        servers.extend(service.servers.into_iter().filter_map(|server| {
            let back_after = u16::try_from(server.back_after.min(LONGEST)).ok()?;
            (back_after > 0).then_some(LedTo {
                address: server.host,
                port: server.port?,
                back_after,
            })
        }));
    }
    servers
}

/// After how many seconds all of them lead to a host's API server again; none where nobody leads there.
pub(super) fn back_after(servers: &[LedTo], host: &FoundHost) -> Option<u16> {
    let port = api_port(host)?;
    let here = servers
        .iter()
        .filter(|server| server.port == port && host.about.addresses.contains(&server.address));
    here.map(|server| server.back_after).max()
}
