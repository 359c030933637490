#!/usr/bin/env bash
# What the READMEs say is so: their experiments are valid, the files and folders they name exist.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

# yaml FILE: the first block of YAML in it
yaml() { awk '/^```yaml$/ { on = 1; next } /^```$/ { if (on) exit } on' "$1"; }

diff <(yaml README.md) <(grep -v '^#' experiments/quickstart.yaml) ||
    fail "the experiment in README.md is not experiments/quickstart.yaml"

# The runs in the README's table are those that this version would make.
run 0 check experiments/quickstart.yaml
ids=$(grep -oE '^(float|fake [a-z]+) +[0-9a-f]{16}' README.md | awk '{print $NF}')
while read -r id; do # in its commands, too
    grep -q "$id" <<< "$ids" || fail "README.md names the run $id, which is not in its table"
done < <(grep -oE '\b[0-9a-f]{16}\b' README.md | sort -u)
[ "$ids" = "$(grep -oE '[0-9a-f]{16}  ' <<< "$out" | tr -d ' ')" ] ||
    fail "the ids in README.md are not those of experiments/quickstart.yaml: $ids"

# Paths are relative to the file, so the block is looked at as a file of experiments/.
mkdir -p "$scratch/experiments"
yaml experiments/README.md > "$scratch/experiments/example.yaml"
ln -s "$PWD/configs" "$PWD/models" "$scratch"
run 0 check "$scratch/experiments/example.yaml"

# Words in backquotes that name a file or folder of ours, from the root or from the README's folder.
for readme in README.md */README.md; do
    folder=$(dirname "$readme")
    # shellcheck disable=SC2016  # backquotes are what is searched for
    while read -r path; do
        [ -e "$path" ] || [ -e "$folder/$path" ] || fail "$readme names $path, which does not exist"
    done < <(sed '/^```/,/^```/d' "$readme" | grep -oE '`[a-zA-Z][a-zA-Z0-9_/-]*(/|\.(c|h|sh|yaml|md|zst|raw|txt))`' |
        tr -d '\140' | grep -vE '^(runs|source|lib|conv|open|create|new|log)/|^log\.txt$|^resolved\.yaml$|^sensitivity\.yaml$|NAME' | sort -u)
done

finish
