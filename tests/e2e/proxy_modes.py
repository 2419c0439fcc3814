#!/usr/bin/env python3
"""Another mode of kube-proxy on a node that runs: the plan of `khw-gen diff --format json` is carried out to the letter, on a real API
server and a real kube-proxy, from each mode of this machine to each other one, and from each to a node without kube-proxy and back.

    tests/e2e/proxy_modes.py --etcd DIR --kubernetes DIR [--khw-gen PROGRAM]

Before the plan's command the old mode's rules are there; after it they are gone, before anybody has started the new mode. In the end
the new mode's rules are there, and a Service answers by them; without kube-proxy nothing runs, and nothing answers. The kernel decides whether ipvs is among the modes. The exit code is 0 if
all of that holds.
"""

import argparse
import itertools
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boot  # noqa: E402
import rollout  # noqa: E402
from rollout import expect, within  # noqa: E402

# The mode of a cluster where another program takes kube-proxy's place.
NONE = "none"

M1, N1, SERVICE = "192.168.77.10", "192.168.77.11", "10.32.0.1"

# What shows that a mode's rules are there: a command that succeeds then.
THERE = {
    "iptables": f"iptables-save -t nat | grep -q -- '-d {SERVICE}/32'",
    "nftables": f"nft list table ip kube-proxy | grep -q '{SERVICE} '",
    "ipvs": f"grep -q 0A200001 /proc/net/ip_vs && ipset list KUBE-CLUSTER-IP | grep -q '^{SERVICE},'",
}
# What a mode leaves behind, if anything.
LEFT = {
    "iptables": "iptables-save | grep -E 'KUBE-(SVC|SEP|SERVICES|NODEPORTS|FORWARD|POSTROUTING)'",
    "nftables": "nft list tables | grep -w kube-proxy",
    "ipvs": "grep -E '^(TCP|UDP)' /proc/net/ip_vs || ip link show kube-ipvs0 || ipset list -n | grep ^KUBE-",
}

# No kubelet runs: what it would say of its node.
NODE = f"""{{"apiVersion": "v1", "kind": "Node", "metadata": {{"name": "n1"}}}}"""
STATUS = f"""{{"status": {{"addresses": [{{"type": "InternalIP", "address": "{N1}"}}],
  "conditions": [{{"type": "Ready", "status": "True", "reason": "Lab", "message": "no kubelet runs"}}]}}}}"""


class Proxies(rollout.Rollout):
    """A control plane and a node, of which kube-proxy alone runs."""

    def __init__(self, options, scratch, lab):
        super().__init__(options.khw_gen, scratch, lab)
        self.options = options
        self.client = self.mode = self.mode_before = None
        self.cleaned = 0

    def build(self, mode):
        self.compile(f'[cluster]\nname = "modes"\netcd = "{self.options.etcd_version}"\nkubernetes = "{self.options.kubernetes_version}"\n'
                f'endpoint = "{M1}"\n[network]\nservices = "10.32.0.0/24"\ncni = "none"\nproxy_mode = "{mode}"\n'
                f'[pki]\nissued = "2026-01-01T00:00:00Z"\nseed = "seed"\n'
                f'[components.kube-proxy.config.conntrack]\nmaxPerCore = 0\n'
                f'[checks]\nallow = ["built-in-csr", "discouraged-proxy-mode"]\n'
                f'[[hosts]]\nname = "m1"\nip = "{M1}"\nroles = ["control-plane", "etcd"]\n'
                f'[[hosts]]\nname = "n1"\nip = "{N1}"\nroles = ["worker"]\n')
        self.mode_before, self.mode = self.mode, mode

    def boot(self):
        for name, address, units in (("m1", M1, ["etcd", "kube-apiserver"]), ("n1", N1, ["kube-proxy"])):
            host = self.lab.add(name, [address], {})
            host.power_on()
            self.deliver(name, host)
            code, said = self.command(host, "./install.sh", {})
            expect(code == 0, said)
            host.prepare()
            for unit in units:
                code, said = self.command(host, f"systemctl start {unit}", {})
                expect(code == 0, said)
            if name == "m1":
                within(90, self.node)

    def kubectl(self, *arguments, stdin=""):
        code, said = self.lab.hosts["m1"].run("kubectl", "--kubeconfig=/root/admin.kubeconfig", *arguments, stdin=stdin)
        expect(code == 0, f"kubectl {' '.join(arguments)}: {said}")
        return said

    def node(self):
        # As INSTALL.md says: until its binding is there, the administrator may do nothing.
        code, said = self.lab.hosts["m1"].run("kubectl", "--kubeconfig=/root/break-glass.kubeconfig", "apply", "-f", "/root/cluster-admins.yaml")
        expect(code == 0, said)
        self.kubectl("apply", "-f", "-", stdin=NODE)
        self.kubectl("patch", "node", "n1", "--subresource=status", "-p", STATUS)

    def holds(self, command):
        return self.lab.hosts["n1"].run("sh", "-c", command)[0] == 0

    def nothing_is_left(self):
        if self.mode_before == NONE:
            return
        code, said = self.lab.hosts["n1"].run("sh", "-c", f"{LEFT[self.mode_before]} 2>/dev/null")
        expect(code != 0, f"of {self.mode_before} there is left: {said}")

    def command(self, host, command, environment):
        cleans = "--cleanup" in command
        if cleans:
            expect(self.holds(THERE[self.mode_before]), f"no rules of {self.mode_before} before: {command}")
        code, said = super().command(host, command, environment)
        if cleans:
            expect(code == 0, f"{command}: exit {code}: {said}")
            self.nothing_is_left()
            self.cleaned += 1
        return code, said

    def is_without(self):
        """No kube-proxy runs or comes back with the node, and nobody answers at the Service's address."""
        node = self.lab.hosts["n1"]
        expect("kube-proxy.service" not in node.services, "kube-proxy runs")
        # Its unit, its configuration and its kubeconfig were to be removed at the end.
        expect(not self.holds("find /etc/systemd /var/lib/kube-proxy /usr/lib/systemd ! -type d -path '*kube-proxy*' | grep ."), "it is left")
        self.nothing_is_left()
        expect(not self.holds(f"curl -sk --max-time 3 https://{SERVICE}/version"), "the Service answers all the same")

    def serves(self):
        """The new rules are there, nothing of the old is, and the API server answers at its Service's address."""
        def all_of_it():
            expect(self.holds(THERE[self.mode]), f"no rules of {self.mode}")
            expect(self.holds(f"curl -sk --max-time 3 https://{SERVICE}/version | grep -q gitVersion"), "the Service does not answer")
        within(60, all_of_it)
        if self.mode_before:
            self.nothing_is_left()


def modes(version):
    """Those that the release has and this machine's kernel can."""
    subprocess.run(["modprobe", "-q", "ip_vs"], check=False)
    of_kernel = {"nftables": tuple(map(int, version.split("."))) >= (1, 31), "ipvs": os.path.exists("/proc/net/ip_vs")}
    return [mode for mode in THERE if of_kernel.get(mode, True)]


def chapters(proxies, modes):
    """The chapters in their order: the first mode, then from each to each other one, in one walk."""

    def serves():
        proxies.build(modes[0])
        proxies.boot()
        proxies.serves()

    def changes(before, after):
        def change():
            expect(proxies.mode == before, f"the mode is {proxies.mode}")
            proxies.build(after)
            cleaned = proxies.cleaned
            proxies.carry_out()
            expected = 0 if before == NONE else 1
            expect(proxies.cleaned == cleaned + expected, f"the plan from {before} to {after} cleans {proxies.cleaned - cleaned} times")
            if after == NONE:
                proxies.is_without()
            else:
                proxies.serves()
            said = proxies.kubectl("get", "node", "n1", "-o", "jsonpath={.spec.unschedulable}")
            expect(said != "true", "the node is still cordoned")
        change.__name__ = f"{before}_to_{after}"
        return change

    serves.__name__ = f"{modes[0]}_serves"
    return [serves, *(changes(before, after) for before, after in walk(modes))]


def walk(modes):
    """Every change of one of two or three modes to another: from the first through the others and back, in either order; and from each
    of them to none and on to the next."""
    rounds = [[modes[0], *others, modes[0]] for others in itertools.permutations(modes[1:])]
    rounds.append([stop for mode in modes for stop in (mode, NONE)] + [modes[0]])
    return [change for round in rounds for change in zip(round, round[1:])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--kubernetes", required=True, help="folder with kube-apiserver and the others")
    parser.add_argument("--khw-gen", default=os.path.join(rollout.TOP, "target/release/khw-gen"))
    parser.add_argument("--only", default="", help="these chapters alone, with commas between; each needs those before it")
    parser.add_argument("--keep-logs", help="a folder for the logs, where something fails")
    options = parser.parse_args()
    options.etcd_version = boot.program_version(os.path.join(options.etcd, "etcd"), r"etcd Version: (\d+\.\d+)", "--version")
    options.kubernetes_version = boot.program_version(os.path.join(options.kubernetes, "kubernetes"), r"v(\d+\.\d+)\.\d+", "--version")
    every = modes(options.kubernetes_version)
    print(f"modes of kube-proxy {options.kubernetes_version}: {', '.join(every)}", flush=True)
    for mode in sorted(set(THERE) - set(every)):
        print(f"not tried: {mode}, which this release or this kernel does not have", flush=True)
    if len(every) < 2:
        return

    def make(scratch, lab):
        proxies = Proxies(options, scratch, lab)
        return proxies, chapters(proxies, every)

    sys.exit(not rollout.tell(make, boot.programs(options.kubernetes, options.etcd), options))


if __name__ == "__main__":
    main()
