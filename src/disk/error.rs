//! What can go wrong with files and folders, and how it is told.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What could not be read or written, and why: the path and the system's reason, never content.
#[derive(Debug)]
pub enum DiskError {
    /// The system refused: what was to be done ("read"), to which path, its reason.
    Os {
        action: &'static str,
        path: PathBuf,
        reason: io::Error,
    },
    /// A text is not UTF-8; `at` is the offset of the first bad byte.
    NotUtf8 { path: PathBuf, at: usize },
    /// The name of a file is not UTF-8.
    NameNotUtf8 { path: PathBuf },
    /// More bytes than a file of this kind can sensibly have.
    TooLarge { path: PathBuf, limit: u64 },
    /// More in a folder than is read at once.
    TooMuch { path: PathBuf, limit: u64 },
    /// Folders in folders in folders.
    TooDeep { path: PathBuf },
    /// A folder, device, pipe or socket where a file should be.
    NotAFile { path: PathBuf },
    /// The seed can be read by others than its owner, and does not say that it is public.
    SeedExposed { path: PathBuf, mode: u32 },
    /// The key of an authority can be read by others than its owner.
    CaKeyExposed { path: PathBuf, mode: u32 },
    /// The output path has no folder to be in or no name (`/`).
    NoName { path: PathBuf },
    /// The output is the folder that the program was started in, or one above it.
    OutputIsWorkingFolder { path: PathBuf },
    /// There is something at the output's path that is not a folder.
    NotAFolder { path: PathBuf },
    /// The folder at the output's path was not made by khw-gen.
    NotOurs { path: PathBuf, why: String },
    /// A folder is no golden that can be compared.
    NoGolden { path: PathBuf, why: String },
    /// The folder at the output's path holds what khw-gen did not write: how many, and the first few.
    Foreign {
        path: PathBuf,
        count: usize,
        first: Vec<PathBuf>,
    },
    /// A name can't be a file or a folder at the top of an output.
    BadName { name: String, why: &'static str },
    /// Two hosts or archives have the same name.
    Duplicate { name: String },
    /// The filesystem does not keep permission bits, so secrets would be open to others.
    ModeNotKept { path: PathBuf, wanted: u32, got: u32 },
    /// Other processes kept changing the output's path, or its staging folders, all the time.
    Contended { path: PathBuf },
    /// A folder is no part of a fleet that can be joined with others.
    NoPart { path: PathBuf, why: String },
    /// Something in a part is not as its manifest says.
    DamagedPart { path: PathBuf, why: String },
    /// Parts that are not those of one whole, each host in one of them.
    PartsDontFit(String),
    /// The output of a merge is one of the parts, in one, or around one.
    OutputIsPart { path: PathBuf, part: PathBuf },
    /// Files that would have been overwritten.
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
}

/// A path for people: a file's name must not be able to steer their terminal.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string_lossy().chars() {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskError::Os { action, path, reason } => write!(f, "can't {action} {}: {reason}", Shown(path)),
            DiskError::NotUtf8 { path, at } => write!(f, "{} is not UTF-8: see the byte at {at}", Shown(path)),
            DiskError::NameNotUtf8 { path } => write!(f, "the name of {} is not UTF-8", Shown(path)),
            DiskError::TooLarge { path, limit } => {
                write!(f, "{} is larger than {limit} bytes", Shown(path))
            }
            DiskError::TooMuch { path, limit } => write!(
                f,
                "{} holds more than {limit} bytes, or more files than that: verify its hosts one by one",
                Shown(path)
            ),
            DiskError::TooDeep { path } => write!(f, "the folder {} is too deep below others", Shown(path)),
            DiskError::NotAFile { path } => write!(f, "{} is not a file", Shown(path)),
            DiskError::SeedExposed { path, mode } => write!(
                f,
                "the seed {} has mode {mode:04o}: others can read it, and with it every key; chmod 600 it",
                Shown(path)
            ),
            DiskError::CaKeyExposed { path, mode } => write!(
                f,
                "the key {} has mode {mode:04o}: others can read it, and sign with it; chmod 600 it",
                Shown(path)
            ),
            DiskError::NoName { path } => write!(f, "{:?} can't be an output folder: it has no name", path),
            DiskError::OutputIsWorkingFolder { path } => write!(
                f,
                "{} is the folder you are in, or one above it: it would be replaced under your feet; \
                 name another, or start from elsewhere",
                Shown(path)
            ),
            DiskError::NotAFolder { path } => write!(f, "{} is not a folder", Shown(path)),
            DiskError::NotOurs { path, why } => write!(
                f,
                "{} was not made by khw-gen and will not be replaced: {why}",
                Shown(path)
            ),
            DiskError::NoGolden { path, why } => write!(f, "{} is no golden to compare with: {why}", Shown(path)),
            DiskError::Foreign { path, count, first } => {
                write!(
                    f,
                    "{} holds what khw-gen did not write, and will not be replaced:",
                    Shown(path)
                )?;
                for foreign in first {
                    write!(f, " {}", Shown(foreign))?;
                }
                match count - first.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            DiskError::BadName { name, why } => write!(f, "{name:?} can't be a name in the output: {why}"),
            DiskError::Duplicate { name } => write!(f, "{name} is in the output twice"),
            DiskError::ModeNotKept { path, wanted, got } => write!(
                f,
                "the filesystem of {} does not keep permissions (wanted {wanted:04o}, got {got:04o}): secrets can't be \
                 written there",
                Shown(path)
            ),
            DiskError::Contended { path } => {
                write!(
                    f,
                    "other programs keep changing {}: try again when they are done",
                    Shown(path)
                )
            }
            DiskError::NoPart { path, why } => write!(f, "{} is no part that can be joined: {why}", Shown(path)),
            DiskError::DamagedPart { path, why } => write!(f, "{} is damaged: {why}", Shown(path)),
            DiskError::PartsDontFit(why) => f.write_str(why),
            DiskError::OutputIsPart { path, part } => write!(
                f,
                "the output {} is the part {}, in it, or around it: it would be replaced; name another folder",
                Shown(path),
                Shown(part)
            ),
            DiskError::WouldOverwrite { paths } => {
                write!(f, "nothing was written, because there is already:")?;
                paths.iter().try_for_each(|path| write!(f, " {}", Shown(path)))
            }
        }
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DiskError::Os { reason, .. } => Some(reason),
            _ => None,
        }
    }
}
