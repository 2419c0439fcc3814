//! `khw-gen renew`.

use khw_gen::audit;
use khw_gen::changes::{self, Keys, KeysKnown};
use khw_gen::disk::Specification;
use khw_gen::input::{self, Checked, Files, moment};
use khw_gen::json_document::JsonKind;
use khw_gen::renewal::Renewal;
use serde_json::{Value, json};
use time::{Time, UtcOffset};

use super::args::{RenewArgs, ReportFormat, SignedArgs};
use super::edited::Edited;
use super::instants::now;
use super::opening::keys;
use super::progress::Waiting;
use super::say::{Reported, print, print_document, say, say_diagnostics, say_error, show};
use super::specification::{Specified, check, compiled, read_specified, say_that_the_seed_is_missing, with_keys};
use super::threads::use_threads;

pub fn run(arguments: &RenewArgs) -> Result<(), Reported> {
    let spec = &arguments.spec;
    use_threads(None)?;
    // What is wrong with it is said below.
    if check(spec, &Specification::open).is_ok_and(|checked| checked.cluster.pki.signers_elsewhere().next().is_some()) {
        let message = format!(
            "authorities of {} sign elsewhere, and renew there: have the requests of khw-gen csr signed again, set `issued` to an instant after \
             that, and khw-gen diff OLD CLUSTER.TOML --signed DIR says what to do. Authorities that are made from the seed keep their dates by \
             [pki.authorities_issued]",
            spec.display()
        );
        return Err(message.into());
    }
    let opening = keys(&arguments.seed.opening)?;
    let none = SignedArgs { dir: None };
    let Specified { checked, seed } = read_specified(spec, arguments.seed.file.as_deref(), &opening, &none)?;
    // What was issued today is valid today, wherever the clock of a host is.
    let at = match arguments.at {
        Some(at) if at.nanosecond() != 0 => return Err("--at: the time of issue has no fraction of a second".into()),
        Some(at) => at.to_offset(UtcOffset::UTC),
        None => now().replace_time(Time::MIDNIGHT),
    };
    let before = &checked.cluster;
    if at <= before.pki.issued {
        let issued = moment(before.pki.issued);
        return Err(format!(
            "nothing can be renewed by {}: everything was issued at {issued} (--at names another instant)",
            moment(at)
        )
        .into());
    }
    if at > now() {
        say(format_args!(
            "note: {} is yet to come: nothing of it is valid before",
            moment(at)
        ));
    }
    let renewal = Renewal::of(before, at);
    let sources = with_keys(&opening)(spec)?;
    let (text, after) = edited(&sources, &checked, &renewal)?;
    let name = spec.file_name().unwrap_or(spec.as_os_str()).to_string_lossy();
    let mut patch = diffy::DiffOptions::new();
    let patch = patch
        .set_original_filename(name.to_string())
        .set_modified_filename(name.to_string())
        .create_patch(&sources.main().text, &text);
    let patch = patch.to_string();
    if arguments.patch {
        // A patch ends with whole lines, blank ones of the text too.
        return print(patch.strip_suffix('\n').unwrap_or(&patch));
    }
    let [ended, ends] = [before, &after.cluster].map(|cluster| moment(cluster.pki.first_end()));
    let (old, keys) = compiled(before, seed.as_ref())?;
    let (new, _) = compiled(&after.cluster, seed.as_ref())?;
    let waiting = Waiting::begin("comparing");
    let apart = audit::beside(&old, &new, at);
    let changes = changes::compare(&old, &new, KeysKnown::of(keys, keys));
    drop(waiting);
    if !apart.is_empty() {
        say_error(audit::render_text(&apart).trim_end());
        return Err(Reported);
    }
    if keys == Keys::StandIn {
        say_that_the_seed_is_missing(spec);
    }
    if arguments.format == ReportFormat::Json {
        return print_document(&JsonKind::Renewal.document([
            ("issued", moment(at).into()),
            ("patch", patch.into()),
            ("first_end", json!({"before": ended, "after": ends})),
            ("authorities", authorities_json(&renewal)),
            ("changes", changes::to_json(&changes)),
        ]));
    }
    show(format_args!(
        "{patch}\nWhat ends first ends at {ends} instead of {ended}.\n{}\n{}",
        of_authorities(&renewal),
        changes::render_text(&changes, None).trim_end()
    ))
}

fn authorities_json(renewal: &Renewal) -> Value {
    let authorities = renewal.authorities.iter().map(|own| {
        json!({
            "name": own.id.to_string(),
            "issued": moment(own.issued),
            "ends": moment(own.ends),
            "would_end": own.would_end.map(moment),
        })
    });
    authorities.collect::<Vec<Value>>().into()
}

/// What becomes of each authority, a line each.
fn of_authorities(renewal: &Renewal) -> String {
    let lines = renewal.authorities.iter().map(|own| {
        let (key, ends) = (own.id, moment(own.ends));
        match own.would_end {
            None => format!("Authority {key} stays, and ends at {ends}.\n"),
            Some(end) => {
                let end = moment(end);
                format!(
                    "Authority {key} would end at {end}, before what it signs: it gets a new certificate for the key that it has, which \
                     ends at {ends}.\n"
                )
            }
        }
    });
    lines.collect()
}

/// The text of cluster.toml that says what is to be, and what it reads as.
fn edited(sources: &Specification, checked: &Checked, renewal: &Renewal) -> Result<(String, Checked), Reported> {
    let read = |text: &str| input::check(&Edited::new(sources, text));
    let text = &sources.main().text;
    for edited in renewal.edits(text, &checked.written) {
        if let Some(after) = read(&edited).ok().filter(|after| renewal.is_said_by(&after.cluster)) {
            return Ok((edited, after));
        }
    }
    let issued = moment(renewal.issued);
    if let Err(problems) = read(&renewal.dated(text, &checked.written)) {
        say_diagnostics(&problems);
        return Err(format!("with issued = \"{issued}\" it does not compile").into());
    }
    let lines = renewal.lines(&checked.written).join("\n");
    Err(format!("no edit was found that reads as it is meant: write issued = \"{issued}\", and below [pki.authorities_issued]\n{lines}").into())
}
