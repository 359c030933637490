# Sourced by the tests that run the program: SSMQ is its path, the working directory the project root.
# shellcheck shell=bash

[ -x "${SSMQ:?the path of the program}" ] || { echo "$SSMQ is no program"; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    printf 'FAILED: %s\n' "$*"
    failures=$((failures + 1))
}

# run STATUS ARG...: runs ssmq; what it wrote is in $out and $err
run() {
    local wanted=$1 status=0
    shift
    command_line="ssmq $*"
    "$SSMQ" "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
    out=$(cat "$scratch/out")
    err=$(cat "$scratch/err")
    [ "$status" -eq "$wanted" ] || fail "$command_line: status $status, not $wanted; stderr: $err"
}

# What the last run wrote, exactly; or a line or part of it.
expect_out() { [ "$out" = "$1" ] || fail "$command_line: stdout is '$out', not '$1'"; }
expect_err() { [ "$err" = "$1" ] || fail "$command_line: stderr is '$err', not '$1'"; }
expect_in_out() { [[ $out == *"$1"* ]] || fail "$command_line: no '$1' in stdout: $out"; }
expect_in_err() { [[ $err == *"$1"* ]] || fail "$command_line: no '$1' in stderr: $err"; }

# refuse STATUS MESSAGE ARG...: ends so, with this one line on stderr and nothing on stdout
refuse() {
    local status=$1 message=$2
    shift 2
    run "$status" "$@"
    expect_out ""
    expect_err "ssmq: error: $message"
}

# python_with MODULE...: $python is one that has these modules, Debian's if it does; false if there is none
python_with() {
    local candidate
    for candidate in /usr/bin/python3 python3; do
        python=$candidate
        "$python" -c "import $(IFS=,; echo "$*")" 2> /dev/null && return
    done
    return 1
}

finish() {
    echo "$failures failures"
    exit "$((failures > 0))"
}
