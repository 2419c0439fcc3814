//! What can go wrong with files and folders, and how it is told.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::found::printable;
use crate::pki::sealing::OpenError;

/// What could not be read or written, and why: the path and the system's reason, never content.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The system refused: what was to be done ("read"), to which path, its reason.
    #[error("can't {action} {}: {reason}", shown(.path))]
    Os {
        action: &'static str,
        path: PathBuf,
        #[source]
        reason: io::Error,
    },
    /// `at` is the offset of the first bad byte.
    #[error("{} is not UTF-8: see the byte at {at}", shown(.path))]
    NotUtf8 { path: PathBuf, at: usize },
    #[error("the name of {} is not UTF-8", shown(.path))]
    NameNotUtf8 { path: PathBuf },
    /// More bytes than a file of this kind can sensibly have.
    #[error("{} is larger than {limit} bytes", shown(.path))]
    TooLarge { path: PathBuf, limit: u64 },
    /// More in a folder than is read at once.
    #[error("{} holds more than {limit} bytes, or more files than that: verify its hosts one by one", shown(.path))]
    TooMuch { path: PathBuf, limit: u64 },
    #[error("the folder {} is too deep below others", shown(.path))]
    TooDeep { path: PathBuf },
    /// A folder, device, pipe or socket where a file should be.
    #[error("{} is not a file", shown(.path))]
    NotAFile { path: PathBuf },
    /// A file of /proc, which a template or a CSR folder names.
    #[error("{} is what the kernel tells of this machine and its processes, and no file of a specification", shown(.path))]
    OfKernel { path: PathBuf },
    /// The seed can be read by others than its owner, and does not say that it is public.
    #[error("the seed {} has mode {mode:04o}: others can read it, and with it every key; chmod 600 it", shown(.path))]
    SeedExposed { path: PathBuf, mode: u32 },
    /// The key of an authority can be read by others than its owner.
    #[error("the key {} has mode {mode:04o}: others can read it, and sign with it; chmod 600 it", shown(.path))]
    CaKeyExposed { path: PathBuf, mode: u32 },
    /// What opens other files can be read by others than its owner.
    #[error("the {what} {} has mode {mode:04o}: others can read it, and open with it what is sealed; chmod 600 it", shown(.path))]
    OpenerExposed {
        what: &'static str,
        path: PathBuf,
        mode: u32,
    },
    /// A sealed file that nothing opens which was given.
    #[error("{} can't be opened: {reason}", shown(.path))]
    CantOpen { path: PathBuf, reason: OpenError },
    /// A folder of sealed archives, or one of them, where something readable should be.
    #[error(
        "{} is sealed (khw-gen seal), so nobody can compare it with anything: khw-gen open unpacks an archive of it, and another build \
         needs a folder of its own",
        shown(.path)
    )]
    IsSealed { path: PathBuf },
    /// The output path has no folder to be in or no name (`/`).
    #[error("{path:?} can't be an output folder: it has no name")]
    NoName { path: PathBuf },
    #[error(
        "{} is the folder you are in, or one above it: it would be replaced under your feet; name another, or start from \
         elsewhere",
        shown(.path)
    )]
    OutputIsWorkingFolder { path: PathBuf },
    /// There is something at the output's path that is not a folder.
    #[error("{} is not a folder", shown(.path))]
    NotAFolder { path: PathBuf },
    #[error("{} was not made by khw-gen and will not be replaced: {why}", shown(.path))]
    NotOurFile { path: PathBuf, why: &'static str },
    #[error("{} was not made by khw-gen and will not be replaced: {why}", shown(.path))]
    NotOurs { path: PathBuf, why: String },
    #[error("{} is no golden to compare with: {why}", shown(.path))]
    NoGolden { path: PathBuf, why: String },
    /// The folder at the output's path holds what khw-gen did not write: how many, and the first few.
    #[error(
        "{} holds what khw-gen did not write, and will not be replaced:{}{}",
        shown(.path),
        all_shown(.first),
        and_more(.count - .first.len())
    )]
    Foreign {
        path: PathBuf,
        count: usize,
        first: Vec<PathBuf>,
    },
    /// A name can't be a file or a folder at the top of an output.
    #[error("{name:?} can't be a name in the output: {why}")]
    BadName { name: String, why: &'static str },
    /// Two hosts or archives have the same name.
    #[error("{name} is in the output twice")]
    Duplicate { name: String },
    #[error(
        "the filesystem of {} does not keep permissions (wanted {wanted:04o}, got {got:04o}): secrets can't be written there",
        shown(.path)
    )]
    ModeNotKept { path: PathBuf, wanted: u32, got: u32 },
    /// Of the output's path, or its staging folders.
    #[error("other programs keep changing {}: try again when they are done", shown(.path))]
    Contended { path: PathBuf },
    /// A folder is no part of a fleet that can be joined with others.
    #[error("{} is no part that can be joined: {why}", shown(.path))]
    NoPart { path: PathBuf, why: String },
    /// Something in a part is not as its manifest says.
    #[error("{} is damaged: {why}", shown(.path))]
    DamagedPart { path: PathBuf, why: String },
    /// Parts that are not those of one whole, each host in one of them.
    #[error("{0}")]
    PartsDontFit(String),
    #[error(
        "the output {} is the part {}, in it, or around it: it would be replaced; name another folder",
        shown(.path),
        shown(.part)
    )]
    OutputIsPart { path: PathBuf, part: PathBuf },
    #[error("nothing was written, because there is already:{}", all_shown(.paths))]
    WouldOverwrite { paths: Vec<PathBuf> },
}

impl DiskError {
    pub(super) fn os(action: &'static str, path: impl Into<PathBuf>, reason: impl Into<io::Error>) -> Self {
        DiskError::Os {
            action,
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// Whether there is nothing of the name.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, DiskError::Os { reason, .. } if reason.kind() == io::ErrorKind::NotFound)
    }
}

/// A path for people: a file's name must not be able to steer their terminal.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// So many paths are named; the rest is counted.
const PATHS_SHOWN: usize = 4;

fn all_shown(paths: &[PathBuf]) -> String {
    let named: String = paths
        .iter()
        .take(PATHS_SHOWN)
        .map(|path| format!(" {}", shown(path)))
        .collect();
    format!("{named}{}", and_more(paths.len().saturating_sub(PATHS_SHOWN)))
}

fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}
