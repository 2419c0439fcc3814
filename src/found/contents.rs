//! What files hold, once however many hosts have it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::pki::secret::SecretBytes;

/// What the last file at each path held: hosts of a fleet have most of theirs alike, and then it is in memory once.
#[derive(Default)]
pub struct SharedContents(Mutex<BTreeMap<String, SecretBytes>>);

impl SharedContents {
    /// The same bytes, or those of another host that are equal. `path` is that in the folder of a host, or in one above.
    pub fn once(&self, path: &str, content: SecretBytes) -> SecretBytes {
        let last = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let on_host = path.split_once('/').map_or(path, |(_, below)| below);
        let before = last().get(on_host).cloned();
        match before {
            Some(before) if before == content => before,
            _ => {
                last().insert(on_host.to_owned(), content.clone());
                content
            }
        }
    }
}
