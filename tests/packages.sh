# shellcheck shell=sh
# Read by other scripts, not run: installs Debian packages, and remembers in $missing what can't be had.

missing=""

miss() {
    missing="$missing
  $1: $2"
}

installed() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# Services of these packages must not start, here or in whatever container this is: the tests start their own.
install_packages() {
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
        miss "packages" "there is no apt-get on this machine"
        return 0
    fi
    wanted=""
    for package in "$@"; do
        installed "$package" || wanted="$wanted $package"
    done
    [ -n "$wanted" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        miss "$wanted" "only root can install packages"
        return 0
    fi
    policy=/usr/sbin/policy-rc.d
    ours=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && ours=yes
        trap '[ "$ours" = no ] || rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
    fi
    export DEBIAN_FRONTEND=noninteractive
    echo "Reading Debian's list of packages"
    apt-get update -q >/dev/null 2>&1 || true
    echo "Installing Debian's$wanted"
    install="apt-get install -q -y --no-install-recommends"
    # All at once, which is far quicker; one at a time where that fails, so that one alone is missing.
    # shellcheck disable=SC2086
    $install $wanted >/dev/null 2>&1 || for package in $wanted; do
        echo "Installing Debian's $package by itself"
        $install "$package" >/dev/null 2>&1 || miss "$package" "apt-get can't install it"
    done
    if [ "$ours" = yes ]; then
        rm -f "$policy"
        ours=no
    fi
}
