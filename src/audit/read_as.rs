//! Every flag, and every document of a kind that the tables know, as its program reads it: whether it knows what is there, and takes
//! the values. Where the release of the bundle is not known, what any release takes is right.

use std::collections::BTreeMap;

use super::document::Tree;
use super::spot::{Running, Spot, all_running};
use super::view::{HostView, View};
use crate::catalog::flags::Known;
use crate::catalog::releases::{Program, Version};
use crate::diagnostic::verify_codes as codes;
use crate::rules::values::{self, Minors, Untaken};

/// Which kind of document a flag of a program names.
#[rustfmt::skip]
const READS: &[(&str, &str, &str)] = &[
    ("kubelet", "config", "KubeletConfiguration"),
    ("kubelet", "image-credential-provider-config", "CredentialProviderConfig"),
    ("kube-proxy", "config", "KubeProxyConfiguration"),
    ("kube-scheduler", "config", "KubeSchedulerConfiguration"),
    ("kube-apiserver", "encryption-provider-config", "EncryptionConfiguration"),
    ("kube-apiserver", "audit-policy-file", "Policy"),
    ("kube-apiserver", "authentication-config", "AuthenticationConfiguration"),
    ("kube-apiserver", "authorization-config", "AuthorizationConfiguration"),
];

/// The name before a kind of document was given the one that it has.
const EARLIER_NAMES: &[(&str, &str)] = &[("EncryptionConfig", "EncryptionConfiguration")];

pub(crate) fn check(view: &View<'_>) {
    for running in all_running(view) {
        check_flags(running);
    }
    for host in &view.hosts {
        let minors = minors_of(host, Program::Kubernetes);
        let read = read_by_programs(host);
        for (path, documents) in &host.documents {
            let spot = Spot { view, host, path };
            for document in documents.iter() {
                check_document(spot, document, read.get(path).copied(), &minors);
            }
        }
    }
}

fn minors_of(host: &HostView<'_>, program: Program) -> Minors {
    let about = &host.host.about;
    let text = if program == Program::Etcd {
        &about.etcd
    } else {
        &about.kubernetes
    };
    Minors::of(program, Version::parse(text))
}

/// Of which release a program that was found may be.
pub(super) fn minors_of_program(running: Running<'_>) -> Minors {
    let of = match running.line.program.as_str() {
        "etcd" => Program::Etcd,
        _ => Program::Kubernetes,
    };
    minors_of(running.spot.host, of)
}

/// The documents that programs of a host name, and which row names them.
fn read_by_programs<'v>(
    host: &'v HostView<'v>,
) -> BTreeMap<&'v str, &'static (&'static str, &'static str, &'static str)> {
    let commands = host.commands.iter();
    let named = commands.flat_map(|command| {
        let rows = READS.iter().filter(|(program, ..)| *program == command.line.program);
        rows.filter_map(|row| Some((host.resolve(command.line.flag(row.1)?)?, row)))
    });
    named.collect()
}

fn check_document(spot: Spot<'_>, document: &Tree, read: Option<&(&str, &str, &'static str)>, minors: &Minors) {
    let said = document.kind();
    if EARLIER_NAMES.iter().any(|(earlier, _)| *earlier == said) {
        return;
    }
    if let Some((program, flag, kind)) = read.filter(|(.., kind)| *kind != said) {
        let message = format!("{program} reads it by --{flag}, and its kind is not {kind}");
        return spot.report(codes::BAD_SYNTAX, message);
    }
    let api_version = document.text_at(&["apiVersion"]).unwrap_or_default();
    let known = values::api_versions(said, minors);
    if known.is_empty() {
        return; // the tables have no such kind, or none for this release
    }
    let group = |version: &str| version.rsplit_once('/').map(|(group, _)| group.to_owned());
    // A kind of this name that belongs to somebody else, and that no program was told to read.
    if read.is_none() && !known.iter().any(|known| group(known) == group(api_version)) {
        return;
    }
    if !known.contains(api_version) {
        let known: Vec<&str> = known.into_iter().collect();
        let message = format!(
            "its apiVersion has to be one of {}, and is {api_version:?}",
            known.join(", ")
        );
        return spot.report(codes::REFUSED_VALUE, message);
    }
    let kind = format!("{said}/{}", api_version.rsplit('/').next().unwrap_or(api_version));
    check_fields_of(spot, &kind, minors, document);
    if let Some(Tree::Map(gates)) = document.get("featureGates") {
        // Whether it is a boolean at all, its field says.
        let on = |value: &Tree| value.text().and_then(|text| text.parse().ok());
        let gates = gates.iter().filter(|(name, _)| !name.is_empty());
        check_gates(
            spot,
            minors,
            gates.map(|(name, value)| (name.as_str(), values::gate("kubernetes", minors, name, on(value)))),
        );
    }
}

/// The fields of a document whose program is not Kubernetes' own, and whose release nobody asks for.
pub(super) fn check_fields(spot: Spot<'_>, kind: &str, document: &Tree) {
    check_fields_of(spot, kind, &Minors::of(Program::Kubernetes, None), document);
}

fn check_fields_of(spot: Spot<'_>, kind: &str, minors: &Minors, document: &Tree) {
    let overridden = spot.host.overridden.get(spot.path);
    let is_overridden = |path: &str| overridden.is_some_and(|all| all.iter().any(|one| path.starts_with(one)));
    for (path, untaken) in values::document(kind, minors, document) {
        if is_overridden(&path) {
            continue; // the value is a flag's, and judged as such
        }
        match untaken {
            Untaken::Unknown(known) => {
                spot.report(
                    codes::UNREAD_SETTING,
                    format!("`{path}` is not read: {}", unknown(kind, known, minors)),
                );
            }
            Untaken::Refused(why) => spot.report(codes::REFUSED_VALUE, format!("`{path}` {why}")),
        }
    }
}

/// Since when, or until when.
fn unknown(of: &str, known: Known, minors: &Minors) -> String {
    match known {
        Known::Since(minor) => format!("{of} has it from {} on", minors.version(minor)),
        Known::Until(minor) => format!("{of} had it up to {}", minors.version(minor)),
        Known::Yes | Known::Never => format!("no release of {of} has it"),
    }
}

fn check_gates<'g>(spot: Spot<'_>, minors: &Minors, gates: impl Iterator<Item = (&'g str, Option<Untaken>)>) {
    for (name, untaken) in gates {
        match untaken {
            None => {}
            Some(Untaken::Unknown(known)) => {
                let message = format!(
                    "the feature gate {name} is not known: {}",
                    unknown("Kubernetes", known, minors)
                );
                spot.report(codes::UNREAD_SETTING, message);
            }
            Some(Untaken::Refused(why)) => {
                spot.report(codes::REFUSED_VALUE, format!("the feature gate {name} {why}"));
            }
        }
    }
}

fn check_flags(running: Running<'_>) {
    let line = running.line;
    let program = line.program.as_str();
    let minors = minors_of_program(running);
    if values::flag(program, &minors, "help", "false").is_some() {
        return; // a program that the tables don't have
    }
    // Not what it is: it may be the rest of a password that was not quoted.
    if line.plain.len() > 1 {
        let message = "a word of its command line is neither a flag nor the value of one";
        running.report(codes::UNREAD_SETTING, message);
    }
    for name in separated_switches(program, &minors, &line.words) {
        let message = format!("--{name} takes its value behind = alone, and what follows it is read as something else");
        running.report(codes::UNREAD_SETTING, message);
    }
    for (name, values) in &line.flags {
        for value in values {
            // What the variables or systemd put there is not known.
            let value = if value.contains(['$', '%']) { "" } else { value };
            if line.read_from.is_some() {
                continue; // a setting of a file: etcd passes over what it does not know, and has other words for some values
            }
            match values::flag(program, &minors, name, value) {
                // Of a variable that it does not know etcd only warns.
                Some(Untaken::Unknown(known)) if !line.order.contains(name) => {
                    let message = format!(
                        "the variable of --{name} is passed over: {}",
                        unknown(program, known, &minors)
                    );
                    running.report(codes::NO_EFFECT, message);
                    break;
                }
                Some(Untaken::Unknown(known)) => {
                    let message = format!(
                        "{program} does not start with --{name}: {}",
                        unknown(program, known, &minors)
                    );
                    running.report(codes::UNREAD_SETTING, message);
                    break;
                }
                Some(Untaken::Refused(why)) if !value.is_empty() => {
                    running.report(codes::REFUSED_VALUE, format!("--{name} {why}"));
                }
                _ => {}
            }
        }
    }
    if program != "etcd" {
        let gates = line.values("feature-gates").flat_map(values::gates_of_flag);
        let judged = gates.map(|(name, value)| (name, values::gate_of_flag(program, &minors, name, value)));
        check_gates(running.spot, &minors, judged);
    }
}

/// The switches after which a word stands that is none of theirs.
fn separated_switches<'l>(program: &str, minors: &Minors, words: &'l [String]) -> Vec<&'l str> {
    let pairs = words.iter().zip(words.iter().skip(1));
    let separated = pairs.filter(|(_, next)| !next.starts_with('-'));
    let names = separated.filter_map(|(word, _)| word.strip_prefix("--").filter(|name| !name.contains('=')));
    names.filter(|name| values::is_switch(program, minors, name)).collect()
}
