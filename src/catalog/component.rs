//! A program that runs as a systemd unit.

use super::change::Program;
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
    /// By whose versions it goes.
    pub program: Program,
    pub when: When,
    pub on: On,
    pub unit: Unit,
    pub flags: &'static [Flag],
    pub config: Option<ConfigFile>,
}

impl Component {
    /// Where the environment of its unit stands, where that comes with a package: systemd.unit(5), "drop-in".
    pub fn environment_file(&self) -> Option<String> {
        let name = self.name;
        (self.unit == Unit::Packaged).then(|| format!("/etc/systemd/system/{name}.service.d/10-environment.conf"))
    }
}
