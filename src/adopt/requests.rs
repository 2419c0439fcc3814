//! The CSR folder: a request for each identity, as its certificate was made, and the signing configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::authorities::Authorities;
use super::evidence::Evidence;
use super::shown::{ShownAs, of};
use super::under_way::RotationUnderWay;
use crate::audit::view::View;
use crate::catalog::identity::{Identity, KeyPurpose};
use crate::catalog::layouts::Layout;
use crate::input::{CONFIG_FILE, built_in};
use crate::pki::inspect::Certificate;

/// The purposes of the split layout that a certificate of the single one serves.
fn purposes(identity: &Identity) -> &[&'static str] {
    match identity.name {
        "kubernetes" => &[
            "apiserver",
            "etcd-server",
            "etcd-peer",
            "apiserver-etcd-client",
            "apiserver-kubelet-client",
        ],
        "node" => &["kubelet-client", "kubelet-serving"],
        _ => &[],
    }
}

/// The certificates of an identity, whichever hosts show them.
pub(super) fn of_identity<'s>(identity: &Identity, shown: &'s [ShownAs]) -> Vec<&'s ShownAs> {
    let several = purposes(identity).iter().flat_map(|purpose| of(shown, purpose));
    several.chain(of(shown, identity.name)).collect()
}

/// How the requests of a cluster are to be made.
pub(super) struct Requests<'r> {
    pub layout: Layout,
    pub shown: &'r [ShownAs],
    /// Names that certificates have besides those that are made, by identity.
    pub more_names: &'r BTreeMap<&'static str, Vec<String>>,
    /// Names of hosts: a common name that is one of them is that of a single machine.
    pub hosts: &'r [String],
    /// Whether kube-proxy runs from a unit.
    pub has_kube_proxy: bool,
    /// Whether every key is one that takes no time to make, since only texts are asked for. Then authorities that are kept are made too.
    pub quick: bool,
    /// For how many hours the longest lives that is signed.
    pub signed_for: i64,
}

impl Requests<'_> {
    /// Name and text of each file, but for authorities that are kept and bring their certificates.
    pub(super) fn files(&self, authorities: &Authorities) -> Vec<(String, String)> {
        let is_kept = |row: &&Identity| authorities.kept.iter().any(|kept| kept.name == row.name);
        let rows = self
            .layout
            .identities()
            .iter()
            .filter(|row| self.quick || !is_kept(row));
        let rows = rows.filter(|row| row.only_of != Some("kube-proxy") || self.has_kube_proxy);
        rows.map(|row| (row.csr.to_owned(), self.text(row))).collect()
    }

    fn text(&self, row: &Identity) -> String {
        let built_in: Value = serde_json::from_str(row.built_in).unwrap_or_default();
        let certificate = of_identity(row, self.shown).first().map(|one| &one.certificate);
        let mut request = match certificate {
            Some(certificate) => self.as_made(row, certificate, &built_in),
            // A key as strong as the others': no stronger than that of who vouches for it.
            None => match self.usual_key().filter(|_| row.purpose != KeyPurpose::Tokens) {
                Some(key) => with_key(built_in, key),
                None => built_in,
            },
        };
        if row.signs() {
            lengthen(&mut request, self.signed_for);
        }
        if let Some(fields) = request.as_object_mut() {
            if self.quick && row.purpose != KeyPurpose::Tokens {
                fields.insert("key".to_owned(), json!({"algo": "ecdsa", "size": 256}));
            }
            if let Some(names) = self.more_names.get(row.name).filter(|names| !names.is_empty()) {
                fields.insert("hosts".to_owned(), json!(names));
            }
        }
        pretty(&request)
    }

    /// The key that most certificates have.
    fn usual_key(&self) -> Option<Value> {
        let mut counted: Vec<(Value, usize)> = Vec::new();
        for one in self.shown.iter().filter_map(|one| key(&one.certificate)) {
            match counted.iter_mut().find(|(known, _)| *known == one) {
                Some((_, count)) => *count += 1,
                None => counted.push((one, 1)),
            }
        }
        let most = counted.iter().map(|(_, count)| *count).max()?;
        counted
            .into_iter()
            .find(|(_, count)| *count == most)
            .map(|(key, _)| key)
    }

    /// The request that a certificate was made of, but for its names; the subject that Kubernetes insists on is the built-in one's.
    fn as_made(&self, row: &Identity, certificate: &Certificate, built_in: &Value) -> Value {
        let attributes = certificate.subject_attributes();
        let user = certificate.user();
        let fits_user = row.subject.cn.is_none_or(|cn| match cn.split_once("{host}") {
            Some((before, _)) => user.starts_with(before),
            None => user == cn,
        });
        let fits_group = row.subject.o.is_none_or(|group| certificate.is_in(group));
        let is_of_machine = row.subject.cn.is_none() && self.hosts.iter().any(|host| host == user);
        let mut request = Map::new();
        if fits_user && fits_group {
            let own = match row.subject.cn {
                Some(cn) if cn.contains("{host}") => built_in.get("CN").cloned().unwrap_or_default(),
                _ if user.is_empty() || is_of_machine => built_in.get("CN").cloned().unwrap_or_default(),
                _ => user.into(),
            };
            request.insert("CN".to_owned(), own);
        } else {
            request.insert("CN".to_owned(), built_in.get("CN").cloned().unwrap_or_default());
        }
        request.insert(
            "key".to_owned(),
            key(certificate).unwrap_or_else(|| built_in.get("key").cloned().unwrap_or_default()),
        );
        let names = match fits_user && fits_group {
            true => names(&attributes),
            false => built_in
                .get("names")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        };
        if !names.is_empty() {
            request.insert("names".to_owned(), names.into());
        }
        Value::Object(request)
    }
}

/// How long cfssl makes an authority live whose request does not say it.
const YEARS_OF_CFSSL: i64 = 5 * 8760;

/// An authority that is made lives no shorter than what it signs: others' may have lived longer than the one that khw-gen asks for.
fn lengthen(request: &mut Value, signed_for: i64) {
    // A day more, since what is signed may be dated back less than its authority.
    let needed = signed_for.saturating_add(24);
    let lives = request.pointer("/ca/expiry").and_then(Value::as_str).and_then(hours);
    if lives.unwrap_or(YEARS_OF_CFSSL) < needed
        && let Some(fields) = request.as_object_mut()
    {
        fields.insert("ca".to_owned(), json!({"expiry": format!("{needed}h")}));
    }
}

fn with_key(mut request: Value, key: Value) -> Value {
    if let Some(fields) = request.as_object_mut() {
        fields.insert("key".to_owned(), key);
    }
    request
}

/// The key of a certificate as cfssl asks for it; none where nobody here makes one.
fn key(certificate: &Certificate) -> Option<Value> {
    let (algorithm, rest) = certificate.key.split_once(' ').unwrap_or((&certificate.key, ""));
    match (algorithm, rest) {
        ("RSA", _) => {
            let bits = certificate.rsa_bits?;
            ((2048..=8192).contains(&bits) && bits.is_multiple_of(16)).then(|| json!({"algo": "rsa", "size": bits}))
        }
        ("ECDSA", curve) => {
            let size: u32 = curve.strip_prefix("P-")?.parse().ok()?;
            [256, 384, 521]
                .contains(&size)
                .then(|| json!({"algo": "ecdsa", "size": size}))
        }
        ("Ed25519", _) => Some(json!({"algo": "ed25519"})),
        ("ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87", _) => {
            Some(json!({"algo": algorithm.to_ascii_lowercase().replace('-', "")}))
        }
        _ => None,
    }
}

/// The names of a subject as cfssl has them: the second value of an attribute stands in a second entry.
fn names(attributes: &[(String, String)]) -> Vec<Value> {
    let mut entries: Vec<Map<String, Value>> = Vec::new();
    for (attribute, value) in attributes
        .iter()
        .filter(|(name, _)| ["C", "ST", "L", "O", "OU"].contains(&name.as_str()))
    {
        let free = entries.iter().position(|entry| !entry.contains_key(attribute));
        let at = free.unwrap_or_else(|| {
            entries.push(Map::new());
            entries.len() - 1
        });
        if let Some(entry) = entries.get_mut(at) {
            entry.insert(attribute.clone(), value.as_str().into());
        }
    }
    entries.into_iter().map(Value::Object).collect()
}

/// JSON as people write it, with a newline at its end.
fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// When everything is issued anew, and with which signing configuration.
pub(super) struct Signing {
    pub issued: OffsetDateTime,
    pub config: String,
    pub profile: Option<String>,
    /// For how many hours the longest lives that is signed.
    pub longest: i64,
    /// What is to be said of it.
    pub note: String,
    /// Where the signing configuration lies, where there is one.
    pub told_by: Option<Evidence>,
}

/// Backdating, as cfssl has it.
const BACKDATE: Duration = Duration::minutes(5);

/// The instant of issue is this midnight, but never before an authority begins; what is signed lives as long as it did, but never
/// longer than who signs it. A ca-config.json that lies there is taken, unless two differ.
pub(super) fn signing(
    view: &View<'_>,
    shown: &[ShownAs],
    authorities: &Authorities,
    rotation: Option<&RotationUnderWay>,
    at: OffsetDateTime,
) -> Signing {
    let signing = authorities.kept.iter().map(|one| &one.certificate);
    let beside = rotation.and_then(|rotation| rotation.beside.certificate.as_ref());
    let begins = signing.chain(beside).map(|one| one.not_before).max();
    let midnight = at.replace_time(time::Time::MIDNIGHT);
    let issued = match begins {
        Some(begins) if begins + BACKDATE > midnight => (begins + BACKDATE).min(at.max(begins)),
        _ => midnight,
    };
    let issued = issued.replace_nanosecond(0).unwrap_or(issued);
    let ends = authorities.kept.iter().map(|one| one.certificate.not_after).min();
    // Whole hours that are left to what is signed now.
    let left = ends.map(|ends| (ends - issued + BACKDATE).whole_hours().max(1));
    let mut found: BTreeMap<&str, Evidence> = BTreeMap::new();
    for host in &view.hosts {
        let is_config = |(path, _): &(&String, _)| path.rsplit('/').next() == Some(CONFIG_FILE);
        for (path, file) in host.host.files.iter().filter(is_config) {
            if let Some(text) = file.text() {
                found.entry(text).or_insert_with(|| Evidence::file(host, path));
            }
        }
    }
    let only = (found.len() == 1).then(|| found.into_iter().next()).flatten();
    let (own_text, told_by) = only.unzip();
    let own = own_text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let is_own = own.is_some();
    let mut config = own.unwrap_or_else(|| {
        let text = built_in(authorities.layout, CONFIG_FILE).unwrap_or("{}");
        serde_json::from_str(text).unwrap_or_default()
    });
    let lived = lifetime(shown);
    let (mut shortened, mut longest) = (false, 0);
    for_each_expiry(&mut config, &mut |expiry| {
        let hours = match (hours(expiry), lived) {
            (Some(hours), _) if is_own => hours,
            (_, Some(lived)) => lived,
            (Some(hours), None) => hours,
            (None, None) => return,
        };
        let fits = left.map_or(hours, |left| hours.min(left));
        shortened |= fits < hours;
        longest = longest.max(fits);
        if !is_own || fits < hours {
            *expiry = format!("{fits}h");
        }
    });
    let profile = profile_of(&config);
    let note = match (shortened, ends) {
        (true, Some(ends)) => format!("it lives no longer than its authority, which ends at {}", ends.date()),
        _ => String::new(),
    };
    Signing {
        issued,
        config: match own_text.filter(|_| is_own && !shortened) {
            Some(text) => text.to_owned(),
            None => pretty(&config),
        },
        profile,
        longest,
        note,
        told_by: told_by.filter(|_| is_own),
    }
}

/// The profile that signs where it is not called `kubernetes`: the only one.
fn profile_of(config: &Value) -> Option<String> {
    let profiles = config.pointer("/signing/profiles")?.as_object()?;
    match profiles.contains_key("kubernetes") {
        true => None,
        false => profiles.keys().next().cloned(),
    }
}

/// For how many hours most certificates were signed.
fn lifetime(shown: &[ShownAs]) -> Option<i64> {
    let mut counted: BTreeMap<i64, usize> = BTreeMap::new();
    for one in shown {
        let hours = (one.certificate.not_after - one.certificate.not_before).whole_hours();
        if hours > 0 {
            *counted.entry(hours).or_default() += 1;
        }
    }
    counted
        .into_iter()
        .max_by_key(|(hours, count)| (*count, *hours))
        .map(|(hours, _)| hours)
}

fn for_each_expiry(config: &mut Value, change: &mut impl FnMut(&mut String)) {
    match config {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expiry" => change(text),
                    value => for_each_expiry(value, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_expiry(item, change)),
        _ => {}
    }
}

fn hours(expiry: &str) -> Option<i64> {
    expiry.strip_suffix('h')?.parse().ok()
}

/// Names and addresses of a certificate, as `hosts` has them. Names of DNS are compared without their case (RFC 4343).
pub(super) fn names_of(certificate: &Certificate) -> Vec<String> {
    let ips = certificate.ips.iter().map(IpAddr::to_string);
    let names = certificate.dns.iter().map(|name| name.to_ascii_lowercase());
    ips.chain(names).collect()
}
