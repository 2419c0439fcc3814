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
mod tree;
mod validity;
mod values;

#[cfg(test)]
mod tests;

pub use csr_folder::{CONFIG_FILE, built_in, built_in_files};
pub use sources::{Checked, DEFAULT_CSR_FOLDER, Paths, SourceId, Sources, TemplateText};

use crate::catalog::layouts::{Layout, SINGLE_CSR};
use crate::cluster::{Cluster, Role};
use crate::diagnostic::{Diagnostic, Reporter, Severity, SourceFile, codes};
use crate::facts::{Facts, facts};

use draft::Draft;

/// Checks everything and reports every problem; errors and remarks together when it fails. Both lists are sorted by file
/// and place.
pub fn check(sources: &Sources) -> Result<Checked, Vec<Diagnostic>> {
    let say = Reporter::default();
    let file = SourceFile::new(sources.cluster_name.as_str(), sources.cluster.as_str());
    let (draft, sound) = cluster_file::read(&file, layout_of(sources), &say);
    report_unreadable(sources, &draft, &say);
    let folder = csr_folder::read(sources, &draft, &say);
    network::check(&draft, &say);
    hosts::check(&draft, sound && draft.hosts_complete && !draft.hosts.is_empty(), &say);
    let profiles = certificates::check(&draft, &folder, &say);
    let workers = draft.hosts.iter().filter(|host| host.is(Role::Worker)).count();
    let nodes = choices::check(&draft.nodes, draft.release.as_ref(), workers, &say);
    pods::given_in_vain(&draft, nodes.as_ref(), &say);
    own_certificates::check(&draft, &say);
    claims::check(&draft, nodes.as_ref(), &say);
    overrides::check(&draft, nodes.as_ref(), &say);
    files::check(&draft, &say);
    let cluster = assemble::cluster(&draft, &folder, &profiles, nodes);
    files::check_templates(sources, &draft, cluster.as_ref(), sample_facts, &say);

    pools::tell_once(&draft, &say);
    say.retain(|finding| finding.severity == Severity::Error || !draft.allow.contains(finding.code));
    let failed = say.has_errors();
    let findings = say.into_sorted_vec();
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
fn report_unreadable(sources: &Sources, draft: &Draft, say: &Reporter) {
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
        let is_key = matches!(source, SourceId::CaKey);
        let hint = is_key.then_some("see that the path is right, and that its owner alone may read the file");
        say.at(place, codes::UNREADABLE, why.as_str()).hint_if(hint);
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
