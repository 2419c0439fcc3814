//! A kube-controller-manager: its keys and whom it lets in, held against API servers. And who
//! works where several of its kind, or of the scheduler's, are started.

use crate::audit::reached::Api;
use crate::audit::spot::{Running, running};
use crate::audit::view::View;
use crate::diagnostic::verify_codes as codes;

pub(crate) fn check(manager: Running<'_>, apis: &[Api<'_>]) {
    let key = manager.file("service-account-private-key-file");
    if manager.spot.host.resolve(key).is_some() && manager.spot.host.private_key(key).is_none() {
        manager.report(codes::BAD_PEM, format!("there is no private key in {key}"));
    }
    // Whoever may call an API server may call it, by the same authorities.
    for flag in ["client-ca-file", "requestheader-client-ca-file"] {
        let own = manager.certificates(flag);
        if own.is_empty() {
            continue;
        }
        for api in apis.iter().map(|api| api.running) {
            let others = api.certificates(flag);
            let is_shared = own
                .iter()
                .any(|one| others.iter().any(|other| one.public_key == other.public_key));
            if !others.is_empty() && !is_shared {
                let message = format!(
                    "--{flag} is another authority than that of the API server of {}",
                    api.spot.host.name
                );
                manager.report(codes::SETTINGS_DISAGREE, message);
            }
        }
    }
}

/// Of several that are started one works, and the others wait until it stops.
pub(crate) fn check_election(view: &View<'_>) {
    for program in ["kube-controller-manager", "kube-scheduler"] {
        let all: Vec<Running<'_>> = running(view, program).collect();
        for one in all.iter().filter(|one| all.len() > 1 && !elects(**one)) {
            let message = format!(
                "there are {} of {program}, and it does not wait for its turn",
                all.len()
            );
            one.report(codes::NO_LEADER_ELECTION, message);
        }
    }
}

/// Whether it takes part in an election: by its flag, else by its configuration, else since that is the default.
fn elects(one: Running<'_>) -> bool {
    let is_off = |path: &[&str]| {
        let mut configs = one.spot.host.documents(one.file("config")).iter();
        configs.any(|config| config.text_at(path) == Some("false"))
    };
    one.line.switch("leader-elect").unwrap_or(true) && !is_off(&["leaderElection", "leaderElect"])
}
