//! cluster.toml -> a draft: each value by itself is well formed, or absent and reported. What must fit together is judged
//! in the other modules.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::catalog::layouts::Layout;
use crate::cluster::{EncryptionProvider, Families};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity, SourceFile, codes};

use super::draft::{Draft, DraftCa};
use super::fields::Section;
use super::host::host;
use super::names::{self, LONGEST_DOMAIN, LONGEST_NAME};
use super::sources::Paths;
use super::tree::{self, At, Fields, Naming, Node, Value};
use super::values::{address, address_problem, endpoint, path_name, range};
use super::{
    choices, components, families, fields, files, load_balancer, own_certificates, parse_toml, pools, suggest,
};

const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 32, 0, 0), 24);

const PODS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 200, 0, 0), 16);

/// What stands in a broken line is nobody's intention: after a syntax error these codes would be noise.
const FOLLOW_FROM_SYNTAX: &[&Code] = &[codes::MISSING_FIELD, codes::NO_HOSTS, codes::NO_ROLE];

/// Reads cluster.toml; `layout` is the one where it names none. Also says whether its syntax is sound, without which nothing
/// can be said of what is not in it.
pub fn read(file: &Arc<SourceFile>, layout: Layout, diagnostics: &mut Diagnostics) -> (Draft, bool) {
    let mut syntax = Diagnostics::new();
    let root = parse_toml::parse(file, &mut syntax);
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
    let root = parse_toml::parse_sections(&file, |section| ["pki", "files"].contains(&section), &mut nobody);
    let Some(top) = Fields::of(&file, &root, &fields::TOP.names(), Naming::Exact, &mut nobody) else {
        return Paths::default();
    };
    let templates = files::templates(&top);
    let Some(pki) = top.table("pki", &fields::PKI.names(), &mut nobody) else {
        return Paths {
            templates,
            ..Paths::default()
        };
    };
    let ca = pki.table("ca", &fields::CA.names(), &mut nobody);
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

/// A section at the top and its fields; an absent one is an empty one.
fn section<'a>(
    top: &Fields<'a>,
    section: &Section,
    empty: &'a Node,
    diagnostics: &mut Diagnostics,
) -> Option<Fields<'a>> {
    let known = section.names();
    if top.has(section.path) {
        top.table(section.path, &known, diagnostics)
    } else {
        Fields::of(top.file(), empty, &known, Naming::Exact, diagnostics)
    }
}

fn draft(file: &Arc<SourceFile>, root: &Node, layout: Layout, diagnostics: &mut Diagnostics) -> Draft {
    let empty = Node {
        value: Value::Table(Vec::new()),
        span: 0..0,
    };
    let top = match Fields::of(file, root, &fields::TOP.names(), Naming::Exact, diagnostics) {
        Some(top) => top,
        None => return Draft::default(),
    };
    let mut draft = Draft::default();

    let cluster = section(&top, &fields::CLUSTER, &empty, diagnostics);
    let network = section(&top, &fields::NETWORK, &empty, diagnostics);
    let runtime = section(&top, &fields::RUNTIME, &empty, diagnostics);
    draft.release = choices::release(cluster.as_ref(), runtime.as_ref(), diagnostics);
    draft.nodes = choices::nodes(runtime.as_ref(), network.as_ref(), diagnostics);
    if let Some(cluster) = cluster {
        draft.cluster.name = cluster
            .text_or("name", "kubernetes", diagnostics)
            .and_then(|name| cluster_name(name, diagnostics));
        draft.cluster.domain = cluster
            .text_or("domain", "cluster.local", diagnostics)
            .and_then(|name| domain(name, diagnostics));
        draft.cluster.endpoint = match cluster.has("endpoint") {
            true => cluster
                .text("endpoint", diagnostics)
                .and_then(|text| endpoint(text, diagnostics))
                .map(Some),
            false => Some(None),
        };
        draft.cluster.names = cluster
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
        draft.network.services = range_of("services", IpNet::V4(SERVICES));
        draft.network.pods = range_of("pods", IpNet::V4(PODS));
        draft.network.dns = match network.has("dns") {
            true => families::read(&network, "dns", address, diagnostics).map(Some),
            false => Some(None),
        };
    }
    if let Some(pki) = section(&top, &fields::PKI, &empty, diagnostics) {
        draft.pki.csr = pki
            .text_or("csr", "csr", diagnostics)
            .and_then(|path| path_name(path, diagnostics));
        pki.text("seed", diagnostics)
            .and_then(|path| path_name(path, diagnostics));
        draft.pki.layout = choices::layout(&pki, layout, diagnostics);
        draft.pki.profile = pki.text_or("profile", "kubernetes", diagnostics);
        draft.pki.issued = issued(&top, &pki, diagnostics);
        draft.pki.existing_ca = existing_ca(&pki, diagnostics);
        for entry in pki.map("profiles", diagnostics).unwrap_or_default() {
            let name = At {
                value: entry.key.clone(),
                place: Some(Place::new(file, entry.key_span.clone())),
            };
            draft
                .pki
                .profiles
                .extend(tree::text(file, &entry.node, diagnostics).map(|profile| (name, profile)));
        }
    }
    if let Some(encryption) = section(&top, &fields::ENCRYPTION, &empty, diagnostics) {
        let text = encryption.text_or("provider", EncryptionProvider::Secretbox.name(), diagnostics);
        draft.encryption = text.and_then(|text| provider(text, diagnostics));
    }
    if let Some(load_balancer) = section(&top, &fields::LOAD_BALANCER, &empty, diagnostics) {
        draft.load_balancing = Some(load_balancer::read(&load_balancer, diagnostics));
    }
    if let Some(checks) = section(&top, &fields::CHECKS, &empty, diagnostics) {
        let codes = checks.texts("allow", diagnostics).unwrap_or_default();
        draft.allow = codes
            .into_iter()
            .filter_map(|code| allowed(&code, diagnostics))
            .collect();
    }
    read_hosts(&top, &mut draft, diagnostics);
    draft.certificates = own_certificates::read(&top, diagnostics);
    draft.components = components::read(&top, diagnostics);
    draft.files = files::read(&top, diagnostics);
    draft
}

fn existing_ca(pki: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<DraftCa> {
    if !pki.has("ca") {
        return None;
    }
    let mut draft = DraftCa {
        certificate: None,
        key: None,
    };
    if let Some(ca) = pki.table("ca", &fields::CA.names(), diagnostics) {
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
    draft.hosts_complete = !some_unread && pools.complete && draft.hosts.iter().all(|host| host.roles.is_some());
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

fn allowed(text: &At<String>, diagnostics: &mut Diagnostics) -> Option<&'static str> {
    match codes::by_name(&text.value) {
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
