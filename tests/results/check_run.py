"""A run's directory: run.h5 against summary.json and against itself.

usage: check_run.py DIRECTORY
"""
import hashlib
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


def check_score(group, want, tokens, windows):
    """The figures of a comparison from what is stored of some windows; tokens: whether theirs are."""
    count = windows.sum()
    ratio = group["window_nll"][:][windows] - group["window_nll_float"][:][windows]
    kl, delta_p, top1 = (group[name][:][windows] for name in ("window_kl", "window_delta_p", "window_top1"))
    assert math.isclose(ratio.mean(), want["ln_ratio"], rel_tol=1e-12, abs_tol=1e-14)
    assert math.isclose(kl.mean(), want["kl_mean"], rel_tol=1e-12)
    assert math.isclose(delta_p.mean(), want["delta_p_mean"], rel_tol=1e-9, abs_tol=1e-15)
    assert math.isclose(top1.mean(), want["top1"], rel_tol=1e-12)
    if count > 1:
        assert math.isclose(ratio.std(ddof=1) / math.sqrt(count), want["ln_ratio_se"], rel_tol=1e-9, abs_tol=1e-15)
        assert math.isclose(kl.std(ddof=1) / math.sqrt(count), want["kl_se"], rel_tol=1e-9, abs_tol=1e-15)
        assert want["ln_ratio_low"] <= want["ln_ratio"] <= want["ln_ratio_high"]
    if not tokens:
        return
    shape = (len(windows), -1)
    kl, delta_p, top1 = (group[name][:].reshape(shape)[windows].astype(float)
                         for name in ("token_kl", "token_delta_p", "token_top1"))
    for key, percent in (("kl_median", 50), ("kl_p90", 90), ("kl_p99", 99), ("kl_p999", 99.9), ("kl_max", 100)):
        assert math.isclose(numpy.percentile(kl, percent), want[key], rel_tol=1e-9, abs_tol=1e-15), key
    # What is stored of a token is rounded to f32; figures are of what it was before.
    assert math.isclose(math.sqrt((delta_p**2).mean()), want["delta_p_rms"], rel_tol=1e-6)
    assert math.isclose(kl.mean(), want["kl_mean"], rel_tol=1e-6, abs_tol=1e-15)
    assert math.isclose(top1.mean(), want["top1"], rel_tol=1e-12)
    assert (kl >= 0).all() and group["token_top1"].dtype == numpy.uint8 and group["token_kl"].dtype == numpy.float32


def check_comparisons(f, summary):
    """Windows, tokens, the two tables and summary.json against each other; float's losses against a float run."""
    for name, want in summary["evaluations"].items():
        group = f["eval"][name]
        if "compare" not in want:
            assert "window_kl" not in group and "kl_mean" not in group["summary"].dtype.names
            continue
        assert summary["mode"] != "float" and want["compare"]["against"] == "float"
        tokens = "token_kl" in group
        row = group["summary"][0]
        for key, value in want["compare"].items():
            if key != "against" and not key.endswith("_nonfinite"):
                assert row[key] == value or (value is None and not math.isfinite(row[key])), key
        check_score(group, want["compare"], tokens, numpy.ones(len(group["window_nll"]), bool))
        for subset in want["subsets"]:
            mine = group["window_subset"].asstr()[:] == subset["name"]
            if mine.any():
                check_score(group, subset["compare"], tokens, mine)


def same(stored, value):
    """A figure of run.h5 and of JSON, where what is not finite is null."""
    return stored == value if value is not None else not math.isfinite(stored)


def check_errors(f, summary):
    """Errors at sites: layers against the figures of all of them together, positions against the mean."""
    scores = summary.get("site_errors", {"sites": []})
    for want in scores["sites"]:
        group = f["sites"][want["site"]]["error"][want["input"]]
        n, sqnr, mse = (group[name][:] for name in ("n_values", "sqnr_db", "mse"))
        measured = n > 0
        assert measured.sum() == want["layers"] and (numpy.isnan(mse) == ~measured).all()
        assert group["mse"].attrs["reference"] == "float"
        assert math.isclose((mse * n)[measured].sum() / n.sum(), want["mse"], rel_tol=1e-12)
        assert math.isclose(group["n_clipped"][:].sum() / n.sum(), want["clip_rate"], rel_tol=1e-12)
        assert group["max_err"][:][measured].max() == want["max_err"]
        assert same(sqnr[measured].min(), want["worst_sqnr_db"])
        if want["worst_layer"] >= 0:
            assert same(sqnr[want["worst_layer"]], want["worst_sqnr_db"])
        # From mse and SQNR the mean square of the reference, and from that the relative error.
        finite = measured & numpy.isfinite(sqnr)
        numpy.testing.assert_allclose(group["rel_l2"][:][finite], 10 ** (-sqnr[finite] / 20), rtol=1e-9)
        if "mse_by_token" in group:
            token, by_token = group["token"], group["mse_by_token"][:]
            width = token.attrs["bin_tokens"]
            window = summary["evaluations"][scores["evaluation"]]["window"]
            tokens = numpy.minimum(width, window - token[:])
            assert tokens.sum() == window and by_token.shape == (len(n), len(tokens))
            mean = (by_token * tokens).sum(axis=1) / window
            numpy.testing.assert_allclose(mean[measured], mse[measured], rtol=1e-12)
            if "sqnr_db_by_token" in group:  # with it the mean square of the reference, as over all tokens
                power = by_token * 10 ** (group["sqnr_db_by_token"][:] / 10)
                noisy = finite & (by_token > 0).all(axis=1)
                mean = (power * tokens).sum(axis=1)[noisy] / window
                numpy.testing.assert_allclose(mean, (mse * 10 ** (sqnr / 10))[noisy], rtol=1e-9)
        else:
            assert f["sites"][want["site"]].attrs["kind"] == "weight"
    return bool(scores["sites"])


def check_sensitivity(f, summary):
    want = summary.get("sensitivity")
    assert (want is None) == ("sensitivity" not in f)
    if want is not None:
        group = f["sensitivity"]
        assert (group.attrs["evaluation"], group.attrs["by"]) == (want["evaluation"], want["by"])
        assert list(group["unit"].asstr()[:]) == [u["unit"] for u in want["units"]]
        which = [w.replace("-", "_") for w in group["which"].asstr()[:]]
        assert which == [w for w in ("only_this_on", "only_this_off") if w in want["units"][0]]
        for key, value in want["all_on"].items():
            if key.endswith("_nonfinite"):
                continue
            assert same(group[key].attrs["all_on"], value)
            for i, unit in enumerate(want["units"]):
                assert all(same(group[key][i, k], unit[w][key]) for k, w in enumerate(which)), key
    want = summary.get("interactions")
    assert (want is None) == ("interaction" not in f)
    for pair in want["pairs"] if want else []:
        group = f["interaction"]
        a, b = (list(group["step"].asstr()[:]).index(step) for step in pair["steps"])
        assert (group["step"].asstr()[:] == group["with"].asstr()[:]).all()
        assert group["ln_ppl"][a, b] == group["ln_ppl"][b, a] == pair["ln_ppl"]
        assert group["ln_ppl_se"][a, b] == group["ln_ppl_se"][b, a] == pair["ln_ppl_se"]
        assert numpy.isnan(group["ln_ppl"][a, a])


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
        assert f.attrs["schema_sha"] == hashlib.sha256(f["/meta/resolved_config"][()]).hexdigest()
        assert f.attrs["schema_sha"].startswith(f.attrs["run_id"])
        json.loads(f["meta/provenance"].asstr()[()])
        assert "sha256:" in f["meta/resolved_config"].asstr()[()]
        check_evaluations(f, summary)
        check_comparisons(f, summary)
        assert check_errors(f, summary) == (summary["mode"] != "float")
        check_sensitivity(f, summary)
        if summary["mode"] == "float":
            assert "sites" not in f
        else:
            check_sites(f)
        if summary["recipe"] == "quamba":
            assert f["sites/out_proj.in"].attrs["hadamard"] == 384
    print(f"{directory}: run.h5 agrees with summary.json and with itself")


main()
