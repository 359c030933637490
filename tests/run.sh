#!/usr/bin/env bash
# The second command of the README: the same set-up, then all tests through ctest, in three builds:
#
#     release      everything
#     asan+ubsan   the address and undefined-behaviour sanitizers: all but the longest experiments, tests of texts that
#                  are printed, processes that are to crash (a sanitizer takes the signal), what looks at
#                  sources or results, and the experiments that tsan has
#     tsan         the thread sanitizer, under clang: every kernel and contract with several threads, and a
#                  few whole experiments
#
# --quick runs only the first.  Ends with ctest's summaries and a status other than 0 if a test failed.
set -euo pipefail

# shellcheck source=experiments/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../experiments/setup.sh"

quick=no
for argument in "$@"; do
    case $argument in
        --quick) quick=yes ;;
        *) setup_say "usage: run.sh [--quick]"; exit 2 ;;
    esac
done

setup_packages "${SSMQ_BUILD_PACKAGES[@]}" "${SSMQ_TEST_PACKAGES[@]}"

# New warnings of a newer compiler stop us, not those who only want to test what they have.
werror=OFF
[ "${CI:-false}" = true ] && werror=ON

# ctest_in BUILD ARG...: the tests of a build; what ctest says at its end is kept for ours
bad=0 total=0 failed=0 summaries=""
ctest_in() {
    local name=$1 log line
    shift
    log="$SSMQ_ROOT/build/$name/ctest.log"
    setup_say "Testing in build/$name"
    (cd "$SSMQ_ROOT/build/$name" && ctest --output-on-failure -j "$(nproc)" "$@") > "$log" 2>&1 || bad=1
    grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed )|^Test project ' "$log" || true
    grep -h '^skipped: ' "$SSMQ_ROOT/build/$name/Testing/Temporary/LastTest.log" | sort -u || true
    line=$(grep -E '^[0-9]+% tests passed,' "$log" || echo 'no test ran')
    summaries+="$name: $line"$'\n'
    if [[ $line =~ ([0-9]+)\ tests?\ failed\ out\ of\ ([0-9]+) ]]; then
        failed=$((failed + BASH_REMATCH[1])) total=$((total + BASH_REMATCH[2]))
    else
        bad=1
    fi
}

setup_build "$SSMQ_ROOT/build/release" -DCMAKE_BUILD_TYPE=Release -DSSMQ_WERROR=$werror
ctest_in release

if [ "$quick" = no ]; then
    setup_build "$SSMQ_ROOT/build/asan+ubsan" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O2 -g' \
        -DSSMQ_SANITIZE=address,undefined
    not_again='calibration_cache|collect|compare|dialects|experiments|failures|full_disk|hidden_cache|kill_loop|pages'
    not_again+='|prefill_memory|resume|run|run_figures|run_memory|schema|sensitivity|slurm|tables|terminal|tiny_mamba'
    not_again+='|token_cache|workers'
    ctest_in asan+ubsan -LE 'layering|results' -E "system/test_($not_again)$"
    setup_build "$SSMQ_ROOT/build/tsan" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O2 -g' \
        -DCMAKE_C_COMPILER=clang -DSSMQ_SANITIZE=thread
    ctest_in tsan -R '^(kernels|conformance|golden)/|^system/test_(run|collect)$'
fi

printf '\n%s\n' "$summaries"
[ "$total" -eq 0 ] ||
    echo "$(((total - failed) * 100 / total))% tests passed, $failed tests failed out of $total"
exit "$bad"
