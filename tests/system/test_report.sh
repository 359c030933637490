#!/usr/bin/env bash
# `ssmq report`: what stands on the page, that nothing on it is markup by accident, that it needs nothing else.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"

# page FILE TEXT...: well-formed, with unique names, without scripts and references, and with these texts
page() {
    python3 - "$@" <<'PYTHON' || fail "the page $1"
import html.parser, sys
file, texts = sys.argv[1], sys.argv[2:]
void = {"meta", "link", "br", "img", "hr"}

class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.tags.append((tag, a))
        if tag not in void:
            self.open.append(tag)
        if "id" in a:
            self.ids.append(a["id"])
        for key in ("href", "xlink:href", "src", "action", "data"):
            if key in a:
                self.links.append(a[key])
        assert not any(k.startswith("on") for k in a), a

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in void:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.text.append(data)

p = Page()
source = open(file, encoding="utf-8").read()
p.feed(source)
assert not p.open, p.open
assert len(set(p.ids)) == len(p.ids), sorted(i for i in p.ids if p.ids.count(i) > 1)[:3]
assert all(l.startswith("#") and l[1:] in p.ids for l in p.links), [l for l in p.links if l[1:] not in p.ids]
names = [tag for tag, _ in p.tags]
assert not {"script", "img", "iframe", "link", "object", "embed", "b"} & set(names)
assert names.count("h1") == 1 and names.count("table") == names.count("caption") >= 3
assert all("scope" in a for tag, a in p.tags if tag == "th")
assert all(a.get("role") == "img" and a.get("aria-label") for tag, a in p.tags if tag == "svg")
assert dict(p.tags[0][1]).get("lang") == "en" and "prefers-color-scheme" in source and "@media print" in source
assert any(a.get("name") == "viewport" for tag, a in p.tags if tag == "meta")
words = " ".join(" ".join(p.text).split())
missing = [t for t in texts if t not in words]
assert not missing, missing
PYTHON
}

write_sweep "$scratch/sweep.yaml" swept
cat >> "$scratch/sweep.yaml" <<'YAML'
expect:
  - {evaluation: wt2, metric: ppl, where: {mode: float}, value: 1, tolerance: 1%, source: '<i>someone</i> & "others"'}
YAML
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
here="$scratch/runs/swept"

# What `ssmq run` has printed, `ssmq show` prints again: axes, baseline and what was expected.
table=$out
run 0 show "$here"
expect_in_out "baseline  a run for each, which ssmq compare names

$table"
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs" --format json
cp "$scratch/out" "$scratch/run.json"
run 0 show "$here" --format json
python3 -c 'import json, sys
run, show = (json.load(open(f)) for f in sys.argv[1:])
assert show["runs"] == run["runs"] and show["ranking"] == run["ranking"], show["runs"][0]
assert any(r["against"] and r["expected"] == [] for r in show["runs"]) and show["runs"][0]["expected"]' \
    "$scratch/run.json" "$scratch/out" || fail "show and run do not say the same"
run 0 report "$here" -o "$scratch/new/swept.html"
expect_out ""
expect_err ""
id=$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$here/sweep.json" | tail -1)
# shellcheck disable=SC2016 # no dollar is meant
page "$scratch/new/swept.html" 'does <script>alert("&")</script> cost 100% of $5_000?' '<i>someone</i> & "others"' OUTSIDE \
    "5 done" "layers.*.{in_proj,out_proj}.in" "dialect gptq, windows of 32 tokens" "$id" "recipe.w.bits" "model/model.safetensors" \
    "the run with bits=8 and else the same values" "the lowest log-perplexity is that of" "resolved.yaml of float"
grep -q "run: {backend" "$scratch/new/swept.html" || grep -q "^mode: fake" "$scratch/new/swept.html" || fail "no resolved configuration"
! grep -q "$scratch" <(grep -v 'path:\|file:\|tokenizer:\|data.file' "$scratch/new/swept.html" | grep -v '<td>') || fail "paths of this machine"

# A run goes by the name that the list has for it now.
cp -r "$here" "$scratch/renamed"
sed -i 's/fake at_sites=layers.?.scan.x bits=4/fake by another name/' "$scratch/renamed/sweep.json"
run 0 report "$scratch/renamed" -o "$scratch/renamed.html"
page "$scratch/renamed.html" "fake by another name"
run 0 show "$scratch/renamed"
expect_in_out "fake by another name"

# Equal content, equal bytes, wherever the page goes.
run 0 report "$here/" --output "$scratch/b.html"
cmp "$scratch/new/swept.html" "$scratch/b.html" || fail "the same report twice is not the same file"

# Without gnuplot the page says so.
mkdir "$scratch/none"
ln -s "$(command -v cat)" "$scratch/none/cat" # which the test itself takes
PATH=$scratch/none run 0 report "$here" -o "$scratch/plain.html"
page "$scratch/plain.html" "Not drawn: " "gnuplot is not installed"
grep -q "<svg" "$scratch/plain.html" && fail "pictures without gnuplot"
if command -v gnuplot > /dev/null; then
    [ "$(grep -c '<figure><svg' "$scratch/b.html")" = 4 ] || fail "not 4 figures"
else
    echo "skipped: figures of the page: no gnuplot (Debian: gnuplot-nox)"
fi

# Runs in every state: failed, killed, unsupported, queued.
part="$scratch/partly"
cp -r "$here" "$part"
mapfile -t ids < <(sed -n 's/.*"id": "\(.*\)",/\1/p' "$part/sweep.json")
rm -r "${part:?}/${ids[1]}"
for state in 2:failed 3:running; do
    folder="$part/${ids[${state%:*}]}"
    rm "$folder"/{run.h5,summary.json}
    sed -i "s/\"done\"/\"${state#*:}\"/; s/\"reason\": null/\"reason\": \"no <room> left\"/" "$folder/status.json"
done
echo "the last <line>" >> "$part/${ids[2]}/log.txt"
run 0 report "$part" -o "$scratch/partly.html"
page "$scratch/partly.html" "1 failed" "1 queued" "no <room> left" "the last <line>" killed

# Recipes with each other, every evaluation in figures, times.
cat > "$scratch/two.yaml" <<YAML
ssmq: 1
name: two
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipes:
  plain:
    - {id: w, method: weights, bits: 8}
    - {id: u, method: activations, sites: "layers.*.scan.x", observer: {statistic: quantile, p: 99.999}}
  turned:
    - {id: rot, method: hadamard}
    - {id: w, method: weights, bits: 4}
    - {id: u, method: activations, sites: "layers.*.scan.x", observer: {statistic: quantile, p: 99.999}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: 3}
  - {id: apart, task: perplexity, data: {file: $PWD/configs/data/pile-sample.jsonl.zst, subset: meta.pile_set_name}, dialect: disjoint, window: 16, limit: 1}
  - {id: speed, task: profile, prompt: 8, generate: 3, repeat: 1, warmup: 0}
YAML
run 0 run "$scratch/two.yaml" --out "$scratch/runs"
# Runs that started in one second stand in the order of the sweep, whatever their ids.
sed -i 's/"started": "[^"]*"/"started": "2026-01-01T00:00:00Z"/' "$scratch"/runs/two/*/status.json
run 0 report "$scratch/runs/two" -o "$scratch/two.html"
page "$scratch/two.html" "marked: other than in plain" "rot, w, u" "rot: method" "TPOT, ms" "weights as read, MiB" \
    "so at 8 sites — fake plain, fake turned" "Perplexity of apart by subset" "DM Mathematics (1)"
for cell in '<th scope="row">w: bits</th><td>8</td><td><mark>4</mark></td>' \
    '<th scope="row">rot: method</th><td>-</td><td><mark>hadamard</mark></td>' \
    '<th scope="row">w: method</th><td>weights</td><td>weights</td>'; do
    grep -qF "$cell" "$scratch/two.html" || fail "no $cell in the recipes"
done
[ "$(grep -c '<th scope="row">u: bits' "$scratch/two.html")" = 1 ] || fail "u: bits, the same everywhere, is not under all options alone"
! grep -q 'recipes\.\|(not there)' <(sed '/<pre>/,/<\/pre>/d' "$scratch/two.html") || fail "recipes stand in the table of differences"
if command -v gnuplot > /dev/null; then
    for figure in "Change of log-perplexity of wt2 from float" "Change of log-perplexity of apart from float" \
        "Size of the weights against perplexity of apart" "Time per generated token against perplexity of wt2"; do
        grep -q "<figure><svg role=\"img\" aria-label=\"$figure" "$scratch/two.html" || fail "no figure: $figure"
    done
    [ "$(grep -c '<figure><svg' "$scratch/two.html")" = 6 ] || fail "not 3 figures for each evaluation"
fi

# Times by what they cost: as summary.json has them.
run 0 export pareto "$scratch/runs/two" --quantity latency --format json
python3 - "$scratch/out" "$scratch/runs/two" <<'PYTHON' || fail "pareto by latency"
import json, sys
f = json.load(open(sys.argv[1]))["data"]
rows = [dict(zip(f, v)) for v in zip(*(f[c] for c in f if not c.endswith("_nonfinite")))]
assert len(f["run"]) == 3 and f["tpot_ms"] == sorted(f["tpot_ms"]) and "bytes" not in f
for run, tpot, value, front in zip(f["run_id"], f["tpot_ms"], f["value"], f["front"]):
    assert tpot == json.load(open(f"{sys.argv[2]}/{run}/summary.json"))["profiles"]["speed"]["tpot_ms"] > 0
    beaten = any(t <= tpot and v < value for t, v in zip(f["tpot_ms"], f["value"]))
    assert front == (not beaten)
PYTHON

# A single run, and one that came to nothing.
run 0 report "$here/${ids[4]}" -o "$scratch/one.html"
page "$scratch/one.html" "1 done" "${ids[4]}"
run 0 report "$part/${ids[2]}" -o "$scratch/none.html"
page "$scratch/none.html" "No run has figures yet." "no <room> left"

refuse 2 "option '--output' is 'x.pdf', not a name that ends in .html" report "$here" -o x.pdf
refuse 2 "'ssmq report' needs the option '--output'" report "$here"
run 4 report "$scratch/nowhere" -o "$scratch/x.html"
cp -r "$here" "$scratch/torn"
head -c 3000 "$here/${ids[4]}/run.h5" > "$scratch/torn/${ids[4]}/run.h5"
run 7 report "$scratch/torn" -o "$scratch/x.html"
expect_in_err "${ids[4]}/run.h5"
page "$scratch/x.html" "1 damaged" "${ids[4]}"
finish
