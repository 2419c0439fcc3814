//! Writes the seeds of every target below `corpus/`.

#[path = "../harness.rs"]
mod harness;
#[path = "../seeds.rs"]
mod seeds;

use std::fs;
use std::path::Path;

fn main() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, inputs) in seeds::seeds(&fuzz.join("..")) {
        let corpus = fuzz.join("corpus").join(target);
        fs::create_dir_all(&corpus).expect("a folder");
        for (number, input) in inputs.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), input).expect("a seed");
        }
        println!("{target}: {} seeds", inputs.len());
    }
}
