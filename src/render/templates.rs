//! The templates of the tables, compiled: the files of hosts, and the values of flags and settings; each with what it reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use crate::catalog::flag::{FlagValue, SettingValue};
use crate::catalog::flags_of;
use crate::catalog::tables::artifacts::{ARTIFACTS, BESIDE, KUBECONFIG};
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::Cluster;
use crate::pki::secret::SecretBytes;
use crate::yaml;

use super::error::RenderError;
use super::escape::escape_for_the_file;
use super::kept::{HostVariables, Kept, Reads};

/// The engine with all templates of a cluster's files.
pub struct Templates {
    environment: Environment<'static>,
    /// The names of the templates that are texts of a table.
    inline_names: BTreeMap<&'static str, String>,
    /// What each template reads of a host's own variables, by its name.
    reads: BTreeMap<String, Reads>,
    inlines: Kept<&'static str, (), Arc<str>>,
}

impl Templates {
    /// Compiles them.
    pub fn new(cluster: &Cluster) -> Result<Templates, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
        environment.set_formatter(escape_for_the_file);
        // An error would keep the variables, and there are keys among them.
        environment.set_debug(false);
        environment.add_filter("quoted", |text: &str| Value::from_safe_string(yaml::quoted(text)));
        let rows = ARTIFACTS.iter().filter_map(|row| row.holds.template());
        for template in rows
            .chain(BESIDE.iter().map(|(_, _, template)| *template))
            .chain([KUBECONFIG])
        {
            environment.add_template(template.path, template.text)?;
        }
        // The end of a name says how values are escaped.
        let inline_names: BTreeMap<&'static str, String> = inline_templates(cluster)
            .map(|text| (text, format!("{text}.raw")))
            .collect();
        for (text, name) in &inline_names {
            environment.add_template_owned(name.clone(), *text)?;
        }
        let reads = environment.templates().map(|(name, template)| {
            let reads = Reads::new(template.undeclared_variables(true));
            (name.to_owned(), reads)
        });
        Ok(Templates {
            reads: reads.collect(),
            environment,
            inline_names,
            inlines: Kept::new(),
        })
    }

    /// What a file's template reads of a host's own variables.
    pub fn reads(&self, template: &str) -> &Reads {
        &self.reads[template]
    }

    /// What the value of a flag or setting of the tables reads of them.
    pub fn reads_inline(&self, text: &str) -> Option<&Reads> {
        self.reads.get(self.inline_names.get(text)?)
    }

    /// A whole file.
    pub fn render(&self, template: &str, variables: Value) -> Result<SecretBytes, RenderError> {
        let mut bytes = SecretBytes::with_capacity(16 * 1024);
        self.environment
            .get_template(template)?
            .render_captured_to(variables, &mut bytes)?;
        Ok(bytes)
    }

    /// The value of a flag or setting of the tables.
    pub fn inline(&self, text: &'static str, variables: &HostVariables) -> Result<Arc<str>, RenderError> {
        let Some(name) = self.inline_names.get(text) else {
            return Ok(text.into());
        };
        self.inlines.or_make(text, (), [&self.reads[name]], variables, |()| {
            let text = self.environment.get_template(name)?.render(variables.all())?;
            Ok(text.into())
        })
    }
}

/// The texts of the tables that are templates.
fn inline_templates(cluster: &Cluster) -> impl Iterator<Item = &'static str> {
    let texts = COMPONENTS.iter().flat_map(|component| {
        let flags = flags_of(component, Some(cluster.pki.layout), Some(&cluster.release)).into_iter();
        let of_flags = flags.filter_map(|(flag, _)| match flag.value {
            FlagValue::Text(text) => Some(text),
            FlagValue::Nothing | FlagValue::File(_) => None,
        });
        let settings = cluster.release.settings_of(component).into_iter();
        let of_settings = settings.filter_map(|setting| match setting.value {
            SettingValue::Text(text) | SettingValue::BoolText(text) | SettingValue::Texts(text) => Some(text),
            SettingValue::Bool(_) | SettingValue::Integer(_) | SettingValue::File(_) => None,
        });
        of_flags.chain(of_settings)
    });
    texts.filter(|text| text.contains(['{', '}']))
}
