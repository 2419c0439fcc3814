//! A flag of a command line, or a setting of a configuration file.

use super::engines::Runtime;

/// A command-line flag, without its dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    pub name: &'static str,
    pub value: FlagValue,
    pub given: Given,
}

/// What a flag is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagValue {
    /// It takes no value.
    Nothing,
    /// A template.
    Text(&'static str),
    /// The path of the component's file for this use, one of the layout's.
    File(&'static str),
}

/// A setting of a configuration file: the keys that lead to it, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub path: &'static [&'static str],
    pub value: SettingValue,
    pub given: Given,
}

/// What a setting of a configuration file is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// A template.
    Text(&'static str),
    Bool(bool),
    /// A template of `true` or `false`.
    BoolText(&'static str),
    Integer(i64),
    /// A template of a comma-separated list.
    Texts(&'static str),
    /// The path of the component's file for this use, one of the layout's.
    File(&'static str),
}

/// On which of the hosts that run its component a flag or a setting is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    Always,
    /// Where this runs containers.
    With(Runtime),
    /// Where the authority of the cluster signs here: without its key the controller manager leaves requests unsigned
    /// (`startCertificateSigningRequestSigningController` of its `app/certificates.go`).
    ClusterSigning,
    /// Where nodes and pods have addresses of one family, or of both.
    OneFamily,
    BothFamilies,
    /// Where the host's node has labels of the user's own, or taints.
    Labels,
    Taints,
    /// Where pods may ask for gVisor's sandbox.
    GVisor,
    /// Where the hosts have version 1 of control groups.
    CgroupV1,
}

/// Who gives a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy {
    Component,
    Layout,
    Release,
    User,
}

impl Flag {
    pub(super) const fn only(self, given: Given) -> Flag {
        Flag { given, ..self }
    }
}

impl Setting {
    pub(super) const fn only(self, given: Given) -> Setting {
        Setting { given, ..self }
    }
}

impl GivenBy {
    /// In words, for `plan`.
    pub fn name(self) -> &'static str {
        match self {
            GivenBy::Component => "component",
            GivenBy::Layout => "layout",
            GivenBy::Release => "release",
            GivenBy::User => "user",
        }
    }
}

const fn valued(name: &'static str, value: FlagValue) -> Flag {
    let given = Given::Always;
    Flag { name, value, given }
}

pub(super) const fn switch(name: &'static str) -> Flag {
    valued(name, FlagValue::Nothing)
}

pub(super) const fn flag(name: &'static str, template: &'static str) -> Flag {
    valued(name, FlagValue::Text(template))
}

pub(super) const fn file(name: &'static str, what: &'static str) -> Flag {
    valued(name, FlagValue::File(what))
}

pub(super) const fn set(path: &'static [&'static str], value: SettingValue) -> Setting {
    let given = Given::Always;
    Setting { path, value, given }
}
