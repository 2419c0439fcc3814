//! `khw-gen releases`.

use khw_gen::catalog::releases;
use khw_gen::table::wrapped;

use super::args::{ReleasesArgs, ReportFormat};
use super::say::{Reported, print, print_document};
use super::width::width;

pub fn run(arguments: &ReleasesArgs) -> Result<(), Reported> {
    match arguments.format {
        ReportFormat::Text => print(wrapped(&releases::table(), width()).trim_end()),
        ReportFormat::Json => print_document(&releases::to_json()),
    }
}
