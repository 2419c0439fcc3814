//! What there is already: authorities, `[pki.ca]`, the cluster's own, and those of `[pki.bring]`, and what signs tokens.
use std::collections::BTreeMap;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, KeyPurpose};
use crate::cluster::{ExistingKey, Generation};
use crate::diagnostic::{Place, Reporter, codes};

use super::authority::{self, Existing};
use super::draft::{Draft, DraftCa};
use super::generations::{layout_named, named, of_shared_key, reached};
use super::source_files::Files;
use super::tree::At;

/// Those that are read, by name and generation; what no name can mean is left to [`check`].
pub fn read(files: &dyn Files, draft: &Draft, say: &Reporter) -> BTreeMap<(String, Generation), Existing> {
    let mut brought = BTreeMap::new();
    for (name, ca) in &draft.pki.brought {
        if let Some(of) = named(&name.value)
            && !brought.contains_key(&of)
            && !signs_tokens(draft, &of.0)
        {
            brought.insert(of, authority::read(files, ca, say));
        }
    }
    brought
}

/// The keys that sign tokens and that are read, by name and generation; none where one can't be used, which is reported.
pub fn token_keys(
    files: &dyn Files,
    draft: &Draft,
    say: &Reporter,
) -> Option<BTreeMap<(String, Generation), ExistingKey>> {
    let sections = draft.pki.brought.iter();
    let keys =
        sections.filter_map(|(name, pair)| Some((named(&name.value).filter(|(of, _)| signs_tokens(draft, of))?, pair)));
    let keys: Vec<_> = keys
        .map(|(of, pair)| Some((of, authority::read_key(files, pair, say)?)))
        .collect();
    keys.into_iter().collect()
}

fn signs_tokens(draft: &Draft, name: &str) -> bool {
    let row = draft.pki.layout.and_then(|layout| layout.identity(name));
    row.is_some_and(|row| row.purpose == KeyPurpose::Tokens)
}

/// Whether an authority is there already in each generation that counts: then none is made of its CSR file.
pub fn is_in_every_generation(draft: &Draft, row: &Identity) -> bool {
    let names = || draft.pki.brought.iter().filter_map(|(name, _)| named(&name.value));
    let mut brought = draft.pki.brought.iter();
    if brought.any(|(name, ca)| ca.external && named(&name.value).is_some_and(|of| of.0 == row.name)) {
        return true;
    }
    let counted = of_shared_key(draft, row.name);
    counted
        .all()
        .all(|generation| row.signs() && names().any(|of| of == (row.name.to_owned(), generation)))
}

/// Whether each is an authority of the cluster in a generation that counts, or the next one.
pub fn check(draft: &Draft, say: &Reporter) {
    let Some(layout) = draft.pki.layout else { return };
    let mut seen = Vec::new();
    for (name, ca) in &draft.pki.brought {
        let is_one = |row: &Identity| row.signs() || row.purpose == KeyPurpose::Tokens;
        let Some((of, generation)) = layout_named(layout, is_one, name) else {
            let message = format!(
                "`{}` is no authority of this cluster, nor what signs its tokens",
                name.value
            );
            let known = layout.identities().iter().filter(|row| is_one(row)).map(|row| row.name);
            say.at(&name.place, codes::BAD_BROUGHT_AUTHORITY, message)
                .meant_of(&name.value, known, "those are");
            continue;
        };
        let next = of_shared_key(draft, &of).newest().successor();
        let is_first = generation == Generation::FIRST;
        if ca.external && !is_first {
            let message = format!("a successor of `{of}` can't sign elsewhere yet");
            say.at(&name.place, codes::EXTERNAL_GENERATION, message);
        } else if ca.external
            && let Some(place) = successor_place(draft, &of)
        {
            let message = format!("`{of}` signs elsewhere, and can't have a successor yet");
            say.at(place, codes::EXTERNAL_GENERATION, message);
        } else if generation > next {
            let message = format!(
                "the next generation of `{of}` is {}, not {}",
                next.number(),
                generation.number()
            );
            say.at(&name.place, codes::BAD_BROUGHT_AUTHORITY, message)
                .hint(format!("write [pki.bring.\"{of}@{}\"]", next.number()));
        } else if seen.contains(&(of.clone(), generation)) {
            // Within [pki.bring] no key stands twice.
            let message = format!("`{CLUSTER_AUTHORITY}` is brought by [pki.ca] too");
            say.at(&name.place, codes::BAD_BROUGHT_AUTHORITY, message)
                .hint("take one of the two sections out");
        } else if generation < reached(draft, &of) {
            let message = format!(
                "`{of}` is in its generation {}: this one signs nothing, and nobody is to trust it any more",
                reached(draft, &of).number()
            );
            say.at(&name.place, codes::UNUSED_AUTHORITY, message)
                .hint("take the section out, and keep its key elsewhere or destroy it");
        }
        seen.push((of, generation));
    }
}

/// Where it is written that an authority has a successor, or is about to have one.
fn successor_place<'d>(draft: &'d Draft, authority: &str) -> Option<&'d Option<Place>> {
    let mut rotations = draft.generations.rotations.iter();
    let rotation = rotations.find(|rotation| rotation.of.value == authority);
    let mut used = draft.generations.used.iter();
    let used = used.find(|(name, generation)| name.value == authority && *generation != Generation::FIRST);
    rotation
        .map(|rotation| &rotation.of.place)
        .or(used.map(|(name, _)| &name.place))
}

/// The draft of the authority of this name and generation.
pub fn of<'d>(draft: &'d Draft, name: &str, generation: Generation) -> Option<&'d (At<String>, DraftCa)> {
    let mut all = draft.pki.brought.iter();
    all.find(|(written, _)| named(&written.value).is_some_and(|of| of.0 == name && of.1 == generation))
}
