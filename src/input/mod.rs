//! What the user wrote -> a valid cluster, or every problem at once.
//!
//! A specification is cluster.toml and a folder of cfssl's JSON files. Reading ([`tree`] and what is below it) says what is
//! wrong with each text by itself; judging ([`network`], [`hosts`], [`certificates`]) says what does not fit together.
//! Nothing here touches a file, a clock or a key.
mod authority;
mod certificates;
pub mod cfssl;
mod choices;
mod cluster_file;
mod components;
mod extra;
mod families;
mod files;
mod hosts;
mod json_text;
mod labels;
mod load_balancer;
mod names;
mod network;
mod pods;
mod pools;
pub mod suggest;
mod toml_text;
mod tree;

#[cfg(test)]
mod tests;

pub use certificates::{CONFIG_FILE, built_in, built_in_files};

use std::collections::BTreeMap;

use crate::catalog::identities::{Layout, SINGLE_CSR};
use crate::cluster::{
    Checked as CheckedMark, Cluster, CsrFile, ExtraCertificate, Host, Network, Nodes, Overrides, Pki, Placement, Role,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, codes};
use crate::pki::secret::SecretBytes;

use certificates::{Folder, Profiles};
use cluster_file::{Draft, DraftCertificate};
use tree::At;

/// The texts of a specification, as read from disk by `disk`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The name that diagnostics call cluster.toml by (the path as the user gave it).
    pub cluster_name: String,
    pub cluster: String,
    /// The CSR folder as diagnostics call it, joined from the user's path (`specs/walkthrough/csr`).
    pub csr_dir: String,
    /// file name -> text, for every `*.json` of the CSR folder.
    pub csr: BTreeMap<String, String>,
    /// The file that `[pki.ca] cert` names. It is kept as a secret is, since it may be a key by mistake.
    pub ca_certificate: Option<SecretBytes>,
    /// The file that `[pki.ca] key` names, where it can be read.
    pub ca_key: Option<SecretBytes>,
    /// The templates that `[[files]]` name, by the path as it is written.
    pub templates: BTreeMap<String, TemplateText>,
    /// The path of the seed as `[pki] seed` has it: nothing is checked of what is there.
    pub seed: Option<String>,
    /// What is named, or lies in the CSR folder, and could not be read, and why.
    pub unreadable: BTreeMap<SourceId, String>,
}

/// Which file of a specification, apart from cluster.toml itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceId {
    /// The CSR folder itself, which can't be listed: nobody knows what is in it.
    CsrFolder,
    /// In the CSR folder, by its name.
    Csr(String),
    /// By the path as `[[files]]` have it.
    Template(String),
    CaCertificate,
    CaKey,
}

impl Sources {
    /// Whether the CSR folder has a file of this name, or may have one, that could not be read.
    fn is_csr_unreadable(&self, name: &str) -> bool {
        self.is_unreadable(SourceId::CsrFolder) || self.is_unreadable(SourceId::Csr(name.to_owned()))
    }

    fn is_unreadable(&self, source: SourceId) -> bool {
        self.unreadable.contains_key(&source)
    }
}

/// A template of the user's own.
#[derive(Clone, Debug, Default)]
pub struct TemplateText {
    /// What diagnostics call it, joined from the user's path.
    pub name: String,
    pub text: String,
}

/// A cluster and what should be said about it though it compiles (warnings and notes).
#[derive(Debug)]
pub struct Checked {
    pub cluster: Cluster,
    pub remarks: Vec<Diagnostic>,
}

/// Checks everything and reports every problem; errors and remarks together when it fails. Both lists are sorted by file
/// and place.
pub fn check(sources: &Sources) -> Result<Checked, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::new();
    let file = SourceFile::new(sources.cluster_name.as_str(), sources.cluster.as_str());
    let (draft, sound) = cluster_file::read(&file, layout_of(sources), &mut diagnostics);
    report_unreadable(sources, &draft, &mut diagnostics);
    let folder = certificates::read(sources, &draft, &mut diagnostics);
    network::check(&draft, &mut diagnostics);
    hosts::check(
        &draft,
        sound && !draft.hosts_incomplete && !draft.hosts.is_empty(),
        &mut diagnostics,
    );
    let profiles = certificates::check(&draft, &folder, &mut diagnostics);
    let workers = draft.hosts.iter().filter(|host| host.is(Role::Worker)).count();
    let nodes = choices::check(&draft.nodes, draft.release.as_ref(), workers, &mut diagnostics);
    pods::given_in_vain(&draft, nodes.as_ref(), &mut diagnostics);
    extra::check(&draft, nodes.as_ref(), &mut diagnostics);
    components::check(&draft, nodes.as_ref(), &mut diagnostics);
    files::check(&draft, &mut diagnostics);
    let cluster = cluster(&draft, &folder, &profiles, nodes);
    files::check_templates(sources, &draft, cluster.as_ref(), &mut diagnostics);

    pools::tell_once(&draft, &mut diagnostics);
    diagnostics.retain(|finding| finding.severity == Severity::Error || !draft.allow.contains(finding.code));
    let failed = diagnostics.has_errors();
    let findings = diagnostics.into_sorted_vec();
    let own = components::overrides(&draft).zip(files::own_files(sources, &draft));
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
    let ca = draft.existing_ca.as_ref();
    for (source, why) in &sources.unreadable {
        let named = match source {
            SourceId::CsrFolder => draft.csr.as_ref(),
            SourceId::Csr(name) => {
                let mut extra = draft.certificates.iter().filter_map(|extra| extra.csr.as_ref());
                extra.find(|csr| csr.value == *name).or(draft.csr.as_ref())
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

/// The cluster of a draft of which every part is there, as it is when nothing was reported; what the user sets over it comes
/// later.
fn cluster(draft: &Draft, folder: &Folder, profiles: &Profiles<'_>, nodes: Option<Nodes>) -> Option<Cluster> {
    let hosts = draft.hosts.iter().zip(pods::allot(draft)).map(|(host, pods)| {
        Some(Host {
            name: host.name.as_ref()?.value.clone(),
            ip: host.ip.as_ref()?.values(),
            addresses: host.addresses.iter().map(|at| at.value).collect(),
            names: host.names.iter().map(|at| at.value.clone()).collect(),
            roles: host.roles.clone()?,
            labels: host
                .labels
                .iter()
                .map(|(key, value)| (key.value.clone(), value.clone()))
                .collect(),
            taints: host.taints.clone(),
            pods,
            interface: host.interface.as_ref()?.as_ref().map(|at| at.value.clone()),
        })
    });
    let csrs = folder.csrs.iter().map(|(name, csr)| {
        let request = csr.read.as_ref()?.request.clone();
        Some((
            name.clone(),
            CsrFile {
                request,
                text: csr.file.text.clone(),
                built_in: csr.built_in,
            },
        ))
    });
    let own = profiles
        .own
        .iter()
        .map(|(name, profile)| Some(((*name).to_owned(), profile.as_ref()?.file.profile.clone())));
    Some(Cluster {
        name: draft.name.as_ref()?.value.clone(),
        version: draft.release.as_ref()?.version.clone(),
        release: draft.release.as_ref()?.release.clone(),
        nodes: nodes?,
        domain: draft.domain.as_ref()?.value.clone(),
        network: Network {
            services: draft.services.as_ref()?.values(),
            pods: draft.pods.as_ref()?.values(),
            dns: network::dns(draft)?,
        },
        endpoint: hosts::endpoint(draft)?,
        names: draft.names.iter().map(|at| at.value.clone()).collect(),
        load_balancing: load_balancer::load_balancing(draft)?,
        pki: Pki {
            layout: draft.layout?,
            issued: draft.issued.as_ref()?.value,
            profile: profiles.default?.file.profile.clone(),
            profile_name: draft.profile.as_ref()?.value.clone(),
            profiles: own.collect::<Option<_>>()?,
            extra: extra_certificates(draft, profiles)?,
            config_text: folder.config_file.text.clone(),
            config_built_in: folder.config_built_in,
            existing_ca: match &folder.existing_ca {
                Some(existing) => Some(existing.ca.clone()?),
                None => None,
            },
            csrs: csrs.collect::<Option<_>>()?,
        },
        encryption: draft.encryption.as_ref()?.value,
        overrides: Overrides::default(),
        files: Vec::new(),
        hosts: hosts.collect::<Option<_>>()?,
        checked: CheckedMark(()),
    })
}

/// The user's own certificates, issuers before what they sign.
fn extra_certificates(draft: &Draft, profiles: &Profiles<'_>) -> Option<Vec<ExtraCertificate>> {
    let mut left = Vec::new();
    for certificate in &draft.certificates {
        let name = certificate.name.as_ref()?.value.clone();
        let by = &certificate.signed_by.as_ref()?.value;
        let is_extra = |by: &&String| draft.certificates.iter().any(|other| is_named(other, by));
        let places = certificate.places.iter().map(|place| {
            let path = |path: &Option<At<String>>| path.as_ref().map(|path| path.value.clone());
            Some(Placement {
                on: extra::placed_on(draft, &place.on.as_ref()?.value)?,
                certificate: path(&place.certificate),
                key: path(&place.key),
                request: path(&place.request),
                key_mode: place.mode?,
            })
        });
        left.push(ExtraCertificate {
            csr: certificate.csr.as_ref()?.value.clone(),
            hosts: certificate.hosts.iter().map(|host| host.value.clone()).collect(),
            profile: profiles.of(&name)?.file.profile.clone(),
            signed_by: Some(by).filter(is_extra).cloned(),
            places: places.collect::<Option<_>>()?,
            name,
        });
    }
    let mut ordered: Vec<ExtraCertificate> = Vec::new();
    while !left.is_empty() {
        let is_ready = |extra: &ExtraCertificate| {
            let by = extra.signed_by.as_ref();
            by.is_none_or(|by| ordered.iter().any(|issuer| issuer.name == *by))
        };
        // There is always a next one, since nothing that signs itself by a detour gets here.
        let next = left.iter().position(is_ready)?;
        ordered.push(left.remove(next));
    }
    Some(ordered)
}

fn is_named(certificate: &DraftCertificate, name: &str) -> bool {
    certificate.name.as_ref().is_some_and(|own| own.value == name)
}

/// The part of cluster.toml that says which other files to read: `csr`, `seed`, `ca.cert` and `ca.key` of `[pki]`, where it
/// can be read at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    pub csr: Option<String>,
    pub seed: Option<String>,
    pub ca_certificate: Option<String>,
    pub ca_key: Option<String>,
    /// Of `[[files]]`.
    pub templates: Vec<String>,
}

/// Reads just those paths; whatever is wrong with the text is `check`'s to say. A path that is not written is none:
/// the CSR folder is then [`DEFAULT_CSR_FOLDER`].
pub fn paths(cluster_toml: &str) -> Paths {
    cluster_file::pki_paths(cluster_toml)
}

/// The CSR folder beside cluster.toml when `[pki] csr` names none.
pub const DEFAULT_CSR_FOLDER: &str = "csr";
