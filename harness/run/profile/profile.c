#include "harness/run/profile/profile.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/clock.h"
#include "harness/base/rng.h"
#include "harness/bench/energy.h"
#include "harness/bench/meter.h"
#include "harness/run/checkpoint/ready.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/generate/sample.h"
#include "harness/run/profile/breakdown.h"
#include "harness/store/host.h"

#define SAMPLES 2      /* random ones, for ranges that have to be there */
#define SAMPLE_TOKENS 64
#define SEED 1
#define PROBES 3  /* of which the best counts, beside each repetition */
#define METERED 3 /* repetitions that are taken apart */

typedef struct subject {
    const ssmq_profile_request *r;
    ssmq_arena                 *arena;
    ssmq_ready                 *ready;
    ssmq_energy                 energy;
    void                       *state;
    int32_t                    *prompt, *next; /* (B, prompt), (B, 1) */
    double                     *loss;          /* of a block of rows  */
} subject;

/* ---- getting ready ----------------------------------------------------------------------- */

static int32_t *random_tokens(ssmq_arena *arena, const ssmq_model *m, int64_t n, const char *purpose)
{
    int32_t *token = SSMQ_ARENA_ARRAY(arena, int32_t, n);
    ssmq_rng rng;
    ssmq_rng_init(&rng, SEED, purpose);
    for (int64_t i = 0; i < n; i++) token[i] = (int32_t)ssmq_rng_below(&rng, (uint64_t)m->vocabulary);
    return token;
}

static ssmq_status random_samples(void *context, const ssmq_model *base, ssmq_samples *out)
{
    ssmq_arena *arena = context;
    int32_t    *token = random_tokens(arena, base, SAMPLES * SAMPLE_TOKENS, "profile, calibration");
    *out = (ssmq_samples){.sample = SSMQ_ARENA_ARRAY(arena, ssmq_sample, SAMPLES), .n = SAMPLES};
    for (int i = 0; i < SAMPLES; i++)
        out->sample[i] = (ssmq_sample){
            .token = token + i * SAMPLE_TOKENS, .length = SAMPLE_TOKENS, .document = i};
    return SSMQ_OK;
}

static ssmq_status get_ready(subject *s)
{
    const ssmq_profile_request *r = s->r;
    const ssmq_model           *m = s->ready->m;
    SSMQ_TRY(m->family->state_new(m, s->ready->ex, r->batch, &s->state));
    s->prompt = random_tokens(s->arena, m, (int64_t)r->batch * r->prompt, "profile, prompt");
    s->next = SSMQ_ARENA_ARRAY(s->arena, int32_t, r->batch);
    s->loss = SSMQ_ARENA_ARRAY(s->arena, double, ssmq_eval_block(m));
    return SSMQ_OK;
}

/* ---- what is timed ----------------------------------------------------------------------- */

/* Runs (B, L) tokens on; the most likely tokens behind them go to next. */
static ssmq_status step(subject *s, const int32_t *token, int32_t L)
{
    const ssmq_batch in = {.token = token, .B = s->r->batch, .L = L};
    const int64_t    V = s->ready->m->vocabulary;
    ssmq_tensor      hidden, logits;
    SSMQ_TRY(s->ready->m->family->forward(s->ready->m, s->ready->ex, &in, s->state, &hidden));
    const ssmq_tensor last = ssmq_tensor_slice(&hidden, 1, L - 1, 1), rows = ssmq_tensor_rows(&last);
    SSMQ_TRY(ssmq_ready_logits(s->ready, &rows, &logits));
    for (int32_t b = 0; b < s->r->batch; b++)
        s->next[b] = ssmq_most_likely((const float *)logits.data + b * V, (int32_t)V);
    return SSMQ_OK;
}

static ssmq_status prefill(subject *s, double *seconds)
{
    SSMQ_TRY(ssmq_may_go_on(s->r->listener));
    SSMQ_TRY(s->ready->m->family->state_zero(s->ready->m, s->ready->ex, s->state));
    const double begin = ssmq_monotonic_s();
    SSMQ_TRY(step(s, s->prompt, s->r->prompt));
    *seconds = ssmq_monotonic_s() - begin;
    return SSMQ_OK;
}

/* The steps behind a prefill. */
static ssmq_status decode(subject *s, double *seconds)
{
    const double begin = ssmq_monotonic_s();
    for (int32_t i = 1; i < s->r->generate; i++) {
        SSMQ_TRY(ssmq_may_go_on(s->r->listener));
        SSMQ_TRY(step(s, s->next, 1));
    }
    *seconds = ssmq_monotonic_s() - begin;
    return SSMQ_OK;
}

/* Seconds of the prefill and of the steps behind it; joules of both, where they can be read. */
static ssmq_status generate(subject *s, double *first, double *rest, double *joules)
{
    ssmq_energy_reading before, after;
    const bool          counts = s->energy.n > 0 && ssmq_energy_read(&s->energy, &before);
    SSMQ_TRY(prefill(s, first));
    SSMQ_TRY(decode(s, rest));
    const bool known = counts && ssmq_energy_read(&s->energy, &after);
    *joules = known ? ssmq_energy_joules(&s->energy, &before, &after) : NAN;
    return SSMQ_OK;
}

/* Seconds of a prefill with the logits of every token and a loss of each.  Which token that is of decides no time. */
static ssmq_status evaluate(subject *s, double *seconds)
{
    const ssmq_model *m = s->ready->m;
    const ssmq_batch  in = {.token = s->prompt, .B = s->r->batch, .L = s->r->prompt};
    const int64_t     block = ssmq_eval_block(m);
    ssmq_tensor       hidden, logits;
    SSMQ_TRY(m->family->state_zero(m, s->ready->ex, s->state));
    const double begin = ssmq_monotonic_s();
    SSMQ_TRY(m->family->forward(m, s->ready->ex, &in, s->state, &hidden));
    const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    for (int64_t i = 0; i < rows.dim[0]; i += block) {
        const int64_t     n = rows.dim[0] - i < block ? rows.dim[0] - i : block;
        const ssmq_tensor some = ssmq_tensor_slice(&rows, 0, i, n), target = SSMQ_TENSOR(s->prompt + i, SSMQ_I32, n);
        ssmq_tensor       loss = SSMQ_TENSOR(s->loss, SSMQ_F64, n);
        SSMQ_TRY(ssmq_ready_logits(s->ready, &some, &logits));
        SSMQ_TRY(s->ready->be->ops->nll(s->ready->be, &loss, &logits, &target));
    }
    *seconds = ssmq_monotonic_s() - begin;
    return SSMQ_OK;
}

/* Samples of the repetitions. */
typedef struct samples {
    double *ttft, *tpot, *ttlt, *every, *energy, *read, *f32, *i8, *bf16;
} samples;

static samples room_for(ssmq_arena *arena, int32_t n)
{
    samples        s;
    double **const all[] = {&s.ttft, &s.tpot, &s.ttlt, &s.every, &s.energy, &s.read, &s.f32, &s.i8, &s.bf16};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) *all[i] = SSMQ_ARENA_ARRAY(arena, double, n);
    return s;
}

/* One repetition: between the two that work bounds, a probe of work; behind the steps, which memory bounds, one of
 * reading.  The process's peak is taken before the first of these, when all else is there. */
static ssmq_status repeat(subject *s, ssmq_prober *prober, int32_t i, const samples *to, ssmq_profile *p)
{
    const int32_t at = i > 0 ? i : 0, steps = s->r->generate - 1; /* what comes before is overwritten */
    ssmq_rates    rate = {0};
    double        rest = 0;
    SSMQ_TRY(evaluate(s, &to->every[at]));
    if (i >= 0) ssmq_prober_work(prober, &rate);
    SSMQ_TRY(generate(s, &to->ttft[at], &rest, &to->energy[at]));
    to->ttlt[at] = to->ttft[at] + rest;
    to->tpot[at] = steps ? rest / steps : 0;
    if (i == 0) p->peak_rss_bytes = ssmq_peak_rss_bytes();
    if (i >= 0) SSMQ_TRY(ssmq_prober_read(prober, &rate));
    to->read[at] = rate.read;
    to->f32[at] = rate.f32;
    to->i8[at] = rate.i8;
    to->bf16[at] = rate.bf16;
    return SSMQ_OK;
}

static void put_timings(const subject *s, const samples *from, ssmq_profile *p)
{
    const int32_t n = s->r->repeat;
    p->ttft = ssmq_timing_of(s->arena, from->ttft, n);
    p->ttlt = ssmq_timing_of(s->arena, from->ttlt, n);
    p->perplexity = ssmq_timing_of(s->arena, from->every, n);
    if (s->r->generate > 1) p->tpot = ssmq_timing_of(s->arena, from->tpot, n);
    if (s->energy.n > 0) p->energy = ssmq_timing_of(s->arena, from->energy, n);
    p->read = ssmq_timing_of(s->arena, from->read, n);
    p->f32 = ssmq_timing_of(s->arena, from->f32, n);
    p->i8 = ssmq_timing_of(s->arena, from->i8, n);
    p->bf16 = ssmq_timing_of(s->arena, from->bf16, n);
}

static ssmq_status time_all(subject *s, ssmq_profile *p)
{
    const int32_t n = s->r->repeat, warmup = s->r->warmup;
    const samples to = room_for(s->arena, n);
    ssmq_prober  *prober;
    ssmq_status   st = SSMQ_OK;
    SSMQ_TRY(ssmq_prober_open(s->ready->be, s->ready->be->threads, PROBES, &prober));
    for (int32_t i = -warmup; i < n && st == SSMQ_OK; i++) {
        st = repeat(s, prober, i, &to, p);
        if (st == SSMQ_OK) ssmq_tell_update(s->r->listener, i < 0 ? 0 : i + 1, (double)(i + 1 + warmup) / (n + warmup));
    }
    ssmq_prober_close(prober);
    SSMQ_TRY(st);
    put_timings(s, &to, p);
    return SSMQ_OK;
}

/* Some more repetitions with every op measured: a phase by itself, since its ops are kept apart. */
static ssmq_status take_apart(subject *s, ssmq_meter *meter, ssmq_profile *p)
{
    const int32_t n = s->r->repeat < METERED ? s->r->repeat : METERED, steps = s->r->generate - 1;
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++) {
        const int64_t times = k == SSMQ_PROFILE_DECODE ? (int64_t)n * steps : n;
        double        sum = 0, seconds = 0;
        ssmq_meter_clear(meter);
        for (int32_t i = 0; i < n; i++, sum += seconds)
            SSMQ_TRY(k == SSMQ_PROFILE_DECODE ? decode(s, &seconds) : prefill(s, &seconds));
        if (times > 0) ssmq_breakdown_make(meter, s->ready->m, sum, times, s->arena, &p->phase[k]);
    }
    return SSMQ_OK;
}

/* ---- floors ------------------------------------------------------------------------------ */

/* Where the products of a weight are counted. */
static double *kind_of(const ssmq_exec *ex, int32_t site, ssmq_work *work)
{
    return ssmq_exec_is_integer(ex, site) ? &work->i8 : ssmq_exec_is_bf16(ex, site) ? &work->bf16 : &work->f32;
}

static void find_work(const subject *s, ssmq_profile *p)
{
    for (int32_t i = 0; i < s->ready->m->n_site; i++) {
        const ssmq_site *site = &s->ready->m->site[i];
        if (site->weight < 0) continue;
        const double n = (double)ssmq_tensor_count(&s->ready->m->weight[site->weight].value);
        ssmq_work   *work = site->layer < 0 ? &p->head : &p->layers;
        if (strcmp(site->op, "linear") == 0) *kind_of(s->ready->ex, i, work) += 2 * n;
        if (strstr(site->name, "scan.A_log")) work->f32 += SSMQ_METER_UPDATE * n;
    }
}

int64_t ssmq_profile_state_bytes(const ssmq_model *m, const ssmq_exec *ex)
{
    int64_t n = 0;
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (s->kind == SSMQ_SITE_STATE)
            n += s->rows * s->width * (int64_t)ssmq_dtype_bits(ssmq_exec_state_dtype(ex, i)) / 8;
        if (s->weight < 0 || strcmp(s->op, "conv") != 0) continue;
        const ssmq_tensor *w = &m->weight[s->weight].value;
        n += w->dim[0] * (w->dim[1] - 1) * (int64_t)sizeof(float);
    }
    return n;
}

/* Does a linear layer read the values of a weight, in place, as its own? */
static bool is_shared(const ssmq_model *m, const ssmq_plan *plan, int32_t weight)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].weight >= 0 && m->weight[m->site[i].weight].tied_to == weight)
            return !plan || plan->at[i].spec.bits == 0;
    return false;
}

/* Bytes of an embedding table that is counted and read by rows only. */
static double unread_bytes(const ssmq_model *m, const ssmq_plan *plan)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (s->weight < 0 || strcmp(s->op, "embedding") != 0 || is_shared(m, plan, s->weight)) continue;
        const ssmq_tensor *w = &m->weight[s->weight].value;
        if (!plan || plan->at[i].spec.bits == 0) return (double)ssmq_tensor_bytes(w);
        bool tied = false; /* then the other is counted, which is read */
        for (int32_t j = 0; j < m->n_weight; j++) tied = tied || m->weight[j].tied_to == s->weight;
        return tied ? 0 : (double)(ssmq_tensor_count(w) * plan->at[i].spec.bits) / 8;
    }
    return 0;
}

static const char *this_process(ssmq_arena *arena)
{
    char         now[SSMQ_UTC_TEXT];
    ssmq_machine m;
    ssmq_machine_read(&m);
    ssmq_utc_now(now);
    return ssmq_arena_printf(arena, "process %ld on host %s at %s", (long)getpid(), m.host, now);
}

ssmq_status ssmq_profile_measure(ssmq_ready *ready, const ssmq_profile_request *r, ssmq_arena *arena,
                                 ssmq_profile *out)
{
    subject     s = {.r = r, .arena = arena, .ready = ready};
    ssmq_meter *meter = NULL;
    ssmq_status st;
    *out = (ssmq_profile){.request = *r};
    SSMQ_TRY_DONE(st, get_ready(&s));
    snprintf(out->tier, sizeof out->tier, "%s", ready->be->tier);
    out->process = this_process(arena);
    ssmq_energy_find(SSMQ_ENERGY_COUNTERS, &s.energy);
    SSMQ_TRY_DONE(st, time_all(&s, out));
    meter = ssmq_meter_on(ready->be, ready->m->n_site);
    SSMQ_TRY_DONE(st, take_apart(&s, meter, out));
    out->size_bytes = ssmq_exec_weight_bytes(ready->ex);
    out->state_bytes = r->batch * ssmq_profile_state_bytes(ready->m, ready->ex);
    find_work(&s, out);
    out->step_bytes = (double)out->size_bytes - unread_bytes(ready->m, ready->recipe.plan) +
                      2 * (double)out->state_bytes;
    ssmq_profile_compare(out, arena);
done:
    ssmq_meter_off(meter);
    if (s.state) ready->m->family->state_free(ready->m, ready->ex, s.state);
    return st;
}

ssmq_status ssmq_profile_run(const ssmq_profile_request *r, const ssmq_catalogue *cat, ssmq_diag *diag,
                             ssmq_arena *arena, ssmq_profile *out)
{
    const ssmq_ready_request request = {.model = r->model,
                                        .recipe = r->recipe,
                                        .mode = r->mode,
                                        .backend = r->backend,
                                        .threads = r->threads,
                                        .seed = SEED,
                                        .samples = random_samples,
                                        .context = arena};
    ssmq_ready               ready = {0};
    ssmq_peak_rss_restart(); /* of a mode before, and its probes */
    ssmq_status st = ssmq_ready_open(&request, cat, diag, arena, &ready);
    if (st == SSMQ_OK) st = ssmq_profile_measure(&ready, r, arena, out);
    ssmq_ready_close(&ready);
    return st;
}
