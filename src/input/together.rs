//! What the user sets, judged together with what is generated: the merged result of every program that the user changes, on every host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use crate::catalog::component::Component;
use crate::catalog::port::Port;
use crate::catalog::rule::Asks;
use crate::catalog::scope::On;
use crate::catalog::tables::components::COMPONENTS;
use crate::catalog::tables::releases::LAST_WITH_ONE_PROXY_FOR_ALL;
use crate::cluster::{Cluster, Host, OwnFlag, PlacedOn, PodNetwork, Role};
use crate::diagnostic::{Code, Place, Reporter, codes};
use crate::plan::{self, PlannedSettingValue, PlannedValue, components_on, units_on};
use crate::rules::values::Minors;
use crate::rules::{self, GivenPart, StartedProgram, Surroundings, broken, has_rules, taken_beside_services};
use crate::secrecy::{PRIVATE_KEY, may_be_secret, secrets};
use crate::settings::Value as Setting;

use super::draft::{Draft, DraftOverride, DraftText};
use super::files::TemplateFiles;
use super::placed::override_on;
use super::tree::At;

/// The rules that programs break by what the user sets. A rule is told once for a place, of the first host.
pub fn check(draft: &Draft, cluster: &Cluster, say: &Reporter) {
    let around = surroundings(cluster);
    let taken = taken(cluster);
    let mut told: BTreeSet<(usize, usize, &str)> = BTreeSet::new();
    for component in COMPONENTS.iter().filter(|component| has_rules(component.name)) {
        let own = || draft.components.iter().filter(|own| own.component == component);
        if own().next().is_none() {
            continue;
        }
        for host in &cluster.hosts {
            if !components_on(cluster, host).any(|runs| runs == component) {
                continue;
            }
            let version = cluster.release.version_of(component);
            let around = Surroundings {
                minors: Some(Minors::of(version.program, Some(version.version))),
                api_server: Some(api_server(cluster, component)),
                own_pods: own_pods(cluster, host),
                taken: Arc::clone(&taken),
                etcd: members(cluster, component),
                ..around.clone()
            };
            let here = of_host(draft, component, host);
            for broken in broken(&program(cluster, component, host), &around) {
                // What only the compiler wrote is not the user's to mend.
                let Some(place) = broken.parts.iter().find_map(|part| place_of(part, &here)) else {
                    continue;
                };
                let (code, hint) = told_as(&broken, &here);
                if told.insert((place.span.start, place.span.end, code.name)) {
                    let message = format!("{} (on {})", broken.message, host.name);
                    say.at(place, code, message).hint_if(hint);
                }
            }
        }
    }
}

/// The code of a broken rule, and advice that is better than the table's.
fn told_as(broken: &rules::Broken, here: &[&DraftOverride]) -> (&'static Code, Option<String>) {
    match broken.rule.asks {
        Asks::Alone { .. } => {
            let ours = |part: &&GivenPart| place_of(part, here).is_none();
            let ours: Vec<String> = broken.parts.iter().filter(ours).filter_map(removal).collect();
            let hint = (!ours.is_empty() && ours.len() < broken.parts.len() && ours.len() <= 3)
                .then(|| format!("remove khw-gen's own with {}, or take this out", ours.join(" and ")));
            (codes::EXCLUDED_SETTING, hint)
        }
        Asks::Needs { .. }
        | Asks::NeedsGate { .. }
        | Asks::With { .. }
        | Asks::Given(_)
        | Asks::Compared { .. }
        | Asks::GatesAgree => (codes::EXCLUDED_SETTING, broken.remedy.clone()),
        Asks::Both(..) => (codes::HALF_A_PAIR, None),
        Asks::NoProxyFor(_) => (codes::PROXIED_CLUSTER, broken.remedy.clone()),
        Asks::PodsHaveAddresses => (codes::PODS_BEYOND_RANGE, broken.remedy.clone()),
        Asks::NodePortsAreFree => (codes::NODE_PORTS_TAKEN, None),
        Asks::HasSuiteOfHttp2 { .. } => (codes::BAD_VALUE, broken.remedy.clone()),
        Asks::NoSuitesOfTls13 { .. } | Asks::NotInEnvironment(_) => (codes::EXCLUDED_SETTING, None),
        Asks::Once { .. } => (codes::BAD_VALUE, Some("give it once".to_owned())),
        Asks::Apart(..) => (codes::EXCLUDED_SETTING, Some("name it in one of them".to_owned())),
        Asks::Heeded { .. } => (codes::UNHEEDED_SETTING, None),
    }
}

fn removal(part: &GivenPart) -> Option<String> {
    match part {
        GivenPart::Flag(name) => Some(format!("`{name} = false`")),
        GivenPart::Setting(_) | GivenPart::Variable(_) => None,
    }
}

/// A program as it will start.
pub(super) fn program(cluster: &Cluster, component: &'static Component, host: &Host) -> StartedProgram {
    let unit = plan::unit(cluster, component, host);
    let flags = unit.flags.into_iter().map(|flag| {
        let values = flag.values.into_iter().map(|value| match value {
            PlannedValue::Nothing => "true".to_owned(),
            // What the tables have is judged by whether it is there, or is a text without variables.
            PlannedValue::Template(text) => text.to_owned(),
            PlannedValue::Text(text) => text,
        });
        (flag.name, values.collect())
    });
    let mut settings: BTreeMap<Vec<String>, String> = BTreeMap::new();
    if let Some(config) = plan::config(cluster, component, host) {
        for setting in config.settings {
            let value = match setting.value {
                PlannedSettingValue::Is(value) => text(&value),
                PlannedSettingValue::Text(text)
                | PlannedSettingValue::BoolText(text)
                | PlannedSettingValue::Texts(text) => text.to_owned(),
            };
            settings.insert(setting.path.iter().map(|&key| key.to_owned()).collect(), value);
        }
        for (path, value) in config.own.leaves() {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            settings.retain(|other, _| !other.starts_with(&path) && !path.starts_with(other));
            settings.insert(path, text(value));
        }
    }
    StartedProgram {
        name: component.name.to_owned(),
        flags: flags.collect(),
        settings,
        environment: unit.environment.into_iter().collect(),
    }
}

fn text(value: &Setting) -> String {
    match value {
        Setting::Text(text) => text.clone(),
        Setting::Boolean(value) => value.to_string(),
        Setting::Integer(value) => value.to_string(),
        Setting::Float(value) => value.to_string(),
        Setting::List(list) => list.iter().map(item).collect::<Vec<_>>().join(","),
        Setting::Table(_) => String::new(),
    }
}

/// A table in a list is there, whatever it has.
fn item(value: &Setting) -> String {
    match value {
        Setting::Table(_) => "{}".to_owned(),
        value => text(value),
    }
}

fn surroundings(cluster: &Cluster) -> Surroundings {
    Surroundings {
        services: cluster.network.services.iter().copied().collect(),
        pods: cluster.network.pods.iter().copied().collect(),
        nodes: cluster.with(Role::Worker).map(|host| host.ip.primary).collect(),
        // etcd 3.4 is built with either, later ones with Go 1.16 and later: they go with the releases of Kubernetes.
        any_proxy_is_asked: cluster.release.kubernetes <= LAST_WITH_ONE_PROXY_FOR_ALL,
        ..Surroundings::default()
    }
}

/// The ranges out of which a bridge of khw-gen's gives a host's pods addresses; what another network does is not known.
fn own_pods(cluster: &Cluster, host: &Host) -> Vec<IpNet> {
    let has_bridge = cluster.nodes.pod_network == PodNetwork::Bridge;
    let ranges = host.pods.iter().filter(|_| has_bridge);
    ranges.flat_map(|pods| pods.iter().copied()).collect()
}

/// The ports that are taken where those of services are opened.
fn taken(cluster: &Cluster) -> Arc<[Port]> {
    let programs = |host| units_on(cluster, host).map(|component| component.name).collect();
    let hosts = cluster.hosts.iter();
    taken_beside_services(hosts.map(|host| (programs(host), Some(cluster.release.kubernetes))))
}

/// At which name or address a component calls the API server: beside it, or from a node.
fn api_server(cluster: &Cluster, component: &Component) -> (String, u16) {
    match component.on.covers(On::Role(Role::ControlPlane)) {
        true => ("localhost".to_owned(), cluster.endpoint.port),
        false => (cluster.endpoint.host.clone(), cluster.endpoint.port),
    }
}

/// At which addresses a component calls members of etcd: members call each other at the port for peers.
fn members(cluster: &Cluster, component: &Component) -> Vec<(String, u16)> {
    let port = if component.name == "etcd" { 2380 } else { 2379 };
    let members = cluster.with(Role::Etcd);
    members.map(|host| (host.ip.primary.to_string(), port)).collect()
}

/// What the user sets on a component of a host, the most particular first.
fn of_host<'d>(draft: &'d Draft, component: &Component, host: &Host) -> Vec<&'d DraftOverride> {
    let own = draft.components.iter().filter(|own| own.component == component);
    let mut here: Vec<(PlacedOn, &DraftOverride)> = own
        .filter_map(|own| Some((override_on(draft, own)?, own)))
        .filter(|(on, _)| on.is(host))
        .collect();
    here.sort_by_key(|(on, _)| match on {
        PlacedOn::Host(_) => 0,
        PlacedOn::Role(_) => 1,
        PlacedOn::All => 2,
    });
    here.into_iter().map(|(_, own)| own).collect()
}

/// Where the user wrote a part; nowhere if it is generated.
fn place_of(part: &GivenPart, here: &[&DraftOverride]) -> Option<Place> {
    here.iter().find_map(|own| match part {
        GivenPart::Flag(name) => {
            let mut flags = own.flags.iter();
            flags
                .find(|(own, _)| own.value == *name)
                .and_then(|(at, _)| at.place.clone())
        }
        GivenPart::Setting(path) => {
            let mut leaves = own.leaves.iter();
            leaves
                .find(|(own, _)| own.value == *path)
                .and_then(|(at, _)| at.place.clone())
        }
        GivenPart::Variable(name) => {
            let mut variables = own.environment.iter();
            variables
                .find(|(own, _)| own.value == *name)
                .and_then(|(at, _)| at.place.clone())
        }
    })
}

/// What may be a secret and lands in a file that everybody on a host may read.
pub fn readable_secrets(draft: &Draft, templates: &TemplateFiles, say: &Reporter) {
    for own in &draft.components {
        let unit = match own.component.environment_file() {
            Some(path) => path,
            None => format!("/etc/systemd/system/{}.service", own.component.name),
        };
        for (name, flag) in &own.flags {
            if let OwnFlag::Values(values) = flag
                && values.iter().any(|value| may_be_secret(&name.value, value))
            {
                tell(name, &format!("`--{}`", name.value), &unit, say);
            }
        }
        for (name, value) in &own.environment {
            if may_be_secret(&name.value, value) {
                tell(name, &format!("`{}`", name.value), &unit, say);
            }
        }
        let file = own.component.config.map_or("", |config| config.at);
        for (path, value) in &own.leaves {
            let name = path.value.last().map_or("", String::as_str);
            if setting_may_be_secret(name, value) {
                let message = readable(&format!("`{}`", path.value.join(".")), file);
                let hint = "leave it out, and let the program read it from a file that root alone reads, where it has a setting for one";
                say.at(&path.place, codes::READABLE_SECRET, message).hint(hint);
            }
        }
    }
    for file in draft
        .files
        .iter()
        .filter(|file| file.mode.is_some_and(|mode| mode & 0o004 != 0))
    {
        let (text, place) = match &file.text {
            Some(DraftText::Here(text)) => (text.value.as_str(), &text.place),
            Some(DraftText::Beside(path)) => match templates.get(&path.value) {
                Some(Some(source)) => (source.text.as_str(), &path.place),
                _ => continue,
            },
            None => continue,
        };
        let at = file.at.as_ref().map_or("", |at| at.value.as_str());
        let named = secrets(text).first().map(|secret| secret.name.clone());
        let key = || text.contains(PRIVATE_KEY).then(|| "PRIVATE KEY".to_owned());
        if let Some(secret) = named.or_else(key) {
            let place = At {
                value: (),
                place: place.clone(),
            };
            tell(&place, &format!("`{secret}`"), at, say);
        }
    }
}

fn setting_may_be_secret(name: &str, value: &Setting) -> bool {
    match value {
        Setting::Text(text) => may_be_secret(name, text),
        Setting::List(items) => items.iter().any(|item| setting_may_be_secret(name, item)),
        Setting::Table(table) => {
            let mut leaves = table.leaves().into_iter();
            leaves.any(|(path, value)| setting_may_be_secret(path.last().copied().unwrap_or(name), value))
        }
        Setting::Boolean(_) | Setting::Integer(_) | Setting::Float(_) => false,
    }
}

fn tell<T>(at: &At<T>, what: &str, file: &str, say: &Reporter) {
    say.at(&at.place, codes::READABLE_SECRET, readable(what, file));
}

fn readable(what: &str, file: &str) -> String {
    format!("{what} may hold a secret, and everybody on the host may read {file}")
}
