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

# overflowing_model DIR: the shipped model with a layer whose values are finite, but not what they are multiplied with
overflowing_model() {
    cp -r models/tiny-mamba "$1"
    python3 - "$1/model.safetensors" << 'PYTHON'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
begin, end = json.loads(data[8:8 + size])["backbone.layers.3.mixer.D"]["data_offsets"]
for at in range(8 + size + begin, 8 + size + end, 4):
    data[at:at + 4] = struct.pack("<f", 3e38)
open(sys.argv[1], "wb").write(data)
PYTHON
}

finish() {
    echo "$failures failures"
    exit "$((failures > 0))"
}
