#!/usr/bin/env python3
"""The life of etcd's members after the first day: they grow, shrink, are lost and replaced, each time from an edited cluster.toml, a
build, and the steps that `khw-gen diff --format json` gives, every command of them carried out to the letter on the host that it names.

    tests/e2e/life.py --etcd DIR [--khw-gen PROGRAM] [--only CHAPTER,...]

Hosts that are no members are not there, and what is to be done on them is left out (the whole cluster's life is whole_life.py). A
client writes to etcd and reads back all the time. The exit code is 0 if every chapter ends as it should, with no acknowledged write
lost.
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rollout  # noqa: E402
from rollout import expect, within  # noqa: E402


class Client:
    """Writes to etcd and reads back, from a host of its own, through every member that there ever is."""

    def __init__(self, host, endpoints):
        self.host, self.endpoints = host, endpoints
        self.acknowledged, self.wrong, self.gap, self.refused = [], [], 0.0, 0
        self.number, self.over = 0, threading.Event()
        self.last, self.consistency = None, "l"
        self.thread = threading.Thread(target=self.work, daemon=True)

    def etcdctl(self, *arguments):
        # What it warns of on the way is not the answer.
        return self.host.run("sh", "-c", 'exec "$@" 2>/dev/null', "sh", "etcdctl", f"--endpoints={','.join(self.endpoints)}",
                             "--command-timeout=2s", "--dial-timeout=1s", "--cacert=/root/client/ca.pem", "--cert=/root/client/cert.pem",
                             "--key=/root/client/key.pem", *arguments, timeout=10)

    def work(self):
        while not self.over.is_set():
            self.number += 1
            key = f"/life/{self.number:06}"
            code, said = self.etcdctl("put", key, f"value {self.number}")
            if code == 0:
                now = time.monotonic()
                if self.last is not None:
                    self.gap = max(self.gap, now - self.last)
                self.last = now
                self.acknowledged.append((key, f"value {self.number}"))
                read, value = self.etcdctl("get", key, "--print-value-only")
                if read == 0 and value.strip() != f"value {self.number}":
                    self.wrong.append((key, value))
            else:
                self.refused += 1
                time.sleep(0.1)

    def pause(self):
        self.over.set()
        self.thread.join(20)

    def resume(self):
        self.over.clear()
        self.last = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def lost(self):
        code, said = self.etcdctl("get", "/life/", "--prefix", f"--consistency={self.consistency}")
        expect(code == 0, f"nothing can be read: {said}")
        lines = said.strip().split("\n")
        there = dict(zip(lines[::2], lines[1::2]))
        return [key for key, value in self.acknowledged if there.get(key) != value]


# name -> address, roles
ADDRESSES = {f"m{n}": f"192.168.77.{20 + n}" for n in range(1, 10)}


class Life(rollout.Rollout):
    def __init__(self, options, scratch, lab):
        super().__init__(options.khw_gen, scratch, lab)
        self.etcd_version, self.etcd_patch = options.etcd_version, options.etcd_patch
        self.members, self.named = ["m1"], 1
        self.client = None

    def build(self, members, state="running", etcd=None):
        """Compiles the cluster with these members: NAME, and a state behind a colon; `etcd`: for another release than the one that runs."""
        release = f'etcd = "{etcd}"\nkubernetes = "1.30"\n' if etcd else f'etcd = "{self.etcd_version}"\n{self.kubernetes()}'
        hosts = ['[[hosts]]\nname = "cp"\nip = "192.168.77.10"\nroles = ["control-plane"]\n',
                 '[[hosts]]\nname = "n1"\nip = "192.168.77.11"\nroles = ["worker"]\n']
        for member in members:
            name, _, own = member.partition(":")
            hosts.append(f'[[hosts]]\nname = "{name}"\nip = "{ADDRESSES[name]}"\nroles = ["etcd"]\n' + (f'state = "{own}"\n' if own else ""))
        text = (f'[cluster]\nname = "life"\n{release}state = "{state}"\n'
                f'[pki]\nissued = "2026-01-01T00:00:00Z"\nseed = "seed"\n[checks]\nallow = ["even-etcd", "built-in-csr", "old-etcd"]\n')
        self.compile(text + "".join(hosts))

    def kubernetes(self):
        # Kubernetes asks for etcd 3.5 and later by now; an older etcd goes with an older one.
        return "" if self.etcd_version >= "3.5" else 'kubernetes = "1.21"\n'

    def add(self, name):
        host = self.lab.add(name, [ADDRESSES[name]], {})
        host.power_on()
        return host

    def fresh(self):
        """A name that no member has had."""
        self.named += 1
        return f"m{self.named}"

    def settle(self, members):
        """Nobody comes or goes any more."""
        self.build(members)
        self.carry_out()
        self.expect_members(members)
        self.members = members

    def etcdctl(self, name, *arguments):
        host = self.lab.hosts[self.machine(name)]
        folder = "/etc/etcd"
        return host.run("etcdctl", "--endpoints=https://127.0.0.1:2379", "--command-timeout=3s", f"--cacert={folder}/etcd-ca.pem",
                        f"--cert={folder}/etcd-healthcheck-client.pem", f"--key={folder}/etcd-healthcheck-client-key.pem", *arguments, timeout=15)

    def expect_members(self, names, asked="m1"):
        """Exactly these members, all of them started and none a learner; every one healthy."""
        within(30, lambda: self.members_are(names, asked))

    def members_are(self, names, asked):
        code, said = self.etcdctl(asked, "member", "list")
        expect(code == 0, said)
        members = [line.split(", ") for line in said.strip().split("\n") if ", " in line]
        expect(sorted(member[2] for member in members) == sorted(names), f"members are {said}")
        expect(all(member[1] == "started" and member[5] == "false" for member in members), said)
        code, said = self.etcdctl(asked, "endpoint", "health", "--cluster")
        expect(code == 0 and said.count("is healthy") == len(names), said)


def chapters(life):
    """The chapters in their order: name, what happens."""
    lab = life.lab

    def founded():
        life.build(["m1"], "new")
        host = life.add("m1")
        life.deliver("m1", host)
        for command in ("./install.sh", "systemctl start --no-block etcd"):
            code, said = life.command(host, command, {})
            expect(code == 0, said)
        deadline = time.monotonic() + 60
        while life.etcdctl("m1", "endpoint", "health")[0] != 0:
            expect(time.monotonic() < deadline, "etcd does not come up")
            time.sleep(0.5)
        life.expect_members(["m1"])
        client = lab.add("client", ["192.168.77.99"], {})
        client.power_on()
        os.makedirs(client.path("/root/client"))
        for source, target in (("etcd-ca.pem", "ca.pem"), ("etcd-healthcheck-client.pem", "cert.pem"), ("etcd-healthcheck-client-key.pem", "key.pem")):
            shutil.copy(os.path.join(life.out, "m1/rootfs/etc/etcd", source), client.path(f"/root/client/{target}"))
        life.client = Client(client, [f"https://{address}:2379" for address in ADDRESSES.values()])
        life.client.resume()

    def said_to_run():
        life.build(["m1"])
        changes = life.carry_out()
        expect(not changes["steps"], f"nothing has to be done: {changes['steps']}")
        life.expect_members(["m1"])

    def without_marks():
        kept = life.out, life.before
        life.build(["m1", "m8", "m9"])
        changes = life.difference()
        expect(changes["obstacles"] and not changes["steps"], "two members that come at once, and none is marked")
        life.build(["m1", "m8", "m9"], "new")
        life.before = kept[0]
        changes = life.difference()
        expect(changes["obstacles"] and not changes["steps"], "members that would found a second cluster")
        life.out, life.before = kept

    def grow(by):
        coming = [life.fresh() for _ in range(by)]
        life.build([*life.members, *(f"{name}:joining" for name in coming)])
        for name in coming:
            life.add(name)
        life.carry_out()
        life.settle([*life.members, *coming])

    def one_to_three():
        grow(2)

    def asked_before_another_release():
        """Each plan to a next minor asks the members first: who is older than it needs is refused, and so is who does not answer."""
        kept = life.out, life.before

        def answer(older, newer):
            life.build(life.members, etcd=older)
            life.build(life.members, etcd=newer)
            step = life.difference()["steps"][0]
            expect(step["stage"] == "precondition" and len(step["actions"]) == 1, f"nobody is asked first: {step}")
            return life.command(lab.hosts[life.machine(step["host"])], step["actions"][0]["command"], step["environment"])

        for older, newer, oldest in (("3.4", "3.5", "3.4.0"), ("3.5", "3.6", "3.5.26"), ("3.6", "3.7", "3.6.11")):
            is_old = life.etcd_patch < tuple(map(int, oldest.split(".")))
            code, said = answer(older, newer)
            expect((code != 0) == is_old and (f"not yet {oldest}" in said) == is_old, f"{older} -> {newer}, asked of {life.etcd_patch}: {code}: {said}")
        down = lab.hosts[life.members[-1]]
        down.stop("etcd.service")
        code, said = answer("3.4", "3.5")
        expect(code != 0 and f"{len(life.members) - 1} members answer" in said, f"one of them is down: {code}: {said}")
        code, said = life.command(down, "systemctl start etcd", {})
        expect(code == 0, said)
        life.expect_members(life.members)
        life.out, life.before = kept

    def three_to_five():
        grow(2)

    def a_dead_one_replaced():
        *staying, dead = life.members
        coming = life.fresh()
        lab.hosts[dead].power_off()
        life.build([*staying, f"{coming}:joining"])
        life.add(coming)
        life.carry_out()
        life.settle([*staying, coming])

    def a_dead_one_replaced_under_its_name():
        *staying, dead = life.members
        lab.replace(dead, {}).power_on()
        life.build([*staying, f"{dead}:joining"])
        life.carry_out()
        life.settle([*staying, dead])

    def a_live_one_replaced():
        *staying, leaving = life.members
        coming = life.fresh()
        life.build([*staying, f"{leaving}:leaving", f"{coming}:joining"])
        life.add(coming)
        life.carry_out()
        life.expect_members([*staying, coming])
        expect("etcd.service" not in lab.hosts[leaving].services, f"etcd still runs on {leaving}")
        life.settle([*staying, coming])

    def five_to_four_to_three():
        while len(life.members) > 3:
            *staying, leaving = life.members
            life.build([*staying, f"{leaving}:leaving"])
            life.carry_out()
            life.expect_members(staying)
            life.settle(staying)

    def renamed():
        *staying, name = life.members
        ADDRESSES["mx"] = ADDRESSES[name]
        life.names["mx"] = name
        life.build([*staying, "mx"])
        life.carry_out()
        life.settle([*staying, "mx"])

    def two_emptied():
        """Two members come back with empty disks. With `new` they would found an empty cluster and serve it. Now whoever answers has
        all that was ever acknowledged: the member with the data alone has a say, and the others have theirs from it or don't run."""
        life.client.pause()
        emptied = [lab.hosts[life.machine(name)] for name in life.members[1:3]]
        for host in emptied:
            host.stop("etcd.service")
            code, said = host.run("rm", "-rf", "/var/lib/etcd/member")
            expect(code == 0, said)
        for host in emptied:
            code, said = life.command(host, "systemctl start --no-block etcd", {})
            expect(code == 0, said)
        answers, end = 0, time.monotonic() + 20
        while time.monotonic() < end:
            for name in life.members:
                code, said = life.etcdctl(name, "get", "/life/", "--prefix", "--keys-only")
                if code == 0:
                    answers += 1
                    missing = [key for key, _ in life.client.acknowledged if key not in said]
                    expect(not missing, f"{name} answers, and has not {len(missing)} of {len(life.client.acknowledged)} keys")
            time.sleep(1)
        print(f"             {answers} answers of members, each with all keys", flush=True)
        # Emptied members may well not run any more: one that hears of a commit which it has not (its leader still counts on what it
        # said before) ends itself. Without a majority nobody answers for the cluster, and the member with the data answers for itself.
        life.client.endpoints, life.client.consistency = [f"https://{ADDRESSES[life.members[0]]}:2379"], "s"

    return [founded, said_to_run, without_marks, one_to_three, asked_before_another_release, three_to_five, a_dead_one_replaced, a_dead_one_replaced_under_its_name,
            a_live_one_replaced, five_to_four_to_three, renamed, two_emptied]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--khw-gen", default=os.path.join(rollout.TOP, "target/release/khw-gen"))
    parser.add_argument("--only", default="", help="these chapters alone, with commas between")
    parser.add_argument("--keep-logs", help="a folder for the logs, where something fails")
    options = parser.parse_args()
    said = subprocess.run([os.path.join(options.etcd, "etcd"), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    options.etcd_patch = tuple(map(int, said.split("etcd Version: ")[1].split()[0].split(".")))
    options.etcd_version = ".".join(map(str, options.etcd_patch[:2]))
    print(f"the life of a cluster, etcd {options.etcd_version}", flush=True)
    programs = {f"/usr/local/bin/{name}": os.path.realpath(os.path.join(options.etcd, name)) for name in ("etcd", "etcdctl")}

    def make(scratch, lab):
        life = Life(options, scratch, lab)
        return life, chapters(life)

    sys.exit(not rollout.tell(make, programs, options))


if __name__ == "__main__":
    main()
