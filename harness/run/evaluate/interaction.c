/* What two steps of a recipe do together (sensitivity.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/stats.h"
#include "harness/run/evaluate/sensitivity.h"
#include "harness/run/resume.h"

/* The recipe without some of its steps. */
typedef struct variant {
    int32_t without[2]; /* steps, ascending; -1: none */
    double *nll;        /* [windows] mean losses, and before them their mean */
    double  mean;
    char    part[192]; /* what the journal knows it by */
} variant;

typedef struct task {
    const ssmq_sensitivity_request *r;
    ssmq_interactions              *out;
    variant                        *known; /* [n_known] each evaluated once */
    int32_t                         n_known;
    int64_t                         n; /* variants in all */
    ssmq_weighing                   by; /* of the windows */
} task;

static int32_t step_of(const ssmq_recipe *recipe, const char *id)
{
    for (int32_t i = 0; i < recipe->n_step; i++)
        if (strcmp(recipe->step[i].id, id) == 0) return i;
    return -1;
}

static bool concerns(const ssmq_recipe *recipe, const ssmq_step_pair *pair)
{
    return step_of(recipe, pair->a) >= 0 && step_of(recipe, pair->b) >= 0;
}

bool ssmq_has_interactions(const ssmq_compare_spec *spec, const ssmq_recipe *recipe)
{
    for (int32_t i = 0; i < spec->n_interaction; i++)
        if (concerns(recipe, &spec->interaction[i])) return true;
    return false;
}

/* ---- one variant ----------------------------------------------------------------------- */

static void variant_update(void *context, int64_t windows, double fraction)
{
    const task *t = context;
    (void)windows;
    (void)fraction; /* of one calibration or evaluation of several: only a sign of life */
    ssmq_tell_update(t->r->listener, t->n_known, (double)t->n_known / (double)t->n);
}

static ssmq_recipe recipe_without(const task *t, const variant *v)
{
    ssmq_recipe r = *t->r->recipe;
    ssmq_step  *step = SSMQ_ARENA_ARRAY(t->out->arena, ssmq_step, r.n_step);
    r.n_step = 0;
    for (int32_t i = 0; i < t->r->recipe->n_step; i++)
        if (i != v->without[0] && i != v->without[1]) step[r.n_step++] = t->r->recipe->step[i];
    r.step = step;
    return r;
}

static ssmq_listener listener_of(const task *t, const variant *v)
{
    const ssmq_listener *l = t->r->listener;
    return (ssmq_listener){.context = (void *)(uintptr_t)t,
                           .log = l ? l->log : NULL,
                           .update = variant_update,
                           .signal = ssmq_signal_of(l),
                           .journal = ssmq_journal_of(l),
                           .part = v->part};
}

/* losses [windows + 1], of the arena: their mean, and each. */
static void take_losses(const task *t, variant *v, double *losses, int64_t windows)
{
    v->mean = losses[0];
    v->nll = losses + 1;
    t->out->scores.windows = windows;
}

/* One that was evaluated before the run was killed. */
static bool is_known(const task *t, variant *v)
{
    ssmq_journal_entry known;
    if (!ssmq_resume_any(t->r->listener, v->part, 0, NULL, &known) || known.bytes < 2 * sizeof(double))
        return false;
    const int64_t n = (int64_t)(known.bytes / sizeof(double));
    double       *losses = SSMQ_ARENA_ARRAY(t->out->arena, double, n);
    memcpy(losses, known.data, (size_t)n * sizeof *losses);
    take_losses(t, v, losses, n - 1);
    return true;
}

static ssmq_status evaluate_model(const task *t, const ssmq_model *m, const ssmq_plan *plan, variant *v)
{
    const ssmq_sensitivity_request *r = t->r;
    const ssmq_listener listener = listener_of(t, v);
    ssmq_exec          *ex;
    ssmq_ppl            p;
    SSMQ_TRY(ssmq_exec_open(r->be, m, plan, SSMQ_MODE_FAKE, &ex));
    const ssmq_status st = ssmq_eval_ppl(r->evaluation, m, ex, r->texts, &listener, &p);
    ssmq_exec_close(ex);
    SSMQ_TRY(st);
    double *losses = SSMQ_ARENA_ARRAY(t->out->arena, double, p.all.windows + 1);
    losses[0] = p.all.nll;
    memcpy(losses + 1, p.window_nll, (size_t)p.all.windows * sizeof *losses);
    take_losses(t, v, losses, p.all.windows);
    ssmq_ppl_free(&p);
    return ssmq_resume_keep(r->listener, v->part, 0, NULL, losses,
                            (size_t)(t->out->scores.windows + 1) * sizeof *losses);
}

static ssmq_status evaluate_variant(const task *t, variant *v)
{
    const ssmq_sensitivity_request *r = t->r;
    if (is_known(t, v)) return SSMQ_OK;
    if (v->without[0] < 0 && v->without[1] < 0) return evaluate_model(t, r->model, r->plan, v);
    const ssmq_listener listener = listener_of(t, v);
    const ssmq_recipe   recipe = recipe_without(t, v);
    ssmq_model         *m = ssmq_model_fork(r->base);
    ssmq_recipe_result  applied = {0};
    ssmq_status st = ssmq_recipe_replay(&recipe, m, r->be, r->source, r->seed, &listener, &applied);
    if (st == SSMQ_OK) st = evaluate_model(t, m, applied.plan, v);
    ssmq_recipe_result_free(&applied);
    ssmq_model_free(m);
    return st;
}

/* A failure says which recipe it was. */
static ssmq_status in_variant(const task *t, ssmq_status st, const variant *v)
{
    if (st == SSMQ_OK || st == SSMQ_ERR_STOPPED) return st;
    ssmq_str    message = {0};
    const char *before = "interactions, the recipe without ";
    for (int k = 0; k < 2; k++) {
        if (v->without[k] < 0) continue;
        ssmq_str_printf(&message, "%s'%s'", before, t->r->recipe->step[v->without[k]].id);
        before = " and ";
    }
    ssmq_str_printf(&message, ": %s", ssmq_error_last()->message);
    ssmq_fail(st, __FILE__, __LINE__, __func__, "%s", ssmq_str_text(&message));
    ssmq_str_free(&message);
    return st;
}

/* The variant without steps a and b (-1: with it), evaluated the first time. */
static ssmq_status find(task *t, int32_t a, int32_t b, const variant **out)
{
    variant v = {.without = {a < b ? a : b, a < b ? b : a}};
    snprintf(v.part, sizeof v.part, "interactions, without steps %d and %d", v.without[0], v.without[1]);
    for (int32_t i = 0; i < t->n_known; i++) {
        *out = &t->known[i];
        if (memcmp(v.without, t->known[i].without, sizeof v.without) == 0) return SSMQ_OK;
    }
    SSMQ_TRY(in_variant(t, evaluate_variant(t, &v), &v));
    t->known[t->n_known] = v;
    *out = &t->known[t->n_known++];
    ssmq_tell_update(t->r->listener, t->n_known, (double)t->n_known / (double)t->n);
    return SSMQ_OK;
}

/* ---- pairs ----------------------------------------------------------------------------- */

static ssmq_status measure(task *t, const ssmq_step_pair *pair, ssmq_interaction_score *out)
{
    const int32_t  a = step_of(t->r->recipe, pair->a), b = step_of(t->r->recipe, pair->b);
    const variant *both, *only_a, *only_b, *neither;
    SSMQ_TRY(find(t, -1, -1, &both));
    SSMQ_TRY(find(t, -1, b, &only_a));
    SSMQ_TRY(find(t, a, -1, &only_b));
    SSMQ_TRY(find(t, a, b, &neither));
    const int64_t n = t->out->scores.windows;
    double       *value = SSMQ_ARENA_ARRAY(t->out->arena, double, n);
    for (int64_t i = 0; i < n; i++)
        value[i] = both->nll[i] - only_a->nll[i] - only_b->nll[i] + neither->nll[i];
    *out = (ssmq_interaction_score){.a = pair->a,
                                    .b = pair->b,
                                    .both = both->mean,
                                    .only_a = only_a->mean,
                                    .only_b = only_b->mean,
                                    .neither = neither->mean};
    ssmq_mean_by(value, &t->by, n, &out->ln_ppl, &out->ln_ppl_se);
    return SSMQ_OK;
}

/* How many variants the pairs come to, those that they share counted once. */
static int64_t count_variants(const ssmq_sensitivity_request *r)
{
    const ssmq_step_pair *pair = r->spec->interaction;
    int64_t               n = 1;
    for (int32_t i = 0; i < r->spec->n_interaction; i++) {
        bool a = concerns(r->recipe, &pair[i]), b = a;
        n += a;
        for (int32_t k = 0; k < i; k++) {
            if (!concerns(r->recipe, &pair[k])) continue;
            a = a && strcmp(pair[i].a, pair[k].a) != 0 && strcmp(pair[i].a, pair[k].b) != 0;
            b = b && strcmp(pair[i].b, pair[k].a) != 0 && strcmp(pair[i].b, pair[k].b) != 0;
        }
        n += a + b;
    }
    return n;
}

static ssmq_status measure_all(task *t)
{
    const ssmq_compare_spec *spec = t->r->spec;
    ssmq_interaction_score  *pair =
        SSMQ_ARENA_ARRAY(t->out->arena, ssmq_interaction_score, spec->n_interaction);
    t->known = SSMQ_ARENA_ARRAY(t->out->arena, variant, 1 + 3 * spec->n_interaction);
    t->out->scores.pair = pair;
    for (int32_t i = 0; i < spec->n_interaction; i++)
        if (concerns(t->r->recipe, &spec->interaction[i]))
            SSMQ_TRY(measure(t, &spec->interaction[i], &pair[t->out->scores.n++]));
    return SSMQ_OK;
}

ssmq_status ssmq_interactions_run(const ssmq_sensitivity_request *r, ssmq_interactions **out)
{
    ssmq_arena        *arena = ssmq_arena_new();
    ssmq_interactions *s = ssmq_arena_alloc(arena, sizeof *s);
    task               t = {.r = r, .out = s, .n = count_variants(r)};
    s->arena = arena;
    s->scores.evaluation = r->evaluation->id;
    ssmq_tell_begin(r->listener, "interactions",
                    ssmq_arena_printf(arena, "of %lld recipes", (long long)t.n));
    ssmq_status st = ssmq_texts_weighing(r->texts, r->evaluation, r->base->vocabulary, r->listener, arena, &t.by);
    if (st == SSMQ_OK) st = measure_all(&t);
    ssmq_tell_end(r->listener);
    if (st == SSMQ_OK) *out = s;
    else ssmq_interactions_free(s);
    return st;
}

void ssmq_interactions_free(ssmq_interactions *s)
{
    if (s) ssmq_arena_free(s->arena);
}
