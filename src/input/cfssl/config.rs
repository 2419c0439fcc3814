//! A signing configuration (cfssl `config.Config`), with what profiles inherit from `default` filled in.
use std::collections::BTreeMap;
use std::sync::Arc;

use time::Duration;

use crate::diagnostic::suggest::{listed, nearest};
use crate::diagnostic::{Place, Reporter, SourceFile, codes};
use crate::input::parse_json;
use crate::input::tree::{Document, Fields, Node, Value};
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
pub fn read_signing_config(file: &Arc<SourceFile>, say: &Reporter) -> Option<SigningConfig> {
    let before = say.len();
    let doc = Document::json(file, say);
    let root = parse_json::parse(doc)?;
    let config = doc.fields(&root, CONFIG)?;
    for name in ["ocsp", "auth_keys", "remotes"] {
        ignored(&config, name, "nothing is signed over the network");
    }
    if config.misspelt("signing") {
        return None;
    }
    if !config.has("signing") {
        let opening = doc.place(&(root.span.start..root.span.start + 1));
        say.at(opening, codes::NO_PROFILES, "there is no `signing` section");
        return None;
    }
    let signing = config.table("signing", SIGNING)?;

    let default = if signing.has("default") {
        let fields = signing.table("default", PROFILE)?;
        profile(&fields, signing.key_place("default"), ProfileKind::Default)
    } else {
        built_in_default(signing.own_place())
    };
    let mut profiles = BTreeMap::new();
    for entry in signing.map("profiles") {
        if let Some(fields) = doc.fields(&entry.node, PROFILE) {
            let mut read = profile(&fields, doc.place(&entry.key_span), ProfileKind::Named);
            inherit(&mut read.profile, &default.profile, fields.has("issuer_urls"));
            profiles.insert(entry.key.clone(), read);
        }
    }
    Some(SigningConfig {
        profiles,
        default,
        place: signing.key_place("profiles"),
        broken: say.has_error_since(before),
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
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
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
enum ProfileKind {
    Default,
    Named,
}

fn profile(fields: &Fields<'_>, place: Place, kind: ProfileKind) -> ProfileFile {
    let say = fields.doc.say;
    let remote = remote(fields);
    report_ignored(fields);
    let unsupported = unsupported(fields);

    let before_usages = say.len();
    let usages = usages(fields, kind == ProfileKind::Named && remote.is_none());
    let usages_broken = say.has_error_since(before_usages) || fields.misspelt("usages");
    let expiry = duration_field(fields, "expiry").map(|duration| duration.value);
    let is_empty = |node: &Node| matches!(&node.value, Value::Text(text) if text.is_empty());
    let has_expiry = fields.get("expiry").is_some_and(|node| !is_empty(node));
    if !has_expiry && !fields.misspelt("expiry") && remote.is_none() {
        let message = "`expiry` is missing: cfssl refuses a profile without it, also `default`";
        say.at(&place, codes::MISSING_FIELD, message)
            .hint("add \"expiry\", such as \"8760h\" for a year");
    }
    let expiry_is_zero = expiry.is_some_and(|expiry| expiry.is_zero());
    let issuer_urls = fields.texts("issuer_urls").into_iter();
    let profile = Profile {
        usages,
        expiry: expiry.unwrap_or_default(),
        backdate: duration_field(fields, "backdate").map(|duration| duration.value),
        not_before: time_field(fields, "not_before").map(|time| time.value),
        not_after: time_field(fields, "not_after").map(|time| time.value),
        issuer_urls: issuer_urls.filter_map(|text| url(text, say)).collect(),
        ocsp_url: fields.parsed("ocsp_url", url).unwrap_or_default(),
        crl_url: fields.parsed("crl_url", url).unwrap_or_default(),
        ocsp_no_check: fields.is_true("ocsp_no_check"),
        ca_constraint: ca_constraint(fields),
        policies: policies(fields),
        copy_extensions: fields.is_true("copy_extensions"),
        csr_whitelist: csr_whitelist(fields),
        name_whitelist: None,
    };
    let value_or_name = |name: &str| match fields.has(name) {
        true => fields.place(name),
        false => place.clone(),
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

fn usages(fields: &Fields<'_>, required: bool) -> Vec<Usage> {
    let say = fields.doc.say;
    let before = say.len();
    let texts = fields.texts("usages");
    let mut usages = Vec::new();
    for text in &texts {
        match Usage::by_name(&text.value) {
            Some(usage) => usages.push(usage),
            None => {
                let names = Usage::names();
                let hint = match nearest(&text.value, names.iter().copied()) {
                    Some(name) => format!("did you mean \"{name}\"?"),
                    None => format!("cfssl knows {}", listed(names.iter().copied())),
                };
                say.at(text, codes::UNKNOWN_USAGE, format!("unknown usage \"{}\"", text.value))
                    .hint(hint);
            }
        }
    }
    if required && usages.is_empty() && !fields.misspelt("usages") && say.len() == before {
        say.at(fields.place("usages"), codes::NO_USAGES, "the profile has no usages");
    }
    usages
}

fn remote(fields: &Fields<'_>) -> Option<Place> {
    let own = fields.text("remote").filter(|name| !name.value.is_empty());
    let authenticated = fields.table("auth_remote", AUTH_REMOTE).and_then(|table| {
        table.text("auth_key");
        table.text("remote").filter(|name| !name.value.is_empty())
    });
    own.or(authenticated).and_then(|name| name.place)
}

fn report_ignored(fields: &Fields<'_>) {
    for name in ["auth_key", "prev_auth_key"] {
        fields.text(name);
        ignored(fields, name, "nothing is signed over the network");
    }
    ignored(
        fields,
        "ct_log_servers",
        "nothing is submitted to certificate transparency logs",
    );
    fields.texts("ct_log_servers");
    for text in fields.texts("allowed_extensions") {
        oid(text, fields.doc.say);
    }
    ignored(
        fields,
        "allowed_extensions",
        "cfssl reads it in requests to its server only",
    );
    fields.text("cert_store");
    ignored(fields, "cert_store", "cfssl never reads it");
    fields.text("lint_error_level");
    for name in ["ignored_lints", "ignored_lint_sources"] {
        fields.texts(name);
    }
    for name in ["lint_error_level", "ignored_lints", "ignored_lint_sources"] {
        ignored(fields, name, "zlint is not run");
    }
}

/// What would change or prevent certificates and is not implemented; it matters only for the profile that is used.
fn unsupported(fields: &Fields<'_>) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    if fields
        .text("name_whitelist")
        .is_some_and(|pattern| !pattern.value.is_empty())
    {
        let why = "`name_whitelist` restricts names by a Go regular expression, which is not evaluated here";
        found.push((fields.key_place("name_whitelist"), why.to_owned()));
    }
    if fields.is_true("ClientProvidesSerialNumbers") {
        let why = "with `ClientProvidesSerialNumbers` cfssl gencert always fails: \"Missing serial number in request\"";
        found.push((fields.key_place("ClientProvidesSerialNumbers"), why.to_owned()));
    }
    found
}

fn ca_constraint(fields: &Fields<'_>) -> CaConstraint {
    let Some(table) = fields.table("ca_constraint", CA_CONSTRAINT) else {
        return CaConstraint::default();
    };
    let is_ca = table.is_true("is_ca");
    let max_path_len = count_field(&table, "max_path_len", i32::MAX as u32).map_or(0, |count| count.value);
    let max_path_len_zero = table.is_true("max_path_len_zero");
    if !is_ca {
        for name in ["max_path_len", "max_path_len_zero"] {
            ignored(&table, name, "`is_ca` is not true");
        }
    }
    CaConstraint {
        is_ca,
        max_path_len,
        max_path_len_zero,
    }
}

fn policies(fields: &Fields<'_>) -> Vec<Policy> {
    let nodes = fields.tables("policies").iter();
    nodes.filter_map(|node| policy(fields.doc, node)).collect()
}

fn policy(doc: Document<'_>, node: &Node) -> Option<Policy> {
    let fields = doc.fields(node, POLICY)?;
    let nodes = fields.tables("Qualifiers").iter();
    let qualifiers = nodes.filter_map(|node| qualifier(doc, node)).collect();
    if !fields.require("ID") {
        return None;
    }
    Some(Policy {
        id: fields.parsed("ID", oid)?,
        qualifiers,
    })
}

fn qualifier(doc: Document<'_>, node: &Node) -> Option<Qualifier> {
    let fields = doc.fields(node, QUALIFIER)?;
    let value = fields.text("Value");
    if !fields.require("Type") {
        return None;
    }
    let kind = fields.text("Type")?;
    match kind.value.as_str() {
        "id-qt-cps" => Some(Qualifier::Cps(url(value?, doc.say)?)),
        "id-qt-unotice" => Some(Qualifier::UserNotice(value?.value)),
        other => {
            let message = format!("unknown policy qualifier \"{other}\"");
            doc.say.at(&kind, codes::BAD_QUALIFIER, message);
            None
        }
    }
}

fn csr_whitelist(fields: &Fields<'_>) -> Option<CsrWhitelist> {
    let table = fields.table("CSRWhitelist", CSR_WHITELIST)?;
    let allows = |name: &str| table.is_true(name);
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
