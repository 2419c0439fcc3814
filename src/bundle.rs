//! What goes to each host: paths, modes and bytes, and the manifest over them.
//!
//! A bundle is plain data in memory. This module decides nothing about what belongs on a host and touches no file; what it
//! does promise is that a bundle is well formed (see [`Bundle`]), so that whoever writes or packs it has nothing to check.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound::{self, Excluded, Unbounded};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::pki::digest::{Sha256, sha256};
use crate::pki::secret::SecretBytes;

/// The name of the manifest, at the top of a bundle and of an output.
pub const MANIFEST: &str = "MANIFEST";

/// The name of the checksums at the top of an output, in the format of `sha256sum`.
pub const SHA256SUMS: &str = "SHA256SUMS";

/// What an output says of itself for the next build over it; not a part of what it holds.
pub const STATE: &str = ".khw-gen.state";

/// The first line of every manifest; the number is the version of the format.
const MANIFEST_HEADER: &str = "# khw-gen manifest 1: mode sha256 path";
/// How the manifest of a whole output begins: a host's own must not be taken for it.
const OUTPUT_HEADER: &str = "# khw-gen output 1: mode sha256 path";
/// What stands before the name of the host in the second line of a host's own. `install.sh` has it from there, and so is the
/// same on all hosts with the same roles: one to read, one to make.
const HOST_LINE: &str = "# host: ";

/// What a manifest is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestOf {
    /// One host's bundle.
    Bundle,
    /// A whole output folder.
    Output,
}

impl ManifestOf {
    fn header(self) -> &'static str {
        match self {
            ManifestOf::Bundle => MANIFEST_HEADER,
            ManifestOf::Output => OUTPUT_HEADER,
        }
    }

    /// How many lines stand before the first row.
    fn lines_before(self) -> usize {
        match self {
            ManifestOf::Bundle => 2,
            ManifestOf::Output => 1,
        }
    }
}

/// The mode of a directory that nobody asked for but that a file needs as its parent.
pub const IMPLIED_DIRECTORY_MODE: u32 = 0o755;

/// NAME_MAX of every Linux filesystem that hosts run on.
const LONGEST_COMPONENT: usize = 255;

/// The content of a file. Clones share the bytes and their digest.
#[derive(Clone)]
pub struct Content(Arc<Digested>);

/// Bytes, and their digest once it was asked for.
struct Digested {
    bytes: Bytes,
    sha256: OnceLock<Sha256>,
}

#[derive(PartialEq, Eq)]
enum Bytes {
    Public(Arc<[u8]>),
    Secret(Arc<SecretBytes>),
}

impl Content {
    /// What anybody on the host may know.
    pub fn public(bytes: Arc<[u8]>) -> Content {
        Content::from(Bytes::Public(bytes))
    }

    /// What is wiped when the last clone is dropped, and never printed.
    pub fn secret(bytes: Arc<SecretBytes>) -> Content {
        Content::from(Bytes::Secret(bytes))
    }

    /// Whether it is wiped and never printed.
    pub fn is_secret(&self) -> bool {
        matches!(self.0.bytes, Bytes::Secret(_))
    }

    /// The bytes, secret or not.
    pub fn bytes(&self) -> &[u8] {
        match &self.0.bytes {
            Bytes::Public(bytes) => bytes,
            Bytes::Secret(bytes) => bytes.expose(),
        }
    }

    /// Their digest, which is computed once.
    pub fn sha256(&self) -> Sha256 {
        *self.0.sha256.get_or_init(|| sha256(self.bytes()))
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Content {
        Content(Arc::new(Digested {
            bytes,
            sha256: OnceLock::new(),
        }))
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.bytes {
            Bytes::Public(bytes) => f.debug_tuple("Public").field(bytes).finish(),
            Bytes::Secret(bytes) => f.debug_tuple("Secret").field(bytes).finish(),
        }
    }
}

/// A file or a directory of a bundle, with its permission bits (`0o600`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Directory { mode: u32 },
    File { mode: u32, content: Content },
}

impl Entry {
    /// How many bytes a file holds; a directory holds none.
    pub fn size(&self) -> usize {
        match self {
            Entry::Directory { .. } => 0,
            Entry::File { content, .. } => content.bytes().len(),
        }
    }
}

/// The entries of one host by relative path (`rootfs/etc/etcd/ca.pem`, `INSTALL.md`, `install.sh`, `MANIFEST`); every parent
/// directory is an entry too; paths have no `.`/`..`/empty components and never begin with `/`.
///
/// The methods keep it so; `entries` is open for reading.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    pub entries: BTreeMap<String, Entry>,
    /// Directories that stand here only because something is in them: naming them later is no repetition.
    implied: BTreeSet<String>,
}

impl PartialEq for Bundle {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Bundle {}

/// Why an entry can't be in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// The path is not a relative, normal one that every tool reads the same way.
    BadPath { path: String, why: &'static str },
    /// The path is already taken.
    Duplicate { path: String },
    /// A file stands where a directory would have to be.
    ParentIsFile { path: String, parent: String },
    /// More than the nine permission bits.
    BadMode { path: String, mode: u32 },
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BundleError::BadPath { path, why } => write!(f, "{path:?} can't be a path in a bundle: {why}"),
            BundleError::Duplicate { path } => write!(f, "{path} is in the bundle twice"),
            BundleError::ParentIsFile { path, parent } => write!(f, "{path} can't be: {parent} is a file"),
            BundleError::BadMode { path, mode } => write!(f, "{path} can't have mode {mode:o}: only 0000 to 0777"),
        }
    }
}

impl std::error::Error for BundleError {}

impl Bundle {
    /// A bundle with nothing in it.
    pub fn new() -> Self {
        Bundle::default()
    }

    /// Adds a file, and its parents (0755) where they are missing.
    ///
    /// Errors: a path that is taken, not normal, or below a file; a mode beyond 0777.
    pub fn insert_file(&mut self, path: &str, mode: u32, content: Content) -> Result<(), BundleError> {
        self.check_new(path, mode)?;
        if self.entries.contains_key(path) {
            return Err(BundleError::Duplicate { path: path.to_owned() });
        }
        self.insert_parents(path)?;
        self.entries.insert(path.to_owned(), Entry::File { mode, content });
        Ok(())
    }

    /// Adds a directory, or gives the mode of one that so far stood here only as a parent.
    ///
    /// Errors: as [`Bundle::insert_file`].
    pub fn insert_directory(&mut self, path: &str, mode: u32) -> Result<(), BundleError> {
        self.check_new(path, mode)?;
        if self.entries.contains_key(path) && !self.implied.remove(path) {
            return Err(BundleError::Duplicate { path: path.to_owned() });
        }
        self.insert_parents(path)?;
        self.entries.insert(path.to_owned(), Entry::Directory { mode });
        Ok(())
    }

    /// Adds `MANIFEST` (0644) over everything that is in the bundle of `host` now, so it comes last.
    ///
    /// Errors: there is one already.
    pub fn add_manifest(&mut self, host: &str) -> Result<(), BundleError> {
        let text = manifest(host, self);
        self.insert_file(MANIFEST, 0o644, Content::public(text.into_bytes().into()))
    }

    fn check_new(&self, path: &str, mode: u32) -> Result<(), BundleError> {
        check_path(path)?;
        if mode & !0o777 != 0 {
            return Err(BundleError::BadMode {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(())
    }

    fn insert_parents(&mut self, path: &str) -> Result<(), BundleError> {
        // From the deepest up: above a directory there is nothing but directories.
        let mut missing = Vec::new();
        for parent in path.rmatch_indices('/').map(|(end, _)| &path[..end]) {
            match self.entries.get(parent) {
                Some(Entry::Directory { .. }) => break,
                Some(Entry::File { .. }) => {
                    return Err(BundleError::ParentIsFile {
                        path: path.to_owned(),
                        parent: parent.to_owned(),
                    });
                }
                None => missing.push(parent),
            }
        }
        for parent in missing {
            let mode = IMPLIED_DIRECTORY_MODE;
            self.entries.insert(parent.to_owned(), Entry::Directory { mode });
            self.implied.insert(parent.to_owned());
        }
        Ok(())
    }
}

/// Whether `path` is relative, normal, and read the same way by every tool that a bundle meets (tar, zip, sha256sum, a
/// shell script that reads lines).
pub fn check_path(path: &str) -> Result<(), BundleError> {
    let bad = |why| {
        Err(BundleError::BadPath {
            path: path.to_owned(),
            why,
        })
    };
    if path.starts_with('/') {
        return bad("it begins with a slash");
    }
    if path.chars().any(char::is_control) {
        return bad("it holds a control character");
    }
    // sha256sum escapes such names, and programs on Windows take it for a separator.
    if path.contains('\\') {
        return bad("it holds a backslash");
    }
    for component in path.split('/') {
        match component {
            "" => return bad("a component is empty"),
            "." | ".." => return bad("a component is . or .."),
            _ if component.len() > LONGEST_COMPONENT => return bad("a component is longer than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

/// What a manifest says of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// The permission bits.
    pub mode: u32,
    /// The digest of a file; none for a directory.
    pub sha256: Option<Sha256>,
}

impl From<&Entry> for ManifestRow {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::Directory { mode } => ManifestRow {
                mode: *mode,
                sha256: None,
            },
            Entry::File { mode, content } => ManifestRow {
                mode: *mode,
                sha256: Some(content.sha256()),
            },
        }
    }
}

/// What is wrong with a text of lines: the number of the line, from 1, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    pub line: usize,
    pub expected: &'static str,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is not {}", self.line, self.expected)
    }
}

impl std::error::Error for LineError {}

/// The manifest of the bundle of `host`: the header, the name, then a line for each entry, sorted by path; itself not listed.
pub fn manifest(host: &str, bundle: &Bundle) -> String {
    let rows = listed(bundle).map(|(path, entry)| match entry {
        Entry::Directory { mode } => (path.as_str(), *mode, None),
        Entry::File { mode, content } => (path.as_str(), *mode, Some(content.sha256())),
    });
    text_of_rows(format!("{MANIFEST_HEADER}\n{HOST_LINE}{host}\n"), rows)
}

/// What the manifest of a bundle has to say, by path; `MANIFEST` itself is left out.
pub fn manifest_rows(bundle: &Bundle) -> BTreeMap<String, ManifestRow> {
    listed(bundle)
        .map(|(path, entry)| (path.clone(), ManifestRow::from(entry)))
        .collect()
}

fn listed(bundle: &Bundle) -> impl Iterator<Item = (&String, &Entry)> {
    bundle.entries.iter().filter(|(path, _)| path.as_str() != MANIFEST)
}

/// The manifest of an output: `0600 <64 hex> path` for files, `0700 - path/` for directories, in the order given.
pub fn manifest_of_output<'a>(rows: impl Iterator<Item = (&'a str, &'a ManifestRow)>) -> String {
    let rows = rows.map(|(path, row)| (path, row.mode, row.sha256));
    text_of_rows(format!("{OUTPUT_HEADER}\n"), rows)
}

/// As many bytes as a row of a manifest may usually have: a guess too many or too few costs nothing but time.
const USUAL_ROW: usize = 128;

fn text_of_rows<'a>(header: String, rows: impl Iterator<Item = (&'a str, u32, Option<Sha256>)>) -> String {
    let mut text = header;
    text.reserve(rows.size_hint().0 * USUAL_ROW);
    let mut count = 0;
    for (path, mode, sha256) in rows {
        text.extend([9, 6, 3, 0].map(|shift| char::from(b'0' + (mode >> shift & 7) as u8)));
        match sha256 {
            Some(sha256) => {
                text.push(' ');
                sha256.write_to(&mut text);
                text.extend([" ", path, "\n"]);
            }
            None => text.extend([" - ", path, "/\n"]),
        }
        count += 1;
    }
    // Without its end, the half of a manifest would pass for the whole of a smaller one.
    text.push_str(&end_mark(count));
    text
}

fn end_mark(rows: usize) -> String {
    format!("# end: {rows} entries\n")
}

/// Reads back what [`manifest`] or [`manifest_of_output`] wrote; the order of the lines is not asked for.
pub fn parse_manifest(of: ManifestOf, text: &str) -> Result<BTreeMap<String, ManifestRow>, LineError> {
    let mut lines = text.lines().zip(1..);
    if lines.next().is_none_or(|(header, _)| header != of.header()) {
        return Err(LineError {
            line: 1,
            expected: "the header of a manifest",
        });
    }
    let is_named = |(line, _): (&str, _)| line.strip_prefix(HOST_LINE).is_some_and(|host| !host.is_empty());
    if of == ManifestOf::Bundle && !lines.next().is_some_and(is_named) {
        return Err(LineError {
            line: 2,
            expected: "the name of the host",
        });
    }
    let listed: Vec<(&str, usize)> = lines.by_ref().take_while(|(text, _)| !text.starts_with('#')).collect();
    let last = listed.last().map_or(of.lines_before(), |(_, line)| *line);
    // Of a fleet there are hundreds of thousands; the first mistake is told, whichever thread finds one first.
    let parsed: Vec<_> = listed.par_iter().map(|(text, _)| parse_row(text)).collect();
    let mut rows = Vec::with_capacity(parsed.len());
    for (row, (_, line)) in parsed.into_iter().zip(&listed) {
        rows.push(row.map_err(|expected| LineError { line: *line, expected })?);
    }
    let count = rows.len();
    let rows: BTreeMap<String, ManifestRow> = rows.into_iter().collect();
    if rows.len() != count {
        return Err(LineError {
            line: first_repeated(&listed),
            expected: "about a path that is new",
        });
    }
    if lines.next().is_some() || !text.ends_with(&format!("\n{}", end_mark(rows.len()))) {
        return Err(LineError {
            line: last + 1,
            expected: "its end mark",
        });
    }
    Ok(rows)
}

/// The number of the first line about a path that an earlier one is about.
fn first_repeated(listed: &[(&str, usize)]) -> usize {
    let mut paths = BTreeSet::new();
    let mut is_new = |text: &str| parse_row(text).is_ok_and(|(path, _)| paths.insert(path));
    listed
        .iter()
        .find(|(text, _)| !is_new(text))
        .map_or(1, |(_, line)| *line)
}

fn parse_row(line: &str) -> Result<(String, ManifestRow), &'static str> {
    let mut fields = line.splitn(3, ' ');
    let (Some(mode), Some(sha256), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
        return Err("a mode, a digest and a path");
    };
    if mode.len() != 4 || !mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
        return Err("begun by a mode of four octal digits");
    }
    let mode = u32::from_str_radix(mode, 8).map_err(|_| "begun by a mode of four octal digits")?;
    let (path, sha256) = match sha256 {
        "-" => (
            path.strip_suffix('/').ok_or("a directory with a slash at its end")?,
            None,
        ),
        hex => match Sha256::from_hex(hex) {
            Some(sha256) => (path, Some(sha256)),
            None => return Err("one with a SHA-256 or a dash"),
        },
    };
    check_path(path).map_err(|_| "one with a relative, normal path")?;
    Ok((path.to_owned(), ManifestRow { mode, sha256 }))
}

/// The texts of `MANIFEST` and `SHA256SUMS` of an output with these rows.
pub fn lists_of_output(rows: &BTreeMap<String, ManifestRow>) -> (String, String) {
    let manifest = manifest_of_output(rows.iter().map(|(path, row)| (path.as_str(), row)));
    let sums = sha256sums_of_output(rows, sha256(manifest.as_bytes()));
    (manifest, sums)
}

/// The text of the `SHA256SUMS` of an output with these rows and a `MANIFEST` of this digest, which is one of its files too.
pub fn sha256sums_of_output(rows: &BTreeMap<String, ManifestRow>, sum_of_manifest: Sha256) -> String {
    let files = |range: (Bound<&str>, Bound<&str>)| {
        let rows = rows.range::<str, _>(range);
        rows.filter_map(|(path, row)| Some((path.as_str(), row.sha256?)))
    };
    let before = files((Unbounded, Excluded(MANIFEST)));
    let after = files((Excluded(MANIFEST), Unbounded));
    sha256sums_text(before.chain([(MANIFEST, sum_of_manifest)]).chain(after))
}

/// What is listed below a folder, by its path in there.
pub fn rows_below<'a>(
    rows: &'a BTreeMap<String, ManifestRow>,
    folder: &str,
) -> impl Iterator<Item = (&'a str, &'a ManifestRow)> {
    let folder = format!("{folder}/");
    let from = rows.range(folder.clone()..);
    from.map_while(move |(path, row)| Some((path.strip_prefix(&folder)?, row)))
}

/// The text of `SHA256SUMS`: `<hex>  <path>` for each file, in the order given, as `sha256sum -c` reads it.
pub fn sha256sums_text<'a>(files: impl Iterator<Item = (&'a str, Sha256)>) -> String {
    let mut text = String::new();
    for (path, sha256) in files {
        sha256.write_to(&mut text);
        text.extend(["  ", path, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn public(text: &str) -> Content {
        Content::public(text.as_bytes().into())
    }

    #[test]
    fn parents_are_added_and_may_be_named_later() {
        let mut bundle = Bundle::new();
        bundle.insert_file("a/b/c", 0o600, public("x")).unwrap();
        assert_eq!(bundle.entries["a"], Entry::Directory { mode: 0o755 });
        bundle.insert_directory("a/b", 0o700).unwrap();
        assert_eq!(bundle.entries["a/b"], Entry::Directory { mode: 0o700 });
        assert_eq!(
            bundle.insert_directory("a/b", 0o700),
            Err(BundleError::Duplicate { path: "a/b".into() }),
            "named once, a second time is a repetition"
        );
    }

    #[test]
    fn a_path_is_taken_once_and_nothing_changes_on_error() {
        let mut bundle = Bundle::new();
        bundle.insert_file("a/f", 0o644, public("x")).unwrap();
        let before = bundle.clone();
        assert_eq!(
            bundle.insert_file("a/f", 0o600, public("y")),
            Err(BundleError::Duplicate { path: "a/f".into() })
        );
        assert_eq!(
            bundle.insert_file("a", 0o600, public("y")),
            Err(BundleError::Duplicate { path: "a".into() })
        );
        assert_eq!(
            bundle.insert_file("a/f/g/h", 0o600, public("y")),
            Err(BundleError::ParentIsFile {
                path: "a/f/g/h".into(),
                parent: "a/f".into()
            })
        );
        assert!(matches!(
            bundle.insert_file("b", 0o1777, public("y")),
            Err(BundleError::BadMode { .. })
        ));
        assert_eq!(bundle, before);
    }

    #[test]
    fn paths_that_could_leave_the_folder_or_confuse_a_tool_are_refused() {
        for path in [
            "",
            "/",
            "/etc",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "..",
            "a/../b",
            "a\nb",
            "a\u{1b}[m",
            "a\0",
            "a\\b",
        ] {
            let mut bundle = Bundle::new();
            assert!(
                matches!(
                    bundle.insert_file(path, 0o644, public("")),
                    Err(BundleError::BadPath { .. })
                ),
                "{path:?}"
            );
            assert!(bundle.entries.is_empty());
        }
        assert!(check_path(&"x".repeat(256)).is_err());
        for path in [
            "a",
            "...",
            "a/.b",
            "rootfs/etc/systemd/system/kube-apiserver.service",
            "é",
            "a b",
        ] {
            check_path(path).unwrap();
        }
    }

    #[test]
    fn the_manifest_is_as_documented() {
        let mut bundle = Bundle::new();
        bundle.insert_directory("rootfs/var/lib/etcd", 0o700).unwrap();
        let secret = Content::secret(Arc::new(SecretBytes::from(b"abc".as_slice())));
        bundle.insert_file("rootfs/etc/key.pem", 0o600, secret).unwrap();
        bundle.add_manifest("node1").unwrap();
        assert_eq!(
            std::str::from_utf8(match &bundle.entries[MANIFEST] {
                Entry::File { content, .. } => content.bytes(),
                Entry::Directory { .. } => b"",
            })
            .unwrap(),
            "# khw-gen manifest 1: mode sha256 path\n\
             # host: node1\n\
             0755 - rootfs/\n\
             0755 - rootfs/etc/\n\
             0600 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad rootfs/etc/key.pem\n\
             0755 - rootfs/var/\n\
             0755 - rootfs/var/lib/\n\
             0700 - rootfs/var/lib/etcd/\n\
             # end: 6 entries\n"
        );
        assert_eq!(
            parse_manifest(ManifestOf::Bundle, &manifest("node1", &bundle)).unwrap(),
            manifest_rows(&bundle)
        );
    }

    #[test]
    fn a_manifest_that_is_not_one_says_which_line() {
        let line = |text: &str| {
            parse_manifest(
                ManifestOf::Bundle,
                &format!("{MANIFEST_HEADER}\n# host: a\n{text}\n# end: 1 entries\n"),
            )
            .unwrap_err()
            .line
        };
        assert_eq!(parse_manifest(ManifestOf::Bundle, "").unwrap_err().line, 1);
        assert_eq!(
            parse_manifest(ManifestOf::Bundle, "# khw-gen manifest 2: mode sha256 path\n")
                .unwrap_err()
                .line,
            1
        );
        for text in [
            "0755 -",
            "755 - a/",
            "0755 - a",
            "0799 - a/",
            "+755 - a/",
            "0644 abc a",
            "0755 - ../",
            "0755 - /",
        ] {
            assert_eq!(line(text), 3, "{text}");
        }
        assert_eq!(line("0755 - a/\n0755 - a/"), 4);
        for nameless in ["0755 - a/\n# end: 1 entries", "# host: \n0755 - a/\n# end: 1 entries"] {
            let text = format!("{MANIFEST_HEADER}\n{nameless}\n");
            assert_eq!(parse_manifest(ManifestOf::Bundle, &text).unwrap_err().line, 2);
        }
        let whole = format!("{MANIFEST_HEADER}\n# host: a\n0755 - a/\n# end: 1 entries\n");
        assert!(parse_manifest(ManifestOf::Bundle, &whole).is_ok());
        assert!(
            parse_manifest(ManifestOf::Output, &whole).is_err(),
            "a host's is not an output's"
        );
        for cut in 0..whole.len() {
            assert!(
                parse_manifest(ManifestOf::Bundle, &whole[..cut]).is_err(),
                "cut after {cut} bytes"
            );
        }
    }

    proptest! {
        /// Whatever was put in, in whatever order: parents are directories that come before their children.
        #[test]
        fn the_invariant_holds(paths in proptest::collection::vec("[abc]{1,2}(/[abc.]{1,2}){0,3}", 0..12)) {
            let mut bundle = Bundle::new();
            for (index, path) in paths.iter().enumerate() {
                let _ = match index % 2 {
                    0 => bundle.insert_file(path, 0o600, public(path)),
                    _ => bundle.insert_directory(path, 0o700),
                };
            }
            for path in bundle.entries.keys() {
                prop_assert!(check_path(path).is_ok());
                if let Some((parent, _)) = path.rsplit_once('/') {
                    let is_directory = matches!(bundle.entries.get(parent), Some(Entry::Directory { .. }));
                    prop_assert!(is_directory, "{}", parent);
                    prop_assert!(parent < path.as_str());
                }
            }
            prop_assert_eq!(parse_manifest(ManifestOf::Bundle, &manifest("node1", &bundle)).unwrap(), manifest_rows(&bundle));
        }
    }
}
