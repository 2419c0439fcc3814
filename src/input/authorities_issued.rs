//! `[pki.authorities_issued]`: when authorities were issued that stay while certificates are renewed.
use time::OffsetDateTime;

use crate::catalog::identity::Identity;
use crate::cluster::Generation;
use crate::diagnostic::{Reporter, codes};

use super::brought;
use super::draft::Draft;
use super::generations::{generations, named, used_of};
use super::tree::At;
use super::validity::moment;

/// The dates that count, by the authority and its generation.
pub fn read(draft: &Draft) -> impl Iterator<Item = ((String, Generation), &At<OffsetDateTime>)> {
    let all = draft.pki.authorities_issued.iter();
    all.filter_map(|(name, date)| Some((named(&name.value)?, date)))
}

/// The date of the authority that signs, if it has one of its own.
pub fn of(draft: &Draft, authority: &str) -> Option<At<OffsetDateTime>> {
    let used = used_of(draft, authority);
    let own = read(draft).find(|((name, generation), _)| name == authority && *generation == used);
    own.map(|(_, date)| date.clone())
}

/// Whether each names an authority that is made here. One of a generation that is over may stay.
pub fn check(draft: &Draft, say: &Reporter) {
    if draft.pki.authorities_issued.is_empty() {
        return;
    }
    let rows = draft.pki.layout.map_or(&[][..], |layout| layout.identities());
    let authorities: Vec<&Identity> = rows.iter().filter(|row| row.signs()).collect();
    let (all, _) = generations(draft, &[]);
    for (name, date) in &draft.pki.authorities_issued {
        let known = named(&name.value);
        let row = known
            .as_ref()
            .and_then(|(of, _)| authorities.iter().find(|row| row.name == of));
        let (Some((of, generation)), Some(_)) = (&known, row) else {
            if !authorities.is_empty() {
                let message = format!("`{}` is no authority of this cluster", name.value);
                let names = authorities.iter().map(|row| row.name);
                say.at(&name.place, codes::BAD_AUTHORITY_DATE, message).meant_of(
                    &name.value,
                    names,
                    "those that are made here are",
                );
            }
            continue;
        };
        let is_brought = brought::of(draft, of, *generation).is_some();
        let newest = all.get(of).and_then(|generations| generations.all().max());
        if is_brought {
            let message = "an authority that is brought has its dates in its certificate";
            say.at(&name.place, codes::BAD_AUTHORITY_DATE, message)
                .hint("take the line out");
        } else if *generation > newest.unwrap_or(Generation::FIRST) {
            let newest = newest.unwrap_or(Generation::FIRST).number();
            let message = format!(
                "there is no generation {} of `{of}` yet: its newest is {newest}",
                generation.number()
            );
            say.at(&name.place, codes::BAD_AUTHORITY_DATE, message)
                .hint("take the line out, or say in [generations] that there is one");
        } else if let Some(issued) = draft.pki.issued.as_ref().filter(|issued| issued.value < date.value) {
            let message = format!(
                "the authority would begin after the issue of what it signs, at {}",
                moment(issued.value)
            );
            say.at(&date.place, codes::BAD_AUTHORITY_DATE, message)
                .hint("take the line out, for it to be issued with the rest, or write an earlier instant");
        }
    }
}
