//! What of an earlier output is, provably, what would be made now.
//!
//! Keys, certificates and archives are costly to make and cheap to read. An output's state file holds a proof for each of
//! them: a digest, keyed from the seed, over everything that determines it and over its bytes. Only who has the seed can
//! make a proof, and whoever has it would make the same bytes; so what has its proof needs not be made again, wherever it was
//! read from. A proof of another version of the program, of another input or about other bytes is none.
//!
//! Pure: what is there already is read through [`Earlier`], and may be anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::bundle::{Bundle, Entry, MANIFEST, STATE};
use crate::cluster::Host;
use crate::pack::ArchiveFormat;
use crate::pki::derivation::Seed;
use crate::pki::digest::sha256_hex;
use crate::pki::fingerprint::FingerprintKey;
use crate::pki::secret::SecretBytes;
use crate::plan::{Issuer, Plan, PlannedCertificate, PlannedContent};
use crate::vault::{GENERATION, Proven, Vault};

/// The sources that the program was built from: another version may make other bytes of the same input.
const CODE: &str = env!("KHW_GEN_CODE");

/// An earlier output, as it lies there now. Nothing that it says is trusted.
pub trait Earlier: Sync {
    /// The content of a file by its path in the output; none where there is no plain file that can be read.
    fn read(&self, path: &str) -> Option<SecretBytes>;
    /// Whether all that MANIFEST lists is there as it says, and nothing else.
    fn is_intact(&self) -> bool;
}

/// No earlier output.
#[derive(Debug)]
pub struct Nothing;

impl Earlier for Nothing {
    fn read(&self, _: &str) -> Option<SecretBytes> {
        None
    }

    fn is_intact(&self) -> bool {
        false
    }
}

/// The content of a state file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// The proof of the whole output, by its MANIFEST and by `parts`.
    output: String,
    parts: Parts,
}

/// The proofs of what is in an output.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    code: String,
    /// Of the archives, by host.
    archives: BTreeMap<String, String>,
    /// By the id of the certificate.
    issued: BTreeMap<String, Issued<Proof>>,
}

/// Something about each of a certificate, its key and its request.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issued<T> {
    certificate: Option<T>,
    key: Option<T>,
    request: Option<T>,
}

/// Where the bytes are, and their proof.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    path: String,
    proof: String,
}

impl State {
    fn text(&self) -> String {
        // Texts by texts can always be written.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What proofs are made and checked with, for one compilation.
pub struct Proofs<'a> {
    prover: Prover,
    plan: &'a Plan<'a>,
    format: ArchiveFormat,
    earlier: &'a dyn Earlier,
    /// What the earlier output says of itself.
    state: State,
    /// What determines the certificates of those that sign others, by id.
    issuers: BTreeMap<&'a str, String>,
}

struct Prover(FingerprintKey);

impl Prover {
    /// The proof that `content` is what `inputs` lead to.
    fn proof(&self, what: &str, inputs: &str, content: &str) -> String {
        let message = format!("{CODE}\n{}\n{inputs}\n{content}", inputs.len());
        self.0.of(&format!("reuse: {what}"), message.as_bytes())
    }

    fn proof_of_output(&self, inputs: &str, parts: &Parts, manifest: &[u8]) -> String {
        let parts = serde_json::to_vec(parts).unwrap_or_default();
        let content = format!("{}\n{}", sha256_hex(manifest), sha256_hex(&parts));
        self.proof("output", inputs, &content)
    }
}

impl<'a> Proofs<'a> {
    /// For compiling `plan` over `earlier`.
    pub fn new(plan: &'a Plan<'a>, seed: &Seed, format: ArchiveFormat, earlier: &'a dyn Earlier) -> Proofs<'a> {
        let state: Option<State> = earlier.read(STATE).and_then(|text| {
            let state: State = serde_json::from_slice(text.expose()).ok()?;
            // Only what is written as this program writes it: else it would stay as it is where nothing else changes.
            (state.parts.code == CODE && state.text().as_bytes() == text.expose()).then_some(state)
        });
        let mut proofs = Proofs {
            prover: Prover(seed.fingerprint_key(&plan.cluster.name)),
            plan,
            format,
            earlier,
            state: state.unwrap_or_default(),
            issuers: BTreeMap::new(),
        };
        for certificate in &plan.certificates {
            if let Issuer::Another(issuer) = &certificate.issuer
                && !proofs.issuers.contains_key(issuer.as_str())
                && let Some(issuer) = plan.certificate(issuer)
            {
                let inputs = sha256_hex(proofs.inputs_of_certificate(issuer).as_bytes());
                proofs.issuers.insert(&issuer.id, inputs);
            }
        }
        proofs
    }

    /// Whether the earlier output is, byte for byte, what would be made now.
    pub fn nothing_changed(&self) -> bool {
        let Some(manifest) = self.earlier.read(MANIFEST) else {
            return false;
        };
        let proof = self
            .prover
            .proof_of_output(&self.inputs_of_output(), &self.state.parts, manifest.expose());
        self.state.output == proof && self.earlier.is_intact()
    }

    /// What the earlier output has of a certificate.
    pub fn of(&self, certificate: &PlannedCertificate<'_>) -> Proven {
        let Some(parts) = self.state.parts.issued.get(&certificate.id) else {
            return Proven::default();
        };
        let read = |what, inputs: &dyn Fn() -> String, part: &Option<Proof>| {
            let part = part.as_ref()?;
            let pem = pem_in(self.earlier.read(&part.path)?, what)?;
            let proof = self.prover.proof(what, &inputs(), &sha256_hex(pem.expose()));
            (proof == part.proof).then_some(pem)
        };
        let of_certificate = || self.inputs_of_certificate(certificate);
        let public = |pem: SecretBytes| pem.expose().into();
        Proven {
            key: read(KEY, &|| self.inputs_of_key(certificate), &parts.key).map(Arc::new),
            certificate: read(CERTIFICATE, &of_certificate, &parts.certificate).map(public),
            request: read(REQUEST, &of_certificate, &parts.request).map(public),
        }
    }

    /// The archive of a host's bundle, if the earlier output has it.
    pub fn archive(&self, host: &Host, bundle: &Bundle) -> Option<SecretBytes> {
        let proof = self.state.parts.archives.get(&host.name)?;
        let archive = self.earlier.read(&self.format.file_name(&host.name)?)?;
        (self.proof_of_archive(host, bundle, &archive)? == *proof).then_some(archive)
    }

    /// The proof of a host's archive.
    pub fn proof_of_archive(&self, host: &Host, bundle: &Bundle, archive: &SecretBytes) -> Option<String> {
        // The bundle's own manifest says of every entry what it is.
        let Entry::File { content, .. } = bundle.entries.get(MANIFEST)? else {
            return None;
        };
        let inputs = format!(
            "{}\n{}\n{}\n{}",
            self.format,
            self.plan.cluster.pki.issued.unix_timestamp(),
            host.name,
            content.sha256()
        );
        Some(self.prover.proof("archive", &inputs, &sha256_hex(archive.expose())))
    }

    /// The state file of an output with these keys and certificates, but for what depends on its MANIFEST.
    pub fn state(self, vault: &Vault, archives: BTreeMap<String, String>) -> Unfinished {
        let places = places(self.plan);
        let issued = self.plan.certificates.par_iter().filter_map(|certificate| {
            let places = places.get(&certificate.id)?;
            let issued = vault.issued.get(&certificate.id)?;
            let prove = |what, inputs: String, place: &Option<Place>, bytes: Option<&[u8]>| {
                let (path, bytes) = (place.as_ref()?.path.clone(), bytes?);
                let proof = self.prover.proof(what, &inputs, &sha256_hex(bytes));
                Some(Proof { path, proof })
            };
            let inputs = || self.inputs_of_certificate(certificate);
            let parts = Issued {
                certificate: prove(
                    CERTIFICATE,
                    inputs(),
                    &places.certificate,
                    issued.certificate.as_deref(),
                ),
                key: prove(
                    KEY,
                    self.inputs_of_key(certificate),
                    &places.key,
                    Some(issued.key.expose()),
                ),
                request: prove(REQUEST, inputs(), &places.request, issued.request.as_deref()),
            };
            Some((certificate.id.clone(), parts))
        });
        let parts = Parts {
            code: CODE.to_owned(),
            archives,
            issued: issued.collect(),
        };
        Unfinished {
            inputs: self.inputs_of_output(),
            prover: self.prover,
            parts,
        }
    }

    /// What the key of a certificate depends on, besides the seed.
    fn inputs_of_key(&self, certificate: &PlannedCertificate<'_>) -> String {
        let (cluster, id) = (self.plan.cluster, &certificate.id);
        match (&certificate.request, &cluster.pki.existing_ca) {
            (Some(request), _) => format!("{:?}", (&cluster.name, id, request.key.to_string(), GENERATION)),
            // The key is the user's, and fits the certificate.
            (None, existing) => format!("{:?}", existing.as_ref().map(|ca| ca.certificate.der())),
        }
    }

    /// What a certificate and its request depend on, besides the seed.
    fn inputs_of_certificate(&self, certificate: &PlannedCertificate<'_>) -> String {
        let issuer = match &certificate.issuer {
            Issuer::Another(issuer) => self.issuers.get(issuer.as_str()).map_or("", String::as_str),
            Issuer::Itself => "itself",
            Issuer::Nobody => "nobody",
        };
        format!(
            "{:?}",
            (
                self.inputs_of_key(certificate),
                &certificate.request,
                certificate.profile,
                self.plan.cluster.pki.issued,
                issuer
            )
        )
    }

    /// What a whole output depends on, besides the seed: a cluster as it was checked holds everything else.
    fn inputs_of_output(&self) -> String {
        sha256_hex(format!("{}\n{:?}", self.format, self.plan.cluster).as_bytes())
    }
}

/// A state file that lacks what depends on the output's MANIFEST.
pub struct Unfinished {
    prover: Prover,
    inputs: String,
    parts: Parts,
}

impl Unfinished {
    /// The text of the state file of the output with this MANIFEST.
    pub fn text(self, manifest: &str) -> String {
        let state = State {
            output: self
                .prover
                .proof_of_output(&self.inputs, &self.parts, manifest.as_bytes()),
            parts: self.parts,
        };
        state.text()
    }
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";
const REQUEST: &str = "request";

/// A file of an output that holds something: as PEM, or in base64 within a kubeconfig.
struct Place {
    path: String,
    embedded: bool,
}

impl Issued<Place> {
    const NOWHERE: Issued<Place> = Issued {
        certificate: None,
        key: None,
        request: None,
    };
}

/// Where an output has what is issued: the first place of each, PEM before kubeconfigs. By the id of the certificate.
fn places(plan: &Plan<'_>) -> BTreeMap<String, Issued<Place>> {
    let of_hosts: Vec<Vec<(String, PlannedContent)>> = plan
        .cluster
        .hosts
        .par_iter()
        .map(|host| {
            let files = plan.files_on(host).into_iter();
            files
                .map(|file| (format!("{}/rootfs{}", host.name, file.path), file.content))
                .collect()
        })
        .collect();
    let mut places: BTreeMap<String, Issued<Place>> = BTreeMap::new();
    for (path, content) in of_hosts.into_iter().flatten() {
        let mut put = |id: String, embedded: bool, part: fn(&mut Issued<Place>) -> &mut Option<Place>| {
            let place = part(places.entry(id).or_insert(Issued::NOWHERE));
            if place.as_ref().is_none_or(|place| place.embedded && !embedded) {
                *place = Some(Place {
                    path: path.clone(),
                    embedded,
                });
            }
        };
        match content {
            PlannedContent::Certificate(id) => put(id, false, |places| &mut places.certificate),
            PlannedContent::PrivateKey(id) => put(id, false, |places| &mut places.key),
            PlannedContent::Request(id) => put(id, false, |places| &mut places.request),
            PlannedContent::Kubeconfig { id, .. } => {
                put(id.clone(), true, |places| &mut places.certificate);
                put(id, true, |places| &mut places.key);
            }
            _ => {}
        }
    }
    places
}

/// A certificate or key in a file that is it, or is a kubeconfig with it.
fn pem_in(file: SecretBytes, what: &str) -> Option<SecretBytes> {
    if file.expose().starts_with(b"-----BEGIN ") {
        return Some(file);
    }
    let text = std::str::from_utf8(file.expose()).ok()?;
    let field = format!("client-{what}-data: ");
    let encoded = text.lines().find_map(|line| line.trim_start().strip_prefix(&field))?;
    let mut pem = Zeroizing::new(vec![0; encoded.len()]);
    Base64::decode(encoded, &mut pem).ok().map(SecretBytes::from)
}
