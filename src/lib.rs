//! khw-gen: a pure-offline compiler for the PKI and configuration of a Kubernetes cluster built the hard way.
//!
//! The pipeline, each arrow a pure function over plain data:
//!
//! ```text
//! Sources ──check──> Cluster ──plan──> Plan ──issue──> Vault ──render──> Bundle ──pack──> archive
//! (text)             (valid by         (all decided,   (keys, certs,     (path →          (bytes)
//!                     construction)     no bytes)       secrets)          mode + bytes)
//! ```
//!
//! What is generated stands in three tables: [`catalog`]. Bytes depend on the sources and the seed, and on nothing else.
// Vector instructions are the one exception, in `pki/key/lanes/x86_64.rs`; tests/architecture.rs knows of no other.
#![deny(unsafe_code)]

pub mod audit;
pub mod build_identity;
pub mod bundle;
pub mod catalog;
pub mod changes;
pub mod cluster;
pub mod diagnostic;
pub mod disk;
pub mod facts;
pub mod found;
pub mod golden;
pub mod input;
pub mod manifest;
pub mod own_template;
pub mod pack;
pub mod part;
pub mod pki;
pub mod plan;
pub mod render;
pub mod reuse;
pub mod server_names;
pub mod settings;
pub mod starter;
pub mod toml_text;
pub mod vault;
pub mod yaml;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::io;

use rayon::prelude::*;

use crate::bundle::{Bundle, Content, Entry};
use crate::changes::Keys;
use crate::cluster::{Cluster, Host};
use crate::found::{Found, Node, Nodes, from_folder};
use crate::pack::{ArchiveFormat, Packer};
use crate::part::Selection;
use crate::pki::derivation::Seed;
use crate::pki::secret::SecretBytes;
use crate::plan::{PlannedCertificate, plan};
use crate::render::{RenderError, Renderer};
use crate::reuse::{Earlier, Proofs, Unfinished};
use crate::vault::{IssueError, issue, issue_unproven};

/// What one host gets.
#[derive(Debug)]
pub struct HostOutput<'a> {
    pub host: &'a str,
    pub bundle: &'a Bundle,
    /// The archive's file name and content, where one was asked for.
    pub archive: Option<(String, &'a Content)>,
}

/// Why a valid cluster could not be compiled.
#[derive(Debug)]
pub enum CompileError<E> {
    Issue(IssueError),
    Render(RenderError),
    Pack(io::Error),
    /// What the receiver of the hosts' output said.
    Output(E),
}

impl<E: fmt::Display> fmt::Display for CompileError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Issue(error) => error.fmt(f),
            CompileError::Render(error) => error.fmt(f),
            CompileError::Pack(error) => write!(f, "an archive can't be made: {error}"),
            CompileError::Output(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for CompileError<E> {}

/// What a cluster compiles to, as if it had been found somewhere: for comparisons. Without a seed another stands in for it, always
/// the same.
///
/// Errors: as [`compile`].
pub fn found_of(cluster: &Cluster, seed: Option<&Seed>) -> Result<(Found, Keys), CompileError<Infallible>> {
    let mut nodes = Nodes::new();
    let stand_in = Seed::stand_in(1);
    compile(cluster, seed.unwrap_or(&stand_in), ArchiveFormat::None, |output| {
        nodes.insert(output.host.to_owned(), Node::Directory { mode: None });
        for (path, entry) in &output.bundle.entries {
            nodes.insert(format!("{}/{path}", output.host), as_found(entry));
        }
        Ok(())
    })?;
    Ok((from_folder("", nodes), seed.map_or(Keys::StandIn, |_| Keys::Own)))
}

fn as_found(entry: &Entry) -> Node {
    match entry {
        Entry::Directory { mode } => Node::Directory { mode: Some(*mode) },
        Entry::File { mode, content } => Node::File {
            mode: Some(*mode),
            root_owned: None,
            content: SecretBytes::from(content.bytes()),
        },
    }
}

/// Compiles a cluster and hands over one host after the other, in the order of the cluster.
///
/// The same cluster, seed and format give the same bytes on any machine. Errors: a key or certificate that can't be made
/// (chance, or an input that the checks should have refused), a mistake in a template, or whatever `output` returns.
pub fn compile<E>(
    cluster: &Cluster,
    seed: &Seed,
    format: ArchiveFormat,
    mut output: impl FnMut(HostOutput<'_>) -> Result<(), E>,
) -> Result<(), CompileError<E>> {
    let plan = plan(cluster);
    let vault = issue(&plan, seed).map_err(CompileError::Issue)?;
    let renderer = Renderer::new(&plan, &vault).map_err(CompileError::Render)?;
    let mut packer = Packer::new(format, renderer.issued());
    for host in &cluster.hosts {
        let bundle = renderer.bundle(host).map_err(CompileError::Render)?;
        let archive = pack(&mut packer, host, &bundle)?;
        hand_over(host, &bundle, format, archive.as_ref(), &mut output)?;
    }
    Ok(())
}

/// How far a compilation is.
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

/// What came of a compilation over an earlier output.
pub enum Compiled<T> {
    /// The earlier output is what would have been made.
    NothingChanged,
    /// What became of each host, and the state file of the output.
    Hosts(Vec<T>, Unfinished),
}

/// As [`compile`], on all threads, for a selection of a cluster's hosts, and making only what `earlier` can't be proven to have:
/// hosts come in any order, several at once, and what `output` makes of them is returned in the order of the cluster. Of a part
/// only the keys and certificates are made that its hosts need. No more than a host for each thread is in memory. `begin` is
/// called before anything is made, `watch` is told how far it is, from any thread.
pub fn compile_over<T: Send, E: Send>(
    selection: &Selection<'_>,
    seed: &Seed,
    format: ArchiveFormat,
    earlier: &dyn Earlier,
    begin: impl FnOnce() -> Result<(), E>,
    watch: impl Fn(Progress) + Sync,
    output: impl Fn(HostOutput<'_>) -> Result<T, E> + Sync,
) -> Result<Compiled<T>, CompileError<E>> {
    let plan = plan(selection.cluster());
    let proofs = Proofs::new(&plan, seed, format, earlier);
    if proofs.nothing_changed(selection) {
        return Ok(Compiled::NothingChanged);
    }
    begin().map_err(CompileError::Output)?;
    let needed = selection
        .is_part()
        .then(|| plan.certificates_needed_by(selection.hosts()));
    watch(Progress::Begins {
        certificates: needed.as_ref().map_or(plan.certificates.len(), BTreeSet::len),
        hosts: selection.hosts().len(),
    });
    let proven = |certificate: &PlannedCertificate<'_>| proofs.of(certificate);
    let vault = issue_unproven(&plan, needed.as_ref(), seed, &proven, &|| watch(Progress::Certificate))
        .map_err(CompileError::Issue)?;
    let renderer = Renderer::new(&plan, &vault).map_err(CompileError::Render)?;
    let packer = || Packer::new(format, renderer.issued());
    let made = selection.hosts().par_iter().map_init(packer, |packer, host| {
        let bundle = renderer.bundle(host).map_err(CompileError::Render)?;
        let archive = match proofs.archive(host, &bundle) {
            Some(archive) => Some(archive),
            None => pack(packer, host, &bundle)?,
        };
        let proof = archive
            .as_ref()
            .and_then(|archive| proofs.proof_of_archive(host, &bundle, archive));
        let made = hand_over(host, &bundle, format, archive.as_ref(), &output)?;
        watch(Progress::Host);
        Ok((made, proof.map(|proof| (host.name.as_str(), proof))))
    });
    let (hosts, archives): (Vec<T>, Vec<_>) = made.collect::<Result<Vec<_>, CompileError<E>>>()?.into_iter().unzip();
    let archives = archives.into_iter().flatten().collect();
    Ok(Compiled::Hosts(hosts, proofs.state(selection, &vault, &archives)))
}

fn pack<E>(packer: &mut Packer, host: &Host, bundle: &Bundle) -> Result<Option<Content>, CompileError<E>> {
    let archive = packer.pack(&host.name, bundle).map_err(CompileError::Pack)?;
    Ok(archive.map(|archive| Content::secret(archive.into())))
}

fn hand_over<T, E>(
    host: &Host,
    bundle: &Bundle,
    format: ArchiveFormat,
    archive: Option<&Content>,
    output: impl FnOnce(HostOutput<'_>) -> Result<T, E>,
) -> Result<T, CompileError<E>> {
    output(HostOutput {
        host: &host.name,
        bundle,
        archive: format.file_name(&host.name).zip(archive),
    })
    .map_err(CompileError::Output)
}
