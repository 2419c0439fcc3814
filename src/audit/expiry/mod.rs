//! What ends when, and when it has to be renewed at the latest: as a table, as JSON, as a calendar, as metrics.
//!
//! No form has a clock in it: the same certificates and instant give the same bytes.

mod calendar;
mod endings;
mod metrics;
mod report;

pub use calendar::expiry_calendar;
pub use endings::{Ending, Expiry};
pub use metrics::expiry_metrics;
pub use report::{expiry_json, expiry_text};
