//! `khw-gen inspect`.

use khw_gen::audit::{self, Detail};
use khw_gen::found::Beside;

use super::args::{InspectArgs, ReportFormat};
use super::as_found::{no_certificates, read_found, say_remarks};
use super::instants::now;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print};
use super::threads::use_threads;
use super::width::width;

pub fn run(arguments: &InspectArgs) -> Result<Outcome, Reported> {
    let path = &arguments.path;
    use_threads(None)?;
    let found = read_found(path, Beside::LeftOut)?;
    let waiting = Waiting::begin("reading certificates");
    let at = arguments.at.unwrap_or_else(now);
    let mut rows = audit::inventory(&found, at);
    drop(waiting);
    if arguments.expires_within.is_some() && rows.is_empty() {
        return Err(no_certificates(path, &found));
    }
    let all = rows.len();
    if let Some(within) = arguments.expires_within {
        let until = at.checked_add(within);
        rows.retain(|row| until.is_none_or(|until| row.certificate.not_after <= until));
    }
    let detail = if arguments.wide { Detail::Wide } else { Detail::Short };
    let text = match arguments.format {
        ReportFormat::Text if rows.is_empty() && all > 0 => format!("0 of {all} certificates end within that time"),
        ReportFormat::Text => audit::inventory_text(&rows, at, detail, width().filter(|_| !arguments.wide)),
        ReportFormat::Json => audit::inventory_json(&rows, at),
    };
    let printed = print(text.trim_end());
    // What could not be read may hold the certificate that ends tomorrow.
    if say_remarks(path, &found) {
        return Err(Reported);
    }
    printed?;
    Ok(match arguments.expires_within.is_some() && !rows.is_empty() {
        true => Outcome::Found,
        false => Outcome::Done,
    })
}
