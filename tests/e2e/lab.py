"""Hosts on one machine: each a network, mount, process, cgroup, IPC and UTS namespace with its own addresses on one
bridge, and a root that is an overlay of this machine's root. Services run as their unit files say, nothing is patched.

Root, util-linux and iproute2 are all it takes. Everything is gone after close(), also after an exception.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import systemd_unit
from systemd_unit import UnitError, seconds

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def sh(*argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout


class Cgroups:
    """This machine's control groups, version 1 or 2: where each hierarchy is mounted, and with which options."""

    def __init__(self, tag):
        self.mounts = []
        for line in open("/proc/self/mounts"):
            _, where, kind, options, *_ = line.split()
            if kind == "cgroup":
                names = [o for o in options.split(",") if o not in ("rw", "ro", "relatime", "nosuid", "nodev", "noexec")]
                self.mounts.append((where, "cgroup", ",".join(names)))
            elif kind == "cgroup2" and where == "/sys/fs/cgroup":
                self.mounts.append((where, "cgroup2", ""))
        self.version = 2 if any(kind == "cgroup2" for _, kind, _ in self.mounts) else 1
        own = dict(line.rstrip("\n").split(":", 2)[1:] for line in open("/proc/self/cgroup"))
        self.parents = []
        for where, kind, options in self.mounts:
            above = own.get("" if kind == "cgroup2" else options, "/")
            # Version 2 lets a group hand out controllers only if no process is in it, so ours hangs from the root.
            parent = where if kind == "cgroup2" or not os.path.isdir(where + above) else where + above.rstrip("/")
            self.parents.append(os.path.join(parent, tag))
            self._make(self.parents[-1])
            if kind == "cgroup2":
                self._hand_down(parent)
                self._hand_down(self.parents[-1])

    @staticmethod
    def _hand_down(group):
        for controller in open(os.path.join(group, "cgroup.controllers")).read().split():
            try:
                with open(os.path.join(group, "cgroup.subtree_control"), "w") as file:
                    file.write("+" + controller)
            except OSError:
                pass  # some can't be had everywhere; the kubelet names those that it misses

    @staticmethod
    def _make(group):
        os.mkdir(group)
        for name in ("cpuset.cpus", "cpuset.mems"):  # version 1 leaves them empty, and then no process may enter
            path, above = os.path.join(group, name), os.path.join(os.path.dirname(group), name)
            if os.path.exists(path) and not os.path.exists(os.path.join(group, "cgroup.controllers")):
                with open(above) as source, open(path, "w") as file:
                    file.write(source.read())
        clone = os.path.join(group, "cgroup.clone_children")
        if os.path.exists(clone):
            with open(clone, "w") as file:
                file.write("1")

    def make(self, host):
        groups = [os.path.join(parent, host) for parent in self.parents]
        for group in groups:
            self._make(group)
        return groups

    def processes(self, host, below=""):
        """The processes of a host, or of a group below it, as this machine numbers them."""
        found = set()
        for folder, _, files in os.walk(os.path.join(self.parents[0], host, below)):
            if "cgroup.procs" in files:
                try:
                    found.update(int(line) for line in open(os.path.join(folder, "cgroup.procs")))
                except OSError:
                    pass
        return found - {0}

    def remove(self):
        for parent in self.parents:
            for folder, _, _ in os.walk(parent, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass


class Lab:
    def __init__(self, programs):
        """`programs` maps a path on every host to a file or folder of this machine: the layer between root and bundle."""
        self.tag = f"khw{os.getpid() % 100000}"
        self.hosts = {}
        self.made = 0
        self.folder = None
        self.cgroups = None
        self.switch = f"{self.tag}-switch"
        try:
            self.folder = tempfile.mkdtemp(prefix=f"{self.tag}.")
            sh("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", self.folder)
            self.logs = os.path.join(self.folder, "logs")
            os.mkdir(self.logs)
            self.layer = os.path.join(self.folder, "programs")
            os.mkdir(self.layer)
            for path, source in programs.items():
                target = self.layer + path
                os.makedirs(os.path.dirname(target), exist_ok=True)
                if os.path.islink(source):
                    os.symlink(os.readlink(source), target)
                elif os.path.isdir(source):
                    os.symlink(source, target)
                else:
                    shutil.copy2(source, target)
            self.cgroups = Cgroups(self.tag)
            sh("ip", "netns", "add", self.switch)
            # Filtering is the hosts' business, not the switch's.
            self.in_switch("link", "add", "bridge0", "type", "bridge", "forward_delay", "0")
            self.in_switch("link", "set", "bridge0", "up")
            for family in ("ip", "ip6", "arp"):
                knob = f"/proc/sys/net/bridge/bridge-nf-call-{family}tables"
                subprocess.run(["ip", "netns", "exec", self.switch, "sh", "-c", f"[ ! -e {knob} ] || echo 0 >{knob}"], check=False)
        except BaseException:
            self.close()
            raise

    def in_switch(self, *arguments):
        sh("ip", "-n", self.switch, *arguments)

    def add(self, name, addresses, aliases):
        """A host with these addresses. `aliases` maps names to addresses that its /etc/hosts knows besides its own."""
        self.made += 1
        host = self.hosts[name] = Host(self, name, addresses, self.made)  # first known, then made: close() clears up
        host.make(aliases)
        return host

    def replace(self, name, aliases):
        """Another machine of the same name and addresses, with empty disks."""
        old = self.hosts[name]
        old.power_off()
        old.remove()
        return self.add(name, old.addresses, aliases)

    def close(self):
        for host in self.hosts.values():
            host.stopping = True
        for host in self.hosts.values():
            host.power_off()
        for host in self.hosts.values():
            host.remove()
        if self.cgroups:
            self.cgroups.remove()
        subprocess.run(["ip", "netns", "del", self.switch], stderr=subprocess.DEVNULL, check=False)
        if self.folder:
            subprocess.run(["umount", "-l", self.folder], stderr=subprocess.DEVNULL, check=False)
            try:
                os.rmdir(self.folder)
            except OSError:
                pass


# Where the lab is no systemd and no machine of its own, and how that is made up for:
# keepalived tells that it is ready only if its parent is systemd itself;
TELLS_SYSTEMD_ALONE = {"keepalived.service"}
# and events of processes, by which it tracks the load balancer, reach the first network namespace only: without them it
# takes the balancer for dead. So it runs with a copy of its file in /run that has no tracking; that it notices the end of a
# process can't be tried here.
TRACKING = re.compile(r"^\s*(?:vrrp_track_process \S+|track_process) \{.*?\}\n", re.M | re.S)

# Becomes the first process of a host. Container runtimes refuse a chroot, so the root is pivoted; the kubelet wants mounts
# that are shared among namespaces. Orphans come to the shell, whose `wait` takes them away.
FIRST = r"""
set -e
hostname "$NAME"
cd "$ROOT"
mkdir -p .old
mount -t proc proc proc
mount -t sysfs sysfs sys
echo "$CGROUP_MOUNTS" | while read -r where kind options; do
    [ "$kind" = cgroup2 ] || mountpoint -q sys/fs/cgroup || mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    mkdir -p ".$where"
    mount -t "$kind" ${options:+-o "$options"} "$kind" ".$where"
done
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
# An overlay is no ground for container layers, which are overlays themselves.
mount --bind "$CONTAINERD" var/lib/containerd
mount --bind "$KUBELET" var/lib/kubelet
pivot_root . .old
umount -l /.old
rmdir /.old
mount --make-rshared /
cd /
for group in $(echo "$CGROUP_MOUNTS" | cut -d ' ' -f 1); do
    mkdir -p "$group/init"
    echo $$ >"$group/init/cgroup.procs"
done
mkdir -p /run/lock /run/systemd /run/notify
touch /run/booted
trap : TERM
while :; do
    sleep 86400 &
    wait $! || :
done
"""

# Puts itself into the unit's control group of every hierarchy, then becomes the program.
ENTER_GROUP = r"""
group=$1; folder=$2; umask "$3"; shift 3
while read -r _ where kind _; do
    case $kind in cgroup | cgroup2) mkdir -p "$where/$group" && echo $$ >"$where/$group/cgroup.procs" ;; esac
done </proc/self/mounts
cd "$folder" && exec "$@"
"""


class Host:
    def __init__(self, lab, name, addresses, index):
        self.lab, self.name, self.addresses = lab, name, addresses
        self.machine = f"{name}.{index}"  # no two have the same, whatever they are called
        self.namespace = f"{lab.tag}-{index}-{name}"[:60]
        self.port = f"p{index}"
        self.mac = f"02:6b:68:77:{index >> 8:02x}:{index & 255:02x}"
        self.folder = os.path.join(lab.folder, "hosts", self.machine)
        self.root = os.path.join(self.folder, "root")
        self.first = None  # the first process, as this machine numbers it
        self.keeper = None
        self.services = {}
        self.stopping = False

    def make(self, aliases):
        lab, name, addresses = self.lab, self.name, self.addresses
        for part in ("upper", "work", "root", "containerd", "kubelet"):
            os.makedirs(os.path.join(self.folder, part))
        self.groups = lab.cgroups.make(self.machine)

        sh("mount", "-t", "overlay", "overlay", "-o",
           f"lowerdir={lab.layer}:/,upperdir={self.folder}/upper,workdir={self.folder}/work", self.root)
        self._blank()
        known = {"localhost": ["127.0.0.1", "::1"], name: [address.split("/")[0] for address in addresses], **aliases}
        self._write("/etc/hosts", "".join(f"{address} {alias}\n" for alias, every in known.items() for address in every))
        self._write("/etc/hostname", name + "\n")
        self._write("/etc/resolv.conf", "nameserver 192.0.2.53\n")  # nobody answers there (RFC 5737)

    def _blank(self):
        """What this machine has that a fresh host would not have."""
        for path in ("/var/lib/etcd", "/etc/etcd", "/var/lib/kubelet", "/var/lib/kubernetes", "/var/lib/kube-proxy", "/etc/kubernetes",
                     "/etc/cni", "/var/lib/containerd", "/etc/keepalived", "/var/backups/khw-gen", "/root/.kube",
                     "/var/log/kubernetes", "/var/log/pods", "/var/log/containers"):
            sh("rm", "-rf", self.root + path)
        for folder in os.listdir(self.root + "/etc/systemd/system"):
            if folder.endswith(".wants"):
                sh("rm", "-rf", f"{self.root}/etc/systemd/system/{folder}")
        for path in ("/run", "/tmp", "/proc", "/sys", "/dev", "/var/lib/containerd", "/var/lib/kubelet"):
            os.makedirs(self.root + path, exist_ok=True)

    def _write(self, path, text):
        if os.path.islink(self.root + path):
            os.unlink(self.root + path)
        with open(self.root + path, "w") as file:
            file.write(text)

    # Power

    def plug_in(self):
        """The host's network as it is after a reboot: its own addresses, no rules, no routes of anybody's."""
        lab = self.lab
        sh("ip", "netns", "add", self.namespace)
        sh("ip", "-n", lab.switch, "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "address", self.mac, "netns", self.namespace)
        lab.in_switch("link", "set", self.port, "master", "bridge0", "up")
        inside = lambda *arguments: sh("ip", "-n", self.namespace, *arguments)
        inside("link", "set", "lo", "up")
        for address in self.addresses:
            plain = address if "/" in address else address + ("/64" if ":" in address else "/24")
            inside("addr", "add", plain, "dev", "eth0", *(["nodad"] if ":" in plain else []))
        inside("link", "set", "eth0", "up")
        # Whoever is in another subnet is on the same wire.
        if any(":" not in address for address in self.addresses):
            inside("route", "add", "default", "dev", "eth0")
        if any(":" in address for address in self.addresses):
            inside("-6", "route", "add", "default", "dev", "eth0")

    def pull_out(self):
        """At once: the other side hears nothing any more."""
        for command in (["-n", self.lab.switch, "link", "del", self.port], ["netns", "del", self.namespace]):
            subprocess.run(["ip", *command], stderr=subprocess.DEVNULL, check=False)

    def power_on(self):
        environment = {
            "PATH": PATH, "NAME": self.name, "ROOT": self.root, "CONTAINERD": self.folder + "/containerd", "KUBELET": self.folder + "/kubelet",
            "CGROUP_MOUNTS": "\n".join(" ".join(mount).rstrip() for mount in self.lab.cgroups.mounts),
        }
        enter = "".join(f"echo $$ >{group}/cgroup.procs\n" for group in self.groups) + 'exec "$@"'
        log = open(self.log_path("host"), "a")
        self.plug_in()
        self.keeper = subprocess.Popen(
            ["sh", "-ec", enter, "sh", "nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "--uts", "--ipc", "--pid",
             "--cgroup", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", FIRST],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        for _ in range(300):
            time.sleep(0.03)
            if self.keeper.poll() is not None:
                break
            try:
                with open(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children") as file:
                    self.first = int(file.read().split()[0])
            except (IndexError, OSError):
                continue
            if os.path.exists(self.path("/run/booted")):
                return
        raise RuntimeError(f"{self.name} did not come up: {open(self.log_path('host')).read()}")

    def prepare(self):
        """What happens at boot before services start: /run gets its folders, the network namespace its settings."""
        self.run("systemd-tmpfiles", "--create", "--prefix=/run")
        keepalived = self.read("/etc/keepalived/keepalived.conf")
        if keepalived and TRACKING.search(keepalived):
            self.run("tee", "/run/keepalived.conf", stdin=TRACKING.sub("", keepalived))
            self.run("tee", "/etc/default/keepalived", stdin="DAEMON_ARGS='-f /run/keepalived.conf'\n")
        self.apply_sysctl()

    def boot(self, units):
        self.power_on()
        self.prepare()
        self.start(units)

    def power_off(self):
        """As if the plug were pulled: nobody says goodbye on the network."""
        self.pull_out()
        self.stopping = True
        if self.keeper:
            if self.first:
                try:
                    os.kill(self.first, signal.SIGKILL)  # with it goes every process of the host, those of pods too
                except ProcessLookupError:
                    pass
            try:
                self.keeper.wait(10)
            except subprocess.TimeoutExpired:
                self.keeper.kill()
                self.keeper.wait()
            self.keeper = self.first = None
        for service in self.services.values():
            service.thread.join(15)
        self.services = {}
        self.stopping = False

    def remove(self):
        for _ in range(20):
            if not self.lab.cgroups.processes(self.machine):
                break
            time.sleep(0.1)
        subprocess.run(["umount", "-R", "-l", self.root], stderr=subprocess.DEVNULL, check=False)

    # What happens on the host

    def path(self, path):
        """A file of the running host as this machine sees it."""
        return f"/proc/{self.first}/root{path}"

    def read(self, path):
        try:
            with open(self.path(path)) as file:
                return file.read()
        except OSError:
            return None

    def list(self, path):
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return None

    def exists(self, path):
        return os.path.exists(self.path(path))

    def log_path(self, unit):
        return os.path.join(self.lab.logs, f"{self.name}.{unit}.log")

    def argv(self, command):
        return ["nsenter", "-t", str(self.first), "-m", "-u", "-i", "-n", "-p", "-C", *command]

    def run(self, *command, timeout=60, stdin="", environment=None):
        """A command on the host: its exit code, and what it wrote. None as the exit code means that it took too long."""
        process = subprocess.Popen(self.argv(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", env={"PATH": PATH, "HOME": "/root", **(environment or {})}, start_new_session=True)
        try:
            out, _ = process.communicate(stdin, timeout)
            return process.returncode, out
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            return None, out + f"\n(no end after {timeout} s)"

    def apply_sysctl(self):
        """What systemd-sysctl does at boot, with the files that came with the bundle, so far as a setting belongs to the
        network namespace: others are the whole machine's."""
        log = open(self.log_path("sysctl"), "a")
        for file in self.list("/etc/sysctl.d") or []:
            if os.path.exists(f"{self.folder}/upper/etc/sysctl.d/{file}"):
                for line in self.read(f"/etc/sysctl.d/{file}").splitlines():
                    key, separator, value = line.partition("=")
                    key = key.strip().lstrip("-")
                    if not separator or line.lstrip()[0] in "#;":
                        continue
                    if key.replace("/", ".").startswith("net."):
                        log.write(f"{file}: {key}: {self.run('sysctl', '-w', f'{key}={value.strip()}')}\n")
                    else:
                        log.write(f"{file}: {key}: left alone, it is the whole machine's\n")
        log.close()

    def unit(self, name):
        return systemd_unit.load(name, self.read, self.list)

    def start(self, names):
        """Starts units, and what they require; After= is kept among them."""
        units, wanted = {}, list(names)
        while wanted:
            name = wanted.pop()
            if name not in units and name.endswith(".service"):
                units[name] = self.unit(name)
                if units[name]:
                    wanted += units[name].words("Requires", "Unit") + units[name].words("Wants", "Unit")
        missing = [name for name in names if units.get(name) is None]
        if missing:
            raise UnitError(f"{self.name} has no unit {', '.join(missing)}")
        fresh = {name: Service(self, unit) for name, unit in units.items() if unit and name not in self.services}
        self.services.update(fresh)
        for service in fresh.values():
            service.thread.start()
        return fresh

    def stop(self, name):
        service = self.services.pop(name)
        service.stop()


class Service:
    """One unit, supervised as systemd would."""

    def __init__(self, host, unit):
        self.host, self.unit = host, unit
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.group = f"system/{unit.name}"
        self.state = "activating"  # active, failed, inactive
        self.settled = threading.Event()  # no longer activating for the first time
        self.stopped = threading.Event()
        self.restarts = 0
        self.why = ""
        self.process = None
        self.log = open(host.log_path(unit.name.removesuffix(".service")), "a", buffering=1)

    def say(self, text):
        self.log.write(f"# {text}\n")

    def run(self):
        try:
            for other in self.unit.words("After", "Unit"):
                before = self.host.services.get(other)
                # A cycle, or a unit that waits for another host, is not waited for for ever.
                while before and before is not self and not before.settled.wait(0.2) and not self.over() and before.state == "activating":
                    pass
            if unknown := self.unit.not_carried_out():
                self.say(f"not carried out here: {', '.join(unknown)}")
            self.supervise()
        except Exception as error:  # whatever it is, the unit has failed, and the log says why
            self.fail(f"{type(error).__name__}: {error}")
        finally:
            self.settled.set()
            self.log.close()

    def over(self):
        return self.stopped.is_set() or self.host.stopping

    def fail(self, why):
        self.state, self.why = "failed", why
        if not self.log.closed:
            self.say(why)

    def supervise(self):
        restart = self.unit.last("Restart", "no")
        pause = seconds(self.unit.last("RestartSec"), 0.1)
        interval = seconds(self.unit.last("StartLimitIntervalSec", section="Unit"), 10)
        burst = int(self.unit.last("StartLimitBurst", "5", section="Unit"))
        starts = []
        while not self.over():
            starts = [at for at in starts if time.monotonic() - at < interval] + [time.monotonic()]
            if interval and len(starts) > burst:
                return self.fail(f"start-limit-hit: {burst} starts within {interval:.0f} s")
            clean, why = self.once()
            self.kill_group(signal.SIGTERM if not self.over() else signal.SIGKILL)
            if self.over():
                return
            if self.state == "active" and self.unit.type() == "oneshot" and clean:
                return  # RemainAfterExit, or done
            again = restart == "always" or (restart == "on-failure" and not clean) or (restart == "on-success" and clean)
            if not again:
                if clean:
                    self.state = "inactive"
                    self.say("ended")
                else:
                    self.fail(why)
                return
            self.say(f"{why}; starting again in {pause} s")
            self.why = why
            self.state = "activating"
            self.restarts += 1
            self.stopped.wait(pause)

    def once(self):
        """From ExecStartPre= to the end of the main process: whether that was clean, and what happened."""
        unit, kind = self.unit, self.unit.type()
        variables = unit.environment(self.host.read)
        environment = {"PATH": PATH, "LANG": "C.UTF-8", **variables}
        self.make_folders(environment)
        for argv, counts in unit.commands("ExecStartPre", variables):
            code = self.spawn(argv, environment).wait()
            if code and counts:
                return False, f"ExecStartPre={argv[0]} exited {code}"
        commands = unit.commands("ExecStart", variables)
        if kind == "oneshot":
            for argv, counts in commands:
                code = self.spawn(argv, environment).wait()
                if code and counts:
                    return False, f"ExecStart={' '.join(argv)} exited {code}"
            return self.active()
        if len(commands) != 1:
            raise UnitError(f"{unit.name}: {len(commands)} ExecStart= in a service that is not oneshot")
        argv, _ = commands[0]
        notifications = None
        if kind in ("notify", "notify-reload") and unit.name not in TELLS_SYSTEMD_ALONE:
            notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            inside = f"/run/notify/{unit.name}"
            if os.path.exists(self.host.path(inside)):
                os.unlink(self.host.path(inside))
            notifications.bind(self.host.path(inside))
            notifications.settimeout(0.2)
            environment["NOTIFY_SOCKET"] = inside
        self.process = self.spawn(argv, environment)
        if notifications:
            while self.process.poll() is None and not self.over():
                try:
                    if b"READY=1" in notifications.recv(65536).split(b"\n"):
                        self.active()
                        break
                except TimeoutError:
                    pass
        elif kind == "forking":
            code = self.process.wait()
            if code:
                return False, f"exited {code}"
            self.active()
            while not self.over() and self.host.lab.cgroups.processes(self.host.machine, self.group):
                time.sleep(0.3)
            return False, "its processes are gone"
        else:
            self.active()
        code = self.process.wait()
        good = {0, *(int(word) for word in unit.words("SuccessExitStatus") if word.isdigit()), -signal.SIGTERM}
        return code in good, f"exited {code}"

    def active(self):
        self.state, self.why = "active", ""
        self.settled.set()
        return True, "done"

    def make_folders(self, environment):
        for key, above in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run"), ("LogsDirectory", "/var/log"), ("ConfigurationDirectory", "/etc")):
            for word in self.unit.words(key):
                os.makedirs(self.host.path(f"{above}/{word}"), exist_ok=True)
                os.chmod(self.host.path(f"{above}/{word}"), int(self.unit.last(key + "Mode", "0755"), 8))

    def spawn(self, argv, environment):
        unit = self.unit
        command = ["sh", "-c", ENTER_GROUP, "sh", self.group, unit.last("WorkingDirectory", "/").lstrip("-").replace("~", "/root"), unit.last("UMask", "0022")]
        user, group = unit.last("User"), unit.last("Group")
        if user or group:
            command += ["setpriv", *(["--reuid", user, "--init-groups"] if user else []), *(["--regid", group] if group else ["--regid", user])]
        self.say(" ".join(argv))
        return subprocess.Popen(self.host.argv([*command, *argv]), env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                stderr=self.log, start_new_session=True)

    def kill_group(self, number):
        if self.unit.last("KillMode") in ("process", "none"):
            return
        for process in self.host.lab.cgroups.processes(self.host.machine, self.group):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def processes(self):
        return self.host.lab.cgroups.processes(self.host.machine, self.group)

    def kill(self, number=signal.SIGKILL):
        """A crash: every process of the unit dies; what Restart= says follows."""
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def reload(self):
        """ExecReload=: what went wrong, nothing if all is well."""
        variables = self.unit.environment(self.host.read)
        environment = {"PATH": PATH, "LANG": "C.UTF-8", **variables, "MAINPID": self.main()}
        for argv, counts in self.unit.commands("ExecReload", environment):
            code = self.spawn(argv, environment).wait()
            if code and counts:
                return f"{self.unit.name}: ExecReload={' '.join(argv)} exited {code}"
        return ""

    def main_here(self):
        """The main process, as this machine numbers it: nsenter has it as its one child. None if there is none."""
        number = self.process.pid if self.process else 0
        try:
            with open(f"/proc/{number}/task/{number}/children") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError):
            return None

    def main(self):
        """The same, as the host numbers it."""
        try:
            with open(f"/proc/{self.main_here()}/status") as file:
                return re.search(r"^NSpid:.*\s(\d+)$", file.read(), re.M).group(1)
        except OSError:
            return ""

    def stop(self):
        self.stopped.set()
        alone = self.unit.last("KillMode") in ("process", "none")  # containerd's shims, and with them the pods, stay
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 15)):
            main = self.main_here()
            if not alone:
                self.kill(number)
            elif main:
                os.kill(main, number)
            self.thread.join(patience)
