//! What is said of an adoption: for people on lines of a terminal, for programs as a document.

use serde_json::{Value, json};

use super::topology::Assumption;
use crate::diagnostic::{Diagnostic, as_json};
use crate::json_document::JsonKind;
use crate::pki::secret::SecretBytes;
use crate::table::wrapped;

/// A file of a specification.
#[derive(Debug)]
pub struct AdoptedFile {
    /// Below the specification's folder.
    pub path: String,
    /// The permission bits: 0600 of a secret.
    pub mode: u32,
    /// What is in it.
    pub content: SecretBytes,
}

impl AdoptedFile {
    pub(super) fn public(path: impl Into<String>, text: &str) -> AdoptedFile {
        AdoptedFile {
            path: path.into(),
            mode: 0o644,
            content: SecretBytes::from(text.as_bytes()),
        }
    }

    pub(super) fn secret(path: impl Into<String>, content: &SecretBytes) -> AdoptedFile {
        AdoptedFile {
            path: path.into(),
            mode: 0o600,
            content: content.clone(),
        }
    }
}

/// A specification, and what is to be said of it.
#[derive(Debug)]
pub struct Adopted {
    /// Every file but the seed: cluster.toml, the CSR folder, keys.
    pub files: Vec<AdoptedFile>,
    /// What nothing tells.
    pub assumed: Vec<Assumption>,
    /// What could not be taken as it is; no errors.
    pub said: Vec<Diagnostic>,
    /// What is kept, in words: `ca`, and where it lies.
    pub kept: Vec<(String, String)>,
    /// The hosts, and what each does.
    pub hosts: Vec<(String, Vec<&'static str>)>,
    /// The versions and the layout.
    pub kubernetes: String,
    /// The layout's name.
    pub layout: &'static str,
}

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
            let value = match one.value.as_str() {
                "" => String::new(),
                value => format!(" = {value}"),
            };
            text.push_str(&format!(
                "  cluster.toml:{} {}{value}: {}\n",
                one.line, one.field, one.why
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_fits_a_terminal() {
        let adopted = Adopted {
            files: Vec::new(),
            assumed: vec![Assumption {
                line: 20,
                field: "services".to_owned(),
                value: "\"10.32.0.0/24\"".to_owned(),
                why: "kubernetes.pem has its first address 10.32.0.1: see that it is as long, and correct it"
                    .to_owned(),
            }],
            said: Vec::new(),
            kept: vec![(
                "ca".to_owned(),
                "master1: /etc/systemd/system/kube-apiserver.service:16, --client-ca-file, and 22 more".to_owned(),
            )],
            hosts: vec![("master1".to_owned(), vec!["control-plane", "etcd"])],
            kubernetes: "1.37".to_owned(),
            layout: "single",
        };
        let text = adopted_text(&adopted, "mycluster", Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.contains("cluster.toml:20 services = \"10.32.0.0/24\": kubernetes.pem"),
            "{text}"
        );
    }
}
