//! A kube-controller-manager: what it gives to pods and what it signs, held against what API servers show and accept. And who
//! works where several of its kind, or of the scheduler's, are started.

use super::apiserver::Api;
use crate::audit::spot::{Running, running};
use crate::audit::view::View;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, TlsRole};

pub(crate) fn check(manager: Running<'_>, apis: &[Api<'_>]) {
    let key = manager.file("service-account-private-key-file");
    if manager.spot.host.resolve(key).is_some() && manager.spot.host.private_key(key).is_none() {
        manager.report(codes::BAD_PEM, format!("there is no private key in {key}"));
    }
    for api in apis {
        check_root(manager, api.running);
        check_signed(manager, api.running);
        check_same_authority(manager, api.running);
    }
}

/// Every pod gets `--root-ca-file`, to check the API server with.
fn check_root(manager: Running<'_>, api: Running<'_>) {
    let shown = api.certificates("tls-cert-file");
    let roots = manager.certificates("root-ca-file");
    if let Some((leaf, others)) = shown.split_first()
        && leaf.server_auth
        && !roots.is_empty()
        && let Err(why) = manager.spot.view.chain(leaf, others, &roots, TlsRole::Server)
    {
        let name = api.spot.host.name;
        let message = format!("pods get --root-ca-file, which does not vouch for the API server of {name}: {why}");
        manager.report(codes::UNTRUSTED_CERTIFICATE, message);
    }
}

/// Which signer's certificate has to be trusted by which flag of the API server.
const TRUSTED_BY: [(&str, &str); 4] = [
    ("cluster-signing-cert-file", "client-ca-file"),
    ("cluster-signing-kubelet-client-cert-file", "client-ca-file"),
    ("cluster-signing-kube-apiserver-client-cert-file", "client-ca-file"),
    (
        "cluster-signing-kubelet-serving-cert-file",
        "kubelet-certificate-authority",
    ),
];

/// API servers accept what it signs.
fn check_signed(manager: Running<'_>, api: Running<'_>) {
    for (signer, trusted) in TRUSTED_BY {
        let (signers, roots) = (manager.certificates(signer), api.certificates(trusted));
        let leads_to =
            |one: &&Certificate| one.public_key == signers[0].public_key || manager.spot.view.signed(signers[0], one);
        if !signers.is_empty() && !roots.is_empty() && !roots.iter().any(leads_to) {
            let name = api.spot.host.name;
            let message = format!("--{trusted} of the API server of {name} does not trust what --{signer} signs");
            manager.report(codes::UNTRUSTED_CERTIFICATE, message);
        }
    }
}

/// Whoever may call an API server may call it, by the same authorities.
fn check_same_authority(manager: Running<'_>, api: Running<'_>) {
    for flag in ["client-ca-file", "requestheader-client-ca-file"] {
        let (own, others) = (manager.certificates(flag), api.certificates(flag));
        let is_shared = own
            .iter()
            .any(|one| others.iter().any(|other| one.public_key == other.public_key));
        if !own.is_empty() && !others.is_empty() && !is_shared {
            let message = format!(
                "--{flag} is another authority than that of the API server of {}",
                api.spot.host.name
            );
            manager.report(codes::SETTINGS_DISAGREE, message);
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
