/* The keys of an experiment outside methods, backends and observers. */
#include <limits.h>
#include "harness/base/cores.h"
#include "harness/data/documents.h"
#include "harness/data/window.h"
#include "harness/run/experiment/loader.h"

const char *const ssmq_tasks[] = {"perplexity", "profile", NULL};
const char *const ssmq_baselines[] = {"float", "fake", NULL};
const char *const ssmq_metrics[] = {"kl",     "delta-p", "top1",    "sqnr", "mse",       "cosine",
                                    "rel-l2", "max-err", "bias", "clip-rate", NULL};
const char *const ssmq_error_inputs[] = {"clean", "propagated", NULL};
const char *const ssmq_sensitivity_modes[] = {"off", "each-on", "each-off", "both", NULL};
const char *const ssmq_unit_kinds[] = {"site", "site-layer", "layer", "weight", "step", NULL};

const char *const ssmq_schema_keys[] = {"ssmq",     "include",     "name", "question", "model",
                                        "data",     "calibration", "mode", "recipe",   "recipes",
                                        "evaluate", "compare",     "collect", "run",   "launch", "sweep",  "expect",
                                        NULL};

static const char *const all_cores[] = {"all", NULL}; /* stands for 0 */
static const char *const no_bootstrap[] = {"off", NULL}; /* likewise */
static const char *const no_channels[] = {"off", NULL};  /* likewise */
static const char *const histograms[] = {"off", "floatbits16", NULL}; /* ssmq_histogram_kind */

#define AT(type, field) #field, offsetof(type, field)

const ssmq_option ssmq_schema_model[] = {
    {AT(ssmq_model_options, path), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "directory of the checkpoint: config.json and weights"},
    {AT(ssmq_model_options, tokenizer), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "tokenizer.json of the model; without it the one in the directory"},
    {0},
};

const ssmq_option ssmq_schema_data[] = {
    {AT(ssmq_data_options, file), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "the file"},
    {AT(ssmq_data_options, format), SSMQ_OPTION_CHOICE, "", 0, 0, ssmq_data_formats,
     "what is in it; without it told from the name: .raw, .txt, .jsonl, .jsonl.zst, .npy, .json"},
    {AT(ssmq_data_options, subset), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "jsonl: dotted key of the field that says which subset a document belongs to"},
    {0},
};

const ssmq_option ssmq_schema_calibration[] = {
    {AT(ssmq_calibration_draft, select), SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_select_names,
     "which documents: the first ones in file order, or some drawn by seed"},
    {AT(ssmq_calibration_draft, count), SSMQ_OPTION_INT, "512", 1, 1e9, NULL, "documents"},
    {AT(ssmq_calibration_draft, length), SSMQ_OPTION_INT, "512", 1, 1 << 24, NULL,
     "tokens that a document is cut to"},
    {AT(ssmq_calibration_draft, seed), SSMQ_OPTION_INT, "", 0, INT_MAX, NULL,
     "sampled: of the draw; without it run.seed"},
    {AT(ssmq_calibration_draft, batch), SSMQ_OPTION_INT, "1", 1, 1024, NULL,
     "samples of equal length that run at once: more pay off where they are short, less than about 256 tokens.  "
     "No number depends on it"},
    {0},
};

const ssmq_option ssmq_schema_evaluation[] = {
    {AT(ssmq_evaluation_draft, id), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "what results are filed under; unique"},
    {AT(ssmq_evaluation_draft, task), SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_tasks,
     "what is measured"},
    {AT(ssmq_evaluation_draft, dialect), SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_dialects,
     "which definition of perplexity"},
    {AT(ssmq_evaluation_draft, window), SSMQ_OPTION_INT, "2048", 2, 1 << 24, NULL,
     "tokens of a window"},
    {AT(ssmq_evaluation_draft, limit), SSMQ_OPTION_INT, "0", 0, 1e9, NULL,
     "windows, with lm-eval documents (of each subset); 0: all"},
    {AT(ssmq_evaluation_draft, prefix), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "lm-eval: text of the token that stands before each document; without it `" SSMQ_DEFAULT_PREFIX "`"},
    {AT(ssmq_evaluation_draft, loss_dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0, ssmq_loss_dtypes,
     "f16, bf16: logits, losses and their mean over a window are rounded so, to replicate code that does; "
     "f32: logits are f32, losses f64"},
    {AT(ssmq_evaluation_draft, state_reset), SSMQ_OPTION_INT, "0", 0, 1 << 24, NULL,
     "tokens after which the states of the scan and the convolution are set to zero, again and again within a window: what "
     "is predicted rests on no more than these, and errors in states are forgotten.  What runs between is like a window of "
     "its own, dynamic ranges too; 0: never"},
    {0},
};

const ssmq_option ssmq_schema_profile[] = {
    {"id", offsetof(ssmq_profile_draft, spec.id), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "what results are filed under; unique"},
    {AT(ssmq_profile_draft, task), SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_tasks, "what is measured"},
    {"batch", offsetof(ssmq_profile_draft, spec.batch), SSMQ_OPTION_INT, "1", 1, 4096, NULL, "sequences at once"},
    {"prompt", offsetof(ssmq_profile_draft, spec.prompt), SSMQ_OPTION_INT, "512", 1, 1 << 20, NULL,
     "tokens of the prompt, random ones"},
    {"generate", offsetof(ssmq_profile_draft, spec.generate), SSMQ_OPTION_INT, "32", 1, 1 << 20, NULL,
     "tokens to generate, one by the prefill"},
    {"repeat", offsetof(ssmq_profile_draft, spec.repeat), SSMQ_OPTION_INT, "10", 1, 100000, NULL, "repetitions, each timed"},
    {"warmup", offsetof(ssmq_profile_draft, spec.warmup), SSMQ_OPTION_INT, "2", 0, 100000, NULL, "repetitions before them"},
    {0},
};

const ssmq_option ssmq_schema_compare[] = {
    {AT(ssmq_compare_draft, bootstrap), SSMQ_OPTION_INT, "1000", 100, 100000, no_bootstrap,
     "resamples of the windows for the 95 % interval of the difference in log-perplexity"},
    {AT(ssmq_compare_draft, tokens), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "true: keep the figures of every token in run.h5, not only those of windows"},
    {AT(ssmq_compare_draft, evaluation), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "id of the evaluation that errors at sites, sensitivity and interactions are found on; without it "
     "the first"},
    {AT(ssmq_compare_draft, windows), SSMQ_OPTION_INT, "4", 0, 1e9, NULL,
     "windows of it, with lm-eval documents, that they are found on (of each subset); 0: all"},
    {AT(ssmq_compare_draft, clip_limit), SSMQ_OPTION_REAL, "1", 0, 100, NULL,
     "per cent of a site's values that may be clipped before there is an alarm, with clip-rate"},
    {AT(ssmq_compare_draft, sensitivity), SSMQ_OPTION_CHOICE, "off", 0, 0, ssmq_sensitivity_modes,
     "evaluates the recipe with each unit quantised alone, with each left in float, or both"},
    {AT(ssmq_compare_draft, by), SSMQ_OPTION_CHOICE, "site", 0, 0, ssmq_unit_kinds,
     "a unit of sensitivity: a site in all layers, in one layer, all sites of a layer, a weight in all "
     "layers, or what a step quantised"},
    {0},
};

const ssmq_option ssmq_schema_collect[] = {
    {AT(ssmq_collect_draft, sites), SSMQ_OPTION_SITES, "", 0, 0, NULL,
     "where statistics are taken: activations, states and weights; without it all activations and "
     "weights of the layers"},
    {0},
};

const ssmq_option ssmq_schema_statistics[] = {
    {AT(ssmq_statistics_draft, moments), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "mean and second to fourth central moment"},
    {AT(ssmq_statistics_draft, channels), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "extremes, mean, variance, kurtosis and nine quantiles of each channel"},
    {AT(ssmq_statistics_draft, states), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "of the recurrent state: extremes, mean, variance and kurtosis of each state index, and largest magnitude, mean "
     "and variance of each channel and index"},
    {AT(ssmq_statistics_draft, top_channels), SSMQ_OPTION_INT, "16", 1, 1024, no_channels,
     "channels with the largest magnitudes: their share of the squared norm, their persistence "
     "across samples"},
    {AT(ssmq_statistics_draft, histogram), SSMQ_OPTION_CHOICE, "floatbits16", 0, 0, histograms,
     "in bins made of the sign and the upper bits of a float"},
    {0},
};

const ssmq_option ssmq_schema_dump[] = {
    {AT(ssmq_dump_draft, sites), SSMQ_OPTION_SITES, NULL, 0, 0, NULL, "whose values are kept"},
    {AT(ssmq_dump_draft, samples), SSMQ_OPTION_INT, "4", 1, 1e9, NULL,
     "calibration samples, from the first"},
    {AT(ssmq_dump_draft, tokens), SSMQ_OPTION_INT, "256", 1, 1 << 24, NULL,
     "of each sample, from the first"},
    {AT(ssmq_dump_draft, dtype), SSMQ_OPTION_CHOICE, "f16", 0, 0, ssmq_dump_dtypes,
     "what is kept of a value; codes: what the quantiser makes of it, in int8, with the scales"},
    {AT(ssmq_dump_draft, limit), SSMQ_OPTION_SIZE, "4GiB", 1024, 0x1p40, NULL,
     "that dump.h5 may take, else the experiment is refused; it is put together in memory"},
    {0},
};

const ssmq_option ssmq_schema_run[] = {
    {AT(ssmq_run_options, seed), SSMQ_OPTION_INT, "0", 0, INT_MAX, NULL, "of everything random"},
    {AT(ssmq_run_options, threads), SSMQ_OPTION_INT, "all", 1, 1024, all_cores,
     "threads; all: one for each online core.  No number depends on it"},
    {AT(ssmq_run_options, keep_hidden), SSMQ_OPTION_SIZE, "8GiB", 0, 0x1p50, NULL,
     "that what the float model's head reads may take in the cache, where runs are compared with float, so that its "
     "layers run once for all of them; 0: they run beside each.  No number depends on it"},
    {AT(ssmq_run_options, keep_ranges), SSMQ_OPTION_SIZE, "512MiB", 0, 0x1p50, NULL,
     "that ranges by channel and outermost values of single calibration samples may take, in memory and in the "
     "cache, so that another combination, number of samples or fine percentile needs no forward pass; of samples "
     "beyond it less is kept.  No number depends on it"},
    {0},
};

const ssmq_option ssmq_schema_launch[] = {
    {AT(ssmq_launch_spec, partition), SSMQ_OPTION_TEXT, "", 0, 0, NULL, "of the cluster; without it its default"},
    {AT(ssmq_launch_spec, account), SSMQ_OPTION_TEXT, "", 0, 0, NULL, "who is charged"},
    {AT(ssmq_launch_spec, qos), SSMQ_OPTION_TEXT, "", 0, 0, NULL, "quality of service"},
    {AT(ssmq_launch_spec, time), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "limit of each run, as the cluster writes it: minutes, hours:minutes:seconds, days-hours.  A run that needs more "
     "goes on in another job"},
    {AT(ssmq_launch_spec, memory), SSMQ_OPTION_SIZE, "0", 0, 0x1p50, NULL, "of each run; 0: the partition's default"},
    {AT(ssmq_launch_spec, cpus), SSMQ_OPTION_INT, "1", 1, SSMQ_CORES_MAX, NULL,
     "processors of each run, which has as many threads"},
    {AT(ssmq_launch_spec, warn), SSMQ_OPTION_INT, "120", 10, 65535, NULL,
     "seconds before the limit at which a run is told to stop: longer than a window and, without results of "
     "calibration in the cache, a sample take"},
    {AT(ssmq_launch_spec, resubmit), SSMQ_OPTION_INT, "20", 0, 1000, NULL,
     "times that a run which was stopped before its end is submitted again"},
    {AT(ssmq_launch_spec, options), SSMQ_OPTION_LIST, "", 0, 0, NULL, "further options of sbatch, `--constraint=avx512`"},
    {0},
};

static const char *const policies[] = {"refuse", "record", NULL};

const ssmq_option ssmq_schema_sweep[] = {
    {AT(ssmq_sweep_options, unsupported), SSMQ_OPTION_CHOICE, "refuse", 0, 0, policies,
     "refuse: a point that is valid but not offered is an error; record: it becomes a run with the status "
     "unsupported and the reason, and the others run"},
    {0},
};

const ssmq_option ssmq_schema_expect[] = {
    {AT(ssmq_expect_options, evaluation), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "id of the evaluation"},
    {AT(ssmq_expect_options, metric), SSMQ_OPTION_TEXT, "ppl", 0, 0, NULL,
     "the figure, as results call it: `ppl`, `nll`, `kl_mean`, `top1`, ..."},
    {AT(ssmq_expect_options, value), SSMQ_OPTION_REAL, NULL, -1e300, 1e300, NULL, "what is expected"},
    {AT(ssmq_expect_options, tolerance), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "how far off it may be: a number, or a share of the value, `1%`"},
    {AT(ssmq_expect_options, source), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "where the value is from"},
    {0},
};

const ssmq_option ssmq_schema_step[] = {
    {AT(ssmq_step_options, method), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "one of the methods below"},
    {AT(ssmq_step_options, id), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "unique in the recipe; without it the method's name"},
    {AT(ssmq_step_options, enabled), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "false: the step is left out"},
    {0},
};
