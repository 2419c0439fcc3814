//! Joins the parts of a fleet into the whole output. Each file is read once, held against its part's manifest while it is
//! copied, and never in memory as a whole; nothing is published unless everything fits.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, open, statat};
use rustix::io::Errno;

use super::error::DiskError;
use super::output::{Output, Start, Summary, WrittenHost};
use super::place::locate;
use super::tree::{LARGEST_MANIFEST, digest_pieces, list, mode_of, open_file, open_folder, read_file, text_of};
use crate::manifest::{MANIFEST, ManifestOf, ManifestRow, SHA256SUMS, STATE, parse_manifest, sha256sums_of_output};
use crate::pack::ArchiveFormat;
use crate::part::{PART, PartList};
use crate::pki::digest::{Sha256, sha256};
use crate::pki::secret::SecretBytes;
use crate::reuse;

/// How many names, or files of one part, an error names.
const NAMED: usize = 20;

/// Joins the partial outputs in the folders `parts` into a whole one at `out`, which is replaced as by a build.
///
/// Errors: every reason why they are not the parts of one whole, undamaged, each host in one of them; or why `out` can't be
/// written. Then `out` is as it was. `waits` is called before waiting for another build over `out`.
pub fn merge_parts(parts: &[PathBuf], out: &Path, waits: &dyn Fn()) -> Result<Summary, Vec<DiskError>> {
    let mut problems = Vec::new();
    let opened: Vec<PartFolder> = parts
        .iter()
        .filter_map(|path| PartFolder::open(path).map_err(|problem| problems.push(problem)).ok())
        .collect();
    problems.extend(check_fit(&opened, opened.len() == parts.len()));
    let output = check_apart(parts, out).and_then(|()| Output::begin(Start::Anew, out, waits));
    let output = output.map_err(|problem| problems.push(problem)).ok();
    let output = output.filter(|_| problems.is_empty());
    let states: Option<Vec<&[u8]>> = opened
        .iter()
        .map(|part| part.state.as_ref().map(SecretBytes::expose))
        .collect();
    let state = states.and_then(reuse::joined);
    let mut joined = Vec::new();
    for part in opened {
        match part.join(output.as_ref()) {
            Ok((written, damages)) => {
                joined.extend(written);
                problems.extend(damages);
            }
            // What can't be written now can't be written for the other parts either.
            Err(reason) => {
                problems.push(reason);
                return Err(problems);
            }
        }
    }
    match output {
        Some(output) if problems.is_empty() => publish(output, joined, state).map_err(|problem| vec![problem]),
        _ => Err(problems),
    }
}

fn publish(mut output: Output, joined: Vec<WrittenHost>, state: Option<String>) -> Result<Summary, DiskError> {
    output.record(joined)?;
    match state {
        Some(state) => output.commit_with_state(|_| state),
        None => output.commit(),
    }
}

/// Replacing `out` must not take a part away.
fn check_apart(parts: &[PathBuf], out: &Path) -> Result<(), DiskError> {
    let (parent, name) = locate(out)?;
    let out = parent.join(name);
    for part in parts {
        // One that can't be found is told where it is opened.
        let Ok(path) = fs::canonicalize(part) else { continue };
        if out.starts_with(&path) || path.starts_with(&out) {
            return Err(DiskError::OutputIsPart {
                path: out,
                part: part.clone(),
            });
        }
    }
    Ok(())
}

/// Whether these are all parts of one whole, each host in one of them. What is missing can be told only if every part is
/// `known`.
fn check_fit(parts: &[PartFolder], known: bool) -> Vec<DiskError> {
    let mut problems = Vec::new();
    let mut wholes: BTreeMap<&str, Vec<&PartFolder>> = BTreeMap::new();
    let mut places: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for part in parts {
        wholes.entry(&part.list.whole).or_default().push(part);
        for host in part.list.here() {
            places.entry(host).or_default().push(&part.path);
        }
    }
    if wholes.len() > 1 {
        let of = |(whole, parts): (&&str, &Vec<&PartFolder>)| {
            let paths = parts.iter().map(|part| part.path.display().to_string());
            format!("{} of {}", some_of(paths), &whole[..SHOWN_OF_IDENTITY])
        };
        let groups: Vec<String> = wholes.iter().map(of).collect();
        problems.push(DiskError::PartsDontFit(format!(
            "the parts are not of one whole: {}. They were made from another specification or seed, with another --archive, or \
             by another khw-gen",
            groups.join("; ")
        )));
    }
    for (whole, parts) in &wholes {
        let all: BTreeSet<&str> = parts
            .iter()
            .flat_map(|part| part.list.hosts.keys())
            .map(String::as_str)
            .collect();
        for part in parts.iter().filter(|part| part.list.hosts.len() != all.len()) {
            problems.push(part.damaged(PART, "it does not list the hosts that the other parts list".to_owned()));
        }
        let missing: Vec<&str> = all
            .into_iter()
            .filter(|host| !parts.iter().any(|part| part.list.hosts.get(*host) == Some(&true)))
            .collect();
        if known && !missing.is_empty() {
            let of = match wholes.len() {
                1 => String::new(),
                _ => format!(" of {}", &whole[..SHOWN_OF_IDENTITY]),
            };
            problems.push(DiskError::PartsDontFit(format!(
                "no part{of} has {}: name the missing parts too, or build them (khw-gen build --host, --shard)",
                some_of(missing.iter().map(|name| (*name).to_owned()))
            )));
        }
    }
    let mut doubles: BTreeMap<Vec<&Path>, Vec<&str>> = BTreeMap::new();
    for (host, paths) in places.into_iter().filter(|(_, paths)| paths.len() > 1) {
        doubles.entry(paths).or_default().push(host);
    }
    for (paths, hosts) in doubles {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        problems.push(DiskError::PartsDontFit(format!(
            "{} in more than one part: {}",
            match hosts.as_slice() {
                [one] => format!("{one} is"),
                more => format!("{} are", some_of(more.iter().map(|name| (*name).to_owned()))),
            },
            paths.join(", ")
        )));
    }
    problems
}

/// Enough of an identity to tell two apart.
const SHOWN_OF_IDENTITY: usize = 16;

/// The names, or the first of them and how many more there are.
fn some_of(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let mut text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A partial output.
struct PartFolder {
    /// As it was named.
    path: PathBuf,
    folder: OwnedFd,
    list: PartList,
    /// Its state file, where there is one.
    state: Option<SecretBytes>,
    /// What goes into the whole: hosts' folders and archives, by name.
    tops: BTreeMap<String, Top>,
}

/// A host's folder or archive.
struct Top {
    host: String,
    /// What the manifest says of it and everything in it.
    rows: BTreeMap<String, ManifestRow>,
}

impl PartFolder {
    fn open(path: &Path) -> Result<PartFolder, DiskError> {
        let no_part = |why: String| DiskError::NoPart {
            path: path.to_owned(),
            why,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match open(path, flags, Mode::empty()) {
            Err(Errno::NOTDIR) => {
                return Err(no_part(
                    "it is not a folder. Unpack an archive into an empty folder of its own first, with tar -xpf, which keeps \
                     modes, and name that folder"
                        .to_owned(),
                ));
            }
            folder => folder.map_err(|reason| DiskError::os("open", path, reason))?,
        };
        let entries = list(folder.as_fd(), path)?;
        let read = |name: &str| {
            text_of(name, folder.as_fd(), path).map_err(|error| match error {
                DiskError::NotOurs { why, .. } => no_part(why),
                error => error,
            })
        };
        let (list_text, manifest, sums) = (read(PART)?, read(MANIFEST)?, read(SHA256SUMS)?);
        let list = PartList::parse(&list_text).map_err(|error| no_part(format!("{error} in its {PART}")))?;
        let mut rows = parse_manifest(ManifestOf::Output, &manifest)
            .map_err(|error| no_part(format!("{error} in its {MANIFEST}")))?;
        check_sums(&rows, &manifest, &sums).map_err(no_part)?;
        match rows.remove(PART) {
            Some(row) if row.sha256 == Some(sha256(list_text.as_bytes())) => {}
            _ => return Err(no_part(format!("its {PART} is not the one that its {MANIFEST} lists"))),
        }
        let tops = by_top(&list, rows).map_err(no_part)?;
        check_nothing_else(&entries, &tops).map_err(no_part)?;
        let state = read_file(folder.as_fd(), STATE, path, LARGEST_MANIFEST).ok();
        Ok(PartFolder {
            path: path.to_owned(),
            folder,
            list,
            state,
            tops,
        })
    }

    /// Checks everything against the manifest, and copies it to `output` where there is one. Returns what was written, and
    /// what is damaged.
    ///
    /// Errors: it can't be written.
    fn join(mut self, output: Option<&Output>) -> Result<(Vec<WrittenHost>, Vec<DiskError>), DiskError> {
        let tops: Vec<(String, Top)> = std::mem::take(&mut self.tops).into_iter().collect();
        let joined: Vec<(WrittenHost, Vec<DiskError>)> = tops
            .into_par_iter()
            .map(|(name, top)| {
                let mut joining = Joining {
                    part: &self,
                    output,
                    rows: &top.rows,
                    seen: BTreeSet::new(),
                    bytes: 0,
                    damages: Vec::new(),
                };
                joining.join_top(&name)?;
                let (bytes, damages) = (joining.bytes, joining.damages);
                let written = WrittenHost {
                    host: top.host,
                    rows: top.rows,
                    kept: Vec::new(),
                    bytes,
                };
                Ok((written, damages))
            })
            .collect::<Result<_, DiskError>>()?;
        let (written, damages): (Vec<WrittenHost>, Vec<Vec<DiskError>>) = joined.into_iter().unzip();
        let mut damages: Vec<DiskError> = damages.into_iter().flatten().collect();
        if let Some(more) = damages.len().checked_sub(NAMED + 1) {
            damages.truncate(NAMED);
            damages.push(self.damaged("", format!("{} more files of it are damaged", more + 1)));
        }
        Ok((written, damages))
    }

    fn damaged(&self, file: &str, why: String) -> DiskError {
        DiskError::DamagedPart {
            path: match file {
                "" => self.path.clone(),
                file => self.path.join(file),
            },
            why,
        }
    }
}

/// The sums are made over the same, and over the manifest itself.
fn check_sums(rows: &BTreeMap<String, ManifestRow>, manifest: &str, sums: &str) -> Result<(), String> {
    match sha256sums_of_output(rows, sha256(manifest.as_bytes())) == sums {
        true => Ok(()),
        false => Err(format!("its {MANIFEST} and its {SHA256SUMS} do not say the same")),
    }
}

/// The rows by host's folder or archive: those of the hosts that the list says are here, no more and no less.
fn by_top(list: &PartList, rows: BTreeMap<String, ManifestRow>) -> Result<BTreeMap<String, Top>, String> {
    let here: BTreeSet<&str> = list.here().collect();
    let mut tops: BTreeMap<String, Top> = BTreeMap::new();
    for (path, row) in rows {
        let name = path.split('/').next().unwrap_or_default();
        if let Some(top) = tops.get_mut(name) {
            top.rows.insert(path, row);
            continue;
        }
        let host = match (&row.sha256, name == path) {
            (None, true) => here.get(name).copied(),
            (Some(_), true) => host_of_archive(name).and_then(|host| here.get(host).copied()),
            _ => None,
        };
        let host =
            host.ok_or_else(|| format!("its {MANIFEST} lists {path}, which is of none of the hosts in its {PART}"))?;
        let top = Top {
            host: host.to_owned(),
            rows: BTreeMap::new(),
        };
        let name = name.to_owned();
        tops.entry(name).or_insert(top).rows.insert(path, row);
    }
    match here.iter().find(|host| !tops.contains_key(**host)) {
        Some(host) => Err(format!(
            "its {PART} says that {host} is in it, and its {MANIFEST} lists no such folder"
        )),
        None => Ok(tops),
    }
}

fn host_of_archive(name: &str) -> Option<&str> {
    let mut extensions = ArchiveFormat::ALL.into_iter().filter_map(ArchiveFormat::extension);
    extensions.find_map(|extension| name.strip_suffix(extension)?.strip_suffix('.'))
}

fn check_nothing_else(entries: &[(OsString, Stat)], tops: &BTreeMap<String, Top>) -> Result<(), String> {
    let own = [PART, MANIFEST, SHA256SUMS, STATE];
    let known = |name: &OsString| {
        let name = name.to_str();
        name.is_some_and(|name| own.contains(&name) || tops.contains_key(name))
    };
    let others = entries.iter().map(|(name, _)| name).filter(|name| !known(name));
    let others: Vec<String> = others
        .map(|name| name.to_string_lossy().escape_debug().to_string())
        .collect();
    match others.is_empty() {
        true => Ok(()),
        false => Err(format!("its {MANIFEST} does not list {}", some_of(others.into_iter()))),
    }
}

/// A host's folder or archive that is checked, and copied where there is an output.
struct Joining<'a> {
    part: &'a PartFolder,
    output: Option<&'a Output>,
    rows: &'a BTreeMap<String, ManifestRow>,
    seen: BTreeSet<&'a str>,
    bytes: u64,
    damages: Vec<DiskError>,
}

impl<'a> Joining<'a> {
    fn join_top(&mut self, name: &str) -> Result<(), DiskError> {
        let folder = self.part.folder.as_fd();
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => self.join_entries(folder, "", vec![(OsString::from(name), stat)])?,
            Err(Errno::NOENT) => {}
            Err(reason) => self.unreadable(name, reason),
        }
        self.tell_missing();
        // From the deepest up: the final mode of a folder may not allow to make anything in it.
        for (path, row) in self.rows.iter().rev() {
            if let (Some(output), None, true) = (self.output, &row.sha256, self.seen.contains(path.as_str())) {
                output.staging.finish_folder(path, row.mode)?;
            }
        }
        Ok(())
    }

    fn join_entries(
        &mut self,
        folder: BorrowedFd<'_>,
        prefix: &str,
        entries: Vec<(OsString, Stat)>,
    ) -> Result<(), DiskError> {
        for (name, stat) in entries {
            let Some(name) = name.to_str() else {
                let shown = format!("{prefix}{}", name.to_string_lossy());
                self.damage(&shown, "the manifest does not list it");
                continue;
            };
            let path = format!("{prefix}{name}");
            let Some((path, row)) = self.rows.get_key_value(&path) else {
                self.damage(&path, "the manifest does not list it");
                continue;
            };
            self.seen.insert(path);
            match (FileType::from_raw_mode(stat.st_mode), &row.sha256) {
                (FileType::RegularFile, Some(sha256)) => self.join_file(folder, name, path, row.mode, *sha256)?,
                (FileType::Directory, None) => self.join_folder(folder, name, path, row.mode)?,
                _ => self.damage(path, "it is of another kind than the manifest says"),
            }
        }
        Ok(())
    }

    fn join_folder(&mut self, parent: BorrowedFd<'_>, name: &str, path: &str, mode: u32) -> Result<(), DiskError> {
        if let Some(output) = self.output {
            output.staging.make_folder(path, mode)?;
        }
        let opened = open_folder(parent, name.as_ref()).and_then(|folder| Ok((fstat(&folder)?, folder)));
        let Ok((stat, folder)) = opened.map_err(|reason| self.unreadable(path, reason)) else {
            return Ok(());
        };
        self.check_mode(path, mode, &stat);
        match list(folder.as_fd(), &self.part.path.join(path)) {
            Ok(entries) => self.join_entries(folder.as_fd(), &format!("{path}/"), entries),
            Err(problem) => {
                self.damages.push(problem);
                Ok(())
            }
        }
    }

    fn join_file(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &str,
        path: &str,
        mode: u32,
        listed: Sha256,
    ) -> Result<(), DiskError> {
        let opened = open_file(folder, name);
        let Ok((mut file, stat)) = opened.map_err(|reason| self.unreadable(path, reason)) else {
            return Ok(());
        };
        self.check_mode(path, mode, &stat);
        let read = match self.output {
            None => digest_pieces(&mut file, |_| Ok(()))?,
            Some(output) => output.staging.write_file_by(path, mode, |into| {
                digest_pieces(&mut file, |piece| {
                    into.write_all(piece)
                        .map_err(|reason| output.staging.write_failed(path, reason))
                })
            })?,
        };
        match read {
            Ok((digest, _)) if digest != listed => self.damage(path, "it is not what the manifest was made over"),
            Ok((_, bytes)) => self.bytes += bytes,
            Err(reason) => self.unreadable(path, reason),
        }
        Ok(())
    }

    fn check_mode(&mut self, path: &str, mode: u32, stat: &Stat) {
        let found = mode_of(stat);
        if found != mode {
            let why = format!(
                "its mode is {found:04o}, and {mode:04o} in the manifest; tar -cpf and tar -xpf carry a part with its modes"
            );
            self.damage(path, &why);
        }
    }

    /// Of a folder that is missing, what is in it isn't told again.
    fn tell_missing(&mut self) {
        let missing = |path: &str| !self.seen.contains(path);
        let parent_is_missing = |path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| missing(parent));
        let paths: Vec<&String> = self
            .rows
            .keys()
            .filter(|path| missing(path) && !parent_is_missing(path))
            .collect();
        for path in paths {
            self.damage(path, "the manifest lists it, and it is not there");
        }
    }

    fn damage(&mut self, path: &str, why: &str) {
        self.damages.push(self.part.damaged(path, why.to_owned()));
    }

    fn unreadable(&mut self, path: &str, reason: impl Into<io::Error>) {
        self.damages
            .push(DiskError::os("read", self.part.path.join(path), reason));
    }
}
