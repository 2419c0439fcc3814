//! Findings and certificates as text for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Finding, InventoryRow};
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
        let place: Vec<&str> = [finding.host.as_str(), finding.path.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let place = if place.is_empty() {
            String::new()
        } else {
            format!("{}: ", place.join(": "))
        };
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

fn days_left(row: &InventoryRow, at: OffsetDateTime) -> i64 {
    (row.certificate.not_after - at).whole_seconds().div_euclid(86_400)
}

fn names(row: &InventoryRow) -> Vec<String> {
    let certificate = &row.certificate;
    let ips = certificate.ips.iter().map(ToString::to_string);
    let names = certificate
        .dns
        .iter()
        .chain(&certificate.other_names)
        .map(|name| printable(name));
    names.chain(ips).collect()
}

/// Paths shown of one certificate.
const PLACES_SHOWN: usize = 3;

/// One block for each certificate: authorities, then leaves by the end of their life.
pub fn inventory_text(rows: &[InventoryRow], at: OffsetDateTime) -> String {
    let mut text = String::new();
    let mut heading = None;
    for row in rows {
        let certificate = &row.certificate;
        if heading != Some(certificate.authority) {
            heading = Some(certificate.authority);
            text.push_str(if certificate.authority {
                "AUTHORITIES\n\n"
            } else {
                "CERTIFICATES\n\n"
            });
        }
        let days = days_left(row, at);
        let left = match days {
            ..0 => "EXPIRED".to_owned(),
            _ if at < certificate.not_before => "NOT YET VALID".to_owned(),
            _ => format!("{days} days left"),
        };
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {label:<11}{value}");
        };
        line("subject", &certificate.subject);
        line("issuer", &certificate.issuer);
        line(
            "valid",
            &format!(
                "{} to {} ({left})",
                date(certificate.not_before),
                date(certificate.not_after)
            ),
        );
        line("key", &certificate.key);
        let names = names(row);
        if !names.is_empty() {
            line("names", &names.join(", "));
        }
        let shown: Vec<String> = row
            .places
            .iter()
            .take(PLACES_SHOWN)
            .map(|(host, path)| printable(&format!("{host}:{path}")))
            .collect();
        let more = row.places.len().saturating_sub(PLACES_SHOWN);
        let more = if more == 0 {
            String::new()
        } else {
            format!(", and {more} more")
        };
        line("in", &format!("{}{more}", shown.join(", ")));
        text.push('\n');
    }
    let authorities = rows.iter().filter(|row| row.certificate.authority).count();
    let _ = writeln!(
        text,
        "{authorities} authorities, {} certificates",
        rows.len() - authorities
    );
    text
}

/// As [`inventory_text`], with every place.
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

fn date(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}
