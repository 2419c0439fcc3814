//! What an output is made of, as one keyed digest: two builds of the same identity are the same bytes.
//!
//! It is a digest of everything that an output depends on: the cluster as it was checked, the seed, the form of the archives and
//! the code. It is keyed with the seed, so whoever reads it learns nothing, and can't try out what it was made of.

use std::fmt::Write;

use crate::cluster::Cluster;
use crate::pack::ArchiveFormat;
use crate::pki::derivation::Seed;
use crate::pki::keyed_digest::KeyedDigest;

/// Which code makes the bytes: the version of khw-gen, and a digest of its sources and its lock file (`build.rs`), since what
/// is built between two releases has the same version.
pub const CODE: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("KHW_GEN_CODE"));

/// The identity of a whole build, as 64 hexadecimal digits. It is the same on any machine, and another if any byte of the
/// output may be.
pub fn build_identity(cluster: &Cluster, seed: &Seed, format: ArchiveFormat) -> String {
    let mut digest = KeyedDigest::of_build(seed, &cluster.name);
    digest.field(CODE.as_bytes());
    digest.field(format.to_string().as_bytes());
    // Keys don't show themselves, and one can be written in several ways that fit the same certificate.
    let of_authorities = cluster.pki.brought.values().map(|brought| &brought.key);
    let of_tokens = cluster.pki.brought_keys.values().map(|brought| &brought.key);
    for key in of_authorities.chain(of_tokens) {
        let key = key.as_ref().map(|key| key.to_pem());
        digest.field(key.unwrap_or_default().expose());
    }
    for brought in &cluster.encryption.brought {
        digest.field(brought.secret.as_ref().map_or(&[][..], |secret| secret.expose()));
    }
    // Everything else of a cluster shows itself in full. It is the last, as its length isn't known before: of a fleet it is
    // hundreds of megabytes. To write into a digest can't fail.
    let _ = write!(digest, "{cluster:?}");
    digest.finish()
}
