#!/bin/sh
# Builds containerd, its shim for runc and ctr of one version from their Go module.
#
#   tests/e2e/build-containerd.sh 2.4.2 DIR
#
# A build that is there already is not repeated.
set -eu

version=${1:?the version, such as 2.4.2}
target=${2:?the folder for the programs}
module=github.com/containerd/containerd/v2

if [ -x "$target/containerd" ] && "$target/containerd" --version 2>/dev/null | grep -q " v$version "; then
    echo "$target has containerd $version already"
    exit 0
fi

export GOFLAGS="-mod=mod -buildvcs=false" GOWORK=off
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

cat >go.mod <<END
module khw-gen/e2e/containerd

go 1.24
END
go get "$module@v$version"
# containerd last: it tells that all three are there.
for program in ctr containerd-shim-runc-v2 containerd; do
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $module/version.Version=v$version" -o "$target/$program.new" "$module/cmd/$program"
    mv "$target/$program.new" "$target/$program"
done
echo "$target has containerd $version"
