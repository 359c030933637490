#!/usr/bin/env bash
# Every header compiles alone, as C11 and as C++17.
# usage: headers.sh FLAG...: where the headers of the libraries are
set -uo pipefail

cc=${CC:-cc}
cxx=${CXX:-c++}
command -v "$cxx" > /dev/null || { echo "skipped: no C++ compiler"; exit 77; }
flags=(-fsyntax-only -D_GNU_SOURCE -I. -Wall -Wextra -Wpedantic -Werror "$@")

failures=0 n=0
while read -r header; do
    n=$((n + 1))
    printf '#include "%s"\n' "$header" |
        "$cc" -std=c11 -x c "${flags[@]}" - || failures=$((failures + 1))
    printf '#include "%s"\n' "$header" |
        "$cxx" -std=c++17 -x c++ "${flags[@]}" - || failures=$((failures + 1))
done < <(find harness quant models analysis -name '*.h' | sort)

echo "$n headers, $failures failures"
[ "$n" -gt 0 ] && [ "$failures" -eq 0 ]
