#!/usr/bin/python3
"""Compares what `ssmq export` writes with the run.h5 and dump.h5 that it is from.

    check_figures.py FOLDER     of runs as tests/support/figure_runs.c writes them; SSMQ: the program

Exit status 0: all agree; 1: not; 77: a package is absent.
"""

import csv
import io
import json
import os
import subprocess
import sys

try:
    import h5py
    import numpy as np
except ImportError as absent:
    print(f"skipped: {absent} (Debian: python3-h5py)")
    sys.exit(77)

folder = sys.argv[1]
names = ["float", "naive", "quamba"]
runs = [os.path.join(folder, name) for name in names]
coded = runs[1:]


def export(*arguments):
    done = subprocess.run([os.environ["SSMQ"], "export", *arguments], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, (arguments, done.stderr)
    return done.stdout


def number(text):
    return float(text) if text else float("nan")


def table(*arguments):
    """Columns of the CSV by name; numbers where all cells are.  The JSON has to hold the same."""
    lines = [line for line in export(*arguments).splitlines(True) if not line.startswith("#")]
    rows = list(csv.reader(io.StringIO("".join(lines))))
    columns = {name: np.array([row[i] for row in rows[1:]]) for i, name in enumerate(rows[0])}
    data = json.loads(export(*arguments, "--format", "json"))["data"]
    for name, cells in columns.items():
        if all(isinstance(value, str) for value in data[name]):
            assert list(cells) == data[name], name
            continue
        columns[name] = np.array([number(cell) for cell in cells])
        kinds = data.get(name + "_nonfinite", [None] * len(cells))
        same = [number(k) if k else v for v, k in zip(data[name], kinds)]
        assert np.array_equal(columns[name], np.array(same, float), equal_nan=True), name
    return columns


def part(columns, **wanted):
    """The rows in which columns have these values."""
    keep = np.ones(len(columns["run"]), bool)
    for name, value in wanted.items():
        keep &= columns[name] == value
    return {name: cells[keep] for name, cells in columns.items()}


def results(run, name="run"):
    return h5py.File(os.path.join(run, name + ".h5"), "r")


def equal(a, b):
    assert np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True), (a, b)


def check_histogram():
    for layer in range(3):
        for log in ("none", "xy"):
            all_runs = table("histogram", *runs, "--layer", str(layer), "--bins", "60", "--log", log)
            for run, name in zip(runs, names):
                t = part(all_runs, run=name)
                with results(run) as f:
                    site = f["sites/scan.x"]
                    low, high = site["bin_lo"][:], site["bin_hi"][:]
                    plus, minus = site["hist"][layer].astype(float), site["hist_neg"][layer].astype(float)
                    total = plus.sum() + minus.sum()
                    # Sums of at most 1e5 counts: exact but for the rounding of shares of them.
                    assert abs(t["count"].sum() - total) < 1e-6
                    assert abs(t["count"][t["low"] >= 0].sum() - plus.sum()) < 1e-6 or log == "none"
                    equal(t["low"][1:], t["high"][:-1])
                    # Below an edge lies what is in bins below it, but for the bin that it cuts.
                    for edge in t["high"]:
                        least = minus[-low <= edge].sum() + plus[high <= edge].sum()
                        most = minus[-high < edge].sum() + plus[low < edge].sum()
                        assert least - 1e-6 <= t["count"][t["high"] <= edge].sum() <= most + 1e-6
                    if log == "none":
                        assert abs((t["density"] * (t["high"] - t["low"])).sum() - 1) < 1e-9
                    else:
                        seen = ~np.isnan(t["density"])
                        wide = np.abs(np.log10(np.abs(t["high"][seen] / t["low"][seen])))
                        share = t["count"][seen].sum() / total
                        assert abs((t["density"][seen] * wide).sum() - share) < 1e-9 and share > 0.99
                    if run in coded:
                        scale = float(site["qparam/scale"][layer])
                        equal(t["scale"], [scale] * len(t["scale"]))
                        equal(t["clip_high"], [127 * scale] * len(t["scale"]))
                        equal(t["clip_low"], [-128 * scale] * len(t["scale"]))
                    else:
                        assert np.isnan(t["scale"]).all() and np.isnan(t["clip_high"]).all()


levels = ["p0", "p0.01", "p1", "p25", "p50", "p75", "p99", "p99.99", "p100"]


def check_channels():
    for name, run in zip(names, runs):
        with results(run) as f:
            stored = f["sites/scan.x/channel/quantile"][2].astype(float)
        plain = table("channels", run, "--layer", "2")
        equal(np.stack([plain[p] for p in levels], 1), stored)
        equal(plain["channel"], np.arange(48))
        ranked = table("channels", run, "--layer", "2", "--sort")
        size = np.maximum(np.abs(ranked["p0"]), np.abs(ranked["p100"]))
        assert (np.diff(size) <= 0).all() and ranked["channel"][0] == 7
        equal(np.stack([ranked[p] for p in levels], 1), stored[ranked["channel"].astype(int)])
        pooled = table("channels", run, "--layer", "2", "--points", "5")
        begin = np.append(pooled["rank"].astype(int), 48)
        assert len(pooled["rank"]) == 5 and begin[0] == 0
        for i in range(5):
            inside = stored[begin[i]:begin[i + 1]]
            assert pooled["p100"][i] == inside[:, 8].max() and pooled["p0"][i] == inside[:, 0].min()
            assert pooled["p99"][i] == inside[:, 6].max() and pooled["p25"][i] == inside[:, 3].min()
    with results(runs[1]) as f:
        site = f["sites/scan.x"]
        mean, var, smooth = site["channel/mean"][2], site["channel/var"][2], site["transform/smooth"][2]
    by_size = table("channels", runs[1], "--layer", "2", "--sort")
    order = by_size["channel"].astype(int)
    equal(by_size["mean"], mean[order])
    equal(by_size["var"], var[order])
    equal(by_size["smooth"], smooth[order])
    assert np.isnan(by_size["kurtosis"]).all() and np.isnan(by_size["channel_scale"]).all()
    pooled = table("channels", runs[1], "--layer", "2", "--points", "5")
    equal(pooled["mean"], mean[pooled["channel"].astype(int)])


def check_boxes():
    with results(runs[0]) as f:
        stored = f["sites/scan.x/channel/quantile"][0].astype(float)
    with h5py.File(os.path.join(runs[0], "dump.h5"), "r") as f:
        values = f["dump/scan.x/layer_0/values"][0, :200]
    single = table("boxes", runs[0], "--layer", "0", "--groups", "48")
    equal(np.stack([single[p] for p in levels], 1), stored)
    grouped = table("boxes", runs[0], "--layer", "0", "--groups", "6")
    for i in range(6):
        mine = values[:, int(grouped["rank_first"][i]):int(grouped["rank_last"][i]) + 1]
        assert grouped["p0"][i] == mine.min() and grouped["p100"][i] == mine.max()
        for p in (25, 50, 75):
            # Between the exact quantiles of 200 values: a straight line stays within neighbouring levels.
            near = np.percentile(mine, [max(p - 12, 0), min(p + 12, 100)])
            assert near[0] <= grouped[f"p{p}"][i] <= near[1]


def check_surface():
    for run in runs:
        with h5py.File(os.path.join(run, "dump.h5"), "r") as f:
            size = np.abs(f["dump/scan.x/layer_1/values"][0].astype(float))
            assert np.isnan(size[200]).all()
            size = size[:200]
            state = np.abs(f["dump/scan.state/layer_1/values"][0, :200].astype(float)).max(axis=2)
            codes = f["dump/scan.B/layer_1"]
            real = codes["scale"][()] * (codes["values"][0, :200].astype(float) - codes["zero_point"][()])
        whole = table("surface", run, "--site", "scan.x", "--layer", "1")
        equal(whole["magnitude"], size.ravel())
        equal(table("surface", run, "--site", "scan.state")["magnitude"], state.ravel())
        equal(table("surface", run, "--site", "scan.B")["magnitude"], np.abs(real).ravel())
        pooled = table("surface", run, "--site", "scan.x", "--layer", "1", "--points", "10")
        rows = np.append(pooled["token"][::10], 200).astype(int)
        columns = np.append(pooled["channel"][:10], 48).astype(int)
        want = [np.nanmax(size[rows[i]:rows[i + 1], columns[k]:columns[k + 1]])
                for i in range(10) for k in range(10)]
        equal(pooled["magnitude"], want)
        assert np.nanmax(pooled["magnitude"]) == np.nanmax(size)


def check_layers():
    with results(runs[1]) as f:
        site = f["sites/scan.x"]
        absmax, kurtosis, scale = site["absmax"][:], site["m4"][:] / site["m2"][:] ** 2, site["qparam/scale"][:]
        sqnr = site["error/propagated/sqnr_db"][:]
        clean = site["error/clean/sqnr_db"][:]
    equal(part(table("layers", *runs), run="naive")["absmax"], absmax)
    got = part(table("layers", *runs, "--quantity", "kurtosis"), run="naive")["kurtosis"]
    assert np.allclose(got, kurtosis, rtol=1e-15)
    equal(table("layers", runs[1], "--quantity", "scale")["scale"], scale)
    equal(table("layers", runs[1], "--quantity", "qparam/scale")["qparam/scale"], scale)
    with results(runs[1]) as f:
        quantiles = f["sites/scan.x/abs_quantile"][:]
    for k, level in enumerate(("50", "99.9")):
        column = f"abs_quantile@{level}"
        equal(table("layers", runs[1], "--quantity", column)[column], quantiles[:, k])
    both = table("layers", runs[1], "--quantity", "sqnr_db", "--input", "propagated")
    equal(part(both, site="scan.x")["sqnr_db"], sqnr)
    heat = table("heat", *coded)
    equal(part(heat, site="scan.x", run="naive")["sqnr_db"], clean)
    equal(part(heat, site="scan.x", run="naive")["layer"], [0, 1, 2])
    heat = table("heat", *coded, "--input", "propagated")
    assert np.isnan(part(heat, site="out_proj.in", run="quamba")["sqnr_db"][1])
    assert np.isinf(part(heat, site="scan.x", run="quamba")["sqnr_db"][2])


def check_samples():
    t = table("samples", *coded, "--layer", "2")
    for run, name in zip(coded, names[1:]):
        with results(run) as f:
            site = f["sites/scan.x"]
            sample = site["sample"]
            stored = {"min": sample["min"][2], "abs_quantile@99.9": sample["abs_quantile"][2, :, 0],
                      "abs_quantile@100": sample["abs_quantile"][2, :, 1]}
            assert set(part(t, run=name)["statistic"]) == set(stored)
            for statistic, values in stored.items():
                mine = part(t, run=name, statistic=statistic)
                equal(mine["sample"], np.arange(5))
                equal(mine["value"], values)
                equal(mine["weight"], sample["weight"][2])
                equal(mine["clip_high"], [127 * float(site["qparam/scale"][2])] * 5)


def check_tokens():
    t = table("tokens", *runs[1:])
    for run, name in zip(coded, names[1:]):
        with results(run) as f:
            for site in ("scan.x", "out_proj.in"):
                for given in ("clean", "propagated"):
                    group = f[f"sites/{site}/error/{given}"]
                    mine = part(t, run=name, site=site, input=given)
                    equal(mine["token"], np.tile(group["token"][:], 3))
                    equal(mine["layer"], np.repeat([0, 1, 2], 20))
                    equal(mine["mse"], group["mse_by_token"][:].ravel())
                    if "sqnr_db_by_token" not in group:
                        assert name == "quamba" and site == "out_proj.in" and np.isnan(mine["growth"]).all()
                        continue
                    sqnr = group["sqnr_db_by_token"][:]
                    relative = 10 ** (-sqnr / 20)
                    begin = np.sqrt((relative[:, :2] ** 2).mean(axis=1, keepdims=True))  # of 20 bins
                    equal(mine["sqnr_db"], sqnr.ravel())
                    assert np.allclose(mine["rel_l2"], relative.ravel(), rtol=1e-14, equal_nan=True)
                    assert np.allclose(mine["growth"], (relative / begin).ravel(), rtol=1e-14, equal_nan=True)
    one = table("tokens", runs[1], "--site", "scan.x", "--layer", "2", "--input", "clean")
    assert set(one["layer"]) == {2} and set(one["input"]) == {"clean"} and len(one["token"]) == 20


def check_states():
    with results(runs[1]) as f:
        index = {k: d[:].astype(float) for k, d in f["sites/scan.state/state"].items() if d.ndim == 2}
        cell = {k: d[1].astype(float) for k, d in f["sites/scan.state/channel_state"].items() if d.ndim == 3}
    t = part(table("states", *runs), run="naive")
    equal(t["absmax"], index["absmax"].ravel())
    equal(t["layer"], np.repeat([0, 1, 2], 16))
    equal(t["state"], np.tile(np.arange(16), 3))
    equal(table("states", runs[1], "--quantity", "kurtosis")["kurtosis"], index["kurtosis"].ravel())
    for stored, more in ((index, []), (cell, ["--layer", "1"])):
        rms = table("states", runs[1], "--quantity", "rms", *more)["rms"]
        assert np.allclose(rms, np.sqrt(stored["var"] + stored["mean"] ** 2).ravel(), rtol=1e-15)
        std = table("states", runs[1], "--quantity", "std", *more)["std"]
        assert np.allclose(std, np.sqrt(stored["var"]).ravel(), rtol=1e-15)
    t = table("states", runs[1], "--layer", "1", "--quantity", "mean")
    equal(t["mean"], cell["mean"].ravel())
    equal(t["channel"], np.repeat(np.arange(48), 16))
    t = table("states", runs[1], "--layer", "1", "--quantity", "mean", "--points", "5")
    begin = np.append(t["channel"][::16], 48).astype(int)
    for i in range(5):
        inside = cell["mean"][begin[i]:begin[i + 1]]
        most = inside[np.abs(inside).argmax(axis=0), np.arange(16)]
        equal(np.abs(part(t, channel=begin[i])["mean"]), np.abs(most))
        assert np.isin(part(t, channel=begin[i])["mean"], inside).all()


def check_sensitivity():
    for metric in ("damage", "kl_mean"):
        t = table("sensitivity", runs[1], "--quantity", metric)
        with results(runs[1]) as f:
            stored = f[f"sensitivity/{metric}"][:]
            units = list(f["sensitivity/unit"].asstr()[:])
            se = f["sensitivity/kl_se"][:]
        order = [units.index(unit) for unit in t["unit"]]
        equal(t["only_on"], stored[order, 0])
        equal(t["only_off"], stored[order, 1])
        assert (np.diff(t["only_on"]) <= 0).all() and sorted(order) == list(range(6))
        equal(t["only_on_se"], se[order, 0] if metric == "kl_mean" else [np.nan] * 6)
        equal(t["all_on"], [0.045 if metric == "kl_mean" else np.nan] * 6)
    left_out = table("sensitivity", runs[2])  # the damage, by default
    with results(runs[2]) as f:
        stored = f["sensitivity/damage"][:, 0]
        order = [list(f["sensitivity/unit"].asstr()[:]).index(unit) for unit in left_out["unit"]]
    equal(left_out["only_off"], stored[order])
    assert np.isnan(left_out["only_on"]).all() and (np.diff(left_out["only_off"][:5]) <= 0).all()
    assert len(table("sensitivity", runs[1], "--top", "2")["unit"]) == 2


def check_interactions():
    t = table("interactions", *coded)
    assert list(t["name"]) == [f"{run}: rot with {step}" for run in names[1:] for step in ("w", "a")]
    for run, name in zip(coded, names[1:]):
        with results(run) as f:
            equal(part(t, run=name)["value"], f["interaction/ln_ppl"][0, 1:])
            equal(part(t, run=name)["se"], f["interaction/ln_ppl_se"][0, 1:])
    equal(t["noise"], [0, 1, 0, 1])


def check_windows():
    t = table("windows", *runs, "--metric", "nll")
    for run, name in zip(runs, names):
        mine = part(t, run=name)
        with results(run) as f:
            group = f["eval/wt2"]
            equal(mine["nll"], group["window_nll"][:])
            assert list(mine["subset"]) == list(group["window_subset"].asstr()[:]) and set(mine["tokens"]) == {3}
            if name == "float":
                assert np.isnan(mine["difference"]).all() and np.isnan(mine["kl"]).all()
                continue
            equal(mine["difference"], group["window_nll"][:] - group["window_nll_float"][:])
            equal(mine["kl"], group["window_kl"][:])
    with results(runs[0]) as f:
        equal(table("windows", runs[0], "--metric", "nll", "--evaluation", "other")["nll"],
              f["eval/other/window_nll"][:])


def check_kl():
    for metric in ("kl", "delta_p"):
        t = table("kl", runs[1], "--metric", metric)
        with results(runs[1]) as f:
            stored = f[f"eval/wt2/token_{metric}"][:]
        equal(t[metric], stored)
        equal(t["window"], np.repeat(np.arange(4), 3))
        equal(t["position"], np.tile([1, 2, 3], 4))
        order = np.argsort(-np.abs(stored), kind="stable")
        equal(t["share"][order], np.arange(1, 13) / 12)
        few = table("kl", runs[1], "--metric", metric, "--points", "4")
        equal(few[metric], stored[order][[0, 1, 4, 11]])  # ranks 12 ** (0, 1/3, 2/3, 1)


def check_outliers():
    t = part(table("outliers", *runs), run="quamba")
    with results(runs[2]) as f:
        for name in ("channel", "absmax", "share", "persistence"):
            equal(t[name], f["sites/scan.x/top"][name][:].ravel())
        kurtosis = f["sites/scan.x/m4"][:] / f["sites/scan.x/m2"][:] ** 2
    assert np.allclose(t["kurtosis"], np.repeat(kurtosis, 4), rtol=1e-15)
    for more, ranks in (([], 4), (["--top", "1"], 1), (["--top", "3"], 3)):
        t = table("outliers", runs[2], *more)
        with results(runs[2]) as f:
            top = f["sites/scan.x/top/channel"][:, :ranks]
        equal(t["layer_persistence"], [(top == c).any(axis=1).mean() for c in top.ravel()])
        before = [[l > 0 and c in top[l - 1] for c in top[l]] for l in range(3)]
        after = [[l < 2 and c in top[l + 1] for c in top[l]] for l in range(2)]
        equal(t["in_previous"], [np.nan] * ranks + np.ravel(before)[ranks:].tolist())
        equal(t["in_next"], np.ravel(after).tolist() + [np.nan] * ranks)
        assert {0.0, 1.0} <= set(t["in_next"]) or ranks == 1
    one = table("outliers", runs[0], "--layer", "2", "--top", "2")
    assert len(one["rank"]) == 2 and list(one["in_previous"]) == [1, 0]  # other layers count where one is shown


def check_profile():
    t = table("profile", *runs)
    for run, name in zip(runs, names):
        with results(run, "profile") as f:
            group = f["profile/speed/operator"]
            operators = list(group["operator"].asstr()[:])
            mine = part(t, run=name)
            for k, phase in enumerate(("prefill", "decode")):
                shown = part(mine, phase=phase)
                there = ~np.isnan(group["time"][k])
                order = [operators.index(operator) for operator in shown["operator"]]
                assert sorted(order) == list(np.flatnonzero(there)) and (np.diff(shown["rank"]) > 0).all()
                assert np.allclose(shown["ms"], 1e3 * group["time"][k][order], rtol=1e-15)
                assert np.allclose(shown["bound_ms"], shown["ms"] * shown["bound_share"], rtol=1e-12)
                for column in ("bytes", "calls", "bound_share", "int8_operations", "bf16_operations",
                               "float_operations"):
                    equal(shown[column], group[column][k][order])
    # An operator has one rank in all runs, the longest the first.
    pairs = set(zip(t["phase"], t["rank"], t["operator"]))
    assert len(pairs) == len({pair[:2] for pair in pairs}) == len({pair[::2] for pair in pairs}) == 7
    assert part(part(t, phase="decode"), rank=0)["operator"][0] == "linear head"
    assert len(table("profile", runs[1], "--top", "1")["rank"]) == 2


for check in (check_histogram, check_channels, check_boxes, check_surface, check_layers, check_samples, check_tokens,
              check_states, check_sensitivity, check_interactions, check_windows, check_kl, check_outliers,
              check_profile):
    check()
    print(f"{check.__name__}: agrees")
