"""Dialect lm-eval against windows that are cut here, and scored with dialect gptq.

    check_lm_eval.py make DIR     writes documents, the tokens of their windows, and the experiments
    check_lm_eval.py check DIR    looks at what the program made of them
    check_lm_eval.py model DIR    the first pages of WikiText-2 in float, against tests/golden/lm-eval

Documents are words that the tiny model's tokenizer has as one token each, so that their tokens are known here."""
import json
import math
import pathlib
import random
import re
import sys

try:
    import h5py
    import numpy
except ImportError as absent:
    print(f"skipped: {absent} (Debian packages: python3-h5py python3-numpy)")
    sys.exit(77)

MODEL = pathlib.Path("models/tiny-mamba").resolve()
GOLDEN = pathlib.Path("tests/golden/lm-eval")
PREFIX = 0  # <|endoftext|>
WINDOW = 16
LENGTHS = [5, 1, 0, 16, 17, 32, 45, 3]  # tokens of the documents
# One forward pass has a row more or less than the other, which changes the order of sums in f32.
CLOSE = 2e-5


def make_documents():
    vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    words = sorted(w[1:] for w in vocabulary if re.fullmatch("Ġ[a-z]{2,6}", w))
    draw = random.Random(1)
    chosen = [[draw.choice(words) for _ in range(n)] for n in LENGTHS]
    return [("".join(f" {w}" for w in d), [vocabulary[f"Ġ{w}"] for w in d]) for d in chosen]


def rolling(tokens):
    """(what the model is given with the token behind it, how many of its last ones are scored): each token once."""
    done = 0
    while done < len(tokens):
        scored = min(WINDOW, len(tokens) - done)
        end = done + scored
        begin = max(0, end - WINDOW)
        before = [PREFIX] if begin == 0 else [tokens[begin - 1]]
        yield before + tokens[begin:end], scored
        done = end


def windows():
    return [(d, w, n) for d, (_, tokens) in enumerate(make_documents()) for w, n in rolling(tokens)]


# ---- what is run -----------------------------------------------------------------------------------------------

HEAD = """ssmq: 1
name: {name}
model: {{path: {model}}}
mode: [float, fake]
recipe: [{{method: weights, bits: 6}}]
{more}evaluate:
"""
LM_EVAL = "  - {{id: {id}, task: perplexity, data: {{file: documents.jsonl{more}}}, dialect: lm-eval, window: %d{rest}}}\n" % WINDOW


def make(folder):
    documents = make_documents()
    with open(folder / "documents.jsonl", "w") as f:
        for i, (text, _) in enumerate(documents):
            f.write(json.dumps({"text": text, "of": "odd" if i % 2 else "even"}) + "\n")
    text = HEAD.format(name="rolling", model=MODEL, more="compare: {tokens: true, metrics: [kl, delta-p, top1]}\n")
    text += LM_EVAL.format(id="all", more="", rest="")
    text += LM_EVAL.format(id="parts", more=", subset: of", rest="")
    text += LM_EVAL.format(id="five", more="", rest=", limit: 5")
    (folder / "rolling.yaml").write_text(text)
    (folder / "wikitext.yaml").write_text(f"""ssmq: 1
name: wikitext
model: {{path: {MODEL}}}
mode: float
evaluate:
  - {{id: wt2, task: perplexity, data: {{file: {pathlib.Path("configs/data/wiki.test.raw").resolve()}}}, dialect: lm-eval, window: 512, limit: 4}}
""")
    text = HEAD.format(name="windows", model=MODEL, more="")
    for i, (_, tokens, scored) in enumerate(windows()):
        context = len(tokens) - scored
        (folder / f"{i}.json").write_text(json.dumps(tokens))
        for id, n in ((f"w{i}", len(tokens)), (f"c{i}", context)):
            if n > 1:
                text += f"  - {{id: {id}, task: perplexity, data: {{file: {i}.json}}, dialect: gptq, window: {n}, limit: 1}}\n"
    (folder / "windows.yaml").write_text(text)


# ---- what came of it ---------------------------------------------------------------------------------------------

def summaries(folder, name):
    found = {}
    for path in (folder / "runs" / name).glob("*/summary.json"):
        s = json.loads(path.read_text())
        found[s["mode"]] = s["evaluations"], path.parent / "run.h5"
    return found


def ratio(y, w):
    """sum y / sum w, and its standard error by the delta method."""
    y, w = numpy.array(y, float), numpy.array(w, float)
    r, n = y.sum() / w.sum(), len(y)
    return r, math.sqrt(n / (n - 1) * ((y - r * w) ** 2).sum()) / w.sum()


def near(got, want, what, close=CLOSE):
    assert math.isclose(got, want, rel_tol=close, abs_tol=close * 1e-3), f"{what}: {got}, not {want}"


def check_figures(e, documents, loss):
    """loss: of each document, summed."""
    words = [len(re.split(r"\s+", text)) for text, _ in documents]
    size = [len(text.encode()) for text, _ in documents]
    assert (e["documents"], e["words"], e["bytes"]) == (len(documents), sum(words), sum(size)), e
    assert e["tokens"] == sum(len(t) for _, t in documents)
    for name, of in (("word_ppl", words), ("byte_ppl", size)):
        r, se = ratio(loss, of)
        near(e[name], math.exp(r), name)
        near(e[f"{name}_se"], math.exp(r) * se, f"{name}_se", 1e-3)  # a difference of sums
    r, se = ratio(loss, size)
    near(e["bits_per_byte"], r / math.log(2), "bits_per_byte")
    near(e["bits_per_byte_se"], se / math.log(2), "bits_per_byte_se", 1e-3)
    with_tokens = [(y, len(t)) for y, (_, t) in zip(loss, documents) if t]
    r, se = ratio(*zip(*with_tokens))
    near(e["nll"], r, "nll")
    near(e["ppl"], math.exp(r), "ppl")
    near(e["ppl_se"], math.exp(r) * se, "ppl_se", 1e-3)


def check_store(h5, id, e, documents, compared):
    group = h5[f"eval/{id}"]
    nll, tokens, of = (group[f"window_{n}"][:] for n in ("nll", "tokens", "document"))
    attributes = group["window_nll"].attrs
    assert attributes["dialect"] == "lm-eval" and attributes["prefix"] == "<|endoftext|>" and "unscored" not in attributes
    assert [int(n) for n in tokens] == [n for _, _, n in windows()] and [int(d) for d in of] == [d for d, _, _ in windows()]
    assert (group["document"][:] == numpy.arange(len(documents))).all()
    sums = numpy.array([(nll * tokens)[of == d].sum() for d in range(len(documents))])
    near(float(abs(sums - group["document_nll"][:]).max()), 0, "document_nll", 1e-9)
    row = group["summary"][0]
    for key in ("word_ppl", "word_ppl_se", "byte_ppl", "bits_per_byte", "documents", "words", "bytes", "ppl_se"):
        assert row[key] == e[key], key
    if not compared:
        assert "document_nll_float" not in group
        return
    c = e["compare"]
    difference = group["document_nll"][:] - group["document_nll_float"][:]
    count = numpy.array([len(t) for _, t in documents])
    r, se = ratio(difference[count > 0], count[count > 0])
    near(c["ln_ratio"], r, "ln_ratio", 1e-9)
    near(c["ln_ratio_se"], se, "ln_ratio_se", 1e-9)
    assert c["ln_ratio_low"] <= r <= c["ln_ratio_high"]
    kl = group["token_kl"][:].astype(float)  # stored in f32; figures are of what it was before
    assert len(kl) == e["tokens"]
    near(c["kl_mean"], kl.mean(), "kl_mean", 1e-6)
    near(c["top1"], group["token_top1"][:].mean(), "top1", 1e-9)
    near(c["kl_p99"], numpy.percentile(kl, 99), "kl_p99", 1e-9)
    _, se = ratio([kl[numpy.repeat(of, tokens) == d].sum() for d in sorted(set(of))], count[count > 0])
    near(c["kl_se"], se, "kl_se", 1e-5)


def check(folder):
    documents = make_documents()
    lm_eval, by_window = summaries(folder, "rolling"), summaries(folder, "windows")
    assert sorted(lm_eval) == sorted(by_window) == ["fake", "float"]
    for mode, (e, path) in lm_eval.items():
        loss, alone = [0.0] * len(documents), by_window[mode][0]
        for i, (d, tokens, scored) in enumerate(windows()):
            context = len(tokens) - scored
            loss[d] += alone[f"w{i}"]["nll"] * (len(tokens) - 1)
            if context > 1:
                loss[d] -= alone[f"c{i}"]["nll"] * (context - 1)
        assert e["all"]["windows"] == len(windows())
        check_figures(e["all"], documents, loss)
        check_figures(e["five"], documents[:5], loss[:5])
        for k, part in enumerate(e["parts"]["subsets"]):
            check_figures(part, documents[k::2], loss[k::2])
        assert [s["name"] for s in e["parts"]["subsets"]] == ["even", "odd"]
        with h5py.File(path) as h5:
            check_store(h5, "all", e["all"], documents, mode == "fake")
    print("lm-eval: as the windows one by one")


def check_model(folder):
    want = json.loads((GOLDEN / "expected.json").read_text())["model"]
    e, path = summaries(folder, "wikitext")["float"]
    e = e["wt2"]
    assert (e["window"], e["documents"], e["tokens"]) == (want["window"], want["documents"], want["tokens"])
    # Logits of 5 to 15 in f32 against f64: some 1e-6 of a loss, which signs and 23611 tokens make less of; a word has 1.5 tokens.
    for key in ("nll", "bits_per_byte", "byte_ppl", "word_ppl"):
        near(e[key], want[key], key, 1e-6)
    with h5py.File(path) as h5:
        losses = h5["eval/wt2/document_nll"][:]
    for got, loss in zip(losses, want["document_nll"], strict=True):
        near(got, loss, "document_nll", 1e-6)
    # The harness adds up logits of torch, in f32 too.
    harness = json.loads((GOLDEN / "harness.json").read_text())
    assert (e["window"], e["documents"]) == (harness["window"], harness["documents"])
    for key, name in (("word_ppl", "word_perplexity"), ("byte_ppl", "byte_perplexity"), ("bits_per_byte", "bits_per_byte")):
        near(e[key], harness[name], f"{key} of the harness", 1e-6)
    for got, loss in zip(losses, harness["document_nll"], strict=True):
        near(got, loss, "document_nll of the harness", 1e-6)
    print("lm-eval: as numpy has it, in float64, and as lm_eval, with transformers")


{"make": make, "check": check, "model": check_model}[sys.argv[1]](pathlib.Path(sys.argv[2]))
