/* What the subcommands that write text have in common: options, a model with its tokenizer made ready. */
#pragma once
#include <stdio.h>
#include "harness/base/json.h"
#include "harness/base/option.h"
#include "harness/data/dataset.h"
#include "harness/run/generate/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_text_options {
    const char        *model, *tokenizer, *recipe, *calibration, *backend;
    const char *const *stop;
    int                mode, tokens, top_k, seed, threads, count, length;
    double             temperature, top_p, min_p, repetition_penalty;
} ssmq_text_options;

extern const char *const ssmq_all_cores[]; /* "all", which stands for 0 */

/* Their lines in the option table of a command, whose struct begins with ssmq_text_options. */
#define SSMQ_TEXT_AT(member) offsetof(ssmq_text_options, member)
/* clang-format off */
#define SSMQ_TEXT_OPTION_LINES                                                                                   \
    {"model", SSMQ_TEXT_AT(model), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "directory of a checkpoint"},             \
    {"tokenizer", SSMQ_TEXT_AT(tokenizer), SSMQ_OPTION_TEXT, "", 0, 0, NULL,                                     \
     "tokenizer.json; else the one of the directory"},                                                           \
    {"generate", SSMQ_TEXT_AT(tokens), SSMQ_OPTION_INT, "128", 0, 1048576, NULL, "new tokens at most"},          \
    {"temperature", SSMQ_TEXT_AT(temperature), SSMQ_OPTION_REAL, "1", 0, 1000, NULL,                             \
     "divides the logits; 0: always the most likely token"},                                                     \
    {"top-k", SSMQ_TEXT_AT(top_k), SSMQ_OPTION_INT, "0", 0, 10000000, NULL,                                      \
     "draw from the k most likely tokens only; 0: from all"},                                                    \
    {"top-p", SSMQ_TEXT_AT(top_p), SSMQ_OPTION_REAL, "1", 0, 1, NULL,                                            \
     "then from the fewest most likely that have this probability together"},                                    \
    {"min-p", SSMQ_TEXT_AT(min_p), SSMQ_OPTION_REAL, "0", 0, 1, NULL,                                            \
     "then from those with this share of the most likely one's probability"},                                    \
    {"repetition-penalty", SSMQ_TEXT_AT(repetition_penalty), SSMQ_OPTION_REAL, "1", 0.001, 1000, NULL,           \
     "divides positive logits of tokens that came before, multiplies others; 1: none"},                          \
    {"seed", SSMQ_TEXT_AT(seed), SSMQ_OPTION_INT, "0", 0, 2147483647, NULL,                                      \
     "the same seed gives the same text"},                                                                       \
    {"stop", SSMQ_TEXT_AT(stop), SSMQ_OPTION_LIST, "", 0, 0, NULL, "text that ends it, and is not printed"},     \
    {"mode", SSMQ_TEXT_AT(mode), SSMQ_OPTION_CHOICE, "", 0, 0, ssmq_modes,                                       \
     "of arithmetic; without it float, of a quantised checkpoint real"},                                         \
    {"recipe", SSMQ_TEXT_AT(recipe), SSMQ_OPTION_TEXT, "", 0, 0, NULL,                                           \
     "file of a recipe, which every mode but float needs, unless the checkpoint is quantised"},                  \
    {"calibration", SSMQ_TEXT_AT(calibration), SSMQ_OPTION_TEXT, "", 0, 0, NULL,                                 \
     "data for a recipe whose steps observe: text, jsonl, jsonl.zst or tokens"},                                 \
    {"count", SSMQ_TEXT_AT(count), SSMQ_OPTION_INT, "64", 1, 1000000, NULL, "documents of it, the first"},       \
    {"length", SSMQ_TEXT_AT(length), SSMQ_OPTION_INT, "512", 1, 1048576, NULL, "tokens of each at most"},        \
    {"threads", SSMQ_TEXT_AT(threads), SSMQ_OPTION_INT, "all", 1, 1024, ssmq_all_cores,                          \
     "threads; all: one for each core"},                                                                         \
    {"backend", SSMQ_TEXT_AT(backend), SSMQ_OPTION_TEXT, "cpu", 0, 0, NULL, "what runs it"}
/* clang-format on */

typedef struct ssmq_text_model {
    const ssmq_text_options *o;
    ssmq_tokenizer          *tokenizer;
    ssmq_samples             samples; /* that the recipe was calibrated on */
    ssmq_ready               ready;
    ssmq_mode                mode;
    int32_t                  end;     /* the token that begins and ends texts; -1: there is none */
} ssmq_text_model;

/* Problems of the recipe go to standard error.  Whatever is returned, ssmq_text_close() releases *out; texts are
 * the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_text_open(const ssmq_text_options *o, const ssmq_catalogue *cat, ssmq_arena *arena,
                                         ssmq_text_model *out);
void                      ssmq_text_close(ssmq_text_model *m);
/* What the options say of a generation: all but prompt and where it is shown. */
ssmq_generation ssmq_text_generation(const ssmq_text_model *m);

/* Shows text as it comes and keeps it. */
typedef struct ssmq_text_printer {
    FILE    *out; /* NULL: nothing is shown */
    ssmq_str text;
} ssmq_text_printer;
void ssmq_text_show(void *context, const char *text, size_t n); /* context: a printer */

/* An array of ids. */
void ssmq_text_put_ids(ssmq_json_writer *w, const char *key, const ssmq_ids *ids);

#ifdef __cplusplus
}
#endif
