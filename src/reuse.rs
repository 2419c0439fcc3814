//! What of an earlier output is, provably, what would be made now.
//!
//! Keys, certificates and archives are costly to make and cheap to read. An output's state file holds a proof for each of
//! them: a digest, keyed from the seed, over everything that determines it and over its bytes. Only who has the seed can
//! make a proof, and whoever has it would make the same bytes; so what has its proof needs not be made again, wherever it was
//! read from. A proof of another version of the program, of another input or about other bytes is none.
//!
//! Pure: what is there already is read through [`Earlier`], and may be anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::build_identity::{CODE, build_identity};
use crate::bundle::{Bundle, BundleEntry, Content};
use crate::cluster::Host;
use crate::manifest::{MANIFEST, ManifestRow, STATE, below, manifest_of_output};
use crate::pack::ArchiveFormat;
use crate::part::{PART, Selection};
use crate::pki::derivation::Seed;
use crate::pki::digest::{sha256, sha256_hex};
use crate::pki::fingerprint::FingerprintKey;
use crate::pki::secret::{SecretBytes, WipedBytes};
use crate::plan::{CertificateFrom, KeyId, Plan, PlannedCertificate, PlannedContent};
use crate::vault::{self, Proven, Vault};

/// An earlier output, as it lies there now. Nothing that it says is trusted.
pub trait Earlier: Sync {
    /// The content of a file by its path in the output; none where there is no plain file that can be read.
    fn read(&self, path: &str) -> Option<SecretBytes>;
    /// What its MANIFEST lists.
    fn rows(&self) -> &BTreeMap<String, ManifestRow>;
    /// Whether all that MANIFEST lists is there as it says, and nothing else.
    fn is_intact(&self) -> bool;
}

/// No earlier output.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Earlier for Nothing {
    fn read(&self, _: &str) -> Option<SecretBytes> {
        None
    }

    fn rows(&self) -> &BTreeMap<String, ManifestRow> {
        const { &BTreeMap::new() }
    }

    fn is_intact(&self) -> bool {
        false
    }
}

/// The content of a state file. What it says of a host does not depend on which others are there, so parts of a fleet can be
/// joined.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    code: String,
    hosts: BTreeMap<String, HostState>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostState {
    /// Of the host's folder and archive, and of what `parts` says.
    proof: String,
    parts: HostParts,
}

/// The proofs of what a host has.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostParts {
    archive: Option<String>,
    /// By the id of the key.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    path: String,
    proof: String,
}

impl State {
    /// A state file as this version of the program would write it: another would stay as it is where nothing else changes.
    fn read(text: &[u8]) -> Option<State> {
        let state: State = serde_json::from_slice(text).ok()?;
        (state.code == CODE && state.text().as_bytes() == text).then_some(state)
    }

    fn text(&self) -> String {
        // Texts by texts can always be written.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// The ids of the keys whose files an output has, as its state file says; none where that is of another version of the program.
pub fn keys_of_output(earlier: &dyn Earlier) -> BTreeSet<String> {
    let state = earlier
        .read(STATE)
        .and_then(|text| State::read(text.expose()))
        .unwrap_or_default();
    let hosts = state.hosts.into_values();
    hosts.flat_map(|host| host.parts.issued.into_keys()).collect()
}

/// What proofs are made and checked with, for one compilation.
pub struct Proofs<'a> {
    prover: Prover,
    plan: &'a Plan<'a>,
    format: ArchiveFormat,
    /// Of the whole build.
    identity: String,
    earlier: &'a dyn Earlier,
    /// What the earlier output says of itself.
    state: State,
    /// Of each certificate, key and request one place that it names, by the id of the key.
    said: BTreeMap<String, Issued<Proof>>,
    /// What determines the certificates of those that sign others, by id.
    issuers: BTreeMap<KeyId<'a>, String>,
}

struct Prover(FingerprintKey);

impl Prover {
    /// The proof that `content` is what `inputs` lead to.
    fn proof(&self, what: &str, inputs: &str, content: &str) -> String {
        let message = format!("{CODE}\n{}\n{inputs}\n{content}", inputs.len());
        self.0.of(&format!("reuse: {what}"), message.as_bytes())
    }

    /// The proof that a host of the build of this identity has these parts, and what `rows` list of it.
    fn proof_of_host(
        &self,
        identity: &str,
        host: &str,
        format: ArchiveFormat,
        parts: &HostParts,
        rows: &BTreeMap<String, ManifestRow>,
    ) -> String {
        let archive = format.file_name(host);
        let beside = archive.as_ref().and_then(|archive| rows.get_key_value(archive));
        let top = rows.get_key_value(host).into_iter().chain(beside);
        let top = top.map(|(path, row)| (path.as_str(), row));
        let rows = manifest_of_output(top.chain(below(rows, host)));
        let parts = serde_json::to_vec(parts).unwrap_or_default();
        let content = format!("{host}\n{}\n{}", sha256_hex(rows.as_bytes()), sha256_hex(&parts));
        self.proof("host", identity, &content)
    }
}

impl<'a> Proofs<'a> {
    /// For compiling `plan` over `earlier`.
    pub fn new(plan: &'a Plan<'a>, seed: &Seed, format: ArchiveFormat, earlier: &'a dyn Earlier) -> Proofs<'a> {
        let read = || earlier.read(STATE).and_then(|text| State::read(text.expose()));
        let (state, identity) = rayon::join(read, || build_identity(plan.cluster, seed, format));
        let state = state.unwrap_or_default();
        let mut said: BTreeMap<String, Issued<Proof>> = BTreeMap::new();
        for (id, issued) in state.hosts.values().flat_map(|host| &host.parts.issued) {
            let all = said.entry(id.clone()).or_default();
            all.certificate = all.certificate.take().or_else(|| issued.certificate.clone());
            all.key = all.key.take().or_else(|| issued.key.clone());
            all.request = all.request.take().or_else(|| issued.request.clone());
        }
        let mut proofs = Proofs {
            prover: Prover(FingerprintKey::new(seed, &plan.cluster.name)),
            plan,
            format,
            identity,
            earlier,
            state,
            said,
            issuers: BTreeMap::new(),
        };
        for certificate in &plan.certificates {
            if let Some(issuer) = certificate.issuer()
                && !proofs.issuers.contains_key(&issuer)
                && let Some(issuer) = plan.certificate(issuer)
            {
                let inputs = sha256_hex(proofs.inputs_of_certificate(issuer).as_bytes());
                proofs.issuers.insert(issuer.id, inputs);
            }
        }
        proofs
    }

    /// Whether the earlier output is, byte for byte, what would be made now of these hosts.
    pub fn nothing_changed(&self, selection: &Selection<'_>) -> bool {
        let rows = self.earlier.rows();
        let hosts = selection.hosts();
        let is_proven = |host: &&Host| {
            self.state.hosts.get(&host.name).is_some_and(|said| {
                said.proof
                    == self
                        .prover
                        .proof_of_host(&self.identity, &host.name, self.format, &said.parts, rows)
            })
        };
        let list = selection.is_part().then(|| {
            let list = selection.list(self.identity.clone());
            sha256(list.text().as_bytes())
        });
        let found_list = rows.get(PART).and_then(|row| row.sha256);
        let archives = usize::from(self.format != ArchiveFormat::None);
        let at_top = rows.keys().filter(|path| !path.contains('/')).count();
        self.state.hosts.len() == hosts.len()
            && found_list == list
            && at_top == hosts.len() * (1 + archives) + list.iter().len()
            && hosts.par_iter().all(is_proven)
            && self.earlier.is_intact()
    }

    /// What the earlier output has of a certificate.
    pub fn of(&self, certificate: &PlannedCertificate<'_>) -> Proven {
        let Some(parts) = self.said.get(&certificate.id.to_string()) else {
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
    pub(crate) fn archive(&self, host: &Host, bundle: &Bundle) -> Option<Content> {
        let proof = self.state.hosts.get(&host.name)?.parts.archive.as_ref()?;
        let archive = self.earlier.read(&self.format.file_name(&host.name)?)?;
        let archive = Content::secret(archive.into());
        (self.proof_of_archive(host, bundle, &archive)? == *proof).then_some(archive)
    }

    /// The proof of a host's archive.
    pub(crate) fn proof_of_archive(&self, host: &Host, bundle: &Bundle, archive: &Content) -> Option<String> {
        // The bundle's own manifest says of every entry what it is.
        let BundleEntry::File { content, .. } = bundle.entries.get(MANIFEST)? else {
            return None;
        };
        let inputs = format!(
            "{}\n{}\n{}\n{}",
            self.format,
            self.plan.cluster.pki.issued.unix_timestamp(),
            host.name,
            content.sha256()
        );
        Some(self.prover.proof("archive", &inputs, &archive.sha256().to_string()))
    }

    /// The state file of an output of these hosts, with these keys and certificates and these proofs of archives by host, but
    /// for what depends on its MANIFEST.
    pub(crate) fn state(
        self,
        selection: &Selection<'_>,
        vault: &Vault<'_>,
        archives: &BTreeMap<&str, String>,
    ) -> Unfinished {
        let all: Vec<(&PlannedCertificate<'_>, Issued<String>)> = self
            .plan
            .certificates
            .par_iter()
            .filter_map(|certificate| Some((certificate, self.prove(certificate, vault.issued.get(&certificate.id)?))))
            .collect();
        let proofs: BTreeMap<KeyId<'_>, Issued<String>> = all
            .into_iter()
            .map(|(certificate, proofs)| (certificate.id, proofs))
            .collect();
        let hosts = selection.hosts().par_iter().map(|host| {
            let places = places(self.plan, host).into_iter();
            let issued = places.filter_map(|(id, places)| {
                let proofs = proofs.get(&id)?;
                let both = |place: Option<Place>, proof: &Option<String>| {
                    let (path, proof) = (place?.path, proof.clone()?);
                    Some(Proof { path, proof })
                };
                let issued = Issued {
                    certificate: both(places.certificate, &proofs.certificate),
                    key: both(places.key, &proofs.key),
                    request: both(places.request, &proofs.request),
                };
                Some((id.to_string(), issued))
            });
            let parts = HostParts {
                archive: archives.get(host.name.as_str()).cloned(),
                issued: issued.collect(),
            };
            (host.name.clone(), parts)
        });
        let hosts = hosts.collect();
        Unfinished {
            identity: self.identity,
            format: self.format,
            prover: self.prover,
            hosts,
        }
    }

    /// The proofs of what was issued.
    fn prove(&self, certificate: &PlannedCertificate<'_>, issued: &vault::Issued) -> Issued<String> {
        let inputs = self.inputs_of_certificate(certificate);
        let prove = |what, inputs: &str, bytes: &[u8]| self.prover.proof(what, inputs, &sha256_hex(bytes));
        Issued {
            certificate: issued
                .certificate
                .as_deref()
                .map(|bytes| prove(CERTIFICATE, &inputs, bytes)),
            key: issued
                .key
                .as_ref()
                .map(|key| prove(KEY, &self.inputs_of_key(certificate), key.expose())),
            request: issued.request.as_deref().map(|bytes| prove(REQUEST, &inputs, bytes)),
        }
    }

    /// What the key of a certificate depends on, besides the seed.
    fn inputs_of_key(&self, certificate: &PlannedCertificate<'_>) -> String {
        match (certificate.key, &certificate.from) {
            // The key is the user's, and fits the certificate.
            (_, CertificateFrom::File(existing)) => format!("{:?}", existing.der()),
            (from, _) => format!("{:?}", (&self.plan.cluster.name, certificate.id, from)),
        }
    }

    /// What a certificate and its request depend on, besides the seed.
    fn inputs_of_certificate(&self, certificate: &PlannedCertificate<'_>) -> String {
        let issuer = certificate.issuer().and_then(|issuer| self.issuers.get(&issuer));
        let issued = self.plan.cluster.pki.issued;
        format!(
            "{:?}",
            (self.inputs_of_key(certificate), &certificate.from, issued, issuer)
        )
    }
}

/// The state file of an output that is joined of parts with these, if each of them has one that can be joined.
pub(crate) fn joined<'a>(states: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut all = State {
        code: CODE.to_owned(),
        hosts: BTreeMap::new(),
    };
    for text in states {
        all.hosts.extend(State::read(text)?.hosts);
    }
    Some(all.text())
}

/// A state file that lacks what depends on the output's MANIFEST.
pub struct Unfinished {
    prover: Prover,
    identity: String,
    format: ArchiveFormat,
    hosts: BTreeMap<String, HostParts>,
}

impl Unfinished {
    /// The identity of the whole build.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The text of the state file of the output whose MANIFEST lists this.
    pub fn text(self, rows: &BTreeMap<String, ManifestRow>) -> String {
        let hosts = self.hosts.into_par_iter().map(|(host, parts)| {
            let proof = self
                .prover
                .proof_of_host(&self.identity, &host, self.format, &parts, rows);
            (host, HostState { proof, parts })
        });
        let state = State {
            code: CODE.to_owned(),
            hosts: hosts.collect(),
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

impl<T> Default for Issued<T> {
    fn default() -> Self {
        Issued {
            certificate: None,
            key: None,
            request: None,
        }
    }
}

/// Where a host has what is issued, PEM before kubeconfigs.
fn places<'a>(plan: &Plan<'a>, host: &'a Host) -> BTreeMap<KeyId<'a>, Issued<Place>> {
    let mut places: BTreeMap<KeyId<'a>, Issued<Place>> = BTreeMap::new();
    for file in plan.files_on(host) {
        let mut put = |id, embedded: bool, part: fn(&mut Issued<Place>) -> &mut Option<Place>| {
            let place = part(places.entry(id).or_default());
            if place.as_ref().is_none_or(|place| place.embedded && !embedded) {
                let path = format!("{}/rootfs{}", host.name, file.path);
                *place = Some(Place { path, embedded });
            }
        };
        match file.content {
            PlannedContent::Certificate(id) => put(id, false, |places| &mut places.certificate),
            PlannedContent::PrivateKey(id) => put(id, false, |places| &mut places.key),
            PlannedContent::Request(id) => put(id, false, |places| &mut places.request),
            PlannedContent::Kubeconfig { id, files: None, .. } => {
                put(id, true, |places| &mut places.certificate);
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
    let mut pem = WipedBytes::from(vec![0; encoded.len()]);
    Base64::decode(encoded, &mut pem).ok().map(SecretBytes::from)
}
