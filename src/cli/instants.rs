//! Instants and periods as arguments have them, and the clock: the compiler has none.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

pub fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "an instant is written 2026-01-31T00:00:00Z".to_owned())
}

pub fn period(text: &str) -> Result<Duration, String> {
    let units: [(&str, i64); 4] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)];
    units
        .iter()
        .find_map(|(unit, seconds)| {
            let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
            Some(Duration::seconds(i64::from(count) * seconds))
        })
        .ok_or_else(|| "a time is written 4w, 30d, 12h or 90m".to_owned())
}

/// The instant at which a bundle is judged where none is given, and on whose day `init` proposes to issue.
#[allow(
    clippy::disallowed_methods,
    reason = "whether a certificate has expired, and what day a new specification is of, depends on what time it is"
)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
