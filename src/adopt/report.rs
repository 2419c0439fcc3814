//! What is said of an adoption: for people on lines of a terminal, for programs as a document.

use serde_json::{Value, json};

use super::Adopted;
use crate::diagnostic::as_json;
use crate::json_document::JsonKind;
use crate::table::wrapped;

/// The summary, on lines of `width` characters: what was read, what is kept, and what nothing told. `dir` is where it was written.
pub fn adopted_text(adopted: &Adopted, dir: &str, width: Option<usize>) -> String {
    let mut text = format!(
        "{dir}: {} hosts, Kubernetes {}, layout {}\n",
        adopted.hosts.len(),
        adopted.kubernetes,
        adopted.layout
    );
    for (name, roles) in &adopted.hosts {
        text.push_str(&format!("  {name}  {}\n", roles.join(" ")));
    }
    text.push_str("\nKept as it is, in keys/\n");
    for (what, place) in &adopted.kept {
        text.push_str(&format!("  {what}: {place}\n"));
    }
    if !adopted.assumed.is_empty() {
        text.push_str("\nNot told by anything, so look at it\n");
        for one in &adopted.assumed {
            text.push_str(&format!(
                "  cluster.toml:{} {} = {}: {}\n",
                one.line, one.field, one.value, one.why
            ));
        }
    }
    wrapped(&text, width)
}

/// The same as a document for programs.
pub fn adopted_json(adopted: &Adopted, dir: &str) -> Value {
    let hosts = adopted
        .hosts
        .iter()
        .map(|(name, roles)| json!({"name": name, "roles": roles}));
    let kept = adopted
        .kept
        .iter()
        .map(|(what, place)| json!({"what": what, "told_by": place}));
    let assumed = adopted
        .assumed
        .iter()
        .map(|one| json!({"line": one.line, "field": one.field, "value": one.value, "why": one.why}));
    JsonKind::Adoption.document([
        ("dir", dir.into()),
        ("kubernetes", adopted.kubernetes.as_str().into()),
        ("layout", adopted.layout.into()),
        ("hosts", hosts.collect::<Vec<_>>().into()),
        ("kept", kept.collect::<Vec<_>>().into()),
        ("assumed", assumed.collect::<Vec<_>>().into()),
        ("diagnostics", as_json(&adopted.said)),
    ])
}
