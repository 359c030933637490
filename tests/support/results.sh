# Results of runs held against each other: `. tests/support/results.sh` behind cli.sh.
# shellcheck shell=bash disable=SC2154 # command_line and python are of cli.sh

# same_results N A B: the N runs of folder A, by their ids, have equal bytes in B
same_results() {
    local file n=0
    for file in "$2"/*/run.h5; do
        cmp -s "$file" "$3/$(basename "$(dirname "$file")")/run.h5" || fail "$command_line: $file differs in $3"
        n=$((n + 1))
    done
    [ "$n" -eq "$1" ] || fail "$n results in $2, not $1"
}

# readable FILE PATH...: h5py, xarray and the HDF5 tools read it, and the paths are there; without them the test is
# skipped, for the reason that check_results.py prints
readable() {
    "$python" tests/results/check_results.py "$@"
    case $? in
        0) ;;
        77) exit 77 ;;
        *) fail "check_results.py $1" ;;
    esac
}
