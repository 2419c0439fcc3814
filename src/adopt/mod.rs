//! A cluster that runs -> a specification that compiles to it: what was found is read, what tells each value is noted beside it, and what
//! must not change is kept as keys that are brought.
//!
//! Pure: no files, no clock, no randomness. What a certificate is, its content says; names of files are a last hint. A secret goes into
//! the files of keys and nowhere else.

mod as_settings;
mod authorities;
mod decided;
mod evidence;
mod machines;
mod material;
mod network;
mod not_written;
mod own_files;
mod programs;
mod releases;
mod report;
mod requests;
mod runtime;
mod secrets;
mod shown;
mod topology;
mod tuned;
mod under_way;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use time::OffsetDateTime;

use crate::audit::encryption::ENCRYPTION;
use crate::audit::finding::Findings;
use crate::audit::view::View;
use crate::catalog::identity::Names;
use crate::catalog::layouts::Layout;
use crate::catalog::roles::Role;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::verify_codes;
use crate::diagnostic::{Diagnostic, Place, Reporter, Severity};
use crate::found::{Found, NAME_A_CONFIGURATION, Places};
use crate::input::{CONFIG_FILE, GivenFiles, check};
use crate::pki::inspect::public_key_pem;
use crate::settings::Value;
use authorities::{Authorities, authorities};
use evidence::{Basis, Evidence, Settled};
use machines::{AdoptedHost, OfCluster};
use material::{FoundCertificate, Lying, Material};
use not_written::WhatWasGiven;
use programs::{RunningProgram, pairs, programs};
use requests::{Requests, names_of, of_identity, signing};
use secrets::EncryptionFound;
use shown::{ShownAs, of, shown};
use topology::{Topology, WrittenTopology};
use tuned::{TunedPart, TunedValue};
use under_way::RotationUnderWay;

pub use report::{Adopted, AdoptedFile, adopted_json, adopted_text};
pub use topology::Assumption;

/// The name of the topology.
pub const CLUSTER_TOML: &str = "cluster.toml";
/// Where files of a cluster lie, whoever has made them: `own` are those of khw-gen.
pub fn places(own: impl Iterator<Item = String>) -> Places {
    let others = PLACES.iter().map(|path| (*path).to_owned());
    Places::new(own.chain(others))
        .with_keys_beside()
        .with_units_of_packages(UNITS_OF_PACKAGES)
}

/// Likewise of machines that bundles are compared with: a link where others have their files is no bundle's matter.
pub fn places_to_compare(own: impl Iterator<Item = String>) -> Places {
    Places::new(own)
        .and_of_others(PLACES.iter().map(|path| (*path).to_owned()))
        .with_units_of_packages(UNITS_OF_PACKAGES)
}

/// The names of a cluster's units that packages bring.
const UNITS_OF_PACKAGES: [&str; 3] = ["kube{rest}", "etcd", "etcd{rest}"];

/// kubeadm's, and where walk-throughs put theirs.
#[rustfmt::skip]
const PLACES: &[&str] = &[
    "/etc/kubernetes/{name}.conf", "/etc/kubernetes/manifests/{name}.yaml", "/etc/kubernetes/manifests/{name}.yml", "/etc/kubernetes/{name}.yaml",
    "/etc/kubernetes/pki/{name}.crt", "/etc/kubernetes/pki/{name}.key", "/etc/kubernetes/pki/{name}.pub", "/etc/kubernetes/pki/{name}.pem",
    "/etc/kubernetes/pki/etcd/{name}.crt", "/etc/kubernetes/pki/etcd/{name}.key", "/etc/kubernetes/pki/etcd/{name}.pem",
    "/etc/kubernetes/ssl/{name}.pem", "/etc/kubernetes/ssl/{name}.crt", "/etc/kubernetes/ssl/{name}.key",
    "/etc/etcd/{name}.pem", "/etc/etcd/{name}.crt", "/etc/etcd/{name}.key", "/etc/etcd/pki/{name}.crt", "/etc/etcd/pki/{name}.key",
    "/etc/etcd/ssl/{name}.pem", "/var/lib/kubernetes/{name}.pem", "/var/lib/kubernetes/{name}.crt", "/var/lib/kubernetes/{name}.key",
    "/var/lib/kubernetes/{name}.yaml", "/var/lib/kubernetes/{name}.kubeconfig", "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env", "/var/lib/kubelet/{name}.pem", "/var/lib/kubelet/{name}.yaml", "/var/lib/kubelet/pki/{name}.crt",
    "/var/lib/kubelet/pki/{name}.pem", "/etc/cni/net.d/{name}.conflist", "/root/.kube/config", "/root/{name}.kubeconfig",
    "/etc/default/kubelet", "/etc/sysconfig/kubelet",
];

/// The folder of the keys that are kept.
pub const KEYS: &str = "keys";

/// What whoever adopts says himself.
#[derive(Clone, Debug)]
pub struct AdoptionRequest<'a> {
    /// What was read, as the user called it.
    pub from: &'a str,
    /// Now.
    pub at: OffsetDateTime,
    /// The version of Kubernetes.
    pub kubernetes: Option<&'a str>,
}

/// Compiles a specification in memory, or says what is wrong with it.
pub type Compile<'c> = &'c dyn Fn(&GivenFiles) -> Result<Found, Vec<Diagnostic>>;

/// Reads what a cluster has, and says how it is to be written.
///
/// Errors: what stands in the way, with its place; then nothing is to be written.
pub fn adopt(found: &Found, asked: &AdoptionRequest<'_>, compile: Compile<'_>) -> Result<Adopted, Vec<Diagnostic>> {
    let say = Reporter::default();
    let known = Findings::default();
    let view = View::read(found, asked.at, &known);
    let programs = programs(&view);
    let material = Material::of(&view);
    let shown = shown(&view, &programs, &material);
    let authorities = authorities(&programs, &material, &shown, asked.at, &say);
    tell_unreadable(found, &view, authorities.as_ref(), &say);
    tell_not_copied(&programs, &say);
    tell_unread(&view, &say);
    let Some(authorities) = authorities else {
        return Err(say.into_sorted_vec());
    };
    let endpoint = network::endpoint(&programs, &material, &say);
    let domain = network::domain(&programs, &shown, &say);
    let dns = network::dns(&programs, &say);
    let services = network::services(&programs, &shown, dns.as_ref(), &say);
    let dns = network::dns_of_services(dns, &services);
    let machines = machines::names(&view, &programs);
    let is_of_certificates = view.hosts.iter().all(|host| host.host.loose);
    let endpoint = endpoint.or_else(|| {
        let beside = || network::endpoint_beside(&shown, &services.value);
        is_of_certificates.then(beside).flatten()
    });
    let leads_to = endpoint.as_ref().map(|one| &one.value);
    let of_cluster = OfCluster {
        endpoint: leads_to,
        services: &services.value,
        layout: authorities.layout,
    };
    let mut hosts = machines::of_machines(&view, &machines, &programs, &shown, &of_cluster, &say);
    if hosts.is_empty() {
        hosts = machines::of_certificates(&shown, leads_to, &services.value, &say);
    } else if !hosts.iter().any(|host| host.roles.contains(&Role::ControlPlane)) {
        say.add(Diagnostic::new(codes::NO_HOST, "no machine runs an API server").hint(
            "give the tree of each machine that runs one beside the others: where there is one, certificates alone are no machine",
        ));
    }
    let balancer = network::balancer(&view, &hosts, &say);
    let endpoint = endpoint.or_else(|| network::endpoint_of_several(&shown, &services.value, &hosts, &balancer));
    network::tell_other_port(endpoint.as_ref(), &hosts, &say);
    machines::tell_addresses_as_names(&hosts, &say);
    let kubernetes = releases::kubernetes(&view, &programs, asked.kubernetes, &say);
    let encryption = secrets::encryption(&view, &programs, &say);
    let pods = network::pods(&programs, &hosts, &services.value, &say);
    let token_key = secrets::token_key(&programs, &material, &shown, &say);
    let rotation = under_way::rotation(&authorities.kept, token_key.as_ref(), &encryption, &say);
    let signing = signing(&view, &shown, &authorities, rotation.as_ref(), asked.at);
    let mut topology = Topology {
        from: crate::found::printable(asked.from),
        name: network::name(&programs, &material, &say),
        etcd: releases::etcd(&view, &programs, &kubernetes.value, &say),
        runtime: runtime::runtime(&view, &programs, &kubernetes.value, &say),
        kubernetes,
        ml_dsa: shown
            .iter()
            .find(|one| one.certificate.has_ml_dsa())
            .map(|one| one.evidence.clone()),
        domain,
        endpoint,
        names: Vec::new(),
        named_by: BTreeMap::new(),
        services,
        pods,
        dns,
        cni: network::cni(&hosts),
        proxy_mode: network::proxy_mode(&programs, &shown, &say),
        resolv_conf: network::resolv_conf(&programs, &say),
        layout: authorities.layout,
        kubeconfig_files: kubeconfig_files(&material, &programs),
        per_host: per_host(authorities.layout, &shown),
        profile: signing.profile.clone(),
        issued: signing.issued,
        lifetime: signing.note.clone(),
        token_key,
        encryption,
        rotation,
        balancer,
        authorities: authorities.kept.clone(),
        hosts,
        tuned: Vec::new(),
        files: Vec::new(),
    };
    if say.has_errors() {
        return Err(say.into_sorted_vec());
    }
    tell_variables(&programs, &say);
    tell_static_pods(&programs, &say);
    tell_other_names(&machines, &topology, &say);
    tell_strays(&material, &topology, &authorities.told, &say);
    // What khw-gen would make by itself shows what is more, and what is other, in what runs.
    let host_names: Vec<String> = topology.hosts.iter().map(|host| host.name.clone()).collect();
    let has_kube_proxy = topology.proxy_mode.value != "none";
    let requests = |more_names: &BTreeMap<&'static str, Vec<String>>, quick| {
        let requests = Requests {
            layout: authorities.layout,
            shown: &shown,
            more_names,
            hosts: &host_names,
            has_kube_proxy,
            quick,
            signed_for: signing.longest,
        };
        let mut files = requests.files(&authorities);
        files.push((CONFIG_FILE.to_owned(), signing.config.clone()));
        files
    };
    let none = BTreeMap::new();
    let mut model = GivenFiles::new(topology.model());
    for (name, text) in requests(&none, true) {
        model = model.with(format!("csr/{name}"), text);
    }
    let given = WhatWasGiven {
        from: asked.from,
        topology: CLUSTER_TOML,
        layout: authorities.layout,
        shown: &shown,
        config: signing.told_by.as_ref().map(ToString::to_string),
        has_machines: !is_of_certificates,
    };
    let not_written = |problems| {
        let mut all = say.clone().into_sorted_vec();
        all.extend(not_written::not_written(problems, &given));
        all
    };
    let made = compile(&model).map_err(not_written)?;
    let made_known = Findings::default();
    let made = View::read(&made, asked.at, &made_known);
    let mut more_names = more_names(&made, &shown, &machines, &mut topology, &say);
    let made_programs = programs::programs(&made);
    let pairs = pairs(&programs, &made_programs, &machines);
    decided::tell_decided(&pairs, &say);
    decided::tell_other_pods(&pairs, &say);
    decided::tell_balancers(&view, &made, &machines, &say);
    units::tell_settings(&pairs, &say);
    let control_planes = topology
        .hosts
        .iter()
        .filter(|host| host.roles.contains(&Role::ControlPlane));
    topology.files = own_files::own_files(&pairs, control_planes.count(), &say);
    topology.tuned = tuned::tuned(
        &programs,
        &pairs,
        &made,
        &machines,
        &topology.services.value,
        kubelets_are_checked(&programs, &shown, &topology),
        &say,
    );
    tell_files_that_stay(&programs, &made, &topology, &say);
    let (csrs, written) = checked(&mut topology, &mut more_names, &requests, &say).map_err(not_written)?;
    let mut files = vec![AdoptedFile::public(CLUSTER_TOML, &written.text)];
    files.extend(
        csrs.iter()
            .map(|(name, text)| AdoptedFile::public(format!("csr/{name}"), text)),
    );
    let own = topology.files.iter();
    files.extend(own.map(|file| AdoptedFile::public(file.template.clone(), &file.text)));
    files.extend(keys(&topology));
    Ok(Adopted {
        files,
        assumed: written.assumed,
        said: say.into_sorted_vec(),
        kept: kept(&topology),
        hosts: topology
            .hosts
            .iter()
            .map(|host| (host.name.clone(), host.roles.iter().map(|role| role.name()).collect()))
            .collect(),
        kubernetes: topology.kubernetes.value.clone(),
        layout: authorities.layout.name(),
    })
}

/// What a program reads and is not among the files: its settings would be lost, and others made up in their place.
fn tell_not_copied(programs: &[RunningProgram<'_>], say: &Reporter) {
    // That of encryption is more than a warning, and told with the keys.
    let flags = || {
        NAME_A_CONFIGURATION
            .into_iter()
            .filter(|flag| !ENCRYPTION.contains(flag))
    };
    for (program, flag) in programs
        .iter()
        .flat_map(|program| flags().map(move |flag| (program, flag)))
    {
        if let (Some(path), None) = (program.flag(flag), program.file(flag)) {
            let message = format!("{}: {path} is not among the files", program.evidence(flag));
            say.add(Diagnostic::new(codes::NOT_COPIED, message));
        }
    }
}

/// What starts a program in a way that is not read: its flags would be lost.
fn tell_unread(view: &View<'_>, say: &Reporter) {
    for (place, program, started) in programs::unread(view) {
        let message = format!("{place}: it starts {started}, and how that starts {program} is not read");
        say.add(Diagnostic::new(codes::UNREADABLE, message).hint(format!(
            "in the copy, write the command line of {program} with all its flags there, as pgrep -af {program} shows it on the machine, and adopt again"
        )));
    }
}

/// What a program may be given beside what stands there; once for all machines on which it is alike.
fn tell_variables(programs: &[RunningProgram<'_>], say: &Reporter) {
    let mut told: Vec<(&RunningProgram<'_>, Vec<&str>, usize)> = Vec::new();
    for program in programs {
        let variables: Vec<&str> = program.unvalued().collect();
        let is_alike = |(other, known, _): &&mut (&RunningProgram<'_>, Vec<&str>, usize)| {
            other.path == program.path && *known == variables && other.elsewhere == program.elsewhere
        };
        match told.iter_mut().find(is_alike) {
            Some((_, _, more)) => *more += 1,
            None if variables.is_empty() => {}
            None => told.push((program, variables, 0)),
        }
    }
    for (program, variables, more) in told {
        let Some((first, rest)) = variables.split_first() else {
            continue;
        };
        let others: Vec<String> = rest.iter().map(|name| format!("${name}")).collect();
        let (others, have, hold) = match others.is_empty() {
            true => (String::new(), "has", "it holds"),
            false => (format!(", and {}", others.join(", ")), "have", "they hold"),
        };
        let elsewhere = program.elsewhere.join(", ");
        let since = match elsewhere.is_empty() {
            true => String::new(),
            false => format!(", and {elsewhere} is not among the files"),
        };
        let alike = match more {
            0 => String::new(),
            more => format!(" (on {more} more machines too)"),
        };
        let place = program.variable(first);
        let message = format!("{place}{others} {have} no value here{since}: what {hold} is not adopted{alike}");
        let diagnostic = Diagnostic::new(codes::NOT_COPIED, message);
        say.add(match elsewhere.is_empty() {
            true => diagnostic.hint(
                "copy what sets it, a drop-in of the unit or a file of EnvironmentFile=, and adopt again; where nothing does, it is empty, and \
                 nothing needs to be done",
            ),
            false => diagnostic.hint(format!(
                "copy {elsewhere} too, to its place in the tree of its machine, and adopt again; where a machine has no such file, nothing needs to be \
                 done"
            )),
        });
    }
}

/// What can't be read is not adopted: it may be anything.
fn tell_unreadable(found: &Found, view: &View<'_>, authorities: Option<&Authorities>, say: &Reporter) {
    // A kubelet that renews its certificate leads a link to the newest, which is read by its own name.
    let is_kubelets =
        |path: &str| path.ends_with("kubelet-client-current.pem") || path.ends_with("kubelet-server-current.pem");
    for remark in found.remarks.iter().filter(|remark| !is_kubelets(&remark.path)) {
        let message = format!("{}: {}", crate::found::printable(&remark.path), remark.message);
        say.add(Diagnostic::new(codes::UNREADABLE, message));
    }
    for code in [
        verify_codes::BAD_PEM,
        verify_codes::BAD_SYNTAX,
        verify_codes::ARCHIVE_LIMIT,
    ] {
        for finding in view.findings.of(code) {
            let loose = view
                .hosts
                .iter()
                .any(|host| host.name == finding.host && host.host.loose);
            let place = match loose {
                true => finding.path.trim_start_matches('/').to_owned(),
                false => format!("{}: {}", finding.host, finding.path),
            };
            let mut told = authorities.iter().flat_map(|one| &one.locked);
            if told.any(|locked| locked.to_string() == crate::found::printable(&place)) {
                continue;
            }
            say.add(Diagnostic::new(
                codes::UNREADABLE,
                format!("{place}: {}", finding.message),
            ));
        }
    }
}

/// Keys of no certificate, and authorities of which nothing else was said.
fn tell_strays(material: &Material<'_>, topology: &Topology, told: &BTreeSet<Vec<u8>>, say: &Reporter) {
    let signs = topology.token_key.iter().map(|token| &token.public);
    let tokens: Vec<&Vec<u8>> = signs
        .chain(topology.rotation.iter().map(|rotation| &rotation.beside.public))
        .collect();
    for (public, key) in material.keys.iter().filter(|(public, _)| !tokens.contains(public)) {
        let has_certificate = material
            .certificates
            .values()
            .any(|one| one.certificate.public_key == *public);
        if let Some(at) = key.private_at.first().filter(|_| !has_certificate) {
            let message = format!(
                "{}: the key belongs to no certificate here, and is not kept",
                at.evidence
            );
            say.add(Diagnostic::new(codes::STRAY, message));
        }
    }
    for one in material
        .authorities()
        .iter()
        .filter(|one| !told.contains(&one.certificate.public_key) && !is_of_one_certificate(one, material))
    {
        if let Some(at) = one.at.first() {
            let message = format!(
                "{}: the authority {:?} is not kept: nothing uses it",
                at.evidence, one.certificate.subject
            );
            say.add(Diagnostic::new(codes::STRAY, message));
        }
    }
}

/// Whether an authority has signed the certificate that it lies beside in one file, and can't sign another: a kubelet that makes its own certificate
/// makes such a one for it, and throws its key away.
fn is_of_one_certificate(authority: &FoundCertificate, material: &Material<'_>) -> bool {
    let signed = |at: &Lying| {
        material.leaves().iter().any(|leaf| {
            let beside = leaf
                .at
                .iter()
                .any(|other| (&other.host, &other.path) == (&at.host, &at.path));
            beside && leaf.certificate.is_signed_by(&authority.certificate)
        })
    };
    material.private(&authority.certificate.public_key).is_none() && authority.at.iter().all(signed)
}

/// Whoever compares takes a folder for the machine of its name.
fn tell_other_names(machines: &BTreeMap<String, String>, topology: &Topology, say: &Reporter) {
    let kept = |name: &str| topology.hosts.iter().any(|host| host.name == name);
    for (folder, name) in machines.iter().filter(|(folder, name)| folder != name && kept(name)) {
        let message = format!("{folder}: its host is called `{name}`, and this folder is not");
        say.add(Diagnostic::new(codes::OTHER_NAME, message).hint(format!(
            "call the folder `{name}` before you go on: diff would take it for a machine that is switched off"
        )));
    }
}

/// Files that flags name which are kept, and that no bundle brings: they stay where they are, on machines that there are.
fn tell_files_that_stay(programs: &[RunningProgram<'_>], made: &View<'_>, topology: &Topology, say: &Reporter) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for one in &topology.tuned {
        let (TunedPart::Flag(flag), TunedValue::Is(Value::Text(path))) = (&one.part, &one.value) else {
            continue;
        };
        let is_carried = topology.files.iter().any(|file| file.at == *path);
        let is_brought = is_carried || made.hosts.iter().any(|host| host.resolve(path).is_some());
        let mut running = programs.iter().filter(|program| program.name() == one.component);
        let is_here = running.any(|program| program.flag(flag) == Some(path) && program.file(flag).is_some());
        if is_here && !is_brought && told.insert(path) {
            let message = format!(
                "{}: {path} stays on its machines, and no bundle brings it",
                one.evidence
            );
            say.add(Diagnostic::new(codes::FILE_STAYS, message));
        }
    }
}

/// Static pods and units of one program would both run.
fn tell_static_pods(programs: &[RunningProgram<'_>], say: &Reporter) {
    let pods: Vec<&RunningProgram<'_>> = programs.iter().filter(|one| one.is_static_pod()).collect();
    if let Some(first) = pods.first() {
        let message = format!(
            "{} runs as a static pod ({}), and {} more do: from the first build on units start them",
            first.name(),
            Evidence::file(first.host, first.path),
            pods.len() - 1
        );
        say.add(Diagnostic::new(codes::STATIC_PODS, message));
    }
}

/// Whether the programs' kubeconfigs name files beside them.
fn kubeconfig_files(material: &Material<'_>, programs: &[RunningProgram<'_>]) -> Option<Settled<()>> {
    let is_programs = |user: &str| {
        [
            "system:kube-controller-manager",
            "system:kube-scheduler",
            "system:kube-proxy",
        ]
        .contains(&user)
    };
    let users = material.logins.iter().filter_map(|one| {
        let leaf = one.login.client.iter().find_map(|item| item.certificate())?;
        is_programs(leaf.user()).then_some(one)
    });
    let all: Vec<_> = users.collect();
    let names_files = !all.is_empty() && all.iter().all(|one| one.names_files) && !programs.is_empty();
    names_files.then(|| {
        Settled::told(
            (),
            all.first()
                .map_or_else(|| Evidence::words(""), |one| one.evidence.clone()),
        )
    })
}

/// The keys of which each host has its own, though several could share one.
fn per_host(layout: Layout, shown: &[ShownAs]) -> Vec<(&'static str, Basis)> {
    let mut all = Vec::new();
    for (name, _) in layout.shared() {
        let mut by_host: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
        for one in of(shown, name) {
            if let Some(host) = one.host.as_deref() {
                by_host.entry(host).or_default().insert(&one.certificate.public_key);
            }
        }
        let keys: BTreeSet<&[u8]> = by_host.values().flatten().copied().collect();
        if by_host.len() > 1 && keys.len() >= by_host.len() && by_host.values().all(|keys| keys.len() == 1) {
            let evidence = of(shown, name).map(|one| one.evidence.clone()).collect();
            all.push((*name, Basis::Told(evidence)));
        }
    }
    all
}

/// What to do about a name that new certificates don't have.
const NOBODY_ASKS: &str = "nothing needs to be done, unless something asks for it all the same";

/// Names of certificates that khw-gen would not put there by itself: of a node's they become the host's own, of others they go into the
/// request. Those that no client ever asks for are left out and told.
fn more_names(
    made: &View<'_>,
    theirs: &[ShownAs],
    machines: &BTreeMap<String, String>,
    topology: &mut Topology,
    say: &Reporter,
) -> BTreeMap<&'static str, Vec<String>> {
    let domain = topology.domain.value.clone();
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    let made_programs = programs(made);
    let made_material = Material::of(made);
    let ours = shown(made, &made_programs, &made_material);
    let mut more: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for row in topology.layout.identities() {
        let of_ours: BTreeSet<String> = of_identity(row, &ours)
            .iter()
            .flat_map(|one| names_of(&one.certificate))
            .collect();
        for one in of_identity(row, theirs) {
            let host = one.host.as_ref().map(|host| machines.get(host).unwrap_or(host).clone());
            let own: BTreeSet<String> = match (row.names, &host) {
                (Names::Node, Some(host)) => of_identity(row, &ours)
                    .iter()
                    .filter(|ours| ours.host.as_ref() == Some(host))
                    .flat_map(|one| names_of(&one.certificate))
                    .collect(),
                _ => of_ours.clone(),
            };
            for name in names_of(&one.certificate)
                .into_iter()
                .filter(|name| !own.contains(name))
            {
                if let Some(why) = network::why_left_out(&name, &domain) {
                    if left_out.insert(name) {
                        let message = format!("{}: {why}: the new certificates don't have it", one.evidence);
                        say.add(Diagnostic::new(codes::LEFT_OUT, message).hint(NOBODY_ASKS));
                    }
                    continue;
                }
                topology
                    .named_by
                    .entry(name.clone())
                    .or_insert_with(|| one.evidence.clone());
                match (row.names, &host) {
                    (Names::Node, Some(host)) => add_to_host(&mut topology.hosts, host, &name),
                    (Names::ApiServer | Names::ApiServerAndEtcd, _) if is_plain_name(&name) => {
                        if !topology.names.contains(&name) {
                            topology.names.push(name);
                        }
                    }
                    _ => {
                        let all = more.entry(row.name).or_default();
                        if !all.contains(&name) {
                            all.push(name);
                        }
                    }
                }
            }
        }
    }
    more
}

/// Whether it is an address, or a name that anybody takes for one.
fn is_plain_name(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    name.parse::<IpAddr>().is_ok()
        || name.chars().all(is_of_name) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn add_to_host(hosts: &mut [AdoptedHost], name: &str, more: &str) {
    let Some(host) = hosts.iter_mut().find(|host| host.name == name) else {
        return;
    };
    match more.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || host.ips.value.contains(&ip) || host.addresses.contains(&ip) => {}
        Ok(ip) => host.addresses.push(ip),
        Err(_) if more == host.name || more == "localhost" || host.names.iter().any(|known| known == more) => {}
        Err(_) => host.names.push(more.to_owned()),
    }
}

/// Whether kubelets serve with certificates that the cluster's authority has signed.
fn kubelets_are_checked(programs: &[RunningProgram<'_>], shown: &[ShownAs], topology: &Topology) -> bool {
    let kubelets = programs.iter().filter(|one| one.name() == "kubelet").count();
    let authority = topology.authorities.iter().find(|one| one.name == "ca");
    let serving: Vec<&ShownAs> = of(shown, "kubelet-serving").collect();
    let signed =
        |one: &&ShownAs| authority.is_some_and(|authority| one.certificate.is_signed_by(&authority.certificate));
    kubelets == 0 || serving.len() >= kubelets && serving.iter().all(signed)
}

/// Makes the files of requests with names beside those that would be there by themselves, by the identity; all of them, or those of the model.
type MakeRequests<'r> = &'r dyn Fn(&BTreeMap<&'static str, Vec<String>>, bool) -> RequestFiles;
/// The files of requests, each with its name.
type RequestFiles = Vec<(String, String)>;

/// The requests and the text of cluster.toml that pass every check: what does not of tuned values, and of names that certificates have, is
/// left out and told.
fn checked(
    topology: &mut Topology,
    more_names: &mut BTreeMap<&'static str, Vec<String>>,
    requests: MakeRequests<'_>,
    say: &Reporter,
) -> Result<(RequestFiles, WrittenTopology), Vec<Diagnostic>> {
    let mut left_out: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        let written = topology.text(&left_out);
        let csrs = requests(more_names, false);
        let mut files = GivenFiles::new(written.text.clone());
        for (name, text) in &csrs {
            files = files.with(format!("csr/{name}"), text.clone());
        }
        for file in &topology.files {
            files = files.with(file.template.clone(), file.text.clone());
        }
        for authority in &topology.authorities {
            files = files.with(format!("{KEYS}/{}.pem", authority.name), authority.certificate.pem());
        }
        if let Some(token) = &topology.token_key {
            files = files.with(format!("{KEYS}/service-account.pub"), public_key_pem(&token.public));
        }
        if let Some((name, text)) = topology.rotation.as_ref().map(RotationUnderWay::public_file) {
            files = files.with(format!("{KEYS}/{name}"), text);
        }
        let Err(problems) = check(&files) else {
            return Ok((csrs, written));
        };
        let mut is_better = false;
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
            let Some(place) = &problem.place else { continue };
            if let Some(name) = take_name_out(place, topology, more_names) {
                is_better = true;
                let message = format!("{}: the new certificates don't have it", problem.message);
                let message = match topology.named_by.get(&name) {
                    Some(evidence) => format!("{evidence}: {message}"),
                    None => message,
                };
                say.add(Diagnostic::new(codes::LEFT_OUT, message).hint(NOBODY_ASKS));
                continue;
            }
            if place.file.name != CLUSTER_TOML {
                continue;
            }
            let Some(index) = written.tuned.get(&(line_of(place) + 1)) else {
                continue;
            };
            is_better |= left_out
                .insert(*index, format!("{} ({})", problem.message, problem.code))
                .is_none();
            if let Some(one) = topology.tuned.get(*index) {
                let message = format!("{}: {} ({})", one.evidence, problem.message, problem.code);
                say.add(Diagnostic::new(codes::LEFT_OUT, message));
            }
        }
        if !is_better {
            return Err(problems);
        }
    }
}

/// The number of the line of a place, counted from 0.
fn line_of(place: &Place) -> usize {
    let before = place.file.text.get(..place.span.start);
    before.map_or(0, |before| before.matches('\n').count())
}

/// Takes the name out that stands at a place, if it is one of those that certificates have besides.
fn take_name_out(
    place: &Place,
    topology: &mut Topology,
    more_names: &mut BTreeMap<&'static str, Vec<String>>,
) -> Option<String> {
    let name = place.file.text.get(place.span.clone())?.trim_matches('"').to_owned();
    let take = |all: &mut Vec<String>| {
        let before = all.len();
        all.retain(|one| *one != name);
        all.len() < before
    };
    let is_taken = if let Some(csr) = place.file.name.strip_prefix("csr/") {
        let row = topology.layout.identities().iter().find(|row| row.csr == csr)?;
        more_names.get_mut(row.name).is_some_and(take)
    } else {
        let lines: Vec<&str> = place.file.text.lines().take(line_of(place) + 1).collect();
        let is_of = |field: &str| {
            lines
                .last()
                .is_some_and(|line| line.starts_with(&format!("{field} = [")))
        };
        let section = lines.iter().rposition(|line| line.starts_with('['))?;
        match lines.get(section).copied() {
            Some("[cluster]") => is_of("names") && take(&mut topology.names),
            Some("[[hosts]]") => {
                let own = lines
                    .iter()
                    .skip(section)
                    .find_map(|line| line.strip_prefix("name = "))?;
                let host = topology
                    .hosts
                    .iter_mut()
                    .find(|host| host.name == own.trim_matches('"'))?;
                let addresses = host.addresses.len();
                host.addresses
                    .retain(|ip| !is_of("addresses") || ip.to_string() != name);
                host.addresses.len() < addresses || is_of("names") && take(&mut host.names)
            }
            _ => false,
        }
    };
    is_taken.then_some(name)
}

/// The files of what is kept.
fn keys(topology: &Topology) -> Vec<AdoptedFile> {
    let mut files = Vec::new();
    for authority in &topology.authorities {
        let name = authority.name;
        files.push(AdoptedFile::public(
            format!("{KEYS}/{name}.pem"),
            &authority.certificate.pem(),
        ));
        files.extend(
            authority
                .key
                .iter()
                .map(|key| AdoptedFile::secret(format!("{KEYS}/{name}-key.pem"), key)),
        );
    }
    if let Some(token) = &topology.token_key {
        let public = public_key_pem(&token.public);
        files.push(AdoptedFile::public(format!("{KEYS}/service-account.pub"), &public));
        files.push(AdoptedFile::secret(
            format!("{KEYS}/service-account-key.pem"),
            &token.key,
        ));
    }
    if let Some(rotation) = &topology.rotation {
        let (name, text) = rotation.public_file();
        files.push(AdoptedFile::public(format!("{KEYS}/{name}"), &text));
        let key = rotation.beside.key.iter();
        files.extend(key.map(|key| AdoptedFile::secret(format!("{KEYS}/{}", rotation.key_file()), key)));
    }
    if let EncryptionFound::Kept(found) = &topology.encryption {
        let keys = found.value.keys.iter().zip(1..);
        files.extend(
            keys.map(|(key, number)| AdoptedFile::secret(format!("{KEYS}/encryption-key-{number}"), &key.secret)),
        );
    }
    files
}

/// What is kept and what tells it, in words.
fn kept(topology: &Topology) -> Vec<(String, String)> {
    let authorities = topology.authorities.iter();
    let mut kept: Vec<(String, String)> = authorities
        .map(|one| (one.name.to_owned(), one.basis.comment()))
        .collect();
    if let Some(token) = &topology.token_key {
        kept.push(("service-account".to_owned(), token.basis.comment()));
    }
    if let Some(rotation) = &topology.rotation {
        kept.push((format!("{} trusted beside", rotation.of), rotation.place()));
    }
    if let EncryptionFound::Kept(found) = &topology.encryption {
        let names: Vec<&str> = found.value.keys.iter().map(|key| key.name.as_str()).collect();
        kept.push((format!("encryption ({})", names.join(", ")), found.basis.comment()));
    }
    kept
}
