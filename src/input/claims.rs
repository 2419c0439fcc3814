//! Which path of which host is claimed by whom: the catalogue, a component's environment, certificates and files of the
//! user's own. All collisions are found here.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::holds::Holds;
use crate::catalog::tables::artifacts::ARTIFACTS;
use crate::cluster::{Nodes, PlacedOn};
use crate::diagnostic::{Place, Reporter, codes};

use super::draft::{Draft, DraftHost};
use super::placed::{is_here, is_on, may_be, may_run, override_on, placed_on, placed_on_or_all};
use super::tree::At;

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

/// Reports every path that the user wants and another has.
pub fn check(draft: &Draft, nodes: Option<&Nodes>, say: &Reporter) {
    // A place on a role is told once, for the first host where it is taken.
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let claims = claims(draft);
    for host in &draft.hosts {
        let mut owners: Option<BTreeMap<String, Owner>> = None;
        for (index, claim) in claims.iter().enumerate().filter(|(_, claim)| is_here(&claim.on, host)) {
            let owners = owners.get_or_insert_with(|| {
                let mut owners = of_the_catalogue(draft, nodes, host);
                for (path, who) in environments(draft, nodes, host) {
                    let is_directory = false;
                    owners.insert(path, Owner { is_directory, who });
                }
                owners
            });
            if let Some(who) = who_has(owners, &claim.path.value) {
                if told.insert(index) {
                    report_taken(host, claim.path, &who, say);
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
        let on = file.on.as_ref().and_then(|on| placed_on_or_all(draft, &on.value));
        claims.extend(on.zip(file.at.as_ref()).map(|(on, path)| Claim {
            on,
            path,
            who: format!("[[files]] {}", file.origin()),
        }));
    }
    claims
}

fn report_taken(host: &DraftHost, path: &At<String>, who: &str, say: &Reporter) {
    let name = host.called("the host");
    let message = format!("{} is taken on {name}: {who}", path.value);
    let place: Option<Place> = path.place.clone();
    say.at(place, codes::PLACE_TAKEN, message);
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

/// The files on `host` with which units that come with a package get an environment, and whose they are.
fn environments(draft: &Draft, nodes: Option<&Nodes>, host: &DraftHost) -> Vec<(String, String)> {
    let given = draft.components.iter().filter(|own| {
        let here = override_on(draft, own).is_some_and(|on| is_here(&on, host));
        !own.environment.is_empty() && here && may_run(draft, nodes, own.component, host)
    });
    given
        .filter_map(|own| {
            let who = format!("[components.{}] env", own.component.name);
            Some((own.component.environment_file()?, who))
        })
        .collect()
}
