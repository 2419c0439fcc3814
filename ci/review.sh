#!/bin/sh
# Reviews a change of a cluster in CI: checks it, compares it with its golden, and tells what it changes since a commit.
#
#   ci/review.sh CLUSTER.TOML [GOLDEN [BASE]]
#
#   GOLDEN  the folder of `khw-gen golden write`; empty for none
#   BASE    a commit to tell the difference from, such as that of the branch a change goes into; empty for none
#
# From the environment: SEED, the text of the seed file; without it is compared and told what does not depend on it. KHW_GEN, the program
# (khw-gen). OUT, a folder for khw-gen.sarif and khw-gen.md (.).
#
# Exits with 1 where something is wrong with the cluster or its golden is of another; a difference from BASE is no failure.
set -eu

spec=${1:?usage: review.sh CLUSTER.TOML [GOLDEN [BASE]]}
golden=${2:-} base=${3:-} program=${KHW_GEN:-khw-gen} out=${OUT:-.}
mkdir -p "$out"
work=$(mktemp -d)
failed=0

trap '[ ! -e "$work/base" ] || git worktree remove --force "$work/base"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

echo "== check"
"$program" check "$spec" --format sarif >"$out/khw-gen.sarif" || failed=1
"$program" check "$spec" || exit 1

if [ -n "$golden" ]; then
    echo "== golden check"
    if [ -n "${SEED:-}" ]; then
        printf '%s\n' "$SEED" | "$program" golden check "$spec" "$golden" --seed-file - || failed=1
    else
        "$program" golden check "$spec" "$golden" --without-seed || failed=1
    fi
fi

: >"$out/khw-gen.md"
if [ -n "$base" ]; then
    echo "== diff since $base"
    git worktree add --quiet --detach "$work/base" "$base"
    below=$(git rev-parse --show-prefix)$spec
    if [ -e "$work/base/$below" ]; then
        # No seed is read on either side: what does not change stays the same, and nothing that is said depends on a key.
        "$program" diff "$work/base/$below" "$spec" --format markdown --limit 60000 >"$out/khw-gen.md" || [ $? -eq 1 ] || failed=1
        [ -s "$out/khw-gen.md" ] || echo "No host changes." >"$out/khw-gen.md"
        cat "$out/khw-gen.md"
    else
        echo "There is no $below at $base." | tee "$out/khw-gen.md"
    fi
fi
exit "$failed"
