//! Settings as a TOML document.

use crate::settings::{Table, Value, float_text};

/// `table` as TOML 1.0: what is no table first, then each table under its header.
pub fn document(table: &Table) -> String {
    let mut out = String::new();
    section(table, &mut Vec::new(), &mut out);
    out
}

fn section<'a>(table: &'a Table, path: &mut Vec<&'a str>, out: &mut String) {
    for (name, value) in table.entries() {
        if !matches!(value, Value::Table(_)) {
            out.push_str(&format!("{} = {}\n", key(name), inline(value)));
        }
    }
    for (name, value) in table.entries() {
        let Value::Table(below) = value else { continue };
        path.push(name);
        // A table of nothing but tables is there by their headers.
        if below.is_empty() || below.entries().any(|(_, value)| !matches!(value, Value::Table(_))) {
            let header: Vec<String> = path.iter().map(|part| key(part)).collect();
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}[{}]\n", header.join(".")));
        }
        section(below, path, out);
        path.pop();
    }
}

/// A value on one line.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => float_text(*value),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let entries: Vec<String> = table
                .entries()
                .map(|(name, value)| format!("{} = {}", key(name), inline(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A key: bare where TOML permits it.
pub(crate) fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
