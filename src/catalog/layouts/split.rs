//! The split layout: an authority for each purpose, and a certificate of its own for each server and each client.

use crate::catalog::flag::{Flag, file, flag};
use crate::catalog::holds::Holds::{self, Certificate, PrivateKey, PublicKeys, Trust};
use crate::catalog::identity::KeyPurpose::{self, Client, Server, ServerAndClient, Tokens};
use crate::catalog::identity::SignedBy::{Authority, Itself, Nobody};
use crate::catalog::identity::{ANY, Identity, NODE, Names, Per, group, user};
use crate::catalog::roles::Role;

/// What an operator signs off: kubeadm's list, with a certificate of its own for each server and each purpose.
#[rustfmt::skip]
pub const IDENTITIES: &[Identity] = &[
    Identity { name: "ca", files: "ca", csr: "ca-csr.json", built_in: include_str!("split/ca-csr.json"), signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, purpose: KeyPurpose::Authority, subject: ANY, only_of: None, what: "certificate authority of the cluster" },
    Identity { name: "etcd-ca", files: "etcd-ca", csr: "etcd-ca-csr.json", built_in: include_str!("split/etcd-ca-csr.json"), signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, purpose: KeyPurpose::Authority, subject: ANY, only_of: None, what: "certificate authority of etcd" },
    Identity { name: "front-proxy-ca", files: "front-proxy-ca", csr: "front-proxy-ca-csr.json", built_in: include_str!("split/front-proxy-ca-csr.json"), signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, purpose: KeyPurpose::Authority, subject: ANY, only_of: None, what: "certificate authority of the front proxy" },
    Identity { name: "apiserver", files: "apiserver-{host}", csr: "apiserver-csr.json", built_in: include_str!("split/apiserver-csr.json"), signed_by: Authority("ca"), profile: Some("server"), per: Per::Each(Role::ControlPlane), names: Names::ApiServer, purpose: Server, subject: ANY, only_of: None, what: "API server, as server" },
    Identity { name: "apiserver-kubelet-client", files: "apiserver-kubelet-client", csr: "apiserver-kubelet-client-csr.json", built_in: include_str!("split/apiserver-kubelet-client-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: ANY, only_of: None, what: "API server, as client of kubelets" },
    Identity { name: "apiserver-etcd-client", files: "apiserver-etcd-client", csr: "apiserver-etcd-client-csr.json", built_in: include_str!("split/apiserver-etcd-client-csr.json"), signed_by: Authority("etcd-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: ANY, only_of: None, what: "API server, as client of etcd" },
    // etcd's own gateway is a client of its server: <https://github.com/etcd-io/etcd/issues/9785>.
    Identity { name: "etcd-server", files: "etcd-server-{host}", csr: "etcd-server-csr.json", built_in: include_str!("split/etcd-server-csr.json"), signed_by: Authority("etcd-ca"), profile: Some("peer"), per: Per::Each(Role::Etcd), names: Names::Etcd, purpose: ServerAndClient, subject: ANY, only_of: None, what: "etcd, as server" },
    Identity { name: "etcd-peer", files: "etcd-peer-{host}", csr: "etcd-peer-csr.json", built_in: include_str!("split/etcd-peer-csr.json"), signed_by: Authority("etcd-ca"), profile: Some("peer"), per: Per::Each(Role::Etcd), names: Names::Etcd, purpose: ServerAndClient, subject: ANY, only_of: None, what: "etcd, to its peers" },
    Identity { name: "etcd-healthcheck-client", files: "etcd-healthcheck-client", csr: "etcd-healthcheck-client-csr.json", built_in: include_str!("split/etcd-healthcheck-client-csr.json"), signed_by: Authority("etcd-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: ANY, only_of: None, what: "whoever looks after etcd's health" },
    Identity { name: "front-proxy-client", files: "front-proxy-client", csr: "front-proxy-client-csr.json", built_in: include_str!("split/front-proxy-client-csr.json"), signed_by: Authority("front-proxy-ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: user("front-proxy-client"), only_of: None, what: "API server, as client of extension API servers" },
    Identity { name: "kubelet-client", files: "kubelet-client-{host}", csr: "kubelet-client-csr.json", built_in: include_str!("split/kubelet-client-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Each(Role::Worker), names: Names::None, purpose: Client, subject: NODE, only_of: None, what: "kubelet, as client of the API server" },
    Identity { name: "kubelet-serving", files: "kubelet-serving-{host}", csr: "kubelet-serving-csr.json", built_in: include_str!("split/kubelet-serving-csr.json"), signed_by: Authority("ca"), profile: Some("server"), per: Per::Each(Role::Worker), names: Names::Node, purpose: Server, subject: NODE, only_of: None, what: "kubelet, as server" },
    Identity { name: "kube-controller-manager", files: "kube-controller-manager", csr: "kube-controller-manager-csr.json", built_in: include_str!("split/kube-controller-manager-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-controller-manager"), only_of: None, what: "client of the API server" },
    Identity { name: "kube-scheduler", files: "kube-scheduler", csr: "kube-scheduler-csr.json", built_in: include_str!("split/kube-scheduler-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-scheduler"), only_of: None, what: "client of the API server" },
    Identity { name: "kube-proxy", files: "kube-proxy", csr: "kube-proxy-csr.json", built_in: include_str!("split/kube-proxy-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-proxy"), only_of: Some("kube-proxy"), what: "client of the API server" },
    Identity { name: "admin", files: "admin", csr: "admin-csr.json", built_in: include_str!("split/admin-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: ANY, only_of: None, what: "administrator, by a role that RBAC can take back" },
    Identity { name: "break-glass", files: "break-glass", csr: "break-glass-csr.json", built_in: include_str!("split/break-glass-csr.json"), signed_by: Authority("ca"), profile: Some("client"), per: Per::Cluster, names: Names::None, purpose: Client, subject: group("system:masters"), only_of: None, what: "administrator whom nothing stops, for emergencies" },
    Identity { name: "service-account", files: "service-account", csr: "service-account-csr.json", built_in: include_str!("split/service-account-csr.json"), signed_by: Nobody, profile: None, per: Per::Cluster, names: Names::None, purpose: Tokens, subject: ANY, only_of: None, what: "key pair that signs and verifies service account tokens" },
];

/// The keys of which every host of a role has the same, unless each is to have its own.
pub const SHARED: &[(&str, Role)] = &[
    ("apiserver-kubelet-client", Role::ControlPlane),
    ("apiserver-etcd-client", Role::ControlPlane),
    ("front-proxy-client", Role::ControlPlane),
    ("kube-controller-manager", Role::ControlPlane),
    ("kube-scheduler", Role::ControlPlane),
    ("etcd-healthcheck-client", Role::Etcd),
    ("kube-proxy", Role::Worker),
];

/// What the split layout adds: the front proxy has an authority of its own, without which the API server can't vouch for
/// its users to extension API servers (<https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/>).
#[rustfmt::skip]
pub const FLAGS: &[(&str, &[Flag])] = &[
    ("kube-apiserver", &[
        // Control planes run no kube-proxy, so a service's address leads nowhere from there.
        flag("enable-aggregator-routing", "true"),
        file("proxy-client-cert-file", "front_proxy_client"),
        file("proxy-client-key-file", "front_proxy_client_key"),
        flag("requestheader-allowed-names", "front-proxy-client"),
        file("requestheader-client-ca-file", "front_proxy_ca"),
        flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        flag("requestheader-group-headers", "X-Remote-Group"),
        flag("requestheader-username-headers", "X-Remote-User"),
    ]),
    ("kube-controller-manager", &[file("requestheader-client-ca-file", "front_proxy_ca")]),
];

/// What its certificates and keys are used for: in a template `pki.WHAT` is the name of the file.
#[rustfmt::skip]
pub const USES: &[(&str, Holds)] = &[
    ("ca", Trust("ca")),
    ("ca_signing", Certificate("ca")),
    ("ca_key", PrivateKey("ca")),
    ("etcd_ca", Trust("etcd-ca")),
    ("etcd_server", Certificate("etcd-server")),
    ("etcd_server_key", PrivateKey("etcd-server")),
    ("etcd_peer", Certificate("etcd-peer")),
    ("etcd_peer_key", PrivateKey("etcd-peer")),
    ("etcd_client", Certificate("etcd-healthcheck-client")),
    ("etcd_client_key", PrivateKey("etcd-healthcheck-client")),
    ("apiserver", Certificate("apiserver")),
    ("apiserver_key", PrivateKey("apiserver")),
    ("apiserver_etcd_client", Certificate("apiserver-etcd-client")),
    ("apiserver_etcd_client_key", PrivateKey("apiserver-etcd-client")),
    ("apiserver_kubelet_client", Certificate("apiserver-kubelet-client")),
    ("apiserver_kubelet_client_key", PrivateKey("apiserver-kubelet-client")),
    ("service_account", PublicKeys("service-account")),
    ("service_account_key", PrivateKey("service-account")),
    ("kubelet_serving", Certificate("kubelet-serving")),
    ("kubelet_serving_key", PrivateKey("kubelet-serving")),
    ("front_proxy_ca", Trust("front-proxy-ca")),
    ("front_proxy_client", Certificate("front-proxy-client")),
    ("front_proxy_client_key", PrivateKey("front-proxy-client")),
];
