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
use super::specification::{compiled, is_spec, read_checked, unknown_host, with_keys};
use super::threads::use_threads;
use super::width::width;

pub fn run(arguments: &SecretsArgs) -> Result<Outcome, Reported> {
    let SecretsArgs {
        path,
        host,
        format,
        opening,
    } = arguments;
    let only = host.as_deref();
    use_threads(None)?;
    if is_spec(path) {
        let cluster = read_checked(path, &with_keys(&keys(opening)?))?.cluster;
        // Who holds what is the same with any seed.
        if let Some(name) = only.filter(|name| !cluster.hosts.iter().any(|host| host.name == **name)) {
            return Err(Reported::from(unknown_host(&cluster, name)));
        }
        let (made, _) = compiled(&cluster, None)?;
        let plan = plan(&cluster);
        let thefts = Thefts::of(&plan);
        print(told(&held(&made, only), *format, |host| thefts.theft(host)).trim_end())?;
        return Ok(Outcome::Done);
    }
    let found = read_found(path, Beside::LeftOut)?;
    say_what_is_elsewhere(path, &found, "what the others hold is not known");
    if let Some(name) = only.filter(|name| !found.hosts.iter().any(|host| host.name == **name)) {
        return Err(Reported::from(format!(
            "there is no host {name:?} in {}",
            path.display()
        )));
    }
    let printed = print(told(&held(&found, only), *format, |_| None).trim_end());
    say(
        "note: what a key is called is told by a cluster.toml alone: with one in its place the keys to replace are named too",
    );
    if say_remarks(path, &found) {
        return Err(Reported);
    }
    printed.map(|()| Outcome::Done)
}

/// Of all hosts, or of one alone; what the secrets of a host are believed by, the others say.
fn held(found: &Found, only: Option<&str>) -> Vec<HostSecrets> {
    let _waiting = Waiting::begin("reading keys");
    let mut hosts = audit::held_secrets(found);
    hosts.retain(|held| only.is_none_or(|name| held.host == name));
    hosts
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
