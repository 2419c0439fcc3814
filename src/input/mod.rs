//! What the user wrote -> a valid cluster, or every problem at once.
//!
//! A specification is cluster.toml and a folder of cfssl's JSON files. Reading (`cluster_file` and what is below it) says what
//! is wrong with each text by itself, and gives a `draft`; judging (`network`, `hosts`, `certificates`) says what does
//! not fit together. Nothing here touches a file, a clock or a key.
mod assemble;
mod authorities_issued;
mod authority;
mod brought;
mod brought_keys;
mod certificates;
#[doc(hidden)]
pub mod cfssl;
mod choices;
mod claims;
mod cluster_file;
mod components;
mod csr_folder;
mod draft;
mod encryption;
mod families;
#[doc(hidden)]
pub mod fields;
mod files;
mod generations;
mod handover;
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
mod post_quantum;
mod profile_fits;
mod profiles;
mod requests;
mod safeguards;
mod secret_inputs;
mod signed;
mod source_files;
mod together;
mod token_keys;
mod tree;
mod validity;
mod values;

#[cfg(test)]
mod tests;

pub use csr_folder::{CONFIG_FILE, built_in, built_in_files};
pub(crate) use encryption::{key_sizes, problem_of_key_name};
pub use handover::Handover;
pub use source_files::{Files, GivenFiles, PEM_ENDINGS, SourceText, Unreadable, is_same_path};
pub use validity::moment;

use std::ops::Range;

use crate::cluster::{Cluster, Role};
use crate::diagnostic::{Diagnostic, Reporter, Severity, SourceFile};
use crate::facts::{Facts, facts};
use draft::Draft;
use tree::At;

/// A cluster and what should be said about it though it compiles (warnings and notes).
#[derive(Debug)]
pub struct Checked {
    /// The cluster.
    pub cluster: Cluster,
    /// The path of the seed as `[pki] seed` has it: nothing is checked of what is there.
    pub seed: Option<String>,
    /// For whom the archives of hosts are sealed.
    pub handover: Handover,
    /// What should be said about it; no errors.
    pub remarks: Vec<Diagnostic>,
    /// Where dates stand, for whoever proposes others.
    pub written: WrittenDates,
}

/// Where dates stand in cluster.toml, in bytes.
#[derive(Clone, Debug, Default)]
pub struct WrittenDates {
    /// The value of `[pki] issued`.
    pub issued: Range<usize>,
    /// The entries of `[pki.authorities_issued]`, in their order.
    pub authorities: Vec<(String, Range<usize>)>,
}

/// Checks everything and reports every problem; errors and remarks together when it fails. Both lists are sorted by file
/// and place.
pub fn check(files: &dyn Files) -> Result<Checked, Vec<Diagnostic>> {
    let say = Reporter::default();
    let SourceText { name, text } = files.main();
    let file = SourceFile::new(name.as_str(), text.as_str());
    let (draft, sound) = cluster_file::read(&file, &|folder| csr_folder::written_for(files, folder), &say);
    let folder = csr_folder::read(files, &draft, &say);
    let templates = files::templates(files, &draft, &say);
    network::check(&draft, &say);
    hosts::check(&draft, sound && draft.hosts_complete && !draft.hosts.is_empty(), &say);
    let profiles = certificates::check(&draft, &folder, &say);
    post_quantum::check(&draft, &folder, &say);
    let workers = draft.with(Role::Worker).count();
    let nodes = choices::check(&draft.nodes, draft.release.as_ref(), workers, &say);
    pods::given_in_vain(&draft, nodes.as_ref(), &say);
    own_certificates::check(&draft, &say);
    claims::check(&draft, nodes.as_ref(), &say);
    generations::check(&draft, &say);
    authorities_issued::check(&draft, &say);
    brought::check(&draft, &say);
    overrides::check(&draft, nodes.as_ref(), &say);
    files::check(&draft, &say);
    let (overrides, own_files) = (overrides::overrides(&draft), files::own_files(&templates, &draft));
    let all_sound = overrides.is_some() && own_files.is_some();
    // Without what is wrong: it shows what else is wrong with the templates.
    let (overrides, own_files) = (overrides.unwrap_or_default(), own_files.unwrap_or_default());
    let cluster = assemble::cluster(&draft, &folder, &profiles, nodes, overrides, own_files);
    together::readable_secrets(&draft, &templates, &say);
    if let Some(cluster) = &cluster {
        together::check(&draft, cluster, &say);
        post_quantum::tokens(&draft, &folder, cluster, &say);
    }
    files::check_templates(&templates, &draft, cluster.as_ref(), sample_facts, &say);

    pools::tell_once(&draft, &say);
    say.retain(|finding| finding.severity == Severity::Error || !draft.allow.contains(finding.code));
    let sound = all_sound && !say.has_errors();
    let remarks = say.into_sorted_vec();
    match cluster.filter(|_| sound) {
        Some(cluster) => Ok(Checked {
            cluster,
            written: written_dates(&draft),
            handover: Handover::new(&draft),
            seed: draft.pki.seed.map(|path| path.value),
            remarks,
        }),
        None => Err(remarks),
    }
}

fn written_dates(draft: &Draft) -> WrittenDates {
    fn span<T>(date: &At<T>) -> Option<Range<usize>> {
        Some(date.place.as_ref()?.span.clone())
    }
    let authorities = draft.pki.authorities_issued.iter();
    WrittenDates {
        issued: draft.pki.issued.as_ref().and_then(span).unwrap_or_default(),
        authorities: authorities
            .filter_map(|(name, date)| Some((name.value.clone(), span(date)?)))
            .collect(),
    }
}

/// The variables of a small cluster: the names are the same in all.
fn sample_facts() -> Option<Facts> {
    let checked = check(&GivenFiles::new(SAMPLE)).ok()?;
    let host = checked.cluster.hosts.first()?;
    Some(facts(&checked.cluster, host))
}

const SAMPLE: &str = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\n\
                      roles = [\"control-plane\", \"etcd\", \"worker\", \"admin\", \"load-balancer\"]\n\
                      [load_balancer]\nport = 7443\n";
