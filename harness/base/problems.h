/* What can be wrong with a configuration: every problem that is reported has a number, "[E203]", by which
 * it can be looked up.  A number keeps its meaning for ever: it is never given to another problem, and that
 * of a problem which can no longer arise is not used again.  New ones go behind the last of their hundred.
 *
 * E1xx the text of a YAML file, E2xx keys and values, E3xx files and --set, E4xx an experiment, E5xx an
 * experiment and its model, E6xx sweeps, E7xx expectations; W9xx are warnings. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Name, number, title, what it means and what to do, an example: lines that cause it in an experiment which
 * is fine without them (below "include: base.yaml"), or an override of one; "" where none is short.
 * tests/conformance/test_problems.c runs every example. */
#define SSMQ_PROBLEM_LIST(X) \
    X(UTF8, 101, "not UTF-8", \
      "A file is text in UTF-8. The line and column are those of the first byte that is not; save the " \
      "file in that encoding.", "") \
    X(NUL, 102, "a NUL character", \
      "Neither a file nor a quoted text may hold the character NUL.", \
      "question: \"a\\0b\"") \
    X(SYNTAX, 103, "not valid YAML", \
      "The text cannot be read as YAML 1.2: a bracket or quote is not closed, lines of one mapping are " \
      "not indented equally, there is a tab in the indentation, or a text that holds ': ' is not quoted. " \
      "The place is where the reader gave up; the mistake can stand above it.", \
      "question: [does it, help") \
    X(DUPLICATE_KEY, 104, "a key stands twice", \
      "A mapping has each key once; which of two values is meant cannot be told. The message names the " \
      "line of the first.", \
      "run: {seed: 1, seed: 2}") \
    X(MERGE_KEY, 105, "the merge key '<<'", \
      "YAML 1.2 has no merge key. What several experiments share goes into a file of its own, named " \
      "under 'include'.", \
      "run: {<<: {seed: 1}}") \
    X(DOCUMENTS, 106, "a second document", \
      "A file holds one document; '---' starts another.", \
      "question: one\n" \
      "---\n" \
      "question: two") \
    X(DEPTH, 107, "nested too deep", \
      "Lists and mappings stand in each other at most 64 deep, aliases written out.", "") \
    X(ALIAS_SIZE, 108, "aliases stand for too much", \
      "All aliases of a file together may stand for 10,000 nodes.", "") \
    X(ALIAS_UNKNOWN, 109, "an alias without its anchor", \
      "'*name' refers to '&name' further up. A text that starts with '*', such as a selector, must be " \
      "quoted.", \
      "collect: {sites: *x}") \
    X(ALIAS_CYCLE, 110, "an alias inside its anchor", \
      "What an alias stands for cannot contain the alias.", \
      "question: &a [*a]") \
    X(ANCHORS, 111, "too many anchors", \
      "A file may have 1,000 anchors.", "") \
    X(TAG, 112, "a tag", \
      "Types come from what is expected at a place, never from a tag; quote a scalar to make it text.", \
      "name: !!str 7") \
    X(KEY_KIND, 113, "a key that is no scalar", \
      "Keys are plain words.", \
      "run: {[seed]: 1}") \
    X(ENTRIES, 114, "too many entries", \
      "A list or a mapping has at most 10,000 entries.", "") \
    X(FILE_SIZE, 115, "too much text", \
      "A YAML file, or the value of a --set, has at most 1 MiB.", "") \
    X(TYPE, 201, "a value of the wrong type", \
      "The message says what is wanted and what was found. A number in quotes is a text.", \
      "run: {seed: \"7\"}") \
    X(BOOLEAN, 202, "not true or false", \
      "YAML 1.2 has the booleans true and false only; yes, no, on and off are texts.", \
      "recipes: {quamba: [{method: weights, symmetric: yes}]}") \
    X(UNKNOWN_KEY, 203, "unknown key", \
      "No such key is read at this place, so nothing would come of it. The message suggests the nearest, " \
      "or lists those allowed.", \
      "run: {sede: 1}") \
    X(MISSING_KEY, 204, "a key is missing", \
      "It has no default and must be given.", \
      "recipes: {quamba: [{bits: 4}]}") \
    X(NO_MAPPING, 205, "not a mapping", \
      "A mapping, 'key: value' lines or '{key: value}', is wanted here.", \
      "calibration: 512") \
    X(NO_LIST, 206, "not a list", \
      "A list, '- entry' lines or '[entry]', is wanted here, and not an empty one.", \
      "evaluate: {id: wt2}") \
    X(RANGE, 207, "a number out of range", \
      "The message gives what is allowed.", \
      "recipes: {quamba: [{method: weights, bits: 17}]}") \
    X(LEADING_ZERO, 208, "a leading zero", \
      "010 is ten in YAML 1.2 and eight in YAML 1.1. Leave out the zero.", \
      "run: {seed: 007}") \
    X(CHOICE, 209, "not one of the words", \
      "The value is one of a few words, which the message lists.", \
      "mode: [float, fak]") \
    X(NAME, 210, "not a name", \
      "Names and ids become parts of file names, tables and dotted paths, and are of letters, digits, " \
      "'_' and '-'.", \
      "name: a/b") \
    X(NAME_LENGTH, 211, "a name too long", \
      "A name has at most 200 characters, since it may become the name of a folder.", "") \
    X(SELECTOR_FORM, 212, "not a selector", \
      "Selectors are globs over names of sites: '*', '?', '**' and '{a,b}'. The message gives the " \
      "character at which reading stopped.", \
      "recipes: {quamba: [{method: weights, sites: \"layers.{0,1\"}]}") \
    X(EMPTY_LIST, 213, "an empty list", \
      "A list at this place names at least one thing.", \
      "mode: []") \
    X(TWICE, 214, "stands twice", \
      "A list at this place names each thing once.", \
      "mode: [float, float]") \
    X(EMPTY_TEXT, 215, "an empty text", \
      "A path is missing between the quotes.", \
      "model: {path: \"\"}") \
    X(TOO_MANY, 216, "too many", \
      "Recipes, evaluations and the steps of a recipe are at most 1,000; of quantiles the message says " \
      "how many.", "") \
    X(SIZE, 217, "not a size", \
      "Sizes are whole numbers of bytes, KiB, MiB or GiB (of 1024), such as 512MiB.", \
      "collect: {dump: {sites: \"layers.0.scan.x\", limit: 4GB}}") \
    X(YAML_UNREADABLE, 301, "a YAML file cannot be read", \
      "It is missing or may not be read. Paths are relative to the file that names them, those of the " \
      "command line to the current directory.", \
      "include: [base.yaml, missing.yaml]") \
    X(INPUT_UNREADABLE, 302, "an input cannot be read", \
      "A file of the data or the model is missing or may not be read. Paths are relative to the file " \
      "that names them.", \
      "calibration: {data: {file: missing.jsonl}}") \
    X(INCLUDE_CYCLE, 303, "a file includes itself", \
      "Directly, or through files that it includes.", \
      "include: [base.yaml, example.yaml]") \
    X(INCLUDE_FILES, 304, "too many files", \
      "An experiment is made of at most 200 YAML files.", "") \
    X(INCLUDE_FORM, 305, "what 'include' takes", \
      "It is a path or a list of paths.", \
      "include: [{file: base.yaml}]") \
    X(INCLUDE_UNUSED, 306, "an included file has no effect", \
      "Every value of it is set again elsewhere, or nothing refers to what it names: most often a wrong " \
      "file.", \
      "include: [base.yaml, unused.yaml]") \
    X(SET_FORM, 307, "--set without a value", \
      "It takes KEY=VALUE.", \
      "--set run.seed") \
    X(SET_INCLUDE, 308, "'include' cannot be set", \
      "Files are included before --set is looked at. Write a small file that includes both.", \
      "--set include=other.yaml") \
    X(KEY_FORM, 309, "not a dotted key", \
      "Keys of --set and of axes are names with single dots between them.", \
      "--set run..seed=1") \
    X(NO_ENTRY, 310, "no entry of that name", \
      "Entries of a list are named by their id, and steps without one by their method.", \
      "--set recipes.quamba.v.bits=4") \
    X(AMBIGUOUS_ENTRY, 311, "several entries of that name", \
      "Give them ids, or use those they have.", \
      "recipes: {quamba: [{method: weights}, {method: weights}]}\n" \
      "sweep: {axes: {b: {recipes.quamba.weights.bits: [4, 8]}}}") \
    X(DATA_NAME, 320, "no data set of that name", \
      "A name is one of the mapping 'data', often given by a file of configs/data that has to be " \
      "included.", \
      "calibration: {data: pile}") \
    X(DATA_FORMAT, 321, "a data set of unknown format", \
      "The format is told from the ending of the file's name; for others add 'format'.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: example.yaml}, dialect: gptq}") \
    X(DATA_SUBSET, 322, "'subset' needs jsonl", \
      "Only documents with fields belong to subsets.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: text, subset: set}, dialect: gptq}") \
    X(NO_TOKENIZER, 323, "text without a tokenizer", \
      "The model's folder has no tokenizer.json; name one as model.tokenizer, or evaluate on tokens.", "") \
    X(VERSION, 401, "another version of the form", \
      "'ssmq' is the version of the form of experiments that this file is written in.", \
      "ssmq: 2") \
    X(RECIPE_TWO, 402, "both recipe and recipes", \
      "One recipe stands under 'recipe', several with names under 'recipes'. An included file may bring " \
      "the other.", \
      "recipe: [{method: weights}]") \
    X(NO_RECIPE, 403, "no recipe", \
      "The modes fake and real carry out a recipe.", "") \
    X(NO_CALIBRATION, 404, "no calibration", \
      "A static range, or what 'collect' looks at, needs samples: add 'calibration'.", "") \
    X(EVALUATION_TWICE, 405, "two evaluations of one id", \
      "Results are stored under the id of their evaluation.", \
      "evaluate:\n" \
      "  - &a {id: a, task: perplexity, data: {file: base.yaml, format: text}, dialect: gptq}\n" \
      "  - *a") \
    X(METHOD, 406, "no method of that name", \
      "'ssmq list methods' prints those there are.", \
      "recipes: {quamba: [{method: weihgts}]}") \
    X(STEP_TWICE, 407, "two steps of one name", \
      "A step is named by its id, or by its method where it has none. Results and sweeps refer to it.", \
      "recipes: {quamba: [{method: weights}, {method: weights, bits: 4}]}") \
    X(NO_RECIPES, 408, "recipes is empty", \
      "Give it a recipe, or leave it out.", "") \
    X(OBSERVER_ACROSS, 409, "'across' for a weight", \
      "A weight is one sample, so there is nothing to combine across samples.", \
      "recipes: {quamba: [{method: weights, observer: {across: max}}]}") \
    X(DISJOINT_DATA, 410, "'disjoint' needs documents", \
      "The dialect leaves out the documents that calibration takes, and only jsonl has documents.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: text}, dialect: disjoint}") \
    X(LM_EVAL_DATA, 411, "'lm-eval' needs text", \
      "The dialect gives perplexities of a word and of a byte of the text, which token ids do not tell.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: tokens}, dialect: lm-eval}") \
    X(DIALECT_KEY, 412, "a key that does not go with the dialect", \
      "'prefix' is of lm-eval only, and lm-eval rounds no losses.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: text}, dialect: gptq, prefix: x}") \
    X(COMPARE_EVALUATION, 420, "compare.evaluation is none", \
      "It is the id of one of the evaluations.", \
      "compare: {evaluation: wt3}") \
    X(COMPARE_FLOAT, 421, "nothing to compare", \
      "Runs are compared with the float model; add the mode fake, or leave 'compare' out.", \
      "mode: float\n" \
      "compare: {}") \
    X(PAIR_FORM, 422, "not a pair of steps", \
      "compare.interactions is a list of lists of two ids.", \
      "compare: {interactions: [rot]}") \
    X(PAIR_SELF, 423, "a step beside itself", \
      "An interaction is between two steps.", \
      "compare: {interactions: [[u, u]]}") \
    X(PAIR_NONE, 424, "no recipe has both steps", \
      "Some recipe must have both, enabled.", \
      "compare: {interactions: [[u, v]]}") \
    X(COLLECT_NOTHING, 430, "collect has nothing to do", \
      "Statistics are off and no dump is asked for.", \
      "collect: {statistics: off}") \
    X(DUMP_LIMIT, 431, "a dump over its limit", \
      "The size is known before anything runs. Raise collect.dump.limit, or take fewer sites, samples or " \
      "tokens, or a smaller dtype.", \
      "collect: {dump: {sites: \"layers.*.scan.x\", limit: 1KiB}}") \
    X(DUMP_CODES, 432, "no codes to dump", \
      "dtype: codes needs the site quantised to at most 8 bits with scales known before.", \
      "collect: {dump: {sites: \"layers.*.scan.x\", dtype: codes}}") \
    X(COMPARE_FAKE, 433, "no run to compare with fake", \
      "Runs in mode real are compared with fake; add that mode, or leave fake out.", \
      "compare: {against: [float, fake]}") \
    X(COMPARE_ONLY_FAKE, 434, "a figure against float without float", \
      "The key is about the comparison with float, which compare.against does not name.", \
      "mode: [float, real]\n" \
      "compare: {against: fake, metrics: kl}") \
    X(COMPARE_TEXT, 435, "no text to compare on", \
      "Runs are compared over the tokens of an evaluation of task perplexity; a profile has none.", \
      "evaluate: [{id: speed, task: profile}]\n" \
      "compare: {}") \
    X(COLLECT_STATES, 436, "no state to look at by index", \
      "collect.statistics.states is about recurrent states, which are among the sites only if collect.sites selects them.", \
      "collect: {sites: \"layers.*.scan.x\", statistics: {states: true}}") \
    X(RESET_NEVER, 437, "a reset beyond the window", \
      "States are reset within a window, which has no more tokens than that; each window begins with empty states as it is.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: text}, dialect: gptq, window: 64, state_reset: 64}") \
    X(LAUNCH_TEXT, 440, "not a word of a batch script", \
      "Values of launch stand in '#SBATCH' lines: letters, digits and _.,:=@%+/- ; options begin with '--'.", \
      "launch: {options: [exclusive]}") \
    X(SELECTOR_METHOD, 501, "a selector of other sites", \
      "It names sites of the model, but none of a kind that the method works on ('ssmq list methods').", \
      "recipes: {quamba: [{method: weights, sites: \"layers.*.scan.x\"}]}") \
    X(SELECTOR_NONE, 502, "a selector without sites", \
      "No site of the model has such a name; 'ssmq list sites --model DIR' prints them.", \
      "recipes: {quamba: [{method: weights, sites: \"layers.*.in_prj.weight\"}]}") \
    X(MODEL, 503, "a model that cannot be used", \
      "Its config.json or weights are damaged, or it is of a kind that no family here computes.", "") \
    X(TOKENIZER, 504, "a tokenizer that cannot be used", \
      "Its file is damaged, or it has ids for which the model has no embedding and so belongs to another.", \
      "--set model.tokenizer=configs/data/gpt-neox-20b-tokenizer.json.zst") \
    X(PREFIX, 505, "a prefix that is not one token", \
      "Dialect lm-eval scores each document behind one token, as a rule the tokenizer's end of text: 'prefix' is its text.", \
      "evaluate:\n" \
      "  - {id: a, task: perplexity, data: {file: base.yaml, format: text}, dialect: lm-eval, prefix: two words}") \
    X(FORMAT_BITS, 510, "bits of a format", \
      "Formats of floating point numbers have the bits they have.", \
      "recipes: {quamba: [{method: weights, format: e4m3, bits: 4}]}") \
    X(FORMAT_AFFINE, 511, "no zero point in this format", \
      "Only integers can be affine.", \
      "recipes: {quamba: [{method: weights, format: e4m3, symmetric: false}]}") \
    X(FORMAT_ROUNDING, 512, "the rounding of a format", \
      "Only integers can be rounded another way.", \
      "recipes: {quamba: [{method: weights, format: e4m3, rounding: half-away}]}") \
    X(FORMAT_SCOPE, 513, "the scope of a format", \
      "A format without a scale has nothing to share.", \
      "recipes: {quamba: [{method: state, format: f16, bits: 16, scope: channel}]}") \
    X(GROUP, 514, "scope group and 'group'", \
      "One needs the other.", \
      "recipes: {quamba: [{method: weights, scope: group}]}") \
    X(GROUP_SIZE, 515, "a group that does not divide", \
      "The inputs of every selected weight must fall into whole groups.", \
      "recipes: {quamba: [{method: weights, scope: group, group: 7}]}") \
    X(TOKEN_STATIC, 516, "a static scale per token", \
      "Calibration does not see the tokens to come: scope token needs range dynamic.", \
      "recipes: {quamba: [{method: activations, scope: token}]}") \
    X(CHANNEL_DYNAMIC, 517, "a dynamic scale per channel", \
      "Scope channel needs range static.", \
      "recipes: {quamba: [{method: activations, scope: channel, range: dynamic}]}") \
    X(STEP_ORDER, 518, "a step comes too late", \
      "Rotating, smoothing and looking for outliers change a tensor in floating point, so they come " \
      "before the step that quantises it.", \
      "recipes: {quamba: [{method: activations}, {method: hadamard}]}") \
    X(STEP_AGAIN, 519, "done already", \
      "A site is rotated or smoothed once.", \
      "recipes: {quamba: [{id: a, method: hadamard}, {id: b, method: hadamard}]}") \
    X(HADAMARD_SIZE, 520, "no Hadamard matrix of that size", \
      "Sizes are products of a power of two and one of the known small orders, which the message lists.", \
      "") \
    X(DEPARTURE_SITE, 521, "a departure without its site", \
      "Shared scales are about sites with static symmetric scales, a missing clamp about codes behind a Hadamard " \
      "transform: the step comes after those that quantise and rotate.", \
      "recipes: {quamba: [{method: departures, shared_xz: true}, {method: activations}]}") \
    X(NO_KERNEL, 530, "no kernel for mode real", \
      "The backend has no integer kernel for this number format, width or scope. Mode fake has it.", \
      "mode: real\n" \
      "recipes: {quamba: [{method: weights, symmetric: false}]}") \
    X(REFUSED, 599, "refused by the method", \
      "The message gives the method's reason.", "") \
    X(AXIS_UNKNOWN, 601, "no such axis", \
      "Axes are named as in sweep.axes, or by the path they set; 'recipe' and 'mode' are axes of every " \
      "experiment.", \
      "sweep: {axes: {p: {recipes.quamba.u.observer.p: [99, 100]}}, exclude: [{q: 99}]}") \
    X(AXIS_NO_VALUE, 602, "no such value of the axis", \
      "The message lists those it has.", \
      "sweep: {axes: {p: {recipes.quamba.u.observer.p: [99, 100]}}, exclude: [{p: 98}]}") \
    X(AXIS_TWICE, 603, "an axis stands twice", \
      "Once by its name and once by its path.", \
      "sweep: {axes: {p: {recipes.quamba.u.observer.p: [99, 100]}}, exclude: [{p: 99, " \
      "recipes.quamba.u.observer.p: 99}]}") \
    X(EXCLUDE_NONE, 604, "an exclusion that drops nothing", \
      "No point of the sweep is like this: most often a mistake in a value.", \
      "sweep:\n" \
      "  axes: {a: {recipes.quamba.w.bits: [4, 8]}, b: {recipes.quamba.a.bits: [4, 8]}}\n" \
      "  zip: [[a, b]]\n" \
      "  exclude: [{a: 4, b: 8}]") \
    X(BASELINE_EXCLUDED, 605, "an excluded baseline", \
      "Differences are taken to the baseline, so it must run.", \
      "sweep: {baseline: {recipe: naive}, exclude: [{recipe: naive}]}") \
    X(EXCLUDE_ALL, 606, "everything is excluded", \
      "No point of the sweep is left.", \
      "sweep: {exclude: [{mode: [float, fake]}]}") \
    X(AXIS_VALUE_TWICE, 607, "a value stands twice", \
      "An axis has each value once.", \
      "sweep: {axes: {p: {recipes.quamba.u.observer.p: [99, 99.0]}}}") \
    X(AXIS_PATH, 608, "nothing that an axis can set", \
      "Axes set something inside model, calibration, a recipe, an evaluation, compare, collect or run.", \
      "sweep: {axes: {n: {name: [a, b]}}}") \
    X(AXIS_SECTION, 609, "a whole section on an axis", \
      "An axis sets something in a section, not all of it.", \
      "sweep: {axes: {r: {run: [{seed: 1}, {seed: 2}]}}}") \
    X(AXIS_RECIPE, 610, "no recipe of that name on an axis", \
      "The part behind 'recipes.' is the name of a recipe.", \
      "sweep: {axes: {p: {recipes.quambo.u.observer.p: [99, 100]}}}") \
    X(AXIS_VALUES, 611, "not a list of values", \
      "Each path of an axis has a list of values.", \
      "sweep: {axes: {t: {run.seed: 1}}}") \
    X(AXIS_EMPTY_VALUE, 612, "an empty value", \
      "'~' or nothing is no value of an axis.", \
      "sweep: {axes: {t: {run.backend: [cpu, ~]}}}") \
    X(AXIS_LENGTHS, 613, "paths of one axis differ in length", \
      "They move together, so each has as many values.", \
      "sweep: {axes: {a: {recipes.quamba.w.bits: [4, 8], recipes.quamba.a.bits: [8]}}}") \
    X(AXES_TOO_MANY, 614, "too many axes", \
      "A sweep has at most 14 axes of its own.", "") \
    X(AXIS_NAME, 615, "a reserved name of an axis", \
      "sweep.h5 has a field of that name.", \
      "sweep: {axes: {recipe: {recipes.quamba.w.bits: [4, 8]}}}") \
    X(AXIS_NO_PATH, 616, "an axis that sets nothing", \
      "It maps paths to lists of values.", \
      "sweep: {axes: {p: {}}}") \
    X(SEEDS, 617, "sweep.seeds", \
      "It is a list of integers, values of run.seed.", \
      "sweep: {seeds: 3}") \
    X(AXES_CLASH, 618, "two axes set the same", \
      "The value of the one would be lost.", \
      "sweep: {axes: {a: {recipes.quamba.w.bits: [4, 8]}, b: {recipes.quamba.w.bits: [2, 3]}}}") \
    X(ZIP_FORM, 619, "the form of sweep.zip", \
      "It is a list of lists of two or more axes that move together.", \
      "sweep: {zip: [recipe]}") \
    X(ZIP_TWICE, 620, "an axis zipped twice", \
      "An axis moves with one group.", \
      "sweep:\n" \
      "  axes: {a: {recipes.quamba.w.bits: [4, 8]}, b: {recipes.quamba.a.bits: [4, 8]}}\n" \
      "  zip: [[a, b], [b, a]]") \
    X(ZIP_LENGTHS, 621, "zipped axes differ in length", \
      "They move together, so each has as many values.", \
      "sweep:\n" \
      "  axes: {a: {recipes.quamba.w.bits: [4, 8]}, b: {recipes.quamba.a.bits: [8]}}\n" \
      "  zip: [[a, b]]") \
    X(EXCLUDE_FORM, 622, "the form of sweep.exclude", \
      "It is a list of mappings of axes to a value or a list of values.", \
      "sweep: {exclude: {recipe: naive}}") \
    X(BASELINE_EMPTY, 623, "a baseline without values", \
      "It names one value of each axis that it fixes.", \
      "sweep: {baseline: {}}") \
    X(BASELINE_PARTIAL, 624, "several values in a baseline", \
      "It names one value of an axis.", \
      "sweep: {baseline: {recipe: [naive, quamba]}}") \
    X(POINTS, 625, "too many points", \
      "A sweep has at most 10,000 points: recipes x modes x axes x seeds.", "") \
    X(GRID, 626, "too large a grid", \
      "sweep.h5 holds the product of all axes, of zipped ones too, at most 1,000,000 cells.", "") \
    X(TOLERANCE, 701, "not a tolerance", \
      "It is a number, or a share of the value such as 1%.", \
      "expect:\n" \
      "  - {evaluation: wt2, metric: ppl, value: 20, tolerance: one, source: a paper}") \
    X(FIGURE, 702, "no figure of that name", \
      "'metric' is a field of a run's summary (analysis/README.md).", \
      "expect:\n" \
      "  - {evaluation: wt2, metric: pql, value: 20, tolerance: 1%, source: a paper}") \
    X(EXPECT_EVALUATION, 703, "an expectation of no evaluation", \
      "It names the id of one of the evaluations.", \
      "expect:\n" \
      "  - {evaluation: wt3, metric: ppl, value: 20, tolerance: 1%, source: a paper}") \
    X(EXPECT_PAIRED, 704, "an expectation of a comparison", \
      "The figure comes from comparing with float: add 'compare'.", \
      "expect:\n" \
      "  - {evaluation: wt2, metric: kl_mean, value: 0.1, tolerance: 1%, source: a paper}") \
    X(EXPECT_NO_RUN, 705, "an expectation of no run", \
      "'where' fits no run of the experiment.", \
      "sweep: {exclude: [{mode: fake, recipe: naive}]}\n" \
      "expect:\n" \
      "  - {evaluation: wt2, metric: ppl, where: {recipe: naive, mode: fake}, value: 20, tolerance: 1%, " \
      "source: a paper}") \
    X(PER_CENT, 901, "a percentile at or below 1", \
      "Percentiles are in per cent: 99.9, not 0.999.", \
      "recipes: {quamba: [{method: activations, observer: {statistic: quantile, p: 0.999, across: max}}]}") \
    X(SEED_UNUSED, 902, "a seed without effect", \
      "select: first draws nothing.", \
      "calibration: {select: first, seed: 7}") \
    X(SAME_RUN, 903, "two recipes that are the same", \
      "They resolve to the same run, which is done once.", \
      "recipes:\n" \
      "  quamba: &q [{method: weights}]\n" \
      "  other: *q") \
    X(COLLECT_SITES, 904, "sites without effect", \
      "collect.sites is for statistics, which are off.", \
      "collect: {sites: \"layers.*.scan.x\", statistics: off, dump: {sites: \"layers.0.scan.x\"}}") \
    X(OBSERVER_UNUSED, 905, "an observer without effect", \
      "The step takes no static ranges: they are dynamic, its format has no scale, or its bits are off.", \
      "recipes: {quamba: [{method: activations, range: dynamic, observer: {statistic: mse, across: max}}]}")

typedef enum ssmq_problem {
    SSMQ_E_NONE,
#define X(name, number, title, text, example) SSMQ_E_##name = number,
    SSMQ_PROBLEM_LIST(X)
#undef X
} ssmq_problem;

#define SSMQ_PROBLEM_NUMBER 12 /* characters of "E203", and of whatever else an int can be, with the NUL */

typedef struct ssmq_problem_entry {
    ssmq_problem problem;
    const char  *title, *text, *example;
} ssmq_problem_entry;

/* All, by number; *n how many. */
const ssmq_problem_entry *ssmq_problems(size_t *n);

/* Of a number as people write it, "E203", "e203" or "203"; NULL: there is none. */
const ssmq_problem_entry *ssmq_problem_find(const char *number);

bool ssmq_problem_is_warning(ssmq_problem problem);

/* "E203", "W901" */
void ssmq_problem_number(ssmq_problem problem, char text[SSMQ_PROBLEM_NUMBER]);

#ifdef __cplusplus
}
#endif
