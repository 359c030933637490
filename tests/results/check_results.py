#!/usr/bin/python3
"""Opens a results file as users do, and checks it against the layout page (analysis/README.md).

    check_results.py FILE [PATH...]     PATH: a dataset or group that must be there

With h5py: every dataset has units and long_name, a dimension scale of the same length on every
axis, no object times, and can be read.  With xarray, by both engines: every group opens, with the
values that h5py sees and a coordinate for each dimension.  With h5ls, h5dump and h5repack: no
complaint.  Exit status 0: all well; 1: not, with a line for each problem; 77: a package is absent.
"""

import os
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import xarray as xr
    import h5netcdf  # noqa: F401  (xarray's engine of that name)
    import netCDF4  # noqa: F401
except ImportError as absent:
    print(f"skipped: {absent} (Debian packages: python3-h5py python3-xarray python3-h5netcdf "
          "python3-netcdf4)")
    sys.exit(77)
for tool in ("h5ls", "h5dump", "h5repack"):
    if not shutil.which(tool):
        print(f"skipped: {tool} is absent (Debian: hdf5-tools)")
        sys.exit(77)

problems = []


def expect(condition, path, text):
    if not condition:
        problems.append(f"{path}: {text}")
    return condition


def check_attribute(item, name):
    if expect(name in item.attrs, item.name, f"has no attribute {name}"):
        value = item.attrs[name]
        expect(isinstance(value, str), item.name, f"{name} is {type(value).__name__}, not str")


def check_missing_value(d):
    """Floats that are no scales say that NaN is a missing value."""
    if d.dtype.kind != "f" or h5py.h5ds.is_scale(d.id):
        expect("_FillValue" not in d.attrs, d.name, "has a _FillValue")
    elif expect("_FillValue" in d.attrs, d.name, "has no _FillValue"):
        value = d.attrs["_FillValue"]
        expect(np.isnan(value), d.name, f"_FillValue is {value}")
        expect(value.dtype == d.dtype, d.name, f"_FillValue is {value.dtype}")


def check_scales(d):
    if h5py.h5ds.is_scale(d.id):
        expect(d.ndim == 1, d.name, f"is a scale of rank {d.ndim}")
        return
    for axis in range(d.ndim):
        scales = list(d.dims[axis].values())
        if expect(len(scales) == 1, d.name, f"axis {axis} has {len(scales)} scales"):
            scale = scales[0]
            local = f"{d.parent.name.rstrip('/')}/{scale.name.split('/')[-1]}"
            expect(len(scale) == d.shape[axis], d.name, f"scale of axis {axis} has another length")
            expect(local in d.file and d.file[local] == scale, d.name,
                   f"scale of axis {axis} is not in the group")


def check_dataset(d):
    check_attribute(d, "units")
    check_attribute(d, "long_name")
    check_missing_value(d)
    check_scales(d)
    if d.dtype.kind == "V":
        units = d.attrs.get("member_units", [])
        expect(len(units) == len(d.dtype), d.name, "member_units does not fit the members")
    if d.ndim == 0 and h5py.check_string_dtype(d.dtype):
        check_attribute(d, "media_type")
    if h5py.check_string_dtype(d.dtype):
        kind = h5py.check_string_dtype(d.dtype)
        expect(kind.encoding == "utf-8" and kind.length is None, d.name, f"is {kind}")
        d.asstr()[()]
    else:
        d[()]


def check_object(item):
    info = h5py.h5g.get_objinfo(item.id)
    expect(info.mtime == 0, item.name, "has a time")
    if isinstance(item, h5py.Dataset):
        check_dataset(item)
    else:
        order = item.id.get_create_plist().get_link_creation_order()
        expect(order == 3, item.name, f"creation order of links is not tracked ({order})")


def check_xarray(path, group, engine):
    """Every dataset of the group that netCDF can show, with the values that h5py sees."""
    shown = {n: d for n, d in group.items() if isinstance(d, h5py.Dataset)}
    if engine == "netcdf4":  # netCDF shows no compound type that is not a type object of the file
        shown = {n: d for n, d in shown.items() if d.dtype.kind != "V"}
    with xr.open_dataset(path, group=group.name, engine=engine) as x:
        found = set(x.variables)
        expect(found == set(shown), group.name, f"{engine} shows {sorted(found)}")
        for name in found & set(shown):
            d, v = shown[name], x[name]
            where = f"{d.name} ({engine})"
            expect(v.shape == d.shape, where, f"has the shape {v.shape}")
            for dim in v.dims:
                expect(dim in x.coords, where, f"has no coordinate for {dim}")
                expect(not dim.startswith("phony"), where, f"has the dimension {dim}")
            if d.dtype.kind in "iuf":
                same = np.array_equal(v.values, d[()], equal_nan=d.dtype.kind == "f")
                expect(same, where, "has other values")
            elif h5py.check_string_dtype(d.dtype):
                same = np.array_equal(v.values.astype(str), np.asarray(d.asstr()[()], dtype=str))
                expect(same, where, "has other texts")


def check_tools(path):
    with tempfile.TemporaryDirectory() as folder:
        for command in (["h5ls", "-r", path], ["h5dump", "-H", path], ["h5dump", path],
                        ["h5repack", path, os.path.join(folder, "copy.h5")]):
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            expect(done.returncode == 0 and not done.stderr, path,
                   f"{' '.join(command[:2])}: {done.returncode} {done.stderr.decode().strip()}")


def main(path, required):
    groups = []
    with h5py.File(path, "r") as f:
        expect(f.attrs.get("Conventions") == "ssmq-1", "/", "Conventions is not ssmq-1")
        for name in required:
            expect(name in f, name, "is missing")
        check_object(f["/"])
        f.visititems(lambda name, item: check_object(item))
        groups.append(f["/"].name)
        f.visititems(lambda name, item: groups.append(item.name)
                     if isinstance(item, h5py.Group) else None)
        for engine in ("h5netcdf", "netcdf4"):
            for name in groups:
                try:
                    check_xarray(path, f[name], engine)
                except Exception as reason:  # whatever xarray raises is what its user would meet
                    problems.append(f"{name} ({engine}): {type(reason).__name__}: {reason}")
    check_tools(path)
    for line in problems:
        print(line)
    print(f"{path}: {len(groups)} groups, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
