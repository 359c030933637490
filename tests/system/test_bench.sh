#!/usr/bin/env bash
# ssmq bench: what is checked and timed of which tier, and what is refused.  Times are looked at for their sense only.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

run 0 bench --op rmsnorm --op scan --tokens 4 --checks 2 --isa c --isa auto --threads 1 --format json
python3 -c 'import json,sys
tiers = json.load(sys.stdin)["tiers"]
assert [t["tier"] for t in tiers][0] == "c" and len(tiers) == 2 and all(t["threads"] == 1 and t["checked"] >= 3 for t in tiers)
for t in tiers:
    assert t["read_gb_s"] > 0 and t["fp32_gflop_s"] > 0
    assert sorted((k["op"], k["shape"]) for k in t["kernels"]) == [
        ("rmsnorm", "M 1, D 768, added"), ("rmsnorm", "M 1, D 768, added, to codes"),
        ("rmsnorm", "M 4, D 768, added"), ("rmsnorm", "M 4, D 768, added, to codes"),
        ("scan", "L 1, E 1536, N 16, gated"), ("scan", "L 1, E 1536, N 16, gated, of codes"),
        ("scan", "L 4, E 1536, N 16, gated"), ("scan", "L 4, E 1536, N 16, gated, of codes")]
    for k in t["kernels"]:
        assert 0 < k["min_us"] <= k["median_us"] and len(k["samples_us"]) == 21 and k["baseline_us"] > 0
        assert abs(k["of_memory"] * t["read_gb_s"] / k["gb_s"] - 1) < 1e-9' < "$scratch/out" || fail "$command_line: $out"

# Products at their own peak; a byte of a weight, or half a one with its scales.
run 0 bench --op linear_i8 --op linear_q --op linear_w --op encode --tokens 7 --checks 1 --format json
python3 -c 'import json,sys
t = json.load(sys.stdin)["tiers"][0]
peak = {"linear_i8": t["int8_gop_s"], "linear_q": t["int8_gop_s"]}
size = {"linear_i8": 1, "linear_q": 0.5 + 4 / 128, "linear_w": 0.5 + 4 / 128}
for op in size:
    k = [k for k in t["kernels"] if k["op"] == op]
    assert len(k) == 10, (op, len(k))
    for x in k:
        assert abs(x["of_peak"] * (peak.get(op) or t["fp32_gflop_s"]) / x["gop_s"] - 1) < 1e-9, x
    x = next(x for x in k if x["shape"].startswith("M 1, N 50280, K 768"))
    seconds = x["median_us"] / 1e6
    assert abs(x["gop_s"] * 1e9 * seconds / (2 * 50280 * 768) - 1) < 1e-9, x
    assert 0 <= x["gb_s"] * 1e9 * seconds / (50280 * 768 * size[op]) - 1 < 0.02, x
assert [k["shape"] for k in t["kernels"] if k["op"] == "encode"] == ["M 7, n 1536, rotated", "M 1, n 1536, rotated"]' \
    < "$scratch/out" || fail "$command_line: $out"

run 0 bench --op finite --tokens 2 --checks 1 --shape mamba-2.8b
for word in "agree with the reference" "M 2, n 5120" "of memory, %" GB/s; do expect_in_out "$word"; done
# Checked only: every kind of op.
run 0 bench --no-time --checks 1
expect_in_out " kinds of op agree with the reference on 1 random shape each"
[[ $out != *GB/s* ]] || fail "timed though --no-time was said: $out"

refuse 2 "--shape: there is no 'mamba-13m', only mamba-130m, mamba-370m, mamba-790m, mamba-1.4b, mamba-2.8b" bench --shape mamba-13m
refuse 2 "--isa: 'sse' is none of auto, c, avx2, avx512" bench --isa sse
run 2 bench --op lineer
expect_in_err "--op: 'lineer' is none of linear, linear_i8, linear_q, linear_w, linear_bf16, scan"

finish
