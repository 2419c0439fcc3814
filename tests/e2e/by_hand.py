"""A cluster as people make one by hand: certificates of cfssl (or kubeadm), kubeconfigs of kubectl, units out of an editor. What lies
where differs from one guide to the next: each style has a table of it. Nothing of khw-gen is used here."""

import base64
import json
import os
import shutil
import subprocess

BALANCER = "192.168.77.10"
CONTROL_PLANES = {"cp1": "192.168.77.21", "cp2": "192.168.77.22", "cp3": "192.168.77.23"}
WORKERS = {"n1": "192.168.77.31", "n2": "192.168.77.32"}
HOSTS = {"lb1": BALANCER, **CONTROL_PLANES, **WORKERS}
SERVICES, PODS, FIRST_SERVICE, DNS = "10.32.0.0/24", "10.200.0.0/16", "10.32.0.1", "10.32.0.10"

# Which certificate signs what, and where guides put the files: the walk-through's one certificate for everything in
# /var/lib/kubernetes, and authorities apart as others have them, by other names, in /etc/kubernetes/ssl and in kubeadm's folder. `crt` has one
# authority, and kubeconfigs that name files; `opt` has everything below /opt, signs tokens with the key of its authority, and asks etcd with
# etcd's own certificate.
STYLES = {
    "walkthrough": {
        "authorities": {"ca": "/var/lib/kubernetes/ca.pem"},
        "serving": "/var/lib/kubernetes/kubernetes.pem",
        "kubelet-client": "/var/lib/kubernetes/kubernetes.pem",
        "etcd-client": "/var/lib/kubernetes/kubernetes.pem",
        "etcd": "/etc/etcd/kubernetes.pem",
        "etcd-authority": "/etc/etcd/ca.pem",
        "tokens": "/var/lib/kubernetes/service-account.pem",
        "encryption": "/var/lib/kubernetes/encryption-config.yaml",
        "kubeconfigs": "/var/lib/kubernetes/{name}.kubeconfig",
        "kubelet": "/var/lib/kubelet/{host}.pem",
        "kubelet-kubeconfig": "/var/lib/kubelet/kubeconfig",
        "kubelet-config": "/var/lib/kubelet/kubelet-config.yaml",
        "kubelet-authority": "/var/lib/kubernetes/ca.pem",
        "proxy-kubeconfig": "/var/lib/kube-proxy/kubeconfig",
        "proxy-config": "/var/lib/kube-proxy/kube-proxy-config.yaml",
        "scheduler-config": "/etc/kubernetes/config/kube-scheduler.yaml",
        "admin": "/root/admin.kubeconfig",
    },
    "ssl": {
        "authorities": {"ca": "/etc/kubernetes/ssl/ca.pem", "etcd-ca": "/etc/kubernetes/ssl/etcd-ca.pem"},
        "serving": "/etc/kubernetes/ssl/server.pem",
        "kubelet-client": "/etc/kubernetes/ssl/kubelet-client.pem",
        "etcd-client": "/etc/kubernetes/ssl/etcd-client.pem",
        "etcd": "/etc/etcd/ssl/etcd.pem",
        "etcd-authority": "/etc/etcd/ssl/ca.pem",
        "tokens": "/etc/kubernetes/ssl/sa.pub",
        "encryption": "/etc/kubernetes/encryption.yaml",
        "kubeconfigs": "/etc/kubernetes/{name}.kubeconfig",
        "kubelet": "/etc/kubernetes/ssl/kubelet.pem",
        "kubelet-kubeconfig": "/etc/kubernetes/kubelet.kubeconfig",
        "kubelet-config": "/etc/kubernetes/kubelet.yaml",
        "kubelet-authority": "/etc/kubernetes/ssl/ca.pem",
        "proxy-kubeconfig": "/etc/kubernetes/kube-proxy.kubeconfig",
        "proxy-config": "/etc/kubernetes/kube-proxy.yaml",
        "scheduler-config": "/etc/kubernetes/kube-scheduler.yaml",
        "admin": "/root/.kube/config",
    },
    "crt": {
        "authorities": {"ca": "/var/lib/kubernetes/pki/ca.crt"},
        "apart": True,
        "serving": "/var/lib/kubernetes/pki/kube-apiserver.crt",
        "kubelet-client": "/var/lib/kubernetes/pki/apiserver-kubelet-client.crt",
        "etcd-client": "/var/lib/kubernetes/pki/apiserver-etcd-client.crt",
        "etcd": "/etc/etcd/etcd-server.crt",
        "etcd-authority": "/etc/etcd/ca.crt",
        "tokens": "/var/lib/kubernetes/pki/service-account.crt",
        "encryption": "/var/lib/kubernetes/encryption-config.yaml",
        "kubeconfigs": "/var/lib/kubernetes/{name}.kubeconfig",
        "users": "/var/lib/kubernetes/pki/{name}.crt",
        "kubelet": "/var/lib/kubernetes/pki/{host}.crt",
        "kubelet-kubeconfig": "/var/lib/kubelet/kubelet.kubeconfig",
        "kubelet-config": "/var/lib/kubelet/kubelet-config.yaml",
        "kubelet-authority": "/var/lib/kubernetes/pki/ca.crt",
        "proxy-kubeconfig": "/var/lib/kube-proxy/kube-proxy.kubeconfig",
        "proxy-config": "/var/lib/kube-proxy/kube-proxy-config.yaml",
        "scheduler-config": "/var/lib/kubernetes/kube-scheduler.yaml",
        "admin": "/root/admin.kubeconfig",
    },
    "opt": {
        "authorities": {"ca": "/opt/kubernetes/ssl/ca.pem", "etcd-ca": "/opt/etcd/ssl/ca.pem"},
        "serving": "/opt/kubernetes/ssl/server.pem",
        "kubelet-client": "/opt/kubernetes/ssl/kubelet-client.pem",
        "etcd-client": "/opt/etcd/ssl/server.pem",
        "etcd": "/opt/etcd/ssl/server.pem",
        "etcd-authority": "/opt/etcd/ssl/ca.pem",
        "tokens": "/opt/kubernetes/ssl/ca.pem",
        "wrong": {"shared-key"},  # which stays until that key has a successor
        "encryption": "/opt/kubernetes/cfg/encryption.yml",
        "kubeconfigs": "/opt/kubernetes/cfg/{name}.kubeconfig",
        "kubelet": "/opt/kubernetes/ssl/kubelet.pem",
        "kubelet-kubeconfig": "/opt/kubernetes/cfg/kubelet.kubeconfig",
        "kubelet-config": "/opt/kubernetes/cfg/kubelet-config.yml",
        "kubelet-authority": "/opt/kubernetes/ssl/ca.pem",
        "proxy-kubeconfig": "/opt/kubernetes/cfg/kube-proxy.kubeconfig",
        "proxy-config": "/opt/kubernetes/cfg/kube-proxy-config.yml",
        "scheduler-config": "/opt/kubernetes/cfg/kube-scheduler.yml",
        "admin": "/root/.kube/config",
    },
    "kubeadm": {
        "authorities": {"ca": "/etc/kubernetes/pki/ca.crt", "etcd-ca": "/etc/kubernetes/pki/etcd/ca.crt",
                        "front-proxy-ca": "/etc/kubernetes/pki/front-proxy-ca.crt"},
        "serving": "/etc/kubernetes/pki/apiserver.crt",
        "kubelet-client": "/etc/kubernetes/pki/apiserver-kubelet-client.crt",
        "etcd-client": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "etcd": "/etc/kubernetes/pki/etcd/server.crt",
        "etcd-authority": "/etc/kubernetes/pki/etcd/ca.crt",
        "tokens": "/etc/kubernetes/pki/sa.pub",
        "encryption": "/etc/kubernetes/encryption.yaml",
        "kubeconfigs": "/etc/kubernetes/{short}.conf",
        "kubelet": "/var/lib/kubelet/pki/kubelet.crt",
        "kubelet-kubeconfig": "/etc/kubernetes/kubelet.conf",
        "kubelet-config": "/var/lib/kubelet/config.yaml",
        "kubelet-authority": "/etc/kubernetes/pki/ca.crt",
        "proxy-kubeconfig": "/var/lib/kube-proxy/kubeconfig",
        "proxy-config": "/var/lib/kube-proxy/config.conf",
        "scheduler-config": "/etc/kubernetes/scheduler.yaml",
        # The group of admin.conf has no rights before kubeadm has given it some.
        "admin": "/etc/kubernetes/super-admin.conf",
    },
}


def key_of(path):
    """Where the key of a certificate lies, as people name it."""
    stem, end = os.path.splitext(path)
    return {".pem": f"{stem}-key.pem", ".crt": f"{stem}.key", ".pub": f"{stem}.key"}[end]


# What kubeadm is told; the machines of one cluster share what stands below.
KUBEADM = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {address}, bindPort: 6443}}
nodeRegistration: {{name: {host}, criSocket: "unix:///run/containerd/containerd.sock"}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v{version}
clusterName: by-hand
controlPlaneEndpoint: {balancer}:6443
networking: {{podSubnet: {pods}, serviceSubnet: {services}, dnsDomain: cluster.local}}
apiServer: {{certSANs: [{balancer}, api.by-hand.example]}}
"""
SHARED = ("ca", "front-proxy-ca", "etcd/ca", "sa")


class ByHand:
    """The trees of all hosts, below a folder. `kubeadm`: the program, which then makes what it makes, and its version."""

    def __init__(self, style, folder, kubectl, cfssl, facts, kubeadm=None):
        self.style, self.names, self.folder, self.kubeadm = style, STYLES[style], folder, kubeadm
        self.kubectl, self.cfssl, self.facts = kubectl, cfssl, facts
        self.certs = os.path.join(folder, "certs")
        os.makedirs(self.certs)
        self.make()

    def tree(self, host):
        return os.path.join(self.folder, "hosts", host)

    def put(self, host, path, content, mode=0o644):
        target = self.tree(host) + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def cert(self, name, end=""):
        with open(os.path.join(self.certs, f"{name}{end}.pem"), "rb") as file:
            return file.read()

    def pair(self, host, path, name):
        self.put(host, path, self.cert(name))
        self.put(host, key_of(path), self.cert(name, "-key"), 0o600)

    # What cfssl does

    def request(self, name, cn, organisation, authority=None, hosts=()):
        key = {"algo": "rsa", "size": 2048} if self.style != "ssl" else {"algo": "ecdsa", "size": 256}
        request = {"CN": cn, "key": key, "names": [{"C": "US", "L": "Portland", "O": organisation, "OU": "by hand"}]}
        with open(os.path.join(self.certs, f"{name}-csr.json"), "w") as file:
            json.dump(request, file)
        command = [f"{self.cfssl}", "gencert"]
        if authority:
            command += [f"-ca={authority}.pem", f"-ca-key={authority}-key.pem", "-config=ca-config.json", "-profile=kubernetes"]
            command += [f"-hostname={','.join(hosts)}"] if hosts else []
        else:
            command.append("-initca")
        made = subprocess.run([*command, f"{name}-csr.json"], cwd=self.certs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        subprocess.run([f"{self.cfssl}json", "-bare", name], cwd=self.certs, input=made, check=True)

    def kubeconfig(self, name, server, user):
        path = os.path.join(self.certs, f"{name}.kubeconfig")
        authority, certificate, key, embed = "ca.pem", f"{name}.pem", f"{name}-key.pem", "true"
        if named := self.named_by_kubeconfig(name):
            authority, certificate, key, embed = self.names["authorities"]["ca"], named, key_of(named), "false"
        for words in (
            ["set-cluster", "by-hand", f"--certificate-authority={authority}", f"--embed-certs={embed}", f"--server={server}"],
            ["set-credentials", user, f"--client-certificate={certificate}", f"--client-key={key}", f"--embed-certs={embed}"],
            ["set-context", "default", "--cluster=by-hand", f"--user={user}"],
            ["use-context", "default"],
        ):
            subprocess.run([self.kubectl, "config", *words, f"--kubeconfig={path}"], cwd=self.certs, stdout=subprocess.DEVNULL, check=True)
        with open(path, "rb") as file:
            return file.read()

    def named_by_kubeconfig(self, name):
        """Where a kubeconfig's certificate lies, if it names files: the administrator's goes to other machines, and does not."""
        return self.names["users"].format(name=name) if "users" in self.names and name != "admin" else None

    def phases(self):
        """kubeadm's certificates and kubeconfigs of every control plane, in its tree."""
        program, version = self.kubeadm
        first = self.tree(next(iter(CONTROL_PLANES)))
        for host, address in CONTROL_PLANES.items():
            root = self.tree(host)
            for folder in ("tmp", "var/lib/kubelet", "etc/kubernetes/pki/etcd"):
                os.makedirs(os.path.join(root, folder))
            for name in SHARED if root != first else ():
                for end in (".crt", ".key", ".pub"):
                    path = f"etc/kubernetes/pki/{name}{end}"
                    if os.path.exists(os.path.join(first, path)):
                        shutil.copy2(os.path.join(first, path), os.path.join(root, path))
            with open(os.path.join(root, "kubeadm.yaml"), "w") as file:
                file.write(KUBEADM.format(address=address, host=host, version=version, balancer=BALANCER, pods=PODS, services=SERVICES))
            # No kubelet runs on these machines, so that none of kubelet.conf's is made.
            for phase in ("certs all", "kubeconfig super-admin", "kubeconfig controller-manager", "kubeconfig scheduler"):
                subprocess.run([program, "init", "phase", *phase.split(), "--rootfs", root, "--config", "/kubeadm.yaml"],
                               stdout=subprocess.DEVNULL, check=True)
            for path in ("kubeadm.yaml", "tmp"):
                subprocess.run(["rm", "-rf", os.path.join(root, path)], check=True)
        for end, name in ((".crt", "ca.pem"), (".key", "ca-key.pem")):
            shutil.copy2(os.path.join(first, f"etc/kubernetes/pki/ca{end}"), os.path.join(self.certs, name))

    def certificates(self):
        with open(os.path.join(self.certs, "ca-config.json"), "w") as file:
            json.dump({"signing": {"default": {"expiry": "8760h"}, "profiles": {"kubernetes": {
                "usages": ["signing", "key encipherment", "server auth", "client auth"], "expiry": "8760h"}}}}, file)
        if self.kubeadm:
            self.phases()
        else:
            self.of_control_planes()
        self.request("kube-proxy", "system:kube-proxy", "system:node-proxier", "ca")
        for host, address in WORKERS.items():
            self.request(host, f"system:node:{host}", "system:nodes", "ca", [host, address])

    def of_control_planes(self):
        split = self.has_its_own_for_etcd()
        for authority in self.names["authorities"]:
            self.request(authority, {"ca": "Kubernetes", "etcd-ca": "etcd", "front-proxy-ca": "front-proxy"}[authority], "Kubernetes")
        everywhere = [FIRST_SERVICE, *CONTROL_PLANES.values(), *CONTROL_PLANES, BALANCER, "lb1", "127.0.0.1", "localhost", "kubernetes",
                      "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "api.by-hand.example"]
        self.request("kubernetes", "kubernetes", "Kubernetes", "ca", everywhere)
        etcd = "etcd-ca" if "etcd-ca" in self.names["authorities"] else "ca"
        if split:
            self.request("etcd", "etcd", "etcd", etcd, [*CONTROL_PLANES.values(), *CONTROL_PLANES, "127.0.0.1", "localhost"])
            self.request("etcd-client", "kube-apiserver-etcd-client", "etcd", etcd)
            self.request("kubelet-client", "kube-apiserver-kubelet-client", "system:masters", "ca")
        if "front-proxy-ca" in self.names["authorities"]:
            self.request("front-proxy-client", "front-proxy-client", "Kubernetes", "front-proxy-ca")
        self.request("service-account", "service-accounts", "Kubernetes", "ca")
        for name, cn, organisation in (("admin", "admin", "system:masters"), ("kube-controller-manager", "system:kube-controller-manager", "system:kube-controller-manager"),
                                       ("kube-scheduler", "system:kube-scheduler", "system:kube-scheduler")):
            self.request(name, cn, organisation, "ca")

    # What an editor does

    def make(self):
        self.certificates()
        names = self.names
        secret = base64.b64encode(os.urandom(32)).decode()
        encryption = ("kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n  - resources:\n      - secrets\n    providers:\n"
                      f"      - aescbc:\n          keys:\n            - name: key1\n              secret: {secret}\n      - identity: {{}}\n")
        members = ",".join(f"{name}=https://{address}:2380" for name, address in CONTROL_PLANES.items())
        if not self.kubeadm:
            self.files_of_control_planes()
        for host, address in CONTROL_PLANES.items():
            self.put(host, names["encryption"], encryption, 0o600)
            self.put(host, names["scheduler-config"], "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nclientConnection:\n"
                     f"  kubeconfig: {self.kubeconfig_of('kube-scheduler')}\nleaderElection:\n  leaderElect: true\n")
            self.unit(host, "etcd", {
                "name": host, "cert-file": names["etcd"], "key-file": key_of(names["etcd"]), "peer-cert-file": names["etcd"],
                "peer-key-file": key_of(names["etcd"]), "trusted-ca-file": names["etcd-authority"], "peer-trusted-ca-file": names["etcd-authority"],
                "peer-client-cert-auth": None, "client-cert-auth": None, "initial-advertise-peer-urls": f"https://{address}:2380",
                "listen-peer-urls": f"https://{address}:2380", "listen-client-urls": f"https://{address}:2379,https://127.0.0.1:2379",
                "advertise-client-urls": f"https://{address}:2379", "initial-cluster-token": "etcd-cluster-0", "initial-cluster": members,
                "initial-cluster-state": "new", "data-dir": "/var/lib/etcd", "quota-backend-bytes": "4294967296"}, kind="notify")
            proxy = {"requestheader-client-ca-file": names["authorities"]["front-proxy-ca"], "requestheader-allowed-names": "front-proxy-client",
                     "requestheader-extra-headers-prefix": "X-Remote-Extra-", "requestheader-group-headers": "X-Remote-Group",
                     "requestheader-username-headers": "X-Remote-User", "proxy-client-cert-file": "/etc/kubernetes/pki/front-proxy-client.crt",
                     "proxy-client-key-file": "/etc/kubernetes/pki/front-proxy-client.key"} if "front-proxy-ca" in names["authorities"] else {}
            self.unit(host, "kube-apiserver", {
                "advertise-address": address, "allow-privileged": "true", "authorization-mode": "Node,RBAC", "bind-address": "0.0.0.0",
                "client-ca-file": names["authorities"]["ca"], "enable-admission-plugins": "NamespaceLifecycle,NodeRestriction,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota",
                "etcd-cafile": names["etcd-authority"], "etcd-certfile": names["etcd-client"], "etcd-keyfile": key_of(names["etcd-client"]),
                "etcd-servers": ",".join(f"https://{one}:2379" for one in CONTROL_PLANES.values()), "event-ttl": "2h",
                "encryption-provider-config": names["encryption"], "kubelet-certificate-authority": names["authorities"]["ca"],
                "kubelet-client-certificate": names["kubelet-client"], "kubelet-client-key": key_of(names["kubelet-client"]),
                "runtime-config": "api/all=true", "service-account-key-file": names["tokens"],
                "service-account-signing-key-file": key_of(names["tokens"]), "service-account-issuer": f"https://{BALANCER}:6443",
                "service-cluster-ip-range": SERVICES, "service-node-port-range": "30000-32000", "tls-cert-file": names["serving"],
                "tls-private-key-file": key_of(names["serving"]), "max-requests-inflight": "500", "v": "2", **proxy})
            self.unit(host, "kube-controller-manager", {
                "bind-address": "0.0.0.0", "cluster-cidr": PODS, "cluster-name": "kubernetes", "cluster-signing-cert-file": names["authorities"]["ca"],
                "cluster-signing-key-file": key_of(names["authorities"]["ca"]), "allocate-node-cidrs": "true",
                "kubeconfig": self.kubeconfig_of("kube-controller-manager"), "leader-elect": "true",
                "root-ca-file": names["authorities"]["ca"], "service-account-private-key-file": key_of(names["tokens"]),
                "service-cluster-ip-range": SERVICES, "use-service-account-credentials": "true", "terminated-pod-gc-threshold": "50", "v": "2"})
            self.unit(host, "kube-scheduler", {"config": names["scheduler-config"], "v": "2"})
        proxy = self.kubeconfig("kube-proxy", f"https://{BALANCER}:6443", "system:kube-proxy")
        for host in WORKERS:
            kubeconfig = self.kubeconfig(host, f"https://{BALANCER}:6443", f"system:node:{host}")
            self.put(host, names["kubelet-authority"], self.cert("ca"))
            certificate = names["kubelet"].format(host=host)
            self.pair(host, certificate, host)
            self.put(host, names["kubelet-kubeconfig"], kubeconfig, 0o600)
            self.put(host, names["kubelet-config"], "\n".join([
                "kind: KubeletConfiguration", "apiVersion: kubelet.config.k8s.io/v1beta1", "authentication:", "  anonymous:", "    enabled: false",
                "  webhook:", "    enabled: true", "  x509:", f"    clientCAFile: {names['kubelet-authority']}", "authorization:", "  mode: Webhook",
                "clusterDomain: cluster.local", "clusterDNS:", f"  - {DNS}", "cgroupDriver: cgroupfs", "resolvConf: /etc/resolv.conf",
                "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock", "runtimeRequestTimeout: 15m", "maxPods: 55",
                *(["failCgroupV1: false"] if self.facts["cgroup"] == 1 else []),
                f"tlsCertFile: {certificate}", f"tlsPrivateKeyFile: {key_of(certificate)}", ""]))
            self.unit(host, "kubelet", {"config": names["kubelet-config"], "kubeconfig": names["kubelet-kubeconfig"], "register-node": "true",
                                        "node-labels": "example.org/disk=ssd", "v": "2"}, after="containerd.service")
            self.put(host, names["proxy-kubeconfig"], proxy, 0o600)
            for name in (host, "kube-proxy"):
                if named := self.named_by_kubeconfig(name):
                    self.pair(host, named, name)
            self.put(host, names["proxy-config"], f"kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nclientConnection:\n"
                     f"  kubeconfig: {names['proxy-kubeconfig']}\nmode: iptables\nclusterCIDR: {PODS}\nconntrack:\n  maxPerCore: 0\n")
            self.unit(host, "kube-proxy", {"config": names["proxy-config"]})
            number = list(WORKERS).index(host)
            self.put(host, "/etc/cni/net.d/10-bridge.conf", json.dumps({
                "cniVersion": "0.4.0", "name": "bridge", "type": "bridge", "bridge": "cnio0", "isGateway": True, "ipMasq": True,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": f"10.200.{number}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}) + "\n")
            self.put(host, "/etc/cni/net.d/99-loopback.conf", '{"cniVersion": "0.4.0", "name": "lo", "type": "loopback"}\n')
            oom = "" if self.facts["oom"] else '  [plugins."io.containerd.grpc.v1.cri"]\n    restrict_oom_score_adj = true\n'
            self.put(host, "/etc/containerd/config.toml", 'version = 2\n[plugins]\n' + oom +
                     '  [plugins."io.containerd.grpc.v1.cri".cni]\n    bin_dir = "/opt/cni/bin"\n    conf_dir = "/etc/cni/net.d"\n')
        servers = "".join(f"        server {address}:6443;\n" for address in CONTROL_PLANES.values())
        self.put("lb1", "/etc/nginx/tcpconf.d/kubernetes.conf", "stream {\n    upstream kubernetes {\n" + servers + "    }\n    server {\n"
                 "        listen 6443;\n        proxy_pass kubernetes;\n    }\n}\n")

    def kubeconfig_of(self, name):
        return self.names["kubeconfigs"].format(name=name, short=name.removeprefix("kube-"))

    def files_of_control_planes(self):
        names = self.names
        split = self.has_its_own_for_etcd()
        managers = {name: self.kubeconfig(name, "https://127.0.0.1:6443", f"system:{name}") for name in ("kube-controller-manager", "kube-scheduler")}
        admin = self.kubeconfig("admin", f"https://{BALANCER}:6443", "admin")
        tokens = self.cert("service-account")
        if names["tokens"].endswith(".pub"):
            tokens = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=tokens, stdout=subprocess.PIPE, check=True).stdout
        for host in CONTROL_PLANES:
            for authority, path in names["authorities"].items():
                self.pair(host, path, authority)
            self.put(host, names["etcd-authority"], self.cert("etcd-ca" if "etcd-ca" in names["authorities"] else "ca"))
            self.pair(host, names["serving"], "kubernetes")
            self.pair(host, names["etcd"], "etcd" if split else "kubernetes")
            if split:
                self.pair(host, names["kubelet-client"], "kubelet-client")
                if names["etcd-client"] != names["etcd"]:
                    self.pair(host, names["etcd-client"], "etcd-client")
            if "front-proxy-ca" in names["authorities"]:
                self.pair(host, "/etc/kubernetes/pki/front-proxy-client.crt", "front-proxy-client")
            if names["tokens"] not in names["authorities"].values():
                self.put(host, names["tokens"], tokens)
                self.put(host, key_of(names["tokens"]), self.cert("service-account", "-key"), 0o600)
            self.put(host, names["admin"], admin, 0o600)
            for name, text in managers.items():
                self.put(host, self.kubeconfig_of(name), text, 0o600)
                if named := self.named_by_kubeconfig(name):
                    self.pair(host, named, name)

    def has_its_own_for_etcd(self):
        """Whether etcd and its client have certificates of their own, and not the API server's."""
        return "apart" in self.names or len(self.names["authorities"]) > 1

    def unit(self, host, name, flags, kind="", after=""):
        lines = [f"/usr/local/bin/{name}"] + [f"--{flag}" if value is None else f"--{flag}={value}" for flag, value in flags.items()]
        more = (f"After={after}\nRequires={after}\n" if after else "")
        service = f"Type={kind}\n" if kind else ""
        self.put(host, f"/etc/systemd/system/{name}.service", f"[Unit]\nDescription={name}\n{more}\n[Service]\n{service}ExecStart=" + " \\\n  ".join(lines) +
                 "\nRestart=on-failure\nRestartSec=5\n\n[Install]\nWantedBy=multi-user.target\n")
        wants = self.tree(host) + f"/etc/systemd/system/multi-user.target.wants/{name}.service"
        os.makedirs(os.path.dirname(wants), exist_ok=True)
        os.symlink(f"/etc/systemd/system/{name}.service", wants)
