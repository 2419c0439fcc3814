//! Durations as Go's `time.ParseDuration` reads them.
use time::Duration;

/// Why a text is no duration, and what the user may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotADuration {
    pub message: String,
    pub hint: Option<String>,
}

/// Nanoseconds of each unit, by Go's names (both micro signs).
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units that people write and Go does not know, in hours.
const LONGER_UNITS: [(&str, i128); 16] = [
    ("d", 24),
    ("day", 24),
    ("days", 24),
    ("w", 168),
    ("week", 168),
    ("weeks", 168),
    ("mo", 730),
    ("month", 730),
    ("months", 730),
    ("y", 8760),
    ("yr", 8760),
    ("year", 8760),
    ("years", 8760),
    ("D", 24),
    ("Y", 8760),
    ("H", 1),
];

/// The duration that Go reads from `text`: an optional sign, then numbers (with an optional fraction) each with its unit.
/// `0` needs no unit. Go's limit of 63 bits of nanoseconds (292 years) holds.
pub fn parse(text: &str) -> Result<Duration, NotADuration> {
    let refuse = |message: &str| NotADuration {
        message: format!("invalid duration \"{text}\": {message}"),
        hint: None,
    };
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(refuse("there is no number"));
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, fraction, after) = number(rest).ok_or_else(|| refuse("a number was expected"))?;
        let unit_length = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(unknown_unit(
                text,
                unit,
                whole,
                fraction,
                after.is_empty() && rest.len() == text.len(),
            ));
        };
        let too_long = || refuse("it is longer than 292 years");
        let digits: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| too_long())?
        };
        let part = digits.checked_mul(*scale).ok_or_else(too_long)?;
        total = total
            .checked_add(part + fraction_of(fraction, *scale))
            .ok_or_else(too_long)?;
        // Go holds the magnitude in 63 bits, and only a negative duration may use the last value.
        if total > (1 << 63) - i128::from(!negative) {
            return Err(too_long());
        }
        rest = after;
    }
    let total = if negative { -total } else { total };
    i64::try_from(total)
        .map(Duration::nanoseconds)
        .map_err(|_| refuse("it is longer than 292 years"))
}

/// The digits before and after the point, and what follows; none if there is no digit at all.
fn number(text: &str) -> Option<(&str, &str, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(digits(after)),
        None => ("", rest),
    };
    (!whole.is_empty() || !fraction.is_empty()).then_some((whole, fraction, rest))
}

/// `0.fraction` of `scale` nanoseconds, with digits beyond the 18th ignored, as Go ignores what overflows.
fn fraction_of(fraction: &str, scale: i128) -> i128 {
    let (value, power) = fraction
        .bytes()
        .take(18)
        .fold((0_i128, 1_i128), |(value, power), digit| {
            (value * 10 + i128::from(digit - b'0'), power * 10)
        });
    value * scale / power
}

fn unknown_unit(text: &str, unit: &str, whole: &str, fraction: &str, alone: bool) -> NotADuration {
    let message = match unit {
        "" => format!("invalid duration \"{text}\": a unit is missing"),
        unit => format!("invalid duration \"{text}\": unknown unit \"{unit}\""),
    };
    let hours = |per_unit: i128| {
        let whole: i128 = if whole.is_empty() {
            Some(0)
        } else {
            whole.parse().ok().filter(|n| *n < 1_000_000)
        }?;
        Some(whole * per_unit + fraction_of(fraction, per_unit))
    };
    let longer = LONGER_UNITS.iter().find(|(name, _)| *name == unit.trim());
    let hint = match longer.filter(|_| alone).and_then(|(_, per_unit)| hours(*per_unit)) {
        Some(hours) => Some(format!("write \"{hours}h\"")),
        None if unit.is_empty() && alone => Some(format!("write \"{whole}h\" for hours")),
        None => None,
    };
    NotADuration { message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("+0", 0),
            ("8760h", 8_760 * 3_600_000_000_000),
            ("1h15m30.918273645s", 4_530_918_273_645),
            ("-5m", -300_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1.9999999999999999999999h", 7_199_999_999_999),
            ("3\u{b5}s", 3_000),
            ("3\u{3bc}s3us1ns", 6_001),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(Duration::nanoseconds(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "-",
            "+",
            "s",
            ".",
            "3",
            "-.s",
            ".s",
            "+.s",
            "1h 30m",
            " 1h",
            "1H",
            "h1",
            "1h-1m",
            "9223372036854775808ns",
            "3000000h",
            "10y",
            "--1h",
            "1e3s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_days_and_years_in_hours() {
        let hint = |text: &str| parse(text).err().and_then(|error| error.hint);
        assert_eq!(hint("365d").as_deref(), Some("write \"8760h\""));
        assert_eq!(hint("1.5d").as_deref(), Some("write \"36h\""));
        assert_eq!(hint("10y").as_deref(), Some("write \"87600h\""));
        assert_eq!(hint("2 weeks").as_deref(), Some("write \"336h\""));
        assert_eq!(hint("8760").as_deref(), Some("write \"8760h\" for hours"));
        assert_eq!(hint("1y6q"), None);
    }
}
