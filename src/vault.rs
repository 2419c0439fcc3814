//! Plan + seed -> Vault: the keys, certificates and secrets of a cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::cluster::{Cluster, ExistingCa};
use crate::pki::cfssl::{self, Authority};
use crate::pki::derivation::{Purpose, Seed};
use crate::pki::key::KeyPair;
use crate::pki::secret::SecretBytes;
use crate::pki::x509;
use crate::plan::{Plan, PlannedCertificate};

/// The generation of every key; a later one makes new keys from the same seed.
pub const GENERATION: u32 = 1;

/// The name of the encryption key, as the API server writes it beside what it encrypts.
pub const ENCRYPTION_KEY_NAME: &str = "key1";

/// A certificate with its key and its request, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    pub certificate: Arc<[u8]>,
    pub key: Arc<SecretBytes>,
    /// None for an authority that was there already.
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

/// Derives every key and signs every certificate. The result does not depend on the number of threads.
pub fn issue(plan: &Plan<'_>, seed: &Seed) -> Result<Vault, IssueError> {
    let cluster = plan.cluster;
    let keys = plan
        .certificates
        .par_iter()
        .map(|certificate| Ok((certificate.id.as_str(), key_of(cluster, seed, certificate)?)))
        .collect::<Result<BTreeMap<&str, Arc<KeyPair>>, IssueError>>()?;
    let key = |id: &str| keys.get(id).ok_or_else(|| error(id, "it has no key"));

    let mut roots = BTreeMap::new();
    for certificate in plan
        .certificates
        .iter()
        .filter(|certificate| certificate.signed_by.is_none())
    {
        let der = match &certificate.request {
            Some(request) => cfssl::root(request, key(&certificate.id)?, cluster.pki.issued)
                .map_err(|reason| error(&certificate.id, reason))?,
            None => existing_ca(cluster, certificate)?.certificate.der().to_vec(),
        };
        roots.insert(certificate.id.as_str(), der);
    }

    let issued = plan
        .certificates
        .par_iter()
        .map(|certificate| {
            let failed = |reason| error(&certificate.id, reason);
            let own = key(&certificate.id)?;
            let der = match (certificate.signed_by, &certificate.request) {
                (Some(issuer), Some(request)) => {
                    let root = roots
                        .get(issuer)
                        .ok_or_else(|| failed("its issuer is no root".to_owned()))?;
                    let authority = Authority {
                        certificate: root,
                        key: key(issuer)?,
                    };
                    let profile = &cluster.pki.profile;
                    cfssl::leaf(request, own.public(), profile, &authority, cluster.pki.issued)
                        .map_err(|reason| failed(reason.to_string()))?
                }
                _ => roots
                    .get(certificate.id.as_str())
                    .cloned()
                    .ok_or_else(|| failed("it is no root".to_owned()))?,
            };
            let request = match &certificate.request {
                Some(request) => {
                    let der = cfssl::signing_request(request, own).map_err(|reason| failed(reason.to_string()))?;
                    Some(x509::to_pem("CERTIFICATE REQUEST", &der).into_bytes().into())
                }
                None => None,
            };
            let issued = Issued {
                certificate: x509::to_pem("CERTIFICATE", &der).into_bytes().into(),
                key: Arc::new(own.to_pem()),
                request,
            };
            Ok((certificate.id.clone(), issued))
        })
        .collect::<Result<BTreeMap<String, Issued>, IssueError>>()?;

    Ok(Vault {
        issued,
        encryption_key: Arc::new(encryption_key(cluster, seed)),
    })
}

fn key_of(cluster: &Cluster, seed: &Seed, certificate: &PlannedCertificate) -> Result<Arc<KeyPair>, IssueError> {
    let Some(request) = &certificate.request else {
        let key = existing_ca(cluster, certificate)?.key.clone();
        return key.ok_or_else(|| error(&certificate.id, "its key was not read"));
    };
    let bytes = seed.derive(
        &cluster.name,
        &Purpose::KeyPair {
            name: &certificate.id,
            algorithm: request.key,
        },
        GENERATION,
    );
    let key = KeyPair::from_seed(request.key, &bytes).map_err(|reason| error(&certificate.id, reason))?;
    Ok(Arc::new(key))
}

fn existing_ca<'a>(cluster: &'a Cluster, certificate: &PlannedCertificate) -> Result<&'a ExistingCa, IssueError> {
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
