//! Files of the operator's own that a program is given and khw-gen would put its own in the place of, or has none: they become `[[files]]`.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::programs::RunningProgram;
use crate::audit::document::Tree;
use crate::catalog::roles::Role;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::secrecy::holds_secret;

/// The folder of what is brought so, beside cluster.toml.
const FOLDER: &str = "files";

/// Flags of API servers whose files say how they decide or what they record.
const BROUGHT: [&str; 4] = [
    "audit-policy-file",
    "authentication-config",
    "authorization-config",
    "admission-control-config-file",
];

/// A file that lies on hosts as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CarriedFile {
    /// A host, or a role.
    pub on: String,
    /// Its path there.
    pub at: String,
    /// Its template's path beside cluster.toml.
    pub template: String,
    /// The template.
    pub text: String,
    pub evidence: Evidence,
}

/// The path that a flag of ours has to name, where the file behind it is brought: theirs, unless khw-gen has another one there.
pub(super) fn path_of_brought(running: &RunningProgram<'_>, made: &RunningProgram<'_>, flag: &str) -> Option<String> {
    let (at, documents) = given(running, flag)?;
    let is_the_same = given(made, flag).is_some_and(|(_, ours)| ours == documents);
    if is_the_same {
        return None;
    }
    let is_ours = made.host.host.files.contains_key(at);
    Some(match (is_ours, at.rsplit_once('.')) {
        (false, _) => at.to_owned(),
        (true, Some((stem, ending))) => format!("{stem}-own.{ending}"),
        (true, None) => format!("{at}-own"),
    })
}

fn given<'v>(program: &RunningProgram<'v>, flag: &str) -> Option<(&'v str, &'v [Tree])> {
    let path = program.file(flag).filter(|_| BROUGHT.contains(&flag))?;
    Some((path, program.host.documents.get(path)?))
}

/// Those of all API servers, by pairs of what runs and of ours with the host's name.
pub(super) fn own_files(
    pairs: &[(String, &RunningProgram<'_>, &RunningProgram<'_>)],
    control_planes: usize,
    say: &Reporter,
) -> Vec<CarriedFile> {
    let mut all = Vec::new();
    for flag in BROUGHT {
        // By what they say, on which hosts.
        let mut found: BTreeMap<(String, &str), Vec<(&String, Evidence)>> = BTreeMap::new();
        for (host, running, made) in pairs
            .iter()
            .filter(|(_, running, _)| running.name() == "kube-apiserver")
        {
            let Some(at) = path_of_brought(running, made, flag) else {
                continue;
            };
            let Some(path) = running.file(flag) else { continue };
            let evidence = running.evidence(flag);
            let text = running.host.host.text(path).unwrap_or_default();
            if holds_secret(text) || text.contains("endraw") {
                let message =
                    format!("{evidence}: {path} has what may be a secret, and is not brought: it stays where it lies");
                let hint =
                    "keep a copy: a machine that is made anew needs the file at its place before the API server starts";
                say.add(Diagnostic::new(codes::LEFT_OUT, message).hint(hint));
                continue;
            }
            found.entry((at, text)).or_default().push((host, evidence));
        }
        let is_one = found.len() == 1;
        for ((at, text), hosts) in found {
            let ending = at.rsplit_once('.').map_or("yaml", |(_, ending)| ending);
            let own = |on: &str, name: String, evidence: &Evidence| CarriedFile {
                on: on.to_owned(),
                at: at.clone(),
                template: format!("{FOLDER}/{name}.{ending}"),
                text: template(text),
                evidence: evidence.clone(),
            };
            match hosts.first() {
                Some((_, evidence)) if is_one && hosts.len() == control_planes => {
                    all.push(own(Role::ControlPlane.name(), flag.to_owned(), evidence));
                }
                _ => all.extend(
                    hosts
                        .iter()
                        .map(|(host, evidence)| own(host, format!("{flag}-{host}"), evidence)),
                ),
            }
        }
    }
    all
}

/// A text as a template that renders to it.
fn template(text: &str) -> String {
    let means_something = ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
    match means_something {
        true => format!("{{% raw %}}{text}{{% endraw %}}"),
        false => text.to_owned(),
    }
}
