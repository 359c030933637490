"""A file of profiles against the JSON that the same command printed.

usage: check_profile.py FILE JSON
"""
import json
import math
import sys

import h5py
import numpy

PHASES = ["prefill", "decode"]


def close(stored, printed):
    return math.isclose(stored, printed, rel_tol=1e-12)


def check_timings(group, want):
    for name, key, unit in (("ttft", "ttft_ms", 1e3), ("tpot", "tpot_ms", 1e3), ("ttlt", "ttlt_ms", 1e3), ("perplexity", "perplexity_ms", 1e3), ("energy", "energy_j", 1)):
        if want[key] is None:
            assert name not in group, name
            continue
        assert group[name].dims[0][0] == group["repetition"] and len(group[name]) == want["repeat"]
        for stored, printed in zip(group[name][:], want[key]["samples"]):
            assert close(stored * unit, printed), name
    assert close(want["batch"] * want["prompt"] / numpy.median(group["perplexity"][:]), want["perplexity_tokens_per_s"])


def check_machine(group, want):
    """Rates probed beside the repetitions, and shares, each repetition against those beside it."""
    names = {"read_gb_s": "read", "fp32_gflop_s": "fp32", "int8_gop_s": "int8", "bf16_gflop_s": "bf16"}
    assert set(group["machine"]) - {"repetition"} == {names[rate] for rate in want["samples"]}
    for rate, samples in want["samples"].items():
        stored = group["machine/" + names[rate]]
        assert stored.dims[0][0] == group["repetition"] and list(stored[:]) == samples, rate
        assert stored.attrs["units"].lower() == rate.split("_", 1)[1].replace("_", "/"), rate
        assert close(numpy.median(samples), group.attrs["peak_" + rate]), rate


def check_operators(group, want):
    operators = list(group["operator/operator"].asstr()[:])
    assert list(group["operator/phase"].asstr()[:]) == PHASES
    assert len(set(operators)) == len(operators)
    for k, phase in enumerate(PHASES):
        there = ~numpy.isnan(group["operator/time"][k])
        if want[phase] is None:
            assert not there.any() and numpy.isnan(group["operator_total"][k])
            continue
        assert there.sum() == len(want[phase]["operators"])
        assert close(group["operator_total"][k] * 1e3, want[phase]["ms"])
        assert numpy.nansum(group["operator/time"][k]) <= group["operator_total"][k]
        for op in want[phase]["operators"]:
            i = operators.index(op["operator"])
            assert close(group["operator/time"][k, i] * 1e3, op["ms"])
            for name in ("bytes", "bound_share", "calls", "int8_operations", "bf16_operations", "float_operations"):
                assert close(group["operator/" + name][k, i], op[name]), (op["operator"], name)


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        profiles = json.load(file)["profiles"]
    with h5py.File(sys.argv[1], "r") as f:
        assert list(f["profile"]) == [p["mode"] for p in profiles]
        for want in profiles:
            group = f["profile"][want["mode"]]
            for key in ("mode", "batch", "prompt", "generate", "repeat", "warmup", "size_bytes", "state_bytes", "peak_rss_bytes"):
                assert group.attrs[key] == want[key], key
            assert group.attrs["threads"] == want["machine"]["threads"] and group.attrs["tier"] == want["machine"]["tier"]
            assert close(group.attrs["peak_read_gb_s"], want["machine"]["read_gb_s"])
            assert close(group.attrs["peak_fp32_gflop_s"], want["machine"]["fp32_gflop_s"])
            for peak in ("int8_gop_s", "bf16_gflop_s"):
                known = want["machine"][peak]
                assert math.isnan(group.attrs["peak_" + peak]) if known is None else close(group.attrs["peak_" + peak], known), peak
            assert close(group.attrs["floor_tpot_s"] * 1e3, want["floor"]["tpot_ms"])
            assert group["size"][()] == want["size_bytes"]
            for share, of in want["of_floor"].items():
                assert math.isnan(group.attrs["of_floor_" + share]) if of is None else close(group.attrs["of_floor_" + share], of), share
            check_timings(group, want)
            check_machine(group, want["machine"])
            check_operators(group, want)
    print(f"{sys.argv[1]}: agrees with what was printed")


main()
