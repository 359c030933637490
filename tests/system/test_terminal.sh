#!/usr/bin/env bash
# The progress line: redrawn on a terminal, plain lines where it cannot be, nothing of it on stdout.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
command -v python3 > /dev/null || { echo "skipped: no python3"; exit 77; }

# on_terminal TERM COLUMNS: what a terminal of that width gets of a short run's stderr; stdout is a file
on_terminal() {
    python3 - "$1" "$2" "$scratch" "$SSMQ" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
term, columns, scratch, ssmq = sys.argv[1:]
evaluate = ("evaluate=[{id: w, task: perplexity, data: {file: configs/data/wiki.test.raw}, "
            "dialect: gptq, window: 512, limit: 4}]")
child, fd = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(columns), 0, 0))
    os.environ["TERM"] = term
    os.dup2(os.open(scratch + "/stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.execv(ssmq, [ssmq, "run", "experiments/quickstart.yaml", "--set", "mode=float", "--set", evaluate,
                    "--out", scratch + "/" + term + columns])
while True:
    try:
        got = os.read(fd, 65536)
    except OSError:
        break
    sys.stdout.write(got.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
}

begun=$'\r[1/1] float: w'
for terminal in "xterm 80" "xterm 40" "xterm 0"; do # 0: the terminal does not tell
    # shellcheck disable=SC2086  # two words
    got=$(on_terminal $terminal) || fail "$terminal: status $?"
    [[ $got == *"$begun"* ]] || fail "$terminal: no redrawn line in: $got"
    [[ $got == *"float: w: 4 windows in "* ]] || fail "$terminal: no last line in: $got"
    [ "$(head -c 3 "$scratch/stdout")" = run ] || fail "$terminal: stdout begins otherwise"
done
for terminal in "xterm 39" "dumb 80"; do
    # shellcheck disable=SC2086  # two words
    got=$(on_terminal $terminal) || fail "$terminal: status $?"
    [[ $got != *"$begun"* ]] || fail "$terminal: a redrawn line in: $got"
    [[ $got == *"float: w: 4 windows in "* ]] || fail "$terminal: no last line in: $got"
done

# What only reads prints the same on a terminal, however narrow, and in a file: no colour, nothing redrawn.
run 0 run experiments/quickstart.yaml --set mode=float --set evaluate.wt2.window=64 --set evaluate.wt2.limit=1 --out "$scratch/runs"
here="$scratch/runs/quickstart"
shown() { # shown TERM COLUMNS ARGUMENT...: what a terminal gets of stdout and stderr
    python3 - "$@" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
child, fd = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[2]), 0, 0))
    os.environ["TERM"] = sys.argv[1]
    os.execv(os.environ["SSMQ"], [os.environ["SSMQ"], *sys.argv[3:]])
got = b""
while True:
    try:
        got += os.read(fd, 65536)
    except OSError:
        break
sys.stdout.buffer.write(got.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
}
for words in "compare $here" "compare $here --format latex" "show $here" "diff $here $here" "verify $here" "gc $scratch/runs" \
    "export ablation $here --metric ppl" "report $here -o $scratch/page.html" "man" "compare --help"; do
    # shellcheck disable=SC2086 # words of their own
    run 0 $words
    for terminal in "xterm-256color 20" "xterm-256color 200" "dumb 0"; do
        # shellcheck disable=SC2086
        got=$(shown $terminal $words) || fail "$words on $terminal: status $?"
        [ "$got" = "$out" ] || [ "$words" = "gc $scratch/runs" ] || fail "$words on $terminal prints something else: $got"
        [[ $got != *$'\e'* ]] || fail "$words on $terminal prints escape sequences"
    done
done

finish
