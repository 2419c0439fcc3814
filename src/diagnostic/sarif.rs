//! Diagnostics and findings as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>), which code hosts show at
//! the line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::code::Code;
use super::codes;
use super::problem::Diagnostic;
use super::render::{Region, regions};

/// What is told of one place.
pub(crate) struct SarifResult {
    pub code: &'static Code,
    pub message: String,
    pub hint: String,
    /// A path, relative to where the program ran, or an absolute one; none where it is of no file that could be named.
    pub path: Option<String>,
    pub region: Option<Region>,
    /// What it is of, where that is no file of this machine: `master1: /etc/etcd/ca.pem`.
    pub of: Option<String>,
}

/// Diagnostics of `check`, by file and place.
pub fn sarif(diagnostics: &[Diagnostic]) -> Value {
    let results = regions(diagnostics).into_iter().filter_map(|(diagnostic, region)| {
        Some(SarifResult {
            code: codes::CODES.iter().find(|code| code.name == diagnostic.code)?,
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
            path: diagnostic.place.as_ref().map(|place| place.file.name.clone()),
            region,
            of: None,
        })
    });
    sarif_log(results.collect())
}

/// A log of one run. Each result counts as often as it stands there; rules stand once.
pub(crate) fn sarif_log(results: Vec<SarifResult>) -> Value {
    let mut rules: BTreeMap<&str, &'static Code> = BTreeMap::new();
    for result in &results {
        rules.insert(result.code.name, result.code);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, name)| (*name, index)).collect();
    let results: Vec<Value> = results
        .iter()
        .map(|result| {
            let message = format!("{} (help: {})", result.message, result.hint);
            let mut object = json!({
                "ruleId": result.code.name,
                "ruleIndex": index.get(result.code.name),
                "level": result.code.severity.name(),
                "message": {"text": message},
            });
            let mut location = Map::new();
            if let Some(path) = &result.path {
                location.insert("physicalLocation".to_owned(), physical(path, result.region));
            }
            if let Some(of) = &result.of {
                location.insert("logicalLocations".to_owned(), json!([{"fullyQualifiedName": of}]));
            }
            if !location.is_empty() {
                object["locations"] = json!([location]);
            }
            object
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "khw-gen",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &Code) -> Value {
    let mut rule = json!({
        "id": code.name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.meaning},
        "help": {"text": format!("{}. khw-gen explain {}", code.advice, code.name)},
        "defaultConfiguration": {"level": code.severity.name()},
    });
    if let Some(source) = code.sources.first() {
        rule["helpUri"] = json!(source);
    }
    rule
}

fn physical(path: &str, region: Option<Region>) -> Value {
    let mut physical = Map::from_iter([("artifactLocation".to_owned(), json!({"uri": uri(path)}))]);
    if let Some(Region { start, end }) = region {
        let region = json!({"startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1});
        physical.insert("region".to_owned(), region);
    }
    Value::Object(physical)
}

/// A path as a relative reference, or a URI of a file where it is absolute (RFC 3986, section 4.2; RFC 8089).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            // Writing to a String does not fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_that_leads_to_it() {
        assert_eq!(uri("csr/ca-csr.json"), "csr/ca-csr.json");
        assert_eq!(uri("./a b/ä:1#?.toml"), "a%20b/%C3%A4%3A1%23%3F.toml");
        assert_eq!(uri("/srv/out/cp 1/etc"), "file:///srv/out/cp%201/etc");
    }
}
