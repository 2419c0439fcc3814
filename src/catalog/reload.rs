//! What a program reads again by itself when a file changes: what the rows of that table are made of, and the page that shows them.

use super::change::{Program, Version};
use super::tables::reloads::RELOADS;

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
pub enum Within {
    /// Whenever the file is needed.
    EachUse,
    /// This many seconds after the change, at the latest.
    Seconds(u16),
    /// When this command succeeds on the host, with `{kubectl}` and `{file}` for what they are there.
    Shown(&'static str),
}

/// A file that a program reads again without being restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    pub program: &'static str,
    pub named_by: NamedBy,
    pub of: Program,
    /// The first release for which it is known: an older one is restarted.
    pub since: Version,
    pub within: Within,
    /// How the program comes to read it.
    pub how: &'static str,
}

impl NamedBy {
    fn in_words(self) -> String {
        match self {
            NamedBy::Flag(flag) => format!("`--{flag}`"),
            NamedBy::FlagWith(flag, switch) => format!("`--{flag}` with `--{switch}`"),
            NamedBy::Setting(path) => format!("`{}`", path.join(".")),
            NamedBy::Kubeconfig(field) => format!("`kubeconfig:{field}`"),
        }
    }
}

impl Within {
    fn in_words(self) -> String {
        match self {
            Within::EachUse => "at once".to_owned(),
            Within::Seconds(seconds) => format!("{seconds} s"),
            Within::Shown(_) => "when a command shows it".to_owned(),
        }
    }
}

/// The page `docs/reload.md`.
pub fn page() -> String {
    let mut page = "# What is read again without a restart\n\n\
        `khw-gen diff` and `khw-gen rotate` ask for a restart of a unit unless every file that changed for it is in this table, for the \
        release before\nand after the change. What is not here is read when the program starts, and never again: `etcd-cafile` and \
        `trusted-ca-file`, the\nkeys of service account tokens, `root-ca-file`, certificates within a kubeconfig, every unit and every \
        configuration file.\n\n\
        A file is picked up where it is put in place by a rename, as `install.sh` does, and not behind a symbolic link whose target \
        changes.\n`tests/e2e/reloads.py` measures it on programs of any release.\n\n\
        This page is made from `src/catalog/tables/reloads.rs`: edit that, not this.\n\n\
        | component | file | since | how | within |\n|---|---|---|---|---|\n"
        .to_owned();
    for row in RELOADS {
        let (file, within) = (row.named_by.in_words(), row.within.in_words());
        let (of, since) = (row.of.name(), row.since);
        page.push_str(&format!(
            "| {} | {file} | {of} {since} | {} | {within} |\n",
            row.program, row.how
        ));
    }
    page
}
