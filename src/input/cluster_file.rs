//! cluster.toml -> a draft: each value by itself is well formed, or absent and reported. What must fit together is judged
//! in the other modules.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::layouts::Layout;
use crate::cluster::{ClusterState, Families};
use crate::diagnostic::{Code, Reporter, Severity, SourceFile, codes};

use super::draft::{CSR_FOLDER, Draft, DraftCa, DraftNaming, DraftNetwork, DraftPki};
use super::fields::Section;
use super::host::host;
use super::names::{self, LONGEST_DOMAIN, LONGEST_NAME};
use super::tree::{At, Document, Entry, Fields, Node, Value};
use super::values::{address, address_problem, cant_be, endpoint, path_name, range, unless};
use super::{
    choices, components, encryption, families, fields, files, generations, handover, load_balancer, own_certificates,
    parse_toml, pools, post_quantum,
};

const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 32, 0, 0), 24);

const PODS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 200, 0, 0), 16);

/// What stands in a broken line is nobody's intention: after a syntax error these codes would be noise.
const FOLLOW_FROM_SYNTAX: &[&Code] = &[codes::MISSING_FIELD, codes::NO_HOSTS, codes::NO_ROLE];

/// Reads cluster.toml; the layout that it does not name is the one that its CSR folder is `written_for`. Also says whether its
/// syntax is sound, without which nothing can be said of what is not in it.
pub fn read(file: &Arc<SourceFile>, written_for: &dyn Fn(&str) -> Layout, say: &Reporter) -> (Draft, bool) {
    let (syntax, own) = (Reporter::default(), Reporter::default());
    let root = parse_toml::parse(file, &syntax);
    let draft = draft(Document::toml(file, &own), &root, written_for);
    let sound = syntax.is_empty();
    if !sound {
        let lines = BrokenLines::of(file, &syntax);
        own.retain(|finding| {
            let place = finding.place.as_ref();
            !FOLLOW_FROM_SYNTAX.iter().any(|code| code.name == finding.code)
                && !place.is_some_and(|place| lines.contain(place.span.start))
        });
    }
    say.append(syntax);
    say.append(own);
    (draft, sound)
}

/// The lines that hold a syntax error.
struct BrokenLines {
    starts: Vec<usize>,
    lines: BTreeSet<usize>,
}

impl BrokenLines {
    fn of(file: &SourceFile, syntax: &Reporter) -> BrokenLines {
        let starts: Vec<usize> = file.text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let places = syntax
            .clone()
            .into_vec()
            .into_iter()
            .filter_map(|finding| finding.place);
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

/// What a section is that is not there.
static EMPTY: Node = Node {
    value: Value::Table(Vec::new()),
    span: 0..0,
};

/// A section at the top and its fields; an absent one is an empty one.
fn section<'a>(top: &Fields<'a>, section: &Section) -> Option<Fields<'a>> {
    let known = section.names();
    match top.has(section.path) {
        true => top.table(section.path, &known),
        false => top.doc.fields(&EMPTY, &known),
    }
}

fn draft(doc: Document<'_>, root: &Node, written_for: &dyn Fn(&str) -> Layout) -> Draft {
    let Some(top) = doc.fields(root, &fields::TOP.names()) else {
        return Draft::default();
    };
    let cluster = section(&top, &fields::CLUSTER);
    let network = section(&top, &fields::NETWORK);
    let runtime = section(&top, &fields::RUNTIME);
    let mut draft = Draft {
        release: choices::release(cluster.as_ref(), runtime.as_ref()),
        nodes: choices::nodes(runtime.as_ref(), network.as_ref()),
        cluster: cluster.map(|fields| naming(&fields)).unwrap_or_default(),
        network: network.map(|fields| ranges(&fields)).unwrap_or_default(),
        pki: section(&top, &fields::PKI)
            .map(|fields| pki(&top, &fields, written_for))
            .unwrap_or_default(),
        encryption: section(&top, &fields::ENCRYPTION)
            .map(|fields| encryption::read(&fields))
            .unwrap_or_default(),
        load_balancing: section(&top, &fields::LOAD_BALANCER).map(|fields| load_balancer::read(&fields)),
        ..Draft::default()
    };
    if let Some(checks) = section(&top, &fields::CHECKS) {
        draft.allow = checks
            .texts("allow")
            .iter()
            .filter_map(|code| allowed(code, doc.say))
            .collect();
    }
    read_hosts(&top, &mut draft);
    draft.certificates = own_certificates::read(&top);
    draft.components = components::read(&top);
    draft.files = files::read(&top);
    draft.generations = generations::read(&top);
    if let Some(fields) = section(&top, &fields::HANDOVER) {
        draft.recipients = handover::recipients(&fields);
    }
    draft
}

fn naming(fields: &Fields<'_>) -> DraftNaming {
    let say = fields.doc.say;
    let names = fields.texts("names").into_iter();
    DraftNaming {
        name: fields
            .text_or("name", "kubernetes")
            .and_then(|name| cluster_name(name, say)),
        state: choices::choice(fields, "state", ClusterState::named, ClusterState::NAMES),
        domain: fields
            .text_or("domain", "cluster.local")
            .and_then(|name| domain(name, say)),
        endpoint: fields.optional("endpoint", endpoint),
        names: names.filter_map(|name| api_name(name, say)).collect(),
        go: post_quantum::compiled_with(fields),
    }
}

fn ranges(fields: &Fields<'_>) -> DraftNetwork {
    let range_of = |name, default: Ipv4Net| {
        let written = fields.written(name, || families::read(fields, name, range));
        written.or(Families::single(At::default_value(IpNet::V4(default))))
    };
    DraftNetwork {
        services: range_of("services", SERVICES),
        pods: range_of("pods", PODS),
        dns: fields.written("dns", || families::read(fields, "dns", address)),
    }
}

fn pki(top: &Fields<'_>, fields: &Fields<'_>, written_for: &dyn Fn(&str) -> Layout) -> DraftPki {
    let csr = fields.text_or("csr", CSR_FOLDER);
    let profile = |entry: &Entry| Some((fields.doc.key(entry), fields.doc.text(&entry.node)?));
    let authority_issued = |entry: &Entry| Some((fields.doc.key(entry), moment(fields.doc, &entry.node)?));
    let mut draft = DraftPki {
        csr: csr.and_then(|path| path_name(path, fields.doc.say)),
        seed: fields.parsed("seed", path_name),
        profile: fields.text_or("profile", "kubernetes"),
        issued: issued(top, fields),
        authorities_issued: fields
            .map("authorities_issued")
            .into_iter()
            .filter_map(authority_issued)
            .collect(),
        profiles: fields.map("profiles").into_iter().filter_map(profile).collect(),
        brought: brought(fields),
        kubeconfigs: choices::kubeconfigs(fields),
        layout: None,
        per_host: BTreeSet::new(),
    };
    draft.layout = choices::layout(fields, || written_for(draft.csr_folder()));
    draft.per_host = draft
        .layout
        .map_or_else(BTreeSet::new, |layout| choices::per_host(fields, layout));
    draft
}

/// The authorities that there are already. One whose section can't be read is among them: none is made in its place.
fn brought(pki: &Fields<'_>) -> Vec<(At<String>, DraftCa)> {
    let draft = |section: Option<&Fields<'_>>| {
        let external = section.is_some_and(|section| section.is_true("external"));
        let path = |name| {
            if !external {
                section?.require(name);
            }
            section?.parsed(name, path_name)
        };
        DraftCa {
            certificate: path("cert"),
            key: path("key"),
            external,
            hosts: section
                .filter(|section| section.has("hosts"))
                .map(|section| section.texts("hosts")),
        }
    };
    let entries = pki.map("bring").into_iter().map(|entry| {
        let section = pki.doc.fields(&entry.node, &fields::BROUGHT.names());
        (pki.doc.key(entry), draft(section.as_ref()))
    });
    let root = pki.get("ca").map(|node| {
        let section = pki.table("ca", &fields::CA.names());
        (
            pki.doc.at(&node.span, CLUSTER_AUTHORITY.to_owned()),
            draft(section.as_ref()),
        )
    });
    root.into_iter().chain(entries).collect()
}

fn read_hosts(top: &Fields<'_>, draft: &mut Draft) {
    let list = top.list("hosts");
    let nodes = list.as_ref().map_or(&[][..], |list| list.value);
    let pools = pools::read(top);
    let no_pools = pools.complete && pools.place.is_none();
    draft.hosts_place = nodes.first().map(|node| top.doc.place(&node.span)).or(pools.place);
    if !top.misspelt("hosts") && (!top.has("hosts") || (list.is_some() && nodes.is_empty())) && no_pools {
        let place = list.and_then(|list| list.place);
        let place = place.unwrap_or_else(|| top.doc.place(&(0..0)));
        top.doc.say.at(place, codes::NO_HOSTS, "the cluster has no hosts");
        return;
    }
    draft.hosts = nodes.iter().filter_map(|node| host(top.doc, node)).collect();
    let all_read = draft.hosts.len() == nodes.len() && list.is_some() == top.has("hosts") && !top.misspelt("hosts");
    draft.hosts.extend(pools.hosts);
    draft.hosts_complete = all_read && pools.complete && draft.hosts.iter().all(|host| host.roles.is_some());
}

fn cluster_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
    if names::is_cluster_name(&name.value) {
        return Some(name);
    }
    let message = format!("\"{}\" can't be a cluster's name", name.value);
    say.at(name.place, codes::BAD_CLUSTER_NAME, message);
    None
}

fn domain(name: At<String>, say: &Reporter) -> Option<At<String>> {
    let problem = names::dns_name_problem(&name.value, LONGEST_DOMAIN);
    unless(problem, name, "the cluster's domain", codes::BAD_DOMAIN, say)
}

/// A name or an address by which the API servers are reached.
fn api_name(name: At<String>, say: &Reporter) -> Option<At<String>> {
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
    cant_be(&name, "a name of the API server", problem, codes::BAD_NAME_ENTRY, say)
        .hint("write a DNS name in lower case or an address, without a port");
    None
}

fn issued(top: &Fields<'_>, pki: &Fields<'_>) -> Option<At<OffsetDateTime>> {
    if pki.misspelt("issued") || top.misspelt("pki") {
        return None;
    }
    let Some(node) = pki.get("issued") else {
        let place = match top.has("pki") {
            true => pki.own_place(),
            false => top.doc.place(&(0..0)),
        };
        let hint = "add issued = \"2026-01-01T00:00:00Z\" to [pki]: it takes the place of the clock";
        top.doc
            .say
            .at(place, codes::MISSING_FIELD, "`issued` is missing")
            .hint(hint);
        return None;
    };
    moment(pki.doc, node)
}

/// An instant at which something was issued.
fn moment(doc: Document<'_>, node: &Node) -> Option<At<OffsetDateTime>> {
    // TOML has dates of its own; what is written is what is meant, with or without quotes.
    let text = match node.value {
        Value::Moment => doc.at(&node.span, doc.written(node).unwrap_or_default().to_owned()),
        _ => doc.text(node)?,
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
    cant_be(&text, "the time of issue", problem, codes::BAD_ISSUED, doc.say);
    None
}

fn allowed(text: &At<String>, say: &Reporter) -> Option<&'static str> {
    match codes::by_name(&text.value) {
        Some(code) if code.severity == Severity::Error => {
            let message = format!("`{}` is an error, and errors can't be silenced", code.name);
            say.at(&text.place, codes::NOT_SILENCEABLE, message);
            None
        }
        Some(code) => Some(code.name),
        None => {
            let silenceable = codes::CODES.iter().filter(|code| code.severity != Severity::Error);
            say.at(text, codes::UNKNOWN_CODE, format!("unknown code \"{}\"", text.value))
                .meant(&text.value, silenceable.map(|code| code.name));
            None
        }
    }
}
