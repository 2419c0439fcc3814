//! `khw-gen diff`.

use std::path::Path;

use khw_gen::audit;
use khw_gen::changes::{self, Changes, Keys, KeysKnown, leave_out_elsewhere};
use khw_gen::found::Found;

use time::OffsetDateTime;

use super::args::{DiffArgs, DiffFormat};
use super::as_found::{keep_hosts_of, read_before, read_undamaged, say_what_is_elsewhere};
use super::opening::keys;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print, show};
use super::specification::{is_spec, read_specified, say_that_the_seed_is_missing};
use super::threads::use_threads;

pub fn run(arguments: &DiffArgs) -> Result<Outcome, Reported> {
    let (format, limit) = (arguments.format, arguments.limit);
    if limit.is_some() && format == DiffFormat::Json {
        return Err("--limit is for text and markdown: JSON that is cut is no JSON".into());
    }
    let changes = differences(arguments)?;
    let text = match format {
        DiffFormat::Text => changes::render_text(&changes, limit),
        DiffFormat::Markdown => changes::render_markdown(&changes, limit),
        DiffFormat::Json => format!("{:#}\n", changes::to_json(&changes)),
    };
    if !text.is_empty() {
        match format {
            DiffFormat::Text => show(text.trim_end())?,
            DiffFormat::Markdown | DiffFormat::Json => print(text.trim_end())?,
        }
    }
    Ok(match changes.is_empty() {
        true => Outcome::Done,
        false => Outcome::Found,
    })
}

fn differences(arguments: &DiffArgs) -> Result<Changes, Reported> {
    let (old, new) = (arguments.old.as_path(), arguments.new.as_path());
    use_threads(None)?;
    let opening = keys(&arguments.opening)?;
    let specified = |path: &Path| read_specified(path, arguments.seed_file.as_deref(), &opening, &arguments.signed);
    let side = |path: &Path| match is_spec(path) {
        true => specified(path)?.make(),
        // Of a machine that bundles are to come to, what others have put there counts too.
        false if path == old => Ok((read_before(path)?, Keys::Own)),
        false => Ok((read_undamaged(path)?, Keys::Own)),
    };
    let [(mut before, old_keys), (mut after, new_keys)] = match (is_spec(old), is_spec(new)) {
        (true, true) => {
            let mut sides = [specified(old)?, specified(new)?];
            // Without both seeds, both are made from the same one that stands in: what doesn't change stays the same.
            if sides.iter().any(|side| side.seed.is_none()) {
                sides.iter_mut().for_each(|side| side.seed = None);
            }
            let [old_side, new_side] = sides;
            [old_side.make()?, new_side.make()?]
        }
        _ => [side(old)?, side(new)?],
    };
    match (before.output.is_empty(), after.output.is_empty()) {
        (true, false) => keep_hosts_of(&mut after, &before, new)?,
        (false, true) => keep_hosts_of(&mut before, &after, old)?,
        _ => leave_out_hosts_elsewhere([(old, &mut before), (new, &mut after)])?,
    }
    let known = KeysKnown::of(old_keys, new_keys);
    if known == KeysKnown::WithoutSeed {
        say_that_the_seed_is_missing(if old_keys == Keys::StandIn { old } else { new });
    }
    let _waiting = Waiting::begin("comparing");
    let mut changes = changes::compare(&before, &after, known);
    // Keys of a seed that stands in tell nothing of those that hosts have.
    if known != KeysKnown::WithoutSeed && !changes.is_empty() {
        // What has ended is a matter of `verify`; so is when.
        let mut apart = audit::beside(&before, &after, OffsetDateTime::UNIX_EPOCH);
        apart.retain(audit::is_of_rotation);
        changes.warn_of_apart(&apart);
    }
    Ok(changes)
}

/// Where either side, or both, is a part, the hosts that it has not are left out of the other.
fn leave_out_hosts_elsewhere([(old, before), (new, after)]: [(&Path, &mut Found); 2]) -> Result<(), Reported> {
    for (path, found) in [(old, &*before), (new, &*after)] {
        say_what_is_elsewhere(path, found, "the others are not compared");
    }
    let had_hosts = !before.hosts.is_empty() && !after.hosts.is_empty();
    leave_out_elsewhere(before, after);
    leave_out_elsewhere(after, before);
    match had_hosts && before.hosts.is_empty() && after.hosts.is_empty() {
        true => Err(Reported::from(format!(
            "{} and {} are parts of a fleet that have no host in common",
            old.display(),
            new.display()
        ))),
        false => Ok(()),
    }
}
