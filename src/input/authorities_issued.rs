//! `[pki.authorities_issued]`: when authorities were issued that stay while certificates are renewed.
use time::OffsetDateTime;

use crate::cluster::Generation;
use crate::diagnostic::{Reporter, codes};

use super::brought;
use super::draft::Draft;
use super::generations::{authority_named, named, of_shared_key};
use super::tree::At;
use super::validity::moment;

/// The dates that count, by the authority and its generation.
pub fn read(draft: &Draft) -> impl Iterator<Item = ((String, Generation), &At<OffsetDateTime>)> {
    let all = draft.pki.authorities_issued.iter();
    all.filter_map(|(name, date)| Some((named(&name.value)?, date)))
}

/// The date of the authority that signs, if it has one of its own.
pub fn of(draft: &Draft, authority: &str) -> Option<At<OffsetDateTime>> {
    let used = of_shared_key(draft, authority).used;
    let own = read(draft).find(|((name, generation), _)| name == authority && *generation == used);
    own.map(|(_, date)| date.clone())
}

/// Whether each names an authority that is made here. One of a generation that is over may stay.
pub fn check(draft: &Draft, say: &Reporter) {
    let Some(layout) = draft.pki.layout else { return };
    for (name, date) in &draft.pki.authorities_issued {
        let those = "those that are made here are";
        let Some((of, generation)) = authority_named(layout, name, codes::BAD_AUTHORITY_DATE, those, say) else {
            continue;
        };
        let is_brought = brought::of(draft, &of, generation).is_some();
        let newest = of_shared_key(draft, &of).newest();
        if is_brought {
            let message = "an authority that is brought has its dates in its certificate";
            say.at(&name.place, codes::BAD_AUTHORITY_DATE, message)
                .hint("take the line out");
        } else if generation > newest {
            let message = format!(
                "there is no generation {} of `{of}` yet: its newest is {}",
                generation.number(),
                newest.number()
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
