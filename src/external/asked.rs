//! What is asked: a request for each certificate that is signed elsewhere, and the list of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cluster::Cluster;
use crate::json_document::JsonKind;
use crate::pki::answer::{Wanted, purpose_name};
use crate::pki::cfssl;
use crate::pki::derivation::Seed;
use crate::pki::digest::sha256_hex;
use crate::pki::inspect::Certificate;
use crate::pki::x509::to_pem;
use crate::plan::{CertificateFrom, KeyFrom, KeyId, KeyOf, Plan};
use crate::vault::{IssueError, derived_key};

/// A request to an authority that signs elsewhere.
#[derive(Clone, Debug)]
pub struct OutsideRequest<'a> {
    pub id: KeyId<'a>,
    /// What its files are called, without an ending: `admin`.
    pub name: String,
    /// Who is to sign it: the name of the authority.
    pub authority: &'static str,
    /// Its certificate, where cluster.toml names it.
    pub signer: Option<Arc<Certificate>>,
    /// The profile of ca-config.json that says how.
    pub profile: &'a str,
    /// The request (PKCS#10), as PEM.
    pub request: String,
    pub wanted: Wanted,
}

impl OutsideRequest<'_> {
    /// The file of the request, in the folder for the authority's owner.
    pub fn file(&self) -> String {
        format!("{}.csr", self.name)
    }

    fn as_json(&self) -> Value {
        let certificate = &self.wanted.certificate;
        json!({
            "file": self.file(),
            "id": self.id.to_string(),
            "authority": self.authority,
            "signed_by": self.signer.as_ref().map(|signer| json!({
                "subject": signer.subject,
                "certificate_sha256": signer.fingerprint,
            })),
            "profile": self.profile,
            "subject": certificate.subject,
            "names": self.wanted.names().collect::<Vec<_>>(),
            "key_usages": self.wanted.key_usages(),
            "extended_key_usages": self.wanted.purposes().map(purpose_name).collect::<Vec<_>>(),
            "is_ca": certificate.authority,
            "path_length": certificate.path_length,
            "not_before": text(certificate.not_before),
            "not_after": text(certificate.not_after),
            "public_key_sha256": sha256_hex(&certificate.public_key),
        })
    }
}

/// Everything that is to be signed elsewhere, in the order of the plan.
///
/// Errors: a key that can't be made, or a request that cfssl would not sign.
pub fn asked<'a>(plan: &Plan<'a>, seed: &Seed) -> Result<Vec<OutsideRequest<'a>>, IssueError> {
    let cluster: &'a Cluster = plan.cluster;
    let signers = named_signers(cluster);
    let asked = plan.certificates.par_iter().filter_map(|certificate| {
        let CertificateFrom::SignedElsewhere {
            request,
            issuer,
            profile,
            ..
        } = &certificate.from
        else {
            return None;
        };
        let KeyOf::Identity(authority) = issuer.of else {
            return None;
        };
        let id = certificate.id;
        let ask = || {
            let key = match certificate.key {
                KeyFrom::Seed(algorithm) => Arc::new(derived_key(cluster, seed, id, algorithm)?),
                KeyFrom::File(key) => key.clone(),
                KeyFrom::Elsewhere(_) | KeyFrom::Kept => return Err(IssueError::of(id, "its key was not read")),
            };
            let failed = |reason| IssueError::of(id, reason);
            Ok(OutsideRequest {
                id,
                name: certificate.files.clone(),
                authority,
                signer: signers.get(authority).cloned(),
                profile: cluster.pki.profile_name_of(match id.of {
                    KeyOf::Identity(name) | KeyOf::Own(name) => name,
                }),
                request: to_pem(
                    "CERTIFICATE REQUEST",
                    &cfssl::signing_request(request, &key).map_err(failed)?,
                ),
                wanted: Wanted::of(request, key.public(), profile, cluster.pki.issued).map_err(failed)?,
            })
        };
        Some(ask())
    });
    asked.collect()
}

/// The certificates that cluster.toml names, by the authority that signs now.
pub(super) fn named_signers(cluster: &Cluster) -> BTreeMap<&str, Arc<Certificate>> {
    let named = cluster.pki.signers_elsewhere().filter_map(|name| {
        let used = cluster.pki.generations_of(name, None).used;
        let der = cluster.pki.elsewhere(name, used)?.certificate.as_ref()?.der();
        Some((name, Arc::new(Certificate::from_der(der)?)))
    });
    named.collect()
}

/// The list of requests, as a document for programs.
pub fn manifest(cluster: &Cluster, asked: &[OutsideRequest<'_>]) -> Value {
    JsonKind::Requests.document([
        ("cluster", cluster.name.as_str().into()),
        ("issued", text(cluster.pki.issued).into()),
        (
            "requests",
            asked.iter().map(OutsideRequest::as_json).collect::<Vec<_>>().into(),
        ),
    ])
}

pub(super) fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
