#!/bin/sh
# pod-routes.sh beside the daemon that configures the node's interface: the real one, on a bus of its own, in a namespace that it
# believes to be its machine. Each thing that the daemon does is seen from a pod, not only in a table.
#
# What they were seen to do: networkd 252 takes every foreign route of the interface away when it configures it anew (networkctl
# reconfigure, or reload of a changed file), and leaves them when it is restarted. NetworkManager 1.42 does so on `connection up`, and
# leaves them on `device reapply` and when it is restarted.
#
# usage: pod_routes_beside.sh SCRIPT networkd|NetworkManager; needs root, iproute2, nftables, ping, dbus-daemon and the daemon.
# Prints a line for each thing that holds, and in it whether the daemon took the routes to the pods away.
set -eu
# Under the clock of another day (tests/at-time.sh) networkd's event loop fails, and nothing here depends on the day.
unset LD_PRELOAD
script=$(readlink -f "$1")
daemon_name=$2
n=khwd$$
work=$(mktemp -d)
log=$work/pod-routes
keeper=
daemon=
bus=

cleanup() {
    for pid in $keeper $daemon $bus; do
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
    on_node ip route >&2
    on_node ip -6 route >&2
    cat "$log" "$work/bus" "$work/daemon" >&2
    exit 1
}

# Within 15 seconds a command succeeds.
within_time() {
    said=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 75 ] || fail "not within time: $said"
        sleep 0.2
    done
}

on_node() {
    ip netns exec "$n-node" "$@"
}

for ns in node peer pod; do
    ip netns add "$n-$ns"
    ip -n "$n-$ns" link set lo up
done
ip link add eth0 netns "$n-node" type veth peer name eth0 netns "$n-peer"
ip link add cni0 netns "$n-node" type veth peer name eth0 netns "$n-pod"
ip -n "$n-peer" addr add 10.0.0.2/24 dev eth0
ip -n "$n-peer" addr add fd00::2/64 dev eth0 nodad
ip -n "$n-peer" link set eth0 up
ip -n "$n-node" addr add 10.200.0.1/24 dev cni0
ip -n "$n-node" addr add fd00:200::1/64 dev cni0 nodad
ip -n "$n-node" link set cni0 up
ip -n "$n-pod" addr add 10.200.0.2/24 dev eth0
ip -n "$n-pod" addr add fd00:200::2/64 dev eth0 nodad
ip -n "$n-pod" link set eth0 up
ip -n "$n-pod" route add default via 10.200.0.1
ip -n "$n-pod" route add default via fd00:200::1
# The other node has pods, and behind it is a stranger, who knows no way to this node's pods.
ip -n "$n-peer" addr add 10.200.1.1/32 dev lo
ip -n "$n-peer" addr add fd00:200:0:1::1/128 dev lo nodad
ip -n "$n-peer" addr add 192.0.2.1/32 dev lo
ip -n "$n-peer" addr add 2001:db8::1/128 dev lo nodad
ip -n "$n-peer" route add 10.200.0.0/24 via 10.0.0.1
ip -n "$n-peer" route add fd00:200::/64 via fd00::1
ip netns exec "$n-peer" sh -c 'ip rule add from 192.0.2.1 to 10.200.0.0/16 prohibit; ip -6 rule add from 2001:db8::1 to fd00:200::/56 prohibit'

# A machine as the daemons want it: folders of its own, and /sys read-only, which says that there is no udev to wait for.
bus_conf=$(cd "$(dirname "$0")" && pwd)/system-bus.conf
: >"$log"
: >"$work/daemon"
# In the background stand programs alone and no functions, so that what is ended is the program itself.
# shellcheck disable=SC2016
ip netns exec "$n-node" unshare --mount sh -euc '
    mount -t tmpfs none /run
    mkdir -p /run/dbus /run/systemd/netif /run/systemd/network
    chown systemd-network:systemd-network /run/systemd/netif 2>/dev/null || :
    mount -t tmpfs none /var/lib
    mount -o remount,bind,ro /sys
    exec dbus-daemon --config-file="$1" --nofork --nopidfile
' sh "$bus_conf" >"$work/bus" 2>&1 &
bus=$!
as_machine() {
    nsenter --target "$bus" --mount --net "$@"
}
within_time "the bus" as_machine test -S /run/dbus/system_bus_socket

# What each of them is told, and how it is started.
case $daemon_name in
    networkd)
        as_machine sh -c 'cat >/run/systemd/network/eth0.network' <<'END'
[Match]
Name=eth0
[Network]
Address=10.0.0.1/24
Address=fd00::1/64
IPv6AcceptRA=no
[Route]
Destination=192.0.2.1/32
Gateway=10.0.0.2
[Route]
Destination=2001:db8::1/128
Gateway=fd00::2
END
        program=/lib/systemd/systemd-networkd
        $program --version | head -n 1
        ;;
    NetworkManager)
        as_machine sh -c '
            umask 077
            mkdir -p /run/NetworkManager/ours
            cat >/run/NetworkManager/ours.conf
        ' <<'END'
[main]
plugins=keyfile
no-auto-default=*
dns=none
[device]
match-device=interface-name:eth0
managed=1
[keyfile]
path=/run/NetworkManager/ours
unmanaged-devices=except:interface-name:eth0
END
        as_machine sh -c 'umask 077; cat >/run/NetworkManager/ours/eth0.nmconnection' <<'END'
[connection]
id=eth0
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=10.0.0.1/24
route1=192.0.2.1/32,10.0.0.2
[ipv6]
method=manual
address1=fd00::1/64
route1=2001:db8::1/128,fd00::2
END
        program=NetworkManager
        echo "NetworkManager $($program --version)"
        ;;
esac
start_daemon() {
    case $daemon_name in
        networkd) nsenter --target "$bus" --mount --net "$program" >>"$work/daemon" 2>&1 & ;;
        NetworkManager) nsenter --target "$bus" --mount --net "$program" --no-daemon --config=/run/NetworkManager/ours.conf >>"$work/daemon" 2>&1 & ;;
    esac
    daemon=$!
}
configured() {
    on_node ip route get 192.0.2.1 | grep -q 'via 10.0.0.2 dev eth0' && on_node ip -6 route get 2001:db8::1 | grep -q 'via fd00::2 dev eth0'
}
start_daemon
within_time "$daemon_name configures the interface" configured
echo "$daemon_name runs"

ip netns exec "$n-node" sh "$script" --every=1 --own=10.200.0.0/24 --own=fd00:200::/64 --cluster=10.200.0.0/16 --cluster=fd00:200::/56 \
    --route=10.200.1.0/24@10.0.0.2 --route=fd00:200:0:1::/64@fd00::2 >>"$log" 2>&1 &
keeper=$!
all_answer() {
    for address in 10.200.1.1 fd00:200:0:1::1 192.0.2.1 2001:db8::1; do
        ip netns exec "$n-pod" ping -c 1 -W 1 "$address" || return 1
    done
}
within_time "routes and NAT" all_answer
echo "routes and NAT"

# How often a route was put in place.
puts() {
    grep -c '^pod-routes: .* goes via ' "$log" || true
}
# name, then what is done: that what it takes away comes back is seen when it has had the time to take it away.
after() {
    name=$1 before=$(puts)
    shift
    "$@" >>"$work/daemon" 2>&1 || fail "$daemon_name refuses: $name"
    sleep 3
    within_time "$daemon_name has configured the interface: $name" configured
    within_time "after $name" all_answer
    if [ "$(puts)" -gt "$before" ]; then
        echo "after $name, which took routes away"
    else
        echo "after $name, which took nothing away"
    fi
}
restart() {
    kill "$daemon"
    wait "$daemon" || true
    start_daemon
}
case $daemon_name in
    networkd)
        after "networkctl reconfigure" as_machine networkctl reconfigure eth0
        other_mtu() {
            as_machine sh -c 'printf "[Link]\nMTUBytes=1400\n" >>/run/systemd/network/eth0.network; exec networkctl reload'
        }
        after "networkctl reload of a changed file" other_mtu
        ;;
    NetworkManager)
        after "nmcli device reapply" as_machine nmcli device reapply eth0
        after "nmcli connection up" as_machine nmcli connection up eth0
        other_mtu() {
            as_machine nmcli connection modify eth0 802-3-ethernet.mtu 1400 && as_machine nmcli device reapply eth0
        }
        after "nmcli device reapply of a changed connection" other_mtu
        ;;
esac
after "a restart" restart
echo "everything came back"
