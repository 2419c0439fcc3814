#!/bin/sh
# Builds a fleet in parts, several at once, and joins them: sh parallel.sh cluster.toml 8 out
# With GNU parallel the parts can be built on several machines, which share this folder:
#     PARALLEL="--sshlogin one,two --workdir $PWD" sh parallel.sh cluster.toml 8 out
# AT_ONCE is how many at once on a machine, one for each processor unless given.
set -eu
spec=$1 shards=$2 out=$3
mkdir -p "$out.parts"

if parallel --version 2>/dev/null | grep -q GNU; then
    seq "$shards" | parallel --will-cite -q -j "${AT_ONCE:-100%}" --halt soon,fail=1 \
        khw-gen build "$spec" -o "$out.parts/{}" --shard "{}/$shards" --jobs 1 --quiet
else
    seq "$shards" | xargs -P "${AT_ONCE:-$(nproc)}" -I '{}' \
        khw-gen build "$spec" -o "$out.parts/{}" --shard "{}/$shards" --jobs 1 --quiet
fi

shift "$#"
for part in $(seq "$shards"); do set -- "$@" "$out.parts/$part"; done
khw-gen merge "$@" -o "$out"
# The parts hold the same secrets once more.
rm -r "$out.parts"
