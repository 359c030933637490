"""Statistics in run.h5 against what numpy makes of the values in dump.h5; codes against values quantised here.

usage: check_collect.py DIRECTORY [CODES-DIRECTORY]

DIRECTORY: a run that dumped, in f32, every token of every sample at every site that it has statistics of.
CODES-DIRECTORY: the same run, but with dtype codes.
"""
import os
import sys

import h5py
import numpy as np

CHANNEL_PERCENT = [0, 0.01, 1, 25, 50, 75, 99, 99.99, 100]


def close(a, b, relative, what):
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert a.shape == b.shape, (what, a.shape, b.shape)
    worst = np.max(np.abs(a - b) - relative * np.abs(b), initial=-1)
    assert worst <= 0, (what, a, b)


def values_of(dump, site, layer):
    """The dumped values without what is beyond the ends of samples; by sample, and all together."""
    values = dump[f"dump/{site}/layer_{layer}/values"][:]
    if dump[f"dump/{site}"].attrs["shape_meaning"].startswith("sample"):
        parts = [v[:n] for v, n in zip(values, dump["dump/length"][:])]
        assert all(np.isnan(v[n:]).all() for v, n in zip(values, dump["dump/length"][:])), site
        return parts, np.concatenate(parts)
    return None, values


def by_channel(values, axes):
    """[channel, everything else]"""
    axis = axes.index("channel") - (1 if axes[0] == "sample" else 0)
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def check_moments(g, i, x):
    """Of float64 sums over N values: each is within N eps of the sum of magnitudes of what is added."""
    eps = x.size * 2.0**-52
    d = x - x.mean()
    close(g["mean"][i], x.mean(), eps * max(1, np.abs(x).mean() / abs(x.mean())), "mean")
    for k in (2, 3, 4):
        scale = (np.abs(d) ** k).mean()
        assert abs(g[f"m{k}"][i] - (d**k).mean()) <= 10 * eps * scale, (g.name, i, k)


def check_histogram(g, i, x):
    """Counts of the upper 16 bits, exactly."""
    bits = np.abs(x[x >= 0]).astype(np.float32).view(np.uint32) >> 16
    negative = np.abs(x[x < 0]).astype(np.float32).view(np.uint32) >> 16
    bins = g["bin"][:]
    for name, found in (("hist", bits), ("hist_neg", negative)):
        want = np.bincount(found, minlength=32768)
        assert (g[name][i] == want[bins]).all() and g[name][i].sum() == found.size, (g.name, name)
    low, high = g["bin_lo"][:], g["bin_hi"][:]
    assert (low == (bins.astype(np.uint32) << 16).view(np.float32)).all() and (low[1:] == high[:-1]).all()
    assert g["hist"][i].sum() + g["hist_neg"][i].sum() == g.attrs["n_values"] - g["n_nonfinite"][i]


def check_quantiles(g, i, x):
    percent = g["quantile_level"][:]
    for name, v in (("abs_quantile", np.abs(x)), ("quantile", x)):
        d = g[name]
        error = np.abs(d[i] - np.percentile(v, percent))
        assert (error <= d.attrs["value_error_bound"]).all() and d.attrs["estimate"] == "floatbits16", (g.name, error)
        assert (error <= np.abs(np.percentile(v, percent)) / 64 + 1e-30).all(), (g.name, error)
        assert d[i][percent == 100] == v.max() and d.attrs["rank_error"] == 0


def check_channels(g, i, channels):
    c = g["channel"]
    assert (c["absmax"][i] == np.abs(channels).max(axis=1)).all()
    assert (c["min"][i] == channels.min(axis=1)).all() and (c["max"][i] == channels.max(axis=1)).all()
    mean = channels.mean(axis=1)
    m2 = ((channels.T - mean) ** 2).mean(axis=0)
    m4 = ((channels.T - mean) ** 4).mean(axis=0)
    # Rounded to f32: 2^-24 of what float64 gives.
    assert (np.abs(c["mean"][i] - mean) <= 1e-7 * np.abs(channels).mean(axis=1)).all()
    if channels.shape[1] > 1:
        close(c["var"][i], m2, 1e-6, g.name)
        close(c["kurtosis"][i], m4 / m2**2, 1e-6, g.name)
    assert (c["quantile_level"][:] == CHANNEL_PERCENT).all()
    q = c["quantile"][i]
    assert (q[:, 0] == c["min"][i]).all() and (q[:, -1] == c["max"][i]).all()
    # Both neighbours of the rank are off by less than a bin, 1/8 of them, or lie around zero, within 2^-24 of the
    # site's largest magnitude.
    rank = np.array(CHANNEL_PERCENT) / 100 * (channels.shape[1] - 1)
    ordered = np.sort(channels, axis=1)
    near = np.maximum(np.abs(ordered[:, np.floor(rank).astype(int)]), np.abs(ordered[:, np.ceil(rank).astype(int)]))
    want = np.percentile(channels, CHANNEL_PERCENT, axis=1).T
    assert (np.abs(q - want) <= near / 8 + np.abs(channels).max() * 2.0**-24).all(), g.name
    bound = c["quantile_error_bound"][i]
    assert (np.abs(q - want) <= bound + 1e-15 * np.abs(want)).all(), g.name
    assert (bound[:, [0, -1]] == 0).all() and c["quantile"].attrs["rank_error"] == 0
    assert c["quantile"].attrs["value_error_bound"] == np.nanmax(c["quantile_error_bound"][:])


def check_top(g, i, channels, samples, axes):
    top = g["top"]
    n = len(top["rank"])
    order = np.argsort(-np.abs(channels).max(axis=1), kind="stable")[:n]
    assert (top["channel"][i] == order).all(), (g.name, top["channel"][i], order)
    assert (top["absmax"][i] == np.abs(channels).max(axis=1)[order]).all()
    squares = (channels**2).sum(axis=1)
    close(top["share"][i], (squares / squares.sum())[order], 1e-6, g.name)
    if samples is None:
        assert "persistence" not in top
        return
    among = np.zeros(len(channels))
    for sample in samples:
        absmax = np.abs(by_channel(sample, axes)).max(axis=1)
        among[[c for c in np.argsort(-absmax, kind="stable")[:n] if absmax[c] > 0]] += 1
    close(top["persistence"][i], (among / len(samples))[order], 1e-7, g.name)


def check_states(g, i, values, axes):
    """values [..., channel, state]: an index of all channels, and each channel and index."""
    if not axes[0] == "sample" or axes[-1] != "state":
        assert "state" not in g and "channel_state" not in g
        return
    x = values.reshape(-1, *values.shape[-2:])
    for name, part, axis in (("state", x.reshape(-1, x.shape[-1]), 0), ("channel_state", x, 0)):
        d = g[name]
        mean, m2 = part.mean(axis=axis), part.var(axis=axis)
        assert (d["absmax"][i] == np.abs(part).max(axis=axis)).all(), g.name
        # Rounded to f32: 2^-24 of what float64 gives.
        assert (np.abs(d["mean"][i] - mean) <= 1e-7 * np.abs(part).mean(axis=axis)).all(), g.name
        close(d["var"][i], m2, 1e-6, g.name)
        assert (d["state"][:] == np.arange(x.shape[-1])).all()
    d, part = g["state"], x.reshape(-1, x.shape[-1])
    assert (d["min"][i] == part.min(axis=0)).all() and (d["max"][i] == part.max(axis=0)).all()
    close(d["kurtosis"][i], ((part - part.mean(axis=0)) ** 4).mean(axis=0) / part.var(axis=0) ** 2, 1e-6, g.name)
    assert (g["channel_state/absmax"][i].max(axis=0) == d["absmax"][i]).all()
    assert (g["channel_state/absmax"][i].max(axis=1) == g["channel/absmax"][i]).all()


def check_clipped(g, i, channels):
    if "n_clipped" not in g:
        return
    scale = g["qparam/scale"][i]
    bits, zero = g["qparam/bits"][i], g["qparam/zero_point"][i] if "zero_point" in g["qparam"] else 0
    if not bits or g["qparam/range"].asstr()[i] != "static" or np.ndim(scale):
        return
    low, high = (-(2.0 ** (bits - 1)) - 0.5 - zero) * float(scale), (2.0 ** (bits - 1) - 0.5 - zero) * float(scale)
    found = ((channels < low) | (channels > high)).sum()
    assert g["n_clipped"][i] == found, (g.name, i, g["n_clipped"][i], found, scale, zero)


def check_site(f, dump, site, layer, i):
    g = f["sites"][site]
    axes = g.attrs["shape_meaning"].split(",")
    samples, values = values_of(dump, site, layer)
    values = values.astype(float)
    channels = by_channel(values, axes)
    x = values.ravel()
    assert g.attrs["n_values"] == x.size and g.attrs["signed"] == (g["min"][:] < 0).any()
    assert g["absmax"][i] == np.abs(x).max() and g["min"][i] == x.min() and g["max"][i] == x.max()
    assert g["n_zero"][i] == (x == 0).sum() and g["n_nonfinite"][i] == 0
    if samples is not None:
        assert g.attrs["n_samples"] == len(samples) and g.attrs["n_tokens"] == sum(map(len, samples))
        assert (g["sample/collected_absmax"][i] == [np.abs(s).max() for s in samples]).all()
    check_moments(g, i, x)
    check_histogram(g, i, x)
    check_quantiles(g, i, x)
    check_channels(g, i, channels)
    check_states(g, i, values, axes)
    check_top(g, i, channels, samples, axes)
    check_clipped(g, i, channels)


def layers_of(dump, site):
    return sorted(int(name[6:]) for name in dump["dump"][site] if name.startswith("layer_"))


def check_codes(run, dump, codes, site, layer):
    """round half to even of value / scale + zero point, in f32, clamped; the scale is the run's."""
    group = codes[f"dump/{site}/layer_{layer}"]
    scale, zero = group["scale"][()], group["zero_point"][()] if "zero_point" in group else np.int32(0)
    qparam = run["sites"][site]["qparam"]
    ran = np.ravel(qparam["scale"][list(qparam["layer"][:]).index(layer)])
    assert (ran[: np.size(scale)] == np.ravel(scale)).all(), (site, layer, ran, scale)
    assert group.attrs["rounding"] == "half-even"
    bits = int(group.attrs["bits"])
    x = dump[f"dump/{site}/layer_{layer}/values"][:]
    assert x.dtype == np.float32 and group["values"].dtype == np.int8
    meaning = codes[f"dump/{site}"].attrs["shape_meaning"]
    if np.ndim(scale) and not meaning.startswith("sample"):  # rows of a weight, or groups row by row
        each = x.shape[1] * x.shape[0] // len(scale)
        scale, zero = (np.repeat(v, each).reshape(x.shape) if np.ndim(v) else v for v in (scale, zero))
    elif np.ndim(scale) and meaning.endswith("state"):
        scale = scale[:, None]
    missing = np.isnan(x)
    q = np.rint(np.where(missing, 0, x) / scale) + zero
    want = np.clip(q, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int8)
    assert (group["values"][:] == np.where(missing, 0, want)).all(), (site, layer)


def check_labels(path, group):
    """The levels of quantiles are coordinates to select by, in both engines of xarray."""
    import xarray as xr

    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(path, group=group, engine=engine) as x, h5py.File(path) as f:
            level = f[group]["quantile_level"][:]
            for name in ("quantile", "abs_quantile", "quantile_error_bound"):
                if name in x:
                    assert x[name].dims[-1] == "quantile_level", (engine, name)
                    got = x[name].sel(quantile_level=level[-2]).values
                    assert np.array_equal(got, f[group][name][..., -2], equal_nan=True), (engine, name)


def main():
    run, dump = (h5py.File(os.path.join(sys.argv[1], name), "r") for name in ("run.h5", "dump.h5"))
    assert dump.attrs["run_id"] == run.attrs["run_id"]
    total = sites = 0
    for site in dump["dump"]:
        if not isinstance(dump["dump"][site], h5py.Group):
            continue
        for layer in layers_of(dump, site):
            total += dump[f"dump/{site}/layer_{layer}/values"].nbytes
            i = list(run["sites"][site]["layer"][:]).index(layer)
            check_site(run, dump, site, layer, i)
            sites += 1
    assert total == dump["dump"].attrs["bytes_total"]
    assert sites > 10
    if len(sys.argv) > 2:
        codes = h5py.File(os.path.join(sys.argv[2], "dump.h5"), "r")
        n = 0
        for site in codes["dump"]:
            if isinstance(codes["dump"][site], h5py.Group):
                for layer in layers_of(codes, site):
                    check_codes(run, dump, codes, site, layer)
                    n += 1
        assert n > 10
        print(f"{sys.argv[2]}: codes of {n} tensors are those of their values")
    for group in ("/sites/scan.x", "/sites/scan.x/channel"):
        check_labels(os.path.join(sys.argv[1], "run.h5"), group)
    print(f"{sys.argv[1]}: statistics agree with the dumped values")


main()
