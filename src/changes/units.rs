//! The units in a host's bundle, and what each of them reads.
//!
//! A unit reads a file if its own text names the path, or if a file that it reads does.

use std::collections::{BTreeMap, BTreeSet};

use super::meaning::{is_secret, is_secret_in_copy};
use super::stage::Stage;
use crate::audit::started::{UnitCommand, commands_that_may_start, units_and_commands};
use crate::audit::unit::{CommandLine, UnitFile};
use crate::catalog::component;
use crate::catalog::component::Unit;
use crate::found::{File, FoundHost};

/// Where units lie that are not of a package.
pub(super) const UNITS: &str = "/etc/systemd/system/";

/// A unit of a host, and what it reads.
pub(super) struct UnitFiles<'a> {
    pub program: String,
    texts: Vec<&'a str>,
}

impl UnitFiles<'_> {
    pub fn reads(&self, path: &str) -> bool {
        self.texts.contains(&path)
    }

    /// Whether any text that it reads names a path, whether there is anything or not.
    pub fn names(&self, host: &FoundHost, path: &str) -> bool {
        let mut texts = self.texts.iter().filter_map(|text| host.text(text));
        texts.any(|text| mentions(text, path) || mentions_folder_of(text, path))
    }

    /// The texts among what it reads that name a file.
    pub fn naming<'s>(&'s self, host: &'s FoundHost, path: &'s str) -> impl Iterator<Item = &'s str> {
        let texts = self.texts.iter().copied();
        texts.filter(move |text| {
            *text != path
                && host
                    .text(text)
                    .is_some_and(|text| mentions(text, path) || mentions_folder_of(text, path))
        })
    }
}

/// The units in a bundle by name, without `.service`.
pub(super) fn units(host: &FoundHost) -> BTreeMap<&str, UnitFiles<'_>> {
    let mut units = BTreeMap::new();
    for (path, file) in &host.files {
        let Some(name) = path.strip_prefix(UNITS).and_then(|name| name.strip_suffix(".service")) else {
            continue;
        };
        let program = file
            .text()
            .and_then(|text| UnitFile::parse(text).ok())
            .and_then(|unit| Some(unit.commands().ok()?.first()?.program.clone()))
            .filter(|program| Stage::of_program(program) != Stage::Other)
            .unwrap_or_else(|| name.to_owned());
        let drop_ins = format!("{UNITS}{name}.service.d/");
        let mut reached: Vec<&str> = vec![path];
        reached.extend(
            host.files
                .keys()
                .map(String::as_str)
                .filter(|path| path.starts_with(&drop_ins)),
        );
        let mut next = 0;
        while let Some(path) = reached.get(next) {
            next += 1;
            let Some(text) = host.files.get(*path).map(|file| file.content.expose()) else {
                continue;
            };
            if text.starts_with(b"-----BEGIN ") {
                continue;
            }
            let Ok(text) = std::str::from_utf8(text) else { continue };
            for other in host.files.keys() {
                if !reached.contains(&other.as_str()) && (mentions(text, other) || mentions_folder_of(text, other)) {
                    reached.push(other);
                }
            }
        }
        units.insert(
            name,
            UnitFiles {
                program,
                texts: reached,
            },
        );
    }
    units
}

/// Whether a unit stays though no bundle has it: its program comes with its package, so that somebody has brought this one, and the host goes on
/// with the program.
pub(super) fn stays_beside(unit: &UnitFiles<'_>, after: &FoundHost) -> bool {
    let is_of_package = component(&unit.program).is_some_and(|known| known.unit == Unit::Packaged);
    is_of_package && after.has_below(&format!("/etc/{}/", unit.program))
}

fn mentions(text: &str, path: &str) -> bool {
    times_mentioned(text, path) > 0
}

/// How often a text names a path.
pub(super) fn times_mentioned(text: &str, path: &str) -> usize {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let found = text.match_indices(path).filter(|(at, _)| {
        let end = text.get(at + path.len()..).and_then(|rest| rest.chars().next());
        let start = text.get(..*at).and_then(|rest| rest.chars().next_back());
        !end.is_some_and(goes_on) && !start.is_some_and(goes_on)
    });
    found.count()
}

/// Whether a text names the folder of a file as one to read files from: `--config-dir=`, `--pod-manifest-path=`.
fn mentions_folder_of(text: &str, path: &str) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else {
        return false;
    };
    ["config-dir=", "manifest-path=", "staticPodPath: ", "staticPodPath: \""]
        .iter()
        .any(|flag| text.contains(&format!("{flag}{folder}")))
}

pub(super) fn programs(host: &FoundHost) -> BTreeSet<String> {
    units(host).into_values().map(|unit| unit.program).collect()
}

/// The command lines of a host's units, with what variables and etcd's own file say. Of a unit that is secret nothing is read: values of flags
/// are shown.
pub(super) fn commands_of(host: &FoundHost) -> impl Iterator<Item = CommandLine> {
    // What is wrong with them others tell.
    let (_, commands) = units_and_commands(host, &|_, _, _| {});
    shown(host, commands)
}

fn shown<'h>(host: &'h FoundHost, commands: Vec<UnitCommand<'h>>) -> impl Iterator<Item = CommandLine> {
    let is_closed_copy = host.is_closed_copy();
    let is_secret = move |file: &File| match is_closed_copy {
        true => is_secret_in_copy("", file, Some(file)),
        false => is_secret(file),
    };
    let is_shown = move |path: &str| host.files.get(path).is_some_and(|file| !is_secret(file));
    commands
        .into_iter()
        .filter(move |one| is_shown(one.path))
        .map(|one| one.line)
}

/// The command line of the unit that runs a program on a host.
pub(super) fn command_of(host: &FoundHost, program: &str) -> Option<CommandLine> {
    shown(host, commands_that_may_start(host, program)).find(|command| command.program == program)
}
