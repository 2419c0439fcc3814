#!/bin/sh
# Makes flags.tsv, fields.tsv, gates.tsv and gates-need.tsv of src/catalog again from the components' source. It needs Go, git, tar, a network
# and some 10 GB; a release takes about half a minute. Nothing of Kubernetes is compiled: extract.go says how it reads.
#
#   tests/flags/extract.sh            all that `versions` lists
#   tests/flags/extract.sh --keep     the same, with what was downloaded and read before left in place
#
# To follow a release: change its line in `versions` (or add one, and the number 38, the newest minor, in tables.go),
# run this, look at `git diff src/catalog`, and try the tables on real programs with check-binary.sh.
#
# Kubernetes comes as a Go module. It leaves out what stands in modules of its own (k8s.io/apiserver and others), so these are
# downloaded too, or, where the module proxy lacks a version, taken from the tag kubernetes-1.N.P of their repository (the
# newest tag of that minor, if that very one is missing). etcd is read at every tag of a minor, because it adds flags in patches.
#
#   FLAGS_WORK   where all this goes; target/flags
#   FLAGS_GIT    where repositories are, in the form that printf fills with owner and name; https://github.com/%s/%s
set -eu

here=$(cd "$(dirname "$0")" && pwd)
catalog=$here/../../src/catalog
work=${FLAGS_WORK:-$here/../../target/flags}
git=${FLAGS_GIT:-https://github.com/%s/%s}
[ "${1:-}" = --keep ] || rm -rf "$work/raw" "$work/src"
mkdir -p "$work/src" "$work/raw" "$work/git"
work=$(cd "$work" && pwd)

export GOMODCACHE="$work/modules" GOFLAGS=-modcacherw GONOSUMDB='*'
cd "$work" # outside of any module
go build -o "$work/extract" "$here/extract.go" "$here/tables.go"

# module PATH VERSION: the folder that it was downloaded to, or nothing.
module() {
    go mod download -json "$1@$2" 2>/dev/null | sed -n 's/.*"Dir": "\(.*\)",*$/\1/p'
    rm -f "$GOMODCACHE/cache/download/$1/@v/"*.zip
}

# repository OWNER NAME: a copy without work tree.
repository() {
    [ -d "$work/git/$2" ] || git clone -q --bare "$(printf "$git" "$1" "$2")" "$work/git/$2"
    echo "$work/git/$2"
}

put() { # FOLDER as PATH
    mkdir -p "$(dirname "$2")"
    [ -e "$2" ] || ln -s "$1" "$2"
}

staging="api apiextensions-apiserver apimachinery apiserver client-go cloud-provider component-base component-helpers
    controller-manager kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubelet"

kubernetes() {
    version=$1
    minor=${version#1.}
    minor=${minor%%.*}
    tree=$work/src/$minor
    [ -d "$tree" ] && return
    main=$(module k8s.io/kubernetes "v$version")
    [ -n "$main" ] || { echo "there is no k8s.io/kubernetes v$version" >&2; return 1; }
    put "$main" "$tree/k8s.io/kubernetes"
    for name in $staging; do
        if [ -d "$main/staging/src/k8s.io/$name/pkg" ] || [ -d "$main/staging/src/k8s.io/$name/config" ] ||
            [ -n "$(ls "$main/staging/src/k8s.io/$name"/*.go "$main/staging/src/k8s.io/$name"/*/*.go 2>/dev/null)" ]; then
            put "$main/staging/src/k8s.io/$name" "$tree/k8s.io/$name" # before 1.15 they were no modules
            continue
        fi
        folder=$(module "k8s.io/$name" "v0.${version#1.}")
        if [ -n "$folder" ]; then
            put "$folder" "$tree/k8s.io/$name"
            continue
        fi
        from=$(repository kubernetes "$name")
        tag=$(git --git-dir="$from" tag | grep -x "kubernetes-$version" ||
            git --git-dir="$from" tag | grep "^kubernetes-1\.$minor\.[0-9]*$" | sort -V | tail -1)
        [ -n "$tag" ] || continue # the module is younger than the release
        [ "$tag" = "kubernetes-$version" ] || echo "k8s.io/$name for $version is read at $tag" >&2
        mkdir -p "$tree/k8s.io/$name"
        git --git-dir="$from" archive "$tag" | tar -x -C "$tree/k8s.io/$name"
    done
    # What others wrote and the components register flags with; which version matters for klog and cadvisor alone.
    put "$(module github.com/spf13/pflag v1.0.5)" "$tree/github.com/spf13/pflag"
    put "$(module github.com/spf13/cobra v1.1.1)" "$tree/github.com/spf13/cobra"
    if [ -f "$main/go.mod" ]; then
        sed -n -E 's/^[[:space:]]*(k8s.io\/klog(\/v2)?|github.com\/google\/cadvisor(\/lib)?) (v[^ ]+).*/\1 \4/p' "$main/go.mod"
    else
        echo k8s.io/klog v0.2.0
        echo github.com/google/cadvisor v0.33.1
    fi | sort -u | while read -r path wanted; do
        folder=$(module "$path" "$wanted")
        [ -z "$folder" ] || put "$folder" "$tree/$path"
    done
}

etcd() {
    from=$(repository etcd-io etcd)
    for tag in $(git --git-dir="$from" tag | grep "^v$1\.[0-9]*$"); do
        tree=$work/src/etcd/${tag#v}
        [ -d "$tree" ] && continue
        case $1 in
        3.3) home=$tree/github.com/coreos/etcd ;;
        *) home=$tree/go.etcd.io/etcd ;;
        esac
        mkdir -p "$home"
        git --git-dir="$from" archive "$tag" | tar -x -C "$home"
        case $1 in
        3.3 | 3.4) continue ;;
        esac
        for part in server pkg client/pkg; do # of 3.5 and later, each is a module v3
            mkdir "$home/$part.v3"
            mv "$home/$part"/* "$home/$part.v3/"
            mv "$home/$part.v3" "$home/$part/v3"
        done
    done
}

while read -r what version; do
    "$what" "$version"
done <"$here/versions"

minors=$(cd "$work/src" && ls | grep -x '[0-9]*' | sort -n)
for minor in $minors; do
    for what in flags fields gates needs; do
        [ -e "$work/raw/$minor.$what" ] || {
            "$work/extract" "$what" "$minor" "$work/src/$minor" >"$work/raw/part"
            mv "$work/raw/part" "$work/raw/$minor.$what"
        }
    done
done
[ -s "$work/raw/etcd.flags" ] || {
    for version in $(cd "$work/src/etcd" && ls); do
        echo "$version" "$work/src/etcd/$version"
    done | xargs "$work/extract" etcd >"$work/raw/part"
    mv "$work/raw/part" "$work/raw/etcd.flags"
}
cat "$work/raw/"*.flags | "$work/extract" table flags >"$catalog/flags.tsv"
cat "$work/raw/"*.fields | "$work/extract" table fields >"$catalog/fields.tsv"
cat "$work/raw/"*.gates | "$work/extract" table gates >"$catalog/gates.tsv"
cat "$work/raw/"*.needs | "$work/extract" table needs >"$catalog/gates-need.tsv"
