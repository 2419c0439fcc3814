//! Findings as text for people and as JSON for programs; certificates as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::finding::Finding;
use super::inventory::InventoryRow;
use crate::diagnostic::Severity;
use crate::found::printable;

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings
        .iter()
        .filter(|finding| finding.row().severity == severity)
        .count()
}

/// The findings, errors first, each with what to do, and a line that counts them.
pub fn render_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let row = finding.row();
        let place = [&finding.host, &finding.path]
            .into_iter()
            .filter(|part| !part.is_empty());
        let place: String = place.map(|part| format!("{part}: ")).collect();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{}[{}]: {place}{}",
            row.severity.name(),
            row.name,
            finding.message
        );
        let _ = writeln!(text, "  = help: {}\n", row.advice);
    }
    let (errors, warnings) = (count(findings, Severity::Error), count(findings, Severity::Warning));
    let _ = writeln!(text, "{errors} errors, {warnings} warnings");
    text
}

/// The findings as JSON, in the same order; `specification`: what a specification would have made differently.
pub fn render_json(findings: &[Finding], specification: Option<Value>) -> String {
    let list: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let row = finding.row();
            json!({
                "code": row.name,
                "severity": row.severity.name(),
                "host": finding.host,
                "path": finding.path,
                "message": finding.message,
                "hint": row.advice,
            })
        })
        .collect();
    let mut document = json!({
        "findings": list,
        "errors": count(findings, Severity::Error),
        "warnings": count(findings, Severity::Warning),
    });
    if let (Some(differences), Value::Object(fields)) = (specification, &mut document) {
        fields.insert("specification".to_owned(), differences);
    }
    format!("{document:#}\n")
}

pub(super) fn days_left(row: &InventoryRow, at: OffsetDateTime) -> i64 {
    (row.certificate.not_after - at).whole_seconds().div_euclid(86_400)
}

pub(super) fn names(row: &InventoryRow) -> Vec<String> {
    let certificate = &row.certificate;
    let ips = certificate.ips.iter().map(ToString::to_string);
    let names = certificate
        .dns
        .iter()
        .chain(&certificate.other_names)
        .map(|name| printable(name));
    names.chain(ips).collect()
}

/// Every certificate with all that is known of it, as JSON.
pub fn inventory_json(rows: &[InventoryRow], at: OffsetDateTime) -> String {
    let list: Vec<Value> = rows
        .iter()
        .map(|row| {
            let certificate = &row.certificate;
            let places: Vec<Value> = row
                .places
                .iter()
                .map(|(host, path)| json!({"host": host, "path": path}))
                .collect();
            json!({
                "uses": row.uses,
                "subject": certificate.subject,
                "issuer": certificate.issuer,
                "authority": certificate.authority,
                "names": names(row),
                "not_before": date(certificate.not_before),
                "not_after": date(certificate.not_after),
                "days_left": days_left(row, at),
                "key": certificate.key,
                "sha256": certificate.fingerprint,
                "places": places,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "certificates": list }))
}

pub(super) fn date(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}
