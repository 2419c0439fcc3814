//! Plan + seed -> Vault: the keys, certificates and secrets of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::cluster::{Cluster, ExistingCa};
use crate::pki::authority::AuthorityCertificate;
use crate::pki::cfssl::{self, Authority};
use crate::pki::derivation::{Purpose, Seed};
use crate::pki::key::{Algorithm, KeyPair};
use crate::pki::secret::SecretBytes;
use crate::pki::x509;
use crate::plan::{Issuer, Plan, PlannedCertificate};

/// The generation of every key; a later one makes new keys from the same seed.
pub const GENERATION: u32 = 1;

/// The name of the encryption key, as the API server writes it beside what it encrypts.
pub const ENCRYPTION_KEY_NAME: &str = "key1";

/// A key with its certificate and its request, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// None for a key pair that nobody signs.
    pub certificate: Option<Arc<[u8]>>,
    pub key: Arc<SecretBytes>,
    /// The public half of the key (SubjectPublicKeyInfo, RFC 5280). None where all is proven, a certificate among it.
    pub public_key: Option<Arc<[u8]>>,
    /// None for an authority that was there already, and where no host gets it.
    pub request: Option<Arc<[u8]>>,
}

/// What is there already of a certificate, in PEM: each part proven to be the very bytes that would be made.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    pub certificate: Option<Arc<[u8]>>,
    pub key: Option<Arc<SecretBytes>>,
    pub request: Option<Arc<[u8]>>,
}

/// Everything secret, and the certificates.
#[derive(Debug)]
pub struct Vault {
    /// By the id of the planned certificate.
    pub issued: BTreeMap<String, Issued>,
    /// The encryption configuration's 32 bytes, in base64.
    pub encryption_key: Arc<SecretBytes>,
}

/// Why a certificate could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueError {
    /// The id of the planned certificate.
    pub id: String,
    pub reason: String,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate of {} can't be made: {}", self.id, self.reason)
    }
}

impl std::error::Error for IssueError {}

/// From what a vault is made, and how much of it.
pub struct Issuing<'a> {
    pub seed: &'a Seed,
    /// Where the key of an authority that was there already could not be read, one of the same algorithm signs in its place,
    /// derived from this. Nothing of it may go to a host: it is for comparing what does not depend on the key. The authority's
    /// certificate and public key stay as they are.
    pub stand_in: Option<&'a Seed>,
    /// Only what has one of these ids, among which are those of the issuers.
    pub needed: Option<&'a BTreeSet<String>>,
    /// What need not be made.
    pub proven: &'a (dyn Fn(&PlannedCertificate<'_>) -> Proven + Sync),
    /// Called for each certificate, from any thread.
    pub made: &'a (dyn Fn() + Sync),
}

impl<'a> Issuing<'a> {
    /// All of it, from nothing.
    pub fn all(seed: &'a Seed) -> Issuing<'a> {
        Issuing {
            seed,
            stand_in: None,
            needed: None,
            proven: &|_| Proven::default(),
            made: &|| {},
        }
    }
}

/// Derives every key and signs every certificate. The result does not depend on the number of threads.
pub fn issue(plan: &Plan<'_>, issuing: &Issuing<'_>) -> Result<Vault, IssueError> {
    let Issuing {
        seed,
        stand_in,
        needed,
        proven,
        made: made_one,
    } = *issuing;
    let cluster = plan.cluster;
    let is_needed =
        |certificate: &&PlannedCertificate<'_>| needed.is_none_or(|needed| needed.contains(&certificate.id));
    let certificates: Vec<&PlannedCertificate<'_>> = plan.certificates.iter().filter(is_needed).collect();
    let proven: Vec<Proven> = certificates.par_iter().map(|certificate| proven(certificate)).collect();
    let key_of = |certificate: &PlannedCertificate<'_>, proven: &Proven| {
        let read = proven.key.as_ref().and_then(|pem| KeyPair::from_pem(pem.expose()).ok());
        read.map_or_else(|| key_of(cluster, seed, stand_in, certificate), |key| Ok(Arc::new(key)))
    };

    // Whoever signs comes before what it signs, and there are few of them.
    let signing = signing(&certificates, &proven);
    let signers: Vec<(&PlannedCertificate<'_>, &Proven)> = certificates
        .iter()
        .copied()
        .zip(&proven)
        .filter(|(certificate, _)| signing.contains(certificate.id.as_str()))
        .collect();
    let keys = signers
        .par_iter()
        .map(|(certificate, proven)| Ok((certificate.id.as_str(), key_of(certificate, proven)?)))
        .collect::<Result<BTreeMap<&str, Arc<KeyPair>>, IssueError>>()?;
    let mut authorities = Authorities {
        keys,
        certificates: BTreeMap::new(),
    };
    for (certificate, proven) in signers {
        let read = proven
            .certificate
            .as_ref()
            .and_then(|pem| AuthorityCertificate::from_pem(pem).ok());
        let der = match read {
            Some(authority) => authority.der().to_vec(),
            None => authorities.sign(cluster, certificate, authorities.key(&certificate.id)?)?,
        };
        authorities.certificates.insert(certificate.id.as_str(), der);
    }

    // Any other key is needed for its own certificate and in PEM, and then no more.
    let issued = certificates
        .par_iter()
        .zip(proven)
        .map(|(certificate, proven)| {
            let failed = |reason| error(&certificate.id, reason);
            if let Some(issued) = all_proven(plan, certificate, &proven) {
                made_one();
                return Ok((certificate.id.clone(), issued));
            }
            let own = &match authorities.keys.get(certificate.id.as_str()) {
                Some(key) => key.clone(),
                None => key_of(certificate, &proven)?,
            };
            let der = match (
                authorities.certificates.get(certificate.id.as_str()),
                &certificate.issuer,
            ) {
                (_, Issuer::Nobody) => None,
                (Some(der), _) => Some(der.clone()),
                (None, _) if proven.certificate.is_some() => None,
                (None, _) => Some(authorities.sign(cluster, certificate, own)?),
            };
            // Whoever signed in the place of an authority that was there already: its own is what lies on hosts.
            let (der, public) = match certificate.request {
                Some(_) => (der, own.public()),
                None => {
                    let existing = &existing_ca(cluster, certificate)?.certificate;
                    (Some(existing.der().to_vec()), &existing.public)
                }
            };
            let request = match (&certificate.request, proven.request) {
                (_, Some(request)) => Some(request),
                (Some(request), None) if plan.places_request(certificate) => {
                    let der = cfssl::signing_request(request, own).map_err(|reason| failed(reason.to_string()))?;
                    Some(pem("CERTIFICATE REQUEST", &der))
                }
                _ => None,
            };
            let issued = Issued {
                certificate: der.map(|der| pem("CERTIFICATE", &der)).or(proven.certificate),
                key: Arc::new(own.to_pem()),
                public_key: Some(pem("PUBLIC KEY", &public.spki_der())),
                request,
            };
            made_one();
            Ok((certificate.id.clone(), issued))
        })
        .collect::<Result<BTreeMap<String, Issued>, IssueError>>()?;

    Ok(Vault {
        issued,
        encryption_key: Arc::new(encryption_key(cluster, seed)),
    })
}

/// The ids of those that have to sign something, themselves aside.
fn signing<'a>(certificates: &[&'a PlannedCertificate<'_>], proven: &[Proven]) -> BTreeSet<&'a str> {
    let mut signing = BTreeSet::new();
    // Issuers come before what they sign: from the end, so that an issuer's own issuer is found too.
    for (certificate, proven) in certificates.iter().zip(proven).rev() {
        match &certificate.issuer {
            Issuer::Another(issuer) if proven.certificate.is_none() => signing.insert(issuer.as_str()),
            _ => false,
        };
    }
    signing
}

/// What is issued where nothing is left to make.
fn all_proven(plan: &Plan<'_>, certificate: &PlannedCertificate<'_>, proven: &Proven) -> Option<Issued> {
    let key = proven.key.clone()?;
    let wants_request = certificate.request.is_some() && plan.places_request(certificate);
    // A key that nobody signs is verified with its public half, which is made of it.
    let lacks = certificate.issuer == Issuer::Nobody
        || proven.certificate.is_none()
        || wants_request && proven.request.is_none();
    (!lacks).then(|| Issued {
        certificate: proven.certificate.clone(),
        key,
        public_key: None,
        request: proven.request.clone(),
    })
}

fn pem(label: &str, der: &[u8]) -> Arc<[u8]> {
    x509::to_pem(label, der).into_bytes().into()
}

/// Who signs others, or itself: keys and certificates by id.
struct Authorities<'a> {
    keys: BTreeMap<&'a str, Arc<KeyPair>>,
    certificates: BTreeMap<&'a str, Vec<u8>>,
}

impl Authorities<'_> {
    fn key(&self, id: &str) -> Result<&Arc<KeyPair>, IssueError> {
        self.keys.get(id).ok_or_else(|| error(id, "it has no key"))
    }

    /// The DER of the certificate of the key `own`, whose issuer is among these, unless it signs itself or is there already.
    fn sign(
        &self,
        cluster: &Cluster,
        certificate: &PlannedCertificate<'_>,
        own: &KeyPair,
    ) -> Result<Vec<u8>, IssueError> {
        let Some(request) = &certificate.request else {
            let existing = &existing_ca(cluster, certificate)?.certificate;
            return match existing.public == *own.public() {
                true => Ok(existing.der().to_vec()),
                false => existing
                    .with_key(own.public())
                    .map_err(|reason| error(&certificate.id, reason)),
            };
        };
        let issued = cluster.pki.issued;
        let der = match &certificate.issuer {
            Issuer::Nobody => return Err(error(&certificate.id, "nobody signs it")),
            Issuer::Itself => cfssl::root(request, own, issued),
            Issuer::Another(issuer) => {
                let certificates = &self.certificates;
                let authority = Authority {
                    certificate: certificates
                        .get(issuer.as_str())
                        .ok_or_else(|| error(&certificate.id, "its issuer has no certificate"))?,
                    key: self.key(issuer)?,
                };
                cfssl::leaf(request, own.public(), certificate.profile, &authority, issued)
            }
        };
        der.map_err(|reason| error(&certificate.id, reason))
    }
}

fn key_of(
    cluster: &Cluster,
    seed: &Seed,
    stand_in: Option<&Seed>,
    certificate: &PlannedCertificate<'_>,
) -> Result<Arc<KeyPair>, IssueError> {
    let derived = |seed: &Seed, algorithm: Algorithm| {
        let name = &certificate.id;
        let bytes = seed.derive(&cluster.name, &Purpose::KeyPair { name, algorithm }, GENERATION);
        let key = KeyPair::from_seed(algorithm, &bytes).map_err(|reason| error(name, reason))?;
        Ok(Arc::new(key))
    };
    if let Some(request) = &certificate.request {
        return derived(seed, request.key);
    }
    let existing = existing_ca(cluster, certificate)?;
    match (&existing.key, stand_in) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(stand_in)) => derived(stand_in, existing.certificate.public.algorithm),
        (None, None) => Err(error(&certificate.id, "its key was not read")),
    }
}

fn existing_ca<'a>(cluster: &'a Cluster, certificate: &PlannedCertificate<'_>) -> Result<&'a ExistingCa, IssueError> {
    let existing = cluster.pki.existing_ca.as_ref();
    existing.ok_or_else(|| error(&certificate.id, "there is neither a request nor an authority for it"))
}

fn encryption_key(cluster: &Cluster, seed: &Seed) -> SecretBytes {
    let purpose = Purpose::EncryptionKey {
        name: ENCRYPTION_KEY_NAME,
        provider: cluster.encryption.name(),
    };
    let bytes = seed.derive(&cluster.name, &purpose, GENERATION);
    let mut text = Zeroizing::new(Base64::encode_string(bytes.as_slice()));
    let secret = SecretBytes::from(text.as_bytes());
    text.zeroize();
    secret
}

fn error(id: &str, reason: impl ToString) -> IssueError {
    IssueError {
        id: id.to_owned(),
        reason: reason.to_string(),
    }
}
