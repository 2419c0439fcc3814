//! An output without its secrets: texts that can be committed, reviewed as a diff, and compared with what is made now.
//!
//! Each file of a host becomes a text (`readable`). What is not known to be public is a fingerprint, and how it is known is
//! the plan's word, never a guess from the content. Where the seed or the key of an authority is not at hand, the cluster is
//! made twice, each time with other stand-ins for them: where the two differ, a golden may hold anything of that shape
//! ([`compare`]). Nothing here touches a file.

pub mod compare;
pub(crate) mod index;
mod readable;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::pki::derivation::Seed;
use crate::pki::fingerprint::FingerprintKey;
use crate::plan::{KeyFrom, KeyId, Plan, PlannedFile, plan};
use crate::{Build, CompileError, HostOutput};

/// What a golden has to hold: a text, or two that were made from different stand-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub text: String,
    /// None if nothing in it depends on what is not at hand.
    pub other: Option<String>,
    /// Whether it stands for a file that holds a secret: what a golden has in its place by mistake must not be shown.
    pub from_secret: bool,
}

/// The texts of a host by path below the host's folder.
pub type HostGolden = BTreeMap<String, Expected>;

/// What is not at hand, and so can't be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    pub seed: bool,
    /// A key that `[pki.ca]`, `[pki.bring]` or `[encryption]` names.
    pub brought_key: bool,
}

impl Unknown {
    /// What of `cluster` is not at hand.
    pub fn of(cluster: &Cluster, seed: Option<&Seed>) -> Unknown {
        Unknown {
            seed: seed.is_none(),
            brought_key: cluster.lacks_a_key(),
        }
    }

    /// Whether something is not at hand.
    pub(crate) fn any(self) -> bool {
        self.seed || self.brought_key
    }
}

/// Hands over the golden of one host after the other, in the order of the cluster; gives the fingerprint of the seed.
///
/// The same cluster, seed and brought keys give the same texts on any machine. Errors: as [`Build::run`].
pub fn golden<E: Send>(
    cluster: &Cluster,
    seed: Option<&Seed>,
    mut output: impl FnMut(&str, HostGolden) -> Result<(), E>,
) -> Result<Expected, CompileError<E>> {
    let stand_ins = match Unknown::of(cluster, seed).any() {
        true => vec![Seed::stand_in(1), Seed::stand_in(2)],
        false => vec![Seed::stand_in(1)],
    };
    let plan = plan(cluster);
    let elsewhere = signed_elsewhere(&plan);
    let mut makings = Vec::new();
    let mut seeds = Vec::new();
    for stand_in in &stand_ins {
        let seed = seed.unwrap_or(stand_in);
        let fingerprints = FingerprintKey::new(seed, &cluster.name);
        let build = Build::to_compare(&plan, seed, Some(stand_in));
        let known = readable::PublicTexts::default();
        let (texts, _) = build.run(
            |_| (),
            |made| Ok(texts_of(&plan, &made, &elsewhere, &fingerprints, &known)),
        )?;
        makings.push(texts.into_iter());
        seeds.push(fingerprints.of("seed", b""));
    }
    for host in &cluster.hosts {
        let texts = makings.iter_mut().filter_map(Iterator::next).collect();
        output(&host.name, expected(texts)).map_err(CompileError::Output)?;
    }
    let mut seeds = seeds.into_iter();
    let text = seeds.next().unwrap_or_default();
    Ok(Expected {
        other: seeds.next().filter(|other| *other != text),
        text,
        from_secret: false,
    })
}

/// The texts of a host's files, and of each whether it is made of a secret.
type Texts = BTreeMap<String, (String, bool)>;

/// The texts of one making, with those of the other where they differ.
fn expected(texts: Vec<Texts>) -> HostGolden {
    let mut makings = texts.into_iter();
    let mut first = makings.next().unwrap_or_default();
    let mut other = makings.next();
    let paths: Vec<String> = first.keys().cloned().collect();
    let pairs = paths.into_iter().filter_map(|path| {
        let (text, from_secret) = first.remove(&path)?;
        let other = other.as_mut().and_then(|other| Some(other.remove(&path)?.0));
        let other = other.filter(|other| *other != text);
        Some((
            path,
            Expected {
                text,
                other,
                from_secret,
            },
        ))
    });
    pairs.collect()
}

/// The authorities whose keys are kept elsewhere, in whose place others have signed.
fn signed_elsewhere<'a>(plan: &Plan<'a>) -> BTreeSet<KeyId<'a>> {
    let elsewhere = plan
        .certificates
        .iter()
        .filter(|certificate| matches!(certificate.key, KeyFrom::Elsewhere(_)));
    elsewhere.map(|certificate| certificate.id).collect()
}

fn texts_of(
    plan: &Plan<'_>,
    made: &HostOutput<'_>,
    stand_ins: &BTreeSet<KeyId<'_>>,
    fingerprints: &FingerprintKey,
    known: &readable::PublicTexts,
) -> Texts {
    let files = plan.files_on(made.host).into_iter();
    let planned: BTreeMap<String, PlannedFile<'_>> = files.map(|file| (format!("rootfs{}", file.path), file)).collect();
    let readable = readable::Readable {
        vault: made.vault,
        stand_ins,
        fingerprints,
        known,
    };
    let entries = made.bundle.entries.iter();
    entries
        .filter_map(|(path, entry)| Some((path.clone(), readable.text(path, entry, planned.get(path))?)))
        .collect()
}
