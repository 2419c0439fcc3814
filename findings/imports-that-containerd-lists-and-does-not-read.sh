#!/bin/sh
# Since 2.2 `containerd config default` and `containerd config dump` list `imports = ['/etc/containerd/conf.d/*.toml']`, and release notes and
# guides tell of a folder for settings beside the configuration. What dump shows as the configuration in effect is not: a file that has no
# `imports` of its own imports nothing, nor does a containerd without a file, while dump prints the import all the same, without the
# settings. Nobody is told; whoever puts a file there and looks at the import in dump takes it for read.
#
# The imports that count are those of each file as it was loaded (LoadConfigWithPlugins), the default is put beside them alone.
#
# Seen with containerd 2.3.7 and 2.4.2. Exits with 0 while this is so, with 1 when it has changed. Needs Go, root and util-linux.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GOFLAGS="-mod=mod -buildvcs=false" GOWORK=off
module=github.com/containerd/containerd/v2
for version in 2.3.7 2.4.2; do
    printf 'module example\n\ngo 1.24\n' >go.mod
    rm -f go.sum
    go get "$module@v$version" >/dev/null 2>&1
    CGO_ENABLED=0 go build -o "containerd-$version" "$module/cmd/containerd"
done

cat >try.sh <<'END'
mkdir -p /etc/containerd
mount -t tmpfs tmpfs /etc/containerd
mkdir /etc/containerd/conf.d
printf 'version = 4\n[plugins."io.containerd.server.v1.grpc"]\naddress = "/run/beside.sock"\n' >/etc/containerd/conf.d/10.toml
say() {
    "$1" config dump >/tmp/dump.$$ 2>/dev/null
    listed=no read=no
    grep -q "^imports = \['/etc/containerd/conf.d/\*.toml'\]" /tmp/dump.$$ && listed=yes
    grep -q /run/beside.sock /tmp/dump.$$ && read=yes
    rm -f /tmp/dump.$$
    printf '%-42s listed: %-3s  read: %s\n' "${1##*/}, $2" "$listed" "$read"
    [ "$listed $read" = "$3" ]
}
changed=0
say "$1" "no config.toml" "yes no" || changed=1
echo 'version = 4' >/etc/containerd/config.toml
say "$1" "version 4" "yes no" || changed=1
echo 'version = 3' >/etc/containerd/config.toml
say "$1" "version 3" "yes no" || changed=1
printf 'version = 4\nimports = ["/etc/containerd/conf.d/*.toml"]\n' >/etc/containerd/config.toml
say "$1" "version 4 with imports" "yes yes" || changed=1
exit $changed
END
changed=0
for version in 2.3.7 2.4.2; do
    unshare --mount sh try.sh "$PWD/containerd-$version" || changed=1
done
exit $changed
