//! `khw-gen merge`.

use khw_gen::disk;

use super::args::MergeArgs;
use super::output::{say_that_it_waits, warn_of_summary};
use super::progress::{self, Bar, Waiting};
use super::say::{Reported, say_error, show};
use super::threads::use_threads;

pub fn run(arguments: &MergeArgs) -> Result<(), Reported> {
    let MergeArgs { parts, out, quiet } = arguments;
    let bar = Bar::new(true);
    use_threads(None)?;
    let waiting = (!quiet).then(|| Waiting::begin("joining"));
    let merged = disk::merge_parts(parts, out, &|| say_that_it_waits(out, *quiet));
    drop(waiting);
    let summary = merged.map_err(|problems| {
        problems.iter().for_each(say_error);
        Reported
    })?;
    warn_of_summary(&summary);
    let took = bar.finish();
    if *quiet {
        return Ok(());
    }
    show(format_args!(
        "{}: {} hosts from {} parts, {} files, {} in {:.1} s",
        out.display(),
        summary.hosts,
        parts.len(),
        summary.files,
        progress::bytes(summary.bytes),
        took.as_secs_f64()
    ))
}
