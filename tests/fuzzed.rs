//! What a fuzzer once broke stays whole: every kept input, and all that fuzzing begins with, through the same functions.

#[path = "../fuzz/harness.rs"]
mod harness;
#[path = "../fuzz/seeds.rs"]
mod seeds;

use std::fs;
use std::path::Path;

use rayon::prelude::*;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_seed_is_read() {
    let seeds = seeds::seeds(project());
    for (target, run) in harness::TARGETS {
        let inputs = seeds.get(target).map_or(&[][..], Vec::as_slice);
        assert!(inputs.len() > 5, "{target} has {} seeds", inputs.len());
        inputs.par_iter().for_each(|input| run(input));
    }
}

/// What `make fuzz` begins with.
#[test]
#[ignore = "it writes below fuzz/corpus"]
fn the_seeds_are_written() {
    for (target, inputs) in seeds::seeds(project()) {
        let corpus = project().join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).expect("a folder");
        for (number, input) in inputs.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), input).expect("a seed");
        }
    }
}

/// `tests/fuzzed/TARGET/NAME`, where NAME says what was wrong.
#[test]
fn every_input_that_was_found_is_read() {
    for entry in fs::read_dir(project().join("tests/fuzzed")).expect("a folder") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (_, run) = harness::TARGETS
            .iter()
            .find(|(target, _)| *target == name)
            .unwrap_or_else(|| panic!("there is no target {name}"));
        let inputs = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path());
        let inputs: Vec<_> = inputs.collect();
        inputs.par_iter().for_each(|input| {
            // Which one it was, should it panic.
            println!("{}", input.display());
            run(&fs::read(input).expect("an input"));
        });
    }
}

/// The targets that `cargo fuzz` builds are those that are tested here.
#[test]
fn every_target_is_built() {
    let manifest = fs::read_to_string(project().join("fuzz/Cargo.toml")).expect("fuzz/Cargo.toml");
    for (target, _) in harness::TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target} is not in fuzz/Cargo.toml"
        );
        let main = fs::read_to_string(project().join(format!("fuzz/fuzz_targets/{target}.rs"))).expect("a target");
        assert!(main.contains(&format!("harness::{target}(")), "{target}");
    }
}
