//! `khw-gen expiry`.

use khw_gen::audit::{self, Expiry};

use super::args::{ExpiryArgs, ExpiryFormat};
use super::as_found::{no_certificates, say_remarks, say_what_is_elsewhere};
use super::instants::now;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print};
use super::specification::read_found_or_made;
use super::threads::use_threads;
use super::width::width;

pub fn run(arguments: &ExpiryArgs) -> Result<Outcome, Reported> {
    let path = &arguments.path;
    use_threads(None)?;
    let stand_in = "its dates are right, and fingerprints are not those of a build";
    let (opening, signed) = (&arguments.opening, &arguments.signed);
    let found = read_found_or_made(path, arguments.seed_file.as_deref(), opening, signed, stand_in)?;
    say_what_is_elsewhere(path, &found, "what ends on the others is not known");
    let waiting = Waiting::begin("reading certificates");
    let at = arguments.at.unwrap_or_else(now);
    let expiry = Expiry::of(audit::inventory(&found, at), at, arguments.within);
    drop(waiting);
    if expiry.endings.is_empty() {
        return Err(no_certificates(path, &found));
    }
    let text = match arguments.format {
        ExpiryFormat::Text => audit::expiry_text(&expiry, width()),
        ExpiryFormat::Json => audit::expiry_json(&expiry),
        ExpiryFormat::Ical => audit::expiry_calendar(&expiry),
        ExpiryFormat::Prometheus => audit::expiry_metrics(&expiry),
    };
    // A calendar's last line keeps its carriage return.
    let printed = print(text.trim_end_matches('\n'));
    // What could not be read may hold the certificate that ends tomorrow.
    if say_remarks(path, &found) {
        return Err(Reported);
    }
    printed?;
    Ok(match expiry.soon() {
        0 => Outcome::Done,
        _ => Outcome::Found,
    })
}
