"""An operator's hands: what `khw-gen diff --format json` says, carried out to the letter on the hosts of a lab, by the programs that
it names. systemctl, hostnamectl and `sysctl --system` are the lab's, since a host of the lab has no systemd of its own."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import lab as laboratory

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

# What a key is about is one network namespace's or the whole machine's; the lab knows which it may set.
SYSCTL = r"""#!/bin/sh
[ "$1" = --system ] || exec /usr/sbin/sysctl "$@"
exec systemctl start sysctl
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
            return "".join(host.services[unit].reload() for unit in units)
        if units == ["sysctl.service"]:
            host.apply_sysctl()
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


class Rollout:
    """A cluster of the lab and what it was last built as."""

    def __init__(self, khw_gen, scratch, lab):
        self.program, self.scratch, self.lab = khw_gen, scratch, lab
        self.built = self.carried_out = self.deleted = self.commands = 0
        self.before = self.out = None
        self.names = {}  # a machine that was renamed: its name in the lab
        with open(os.path.join(scratch, "seed"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(os.urandom(32).hex() + "\n")
        # Valid for decades, whatever the machine's clock says.
        self.khw_gen("init", os.path.join(scratch, "init"))
        shutil.move(os.path.join(scratch, "init/csr"), os.path.join(scratch, "csr"))
        for name in os.listdir(os.path.join(scratch, "csr")):
            path = os.path.join(scratch, "csr", name)
            # Authorities outlive what they sign, so that this can be issued again by itself.
            life = "438000h" if name == "ca-config.json" else "876000h"
            text = re.sub(r'"expiry": *"[^"]*"', f'"expiry": "{life}"', open(path).read())
            with open(path, "w") as file:
                file.write(text)

    def khw_gen(self, *arguments, codes=(0,)):
        done = subprocess.run([self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        expect(done.returncode in codes, f"khw-gen {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}{done.stdout}")
        return done.stdout

    def compile(self, text):
        """Builds this cluster.toml; what was built before is what the hosts have."""
        path = os.path.join(self.scratch, "cluster.toml")
        with open(path, "w") as file:
            file.write(text)
        self.built += 1
        self.before, self.out = self.out, os.path.join(self.scratch, f"out{self.built}")
        self.khw_gen("build", path, "--out", self.out, "--quiet")

    def machine(self, name):
        """The lab's name of a machine that was renamed."""
        return self.names.get(name, name)

    def deliver(self, name, host):
        shutil.rmtree(host.path("/root/bundle"), ignore_errors=True)
        os.makedirs(host.path("/root/bundle"))
        with open(host.path("/root/bundle.tar.gz"), "wb") as out, open(os.path.join(self.out, f"{name}.tar.gz"), "rb") as archive:
            out.write(archive.read())
        code, said = host.run("tar", "xzf", "/root/bundle.tar.gz", "-C", "/root/bundle", "--strip-components=1")
        expect(code == 0, said)

    def command(self, host, command, environment):
        code, said = host.run("sh", "-c", f"cd /root/bundle 2>/dev/null; {command}", environment=environment, timeout=600)
        self.commands += 1
        with open(os.path.join(self.lab.logs, "steps.log"), "a") as log:
            log.write(f"{host.name}# {command}\n{said}\n[{code}]\n")
        return code, said

    def difference(self, codes=(1,)):
        return json.loads(self.khw_gen("diff", self.before, self.out, "--format", "json", codes=codes))

    def by_hand(self, host, text):
        """What only an operator can do, since the bundle does not hold it."""
        if text == "switch it off, and delete its keys":
            return host.power_off()
        if text.startswith("bring "):
            return None  # a machine of the lab is made with its programs
        raise Wrong(f"{host.name}: nobody knows how to do this by hand: {text}")

    def carry_out(self):
        """Every step of the difference, in its order, on the host that it names."""
        changes = self.difference((0, 1))
        expect(not changes.get("obstacles"), f"obstacles: {changes.get('obstacles')}")
        installed = set()
        for step in changes["steps"]:
            host = self.lab.hosts.get(self.machine(step["host"]))
            if host is None:  # no host of this lab
                continue
            for action in step["actions"]:
                self.act(host, step, action)
                if action["do"] == "install":
                    installed.add(step["host"])
        # What needs no more than a copy.
        for copy in changes["copies"]:
            host = self.lab.hosts.get(self.machine(copy["host"]))
            if host is not None and copy["host"] not in installed:
                self.deliver(copy["host"], host)
                code, said = self.command(host, "./install.sh", {})
                expect(code == 0, said)
        # What nothing reads any more, now that every step is done.
        for deletion in changes["deletions"]:
            host = self.lab.hosts.get(self.machine(deletion["host"]))
            if host is not None and host.first:
                code, said = self.command(host, shlex.join(["rm", "--", deletion["path"]]), {})
                expect(code == 0, said)
                self.deleted += 1
        return changes

    def act(self, host, step, action):
        kind = action["do"]
        if kind == "install":
            self.deliver(step["host"], host)
        if kind in ("install", "run"):
            code, said = self.command(host, action["command"], step["environment"])
            expect(code == 0, f"{step['host']}: {action['command']}: exit {code}: {said[-2000:]}")
        elif kind == "until":
            deadline = time.monotonic() + 300
            while True:
                code, said = self.command(host, action["command"], step["environment"])
                if code == 0:
                    break
                expect(time.monotonic() < deadline, f"{step['host']}: never succeeds: {action['command']}: {said[-2000:]}")
                time.sleep(1)
        else:
            self.by_hand(host, action["text"])
        self.carried_out += 1


def tell(make, programs, options):
    """Tells a life: `make` takes a scratch folder and a lab with these programs, and gives the chapters in their order, and the client
    of each moment, which writes all the time. Whether all ended as they should, with no acknowledged write lost."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    scratch = tempfile.mkdtemp(prefix="khw-life.")
    shims = {}
    for name, text in (("systemctl", SYSTEMCTL), ("hostnamectl", HOSTNAMECTL), ("sysctl", SYSCTL)):
        path = shims[f"/usr/local/sbin/{name}"] = os.path.join(scratch, name)
        with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(text)
    lab = manager = None
    failed = False
    try:
        lab = laboratory.Lab({**programs, **shims})
        manager = Manager(lab)
        life, told = make(scratch, lab)
        only = set(filter(None, options.only.split(",")))
        if unknown := only - {chapter.__name__ for chapter in told}:
            sys.exit(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(chapter.__name__ for chapter in told)}")
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
    return not failed
