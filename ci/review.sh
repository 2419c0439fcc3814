#!/bin/sh
# Reviews a change of a cluster in CI: checks it, compares it with its golden, and tells what it changes since a commit.
#
#   ci/review.sh CLUSTER.TOML [GOLDEN [BASE]]
#
#   CLUSTER.TOML  relative to where it is called
#   GOLDEN  the folder of `khw-gen golden write`; empty for none
#   BASE    a commit to tell the difference from, such as that of the branch a change goes into; empty for none
#
# From the environment: SEED, the text of the seed file; without it is compared and told what does not depend on it. KHW_GEN, the program
# (khw-gen). OUT, a folder for khw-gen.sarif and khw-gen.md (.).
#
# Exits with 1 where something is wrong with the cluster, its golden is of another, or the difference can't be told; a difference from BASE is
# no failure.
set -eu

spec=${1:?usage: review.sh CLUSTER.TOML [GOLDEN [BASE]]}
golden=${2:-} base=${3:-} program=${KHW_GEN:-khw-gen} out=${OUT:-.}
# What a change names as a template may be anything that the program can read: the seed is in nobody's environment.
seed=${SEED:-}
unset SEED
case $spec in /*) echo "review.sh: name $spec relative to this folder" >&2; exit 2 ;; esac
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
    if [ -n "$seed" ]; then
        printf '%s\n' "$seed" | "$program" golden check "$spec" "$golden" --seed-file - || failed=1
    else
        "$program" golden check "$spec" "$golden" --without-seed || failed=1
    fi
fi

: >"$out/khw-gen.md"
if [ -n "$base" ]; then
    echo "== diff since $base"
    # Since the commit that both have, or a branch that is behind would take back what came meanwhile; a shallow clone may lack it.
    since=$(git merge-base "$base" HEAD 2>/dev/null) || since=$base
    if ! git worktree add --quiet --detach "$work/base" "$since"; then
        echo "The difference can't be told: there is no commit $base here." | tee "$out/khw-gen.md"
        exit 1
    fi
    below=$(git rev-parse --show-prefix)$spec
    if [ ! -e "$work/base/$below" ]; then
        echo "There is no $below at $since." | tee "$out/khw-gen.md"
    elif ! "$program" check "$work/base/$below" >"$work/check" 2>&1; then
        echo "There is nothing to compare with: at $since, $below does not compile." | tee "$out/khw-gen.md"
    else
        # No seed is read at the base, and so on neither side: what does not change stays the same.
        status=0
        "$program" diff "$work/base/$below" "$spec" --format markdown --limit 60000 >"$out/khw-gen.md" || status=$?
        if [ "$status" -gt 1 ]; then
            echo "The difference can't be told: the log of the job says why." >"$out/khw-gen.md"
            failed=1
        elif [ ! -s "$out/khw-gen.md" ]; then
            echo "No host changes." >"$out/khw-gen.md"
        fi
        cat "$out/khw-gen.md"
    fi
fi
exit "$failed"
