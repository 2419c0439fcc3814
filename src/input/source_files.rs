//! What a specification is made of, as it is asked for: a folder on disk, or texts that are given.
use std::collections::BTreeMap;

use crate::diagnostic::{Placed, Reporter, codes};
use crate::pki::secret::SecretBytes;

/// A text, and what diagnostics call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceText {
    /// What diagnostics call it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Why something can't be read; it tells nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// As a diagnostic says it.
    pub why: String,
    /// What to see to.
    pub hint: Option<&'static str>,
}

impl Unreadable {
    /// For this reason, with nothing to advise.
    pub fn because(why: impl Into<String>) -> Unreadable {
        Unreadable {
            why: why.into(),
            hint: None,
        }
    }
}

/// How files end that hold certificates and keys.
pub const PEM_ENDINGS: [&str; 5] = [".pem", ".crt", ".cert", ".cer", ".key"];

/// The files of a specification. Paths are as they stand in cluster.toml, relative to it; whoever is asked for the same twice
/// answers the same.
pub trait Files {
    /// cluster.toml itself.
    fn main(&self) -> &SourceText;

    /// What diagnostics call the file or folder at `path`.
    fn name(&self, path: &str) -> String;

    /// The names of the JSON files in a folder, sorted, or why one of them is no text; none where there is no folder.
    fn list(&self, folder: &str) -> Result<Vec<Result<String, Unreadable>>, Unreadable>;

    /// The names of the files in a folder that may hold a certificate or a key, by how they end ([`PEM_ENDINGS`]), sorted. What can't be
    /// listed has none: that the folder can't be read, [`Files::list`] says.
    fn pem_files(&self, folder: &str) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }

    /// The text of a file.
    fn text(&self, path: &str) -> Result<String, Unreadable>;

    /// The content of a certificate's file, kept as a secret is, since it may be a key by mistake.
    fn certificate(&self, path: &str) -> Result<SecretBytes, Unreadable>;

    /// The content of a key's file; none where it is not there to be read, and nobody needs it.
    fn key(&self, path: &str) -> Result<Option<SecretBytes>, Unreadable>;

    /// Whether two paths lead to one file: as far as the paths tell, where nobody can look.
    fn are_one(&self, one: &str, other: &str) -> bool {
        is_same_path(one, other)
    }
}

/// Whether two paths are one, written in two ways.
pub fn is_same_path(one: &str, other: &str) -> bool {
    let components = |path: &str| {
        let mut all: Vec<String> = Vec::new();
        for component in path.split('/').filter(|component| !matches!(*component, "" | ".")) {
            match component {
                ".." if all.last().is_some_and(|last| last != "..") => drop(all.pop()),
                _ => all.push(component.to_owned()),
            }
        }
        (path.starts_with('/'), all)
    };
    components(one) == components(other)
}

/// What was read, unless it could not be, which is reported at `place`.
pub fn or_told<T>(read: Result<T, Unreadable>, place: impl Placed, say: &Reporter) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(why) => {
            say.at(place, codes::UNREADABLE, why.why).hint_if(why.hint);
            None
        }
    }
}

/// Files that are given, by their paths.
#[derive(Clone, Debug, Default)]
pub struct GivenFiles {
    /// cluster.toml.
    pub main: SourceText,
    /// The files beside it, by their paths as cluster.toml has them.
    pub others: BTreeMap<String, String>,
}

impl GivenFiles {
    /// A specification of nothing but this cluster.toml.
    pub fn new(cluster_toml: impl Into<String>) -> GivenFiles {
        let main = SourceText {
            name: "cluster.toml".to_owned(),
            text: cluster_toml.into(),
        };
        GivenFiles {
            main,
            others: BTreeMap::new(),
        }
    }

    /// The same with another file.
    pub fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> GivenFiles {
        self.others.insert(path.into(), text.into());
        self
    }
}

impl Files for GivenFiles {
    fn main(&self) -> &SourceText {
        &self.main
    }

    fn name(&self, path: &str) -> String {
        path.to_owned()
    }

    fn list(&self, folder: &str) -> Result<Vec<Result<String, Unreadable>>, Unreadable> {
        let below = |path: &String| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        let is_json = |name: &String| name.ends_with(".json");
        Ok(self.others.keys().filter_map(below).filter(is_json).map(Ok).collect())
    }

    fn pem_files(&self, folder: &str) -> Vec<String> {
        let below = |path: &String| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        let is_pem = |name: &String| PEM_ENDINGS.iter().any(|end| name.ends_with(end)) && !name.contains('/');
        self.others.keys().filter_map(below).filter(is_pem).collect()
    }

    fn text(&self, path: &str) -> Result<String, Unreadable> {
        let text = self.others.get(path).cloned();
        text.ok_or_else(|| Unreadable::because(format!("{path} was not read")))
    }

    fn certificate(&self, path: &str) -> Result<SecretBytes, Unreadable> {
        Ok(self.text(path)?.into_bytes().into())
    }

    fn key(&self, path: &str) -> Result<Option<SecretBytes>, Unreadable> {
        let text = self.others.get(path);
        Ok(text.map(|text| text.clone().into_bytes().into()))
    }
}
