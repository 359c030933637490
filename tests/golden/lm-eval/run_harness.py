"""Writes harness.json: lm-evaluation-harness run as its users run it, on the tiny model and WikiText-2's test split.

    python3 run_harness.py [LIMIT] > harness.json      in the project's folder; LIMIT: documents, 4 without it

Needs lm_eval 0.4.2 with torch and transformers (PyPI).  The model is its type `hf`, transformers' MambaForCausalLM in float32 with
the stored weights under their names there; the task is its `wikitext`, with its own detokeniser and counts, over the pages of
pages.py."""
import importlib.metadata
import json
import pathlib
import re
import shutil
import sys
import tempfile

import evaluate

evaluate.load = lambda name: None  # lm_eval fetches a metric as it is imported, which the task has no use for
import lm_eval
import torch
from lm_eval.tasks import TaskManager
from pages import pages
from safetensors.torch import load_file
from transformers import MambaConfig, MambaForCausalLM, PreTrainedTokenizerFast

TINY = pathlib.Path("models/tiny-mamba")
WINDOW = 512
LIMIT = int(sys.argv[1]) if len(sys.argv) > 1 else 4


def save_model(folder):
    config = json.loads((TINY / "config.json").read_text())
    weights = load_file(TINY / "model.safetensors")
    layer = "backbone.layers.0.mixer."
    model = MambaForCausalLM(MambaConfig(
        vocab_size=len(weights["backbone.embedding.weight"]), hidden_size=config["d_model"], num_hidden_layers=config["n_layer"],
        state_size=weights[layer + "A_log"].shape[1], conv_kernel=weights[layer + "conv1d.weight"].shape[2],
        time_step_rank=weights[layer + "dt_proj.weight"].shape[1], use_bias=False, layer_norm_epsilon=1e-5))
    weights = {re.sub(r"\bembedding\b", "embeddings", k): v.float() for k, v in weights.items()}
    weights["lm_head.weight"] = weights["backbone.embeddings.weight"]
    model.load_state_dict(weights)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_file=str(TINY / "tokenizer.json"), eos_token="<|endoftext|>").save_pretrained(folder)


def save_task(folder):
    own = pathlib.Path(lm_eval.__file__).parent / "tasks/wikitext"
    shutil.copy(own / "preprocess_wikitext.py", folder)
    with open(folder / "pages.jsonl", "w") as f:
        for page in pages():
            f.write(json.dumps({"page": page}) + "\n")
    task = (own / "wikitext.yaml").read_text()
    task = task.replace("task: wikitext", "task: pages").replace("EleutherAI/wikitext_document_level", "json")
    task = re.sub(r"(?m)^(dataset_name|training_split|validation_split):.*\n|^dataset_kwargs:\n( .*\n?)+", "", task)
    (folder / "pages.yaml").write_text(f"{task}\ndataset_kwargs: {{data_files: {{test: {folder / 'pages.jsonl'}}}}}\n")


with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch)
    save_model(folder / "model")
    save_task(folder)
    torch.manual_seed(0)
    results = lm_eval.simple_evaluate(
        "hf", f"pretrained={folder / 'model'},max_length={WINDOW},dtype=float32,device=cpu", ["pages"], batch_size=1,
        limit=LIMIT, task_manager=TaskManager(include_path=str(folder)), bootstrap_iters=0)
figures = {k.split(",")[0]: v for k, v in results["results"]["pages"].items() if k.endswith(",none") and "stderr" not in k}
samples = sorted(results["samples"]["pages"], key=lambda s: s["doc_id"])
out = {"versions": {n: importlib.metadata.version(n) for n in ("lm_eval", "transformers", "torch", "tokenizers")},
       "window": WINDOW, "documents": len(samples), "document_nll": [-s["word_perplexity"][0] for s in samples]} | figures
json.dump(out, sys.stdout, indent=1)
print()
