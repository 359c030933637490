#include "harness/run/evaluate/sensitivity.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/stats.h"
#include "harness/run/evaluate/float_pass.h"
#include "harness/run/resume.h"

/* What the evaluations of a task have in common. */
typedef struct task {
    const ssmq_sensitivity_request *r;
    ssmq_sensitivity               *out;
    ssmq_exec                      *with_float;
    ssmq_kept_hidden               *kept; /* of the float model */
    int64_t                         done, n; /* evaluations of them all */
    double                         *all;     /* [windows] losses of the whole recipe */
} task;

/* ---- progress: one task of all evaluations ---------------------------------------------- */

static void evaluation_update(void *context, int64_t windows, double fraction)
{
    const task *t = context;
    const double within = fraction > 0 && fraction < 1 ? fraction : 0;
    (void)windows;
    ssmq_tell_update(t->r->listener, t->done, ((double)t->done + within) / (double)t->n);
}

/* ---- one evaluation -------------------------------------------------------------------- */

static void fill(const ssmq_ppl *p, ssmq_sensitivity_figures *f)
{
    const ssmq_compare_score *c = &p->comparison->all;
    *f = (ssmq_sensitivity_figures){.ppl = p->all.ppl,
                                    .ln_ratio = c->ln_ratio,
                                    .ln_ratio_se = c->ln_ratio_se,
                                    .kl_mean = c->kl_mean,
                                    .kl_se = c->kl_se,
                                    .damage = c->ln_ratio,
                                    .damage_se = c->ln_ratio_se};
}

/* The plan with these sites quantised, known to the journal as part; *p is the caller's to free. */
static ssmq_status evaluate(task *t, const char *part, const bool *quantised, ssmq_ppl *p)
{
    const ssmq_sensitivity_request *r = t->r;
    const ssmq_compare_spec kl = {.metrics = 1u << SSMQ_METRIC_KL};
    const ssmq_beside       beside = {
        .m = r->base, .ex = t->with_float, .spec = &kl, .seed = r->seed, .cache = r->cache, .kept = t->kept};
    const ssmq_listener     listener = {.context = t,
                                        .log = r->listener ? r->listener->log : NULL,
                                        .update = evaluation_update,
                                        .signal = ssmq_signal_of(r->listener),
                                        .journal = ssmq_journal_of(r->listener),
                                        .part = part};
    ssmq_plan              *plan = ssmq_plan_masked(r->plan, quantised);
    ssmq_exec              *ex = NULL;
    ssmq_status             st = ssmq_exec_open(r->be, r->model, plan, SSMQ_MODE_FAKE, &ex);
    if (st == SSMQ_OK)
        st = ssmq_eval_paired(r->evaluation, r->model, ex, &beside, r->texts, &listener, p);
    ssmq_exec_close(ex);
    ssmq_plan_free(plan);
    t->done++;
    return st;
}

/* All units quantise. */
static ssmq_status evaluate_all(task *t)
{
    const ssmq_plan *plan = t->r->plan;
    bool            *on = SSMQ_ARENA_ARRAY(t->out->arena, bool, plan->model->n_site);
    ssmq_ppl         p;
    for (int32_t i = 0; i < plan->model->n_site; i++) on[i] = true;
    SSMQ_TRY(evaluate(t, "sensitivity", on, &p));
    fill(&p, &t->out->scores.all);
    t->out->scores.windows = p.all.windows;
    t->all = SSMQ_ARENA_ARRAY(t->out->arena, double, p.all.windows);
    memcpy(t->all, p.window_nll, (size_t)p.all.windows * sizeof *t->all);
    ssmq_ppl_free(&p);
    return SSMQ_OK;
}

/* What a unit that is left out would have cost: from here to the whole recipe, window by window. */
static void cost_of(const task *t, const ssmq_ppl *p, ssmq_sensitivity_figures *f)
{
    double *difference = ssmq_must_malloc((size_t)p->all.windows * sizeof *difference);
    for (int64_t i = 0; i < p->all.windows; i++) difference[i] = t->all[i] - p->window_nll[i];
    ssmq_mean_by(difference, &p->by, p->all.windows, &f->damage, &f->damage_se);
    free(difference);
}

static ssmq_status in_unit(ssmq_status st, const ssmq_unit *u, bool alone)
{
    if (st == SSMQ_OK || st == SSMQ_ERR_STOPPED) return st;
    ssmq_str message = {0};
    ssmq_str_printf(&message, "sensitivity, %s %s: %s", alone ? "only" : "all but", u->name,
                    ssmq_error_last()->message);
    ssmq_fail(st, __FILE__, __LINE__, __func__, "%s", ssmq_str_text(&message));
    ssmq_str_free(&message);
    return st;
}

static ssmq_status evaluate_unit(task *t, const ssmq_unit *u, bool alone, ssmq_sensitivity_figures *f)
{
    const char *part =
        ssmq_arena_printf(t->out->arena, "sensitivity, %s %s", alone ? "only" : "all but", u->name);
    ssmq_journal_entry known;
    if (ssmq_resume_find(t->r->listener, part, 0, NULL, sizeof *f, &known)) {
        memcpy(f, known.data, sizeof *f);
        t->done++;
        return SSMQ_OK;
    }
    const int32_t n = t->r->model->n_site;
    bool         *on = ssmq_must_malloc((size_t)n * sizeof *on);
    ssmq_ppl      p;
    for (int32_t i = 0; i < n; i++) on[i] = u->site[i] == alone;
    const ssmq_status st = in_unit(evaluate(t, part, on, &p), u, alone);
    free(on);
    SSMQ_TRY(st);
    fill(&p, f);
    if (!alone) cost_of(t, &p, f);
    ssmq_ppl_free(&p);
    return ssmq_resume_keep(t->r->listener, part, 0, NULL, f, sizeof *f);
}

/* ---- all of them ----------------------------------------------------------------------- */

static ssmq_status evaluate_units(task *t)
{
    ssmq_sensitivity_scores *s = &t->out->scores;
    const ssmq_units        *units = &t->out->units;
    ssmq_unit_score         *score = SSMQ_ARENA_ARRAY(t->out->arena, ssmq_unit_score, units->n);
    s->unit = score;
    s->n = units->n;
    SSMQ_TRY(evaluate_all(t));
    for (int32_t i = 0; i < units->n; i++) {
        score[i].unit = units->at[i].name;
        if (s->has_on) SSMQ_TRY(evaluate_unit(t, &units->at[i], true, &score[i].on));
        if (s->has_off) SSMQ_TRY(evaluate_unit(t, &units->at[i], false, &score[i].off));
    }
    return SSMQ_OK;
}

/* What the cache has, all units find there; what it has no room for is kept in memory. */
static ssmq_status run_float(const task *t)
{
    const ssmq_sensitivity_request *r = t->r;
    int64_t                         room = r->most_bytes;
    const ssmq_float_pass           p = {.e = r->evaluation,
                                         .m = r->base,
                                         .ex = t->with_float,
                                         .cache = r->cache,
                                         .piece = SSMQ_EVAL_PIECE,
                                         .texts = r->texts,
                                         .beside = true,
                                         .listener = r->listener};
    return r->cache ? ssmq_float_pass_run(&p, &room) : SSMQ_OK;
}

ssmq_status ssmq_sensitivity_run(const ssmq_sensitivity_request *r, ssmq_sensitivity **out)
{
    ssmq_arena       *arena = ssmq_arena_new();
    ssmq_sensitivity *s = ssmq_arena_alloc(arena, sizeof *s);
    task              t = {.r = r, .out = s};
    s->arena = arena;
    s->units = ssmq_units_of(r->plan, r->recipe, r->spec->by, arena);
    s->scores = (ssmq_sensitivity_scores){
        .evaluation = r->evaluation->id,
        .by = ssmq_unit_kinds[r->spec->by],
        .has_on = r->spec->sensitivity != SSMQ_SENSITIVITY_EACH_OFF,
        .has_off = r->spec->sensitivity != SSMQ_SENSITIVITY_EACH_ON,
    };
    t.n = 1 + (int64_t)s->units.n * (s->scores.has_on + s->scores.has_off);
    t.kept = ssmq_kept_hidden_new(SSMQ_SENSITIVITY_BYTES);
    ssmq_status st = ssmq_exec_open(r->be, r->base, NULL, SSMQ_MODE_FLOAT, &t.with_float);
    if (st == SSMQ_OK) st = run_float(&t);
    ssmq_tell_begin(r->listener, "sensitivity",
                    ssmq_arena_printf(arena, "of %lld evaluations", (long long)t.n));
    if (st == SSMQ_OK) st = evaluate_units(&t);
    if (st == SSMQ_OK) ssmq_tell_update(r->listener, t.done, 1);
    ssmq_tell_end(r->listener);
    ssmq_exec_close(t.with_float);
    ssmq_kept_hidden_free(t.kept);
    if (st == SSMQ_OK) *out = s;
    else ssmq_sensitivity_free(s);
    return st;
}

void ssmq_sensitivity_free(ssmq_sensitivity *s)
{
    if (s) ssmq_arena_free(s->arena);
}
