"""A sweep's folder: sweep.h5, sweep.csv and sweep.json against the summaries of the runs, and sweep.h5 as xarray sees it.

usage: check_sweep.py DIRECTORY
"""
import csv
import json
import math
import os
import sys

import h5py
import numpy
import xarray

FIGURES = ["ppl", "ppl_se", "nll", "windows", "tokens"]


def summaries(directory, sweep):
    found = {}
    for run in sweep["runs"]:
        path = os.path.join(directory, run["id"], "summary.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found[run["id"]] = json.load(file)
    return found


def same(a, b):
    return math.isnan(a) if b is None or math.isnan(b) else a == b


def check_grid(f, sweep, summary):
    """Every cell of every dataset is what the run that stands there came to; cells without a run are empty."""
    names = [axis["name"] for axis in sweep["axes"]]
    shape = tuple(len(axis["values"]) for axis in sweep["axes"])
    grid = numpy.array(sweep["grid"]).reshape(shape)
    ids = f["run_id"].asstr()[()]
    status = f["status"].asstr()[()]
    assert ids.shape == shape and list(f["axis"]) == names
    for axis in sweep["axes"]:
        scale = f["axis"][axis["name"]]
        stored = scale.asstr()[()] if h5py.check_string_dtype(scale.dtype) else scale[()]
        assert list(stored) == axis["values"], (axis, stored)
    for at in numpy.ndindex(shape):
        run = sweep["runs"][grid[at]] if grid[at] >= 0 else None
        assert ids[at] == (run["id"] if run else "")
        one = summary.get(run["id"]) if run else None
        assert status[at] == (one["status"] if one else "")
        for name, group in f["eval"].items():
            figures = one["evaluations"].get(name) if one else None
            for field in FIGURES:
                assert same(group[field][at], figures[field] if figures else None), (name, field, at)
            if "kl_mean" in group:
                compare = (figures or {}).get("compare")
                assert same(group["kl_mean"][at], compare["kl_mean"] if compare else None), (name, at)


def check_selection(path, sweep, summary):
    """xarray, by both engines, finds a run's figures by what the run has on the axes."""
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset(path, group="/eval/wt2", engine=engine) as x:
            for run in sweep["runs"]:
                if run["id"] not in summary or not summary[run["id"]]["evaluations"]:
                    continue
                point = {name: int(value) if isinstance(value, bool) else value  # yes or no is 1 or 0 in HDF5
                         for name, value in run["axes"].items() if value is not None}
                if run["recipe"]:
                    point["recipe"] = run["recipe"]
                got = x["ppl"].sel(mode=run["mode"], **point)
                want = summary[run["id"]]["evaluations"]["wt2"]["ppl"]
                values = got.values[~numpy.isnan(got.values)]
                assert len(values) > 0 and (values == want).all(), (run["name"], values, want)


def check_csv(directory, sweep, summary):
    with open(os.path.join(directory, "sweep.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run_id"] for row in rows] == [run["id"] for run in sweep["runs"]]
    for row, run in zip(rows, sweep["runs"]):
        assert row["name"] == run["name"] and row["mode"] == run["mode"]
        for name, value in run["axes"].items():
            if isinstance(value, float):
                assert float(row[name]) == value
            else:
                assert row[name] == ("" if value is None else str(value).lower() if isinstance(value, bool) else str(value))
        one = summary.get(run["id"], {"status": "", "evaluations": {}})
        assert row["status"] == one["status"]
        for name, figures in one["evaluations"].items():
            for field in FIGURES:
                text = row[f"{name}.{field}"]
                assert same(float(text) if text else math.nan, figures[field]), (run["name"], field)


def main():
    directory = sys.argv[1]
    with open(os.path.join(directory, "sweep.json"), encoding="utf-8") as file:
        sweep = json.load(file)
    summary = summaries(directory, sweep)
    path = os.path.join(directory, "sweep.h5")
    with h5py.File(path, "r") as f:
        assert f.attrs["experiment"] == sweep["name"]
        check_grid(f, sweep, summary)
    check_selection(path, sweep, summary)
    check_csv(directory, sweep, summary)
    print(f"{directory}: sweep.h5 and sweep.csv agree with the runs")


main()
