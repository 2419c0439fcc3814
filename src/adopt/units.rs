//! Settings of units besides what they start: ours has its own, and what theirs had is told.

use std::collections::{BTreeMap, BTreeSet};

use super::decided::ReplacedProgram;
use super::evidence::Evidence;
use super::programs::RunningProgram;
use crate::audit::started::HostUnit;
use crate::catalog::flags::takes_in_any;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};

/// What is read elsewhere, or says no more than how systemd starts it again and where its lines go.
#[rustfmt::skip]
const NO_MATTER: [&str; 14] = [
    "ExecStart", "Environment", "EnvironmentFile", "PassEnvironment", "Type", "Restart", "RestartSec", "StartLimitBurst", "StartLimitInterval",
    "StartLimitIntervalSec", "StandardError", "StandardOutput", "SyslogIdentifier", "WorkingDirectory",
];

pub(super) fn unit_of<'a>(program: &'a RunningProgram<'_>) -> Option<&'a HostUnit<'a>> {
    program.host.units.iter().find(|unit| unit.path == program.path)
}

/// Each unit that has other settings than ours, once for all machines that have it so.
pub(super) fn tell_settings(pairs: &[ReplacedProgram<'_, '_>], say: &Reporter) {
    let mut told: BTreeMap<(String, BTreeSet<String>), Vec<Evidence>> = BTreeMap::new();
    for (_, running, made) in pairs {
        let Some(unit) = unit_of(running) else { continue };
        let ours = unit_of(made);
        let of_service = unit
            .file
            .assignments
            .iter()
            .filter(|(section, ..)| section == "Service");
        let other = of_service.filter(|(_, name, _)| {
            let own = ours.map_or_else(Vec::new, |ours| ours.file.values("Service", name));
            let theirs = unit.file.values("Service", name);
            !NO_MATTER.contains(&name.as_str()) && !theirs.is_empty() && theirs != own
        });
        let names: BTreeSet<String> = other.map(|(_, name, _)| format!("{name}=")).collect();
        if !names.is_empty() {
            let places = told.entry((running.name().to_owned(), names)).or_default();
            places.push(Evidence::file(running.host, running.path));
        }
    }
    for ((program, names), places) in told {
        let Some(first) = places.first() else { continue };
        let more = match places.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let names: Vec<String> = names.into_iter().collect();
        let message = format!(
            "{first}{more}: the new unit of {program} has {} otherwise, or not at all",
            names.join(" ")
        );
        let hint = format!(
            "put what is missed into a drop-in: [[files]] with at = \"/etc/systemd/system/{program}.service.d/10-own.conf\"; a program of \
             another User= reads no keys that are root's alone"
        );
        say.add(Diagnostic::new(codes::LEFT_OUT, message).hint(hint));
    }
}

/// The variables that a program heeds itself: not those that are words of its command line, or flags of etcd by another name.
pub(super) fn own_variables<'p>(program: &'p RunningProgram<'_>) -> impl Iterator<Item = (&'p String, &'p String)> {
    let lines: String = unit_of(program)
        .map(|unit| unit.file.values("Service", "ExecStart").join("\n"))
        .unwrap_or_default();
    let is_in_line = move |name: &str| lines.contains(&format!("${name}")) || lines.contains(&format!("${{{name}}}"));
    let is_flag = |name: &str| {
        let flag = name
            .strip_prefix("ETCD_")
            .map(|name| name.to_lowercase().replace('_', "-"));
        program.name() == "etcd" && flag.is_some_and(|flag| takes_in_any("etcd", &flag).is_some())
    };
    // A file of etcd's variables often has those of its client as well.
    let is_of_client = |name: &str| program.name() == "etcd" && name.starts_with("ETCDCTL_");
    // Flags in a variable that no command line has do nothing.
    let is_of_others = |value: &str| value.split_whitespace().any(|word| word.starts_with("--"));
    program
        .environment
        .iter()
        .filter(move |(name, value)| !is_in_line(name) && !is_flag(name) && !is_of_client(name) && !is_of_others(value))
}

/// Where etcd has its data when no flag says so, or says it by a path from where it is started (`DefaultName` of
/// go.etcd.io/etcd/server/v3/embed, and `ConfigFromCmdLine` of etcdmain); none where a static pod starts it.
pub(super) fn data_dir(etcd: &RunningProgram<'_>) -> Option<String> {
    let unit = unit_of(etcd)?;
    let name = etcd.flag("name").unwrap_or("default");
    let given = etcd
        .flag("data-dir")
        .map_or_else(|| format!("{name}.etcd"), str::to_owned);
    let from = unit
        .file
        .service("WorkingDirectory")
        .unwrap_or("/")
        .trim_start_matches('-');
    let is_relative = !given.starts_with('/') && from.starts_with('/');
    is_relative.then(|| format!("{}/{}", from.trim_end_matches('/'), given.trim_start_matches("./")))
}
