//! `khw-gen report`.

use std::path::Path;

use khw_gen::changes::Keys;
use khw_gen::disk;
use khw_gen::found::{Beside, Found, FoundNodes, printable};
use khw_gen::report::{Report, ReportOf, to_html, to_json, to_mermaid, to_svg, to_text};

use super::args::{PageFormat, ReportArgs};
use super::as_found::{read_found, say_remarks, say_what_is_elsewhere};
use super::instants::now;
use super::opening::keys;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print, say};
use super::specification::{is_spec, read_specified};
use super::threads::use_threads;

/// Whether a file is a report: every form says so in its first two lines, but the document for programs, which names its kind.
fn is_report(bytes: &[u8]) -> bool {
    const HEAD: usize = 512;
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
    let mut first = head.lines().take(2);
    match head.starts_with('{') {
        true => String::from_utf8_lossy(bytes).contains("\"kind\": \"khw-gen/report/v1\""),
        false => first.any(|line| line.contains("khw-gen report")),
    }
}

pub fn run(arguments: &ReportArgs) -> Result<Outcome, Reported> {
    let ReportArgs { path, out, .. } = arguments;
    use_threads(None)?;
    // Before what takes long.
    if let Some(out) = out {
        disk::check_replaceable_file(out, is_report)?;
    }
    let at = arguments.at.unwrap_or_else(now);
    let (report, remarkable) = match is_spec(path) {
        true => {
            let specified = read_specified(
                path,
                arguments.seed_file.as_deref(),
                &keys(&arguments.opening)?,
                &arguments.signed,
            )?;
            let cluster = specified.checked.cluster.clone();
            let (mut made, keys) = specified.make()?;
            // There is no output whose lists could be asked for.
            made.output = FoundNodes::new();
            if keys == Keys::StandIn {
                say(format_args!(
                    "note: {} has no seed here: fingerprints are left out",
                    path.display()
                ));
            }
            let of = ReportOf::Made {
                cluster: &cluster,
                own_seed: keys == Keys::Own,
            };
            let _waiting = Waiting::begin("judging");
            (Report::of(&cluster.name, &made, of, at), false)
        }
        false => {
            let found = read_found(path, Beside::Judged)?;
            say_what_is_elsewhere(path, &found, "what is on the others is not known");
            let waiting = Waiting::begin("judging");
            let report = Report::of(&title(path, &found), &found, ReportOf::Found, at);
            drop(waiting);
            (report, say_remarks(path, &found))
        }
    };
    let text = match arguments.format {
        PageFormat::Html => to_html(&report),
        PageFormat::Svg => to_svg(&report),
        PageFormat::Mermaid => to_mermaid(&report),
        PageFormat::Text => to_text(&report),
        PageFormat::Json => format!("{:#}", to_json(&report)),
    };
    let text = text.trim_end();
    match out {
        None => print(text)?,
        Some(out) => {
            disk::replace_file(out, is_report, format!("{text}\n").as_bytes())?;
            say(format_args!("{}: {}", out.display(), report.verdict()));
        }
    }
    // What could not be read may be what is wrong.
    if remarkable {
        return Err(Reported);
    }
    Ok(match report.has_errors() {
        true => Outcome::Found,
        false => Outcome::Done,
    })
}

/// What is told of, without where it lies on this machine.
fn title(path: &Path, found: &Found) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name
        .filter(|name| name != "..")
        .or_else(|| found.hosts.first().map(|host| host.name.clone()));
    printable(&name.unwrap_or_else(|| "cluster".to_owned()))
}
