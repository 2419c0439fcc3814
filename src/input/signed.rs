//! Everything that an authority signs, by whom, and what is known of those who sign.
use std::collections::BTreeMap;

use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, SignedBy};
use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::cfssl::{KeyUsage, Usage, Validity};
use crate::pki::key::Algorithm;

use super::cfssl::RequestFile;
use super::csr_folder::{Csr, Folder};
use super::draft::Draft;
use super::profiles::{Chosen, Profiles};

/// A certificate that another signs, and what is known about it.
pub struct Leaf<'a> {
    pub name: &'a str,
    /// None for one of the user's own.
    pub row: Option<&'static Identity>,
    pub csr_name: &'a str,
    pub csr: Option<&'a Csr>,
    pub profile: Option<Chosen<'a>>,
    /// None if it is not known, which has been reported.
    pub issuer: Option<Signs<'a>>,
}

impl Leaf<'_> {
    /// What its CSR file asks for, if it can be read.
    pub fn request(&self) -> Option<&RequestFile> {
        self.csr?.read.as_ref()
    }

    /// Whether it is one of the user's own.
    pub fn is_own(&self) -> bool {
        self.row.is_none()
    }

    /// Whether its profile makes an authority of it.
    pub fn is_authority(&self) -> bool {
        self.profile
            .is_some_and(|profile| profile.file.profile.ca_constraint.is_ca)
    }
}

/// The user's own certificate of this name.
pub fn own<'a, 'b>(leaves: &'b [Leaf<'a>], name: &str) -> Option<&'b Leaf<'a>> {
    leaves.iter().find(|leaf| leaf.is_own() && leaf.name == name)
}

/// Who signs: an authority of the cluster by its name, or a certificate of the user's own by its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signs<'a> {
    Authority(&'static str),
    Extra(usize, &'a str),
}

/// Who signs, as far as it is known before anything is signed; what is none has been reported.
pub struct Issuer {
    /// The DER of its Name.
    pub subject: Option<Vec<u8>>,
    pub key: Option<Algorithm>,
    pub validity: Option<Validity>,
    pub path_length: Option<u32>,
    /// Its name, where it is one of the user's own certificates.
    pub name: Option<String>,
    /// Where it is named, when it is not made here.
    pub place: Option<Place>,
}

/// Everything that an authority signs.
pub fn leaves<'a>(draft: &'a Draft, folder: &'a Folder, profiles: &Profiles<'a>, say: &Reporter) -> Vec<Leaf<'a>> {
    let mut leaves: Vec<Leaf<'a>> = Vec::new();
    for row in folder.layout.identities() {
        let SignedBy::Authority(authority) = row.signed_by else {
            continue;
        };
        leaves.push(Leaf {
            name: row.name,
            row: Some(row),
            csr_name: row.csr,
            csr: folder.csrs.get(row.csr),
            profile: profiles.of(row.name),
            issuer: Some(Signs::Authority(authority)),
        });
    }
    let issuers = issuers_of_extra(draft, profiles, say);
    for (extra, issuer) in draft.certificates.iter().zip(issuers) {
        let (Some(name), Some(csr)) = (&extra.name, &extra.csr) else {
            continue;
        };
        let named_so = folder.csrs.get(&csr.value);
        let profile = profiles.of(&name.value);
        leaves.push(Leaf {
            name: &name.value,
            row: None,
            csr_name: &csr.value,
            csr: named_so.filter(|csr| !csr.built_in),
            profile,
            issuer,
        });
    }
    leaves
}

/// Who signs each of the user's own certificates, once no chain of them is without an end.
fn issuers_of_extra<'a>(draft: &'a Draft, profiles: &Profiles<'a>, say: &Reporter) -> Vec<Option<Signs<'a>>> {
    let name_of = |index: usize| Some(draft.certificates.get(index)?.name.as_ref()?.value.as_str());
    let mut by_name = BTreeMap::new();
    for (index, name) in (0..draft.certificates.len()).filter_map(|index| Some((index, name_of(index)?))) {
        by_name.entry(name).or_insert(index);
    }
    let find = |name: &str| by_name.get(name).copied();
    let signer = |index: usize| Some(draft.certificates.get(index)?.signed_by.as_ref()?.value.as_str());
    let mut issuers = Vec::new();
    for (index, certificate) in draft.certificates.iter().enumerate() {
        let Some(by) = &certificate.signed_by else {
            issuers.push(None);
            continue;
        };
        let root = by.value == CLUSTER_AUTHORITY;
        let Some(found) = find(&by.value).filter(|_| !root) else {
            let extra = (0..draft.certificates.len()).filter_map(name_of);
            let known: Vec<&str> = [CLUSTER_AUTHORITY].into_iter().chain(extra).collect();
            if !root {
                let message = format!("there is no authority `{}`", by.value);
                say.at(by, codes::UNKNOWN_CERTIFICATE, message).meant_or(
                    &by.value,
                    known,
                    "only `ca` and certificates of [[certificates]] sign",
                );
            }
            issuers.push(root.then_some(Signs::Authority(CLUSTER_AUTHORITY)));
            continue;
        };
        // Each step goes to another certificate, or the chain has come back to one it has seen.
        let chain = std::iter::successors(Some(found), |at| find(signer(*at)?));
        let steps: Vec<usize> = chain.take(draft.certificates.len() + 1).collect();
        if steps.contains(&index) {
            let message = format!("`{}` signs what it is itself signed by", by.value);
            say.at(&by.place, codes::SIGNING_CYCLE, message);
            issuers.push(None);
            continue;
        }
        if steps.len() > draft.certificates.len() {
            // It hangs on a cycle of others, which is told there.
            issuers.push(None);
            continue;
        }
        let profile = profiles.of(&by.value);
        let signs = profile.is_none_or(|profile| {
            let profile = &profile.file.profile;
            profile.ca_constraint.is_ca && profile.usages.contains(&Usage::Key(KeyUsage::CertSign))
        });
        if let (false, Some(profile)) = (signs, profile) {
            let message = format!(
                "`{}` may not sign: its profile \"{}\" makes no authority of it",
                by.value, profile.name
            );
            let hint = "give it a profile with \"ca_constraint\": {\"is_ca\": true} and the usage \"cert sign\"";
            say.at(&by.place, codes::NOT_A_CA, message).hint(hint);
        }
        issuers.push(Some(Signs::Extra(found, &by.value)));
    }
    issuers
}

/// The profiles that sign something, each once, in the order of what they sign.
pub fn in_use<'a>(leaves: &[Leaf<'a>]) -> Vec<Chosen<'a>> {
    let mut used: Vec<Chosen<'a>> = Vec::new();
    for profile in leaves.iter().filter_map(|leaf| leaf.profile) {
        if !used.iter().any(|known| known.name == profile.name) {
            used.push(profile);
        }
    }
    used
}
