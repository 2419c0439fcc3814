//! A kube-apiserver: what it shows and trusts, whom it lets in, and whether etcd and kubelets let it in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::audit::document::Tree;
use crate::audit::encryption::ENCRYPTION;
use crate::audit::names::{Url, canonical, first_of};
use crate::audit::reached::{Api, answers};
use crate::audit::spot::{Running, documents, documents_of, running};
use crate::catalog::releases::{self, Program, Release, Version};
use crate::catalog::tables::releases::GATE_OF_ML_DSA_TOKENS;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::Certificate;
use crate::pki::key::{Algorithm, PublicKey};
use crate::rules::values::takes_tokens_of_ml_dsa;

pub(crate) fn check(api: &Api<'_>) {
    let api = api.running;
    check_own_certificate(api);
    check_addresses(api);
    check_etcd_servers(api);
    check_tokens(api);
    check_front_proxy(api);
    check_doors(api);
    check_binding(api);
}

/// Whoever calls it asks for the name of the service or an address.
fn check_own_certificate(api: Running<'_>) {
    let serving = api.file("tls-cert-file");
    let certificates = api.certificates("tls-cert-file");
    let Some(leaf) = certificates.first() else { return };
    let spot = api.spot.at(serving);
    let of_domain = format!("kubernetes.default.svc.{}", domain(api));
    let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", &of_domain];
    for name in names.iter().filter(|name| !leaf.covers(name)) {
        let message = format!("it does not hold {name}, by which pods call the API server");
        spot.report(codes::SERVICE_NAME_MISSING, message);
    }
    // Pods are told the address of the first family alone, in a dual-stack cluster too: the API server makes its
    // service single-stack (pkg/controlplane/controller/kubernetesservice, createOrUpdateMasterServiceIfNeeded).
    let ranges = api.line.list("service-cluster-ip-range");
    let first = ranges.first().and_then(|range| first_of(range));
    if let Some(first) = first.filter(|first| !leaf.ips.contains(first)) {
        let message = format!("it does not hold {first}, the first address of the services");
        spot.report(codes::SERVICE_ADDRESS_MISSING, message);
    }
}

/// The domain of the cluster: as kubelets have it, else as the issuer of tokens says.
fn domain(api: Running<'_>) -> &str {
    let configs = documents_of(api.spot.view, "KubeletConfiguration");
    let mut domains = configs.filter_map(|(_, document)| document.text_at(&["clusterDomain"]));
    let issuer = api.file("service-account-issuer");
    let issued = issuer.strip_prefix("https://kubernetes.default.svc.");
    let issued = issued.map(|rest| rest.trim_end_matches('/'));
    domains.next().or(issued).unwrap_or("cluster.local")
}

fn check_addresses(api: Running<'_>) {
    for range in api.line.list("service-cluster-ip-range") {
        if range.parse::<IpNet>().map_or(true, |net| net.trunc() != net) {
            let message = format!("--service-cluster-ip-range has {range:?}, which is no range");
            api.report(codes::BAD_ADDRESS, message);
        }
    }
    if let Some(address) = api.line.flag("advertise-address") {
        let serving = api.file("tls-cert-file");
        match address.parse::<IpAddr>() {
            Ok(_) => api
                .spot
                .check_covers(serving, &canonical(address), "which it advertises"),
            Err(_) => api.report(
                codes::BAD_ADDRESS,
                format!("--advertise-address {address:?} is no address"),
            ),
        }
    }
}

fn check_etcd_servers(api: Running<'_>) {
    let servers = api.line.list("etcd-servers");
    api.spot
        .check_twice("--etcd-servers", servers.iter().map(|server| (*server).to_owned()));
    let members: Vec<Running<'_>> = running(api.spot.view, "etcd").collect();
    check_members_asked(api, &members);
    for text in servers {
        let Some(url) = Url::parse(text) else {
            api.report(
                codes::BAD_ADDRESS,
                format!("--etcd-servers has {text:?}, which is no URL"),
            );
            continue;
        };
        if url.scheme != "https" {
            let message = format!("--etcd-servers has {text}, which is not encrypted");
            api.report(codes::OPEN_DOOR, message);
        }
        let is_answered = members.iter().any(|etcd| answers(*etcd, &url, api));
        if !members.is_empty() && !is_answered && api.spot.view.whole {
            api.report(codes::NOBODY_ANSWERS, format!("no etcd listens at {text}"));
        }
    }
}

/// Of a member that no API server asks nobody has anything when the others fail. An API server that asks the member of its
/// own host alone is as kubeadm has it.
fn check_members_asked(api: Running<'_>, members: &[Running<'_>]) {
    // Some resources may have members of their own: `/events#https://a:2379;https://b:2379`.
    let overrides = api.line.list("etcd-servers-overrides").into_iter();
    let overrides = overrides
        .filter_map(|one| one.split_once('#'))
        .flat_map(|(_, urls)| urls.split(';'));
    let called: Vec<Url> = api
        .urls("etcd-servers")
        .into_iter()
        .chain(overrides.filter_map(Url::parse))
        .collect();
    let is_asked = |etcd: &Running<'_>| called.iter().any(|url| answers(*etcd, url, api));
    let (asked, not_asked): (Vec<&Running<'_>>, Vec<_>) = members.iter().partition(|etcd| is_asked(etcd));
    let is_of_its_own = matches!(asked.as_slice(), [only] if only.spot.host.name == api.spot.host.name);
    if asked.is_empty() || is_of_its_own {
        return;
    }
    for etcd in not_asked
        .iter()
        .filter(|etcd| !etcd.spot.host.host.about.comes_or_goes())
    {
        let message = format!("--etcd-servers leaves out the member of {}", etcd.spot.host.name);
        api.report(codes::MEMBER_NOT_ASKED, message);
    }
}

/// What is in etcd is encrypted there: by every API server, or it depends on which of them is asked.
pub(crate) fn check_encryption(apis: &[Api<'_>]) {
    let encrypts = |api: &&Api<'_>| ENCRYPTION.iter().any(|flag| api.running.line.flag(flag).is_some());
    let (encrypting, not): (Vec<&Api<'_>>, Vec<&Api<'_>>) = apis.iter().partition(encrypts);
    for api in not {
        match encrypting.first() {
            Some(other) => {
                let message = format!(
                    "it does not encrypt, and the API server of {} does",
                    other.running.spot.host.name
                );
                api.running.report(codes::ENCRYPTION_DISAGREES, message);
            }
            None => api
                .running
                .report(codes::SECRETS_UNENCRYPTED, "--encryption-provider-config is not set"),
        }
    }
}

/// The keys of tokens are for nothing else, and signed with here.
fn check_tokens(api: Running<'_>) {
    let accepted = api.public_keys("service-account-key-file");
    let mut named = api.line.values("service-account-key-file");
    if accepted.is_empty() && named.any(|path| api.spot.host.resolve(path).is_some()) {
        api.report(codes::BAD_PEM, "there is no key in --service-account-key-file");
    }
    let signing = api.file("service-account-signing-key-file");
    if api.spot.host.resolve(signing).is_some() && api.spot.host.private_key(signing).is_none() {
        api.report(codes::BAD_PEM, format!("there is no private key in {signing}"));
    }
    // Of machines' own trees the release may not be known: then what only the newest takes is told.
    let release = Version::parse(&api.spot.host.host.about.kubernetes);
    let release = release
        .and_then(|version| releases::release(Program::Kubernetes, version))
        .map(Release::of);
    let why_not = |algorithm: Algorithm| match (algorithm, &release) {
        (Algorithm::Rsa(_) | Algorithm::Ecdsa(_), _) => None,
        (Algorithm::MlDsa(_), None) => Some(
            "nothing says that this release is 1.38 or later, before which tokens are signed with RSA or ECDSA"
                .to_owned(),
        ),
        (Algorithm::MlDsa(_), Some(release)) if release.ml_dsa_tokens => {
            let (gates, compatible) = (
                api.line.values("feature-gates"),
                api.line.values("min-compatibility-version"),
            );
            let is_off = !takes_tokens_of_ml_dsa(release.kubernetes, gates, compatible);
            is_off.then(|| format!("the feature gate {GATE_OF_ML_DSA_TOKENS} is off, as it is by itself"))
        }
        (Algorithm::MlDsa(_) | Algorithm::Ed25519, _) => {
            Some("tokens of this release are signed with RSA or ECDSA".to_owned())
        }
    };
    let keys = accepted.iter().copied().chain(api.spot.host.private_key(signing));
    let mut kinds = keys.filter_map(|key| Some(PublicKey::from_spki_der(key).ok()?.algorithm));
    if let Some((other, why)) = kinds.find_map(|algorithm| Some((algorithm, why_not(algorithm)?))) {
        api.report(
            codes::TOKEN_KEY,
            format!("a key of service accounts is of {other}, and {why}"),
        );
    }
    let managers = running(api.spot.view, "kube-controller-manager");
    let managers = managers.filter_map(|one| one.spot.host.private_key(one.file("service-account-private-key-file")));
    let signers: BTreeSet<&[u8]> = managers.chain(api.spot.host.private_key(signing)).collect();
    let extra = accepted.iter().filter(|key| !signers.contains(*key)).count();
    if extra > 0 && extra < accepted.len() && api.spot.view.whole {
        let message = format!("it accepts tokens of {extra} more keys, with which nothing here signs");
        api.report(codes::EXTRA_TRUST, message);
    }
    for flag in [
        "tls-cert-file",
        "client-ca-file",
        "etcd-certfile",
        "etcd-cafile",
        "kubelet-client-certificate",
    ] {
        let others = api.spot.host.public_keys(api.file(flag));
        if others.iter().any(|key| accepted.contains(key)) {
            let message = format!("the key of service accounts is that of --{flag} too");
            api.report(codes::SHARED_KEY, message);
        }
    }
}

fn check_front_proxy(api: Running<'_>) {
    if api.file("requestheader-client-ca-file").is_empty() {
        return;
    }
    let clients = api.certificates("client-ca-file");
    let authorities = api.certificates("requestheader-client-ca-file");
    let is_of_clients = |one: &&Certificate| clients.iter().any(|other| one.public_key == other.public_key);
    if authorities.iter().any(is_of_clients) {
        let message = "the authority of front proxies is that of clients: any client could claim to be anybody";
        api.report(codes::FRONT_PROXY, message);
    }
    let allowed = api.line.list("requestheader-allowed-names");
    let own = api.certificates("proxy-client-cert-file");
    let name = own.first().map_or("", |own| own.user());
    if allowed.is_empty() {
        let message =
            "--requestheader-allowed-names is not set: any certificate of the authority may be a front proxy's";
        api.report(codes::FRONT_PROXY, message);
    } else if !own.is_empty() && !allowed.contains(&name) {
        api.report(
            codes::FRONT_PROXY,
            format!("{name:?}, its own front proxy's name, is not allowed"),
        );
    }
}

/// The authorizers that `--authorization-config` names; none without it.
fn authorizers(api: Running<'_>) -> Option<Vec<&str>> {
    let path = api.line.flag("authorization-config")?;
    let document = api.spot.host.documents(path).first();
    let named = document.map_or(&[][..], |document| document.items_at(&["authorizers"]));
    let types: Vec<&str> = named.iter().filter_map(|one| one.text_at(&["type"])).collect();
    // Without the file nothing is known of it: that it is missing is said elsewhere.
    Some(if document.is_some() {
        types
    } else {
        vec!["Node", "RBAC"]
    })
}

/// Who gets in, and what has no effect on it.
#[rustfmt::skip]
fn check_doors(api: Running<'_>) {
    let line = api.line;
    let is_set = |flag: &str| line.flags.contains_key(flag);
    let by_file = authorizers(api);
    let modes = by_file.unwrap_or_else(|| line.list("authorization-mode"));
    let everybody = modes.is_empty() || modes.contains(&"AlwaysAllow");
    let insecure = line.flag("insecure-port");
    let restricts_nodes = line.list("enable-admission-plugins").contains(&"NodeRestriction");
    let by_lease = line.flag("endpoint-reconciler-type").unwrap_or("lease") == "lease";
    let rows = [
        (everybody, codes::OPEN_DOOR, "its authorization lets everybody do everything"),
        (!everybody && !modes.contains(&"RBAC"), codes::MISSING_SETTING,
            "its authorization has no RBAC, so that no binding counts"),
        (!everybody && !modes.contains(&"Node"), codes::WEAK_DOOR,
            "its authorization has no Node: a kubelet may do nothing, or with a binding the same as every other"),
        (!matches!(insecure, None | Some("0")), codes::OPEN_DOOR, "--insecure-port lets in everybody who reaches it"),
        // It is on by default before Kubernetes 1.20; a release that knows --kubelet-https is not much later.
        (insecure.is_none() && is_set("kubelet-https"), codes::OPEN_DOOR,
            "--insecure-port is not 0: in a release so old everybody on this host is an administrator"),
        (modes.contains(&"Node") && !restricts_nodes, codes::MISSING_SETTING,
            "--enable-admission-plugins lacks NodeRestriction, so that a kubelet may change other nodes"),
        (is_set("audit-log-path") && line.flag("audit-policy-file").is_none(), codes::NO_EFFECT,
            "--audit-log-path without --audit-policy-file: nothing is recorded"),
        (by_lease && is_set("apiserver-count"), codes::NO_EFFECT,
            "--apiserver-count: API servers count each other by their leases"),
        (line.switch("anonymous-auth") == Some(true), codes::OPEN_DOOR, "--anonymous-auth is on"),
    ];
    for (_, code, message) in rows.into_iter().filter(|(holds, ..)| *holds) {
        api.report(code, message);
    }
}

/// The binding by which the API server may call kubelets names the user of its certificate.
fn check_binding(api: Running<'_>) {
    let certificates = api.certificates("kubelet-client-certificate");
    let Some(leaf) = certificates.first().filter(|leaf| !leaf.is_in("system:masters")) else {
        return;
    };
    let is_bound = |subject: &Tree| {
        let name = subject.text_at(&["name"]);
        match subject.kind() {
            "User" => name == leaf.common_name.as_deref(),
            "Group" => name.is_some_and(|name| leaf.is_in(name)),
            _ => false,
        }
    };
    let mut any = false;
    for (spot, document) in documents(api.spot.view) {
        let role = document.text_at(&["roleRef", "name"]).unwrap_or_default();
        if !(role.contains("to-kubelet") || role.contains("kubelet-api")) {
            continue;
        }
        any = true;
        if !document.items_at(&["subjects"]).iter().any(is_bound) {
            let (name, user) = (api.spot.host.name, leaf.user());
            let message = format!("the API server of {name} calls kubelets as {user:?}, which it does not bind");
            spot.report(codes::RBAC_SUBJECT, message);
        }
    }
    if !any && api.spot.view.whole {
        let message = "nothing here binds the user as which it calls kubelets";
        api.report(codes::RBAC_SUBJECT, message);
    }
}
