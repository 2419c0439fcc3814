//! Every certificate and every key that was found, each once, with all the places where it lies. A key is known by its public half.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::Evidence;
use crate::audit::document::Tree;
use crate::audit::login::{Login, kubeconfigs};
use crate::audit::view::View;
use crate::pki::inspect::{Certificate, Item, key_block};
use crate::pki::secret::SecretBytes;

/// A certificate, and where it lies.
#[derive(Clone, Debug)]
pub(super) struct FoundCertificate {
    pub certificate: Arc<Certificate>,
    /// The machine, the path and the place in words.
    pub at: Vec<Lying>,
}

/// Where something lies.
#[derive(Clone, Debug)]
pub(super) struct Lying {
    pub host: String,
    pub path: String,
    pub evidence: Evidence,
}

/// A key whose public half names it.
#[derive(Clone, Debug, Default)]
pub(super) struct FoundKey {
    /// The private key in PEM, by itself; none where only the public half is here.
    pub private: Option<SecretBytes>,
    pub private_at: Vec<Lying>,
    pub public_at: Vec<Lying>,
}

/// What can't be read.
#[derive(Clone, Debug)]
pub(super) struct UnreadableItem {
    pub path: String,
    pub evidence: Evidence,
    pub label: String,
    pub why: String,
}

/// What a file begins with that age has locked, and what its PEM is called (<https://age-encryption.org/v1>).
const AGE: &[u8] = b"age-encryption.org/";
const AGE_LABEL: &str = "AGE ENCRYPTED FILE";

impl UnreadableItem {
    pub(super) fn is_of_age(&self) -> bool {
        self.label == AGE_LABEL
    }

    /// Whether a private key may be in it.
    pub(super) fn may_be_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY") || self.is_of_age()
    }
}

/// A kubeconfig as whom it logs in, and where.
pub(super) struct FoundLogin<'v> {
    pub login: Login<'v>,
    pub cluster_name: Option<String>,
    pub evidence: Evidence,
    /// Whether it names files instead of having certificates in it.
    pub names_files: bool,
}

/// All of it.
pub(super) struct Material<'v> {
    /// By fingerprint.
    pub certificates: BTreeMap<String, FoundCertificate>,
    /// By the public half.
    pub keys: BTreeMap<Vec<u8>, FoundKey>,
    pub logins: Vec<FoundLogin<'v>>,
    pub unreadable: Vec<UnreadableItem>,
}

impl<'v> Material<'v> {
    pub(super) fn of(view: &'v View<'v>) -> Material<'v> {
        let mut all = Material {
            certificates: BTreeMap::new(),
            keys: BTreeMap::new(),
            logins: Vec::new(),
            unreadable: Vec::new(),
        };
        for host in &view.hosts {
            for (path, items) in &host.pem {
                let lying = Lying {
                    host: host.name.to_owned(),
                    path: (*path).to_owned(),
                    evidence: Evidence::file(host, path),
                };
                let file = host.host.files.get(*path).map(|file| &file.content);
                for item in items.iter() {
                    all.add(item, &lying, file);
                }
            }
            let locked = host
                .host
                .files
                .iter()
                .filter(|(_, file)| file.content.expose().starts_with(AGE));
            all.unreadable.extend(locked.map(|(path, _)| UnreadableItem {
                path: path.clone(),
                evidence: Evidence::file(host, path),
                label: AGE_LABEL.to_owned(),
                why: "age has locked it".to_owned(),
            }));
            for (spot, config) in kubeconfigs(view, host) {
                let Ok(login) = Login::read(spot, config) else { continue };
                let lying = Lying {
                    host: host.name.to_owned(),
                    path: spot.path.to_owned(),
                    evidence: Evidence::file(host, spot.path),
                };
                for item in login.trusted.iter().chain(login.client.iter()) {
                    all.add(item, &lying, None);
                }
                all.logins.push(FoundLogin {
                    cluster_name: name_of_cluster(config),
                    names_files: login.user.text_at(&["client-certificate"]).is_some(),
                    evidence: lying.evidence,
                    login,
                });
            }
        }
        all
    }

    fn add(&mut self, item: &Item, lying: &Lying, file: Option<&SecretBytes>) {
        match item {
            Item::Certificate(certificate) => {
                let found = self
                    .certificates
                    .entry(certificate.fingerprint.clone())
                    .or_insert_with(|| FoundCertificate {
                        certificate: Arc::clone(certificate),
                        at: Vec::new(),
                    });
                found.at.push(lying.clone());
            }
            Item::PrivateKey(public) => {
                let key = self.keys.entry(public.clone()).or_default();
                if key.private.is_none() {
                    key.private = file.and_then(|file| key_block(file.expose(), public));
                }
                key.private_at.push(lying.clone());
            }
            Item::PublicKey(public) => {
                let key = self.keys.entry(public.clone()).or_default();
                key.public_at.push(lying.clone());
            }
            Item::Unreadable(label, why) => self.unreadable.push(UnreadableItem {
                path: lying.path.clone(),
                evidence: lying.evidence.clone(),
                label: label.clone(),
                why: match label.as_str() {
                    AGE_LABEL => "age has locked it".to_owned(),
                    _ => why.clone(),
                },
            }),
            Item::Request(_) | Item::Revocations => {}
        }
    }

    /// Every authority, those that end last first.
    pub(super) fn authorities(&self) -> Vec<&FoundCertificate> {
        let mut all: Vec<&FoundCertificate> = self
            .certificates
            .values()
            .filter(|one| one.certificate.authority)
            .collect();
        let place = |one: &FoundCertificate| one.at.first().map(|at| (at.host.clone(), at.path.clone()));
        all.sort_by_cached_key(|one| (std::cmp::Reverse(one.certificate.not_after), place(one)));
        all
    }

    /// Every certificate that is no authority's, by where it lies: what its key is decides nothing.
    pub(super) fn leaves(&self) -> Vec<&FoundCertificate> {
        let leaves = self.certificates.values().filter(|one| !one.certificate.authority);
        let mut leaves: Vec<&FoundCertificate> = leaves.collect();
        leaves.sort_by_key(|one| one.at.first().map(|at| (&at.host, &at.path)));
        leaves
    }

    /// The private key of a public half, where it is here.
    pub(super) fn private(&self, public: &[u8]) -> Option<&SecretBytes> {
        self.keys.get(public)?.private.as_ref()
    }
}

/// What a kubeconfig calls the cluster of its current context.
fn name_of_cluster(config: &Tree) -> Option<String> {
    let current = config.text_at(&["current-context"])?;
    let mut contexts = config.items_at(&["contexts"]).iter();
    let context = contexts.find(|context| context.text_at(&["name"]) == Some(current))?;
    context.text_at(&["context", "cluster"]).map(str::to_owned)
}

/// An authority, or a key of tokens, that is trusted beside the one that signs.
#[derive(Clone, Debug)]
pub(super) struct TrustedBeside {
    /// The SubjectPublicKeyInfo.
    pub public: Vec<u8>,
    /// None for a key of tokens, and where it is not here.
    pub certificate: Option<Arc<Certificate>>,
    pub key: Option<SecretBytes>,
    pub by: Vec<Evidence>,
    /// Whether it is trusted wherever the one that signs is: else to trust it everywhere would be to give it more than it has.
    pub everywhere: bool,
}
