#!/bin/sh
# Two load balancers with the compiler's keepalived.conf, each in a network namespace of its own: keepalived accepts the
# file, one of them has the virtual addresses, the other gets them when it stops, and keeps them when it is back.
#
# usage: keepalived.sh OUT KEEPALIVED; needs root and iproute2. Prints "accepted", "ends without its interface", "one has them", "moved"
# and "stayed".
# That the balancing program runs is told by the kernel to the first network namespace only, so that part is taken out for
# the run, not for the check.
set -eu
out=$1
keepalived=$2
work=$(mktemp -d)
n=khwka$$

cleanup() {
    for ns in "$n-1" "$n-2"; do
        # shellcheck disable=SC2046
        kill $(ip netns pids "$ns" 2>/dev/null) 2>/dev/null || true
    done
    sleep 0.5
    ip netns del "$n-1" 2>/dev/null || true
    ip netns del "$n-2" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT INT TERM

ip netns add "$n-1"
ip netns add "$n-2"
# The specification gives lb1 eth0 and lb2 ens3.
ip link add eth0 netns "$n-1" type veth peer name ens3 netns "$n-2"
device() { if [ "$1" = 1 ]; then echo eth0; else echo ens3; fi; }
for i in 1 2; do
    ip -n "$n-$i" link set lo up
    ip -n "$n-$i" addr add "10.0.0.$((i + 5))/24" dev "$(device $i)"
    ip -n "$n-$i" addr add "fd00::$((i + 5))/64" dev "$(device $i)" nodad
    ip -n "$n-$i" link set "$(device $i)" up
    conf=$out/lb$i/rootfs/etc/keepalived/keepalived.conf
    ip netns exec "$n-$i" "$keepalived" -t -f "$conf" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    if [ -s "$work/said" ]; then
        cat "$work/said" >&2
        exit 1
    fi
    sed '/track_process {/,/}/d; /^vrrp_track_process/,/^}/d' "$conf" >"$work/lb$i.conf"
done
# It does see a mistake.
sed 's/virtual_router_id 51/virtual_router_id none/' "$work/lb1.conf" >"$work/wrong.conf"
if ip netns exec "$n-1" "$keepalived" -t -f "$work/wrong.conf" >/dev/null 2>&1; then
    echo "keepalived takes a wrong file" >&2
    exit 1
fi
echo accepted
# It does not wait for an interface that is late.
waited=0
timeout 20 unshare --net "$keepalived" --dont-fork --log-console --vrrp --use-file="$work/lb1.conf" --pid="$work/pid0" --vrrp_pid="$work/vrrp0" >"$work/said" 2>&1 ||
    waited=$?
if [ "$waited" = 0 ] || [ "$waited" = 124 ] || ! grep -q "eth0 .*doesn't exist" "$work/said"; then
    echo "keepalived waits for its interface" >&2
    cat "$work/said" >&2
    exit 1
fi
echo "ends without its interface"

start() {
    ip netns exec "$n-$1" "$keepalived" --dont-fork --log-console --vrrp --use-file="$work/lb$1.conf" \
        --pid="$work/pid$1" --vrrp_pid="$work/vrrp$1" >"$work/log$1" 2>&1 &
}
has() {
    # namespace: which of the two addresses it has
    ip -n "$n-$1" -brief addr show dev "$(device "$1")" | tr ' ' '\n' | grep -Ec '^(10[.]0[.]0[.]100/32|fd00::100/128)$' || true
}
wait_for() {
    # what lb1 has, what lb2 has
    tries=0
    until [ "$(has 1) $(has 2)" = "$1 $2" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 120 ]; then
            echo "lb1 has $(has 1) and lb2 $(has 2), not $1 and $2" >&2
            tail -n 30 "$work/log1" "$work/log2" >&2
            exit 1
        fi
        sleep 0.25
    done
}
start 1
wait_for 2 0
start 2
sleep 5
wait_for 2 0
echo "one has them"
kill "$(cat "$work/pid1")"
wait_for 0 2
echo moved
start 1
sleep 6
wait_for 0 2
echo stayed
