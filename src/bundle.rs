//! What goes to each host: paths, modes and bytes, and the manifest over them. (interface skeleton)
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pki::secret::SecretBytes;

/// The content of a file. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content { Public(Arc<[u8]>), Secret(Arc<SecretBytes>) }

impl Content {
    pub fn bytes(&self) -> &[u8] {
        match self { Content::Public(bytes) => bytes, Content::Secret(bytes) => bytes.expose() }
    }
}

/// A file or a directory of a bundle, with its permission bits (`0o600`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry { Directory { mode: u32 }, File { mode: u32, content: Content } }

/// The entries of one host by relative path (`rootfs/etc/etcd/ca.pem`, `INSTALL.md`, `install.sh`, `MANIFEST`); every parent
/// directory is an entry too; paths have no `.`/`..`/empty components and never begin with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle { pub entries: BTreeMap<String, Entry> }
