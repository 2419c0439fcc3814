//! What a specification would be with another cluster.toml.

use khw_gen::disk::Specification;
use khw_gen::input::{Files, SourceText, Unreadable};
use khw_gen::pki::secret::SecretBytes;

/// A specification on disk, with another cluster.toml.
pub struct Edited<'s> {
    main: SourceText,
    rest: &'s Specification,
}

impl<'s> Edited<'s> {
    pub fn new(sources: &'s Specification, text: impl Into<String>) -> Self {
        let main = SourceText {
            text: text.into(),
            ..sources.main().clone()
        };
        Edited { main, rest: sources }
    }
}

impl Files for Edited<'_> {
    fn main(&self) -> &SourceText {
        &self.main
    }

    fn name(&self, path: &str) -> String {
        self.rest.name(path)
    }

    fn list(&self, folder: &str) -> Result<Vec<Result<String, Unreadable>>, Unreadable> {
        self.rest.list(folder)
    }

    fn pem_files(&self, folder: &str) -> Vec<String> {
        self.rest.pem_files(folder)
    }

    fn text(&self, path: &str) -> Result<String, Unreadable> {
        self.rest.text(path)
    }

    fn certificate(&self, path: &str) -> Result<SecretBytes, Unreadable> {
        self.rest.certificate(path)
    }

    fn key(&self, path: &str) -> Result<Option<SecretBytes>, Unreadable> {
        self.rest.key(path)
    }

    fn are_one(&self, one: &str, other: &str) -> bool {
        self.rest.are_one(one, other)
    }
}
