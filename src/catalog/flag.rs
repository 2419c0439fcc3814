//! A flag of a command line, or a setting of a configuration file.

/// A command-line flag, without its dashes, and its value; none for a flag that takes no value.
pub type Flag = (&'static str, Option<&'static str>);

/// What a setting of a configuration file is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// A template. What renders to nothing is left out.
    Text(&'static str),
    Bool(bool),
    /// A template of `true` or `false`. What renders to nothing is left out.
    BoolText(&'static str),
    Integer(i64),
    /// A template of a comma-separated list. What renders to nothing is left out.
    Texts(&'static str),
}

/// A setting of a configuration file: the keys that lead to it, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub path: &'static [&'static str],
    pub value: SettingValue,
}

pub(super) const fn flag(name: &'static str, value: &'static str) -> Flag {
    (name, Some(value))
}

pub(super) const fn text(path: &'static [&'static str], template: &'static str) -> Setting {
    Setting {
        path,
        value: SettingValue::Text(template),
    }
}

pub(super) const fn texts(path: &'static [&'static str], template: &'static str) -> Setting {
    Setting {
        path,
        value: SettingValue::Texts(template),
    }
}

pub(super) const fn boolean(path: &'static [&'static str], value: bool) -> Setting {
    Setting {
        path,
        value: SettingValue::Bool(value),
    }
}

pub(super) const fn integer(path: &'static [&'static str], value: i64) -> Setting {
    Setting {
        path,
        value: SettingValue::Integer(value),
    }
}

pub(super) const fn switch(name: &'static str) -> Flag {
    (name, None)
}
