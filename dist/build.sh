#!/bin/sh
# Makes what is released of this folder's sources, in target/shipped/: `make dist`.
#
#   khw-gen-VERSION-x86_64-linux.tar.gz   program, manual pages, completions, documents, Containerfile
#   khw-gen_VERSION-1_amd64.deb, khw-gen-VERSION-1.x86_64.rpm
#   khw-gen-VERSION.cdx.json              what is in it (CycloneDX)
#   built-with.txt                        which compilers and library made it: with the same ones, the bytes are the same
#   SHA256SUMS                            of all of them
#
# Needs Rust, a C compiler and its static library (Debian's gcc and libc6-dev), xz, and crates.io. No time, folder or user gets into the bytes:
# the time is that of the commit, or SOURCE_DATE_EPOCH, which has to be given where there is no git.
set -eu

cd "$(dirname "$0")/.."
project=$PWD

# The programs that make it, name and version: how each is built changes nothing about what it writes.
tools="cargo-about 0.9.3 --features=cli
cargo-auditable 0.7.7
cargo-cyclonedx 0.5.9
cargo-deb 3.8.0 --no-default-features
cargo-generate-rpm 0.21.1"

# Static with the GNU C library, where it is sound: the program asks no name service and loads nothing. tests/dist.sh holds that.
target=x86_64-unknown-linux-gnu

say() { printf '== %s\n' "$*"; }
fail() { printf 'dist/build.sh: %s\n' "$*" >&2; exit 1; }

[ "$(uname -sm)" = "Linux x86_64" ] || fail "this makes releases for Linux on x86_64, and only there"
changed=$(git status --porcelain 2>/dev/null || true)
[ -z "$changed" ] || printf 'These changes are in no commit, and in what is made:\n%s\n' "$changed" >&2
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) || fail "there is no git here: give SOURCE_DATE_EPOCH, the time of the release"
fi
# On several threads xz writes other bytes.
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC XZ_DEFAULTS=--threads=1
unset XZ_OPT GZIP
umask 022

tools_folder=$project/target/dist-tools
install_tools() {
    echo "$tools" | while read -r name version arguments; do
        if grep -qsF "\"$name $version " "$tools_folder/.crates.toml"; then continue; fi
        say "installing $name $version"
        # They run for seconds: they need not be fast.
        # shellcheck disable=SC2086
        env -u CARGO_BUILD_TARGET -u RUSTFLAGS \
            CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
            CARGO_PROFILE_RELEASE_DEBUG=false \
            cargo install --quiet --locked --root "$tools_folder" --version "$version" $arguments "$name" </dev/null
    done
}
install_tools
export PATH="$tools_folder/bin:$PATH"

say "building"
cargo_home=${CARGO_HOME:-$HOME/.cargo}
target_folder=${CARGO_TARGET_DIR:-$project/target}
sysroot=$(rustc --print sysroot)
rust_commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
# Where folders lie on this machine is no part of the program. The last that fits is taken.
remapped="$cargo_home=/cargo
$project=/khw-gen
$target_folder=/target
$sysroot/lib/rustlib/src/rust=/rustc/$rust_commit"
# cargo names the folder of crates after where it has them from.
cargo fetch --quiet --locked --target "$target"
for crates in "$cargo_home"/registry/src/*; do
    remapped="$remapped
$crates=/crates"
done
# Without a library to look the function up in, the crate getrandom would open /dev/urandom, which an empty machine lacks: it calls it at once.
flags=$(printf -- '-Ctarget-feature=+crt-static\037--cfg=getrandom_backend="linux_getrandom"'; echo "$remapped" | while read -r pair; do printf '\037--remap-path-prefix=%s' "$pair"; done)
# Of the C in ring and zstd.
c_flags=$(echo "$remapped" | while read -r pair; do printf -- '-ffile-prefix-map=%s ' "$pair"; done)
env -u RUSTFLAGS CARGO_ENCODED_RUSTFLAGS="$flags" CFLAGS_x86_64_unknown_linux_gnu="$c_flags" CARGO_INCREMENTAL=0 \
    cargo auditable build --locked --profile dist --target "$target" --package khw-gen --bin khw-gen
program=$target_folder/$target/dist/khw-gen

say "staging"
staged=$project/target/staged shipped=$project/target/shipped
rm -rf "$staged" "$shipped"
mkdir -p "$staged/completions" "$shipped"
install -m 0755 "$program" "$staged/khw-gen"
version=$("$staged/khw-gen" --version | cut -d ' ' -f 2)
"$staged/khw-gen" man "$staged/man" >/dev/null
"$staged/khw-gen" completions bash >"$staged/completions/khw-gen.bash"
"$staged/khw-gen" completions zsh >"$staged/completions/_khw-gen"
"$staged/khw-gen" completions fish >"$staged/completions/khw-gen.fish"
cargo about generate --locked --fail --config dist/about.toml dist/about.hbs >"$staged/THIRD-PARTY.txt"
maintainer=$(sed -n '/^\[package.metadata.deb\]/,/^assets/s/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
cat >"$staged/changelog.Debian" <<END
khw-gen ($version-1) unstable; urgency=medium

  * What is new is in CHANGELOG.md.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

name=khw-gen-$version-x86_64-linux
say "$name.tar.gz"
folder=$staged/tarball/$name
mkdir -p "$folder"
cp -R "$staged/khw-gen" "$staged/man" "$staged/completions" "$staged/THIRD-PARTY.txt" dist/Containerfile dist/copyright \
    LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md docs "$folder"
tar --create --directory "$staged/tarball" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --mode=u=rwX,go=rX \
    --owner=0 --group=0 --numeric-owner "$name" | gzip -9n >"$shipped/$name.tar.gz"

gzip -9n "$staged"/man/*.1 "$staged/changelog.Debian" "$staged/THIRD-PARTY.txt"
say "the .deb"
cargo deb --quiet --locked --no-build --no-strip --profile dist --target "$target" --compress-system --output "$shipped/"
say "the .rpm"
cargo generate-rpm --payload-compress gzip --output "$shipped/"

say "what is in it"
# It writes beside each Cargo.toml, and names crates by where they lie.
bom=khw-gen-$version
trap 'rm -f "$project/$bom.cdx.json" "$project/bench/$bom.cdx.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$target" --override-filename "$bom.cdx"
sed "s|file://$project|file:///khw-gen|g" "$bom.cdx.json" >"$shipped/$bom.cdx.json"

say "what it was made with"
{
    "$staged/khw-gen" --version
    printf 'SOURCE_DATE_EPOCH=%s\n\n' "$SOURCE_DATE_EPOCH"
    rustc -vV
    cargo -V
    echo "$tools" | cut -d ' ' -f 1,2
    printf '\n'
    cc --version | head -n 1
    ld --version | head -n 1
    xz --version | head -n 1
    gzip --version | head -n 1
    # The C library that is in it says which it is.
    grep -aom 1 'GNU C Library.*version [0-9.]*[0-9]' "$(cc -print-file-name=libc.a)"
} >"$shipped/built-with.txt"

(cd "$shipped" && sha256sum -- * >"$staged/SHA256SUMS" && mv "$staged/SHA256SUMS" . && cat SHA256SUMS)
