#include "harness/run/experiment/reference.h"
#include <ctype.h>
#include "harness/run/experiment/loader.h"

/* ---- option tables --------------------------------------------------------------------- */

/* Text in a cell of a table: a bar would end it. */
static void put_cell(ssmq_str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') ssmq_str_puts(out, "\\");
        ssmq_str_append(out, text, 1);
    }
}

static void put_words(ssmq_str *out, const char *const *words)
{
    for (int i = 0; words[i]; i++) ssmq_str_printf(out, "%s`%s`", i ? ", " : "", words[i]);
}

static void put_range(ssmq_str *out, const ssmq_option *o)
{
    ssmq_str_printf(out, "%.10g to %.10g", o->min, o->max);
    if (!o->choices) return;
    ssmq_str_puts(out, " or ");
    put_words(out, o->choices);
}

static void put_allowed(ssmq_str *out, const ssmq_option *o)
{
    switch (o->type) {
    case SSMQ_OPTION_BOOL: ssmq_str_puts(out, "`true`, `false`"); return;
    case SSMQ_OPTION_INT:
        ssmq_str_puts(out, "integer, ");
        put_range(out, o);
        return;
    case SSMQ_OPTION_REAL:
        ssmq_str_puts(out, "number, ");
        put_range(out, o);
        return;
    case SSMQ_OPTION_TEXT: ssmq_str_puts(out, "text"); return;
    case SSMQ_OPTION_CHOICE: put_words(out, o->choices); return;
    case SSMQ_OPTION_SITES: ssmq_str_puts(out, "selector or list of selectors"); return;
    case SSMQ_OPTION_OBSERVER: ssmq_str_puts(out, "observer"); return;
    case SSMQ_OPTION_SIZE: ssmq_str_puts(out, "size in bytes, or with `KiB`, `MiB`, `GiB`"); return;
    case SSMQ_OPTION_LIST: ssmq_str_puts(out, "list of texts"); return;
    }
}

static void put_row(ssmq_str *out, const char *key, const char *allowed, const char *fallback,
                    const char *help)
{
    ssmq_str_printf(out, "| `%s` | %s | ", key, allowed);
    if (!fallback) ssmq_str_puts(out, "required");
    else if (*fallback) ssmq_str_printf(out, "`%s`", fallback);
    ssmq_str_puts(out, " | ");
    put_cell(out, help);
    ssmq_str_puts(out, " |\n");
}

static void put_head(ssmq_str *out)
{
    ssmq_str_puts(out, "\n| key | value | default | meaning |\n|---|---|---|---|\n");
}

static void put_rows(ssmq_str *out, const ssmq_option *table)
{
    for (const ssmq_option *o = table; o && o->name; o++) {
        ssmq_str allowed = {0};
        put_allowed(&allowed, o);
        put_row(out, o->name, ssmq_str_text(&allowed), o->fallback, o->help);
        ssmq_str_free(&allowed);
    }
}

static void put_table(ssmq_str *out, const ssmq_option *table)
{
    if (!table || !table->name) {
        ssmq_str_puts(out, "\nNo options.\n");
        return;
    }
    put_head(out);
    put_rows(out, table);
}

/* A one-line help as a sentence. */
static void put_sentence(ssmq_str *out, const char *help)
{
    ssmq_str_printf(out, "%c%s.", toupper((unsigned char)*help), help + 1);
}

/* ---- sections -------------------------------------------------------------------------- */

static const char introduction[] =
    "# Configuration reference\n"
    "\n"
    "Written by `ssmq_reference()` (harness/run/experiment/reference.c) from the option tables that the "
    "program reads\n"
    "experiments by; `tests/conformance/test_configs.c` compares the two.  Change the tables, "
    "not this page.\n"
    "\n"
    "An experiment is one YAML file that asks one question; those of the project lie in "
    "`experiments/`.  This\n"
    "folder holds what they share: `models/` and `data/` give models and data sets their names, "
    "`recipes/`\n"
    "holds lists of steps, `machines/` what jobs ask a cluster for, and `data/` the data files too, "
    "with their origin and licence beside them.\n"
    "\n"
    "- `ssmq check FILE` prints an experiment with every default written out and where each value "
    "came from.\n"
    "- Every problem has a number: `ssmq explain E203` says what it means, and so does "
    "[ERRORS.md](ERRORS.md).\n"
    "- `ssmq list methods`, `observers`, `models`, `sites` print what this page lists, and the "
    "sites of a model.\n"
    "- `ssmq schema` prints this page as JSON Schema: with `# yaml-language-server: "
    "$schema=FILE` as its first line an\n"
    "  experiment is completed and checked in editors that know YAML; `--kind fragment` and `--kind "
    "recipe` are for\n"
    "  the files that it includes.\n"
    "- Paths are relative to the file that names them, those of `--set` to the current directory.\n"
    "- `include` names files that are merged in order before the file itself; then each `--set "
    "KEY=VALUE` is\n"
    "  applied in order.  Mappings merge key by key; scalars and lists are replaced.\n"
    "- `KEY` of `--set` is dotted: `run.threads`, `recipe.STEP.OPTION`, "
    "`recipes.NAME.STEP.OPTION`,\n"
    "  `evaluate.ID.limit`; steps and evaluations are addressed by their `id`.  `VALUE` is YAML.\n"
    "- Types are those of YAML 1.2: `true` and `false` are the booleans, and a number has no "
    "leading zeros.\n"
    "- A file may be 1 MiB long and nest 64 deep; it holds one document, no tags, and no merge key "
    "`<<`.\n";

const ssmq_schema_key ssmq_schema_top[] = {
    {"ssmq", "`1`", NULL, "version of this form"},
    {"include", "path or list of paths", "",
     "files to merge first; something of each must be used"},
    {"name", "letters, digits, `.`, `_`, `-`", NULL, "names the folder of the results"},
    {"question", "text", "", "what the experiment is to find out"},
    {"model", "mapping", NULL, "the checkpoint"},
    {"data", "mapping of names to data sets", "",
     "names that stand wherever a data set is wanted"},
    {"calibration", "mapping", "",
     "what the static ranges of activations are found on; "
     "required if a step observes, and by collect"},
    {"mode", "`float`, `fake`, `real`, or a list of them", NULL,
     "float: the baseline, run once, without recipe; fake: simulated quantisation; real: "
     "codes in bytes and integer kernels, refused where there is none"},
    {"recipe", "list of steps, or path of a file that holds one", "",
     "the only recipe; every mode but float needs a recipe"},
    {"recipes", "mapping of names to recipes", "",
     "several, in place of one: every mode but float is run for each"},
    {"evaluate", "list of evaluations", NULL, "what is measured"},
    {"compare", "mapping", "",
     "figures of each quantised model paired with the float one"},
    {"collect", "mapping", "",
     "statistics and dumps of activations, states and weights: of each run's own model on the "
     "calibration samples"},
    {"run", "mapping", "", "seed, threads and backend"},
    {"launch", "mapping", "",
     "what `ssmq launch slurm` asks the cluster for, for each run; no run's id depends on it"},
    {"sweep", "mapping", "", "axes along which the experiment is repeated"},
    {"expect", "list of mappings", "",
     "published or earlier values, reported beside what runs come to; no run's id depends on them"},
    {0},
};

static void put_top(ssmq_str *out)
{
    ssmq_str_puts(out, "\n## The keys of an experiment\n");
    put_head(out);
    for (const ssmq_schema_key *k = ssmq_schema_top; k->name; k++)
        put_row(out, k->name, k->value, k->fallback, k->help);
    ssmq_str_puts(out, "\n### model\n");
    put_table(out, ssmq_schema_model);
    ssmq_str_puts(out, "\n### A data set\n\nA name out of `data`, or a mapping in place:\n");
    put_table(out, ssmq_schema_data);
}

static const char dialects[] =
    "\nThe dialects are definitions of perplexity whose figures are not comparable; two of them, or two lengths of window, are "
    "never put\ninto one column. All but `lm-eval` cut a text, tokenised once as a whole, into consecutive windows of `window` "
    "tokens, each of which begins with an\nempty state, drop the remainder, and take exp of the mean over windows of each window's "
    "mean loss in nats; the standard error is\nthat of the mean over windows.\n\n"
    "| dialect | text | tokens scored of a window |\n"
    "|---|---|---|\n"
    "| `gptq` | `wikitext-raw`: lines joined with two newlines, a blank one as the empty string; `text`: the file; `jsonl`: documents "
    "joined with single spaces | all but the first |\n"
    "| `disjoint` | `jsonl` only: as `gptq`, without the documents that the experiment's calibration takes from the same file, for "
    "every run of it, float too | all but the first |\n"
    "| `llama.cpp` | the file as it is, `wikitext-raw` too; a tokenizer that adds a token at the beginning of a text, which llama.cpp "
    "would put at the beginning of each window, is not supported | the last `window - 1 - window/2`: the first half is context |\n"
    "| `lm-eval` | `wikitext-raw`: pages, detokenised; `jsonl`: documents as they are; `text`: the file, one document; each by itself | "
    "every token of a document once; of its last window, those that an earlier one did not score |\n"
    "\n`lm-eval` is what lm-evaluation-harness 0.4.2 does for its task `wikitext` (`loglikelihood_rolling`): a document is tokenised by "
    "itself, the token\n`prefix` stands before it, and layers read at most `window` tokens at a time, from an empty state; the last "
    "window of a longer document begins so\nmuch earlier that it is as long as the others. Losses are added up and divided by what "
    "they are for: `ppl` and `nll` are of a token as\nin the other dialects, but over all tokens alike, `word_ppl`, `byte_ppl` and "
    "`bits_per_byte` of the words and bytes of the text before it was\ndetokenised, as that project prints them (words are pieces "
    "between white space, empty ones at the ends included). Differences from it: it\ngives no standard errors of these, here they are "
    "of a ratio of sums over documents (delta method), and runs are paired by document; it\nrounds log-probabilities to the "
    "model's type, here they are f64; its prefix is the tokenizer's end of text, here it is named.\n`limit` and `compare.windows` "
    "count documents, as its `--limit` does.\n";

static void put_sections(ssmq_str *out)
{
    ssmq_str_puts(out, "\n### calibration\n");
    put_head(out);
    put_row(out, "data", "data set", NULL, "where the samples come from");
    put_rows(out, ssmq_schema_calibration);
    ssmq_str_puts(out, "\n### An evaluation\n");
    put_head(out);
    put_row(out, "data", "data set", NULL, "the text or tokens");
    put_rows(out, ssmq_schema_evaluation);
    ssmq_str_puts(out, dialects);
    ssmq_str_puts(out, "\nOf `task: profile`, which takes no data and times the run's model (`experiments/README.md`, Time):\n");
    put_head(out);
    put_rows(out, ssmq_schema_profile);
}

/* Why each of the metrics is there is in experiments/README.md. */
static void put_compare(ssmq_str *out)
{
    ssmq_str words = {0}, inputs = {0};
    ssmq_str_puts(&words, "one or a list of ");
    put_words(&words, ssmq_metrics);
    ssmq_str_puts(&inputs, "one or a list of ");
    put_words(&inputs, ssmq_error_inputs);
    ssmq_str_puts(out, "\n### compare\n");
    put_head(out);
    put_row(out, "against", "one or a list of `float`, `fake`", "float",
            "what runs beside each quantised model, over the same tokens; fake: where codes of runs in mode "
            "real differ from those of the same plan in mode fake (`ssmq compare --fake-real`). All that "
            "follows but evaluation and windows is of the comparison with float");
    put_rows(out, ssmq_schema_compare);
    put_row(out, "metrics", ssmq_str_text(&words), "[kl, delta-p, top1]",
            "of tokens: divergence from float in nats, change of the target's probability, same most "
            "likely token (the difference in log-perplexity is always there); the others are errors of "
            "each site in each layer");
    put_row(out, "inputs", ssmq_str_text(&inputs), "[clean, propagated]",
            "of errors at sites: clean, the float model's tensor quantised once; propagated, the "
            "tensor of the quantised model");
    put_row(out, "interactions", "list of pairs of ids of steps", "",
            "what two steps do together beyond what each does: the recipe is applied without one, the "
            "other, both");
    ssmq_str_free(&words);
    ssmq_str_free(&inputs);
}

static void put_collect(ssmq_str *out)
{
    ssmq_str_puts(out, "\n### collect\n");
    put_head(out);
    put_rows(out, ssmq_schema_collect);
    put_row(out, "statistics", "mapping, or `off`", "{}", "what is kept of the values, below");
    put_row(out, "dump", "mapping", "", "the values themselves, in dump.h5, below");
    ssmq_str_puts(out, "\n#### collect.statistics\n");
    put_head(out);
    put_row(out, "quantiles", "number, 0 to 100, or a list of them, or `off`",
            "[99, 99.9, 99.99, 99.999, 100]", "in per cent, of values and of magnitudes");
    put_rows(out, ssmq_schema_statistics);
    ssmq_str_puts(out, "\n#### collect.dump\n");
    put_head(out);
    put_rows(out, ssmq_schema_dump);
}

static const char sweep_rules[] =
    "\nRuns are recipes x modes x axes x seeds; points that resolve to the same run are one run, so that float and "
    "a recipe\n"
    "that an axis does not touch run once.  Everything is checked before the first run.  At most 10000 points.\n";

static void put_sweep(ssmq_str *out)
{
    ssmq_str_puts(out, "\n### sweep\n");
    put_head(out);
    put_row(out, "axes", "mapping of names to axes", "",
            "an axis is a mapping of one or more paths, as those of `--set`, to lists of equal length: its paths "
            "move together");
    put_row(out, "zip", "list of lists of axes", "", "axes that move together; they have equally many values");
    put_row(out, "exclude", "list of mappings of axes to a value or a list of values", "",
            "points that are left out: those at which all of a mapping holds; an axis goes by its name or a path of "
            "its, and there are `recipe`, `mode` and `seed`");
    put_row(out, "baseline", "mapping of axes to a value", "",
            "what others are compared with: the point with these values that is else the same; without it float");
    put_row(out, "seeds", "list of integers", "", "values of `run.seed`, as the axis `seed`; float runs once");
    put_rows(out, ssmq_schema_sweep);
    ssmq_str_puts(out, sweep_rules);
    ssmq_str_puts(out, "\n### launch\n");
    put_table(out, ssmq_schema_launch);
    ssmq_str_puts(out, "\n### expect\n");
    put_head(out);
    put_rows(out, ssmq_schema_expect);
    put_row(out, "where", "mapping of axes to a value or a list of values", "",
            "which runs, as in `sweep.exclude`: `{mode: float}`, `{recipe: quamba, p: 99.9}`, of those that depend on these axes; without it all");
}

static void put_backends(const ssmq_catalogue *cat, ssmq_str *out)
{
    ssmq_str_puts(out, "\n### run\n");
    put_head(out);
    put_rows(out, ssmq_schema_run);
    put_row(out, "backend", "name, or mapping of `name` and its options", "cpu",
            "where arithmetic runs");
    for (const ssmq_backend_ops *const *b = cat->backends; *b; b++) {
        ssmq_str_printf(out, "\n#### Backend `%s`\n\n", (*b)->name);
        put_sentence(out, (*b)->help);
        ssmq_str_puts(out, "\n");
        put_table(out, (*b)->options);
    }
}

static const char selectors[] = "\n## Recipes\n"
                                "\n"
                                "A recipe is an ordered list of steps; where two steps select the "
                                "same site, the later one wins.\n";

static const char selector_rules[] = "\n### Selectors\n"
                                     "\n"
                                     "Globs over the dotted names of sites: `*` (any run) and `?` "
                                     "(one character) stay within one part of a\n"
                                     "name, `**` spans parts, `{a,b}` lists alternatives; a list "
                                     "of selectors selects their union.  A step takes\n"
                                     "only sites of the kind its method works on, and a selector "
                                     "that then matches nothing is an error.\n";

static void put_methods(const ssmq_catalogue *cat, ssmq_str *out)
{
    ssmq_str_puts(out, selectors);
    ssmq_str_puts(out, "\n### A step\n");
    put_head(out);
    put_rows(out, ssmq_schema_step);
    ssmq_str_puts(out, "| ... | | | the options of its method |\n");
    ssmq_str_puts(out, selector_rules);
    for (const ssmq_method *const *m = cat->methods; *m; m++) {
        ssmq_str_printf(out, "\n### Method `%s`\n\n", (*m)->name);
        put_sentence(out, (*m)->help);
        ssmq_str_printf(out, "  Source: %s.\n", (*m)->source);
        put_table(out, (*m)->options);
    }
}

static void put_observers(const ssmq_catalogue *cat, ssmq_str *out)
{
    ssmq_str_puts(out, "\n## Observers\n"
                       "\n"
                       "How a static range is found: `{statistic: NAME, across: NAME}` with the "
                       "options of both.  The\n"
                       "statistic gives a number for each sample, `across` combines the samples; "
                       "weights are one sample\n"
                       "and take no `across`.  What is left out is as in the default.\n");
    for (const ssmq_statistic *const *s = cat->statistics; *s; s++) {
        ssmq_str_printf(out, "\n### Statistic `%s`\n\nSource: %s.\n", (*s)->name, (*s)->source);
        put_table(out, (*s)->options);
    }
    for (const ssmq_across *const *a = cat->across; *a; a++) {
        ssmq_str_printf(out, "\n### Across `%s`\n\nSource: %s.\n", (*a)->name, (*a)->source);
        put_table(out, (*a)->options);
    }
}

void ssmq_reference(const ssmq_catalogue *cat, ssmq_str *out)
{
    ssmq_str_puts(out, introduction);
    put_top(out);
    put_sections(out);
    put_compare(out);
    put_collect(out);
    put_backends(cat, out);
    put_sweep(out);
    put_methods(cat, out);
    put_observers(cat, out);
}
