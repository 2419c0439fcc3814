//! Whether the certificates of the user's own have names and places that nothing else has.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::artifacts::{ARTIFACTS, Holds, On, When};
use crate::catalog::identities::{Layout, Per};
use crate::cluster::{Nodes, PlacedOn, PodNetwork, Role};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, codes};

use super::cluster_file::{Draft, DraftHost};
use super::tree::At;
use super::{components, files, suggest};

/// Everything that can be wrong with the names and places together.
pub fn check(draft: &Draft, nodes: Option<&Nodes>, diagnostics: &mut Diagnostics) {
    reserved_names(draft, diagnostics);
    inputs_of_workers(draft, diagnostics);
    for certificate in &draft.certificates {
        for placement in &certificate.places {
            if placement.empty {
                let message = "nothing is put there";
                diagnostics.report(Diagnostic::new(codes::EMPTY_PLACE, message).at(placement.place.clone()));
            }
            if let Some(on) = &placement.on {
                on_something(draft, on, codes::UNUSED_PLACE, diagnostics);
            }
        }
    }
    taken(draft, nodes, diagnostics);
}

/// The role or host that `on` names, if there is one.
pub fn placed_on(draft: &Draft, on: &str) -> Option<PlacedOn> {
    if let Some(role) = Role::ALL.into_iter().find(|role| role.name() == on) {
        return Some(PlacedOn::Role(role));
    }
    let names = || draft.hosts.iter().filter_map(|host| host.name.as_ref());
    names()
        .any(|name| name.value == on)
        .then(|| PlacedOn::Host(on.to_owned()))
}

/// Reports that `on` names nothing, or (as `unused`) a role that nobody has.
pub fn on_something(draft: &Draft, on: &At<String>, unused: &'static Code, diagnostics: &mut Diagnostics) {
    let hosts: Vec<&str> = draft
        .hosts
        .iter()
        .filter_map(|host| Some(host.name.as_ref()?.value.as_str()))
        .collect();
    let mut report = |code: &'static Code, message: String, hint: Option<String>| {
        let diagnostic = Diagnostic::new(code, message).at(on.place.clone());
        diagnostics.report(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    };
    match placed_on(draft, &on.value) {
        Some(PlacedOn::Role(role)) if hosts.contains(&on.value.as_str()) => {
            let message = format!("\"{}\" is a role and a host", role.name());
            report(
                codes::UNKNOWN_HOST,
                message,
                Some("give the host another name".to_owned()),
            );
        }
        Some(PlacedOn::Role(role)) if !draft.hosts_incomplete && !draft.hosts.iter().any(|host| host.is(role)) => {
            report(unused, format!("no host has the role {}", role.name()), None);
        }
        Some(_) => {}
        // The host that is meant may be one that could not be read.
        None if draft.hosts_incomplete || draft.hosts.iter().any(|host| host.name.is_none()) => {}
        None => {
            let roles: [&str; Role::ALL.len()] = Role::ALL.map(Role::name);
            let known = hosts.iter().copied().chain(roles);
            let hint = suggest::nearest(&on.value, known).map(|meant| format!("did you mean `{meant}`?"));
            let message = format!("\"{}\" is neither a role nor a host", on.value);
            report(codes::UNKNOWN_HOST, message, hint);
        }
    }
}

/// A certificate NAME has the files NAME.pem, NAME-key.pem and NAME.csr beside those of the cluster's and the workers': neither
/// name may be the other, or the other with `-key`.
fn reserved_names(draft: &Draft, diagnostics: &mut Diagnostics) {
    if draft.certificates.is_empty() {
        return;
    }
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let rows = draft.layout.map_or(&[][..], Layout::identities);
    for row in rows.iter() {
        owners.insert(row.name.to_owned(), "a certificate that the cluster needs".to_owned());
        let Per::Each(role) = row.per else { continue };
        for name in draft
            .hosts
            .iter()
            .filter(|host| host.is(role))
            .filter_map(|host| host.name.as_ref())
        {
            let whose = match row.files {
                "{host}" => "a worker".to_owned(),
                _ => format!("the {} certificate of {}", row.name, name.value),
            };
            owners.insert(row.files.replace("{host}", &name.value), whose);
        }
    }
    for certificate in &draft.certificates {
        let Some(name) = &certificate.name else { continue };
        let own_key = format!("{}-key", name.value);
        let whose_key = name.value.strip_suffix("-key");
        let problem = if let Some(owner) = owners.get(&name.value) {
            Some(format!("it is the name of {owner}"))
        } else if let Some(other) = whose_key.filter(|other| owners.contains_key(*other)) {
            Some(format!("{}.pem is the key of {other}", name.value))
        } else if owners.contains_key(&own_key) {
            Some(format!("{own_key}.pem is the certificate of {own_key}"))
        } else {
            None
        };
        if let Some(problem) = problem {
            let message = format!("\"{}\" can't be the certificate's name: {problem}", name.value);
            diagnostics.report(Diagnostic::new(codes::RESERVED_CERTIFICATE_NAME, message).at(name.place.clone()));
        }
        owners
            .entry(name.value.clone())
            .or_insert_with(|| "another certificate".to_owned());
    }
}

/// The CSR file of the worker NAME is called NAME-csr.json beside the others.
fn inputs_of_workers(draft: &Draft, diagnostics: &mut Diagnostics) {
    let workers: BTreeSet<&str> = draft
        .hosts
        .iter()
        .filter(|host| host.is(Role::Worker))
        .filter_map(|host| Some(host.name.as_ref()?.value.as_str()))
        .collect();
    for csr in draft
        .certificates
        .iter()
        .filter_map(|certificate| certificate.csr.as_ref())
    {
        if let Some(worker) = csr
            .value
            .strip_suffix("-csr.json")
            .filter(|name| workers.contains(name))
        {
            let message = format!("{} is the CSR file of the worker {worker}", csr.value);
            let diagnostic = Diagnostic::new(codes::RESERVED_CERTIFICATE_NAME, message).at(csr.place.clone());
            diagnostics.report(diagnostic.hint("give the CSR file another name"));
        }
    }
}

/// What lies at a path of a host, as far as it matters to others.
struct Owner {
    /// A directory may have others in it.
    is_directory: bool,
    who: String,
}

/// A path that the user wants on some hosts.
struct Claim<'a> {
    on: PlacedOn,
    path: &'a At<String>,
    who: String,
}

/// What the certificates and the files of the user's own claim, in their order.
fn claims(draft: &Draft) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for certificate in &draft.certificates {
        let name = certificate.name.as_ref();
        let who = format!(
            "[[certificates]] {}",
            name.map_or("another certificate", |name| &name.value)
        );
        for place in &certificate.places {
            let on = place.on.as_ref().and_then(|on| placed_on(draft, &on.value));
            let paths = [&place.certificate, &place.key, &place.request].into_iter().flatten();
            claims.extend(on.into_iter().flat_map(|on| {
                let who = &who;
                paths.clone().map(move |path| Claim {
                    on: on.clone(),
                    path,
                    who: who.clone(),
                })
            }));
        }
    }
    for file in &draft.files {
        let on = file.on.as_ref().and_then(|on| files::placed_on(draft, &on.value));
        claims.extend(on.zip(file.at.as_ref()).map(|(on, path)| Claim {
            on,
            path,
            who: format!("[[files]] {}", file.origin()),
        }));
    }
    claims
}

fn taken(draft: &Draft, nodes: Option<&Nodes>, diagnostics: &mut Diagnostics) {
    // A place on a role is told once, for the first host where it is taken.
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let claims = claims(draft);
    for host in &draft.hosts {
        let is_here = |on: &PlacedOn| match on {
            PlacedOn::All => true,
            PlacedOn::Role(role) => host.is(*role),
            PlacedOn::Host(name) => host.name.as_ref().is_some_and(|own| own.value == *name),
        };
        let mut owners: Option<BTreeMap<String, Owner>> = None;
        for (index, claim) in claims.iter().enumerate().filter(|(_, claim)| is_here(&claim.on)) {
            let owners = owners.get_or_insert_with(|| {
                let mut owners = of_the_catalogue(draft, nodes, host);
                for (path, who) in components::environments(draft, nodes, host) {
                    let is_directory = false;
                    owners.insert(path, Owner { is_directory, who });
                }
                owners
            });
            if let Some(who) = who_has(owners, &claim.path.value) {
                if told.insert(index) {
                    report_taken(host, claim.path, &who, diagnostics);
                }
                continue;
            }
            let owner = Owner {
                is_directory: false,
                who: claim.who.clone(),
            };
            owners.insert(claim.path.value.clone(), owner);
        }
    }
}

fn report_taken(host: &DraftHost, path: &At<String>, who: &str, diagnostics: &mut Diagnostics) {
    let name = host.name.as_ref().map_or("the host", |name| &name.value);
    let message = format!("{} is taken on {name}: {who}", path.value);
    let place: Option<Place> = path.place.clone();
    diagnostics.report(Diagnostic::new(codes::PLACE_TAKEN, message).at(place));
}

/// Who has `path`, or something above it that is no folder, or something below it.
fn who_has(owners: &BTreeMap<String, Owner>, path: &str) -> Option<String> {
    if let Some(owner) = owners.get(path) {
        return Some(owner.who.clone());
    }
    for (end, _) in path.match_indices('/') {
        if let Some(owner) = owners.get(&path[..end]).filter(|owner| !owner.is_directory) {
            return Some(format!("{} has {}", owner.who, &path[..end]));
        }
    }
    let folder = format!("{path}/");
    let below = owners.range(folder.clone()..).next();
    below
        .filter(|(other, _)| other.starts_with(&folder))
        .map(|(other, owner)| format!("{} has {other}", owner.who))
}

/// Whether rows for such clusters count in this one, as far as it is known.
pub fn may_be(draft: &Draft, nodes: Option<&Nodes>, when: When) -> bool {
    let balancing = || draft.load_balancing.as_ref();
    match when {
        When::Always => true,
        When::Layout(layout) => draft.layout.is_none_or(|own| own == layout),
        When::Runtime(runtime) => nodes.is_none_or(|nodes| nodes.runtime == runtime),
        When::Bridges => nodes.is_none_or(|nodes| nodes.pod_network == PodNetwork::Bridge),
        When::GVisor => nodes.is_none_or(|nodes| nodes.gvisor),
        When::Engine(engine) => balancing().is_none_or(|own| own.engine.is_none_or(|own| own == engine)),
        When::VirtualAddress => balancing().is_none_or(|own| own.virtual_ip.as_ref().is_none_or(Option::is_some)),
    }
}

/// Whether `host` is one of those that `on` means.
pub fn is_on(draft: &Draft, on: On, host: &DraftHost) -> bool {
    let (Some(roles), Some(name)) = (&host.roles, &host.name) else {
        return false;
    };
    let is_first = |role| {
        let first = draft.hosts.iter().find(|host| host.is(role));
        let first = first.and_then(|first| first.name.as_ref());
        first.is_some_and(|first| first.value == name.value)
    };
    on.is(roles, is_first)
}

/// What the catalogue puts on a host. A folder with one of each certificate is its own alone.
fn of_the_catalogue(draft: &Draft, nodes: Option<&Nodes>, host: &DraftHost) -> BTreeMap<String, Owner> {
    let Some(name) = &host.name else {
        return BTreeMap::new();
    };
    let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
    let rows = ARTIFACTS.iter().filter(|row| may_be(draft, nodes, row.when));
    for row in rows.filter(|row| is_on(draft, row.on, host)) {
        let path = row.at.replace("{host}", &name.value);
        let (path, is_directory) = match path.split_once("/{name}") {
            Some((folder, _)) => (folder.to_owned(), false),
            None => (
                path.trim_end_matches('/').to_owned(),
                matches!(row.holds, Holds::Directory),
            ),
        };
        let owner = owners.entry(path).or_insert_with(|| Owner {
            is_directory,
            who: row.what.to_owned(),
        });
        // The folder of everything is a row of its own, and closed to others for what is in it.
        owner.is_directory &= is_directory;
    }
    owners
}
