//! The CSR folder: which of its files are made into something, and what is built in for those that it lacks.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, NODE_PLACEHOLDER};
use crate::catalog::layouts::{Layout, SINGLE_CSR};
use crate::catalog::roles::Role;
use crate::catalog::when_of;
use crate::cluster::{ExistingEncryptionKey, ExistingKey, Generation};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Place, Reporter, SourceFile, codes};
use crate::pki::authority::AuthorityCertificate;

use super::authority::Existing;
use super::cfssl::{RequestFile, SigningConfig, read_request_file, read_signing_config};
use super::draft::Draft;
use super::placed::may_be;
use super::source_files::{Files, or_told};
use super::{brought, brought_keys, encryption, secret_inputs};

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
    /// The authorities that there are already, by name and generation; nothing is made of the CSR file of one that is in all of them.
    pub brought: BTreeMap<(String, Generation), Existing>,
    /// Other keys that there are already, by the name that they are derived for elsewhere; none if one of them can't be used, which has been reported.
    pub brought_keys: Option<BTreeMap<(String, Generation), ExistingKey>>,
    /// Keys of the encryption configuration; none if one of them can't be used, which has been reported.
    pub encryption_keys: Option<Vec<ExistingEncryptionKey>>,
}

impl Folder {
    /// The files for which a built-in text stands in.
    fn missing(&self) -> impl Iterator<Item = &str> {
        let csrs = self.csrs.iter().filter(|(_, csr)| csr.built_in);
        let config = Some(CONFIG_FILE).filter(|_| self.config_built_in);
        csrs.map(|(name, _)| name.as_str()).chain(config)
    }

    /// What a CSR file asks for, if it can be read.
    pub fn request(&self, csr: &str) -> Option<&RequestFile> {
        self.csrs.get(csr)?.read.as_ref()
    }
}

/// The texts of the CSR folder.
struct Texts {
    /// What diagnostics call the folder.
    folder: String,
    /// The files by their names; none for one that can't be read, which has been reported.
    files: BTreeMap<String, Option<Arc<SourceFile>>>,
    /// Whether all names are known: the folder itself may be one that can't be read.
    listed: bool,
    empty: bool,
}

impl Texts {
    /// Whether the folder has a file of this name, or may have one.
    fn has(&self, name: &str) -> bool {
        !self.listed || self.files.contains_key(name)
    }

    /// The file of this name or the built-in one, and whether it is that. None if it can't be read: nothing else takes its
    /// place.
    fn open(&self, name: &str, layout: Layout) -> (Option<Arc<SourceFile>>, bool) {
        if self.has(name) {
            return (self.files.get(name).cloned().flatten(), false);
        }
        let text = built_in(layout, name).unwrap_or("{}");
        (Some(SourceFile::new(format!("built-in {name}"), text)), true)
    }
}

fn texts(from: &dyn Files, draft: &Draft, say: &Reporter) -> Texts {
    let path = draft.pki.csr_folder();
    let folder = from.name(path);
    let named = draft.pki.csr.as_ref().and_then(|csr| csr.place.as_ref());
    let listed = or_told(from.list(path), named, say);
    let mut files = BTreeMap::new();
    for name in listed.iter().flatten() {
        let Some(name) = or_told(name.clone(), named, say) else {
            continue;
        };
        let mut extra = draft.certificates.iter().filter_map(|extra| extra.csr.as_ref());
        let place = extra
            .find(|csr| csr.value == name)
            .and_then(|csr| csr.place.as_ref())
            .or(named);
        let path = format!("{}/{name}", path.trim_end_matches('/'));
        let text = match secret_inputs::told_as_text(&path, from, draft, say) {
            true => None,
            false => or_told(from.text(&path), place, say),
        };
        let file = text.map(|text| SourceFile::new(format!("{folder}/{name}"), text));
        files.insert(name, file);
    }
    Texts {
        folder,
        files,
        listed: listed.is_some(),
        empty: listed.is_some_and(|names| names.is_empty()),
    }
}

/// The layout that a CSR folder is written for: one with the walk-through's certificate for everything is the walk-through's.
pub fn written_for(from: &dyn Files, folder: &str) -> Layout {
    let is_single = |name: &Result<String, _>| name.as_ref().is_ok_and(|name| name == SINGLE_CSR);
    match from.list(folder).is_ok_and(|names| names.iter().any(is_single)) {
        true => Layout::Single,
        false => Layout::Split,
    }
}

/// Reads all files that certificates are made from, each with its own problems.
pub fn read(from: &dyn Files, draft: &Draft, say: &Reporter) -> Folder {
    let texts = texts(from, draft, say);
    // A layout that could not be read has been reported; what follows from it would be noise.
    let layout = draft.pki.layout.unwrap_or(Layout::Split);
    let brought = brought::read(from, draft, say);
    let rows = layout.identities().iter();
    let needed = rows.filter(|row| !brought::is_in_every_generation(draft, row) && may_be(draft, None, when_of(row)));
    let own = draft.certificates.iter().filter_map(|extra| extra.csr.as_ref());
    let (own, missing): (Vec<_>, Vec<_>) = own.partition(|csr| texts.has(&csr.value));
    let mut csrs: BTreeMap<String, Csr> = BTreeMap::new();
    let own = own.iter().map(|csr| csr.value.as_str());
    for name in needed.map(|row| row.csr).chain(own) {
        if csrs.contains_key(name) {
            continue;
        }
        let (file, built_in) = texts.open(name, layout);
        let before = say.len();
        let csr = Csr {
            read: file.as_ref().and_then(|file| read_request_file(file, say)),
            broken: file.is_none() || say.has_error_since(before),
            file: file.unwrap_or_default(),
            built_in,
        };
        csrs.insert(name.to_owned(), csr);
    }
    for csr in missing {
        let known = texts.files.iter().filter(|(_, file)| file.is_some());
        let message = format!("{} holds no {}", texts.folder, csr.value);
        say.at(csr, codes::MISSING_CSR, message)
            .meant(&csr.value, known.map(|(name, _)| name.as_str()));
    }
    let (config_file, config_built_in) = texts.open(CONFIG_FILE, layout);
    let folder = Folder {
        layout,
        csrs,
        config: config_file.as_ref().and_then(|file| read_signing_config(file, say)),
        config_file: config_file.unwrap_or_default(),
        config_built_in,
        brought_keys: brought_keys::read(from, draft, &brought, say),
        brought,
        encryption_keys: encryption::brought(from, draft, say),
    };
    report_built_in(&texts, draft, &folder, say);
    report_unused_authority(from, draft, &folder, say);
    if draft.pki.layout.is_some() {
        report_unused(&texts, draft, &folder, say);
    }
    folder
}

fn report_built_in(texts: &Texts, draft: &Draft, folder: &Folder, say: &Reporter) {
    let missing: Vec<&str> = folder.missing().collect();
    let place = draft.pki.csr.as_ref().and_then(|csr| csr.place.as_ref());
    if place.is_some() && texts.empty {
        let message = format!("there is no JSON file in {}", texts.folder);
        say.at(place, codes::EMPTY_CSR_FOLDER, message);
    } else if !missing.is_empty() {
        let what = match texts.empty {
            true => "nothing".to_owned(),
            false => format!("no {}", missing.join(", ")),
        };
        let message = format!("{} holds {what}: the built-in text is used", texts.folder);
        say.at(place, codes::BUILT_IN_CSR, message);
    }
}

/// An authority that lies in the folder, whatever its files are called, and is not brought: most likely the one that runs.
fn report_unused_authority(from: &dyn Files, draft: &Draft, folder: &Folder, say: &Reporter) {
    let path = draft.pki.csr_folder().trim_end_matches('/');
    let names = from.pem_files(path);
    let rows = || folder.layout.identities().iter().filter(|row| row.signs());
    let row_of = |name: &str| {
        let stem = stem_of(name);
        rows().find(|row| row.csr.strip_suffix("-csr.json") == Some(stem))
    };
    let is_brought = |name: &str| folder.brought.keys().any(|(of, _)| of == name);
    let of_any = |row: Option<&Identity>| row.map_or(CLUSTER_AUTHORITY, |row| row.name);
    let mut with_certificates: Vec<&str> = Vec::new();
    for name in &names {
        let certificate = format!("{path}/{name}");
        let row = row_of(name);
        let Ok(file) = from.certificate(&certificate) else {
            continue;
        };
        // One that can't be read is known by its name.
        let is_authority = match AuthorityCertificate::from_pem(file.expose()) {
            Ok(authority) => authority.is_ca,
            Err(_) => row.is_some() && !is_key(name),
        };
        if !is_authority {
            continue;
        }
        with_certificates.push(stem_of(name));
        if is_brought(of_any(row)) {
            continue;
        }
        let same_stem = |other: &&String| *other != name && stem_of(other) == stem_of(name);
        let key = names.iter().find(same_stem).cloned();
        let key = format!("{path}/{}", key.unwrap_or_else(|| format!("{}-key.pem", stem_of(name))));
        let message = format!("{certificate} signs nothing: another authority is made from the seed");
        tell_unused_authority(draft, row, &certificate, &key, message, say);
    }
    // Its key alone says as much.
    let keys = names.iter().filter(|name| !with_certificates.contains(&stem_of(name)));
    for name in keys {
        let Some(row) = row_of(name).filter(|row| !is_brought(row.name) && is_key(name)) else {
            continue;
        };
        let key = format!("{path}/{name}");
        let certificate = format!("{path}/{}.pem", stem_of(name));
        let message = format!(
            "{key} is the key of an authority whose certificate is not here, and signs nothing: another authority is made from the seed"
        );
        tell_unused_authority(draft, Some(row), &certificate, &key, message, say);
    }
}

fn tell_unused_authority(
    draft: &Draft,
    row: Option<&Identity>,
    certificate: &str,
    key: &str,
    message: String,
    say: &Reporter,
) {
    let place = draft.pki.csr.as_ref().and_then(|csr| csr.place.as_ref());
    let section = match row.map(|row| row.name) {
        None | Some(CLUSTER_AUTHORITY) => "pki.ca".to_owned(),
        Some(other) => format!("pki.bring.{other}"),
    };
    let csr = row.map_or("ca-csr.json", |row| row.csr);
    say.at(place, codes::UNUSED_AUTHORITY, message).hint(format!(
        "write [{section}] with cert = \"{certificate}\" and key = \"{key}\", and remove {csr}; if it is not to be used, keep it elsewhere; \
         of a cluster that runs khw-gen adopt writes all of it"
    ));
}

/// What a certificate's file and its key's have in common: `ca` of ca.pem, ca-key.pem, ca.crt and ca.key.
fn stem_of(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.strip_suffix("-key")
        .or_else(|| stem.strip_suffix("_key"))
        .unwrap_or(stem)
}

fn is_key(name: &str) -> bool {
    name.ends_with(".key")
        || name
            .rsplit_once('.')
            .is_some_and(|(stem, _)| stem.ends_with("-key") || stem.ends_with("_key"))
}

fn report_unused(texts: &Texts, draft: &Draft, folder: &Folder, say: &Reporter) {
    for (name, file) in &texts.files {
        let Some(file) = file else { continue };
        if name == CONFIG_FILE || folder.csrs.contains_key(name) {
            continue;
        }
        let message = format!("nothing is made from {name}");
        let unused = say.at(Place::new(file, 0..0), codes::UNUSED_CSR, message);
        let mut workers = draft.with(Role::Worker);
        let is_of_worker = name
            .strip_suffix("-csr.json")
            .is_some_and(|host| workers.any(|worker| worker.is_named(host)));
        let request: Option<Value> = serde_json::from_str(&file.text).ok();
        let is_request = ["CN", "key", "names", "hosts"]
            .iter()
            .any(|field| request.as_ref().is_some_and(|request| request.get(field).is_some()));
        let cn = request.as_ref().and_then(|request| request.get("CN")?.as_str());
        let is_of_node = cn.is_some_and(|cn| cn.starts_with("system:node:"));
        let of_nodes = folder.layout.identities().iter().find(|row| row.is_of_nodes());
        let used_in = |layout: &Layout| layout.identities().iter().any(|row| row.csr == name);
        let mut rows = folder.layout.identities().iter().filter(|row| row.csr == name);
        if rows.any(|row| !may_be(draft, None, when_of(row))) {
            unused.hint("remove it: this cluster has no use for its certificate");
        } else if used_in(&folder.layout) {
            unused.hint("remove it, unless a successor of the authority that is brought is to be made from it");
        } else if let Some(other) = Layout::ALL.iter().find(|other| used_in(other)) {
            unused.hint(format!(
                "the layout `{}` has it, and the layout here is `{}`",
                other.name(),
                folder.layout.name()
            ));
        } else if let Some(row) = of_nodes.filter(|_| is_of_worker || is_of_node) {
            unused.hint(match folder.missing().any(|missing| missing == row.csr) {
                true => format!(
                    "make it {}, with \"CN\": \"system:node:{NODE_PLACEHOLDER}\" and without \"hosts\": each worker's request is made from \
                     that one, with the worker's own names and addresses; remove those of the others",
                    row.csr
                ),
                false => format!("remove it: each worker's request is made from {}", row.csr),
            });
        } else {
            // What is there already is not what this one was to be. And all names end alike, which says nothing of how near they are.
            let stem = |name: &'_ str| name.strip_suffix("-csr.json").unwrap_or(name).to_owned();
            let stems: Vec<(String, &str)> = folder.missing().map(|name| (stem(name), name)).collect();
            let near = nearest(&stem(name), stems.iter().map(|(stem, _)| stem.as_str()));
            let meant = stems.iter().find(|(stem, _)| Some(stem.as_str()) == near);
            match meant {
                Some((_, meant)) => unused.hint(format!("did you mean `{meant}`?")),
                None if is_request && !name.contains(['"', '\\']) => unused.hint(format!(
                    "remove it; or name it in [[certificates]], with `csr = \"{name}\"`, and a certificate is made from it"
                )),
                None => {}
            }
        }
    }
}
