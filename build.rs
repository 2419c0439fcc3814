//! A digest of the sources for `src/build_identity.rs`: what two builds of khw-gen make of one input may differ though they have
//! the same version. It is the same on any machine and in any folder.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let mut files = Vec::new();
    for source in ["src", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    files.sort();
    let mut digest = Fnv::new();
    for path in files {
        let bytes = fs::read(&path).unwrap_or_default();
        digest.field(path.to_string_lossy().as_bytes());
        digest.field(&bytes);
    }
    println!("cargo:rustc-env=KHW_GEN_SOURCES={:032x}", digest.0);
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) if path.exists() => files.push(path.to_owned()),
        Err(_) => {}
    }
}

/// FNV-1a with 128 bits (RFC 9923): it tells versions apart that nobody made to look alike, and needs no crate.
struct Fnv(u128);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0x6c62272e07bb014262b821756295c58d)
    }

    fn field(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u64).to_be_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000000001000000000000000000013b);
        }
    }
}
