#!/bin/sh
# Builds CoreDNS of one version from its Go module, with the plugins that the bundle's Corefile names and no others.
#
#   tests/e2e/build-coredns.sh 1.14.6 DIR
#
# A build that is there already is not repeated.
set -eu

version=${1:?the version, such as 1.14.6}
target=${2:?the folder for the program}

if [ -x "$target/coredns" ] && "$target/coredns" -version 2>/dev/null | grep -qx "CoreDNS-$version"; then
    echo "$target has CoreDNS $version already"
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
module khw-gen/e2e/coredns

go 1.25
END
cat >main.go <<'END'
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
)

func main() {
	coremain.Run()
}
END
go get "github.com/coredns/coredns@v$version"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$target/coredns.new" .
mv "$target/coredns.new" "$target/coredns"
echo "$target has CoreDNS $version"
