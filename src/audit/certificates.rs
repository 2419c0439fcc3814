//! Each certificate by itself, wherever it lies: dates, strength, names, rights, who signed it.

use std::collections::BTreeMap;

use super::dates::{date, out_of_date};
use super::inventory::InventoryRow;
use super::names::why_nobody_asks_for;
use super::uses::Uses;
use super::view::View;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::Certificate;
use crate::pki::x509::ComparableName;

/// What is wrong with a certificate is told everywhere where it lies.
struct Everywhere<'v> {
    view: &'v View<'v>,
    row: &'v InventoryRow,
}

impl Everywhere<'_> {
    fn report(&self, code: &'static Code, message: impl Into<String>) {
        let message = message.into();
        for (host, path) in &self.row.places {
            self.view.findings.report(code, host, path, message.clone());
        }
    }
}

pub(crate) fn check(view: &View<'_>, rows: &[InventoryRow]) {
    let mut by_subject: BTreeMap<&ComparableName, Vec<&Certificate>> = BTreeMap::new();
    let mut by_serial: BTreeMap<(&ComparableName, &str), Vec<&InventoryRow>> = BTreeMap::new();
    for row in rows {
        let numbered = (&row.certificate.issuer_name, row.certificate.serial.as_str());
        by_serial.entry(numbered).or_default().push(row);
        let of_subject = by_subject.entry(&row.certificate.subject_name).or_default();
        of_subject.push(&row.certificate);
    }
    for row in by_serial.into_values().filter(|rows| rows.len() > 1).flatten() {
        let message = format!(
            "{:?} has the serial number of another certificate of its issuer",
            row.certificate.subject
        );
        Everywhere { view, row }.report(codes::ODD_SERIAL, message);
    }
    let uses = Uses::read(view);
    for row in rows {
        let issuers = by_subject.get(&row.certificate.issuer_name);
        let everywhere = Everywhere { view, row };
        check_dates(&everywhere);
        check_form(&everywhere);
        check_strength(&everywhere);
        check_names(&everywhere);
        check_rights(&everywhere);
        let is_trusted = row.certificate.authority && uses.is_trusted(&row.places);
        check_issuers(&everywhere, issuers.map_or(&[], Vec::as_slice), is_trusted);
    }
    tell_ml_dsa(view, rows);
}

/// That programs have to know ML-DSA, once for each host: no file says how what runs there was compiled.
fn tell_ml_dsa(view: &View<'_>, rows: &[InventoryRow]) {
    let of_ml_dsa = rows.iter().filter(|row| row.certificate.has_ml_dsa());
    let mut first: BTreeMap<&str, (&str, &Certificate)> = BTreeMap::new();
    for row in of_ml_dsa {
        for (host, path) in &row.places {
            first.entry(host).or_insert((path, &row.certificate));
        }
    }
    for (host, (path, certificate)) in first {
        let message = format!(
            "{:?} has a key of {} and a signature of {}",
            certificate.subject, certificate.key, certificate.signature
        );
        view.findings.report(codes::ML_DSA_CERTIFICATE, host, path, message);
    }
}

fn check_dates(everywhere: &Everywhere<'_>) {
    for (code, message) in out_of_date(&everywhere.row.certificate, everywhere.view.at) {
        everywhere.report(code, message);
    }
}

/// What is wrong with it for whoever reads it, whatever it is used for.
fn check_form(everywhere: &Everywhere<'_>) {
    let certificate = &everywhere.row.certificate;
    let subject = &certificate.subject;
    if let Some(why) = &certificate.refused {
        everywhere.report(codes::REFUSED_CERTIFICATE, format!("{subject:?} is refused: {why}"));
    }
    if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits > MOST_OF_RSA) {
        let message = format!("{subject:?} is refused: its RSA key has {bits} bits, and Go's TLS takes {MOST_OF_RSA}");
        everywhere.report(codes::REFUSED_CERTIFICATE, message);
    }
    let serial = certificate.serial.trim_start_matches('0');
    let odd = match serial.len().div_ceil(2) {
        0 => "zero",
        length if length > MOST_OF_SERIAL => "longer than 20 bytes",
        _ => "",
    };
    if !odd.is_empty() {
        everywhere.report(codes::ODD_SERIAL, format!("the serial number of {subject:?} is {odd}"));
    }
    let is_shown = certificate.server_auth || certificate.client_auth;
    if !certificate.authority && is_shown && !certificate.signs_handshakes {
        let message = format!("the key usage of {subject:?} lacks digital signature");
        everywhere.report(codes::MISSING_KEY_USAGE, message);
    }
}

/// Bits of an RSA key in a handshake (`maxRSAKeySize` of crypto/tls).
const MOST_OF_RSA: usize = 8192;

/// Bytes of a serial number (RFC 5280, section 4.1.2.2).
const MOST_OF_SERIAL: usize = 20;

fn check_strength(everywhere: &Everywhere<'_>) {
    let certificate = &everywhere.row.certificate;
    if certificate.has_broken_digest() {
        let message = format!("{:?} is signed by {}", certificate.subject, certificate.signature);
        everywhere.report(codes::BROKEN_DIGEST, message);
    }
    if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits < 2048) {
        let message = format!("the RSA key of {:?} has {bits} bits", certificate.subject);
        everywhere.report(codes::WEAK_KEY, message);
    }
}

fn check_names(everywhere: &Everywhere<'_>) {
    let certificate = &everywhere.row.certificate;
    for why in certificate
        .dns
        .iter()
        .chain(&certificate.other_names)
        .filter_map(|name| why_nobody_asks_for(name))
    {
        everywhere.report(codes::BAD_SAN, why);
    }
}

fn check_rights(everywhere: &Everywhere<'_>) {
    let certificate = &everywhere.row.certificate;
    let subject = &certificate.subject;
    let is_break_glass = |path: &str| path.contains("break-glass") || path.contains("super-admin");
    let break_glass = everywhere.row.places.iter().all(|(_, path)| is_break_glass(path));
    if certificate.is_in("system:masters") && !break_glass && !certificate.authority {
        let message = format!("{subject:?} may do everything, and no binding can take that back");
        everywhere.report(codes::SYSTEM_MASTERS, message);
    }
    if certificate.authority && !certificate.signs_certificates {
        let message = format!("the key usage of {subject:?} forbids it to sign");
        everywhere.report(codes::NOT_AN_AUTHORITY, message);
    }
}

/// Authorities of one name: a cluster has one, or two while it is replaced.
const MOST_ISSUERS: usize = 32;

/// `issuers` are the certificates of its issuer's name. Who is trusted by itself is asked for nobody above it (Go's
/// `x509.VerifyOptions.Roots`; OpenSSL's `-partial_chain`).
fn check_issuers(everywhere: &Everywhere<'_>, issuers: &[&Certificate], is_trusted: bool) {
    let (view, certificate) = (everywhere.view, &everywhere.row.certificate);
    let (subject, issuer) = (&certificate.subject, &certificate.issuer);
    let candidates = issuers.iter().take(MOST_ISSUERS);
    let signers: Vec<&&Certificate> = candidates.filter(|issuer| view.signed(certificate, issuer)).collect();
    if certificate.is_self_issued() && view.signed(certificate, certificate) {
        if !certificate.authority {
            let message = format!("{subject:?} is signed by itself, and no authority");
            everywhere.report(codes::NOT_AN_AUTHORITY, message);
        }
    } else if issuers.is_empty() {
        let message = format!("the issuer of {subject:?}, {issuer:?}, is not here");
        if !is_trusted {
            everywhere.report(codes::UNKNOWN_ISSUER, message);
        }
    } else if signers.is_empty() {
        let message = format!("{subject:?} says that {issuer:?} issued it, whose key did not");
        everywhere.report(codes::UNTRUSTED_CERTIFICATE, message);
    }
    let is_named = |signer: &&&Certificate| match (&certificate.issuer_key_id, &signer.key_id) {
        (Some(named), Some(own)) => named == own,
        _ => true,
    };
    if !signers.is_empty() && !signers.iter().any(is_named) {
        let message = format!("{subject:?} names another key of its issuer than the one that signed it");
        everywhere.report(codes::REFUSED_CERTIFICATE, message);
    }
    for signer in signers {
        if signer.path_length == Some(0) && certificate.authority && !certificate.is_self_issued() {
            let message = format!(
                "no authority may follow {:?}, by its path length, and {subject:?} is one",
                signer.subject
            );
            everywhere.report(codes::REFUSED_CERTIFICATE, message);
        }
        if !signer.authority {
            let message = format!("{:?} issued {subject:?} and is no authority", signer.subject);
            everywhere.report(codes::NOT_AN_AUTHORITY, message);
        }
        if certificate.not_after > signer.not_after {
            let message = format!("{subject:?} ends after its issuer, at {}", date(certificate.not_after));
            everywhere.report(codes::LEAF_OUTLIVES_AUTHORITY, message);
        }
    }
}
