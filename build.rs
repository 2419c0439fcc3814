//! Tells the program which code it is: what one version made is reused by that version alone (`src/reuse.rs`).
// A build script is no part of what it builds: it has only the folder that it stands in.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Everything that output depends on besides its input.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

fn main() {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    files.sort();
    let mut state = FNV_OFFSET;
    for file in files {
        let content = as_in_the_repository(&file);
        for part in [file.to_string_lossy().as_bytes(), &content] {
            state = fnv(state, &(part.len() as u64).to_le_bytes());
            state = fnv(state, part);
        }
    }
    println!("cargo::rustc-env=KHW_GEN_CODE={state:032x}");
}

/// Every file in `path`, or the file that it is; without a lock file the sources have to do.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
}

/// What is in a file of the sources. In a published crate cargo has written Cargo.toml anew and kept ours beside it, and Cargo.lock has
/// none of the other packages of the workspace: neither changes the program.
fn as_in_the_repository(file: &Path) -> Vec<u8> {
    match file.to_str() {
        Some("Cargo.toml") => fs::read("Cargo.toml.orig").or_else(|_| fs::read(file)).unwrap(),
        Some("Cargo.lock") => {
            let text = fs::read_to_string(file).unwrap();
            let packages = text.trim_end().split("\n\n");
            let is_of_another = |package: &&str| {
                package.starts_with("[[package]]")
                    && !package.contains("\nsource = ")
                    && !package.contains("\nname = \"khw-gen\"\n")
            };
            let kept: Vec<&str> = packages.filter(|package| !is_of_another(package)).collect();
            kept.join("\n\n").into_bytes()
        }
        _ => fs::read(file).unwrap(),
    }
}

/// FNV-1a of 128 bits (RFC 9923): whoever could change the sources on purpose needs no collision.
const FNV_OFFSET: u128 = 0x6c62272e07bb014262b821756295c58d;
const FNV_PRIME: u128 = 0x0000000001000000000000000000013b;

fn fnv(state: u128, bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(state, |state, byte| (state ^ u128::from(*byte)).wrapping_mul(FNV_PRIME))
}
