//! Reads a golden, one host's folder at a time.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, open};

use super::error::DiskError;
use super::tree::{list, read_file, read_tree};
use crate::found::{FoundNodes, MOST_BYTES};
use crate::golden::index::{self, INDEX};

/// A folder that holds a golden of the format that this khw-gen compares.
#[derive(Debug)]
pub struct GoldenFolder {
    path: PathBuf,
    /// The text of its index.
    pub index: String,
    /// What is at its top beside the index, and whether it is a folder.
    pub names: BTreeMap<String, bool>,
}

/// Opens the golden at `dir`.
///
/// Errors: it can't be read, has no index, or one of another format.
pub fn read_golden(dir: &Path) -> Result<GoldenFolder, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = open(dir, flags, Mode::empty()).map_err(|reason| DiskError::os("open", dir, reason))?;
    let mut names = BTreeMap::new();
    let mut index = None;
    for (name, stat) in list(folder.as_fd(), dir)? {
        let Some(name) = name.to_str() else {
            return Err(DiskError::NameNotUtf8 { path: dir.join(name) });
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if name == INDEX && kind == FileType::RegularFile {
            let content = read_file(folder.as_fd(), name, &dir.join(name), MOST_BYTES)?;
            index = Some(String::from_utf8_lossy(content.expose()).into_owned());
        } else {
            names.insert(name.to_owned(), kind == FileType::Directory);
        }
    }
    let no_golden = |why: String| DiskError::NoGolden {
        path: dir.to_owned(),
        why,
    };
    let index = index.ok_or_else(|| no_golden(format!("there is no {INDEX} in it")))?;
    index::paths(&index).map_err(|error| no_golden(error.to_string()))?;
    Ok(GoldenFolder {
        path: dir.to_owned(),
        index,
        names,
    })
}

impl GoldenFolder {
    /// Everything below the folder `name` at the top.
    pub fn below(&self, name: &str) -> Result<FoundNodes, DiskError> {
        read_tree(&self.path.join(name))
    }
}
