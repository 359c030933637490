#!/usr/bin/env bash
# `ssmq schema`: the files that are shipped are of that form, and it agrees with the loader.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

run 0 schema
expect_err ""
page=$out
run 0 schema --format json --kind experiment; expect_out "$page"
refuse 2 "option '--format' is 'yaml', not one of json" schema --format yaml
refuse 2 "option '--kind' is 'run', not one of experiment, fragment, recipe" schema --kind run
refuse 2 "'x' is one operand too many for 'ssmq schema'" schema x
[ "$failures" -eq 0 ] || finish

python_with jsonschema yaml || { echo "skipped: no python3-jsonschema, python3-yaml"; exit 77; }
"$python" tests/system/check_schema.py "$SSMQ" "$scratch"
