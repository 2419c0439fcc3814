//! `khw-gen seal`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use khw_gen::cluster::Cluster;
use khw_gen::disk::{self, Output, Specification, Start};
use khw_gen::handover::{HostArchive, archives, has_sum, opened_sums};
use khw_gen::input::Handover;
use khw_gen::manifest::{OPENED, SEALED_SUFFIX};
use khw_gen::pki::sealing::{Opener, Recipient, seal_for};
use khw_gen::pki::signing::OutputSigner;

use super::args::SealArgs;
use super::opening::{keys, recipients};
use super::output::{say_that_it_waits, warn_of_summary};
use super::progress;
use super::say::{Reported, say, show};
use super::specification::{read_checked, read_seed, unknown_host};

pub fn run(arguments: &SealArgs) -> Result<(), Reported> {
    let SealArgs { from, out, spec, .. } = arguments;
    let given = recipients(&arguments.sealing)?;
    let keys = keys(&arguments.opening)?;
    let specified = spec
        .as_deref()
        .map(|spec| Specified::read(spec, arguments, &keys))
        .transpose()?;
    let (place, start) = match out {
        Some(out) => (out, Start::Sealed),
        None => (from, Start::SealedInPlace),
    };
    let apart = match start {
        Start::Sealed => Some(disk::read_output(from)?),
        _ => None,
    };
    let mut output = Output::begin(start, place, &|| say_that_it_waits(place, false))?;
    let mut sealed = Vec::new();
    let hosts = {
        let plain = apart.as_deref().unwrap_or(output.earlier());
        let archives = archives(plain.rows()).map_err(|host| {
            Reported::from(format!(
                "{} has no archive of {host}: build it with an archive of each host (--archive tar.gz)",
                from.display()
            ))
        })?;
        if archives.is_empty() {
            return Err(format!("{} has no hosts", from.display()).into());
        }
        let recipients = recipients_of_all(&archives, &given, specified.as_ref())?;
        for (archive, recipients) in archives.iter().zip(&recipients) {
            let bytes = plain
                .read(archive.name)
                .filter(|bytes| has_sum(bytes.expose(), archive.sha256));
            let bytes =
                bytes.ok_or_else(|| format!("{} is not as its MANIFEST says", from.join(archive.name).display()))?;
            sealed.push((
                format!("{}{SEALED_SUFFIX}", archive.name),
                seal_for(recipients, &bytes)?,
            ));
        }
        sealed.push((OPENED.to_owned(), opened_sums(&archives, plain.rows()).into_bytes()));
        archives.len()
    };
    for (name, bytes) in sealed {
        output.add_sealed(&name, bytes)?;
    }
    let sums = output.add_sealed_lists()?;
    let signature = specified
        .as_ref()
        .map(|specified| specified.signer.sign(sums.as_bytes()))
        .transpose()?;
    let summary = output.commit_sealed(signature.as_deref())?;
    warn_of_summary(&summary);
    if signature.is_none() {
        say("note: nobody has signed it: with --spec CLUSTER.TOML the key that its seed makes signs SHA256SUMS");
    }
    show(format_args!(
        "{}: {hosts} archives sealed, {}",
        place.display(),
        progress::bytes(summary.bytes)
    ))
}

/// What a specification says of handing over.
struct Specified {
    cluster: Cluster,
    handover: Handover,
    signer: OutputSigner,
}

impl Specified {
    fn read(spec: &Path, arguments: &SealArgs, keys: &Arc<Opener>) -> Result<Specified, Reported> {
        let checked = read_checked(spec, &Specification::open)?;
        let seed = read_seed(spec, arguments.seed_file.as_deref(), checked.seed.as_deref(), keys)?;
        Ok(Specified {
            signer: OutputSigner::new(&seed, &checked.cluster.name)?,
            handover: checked.handover,
            cluster: checked.cluster,
        })
    }
}

/// For whom each archive is sealed: those of the command line, those of all hosts, and the host's own.
fn recipients_of_all(
    archives: &[HostArchive<'_>],
    given: &[Recipient],
    specified: Option<&Specified>,
) -> Result<Vec<Vec<Recipient>>, Reported> {
    let mut all = Vec::new();
    for archive in archives {
        let mut recipients: BTreeSet<Recipient> = given.iter().cloned().collect();
        if let Some(Specified { handover, cluster, .. }) = specified {
            if !cluster.hosts.iter().any(|host| host.name == archive.host) {
                return Err(unknown_host(cluster, archive.host).into());
            }
            recipients.extend(handover.of(archive.host).cloned());
        }
        if recipients.is_empty() {
            return Err(format!(
                "{} is sealed for nobody: give --to or --recipients-file, or with --spec a cluster.toml that has `recipients`, of the host or \
                 below [handover]",
                archive.name
            )
            .into());
        }
        all.push(recipients.into_iter().collect());
    }
    Ok(all)
}
