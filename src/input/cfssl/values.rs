//! Readers of one value each, as Go and cfssl read them.
use base64ct::{Base64, Encoding as _};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::diagnostic::{Reporter, codes};
use crate::input::tree::{At, Fields};
use crate::rules::duration;

/// The Go duration `name`; absent and empty are None, as cfssl takes them.
pub fn duration_field(fields: &Fields<'_>, name: &str) -> Option<At<Duration>> {
    let text = fields.text(name).filter(|text| !text.value.is_empty())?;
    match duration::parse(&text.value) {
        Ok(duration) => Some(text.with(duration)),
        Err(error) => {
            fields
                .doc
                .say
                .at(&text, codes::BAD_DURATION, error.message)
                .hint_if(error.hint);
            None
        }
    }
}

/// The RFC 3339 time `name`, in UTC.
pub fn time_field(fields: &Fields<'_>, name: &str) -> Option<At<OffsetDateTime>> {
    let text = fields.text(name)?;
    // Go takes neither lower-case letters nor a leap second.
    let as_go_writes = !text.value.contains(['t', 'z']) && text.value.get(17..19) != Some("60");
    let moment = OffsetDateTime::parse(&text.value, &Rfc3339)
        .ok()
        .filter(|_| as_go_writes)
        .and_then(|moment| moment.checked_to_offset(UtcOffset::UTC));
    match moment.filter(|moment| (1..=9999).contains(&moment.year())) {
        // The zero time is Go's "not set".
        Some(moment) if moment.year() == 1 && moment.ordinal() == 1 && moment.time() == time::Time::MIDNIGHT => None,
        Some(moment) => Some(text.with(moment)),
        None => {
            let message = format!("\"{}\" is no RFC 3339 time", text.value);
            fields.doc.say.at(&text, codes::BAD_TIME, message);
            None
        }
    }
}

/// The count `name`, from 0 to `largest`.
pub fn count_field(fields: &Fields<'_>, name: &str, largest: u32) -> Option<At<u32>> {
    let integer = fields.integer(name)?;
    match u32::try_from(integer.value).ok().filter(|value| *value <= largest) {
        Some(value) => Some(integer.with(value)),
        None => {
            let message = format!("`{name}` is {}, which is not from 0 to {largest}", integer.value);
            fields.doc.say.at(&integer, codes::OUT_OF_RANGE, message);
            None
        }
    }
}

/// A URL that a certificate carries: ASCII (IA5String), or empty for none.
pub fn url(text: At<String>, say: &Reporter) -> Option<String> {
    let printable = text.value.bytes().all(|byte| byte.is_ascii_graphic());
    let absolute = text.value.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !rest.is_empty()
    });
    if text.value.is_empty() || (printable && absolute) {
        return Some(text.value);
    }
    let message = format!("\"{}\" is no absolute URL", text.value);
    say.at(text.place, codes::BAD_URL, message);
    None
}

/// The arcs of a dotted object identifier (X.660).
pub fn oid(text: At<String>, say: &Reporter) -> Option<Vec<u64>> {
    let arc = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u64>().ok()).flatten()
    };
    let arcs: Option<Vec<u64>> = text.value.split('.').map(arc).collect();
    let valid = arcs.filter(|arcs| is_oid(arcs));
    if valid.is_none() {
        let message = format!("\"{}\" is no object identifier", text.value);
        say.at(&text.place, codes::BAD_OID, message);
    }
    valid
}

/// Whether the arcs can be encoded; Go's arcs are ints, of 31 bits where it reads them back.
pub fn is_oid(arcs: &[u64]) -> bool {
    let small = arcs.iter().all(|arc| *arc <= i32::MAX as u64);
    small && matches!(arcs, [0 | 1, 0..=39, ..] | [2, _, ..])
}

/// The bytes of a base64 text, as Go reads `[]byte`: standard alphabet, padded.
pub fn base64(text: At<String>, say: &Reporter) -> Option<Vec<u8>> {
    let bytes = Base64::decode_vec(&text.value).ok();
    if bytes.is_none() {
        say.at(&text.place, codes::BAD_BASE64, "the value is not base64");
    }
    bytes
}

/// Reports that the field `name`, if it is there, has no effect, and why.
pub fn ignored(fields: &Fields<'_>, name: &str, why: &str) {
    if fields.has(name) {
        let message = format!("`{name}` has no effect: {why}");
        fields.doc.say.at(fields.key_place(name), codes::IGNORED_FIELD, message);
    }
}
