//! A cluster of the real kubeadm's making: certificates, kubeconfigs, static pods and kubelets' configurations of two control planes and a
//! node, each below a root of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;

use crate::maker::{lay, put};
use crate::support::{files_below, must, program, run, said, skip};
use crate::{adopted, certificates, public_keys};

const CONFIG: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ADDRESS, bindPort: 6443}
nodeRegistration:
  name: NAME
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs: [{name: node-ip, value: ADDRESS}]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
clusterName: prod
controlPlaneEndpoint: api.example.org:6443
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12, dnsDomain: corp.internal}
apiServer:
  certSANs: [api.example.org, 203.0.113.7]
  extraArgs: [{name: audit-log-maxage, value: \"7\"}, {name: event-ttl, value: 2h}]
controllerManager: {extraArgs: [{name: terminated-pod-gc-threshold, value: \"500\"}]}
etcd: {local: {extraArgs: [{name: quota-backend-bytes, value: \"8589934592\"}]}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 220
";

/// The unit of the package of kubelet, and kubeadm's drop-in of it.
const UNIT: &str =
    "[Unit]\nDescription=kubelet: The Kubernetes Node Agent\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n";
const DROP_IN: &str = "[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
";

/// What authorities and keys machines of one cluster share.
const SHARED: [&str; 8] = [
    "ca.crt",
    "ca.key",
    "etcd/ca.crt",
    "etcd/ca.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "sa.key",
    "sa.pub",
];

/// Runs phases of kubeadm below a root; none where it may not change its root here.
fn phases(root: &Path, name: &str, address: &str, phases: &[&str]) -> Option<()> {
    for folder in ["tmp", "var/lib/kubelet", "etc/kubernetes"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    put(
        &root.join("kubeadm.yaml"),
        &CONFIG.replace("ADDRESS", address).replace("NAME", name),
    );
    for phase in phases {
        let made = run(Command::new("kubeadm")
            .args(["init", "phase"])
            .args(phase.split(' '))
            .arg("--rootfs")
            .arg(root)
            .args(["--config", "/kubeadm.yaml"]));
        if said(&made).contains("operation not permitted") {
            return None;
        }
        assert!(made.status.success(), "{phase}: {}", said(&made));
    }
    fs::remove_file(root.join("kubeadm.yaml")).expect("it was there");
    fs::remove_dir_all(root.join("tmp")).expect("it was there");
    Some(())
}

fn machines(folder: &Path) -> Option<()> {
    let control_plane = [
        "certs all",
        "kubeconfig all",
        "control-plane all",
        "etcd local",
        "kubelet-start",
    ];
    let first = folder.join("master1");
    phases(&first, "master1", "10.20.0.11", &control_plane)?;
    for other in ["master2", "node1"] {
        for name in SHARED {
            lay(
                &first.join("etc/kubernetes/pki").join(name),
                &folder.join(other).join("etc/kubernetes/pki").join(name),
            );
        }
    }
    phases(&folder.join("master2"), "master2", "10.20.0.12", &control_plane)?;
    // A node has its kubelet's, and of the authorities the certificate that it trusts.
    let node = folder.join("node1");
    phases(&node, "node1", "10.20.0.21", &["kubeconfig kubelet", "kubelet-start"])?;
    for name in SHARED.iter().filter(|name| **name != "ca.crt") {
        fs::remove_file(node.join("etc/kubernetes/pki").join(name)).expect("it was there");
    }
    // As `kubeadm join` writes it.
    let kubeconfig = node.join("etc/kubernetes/kubelet.conf");
    let text = fs::read_to_string(&kubeconfig).expect("a kubeconfig");
    fs::write(
        &kubeconfig,
        text.replace("https://10.20.0.21:6443", "https://api.example.org:6443"),
    )
    .expect("a kubeconfig");
    // One is copied with what its packages have.
    put(&first.join("usr/lib/systemd/system/kubelet.service"), UNIT);
    put(
        &first.join("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"),
        DROP_IN,
    );
    // Two members of one etcd; `init` knows of itself alone.
    for master in ["master1", "master2"] {
        let manifest = folder.join(master).join("etc/kubernetes/manifests/etcd.yaml");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let own = text
            .lines()
            .find(|line| line.contains("--initial-cluster="))
            .expect("a flag");
        let both = "    - --initial-cluster=master1=https://10.20.0.11:2380,master2=https://10.20.0.12:2380";
        fs::write(&manifest, text.replace(own, both)).expect("a manifest");
    }
    Some(())
}

#[test]
fn a_cluster_of_kubeadm_is_adopted() {
    let test = "a_cluster_of_kubeadm_is_adopted";
    if program("kubeadm", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let trees = folder.path().join("machines");
    if machines(&trees).is_none() {
        return skip(test, "kubeadm may not change its root here");
    }
    let pki = trees.join("master1/etc/kubernetes/pki");
    let ca = certificates(&files_below(&pki))
        .into_iter()
        .find(|one| one.authority)
        .expect("an authority");
    let at = (ca.not_before + time::Duration::days(1))
        .format(&Rfc3339)
        .expect("an instant");
    let world = adopted(&[&trees], &["--at", &at], &[]);
    for line in [
        "name = \"prod\"",
        "kubernetes = \"1.37.2\"",
        "etcd = \"3.7.0\"",
        "domain = \"corp.internal\"",
        "endpoint = \"api.example.org:6443\"",
        "names = [\"203.0.113.7\"]",
        "services = \"10.96.0.0/12\"",
        "pods = \"10.244.0.0/16\"",
        "dns = \"10.96.0.10\"",
        "proxy_mode = \"none\"",
        "layout = \"split\"",
        "per_host = [\"apiserver-kubelet-client\", \"apiserver-etcd-client\", \"front-proxy-client\", \"kube-controller-manager\", \
         \"kube-scheduler\", \"etcd-healthcheck-client\"]",
        "cgroup_driver = \"systemd\"",
        "quota-backend-bytes = \"8589934592\"",
        "audit-log-maxage = \"7\"",
        "event-ttl = \"2h\"",
        "terminated-pod-gc-threshold = \"500\"",
        "maxPods = 220",
        "encryption-provider-config = false",
        "kubelet-certificate-authority = false",
        "ip = \"10.20.0.12\"",
        "roles = [\"control-plane\", \"etcd\", \"worker\"]",
        "name = \"node1\"",
        "ip = \"10.20.0.21\"\nroles = [\"worker\"]",
    ] {
        world.says(line);
    }
    let host = world.out.join("master2/rootfs/var/lib/kubernetes");
    for (ours, theirs) in [
        ("service-account-key.pem", "sa.key"),
        ("ca-key.pem", "ca.key"),
        ("etcd-ca.pem", "etcd/ca.crt"),
        ("front-proxy-ca.pem", "front-proxy-ca.crt"),
    ] {
        assert_eq!(public_keys(&host.join(ours)), public_keys(&pki.join(theirs)), "{ours}");
    }
    let names = world.names("master1/rootfs/var/lib/kubernetes/apiserver.pem");
    for name in [
        "master1",
        "10.20.0.11",
        "10.96.0.1",
        "api.example.org",
        "203.0.113.7",
        "kubernetes.default.svc.corp.internal",
    ] {
        assert!(names.contains(name), "{names:?}");
    }
    world.told("adopt-static-pods");
    world.runs_beside(&trees);
    // Nothing starts beside a pod of its own kind.
    let diff = world.diff(&trees);
    for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let stopped = format!(
            "mv /etc/kubernetes/manifests/{program}.yaml /root/manifests-before/ && while pgrep -f '^(/[a-z/-]*/)?{program} '"
        );
        let started = format!("systemctl enable {program}");
        assert!(
            diff.find(&stopped).is_some_and(|at| diff[at..].contains(&started)),
            "{program}: {diff}"
        );
    }
    assert!(!diff.contains("delete -f /etc/kubernetes/manifests"), "{diff}");
}

/// The folder of certificates alone.
#[test]
fn the_folder_pki_of_kubeadm_is_adopted() {
    let test = "the_folder_pki_of_kubeadm_is_adopted";
    if program("kubeadm", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let pki = folder.path().join("pki");
    must(
        Command::new("kubeadm")
            .args(["init", "phase", "certs", "all", "--kubernetes-version", "v1.37.2"])
            .args(["--apiserver-advertise-address", "10.20.0.11", "--cert-dir"])
            .arg(&pki),
    );
    let ca = certificates(&files_below(&pki))
        .into_iter()
        .find(|one| one.authority)
        .expect("an authority");
    let at = (ca.not_before + time::Duration::days(1))
        .format(&Rfc3339)
        .expect("an instant");
    let world = adopted(&[&pki], &["--at", &at], &["--kubernetes", "1.37"]);
    for line in [
        "layout = \"split\"",
        "services = \"10.96.0.0/12\"",
        "ip = \"10.20.0.11\"\nroles = [\"control-plane\", \"etcd\"]",
    ] {
        world.says(line);
    }
    // The machine's own name is in the certificate, whatever it is called.
    let hosts = fs::read_dir(&world.out)
        .expect("an output")
        .map(|entry| entry.expect("an entry").path());
    let host = hosts
        .map(|host| host.join("rootfs/var/lib/kubernetes"))
        .find(|host| host.is_dir())
        .expect("a control plane");
    assert_eq!(
        public_keys(&host.join("service-account-key.pem")),
        public_keys(&pki.join("sa.key"))
    );
    assert_eq!(
        public_keys(&host.join("etcd-ca.pem")),
        public_keys(&pki.join("etcd/ca.crt"))
    );
}
