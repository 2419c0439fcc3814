//! A signing configuration (cfssl `config.Config`), with what profiles inherit from `default` filled in.
use std::collections::BTreeMap;
use std::sync::Arc;

use time::Duration;

use crate::diagnostic::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceFile};
use crate::input::tree::{Entry, Fields, Naming, Node};
use crate::input::{parse_json, suggest};
use crate::pki::cfssl::{CaConstraint, CsrWhitelist, ExtendedKeyUsage, KeyUsage, Policy, Profile, Qualifier, Usage};

use super::values::{count_field, duration_field, ignored, oid, time_field, url};

/// The profiles of a signing configuration, by name.
#[derive(Clone, Debug)]
pub struct SigningConfig {
    pub profiles: BTreeMap<String, ProfileFile>,
    /// The default profile, as written or cfssl's built-in one.
    pub default: ProfileFile,
    /// The section `profiles`, or the next best.
    pub place: Place,
    /// Whether there are errors in the file.
    pub broken: bool,
}

/// A profile and where its parts stand.
#[derive(Clone, Debug)]
pub struct ProfileFile {
    pub profile: Profile,
    /// The profile's name, or the next best.
    pub place: Place,
    pub usages: Place,
    /// Whether some of the usages are not known.
    pub usages_broken: bool,
    pub expiry: Place,
    /// Whether a zero `expiry` is what was written, not what could not be read.
    pub expiry_is_zero: bool,
    pub not_before: Option<Place>,
    /// Whether a remote server signs with it.
    pub remote: Option<Place>,
    /// A field that makes cfssl itself refuse to sign with it, and why.
    pub unsupported: Vec<(Place, String)>,
}

const CONFIG: &[&str] = &["signing", "ocsp", "auth_keys", "remotes"];
const SIGNING: &[&str] = &["default", "profiles"];
const PROFILE: &[&str] = &[
    "usages",
    "issuer_urls",
    "ocsp_url",
    "crl_url",
    "ca_constraint",
    "ocsp_no_check",
    "expiry",
    "backdate",
    "auth_key",
    "copy_extensions",
    "prev_auth_key",
    "remote",
    "not_before",
    "not_after",
    "name_whitelist",
    "auth_remote",
    "ct_log_servers",
    "allowed_extensions",
    "cert_store",
    "lint_error_level",
    "ignored_lints",
    "ignored_lint_sources",
    "policies",
    "CSRWhitelist",
    "ClientProvidesSerialNumbers",
];
const CA_CONSTRAINT: &[&str] = &["is_ca", "max_path_len", "max_path_len_zero"];
const AUTH_REMOTE: &[&str] = &["remote", "auth_key"];
const POLICY: &[&str] = &["ID", "Qualifiers"];
const QUALIFIER: &[&str] = &["Type", "Value"];
const CSR_WHITELIST: &[&str] = &[
    "Subject",
    "PublicKeyAlgorithm",
    "PublicKey",
    "SignatureAlgorithm",
    "DNSNames",
    "IPAddresses",
    "EmailAddresses",
    "URIs",
];

const YEAR: Duration = Duration::hours(8760);

/// Reads a signing configuration. Every problem is reported, in all profiles, since cfssl loads all or none.
pub fn read_signing_config(file: &Arc<SourceFile>, diagnostics: &mut Diagnostics) -> Option<SigningConfig> {
    let before = diagnostics.len();
    let root = parse_json::parse(file, diagnostics)?;
    let opening = Place::new(file, root.span.start..root.span.start + 1);
    let config = Fields::of(file, &root, CONFIG, Naming::Folded, diagnostics)?;
    for name in ["ocsp", "auth_keys", "remotes"] {
        ignored(&config, name, "nothing is signed over the network", diagnostics);
    }
    if config.misspelt("signing") {
        return None;
    }
    if !config.has("signing") {
        diagnostics.report(Diagnostic::new(codes::NO_PROFILES, "there is no `signing` section").at(opening));
        return None;
    }
    let signing = config.table("signing", SIGNING, diagnostics)?;

    let default = if signing.has("default") {
        let fields = signing.table("default", PROFILE, diagnostics)?;
        profile(&fields, signing.key_place("default"), Kind::Default, diagnostics)
    } else {
        built_in_default(signing.own_place())
    };
    let mut profiles = BTreeMap::new();
    for Entry { key, key_span, node } in signing.map("profiles", diagnostics).unwrap_or_default() {
        let place = Place::new(file, key_span.clone());
        if let Some(fields) = Fields::of(file, node, PROFILE, Naming::Folded, diagnostics) {
            let mut read = profile(&fields, place, Kind::Named, diagnostics);
            inherit(&mut read.profile, &default.profile, fields.has("issuer_urls"));
            profiles.insert(key.clone(), read);
        }
    }
    Some(SigningConfig {
        profiles,
        default,
        place: signing.key_place("profiles"),
        broken: diagnostics.has_error_since(before),
    })
}

impl SigningConfig {
    /// The profile that cfssl takes for `-profile name`, except that `default` is the only name of the default profile.
    pub fn profile(&self, name: &str) -> Option<&ProfileFile> {
        self.profiles
            .get(name)
            .or_else(|| Some(&self.default).filter(|_| name == "default"))
    }

    /// The names that [`SigningConfig::profile`] knows, for hints.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

/// What the default profile gives to one that leaves it out (cfssl `signer.FillTemplate`).
fn inherit(profile: &mut Profile, default: &Profile, has_issuer_urls: bool) {
    if profile.expiry.is_zero() {
        profile.expiry = default.expiry;
    }
    if !has_issuer_urls {
        profile.issuer_urls.clone_from(&default.issuer_urls);
    }
    if profile.ocsp_url.is_empty() {
        profile.ocsp_url.clone_from(&default.ocsp_url);
    }
    if profile.crl_url.is_empty() {
        profile.crl_url.clone_from(&default.crl_url);
    }
}

/// cfssl's `config.DefaultConfig`.
fn built_in_default(place: Place) -> ProfileFile {
    let profile = Profile {
        usages: vec![
            Usage::Key(KeyUsage::DigitalSignature),
            Usage::Key(KeyUsage::KeyEncipherment),
            Usage::Extended(ExtendedKeyUsage::ServerAuth),
            Usage::Extended(ExtendedKeyUsage::ClientAuth),
        ],
        expiry: YEAR,
        ..Profile::default()
    };
    ProfileFile {
        profile,
        usages: place.clone(),
        usages_broken: false,
        expiry: place.clone(),
        expiry_is_zero: false,
        place,
        not_before: None,
        remote: None,
        unsupported: Vec::new(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Default,
    Named,
}

fn profile(fields: &Fields<'_>, place: Place, kind: Kind, diagnostics: &mut Diagnostics) -> ProfileFile {
    let remote = remote(fields, diagnostics);
    report_ignored(fields, diagnostics);
    let unsupported = unsupported(fields, diagnostics);

    let before_usages = diagnostics.len();
    let usages = usages(fields, kind == Kind::Named && remote.is_none(), diagnostics);
    let usages_broken = diagnostics.has_error_since(before_usages) || fields.misspelt("usages");
    let expiry = duration_field(fields, "expiry", diagnostics).map(|duration| duration.value);
    let has_expiry = fields.has("expiry") && !is_empty_text(fields, "expiry");
    if !has_expiry && !fields.misspelt("expiry") && remote.is_none() {
        let message = "`expiry` is missing: cfssl refuses a profile without it, also `default`";
        let hint = "add \"expiry\", such as \"8760h\" for a year";
        diagnostics.report(
            Diagnostic::new(codes::MISSING_FIELD, message)
                .at(place.clone())
                .hint(hint),
        );
    }
    let expiry_is_zero = expiry.is_some_and(|expiry| expiry.is_zero());
    let issuer_urls = fields.texts("issuer_urls", diagnostics).unwrap_or_default();
    let profile = Profile {
        usages,
        expiry: expiry.unwrap_or_default(),
        backdate: duration_field(fields, "backdate", diagnostics).map(|duration| duration.value),
        not_before: time_field(fields, "not_before", diagnostics).map(|time| time.value),
        not_after: time_field(fields, "not_after", diagnostics).map(|time| time.value),
        issuer_urls: issuer_urls
            .into_iter()
            .filter_map(|text| url(text, diagnostics))
            .collect(),
        ocsp_url: fields
            .text("ocsp_url", diagnostics)
            .and_then(|text| url(text, diagnostics))
            .unwrap_or_default(),
        crl_url: fields
            .text("crl_url", diagnostics)
            .and_then(|text| url(text, diagnostics))
            .unwrap_or_default(),
        ocsp_no_check: fields
            .boolean("ocsp_no_check", diagnostics)
            .is_some_and(|value| value.value),
        ca_constraint: ca_constraint(fields, diagnostics),
        policies: policies(fields, diagnostics),
        copy_extensions: fields
            .boolean("copy_extensions", diagnostics)
            .is_some_and(|value| value.value),
        csr_whitelist: csr_whitelist(fields, diagnostics),
        name_whitelist: None,
    };
    let value_or_name = |name: &str| {
        if fields.has(name) {
            fields.place(name)
        } else {
            place.clone()
        }
    };
    ProfileFile {
        profile,
        usages: value_or_name("usages"),
        usages_broken,
        expiry: value_or_name(if fields.has("not_after") { "not_after" } else { "expiry" }),
        not_before: ["not_before", "backdate"]
            .into_iter()
            .find(|name| fields.has(name))
            .map(|name| fields.place(name)),
        expiry_is_zero,
        remote,
        unsupported,
        place,
    }
}

fn is_empty_text(fields: &Fields<'_>, name: &str) -> bool {
    fields
        .text(name, &mut Diagnostics::new())
        .is_some_and(|text| text.value.is_empty())
}

fn usages(fields: &Fields<'_>, required: bool, diagnostics: &mut Diagnostics) -> Vec<Usage> {
    let before = diagnostics.len();
    let texts = fields.texts("usages", diagnostics).unwrap_or_default();
    let mut usages = Vec::new();
    for text in &texts {
        match Usage::by_name(&text.value) {
            Some(usage) => usages.push(usage),
            None => {
                let names = Usage::names();
                let hint = suggest::nearest(&text.value, names.iter().copied()).map_or_else(
                    || format!("cfssl knows {}", suggest::listed(names.iter().copied())),
                    |name| format!("did you mean \"{name}\"?"),
                );
                let message = format!("unknown usage \"{}\"", text.value);
                diagnostics.report(
                    Diagnostic::new(codes::UNKNOWN_USAGE, message)
                        .at(text.place.clone())
                        .hint(hint),
                );
            }
        }
    }
    if required && usages.is_empty() && !fields.misspelt("usages") && diagnostics.len() == before {
        let place = fields.place("usages");
        diagnostics.report(Diagnostic::new(codes::NO_USAGES, "the profile has no usages").at(place));
    }
    usages
}

fn remote(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Place> {
    let own = fields.text("remote", diagnostics).filter(|name| !name.value.is_empty());
    let authenticated = fields.table("auth_remote", AUTH_REMOTE, diagnostics).and_then(|table| {
        table.text("auth_key", diagnostics);
        table.text("remote", diagnostics).filter(|name| !name.value.is_empty())
    });
    own.or(authenticated).and_then(|name| name.place)
}

fn report_ignored(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    for name in ["auth_key", "prev_auth_key"] {
        fields.text(name, diagnostics);
        ignored(fields, name, "nothing is signed over the network", diagnostics);
    }
    ignored(
        fields,
        "ct_log_servers",
        "nothing is submitted to certificate transparency logs",
        diagnostics,
    );
    fields.texts("ct_log_servers", diagnostics);
    for text in fields.texts("allowed_extensions", diagnostics).unwrap_or_default() {
        oid(&text, diagnostics);
    }
    ignored(
        fields,
        "allowed_extensions",
        "cfssl reads it in requests to its server only",
        diagnostics,
    );
    fields.text("cert_store", diagnostics);
    ignored(fields, "cert_store", "cfssl never reads it", diagnostics);
    fields.text("lint_error_level", diagnostics);
    for name in ["ignored_lints", "ignored_lint_sources"] {
        fields.texts(name, diagnostics);
    }
    for name in ["lint_error_level", "ignored_lints", "ignored_lint_sources"] {
        ignored(fields, name, "zlint is not run", diagnostics);
    }
}

/// What would change or prevent certificates and is not implemented; it matters only for the profile that is used.
fn unsupported(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    if fields
        .text("name_whitelist", diagnostics)
        .is_some_and(|pattern| !pattern.value.is_empty())
    {
        let why = "`name_whitelist` restricts names by a Go regular expression, which is not evaluated here";
        found.push((fields.key_place("name_whitelist"), why.to_owned()));
    }
    if fields
        .boolean("ClientProvidesSerialNumbers", diagnostics)
        .is_some_and(|value| value.value)
    {
        let why = "with `ClientProvidesSerialNumbers` cfssl gencert always fails: \"Missing serial number in request\"";
        found.push((fields.key_place("ClientProvidesSerialNumbers"), why.to_owned()));
    }
    found
}

fn ca_constraint(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> CaConstraint {
    let Some(table) = fields.table("ca_constraint", CA_CONSTRAINT, diagnostics) else {
        return CaConstraint::default();
    };
    let is_ca = table.boolean("is_ca", diagnostics).is_some_and(|value| value.value);
    let max_path_len = count_field(&table, "max_path_len", i32::MAX as u32, diagnostics).map_or(0, |count| count.value);
    let max_path_len_zero = table
        .boolean("max_path_len_zero", diagnostics)
        .is_some_and(|value| value.value);
    if !is_ca {
        for name in ["max_path_len", "max_path_len_zero"] {
            ignored(&table, name, "`is_ca` is not true", diagnostics);
        }
    }
    CaConstraint {
        is_ca,
        max_path_len,
        max_path_len_zero,
    }
}

fn policies(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Policy> {
    let nodes = fields.tables("policies", diagnostics).iter();
    nodes
        .filter_map(|node| policy(fields.file(), node, diagnostics))
        .collect()
}

fn policy(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let fields = Fields::of(file, node, POLICY, Naming::Folded, diagnostics)?;
    let nodes = fields.tables("Qualifiers", diagnostics).iter();
    let qualifiers = nodes.filter_map(|node| qualifier(file, node, diagnostics)).collect();
    if !fields.require("ID", diagnostics) {
        return None;
    }
    let id = fields.text("ID", diagnostics)?;
    Some(Policy {
        id: oid(&id, diagnostics)?,
        qualifiers,
    })
}

fn qualifier(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<Qualifier> {
    let fields = Fields::of(file, node, QUALIFIER, Naming::Folded, diagnostics)?;
    let value = fields.text("Value", diagnostics);
    if !fields.require("Type", diagnostics) {
        return None;
    }
    let kind = fields.text("Type", diagnostics)?;
    match kind.value.as_str() {
        "id-qt-cps" => Some(Qualifier::Cps(url(value?, diagnostics)?)),
        "id-qt-unotice" => Some(Qualifier::UserNotice(value?.value)),
        other => {
            let message = format!("unknown policy qualifier \"{other}\"");
            diagnostics.report(Diagnostic::new(codes::BAD_QUALIFIER, message).at(kind.place));
            None
        }
    }
}

fn csr_whitelist(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<CsrWhitelist> {
    let table = fields.table("CSRWhitelist", CSR_WHITELIST, diagnostics)?;
    let mut allows = |name: &str| table.boolean(name, diagnostics).is_some_and(|value| value.value);
    Some(CsrWhitelist {
        subject: allows("Subject"),
        // cfssl reads PublicKeyAlgorithm and acts on PublicKey alone (signer/local, `Sign`).
        public_key: allows("PublicKey"),
        signature_algorithm: allows("SignatureAlgorithm"),
        dns_names: allows("DNSNames"),
        ip_addresses: allows("IPAddresses"),
        email_addresses: allows("EmailAddresses"),
        uris: allows("URIs"),
    })
}
