//! `khw-gen schema`.

use khw_gen::input::fields;
use khw_gen::json_document::JsonKind;

use super::args::SchemaArgs;
use super::say::{Reported, print};

pub fn run(arguments: &SchemaArgs) -> Result<(), Reported> {
    match JsonKind::ALL.iter().find(|kind| kind.name() == arguments.kind) {
        Some(kind) => print(kind.schema().trim_end()),
        None => print(fields::schema().trim_end()),
    }
}
