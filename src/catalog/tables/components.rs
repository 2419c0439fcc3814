//! The programs that run as systemd units: on which hosts | in which order they start | which flags and settings they get.
//!
//! The value of a flag or setting may use the variables of `facts`. What only some releases take is in `releases`, what only
//! one layout needs in `layouts`.

use crate::catalog::change::Program;
use crate::catalog::component::{Component, ConfigFile, Format, Unit};
use crate::catalog::engines::{Engine, Runtime};
use crate::catalog::flag::SettingValue::{Bool, File, Integer, Text, Texts};
use crate::catalog::flag::{Flag, Given, Setting, file, flag, set, switch};
use crate::catalog::roles::Role;
use crate::catalog::scope::{On, When};

/// The port that every API server listens on, and the default of endpoints and load balancers.
pub const API_SERVER_PORT: u16 = 6443;

const fn row(
    name: &'static str,
    program: Program,
    when: When,
    on: On,
    unit: Unit,
    flags: &'static [Flag],
    config: Option<ConfigFile>,
) -> Component {
    Component {
        name,
        program,
        when,
        on,
        unit,
        flags,
        config,
    }
}

const fn yaml(at: &'static str, settings: &'static [Setting]) -> Option<ConfigFile> {
    let format = Format::Yaml;
    Some(ConfigFile { at, format, settings })
}

const fn toml(at: &'static str, settings: &'static [Setting]) -> Option<ConfigFile> {
    let format = Format::Toml;
    Some(ConfigFile { at, format, settings })
}

use Unit::{Generated, Packaged};

/// The program and its unit | by whose versions | in which clusters | on which hosts | who makes the unit | flags | configuration file.
///
/// In the order in which they start on a host and over the cluster: <https://kubernetes.io/docs/concepts/overview/components/>.
#[rustfmt::skip]
pub const COMPONENTS: &[Component] = &[
    row("etcd", Program::Etcd, When::Always, On::Role(Role::Etcd), Generated, ETCD, None),
    row("kube-apiserver", Program::Kubernetes, When::Always, On::Role(Role::ControlPlane), Generated, KUBE_APISERVER, None),
    row("kube-controller-manager", Program::Kubernetes, When::Always, On::Role(Role::ControlPlane), Generated, KUBE_CONTROLLER_MANAGER, None),
    row("kube-scheduler", Program::Kubernetes, When::Always, On::Role(Role::ControlPlane), Generated, KUBE_SCHEDULER, yaml("/etc/kubernetes/config/kube-scheduler.yaml", KUBE_SCHEDULER_CONFIG)),
    row("pod-routes", Program::Kubernetes, When::Bridges, On::Either(Role::ControlPlane, Role::Worker), Generated, &[], None),
    row("containerd", Program::Containerd, When::Runtime(Runtime::Containerd), On::Role(Role::Worker), Packaged, &[], toml("/etc/containerd/config.toml", CONTAINERD_CONFIG)),
    row("docker", Program::Kubernetes, When::Runtime(Runtime::Docker), On::Role(Role::Worker), Packaged, &[], None),
    row("kubelet", Program::Kubernetes, When::Always, On::Role(Role::Worker), Generated, KUBELET, yaml("/var/lib/kubelet/kubelet-config.yaml", KUBELET_CONFIG)),
    row("kube-proxy", Program::Kubernetes, When::KubeProxy, On::Role(Role::Worker), Generated, KUBE_PROXY, yaml("/var/lib/kube-proxy/kube-proxy-config.yaml", KUBE_PROXY_CONFIG)),
    row("nginx", Program::Kubernetes, When::Engine(Engine::Nginx), On::Role(Role::LoadBalancer), Packaged, &[], None),
    row("haproxy", Program::Kubernetes, When::Engine(Engine::Haproxy), On::Role(Role::LoadBalancer), Packaged, &[], None),
    row("keepalived", Program::Kubernetes, When::VirtualAddress, On::Role(Role::LoadBalancer), Packaged, &[], None),
];

// <https://etcd.io/docs/v3.3/op-guide/configuration/>
#[rustfmt::skip]
const ETCD: &[Flag] = &[
    flag("name", "{{ host.name }}"),
    file("cert-file", "etcd_server"),
    file("key-file", "etcd_server_key"),
    file("peer-cert-file", "etcd_peer"),
    file("peer-key-file", "etcd_peer_key"),
    file("trusted-ca-file", "etcd_ca"),
    file("peer-trusted-ca-file", "etcd_ca"),
    switch("peer-client-cert-auth"),
    switch("client-cert-auth"),
    flag("initial-advertise-peer-urls", "https://{{ host.url_ip }}:2380"),
    flag("listen-peer-urls", "https://{{ host.url_ip }}:2380"),
    flag("listen-client-urls", "https://{{ host.url_ip }}:2379,https://{{ loopback }}:2379"),
    flag("advertise-client-urls", "https://{{ host.url_ip }}:2379"),
    flag("initial-cluster-token", "{{ cluster.name }}-etcd"),
    flag("initial-cluster", "{{ etcd.initial_cluster }}"),
    flag("initial-cluster-state", "{{ etcd.initial_cluster_state }}"),
    flag("data-dir", "/var/lib/etcd"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>
#[rustfmt::skip]
const KUBE_APISERVER: &[Flag] = &[
    flag("advertise-address", "{{ host.ip }}"),
    flag("allow-privileged", "true"),
    flag("audit-log-maxage", "30"),
    flag("audit-log-maxbackup", "3"),
    flag("audit-log-maxsize", "100"),
    flag("audit-log-path", "/var/log/kubernetes/audit.log"),
    // Without a policy the log backend records nothing.
    flag("audit-policy-file", "/etc/kubernetes/config/audit-policy.yaml"),
    flag("authorization-mode", "Node,RBAC"),
    flag("bind-address", "{{ any_address }}"),
    file("client-ca-file", "ca"),
    // The one plugin worth naming: it is never on by default, and without it a node may change any other node's objects.
    flag("enable-admission-plugins", "NodeRestriction"),
    flag("encryption-provider-config", "/var/lib/kubernetes/encryption-config.yaml"),
    file("etcd-cafile", "etcd_ca"),
    file("etcd-certfile", "apiserver_etcd_client"),
    file("etcd-keyfile", "apiserver_etcd_client_key"),
    flag("etcd-servers", "{{ etcd.servers }}"),
    flag("event-ttl", "1h"),
    file("kubelet-certificate-authority", "ca"),
    file("kubelet-client-certificate", "apiserver_kubelet_client"),
    file("kubelet-client-key", "apiserver_kubelet_client_key"),
    flag("kubelet-preferred-address-types", "InternalIP,InternalDNS,Hostname,ExternalIP,ExternalDNS"),
    flag("profiling", "false"),
    flag("secure-port", "{{ api_server_port }}"),
    flag("service-account-issuer", "https://kubernetes.default.svc.{{ cluster.domain }}"),
    file("service-account-key-file", "service_account"),
    file("service-account-signing-key-file", "service_account_key"),
    flag("service-cluster-ip-range", "{{ network.services }}"),
    flag("service-node-port-range", "30000-32767"),
    file("tls-cert-file", "apiserver"),
    flag("tls-min-version", "VersionTLS12"),
    file("tls-private-key-file", "apiserver_key"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/>
#[rustfmt::skip]
const KUBE_CONTROLLER_MANAGER: &[Flag] = &[
    // Where the nodes' bridges have their ranges from the compiler, nobody else may hand out others.
    flag("allocate-node-cidrs", "{{ 'true' if network.allocate_node_ranges else 'false' }}"),
    flag("authentication-kubeconfig", "/var/lib/kubernetes/kube-controller-manager.kubeconfig"),
    flag("authorization-kubeconfig", "/var/lib/kubernetes/kube-controller-manager.kubeconfig"),
    flag("bind-address", "{{ loopback_address }}"),
    file("client-ca-file", "ca"),
    flag("cluster-cidr", "{{ network.pods }}"),
    flag("cluster-name", "{{ cluster.name }}"),
    // Who signs is one certificate, and with two in this file it does not start; who is trusted may be several.
    file("cluster-signing-cert-file", "ca_signing").only(Given::ClusterSigning),
    file("cluster-signing-key-file", "ca_key").only(Given::ClusterSigning),
    flag("kubeconfig", "/var/lib/kubernetes/kube-controller-manager.kubeconfig"),
    flag("leader-elect", "true"),
    // Its default was 24 for both families; an IPv6 range is longer than that.
    flag("node-cidr-mask-size", "{{ network.node_prefix }}").only(Given::OneFamily),
    flag("node-cidr-mask-size-ipv4", "{{ network.node_prefix_ipv4 }}").only(Given::BothFamilies),
    flag("node-cidr-mask-size-ipv6", "{{ network.node_prefix_ipv6 }}").only(Given::BothFamilies),
    flag("profiling", "false"),
    file("root-ca-file", "ca"),
    file("service-account-private-key-file", "service_account_key"),
    flag("service-cluster-ip-range", "{{ network.services }}"),
    flag("tls-min-version", "VersionTLS12"),
    flag("use-service-account-credentials", "true"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/>
#[rustfmt::skip]
const KUBE_SCHEDULER: &[Flag] = &[
    flag("authentication-kubeconfig", "/var/lib/kubernetes/kube-scheduler.kubeconfig"),
    flag("authorization-kubeconfig", "/var/lib/kubernetes/kube-scheduler.kubeconfig"),
    flag("bind-address", "{{ loopback_address }}"),
    flag("config", "/etc/kubernetes/config/kube-scheduler.yaml"),
    flag("tls-min-version", "VersionTLS12"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/>
#[rustfmt::skip]
const KUBE_SCHEDULER_CONFIG: &[Setting] = &[
    // Its version is the release's.
    set(&["apiVersion"], Text("")),
    set(&["kind"], Text("KubeSchedulerConfiguration")),
    set(&["clientConnection", "kubeconfig"], Text("/var/lib/kubernetes/kube-scheduler.kubeconfig")),
    set(&["leaderElection", "leaderElect"], Bool(true)),
    set(&["enableProfiling"], Bool(false)),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/>
#[rustfmt::skip]
const KUBELET: &[Flag] = &[
    flag("config", "/var/lib/kubelet/kubelet-config.yaml"),
    // The name under which the node registers must be the one in its certificate.
    flag("hostname-override", "{{ host.name }}"),
    flag("kubeconfig", "/var/lib/kubelet/kubeconfig"),
    flag("node-ip", "{{ host.ips | join(',') }}"),
    flag("node-labels", "{{ host.labels }}").only(Given::Labels),
    flag("register-node", "true"),
    flag("register-with-taints", "{{ host.taints }}").only(Given::Taints),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>
#[rustfmt::skip]
const KUBELET_CONFIG: &[Setting] = &[
    set(&["apiVersion"], Text("kubelet.config.k8s.io/v1beta1")),
    set(&["kind"], Text("KubeletConfiguration")),
    set(&["authentication", "anonymous", "enabled"], Bool(false)),
    set(&["authentication", "webhook", "enabled"], Bool(true)),
    set(&["authentication", "x509", "clientCAFile"], File("ca")),
    set(&["authorization", "mode"], Text("Webhook")),
    set(&["cgroupDriver"], Text("{{ runtime.cgroup_driver }}")),
    set(&["clusterDomain"], Text("{{ cluster.domain }}")),
    set(&["clusterDNS"], Texts("{{ network.dns_addresses | join(',') }}")),
    set(&["readOnlyPort"], Integer(0)),
    set(&["resolvConf"], Text("{{ network.resolv_conf }}")),
    set(&["runtimeRequestTimeout"], Text("15m")),
    set(&["tlsCertFile"], File("kubelet_serving")),
    set(&["tlsMinVersion"], Text("VersionTLS12")),
    set(&["tlsPrivateKeyFile"], File("kubelet_serving_key")),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/>
#[rustfmt::skip]
const KUBE_PROXY: &[Flag] = &[
    flag("config", "/var/lib/kube-proxy/kube-proxy-config.yaml"),
];

// <https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>
#[rustfmt::skip]
const KUBE_PROXY_CONFIG: &[Setting] = &[
    set(&["apiVersion"], Text("kubeproxy.config.k8s.io/v1alpha1")),
    set(&["kind"], Text("KubeProxyConfiguration")),
    set(&["clientConnection", "kubeconfig"], Text("/var/lib/kube-proxy/kubeconfig")),
    set(&["bindAddress"], Text("{{ any_address }}")),
    set(&["mode"], Text("{{ network.proxy_mode }}")),
    set(&["clusterCIDR"], Text("{{ network.pods }}")),
    set(&["hostnameOverride"], Text("{{ host.name }}")),
];

// All of it is the release's.
const CONTAINERD_CONFIG: &[Setting] = &[];
