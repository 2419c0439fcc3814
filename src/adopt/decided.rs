//! What khw-gen decides by itself and was otherwise in what runs: told with what it becomes, since nobody else says that it changes.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::programs::{PROGRAMS, RunningProgram};
use crate::audit::balancers::Keepalived;
use crate::audit::document::Tree;
use crate::audit::names::{Url, is_loopback};
use crate::audit::static_pods::containers;
use crate::audit::view::{HostView, View};
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::found::printable;
use crate::secrecy::hidden;

/// How two values of a flag are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Text,
    /// One that is every address, or none, is as good as another such.
    Address,
    /// What is gone counts: others may come.
    Urls,
}

use Compared::{Address, Text, Urls};

/// Component | flag | how it is compared | what follows.
#[rustfmt::skip]
const DECIDED: &[(&str, &str, Compared, &str)] = &[
    ("etcd", "name", Text, "its member is called like its host; its data and its place among the others stay"),
    ("etcd", "listen-client-urls", Urls, "lead its other clients there (backups, monitoring): API servers are"),
    ("etcd", "advertise-client-urls", Urls, "lead its other clients there (backups, monitoring): API servers are"),
    ("etcd", "listen-peer-urls", Urls, PEERS),
    ("etcd", "initial-advertise-peer-urls", Urls, PEERS),
    ("kube-apiserver", "advertise-address", Text, "the service `kubernetes` leads there"),
    ("kube-apiserver", "bind-address", Address, "it listens there: see what a firewall has to keep out"),
    ("kube-apiserver", "secure-port", Text, "lead whatever calls the old port to the new one: load balancers that are not adopted, firewalls, kubeconfigs of people"),
    ("kube-apiserver", "etcd-servers", Urls, "its data has to be in these: see that they are members of the same etcd"),
    ("kube-controller-manager", "master", Text, "it calls the API server that its kubeconfig names"),
    ("kube-controller-manager", "cluster-name", Text, "cloud providers know load balancers of the cluster by it"),
    ("kube-scheduler", "master", Text, "it calls the API server that its kubeconfig names"),
    ("kube-proxy", "master", Text, "it calls the API server that its kubeconfig names"),
];
const PEERS: &str = "tell the members before (etcdctl member update ID --peer-urls=URL), one at a time, or they look for it at the old place";
const RENEWED: &str =
    "kubelets ask for no certificates any more: builds issue them, and they end with `issued` of cluster.toml";

/// What runs and what is made of it, by the host's name.
pub(super) type ReplacedProgram<'a, 'v> = (String, &'a RunningProgram<'v>, &'a RunningProgram<'v>);

/// What is told once, with what it is on the first machine that has it so, and on how many.
#[derive(Default)]
struct Told(BTreeMap<(String, String), (Evidence, String, usize)>);

impl Told {
    /// `what` is the same on all machines of which it is one thing to be told.
    fn add(&mut self, what: &str, evidence: Evidence, message: String, hint: String) {
        let first = self.0.entry((what.to_owned(), hint)).or_insert((evidence, message, 0));
        first.2 += 1;
    }

    fn say(self, say: &Reporter) {
        for ((_, hint), (evidence, message, times)) in self.0 {
            let more = match times - 1 {
                0 => String::new(),
                more => format!(" (and likewise at {more} more)"),
            };
            let message = printable(&hidden(&format!("{evidence}: {message}{more}")));
            let told = Diagnostic::new(codes::DECIDED, message);
            say.add(if hint.is_empty() { told } else { told.hint(hint) });
        }
    }
}

/// Tells all of it.
pub(super) fn tell_decided(pairs: &[ReplacedProgram<'_, '_>], say: &Reporter) {
    let mut told = Told::default();
    for (_, running, made) in pairs {
        flags(running, made, &mut told);
        kubelets_certificates(running, &mut told);
        called_at_itself(running, made, &mut told);
        sockets(running, made, &mut told);
        addresses_of_nodes(running, made, &mut told);
    }
    plain_http(pairs, say);
    told.say(say);
}

fn flags(running: &RunningProgram<'_>, made: &RunningProgram<'_>, told: &mut Told) {
    let rows = DECIDED.iter().filter(|(of, ..)| *of == running.name());
    for (_, flag, compared, follows) in rows {
        let (Some(theirs), ours) = (running.flag(flag), made.flag(flag)) else {
            continue;
        };
        let (from, to) = match compared {
            Urls => match gone(running, made, flag) {
                Some(both) => both,
                None => continue,
            },
            Address if is_any(theirs) && ours.is_none_or(is_any) => continue,
            _ if ours == Some(theirs) => continue,
            _ => (theirs.to_owned(), ours.unwrap_or("nothing").to_owned()),
        };
        let what = format!("{} {flag}", running.name());
        told.add(
            &what,
            running.evidence(flag),
            format!("{from} becomes {to}"),
            (*follows).to_owned(),
        );
    }
}

fn is_any(address: &str) -> bool {
    ["0.0.0.0", "::", "[::]"].contains(&address)
}

/// The URLs of a flag that ours has not, and those that ours has; what is plain HTTP is told by itself.
fn gone(running: &RunningProgram<'_>, made: &RunningProgram<'_>, flag: &str) -> Option<(String, String)> {
    let read = |url: &str| Url::parse(url).map(|url| (url.scheme, url.host, url.port));
    let ours = made.line.list(flag);
    // An etcd of the same machine is one of its members, if it is at the same port.
    let ports: Vec<Option<u16>> = ours.iter().filter_map(|url| Some(Url::parse(url)?.port)).collect();
    let is_of_itself = |url: &str| {
        let url = Url::parse(url).filter(|url| is_loopback(&url.host) && flag == "etcd-servers");
        url.is_some_and(|url| ports.contains(&url.port))
    };
    let gone: Vec<&str> = running
        .line
        .list(flag)
        .into_iter()
        .filter(|url| !ours.iter().any(|own| own == url || read(own) == read(url)))
        .filter(|url| !is_plain(url) && !is_of_itself(url))
        .collect();
    (!gone.is_empty()).then(|| (gone.join(","), ours.join(",")))
}

fn is_plain(url: &str) -> bool {
    Url::parse(url).is_some_and(|url| url.scheme == "http")
}

/// etcd without TLS gets it, and who speaks the one does not understand the other.
fn plain_http(pairs: &[ReplacedProgram<'_, '_>], say: &Reporter) {
    let members = pairs.iter().filter(|(_, running, _)| running.name() == "etcd");
    let plain = |flags: &[&'static str]| {
        let flags = flags.to_vec();
        members.clone().find_map(move |(_, running, _)| {
            let is_here = |flag: &&&str| running.line.list(flag).into_iter().any(is_plain);
            let flag = flags.iter().find(is_here)?;
            Some(format!(
                "{}: {}",
                running.evidence(flag),
                running.flag(flag).unwrap_or_default()
            ))
        })
    };
    let clients = plain(&["listen-client-urls", "advertise-client-urls"]);
    let peers = plain(&["listen-peer-urls", "initial-advertise-peer-urls"]);
    let count = members.clone().count();
    if let Some(place) = &clients {
        let message = format!("{place}: plain HTTP becomes HTTPS, which asks every client for a certificate");
        let hint = "etcd and the API servers change together: install and restart them right after one another, and give other clients \
                    (backups, monitoring) a certificate of etcd's authority";
        say.add(Diagnostic::new(codes::DECIDED, printable(&hidden(&message))).hint(hint));
    }
    if let Some(place) = &peers {
        let message = format!(
            "{place}: plain HTTP between members becomes HTTPS, and members of both kinds don't reach one another"
        );
        let hint = match count {
            1 => "take a snapshot before (etcdctl snapshot save FILE); a single member asks no other one",
            _ => {
                "plan a pause: take a snapshot (etcdctl snapshot save FILE), tell each member's new URL (etcdctl member update ID \
                 --peer-urls=https://ADDRESS:2380), install all members, restart them together, and say again what was refused meanwhile"
            }
        };
        say.add(Diagnostic::new(codes::DECIDED, printable(&hidden(&message))).hint(hint));
    }
}

/// Kubelets that have their certificates renewed by the cluster.
fn kubelets_certificates(running: &RunningProgram<'_>, told: &mut Told) {
    let is_on = |value: Option<&str>| value == Some("true");
    let config = running.config().filter(|_| running.name() == "kubelet");
    let by_setting = config.and_then(|(path, config)| {
        let mut settings = ["rotateCertificates", "serverTLSBootstrap"].into_iter();
        let setting = settings.find(|setting| is_on(config.text_at(&[setting])))?;
        Some(Evidence::within(running.host, path, &format!("{setting}:"), setting))
    });
    let flag = "rotate-certificates";
    let by_flag = (running.name() == "kubelet" && is_on(running.flag(flag))).then(|| running.evidence(flag));
    if let Some(evidence) = by_flag.or(by_setting) {
        let message =
            "kubelets have their certificates renewed by the cluster, and by builds from the first one on".to_owned();
        told.add(flag, evidence, message, RENEWED.to_owned());
    }
}

/// A flag, or the setting that says the same; and where theirs stands.
fn said<'p>(program: &'p RunningProgram<'_>, flag: &str, setting: &str) -> Option<(&'p str, Evidence)> {
    if let Some(value) = program.flag(flag) {
        return Some((value, program.evidence(flag)));
    }
    let (path, config) = program.config()?;
    let evidence = Evidence::within(program.host, path, &format!("{setting}:"), setting);
    Some((config.text_at(&[setting])?, evidence))
}

/// What runs containers, by where it is called.
fn sockets(running: &RunningProgram<'_>, made: &RunningProgram<'_>, told: &mut Told) {
    let socket = |program| said(program, "container-runtime-endpoint", "containerRuntimeEndpoint");
    let (Some((theirs, evidence)), ours) = (socket(running), socket(made)) else {
        return;
    };
    let plain = |socket: &str| socket.trim_start_matches("unix://").replace("/var/run/", "/run/");
    let ours = ours.map_or("nothing", |(ours, _)| ours);
    if running.name() == "kubelet" && plain(theirs) != plain(ours) {
        let hint = "what listens at the new one has to be there before (`[runtime]` of cluster.toml says what), and pods of the old one are not \
                    known to it: drain the node first";
        told.add("sockets", evidence, format!("{theirs} becomes {ours}"), hint.to_owned());
    }
}

/// What kube-proxy takes for its node's address.
fn addresses_of_nodes(running: &RunningProgram<'_>, made: &RunningProgram<'_>, told: &mut Told) {
    let Some((theirs, evidence)) =
        said(running, "bind-address", "bindAddress").filter(|_| running.name() == "kube-proxy")
    else {
        return;
    };
    let of_node = made
        .host
        .programs("kubelet")
        .flat_map(|kubelet| kubelet.line.list("node-ip"));
    if !is_any(theirs) && !of_node.into_iter().any(|ip| ip == theirs) {
        let hint =
            "kube-proxy takes the address of the Node for its own: see that it is one at which node ports are called";
        told.add(
            "nodes",
            evidence,
            format!("{theirs} becomes the address of the Node"),
            hint.to_owned(),
        );
    }
}

/// A node that reaches the API by a load balancer of its own.
fn called_at_itself(running: &RunningProgram<'_>, made: &RunningProgram<'_>, told: &mut Told) {
    let server = |program: &RunningProgram<'_>| {
        let documents = program.host.documents.get(program.file("kubeconfig")?)?;
        let mut clusters = documents.iter().flat_map(|one| one.items_at(&["clusters"]));
        clusters.find_map(|one| one.text_at(&["cluster", "server"]).map(str::to_owned))
    };
    let (Some(theirs), Some(ours)) = (server(running), server(made)) else {
        return;
    };
    let is_of_itself = |url: &str| Url::parse(url).is_some_and(|url| is_loopback(&url.host));
    let has_api = made.host.runs("kube-apiserver");
    if running.name() != "kubelet" || has_api || !is_of_itself(&theirs) || is_of_itself(&ours) {
        return;
    }
    let path = running.file("kubeconfig").unwrap_or_default();
    let port = Url::parse(&theirs).and_then(|url| url.port);
    let listens = running.host.balancers.iter().find(|(_, balancer)| {
        let mut listens = balancer.services.iter().flat_map(|service| &service.listens);
        listens.any(|one| Some(one.port) == port)
    });
    let by = listens.map_or_else(
        || "a program of the node's own".to_owned(),
        |(path, _)| format!("what {path} configures"),
    );
    let message =
        format!("the node calls {theirs}, where {by} passes it on to the API servers, and it is to call {ours} itself");
    let hint = "see that `endpoint` of cluster.toml is an address behind which all API servers are (a load balancer, a virtual address): with that \
                of one machine the nodes are lost when it is; take the node's own balancer away when no kubeconfig leads there any more";
    told.add(
        "kubeconfig of a node",
        Evidence::file(running.host, path),
        message,
        hint.to_owned(),
    );
}

/// Pods that a kubelet starts from its folder and no unit takes the place of.
pub(super) fn tell_other_pods(pairs: &[ReplacedProgram<'_, '_>], say: &Reporter) {
    let mut told = Told::default();
    for (_, kubelet, made) in pairs.iter().filter(|(_, running, _)| running.name() == "kubelet") {
        let in_config = |program: &RunningProgram<'_>| {
            let config = program.config().map(|(_, config)| config);
            config.and_then(|config| config.text_at(&["staticPodPath"]).map(str::to_owned))
        };
        let of_flag = kubelet.flag("pod-manifest-path").map(str::to_owned);
        let folder = of_flag.or_else(|| in_config(kubelet));
        let folder = folder.unwrap_or_else(|| "/etc/kubernetes/manifests".to_owned());
        if in_config(made).is_some() {
            continue;
        }
        for (path, documents) in &kubelet.host.documents {
            let is_there = path
                .rsplit_once('/')
                .is_some_and(|(of, _)| of == folder.trim_end_matches('/'));
            let is_others = |pod: &&Tree| {
                let mut started = containers(pod).map(|container| container.line.program).peekable();
                pod.kind() == "Pod" && !started.any(|program| PROGRAMS.contains(&program.as_str()))
            };
            for pod in documents.iter().filter(is_others).filter(|_| is_there) {
                let name = pod.text_at(&["metadata", "name"]).unwrap_or("without a name");
                let message =
                    format!("the kubelet starts the pod {name} from {folder}, and the new one starts none: it stops");
                let hint = format!(
                    "to keep it, write staticPodPath = \"{folder}\" below [components.kubelet.config], and see that the pods which units take the \
                     place of are out of that folder first; else have something else do what it does before"
                );
                told.add(name, Evidence::file(kubelet.host, path), message, hint);
            }
        }
    }
    told.say(say);
}

/// What passes connections on, and what carries addresses: each file is replaced as a whole.
pub(super) fn tell_balancers(view: &View<'_>, made: &View<'_>, names: &BTreeMap<String, String>, say: &Reporter) {
    let mut told = Told::default();
    for theirs in view.hosts.iter().filter(|host| !host.host.loose) {
        let ours = names
            .get(theirs.name)
            .and_then(|name| made.hosts.iter().find(|host| host.name == name));
        let Some(ours) = ours else { continue };
        balancers(theirs, ours, &mut told);
        for (path, keepalived) in &theirs.shared {
            if let Some((at, own)) = ours
                .shared
                .iter()
                .next()
                .filter(|(at, _)| !is_same_file(theirs, path, ours, at))
            {
                let changes = of_routers(keepalived, own);
                if !changes.is_empty() {
                    let message = format!("{at} has it otherwise: {}", changes.join("; "));
                    let hint = "load balancers that don't understand one another carry the address both: install all of them right after one \
                                another; what you need of the old file goes into a drop-in or a check of your own";
                    told.add(path, Evidence::file(theirs, path), message, hint.to_owned());
                }
            }
        }
    }
    told.say(say);
}

fn is_same_file(theirs: &HostView<'_>, path: &str, ours: &HostView<'_>, at: &str) -> bool {
    theirs.host.text(path) == ours.host.text(at)
}

fn balancers(theirs: &HostView<'_>, ours: &HostView<'_>, told: &mut Told) {
    let Some((at, own)) = ours.balancers.iter().next() else {
        return;
    };
    for (path, balancer) in &theirs.balancers {
        if balancer.services.is_empty() || is_same_file(theirs, path, ours, at) {
            continue;
        }
        let evidence = Evidence::file(theirs, path);
        if path == at {
            let message =
                "it is replaced as a whole: what it says besides the port and the servers is left out".to_owned();
            let hint = "look through it for timeouts, checks, and listeners of other services, which need a place of their own";
            told.add(path, evidence, message, hint.to_owned());
        } else if balancer.program == own.program && balancer.program == "nginx" {
            let message =
                format!("its stream block passes connections on, and {at} brings one of its own: nginx refuses two");
            let hint = format!(
                "take the `stream` block out of {path} before the new one is installed: install.sh includes {at} in nginx.conf"
            );
            told.add(path, evidence, message, hint);
        }
    }
}

/// How virtual routers of one address differ, in words.
fn of_routers(theirs: &Keepalived, ours: &Keepalived) -> Vec<String> {
    let mut changes = Vec::new();
    for router in &theirs.routers {
        let same = ours
            .routers
            .iter()
            .find(|own| own.addresses.iter().any(|ip| router.addresses.contains(ip)));
        let Some(own) = same else { continue };
        let mut differs = |is: bool, words: String| changes.extend(is.then_some(words));
        differs(
            router.authentication != own.authentication && !router.authentication.0.is_empty(),
            format!("no authentication ({} before)", router.authentication.0),
        );
        differs(
            router.priority != own.priority,
            format!("priority {} ({} before)", own.priority, router.priority),
        );
        differs(
            router.peers.is_none() && own.peers.is_some(),
            "its peers one by one (all of its network before)".to_owned(),
        );
        differs(
            !router.stays && own.stays,
            "it leaves the address where it is when it comes back (it took it before)".to_owned(),
        );
        differs(
            !router.scripts.is_empty(),
            "the process is watched (a script of its own before)".to_owned(),
        );
    }
    changes
}
