"""A run's directory: run.h5 against summary.json and against itself.

usage: check_run.py DIRECTORY
"""
import json
import math
import os
import sys

import h5py
import numpy

LAYERS = 8
ACTIVATIONS = ["in_proj.in", "conv.in", "gate.z", "scan.x", "dt_proj.in", "scan.dt", "scan.B", "scan.C", "out_proj.in"]
WEIGHTS = ["in_proj.weight", "conv.weight", "x_proj.weight", "dt_proj.weight", "scan.A_log", "scan.D", "out_proj.weight"]


def check_evaluations(f, summary):
    assert sorted(f["eval"]) == sorted(summary["evaluations"]), "evaluations"
    for name, want in summary["evaluations"].items():
        group = f["eval"][name]
        nll = group["window_nll"][:]
        row = group["summary"][0]
        assert len(nll) == want["windows"] == row["windows"]
        assert row["tokens"] == want["tokens"] == len(nll) * (group["window_nll"].attrs["window"] - 1)
        assert math.isclose(nll.mean(), want["nll"], rel_tol=1e-12)
        assert math.isclose(math.exp(nll.mean()), want["ppl"], rel_tol=1e-12) and row["ppl"] == want["ppl"]
        se = math.exp(nll.mean()) * nll.std(ddof=1) / math.sqrt(len(nll))
        assert math.isclose(se, want["ppl_se"], rel_tol=1e-9)
        assert group["window_nll"].attrs["dialect"] == "gptq"
        if want["subsets"]:
            names = group["window_subset"].asstr()[:]
            for subset in want["subsets"]:
                mine = nll[names == subset["name"]]
                assert len(mine) == subset["windows"] and math.isclose(mine.mean(), subset["nll"], rel_tol=1e-12)


def combined(site, layer, samples):
    """The scale that the stored ranges of the samples give under the stored observer."""
    observer = json.loads(site["qparam/observer"].asstr()[layer])
    if observer["statistic"] == "absmax":
        amax = numpy.maximum(site["sample/absmax"][layer, :], numpy.float32(1e-5)).max()
    else:
        values = site["sample/abs_quantile"][layer, :, 0]
        amax = values[0]
        for value in values[1:]:
            amax += numpy.float32(observer["rate"]) * (value - amax)
    return amax / numpy.float32(127)


def check_sites(f):
    samples = len(f["axis/sample"])
    for name in ACTIVATIONS + WEIGHTS:
        site = f["sites"][name]
        scale = site["qparam/scale"][:]
        assert scale.shape == (LAYERS,) and (scale > 0).all(), name
        assert (site["qparam/bits"][:] == 8).all()
        assert site.attrs["kind"] == ("activation" if name in ACTIVATIONS else "weight")
        if name in WEIGHTS:
            continue
        weight = site["sample/weight"][:]
        assert weight.shape == (LAYERS, samples) and numpy.allclose(weight.sum(axis=1), 1, atol=1e-6)
        for layer in range(LAYERS):
            assert math.isclose(scale[layer], combined(site, layer, samples), rel_tol=1e-6), (name, layer)


def main():
    directory = sys.argv[1]
    with open(os.path.join(directory, "summary.json"), encoding="utf-8") as file:
        summary = json.load(file)
    with h5py.File(os.path.join(directory, "run.h5"), "r") as f:
        assert f.attrs["run_id"] == summary["id"] and f.attrs["mode"] == summary["mode"]
        assert f.attrs["recipe"] == (summary["recipe"] or "")
        json.loads(f["meta/provenance"].asstr()[()])
        assert "sha256:" in f["meta/resolved_config"].asstr()[()]
        check_evaluations(f, summary)
        if summary["mode"] == "float":
            assert "sites" not in f
        else:
            check_sites(f)
        if summary["recipe"] == "quamba":
            assert f["sites/out_proj.in"].attrs["hadamard"] == 384
    print(f"{directory}: run.h5 agrees with summary.json and with itself")


main()
