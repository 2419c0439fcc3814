//! What each planned file holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use minijinja::context;
use minijinja::value::Value;

use crate::bundle::Content;
use crate::catalog::component::Format;
use crate::catalog::holds::{Template, Through};
use crate::catalog::identity::NODE_PLACEHOLDER;
use crate::catalog::tables::artifacts::KUBECONFIG;
use crate::facts::FactsOf;
use crate::own_template;
use crate::pki::secret::SecretBytes;
use crate::plan::{
    KeyId, NamedFiles, Plan, PlannedConfig, PlannedContent, PlannedFile, PlannedSettingValue, PlannedUnit, PlannedValue,
};
use crate::settings::{Table, Value as Setting};
use crate::toml_text;
use crate::vault::{Issued, Vault};
use crate::yaml;

use super::error::RenderError;
use super::escape::{SecretText, environment_lines};
use super::kept::{HostVariables, Kept};
use super::templates::Templates;

/// What the files of a plan are made of.
pub struct Contents<'a> {
    pub plan: &'a Plan<'a>,
    vault: &'a Vault<'a>,
    templates: Templates,
    /// The certificates of no host in particular; those of one host alone are encoded with it.
    shared: BTreeMap<KeyId<'a>, Shared>,
    pub facts: FactsOf<'a>,
    files: Kept<File<'a>, Input, Content>,
}

/// A file that may be the same on several hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum File<'a> {
    /// By its template, and whether it is secret.
    Rendered(&'static str, bool),
    /// By its component, and whether it is secret.
    Config(&'static str, bool),
    Kubeconfig(KeyId<'a>, Through),
}

/// What a file is made of beside the facts.
#[derive(PartialEq)]
enum Input {
    Facts,
    Unit(PlannedUnit),
    Config(PlannedConfig),
}

#[derive(Clone)]
struct Embedded {
    certificate: Value,
    /// None of an authority that signs elsewhere.
    key: Option<Value>,
}

/// A certificate of all hosts and its key, as files and inside a kubeconfig.
struct Shared {
    certificate_file: Content,
    /// None of an authority that signs elsewhere.
    key_file: Option<Content>,
    embedded: Embedded,
}

impl<'a> Contents<'a> {
    /// Compiles the templates and encodes what all hosts share.
    pub fn new(plan: &'a Plan<'a>, vault: &'a Vault<'a>, facts: FactsOf<'a>) -> Result<Self, RenderError> {
        let of_all = plan
            .certificates
            .iter()
            .filter(|certificate| certificate.id.host.is_none());
        Ok(Contents {
            templates: Templates::new(plan.cluster)?,
            shared: of_all
                .filter_map(|certificate| Some((certificate.id, Shared::of(vault, certificate.id)?)))
                .collect(),
            plan,
            vault,
            facts,
            files: Kept::new(),
        })
    }

    /// The content of a file; none for a directory.
    pub fn of(&self, file: &PlannedFile<'a>, variables: &HostVariables) -> Result<Option<Content>, RenderError> {
        let (csrs, secret) = (&self.plan.cluster.pki.csrs, file.is_secret());
        let lacks = |id: &KeyId<'a>, what: &str| RenderError(format!("{id} has no {what}"));
        let certificate = |id: &KeyId<'a>| {
            let certificate = self.issued(id)?.certificate.as_ref();
            certificate.ok_or_else(|| lacks(id, "certificate"))
        };
        let content = match &file.content {
            PlannedContent::Directory => return Ok(None),
            PlannedContent::Certificate(id) => match self.shared.get(id) {
                Some(shared) => shared.certificate_file.clone(),
                None => Content::public(certificate(id)?.clone()),
            },
            PlannedContent::Trust(ids) => match (ids.as_slice(), ids.first().and_then(|id| self.shared.get(id))) {
                ([_], Some(shared)) => shared.certificate_file.clone(),
                (ids, _) => concatenated(ids, |id| certificate(id).map(AsRef::as_ref))?,
            },
            PlannedContent::PrivateKey(id) => match self.shared.get(id) {
                Some(shared) => shared.key_file.clone().ok_or_else(|| lacks(id, "key"))?,
                None => Content::secret(self.issued(id)?.key.clone().ok_or_else(|| lacks(id, "key"))?),
            },
            PlannedContent::PublicKeys(ids) => concatenated(ids, |id| {
                let issued = self.issued(id)?;
                let public = issued
                    .certificate
                    .as_deref()
                    .map(first_of)
                    .or(issued.public_key.as_deref());
                public.ok_or_else(|| lacks(id, "public key"))
            })?,
            PlannedContent::Request(id) => {
                let request = self.issued(id)?.request.clone();
                Content::public(request.ok_or_else(|| lacks(id, "request"))?)
            }
            PlannedContent::Kubeconfig {
                id,
                through,
                trust,
                files,
            } => self.kubeconfig(*id, *through, trust, files.as_ref(), variables)?,
            PlannedContent::Unit(component, template) => {
                let missing = || RenderError(format!("there is no component {component}"));
                let unit = self.plan.unit(component, file.host).ok_or_else(missing)?;
                self.unit(unit, *template, secret, variables)?
            }
            PlannedContent::EncryptionConfig(template) => self.encryption_config(*template, variables)?,
            PlannedContent::Rendered(template) => self.rendered(*template, secret, variables)?,
            PlannedContent::Config(component) => {
                let missing = || RenderError(format!("{component} has no configuration file"));
                let config = self.plan.config(component, file.host).ok_or_else(missing)?;
                self.config(component, config, secret, variables)?
            }
            PlannedContent::Environment(component) => {
                let own = self.plan.cluster.overrides.of(component, file.host).environment;
                let lines = environment_lines(&own).into_iter();
                let lines: String = lines.map(|line| format!("Environment={line}\n")).collect();
                content(format!("[Service]\n{lines}").into_bytes().into(), secret)
            }
            PlannedContent::OwnTemplate(template) => {
                let bytes = own_template::render(template, &self.facts.of(file.host))
                    .map_err(|problem| RenderError(problem.message))?;
                content(bytes.into(), secret)
            }
            PlannedContent::CsrFile { file, host } => {
                let csr = csrs.get(*file);
                let text = &csr.ok_or_else(|| RenderError(format!("there is no {file}")))?.text;
                match host {
                    Some(host) => Content::public(text.replace(NODE_PLACEHOLDER, host).into_bytes().into()),
                    None => Content::public(text.as_bytes().into()),
                }
            }
            PlannedContent::SigningConfig => Content::public(self.plan.cluster.pki.config_text.as_bytes().into()),
        };
        Ok(Some(content))
    }

    /// A template of facts alone.
    pub fn rendered(
        &self,
        template: Template,
        secret: bool,
        variables: &HostVariables,
    ) -> Result<Content, RenderError> {
        let (key, path) = (File::Rendered(template.path, secret), template.path);
        let reads = [self.templates.reads(path)];
        self.files.or_make(key, Input::Facts, reads, variables, |_| {
            Ok(content(self.templates.render(path, variables.all())?, secret))
        })
    }

    /// How the API server encrypts secrets.
    fn encryption_config(&self, template: Template, variables: &HostVariables) -> Result<Content, RenderError> {
        let (key, path) = (File::Rendered(template.path, true), template.path);
        let reads = [self.templates.reads(path)];
        self.files.or_make(key, Input::Facts, reads, variables, |_| {
            // The API server writes with the first, and reads with all of them.
            let encryption = &self.plan.cluster.encryption;
            let keys = encryption.generations.all().filter_map(|generation| {
                let secret = SecretText(self.vault.encryption.get(&generation)?.clone());
                Some(context! { name => encryption.key_name(generation), secret => Value::from_object(secret) })
            });
            let encryption = context! { provider => encryption.provider.name(), keys => keys.collect::<Vec<Value>>() };
            let variables = context! { encryption, ..variables.all() };
            Ok(content(self.templates.render(path, variables)?, true))
        })
    }

    /// A unit with its command line and its environment.
    fn unit(
        &self,
        unit: PlannedUnit,
        template: Template,
        secret: bool,
        variables: &HostVariables,
    ) -> Result<Content, RenderError> {
        let templates = &self.templates;
        let values = unit.flags.iter().flat_map(|flag| &flag.values);
        let of_values = values.filter_map(|value| match value {
            PlannedValue::Template(text) => templates.reads_inline(text),
            PlannedValue::Nothing | PlannedValue::Text(_) => None,
        });
        let reads: Vec<_> = of_values.chain([templates.reads(template.path)]).collect();
        let key = File::Rendered(template.path, secret);
        self.files.or_make(key, Input::Unit(unit), reads, variables, |input| {
            let Input::Unit(unit) = input else {
                return Err(RenderError("a unit is made of a unit".to_owned()));
            };
            let mut flags = Vec::new();
            for flag in &unit.flags {
                for value in &flag.values {
                    flags.push(match value {
                        PlannedValue::Nothing => format!("--{}", flag.name),
                        PlannedValue::Template(text) => {
                            format!("--{}={}", flag.name, templates.inline(text, variables)?)
                        }
                        PlannedValue::Text(text) => format!("--{}={text}", flag.name),
                    });
                }
            }
            let environment = environment_lines(&unit.environment).into_iter();
            let environment: Vec<Value> = environment.map(Value::from_safe_string).collect();
            let variables = context! { flags, environment, ..variables.all() };
            Ok(content(templates.render(template.path, variables)?, secret))
        })
    }

    /// The configuration file of a component.
    fn config(
        &self,
        component: &'static str,
        config: PlannedConfig,
        secret: bool,
        variables: &HostVariables,
    ) -> Result<Content, RenderError> {
        let of_settings = config.settings.iter().filter_map(|setting| match setting.value {
            PlannedSettingValue::Is(_) => None,
            PlannedSettingValue::Text(text)
            | PlannedSettingValue::BoolText(text)
            | PlannedSettingValue::Texts(text) => self.templates.reads_inline(text),
        });
        let reads: Vec<_> = of_settings.collect();
        let key = File::Config(component, secret);
        self.files
            .or_make(key, Input::Config(config), reads, variables, |input| {
                let Input::Config(config) = input else {
                    return Err(RenderError("a configuration is made of a configuration".to_owned()));
                };
                let mut settings = Table::new();
                for setting in &config.settings {
                    settings.set(setting.path, self.setting(&setting.value, variables)?);
                }
                settings.merge(&config.own);
                let text = match config.file.format {
                    Format::Yaml => yaml::document(&settings),
                    Format::Toml => toml_text::document(&settings),
                };
                Ok(content(text.into_bytes().into(), secret))
            })
    }

    fn setting(&self, value: &PlannedSettingValue, variables: &HostVariables) -> Result<Setting, RenderError> {
        let render = |template| self.templates.inline(template, variables);
        Ok(match value {
            PlannedSettingValue::Is(value) => value.clone(),
            PlannedSettingValue::Text(template) => Setting::Text(render(template)?.as_ref().to_owned()),
            PlannedSettingValue::BoolText(template) => match render(template)?.as_ref() {
                "true" => Setting::Boolean(true),
                "false" => Setting::Boolean(false),
                other => return Err(RenderError(format!("{template} is {other}, neither true nor false"))),
            },
            PlannedSettingValue::Texts(template) => {
                let list = render(template)?;
                let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
                Setting::List(items.map(|item| Setting::Text(item.to_owned())).collect())
            }
        })
    }

    /// What `kubectl config set-cluster`, `set-credentials`, `set-context default` and `use-context default` write.
    fn kubeconfig(
        &self,
        id: KeyId<'a>,
        through: Through,
        trust: &[KeyId<'a>],
        files: Option<&NamedFiles>,
        variables: &HostVariables,
    ) -> Result<Content, RenderError> {
        let missing = || RenderError(format!("nobody has issued {id}"));
        let shared = self.shared.get(&id);
        if let Some(NamedFiles {
            authority,
            certificate,
            key,
        }) = files
        {
            let variables = context! {
                authority_file => authority,
                certificate_file => certificate,
                key_file => key,
                server => self.facts.shared().server(through),
                user => self.plan.certificate(id).ok_or_else(missing)?.user(),
                ..variables.all()
            };
            return Ok(content(self.templates.render(KUBECONFIG.path, variables)?, true));
        }
        let make = || {
            let certificate = self.plan.certificate(id).ok_or_else(missing)?;
            let own = match shared {
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
            let variables = context! {
                authority,
                certificate => own.certificate,
                key => own.key.ok_or_else(missing)?,
                server => self.facts.shared().server(through),
                user => certificate.user(),
                ..variables.all()
            };
            Ok(content(self.templates.render(KUBECONFIG.path, variables)?, true))
        };
        match shared {
            Some(_) => {
                let reads = [self.templates.reads(KUBECONFIG.path)];
                let key = File::Kubeconfig(id, through);
                self.files.or_make(key, Input::Facts, reads, variables, |_| make())
            }
            None => make(),
        }
    }

    fn issued(&self, id: &KeyId<'a>) -> Result<&'a Issued, RenderError> {
        let issued = self.vault.issued.get(id);
        issued.ok_or_else(|| RenderError(format!("nobody has issued {id}")))
    }
}

impl Shared {
    fn of<'a>(vault: &Vault<'a>, id: KeyId<'a>) -> Option<Shared> {
        let issued = vault.issued.get(&id)?;
        Some(Shared {
            certificate_file: Content::public(issued.certificate.clone()?),
            key_file: issued.key.clone().map(Content::secret),
            embedded: embedded(vault, id)?,
        })
    }
}

/// The first certificate of a file: the API server takes the key of each for one that signs tokens
/// (`keyutil.ParsePublicKeysPEM` of k8s.io/client-go), and those of authorities are none.
fn first_of(pem: &[u8]) -> &[u8] {
    const END: &[u8] = b"-----END CERTIFICATE-----\n";
    let end = memchr::memmem::find(pem, END).map_or(pem.len(), |at| at + END.len());
    &pem[..end]
}

/// The PEM of each, one after the other.
fn concatenated<'a, 'v>(
    ids: &[KeyId<'a>],
    pem: impl Fn(&KeyId<'a>) -> Result<&'v [u8], RenderError>,
) -> Result<Content, RenderError> {
    let pems: Vec<&[u8]> = ids.iter().map(pem).collect::<Result<_, RenderError>>()?;
    Ok(Content::public(pems.concat().into()))
}

/// What a certificate and its key look like inside a kubeconfig.
fn embedded<'a>(vault: &Vault<'a>, id: KeyId<'a>) -> Option<Embedded> {
    let issued = vault.issued.get(&id)?;
    Some(Embedded {
        // Base64 of a PEM text is a word in any kind of file.
        certificate: Value::from_safe_string(Base64::encode_string(issued.certificate.as_ref()?)),
        key: issued
            .key
            .as_ref()
            .map(|key| Value::from_object(SecretText::base64_of(key))),
    })
}

fn content(bytes: SecretBytes, secret: bool) -> Content {
    match secret {
        true => Content::secret(Arc::new(bytes)),
        false => Content::public(bytes.expose().into()),
    }
}
