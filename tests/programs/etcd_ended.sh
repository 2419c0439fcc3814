#!/bin/sh
# Two members of etcd whose certificates have ended (etcd_members.sh): with renewed files on one of them there is no leader yet, with
# renewed files on both there is, and nothing was started again.
#
# usage: etcd_ended.sh ENDED RENEWED ETCD ETCDCTL; needs root and iproute2. Prints "alone it waits" and "together they are well" on success.
set -eu
out=$1
renewed=$2
etcd=$3
etcdctl=$4
# shellcheck source=tests/programs/etcd_members.sh
. "$(dirname "$0")/etcd_members.sh"

renew() {
    DESTDIR=$work/m$1 sh "$renewed/master$1/install.sh" >/dev/null
}

# As the plan waits, on the first member.
is_well() {
    # shellcheck disable=SC2086
    ctl 1 $tls endpoint health --cluster >/dev/null 2>&1
}

start 1
start 2
renew 1
tries=0
while [ "$tries" -lt 5 ]; do
    if is_well; then
        echo "one member is well beside another whose certificate has ended" >&2
        exit 1
    fi
    tries=$((tries + 1))
    sleep 1
done
echo alone it waits
renew 2
until_well is_well
echo together they are well
