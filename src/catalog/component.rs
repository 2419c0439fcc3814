//! A program that runs as a systemd unit.

use super::flag::{Flag, Setting};
use super::scope::{On, When};

/// The language of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Toml,
}

/// The configuration file of a component; its row in `artifacts` says who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path on the host.
    pub at: &'static str,
    pub format: Format,
    /// In the order in which they are written.
    pub settings: &'static [Setting],
}

/// Where a component's unit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// It is generated, with the component's flags.
    Generated,
    /// It comes with the component's package.
    Packaged,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the program and, with `.service`, of its unit.
    pub name: &'static str,
    pub when: When,
    pub on: On,
    pub unit: Unit,
    pub flags: &'static [Flag],
    pub config: Option<ConfigFile>,
}

/// Where the environment of a unit stands that comes with a package: systemd.unit(5), "drop-in".
pub fn environment_path(component: &str) -> String {
    format!("/etc/systemd/system/{component}.service.d/10-environment.conf")
}
