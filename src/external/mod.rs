//! Authorities that sign elsewhere: what they are asked, as files for their owners, and whether what comes back is that.
//!
//! Pure: files are read and written by others. Keys come from the seed, so the same cluster asks the same, byte for byte.

mod asked;
mod folder;
mod judge;

pub use asked::{OutsideRequest, asked, manifest};
pub use folder::files;
pub use judge::{Judged, judge};
