//! What is said of an output folder: that a build waits for another over it, and what else came of replacing it.

use std::path::Path;

use khw_gen::disk::Summary;

use super::say::say;

/// Another build may take minutes: whoever looks on wants to know why nothing happens.
pub fn say_that_it_waits(out: &Path, quiet: bool) {
    if !quiet {
        say(format_args!(
            "waiting for another khw-gen that builds over {}",
            out.display()
        ));
    }
}

pub fn warn_of_summary(summary: &Summary) {
    if summary.two_renames {
        say(
            "warning: this file system can't exchange two folders in one step; for a moment there was no output folder",
        );
    }
    if let Some(leftover) = &summary.leftover {
        say(format_args!(
            "warning: the earlier output{} could not be removed from {}: {}",
            if leftover.holds_secrets {
                ", which holds secrets,"
            } else {
                ""
            },
            leftover.path.display(),
            leftover.reason
        ));
    }
}
