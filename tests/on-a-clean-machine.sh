#!/bin/sh
# Runs commands on this commit in a Debian where nobody has been: `make test-on-a-clean-machine`.
#
#   tests/on-a-clean-machine.sh [COMMAND...]      the README's: "make demo" "make test"
#
# The machine is a folder, made from Debian's packages by mmdebstrap, with a C compiler and make; Rust's and Go's folders are
# shown in it, read-only. Of this machine it gets nothing else but what the clients of the registries have to be told. Needs
# root. What is mounted is mounted in a namespace of its own, so nothing stays, however it ends.
#
#   KHW_CLEAN_MACHINE=DIR    makes the machine there and leaves it there; without, in a temporary folder that is removed
set -eu

cd "$(dirname "$0")/.."
. tests/environment.sh
. tests/packages.sh

if [ "${1:-}" != --in-its-namespace ]; then
    [ "$(id -u)" -eq 0 ] || { echo "only root can make a machine" >&2; exit 1; }
    install_packages mmdebstrap
    [ -z "$missing" ] || { echo "mmdebstrap is missing:$missing" >&2; exit 1; }
    machine=${KHW_CLEAN_MACHINE:-$(mktemp -d)}
    namespace=
    cleanup() {
        # All that runs in it ends with it.
        [ -z "$namespace" ] || kill -KILL "$namespace" 2>/dev/null || true
        [ -n "${KHW_CLEAN_MACHINE:-}" ] || rm -rf --one-file-system "$machine"
    }
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    [ $# -gt 0 ] || set -- "make demo" "make test"
    unshare --mount --pid --fork --kill-child sh tests/on-a-clean-machine.sh --in-its-namespace "$machine" "$@" &
    namespace=$!
    wait "$namespace"
    namespace=
    exit
fi

machine=$2
shift 2
if [ ! -e "$machine/etc/debian_version" ]; then
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "Making a Debian $release in $machine"
    mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates,gcc,libc6-dev,make "$release" "$machine"
fi

mount --make-rprivate /
mount --bind "$machine" "$machine" # some of the tests' programs want / to be a mount point
mount -t proc proc "$machine/proc"
mount -t sysfs sysfs "$machine/sys"
mount --rbind /sys/fs/cgroup "$machine/sys/fs/cgroup" # the lab's hosts are groups of their own
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$machine/dev/pts"
mount -t tmpfs tmpfs "$machine/run"
show() {
    mkdir -p "$machine$2"
    mount --bind "$1" "$machine$2"
    mount -o remount,bind,ro "$machine$2"
}
show "$(rustc --print sysroot)" /usr/local/rust
if command -v go >/dev/null; then show "$(go env GOROOT)" /usr/local/go; fi

# Where the registries are, and whom to believe that it is they.
for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    [ ! -e "$file" ] || cp -L "$file" "$machine$file"
done
for file in .cargo/config.toml .config/go/env .config/pip/pip.conf; do
    [ ! -e "$HOME/$file" ] || install -D -m 0644 "$HOME/$file" "$machine/root/$file"
done
registry_settings | sed "s/'/'\\\\''/g; s/=\(.*\)/='\1'/; s/^/export /" >"$machine/root/registries.sh"

rm -rf "$machine/root/khw-gen"
mkdir "$machine/root/khw-gen"
git archive HEAD | tar -x -C "$machine/root/khw-gen"

# As its root, and not by chroot: who enters a namespace from within has to find this machine there.
cd "$machine"
pivot_root . mnt
cd /
umount -l /mnt

for command in "$@"; do
    echo "== on a clean machine: $command"
    env -i HOME=/root LANG=C.UTF-8 PATH="/usr/local/rust/bin:/usr/local/go/bin:$system_path" \
        sh -c ". /root/registries.sh && cd /root/khw-gen && $command"
done
