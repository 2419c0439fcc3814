#!/bin/sh
# One TOML file, one JSON Schema, two validators, two answers: a TOML datetime has no JSON type, and each validator writes it as
# a text of its own before the schema sees it. taplo keeps RFC 3339's `Z` and fraction as written; check-jsonschema has gone through
# Python's isoformat, so `Z` is `+00:00` and a fraction has six digits. So a pattern or enumeration over a datetime can't hold for both,
# and a field that is to be checked has to be a quoted string.
#
# Seen with taplo 0.9.3 and check-jsonschema 0.39.0 (Python 3.11). Exits with 0 while this is so, with 1 when it has changed.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check taplo==0.9.3 check-jsonschema==0.39.0
cd "$folder"

# schema PATTERN: the field `issued` is a text of this pattern.
schema() {
    printf '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"issued": {"type": "string", "pattern": "%s"}}}\n' "$1" >schema.json
}

takes_it() {
    if "$@" >output 2>&1; then echo yes; else echo no; fi
}

changed=0
# expect WHAT VALUE PATTERN TAPLO CHECK_JSONSCHEMA
expect() {
    printf 'issued = %s\n' "$2" >file.toml
    schema "$3"
    taplo=$(takes_it venv/bin/taplo lint --schema "file://$folder/schema.json" file.toml)
    check=$(takes_it venv/bin/check-jsonschema --schemafile schema.json file.toml)
    printf '%-34s %-26s pattern %-12s taplo: %-3s  check-jsonschema: %s\n' "$1" "$2" "$3" "$taplo" "$check"
    [ "$taplo $check" = "$4 $5" ] || { echo "  expected: $4, $5"; changed=1; }
}

expect "as text"                          '"2026-01-01T00:00:00Z"'   'Z$'        yes yes
expect "as a datetime"                    '2026-01-01T00:00:00Z'     'Z$'        yes no
expect "as a datetime, Python's way"      '2026-01-01T00:00:00Z'     '00:00$'    no  yes
expect "as a datetime with a fraction"    '2026-01-01T00:00:00.5Z'   '[.]500000' no  yes
exit "$changed"
