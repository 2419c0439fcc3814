//! Which releases run: as something says, else the newest that takes all that the programs are given.

use super::evidence::{Claims, Evidence, Settled};
use super::programs::RunningProgram;
use crate::audit::document::Tree;
use crate::audit::view::View;
use crate::catalog::flags::{self, Known};
use crate::catalog::releases::{self, Program as Versioned, Version};
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};

/// Kubernetes' version: as asked, as bundles and images say, or the newest that takes every flag.
pub(super) fn kubernetes(
    view: &View<'_>,
    programs: &[RunningProgram<'_>],
    asked: Option<&str>,
    say: &Reporter,
) -> Settled<String> {
    let (first, last) = releases::known(Versioned::Kubernetes);
    if let Some(asked) = asked {
        let version = Version::parse(asked).and_then(|version| releases::release(Versioned::Kubernetes, version));
        if version.is_none() {
            let message = format!("--kubernetes {asked:?} names no release that is known: known are {first} to {last}");
            say.add(Diagnostic::new(codes::UNKNOWN_RELEASE, message).hint("`khw-gen releases` shows them"));
        }
        return Settled::told(asked.to_owned(), Evidence::words("--kubernetes"));
    }
    let mut claims = Claims::default();
    for host in view.hosts.iter().filter(|host| !host.host.about.kubernetes.is_empty()) {
        let evidence = Evidence::words(format!("{}: its MANIFEST", host.name));
        claims.add(host.host.about.kubernetes.clone(), evidence);
    }
    if claims.is_empty() {
        for program in programs.iter().filter(|one| one.name() != "etcd") {
            if let Some(version) = program.image.and_then(tag) {
                let evidence = Evidence::within(program.host, program.path, "image:", "image");
                claims.add(version, evidence);
            }
        }
    }
    let told = claims.settle("the version of Kubernetes", String::clone, say);
    if let Some(told) = told {
        let version = Version::parse(&told.value);
        if version.is_none_or(|version| version < first || version > last) {
            let message = format!(
                "Kubernetes {} is not known ({}): known are {first} to {last}",
                told.value,
                told.basis.comment()
            );
            say.add(Diagnostic::new(codes::UNKNOWN_RELEASE, message));
        }
        return told;
    }
    let released = releases::last_released(Versioned::Kubernetes);
    // Nobody runs what is not released yet, unless nothing else takes what is there.
    let mut minors = (first.minor..=released.minor)
        .rev()
        .chain(released.minor + 1..=last.minor);
    let newest =
        minors.find(|minor| programs.iter().all(|one| takes_all(one, *minor)) && kinds_are_known(view, *minor));
    match (newest, programs.is_empty()) {
        (Some(minor), false) => Settled::assumed(
            Version::new(last.major, minor).to_string(),
            "the newest that takes every flag and file that the programs are given: write what runs",
        ),
        _ => Settled::assumed(released.to_string(), "the newest that is known: write what runs"),
    }
}

fn takes_all(program: &RunningProgram<'_>, minor: u16) -> bool {
    program.name() == "etcd"
        || program.line.flags.keys().all(|flag| {
            // A flag that no release knows says nothing of which it is.
            matches!(flags::flag(program.name(), flag, minor), Known::Yes | Known::Never)
        })
}

/// Whether a release reads every configuration file of a component by the version that it has.
fn kinds_are_known(view: &View<'_>, minor: u16) -> bool {
    let known: Vec<&str> = flags::kinds(minor).collect();
    let documents = view.hosts.iter().flat_map(|host| host.all_documents());
    let mut configurations = documents.filter(|one| {
        [
            "KubeletConfiguration",
            "KubeProxyConfiguration",
            "KubeSchedulerConfiguration",
        ]
        .contains(&one.kind())
    });
    configurations.all(|one| is_known(one, &known))
}

fn is_known(document: &Tree, known: &[&str]) -> bool {
    let version = document
        .text_at(&["apiVersion"])
        .and_then(|version| version.rsplit('/').next());
    version.is_none_or(|version| known.contains(&format!("{}/{version}", document.kind()).as_str()))
}

/// etcd's version, where something says it or its flags rule out the one that goes with Kubernetes.
pub(super) fn etcd(
    view: &View<'_>,
    programs: &[RunningProgram<'_>],
    kubernetes: &str,
    say: &Reporter,
) -> Option<Settled<String>> {
    let mut claims = Claims::default();
    for host in view.hosts.iter().filter(|host| !host.host.about.etcd.is_empty()) {
        let evidence = Evidence::words(format!("{}: its MANIFEST", host.name));
        claims.add(host.host.about.etcd.clone(), evidence);
    }
    if claims.is_empty() {
        for program in programs.iter().filter(|one| one.name() == "etcd") {
            if let Some(version) = program.image.and_then(tag) {
                claims.add(version, Evidence::within(program.host, program.path, "image:", "image"));
            }
        }
    }
    if let Some(told) = claims.settle("the version of etcd", String::clone, say) {
        return Some(told);
    }
    let default = releases::Release::of(Version::parse(kubernetes)?).etcd;
    let members: Vec<&RunningProgram<'_>> = programs.iter().filter(|one| one.name() == "etcd").collect();
    let takes_all = |minor: u16| {
        // Of its file and of variables etcd passes over what it does not know: that says nothing of which release it is.
        let by_flags = members.iter().filter(|one| one.line.read_from.is_none());
        let mut all = by_flags.flat_map(|one| &one.line.order);
        all.all(|flag| matches!(flags::flag("etcd", flag, minor), Known::Yes | Known::Never))
    };
    if members.is_empty() || takes_all(default.minor) {
        return None;
    }
    let (first, _) = releases::known(Versioned::Etcd);
    let minor = (first.minor..default.minor).rev().find(|minor| takes_all(*minor))?;
    Some(Settled::assumed(
        Version::new(default.major, minor).to_string(),
        "the newest that takes every flag that etcd is given: write what runs",
    ))
}

/// The version in the tag of an image, `registry.k8s.io/kube-apiserver:v1.37.2`, without what is behind it.
fn tag(image: &str) -> Option<String> {
    let tag = image.rsplit_once(':')?.1.split('@').next()?;
    let plain: String = tag
        .trim_start_matches('v')
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    Version::parse(&plain).map(|_| plain)
}
