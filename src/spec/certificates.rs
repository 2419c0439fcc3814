//! Whether the CSR files and the profile make certificates that Kubernetes and etcd accept.
use std::collections::BTreeMap;
use std::sync::Arc;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::catalog::identities::{IDENTITIES, Identity, NODE_PLACEHOLDER, Names, Per};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceFile, codes};
use crate::pki::cfssl::{
    CsrWhitelist, ExtendedKeyUsage, KeyUsage, Name, Profile, San, Usage, Validity, leaf_refusal, root_refusal,
    subject_der,
};
use crate::pki::key::{Algorithm, Curve};
use crate::pki::x509::is_same_name;

use super::Sources;
use super::authority::{self, Existing};
use super::cfssl::config::{ProfileFile, SigningConfig};
use super::cfssl::{RequestFile, read_request_file, read_signing_config};
use super::cluster_file::Draft;
use super::names::certificate_name_problem;
use super::suggest;

/// The name of the signing configuration in the CSR folder.
pub const CONFIG_FILE: &str = "ca-config.json";

/// The walk-through's files, name and text, for those that a folder lacks.
pub const BUILT_IN_FILES: &[(&str, &str)] = &[
    ("admin-csr.json", include_str!("builtin/admin-csr.json")),
    (CONFIG_FILE, include_str!("builtin/ca-config.json")),
    ("ca-csr.json", include_str!("builtin/ca-csr.json")),
    (
        "kube-controller-manager-csr.json",
        include_str!("builtin/kube-controller-manager-csr.json"),
    ),
    ("kube-proxy-csr.json", include_str!("builtin/kube-proxy-csr.json")),
    (
        "kube-scheduler-csr.json",
        include_str!("builtin/kube-scheduler-csr.json"),
    ),
    ("kubernetes-csr.json", include_str!("builtin/kubernetes-csr.json")),
    ("node-csr.json", include_str!("builtin/node-csr.json")),
    (
        "service-account-csr.json",
        include_str!("builtin/service-account-csr.json"),
    ),
];

/// The built-in text of a file in the CSR folder. A test holds that every row of the identities table has one.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN_FILES
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
    pub csrs: BTreeMap<&'static str, Csr>,
    pub config_file: Arc<SourceFile>,
    pub config_built_in: bool,
    /// None if it can't be read.
    pub config: Option<SigningConfig>,
    /// The authority that `[pki.ca]` names, if there is that section; nothing is then made of a root's CSR file.
    pub existing_ca: Option<Existing>,
}

/// Reads all files that certificates are made from, each with its own problems.
pub fn read(sources: &Sources, draft: &Draft, diagnostics: &mut Diagnostics) -> Folder {
    let open = |name: &str| {
        let path = if sources.csr_dir.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", sources.csr_dir)
        };
        match sources.csr.get(name) {
            Some(text) => (SourceFile::new(path, text.as_str()), false),
            None => (
                SourceFile::new(format!("built-in {name}"), built_in(name).unwrap_or("{}")),
                true,
            ),
        }
    };
    let mut csrs = BTreeMap::new();
    let existing_ca = draft
        .existing_ca
        .as_ref()
        .map(|ca| authority::read(sources, ca, diagnostics));
    for row in IDENTITIES {
        let is_given = row.signed_by.is_none() && existing_ca.is_some();
        if !is_given && !csrs.contains_key(row.csr) {
            let (file, built_in) = open(row.csr);
            let before = diagnostics.len();
            let read = read_request_file(&file, diagnostics);
            let broken = diagnostics.has_error_since(before);
            csrs.insert(
                row.csr,
                Csr {
                    file,
                    built_in,
                    broken,
                    read,
                },
            );
        }
    }
    let (config_file, config_built_in) = open(CONFIG_FILE);
    let config = read_signing_config(&config_file, diagnostics);
    let folder = Folder {
        csrs,
        config_file,
        config_built_in,
        config,
        existing_ca,
    };
    report_built_in(sources, draft, &folder, diagnostics);
    report_unused(sources, draft, &folder, diagnostics);
    folder
}

fn report_built_in(sources: &Sources, draft: &Draft, folder: &Folder, diagnostics: &mut Diagnostics) {
    let csrs = folder
        .csrs
        .iter()
        .filter(|(_, csr)| csr.built_in)
        .map(|(name, _)| *name);
    let config = Some(CONFIG_FILE).filter(|_| folder.config_built_in);
    let missing: Vec<&str> = csrs.chain(config).collect();
    if !missing.is_empty() {
        let what = if sources.csr.is_empty() {
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
        let known = folder.csrs.keys().copied().chain([CONFIG_FILE]);
        let mut diagnostic = Diagnostic::new(codes::UNUSED_CSR, format!("nothing is made from {name}"));
        let worker = name.strip_suffix("-csr.json").filter(|host| {
            draft
                .hosts
                .iter()
                .any(|known| known.name.as_ref().is_some_and(|name| name.value == *host))
        });
        if IDENTITIES.iter().any(|row| row.csr == name) {
            diagnostic = diagnostic.hint("remove it: [pki.ca] names an authority that there is already");
        } else if worker.is_some() {
            diagnostic = diagnostic.hint("remove it: each worker's request is made from node-csr.json");
        } else if let Some(meant) = suggest::nearest(name, known) {
            diagnostic = diagnostic.hint(format!("did you mean `{meant}`?"));
        }
        diagnostics.report(diagnostic.at(Place::new(&file, 0..0)));
    }
}

/// Everything that can be wrong with the certificates. Gives the profile that signs them.
pub fn check<'a>(draft: &Draft, folder: &'a Folder, diagnostics: &mut Diagnostics) -> Option<&'a ProfileFile> {
    let profile = chosen_profile(draft, folder, diagnostics);
    if let Some(profile) = profile {
        profile_fits(draft, profile, diagnostics);
    }
    let fits = profile.map(|profile| &profile.profile);
    let ca = issuer(draft, folder, diagnostics);
    for row in IDENTITIES {
        let Some(csr) = folder.csrs.get(row.csr) else { continue };
        let Some(file) = &csr.read else { continue };
        let before = diagnostics.len();
        match row.signed_by {
            None => authority(file, diagnostics),
            Some(_) => leaf(row, file, fits, diagnostics),
        }
        if !csr.broken && !diagnostics.has_error_since(before) {
            refusal(row, file, fits, diagnostics);
        }
        if row.signed_by.is_some() {
            against_issuer(row, file, &ca, diagnostics);
        }
    }
    validity(draft, &ca, profile, diagnostics);
    profile
}

/// Who signs, as far as it is known before anything is signed; what is none has been reported.
struct Issuer {
    /// The DER of its Name.
    subject: Option<Vec<u8>>,
    key: Option<Algorithm>,
    validity: Option<Validity>,
    /// Where it is named, when it is not made here.
    place: Option<Place>,
}

/// The authority of the cluster, the one that is there already or the one to be made.
fn issuer(draft: &Draft, folder: &Folder, diagnostics: &mut Diagnostics) -> Issuer {
    let issued = draft.issued.as_ref().map(|issued| issued.value);
    if let Some(existing) = &folder.existing_ca {
        let certificate = existing.ca.as_ref().map(|ca| &ca.certificate);
        return Issuer {
            subject: certificate.map(|certificate| certificate.subject.clone()),
            key: certificate.map(|certificate| certificate.public.algorithm),
            validity: certificate.and_then(|certificate| {
                existing_validity(certificate.validity, issued?, existing.place.as_ref(), diagnostics)
            }),
            place: existing.place.clone(),
        };
    }
    let root = IDENTITIES.iter().find(|row| row.signed_by.is_none());
    let file = root.and_then(|row| folder.csrs.get(row.csr)?.read.as_ref());
    Issuer {
        subject: file.and_then(subject),
        key: file
            .filter(|file| !file.broken.contains("key"))
            .map(|file| file.request.key),
        validity: file.and_then(|file| root_validity(file, issued?, diagnostics)),
        place: None,
    }
}

/// The DER of the Name that a certificate of this request gets; none if it can't be said.
fn subject(file: &RequestFile) -> Option<Vec<u8>> {
    let known = !file.broken.contains("CN") && !file.broken.contains("names");
    known.then(|| subject_der(&file.request).ok())?
}

fn chosen_profile<'a>(draft: &Draft, folder: &'a Folder, diagnostics: &mut Diagnostics) -> Option<&'a ProfileFile> {
    let (name, config) = (draft.profile.as_ref()?, folder.config.as_ref()?);
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
    profile
}

fn report(code: &'static Code, message: impl Into<String>, place: &Place, diagnostics: &mut Diagnostics) {
    diagnostics.report(Diagnostic::new(code, message).at(place.clone()));
}

fn profile_fits(draft: &Draft, file: &ProfileFile, diagnostics: &mut Diagnostics) {
    let profile = &file.profile;
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
    let name = draft.profile.as_ref().map_or("", |name| &name.value);
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
            let users: Vec<&str> = IDENTITIES
                .iter()
                .filter(|row| row.needs.contains(&usage))
                .map(|row| row.name)
                .collect();
            let has = profile
                .usages
                .iter()
                .any(|has| *has == Usage::Extended(usage) || *has == Usage::Extended(ExtendedKeyUsage::Any));
            if !has && !users.is_empty() {
                unfit(
                    format!("lacks the usage \"{called}\", which {} need", suggest::listed(users)),
                    &file.usages,
                );
            }
        }
        let key_usages = profile.usages.iter().any(|usage| matches!(usage, Usage::Key(_)));
        if key_usages && !profile.usages.contains(&Usage::Key(KeyUsage::DigitalSignature)) {
            unfit(
                "lacks the usage \"signing\", without which no TLS handshake can be signed".to_owned(),
                &file.usages,
            );
        }
    }
    if profile.ca_constraint.is_ca {
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
            let message = format!("\"{host}\" has no effect: cfssl leaves it out of an authority's certificate");
            diagnostics.report(Diagnostic::new(codes::IGNORED_FIELD, message).at(place.clone()));
        }
    }
    ed25519(file, diagnostics);
}

fn leaf(row: &Identity, file: &RequestFile, profile: Option<&Profile>, diagnostics: &mut Diagnostics) {
    if let Some(place) = &file.ca {
        report(
            codes::CA_SECTION,
            format!("{} is signed by another, and has a `ca` section", row.csr),
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
    if !file.broken.contains("CN") {
        user(row, file, diagnostics);
    }
    if !file.broken.contains("names") {
        groups(row, file, diagnostics);
    }
    for (host, place) in file.request.hosts.iter().zip(&file.hosts) {
        host_entry(row, host, place.as_ref(), diagnostics);
    }
    if !file.broken.contains("key") {
        key(row, file, profile, diagnostics);
    }
}

/// What cfssl itself would refuse, and no check above has named.
fn refusal(row: &Identity, file: &RequestFile, profile: Option<&Profile>, diagnostics: &mut Diagnostics) {
    let error = match (row.signed_by, profile) {
        (None, _) => root_refusal(&file.request),
        (Some(_), Some(profile)) => leaf_refusal(&file.request, profile),
        (Some(_), None) => None,
    };
    if let Some(error) = error {
        let place = file.extensions.as_ref().unwrap_or(&file.names);
        report(
            codes::REFUSED_REQUEST,
            format!("{} is refused: {error}", row.csr),
            place,
            diagnostics,
        );
    }
}

/// Kubernetes reads the user from CN (kubernetes.io, "Authenticating", X.509 client certificates).
fn user(row: &Identity, file: &RequestFile, diagnostics: &mut Diagnostics) {
    let request = &file.request;
    let expected = row.subject.cn.map(|cn| cn.replace("{host}", NODE_PLACEHOLDER));
    match expected {
        Some(expected) if request.cn != expected => {
            let hint = format!("write \"CN\": \"{expected}\"");
            let lacks_placeholder = row.per == Per::Worker && !request.cn.contains(NODE_PLACEHOLDER);
            let (code, message) = if lacks_placeholder {
                (
                    codes::NO_PLACEHOLDER,
                    format!(
                        "CN is \"{}\" on every worker: {NODE_PLACEHOLDER} is missing",
                        request.cn
                    ),
                )
            } else {
                (
                    codes::WRONG_SUBJECT,
                    format!("CN is \"{}\", not \"{expected}\"", request.cn),
                )
            };
            diagnostics.report(Diagnostic::new(code, message).at(file.cn.clone()).hint(hint));
        }
        None if request.cn.is_empty() && row.needs.contains(&ExtendedKeyUsage::ClientAuth) => {
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

/// Kubernetes reads the groups from O.
fn groups(row: &Identity, file: &RequestFile, diagnostics: &mut Diagnostics) {
    let request = &file.request;
    if let Some(expected) = row.subject.o
        && !request.names.iter().any(|name| name.o == expected)
    {
        let message = format!("no name has the O \"{expected}\"");
        let hint = format!("write \"names\": [{{\"O\": \"{expected}\"}}]");
        diagnostics.report(
            Diagnostic::new(codes::WRONG_SUBJECT, message)
                .at(file.names.clone())
                .hint(hint),
        );
    }
    const MASTERS: &str = "system:masters";
    let mut masters = request
        .names
        .iter()
        .zip(&file.organizations)
        .filter(|(name, _)| name.o == MASTERS);
    if let (true, Some((_, place))) = (row.subject.o != Some(MASTERS), masters.next()) {
        let place = place.as_ref().unwrap_or(&file.names);
        report(
            codes::EXTRA_MASTERS,
            format!("{} is a member of {MASTERS}", row.name),
            place,
            diagnostics,
        );
    }
}

fn host_entry(row: &Identity, host: &str, place: Option<&Place>, diagnostics: &mut Diagnostics) {
    // The placeholder stands for a name that is checked where the hosts are.
    let host = if row.per == Per::Worker {
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

fn key(row: &Identity, file: &RequestFile, profile: Option<&Profile>, diagnostics: &mut Diagnostics) {
    let key = file.request.key;
    // The pair that signs tokens is the one of which no TLS usage is asked.
    let signs_tokens = row.needs.is_empty() && row.names == Names::None;
    if signs_tokens && key == Algorithm::Ed25519 {
        report(
            codes::ED25519_TOKENS,
            format!("{} is an Ed25519 key", row.name),
            &file.key,
            diagnostics,
        );
        return;
    }
    ed25519(file, diagnostics);
    let enciphers = profile.is_some_and(|profile| profile.usages.contains(&Usage::Key(KeyUsage::KeyEncipherment)));
    if enciphers && !matches!(key, Algorithm::Rsa(_)) {
        let message = format!(
            "{} has no RSA key, and its certificate says that it enciphers keys",
            row.name
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

fn against_issuer(row: &Identity, file: &RequestFile, issuer: &Issuer, diagnostics: &mut Diagnostics) {
    let weaker = issuer.key.is_some_and(|key| strength(file.request.key) > strength(key));
    if weaker && !file.broken.contains("key") {
        let message = format!(
            "the key of {} is stronger than the key of the authority that vouches for it",
            row.name
        );
        report(codes::CA_KEY_WEAKER, message, &file.key, diagnostics);
    }
    let same = match (subject(file), &issuer.subject) {
        (Some(own), Some(issuers)) => is_same_name(&own, issuers),
        _ => false,
    };
    if same {
        report(
            codes::LEAF_SUBJECT_IS_CA,
            format!("{} has the subject of its authority", row.name),
            &file.cn,
            diagnostics,
        );
    }
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

fn validity(draft: &Draft, ca: &Issuer, profile: Option<&ProfileFile>, diagnostics: &mut Diagnostics) {
    let Some(issued) = draft.issued.as_ref().map(|issued| issued.value) else {
        return;
    };
    let Some(file) = profile else { return };
    // A duration that could not be read has been reported, and stands as zero.
    let set = !file.profile.expiry.is_zero() || file.profile.not_after.is_some() || file.expiry_is_zero;
    if !set {
        return;
    }
    let leaf = Validity::of_leaf(&file.profile, issued);
    if !period(leaf, "the certificates", issued, &file.expiry, diagnostics) {
        return;
    }
    within_issuers(leaf, file, ca, issued, diagnostics);
    if leaf.not_before > issued {
        let message = format!(
            "the certificates begin at {}, after their issue at {}",
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

/// Whether certificates are valid only while their issuer is.
fn within_issuers(
    leaf: Validity,
    file: &ProfileFile,
    issuer: &Issuer,
    issued: OffsetDateTime,
    diagnostics: &mut Diagnostics,
) {
    let Some(validity) = issuer.validity else { return };
    if leaf.not_after > validity.not_after {
        let message = format!(
            "the certificates end at {}, after their authority, which ends at {}",
            moment(leaf.not_after),
            moment(validity.not_after)
        );
        let diagnostic = Diagnostic::new(codes::LEAF_OUTLIVES_CA, message);
        diagnostics.report(match &issuer.place {
            Some(place) => diagnostic.at(place.clone()).hint(format!(
                "shorten the profile's `expiry` in {}, or use an authority that lives longer",
                file.expiry.file.name
            )),
            None => diagnostic.at(file.expiry.clone()),
        });
    }
    // That an authority begins after everything is issued has been said, and this would follow.
    let begins_later = issuer.place.is_some() && validity.not_before > issued;
    if leaf.not_before < validity.not_before && !begins_later {
        let message = format!(
            "the certificates begin at {}, before their authority, which begins at {}",
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
