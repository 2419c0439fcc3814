#!/bin/sh
# Installs the programs that the tests compare with: other makers and readers of certificates, and the programs that
# are to be configured. Never fails: what can't be had is named, and the tests that want it say that they were skipped.
set -u

cd "$(dirname "$0")/.." || exit 0
tools="$PWD/target/tools"
. tests/packages.sh

install_packages etcd-server etcd-client nginx libnginx-mod-stream gnutls-bin openssl faketime unzip python3 python3-venv strace iproute2 busybox-static \
    haproxy keepalived parallel

# The version whose behaviour khw-gen is compatible with.
cfssl=v1.6.5
for program in cfssl cfssljson; do
    if command -v "$program" >/dev/null 2>&1 || [ -x "$tools/$program" ]; then
        continue
    elif command -v go >/dev/null 2>&1; then
        mkdir -p "$tools"
        GOBIN="$tools" GOFLAGS=-mod=mod go install "github.com/cloudflare/cfssl/cmd/$program@$cfssl" >/dev/null 2>&1 ||
            miss "$program" "go can't install it"
    else
        miss "$program" "there is no go on this machine"
    fi
done

# The judges that are written in Go. They stand here as sources, so they are built anew each time.
for judge in x509 keygen; do
    if command -v go >/dev/null 2>&1; then
        mkdir -p "$tools"
        (cd "tests/judges/$judge" && go build -trimpath -o "$tools/judge-$judge" .) >/dev/null 2>&1 ||
            miss "judge-$judge" "go can't build tests/judges/$judge"
    else
        miss "judge-$judge" "there is no go on this machine"
    fi
done

# The judges that are Python packages have a folder of their own; where all is there, pip asks nobody.
pyca="$PWD/target/pyca"
if command -v python3 >/dev/null 2>&1; then
    { [ -x "$pyca/bin/python" ] || python3 -m venv "$pyca"; } >/dev/null 2>&1 &&
        "$pyca/bin/python" -m pip install -q --disable-pip-version-check -r tests/judges/requirements.txt >/dev/null 2>&1 || {
        miss "cryptography, badkeys" "pip can't install tests/judges/requirements.txt"
        rm -rf "$pyca"
    }
else
    miss "cryptography, badkeys" "there is no python3 on this machine"
fi

command -v kubectl >/dev/null 2>&1 || miss kubectl "it has to be on the machine already"

if [ -n "$missing" ]; then
    echo "Not on this machine, so what needs them will be skipped:$missing"
else
    echo "Every program that the tests compare with is here."
fi
exit 0
