//! `khw-gen verify`.

use std::path::Path;

use khw_gen::audit;
use khw_gen::changes::{self, Changes, Keys, KeysKnown, leave_out_elsewhere};
use khw_gen::diagnostic::Severity;
use khw_gen::found::{Beside, Found};

use super::args::{JudgeFormat, VerifyArgs};
use super::as_found::{keep_hosts_of, read_found, read_to_compare, say_what_is_elsewhere};
use super::instants::now;
use super::opening::keys;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print, print_document, show};
use super::specification::{read_specified, say_that_the_seed_is_missing};
use super::threads::use_threads;

pub fn run(arguments: &VerifyArgs) -> Result<Outcome, Reported> {
    let VerifyArgs { path, format, at, .. } = arguments;
    use_threads(None)?;
    let found = read_found(path, Beside::Judged)?;
    say_what_is_elsewhere(path, &found, "what the others should have is not looked for");
    let waiting = Waiting::begin("judging");
    let at = at.unwrap_or_else(now);
    let mut findings = audit::audit(&found, at);
    if let Some(old) = &arguments.beside {
        findings.extend(audit::beside(&read_to_compare(old, Beside::LeftOut)?, &found, at));
        findings.sort_by_key(|finding| finding.row().severity);
        findings.dedup();
    }
    drop(waiting);
    let spec = arguments.spec.as_deref();
    let differences = spec.map(|spec| against(&found, spec, arguments)).transpose()?;
    match format {
        JudgeFormat::Text => show(audit::render_text(&findings).trim_end())?,
        JudgeFormat::Sarif => {
            // The folder of a whole output, in which each host has its own.
            let folder = Some(path.display().to_string()).filter(|_| !found.output.is_empty());
            print_document(&audit::render_sarif(&findings, folder.as_deref()))?;
        }
        JudgeFormat::Json => {
            print(audit::render_json(&findings, differences.as_ref().map(changes::to_json)).trim_end())?;
        }
    }
    match (&differences, format) {
        (Some(differences), JudgeFormat::Text) if differences.is_empty() => {
            print("\nThe specification makes the same.")?
        }
        (Some(differences), JudgeFormat::Text) => show(format_args!(
            "\nThe specification would make differently:\n\n{}",
            changes::render_text(differences, None).trim_end()
        ))?,
        _ => {}
    }
    let errors = findings.iter().any(|finding| finding.row().severity == Severity::Error);
    Ok(
        match errors || differences.is_some_and(|differences| !differences.is_empty()) {
            true => Outcome::Found,
            false => Outcome::Done,
        },
    )
}

/// What a specification would make differently of what was found. Of a single host as found, only that host is compared.
fn against(found: &Found, spec: &Path, arguments: &VerifyArgs) -> Result<Changes, Reported> {
    let opening = keys(&arguments.opening)?;
    let specified = read_specified(spec, arguments.seed_file.as_deref(), &opening, &arguments.signed)?;
    let (mut made, keys) = specified.make()?;
    if keys == Keys::StandIn {
        say_that_the_seed_is_missing(spec);
    }
    if found.output.is_empty() {
        keep_hosts_of(&mut made, found, spec)?;
    }
    leave_out_elsewhere(&mut made, found);
    Ok(changes::compare(found, &made, KeysKnown::of(Keys::Own, keys)))
}
