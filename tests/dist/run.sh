#!/bin/sh
# Makes the release of this commit twice, and uses it as those do who get it: `make test-dist`. Takes some twenty minutes on two cores.
#
#   tests/dist/run.sh [FOLDER]      leaves all that it makes in FOLDER, and uses what it finds there; without, in one that is removed
#
# Needs Rust, a C compiler, and root on Debian; installs the rest by name. Each check says what it saw, and the first that fails ends it.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/packages.sh
. tests/packages.sh

[ "$(id -u)" -eq 0 ] || { echo "only root can make a machine to install on" >&2; exit 1; }
install_packages binutils buildah file gcc git libc6-dev lintian mmdebstrap python3 python3-venv rpm xz-utils
[ -z "$missing" ] || { printf 'These are missing:%s\n' "$missing" >&2; exit 1; }

if [ $# -gt 0 ]; then
    mkdir -p "$1"
    work=$(cd "$1" && pwd)
else
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 130' INT TERM
fi

checks=0
passed() { checks=$((checks + 1)); printf 'ok: %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "$3: expected <$1>, found <$2>"; }
holds() { case $1 in *"$2"*) ;; *) fail "$3: there is no <$2> in <$1>" ;; esac; }

# --- judges -------------------------------------------------------------------------------------------------------------

judges=$work/judges
[ -x "$judges/bin/hadolint" ] || {
    python3 -m venv "$judges"
    "$judges/bin/python" -m pip install -q --disable-pip-version-check -r tests/dist/requirements.txt
}
reader=0.5.4
[ -x "$judges/bin/rust-audit-info" ] ||
    cargo install --quiet --locked --root "$judges" --version "$reader" --no-default-features rust-audit-info

# --- the same bytes, wherever and by whomever they are made --------------------------------------------------------------

commit=$(git rev-parse HEAD)
released=$(git log -1 --format=%ct)
# A folder of the sources alone, as a tarball of them is; the second has another name, umask, time zone and language.
make_in() {
    [ ! -e "$1/target/shipped/SHA256SUMS" ] || return 0
    mkdir -p "$1/target"
    git archive "$commit" | tar -x -C "$1"
    # The programs that make a release are built once.
    ln -sfn "$work/dist-tools" "$1/target/dist-tools"
    (umask "$2" && cd "$1" && env -u CARGO_TARGET_DIR -u RUSTFLAGS SOURCE_DATE_EPOCH="$released" TZ="$3" LC_ALL="$4" sh dist/build.sh)
}
mkdir -p "$work/dist-tools"
one=$work/one another=$work/elsewhere/another
make_in "$one" 022 UTC C
make_in "$another" 077 Asia/Kathmandu C.UTF-8
shipped=$one/target/shipped
(cd "$shipped" && sha256sum --quiet --strict -c SHA256SUMS) || fail "SHA256SUMS"
same "$(cd "$shipped" && find . -type f ! -name SHA256SUMS -printf "%P\n" | sort)" "$(cut -c 67- "$shipped/SHA256SUMS")" "what SHA256SUMS names"
passed "SHA256SUMS names every file, and fits"
(cd "$shipped" && sha256sum -- *) >"$work/one.sums"
(cd "$another/target/shipped" && sha256sum -- *) >"$work/another.sums"
diff "$work/one.sums" "$work/another.sums" || fail "two builds in two folders differ"
passed "$(wc -l <"$work/one.sums") files are the same bytes, made in two folders"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=khw-gen-$version-x86_64-linux
tarball=$shipped/$name.tar.gz deb=$shipped/khw-gen_$version-1_amd64.deb rpm=$shipped/khw-gen-$version-1.x86_64.rpm
bom=$shipped/khw-gen-$version.cdx.json
rm -rf "$work/unpacked"
mkdir "$work/unpacked"
tar -xzf "$tarball" -C "$work/unpacked"
folder=$work/unpacked/$name
program=$folder/khw-gen

# Where it was made is in nothing that is shipped.
for path in "$work" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
    if grep -rqF -- "$path" "$folder" "$bom" "$shipped/built-with.txt"; then fail "$path is in what is shipped"; fi
done
passed "no path of this machine is in it"

# In a folder as if it were the whole machine, with no environment of this one.
within() { env -i HOME=/root LANG=C.UTF-8 PATH="$system_path" chroot "$@"; }

# --- one static program --------------------------------------------------------------------------------------------------

holds "$(file -b "$program")" "static" "file"
headers=$(readelf --wide --program-headers --dynamic "$program")
case $headers in *INTERP* | *NEEDED*) fail "it asks for a loader or a library: $headers" ;; esac
# What a static C library still loads at run time, where somebody asks it for hosts or users.
for loads in nsswitch.conf libnss_; do
    if grep -qaF "$loads" "$program"; then fail "the program has $loads in it: something in it asks the name service"; fi
done
passed "it is static, loads nothing, and has $(wc -c <"$program") bytes"

empty=$work/empty
rm -rf "$empty"
mkdir "$empty"
cp "$program" "$empty/khw-gen"
said=$(within "$empty" /khw-gen --version)
within "$empty" /khw-gen init /cluster >/dev/null
within "$empty" /khw-gen build /cluster/cluster.toml -o /out >/dev/null
within "$empty" /khw-gen verify /out >/dev/null
passed "it makes and verifies a cluster where there is nothing but itself"

# What the digest is of is what is built: the sources of this commit.
rustc --edition 2024 -o "$work/digest" build.rs
digest_of() { (cd "$1" && "$work/digest") | sed -n 's/.*KHW_GEN_CODE=//p'; }
same "khw-gen $version (sources $(digest_of "$one"))" "$said" "--version"
passed "$said"

# --- what is in it -------------------------------------------------------------------------------------------------------

"$judges/bin/rust-audit-info" "$program" >"$work/audit.json"
passed "program and list name the same: $("$judges/bin/python" tests/dist/contents.py "$bom" "$work/audit.json")"
for crate in ring zstd-sys minijinja; do
    grep -q "^  $crate [0-9]" "$folder/THIRD-PARTY.txt" || fail "THIRD-PARTY.txt does not name $crate"
done
passed "THIRD-PARTY.txt has the licences of $(grep -o '^  [a-z][a-zA-Z0-9_-]* [0-9]*\.[0-9]*\.[0-9].*' "$folder/THIRD-PARTY.txt" | sort -u | wc -l) crates"

# --- the .deb ------------------------------------------------------------------------------------------------------------

lintian --allow-root --fail-on error,warning "$deb" || fail "lintian"
passed "lintian has nothing to say"
# A page for the program and for each of its commands, whose names the pages themselves give.
commands=$("$program" man "$work/man.$$" >/dev/null && ls "$work/man.$$" && rm -r "$work/man.$$")
pages() { sed -n 's|.*/usr/share/man/man1/\(.*\)\.gz$|\1|p' | sort; }
same "$commands" "$(dpkg-deb --contents "$deb" | pages)" "manual pages of the .deb"
same "$commands" "$(rpm -qlp "$rpm" | pages)" "manual pages of the .rpm"
passed "$(echo "$commands" | wc -l) manual pages in both packages"

machine=$work/machine
if [ ! -e "$machine/etc/debian_version" ]; then
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "Making a Debian $release in $machine"
    mmdebstrap --quiet --mode=root --variant=minbase --include=bash-completion,fish,man-db,zsh "$release" "$machine"
fi
there() { within "$machine" "$@"; }
# dpkg and man keep books of their own.
files() { (cd "$machine" && find . -path ./var/lib/dpkg -prune -o -path ./var/log -prune -o -path ./var/cache -prune -o -print | sort); }
there dpkg -P khw-gen >/dev/null 2>&1 || true
rm -rf "$machine/root/try"
files >"$work/before"
cp "$deb" "$machine/root/khw-gen.deb"
there dpkg -i /root/khw-gen.deb >/dev/null
rm "$machine/root/khw-gen.deb"
files >"$work/installed"
[ "$(comm -13 "$work/before" "$work/installed" | wc -l)" -gt 40 ] || fail "dpkg installed next to nothing"
passed "the .deb is installed"
there sh -ec 'mkdir /root/try; cd /root/try; khw-gen init mycluster; khw-gen build mycluster/cluster.toml -o out; khw-gen verify out' \
    >"$work/used" || fail "the installed program does not do"
rm -rf "$machine/root/try"
passed "khw-gen init, build and verify"
holds "$(there bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader khw-gen; complete -p khw-gen')" "khw-gen" "bash"
# shellcheck disable=SC2016
holds "$(there zsh -c 'autoload -Uz compinit; compinit -u -D; print -r -- $_comps[khw-gen]')" "_khw-gen" "zsh"
holds "$(there fish -c 'complete -C "khw-gen ver"')" "verify" "fish"
passed "bash, zsh and fish complete it"
holds "$(there man -P cat khw-gen)" "Kubernetes" "man khw-gen"
holds "$(there man -P cat khw-gen-golden-check)" "golden" "man khw-gen-golden-check"
passed "man khw-gen has a page"
there dpkg --verify khw-gen | grep . && fail "dpkg finds its files changed"
rm -rf "$machine/root/.config" "$machine/root/.local" "$machine/root/.cache"
there dpkg -P khw-gen >/dev/null
files >"$work/after"
diff "$work/before" "$work/after" || fail "dpkg -P leaves something, or takes too much"
passed "dpkg -P leaves nothing"

# --- the .rpm ------------------------------------------------------------------------------------------------------------

holds "$(rpm -K --nosignature "$rpm")" "digests OK" "rpm -K"
same "" "$(rpm -qp --requires "$rpm" | grep -v '^rpmlib(' || true)" "what the .rpm requires"
other=$work/rpm
rm -rf "$other"
mkdir -p "$other"
rpm --root "$other" --nosignature -i "$rpm" 2>/dev/null || fail "rpm -i"
# Where rpm keeps its books depends on who built rpm. Folders stay: cargo-generate-rpm 0.21.1 can't say that they are the package's.
installed_by_rpm() { (cd "$other" && find . -path '*khw-gen*' ! -type d | sort); }
installed_by_rpm >"$work/rpm-installed"
[ "$(wc -l <"$work/rpm-installed")" -gt 40 ] || fail "rpm installed next to nothing"
same "$said" "$(within "$other" /usr/bin/khw-gen --version)" "the program of the .rpm"
same "" "$(rpm --root "$other" -V khw-gen)" "rpm -V"
rpm --root "$other" -e khw-gen 2>/dev/null || fail "rpm -e"
same "" "$(installed_by_rpm)" "what rpm -e leaves"
passed "the .rpm is installed, used and removed"

# --- the container -------------------------------------------------------------------------------------------------------

"$judges/bin/hadolint" "$folder/Containerfile" || fail "hadolint"
rm -rf "$work/containers"
containers() { command=$1; shift; buildah --storage-driver vfs --root "$work/containers/root" --runroot "$work/containers/run" "$command" "$@"; }
containers bud --isolation chroot --quiet --timestamp "$released" --tag khw-gen --file "$folder/Containerfile" "$folder" >/dev/null
container=$(containers from --pull-never khw-gen)
mkdir -p "$work/shown"
rm -rf "$work/shown/cluster"
containers run --isolation chroot --volume "$work/shown:/work" "$container" -- /khw-gen init cluster >/dev/null
[ -s "$work/shown/cluster/cluster.toml" ] || fail "the container writes nothing into the folder that it is shown"
holds "$(containers inspect --type image --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.WorkingDir}}' khw-gen)" "[/khw-gen] /work" "the image"
containers rm "$container" >/dev/null
passed "a container of nothing but the program makes a cluster"

# --- the crate -----------------------------------------------------------------------------------------------------------

# Built from what is in it, as whoever installs it does; nothing is sent anywhere.
(cd "$one" && CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_TARGET_DIR="$work/crate" cargo publish --quiet --locked --dry-run --allow-dirty --package khw-gen) ||
    fail "cargo publish --dry-run"
rm -rf "$work/packaged"
mkdir "$work/packaged"
# cargo leaves it in a folder that depends on its version.
tar -xzf "$(find "$work/crate/package" -name "khw-gen-$version.crate" | head -n 1)" -C "$work/packaged"
same "$(digest_of "$one")" "$(digest_of "$work/packaged/khw-gen-$version")" "the digest of the sources in the crate"
passed "the crate builds, and its program says that it is of the same sources"
(cd "$one" && CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_TARGET_DIR="$work/crate" RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --lib) || fail "cargo doc"
tree=$(cd "$one" && cargo tree --locked --no-default-features --edges normal --prefix none)
case $tree in *clap*) fail "the library alone needs clap" ;; esac
(cd "$one" && CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_TARGET_DIR="$work/crate" cargo check --quiet --locked --lib --no-default-features) || fail "the library alone"
passed "the library is documented, and is built without a command line"

printf '%s passed, 0 failed\n' "$checks"
