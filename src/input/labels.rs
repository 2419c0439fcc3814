//! Labels and taints of nodes, in the grammar of Kubernetes and as far as a kubelet may set them itself.
//!
//! The grammar: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>. What a kubelet may set: its
//! own check of `--node-labels`, and the admission plugin NodeRestriction.
use std::collections::BTreeSet;

use crate::cluster::{Role, Taint, TaintEffect};
use crate::diagnostic::suggest::{listed, nearest};
use crate::diagnostic::{Reporter, codes};

use super::draft::Draft;
use super::names;
use super::tree::{At, Fields};
use super::values::cant_be;

/// Labels outside of the prefixes below that a kubelet may set on its own node, though their namespace is Kubernetes'
/// (kubelet, well_known_labels.go).
const OF_KUBELETS: &[&str] = &[
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
/// The namespaces in which a kubelet may set any label.
const NAMESPACES_OF_KUBELETS: &[&str] = &["kubelet.kubernetes.io", "node.kubernetes.io"];
/// The namespaces in which it may set no other.
const NAMESPACES_OF_KUBERNETES: &[&str] = &["kubernetes.io", "k8s.io"];
/// The namespace that NodeRestriction keeps from kubelets.
const RESTRICTED: &str = "node-restriction.kubernetes.io";

/// The labels of a host; without those that are wrong, which are reported.
pub fn labels(fields: &Fields<'_>) -> Vec<(At<String>, String)> {
    let say = fields.doc.say;
    let mut labels = Vec::new();
    for entry in fields.map("labels") {
        let key = fields.doc.key(entry);
        let value = fields.doc.text(&entry.node);
        let fine = [
            label_key(&key, say),
            value.as_ref().is_some_and(|value| label_value(value, say)),
        ];
        if let ([true, true], Some(value)) = (fine, value) {
            labels.push((key, value.value));
        }
    }
    labels
}

fn label_key(key: &At<String>, say: &Reporter) -> bool {
    let text = &key.value;
    if let Some(problem) = qualified_name_problem(text) {
        cant_be(key, "a label", problem, codes::BAD_LABEL, say);
        return false;
    }
    if let Some(problem) = kubelet_problem(text) {
        let message = format!("a kubelet can't set the label \"{text}\" on its own node: {problem}");
        say.at(&key.place, codes::REFUSED_LABEL, message);
        return false;
    }
    true
}

/// Labels that kubelets know of, but not those of the release.
pub fn check(draft: &Draft, say: &Reporter) {
    let Some(release) = &draft.release else { return };
    let unknown =
        |key: &&At<String>| !release.release.topology_labels && key.value.starts_with("topology.kubernetes.io/");
    let workers = draft.with(Role::Worker);
    for key in workers
        .flat_map(|host| &host.labels)
        .map(|(key, _)| key)
        .filter(unknown)
    {
        let message = format!(
            "a kubelet {} can't set the label \"{}\" on its own node: it does not know it",
            release.release.kubernetes, key.value
        );
        let old = key.value.replace("topology.", "failure-domain.beta.");
        say.at(&key.place, codes::REFUSED_LABEL, message)
            .hint(format!("write \"{old}\", which this release uses"));
    }
}

fn label_value(value: &At<String>, say: &Reporter) -> bool {
    let Some(problem) = value_problem(&value.value) else {
        return true;
    };
    cant_be(value, "a label's value", problem, codes::BAD_LABEL, say);
    false
}

/// Why a kubelet that labels its node with `key` would not start, or not be let in.
fn kubelet_problem(key: &str) -> Option<&'static str> {
    let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
    let lies_in = |of: &&str| {
        namespace
            .strip_suffix(*of)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if lies_in(&RESTRICTED) {
        return Some("NodeRestriction keeps this namespace from kubelets");
    }
    if OF_KUBELETS.contains(&key)
        || NAMESPACES_OF_KUBELETS.iter().any(lies_in)
        || !NAMESPACES_OF_KUBERNETES.iter().any(lies_in)
    {
        return None;
    }
    Some("it refuses all but a few in Kubernetes' own namespaces")
}

/// Why `name` is no qualified name: `[PREFIX/]NAME` with a DNS name as its prefix.
fn qualified_name_problem(name: &str) -> Option<String> {
    let name = match name.split_once('/') {
        None => name,
        Some((prefix, name)) => {
            // Kubernetes takes a prefix that looks like an address; nobody means one.
            if let Some(problem) = names::dns_name_problem(prefix, names::LONGEST_NAME) {
                return Some(format!("its prefix is no DNS name: {problem}"));
            }
            name
        }
    };
    if name.is_empty() {
        return Some("its name is empty".to_owned());
    }
    value_problem(name)
}

/// Why `value` is no label value: at most 63 of `A-Z a-z 0-9 - _ .`, a letter or digit at both ends.
fn value_problem(value: &str) -> Option<String> {
    if let Some(c) = value
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        return Some(format!("`{c}` is not permitted"));
    }
    if value.len() > 63 {
        return Some(format!("it has {} characters, more than 63", value.len()));
    }
    let ends = [value.chars().next(), value.chars().next_back()];
    if ends.into_iter().flatten().any(|c| !c.is_ascii_alphanumeric()) {
        return Some("it begins or ends with something else than a letter or digit".to_owned());
    }
    None
}

/// The taints of a host; without those that are wrong, which are reported.
pub fn taints(fields: &Fields<'_>) -> Vec<Taint> {
    let mut taints = Vec::new();
    let mut seen = BTreeSet::new();
    for text in fields.texts("taints") {
        let taint = match parse_taint(&text.value) {
            Ok(taint) => taint,
            Err(problem) => {
                cant_be(&text, "a taint", problem, codes::BAD_TAINT, fields.doc.say);
                continue;
            }
        };
        // The API server refuses a node with two (ValidateNode, "taints must be unique by key and effect pair").
        if seen.insert((taint.key.clone(), taint.effect.name())) {
            taints.push(taint);
        } else {
            let message = format!(
                "the host has a taint \"{}\" of the effect {} already",
                taint.key,
                taint.effect.name()
            );
            fields
                .doc
                .say
                .at(&text, codes::BAD_TAINT, message)
                .hint("keep one of them");
        }
    }
    taints
}

fn parse_taint(text: &str) -> Result<Taint, String> {
    let (taint, effect) = text.rsplit_once(':').ok_or("it has no effect")?;
    let names = || TaintEffect::NAMES.iter().copied();
    let effect = TaintEffect::named(effect).ok_or_else(|| match nearest(effect, names()) {
        Some(near) => format!("\"{effect}\" is no effect, perhaps `{near}`"),
        None => format!("\"{effect}\" is no effect, but {} are", listed(names())),
    })?;
    let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
    if let Some(problem) = qualified_name_problem(key) {
        return Err(format!("its key is \"{key}\", and {problem}"));
    }
    if let Some(problem) = value_problem(value) {
        return Err(format!("its value is \"{value}\", and {problem}"));
    }
    Ok(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names_are_kubernetes_own() {
        for good in [
            "a",
            "A_b.c-9",
            "example.org/role",
            "a.b/C",
            &"a".repeat(63),
            &format!("x.y/{}", "a".repeat(63)),
        ] {
            assert_eq!(qualified_name_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "/a",
            "a/",
            "a/b/c",
            "-a",
            "a-",
            ".a",
            "a b",
            "a=b",
            "A.b/c",
            "a,b",
            "ä",
            &"a".repeat(64),
            &format!("{}/x", "a.".repeat(127)),
        ] {
            assert!(qualified_name_problem(bad).is_some(), "{bad}");
        }
        assert_eq!(value_problem(""), None);
    }

    #[test]
    fn a_kubelet_labels_its_node_with_what_it_may() {
        for good in OF_KUBELETS.iter().chain(&[
            "role",
            "example.org/kubernetes.io",
            "notkubernetes.io/a",
            "kubelet.kubernetes.io/a",
            "x.node.kubernetes.io/a",
        ]) {
            assert_eq!(kubelet_problem(good), None, "{good}");
        }
        for bad in [
            "node-role.kubernetes.io/worker",
            "kubernetes.io/role",
            "k8s.io/a",
            "x.k8s.io/a",
            "topology.kubernetes.io/rack",
            "node-restriction.kubernetes.io/a",
            "x.node-restriction.kubernetes.io/a",
            "mynode.kubernetes.io/a",
        ] {
            assert!(kubelet_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn taints_are_read() {
        let taint = |text| parse_taint(text).map(|taint| (taint.key, taint.value, taint.effect));
        assert_eq!(
            taint("a.b/c=d:NoExecute"),
            Ok(("a.b/c".to_owned(), "d".to_owned(), TaintEffect::NoExecute))
        );
        assert_eq!(
            taint("c:PreferNoSchedule"),
            Ok(("c".to_owned(), String::new(), TaintEffect::PreferNoSchedule))
        );
        for bad in [
            "",
            "a",
            "a:",
            ":NoSchedule",
            "a=b",
            "a:noschedule",
            "a=b=c:NoSchedule",
            "a:b:NoSchedule",
            "a=b,c:NoSchedule",
        ] {
            assert!(taint(bad).is_err(), "{bad}");
        }
    }
}
