//! What a change does that restarting does not tell: what can't be undone, and what needs more than one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::calling::servers_called;
use super::documents::{STATIC_PODS, configuration, documents, networks, programs_of_pod, ranges_of_pods};
use super::leftovers::{another_format, left_all_the_same, settings_of_pods, without_proxy};
use super::meaning::{EncryptionKey, instant, providers};
use super::sides::{KeysKnown, Pair};
use super::units::commands_of;
use super::versions::{PRODUCTS, Product, kubernetes_version};
use crate::audit::document::{self, Tree};
use crate::audit::names::Url;
use crate::audit::unit::CommandLine;
use crate::catalog::upgrades::{before as to_be_looked_after, floor, may_be_behind, one_way};
use crate::found::{File, FoundHost, printable};
use crate::pki::inspect::{Certificate, Item, items};

/// Something to know before the change is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Nothing brings back what it was.
    pub irreversible: bool,
    pub message: String,
    pub hosts: Vec<String>,
}

impl Warning {
    /// What can be undone.
    pub fn mind(message: impl AsRef<str>, hosts: Vec<String>) -> Warning {
        Warning {
            irreversible: false,
            message: printable(message.as_ref()),
            hosts: hosts.iter().map(|host| printable(host)).collect(),
        }
    }
}

#[derive(Default)]
struct Warnings {
    all: BTreeMap<(bool, String), BTreeSet<String>>,
}

impl Warnings {
    /// What nothing undoes.
    fn irreversible(&mut self, host: &str, message: impl AsRef<str>) {
        self.add(true, host, message.as_ref());
    }

    fn mind(&mut self, host: &str, message: impl AsRef<str>) {
        self.add(false, host, message.as_ref());
    }

    fn add(&mut self, irreversible: bool, host: &str, message: &str) {
        let hosts = self.all.entry((!irreversible, printable(message))).or_default();
        hosts.insert(printable(host));
    }
}

/// A host, and what its units run.
struct Side<'a> {
    host: &'a FoundHost,
    commands: Vec<CommandLine>,
}

impl<'a> Side<'a> {
    fn read(host: &'a FoundHost) -> Side<'a> {
        let commands = commands_of(host).collect();
        Side { host, commands }
    }

    fn command(&self, program: &str) -> Option<&CommandLine> {
        self.commands.iter().find(|command| command.program == program)
    }

    /// Whether a file is named as one to sign with, and as nothing else.
    fn only_signs(&self, path: &str) -> bool {
        let flags = self.commands.iter().flat_map(|command| &command.flags);
        let mut naming = flags
            .filter(|(_, values)| values.iter().any(|value| value == path))
            .peekable();
        naming.peek().is_some() && naming.all(|(flag, _)| flag.starts_with("cluster-signing-"))
    }

    fn runs(&self, program: &str) -> bool {
        self.command(program).is_some()
    }
}

/// A host's name, and the host before and after.
struct Sides<'a> {
    name: &'a str,
    old: Option<Side<'a>>,
    new: Option<Side<'a>>,
    is_renamed: bool,
}

/// What `pairs` amount to, what can't be undone first.
pub(super) fn warnings(pairs: &[Pair<'_>], known: KeysKnown) -> Vec<Warning> {
    let mut warnings = Warnings::default();
    let all: Vec<Sides<'_>> = pairs
        .iter()
        .map(|pair| Sides {
            name: pair.name,
            old: pair.old.map(Side::read),
            new: pair.new.map(Side::read),
            is_renamed: pair.is_renamed(),
        })
        .collect();
    let is_member = |side: &Option<Side<'_>>| side.as_ref().is_some_and(|side| side.runs("etcd"));
    for sides in &all {
        let name = sides.name;
        if is_member(&sides.old) && !is_member(&sides.new) {
            of_lost_member(name, &mut warnings);
        }
        let (Some(old), Some(new)) = (&sides.old, &sides.new) else {
            continue;
        };
        of_stay(name, old.host, new.host, &mut warnings);
        of_versions(name, old, new, &mut warnings);
        of_leftovers(name, old.host, new.host, &mut warnings);
        of_flags(sides, old, new, &mut warnings);
        of_server(name, old, new, &mut warnings);
        of_pods(name, old.host, new.host, &mut warnings);
        of_static_pods(name, old.host, new, &mut warnings);
        of_services(name, old.host, new.host, &mut warnings);
        of_damage(name, old.host, new.host, &mut warnings);
        let kept_elsewhere = || {
            let mut hosts = pairs.iter().filter_map(|pair| pair.new);
            hosts.any(|host| !encryption_files(host).is_empty())
        };
        of_dates(name, old.host, new.host, &mut warnings);
        of_encryption(name, old.host, new.host, known, kept_elsewhere, &mut warnings);
        if known != KeysKnown::WithoutSeed {
            of_authorities(name, old, new, &mut warnings);
            of_tokens(name, old, new, &mut warnings);
        }
    }
    if known != KeysKnown::WithoutSeed {
        write_key_first(pairs, &mut warnings);
    }
    names_that_clients_still_call(&all, &mut warnings);
    nodes_without_their_api_servers(&all, &mut warnings);
    members_that_may_have_ended(&all, &mut warnings);
    warnings
        .all
        .into_iter()
        .map(|((reversible, message), hosts)| Warning {
            irreversible: !reversible,
            message,
            hosts: hosts.into_iter().collect(),
        })
        .collect()
}

/// Certificates that begin before those that are there: `issued` went back, and what was renewed ends earlier again.
fn of_dates(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    let leaf = |host: &FoundHost, path: &str| {
        let file = host.files.get(path)?;
        items(file.content.expose()).into_iter().find_map(|item| match item {
            Item::Certificate(certificate) if !certificate.authority => Some(certificate),
            _ => None,
        })
    };
    let mut pem = new
        .files
        .keys()
        .filter(|path| path.ends_with(".pem") && !path.ends_with("-key.pem"));
    let goes_back = pem.any(|path| match (leaf(old, path), leaf(new, path)) {
        // Another authority has a time of its own.
        (Some(before), Some(after)) => after.issuer_name == before.issuer_name && after.not_before < before.not_before,
        _ => false,
    });
    if goes_back {
        let message = "certificates were issued before those that are there: what was renewed ends earlier again. Write the later instant as \
                       `issued`, unless that is meant";
        warnings.mind(name, message);
    }
}

fn of_lost_member(name: &str, warnings: &mut Warnings) {
    let message = "a member of etcd goes: its copy of the data can't come back as the same member";
    warnings.irreversible(name, message);
}

/// A host that was about to leave, and stays.
fn of_stay(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    if old.about.is_leaving() && !new.about.is_leaving() && !new.about.is_joining() {
        let message =
            "the host no longer leaves: if it was taken out already, it has to come back with state = \"joining\"";
        warnings.mind(name, message);
    }
}

/// Static pods that nothing of the new bundle takes the place of, where the kubelet that comes reads no manifests.
fn of_static_pods(name: &str, old: &FoundHost, new: &Side<'_>, warnings: &mut Warnings) {
    if !old.has_below(STATIC_PODS) {
        return;
    }
    let Some(kubelet) = new.command("kubelet") else { return };
    let folder = STATIC_PODS.trim_end_matches('/');
    let documents = configuration(new.host, "kubelet").unwrap_or_default();
    let of_file = documents
        .iter()
        .find_map(|document| document.text_at(&["staticPodPath"]));
    let reads = kubelet.flag("pod-manifest-path").or(of_file).unwrap_or_default();
    if reads.trim_end_matches('/') == folder {
        return;
    }
    let manifests = old.files.range(STATIC_PODS.to_owned()..).map(|(path, _)| path.as_str());
    let manifests = manifests.take_while(|path| path.starts_with(STATIC_PODS));
    let is_nobodys = |path: &&str| {
        let programs = programs_of_pod(old, path);
        let goes_on = |program: &String| new.runs(program) || new.host.has_below(&format!("/etc/{program}/"));
        !programs.iter().any(goes_on) && !new.host.files.contains_key(*path)
    };
    let lost: Vec<&str> = manifests.filter(is_nobodys).collect();
    if !lost.is_empty() {
        warnings.mind(
            name,
            format!(
                "the kubelet that comes reads no manifests of pods, and ends those of {}: before that, what they do has to be done by something \
                 else; or `staticPodPath = \"{folder}\"` below [components.kubelet.config] of cluster.toml keeps them",
                lost.join(", ")
            ),
        );
    }
}

/// The pods' bridge of a node with another range.
fn of_pods(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    let (before, after) = (networks(old), networks(new));
    let stays = !old.is_bundle() && after.is_empty();
    if !stays && !before.is_empty() && before != after && ranges_of_pods(old) == ranges_of_pods(new) {
        let message = "the pods' network of the node changes: pods that run keep what they have; drain the node first, \
             then delete its bridge (ip link delete cni0), and let the pods be made again";
        warnings.mind(name, message);
    }
}

/// Addresses of Services, which the API server does not let change.
fn of_services(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    let of = |host: &FoundHost| -> BTreeMap<String, String> {
        let services = documents(host, ".yaml").filter(|document| document.kind() == "Service");
        let addresses = services.filter_map(|document| {
            let service = document.text_at(&["metadata", "name"])?;
            Some((service.to_owned(), document.text_at(&["spec", "clusterIP"])?.to_owned()))
        });
        addresses.collect()
    };
    let after = of(new);
    for (service, address) in of(old) {
        if after.get(&service).is_some_and(|other| *other != address) {
            let message = format!(
                "the address of the Service {service} can't be changed: delete it before its manifest is applied"
            );
            warnings.mind(name, message);
        }
    }
}

/// Files that were good and can't be read now.
fn of_damage(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    for (path, file) in &new.files {
        let bytes = file.content.expose();
        if old.files.get(path).is_some_and(|before| before.content == file.content) {
            continue;
        }
        let is = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
        let pem = is(&[".pem", ".crt", ".key", ".pub"]).then(|| items(bytes));
        let bad_pem =
            pem.is_some_and(|items| items.is_empty() || items.iter().any(|item| matches!(item, Item::Unreadable(..))));
        let text = std::str::from_utf8(bytes);
        let bad_yaml = is(&[".yaml", ".yml", "kubeconfig"])
            && text.map_or(true, |text| {
                document::yaml(text).map_or(true, |documents| documents.is_empty())
            });
        if bad_pem || bad_yaml {
            let message = format!("{path} can't be read: don't install it (khw-gen verify tells what is wrong)");
            warnings.mind(name, message);
        }
    }
}

/// What a newer release does that no older one undoes. Of a way back the obstacles tell.
fn of_versions(name: &str, old: &Side<'_>, new: &Side<'_>, warnings: &mut Warnings) {
    for Product {
        of,
        version,
        written,
        programs,
    } in PRODUCTS
    {
        let (Some(before), Some(after)) = (version(old.host), version(new.host)) else {
            continue;
        };
        if !programs.iter().any(|program| old.runs(program)) {
            continue;
        }
        let said = format!("{} {} -> {}", of.name(), written(old.host), written(new.host));
        if after > before {
            if let Some(row) = one_way(of, after) {
                let message = format!(
                    "{said}: {}; take a snapshot of etcd first (etcdctl snapshot save)",
                    row.what
                );
                warnings.irreversible(name, message);
            }
            for row in to_be_looked_after(of, before, after).filter(|row| old.runs(row.run_by)) {
                let message = format!(
                    "before {} {} is there: {} ({})",
                    of.name(),
                    row.to,
                    row.what,
                    row.source
                );
                warnings.mind(name, message);
            }
            if let Some(row) = floor(of, after) {
                let (major, minor, patch) = row.before;
                let message = format!(
                    "{said}: every member has to be {major}.{minor}.{patch} or later before: {} ({})",
                    row.why, row.source
                );
                warnings.mind(name, message);
            }
        }
    }
}

/// What does not follow a configuration by itself.
fn of_leftovers(name: &str, old: &FoundHost, new: &FoundHost, warnings: &mut Warnings) {
    if let Some(message) = without_proxy(old, new) {
        warnings.mind(name, message);
    }
    if let Some(message) = left_all_the_same(old, new) {
        warnings.mind(name, message);
    }
    for ((field, ..), before, after) in settings_of_pods(old, new) {
        let message = format!(
            "{field} of the kubelet {before} -> {after}: pods that run were started by the old one, so the node is emptied before"
        );
        warnings.mind(name, message);
    }
    if let Some(format) = another_format(old, new) {
        let message = format!(
            "containerd's configuration becomes one of version {}, which containerd {} and later read: an older one {} ({}); whoever goes \
             back needs the old file as well",
            format.version, format.since, format.older, format.source
        );
        warnings.mind(name, message);
    }
}

/// Members of etcd that are each other's servers and clients, with certificates that are renewed: what waits for the health of all waits for
/// those that have not got theirs, once the old ones have ended. Nothing here knows what time it is.
fn members_that_may_have_ended(all: &[Sides<'_>], warnings: &mut Warnings) {
    let leaf = |side: &Side<'_>, flag: &str| {
        let path = side.command("etcd")?.flag(flag)?.to_owned();
        certificates(side.host.files.get(&path)?).find(|certificate| !certificate.authority)
    };
    let ends = |sides: &Sides<'_>| {
        let (old, new) = (sides.old.as_ref()?, sides.new.as_ref()?);
        let renewed = ["cert-file", "peer-cert-file"].into_iter().filter_map(|flag| {
            let (before, after) = (leaf(old, flag)?, leaf(new, flag)?);
            (after.not_after > before.not_after).then_some(before.not_after)
        });
        renewed.min()
    };
    let members: Vec<_> = all
        .iter()
        .filter_map(|sides| Some((sides.name, ends(sides)?)))
        .collect();
    let Some(first) = members.iter().map(|(_, ends)| ends).min().filter(|_| members.len() > 1) else {
        return;
    };
    let message = format!(
        "certificates of etcd end, the first of them at {}: once they have ended, members don't hear each other, and what waits until all are \
         healthy never ends. Then first run ./install.sh on every one of them, and wait after that",
        instant(*first)
    );
    for (name, _) in &members {
        warnings.mind(name, message.as_str());
    }
}

/// Nodes that get another release where nothing tells of the API servers that they call.
fn nodes_without_their_api_servers(all: &[Sides<'_>], warnings: &mut Warnings) {
    let serves = |side: &Option<Side<'_>>| side.as_ref().is_some_and(|side| side.runs("kube-apiserver"));
    if all.iter().any(|sides| serves(&sides.new)) {
        return;
    }
    for sides in all {
        let version = |side: &Option<Side<'_>>| {
            let node = side.as_ref().filter(|side| side.runs("kubelet"));
            node.and_then(|side| kubernetes_version(side.host))
        };
        if let (Some(before), Some(after)) = (version(&sides.old), version(&sides.new))
            && before != after
        {
            let message = format!(
                "a kubelet may not be newer than an API server, nor much older: every API server has to be of {after} or of one of \
                 the next {} minors before (https://kubernetes.io/releases/version-skew-policy/)",
                may_be_behind("kubelet", after).unwrap_or_default()
            );
            warnings.mind(sides.name, message);
        }
    }
}

/// Flags whose values outlive a restart: program, flag, what it means.
#[rustfmt::skip]
const LASTING: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "service-cluster-ip-range",
        "Services keep the addresses that they have, and the certificate and pods of the old range's first address with them"),
    ("kube-apiserver", "service-account-issuer",
        "tokens of the old issuer are refused, unless it is kept as a second --service-account-issuer"),
    ("kube-apiserver", "etcd-prefix", "the API server no longer finds what is stored under the old prefix"),
    ("kube-controller-manager", "cluster-cidr",
        "nodes keep the ranges of pods that they have until they are deleted and join again"),
    ("etcd", "data-dir", "the member starts empty in another folder: move the old one there first"),
    ("etcd", "wal-dir", "the member begins a new log beside its old data, and never gets ready: move the old one there first, while it is stopped"),
    ("kubelet", "register-with-taints", "it counts when a node registers: kubectl taint changes those that have"),
    ("kubelet", "node-labels", "what a label no longer says stays on the node: kubectl label takes it away"),
    ("kubelet", "hostname-override", "the node joins as another one; delete the old one with kubectl delete node"),
];

fn of_flags(sides: &Sides<'_>, old: &Side<'_>, new: &Side<'_>, warnings: &mut Warnings) {
    for command in old.commands.iter().chain(&new.commands) {
        let program = &command.program;
        if !LASTING.iter().any(|(of, ..)| of == program) {
            continue;
        }
        if let Some(path) = command.flag("config-file").filter(|_| command.is_elsewhere()) {
            let message =
                format!("{program} --config-file {path} is not here: whether what it says changes is not known");
            warnings.mind(sides.name, message);
        }
        for variable in &command.untold {
            let message = format!(
                "{program} is given ${variable}, and what may set it is not here: whether what it holds changes is not known"
            );
            warnings.mind(sides.name, message);
        }
    }
    // What becomes of the Node of a machine with another name is among the steps.
    let told = |flag: &str| !(sides.is_renamed && flag == "hostname-override");
    for (program, flag, meaning) in LASTING.iter().filter(|(_, flag, _)| told(flag)) {
        let value = |side: &Side<'_>| {
            let default = match *flag {
                "hostname-override" => side.host.name.as_str(),
                _ => "",
            };
            let command = side.command(program)?;
            let is_known = !command.is_elsewhere() && command.untold.is_empty();
            let value = command.flag(flag);
            value.or(is_known.then_some(default)).map(str::to_owned)
        };
        if let (Some(before), Some(after)) = (value(old), value(new))
            && before != after
        {
            let message = match (before.as_str(), after.as_str()) {
                // Names and addresses differ from host to host, so one message for all is the better one.
                _ if matches!(*flag, "hostname-override") => {
                    format!("{program} --{flag} changes: {meaning}")
                }
                (before, after) => format!("{program} --{flag} {before} -> {after}: {meaning}"),
            };
            warnings.mind(sides.name, message);
        }
    }
}

/// The files of a host that are encryption configurations: path and content.
fn encryption_files(host: &FoundHost) -> Vec<(&str, Tree)> {
    let mut files = Vec::new();
    for (path, file) in &host.files {
        let text = file.text().unwrap_or_default();
        // Every other file of a fleet would have to be read otherwise.
        if text.contains("EncryptionConfig") {
            let documents = document::yaml(text).unwrap_or_default().into_iter();
            files.extend(
                documents
                    .filter(Tree::is_encryption)
                    .map(|document| (path.as_str(), document)),
            );
        }
    }
    files
}

/// All keys in the order in which they are tried.
fn encryption_keys(files: &[(&str, Tree)]) -> Vec<EncryptionKey> {
    let entries = files.iter().flat_map(|(_, config)| config.items_at(&["resources"]));
    entries.flat_map(providers).filter_map(|(_, key)| key).collect()
}

/// `kept_elsewhere`: whether another host has an encryption configuration after the change.
fn of_encryption(
    name: &str,
    old: &FoundHost,
    new: &FoundHost,
    known: KeysKnown,
    kept_elsewhere: impl Fn() -> bool,
    warnings: &mut Warnings,
) {
    let (before, after) = (encryption_files(old), encryption_files(new));
    if after.is_empty() && before.iter().any(|(path, _)| new.files.contains_key(*path)) {
        // It is there and can't be read, which is told.
        return;
    }
    if after.is_empty() && kept_elsewhere() {
        return;
    }
    let after = encryption_keys(&after);
    for EncryptionKey {
        provider,
        name: key,
        secret,
    } in encryption_keys(&before)
    {
        let is_named = |other: &&EncryptionKey| other.provider == provider && other.name == key;
        let is_kept = |other: &EncryptionKey| known == KeysKnown::WithoutSeed || other.secret == secret;
        let how = match after.iter().filter(is_named).collect::<Vec<_>>().as_slice() {
            [] => "is dropped",
            named if named.iter().any(|other| is_kept(other)) => continue,
            _ => "is replaced by another of the same name",
        };
        let message = format!(
            "the encryption key {provider} {key} {how}: what is stored under it can't be read any more, by nobody; write \
             everything again under another key before (kubectl get secrets -A -o json | kubectl replace -f -)"
        );
        warnings.irreversible(name, message);
    }
}

/// A new key that is written with at once: API servers that restart later can't read what the first one writes.
fn write_key_first(pairs: &[Pair<'_>], warnings: &mut Warnings) {
    let is_new = |pair: &&Pair<'_>| {
        let (Some(old), Some(new)) = (pair.old, pair.new) else {
            return false;
        };
        let before = encryption_files(old);
        let first = encryption_keys(&encryption_files(new)).into_iter().next();
        !before.is_empty() && first.is_some_and(|first| !encryption_keys(&before).contains(&first))
    };
    let hosts: Vec<&str> = pairs.iter().filter(is_new).map(|pair| pair.name).collect();
    if hosts.len() > 1 {
        for host in hosts {
            let message = "a new encryption key is written with at once: until all API servers have it, some can't read \
                 what others write; add it as the second key and restart all first, then put it first";
            warnings.mind(host, message);
        }
    }
}

/// Authorities that are trusted and are no longer. What the controller manager alone reads, to sign, nobody trusts.
fn of_authorities(name: &str, old: &Side<'_>, new: &Side<'_>, warnings: &mut Warnings) {
    for (path, file) in &old.host.files {
        let Some(after) = new.host.files.get(path) else {
            continue;
        };
        let is_certificate = file.content.expose().starts_with(b"-----BEGIN CERTIFICATE");
        if file.content == after.content || !is_certificate || old.only_signs(path) && new.only_signs(path) {
            continue;
        }
        let keys: Vec<Vec<u8>> = certificates(after).map(|certificate| certificate.public_key).collect();
        // Whoever is trusted now was trusted before: the old one goes at the end of its time, as announced.
        if certificates(file).any(|one| keys.contains(&one.public_key)) {
            continue;
        }
        for authority in certificates(file).filter(|one| one.authority && !keys.contains(&one.public_key)) {
            let message = format!(
                "the authority {:?} gets another key: whoever has it already refuses who has not, and the reverse; let \
                 everybody trust both certificates first, then sign with the new one, and drop the old one at the end (the \
                 file of --cluster-signing-cert-file always holds one: with two kube-controller-manager does not start)",
                authority.subject
            );
            warnings.mind(name, message);
        }
    }
}

pub(super) fn certificates(file: &File) -> impl Iterator<Item = Certificate> {
    let items = items(file.content.expose()).into_iter();
    items.filter_map(|item| match item {
        Item::Certificate(certificate) => Some(Arc::unwrap_or_clone(certificate)),
        _ => None,
    })
}

fn of_tokens(name: &str, old: &Side<'_>, new: &Side<'_>, warnings: &mut Warnings) {
    let keys = |side: &Side<'_>| -> BTreeSet<Vec<u8>> {
        let Some(api) = side.command("kube-apiserver") else {
            return BTreeSet::new();
        };
        let files = api.flags.get("service-account-key-file").into_iter().flatten();
        files
            .filter_map(|path| side.host.files.get(path))
            .flat_map(|file| items(file.content.expose()))
            .filter_map(|item| match item {
                Item::PrivateKey(spki) | Item::PublicKey(spki) => Some(spki),
                Item::Certificate(certificate) => Some(certificate.public_key.clone()),
                _ => None,
            })
            .collect()
    };
    let (before, after) = (keys(old), keys(new));
    if !after.is_empty() && !before.is_empty() && before.is_disjoint(&after) {
        let message = "the key of service accounts is replaced: every token signed with the old one is refused; keep the \
             old public key as a second --service-account-key-file until all pods have new tokens";
        warnings.mind(name, message);
    }
}

/// Load balancers are changed before the nodes that call them.
fn of_server(name: &str, old: &Side<'_>, new: &Side<'_>, warnings: &mut Warnings) {
    let (before, after) = (servers_called(old.host), servers_called(new.host));
    let gone: Vec<&str> = before.difference(&after).map(String::as_str).collect();
    if new.runs("kubelet") && !gone.is_empty() && !after.is_empty() {
        let message = format!(
            "until its own turn the node calls {}: if nobody answers there any more, it is NotReady after a minute, and \
             its pods are replaced after five; keep that answering until the last node is done, or make no pause between",
            gone.join(" and ")
        );
        warnings.mind(name, message);
    }
}

/// API servers' certificates without a name that kubeconfigs have called until now.
fn names_that_clients_still_call(all: &[Sides<'_>], warnings: &mut Warnings) {
    let called: BTreeSet<String> = all
        .iter()
        .filter_map(|sides| sides.old.as_ref())
        .flat_map(|side| servers_called(side.host))
        .filter_map(|server| Some(Url::parse(&server)?.host))
        .collect();
    let serving = |side: &Side<'_>| -> Option<Certificate> {
        let path = side.command("kube-apiserver")?.flag("tls-cert-file")?;
        certificates(side.host.files.get(path)?).next()
    };
    for sides in all {
        let serving = |side: &Option<Side<'_>>| side.as_ref().and_then(serving);
        let (Some(before), Some(after)) = (serving(&sides.old), serving(&sides.new)) else {
            continue;
        };
        for name in called.iter().filter(|name| before.covers(name) && !after.covers(name)) {
            let message = format!(
                "the API server's certificate loses {name}, which kubeconfigs call until they are replaced; keep it among \
                 the names until every client has moved"
            );
            warnings.mind(sides.name, message);
        }
    }
}
