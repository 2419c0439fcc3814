//! Keys of ML-DSA: whether all that are to read them know the algorithm, which is newer than most programs.
use std::collections::BTreeMap;

use crate::catalog::component::Component;
use crate::catalog::engines::Engine;
use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, KeyPurpose, Names, SignedBy};
use crate::catalog::layouts::Layout;
use crate::catalog::releases::{Program, Release, Version};
use crate::catalog::tables::components::COMPONENTS;
use crate::catalog::tables::releases::{FIRST_GO_WITH_ML_DSA, GATE_OF_ML_DSA_TOKENS};
use crate::cluster::{Cluster, Role};
use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::key::Algorithm;
use crate::plan::units_on;
use crate::rules::values::takes_tokens_of_ml_dsa;

use super::brought;
use super::brought_keys;
use super::csr_folder::Folder;
use super::draft::Draft;
use super::generations;
use super::together::program;
use super::tree::{At, Fields, Written};

/// Reads `go` of `[cluster]`: the release of Go with which the user compiles Kubernetes and etcd.
pub fn compiled_with(cluster: &Fields<'_>) -> Written<At<Version>> {
    cluster.optional("go", |text, say| {
        let version = Version::parse(text.value.strip_prefix("go").unwrap_or(&text.value));
        if version.is_none() {
            let message = format!("\"{}\" is no release of Go", text.value);
            let hint = format!(
                "write two numbers or three, such as \"{FIRST_GO_WITH_ML_DSA}\"; `go version` says which it is"
            );
            say.at(&text, codes::UNKNOWN_RELEASE, message).hint(hint);
        }
        version.map(|value| At {
            value,
            place: text.place,
        })
    })
}

/// An identity of the cluster's whose key is of ML-DSA, and where that is said.
struct OfMlDsa<'a> {
    row: &'static Identity,
    place: Option<&'a Place>,
}

/// What can't read such keys, and what has to be looked after where they are used.
pub fn check(draft: &Draft, folder: &Folder, say: &Reporter) {
    let keys: Vec<OfMlDsa<'_>> = of_ml_dsa(draft, folder).collect();
    if keys.is_empty() {
        return;
    }
    programs(draft, folder.layout, &keys, say);
    let api_server = keys
        .iter()
        .find(|key| matches!(key.row.names, Names::ApiServer | Names::ApiServerAndEtcd));
    if let Some(key) = api_server {
        health_checks(draft, key, say);
    }
    let authority = keys.iter().find(|key| key.row.name == CLUSTER_AUTHORITY);
    if let Some(key) = api_server.or(authority) {
        pods(draft, key, say);
    }
}

/// Whether those who sign tokens, and who check them, take such a key: their feature gate is off by itself.
pub fn tokens(draft: &Draft, folder: &Folder, cluster: &Cluster, say: &Reporter) {
    const SIGNERS: [&str; 2] = ["kube-apiserver", "kube-controller-manager"];
    let Some(key) = of_ml_dsa(draft, folder).find(|key| key.row.purpose == KeyPurpose::Tokens) else {
        return;
    };
    let is_off = |component: &'static Component| {
        let mut hosts = cluster
            .hosts
            .iter()
            .filter(|host| units_on(cluster, host).any(|runs| runs == component));
        hosts.find(|host| {
            let flags = program(cluster, component, host).flags;
            let values = |flag: &str| {
                let given = flags.iter().filter(|(name, _)| name.as_str() == flag);
                given
                    .flat_map(|(_, values)| values)
                    .map(String::as_str)
                    .collect::<Vec<_>>()
            };
            let (gates, compatible) = (values("feature-gates"), values("min-compatibility-version"));
            !takes_tokens_of_ml_dsa(cluster.release.kubernetes, gates.into_iter(), compatible.into_iter())
        })
    };
    for component in COMPONENTS.iter().filter(|component| SIGNERS.contains(&component.name)) {
        if let Some(host) = is_off(component) {
            let message = format!(
                "{} is an ML-DSA key, and {} of {} has the feature gate {GATE_OF_ML_DSA_TOKENS} off, as it is by itself",
                key.row.name, component.name, host.name
            );
            let hint = format!(
                "write feature-gates = \"{GATE_OF_ML_DSA_TOKENS}=true\" below [components.{}.flags]; or take an RSA or ECDSA key",
                component.name
            );
            say.at(key.place, codes::ML_DSA_TOKENS, message).hint(hint);
        }
    }
}

/// Keys that sign tokens aren't among them where those can't be of ML-DSA at all, which is told where they stand.
fn of_ml_dsa<'a>(draft: &'a Draft, folder: &'a Folder) -> impl Iterator<Item = OfMlDsa<'a>> {
    let rows = folder.layout.identities().iter();
    let signs_tokens = draft.known_release().is_some_and(|release| release.ml_dsa_tokens);
    let may_be = move |row: &&'static Identity| signs_tokens || row.purpose != KeyPurpose::Tokens;
    rows.filter(may_be).filter_map(|row| {
        let generation = generations::of_shared_key(draft, row.name).used;
        match of_brought(draft, folder, row) {
            OfBrought::MlDsa(place) => return Some(OfMlDsa { row, place }),
            OfBrought::NoOther => return None,
            OfBrought::Others => {}
        }
        let (algorithm, place) = match folder.brought.get(&(row.name.to_owned(), generation)) {
            Some(existing) => (
                existing.ca.as_ref()?.certificate.public.algorithm,
                existing.place.as_ref(),
            ),
            None => {
                let file = folder.request(row.csr)?;
                let known = !file.broken.contains("key");
                (known.then_some(file.request.key)?, Some(&file.key))
            }
        };
        matches!(algorithm, Algorithm::MlDsa(_)).then_some(OfMlDsa { row, place })
    })
}

/// What keys that are brought for an identity, and used, leave to be said.
enum OfBrought<'a> {
    /// One of them is of ML-DSA, and this is where it is named.
    MlDsa(Option<&'a Place>),
    /// They are all that there is, and none is.
    NoOther,
    /// The CSR file says what the others are.
    Others,
}

fn of_brought<'a>(draft: &'a Draft, folder: &Folder, row: &Identity) -> OfBrought<'a> {
    let Some(keys) = &folder.brought_keys else {
        return OfBrought::Others;
    };
    let used: Vec<_> = brought_keys::used(draft, keys, row.name).collect();
    let of_ml_dsa = used
        .iter()
        .find(|(_, key)| matches!(key.public.algorithm, Algorithm::MlDsa(_)));
    match of_ml_dsa {
        Some((generation, _)) => {
            let section = brought::of(draft, row.name, *generation).map(|(_, section)| section);
            let path = section.and_then(|section| section.certificate.as_ref());
            OfBrought::MlDsa(path.and_then(|path| path.place.as_ref()))
        }
        None if !used.is_empty() && used.len() >= brought_keys::count(draft, row.name) => OfBrought::NoOther,
        None => OfBrought::Others,
    }
}

/// Kubernetes and etcd have to be compiled with a Go that knows them: as they are published, or as the user says.
fn programs(draft: &Draft, layout: Layout, keys: &[OfMlDsa<'_>], say: &Reporter) {
    let (Some(drafted), Some(own)) = (&draft.release, draft.cluster.go.sound()) else {
        return;
    };
    let release = &drafted.release;
    let is_too_old = |go: Version| go < FIRST_GO_WITH_ML_DSA;
    if let Some(own) = own.filter(|own| !is_too_old(own.value)) {
        let published = published_too_early(release, keys.iter().flat_map(|key| readers(layout, key.row)));
        if !published.is_empty() {
            let keys = match keys.len() {
                1 => "one key of this cluster is of it".to_owned(),
                more => format!("{more} keys of this cluster are of it"),
            };
            let message = format!(
                "{}: {keys}, so hosts need programs that were compiled with Go {FIRST_GO_WITH_ML_DSA} or later",
                as_published(&published)
            );
            say.at(own, codes::ML_DSA_COMPILED, message);
        }
        return;
    }
    for key in keys {
        let message = match own {
            Some(own) => format!(
                "{} is an ML-DSA key, which programs compiled with Go {} don't know",
                key.row.name, own.value
            ),
            None => match published_too_early(release, readers(layout, key.row)) {
                early if early.is_empty() => continue,
                early => format!("{} is an ML-DSA key, and {}", key.row.name, as_published(&early)),
            },
        };
        say.at(key.place, codes::ML_DSA_PROGRAMS, message);
    }
}

/// Who reads a certificate of an identity, or the certificate of what it signs.
fn readers(layout: Layout, row: &Identity) -> Vec<Program> {
    let is_of_etcd = |row: &Identity| matches!(row.names, Names::Etcd | Names::ApiServerAndEtcd);
    let signs_for_etcd = |name: &'static str| {
        let mut rows = layout.identities().iter();
        rows.any(|row| is_of_etcd(row) && row.signed_by == SignedBy::Authority(name))
    };
    let by_authority_of_etcd = match row.signed_by {
        SignedBy::Itself => signs_for_etcd(row.name),
        SignedBy::Authority(name) => name != CLUSTER_AUTHORITY && signs_for_etcd(name),
        SignedBy::Nobody => false,
    };
    let etcd = (is_of_etcd(row) || by_authority_of_etcd).then_some(Program::Etcd);
    std::iter::once(Program::Kubernetes).chain(etcd).collect()
}

/// Those of `programs` that are published with a Go that knows no ML-DSA, each once, with that Go.
fn published_too_early(
    release: &Release,
    programs: impl IntoIterator<Item = Program>,
) -> BTreeMap<&'static str, (Version, Version)> {
    let mut early = BTreeMap::new();
    for program in programs {
        let version = match program {
            Program::Kubernetes => release.kubernetes,
            Program::Etcd => release.etcd,
            Program::Containerd => release.containerd,
        };
        let go = release.compiled_with(program).filter(|go| *go < FIRST_GO_WITH_ML_DSA);
        early.extend(go.map(|go| (program.name(), (version, go))));
    }
    early
}

fn as_published(programs: &BTreeMap<&'static str, (Version, Version)>) -> String {
    let each = programs.iter().enumerate().map(|(at, (name, (version, go)))| {
        let is = if at == 0 { " is published" } else { "" };
        format!("{name} {version}{is} with Go {go}")
    });
    let each: Vec<String> = each.collect();
    let know = if each.len() == 1 { "knows" } else { "know" };
    format!("{}, which {know} no ML-DSA", each.join(" and "))
}

/// haproxy asks API servers by TLS whether they are there.
fn health_checks(draft: &Draft, key: &OfMlDsa<'_>, say: &Reporter) {
    let engine = draft.load_balancing.as_ref().and_then(|section| section.engine);
    if engine == Some(Engine::Haproxy) && draft.with(Role::LoadBalancer).next().is_some() {
        let message = "haproxy asks the API servers by TLS whether they are there, and shakes no hands with an ML-DSA key before OpenSSL 3.5";
        say.at(key.place, codes::ML_DSA_CHECKS, message);
    }
}

/// The cluster's DNS is the first pod that calls the API.
fn pods(draft: &Draft, key: &OfMlDsa<'_>, say: &Reporter) {
    let Some(drafted) = &draft.release else { return };
    if draft.with(Role::Worker).next().is_some() {
        let dns = drafted.release.coredns_image;
        let message = format!(
            "{} is an ML-DSA key: pods that call the API have to know it too, {dns} first of all",
            key.row.name
        );
        say.at(key.place, codes::ML_DSA_PODS, message);
    }
}
