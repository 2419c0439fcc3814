//! What tells a value, and where: several may tell the same, and some may contradict.

use std::fmt;

use crate::audit::view::HostView;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::found::printable;
use crate::secrecy::hidden;

/// Where something is told: a file, the line of it where that is known, and what in it. Nothing of a secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence(String);

impl Evidence {
    /// A file of a host, or of a folder of files.
    pub(super) fn file(host: &HostView<'_>, path: &str) -> Evidence {
        Evidence(place_of(host, path, None))
    }

    /// Something in a file: the first line with `needle` is its place.
    pub(super) fn within(host: &HostView<'_>, path: &str, needle: &str, what: &str) -> Evidence {
        let text = host
            .host
            .files
            .get(path)
            .and_then(|file| file.text())
            .unwrap_or_default();
        let line = text.lines().position(|line| line.contains(needle)).map(|line| line + 1);
        let place = place_of(host, path, line);
        Evidence(match what {
            "" => place,
            what => format!("{place}, {}", printable(&hidden(what))),
        })
    }

    /// In words, for what no file tells alone.
    pub(super) fn words(words: impl Into<String>) -> Evidence {
        Evidence(printable(&words.into()))
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `master1: /etc/etcd/ca.pem:3`; in a folder of files `ca.pem:3`.
fn place_of(host: &HostView<'_>, path: &str, line: Option<usize>) -> String {
    let place = match host.host.loose {
        true => path.trim_start_matches('/').to_owned(),
        false => format!("{}: {path}", host.name),
    };
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    printable(&format!("{place}{line}"))
}

/// Why a value is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Something tells it.
    Told(Vec<Evidence>),
    /// Nothing tells it: what is taken for granted, and what to do where that is wrong.
    Assumed(String),
}

impl Basis {
    pub(super) fn assumed(why: impl Into<String>) -> Basis {
        Basis::Assumed(why.into())
    }

    /// As a comment says it, on one line.
    pub(super) fn comment(&self) -> String {
        match self {
            Basis::Told(all) => match all.as_slice() {
                [] => String::new(),
                [only] => only.to_string(),
                [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
            },
            Basis::Assumed(why) => format!("not told by anything; {why}"),
        }
    }
}

/// A value, and why it is that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled<T> {
    /// What is taken.
    pub value: T,
    /// Why.
    pub basis: Basis,
}

impl<T> Settled<T> {
    pub(super) fn assumed(value: T, why: impl Into<String>) -> Settled<T> {
        Settled {
            value,
            basis: Basis::assumed(why),
        }
    }

    pub(super) fn told(value: T, by: Evidence) -> Settled<T> {
        Settled {
            value,
            basis: Basis::Told(vec![by]),
        }
    }
}

/// What is told of one thing, by any number of files.
#[derive(Clone, Debug)]
pub(super) struct Claims<T> {
    /// Each value, in the order in which they were told first, and who tells it.
    told: Vec<(T, Vec<Evidence>)>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Claims { told: Vec::new() }
    }
}

impl<T: PartialEq + Clone> Claims<T> {
    pub(super) fn add(&mut self, value: T, by: Evidence) {
        match self.told.iter_mut().find(|(known, _)| *known == value) {
            Some((_, all)) if all.contains(&by) => {}
            Some((_, all)) => all.push(by),
            None => self.told.push((value, vec![by])),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Each value and who tells it.
    pub(super) fn all(&self) -> &[(T, Vec<Evidence>)] {
        &self.told
    }

    /// What most tell, the first of these where several are told as often.
    pub(super) fn most(&self) -> Option<Settled<T>> {
        let most = self.told.iter().map(|(_, by)| by.len()).max()?;
        let (value, by) = self.told.iter().find(|(_, by)| by.len() == most)?;
        Some(Settled {
            value: value.clone(),
            basis: Basis::Told(by.clone()),
        })
    }

    /// Who tells a value.
    pub(super) fn told_by(&self, value: &T) -> &[Evidence] {
        let mut all = self.told.iter();
        all.find(|(told, _)| told == value).map_or(&[], |(_, by)| by)
    }

    /// As [`Claims::most`]; that others tell something else is reported, with a place of each. `shown` is a value in words.
    pub(super) fn settle(&self, what: &str, shown: impl Fn(&T) -> String, say: &Reporter) -> Option<Settled<T>> {
        let settled = self.most()?;
        let others = self.told.iter().filter(|(value, _)| *value != settled.value);
        for (value, by) in others {
            let Some(first) = by.first() else { continue };
            let message = format!(
                "{what} is {} ({}), and {} ({first}): the first is taken",
                shown(&settled.value),
                settled.basis.comment(),
                shown(value)
            );
            say.add(Diagnostic::new(codes::DISAGREE, message));
        }
        Some(settled)
    }
}
