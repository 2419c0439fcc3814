//! The variables that a template may use.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalog::files_of;
use crate::catalog::holds::Through;
use crate::catalog::identity::CLUSTER_AUTHORITY;
use crate::catalog::layouts::kubelet_client_csr;
use crate::catalog::releases::Version;
use crate::catalog::tables::components::API_SERVER_PORT;
use crate::cluster::{Cluster, CsrFile, Host, HostState, Layout, PodNetwork, Role, Runtime, node_prefix};
use crate::plan::units_on;
use crate::settings::Value;

/// What a template knows of a host: its name, its address, and its address as a URL has it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HostFacts {
    pub name: String,
    /// The primary address.
    pub ip: String,
    pub url_ip: String,
    /// The addresses of each family of the cluster, the primary first.
    pub ips: Vec<String>,
    pub roles: Vec<&'static str>,
    /// `joining` or `leaving`, where it is about to do that in a cluster that runs.
    pub state: Option<&'static str>,
    /// The units that are generated for it, in the order in which they start.
    pub units: Vec<&'static str>,
    /// The labels as `--node-labels` takes them.
    pub labels: String,
    /// The taints as `--register-with-taints` takes them.
    pub taints: String,
    /// A worker's own parts of the pods' ranges.
    pub pods: Vec<String>,
    /// Whether its kubelet refuses to start where there is swap, whoever said so.
    pub fail_swap_on: bool,
    /// The file with its own resolvers, whoever named it.
    pub resolv_conf: String,
}

/// The way to the pods of another host.
#[derive(Clone, Debug, Serialize)]
pub struct PodRouteFacts {
    pub range: String,
    /// The host's address of the same family.
    pub via: String,
    pub host: String,
}

/// The cluster's name and DNS domain.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterFacts {
    pub name: String,
    /// `new`, or `running` once it is up.
    pub state: &'static str,
    pub domain: String,
}

/// The address ranges, as text; in a dual-stack cluster both with a comma between, the primary first.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkFacts {
    pub services: String,
    pub pods: String,
    /// The ranges of pods one by one.
    pub pod_ranges: Vec<String>,
    /// The first DNS address.
    pub dns: String,
    /// One DNS address, or one of each family.
    pub dns_addresses: Vec<String>,
    pub dual_stack: bool,
    /// The prefix length of each node's own part of the pods' range of a family; none where the cluster has no such range.
    pub node_prefix_ipv4: Option<u8>,
    pub node_prefix_ipv6: Option<u8>,
    /// The prefix length of each node's own part of the first range of pods.
    pub node_prefix: u8,
    /// Whether the controller manager hands out those parts.
    pub allocate_node_ranges: bool,
    pub proxy_mode: &'static str,
    /// The file with a node's own resolvers.
    pub resolv_conf: String,
}

/// etcd's members, in the forms that its flags and its clients' take.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EtcdFacts {
    /// Those with which the host's own member starts for the first time.
    pub initial_cluster: String,
    pub initial_cluster_state: &'static str,
    /// Those that API servers call: who comes or goes is not among them.
    pub servers: String,
}

/// What the load balancers listen on.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancerFacts {
    pub port: u16,
    pub listen_ipv6: bool,
    /// The program, which is the name of its unit and of its package too.
    pub engine: &'static str,
    pub virtual_ips: Vec<String>,
    /// So many connections it takes at once, and so many of them nodes may need.
    pub max_connections: u32,
    pub connections_of_nodes: u32,
    /// What keepalived does on this host, for each family; nothing where it does not run.
    pub vrrp: Vec<VrrpFacts>,
}

/// One address that moves between load balancers, as seen from one of them.
#[derive(Clone, Debug, Serialize)]
pub struct VrrpFacts {
    /// `ipv4` or `ipv6`.
    pub name: &'static str,
    pub address: String,
    pub interface: String,
    pub router_id: u8,
    pub priority: u8,
    /// The host's own address of the family.
    pub source: String,
    /// Those of the others.
    pub peers: Vec<String>,
}

/// Values of the releases.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseFacts {
    /// As it was written, perhaps with a patch version.
    pub kubernetes: String,
    /// Likewise.
    pub etcd: String,
    pub containerd: String,
    /// The release of Go that `[cluster] go` names.
    pub go: Option<String>,
    /// What etcdctl of that release wants before its name: until 3.4 it spoke the second version of etcd's interface if nobody said
    /// otherwise.
    pub etcdctl_environment: &'static str,
    pub health_path: &'static str,
    pub runtime_class_api_version: &'static str,
    pub cni_version: &'static str,
    pub sandbox_image: &'static str,
    pub coredns_image: &'static str,
}

/// What workers run pods with.
#[derive(Clone, Debug, Serialize)]
pub struct RuntimeFacts {
    pub engine: &'static str,
    pub unit: String,
    /// Where it answers the kubelet.
    pub socket: &'static str,
    pub cgroup_driver: &'static str,
    pub cgroup_v1: bool,
    pub gvisor: bool,
}

/// A user as RBAC knows it.
#[derive(Clone, Debug, Serialize)]
pub struct UserFacts {
    pub user: String,
    pub groups: Vec<String>,
}

/// The names of the hosts with a role, as a sentence lists them; empty where there are none.
#[derive(Clone, Debug, Serialize)]
pub struct RoleFacts {
    pub etcd: String,
    pub control_plane: String,
    pub load_balancer: String,
    pub worker: String,
    pub first_control_plane: String,
}

/// From when until when all certificates are valid, as RFC 3339 has it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateFacts {
    pub not_before: String,
    pub not_after: String,
    /// The same as fourteen digits, which a shell can compare.
    pub not_before_digits: String,
    pub not_after_digits: String,
    /// The authorities that sign elsewhere, whose keys no host has: `ca, etcd-ca`; empty where all are made here.
    pub elsewhere: String,
    /// Whether that of the cluster is one of them.
    pub ca_elsewhere: bool,
    /// Whether an API server shows a certificate whose key is of ML-DSA, which few clients know.
    pub api_server_ml_dsa: bool,
}

/// All variables for one host.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    pub cluster: ClusterFacts,
    pub network: NetworkFacts,
    pub host: HostFacts,
    /// The hosts of each role, in words.
    pub hosts: RoleFacts,
    /// The way to the pods of every worker but the host itself, in the order of the cluster.
    pub pod_routes: Vec<PodRouteFacts>,
    pub api_servers: Vec<HostFacts>,
    pub api_server_port: u16,
    /// The common name with which the API server calls kubelets.
    pub api_server_user: String,
    pub etcd: EtcdFacts,
    pub load_balancer: LoadBalancerFacts,
    /// `https://…` of the load balancer, or of what stands in its place.
    pub endpoint_url: String,
    /// Whether that is none of the hosts.
    pub endpoint_elsewhere: bool,
    /// The endpoint's host where it is a name, which every host must be able to resolve.
    pub endpoint_name: Option<String>,
    pub ipv6: bool,
    pub certificates: CertificateFacts,
    pub loopback_url: String,
    /// The loopback address, as a URL has it and plain.
    pub loopback: &'static str,
    pub loopback_address: &'static str,
    /// The address that means all addresses.
    pub any_address: &'static str,
    pub release: ReleaseFacts,
    pub runtime: RuntimeFacts,
    /// The file names of certificates and keys, by what they are for.
    pub pki: BTreeMap<&'static str, String>,
    /// `single` or `split`.
    pub layout: &'static str,
    pub admin: UserFacts,
}

/// Those of the variables that are a host's own: no two hosts need have the same.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OwnFacts {
    pub host: HostFacts,
    pub pki: BTreeMap<&'static str, String>,
    pub load_balancer: LoadBalancerFacts,
    pub etcd: EtcdFacts,
    pub pod_routes: Vec<PodRouteFacts>,
}

impl Facts {
    /// The URL of the API server for a kubeconfig.
    pub(crate) fn server(&self, through: Through) -> &str {
        match through {
            Through::Endpoint => &self.endpoint_url,
            Through::Loopback => &self.loopback_url,
        }
    }
}

/// The variables of each host of a cluster; what they share is worked out once.
#[derive(Debug)]
pub(crate) struct FactsOf<'a> {
    cluster: &'a Cluster,
    /// Those of no host in particular.
    shared: Facts,
    /// Whether anything reads the ways to the pods: from each host to each, they are too many to be worked out for nobody.
    with_routes: bool,
}

impl<'a> FactsOf<'a> {
    /// For rendering the files of the cluster's hosts.
    pub(crate) fn new(cluster: &'a Cluster) -> FactsOf<'a> {
        let bridges = cluster.nodes.pod_network == PodNetwork::Bridge;
        FactsOf {
            cluster,
            shared: shared(cluster),
            with_routes: bridges || cluster.files.iter().any(|file| file.text.contains("pod_routes")),
        }
    }

    /// The variables of a host of the cluster.
    pub(crate) fn of(&self, host: &Host) -> Facts {
        let own = self.own(host);
        Facts {
            host: own.host,
            pki: own.pki,
            load_balancer: own.load_balancer,
            etcd: own.etcd,
            pod_routes: own.pod_routes,
            ..self.shared.clone()
        }
    }

    /// Those that are the host's own.
    pub(crate) fn own(&self, host: &Host) -> OwnFacts {
        let cluster = self.cluster;
        OwnFacts {
            host: host_facts(cluster, host),
            pki: pki_files(cluster.pki.layout, host),
            load_balancer: LoadBalancerFacts {
                vrrp: vrrp(cluster, host),
                ..self.shared.load_balancer.clone()
            },
            etcd: EtcdFacts {
                initial_cluster: match host.is(Role::Etcd) {
                    true => initial_cluster(cluster.members_at_first_start(host)),
                    false => self.shared.etcd.initial_cluster.clone(),
                },
                ..self.shared.etcd.clone()
            },
            pod_routes: match self.with_routes {
                true => pod_routes(cluster, host),
                false => Vec::new(),
            },
        }
    }

    /// What all hosts have; where [`FactsOf::own`] has a variable, that one counts.
    pub(crate) fn shared(&self) -> &Facts {
        &self.shared
    }
}

/// The variables of `host` in `cluster`.
pub fn facts(cluster: &Cluster, host: &Host) -> Facts {
    let all = FactsOf {
        with_routes: true,
        ..FactsOf::new(cluster)
    };
    all.of(host)
}

/// The variables of every host, by its name, without `pod_routes`: each host has one to each other.
pub fn facts_of_all(cluster: &Cluster) -> impl Iterator<Item = (&str, Facts)> {
    let all = FactsOf {
        with_routes: false,
        ..FactsOf::new(cluster)
    };
    let hosts = cluster.hosts.iter();
    hosts.map(move |host| (host.name.as_str(), all.of(host)))
}

/// The variables that do not depend on the host; those that do are empty.
fn shared(cluster: &Cluster) -> Facts {
    let facts_of = |host: &Host| host_facts(cluster, host);
    let settled = |role| cluster.settled(role).map(facts_of).collect::<Vec<_>>();
    let ipv6 = cluster.is_ipv6();
    let loopback = if ipv6 { "[::1]" } else { "127.0.0.1" };
    Facts {
        cluster: ClusterFacts {
            name: cluster.name.clone(),
            state: cluster.state.name(),
            domain: cluster.domain.clone(),
        },
        network: NetworkFacts {
            services: joined(cluster.network.services.iter()),
            pods: joined(cluster.network.pods.iter()),
            pod_ranges: cluster.network.pods.iter().map(IpNet::to_string).collect(),
            dns: cluster.network.dns.primary.to_string(),
            dns_addresses: cluster.network.dns.iter().map(IpAddr::to_string).collect(),
            dual_stack: cluster.is_dual_stack(),
            node_prefix_ipv4: node_prefix_of(cluster, |range| matches!(range, IpNet::V4(_))),
            node_prefix_ipv6: node_prefix_of(cluster, |range| matches!(range, IpNet::V6(_))),
            node_prefix: node_prefix(&cluster.network.pods.primary),
            allocate_node_ranges: cluster.nodes.pod_network == PodNetwork::Own,
            proxy_mode: cluster.nodes.proxy_mode,
            resolv_conf: cluster.nodes.resolv_conf.clone(),
        },
        host: HostFacts::default(),
        hosts: RoleFacts {
            etcd: several(cluster, Role::Etcd),
            control_plane: several(cluster, Role::ControlPlane),
            load_balancer: several(cluster, Role::LoadBalancer),
            worker: several(cluster, Role::Worker),
            first_control_plane: cluster
                .settled(Role::ControlPlane)
                .next()
                .map(|host| host.name.clone())
                .unwrap_or_default(),
        },
        pod_routes: Vec::new(),
        api_servers: settled(Role::ControlPlane),
        api_server_port: API_SERVER_PORT,
        api_server_user: user_of(cluster, kubelet_client_csr(cluster.pki.layout)).user,
        etcd: EtcdFacts {
            initial_cluster: initial_cluster(cluster.settled(Role::Etcd)),
            initial_cluster_state: cluster.state.of_etcd(),
            servers: joined(
                settled(Role::Etcd)
                    .iter()
                    .map(|member| format!("https://{}:2379", member.url_ip)),
            ),
        },
        load_balancer: LoadBalancerFacts {
            port: cluster.load_balancing.port,
            listen_ipv6: cluster.has_ipv6(),
            engine: cluster.load_balancing.engine.name(),
            virtual_ips: cluster.virtual_ips().map(IpAddr::to_string).collect(),
            max_connections: cluster.load_balancing.max_connections,
            connections_of_nodes: cluster.load_balancing.connections_of_nodes,
            vrrp: Vec::new(),
        },
        endpoint_url: format!("https://{}:{}", in_url(&cluster.endpoint.host), cluster.endpoint.port),
        endpoint_name: Some(cluster.endpoint.host.clone()).filter(|host| host.parse::<IpAddr>().is_err()),
        endpoint_elsewhere: !cluster.virtual_ips().any(|ip| ip.to_string() == cluster.endpoint.host)
            && !cluster.hosts.iter().any(|host| host.is_called(&cluster.endpoint.host)),
        ipv6,
        certificates: certificate_facts(cluster),
        loopback_url: format!("https://{loopback}:{API_SERVER_PORT}"),
        loopback,
        loopback_address: if ipv6 { "::1" } else { "127.0.0.1" },
        any_address: if ipv6 { "::" } else { "0.0.0.0" },
        release: release_facts(cluster),
        runtime: runtime_facts(cluster),
        pki: BTreeMap::new(),
        layout: cluster.pki.layout.name(),
        admin: user_of(cluster, "admin-csr.json"),
    }
}

fn release_facts(cluster: &Cluster) -> ReleaseFacts {
    let release = &cluster.release;
    ReleaseFacts {
        kubernetes: cluster.version.clone(),
        etcd: cluster.etcd.clone(),
        containerd: release.containerd.to_string(),
        go: cluster.go.map(|go| go.to_string()),
        etcdctl_environment: match release.etcd < (Version { major: 3, minor: 4 }) {
            true => "ETCDCTL_API=3 ",
            false => "",
        },
        health_path: release.health_path,
        runtime_class_api_version: release.runtime_class_api_version,
        cni_version: release.cni_version,
        sandbox_image: release.sandbox_image,
        coredns_image: release.coredns_image,
    }
}

fn runtime_facts(cluster: &Cluster) -> RuntimeFacts {
    let nodes = &cluster.nodes;
    RuntimeFacts {
        engine: nodes.runtime.name(),
        unit: format!("{}.service", nodes.runtime.name()),
        socket: match nodes.runtime {
            Runtime::Containerd => "/run/containerd/containerd.sock",
            Runtime::Docker => "/var/run/dockershim.sock",
        },
        cgroup_driver: nodes.cgroup_driver.name(),
        cgroup_v1: nodes.cgroup_v1,
        gvisor: nodes.gvisor,
    }
}

/// The file names by use, in the layout of the cluster.
fn pki_files(layout: Layout, host: &Host) -> BTreeMap<&'static str, String> {
    let files = files_of(layout).map(|(what, name)| (what, name.replace("{host}", &host.name)));
    files.collect()
}

/// The user and the groups that the API server takes the bearer of a certificate for.
fn user_of(cluster: &Cluster, csr: &str) -> UserFacts {
    let csr = cluster.pki.csrs.get(csr);
    let (user, groups) = csr.map(CsrFile::user_and_groups).unwrap_or_default();
    UserFacts { user, groups }
}

fn certificate_facts(cluster: &Cluster) -> CertificateFacts {
    let validity = cluster.pki.validity_of_all();
    let digits = |at: OffsetDateTime| {
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    };
    let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_else(|_| at.to_string());
    CertificateFacts {
        not_before: text(validity.not_before),
        not_after: text(validity.not_after),
        not_before_digits: digits(validity.not_before),
        not_after_digits: digits(validity.not_after),
        elsewhere: cluster.pki.signers_elsewhere().collect::<Vec<_>>().join(", "),
        ca_elsewhere: cluster.pki.signs_elsewhere(CLUSTER_AUTHORITY),
        api_server_ml_dsa: cluster.pki.has_api_server_of_ml_dsa(),
    }
}

fn host_facts(cluster: &Cluster, host: &Host) -> HostFacts {
    let kubelet = cluster.overrides.of("kubelet", host).config;
    HostFacts {
        // The kubelet's own default: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>.
        fail_swap_on: kubelet.get("failSwapOn") != Some(&Value::Boolean(false)),
        resolv_conf: match kubelet.get("resolvConf") {
            Some(Value::Text(path)) => path.clone(),
            _ => cluster.nodes.resolv_conf.clone(),
        },
        name: host.name.clone(),
        ip: host.ip.primary.to_string(),
        url_ip: in_url(&host.ip.primary.to_string()),
        ips: host.ip.iter().map(IpAddr::to_string).collect(),
        roles: host.roles.iter().map(|role| role.name()).collect(),
        state: host.state.map(HostState::name),
        units: units_on(cluster, host).map(|component| component.name).collect(),
        labels: joined(host.labels.iter().map(|(key, value)| format!("{key}={value}"))),
        // Old kubelets want the equals sign of an empty value, and later ones take it.
        taints: joined(
            host.taints
                .iter()
                .map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect.name())),
        ),
        pods: host
            .pods
            .iter()
            .flat_map(|pods| pods.iter())
            .map(IpNet::to_string)
            .collect(),
    }
}

/// As `--initial-cluster` takes members.
fn initial_cluster<'a>(members: impl Iterator<Item = &'a Host>) -> String {
    let url_ip = |host: &Host| in_url(&host.ip.primary.to_string());
    joined(members.map(|member| format!("{}=https://{}:2380", member.name, url_ip(member))))
}

fn vrrp(cluster: &Cluster, host: &Host) -> Vec<VrrpFacts> {
    // The highest that still leaves room above it for what an operator adds by hand; the owner of an address has 255.
    const FIRST_PRIORITY: u8 = 200;
    let Some(shared) = &cluster.load_balancing.virtual_address else {
        return Vec::new();
    };
    let Some(number) = cluster.with(Role::LoadBalancer).position(|one| one.name == host.name) else {
        return Vec::new();
    };
    let priority = u8::try_from(number).map_or(1, |number| FIRST_PRIORITY.saturating_sub(number).max(1));
    let instances = shared.ip.iter().filter_map(|address| {
        let source_of = |host: &Host| {
            let mut own = host.ip.iter().chain(&host.addresses);
            own.find(|ip| ip.is_ipv6() == address.is_ipv6()).map(IpAddr::to_string)
        };
        let others = cluster.with(Role::LoadBalancer).filter(|one| one.name != host.name);
        Some(VrrpFacts {
            name: if address.is_ipv6() { "ipv6" } else { "ipv4" },
            address: address.to_string(),
            interface: host.interface.clone().or_else(|| shared.interface.clone())?,
            router_id: shared.router_id,
            priority,
            source: source_of(host)?,
            peers: others.filter_map(source_of).collect(),
        })
    });
    instances.collect()
}

fn pod_routes(cluster: &Cluster, to: &Host) -> Vec<PodRouteFacts> {
    let others = cluster.with(Role::Worker).filter(|worker| worker.name != to.name);
    let routes = others.flat_map(|worker| {
        let ranges = worker.pods.iter().flat_map(|pods| pods.iter());
        ranges.filter_map(|range| {
            let via = worker.ip.iter().find(|ip| ip.is_ipv6() == range.addr().is_ipv6())?;
            Some(PodRouteFacts {
                range: range.to_string(),
                via: via.to_string(),
                host: worker.name.clone(),
            })
        })
    });
    routes.collect()
}

fn node_prefix_of(cluster: &Cluster, is: impl Fn(&IpNet) -> bool) -> Option<u8> {
    cluster.network.pods.iter().find(|range| is(range)).map(node_prefix)
}

fn joined(parts: impl Iterator<Item = impl ToString>) -> String {
    parts.map(|part| part.to_string()).collect::<Vec<_>>().join(",")
}

/// A role's hosts in words, without those that are yet to come: a fleet is not listed whole.
fn several(cluster: &Cluster, role: Role) -> String {
    const SHOWN: usize = 12;
    let is_there = |host: &&Host| host.state != Some(HostState::Joining);
    let names: Vec<&str> = cluster
        .with(role)
        .filter(is_there)
        .map(|host| host.name.as_str())
        .collect();
    match names.get(SHOWN..) {
        Some(more) if !more.is_empty() => format!("{} and {} more", names[..SHOWN].join(", "), more.len()),
        _ => names.join(", "),
    }
}

/// A host as it stands in a URL: an IPv6 address goes in brackets (RFC 3986, section 3.2.2).
fn in_url(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
