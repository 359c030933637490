#!/usr/bin/env bash
# Sourced by experiments/quickstart.sh and tests/run.sh: installs what is missing, configures, builds.
# Says little; what the commands said is in build/setup.log, and its end is shown when one fails.
#
#     setup_packages PACKAGE...    installs those that are missing (Debian, Ubuntu)
#     setup_build FOLDER ARG...    cmake -S . -B FOLDER ARG..., then builds
#
# Both end the script that called them, with a status other than 0, where they cannot do their work.

SSMQ_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SSMQ_SETUP_LOG="$SSMQ_ROOT/build/setup.log"

# What building takes, by its name in Debian and Ubuntu.
# shellcheck disable=SC2034  # for the scripts that source this file
SSMQ_BUILD_PACKAGES=(
    build-essential cmake ninja-build pkg-config git
    libopenblas-openmp-dev libhdf5-dev libyaml-dev libjansson-dev libpcre2-dev libutf8proc-dev
    libzstd-dev libssl-dev zlib1g-dev gnuplot-nox
)
# What the tests take beside that.
# shellcheck disable=SC2034  # as above
SSMQ_TEST_PACKAGES=(
    libcmocka-dev libdnnl-dev shellcheck clang libclang-rt-dev libomp-dev hdf5-tools
    python3-h5py python3-xarray python3-h5netcdf python3-netcdf4 python3-jsonschema python3-yaml mandoc zsh fish
    slurm-wlm munge
)

setup_say() { printf '%s\n' "$*" >&2; }

# Runs a command into the log; shows the log's end if it fails.
setup_logged() {
    printf '\n$ %s\n' "$*" >> "$SSMQ_SETUP_LOG"
    if ! "$@" >> "$SSMQ_SETUP_LOG" 2>&1 < /dev/null; then
        tail -n 40 "$SSMQ_SETUP_LOG" >&2
        setup_say "ssmq: this command ended with an error (the whole output: $SSMQ_SETUP_LOG):"
        setup_say "    $*"
        exit 5
    fi
}

setup_open_log() {
    mkdir -p "$SSMQ_ROOT/build" 2> /dev/null || true
    if ! { : >> "$SSMQ_SETUP_LOG"; } 2> /dev/null; then
        setup_say "ssmq: $SSMQ_ROOT/build cannot be written to"
        exit 5
    fi
}

# Prints those of the packages that dpkg does not have, one a line.
setup_missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}\n' "$package" 2> /dev/null | grep '^install ok installed' > /dev/null ||
            printf '%s\n' "$package"
    done
}

# Prints those of the packages that apt has heard of: other releases divide some of them otherwise.
setup_known() {
    local package
    for package in "$@"; do
        apt-cache show "$package" > /dev/null 2>&1 && printf '%s\n' "$package"
    done
    return 0
}

# Whether what building takes is there, on a system without dpkg.
setup_has_tools() {
    local tool
    for tool in cc cmake ninja pkg-config; do
        command -v "$tool" > /dev/null || return 1
    done
    pkg-config --exists openblas yaml-0.1 jansson libpcre2-8 libutf8proc libzstd libcrypto zlib
}

setup_stop_with_list() {
    setup_say "ssmq: $1.  What it stands on, by the names of Debian 12; install these and run this again:"
    shift
    printf '    %s\n' "$@" >&2
    exit 5
}

setup_packages() {
    setup_open_log
    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        setup_has_tools && return
        setup_stop_with_list "packages are only installed on Debian and Ubuntu" "$@"
    fi
    local missing
    mapfile -t missing < <(setup_missing "$@")
    # Where apt's lists are there at all, what they do not have is no reason to fetch them again.
    [ -z "$(setup_known build-essential)" ] || mapfile -t missing < <(setup_known "${missing[@]}")
    [ "${#missing[@]}" -gt 0 ] || return 0
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo > /dev/null ||
            setup_stop_with_list "installing packages takes root or sudo" "${missing[@]}"
        # Asks for the password here, if at all, since the commands below have no terminal.
        sudo -v || setup_stop_with_list "sudo did not let us install packages" "${missing[@]}"
        sudo=(sudo)
    fi
    setup_say "Installing ${missing[*]}"
    setup_logged "${sudo[@]}" apt-get update
    mapfile -t missing < <(setup_known "${missing[@]}")
    setup_logged "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

# A folder that another generator or another copy of the sources has configured cannot be used again.
setup_drop_foreign_cache() {
    local cache="$1/CMakeCache.txt"
    [ -f "$cache" ] || return 0
    grep -qx 'CMAKE_GENERATOR:INTERNAL=Ninja' "$cache" &&
        grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$SSMQ_ROOT" "$cache" && return 0
    rm -rf "$cache" "$1/CMakeFiles"
}

setup_build() {
    local folder=$1
    shift
    setup_open_log
    setup_drop_foreign_cache "$folder"
    setup_say "Building in ${folder#"$SSMQ_ROOT/"}"
    setup_logged cmake -S "$SSMQ_ROOT" -B "$folder" -G Ninja "$@"
    setup_logged cmake --build "$folder"
}
