#!/bin/sh
# pod-routes.sh in network namespaces, against those who take away what it put there: a node with a pod, and another node. Each thing
# that is put back is seen from the pod, not only in a table.
#
# usage: pod_routes.sh SCRIPT nft|iptables; needs root, iproute2 and the program. Prints a line for each thing that holds.
set -eu
script=$(readlink -f "$1")
with=$2
n=khwr$$
log=$(mktemp)
pid=

cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    for ns in "$n-node" "$n-peer" "$n-pod"; do
        # shellcheck disable=SC2046
        kill $(ip netns pids "$ns" 2>/dev/null) 2>/dev/null || true
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -f "$log" "$asked" "$asked_for"
}
trap cleanup EXIT INT TERM

for ns in node peer pod; do
    ip netns add "$n-$ns"
    ip -n "$n-$ns" link set lo up
done
ip link add eth0 netns "$n-node" type veth peer name eth0 netns "$n-peer"
ip link add cni0 netns "$n-node" type veth peer name eth0 netns "$n-pod"
up() {
    # namespace, interface, addresses
    ns=$n-$1 interface=$2
    shift 2
    for address in "$@"; do
        ip -n "$ns" addr add "$address" dev "$interface" nodad 2>/dev/null || ip -n "$ns" addr add "$address" dev "$interface"
    done
    ip -n "$ns" link set "$interface" up
}
up node eth0 10.0.0.1/24 fd00::1/64
up peer eth0 10.0.0.2/24 fd00::2/64
up node cni0 10.200.0.1/24 fd00:200::1/64
up pod eth0 10.200.0.2/24 fd00:200::2/64
ip -n "$n-peer" addr add 10.200.1.1/32 dev lo
ip -n "$n-peer" addr add fd00:200:0:1::1/128 dev lo nodad
# The other node knows the way back to this node's pods; to strangers this node's pods are the node.
ip -n "$n-peer" route add 10.200.0.0/24 via 10.0.0.1
ip -n "$n-peer" route add fd00:200::/64 via fd00::1
ip -n "$n-peer" addr add 192.0.2.1/32 dev lo
ip -n "$n-peer" addr add 2001:db8::1/128 dev lo nodad
ip -n "$n-node" route add 192.0.2.1 via 10.0.0.2
ip -n "$n-node" route add 2001:db8::1 via fd00::2
ip -n "$n-pod" route add default via 10.200.0.1
ip -n "$n-pod" route add default via fd00:200::1
on_node() {
    ip netns exec "$n-node" "$@"
}
on_node sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
# What was drained for others may be dropped: only a masqueraded packet comes back from a stranger.
ip netns exec "$n-peer" sh -c 'ip rule add from 192.0.2.1 to 10.200.0.0/16 prohibit; ip -6 rule add from 2001:db8::1 to fd00:200::/56 prohibit'

# What systemd is asked is written down in the place of its own program.
asked=$(mktemp)
asked_for=$(mktemp)
printf '#!/bin/sh\necho "$*" >>%s\n' "$asked" >"$asked_for"
chmod 755 "$asked_for"

# In the background stands a program alone and no function, so that what is ended is the program itself, and puts nothing back.
begin() {
    # shellcheck disable=SC2016
    ip netns exec "$n-node" unshare --mount sh -c '
        if [ "$1" = iptables ]; then mount --bind /dev/null "$(readlink -f "$(command -v nft)")" 2>/dev/null || :; fi
        mount --bind "$2" "$(readlink -f "$(command -v systemctl)")"
        shift 2
        exec sh "$@"
    ' sh "$with" "$asked_for" "$script" --every=1 --own=10.200.0.0/24 --own=fd00:200::/64 --cluster=10.200.0.0/16 --cluster=fd00:200::/56 "$@" >>"$log" 2>&1 &
    pid=$!
}

answers() {
    # the pod reaches an address
    ip netns exec "$n-pod" ping -c 1 -W 1 "$1" >/dev/null 2>&1
}

all_answer() {
    answers 10.200.1.1 && answers fd00:200:0:1::1 && answers 192.0.2.1 && answers 2001:db8::1
}

holds() {
    tries=0
    until all_answer; do
        tries=$((tries + 1))
        if [ "$tries" -gt 8 ]; then
            echo "not within time: $1" >&2
            for address in 10.200.1.1 fd00:200:0:1::1 192.0.2.1 2001:db8::1; do
                answers "$address" || echo "the pod does not reach $address" >&2
            done
            on_node ip route >&2
            on_node ip -6 route >&2
            cat "$log" >&2
            exit 1
        fi
    done
    echo "$1"
}

all_answer && { echo "the pod reaches everybody before anything was done" >&2; exit 1; }
begin --route=10.200.1.0/24@10.0.0.2 --route=fd00:200:0:1::/64@fd00::2 --route=10.200.9.0/24@10.0.0.2
holds "routes, NAT and forwarding"
[ "$(on_node cat /proc/sys/net/ipv6/conf/eth0/accept_ra)" = 2 ] && echo "routers are listened to"

on_node ip link set eth0 down
on_node ip link set eth0 up
on_node ip addr replace fd00::1/64 dev eth0 nodad
on_node ip route replace 192.0.2.1 via 10.0.0.2
on_node ip route replace 2001:db8::1 via fd00::2
holds "after the link was down"

on_node ip route flush proto 107
on_node ip -6 route flush proto 107
holds "after foreign routes were flushed"

on_node sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
holds "after forwarding was switched off"

if [ "$with" = nft ]; then
    on_node nft flush ruleset
    holds "after the ruleset was flushed"
    on_node nft -f - <<END
table inet filter {
    chain forward { type filter hook forward priority 0; policy drop; }
}
END
    holds "under a policy of nft that drops"
    on_node nft flush ruleset
    holds "after it was reloaded"
    # kube-proxy's tables may be made late, but what was there and is gone is made anew.
    sleep 2
    [ ! -s "$asked" ] || { echo "kube-proxy is restarted before it had tables" >&2; exit 1; }
    on_node nft add table ip kube-proxy
    sleep 2
    [ ! -s "$asked" ] || { echo "kube-proxy is restarted beside its tables" >&2; exit 1; }
    on_node nft flush ruleset
    holds "after the tables of kube-proxy went too"
    sleep 2
    [ "$(cat "$asked")" = "is-active -q kube-proxy
restart kube-proxy" ] || { echo "not restarted once:" >&2; cat "$asked" >&2; exit 1; }
    echo "kube-proxy makes its tables anew"
else
    on_node iptables -w -t nat -F
    on_node ip6tables -w -t nat -F
    holds "after the rules were flushed"
fi
if command -v iptables >/dev/null; then
    on_node iptables -w -P FORWARD DROP
    on_node ip6tables -w -P FORWARD DROP
    holds "under a policy of iptables that drops"
    on_node iptables -w -F
    on_node ip6tables -w -F
    holds "after the firewall was reloaded"
fi

# Nothing is done twice, and nothing that is right is touched.
before=$(wc -l <"$log")
sleep 3
[ "$(wc -l <"$log")" = "$before" ] || { echo "it goes on changing what is right" >&2; cat "$log" >&2; exit 1; }
echo "quiet when all is right"

kill "$pid"
wait "$pid" 2>/dev/null || true
begin --route=10.200.1.0/24@10.0.0.2 --route=fd00:200:0:1::/64@fd00::2
holds "with a node less"
tries=0
while on_node ip route show proto 107 | grep -q '^10.200.9.0/24'; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || { echo "the route to the node that is gone stays" >&2; exit 1; }
    sleep 0.2
done
echo "a route that is not wanted goes"
