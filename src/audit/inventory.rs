//! Every certificate of a bundle, once, and everywhere it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use time::OffsetDateTime;

use super::document::Tree;
use super::finding::Findings;
use super::uses::Uses;
use super::view::View;
use crate::found::Found;
use crate::pki::inspect::{Certificate, Item};

/// A distinct certificate and everywhere it is.
#[derive(Clone, Debug)]
pub struct InventoryRow {
    /// What it says.
    pub certificate: Arc<Certificate>,
    /// Host and path, sorted.
    pub places: Vec<(String, String)>,
    /// What it is for, in a few words each: the most telling first.
    pub uses: Vec<String>,
}

/// Every distinct certificate of a bundle, in files and within kubeconfigs: authorities first, then by the end of their life.
pub fn inventory(found: &Found, at: OffsetDateTime) -> Vec<InventoryRow> {
    let findings = Findings::default();
    inventory_of(&View::read(found, at, &findings))
}

/// The same of what was read.
pub(crate) fn inventory_of(view: &View<'_>) -> Vec<InventoryRow> {
    let mut rows = gather(view);
    rows.sort_by_cached_key(|row| {
        let certificate = &row.certificate;
        let subject = certificate.subject.clone();
        (
            !certificate.authority,
            certificate.not_after,
            subject,
            row.places.clone(),
        )
    });
    let uses = Uses::read(view);
    for row in &mut rows {
        row.uses = uses.of(&row.certificate, &row.places);
    }
    rows
}

/// By fingerprint; nothing is said of what they are for.
pub(crate) fn gather(view: &View<'_>) -> Vec<InventoryRow> {
    let mut rows: BTreeMap<String, InventoryRow> = BTreeMap::new();
    let mut add = |certificate: &Arc<Certificate>, host: &str, path: &str| {
        let new = || InventoryRow {
            certificate: certificate.clone(),
            places: Vec::new(),
            uses: Vec::new(),
        };
        let row = match rows.get_mut(&certificate.fingerprint) {
            Some(row) => row,
            None => rows.entry(certificate.fingerprint.clone()).or_insert_with(new),
        };
        let place = (host.to_owned(), path.to_owned());
        // A file is gone through in one go.
        if row.places.last() != Some(&place) {
            row.places.push(place);
        }
    };
    for host in &view.hosts {
        for (path, items) in &host.pem {
            for certificate in shared_certificates(items) {
                add(certificate, host.name, path);
            }
        }
        for (path, documents) in &host.documents {
            for pem in documents.iter().flat_map(embedded) {
                for certificate in shared_certificates(&view.items_of(&pem)) {
                    add(certificate, host.name, path);
                }
            }
        }
    }
    rows.into_values().collect()
}

fn shared_certificates(items: &[Item]) -> impl Iterator<Item = &Arc<Certificate>> {
    items.iter().filter_map(|item| match item {
        Item::Certificate(certificate) => Some(certificate),
        _ => None,
    })
}

/// The PEM texts in a kubeconfig's fields, private keys left out.
fn embedded(document: &Tree) -> impl Iterator<Item = Vec<u8>> {
    let clusters = document.items_at(&["clusters"]).iter();
    let users = document.items_at(&["users"]).iter();
    clusters
        .filter_map(|cluster| cluster.text_at(&["cluster", "certificate-authority-data"]))
        .chain(users.filter_map(|user| user.text_at(&["user", "client-certificate-data"])))
        .filter_map(|text| Base64::decode_vec(text.trim()).ok())
}
