//! `[[certificates]]`: certificates of the user's own, and whether their names are free.
use std::collections::BTreeMap;

use crate::catalog::identity::Per;
use crate::catalog::layouts::Layout;
use crate::cluster::{ExtraCertificate, Placement, Role, per};
use crate::diagnostic::{Reporter, codes};

use super::draft::{Draft, DraftCertificate, DraftPlacement};
use super::fields;
use super::names::{self, LONGEST_HOST_NAME};
use super::placed::{on_something, placed_on};
use super::profiles::Profiles;
use super::tree::{At, Document, Fields, Node};
use super::values::{cant_be, key_mode, place_on_host, unless};

/// Reads the section.
pub fn read(top: &Fields<'_>) -> Vec<DraftCertificate> {
    let nodes = top.nodes("certificates").iter();
    nodes.filter_map(|node| certificate(top.doc, node)).collect()
}

fn certificate(doc: Document<'_>, node: &Node) -> Option<DraftCertificate> {
    let fields = doc.fields(node, &fields::CERTIFICATE.names())?;
    for name in ["name", "csr"] {
        fields.require(name);
    }
    let places = fields.nodes("places").iter();
    Some(DraftCertificate {
        name: fields.parsed("name", certificate_name),
        csr: fields.text("csr"),
        profile: fields.optional("profile", |profile, _| Some(profile)),
        hosts: fields.texts("hosts"),
        signed_by: fields.text_or("signed_by", "ca"),
        places: places.filter_map(|node| placement(doc, node)).collect(),
        place: fields.own_place(),
    })
}

fn certificate_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    let problem = match names::dns_name_problem(&name.value, LONGEST_HOST_NAME) {
        None if name.value.contains('.') => Some("it has a dot".to_owned()),
        problem => problem,
    };
    unless(problem, name, "a certificate's name", codes::BAD_CERTIFICATE_NAME, say)
}

fn placement(doc: Document<'_>, node: &Node) -> Option<DraftPlacement> {
    let fields = doc.fields(node, &fields::PLACE.names())?;
    fields.require("on");
    let is_there = |name: &&str| fields.has(name) || fields.may_be_meant(name);
    if fields.has("mode") && !is_there(&"key") {
        let message = "`mode` is the key's, and no key is put there";
        doc.say.at(fields.key_place("mode"), codes::IGNORED_FIELD, message);
    }
    Some(DraftPlacement {
        on: fields.text("on"),
        certificate: fields.parsed("certificate", place_on_host),
        key: fields.parsed("key", place_on_host),
        request: fields.parsed("request", place_on_host),
        mode: fields.optional("mode", key_mode).or(0o600),
        empty: !["certificate", "key", "request"].iter().any(is_there),
        place: fields.own_place(),
    })
}

/// Whether the names are free and the places anywhere; whether a place is free is said in [`super::claims`].
pub fn check(draft: &Draft, say: &Reporter) {
    reserved_names(draft, say);
    inputs_of_workers(draft, say);
    for certificate in &draft.certificates {
        for placement in &certificate.places {
            if placement.empty {
                say.at(&placement.place, codes::EMPTY_PLACE, "nothing is put there");
            }
            if let Some(on) = &placement.on {
                on_something(draft, on, codes::UNUSED_PLACE, say);
            }
        }
    }
}

/// A certificate NAME has the files NAME.pem, NAME-key.pem and NAME.csr beside those of the cluster's and the workers': neither
/// name may be the other, or the other with `-key`.
fn reserved_names(draft: &Draft, say: &Reporter) {
    if draft.certificates.is_empty() {
        return;
    }
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let rows = draft.pki.layout.map_or(&[][..], Layout::identities);
    for row in rows.iter() {
        owners.insert(row.name.to_owned(), "a certificate that the cluster needs".to_owned());
        let Some(layout) = draft.pki.layout else { continue };
        let Per::Each(role) = per(layout, &draft.pki.per_host, row) else {
            continue;
        };
        for name in draft.with(role).filter_map(|host| host.name.as_ref()) {
            let whose = match row.files {
                "{host}" => "a worker".to_owned(),
                _ => format!("the {} certificate of {}", row.name, name.value),
            };
            owners.insert(row.files_of(Some(&name.value)), whose);
        }
    }
    for certificate in &draft.certificates {
        let Some(name) = &certificate.name else { continue };
        let own_key = format!("{}-key", name.value);
        let whose_key = name.value.strip_suffix("-key");
        let problem = if let Some(owner) = owners.get(&name.value) {
            Some(format!("it is the name of {owner}"))
        } else if let Some(other) = whose_key.filter(|other| owners.contains_key(*other)) {
            Some(format!("{}.pem is the key of {other}", name.value))
        } else if owners.contains_key(&own_key) {
            Some(format!("{own_key}.pem is the certificate of {own_key}"))
        } else {
            None
        };
        if let Some(problem) = problem {
            cant_be(
                name,
                "the certificate's name",
                problem,
                codes::RESERVED_CERTIFICATE_NAME,
                say,
            );
        }
        owners
            .entry(name.value.clone())
            .or_insert_with(|| "another certificate".to_owned());
    }
}

/// The CSR file of the worker NAME is called NAME-csr.json beside the others.
fn inputs_of_workers(draft: &Draft, say: &Reporter) {
    let is_worker = |name: &&str| draft.with(Role::Worker).any(|host| host.is_named(name));
    for csr in draft.certificates.iter().filter_map(|own| own.csr.as_ref()) {
        if let Some(worker) = csr.value.strip_suffix("-csr.json").filter(is_worker) {
            let message = format!("{} is the CSR file of the worker {worker}", csr.value);
            say.at(&csr.place, codes::RESERVED_CERTIFICATE_NAME, message)
                .hint("give the CSR file another name");
        }
    }
}

/// The user's own certificates, issuers before what they sign.
pub fn extra_certificates(draft: &Draft, profiles: &Profiles<'_>) -> Option<Vec<ExtraCertificate>> {
    let mut left = Vec::new();
    for certificate in &draft.certificates {
        let name = certificate.name.as_ref()?.value.clone();
        let by = &certificate.signed_by.as_ref()?.value;
        let is_extra = |by: &&String| draft.certificate(by).is_some();
        let places = certificate.places.iter().map(|place| {
            let path = |path: &Option<At<String>>| path.as_ref().map(|path| path.value.clone());
            Some(Placement {
                on: placed_on(draft, &place.on.as_ref()?.value)?,
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
