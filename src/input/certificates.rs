//! Whether the CSR files and the profiles make certificates that Kubernetes and etcd accept.
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::diagnostic::Reporter;

use super::csr_folder::Folder;
use super::draft::Draft;
use super::issuers::{
    StrongerRequests, against_issuer, as_issuer, brought_against_issuer, brought_successors, has_keys_of_request,
    issuer, leaves_the_signature_to_go, nameless_authorities, path_lengths, same_names, signature_left_to_go,
};
use super::profile_fits::{profile_fits, withheld_usages};
use super::profiles::{Profiles, profiles};
use super::requests::{authority, check_leaf, key_pairs, own_hosts, own_masters, own_servers, refusal, subject_texts};
use super::signed::{Issuer, Leaf, Signs, in_use, leaves};
use super::validity::validity;

/// Everything that can be wrong with the certificates. Gives the profiles that sign them.
pub fn check<'a>(draft: &'a Draft, folder: &'a Folder, say: &Reporter) -> Profiles<'a> {
    let profiles = profiles(draft, folder, say);
    let leaves = leaves(draft, folder, &profiles, say);
    own_hosts(draft, &profiles, say);
    for profile in in_use(&leaves) {
        profile_fits(profile, &leaves, say);
    }
    let mut authorities = BTreeMap::new();
    for row in folder.layout.identities().iter().filter(|row| row.signs()) {
        let csr = folder.csrs.get(row.csr);
        authorities.insert(row.name, issuer(row, draft, folder, say));
        if let Some((csr, file)) = csr.and_then(|csr| Some((csr, csr.read.as_ref()?))) {
            let before = say.len();
            authority(file, say);
            if !csr.broken && !say.has_error_since(before) {
                refusal(row.csr, file, None, say);
            }
        }
    }
    same_names(folder, &authorities, say);
    key_pairs(folder, draft.known_release(), say);
    let issuers: Vec<Option<Issuer>> = leaves.iter().map(|leaf| as_issuer(leaf, draft)).collect();
    let issuer_of = |leaf: &Leaf<'_>| match leaf.issuer? {
        Signs::Authority(name) => authorities.get(name),
        Signs::Extra(_, name) => {
            let index = leaves.iter().position(|other| other.is_own() && other.name == name)?;
            issuers.get(index)?.as_ref()
        }
    };
    // A profile stands once in ca-config.json, however many certificates it signs.
    let mut told = BTreeSet::new();
    let mut read = BTreeSet::new();
    let mut stronger = StrongerRequests::default();
    for leaf in &leaves {
        let Some((csr, file)) = leaf.csr.and_then(|csr| Some((csr, csr.read.as_ref()?))) else {
            continue;
        };
        // One request may be of several certificates.
        if read.insert(leaf.csr_name) {
            subject_texts(file, say);
        }
        let before = say.len();
        check_leaf(leaf, file, draft.known_release(), say);
        if !csr.broken && !say.has_error_since(before) {
            let profile = leaf.profile.map(|profile| &profile.file.profile);
            if profile.is_some() {
                refusal(leaf.csr_name, file, profile, say);
            }
        }
        if let Some(issuer) = issuer_of(leaf) {
            against_issuer(leaf.name, file, issuer, say);
            stronger.note(leaf, csr, file, issuer, has_keys_of_request(draft, folder, leaf));
            if let Some(profile) = &leaf.profile
                && leaves_the_signature_to_go(profile.file, issuer)
                && told.insert(profile.file.place.span.start)
            {
                signature_left_to_go(profile.file, say);
            }
        }
    }
    stronger.tell(say);
    for leaf in &leaves {
        if let Some(issuer) = issuer_of(leaf) {
            brought_against_issuer(draft, folder, leaf, issuer, say);
        }
    }
    validity(draft, &leaves, issuer_of, say);
    path_lengths(draft, &leaves, authorities.get(CLUSTER_AUTHORITY), say);
    withheld_usages(draft, &leaves, say);
    nameless_authorities(folder, &leaves, say);
    brought_successors(draft, folder, &leaves, say);
    own_masters(&leaves, say);
    own_servers(draft, &leaves, say);
    profiles
}
