//! Writing files that must not exist yet. It never overwrites and leaves nothing behind when it fails.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchmod, fsync, open};

use super::error::DiskError;
use crate::bundle::check_path;

/// Writes each `(path, mode, bytes)` below `dir`, with missing folders (0755) made, `dir` included.
///
/// Errors: [`DiskError::WouldOverwrite`] with everything that exists, before anything is written; otherwise what went wrong,
/// after what was written is removed again.
pub fn write_new_files(dir: &Path, files: &[(&str, u32, &[u8])]) -> Result<(), DiskError> {
    for (path, _, _) in files {
        check_path(path).map_err(|_| DiskError::BadName {
            name: (*path).to_owned(),
            why: "it is not a plain relative path",
        })?;
    }
    refuse_existing(dir, files.iter().map(|(path, _, _)| *path))?;
    let mut made = Made::default();
    for (path, mode, bytes) in files {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            made.create_folders(parent)?;
        }
        made.create_file(&path, *mode, bytes)?;
    }
    made.keep()
}

/// Errors: [`DiskError::WouldOverwrite`] with those of the paths below `dir` that exist.
pub fn refuse_existing<'a>(dir: &Path, paths: impl IntoIterator<Item = &'a str>) -> Result<(), DiskError> {
    let paths = paths.into_iter().map(|path| dir.join(path));
    let existing: Vec<PathBuf> = paths.filter(|path| fs::symlink_metadata(path).is_ok()).collect();
    match existing.is_empty() {
        true => Ok(()),
        false => Err(DiskError::WouldOverwrite { paths: existing }),
    }
}

/// More than a file can sensibly have that khw-gen wrote for people.
const MOST_OF_A_FILE: u64 = 256 << 20;

/// Whether a file may be written at `path`: there is none, or one that khw-gen made, which `is_ours` tells by what is in it.
///
/// Errors: [`DiskError::NotOurFile`]; what went wrong while looking.
pub fn check_replaceable_file(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> Result<(), DiskError> {
    let failed = |reason: io::Error| DiskError::os("read", path, reason);
    let refused = |why| {
        Err(DiskError::NotOurFile {
            path: path.to_owned(),
            why,
        })
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_file() => return refused("it is no file"),
        Ok(_) => {}
    }
    let file = open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let file = File::from(file.map_err(|reason| failed(reason.into()))?);
    let mut bytes = Vec::new();
    file.take(MOST_OF_A_FILE).read_to_end(&mut bytes).map_err(failed)?;
    match is_ours(&bytes) {
        true => Ok(()),
        false => refused("what is in it is something else"),
    }
}

/// Writes a file (0644) that takes the place of what is there as a whole, or leaves that as it is.
///
/// Errors: as [`check_replaceable_file`]; what went wrong while writing.
pub fn replace_file(path: &Path, is_ours: impl Fn(&[u8]) -> bool, bytes: &[u8]) -> Result<(), DiskError> {
    check_replaceable_file(path, is_ours)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| DiskError::NotAFile { path: path.to_owned() })?;
    // What it is staged as is no name that its user has given.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(DiskError::os("find the folder", folder, rustix::io::Errno::NOENT));
    }
    let staged = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let mut made = Made::default();
    made.create_file(&staged, 0o644, bytes)?;
    fs::rename(&staged, path).map_err(|reason| DiskError::os("write", path, reason))?;
    made.keep()
}

/// Makes a folder, and those that lead to it (0755), unless they are there.
///
/// Errors: what went wrong, after what was made is removed again.
pub fn make_folder(path: &Path) -> Result<(), DiskError> {
    let mut made = Made::default();
    made.create_folders(path)?;
    made.keep()
}

/// What was made so far, in order; removed again on drop.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    fn create_folders(&mut self, folder: &Path) -> Result<(), DiskError> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.create_folders(parent)?;
        }
        let failed = |reason: io::Error| DiskError::os("make the folder", folder, reason);
        fs::create_dir(folder).map_err(failed)?;
        self.folders.push(folder.to_owned());
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(failed)
    }

    fn create_file(&mut self, path: &Path, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match open(path, flags, Mode::RUSR | Mode::WUSR) {
            Err(rustix::io::Errno::EXIST) => {
                return Err(DiskError::WouldOverwrite {
                    paths: vec![path.to_owned()],
                });
            }
            file => File::from(file.map_err(|reason| DiskError::os("create", path, reason))?),
        };
        self.files.push(path.to_owned());
        let failed = |reason: io::Error| DiskError::os("write", path, reason);
        (&file).write_all(bytes).map_err(failed)?;
        fchmod(file.as_fd(), Mode::from_raw_mode(mode)).map_err(|reason| failed(reason.into()))?;
        fsync(&file).map_err(|reason| failed(reason.into()))
    }

    fn keep(mut self) -> Result<(), DiskError> {
        self.files.clear();
        self.folders.clear();
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What can't be removed stays: the error that brought us here is the one to tell.
        self.files.iter().for_each(|path| drop(fs::remove_file(path)));
        self.folders.iter().rev().for_each(|path| drop(fs::remove_dir(path)));
    }
}
