//! cluster.toml of what was found: every value with what tells it in the line above.

use std::collections::BTreeMap;

use super::authorities::{FRONT_PROXY, KeptAuthority};
use super::evidence::{Basis, Evidence, Settled};
use super::machines::{AdoptedEndpoint, AdoptedHost};
use super::network::AdoptedBalancer;
use super::own_files::CarriedFile;
use super::runtime::AdoptedRuntime;
use super::secrets::{EncryptionFound, KeptTokenKey};
use super::tuned::{Tuned, TunedPart, TunedValue};
use super::under_way::{RotationUnderWay, TOKENS};
use crate::catalog::layouts::Layout;
use crate::catalog::roles::Role;
use crate::catalog::rotation::RotationPhase;
use crate::catalog::tables::releases::FIRST_GO_WITH_ML_DSA;
use crate::input::moment;
use crate::settings::Value;
use crate::toml_text::{inline, key, quoted};
use time::OffsetDateTime;

/// Where the seed lies beside cluster.toml.
pub(super) const SEED: &str = "cluster.seed";

/// Everything that cluster.toml says.
pub(super) struct Topology {
    /// What was read, in words.
    pub from: String,
    pub name: Settled<String>,
    pub kubernetes: Settled<String>,
    pub etcd: Option<Settled<String>>,
    /// Where a certificate of ML-DSA is shown, which programs of an older Go don't read.
    pub ml_dsa: Option<Evidence>,
    pub domain: Settled<String>,
    pub endpoint: Option<Settled<AdoptedEndpoint>>,
    /// Names and addresses in the certificates of API servers that would not be there by themselves.
    pub names: Vec<String>,
    /// Where the names are told that are nobody's by themselves.
    pub named_by: BTreeMap<String, Evidence>,
    pub services: Settled<Vec<String>>,
    pub pods: Settled<Vec<String>>,
    pub dns: Option<Settled<Vec<String>>>,
    pub cni: Settled<String>,
    pub proxy_mode: Settled<String>,
    pub resolv_conf: Option<Settled<String>>,
    pub layout: Layout,
    pub kubeconfig_files: Option<Settled<()>>,
    pub per_host: Vec<(&'static str, Basis)>,
    pub profile: Option<String>,
    pub issued: OffsetDateTime,
    /// What is to be said of how long certificates live.
    pub lifetime: String,
    pub authorities: Vec<KeptAuthority>,
    pub token_key: Option<KeptTokenKey>,
    pub encryption: EncryptionFound,
    /// The rotation of an authority, or of the key of tokens, that is under way.
    pub rotation: Option<RotationUnderWay>,
    pub balancer: AdoptedBalancer,
    pub runtime: AdoptedRuntime,
    pub hosts: Vec<AdoptedHost>,
    pub tuned: Vec<Tuned>,
    /// Files of the operator's own.
    pub files: Vec<CarriedFile>,
}

/// The files of one generation that is brought, by their names, and what tells it.
struct BroughtFiles<'a> {
    public: String,
    /// None where the key is not here.
    key: Option<String>,
    /// Whether it signs, or will.
    signs: bool,
    basis: &'a Basis,
}

/// Something that nothing tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The line of cluster.toml.
    pub line: usize,
    /// The field.
    pub field: String,
    /// What stands there; nothing of what is left out.
    pub value: String,
    /// What is taken for granted.
    pub why: String,
}

/// A text of cluster.toml, and what stands in which of its lines.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenTopology {
    pub text: String,
    pub assumed: Vec<Assumption>,
    /// By the line, which of the tuned values stands there.
    pub tuned: BTreeMap<usize, usize>,
    lines: usize,
}

impl WrittenTopology {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref().trim_end());
        self.text.push('\n');
        self.lines += 1;
    }

    fn section(&mut self, header: &str) {
        self.line("");
        self.line(header);
    }

    /// A field, and why it is that.
    fn field(&mut self, name: &str, value: impl AsRef<str>, basis: &Basis) {
        let comment = basis.comment();
        if !comment.is_empty() {
            self.line(format!("# {comment}"));
        }
        self.line(format!("{name} = {}", value.as_ref()));
        if let Basis::Assumed(why) = basis {
            self.assumed.push(Assumption {
                line: self.lines,
                field: name.to_owned(),
                value: value.as_ref().to_owned(),
                why: why.clone(),
            });
        }
    }

    /// What is taken for granted by leaving a field out, or is said of a whole section.
    fn note(&mut self, field: &str, why: &str) {
        self.line(format!("# not told by anything; {why}"));
        self.assumed.push(Assumption {
            line: self.lines,
            field: field.to_owned(),
            value: String::new(),
            why: why.to_owned(),
        });
    }

    fn text_field(&mut self, name: &str, settled: &Settled<String>) {
        self.field(name, quoted(&settled.value), &settled.basis);
    }
}

/// One, or a list of one of each family.
fn one_or_list(items: &[String]) -> String {
    match items {
        [only] => quoted(only),
        items => list(items),
    }
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

impl Topology {
    /// The text without what comes from elsewhere: brought keys and tuned values. It compiles to what khw-gen would render by itself.
    pub(super) fn model(&self) -> String {
        self.written(&BTreeMap::new(), false).text
    }

    /// The whole text; what is left out of the tuned values stands as a comment with its reason.
    pub(super) fn text(&self, left_out: &BTreeMap<usize, String>) -> WrittenTopology {
        self.written(left_out, true)
    }

    fn written(&self, left_out: &BTreeMap<usize, String>, whole: bool) -> WrittenTopology {
        let mut out = WrittenTopology::default();
        out.line("#:schema ./cluster.schema.json");
        out.line("");
        out.line(format!(
            "# Adopted from {}. Above each value stands what tells it.",
            self.from
        ));
        out.line("# What nothing tells is taken for granted: look for \"not told\".");
        self.cluster(&mut out);
        self.network(&mut out);
        self.pki(&mut out, whole);
        self.encryption(&mut out, whole);
        self.balancer(&mut out);
        self.runtime(&mut out);
        if whole {
            self.tuned(&mut out, left_out);
        }
        for host in &self.hosts {
            self.host(&mut out, host);
        }
        for file in self.files.iter().filter(|_| whole) {
            out.section("[[files]]");
            out.line(format!("# {}", file.evidence));
            out.line(format!("on = {}", quoted(&file.on)));
            out.line(format!("at = {}", quoted(&file.at)));
            out.line(format!("template = {}", quoted(&file.template)));
        }
        out
    }

    fn cluster(&self, out: &mut WrittenTopology) {
        out.section("[cluster]");
        out.text_field("name", &self.name);
        out.line("# it runs: nothing is to found it anew");
        out.line("state = \"running\"");
        out.text_field("kubernetes", &self.kubernetes);
        if let Some(etcd) = &self.etcd {
            out.text_field("etcd", etcd);
        }
        if let Some(evidence) = &self.ml_dsa {
            out.line(format!(
                "# {evidence}: a key of ML-DSA, which programs read that this Go has compiled, or a later one"
            ));
            out.line(format!("go = \"{FIRST_GO_WITH_ML_DSA}\""));
        }
        out.text_field("domain", &self.domain);
        if let Some(endpoint) = &self.endpoint {
            out.field("endpoint", quoted(&endpoint.value.text()), &endpoint.basis);
        }
        if !self.names.is_empty() {
            out.line("# besides these, the certificates of API servers have them");
            out.line(format!("names = {}", list(&self.names)));
        }
    }

    fn network(&self, out: &mut WrittenTopology) {
        out.section("[network]");
        out.field("services", one_or_list(&self.services.value), &self.services.basis);
        out.field("pods", one_or_list(&self.pods.value), &self.pods.basis);
        if let Some(dns) = &self.dns {
            out.field("dns", one_or_list(&dns.value), &dns.basis);
        }
        out.text_field("cni", &self.cni);
        out.text_field("proxy_mode", &self.proxy_mode);
        if let Some(resolv_conf) = &self.resolv_conf {
            out.text_field("resolv_conf", resolv_conf);
        }
    }

    fn pki(&self, out: &mut WrittenTopology, whole: bool) {
        out.section("[pki]");
        out.line(match self.layout {
            Layout::Single => "# one authority signs everything",
            Layout::Split => "# etcd or the front proxy has an authority of its own",
        });
        out.line(format!("layout = {}", quoted(self.layout.name())));
        out.line("csr = \"csr\"");
        if let Some(profile) = &self.profile {
            out.line(format!("profile = {}", quoted(profile)));
        }
        out.line("# certificates are issued anew, for new keys: authorities stay");
        out.line(format!("issued = {}", quoted(&moment(self.issued))));
        if !self.lifetime.is_empty() {
            out.line(format!("# of what is signed: {}", self.lifetime));
        }
        out.line("# drawn by adopt: every new key comes from it");
        out.line(format!("seed = {}", quoted(SEED)));
        if let Some(files) = &self.kubeconfig_files {
            out.field("kubeconfigs", "\"files\"", &files.basis);
        }
        if let Some((_, basis)) = self.per_host.first() {
            let names: Vec<String> = self.per_host.iter().map(|(name, _)| (*name).to_owned()).collect();
            out.field("per_host", list(&names), basis);
        }
        if !whole {
            return;
        }
        let has_front_proxy = self.authorities.iter().any(|one| one.name == FRONT_PROXY);
        if self.layout == Layout::Split && !has_front_proxy {
            out.note(
                "front-proxy-ca",
                "nothing shows an authority of the front proxy alone: one is made from the seed",
            );
        }
        for authority in &self.authorities {
            let name = authority.name;
            let signs = BroughtFiles {
                public: format!("{name}.pem"),
                key: authority.key.as_ref().map(|_| format!("{name}-key.pem")),
                signs: true,
                basis: &authority.basis,
            };
            self.brought(name, &signs, out);
        }
        if let Some(token) = &self.token_key {
            let signs = BroughtFiles {
                public: format!("{TOKENS}.pub"),
                key: Some(format!("{TOKENS}-key.pem")),
                signs: true,
                basis: &token.basis,
            };
            self.brought(TOKENS, &signs, out);
        }
        if let Some(rotation) = &self.rotation {
            out.section(&format!("[rotate.{}]", key(rotation.of)));
            out.line("# both are trusted, and one of them signs: khw-gen rotate goes on from here");
            out.line("to = 2");
            out.line(format!("phase = {}", quoted(rotation.phase.name())));
        }
    }

    /// The section of what signs, and that of what is trusted beside it: the older one is the first generation.
    fn brought(&self, of: &str, signs: &BroughtFiles<'_>, out: &mut WrittenTopology) {
        let rotation = self.rotation.as_ref().filter(|rotation| rotation.of == of);
        let place = rotation.map(|rotation| Basis::Told(rotation.beside.by.clone()));
        let beside = rotation.zip(place.as_ref()).map(|(rotation, basis)| BroughtFiles {
            public: rotation.public_file().0,
            key: rotation.beside.key.as_ref().map(|_| rotation.key_file()),
            signs: rotation.phase == RotationPhase::Announce,
            basis,
        });
        let signs_first = rotation.is_none_or(|rotation| rotation.phase == RotationPhase::Announce);
        let both = match signs_first {
            true => [Some(signs), beside.as_ref()],
            false => [beside.as_ref(), Some(signs)],
        };
        for (files, generation) in both.into_iter().flatten().zip(["", "@2"]) {
            out.section(&format!("[pki.bring.{}]", key(&format!("{of}{generation}"))));
            out.field("cert", quoted(&format!("keys/{}", files.public)), files.basis);
            match &files.key {
                Some(file) => out.line(format!("key = {}", quoted(&format!("keys/{file}")))),
                None => {
                    out.line(match files.signs {
                        true => "# its key is not here: khw-gen csr writes what its owner is asked",
                        false => "# its key is not here, and nothing is asked of its owner any more",
                    });
                    out.line("external = true");
                }
            }
        }
    }

    fn encryption(&self, out: &mut WrittenTopology, whole: bool) {
        let EncryptionFound::Kept(found) = &self.encryption else {
            let is_left_off = |one: &Tuned| one.part == TunedPart::Flag("encryption-provider-config".to_owned());
            if whole && !self.tuned.iter().any(is_left_off) {
                out.section("[encryption]");
                let why = "neither a configuration of encryption is here nor a unit of an API server that would name one, and Secrets that are \
                           encrypted already could not be read after the first build: copy the file that --encryption-provider-config of the API \
                           servers names into what you give, and adopt again; if they have no such flag, Secrets are encrypted from then on with \
                           a key of the seed";
                out.note("encryption", why);
                out.line("provider = \"secretbox\"");
            }
            return;
        };
        out.section("[encryption]");
        out.field("provider", quoted(&found.value.provider), &found.basis);
        if !whole {
            return;
        }
        out.line("keys = [");
        for (index, one) in found.value.keys.iter().enumerate() {
            out.line(format!(
                "  {{ name = {}, file = \"keys/encryption-key-{}\" }},",
                quoted(&one.name),
                index + 1
            ));
        }
        out.line("]");
        if found.value.keys.len() > 1 {
            out.section("[rotate.encryption]");
            out.line(
                "# the last of the two is written with, and the other one is read: khw-gen rotate goes on from here",
            );
            out.line(format!("to = {}", found.value.written));
            out.line("phase = \"switch\"");
        }
    }

    fn balancer(&self, out: &mut WrittenTopology) {
        if !self.hosts.iter().any(|host| host.roles.contains(&Role::LoadBalancer)) {
            return;
        }
        let AdoptedBalancer {
            engine,
            port,
            virtual_ips,
            router,
        } = &self.balancer;
        if engine.is_none() && port.is_none() && virtual_ips.is_empty() {
            return;
        }
        out.section("[load_balancer]");
        if let Some(engine) = engine {
            out.text_field("engine", engine);
        }
        if let Some(port) = port {
            out.field("port", port.value.to_string(), &port.basis);
        }
        if !virtual_ips.is_empty() {
            let ips: Vec<String> = virtual_ips.iter().map(ToString::to_string).collect();
            out.line("# keepalived's configuration on the load balancers");
            out.line(format!("virtual_ip = {}", one_or_list(&ips)));
            if let Some(router) = router {
                out.line(format!("virtual_router_id = {router}"));
            }
        }
    }

    fn runtime(&self, out: &mut WrittenTopology) {
        let AdoptedRuntime {
            engine,
            version,
            cgroup_driver,
            cgroup_v1,
            gvisor,
        } = &self.runtime;
        if engine.is_none() && cgroup_driver.is_none() && version.is_none() {
            return;
        }
        out.section("[runtime]");
        for (name, field) in [
            ("engine", engine),
            ("version", version),
            ("cgroup_driver", cgroup_driver),
        ] {
            if let Some(field) = field {
                out.text_field(name, field);
            }
        }
        for (name, field) in [("cgroup_v1", cgroup_v1), ("gvisor", gvisor)] {
            if let Some(field) = field {
                out.field(name, field.value.to_string(), &field.basis);
            }
        }
    }

    /// Flags, settings and variables, each below the header of its component and its hosts.
    fn tuned(&self, out: &mut WrittenTopology, left_out: &BTreeMap<usize, String>) {
        let mut headers: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, one) in self.tuned.iter().enumerate() {
            let part = match one.part {
                TunedPart::Flag(_) => "flags",
                TunedPart::Setting(_) => "config",
                TunedPart::Variable(_) => "env",
            };
            let header = match &one.on {
                None => format!("[components.{}.{part}]", key(one.component)),
                Some(host) => format!("[components.{}.on.{}.{part}]", key(one.component), key(host)),
            };
            match headers.iter_mut().find(|(known, _)| *known == header) {
                Some((_, all)) => all.push(index),
                None => headers.push((header, vec![index])),
            }
        }
        for (header, all) in headers {
            // A header below which nothing is left would say that there is something.
            let is_empty = all.iter().all(|index| left_out.contains_key(index));
            out.section(&if is_empty { format!("# {header}") } else { header });
            for index in all {
                let Some(one) = self.tuned.get(index) else { continue };
                let name = match &one.part {
                    TunedPart::Flag(name) | TunedPart::Variable(name) => key(name),
                    TunedPart::Setting(path) => path.iter().map(|part| key(part)).collect::<Vec<_>>().join("."),
                };
                let value = match &one.value {
                    TunedValue::Removed => "false".to_owned(),
                    TunedValue::Is(Value::Text(text)) if text == "true" && matches!(one.part, TunedPart::Flag(_)) => {
                        "true".to_owned()
                    }
                    TunedValue::Is(value) => inline(value),
                };
                out.line(format!("# {}", one.evidence));
                match left_out.get(&index) {
                    Some(why) => {
                        out.line(format!("# left out, since {why}"));
                        out.line(format!("# {name} = {value}"));
                    }
                    None => {
                        out.line(format!("{name} = {value}"));
                        out.tuned.insert(out.lines, index);
                    }
                }
            }
        }
    }

    fn host(&self, out: &mut WrittenTopology, host: &AdoptedHost) {
        out.section("[[hosts]]");
        out.field("name", quoted(&host.name), &host.basis);
        let ips: Vec<String> = host.ips.value.iter().map(ToString::to_string).collect();
        out.field("ip", one_or_list(&ips), &host.ips.basis);
        let roles: Vec<String> = host.roles.iter().map(|role| role.name().to_owned()).collect();
        out.line(format!("roles = {}", list(&roles)));
        if !host.addresses.is_empty() {
            let all: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
            out.line(format!("addresses = {}", list(&all)));
        }
        if !host.names.is_empty() {
            out.line(format!("names = {}", list(&host.names)));
        }
        if !host.labels.is_empty() {
            let labels = host
                .labels
                .iter()
                .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)));
            out.line(format!("labels = {{ {} }}", labels.collect::<Vec<_>>().join(", ")));
        }
        if !host.taints.is_empty() {
            out.line(format!("taints = {}", list(&host.taints)));
        }
        if let Some(pods) = host.pods.as_ref().filter(|_| self.cni.value == "bridge") {
            out.field("pods", one_or_list(&pods.ranges.value), &pods.ranges.basis);
        }
        if let Some(interface) = host
            .interface
            .as_ref()
            .filter(|_| !self.balancer.virtual_ips.is_empty())
        {
            out.line(format!("interface = {}", quoted(interface)));
        }
    }
}
