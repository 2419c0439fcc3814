//! The only input and output: reads a specification and a seed, replaces an output folder atomically.
//!
//! Nothing here knows what the bytes mean. It follows no symbolic link inside a folder that it writes, removes nothing that
//! khw-gen did not make, and no error of it ever holds content.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod bundle_as_found;
mod earlier;
mod error;
mod golden;
mod kind;
mod new_files;
mod output;
mod parts;
mod place;
mod publish;
mod signed;
mod source;
mod staging;
mod tree;
mod unpacked;
mod update;

pub use bundle_as_found::read_found;
pub use error::DiskError;
pub use golden::{GoldenFolder, read_golden};
pub use new_files::{check_replaceable_file, make_folder, refuse_existing, replace_file, write_new_files};
pub use output::{Leftover, Output, Start, Summary};
pub use parts::merge_parts;
pub use signed::read_signed;
pub use source::{
    SeedText, Specification, is_there, open_sealed, read_opener, read_public_text, read_seed, read_share, read_whole,
};
pub use tree::read_tree;
pub use unpacked::{read_output, write_new_folder, write_unpacked};
