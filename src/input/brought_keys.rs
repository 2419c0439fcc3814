//! Keys that there are already and that sign no certificates: of whatever has one, of each host where each has its own.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::identity::{Identity, KeyPurpose, Per};
use crate::catalog::when_of;
use crate::cluster::{ExistingKey, Generation, Generations, per};
use crate::diagnostic::{Reporter, codes};

use super::authority::{self, BroughtFor, Existing};
use super::draft::{Draft, DraftCa};
use super::generations::{named, of_leaf, of_shared_key, reached};
use super::placed::may_be;
use super::source_files::Files;
use super::tree::At;

/// What stands for the host in the paths of a section whose key each host has.
const OF_HOST: &str = "{host}";
/// What the names of keys of the user's own certificates begin with, as in `[generations]`.
const OWN: &str = "certificate/";

/// The name of the key that signs tokens.
const TOKENS: &str = "service-account";

/// Whose key a section brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An authority's, which has its certificate too.
    Authority,
    /// One that the whole cluster has, for tokens or not.
    Cluster { tokens: bool },
    /// One of each host with the role.
    Each(Per),
}

/// Whose key the section of this name brings, without its generation; none if there is no such key.
pub fn whose(draft: &Draft, of: &str) -> Option<Whose> {
    if let Some(own) = of.strip_prefix(OWN) {
        return draft.certificate(own).map(|_| Whose::Cluster { tokens: false });
    }
    let layout = draft.pki.layout?;
    let row = layout.identity(of)?;
    Some(match per(layout, &draft.pki.per_host, row) {
        _ if row.signs() => Whose::Authority,
        Per::Cluster => Whose::Cluster {
            tokens: row.purpose == KeyPurpose::Tokens,
        },
        each => Whose::Each(each),
    })
}

/// The generation that a key has reached, and the next one that can be brought; of hosts' own the lowest, and the highest.
pub fn reached_and_next(draft: &Draft, of: &str) -> (Generation, Generation) {
    let all = match whose(draft, of) {
        Some(Whose::Each(each)) => hosts(draft, each)
            .into_iter()
            .map(|host| of_leaf(draft, of, Some(host)))
            .collect(),
        Some(Whose::Cluster { tokens: false }) => vec![of_leaf(draft, of, None)],
        Some(Whose::Cluster { tokens: true } | Whose::Authority) | None => {
            return (reached(draft, of), of_shared_key(draft, of).newest().successor());
        }
    };
    let used = all.iter().map(|generations| generations.used);
    let newest = all.iter().map(Generations::newest).max().unwrap_or(Generation::FIRST);
    (used.min().unwrap_or(Generation::FIRST), newest.successor())
}

/// The names that sections may have.
pub fn known(draft: &Draft) -> Vec<String> {
    let rows = draft.pki.layout.into_iter().flat_map(|layout| layout.identities());
    let own = draft.certificates.iter().filter_map(|own| own.name.as_ref());
    let rows = rows.map(|row: &Identity| row.name.to_owned());
    rows.chain(own.map(|name| name_of_own(&name.value))).collect()
}

/// The keys by the name that each would be derived for, and generation; none where one can't be used, which is reported.
pub fn read(
    files: &dyn Files,
    draft: &Draft,
    authorities: &BTreeMap<(String, Generation), Existing>,
    say: &Reporter,
) -> Option<BTreeMap<(String, Generation), ExistingKey>> {
    let mut keys: BTreeMap<(String, Generation), ExistingKey> = BTreeMap::new();
    let mut sound = true;
    for (name, section) in &draft.pki.brought {
        let Some((of, generation)) = named(&name.value) else {
            continue;
        };
        for (derived_for, pair) in pairs(draft, &of, generation, section) {
            let id = (derived_for, generation);
            // What stands twice has been told, as two sections of one name.
            if keys.contains_key(&id) {
                continue;
            }
            let tokens = whose(draft, &of) == Some(Whose::Cluster { tokens: true });
            let purpose = match tokens {
                true => BroughtFor::Tokens(draft.known_release()),
                false => BroughtFor::ACertificate,
            };
            let Some(key) = authority::read_key(files, &pair, purpose, say) else {
                sound = false;
                continue;
            };
            let is_authority_s = |existing: &Existing| {
                let ca = existing.ca.as_ref();
                ca.is_some_and(|ca| ca.certificate.public == key.public)
            };
            let authority = authorities.iter().find(|(_, existing)| is_authority_s(existing));
            if let Some((authority, _)) = authority.filter(|_| !tokens) {
                tell_authority_s(&id, authority, &pair, say);
            } else if let Some((authority, _)) = authority {
                tell_twin(&id, authority, &pair, say);
            } else if let Some((other, _)) = keys.iter().find(|(_, other)| other.public == key.public) {
                tell_twin(&id, other, &pair, say);
            }
            keys.insert(id, key);
        }
    }
    sound.then_some(keys)
}

/// Those of the keys of an identity that are used now.
pub fn used<'k>(
    draft: &'k Draft,
    keys: &'k BTreeMap<(String, Generation), ExistingKey>,
    of: &'k str,
) -> impl Iterator<Item = (Generation, &'k ExistingKey)> {
    keys.iter().filter_map(move |((name, generation), key)| {
        let (identity, host) = match name.split_once('/') {
            Some(_) if name.starts_with(OWN) => (name.as_str(), None),
            Some((identity, host)) => (identity, Some(host)),
            None => (name.as_str(), None),
        };
        let is_used = identity == of && *generation == of_leaf(draft, of, host).used;
        is_used.then_some((*generation, key))
    })
}

/// What the key of a certificate of the user's own is called.
pub fn name_of_own(certificate: &str) -> String {
    format!("{OWN}{certificate}")
}

/// How many keys an identity has.
pub fn count(draft: &Draft, of: &str) -> usize {
    match whose(draft, of) {
        Some(Whose::Each(each)) => hosts(draft, each).len(),
        _ => 1,
    }
}

/// The files of each key that a section brings and that counts, with what it is derived for elsewhere.
fn pairs(draft: &Draft, of: &str, generation: Generation, section: &DraftCa) -> Vec<(String, DraftCa)> {
    match whose(draft, of) {
        None | Some(Whose::Authority) => Vec::new(),
        Some(Whose::Cluster { .. }) if mentions_host(section) => Vec::new(),
        Some(Whose::Cluster { .. }) => vec![(of.to_owned(), for_host(section, ""))],
        Some(Whose::Each(_)) if !names_hosts(section) => Vec::new(),
        Some(Whose::Each(each)) => {
            let hosts = hosts(draft, each).into_iter().filter(|host| is_meant(section, host));
            let counting = hosts.filter(|host| generation >= of_leaf(draft, of, Some(host)).used);
            counting
                .map(|host| (format!("{of}/{host}"), for_host(section, host)))
                .collect()
        }
    }
}

/// A section as it is for one host.
fn for_host(section: &DraftCa, host: &str) -> DraftCa {
    let path = |path: &Option<At<String>>| {
        let path = path.as_ref()?;
        Some(path.with(path.value.replace(OF_HOST, host)))
    };
    DraftCa {
        certificate: path(&section.certificate),
        key: path(&section.key),
        external: section.external,
        hosts: None,
    }
}

/// The names of the hosts that have such a key.
fn hosts(draft: &Draft, each: Per) -> Vec<&str> {
    let Per::Each(role) = each else { return Vec::new() };
    let names = draft.with(role).filter_map(|host| host.name.as_ref());
    names.map(|name| name.value.as_str()).collect()
}

/// Whether a section brings the key of this host.
fn is_meant(section: &DraftCa, host: &str) -> bool {
    let listed = section.hosts.as_ref();
    listed.is_none_or(|listed| listed.iter().any(|one| one.value == host))
}

/// Whether each path is another for each host.
fn names_hosts(section: &DraftCa) -> bool {
    let mut paths = section.certificate.iter().chain(&section.key);
    paths.all(|path| path.value.contains(OF_HOST))
}

/// Whether any path is another for each host.
fn mentions_host(section: &DraftCa) -> bool {
    let mut paths = section.certificate.iter().chain(&section.key);
    paths.any(|path| path.value.contains(OF_HOST))
}

/// Whether a section says for which hosts it is where it has to, and only there.
pub fn check(
    draft: &Draft,
    (name, section): (&At<String>, &DraftCa),
    of: &str,
    generation: Generation,
    say: &Reporter,
) {
    let whose = whose(draft, of);
    let row = draft.pki.layout.and_then(|layout| layout.identity(of));
    let has_holder = match whose {
        Some(Whose::Each(each)) => !draft.hosts_complete || !hosts(draft, each).is_empty(),
        _ => true,
    };
    if !has_holder || row.is_some_and(|row| !may_be(draft, None, when_of(row))) {
        let message = format!("this cluster has no use for a key of `{of}`");
        say.at(&name.place, codes::UNUSED_AUTHORITY, message)
            .hint("take the section out, and keep the key elsewhere or destroy it");
        return;
    }
    if section.external && whose != Some(Whose::Authority) {
        let message = format!("`{of}` is no authority: it signs nothing, here or elsewhere");
        let told = say.at(&name.place, codes::BAD_BROUGHT_KEY, message);
        told.hint(
            "write `key` in the place of `external`; what an authority elsewhere signs for it comes with `--signed`",
        );
    }
    let Some(Whose::Each(each)) = whose else {
        let place = section.hosts.as_ref().map(|listed| listed.first());
        if let Some(first) = place {
            let message = format!("the cluster has one key for `{of}`, whatever `hosts` says");
            say.at(
                first.map_or(&name.place, |first| &first.place),
                codes::BAD_BROUGHT_KEY,
                message,
            )
            .hint("take `hosts` out");
        }
        let paths = section.certificate.iter().chain(&section.key);
        for path in paths.filter(|path| whose != Some(Whose::Authority) && path.value.contains(OF_HOST)) {
            let message = format!("the cluster has one key for `{of}`, and {OF_HOST} stands for no host here");
            say.at(path, codes::BAD_BROUGHT_KEY, message).hint("name one file");
        }
        return;
    };
    for path in section.certificate.iter().chain(&section.key) {
        if !path.value.contains(OF_HOST) {
            let message = format!("each host has a key for `{of}`, and this file is one for all of them");
            say.at(path, codes::BAD_BROUGHT_KEY, message).hint(format!(
                "write {OF_HOST} where the host's name stands in the files' names, such as \"keys/{OF_HOST}-key.pem\""
            ));
        }
    }
    if section.hosts.as_ref().is_some_and(Vec::is_empty) {
        let message = format!("`hosts` is empty, so that no key of `{of}` is brought");
        say.at(&name.place, codes::BAD_BROUGHT_KEY, message).hint(
            "name the hosts whose keys there are; take `hosts` out if these are all; or the section, if there are none",
        );
    }
    if !draft.hosts_complete {
        return;
    }
    let known = hosts(draft, each);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for host in section.hosts.iter().flatten() {
        if !seen.insert(&host.value) {
            let message = format!("the host `{}` is listed twice", host.value);
            say.at(host, codes::BAD_BROUGHT_KEY, message)
                .hint("take one out, or write the name of the host that was meant");
        }
        if !known.contains(&host.value.as_str()) {
            let message = format!("no host `{}` has a key for `{of}`", host.value);
            say.at(host, codes::BAD_BROUGHT_KEY, message).meant_of(
                &host.value,
                known.iter().copied(),
                "those that have are",
            );
        }
    }
    let is_over = |host: &&str| is_meant(section, host) && generation < of_leaf(draft, of, Some(host)).used;
    let over: BTreeSet<&str> = known.iter().copied().filter(is_over).collect();
    if let Some(first) = over.first() {
        let others = match over.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let message =
            format!("`{of}` of {first}{others} is further on than this: its key here is used nowhere any more");
        let left: Vec<String> = known
            .iter()
            .filter(|host| is_meant(section, host) && !over.contains(*host))
            .map(|host| format!("\"{host}\""))
            .collect();
        let told = say.at(&name.place, codes::UNUSED_AUTHORITY, message);
        told.hint(match left.is_empty() {
            true => "take the section out, and destroy the keys".to_owned(),
            false => format!(
                "write hosts = [{}] in the section, and destroy the other keys",
                left.join(", ")
            ),
        });
    }
}

/// What is shown by a program or a person, and signs for everybody.
fn tell_authority_s(id: &(String, Generation), authority: &(String, Generation), pair: &DraftCa, say: &Reporter) {
    let place = pair.certificate.as_ref().and_then(|path| path.place.as_ref());
    let message = format!(
        "it is the key of the authority {}: whoever has {} could sign for everybody",
        shown(authority),
        shown(id)
    );
    say.at(place, codes::BAD_BROUGHT_KEY, message)
        .hint("bring another key, or take the section out and one is made from the seed");
}

fn shown((name, generation): &(String, Generation)) -> String {
    match generation.number() {
        1 => format!("`{name}`"),
        number => format!("`{name}@{number}`"),
    }
}

/// Two that are one: a successor that changes nothing, or a key that is stolen from two places.
fn tell_twin(id: &(String, Generation), other: &(String, Generation), pair: &DraftCa, say: &Reporter) {
    let place = pair.certificate.as_ref().and_then(|path| path.place.as_ref());
    if id.0 == other.0 {
        let message = format!("it is the key of {}: a change to it would change nothing", shown(other));
        say.at(place, codes::BAD_BROUGHT_KEY, message)
            .hint("bring another key, or take the section out and one is made from the seed");
    } else {
        let message = format!("{} and {} are one key", shown(id), shown(other));
        let said = say.at(place, codes::SHARED_BROUGHT_KEY, message);
        if [id, other].iter().any(|(name, _)| name == TOKENS) {
            said.hint(format!(
                "no token that there is would be accepted any more without its section: khw-gen rotate CLUSTER.TOML {TOKENS} -o DIR gives tokens a key \
                 of their own, and has those of this one accepted until they are gone"
            ));
        }
    }
}
