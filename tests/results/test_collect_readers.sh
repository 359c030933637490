#!/usr/bin/env bash
# Statistics and dumps of float and quantised runs in h5py and xarray, against numpy on the dumped values.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

python=/usr/bin/python3 # Debian's, which Debian's h5py and xarray belong to
command -v "$python" > /dev/null || python=python3
root=$PWD

# Documents shorter than the length, so that samples end early.
cat > "$scratch/documents.jsonl" <<'JSON'
{"text": "The quick brown fox jumps over the lazy dog, and then it does so once more."}
{"text": "A cat."}
{"text": "In the beginning there was a tensor of floats, and somebody had to make integers of it, few of them, since memory was dear and bandwidth dearer still."}
JSON

# collected NAME SITES DUMP RECIPE [MODE]: a run's directory is then $directory
collected() {
    cat > "$scratch/$1.yaml" <<YAML
ssmq: 1
name: $1
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $scratch/documents.jsonl}, select: first, count: 3, length: 48}
mode: $( [ -n "$4" ] && echo "${5:-fake}" || echo float )
$( [ -n "$4" ] && echo "recipe: $4" )
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 1}
collect:
  sites: $2
  statistics: {quantiles: [0, 1, 50, 99, 99.9, 100]$( [[ $2 == *state* || $2 == *'layers.3.**'* ]] && echo ', states: true' )}
  dump: {sites: $2, samples: 100, tokens: 100, dtype: $3}
YAML
    run 0 run "$scratch/$1.yaml" --out "$scratch/runs"
    directory=$(dirname "$scratch/runs/$1"/*/run.h5)
}

both_readable() {
    readable "$directory/run.h5"
    readable "$directory/dump.h5"
}

all='["layers.3.**", layers.7.scan.x, head.in]'
collected float "$all" f32 ''
both_readable
"$python" tests/results/check_collect.py "$directory" || fail "check_collect.py: float"

# Every kind of scale that has codes: one, by channel, by group; with and without zero points; rotated.
sites='["layers.5.{in_proj,out_proj}.in", "layers.5.scan.{x,B,state}", "layers.{0,5}.{in_proj,out_proj,conv}.weight"]'
recipe="[{method: hadamard, sites: \"layers.*.out_proj.in\"}, {id: w, method: weights, scope: group, group: 32, bits: 4, sites: \"layers.*.in_proj.weight\"}, {id: c, method: weights, scope: channel, sites: \"layers.*.{out_proj,conv}.weight\"}, {id: a, method: activations, observer: {statistic: absmax, across: max}}, {id: b, method: activations, symmetric: false, bits: 6, sites: \"layers.*.scan.B\", observer: {statistic: minmax, across: mean}}, {id: u, method: activations, scope: channel, sites: \"layers.*.scan.x\"}, {id: s, method: state, scope: channel}]"
collected values "$sites" f32 "$recipe"
values=$directory
collected codes "$sites" codes "$recipe"
both_readable
"$python" tests/results/check_collect.py "$values" "$directory" || fail "check_collect.py: fake"

# What departs, and in which mode, is in codes and counts too.
sites='["layers.{0,5}.{conv.in,gate.z,dt_proj.in}", "layers.{0,5}.scan.{x,B,C}"]'
for departs in both-fake real-fake real-real; do
    mode=${departs#*-}
    recipe="[{id: w, method: weights}, {id: a, method: activations, clip_ratio: 0.7}, {id: d, method: departures, shared_xz: true, shared_dt_bc: true, modes: ${departs%-*}}]"
    collected "values-$departs" "$sites" f32 "$recipe" "$mode"
    values=$directory
    collected "codes-$departs" "$sites" codes "$recipe" "$mode"
    "$python" tests/results/check_collect.py "$values" "$directory" || fail "check_collect.py: $departs"
    "$python" - "$directory/run.h5" "$departs" <<'PYTHON' || fail "$departs: not the departures that ran"
import sys, h5py
f = h5py.File(sys.argv[1])
x, z = (f[f"sites/{site}/qparam/scale"][0] for site in ("conv.in", "gate.z"))
departs = sys.argv[2] != "real-fake"
assert (x == z) == departs and f.attrs.get("departures") == ("shared scales" if departs else None), (x, z, dict(f.attrs))
PYTHON
done

collected half "[layers.2.out_proj.in]" f16 ''
both_readable
"$python" - "$directory/dump.h5" <<'PYTHON' || fail "halves"
import sys, h5py, numpy as np
d = h5py.File(sys.argv[1])
v = d["dump/out_proj.in/layer_2/values"]
assert v.dtype == np.float16 and v.shape == (3, 48, 384) and np.isnan(v[1, d["dump/length"][1]:]).all()
assert (d["dump/tokens"][1, d["dump/length"][1]:] == -1).all() and list(d["dump/document"]) == [0, 1, 2]
assert list(d["dump/length"]) == [(t >= 0).sum() for t in d["dump/tokens"][:]] and v.fletcher32 and not v.compression
PYTHON

# Integer arithmetic is shown what simulated arithmetic is shown.
for mode in fake real; do
    collected "$mode" '["layers.*.scan.{x,state}", "layers.7.**"]' f32 "$root/configs/recipes/quamba.yaml" $mode
    cp "$directory/run.h5" "$scratch/$mode.h5"
done
"$python" - "$scratch/fake.h5" "$scratch/real.h5" <<'PYTHON' || fail "real mode shows other values than fake mode"
import sys, h5py, numpy as np
fake, real = (h5py.File(name) for name in sys.argv[1:])
assert real.attrs["mode"] == "real"
n = []
def same(name, item):
    if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf":
        assert np.array_equal(item[()], real[item.name][()], equal_nan=item.dtype.kind == "f"), item.name
        n.append(name)
fake["sites"].visititems(same)
assert len(n) > 200, len(n)
PYTHON

finish
