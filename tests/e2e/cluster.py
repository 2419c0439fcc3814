"""A cluster out of a specification: what khw-gen makes of it, as it stands in a lab. Hosts, addresses and roles are those of
cluster.toml; what runs where, and with which files, is read from the bundles."""

import datetime
import ipaddress
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib

# What a Debian package would have enabled when it was installed, and the file of the bundle that shows it is wanted.
PACKAGED = {
    "nginx.service": ["/etc/nginx/"],
    "haproxy.service": ["/etc/haproxy/"],
    "keepalived.service": ["/etc/keepalived/"],
    "containerd.service": ["/etc/containerd/"],
}


def machine():
    """What machine.toml asks about the machine that this runs on."""
    first_version = not os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    return {
        "cgroup": 1 if first_version else 2,
        "oom": may_lower_oom_score(),
    }


def containerd_version(program="containerd"):
    try:
        said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
    except OSError:
        return None
    match = re.search(r"\bv?(\d+\.\d+)\.\d+", said)
    return match and match.group(1)


def conditions(kubernetes, containerd):
    """What holds of the lines of machine.toml that end in `#if NAME`, with these versions."""
    facts = machine()
    splits_cri = bool(containerd) and at_least(containerd, "2.0")
    return {
        "cgroup-v1": facts["cgroup"] == 1 and at_least(kubernetes, "1.31"),
        "oom-score-of-cri": not facts["oom"] and not splits_cri,
        "oom-score-of-runtime": not facts["oom"] and splits_cri,
    }


def may_lower_oom_score():
    capabilities = int(re.search(r"^CapEff:\s*(\S+)", open("/proc/self/status").read(), re.M).group(1), 16)
    return bool(capabilities >> 24 & 1)  # CAP_SYS_RESOURCE


class NotForThis(Exception):
    """The specification says that it is not for these versions."""


class Cluster:
    def __init__(self, template, scratch, kubernetes, etcd, program, go="0", containerd="containerd"):
        """Writes cluster.toml and a seed into `scratch`, and compiles. `go`: the release that Kubernetes' programs are compiled with;
        `containerd`: the one of the hosts."""
        self.scratch = scratch
        os.makedirs(scratch, exist_ok=True)
        text = open(template).read() + open(os.path.join(os.path.dirname(template), "../machine.toml")).read()
        here = os.path.dirname(template)
        for name in os.listdir(here):
            if name != "cluster.toml":
                subprocess.run(["cp", "-r", os.path.join(here, name), scratch], check=True)
        self.minor = ".".join(kubernetes.split(".")[:2])
        if (since := re.search(r"^# since (\S+)$", text, re.M)) and not at_least(self.minor, since.group(1)):
            raise NotForThis(f"it is for Kubernetes {since.group(1)} and later")
        if (needed := re.search(r"^# go (\S+)$", text, re.M)) and not at_least(go, needed.group(1)):
            raise NotForThis(f"it is for programs that are compiled with Go {needed.group(1)} and later, and these are with {go}")
        self.without = set((re.search(r"^# without (.*)$", text, re.M) or [None, ""])[1].split())
        if keys := re.search(r"^# keys (\S+)$", text, re.M):
            self.write_requests(program, keys.group(1))
        issued = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT00:00:00Z")
        if elsewhere := "\n# signed elsewhere\n" in text:
            # What is signed now begins before everything is issued.
            issued = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
        runtime = containerd_version(containerd)
        known = {"ISSUED": issued, "KUBERNETES": self.minor, "ETCD": etcd and ".".join(etcd.split(".")[:2]), "CONTAINERD": runtime}
        text = "\n".join(line for line in text.split("\n") if not any(f"@{key}@" in line and value is None for key, value in known.items()))
        text = re.sub(r"@([A-Z]+)@", lambda match: known[match.group(1)], text)
        text = conditional(text, conditions(self.minor, runtime))
        self.file = os.path.join(scratch, "cluster.toml")
        with open(self.file, "w") as file:
            file.write(text)
        with open(os.path.join(scratch, "cluster.seed"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(os.urandom(32).hex() + "\n")
        self.out = os.path.join(scratch, "out")
        signed = ["--signed", self.sign(program)] if elsewhere else []
        made = subprocess.run([program, "build", self.file, *signed, "--out", self.out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.compiler_says = made.stdout
        if made.returncode:
            raise RuntimeError(f"khw-gen refused {self.file}:\n{made.stdout}")
        self.spec = tomllib.loads(text)
        self.hosts = {host["name"]: host for host in self.spec["hosts"]}

    def sign(self, program):
        """Has every request signed by OpenSSL, as SIGN.md says, by an intermediate authority: the folder of what comes back."""
        asked = os.path.join(self.scratch, "asked")
        subprocess.run([program, "csr", self.file, "--out", asked], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(asked, "SIGN.md"), encoding="utf-8") as file:
            commands = "".join(re.findall(r"^OpenSSL:\n\n```sh\n(.*?)^```", file.read(), re.M | re.S))
        authorities = """
            openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=company root' -keyout root-key.pem -out root.pem \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
            openssl req -new -newkey rsa:2048 -nodes -subj '/CN=company clusters' -keyout ca-key.pem -out ca.csr
            printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >ca.ext
            openssl x509 -req -in ca.csr -CA root.pem -CAkey root-key.pem -CAcreateserial -sha256 -days 3000 -extfile ca.ext -out ca.pem
            mkdir -p signed
        """
        done = subprocess.run(["sh", "-ec", authorities + commands + "cp ca.pem root.pem signed/"], cwd=asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"nothing is signed: {done.stdout}")
        return os.path.join(asked, "signed")

    def write_requests(self, program, algorithm):
        """The built-in CSR files, all but that of tokens with keys of another algorithm."""
        init = os.path.join(self.scratch, "init")
        subprocess.run([program, "init", init], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.move(os.path.join(init, "csr"), os.path.join(self.scratch, "csr"))
        shutil.rmtree(init)
        for name in os.listdir(os.path.join(self.scratch, "csr")):
            path = os.path.join(self.scratch, "csr", name)
            with open(path) as file:
                request = json.load(file)
            if "key" in request and name != "service-account-csr.json":
                request["key"] = {"algo": algorithm}
                with open(path, "w") as file:
                    json.dump(request, file)

    def addresses(self, name):
        host = self.hosts[name]
        found = []
        for key in ("ip", "addresses"):
            value = host.get(key, [])
            found += [value] if isinstance(value, str) else value
        return list(dict.fromkeys(found))

    def with_role(self, role):
        return [name for name, host in self.hosts.items() if role in host["roles"]]

    def masters(self):
        return self.with_role("control-plane")

    def workers(self):
        return self.with_role("worker")

    def balancers(self):
        return self.with_role("load-balancer")

    def admin(self):
        return (self.with_role("admin") + self.masters())[0]

    def endpoint_aliases(self):
        """An endpoint that is a name is the site's DNS's business; here it is an entry of every host's /etc/hosts."""
        endpoint = self.spec.get("cluster", {}).get("endpoint", "")
        name = re.sub(r":\d+$", "", endpoint)
        if not name or name.startswith("[") or is_address(name):
            return {}
        virtual = self.spec.get("load_balancer", {}).get("virtual_ip")
        if virtual:
            return {name: [virtual] if isinstance(virtual, str) else virtual}
        return {name: self.addresses((self.balancers() or self.masters())[0])[:1]}

    def bundled(self, host, path):
        return os.path.join(self.out, host, "rootfs", path.lstrip("/"))

    def flag(self, host, unit, flag):
        """The value of a flag in a unit of a bundle, or None."""
        try:
            text = open(self.bundled(host, f"/etc/systemd/system/{unit}.service")).read()
        except OSError:
            return None
        match = re.search(rf"(?:^|\s|[\"'])--{re.escape(flag)}(?:[= ]([^\s\"'\\]*))?", text)
        return match and (match.group(1) or "")

    def boot(self, lab):
        """Every host gets its bundle and is started as after a power cut: all at once, with what was enabled."""
        aliases = self.endpoint_aliases()
        for name in self.hosts:
            lab.add(name, self.addresses(name), aliases)
        self.units = {}
        for name, host in lab.hosts.items():
            host.power_on()
            self.install(name, host)
            self.units[name] = enabled(host, self.bundled(name, "/"))
        for name, host in lab.hosts.items():
            host.prepare()
        for name, host in lab.hosts.items():
            host.start(self.units[name])

    def install(self, name, host):
        """As the README says: the archive, then install.sh."""
        with open(host.path("/tmp/bundle.tar.gz"), "wb") as out, open(os.path.join(self.out, f"{name}.tar.gz"), "rb") as archive:
            out.write(archive.read())
        script = f"cd /tmp && tar xzf bundle.tar.gz && {shlex.quote(name)}/install.sh --dry-run && {shlex.quote(name)}/install.sh"
        code, said = host.run("sh", "-ec", script, timeout=120)
        with open(host.log_path("install"), "a") as log:
            log.write(said)
        if code:
            raise RuntimeError(f"install.sh on {name} exited {code}:\n{said}")

def enabled(host, rootfs):
    """What install.sh enabled on a host, and what a package would have, where its bundle's tree is `rootfs`."""
    units = []
    for folder in host.list("/etc/systemd/system") or []:
        if folder.endswith((".wants", ".requires")):
            units += [unit for unit in host.list(f"/etc/systemd/system/{folder}") if unit.endswith(".service")]
    for unit, paths in PACKAGED.items():
        if unit not in units and any(os.path.exists(rootfs + path) for path in paths):
            units.append(unit)
    return sorted(set(units))


def conditional(text, facts):
    """Lines that end in `#if NAME` stay only where NAME holds; `#if !NAME` where not."""
    kept = []
    for line in text.splitlines():
        if match := re.search(r"#if (!?)([a-z0-9-]+)\s*$", line):
            if facts[match.group(2)] == bool(match.group(1)):
                continue
            line = line[:match.start()].rstrip()
        kept.append(line)
    return "\n".join(kept) + "\n"


def at_least(version, wanted):
    return [int(part) for part in version.split(".")] >= [int(part) for part in wanted.split(".")]


def is_address(text):
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False
