//! Reading what the user wrote: cluster.toml, the CSR folder, the seed, an authority that is there already. It judges nothing but whether they can be read.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, open};
use zeroize::Zeroizing;

use super::error::DiskError;
use crate::found::{MOST_BYTES, printable};
use crate::input::{Files, PEM_ENDINGS, SourceText, Unreadable, is_same_path};
use crate::pki::sealing::{OpenError, Opener, is_sealed};
use crate::pki::secret::SecretBytes;

/// Far more than any cluster needs, and little enough to read by mistake.
const LARGEST_SOURCE: u64 = 16 << 20;

/// A seed is a hundred bytes or so; the rest is for comments.
const LARGEST_SEED: u64 = 64 << 10;

/// A key in PEM, with the text that OpenSSL may put before it; and a certificate likewise.
const LARGEST_PEM: u64 = 1 << 20;

/// A specification on disk: cluster.toml, and what it names relative to itself. What can't be read, is too large or is not
/// UTF-8, and a key that others may read, is unreadable to those who ask for it.
#[derive(Debug)]
pub struct Specification {
    path: PathBuf,
    main: SourceText,
    needs_keys: bool,
    /// What opens keys that are sealed.
    opens: Arc<Opener>,
}

impl Specification {
    /// Reads cluster.toml, for those who sign nothing: a key that is not there, or that may not be read, is not missed.
    ///
    /// Errors: cluster.toml itself can't be read.
    pub fn open(cluster_toml: &Path) -> Result<Specification, DiskError> {
        Ok(Specification {
            path: cluster_toml.to_owned(),
            main: SourceText {
                name: cluster_toml.to_string_lossy().into_owned(),
                text: read_text(cluster_toml)?,
            },
            needs_keys: false,
            opens: Arc::new(Opener::none()),
        })
    }

    /// As [`Specification::open`], with standard input for the text of cluster.toml: what an editor has that is not saved.
    pub fn from_input(cluster_toml: &Path) -> Result<Specification, DiskError> {
        Ok(Specification {
            path: cluster_toml.to_owned(),
            main: SourceText {
                name: cluster_toml.to_string_lossy().into_owned(),
                text: text_of(standard_input(cluster_toml)?, cluster_toml)?,
            },
            needs_keys: false,
            opens: Arc::new(Opener::none()),
        })
    }

    /// As [`Specification::open`], for those who sign: a key that can't be read, or is not there, is unreadable.
    pub fn open_with_keys(cluster_toml: &Path) -> Result<Specification, DiskError> {
        let opened = Specification::open(cluster_toml)?;
        Ok(Specification {
            needs_keys: true,
            ..opened
        })
    }

    /// The same, with what opens the keys that are sealed.
    pub fn opened_with(self, opens: &Arc<Opener>) -> Specification {
        Specification {
            opens: Arc::clone(opens),
            ..self
        }
    }

    fn beside(&self, path: &str) -> PathBuf {
        match self.path.parent() {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }
}

impl Files for Specification {
    fn main(&self) -> &SourceText {
        &self.main
    }

    fn name(&self, path: &str) -> String {
        self.beside(path).to_string_lossy().into_owned()
    }

    fn list(&self, folder: &str) -> Result<Vec<Result<String, Unreadable>>, Unreadable> {
        let folder = self.beside(folder);
        let names = json_files(&folder).map_err(unreadable)?.into_iter();
        let text = |name: OsString| {
            let path = folder.join(&name);
            name.into_string()
                .map_err(|_| unreadable(DiskError::NameNotUtf8 { path }))
        };
        Ok(names.map(text).collect())
    }

    fn pem_files(&self, folder: &str) -> Vec<String> {
        let folder = self.beside(folder);
        let ends = |name: &[u8]| PEM_ENDINGS.iter().any(|end| name.ends_with(end.as_bytes()));
        let names = files_where(&folder, ends).unwrap_or_default().into_iter();
        names.filter_map(|name| name.into_string().ok()).collect()
    }

    fn text(&self, path: &str) -> Result<String, Unreadable> {
        read_listed_text(&self.beside(path)).map_err(unreadable)
    }

    fn certificate(&self, path: &str) -> Result<SecretBytes, Unreadable> {
        let path = self.beside(path);
        let file = open_named(&path).map_err(unreadable)?;
        read_secret(file, &path, LARGEST_PEM).map_err(unreadable)
    }

    fn key(&self, path: &str) -> Result<Option<SecretBytes>, Unreadable> {
        read_key(&self.beside(path), self.needs_keys, &self.opens).map_err(|error| Unreadable {
            hint: match error {
                DiskError::CantOpen { .. } => None,
                _ => Some("see that the path is right, and that its owner alone may read the file"),
            },
            ..unreadable(error)
        })
    }

    /// A link leads to the file, be it symbolic or hard.
    fn are_one(&self, one: &str, other: &str) -> bool {
        let file = |path: &str| fs::metadata(self.beside(path)).map(|file| (file.dev(), file.ino()));
        is_same_path(one, other) || matches!((file(one), file(other)), (Ok(one), Ok(other)) if one == other)
    }
}

fn unreadable(error: DiskError) -> Unreadable {
    Unreadable::because(error.to_string())
}

/// The key of an authority, which none but its owner may be able to read unless it is sealed; none if there is none to read and no need.
fn read_key(path: &Path, is_needed: bool, opens: &Opener) -> Result<Option<SecretBytes>, DiskError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(reason)
            if !is_needed && matches!(reason.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
        {
            return Ok(None);
        }
        Err(reason) => return Err(DiskError::os("open", path, reason)),
    };
    let exposed_mode = exposed_mode(&file, path)?;
    let bytes = match read_secret(file, path, LARGEST_PEM) {
        Ok(bytes) if is_sealed(bytes.expose()) => {
            return match open_sealed(path, &bytes, opens) {
                Err(DiskError::CantOpen {
                    reason: OpenError::NoIdentity | OpenError::NotAsked(_),
                    ..
                }) if !is_needed => Ok(None),
                opened => opened.map(Some),
            };
        }
        bytes => bytes,
    };
    match exposed_mode {
        Some(mode) => Err(DiskError::CaKeyExposed {
            path: path.to_owned(),
            mode,
        }),
        None => bytes.map(Some),
    }
}

/// What is sealed in a file that was read.
///
/// Errors: [`DiskError::CantOpen`].
pub fn open_sealed(path: &Path, sealed: &SecretBytes, opens: &Opener) -> Result<SecretBytes, DiskError> {
    let opened = opens.open(&printable(&path.to_string_lossy()), sealed.expose());
    opened.map_err(|reason| DiskError::CantOpen {
        path: path.to_owned(),
        reason,
    })
}

/// Reads what opens other files, a passphrase or identities: none but its owner may be able to read it, unless it is sealed itself.
/// `what` it is stands in the error.
pub fn read_opener(path: &Path, what: &'static str) -> Result<SecretBytes, DiskError> {
    let file = open_named(path)?;
    let exposed_mode = exposed_mode(&file, path)?;
    let bytes = read_secret(file, path, LARGEST_SEED)?;
    match exposed_mode.filter(|_| !is_sealed(bytes.expose())) {
        Some(mode) => Err(DiskError::OpenerExposed {
            what,
            path: path.to_owned(),
            mode,
        }),
        None => Ok(bytes),
    }
}

/// Reads a file that holds no secret, as text: recipients, signers, a signature, sums.
pub fn read_public_text(path: &Path) -> Result<String, DiskError> {
    read_text(path)
}

/// Whether there is anything of this name.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Reads a share of a seed. Others may have it: it is no seed, and whoever has it printed on paper has no mode on it.
pub fn read_share(path: &Path) -> Result<SecretBytes, DiskError> {
    read_secret(open_named(path)?, path, LARGEST_SEED)
}

/// Reads a file to be opened, or to be signed, whatever it is.
pub fn read_whole(path: &Path) -> Result<SecretBytes, DiskError> {
    read_secret(open_named(path)?, path, MOST_BYTES)
}

/// The permission bits of what is read, whatever the path leads to by now, when group or others have any of them.
fn exposed_mode(file: &File, path: &Path) -> Result<Option<u32>, DiskError> {
    let stat = fstat(file).map_err(|reason| DiskError::os("look at", path, reason))?;
    let judged = matches!(
        FileType::from_raw_mode(stat.st_mode),
        FileType::RegularFile | FileType::Fifo
    );
    let mode = stat.st_mode & 0o777;
    Ok((judged && mode & 0o077 != 0).then_some(mode))
}

/// What `*.json` is in a shell, sorted: hidden files (locks and backups of editors) are not meant.
fn json_files(folder: &Path) -> Result<Vec<OsString>, DiskError> {
    files_where(folder, |name| name.ends_with(b".json"))
}

/// The names of files that are not hidden and are `wanted`, sorted; none where there is no folder.
fn files_where(folder: &Path, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<OsString>, DiskError> {
    let failed = |reason| DiskError::os("read the folder", folder, reason);
    let entries = match fs::read_dir(folder) {
        // A link that leads nowhere is there, and was meant to be something.
        Err(reason) if reason.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(folder).is_err() => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let bytes = name.as_encoded_bytes();
        if wanted(bytes) && !bytes.starts_with(b".") {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

/// A file that the user named; it may be a pipe.
fn open_named(path: &Path) -> Result<File, DiskError> {
    File::open(path).map_err(|reason| DiskError::os("open", path, reason))
}

fn read_text(path: &Path) -> Result<String, DiskError> {
    text_of(open_named(path)?, path)
}

fn read_listed_text(path: &Path) -> Result<String, DiskError> {
    text_of(open_found(path)?, path)
}

/// A file that was merely found: opening must not wait for the other end of a pipe.
fn open_found(path: &Path) -> Result<File, DiskError> {
    let failed = |reason: rustix::io::Errno| DiskError::os("open", path, reason);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open(path, flags, Mode::empty()).map_err(failed)?;
    // What a kernel tells of its processes, their environments too, is nobody's input.
    let is_of_kernel = fstatfs(&file).map_err(failed)?.f_type == PROC_SUPER_MAGIC;
    match FileType::from_raw_mode(fstat(&file).map_err(failed)?.st_mode) {
        FileType::RegularFile if is_of_kernel => Err(DiskError::OfKernel { path: path.to_owned() }),
        FileType::RegularFile => Ok(File::from(file)),
        _ => Err(DiskError::NotAFile { path: path.to_owned() }),
    }
}

/// What lies in a folder and is a certificate, or was meant to be one.
pub(super) fn read_found_secret(path: &Path) -> Result<SecretBytes, DiskError> {
    read_secret(open_found(path)?, path, LARGEST_PEM)
}

fn text_of(file: File, path: &Path) -> Result<String, DiskError> {
    let bytes = read_secret(file, path, LARGEST_SOURCE)?.expose().to_vec();
    String::from_utf8(bytes).map_err(|error| DiskError::NotUtf8 {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}

/// A seed file as read, and who else could have read it.
#[derive(Debug)]
pub struct SeedText {
    /// The file's content.
    pub bytes: SecretBytes,
    /// The file's permission bits, when group or others have any of them.
    pub exposed_mode: Option<u32>,
    path: PathBuf,
}

impl SeedText {
    /// Refuses a seed that others than its owner may read, unless the seed itself says that it is public.
    pub fn check_exposure(&self, declared_public: bool) -> Result<(), DiskError> {
        match self.exposed_mode {
            Some(mode) if !declared_public => Err(DiskError::SeedExposed {
                path: self.path.clone(),
                mode,
            }),
            _ => Ok(()),
        }
    }
}

/// Reads a seed file, or standard input for `-`. Whether it may be used is [`SeedText::check_exposure`]'s to say.
///
/// Errors: it can't be read, or is larger than 64 KiB.
pub fn read_seed(path: &Path) -> Result<SeedText, DiskError> {
    let file = match path.as_os_str() == "-" {
        true => standard_input(path)?,
        false => open_named(path)?,
    };
    let exposed_mode = exposed_mode(&file, path)?;
    let bytes = read_secret(file, path, LARGEST_SEED)?;
    Ok(SeedText {
        bytes,
        exposed_mode,
        path: path.to_owned(),
    })
}

/// Not std's, whose buffer would keep a seed.
fn standard_input(path: &Path) -> Result<File, DiskError> {
    let input = io::stdin().as_fd().try_clone_to_owned();
    input
        .map(File::from)
        .map_err(|reason| DiskError::os("open", path, reason))
}

fn read_secret(mut file: File, path: &Path, limit: u64) -> Result<SecretBytes, DiskError> {
    let mut bytes = SecretBytes::default();
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        match file.read(&mut chunk[..]) {
            Ok(0) => return Ok(bytes),
            Ok(length) if (bytes.len() + length) as u64 > limit => {
                return Err(DiskError::TooLarge {
                    path: path.to_owned(),
                    limit,
                });
            }
            Ok(length) => bytes.extend(&chunk[..length]),
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(DiskError::os("read", path, reason)),
        }
    }
}
