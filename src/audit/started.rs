//! The units of a host, and what they start, as systemd reads them.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::{Variables, variables};
use super::systemd::why_ignored;
use super::unit::{Circumstances, CommandLine, Specifiers, UnitFile};
use super::{etcd_file, overrides};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::found::FoundHost;

/// A unit of a host, with its drop-ins.
pub(crate) struct HostUnit<'v> {
    pub path: &'v str,
    pub file: UnitFile,
    /// What `Environment=` and `EnvironmentFile=` give its programs.
    pub variables: Variables<'v>,
}

impl<'v> HostUnit<'v> {
    /// Its file name.
    pub(crate) fn name(&self) -> &'v str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// What is started by a setting such as `ExecStart=`.
    pub(crate) fn started(&self, setting: &str, host: &str) -> Result<Vec<CommandLine>, &'static str> {
        let meaning = Circumstances {
            specifiers: Specifiers {
                host,
                unit: self.name(),
            },
            variables: &self.variables.set,
            is_all: self.variables.elsewhere.is_empty(),
        };
        self.file.started(setting, &meaning)
    }
}

/// A command line in a unit of a host.
pub(crate) struct UnitCommand<'v> {
    /// The unit.
    pub path: &'v str,
    pub line: CommandLine,
    /// What `Environment=` and the files of `EnvironmentFile=` give it, in the unit and in its drop-ins.
    pub environment: BTreeMap<String, String>,
    /// Its drop-ins, and the files of variables that are here.
    pub more: Vec<&'v str>,
    /// What may set its variables and is not here.
    pub elsewhere: Vec<String>,
}

/// Units as systemd reads them: from its folders, each with its drop-ins, and without what it passes over; and what they start. `report` is told
/// what is wrong, and in which file.
pub(crate) fn units_and_commands<'v>(
    host: &'v FoundHost,
    report: &dyn Fn(&'static Code, &str, String),
) -> (Vec<HostUnit<'v>>, Vec<UnitCommand<'v>>) {
    let files = host.files.keys().map(String::as_str).filter(|path| is_of_units(path));
    read(host, units_of(host), files, report)
}

/// What the units start that may start this program: of the others, which may have thousands of words, nothing is read.
pub(crate) fn commands_that_may_start<'v>(host: &'v FoundHost, program: &str) -> Vec<UnitCommand<'v>> {
    // A unit of the program's name may name it by a specifier.
    let is_named = |path: &&str| path.contains(program) || host.text(path).is_some_and(|text| text.contains(program));
    let files = |unit: &'v str| std::iter::once(unit).chain(drop_ins(host, unit));
    let units = units_of(host)
        .into_iter()
        .filter(|unit| files(unit).any(|path| is_named(&path)));
    let units: Vec<&str> = units.collect();
    let files: BTreeSet<&str> = units.iter().flat_map(|unit| files(unit)).collect();
    read(host, units, files.into_iter(), &|_, _, _| {}).1
}

/// What the unit at this path starts, with what its variables are.
pub(crate) fn command_of_unit<'v>(host: &'v FoundHost, path: &str) -> Option<UnitCommand<'v>> {
    let (path, _) = host.files.get_key_value(path)?;
    let with = std::iter::once(path.as_str()).chain(drop_ins(host, path));
    let (_, commands) = read(host, vec![path], with, &|_, _, _| {});
    commands.into_iter().next()
}

/// Whether a file is a unit, or a drop-in of one.
pub(super) fn is_of_units(path: &str) -> bool {
    path.ends_with(".service") || path.contains("service.d/") && path.ends_with(".conf")
}

fn read<'v>(
    host: &'v FoundHost,
    of: Vec<&'v str>,
    with: impl Iterator<Item = &'v str>,
    report: &dyn Fn(&'static Code, &str, String),
) -> (Vec<HostUnit<'v>>, Vec<UnitCommand<'v>>) {
    let (mut units, mut commands) = (Vec::new(), Vec::new());
    let mut files: BTreeMap<&str, UnitFile> = BTreeMap::new();
    for path in with {
        let Some(file) = host.files.get(path) else { continue };
        let bad = |message: &str| report(codes::BAD_SYNTAX, path, message.to_owned());
        let ignored = |message: String| report(codes::IGNORED_BY_SYSTEMD, path, message);
        let Some(text) = file.text() else {
            bad("it is not UTF-8");
            continue;
        };
        match UnitFile::parse(text) {
            Ok(unit) => {
                for (line, what) in &unit.ignored {
                    ignored(format!("line {line} is {what}"));
                }
                for (section, name, value) in &unit.assignments {
                    why_ignored(section, name, value).into_iter().for_each(ignored);
                }
                files.insert(path, unit);
            }
            Err((line, why)) => bad(&format!("it is no unit: line {line} is {why}")),
        }
    }
    for path in of {
        let Some(mut unit) = files.get(path).cloned() else {
            continue;
        };
        let parts = drop_ins(host, path);
        let read = parts.iter().filter_map(|path| files.get(path));
        unit.assignments
            .extend(read.flat_map(|part| part.assignments.iter().cloned()));
        let specifiers = Specifiers {
            host: &host.name,
            unit: path.rsplit('/').next().unwrap_or(path),
        };
        let unit = HostUnit {
            path,
            variables: variables(&unit, host, specifiers),
            file: unit,
        };
        let report = |code, message: String| report(code, path, message);
        let mut more = parts;
        more.extend(&unit.variables.files);
        match unit.started("ExecStart", &host.name) {
            Ok(lines) if lines.is_empty() && unit.file.values("Service", "ExecStop").is_empty() => {
                report(codes::BAD_SYNTAX, "it starts no program".to_owned());
            }
            Ok(lines) => commands.extend(lines.into_iter().map(|mut line| {
                for variable in &line.unset {
                    let message = format!("its command line has ${variable}, which nothing sets");
                    report(codes::MISSING_SETTING, message);
                }
                for variable in &line.untold {
                    let message = format!(
                        "its command line has ${variable}, and what may set it is not here: {}",
                        unit.variables.elsewhere.join(", ")
                    );
                    report(codes::UNTOLD_VARIABLE, message);
                }
                match etcd_file::path(&line, &unit.variables.set) {
                    Some(named) => {
                        let file = host.resolve(&named).and_then(|path| Some((path, host.text(path)?)));
                        etcd_file::give_settings(&mut line, &named, file, &report);
                    }
                    None => overrides::give_variables(&mut line, &unit.variables.set, |message| {
                        report(codes::REFUSED_TOGETHER, message);
                    }),
                }
                UnitCommand {
                    path,
                    line,
                    environment: unit.variables.set.clone(),
                    more: more.clone(),
                    elsewhere: unit.variables.elsewhere.clone(),
                }
            })),
            Err(why) => report(codes::BAD_SYNTAX, format!("a command line of it has {why}")),
        }
        units.push(unit);
    }
    (units, commands)
}

/// Where systemd looks for units and their drop-ins; what is in a folder counts before what is in those behind it.
pub(crate) const UNIT_FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The units that systemd finds on a host. In a folder made by hand it is any.
fn units_of(host: &FoundHost) -> Vec<&str> {
    let units = host
        .files
        .keys()
        .map(String::as_str)
        .filter(|path| path.ends_with(".service"));
    if host.loose {
        return units.collect();
    }
    let rank = |path: &str| {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        UNIT_FOLDERS.iter().position(|one| Some(*one) == folder)
    };
    let mut first: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for path in units {
        if let (Some(rank), Some(name)) = (rank(path), path.rsplit('/').next()) {
            let known = first.entry(name).or_insert((rank, path));
            *known = (*known).min((rank, path));
        }
    }
    first.into_values().map(|(_, path)| path).collect()
}

/// The drop-ins of a unit in the order in which they are read (systemd.unit(5)): by their names, wherever they lie.
fn drop_ins<'v>(host: &'v FoundHost, unit: &str) -> Vec<&'v str> {
    let (own_folder, name) = unit.rsplit_once('/').unwrap_or(("", unit));
    let dashes = name
        .match_indices('-')
        .map(|(at, _)| format!("{}.service.d", &name[..=at]));
    let of_name = std::iter::once("service.d".to_owned())
        .chain(dashes)
        .chain([format!("{name}.d")]);
    let of_name: Vec<String> = of_name.collect();
    let folders = match host.loose {
        true => vec![own_folder],
        false => UNIT_FOLDERS.iter().rev().copied().collect(),
    };
    let mut parts = BTreeMap::new();
    for folder in folders {
        for of_name in &of_name {
            let below = format!("{folder}/{of_name}/");
            let from = host.files.range(below.clone()..).map(|(path, _)| path.as_str());
            let inside = from.map_while(|path| Some((path.strip_prefix(&below)?, path)));
            parts.extend(inside.filter(|(part, _)| part.ends_with(".conf") && !part.contains('/')));
        }
    }
    parts.into_values().collect()
}
