//! What of a report no other document has: groups, who talks to whom, what lies where, what a rotation changes; with the findings that
//! these refer to.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::connections::{GroupActor, Way};
use super::told::Report;
use crate::json_document::JsonKind;

/// The document; groups and findings are referred to by their places, from 0.
pub fn to_json(report: &Report) -> Value {
    let groups = report.groups.all.iter().map(|group| {
        let files: BTreeMap<&String, Value> = group
            .files
            .iter()
            .map(|(path, file)| {
                let modes = file.modes.iter().map(|(mode, hosts)| {
                    let mode = mode.map(|mode| format!("{mode:04o}"));
                    json!({ "mode": mode, "hosts": hosts })
                });
                let modes: Vec<Value> = modes.collect();
                let about = json!({
                    "modes": modes,
                    "count": file.count,
                    "what": report.kinds.get(path),
                    "secret": report.secret_paths.contains(path),
                });
                (path, about)
            })
            .collect();
        json!({ "name": group.name, "hosts": group.hosts, "roles": group.roles, "files": files })
    });
    let connections = report.connections.iter().map(|one| {
        json!({
            "purpose": one.purpose,
            "caller": actor(&one.caller),
            "callee": actor(&one.callee),
            "addresses": one.addresses,
            "pairs": one.pairs,
            "state": one.health().word(),
            "server": one.server.as_ref().map(|way| way_json(report, way)),
            "client": one.client.as_ref().map(|way| way_json(report, way)),
            "handed_on_by": one.handed_on.as_ref().map(|way| &way.shown_by),
            "findings": one.causes(),
        })
    });
    let beliefs = report.beliefs.iter().map(|one| {
        json!({
            "what": one.purpose,
            "signer": actor(&one.signer),
            "by": one.by,
            "judge": actor(&one.judge),
            "as_in": one.as_in,
            "state": one.way.health().word(),
            "findings": one.way.causes,
        })
    });
    let findings = report.causes.iter().map(|cause| {
        let row = cause.finding.row();
        json!({
            "code": row.name,
            "severity": row.severity.name(),
            "hosts": cause.hosts,
            "path": cause.finding.path,
            "message": cause.finding.message,
            "hint": row.advice,
        })
    });
    let rotations = report.turns.iter().map(|turn| {
        let phases = turn.phases.iter().map(|phase| {
            let files = phase
                .files
                .iter()
                .map(|(group, files)| json!({ "group": group, "paths": files }));
            json!({
                "phase": phase.phase.name(),
                "means": phase.means,
                "waits": phase.waits,
                "hosts": phase.hosts,
                "files": phase.count,
                "changes": files.collect::<Vec<Value>>(),
            })
        });
        json!({ "of": turn.of, "now": turn.now, "phases": phases.collect::<Vec<Value>>() })
    });
    JsonKind::Report.document([
        ("at", report.at.format(&Rfc3339).unwrap_or_default().into()),
        ("untold", json!(report.untold)),
        ("groups", groups.collect::<Vec<Value>>().into()),
        ("connections", connections.collect::<Vec<Value>>().into()),
        ("beliefs", beliefs.collect::<Vec<Value>>().into()),
        ("findings", findings.collect::<Vec<Value>>().into()),
        ("rotations", rotations.collect::<Vec<Value>>().into()),
    ])
}

fn actor(actor: &GroupActor) -> Value {
    json!({ "group": actor.group, "name": actor.name })
}

fn way_json(report: &Report, way: &Way) -> Value {
    let shown: Vec<Value> = way
        .shown
        .values()
        .map(|one| json!({ "subject": one.subject, "sha256": report.has_fingerprints.then_some(&one.fingerprint) }))
        .collect();
    let trusted: Vec<Value> = way
        .trusted
        .values()
        .map(|one| json!({ "subject": one.subject, "sha256": report.has_fingerprints.then_some(&one.fingerprint) }))
        .collect();
    let pairs: BTreeMap<&str, usize> = way
        .pairs
        .iter()
        .map(|(health, count)| (health.word(), *count))
        .collect();
    json!({
        "shown_by": way.shown_by,
        "shown": shown,
        "trusted_by": way.trusted_by,
        "trusted": trusted,
        "state": way.health().word(),
        "pairs": pairs,
    })
}
