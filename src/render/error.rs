//! Why a bundle could not be rendered.

use minijinja::Error;

/// Why a bundle could not be rendered: a mistake in a template or a table.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub(super) String);

impl From<Error> for RenderError {
    fn from(error: Error) -> Self {
        // The alternate form would print the variables too, and there are keys among them.
        RenderError(format!("{error}"))
    }
}
