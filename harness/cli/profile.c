/* ssmq profile: what a model costs to run, beside what the machine could do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/json.h"
#include "harness/base/table.h"
#include "harness/cli/commands.h"
#include "harness/cli/named.h"
#include "harness/run/profile.h"

typedef struct profile_options {
    const char        *model, *recipe, *backend;
    const char *const *mode;
    int                batch, prompt, generate, repeat, warmup, threads, format;
} profile_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const all_cores[] = {"all", NULL}; /* stands for 0 */

#define AT(name) #name, offsetof(profile_options, name)

static const ssmq_option profile_table[] = {
    {AT(model), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "directory of a checkpoint"},
    {AT(recipe), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "file of a recipe, which every mode but float needs; its ranges come from random tokens"},
    {AT(mode), SSMQ_OPTION_LIST, "", 0, 0, NULL, "float, fake or real; once more for another (float)"},
    {AT(batch), SSMQ_OPTION_INT, "1", 1, 4096, NULL, "sequences at once"},
    {AT(prompt), SSMQ_OPTION_INT, "512", 1, 1048576, NULL, "tokens of the prompt, random ones"},
    {AT(generate), SSMQ_OPTION_INT, "32", 1, 1048576, NULL, "tokens to generate, one by the prefill"},
    {AT(repeat), SSMQ_OPTION_INT, "10", 1, 100000, NULL, "repetitions, each timed"},
    {AT(warmup), SSMQ_OPTION_INT, "2", 0, 100000, NULL, "repetitions before them"},
    {AT(threads), SSMQ_OPTION_INT, "all", 1, 1024, all_cores, "threads; all: one for each core"},
    {AT(backend), SSMQ_OPTION_TEXT, "cpu", 0, 0, NULL, "what runs it"},
    {AT(format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "of the results on standard output"},
    {0},
};

/* ---- what was asked for ------------------------------------------------------------------ */

static ssmq_status find_mode(const char *name, ssmq_mode *out)
{
    for (int i = 0; ssmq_modes[i]; i++)
        if (strcmp(ssmq_modes[i], name) == 0) {
            *out = (ssmq_mode)i;
            return SSMQ_OK;
        }
    return SSMQ_FAIL(USAGE, "--mode: '%s' is none of float, fake, real", name);
}

/* The request of each mode asked for; returns how many in *n. */
static ssmq_status requests_of(const profile_options *o, const ssmq_catalogue *cat, ssmq_arena *arena,
                               ssmq_profile_request **out, int32_t *n)
{
    static const char *const only_float[] = {"float", NULL};
    const char *const       *mode = o->mode && o->mode[0] ? o->mode : only_float;
    const ssmq_backend_ops  *backend = NULL;
    SSMQ_TRY(ssmq_backend_named(o->backend, cat, &backend));
    for (*n = 0; mode[*n]; ++*n) continue;
    *out = SSMQ_ARENA_ARRAY(arena, ssmq_profile_request, *n);
    for (int32_t i = 0; i < *n; i++) {
        ssmq_profile_request *r = &(*out)[i];
        *r = (ssmq_profile_request){.model = o->model,
                                    .batch = o->batch,
                                    .prompt = o->prompt,
                                    .generate = o->generate,
                                    .repeat = o->repeat,
                                    .warmup = o->warmup,
                                    .backend = backend,
                                    .threads = ssmq_threads_of(o->threads)};
        SSMQ_TRY(find_mode(mode[i], &r->mode));
        if (strcmp(mode[i], "float") == 0) continue;
        if (!o->recipe) return SSMQ_FAIL(USAGE, "--mode %s needs --recipe FILE", mode[i]);
        r->recipe = o->recipe;
    }
    return SSMQ_OK;
}

/* ---- results ----------------------------------------------------------------------------- */

static double tokens_of(const ssmq_profile *p)
{
    return (double)p->request.batch * p->request.prompt;
}

static void put_timing(ssmq_json_writer *w, const char *key, const ssmq_timing *t)
{
    if (t->n == 0) {
        ssmq_json_put_null(w, key);
        return;
    }
    ssmq_json_begin_object(w, key);
    ssmq_json_put_real(w, "median", t->median * 1e3);
    ssmq_json_put_real(w, "min", t->min * 1e3);
    ssmq_json_put_real(w, "max", t->max * 1e3);
    ssmq_json_begin_array(w, "samples");
    for (int32_t i = 0; i < t->n; i++) ssmq_json_put_real(w, NULL, t->sample[i] * 1e3);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* A figure that is not there is null. */
static void put_known(ssmq_json_writer *w, const char *key, bool known, double value)
{
    if (known) ssmq_json_put_real(w, key, value);
    else ssmq_json_put_null(w, key);
}

static void put_machine(ssmq_json_writer *w, const ssmq_profile *p, const ssmq_peaks *m)
{
    ssmq_json_begin_object(w, "machine");
    ssmq_json_put_real(w, "read_gb_s", m->read_all);
    ssmq_json_put_real(w, "fp32_gflop_s", m->fma_all);
    put_known(w, "int8_gop_s", m->i8_all > 0, m->i8_all);
    ssmq_json_put_text(w, "tier", p->tier);
    ssmq_json_put_int(w, "threads", p->request.threads);
    ssmq_json_end_object(w);
}

static void put_floors(ssmq_json_writer *w, const ssmq_profile *p, const ssmq_peaks *m)
{
    const ssmq_profile_floor floor = ssmq_profile_floor_of(p, m);
    const bool               steps = p->tpot.n > 0;
    ssmq_json_begin_object(w, "floor");
    ssmq_json_put_real(w, "prefill_tokens_per_s", tokens_of(p) / floor.ttft);
    ssmq_json_put_real(w, "perplexity_tokens_per_s", tokens_of(p) / floor.perplexity);
    ssmq_json_put_real(w, "tpot_ms", floor.tpot * 1e3);
    ssmq_json_end_object(w);
    ssmq_json_begin_object(w, "of_floor");
    ssmq_json_put_real(w, "prefill", floor.ttft / p->ttft.median);
    ssmq_json_put_real(w, "perplexity", floor.perplexity / p->perplexity.median);
    put_known(w, "decode", steps, floor.tpot / p->tpot.median);
    ssmq_json_end_object(w);
}

static void put_profile(ssmq_json_writer *w, const ssmq_profile *p, const ssmq_peaks *m)
{
    const ssmq_profile_request *r = &p->request;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "mode", ssmq_modes[r->mode]);
    ssmq_json_put_text(w, "model", r->model);
    ssmq_json_put_text(w, "recipe", r->recipe);
    ssmq_json_put_int(w, "batch", r->batch);
    ssmq_json_put_int(w, "prompt", r->prompt);
    ssmq_json_put_int(w, "generate", r->generate);
    ssmq_json_put_int(w, "repeat", r->repeat);
    ssmq_json_put_int(w, "warmup", r->warmup);
    ssmq_json_put_real(w, "prefill_tokens_per_s", tokens_of(p) / p->ttft.median);
    ssmq_json_put_real(w, "perplexity_tokens_per_s", tokens_of(p) / p->perplexity.median);
    put_timing(w, "ttft_ms", &p->ttft);
    put_timing(w, "tpot_ms", &p->tpot);
    put_timing(w, "ttlt_ms", &p->ttlt);
    ssmq_json_put_int(w, "size_bytes", p->size_bytes);
    ssmq_json_put_int(w, "peak_rss_bytes", p->peak_rss_bytes);
    put_machine(w, p, m);
    put_floors(w, p, m);
    ssmq_json_end_object(w);
}

static void print_json(const ssmq_profile *p, int32_t n, const ssmq_peaks *m, FILE *out)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_array(&w, "profiles");
    for (int32_t i = 0; i < n; i++) put_profile(&w, &p[i], m);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
    fprintf(out, "%s\n", ssmq_str_text(&text));
    ssmq_str_free(&text);
}

/* One row: median, from min to max, and the share of the floor that was reached. */
static void add_row(ssmq_table *t, ssmq_arena *a, const ssmq_profile *p, const char *what,
                    const ssmq_timing *time, double floor, double tokens)
{
    if (time->n == 0) return;
    const char *cell[] = {
        ssmq_modes[p->request.mode],
        what,
        ssmq_arena_printf(a, "%.3f", time->median * 1e3),
        ssmq_arena_printf(a, "%.3f", time->min * 1e3),
        ssmq_arena_printf(a, "%.3f", time->max * 1e3),
        ssmq_arena_printf(a, "%.1f", tokens / time->median),
        floor > 0 ? ssmq_arena_printf(a, "%.1f %%", 100 * floor / time->median) : "-",
    };
    ssmq_table_row(t, cell);
}

static void print_text(const ssmq_profile *p, int32_t n, const ssmq_peaks *m, FILE *out)
{
    static const char *const heading[] = {"mode", "", "ms", "min", "max", "tokens/s", "of floor"};
    ssmq_table *t = ssmq_table_new(7, heading);
    ssmq_arena *a = ssmq_arena_new();
    ssmq_str    text = {0};
    for (int32_t i = 0; i < n; i++) {
        const double             B = p[i].request.batch, all = tokens_of(&p[i]);
        const ssmq_profile_floor floor = ssmq_profile_floor_of(&p[i], m);
        add_row(t, a, &p[i], "TTFT", &p[i].ttft, floor.ttft, all);
        add_row(t, a, &p[i], "TPOT", &p[i].tpot, floor.tpot, B);
        add_row(t, a, &p[i], "TTLT", &p[i].ttlt, 0, B * p[i].request.generate);
        add_row(t, a, &p[i], "perplexity", &p[i].perplexity, floor.perplexity, all);
    }
    ssmq_table_print(t, &text);
    ssmq_str_puts(&text, "\n");
    for (int32_t i = 0; i < n; i++)
        ssmq_str_printf(&text, "%s: weights %.1f MiB, peak memory so far %.0f MiB\n", ssmq_modes[p[i].request.mode],
                        (double)p[i].size_bytes / 0x1p20, (double)p[i].peak_rss_bytes / 0x1p20);
    ssmq_str_printf(&text, "batch %d, prompt %d, generate %d; medians of %d after %d to warm up\n",
                    p->request.batch, p->request.prompt, p->request.generate, p->request.repeat,
                    p->request.warmup);
    ssmq_str_printf(&text, "tier %s, %d thread%s: reads %.1f GB/s, multiplies %.0f GFLOP/s in fp32", p->tier,
                    p->request.threads, p->request.threads == 1 ? "" : "s", m->read_all, m->fma_all);
    if (m->i8_all > 0) ssmq_str_printf(&text, ", %.0f GOP/s in int8", m->i8_all);
    ssmq_str_puts(&text, "; the floors are at these rates\n");
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    ssmq_arena_free(a);
    ssmq_table_free(t);
}

static ssmq_status profile_one(const ssmq_profile_request *r, const ssmq_catalogue *cat, ssmq_arena *arena,
                               ssmq_peaks *machine, ssmq_profile *out)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_str          text = {0};
    const ssmq_status st = ssmq_profile_run(r, cat, diag, arena, machine, out);
    ssmq_diag_render(diag, &text);
    fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}

static ssmq_status profile_run(const void *options, int n_operand, const char *const *operand,
                               const ssmq_catalogue *cat, FILE *out)
{
    const profile_options *o = options;
    ssmq_arena            *arena = ssmq_arena_new();
    ssmq_profile_request  *request = NULL;
    int32_t                n = 0;
    (void)n_operand, (void)operand;
    ssmq_status   st = requests_of(o, cat, arena, &request, &n);
    ssmq_profile *p = SSMQ_ARENA_ARRAY(arena, ssmq_profile, n);
    ssmq_peaks    machine = {0};
    for (int32_t i = 0; i < n && st == SSMQ_OK; i++)
        st = profile_one(&request[i], cat, arena, i == n - 1 ? &machine : NULL, &p[i]);
    if (st == SSMQ_OK && o->format == FORMAT_JSON) print_json(p, n, &machine, out);
    if (st == SSMQ_OK && o->format == FORMAT_TEXT) print_text(p, n, &machine, out);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_profile = {
    .name = "profile",
    .help = "time prefill and decoding of a model, beside the machine's peaks",
    .options = profile_table,
    .options_size = sizeof(profile_options),
    .run = profile_run,
};
