//! `khw-gen releases`.

use khw_gen::catalog::releases;

use super::args::{ReleasesArgs, ReportFormat};
use super::say::{Reported, print, print_document};

pub fn run(arguments: &ReleasesArgs) -> Result<(), Reported> {
    match arguments.format {
        ReportFormat::Text => print(releases::table().trim_end()),
        ReportFormat::Json => print_document(&releases::to_json()),
    }
}
