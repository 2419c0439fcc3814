//! Those who sign: what they are to what they sign, and whether their names, keys and path lengths suffice.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::identity::Identity;
use crate::cluster::Generation;
use crate::diagnostic::{Reporter, codes};
use crate::pki::cfssl::leaf_validity;
use crate::pki::key::{Algorithm, Curve, MlDsa};
use crate::pki::x509::is_same_name;

use super::authority::Existing;
use super::cfssl::RequestFile;
use super::cfssl::config::ProfileFile;
use super::csr_folder::{Csr, Folder};
use super::draft::{Draft, DraftCertificate};
use super::generations;
use super::profiles::path_length;
use super::requests::subject;
use super::signed::{Issuer, Leaf, Signs, own};
use super::validity::{existing_validity, is_set, moment, root_validity, shorter_or_longer};
use super::{authorities_issued, brought, brought_keys};

/// An authority of the cluster, the one that is there already or the one to be made.
pub fn issuer(row: &Identity, draft: &Draft, folder: &Folder, say: &Reporter) -> Issuer {
    let issued = draft.pki.issued.as_ref().map(|issued| issued.value);
    let own_date = authorities_issued::of(draft, row.name);
    if let Some(existing) = folder
        .brought
        .get(&(row.name.to_owned(), generations::of_shared_key(draft, row.name).used))
    {
        let certificate = existing.ca.as_ref().map(|ca| &ca.certificate);
        return Issuer {
            subject: certificate.map(|certificate| certificate.subject.clone()),
            key: certificate.map(|certificate| certificate.public.algorithm),
            validity: certificate
                .and_then(|certificate| existing_validity(certificate.validity, issued?, existing.place.as_ref(), say)),
            path_length: certificate.and_then(|certificate| certificate.path_length),
            name: None,
            place: existing.place.clone(),
        };
    }
    let file = folder.request(row.csr);
    let ca = file.and_then(|file| file.request.ca.as_ref());
    Issuer {
        subject: file.and_then(subject),
        key: file
            .filter(|file| !file.broken.contains("key"))
            .map(|file| file.request.key),
        validity: file.and_then(|file| root_validity(file, issued?, own_date.as_ref(), say)),
        path_length: ca.filter(|ca| ca.pathlen != 0 || ca.pathlenzero).map(|ca| ca.pathlen),
        name: None,
        place: own_date.and_then(|date| date.place),
    }
}

/// What it is to those that it signs.
pub fn as_issuer(leaf: &Leaf<'_>, draft: &Draft) -> Option<Issuer> {
    let issued = draft.pki.issued.as_ref().map(|issued| issued.value);
    let file = leaf.request()?;
    let profile = leaf.profile?;
    Some(Issuer {
        subject: subject(file),
        key: Some(file.request.key).filter(|_| !file.broken.contains("key")),
        validity: issued
            .filter(|_| is_set(profile.file))
            .map(|issued| leaf_validity(&profile.file.profile, issued)),
        path_length: path_length(&profile.file.profile),
        name: Some(leaf.name.to_owned()),
        place: None,
    })
}

/// Authorities are told apart by their names: whoever builds a chain takes the first issuer of the right one.
pub fn same_names(folder: &Folder, authorities: &BTreeMap<&str, Issuer>, say: &Reporter) {
    let rows: Vec<&Identity> = folder.layout.identities().iter().filter(|row| row.signs()).collect();
    let subject_of = |row: &Identity| authorities.get(row.name).and_then(|issuer| issuer.subject.as_deref());
    for (at, row) in rows.iter().enumerate() {
        let twin = rows[..at]
            .iter()
            .find(|other| match (subject_of(other), subject_of(row)) {
                (Some(one), Some(other)) => is_same_name(one, other),
                _ => false,
            });
        if let Some(other) = twin {
            let message = format!("{} has the subject of {}", row.name, other.name);
            let of_request = folder.request(row.csr).map(|file| &file.cn);
            let brought = authorities.get(row.name).and_then(|issuer| issuer.place.as_ref());
            say.at(of_request.or(brought), codes::AUTHORITIES_ALIKE, message);
        }
    }
}

/// Authorities that are brought to take another's place: what would be found when they sign is told before anybody trusts them.
pub fn brought_successors(draft: &Draft, folder: &Folder, leaves: &[Leaf<'_>], say: &Reporter) {
    let Some(issued) = draft.pki.issued.as_ref().map(|issued| issued.value) else {
        return;
    };
    let certificate = |existing: &Existing| existing.ca.as_ref().map(|ca| ca.certificate.clone());
    for ((name, generation), existing) in &folder.brought {
        let Some(own) = certificate(existing) else { continue };
        let place = existing.place.as_ref();
        let others = folder
            .brought
            .iter()
            .filter(|(of, _)| **of < (name.clone(), *generation));
        for ((other, other_generation), existing) in others {
            let Some(other_own) = certificate(existing) else {
                continue;
            };
            let is_twin = own.public == other_own.public;
            // Of those that sign now, all are held against each other.
            let both_sign = generations::of_shared_key(draft, name).used == *generation
                && generations::of_shared_key(draft, other).used == *other_generation;
            let is_namesake = name != other && !both_sign && is_same_name(&own.subject, &other_own.subject);
            let of = match other_generation.number() {
                1 => format!("`{other}`"),
                number => format!("`{other}@{number}`"),
            };
            if is_twin {
                let message =
                    format!("it has the key of {of}: nothing that one signed is refused where this one is trusted");
                say.at(place, codes::BAD_BROUGHT_AUTHORITY, message)
                    .hint("bring one with a key of its own");
            } else if is_namesake {
                let message = format!("{name} has the subject of {of}");
                say.at(place, codes::AUTHORITIES_ALIKE, message);
            }
        }
        if *generation <= generations::of_shared_key(draft, name).used {
            continue;
        }
        let Some(validity) = existing_validity(own.validity, issued, place, say) else {
            continue;
        };
        let signed = leaves
            .iter()
            .filter(|leaf| matches!(leaf.issuer, Some(Signs::Authority(by)) if by == name));
        let profiles = signed
            .filter_map(|leaf| leaf.profile)
            .filter(|profile| is_set(profile.file));
        let ends = profiles.map(|profile| (leaf_validity(&profile.file.profile, issued).not_after, profile.file));
        let last = ends.max_by_key(|(end, _)| *end);
        if let Some((last, file)) = last.filter(|(last, _)| *last > validity.not_after) {
            let message = format!(
                "what it is to sign ends at {}, after it, which ends at {}",
                moment(last),
                moment(validity.not_after)
            );
            say.at(place, codes::LEAF_OUTLIVES_CA, message)
                .hint(shorter_or_longer(file));
        }
    }
}

/// Whether each authority has, under every one above it, no more authorities between than that one's path length permits.
pub fn path_lengths(draft: &Draft, leaves: &[Leaf<'_>], ca: Option<&Issuer>, say: &Reporter) {
    for leaf in leaves.iter().filter(|leaf| leaf.is_own() && leaf.is_authority()) {
        let mut above = leaf.issuer;
        // How many authorities a leaf below this one has under the one above.
        for count in 1.. {
            let (limit, who, next) = match above {
                None => break,
                Some(Signs::Authority(name)) => (ca.and_then(|ca| ca.path_length), name, None),
                Some(Signs::Extra(_, name)) => {
                    let Some(other) = own(leaves, name) else { break };
                    let limit = other.profile.and_then(|profile| path_length(&profile.file.profile));
                    (limit, name, other.issuer)
                }
            };
            if let Some(limit) = limit.filter(|limit| *limit < count) {
                let message = format!(
                    "`{}` is an authority, and the path length of `{who}` is {limit}: with it there would be {count} below",
                    leaf.name
                );
                let signed_by = |own: &DraftCertificate| own.signed_by.as_ref()?.place.clone();
                let place = draft
                    .certificate(leaf.name)
                    .map(|own| signed_by(own).unwrap_or_else(|| own.place.clone()));
                say.at(place, codes::PATH_TOO_LONG, message);
            }
            above = next;
        }
    }
}

/// An issuer has a name (RFC 5280, section 4.1.2.4).
pub fn nameless_authorities(folder: &Folder, leaves: &[Leaf<'_>], say: &Reporter) {
    const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
    for existing in folder.brought.values() {
        let certificate = existing.ca.as_ref().map(|ca| &ca.certificate);
        if certificate.is_some_and(|certificate| certificate.subject == EMPTY_NAME) {
            let message = "the authority has no subject, and nothing that it signs would be accepted";
            say.at(&existing.place, codes::EMPTY_SUBJECT, message);
        }
    }
    for leaf in leaves.iter().filter(|leaf| leaf.is_own() && leaf.is_authority()) {
        let Some(file) = leaf.request() else { continue };
        if subject(file).is_some_and(|subject| subject == EMPTY_NAME) {
            let message = format!("`{}` is an authority without a subject", leaf.name);
            say.at(&file.cn, codes::EMPTY_SUBJECT, message);
        }
    }
}

/// What its key is called elsewhere.
fn key_name(leaf: &Leaf<'_>) -> String {
    match leaf.is_own() {
        true => brought_keys::name_of_own(leaf.name),
        false => leaf.name.to_owned(),
    }
}

/// Whether any key is made as the request says: where all are brought, none is.
pub fn has_keys_of_request(draft: &Draft, folder: &Folder, leaf: &Leaf<'_>) -> bool {
    let name = key_name(leaf);
    let brought = folder.brought_keys.as_ref();
    let brought = brought.map_or(0, |keys| brought_keys::used(draft, keys, &name).count());
    brought == 0 || brought < brought_keys::count(draft, &name)
}

/// Keys that are brought, against that of whoever vouches for them: each section once, however many hosts it is for.
pub fn brought_against_issuer(draft: &Draft, folder: &Folder, leaf: &Leaf<'_>, issuer: &Issuer, say: &Reporter) {
    let (Some(keys), Some(than)) = (&folder.brought_keys, issuer.key) else {
        return;
    };
    let name = key_name(leaf);
    let stronger = brought_keys::used(draft, keys, &name).filter(|(_, key)| is_stronger(key.public.algorithm, than));
    let generations: BTreeSet<Generation> = stronger.map(|(generation, _)| generation).collect();
    for generation in generations {
        let section = brought::of(draft, &name, generation).map(|(_, section)| section);
        let path = section.and_then(|section| section.certificate.as_ref());
        let message = format!(
            "the key that is brought for {} is stronger than the key of the authority that vouches for it",
            leaf.name
        );
        say.at(path.and_then(|path| path.place.as_ref()), codes::CA_KEY_WEAKER, message);
    }
}

/// Requests for keys that are stronger than that of the authority which vouches for them, by that authority.
#[derive(Default)]
pub struct StrongerRequests<'a>(BTreeMap<Signs<'a>, Vec<(&'a Leaf<'a>, &'a RequestFile)>>);

impl<'a> StrongerRequests<'a> {
    /// Notes what `leaf` asks for, if any key of it is made as its request says and is stronger.
    pub fn note(&mut self, leaf: &'a Leaf<'a>, csr: &Csr, file: &'a RequestFile, issuer: &Issuer, has_keys: bool) {
        let is_weaker = issuer.key.is_some_and(|key| is_stronger(file.request.key, key));
        if !has_keys || !is_weaker || csr.built_in || file.broken.contains("key") {
            return;
        }
        let Some(authority) = leaf.issuer else { return };
        let requests = self.0.entry(authority).or_default();
        if requests.iter().all(|(other, _)| other.csr_name != leaf.csr_name) {
            requests.push((leaf, file));
        }
    }

    /// Says it once of each authority: the cause is its key, however many requests there are.
    pub fn tell(self, say: &Reporter) {
        for requests in self.0.into_values() {
            let Some((leaf, file)) = requests.first() else { continue };
            let others = match requests.len() - 1 {
                0 => String::new(),
                1 => ", and so is the key of another".to_owned(),
                others => format!(", and so are the keys of {others} others"),
            };
            let message = format!(
                "the key of {} is stronger than the key of the authority that vouches for it{others}",
                leaf.name
            );
            say.at(&file.key, codes::CA_KEY_WEAKER, message);
        }
    }
}

pub fn against_issuer(name: &str, file: &RequestFile, issuer: &Issuer, say: &Reporter) {
    let same = match (subject(file), &issuer.subject) {
        (Some(own), Some(issuers)) => is_same_name(&own, issuers),
        _ => false,
    };
    if same {
        let message = format!("{name} has the subject of its authority");
        say.at(&file.cn, codes::LEAF_SUBJECT_IS_CA, message);
    }
}

/// Without `SignatureAlgorithm` in its whitelist cfssl leaves the choice to Go, which takes SHA-256 under any RSA key, where
/// cfssl's own table has SHA-384 and SHA-512 (`signer.DefaultSigAlgo`).
pub fn leaves_the_signature_to_go(profile: &ProfileFile, issuer: &Issuer) -> bool {
    let left_to_go = profile
        .profile
        .csr_whitelist
        .is_some_and(|whitelist| !whitelist.signature_algorithm);
    left_to_go && matches!(issuer.key, Some(Algorithm::Rsa(bits)) if bits.get() >= 3072)
}

pub fn signature_left_to_go(profile: &ProfileFile, say: &Reporter) {
    let message = "under an RSA authority of 3072 bits or more, a `CSRWhitelist` needs `SignatureAlgorithm`";
    say.at(&profile.place, codes::UNSUPPORTED_FIELD, message)
        .hint("add \"SignatureAlgorithm\": true");
}

/// Whether a key that others vouch for is stronger than theirs, against computers that are there or those that may come.
fn is_stronger(key: Algorithm, than: Algorithm) -> bool {
    let lasts = |key: Algorithm| matches!(key, Algorithm::MlDsa(_));
    strength(key) > strength(than) || lasts(key) && !lasts(than)
}

/// Bits of security (NIST SP 800-57 part 1, table 2, and FIPS 204, table 1), in the steps that matter here.
fn strength(key: Algorithm) -> u32 {
    match key {
        Algorithm::Rsa(bits) if bits.get() < 3072 => 112,
        Algorithm::Rsa(bits) if bits.get() < 7680 => 128,
        Algorithm::Rsa(_) | Algorithm::Ecdsa(Curve::P384) | Algorithm::MlDsa(MlDsa::MlDsa65) => 192,
        Algorithm::Ecdsa(Curve::P256) | Algorithm::Ed25519 | Algorithm::MlDsa(MlDsa::MlDsa44) => 128,
        Algorithm::Ecdsa(Curve::P521) | Algorithm::MlDsa(MlDsa::MlDsa87) => 256,
    }
}
