//! A digest of the sources for `src/build_identity.rs`: what two builds of khw-gen make of one input may differ though they have
//! the same version. It is the same on any machine and in any folder.
#![allow(
    clippy::disallowed_methods,
    reason = "it reads the sources of the program, not its input"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let mut files = vec![PathBuf::from("Cargo.lock"), PathBuf::from("build.rs")];
    collect(Path::new("src"), &mut files)?;
    files.sort();
    let mut digest = Fnv::new();
    for path in files {
        digest.field(path.to_string_lossy().as_bytes());
        digest.field(&fs::read(&path)?);
    }
    for source in ["src", "Cargo.lock", "build.rs"] {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rustc-env=KHW_GEN_SOURCES={:032x}", digest.0);
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
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
