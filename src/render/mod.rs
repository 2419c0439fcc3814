//! Plan + Vault -> Bundles: the only place that knows the template engine.

mod content;
mod error;
mod escape;
mod kept;
mod templates;

use minijinja::value::{Serde, Value};
use time::OffsetDateTime;

use crate::bundle::{Bundle, BundleError};
use crate::catalog::tables::artifacts::BESIDE;
use crate::cluster::{Cluster, Host};
use crate::facts::FactsOf;
use crate::manifest::{About, add_manifest};
use crate::plan::{Plan, PlannedUnit, PlannedValue};
use crate::vault::Vault;

use self::content::Contents;
use self::kept::HostVariables;
use self::templates::Templates;

pub use self::error::RenderError;

/// Renders the bundles of a plan, one host at a time.
pub struct Renderer<'a> {
    contents: Contents<'a>,
    /// The variables that all hosts have.
    variables: Value,
}

impl<'a> Renderer<'a> {
    /// Compiles the templates and encodes what all hosts share.
    pub fn new(plan: &'a Plan<'a>, vault: &'a Vault<'a>) -> Result<Self, RenderError> {
        let facts = FactsOf::new(plan.cluster);
        Ok(Renderer {
            variables: Value::from(Serde(facts.shared())),
            contents: Contents::new(plan, vault, facts)?,
        })
    }

    /// The instant at which everything is issued.
    pub fn issued(&self) -> OffsetDateTime {
        self.contents.plan.cluster.pki.issued
    }

    /// The whole bundle of `host`, its manifest included.
    pub fn bundle(&self, host: &'a Host) -> Result<Bundle, RenderError> {
        let contents = &self.contents;
        let variables = HostVariables::new(&self.variables, &contents.facts.own(host));
        let mut bundle = Bundle::new();
        let failed = |error: BundleError| RenderError(error.to_string());
        for file in contents.plan.files_on(host) {
            let path = format!("rootfs{}", file.path);
            match contents.of(&file, &variables)? {
                Some(content) => bundle.insert_file(&path, file.mode(), content).map_err(failed)?,
                None => bundle
                    .insert_directory(path.trim_end_matches('/'), file.mode())
                    .map_err(failed)?,
            }
        }
        for (name, mode, template) in BESIDE {
            let content = contents.rendered(*template, false, &variables)?;
            bundle.insert_file(name, *mode, content).map_err(failed)?;
        }
        add_manifest(&mut bundle, &about(contents.plan.cluster, host)).map_err(failed)?;
        Ok(bundle)
    }
}

/// The command lines of units, as they are written into these, without any key.
pub struct CommandLines<'a> {
    templates: Templates,
    facts: FactsOf<'a>,
    variables: Value,
}

impl<'a> CommandLines<'a> {
    /// Compiles the templates.
    pub fn new(cluster: &'a Cluster) -> Result<Self, RenderError> {
        let facts = FactsOf::new(cluster);
        Ok(CommandLines {
            templates: Templates::new(cluster)?,
            variables: Value::from(Serde(facts.shared())),
            facts,
        })
    }

    /// A unit of `host` with the values in the place of their templates.
    pub fn filled_in(&self, mut unit: PlannedUnit, host: &Host) -> Result<PlannedUnit, RenderError> {
        let variables = HostVariables::new(&self.variables, &self.facts.own(host));
        for value in unit.flags.iter_mut().flat_map(|flag| &mut flag.values) {
            if let PlannedValue::Template(text) = value {
                *value = PlannedValue::Text(self.templates.inline(text, &variables)?.to_string());
            }
        }
        Ok(unit)
    }
}

/// What the manifest of a host's bundle says of it.
fn about(cluster: &Cluster, host: &Host) -> About {
    let state = host.state.map_or(cluster.state.name(), |state| state.name());
    About {
        host: host.name.clone(),
        addresses: host.ip.iter().map(|ip| ip.to_string()).collect(),
        roles: host.roles.iter().map(|role| role.name().to_owned()).collect(),
        state: state.to_owned(),
        kubernetes: cluster.version.clone(),
        etcd: cluster.etcd.clone(),
        containerd: cluster.release.containerd.to_string(),
    }
}
