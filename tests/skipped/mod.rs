//! What a test could not check on this machine, told at the end of `make test` instead of passing in silence.
#![allow(dead_code)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Says that `what` was not checked, and why: on the test's output and in `target/skipped.txt`.
pub fn skipped(what: &str, why: &str) {
    println!("skipped: {what}: {why}");
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../skipped.txt");
    if let Ok(mut list) = OpenOptions::new().create(true).append(true).open(list) {
        let _ = writeln!(list, "{what}: {why}");
    }
}

/// Whether a program can be started here; if not, `what` is reported as skipped.
pub fn has_program(program: &str, what: &str) -> bool {
    let started = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok();
    if !started {
        skipped(what, &format!("no {program} on this machine"));
    }
    started
}
