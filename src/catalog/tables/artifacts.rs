//! What lies on the hosts: on which hosts | at which path | who may read it | what it holds | what it is; and in which clusters.
//!
//! A row reads as a sentence. `{host}` in a path is the host's name; in a row that holds one of each certificate,
//! `{name}` is the name of its files. Directories end in a slash.

use crate::catalog::artifact::{Artifact, Reader};
use crate::catalog::engines::{Engine, Runtime};
use crate::catalog::holds::{Holds, Template, Through};
use crate::catalog::layouts::Layout;
use crate::catalog::roles::Role;
use crate::catalog::scope::{On, When};

pub(crate) const fn row(on: On, at: &'static str, reader: Reader, holds: Holds, what: &'static str) -> Artifact {
    Artifact {
        when: When::Always,
        on,
        at,
        reader,
        holds,
        what,
    }
}

macro_rules! template {
    ($path:literal) => {
        Template {
            path: $path,
            text: include_str!(concat!("../../templates/", $path)),
        }
    };
}

const CONTROL_PLANE: On = On::Role(Role::ControlPlane);
const ETCD: On = On::Role(Role::Etcd);
const WORKER: On = On::Role(Role::Worker);
const LOAD_BALANCER: On = On::Role(Role::LoadBalancer);
const ADMIN: On = On::Role(Role::Admin);
const CONTROL_PLANE_AND_WORKER: On = On::Either(Role::ControlPlane, Role::Worker);
const CONTROL_PLANE_AND_ADMIN: On = On::Either(Role::ControlPlane, Role::Admin);
const CONTROL_PLANE_BUT_ADMIN: On = On::But(Role::ControlPlane, Role::Admin);
const FIRST_CONTROL_PLANE_AND_ADMIN: On = On::FirstAnd(Role::ControlPlane, Role::Admin);

const SINGLE: When = When::Layout(Layout::Single);
const SPLIT: When = When::Layout(Layout::Split);
const KUBECONFIG_FILES: When = When::KubeconfigFiles;
const KUBECONFIG_FILES_IN_SPLIT: When = When::KubeconfigFilesIn(Layout::Split);
const CONTAINERD: When = When::Runtime(Runtime::Containerd);

use Holds::{
    Certificate, Config, Directory, EncryptionConfig, EveryCertificate, EveryInput, EveryKubeconfig, EveryPrivateKey,
    EveryRequest, Kubeconfig, PrivateKey, PublicKeys, Rendered, Trust, Unit,
};
use Reader::{Everyone, Root};
use Through::{Endpoint, Loopback};

/// Everything that is put on hosts.
#[rustfmt::skip]
pub const ARTIFACTS: &[Artifact] = &[
    row(ETCD, "/var/lib/etcd/", Root, Directory, "etcd's data"),
    row(ETCD, "/etc/etcd/ca.pem", Everyone, Trust("ca"), "CA that etcd's peers and clients are checked against").only(SINGLE),
    row(ETCD, "/etc/etcd/kubernetes.pem", Everyone, Certificate("kubernetes"), "etcd's certificate, for clients and peers").only(SINGLE),
    row(ETCD, "/etc/etcd/kubernetes-key.pem", Root, PrivateKey("kubernetes"), "its key").only(SINGLE),
    row(ETCD, "/etc/etcd/etcd-ca.pem", Everyone, Trust("etcd-ca"), "CA that etcd's peers and clients are checked against").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-server.pem", Everyone, Certificate("etcd-server"), "etcd's certificate for clients").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-server-key.pem", Root, PrivateKey("etcd-server"), "its key").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-peer.pem", Everyone, Certificate("etcd-peer"), "etcd's certificate for peers").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-peer-key.pem", Root, PrivateKey("etcd-peer"), "its key").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-healthcheck-client.pem", Everyone, Certificate("etcd-healthcheck-client"), "certificate with which etcdctl asks").only(SPLIT),
    row(ETCD, "/etc/etcd/etcd-healthcheck-client-key.pem", Root, PrivateKey("etcd-healthcheck-client"), "its key").only(SPLIT),
    row(ETCD, "/etc/systemd/system/etcd.service", Everyone, Unit("etcd", template!("etc/systemd/system/etcd.service")), "etcd's unit"),

    row(CONTROL_PLANE_AND_WORKER, "/var/lib/kubernetes/ca.pem", Everyone, Trust("ca"), "CA of the cluster"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/ca-signing.pem", Everyone, Certificate("ca"), "CA certificate with which the controller manager signs").only(When::ClusterSigning),
    row(CONTROL_PLANE, "/var/lib/kubernetes/ca-key.pem", Root, PrivateKey("ca"), "CA key, with which the controller manager signs").only(When::ClusterSigning),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kubernetes.pem", Everyone, Certificate("kubernetes"), "API server's certificate, also as client of etcd and kubelets").only(SINGLE),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kubernetes-key.pem", Root, PrivateKey("kubernetes"), "its key").only(SINGLE),
    row(CONTROL_PLANE, "/var/lib/kubernetes/service-account.pem", Everyone, PublicKeys("service-account"), "verifies service account tokens").only(SINGLE),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver.pem", Everyone, Certificate("apiserver"), "API server's certificate").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver-key.pem", Root, PrivateKey("apiserver"), "its key").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver-kubelet-client.pem", Everyone, Certificate("apiserver-kubelet-client"), "API server's certificate as client of kubelets").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver-kubelet-client-key.pem", Root, PrivateKey("apiserver-kubelet-client"), "its key").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/etcd-ca.pem", Everyone, Trust("etcd-ca"), "CA that etcd is checked against").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver-etcd-client.pem", Everyone, Certificate("apiserver-etcd-client"), "API server's certificate as client of etcd").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/apiserver-etcd-client-key.pem", Root, PrivateKey("apiserver-etcd-client"), "its key").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/front-proxy-ca.pem", Everyone, Trust("front-proxy-ca"), "CA that front proxies are checked against").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/front-proxy-client.pem", Everyone, Certificate("front-proxy-client"), "API server's certificate as client of extension API servers").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/front-proxy-client-key.pem", Root, PrivateKey("front-proxy-client"), "its key").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/service-account.pub", Everyone, PublicKeys("service-account"), "verifies service account tokens").only(SPLIT),
    row(CONTROL_PLANE, "/var/lib/kubernetes/service-account-key.pem", Root, PrivateKey("service-account"), "signs service account tokens"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/encryption-config.yaml", Root, EncryptionConfig(template!("var/lib/kubernetes/encryption-config.yaml")), "how secrets are encrypted in etcd, with the key"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-controller-manager.kubeconfig", Root, Kubeconfig("kube-controller-manager", Loopback), "controller manager's access to the API server"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-scheduler.kubeconfig", Root, Kubeconfig("kube-scheduler", Loopback), "scheduler's access to the API server"),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-controller-manager.pem", Everyone, Certificate("kube-controller-manager"), "controller manager's certificate, which its kubeconfig names").only(KUBECONFIG_FILES),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-controller-manager-key.pem", Root, PrivateKey("kube-controller-manager"), "its key").only(KUBECONFIG_FILES),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-scheduler.pem", Everyone, Certificate("kube-scheduler"), "scheduler's certificate, which its kubeconfig names").only(KUBECONFIG_FILES),
    row(CONTROL_PLANE, "/var/lib/kubernetes/kube-scheduler-key.pem", Root, PrivateKey("kube-scheduler"), "its key").only(KUBECONFIG_FILES),
    row(CONTROL_PLANE, "/etc/kubernetes/config/kube-scheduler.yaml", Everyone, Config("kube-scheduler"), "scheduler's configuration"),
    row(CONTROL_PLANE, "/etc/kubernetes/config/audit-policy.yaml", Root, Rendered(template!("etc/kubernetes/config/audit-policy.yaml")), "what the API server records in its audit log"),
    row(CONTROL_PLANE, "/var/log/kubernetes/", Root, Directory, "audit log"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-apiserver.service", Everyone, Unit("kube-apiserver", template!("etc/systemd/system/kube-apiserver.service")), "API server's unit"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-controller-manager.service", Everyone, Unit("kube-controller-manager", template!("etc/systemd/system/kube-controller-manager.service")), "controller manager's unit"),
    row(CONTROL_PLANE, "/etc/systemd/system/kube-scheduler.service", Everyone, Unit("kube-scheduler", template!("etc/systemd/system/kube-scheduler.service")), "scheduler's unit"),
    row(CONTROL_PLANE_BUT_ADMIN, "/root/admin.kubeconfig", Root, Kubeconfig("admin", Loopback), "administrator's access, on the spot"),
    row(CONTROL_PLANE_BUT_ADMIN, "/root/break-glass.kubeconfig", Root, Kubeconfig("break-glass", Loopback), "access that RBAC can't take back: for the first steps, and for emergencies").only(SPLIT),

    row(CONTROL_PLANE_AND_ADMIN, "/root/", Root, Directory, "root's home"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/kubelet-rbac-clusterrole.yaml", Everyone, Rendered(template!("root/kubelet-rbac-clusterrole.yaml")), "what the API server may do on kubelets: apply once"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/kubelet-rbac-clusterrolebinding.yaml", Everyone, Rendered(template!("root/kubelet-rbac-clusterrolebinding.yaml")), "that it is the API server which may: apply once"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/cluster-admins.yaml", Everyone, Rendered(template!("root/cluster-admins.yaml")), "administrators' rights: apply once, with break-glass.kubeconfig").only(SPLIT),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/coredns.yaml", Everyone, Rendered(template!("root/coredns.yaml")), "cluster DNS: apply once"),
    row(FIRST_CONTROL_PLANE_AND_ADMIN, "/root/runtimeclass-gvisor.yaml", Everyone, Rendered(template!("root/runtimeclass-gvisor.yaml")), "gVisor's sandbox for pods that ask for it: apply once").only(When::GVisor),

    row(WORKER, "/var/lib/kubelet/{host}.pem", Everyone, Certificate("node"), "kubelet's certificate, as client and as server").only(SINGLE),
    row(WORKER, "/var/lib/kubelet/{host}-key.pem", Root, PrivateKey("node"), "its key").only(SINGLE),
    row(WORKER, "/var/lib/kubelet/kubeconfig", Root, Kubeconfig("node", Endpoint), "kubelet's access to the API server").only(SINGLE),
    row(WORKER, "/var/lib/kubelet/kubelet-serving.pem", Everyone, Certificate("kubelet-serving"), "kubelet's certificate as server").only(SPLIT),
    row(WORKER, "/var/lib/kubelet/kubelet-serving-key.pem", Root, PrivateKey("kubelet-serving"), "its key").only(SPLIT),
    row(WORKER, "/var/lib/kubelet/kubeconfig", Root, Kubeconfig("kubelet-client", Endpoint), "kubelet's access to the API server").only(SPLIT),
    row(WORKER, "/var/lib/kubelet/kubelet-client.pem", Everyone, Certificate("kubelet-client"), "kubelet's certificate as client, which its kubeconfig names").only(KUBECONFIG_FILES_IN_SPLIT),
    row(WORKER, "/var/lib/kubelet/kubelet-client-key.pem", Root, PrivateKey("kubelet-client"), "its key").only(KUBECONFIG_FILES_IN_SPLIT),
    row(WORKER, "/var/lib/kubelet/kubelet-config.yaml", Everyone, Config("kubelet"), "kubelet's configuration"),
    row(WORKER, "/etc/systemd/system/kubelet.service", Everyone, Unit("kubelet", template!("etc/systemd/system/kubelet.service")), "kubelet's unit"),
    row(WORKER, "/var/lib/kube-proxy/kubeconfig", Root, Kubeconfig("kube-proxy", Endpoint), "kube-proxy's access to the API server").only(When::KubeProxy),
    row(WORKER, "/var/lib/kube-proxy/kube-proxy.pem", Everyone, Certificate("kube-proxy"), "kube-proxy's certificate, which its kubeconfig names").only(When::KubeProxyWithKubeconfigFiles),
    row(WORKER, "/var/lib/kube-proxy/kube-proxy-key.pem", Root, PrivateKey("kube-proxy"), "its key").only(When::KubeProxyWithKubeconfigFiles),
    row(WORKER, "/var/lib/kube-proxy/kube-proxy-config.yaml", Everyone, Config("kube-proxy"), "kube-proxy's configuration").only(When::KubeProxy),
    row(WORKER, "/etc/systemd/system/kube-proxy.service", Everyone, Unit("kube-proxy", template!("etc/systemd/system/kube-proxy.service")), "kube-proxy's unit").only(When::KubeProxy),
    row(WORKER, "/etc/cni/net.d/", Everyone, Directory, "CNI configuration"),
    row(WORKER, "/etc/cni/net.d/10-bridge.conflist", Everyone, Rendered(template!("etc/cni/net.d/10-bridge.conflist")), "pods' bridge, with the node's own range").only(When::Bridges),
    row(WORKER, "/etc/cni/net.d/99-loopback.conflist", Everyone, Rendered(template!("etc/cni/net.d/99-loopback.conflist")), "pods' loopback").only(When::Bridges),
    row(WORKER, "/opt/cni/bin/", Everyone, Directory, "CNI plugins"),
    row(CONTROL_PLANE_AND_WORKER, "/etc/systemd/system/pod-routes.service", Everyone, Unit("pod-routes", template!("etc/systemd/system/pod-routes.service")), "keeps the routes to the pods of other nodes").only(When::Bridges),
    row(CONTROL_PLANE_AND_WORKER, "/etc/kubernetes/pod-routes.sh", Everyone, Rendered(template!("etc/kubernetes/pod-routes.sh")), "what keeps them").only(When::Bridges),
    row(WORKER, "/etc/modules-load.d/kubernetes.conf", Everyone, Rendered(template!("etc/modules-load.d/kubernetes.conf")), "kernel modules of containers and bridges"),
    row(WORKER, "/etc/sysctl.d/zz-kubernetes.conf", Everyone, Rendered(template!("etc/sysctl.d/zz-kubernetes.conf")), "forwarding, and bridges that iptables sees"),
    row(WORKER, "/etc/containerd/config.toml", Everyone, Config("containerd"), "containerd's configuration").only(CONTAINERD),
    row(WORKER, "/etc/crictl.yaml", Everyone, Rendered(template!("etc/crictl.yaml")), "where crictl finds containerd").only(CONTAINERD),

    row(LOAD_BALANCER, "/etc/nginx/tcpconf.d/kubernetes.conf", Everyone, Rendered(template!("etc/nginx/tcpconf.d/kubernetes.conf")), "nginx passes TCP on to the API servers").only(When::Engine(Engine::Nginx)),
    row(LOAD_BALANCER, "/etc/haproxy/haproxy.cfg", Everyone, Rendered(template!("etc/haproxy/haproxy.cfg")), "haproxy passes TCP on to the API servers").only(When::Engine(Engine::Haproxy)),
    row(LOAD_BALANCER, "/etc/keepalived/keepalived.conf", Everyone, Rendered(template!("etc/keepalived/keepalived.conf")), "keepalived moves the virtual address to a load balancer that works").only(When::VirtualAddress),

    row(ADMIN, "/root/admin.kubeconfig", Root, Kubeconfig("admin", Endpoint), "administrator's access to the cluster"),
    row(ADMIN, "/root/break-glass.kubeconfig", Root, Kubeconfig("break-glass", Endpoint), "access that RBAC can't take back: for the first steps, and for emergencies").only(SPLIT),
    row(ADMIN, "/root/certs/", Root, Directory, "everything that the cluster's certificates are made of").only(SINGLE),
    row(ADMIN, "/root/certs/{name}.pem", Everyone, EveryCertificate, "certificate").only(SINGLE),
    row(ADMIN, "/root/certs/{name}-key.pem", Root, EveryPrivateKey, "private key").only(SINGLE),
    row(ADMIN, "/root/certs/{name}.csr", Everyone, EveryRequest, "certificate signing request").only(SINGLE),
    row(ADMIN, "/root/certs/{name}", Everyone, EveryInput, "what it was made from").only(SINGLE),
    row(ADMIN, "/root/certs/{name}.kubeconfig", Root, EveryKubeconfig("node"), "kubelet's access to the API server").only(SINGLE),
    row(ADMIN, "/root/certs/kube-proxy.kubeconfig", Root, Kubeconfig("kube-proxy", Endpoint), "kube-proxy's access to the API server").only(When::KubeProxyIn(Layout::Single)),
    row(ADMIN, "/root/certs/kube-controller-manager.kubeconfig", Root, Kubeconfig("kube-controller-manager", Loopback), "controller manager's access to the API server").only(SINGLE),
    row(ADMIN, "/root/certs/kube-scheduler.kubeconfig", Root, Kubeconfig("kube-scheduler", Loopback), "scheduler's access to the API server").only(SINGLE),
    row(ADMIN, "/root/certs/admin.kubeconfig", Root, Kubeconfig("admin", Endpoint), "administrator's access to the cluster").only(SINGLE),
    row(ADMIN, "/root/certs/encryption-config.yaml", Root, EncryptionConfig(template!("var/lib/kubernetes/encryption-config.yaml")), "how secrets are encrypted in etcd, with the key").only(SINGLE),
    row(ADMIN, "/root/certs/ca.pem", Everyone, Trust("ca"), "CA of the cluster").only(SPLIT),
    row(ADMIN, "/root/certs/etcd-ca.pem", Everyone, Trust("etcd-ca"), "CA of etcd").only(SPLIT),
    row(ADMIN, "/root/certs/front-proxy-ca.pem", Everyone, Trust("front-proxy-ca"), "CA of the front proxy").only(SPLIT),
];

/// What lies beside a host's tree: name | permission bits | template.
pub const BESIDE: &[(&str, u32, Template)] = &[
    ("INSTALL.md", 0o644, template!("bundle/INSTALL.md")),
    ("install.sh", 0o755, template!("bundle/install.sh")),
];

/// Every kubeconfig's.
pub const KUBECONFIG: Template = template!("bundle/kubeconfig.yaml");
