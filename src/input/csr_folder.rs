//! The CSR folder: which of its files are made into something, and what is built in for those that it lacks.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::layouts::Layout;
use crate::diagnostic::{Place, Reporter, SourceFile, codes};

use super::authority::{self, Existing};
use super::cfssl::{RequestFile, SigningConfig, read_request_file, read_signing_config};
use super::draft::Draft;
use super::sources::{SourceId, Sources};

/// The name of the signing configuration in the CSR folder.
pub const CONFIG_FILE: &str = "ca-config.json";

/// The files, name and text, for those that a folder lacks: in the single layout the walk-through's.
pub fn built_in_files(layout: Layout) -> Vec<(&'static str, &'static str)> {
    let csrs = layout.identities().iter().map(|row| (row.csr, row.built_in));
    let mut files: Vec<_> = csrs.chain([(CONFIG_FILE, layout.built_in_config())]).collect();
    files.sort_unstable();
    files
}

/// The built-in text of a file in the CSR folder.
pub fn built_in(layout: Layout, name: &str) -> Option<&'static str> {
    let mut files = built_in_files(layout).into_iter();
    files.find(|(known, _)| *known == name).map(|(_, text)| text)
}

/// A file of the CSR folder, or its built-in stand-in.
pub struct Csr {
    pub file: Arc<SourceFile>,
    pub built_in: bool,
    /// Whether there are errors in it by itself.
    pub broken: bool,
    /// None if it can't be read.
    pub read: Option<RequestFile>,
}

/// The CSR folder as it was read.
pub struct Folder {
    pub layout: Layout,
    pub csrs: BTreeMap<String, Csr>,
    pub config_file: Arc<SourceFile>,
    pub config_built_in: bool,
    /// None if it can't be read.
    pub config: Option<SigningConfig>,
    /// The authority that `[pki.ca]` names, if there is that section; nothing is then made of a root's CSR file.
    pub existing_ca: Option<Existing>,
}

/// Reads all files that certificates are made from, each with its own problems.
pub fn read(sources: &Sources, draft: &Draft, say: &Reporter) -> Folder {
    // A layout that could not be read has been reported; what follows from it would be noise.
    let layout = draft.pki.layout.unwrap_or(Layout::Split);
    let open = |name: &str| {
        let path = if sources.csr_dir.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", sources.csr_dir)
        };
        match sources.csr.get(name) {
            Some(text) => (SourceFile::new(path, text.as_str()), false),
            // What there is to say of it has been said; nothing else takes its place.
            None if sources.is_csr_unreadable(name) => (SourceFile::new(path, ""), false),
            None => (
                SourceFile::new(format!("built-in {name}"), built_in(layout, name).unwrap_or("{}")),
                true,
            ),
        }
    };
    let existing_ca = draft
        .pki
        .existing_ca
        .as_ref()
        .map(|ca| authority::read(sources, ca, say));
    let needed = layout
        .identities()
        .iter()
        .filter(|row| row.name != CLUSTER_AUTHORITY || existing_ca.is_none())
        .map(|row| row.csr);
    let extra = draft.certificates.iter().filter_map(|extra| extra.csr.as_ref());
    let own = extra.clone().map(|csr| csr.value.as_str());
    let is_there = |name: &str| sources.csr.contains_key(name) || sources.is_csr_unreadable(name);
    let mut csrs: BTreeMap<String, Csr> = BTreeMap::new();
    for name in needed.chain(own.filter(|name| is_there(name))) {
        if !csrs.contains_key(name) {
            let (file, built_in) = open(name);
            let before = say.len();
            let unreadable = sources.is_csr_unreadable(name);
            let read = match unreadable {
                true => None,
                false => read_request_file(&file, say),
            };
            let csr = Csr {
                broken: unreadable || say.has_error_since(before),
                file,
                built_in,
                read,
            };
            csrs.insert(name.to_owned(), csr);
        }
    }
    for csr in extra.filter(|csr| !is_there(&csr.value)) {
        let message = format!("{} holds no {}", folder_name(sources), csr.value);
        let known = sources.csr.keys().map(String::as_str);
        say.at(csr, codes::MISSING_CSR, message).meant(&csr.value, known);
    }
    let (config_file, config_built_in) = open(CONFIG_FILE);
    let config = match sources.is_csr_unreadable(CONFIG_FILE) {
        true => None,
        false => read_signing_config(&config_file, say),
    };
    let folder = Folder {
        layout,
        csrs,
        config_file,
        config_built_in,
        config,
        existing_ca,
    };
    report_built_in(sources, draft, &folder, say);
    if draft.pki.layout.is_some() {
        report_unused(sources, draft, &folder, say);
    }
    folder
}

fn report_built_in(sources: &Sources, draft: &Draft, folder: &Folder, say: &Reporter) {
    let csrs = folder
        .csrs
        .iter()
        .filter(|(_, csr)| csr.built_in)
        .map(|(name, _)| name.as_str());
    let config = Some(CONFIG_FILE).filter(|_| folder.config_built_in);
    let missing: Vec<&str> = csrs.chain(config).collect();
    let named = draft.pki.csr.as_ref().and_then(|csr| csr.place.clone());
    let is_unreadable = |source: &SourceId| matches!(source, SourceId::CsrFolder | SourceId::Csr(_));
    let is_empty = sources.csr.is_empty() && !sources.unreadable.keys().any(is_unreadable);
    if let (Some(place), true) = (named, is_empty) {
        let message = format!("there is no JSON file in {}", folder_name(sources));
        say.at(place, codes::EMPTY_CSR_FOLDER, message);
        return;
    }
    if !missing.is_empty() {
        let what = if is_empty {
            "nothing".to_owned()
        } else {
            "no ".to_owned() + &missing.join(", ")
        };
        let message = format!("{} holds {what}: the built-in text is used", folder_name(sources));
        let place = draft.pki.csr.as_ref().and_then(|csr| csr.place.clone());
        say.at(place, codes::BUILT_IN_CSR, message);
    }
}

fn folder_name(sources: &Sources) -> &str {
    if sources.csr_dir.is_empty() {
        "the CSR folder"
    } else {
        &sources.csr_dir
    }
}

fn report_unused(sources: &Sources, draft: &Draft, folder: &Folder, say: &Reporter) {
    for (name, text) in &sources.csr {
        if name == CONFIG_FILE || folder.csrs.contains_key(name.as_str()) {
            continue;
        }
        let file = SourceFile::new(format!("{}/{name}", sources.csr_dir), text.as_str());
        let known = folder.csrs.keys().map(String::as_str).chain([CONFIG_FILE]);
        let message = format!("nothing is made from {name}");
        let unused = say.at(Place::new(&file, 0..0), codes::UNUSED_CSR, message);
        let is_of_worker = name.strip_suffix("-csr.json").is_some_and(|host| draft.has_host(host));
        let used_in = |layout: &Layout| layout.identities().iter().any(|row| row.csr == name);
        if used_in(&folder.layout) {
            unused.hint("remove it: [pki.ca] names an authority that there is already");
        } else if let Some(other) = Layout::ALL.iter().find(|other| used_in(other)) {
            unused.hint(format!(
                "the layout `{}` has it, and the layout here is `{}`",
                other.name(),
                folder.layout.name()
            ));
        } else if is_of_worker {
            unused.hint("remove it: each worker's request is made from node-csr.json");
        } else {
            unused.meant(name, known);
        }
    }
}
