#!/usr/bin/env python3
"""The life of a cluster after its first day: grows, shrinks, loses and gets members and nodes, each time from an edited
cluster.toml, a build, and the steps that `khw-gen diff --format json` gives, every command of them carried out to the letter on
the host that it names.

    tests/e2e/life.py --etcd DIR [--kubernetes DIR] [--khw-gen PROGRAM] [--only CHAPTER,...]

With etcd alone, hosts that are no members of it are not there, and what is to be done on them is left out. A client writes to
etcd and reads back all the time. The exit code is 0 if every chapter ends as it should, with no acknowledged write lost.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

# Stands before the machine's own: what is started and stopped is the lab's, which has no systemd; what is only enabled is files.
SYSTEMCTL = r"""#!/bin/sh
real=/usr/bin/systemctl
now=no verb=
for word in "$@"; do
    case $word in
        --now) now=yes ;;
        -*) ;;
        *) [ -n "$verb" ] || verb=$word ;;
    esac
done
ask() {
    mkdir -p /run/lab
    echo "$@" >/run/lab/$$.new
    mv /run/lab/$$.new /run/lab/$$.request
    while [ ! -e /run/lab/$$.answer ]; do sleep 0.05; done
    read -r code said </run/lab/$$.answer
    rm -f /run/lab/$$.answer
    [ -z "$said" ] || echo "$said" >&2
    return "$code"
}
case $verb in
    start | stop | restart | reload) ask "$@" ;;
    daemon-reload) ;;
    enable | disable)
        shift_now() { for word in "$@"; do [ "$word" = --now ] || printf '%s ' "$word"; done; }
        words=$(shift_now "$@")
        $real --quiet $words || exit
        [ "$now" = no ] || case $verb in
            enable) ask start ${words#enable} ;;
            disable) ask stop ${words#disable} ;;
        esac
        ;;
    *) exec $real "$@" ;;
esac
"""

HOSTNAMECTL = r"""#!/bin/sh
[ "$1" = set-hostname ] && hostname "$2" && echo "$2" >/etc/hostname
"""


class Wrong(Exception):
    pass


def within(seconds, holds):
    """Until it holds: a loaded machine answers late, and late is not wrong."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return holds()
        except Wrong:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def expect(condition, what):
    if not condition:
        raise Wrong(what)


class Manager:
    """Answers the hosts' systemctl."""

    def __init__(self, lab):
        self.lab, self.over = lab, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.wait(0.03):
            for host in list(self.lab.hosts.values()):
                for name in (host.first and host.list("/run/lab")) or []:
                    if name.endswith(".request"):
                        path = host.path(f"/run/lab/{name}")
                        try:
                            words = open(path).read().split()
                            os.unlink(path)
                        except OSError:
                            continue
                        threading.Thread(target=self.answer, args=(host, name.removesuffix(".request"), words), daemon=True).start()

    def answer(self, host, number, words):
        plain = [word for word in words if not word.startswith("-")]
        verb, units = plain[0], [unit if "." in unit else f"{unit}.service" for unit in plain[1:]]
        try:
            said = self.carry_out(host, verb, units, "--no-block" in words)
        except Exception as error:
            said = f"{type(error).__name__}: {error}".replace("\n", " ")
        with open(host.path(f"/run/lab/{number}.new-answer"), "w") as file:
            file.write(f"{1 if said else 0} {said}\n")
        os.rename(host.path(f"/run/lab/{number}.new-answer"), host.path(f"/run/lab/{number}.answer"))

    @staticmethod
    def carry_out(host, verb, units, no_block):
        """What went wrong; nothing if all is well."""
        if verb == "reload":
            for unit in units:
                host.services[unit].kill(signal.SIGHUP)
            return ""
        for unit in units:
            if verb in ("stop", "restart") and unit in host.services:
                host.stop(unit)
        if verb == "stop":
            return ""
        if units == ["systemd-modules-load.service"]:
            return ""
        host.start([unit for unit in units if unit not in host.services])
        deadline = time.monotonic() + 90
        for unit in units:
            service = host.services[unit]
            while not no_block and service.state == "activating" and time.monotonic() < deadline:
                time.sleep(0.05)
            if service.state != "active" and not no_block:
                return f"{unit} is {service.state}: {service.why}"
        return ""


class Client:
    """Writes to etcd and reads back, from a host of its own, through every member that there ever is."""

    def __init__(self, host, endpoints):
        self.host, self.endpoints = host, endpoints
        self.acknowledged, self.wrong, self.gap, self.refused = [], [], 0.0, 0
        self.number, self.over = 0, threading.Event()
        self.last = None
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
        code, said = self.etcdctl("get", "/life/", "--prefix")
        expect(code == 0, f"nothing can be read: {said}")
        lines = said.strip().split("\n")
        there = dict(zip(lines[::2], lines[1::2]))
        return [key for key, value in self.acknowledged if there.get(key) != value]


# name -> address, roles
ADDRESSES = {f"m{n}": f"192.168.77.{20 + n}" for n in range(1, 10)}


class Life:
    def __init__(self, options, scratch, lab):
        self.options, self.scratch, self.lab = options, scratch, lab
        self.built = 0
        self.members, self.named, self.names = ["m1"], 1, {}
        self.out = None
        with open(os.path.join(scratch, "seed"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(os.urandom(32).hex() + "\n")
        # Valid for a hundred years, whatever the machine's clock says.
        self.khw_gen("init", os.path.join(scratch, "init"))
        shutil.move(os.path.join(scratch, "init/csr"), os.path.join(scratch, "csr"))
        for name in os.listdir(os.path.join(scratch, "csr")):
            path = os.path.join(scratch, "csr", name)
            text = re.sub(r'"expiry": *"[^"]*"', '"expiry": "876000h"', open(path).read())
            with open(path, "w") as file:
                file.write(text)
        self.before = None
        self.carried_out = self.commands = 0

    def khw_gen(self, *arguments, codes=(0,)):
        done = subprocess.run([self.options.khw_gen, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        expect(done.returncode in codes, f"khw-gen {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}{done.stdout}")
        return done.stdout

    def build(self, members, state="running", etcd=None):
        """Compiles the cluster with these members: NAME, and a state behind a colon; `etcd`: for another release than the one that runs."""
        release = f'etcd = "{etcd}"\nkubernetes = "1.30"\n' if etcd else f'etcd = "{self.options.etcd_version}"\n{self.kubernetes()}'
        hosts = ['[[hosts]]\nname = "cp"\nip = "192.168.77.10"\nroles = ["control-plane"]\n',
                 '[[hosts]]\nname = "n1"\nip = "192.168.77.11"\nroles = ["worker"]\n']
        for member in members:
            name, _, own = member.partition(":")
            hosts.append(f'[[hosts]]\nname = "{name}"\nip = "{ADDRESSES[name]}"\nroles = ["etcd"]\n' + (f'state = "{own}"\n' if own else ""))
        text = (f'[cluster]\nname = "life"\n{release}state = "{state}"\n'
                f'[pki]\nissued = "2026-01-01T00:00:00Z"\nseed = "seed"\n[checks]\nallow = ["even-etcd", "built-in-csr", "old-etcd"]\n')
        path = os.path.join(self.scratch, "cluster.toml")
        with open(path, "w") as file:
            file.write(text + "".join(hosts))
        self.built += 1
        self.before, self.out = self.out, os.path.join(self.scratch, f"out{self.built}")
        self.khw_gen("build", path, "--out", self.out, "--quiet")

    def kubernetes(self):
        # Kubernetes asks for etcd 3.5 and later by now; an older etcd goes with an older one.
        return "" if self.options.etcd_version >= "3.5" else 'kubernetes = "1.21"\n'

    def add(self, name):
        host = self.lab.add(name, [ADDRESSES[name]], {})
        host.power_on()
        return host

    def deliver(self, name, host):
        shutil.rmtree(host.path("/root/bundle"), ignore_errors=True)
        os.makedirs(host.path("/root/bundle"))
        with open(host.path("/root/bundle.tar.gz"), "wb") as out, open(os.path.join(self.out, f"{name}.tar.gz"), "rb") as archive:
            out.write(archive.read())
        code, said = host.run("tar", "xzf", "/root/bundle.tar.gz", "-C", "/root/bundle", "--strip-components=1")
        expect(code == 0, said)

    def command(self, host, command, environment):
        code, said = host.run("sh", "-c", f"cd /root/bundle 2>/dev/null; {command}", environment=environment, timeout=100)
        self.commands += 1
        with open(os.path.join(self.lab.logs, "steps.log"), "a") as log:
            log.write(f"{host.name}# {command}\n{said}\n[{code}]\n")
        return code, said

    def difference(self, codes=(1,)):
        return json.loads(self.khw_gen("diff", self.before, self.out, "--format", "json", codes=codes))

    def carry_out(self):
        """Every step of the difference, in its order, on the host that it names."""
        changes = self.difference((0, 1))
        expect(not changes.get("obstacles"), f"obstacles: {changes.get('obstacles')}")
        for step in changes["steps"]:
            host = self.lab.hosts.get(self.machine(step["host"]))
            if host is None:  # no host of this lab: see above
                continue
            for action in step["actions"]:
                kind = action["do"]
                if kind == "install":
                    self.deliver(step["host"], host)
                if kind in ("install", "run"):
                    code, said = self.command(host, action["command"], step["environment"])
                    expect(code == 0, f"{step['host']}: {action['command']}: exit {code}: {said[-2000:]}")
                elif kind == "until":
                    deadline = time.monotonic() + 120
                    while True:
                        code, said = self.command(host, action["command"], step["environment"])
                        if code == 0:
                            break
                        expect(time.monotonic() < deadline, f"{step['host']}: never succeeds: {action['command']}: {said[-2000:]}")
                        time.sleep(1)
                else:
                    continue
                self.carried_out += 1
        # What needs no more than a copy.
        for copy in changes["copies"]:
            host = self.lab.hosts.get(self.machine(copy["host"]))
            if host is not None and copy["host"] not in {step["host"] for step in changes["steps"] for action in step["actions"] if action["do"] == "install"}:
                self.deliver(copy["host"], host)
                code, said = self.command(host, "./install.sh", {})
                expect(code == 0, said)
        return changes

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

    def machine(self, name):
        """The lab's name of a machine that was renamed."""
        return self.names.get(name, name)

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
            is_old = life.options.etcd_patch < tuple(map(int, oldest.split(".")))
            code, said = answer(older, newer)
            expect((code != 0) == is_old and (f"not yet {oldest}" in said) == is_old, f"{older} -> {newer}, asked of {life.options.etcd_patch}: {code}: {said}")
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

    return [founded, said_to_run, without_marks, one_to_three, asked_before_another_release, three_to_five, a_dead_one_replaced, a_dead_one_replaced_under_its_name,
            a_live_one_replaced, five_to_four_to_three, renamed, two_emptied]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--khw-gen", default=os.path.join(TOP, "target/release/khw-gen"))
    parser.add_argument("--only", default="", help="these chapters alone, with commas between")
    parser.add_argument("--keep-logs", help="a folder for the logs, where something fails")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    said = subprocess.run([os.path.join(options.etcd, "etcd"), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    options.etcd_patch = tuple(map(int, said.split("etcd Version: ")[1].split()[0].split(".")))
    options.etcd_version = ".".join(map(str, options.etcd_patch[:2]))
    print(f"the life of a cluster, etcd {options.etcd_version}", flush=True)
    scratch = tempfile.mkdtemp(prefix="khw-life.")
    shims = {}
    for name, text in (("systemctl", SYSTEMCTL), ("hostnamectl", HOSTNAMECTL)):
        path = shims[f"/usr/local/sbin/{name}"] = os.path.join(scratch, name)
        with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(text)
    programs = {f"/usr/local/bin/{name}": os.path.realpath(os.path.join(options.etcd, name)) for name in ("etcd", "etcdctl")}
    lab = manager = None
    failed = False
    try:
        lab = laboratory.Lab({**programs, **shims})
        manager = Manager(lab)
        life = Life(options, scratch, lab)
        life.client = None
        only = set(filter(None, options.only.split(",")))
        told = chapters(life)
        if unknown := only - {chapter.__name__ for chapter in told}:
            parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(chapter.__name__ for chapter in told)}")
        for chapter in told:
            if only and chapter.__name__ not in only:
                continue
            start = time.monotonic()
            title = chapter.__name__.replace("_", " ")
            if life.client:
                life.client.gap = 0.0
            try:
                chapter()
            except Exception as error:
                failed = True
                print(f"FAIL {time.monotonic() - start:6.1f}s  {title}: {type(error).__name__}: {error}", flush=True)
                break
            gap = f", longest gap {life.client.gap:.1f} s" if life.client and life.client.gap else ""
            print(f"ok   {time.monotonic() - start:6.1f}s  {title}{gap}", flush=True)
        if life.client:
            life.client.pause()
            lost = within(30, life.client.lost) if not failed else []
            failed = failed or bool(lost or life.client.wrong)
            print(f"{life.carried_out} steps carried out, {life.commands} commands; {len(life.client.acknowledged)} writes acknowledged, {len(lost)} lost, "
                  f"{len(life.client.wrong)} read back wrong, {life.client.refused} refused", flush=True)
    finally:
        if manager:
            manager.over.set()
        if lab:
            if failed and options.keep_logs:
                shutil.rmtree(options.keep_logs, ignore_errors=True)
                shutil.copytree(lab.logs, options.keep_logs)
            lab.close()
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
