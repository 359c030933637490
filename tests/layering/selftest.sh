#!/usr/bin/env bash
# The check of the sources finds what is planted, at its line, and nothing in a clean tree.
# usage: selftest.sh LAYERING
set -euo pipefail

layering=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# plant FILE TEXT...: a file of the tree, one line for each TEXT
plant() {
    mkdir -p "$tree/$(dirname "$1")"
    printf '%s\n' "${@:2}" > "$tree/$1"
}

clean() {
    rm -rf "${tree:?}"/*
    plant harness/base/error.h '#pragma once'
    plant harness/contract/model.h '#include "harness/base/error.h"'
    plant harness/exec/exec.h '#include "harness/contract/model.h"' '#include "harness/base/error.h"'
    plant harness/run/run.h '#include "harness/exec/exec.h"' 'int a = SSMQ_MODE_FAKE;'
    plant harness/cli/run.c '#include "harness/run/run.h"' 'int b = 0; // exit(1) and "abort()"'
    plant harness/store/store.h '#include "harness/base/error.h"'
    plant quant/method.c '#include "harness/contract/model.h"'
    plant models/mamba.c '#include "harness/exec/exec.h"' '#include <stdio.h>'
    plant harness/main.c '#include "quant/methods.h"' '#include "harness/cli/run.h"'
    plant quant/methods.h '#pragma once'
    plant harness/cli/run.h '#pragma once'
    plant analysis/show.c '#include "harness/store/store.h"'
}

failures=0
# expect LINE: the check reports exactly this and ends with status 1; without LINE: nothing and 0
expect() {
    local status=0 got
    got=$("$layering" "$tree" | sed '$d') || true
    "$layering" "$tree" > /dev/null || status=$?
    if [ "$got" != "${1-}" ] || [ "$status" != "$((${#1} > 0))" ]; then
        printf 'expected: %s\n     got: %s (status %d)\n' "${1-}" "$got" "$status"
        failures=$((failures + 1))
    fi
}

clean
expect ""

# Edges that the table does not have.
while IFS='|' read -r file include message; do
    clean
    mkdir -p "$tree/$(dirname "$file")"
    printf '#include "%s"\n' "$include" > "$tree/$file"
    expect "$file:1: $message (\"$include\")"
done <<'EDGES'
harness/base/x.c|harness/exec/exec.h|harness/base/ may not include harness/exec/
harness/store/x.c|harness/contract/model.h|harness/store/ may not include harness/contract/
harness/exec/x.c|harness/run/run.h|harness/exec/ may not include harness/run/
harness/run/x.c|harness/cli/run.h|harness/run/ may not include harness/cli/
harness/cli/x.c|quant/methods.h|harness/cli/ may not include quant/
models/x.c|quant/methods.h|models/ may not include quant/
models/x.c|harness/run/run.h|models/ may not include harness/run/
quant/x.c|harness/cli/run.h|quant/ may not include harness/cli/
analysis/x.c|harness/contract/model.h|analysis/ may not include harness/contract/
EDGES

clean; plant quant/x.c '#include "select.h"'
expect 'quant/x.c:1: "select.h" is no file, seen from the root'
clean; plant quant/x.c '' '#  include "harness/base/gone.h"'
expect 'quant/x.c:2: "harness/base/gone.h" is no file, seen from the root'

# Words.
clean; plant quant/x.c '' 'int m = SSMQ_MODE_REAL;'
expect "quant/x.c:2: 'SSMQ_MODE_': only exec and run know the mode"
clean; plant harness/data/x.c 'void f(void) { printf("x"); }'
expect "harness/data/x.c:1: 'printf(': libraries do not print"
clean; plant harness/run/x.c 'void f(void)' '{' '    exit(1);' '}'
expect "harness/run/x.c:3: 'exit(': libraries do not end the program"
clean; plant harness/run/x.c 'FILE *f = stderr;'
expect "harness/run/x.c:1: 'stderr': libraries do not print"
clean; plant quant/x.c 'int r = rand();'
expect "quant/x.c:1: 'rand(': random numbers come from harness/base/rng.h"
later="TO""DO"
clean; plant models/x.c "int x; // $later: later"
expect "models/x.c:1: a note for later, '$later'"
clean; plant tests/x.sh "# $later"
expect "tests/x.sh:1: a note for later, '$later'"
clean; plant harness/data/x.c '#if 0' 'int x;' '#endif'
expect "harness/data/x.c:1: code behind '#if 0'"

# Lengths.
clean
{ echo 'void f(void)'; echo '{'; yes '    g();' | head -81; echo '}'; } > "$tree/quant/x.c" || true
expect 'quant/x.c:2: a function of 81 lines, more than 80'
clean
yes 'int x;' | head -601 > "$tree/quant/x.c" || true
expect 'quant/x.c:601: a file of 601 lines, more than 600'

exit "$((failures > 0))"
