#!/bin/sh
# Installs the programs that the tests compare with: other makers and readers of certificates, and the programs that
# are to be configured. Says what it does before it does it. Never fails: what can't be had is named, and the tests that
# want it say that they were skipped.
#
# To add one: a word in `packages`, a line at `go_program`, or a line in tests/judges/requirements.txt or tests/judges/pages/package.json.
# Whatever of these lies in target/tools, the tests find by name (tests/support, `path`).
set -u

cd "$(dirname "$0")/.." || exit 0
tools="$PWD/target/tools"
log="$PWD/target/install-programs.log"
mkdir -p "$tools"
: >"$log"
. tests/packages.sh

packages="age busybox-static chromium dbus etcd-client etcd-server faketime firewalld fish fonts-dejavu-core git gnutls-bin groff-base haproxy iproute2 iptables iputils-ping keepalived libnginx-mod-stream
    nftables nginx openssh-client openssl parallel patch policycoreutils-python-utils procps prometheus python3 python3-venv selinux-policy-default shellcheck strace systemd
    unzip zsh zstd"
# Others package it too, and only one of them can be installed.
command -v kubectl >/dev/null 2>&1 || packages="$packages kubernetes-client"
# So it is with node: npm of Debian is hundreds of packages.
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
# shellcheck disable=SC2086
install_packages $packages

# The same for all, so that Go's own packages are compiled once; without cgo, since SQLite in C is the largest part of cfssl.
export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off

# name, then the command that makes $tools/name.
with_go() {
    program=$1
    shift
    if ! command -v go >/dev/null 2>&1; then
        miss "$program" "there is no go on this machine"
        return 0
    fi
    echo "Building $program"
    "$@" >>"$log" 2>&1 || miss "$program" "go can't build it: see target/install-programs.log"
}

# name, package and version: unless it is there, in that version or on the path.
go_program() {
    command -v "$1" >/dev/null 2>&1 || [ -x "$tools/$1" ] || GOBIN="$tools" with_go "$1" go install -ldflags='-s -w' "$2"
}

# The version whose behaviour khw-gen is compatible with.
go_program cfssl github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5
go_program cfssljson github.com/cloudflare/cfssl/cmd/cfssljson@v1.6.5

# The first that knows ML-DSA, which wants a Go that does.
go_with_ml_dsa=go1.27.4
# shellcheck disable=SC2317  # with_go calls it.
install_cfssl_1_7() {
    folder=$(mktemp -d)
    GOTOOLCHAIN=$go_with_ml_dsa GOBIN="$folder" go install -ldflags='-s -w' github.com/cloudflare/cfssl/cmd/cfssl@v1.7.1 &&
        mv "$folder/cfssl" "$tools/cfssl-1.7"
    installed=$?
    rm -rf "$folder"
    return "$installed"
}
[ -x "$tools/cfssl-1.7" ] || with_go cfssl-1.7 install_cfssl_1_7

# Reads workflows and actions as the host of code does.
go_program actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# The judges that are written in Go. They stand here as sources, so they are built anew each time.
for judge in x509 keygen; do
    with_go "judge-$judge" go build -C "tests/judges/$judge" -ldflags='-s -w' -buildvcs=false -o "$tools/judge-$judge" .
done
with_go judge-ml-dsa env GOTOOLCHAIN=$go_with_ml_dsa go build -C tests/judges/ml-dsa -ldflags='-s -w' -buildvcs=false -o "$tools/judge-ml-dsa" .

# The maker of most clusters that are to be adopted. It knows its release by what the linker is told.
[ -x "$tools/kubeadm" ] || with_go kubeadm go build -C tests/judges/kubeadm \
    -ldflags='-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2' -buildvcs=false -o "$tools/kubeadm" .

# Debian 12's kubectl crashes where it writes a kubeconfig; then the one of its own module takes its place.
writes_kubeconfigs() {
    folder=$(mktemp -d)
    "$1" config set-credentials probe --token=x --kubeconfig="$folder/config" >/dev/null 2>&1
    written=$?
    rm -rf "$folder"
    return "$written"
}
writes_kubeconfigs "$tools/kubectl" || writes_kubeconfigs kubectl ||
    with_go kubectl go build -C tests/judges/kubectl -ldflags='-s -w' -buildvcs=false -o "$tools/kubectl" .

# C2SP's vectors of age, as the package is released.
vectors="$PWD/target/cctv-age"
if ! command -v go >/dev/null 2>&1; then
    [ -d "$vectors/testdata" ] || miss "the vectors of age" "there is no go on this machine"
elif [ ! -d "$vectors/testdata" ]; then
    echo "Fetching C2SP's vectors of age"
    module=c2sp.org/CCTV/age@v0.0.0-20251208015420-e9274a7bdbfd
    fetched=$(go mod download -json "$module" 2>>"$log" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
    mkdir -p "$vectors"
    cp -r "$fetched/testdata" "$vectors/" 2>>"$log" || miss "the vectors of age" "go can't fetch them: see target/install-programs.log"
    chmod -R u+w "$vectors"
fi

# The judges that are Python packages have a folder of their own, whose programs stand beside the others; where all is there,
# pip asks nobody.
pyca="$PWD/target/pyca"
install_judges() {
    [ -x "$pyca/bin/python" ] || python3 -m venv "$pyca" || return 1
    "$pyca/bin/python" -m pip install -q --disable-pip-version-check -r tests/judges/requirements.txt || return 1
    for program in "$pyca"/bin/*; do
        case ${program##*/} in
            python* | pip* | activate* | Activate*) ;;
            *) ln -sf "$program" "$tools/" ;;
        esac
    done
}
if command -v python3 >/dev/null 2>&1; then
    echo "Installing the Python packages of tests/judges/requirements.txt"
    install_judges >>"$log" 2>&1 || {
        miss "tests/judges/requirements.txt" "pip can't install it: see target/install-programs.log"
        rm -rf "$pyca"
    }
else
    miss "tests/judges/requirements.txt" "there is no python3 on this machine"
fi

# What reads pages in a browser has a folder of its own too, and is there only if the browser is.
pages="$PWD/target/pages"
install_pages() {
    mkdir -p "$pages" || return 1
    cp tests/judges/pages/judge.mjs "$pages/" || return 1
    cmp -s tests/judges/pages/package.json "$pages/package.json" && [ -x "$tools/judge-pages" ] && return 0
    cp tests/judges/pages/package.json "$pages/" || return 1
    (cd "$pages" && npm install --silent --no-audit --no-fund --ignore-scripts) || return 1
    printf '#!/bin/sh\nCHROMIUM=%s exec node %s/judge.mjs "$@"\n' "$(command -v chromium)" "$pages" >"$tools/judge-pages"
    chmod 755 "$tools/judge-pages"
}
if command -v npm >/dev/null 2>&1 && command -v chromium >/dev/null 2>&1; then
    echo "Installing the npm packages of tests/judges/pages/package.json"
    install_pages >>"$log" 2>&1 || {
        miss "tests/judges/pages/package.json" "npm can't install it: see target/install-programs.log"
        rm -rf "$pages" "$tools/judge-pages"
    }
else
    miss "tests/judges/pages/package.json" "there is no npm or no chromium on this machine"
fi

if [ -n "$missing" ]; then
    echo "Not on this machine, so what needs them will be skipped:$missing"
else
    echo "Every program that the tests compare with is here."
fi
exit 0
