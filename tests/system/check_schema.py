"""The JSON Schema of an experiment against the files that are shipped and against the loader itself.

    check_schema.py SSMQ SCRATCH

Where the two disagree it says so and ends with status 1.
"""

import copy
import glob
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

SSMQ, SCRATCH = sys.argv[1], Path(sys.argv[2])
failures = 0


def fail(message):
    global failures
    failures += 1
    print("FAILED:", message)


class Core(yaml.SafeLoader):
    """YAML 1.2, as the loader reads it: `off` is a text, and there is no merge key."""

    yaml_implicit_resolvers = {}


for tag, form, first in [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
]:
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{form})$"), list(first))


def schema(kind):
    text = subprocess.run([SSMQ, "schema", "--kind", kind], check=True, capture_output=True, text=True)
    document = json.loads(text.stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


experiment, fragment, recipe = schema("experiment"), schema("fragment"), schema("recipe")


def accepts(validator, path, verdict=True):
    errors = [e.message for e in validator.iter_errors(yaml.load(Path(path).read_text(), Core))]
    if verdict != (not errors):
        fail(f"{path}: {'; '.join(errors)[:300] or 'not refused'}")


# ---- what is shipped ---------------------------------------------------------------------

files = glob.glob("experiments/*.yaml")
for path in files:
    accepts(experiment, path)
    accepts(recipe, path, False)
for path in glob.glob("configs/models/*.yaml") + glob.glob("configs/data/*.yaml"):
    accepts(fragment, path)
    accepts(experiment, path, False)  # nothing of what an experiment needs
for path in glob.glob("configs/recipes/*.yaml"):
    accepts(recipe, path)
    accepts(fragment, path, False)
assert files

# ---- against the loader ------------------------------------------------------------------

# Something of everything, without include, so that what is missing is missing.
BASE = {
    "ssmq": 1,
    "name": "base",
    "question": "why?",
    "model": {"path": "../models/tiny-mamba"},
    "data": {"raw": {"file": "../configs/data/wiki.test.raw", "format": "wikitext-raw"}},
    "calibration": {"data": "raw", "select": "sampled", "count": 4, "length": 64, "seed": 3},
    "mode": ["float", "fake"],
    "recipes": {
        "one": [
            {"id": "rot", "method": "hadamard", "sites": "layers.*.out_proj.in", "enabled": True},
            {"id": "res", "method": "rotate-residual", "signs": "random"},
            {"id": "w", "method": "weights", "bits": 8, "observer": {"statistic": "mse", "candidates": 10}},
            {"id": "a", "method": "activations", "bits": "off",
             "observer": {"statistic": "quantile", "p": 99.9, "across": "ema", "rate": 0.1}},
            {"id": "m", "method": "activations", "sites": ["layers.*.scan.x"], "observer": {"across": "mean"}},
        ],
        "two": [{"method": "smoothquant", "alpha": 0.25}, {"method": "outliers"}, {"method": "gptq", "bits": 4},
                {"method": "state", "bits": 8}],
        "file": "../configs/recipes/naive.yaml",
    },
    "evaluate": [
        {"id": "e", "task": "perplexity", "data": {"file": "../configs/data/wiki.test.raw"},
         "dialect": "gptq", "window": 64, "limit": 1, "loss_dtype": "f16"},
    ],
    "compare": {"against": "float", "metrics": ["kl", "top1"], "inputs": "clean", "bootstrap": "off",
                "interactions": [["rot", "w"]]},
    "collect": {"sites": ["layers.*.scan.x"], "statistics": {"quantiles": [50, 99], "moments": True},
                "dump": {"sites": "layers.0.scan.x", "samples": 1}},
    "sweep": {"axes": {"l": {"evaluate.e.limit": [1, 2]}, "w": {"evaluate.e.window": [32, 64]}},
              "zip": [["l", "w"]], "exclude": [{"l": 2}], "baseline": {"l": 1}},
    "expect": [{"evaluation": "e", "metric": "ppl", "where": {"mode": "float"}, "value": 70, "tolerance": "1%",
                "source": "a paper"}],
    "run": {"seed": 1, "threads": 2, "backend": {"name": "cpu", "isa": "c"}},
}


def paths(value, at=()):
    """Every mapping, list and leaf, as the keys that lead to it."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from paths(part, at + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def changed(path, change):
    document = copy.deepcopy(BASE)
    change(at(document, path[:-1]), path[-1])
    return document


def put(value):
    return lambda where, key: where.__setitem__(key, value)


NAMED = [("data",), ("recipes",), ("sweep", "axes"), ("sweep", "baseline"), ("sweep", "exclude", 0),
         ("expect", 0, "where")]  # any key
REPLACED = {"evaluate.0.limit", "evaluate.0.window"}  # by the axes: what stands there is never looked at
NONSENSE = {"nonsense-key": {"nonsense": 1}}
cases = {"as it is": BASE}  # what was done to it -> the document
unknown = {}  # name of a case -> the mapping that got a key too many
for path in paths(BASE):
    name = ".".join(map(str, path)) or "top"
    value = at(BASE, path)
    if path[:2] == ("sweep", "axes") and len(path) > 2:
        continue  # paths and values: what may stand there depends on the path
    if isinstance(value, dict) and path not in NAMED:
        unknown[f"unknown key in {name}"] = path
        cases[f"unknown key in {name}"] = changed(path + ("zzzzzzzz",), put(1))
    if not path:
        continue
    if name in REPLACED:
        continue
    cases[f"without {name}"] = changed(path, lambda where, key: where.pop(key))
    for what, other in [("mapping", NONSENSE), ("list", [NONSENSE]), ("null", None), ("text", "nonsense?"),
                        ("number", 12345678901), ("fraction", -1.5), ("boolean", True), ("empty list", [])]:
        cases[f"{what} as {name}"] = changed(path, put(other))

(SCRATCH / "experiments").mkdir()
(SCRATCH / "configs").symlink_to(Path("configs").resolve())
(SCRATCH / "models").symlink_to(Path("models").resolve())
names = list(cases)
for i, name in enumerate(names):
    (SCRATCH / f"experiments/{i:04}.yaml").write_text(json.dumps(cases[name], indent=1))
told = subprocess.run([SSMQ, "check", *sorted(glob.glob(f"{SCRATCH}/experiments/*.yaml"))],
                      capture_output=True, text=True)
problems = {}  # number of the case -> what the loader said
for line in told.stderr.splitlines():
    begun = re.match(r".*/experiments/(\d{4})\.yaml:\d+:\d+: (error|warning): (.*)", line)
    if begun and begun[2] == "error":
        number = int(begun[1])
        problems.setdefault(number, []).append(begun[3])
    elif begun is None and "help: allowed here: " in line:
        problems[number].append(line.strip())


def without_false(node):
    """The same schema with properties that are false as an error of their own, which tells its place."""
    if isinstance(node, list):
        return [without_false(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: without_false(part) for key, part in node.items()}
    if isinstance(node.get("properties"), dict):
        node["properties"] = {k: {"not": {}} if v is False else v for k, v in node["properties"].items()}
    return node


telling = jsonschema.Draft202012Validator(without_false(experiment.schema))


def known_keys(path, keys):
    """Those of the keys that the schema knows in the mapping there."""
    document = copy.deepcopy(BASE)
    at(document, path).update((key, NONSENSE) for key in keys if key not in at(document, path))
    unknown_here = set()
    for error in telling.iter_errors(document):
        where = tuple(error.absolute_path)
        if where == path and error.validator == "additionalProperties":
            unknown_here |= {key for key in keys if f"'{key}'" in error.message}
        if where and where[:-1] == path and error.validator == "not":
            unknown_here.add(where[-1])
    return set(keys) - unknown_here


def keys_of(node):
    """Every name of a property anywhere in the schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for part in node.values():
            yield from keys_of(part)
    elif isinstance(node, list):
        for part in node:
            yield from keys_of(part)


CHOOSING = {"method", "statistic", "across", "name"}
every_key = set(keys_of(experiment.schema))
refused = 0
for number, name in enumerate(names):
    said = problems.get(number, [])
    errors = [e.message for e in experiment.iter_errors(cases[name])]
    refused += bool(errors)
    if errors and not said:
        fail(f"{name}: refused by the schema only: {errors[0][:200]}")
    plain = [m for m in said if re.search(r"must be|unknown key| is missing$|; allowed: |empty", m)
             and not re.search(r"step|no selector|of letters", m)]
    if plain and not errors:
        fail(f"{name}: refused by the loader only: {plain[0]}")
    if name in unknown:
        help_line = [m for m in said if m.startswith("help: allowed here: ")]
        allowed = set(help_line[0].removeprefix("help: allowed here: ").split(", ")) if help_line else set()
        # Those that choose among several forms by themselves, as a value of theirs hides the other errors.
        known = known_keys(unknown[name], every_key - CHOOSING)
        known |= {key for key in CHOOSING if known_keys(unknown[name], {key})}
        if allowed != known:
            fail(f"{name}: the loader allows {sorted(allowed)}, the schema {sorted(known)}")
if problems.get(0):
    fail(f"the base is refused: {problems[0]}")
if len(names) < 400 or refused < len(names) / 2:
    fail(f"only {len(names)} cases, of which {refused} are refused")
print(f"{len(files)} experiments; {len(names)} documents, {refused} refused; {failures} failures")
sys.exit(failures > 0)
