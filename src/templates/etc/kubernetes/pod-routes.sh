#!/bin/sh
# Keeps what the pods of this cluster need of a host's network: the routes to the pods of other nodes, and on a node that its pods
# are the node to everybody else, that their packets are forwarded, and that kube-proxy's tables are there.
#
#   pod-routes.sh [--own=RANGE]... [--cluster=RANGE]... [--route=RANGE@ADDRESS]... [--every=SECONDS]
#
# The kernel's tables have other writers: who configures an interface anew or reloads a firewall takes away what is not its own. So this
# looks again every few seconds, puts back what is missing, and says so. With --every=0 it does that once.
set -u
LC_ALL=C
export LC_ALL
PATH=/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin

# Routes of this number are ours (rtnetlink(7), rtm_protocol: what is above RTPROT_STATIC is for routing daemons).
protocol=107
table=khw_gen_pods

own=
cluster=
routes=
every=5
for argument in "$@"; do
    case $argument in
        --own=*) own="$own ${argument#*=}" ;;
        --cluster=*) cluster="$cluster ${argument#*=}" ;;
        --route=*) routes="$routes ${argument#*=}" ;;
        --every=*) every=${argument#*=} ;;
        *) echo "pod-routes.sh: unknown argument $argument" >&2; exit 2 ;;
    esac
done

# What goes wrong is said once, not every few seconds.
troubles=
trouble() {
    now_troubled="$now_troubled|$1"
    case "$troubles|" in
        *"|$1|"*) ;;
        *) echo "pod-routes: $1" >&2 ;;
    esac
}

have() {
    command -v "$1" >/dev/null 2>&1
}

family_of() {
    case $1 in
        *:*) echo 6 ;;
        *) echo 4 ;;
    esac
}

# Of a list, those of one family.
of_family() {
    family=$1
    shift
    for range in "$@"; do
        [ "$(family_of "$range")" != "$family" ] || echo "$range"
    done
}

reconcile_routes() {
    for f in 4 6; do
        there=" $(ip "-$f" route show proto "$protocol" 2>/dev/null | awk '{ printf "%s@%s ", $1, $3 }')"
        wanted=" "
        # Both are lists of words.
        # shellcheck disable=SC2086
        for route in $(of_family "$f" $routes); do
            wanted="$wanted$route "
            case $there in
                *" $route "*) continue ;;
            esac
            if ip "-$f" route replace "${route%@*}" via "${route#*@}" proto "$protocol" 2>/dev/null; then
                echo "pod-routes: ${route%@*} goes via ${route#*@}"
            else
                trouble "${route%@*} can't go via ${route#*@} now"
            fi
        done
        for route in $there; do
            case $wanted in
                *" $route "*) ;;
                *) ip "-$f" route del "${route%@*}" proto "$protocol" 2>/dev/null && echo "pod-routes: no route to ${route%@*} any more" ;;
            esac
        done
    done
}

# To the pods of the cluster a pod is itself; to everybody else it is its node. nft has a table of our own for that, which no one
# else writes to.
masquerade_with_nft() {
    for f in 4 6; do
        # shellcheck disable=SC2086
        from=$(of_family "$f" $own)
        [ -n "$from" ] || continue
        # shellcheck disable=SC2086
        to=$(of_family "$f" $cluster | tr '\n' ',')
        [ "$f" = 4 ] && name=ip || name=ip6
        listed=$(nft list table "$name" "$table" 2>/dev/null)
        eval "kept=\${nft_$f:-}"
        # shellcheck disable=SC2154
        [ -z "$listed" ] || [ "$listed" != "$kept" ] || continue
        if {
            echo "table $name $table"
            echo "delete table $name $table"
            echo "table $name $table {"
            echo "    chain postrouting {"
            echo "        type nat hook postrouting priority 100; policy accept;"
            for range in $from; do
                echo "        $name saddr $range $name daddr != { ${to%,} } masquerade"
            done
            echo "    }"
            echo "}"
        } | nft -f - 2>/dev/null; then
            echo "pod-routes: pods of $(echo "$from" | tr '\n' ' ')are the node to everybody else"
            eval "nft_$f=\$(nft list table $name $table 2>/dev/null)"
        else
            trouble "nft takes no table of ours"
        fi
    done
}

# What iptables lacks it gets; the rest of the words are the rule.
ensure() {
    program=$1 chain_of=$2 chain=$3
    shift 3
    "$program" -w -t "$chain_of" -C "$chain" "$@" 2>/dev/null && return 0
    if "$program" -w -t "$chain_of" -A "$chain" "$@" 2>/dev/null; then
        echo "pod-routes: $program -t $chain_of -A $chain $*"
    else
        trouble "$program does not take -t $chain_of -A $chain $*"
    fi
}

iptables_of() {
    [ "$1" = 4 ] && echo iptables || echo ip6tables
}

masquerade_with_iptables() {
    for range in $own; do
        for pods in $cluster; do
            [ "$(family_of "$range")" = "$(family_of "$pods")" ] || continue
            ensure "$(iptables_of "$(family_of "$range")")" nat POSTROUTING -s "$range" ! -d "$pods" -j MASQUERADE
        done
    done
}

# A firewall that drops what it does not know stops packets between pods of different nodes; its own rules come first.
accept_forwarded() {
    for pods in $cluster; do
        f=$(family_of "$pods")
        iptables=$(iptables_of "$f")
        [ "$f" = 4 ] && name=ip || name=ip6
        if have "$iptables" && [ "$("$iptables" -w -S FORWARD 2>/dev/null | head -n 1)" = "-P FORWARD DROP" ]; then
            ensure "$iptables" filter FORWARD -s "$pods" -j ACCEPT
            ensure "$iptables" filter FORWARD -d "$pods" -j ACCEPT
        fi
        have nft || continue
        # Chains that nobody made with iptables: those it would not know how to show.
        nft list chains 2>/dev/null | awk -v name="$name" '
            $1 == "table" { family = $2; table = $3 }
            $1 == "chain" { chain = $2 }
            /hook forward/ && /policy drop/ && (family == "inet" || family == name) && chain != "FORWARD" { print family, table, chain }
        ' | while read -r family in chain; do
            listed=$(nft list chain "$family" "$in" "$chain" 2>/dev/null)
            for side in saddr daddr; do
                case $listed in
                    *"$name $side $pods accept"*) continue ;;
                esac
                nft add rule "$family" "$in" "$chain" "$name" "$side" "$pods" accept 2>/dev/null &&
                    echo "pod-routes: nft add rule $family $in $chain $name $side $pods accept"
            done
        done
    done
}

# Where a host forwards, it no longer listens to routers, unless it is told to (accept_ra=2 in ip-sysctl): its own default route
# would go.
forward() {
    for range in $own; do
        if [ "$(family_of "$range")" = 4 ]; then
            knob=/proc/sys/net/ipv4/ip_forward
        else
            knob=/proc/sys/net/ipv6/conf/all/forwarding
            for listens in /proc/sys/net/ipv6/conf/*/accept_ra; do
                [ "$(cat "$listens" 2>/dev/null)" = 1 ] || continue
                echo 2 2>/dev/null >"$listens" && echo "pod-routes: $listens is 2"
            done
        fi
        [ "$(cat "$knob" 2>/dev/null)" = 0 ] || continue
        if echo 1 2>/dev/null >"$knob"; then
            echo "pod-routes: $knob is 1"
        else
            trouble "$knob can't be set to 1"
        fi
    done
}

# In its nftables mode kube-proxy looks once an hour whether its tables are there, and says meanwhile that it is healthy. Where they were
# and are no more, as after `nft flush ruleset`, with which Debian's nftables.service reloads, a start makes them at once.
proxied=
keep_proxy() {
    tables=$(nft list tables 2>/dev/null) || return 0
    case $tables in
        *" kube-proxy"*)
            proxied=yes
            return 0
            ;;
    esac
    [ "$proxied" = yes ] || return 0
    proxied=
    systemctl is-active -q kube-proxy && systemctl restart kube-proxy && echo "pod-routes: the tables of kube-proxy were gone, so it was restarted"
}

reconcile() {
    now_troubled=
    reconcile_routes
    if [ -n "$own" ]; then
        forward
        # It may be there and the kernel may be too old for it.
        if have nft && nft list tables >/dev/null 2>&1; then
            masquerade_with_nft
        else
            masquerade_with_iptables
        fi
        accept_forwarded
        have nft && keep_proxy
    fi
    troubles=$now_troubled
}

reconcile
while [ "$every" != 0 ]; do
    sleep "$every"
    reconcile
done
