//! Three clusters whose files are called as public guides call them: one authority and `ssl/`, `.crt` and `.key` with kubeconfigs that name
//! files, and an authority for each purpose in folders of their own, where two are called `ca.pem`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::maker::{AT, KeyForm, Maker, kubeconfig, kubeconfig_of_files, lay, put};
use crate::support::program;
use crate::{adopted, public_keys};

const SECRET: &str = "qkLXoJ5Yp1yq0b9UoFqQh6oT0iUnpqb8lqisyzYcGtI=";

fn encryption(path: &Path, provider: &str, keys: &[(&str, &str)]) {
    let keys: String = keys
        .iter()
        .map(|(name, secret)| format!("            - name: {name}\n              secret: {secret}\n"))
        .collect();
    put(
        path,
        &format!(
            "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n  - resources:\n      - secrets\n    \
             providers:\n      - {provider}:\n          keys:\n{keys}      - identity: {{}}\n"
        ),
    );
}

/// One authority, `ssl/NAME.pem`, flags on one line each, two keys of encryption of which the first writes.
#[test]
fn one_authority_in_ssl_is_adopted() {
    let test = "one_authority_in_ssl_is_adopted";
    if program("openssl", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let ssl = folder.path().join("made");
    let make = Maker::new(KeyForm::RsaPkcs1, |name| {
        (format!("{name}.pem"), format!("{name}-key.pem"))
    });
    let ca = make.authority(&ssl, "ca", "/C=CN/ST=Beijing/L=Beijing/O=k8s/OU=System/CN=kubernetes");
    let server = make.issue(
        &ca,
        &ssl,
        "kubernetes",
        "/C=CN/ST=Beijing/L=Beijing/O=k8s/OU=System/CN=kubernetes",
        "IP:127.0.0.1,IP:10.0.0.1,IP:192.168.31.71,IP:192.168.31.72,IP:192.168.31.88,DNS:kubernetes,DNS:kubernetes.default,\
         DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:k8s.corp.example",
    );
    let etcd = make.issue(
        &ca,
        &ssl,
        "etcd",
        "/C=CN/O=k8s/CN=etcd",
        "IP:127.0.0.1,IP:192.168.31.71,IP:192.168.31.72,IP:192.168.31.73",
    );
    let proxy = make.issue(&ca, &ssl, "kube-proxy", "/C=CN/O=k8s/CN=system:kube-proxy", "");
    let admin = make.issue(&ca, &ssl, "admin", "/C=CN/O=system:masters/CN=admin", "");
    let manager = make.issue(
        &ca,
        &ssl,
        "kube-controller-manager",
        "/O=system:kube-controller-manager/CN=system:kube-controller-manager",
        "",
    );
    let scheduler = make.issue(
        &ca,
        &ssl,
        "kube-scheduler",
        "/O=system:kube-scheduler/CN=system:kube-scheduler",
        "",
    );
    let machines = folder.path().join("machines");
    let endpoint = "https://192.168.31.88:16443";
    for (master, ip) in [("k8s-master1", "192.168.31.71"), ("k8s-master2", "192.168.31.72")] {
        let root = machines.join(master);
        let at = root.join("etc/kubernetes/ssl");
        for pair in [&ca, &server] {
            lay(
                &pair.certificate,
                &at.join(pair.certificate.file_name().expect("a name")),
            );
            lay(&pair.key, &at.join(pair.key.file_name().expect("a name")));
        }
        encryption(
            &root.join("etc/kubernetes/enc.yaml"),
            "aescbc",
            &[
                ("key2", SECRET),
                ("key1", "UrTpKjWo7mTG+Vb4qgh7m8F3S8Wl1wzlI6hhmcvZVIA="),
            ],
        );
        put(
            &root.join("etc/systemd/system/kube-apiserver.service"),
            &format!(
                "[Service]\nEnvironmentFile=/etc/kubernetes/kube-apiserver.conf\nExecStart=/opt/kubernetes/bin/kube-apiserver $KUBE_APISERVER_OPTS \
                 --advertise-address={ip}\n"
            ),
        );
        put(
            &root.join("etc/kubernetes/kube-apiserver.conf"),
            "KUBE_APISERVER_OPTS=\"--etcd-servers=https://192.168.31.71:2379,https://192.168.31.72:2379,https://192.168.31.73:2379 \
             --secure-port=6443 --allow-privileged=true --service-cluster-ip-range=10.0.0.0/24 --authorization-mode=RBAC,Node \
             --service-node-port-range=30000-32767 --client-ca-file=/etc/kubernetes/ssl/ca.pem --tls-cert-file=/etc/kubernetes/ssl/kubernetes.pem \
             --tls-private-key-file=/etc/kubernetes/ssl/kubernetes-key.pem --kubelet-client-certificate=/etc/kubernetes/ssl/kubernetes.pem \
             --kubelet-client-key=/etc/kubernetes/ssl/kubernetes-key.pem --service-account-key-file=/etc/kubernetes/ssl/ca-key.pem \
             --service-account-signing-key-file=/etc/kubernetes/ssl/ca-key.pem --service-account-issuer=api --etcd-cafile=/etc/kubernetes/ssl/ca.pem \
             --etcd-certfile=/etc/kubernetes/ssl/kubernetes.pem --etcd-keyfile=/etc/kubernetes/ssl/kubernetes-key.pem \
             --encryption-provider-config=/etc/kubernetes/enc.yaml --max-requests-inflight=800 --oidc-client-id=portal\"\n",
        );
        put(
            &root.join("etc/systemd/system/kube-controller-manager.service"),
            "[Service]\nExecStart=/opt/kubernetes/bin/kube-controller-manager --kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
             --allocate-node-cidrs=true --cluster-cidr=10.244.0.0/16 --service-cluster-ip-range=10.0.0.0/24 \
             --cluster-signing-cert-file=/etc/kubernetes/ssl/ca.pem --cluster-signing-key-file=/etc/kubernetes/ssl/ca-key.pem \
             --root-ca-file=/etc/kubernetes/ssl/ca.pem --service-account-private-key-file=/etc/kubernetes/ssl/ca-key.pem \
             --cluster-signing-duration=87600h0m0s\n",
        );
        put(
            &root.join("etc/systemd/system/kube-scheduler.service"),
            "[Service]\nExecStart=/opt/kubernetes/bin/kube-scheduler --leader-elect --kubeconfig=/etc/kubernetes/kube-scheduler.kubeconfig\n",
        );
        kubeconfig(
            &root.join("etc/kubernetes/kube-controller-manager.kubeconfig"),
            "kubernetes",
            "https://127.0.0.1:6443",
            &ca.certificate,
            "kcm",
            &manager,
        );
        kubeconfig(
            &root.join("etc/kubernetes/kube-scheduler.kubeconfig"),
            "kubernetes",
            "https://127.0.0.1:6443",
            &ca.certificate,
            "ks",
            &scheduler,
        );
        kubeconfig(
            &root.join("root/.kube/config"),
            "kubernetes",
            endpoint,
            &ca.certificate,
            "cluster-admin",
            &admin,
        );
    }
    for (member, ip) in [
        ("k8s-master1", "192.168.31.71"),
        ("k8s-master2", "192.168.31.72"),
        ("k8s-node1", "192.168.31.73"),
    ] {
        let root = machines.join(member);
        for (from, to) in [
            (&etcd.certificate, "server.pem"),
            (&etcd.key, "server-key.pem"),
            (&ca.certificate, "ca.pem"),
        ] {
            lay(from, &root.join("opt/etcd/ssl").join(to));
        }
        put(
            &root.join("etc/systemd/system/etcd.service"),
            &format!(
                "[Service]\nExecStart=/opt/etcd/bin/etcd --name=etcd-{member} --data-dir=/data/etcd --listen-peer-urls=https://{ip}:2380 \
                 --listen-client-urls=https://{ip}:2379,https://127.0.0.1:2379 --advertise-client-urls=https://{ip}:2379 \
                 --cert-file=/opt/etcd/ssl/server.pem --key-file=/opt/etcd/ssl/server-key.pem --peer-cert-file=/opt/etcd/ssl/server.pem \
                 --peer-key-file=/opt/etcd/ssl/server-key.pem --trusted-ca-file=/opt/etcd/ssl/ca.pem --peer-trusted-ca-file=/opt/etcd/ssl/ca.pem \
                 --client-cert-auth --peer-client-cert-auth --auto-compaction-retention=1\n"
            ),
        );
    }
    let root = machines.join("k8s-node1");
    let kubelet = make.issue(
        &ca,
        &ssl,
        "kubelet",
        "/O=system:nodes/CN=system:node:k8s-node1",
        "DNS:k8s-node1,IP:192.168.31.73",
    );
    lay(&ca.certificate, &root.join("etc/kubernetes/ssl/ca.pem"));
    lay(&kubelet.certificate, &root.join("etc/kubernetes/ssl/kubelet.pem"));
    lay(&kubelet.key, &root.join("etc/kubernetes/ssl/kubelet-key.pem"));
    put(
        &root.join("etc/systemd/system/kubelet.service"),
        "[Service]\nExecStart=/opt/kubernetes/bin/kubelet --hostname-override=k8s-node1 --kubeconfig=/etc/kubernetes/kubelet.kubeconfig \
         --config=/etc/kubernetes/kubelet-config.yml --container-runtime-endpoint=unix:///run/containerd/containerd.sock --v=4\n",
    );
    put(
        &root.join("etc/kubernetes/kubelet-config.yml"),
        "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nclusterDNS:\n- 10.0.0.2\nclusterDomain: \
         cluster.local\nauthentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: /etc/kubernetes/ssl/ca.pem\n\
         tlsCertFile: /etc/kubernetes/ssl/kubelet.pem\ntlsPrivateKeyFile: /etc/kubernetes/ssl/kubelet-key.pem\nmaxPods: 110\n\
         evictionHard:\n  memory.available: 200Mi\n",
    );
    kubeconfig(
        &root.join("etc/kubernetes/kubelet.kubeconfig"),
        "kubernetes",
        endpoint,
        &ca.certificate,
        "kubelet",
        &kubelet,
    );
    put(
        &root.join("etc/systemd/system/kube-proxy.service"),
        "[Service]\nExecStart=/opt/kubernetes/bin/kube-proxy --config=/etc/kubernetes/kube-proxy-config.yml\n",
    );
    put(
        &root.join("etc/kubernetes/kube-proxy-config.yml"),
        "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nbindAddress: 0.0.0.0\nclientConnection:\n  kubeconfig: \
         /etc/kubernetes/kube-proxy.kubeconfig\nhostnameOverride: k8s-node1\nclusterCIDR: 10.244.0.0/16\nmode: ipvs\nipvs:\n  scheduler: rr\n",
    );
    kubeconfig(
        &root.join("etc/kubernetes/kube-proxy.kubeconfig"),
        "kubernetes",
        endpoint,
        &ca.certificate,
        "kube-proxy",
        &proxy,
    );

    let world = adopted(&[&machines], &AT, &["--kubernetes", "1.34"]);
    for line in [
        "layout = \"single\"",
        "endpoint = \"192.168.31.88:16443\"",
        "services = \"10.0.0.0/24\"",
        "dns = \"10.0.0.2\"",
        "proxy_mode = \"ipvs\"",
        "names = [\"k8s.corp.example\"]",
        "phase = \"switch\"",
        "{ name = \"key1\", file = \"keys/encryption-key-1\" }",
        "data-dir = \"/data/etcd\"",
        "max-requests-inflight = \"800\"",
        "service-account-issuer = \"api\"",
        "cluster-signing-duration = \"87600h0m0s\"",
        "evictionHard.\"memory.available\" = \"200Mi\"",
        "ipvs.scheduler = \"rr\"",
    ] {
        world.says(line);
    }
    // Tokens are signed with the authority's own key there, and still are.
    let host = world.out.join("k8s-master1/rootfs/var/lib/kubernetes");
    assert_eq!(public_keys(&host.join("service-account-key.pem")), public_keys(&ca.key));
    let written = fs::read_to_string(host.join("encryption-config.yaml")).expect("a file");
    let (first, second) = (written.find("key2"), written.find("key1"));
    assert!(
        first.is_some() && first < second && written.contains(SECRET),
        "{written}"
    );
    assert!(
        world
            .names("k8s-master1/rootfs/var/lib/kubernetes/kubernetes.pem")
            .contains("192.168.31.88")
    );
    world.runs_beside(&machines);
    let diff = world.diff(&machines);
    for kept in [
        "--data-dir",
        "--auto-compaction-retention",
        "--cluster-cidr",
        "maxPods",
        "clusterCIDR",
    ] {
        assert!(!diff.contains(kept), "{kept} changes: {diff}");
    }
}

/// `.crt` and `.key`, kubeconfigs that name files, and nothing but the folder of what was made.
#[test]
fn crt_and_key_with_kubeconfigs_of_files_are_adopted() {
    let test = "crt_and_key_with_kubeconfigs_of_files_are_adopted";
    if program("openssl", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let pki = folder.path().join("pki");
    let make = Maker::new(KeyForm::RsaPkcs8, |name| (format!("{name}.crt"), format!("{name}.key")));
    let ca = make.authority(&pki, "ca", "/O=Kubernetes/CN=KUBERNETES-CA");
    make.issue(&ca, &pki, "admin", "/O=system:masters/CN=admin", "");
    make.issue(
        &ca,
        &pki,
        "kube-controller-manager",
        "/O=system:kube-controller-manager/CN=system:kube-controller-manager",
        "",
    );
    make.issue(
        &ca,
        &pki,
        "kube-proxy",
        "/O=system:node-proxier/CN=system:kube-proxy",
        "",
    );
    make.issue(
        &ca,
        &pki,
        "kube-scheduler",
        "/O=system:kube-scheduler/CN=system:kube-scheduler",
        "",
    );
    make.issue(
        &ca,
        &pki,
        "kube-apiserver",
        "/O=Kubernetes/CN=kube-apiserver",
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:10.96.0.1,IP:192.168.56.11,\
         IP:192.168.56.12,IP:192.168.56.30,IP:127.0.0.1",
    );
    make.issue(
        &ca,
        &pki,
        "apiserver-kubelet-client",
        "/O=system:masters/CN=kube-apiserver-kubelet-client",
        "",
    );
    make.issue(
        &ca,
        &pki,
        "etcd-server",
        "/O=Kubernetes/CN=etcd-server",
        "IP:192.168.56.11,IP:192.168.56.12,IP:127.0.0.1",
    );
    make.issue(&ca, &pki, "service-account", "/O=Kubernetes/CN=service-accounts", "");
    make.issue(
        &ca,
        &pki,
        "node01",
        "/O=system:nodes/CN=system:node:node01",
        "DNS:node01,IP:192.168.56.21",
    );
    encryption(&pki.join("encryption-config.yaml"), "aescbc", &[("key1", SECRET)]);
    let installed = "/var/lib/kubernetes/pki";
    for (name, server) in [
        ("kube-proxy", "https://192.168.56.30:6443"),
        ("kube-scheduler", "https://127.0.0.1:6443"),
    ] {
        kubeconfig_of_files(
            &pki.join(format!("{name}.kubeconfig")),
            "kubernetes-the-hard-way",
            server,
            &format!("{installed}/ca.crt"),
            &format!("system:{name}"),
            [&format!("{installed}/{name}.crt"), &format!("{installed}/{name}.key")],
        );
    }
    let world = adopted(&[&pki], &AT, &[]);
    for line in [
        "name = \"kubernetes-the-hard-way\"",
        "layout = \"single\"",
        "endpoint = \"192.168.56.30:6443\"",
        "services = \"10.96.0.0/12\"",
        "name = \"node01\"",
        "ip = \"192.168.56.11\"\nroles = [\"control-plane\", \"etcd\"]",
    ] {
        world.says(line);
    }
    let host = world.out.join("master1/rootfs/var/lib/kubernetes");
    assert_eq!(
        public_keys(&host.join("service-account-key.pem")),
        public_keys(&pki.join("service-account.key"))
    );
    let names = world.names("master1/rootfs/var/lib/kubernetes/kubernetes.pem");
    for name in [
        "192.168.56.11",
        "192.168.56.12",
        "192.168.56.30",
        "10.96.0.1",
        "kubernetes.default.svc.cluster.local",
    ] {
        assert!(names.contains(name), "{names:?}");
    }
    world.told("see that it is as long");
    world.runs_beside(&pki);
}

/// An authority for each purpose in a folder of its own, ECDSA, keys in SEC 1 with parameters in front; `sa.key` has no certificate.
#[test]
fn authorities_in_folders_of_their_own_are_adopted() {
    let test = "authorities_in_folders_of_their_own_are_adopted";
    if program("openssl", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let pki = folder.path().join("pki");
    let make = Maker::new(KeyForm::EcSec1, |name| {
        (format!("{name}.pem"), format!("{name}.key.pem"))
    });
    let ca = make.authority(&pki.join("kubernetes"), "ca", "/CN=root");
    let etcd_ca = make.authority(&pki.join("etcd"), "ca", "/CN=root of etcd");
    let front = make.authority(&pki.join("front"), "ca", "/CN=root of the front proxy");
    make.issue(
        &ca,
        &pki.join("kubernetes"),
        "server",
        "/CN=apiserver",
        "DNS:cp1,DNS:cp2,DNS:cp3,DNS:kubernetes.default,IP:10.254.0.1,IP:10.1.0.11,IP:10.1.0.12,IP:10.1.0.13,DNS:*.api.example.org",
    );
    make.issue(
        &ca,
        &pki.join("kubernetes"),
        "kubelet-client",
        "/O=system:masters/CN=kube-apiserver-kubelet-client",
        "",
    );
    make.issue(
        &etcd_ca,
        &pki.join("etcd"),
        "server",
        "/CN=etcd",
        "DNS:localhost,IP:127.0.0.1,IP:10.1.0.11,IP:10.1.0.12,IP:10.1.0.13",
    );
    make.issue(
        &etcd_ca,
        &pki.join("etcd"),
        "apiserver-etcd-client",
        "/CN=apiserver-etcd-client",
        "",
    );
    make.issue(&front, &pki.join("front"), "client", "/CN=front-proxy-client", "");
    let node = make.issue(
        &ca,
        &pki.join("nodes"),
        "n1",
        "/O=system:nodes/CN=system:node:n1",
        "DNS:n1,DNS:n1.example.org,IP:10.1.0.21,IP:192.0.2.21",
    );
    let admin = make.issue(&ca, &pki.join("users"), "me", "/O=system:masters/CN=me", "");
    make.key(&pki.join("sa.key"));
    kubeconfig(
        &pki.join("config"),
        "edge",
        "https://api.example.org:443",
        &ca.certificate,
        "me",
        &admin,
    );
    kubeconfig(
        &pki.join("nodes/n1.conf"),
        "edge",
        "https://api.example.org:443",
        &ca.certificate,
        "n1",
        &node,
    );
    let world = adopted(&[&pki], &AT, &["--kubernetes", "1.30"]);
    for line in [
        "name = \"edge\"",
        "layout = \"split\"",
        "kubernetes = \"1.30\"",
        "endpoint = \"api.example.org:443\"",
        "services = \"10.254.0.0/16\"",
        "cert = \"keys/etcd-ca.pem\"",
        "cert = \"keys/front-proxy-ca.pem\"",
        "names = [\"n1.example.org\"]",
        "addresses = [\"192.0.2.21\"]",
    ] {
        world.says(line);
    }
    let host = world.out.join("cp1/rootfs/var/lib/kubernetes");
    assert_eq!(
        public_keys(&host.join("service-account-key.pem")),
        public_keys(&pki.join("sa.key"))
    );
    assert_eq!(
        public_keys(&host.join("etcd-ca.pem")),
        public_keys(&etcd_ca.certificate)
    );
    assert_eq!(
        public_keys(&host.join("front-proxy-ca.pem")),
        public_keys(&front.certificate)
    );
    assert_eq!(public_keys(&host.join("ca.pem")), public_keys(&ca.certificate));
    let names = world.names("cp2/rootfs/var/lib/kubernetes/apiserver.pem");
    for name in ["cp2", "10.1.0.12", "api.example.org", "10.254.0.1", "*.api.example.org"] {
        assert!(names.contains(name), "{names:?}");
    }
    let admin = fs::read_to_string(world.spec.join("csr/admin-csr.json")).expect("a request");
    assert!(admin.contains("\"ecdsa\"") && admin.contains("\"me\""), "{admin}");
}
