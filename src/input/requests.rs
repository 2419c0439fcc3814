//! One request at a time: whether its names, its key and its extensions make a certificate that Kubernetes and etcd accept.
use crate::catalog::identity::{Identity, KeyPurpose, NODE_PLACEHOLDER, Per, SignedBy};
use crate::catalog::releases::Release;
use crate::catalog::roles::Role;
use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::cfssl::{
    ExtendedKeyUsage, KeyUsage, Name, Profile, San, Usage, leaf_refusal, root_refusal, subject_der, user_and_groups,
};
use crate::pki::key::Algorithm;

use super::cfssl::RequestFile;
use super::csr_folder::Folder;
use super::draft::Draft;
use super::names::certificate_name_problem;
use super::profiles::Profiles;
use super::signed::Leaf;
use super::token_keys::signs_any_tokens;

/// The DER of the Name that a certificate of this request gets; none if it can't be said.
pub fn subject(file: &RequestFile) -> Option<Vec<u8>> {
    let known = !file.broken.contains("CN") && !file.broken.contains("names");
    known.then(|| subject_der(&file.request).ok())?
}

pub fn authority(file: &RequestFile, say: &Reporter) {
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
        say.at(&file.cn, codes::EMPTY_SUBJECT, "the authority has no CN");
    }
    if request.ca.as_ref().is_none_or(|ca| ca.expiry.is_none()) && !file.broken.contains("ca") {
        let message = "the authority lives five years, cfssl's default";
        say.at(&file.expiry, codes::CA_DEFAULT_EXPIRY, message);
    }
    for (host, place) in request.hosts.iter().zip(&file.hosts) {
        if !matches!(San::classify(host), San::Ip(_)) {
            dropped_name(host, place.as_ref(), say);
        }
    }
    subject_texts(file, say);
    ed25519(file, say);
}

/// Texts of the subject that nobody filled in, or that are not what RFC 5280 lets them be (appendix A.1, upper bounds).
pub fn subject_texts(file: &RequestFile, say: &Reporter) {
    const ANY_LENGTH: usize = usize::MAX;
    let request = &file.request;
    let mut texts = vec![
        ("CN", request.cn.as_str(), &file.cn, 64),
        ("serialnumber", &request.serial_number, &file.cn, 64),
    ];
    for name in &request.names {
        let at = &file.names;
        texts.extend([
            ("C", name.c.as_str(), at, ANY_LENGTH),
            ("ST", &name.st, at, 128),
            ("L", &name.l, at, 128),
            ("O", &name.o, at, 64),
            ("OU", &name.ou, at, 64),
            ("E", &name.e, at, 255),
        ]);
        let values = name
            .oid
            .iter()
            .map(|(_, value)| ("OID", value.as_str(), at, ANY_LENGTH));
        texts.extend(values);
    }
    for (field, text, place, most) in texts {
        let length = text.chars().count();
        let is_country = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if let Some(part) = placeholder(text) {
            let message = format!("`{field}` is \"{text}\": nobody has filled in {part}");
            say.at(place, codes::UNFILLED_PLACEHOLDER, message)
                .hint("write what is meant");
        } else if field == "C" && !is_country && length != 0 {
            let message = format!("`C` is \"{text}\", and a country has two letters");
            say.at(place, codes::UNUSUAL_SUBJECT, message)
                .hint("write one such as \"DE\" or \"US\" (ISO 3166)");
        } else if length > most {
            let message = format!("`{field}` has {length} characters, and may have {most}");
            say.at(place, codes::UNUSUAL_SUBJECT, message);
        }
    }
}

/// What a template or a shell was to replace in a text: `${X}`, `$(X)`, `{{ X }}`, `<X>`, `__X__`, `$X`; the first of these that is there.
fn placeholder(text: &str) -> Option<&str> {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let alone = |at: usize| !text[..at].ends_with(is_of_word);
    let has_word = |inside: &str| inside.contains(char::is_alphanumeric);
    let is_tag = |inside: &str| {
        let starts = inside.starts_with(char::is_alphabetic);
        starts && !inside.contains('@') && !inside.ends_with(char::is_whitespace)
    };
    let between = |from: &str, to: &str, holds: &dyn Fn(&str) -> bool, stands_alone: bool| {
        text.match_indices(from).find_map(|(start, _)| {
            let inside = start + from.len();
            let end = inside + text[inside..].find(to)?;
            let found = holds(&text[inside..end]) && (!stands_alone || alone(start));
            found.then(|| &text[start..end + to.len()])
        })
    };
    let variable = || {
        text.match_indices('$').find_map(|(start, _)| {
            let name = &text[start + 1..];
            let end = name.find(|c: char| !is_of_word(c)).unwrap_or(name.len());
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let stands_alone = alone(start) && !text[..start].ends_with('\\');
            (starts && stands_alone).then(|| &text[start..=start + end])
        })
    };
    between("${", "}", &has_word, false)
        .or_else(|| between("$(", ")", &has_word, false))
        .or_else(|| between("{{", "}}", &has_word, false))
        .or_else(|| between("<", ">", &is_tag, true))
        .or_else(|| between("__", "__", &has_word, true))
        .or_else(variable)
}

pub fn check_leaf(leaf: &Leaf<'_>, file: &RequestFile, release: Option<&Release>, say: &Reporter) {
    let profile = leaf.profile.map(|profile| &profile.file.profile);
    if let Some(place) = &file.ca {
        let message = format!("{} is signed by another, and has a `ca` section", leaf.csr_name);
        say.at(place, codes::CA_SECTION, message);
    }
    if let Some(place) = &file.crl_url {
        let message =
            "`crl_url` has no effect: cfssl writes it into an authority's certificate; a leaf's comes from the profile";
        say.at(place, codes::IGNORED_FIELD, message);
    }
    if let (
        Some(place),
        Some(Profile {
            copy_extensions: false, ..
        }),
    ) = (&file.extensions, profile)
    {
        let message = "`extensions` has no effect: the profile does not set `copy_extensions`";
        say.at(place, codes::IGNORED_FIELD, message);
    }
    if profile.is_some_and(|profile| profile.copy_extensions) {
        copied_extensions(file, say);
    }
    if !file.broken.contains("CN") {
        match leaf.row {
            Some(row) => user(row, file, say),
            None if user_and_groups(&file.request).0.contains(NODE_PLACEHOLDER) => {
                let message = format!(
                    "no worker's name takes the place of {NODE_PLACEHOLDER} in {}",
                    leaf.csr_name
                );
                say.at(&file.cn, codes::WRONG_SUBJECT, message)
                    .hint("write the name that is meant");
            }
            None => {}
        }
    }
    if let Some(row) = leaf.row
        && !file.broken.contains("names")
    {
        groups(row, file, say);
    }
    let per_worker = leaf.row.is_some_and(|row| row.per == PER_WORKER);
    for (host, place) in file.request.hosts.iter().zip(&file.hosts) {
        match leaf.is_own() && profile.is_some_and(|profile| drops_name(profile, host)) {
            true => dropped_name(host, place.as_ref(), say),
            false => host_entry(per_worker, profile.is_none_or(serves), host, place.as_ref(), say),
        }
    }
    if !file.broken.contains("key") {
        key(leaf, file, profile, release, say);
    }
}

/// The names and addresses that `[[certificates]]` add to what the CSR files have.
pub fn own_hosts(draft: &Draft, profiles: &Profiles<'_>, say: &Reporter) {
    for extra in &draft.certificates {
        let (Some(name), Some(_)) = (&extra.name, &extra.csr) else {
            continue;
        };
        let profile = profiles.of(&name.value).map(|profile| &profile.file.profile);
        for host in &extra.hosts {
            let place = host.place.as_ref();
            match profile.is_some_and(|profile| drops_name(profile, &host.value)) {
                true => dropped_name(&host.value, place, say),
                false => host_entry(false, profile.is_none_or(serves), &host.value, place, say),
            }
        }
    }
}

/// Whether cfssl leaves a name out since the profile makes authorities: only addresses stay.
fn drops_name(profile: &Profile, host: &str) -> bool {
    profile.ca_constraint.is_ca && !matches!(San::classify(host), San::Ip(_))
}

fn dropped_name(host: &str, place: Option<&Place>, say: &Reporter) {
    if matches!(San::classify(host), San::Unusual(_)) {
        return unusual(host, place, say);
    }
    let message = format!("\"{host}\" has no effect: cfssl leaves it out of an authority's certificate");
    say.at(place, codes::IGNORED_FIELD, message);
}

/// Extensions of the request's own that would take the place of what the certificate is for: cfssl copies them as they are.
fn copied_extensions(file: &RequestFile, say: &Reporter) {
    for extension in &file.request.extensions {
        let id = extension.oid.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let problem = match extension.oid.as_slice() {
            // RFC 5280, section 4.2.1: key identifiers, key usage, alternative names, constraints, extended key usage.
            [2, 5, 29, 14 | 15 | 17 | 19 | 30 | 35 | 36 | 37] => {
                "it would take the place of what the certificate is for"
            }
            _ if extension.critical => "it is critical, and whoever does not know it refuses the certificate",
            _ => continue,
        };
        let place = file.extensions.as_ref().unwrap_or(&file.names);
        let message = format!("the extension {id} can't be copied: {problem}");
        say.at(place, codes::BAD_EXTENSION, message);
    }
}

/// What cfssl itself would refuse, and no check above has named; without a profile, to make a root of.
pub fn refusal(csr_name: &str, file: &RequestFile, profile: Option<&Profile>, say: &Reporter) {
    let error = match profile {
        None => root_refusal(&file.request),
        Some(profile) => leaf_refusal(&file.request, profile),
    };
    if let Some(error) = error {
        let place = file.extensions.as_ref().unwrap_or(&file.names);
        say.at(place, codes::REFUSED_REQUEST, format!("{csr_name} is refused: {error}"));
    }
}

/// Kubernetes reads the user from CN (kubernetes.io, "Authenticating", X.509 client certificates).
fn user(row: &Identity, file: &RequestFile, say: &Reporter) {
    let (cn, _) = user_and_groups(&file.request);
    let expected = row.subject.cn.map(|cn| cn.replace("{host}", NODE_PLACEHOLDER));
    match expected {
        Some(expected) if cn != expected => {
            let hint = format!("write \"CN\": \"{expected}\"");
            let lacks_placeholder = row.per == PER_WORKER && !cn.contains(NODE_PLACEHOLDER);
            let (code, message) = if lacks_placeholder {
                (
                    codes::NO_PLACEHOLDER,
                    format!("CN is \"{}\" on every worker: {NODE_PLACEHOLDER} is missing", cn),
                )
            } else {
                (codes::WRONG_SUBJECT, format!("CN is \"{cn}\", not \"{expected}\""))
            };
            say.at(&file.cn, code, message).hint(hint);
        }
        None if cn.is_empty() && row.needs(ExtendedKeyUsage::ClientAuth) => {
            let message = format!("{} ({}) has no CN, and so no user name", row.name, row.what);
            say.at(&file.cn, codes::WRONG_SUBJECT, message).hint("set \"CN\"");
        }
        _ => {}
    }
}

const PER_WORKER: Per = Per::Each(Role::Worker);

/// The group that may do everything, whatever RBAC says.
const MASTERS: &str = "system:masters";

/// Kubernetes reads the groups from O.
fn groups(row: &Identity, file: &RequestFile, say: &Reporter) {
    let (_, organizations) = user_and_groups(&file.request);
    if let Some(expected) = row.subject.o
        && !organizations.iter().any(|group| group == expected)
    {
        let hint = format!("write \"names\": [{{\"O\": \"{expected}\"}}]");
        let message = format!("no name has the O \"{expected}\"");
        say.at(&file.names, codes::WRONG_SUBJECT, message).hint(hint);
    }
    if row.subject.o != Some(MASTERS) && organizations.iter().any(|group| group == MASTERS) {
        let typed = file
            .request
            .names
            .iter()
            .zip(&file.organizations)
            .find(|(name, _)| name.o == MASTERS);
        let place = typed.and_then(|(_, place)| place.as_ref()).unwrap_or(&file.names);
        let message = format!("{} is a member of {MASTERS}", row.name);
        say.at(place, codes::EXTRA_MASTERS, message);
    }
}

/// Whether servers show what a profile signs.
fn serves(profile: &Profile) -> bool {
    let usages = [ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::Any].map(Usage::Extended);
    usages.iter().any(|usage| profile.usages.contains(usage))
}

fn host_entry(per_worker: bool, serves: bool, typed: &str, place: Option<&Place>, say: &Reporter) {
    // The placeholder stands for a name that is checked where the hosts are.
    let host = if per_worker {
        typed.replace(NODE_PLACEHOLDER, "worker")
    } else {
        typed.to_owned()
    };
    let problem = match San::classify(&host) {
        San::Ip(_) => None,
        San::Dns(name) => certificate_name_problem(&name),
        _ if !host.is_ascii() => Some("it is not ASCII".to_owned()),
        San::Email(_) => None,
        San::Uri(_) if is_meant_for_uri(&host) => {
            if serves {
                web_address(typed, place, say);
            }
            return;
        }
        San::Unusual(_) if host.contains('@') || is_meant_for_uri(&host) => return unusual(&host, place, say),
        _ => Some(certificate_name_problem(&host).unwrap_or_else(|| "cfssl takes it for a URI".to_owned())),
    };
    if let Some(problem) = problem {
        let message = format!("\"{host}\" is neither a name nor an address: {problem}");
        let told = say.at(place, codes::BAD_NAME_ENTRY, message);
        if host.is_empty() {
            told.hint("remove it: where there is no other, an empty list does");
        }
    } else if let Some(part) = placeholder(typed) {
        let message = format!("\"{typed}\" is among the hosts: nobody has filled in {part}");
        say.at(place, codes::UNFILLED_PLACEHOLDER, message)
            .hint("write what is meant");
    }
}

/// Who calls a server compares its certificate with the name or the address in the URL, not with the URL (RFC 9525, section 6).
fn web_address(uri: &str, place: Option<&Place>, say: &Reporter) {
    if let Some(host) = host_of_web_address(uri) {
        let message = format!("nobody who calls {uri} looks for it in a certificate");
        let told = say.at(place, codes::WEB_ADDRESS, message);
        told.hint_if(host.map(|host| format!("write \"{host}\"")));
    }
}

/// The name or address in the address of a page, if it is one; none within, if that can't stand in a certificate.
fn host_of_web_address(uri: &str) -> Option<Option<&str>> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let named = host.replace(NODE_PLACEHOLDER, "worker");
    let is_usable = matches!(San::classify(&named), San::Ip(_)) || certificate_name_problem(&named).is_none();
    Some(is_usable.then_some(host))
}

fn is_meant_for_uri(host: &str) -> bool {
    host.contains("://") || host.starts_with("urn:")
}

fn unusual(host: &str, place: Option<&Place>, say: &Reporter) {
    let message = format!("\"{host}\" is not a plain mail address or URI");
    let told = say.at(place, codes::UNUSUAL_NAME_ENTRY, message);
    told.hint_if(
        host_of_web_address(host)
            .flatten()
            .map(|host| format!("write \"{host}\"")),
    );
}

fn key(leaf: &Leaf<'_>, file: &RequestFile, profile: Option<&Profile>, release: Option<&Release>, say: &Reporter) {
    let key = file.request.key;
    let signs_tokens = leaf.row.is_some_and(|row| row.purpose == KeyPurpose::Tokens);
    if signs_tokens && !signs_any_tokens(leaf.name, key, &file.key, None, release, say) {
        return;
    }
    if leaf.row.is_some() {
        ed25519(file, say);
    }
    if let Some(profile) = profile
        && !profile.usages.is_empty()
        && Usage::written(&profile.usages, key).is_none()
    {
        let message = format!(
            "{} has an ML-DSA key, which only signs, and its profile has no usage of a key but to encipher or to agree on one: cfssl refuses it",
            leaf.csr_name
        );
        say.at(&file.key, codes::REFUSED_REQUEST, message)
            .hint("add \"signing\" to the usages of its profile");
        return;
    }
    let enciphers = profile.is_some_and(|profile| profile.usages.contains(&Usage::Key(KeyUsage::KeyEncipherment)));
    // What is built in is nobody's to correct.
    let built_in = leaf.csr.is_some_and(|csr| csr.built_in);
    if enciphers && !built_in && !matches!(key, Algorithm::Rsa(_)) {
        let message = match key {
            Algorithm::MlDsa(_) => format!(
                "{} has an ML-DSA key, and \"key encipherment\" is left out of its certificate, as cfssl does",
                leaf.name
            ),
            _ => format!(
                "{} has no RSA key, and its certificate says that it enciphers keys",
                leaf.name
            ),
        };
        say.at(&file.key, codes::KEY_ENCIPHERMENT, message);
    }
}

fn ed25519(file: &RequestFile, say: &Reporter) {
    if file.request.key == Algorithm::Ed25519 && !file.broken.contains("key") {
        let message = "an Ed25519 key is refused by some who must accept it";
        say.at(&file.key, codes::ED25519_IDENTITY, message);
    }
}

/// A certificate of the user's own that makes its bearer an administrator whom RBAC can't take anything from.
pub fn own_masters(leaves: &[Leaf<'_>], say: &Reporter) {
    for leaf in leaves.iter().filter(|leaf| leaf.is_own()) {
        let Some(file) = leaf.request() else { continue };
        let (_, organizations) = user_and_groups(&file.request);
        if !file.broken.contains("names") && organizations.iter().any(|group| group == MASTERS) {
            let message = format!("{} is a member of {MASTERS}", leaf.name);
            say.at(&file.names, codes::EXTRA_MASTERS, message);
        }
    }
}

/// A server of the user's own that nobody can call by any name (RFC 9525, section 6; Go has not read CN for it since 1.15).
pub fn own_servers(draft: &Draft, leaves: &[Leaf<'_>], say: &Reporter) {
    let is_reached_by = |host: &str| !host.is_empty() && !matches!(San::classify(host), San::Email(_));
    for leaf in leaves.iter().filter(|leaf| leaf.is_own() && !leaf.is_authority()) {
        let (Some(file), Some(profile)) = (leaf.request(), leaf.profile) else {
            continue;
        };
        let own = draft.certificate(leaf.name);
        let has_names = file.request.hosts.iter().any(|host| is_reached_by(host))
            || own.is_none_or(|own| own.hosts.iter().any(|host| is_reached_by(&host.value)));
        if serves(&profile.file.profile) && !has_names && !file.broken.contains("hosts") {
            let message = format!("{} may be a server's, and has no name and no address", leaf.name);
            let hint = format!(
                "add \"hosts\", or give it a profile without \"server auth\" in place of \"{}\"",
                profile.name
            );
            say.at(&file.cn, codes::NAMELESS_SERVER, message).hint(hint);
        }
    }
}

/// Key pairs without a certificate: nothing but the key of their CSR files counts.
pub fn key_pairs(folder: &Folder, release: Option<&Release>, say: &Reporter) {
    for row in folder
        .layout
        .identities()
        .iter()
        .filter(|row| row.signed_by == SignedBy::Nobody)
    {
        let Some(file) = folder.request(row.csr) else { continue };
        if !file.broken.contains("key") {
            signs_any_tokens(row.name, file.request.key, &file.key, None, release, say);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_filled_in_is_found_and_nothing_else() {
        for (text, part) in [
            ("${TEAM}", "${TEAM}"),
            ("Kubernetes $(hostname) CA", "$(hostname)"),
            ("US$ of $TEAM", "$TEAM"),
            ("${} ${TEAM}", "${TEAM}"),
            ("{{ team }}", "{{ team }}"),
            ("<> <TEAM>", "<TEAM>"),
            ("ä<Größe>", ""),
            ("ä <Größe>", "<Größe>"),
            ("__TEAM__", "__TEAM__"),
        ] {
            assert_eq!(placeholder(text).unwrap_or_default(), part, "{text}");
        }
        for text in [
            "Bob <bob@example.org>",
            "a < b > c",
            "I <3 U -> you",
            "C:\\$Recycle",
            "A$AP",
            "x__init__",
            "A__B__C",
            "100 $",
            "${",
            "<>",
            "__",
            "____",
            "system:node:WORKER_HOST",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
