"""What must be true of a running cluster. Each check is a function of a Trial; its docstring is what is printed. A check
that does not apply to the cluster at hand raises Skip with the reason."""

import json
import os
import re
import shutil
import threading
import time

import images
from cluster import at_least

CHECKS = []


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def check(function):
    CHECKS.append(function)
    return function


def expect(condition, detail):
    if not condition:
        raise Failed(detail if isinstance(detail, str) else repr(detail))


class Trial:
    """A running cluster, and ways to ask it."""

    def __init__(self, cluster, lab, work, agent, coredns):
        """`agent` is the program that runs in pods; `coredns` that one, or None."""
        self.cluster, self.lab, self.work, self.agent, self.coredns = cluster, lab, work, agent, coredns
        self.hosts = lab.hosts
        self.admin = lab.hosts[cluster.admin()]
        # Where administrators have their rights by a manifest, somebody has to apply it.
        self.kubeconfig = "/root/break-glass.kubeconfig" if self.admin.exists("/root/break-glass.kubeconfig") else "/root/admin.kubeconfig"
        self.pods = []

    def kubectl(self, *arguments, host=None, kubeconfig=None, server=None, stdin="", timeout=30):
        """kubectl on a host: its exit code and what it wrote."""
        command = ["kubectl", f"--kubeconfig={kubeconfig or self.kubeconfig}"]
        if server:
            command.append(f"--server={server}")
        return (host or self.admin).run(*command, *arguments, stdin=stdin, timeout=timeout)

    def ask(self, *arguments, **options):
        """What kubectl wrote; whatever it refuses is a failure."""
        code, said = self.kubectl(*arguments, **options)
        expect(code == 0, f"kubectl {' '.join(arguments)}: exit {code}: {said.strip()}")
        return said

    def apply(self, *objects):
        return self.ask("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def get(self, *arguments, **options):
        return json.loads(self.ask("get", *arguments, "-o", "json", **options))

    def server(self, master):
        address = self.cluster.addresses(master)[0]
        port = self.cluster.flag(master, "kube-apiserver", "secure-port") or "6443"
        return f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"

    def flag(self, unit, flag, host=None):
        return self.cluster.flag(host or self.cluster.masters()[0], unit, flag)

    def etcdctl(self, *arguments, timeout=30):
        """etcdctl on a master, with the certificates that the API server uses."""
        master = self.cluster.masters()[0]
        return self.hosts[master].run(
            "etcdctl", f"--endpoints={self.flag('kube-apiserver', 'etcd-servers')}", f"--cacert={self.flag('kube-apiserver', 'etcd-cafile')}",
            f"--cert={self.flag('kube-apiserver', 'etcd-certfile')}", f"--key={self.flag('kube-apiserver', 'etcd-keyfile')}", *arguments,
            environment={"ETCDCTL_API": "3"}, timeout=timeout)


def eventually(function, seconds=60, pause=0.5):
    """Until the function holds; its last failure if it never does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return function()
        except (Failed, json.JSONDecodeError) as failure:
            if time.monotonic() > deadline:
                raise Failed(f"not within {seconds} s: {failure}") from None
        time.sleep(pause)


def forbidden(code, said):
    expect(code not in (0, None) and re.search(r"[Ff]orbidden", said), f"not refused: exit {code}: {said.strip()}")


# The control plane


@check
def units(trial):
    """every unit that install.sh enabled is active"""

    def all_active():
        states = [(host.name, name, service.state, service.why) for host in trial.hosts.values() for name, service in host.services.items()
                  if service.state != "active"]
        expect(not states, "; ".join(f"{host}/{name} {state} {why}" for host, name, state, why in states))

    eventually(all_active, 120)
    return f"{sum(len(host.services) for host in trial.hosts.values())} units on {len(trial.hosts)} hosts"


@check
def etcd_health(trial):
    """every etcd member is healthy, by the certificates of the API server"""

    def healthy():
        code, said = trial.etcdctl("endpoint", "health")
        expect(code == 0, said)
        return said.count("is healthy")

    members = eventually(healthy, 60)
    wanted = len(trial.cluster.with_role("etcd"))
    expect(members == wanted, f"{members} of {wanted} answer")
    return f"{members} members"


@check
def readyz(trial):
    """/readyz of every API server and of the endpoint"""
    for master in trial.cluster.masters():
        eventually(lambda: expect(trial.ask("get", "--raw", "/readyz", server=trial.server(master)) == "ok", "not ok"), 90)
    eventually(lambda: expect(trial.ask("get", "--raw", "/readyz") == "ok", "not ok"), 30)
    return json.loads(trial.ask("version", "-o", "json"))["serverVersion"]["gitVersion"]


@check
def version(trial):
    """the API server is of the version that the cluster is written for"""
    found = json.loads(trial.ask("get", "--raw", "/version"))["gitVersion"]
    expect(found.startswith(f"v{trial.cluster.minor}."), found)
    return found


@check
def balancer_health(trial):
    """each load balancer by itself passes on to the API servers"""
    if not trial.cluster.balancers():
        raise Skip("no load balancer in this cluster")
    endpoint = re.search(r"server:\s*\"?(https://\S+?)\"?\s", trial.admin.read("/root/admin.kubeconfig") + " ").group(1)
    port = endpoint.rsplit(":", 1)[1]
    for balancer in trial.cluster.balancers():
        address = trial.cluster.addresses(balancer)[0]
        server = f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"
        eventually(lambda: expect(trial.ask("get", "--raw", "/readyz", server=server) == "ok", "not ok"), 30)
    return f"{len(trial.cluster.balancers())} of port {port}"


@check
def break_glass(trial):
    """the break-glass kubeconfig works from the start, the administrator's once its binding is applied"""
    if trial.kubeconfig == "/root/admin.kubeconfig":
        raise Skip("there is none in this cluster")
    expect(trial.ask("auth", "can-i", "*", "*").strip().endswith("yes"), "may not")
    forbidden(*trial.kubectl("get", "secrets", "-A", kubeconfig="/root/admin.kubeconfig"))
    binding = next(file for file in manifests(trial) if "cluster-admins" in file)
    trial.ask("apply", "-f", binding)
    eventually(lambda: trial.ask("get", "secrets", "-A", kubeconfig="/root/admin.kubeconfig"), 10)
    trial.kubeconfig = "/root/admin.kubeconfig"
    return os.path.basename(binding)


@check
def keepalived_file(trial):
    """keepalived accepts its file as it stands in the bundle"""
    found = [name for name in trial.cluster.balancers() if trial.hosts[name].exists("/etc/keepalived/keepalived.conf")]
    if not found:
        raise Skip("no address is shared")
    for name in found:
        code, said = trial.hosts[name].run("keepalived", "-t", "-f", "/etc/keepalived/keepalived.conf")
        expect(code == 0, f"{name}: {said}")


@check
def administrator(trial):
    """the administrator may do everything"""
    expect(trial.ask("auth", "can-i", "*", "*").strip().endswith("yes"), "may not")
    trial.ask("create", "namespace", "e2e")
    trial.ask("-n", "e2e", "create", "configmap", "written", "--from-literal=by=admin")
    expect(trial.ask("-n", "e2e", "get", "configmap", "written", "-o", "jsonpath={.data.by}") == "admin", "not what was written")


@check
def other_administrators(trial):
    """every administrator's kubeconfig on every host works"""
    found = []
    for host in trial.hosts.values():
        for file in host.list("/root") or []:
            if file.endswith(".kubeconfig"):
                said = trial.ask("auth", "can-i", "*", "*", host=host, kubeconfig=f"/root/{file}")
                expect(said.strip().endswith("yes"), f"{host.name}: {file}: {said}")
                found.append(file)
    return f"{len(found)} of them"


@check
def secrets_encrypted(trial):
    """a Secret lies encrypted in etcd, and is read back by every API server"""
    config = trial.hosts[trial.cluster.masters()[0]].read(trial.flag("kube-apiserver", "encryption-provider-config"))
    provider = re.search(r"-\s+(aescbc|aesgcm|secretbox|kms):", config).group(1)
    trial.ask("-n", "e2e", "create", "secret", "generic", "hidden", "--from-literal=word=cleartext-canary")
    master = trial.hosts[trial.cluster.masters()[0]]
    code, raw = trial.etcdctl("get", "/registry/secrets/e2e/hidden", "--print-value-only")
    expect(code == 0 and f"k8s:enc:{provider}:v" in raw, f"exit {code}: {raw[:80]!r}")
    expect("cleartext-canary" not in raw, "the secret can be read in etcd")
    for master in trial.cluster.masters():
        found = trial.ask("-n", "e2e", "get", "secret", "hidden", "-o", "jsonpath={.data.word}", server=trial.server(master))
        expect(found == "Y2xlYXJ0ZXh0LWNhbmFyeQ==", f"{master} reads {found!r}")
    return f"k8s:enc:{provider}"


@check
def anonymous(trial):
    """who has no certificate may read nothing"""
    code, said = trial.admin.run("curl", "-sk", "-m", "10", "-w", "%{http_code}", trial.server(trial.cluster.masters()[0]) + "/api/v1/secrets")
    expect(said[-3:] in ("401", "403"), said)
    return said[-3:]


@check
def strangers_certificate(trial):
    """a certificate of another authority's making is refused, by the API server and by etcd"""
    script = """cd /tmp && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout stranger-key.pem -out stranger.pem \
        -subj '/O=system:masters/CN=kubernetes-admin' -addext extendedKeyUsage=clientAuth 2>&1"""
    code, said = trial.admin.run("sh", "-c", script)
    expect(code == 0, said)
    code, said = trial.admin.run("curl", "-sk", "-m", "10", "-w", "%{http_code}", "--cert", "/tmp/stranger.pem", "--key", "/tmp/stranger-key.pem",
                                 trial.server(trial.cluster.masters()[0]) + "/api/v1/namespaces")
    expect(said.endswith("401"), said)
    for url in trial.flag("kube-apiserver", "etcd-servers").split(","):
        code, said = trial.admin.run("curl", "-sk", "-m", "10", "--cert", "/tmp/stranger.pem", "--key", "/tmp/stranger-key.pem", url + "/version")
        expect(code not in (0, 28), f"{url} answered a stranger: {said}")
        code, said = trial.admin.run("curl", "-sk", "-m", "10", url + "/version")
        expect(code not in (0, 28), f"{url} answered without a certificate: {said}")


@check
def authorities_apart(trial):
    """where there are several authorities, a certificate of one opens nothing that belongs to another"""
    master = trial.cluster.masters()[0]
    host = trial.hosts[master]
    client, etcd = trial.flag("kube-apiserver", "client-ca-file"), trial.flag("kube-apiserver", "etcd-cafile")
    if host.read(client) == host.read(etcd):
        raise Skip("one authority for everything")
    certificate, key = trial.flag("kube-apiserver", "etcd-certfile"), trial.flag("kube-apiserver", "etcd-keyfile")
    code, said = host.run("curl", "-sk", "-m", "10", "-w", "%{http_code}", "--cert", certificate, "--key", key, trial.server(master) + "/api/v1/namespaces")
    expect(said.endswith("401"), f"etcd's client at the API server: {said[-200:]}")
    certificate, key = trial.flag("kube-apiserver", "kubelet-client-certificate"), trial.flag("kube-apiserver", "kubelet-client-key")
    url = trial.flag("kube-apiserver", "etcd-servers").split(",")[0]
    code, said = host.run("curl", "-sk", "-m", "10", "--cert", certificate, "--key", key, url + "/version")
    expect(code not in (0, 28), f"the kubelets' client at etcd: {said}")


@check
def front_proxy(trial):
    """the aggregation layer: the front proxy may speak for a user, nobody else may"""
    certificate, key = trial.flag("kube-apiserver", "proxy-client-cert-file"), trial.flag("kube-apiserver", "proxy-client-key-file")
    if certificate is None:
        raise Skip("no front proxy in this cluster")
    master = trial.cluster.masters()[0]
    host, url = trial.hosts[master], trial.server(master)

    def request(path, *credentials):
        code, said = host.run("curl", "-s", "-m", "10", "-k", "-w", "\n%{http_code}", *credentials, "-H", "X-Remote-User: jane", "-H", "X-Remote-Group: system:masters",
                              "-H", "X-Remote-Extra-Reason: e2e", url + path)
        return said.rsplit("\n", 1)[::-1]

    proxy = ["--cert", certificate, "--key", key]
    status, said = request("/api/v1/secrets", *proxy)
    expect(status == "200", f"jane of system:masters through the front proxy: {status} {said[:200]}")
    if at_least(trial.cluster.minor, "1.28"):
        code, said = host.run("curl", "-sk", "-m", "10", *proxy, "-H", "X-Remote-User: jane", "-H", "X-Remote-Group: testers", "-H", "X-Remote-Extra-Reason: e2e",
                              "-H", "Content-Type: application/json", "-d", '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}',
                              url + "/apis/authentication.k8s.io/v1/selfsubjectreviews")
        user = json.loads(said)["status"]["userInfo"]
        expect(user["username"] == "jane" and "testers" in user["groups"] and user["extra"]["reason"] == ["e2e"], said)
    status, said = request("/api/v1/secrets")
    expect(status in ("401", "403"), f"without a certificate: {status}")
    other = ["--cert", trial.flag("kube-apiserver", "kubelet-client-certificate"), "--key", trial.flag("kube-apiserver", "kubelet-client-key")]
    _, without = host.run("curl", "-sk", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", *other, url + "/api/v1/secrets")
    status, said = request("/api/v1/secrets", *other)
    expect(status == without, f"another client's headers count: {status} instead of {without}")


@check
def aggregated_configuration(trial):
    """extension API servers are told how to check the front proxy"""
    data = trial.get("-n", "kube-system", "configmap", "extension-apiserver-authentication")["data"]
    expect("client-ca-file" in data, list(data))
    if trial.flag("kube-apiserver", "requestheader-client-ca-file") is None:
        raise Skip("no front proxy in this cluster")
    expect("requestheader-client-ca-file" in data and "requestheader-allowed-names" in data, list(data))


@check
def service_account_tokens(trial):
    """a token that one API server makes is taken by every other"""
    if not at_least(trial.cluster.minor, "1.24"):
        raise Skip("kubectl create token is from 1.24 on")
    trial.ask("-n", "e2e", "create", "serviceaccount", "robot")
    trial.ask("create", "clusterrolebinding", "e2e-robot", "--clusterrole=view", "--serviceaccount=e2e:robot")
    masters = trial.cluster.masters()
    kubeconfig = json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []})
    trial.admin.run("tee", "/tmp/empty.kubeconfig", stdin=kubeconfig)
    for maker in masters:
        token = trial.ask("-n", "e2e", "create", "token", "robot", server=trial.server(maker)).strip()
        for judge in masters:
            def taken():
                code, said = trial.kubectl("--token", token, "--insecure-skip-tls-verify", "-n", "e2e", "get", "configmaps", "-o", "name",
                                           kubeconfig="/tmp/empty.kubeconfig", server=trial.server(judge))
                expect(code == 0 and "configmap/" in said, f"made by {maker}, shown to {judge}: {said}")
            eventually(taken, 10)
        code, said = trial.kubectl("--token", token[:-8] + "AAAAAAAA", "--insecure-skip-tls-verify", "get", "namespaces", kubeconfig="/tmp/empty.kubeconfig",
                                   server=trial.server(masters[-1]))
        expect(code != 0 and re.search("Unauthorized|must be logged in", said), f"a forged token: {said}")
    return f"{len(masters)} × {len(masters)}"


@check
def issuer(trial):
    """tokens name the issuer that the API server is told, and its keys are published"""
    if not at_least(trial.cluster.minor, "1.21"):
        raise Skip("published from 1.21 on")
    found = json.loads(trial.ask("get", "--raw", "/.well-known/openid-configuration"))
    expect(found["issuer"] == trial.flag("kube-apiserver", "service-account-issuer"), found)
    expect(json.loads(trial.ask("get", "--raw", "/openid/v1/jwks"))["keys"], "no keys")


@check
def secure_ports(trial):
    """controller manager and scheduler answer over TLS, and in the clear not at all"""
    for master in trial.cluster.masters():
        host = trial.hosts[master]
        for unit, port, insecure in (("kube-controller-manager", 10257, 10252), ("kube-scheduler", 10259, 10251)):
            local = trial.flag(unit, "bind-address", master) or "127.0.0.1"
            local = f"[{local}]" if ":" in local else local

            def healthy():
                code, said = host.run("curl", "-sk", "-m", "5", f"https://{local}:{port}/healthz")
                expect(said == "ok", f"{master}: {unit}: {said}")
            eventually(healthy, 20)
            address = trial.cluster.addresses(master)[0]
            code, said = host.run("curl", "-s", "-m", "5", f"http://{f'[{address}]' if ':' in address else address}:{insecure}/healthz")
            expect(code == 7, f"{master}: {unit} answers in the clear on {insecure}: {said}")
            code, said = host.run("curl", "-sk", "-m", "5", "-w", "%{http_code}", "-o", "/dev/null", f"https://{local}:{port}/metrics")
            expect(said in ("401", "403"), f"{master}: {unit}: /metrics for everybody: {said}")


@check
def anonymous_audit(trial):
    """the audit log is written, and holds no secret"""
    path = trial.flag("kube-apiserver", "audit-log-path")
    if path is None or trial.flag("kube-apiserver", "audit-policy-file") is None:
        raise Skip("no audit log in this cluster")
    text = "".join(trial.hosts[master].read(path) or "" for master in trial.cluster.masters())
    expect('"audit.k8s.io/v1"' in text, "nothing is recorded")
    expect("Y2xlYXJ0ZXh0LWNhbmFyeQ==" not in text and "cleartext-canary" not in text, "a secret's content is in the audit log")
    return f"{text.count(chr(10))} events"


# Nodes


@check
def nodes_ready(trial):
    """every node registers, and is Ready"""
    workers = trial.cluster.workers()
    if not workers:
        raise Skip("no workers in this cluster")

    def ready():
        nodes = {node["metadata"]["name"]: {c["type"]: (c["status"], c.get("message")) for c in node["status"].get("conditions", [])} for node in trial.get("nodes")["items"]}
        expect(sorted(nodes) == sorted(workers), f"{sorted(nodes)} instead of {sorted(workers)}")
        bad = {name: conditions.get("Ready") for name, conditions in nodes.items() if conditions.get("Ready", [""])[0] != "True"}
        expect(not bad, f"not Ready: {bad}")

    eventually(ready, 120)
    return ", ".join(sorted(workers))


@check
def node_addresses(trial):
    """nodes have the addresses, labels and taints that cluster.toml says"""
    if not trial.cluster.workers():
        raise Skip("no workers in this cluster")
    count = 0
    for node in trial.get("nodes")["items"]:
        name = node["metadata"]["name"]
        said = trial.cluster.hosts[name]
        addresses = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
        expect(addresses and set(addresses) <= set(trial.cluster.addresses(name)), f"{name}: {addresses}")
        for key, value in (said.get("labels") or {}).items():
            expect(node["metadata"]["labels"].get(key) == str(value), f"{name}: label {key} is {node['metadata']['labels'].get(key)!r}, not {value!r}")
            count += 1
        found = {f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in node["spec"].get("taints", [])}
        for taint in said.get("taints") or []:
            wanted = re.sub(r"^([^=:]+):", r"\1=:", taint if isinstance(taint, str) else f"{taint['key']}={taint.get('value', '')}:{taint['effect']}")
            expect(wanted in found, f"{name}: no taint {wanted} among {found}")
            count += 1
    return f"{count} labels and taints"


@check
def pod_ranges(trial):
    """no node is given another pod range than its CNI network has"""
    workers = trial.cluster.workers()
    if not workers:
        raise Skip("no workers in this cluster")
    count = 0
    for node in trial.get("nodes")["items"]:
        name = node["metadata"]["name"]
        given = node["spec"].get("podCIDRs") or []
        for file in trial.hosts[name].list("/etc/cni/net.d") or []:
            if not os.path.exists(trial.cluster.bundled(name, f"/etc/cni/net.d/{file}")):
                continue
            subnets = re.findall(r'"subnet":\s*"([^"]+)"', trial.hosts[name].read(f"/etc/cni/net.d/{file}"))
            if subnets and given:
                expect(subnets == given, f"{name}: {file} has {subnets}, the node {given}")
            count += len(subnets)
    return f"{count} ranges"


@check
def node_rights(trial):
    """a node reads itself, and neither another node's secrets nor its labels are its to touch"""
    workers = trial.cluster.workers()
    if not workers:
        raise Skip("no workers in this cluster")
    for name in workers:
        host = trial.hosts[name]
        own = {"host": host, "kubeconfig": "/var/lib/kubelet/kubeconfig"}
        expect(trial.ask("get", "node", name, "-o", "name", **own).strip() == f"node/{name}", name)
        forbidden(*trial.kubectl("-n", "e2e", "get", "secret", "hidden", **own))
        forbidden(*trial.kubectl("get", "secrets", "-A", **own))
        forbidden(*trial.kubectl("create", "namespace", f"by-{name}", **own))
        for other in workers:
            if other != name:
                forbidden(*trial.kubectl("label", "node", other, "taken=over", **own))
        # Node Restriction keeps a node from giving itself labels that decide what runs on it.
        forbidden(*trial.kubectl("label", "node", name, "node-restriction.kubernetes.io/kind=trusted", **own))


@check
def kubelet_closed(trial):
    """a kubelet shows nothing to who has no right to it"""
    for name in trial.cluster.workers():
        address = trial.cluster.addresses(name)[0]
        address = f"[{address}]" if ":" in address else address
        code, said = trial.admin.run("curl", "-sk", "-m", "10", "-w", "%{http_code}", f"https://{address}:10250/pods")
        expect(said.endswith(("401", "403")), f"{name}: {said[-200:]}")
        code, said = trial.admin.run("curl", "-s", "-m", "10", f"http://{address}:10255/pods")
        expect(code == 7, f"{name}: the read-only port answers: {said[-200:]}")


AGENT = "khw.test/agent:e2e"


def pod(name, node, *arguments, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "e2e", "labels": {"app": "web", "pod": name}},
            "spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": [{"operator": "Exists"}], "terminationGracePeriodSeconds": 1,
                     "containers": [{"name": "main", "image": AGENT, "imagePullPolicy": "Never", "args": list(arguments)}], **spec}}


@check
def import_images(trial):
    """containerd takes images that were made by hand, its sandbox image among them"""
    workers = trial.cluster.workers()
    if not workers:
        raise Skip("no workers in this cluster")
    deployed = re.search(r"image:\s*\"?([^\"\s]*coredns[^\"\s]*)", "".join(open(trial.cluster.bundled(trial.admin.name, file)).read() for file in manifests(trial)))
    names = set()
    for name in workers:
        host = trial.hosts[name]
        code, said = host.run("containerd", "config", "dump")
        expect(code == 0, said)
        sandbox = re.search(r"^\s*sandbox(?:_image)? = [\"']([^\"']+)[\"']", said, re.M).group(1)
        wanted = [(sandbox, ["/agent", "pause"], {"agent": trial.agent}), (AGENT, ["/agent"], {"agent": trial.agent})]
        if trial.coredns and deployed:
            wanted.append((deployed.group(1), ["/coredns"], {"coredns": trial.coredns}))
        for tag, entrypoint, files in wanted:
            names.add(tag)
            path = os.path.join(trial.work, re.sub(r"\W", "-", tag) + ".tar")
            if not os.path.exists(path):
                images.archive(path, [tag], entrypoint, files)
            shutil.copyfile(path, host.path("/tmp/image.tar"))
            code, said = host.run("ctr", "-n", "k8s.io", "images", "import", "/tmp/image.tar", timeout=120)
            expect(code == 0, said)
    return ", ".join(sorted(names))


@check
def pods_run(trial):
    """a pod runs on each node, with an address of the node's range"""
    workers = trial.cluster.workers()
    if not workers:
        raise Skip("no workers in this cluster")
    eventually(lambda: trial.ask("-n", "e2e", "get", "serviceaccount", "default"), 30)
    trial.apply(*(pod(f"web-{name}", name, "serve") for name in workers))
    names = [f"web-{name}" for name in workers]

    def running():
        found = {item["metadata"]["name"]: item for item in trial.get("-n", "e2e", "pods")["items"]}
        bad = {name: [one["state"] for one in item["status"].get("containerStatuses", [])] or item["status"].get("conditions") for name, item in found.items() if item["status"]["phase"] != "Running"}
        expect(not bad and set(names) <= set(found), f"not running: {bad}; {events(trial)}")
        return found

    found = eventually(running, 120)
    trial.pod_addresses = {name: [a["ip"] for a in found[name]["status"].get("podIPs", [{"ip": found[name]["status"]["podIP"]}])] for name in names}
    for name in workers:
        expect(found[f"web-{name}"]["spec"]["nodeName"] == name, f"web-{name} runs on {found[f'web-{name}']['spec']['nodeName']}")
    trial.pods = names
    return ", ".join(" and ".join(addresses) for addresses in trial.pod_addresses.values())


def events(trial):
    code, said = trial.kubectl("-n", "e2e", "get", "events", "-o", "custom-columns=R:.reason,M:.message", "--no-headers")
    return " | ".join(said.splitlines()[-6:])


def needs_pods(trial):
    if not trial.pods:
        raise Skip("no pods run")


@check
def logs_refused(trial):
    """without the RBAC manifests, kubelets refuse the API server logs and exec"""
    needs_pods(trial)
    host = trial.hosts[trial.cluster.masters()[0]]
    _, subject = host.run("openssl", "x509", "-noout", "-subject", "-in", trial.flag("kube-apiserver", "kubelet-client-certificate"))
    if "system:masters" in subject:
        raise Skip("the API server is in system:masters")
    for name in trial.pods:
        forbidden(*trial.kubectl("-n", "e2e", "logs", name))
        forbidden(*trial.kubectl("-n", "e2e", "exec", name, "--", "/agent", "hostname"))


def manifests(trial):
    """What the bundle says is to be applied once."""
    found = []
    for folder, _, files in os.walk(trial.cluster.bundled(trial.admin.name, "/root")):
        if "/certs" not in folder:
            found += [os.path.join(folder, file)[len(trial.cluster.bundled(trial.admin.name, "/").rstrip("/")):] for file in files if file.endswith((".yaml", ".yml"))]
    return sorted(found)


@check
def apply_manifests(trial):
    """every manifest of the bundle applies, with strict validation; a second time changes nothing"""
    files = manifests(trial)
    if not files:
        raise Skip("no manifests in this cluster")
    strict = ["--validate=strict"] if at_least(trial.cluster.minor, "1.25") else ["--validate=true"]
    for file in files:
        said = trial.ask("apply", *strict, "-f", file)
        expect("Warning" not in said, said)  # of what is deprecated
    for file in files:
        said = trial.ask("apply", *strict, "-f", file)
        expect(all(line.endswith("unchanged") for line in said.splitlines()), f"{file}: {said}")
    return ", ".join(os.path.basename(file) for file in files)


@check
def logs_and_exec(trial):
    """logs and exec reach every pod, through the endpoint and through each API server"""
    needs_pods(trial)

    def reached(name, server):
        expect(f"started on {name}" in trial.ask("-n", "e2e", "logs", name, server=server), "no log")
        said = trial.ask("-n", "e2e", "exec", name, "--", "/agent", "hostname", server=server)
        expect(name in said, said)

    for name in trial.pods:
        for server in [None] + [trial.server(master) for master in trial.cluster.masters()]:
            eventually(lambda: reached(name, server), 30)
        said = trial.ask("-n", "e2e", "exec", "-i", name, "--", "/agent", "cat", stdin="through and back")
        expect("through and back" in said, said)


@check
def pod_to_pod(trial):
    """every pod reaches every pod, over the routes between the nodes"""
    needs_pods(trial)
    for name in trial.pods:
        for other, addresses in trial.pod_addresses.items():
            for address in addresses:
                target = f"[{address}]" if ":" in address else address
                eventually(lambda: expect(f"served by {other}" in trial.ask("-n", "e2e", "exec", name, "--", "/agent", "get", f"http://{target}:8080/"),
                                          f"{name} to {other}"), 20)
    return f"{len(trial.pods)} × {len(trial.pods)}"


@check
def masters_reach_pods(trial):
    """every control plane reaches the pods, as webhooks and aggregated APIs need"""
    needs_pods(trial)
    for master in trial.cluster.masters():
        for other, addresses in trial.pod_addresses.items():
            target = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
            code, said = trial.hosts[master].run("curl", "-s", "-m", "5", f"http://{target}:8080/")
            expect(f"served by {other}" in said, f"{master} to {other}: exit {code} {said}")


@check
def services(trial):
    """a Service's address and its node port lead to the pods, from pods and from nodes"""
    needs_pods(trial)
    trial.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "e2e"},
                 "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}],
                          **({"ipFamilyPolicy": "PreferDualStack"} if at_least(trial.cluster.minor, "1.20") else {})}})
    service = trial.get("-n", "e2e", "service", "web")
    trial.service_address, port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["nodePort"]
    every = service["spec"].get("clusterIPs", [trial.service_address])
    ranges = trial.cluster.spec.get("network", {}).get("services", "one")
    expect(len(every) == (1 if isinstance(ranges, str) else len(ranges)), every)
    targets = [f"[{address}]" if ":" in address else address for address in every]
    for name in trial.pods:
        for target in targets:
            eventually(lambda: expect("served by web-" in trial.ask("-n", "e2e", "exec", name, "--", "/agent", "get", f"http://{target}/"), f"{name} to {target}"), 30)
    answers = set()
    for worker in trial.cluster.workers():
        addresses = [f"[{address}]" if ":" in address else address for address in trial.cluster.addresses(worker)]
        for url in [f"http://{target}/" for target in targets] * 8 + [f"http://{address}:{port}/" for address in addresses]:
            def answered():
                code, said = trial.hosts[worker].run("curl", "-s", "-m", "5", url)
                expect("served by web-" in said, f"{worker} to {url}: exit {code} {said}")
                answers.add(re.search(r"served by (\S+)", said).group(1))
            eventually(answered, 20)
    expect(len(answers) == len(trial.pods), f"only {answers} ever answered")
    return f"{' and '.join(every)}, node port {port}"


@check
def api_service(trial):
    """the API server's own Service: from a node, by the cluster's CA; from a pod, by the pod's token"""
    needs_pods(trial)
    address = trial.get("service", "kubernetes")["spec"]["clusterIP"]
    host = trial.hosts[trial.cluster.workers()[0]]
    kubeconfig = host.read("/var/lib/kubelet/kubeconfig")
    target = f"[{address}]" if ":" in address else address
    import base64
    embedded = re.search(r"certificate-authority-data:\s*(\S+)", kubeconfig)
    named = re.search(r"certificate-authority:\s*(\S+)", kubeconfig)
    text = base64.b64decode(embedded.group(1)).decode() if embedded else host.read(named.group(1).strip('"'))
    host.run("tee", "/tmp/ca.pem", stdin=text)

    def answered():
        code, said = host.run("curl", "-s", "-m", "5", "--cacert", "/tmp/ca.pem", f"https://{target}/version")
        expect("gitVersion" in said, f"exit {code} {said}")

    eventually(answered, 20)
    said = trial.ask("-n", "e2e", "exec", trial.pods[0], "--", "/agent", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    expect(said.strip() == text.strip(), "the CA in the pod is not the one that nodes trust")
    return address


@check
def names_resolve(trial):
    """CoreDNS of the bundle's manifest becomes ready; pods find Services by name, at the cluster's DNS address"""
    needs_pods(trial)
    if not trial.coredns or not any("coredns" in file for file in manifests(trial)):
        raise Skip("no CoreDNS to run")
    found = trial.get("-n", "kube-system", "service", "kube-dns")["spec"]["clusterIP"]

    def ready():
        status = trial.get("-n", "kube-system", "deployment", "coredns")["status"]
        pods = trial.get("-n", "kube-system", "pods", "-l", "k8s-app=kube-dns")["items"]
        expect(status.get("readyReplicas", 0) == status["replicas"], [one.get("state") for item in pods for one in item["status"].get("containerStatuses", [])] or pods[0]["status"])
        return status["replicas"]

    replicas = eventually(ready, 120)
    domain = trial.cluster.spec["cluster"].get("domain", "cluster.local")
    for name in trial.pods:
        config = trial.ask("-n", "e2e", "exec", name, "--", "/agent", "cat", "/etc/resolv.conf")
        expect(f"nameserver {found}" in config, config)
        for asked, answer in (("web", trial.service_address), (f"web.e2e.svc.{domain}", trial.service_address), ("kubernetes.default", trial.get("service", "kubernetes")["spec"]["clusterIP"])):
            eventually(lambda: expect(answer in trial.ask("-n", "e2e", "exec", name, "--", "/agent", "lookup", asked).split(), f"{name}: {asked}"), 20)
    return f"{replicas} replicas at {found}"


# What happens when something breaks


def holder(trial, lease):
    identity = trial.ask("-n", "kube-system", "get", "lease", lease, "-o", "jsonpath={.spec.holderIdentity}")
    return next((master for master in trial.cluster.masters() if identity.startswith(master + "_")), None)


@check
def leader_moves(trial):
    """when a leader ends, another takes over"""
    if len(trial.cluster.masters()) < 2:
        raise Skip("one control plane")
    moved = []
    for lease in ("kube-scheduler", "kube-controller-manager"):
        before = eventually(lambda: holder(trial, lease) or expect(False, "nobody leads"), 30)
        trial.hosts[before].stop(f"{lease}.service")
        after = eventually(lambda: (lambda now: now if now and now != before else expect(False, f"{now} leads"))(holder(trial, lease)), 60)
        trial.hosts[before].start([f"{lease}.service"])
        moved.append(f"{lease}: {before} → {after}")
    return ", ".join(moved)


class Client:
    """Somebody who uses the cluster all the time, through the endpoint: reads, and writes."""

    def __init__(self, trial):
        self.trial, self.done, self.failures, self.times = trial, threading.Event(), [], []
        self.thread = threading.Thread(target=self.use, daemon=True)

    def use(self):
        count = 0
        while not self.done.is_set():
            count += 1
            start = time.monotonic()
            code, said = self.trial.kubectl("-n", "e2e", "annotate", "--overwrite", "configmap", "written", f"count={count}", "--request-timeout=20s", timeout=40)
            self.times.append(time.monotonic() - start)
            if code:
                self.failures.append(f"request {count}: {said.strip()}")

    def __enter__(self):
        self.thread.start()
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(60)

    def judge(self, slowest):
        expect(not self.failures, f"{len(self.failures)} of {len(self.times)} requests failed: {self.failures[:1]}")
        expect(max(self.times) < slowest, f"one request took {max(self.times):.1f} s")
        return f"{len(self.times)} writes, the slowest in {max(self.times):.1f} s"


@check
def api_server_crash(trial):
    """an API server that crashes comes back, and a client notices nothing but a retry"""
    masters = trial.cluster.masters()
    if len(masters) < 2 or not trial.cluster.balancers():
        raise Skip("no other API server, or no load balancer")
    service = trial.hosts[masters[0]].services["kube-apiserver.service"]
    before = service.restarts
    with Client(trial) as client:
        service.kill()
        eventually(lambda: expect(service.restarts > before and service.state == "active", service.state), 30)
        eventually(lambda: expect(trial.ask("get", "--raw", "/readyz", server=trial.server(masters[0])) == "ok", "not ok"), 60)
    # What was on its way when the server died can't be saved; no more than that may fail.
    expect(len(client.failures) <= 1, client.failures)
    return f"{len(client.times)} writes, {len(client.failures)} failed, the slowest in {max(client.times):.1f} s"


@check
def master_power_cut(trial):
    """a master whose plug is pulled: clients go on; plugged in again, it joins again"""
    masters = [name for name in trial.cluster.masters()]
    members = trial.cluster.with_role("etcd")
    survivors = lambda gone: len([name for name in members if name != gone])
    victim = eventually(lambda: holder(trial, "kube-controller-manager") or expect(False, "nobody leads"), 30)
    if len(masters) < 2 or not trial.cluster.balancers() or trial.admin.name == victim:
        raise Skip("no other API server, or no load balancer")
    if victim in members and survivors(victim) * 2 <= len(members):
        raise Skip(f"{len(members)} etcd members would lose their quorum")
    with Client(trial) as client:
        trial.hosts[victim].power_off()
        time.sleep(15)
        eventually(lambda: expect(holder(trial, "kube-controller-manager") not in (None, victim), f"{victim} leads"), 60)
    # Each API server that is left may have been connected to the member that is gone: what it asks there first may have to be repeated.
    expect(len(client.failures) < len(masters), client.failures)
    late = f"{len(client.times)} writes, {len(client.failures)} failed, the slowest in {max(client.times):.1f} s"
    with Client(trial) as client:
        time.sleep(8)
    client.judge(15)
    host = trial.hosts[victim]
    host.boot(trial.cluster.units[victim])
    eventually(lambda: expect(trial.ask("get", "--raw", "/readyz", server=trial.server(victim)) == "ok", "not ok"), 90)
    eventually(lambda: expect(trial.etcdctl("endpoint", "health")[0] == 0, "etcd is not whole"), 60)
    return f"{victim}: {late}"


@check
def balancer_power_cut(trial):
    """a load balancer whose plug is pulled: another takes over its address"""
    if len(trial.cluster.balancers()) < 2:
        raise Skip("fewer than two load balancers")
    virtual = trial.cluster.spec["load_balancer"].get("virtual_ip")
    if not virtual:
        raise Skip("they share no address")
    virtual = virtual if isinstance(virtual, str) else virtual[0]

    def has_it():
        found = [name for name in trial.cluster.balancers() if trial.hosts[name].first and re.search(rf"\s{re.escape(virtual)}/", trial.hosts[name].run("ip", "addr")[1])]
        expect(len(found) == 1, f"{found} have {virtual}")
        return found[0]

    victim = eventually(has_it, 30)
    start = time.monotonic()
    trial.hosts[victim].power_off()
    eventually(lambda: trial.ask("get", "--raw", "/readyz", timeout=5), 30, 0.2)
    took = time.monotonic() - start
    other = has_it()
    trial.hosts[victim].boot(trial.cluster.units[victim])
    eventually(has_it, 30)
    eventually(lambda: trial.ask("get", "--raw", "/readyz"), 30)
    return f"{virtual}: {victim} → {other} in {took:.1f} s"


@check
def reboot_everything(trial):
    """after a power cut of everything, the cluster comes back by itself, with its data and its pods"""
    for host in trial.hosts.values():
        host.power_off()
    for name, host in trial.hosts.items():
        host.boot(trial.cluster.units[name])
    units(trial)
    eventually(lambda: expect(trial.ask("get", "--raw", "/readyz") == "ok", "not ok"), 120)
    expect(trial.ask("-n", "e2e", "get", "configmap", "written", "-o", "jsonpath={.data.by}") == "admin", "data is lost")
    if trial.cluster.workers():
        eventually(lambda: nodes_ready(trial), 120)
        for name in trial.pods:
            eventually(lambda: expect(name in trial.ask("-n", "e2e", "exec", name, "--", "/agent", "hostname"), "not there"), 120)


@check
def nothing_odd_in_logs(trial):
    """no component complains of a flag or a field, and none had to be started again and again"""
    complaints = []
    pattern = re.compile(r"unknown (?:field|flag)|strict decoding|has been deprecated|is deprecated and will be removed|no longer has any effect|undecoded", re.I)
    for file in sorted(os.listdir(trial.lab.logs)):
        for line in open(os.path.join(trial.lab.logs, file), errors="replace"):
            if pattern.search(line) and not line.startswith("#") and not tolerated(line):
                complaints.append(f"{file.removesuffix('.log')}: {line.strip()[:300]}")
    expect(not complaints, "\n".join(dict.fromkeys(re.sub(r"^(\S+ )\S*\d\S* [\d:.]+ +\d+ ", r"\1", line) for line in complaints)))


def tolerated(line):
    """What this machine or the component itself brings about, not the bundle."""
    # The kubelet says this of every flag that is a field of its file too; none of them is on its way out.
    return any(text in line for text in ("cgroup v1", "v1 Endpoints is deprecated", "ComponentStatus", "This parameter should be set via the config file"))
