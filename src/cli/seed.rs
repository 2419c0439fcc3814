//! `khw-gen seed`. `new` and `split` draw randomness, as `init` does, and nothing else of the compiler.

use std::path::Path;

use getrandom::SysRng;
use khw_gen::disk::{self, Specification};
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::sealing::{seal_as_text, seal_with_passphrase};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::shares::{self, Share};
use khw_gen::pki::signing::OutputSigner;
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

use super::args::{SeedArgs, SeedJoinArgs, SeedNewArgs, SeedSealingArgs, SeedSignArgs, SeedSignerArgs, SeedSplitArgs};
use super::opening::{keys, new_passphrase, recipients};
use super::say::{Reported, print, say};
use super::specification::{read_checked, read_seed, read_seed_file};

/// Of what nobody but its owner may read.
const SECRET_MODE: u32 = 0o600;

pub fn draw(arguments: &SeedNewArgs) -> Result<(), Reported> {
    let SeedNewArgs {
        out,
        sealing,
        passphrase_file,
    } = arguments;
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let seed = Seed::from_bytes(bytes);
    let (text, is_sealed) = file_text(&seed, sealing, passphrase_file.as_deref())?;
    match out {
        Some(path) => write_seed(path, &text, is_sealed),
        // Only what is sealed needs no file.
        None => print(String::from_utf8_lossy(text.expose()).trim_end()),
    }
}

pub fn split(arguments: &SeedSplitArgs) -> Result<(), Reported> {
    let SeedSplitArgs {
        seed: path,
        needed,
        shares,
        out,
        opening,
    } = arguments;
    let file = read_seed_file(path, &*keys(opening)?)?;
    if file.public {
        return Err(format!("{} is public: there is nothing to keep apart", path.display()).into());
    }
    // A source of randomness that fails is told here; later it can't be.
    getrandom::fill(&mut [0; 1])?;
    let made = shares::split(&file.seed, *needed, *shares, UnwrapErr(SysRng))?;
    let files: Vec<(String, SecretBytes)> = made
        .iter()
        .map(|share| (format!("share-{}.txt", share.number), share.to_text()))
        .collect();
    let new: Vec<(&str, u32, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), SECRET_MODE, text.expose()))
        .collect();
    disk::write_new_files(out, &new)?;
    for (name, _) in &files {
        print(format_args!("{SECRET_MODE:04o} {}", out.join(name).display()))?;
    }
    print(format_args!(
        "\nAny {needed} of the {shares} make the seed whole: give each to somebody else. {} is not needed any more once they have them.",
        path.display()
    ))
}

pub fn join(arguments: &SeedJoinArgs) -> Result<(), Reported> {
    let SeedJoinArgs {
        shares: paths,
        out,
        sealing,
        passphrase_file,
    } = arguments;
    let shown = |at: usize| paths[at].display();
    let mut read = Vec::new();
    for (path, at) in paths.iter().zip(0..) {
        let share = Share::parse(disk::read_share(path)?.expose());
        read.push(share.map_err(|error| Reported::from(format!("{}: {error}", shown(at))))?);
    }
    let seed = shares::join(&read).map_err(|error| match error.about() {
        Some(at) => Reported::from(format!("{}: {error}", shown(at))),
        None => Reported::from(error),
    })?;
    let (text, is_sealed) = file_text(&seed, sealing, passphrase_file.as_deref())?;
    write_seed(out, &text, is_sealed)
}

pub fn show_signer(arguments: &SeedSignerArgs) -> Result<(), Reported> {
    print(signer_of(&arguments.spec, &arguments.seed)?.allowed_signers_line()?)
}

pub fn sign(arguments: &SeedSignArgs) -> Result<(), Reported> {
    let SeedSignArgs { spec, file, out, seed } = arguments;
    let signer = signer_of(spec, seed)?;
    let signature = signer.sign(disk::read_whole(file)?.expose())?;
    write_new(out, 0o644, signature.as_bytes())?;
    print(format_args!("0644 {}", out.display()))
}

fn signer_of(spec: &Path, seed: &SeedArgs) -> Result<OutputSigner, Reported> {
    let checked = read_checked(spec, &Specification::open)?;
    let seed = read_seed(
        spec,
        seed.file.as_deref(),
        checked.seed.as_deref(),
        &*keys(&seed.opening)?,
    )?;
    Ok(OutputSigner::new(&seed, &checked.cluster.name)?)
}

/// The text of a seed's file, and whether it is sealed.
fn file_text(
    seed: &Seed,
    sealing: &SeedSealingArgs,
    passphrase_file: Option<&Path>,
) -> Result<(SecretBytes, bool), Reported> {
    let plain = seed.to_file_text();
    let recipients = recipients(&sealing.sealing)?;
    Ok(match (sealing.passphrase, recipients.is_empty()) {
        (true, _) => (
            seal_with_passphrase(&new_passphrase(passphrase_file)?, &plain)?.into(),
            true,
        ),
        (false, false) => (seal_as_text(&recipients, &plain)?.into(), true),
        (false, true) => (plain, false),
    })
}

fn write_seed(path: &Path, text: &SecretBytes, is_sealed: bool) -> Result<(), Reported> {
    write_new(path, SECRET_MODE, text.expose())?;
    print(format_args!("{SECRET_MODE:04o} {}", path.display()))?;
    if !is_sealed {
        say(format_args!(
            "note: whoever has {} has every key of the cluster; --to and --passphrase seal it",
            path.display()
        ));
    }
    Ok(())
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Reported> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| format!("{} is no name of a file", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(disk::write_new_files(folder, &[(&name, mode, bytes)])?)
}
