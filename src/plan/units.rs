//! What each unit on a host is started with, and what its configuration file sets: what the tables, the layout, the release and
//! the user say of it, as one.

use crate::catalog::component::{Component, ConfigFile};
use crate::catalog::flag::{FlagValue, Given, GivenBy, SettingValue};
use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::{flags_of, path_of};
use crate::cluster::{Cluster, Host, OwnFlag};
use crate::rules::gives_way;
use crate::settings::{Table, Value};

/// A unit as it starts on one host.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedUnit {
    /// The name of the component.
    pub component: &'static str,
    /// In the order of the command line.
    pub flags: Vec<PlannedFlag>,
    /// Names and values.
    pub environment: Vec<(String, String)>,
}

/// A flag of a command line, without its dashes.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFlag {
    /// Its name.
    pub name: String,
    /// It is given once for each.
    pub values: Vec<PlannedValue>,
    /// Who gives it.
    pub by: GivenBy,
}

/// What a flag is given.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedValue {
    /// It stands alone.
    Nothing,
    /// A template of the tables.
    Template(&'static str),
    /// As it is.
    Text(String),
}

/// The configuration file of a component on one host.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedConfig {
    /// Where it is, and what it is like.
    pub file: ConfigFile,
    /// In the order in which they are set.
    pub settings: Vec<PlannedSetting>,
    /// The user's own, which are set over them.
    pub own: Table,
}

/// A setting of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSetting {
    /// Where it stands in the file, from the outside in.
    pub path: &'static [&'static str],
    /// What it is set to.
    pub value: PlannedSettingValue,
}

/// What a setting is set to: a value, or a template of the tables of a text, of `true` or `false`, or of a list with commas.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedSettingValue {
    /// This value.
    Is(Value),
    /// A template of a text.
    Text(&'static str),
    /// A template of `true` or `false`.
    BoolText(&'static str),
    /// A template of a list with commas.
    Texts(&'static str),
}

/// The unit of a component that runs on `host`: ours, the layout's and the release's flags, and the user's, who may replace or
/// remove any; ours give way to one of the user's that can't stand beside them.
pub fn unit(cluster: &Cluster, component: &'static Component, host: &Host) -> PlannedUnit {
    let own = cluster.overrides.of(component.name, host);
    let generated = flags_of(component, Some(cluster.pki.layout), Some(&cluster.release)).into_iter();
    let given = generated.filter(|(flag, _)| is_given(cluster, host, flag.given));
    let mut flags: Vec<PlannedFlag> = given
        .map(|(flag, by)| PlannedFlag {
            name: flag.name.to_owned(),
            values: vec![match flag.value {
                FlagValue::Nothing => PlannedValue::Nothing,
                FlagValue::Text(template) => PlannedValue::Template(template),
                FlagValue::File(what) => PlannedValue::Text(path(cluster, component, host, what)),
            }],
            by,
        })
        .collect();
    for (name, flag) in own.flags {
        let values = match flag {
            OwnFlag::Removed => Vec::new(),
            // Of a flag that it is given several times, etcd heeds the last (Go's flag package).
            OwnFlag::Values(values) if component.name == "etcd" && values.len() > 1 => {
                vec![PlannedValue::Text(values.join(","))]
            }
            OwnFlag::Values(values) => values.into_iter().map(PlannedValue::Text).collect(),
        };
        let by = GivenBy::User;
        match flags.iter_mut().find(|ours| ours.name == name) {
            Some(ours) => *ours = PlannedFlag { name, values, by },
            None => flags.push(PlannedFlag { name, values, by }),
        }
    }
    flags.retain(|flag| !flag.values.is_empty());
    let of_the_user = flags.iter().filter(|flag| flag.by == GivenBy::User);
    let of_the_user: Vec<String> = of_the_user.map(|flag| flag.name.clone()).collect();
    let of_the_user: Vec<&str> = of_the_user.iter().map(String::as_str).collect();
    flags.retain(|flag| flag.by == GivenBy::User || !gives_way(component.name, &flag.name, &of_the_user));
    PlannedUnit {
        component: component.name,
        flags,
        environment: own.environment,
    }
}

/// The configuration file of a component that runs on `host`, if it has one.
pub fn config(cluster: &Cluster, component: &'static Component, host: &Host) -> Option<PlannedConfig> {
    let settings = cluster.release.settings_of(component).into_iter();
    let given = settings.filter(|setting| is_given(cluster, host, setting.given));
    Some(PlannedConfig {
        file: component.config?,
        settings: given
            .map(|setting| PlannedSetting {
                path: setting.path,
                value: match setting.value {
                    SettingValue::Bool(value) => PlannedSettingValue::Is(Value::Boolean(value)),
                    SettingValue::Integer(value) => PlannedSettingValue::Is(Value::Integer(value)),
                    SettingValue::File(what) => {
                        PlannedSettingValue::Is(Value::Text(path(cluster, component, host, what)))
                    }
                    SettingValue::Text(template) => PlannedSettingValue::Text(template),
                    SettingValue::BoolText(template) => PlannedSettingValue::BoolText(template),
                    SettingValue::Texts(template) => PlannedSettingValue::Texts(template),
                },
            })
            .collect(),
        own: cluster.overrides.of(component.name, host).config,
    })
}

/// Where a component's file of a use lies. A test holds that each use in the tables has its row.
fn path(cluster: &Cluster, component: &Component, host: &Host, what: &str) -> String {
    let path = path_of(what, component, cluster.pki.layout).unwrap_or_default();
    path.replace("{host}", &host.name)
}

fn is_given(cluster: &Cluster, host: &Host, given: Given) -> bool {
    match given {
        Given::Always => true,
        Given::With(runtime) => cluster.nodes.runtime == runtime,
        Given::ClusterSigning => !cluster.pki.signs_elsewhere(CLUSTER_AUTHORITY),
        Given::OneFamily => !cluster.is_dual_stack(),
        Given::BothFamilies => cluster.is_dual_stack(),
        Given::Labels => !host.labels.is_empty(),
        Given::Taints => !host.taints.is_empty(),
        Given::GVisor => cluster.nodes.gvisor,
        Given::CgroupV1 => cluster.nodes.cgroup_v1,
    }
}
