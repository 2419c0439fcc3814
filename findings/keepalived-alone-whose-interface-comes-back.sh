#!/bin/sh
# keepalived keeps an address on an interface. Where the interface is deleted and made anew while it runs, as VLANs and bonds are when
# networks are configured again, it notices, says "Entering BACKUP STATE", and takes the address again: with multicast and preemption, that
# is. With `nopreempt` or with `unicast_peer`, which most files on clouds have, it stays a backup for ever, though nobody else is there and it
# says nothing more; systemd sees a service that runs. A reload mends it. An interface that only goes down and comes up is no matter.
#
# Seen with keepalived 2.2.7 of Debian 12. Exits with 0 while this is so, with 1 when it has changed. Needs Debian 12, root, util-linux and
# iproute2.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p archives/partial root
version='1:2.2.7-1+b2'
apt-get download -qq "keepalived=$version" >/dev/null 2>&1
# What it needs and this machine lacks.
apt-get install -qq -y --download-only --no-install-recommends -o Dir::Cache::archives="$folder/archives" "keepalived=$version" >/dev/null 2>&1 || :
for package in *.deb archives/*.deb; do
    [ ! -f "$package" ] || dpkg -x "$package" root
done
PATH="$folder/root/usr/sbin:$PATH"
LD_LIBRARY_PATH="$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu"
export PATH LD_LIBRARY_PATH

# file, then what stands in the instance beside the rest
write() {
    cat >"$1" <<END
vrrp_instance one {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 200
    $2
    virtual_ipaddress {
        192.0.2.100
    }
}
END
}
unicast='unicast_src_ip 192.0.2.1
    unicast_peer {
        192.0.2.2
    }'
write multicast.conf ''
write nopreempt.conf 'nopreempt'
write unicast.conf "$unicast"
write both.conf "nopreempt
    $unicast"

cat >try.sh <<'END'
mount -t tmpfs tmpfs /run
make() {
    ip link add eth0 type veth peer name other
    ip link set other up
    ip addr add 192.0.2.1/24 dev eth0
    ip link set eth0 up
}
has() {
    ip addr show dev eth0 | grep -q 192.0.2.100 && printf yes || printf no
}
make
keepalived --dont-fork --log-console --vrrp --use-file="$1" >/dev/null 2>&1 &
running=$!
sleep 6
first=$(has)
ip link set eth0 down
sleep 1
ip link set eth0 up
sleep 8
up=$(has)
ip link del eth0
sleep 1
make
sleep 15
anew=$(has)
kill -HUP "$running"
sleep 8
echo "$first $up $anew $(has)"
kill "$running"
wait "$running" 2>/dev/null
END
for with in multicast nopreempt unicast both; do
    unshare --net --mount --pid --fork --mount-proc sh try.sh "$with.conf" >"$with.seen" 2>/dev/null &
done
wait
changed=0
echo "has the address:  at first, after down and up, after deleted and made anew, after a reload"
for with in multicast nopreempt unicast both; do
    expected="yes yes no yes"
    [ "$with" != multicast ] || expected="yes yes yes yes"
    seen=$(cat "$with.seen")
    printf '%-16s  %s\n' "$with" "$seen"
    [ "$seen" = "$expected" ] || changed=1
done
exit "$changed"
