//! How wide a line may be where a person reads it.

use std::io;

use terminal_size::{Width, terminal_size_of};

/// How many characters a line of the terminal has on which standard output is shown; none where it is shown on none, so that what programs
/// read does not depend on a window.
pub fn width() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(Width(columns), _)| usize::from(columns))
}
