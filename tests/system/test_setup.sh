#!/usr/bin/env bash
# experiments/setup.sh on systems that this one is not: dpkg, apt-get, id and sudo are played by scripts.
# shellcheck disable=SC2016  # what stands in single quotes is for other shells
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

project="$scratch/a project"
mkdir -p "$project/experiments" "$scratch/bin" "$scratch/tools"
cp experiments/setup.sh "$project/experiments"

# play NAME LINE...: a program of that name in the only folder of the PATH
play() { printf '%s\n' '#!/bin/bash' "${@:2}" > "$scratch/bin/$1"; chmod +x "$scratch/bin/$1"; }
for tool in bash cat dirname env grep mkdir rm tail; do ln -s "$(command -v $tool)" "$scratch/tools/$tool"; done

# setup STATUS: runs setup_packages one two three; what it printed is in $err, the calls of apt-get in $calls
setup() {
    local status=0
    : > "$scratch/calls"
    rm -rf "$project/build"
    (cd / && PATH="$scratch/bin:$scratch/tools" CALLS="$scratch/calls" bash -euo pipefail -c \
        '. "$1/experiments/setup.sh"; setup_packages one two three; echo went on' - "$project") \
        > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
    err=$(cat "$scratch/err")
    calls=$(cat "$scratch/calls")
    command_line="setup_packages"
    [ "$status" -eq "$1" ] || fail "setup_packages: status $status, not $1: $err"
    [ "$status" -ne 0 ] || [ "$(cat "$scratch/out")" = "went on" ] || fail "the script did not go on"
}
expect_calls() { [ "$calls" = "$1" ] || fail "apt-get was called so: '$calls', not so: '$1'"; }

# What the programs that are played do.
has_one='[ "$4" = one ] && echo "install ok installed" || exit 1'
has_all='echo "install ok installed"'
log_call='echo "$@" >> "$CALLS"'

play apt-cache 'exit 0'
play id 'echo 0'

# Nothing is missing: nothing is called, so no network is needed.
play dpkg-query 'shift 2; set -- . . . "$1"' "$has_all"
play apt-get "$log_call"
setup 0
expect_err ""
expect_calls ""

# Something is missing, and we are root.
play dpkg-query 'shift 2; set -- . . . "$1"' "$has_one"
setup 0
expect_err "Installing two three"
expect_calls "update
install -y --no-install-recommends two three"

# This release divides its packages otherwise: apt does not know one of them.
play apt-cache '[ "$2" != three ]'
setup 0
expect_err "Installing two"
play apt-cache 'exit 0'

# apt-get fails: the end of what it said, and where the rest is.
play apt-get "$log_call" 'echo "no network" >&2; exit 100'
setup 5
expect_in_err "no network"
expect_in_err "$project/build/setup.log"
expect_in_err "    apt-get update"
expect_calls "update"

# Neither root nor sudo: the list.
play id 'echo 1000'
setup 5
expect_in_err "installing packages takes root or sudo"
expect_in_err "    two
    three"
expect_calls ""

# sudo, which lets us or does not.
play sudo 'exit 1'
setup 5
expect_in_err "sudo did not let us install packages"
play sudo '[ "$1" = -v ] || "$@"'
play apt-get "$log_call"
setup 0
expect_calls "update
install -y --no-install-recommends two three"

# Another kind of system: the list, unless what building takes is there.
rm "$scratch/bin/dpkg-query" "$scratch/bin/apt-get"
setup 5
expect_in_err "packages are only installed on Debian and Ubuntu"
expect_in_err "    one
    two
    three"
for tool in cc cmake ninja pkg-config; do play $tool 'exit 0'; done
setup 0
expect_err ""

finish
