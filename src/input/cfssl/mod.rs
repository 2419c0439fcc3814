//! cfssl's JSON files -> the types of [`crate::pki::cfssl`]: what Go's decoder and cfssl 1.6.5 accept, and nothing silent
//! about what they would ignore.
//!
//! It reads one file at a time and knows no cluster.
pub(crate) mod config;
pub(crate) mod request;
mod values;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::diagnostic::{Reporter, SourceFile};
use crate::pki::cfssl::Request;

pub use config::{SigningConfig, read_signing_config};
pub use request::{RequestFile, read_request_file};

/// The request that a CSR file makes, or none if anything is wrong with it, which is reported.
pub fn read_request(file: &Arc<SourceFile>, say: &Reporter) -> Option<Request> {
    let before = say.len();
    let read = read_request_file(file, say);
    read.filter(|_| !say.has_error_since(before)).map(|read| read.request)
}
