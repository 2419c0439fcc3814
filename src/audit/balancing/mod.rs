//! Load balancers: whether each program takes its file, whether clients reach it where they call it, whom it asks and how, and
//! whether those who carry an address together agree.

mod asked;
mod sharing;

pub(crate) use asked::handed_on;

use super::reached::called;
use super::relations::Parties;
use super::spot::Spot;
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(parties: &Parties<'_>) {
    let (view, apis, reached) = (parties.view, &parties.apis, &parties.reached);
    for host in &view.hosts {
        let balancers = host.balancers.iter().map(|(path, balancer)| (path, &balancer.refused));
        let shared = host.shared.iter().map(|(path, shared)| (path, &shared.refused));
        for (path, refused) in balancers.chain(shared) {
            let spot = Spot { view, host, path };
            for (line, why) in refused {
                let place = if *line > 0 {
                    format!("line {line}: ")
                } else {
                    String::new()
                };
                spot.report(codes::BAD_SYNTAX, format!("{place}{why}"));
            }
        }
    }
    let called = called(view);
    sharing::check(view, apis, &called, reached);
    if !apis.is_empty() && view.whole {
        asked::check(view, apis, &called, reached);
    }
    let balances = |role: &String| role == "load-balancer";
    for host in view
        .hosts
        .iter()
        .filter(|host| host.host.about.roles.iter().any(balances))
    {
        if host.balancers.is_empty() {
            let message = "it is a load balancer, and nginx's or haproxy's file is not here";
            view.findings.report(codes::MISSING_FILE, host.name, "", message);
        }
    }
}
