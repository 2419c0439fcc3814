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
//! A cluster is compiled in memory by [`input::check`] and [`bundles`]; what is written, packed and reused is decided by [`Build`]:
//!
//! ```
//! use khw_gen::input::{GivenFiles, check};
//! use khw_gen::pki::derivation::Seed;
//!
//! let files = GivenFiles::new(
//!     r#"
//!     [pki]
//!     issued = "2026-01-01T00:00:00Z"
//!     seed   = "cluster.seed"
//!
//!     [[hosts]]
//!     name  = "master1"
//!     ip    = "10.0.0.11"
//!     roles = ["control-plane", "etcd", "admin"]
//!
//!     [[hosts]]
//!     name  = "node1"
//!     ip    = "10.0.0.21"
//!     roles = ["worker"]
//!     "#,
//! );
//! let checked = check(&files).expect("a cluster without errors");
//! // What stands in a file like cluster.seed: 64 hexadecimal digits, drawn by chance, which nobody else may know.
//! let seed = Seed::parse(b"8f1d5c0a62b7e94310fd2c7be68a945d3706cb1e5fa2984dd0731eab46c95f82")?.seed;
//! let bundles = khw_gen::bundles(&checked.cluster, &seed)?;
//! let (host, bundle) = &bundles[1];
//! assert_eq!(host, "node1");
//! assert!(bundle.entries.contains_key("rootfs/var/lib/kubelet/kubeconfig"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is generated stands in the tables of `catalog`. Bytes depend on the sources and the seed, and on nothing else.
// Vector instructions are the one exception, in `pki/key/lanes/x86_64.rs`; tests/architecture.rs knows of no other.
#![deny(unsafe_code)]
#![deny(missing_docs)]

// `pub` is what the program, the tests or the benches use. Anything else is `pub(crate)`, or in a module that is not `pub`: so rustc
// says when nobody uses it any more. What is hidden from the pages is the program's own: it changes as the program does, and only what
// a specification, a bundle and a verification are is told to other programs.
pub mod adopt;
pub mod audit;
mod build_identity;
pub mod bundle;
#[doc(hidden)]
pub mod catalog;
#[doc(hidden)]
pub mod changes;
pub mod cluster;
pub mod diagnostic;
#[doc(hidden)]
pub mod disk;
#[doc(hidden)]
pub mod external;
#[doc(hidden)]
pub mod facts;
pub mod found;
#[doc(hidden)]
pub mod golden;
pub mod handover;
pub mod input;
#[doc(hidden)]
pub mod json_document;
#[doc(hidden)]
pub mod manifest;
#[doc(hidden)]
pub mod own_template;
pub mod pack;
pub mod part;
pub mod pki;
pub mod plan;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod renewal;
#[doc(hidden)]
pub mod report;
pub mod reuse;
#[doc(hidden)]
pub mod rotation;
mod rules;
mod secrecy;
mod server_names;
mod settings;
#[doc(hidden)]
pub mod starter;
#[doc(hidden)]
pub mod table;
#[doc(hidden)]
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
    /// Whose it is.
    pub host: &'a Host,
    /// The keys and certificates of the whole build.
    pub vault: &'a Vault<'a>,
    /// Its files.
    pub bundle: Bundle,
    /// The archive's file name and content, where one was asked for.
    pub archive: Option<(String, Content)>,
}

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It begins: how many certificates and hosts there are to make.
    Begins {
        /// How many certificates there are to make.
        certificates: usize,
        /// How many hosts there are to make.
        hosts: usize,
    },
    /// Another certificate is made.
    Certificate,
    /// Another host is made, and was handed over.
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
    // Of an authority that signs elsewhere, too.
    let in_its_place = seed.is_none().then_some(&stand_in);
    let build = Build::to_compare(&plan, seed.unwrap_or(&stand_in), in_its_place);
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
    /// A key or a certificate.
    #[error("{0}")]
    Issue(IssueError),
    /// A file.
    #[error("{0}")]
    Render(RenderError),
    /// An archive.
    #[error("an archive can't be made: {0}")]
    Pack(io::Error),
    /// What the receiver of the hosts' output said.
    #[error("{0}")]
    Output(E),
}
