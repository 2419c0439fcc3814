//! Whether the CSR files and the profile make certificates that Kubernetes and etcd accept.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::catalog::identities::{CLUSTER_AUTHORITY, Identity, Layout, NODE_PLACEHOLDER, Per, SignedBy};
use crate::catalog::roles::Role;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceFile, codes};
use crate::pki::cfssl::{
    CsrWhitelist, ExtendedKeyUsage, KeyUsage, Name, Profile, San, Usage, Validity, leaf_refusal, root_refusal,
    subject_der, user_and_groups,
};
use crate::pki::key::{Algorithm, Curve};
use crate::pki::x509::is_same_name;

use super::authority::{self, Existing};
use super::cfssl::config::{ProfileFile, SigningConfig};
use super::cfssl::{RequestFile, read_request_file, read_signing_config};
use super::cluster_file::Draft;
use super::names::certificate_name_problem;
use super::suggest;
use super::tree::At;
use super::{SourceId, Sources};

/// The name of the signing configuration in the CSR folder.
pub const CONFIG_FILE: &str = "ca-config.json";

macro_rules! built_in_files {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("builtin/", $folder, "/", $name)))),*]
    };
}

/// The files, name and text, for those that a folder lacks: in the single layout the walk-through's.
pub fn built_in_files(layout: Layout) -> &'static [(&'static str, &'static str)] {
    match layout {
        Layout::Single => built_in_files!("single":
            "admin-csr.json" "ca-config.json" "ca-csr.json" "kube-controller-manager-csr.json" "kube-proxy-csr.json"
            "kube-scheduler-csr.json" "kubernetes-csr.json" "node-csr.json" "service-account-csr.json"),
        Layout::Split => built_in_files!("split":
            "admin-csr.json" "apiserver-csr.json" "apiserver-etcd-client-csr.json" "apiserver-kubelet-client-csr.json"
            "break-glass-csr.json" "ca-config.json" "ca-csr.json" "etcd-ca-csr.json" "etcd-healthcheck-client-csr.json"
            "etcd-peer-csr.json" "etcd-server-csr.json" "front-proxy-ca-csr.json" "front-proxy-client-csr.json"
            "kube-controller-manager-csr.json" "kube-proxy-csr.json" "kube-scheduler-csr.json" "kubelet-client-csr.json"
            "kubelet-serving-csr.json" "service-account-csr.json"),
    }
}

/// The built-in text of a file in the CSR folder. A test holds that every row of the identities tables has one.
pub fn built_in(layout: Layout, name: &str) -> Option<&'static str> {
    built_in_files(layout)
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
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
pub fn read(sources: &Sources, draft: &Draft, diagnostics: &mut Diagnostics) -> Folder {
    // A layout that could not be read has been reported; what follows from it would be noise.
    let layout = draft.layout.unwrap_or(Layout::Split);
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
        .existing_ca
        .as_ref()
        .map(|ca| authority::read(sources, ca, diagnostics));
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
            let before = diagnostics.len();
            let unreadable = sources.is_csr_unreadable(name);
            let read = match unreadable {
                true => None,
                false => read_request_file(&file, diagnostics),
            };
            let csr = Csr {
                broken: unreadable || diagnostics.has_error_since(before),
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
        let diagnostic = Diagnostic::new(codes::MISSING_CSR, message).at(csr.place.clone());
        diagnostics.report(match suggest::nearest(&csr.value, known) {
            Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
            None => diagnostic,
        });
    }
    let (config_file, config_built_in) = open(CONFIG_FILE);
    let config = match sources.is_csr_unreadable(CONFIG_FILE) {
        true => None,
        false => read_signing_config(&config_file, diagnostics),
    };
    let folder = Folder {
        layout,
        csrs,
        config_file,
        config_built_in,
        config,
        existing_ca,
    };
    report_built_in(sources, draft, &folder, diagnostics);
    if draft.layout.is_some() {
        report_unused(sources, draft, &folder, diagnostics);
    }
    folder
}

fn report_built_in(sources: &Sources, draft: &Draft, folder: &Folder, diagnostics: &mut Diagnostics) {
    let csrs = folder
        .csrs
        .iter()
        .filter(|(_, csr)| csr.built_in)
        .map(|(name, _)| name.as_str());
    let config = Some(CONFIG_FILE).filter(|_| folder.config_built_in);
    let missing: Vec<&str> = csrs.chain(config).collect();
    let named = draft.csr.as_ref().and_then(|csr| csr.place.clone());
    let is_unreadable = |source: &SourceId| matches!(source, SourceId::CsrFolder | SourceId::Csr(_));
    let is_empty = sources.csr.is_empty() && !sources.unreadable.keys().any(is_unreadable);
    if let (Some(place), true) = (named, is_empty) {
        let message = format!("there is no JSON file in {}", folder_name(sources));
        diagnostics.report(Diagnostic::new(codes::EMPTY_CSR_FOLDER, message).at(place));
        return;
    }
    if !missing.is_empty() {
        let what = if is_empty {
            "nothing".to_owned()
        } else {
            "no ".to_owned() + &missing.join(", ")
        };
        let message = format!("{} holds {what}: the built-in text is used", folder_name(sources));
        let place = draft.csr.as_ref().and_then(|csr| csr.place.clone());
        diagnostics.report(Diagnostic::new(codes::BUILT_IN_CSR, message).at(place));
    }
}

fn folder_name(sources: &Sources) -> &str {
    if sources.csr_dir.is_empty() {
        "the CSR folder"
    } else {
        &sources.csr_dir
    }
}

fn report_unused(sources: &Sources, draft: &Draft, folder: &Folder, diagnostics: &mut Diagnostics) {
    for (name, text) in &sources.csr {
        if name == CONFIG_FILE || folder.csrs.contains_key(name.as_str()) {
            continue;
        }
        let file = SourceFile::new(format!("{}/{name}", sources.csr_dir), text.as_str());
        let known = folder.csrs.keys().map(String::as_str).chain([CONFIG_FILE]);
        let mut diagnostic = Diagnostic::new(codes::UNUSED_CSR, format!("nothing is made from {name}"));
        let worker = name.strip_suffix("-csr.json").filter(|host| {
            draft
                .hosts
                .iter()
                .any(|known| known.name.as_ref().is_some_and(|name| name.value == *host))
        });
        let used_in = |layout: &Layout| layout.identities().iter().any(|row| row.csr == name);
        if used_in(&folder.layout) {
            diagnostic = diagnostic.hint("remove it: [pki.ca] names an authority that there is already");
        } else if let Some(other) = Layout::ALL.iter().find(|other| used_in(other)) {
            diagnostic = diagnostic.hint(format!(
                "the layout `{}` has it, and the layout here is `{}`",
                other.name(),
                folder.layout.name()
            ));
        } else if worker.is_some() {
            diagnostic = diagnostic.hint("remove it: each worker's request is made from node-csr.json");
        } else if let Some(meant) = suggest::nearest(name, known) {
            diagnostic = diagnostic.hint(format!("did you mean `{meant}`?"));
        }
        diagnostics.report(diagnostic.at(Place::new(&file, 0..0)));
    }
}

/// A profile that signs something, by the name under which the configuration has it.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    pub name: &'a str,
    pub file: &'a ProfileFile,
}

/// A certificate that another signs, and what is known about it.
struct Leaf<'a> {
    name: &'a str,
    /// None for one of the user's own.
    row: Option<&'static Identity>,
    csr_name: &'a str,
    csr: Option<&'a Csr>,
    profile: Option<Chosen<'a>>,
    /// None if it is not known, which has been reported.
    issuer: Option<Signs<'a>>,
}

/// Who signs: an authority of the cluster by its name, or a certificate of the user's own by its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Signs<'a> {
    Authority(&'static str),
    Extra(usize, &'a str),
}

/// What the checks decided: which profile signs what.
pub struct Profiles<'a> {
    /// The one that `[pki] profile` names.
    pub default: Option<Chosen<'a>>,
    /// By the name of a certificate that has a profile of its own; none where there is no such profile.
    pub own: BTreeMap<&'a str, Option<Chosen<'a>>>,
}

impl<'a> Profiles<'a> {
    /// The profile that signs the certificate `name`.
    pub fn of(&self, name: &str) -> Option<Chosen<'a>> {
        self.own.get(name).copied().unwrap_or(self.default)
    }
}

/// Everything that can be wrong with the certificates. Gives the profiles that sign them.
pub fn check<'a>(draft: &'a Draft, folder: &'a Folder, diagnostics: &mut Diagnostics) -> Profiles<'a> {
    let profiles = profiles(draft, folder, diagnostics);
    let leaves = leaves(draft, folder, &profiles, diagnostics);
    for profile in in_use(&leaves) {
        profile_fits(profile, &leaves, diagnostics);
    }
    let mut authorities = BTreeMap::new();
    for row in folder.layout.identities().iter().filter(|row| row.signs()) {
        let csr = folder.csrs.get(row.csr);
        authorities.insert(row.name, issuer(row, draft, folder, diagnostics));
        if let Some((csr, file)) = csr.and_then(|csr| Some((csr, csr.read.as_ref()?))) {
            let before = diagnostics.len();
            authority(file, diagnostics);
            if !csr.broken && !diagnostics.has_error_since(before) {
                refusal(row.csr, file, None, diagnostics);
            }
        }
    }
    same_names(folder, &authorities, diagnostics);
    key_pairs(folder, diagnostics);
    let issuers: Vec<Option<Issuer>> = leaves.iter().map(|leaf| leaf.as_issuer(draft)).collect();
    let issuer_of = |leaf: &Leaf<'_>| match leaf.issuer? {
        Signs::Authority(name) => authorities.get(name),
        Signs::Extra(_, name) => {
            let index = leaves
                .iter()
                .position(|other| other.row.is_none() && other.name == name)?;
            issuers.get(index)?.as_ref()
        }
    };
    // A profile stands once in ca-config.json, however many certificates it signs.
    let mut told = BTreeSet::new();
    for leaf in &leaves {
        let Some((csr, file)) = leaf.csr.and_then(|csr| Some((csr, csr.read.as_ref()?))) else {
            continue;
        };
        let before = diagnostics.len();
        check_leaf(leaf, file, diagnostics);
        if !csr.broken && !diagnostics.has_error_since(before) {
            let profile = leaf.profile.map(|profile| &profile.file.profile);
            if profile.is_some() {
                refusal(leaf.csr_name, file, profile, diagnostics);
            }
        }
        if let Some(issuer) = issuer_of(leaf) {
            against_issuer(leaf.name, csr, file, issuer, diagnostics);
            if let Some(profile) = &leaf.profile
                && leaves_the_signature_to_go(profile.file, issuer)
                && told.insert(profile.file.place.span.start)
            {
                signature_left_to_go(profile.file, diagnostics);
            }
        }
    }
    validity(draft, &leaves, issuer_of, diagnostics);
    path_lengths(draft, &leaves, authorities.get(CLUSTER_AUTHORITY), diagnostics);
    withheld_usages(draft, &leaves, diagnostics);
    nameless_authorities(folder, &leaves, diagnostics);
    own_masters(&leaves, diagnostics);
    profiles
}

/// Authorities are told apart by their names: whoever builds a chain takes the first issuer of the right one.
fn same_names(folder: &Folder, authorities: &BTreeMap<&str, Issuer>, diagnostics: &mut Diagnostics) {
    let rows: Vec<&Identity> = folder.layout.identities().iter().filter(|row| row.signs()).collect();
    let subject_of = |row: &Identity| authorities.get(row.name).and_then(|issuer| issuer.subject.as_deref());
    for (at, row) in rows.iter().enumerate() {
        let twin = rows[..at]
            .iter()
            .find(|other| match (subject_of(other), subject_of(row)) {
                (Some(one), Some(other)) => is_same_name(one, other),
                _ => false,
            });
        if let (Some(other), Some(file)) = (twin, folder.csrs.get(row.csr).and_then(|csr| csr.read.as_ref())) {
            let message = format!("{} has the subject of {}", row.name, other.name);
            report(codes::AUTHORITIES_ALIKE, message, &file.cn, diagnostics);
        }
    }
}

/// Key pairs without a certificate: nothing but the key of their CSR files counts.
fn key_pairs(folder: &Folder, diagnostics: &mut Diagnostics) {
    for row in folder
        .layout
        .identities()
        .iter()
        .filter(|row| row.signed_by == SignedBy::Nobody)
    {
        let Some(file) = folder.csrs.get(row.csr).and_then(|csr| csr.read.as_ref()) else {
            continue;
        };
        if file.request.key == Algorithm::Ed25519 && !file.broken.contains("key") {
            report(
                codes::ED25519_TOKENS,
                format!("{} is an Ed25519 key", row.name),
                &file.key,
                diagnostics,
            );
        }
    }
}

/// The profiles of all certificates, those that `[pki.profiles]` and `[[certificates]]` give included.
fn profiles<'a>(draft: &'a Draft, folder: &'a Folder, diagnostics: &mut Diagnostics) -> Profiles<'a> {
    let mut chosen = |name| chosen_profile(name, folder, diagnostics);
    let default = draft.profile.as_ref().and_then(&mut chosen);
    let mut own = BTreeMap::new();
    for (name, profile) in &draft.profiles {
        own.insert(name.value.as_str(), chosen(profile));
    }
    let given = |name: &str| draft.profiles.iter().find(|(given, _)| given.value == name);
    let rows = folder.layout.identities();
    for (row, preferred) in rows.iter().filter_map(|row| Some((row, row.profile?))) {
        let found = folder.config.as_ref().and_then(|config| config.profile(preferred));
        if let (None, Some(file)) = (given(row.name), found) {
            let name = preferred;
            own.insert(row.name, Some(Chosen { name, file }));
        }
    }
    let mut twice = Vec::new();
    // A certificate of the user's own that takes the name of one of the cluster's does not give that one its profile.
    let is_own = |name: &str| !rows.iter().any(|row| row.name == name);
    let extra = draft.certificates.iter();
    for certificate in extra.filter(|extra| extra.name.as_ref().is_some_and(|name| is_own(&name.value))) {
        let (Some(name), Some(profile)) = (&certificate.name, &certificate.profile) else {
            // A profile that could not be read is not the default one.
            own.extend(certificate.name.as_ref().map(|name| (name.value.as_str(), None)));
            continue;
        };
        if let Some(profile) = profile {
            own.insert(name.value.as_str(), chosen(profile));
            twice.extend(given(&name.value).map(|(name, _)| name));
        }
    }
    for name in twice {
        let message = format!(
            "[[certificates]] gives `{}` a profile too, and that one counts",
            name.value
        );
        diagnostics.report(Diagnostic::new(codes::DUPLICATE_FIELD, message).at(name.place.clone()));
    }
    for (name, _) in &draft.profiles {
        let extra = || {
            draft
                .certificates
                .iter()
                .filter_map(|extra| Some(extra.name.as_ref()?.value.as_str()))
        };
        let signed = rows.iter().filter(|row| row.is_signed()).map(|row| row.name);
        let known: Vec<&str> = signed.chain(extra()).collect();
        if known.contains(&name.value.as_str()) {
            continue;
        }
        let (message, hint) = if let Some(row) = folder.layout.identity(&name.value) {
            let why = match row.signs() {
                true => "signs itself",
                false => "has no certificate",
            };
            let message = format!("`{}` {why}, and no profile applies to it", name.value);
            (message, "remove it".to_owned())
        } else {
            let hint = match suggest::nearest(&name.value, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the certificates are {}", suggest::listed(known)),
            };
            (format!("there is no certificate `{}`", name.value), hint)
        };
        diagnostics.report(
            Diagnostic::new(codes::UNKNOWN_CERTIFICATE, message)
                .at(name.place.clone())
                .hint(hint),
        );
    }
    broad_profiles(folder, &own, default, diagnostics);
    Profiles { default, own }
}

/// Where a certificate is for one purpose, and ca-config.json has no profile of the name that is for this one.
fn broad_profiles(
    folder: &Folder,
    own: &BTreeMap<&str, Option<Chosen<'_>>>,
    default: Option<Chosen<'_>>,
    diagnostics: &mut Diagnostics,
) {
    let (Some(config), Some(default)) = (&folder.config, default) else {
        return;
    };
    let mut wanting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in folder
        .layout
        .identities()
        .iter()
        .filter(|row| !own.contains_key(row.name))
    {
        if let Some(profile) = row.profile {
            wanting.entry(profile).or_default().push(row.name);
        }
    }
    for (profile, names) in wanting {
        let message = format!(
            "there is no profile \"{profile}\": {} get \"{}\"",
            suggest::listed(names),
            default.name
        );
        diagnostics.report(Diagnostic::new(codes::BROAD_PROFILE, message).at(config.place.clone()));
    }
}

/// Everything that an authority signs.
fn leaves<'a>(
    draft: &'a Draft,
    folder: &'a Folder,
    profiles: &Profiles<'a>,
    diagnostics: &mut Diagnostics,
) -> Vec<Leaf<'a>> {
    let mut leaves: Vec<Leaf<'a>> = Vec::new();
    for row in folder.layout.identities() {
        let SignedBy::Authority(authority) = row.signed_by else {
            continue;
        };
        leaves.push(Leaf {
            name: row.name,
            row: Some(row),
            csr_name: row.csr,
            csr: folder.csrs.get(row.csr),
            profile: profiles.of(row.name),
            issuer: Some(Signs::Authority(authority)),
        });
    }
    let issuers = issuers_of_extra(draft, profiles, diagnostics);
    for (extra, issuer) in draft.certificates.iter().zip(issuers) {
        let (Some(name), Some(csr)) = (&extra.name, &extra.csr) else {
            continue;
        };
        let named_so = folder.csrs.get(&csr.value);
        let profile = profiles.of(&name.value);
        for host in &extra.hosts {
            let place = host.place.as_ref();
            match profile.is_some_and(|profile| drops_name(&profile.file.profile, &host.value)) {
                true => dropped_name(&host.value, place, diagnostics),
                false => host_entry(false, &host.value, place, diagnostics),
            }
        }
        leaves.push(Leaf {
            name: &name.value,
            row: None,
            csr_name: &csr.value,
            csr: named_so.filter(|csr| !csr.built_in),
            profile,
            issuer,
        });
    }
    leaves
}

/// Who signs each of the user's own certificates, once no chain of them is without an end.
fn issuers_of_extra<'a>(
    draft: &'a Draft,
    profiles: &Profiles<'a>,
    diagnostics: &mut Diagnostics,
) -> Vec<Option<Signs<'a>>> {
    let name_of = |index: usize| Some(draft.certificates.get(index)?.name.as_ref()?.value.as_str());
    let mut by_name = BTreeMap::new();
    for (index, name) in (0..draft.certificates.len()).filter_map(|index| Some((index, name_of(index)?))) {
        by_name.entry(name).or_insert(index);
    }
    let find = |name: &str| by_name.get(name).copied();
    let signer = |index: usize| {
        draft
            .certificates
            .get(index)?
            .signed_by
            .as_ref()
            .map(|by| by.value.as_str())
    };
    let mut issuers = Vec::new();
    for (index, certificate) in draft.certificates.iter().enumerate() {
        let Some(by) = &certificate.signed_by else {
            issuers.push(None);
            continue;
        };
        let root = by.value == CLUSTER_AUTHORITY;
        let Some(found) = find(&by.value).filter(|_| !root) else {
            let extra = (0..draft.certificates.len()).filter_map(name_of);
            let known: Vec<&str> = [CLUSTER_AUTHORITY].into_iter().chain(extra).collect();
            if !root {
                let hint = match suggest::nearest(&by.value, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "only `ca` and certificates of [[certificates]] sign".to_owned(),
                };
                let message = format!("there is no authority `{}`", by.value);
                let diagnostic = Diagnostic::new(codes::UNKNOWN_CERTIFICATE, message).at(by.place.clone());
                diagnostics.report(diagnostic.hint(hint));
            }
            issuers.push(root.then_some(Signs::Authority(CLUSTER_AUTHORITY)));
            continue;
        };
        // Each step goes to another certificate, or the chain has come back to one it has seen.
        let chain = std::iter::successors(Some(found), |at| find(signer(*at)?));
        let steps: Vec<usize> = chain.take(draft.certificates.len() + 1).collect();
        if steps.contains(&index) {
            let message = format!("`{}` signs what it is itself signed by", by.value);
            diagnostics.report(Diagnostic::new(codes::SIGNING_CYCLE, message).at(by.place.clone()));
            issuers.push(None);
            continue;
        }
        if steps.len() > draft.certificates.len() {
            // It hangs on a cycle of others, which is told there.
            issuers.push(None);
            continue;
        }
        let profile = profiles.of(&by.value);
        let signs = profile.is_none_or(|profile| {
            let profile = &profile.file.profile;
            profile.ca_constraint.is_ca && profile.usages.contains(&Usage::Key(KeyUsage::CertSign))
        });
        if let (false, Some(profile)) = (signs, profile) {
            let message = format!(
                "`{}` may not sign: its profile \"{}\" makes no authority of it",
                by.value, profile.name
            );
            let hint = "give it a profile with \"ca_constraint\": {\"is_ca\": true} and the usage \"cert sign\"";
            diagnostics.report(
                Diagnostic::new(codes::NOT_A_CA, message)
                    .at(by.place.clone())
                    .hint(hint),
            );
        }
        issuers.push(Some(Signs::Extra(found, &by.value)));
    }
    issuers
}

/// The profiles that sign something, each once, in the order of what they sign.
fn in_use<'a>(leaves: &[Leaf<'a>]) -> Vec<Chosen<'a>> {
    let mut used: Vec<Chosen<'a>> = Vec::new();
    for profile in leaves.iter().filter_map(|leaf| leaf.profile) {
        if !used.iter().any(|known| known.name == profile.name) {
            used.push(profile);
        }
    }
    used
}

impl Leaf<'_> {
    /// What it is to those that it signs.
    fn as_issuer(&self, draft: &Draft) -> Option<Issuer> {
        let issued = draft.issued.as_ref().map(|issued| issued.value);
        let file = self.csr?.read.as_ref()?;
        let profile = self.profile?;
        Some(Issuer {
            subject: subject(file),
            key: Some(file.request.key).filter(|_| !file.broken.contains("key")),
            validity: issued
                .filter(|_| is_set(profile.file))
                .map(|issued| Validity::of_leaf(&profile.file.profile, issued)),
            path_length: path_length(&profile.file.profile),
            name: Some(self.name.to_owned()),
            place: None,
        })
    }
}

/// The path length that a profile gives to authorities, by cfssl's rule that 0 is none unless it is asked for by name.
fn path_length(profile: &Profile) -> Option<u32> {
    let constraint = profile.ca_constraint;
    let is_set = constraint.max_path_len != 0 || constraint.max_path_len_zero;
    (constraint.is_ca && is_set).then_some(constraint.max_path_len)
}

/// Whether each authority has, under every one above it, no more authorities between than that one's path length permits.
fn path_lengths(draft: &Draft, leaves: &[Leaf<'_>], ca: Option<&Issuer>, diagnostics: &mut Diagnostics) {
    let find = |name: &str| leaves.iter().find(|leaf| leaf.row.is_none() && leaf.name == name);
    let is_authority = |leaf: &Leaf<'_>| {
        leaf.profile
            .is_some_and(|profile| profile.file.profile.ca_constraint.is_ca)
    };
    for leaf in leaves.iter().filter(|leaf| leaf.row.is_none() && is_authority(leaf)) {
        let mut above = leaf.issuer;
        // How many authorities a leaf below this one has under the one above.
        for count in 1.. {
            let (limit, who, next) = match above {
                None => break,
                Some(Signs::Authority(name)) => (ca.and_then(|ca| ca.path_length), name, None),
                Some(Signs::Extra(_, name)) => match find(name) {
                    None => break,
                    Some(other) => (
                        other.profile.and_then(|profile| path_length(&profile.file.profile)),
                        name,
                        other.issuer,
                    ),
                },
            };
            if let Some(limit) = limit.filter(|limit| *limit < count) {
                let message = format!(
                    "`{}` is an authority, and the path length of `{who}` is {limit}: with it there would be {count} below",
                    leaf.name
                );
                let extra = draft.certificates.iter();
                let place = extra
                    .filter(|extra| extra.name.as_ref().is_some_and(|name| name.value == leaf.name))
                    .find_map(|extra| extra.signed_by.as_ref()?.place.clone().or(Some(extra.place.clone())));
                diagnostics.report(Diagnostic::new(codes::PATH_TOO_LONG, message).at(place));
            }
            above = next;
        }
    }
}

/// The extended key usages of an authority bound those of all below it: so OpenSSL, Go and others read them.
fn withheld_usages(draft: &Draft, leaves: &[Leaf<'_>], diagnostics: &mut Diagnostics) {
    let find = |name: &str| leaves.iter().find(|leaf| leaf.row.is_none() && leaf.name == name);
    let usages = |leaf: &Leaf<'_>| -> Vec<ExtendedKeyUsage> {
        let profile = leaf.profile.map(|profile| &profile.file.profile.usages[..]);
        let extended = |usage: &Usage| match usage {
            Usage::Extended(usage) => Some(*usage),
            Usage::Key(_) => None,
        };
        profile.unwrap_or_default().iter().filter_map(extended).collect()
    };
    for leaf in leaves.iter().filter(|leaf| leaf.row.is_none()) {
        let wanted = usages(leaf);
        let mut above = leaf.issuer;
        // No chain is longer than there are certificates; a cycle has been reported.
        for _ in leaves {
            let Some(issuer) = above.and_then(|signs| match signs {
                Signs::Extra(_, name) => find(name),
                Signs::Authority(_) => None,
            }) else {
                break;
            };
            let permitted = usages(issuer);
            let bounds = !permitted.is_empty() && !permitted.contains(&ExtendedKeyUsage::Any);
            if bounds && wanted.iter().any(|usage| !permitted.contains(usage)) {
                let message = format!(
                    "`{}` has extended key usages that its authority `{}` leaves out, and would be refused for them",
                    leaf.name, issuer.name
                );
                let hint = "give the authority's profile these usages too, or none";
                let mut extra = draft.certificates.iter();
                let place = extra
                    .find(|extra| extra.name.as_ref().is_some_and(|name| name.value == leaf.name))
                    .map(|extra| extra.place.clone());
                diagnostics.report(
                    Diagnostic::new(codes::PROFILE_DOES_NOT_FIT, message)
                        .at(place)
                        .hint(hint),
                );
            }
            above = issuer.issuer;
        }
    }
}

/// A certificate of the user's own that makes its bearer an administrator whom RBAC can't take anything from.
fn own_masters(leaves: &[Leaf<'_>], diagnostics: &mut Diagnostics) {
    for leaf in leaves.iter().filter(|leaf| leaf.row.is_none()) {
        let Some(file) = leaf.csr.and_then(|csr| csr.read.as_ref()) else {
            continue;
        };
        let (_, organizations) = user_and_groups(&file.request);
        if !file.broken.contains("names") && organizations.iter().any(|group| group == MASTERS) {
            let message = format!("{} is a member of {MASTERS}", leaf.name);
            report(codes::EXTRA_MASTERS, message, &file.names, diagnostics);
        }
    }
}

/// An issuer has a name (RFC 5280, section 4.1.2.4).
fn nameless_authorities(folder: &Folder, leaves: &[Leaf<'_>], diagnostics: &mut Diagnostics) {
    const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
    if let Some(existing) = &folder.existing_ca
        && existing
            .ca
            .as_ref()
            .is_some_and(|ca| ca.certificate.subject == EMPTY_NAME)
    {
        let message = "the authority has no subject, and nothing that it signs would be accepted";
        diagnostics.report(Diagnostic::new(codes::EMPTY_SUBJECT, message).at(existing.place.clone()));
    }
    let own = leaves.iter().filter(|leaf| leaf.row.is_none());
    for leaf in own.filter(|leaf| {
        leaf.profile
            .is_some_and(|profile| profile.file.profile.ca_constraint.is_ca)
    }) {
        let Some(file) = leaf.csr.and_then(|csr| csr.read.as_ref()) else {
            continue;
        };
        if subject(file).is_some_and(|subject| subject == EMPTY_NAME) {
            let message = format!("`{}` is an authority without a subject", leaf.name);
            report(codes::EMPTY_SUBJECT, message, &file.cn, diagnostics);
        }
    }
}

/// Who signs, as far as it is known before anything is signed; what is none has been reported.
struct Issuer {
    /// The DER of its Name.
    subject: Option<Vec<u8>>,
    key: Option<Algorithm>,
    validity: Option<Validity>,
    path_length: Option<u32>,
    /// Its name, where it is one of the user's own certificates.
    name: Option<String>,
    /// Where it is named, when it is not made here.
    place: Option<Place>,
}

/// An authority of the cluster, the one that is there already or the one to be made.
fn issuer(row: &Identity, draft: &Draft, folder: &Folder, diagnostics: &mut Diagnostics) -> Issuer {
    let issued = draft.issued.as_ref().map(|issued| issued.value);
    if let (CLUSTER_AUTHORITY, Some(existing)) = (row.name, &folder.existing_ca) {
        let certificate = existing.ca.as_ref().map(|ca| &ca.certificate);
        return Issuer {
            subject: certificate.map(|certificate| certificate.subject.clone()),
            key: certificate.map(|certificate| certificate.public.algorithm),
            validity: certificate.and_then(|certificate| {
                existing_validity(certificate.validity, issued?, existing.place.as_ref(), diagnostics)
            }),
            path_length: certificate.and_then(|certificate| certificate.path_length),
            name: None,
            place: existing.place.clone(),
        };
    }
    let file = folder.csrs.get(row.csr).and_then(|csr| csr.read.as_ref());
    let ca = file.and_then(|file| file.request.ca.as_ref());
    Issuer {
        subject: file.and_then(subject),
        key: file
            .filter(|file| !file.broken.contains("key"))
            .map(|file| file.request.key),
        validity: file.and_then(|file| root_validity(file, issued?, diagnostics)),
        path_length: ca.filter(|ca| ca.pathlen != 0 || ca.pathlenzero).map(|ca| ca.pathlen),
        name: None,
        place: None,
    }
}

/// The DER of the Name that a certificate of this request gets; none if it can't be said.
fn subject(file: &RequestFile) -> Option<Vec<u8>> {
    let known = !file.broken.contains("CN") && !file.broken.contains("names");
    known.then(|| subject_der(&file.request).ok())?
}

fn chosen_profile<'a>(name: &'a At<String>, folder: &'a Folder, diagnostics: &mut Diagnostics) -> Option<Chosen<'a>> {
    let config = folder.config.as_ref()?;
    let profile = config.profile(&name.value);
    // Where an error keeps the profiles from being read, the one that is missing may be among them.
    if profile.is_none() && !(config.profiles.is_empty() && config.broken) {
        let message = format!("{} has no profile \"{}\"", folder.config_file.name, name.value);
        let hint = match suggest::nearest(&name.value, config.names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the profiles are {}", suggest::listed(config.names())),
        };
        let place = name.place.clone().unwrap_or_else(|| config.place.clone());
        diagnostics.report(Diagnostic::new(codes::UNKNOWN_PROFILE, message).at(place).hint(hint));
    }
    profile.map(|file| Chosen {
        name: &name.value,
        file,
    })
}

fn report(code: &'static Code, message: impl Into<String>, place: &Place, diagnostics: &mut Diagnostics) {
    diagnostics.report(Diagnostic::new(code, message).at(place.clone()));
}

fn profile_fits(chosen: Chosen<'_>, leaves: &[Leaf<'_>], diagnostics: &mut Diagnostics) {
    let Chosen { name, file } = chosen;
    let profile = &file.profile;
    // What a certificate of the user's own is for, nobody but the user knows.
    let rows: Vec<&Identity> = leaves
        .iter()
        .filter(|leaf| leaf.profile.is_some_and(|profile| profile.name == name))
        .filter_map(|leaf| leaf.row)
        .collect();
    if let Some(place) = &file.remote {
        report(
            codes::UNSUPPORTED_FIELD,
            "the profile signs on a remote server",
            place,
            diagnostics,
        );
    }
    for (place, why) in &file.unsupported {
        report(codes::UNSUPPORTED_FIELD, why.as_str(), place, diagnostics);
    }
    let mut unfit = |why: String, place: &Place| {
        report(
            codes::PROFILE_DOES_NOT_FIT,
            format!("the profile \"{name}\" {why}"),
            place,
            diagnostics,
        );
    };
    if file.usages_broken {
        // Whether the usages that were meant would do can't be said.
    } else if profile.usages.is_empty() {
        // A named profile without usages has been reported where it stands; only `default` may have none.
        if name == "default" {
            unfit(
                "has no usages, and cfssl signs nothing with it".to_owned(),
                &file.usages,
            );
        }
    } else {
        for (usage, called) in [
            (ExtendedKeyUsage::ServerAuth, "server auth"),
            (ExtendedKeyUsage::ClientAuth, "client auth"),
        ] {
            let users: Vec<&str> = rows
                .iter()
                .filter(|row| row.needs.contains(&usage))
                .map(|row| row.name)
                .collect();
            let has = profile
                .usages
                .iter()
                .any(|has| *has == Usage::Extended(usage) || *has == Usage::Extended(ExtendedKeyUsage::Any));
            if !has && !users.is_empty() {
                let need = if users.len() == 1 { "needs" } else { "need" };
                unfit(
                    format!("lacks the usage \"{called}\", which {} {need}", suggest::listed(users)),
                    &file.usages,
                );
            }
        }
        let key_usages = profile.usages.iter().any(|usage| matches!(usage, Usage::Key(_)));
        let signs = profile.usages.contains(&Usage::Key(KeyUsage::DigitalSignature));
        if key_usages && !signs && !rows.is_empty() {
            unfit(
                "lacks the usage \"signing\", without which no TLS handshake can be signed".to_owned(),
                &file.usages,
            );
        }
    }
    if profile.ca_constraint.is_ca && !rows.is_empty() {
        unfit(
            "makes every certificate an authority, and cfssl leaves out its DNS names".to_owned(),
            &file.place,
        );
    }
    if let Some(why) = profile.csr_whitelist.as_ref().and_then(whitelist_problem) {
        unfit(why.to_owned(), &file.place);
    }
}

fn whitelist_problem(whitelist: &CsrWhitelist) -> Option<&'static str> {
    match whitelist {
        CsrWhitelist { subject: false, .. } => Some("drops the subject: its `CSRWhitelist` lacks `Subject`"),
        CsrWhitelist { public_key: false, .. } => {
            Some("drops the public key: its `CSRWhitelist` lacks `PublicKey` or `PublicKeyAlgorithm`")
        }
        CsrWhitelist { dns_names: false, .. } => {
            Some("drops the DNS names of servers: its `CSRWhitelist` lacks `DNSNames`")
        }
        CsrWhitelist {
            ip_addresses: false, ..
        } => Some("drops the addresses of servers: its `CSRWhitelist` lacks `IPAddresses`"),
        _ => None,
    }
}

fn authority(file: &RequestFile, diagnostics: &mut Diagnostics) {
    let request = &file.request;
    // cfssl asks for a CN, or else for names none of which is blank (initca.go, validator).
    let blank = |name: &Name| {
        [&name.c, &name.st, &name.l, &name.o, &name.ou]
            .iter()
            .all(|text| text.trim().is_empty())
    };
    if request.cn.is_empty()
        && !file.broken.contains("CN")
        && (request.names.is_empty() || request.names.iter().any(blank))
    {
        report(codes::EMPTY_SUBJECT, "the authority has no CN", &file.cn, diagnostics);
    }
    if request.ca.as_ref().is_none_or(|ca| ca.expiry.is_none()) && !file.broken.contains("ca") {
        report(
            codes::CA_DEFAULT_EXPIRY,
            "the authority lives five years, cfssl's default",
            &file.expiry,
            diagnostics,
        );
    }
    for (host, place) in request.hosts.iter().zip(&file.hosts) {
        if !matches!(San::classify(host), San::Ip(_)) {
            dropped_name(host, place.as_ref(), diagnostics);
        }
    }
    ed25519(file, diagnostics);
}

fn check_leaf(leaf: &Leaf<'_>, file: &RequestFile, diagnostics: &mut Diagnostics) {
    let profile = leaf.profile.map(|profile| &profile.file.profile);
    if let Some(place) = &file.ca {
        report(
            codes::CA_SECTION,
            format!("{} is signed by another, and has a `ca` section", leaf.csr_name),
            place,
            diagnostics,
        );
    }
    if let Some(place) = &file.crl_url {
        let message =
            "`crl_url` has no effect: cfssl writes it into an authority's certificate; a leaf's comes from the profile";
        report(codes::IGNORED_FIELD, message, place, diagnostics);
    }
    if let (
        Some(place),
        Some(Profile {
            copy_extensions: false, ..
        }),
    ) = (&file.extensions, profile)
    {
        let message = "`extensions` has no effect: the profile does not set `copy_extensions`";
        report(codes::IGNORED_FIELD, message, place, diagnostics);
    }
    if profile.is_some_and(|profile| profile.copy_extensions) {
        copied_extensions(file, diagnostics);
    }
    if !file.broken.contains("CN") {
        match leaf.row {
            Some(row) => user(row, file, diagnostics),
            None if user_and_groups(&file.request).0.contains(NODE_PLACEHOLDER) => {
                let message = format!(
                    "no worker's name takes the place of {NODE_PLACEHOLDER} in {}",
                    leaf.csr_name
                );
                let diagnostic = Diagnostic::new(codes::WRONG_SUBJECT, message).at(file.cn.clone());
                diagnostics.report(diagnostic.hint("write the name that is meant"));
            }
            None => {}
        }
    }
    if let Some(row) = leaf.row
        && !file.broken.contains("names")
    {
        groups(row, file, diagnostics);
    }
    let per_worker = leaf.row.is_some_and(|row| row.per == PER_WORKER);
    for (host, place) in file.request.hosts.iter().zip(&file.hosts) {
        match leaf.row.is_none() && profile.is_some_and(|profile| drops_name(profile, host)) {
            true => dropped_name(host, place.as_ref(), diagnostics),
            false => host_entry(per_worker, host, place.as_ref(), diagnostics),
        }
    }
    if !file.broken.contains("key") {
        key(leaf, file, profile, diagnostics);
    }
}

/// Whether cfssl leaves a name out since the profile makes authorities: only addresses stay.
fn drops_name(profile: &Profile, host: &str) -> bool {
    profile.ca_constraint.is_ca && !matches!(San::classify(host), San::Ip(_))
}

fn dropped_name(host: &str, place: Option<&Place>, diagnostics: &mut Diagnostics) {
    let message = format!("\"{host}\" has no effect: cfssl leaves it out of an authority's certificate");
    diagnostics.report(Diagnostic::new(codes::IGNORED_FIELD, message).at(place.cloned()));
}

/// Extensions of the request's own that would take the place of what the certificate is for: cfssl copies them as they are.
fn copied_extensions(file: &RequestFile, diagnostics: &mut Diagnostics) {
    for extension in &file.request.extensions {
        let id = extension.id.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let problem = match extension.id.as_slice() {
            // RFC 5280, section 4.2.1: key identifiers, key usage, alternative names, constraints, extended key usage.
            [2, 5, 29, 14 | 15 | 17 | 19 | 30 | 35 | 36 | 37] => {
                "it would take the place of what the certificate is for"
            }
            _ if extension.critical => "it is critical, and whoever does not know it refuses the certificate",
            _ => continue,
        };
        let place = file.extensions.as_ref().unwrap_or(&file.names);
        report(
            codes::BAD_EXTENSION,
            format!("the extension {id} can't be copied: {problem}"),
            place,
            diagnostics,
        );
    }
}

/// What cfssl itself would refuse, and no check above has named; without a profile, to make a root of.
fn refusal(csr_name: &str, file: &RequestFile, profile: Option<&Profile>, diagnostics: &mut Diagnostics) {
    let error = match profile {
        None => root_refusal(&file.request),
        Some(profile) => leaf_refusal(&file.request, profile),
    };
    if let Some(error) = error {
        let place = file.extensions.as_ref().unwrap_or(&file.names);
        report(
            codes::REFUSED_REQUEST,
            format!("{csr_name} is refused: {error}"),
            place,
            diagnostics,
        );
    }
}

/// Kubernetes reads the user from CN (kubernetes.io, "Authenticating", X.509 client certificates).
fn user(row: &Identity, file: &RequestFile, diagnostics: &mut Diagnostics) {
    let (cn, _) = user_and_groups(&file.request);
    let expected = row.subject.cn.map(|cn| cn.replace("{host}", NODE_PLACEHOLDER));
    match expected {
        Some(expected) if cn != expected => {
            let hint = format!("write \"CN\": \"{expected}\"");
            let lacks_placeholder = row.per == PER_WORKER && !cn.contains(NODE_PLACEHOLDER);
            let (code, message) = if lacks_placeholder {
                (
                    codes::NO_PLACEHOLDER,
                    format!("CN is \"{}\" on every worker: {NODE_PLACEHOLDER} is missing", cn),
                )
            } else {
                (codes::WRONG_SUBJECT, format!("CN is \"{cn}\", not \"{expected}\""))
            };
            diagnostics.report(Diagnostic::new(code, message).at(file.cn.clone()).hint(hint));
        }
        None if cn.is_empty() && row.needs.contains(&ExtendedKeyUsage::ClientAuth) => {
            let message = format!("{} ({}) has no CN, and so no user name", row.name, row.what);
            diagnostics.report(
                Diagnostic::new(codes::WRONG_SUBJECT, message)
                    .at(file.cn.clone())
                    .hint("set \"CN\""),
            );
        }
        _ => {}
    }
}

const PER_WORKER: Per = Per::Each(Role::Worker);

/// The group that may do everything, whatever RBAC says.
const MASTERS: &str = "system:masters";

/// Kubernetes reads the groups from O.
fn groups(row: &Identity, file: &RequestFile, diagnostics: &mut Diagnostics) {
    let (_, organizations) = user_and_groups(&file.request);
    if let Some(expected) = row.subject.o
        && !organizations.iter().any(|group| group == expected)
    {
        let message = format!("no name has the O \"{expected}\"");
        let hint = format!("write \"names\": [{{\"O\": \"{expected}\"}}]");
        diagnostics.report(
            Diagnostic::new(codes::WRONG_SUBJECT, message)
                .at(file.names.clone())
                .hint(hint),
        );
    }
    if row.subject.o != Some(MASTERS) && organizations.iter().any(|group| group == MASTERS) {
        let typed = file
            .request
            .names
            .iter()
            .zip(&file.organizations)
            .find(|(name, _)| name.o == MASTERS);
        let place = typed.and_then(|(_, place)| place.as_ref()).unwrap_or(&file.names);
        report(
            codes::EXTRA_MASTERS,
            format!("{} is a member of {MASTERS}", row.name),
            place,
            diagnostics,
        );
    }
}

fn host_entry(per_worker: bool, host: &str, place: Option<&Place>, diagnostics: &mut Diagnostics) {
    // The placeholder stands for a name that is checked where the hosts are.
    let host = if per_worker {
        host.replace(NODE_PLACEHOLDER, "worker")
    } else {
        host.to_owned()
    };
    let problem = match San::classify(&host) {
        San::Ip(_) => None,
        San::Email(address) => (!address.is_ascii()).then(|| "it is not ASCII".to_owned()),
        San::Uri(uri) if !uri.is_ascii() => Some("it is not ASCII".to_owned()),
        San::Uri(uri) if uri.contains("://") || uri.starts_with("urn:") => None,
        San::Uri(_) => Some(certificate_name_problem(&host).unwrap_or_else(|| "cfssl takes it for a URI".to_owned())),
        San::Dns(name) => certificate_name_problem(&name),
    };
    if let Some(problem) = problem {
        let message = format!("\"{host}\" is neither a name nor an address: {problem}");
        diagnostics.report(Diagnostic::new(codes::BAD_NAME_ENTRY, message).at(place.cloned()));
    }
}

fn key(leaf: &Leaf<'_>, file: &RequestFile, profile: Option<&Profile>, diagnostics: &mut Diagnostics) {
    let key = file.request.key;
    // The pair that signs tokens is the one of which no TLS usage is asked.
    let signs_tokens = leaf.row.is_some_and(|row| row.needs.is_empty());
    if signs_tokens && key == Algorithm::Ed25519 {
        report(
            codes::ED25519_TOKENS,
            format!("{} is an Ed25519 key", leaf.name),
            &file.key,
            diagnostics,
        );
        return;
    }
    if leaf.row.is_some() {
        ed25519(file, diagnostics);
    }
    let enciphers = profile.is_some_and(|profile| profile.usages.contains(&Usage::Key(KeyUsage::KeyEncipherment)));
    // What is built in is nobody's to correct.
    let built_in = leaf.csr.is_some_and(|csr| csr.built_in);
    if enciphers && !built_in && !matches!(key, Algorithm::Rsa(_)) {
        let message = format!(
            "{} has no RSA key, and its certificate says that it enciphers keys",
            leaf.name
        );
        report(codes::KEY_ENCIPHERMENT, message, &file.key, diagnostics);
    }
}

fn ed25519(file: &RequestFile, diagnostics: &mut Diagnostics) {
    if file.request.key == Algorithm::Ed25519 && !file.broken.contains("key") {
        report(
            codes::ED25519_IDENTITY,
            "an Ed25519 key is refused by some who must accept it",
            &file.key,
            diagnostics,
        );
    }
}

fn against_issuer(name: &str, csr: &Csr, file: &RequestFile, issuer: &Issuer, diagnostics: &mut Diagnostics) {
    let weaker = issuer.key.is_some_and(|key| strength(file.request.key) > strength(key));
    if weaker && !csr.built_in && !file.broken.contains("key") {
        let message = format!("the key of {name} is stronger than the key of the authority that vouches for it");
        report(codes::CA_KEY_WEAKER, message, &file.key, diagnostics);
    }
    let same = match (subject(file), &issuer.subject) {
        (Some(own), Some(issuers)) => is_same_name(&own, issuers),
        _ => false,
    };
    if same {
        report(
            codes::LEAF_SUBJECT_IS_CA,
            format!("{name} has the subject of its authority"),
            &file.cn,
            diagnostics,
        );
    }
}

/// Without `SignatureAlgorithm` in its whitelist cfssl leaves the choice to Go, which takes SHA-256 under any RSA key, where
/// cfssl's own table has SHA-384 and SHA-512 (`signer.DefaultSigAlgo`).
fn leaves_the_signature_to_go(profile: &ProfileFile, issuer: &Issuer) -> bool {
    let left_to_go = profile
        .profile
        .csr_whitelist
        .is_some_and(|whitelist| !whitelist.signature_algorithm);
    left_to_go && matches!(issuer.key, Some(Algorithm::Rsa(bits)) if bits.get() >= 3072)
}

fn signature_left_to_go(profile: &ProfileFile, diagnostics: &mut Diagnostics) {
    let message = "under an RSA authority of 3072 bits or more, a `CSRWhitelist` needs `SignatureAlgorithm`";
    let hint = "add \"SignatureAlgorithm\": true";
    diagnostics.report(
        Diagnostic::new(codes::UNSUPPORTED_FIELD, message)
            .at(profile.place.clone())
            .hint(hint),
    );
}

/// Bits of security (NIST SP 800-57 part 1, table 2), in the steps that matter here.
fn strength(key: Algorithm) -> u32 {
    match key {
        Algorithm::Rsa(bits) if bits.get() < 3072 => 112,
        Algorithm::Rsa(bits) if bits.get() < 7680 => 128,
        Algorithm::Rsa(_) | Algorithm::Ecdsa(Curve::P384) => 192,
        Algorithm::Ecdsa(Curve::P256) | Algorithm::Ed25519 => 128,
        Algorithm::Ecdsa(Curve::P521) => 256,
    }
}

/// The validity of a root that is to be made, if it makes sense by itself.
fn root_validity(file: &RequestFile, issued: OffsetDateTime, diagnostics: &mut Diagnostics) -> Option<Validity> {
    if file.broken.contains("ca") {
        return None;
    }
    let validity = Validity::of_root(file.request.ca.as_ref(), issued);
    if validity.not_after <= issued && validity.not_after > validity.not_before {
        let message = format!(
            "the authority expired at {}, before {}",
            moment(validity.not_after),
            moment(issued)
        );
        report(codes::CA_EXPIRED, message, &file.expiry, diagnostics);
        return None;
    }
    period(validity, "the authority", issued, &file.expiry, diagnostics).then_some(validity)
}

/// The validity of an authority that is there already, if it has one at the time of issue or later.
fn existing_validity(
    validity: Validity,
    issued: OffsetDateTime,
    place: Option<&Place>,
    diagnostics: &mut Diagnostics,
) -> Option<Validity> {
    let Validity { not_before, not_after } = validity;
    if not_after <= issued || not_after <= not_before {
        let message = format!(
            "the authority expired at {}, before {}",
            moment(not_after),
            moment(issued)
        );
        let diagnostic = Diagnostic::new(codes::CA_EXPIRED, message).at(place.cloned());
        diagnostics.report(diagnostic.hint("renew the authority, or correct `issued`"));
        return None;
    }
    if not_before > issued {
        let message = format!(
            "the authority begins at {}, after the issue at {}",
            moment(not_before),
            moment(issued)
        );
        let diagnostic = Diagnostic::new(codes::VALID_LATER, message).at(place.cloned());
        diagnostics.report(diagnostic.hint("issue later than the authority begins"));
    }
    Some(validity)
}

/// Whether a profile says how long it is valid. A duration that could not be read has been reported, and stands as zero.
fn is_set(file: &ProfileFile) -> bool {
    !file.profile.expiry.is_zero() || file.profile.not_after.is_some() || file.expiry_is_zero
}

fn validity<'a>(
    draft: &Draft,
    leaves: &[Leaf<'_>],
    issuer_of: impl Fn(&Leaf<'_>) -> Option<&'a Issuer>,
    diagnostics: &mut Diagnostics,
) {
    let Some(issued) = draft.issued.as_ref().map(|issued| issued.value) else {
        return;
    };
    let profiles = in_use(leaves);
    for profile in &profiles {
        let file = profile.file;
        if !is_set(file) {
            continue;
        }
        let whose = match profiles.len() {
            1 => "the certificates".to_owned(),
            _ => format!("the certificates of the profile \"{}\"", profile.name),
        };
        let leaf = Validity::of_leaf(&file.profile, issued);
        if !period(leaf, &whose, issued, &file.expiry, diagnostics) {
            continue;
        }
        let users = leaves
            .iter()
            .filter(|leaf| leaf.profile.is_some_and(|own| own.name == profile.name));
        let mut seen = BTreeSet::new();
        for user in users.filter(|user| seen.insert(user.issuer)) {
            if let Some(issuer) = issuer_of(user) {
                within_issuer(&whose, leaf, file, issuer, issued, diagnostics);
            }
        }
        if leaf.not_before > issued {
            let message = format!(
                "{whose} begin at {}, after their issue at {}",
                moment(leaf.not_before),
                moment(issued)
            );
            report(
                codes::VALID_LATER,
                message,
                file.not_before.as_ref().unwrap_or(&file.place),
                diagnostics,
            );
        }
    }
}

/// Whether certificates are valid only while their issuer is.
fn within_issuer(
    whose: &str,
    leaf: Validity,
    file: &ProfileFile,
    issuer: &Issuer,
    issued: OffsetDateTime,
    diagnostics: &mut Diagnostics,
) {
    let Some(validity) = issuer.validity else { return };
    let authority = match &issuer.name {
        Some(name) => format!("their authority `{name}`"),
        None => "their authority".to_owned(),
    };
    if leaf.not_after > validity.not_after {
        let message = format!(
            "{whose} end at {}, after {authority}, which ends at {}",
            moment(leaf.not_after),
            moment(validity.not_after)
        );
        let diagnostic = Diagnostic::new(codes::LEAF_OUTLIVES_CA, message);
        diagnostics.report(match &issuer.place {
            Some(place) => diagnostic.at(place.clone()).hint(format!(
                "shorten the profile's `expiry` in {}, or use an authority that lives longer",
                file.expiry.file.name
            )),
            None if issuer.name.is_some() => diagnostic
                .at(file.expiry.clone())
                .hint("shorten the profile's `expiry`, or lengthen that of the authority's profile"),
            None => diagnostic.at(file.expiry.clone()),
        });
    }
    // That an authority begins after everything is issued has been said, and this would follow.
    let begins_later = issuer.place.is_some() && validity.not_before > issued;
    if leaf.not_before < validity.not_before && !begins_later {
        let message = format!(
            "{whose} begin at {}, before {authority}, which begins at {}",
            moment(leaf.not_before),
            moment(validity.not_before)
        );
        let diagnostic = Diagnostic::new(codes::LEAF_PREDATES_CA, message);
        diagnostics.report(match &issuer.place {
            Some(place) => diagnostic
                .at(place.clone())
                .hint("issue later than the authority begins, or set the profile's `backdate`"),
            None => diagnostic.at(file.not_before.as_ref().unwrap_or(&file.place).clone()),
        });
    }
}

/// A time as cluster.toml has it.
fn moment(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

/// Whether the dates make sense by themselves.
fn period(
    validity: Validity,
    whose: &str,
    issued: OffsetDateTime,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> bool {
    // What lies beyond the calendar stands at its end.
    let last = PrimitiveDateTime::MAX.assume_utc();
    if validity.not_after >= last || validity.not_before >= last {
        report(
            codes::DATE_OVERFLOW,
            format!("the end of {whose} lies beyond the year 9999"),
            place,
            diagnostics,
        );
        return false;
    }
    if validity.not_after <= validity.not_before || validity.not_after <= issued {
        let message = format!(
            "{whose} would be valid from {} to {}",
            moment(validity.not_before),
            moment(validity.not_after)
        );
        report(codes::NO_VALIDITY, message, place, diagnostics);
        return false;
    }
    true
}
