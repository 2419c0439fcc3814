//! The variables that a template may use.

use std::net::IpAddr;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalog::artifacts::Through;
use crate::catalog::components::API_SERVER_PORT;
use crate::cluster::{Cluster, CsrFile, Host, Role};

/// What a template knows of a host: its name, its address, and its address as a URL has it.
#[derive(Clone, Debug, Serialize)]
pub struct HostFacts {
    pub name: String,
    pub ip: String,
    pub url_ip: String,
    pub roles: Vec<&'static str>,
    /// The units that are generated for it, in the order in which they start.
    pub units: Vec<&'static str>,
}

/// The cluster's name and DNS domain.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterFacts {
    pub name: String,
    pub domain: String,
}

/// The address ranges, as text.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkFacts {
    pub services: String,
    pub pods: String,
    pub dns: String,
    /// The prefix length of each node's own part of `pods`.
    pub node_prefix: u8,
}

/// etcd's members, in the forms that its flags and its clients' take.
#[derive(Clone, Debug, Serialize)]
pub struct EtcdFacts {
    pub initial_cluster: String,
    pub servers: String,
}

/// What the load balancers listen on.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancerFacts {
    pub port: u16,
    pub listen_ipv6: bool,
}

/// Values of the Kubernetes release.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseFacts {
    pub kubernetes: &'static str,
    pub etcd: &'static str,
    pub scheduler_api_version: &'static str,
    pub scheduler_insecure_bind_address: &'static str,
    pub runtime_unit: &'static str,
    pub health_path: &'static str,
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
}

/// All variables for one host.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    pub cluster: ClusterFacts,
    pub network: NetworkFacts,
    pub host: HostFacts,
    /// The hosts of each role, in words.
    pub hosts: RoleFacts,
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
    pub ipv6: bool,
    pub certificates: CertificateFacts,
    pub loopback_url: String,
    /// The loopback address, as a URL has it and plain.
    pub loopback: &'static str,
    pub loopback_address: &'static str,
    /// The address that means all addresses.
    pub any_address: &'static str,
    pub release: ReleaseFacts,
}

impl Facts {
    /// The URL of the API server for a kubeconfig.
    pub fn server(&self, through: Through) -> &str {
        match through {
            Through::Endpoint => &self.endpoint_url,
            Through::Loopback => &self.loopback_url,
        }
    }
}

/// The variables of `host` in `cluster`.
pub fn facts(cluster: &Cluster, host: &Host) -> Facts {
    let facts_of = |host: &Host| host_facts(cluster, host);
    let with = |role| cluster.with(role).map(facts_of).collect::<Vec<_>>();
    let etcd = with(Role::Etcd);
    let join = |parts: Vec<String>| parts.join(",");
    let ipv6 = cluster.is_ipv6();
    let loopback = if ipv6 { "[::1]" } else { "127.0.0.1" };
    Facts {
        cluster: ClusterFacts {
            name: cluster.name.clone(),
            domain: cluster.domain.clone(),
        },
        network: NetworkFacts {
            services: cluster.network.services.to_string(),
            pods: cluster.network.pods.to_string(),
            dns: cluster.network.dns.to_string(),
            node_prefix: cluster.node_prefix(),
        },
        host: facts_of(host),
        hosts: RoleFacts {
            etcd: several(cluster, Role::Etcd),
            control_plane: several(cluster, Role::ControlPlane),
            load_balancer: several(cluster, Role::LoadBalancer),
            worker: several(cluster, Role::Worker),
            first_control_plane: cluster
                .with(Role::ControlPlane)
                .next()
                .map(|host| host.name.clone())
                .unwrap_or_default(),
        },
        api_servers: with(Role::ControlPlane),
        api_server_port: API_SERVER_PORT,
        api_server_user: cluster
            .pki
            .csrs
            .get("kubernetes-csr.json")
            .map(CsrFile::user)
            .unwrap_or_default(),
        etcd: EtcdFacts {
            initial_cluster: join(
                etcd.iter()
                    .map(|m| format!("{}=https://{}:2380", m.name, m.url_ip))
                    .collect(),
            ),
            servers: join(etcd.iter().map(|m| format!("https://{}:2379", m.url_ip)).collect()),
        },
        load_balancer: LoadBalancerFacts {
            port: cluster.load_balancer_port,
            listen_ipv6: ipv6,
        },
        endpoint_url: format!("https://{}:{}", in_url(&cluster.endpoint.host), cluster.endpoint.port),
        endpoint_elsewhere: !cluster
            .hosts
            .iter()
            .any(|host| host.name == cluster.endpoint.host || host.ip.to_string() == cluster.endpoint.host),
        ipv6,
        certificates: certificate_facts(cluster),
        loopback_url: format!("https://{loopback}:{API_SERVER_PORT}"),
        loopback,
        loopback_address: if ipv6 { "::1" } else { "127.0.0.1" },
        any_address: if ipv6 { "::" } else { "0.0.0.0" },
        release: ReleaseFacts {
            kubernetes: cluster.release.kubernetes,
            etcd: cluster.release.etcd,
            scheduler_api_version: cluster.release.scheduler_api_version,
            scheduler_insecure_bind_address: cluster.release.scheduler_insecure_bind_address,
            runtime_unit: cluster.release.runtime_unit,
            health_path: cluster.release.health_path,
        },
    }
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
    }
}

fn host_facts(cluster: &Cluster, host: &Host) -> HostFacts {
    HostFacts {
        name: host.name.clone(),
        ip: host.ip.to_string(),
        url_ip: in_url(&host.ip.to_string()),
        roles: host.roles.iter().map(|role| role.name()).collect(),
        units: cluster.units_on(host).map(|component| component.name).collect(),
    }
}

/// A role's hosts in words: a fleet is not listed whole.
fn several(cluster: &Cluster, role: Role) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = cluster.with(role).map(|host| host.name.as_str()).collect();
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
