//! Text as a YAML scalar, in the words of go-yaml, which kubectl writes with.
//!
//! Go's YAML library reads YAML 1.1 plus its own leniencies, and writes a string plain unless a reader could take it for
//! something else: `on`, `y`, `1e3`, `12:30` are quoted. Settings are written more carefully still, for readers of any kind.

use crate::settings::{Table, Value, float_text};

/// `table` as a document in block style.
pub fn document(table: &Table) -> String {
    let mut out = String::new();
    match table.is_empty() {
        true => out.push_str("{}\n"),
        false => block(table, 0, &mut out),
    }
    out
}

fn block(table: &Table, indent: usize, out: &mut String) {
    for (index, (key, value)) in table.entries().enumerate() {
        // What stands before the first key is written by whoever knows whether it follows a dash.
        if index > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&portable(key));
        out.push(':');
        match value {
            Value::Table(below) if !below.is_empty() => {
                out.push_str(&format!("\n{}", " ".repeat(indent + 2)));
                block(below, indent + 2, out);
            }
            Value::List(list) if !list.is_empty() => {
                out.push_str(&format!("\n{}", " ".repeat(indent + 2)));
                items(list, indent + 2, out);
            }
            value => out.push_str(&format!(" {}\n", flow(value))),
        }
    }
}

fn items(list: &[Value], indent: usize, out: &mut String) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str("- ");
        match value {
            Value::Table(below) if !below.is_empty() => block(below, indent + 2, out),
            Value::List(below) if !below.is_empty() => items(below, indent + 2, out),
            value => out.push_str(&format!("{}\n", flow(value))),
        }
    }
}

/// A scalar, or a table or list with nothing in it.
fn flow(value: &Value) -> String {
    match value {
        Value::Text(text) => portable(text),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => float_text(*value),
        Value::List(_) => "[]".to_owned(),
        Value::Table(_) => "{}".to_owned(),
    }
}

/// `text` as a scalar that any reader of YAML 1.1 or 1.2 takes for just this text.
fn portable(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        && !text.ends_with(':')
        && !is_another_type(&text.to_ascii_lowercase());
    if safe { text.to_owned() } else { quoted(text) }
}

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
    // All else begins with a digit, a sign, a point, or an underscore that go-yaml leaves out.
    let like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-._".contains(c));
    WORDS.contains(&text)
        || like_a_number && (is_float_word(text) || is_number(text) || is_base_60(text) || is_timestamp(text))
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
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts that a reader could take for something else, and any others.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(vec![
                "",
                " ",
                "a",
                "on",
                "yEs",
                "~",
                "=",
                "<<",
                "1e3",
                "0x1F",
                "0o17",
                "12:30:45",
                "2026-01-01",
                ".inf",
                "-",
                "- a",
                "a: b",
                "a #b",
                "#",
                "a:",
                "[",
                "{}",
                "!x",
                "&a",
                "*a",
                "%a",
                "@",
                "`",
                "'",
                "\"",
                "\\",
                "\u{85}",
                "\u{2028}",
                "\u{feff}",
                "\n",
                "a\n\nb\n",
                "\t",
                "---",
                "...",
                "null",
                "\u{1f600}",
                "? a",
                "io.containerd.grpc.v1.cri",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
            "[a-z/]{1,4}[-a-z0-9_./:]{0,8}",
        ]
    }

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any_text().prop_map(Value::Text),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("finite", |float| float.is_finite())
                .prop_map(Value::Float),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::vec((any_text(), inner), 0..4).prop_map(table),
            ]
        })
    }

    pub(crate) fn any_table() -> impl Strategy<Value = Table> {
        proptest::collection::vec((any_text(), any_value()), 0..5).prop_map(|entries| match table(entries) {
            Value::Table(table) => table,
            _ => Table::new(),
        })
    }

    fn table(entries: Vec<(String, Value)>) -> Value {
        let mut table = Table::new();
        for (key, value) in entries {
            table.insert(key, value);
        }
        Value::Table(table)
    }

    /// What a reader that knows no schema of ours has to say of it.
    fn as_json(value: &Value) -> serde_json::Value {
        match value {
            Value::Text(text) => text.as_str().into(),
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::List(list) => list.iter().map(as_json).collect(),
            Value::Table(table) => table
                .entries()
                .map(|(key, value)| (key.to_owned(), as_json(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    proptest! {
        #[test]
        fn settings_are_read_back_as_they_were(table in any_table()) {
            let text = document(&table);
            let read: serde_json::Value =
                serde_saphyr::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(read, as_json(&Value::Table(table)), "{}", text);
        }
    }

    #[test]
    fn settings_are_written_in_blocks() {
        let mut settings = Table::new();
        settings.set(&["kind"], Value::Text("KubeletConfiguration".to_owned()));
        settings.set(&["authentication", "anonymous", "enabled"], Value::Boolean(false));
        settings.set(
            &["authentication", "x509", "clientCAFile"],
            Value::Text("/var/lib/ca.pem".to_owned()),
        );
        let mut item = Table::new();
        item.insert("a", Value::Integer(1));
        item.insert(
            "b",
            Value::List(vec![Value::Text("on".to_owned()), Value::List(vec![Value::Float(0.5)])]),
        );
        settings.set(
            &["list"],
            Value::List(vec![Value::Table(item), Value::Table(Table::new())]),
        );
        assert_eq!(
            document(&settings),
            "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: \
             /var/lib/ca.pem\nlist:\n  - a: 1\n    b:\n      - \"on\"\n      - - 0.5\n  - {}\n"
        );
        assert_eq!(document(&Table::new()), "{}\n");
    }

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
