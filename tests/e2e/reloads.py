#!/usr/bin/env python3
"""Which component picks up which changed file by itself, and after how many seconds: measured on real programs, where every file is
replaced at one moment by renaming its successor over it, as install.sh does.

    tests/e2e/reloads.py --kubernetes DIR --etcd DIR [--only WORD,...] [--seconds 400] [--json FILE] [--table docs/reload.md]

All rows are measured at once, on one cluster of processes in a network of their own. Each row has a probe, which tells whether the
new file is in use; it must say no before the file is replaced. What is not seen within the time must be seen after a restart, or the
probe can't tell, and nothing is known. The exit code is 0 if every row could be measured, and, with --table, if the table promises
no more and no less than what was seen.

Root, containerd, openssl, util-linux and iproute2 are what it takes. Nothing of it is left afterwards.
"""

import argparse
import asyncio
import base64
import dataclasses
import functools
import hashlib
import http.client
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boot  # noqa: E402
import cluster  # noqa: E402

START, RESTART = 120, 120  # seconds that programs have until their probes say no, and after a restart yes
SETTLE = 10  # seconds in which programs that have come up read what they have not read yet
LAST = 95  # seconds before the end, when connections that live on are cut, so that there are more requests and handshakes
SIGNER = "kubernetes.io/kube-apiserver-client"
ISSUER = "https://reloads.test"


def at(number):
    return f"192.168.77.{number}"


# Who is where. Every program has an address of its own, so that all have their usual ports.
APISERVER, SECOND_APISERVER, ETCD, PEER, OTHER_PEER = at(1), at(2), at(3), at(4), at(5)
ETCD_FRONT, STRANGE_ETCD_FRONT, SECOND_ETCD_FRONT = at(6), at(7), at(8)
NODE, STRANGE_NODE, EXTENSION, TOKENS = at(11), at(12), at(13), at(14)
CLIENTS = {
    (component, way): (at(20 + 10 * row + column), at(120 + 10 * row + column))
    for row, component in enumerate(("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"))
    for column, way in enumerate(("embedded", "files", "authority", "config"))
}


def own(component, way="embedded"):
    """The address of a client of the API server."""
    return CLIENTS[component, way][0]


def front(component, way):
    """The address at which this client finds the API server."""
    return CLIENTS[component, way][1]


class Unmeasured(Exception):
    """The probe can't tell."""


# Files and certificates


@dataclasses.dataclass(frozen=True)
class Leaf:
    certificate: str  # PEM
    key: str
    path: str  # of a file with both

    @functools.cached_property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate)


class Authority:
    """A certificate authority; nothing that it makes is ever written over."""

    numbers = itertools.count(1)

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        made = self.make(f"/CN={name}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
        self.pem, self.key, self.path = made.certificate, made.key, made.path

    def leaf(self, subject, *addresses):
        names = [f"subjectAltName={','.join('IP:' + address for address in addresses)}"] if addresses else []
        return self.make(subject, "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth",
                         "authorityKeyIdentifier=keyid", *names, issuer=["-CA", self.path, "-CAkey", self.path])

    def make(self, subject, *extensions, issuer=()):
        path = os.path.join(self.folder, f"made-{next(self.numbers)}.pem")
        empty = os.path.join(self.folder, "openssl.cnf")
        if not os.path.exists(empty):
            write(empty, "[req]\ndistinguished_name = name\n[name]\n")
        openssl("req", "-x509", "-config", empty, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", subject,
                "-keyout", path + ".key", "-out", path, *issuer, "-addext", "subjectKeyIdentifier=hash",
                *(word for extension in extensions for word in ("-addext", extension)))
        certificate, key = read(path), read(path + ".key")
        write(path, certificate + key)
        return Leaf(certificate, key, path)


def openssl(*arguments, stdin=b""):
    done = subprocess.run(["openssl", *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """A key for tokens of service accounts."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, f"{name}.key")
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path)
        self.private = read(self.path)
        self.public = openssl("pkey", "-in", self.path, "-pubout").decode()
        # What Kubernetes calls a key by.
        self.id = encoded(hashlib.sha256(openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")).digest())

    def token(self, **claims):
        now = int(time.time())
        claims = {"iat": now - 60, "nbf": now - 60, "exp": now + 3600, **claims}
        text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": self.id}, claims))
        return f"{text}.{encoded(openssl('dgst', '-sha256', '-sign', self.path, stdin=text.encode()))}"

    def published(self):
        modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}


def key_of(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


# Servers of our own: what a program shows and trusts as a client is seen from the other side alone.


class Listener:
    """A TLS server that remembers which certificates clients have shown. A handshake that it knows of is one that the client has
    agreed to."""

    loop = None

    def __init__(self, address, port, leaf, trusted, serve, protocols=()):
        if not Listener.loop:
            Listener.loop = asyncio.new_event_loop()
            Listener.loop.set_exception_handler(lambda *_: None)  # a client that refuses us is no error
            threading.Thread(target=Listener.loop.run_forever, daemon=True).start()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_verify_locations(cadata=trusted)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        self.context.load_cert_chain(leaf.path)
        self.shown = leaf
        self.seen = set()  # (our certificate, the client's)
        self.open = set()
        self.serve = serve
        asyncio.run_coroutine_threadsafe(asyncio.start_server(self.met, address, port, ssl=self.context), self.loop).result(10)

    def show(self, leaf):
        """From the next handshake on."""
        self.context.load_cert_chain(leaf.path)
        self.shown = leaf

    def saw(self, leaf):
        return any(theirs == leaf.der for _, theirs in self.seen)

    def accepted_with(self, leaf):
        return any(ours is leaf for ours, _ in self.seen)

    def cut(self):
        def abort():
            for writer in list(self.open):
                writer.transport.abort()
        self.loop.call_soon_threadsafe(abort)

    async def met(self, reader, writer):
        self.open.add(writer)
        try:
            self.seen.add((self.shown, writer.get_extra_info("ssl_object").getpeercert(True)))
            await self.serve(reader, writer)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()


def relay(address, port, leaf=None):
    """To a server behind, to which whoever asks is the owner of `leaf`; without encryption, if there is none."""

    async def serve(reader, writer):
        context = None
        if leaf:
            context = client_context(leaf.path)
            protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            if protocol:
                context.set_alpn_protocols([protocol])
        back_reader, back_writer = await asyncio.open_connection(address, port, ssl=context, server_hostname="" if context else None)
        try:
            ways = [asyncio.ensure_future(pump(*way)) for way in ((reader, back_writer), (back_reader, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        finally:
            back_writer.transport.abort()

    return serve


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def answers(answer):
    """One request for each connection; `answer` makes JSON of a path. /slow never ends."""

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?im)^content-length: (\d+)", head)
        if length:
            await reader.readexactly(int(length.group(1)))
        path = head.split(" ")[1].split("?")[0]
        status = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        if path.endswith("/slow"):
            writer.write(f"{status}\r\n".encode())
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.2)
        body = json.dumps(answer(path))
        writer.write(f"{status}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        await asyncio.sleep(0.5)

    return serve


def discovery(key):
    """An issuer of tokens at every path."""

    def answer(path):
        issuer = f"https://{TOKENS}:8443{path.removesuffix('/.well-known/openid-configuration')}"
        if issuer.endswith("/keys"):
            return {"keys": [key.published()]}
        return {"issuer": issuer, "jwks_uri": issuer + "/keys", "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"]}

    return answer


def review(path):
    """An authorizer that says by its path what it says."""
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": {"allowed": path == "/allow"}}


# Clients of our own


def client_context(path=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if path:
        context.load_cert_chain(path)
    return context


def ask(address, port, path, leaf=None, method="GET", body=None, token=None, headers=None, plain=False):
    """A status and a text, over a connection of its own."""
    if plain:
        connection = http.client.HTTPConnection(address, port, timeout=10)
    else:
        connection = http.client.HTTPSConnection(address, port, timeout=10, context=client_context(leaf and leaf.path))
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Content-Type": kind, **(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def shown(address, port, name=None):
    connection = client_context().wrap_socket(socket.create_connection((address, port), timeout=10), server_hostname=name)
    try:
        return connection.getpeercert(True)
    finally:
        connection.close()


class Held:
    """A request that is under way all the time, and when it broke."""

    def __init__(self, bench, path):
        self.since, self.broke = time.monotonic(), None
        threading.Thread(target=self.hold, args=(bench, path), daemon=True).start()

    def hold(self, bench, path):
        connection = http.client.HTTPSConnection(APISERVER, 6443, timeout=30, context=client_context(bench.admin.path))
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            while answer.read(1):
                pass
        except (OSError, http.client.HTTPException):
            pass
        self.broke = time.monotonic()


# The cluster


class Program:
    def __init__(self, name, argv, logs):
        self.argv, self.log = argv, open(os.path.join(logs, f"{name}.log"), "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={"PATH": os.environ["PATH"], "HOME": "/root"})

    def ended(self):
        return self.process.poll() is not None

    def restart(self):
        self.process.kill()
        self.process.wait()
        self.start()


class Bench:
    """All files, before and after; all programs; all servers that stand in for what there is no program of."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.kubernetes = [int(part) for part in options.kubernetes_version.split(".")]
        for folder in ("live", "next", "made", "logs"):
            os.mkdir(os.path.join(scratch, folder))
        self.logs = os.path.join(scratch, "logs")
        self.successors = {}  # what is replaced together, by its name
        self.leafs = {}  # (old, new)
        self.authorities = {}
        self.listeners = {}
        self.numbers = itertools.count(1)
        self.admin = self.authority("clients").leaf("/O=system:masters/CN=admin")
        self.servers()
        self.programs = {}

    def since(self, minor):
        return self.kubernetes >= [1, minor]

    # Files

    def authority(self, name):
        if name not in self.authorities:
            self.authorities[name] = Authority(os.path.join(self.scratch, "made"), name)
        return self.authorities[name]

    def live(self, name):
        return os.path.join(self.scratch, "live", name)

    def put(self, name, old, new=None, of=None):
        """A file, and what it becomes when `of` is replaced."""
        write(self.live(name), old)
        if new is not None:
            write(os.path.join(self.scratch, "next", name), new)
            self.successors.setdefault(of or name, []).append(name)
        return self.live(name)

    def pair(self, name, authority, subject="/CN=server", *addresses):
        """A certificate and its key, each with a successor by the same authority."""
        old, new = (self.authority(authority).leaf(subject, *addresses) for _ in range(2))
        self.leafs[name] = old, new
        return [self.put(f"{name}.pem", old.certificate, new.certificate, name), self.put(f"{name}-key.pem", old.key, new.key, name)]

    def trust(self, name, authority):
        """The certificate of an authority, which becomes a bundle of it and another one; that other one's leafs are strangers."""
        old, new = self.authority(authority), self.authority(f"{name}, the other")
        self.leafs[name] = old.leaf("/O=system:masters/CN=known"), new.leaf("/O=system:masters/CN=stranger")
        return self.put(f"{name}.pem", old.pem, old.pem + new.pem, name)

    def turn(self, name):
        """What install.sh does: one rename after the other."""
        for file in self.successors[name]:
            os.rename(os.path.join(self.scratch, "next", file), self.live(file))

    def kubeconfig(self, name, server, authority, leaf):
        """A kubeconfig, where `authority` and `leaf` are the content, or paths."""
        cluster_of = {"certificate-authority": authority} if authority.startswith("/") else {"certificate-authority-data": of_text(authority)}
        certificate, key = leaf
        user = ({"client-certificate": certificate, "client-key": key} if certificate.startswith("/")
                else {"client-certificate-data": of_text(certificate), "client-key-data": of_text(key)})
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "only", "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
            "clusters": [{"name": "only", "cluster": {"server": f"https://{server}", **cluster_of}}], "users": [{"name": "only", "user": user}]})

    # Servers

    def servers(self):
        """Those of our own. What a client should come to trust has a certificate of the other authority from the start."""
        every = self.authority("clients").pem + self.authority("etcd").pem + self.authority("front proxy").pem
        etcd = ("127.0.0.1", 2379)
        self.trust("apiserver-etcd-ca", "etcd")
        self.trust("kubelet-ca", "kubelets")
        self.trust("etcd-peer-ca", "etcd")
        strange = {name: self.authority(f"{name}, the other") for name in ("apiserver-etcd-ca", "kubelet-ca", "etcd-peer-ca")}
        nothing = answers(lambda _: {})
        self.token_keys = {name: SigningKey(os.path.join(self.scratch, "made"), name) for name in ("old", "new", "manager-old", "manager-new", "issuer")}
        for name, address, port, authority, serve, protocols in (
            ("etcd", ETCD_FRONT, 2379, self.authority("etcd"), relay(*etcd), ["h2"]),
            ("strange etcd", STRANGE_ETCD_FRONT, 2379, strange["apiserver-etcd-ca"], relay(*etcd), ["h2"]),
            ("second etcd", SECOND_ETCD_FRONT, 2379, self.authority("etcd"), relay(*etcd), ["h2"]),
            ("peer", PEER, 2380, self.authority("etcd"), nothing, []),
            ("strange peer", OTHER_PEER, 2380, strange["etcd-peer-ca"], nothing, []),
            ("node", NODE, 10250, self.authority("kubelets"), nothing, []),
            ("strange node", STRANGE_NODE, 10250, strange["kubelet-ca"], nothing, []),
            ("extension", EXTENSION, 443, self.authority("clients"), nothing, []),
            ("tokens", TOKENS, 8443, self.authority("clients"), answers(discovery(self.token_keys["issuer"])), []),
            ("reviews", TOKENS, 8444, self.authority("clients"), answers(review), []),
        ):
            self.listeners[name] = Listener(address, port, authority.leaf(f"/CN={name}", address), every, serve, protocols)
        for (component, way), (_, address) in CLIENTS.items():
            leafs = [self.authority(name).leaf("/CN=front", address) for name in ("fronts", "fronts, the other")]
            self.leafs[f"{component} {way} front"] = leafs
            self.listeners[f"{component} {way}"] = Listener(address, 6443, leafs[0], every, relay(APISERVER, 6443, self.admin), ["h2", "http/1.1"])

    # Programs

    def run(self, name, argv):
        if name not in self.programs:
            self.programs[name] = Program(name, argv, self.logs)
            self.programs[name].start()
        return self.programs[name]

    def kubernetes_program(self, name, program, *arguments):
        return self.run(name, [os.path.join(self.options.kubernetes, program), *arguments])

    def start(self, names):
        """These programs, and what they need."""
        self.start_plain_etcd()
        if names & {"etcd"}:
            self.start_etcd()
        if names - {"etcd"}:
            self.start_apiserver()
            self.fill()
        if "second kube-apiserver" in names:
            self.start_second_apiserver()
        for name in sorted(names):
            component, _, way = name.partition(", ")
            if way:
                {"kube-controller-manager": self.start_controller_manager, "kube-scheduler": self.start_scheduler, "kubelet": self.start_kubelet,
                 "kube-proxy": self.start_proxy}[component](name, way)

    def restart(self, names):
        """API servers before those who need them to start."""
        servers = {"kube-apiserver": APISERVER, "second kube-apiserver": SECOND_APISERVER}
        for name in names & set(servers):
            self.programs[name].restart()
        for name in names & set(servers):
            self.ready(servers[name])
        for name in names - set(servers):
            self.programs[name].restart()

    def ready(self, address):
        within(START, lambda: ask(address, 6443, "/readyz", self.admin)[0] == 200, f"the API server at {address} is not ready")

    def start_plain_etcd(self):
        self.run("plain etcd", [os.path.join(self.options.etcd, "etcd"), "--data-dir", os.path.join(self.scratch, "plain-etcd"), "--unsafe-no-fsync",
                                "--listen-peer-urls", "http://127.0.0.1:2380"])
        within(START, lambda: ask("127.0.0.1", 2379, "/health", plain=True)[0] == 200, "etcd is not healthy")

    def start_etcd(self):
        """A member with certificates, and beside it one that can't be told from a member that learns: it stands for the peers."""
        certificate, key = self.pair("etcd-server", "etcd", "/CN=etcd", ETCD, "127.0.0.1")
        peer_certificate, peer_key = self.pair("etcd-peer", "etcd", "/CN=peer", ETCD)
        self.run("etcd", [
            os.path.join(self.options.etcd, "etcd"), "--name", "one", "--data-dir", os.path.join(self.scratch, "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", f"https://{ETCD}:2379", "--advertise-client-urls", f"https://{ETCD}:2379",
            "--listen-peer-urls", f"https://{ETCD}:2380", "--initial-advertise-peer-urls", f"https://{ETCD}:2380", "--initial-cluster", f"one=https://{ETCD}:2380",
            "--client-cert-auth", "--trusted-ca-file", self.trust("etcd-ca", "etcd"), "--cert-file", certificate, "--key-file", key,
            "--peer-client-cert-auth", "--peer-trusted-ca-file", self.live("etcd-peer-ca.pem"), "--peer-cert-file", peer_certificate, "--peer-key-file", peer_key])
        known = self.leafs["etcd-ca"][0]
        within(START, lambda: ask(ETCD, 2379, "/health", known)[0] == 200, "etcd is not healthy")
        status, said = ask(ETCD, 2379, "/v3/cluster/member/add", known, "POST",
                           {"peerURLs": [f"https://{PEER}:2380", f"https://{OTHER_PEER}:2380"], "isLearner": True})
        expect(status == 200, f"no member can be added: {said}")

    def start_apiserver(self):
        certificate, key = self.pair("apiserver", "servers", "/CN=kube-apiserver", APISERVER)
        etcd_certificate, etcd_key = self.pair("apiserver-etcd", "etcd", "/CN=kube-apiserver-etcd")
        proxy_certificate, proxy_key = self.pair("front-proxy", "front proxy", "/CN=front-proxy")
        kubelet_certificate, kubelet_key = self.pair("apiserver-kubelet", "clients", "/O=system:masters/CN=kube-apiserver")
        old, new = self.token_keys["old"], self.token_keys["new"]
        self.kubernetes_program(
            "kube-apiserver", "kube-apiserver", f"--etcd-servers=https://{ETCD_FRONT}:2379,https://{STRANGE_ETCD_FRONT}:2379",
            f"--etcd-cafile={self.live('apiserver-etcd-ca.pem')}", f"--etcd-certfile={etcd_certificate}", f"--etcd-keyfile={etcd_key}",
            f"--bind-address={APISERVER}", f"--advertise-address={APISERVER}", "--secure-port=6443", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}", f"--client-ca-file={self.trust('client-ca', 'clients')}",
            f"--requestheader-client-ca-file={self.trust('requestheader-ca', 'front proxy')}", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy_certificate}", f"--proxy-client-key-file={proxy_key}", "--enable-aggregator-routing=true",
            f"--kubelet-certificate-authority={self.live('kubelet-ca.pem')}",
            f"--kubelet-client-certificate={kubelet_certificate}", f"--kubelet-client-key={kubelet_key}",
            f"--service-account-issuer={ISSUER}", f"--service-account-signing-key-file={self.put('signing.key', old.private, new.private)}",
            f"--service-account-key-file={self.put('accounts.pub', old.public, old.public + new.public)}",
            f"--encryption-provider-config={self.encryption('encryption.yaml')}", "--encryption-provider-config-automatic-reload=true",
            f"--audit-policy-file={self.put('audit.yaml', audit_policy('None'), audit_policy('Metadata'))}", f"--audit-log-path={self.scratch}/audit.log",
            "--authorization-mode=RBAC", "--service-cluster-ip-range=10.32.0.0/24")
        self.ready(APISERVER)

    def start_second_apiserver(self):
        """For what would be in the way of the first one's rows."""
        certificate, key = self.pair("second-apiserver", "servers", "/CN=kube-apiserver", SECOND_APISERVER)
        etcd_certificate, etcd_key = self.pair("second-etcd", "etcd", "/CN=kube-apiserver-etcd")
        signing = self.put("second-signing.key", self.token_keys["old"].private)
        self.leafs["nobody"] = (self.authority("clients").leaf("/CN=nobody"),) * 2
        configured = ["--authorization-mode=RBAC"]
        if self.since(30):
            issuers = [authentication(self.authority("clients").pem, *paths) for paths in (["/one"], ["/one", "/two"])]
            reviews = [self.put(f"reviews-{word}.kubeconfig", self.kubeconfig("", f"{TOKENS}:8444/{word}", self.authority("clients").pem, self.admin_pair()))
                       for word in ("deny", "allow")]
            configured = [f"--authentication-config={self.put('authentication.yaml', *issuers)}",
                          f"--authorization-config={self.put('authorization.yaml', *map(authorization, reviews))}"]
        self.kubernetes_program(
            "second kube-apiserver", "kube-apiserver", f"--etcd-servers=https://{SECOND_ETCD_FRONT}:2379", "--etcd-prefix=/second",
            f"--etcd-cafile={self.put('second-etcd-ca.pem', self.authority('etcd').pem)}", f"--etcd-certfile={etcd_certificate}", f"--etcd-keyfile={etcd_key}",
            f"--bind-address={SECOND_APISERVER}", f"--advertise-address={SECOND_APISERVER}", "--secure-port=6443", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}", f"--client-ca-file={self.put('second-ca.pem', self.authority('clients').pem)}",
            f"--service-account-issuer={ISSUER}", f"--service-account-signing-key-file={signing}", f"--service-account-key-file={signing}",
            f"--encryption-provider-config={self.encryption('second-encryption.yaml')}", "--service-cluster-ip-range=10.32.0.0/24", *configured)
        self.ready(SECOND_APISERVER)

    def admin_pair(self):
        return self.admin.certificate, self.admin.key

    def encryption(self, name):
        keys = [{"name": which, "secret": base64.b64encode(secrets.token_bytes(32)).decode()} for which in ("first", "second")]
        return self.put(name, *(json.dumps({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": some}}, {"identity": {}}]}]}) for some in (keys[:1], keys[::-1])))

    def fill(self):
        """What the probes of the first API server ask for."""
        def create(path, body):
            status, said = self.api("POST", path, body)
            expect(status in (200, 201, 409), f"POST {path}: {status} {said}")
        within(60, lambda: self.api("GET", "/api/v1/namespaces/default")[0] == 200, "there is no namespace")
        create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
        self.robot = json.loads(self.api("GET", "/api/v1/namespaces/default/serviceaccounts/robot")[1])["metadata"]["uid"]
        for name, address in (("node", NODE), ("strange-node", STRANGE_NODE)):
            create("/api/v1/nodes", {"metadata": {"name": name}})
            status, said = self.api("PATCH", f"/api/v1/nodes/{name}/status", {"status": {
                "addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})
            expect(status == 200, said)
        create("/api/v1/namespaces/default/services", {"metadata": {"name": "extension"}, "spec": {"ports": [{"port": 443}]}})
        create("/api/v1/namespaces/default/endpoints", {"metadata": {"name": "extension", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
                                                        "subsets": [{"addresses": [{"ip": EXTENSION}], "ports": [{"port": 443}]}]})
        create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
            "metadata": {"name": "extension", "labels": {"kubernetes.io/service-name": "extension"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": [EXTENSION], "conditions": {"ready": True}}], "ports": [{"name": "", "port": 443, "protocol": "TCP"}]})
        create("/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": "v1.reloads.test"}, "spec": {
            "group": "reloads.test", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10, "insecureSkipTLSVerify": True,
            "service": {"name": "extension", "namespace": "default"}}})

    def api(self, method, path, body=None, **options):
        return ask(APISERVER, 6443, path, self.admin, method, body, **options)

    def client_kubeconfig(self, component, way):
        """One of the three kinds, each with what it becomes: everything in it, or files with the client's pair, or with the authority."""
        name, server = f"{component}-{way}", f"{front(component, way)}:6443"
        authority = self.authority("fronts").pem
        if way == "files":
            pair = self.pair(name, "clients", f"/O=system:masters/CN={component}")
            return self.put(f"{name}.kubeconfig", self.kubeconfig(name, server, authority, pair))
        if way == "authority":
            path = self.put(f"{name}.pem", authority, authority + self.authority("fronts, the other").pem, name)
            return self.put(f"{name}.kubeconfig", self.kubeconfig(name, server, path, self.admin_pair()))
        old, new = self.leafs[name] = tuple(self.authority("clients").leaf(f"/O=system:masters/CN={component}") for _ in range(2))
        return self.put(f"{name}.kubeconfig", *(self.kubeconfig(name, server, authority, (leaf.certificate, leaf.key)) for leaf in (old, new)), name)

    def serving(self, component, prefix=""):
        """Flags of a component's own server."""
        certificate, key = self.pair(f"{component}-server", "servers", f"/CN={component}", own(component))
        direct = self.put(f"{component}-direct.kubeconfig", self.kubeconfig("", f"{APISERVER}:6443", self.authority("servers").pem, self.admin_pair()))
        return [f"--bind-address={own(component)}", f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                f"--client-ca-file={self.trust(f'{component}-client-ca', 'clients')}", f"--authentication-kubeconfig={direct}",
                f"--authorization-kubeconfig={direct}"]

    def start_controller_manager(self, name, way):
        component = "kube-controller-manager"
        more = [f"--bind-address={own(component, way)}", "--controllers=ttl"]
        if way == "embedded":
            old, new = self.authority("signing"), self.authority("signing, the other")
            root = self.trust("root-ca", "servers")
            accounts = [self.token_keys[f"manager-{which}"].private for which in ("old", "new")]
            more = self.serving(component) + [
                "--controllers=csrsigning,root-ca-cert-publisher,serviceaccount-token", f"--root-ca-file={root}",
                f"--cluster-signing-cert-file={self.put('signing-ca.pem', old.pem, new.pem, 'cluster-signing')}",
                f"--cluster-signing-key-file={self.put('signing-ca-key.pem', old.key, new.key, 'cluster-signing')}",
                f"--service-account-private-key-file={self.put('manager.key', *accounts)}"]
        self.kubernetes_program(name, component, f"--kubeconfig={self.client_kubeconfig(component, way)}", f"--leader-elect={str(leads(way)).lower()}",
                                f"--leader-elect-resource-name=manager-{way}", *more)

    def start_scheduler(self, name, way):
        component = "kube-scheduler"
        text = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "percentageOfNodesToScore": 50,
                "clientConnection": {"kubeconfig": self.client_kubeconfig(component, way)},
                "leaderElection": {"leaderElect": leads(way), "resourceName": f"scheduler-{way}"}}
        file = self.put(f"{component}-{way}.yaml", json.dumps(text), json.dumps({**text, "percentageOfNodesToScore": 60}))
        self.kubernetes_program(name, component, f"--config={file}",
                                *(self.serving(component) if way == "embedded" else [f"--bind-address={own(component, way)}"]))

    def start_kubelet(self, name, way):
        self.start_containerd()
        component, address = "kubelet", own("kubelet", way)
        certificate, key = self.pair(f"kubelet-{way}-server", "servers", "/CN=kubelet", address)
        text = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "address": address, "healthzPort": 0, "maxPods": 100,
                "tlsCertFile": certificate, "tlsPrivateKeyFile": key, "containerRuntimeEndpoint": f"unix://{self.scratch}/containerd.sock",
                "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False},
                                   "x509": {"clientCAFile": self.trust(f"kubelet-{way}-client-ca", "clients")}},
                "authorization": {"mode": "AlwaysAllow"}, "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [],
                "failSwapOn": False, "localStorageCapacityIsolation": False, "resolvConf": "", "registerNode": True}
        if self.since(31) and cluster.machine()["cgroup"] == 1:
            text["failCgroupV1"] = False
        file = self.put(f"kubelet-{way}.yaml", json.dumps(text), json.dumps({**text, "maxPods": 50}))
        self.kubernetes_program(name, component, f"--config={file}", f"--kubeconfig={self.client_kubeconfig(component, way)}", f"--node-ip={address}",
                                f"--hostname-override=kubelet-{way}", f"--root-dir={self.scratch}/kubelet-{way}")

    def start_containerd(self):
        self.run("containerd", ["containerd", "--config", self.put("containerd.toml", "version = 2\n"), "--root", f"{self.scratch}/containerd",
                                "--state", f"{self.scratch}/containerd-state", "--address", f"{self.scratch}/containerd.sock"])
        within(START, lambda: os.path.exists(f"{self.scratch}/containerd.sock"), "containerd does not listen")

    def start_proxy(self, name, way):
        component, address = "kube-proxy", own("kube-proxy", way)
        self.api("POST", "/api/v1/nodes", {"metadata": {"name": "proxied"}})
        self.api("PATCH", "/api/v1/nodes/proxied/status", {"status": {"addresses": [{"type": "InternalIP", "address": NODE}]}})
        text = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables", "hostnameOverride": "proxied",
                "clientConnection": {"kubeconfig": self.client_kubeconfig(component, way)}, "configSyncPeriod": "15m0s",
                "healthzBindAddress": f"{address}:10256", "metricsBindAddress": f"{address}:10249", "conntrack": {"maxPerCore": 0}}
        file = self.put(f"{component}-{way}.yaml", json.dumps(text), json.dumps({**text, "configSyncPeriod": "14m0s"}))
        self.kubernetes_program(name, component, f"--config={file}")


def leads(way):
    """Leaders ask often, and end when they can't: most rows are of the program with everything in its kubeconfig, and need it to live."""
    return way != "embedded"


def of_text(text):
    return base64.b64encode(text.encode()).decode()


def audit_policy(level):
    return json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": level}]})


def authentication(authority, *paths):
    return json.dumps({"apiVersion": "apiserver.config.k8s.io/v1beta1", "kind": "AuthenticationConfiguration", "jwt": [
        {"issuer": {"url": f"https://{TOKENS}:8443{path}", "audiences": ["reloads"], "certificateAuthority": authority},
         "claimMappings": {"username": {"claim": "sub", "prefix": f"{path}:"}}} for path in paths]})


def authorization(kubeconfig):
    return json.dumps({"apiVersion": "apiserver.config.k8s.io/v1beta1", "kind": "AuthorizationConfiguration", "authorizers": [
        {"type": "RBAC", "name": "rbac"},
        {"type": "Webhook", "name": "reviews", "webhook": {
            "timeout": "3s", "subjectAccessReviewVersion": "v1", "matchConditionSubjectAccessReviewVersion": "v1", "failurePolicy": "NoOpinion",
            "authorizedTTL": "1s", "unauthorizedTTL": "1s", "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": kubeconfig}}}]})


def expect(condition, detail):
    if not condition:
        raise Unmeasured(detail)


def within(limit, holds, complaint):
    """Until it holds; whatever is wrong before may still come right."""
    deadline, last = time.monotonic() + limit, ""
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (OSError, http.client.HTTPException, Unmeasured, ValueError, KeyError) as error:
            last = f": {error}"
        time.sleep(0.5)
    raise Unmeasured(complaint + last)


# Probes: each is a function of the bench that says whether the new file is in use. One that raises has met a failed request.


def shows(address, port, pair, name=None):
    """Who connects is shown the new certificate; by a name, or by the address alone, which is told to no server."""
    return lambda bench: shown(address, port, name) == bench.leafs[pair][1].der


def lets_in(address, port, path, trust, **options):
    """A client of the other authority is let in; one of the old always is."""

    def probe(bench):
        old, new = bench.leafs[trust]
        status, said = ask(address, port, path, old, **options)
        expect(status == 200, f"a client of the old authority: {status} {said}")
        try:
            return ask(address, port, path, new, **options)[0] not in (401, 503)
        except (ssl.SSLError, ConnectionError):
            return False

    return probe


def meets(listener, pair, through=None):
    """A server of our own is shown the new certificate; asked by way of the API server, if there is a path."""

    def probe(bench):
        if through:
            status, said = bench.api("GET", through)
            expect(status == 200, f"{through}: {status} {said}")
        expect(bench.listeners[listener].seen, "nobody has come yet")
        return bench.listeners[listener].saw(bench.leafs[pair][1])

    return probe


def trusts(listener):
    """A client has agreed to the certificate of the other authority."""
    return lambda bench: bool(bench.listeners[listener].seen)


def trusts_front(component):
    def probe(bench):
        expect(bench.listeners[f"{component} authority"].seen, "nobody has come yet")
        return bench.listeners[f"{component} authority"].accepted_with(bench.leafs[f"{component} authority front"][1])

    return probe


def reaches_strange_node(bench):
    status, said = bench.api("GET", "/api/v1/nodes/strange-node/proxy/hello")
    expect(status in (200, 500, 502, 503), f"{status} {said}")
    return status == 200


def takes_token(address, key, **claims):
    def probe(bench):
        robot = {"kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "robot", "uid": bench.robot}},
                 "iss": ISSUER, "aud": [ISSUER], "sub": "system:serviceaccount:default:robot"}
        return ask(address, 6443, "/api", token=bench.token_keys[key].token(**(claims or robot)))[0] != 401

    return probe


def signs_tokens(bench):
    status, said = bench.api("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", {"spec": {}})
    expect(status == 201, f"no token: {status} {said}")
    return key_of(json.loads(said)["status"]["token"]) == bench.token_keys["new"].id


def encrypts(address, prefix):
    """A Secret that is written now lies in etcd under the new key."""

    def probe(bench):
        name = f"probe-{next(bench.numbers)}"
        status, said = ask(address, 6443, "/api/v1/namespaces/default/secrets", bench.admin, "POST", {"metadata": {"name": name}})
        expect(status == 201, f"no Secret: {status} {said}")
        key = of_text(f"{prefix}/secrets/default/{name}")
        value = json.loads(ask("127.0.0.1", 2379, "/v3/kv/range", method="POST", body={"key": key}, plain=True)[1])["kvs"][0]["value"]
        return base64.b64decode(value).startswith(b"k8s:enc:aescbc:v1:second:")

    return probe


def audits(bench):
    path = os.path.join(bench.scratch, "audit.log")
    return os.path.exists(path) and os.path.getsize(path) > 0


def allows_nobody(bench):
    status, said = ask(SECOND_APISERVER, 6443, "/api/v1/nodes", bench.leafs["nobody"][0])
    expect(status in (200, 403), f"{status} {said}")
    return status == 200


def publishes_root(bench):
    """The ConfigMap that every namespace has is deleted, and comes back."""
    path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
    bench.api("DELETE", path)
    within(10, lambda: bench.api("GET", path)[0] == 200, "kube-root-ca.crt does not come back")
    return bench.authority("root-ca, the other").pem in json.loads(bench.api("GET", path)[1])["data"]["ca.crt"]


def signs_certificates(bench):
    name = f"probe-{next(bench.numbers)}"
    requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    pem = openssl("req", "-new", "-config", f"{bench.scratch}/made/openssl.cnf", "-key", f"{bench.admin.path}.key", "-subj", "/CN=probe").decode()
    body = {"metadata": {"name": name}, "spec": {"request": of_text(pem), "signerName": SIGNER, "usages": ["client auth"]}}
    status, said = bench.api("POST", requests, body)
    expect(status == 201, f"no request: {status} {said}")
    made = json.loads(said)
    made["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Probe", "message": "probe"}]}
    status, said = bench.api("PUT", f"{requests}/{name}/approval", made)
    expect(status == 200, f"no approval: {status} {said}")
    within(10, lambda: json.loads(bench.api("GET", f"{requests}/{name}")[1])["status"]["certificate"], "nothing is signed")
    signed = json.loads(bench.api("GET", f"{requests}/{name}")[1])["status"]["certificate"]
    return b"signing, the other" in ssl.PEM_cert_to_DER_cert(base64.b64decode(signed).decode())


def signs_token_secrets(bench):
    name = f"token-{next(bench.numbers)}"
    path = "/api/v1/namespaces/default/secrets"
    status, said = bench.api("POST", path, {"metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": "robot"}},
                                            "type": "kubernetes.io/service-account-token"})
    expect(status == 201, f"no Secret: {status} {said}")
    within(10, lambda: json.loads(bench.api("GET", f"{path}/{name}")[1])["data"]["token"], "no token comes into the Secret")
    token = base64.b64decode(json.loads(bench.api("GET", f"{path}/{name}")[1])["data"]["token"]).decode()
    return key_of(token) == bench.token_keys["manager-new"].id


def says(address, port, word, **options):
    """/configz has what the new file says."""

    def probe(bench):
        status, said = ask(address, port, "/configz", bench.admin, **options)
        expect(status == 200, f"/configz: {status} {said}")
        return word in said.replace(" ", "").lower()

    return probe


def ends_or_says(program, *question):
    """The new configuration is in use, or the program has ended, so that whoever supervises it starts it with the new one."""
    return lambda bench: bench.programs[program].ended() or says(*question, plain=True)(bench)


# The rows


@dataclasses.dataclass
class Row:
    component: str
    file: str  # the flags or settings, as the table has them; several if they are replaced together
    program: str
    turned: str  # what is replaced
    probe: object
    how: str
    every: float = 1.0  # seconds from one probe to the next
    handshake: tuple = None  # a server of ours, and how often it cuts its connections; None: only in the end
    held: str = ""  # a request that is under way meanwhile
    since: int = 0  # the minor that brought it
    aside: str = ""  # what tells the row from another one of the same file
    never: bool = False  # whatever the table says of the file
    ours: str = ""  # the server of ours that shows another certificate from then on

    @property
    def name(self):
        return f"{self.component} {self.file}" + (f" ({self.aside})" if self.aside else "")


FRONT = {"X-Remote-User": "jane", "X-Remote-Group": "system:masters"}
MANAGER, SCHEDULER, KUBELET = own("kube-controller-manager"), own("kube-scheduler"), own("kubelet")
LOOK, CONNECT = "a handshake each second", "a client of the new authority each second"

ROWS = [
    Row("kube-apiserver", "--tls-cert-file --tls-private-key-file", "kube-apiserver", "apiserver", shows(APISERVER, 6443, "apiserver"), LOOK),
    Row("kube-apiserver", "--client-ca-file", "kube-apiserver", "client-ca", lets_in(APISERVER, 6443, "/api", "client-ca"), CONNECT),
    Row("kube-apiserver", "--requestheader-client-ca-file", "kube-apiserver", "requestheader-ca",
        lets_in(APISERVER, 6443, "/api", "requestheader-ca", headers=FRONT), "a front proxy of the new authority each second"),
    Row("kube-apiserver", "--proxy-client-cert-file --proxy-client-key-file", "kube-apiserver", "front-proxy",
        meets("extension", "front-proxy", "/apis/reloads.test/v1"), "what an extension API server is shown, with a handshake each second"),
    Row("kube-apiserver", "--kubelet-client-certificate --kubelet-client-key", "kube-apiserver", "apiserver-kubelet",
        meets("node", "apiserver-kubelet", "/api/v1/nodes/node/proxy/hello"), "what a kubelet is shown, with a handshake each second",
        held="/api/v1/nodes/node/proxy/slow"),
    Row("kube-apiserver", "--kubelet-certificate-authority", "kube-apiserver", "kubelet-ca", reaches_strange_node, "a kubelet of the new authority is asked each second"),
    Row("kube-apiserver", "--etcd-certfile --etcd-keyfile", "second kube-apiserver", "second-etcd", meets("second etcd", "second-etcd"),
        "what etcd is shown; its connections are cut each 5 s", handshake=("second etcd", 5)),
    Row("kube-apiserver", "--etcd-cafile", "kube-apiserver", "apiserver-etcd-ca", trusts("strange etcd"), "one of two etcds has a certificate of the new authority"),
    Row("kube-apiserver", "--service-account-key-file", "kube-apiserver", "accounts.pub", takes_token(APISERVER, "new"), "a token of the new key each second"),
    Row("kube-apiserver", "--service-account-signing-key-file", "kube-apiserver", "signing.key", signs_tokens, "a token is asked for each second"),
    Row("kube-apiserver", "--encryption-provider-config", "kube-apiserver", "encryption.yaml", encrypts(APISERVER, "/registry"),
        "a Secret each second, as it lies in etcd", aside="with --encryption-provider-config-automatic-reload"),
    Row("kube-apiserver", "--encryption-provider-config", "second kube-apiserver", "second-encryption.yaml", encrypts(SECOND_APISERVER, "/second"),
        "a Secret each second, as it lies in etcd", aside="without automatic reload", never=True),
    Row("kube-apiserver", "--audit-policy-file", "kube-apiserver", "audit.yaml", audits, "the old policy says nothing, the new all"),
    Row("kube-apiserver", "--authentication-config", "second kube-apiserver", "authentication.yaml",
        takes_token(SECOND_APISERVER, "issuer", iss=f"https://{TOKENS}:8443/two", aud="reloads", sub="jane"), "a token of a new issuer each second", since=30),
    Row("kube-apiserver", "--authorization-config", "second kube-apiserver", "authorization.yaml", allows_nobody,
        "the old webhook denies, the new one allows", since=30),
    Row("kube-controller-manager", "--root-ca-file", "kube-controller-manager, embedded", "root-ca", publishes_root, "kube-root-ca.crt is deleted and comes back", every=5),
    Row("kube-controller-manager", "--cluster-signing-cert-file --cluster-signing-key-file", "kube-controller-manager, embedded", "cluster-signing",
        signs_certificates, "a request is signed each 2 s", every=2),
    Row("kube-controller-manager", "--service-account-private-key-file", "kube-controller-manager, embedded", "manager.key", signs_token_secrets,
        "a Secret for a token each 5 s", every=5),
    Row("kube-controller-manager", "--client-ca-file", "kube-controller-manager, embedded", "kube-controller-manager-client-ca",
        lets_in(MANAGER, 10257, "/metrics", "kube-controller-manager-client-ca"), CONNECT),
    Row("kube-controller-manager", "--tls-cert-file --tls-private-key-file", "kube-controller-manager, embedded", "kube-controller-manager-server",
        shows(MANAGER, 10257, "kube-controller-manager-server"), LOOK),
    Row("kube-scheduler", "--client-ca-file", "kube-scheduler, embedded", "kube-scheduler-client-ca",
        lets_in(SCHEDULER, 10259, "/metrics", "kube-scheduler-client-ca"), CONNECT),
    Row("kube-scheduler", "--tls-cert-file --tls-private-key-file", "kube-scheduler, embedded", "kube-scheduler-server",
        shows(SCHEDULER, 10259, "kube-scheduler-server"), LOOK),
    Row("kube-scheduler", "--config", "kube-scheduler, embedded", "kube-scheduler-embedded.yaml", says(SCHEDULER, 10259, '"percentageofnodestoscore":60'), "/configz"),
    # A server in Go that was given a pair at its start, and a function to ask for a newer one, asks only if the client sends a name.
    # An API server that reaches its kubelets by address sends none.
    Row("kubelet", "tlsCertFile tlsPrivateKeyFile", "kubelet, embedded", "kubelet-embedded-server", shows(KUBELET, 10250, "kubelet-embedded-server"), LOOK,
        aside="to who connects by address"),
    Row("kubelet", "tlsCertFile tlsPrivateKeyFile", "kubelet, embedded", "kubelet-embedded-server",
        shows(KUBELET, 10250, "kubelet-embedded-server", "kubelet.test"), LOOK, aside="to who connects by name"),
    Row("kubelet", "authentication.x509.clientCAFile", "kubelet, embedded", "kubelet-embedded-client-ca",
        lets_in(KUBELET, 10250, "/configz", "kubelet-embedded-client-ca"), CONNECT),
    Row("kubelet", "--config", "kubelet, embedded", "kubelet-embedded.yaml", says(KUBELET, 10250, '"maxpods":50'), "/configz"),
    Row("kube-proxy", "--config", "kube-proxy, config", "kube-proxy-config.yaml",
        ends_or_says("kube-proxy, config", own("kube-proxy", "config"), 10249, '14m0s'), "/configz, or the program ends"),
    Row("etcd", "--cert-file --key-file", "etcd", "etcd-server", shows(ETCD, 2379, "etcd-server"), LOOK),
    Row("etcd", "--trusted-ca-file", "etcd", "etcd-ca", lets_in(ETCD, 2379, "/version", "etcd-ca"), CONNECT),
    Row("etcd", "--peer-cert-file --peer-key-file", "etcd", "etcd-peer", shows(ETCD, 2380, "etcd-peer"), LOOK, aside="as a server"),
    Row("etcd", "--peer-cert-file --peer-key-file", "etcd", "etcd-peer", meets("peer", "etcd-peer"), "what a peer is shown", aside="as a client"),
    Row("etcd", "--peer-trusted-ca-file", "etcd", "etcd-peer-ca", lets_in(ETCD, 2380, "/version", "etcd-peer-ca"), CONNECT, aside="as a server"),
    Row("etcd", "--peer-trusted-ca-file", "etcd", "etcd-peer-ca", trusts("strange peer"), "a peer has a certificate of the new authority", aside="as a client"),
]
for component in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
    ROWS += [
        Row(component, "kubeconfig", f"{component}, embedded", f"{component}-embedded", meets(f"{component} embedded", f"{component}-embedded"),
            "what the API server is shown", handshake=(f"{component} embedded", None)),
        Row(component, "kubeconfig:client-certificate kubeconfig:client-key", f"{component}, files", f"{component}-files",
            meets(f"{component} files", f"{component}-files"), "what the API server is shown", handshake=(f"{component} files", None)),
        Row(component, "kubeconfig:certificate-authority", f"{component}, authority", f"{component}-authority", trusts_front(component),
            "the API server has a certificate of the new authority", handshake=(f"{component} authority", None), ours=f"{component} authority"),
    ]


class Measurement:
    """One row, in a thread of its own."""

    def __init__(self, bench, row):
        self.bench, self.row = bench, row
        self.seconds = None
        self.failed, self.why, self.unmeasured, self.note = 0, "", "", ""

    def baseline(self):
        try:
            within(START, lambda: not self.row.probe(self.bench), f"{self.row.program} does not come up, or the probe sees the new file before it is there")
        except Unmeasured as reason:
            self.unmeasured = str(reason)

    def measure(self, start, limit):
        """From the moment of the renames on."""
        row, cuts = self.row, 0
        held = Held(self.bench, row.held) if row.held else None
        while self.seconds is None and (passed := time.monotonic() - start) < limit:
            if row.handshake:
                listener, pause = row.handshake
                if passed > (cuts + 0.2) * pause if pause else passed > limit - LAST + 40 * cuts:
                    cuts += 1
                    self.bench.listeners[listener].cut()
            if self.asked():
                self.seconds = time.monotonic() - start
                if cuts and not row.handshake[1]:
                    self.note = "only after connections had been cut"
            elif self.bench.programs[row.program].ended() and not (row.ours and cuts):  # who finds no server that it trusts may well end
                raise Unmeasured(f"{row.program} has ended")
            time.sleep(row.every)
        if self.seconds is not None and held:
            time.sleep(5)
            self.note = f"a request under way broke after {held.broke - start:.1f} s" if held.broke else "a request under way went on"

    def asked(self):
        try:
            return self.row.probe(self.bench)
        except (OSError, http.client.HTTPException, Unmeasured, ValueError, KeyError) as error:
            self.failed, self.why = self.failed + 1, str(error)[:160]
            return False

    def control(self):
        """After a restart the new file must be seen, or the probe could never have seen it."""
        failed = self.failed
        try:
            within(RESTART, self.asked, "not even after a restart does the probe see the new file")
        except Unmeasured as reason:
            self.unmeasured = f"{reason}: {self.why}"
        self.failed = failed

    def told(self, limit):
        if self.unmeasured:
            return f"not measured: {self.unmeasured}"
        return f"not in {limit:.0f} s, but after a restart" if self.seconds is None else f"{self.seconds:.1f} s"

    def as_json(self):
        row = self.row
        return {"component": row.component, "files": row.file.split(), "aside": row.aside, "how": row.how, "seconds": self.seconds and round(self.seconds, 1),
                "failed": self.failed, "why": self.why, "note": self.note, "unmeasured": self.unmeasured}


# What the product's table promises


def promises(path, versions):
    """Of a Markdown table `component | file | since | how | within`: the seconds for each file, where the component is recent enough."""
    found, columns = {}, None
    for line in read(path).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if [cell.lower() for cell in cells] == ["component", "file", "since", "how", "within"]:
            columns = True
        elif not line.startswith("|"):
            columns = None
        elif columns and not set(line) <= set("|-: "):
            component, file, since, _, limit = (cell.replace("`", "") for cell in cells)
            minor = re.search(r"\d+\.\d+", since)
            if minor and not cluster.at_least(versions["etcd" if component == "etcd" else "kubernetes"], minor.group()):
                continue
            number = re.search(r"(\d+(?:\.\d+)?)\s*(m?)", limit)
            for word in re.split(r"[\s,+]+", file):
                found[component, word.lstrip("-")] = float(number.group(1)) * (60 if number.group(2) else 1) if number else 0
    return found


def disagreements(measurements, promised, limit):
    """A file is picked up when the last of its rows has seen it; a probe each few seconds sees that a little later."""
    groups = {}
    for one in measurements:
        for file in one.row.file.split():
            groups.setdefault((one.row.component, file.lstrip("-"), one.row.never), []).append(one)
    for (component, file, never), group in groups.items():
        if any(one.unmeasured for one in group):
            continue
        promise = None if never else promised.get((component, file))
        seen = None if any(one.seconds is None for one in group) else max(one.seconds for one in group)
        if promise is None and seen is not None:
            yield f"{component}: {file} is picked up after {seen:.1f} s, and the table does not have it"
        elif promise is not None and seen is None and promise < limit - LAST:
            yield f"{component}: {file} is not picked up in {limit:.0f} s, and the table says within {promise:.0f} s"
        elif promise is not None and seen is not None and seen > promise + 10 + 2 * max(one.row.every for one in group):
            yield f"{component}: {file} is picked up after {seen:.1f} s, and the table says within {promise:.0f} s"


def for_each(measurements, call):
    """All at once. Whatever breaks a measurement, nothing is known then."""

    def guarded(one):
        try:
            call(one)
        except Exception as error:  # a probe that breaks has seen nothing
            one.unmeasured = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=guarded, args=(one,), daemon=True) for one in measurements]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(options, scratch):
    only = [word for word in options.only.split(",") if word]
    rows = [row for row in ROWS if (not only or any(word in row.name for word in only)) and cluster.at_least(options.kubernetes_version, f"1.{row.since}")]
    if not rows:
        sys.exit(f"no row is called like one of {', '.join(only)}")
    bench = Bench(options, scratch)
    names = {row.program for row in rows}
    bench.start(names)
    every = [Measurement(bench, row) for row in rows]
    for_each(every, Measurement.baseline)
    able = [one for one in every if not one.unmeasured]
    time.sleep(SETTLE)
    print(f"{len(able)} of {len(every)} rows can be measured; all files are replaced now", flush=True)
    start = time.monotonic()
    for name in dict.fromkeys(one.row.turned for one in able):
        bench.turn(name)
    for one in able:
        if one.row.ours:
            bench.listeners[one.row.ours].show(bench.leafs[f"{one.row.ours} front"][1])
    for_each(able, lambda one: one.measure(start, options.seconds))
    late = [one for one in able if one.seconds is None and not one.unmeasured]
    bench.restart({one.row.program for one in late})
    for_each(late, Measurement.control)
    return every


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubernetes", required=True, help="folder with Kubernetes' programs")
    parser.add_argument("--etcd", required=True, help="folder with etcd")
    parser.add_argument("--only", default="", help="only rows with one of these words in their names, with commas between")
    parser.add_argument("--seconds", type=float, default=400, help="how long a file has to be picked up")
    parser.add_argument("--json", help="a file for what was measured")
    parser.add_argument("--table", help="a page with the table that is promised")
    parser.add_argument("--keep-logs", help="a folder for the logs")
    parser.add_argument("--within", help=argparse.SUPPRESS)  # the folder of a run that is in its own namespaces already
    options = parser.parse_args()
    if not options.within:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
        sys.exit(apart())
    options.kubernetes_version = boot.program_version(os.path.join(options.kubernetes, "kube-apiserver"), r"v(\d+\.\d+\.\d+)", "--version")
    options.etcd_version = boot.program_version(os.path.join(options.etcd, "etcd"), r"etcd Version: (\d+\.\d+\.\d+)", "--version")
    print(f"reloads of Kubernetes {options.kubernetes_version}, etcd {options.etcd_version}", flush=True)
    for number in range(1, 160):
        subprocess.run(["ip", "address", "add", f"{at(number)}/24", "dev", "lo"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for folder in (options.within, "/var/lib", "/var/log", "/run"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder], check=True)
    try:
        measurements = measure(options, options.within)
    finally:
        if options.keep_logs:
            shutil.copytree(os.path.join(options.within, "logs"), options.keep_logs, dirs_exist_ok=True)
    for one in measurements:
        failed = f"{one.failed} failed requests ({one.why})" if one.failed else ""
        print("  ".join(filter(None, [f"{one.row.name:<95} {one.told(options.seconds):<34}", one.note, failed])))
    if options.json:
        write(options.json, json.dumps({"kubernetes": options.kubernetes_version, "etcd": options.etcd_version, "seconds": options.seconds,
                                        "rows": [one.as_json() for one in measurements]}, indent=1) + "\n")
    wrong = []
    if options.table:
        promised = promises(options.table, {"kubernetes": options.kubernetes_version, "etcd": options.etcd_version})
        wrong = list(disagreements(measurements, promised, options.seconds))
    print("\n".join(wrong))
    sys.exit(bool(wrong) or any(one.unmeasured for one in measurements))


def apart():
    """The same once more, in namespaces of its own: with its first process all others end, and all mounts, addresses and rules go."""
    scratch = tempfile.mkdtemp(prefix="khw-reloads.")
    try:
        return subprocess.run(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                               sys.executable, *sys.argv, "--within", scratch], check=False).returncode
    finally:
        os.rmdir(scratch)


if __name__ == "__main__":
    main()
