#!/bin/sh
# A two-member etcd cluster from the walk-through's bundles (etcd_members.sh).
#
# usage: etcd_cluster.sh OUT ETCD ETCDCTL; needs root and iproute2. Prints "elected", "refused" and "answered" on success.
set -eu
out=$1
etcd=$2
etcdctl=$3
# shellcheck source=tests/programs/etcd_members.sh
. "$(dirname "$0")/etcd_members.sh"

start 1
start 2
# shellcheck disable=SC2086
until_well ctl 1 $tls endpoint health
# shellcheck disable=SC2086
ctl 1 $tls member list | grep -c started | grep -qx 2 && echo elected

# A client without a certificate is turned away, over TLS with the right CA.
if ctl 2 --cacert="$work/m1/etc/etcd/ca.pem" get x >/dev/null 2>"$work/refused"; then
    echo "a client without a certificate was let in" >&2
    exit 1
fi
echo refused

# What one member is told, the other answers, by its own address.
# shellcheck disable=SC2086
ctl 1 $tls put greeting hello >/dev/null
# shellcheck disable=SC2086
ETCDCTL_API=3 ip netns exec "$n-1" "$etcdctl" --endpoints=https://10.128.15.222:2379 $tls get greeting --print-value-only | grep -qx hello && echo answered
