#!/bin/sh
# Tries every flag of src/catalog/flags.tsv on a real program: tests/flags/check-binary.sh BIN COMPONENT MINOR
#
# BIN may be several words (`hyperkube kubelet`); MINOR is 14 for Kubernetes 1.14 and 5 for etcd 3.5. The program is never
# started: it is given one flag and then two that no program has, and which of the three it says is unknown tells whether it
# knows the first, and whether that one took the second for its value. What its --help shows and the table lacks is named too.
# Nothing is printed and the exit code is 0 if table and program say the same.
#
# The table speaks of components that are programs of their own. Where several are one program, kube-proxy also knows the
# flags that the others' libraries (cadvisor) put on Go's own command line.
set -u
bin=$1 component=$2 minor=$3
table=$(dirname "$0")/../../src/catalog/flags.tsv
wrong=0

say() {
    echo "$component $minor: $*"
    wrong=1
}

# ask FLAG: `unknown`, `switch` (the next word was a flag of its own) or `value` (the next word was its value).
ask() {
    answer=$(timeout 20 $bin "--$1" --zzz-one --zzz-two 2>&1 </dev/null |
        grep -m1 -E 'unknown flag: --|not defined: -|invalid (argument|value|boolean)' | sed 's/"$//')
    case $answer in
    *invalid*zzz-one*) echo value ;;
    *": --zzz-one" | *": -zzz-one") echo switch ;;
    *": --zzz-two" | *": -zzz-two") echo value ;;
    *": --$1" | *": -$1") echo unknown ;;
    *) echo "gives no clear answer: $answer" ;;
    esac
}

# The table's view of this minor: name and `bool` or `-`.
expected=$(awk -F'\t' -v c="$component" -v m="$minor" \
    '$1 == c && ($3 == "-" || $3 <= m) && ($4 == "-" || $4 >= m) { print $3 == "" ? "" : $2, $5 }' "$table")
[ -n "$expected" ] || { echo "the table has nothing for $component $minor" >&2; exit 2; }

all=$(awk -F'\t' -v c="$component" '$1 == c { print $2 }' "$table" | sort -u)
help=$(timeout 20 $bin --help 2>&1 </dev/null | grep -o -E '^ +(-[a-zA-Z0-9], )?--[a-z0-9][a-zA-Z0-9_-]*' | sed 's/.*--//' | tr _ - | sort -u)
for flag in $(printf '%s\n' $all $help | sort -u); do
    [ "$flag" = help ] && continue
    want=$(printf '%s\n' "$expected" | awk -v f="$flag" '$1 == f { print $2 == "bool" || $2 == "switch" ? "switch" : "value" }')
    got=$(ask "$flag")
    [ "$got" = "${want:-unknown}" ] || say "--$flag: the table says ${want:-unknown}, the program $got"
done
exit $wrong
