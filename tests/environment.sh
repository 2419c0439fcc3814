# shellcheck shell=sh
# Read by other scripts, not run: the environment of somebody who has Rust, Go and nothing else, as NAME=value, one a line.
#
# Of this machine's own, only what the clients of the package registries have to be told, and where Rust keeps its things:
# whatever else the tests need, they must say and install themselves.

system_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

registry_settings() {
    env | grep -E '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|SSL_CERT_(FILE|DIR)|CARGO_(HTTP|NET|REGISTR(Y|IES)|SOURCE)_[A-Z0-9_]*|RUSTUP_DIST_SERVER|GO(PROXY|SUMDB|NOSUMDB|PRIVATE|INSECURE)|PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST))=' || true
}

own_environment() {
    # cargo and go by where they are here; a folder that has other programs too is no harm, since they are what is wanted there.
    path=$system_path
    for program in go cargo; do
        found=$(command -v "$program") && path=${found%/*}:$path
    done
    echo "PATH=$path"
    echo "HOME=$HOME"
    echo "LANG=C.UTF-8"
    # What is built once needs no notes for being built again.
    echo "CARGO_INCREMENTAL=0"
    env | grep -E '^(CARGO_HOME|RUSTUP_HOME|RUSTUP_TOOLCHAIN|CI)=' || true
    registry_settings
}
