//! The lists at the top: what a bundle or an output holds, with mode and digest, written and read back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{self, Excluded, Unbounded};

use rayon::prelude::*;

use crate::bundle::{Bundle, BundleEntry, BundleError, Content, check_path};
use crate::pki::digest::{Sha256, sha256};

/// The name of the manifest, at the top of a bundle and of an output.
pub const MANIFEST: &str = "MANIFEST";

/// The name of the checksums at the top of an output, in the format of `sha256sum`.
pub const SHA256SUMS: &str = "SHA256SUMS";

/// The name of the signature over the checksums, as OpenSSH makes one for a file.
pub const SIGNATURE: &str = "SHA256SUMS.sig";

/// The name of the checksums of what sealed archives open to, in the format of `sha256sum`.
pub const OPENED: &str = "OPENED";

/// What the name of an archive ends with once it is sealed.
pub const SEALED_SUFFIX: &str = ".age";

/// What an output says of itself for the next build over it; not a part of what it holds.
pub const STATE: &str = ".khw-gen.state";

/// The first line of every manifest; the number is the version of the format.
const MANIFEST_HEADER: &str = "# khw-gen manifest 1: mode sha256 path";
/// How the manifest of a whole output begins: a host's own must not be taken for it.
const OUTPUT_HEADER: &str = "# khw-gen output 1: mode sha256 path";
/// How that of a folder of sealed archives begins: no build takes it for an output.
const SEALED_HEADER: &str = "# khw-gen sealed 1: mode sha256 path";
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
    /// A folder of sealed archives.
    Sealed,
}

impl ManifestOf {
    fn header(self) -> &'static str {
        match self {
            ManifestOf::Bundle => MANIFEST_HEADER,
            ManifestOf::Output => OUTPUT_HEADER,
            ManifestOf::Sealed => SEALED_HEADER,
        }
    }

    /// Whether a text begins as one of this kind.
    pub(crate) fn begins(self, text: &str) -> bool {
        text.lines().next() == Some(self.header())
    }
}

/// What the manifest of a bundle says of the host in its first lines: which machine it is, and what the bundle was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub host: String,
    /// Of each family of the cluster, the primary first.
    pub addresses: Vec<String>,
    /// In the order of [`crate::cluster::Role`].
    pub roles: Vec<String>,
    /// `new` or `running` for the cluster; for a host that comes or goes `joining` or `leaving`.
    pub state: String,
    /// The versions of Kubernetes, etcd and containerd.
    pub kubernetes: String,
    pub etcd: String,
    pub containerd: String,
}

impl About {
    /// Whether the host comes: nobody counts on it before it is there.
    pub(crate) fn is_joining(&self) -> bool {
        self.state == "joining"
    }

    /// Whether the host goes: nobody counts on it any more.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state == "leaving"
    }

    /// Whether it is one of the two: the cluster is to have what it has without the host.
    pub(crate) fn comes_or_goes(&self) -> bool {
        self.is_joining() || self.is_leaving()
    }

    /// A host of which no more is known than its name.
    pub fn named(host: &str) -> About {
        About {
            host: host.to_owned(),
            ..About::default()
        }
    }

    /// Each line behind the host's: `# roles: control-plane etcd`. What is not known has none.
    fn lines(&self) -> impl Iterator<Item = (&'static str, String)> {
        let lines = [
            ("addresses", self.addresses.join(" ")),
            ("roles", self.roles.join(" ")),
            ("state", self.state.clone()),
            ("kubernetes", self.kubernetes.clone()),
            ("etcd", self.etcd.clone()),
            ("containerd", self.containerd.clone()),
        ];
        lines.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// What a manifest says of its host, as far as it says so. Nothing else of the text is looked at.
    pub fn read(manifest: &str) -> About {
        let mut about = About::default();
        let lines = manifest
            .lines()
            .skip(1)
            .map_while(|line| line.strip_prefix("# ")?.split_once(": "));
        for (label, value) in lines {
            let words = || value.split(' ').map(str::to_owned).collect();
            match label {
                "host" => value.clone_into(&mut about.host),
                "addresses" => about.addresses = words(),
                "roles" => about.roles = words(),
                "state" => value.clone_into(&mut about.state),
                "kubernetes" => value.clone_into(&mut about.kubernetes),
                "etcd" => value.clone_into(&mut about.etcd),
                "containerd" => value.clone_into(&mut about.containerd),
                _ => break,
            }
        }
        about
    }
}

/// What a manifest says of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// The permission bits.
    pub mode: u32,
    /// The digest of a file; none for a directory.
    pub sha256: Option<Sha256>,
}

impl ManifestRow {
    /// Of a folder.
    pub(crate) const fn folder(mode: u32) -> ManifestRow {
        ManifestRow { mode, sha256: None }
    }

    /// Of a file with this digest.
    pub(crate) const fn file(mode: u32, sha256: Sha256) -> ManifestRow {
        let sha256 = Some(sha256);
        ManifestRow { mode, sha256 }
    }
}

impl From<&BundleEntry> for ManifestRow {
    fn from(entry: &BundleEntry) -> Self {
        match entry {
            BundleEntry::Directory { mode } => ManifestRow::folder(*mode),
            BundleEntry::File { mode, content } => ManifestRow::file(*mode, content.sha256()),
        }
    }
}

/// What is wrong with a text of lines: the number of the line, from 1, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not {expected}")]
pub struct LineError {
    pub line: usize,
    pub expected: &'static str,
}

/// Adds `MANIFEST` (0644) over everything that is in the bundle now, so it comes last.
///
/// Errors: there is one already.
pub fn add_manifest(bundle: &mut Bundle, about: &About) -> Result<(), BundleError> {
    let text = manifest(about, bundle);
    bundle.insert_file(MANIFEST, 0o644, Content::public(text.into_bytes().into()))
}

/// The manifest of a bundle: the header, what it is about, then a line for each entry, sorted by path; itself not listed.
pub(crate) fn manifest(about: &About, bundle: &Bundle) -> String {
    let rows = listed(bundle).map(|(path, entry)| (path.as_str(), ManifestRow::from(entry)));
    let more = about.lines().map(|(label, value)| format!("# {label}: {value}\n"));
    let header = format!(
        "{MANIFEST_HEADER}\n{HOST_LINE}{}\n{}",
        about.host,
        more.collect::<String>()
    );
    text_of_rows(header, rows)
}

fn listed(bundle: &Bundle) -> impl Iterator<Item = (&String, &BundleEntry)> {
    bundle.entries.iter().filter(|(path, _)| path.as_str() != MANIFEST)
}

/// The manifest of an output: `0600 <64 hex> path` for files, `0700 - path/` for directories, in the order given.
pub(crate) fn manifest_of_output<'a>(rows: impl Iterator<Item = (&'a str, &'a ManifestRow)>) -> String {
    text_of_rows(format!("{OUTPUT_HEADER}\n"), rows.map(|(path, row)| (path, *row)))
}

/// As many bytes as a row of a manifest may usually have: a guess too many or too few costs nothing but time.
const USUAL_ROW: usize = 128;

fn text_of_rows<'a>(header: String, rows: impl Iterator<Item = (&'a str, ManifestRow)>) -> String {
    let mut text = header;
    text.reserve(rows.size_hint().0 * USUAL_ROW);
    let mut count = 0;
    for (path, ManifestRow { mode, sha256 }) in rows {
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

/// Reads back what `manifest` or `manifest_of_output` wrote; the order of the lines is not asked for.
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
    let mut before = 1;
    if of == ManifestOf::Bundle {
        let about = About::read(text).lines().count();
        before += 1 + about;
        lines.by_ref().take(about).for_each(drop);
    }
    let listed: Vec<(&str, usize)> = lines.by_ref().take_while(|(text, _)| !text.starts_with('#')).collect();
    let last = listed.last().map_or(before, |(_, line)| *line);
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
pub(crate) fn lists_of_output(rows: &BTreeMap<String, ManifestRow>) -> (String, String) {
    lists_of(ManifestOf::Output, rows)
}

/// As [`lists_of_output`], of sealed archives.
pub(crate) fn lists_of_sealed(rows: &BTreeMap<String, ManifestRow>) -> (String, String) {
    lists_of(ManifestOf::Sealed, rows)
}

fn lists_of(of: ManifestOf, rows: &BTreeMap<String, ManifestRow>) -> (String, String) {
    let header = format!("{}\n", of.header());
    let manifest = text_of_rows(header, rows.iter().map(|(path, row)| (path.as_str(), *row)));
    let sums = sha256sums_of_output(rows, sha256(manifest.as_bytes()));
    (manifest, sums)
}

/// The text of the `SHA256SUMS` of an output with these rows and a `MANIFEST` of this digest, which is one of its files too.
pub(crate) fn sha256sums_of_output(rows: &BTreeMap<String, ManifestRow>, sum_of_manifest: Sha256) -> String {
    let files = |range: (Bound<&str>, Bound<&str>)| {
        let rows = rows.range::<str, _>(range);
        rows.filter_map(|(path, row)| Some((path.as_str(), row.sha256?)))
    };
    let before = files((Unbounded, Excluded(MANIFEST)));
    let after = files((Excluded(MANIFEST), Unbounded));
    sha256sums_text(before.chain([(MANIFEST, sum_of_manifest)]).chain(after))
}

/// What is below a folder, by the path in it, of anything that is known by path.
pub(crate) fn below<'a, T>(
    entries: &'a BTreeMap<String, T>,
    folder: &str,
) -> impl Iterator<Item = (&'a str, &'a T)> + use<'a, T> {
    let folder = format!("{folder}/");
    let from = entries.range(folder.clone()..);
    from.map_while(move |(path, entry)| Some((path.strip_prefix(&folder)?, entry)))
}

/// The text of `SHA256SUMS`: `<hex>  <path>` for each file, in the order given, as `sha256sum -c` reads it.
pub(crate) fn sha256sums_text<'a>(files: impl Iterator<Item = (&'a str, Sha256)>) -> String {
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
    use crate::pki::secret::SecretBytes;
    use proptest::prelude::*;

    fn manifest_rows(bundle: &Bundle) -> BTreeMap<String, ManifestRow> {
        let rows = listed(bundle).map(|(path, entry)| (path.clone(), ManifestRow::from(entry)));
        rows.collect()
    }

    #[test]
    fn the_manifest_is_as_documented() {
        let mut bundle = Bundle::new();
        bundle.insert_directory("rootfs/var/lib/etcd", 0o700).unwrap();
        let secret = Content::secret(std::sync::Arc::new(SecretBytes::from(b"abc".as_slice())));
        bundle.insert_file("rootfs/etc/key.pem", 0o600, secret).unwrap();
        let about = About {
            addresses: vec!["10.0.0.21".to_owned(), "fd00::21".to_owned()],
            roles: vec!["etcd".to_owned(), "worker".to_owned()],
            state: "running".to_owned(),
            kubernetes: "1.37".to_owned(),
            etcd: "3.7".to_owned(),
            ..About::named("node1")
        };
        add_manifest(&mut bundle, &about).unwrap();
        assert_eq!(
            std::str::from_utf8(match &bundle.entries[MANIFEST] {
                BundleEntry::File { content, .. } => content.bytes(),
                BundleEntry::Directory { .. } => b"",
            })
            .unwrap(),
            "# khw-gen manifest 1: mode sha256 path\n\
             # host: node1\n\
             # addresses: 10.0.0.21 fd00::21\n\
             # roles: etcd worker\n\
             # state: running\n\
             # kubernetes: 1.37\n\
             # etcd: 3.7\n\
             0755 - rootfs/\n\
             0755 - rootfs/etc/\n\
             0600 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad rootfs/etc/key.pem\n\
             0755 - rootfs/var/\n\
             0755 - rootfs/var/lib/\n\
             0700 - rootfs/var/lib/etcd/\n\
             # end: 6 entries\n"
        );
        let text = manifest(&about, &bundle);
        assert_eq!(
            parse_manifest(ManifestOf::Bundle, &text).unwrap(),
            manifest_rows(&bundle)
        );
        assert_eq!(About::read(&text), about);
        assert_eq!(About::read(&manifest(&About::named("a"), &bundle)), About::named("a"));
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
        #[test]
        fn what_is_written_is_read_back(paths in proptest::collection::vec("[abc]{1,2}(/[abc.]{1,2}){0,3}", 0..12)) {
            let mut bundle = Bundle::new();
            for (index, path) in paths.iter().enumerate() {
                let _ = match index % 2 {
                    0 => bundle.insert_file(path, 0o600, Content::public(path.as_bytes().into())),
                    _ => bundle.insert_directory(path, 0o700),
                };
            }
            prop_assert_eq!(parse_manifest(ManifestOf::Bundle, &manifest(&About::named("node1"), &bundle)).unwrap(), manifest_rows(&bundle));
        }
    }
}
