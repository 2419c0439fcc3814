#!/bin/sh
# The load balancer's own install.sh puts the stream file into an nginx.conf as Debian ships it; nginx accepts it, and TCP
# connections go through it to both masters.
#
# usage: nginx_stream.sh OUT NGINX; needs root and iproute2. Prints "accepted" and "passed through" on success.
set -eu
out=$1
nginx=$2
work=$(mktemp -d)
export out nginx work
trap 'rm -rf "$work"' EXIT
modules=
for module in /usr/lib/nginx/modules/ngx_stream_module.so /usr/share/nginx/modules/ngx_stream_module.so; do
    [ -f "$module" ] && modules="load_module $module;"
done
mkdir -p "$work/etc/nginx" "$work/log"
cat >"$work/etc/nginx/nginx.conf" <<CONF
$modules
user root;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/log/error.log;
events { worker_connections 64; }
http { access_log off; }
CONF
# No line end at the end of the file: install.sh must cope.
printf '# the end' >>"$work/etc/nginx/nginx.conf"

# Whatever is left of it ends with the shell, the first process of its own process namespace.
# shellcheck disable=SC2016
unshare --net --mount --pid --fork --kill-child sh -eu -c '
    ip link set lo up
    for address in 10.128.15.221 10.128.15.222 10.128.15.226; do
        ip addr add "$address/32" dev lo
    done
    mkdir -p /etc/nginx
    mount --bind "$work/etc/nginx" /etc/nginx
    mkdir -p /var/backups
    mount -t tmpfs none /var/backups
    mkdir -p "$work/path"
    ln -s "$nginx" "$work/path/nginx"
    # No systemctl in reach: this machine has no such unit.
    for tool in sh cat cp mv rm mkdir chmod chown stat grep cut tail dirname sha256sum uname id ln date readlink sync; do
        ln -s "$(command -v $tool)" "$work/path/$tool"
    done
    PATH=$work/path DESTDIR=/ "$out/lb/install.sh" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    grep -qx "include /etc/nginx/tcpconf.d/\*.conf;" /etc/nginx/nginx.conf
    PATH=$work/path DESTDIR=/ "$out/lb/install.sh" >"$work/again" 2>&1 || { cat "$work/again" >&2; exit 1; }
    grep -q "nothing to change" "$work/again"
    "$nginx" -t -q
    echo accepted
    python3 - >"$work/backends" 2>&1 <<PYTHON &
import socketserver, threading
class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.server.server_address[0].encode() + b"\n")
servers = [socketserver.ThreadingTCPServer((a, 6443), Greeter) for a in ("10.128.15.221", "10.128.15.222")]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
PYTHON
    sed -i "s/listen 6443;/listen 10.128.15.226:6443;/" /etc/nginx/tcpconf.d/kubernetes.conf
    # nginx starts when both answer: it would leave alone for ten seconds what did not.
    python3 - <<PYTHON
import socket, time
for address in ("10.128.15.221", "10.128.15.222"):
    for attempt in range(300):
        try:
            socket.create_connection((address, 6443), timeout=2).close()
            break
        except OSError:
            time.sleep(0.1)
PYTHON
    "$nginx" >"$work/nginx" 2>&1 </dev/null
    python3 - <<PYTHON
import socket, time
seen = set()
for attempt in range(300):
    try:
        with socket.create_connection(("10.128.15.226", 6443), timeout=2) as connection:
            seen.add(connection.makefile().readline().strip())
    except OSError:
        pass
    time.sleep(0.1)
    if seen >= {"10.128.15.221", "10.128.15.222"}:
        break
assert seen >= {"10.128.15.221", "10.128.15.222"}, seen
print("passed through")
PYTHON
'
