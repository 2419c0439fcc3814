#!/bin/sh
# Boots clusters from khw-gen's bundles on this machine and checks them: `make e2e`. What this machine lacks is named, and
# what needs it is skipped; the exit code is 0 unless something that was tried has failed.
#
#   KHW_E2E_VERSIONS="1.37.2+3.7.3 1.30.14+3.5.35"   Kubernetes and etcd to build and to boot
#   KHW_E2E_SPECS="walkthrough three"                specifications under tests/e2e/specs; all, if not given
#   KHW_E2E_CONTAINERD="2.3.7 2.4.2"                 containerds to build, with which single boots too; the others have the package's
#   KHW_E2E_LIFE="1.36.3 1.37.2+3.7.3"               minors that a cluster lives through, the oldest first, and its etcd
#
# A build of Kubernetes takes some twenty minutes on two cores, and is kept in target/e2e; CoreDNS is one version for all.
set -u

cd "$(dirname "$0")/../.." || exit 1
life=${KHW_E2E_LIFE:-"1.36.3 1.37.2+3.7.3"}
versions=${KHW_E2E_VERSIONS:-"1.37.2+3.7.3 1.30.14+3.5.35"}
containerds=${KHW_E2E_CONTAINERD:-"2.3.7 2.4.2"}
specifications=${KHW_E2E_SPECS:-$(cd tests/e2e/specs && ls -d */ | tr -d /)}
here=tests/e2e
built=target/e2e

skip() {
    echo "e2e: skipped: $*"
    exit 0
}

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "the lab is for Linux on x86_64"
[ "$(id -u)" -eq 0 ] || skip "only root can make network, mount and process namespaces"
command -v python3 >/dev/null 2>&1 || skip "there is no python3"
python3 -c 'import tomllib' 2>/dev/null || skip "python3 is older than 3.11, and can't read TOML"
command -v go >/dev/null 2>&1 || skip "there is no go to build Kubernetes with"
command -v unshare >/dev/null 2>&1 && command -v nsenter >/dev/null 2>&1 || skip "there is no util-linux"
unshare --mount --net --pid --cgroup --fork true 2>/dev/null || skip "this machine allows no namespaces"

. tests/packages.sh
install_packages containerd containernetworking-plugins dbus iptables iputils-ping conntrack keepalived haproxy nginx libnginx-mod-stream \
    busybox-static iproute2 nftables kmod ipset curl openssl procps
[ -z "$missing" ] || skip "these packages can't be had:$missing"

failed=0
mkdir -p "$built"
(cd "$here" && python3 -m unittest -q test_systemd_unit test_reloads) || failed=1

# NetworkManager is unpacked and not installed: when this machine starts again, it would take its network in hand.
unpack_network_manager() {
    mkdir -p "$1/archives/partial"
    apt-get install -q -y --download-only --no-install-recommends -o "Dir::Cache::archives=$1/archives" network-manager || return 1
    for package in "$1"/archives/*.deb; do
        dpkg-deb --extract "$package" "$1" || return 1
    done
}
beside=$PWD/$built/network-manager
[ -x "$beside/usr/sbin/NetworkManager" ] || unpack_network_manager "$beside" >"$built/network-manager.log" 2>&1
if (
    PATH=$beside/usr/sbin:$beside/usr/bin:$PATH
    LD_LIBRARY_PATH=$(echo "$beside"/usr/lib/*-linux-gnu):$(echo "$beside"/lib/*-linux-gnu)
    export PATH LD_LIBRARY_PATH
    NetworkManager --version >/dev/null 2>&1 || exit 3
    tests/programs/pod_routes_beside.sh golden/scripts/pod-routes-dual-stack-master1.sh NetworkManager
); then :; elif [ $? -eq 3 ]; then
    echo "e2e: skipped: NetworkManager can't be had: $(tail -n 1 "$built/network-manager.log")"
else
    failed=1
fi

coredns=1.14.6
if sh "$here/build-coredns.sh" "$coredns" "$built/coredns-$coredns" >"$built/build-coredns.log" 2>&1; then
    dns="--coredns $built/coredns-$coredns"
else
    dns=""
    echo "e2e: skipped: CoreDNS can't be built here, so no pod asks it: $(tail -n 1 "$built/build-coredns.log")"
fi

# Builds a program of a version, into a folder that is called like both.
built_program() {
    log=$built/build-$1-$2.log
    if ! sh "$here/build-$1.sh" "$2" "$built/$1-$2" >"$log" 2>&1; then
        echo "e2e: skipped: $1 $2 can't be built here: $(tail -n 1 "$log")"
        return 1
    fi
}

booted=0
for pair in $versions; do
    kubernetes=${pair%+*} etcd=${pair#*+}
    built_program kubernetes "$kubernetes" && built_program etcd "$etcd" || continue
    "$here/check-flags" --kubernetes "$built/kubernetes-$kubernetes" --etcd "$built/etcd-$etcd" || failed=1
    "$here/check-values" --kubernetes "$built/kubernetes-$kubernetes" --etcd "$built/etcd-$etcd" || failed=1
    "$here/life.py" --etcd "$built/etcd-$etcd" --keep-logs "$built/logs/life-$etcd" || failed=1
    "$here/reloads.py" --etcd "$built/etcd-$etcd" --kubernetes "$built/kubernetes-$kubernetes" --table docs/reload.md --keep-logs "$built/logs/reloads-$kubernetes" || failed=1
    "$here/proxy_modes.py" --etcd "$built/etcd-$etcd" --kubernetes "$built/kubernetes-$kubernetes" --keep-logs "$built/logs/modes-$kubernetes" || failed=1
    for style in walkthrough ssl crt opt kubeadm; do
        [ "$pair" = "${versions%% *}" ] || break # what is made by hand is for one release
        PATH=$PWD/target/tools:$PATH
        command -v cfssl >/dev/null 2>&1 || { echo "e2e: skipped: no cluster made by hand is adopted: there is no cfssl (make programs)"; break; }
        [ "$style" != kubeadm ] || command -v kubeadm >/dev/null 2>&1 || { echo "e2e: skipped: no cluster of kubeadm's is adopted: there is no kubeadm (make programs)"; continue; }
        "$here/adopted.py" --etcd "$built/etcd-$etcd" --kubernetes "$built/kubernetes-$kubernetes" --style "$style" --cfssl "$(command -v cfssl)" \
            $([ "$style" != kubeadm ] || echo --kubeadm "$(command -v kubeadm)") --keep-logs "$built/logs/adopted-$style-$kubernetes" || failed=1
    done
    for specification in $specifications; do
        "$here/boot.py" "$here/specs/$specification" --kubernetes "$built/kubernetes-$kubernetes" --etcd "$built/etcd-$etcd" $dns || failed=1
        booted=$((booted + 1))
    done
done
# The first Kubernetes of those above: one is enough to tell whether it and a containerd get on.
kubernetes=${versions%%[+ ]*} etcd=${versions%% *} etcd=${etcd#*+}
for containerd in $containerds; do
    built_program kubernetes "$kubernetes" && built_program etcd "$etcd" && built_program containerd "$containerd" || continue
    "$here/boot.py" "$here/specs/single" --kubernetes "$built/kubernetes-$kubernetes" --etcd "$built/etcd-$etcd" \
        --containerd "$built/containerd-$containerd" || failed=1
    booted=$((booted + 1))
done
# Keys of ML-DSA want programs that a newer Go has compiled.
case " $(echo $specifications) " in *" ml-dsa "*)
    pair=${versions%% *} new_go=go1.27.4
    if (
        GOTOOLCHAIN=$new_go
        export GOTOOLCHAIN
        sh "$here/build-kubernetes.sh" "${pair%+*}" "$built/kubernetes-${pair%+*}-$new_go" && sh "$here/build-etcd.sh" "${pair#*+}" "$built/etcd-${pair#*+}-$new_go"
    ) >"$built/build-$new_go.log" 2>&1; then
        "$here/boot.py" "$here/specs/ml-dsa" --kubernetes "$built/kubernetes-${pair%+*}-$new_go" --etcd "$built/etcd-${pair#*+}-$new_go" $dns || failed=1
    else
        echo "e2e: skipped: nothing can be built with $new_go here: $(tail -n 1 "$built/build-$new_go.log")"
    fi
    ;;
esac
etcd=${life##*+} folders=
for kubernetes in ${life%+*}; do
    built_program kubernetes "$kubernetes" || continue
    folders=$folders${folders:+,}$built/kubernetes-$kubernetes
done
if [ -n "$folders" ] && built_program etcd "$etcd"; then
    "$here/whole_life.py" --kubernetes "$folders" --etcd "$built/etcd-$etcd" --keep-logs "$built/logs/whole-life" || failed=1
fi
[ "$booted" -gt 0 ] || echo "e2e: no cluster was booted"
exit "$failed"
