//! From when until when a certificate is valid, by cfssl's rules (`signer.FillTemplate`).

use time::{Duration, OffsetDateTime, UtcOffset};

use super::profile::Profile;
use super::request::CaSection;
use crate::pki::x509::Validity;

const DEFAULT_BACKDATE: Duration = Duration::minutes(5);
/// Five years of 365 days (`initca.CAPolicy`).
const DEFAULT_CA_EXPIRY: Duration = Duration::hours(43_800);

/// The validity of a root made by `gencert -initca` when the clock says `now`. A date that lies beyond what the
/// calendar holds (the years -9999 to 9999) becomes its last one; [`super::root`] refuses such a root.
pub fn root_validity(ca: Option<&CaSection>, now: OffsetDateTime) -> Validity {
    Rule::of_root(ca).validity(now, OffsetDateTime::saturating_add)
}

/// The validity of a leaf signed with `profile` when the clock says `now`; as for [`root_validity`], a date
/// beyond the calendar becomes its last one, and [`super::leaf`] refuses the leaf.
pub fn leaf_validity(profile: &Profile, now: OffsetDateTime) -> Validity {
    Rule::of_leaf(profile).validity(now, OffsetDateTime::saturating_add)
}

/// [`root_validity`], or none if a date lies beyond the calendar.
pub(super) fn root_within_calendar(ca: Option<&CaSection>, now: OffsetDateTime) -> Option<Validity> {
    Rule::of_root(ca).within_calendar(now)
}

/// [`leaf_validity`], or none if a date lies beyond the calendar.
pub(super) fn leaf_within_calendar(profile: &Profile, now: OffsetDateTime) -> Option<Validity> {
    Rule::of_leaf(profile).within_calendar(now)
}

/// What a CA section or a profile says about dates.
struct Rule {
    backdate: Duration,
    expiry: Duration,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
}

impl Rule {
    fn of_root(ca: Option<&CaSection>) -> Rule {
        Rule {
            backdate: backdate_or_default(ca.and_then(|ca| ca.backdate)),
            expiry: ca.and_then(|ca| ca.expiry).unwrap_or(DEFAULT_CA_EXPIRY),
            not_before: None,
            not_after: None,
        }
    }

    fn of_leaf(profile: &Profile) -> Rule {
        Rule {
            backdate: backdate_or_default(profile.backdate),
            expiry: profile.expiry,
            not_before: profile.not_before,
            not_after: profile.not_after,
        }
    }

    fn validity(&self, now: OffsetDateTime, add: impl Fn(OffsetDateTime, Duration) -> OffsetDateTime) -> Validity {
        let not_before = self.not_before.unwrap_or_else(|| {
            let to_minute = to_nearest_minute(now);
            add(
                add(now, to_minute),
                self.backdate.checked_neg().unwrap_or(Duration::MAX),
            )
        });
        let not_after = self.not_after.unwrap_or_else(|| add(not_before, self.expiry));
        Validity {
            not_before: in_utc(not_before),
            not_after: in_utc(not_after),
        }
    }

    fn within_calendar(&self, now: OffsetDateTime) -> Option<Validity> {
        let left_calendar = std::cell::Cell::new(false);
        let validity = self.validity(now, |date, duration| {
            date.checked_add(duration).unwrap_or_else(|| {
                left_calendar.set(true);
                date
            })
        });
        (!left_calendar.get()).then_some(validity)
    }
}

/// cfssl can't tell a backdate of `0s` from none.
fn backdate_or_default(backdate: Option<Duration>) -> Duration {
    backdate
        .filter(|backdate| !backdate.is_zero())
        .unwrap_or(DEFAULT_BACKDATE)
}

/// How far it is from `now` to the nearest full minute; half a minute goes up (Go `time.Time.Round`).
fn to_nearest_minute(now: OffsetDateTime) -> Duration {
    let minute = Duration::MINUTE.whole_nanoseconds();
    let past = now.unix_timestamp_nanos().rem_euclid(minute);
    let distance = if past * 2 < minute { -past } else { minute - past };
    Duration::nanoseconds(distance as i64)
}

fn in_utc(date: OffsetDateTime) -> OffsetDateTime {
    date.checked_to_offset(UtcOffset::UTC).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn profile() -> Profile {
        Profile {
            expiry: Duration::hours(8760),
            ..Profile::default()
        }
    }

    #[test]
    fn now_is_rounded_to_the_nearest_minute() {
        let not_before = |now| leaf_validity(&profile(), now).not_before;
        assert_eq!(
            not_before(datetime!(2026-11-22 15:23:29.999999999 UTC)),
            datetime!(2026-11-22 15:18 UTC)
        );
        assert_eq!(
            not_before(datetime!(2026-11-22 15:23:30 UTC)),
            datetime!(2026-11-22 15:19 UTC)
        );
        assert_eq!(
            not_before(datetime!(1969-12-31 23:59:29 UTC)),
            datetime!(1969-12-31 23:54 UTC)
        );
        assert_eq!(
            not_before(datetime!(1969-12-31 23:59:30 UTC)),
            datetime!(1969-12-31 23:55 UTC)
        );
    }

    #[test]
    fn a_day_of_backdate_is_counted_from_the_rounded_minute() {
        let profile = Profile {
            backdate: Some(Duration::hours(24)),
            ..profile()
        };
        let validity = leaf_validity(&profile, datetime!(2026-11-22 15:23:35 UTC));
        assert_eq!(validity.not_before, datetime!(2026-11-21 15:24 UTC));
        assert_eq!(validity.not_after, datetime!(2027-11-21 15:24 UTC));
    }

    #[test]
    fn fixed_dates_win_and_expiry_counts_from_a_fixed_start() {
        let start = datetime!(2030-01-01 02:00:00 +2);
        let validity = leaf_validity(
            &Profile {
                not_before: Some(start),
                ..profile()
            },
            datetime!(2026-11-22 15:23 UTC),
        );
        assert_eq!(validity.not_before, datetime!(2030-01-01 00:00 UTC));
        assert_eq!(validity.not_after, datetime!(2031-01-01 00:00 UTC));
    }

    #[test]
    fn a_root_lives_five_years_from_five_minutes_ago_unless_told_otherwise() {
        let now = datetime!(2026-11-22 15:23 UTC);
        let validity = root_validity(None, now);
        assert_eq!(validity.not_before, datetime!(2026-11-22 15:18 UTC));
        assert_eq!(validity.not_after - validity.not_before, Duration::days(5 * 365));
        let ca = CaSection {
            expiry: Some(Duration::HOUR),
            backdate: Some(Duration::ZERO),
            ..CaSection::default()
        };
        let validity = root_validity(Some(&ca), now);
        assert_eq!(validity.not_before, datetime!(2026-11-22 15:18 UTC));
        assert_eq!(validity.not_after, datetime!(2026-11-22 16:18 UTC));
    }

    #[test]
    fn a_date_beyond_the_calendar_is_no_panic() {
        let profile = Profile {
            not_before: Some(datetime!(9999-12-31 23:59 UTC)),
            expiry: Duration::MAX,
            ..Profile::default()
        };
        let now = datetime!(2026-11-22 15:23 UTC);
        assert_eq!(leaf_validity(&profile, now).not_after.year(), 9999);
        assert_eq!(leaf_within_calendar(&profile, now), None);
        let backdated = Profile {
            backdate: Some(Duration::MIN),
            ..Profile::default()
        };
        assert_eq!(leaf_within_calendar(&backdated, now), None);
        assert!(leaf_within_calendar(&Profile::default(), now).is_some());
    }
}
