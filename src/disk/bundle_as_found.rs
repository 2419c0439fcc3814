//! Reads a bundle that is to be verified, whatever it is: a folder or an archive.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, open, statat};

use super::error::DiskError;
use super::tree::{
    ReadTogether, Reading, list, list_at_most, mode_of, most_entries, open_file, open_folder, read_file, read_open,
    read_places, read_tree, read_tree_where, size_to_read, text_of,
};
use crate::found::{
    Beside, Found, FoundHost, FoundNode, FoundNodes, MOST_BYTES, PART, Places, ROOTFS, Remark, STORE, compare_archives,
    from_archive, host_of_output, is_archive_beside, of_folder, of_output,
};
use crate::manifest::{MANIFEST, ManifestOf};
use crate::pki::sealing::is_sealed;

/// What is at `path`: a folder, or a tar, tar.gz, tar.zst or zip of a host. No link below it is followed. Of a machine, or a copy
/// of one, only what is at `places` is looked at, and what these files name. Of an output that is not judged only the hosts are read.
///
/// Errors: it can't be read, or is neither.
pub fn read_found(path: &Path, places: &Places, beside: Beside) -> Result<Found, DiskError> {
    let os = |reason| DiskError::os("open", path, reason);
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(os)?;
    let stat = fstat(&file).map_err(os)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => match read_output(path, beside)? {
            Some(output) => Ok(output),
            None => Ok(of_folder(&folder_name(path), read_folder(path, places)?, beside)),
        },
        FileType::RegularFile => {
            let bytes = read_open(File::from(file), &stat, path, MOST_BYTES)?;
            if is_sealed(bytes.expose()) {
                return Err(DiskError::IsSealed { path: path.to_owned() });
            }
            Ok(from_archive(&folder_name(path), bytes.expose()))
        }
        _ => Err(DiskError::NotAFile { path: path.to_owned() }),
    }
}

/// What there is in the folder of an output under a name.
enum AtTop {
    /// A host, what is remarkable about it, and the permission bits of its folder.
    Host(Box<FoundHost>, Vec<Remark>, u32),
    /// An archive, how large it is, and its permission bits.
    Archive(u64, u32),
    /// Anything else, and what is below it.
    Other(FoundNodes),
}

/// An output with its list and hosts, one host at a time on each thread; none where it is anything else.
fn read_output(dir: &Path, beside: Beside) -> Result<Option<Found>, DiskError> {
    let folder = open_dir(dir)?;
    if !has(&folder, MANIFEST) || has(&folder, ROOTFS) {
        return Ok(None);
    }
    // What stands in the way of reading it is told where it is read.
    if text_of(MANIFEST, folder.as_fd(), dir).is_ok_and(|text| ManifestOf::Sealed.begins(&text)) {
        return Err(DiskError::IsSealed { path: dir.to_owned() });
    }
    let known = ReadTogether::new(dir);
    let listed = list_at_most(folder.as_fd(), dir, most_entries(known.left()))?;
    let is_host = |(name, stat): &(OsString, Stat)| {
        FileType::from_raw_mode(stat.st_mode) == FileType::Directory && has_folder(&folder, name, ROOTFS)
    };
    let hosts: Vec<bool> = listed.par_iter().map(is_host).collect();
    if !hosts.contains(&true) {
        return Ok(None);
    }
    known.pay_for("", &listed)?;
    let read = |((name, stat), is_host): (&(OsString, Stat), &bool)| {
        let entry = read_entry(&known, folder.as_fd(), dir, (name, stat, *is_host), beside)?;
        Ok((name.to_string_lossy().into_owned(), entry))
    };
    let entries: Vec<Result<(String, AtTop), DiskError>> = listed.par_iter().zip(&hosts).map(read).collect();
    let (mut hosts, mut remarks, mut archives) = (Vec::new(), Vec::new(), Vec::new());
    let mut top = FoundNodes::new();
    for entry in entries {
        match entry? {
            (name, AtTop::Host(host, of_host, mode)) => {
                top.insert(name, FoundNode::Directory { mode: Some(mode) });
                hosts.push(*host);
                remarks.extend(of_host);
            }
            (name, AtTop::Archive(size, mode)) => archives.push(((name, size), mode)),
            (_, AtTop::Other(nodes)) => top.extend(nodes),
        }
    }
    let (sizes, modes): (Vec<(String, u64)>, Vec<u32>) = archives.into_iter().unzip();
    let read = |name: &str| read_file(folder.as_fd(), name, &dir.join(name), MOST_BYTES);
    let compared = compare_archives(&sizes, &hosts, known.left(), read)?;
    let mut in_archives = Vec::new();
    for (((name, _), mode), archive) in sizes.into_iter().zip(modes).zip(compared) {
        let node = FoundNode::Digested {
            mode: Some(mode),
            root_owned: None,
            sha256: archive.sha256,
        };
        top.insert(name, node);
        in_archives.extend(archive.remarks);
    }
    Ok(Some(of_output(hosts, remarks, top, in_archives)))
}

/// Reads what the folder of an output has under a name.
fn read_entry(
    known: &ReadTogether<'_>,
    folder: BorrowedFd<'_>,
    dir: &Path,
    (name, stat, is_host): (&OsStr, &Stat, bool),
    beside: Beside,
) -> Result<AtTop, DiskError> {
    let mut reading = Reading::new(known, &|_, _| true);
    let file = name
        .to_str()
        .filter(|_| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        .zip(size_to_read(stat));
    let os = |reason| DiskError::os("open", dir.join(name), reason);
    match (name.to_str(), file, beside) {
        (Some(host), ..) if is_host => {
            let below = open_folder(folder, name).map_err(os)?;
            reading.read_below(below.as_fd(), &dir.join(name), "", 2)?;
            let (host, remarks) = host_of_output(host, reading.nodes);
            Ok(AtTop::Host(Box::new(host), remarks, mode_of(stat)))
        }
        (_, Some((name, size)), Beside::Judged) if is_archive_beside(name) => Ok(AtTop::Archive(size, mode_of(stat))),
        // That it can't be opened is told all the same.
        (_, Some((name, _)), Beside::LeftOut) if name != PART => {
            open_file(folder, name).map_err(os)?;
            Ok(AtTop::Other(FoundNodes::new()))
        }
        _ => {
            reading.read_entry(folder, dir, "", 1, (name, stat))?;
            Ok(AtTop::Other(reading.nodes))
        }
    }
}

/// A bundle or an output, a machine, or a folder of machines.
fn read_folder(dir: &Path, places: &Places) -> Result<FoundNodes, DiskError> {
    let folder = open_dir(dir)?;
    if is_machine(&folder) {
        return read_machine(dir, places);
    }
    if has(&folder, MANIFEST) {
        return read_tree(dir);
    }
    let mut machines = FoundNodes::new();
    let mut names = BTreeSet::new();
    for (name, stat) in list(folder.as_fd(), dir)? {
        let (Some(name), FileType::Directory) = (name.to_str(), FileType::from_raw_mode(stat.st_mode)) else {
            continue;
        };
        let shown = dir.join(name);
        // What can't be opened is told where it is read.
        if !open_dir(&shown).is_ok_and(|folder| is_machine(&folder)) {
            continue;
        }
        machines.insert(name.to_owned(), FoundNode::Directory { mode: None });
        let below = read_machine(&shown, places)?;
        machines.extend(below.into_iter().map(|(path, node)| (format!("{name}/{path}"), node)));
        names.insert(name.to_owned());
    }
    let mut nodes = read_tree_where(dir, |path, _| !names.contains(path))?;
    nodes.extend(machines);
    // Of a copy of some of a machine's files nobody has the machine, to which the links of its packages lead.
    let is_bundle = nodes
        .keys()
        .any(|path| path.ends_with(MANIFEST) || path == ROOTFS || path.ends_with(&format!("/{ROOTFS}")));
    Ok(match is_bundle {
        true => nodes,
        false => places.without_others_links(nodes),
    })
}

fn open_dir(dir: &Path) -> Result<OwnedFd, DiskError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(dir, flags, Mode::empty()).map_err(|reason| DiskError::os("open", dir, reason))
}

fn has(folder: &OwnedFd, path: &str) -> bool {
    statat(folder, path, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Whether in one folder there is another of that name that has a folder `within`.
fn has_folder(folder: &OwnedFd, name: &OsStr, within: &str) -> bool {
    let below = open_folder(folder.as_fd(), name);
    let stat = below.and_then(|below| statat(&below, within, AtFlags::SYMLINK_NOFOLLOW));
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Whether a folder is the root of a machine, or a copy of one: there are programs or people on it, or install.sh has been there.
fn is_machine(folder: &OwnedFd) -> bool {
    let is_bundle = has(folder, ROOTFS) || has(folder, MANIFEST);
    let is_root = has(folder, "etc") && ["usr", "proc", "etc/passwd"].iter().any(|path| has(folder, path));
    !is_bundle && (is_root || has(folder, STORE))
}

/// Reads again until no file names another.
fn read_machine(dir: &Path, places: &Places) -> Result<FoundNodes, DiskError> {
    let mut places = places.clone();
    loop {
        let nodes = read_places(dir, &places)?;
        if !places.add_named_in(&nodes) {
            return Ok(places.without_others(nodes));
        }
    }
}

/// The last part of a path, also where it is `.`.
fn folder_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
