# Results of runs held against each other: `. tests/support/results.sh` behind cli.sh.
# shellcheck shell=bash disable=SC2154 # command_line is of cli.sh

# same_results N A B: the N runs of folder A, by their ids, have equal bytes in B
same_results() {
    local file n=0
    for file in "$2"/*/run.h5; do
        cmp -s "$file" "$3/$(basename "$(dirname "$file")")/run.h5" || fail "$command_line: $file differs in $3"
        n=$((n + 1))
    done
    [ "$n" -eq "$1" ] || fail "$n results in $2, not $1"
}
