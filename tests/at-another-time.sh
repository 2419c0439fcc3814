#!/bin/sh
# Runs the tests, as they were last built, with the clock of other days: goldens and certificates of the tests must not expire.
#
# usage: at-another-time.sh DATE [TEST...]   ('2041-06-01 12:00:00', all tests or those programs)
set -eu
cd "$(dirname "$0")/.."
if ! command -v faketime >/dev/null 2>&1; then
    mkdir -p target
    echo "the suite at another time: faketime is not installed" | tee -a target/skipped.txt
    exit 0
fi
# The paths of the test programs, from cargo's own list.
programs=$(cargo test --locked --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"overflow_checks":[a-z]*,"test":true}.*"executable":"\([^"]*\)".*/\1/p')
[ -n "$programs" ] || { echo "there are no test programs" >&2; exit 1; }
date=$1
shift
ran=0
echo "== the clock says $date"
for program in $programs; do
    name=${program##*/}
    name=${name%-*}
    [ $# -eq 0 ] || case " $* " in
        *" $name "*) ;;
        *) continue ;;
    esac
    tests/at-time.sh "@$date" "$program" --quiet
    ran=$((ran + 1))
done
[ "$ran" -ge $# ] || { echo "only $ran of these test programs are there: $*" >&2; exit 1; }
