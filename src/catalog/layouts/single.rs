//! The walk-through's layout: one authority, and one certificate for the API server and etcd.

use crate::catalog::holds::Holds::{self, Certificate, PrivateKey, PublicKeys, Trust};
use crate::catalog::identity::KeyPurpose::{self, Client, ServerAndClient, Tokens};
use crate::catalog::identity::SignedBy::{Authority, Itself};
use crate::catalog::identity::{ANY, Identity, NODE, Names, Per, group, user};
use crate::catalog::roles::Role;

/// The CSR file that tells the walk-through's folder from others: its one certificate for everything.
pub const SINGLE_CSR: &str = "kubernetes-csr.json";

/// The walk-through's certificates, in its order.
#[rustfmt::skip]
pub const IDENTITIES: &[Identity] = &[
    Identity { name: "ca", files: "ca", csr: "ca-csr.json", built_in: include_str!("single/ca-csr.json"), signed_by: Itself, profile: None, per: Per::Cluster, names: Names::None, purpose: KeyPurpose::Authority, subject: ANY, only_of: None, what: "certificate authority of the cluster" },
    Identity { name: "node", files: "{host}", csr: "node-csr.json", built_in: include_str!("single/node-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Each(Role::Worker), names: Names::Node, purpose: ServerAndClient, subject: NODE, only_of: None, what: "kubelet, as client and as server" },
    Identity { name: "kube-controller-manager", files: "kube-controller-manager", csr: "kube-controller-manager-csr.json", built_in: include_str!("single/kube-controller-manager-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-controller-manager"), only_of: None, what: "client of the API server" },
    Identity { name: "kube-proxy", files: "kube-proxy", csr: "kube-proxy-csr.json", built_in: include_str!("single/kube-proxy-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-proxy"), only_of: Some("kube-proxy"), what: "client of the API server" },
    Identity { name: "kube-scheduler", files: "kube-scheduler", csr: "kube-scheduler-csr.json", built_in: include_str!("single/kube-scheduler-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, purpose: Client, subject: user("system:kube-scheduler"), only_of: None, what: "client of the API server" },
    Identity { name: "admin", files: "admin", csr: "admin-csr.json", built_in: include_str!("single/admin-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, purpose: Client, subject: group("system:masters"), only_of: None, what: "administrator" },
    Identity { name: "kubernetes", files: "kubernetes", csr: SINGLE_CSR, built_in: include_str!("single/kubernetes-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::ApiServerAndEtcd, purpose: ServerAndClient, subject: ANY, only_of: None, what: "API server and etcd, as servers and as each other's clients" },
    Identity { name: "service-account", files: "service-account", csr: "service-account-csr.json", built_in: include_str!("single/service-account-csr.json"), signed_by: Authority("ca"), profile: None, per: Per::Cluster, names: Names::None, purpose: Tokens, subject: ANY, only_of: None, what: "key pair that signs and verifies service account tokens" },
];

/// What its certificates and keys are used for: in a template `pki.WHAT` is the name of the file.
#[rustfmt::skip]
pub const USES: &[(&str, Holds)] = &[
    ("ca", Trust("ca")),
    ("ca_signing", Certificate("ca")),
    ("ca_key", PrivateKey("ca")),
    ("etcd_ca", Trust("ca")),
    ("etcd_server", Certificate("kubernetes")),
    ("etcd_server_key", PrivateKey("kubernetes")),
    ("etcd_peer", Certificate("kubernetes")),
    ("etcd_peer_key", PrivateKey("kubernetes")),
    ("etcd_client", Certificate("kubernetes")),
    ("etcd_client_key", PrivateKey("kubernetes")),
    ("apiserver", Certificate("kubernetes")),
    ("apiserver_key", PrivateKey("kubernetes")),
    ("apiserver_etcd_client", Certificate("kubernetes")),
    ("apiserver_etcd_client_key", PrivateKey("kubernetes")),
    ("apiserver_kubelet_client", Certificate("kubernetes")),
    ("apiserver_kubelet_client_key", PrivateKey("kubernetes")),
    ("service_account", PublicKeys("service-account")),
    ("service_account_key", PrivateKey("service-account")),
    ("kubelet_serving", Certificate("node")),
    ("kubelet_serving_key", PrivateKey("node")),
];
