# shellcheck shell=sh
# Two members of etcd from the bundles of master1 and master2, for the scripts that source this: each runs its unit's own ExecStart, in a
# network namespace with its own address and a mount namespace in which its host's tree lies at /etc/etcd and /var/lib/etcd.
#
# Reads $out, $etcd and $etcdctl; needs root and iproute2.
work=$(mktemp -d)
n=khw$$
pids=

cleanup() {
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    # shellcheck disable=SC2046
    for ns in "$n-1" "$n-2"; do
        kill $(ip netns pids "$ns" 2>/dev/null) 2>/dev/null || true
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT INT TERM

ip netns add "$n-1"
ip netns add "$n-2"
ip link add "v1$$" netns "$n-1" type veth peer name "v2$$" netns "$n-2"
for i in 1 2; do
    ip -n "$n-$i" link set lo up
    ip -n "$n-$i" addr add "10.128.15.22$i/24" dev "v$i$$"
    ip -n "$n-$i" link set "v$i$$" up
    # The host's tree, with the private directory that install.sh would make.
    mkdir "$work/m$i"
    cp -a "$out/master$i/rootfs/." "$work/m$i/"
    # The unit's command line as systemd would read it.
    sed -n '/^ExecStart=/,/[^\\]$/p' "$out/master$i/rootfs/etc/systemd/system/etcd.service" |
        sed 's/^ExecStart=[^ ]*//; s/\\$//' | tr '\n' ' ' >"$work/arguments$i"
done

start() {
    # shellcheck disable=SC2016
    ip netns exec "$n-$1" unshare --mount sh -c '
        mkdir -p /etc/etcd /var/lib/etcd
        mount --bind "$1/etc/etcd" /etc/etcd
        mount --bind "$1/var/lib/etcd" /var/lib/etcd
        # shellcheck disable=SC2046
        exec "$2" $(cat "$3")
    ' sh "$work/m$1" "$etcd" "$work/arguments$1" >"$work/log$1" 2>&1 &
    pids="$pids $!"
}

ctl() {
    # member, then arguments
    member=$1
    shift
    ETCDCTL_API=3 ip netns exec "$n-$member" "$etcdctl" --command-timeout=5s --endpoints="https://127.0.0.1:2379" "$@"
}

# until_well COMMAND...: waits until a command says so, half a minute.
until_well() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 60 ]; then
            echo "etcd does not become healthy" >&2
            tail -n 20 "$work/log1" "$work/log2" >&2
            exit 1
        fi
        sleep 0.5
    done
}

# shellcheck disable=SC2034
tls="--cacert=$work/m1/etc/etcd/ca.pem --cert=$work/m1/etc/etcd/kubernetes.pem --key=$work/m1/etc/etcd/kubernetes-key.pem"
