//! Findings as text for people and as JSON for programs; certificates as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::dates::date;
use super::finding::Finding;
use super::inventory::InventoryRow;
use crate::diagnostic::{SarifResult, Severity, sarif_log};
use crate::found::printable;
use crate::json_document::JsonKind;

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings
        .iter()
        .filter(|finding| finding.row().severity == severity)
        .count()
}

/// The findings, errors first, each with what to do, and a line that counts them. What is the same on many hosts is told once.
pub fn render_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut hosts: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for finding in findings {
        hosts.entry(cause(finding)).or_default().push(&finding.host);
    }
    for finding in findings {
        let Some(hosts) = hosts.remove(&cause(finding)) else {
            continue;
        };
        let row = finding.row();
        let place = [listed(&hosts), finding.path.clone()];
        let place = place.iter().filter(|part| !part.is_empty());
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
    let counted = [Severity::Error, Severity::Warning].map(|severity| severity.counted(count(findings, severity)));
    let _ = writeln!(text, "{}", counted.join(", "));
    text
}

fn cause(finding: &Finding) -> (&str, &str, &str) {
    (finding.code, &finding.path, &finding.message)
}

/// More hosts than these are counted; as JSON each is there.
const HOSTS_NAMED: usize = 6;

/// Hosts by their names, in a sentence.
fn listed(hosts: &[&str]) -> String {
    match hosts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [many @ .., last] if many.len() < HOSTS_NAMED => format!("{} and {last}", many.join(", ")),
        [first, second, third, others @ ..] => format!("{first}, {second}, {third} and {} more hosts", others.len()),
        many => many.join(", "),
    }
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
    let mut document = JsonKind::Findings.document([
        ("findings", list.into()),
        ("errors", count(findings, Severity::Error).into()),
        ("warnings", count(findings, Severity::Warning).into()),
    ]);
    if let (Some(differences), Value::Object(fields)) = (specification, &mut document) {
        fields.insert("specification".to_owned(), differences);
    }
    format!("{document:#}\n")
}

/// The findings as SARIF. `folder` is where each host has a folder of its own, if there is one: an output.
pub fn render_sarif(findings: &[Finding], folder: Option<&str>) -> Value {
    let results = findings.iter().map(|finding| {
        let Finding { host, path, .. } = finding;
        let below = match path.strip_prefix('/') {
            Some(path) if !host.is_empty() => format!("rootfs/{path}"),
            _ => path.clone(),
        };
        let parts = [folder.unwrap_or_default().trim_end_matches('/'), host, &below];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        SarifResult {
            code: finding.row(),
            message: finding.message.clone(),
            hint: finding.row().advice.to_owned(),
            path: folder.map(|_| parts.collect::<Vec<_>>().join("/")),
            region: None,
            of: Some(
                [host, path]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(": "),
            ),
        }
    });
    sarif_log(results.collect())
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
    format!("{:#}\n", JsonKind::Inventory.document([("certificates", list.into())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::verify_codes as codes;

    fn finding(host: &str, message: &str) -> Finding {
        Finding {
            host: host.to_owned(),
            path: "/etc/motd".to_owned(),
            code: codes::BAD_PEM.name,
            message: message.to_owned(),
        }
    }

    #[test]
    fn one_cause_for_many_hosts_is_told_once_and_counted_for_each() {
        let hosts: Vec<String> = (1..=9).map(|number| format!("w{number}")).collect();
        let mut findings: Vec<Finding> = hosts.iter().map(|host| finding(host, "it is empty")).collect();
        findings.push(finding("w9", "it is long"));
        let text = render_text(&findings);
        assert_eq!(text.matches("it is empty").count(), 1, "{text}");
        assert!(
            text.contains(": w1, w2, w3 and 6 more hosts: /etc/motd: it is empty\n"),
            "{text}"
        );
        assert!(text.contains(": w9: /etc/motd: it is long\n"), "{text}");
        assert!(text.ends_with("10 errors, 0 warnings\n"), "{text}");
        let text = render_text(&findings[..2]);
        assert!(text.contains(": w1 and w2: /etc/motd: it is empty\n"), "{text}");
        let text = render_text(&findings[..1]);
        assert!(text.ends_with("1 error, 0 warnings\n"), "{text}");
    }
}
