#!/bin/sh
# The load balancer's own install.sh puts haproxy's file in place and has haproxy check it; connections of both families go
# through it to both API servers, until one says that it is not ready.
#
# usage: haproxy.sh OUT HAPROXY; needs root, iproute2 and python3. Prints "accepted", "passed through" and "left out" on
# success. The API servers are stand-ins that show the cluster's own certificates.
set -eu
out=$1
haproxy=$2
work=$(mktemp -d)
export out haproxy work
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc/haproxy" "$work/path"
# shellcheck disable=SC2016
unshare --net --mount --pid --fork --kill-child sh -eu -c '
    ip link set lo up
    for address in 10.0.0.6 10.0.0.11 10.0.0.12; do
        ip addr add "$address/32" dev lo
    done
    mkdir -p /etc/haproxy /etc/keepalived /var/backups
    mount --bind "$work/etc/haproxy" /etc/haproxy
    mount -t tmpfs none /etc/keepalived
    mount -t tmpfs none /var/backups
    ln -s "$haproxy" "$work/path/haproxy"
    # No systemctl in reach, and a keepalived that says yes to what another test shows it.
    ln -s /bin/true "$work/path/keepalived"
    for tool in sh cat cp mv rm mkdir chmod chown stat grep cut tail dirname sha256sum uname id ln date readlink sync; do
        ln -s "$(command -v $tool)" "$work/path/$tool"
    done
    PATH=$work/path DESTDIR=/ "$out/lb1/install.sh" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    "$haproxy" -c -q -f /etc/haproxy/haproxy.cfg
    # It does see a mistake, and so does install.sh.
    cp -r "$out/lb1" "$work/lb1"
    cfg=$work/lb1/rootfs/etc/haproxy/haproxy.cfg
    sum=$(sha256sum <"$cfg" | cut -d " " -f 1)
    sed -i "s/mode tcp/mode pct/" "$cfg"
    sed -i "s/$sum/$(sha256sum <"$cfg" | cut -d " " -f 1)/" "$work/lb1/MANIFEST"
    if PATH=$work/path DESTDIR=/ "$work/lb1/install.sh" >"$work/said" 2>&1; then
        echo "install.sh takes a file that haproxy refuses" >&2
        exit 1
    fi
    grep -q "haproxy refuses" "$work/said"
    PATH=$work/path DESTDIR=/ "$out/lb1/install.sh" >"$work/said" 2>&1
    echo accepted
    python3 - >"$work/backends" 2>&1 <<PYTHON &
import os, http.server, socketserver, ssl, threading, time
work, out = os.environ["work"], os.environ["out"]
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        address = self.server.server_address[0]
        sick = os.path.exists(f"{work}/sick-{address}")
        body = address.encode()
        self.send_response(500 if sick and self.path.endswith("z") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
for host, address in (("cp1", "10.0.0.11"), ("cp2", "10.0.0.12")):
    server = Server((address, 6443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = f"{out}/{host}/rootfs/var/lib/kubernetes"
    pem = next(f"{folder}/{name}" for name in ("apiserver.pem", "kubernetes.pem") if os.path.exists(f"{folder}/{name}"))
    context.load_cert_chain(pem, pem.replace(".pem", "-key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
PYTHON
    # The stand-ins have the port themselves, so haproxy listens on one address of each family.
    sed -i "s/bind 0.0.0.0:6443/bind 10.0.0.6:6443/; s/bind \[::\]:6443/bind [::1]:6443/; s/inter 2s/inter 200ms/" /etc/haproxy/haproxy.cfg
    "$haproxy" -f /etc/haproxy/haproxy.cfg >"$work/haproxy" 2>&1 </dev/null &
    python3 - <<PYTHON
import http.client, os, ssl, time
work = os.environ["work"]
context = ssl._create_unverified_context()
def ask(address):
    try:
        connection = http.client.HTTPSConnection(address, 6443, timeout=3, context=context)
        connection.request("GET", "/version")
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer
    except (OSError, http.client.HTTPException):
        return None
both = {"10.0.0.11", "10.0.0.12"}
for address in ("10.0.0.6", "::1"):
    seen = set()
    for attempt in range(300):
        seen.add(ask(address))
        if seen >= both:
            break
        time.sleep(0.1)
    assert seen >= both, (address, seen, open(f"{work}/haproxy").read(), open(f"{work}/backends").read())
print("passed through", flush=True)
open(f"{work}/sick-10.0.0.11", "w").close()
for attempt in range(300):
    if {ask("10.0.0.6") for _ in range(6)} == {"10.0.0.12"}:
        print("left out")
        break
    time.sleep(0.1)
else:
    raise SystemExit("an API server that is not ready still gets connections")
PYTHON
'
