#!/usr/bin/env python3
"""A cluster that people made by hand (see by_hand.py) is adopted while it runs: `khw-gen adopt` of its machines' files, a build, and the
steps of `khw-gen diff --format json` from those files to the bundles, carried out to the letter over the cluster's own etcd data.

    tests/e2e/adopted.py --kubernetes DIR --etcd DIR --cfssl FILE [--style walkthrough|ssl|crt|opt|kubeadm] [--khw-gen PROGRAM]

A client writes through the load balancer all the time and reads each back. The exit code is 0 if no acknowledged write is lost, tokens made
before are accepted and Secrets written before are readable afterwards, no node was NotReady but for the first seconds of its kubelet, and no pod was restarted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boot  # noqa: E402
import by_hand  # noqa: E402
import cluster  # noqa: E402
import rollout  # noqa: E402
import whole_life  # noqa: E402
from rollout import expect, within  # noqa: E402

# What of a machine is a cluster's. Pods' volumes and containers' files are not.
KEPT = ("opt/kubernetes", "opt/etcd", "etc/kubernetes", "etc/etcd", "etc/systemd/system", "etc/cni", "etc/containerd", "etc/crictl.yaml", "etc/nginx", "etc/sysctl.d",
        "etc/modules-load.d", "var/lib/kubernetes", "var/lib/kubelet/*.pem", "var/lib/kubelet/*.yaml", "var/lib/kubelet/kubeconfig",
        "var/lib/kubelet/pki", "var/lib/kube-proxy", "root/*.kubeconfig", "root/*.yaml", "root/.kube")

# Without it the API server may not ask kubelets, where its certificate is not that of an administrator.
MAY_ASK_KUBELETS = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "by-hand:kubelets"},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:kubelet-api-admin"},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "kubernetes"}]}
# As `kubeadm init` binds it, for whom its own certificates name.
KUBEADM_ADMINS = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "kubeadm:cluster-admins"},
                  "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                  "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}]}
STARTING = "pleg has yet to be successful"
TOKEN = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
         "metadata": {"name": "before-token", "annotations": {"kubernetes.io/service-account.name": "default"}}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "before"}, "stringData": {"word": "written by hand"}}
PODS = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "life"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "life"}}, "template": {
            "metadata": {"labels": {"app": "life"}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [
                {"name": "main", "image": whole_life.AGENT, "imagePullPolicy": "Never", "args": ["serve"]}]}}}}


class Nodes:
    """Whether every node is Ready, asked all the time."""

    def __init__(self, life):
        self.life, self.over, self.not_ready, self.asked = life, threading.Event(), [], 0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while not self.over.wait(1):
            code, said = self.life.kubectl("get", "nodes", "-o", "json")
            if code == 0:
                self.asked += 1
                for node in json.loads(said)["items"]:
                    ready = next((one for one in node["status"]["conditions"] if one["type"] == "Ready"), {"status": "", "message": "nothing"})
                    if ready["status"] != "True":
                        self.not_ready.append((node["metadata"]["name"], ready["message"]))


class Adopted(whole_life.WholeLife):
    def __init__(self, options, scratch, lab):
        super().__init__(options, scratch, lab)
        self.control_planes, self.workers = [1, 2, 3], [1, 2]
        self.machines = dict(by_hand.HOSTS)
        self.hand = by_hand.ByHand(options.style, os.path.join(scratch, "by-hand"), os.path.abspath(os.path.join(options.kubernetes[0][1], "kubectl")),
                                   options.cfssl, cluster.machine(), options.kubeadm)
        self.administrator = self.hand.names["admin"]
        self.spec = os.path.join(scratch, "adopted")

    def kubectl(self, *arguments, stdin=""):
        return self.lab.hosts["cp1"].run("kubectl", f"--kubeconfig={self.administrator}", *arguments, stdin=stdin)

    def administrators_file(self):
        return self.administrator

    def deliver(self, name, host):
        # By hand there is no bundle: the files lie there already.
        if self.out:
            super().deliver(name, host)

    def gather(self, name):
        """What of every machine is the cluster's, side by side."""
        folder = os.path.join(self.scratch, name)
        for machine, host in ((machine, self.lab.hosts[machine]) for machine in self.machines):
            os.makedirs(os.path.join(folder, machine))
            code, said = host.run("sh", "-c", f"cd / && tar cf /tmp/files.tar $(ls -d {' '.join(KEPT)} 2>/dev/null)")
            expect(code == 0, said)
            subprocess.run(["tar", "xf", host.path("/tmp/files.tar"), "-C", os.path.join(folder, machine)], check=True)
        return folder


def chapters(life):
    """The chapters in their order: name, what happens."""
    lab, before = life.lab, {}

    def made_by_hand():
        for name, address in by_hand.HOSTS.items():
            host = lab.add(name, [address], {})
            host.power_on()
            host.run("systemd-tmpfiles", "--create", "--prefix=/run")
            subprocess.run(["cp", "-a", f"{life.hand.tree(name)}/.", host.path("/")], check=True)
            if name.startswith("n"):
                life.import_images(host)
        code, said = lab.hosts["lb1"].run("sh", "-c", "echo 'include /etc/nginx/tcpconf.d/*.conf;' >>/etc/nginx/nginx.conf")
        expect(code == 0, said)
        for name, host in lab.hosts.items():
            host.prepare()
            host.start(cluster.enabled(host, life.hand.tree(name)))
        within(180, lambda: life.ask("get", "--raw", "/readyz"))
        within(60, lambda: life.ask("get", "serviceaccount", "default"))
        for one in (MAY_ASK_KUBELETS, KUBEADM_ADMINS, TOKEN, SECRET, PODS):
            life.ask("apply", "-f", "-", stdin=json.dumps(one))
        life.expect_whole()
        client = lab.add("client", ["192.168.77.99"], {})
        client.power_on()
        os.makedirs(client.path("/root/client"))
        life.give_credentials()
        life.client = whole_life.Client(client, open(os.path.join(lab.logs, "client.log"), "a"))
        life.client.resume()
        within(30, lambda: expect(life.client.acknowledged, "the client can write nothing"))
        before["token of a Secret"] = within(30, lambda: life.ask("get", "secret", "before-token", "-o", "go-template={{.data.token | base64decode}}"))
        before["token on request"] = life.ask("create", "token", "default", "--duration=3h").strip()
        before["pods"] = pods()
        before["nodes"] = nodes()
        for what in ("token of a Secret", "token on request"):
            expect_known(what)

    def pods():
        return sorted((pod["metadata"]["uid"], sum(one["restartCount"] for one in pod["status"]["containerStatuses"]))
                      for pod in json.loads(life.ask("get", "pods", "-l", "app=life", "-o", "json"))["items"])

    def nodes():
        return sorted((node["metadata"]["name"], node["metadata"]["uid"], node["spec"].get("podCIDR"), node["status"]["allocatable"]["pods"],
                       node["metadata"]["labels"].get("example.org/disk")) for node in json.loads(life.ask("get", "nodes", "-o", "json"))["items"])

    def expect_known(what):
        for address in by_hand.CONTROL_PLANES.values():
            code, said = lab.hosts["cp1"].run("kubectl", "--kubeconfig=/dev/null", f"--server=https://{address}:6443", "--insecure-skip-tls-verify",
                                              f"--token={before[what]}", "get", "pods")
            # Who is known may do nothing; who is not known is told so.
            expect(code != 0 and "system:serviceaccount:default:default" in said and "cannot list" in said, f"{what}, {address}: {said}")

    def adopted():
        life.before = life.gather("machines")
        said = life.khw_gen("adopt", life.before, "-o", life.spec)
        with open(os.path.join(lab.logs, "adopt.log"), "w") as log:
            log.write(said)
            log.write(open(os.path.join(life.spec, "cluster.toml")).read())
        life.khw_gen("check", os.path.join(life.spec, "cluster.toml"))
        life.out = os.path.join(life.scratch, "out-adopted")
        life.khw_gen("build", os.path.join(life.spec, "cluster.toml"), "--out", life.out, "--quiet")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for beside in ((), ("--beside", life.before)):
            found = json.loads(life.khw_gen("verify", life.out, *beside, "--at", now, "--format", "json", codes=(0, 1)))["findings"]
            wrong = {finding["code"] for finding in found if finding["severity"] == "error"}
            expect(wrong == life.hand.names.get("wrong", set()), f"verify {' '.join(beside[:1])}: {wrong}")

    def rolled_out():
        # The image of pods' sandboxes that the bundle names, as the registry would give it.
        for name in by_hand.WORKERS:
            code, said = lab.hosts[name].run("containerd", "config", "dump")
            with open(os.path.join(life.out, name, "rootfs/etc/containerd/config.toml"), encoding="utf-8") as file:
                images = whole_life.sandbox_image(said), whole_life.sandbox_image(file.read())
            code, said = lab.hosts[name].run("ctr", "-n", "k8s.io", "images", "tag", "--force", *images)
            expect(code == 0, said)
        watched = Nodes(life)
        changes = life.carry_out()
        with open(os.path.join(lab.logs, "changes.json"), "w") as file:
            json.dump(changes, file, indent=1)
        time.sleep(45)  # after so long a node whose kubelet can't reach the API server any more is NotReady
        watched.over.set()
        expect(watched.asked > 20, f"nodes were asked {watched.asked} times")
        # A kubelet that starts may say so of itself until it has looked at its containers once, and says better ten seconds later.
        starting = [name for name, message in watched.not_ready if STARTING in message]
        expect(len(starting) == len(watched.not_ready), f"NotReady at times: {watched.not_ready}")
        expect(all(starting.count(name) < 20 for name in starting), f"NotReady for long: {watched.not_ready}")
        print(f"     {len(changes['steps'])} steps; nodes were asked {watched.asked} times, and were Ready but for {len(starting)}, while a kubelet started", flush=True)
        life.administrator = "/root/break-glass.kubeconfig" if lab.hosts["cp1"].exists("/root/break-glass.kubeconfig") else "/root/admin.kubeconfig"
        life.expect_whole()

    def nothing_is_lost():
        for what in ("token of a Secret", "token on request"):
            expect_known(what)
        expect(life.ask("get", "secret", "before", "-o", "go-template={{.data.word | base64decode}}").strip() == "written by hand", "the Secret")
        expect(pods() == before["pods"], f"pods: {before['pods']}, now {pods()}")
        expect(nodes() == before["nodes"], f"nodes: {before['nodes']}, now {nodes()}")
        name = json.loads(life.ask("get", "pods", "-l", "app=life", "-o", "json"))["items"][0]["metadata"]["name"]
        within(30, lambda: life.ask("logs", name))

    def what_runs_is_what_was_built():
        now = life.gather("afterwards")
        changes = json.loads(life.khw_gen("diff", now, life.out, "--format", "json", codes=(0, 1)))
        expect(not changes["steps"], f"{changes['steps']}")

    return [made_by_hand, adopted, rolled_out, nothing_is_lost, what_runs_is_what_was_built]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubernetes", required=True, help="folder with Kubernetes' programs")
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--cfssl", required=True, help="cfssl, with cfssljson beside it")
    parser.add_argument("--kubeadm", help="kubeadm of the same minor, which then makes the certificates and kubeconfigs of the style `kubeadm`")
    parser.add_argument("--style", default="walkthrough", choices=sorted(by_hand.STYLES))
    parser.add_argument("--khw-gen", default=os.path.join(rollout.TOP, "target/release/khw-gen"))
    parser.add_argument("--only", default="", help="these chapters alone, with commas between; each needs those before it")
    parser.add_argument("--keep-logs", help="a folder for the logs, where something fails")
    options = parser.parse_args()
    options.engine = "nginx"
    version = boot.program_version(os.path.join(options.kubernetes, "kubernetes"), r"v(\d+\.\d+)\.\d+", "--version")
    options.kubernetes = [(version, options.kubernetes)]
    options.etcd_version = boot.program_version(os.path.join(options.etcd, "etcd"), r"etcd Version: (\d+\.\d+)", "--version")
    if options.kubeadm:
        patch = boot.program_version(options.kubeadm, r"v(\d+\.\d+\.\d+)", "version", "-o", "short")
        options.kubeadm = (os.path.abspath(options.kubeadm), patch)
    options.cfssl = os.path.abspath(options.cfssl)
    print(f"a cluster made by hand is adopted ({options.style}), Kubernetes {version}, etcd {options.etcd_version}", flush=True)

    def make(scratch, lab):
        life = Adopted(options, scratch, lab)
        return life, chapters(life)

    sys.exit(not rollout.tell(make, boot.programs(options.kubernetes[0][1], options.etcd), options))


if __name__ == "__main__":
    main()
