//! The programs that run as systemd units: on which hosts | in which order they start | which flags and settings they get.
//!
//! The value of a flag or setting may use the variables of `facts`. What only some releases take is in `releases`, what only
//! one layout needs in `layouts`.

use crate::catalog::component::{Component, ConfigFile, Format, Unit};
use crate::catalog::engines::{Engine, Runtime};
use crate::catalog::flag::{Flag, Setting, boolean, flag, integer, switch, text, texts};
use crate::catalog::roles::Role;
use crate::catalog::scope::{On, When};

/// The port that every API server listens on, and the default of endpoints and load balancers.
pub const API_SERVER_PORT: u16 = 6443;

const fn yaml(at: &'static str, settings: &'static [Setting]) -> Option<ConfigFile> {
    Some(ConfigFile {
        at,
        format: Format::Yaml,
        settings,
    })
}

/// In the order in which they start on a host and over the cluster: <https://kubernetes.io/docs/concepts/overview/components/>.
pub const COMPONENTS: &[Component] = &[
    Component {
        name: "etcd",
        when: When::Always,
        on: On::Role(Role::Etcd),
        unit: Unit::Generated,
        flags: ETCD,
        config: None,
    },
    Component {
        name: "kube-apiserver",
        when: When::Always,
        on: On::Role(Role::ControlPlane),
        unit: Unit::Generated,
        flags: KUBE_APISERVER,
        config: None,
    },
    Component {
        name: "kube-controller-manager",
        when: When::Always,
        on: On::Role(Role::ControlPlane),
        unit: Unit::Generated,
        flags: KUBE_CONTROLLER_MANAGER,
        config: None,
    },
    Component {
        name: "kube-scheduler",
        when: When::Always,
        on: On::Role(Role::ControlPlane),
        unit: Unit::Generated,
        flags: KUBE_SCHEDULER,
        config: yaml("/etc/kubernetes/config/kube-scheduler.yaml", KUBE_SCHEDULER_CONFIG),
    },
    Component {
        name: "pod-routes",
        when: When::Bridges,
        on: On::Either(Role::ControlPlane, Role::Worker),
        unit: Unit::Generated,
        flags: &[],
        config: None,
    },
    Component {
        name: "containerd",
        when: When::Runtime(Runtime::Containerd),
        on: On::Role(Role::Worker),
        unit: Unit::Packaged,
        flags: &[],
        config: Some(ConfigFile {
            at: "/etc/containerd/config.toml",
            format: Format::Toml,
            // All of it is the release's.
            settings: &[],
        }),
    },
    Component {
        name: "docker",
        when: When::Runtime(Runtime::Docker),
        on: On::Role(Role::Worker),
        unit: Unit::Packaged,
        flags: &[],
        config: None,
    },
    Component {
        name: "kubelet",
        when: When::Always,
        on: On::Role(Role::Worker),
        unit: Unit::Generated,
        flags: KUBELET,
        config: yaml("/var/lib/kubelet/kubelet-config.yaml", KUBELET_CONFIG),
    },
    Component {
        name: "kube-proxy",
        when: When::Always,
        on: On::Role(Role::Worker),
        unit: Unit::Generated,
        flags: KUBE_PROXY,
        config: yaml("/var/lib/kube-proxy/kube-proxy-config.yaml", KUBE_PROXY_CONFIG),
    },
    Component {
        name: "nginx",
        when: When::Engine(Engine::Nginx),
        on: On::Role(Role::LoadBalancer),
        unit: Unit::Packaged,
        flags: &[],
        config: None,
    },
    Component {
        name: "haproxy",
        when: When::Engine(Engine::Haproxy),
        on: On::Role(Role::LoadBalancer),
        unit: Unit::Packaged,
        flags: &[],
        config: None,
    },
    Component {
        name: "keepalived",
        when: When::VirtualAddress,
        on: On::Role(Role::LoadBalancer),
        unit: Unit::Packaged,
        flags: &[],
        config: None,
    },
];

// <https://etcd.io/docs/v3.3/op-guide/configuration/>
const ETCD: &[Flag] = &[
    flag("name", "{{ host.name }}"),
    flag("cert-file", "/etc/etcd/{{ pki.etcd_server }}"),
    flag("key-file", "/etc/etcd/{{ pki.etcd_server_key }}"),
    flag("peer-cert-file", "/etc/etcd/{{ pki.etcd_peer }}"),
    flag("peer-key-file", "/etc/etcd/{{ pki.etcd_peer_key }}"),
    flag("trusted-ca-file", "/etc/etcd/{{ pki.etcd_ca }}"),
    flag("peer-trusted-ca-file", "/etc/etcd/{{ pki.etcd_ca }}"),
    switch("peer-client-cert-auth"),
    switch("client-cert-auth"),
    flag("initial-advertise-peer-urls", "https://{{ host.url_ip }}:2380"),
    flag("listen-peer-urls", "https://{{ host.url_ip }}:2380"),
    flag(
        "listen-client-urls",
        "https://{{ host.url_ip }}:2379,https://{{ loopback }}:2379",
    ),
    flag("advertise-client-urls", "https://{{ host.url_ip }}:2379"),
    flag("initial-cluster-token", "{{ cluster.name }}-etcd"),
    flag("initial-cluster", "{{ etcd.initial_cluster }}"),
    flag("initial-cluster-state", "new"),
    flag("data-dir", "/var/lib/etcd"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>
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
    flag("client-ca-file", "/var/lib/kubernetes/ca.pem"),
    // The one plugin worth naming: it is never on by default, and without it a node may change any other node's objects.
    flag("enable-admission-plugins", "NodeRestriction"),
    flag(
        "encryption-provider-config",
        "/var/lib/kubernetes/encryption-config.yaml",
    ),
    flag("etcd-cafile", "/var/lib/kubernetes/{{ pki.etcd_ca }}"),
    flag("etcd-certfile", "/var/lib/kubernetes/{{ pki.apiserver_etcd_client }}"),
    flag(
        "etcd-keyfile",
        "/var/lib/kubernetes/{{ pki.apiserver_etcd_client_key }}",
    ),
    flag("etcd-servers", "{{ etcd.servers }}"),
    flag("event-ttl", "1h"),
    flag("kubelet-certificate-authority", "/var/lib/kubernetes/ca.pem"),
    flag(
        "kubelet-client-certificate",
        "/var/lib/kubernetes/{{ pki.apiserver_kubelet_client }}",
    ),
    flag(
        "kubelet-client-key",
        "/var/lib/kubernetes/{{ pki.apiserver_kubelet_client_key }}",
    ),
    flag(
        "kubelet-preferred-address-types",
        "InternalIP,InternalDNS,Hostname,ExternalIP,ExternalDNS",
    ),
    flag("profiling", "false"),
    flag("secure-port", "{{ api_server_port }}"),
    flag(
        "service-account-issuer",
        "https://kubernetes.default.svc.{{ cluster.domain }}",
    ),
    flag(
        "service-account-key-file",
        "/var/lib/kubernetes/{{ pki.service_account }}",
    ),
    flag(
        "service-account-signing-key-file",
        "/var/lib/kubernetes/service-account-key.pem",
    ),
    flag("service-cluster-ip-range", "{{ network.services }}"),
    flag("service-node-port-range", "30000-32767"),
    flag("tls-cert-file", "/var/lib/kubernetes/{{ pki.apiserver }}"),
    flag("tls-min-version", "VersionTLS12"),
    flag("tls-private-key-file", "/var/lib/kubernetes/{{ pki.apiserver_key }}"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/>
const KUBE_CONTROLLER_MANAGER: &[Flag] = &[
    // Where the nodes' bridges have their ranges from the compiler, nobody else may hand out others.
    flag(
        "allocate-node-cidrs",
        "{{ 'true' if network.allocate_node_ranges else 'false' }}",
    ),
    flag(
        "authentication-kubeconfig",
        "/var/lib/kubernetes/kube-controller-manager.kubeconfig",
    ),
    flag(
        "authorization-kubeconfig",
        "/var/lib/kubernetes/kube-controller-manager.kubeconfig",
    ),
    flag("bind-address", "{{ loopback_address }}"),
    flag("client-ca-file", "/var/lib/kubernetes/ca.pem"),
    flag("cluster-cidr", "{{ network.pods }}"),
    flag("cluster-name", "{{ cluster.name }}"),
    // Who signs is one certificate, and with two in this file it does not start; who is trusted may be several.
    flag("cluster-signing-cert-file", "/var/lib/kubernetes/ca-signing.pem"),
    flag("cluster-signing-key-file", "/var/lib/kubernetes/ca-key.pem"),
    flag("kubeconfig", "/var/lib/kubernetes/kube-controller-manager.kubeconfig"),
    flag("leader-elect", "true"),
    // Its default was 24 for both families; an IPv6 range is longer than that.
    flag(
        "node-cidr-mask-size",
        "{{ '' if network.dual_stack else network.node_prefix }}",
    ),
    flag(
        "node-cidr-mask-size-ipv4",
        "{{ network.node_prefix_ipv4 if network.dual_stack else '' }}",
    ),
    flag(
        "node-cidr-mask-size-ipv6",
        "{{ network.node_prefix_ipv6 if network.dual_stack else '' }}",
    ),
    flag("profiling", "false"),
    flag("root-ca-file", "/var/lib/kubernetes/ca.pem"),
    flag(
        "service-account-private-key-file",
        "/var/lib/kubernetes/service-account-key.pem",
    ),
    flag("service-cluster-ip-range", "{{ network.services }}"),
    flag("tls-min-version", "VersionTLS12"),
    flag("use-service-account-credentials", "true"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/>
const KUBE_SCHEDULER: &[Flag] = &[
    flag(
        "authentication-kubeconfig",
        "/var/lib/kubernetes/kube-scheduler.kubeconfig",
    ),
    flag(
        "authorization-kubeconfig",
        "/var/lib/kubernetes/kube-scheduler.kubeconfig",
    ),
    flag("bind-address", "{{ loopback_address }}"),
    flag("config", "/etc/kubernetes/config/kube-scheduler.yaml"),
    flag("tls-min-version", "VersionTLS12"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/>
const KUBE_SCHEDULER_CONFIG: &[Setting] = &[
    // Its version is the release's.
    text(&["apiVersion"], ""),
    text(&["kind"], "KubeSchedulerConfiguration"),
    text(
        &["clientConnection", "kubeconfig"],
        "/var/lib/kubernetes/kube-scheduler.kubeconfig",
    ),
    boolean(&["leaderElection", "leaderElect"], true),
    boolean(&["enableProfiling"], false),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/>
const KUBELET: &[Flag] = &[
    flag("config", "/var/lib/kubelet/kubelet-config.yaml"),
    // The name under which the node registers must be the one in its certificate.
    flag("hostname-override", "{{ host.name }}"),
    flag("kubeconfig", "/var/lib/kubelet/kubeconfig"),
    flag("node-ip", "{{ host.ips | join(',') }}"),
    flag("node-labels", "{{ host.labels }}"),
    flag("register-node", "true"),
    flag("register-with-taints", "{{ host.taints }}"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>
const KUBELET_CONFIG: &[Setting] = &[
    text(&["apiVersion"], "kubelet.config.k8s.io/v1beta1"),
    text(&["kind"], "KubeletConfiguration"),
    boolean(&["authentication", "anonymous", "enabled"], false),
    boolean(&["authentication", "webhook", "enabled"], true),
    text(
        &["authentication", "x509", "clientCAFile"],
        "/var/lib/kubernetes/ca.pem",
    ),
    text(&["authorization", "mode"], "Webhook"),
    text(&["cgroupDriver"], "{{ runtime.cgroup_driver }}"),
    text(&["clusterDomain"], "{{ cluster.domain }}"),
    texts(&["clusterDNS"], "{{ network.dns_addresses | join(',') }}"),
    integer(&["readOnlyPort"], 0),
    text(&["resolvConf"], "{{ network.resolv_conf }}"),
    text(&["runtimeRequestTimeout"], "15m"),
    text(&["tlsCertFile"], "/var/lib/kubelet/{{ pki.kubelet_serving }}"),
    text(&["tlsMinVersion"], "VersionTLS12"),
    text(&["tlsPrivateKeyFile"], "/var/lib/kubelet/{{ pki.kubelet_serving_key }}"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/>
const KUBE_PROXY: &[Flag] = &[flag("config", "/var/lib/kube-proxy/kube-proxy-config.yaml")];

// <https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>
const KUBE_PROXY_CONFIG: &[Setting] = &[
    text(&["apiVersion"], "kubeproxy.config.k8s.io/v1alpha1"),
    text(&["kind"], "KubeProxyConfiguration"),
    text(&["clientConnection", "kubeconfig"], "/var/lib/kube-proxy/kubeconfig"),
    text(&["bindAddress"], "{{ any_address }}"),
    text(&["mode"], "{{ network.proxy_mode }}"),
    text(&["clusterCIDR"], "{{ network.pods }}"),
    text(&["hostnameOverride"], "{{ host.name }}"),
];
