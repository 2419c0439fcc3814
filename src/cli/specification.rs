//! A specification and its seed as commands read them, and what is said where that can't be done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use khw_gen::changes::Keys;
use khw_gen::cluster::Cluster;
use khw_gen::diagnostic::{Diagnostic, codes, suggest};
use khw_gen::disk::{self, DiskError, SeedText, Specification};
use khw_gen::external;
use khw_gen::found::{Beside, Found};
use khw_gen::found_of;
use khw_gen::input::{self, Checked};
use khw_gen::pki::derivation::{Seed, SeedFile};
use khw_gen::pki::sealing::{Opener, is_sealed};
use khw_gen::plan::plan;
use khw_gen::starter::CLUSTER_TOML;

use super::args::{OpeningArgs, SignedArgs};
use super::as_found::read_found;
use super::opening::keys;
use super::progress::Waiting;
use super::say::{Reported, as_word, say, say_diagnostics, say_error};

/// Opens a specification; whether it needs the keys that it names, this decides.
pub type Open<'o> = &'o dyn Fn(&Path) -> Result<Specification, DiskError>;

/// Opens a specification with the keys that it names, sealed or not.
pub fn with_keys(keys: &Arc<Opener>) -> impl Fn(&Path) -> Result<Specification, DiskError> {
    |spec| Ok(Specification::open_with_keys(spec)?.opened_with(keys))
}

/// Opens and checks a specification; what can't be read is a finding like any other.
pub fn check(spec: &Path, open: Open<'_>) -> Result<Checked, Vec<Diagnostic>> {
    let opened = open(spec).map_err(|error| {
        let told = Diagnostic::new(codes::UNREADABLE, error.to_string());
        let inside = spec.join(CLUSTER_TOML);
        vec![match disk::is_there(&inside) {
            true => told.hint(format!("name the file: {}", inside.display())),
            false => told,
        }]
    });
    input::check(&opened?)
}

/// Opens and checks a specification, and says all that is wrong with it, or remarkable.
pub fn read_checked(spec: &Path, open: Open<'_>) -> Result<Checked, Reported> {
    said(check(spec, open))
}

/// Says all that is wrong with a specification, or remarkable.
pub fn said(checked: Result<Checked, Vec<Diagnostic>>) -> Result<Checked, Reported> {
    match checked {
        Ok(checked) => {
            say_diagnostics(&checked.remarks);
            Ok(checked)
        }
        Err(problems) => {
            say_diagnostics(&problems);
            Err(Reported)
        }
    }
}

/// A specification that can be compiled, with its seed where there is one.
pub struct Specified {
    pub checked: Checked,
    pub seed: Option<Seed>,
}

impl Specified {
    /// What it compiles to.
    pub fn make(self) -> Result<(Found, Keys), Reported> {
        compiled(&self.checked.cluster, self.seed.as_ref())
    }
}

/// What a cluster compiles to, in memory: of many hosts that takes seconds.
pub fn compiled(cluster: &Cluster, seed: Option<&Seed>) -> Result<(Found, Keys), Reported> {
    let _waiting = Waiting::begin("compiling");
    Ok(found_of(cluster, seed)?)
}

/// The cluster with what its authorities elsewhere have signed, where it has any: all of it is judged, and what is wrong or missing is said.
/// Answers are known by their keys, so there is nothing to be told of them without a seed.
pub fn answered(spec: &Path, cluster: Cluster, seed: Option<&Seed>, signed: &SignedArgs) -> Result<Cluster, Reported> {
    let shown = spec.display();
    let signs_elsewhere = cluster.pki.signers_elsewhere().next().is_some();
    match (signs_elsewhere, &signed.dir) {
        (false, None) => return Ok(cluster),
        // In this phase of a rotation it does not sign yet, or no longer.
        (false, Some(_)) if !cluster.pki.external.is_empty() => return Ok(cluster),
        (false, Some(_)) => return Err(format!("--signed: in {shown} no authority signs elsewhere").into()),
        (true, _) => {}
    }
    let Some(seed) = seed else {
        let message = format!(
            "authorities of {shown} sign elsewhere, and what they signed is known by its keys, which come from the seed: it has to be here"
        );
        return Err(message.into());
    };
    let files = match &signed.dir {
        Some(dir) => disk::read_signed(dir)?,
        None => Vec::new(),
    };
    let judged = {
        let plan = plan(&cluster);
        let asked = external::asked(&plan, seed)?;
        external::judge(&cluster, &asked, &files)
    };
    say_diagnostics(&judged.said);
    match (judged.answers, &signed.dir) {
        (Some(answers), _) => Ok(cluster.with_answers(answers)),
        (None, Some(_)) => Err(Reported),
        (None, None) => Err(format!(
            "authorities of {shown} sign elsewhere: khw-gen csr {} -o DIR writes what they are asked, and --signed DIR takes what they sign",
            as_word(spec)
        )
        .into()),
    }
}

/// Reads a specification with its keys, its seed and what is signed elsewhere: an argument's seed must be there, the one that it names need
/// not.
pub fn read_specified(
    spec: &Path,
    seed_file: Option<&Path>,
    keys: &Arc<Opener>,
    signed: &SignedArgs,
) -> Result<Specified, Reported> {
    let mut checked = read_checked(spec, &with_keys(keys))?;
    let seed = match (seed_file, seed_path(spec, None, checked.seed.as_deref())) {
        (Some(_), _) => Some(read_seed(spec, seed_file, None, keys)?),
        (None, Some(path)) => read_seed_if_there(&path, keys)?,
        (None, None) => None,
    };
    checked.cluster = answered(spec, checked.cluster, seed.as_ref(), signed)?;
    Ok(Specified { checked, seed })
}

/// Whether a path leads to a specification rather than to what was made of one.
pub fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// What is at a path, whatever its state, or what a specification there compiles to. `stand_in` says what another seed than its own
/// makes wrong.
pub fn read_found_or_made(
    path: &Path,
    seed_file: Option<&Path>,
    opening: &OpeningArgs,
    signed: &SignedArgs,
    stand_in: &str,
) -> Result<Found, Reported> {
    if !is_spec(path) {
        return read_found(path, Beside::LeftOut);
    }
    let (made, keys) = read_specified(path, seed_file, &keys(opening)?, signed)?.make()?;
    if keys == Keys::StandIn {
        say(format_args!("note: {} has no seed here: {stand_in}", path.display()));
    }
    Ok(made)
}

/// Says that a specification was compiled without its seed.
pub fn say_that_the_seed_is_missing(spec: &Path) {
    say(format_args!(
        "note: {} has no seed here: keys, serial numbers and secrets are not compared",
        spec.display()
    ));
}

/// Reads the seed from where the command line says, else from where the specification says, relative to it.
pub fn read_seed(spec: &Path, argument: Option<&Path>, in_spec: Option<&str>, keys: &Opener) -> Result<Seed, Reported> {
    let Some(path) = seed_path(spec, argument, in_spec) else {
        say_error(format_args!(
            "there is no seed: set `seed` in [pki], or give --seed-file FILE (khw-gen init writes a fresh one)"
        ));
        return Err(Reported);
    };
    Ok(read_seed_file(&path, keys)?.seed)
}

/// The seed in a file, sealed or not.
pub fn read_seed_file(path: &Path, keys: &Opener) -> Result<SeedFile, Reported> {
    seed_of(path, &disk::read_seed(path)?, keys)
}

pub fn seed_path(spec: &Path, argument: Option<&Path>, in_spec: Option<&str>) -> Option<PathBuf> {
    match (argument, in_spec) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Some(path)) => Some(spec.parent().unwrap_or(Path::new("")).join(path)),
        (None, None) => None,
    }
}

/// The seed in a file; none if there is no such file. One that is there and can't be read is an error.
pub fn read_seed_if_there(path: &Path, keys: &Opener) -> Result<Option<Seed>, Reported> {
    match disk::read_seed(path) {
        Err(DiskError::Os { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        text => Ok(Some(seed_of(path, &text?, keys)?.seed)),
    }
}

fn seed_of(path: &Path, text: &SeedText, keys: &Opener) -> Result<SeedFile, Reported> {
    let is_sealed = is_sealed(text.bytes.expose());
    let opened = is_sealed
        .then(|| disk::open_sealed(path, &text.bytes, keys))
        .transpose()?;
    let plain = opened.as_ref().unwrap_or(&text.bytes);
    let file = Seed::parse(plain.expose()).map_err(|error| {
        Reported::from(format!(
            "{}: {error} (khw-gen init writes a fresh one; so does openssl rand -hex 32)",
            path.display()
        ))
    })?;
    // Whoever reads a sealed one has nothing.
    if !is_sealed {
        text.check_exposure(file.public)?;
    }
    if file.public {
        say(format_args!(
            "warning: the seed {} is public: anybody has the keys made from it. Use it for examples and tests only.",
            path.display()
        ));
    }
    Ok(file)
}

/// How many hosts an error names.
const NAMED_HOSTS: usize = 20;

pub fn unknown_host(cluster: &Cluster, name: &str) -> String {
    let names = || cluster.hosts.iter().map(|host| host.name.as_str());
    let meant = suggest::nearest(name, names()).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    let listed: Vec<&str> = names().take(NAMED_HOSTS).collect();
    let more = match cluster.hosts.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "there is no host {name:?}{meant}; the hosts are {}{more}",
        listed.join(", ")
    )
}
