#!/bin/sh
# Builds etcd and etcdctl of one version from their Go modules, as one program with two names.
#
#   tests/e2e/build-etcd.sh 3.6.16 DIR
#
# A build that is there already is not repeated.
set -eu

version=${1:?the version, such as 3.6.16}
target=${2:?the folder for the programs}

if [ -x "$target/etcd" ] && "$target/etcd" --version 2>/dev/null | grep -qx "etcd Version: $version"; then
    echo "$target has etcd $version already"
    exit 0
fi

export GOFLAGS=-mod=mod GOWORK=off
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

cat >go.mod <<END
module khw-gen/e2e/etcd

go 1.24
END
cat >main.go <<'END'
package main

import (
	"os"
	"path/filepath"

	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	if filepath.Base(os.Args[0]) == "etcdctl" {
		os.Setenv("ETCDCTL_API", "3")
		ctlv3.MustStart()
		return
	}
	etcdmain.Main(os.Args)
}
END
go get "go.etcd.io/etcd/server/v3@v$version" "go.etcd.io/etcd/etcdctl/v3@v$version"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -checklinkname=0" -o "$target/etcd.new" .
mv "$target/etcd.new" "$target/etcd"
ln -sf etcd "$target/etcdctl"
echo "$target has etcd $version"
