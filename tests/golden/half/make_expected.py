#!/usr/bin/python3
"""Writes expected.json beside this file: quantisation and losses in half precision, by numpy.

Every half-precision number is a numpy.float16 and every operation on them numpy's own, which computes in
float32 and rounds the result to float16, as PyTorch does.  What is emulated is quant/quamba-spec.md, 2.3, 2.6
and 10 (traps 4, 5, 15, 17).  Half-precision numbers are written as the integers with their bits.

    tests/golden/half/make_expected.py
"""
import json
import os

import numpy as np

HALF = np.float16


def bits(x):
    return [int(v) for v in np.asarray(x, HALF).ravel().view(np.uint16)]


def codes_and_products(x, scale):
    """x float16, scale a float16 scalar: codes, and what they stand for."""
    with np.errstate(over="ignore", divide="ignore"):
        quotient = (x / scale).astype(HALF)
        code = np.clip(np.rint(quotient), HALF(-128), HALF(127)).astype(HALF)
        return code, (code * scale).astype(HALF)


def absmax_case(name, x):
    x = x.astype(HALF)
    amax = np.maximum(np.abs(x).max(), HALF(1e-5))
    scale = HALF(amax / HALF(127))
    code, product = codes_and_products(x, scale)
    return {"name": name, "x": bits(x), "scale": bits(scale), "code": [int(c) for c in code],
            "product": bits(product)}


def quantile(x, p):
    """float32 values of one sample, linear interpolation between the two nearest ranks."""
    v = np.sort(np.abs(x.astype(np.float32)))
    rank = p / 100 * (len(v) - 1)
    low = int(rank)
    high = min(low + 1, len(v) - 1)
    return np.float32(np.float64(v[low]) + (rank - low) * (np.float64(v[high]) - np.float64(v[low])))


def percentile_case(name, samples, p, rate):
    samples = [s.astype(HALF) for s in samples]
    width = quantile(samples[0], p)
    for s in samples[1:]:
        width = np.float32(width + np.float32(np.float32(rate) * np.float32(quantile(s, p) - width)))
    scale = HALF(np.float32(width / np.float32(127)))
    x = samples[-1]
    code, product = codes_and_products(x, scale)
    return {"name": name, "samples": [bits(s) for s in samples], "p": p, "rate": rate, "x": bits(x),
            "scale": bits(scale), "code": [int(c) for c in code], "product": bits(product)}


def loss_case(rng, windows, targets, vocabulary):
    logits = (rng.standard_normal((windows * targets, vocabulary)) * 4).astype(np.float32)
    target = rng.integers(0, vocabulary, windows * targets)
    half = logits.astype(HALF).astype(np.float64)
    top = half.max(axis=1)
    total = top + np.log(np.exp(half - top[:, None]).sum(axis=1))
    token = (total - half[np.arange(len(target)), target]).astype(HALF)
    mean = [HALF(w.astype(np.float32).mean(dtype=np.float64)) for w in token.reshape(windows, targets)]
    return {"logits": [float(v) for v in logits.ravel()], "target": [int(t) for t in target],
            "windows": windows, "targets": targets, "vocabulary": vocabulary, "token": bits(token),
            "mean": bits(mean)}


def main():
    rng = np.random.default_rng(20241121)
    normal = rng.standard_normal(256)
    ties = np.concatenate([[127.0], np.arange(-16, 16) + 0.5, np.arange(-127, 127, 7) + 0.5])
    cases = [
        absmax_case("normal", normal),
        absmax_case("large", normal * 9000),
        absmax_case("subnormal scale", normal * 1e-3),
        absmax_case("subnormal values", normal * 2e-5),
        absmax_case("raised to 1e-5", normal * 1e-6),
        absmax_case("ties", ties),
        absmax_case("heavy tail", normal ** 5),
    ]
    samples = [rng.standard_normal(400 + 30 * i) ** 3 for i in range(5)]
    percentiles = [
        percentile_case("clipped", samples, 99.0, 0.01),
        percentile_case("finer than the sample", samples, 99.999, 0.01),
        percentile_case("small", [s * 1e-4 for s in samples], 99.5, 0.1),
    ]
    out = {"numpy": np.__version__, "absmax": cases, "percentile": percentiles,
           "loss": loss_case(rng, 3, 16, 11)}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.json")
    with open(path, "w", encoding="ascii") as f:
        json.dump(out, f, indent=None, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
