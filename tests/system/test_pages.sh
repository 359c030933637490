#!/usr/bin/env bash
# What the program says about itself, from its option tables: manual pages and completions, and that nothing
# but letters reaches a terminal.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

skipped=()
# has PROGRAM: is it there?  What is not is named in the end.
has() {
    command -v "$1" > /dev/null && return
    skipped+=("$1")
    return 1
}

# Names of commands, and those of the options of one, out of the help pages.
commands() { "$SSMQ" --help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'; }
options() { "$SSMQ" "$1" --help | sed -n '/^options:/,$s/^  \(-o, \)\{0,1\}\(--[a-z-]*\).*/\2/p'; }
mapfile -t names < <(commands)
[ "${#names[@]}" -ge 10 ] || fail "only ${#names[@]} commands in --help"

# ---- manual pages --------------------------------------------------------------------------

# plain FILE: a page as text on one line, without overstriking
plain() { MANPAGER=cat MANWIDTH=80 man -l "$1" 2>&1 | col -bx | tr -s ' \n' ' '; }

# check_page FILE: no roff program finds fault with it
check_page() {
    local said
    if has groff; then
        said=$(groff -man -Tutf8 -ww -z "$1" 2>&1) || fail "groff ends with an error on $1"
        [ -z "$said" ] || fail "groff about $1: $said"
    fi
    if has mandoc; then
        # A page without a date is the same whenever it is made.
        said=$(mandoc -T lint -W warning "$1" 2>&1 | grep -v 'missing date')
        [ -z "$said" ] || fail "mandoc about $1: $said"
    fi
}

run 0 man
expect_err ""
cp "$scratch/out" "$scratch/ssmq.1"
check_page "$scratch/ssmq.1"
for command in "${names[@]}"; do
    run 0 man "$command"
    cp "$scratch/out" "$scratch/page.1"
    check_page "$scratch/page.1"
    while read -r option; do
        for page in "$scratch/ssmq.1" "$scratch/page.1"; do
            grep -qF "\\fB${option//-/\\-}" "$page" || grep -qF "\\-o, ${option//-/\\-}" "$page" ||
                [ "$page $option" = "$scratch/ssmq.1 --help" ] || fail "no $option of $command in its page"
        done
    done < <(options "$command")
done
if has man && has col; then
    text=$(plain "$scratch/ssmq.1")
    for word in "NAME" "ssmq - quantisation experiments" "EXIT STATUS" "ENVIRONMENT" "SSMQ_RUNS" "128+n"; do
        [[ $text == *"$word"* ]] || fail "man shows no '$word'"
    done
fi
refuse 2 "unknown command 'rum'; did you mean 'run'?" man rum
refuse 2 "'check' is one operand too many for 'ssmq man [COMMAND]'" man run check

# ---- completions ---------------------------------------------------------------------------

refuse 2 "'ssmq completion' needs bash|zsh|fish" completion
refuse 2 "'tcsh' is not one of bash, zsh, fish" completion tcsh
for shell in bash zsh fish; do
    run 0 completion $shell
    expect_err ""
    cp "$scratch/out" "$scratch/$shell"
    for command in "${names[@]}"; do
        grep -q "\b$command\b" "$scratch/$shell" || fail "completion for $shell does not know $command"
    done
    ! has $shell || $shell -n "$scratch/$shell" || fail "$shell -n"
done
! has shellcheck || shellcheck -s bash "$scratch/bash" || fail "shellcheck"

mkdir -p "$scratch/here/folder"
touch "$scratch/here/some.yaml" "$scratch/here/other.txt" "$scratch/here/two words.yaml"

# complete WORD...: what bash offers for the last word; it takes --name=value apart itself
complete() {
    (cd "$scratch/here" && bash --norc -c '
        . "$1"; shift
        COMP_WORDS=(ssmq "$@") COMP_CWORD=$#
        _ssmq
        printf "%s\n" "${COMPREPLY[@]}"' - "$scratch/bash" "$@" 2>&1 | sort | paste -sd ' ')
}
# offers EXPECTED WORD...
offers() {
    local expected=$1 got
    shift
    got=$(complete "$@")
    [ "$got" = "$expected" ] || fail "bash, '$*': '$got', not '$expected'"
}
offers "check" che
offers "--help --version" --
offers "--format" run --fo
offers "json text" run x.yaml --format ""
offers "json" run --format j
offers "json" run --format = j
offers "json text" run --format =
offers "--no-cache --no-collect" run x.yaml --no
offers "folder some.yaml two words.yaml" run ""
offers "some.yaml" check a.yaml so
offers "folder other.txt some.yaml two words.yaml" run --out ""
offers "" run --set ""
offers "sites" list s
offers "sites" list --format json s
offers "sites" list --format = json s
offers "show" man sho
offers "show" help sho
offers "zsh" completion z
offers "folder other.txt some.yaml two words.yaml" show ""
# Every option of every command, by its beginning.
for command in "${names[@]}"; do
    offers "$(options "$command" | sort | paste -sd ' ')" "$command" --
done

if has fish; then
    # fish_offers EXPECTED LINE
    fish_offers() {
        local got
        got=$(cd "$scratch/here" && HOME=$scratch fish --no-config -c "source $scratch/fish; complete -C '$2'" |
            cut -f 1 | sort | paste -sd ' ')
        [ "$got" = "$1" ] || fail "fish, '$2': '$got', not '$1'"
    }
    fish_offers "check" "ssmq che"
    fish_offers "--format" "ssmq run --fo"
    fish_offers "json text" "ssmq run x.yaml --format "
    fish_offers "zsh" "ssmq completion z"
    fish_offers "some.yaml" "ssmq check so"
    for command in "${names[@]}"; do
        fish_offers "$(options "$command" | sort | paste -sd ' ')" "ssmq $command --"
    done
fi

if has zsh; then
    # zsh completes on a terminal only: one of its own.
    # zsh_offers EXPECTED LINE: the line that a tab makes of it
    mkdir -p "$scratch/functions"
    cp "$scratch/zsh" "$scratch/functions/_ssmq"
    # shellcheck disable=SC2016  # what stands in single quotes is for zsh
    zsh_offers() {
        (cd "$scratch/here" && TERM=dumb timeout 30 zsh -f -c '
            zmodload zsh/zpty
            zpty -b shell zsh -f -i
            zpty -w shell "PROMPT=; unsetopt zle_bracketed_paste beep; fpath=($1 \$fpath)
                autoload -Uz compinit; compinit -u -D; print READ\"\"Y"
            zpty -r shell got "*READY*"
            zpty -w -n shell "$2"$'"'\\t'"'
            zpty -r shell got "*${3}*"
            zpty -d shell' - "$scratch/functions" "$2" "$1") > "$scratch/zsh.out" 2>&1 ||
            fail "zsh, '$2': no '$1'; $(cat "$scratch/zsh.out")"
    }
    zsh_offers "ssmq check" "ssmq che"
    zsh_offers "ssmq run --format=" "ssmq run --fo"
    zsh_offers "ssmq run --format=json" "ssmq run --format=j"
    zsh_offers "ssmq list sites" "ssmq list s"
    zsh_offers "ssmq check some.yaml" "ssmq check so"
    zsh_offers "ssmq completion fish" "ssmq completion f"
fi

# ---- terminals -----------------------------------------------------------------------------

# No colours and no cursor movements, whatever the terminal claims to be, so NO_COLOR has nothing to do.
if has python3; then
    # shown TERM NO_COLOR ARG...: what a terminal of 30 columns gets
    shown() {
        python3 - "$SSMQ" "$@" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
ssmq, term, no_color, *arguments = sys.argv[1:]
child, fd = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    os.environ.update({"TERM": term, "NO_COLOR": no_color} if no_color else {"TERM": term})
    os.execv(ssmq, [ssmq, *arguments])
while True:
    try:
        got = os.read(fd, 65536)
    except OSError:
        break
    sys.stdout.buffer.write(got)
os.waitpid(child, 0)
PYTHON
    }
    for arguments in "--help" "run --help" "list methods" "check experiments/quickstart.yaml" "run nowhere.yaml" \
        "check configs/recipes/quamba.yaml"; do
        read -ra words <<< "$arguments"
        "$SSMQ" "${words[@]}" > "$scratch/plain" 2>&1 < /dev/null
        for terminal in "xterm-256color" "dumb" ""; do
            for no_color in "" 1; do
                shown "$terminal" "$no_color" "${words[@]}" | tr -d '\r' > "$scratch/shown"
                cmp -s "$scratch/plain" "$scratch/shown" ||
                    fail "TERM=$terminal NO_COLOR=$no_color $arguments: another text than in a file"
            done
        done
        ! grep -q $'\x1b' "$scratch/plain" || fail "$arguments: escape sequences"
    done
fi

[ "${#skipped[@]}" -eq 0 ] || printf 'skipped: pages and completions for what is not installed: %s\n' "$(printf '%s\n' "${skipped[@]}" | sort -u | paste -sd ' ')"
finish
