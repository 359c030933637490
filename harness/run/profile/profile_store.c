#include "harness/run/profile/profile_store.h"
#include <math.h>
#include <string.h>
#include "harness/base/build.h"
#include "harness/store/provenance.h"

typedef struct writer {
    ssmq_store         *s;
    const char         *group; /* "/profile/ID" */
    const ssmq_profile *p;
    ssmq_arena         *arena;
} writer;

static const char *inside(const writer *w, const char *name)
{
    return ssmq_arena_printf(w->arena, "%s/%s", w->group, name);
}

/* ---- repetitions ------------------------------------------------------------------------- */

static ssmq_status write_timing(const writer *w, const char *name, const ssmq_timing *t,
                                const char *unit, const char *long_name)
{
    const char *const axis[] = {inside(w, "repetition")};
    if (t->n == 0) return SSMQ_OK;
    const ssmq_tensor values = SSMQ_TENSOR((void *)(uintptr_t)t->sample, SSMQ_F64, t->n);
    return ssmq_store_tensor(w->s, inside(w, name), &values, axis, unit, long_name);
}

static ssmq_status write_timings(const writer *w)
{
    const int32_t n = w->p->ttft.n;
    int32_t      *index = SSMQ_ARENA_ARRAY(w->arena, int32_t, n);
    for (int32_t i = 0; i < n; i++) index[i] = i;
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, n);
    SSMQ_TRY(ssmq_store_scale(w->s, inside(w, "repetition"), &t, "", "repetition, from 0"));
    SSMQ_TRY(write_timing(w, "ttft", &w->p->ttft, "s", "time to the first token"));
    SSMQ_TRY(write_timing(w, "tpot", &w->p->tpot, "s", "time of a token behind the first"));
    SSMQ_TRY(write_timing(w, "ttlt", &w->p->ttlt, "s", "time to the last token"));
    SSMQ_TRY(write_timing(w, "perplexity", &w->p->perplexity, "s",
                          "a prefill with the logits and the loss of every token"));
    return write_timing(w, "energy", &w->p->energy, "J",
                        "energy of the processor packages to the last token");
}

/* Rates that the tier does not have are not there. */
static ssmq_status write_probes(const writer *w)
{
    const ssmq_profile *p = w->p;
    SSMQ_TRY(write_timing(w, "machine/read", &p->read, "GB/s", "memory read beside the repetition"));
    SSMQ_TRY(write_timing(w, "machine/fp32", &p->f32, "GFLOP/s", "multiply-adds in fp32 beside it"));
    if (p->machine.i8 > 0) SSMQ_TRY(write_timing(w, "machine/int8", &p->i8, "GOP/s", "products of bytes beside it"));
    if (!(p->machine.bf16 > 0)) return SSMQ_OK;
    return write_timing(w, "machine/bf16", &p->bf16, "GFLOP/s", "products of bfloat16 numbers beside it");
}

/* ---- operators --------------------------------------------------------------------------- */

/* What is written of an operator, of those that stand in a phase. */
static double quantity(const writer *w, const ssmq_operator *op, int which)
{
    bool memory;
    switch (which) {
    case 0: return op->seconds;
    case 1: return op->bytes;
    case 2: return ssmq_operator_bound(op, &w->p->machine, &memory) / op->seconds;
    case 3: return op->calls;
    case 4: return op->work.i8;
    case 5: return op->work.bf16;
    default: return op->work.f32;
    }
}

static const struct {
    const char *name, *unit, *long_name;
} quantities[] = {
    {"time", "s", "time of the operator in a prefill, in a decoding step"},
    {"bytes", "byte", "every operand once"},
    {"bound_share", "1", "time at the machine's peaks over the time taken"},
    {"calls", "1", "calls"},
    {"int8_operations", "1", "operations in whole numbers, a multiply-add as two"},
    {"bf16_operations", "1", "operations in products of bfloat16 numbers, a multiply-add as two"},
    {"float_operations", "1", "operations in floats, a multiply-add as two"},
};

static const ssmq_operator *find(const ssmq_breakdown *b, const char *name)
{
    for (int32_t i = 0; i < b->n; i++)
        if (strcmp(b->op[i].name, name) == 0) return &b->op[i];
    return NULL;
}

/* Those of a prefill, then those of decoding alone. */
static int32_t names_of(const writer *w, const char **name)
{
    const ssmq_breakdown *phase = w->p->phase;
    int32_t               n = 0;
    for (int32_t i = 0; i < phase[0].n; i++) name[n++] = phase[0].op[i].name;
    for (int32_t i = 0; i < phase[1].n; i++)
        if (!find(&phase[0], phase[1].op[i].name)) name[n++] = phase[1].op[i].name;
    return n;
}

static ssmq_status write_operators(const writer *w)
{
    const char **name =
        SSMQ_ARENA_ARRAY(w->arena, const char *, w->p->phase[0].n + w->p->phase[1].n);
    const int32_t     n = names_of(w, name);
    double           *value = SSMQ_ARENA_ARRAY(w->arena, double, SSMQ_PROFILE_PHASES *n);
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F64, SSMQ_PROFILE_PHASES, n);
    const char *const axis[] = {"/axis/phase", inside(w, "operator/operator")};
    SSMQ_TRY(ssmq_store_scale_text(w->s, axis[1], name, n, "what the ops of a kind are called"));
    for (size_t q = 0; q < sizeof quantities / sizeof *quantities; q++) {
        for (int32_t i = 0; i < SSMQ_PROFILE_PHASES * n; i++) {
            const ssmq_operator *op = find(&w->p->phase[i / n], name[i % n]);
            value[i] = op ? quantity(w, op, (int)q) : NAN;
        }
        SSMQ_TRY(ssmq_store_tensor(
            w->s, inside(w, ssmq_arena_printf(w->arena, "operator/%s", quantities[q].name)), &t,
            axis, quantities[q].unit, quantities[q].long_name));
    }
    return SSMQ_OK;
}

/* All of a phase: its operators and what lies between them. */
static ssmq_status write_phases(const writer *w)
{
    static const char *const axis[] = {"/axis/phase"};
    double                   total[SSMQ_PROFILE_PHASES];
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++)
        total[k] = w->p->phase[k].n ? w->p->phase[k].seconds : NAN;
    const ssmq_tensor t = SSMQ_TENSOR(total, SSMQ_F64, SSMQ_PROFILE_PHASES);
    if (!ssmq_store_has(w->s, axis[0]))
        SSMQ_TRY(ssmq_store_scale_text(w->s, axis[0], ssmq_profile_phases, SSMQ_PROFILE_PHASES,
                                       "a prefill, a decoding step"));
    return ssmq_store_tensor(w->s, inside(w, "operator_total"), &t, axis, "s",
                             "time with every op measured, and what lies between them");
}

/* ---- the rest ---------------------------------------------------------------------------- */

typedef struct real {
    const char *name;
    double      value;
} real;

static ssmq_status write_reals(const writer *w, const real *r, size_t n)
{
    for (size_t i = 0; i < n; i++) SSMQ_TRY(ssmq_store_attribute_real(w->s, w->group, r[i].name, r[i].value));
    return SSMQ_OK;
}

static ssmq_status write_attributes(const writer *w)
{
    const ssmq_profile_request *r = &w->p->request;
    const struct {
        const char *name;
        int64_t     value;
    } whole[] = {{"batch", r->batch},
                 {"prompt", r->prompt},
                 {"generate", r->generate},
                 {"warmup", r->warmup},
                 {"repeat", r->repeat},
                 {"threads", r->threads},
                 {"size_bytes", w->p->size_bytes},
                 {"state_bytes", w->p->state_bytes},
                 {"peak_rss_bytes", w->p->peak_rss_bytes}};
    SSMQ_TRY(ssmq_store_attribute_text(w->s, w->group, "mode", ssmq_modes[r->mode]));
    SSMQ_TRY(ssmq_store_attribute_text(w->s, w->group, "tier", w->p->tier));
    SSMQ_TRY(ssmq_store_attribute_text(w->s, w->group, "process", w->p->process));
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        SSMQ_TRY(ssmq_store_attribute_int(w->s, w->group, whole[i].name, whole[i].value));
    return SSMQ_OK;
}

static ssmq_status write_peaks(const writer *w)
{
    const ssmq_rates *m = &w->p->machine;
    const real        peak[] = {{"peak_read_gb_s", m->read},
                                {"peak_fp32_gflop_s", m->f32},
                                {"peak_int8_gop_s", m->i8 > 0 ? m->i8 : NAN},
                                {"peak_bf16_gflop_s", m->bf16 > 0 ? m->bf16 : NAN}};
    return write_reals(w, peak, sizeof peak / sizeof *peak);
}

static ssmq_status write_floors(const writer *w)
{
    const ssmq_profile_floor  *floor = &w->p->floor;
    const ssmq_profile_shares *share = &w->p->of_floor;
    const real                 of[] = {{"floor_ttft_s", floor->ttft},
                                       {"floor_tpot_s", floor->tpot},
                                       {"floor_perplexity_s", floor->perplexity},
                                       {"of_floor_prefill", share->prefill},
                                       {"of_floor_decode", share->decode},
                                       {"of_floor_perplexity", share->perplexity}};
    return write_reals(w, of, sizeof of / sizeof *of);
}

static ssmq_status write_one(const writer *w)
{
    int64_t           size = w->p->size_bytes;
    const ssmq_tensor t = ssmq_tensor_of(&size, SSMQ_I64, 0, NULL);
    SSMQ_TRY(ssmq_store_group(w->s, w->group));
    SSMQ_TRY(write_attributes(w));
    SSMQ_TRY(write_peaks(w));
    SSMQ_TRY(write_floors(w));
    SSMQ_TRY(
        ssmq_store_tensor(w->s, inside(w, "size"), &t, NULL, "byte", "weights as they are read"));
    SSMQ_TRY(write_timings(w));
    SSMQ_TRY(write_probes(w));
    SSMQ_TRY(write_phases(w));
    return write_operators(w);
}

ssmq_status ssmq_profile_write(ssmq_store *s, const char *id, const ssmq_profile *p)
{
    ssmq_arena       *arena = ssmq_arena_new();
    const writer      w = {.s = s,
                           .group = ssmq_arena_printf(arena, "/profile/%s", id),
                           .p = p,
                           .arena = arena};
    const ssmq_status st = write_one(&w);
    ssmq_arena_free(arena);
    return st;
}

/* ---- a file without an experiment -------------------------------------------------------- */

/* The request in place of an experiment. */
static ssmq_status write_root(ssmq_store *s, const ssmq_profile *p)
{
    ssmq_str                    text = {0}, origin = {0};
    const ssmq_profile_request *r = &p->request;
    const ssmq_provenance       from = {.backend = r->backend->name, .tier = p->tier};
    ssmq_str_printf(&text, "batch: %d\nprompt: %d\ngenerate: %d\nrepeat: %d\nwarmup: %d\n",
                    r->batch, r->prompt, r->generate, r->repeat, r->warmup);
    ssmq_provenance_numbers(&from, &origin);
    ssmq_status st = ssmq_store_attribute_text(s, "/", "ssmq_version", ssmq_build_info()->version);
    if (st == SSMQ_OK) st = ssmq_store_attribute_text(s, "/", "run_id", "");
    if (st == SSMQ_OK) st = ssmq_store_attribute_text(s, "/", "mode", "");
    if (st == SSMQ_OK) st = ssmq_store_attribute_text(s, "/", "recipe", "");
    if (st == SSMQ_OK)
        st = ssmq_store_text(s, "/meta/resolved_config", ssmq_str_text(&text), "application/yaml");
    if (st == SSMQ_OK)
        st = ssmq_store_text(s, "/meta/provenance", ssmq_str_text(&origin), "application/json");
    ssmq_str_free(&text);
    ssmq_str_free(&origin);
    return st;
}

ssmq_status ssmq_profiles_write(const char *path, const ssmq_profile *p, int32_t n)
{
    ssmq_store *s;
    SSMQ_TRY(ssmq_store_create(path, &s));
    ssmq_status st = write_root(s, &p[0]);
    for (int32_t i = 0; i < n && st == SSMQ_OK; i++)
        st = ssmq_profile_write(s, ssmq_modes[p[i].request.mode], &p[i]);
    if (st == SSMQ_OK) return ssmq_store_seal(s);
    ssmq_store_discard(s);
    return st;
}
