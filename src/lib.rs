//! khw-gen: a pure-offline compiler for the PKI and configuration of a Kubernetes cluster built the hard way.
//!
//! The pipeline, each arrow a pure function over plain data:
//!
//! ```text
//! Files ────check──> Cluster ──plan──> Plan ──issue──> Vault ──render──> Bundle ──pack──> archive
//! (text)             (valid by         (all decided,   (keys, certs,     (path →          (bytes)
//!                     construction)     no bytes)       secrets)          mode + bytes)
//! ```
//!
//! What is generated stands in the tables of [`catalog`]. Bytes depend on the sources and the seed, and on nothing else.
// Vector instructions are the one exception, in `pki/key/lanes/x86_64.rs`; tests/architecture.rs knows of no other.
#![deny(unsafe_code)]

// `pub` is what the program, the tests or the benches use. Anything else is `pub(crate)`, or in a module that is not `pub`: so rustc
// says when nobody uses it any more.
pub mod audit;
mod build_identity;
pub mod bundle;
pub mod catalog;
pub mod changes;
pub mod cluster;
pub mod diagnostic;
pub mod disk;
pub mod facts;
pub mod found;
pub mod golden;
pub mod handover;
pub mod input;
pub mod json_document;
pub mod manifest;
pub mod own_template;
pub mod pack;
pub mod part;
pub mod pki;
pub mod plan;
pub mod render;
pub mod renewal;
pub mod reuse;
pub mod rotation;
mod rules;
mod secrecy;
mod server_names;
mod settings;
pub mod starter;
pub mod theft;
mod toml_text;
pub mod vault;
mod yaml;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;

use rayon::prelude::*;

use crate::bundle::{Bundle, BundleEntry, Content};
use crate::changes::Keys;
use crate::cluster::{Cluster, Host};
use crate::found::{Found, FoundNode, SharedContents, host_of_output, of_output};
use crate::pack::{ArchiveFormat, Packer};
use crate::part::Selection;
use crate::pki::derivation::Seed;
use crate::pki::secret::SecretBytes;
use crate::plan::{Plan, plan};
use crate::render::{RenderError, Renderer};
use crate::reuse::{Earlier, Nothing, Proofs, Unfinished};
use crate::vault::{IssueError, Issuing, Vault};

/// Hosts of a cluster to be made: all of them or a part, packed or not, over an earlier output or from nothing.
pub struct Build<'a> {
    plan: &'a Plan<'a>,
    selection: Selection<'a>,
    seed: &'a Seed,
    stand_in: Option<&'a Seed>,
    format: ArchiveFormat,
    proofs: Proofs<'a>,
}

/// What one host gets.
#[derive(Debug)]
pub struct HostOutput<'a> {
    pub host: &'a Host,
    pub vault: &'a Vault<'a>,
    pub bundle: Bundle,
    /// The archive's file name and content, where one was asked for.
    pub archive: Option<(String, Content)>,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It begins: how many certificates and hosts there are to make.
    Begins {
        certificates: usize,
        hosts: usize,
    },
    Certificate,
    Host,
}

impl<'a> Build<'a> {
    /// What `earlier` can be proven to have is not made again. The same cluster, seed and format give the same bytes on any
    /// machine, whatever `earlier` has.
    pub fn new(
        plan: &'a Plan<'a>,
        selection: Selection<'a>,
        seed: &'a Seed,
        format: ArchiveFormat,
        earlier: &'a dyn Earlier,
    ) -> Build<'a> {
        Build {
            plan,
            selection,
            seed,
            stand_in: None,
            format,
            proofs: Proofs::new(plan, seed, format, earlier),
        }
    }

    /// All hosts, from nothing and not packed: to be compared. See [`Issuing`] for what stands in for what.
    pub(crate) fn to_compare(plan: &'a Plan<'a>, seed: &'a Seed, stand_in: Option<&'a Seed>) -> Build<'a> {
        let all = Selection::whole(plan.cluster);
        Build {
            stand_in,
            ..Build::new(plan, all, seed, ArchiveFormat::None, &Nothing)
        }
    }

    /// Whether the earlier output is what would be made.
    pub fn nothing_changed(&self) -> bool {
        self.proofs.nothing_changed(&self.selection)
    }

    /// Makes the hosts, on all threads and in any order, and hands each over to `output`; what that makes of them comes in the order
    /// of the cluster, with the state file of the output. Of a part only the keys and certificates are made that its hosts need. No
    /// more than a host for each thread is in memory. `watch` is told how far it is, from any thread.
    ///
    /// Errors: a key or certificate that can't be made (chance, or an input that the checks should have refused), a mistake in a
    /// template, or whatever `output` returns.
    pub fn run<T: Send, E: Send>(
        self,
        watch: impl Fn(Progress) + Sync,
        output: impl Fn(HostOutput<'_>) -> Result<T, E> + Sync,
    ) -> Result<(Vec<T>, Unfinished), CompileError<E>> {
        let (plan, proofs, hosts) = (self.plan, &self.proofs, self.selection.hosts());
        let needed = self.selection.is_part().then(|| plan.certificates_needed_by(hosts));
        watch(Progress::Begins {
            certificates: needed.as_ref().map_or(plan.certificates.len(), BTreeSet::len),
            hosts: hosts.len(),
        });
        let issuing = Issuing {
            plan,
            seed: self.seed,
            stand_in: self.stand_in,
            needed: needed.as_ref(),
            proven: &|certificate| proofs.of(certificate),
            made: &|| watch(Progress::Certificate),
        };
        let vault = issuing.issue().map_err(CompileError::Issue)?;
        let renderer = Renderer::new(plan, &vault).map_err(CompileError::Render)?;
        let packer = || Packer::new(self.format, renderer.issued());
        let made = hosts.par_iter().map_init(packer, |packer, host: &&'a Host| {
            let bundle = renderer.bundle(host).map_err(CompileError::Render)?;
            let archive = match proofs.archive(host, &bundle) {
                Some(archive) => Some(archive),
                None => {
                    let made = packer.pack(&host.name, &bundle).map_err(CompileError::Pack)?;
                    made.map(|bytes| Content::secret(bytes.into()))
                }
            };
            let proof = archive
                .as_ref()
                .and_then(|archive| proofs.proof_of_archive(host, &bundle, archive));
            let made = output(HostOutput {
                host,
                vault: &vault,
                bundle,
                archive: self.format.file_name(&host.name).zip(archive),
            })
            .map_err(CompileError::Output)?;
            watch(Progress::Host);
            Ok((made, proof.map(|proof| (host.name.as_str(), proof))))
        });
        let (made, archives): (Vec<T>, Vec<_>) = made.collect::<Result<Vec<_>, CompileError<E>>>()?.into_iter().unzip();
        let archives = archives.into_iter().flatten().collect();
        let state = self.proofs.state(&self.selection, &vault, &archives);
        Ok((made, state))
    }
}

/// The bundles of all hosts in the order of the cluster, by name. They are in memory all at once: to be compared, not to be written.
///
/// Errors: as [`Build::run`].
pub fn bundles(cluster: &Cluster, seed: &Seed) -> Result<Vec<(String, Bundle)>, CompileError<Infallible>> {
    let plan = plan(cluster);
    let build = Build::to_compare(&plan, seed, None);
    let (bundles, _) = build.run(|_| (), |made| Ok((made.host.name.clone(), made.bundle)))?;
    Ok(bundles)
}

/// What a cluster compiles to, as if it had been found somewhere: for comparisons. Without a seed another stands in for it, always
/// the same.
///
/// Errors: as [`Build::run`].
pub fn found_of(cluster: &Cluster, seed: Option<&Seed>) -> Result<(Found, Keys), CompileError<Infallible>> {
    let stand_in = Seed::stand_in(1);
    let plan = plan(cluster);
    let build = Build::to_compare(&plan, seed.unwrap_or(&stand_in), None);
    let contents = SharedContents::default();
    let (mut hosts, _) = build.run(
        |_| (),
        |made| {
            let entries = made.bundle.entries.iter();
            let nodes = entries.map(|(path, entry)| {
                let node = match as_found(entry) {
                    FoundNode::File {
                        mode,
                        root_owned,
                        content,
                    } => FoundNode::File {
                        mode,
                        root_owned,
                        content: contents.once(path, content),
                    },
                    node => node,
                };
                (path.clone(), node)
            });
            Ok(host_of_output(&made.host.name, nodes.collect()))
        },
    )?;
    hosts.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    let folders = hosts
        .iter()
        .map(|(host, _)| (host.name.clone(), FoundNode::Directory { mode: None }));
    let top = folders.collect();
    let (hosts, remarks): (Vec<_>, Vec<_>) = hosts.into_iter().unzip();
    let found = of_output(hosts, remarks.concat(), top, Vec::new());
    Ok((found, seed.map_or(Keys::StandIn, |_| Keys::Own)))
}

/// An entry of a bundle, as if it had been found somewhere.
pub fn as_found(entry: &BundleEntry) -> FoundNode {
    match entry {
        BundleEntry::Directory { mode } => FoundNode::Directory { mode: Some(*mode) },
        BundleEntry::File { mode, content } => FoundNode::File {
            mode: Some(*mode),
            root_owned: None,
            content: SecretBytes::from(content.bytes()),
        },
    }
}

/// Why a valid cluster could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError<E> {
    #[error("{0}")]
    Issue(IssueError),
    #[error("{0}")]
    Render(RenderError),
    #[error("an archive can't be made: {0}")]
    Pack(io::Error),
    /// What the receiver of the hosts' output said.
    #[error("{0}")]
    Output(E),
}
