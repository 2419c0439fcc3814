//! Text as a YAML scalar, in the words of go-yaml, which kubectl writes with.
//!
//! Go's YAML library reads YAML 1.1 plus its own leniencies, and writes a string plain unless a reader could take it for
//! something else: `on`, `y`, `1e3`, `12:30` are quoted.

/// `text` as a scalar that go-yaml v2 would write: plain where that is safe, single-quoted where plain would be another
/// structure, double-quoted where it would be another type or holds characters that must be escaped.
pub fn scalar(text: &str) -> String {
    if text.is_empty() || is_another_type(text) || text.chars().any(needs_escape) {
        return quoted(text);
    }
    if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// `text` between double quotes, with the escapes that JSON and YAML share.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if needs_escape(c) && u32::from(c) <= 0xFFFF => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether the text can stand without quotes in block style.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let mut rest = text.chars().skip(1);
    let indicator = match first {
        '-' | '?' | ':' => rest.next().is_none_or(char::is_whitespace),
        c => "#,[]{}&*!|>'\"%@`".contains(c),
    };
    let inner = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    let document = text.starts_with("---") || text.starts_with("...");
    let space = text.starts_with(' ') || text.ends_with(' ');
    !(indicator || inner || document || space)
}

/// Whether a YAML 1.1 reader, or go-yaml with its leniencies, would take the plain text for something other than a string.
fn is_another_type(text: &str) -> bool {
    const WORDS: [&str; 28] = [
        "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
        "on", "On", "ON", "off", "Off", "OFF", "null", "Null", "NULL", "~", "<<", "",
    ];
    WORDS.contains(&text) || is_float_word(text) || is_number(text) || is_base_60(text) || is_timestamp(text)
}

fn is_float_word(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    [".inf", ".Inf", ".INF"].contains(&unsigned) || [".nan", ".NaN", ".NAN"].contains(&text)
}

/// Integers in bases 2, 8, 10 and 16 and floats, with the underscores that go-yaml leaves out before it parses.
fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let all = |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let based = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)]
        .iter()
        .any(|(prefix, radix)| unsigned.strip_prefix(prefix).is_some_and(|digits| all(digits, *radix)));
    based || all(unsigned, 10) || is_float(unsigned)
}

/// `[0-9]*.?[0-9]*([eE][+-]?[0-9]+)?` with at least one digit before the exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// `190:20:30`, which YAML 1.1 reads as a number in base 60; go-yaml quotes it for the sake of other readers.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let leading =
        first.starts_with(|c: char| c.is_ascii_digit()) && first.chars().all(|c| c.is_ascii_digit() || c == '_');
    let sixty = |part: &str, last: bool| {
        let (whole, fraction) = if last {
            part.split_once('.').unwrap_or((part, ""))
        } else {
            (part, "")
        };
        (1..=2).contains(&whole.len())
            && whole.chars().all(|c| c.is_ascii_digit())
            && (whole.len() == 1 || whole.as_bytes()[0] <= b'5')
            && fraction.chars().all(|c| c.is_ascii_digit() || c == '_')
    };
    leading
        && !rest.is_empty()
        && rest
            .iter()
            .enumerate()
            .all(|(index, part)| sixty(part, index + 1 == rest.len()))
}

/// `2026-01-01` and what continues like it: a date, perhaps with a time.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    digits == 4 && bytes.get(4) == Some(&b'-') && text[5..].starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What kubectl 1.32 wrote for each of these as a cluster's name.
    #[test]
    fn scalars_are_written_as_kubectl_writes_them() {
        for (text, written) in [
            ("on", "\"on\""),
            ("y", "\"y\""),
            ("1e3", "\"1e3\""),
            ("null", "\"null\""),
            ("123", "\"123\""),
            ("0x1f", "\"0x1f\""),
            ("1_000", "\"1_000\""),
            ("12:30", "\"12:30\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("no", "\"no\""),
            ("true", "\"true\""),
            ("a.b", "a.b"),
            ("1.2", "\"1.2\""),
            (".5", "\".5\""),
            ("=", "="),
            ("N", "\"N\""),
            ("0b1", "\"0b1\""),
            ("0o7", "\"0o7\""),
            ("017", "\"017\""),
            ("1:20", "\"1:20\""),
            ("yes.", "yes."),
            ("x-", "x-"),
            ("a: b", "'a: b'"),
            ("x y", "x y"),
            ("system:node:n1", "system:node:n1"),
            ("https://[fd00::1]:6443", "https://[fd00::1]:6443"),
        ] {
            assert_eq!(scalar(text), written, "{text}");
        }
    }

    #[test]
    fn quotes_and_line_ends_are_escaped() {
        assert_eq!(quoted("a\"b\\c\nd\u{7}"), "\"a\\\"b\\\\c\\nd\\u0007\"");
        assert_eq!(scalar("a\nb: c"), "\"a\\nb: c\"");
    }
}
