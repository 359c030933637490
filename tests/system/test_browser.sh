#!/usr/bin/env bash
# The page of `ssmq report` in headless Chromium: nothing on its console, no request, something to be seen, on a telephone too.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"
command -v chromium > /dev/null || { echo "skipped: no chromium (Debian: chromium)"; exit 77; }

write_sweep "$scratch/sweep.yaml" swept
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
run 0 report "$scratch/runs/swept" -o "$scratch/page.html"

# browse NAME ARGUMENT...: what Chromium says in NAME.said, what it asked for in NAME.net
browse() {
    local name=$1
    shift
    timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$scratch/$name.profile" \
        --disable-background-networking --disable-component-update --no-first-run --enable-logging=stderr \
        --log-net-log="$scratch/$name.net" "$@" > "$scratch/$name.out" 2> "$scratch/$name.said"
}
# asked NAME: what was asked for but the page itself and what Chromium asks its makers for
asked() {
    grep -o '"url":"[^"]*"' "$scratch/$1.net" | cut -d'"' -f4 | sort -u |
        grep -vE '^(file|chrome|chrome-extension|data|about|devtools|chrome-untrusted):|google|gstatic|gvt1|chromium'
    [ -s "$scratch/$1.net" ]
}
browse wide --window-size=1100,1600 --screenshot="$scratch/wide.png" "file://$scratch/page.html" || {
    echo "skipped: chromium does not start: $(tail -1 "$scratch/wide.said")"
    exit 77
}
browse narrow --window-size=500,900 --screenshot="$scratch/narrow.png" "file://$scratch/page.html" || fail "chromium ended with $?"
browse dom --dump-dom "file://$scratch/page.html" || fail "chromium ended with $?"
grep -c '<figure>' "$scratch/dom.out" > /dev/null || fail "no figure in the document"
for name in wide narrow dom; do
    ! grep CONSOLE "$scratch/$name.said" || fail "the console has messages"
    asked "$name" > "$scratch/asked" || fail "no log of requests"
    [ ! -s "$scratch/asked" ] || fail "the page asks for $(cat "$scratch/asked")"
done
for name in wide narrow; do
    # A page of one colour compresses to almost nothing.
    [ "$(head -c 8 "$scratch/$name.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "no PNG"
    [ "$(stat -c %s "$scratch/$name.png")" -gt 20000 ] || fail "$name.png shows next to nothing"
done
# The checks see what they look for.
sed -e '/Content-Security-Policy/d' \
    -e 's#</main>#<script>console.log("seen")</script><img src="http://localhost:9/x.png" alt="x"></main>#' \
    "$scratch/page.html" > "$scratch/bad.html"
browse bad --dump-dom "file://$scratch/bad.html"
grep -q CONSOLE "$scratch/bad.said" || fail "the check of the console sees nothing"
asked bad | grep localhost:9 > /dev/null || fail "the check of requests sees nothing"
finish
