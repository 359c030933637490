#!/usr/bin/env bash
# What `cmake --install` leaves works by itself: the program, its experiments, and the library as others
# find it, by CMake and by pkg-config.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

place="$scratch/usr"
cmake --install "${BUILD:?the folder of the build}" --prefix "$place" > "$scratch/log" 2>&1 ||
    fail "cmake --install: $(tail -3 "$scratch/log")"
SSMQ="$place/bin/ssmq"

# ---- the program, with what it ships ---------------------------------------------------------

shipped="$place/share/ssmq"
run 0 --version
run 0 check "$shipped/experiments/quickstart.yaml"
run 0 run "$shipped/experiments/quickstart.yaml" --set 'mode=[float, fake]' --set calibration.count=1 --set 'evaluate.wt2.window=64' \
    --set 'evaluate.wt2.limit=1' --out "$scratch/runs"
expect_in_out "float"
run 0 export layers "$scratch/runs/quickstart" --quantity scale --site scan.x --format gnuplot # with its scripts
expect_in_out "plot for"
for file in LICENSE NOTICE README.md; do
    [ -n "$(find "$place/share/doc" -name "$file")" ] || fail "no $file is installed"
done

for page in man:man/man1/ssmq.1 "completion bash:bash-completion/completions/ssmq" \
    "completion zsh:zsh/site-functions/_ssmq" "completion fish:fish/vendor_completions.d/ssmq.fish"; do
    # shellcheck disable=SC2086  # two words
    run 0 ${page%%:*}
    cmp -s "$scratch/out" "$place/share/${page#*:}" || fail "share/${page#*:} is not what ssmq ${page%%:*} prints"
done

# ---- the library -----------------------------------------------------------------------------

mkdir "$scratch/user"
cat > "$scratch/user/main.c" <<'C'
#include <stdio.h>
#include <harness/base/build.h>
#include <quant/methods.h>

int main(void)
{
    return printf("%s %s\n", ssmq_build_info()->version, ssmq_methods[0]->name) < 0;
}
C
cat > "$scratch/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(user C)
find_package(ssmq 0.1 REQUIRED)
add_executable(user main.c)
target_link_libraries(user PRIVATE ssmq::ssmq)
CMAKE

# Built with the compiler and the sanitizers of the library.
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
sanitize=$(sed -n 's/^SSMQ_SANITIZE:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
flags=(${sanitize:+"-fsanitize=$sanitize"})
expected=$("$SSMQ" --version | sed -n '1s/^ssmq \([0-9.]*\).*/\1/p')

{
    cmake -S "$scratch/user" -B "$scratch/user/build" -DCMAKE_PREFIX_PATH="$place" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="${flags[*]}" &&
        cmake --build "$scratch/user/build"
} > "$scratch/log" 2>&1 || fail "find_package(ssmq): $(tail -5 "$scratch/log")"
[ "$("$scratch/user/build/user")" = "$expected weights" ] || fail "the program made by CMake"

PKG_CONFIG_PATH=$(find "$place" -name pkgconfig)
export PKG_CONFIG_PATH
read -ra words < <(pkg-config --cflags --libs --static ssmq 2> "$scratch/log") ||
    fail "pkg-config: $(cat "$scratch/log")"
"$cc" "${flags[@]}" "$scratch/user/main.c" -o "$scratch/user/plain" "${words[@]}" > "$scratch/log" 2>&1 ||
    fail "cc with pkg-config: $(tail -5 "$scratch/log")"
[ "$("$scratch/user/plain")" = "$expected weights" ] || fail "the program made with pkg-config"

finish
