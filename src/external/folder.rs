//! The folder for the owner of an authority: each request, what is asked in the words of OpenSSL and step, cfssl's configuration, a list,
//! and how to sign.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::asked::{OutsideRequest, manifest};
use crate::cluster::Cluster;
use crate::pki::answer::purpose_name;
use crate::pki::digest::hex;

/// The files by name, as text: nothing in them is secret.
pub fn files(cluster: &Cluster, asked: &[OutsideRequest<'_>]) -> Vec<(String, String)> {
    let mut files = vec![
        ("REQUESTS.json".to_owned(), format!("{:#}\n", manifest(cluster, asked))),
        ("SIGN.md".to_owned(), instructions(cluster, asked)),
        (CONFIG.to_owned(), cluster.pki.config_text.clone()),
    ];
    for one in asked {
        files.push((one.file(), one.request.clone()));
        files.push((format!("{}.ext", one.name), openssl_extensions(one)));
        files.push((format!("{}.tpl", one.name), step_template(one)));
    }
    files
}

const CONFIG: &str = "ca-config.json";

/// How the owner of each authority signs.
fn instructions(cluster: &Cluster, asked: &[OutsideRequest<'_>]) -> String {
    let mut text = format!(
        "# Requests of the cluster {}\n\n\
         `REQUESTS.json` lists what is asked of whom. A certificate has to say what is asked and no more: its subject, its names, its usages. \
         Any of the ways below does that; whoever signs otherwise finds it in `REQUESTS.json`.\n\n\
         What goes back is one folder with a PEM file for each certificate, of any name, and those between it and the root behind it, \
         in their order. The certificate of whoever signed is in the folder too, and those above it. No private key is.\n\n\
         A certificate may not end after the one that signed it.\n",
        cluster.name
    );
    if asked.iter().any(|one| one.wanted.certificate.has_ml_dsa()) {
        text.push_str(
            "\nSome of the requests are signed with keys of ML-DSA (FIPS 204), which OpenSSL knows from 3.5 on, and cfssl from 1.7 on.\n",
        );
    }
    let mut groups: BTreeMap<(&str, &str), Vec<&OutsideRequest<'_>>> = BTreeMap::new();
    for one in asked {
        groups.entry((one.authority, one.profile)).or_default().push(one);
    }
    for ((authority, profile), requests) in groups {
        let names: Vec<&str> = requests.iter().map(|one| one.name.as_str()).collect();
        let wanted = requests.first().map(|one| &one.wanted.certificate);
        let signer = requests.first().and_then(|one| one.signer.as_ref());
        let signer = signer.map_or_else(String::new, |signer| {
            format!(
                "\nIt is `{}`, whose certificate has the SHA-256 `{}`.",
                signer.subject, signer.fingerprint
            )
        });
        let life = wanted.map_or(0, |wanted| (wanted.not_after - wanted.not_before).whole_hours());
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n## `{authority}`, profile `{profile}`\n\n\
             Its certificate is in `{authority}.pem`, its key in `{authority}-key.pem`, and there is a folder `signed`.{signer}\n\n\
             OpenSSL:\n\n\
             ```sh\n\
             for name in {names}; do\n  \
               openssl x509 -req -in \"$name.csr\" -CA {authority}.pem -CAkey {authority}-key.pem -CAcreateserial -sha256 -days {days} \\\n    \
                 -extfile \"$name.ext\" -out \"signed/$name.pem\"\n\
             done\n\
             ```\n\n\
             cfssl:\n\n\
             ```sh\n\
             for name in {names}; do\n  \
               cfssl sign -ca {authority}.pem -ca-key {authority}-key.pem -config {CONFIG} -profile {quoted} \"$name.csr\" |\n    \
                 cfssljson -bare \"signed/$name\"\n\
             done\n\
             ```\n\n\
             step:\n\n\
             ```sh\n\
             for name in {names}; do\n  \
               step certificate sign --template \"$name.tpl\" --not-after {life}h \"$name.csr\" {authority}.pem {authority}-key.pem \\\n    \
                 >\"signed/$name.pem\"\n\
             done\n\
             ```\n",
            names = names.join(" "),
            quoted = shlex::try_quote(profile).unwrap_or_else(|_| "''".into()),
            days = life.div_euclid(24).max(1),
        );
    }
    text
}

/// What OpenSSL does not copy from a request unless it is told.
fn openssl_extensions(asked: &OutsideRequest<'_>) -> String {
    let wanted = &asked.wanted;
    let mut text = format!(
        "# openssl x509 -req -in {}.csr -extfile {}.ext\n",
        asked.name, asked.name
    );
    let mut names = String::new();
    for extension in &wanted.content.extensions {
        let critical = if extension.critical { "critical," } else { "" };
        let value = match extension.oid.as_slice() {
            [2, 5, 29, 19] => match (wanted.certificate.authority, wanted.certificate.path_length) {
                (false, _) => "CA:FALSE".to_owned(),
                (true, None) => "CA:TRUE".to_owned(),
                (true, Some(length)) => format!("CA:TRUE,pathlen:{length}"),
            },
            [2, 5, 29, 15] => wanted.key_usages().join(","),
            [2, 5, 29, 37] => wanted.purposes().map(purpose_name).collect::<Vec<_>>().join(","),
            [2, 5, 29, 14] => "hash".to_owned(),
            [2, 5, 29, 17] => match openssl_names(wanted.names()) {
                Some(section) => {
                    names = section;
                    "@names".to_owned()
                }
                None => der(&extension.value),
            },
            _ => der(&extension.value),
        };
        let _ = writeln!(text, "{} = {critical}{value}", openssl_name(&extension.oid));
    }
    text.push_str("authorityKeyIdentifier = keyid\n");
    text + &names
}

fn der(value: &[u8]) -> String {
    format!("DER:{}", hex(value))
}

fn openssl_name(oid: &[u64]) -> String {
    match oid {
        [2, 5, 29, 19] => "basicConstraints".to_owned(),
        [2, 5, 29, 15] => "keyUsage".to_owned(),
        [2, 5, 29, 37] => "extendedKeyUsage".to_owned(),
        [2, 5, 29, 14] => "subjectKeyIdentifier".to_owned(),
        [2, 5, 29, 17] => "subjectAltName".to_owned(),
        other => other.iter().map(u64::to_string).collect::<Vec<_>>().join("."),
    }
}

/// A section with the names; none where one is of another kind.
fn openssl_names<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut section = "\n[names]\n".to_owned();
    for (at, name) in names.enumerate() {
        let (kind, value) = name.split_once(' ')?;
        if !matches!(kind, "DNS" | "IP" | "email" | "URI") {
            return None;
        }
        let _ = write!(section, "{kind}.{} = ", at + 1);
        for character in value.chars() {
            if matches!(character, '$' | '#' | '\\' | '"' | '\'' | '`') {
                section.push('\\');
            }
            section.push(character);
        }
        section.push('\n');
    }
    Some(section)
}

/// What step makes a certificate of: <https://smallstep.com/docs/step-ca/templates/>.
fn step_template(asked: &OutsideRequest<'_>) -> String {
    let wanted = &asked.wanted;
    let list = |names: Vec<&str>| {
        names
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let key_usages = wanted.key_usages().into_iter().map(|name| match name {
        "nonRepudiation" => "contentCommitment",
        "keyCertSign" => "certSign",
        "cRLSign" => "crlSign",
        other => other,
    });
    let is_number = |name: &&str| name.starts_with(|first: char| first.is_ascii_digit());
    let purposes = || wanted.purposes().map(purpose_name);
    let mut lines = vec![
        "\"subject\": {{ toJson .Subject }}".to_owned(),
        format!("\"keyUsage\": [{}]", list(key_usages.collect())),
        format!(
            "\"extKeyUsage\": [{}]",
            list(purposes().filter(|name| !is_number(name)).collect())
        ),
    ];
    // Of a request without names step makes one of the CN.
    if wanted.names().next().is_some() {
        lines.push("\"sans\": {{ toJson .SANs }}".to_owned());
    }
    let others: Vec<&str> = purposes().filter(is_number).collect();
    if !others.is_empty() {
        lines.push(format!("\"unknownExtKeyUsage\": [{}]", list(others)));
    }
    let (authority, length) = (wanted.certificate.authority, wanted.certificate.path_length);
    lines.push(match length.filter(|_| authority) {
        // -1 is step's word for none.
        None if authority => "\"basicConstraints\": {\"isCA\": true, \"maxPathLen\": -1}".to_owned(),
        None => "\"basicConstraints\": {\"isCA\": false}".to_owned(),
        Some(length) => format!("\"basicConstraints\": {{\"isCA\": true, \"maxPathLen\": {length}}}"),
    });
    format!("{{\n  {}\n}}\n", lines.join(",\n  "))
}
