//! A CSR file (cfssl `csr.CertificateRequest`).
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Place, Reporter, SourceFile, codes};
use crate::input::parse_json;
use crate::input::tree::{At, Document, Fields, Node, Value};
use crate::pki::cfssl::{CaSection, Name, Request};
use crate::pki::key::{Algorithm, Curve, MlDsa, RsaBits};
use crate::pki::x509::Extension;

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
pub fn read_request_file(file: &Arc<SourceFile>, say: &Reporter) -> Option<RequestFile> {
    let doc = Document::json(file, say);
    let root = parse_json::parse(doc)?;
    // What stands at no better place stands at the opening brace.
    let opening = doc.place(&(root.span.start..root.span.start + 1));
    let fields = doc.fields(&root, REQUEST)?;
    let key_place = |name: &str| fields.has(name).then(|| fields.key_place(name));

    let mut broken: BTreeSet<&'static str> = ["CN", "names", "key", "ca"]
        .into_iter()
        .filter(|name| fields.misspelt(name))
        .collect();
    let mut before = say.len();
    let mut watch = |name: &'static str| {
        if say.has_error_since(before) {
            broken.insert(name);
        }
        before = say.len();
    };
    let cn = text(&fields, "CN");
    watch("CN");
    let (names, organizations) = names(&fields);
    watch("names");
    let key = key(&fields).unwrap_or(Algorithm::Ecdsa(Curve::P256));
    watch("key");
    let ca_fields = fields.table("ca", CA);
    let ca = ca_fields.as_ref().map(ca_section);
    watch("ca");
    let hosts = fields.texts("hosts");
    watch("hosts");
    let expiry = match &ca_fields {
        Some(ca) if ca.has("expiry") => ca.place("expiry"),
        Some(_) => fields.key_place("ca"),
        None => opening.clone(),
    };
    let request = Request {
        cn,
        names,
        serial_number: text(&fields, "serialnumber"),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        key,
        ca,
        crl_url: fields.parsed("crl_url", url).unwrap_or_default(),
        delegation_enabled: fields.is_true("delegation_enabled"),
        extensions: extensions(&fields),
    };
    let cn = match fields.has("CN") {
        true => fields.place("CN"),
        false => opening.clone(),
    };
    Some(RequestFile {
        request,
        names: key_place("names").unwrap_or_else(|| cn.clone()),
        organizations,
        cn,
        key: key_place("key").unwrap_or(opening),
        hosts: hosts.into_iter().map(|host| host.place).collect(),
        ca: key_place("ca"),
        expiry,
        broken,
        crl_url: key_place("crl_url"),
        extensions: key_place("extensions"),
    })
}

fn text(fields: &Fields<'_>, name: &str) -> String {
    fields.text(name).map(|text| text.value).unwrap_or_default()
}

fn names(fields: &Fields<'_>) -> (Vec<Name>, Vec<Option<Place>>) {
    let nodes = fields.tables("names").iter();
    nodes.filter_map(|node| name(fields.doc, node)).unzip()
}

/// A name and where its O stands.
fn name(doc: Document<'_>, node: &Node) -> Option<(Name, Option<Place>)> {
    if node.value == Value::Null {
        return Some((Name::default(), None));
    }
    let fields = doc.fields(node, NAME)?;
    ignored(
        &fields,
        "SerialNumber",
        "cfssl never reads it; `serialnumber` beside CN is the one it reads",
    );
    let mut name = Name {
        c: text(&fields, "C"),
        st: text(&fields, "ST"),
        l: text(&fields, "L"),
        o: text(&fields, "O"),
        ou: text(&fields, "OU"),
        e: text(&fields, "E"),
        oid: Vec::new(),
    };
    for entry in fields.map("OID") {
        let value = doc.text(&entry.node);
        if let (Some(id), Some(value)) = (oid(doc.key(entry), doc.say), value) {
            name.oid.push((id, value.value));
        }
    }
    Some((name, fields.has("O").then(|| fields.place("O"))))
}

/// The key that cfssl makes: the fields fill in an `ecdsa` of 256 bits, so that each may be left out.
fn key(fields: &Fields<'_>) -> Option<Algorithm> {
    if !fields.has("key") {
        return Some(Algorithm::Ecdsa(Curve::P256));
    }
    let key = fields.table("key", KEY)?;
    let algorithm = key.text_or("algo", "ecdsa");
    let size = key.written("size", || key.integer("size")).or(At::default_value(256));
    let (algorithm, size) = (algorithm?, size?);
    let wrong = |message: String, field: &str, hint: &str| {
        key.doc.say.at(key.place(field), codes::BAD_KEY, message).hint(hint);
    };
    match (algorithm.value.as_str(), size.value) {
        ("ecdsa", 256) => return Some(Algorithm::Ecdsa(Curve::P256)),
        ("ecdsa", 384) => return Some(Algorithm::Ecdsa(Curve::P384)),
        ("ecdsa", 521) => return Some(Algorithm::Ecdsa(Curve::P521)),
        ("ecdsa", size) => wrong(
            format!("there is no ecdsa key of {size} bits"),
            "size",
            "the sizes are 256, 384 and 521",
        ),
        ("ed25519", _) => return Some(Algorithm::Ed25519),
        ("mldsa44", _) => return Some(Algorithm::MlDsa(MlDsa::MlDsa44)),
        ("mldsa65", _) => return Some(Algorithm::MlDsa(MlDsa::MlDsa65)),
        ("mldsa87", _) => return Some(Algorithm::MlDsa(MlDsa::MlDsa87)),
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
                );
            }
            None => wrong(
                format!("an rsa key of {size} bits is not permitted"),
                "size",
                "the sizes are 2048 to 8192, such as 2048, 3072 and 4096",
            ),
        },
        (other, _) => {
            let lower = other.to_lowercase();
            let known = ["rsa", "ecdsa", "ed25519", "mldsa44", "mldsa65", "mldsa87"];
            let hint = match known.iter().find(|name| **name == lower) {
                Some(name) => format!("write \"{name}\", in lower case"),
                None if lower.replace(['-', '_'], "").starts_with("mldsa") => {
                    "write \"mldsa44\", \"mldsa65\" or \"mldsa87\", as cfssl does".to_owned()
                }
                None => "the algorithms are \"rsa\", \"ecdsa\", \"ed25519\", \"mldsa44\", \"mldsa65\" and \"mldsa87\""
                    .to_owned(),
            };
            wrong(format!("unknown key algorithm \"{other}\""), "algo", &hint);
        }
    }
    None
}

fn ca_section(fields: &Fields<'_>) -> CaSection {
    let expiry = duration_field(fields, "expiry").map(|duration| duration.value);
    let backdate = duration_field(fields, "backdate").map(|duration| duration.value);
    let pathlen = count_field(fields, "pathlen", i32::MAX as u32);
    let pathlenzero = fields.is_true("pathlenzero");
    match &pathlen {
        Some(length) if length.value == 0 && !pathlenzero => {
            ignored(fields, "pathlen", "0 sets no limit unless `pathlenzero` is true");
        }
        Some(length) if length.value > 0 && pathlenzero => {
            ignored(fields, "pathlenzero", "`pathlen` is not 0");
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

fn extensions(fields: &Fields<'_>) -> Vec<Extension> {
    let nodes = fields.tables("extensions").iter();
    nodes.filter_map(|node| extension(fields.doc, node)).collect()
}

fn extension(doc: Document<'_>, node: &Node) -> Option<Extension> {
    let fields = doc.fields(node, EXTENSION)?;
    let critical = fields.is_true("Critical");
    let value = fields.parsed("Value", base64).unwrap_or_default();
    if !fields.require("Id") {
        return None;
    }
    let mut oid = Vec::new();
    for node in fields.list("Id")?.value {
        match node.value {
            Value::Integer(arc) if arc >= 0 => oid.push(arc.unsigned_abs()),
            _ => return doc.wrong_type(node, "a number of an object identifier"),
        }
    }
    if !is_oid(&oid) {
        let message = "the numbers are no object identifier";
        doc.say
            .at(fields.place("Id"), codes::BAD_OID, message)
            .hint("write one such as [1, 2, 3, 4]");
        return None;
    }
    Some(Extension { oid, critical, value })
}
