//! The files that `khw-gen init` writes: a specification to begin with.

use crate::catalog::layouts::Layout;
use crate::input::{built_in_files, fields};

/// The name of the topology.
pub const CLUSTER_TOML: &str = "cluster.toml";
/// The name of the seed's file.
pub const SEED: &str = "cluster.seed";
/// The name of the schema, which the topology names for editors.
pub(crate) const SCHEMA: &str = "cluster.schema.json";

const TEXT: &str = include_str!("starter/cluster.toml");

/// Relative path, mode and content of each file: the topology issued at `issued` (RFC 3339), its schema, the CSR files,
/// and the seed as `seed` gives it.
pub fn files(issued: &str, seed: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let topology = TEXT.replace("{issued}", issued);
    let mut files = vec![
        (CLUSTER_TOML.to_owned(), 0o644, topology.into_bytes()),
        (SCHEMA.to_owned(), 0o644, fields::schema().into_bytes()),
        (SEED.to_owned(), 0o600, seed.to_vec()),
    ];
    files.push((".gitignore".to_owned(), 0o644, format!("/{SEED}\n/out/\n").into_bytes()));
    let csrs = built_in_files(Layout::Split).into_iter();
    files.extend(csrs.map(|(name, text)| (format!("csr/{name}"), 0o644, text.as_bytes().to_vec())));
    files
}
