//! `khw-gen releases`.

use khw_gen::catalog::between::Between;
use khw_gen::catalog::releases::{self, Program, Version};
use khw_gen::table::wrapped;

use super::args::{ReleasesArgs, ReportFormat};
use super::say::{Reported, print, print_document, say_error};
use super::width::width;

pub fn run(arguments: &ReleasesArgs) -> Result<(), Reported> {
    let (text, document) = match arguments.version {
        None => (releases::table(), releases::to_json()),
        Some(to) => {
            let between = between(arguments.from, to)?;
            (between.to_text(), between.to_json())
        }
    };
    match arguments.format {
        ReportFormat::Text => print(wrapped(&text, width()).trim_end()),
        ReportFormat::Json => print_document(&document),
    }
}

fn between(from: Option<Version>, to: Version) -> Result<Between, Reported> {
    let before = from.or_else(|| releases::one_before(Program::Kubernetes, to));
    before.and_then(|from| Between::of(from, to)).ok_or_else(|| {
        match from {
            Some(from) => say_error(format_args!("Kubernetes {from} is not older than {to}")),
            None => say_error(format_args!("Kubernetes {to} is the oldest that is known")),
        }
        Reported
    })
}
