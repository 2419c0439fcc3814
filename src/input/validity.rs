//! When certificates begin and end: by themselves, and beside those who sign them.
use std::collections::BTreeSet;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::cfssl::{self, Validity, leaf_validity};

use super::cfssl::RequestFile;
use super::cfssl::config::ProfileFile;
use super::draft::Draft;
use super::signed::{Issuer, Leaf, in_use};
use super::tree::At;

pub fn validity<'a>(
    draft: &Draft,
    leaves: &[Leaf<'_>],
    issuer_of: impl Fn(&Leaf<'_>) -> Option<&'a Issuer>,
    say: &Reporter,
) {
    let Some(issued) = draft.pki.issued.as_ref().map(|issued| issued.value) else {
        return;
    };
    let profiles = in_use(leaves);
    for profile in &profiles {
        let file = profile.file;
        if !is_set(file) {
            continue;
        }
        let whose = match profiles.len() {
            1 => "the certificates".to_owned(),
            _ => format!("the certificates of the profile \"{}\"", profile.name),
        };
        let leaf = leaf_validity(&file.profile, issued);
        if !period(leaf, &whose, issued, &file.expiry, say) {
            continue;
        }
        let users = leaves
            .iter()
            .filter(|leaf| leaf.profile.is_some_and(|own| own.name == profile.name));
        let mut seen = BTreeSet::new();
        for user in users.filter(|user| seen.insert(user.issuer)) {
            if let Some(issuer) = issuer_of(user) {
                within_issuer(&whose, leaf, file, issuer, issued, say);
            }
        }
        if leaf.not_before > issued {
            let message = format!(
                "{whose} begin at {}, after their issue at {}",
                moment(leaf.not_before),
                moment(issued)
            );
            let place = file.not_before.as_ref().unwrap_or(&file.place);
            say.at(place, codes::VALID_LATER, message);
        }
    }
}

/// The validity of a root that is to be made, if it makes sense by itself. `own_date` is when it was issued, if not with everything else.
pub fn root_validity(
    file: &RequestFile,
    issued: OffsetDateTime,
    own_date: Option<&At<OffsetDateTime>>,
    say: &Reporter,
) -> Option<Validity> {
    if file.broken.contains("ca") {
        return None;
    }
    let date = own_date.map_or(issued, |date| date.value);
    let place = own_date.and_then(|date| date.place.as_ref()).unwrap_or(&file.expiry);
    let validity = cfssl::root_validity(file.request.ca.as_ref(), date);
    if validity.not_after <= issued && validity.not_after > validity.not_before {
        let hint = "date it later: the same key gets a new certificate, or rotate it";
        say.at(place, codes::CA_EXPIRED, expired(validity, issued))
            .hint_if(own_date.map(|_| hint));
        return None;
    }
    period(validity, "the authority", issued, place, say).then_some(validity)
}

/// The validity of an authority that is there already, if it has one at the time of issue or later.
pub fn existing_validity(
    validity: Validity,
    issued: OffsetDateTime,
    place: Option<&Place>,
    say: &Reporter,
) -> Option<Validity> {
    let Validity { not_before, not_after } = validity;
    if not_after <= issued || not_after <= not_before {
        say.at(place, codes::CA_EXPIRED, expired(validity, issued))
            .hint("renew the authority, or correct `issued`");
        return None;
    }
    if not_before > issued {
        let message = format!(
            "the authority begins at {}, after the issue at {}",
            moment(not_before),
            moment(issued)
        );
        say.at(place, codes::VALID_LATER, message).hint(format!(
            "write issued = \"{}\" or later below [pki]",
            moment(not_before)
        ));
    }
    Some(validity)
}

fn expired(authority: Validity, issued: OffsetDateTime) -> String {
    let (end, issued) = (moment(authority.not_after), moment(issued));
    format!("the authority expired at {end}, before {issued}")
}

/// Whether a profile says how long it is valid. A duration that could not be read has been reported, and stands as zero.
pub fn is_set(file: &ProfileFile) -> bool {
    !file.profile.expiry.is_zero() || file.profile.not_after.is_some() || file.expiry_is_zero
}

/// Whether certificates are valid only while their issuer is.
fn within_issuer(
    whose: &str,
    leaf: Validity,
    file: &ProfileFile,
    issuer: &Issuer,
    issued: OffsetDateTime,
    say: &Reporter,
) {
    let Some(validity) = issuer.validity else { return };
    let authority = match &issuer.name {
        Some(name) => format!("their authority `{name}`"),
        None => "their authority".to_owned(),
    };
    if leaf.not_after > validity.not_after {
        let message = format!(
            "{whose} end at {}, after {authority}, which ends at {}",
            moment(leaf.not_after),
            moment(validity.not_after)
        );
        let finding = |place: &Place| say.at(place, codes::LEAF_OUTLIVES_CA, message);
        match &issuer.place {
            Some(place) => finding(place).hint(shorter_or_longer(file)),
            None => finding(&file.expiry).hint_if(
                issuer
                    .name
                    .is_some()
                    .then_some("shorten the profile's `expiry`, or lengthen that of the authority's profile"),
            ),
        }
    }
    // That an authority begins after everything is issued has been said, and this would follow.
    let begins_later = issuer.place.is_some() && validity.not_before > issued;
    if leaf.not_before < validity.not_before && !begins_later {
        let message = format!(
            "{whose} begin at {}, before {authority}, which begins at {}",
            moment(leaf.not_before),
            moment(validity.not_before)
        );
        let hint = "issue later than the authority begins, or set the profile's `backdate`";
        let place = file.not_before.as_ref().unwrap_or(&file.place);
        say.at(issuer.place.as_ref().unwrap_or(place), codes::LEAF_PREDATES_CA, message)
            .hint_if(issuer.place.as_ref().map(|_| hint));
    }
}

/// What helps where certificates outlive an authority that is there already.
pub fn shorter_or_longer(file: &ProfileFile) -> String {
    let file = &file.expiry.file.name;
    format!("shorten the profile's `expiry` in {file}, or use an authority that lives longer")
}

/// A time as cluster.toml has it.
pub fn moment(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

/// Whether the dates make sense by themselves.
fn period(validity: Validity, whose: &str, issued: OffsetDateTime, place: &Place, say: &Reporter) -> bool {
    // What lies beyond the calendar stands at its end.
    let last = PrimitiveDateTime::MAX.assume_utc();
    if validity.not_after >= last || validity.not_before >= last {
        let message = format!("the end of {whose} lies beyond the year 9999");
        say.at(place, codes::DATE_OVERFLOW, message);
        return false;
    }
    if validity.not_after <= validity.not_before || validity.not_after <= issued {
        let message = format!(
            "{whose} would be valid from {} to {}",
            moment(validity.not_before),
            moment(validity.not_after)
        );
        say.at(place, codes::NO_VALIDITY, message);
        return false;
    }
    true
}
