//! The programs that run as systemd units: on which hosts | in which order they start | which flags they get.
//!
//! A flag's value may use the variables of `facts`. What only some releases take is in `releases`.

use super::roles::Role;

/// The port that every API server listens on, and the default of endpoints and load balancers.
pub const API_SERVER_PORT: u16 = 6443;

/// A command-line flag, without its dashes, and its value; none for a flag that takes no value.
pub type Flag = (&'static str, Option<&'static str>);

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the program and, with `.service`, of its unit.
    pub name: &'static str,
    pub on: Role,
    pub flags: &'static [Flag],
}

const fn flag(name: &'static str, value: &'static str) -> Flag {
    (name, Some(value))
}

const fn switch(name: &'static str) -> Flag {
    (name, None)
}

/// In the order in which they start on a host and over the cluster: <https://kubernetes.io/docs/concepts/overview/components/>.
pub const COMPONENTS: &[Component] = &[
    Component {
        name: "etcd",
        on: Role::Etcd,
        flags: ETCD,
    },
    Component {
        name: "kube-apiserver",
        on: Role::ControlPlane,
        flags: KUBE_APISERVER,
    },
    Component {
        name: "kube-controller-manager",
        on: Role::ControlPlane,
        flags: KUBE_CONTROLLER_MANAGER,
    },
    Component {
        name: "kube-scheduler",
        on: Role::ControlPlane,
        flags: KUBE_SCHEDULER,
    },
    Component {
        name: "kubelet",
        on: Role::Worker,
        flags: KUBELET,
    },
    Component {
        name: "kube-proxy",
        on: Role::Worker,
        flags: KUBE_PROXY,
    },
];

// <https://etcd.io/docs/v3.3/op-guide/configuration/>
const ETCD: &[Flag] = &[
    flag("name", "{{ host.name }}"),
    flag("cert-file", "/etc/etcd/kubernetes.pem"),
    flag("key-file", "/etc/etcd/kubernetes-key.pem"),
    flag("peer-cert-file", "/etc/etcd/kubernetes.pem"),
    flag("peer-key-file", "/etc/etcd/kubernetes-key.pem"),
    flag("trusted-ca-file", "/etc/etcd/ca.pem"),
    flag("peer-trusted-ca-file", "/etc/etcd/ca.pem"),
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
    flag("etcd-cafile", "/var/lib/kubernetes/ca.pem"),
    flag("etcd-certfile", "/var/lib/kubernetes/kubernetes.pem"),
    flag("etcd-keyfile", "/var/lib/kubernetes/kubernetes-key.pem"),
    flag("etcd-servers", "{{ etcd.servers }}"),
    flag("event-ttl", "1h"),
    flag("kubelet-certificate-authority", "/var/lib/kubernetes/ca.pem"),
    flag("kubelet-client-certificate", "/var/lib/kubernetes/kubernetes.pem"),
    flag("kubelet-client-key", "/var/lib/kubernetes/kubernetes-key.pem"),
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
    flag("service-account-key-file", "/var/lib/kubernetes/service-account.pem"),
    flag(
        "service-account-signing-key-file",
        "/var/lib/kubernetes/service-account-key.pem",
    ),
    flag("service-cluster-ip-range", "{{ network.services }}"),
    flag("service-node-port-range", "30000-32767"),
    flag("tls-cert-file", "/var/lib/kubernetes/kubernetes.pem"),
    flag("tls-min-version", "VersionTLS12"),
    flag("tls-private-key-file", "/var/lib/kubernetes/kubernetes-key.pem"),
    flag("v", "2"),
];

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/>
const KUBE_CONTROLLER_MANAGER: &[Flag] = &[
    flag("allocate-node-cidrs", "true"),
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
    flag("cluster-signing-cert-file", "/var/lib/kubernetes/ca.pem"),
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

// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/>
const KUBE_PROXY: &[Flag] = &[flag("config", "/var/lib/kube-proxy/kube-proxy-config.yaml")];

impl Component {
    /// The component of that name.
    pub fn by_name(name: &str) -> Option<&'static Component> {
        COMPONENTS.iter().find(|component| component.name == name)
    }
}
