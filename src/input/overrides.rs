//! What the user sets on components: whether it fits the component, the release, the hosts and each other.
use std::collections::BTreeSet;

use crate::catalog::component::{Component, Unit};
use crate::catalog::flag::SettingValue;
use crate::catalog::flags::{self, Known};
use crate::catalog::releases::{Program, Release, Version};
use crate::catalog::upgrades::format_of;
use crate::cluster::{ComponentSettings, Nodes, Override, Overrides, OwnFlag, PlacedOn};
use crate::diagnostic::{Place, Reporter, codes};
use crate::rules::containerd::{HAS_RUNTIMES, settings_of_plugin, since_version_3, unread};
use crate::rules::values::{self, Minors, Untaken};
use crate::settings::Value as Setting;

use super::draft::{Draft, DraftHost, DraftOverride};
use super::placed::{is_here, may_run, on_something, override_on};
use super::safeguards::{generated_flags, safeguards};
use super::tree::At;

/// Everything that can be wrong with what the user sets on components.
pub fn check(draft: &Draft, nodes: Option<&Nodes>, say: &Reporter) {
    for own in &draft.components {
        if let Some(on) = &own.on {
            on_something(draft, on, codes::UNUSED_OVERRIDE, say);
        }
        somebody_runs_it(draft, nodes, own, say);
        parts_it_has(own, say);
        if let Some(known) = &draft.release {
            known_flags(&known.release, own, say);
            known_fields(&known.release, own, say);
            known_gates(&known.release, own, say);
        }
        removed_flags(draft, own, say);
        safeguards(draft, own, say);
    }
    if let Some(known) = &draft.release {
        containerd(draft, nodes, &known.release, say);
    }
    conflicts(draft, nodes, say);
}

/// What was found sound.
pub fn overrides(draft: &Draft) -> Option<Overrides> {
    let overrides = draft.components.iter().map(|own| {
        Some(Override {
            component: own.component.name,
            on: override_on(draft, own)?,
            settings: ComponentSettings {
                flags: own
                    .flags
                    .iter()
                    .map(|(name, flag)| (name.value.clone(), flag.clone()))
                    .collect(),
                config: own.config.clone(),
                environment: own
                    .environment
                    .iter()
                    .map(|(name, value)| (name.value.clone(), value.clone()))
                    .collect(),
            },
        })
    });
    overrides.collect::<Option<Vec<_>>>().map(Overrides)
}

fn somebody_runs_it(draft: &Draft, nodes: Option<&Nodes>, own: &DraftOverride, say: &Reporter) {
    let Some(on) = override_on(draft, own) else { return };
    let name = own.component.name;
    let runs = |host: &&DraftHost| is_here(&on, host) && may_run(draft, nodes, own.component, host);
    if !draft.hosts_complete || draft.hosts.iter().any(|host| runs(&host)) {
        return;
    }
    let message = match &on {
        PlacedOn::All => format!("no host runs {name}"),
        // That has been said.
        PlacedOn::Role(role) if draft.with(*role).next().is_none() => return,
        PlacedOn::Role(role) => format!("no host with the role {} runs {name}", role.name()),
        PlacedOn::Host(host) => format!("{host} does not run {name}"),
    };
    say.at(&own.place, codes::UNUSED_OVERRIDE, message);
}

/// A unit that comes with a package has its own command line, and not every component has a configuration file of ours.
fn parts_it_has(own: &DraftOverride, say: &Reporter) {
    let name = own.component.name;
    if own.component.flags.is_empty()
        && let Some(place) = &own.flags_place
    {
        let message = match own.component.unit {
            Unit::Packaged => format!("the unit of {name} comes with its package, and takes no flags from here"),
            Unit::Generated => format!("{name} takes no flags"),
        };
        let hint = match own.component.config {
            Some(_) => "set what is meant in `config`, or with `env`",
            None => "set what is meant with `env`, or put a file on the host with [[files]]",
        };
        say.at(place, codes::MISSING_PART, message).hint(hint);
    }
    if own.component.config.is_none()
        && let Some(place) = &own.config_place
    {
        let message = format!("khw-gen writes no configuration file for {name}");
        let hint = match own.component.unit {
            Unit::Generated if own.component.flags.is_empty() => "put a file on the host with [[files]]",
            Unit::Generated => "set what is meant in `flags`",
            Unit::Packaged => "put a file on the host with [[files]]",
        };
        say.at(place, codes::MISSING_PART, message).hint(hint);
    }
}

/// Whether the component of this release takes the flags.
fn known_flags(release: &Release, own: &DraftOverride, say: &Reporter) {
    let component = own.component;
    if component.flags.is_empty() {
        return;
    }
    let version = release.version_of(component);
    let program = match version.program.name() {
        name if name == component.name => format!("{name} {}", version.version),
        name => format!("{} of {name} {}", component.name, version.version),
    };
    let given = own.flags.iter().filter(|(_, flag)| *flag != OwnFlag::Removed);
    let minors = minors_of(release, component);
    for (name, flag) in given {
        let Version { major, minor } = version.version;
        let (why, instead) = match flags::flag(component.name, &name.value, minor) {
            Known::Yes => {
                for value in flag.values() {
                    if let Some(Untaken::Refused(why)) = values::flag(component.name, &minors, &name.value, value) {
                        say.at(name, codes::BAD_VALUE, format!("`--{}` {why}", name.value));
                    }
                }
                continue;
            }
            Known::Since(minor) => (format!("it came with {major}.{minor}"), None),
            Known::Until(minor) => (
                format!("{major}.{minor} was the last to take it"),
                flags::instead(component.name, &name.value),
            ),
            Known::Never => {
                let message = format!("{program} has no flag `--{}`", name.value);
                say.at(name, codes::UNKNOWN_FLAG, message)
                    .meant(&name.value, flags::flag_names(component.name, minor));
                continue;
            }
        };
        let message = format!("{program} refuses `--{}`: {why}", name.value);
        say.at(name, codes::REFUSED_FLAG, message).hint_if(instead);
    }
    // etcd reads its variables as flags; of one that it does not know it only warns.
    for (name, value) in own.environment.iter().filter(|_| component.name == "etcd") {
        let Some(flag) = name.value.strip_prefix("ETCD_") else {
            continue;
        };
        let flag = flag.to_lowercase().replace('_', "-");
        if let Some(Untaken::Refused(why)) = values::flag(component.name, &minors, &flag, value) {
            say.at(name, codes::BAD_VALUE, format!("`{}` {why}", name.value));
        }
    }
}

/// Whether the configuration file of this release has the fields, and takes their values.
fn known_fields(release: &Release, own: &DraftOverride, say: &Reporter) {
    let Some(kind) = release.kind_of(own.component) else {
        return;
    };
    let minors = minors_of(release, own.component);
    for (path, value) in &own.leaves {
        let mut found = Vec::new();
        values::field(&kind, &minors, &path.value.join("."), value, &mut found);
        for (path_text, untaken) in found {
            let message = match untaken {
                Untaken::Refused(why) => {
                    say.at(path, codes::BAD_VALUE, format!("`{path_text}` {why}"));
                    continue;
                }
                Untaken::Unknown(Known::Since(since)) => format!(
                    "`{path_text}` has no effect: {kind} has it from Kubernetes 1.{since} on, and this is {}",
                    release.kubernetes
                ),
                Untaken::Unknown(Known::Until(until)) => format!(
                    "`{path_text}` has no effect: Kubernetes 1.{until} was the last whose {kind} has it, and this is {}",
                    release.kubernetes
                ),
                Untaken::Unknown(Known::Never | Known::Yes) => format!("`{path_text}` is no field of {kind}"),
            };
            say.at(path, codes::UNKNOWN_SETTING, message)
                .meant(&path_text, flags::field_names(&kind, release.kubernetes.minor));
        }
    }
}

/// Likewise for containerd's, whose settings for pods are those of its plugins: what a host has is judged together, wherever it is set.
fn containerd(draft: &Draft, nodes: Option<&Nodes>, release: &Release, say: &Reporter) {
    let all: Vec<&DraftOverride> = draft
        .components
        .iter()
        .filter(|own| own.component.program == Program::Containerd)
        .collect();
    // What is set alike on many hosts is told once.
    let mut told: BTreeSet<(usize, usize, String)> = BTreeSet::new();
    let mut judged: BTreeSet<(usize, Option<u64>)> = BTreeSet::new();
    let mut together = vec![];
    for host in &draft.hosts {
        let mut here: Vec<(PlacedOn, usize)> = all
            .iter()
            .enumerate()
            .filter_map(|(index, own)| Some((override_on(draft, own)?, index)))
            .filter(|(on, index)| {
                is_here(on, host)
                    && all
                        .get(*index)
                        .is_some_and(|own| may_run(draft, nodes, own.component, host))
            })
            .collect();
        // The last one counts.
        here.sort_by_key(|(on, index)| (on.rank(), *index));
        together.push(here.into_iter().map(|(_, index)| index).collect::<Vec<_>>());
    }
    // What no host has, as far as is known, is judged by itself, and with what is for all.
    for index in 0..all.len() {
        if !together.iter().any(|here| here.contains(&index)) {
            let for_all =
                (0..all.len()).filter(|other| *other != index && all.get(*other).is_some_and(|own| own.on.is_none()));
            together.push(for_all.chain([index]).collect());
        }
    }
    for own in &all {
        version_of_containerd(release, own, say);
    }
    for here in together {
        let settings: Vec<&DraftOverride> = here.iter().filter_map(|index| all.get(*index).copied()).collect();
        let version = settings
            .iter()
            .rev()
            .find_map(|own| own_version(own))
            .map(|(_, version)| version);
        let version = version.or_else(|| version_of_ours(release, settings.first()?));
        let version = version.and_then(|version| u64::try_from(version).ok());
        for (index, own) in here.iter().zip(&settings) {
            if judged.insert((*index, version)) {
                known_fields_of_containerd(release, own, version, &mut told, say);
            }
        }
        two_places_of_plugins(release.containerd, &settings, &mut told, say);
    }
}

/// The version of the file that khw-gen writes.
fn version_of_ours(release: &Release, own: &DraftOverride) -> Option<i64> {
    let settings = release.settings_of(own.component);
    settings.iter().find_map(|setting| match (setting.path, setting.value) {
        (["version"], SettingValue::Integer(version)) => Some(version),
        _ => None,
    })
}

/// The version that somebody sets, who then has a file of that.
fn own_version(own: &DraftOverride) -> Option<(&At<Vec<String>>, i64)> {
    own.leaves
        .iter()
        .find_map(|(path, value)| match (path.value.as_slice(), value) {
            ([name], Setting::Integer(version)) if name == "version" => Some((path, *version)),
            _ => None,
        })
}

fn version_of_containerd(release: &Release, own: &DraftOverride, say: &Reporter) {
    let ours = version_of_ours(release, own);
    if let Some((path, own)) = own_version(own)
        && let Some(ours) = ours.filter(|ours| !can_be_version(own, *ours, release.containerd))
    {
        let message = format!(
            "`version` can't be {own} for containerd {}: what khw-gen sets is for version {ours}",
            release.containerd
        );
        say.at(path, codes::BAD_VALUE, message).hint(
            "take it out; `version` of [runtime] says which containerd it is, and with it how its file is written",
        );
    }
}

/// containerd 2.1 to 2.3 takes the programs of the pods' network from one place or from several, and refuses to start with both: but for
/// the default, in whose place the one is taken (`ValidateRuntimeConfig` in internal/cri/config/config.go of 2.2.9).
fn two_places_of_plugins(
    program: Version,
    settings: &[&DraftOverride],
    told: &mut BTreeSet<(usize, usize, String)>,
    say: &Reporter,
) {
    if program < Version::new(2, 1) || program >= Version::new(2, 4) {
        return;
    }
    let last = |name: &str| {
        let leaves = settings.iter().rev().flat_map(|own| &own.leaves);
        let mut named = leaves.filter(|(path, _)| {
            matches!(path.value.as_slice(), [plugins, plugin, cni, own]
                if plugins == "plugins" && plugin == RUNTIME_OF_PODS && cni == "cni" && own == name)
        });
        named.next()
    };
    let is_one = |value: &Setting| matches!(value, Setting::Text(text) if !text.is_empty());
    let is_several = |value: &Setting| match value {
        Setting::List(folders) => {
            let is_default = matches!(folders.as_slice(), [Setting::Text(only)] if only == DEFAULT_PLUGINS);
            !folders.is_empty() && !is_default
        }
        _ => false,
    };
    if let (Some((path, one)), Some((_, several))) = (last("bin_dir"), last("bin_dirs"))
        && is_one(one)
        && is_several(several)
    {
        let message =
            format!("`cni.bin_dir` and `cni.bin_dirs` are both set, and containerd {program} does not start with both");
        if told.insert(once(path, &message)) {
            say.at(path, codes::BAD_VALUE, message)
                .hint("name all folders in `bin_dirs`, and take `bin_dir` out");
        }
    }
}

/// What is told of a place once.
fn once(path: &At<Vec<String>>, message: &str) -> (usize, usize, String) {
    let span = path.place.as_ref().map_or(0..0, |place| place.span.clone());
    (span.start, span.end, message.to_owned())
}

/// The plugin that runs pods, from version 3 of the file on, and where it looks for the network's programs by itself.
const RUNTIME_OF_PODS: &str = "io.containerd.cri.v1.runtime";
const DEFAULT_PLUGINS: &str = "/opt/cni/bin";

/// The settings of one table, in a file of a version.
fn known_fields_of_containerd(
    release: &Release,
    own: &DraftOverride,
    version: Option<u64>,
    told: &mut BTreeSet<(usize, usize, String)>,
    say: &Reporter,
) {
    let program = release.containerd;
    let minors = Minors::of(Program::Kubernetes, None);
    for (path, value) in &own.leaves {
        let parts: Vec<&str> = path.value.iter().map(String::as_str).collect();
        let (kind, below) = match (parts.as_slice(), version) {
            (["plugins", name, below @ ..], Some(version)) => match settings_of_plugin(version, name, Some(program)) {
                Ok(Some(kind)) => (kind, below),
                Ok(None) => continue,
                Err(why) => {
                    if told.insert(once(path, &why)) {
                        say.at(path, codes::UNKNOWN_SETTING, why);
                    }
                    continue;
                }
            },
            (all, _) => ("containerd", all),
        };
        let (kind, below) = match below {
            below if !HAS_RUNTIMES.contains(&kind) => (kind, below),
            ["containerd", "runtimes", "runc", "options", below @ ..] => ("runc", below),
            // What other runtimes take for options is their own affair.
            ["containerd", "runtimes", _, "options", ..] => continue,
            ["containerd", "runtimes", _, below @ ..] if !below.is_empty() => ("containerd/runtime", below),
            below => (kind, below),
        };
        if below.is_empty() {
            continue;
        }
        let below = below.join(".");
        let gone = version.and_then(|version| unread(kind, version, Some(program)).find(|gone| gone.path == below));
        if let Some(gone) = gone {
            let message = format!("`{below}` {}", gone.why);
            if told.insert(once(path, &message)) {
                say.at(path, codes::UNKNOWN_SETTING, message).hint(gone.instead);
            }
            continue;
        }
        let mut found = Vec::new();
        values::field(kind, &minors, &below, value, &mut found);
        for (path_text, untaken) in found {
            match untaken {
                Untaken::Refused(why) => {
                    let message = format!("`{path_text}` {why}");
                    if told.insert(once(path, &message)) {
                        say.at(path, codes::BAD_VALUE, message);
                    }
                }
                Untaken::Unknown(_) => {
                    let message = format!("`{path_text}` is no field of containerd's there");
                    if !told.insert(once(path, &message)) {
                        continue;
                    }
                    let problem = say.at(path, codes::UNKNOWN_SETTING, message);
                    match since_version_3(kind, &below) {
                        Some(now) => problem.hint(format!("set `{now}`")),
                        None => problem.meant(&path_text, flags::field_names(kind, release.kubernetes.minor)),
                    }
                }
            }
        }
    }
}

/// Whether what khw-gen sets for one version of containerd's file is read in one of another: versions 3 and 4 call their plugins alike.
fn can_be_version(own: i64, ours: i64, program: Version) -> bool {
    let is_read = || {
        let format = u32::try_from(own).ok().and_then(format_of);
        format.is_some_and(|format| format.since <= program)
    };
    own == ours || ([3, 4].contains(&own) && ours >= 3 && is_read())
}

fn minors_of(release: &Release, component: &Component) -> Minors {
    let version = release.version_of(component);
    Minors::of(version.program, Some(version.version))
}

/// Whether the release has the feature gates that are set by flag or in a configuration file.
fn known_gates(release: &Release, own: &DraftOverride, say: &Reporter) {
    if release.version_of(own.component).program != Program::Kubernetes {
        return;
    }
    let minors = minors_of(release, own.component);
    let tell = |gate: &str, untaken: Option<Untaken>, place: &Option<Place>| {
        let minor = release.kubernetes.minor;
        let lacks = |rest: String| format!("Kubernetes 1.{minor} has no feature gate {gate}{rest}");
        let unknown = |message: String| say.at(place, codes::UNKNOWN_GATE, message);
        match untaken {
            None | Some(Untaken::Unknown(Known::Yes)) => {}
            Some(Untaken::Unknown(Known::Since(since))) => {
                unknown(lacks(format!(": it came with 1.{since}"))).meant(gate, flags::gate_names(minor));
            }
            Some(Untaken::Unknown(Known::Until(until))) => {
                unknown(lacks(format!(": 1.{until} was the last to have it")))
                    .hint(format!("take it out: {} does not start with it", own.component.name));
            }
            Some(Untaken::Unknown(Known::Never)) => {
                unknown(lacks(String::new())).meant(gate, flags::gate_names(minor));
            }
            Some(Untaken::Refused(why)) => {
                say.at(place, codes::BAD_VALUE, format!("the feature gate {gate} {why}"))
                    .hint(format!(
                        "write {gate}=true or {gate}=false, whichever it takes; or take it out"
                    ));
            }
        }
    };
    for (name, flag) in own.flags.iter().filter(|(name, _)| name.value == "feature-gates") {
        let OwnFlag::Values(values) = flag else { continue };
        for (gate, value) in values.iter().flat_map(|value| values::gates_of_flag(value)) {
            tell(
                gate,
                values::gate_of_flag(own.component.name, &minors, gate, value),
                &name.place,
            );
        }
    }
    for (path, value) in &own.leaves {
        if let [first, gate] = path.value.as_slice()
            && first == "featureGates"
        {
            // Whether it is a boolean at all, its field says.
            let on = match value {
                Setting::Boolean(on) => Some(*on),
                _ => None,
            };
            tell(gate, values::gate(own.component.name, &minors, gate, on), &path.place);
        }
    }
}

/// Removing what is not given does nothing.
fn removed_flags(draft: &Draft, own: &DraftOverride, say: &Reporter) {
    if draft.release.is_none() || draft.pki.layout.is_none() || own.component.flags.is_empty() {
        return;
    }
    let ours = generated_flags(draft, own.component);
    let others = |name: &str| {
        draft.components.iter().any(|other| {
            let gives = |(own, flag): &(At<String>, OwnFlag)| own.value == name && *flag != OwnFlag::Removed;
            other.component == own.component && other.flags.iter().any(gives)
        })
    };
    for (name, flag) in &own.flags {
        let is_ours = ours.iter().any(|ours| ours.name == name.value);
        if *flag == OwnFlag::Removed && !is_ours && !others(&name.value) {
            let message = format!(
                "`{}` is not given to {}: there is nothing to remove",
                name.value, own.component.name
            );
            say.at(name, codes::UNUSED_OVERRIDE, message).meant_or(
                &name.value,
                ours.iter().map(|ours| ours.name),
                "write \"false\" in quotes to give it the value false",
            );
        }
    }
}

/// One host that has two roles for which the same is set differently: nothing says which one counts, unless the host does.
fn conflicts(draft: &Draft, nodes: Option<&Nodes>, say: &Reporter) {
    let mut told: BTreeSet<(usize, String)> = BTreeSet::new();
    for host in &draft.hosts {
        let here: Vec<(usize, PlacedOn, &DraftOverride)> = draft
            .components
            .iter()
            .enumerate()
            .filter_map(|(index, own)| Some((index, override_on(draft, own)?, own)))
            .filter(|(_, on, own)| is_here(on, host) && may_run(draft, nodes, own.component, host))
            .collect();
        let of_roles = || here.iter().filter(|(_, on, _)| matches!(on, PlacedOn::Role(_)));
        for (index, _, later) in of_roles() {
            for (_, _, earlier) in
                of_roles().filter(|(other, _, own)| other < index && own.component == later.component)
            {
                let of_host = here
                    .iter()
                    .filter(|(_, on, own)| matches!(on, PlacedOn::Host(_)) && own.component == later.component);
                let of_host: Vec<&DraftOverride> = of_host.map(|(_, _, own)| *own).collect();
                for (what, place) in differences(earlier, later, &of_host) {
                    if told.insert((*index, what.clone())) {
                        report_conflict(host, earlier, later, &what, place, say);
                    }
                }
            }
        }
    }
}

fn report_conflict(
    host: &DraftHost,
    earlier: &DraftOverride,
    later: &DraftOverride,
    what: &str,
    place: Option<Place>,
    say: &Reporter,
) {
    let role = |own: &DraftOverride| own.on.as_ref().map_or(String::new(), |on| on.value.clone());
    let host = host.called("a host");
    let component = later.component.name;
    let message = format!(
        "{what} of {component} is set otherwise for the role {}, and {host} has both roles",
        role(earlier)
    );
    let hint = format!("set it the same for both, or in [components.{component}.on.{host}]");
    say.at(place, codes::CONFLICTING_OVERRIDES, message).hint(hint);
}

/// What two set differently, and where the later does, but for what the host's own settles.
fn differences(
    earlier: &DraftOverride,
    later: &DraftOverride,
    of_host: &[&DraftOverride],
) -> Vec<(String, Option<Place>)> {
    let mut found = Vec::new();
    for (name, flag) in &later.flags {
        let differs = earlier
            .flags
            .iter()
            .any(|(other, own)| other.value == name.value && own != flag);
        let is_settled = of_host
            .iter()
            .any(|own| own.flags.iter().any(|(own, _)| own.value == name.value));
        if differs && !is_settled {
            found.push((format!("the flag `{}`", name.value), name.place.clone()));
        }
    }
    for (name, value) in &later.environment {
        let differs = earlier
            .environment
            .iter()
            .any(|(other, own)| other.value == name.value && own != value);
        let is_settled = of_host
            .iter()
            .any(|own| own.environment.iter().any(|(own, _)| own.value == name.value));
        if differs && !is_settled {
            found.push((format!("the variable `{}`", name.value), name.place.clone()));
        }
    }
    for (path, value) in &later.leaves {
        let is_empty_table = |value: &Setting| matches!(value, Setting::Table(_));
        let differs = earlier.leaves.iter().any(|(other, own)| {
            let (a, b) = (&path.value, &other.value);
            let is_above = (a.len() < b.len() && b.starts_with(a) && !is_empty_table(value))
                || (b.len() < a.len() && a.starts_with(b) && !is_empty_table(own));
            (a == b && own != value) || is_above
        });
        let is_settled = of_host
            .iter()
            .any(|own| own.leaves.iter().any(|(own, _)| path.value.starts_with(&own.value)));
        if differs && !is_settled {
            found.push((format!("the setting `{}`", path.value.join(".")), path.place.clone()));
        }
    }
    found
}
