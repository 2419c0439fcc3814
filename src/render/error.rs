//! Why a bundle could not be rendered.

use std::fmt;

use minijinja::Error;

/// Why a bundle could not be rendered: a mistake in a template or a table.
#[derive(Debug)]
pub struct RenderError(pub(super) String);

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RenderError {}

impl From<Error> for RenderError {
    fn from(error: Error) -> Self {
        // The alternate form would print the variables too, and there are keys among them.
        RenderError(format!("{error}"))
    }
}
