//! What a command comes to, and the exit code that tells it: one table for all commands.

use std::process::ExitCode;

use super::say::Reported;

/// What a command comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and nothing speaks against it.
    Done,
    /// It was judged, and something was found: an error, a difference, a certificate that ends soon.
    Found,
    /// It could not be done: the specification has problems, or something is in the way. All has been said.
    Refused,
    /// There was nothing that could be judged: the command was used wrongly. clap's own code for arguments is the same.
    NotJudged,
}

impl Outcome {
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Outcome::Done => 0,
            Outcome::Found | Outcome::Refused => 1,
            Outcome::NotJudged => 2,
        })
    }
}

/// What a command comes to that makes or shows something.
pub fn made(done: Result<(), Reported>) -> Outcome {
    done.map_or(Outcome::Refused, |()| Outcome::Done)
}

/// What a command comes to that looks for something, as diff(1) does: trouble is not the same as having found it.
pub fn judged(found: Result<Outcome, Reported>) -> Outcome {
    found.unwrap_or(Outcome::NotJudged)
}
