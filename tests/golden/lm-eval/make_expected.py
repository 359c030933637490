"""Writes expected.json: what lm-evaluation-harness 0.4.2 makes of WikiText-2's test split, and of the tiny model on it.

    python3 make_expected.py SOURCE > expected.json      in the project's folder

SOURCE: the package lm_eval 0.4.2 of PyPI, unpacked (its folder lm_eval).  Windows, detokeniser, words and bytes are its own
code, taken out of its files so that nothing else has to be installed but numpy and Hugging Face tokenizers; pages are cut by
pages.py.  The model is written here in numpy, in float64 on the stored weights."""
import ast
import hashlib
import json
import pathlib
import re
import struct
import sys

import numpy as np
from pages import pages
from tokenizers import Tokenizer

TINY = pathlib.Path("models/tiny-mamba")
SOURCE = pathlib.Path(sys.argv[1])


def functions(path):
    names = {}
    tree = ast.parse((SOURCE / path).read_text())
    keep = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name in (
        "get_rolling_token_windows", "make_disjoint_window", "wikitext_detokenizer", "process_results")]
    names["re"] = re
    exec(compile(ast.Module(keep, []), path, "exec"), names)
    return names


ROLLING, WIKITEXT = functions("utils.py"), functions("tasks/wikitext/preprocess_wikitext.py")


def windows(tokenizer, page, window):
    """(tokens given to the model and the one behind them, how many of the last ones are scored)."""
    ids = tokenizer.encode(WIKITEXT["wikitext_detokenizer"]({"page": page}), add_special_tokens=False).ids
    prefix = tokenizer.token_to_id("<|endoftext|>")
    for pair in ROLLING["get_rolling_token_windows"](ids, prefix, window, 1):
        context, scored = ROLLING["make_disjoint_window"](pair)
        yield (context + scored)[-(window + 1):], len(scored)


# ---- the model -------------------------------------------------------------------------------------------------


def load(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    weights = {}
    for name, about in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = about["data_offsets"]
            kind = {"F32": "<f4", "F16": "<f2"}[about["dtype"]]
            weights[name] = np.frombuffer(data[8 + size + begin:8 + size + end], kind).reshape(about["shape"]).astype(float)
    return weights


def normed(x, gain):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain


def silu(x):
    return x / (1 + np.exp(-x))


def mix(w, x):
    x, z = np.split(x @ w["in_proj.weight"].T, 2, axis=1)
    kernel = w["conv1d.weight"][:, 0, :]
    n, taps = len(x), kernel.shape[1]
    padded = np.vstack([np.zeros((taps - 1, x.shape[1])), x])
    x = silu(sum(padded[k:k + n] * kernel[:, k] for k in range(taps)) + w["conv1d.bias"])
    a = -np.exp(w["A_log"])
    rank, states = w["dt_proj.weight"].shape[1], a.shape[1]
    dt, b, c = np.split(x @ w["x_proj.weight"].T, [rank, rank + states], axis=1)
    dt = np.logaddexp(0, dt @ w["dt_proj.weight"].T + w["dt_proj.bias"])
    state, y = np.zeros_like(a), np.empty_like(x)
    for t in range(n):
        state = np.exp(dt[t][:, None] * a) * state + (dt[t] * x[t])[:, None] * b[t]
        y[t] = state @ c[t]
    return ((y + w["D"] * x) * silu(z)) @ w["out_proj.weight"].T


def log_probabilities(weights, ids):
    embedding = weights["backbone.embedding.weight"]
    h = embedding[ids]
    for layer in range(json.loads((TINY / "config.json").read_text())["n_layer"]):
        head = f"backbone.layers.{layer}."
        mixer = {k[len(head + "mixer."):]: v for k, v in weights.items() if k.startswith(head + "mixer.")}
        h = h + mix(mixer, normed(h, weights[head + "norm.weight"]))
    logits = normed(h, weights["backbone.norm_f.weight"]) @ embedding.T
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


# ---- what is expected ------------------------------------------------------------------------------------------


def text_of(tokenizer_file, window):
    tokenizer, digest = Tokenizer.from_file(tokenizer_file), hashlib.sha256()
    out = {"tokenizer": tokenizer_file, "window": window, "documents": 0, "windows": 0, "tokens": 0, "words": 0, "bytes": 0}
    for page in pages():
        counts = WIKITEXT["process_results"]({"page": page}, (0,))
        out["documents"] += 1
        out["words"] += counts["word_perplexity"][1]
        out["bytes"] += counts["byte_perplexity"][1]
        for tokens, scored in windows(tokenizer, page, window):
            out["windows"] += 1
            out["tokens"] += scored
            digest.update(struct.pack(f"<{len(tokens)}i", *tokens))
    return out | {"digest": digest.hexdigest()}


def model_on(window, documents):
    tokenizer, weights = Tokenizer.from_file(str(TINY / "tokenizer.json")), load(TINY / "model.safetensors")
    results, loss, tokens = [], [], 0
    for page, _ in zip(pages(), range(documents)):
        total = 0
        for given, scored in windows(tokenizer, page, window):
            p = log_probabilities(weights, np.array(given[:-1]))[-scored:]
            total += p[np.arange(scored), given[-scored:]].sum()
            tokens += scored
        loss.append(float(-total))
        results.append(WIKITEXT["process_results"]({"page": page}, (total,)))
    mean = {k: float(-sum(r[k][0] for r in results) / sum(r[k][1] for r in results)) for k in results[0]}
    return {"window": window, "documents": documents, "tokens": tokens, "nll": sum(loss) / tokens, "document_nll": loss,
            "word_ppl": float(np.exp(mean["word_perplexity"])), "byte_ppl": float(np.exp(mean["byte_perplexity"])),
            "bits_per_byte": mean["bits_per_byte"] / float(np.log(2))}


text = [text_of(str(TINY / "tokenizer.json"), n) for n in (512, 2048)]
json.dump({"text": text, "model": model_on(512, 4)}, sys.stdout, indent=1)
print()
