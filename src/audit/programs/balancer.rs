//! A load balancer: whether it leads to every API server, and to nobody else.

use std::net::IpAddr;

use super::apiserver::Api;
use crate::audit::names::is_loopback;
use crate::audit::spot::Spot;
use crate::audit::view::View;
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(view: &View<'_>, apis: &[Api<'_>]) {
    if apis.is_empty() || !view.whole {
        return;
    }
    for host in &view.hosts {
        for (path, balancer) in &host.balancers {
            let spot = Spot { view, host, path };
            for address in &balancer.unfilled {
                let message = format!("{address:?} is a placeholder, and no address");
                spot.report(codes::BAD_ADDRESS, message);
            }
            let upstreams = balancer.upstreams.iter();
            let texts = upstreams.map(|(host, port)| format!("{host} port {}", port.unwrap_or_default()));
            spot.check_twice("it", texts);
            let leads_to = |api: &Api<'_>, (address, port): &(String, Option<u16>)| {
                let own = is_loopback(address) && api.running.spot.host.name == host.name;
                (own || api.addresses.contains(address)) && port.is_none_or(|port| port == api.port)
            };
            for upstream @ (address, port) in &balancer.upstreams {
                let is_name = address.parse::<IpAddr>().is_err();
                if !is_name && !apis.iter().any(|api| leads_to(api, upstream)) {
                    let port = port.map_or(String::new(), |port| format!(" port {port}"));
                    let message = format!("no API server listens at {address}{port}");
                    spot.report(codes::NOBODY_ANSWERS, message);
                }
            }
            let is_asked = |api: &&Api<'_>| balancer.upstreams.iter().any(|upstream| leads_to(api, upstream));
            // Nobody counts on who comes or goes.
            let is_counted_on = |api: &&Api<'_>| !api.running.spot.host.host.about.comes_or_goes();
            for api in apis.iter().filter(is_counted_on).filter(|api| !is_asked(api)) {
                let message = format!("it never asks the API server of {}", api.running.spot.host.name);
                spot.report(codes::NOT_BALANCED, message);
            }
        }
    }
}
