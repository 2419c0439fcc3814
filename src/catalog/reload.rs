//! What a program reads again by itself when a file changes: what the rows of that table are made of.

use super::change::{Program, Version};

/// By what a program is told of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    Flag(&'static str),
    /// A flag that counts only beside a switch of this name.
    FlagWith(&'static str, &'static str),
    /// A field of its configuration file, by the names on the way.
    Setting(&'static [&'static str]),
    /// A field of a kubeconfig that the program is given.
    Kubeconfig(&'static str),
}

/// When it has read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Whenever the file is needed.
    EachUse,
    /// This many seconds after the change, at the latest.
    Seconds(u16),
    /// Likewise, and when this command succeeds on the host, with `{kubectl}` and `{file}` for what they are there.
    Shown(u16, &'static str),
}

/// A file that a program reads again without being restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    pub program: &'static str,
    pub named_by: NamedBy,
    pub of: Program,
    /// The first release for which it is known: an older one is restarted.
    pub since: Version,
    pub within: Delay,
    /// How the program comes to read it.
    pub how: &'static str,
}

impl NamedBy {
    pub fn in_words(self) -> String {
        match self {
            NamedBy::Flag(flag) => format!("`--{flag}`"),
            NamedBy::FlagWith(flag, switch) => format!("`--{flag}` with `--{switch}`"),
            NamedBy::Setting(path) => format!("`{}`", path.join(".")),
            NamedBy::Kubeconfig(field) => format!("`kubeconfig:{field}`"),
        }
    }
}

impl Delay {
    pub fn in_words(self) -> String {
        match self {
            Delay::EachUse => "at once".to_owned(),
            Delay::Seconds(seconds) => format!("{seconds} s"),
            Delay::Shown(seconds, _) => format!("{seconds} s; a command shows it"),
        }
    }
}
