/* ssmq generate: text from a model, in any mode. */
#include <stdlib.h>
#include <string.h>
#include "harness/base/json.h"
#include "harness/cli/commands.h"
#include "harness/cli/named.h"
#include "harness/run/generate.h"
#include "harness/store/host.h"

typedef struct generate_options {
    const char        *model, *tokenizer, *prompt, *recipe, *calibration, *backend;
    const char *const *stop;
    int                mode, tokens, top_k, seed, threads, count, length, format;
    double             temperature, top_p, min_p, repetition_penalty;
} generate_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const all_cores[] = {"all", NULL}; /* stands for 0 */

#define AT(member) offsetof(generate_options, member)

static const ssmq_option generate_table[] = {
    {"model", AT(model), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "directory of a checkpoint"},
    {"tokenizer", AT(tokenizer), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "tokenizer.json; else the one of the directory"},
    {"prompt", AT(prompt), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "what to continue; empty: from the beginning of a text"},
    {"generate", AT(tokens), SSMQ_OPTION_INT, "128", 0, 1048576, NULL, "new tokens at most"},
    {"temperature", AT(temperature), SSMQ_OPTION_REAL, "1", 0, 1000, NULL,
     "divides the logits; 0: always the most likely token"},
    {"top-k", AT(top_k), SSMQ_OPTION_INT, "0", 0, 10000000, NULL,
     "draw from the k most likely tokens only; 0: from all"},
    {"top-p", AT(top_p), SSMQ_OPTION_REAL, "1", 0, 1, NULL,
     "then from the fewest most likely that have this probability together"},
    {"min-p", AT(min_p), SSMQ_OPTION_REAL, "0", 0, 1, NULL,
     "then from those with this share of the most likely one's probability"},
    {"repetition-penalty", AT(repetition_penalty), SSMQ_OPTION_REAL, "1", 0.001, 1000, NULL,
     "divides positive logits of tokens that came before, multiplies others; 1: none"},
    {"seed", AT(seed), SSMQ_OPTION_INT, "0", 0, 2147483647, NULL, "the same seed gives the same text"},
    {"stop", AT(stop), SSMQ_OPTION_LIST, "", 0, 0, NULL, "text that ends it, and is not printed"},
    {"mode", AT(mode), SSMQ_OPTION_CHOICE, "float", 0, 0, ssmq_modes, "of arithmetic"},
    {"recipe", AT(recipe), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "file of a recipe, which every mode but float needs"},
    {"calibration", AT(calibration), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "data for a recipe whose steps observe: text, jsonl, jsonl.zst or tokens"},
    {"count", AT(count), SSMQ_OPTION_INT, "64", 1, 1000000, NULL, "documents of it, the first"},
    {"length", AT(length), SSMQ_OPTION_INT, "512", 1, 1048576, NULL, "tokens of each at most"},
    {"threads", AT(threads), SSMQ_OPTION_INT, "all", 1, 1024, all_cores,
     "threads; all: one for each core"},
    {"backend", AT(backend), SSMQ_OPTION_TEXT, "cpu", 0, 0, NULL, "what runs it"},
    {"format", AT(format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "json: all at once, with the ids"},
    {0},
};

/* ---- calibration ------------------------------------------------------------------------- */

typedef struct calibration {
    const generate_options *o;
    ssmq_tokenizer         *t;
    ssmq_samples            samples;
} calibration;

static ssmq_status read_samples(void *context, const ssmq_model *base, ssmq_samples *out)
{
    calibration *c = context;
    ssmq_data    data = {.file = c->o->calibration};
    if (!data.file)
        return SSMQ_FAIL(USAGE, "a step of %s needs data: --calibration FILE", c->o->recipe);
    if (!ssmq_data_format_of(data.file, &data.format))
        return SSMQ_FAIL(USAGE, "--calibration: the name of %s does not tell its format", data.file);
    SSMQ_TRY(ssmq_samples_read(&data, c->t, base->vocabulary, SSMQ_SELECT_FIRST, c->o->count, c->o->length,
                               0, &c->samples));
    *out = c->samples;
    return SSMQ_OK;
}

/* ---- prompt ------------------------------------------------------------------------------ */

/* The token that begins and ends texts; -1 if the tokenizer has none. */
static int32_t end_of_text(ssmq_tokenizer *t)
{
    static const char name[] = "<|endoftext|>";
    ssmq_ids          ids = {0};
    int32_t           id = -1;
    if (ssmq_tokenizer_encode(t, name, strlen(name), &ids) == SSMQ_OK && ids.length == 1) id = ids.data[0];
    ssmq_error_clear();
    ssmq_ids_free(&ids);
    return id;
}

/* An empty prompt is that token. */
static ssmq_status encode_prompt(const generate_options *o, ssmq_tokenizer *t, int32_t end, ssmq_ids *out)
{
    const ssmq_status st = ssmq_tokenizer_encode(t, o->prompt, strlen(o->prompt), out);
    if (st != SSMQ_OK) return SSMQ_FAIL(INPUT, "--prompt: %s", ssmq_error_last()->message);
    if (out->length > 0) return SSMQ_OK;
    if (end < 0) return SSMQ_FAIL(USAGE, "--prompt is empty, and the tokenizer has no token to begin a text with");
    ssmq_ids_append(out, &end, 1);
    return SSMQ_OK;
}

/* ---- text -------------------------------------------------------------------------------- */

typedef struct printer {
    FILE    *out;  /* NULL: nothing is shown as it comes */
    ssmq_str text;
} printer;

static void show(void *context, const char *text, size_t n)
{
    printer *p = context;
    ssmq_str_append(&p->text, text, n);
    if (!p->out) return;
    fwrite(text, 1, n, p->out);
    fflush(p->out);
}

static void put_ids(ssmq_json_writer *w, const char *key, const ssmq_ids *ids)
{
    ssmq_json_begin_array(w, key);
    for (int64_t i = 0; i < ids->length; i++) ssmq_json_put_int(w, NULL, ids->data[i]);
    ssmq_json_end_array(w);
}

static void print_json(const generate_options *o, const ssmq_ids *prompt, const ssmq_generated *g,
                       const char *text, FILE *out)
{
    ssmq_str         json = {0};
    ssmq_json_writer w = {.out = &json, .compact = true};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "mode", ssmq_modes[o->mode]);
    ssmq_json_put_text(&w, "prompt", o->prompt);
    ssmq_json_put_text(&w, "text", text);
    ssmq_json_put_text(&w, "end", ssmq_generation_ends[g->end]);
    put_ids(&w, "prompt_ids", prompt);
    put_ids(&w, "ids", &g->ids);
    ssmq_json_end_object(&w);
    fprintf(out, "%s\n", ssmq_str_text(&json));
    ssmq_str_free(&json);
}

static ssmq_status write_text(const generate_options *o, ssmq_ready *r, ssmq_tokenizer *t, FILE *out)
{
    const int32_t  end = end_of_text(t);
    printer        p = {.out = o->format == FORMAT_TEXT ? out : NULL};
    ssmq_ids       prompt = {0};
    ssmq_generated made = {0};
    ssmq_status    st;
    SSMQ_TRY_DONE(st, encode_prompt(o, t, end, &prompt));
    const ssmq_generation g = {.prompt = prompt.data,
                               .n_prompt = prompt.length,
                               .limit = o->tokens,
                               .sampling = {.repetition_penalty = o->repetition_penalty,
                                            .temperature = o->temperature,
                                            .top_k = o->top_k,
                                            .top_p = o->top_p,
                                            .min_p = o->min_p},
                               .seed = (uint64_t)o->seed,
                               .end = end,
                               .stop = o->stop,
                               .show = show,
                               .context = &p};
    SSMQ_TRY_DONE(st, ssmq_generate(r, t, &g, &made));
    if (p.out) fputc('\n', out);
    else print_json(o, &prompt, &made, ssmq_str_text(&p.text), out);
done:
    ssmq_ids_free(&made.ids);
    ssmq_ids_free(&prompt);
    ssmq_str_free(&p.text);
    return st;
}

/* ---- all of it --------------------------------------------------------------------------- */

static ssmq_status open_tokenizer(const generate_options *o, ssmq_arena *arena, ssmq_tokenizer **out)
{
    const char *file = o->tokenizer ? o->tokenizer : ssmq_arena_printf(arena, "%s/tokenizer.json", o->model);
    return ssmq_tokenizer_open(file, out);
}

static ssmq_status generate_run(const void *options, int n_operand, const char *const *operand,
                                const ssmq_catalogue *cat, FILE *out)
{
    const generate_options *o = options;
    ssmq_arena             *arena = ssmq_arena_new();
    calibration             c = {.o = o};
    ssmq_ready              ready = {0};
    ssmq_ready_request      request = {.model = o->model,
                                       .recipe = o->recipe,
                                       .mode = (ssmq_mode)o->mode,
                                       .threads = ssmq_threads_of(o->threads),
                                       .seed = (uint64_t)o->seed,
                                       .samples = read_samples,
                                       .context = &c};
    ssmq_status             st;
    (void)n_operand, (void)operand;
    SSMQ_TRY_DONE(st, ssmq_backend_named(o->backend, cat, &request.backend));
    SSMQ_TRY_DONE(st, open_tokenizer(o, arena, &c.t));
    SSMQ_TRY_DONE(st, ssmq_ready_told(&request, cat, arena, &ready));
    SSMQ_TRY_DONE(st, write_text(o, &ready, c.t, out));
done:
    ssmq_ready_close(&ready);
    ssmq_samples_free(&c.samples);
    ssmq_tokenizer_close(c.t);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_generate = {
    .name = "generate",
    .help = "continue a text, in any mode",
    .options = generate_table,
    .options_size = sizeof(generate_options),
    .run = generate_run,
};
