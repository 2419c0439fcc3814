#!/bin/sh
# Builds the Kubernetes components of one version from their Go module, as one program with a name for each.
#
#   tests/e2e/build-kubernetes.sh 1.37.2 DIR            DIR/kubernetes, and DIR/kube-apiserver, DIR/kubelet ... that point to it
#   tests/e2e/build-kubernetes.sh 1.37.2 DIR --reader   the judge of configuration files alone (check-values --no-flags), in a
#                                                       third of the time
#
# The release archives are not everywhere at hand; the module proxy is. Every component's own main() is taken as it stands
# in that version, renamed, and called by the name under which the program is run: one link instead of six.
# A build that is there already is not repeated. A release may ask for a newer Go than is there: GOTOOLCHAIN=go1.27.4 for 1.38.
set -eu

version=${1:?the version, such as 1.37.2}
target=${2:?the folder for the programs}
components="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"
[ "${3:-}" != --reader ] || components=

# The five Kubernetes modules and their staging modules carry the same number: v1.37.2 goes with v0.37.2.
staging=v0.${version#1.}
minor=${version#1.}
minor=${minor%%.*}

if [ -x "$target/kubernetes" ] && [ "$("$target/kubernetes" --version 2>/dev/null)" = "Kubernetes v$version" ] &&
    { [ -z "$components" ] || [ -e "$target/kubelet" ]; }; then
    echo "$target has Kubernetes $version already"
    exit 0
fi

here=$(cd "$(dirname "$0")" && pwd)
# The sums of Kubernetes' own modules are not all in the proxy's copy of the database of sums.
export GOFLAGS=-mod=mod GOWORK=off GONOSUMDB=k8s.io
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
scratch=$(mktemp -d)
trap 'rm -rf "$work" "$scratch"' EXIT
trap 'exit 130' INT TERM

source=$(cd "$work" && go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
[ -n "$source" ] || { echo "the Go module proxy has no k8s.io/kubernetes v$version" >&2; exit 1; }

# go.mod: replacements in a dependency's go.mod do not count, so that version's own go.mod becomes ours. What it takes from
# its staging folder, which is no part of the module, is taken from the published staging module; where the proxy lacks that
# very patch, from the last one of the same minor that it has.
sed 's|^module k8s.io/kubernetes$|module khw-gen/e2e/kubernetes|' "$source/go.mod" >"$work/go.mod"
for module in $(sed -n 's|^.*[ \t]\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' "$source/go.mod"); do
    patch=$staging
    if ! (cd "$scratch" && go mod download "$module@$patch") >/dev/null 2>&1; then
        patch=$(cd "$scratch" && go list -m -versions "$module" 2>/dev/null | tr ' ' '\n' | grep "^v0\.$minor\.[0-9]*\$" | sort -V | tail -n 1)
        if [ -z "$patch" ]; then # a sample, most likely; what the components need, the build will ask for
            echo "$module is left out, since the proxy has none"
            sed -i "\\|[ \t]$module[ \t]|d" "$work/go.mod"
            continue
        fi
        echo "$module is $patch, since the proxy has no $staging"
    fi
    sed -i "s|\([ \t]\)$module => ./staging/.*|\1$module => $module $patch|" "$work/go.mod"
done
echo "require k8s.io/kubernetes v$version" >>"$work/go.mod"
cp "$source/go.sum" "$work/go.sum"

# The mains, each in a package of its own, and the one that chooses among them.
imports= cases=
for component in $components; do
    package=$(printf %s "$component" | tr -d -)
    mkdir "$work/$package"
    for file in "$source/cmd/$component"/*.go; do
        case $file in *_test.go | */doc.go) continue ;; esac
        sed -e "s/^package main\$/package $package/" -e 's/^func main() {$/func Main() {/' "$file" >"$work/$package/${file##*/}"
    done
    imports="$imports	\"khw-gen/e2e/kubernetes/$package\"
"
    cases="$cases	case \"$component\":
		$package.Main()
"
done
# And the judge of configuration files, which reads them by the same modules.
cp -R "$here/kubernetes/strictdecode" "$work/strictdecode"
encryption=k8s.io/apiserver/pkg/apis/apiserver/v1
folder=$(cd "$work" && go list -m -json k8s.io/apiserver | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
grep -rqs "type EncryptionConfiguration struct" "$folder/pkg/apis/apiserver/v1" || encryption=k8s.io/apiserver/pkg/apis/config/v1
sed -i "s|ENCRYPTION_PACKAGE|$encryption|" "$work/strictdecode/strictdecode.go"
imports="$imports	\"khw-gen/e2e/kubernetes/strictdecode\"
"
cases="$cases	case \"strict-decode\":
		strictdecode.Main()
"

cat >"$work/main.go" <<END
package main

import (
	"fmt"
	"os"
	"path/filepath"

$imports)

func main() {
	name := filepath.Base(os.Args[0])
	if name == "kubernetes" && len(os.Args) > 1 {
		if os.Args[1] == "--version" {
			fmt.Println("Kubernetes v$version")
			return
		}
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	switch name {
$cases	default:
		fmt.Fprintln(os.Stderr, "run me as one of: $components strict-decode")
		os.Exit(2)
	}
}
END

# As hack/lib/version.sh stamps a release. Old modules reach into the runtime, which today's linker must be told to allow.
stamp="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1
    -X k8s.io/component-base/version.gitMinor=$minor -X k8s.io/component-base/version.gitTreeState=clean"
(cd "$work" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -checklinkname=0 $(echo $stamp)" -o "$target/kubernetes.new" .)
mv "$target/kubernetes.new" "$target/kubernetes"
for component in $components strict-decode; do ln -sf kubernetes "$target/$component"; done
echo "$target has Kubernetes $version"
