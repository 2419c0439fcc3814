//! Authorities that there are already: `[pki.ca]`, the cluster's own, and those of `[pki.bring]`; and whether each section of it is right.
use std::collections::BTreeMap;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity};
use crate::cluster::Generation;
use crate::diagnostic::{Reporter, codes};

use super::authority::{self, Existing};
use super::brought_keys::{self, Whose};
use super::draft::{Draft, DraftCa};
use super::generations::{named, of_shared_key};
use super::source_files::Files;
use super::tree::At;

/// Those that are read, by name and generation; what no name can mean is left to [`check`].
pub fn read(files: &dyn Files, draft: &Draft, say: &Reporter) -> BTreeMap<(String, Generation), Existing> {
    let mut brought = BTreeMap::new();
    for (name, ca) in &draft.pki.brought {
        if let Some(of) = named(&name.value)
            && !brought.contains_key(&of)
            && !matches!(
                brought_keys::whose(draft, &of.0),
                Some(Whose::Cluster { .. } | Whose::Each(_))
            )
        {
            brought.insert(of, authority::read(files, ca, say));
        }
    }
    brought
}

/// Whether an authority is there already in each generation that counts: then none is made of its CSR file.
pub fn is_in_every_generation(draft: &Draft, row: &Identity) -> bool {
    let names = || draft.pki.brought.iter().filter_map(|(name, _)| named(&name.value));
    let counted = of_shared_key(draft, row.name);
    counted
        .all()
        .all(|generation| row.signs() && names().any(|of| of == (row.name.to_owned(), generation)))
}

/// Whether each is a key of the cluster in a generation that counts, or the next one.
pub fn check(draft: &Draft, say: &Reporter) {
    if draft.pki.layout.is_none() {
        return;
    }
    let mut seen = Vec::new();
    for (name, ca) in &draft.pki.brought {
        let known = named(&name.value).filter(|(of, _)| brought_keys::whose(draft, of).is_some());
        let Some((of, generation)) = known else {
            let message = format!("`{}` is no key of this cluster", name.value);
            let known = brought_keys::known(draft);
            say.at(&name.place, codes::BAD_BROUGHT_AUTHORITY, message).meant_of(
                &name.value,
                known.iter().map(String::as_str),
                "those are",
            );
            continue;
        };
        brought_keys::check(draft, (name, ca), &of, generation, say);
        let (reached, next) = brought_keys::reached_and_next(draft, &of);
        let whose = brought_keys::whose(draft, &of);
        let is_authority = whose == Some(Whose::Authority);
        if ca.external && !is_authority {
            // It has been said that it signs nothing.
        } else if ca.external
            && ca.certificate.is_none()
            && generation <= next
            && is_one_of_several(draft, &of, generation)
        {
            let message = format!("which certificate `{}` has is not said", name.value);
            say.at(&name.place, codes::EXTERNAL_GENERATION, message).hint(
                "write `cert`: while two are trusted, and what one of them signs is not known, nothing else tells it",
            );
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
        } else if generation < reached && !matches!(whose, Some(Whose::Each(_))) {
            let rest = match is_authority {
                true => "this one signs nothing, and nobody is to trust it any more",
                false => "this one is used nowhere any more",
            };
            let message = format!("`{of}` is in its generation {}: {rest}", reached.number());
            say.at(&name.place, codes::UNUSED_AUTHORITY, message)
                .hint("take the section out, and keep its key elsewhere or destroy it");
        }
        seen.push((of, generation));
    }
}

/// Whether an authority is trusted in this generation beside another one, or is about to be: then who signs does not tell which it is.
fn is_one_of_several(draft: &Draft, authority: &str, generation: Generation) -> bool {
    let counted = of_shared_key(draft, authority);
    let is_trusted = counted.all().any(|one| one == generation);
    generation > counted.used || is_trusted && counted.all().count() > 1
}

/// The draft of the authority of this name and generation.
pub fn of<'d>(draft: &'d Draft, name: &str, generation: Generation) -> Option<&'d (At<String>, DraftCa)> {
    let mut all = draft.pki.brought.iter();
    all.find(|(written, _)| named(&written.value).is_some_and(|of| of.0 == name && of.1 == generation))
}
