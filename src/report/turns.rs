//! What a rotation of each thing that is rotated changes, phase by phase: the sentences of the catalogue, and the files that are here.
//!
//! Which files a phase changes is told by what lies in them, and holds for an output as for a cluster.toml; tests/report.rs holds it
//! against what `rotate` makes.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::Groups;
use crate::audit::{Belief, HostSecrets, InventoryRow, Power, Survey};
use crate::catalog::rotation::{ROTATED, RotationPhase};
use crate::catalog::tables::rotations::PHASES;
use crate::cluster::{Cluster, ENCRYPTION};
use crate::found::Found;
use crate::rotation::rotated;

/// A rotation that could be, or is on its way.
#[derive(Clone, Debug)]
pub struct Turn {
    /// As `[rotate]` calls it.
    pub of: &'static str,
    /// What it is now, in words, as a cluster.toml says; none of an output.
    pub now: Option<String>,
    pub phases: Vec<TurnPhase>,
}

#[derive(Clone, Debug)]
pub struct TurnPhase {
    pub phase: RotationPhase,
    pub means: &'static str,
    pub waits: Vec<&'static str>,
    pub no_way_back: &'static str,
    /// By group, the patterns of the paths that change.
    pub files: BTreeMap<usize, BTreeSet<String>>,
    /// How many hosts and files change.
    pub hosts: usize,
    pub count: usize,
}

/// Host and path.
type Places = BTreeSet<(String, String)>;

/// For each of the three phases, what changes.
struct Touched {
    announce: Places,
    switch: Places,
    retire: Places,
}

/// What is asked about what was found.
pub(super) struct Sources<'a> {
    pub found: &'a Found,
    pub survey: &'a Survey,
    pub groups: &'a Groups,
    pub cluster: Option<&'a Cluster>,
}

/// Of each thing that is rotated here.
pub(super) fn turns(sources: &Sources<'_>) -> Vec<Turn> {
    let of_cluster = sources.cluster.map(rotated);
    let is_here = |of: &&'static str| match &of_cluster {
        Some(all) => all.contains(of),
        None => is_separate(of, sources.survey),
    };
    let of_one = |of: &'static str| {
        let touched = match of {
            "service-account" => of_tokens(sources),
            ENCRYPTION => of_encryption(sources.survey),
            of => of_authority(used_for(of), sources),
        };
        let phases = RotationPhase::ALL.into_iter().filter_map(|phase| {
            let row = PHASES.iter().find(|row| row.of == of && row.phase == phase)?;
            let places = match phase {
                RotationPhase::Announce => &touched.announce,
                RotationPhase::Switch => &touched.switch,
                RotationPhase::Retire => &touched.retire,
            };
            Some(TurnPhase {
                phase,
                means: row.means,
                waits: row.wait.iter().map(|wait| wait.what).collect(),
                no_way_back: row.no_way_back,
                files: by_group(places, sources.groups),
                hosts: places.iter().map(|(host, _)| host).collect::<BTreeSet<_>>().len(),
                count: places.len(),
            })
        });
        Turn {
            of,
            now: sources.cluster.map(|cluster| now(cluster, of)),
            phases: phases.collect(),
        }
    };
    ROTATED.into_iter().filter(is_here).map(of_one).collect()
}

/// What an authority that is rotated is trusted for, as the inventory says.
fn used_for(of: &str) -> &'static str {
    match of {
        "etcd-ca" => "etcd",
        "front-proxy-ca" => "front proxy",
        _ => "cluster",
    }
}

/// Whether an output has this for itself, told by what is in it.
fn is_separate(of: &str, survey: &Survey) -> bool {
    let has = |one: &InventoryRow, of: &str| one.certificate.authority && one.uses.iter().any(|word| word == of);
    let mut rows = survey.certificates.iter();
    let used_for = used_for(of);
    match of {
        "service-account" => survey.beliefs.iter().any(is_of_tokens),
        ENCRYPTION => !of_encryption(survey).switch.is_empty(),
        "ca" => rows.any(|row| has(row, used_for)),
        _ => rows.any(|row| has(row, used_for) && !has(row, "cluster")),
    }
}

/// Where things stand, as cluster.toml has it.
fn now(cluster: &Cluster, of: &str) -> String {
    let generations = cluster.generations_of(of);
    let used = generations.used.number();
    let accepted: Vec<u32> = generations.accepted.iter().map(|one| one.number()).collect();
    match accepted.as_slice() {
        [] => format!("Generation {used} is used; none is on its way."),
        [next] if *next > used => format!("On its way from generation {used} to {next}, in the phase announce."),
        [before] => format!("On its way from generation {before} to {used}, in the phase switch."),
        several => format!("Generation {used} is used, and accepted beside it: {several:?}."),
    }
}

/// Its certificate is what is trusted, and what it signed is shown. Who signs with its key has both anew with the successor, and so has
/// who keeps a copy of them and runs nothing.
fn of_authority(used_for: &str, sources: &Sources<'_>) -> Touched {
    let survey = sources.survey;
    let is_it = |row: &&InventoryRow| row.certificate.authority && row.uses.iter().any(|word| word == used_for);
    let authorities: Vec<&InventoryRow> = survey.certificates.iter().filter(is_it).collect();
    let places = |row: &InventoryRow| row.places.clone();
    let everywhere: Places = authorities.iter().copied().flat_map(places).collect();
    let keys = keys(survey, |power| match power {
        Power::SignCertificates { authority, .. } => {
            authorities.iter().any(|row| row.certificate.subject == *authority)
        }
        _ => false,
    });
    let signing: Places = survey
        .beliefs
        .iter()
        .filter(|one| !one.by_file.is_empty() && !is_of_tokens(one))
        .map(|one| (one.signer.host.clone(), one.by_file.clone()))
        .collect();
    let signing = signing.into_iter().chain(kept_with(&keys, &everywhere, sources));
    let signing: Places = signing.filter(|place| everywhere.contains(place)).collect();
    let trusted: Places = everywhere.difference(&signing).cloned().collect();
    let is_signed = |row: &&InventoryRow| {
        let mut by = authorities.iter().map(|one| &one.certificate);
        let is_leaf = !row.certificate.authority;
        is_leaf && by.any(|by| row.certificate.names_as_issuer(by) && row.certificate.is_signed_by(by))
    };
    let shown = survey.certificates.iter().filter(is_signed).flat_map(places);
    let requests = requests_of(&signing, sources.found);
    Touched {
        announce: trusted.clone(),
        switch: shown.chain(keys).chain(requests).chain(signing).collect(),
        retire: trusted,
    }
}

/// The files of private keys that can do something.
fn keys(survey: &Survey, can: impl Fn(&Power) -> bool) -> Places {
    let of_host = |host: &HostSecrets| {
        let held = host
            .secrets
            .iter()
            .filter(|one| one.what == "private key" && one.powers.iter().any(&can));
        let places: Vec<_> = held.map(|one| (host.host.clone(), one.path.clone())).collect();
        places
    };
    survey.secrets.iter().flat_map(of_host).collect()
}

/// Those of `all` that lie in the folder of a key, on a host that runs no program of the cluster.
fn kept_with(keys: &Places, all: &Places, sources: &Sources<'_>) -> Vec<(String, String)> {
    let meetings = sources
        .survey
        .meetings
        .iter()
        .flat_map(|one| [&one.caller, &one.callee]);
    let running: BTreeSet<&str> = meetings
        .filter(|actor| !actor.name.contains('/'))
        .map(|actor| actor.host.as_str())
        .collect();
    fn folder(path: &str) -> &str {
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
    let folders: BTreeSet<(&str, &str)> = keys.iter().map(|(host, path)| (host.as_str(), folder(path))).collect();
    let is_kept = |(host, path): &&(String, String)| {
        !running.contains(host.as_str()) && folders.contains(&(host.as_str(), folder(path))) && path.ends_with(".pem")
    };
    all.iter().filter(is_kept).cloned().collect()
}

/// The requests that lie beside certificates, which are signed by the key that is asked for.
fn requests_of(certificates: &Places, found: &Found) -> Places {
    let requests = certificates.iter().filter_map(|(host, path)| {
        let request = format!("{}.csr", path.strip_suffix(".pem")?);
        let of_host = found.hosts.iter().find(|one| one.name == *host)?;
        of_host.files.contains_key(&request).then(|| (host.clone(), request))
    });
    requests.collect()
}

fn is_of_tokens(belief: &Belief) -> bool {
    belief.as_in.contains("service-account-key-file")
}

/// Who signs has a private key, and who verifies has files of its public half, the one that is used first.
fn of_tokens(sources: &Sources<'_>) -> Touched {
    let survey = sources.survey;
    let verifying = survey.beliefs.iter().filter(|one| is_of_tokens(one)).flat_map(|one| {
        let files = one.as_in_files.iter();
        files.map(|path| (one.judge.host.clone(), path.clone()))
    });
    let verifying: Places = verifying.collect();
    let keys = keys(survey, |power| matches!(power, Power::SignTokens));
    let is_of_tokens = |row: &&InventoryRow| row.uses.iter().any(|word| word == "service accounts");
    let certificates = survey.certificates.iter().filter(is_of_tokens);
    let certificates: Places = certificates.flat_map(|row| row.places.clone()).collect();
    let kept: Places = kept_with(&keys, &certificates, sources).into_iter().collect();
    let requests = requests_of(&kept, sources.found);
    Touched {
        announce: verifying.clone(),
        switch: verifying
            .iter()
            .cloned()
            .chain(keys)
            .chain(requests)
            .chain(kept)
            .collect(),
        retire: verifying,
    }
}

fn of_encryption(survey: &Survey) -> Touched {
    let all: Places = survey
        .secrets
        .iter()
        .flat_map(|host| {
            let configurations = host.secrets.iter().filter(|one| one.what == "encryption keys");
            configurations.map(|one| (host.host.clone(), one.path.clone()))
        })
        .collect();
    Touched {
        announce: all.clone(),
        switch: all.clone(),
        retire: all,
    }
}

fn by_group(places: &Places, groups: &Groups) -> BTreeMap<usize, BTreeSet<String>> {
    let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (host, path) in places {
        if let Some(group) = groups.at(host) {
            all.entry(group).or_default().insert(groups.path_pattern(host, path));
        }
    }
    all
}
