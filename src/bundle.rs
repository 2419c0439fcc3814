//! What goes to each host: paths, modes and bytes.
//!
//! A bundle is plain data in memory. This module decides nothing about what belongs on a host and touches no file; what it
//! does promise is that a bundle is well formed (see [`Bundle`]), so that whoever writes or packs it has nothing to check.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::pki::digest::{Sha256, sha256};
use crate::pki::secret::SecretBytes;

/// The mode of a directory that nobody asked for but that a file needs as its parent.
pub(crate) const IMPLIED_DIRECTORY_MODE: u32 = 0o755;

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
    pub(crate) fn is_secret(&self) -> bool {
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
    pub(crate) fn sha256(&self) -> Sha256 {
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
pub enum BundleEntry {
    /// A directory.
    Directory {
        /// The permission bits.
        mode: u32,
    },
    /// A file.
    File {
        /// The permission bits.
        mode: u32,
        /// What is in it.
        content: Content,
    },
}

impl BundleEntry {
    /// How many bytes a file holds; a directory holds none.
    pub(crate) fn size(&self) -> usize {
        match self {
            BundleEntry::Directory { .. } => 0,
            BundleEntry::File { content, .. } => content.bytes().len(),
        }
    }
}

/// The entries of one host by relative path (`rootfs/etc/etcd/ca.pem`, `INSTALL.md`, `install.sh`, `MANIFEST`); every parent
/// directory is an entry too; paths have no `.`/`..`/empty components and never begin with `/`.
///
/// The methods keep it so; `entries` is open for reading.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// By path.
    pub entries: BTreeMap<String, BundleEntry>,
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The path is not a relative, normal one that every tool reads the same way.
    #[error("{path:?} can't be a path in a bundle: {why}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Which of the two would be meant?
    #[error("{path} is in the bundle twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// A file stands where a directory would have to be.
    #[error("{path} can't be: {parent} is a file")]
    ParentIsFile {
        /// The path.
        path: String,
        /// The part of it that is a file.
        parent: String,
    },
    /// More than the nine permission bits.
    #[error("{path} can't have mode {mode:o}: only 0000 to 0777")]
    BadMode {
        /// The path.
        path: String,
        /// The bits.
        mode: u32,
    },
}

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
        self.entries
            .insert(path.to_owned(), BundleEntry::File { mode, content });
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
        self.entries.insert(path.to_owned(), BundleEntry::Directory { mode });
        Ok(())
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
                Some(BundleEntry::Directory { .. }) => break,
                Some(BundleEntry::File { .. }) => {
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
            self.entries.insert(parent.to_owned(), BundleEntry::Directory { mode });
            self.implied.insert(parent.to_owned());
        }
        Ok(())
    }
}

/// Whether `path` is relative, normal, and read the same way by every tool that a bundle meets (tar, zip, sha256sum, a
/// shell script that reads lines).
pub(crate) fn check_path(path: &str) -> Result<(), BundleError> {
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
        assert_eq!(bundle.entries["a"], BundleEntry::Directory { mode: 0o755 });
        bundle.insert_directory("a/b", 0o700).unwrap();
        assert_eq!(bundle.entries["a/b"], BundleEntry::Directory { mode: 0o700 });
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
                    let is_directory = matches!(bundle.entries.get(parent), Some(BundleEntry::Directory { .. }));
                    prop_assert!(is_directory, "{}", parent);
                    prop_assert!(parent < path.as_str());
                }
            }
        }
    }
}
