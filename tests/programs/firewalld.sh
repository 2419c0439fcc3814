#!/bin/sh
# The commands of an INSTALL.md for firewalld, given to the real one, on a bus of its own, in a namespace that it believes to be its machine:
# a node with a pod, and another machine. Who reaches whom is seen by connections of TCP: packets of ICMP firewalld lets pass.
#
# What firewalld 1.3.3 was seen to do: its chain is after those of others, which it does not ask, and ends with a rejection. So packets to
# pods are turned away, whatever another table accepts.
#
# usage: firewalld.sh INSTALL.md POD_ROUTES; of a worker whose pods have 10.200.0.0/24 of 10.200.0.0/16. Needs root, iproute2, nftables,
# python3, dbus-daemon and firewalld. Prints a line for each thing that holds.
set -eu
# Under the clock of another day (tests/at-time.sh) the bus fails, and nothing here depends on the day.
unset LD_PRELOAD
instructions=$(readlink -f "$1")
pod_routes=$(readlink -f "$2")
n=khwf$$
work=$(mktemp -d)
bus=
daemon=

cleanup() {
    for pid in $daemon $bus; do
        kill "$pid" 2>/dev/null || true
    done
    for ns in "$n-node" "$n-peer" "$n-pod"; do
        # shellcheck disable=SC2046
        kill -9 $(ip netns pids "$ns" 2>/dev/null) 2>/dev/null || true
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT INT TERM

fail() {
    echo "$1" >&2
    ip netns exec "$n-node" nft list ruleset >&2
    cat "$work/bus" "$work/daemon" >&2
    exit 1
}

for ns in node peer pod; do
    ip netns add "$n-$ns"
    ip -n "$n-$ns" link set lo up
done
ip link add eth0 netns "$n-node" type veth peer name eth0 netns "$n-peer"
ip link add cni0 netns "$n-node" type veth peer name eth0 netns "$n-pod"
ip -n "$n-node" addr add 10.0.0.1/24 dev eth0
ip -n "$n-node" link set eth0 up
ip -n "$n-node" addr add 10.200.0.1/24 dev cni0
ip -n "$n-node" link set cni0 up
ip -n "$n-peer" addr add 10.0.0.2/24 dev eth0
ip -n "$n-peer" link set eth0 up
ip -n "$n-peer" addr add 10.200.1.1/32 dev lo
ip -n "$n-peer" route add 10.200.0.0/24 via 10.0.0.1
ip -n "$n-pod" addr add 10.200.0.2/24 dev eth0
ip -n "$n-pod" link set eth0 up
ip -n "$n-pod" route add default via 10.200.0.1
ip netns exec "$n-node" sh "$pod_routes" --every=0 --own=10.200.0.0/24 --cluster=10.200.0.0/16 --route=10.200.1.0/24@10.0.0.2 >"$work/routes"

# Who accepts connections: a pod at 80, the kubelet's port of the node, and one that nobody opens.
listen() {
    ip netns exec "$n-$1" python3 -c '
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    listener.accept()[0].close()' "$2" "$3" &
}
listen pod 10.200.0.2 80
listen node 0.0.0.0 10250
listen node 0.0.0.0 10251
# from where, whom
reaches() {
    ip netns exec "$n-$1" python3 -c '
import socket, sys
socket.create_connection((sys.argv[2], int(sys.argv[3])), 2, (sys.argv[1], 0))' "$2" "$3" "$4" 2>/dev/null
}
tells() {
    told=
    reaches peer 10.0.0.2 10.200.0.2 80 && told="$told control-plane-to-pod"
    reaches peer 10.200.1.1 10.200.0.2 80 && told="$told pod-to-pod"
    reaches pod 10.200.0.2 10.0.0.1 10250 && told="$told pod-to-its-node"
    reaches peer 10.0.0.2 10.0.0.1 10250 && told="$told control-plane-to-kubelet"
    reaches peer 10.0.0.2 10.0.0.1 10251 && told="$told closed-port"
    echo "${told# }"
}
expect() {
    found=$(tells)
    [ "$found" = "$2" ] || fail "$1: reached are '$found' and not '$2'"
    echo "$1: ${2:-nobody is reached}"
}
tries=0
until reaches pod 10.200.0.2 10.200.0.2 80 && reaches node 127.0.0.1 127.0.0.1 10250 && reaches node 127.0.0.1 127.0.0.1 10251; do
    tries=$((tries + 1))
    [ "$tries" -lt 75 ] || fail "nobody listens"
    sleep 0.2
done
everybody="control-plane-to-pod pod-to-pod pod-to-its-node control-plane-to-kubelet"
: >"$work/bus"
: >"$work/daemon"
expect "without firewalld" "$everybody closed-port"

bus_conf=$(cd "$(dirname "$0")" && pwd)/system-bus.conf
# A machine as it comes: what firewalld was told here before is not seen, and nothing stays of what it is told.
# shellcheck disable=SC2016
ip netns exec "$n-node" unshare --mount sh -euc '
    mount -t tmpfs none /run
    mkdir -p /run/dbus
    mount -t tmpfs none /var/log
    mount -t tmpfs none /etc/firewalld
    mkdir -p /etc/firewalld/zones /etc/firewalld/policies /etc/firewalld/services
    exec dbus-daemon --config-file="$1" --nofork --nopidfile
' sh "$bus_conf" >"$work/bus" 2>&1 &
bus=$!
as_machine() {
    nsenter --target "$bus" --mount --net "$@"
}
within_time() {
    said=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || fail "not within time: $said"
        sleep 0.2
    done
}
within_time "the bus" as_machine test -S /run/dbus/system_bus_socket
nsenter --target "$bus" --mount --net firewalld --nofork --nopid >>"$work/daemon" 2>&1 &
daemon=$!
within_time "firewalld" as_machine firewall-cmd --state
echo "firewalld $(as_machine firewall-cmd --version)"
expect "firewalld as it comes" ""

sed -n '/^## Where firewalld runs/,/^## Look/s/^    //p' "$instructions" >"$work/commands"
grep -q '^firewall-cmd --reload$' "$work/commands" || fail "no commands in $instructions"
as_machine sh -eu "$work/commands" >>"$work/daemon" 2>&1 || fail "firewalld refuses"
expect "after the commands of INSTALL.md" "$everybody"
