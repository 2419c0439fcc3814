//! cluster.toml -> a draft: each value by itself is well formed, or absent and reported. What must fit together is judged
//! in the other modules.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::catalog::components::API_SERVER_PORT;
use crate::cluster::{EncryptionProvider, Endpoint, Families, Layout, Role, Taint};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity, SourceFile, codes};

use super::choices::{self, DraftNodes, DraftRelease};
use super::components::DraftOverride;
use super::files::DraftFile;
use super::load_balancer::DraftLoadBalancing;
use super::names::{self, LONGEST_DOMAIN, LONGEST_HOST_NAME, LONGEST_NAME};
use super::tree::{self, At, Fields, Naming, Node, Value};
use super::{Paths, components, families, files, labels, load_balancer, pools, suggest, toml_text};

/// What cluster.toml says. None is a value that is wrong and has been reported.
#[derive(Debug)]
pub struct Draft {
    pub name: Option<At<String>>,
    pub release: Option<DraftRelease>,
    pub nodes: DraftNodes,
    pub layout: Option<Layout>,
    pub domain: Option<At<String>>,
    /// The inner none: not given.
    pub endpoint: Option<Option<At<Endpoint>>>,
    pub services: Option<Families<At<IpNet>>>,
    pub pods: Option<Families<At<IpNet>>>,
    /// The inner none: not given.
    pub dns: Option<Option<Families<At<IpAddr>>>>,
    pub csr: Option<At<String>>,
    pub profile: Option<At<String>>,
    pub issued: Option<At<OffsetDateTime>>,
    /// The entries of `[pki.profiles]`: the name of a certificate and its profile.
    pub profiles: Vec<(At<String>, At<String>)>,
    /// The section `[pki.ca]`, if there is one.
    pub existing_ca: Option<DraftCa>,
    pub encryption: Option<At<EncryptionProvider>>,
    /// Names and addresses by which the API servers are reached besides.
    pub names: Vec<At<String>>,
    /// None if it could not be read at all.
    pub load_balancing: Option<DraftLoadBalancing>,
    /// Codes that are silenced.
    pub allow: BTreeSet<&'static str>,
    pub hosts: Vec<DraftHost>,
    /// Whether a host could not be read, so that what is missing may be what it was.
    pub hosts_incomplete: bool,
    pub certificates: Vec<DraftCertificate>,
    pub components: Vec<DraftOverride>,
    pub files: Vec<DraftFile>,
    /// For what is wrong with the hosts as a whole.
    pub hosts_place: Option<Place>,
}

/// `[pki.ca]` as it is written: the paths of an authority's certificate and key.
#[derive(Debug)]
pub struct DraftCa {
    pub certificate: Option<At<String>>,
    pub key: Option<At<String>>,
}

/// A certificate of the user's own as it is written.
#[derive(Debug)]
pub struct DraftCertificate {
    pub name: Option<At<String>>,
    pub csr: Option<At<String>>,
    /// The inner none: not given.
    pub profile: Option<Option<At<String>>>,
    pub hosts: Vec<At<String>>,
    pub signed_by: Option<At<String>>,
    pub places: Vec<DraftPlacement>,
    pub place: Place,
}

/// Where a certificate of the user's own lies, as it is written. A path that is none was not given, or was wrong.
#[derive(Debug)]
pub struct DraftPlacement {
    /// A role or the name of a host.
    pub on: Option<At<String>>,
    pub certificate: Option<At<String>>,
    pub key: Option<At<String>>,
    pub request: Option<At<String>>,
    /// None if it is wrong.
    pub mode: Option<u32>,
    /// Whether nothing is to be put there.
    pub empty: bool,
    pub place: Place,
}

/// A host as it is written.
#[derive(Clone, Debug)]
pub struct DraftHost {
    pub name: Option<At<String>>,
    pub ip: Option<Families<At<IpAddr>>>,
    pub addresses: Vec<At<IpAddr>>,
    pub names: Vec<At<String>>,
    /// None if any is unknown.
    pub roles: Option<BTreeSet<Role>>,
    pub roles_place: Place,
    pub labels: Vec<(At<String>, String)>,
    pub taints: Vec<Taint>,
    /// The parts of the pods' ranges that the host is given; at most one of each family.
    pub pods: Vec<At<IpNet>>,
    /// The inner none: not given.
    pub interface: Option<Option<At<String>>>,
    /// The fields that only some roles have a use for, and where they stand.
    pub role_fields: Vec<At<&'static str>>,
    /// The number of the pool that it is one of.
    pub pool: Option<usize>,
}

impl DraftHost {
    /// Whether the host has `role`.
    pub fn is(&self, role: Role) -> bool {
        self.roles.as_ref().is_some_and(|roles| roles.contains(&role))
    }

    /// All addresses by which the host is reached.
    pub fn all_addresses(&self) -> impl Iterator<Item = &At<IpAddr>> {
        self.ip.iter().flat_map(|ip| ip.iter()).chain(&self.addresses)
    }

    /// All names by which the host is reached.
    pub fn all_names(&self) -> impl Iterator<Item = &At<String>> {
        self.name.iter().chain(&self.names)
    }

    /// Where the host's name stands, or the next best.
    pub fn place(&self) -> Place {
        self.name
            .as_ref()
            .and_then(|name| name.place.clone())
            .unwrap_or_else(|| self.roles_place.clone())
    }
}

const TOP: &[&str] = &[
    "cluster",
    "network",
    "pki",
    "encryption",
    "load_balancer",
    "runtime",
    "checks",
    "hosts",
    "pools",
    "certificates",
    "components",
    "files",
];
const CLUSTER: &[&str] = &["name", "kubernetes", "etcd", "domain", "endpoint", "names"];
const NETWORK: &[&str] = &["services", "pods", "dns", "cni", "proxy_mode", "resolv_conf"];
const PKI: &[&str] = &["csr", "layout", "profile", "issued", "seed", "ca", "profiles"];
const CA: &[&str] = &["cert", "key"];
const ENCRYPTION: &[&str] = &["provider"];
const CHECKS: &[&str] = &["allow"];
const HOST: &[&str] = &[
    "name",
    "ip",
    "roles",
    "addresses",
    "names",
    "labels",
    "taints",
    "pods",
    "interface",
];
/// The fields of a host that only some roles have a use for.
const OF_ROLES: &[&str] = &["labels", "taints", "pods"];
const CERTIFICATE: &[&str] = &["name", "csr", "profile", "hosts", "signed_by", "places"];
const PLACE: &[&str] = &["on", "certificate", "key", "request", "mode"];

const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 32, 0, 0), 24);
const PODS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 200, 0, 0), 16);

/// What stands in a broken line is nobody's intention: after a syntax error these codes would be noise.
const FOLLOW_FROM_SYNTAX: &[&Code] = &[codes::MISSING_FIELD, codes::NO_HOSTS, codes::NO_ROLE];

/// Reads cluster.toml; `layout` is the one where it names none. Also says whether its syntax is sound, without which nothing
/// can be said of what is not in it.
pub fn read(file: &Arc<SourceFile>, layout: Layout, diagnostics: &mut Diagnostics) -> (Draft, bool) {
    let mut syntax = Diagnostics::new();
    let root = toml_text::parse(file, &mut syntax);
    let sound = syntax.is_empty();
    let mut own = Diagnostics::new();
    let draft = draft(file, &root, layout, &mut own);
    if !sound {
        let lines = BrokenLines::of(file, syntax.clone());
        own.retain(|finding| {
            !FOLLOW_FROM_SYNTAX.iter().any(|code| code.name == finding.code)
                && !finding
                    .place
                    .as_ref()
                    .is_some_and(|place| lines.contain(place.span.start))
        });
    }
    diagnostics.append(syntax);
    diagnostics.append(own);
    (draft, sound)
}

/// The lines that hold a syntax error.
struct BrokenLines {
    starts: Vec<usize>,
    lines: BTreeSet<usize>,
}

impl BrokenLines {
    fn of(file: &SourceFile, syntax: Diagnostics) -> BrokenLines {
        let starts: Vec<usize> = file.text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let places = syntax.into_vec().into_iter().filter_map(|finding| finding.place);
        let lines = places
            .map(|place| starts.partition_point(|start| *start <= place.span.start))
            .collect();
        BrokenLines { starts, lines }
    }

    fn contain(&self, offset: usize) -> bool {
        self.lines
            .contains(&self.starts.partition_point(|start| *start <= offset))
    }
}

/// The paths in `[pki]` and `[[files]]`, whatever else is wrong.
pub fn pki_paths(text: &str) -> Paths {
    let file = SourceFile::new("", text);
    let mut nobody = Diagnostics::new();
    // Of the hosts, who may be many, it needs nothing.
    let root = toml_text::parse_sections(&file, |section| ["pki", "files"].contains(&section), &mut nobody);
    let Some(top) = Fields::of(&file, &root, TOP, Naming::Exact, &mut nobody) else {
        return Paths::default();
    };
    let templates = files::templates(&top);
    let Some(pki) = top.table("pki", PKI, &mut nobody) else {
        return Paths {
            templates,
            ..Paths::default()
        };
    };
    let ca = pki.table("ca", CA, &mut nobody);
    let mut path = |fields: Option<&Fields<'_>>, name| {
        let text = fields?.text(name, &mut nobody)?;
        Some(text.value).filter(|path| !path.is_empty())
    };
    Paths {
        csr: path(Some(&pki), "csr"),
        seed: path(Some(&pki), "seed"),
        ca_certificate: path(ca.as_ref(), "cert"),
        ca_key: path(ca.as_ref(), "key"),
        templates,
    }
}

/// A section and its fields; an absent one is an empty one.
fn section<'a>(
    top: &Fields<'a>,
    name: &str,
    known: &[&'static str],
    empty: &'a Node,
    diagnostics: &mut Diagnostics,
) -> Option<Fields<'a>> {
    if top.has(name) {
        top.table(name, known, diagnostics)
    } else {
        Fields::of(top.file(), empty, known, Naming::Exact, diagnostics)
    }
}

fn draft(file: &Arc<SourceFile>, root: &Node, layout: Layout, diagnostics: &mut Diagnostics) -> Draft {
    let empty = Node {
        value: Value::Table(Vec::new()),
        span: 0..0,
    };
    let top = match Fields::of(file, root, TOP, Naming::Exact, diagnostics) {
        Some(top) => top,
        None => return Draft::unreadable(),
    };
    let mut draft = Draft::unreadable();

    let cluster = section(&top, "cluster", CLUSTER, &empty, diagnostics);
    let network = section(&top, "network", NETWORK, &empty, diagnostics);
    let runtime = section(&top, "runtime", choices::RUNTIME, &empty, diagnostics);
    draft.release = choices::release(cluster.as_ref(), runtime.as_ref(), diagnostics);
    draft.nodes = choices::nodes(runtime.as_ref(), network.as_ref(), diagnostics);
    if let Some(cluster) = cluster {
        draft.name = cluster
            .text_or("name", "kubernetes", diagnostics)
            .and_then(|name| cluster_name(name, diagnostics));
        draft.domain = cluster
            .text_or("domain", "cluster.local", diagnostics)
            .and_then(|name| domain(name, diagnostics));
        draft.endpoint = match cluster.has("endpoint") {
            true => cluster
                .text("endpoint", diagnostics)
                .and_then(|text| endpoint(text, diagnostics))
                .map(Some),
            false => Some(None),
        };
        draft.names = cluster
            .texts("names", diagnostics)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| api_name(name, diagnostics))
            .collect();
    }
    if let Some(network) = network {
        let mut range_of = |name, default: IpNet| match network.has(name) {
            true => families::read(&network, name, range, diagnostics),
            false => Some(Families::single(At::default_value(default))),
        };
        draft.services = range_of("services", IpNet::V4(SERVICES));
        draft.pods = range_of("pods", IpNet::V4(PODS));
        draft.dns = match network.has("dns") {
            true => families::read(&network, "dns", address, diagnostics).map(Some),
            false => Some(None),
        };
    }
    if let Some(pki) = section(&top, "pki", PKI, &empty, diagnostics) {
        draft.csr = pki
            .text_or("csr", "csr", diagnostics)
            .and_then(|path| path_name(path, diagnostics));
        pki.text("seed", diagnostics)
            .and_then(|path| path_name(path, diagnostics));
        draft.layout = choices::layout(&pki, layout, diagnostics);
        draft.profile = pki.text_or("profile", "kubernetes", diagnostics);
        draft.issued = issued(&top, &pki, diagnostics);
        draft.existing_ca = existing_ca(&pki, diagnostics);
        for entry in pki.map("profiles", diagnostics).unwrap_or_default() {
            let name = At {
                value: entry.key.clone(),
                place: Some(Place::new(file, entry.key_span.clone())),
            };
            draft
                .profiles
                .extend(tree::text(file, &entry.node, diagnostics).map(|profile| (name, profile)));
        }
    }
    if let Some(encryption) = section(&top, "encryption", ENCRYPTION, &empty, diagnostics) {
        let text = encryption.text_or("provider", EncryptionProvider::Secretbox.name(), diagnostics);
        draft.encryption = text.and_then(|text| provider(text, diagnostics));
    }
    if let Some(load_balancer) = section(&top, "load_balancer", load_balancer::FIELDS, &empty, diagnostics) {
        draft.load_balancing = Some(load_balancer::read(&load_balancer, diagnostics));
    }
    if let Some(checks) = section(&top, "checks", CHECKS, &empty, diagnostics) {
        let codes = checks.texts("allow", diagnostics).unwrap_or_default();
        draft.allow = codes
            .into_iter()
            .filter_map(|code| allowed(&code, diagnostics))
            .collect();
    }
    read_hosts(&top, &mut draft, diagnostics);
    let certificates = top.list("certificates", diagnostics);
    for node in certificates.map_or(&[][..], |list| list.value) {
        draft.certificates.extend(certificate(file, node, diagnostics));
    }
    draft.components = components::read(&top, diagnostics);
    draft.files = files::read(&top, diagnostics);
    draft
}

impl Draft {
    fn unreadable() -> Draft {
        Draft {
            name: None,
            release: None,
            nodes: DraftNodes::default(),
            layout: None,
            domain: None,
            endpoint: None,
            services: None,
            pods: None,
            dns: None,
            csr: None,
            profile: None,
            issued: None,
            existing_ca: None,
            profiles: Vec::new(),
            encryption: None,
            names: Vec::new(),
            load_balancing: None,
            allow: BTreeSet::new(),
            hosts: Vec::new(),
            hosts_incomplete: true,
            certificates: Vec::new(),
            components: Vec::new(),
            files: Vec::new(),
            hosts_place: None,
        }
    }
}

fn existing_ca(pki: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<DraftCa> {
    if !pki.has("ca") {
        return None;
    }
    let mut draft = DraftCa {
        certificate: None,
        key: None,
    };
    if let Some(ca) = pki.table("ca", CA, diagnostics) {
        let mut path = |name| {
            ca.require(name, diagnostics);
            ca.text(name, diagnostics).and_then(|path| path_name(path, diagnostics))
        };
        (draft.certificate, draft.key) = (path("cert"), path("key"));
    }
    Some(draft)
}

fn read_hosts(top: &Fields<'_>, draft: &mut Draft, diagnostics: &mut Diagnostics) {
    let list = top.list("hosts", diagnostics);
    let nodes = list.as_ref().map_or(&[][..], |list| list.value);
    let pools = pools::read(top, diagnostics);
    let no_pools = pools.complete && pools.place.is_none();
    draft.hosts_place = nodes
        .first()
        .map(|node| Place::new(top.file(), node.span.clone()))
        .or(pools.place);
    if !top.misspelt("hosts") && (!top.has("hosts") || (list.is_some() && nodes.is_empty())) && no_pools {
        let place = list
            .and_then(|list| list.place)
            .unwrap_or_else(|| Place::new(top.file(), 0..0));
        diagnostics.report(Diagnostic::new(codes::NO_HOSTS, "the cluster has no hosts").at(place));
        return;
    }
    draft.hosts = nodes
        .iter()
        .filter_map(|node| host(top.file(), node, diagnostics))
        .collect();
    let some_unread = draft.hosts.len() < nodes.len() || list.is_some() != top.has("hosts") || top.misspelt("hosts");
    draft.hosts.extend(pools.hosts);
    draft.hosts_incomplete = some_unread || !pools.complete || draft.hosts.iter().any(|host| host.roles.is_none());
}

fn host(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<DraftHost> {
    let fields = Fields::of(file, node, HOST, Naming::Exact, diagnostics)?;
    for name in ["name", "ip"] {
        fields.require(name, diagnostics);
    }
    Some(DraftHost {
        name: fields
            .text("name", diagnostics)
            .and_then(|name| host_name(name, diagnostics)),
        ip: families::read(&fields, "ip", address, diagnostics),
        ..host_without_name(&fields, diagnostics)
    })
}

/// What hosts have besides a name and an address of their own, as far as `fields` may have it.
pub(super) fn host_without_name(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> DraftHost {
    DraftHost {
        name: None,
        ip: None,
        addresses: fields
            .texts("addresses", diagnostics)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|text| address(text, diagnostics))
            .collect(),
        names: fields
            .texts("names", diagnostics)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| other_name(name, diagnostics))
            .collect(),
        labels: labels::labels(fields, diagnostics),
        taints: labels::taints(fields, diagnostics),
        pods: families::read(fields, "pods", range, diagnostics)
            .map_or_else(Vec::new, |parts| parts.iter().cloned().collect()),
        interface: load_balancer::interface(fields, diagnostics),
        role_fields: OF_ROLES
            .iter()
            .filter(|name| fields.has(name))
            .map(|name| At {
                value: *name,
                place: Some(fields.key_place(name)),
            })
            .collect(),
        roles: roles(fields, diagnostics),
        roles_place: fields.place("roles"),
        pool: None,
    }
}

fn certificate(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<DraftCertificate> {
    let fields = Fields::of(file, node, CERTIFICATE, Naming::Exact, diagnostics)?;
    for name in ["name", "csr"] {
        fields.require(name, diagnostics);
    }
    let placements = fields.list("places", diagnostics).map_or(&[][..], |list| list.value);
    Some(DraftCertificate {
        name: fields
            .text("name", diagnostics)
            .and_then(|name| certificate_name(name, diagnostics)),
        csr: fields.text("csr", diagnostics),
        profile: match fields.has("profile") {
            true => fields.text("profile", diagnostics).map(Some),
            false => Some(None),
        },
        hosts: fields.texts("hosts", diagnostics).unwrap_or_default(),
        signed_by: fields.text_or("signed_by", "ca", diagnostics),
        places: placements
            .iter()
            .filter_map(|node| placement(file, node, diagnostics))
            .collect(),
        place: fields.own_place(),
    })
}

fn certificate_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let problem = match names::dns_name_problem(&name.value, LONGEST_HOST_NAME) {
        None if name.value.contains('.') => Some("it has a dot".to_owned()),
        problem => problem,
    };
    let Some(problem) = problem else {
        return Some(name);
    };
    let message = format!("\"{}\" can't be a certificate's name: {problem}", name.value);
    diagnostics.report(Diagnostic::new(codes::BAD_CERTIFICATE_NAME, message).at(name.place));
    None
}

fn placement(file: &Arc<SourceFile>, node: &Node, diagnostics: &mut Diagnostics) -> Option<DraftPlacement> {
    let fields = Fields::of(file, node, PLACE, Naming::Exact, diagnostics)?;
    fields.require("on", diagnostics);
    let mut path = |name| {
        fields
            .text(name, diagnostics)
            .and_then(|path| path_on_host(path, diagnostics))
    };
    let (certificate, key, request) = (path("certificate"), path("key"), path("request"));
    let is_there = |name: &&str| fields.has(name) || fields.misspelt(name);
    if fields.has("mode") && !is_there(&"key") {
        let message = "`mode` is the key's, and no key is put there";
        diagnostics.report(Diagnostic::new(codes::IGNORED_FIELD, message).at(fields.key_place("mode")));
    }
    Some(DraftPlacement {
        on: fields.text("on", diagnostics),
        certificate,
        key,
        request,
        mode: match fields.has("mode") {
            true => fields
                .text("mode", diagnostics)
                .and_then(|mode| key_mode(mode, diagnostics)),
            false => Some(0o600),
        },
        empty: !["certificate", "key", "request"].iter().any(is_there),
        place: fields.own_place(),
    })
}

/// A path that every tool on the way to the host reads the same way.
pub(super) fn path_on_host(path: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let text = &path.value;
    let strange = text.chars().find(|c| !c.is_ascii_graphic() || "\"'`\\".contains(*c));
    let component = |component: &str| match component {
        "" => Some("a component is empty"),
        "." | ".." => Some("a component is `.` or `..`"),
        _ if component.len() > 255 => Some("a component has more than 255 characters"),
        _ => None,
    };
    let problem = match (text.strip_prefix('/'), strange) {
        (None, _) => Some("it does not begin with a slash".to_owned()),
        (_, Some(' ')) => Some("it has a space".to_owned()),
        (_, Some(c)) => Some(format!("`{c}` is not permitted")),
        // PATH_MAX of Linux, with room for the folder of an installation.
        _ if text.len() > 2048 => Some("it has more than 2048 characters".to_owned()),
        (Some(below), None) => below.split('/').find_map(component).map(str::to_owned),
    };
    let Some(problem) = problem else {
        return Some(path);
    };
    let message = format!("\"{text}\" can't be a path on a host: {problem}");
    diagnostics.report(Diagnostic::new(codes::BAD_PLACE_PATH, message).at(path.place));
    None
}

/// The mode of a key: its owner reads it, its group may, and nobody else does anything with it but the owner who may write.
fn key_mode(mode: At<String>, diagnostics: &mut Diagnostics) -> Option<u32> {
    let is_octal = matches!(mode.value.len(), 3 | 4) && mode.value.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let bits = u32::from_str_radix(&mode.value, 8).ok().filter(|_| is_octal);
    let problem = match bits {
        None => "it is no octal number of three or four digits",
        Some(bits) if bits & 0o007 != 0 => "others could read the key, or do more",
        Some(bits) if bits & 0o400 == 0 => "its owner could not read the key",
        Some(bits) if bits & !0o640 != 0 => "a key is neither run nor written by its group",
        Some(bits) => return Some(bits),
    };
    let message = format!("\"{}\" can't be a key's mode: {problem}", mode.value);
    diagnostics.report(Diagnostic::new(codes::BAD_MODE, message).at(mode.place));
    None
}

fn roles(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<BTreeSet<Role>> {
    let no_role = |diagnostics: &mut Diagnostics| {
        diagnostics.report(Diagnostic::new(codes::NO_ROLE, "the host has no role").at(fields.place("roles")));
        None
    };
    if fields.misspelt("roles") {
        return None;
    }
    if !fields.has("roles") {
        return no_role(diagnostics);
    }
    let written = fields.list("roles", diagnostics)?.value;
    if written.is_empty() {
        return no_role(diagnostics);
    }
    let mut roles = BTreeSet::new();
    let mut sound = true;
    for node in written {
        let Some(text) = tree::text(fields.file(), node, diagnostics) else {
            sound = false;
            continue;
        };
        match Role::ALL.into_iter().find(|role| role.name() == text.value) {
            Some(role) if !roles.insert(role) => {
                let message = format!("the role `{}` is given twice", text.value);
                diagnostics.report(Diagnostic::new(codes::DUPLICATE_ROLE, message).at(text.place));
            }
            Some(_) => {}
            None => {
                sound = false;
                let names = || Role::ALL.into_iter().map(Role::name);
                let hint = suggest::nearest(&text.value, names()).map_or_else(
                    || format!("the roles are {}", suggest::listed(names())),
                    |name| format!("did you mean `{name}`?"),
                );
                let message = format!("unknown role \"{}\"", text.value);
                diagnostics.report(Diagnostic::new(codes::UNKNOWN_ROLE, message).at(text.place).hint(hint));
            }
        }
    }
    sound.then_some(roles)
}

fn cluster_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    if names::is_cluster_name(&name.value) {
        return Some(name);
    }
    let message = format!("\"{}\" can't be a cluster's name", name.value);
    diagnostics.report(Diagnostic::new(codes::BAD_CLUSTER_NAME, message).at(name.place));
    None
}

fn domain(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let Some(problem) = names::dns_name_problem(&name.value, LONGEST_DOMAIN) else {
        return Some(name);
    };
    let message = format!("\"{}\" can't be the cluster's domain: {problem}", name.value);
    diagnostics.report(Diagnostic::new(codes::BAD_DOMAIN, message).at(name.place));
    None
}

fn host_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let Some(problem) = names::dns_name_problem(&name.value, LONGEST_HOST_NAME) else {
        return Some(name);
    };
    let message = format!("\"{}\" can't be a host's name: {problem}", name.value);
    diagnostics.report(Diagnostic::new(codes::BAD_HOST_NAME, message).at(name.place));
    None
}

/// A DNS name by which a host is reached besides its own.
fn other_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let problem = match name.value.parse::<IpAddr>() {
        Ok(_) => "it is an address; addresses go into `addresses`".to_owned(),
        Err(_) => match names::dns_name_problem(&name.value, LONGEST_NAME) {
            Some(problem) => problem,
            None => return Some(name),
        },
    };
    let message = format!("\"{}\" can't be a name of the host: {problem}", name.value);
    let hint = "write a DNS name in lower case, such as master1.example.org";
    diagnostics.report(
        Diagnostic::new(codes::BAD_NAME_ENTRY, message)
            .at(name.place)
            .hint(hint),
    );
    None
}

/// A name or an address by which the API servers are reached.
fn api_name(name: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    let problem = match name.value.parse::<IpAddr>() {
        Ok(address) => match address_problem(address) {
            Some(problem) => problem.to_owned(),
            None => return Some(name.with(address.to_string())),
        },
        Err(_) => match names::dns_name_problem(&name.value, LONGEST_NAME) {
            Some(problem) => problem,
            None => return Some(name),
        },
    };
    let message = format!("\"{}\" can't be a name of the API server: {problem}", name.value);
    let hint = "write a DNS name in lower case or an address, without a port";
    diagnostics.report(
        Diagnostic::new(codes::BAD_NAME_ENTRY, message)
            .at(name.place)
            .hint(hint),
    );
    None
}

fn endpoint(text: At<String>, diagnostics: &mut Diagnostics) -> Option<At<Endpoint>> {
    match parse_endpoint(&text.value) {
        Ok(endpoint) => Some(text.with(endpoint)),
        Err(problem) => {
            let message = format!("\"{}\" can't be the endpoint: {problem}", text.value);
            diagnostics.report(Diagnostic::new(codes::BAD_ENDPOINT, message).at(text.place));
            None
        }
    }
}

fn parse_endpoint(text: &str) -> Result<Endpoint, String> {
    let address = |host: &str| host.parse::<IpAddr>().ok();
    if let Some((_, rest)) = text.split_once("://") {
        return Err(format!("it is a URL; write `{}`", rest.trim_end_matches('/')));
    }
    let (host, port) = if address(text).is_some() {
        (text, None)
    } else if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
        if !address(host).is_some_and(|address| address.is_ipv6()) {
            return Err("brackets are for an IPv6 address".to_owned());
        }
        match rest {
            "" => (host, None),
            rest => (
                host,
                Some(rest.strip_prefix(':').ok_or("a port was expected after the bracket")?),
            ),
        }
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let port = match port {
        None => API_SERVER_PORT,
        Some(port) => {
            let number = port
                .parse::<u16>()
                .ok()
                .filter(|number| *number > 0 && number.to_string() == port);
            number.ok_or_else(|| format!("\"{port}\" is no port"))?
        }
    };
    if let Some(address) = address(host) {
        if let Some(problem) = address_problem(address) {
            return Err(problem.to_owned());
        }
        return Ok(Endpoint {
            host: address.to_string(),
            port,
        });
    }
    match names::dns_name_problem(host, LONGEST_NAME) {
        Some(problem) => Err(problem),
        None => Ok(Endpoint {
            host: host.to_owned(),
            port,
        }),
    }
}

pub(super) fn range(text: At<String>, diagnostics: &mut Diagnostics) -> Option<At<IpNet>> {
    let Ok(range) = text.value.parse::<IpNet>() else {
        let message = format!("\"{}\" is no address range", text.value);
        diagnostics.report(Diagnostic::new(codes::BAD_RANGE, message).at(text.place));
        return None;
    };
    if range.trunc() != range {
        let message = format!("{range} has host bits set");
        let hint = format!("write {}", range.trunc());
        diagnostics.report(Diagnostic::new(codes::HOST_BITS, message).at(text.place).hint(hint));
        return None;
    }
    if let Some(problem) = address_problem(range.network()).filter(|_| range.prefix_len() > 0) {
        let message = format!("{range} can't be used: {problem}");
        let hint = "choose a private range (RFC 1918 or RFC 4193)";
        diagnostics.report(Diagnostic::new(codes::BAD_RANGE, message).at(text.place).hint(hint));
        return None;
    }
    Some(text.with(range))
}

pub(super) fn address(text: At<String>, diagnostics: &mut Diagnostics) -> Option<At<IpAddr>> {
    let problem = match text.value.parse::<IpAddr>() {
        Ok(address) => match address_problem(address) {
            None => return Some(text.with(address)),
            Some(problem) => format!("{address} can't be used: {problem}"),
        },
        Err(_) => format!("\"{}\" is no address", text.value),
    };
    diagnostics.report(Diagnostic::new(codes::BAD_ADDRESS, problem).at(text.place));
    None
}

/// Why other hosts can't reach `address`.
pub(super) fn address_problem(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let this_network = matches!(address, IpAddr::V4(address) if address.octets()[0] == 0);
    let reserved = matches!(address, IpAddr::V4(address) if address.octets()[0] >= 240);
    let mapped = matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    match () {
        () if address.is_unspecified() || this_network => Some("it means no particular host"),
        () if address.is_loopback() => Some("it is a loopback address"),
        () if address.is_multicast() => Some("it is a multicast address"),
        () if link_local => Some("it is a link-local address"),
        () if reserved => Some("it is reserved"),
        () if mapped => Some("it is an IPv4 address in IPv6 form; write the IPv4 address"),
        () => None,
    }
}

/// A path that is not empty.
pub fn path_name(path: At<String>, diagnostics: &mut Diagnostics) -> Option<At<String>> {
    if !path.value.is_empty() {
        return Some(path);
    }
    diagnostics.report(Diagnostic::new(codes::BAD_PATH, "the path is empty").at(path.place));
    None
}

fn issued(top: &Fields<'_>, pki: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<At<OffsetDateTime>> {
    if pki.misspelt("issued") || top.misspelt("pki") {
        return None;
    }
    let Some(node) = pki.get("issued") else {
        let place = if top.has("pki") {
            pki.own_place()
        } else {
            Place::new(top.file(), 0..0)
        };
        let hint = "add issued = \"2026-01-01T00:00:00Z\" to [pki]: it takes the place of the clock";
        diagnostics.report(
            Diagnostic::new(codes::MISSING_FIELD, "`issued` is missing")
                .at(place)
                .hint(hint),
        );
        return None;
    };
    // TOML has dates of its own; what is written is what is meant, with or without quotes.
    let text = match node.value {
        Value::Moment => {
            let place = pki.place("issued");
            At {
                value: place.file.text.get(node.span.clone()).unwrap_or_default().to_owned(),
                place: Some(place),
            }
        }
        _ => pki.text("issued", diagnostics)?,
    };
    let moment = OffsetDateTime::parse(&text.value, &Rfc3339)
        .ok()
        .and_then(|moment| moment.checked_to_offset(UtcOffset::UTC));
    let problem = match moment {
        None => "it is no RFC 3339 time",
        Some(moment) if moment.nanosecond() != 0 => "it has a fraction of a second",
        Some(moment) if !(1950..=9999).contains(&moment.year()) => "its year is not from 1950 to 9999",
        Some(moment) => return Some(text.with(moment)),
    };
    let message = format!("\"{}\" can't be the time of issue: {problem}", text.value);
    diagnostics.report(Diagnostic::new(codes::BAD_ISSUED, message).at(text.place));
    None
}

fn provider(text: At<String>, diagnostics: &mut Diagnostics) -> Option<At<EncryptionProvider>> {
    let names = || EncryptionProvider::ALL.into_iter().map(EncryptionProvider::name);
    let Some(provider) = EncryptionProvider::ALL
        .into_iter()
        .find(|provider| provider.name() == text.value)
    else {
        let message = format!("unknown encryption provider \"{}\"", text.value);
        let hint = format!("the providers are {}", suggest::listed(names()));
        diagnostics.report(
            Diagnostic::new(codes::UNKNOWN_PROVIDER, message)
                .at(text.place)
                .hint(hint),
        );
        return None;
    };
    let weakness = match provider {
        EncryptionProvider::Aescbc => Some("aescbc is open to padding oracle attacks"),
        EncryptionProvider::Aesgcm => Some("aesgcm must have its key rotated every 200,000 writes"),
        EncryptionProvider::Secretbox => None,
    };
    if let Some(weakness) = weakness {
        diagnostics.report(Diagnostic::new(codes::WEAK_PROVIDER, weakness).at(text.place.clone()));
    }
    Some(text.with(provider))
}

pub(super) fn port_number(port: At<i64>, diagnostics: &mut Diagnostics) -> Option<At<u16>> {
    match u16::try_from(port.value).ok().filter(|number| *number > 0) {
        Some(number) => Some(port.with(number)),
        None => {
            let message = format!("{} is no port", port.value);
            diagnostics.report(Diagnostic::new(codes::BAD_PORT, message).at(port.place));
            None
        }
    }
}

fn allowed(text: &At<String>, diagnostics: &mut Diagnostics) -> Option<&'static str> {
    match Code::by_name(&text.value) {
        Some(code) if code.severity == Severity::Error => {
            let message = format!("`{}` is an error, and errors can't be silenced", code.name);
            diagnostics.report(Diagnostic::new(codes::NOT_SILENCEABLE, message).at(text.place.clone()));
            None
        }
        Some(code) => Some(code.name),
        None => {
            let silenceable = codes::CODES
                .iter()
                .filter(|code| code.severity != Severity::Error)
                .map(|code| code.name);
            let hint = suggest::nearest(&text.value, silenceable).map(|name| format!("did you mean `{name}`?"));
            let mut diagnostic = Diagnostic::new(codes::UNKNOWN_CODE, format!("unknown code \"{}\"", text.value));
            if let Some(hint) = hint {
                diagnostic = diagnostic.hint(hint);
            }
            diagnostics.report(diagnostic.at(text.place.clone()));
            None
        }
    }
}
