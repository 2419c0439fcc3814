//! Plan + seed -> Vault: the keys, certificates and secrets of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::cluster::{Cluster, Generation};
use crate::pki::authority::AuthorityCertificate;
use crate::pki::cfssl::{self, Authority};
use crate::pki::derivation::{Purpose, Seed};
use crate::pki::key::{Algorithm, KeyPair};
use crate::pki::secret::SecretBytes;
use crate::pki::x509;
use crate::plan::{CertificateFrom, KeyFrom, KeyId, Plan, PlannedCertificate};

/// A key with its certificate and its request, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// None for a key pair that nobody signs.
    pub certificate: Option<Arc<[u8]>>,
    /// The private key.
    pub key: Arc<SecretBytes>,
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
    /// The keys of the encryption configuration, 32 bytes each, in base64.
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

/// The name of a key of the encryption configuration, as the API server writes it beside what it encrypts: another for each
/// generation, or what one has encrypted is read as garbage with the other.
pub(crate) fn encryption_key_name(generation: Generation) -> String {
    format!("key{}", generation.number())
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
        Ok(Vault {
            issued: issued.collect::<Result<_, IssueError>>()?,
            encryption: generations
                .map(|generation| {
                    (
                        generation,
                        Arc::new(encryption_key(self.plan.cluster, self.seed, generation)),
                    )
                })
                .collect(),
        })
    }

    /// Those that have to sign others, of which there are few.
    fn signers(&self, certificates: &[(&PlannedCertificate<'a>, Proven)]) -> Result<Signers<'a>, IssueError> {
        // Issuers come before what they sign: from the end, so that an issuer's own issuer is found too.
        let unsigned = certificates
            .iter()
            .rev()
            .filter(|(_, proven)| proven.certificate.is_none());
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
            key,
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
        let signer = signers.get(&certificate.id);
        let own = match signer {
            Some(signer) => signer.key.clone(),
            None => self.key_of(certificate, &proven)?,
        };
        let (der, public) = match (&certificate.from, signer) {
            // Whoever signed in its place: its own is what lies on hosts.
            (CertificateFrom::File(existing), _) => (Some(existing.der().to_vec()), &existing.public),
            (_, Some(signer)) => (Some(signer.certificate.clone()), own.public()),
            _ if proven.certificate.is_some() => (None, own.public()),
            _ => (self.sign(certificate, &own, signers)?, own.public()),
        };
        let request = match (certificate.request(), proven.request) {
            (Some(request), None) if self.plan.places_request(certificate) => {
                let der = cfssl::signing_request(request, &own).map_err(|reason| error(certificate.id, reason))?;
                Some(pem("CERTIFICATE REQUEST", &der))
            }
            (_, proven) => proven,
        };
        Ok(Issued {
            certificate: der.map(|der| pem("CERTIFICATE", &der)).or(proven.certificate),
            key: Arc::new(own.to_pem()),
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
            CertificateFrom::File(existing) => Ok(existing.der().to_vec()),
            CertificateFrom::Itself { request, issued } => cfssl::root(request, own, *issued),
            CertificateFrom::SignedBy {
                request,
                issuer,
                profile,
            } => {
                let signer = signers.get(issuer);
                let signer = signer.ok_or_else(|| error(certificate.id, "its issuer has no certificate"))?;
                let authority = Authority {
                    certificate: &signer.certificate,
                    key: &signer.key,
                };
                cfssl::leaf(request, own.public(), profile, &authority, issued)
            }
        };
        der.map(Some).map_err(|reason| error(certificate.id, reason))
    }

    fn key_of(&self, certificate: &PlannedCertificate<'a>, proven: &Proven) -> Result<Arc<KeyPair>, IssueError> {
        let derived = |seed: &Seed, algorithm: Algorithm| {
            let purpose = Purpose::KeyPair {
                name: &certificate.id.name(),
                algorithm,
            };
            let bytes = seed.derive(&self.plan.cluster.name, &purpose, certificate.id.generation.number());
            let key = KeyPair::from_seed(algorithm, &bytes).map_err(|reason| error(certificate.id, reason))?;
            Ok(Arc::new(key))
        };
        let read = proven.key.as_ref().and_then(|pem| KeyPair::from_pem(pem.expose()).ok());
        match (read, certificate.key, self.stand_in) {
            (Some(key), _, _) => Ok(Arc::new(key)),
            (None, KeyFrom::Seed(algorithm), _) => derived(self.seed, algorithm),
            (None, KeyFrom::File(key), _) => Ok(key.clone()),
            (None, KeyFrom::Elsewhere(algorithm), Some(stand_in)) => derived(stand_in, algorithm),
            (None, KeyFrom::Elsewhere(_), None) => Err(error(certificate.id, "its key was not read")),
        }
    }
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

fn encryption_key(cluster: &Cluster, seed: &Seed, generation: Generation) -> SecretBytes {
    let purpose = Purpose::EncryptionKey {
        name: &encryption_key_name(generation),
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
