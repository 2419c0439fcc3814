//! Plan + seed -> Vault: the keys, certificates and secrets of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::cluster::{Cluster, ENCRYPTION, ExistingEncryptionKey, Generation, derived_key_name};
use crate::pki::authority::AuthorityCertificate;
use crate::pki::cfssl::{self, Authority, Request};
use crate::pki::derivation::{Purpose, Seed};
use crate::pki::key::{Algorithm, Curve, KeyPair};
use crate::pki::secret::SecretBytes;
use crate::pki::x509;
use crate::plan::{CertificateFrom, KeyFrom, KeyId, Plan, PlannedCertificate};

/// A key with its certificate and its request, in PEM. Behind a certificate that was signed elsewhere stand those that lead from it to
/// the root.
#[derive(Clone, Debug)]
pub struct Issued {
    /// None for a key pair that nobody signs.
    pub certificate: Option<Arc<[u8]>>,
    /// The private key; none of an authority that signs elsewhere.
    pub key: Option<Arc<SecretBytes>>,
    /// The public half of the key (SubjectPublicKeyInfo, RFC 5280). None where all is proven, a certificate among it.
    pub public_key: Option<Arc<[u8]>>,
    /// None for an authority that was there already, and where no host gets it.
    pub request: Option<Arc<[u8]>>,
}

/// What is there already of a certificate, in PEM: each part proven to be the very bytes that would be made.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    /// The certificate.
    pub certificate: Option<Arc<[u8]>>,
    /// The private key.
    pub key: Option<Arc<SecretBytes>>,
    /// The request.
    pub request: Option<Arc<[u8]>>,
}

/// Everything secret, and the certificates.
#[derive(Debug)]
pub struct Vault<'a> {
    /// The keys and certificates.
    pub issued: BTreeMap<KeyId<'a>, Issued>,
    /// The keys of the encryption configuration, in base64: 32 bytes each, or of those that were brought what they have.
    pub encryption: BTreeMap<Generation, Arc<SecretBytes>>,
}

/// Why a certificate could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate of {id} can't be made: {reason}")]
pub struct IssueError {
    /// Which one: its [`KeyId`], as text.
    pub id: String,
    /// Why, in words.
    pub reason: String,
}

impl IssueError {
    /// Of the certificate of `id`.
    pub(crate) fn of(id: KeyId<'_>, reason: impl ToString) -> IssueError {
        error(id, reason)
    }
}

/// The key of `id` that comes from a seed.
///
/// Errors: chance, which makes a key of RSA out of nearly every seed.
pub(crate) fn derived_key(
    cluster: &Cluster,
    seed: &Seed,
    id: KeyId<'_>,
    algorithm: Algorithm,
) -> Result<KeyPair, IssueError> {
    let purpose = Purpose::KeyPair {
        name: &id.name(),
        algorithm,
    };
    let bytes = seed.derive(&cluster.name, &purpose, id.generation.number());
    KeyPair::from_seed(algorithm, &bytes).map_err(|reason| error(id, reason))
}

/// What is to be issued, and with what.
pub struct Issuing<'i, 'a> {
    /// What is to be made.
    pub plan: &'i Plan<'a>,
    /// What every key comes from.
    pub seed: &'i Seed,
    /// What alone is made, those who sign it included; none is all.
    pub needed: Option<&'i BTreeSet<KeyId<'a>>>,
    /// Where the key of an authority is elsewhere, one of the same algorithm signs in its place, derived from this seed.
    /// Nothing of it may go to a host: it is for comparing what does not depend on the key. The authority's certificate and
    /// public key stay as they are.
    pub stand_in: Option<&'i Seed>,
    /// What needs not be made.
    pub proven: &'i (dyn Fn(&PlannedCertificate<'a>) -> Proven + Sync),
    /// Is called for each certificate, from any thread.
    pub made: &'i (dyn Fn() + Sync),
}

impl<'i, 'a> Issuing<'i, 'a> {
    /// Everything, from nothing.
    pub fn new(plan: &'i Plan<'a>, seed: &'i Seed) -> Self {
        Issuing {
            plan,
            seed,
            needed: None,
            stand_in: None,
            proven: &|_| Proven::default(),
            made: &|| {},
        }
    }

    /// Derives the keys and signs the certificates. The result does not depend on the number of threads.
    pub fn issue(self) -> Result<Vault<'a>, IssueError> {
        let is_needed =
            |certificate: &&PlannedCertificate<'a>| self.needed.is_none_or(|needed| needed.contains(&certificate.id));
        let certificates: Vec<&PlannedCertificate<'a>> = self.plan.certificates.iter().filter(is_needed).collect();
        let with_proven = certificates
            .into_par_iter()
            .map(|certificate| (certificate, (self.proven)(certificate)));
        let certificates: Vec<(&PlannedCertificate<'a>, Proven)> = with_proven.collect();
        let signers = self.signers(&certificates)?;
        // Any other key is needed for its own certificate and in PEM, and then no more.
        let issued = certificates.into_par_iter().map(|(certificate, proven)| {
            let issued = match self.all_proven(certificate, &proven) {
                Some(issued) => issued,
                None => self.one(certificate, proven, &signers)?,
            };
            (self.made)();
            Ok((certificate.id, issued))
        });
        let generations = self.plan.cluster.encryption.generations.all();
        let encryption = generations.map(|generation| Ok((generation, self.encryption_key(generation)?)));
        Ok(Vault {
            issued: issued.collect::<Result<_, IssueError>>()?,
            encryption: encryption.collect::<Result<_, IssueError>>()?,
        })
    }

    /// The key of the encryption configuration of a generation, in base64.
    fn encryption_key(&self, generation: Generation) -> Result<Arc<SecretBytes>, IssueError> {
        let cluster = self.plan.cluster;
        let derived = |seed| Ok(Arc::new(derived_encryption_key(cluster, seed, generation)));
        match (cluster.encryption.brought(generation), self.stand_in) {
            (None, _) => derived(self.seed),
            (
                Some(ExistingEncryptionKey {
                    secret: Some(secret), ..
                }),
                _,
            ) => Ok(secret.clone()),
            (Some(_), Some(stand_in)) => derived(stand_in),
            (Some(brought), None) => Err(IssueError {
                id: format!("{ENCRYPTION}, {},", brought.name),
                reason: "its key was not read".to_owned(),
            }),
        }
    }

    /// Those that have to sign others, of which there are few.
    fn signers(&self, certificates: &[(&PlannedCertificate<'a>, Proven)]) -> Result<Signers<'a>, IssueError> {
        // Issuers come before what they sign: from the end, so that an issuer's own issuer is found too.
        let unsigned = certificates
            .iter()
            .rev()
            .filter(|(certificate, proven)| proven.certificate.is_none() && !is_answered(certificate));
        let signing: BTreeSet<KeyId<'a>> = unsigned.filter_map(|(certificate, _)| certificate.issuer()).collect();
        let signing = certificates
            .iter()
            .filter(|(certificate, _)| signing.contains(&certificate.id));
        let with_keys = signing
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(certificate, proven)| Ok((*certificate, proven, self.key_of(certificate, proven)?)))
            .collect::<Result<Vec<_>, IssueError>>()?;
        let mut signers = Signers::new();
        for (certificate, proven, key) in with_keys {
            let read = proven
                .certificate
                .as_ref()
                .and_then(|pem| AuthorityCertificate::from_pem(pem).ok());
            let der = match (read, &certificate.from) {
                // Who signs in the place of an authority that is there already signs as if it were that one.
                (_, CertificateFrom::File(existing)) if existing.public != *key.public() => existing
                    .with_key(key.public())
                    .map_err(|reason| error(certificate.id, reason))?,
                (Some(authority), _) => authority.der().to_vec(),
                (None, _) => self
                    .sign(certificate, &key, &signers)?
                    .ok_or_else(|| error(certificate.id, "it has no certificate"))?,
            };
            signers.insert(certificate.id, Signer { key, certificate: der });
        }
        Ok(signers)
    }

    /// What is issued where nothing is left to make.
    fn all_proven(&self, certificate: &PlannedCertificate<'a>, proven: &Proven) -> Option<Issued> {
        let key = proven.key.clone()?;
        let wants_request = certificate.request().is_some() && self.plan.places_request(certificate);
        // A key that nobody signs is verified with its public half, which is made of it.
        let lacks = proven.certificate.is_none() || wants_request && proven.request.is_none();
        (!lacks).then(|| Issued {
            certificate: proven.certificate.clone(),
            key: Some(key),
            public_key: None,
            request: proven.request.clone(),
        })
    }

    /// What `proven` has not of a certificate, made.
    fn one(
        &self,
        certificate: &PlannedCertificate<'a>,
        proven: Proven,
        signers: &Signers<'a>,
    ) -> Result<Issued, IssueError> {
        if let (CertificateFrom::File(existing), KeyFrom::Kept) = (&certificate.from, certificate.key) {
            return Ok(Issued {
                certificate: Some(pem("CERTIFICATE", existing.der())),
                key: None,
                public_key: Some(pem("PUBLIC KEY", &existing.public.spki_der())),
                request: None,
            });
        }
        let signer = signers.get(&certificate.id);
        let own = match signer {
            Some(signer) => signer.key.clone(),
            None => self.key_of(certificate, &proven)?,
        };
        let (der, public) = match (&certificate.from, signer) {
            // Whoever signed in its place: its own is what lies on hosts.
            (CertificateFrom::File(existing), _) => (Some(existing.der().to_vec()), &existing.public),
            (_, Some(signer)) => (Some(signer.certificate.clone()), own.public()),
            _ if proven.certificate.is_some() => (None, certificate.public(&own)),
            _ => (self.sign(certificate, &own, signers)?, certificate.public(&own)),
        };
        let request = match (certificate.request(), proven.request) {
            (Some(request), None) if self.plan.places_request(certificate) => {
                let der = cfssl::signing_request(request, &own).map_err(|reason| error(certificate.id, reason))?;
                Some(pem("CERTIFICATE REQUEST", &der))
            }
            (_, proven) => proven,
        };
        // What leads from a certificate that was signed elsewhere to the root is shown with it.
        let above = match &certificate.from {
            CertificateFrom::SignedElsewhere {
                answer: Some(answer), ..
            } => answer.chain.get(1..).unwrap_or_default(),
            _ => &[],
        };
        let pems = |der: Vec<u8>| -> Arc<[u8]> {
            let pems = std::iter::once(&der)
                .chain(above)
                .map(|der| x509::to_pem("CERTIFICATE", der));
            pems.collect::<String>().into_bytes().into()
        };
        Ok(Issued {
            certificate: der.map(pems).or(proven.certificate),
            // An authority that signs elsewhere has none here, whoever stands in for it.
            key: certificate.has_key().then(|| Arc::new(own.to_pem())),
            public_key: Some(pem("PUBLIC KEY", &public.spki_der())),
            request,
        })
    }

    /// The DER of the certificate of the key `own`; none for a key pair.
    fn sign(
        &self,
        certificate: &PlannedCertificate<'a>,
        own: &KeyPair,
        signers: &Signers<'a>,
    ) -> Result<Option<Vec<u8>>, IssueError> {
        let issued = self.plan.cluster.pki.issued;
        let der = match &certificate.from {
            CertificateFrom::Nobody => return Ok(None),
            CertificateFrom::SignedElsewhere {
                answer: Some(answer), ..
            } => {
                return Ok(answer.chain.first().cloned());
            }
            CertificateFrom::Elsewhere => cfssl::root(&stand_in_request(&certificate.id), own, issued),
            CertificateFrom::File(existing) => Ok(existing.der().to_vec()),
            CertificateFrom::Itself { request, issued } => cfssl::root(request, own, *issued),
            CertificateFrom::SignedBy {
                request,
                issuer,
                profile,
            }
            | CertificateFrom::SignedElsewhere {
                request,
                issuer,
                profile,
                answer: None,
            } => {
                let signer = signers.get(issuer);
                let signer = signer.ok_or_else(|| error(certificate.id, "its issuer has no certificate"))?;
                let authority = Authority {
                    certificate: &signer.certificate,
                    key: &signer.key,
                };
                cfssl::leaf(request, certificate.public(own), profile, &authority, issued)
            }
        };
        der.map(Some).map_err(|reason| error(certificate.id, reason))
    }

    fn key_of(&self, certificate: &PlannedCertificate<'a>, proven: &Proven) -> Result<Arc<KeyPair>, IssueError> {
        let derived = |seed: &Seed, algorithm: Algorithm| {
            derived_key(self.plan.cluster, seed, certificate.id, algorithm).map(Arc::new)
        };
        let read = proven.key.as_ref().and_then(|pem| KeyPair::from_pem(pem.expose()).ok());
        match (read, certificate.key, self.stand_in) {
            (Some(key), _, _) => Ok(Arc::new(key)),
            (None, KeyFrom::Seed(algorithm), _) => derived(self.seed, algorithm),
            (None, KeyFrom::File(key), _) => Ok(key.clone()),
            (None, KeyFrom::Elsewhere(public), Some(stand_in)) => derived(stand_in, public.algorithm),
            (None, KeyFrom::Kept, Some(stand_in)) => derived(stand_in, Algorithm::Ecdsa(Curve::P256)),
            (None, KeyFrom::Kept, None) => Err(error(
                certificate.id,
                "it signs elsewhere, and what it signed is not here",
            )),
            (None, KeyFrom::Elsewhere(_), None) => Err(error(certificate.id, "its key was not read")),
        }
    }
}

/// Whether it has been signed elsewhere.
fn is_answered(certificate: &PlannedCertificate<'_>) -> bool {
    matches!(
        &certificate.from,
        CertificateFrom::SignedElsewhere { answer: Some(_), .. }
    )
}

/// What stands in for an authority that signs elsewhere, where only is asked who holds what.
fn stand_in_request(id: &KeyId<'_>) -> Request {
    Request::named(format!("stand-in for {id}"), Algorithm::Ecdsa(Curve::P256))
}

/// Who signs others.
type Signers<'a> = BTreeMap<KeyId<'a>, Signer>;

struct Signer {
    key: Arc<KeyPair>,
    /// DER.
    certificate: Vec<u8>,
}

fn pem(label: &str, der: &[u8]) -> Arc<[u8]> {
    x509::to_pem(label, der).into_bytes().into()
}

fn derived_encryption_key(cluster: &Cluster, seed: &Seed, generation: Generation) -> SecretBytes {
    let purpose = Purpose::EncryptionKey {
        name: &derived_key_name(generation),
        provider: cluster.encryption.provider.name(),
    };
    let bytes = seed.derive(&cluster.name, &purpose, generation.number());
    let mut text = Zeroizing::new(Base64::encode_string(bytes.as_slice()));
    let secret = SecretBytes::from(text.as_bytes());
    text.zeroize();
    secret
}

fn error(id: KeyId<'_>, reason: impl ToString) -> IssueError {
    IssueError {
        id: id.to_string(),
        reason: reason.to_string(),
    }
}
