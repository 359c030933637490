#!/usr/bin/env bash
# Every shell script passes shellcheck.
set -euo pipefail

command -v shellcheck > /dev/null || { echo "skipped: no shellcheck"; exit 77; }
mapfile -t scripts < <(find experiments tests -name '*.sh' | sort)
[ -f .ci/run ] && scripts+=(.ci/run)
shellcheck -x -P SCRIPTDIR "${scripts[@]}"
echo "${#scripts[@]} scripts"
