#!/usr/bin/env python3
"""The life of a whole cluster after its first day: a worker comes, is replaced by another machine of its name, gets another name;
control planes come and go, every key gets a successor, the load balancer becomes another program, Kubernetes is upgraded. Each time an edited cluster.toml, a
build, and the steps that `khw-gen diff --format json` gives, carried out to the letter on real programs.

    tests/e2e/whole_life.py --kubernetes DIR[,DIR...] --etcd DIR [--khw-gen PROGRAM] [--only CHAPTER,...]
                            [--engine nginx|haproxy]

The folders hold Kubernetes' programs, one minor each, the oldest first. A client writes ConfigMaps through the load balancer all the
time and reads each back; pods of a ReplicaSet run on the nodes. The exit code is 0 if every chapter ends as it should, with no
acknowledged write lost.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boot  # noqa: E402
import cluster  # noqa: E402
import images  # noqa: E402
import rollout  # noqa: E402
from rollout import expect, within  # noqa: E402

BALANCER = "192.168.77.10"
AGENT = "khw.test/agent:e2e"

# One connection for each question, so that each is one to the balancer. It says what was acknowledged; what a server that stops has cut is
# asked once more. A watch runs all the time, and begins anew where it ends.
WRITER = r"""
import http.client, json, ssl, sys, threading, time
context = ssl.create_default_context(cafile="/root/client/ca.pem")
context.load_cert_chain("/root/client/cert.pem", "/root/client/key.pem")
nobody = ssl.create_default_context(cafile="/root/client/ca.pem")
def once(verb, path, body, token):
    connection = http.client.HTTPSConnection(sys.argv[1], 6443, timeout=4, context=nobody if token else context)
    try:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        connection.request(verb, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
def ask(verb, path, body=None, token=None):
    try:
        return once(verb, path, body, token)
    except (OSError, http.client.HTTPException) as error:
        print("cut", path.split("?")[0], str(error).replace("\n", " "), flush=True)
        time.sleep(0.2)
        return once(verb, path, body, token)
here = "/api/v1/namespaces/default"
maps = here + "/configmaps"
if sys.argv[2] == "list":
    status, text = ask("GET", maps + "?labelSelector=life")
    if status != 200:
        sys.exit(text)
    for item in json.loads(text)["items"]:
        print(item["metadata"]["name"], item["data"]["value"])
    sys.exit()
def watch():
    while True:
        connection = http.client.HTTPSConnection(sys.argv[1], 6443, timeout=60, context=context)
        try:
            connection.request("GET", maps + "?watch=1&labelSelector=life")
            answer = connection.getresponse()
            while line := answer.readline():
                event = json.loads(line)
                if event["type"] == "ADDED":
                    seen.add(event["object"]["metadata"]["name"])
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            connection.close()
        time.sleep(0.1)
seen = set()
threading.Thread(target=watch, daemon=True).start()
def other(number):
    # A Secret that is written and read, a token that is used, a pod's log: what was not answered as it should be.
    text = f"secret-{number}"
    secret = {"metadata": {"name": "life"}, "stringData": {"value": text}}
    status, said = ask("PUT", here + "/secrets/life", secret)
    if status == 404:
        status, said = ask("POST", here + "/secrets", secret)
    if status not in (200, 201):
        return "secret-write", f"{status} {said}"
    status, said = ask("GET", here + "/secrets/life")
    if status != 200 or "data" not in json.loads(said):
        return "secret-read", f"{status} {said}"
    if number % 50 == 1 or not token:
        status, said = ask("POST", here + "/serviceaccounts/default/token", {"spec": {}})
        if status != 201:
            return "token", f"{status} {said}"
        token[:] = [json.loads(said)["status"]["token"]]
    status, said = ask("GET", here + "/pods", token=token[0])
    if status == 401:
        token.clear()
        return "token-use", f"{status} {said}"
    status, said = ask("GET", here + "/pods?labelSelector=app=life")
    running = [pod["metadata"]["name"] for pod in json.loads(said).get("items", []) if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]]
    if running:
        path = f"{here}/pods/{running[0]}/log?tailLines=1"
        status, said = ask("GET", path)
        if status >= 500:  # its connection was closed with what was under way
            print("cut", "log", status, flush=True)
            time.sleep(0.2)
            status, said = ask("GET", path)
        if status != 200:
            return "log", f"{status} {said}"
    return None
token = []
number = int(sys.argv[3])
while True:
    number += 1
    name, value = f"life-{number:06}", f"value-{number}"
    try:
        wrong = other(number)
        if wrong:
            print("failed", wrong[0], wrong[1][:300].replace("\n", " "), flush=True)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        print("failed", "other", repr(error).replace("\n", " "), flush=True)
    try:
        status, text = ask("POST", maps, {"metadata": {"name": name, "labels": {"life": "yes"}}, "data": {"value": value}})
        # What was asked once more had been done already, where only the answer was cut; each name is used once.
        if status != 201 and not (status == 409 and "already exists" in text):
            raise OSError(f"{status} {text[:200]}")
        print("wrote", name, value, flush=True)
        status, text = ask("GET", f"{maps}/{name}")
        if status == 200 and json.loads(text)["data"]["value"] != value:
            print("wrong", name, text.replace("\n", " "), flush=True)
    except (OSError, http.client.HTTPException) as error:
        print("refused", name, str(error).replace("\n", " "), flush=True)
        time.sleep(0.1)
    time.sleep(0.02)
"""


# What a server answers to who shows a certificate: the status, or that there was no answer. Whom it asks is not looked at.
SHOWN = r"""
import http.client, ssl, sys
name, host, port, path, *headers = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.load_cert_chain(f"/root/before/{name}.pem", f"/root/before/{name}-key.pem")
connection = http.client.HTTPSConnection(host, int(port), timeout=4, context=context)
try:
    connection.request("GET", path, headers=dict(header.split("=", 1) for header in headers))
    print(connection.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print("refused:", str(error).replace("\n", " "))
"""

# Certificates of each authority: whose it is on a control plane, and what it opens.
CREDENTIALS = {
    "apiserver-kubelet-client": ("/var/lib/kubernetes/apiserver-kubelet-client", 6443, "/version"),
    "front-proxy-client": ("/var/lib/kubernetes/front-proxy-client", 6443, "/api/v1/namespaces/default/pods",
                           "X-Remote-User=kubernetes-admin", "X-Remote-Group=system:masters"),
    "apiserver-etcd-client": ("/var/lib/kubernetes/apiserver-etcd-client", 2379, "/health"),
}


class Client:
    """Writes through the load balancer, from a host of its own."""

    def __init__(self, host, log):
        self.host, self.log = host, log
        self.acknowledged, self.wrong, self.gap, self.refused = [], [], 0.0, 0
        self.cut, self.failed = 0, []  # asked once more, and what was in vain
        self.last = self.process = None

    def writer(self, *arguments):
        return self.host.argv(["python3", "-c", WRITER, BALANCER, *arguments])

    def resume(self):
        self.last = None
        self.process = subprocess.Popen(self.writer("write", str(len(self.acknowledged) + self.refused)), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()

    def listen(self, process):
        for line in process.stdout:
            self.log.write(line)
            self.log.flush()
            what, name, rest = (line.rstrip("\n").split(" ", 2) + ["", ""])[:3]
            if what == "wrote":
                now = time.monotonic()
                if self.last is not None:
                    self.gap = max(self.gap, now - self.last)
                self.last = now
                self.acknowledged.append((name, rest))
            elif what == "refused":
                self.refused += 1
            elif what == "cut":
                self.cut += 1
            elif what == "failed":
                self.failed.append((name, rest))
            else:
                self.wrong.append((name, rest))

    def pause(self):
        if self.process:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None

    def lost(self):
        done = subprocess.run(self.writer("list"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect(done.returncode == 0, f"nothing can be read: {done.stdout}")
        there = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        return [name for name, value in self.acknowledged if there.get(name) != value]


def machine(kind, number, state="", renamed=None):
    """The name and address of a host, and its entry of [[hosts]]."""
    name, last, roles = {
        "cp": (f"cp{number}", 20 + number, '"control-plane", "etcd"'),
        "n": (f"n{number}", 30 + number, '"worker"'),
        "lb": ("lb1", 10, '"load-balancer"'),
    }[kind]
    name = renamed or name
    entry = f'[[hosts]]\nname = "{name}"\nip = "192.168.77.{last}"\nroles = [{roles}]\n'
    return name, f"192.168.77.{last}", entry + (f'state = "{state}"\n' if state else "")


def sandbox_image(configuration):
    """The image that containerd's configuration names for the sandboxes of pods."""
    return re.search(r"^\s*sandbox(?:_image)? = [\"']([^\"']+)[\"']", configuration, re.M).group(1)


def commands(plan):
    """The commands of a PLAN.md, or of a part, that show what is to be waited for, with their hosts."""
    return re.findall(r"on (\S+):\n\n  ```sh\n  (.*)\n  ```", plan)


class WholeLife(rollout.Rollout):
    def __init__(self, options, scratch, lab):
        super().__init__(options.khw_gen, scratch, lab)
        self.kubernetes = options.kubernetes  # the minors that are there: (version, folder), the oldest first
        self.minor = self.kubernetes[0][0]
        self.etcd = options.etcd_version
        self.engine = options.engine
        self.generations = {}
        self.pki = ""  # more lines of [pki]
        self.issued, self.authorities = "2026-01-01T00:00:00Z", ""
        self.rotating = None  # what, and its phase
        self.client = None
        self.machines = {}
        self.control_planes, self.workers = [1], [1]
        self.image = os.path.join(scratch, "agent")
        subprocess.run(["go", "build", "-trimpath", "-o", self.image, "."], cwd=os.path.join(rollout.TOP, "tests/e2e/agent"), check=True,
                       env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"})

    def build(self, control_planes=None, workers=None, state="running"):
        """Compiles the cluster; a number may have a state behind it, and a name of its own: (3, "joining")."""
        entries = [machine("lb", 1)]
        for kind, numbers in (("cp", control_planes or self.control_planes), ("n", workers or self.workers)):
            entries += [machine(kind, *(number if isinstance(number, tuple) else (number,))) for number in numbers]
        own = open(os.path.join(rollout.TOP, "tests/e2e/specs/machine.toml")).read().replace("@CONTAINERD@", cluster.containerd_version())
        text = (f'[cluster]\nname = "life"\nkubernetes = "{self.minor}"\netcd = "{self.etcd}"\nstate = "{state}"\n'
                f'[load_balancer]\nengine = "{self.engine}"\n[pki]\nissued = "{self.issued}"\nseed = "seed"\n{self.pki}{self.authorities}'
                f'[checks]\nallow = ["even-etcd", "built-in-csr"]\n{own}\n' + "".join(entry for _, _, entry in entries))
        if self.generations:
            text += "[generations]\n" + "".join(f'"{of}" = {number}\n' for of, number in self.generations.items())
        if self.rotating:
            of, phase = self.rotating
            text += f'[rotate.{of}]\nto = {self.generations.get(of, 1) + 1}\nphase = "{phase}"\n'
        text = cluster.conditional(text, cluster.conditions(self.minor, cluster.containerd_version()))
        self.compile(text)
        self.machines = {name: address for name, address, _ in entries}

    def power_on(self, name):
        host = self.lab.hosts[name] if name in self.lab.hosts else self.lab.add(name, [self.machines[name]], {})
        host.power_on()
        # What packages bring: the folder of the runtime, and the balancer's.
        host.run("systemd-tmpfiles", "--create", "--prefix=/run")
        if name.startswith("n"):
            self.import_images(host)
        return host

    def import_images(self, host):
        """Images are there before the node is: there is no registry. containerd itself takes them in, and stops again."""
        self.deliver(host.name, host)
        code, said = host.run("sh", "-ec", "cp /root/bundle/rootfs/etc/containerd/config.toml /tmp/config.toml 2>/dev/null || "
                              "cp /etc/containerd/config.toml /tmp/config.toml; containerd -c /tmp/config.toml config dump")
        expect(code == 0, said)
        for tag, entrypoint in ((sandbox_image(said), ["/agent", "pause"]), (AGENT, ["/agent"])):
            images.archive(host.path("/tmp/image.tar"), [tag], entrypoint, {"agent": self.image})
            code, said = host.run("sh", "-ec", """
                containerd -c /tmp/config.toml >/tmp/containerd.log 2>&1 & pid=$!
                n=0; until ctr version >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 100 ] || { cat /tmp/containerd.log; exit 1; }; sleep 0.2; done
                ctr -n k8s.io images import /tmp/image.tar; kill $pid; wait $pid || :""", timeout=120)
            expect(code == 0, said)

    def bring_sandbox_images(self):
        """The image of every pod's sandbox that the new bundles name, as the registry would give it."""
        for name in self.machines:
            if name.startswith("n"):
                host = self.lab.hosts[self.machine(name)]
                with open(os.path.join(self.out, name, "rootfs/etc/containerd/config.toml"), encoding="utf-8") as file:
                    before, after = sandbox_image(host.read("/etc/containerd/config.toml")), sandbox_image(file.read())
                code, said = host.run("ctr", "-n", "k8s.io", "images", "tag", "--force", before, after)
                expect(code == 0, said)

    def by_hand(self, host, text):
        put = re.fullmatch(r"put (\S+) of Kubernetes (\d+\.\d+)\S* in place", text)
        if not put:
            return super().by_hand(host, text)
        program, minor = put.groups()
        self.put_in_place(host, program, dict(self.kubernetes)[minor])

    def put_in_place(self, host, program, folder):
        """The program of another release, as a package would: renamed into place, since the old one runs."""
        target = os.path.join(folder, "kubernetes")
        own = f"/usr/local/bin/{program}-{os.path.basename(os.path.normpath(folder))}"
        if not host.exists(own):
            shutil.copy2(target, host.path(own))
        # One program answers to all names.
        code, said = host.run("sh", "-ec", f"mkdir -p {own}.d && mv {own} {own}.d/{program} && ln -s {own}.d/{program} /usr/local/bin/{program}.new && "
                              f"mv -T /usr/local/bin/{program}.new /usr/local/bin/{program}")
        expect(code == 0, said)

    def kubectl(self, *arguments, stdin=""):
        host = self.lab.hosts[f"cp{self.control_planes[0]}"]
        return host.run("kubectl", "--kubeconfig=/root/admin.kubeconfig", *arguments, stdin=stdin)

    def ask(self, *arguments, stdin=""):
        code, said = self.kubectl(*arguments, stdin=stdin)
        expect(code == 0, f"kubectl {' '.join(arguments)}: {said}")
        return said

    def succeeds(self, host, command):
        code, said = self.command(host, command, {})
        expect(code == 0, f"{command}: {said}")

    def expect_whole(self):
        """Exactly these nodes, all Ready, of this minor; every API server answers and knows every member; the pods run."""
        within(180, self.is_whole)

    def is_whole(self):
        nodes = json.loads(self.ask("get", "nodes", "-o", "json"))["items"]
        names = sorted(name for name in self.machines if name.startswith("n"))
        expect(sorted(node["metadata"]["name"] for node in nodes) == names, [node["metadata"]["name"] for node in nodes])
        for node in nodes:
            ready = [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"]
            version = node["status"]["nodeInfo"]["kubeletVersion"]
            expect(ready == ["True"] and version.startswith(f"v{self.minor}."), f"{node['metadata']['name']}: Ready {ready}, {version}")
            expect(not node["spec"].get("unschedulable"), f"{node['metadata']['name']} takes no pods")
        for number in self.control_planes:
            address = machine("cp", number)[1]
            code, said = self.kubectl(f"--server=https://{address}:6443", "get", "--raw", "/version")
            expect(code == 0 and f'"v{self.minor}.' in said, f"cp{number}: {said}")
            unit = self.lab.hosts[f"cp{number}"].read("/etc/systemd/system/kube-apiserver.service")
            for member in self.control_planes:
                expect(f"{machine('cp', member)[1]}:2379" in unit, f"cp{number} does not ask cp{member}")
        pods = json.loads(self.ask("get", "pods", "-l", "app=life", "-o", "json"))["items"]
        ready = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp") and pod["status"]["phase"] == "Running"
                 and all(one["ready"] for one in pod["status"].get("containerStatuses", []))]
        expect(len(ready) >= 2, "pods: " + ", ".join(f"{pod['metadata']['name']} {pod['status']['phase']} {pod['spec'].get('nodeName')}" for pod in pods))

    def plan(self, of):
        """Writes a rotation: its folder, and its PLAN.md."""
        plan = os.path.join(self.scratch, f"rotation{self.built}-{of}")
        self.khw_gen("rotate", os.path.join(self.scratch, "cluster.toml"), of, "--out", plan)
        with open(os.path.join(plan, "PLAN.md"), encoding="utf-8") as file:
            return plan, file.read()

    def command_of_plan(self, of, mark):
        """The command of a rotation's PLAN.md with this in it, and the host that it is for."""
        plan, text = self.plan(of)
        shutil.rmtree(plan)
        return next((host, command) for host, command in commands(text) if mark in command)

    def rotate(self, of):
        """Goes through a rotation as PLAN.md has it: the steps of each phase, and the commands that show what to wait for."""
        plan, plan_text = self.plan(of)
        for chapter in re.split(r"^## ", plan_text, flags=re.M)[1:]:
            folder = chapter.split("\n", 1)[0]
            if not os.path.isdir(os.path.join(plan, folder)):
                continue
            self.before, self.out = self.out, os.path.join(plan, folder)
            self.khw_gen("verify", self.out, "--beside", self.before, "--at", "2026-12-01T00:00:00Z")
            self.carry_out()
            for host, command in commands(chapter):
                within(180, lambda: self.succeeds(self.lab.hosts[self.machine(host)], command))
            self.expect_whole()
            self.client.pause()
            self.give_credentials()
            self.client.resume()
        self.generations[of] = self.generations.get(of, 1) + 1
        self.build()
        changes = self.difference((0,))
        expect(not changes["steps"], f"what was rotated is what cluster.toml says: {changes['steps']}")

    def give_credentials(self):
        """The client's own, as administrators of the first control plane have them now."""
        client = self.client.host if self.client else self.lab.hosts["client"]
        for kind, target in (("certificate-authority", "ca.pem"), ("client-certificate", "cert.pem"), ("client-key", "key.pem")):
            text = self.lab.hosts["cp1"].read(self.administrators_file())
            encoded = re.search(rf"{kind}-data: \"?([^\s\"]+)", text).group(1)
            client.run("sh", "-c", f"umask 077; base64 -d >/root/client/{target}", stdin=encoded)

    def administrators_file(self):
        return "/root/admin.kubeconfig"

    def control_plane_token(self):
        return self.ask("create", "token", "default").strip()

    def ask_with_token(self, token):
        """What the API server says to whoever has a token: that he may not, or that it does not know him."""
        host = self.lab.hosts[f"cp{self.control_planes[0]}"]
        return host.run("kubectl", "--kubeconfig=/dev/null", f"--server=https://{machine('cp', self.control_planes[0])[1]}:6443",
                        "--certificate-authority=/var/lib/kubernetes/ca.pem", f"--token={token}", "get", "pods")

    def keep_credentials(self):
        """Copies of what opens something now, which whoever stole them has for good."""
        for name, (path, *_) in CREDENTIALS.items():
            for end in (".pem", "-key.pem"):
                text = self.lab.hosts["cp1"].read(path + end)
                code, said = self.client.host.run("sh", "-c", f"umask 077; mkdir -p /root/before; cat >/root/before/{name}{end}", stdin=text)
                expect(code == 0, said)
        for name, answer in self.answers().items():
            expect(answer == "200", f"{name} opens nothing: {answer}")

    def answers(self):
        """What each of the copies opens."""
        answers = {}
        for name, (_, port, path, *headers) in CREDENTIALS.items():
            code, said = self.client.host.run("python3", "-c", SHOWN, name, machine("cp", 1)[1], str(port), path, *headers)
            answers[name] = said.strip() if code == 0 else f"exit {code}: {said}"
        return answers

    def renew(self, at):
        """The edit that `khw-gen renew` proposes, applied as `patch` does."""
        path = os.path.join(self.scratch, "cluster.toml")
        edit = self.khw_gen("renew", path, "--at", at, "--patch")
        subprocess.run(["patch", path], input=edit, text=True, check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.issued = re.search(r'^issued = "([^"]+)"', text, re.M).group(1)
        self.authorities = re.search(r"^\[pki\.authorities_issued\]\n(?:.+\n)+", text, re.M).group(0)
        self.build()

    def expect_shown(self, host, port, path):
        """A server shows by now the certificate that lies there."""
        script = f"import ssl; print(ssl.get_server_certificate(('{host and self.machines[host]}', {port})))"
        code, shown = self.client.host.run("python3", "-c", script)
        expect(code == 0 and shown.strip() == self.lab.hosts[self.machine(host)].read(path).strip(), f"{host}: {path} is not what {port} shows: {shown[-300:]}")

    def expect_all_shown(self):
        for name in self.machines:
            for port, path in {"cp": ((6443, "/var/lib/kubernetes/apiserver.pem"), (2379, "/etc/etcd/etcd-server.pem"), (2380, "/etc/etcd/etcd-peer.pem")),
                               "n": ((10250, "/var/lib/kubelet/kubelet-serving.pem"),)}.get(re.match("[a-z]+", name).group(0), ()):
                self.expect_shown(name, port, path)

    def carry_out_without_restart(self):
        """What a change of files alone asks for, of which every program reads its own again."""
        changes = self.carry_out()
        restarted = [action["command"] for step in changes["steps"] for action in step["actions"] if "restart" in action.get("command", "")]
        expect(not restarted, f"nothing has to be restarted: {restarted}")
        self.expect_whole()
        within(60, self.expect_all_shown)

    def settle(self):
        """Nobody comes or goes any more."""
        self.build()
        self.carry_out()
        self.expect_whole()


def chapters(life):
    """The chapters in their order: name, what happens."""
    lab = life.lab

    def founded():
        life.build(state="new")
        for name in life.machines:
            host = life.power_on(name)
            life.deliver(name, host)
            code, said = life.command(host, "./install.sh", {})
            expect(code == 0, said)
        for name, host in lab.hosts.items():
            host.prepare()
            host.start(cluster.enabled(host, os.path.join(life.out, name, "rootfs")))
        readme = open(os.path.join(life.out, "cp1/INSTALL.md")).read()
        apply = re.search(r"`(kubectl --kubeconfig /root/break-glass\.kubeconfig apply [^`]*)`", readme).group(1)
        within(120, lambda: life.succeeds(lab.hosts["cp1"], apply))
        within(60, lambda: life.ask("get", "serviceaccount", "default"))
        life.ask("apply", "-f", "-", stdin=json.dumps({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "life"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "life"}}, "template": {
                "metadata": {"labels": {"app": "life"}},
                "spec": {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
                         "containers": [{"name": "main", "image": AGENT, "imagePullPolicy": "Never", "args": ["serve"]}]}}}}))
        life.expect_whole()
        client = lab.add("client", ["192.168.77.99"], {})
        client.power_on()
        os.makedirs(client.path("/root/client"))
        life.give_credentials()
        life.client = Client(client, open(os.path.join(lab.logs, "client.log"), "a"))
        life.client.resume()
        within(30, lambda: expect(life.client.acknowledged, "the client can write nothing"))

    def said_to_run():
        life.build()
        life.carry_out()
        life.expect_whole()

    def a_worker_comes():
        life.build(workers=[1, (2, "joining")])
        life.power_on("n2")
        life.carry_out()
        life.workers = [1, 2]
        life.settle()

    def a_worker_replaced_under_its_name():
        life.build(workers=[1, (2, "leaving")])
        life.carry_out()
        life.workers = [1]
        del life.machines["n2"]
        life.expect_whole()
        lab.replace("n2", {})
        life.build(workers=[1, (2, "joining")])
        life.power_on("n2")
        life.carry_out()
        life.workers = [1, 2]
        life.settle()

    def one_control_plane_to_three():
        life.build(control_planes=[1, (2, "joining"), (3, "joining")])
        life.power_on("cp2")
        life.power_on("cp3")
        life.carry_out()
        life.control_planes = [1, 2, 3]
        life.settle()

    def everything_rotated():
        life.ask("create", "secret", "generic", "kept", "--from-literal=word=kept")
        old = life.control_plane_token()
        life.keep_credentials()
        for of in ("encryption", "service-account", "front-proxy-ca", "etcd-ca", "ca"):
            start = time.monotonic()
            life.client.gap = 0.0
            life.rotate(of)
            client = life.client
            print(f"             {of}: {time.monotonic() - start:.0f} s, longest gap {client.gap:.1f} s; so far {len(client.acknowledged)} writes, "
                  f"{client.refused} refused, {client.cut} asked again, {len(client.failed)} other failures", flush=True)
        # nginx leads to an API server as soon as it listens, which may still have no rules of RBAC, or be told of no nodes: it answers 403 then.
        # But no Secret is unreadable, and no token refused.
        wrong = [one for one in life.client.failed if one[0] in ("secret-read", "token-use") and not one[1].startswith("403")]
        expect(not wrong, f"in vain: {wrong[:5]}")
        word = life.ask("get", "secret", "kept", "-o", "jsonpath={.data.word}")
        expect(word == "a2VwdA==", f"the Secret reads {word}")
        for name, answer in life.answers().items():
            expect(answer == "401" or answer.startswith("refused:"), f"{name} of an old authority still opens: {answer}")
            print(f"             {name} of before: {answer}", flush=True)
        code, said = life.ask_with_token(old)
        expect("must be logged in" in said, f"a token of the old key is accepted: {code} {said}")
        code, said = life.ask_with_token(life.control_plane_token())
        expect("must be logged in" not in said, f"a token of the new key is refused: {code} {said}")

    def kubeconfigs_that_name_files():
        life.pki = 'kubeconfigs = "files"\n'
        life.settle()

    def renewed():
        life.renew("2026-09-01T00:00:00Z")
        life.carry_out_without_restart()

    def a_machine_stolen():
        life.generations["n1"] = life.generations.get("n1", 1) + 1
        life.build()
        life.carry_out_without_restart()

    def every_leaf_replaced():
        life.generations["*"] = max(life.generations.values(), default=1) + 1
        life.build()
        life.carry_out_without_restart()

    def rotations_abandoned():
        host, everything_again = life.command_of_plan("encryption", "replace -f -")
        for of in ("front-proxy-ca", "encryption"):
            for phase in ("announce", None, "announce", "switch", "announce", None):
                if of == "encryption" and phase is None:  # as PLAN.md has it
                    within(60, lambda: life.succeeds(lab.hosts[life.machine(host)], everything_again))
                life.rotating = phase and (of, phase)
                life.build()
                life.khw_gen("verify", life.out, "--beside", life.before, "--at", "2026-12-01T00:00:00Z")
                life.carry_out()
                life.expect_whole()
                word = life.ask("get", "secret", "life", "-o", "jsonpath={.data.value}")
                expect(word, f"{of}, {phase}: the Secret can't be read")

    def a_worker_renamed():
        life.names["n5"] = "n2"
        life.workers = [1, (2, "", "n5")]
        life.settle()
        said = lab.hosts["n2"].run("hostname")[1].strip()
        expect(said == "n5", f"the machine calls itself {said}")

    def nginx_to_haproxy():
        balancer = lab.hosts["lb1"]
        # As its package leaves it: started, with a file of its own.
        started = balancer.start(["haproxy.service"])["haproxy.service"]
        within(20, lambda: expect(started.state == "active", f"haproxy is {started.state}: {started.why}"))
        life.engine = "haproxy"
        life.settle()
        expect("nginx.service" not in balancer.services, "nginx still runs")

    def upgraded():
        for minor, _ in life.kubernetes[1:]:
            life.minor = minor
            life.build()
            life.bring_sandbox_images()
            life.carry_out()
            life.expect_whole()

    def a_control_plane_replaced():
        life.build(control_planes=[1, 2, (3, "leaving"), (4, "joining")])
        life.power_on("cp4")
        for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"):
            life.put_in_place(lab.hosts["cp4"], program, dict(life.kubernetes)[life.minor])
        life.carry_out()
        running = [unit for unit in lab.hosts["cp3"].services if unit.startswith(("kube-", "etcd"))]
        expect(not running, f"cp3 still runs {running}")
        life.control_planes = [1, 2, 4]
        life.settle()

    def a_worker_leaves():
        life.build(workers=[1, (2, "leaving", "n5")])
        life.carry_out()
        life.workers = [1]
        life.settle()

    return [founded, said_to_run, a_worker_comes, a_worker_replaced_under_its_name, one_control_plane_to_three, kubeconfigs_that_name_files, renewed,
            a_machine_stolen, every_leaf_replaced, rotations_abandoned, everything_rotated,
            a_worker_renamed,
            nginx_to_haproxy, upgraded, a_control_plane_replaced, a_worker_leaves]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubernetes", required=True, help="folders with Kubernetes' programs, one minor each, the oldest first, with commas between")
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--khw-gen", default=os.path.join(rollout.TOP, "target/release/khw-gen"))
    parser.add_argument("--only", default="", help="these chapters alone, with commas between; each needs those before it")
    parser.add_argument("--engine", default="nginx", choices=("nginx", "haproxy"), help="the load balancer that it begins with")
    parser.add_argument("--keep-logs", help="a folder for the logs, where something fails")
    options = parser.parse_args()
    folders = options.kubernetes.split(",")
    versions = [boot.program_version(os.path.join(folder, "kubernetes"), r"v(\d+\.\d+)\.\d+", "--version") for folder in folders]
    options.kubernetes = list(zip(versions, folders))
    options.etcd_version = boot.program_version(os.path.join(options.etcd, "etcd"), r"etcd Version: (\d+\.\d+)", "--version")
    print(f"the life of a whole cluster, Kubernetes {', '.join(versions)}, etcd {options.etcd_version}", flush=True)

    def make(scratch, lab):
        life = WholeLife(options, scratch, lab)
        return life, chapters(life)

    sys.exit(not rollout.tell(make, boot.programs(folders[0], options.etcd), options))


if __name__ == "__main__":
    main()
