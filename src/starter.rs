//! The files that `khw-gen init` writes: a specification to begin with.

use crate::catalog::layouts::Layout;
use crate::catalog::releases::{self, Program};
use crate::input::{built_in_files, fields};

/// The name of the topology.
pub const CLUSTER_TOML: &str = "cluster.toml";
/// The name of the seed's file.
pub const SEED: &str = "cluster.seed";
/// The name of the schema, which the topology names for editors.
pub(crate) const SCHEMA: &str = "cluster.schema.json";

/// What there is to begin with.
#[derive(Debug)]
pub struct Beginning {
    /// What it is asked for by.
    pub name: &'static str,
    text: &'static str,
    layout: Layout,
    /// Whether its release of Kubernetes is what it is about; else it is the last one that is known.
    keeps_release: bool,
}

const fn beginning(name: &'static str, text: &'static str) -> Beginning {
    Beginning {
        name,
        text,
        layout: Layout::Split,
        keeps_release: false,
    }
}

/// All of them: the first is what is written where nothing is asked for, the others are specifications that have goldens.
pub static BEGINNINGS: [Beginning; 6] = [
    beginning("default", include_str!("starter/cluster.toml")),
    beginning("single-node", include_str!("../specs/single-node/cluster.toml")),
    beginning("three-masters", include_str!("../specs/three-masters/cluster.toml")),
    beginning("external-etcd", include_str!("../specs/external-etcd/cluster.toml")),
    beginning("dual-stack", include_str!("../specs/dual-stack/cluster.toml")),
    Beginning {
        layout: Layout::Single,
        keeps_release: true,
        ..beginning("walkthrough", include_str!("../specs/walkthrough/cluster.toml"))
    },
];

const SCHEMA_LINE: &str = "#:schema ./cluster.schema.json\n";

impl Beginning {
    /// The topology issued at `issued`, with a seed of its own.
    fn topology(&self, issued: &str) -> String {
        let newest = releases::last_released(Program::Kubernetes);
        let line = |line: &str| {
            let field = line.split_once('=').map_or("", |(field, _)| field.trim_end());
            match field {
                "issued" => written(line, issued),
                "seed" => written(line, SEED),
                "kubernetes" if !self.keeps_release => written(line, &newest.to_string()),
                _ => line.to_owned(),
            }
        };
        let lines: String = self.text.lines().map(|one| line(one) + "\n").collect();
        match lines.starts_with(SCHEMA_LINE) {
            true => lines,
            false => format!("{SCHEMA_LINE}\n{lines}"),
        }
    }
}

/// A line `field = "text"   # words` with another text; words that were about the text that it had go with it.
fn written(line: &str, text: &str) -> String {
    let mut parts = line.splitn(3, '"');
    let (before, old, after) = (parts.next(), parts.next(), parts.next());
    let (Some(before), Some(old), Some(after)) = (before, old, after) else {
        return line.to_owned();
    };
    let is_about_it = old.contains("walkthrough") && after.contains("public");
    format!("{before}\"{text}\"{}", if is_about_it { "" } else { after })
}

/// What lies beside a topology, whoever writes that: its schema, the seed, and what version control passes over.
pub fn files_beside(seed: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let ignored = format!("/{SEED}\n/keys/*-key*\n/out/\n/rotation*/\n/khw-gen.md\n/khw-gen.sarif\n");
    vec![
        (SCHEMA.to_owned(), 0o644, fields::schema().into_bytes()),
        (SEED.to_owned(), 0o600, seed.to_vec()),
        (".gitignore".to_owned(), 0o644, ignored.into_bytes()),
    ]
}

/// Relative path, mode and content of each file: the topology issued at `issued` (RFC 3339), its schema, the CSR files,
/// and the seed as `seed` gives it.
pub fn files(from: &Beginning, issued: &str, seed: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let topology = from.topology(issued);
    let mut files = vec![(CLUSTER_TOML.to_owned(), 0o644, topology.into_bytes())];
    files.extend(files_beside(seed));
    let csrs = built_in_files(from.layout).into_iter();
    files.extend(csrs.map(|(name, text)| (format!("csr/{name}"), 0o644, text.as_bytes().to_vec())));
    files
}
