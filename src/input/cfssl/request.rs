//! A CSR file (cfssl `csr.CertificateRequest`).
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::codes;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceFile};
use crate::input::parse_json;
use crate::input::tree::{self, At, Fields, Naming, Node, Value};
use crate::pki::cfssl::{CaSection, Name, RawExtension, Request};
use crate::pki::key::{Algorithm, Curve, RsaBits};

use super::values::{base64, count_field, duration_field, ignored, is_oid, oid, url};

/// A request, and where its parts stand, for those who judge it by its use.
#[derive(Clone, Debug)]
pub struct RequestFile {
    pub request: Request,
    /// The CN, or the file for want of one.
    pub cn: Place,
    /// The field `names`, or the CN for want of it.
    pub names: Place,
    /// The O of each name, for those that have one; in the order of the request's names.
    pub organizations: Vec<Option<Place>>,
    /// The field `key`, or the file for want of it.
    pub key: Place,
    /// The entries of `hosts`, one for each of the request's.
    pub hosts: Vec<Option<Place>>,
    /// The key `ca`, if there is one.
    pub ca: Option<Place>,
    /// The value of `ca.expiry`, or the next best.
    pub expiry: Place,
    /// The fields with errors in them: what the request says of them is not what was meant.
    pub broken: BTreeSet<&'static str>,
    pub crl_url: Option<Place>,
    pub extensions: Option<Place>,
}

const REQUEST: &[&str] = &[
    "CN",
    "names",
    "hosts",
    "key",
    "ca",
    "serialnumber",
    "delegation_enabled",
    "extensions",
    "crl_url",
];
const NAME: &[&str] = &["C", "ST", "L", "O", "OU", "E", "SerialNumber", "OID"];
const KEY: &[&str] = &["algo", "size"];
const CA: &[&str] = &["pathlen", "pathlenzero", "expiry", "backdate"];
const EXTENSION: &[&str] = &["Id", "Critical", "Value"];

/// Reads a CSR file. Every problem is reported; where there are errors the request may lack what they are about.
pub fn read_request_file(file: &Arc<SourceFile>, diagnostics: &mut Diagnostics) -> Option<RequestFile> {
    let root = parse_json::parse(file, diagnostics)?;
    // What stands at no better place stands at the opening brace.
    let opening = Place::new(file, root.span.start..root.span.start + 1);
    let fields = Fields::of(file, &root, REQUEST, Naming::Folded, diagnostics)?;
    let key_or = |name: &str, otherwise: &Place| {
        if fields.has(name) {
            fields.key_place(name)
        } else {
            otherwise.clone()
        }
    };

    let mut broken: BTreeSet<&'static str> = ["CN", "names", "key", "ca"]
        .into_iter()
        .filter(|name| fields.misspelt(name))
        .collect();
    let mut watch = |name: &'static str, before: usize, diagnostics: &Diagnostics| {
        if diagnostics.has_error_since(before) {
            broken.insert(name);
        }
    };
    let before = diagnostics.len();
    let cn = fields.text("CN", diagnostics).map(|cn| cn.value).unwrap_or_default();
    watch("CN", before, diagnostics);
    let before = diagnostics.len();
    let (names, organizations) = names(&fields, diagnostics);
    watch("names", before, diagnostics);
    let hosts = fields.texts("hosts", diagnostics).unwrap_or_default();
    let before = diagnostics.len();
    let key = key(&fields, diagnostics).unwrap_or(Algorithm::Ecdsa(Curve::P256));
    watch("key", before, diagnostics);
    let before = diagnostics.len();
    let ca_fields = fields.table("ca", CA, diagnostics);
    let ca = ca_fields.as_ref().map(|ca| ca_section(ca, diagnostics));
    watch("ca", before, diagnostics);
    let expiry = match &ca_fields {
        Some(ca) if ca.has("expiry") => ca.place("expiry"),
        Some(_) => fields.key_place("ca"),
        None => opening.clone(),
    };
    let request = Request {
        cn,
        names,
        serial_number: fields
            .text("serialnumber", diagnostics)
            .map(|text| text.value)
            .unwrap_or_default(),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        key,
        ca,
        crl_url: fields
            .text("crl_url", diagnostics)
            .and_then(|text| url(text, diagnostics))
            .unwrap_or_default(),
        delegation_enabled: fields
            .boolean("delegation_enabled", diagnostics)
            .is_some_and(|value| value.value),
        extensions: extensions(&fields, diagnostics),
    };
    let cn = if fields.has("CN") {
        fields.place("CN")
    } else {
        opening.clone()
    };
    Some(RequestFile {
        request,
        names: key_or("names", &cn),
        organizations,
        cn,
        key: key_or("key", &opening),
        hosts: hosts.into_iter().map(|host| host.place).collect(),
        ca: fields.has("ca").then(|| fields.key_place("ca")),
        expiry,
        broken,
        crl_url: fields.has("crl_url").then(|| fields.key_place("crl_url")),
        extensions: fields.has("extensions").then(|| fields.key_place("extensions")),
    })
}

fn names(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> (Vec<Name>, Vec<Option<Place>>) {
    let nodes = fields.tables("names", diagnostics).iter();
    nodes.filter_map(|node| name(fields.file(), node, diagnostics)).unzip()
}

/// A name and where its O stands.
fn name(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<(Name, Option<Place>)> {
    if node.value == Value::Null {
        return Some((Name::default(), None));
    }
    let fields = Fields::of(file, node, NAME, Naming::Folded, diagnostics)?;
    ignored(
        &fields,
        "SerialNumber",
        "cfssl never reads it; `serialnumber` beside CN is the one it reads",
        diagnostics,
    );
    let mut text = |name: &str| {
        fields
            .text(name, diagnostics)
            .map(|text| text.value)
            .unwrap_or_default()
    };
    let mut name = Name {
        c: text("C"),
        st: text("ST"),
        l: text("L"),
        o: text("O"),
        ou: text("OU"),
        e: text("E"),
        oid: Vec::new(),
    };
    for entry in fields.map("OID", diagnostics).unwrap_or_default() {
        let key = At {
            value: entry.key.clone(),
            place: Some(Place::new(file, entry.key_span.clone())),
        };
        let value = tree::text(file, &entry.node, diagnostics);
        if let (Some(id), Some(value)) = (oid(&key, diagnostics), value) {
            name.oid.push((id, value.value));
        }
    }
    Some((name, fields.has("O").then(|| fields.place("O"))))
}

/// The key that cfssl makes: the fields fill in an `ecdsa` of 256 bits, so that each may be left out.
fn key(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Algorithm> {
    if !fields.has("key") {
        return Some(Algorithm::Ecdsa(Curve::P256));
    }
    let key = fields.table("key", KEY, diagnostics)?;
    let algorithm = key.text_or("algo", "ecdsa", diagnostics);
    let size = if key.has("size") {
        key.integer("size", diagnostics)
    } else {
        Some(At::default_value(256))
    };
    let (algorithm, size) = (algorithm?, size?);
    let wrong = |message: String, field: &str, hint: &str| {
        let diagnostic = Diagnostic::new(codes::BAD_KEY, message).at(if key.has(field) {
            key.place(field)
        } else {
            key.own_place()
        });
        Some(diagnostic.hint(hint))
    };
    let problem = match (algorithm.value.as_str(), size.value) {
        ("ecdsa", 256) => return Some(Algorithm::Ecdsa(Curve::P256)),
        ("ecdsa", 384) => return Some(Algorithm::Ecdsa(Curve::P384)),
        ("ecdsa", 521) => return Some(Algorithm::Ecdsa(Curve::P521)),
        ("ecdsa", size) => wrong(
            format!("there is no ecdsa key of {size} bits"),
            "size",
            "the sizes are 256, 384 and 521",
        ),
        ("ed25519", _) => return Some(Algorithm::Ed25519),
        ("rsa", size) => match u32::try_from(size).ok().and_then(RsaBits::new) {
            Some(bits) => return Some(Algorithm::Rsa(bits)),
            None if !key.has("size") => wrong(
                "an rsa key without `size` has cfssl's default size, 256 bits, which cfssl refuses".to_owned(),
                "algo",
                "add \"size\": 2048",
            ),
            None if (2048..=8192).contains(&size) => {
                let nearest = (size + 8) / 16 * 16;
                wrong(
                    format!("an rsa key of {size} bits is not supported: only multiples of 16 are"),
                    "size",
                    &format!("write {nearest}"),
                )
            }
            None => wrong(
                format!("an rsa key of {size} bits is not permitted"),
                "size",
                "the sizes are 2048 to 8192, such as 2048, 3072 and 4096",
            ),
        },
        (other, _) => {
            let lower = other.to_lowercase();
            let known = ["rsa", "ecdsa", "ed25519"];
            let hint = match known.iter().find(|name| **name == lower) {
                Some(name) => format!("write \"{name}\", in lower case"),
                None => "the algorithms are \"rsa\", \"ecdsa\" and \"ed25519\"".to_owned(),
            };
            wrong(format!("unknown key algorithm \"{other}\""), "algo", &hint)
        }
    };
    if let Some(problem) = problem {
        diagnostics.report(problem);
    }
    None
}

fn ca_section(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> CaSection {
    let expiry = duration_field(fields, "expiry", diagnostics).map(|duration| duration.value);
    let backdate = duration_field(fields, "backdate", diagnostics).map(|duration| duration.value);
    let pathlen = count_field(fields, "pathlen", i32::MAX as u32, diagnostics);
    let pathlenzero = fields
        .boolean("pathlenzero", diagnostics)
        .is_some_and(|value| value.value);
    match &pathlen {
        Some(length) if length.value == 0 && !pathlenzero => {
            ignored(
                fields,
                "pathlen",
                "0 sets no limit unless `pathlenzero` is true",
                diagnostics,
            );
        }
        Some(length) if length.value > 0 && pathlenzero => {
            ignored(fields, "pathlenzero", "`pathlen` is not 0", diagnostics);
        }
        _ => {}
    }
    CaSection {
        expiry,
        backdate,
        pathlen: pathlen.map_or(0, |length| length.value),
        pathlenzero,
    }
}

fn extensions(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<RawExtension> {
    let nodes = fields.tables("extensions", diagnostics).iter();
    nodes
        .filter_map(|node| extension(fields.file(), node, diagnostics))
        .collect()
}

fn extension(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<RawExtension> {
    let fields = Fields::of(file, node, EXTENSION, Naming::Folded, diagnostics)?;
    let critical = fields.boolean("Critical", diagnostics).is_some_and(|value| value.value);
    let value = fields
        .text("Value", diagnostics)
        .and_then(|text| base64(&text, diagnostics))
        .unwrap_or_default();
    if !fields.require("Id", diagnostics) {
        return None;
    }
    let mut id = Vec::new();
    for node in fields.list("Id", diagnostics)?.value {
        match node.value {
            Value::Integer(arc) if arc >= 0 => id.push(arc.unsigned_abs()),
            _ => return tree::wrong_type(file, node, "a number of an object identifier", diagnostics),
        }
    }
    if !is_oid(&id) {
        let message = "the numbers are no object identifier";
        diagnostics.report(
            Diagnostic::new(codes::BAD_OID, message)
                .at(fields.place("Id"))
                .hint("write one such as [1, 2, 3, 4]"),
        );
        return None;
    }
    Some(RawExtension { id, critical, value })
}
