#!/usr/bin/env bash
# The first command of the README: installs what is missing, builds ssmq, and runs
# experiments/quickstart.yaml.  Arguments are handed to `ssmq run`.
set -euo pipefail

# shellcheck source=experiments/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

setup_packages "${SSMQ_BUILD_PACKAGES[@]}"
setup_build "$SSMQ_ROOT/build/release" -DCMAKE_BUILD_TYPE=Release

exec "$SSMQ_ROOT/build/release/ssmq" run "$SSMQ_ROOT/experiments/quickstart.yaml" "$@"
