//! What is wrong with an input, where, and what to do about it: code, severity, place, message, hint.
//!
//! A diagnostic carries the texts it quotes; making it readable is [`render_text`]'s and [`render_json`]'s. Nothing here
//! prints, and no control character of an input passes through unchanged.
pub mod adopt_codes;
pub mod answer_codes;
mod code;
pub mod codes;
mod problem;
mod render;
mod reporter;
mod sarif;
pub mod suggest;
pub mod verify_codes;

pub use code::{Code, Example, Severity};
pub use problem::{Diagnostic, Place, SourceFile};
pub use render::{as_json, is_unsafe, render_json, render_text, render_text_within};
pub use reporter::{JustReported, Placed, Reporter};
pub use sarif::sarif;
pub(crate) use sarif::{SarifResult, sarif_log};
