//! `khw-gen secrets`.

use khw_gen::audit::{self, HostSecrets};
use khw_gen::found::{Beside, Found};
use khw_gen::plan::plan;
use khw_gen::table::wrapped;
use khw_gen::theft::{Theft, Thefts};

use super::args::{ReportFormat, SecretsArgs};
use super::as_found::{read_found, say_remarks, say_what_is_elsewhere};
use super::opening::keys;
use super::outcome::Outcome;
use super::progress::Waiting;
use super::say::{Reported, print, say};
use super::specification::{compiled, is_spec, read_checked, with_keys};
use super::threads::use_threads;
use super::width::width;

pub fn run(arguments: &SecretsArgs) -> Result<Outcome, Reported> {
    let SecretsArgs { path, format, opening } = arguments;
    use_threads(None)?;
    if is_spec(path) {
        let cluster = read_checked(path, &with_keys(&keys(opening)?))?.cluster;
        // Who holds what is the same with any seed.
        let (made, _) = compiled(&cluster, None)?;
        let plan = plan(&cluster);
        let thefts = Thefts::of(&plan);
        print(told(&held(&made), *format, |host| thefts.theft(host)).trim_end())?;
        return Ok(Outcome::Done);
    }
    let found = read_found(path, Beside::LeftOut)?;
    say_what_is_elsewhere(path, &found, "what the others hold is not known");
    let printed = print(told(&held(&found), *format, |_| None).trim_end());
    say(
        "note: what a key is called is told by a cluster.toml alone: with one in its place the keys to replace are named too",
    );
    if say_remarks(path, &found) {
        return Err(Reported);
    }
    printed.map(|()| Outcome::Done)
}

fn held(found: &Found) -> Vec<HostSecrets> {
    let _waiting = Waiting::begin("reading keys");
    audit::held_secrets(found)
}

fn told(hosts: &[HostSecrets], format: ReportFormat, theft: impl Fn(&str) -> Option<Theft>) -> String {
    match format {
        ReportFormat::Text => wrapped(
            &audit::secrets_text(hosts, |host| Some(theft(host)?.to_toml())),
            width(),
        ),
        ReportFormat::Json => audit::secrets_json(hosts, |host| Some(theft(host)?.to_json())),
    }
}
