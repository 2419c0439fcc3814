//! The files out of which keys come, which no part of a specification may be that is shown or copied.
use crate::diagnostic::{Reporter, codes};

use super::draft::Draft;
use super::source_files::Files;
use super::tree::At;

fn all(draft: &Draft) -> impl Iterator<Item = &At<String>> {
    let keys = draft.pki.brought.iter().filter_map(|(_, brought)| brought.key.as_ref());
    let encryption = draft.encryption.keys.iter().filter_map(|key| key.file.given());
    draft.pki.seed.iter().chain(keys).chain(encryption)
}

/// The secret that the file at `path` is, by that name or another.
pub fn that_is<'draft>(path: &str, files: &dyn Files, draft: &'draft Draft) -> Option<&'draft At<String>> {
    all(draft).find(|secret| files.are_one(&secret.value, path))
}

/// Whether the file at `path`, of which diagnostics would show lines, is a secret, which is reported.
pub fn told_as_text(path: &str, files: &dyn Files, draft: &Draft, say: &Reporter) -> bool {
    let secret = that_is(path, files, draft);
    if let Some(secret) = secret {
        let message = format!(
            "{} is a secret of this specification, and read as a text of it",
            files.name(path)
        );
        say.at(secret, codes::SECRET_AS_TEXT, message);
    }
    secret.is_some()
}
