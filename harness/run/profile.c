#include "harness/run/profile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/clock.h"
#include "harness/base/rng.h"
#include "harness/run/load.h"
#include "harness/run/recipe.h"
#include "harness/run/recipe_file.h"
#include "harness/store/host.h"

#define UPDATE_OPERATIONS 26.0
#define LOGIT_ROWS 128 /* logits of all tokens are never kept */
#define SAMPLES 2      /* random ones, for ranges that have to be there */
#define SAMPLE_TOKENS 64
#define SEED 1

/* A model, ready to run. */
typedef struct subject {
    const ssmq_profile_request *r;
    ssmq_arena                 *arena;
    ssmq_model                 *base, *m; /* as loaded; as the recipe left it */
    ssmq_checkpoint            *checkpoint;
    ssmq_backend               *be;
    ssmq_recipe_result          recipe;
    ssmq_exec                  *ex;
    void                       *state;
    int32_t                    *prompt, *next; /* (B, prompt), (B, 1) */
} subject;

/* ---- getting ready ----------------------------------------------------------------------- */

static int32_t *random_tokens(const subject *s, int64_t n, const char *purpose)
{
    int32_t *token = SSMQ_ARENA_ARRAY(s->arena, int32_t, n);
    ssmq_rng rng;
    ssmq_rng_init(&rng, SEED, purpose);
    for (int64_t i = 0; i < n; i++)
        token[i] = (int32_t)(ssmq_rng_uniform(&rng) * (double)s->base->vocabulary);
    return token;
}

static ssmq_status apply_recipe(subject *s, const ssmq_recipe *recipe)
{
    ssmq_sample  sample[SAMPLES];
    ssmq_samples samples = {.sample = sample, .n = SAMPLES};
    int32_t     *token = random_tokens(s, SAMPLES * SAMPLE_TOKENS, "profile, calibration");
    for (int i = 0; i < SAMPLES; i++)
        sample[i] = (ssmq_sample){.token = token + i * SAMPLE_TOKENS, .length = SAMPLE_TOKENS, .document = i};
    return ssmq_recipe_apply(recipe, s->m, s->be, recipe->observes ? &samples : NULL, SEED, NULL,
                             &s->recipe);
}

static ssmq_status get_ready(subject *s, const ssmq_catalogue *cat, ssmq_diag *diag)
{
    const ssmq_profile_request *r = s->r;
    const ssmq_recipe          *recipe = NULL;
    if (r->recipe)
        SSMQ_TRY(ssmq_recipe_read(r->recipe, r->model, r->mode, r->backend, cat, diag, s->arena, &recipe));
    SSMQ_TRY(ssmq_model_load(cat->families, r->model, &s->base, &s->checkpoint));
    s->m = ssmq_model_fork(s->base);
    SSMQ_TRY(ssmq_backend_open(r->backend, NULL, r->threads, &s->be));
    if (recipe) SSMQ_TRY(apply_recipe(s, recipe));
    SSMQ_TRY(ssmq_exec_open(s->be, s->m, s->recipe.plan, r->mode, &s->ex));
    SSMQ_TRY(s->m->family->state_new(s->m, s->ex, r->batch, &s->state));
    s->prompt = random_tokens(s, (int64_t)r->batch * r->prompt, "profile, prompt");
    s->next = SSMQ_ARENA_ARRAY(s->arena, int32_t, r->batch);
    return SSMQ_OK;
}

static void put_away(subject *s)
{
    if (s->state) s->m->family->state_free(s->m, s->ex, s->state);
    ssmq_exec_close(s->ex);
    ssmq_recipe_result_free(&s->recipe);
    ssmq_backend_close(s->be);
    ssmq_model_free(s->m);
    ssmq_model_free(s->base);
    ssmq_checkpoint_close(s->checkpoint);
}

/* ---- what is timed ----------------------------------------------------------------------- */

static ssmq_status logits_of(subject *s, const ssmq_tensor *rows, ssmq_tensor *logits)
{
    ssmq_tensor x = *rows;
    SSMQ_TRY(ssmq_exec_scratch(s->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                               (const int64_t[]){rows->dim[0], s->m->vocabulary}, logits));
    return s->m->family->head(s->m, s->ex, &x, logits);
}

static int32_t most_likely(const float *logit, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (logit[i] > logit[at]) at = i;
    return (int32_t)at;
}

/* Runs (B, L) tokens on; the most likely tokens behind them go to next. */
static ssmq_status step(subject *s, const int32_t *token, int32_t L)
{
    const ssmq_batch in = {.token = token, .B = s->r->batch, .L = L};
    ssmq_tensor      hidden, logits;
    SSMQ_TRY(s->m->family->forward(s->m, s->ex, &in, s->state, &hidden));
    const ssmq_tensor last = ssmq_tensor_slice(&hidden, 1, L - 1, 1), rows = ssmq_tensor_rows(&last);
    SSMQ_TRY(logits_of(s, &rows, &logits));
    for (int32_t b = 0; b < s->r->batch; b++)
        s->next[b] = most_likely((const float *)logits.data + b * s->m->vocabulary, s->m->vocabulary);
    return SSMQ_OK;
}

/* Seconds of the prefill and of the steps behind it. */
static ssmq_status generate(subject *s, double *first, double *rest)
{
    SSMQ_TRY(s->m->family->state_zero(s->m, s->ex, s->state));
    const double begin = ssmq_monotonic_s();
    SSMQ_TRY(step(s, s->prompt, s->r->prompt));
    const double middle = ssmq_monotonic_s();
    for (int32_t i = 1; i < s->r->generate; i++) SSMQ_TRY(step(s, s->next, 1));
    *first = middle - begin;
    *rest = ssmq_monotonic_s() - middle;
    return SSMQ_OK;
}

/* Seconds of a prefill with the logits of every token. */
static ssmq_status evaluate(subject *s, double *seconds)
{
    const ssmq_batch in = {.token = s->prompt, .B = s->r->batch, .L = s->r->prompt};
    ssmq_tensor      hidden, logits;
    SSMQ_TRY(s->m->family->state_zero(s->m, s->ex, s->state));
    const double begin = ssmq_monotonic_s();
    SSMQ_TRY(s->m->family->forward(s->m, s->ex, &in, s->state, &hidden));
    const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    for (int64_t i = 0; i < rows.dim[0]; i += LOGIT_ROWS) {
        const int64_t     n = rows.dim[0] - i < LOGIT_ROWS ? rows.dim[0] - i : LOGIT_ROWS;
        const ssmq_tensor some = ssmq_tensor_slice(&rows, 0, i, n);
        SSMQ_TRY(logits_of(s, &some, &logits));
    }
    *seconds = ssmq_monotonic_s() - begin;
    return SSMQ_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static ssmq_timing timing_of(ssmq_arena *arena, const double *sample, int32_t n)
{
    double *sorted = SSMQ_ARENA_ARRAY(arena, double, n);
    memcpy(sorted, sample, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return (ssmq_timing){.sample = sample,
                         .n = n,
                         .min = sorted[0],
                         .median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
                         .max = sorted[n - 1]};
}

static ssmq_status time_all(subject *s, ssmq_profile *p)
{
    const int32_t n = s->r->repeat, steps = s->r->generate - 1;
    double       *ttft = SSMQ_ARENA_ARRAY(s->arena, double, n), *tpot = SSMQ_ARENA_ARRAY(s->arena, double, n);
    double       *ttlt = SSMQ_ARENA_ARRAY(s->arena, double, n), *every = SSMQ_ARENA_ARRAY(s->arena, double, n);
    double        first = 0, rest = 0;
    for (int32_t i = -s->r->warmup; i < n; i++) {
        const int32_t at = i > 0 ? i : 0; /* what comes before is overwritten */
        SSMQ_TRY(generate(s, &first, &rest));
        SSMQ_TRY(evaluate(s, &every[at]));
        ttft[at] = first;
        ttlt[at] = first + rest;
        tpot[at] = steps ? rest / steps : 0;
    }
    p->ttft = timing_of(s->arena, ttft, n);
    p->ttlt = timing_of(s->arena, ttlt, n);
    p->perplexity = timing_of(s->arena, every, n);
    if (steps) p->tpot = timing_of(s->arena, tpot, n);
    return SSMQ_OK;
}

/* ---- floors ------------------------------------------------------------------------------ */

static void find_work(const subject *s, ssmq_profile *p)
{
    for (int32_t i = 0; i < s->m->n_site; i++) {
        const ssmq_site *site = &s->m->site[i];
        if (site->weight < 0) continue;
        const double n = (double)ssmq_tensor_count(&s->m->weight[site->weight].value);
        ssmq_work   *work = site->layer < 0 ? &p->head : &p->layers;
        if (strcmp(site->op, "linear") == 0)
            *(ssmq_exec_is_integer(s->ex, i) ? &work->i8 : &work->f32) += 2 * n;
        if (strstr(site->name, "scan.A_log")) work->f32 += UPDATE_OPERATIONS * n;
    }
}

/* Bytes of the recurrent state of one sequence: that of the scan, and of the convolution. */
static double state_bytes(const ssmq_model *m)
{
    double n = 0;
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (s->weight < 0) continue;
        const ssmq_tensor *w = &m->weight[s->weight].value;
        if (strstr(s->name, "scan.A_log")) n += (double)ssmq_tensor_count(w);
        if (strcmp(s->op, "conv") == 0) n += (double)(w->dim[0] * (w->dim[1] - 1));
    }
    return n * sizeof(float);
}

/* Bytes of an embedding table that is read by rows only. */
static double unread_bytes(const ssmq_model *m)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (s->weight < 0 || strcmp(s->op, "embedding") != 0) continue;
        for (int32_t j = 0; j < m->n_weight; j++)
            if (m->weight[j].tied_to == s->weight) return 0;
        return (double)ssmq_tensor_bytes(&m->weight[s->weight].value);
    }
    return 0;
}

/* Without a peak for whole numbers they count as floats. */
static double seconds_of(const ssmq_work *w, const ssmq_peaks *machine)
{
    const double i8 = machine->i8_all > 0 ? machine->i8_all : machine->fma_all;
    return w->i8 / (i8 * 1e9) + w->f32 / (machine->fma_all * 1e9);
}

ssmq_profile_floor ssmq_profile_floor_of(const ssmq_profile *p, const ssmq_peaks *machine)
{
    const double B = p->request.batch, L = p->request.prompt;
    const double layers = seconds_of(&p->layers, machine), head = seconds_of(&p->head, machine);
    const double reading = p->step_bytes / (machine->read_all * 1e9), work = B * (layers + head);
    return (ssmq_profile_floor){.ttft = B * (L * layers + head),
                                .tpot = reading > work ? reading : work,
                                .perplexity = B * L * (layers + head)};
}

ssmq_status ssmq_profile_run(const ssmq_profile_request *r, const ssmq_catalogue *cat, ssmq_diag *diag,
                             ssmq_arena *arena, ssmq_peaks *machine, ssmq_profile *out)
{
    subject     s = {.r = r, .arena = arena};
    ssmq_status st;
    *out = (ssmq_profile){.request = *r};
    SSMQ_TRY_DONE(st, get_ready(&s, cat, diag));
    snprintf(out->tier, sizeof out->tier, "%s", s.be->tier);
    SSMQ_TRY_DONE(st, time_all(&s, out));
    out->size_bytes = ssmq_exec_weight_bytes(s.ex);
    out->peak_rss_bytes = ssmq_peak_rss_bytes();
    find_work(&s, out);
    out->step_bytes = (double)out->size_bytes - unread_bytes(s.m) + 2 * r->batch * state_bytes(s.m);
    if (machine) SSMQ_TRY_DONE(st, ssmq_peaks_probe(s.be, machine));
done:
    put_away(&s);
    return st;
}
