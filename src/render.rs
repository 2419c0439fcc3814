//! Plan + Vault -> Bundles: the only place that knows the template engine.
//!
//! Whatever a template writes out is escaped for the kind of file it is, by the file's name: a value can't break out of a
//! unit, a YAML file, a load balancer's file or a shell script, whatever it holds. Secrets go straight from where they are kept into
//! the file's own wiped buffer.

mod variables;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};
use time::OffsetDateTime;

use crate::bundle::{Bundle, Content};
use crate::catalog;
use crate::catalog::artifact::Reader;
use crate::catalog::component::{Component, Format};
use crate::catalog::flag::SettingValue;
use crate::catalog::holds::{Holds, Template, Through};
use crate::catalog::identity::NODE_PLACEHOLDER;
use crate::catalog::tables::artifacts::ARTIFACTS;
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::{Cluster, ComponentSettings, Host, OwnFlag};
use crate::facts::FactsOf;
use crate::manifest::add_manifest;
use crate::own_template;
use crate::pki::secret::SecretBytes;
use crate::plan::{KeyId, Origin, Plan, PlannedContent, PlannedFile};
use crate::settings::{Table, Value as Setting};
use crate::toml_text;
use crate::vault::{Vault, encryption_key_name};
use crate::yaml;

use self::variables::{HostVariables, Kept};

/// Templates that lie beside a host's tree or are used at several paths.
const BESIDE: [Template; 3] = [
    Template {
        path: "bundle/kubeconfig.yaml",
        text: include_str!("templates/bundle/kubeconfig.yaml"),
    },
    Template {
        path: "bundle/INSTALL.md",
        text: include_str!("templates/bundle/INSTALL.md"),
    },
    Template {
        path: "bundle/install.sh",
        text: include_str!("templates/bundle/install.sh"),
    },
];
const KUBECONFIG: &str = BESIDE[0].path;
const INSTALL_MD: &str = BESIDE[1].path;
const INSTALL_SH: &str = BESIDE[2].path;

/// Why a bundle could not be rendered: a mistake in a template or a table.
#[derive(Debug)]
pub struct RenderError(String);

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RenderError {}

impl From<Error> for RenderError {
    fn from(error: Error) -> Self {
        // The alternate form would print the variables too, and there are keys among them.
        RenderError(format!("{error}"))
    }
}

/// Renders the bundles of a plan, one host at a time.
pub struct Renderer<'a> {
    plan: &'a Plan<'a>,
    vault: &'a Vault<'a>,
    environment: Environment<'static>,
    /// The certificates of no host in particular; those of one host alone are encoded with it.
    shared: BTreeMap<KeyId<'a>, Shared>,
    facts: FactsOf<'a>,
    /// The variables that all hosts have.
    variables: Value,
    /// The names of the templates that are texts of a table.
    inline_names: BTreeMap<&'static str, String>,
    files: Kept<File<'a>, ComponentSettings, Content>,
    inlines: Kept<&'static str, (), Arc<str>>,
}

/// A file that may be the same on several hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum File<'a> {
    /// By its template, and whether everyone may read it.
    Rendered(&'static str, bool),
    /// By its component, and whether everyone may read it.
    Config(&'static str, bool),
    Kubeconfig(KeyId<'a>, Through),
}

#[derive(Clone)]
struct Embedded {
    certificate: Value,
    key: Value,
}

/// A certificate of all hosts and its key, as files and inside a kubeconfig.
struct Shared {
    certificate_file: Content,
    key_file: Content,
    embedded: Embedded,
}

impl<'a> Renderer<'a> {
    /// Compiles the templates and encodes what all hosts share.
    pub fn new(plan: &'a Plan<'a>, vault: &'a Vault<'a>) -> Result<Self, RenderError> {
        let shared = plan
            .certificates
            .iter()
            .filter(|certificate| certificate.id.host.is_none());
        let inline_names: BTreeMap<&'static str, String> = inline_templates(plan.cluster)
            .map(|text| (text, format!("{text}.raw")))
            .collect();
        let facts = FactsOf::new(plan.cluster);
        Ok(Renderer {
            plan,
            vault,
            environment: environment(&inline_names)?,
            shared: shared
                .filter_map(|certificate| Some((certificate.id, Shared::of(vault, certificate.id)?)))
                .collect(),
            variables: Value::from(Serde(facts.shared())),
            facts,
            inline_names,
            files: Kept::new(),
            inlines: Kept::new(),
        })
    }

    /// The instant at which everything is issued.
    pub fn issued(&self) -> OffsetDateTime {
        self.plan.cluster.pki.issued
    }

    /// The whole bundle of `host`, its manifest included.
    pub fn bundle(&self, host: &'a Host) -> Result<Bundle, RenderError> {
        let variables = HostVariables::new(&self.variables, &self.facts.own(host));
        let mut bundle = Bundle::new();
        let failed = |error: crate::bundle::BundleError| RenderError(error.to_string());
        for file in self.plan.files_on(host) {
            let path = format!("rootfs{}", file.path);
            match self.content(&file, &variables)? {
                Some(content) => bundle.insert_file(&path, file.mode, content).map_err(failed)?,
                None => bundle
                    .insert_directory(path.trim_end_matches('/'), file.mode)
                    .map_err(failed)?,
            }
        }
        let beside = |name: &'static str| {
            let nothing_else = ComponentSettings::default();
            self.files
                .or_make(File::Rendered(name, true), &nothing_else, &variables, |_, variables| {
                    Ok::<_, RenderError>(Content::public(self.render(name, variables.value())?.expose().into()))
                })
        };
        bundle
            .insert_file("INSTALL.md", 0o644, beside(INSTALL_MD)?)
            .map_err(failed)?;
        bundle
            .insert_file("install.sh", 0o755, beside(INSTALL_SH)?)
            .map_err(failed)?;
        add_manifest(&mut bundle, &host.name).map_err(failed)?;
        Ok(bundle)
    }

    /// The content of a file; none for a directory.
    fn content(&self, file: &PlannedFile<'a>, variables: &HostVariables) -> Result<Option<Content>, RenderError> {
        let (cluster, host) = (self.plan.cluster, file.host);
        let issued = |id: &KeyId<'a>| {
            self.vault
                .issued
                .get(id)
                .ok_or_else(|| RenderError(format!("nobody has issued {id}")))
        };
        let certificate = |id: &KeyId<'a>| {
            let certificate = issued(id)?.certificate.as_ref();
            certificate.ok_or_else(|| RenderError(format!("{id} has no certificate")))
        };
        let shared = |id: &KeyId<'a>| self.shared.get(id);
        let for_everyone = matches!(file.origin, Origin::Row(row) if row.reader == Reader::Everyone);
        let content = match &file.content {
            PlannedContent::Directory => return Ok(None),
            PlannedContent::Certificate(id) => match shared(id) {
                Some(shared) => shared.certificate_file.clone(),
                None => Content::public(certificate(id)?.clone()),
            },
            PlannedContent::Trust(ids) => match (ids.as_slice(), ids.first().and_then(shared)) {
                ([_], Some(shared)) => shared.certificate_file.clone(),
                (ids, _) => concatenated(ids, certificate)?,
            },
            PlannedContent::PrivateKey(id) => match shared(id) {
                Some(shared) => shared.key_file.clone(),
                None => Content::secret(issued(id)?.key.clone()),
            },
            PlannedContent::PublicKeys(ids) => concatenated(ids, |id| {
                let issued = issued(id)?;
                let public = issued.certificate.as_ref().or(issued.public_key.as_ref());
                public.ok_or_else(|| RenderError(format!("{id} has no public key")))
            })?,
            PlannedContent::Request(id) => {
                let request = issued(id)?.request.clone();
                Content::public(request.ok_or_else(|| RenderError(format!("{id} has no request")))?)
            }
            PlannedContent::Kubeconfig { id, through, trust } => {
                let make = |variables: &HostVariables| {
                    let server = self.facts.shared().server(*through);
                    let text = self.kubeconfig(*id, trust, server, &variables.value())?;
                    Ok::<_, RenderError>(Content::secret(Arc::new(text)))
                };
                match shared(id) {
                    Some(_) => {
                        let nothing_else = ComponentSettings::default();
                        let file = File::Kubeconfig(*id, *through);
                        self.files
                            .or_make(file, &nothing_else, variables, |_, variables| make(variables))?
                    }
                    None => make(variables)?,
                }
            }
            PlannedContent::Rendered(template) => {
                let component = component_of_unit(template);
                let own = component.map(|component| cluster.overrides.of(component.name, host));
                let own = own.unwrap_or_default();
                let file = File::Rendered(template.path, for_everyone);
                self.files.or_make(file, &own, variables, |own, variables| {
                    let variables = self.variables_of(component, own, variables)?;
                    let bytes = self.render(template.path, variables)?;
                    Ok::<_, RenderError>(match for_everyone {
                        true => Content::public(bytes.expose().into()),
                        false => Content::secret(Arc::new(bytes)),
                    })
                })?
            }
            PlannedContent::Config(component) => {
                let own = cluster.overrides.of(component, host);
                let file = File::Config(component, for_everyone);
                self.files.or_make(file, &own, variables, |own, variables| {
                    let text = self.config(component, own, variables)?.into_bytes();
                    Ok::<_, RenderError>(match for_everyone {
                        true => Content::public(text.into()),
                        false => Content::secret(Arc::new(text.into())),
                    })
                })?
            }
            PlannedContent::Environment(component) => {
                let own = cluster.overrides.of(component, host);
                let lines: String = environment_lines(&own)
                    .iter()
                    .map(|line| format!("Environment={line}\n"))
                    .collect();
                Content::public(format!("[Service]\n{lines}").into_bytes().into())
            }
            PlannedContent::OwnTemplate(template) => {
                let bytes = own_template::render(template, &self.facts.of(host))
                    .map_err(|problem| RenderError(problem.message))?;
                match file.mode & 0o004 {
                    0 => Content::secret(Arc::new(bytes.into())),
                    _ => Content::public(bytes.into()),
                }
            }
            PlannedContent::CsrFile { file, host } => {
                let csr = cluster
                    .pki
                    .csrs
                    .get(*file)
                    .ok_or_else(|| RenderError(format!("there is no {file}")))?;
                match host {
                    Some(host) => Content::public(csr.text.replace(NODE_PLACEHOLDER, host).into_bytes().into()),
                    None => Content::public(csr.text.as_bytes().into()),
                }
            }
            PlannedContent::SigningConfig => Content::public(cluster.pki.config_text.as_bytes().into()),
        };
        Ok(Some(content))
    }

    /// What a template sees beyond the facts: a unit its flags and its environment, the encryption configuration its key.
    fn variables_of(
        &self,
        component: Option<&Component>,
        own: &ComponentSettings,
        variables: &HostVariables,
    ) -> Result<Value, RenderError> {
        let flags = component.map_or(Ok(Vec::new()), |component| self.flags(component, own, variables))?;
        let environment: Vec<Value> = environment_lines(own)
            .into_iter()
            .map(Value::from_safe_string)
            .collect();
        // The API server writes with the first, and reads with all of them.
        let encryption = &self.plan.cluster.encryption;
        let keys = encryption.generations.all().filter_map(|generation| {
            let secret = SecretText(self.vault.encryption.get(&generation)?.clone());
            Some(context! { name => encryption_key_name(generation), secret => Value::from_object(secret) })
        });
        let encryption = context! { provider => encryption.provider.name(), keys => keys.collect::<Vec<Value>>() };
        Ok(context! { flags, environment, encryption, ..variables.value() })
    }

    /// The command line of a component, one `--flag=value` each, not yet escaped: ours, the release's own and the user's, who
    /// may replace or remove any.
    fn flags(
        &self,
        component: &Component,
        own: &ComponentSettings,
        variables: &HostVariables,
    ) -> Result<Vec<String>, RenderError> {
        let cluster = self.plan.cluster;
        let mut flags: Vec<(&str, Vec<Option<Arc<str>>>)> = Vec::new();
        let ours = component
            .flags
            .iter()
            .chain(cluster.pki.layout.flags_of(component.name))
            .chain(cluster.release.flags_of(component.name));
        for (name, value) in ours {
            let value = value.map(|value| self.inline(value, variables)).transpose()?;
            // A flag without a value is one that this host has no use for.
            if value.as_deref() != Some("") {
                flags.push((name, vec![value]));
            }
        }
        for (name, flag) in &own.flags {
            let values = match flag {
                OwnFlag::Removed => Vec::new(),
                OwnFlag::Values(values) => values.iter().map(|value| Some(value.as_str().into())).collect(),
            };
            match flags.iter_mut().find(|(ours, _)| ours == name) {
                Some((_, ours)) => *ours = values,
                None => flags.push((name, values)),
            }
        }
        let written = flags.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| match value {
                Some(value) => format!("--{name}={value}"),
                None => format!("--{name}"),
            })
        });
        Ok(written.collect())
    }

    /// The configuration file of a component: the settings of its table, of the release and of the user.
    fn config(&self, name: &str, own: &ComponentSettings, variables: &HostVariables) -> Result<String, RenderError> {
        let missing = || RenderError(format!("{name} has no configuration file"));
        let component = catalog::component(name).ok_or_else(missing)?;
        let file = component.config.ok_or_else(missing)?;
        let render = |template| self.inline(template, variables);
        let mut settings = Table::new();
        for setting in self.plan.cluster.release.settings_of(component) {
            let value = match setting.value {
                SettingValue::Bool(value) => Setting::Boolean(value),
                SettingValue::Integer(value) => Setting::Integer(value),
                SettingValue::Text(template) => Setting::Text(render(template)?.as_ref().to_owned()),
                SettingValue::BoolText(template) => match render(template)?.as_ref() {
                    "true" => Setting::Boolean(true),
                    "false" => Setting::Boolean(false),
                    "" => Setting::Text(String::new()),
                    other => return Err(RenderError(format!("{template} is {other}, neither true nor false"))),
                },
                SettingValue::Texts(template) => {
                    let list = render(template)?;
                    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
                    Setting::List(items.map(|item| Setting::Text(item.to_owned())).collect())
                }
            };
            let nothing = [Setting::Text(String::new()), Setting::List(Vec::new())];
            if !nothing.contains(&value) {
                settings.set(setting.path, value);
            }
        }
        settings.merge(&own.config);
        Ok(match file.format {
            Format::Yaml => yaml::document(&settings),
            Format::Toml => toml_text::document(&settings),
        })
    }

    /// What `kubectl config set-cluster`, `set-credentials`, `set-context default` and `use-context default` write.
    fn kubeconfig(
        &self,
        id: KeyId<'a>,
        trust: &[KeyId<'a>],
        server: &str,
        facts: &Value,
    ) -> Result<SecretBytes, RenderError> {
        let missing = || RenderError(format!("nobody has issued {id}"));
        let certificate = self.plan.certificate(id).ok_or_else(missing)?;
        let own = match self.shared.get(&id) {
            Some(shared) => shared.embedded.clone(),
            None => embedded(self.vault, id).ok_or_else(missing)?,
        };
        let authority = match trust {
            [one] => self.shared.get(one).ok_or_else(missing)?.embedded.certificate.clone(),
            several => {
                let pems = several
                    .iter()
                    .map(|id| self.vault.issued.get(id)?.certificate.as_deref());
                let pems: Vec<&[u8]> = pems.collect::<Option<_>>().ok_or_else(missing)?;
                Value::from_safe_string(Base64::encode_string(&pems.concat()))
            }
        };
        let user = certificate.user();
        let variables = context! {
            authority,
            certificate => own.certificate,
            key => own.key,
            server, user,
            ..facts.clone()
        };
        self.render(KUBECONFIG, variables)
    }

    /// The value of a flag or setting of the tables.
    fn inline(&self, template: &'static str, variables: &HostVariables) -> Result<Arc<str>, RenderError> {
        let Some(name) = self.inline_names.get(template) else {
            return Ok(template.into());
        };
        self.inlines.or_make(template, &(), variables, |(), variables| {
            let text = self.environment.get_template(name)?.render(variables.value())?;
            Ok(text.into())
        })
    }

    fn render(&self, template: &str, variables: Value) -> Result<SecretBytes, RenderError> {
        let mut bytes = SecretBytes::with_capacity(16 * 1024);
        self.environment
            .get_template(template)?
            .render_captured_to(variables, &mut bytes)?;
        Ok(bytes)
    }
}

impl Shared {
    fn of(vault: &Vault<'_>, id: KeyId<'_>) -> Option<Shared> {
        let issued = vault.issued.get(&id)?;
        Some(Shared {
            certificate_file: Content::public(issued.certificate.clone()?),
            key_file: Content::secret(issued.key.clone()),
            embedded: embedded(vault, id)?,
        })
    }
}

/// The PEM of each, one after the other.
fn concatenated<'v>(
    ids: &[KeyId<'v>],
    pem: impl Fn(&KeyId<'v>) -> Result<&'v Arc<[u8]>, RenderError>,
) -> Result<Content, RenderError> {
    let pems: Vec<&[u8]> = ids
        .iter()
        .map(|id| Ok(pem(id)?.as_ref()))
        .collect::<Result<_, RenderError>>()?;
    Ok(Content::public(pems.concat().into()))
}

/// What a certificate and its key look like inside a kubeconfig.
fn embedded(vault: &Vault<'_>, id: KeyId<'_>) -> Option<Embedded> {
    let issued = vault.issued.get(&id)?;
    Some(Embedded {
        // Base64 of a PEM text is a word in any kind of file.
        certificate: Value::from_safe_string(Base64::encode_string(issued.certificate.as_ref()?)),
        key: Value::from_object(SecretText::base64_of(&issued.key)),
    })
}

/// The component whose unit a template is.
fn component_of_unit(template: &Template) -> Option<&'static Component> {
    let unit = template.path.strip_prefix("etc/systemd/system/")?;
    catalog::component(unit.strip_suffix(".service")?)
}

/// The texts of the tables that are templates.
fn inline_templates(cluster: &Cluster) -> impl Iterator<Item = &'static str> {
    let texts = COMPONENTS.iter().flat_map(|component| {
        let flags = component
            .flags
            .iter()
            .chain(cluster.pki.layout.flags_of(component.name))
            .chain(cluster.release.flags_of(component.name));
        let settings = cluster.release.settings_of(component);
        let of_settings = settings.into_iter().filter_map(|setting| match setting.value {
            SettingValue::Text(text) | SettingValue::BoolText(text) | SettingValue::Texts(text) => Some(text),
            SettingValue::Bool(_) | SettingValue::Integer(_) => None,
        });
        flags.filter_map(|(_, value)| *value).chain(of_settings)
    });
    texts.filter(|text| text.contains(['{', '}']))
}

/// The engine with the catalogue's templates, and those that are texts of a table, with their names, whose end says how
/// values are escaped.
fn environment(inline: &BTreeMap<&'static str, String>) -> Result<Environment<'static>, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
    environment.set_formatter(escape_for_the_file);
    // An error would keep the variables, and there are keys among them.
    environment.set_debug(false);
    environment.add_filter("quoted", |text: &str| Value::from_safe_string(yaml::quoted(text)));
    let rows = ARTIFACTS.iter().filter_map(|row| match row.holds {
        Holds::Rendered(template) => Some(template),
        _ => None,
    });
    for template in rows.chain(BESIDE) {
        environment.add_template(template.path, template.text)?;
    }
    for (text, name) in inline {
        environment.add_template_owned(name.clone(), *text)?;
    }
    Ok(environment)
}

/// Writes a value as the kind of file that is being rendered needs it.
fn escape_for_the_file(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(secret) = value.downcast_object_ref::<SecretText>() {
        return secret.write_to(out);
    }
    if value.is_safe() {
        return Ok(write!(out, "{value}")?);
    }
    let text = match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(value.to_string()),
    };
    let escaped: Option<Cow<'_, str>> = match state.name().rsplit('.').next().unwrap_or_default() {
        "service" => systemd_argument(&text).map(Cow::Owned),
        "yaml" => match value.as_str() {
            Some(text) => Some(Cow::Owned(yaml::scalar(text))),
            None => Some(Cow::Borrowed(&text)),
        },
        "conf" | "cfg" => plain_token(&text).map(Cow::Owned),
        "sh" => Some(Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))),
        "conflist" => serde_json::to_string(value).ok().map(Cow::Owned),
        "md" | "raw" => (!text.chars().any(char::is_control)).then_some(Cow::Borrowed(&text)),
        _ => None,
    };
    let escaped = escaped.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("{text:?} can't stand in {}", state.name()),
        )
    })?;
    Ok(out.write_str(&escaped)?)
}

/// One word of a systemd command line: specifiers and variables are doubled, and what a word must not hold is quoted
/// (systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers").
fn systemd_argument(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let doubled = text.replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:@%$+[]~".contains(c);
    if !doubled.is_empty() && doubled.chars().all(plain) {
        return Some(doubled);
    }
    Some(format!("\"{}\"", doubled.replace('\\', r"\\").replace('"', r#"\""#)))
}

/// The variables of a unit, as `Environment=` takes them: in quotes, with the escapes of quotes, and specifiers doubled
/// (systemd.exec(5), "Environment="; systemd.syntax(7), "Quoting").
fn environment_lines(own: &ComponentSettings) -> Vec<String> {
    own.environment
        .iter()
        .map(|(name, value)| {
            let escaped = value.replace('\\', r"\\").replace('"', r#"\""#).replace('%', "%%");
            format!("\"{name}={escaped}\"")
        })
        .collect()
}

/// A word of an nginx, haproxy or keepalived file that needs no quotes: a name, an address or a number.
fn plain_token(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]/".contains(c);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// A secret as a template's variable: it can be written into a file, and into nothing else.
struct SecretText(Arc<SecretBytes>);

impl SecretText {
    fn base64_of(secret: &SecretBytes) -> Self {
        let mut text = zeroize::Zeroizing::new(vec![0; Base64::encoded_len(secret.expose())]);
        // The buffer has the length that the encoding needs, so this does not fail.
        let encoded = Base64::encode(secret.expose(), &mut text).unwrap_or_default();
        SecretText(Arc::new(SecretBytes::from(encoded.as_bytes())))
    }

    fn write_to(&self, out: &mut Output<'_>) -> Result<(), Error> {
        let text = std::str::from_utf8(self.0.expose())
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, "a secret is not text"))?;
        Ok(out.write_str(text)?)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, not shown")
    }
}

impl Object for SecretText {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, not shown")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_systemd_argument_stays_one_word() {
        assert_eq!(systemd_argument("--a=b,c:1").as_deref(), Some("--a=b,c:1"));
        assert_eq!(systemd_argument("--a=50%$HOME").as_deref(), Some("--a=50%%$$HOME"));
        assert_eq!(systemd_argument("a b").as_deref(), Some("\"a b\""));
        assert_eq!(systemd_argument(r#"a"\;"#).as_deref(), Some(r#""a\"\\;""#));
        assert_eq!(systemd_argument("a\nExecStartPre=/bin/sh"), None);
    }

    #[test]
    fn a_variable_stays_one_assignment() {
        let own = ComponentSettings {
            environment: vec![("A".to_owned(), r#"50% of "$x" \ y"#.to_owned())],
            ..ComponentSettings::default()
        };
        assert_eq!(environment_lines(&own), [r#""A=50%% of \"$x\" \\ y""#]);
    }

    #[test]
    fn a_plain_token_holds_no_syntax() {
        assert_eq!(plain_token("[fd00::1]").as_deref(), Some("[fd00::1]"));
        assert_eq!(plain_token("a;"), None);
        assert_eq!(plain_token("a b"), None);
        assert_eq!(plain_token("a#b"), None);
        assert_eq!(plain_token("{"), None);
    }
}
