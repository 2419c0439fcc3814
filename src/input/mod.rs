//! What the user wrote -> a valid cluster, or every problem at once.
//!
//! A specification is cluster.toml and a folder of cfssl's JSON files. Reading ([`cluster_file`] and what is below it) says what
//! is wrong with each text by itself, and gives a [`draft`]; judging ([`network`], [`hosts`], [`certificates`]) says what does
//! not fit together. Nothing here touches a file, a clock or a key.
mod assemble;
mod authority;
mod certificates;
pub mod cfssl;
mod choices;
mod claims;
mod cluster_file;
mod components;
mod csr_folder;
mod draft;
mod families;
pub mod fields;
mod files;
mod host;
mod hosts;
mod issuers;
mod labels;
mod load_balancer;
mod names;
mod network;
mod overrides;
mod own_certificates;
mod parse_json;
mod parse_toml;
mod placed;
mod pods;
mod pools;
mod profile_fits;
mod profiles;
mod requests;
mod safeguards;
mod signed;
mod sources;
pub mod suggest;
mod tree;
mod validity;
mod values;

#[cfg(test)]
mod tests;

pub use csr_folder::{CONFIG_FILE, built_in, built_in_files};
pub use sources::{Checked, DEFAULT_CSR_FOLDER, Paths, SourceId, Sources, TemplateText};

use crate::catalog::layouts::{Layout, SINGLE_CSR};
use crate::cluster::{Cluster, Role};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, codes};
use crate::facts::{Facts, facts};

use draft::Draft;

/// Checks everything and reports every problem; errors and remarks together when it fails. Both lists are sorted by file
/// and place.
pub fn check(sources: &Sources) -> Result<Checked, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::new();
    let file = SourceFile::new(sources.cluster_name.as_str(), sources.cluster.as_str());
    let (draft, sound) = cluster_file::read(&file, layout_of(sources), &mut diagnostics);
    report_unreadable(sources, &draft, &mut diagnostics);
    let folder = csr_folder::read(sources, &draft, &mut diagnostics);
    network::check(&draft, &mut diagnostics);
    hosts::check(
        &draft,
        sound && draft.hosts_complete && !draft.hosts.is_empty(),
        &mut diagnostics,
    );
    let profiles = certificates::check(&draft, &folder, &mut diagnostics);
    let workers = draft.hosts.iter().filter(|host| host.is(Role::Worker)).count();
    let nodes = choices::check(&draft.nodes, draft.release.as_ref(), workers, &mut diagnostics);
    pods::given_in_vain(&draft, nodes.as_ref(), &mut diagnostics);
    own_certificates::check(&draft, &mut diagnostics);
    claims::check(&draft, nodes.as_ref(), &mut diagnostics);
    overrides::check(&draft, nodes.as_ref(), &mut diagnostics);
    files::check(&draft, &mut diagnostics);
    let cluster = assemble::cluster(&draft, &folder, &profiles, nodes);
    files::check_templates(sources, &draft, cluster.as_ref(), sample_facts, &mut diagnostics);

    pools::tell_once(&draft, &mut diagnostics);
    diagnostics.retain(|finding| finding.severity == Severity::Error || !draft.allow.contains(finding.code));
    let failed = diagnostics.has_errors();
    let findings = diagnostics.into_sorted_vec();
    let own = overrides::overrides(&draft).zip(files::own_files(sources, &draft));
    match (cluster, own) {
        (Some(cluster), Some((overrides, files))) if !failed => Ok(Checked {
            cluster: Cluster {
                overrides,
                files,
                ..cluster
            },
            remarks: findings,
        }),
        _ => Err(findings),
    }
}

/// What could not be read, where it is named: everything else is checked all the same.
fn report_unreadable(sources: &Sources, draft: &Draft, diagnostics: &mut Diagnostics) {
    let ca = draft.pki.existing_ca.as_ref();
    for (source, why) in &sources.unreadable {
        let named = match source {
            SourceId::CsrFolder => draft.pki.csr.as_ref(),
            SourceId::Csr(name) => {
                let mut extra = draft.certificates.iter().filter_map(|extra| extra.csr.as_ref());
                extra.find(|csr| csr.value == *name).or(draft.pki.csr.as_ref())
            }
            SourceId::Template(path) => draft.files.iter().find_map(|file| file.beside(path)),
            SourceId::CaCertificate => ca.and_then(|ca| ca.certificate.as_ref()),
            SourceId::CaKey => ca.and_then(|ca| ca.key.as_ref()),
        };
        let place = named.and_then(|path| path.place.clone());
        let diagnostic = Diagnostic::new(codes::UNREADABLE, why.as_str()).at(place);
        diagnostics.report(match source {
            SourceId::CaKey => {
                diagnostic.hint("see that the path is right, and that its owner alone may read the file")
            }
            _ => diagnostic,
        });
    }
}

/// The layout that the CSR folder is written for: one with the walk-through's certificate for everything is the walk-through's.
fn layout_of(sources: &Sources) -> Layout {
    match sources.csr.contains_key(SINGLE_CSR) || sources.is_unreadable(SourceId::Csr(SINGLE_CSR.to_owned())) {
        true => Layout::Single,
        false => Layout::Split,
    }
}

/// Reads just those paths; whatever is wrong with the text is `check`'s to say. A path that is not written is none:
/// the CSR folder is then [`DEFAULT_CSR_FOLDER`].
pub fn paths(cluster_toml: &str) -> Paths {
    cluster_file::pki_paths(cluster_toml)
}

/// The variables of a small cluster: the names are the same in all.
fn sample_facts() -> Option<Facts> {
    let sources = Sources {
        cluster: SAMPLE.to_owned(),
        ..Sources::default()
    };
    let checked = check(&sources).ok()?;
    let host = checked.cluster.hosts.first()?;
    Some(facts(&checked.cluster, host))
}

const SAMPLE: &str = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\n\
                      roles = [\"control-plane\", \"etcd\", \"worker\", \"admin\", \"load-balancer\"]\n\
                      [load_balancer]\nport = 7443\n";
