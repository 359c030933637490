#include "harness/run/execute.h"
#include <stdlib.h>
#include "harness/base/build.h"
#include "harness/data/window.h"
#include "harness/run/checkpoint/weight_size.h"
#include "harness/run/evaluate/float_pass.h"
#include "harness/run/evaluate/site_error_store.h"

static bool is_against(const ssmq_run *run, ssmq_baseline baseline)
{
    return run->compare && run->compare->against >> baseline & 1;
}

bool ssmq_run_reads_again(const ssmq_run *run)
{
    const ssmq_compare_spec *c = run->compare;
    if (!c) return false;
    return is_against(run, SSMQ_AGAINST_FAKE) || c->metrics & ~SSMQ_METRICS_OF_TOKENS ||
           c->sensitivity != SSMQ_SENSITIVITY_OFF || ssmq_has_interactions(c, run->recipe);
}

/* What its evaluations run, and where they find what the float model gave. */
typedef struct sides {
    ssmq_exec  *ex;
    ssmq_beside beside; /* ex NULL: there is none */
    int64_t     room;   /* bytes of the cache that are left for more of it */
} sides;

/* The float model's layers, where they have not run over these windows; without a cache they run beside each model. */
static ssmq_status run_float(ssmq_session *s, const ssmq_evaluation *e, const ssmq_listener *listener, sides *x)
{
    const ssmq_float_pass p = {.e = e,
                               .m = s->base,
                               .ex = x->beside.ex ? x->beside.ex : x->ex,
                               .cache = s->hidden,
                               .piece = ssmq_eval_piece(e, x->ex),
                               .texts = s->texts,
                               .beside = x->beside.ex,
                               .resumes = true,
                               .listener = listener};
    return s->hidden ? ssmq_float_pass_run(&p, &x->room) : SSMQ_OK;
}

static ssmq_status evaluate_one(ssmq_session *s, const ssmq_evaluation *e, const ssmq_listener *listener,
                                const ssmq_model *m, sides *x, ssmq_ppl *out)
{
    SSMQ_TRY(run_float(s, e, listener, x));
    if (x->beside.ex) return ssmq_eval_paired(e, m, x->ex, &x->beside, s->texts, listener, out);
    return ssmq_eval_float(e, m, x->ex, s->hidden, s->texts, listener, out);
}

static ssmq_status evaluate(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                            ssmq_execution *x)
{
    sides       k = {.beside = {.m = s->base, .spec = run->compare, .seed = run->seed, .cache = s->hidden},
                     .room = run->keep_hidden};
    ssmq_status st = SSMQ_OK;
    SSMQ_TRY(ssmq_exec_open(s->be, x->model, x->recipe.plan, run->mode, &k.ex));
    if (!ssmq_run_reads_again(run)) ssmq_exec_owns(k.ex, x->model);
    if (is_against(run, SSMQ_AGAINST_FLOAT))
        SSMQ_TRY_DONE(st, ssmq_exec_open(s->be, s->base, NULL, SSMQ_MODE_FLOAT, &k.beside.ex));
    x->ppl = ssmq_must_malloc((size_t)run->n_evaluation * sizeof *x->ppl);
    for (int32_t i = 0; i < run->n_evaluation; i++) {
        SSMQ_TRY_DONE(st, evaluate_one(s, &run->evaluation[i], listener, x->model, &k, &x->ppl[i]));
        x->n_ppl++;
    }
done:
    ssmq_exec_close(k.beside.ex);
    ssmq_exec_close(k.ex);
    return st;
}

ssmq_calibration_source ssmq_session_source(ssmq_session *s, const ssmq_run *run)
{
    return (ssmq_calibration_source){.samples = run->calibration ? &s->samples : NULL,
                                     .replay = s->replay,
                                     .batch = run->calibration ? run->calibration->batch : 1,
                                     .streams = !is_against(run, SSMQ_AGAINST_FLOAT)};
}

/* The beginning of one of the run's evaluations. */
static ssmq_evaluation text_of(const ssmq_run *run)
{
    const ssmq_compare_spec *spec = run->compare;
    ssmq_evaluation          e = run->evaluation[spec->evaluation];
    if (spec->windows > 0 && (e.limit == 0 || spec->windows < e.limit)) e.limit = spec->windows;
    return e;
}

static ssmq_status compare_sites(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                                 const ssmq_evaluation *text, ssmq_execution *x)
{
    if (!(run->compare->metrics & ~SSMQ_METRICS_OF_TOKENS)) return SSMQ_OK;
    const ssmq_site_error_request r = {.spec = run->compare,
                                       .evaluation = text,
                                       .model = x->model,
                                       .plan = x->recipe.plan,
                                       .be = s->be,
                                       .texts = s->texts,
                                       .listener = listener};
    SSMQ_TRY(ssmq_site_errors_run(&r, &x->errors));
    ssmq_alarms_of_clipping(&x->alarms, x->errors, run->compare);
    return SSMQ_OK;
}

static ssmq_status compare_units(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                                 const ssmq_evaluation *text, ssmq_execution *x)
{
    const ssmq_calibration_source  source = ssmq_session_source(s, run);
    const ssmq_sensitivity_request r = {.spec = run->compare,
                                        .evaluation = text,
                                        .base = s->base,
                                        .model = x->model,
                                        .plan = x->recipe.plan,
                                        .recipe = run->recipe,
                                        .source = &source,
                                        .seed = run->seed,
                                        .be = s->be,
                                        .texts = s->texts,
                                        .cache = s->hidden,
                                        .most_bytes = run->keep_hidden,
                                        .listener = listener};
    if (run->compare->sensitivity != SSMQ_SENSITIVITY_OFF)
        SSMQ_TRY(ssmq_sensitivity_run(&r, &x->sensitivity));
    if (!ssmq_has_interactions(run->compare, run->recipe)) return SSMQ_OK;
    return ssmq_interactions_run(&r, &x->interactions);
}

static ssmq_status compare_modes(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                                 const ssmq_evaluation *text, ssmq_execution *x)
{
    const ssmq_fake_real_request r = {.evaluation = text,
                                      .model = x->model,
                                      .plan = x->recipe.plan,
                                      .be = s->be,
                                      .texts = s->texts,
                                      .listener = listener,
                                      .seed = run->seed};
    return ssmq_fake_real_run(&r, &x->fake_real);
}

/* What is found on a text of its own: where the loss comes from. */
static ssmq_status attribute(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                             ssmq_execution *x)
{
    if (!run->compare) return SSMQ_OK;
    const ssmq_evaluation text = text_of(run);
    if (is_against(run, SSMQ_AGAINST_FAKE)) SSMQ_TRY(compare_modes(s, run, listener, &text, x));
    if (!is_against(run, SSMQ_AGAINST_FLOAT)) return SSMQ_OK;
    SSMQ_TRY(compare_sites(s, run, listener, &text, x));
    return compare_units(s, run, listener, &text, x);
}

/* What the run is asked to collect of its own model, before it is evaluated. */
static ssmq_status collect(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                           const char *dump, ssmq_execution *x)
{
    const ssmq_collect_source source = {.spec = run->collect,
                                        .model = x->model,
                                        .plan = x->ran,
                                        .mode = run->mode,
                                        .samples = run->calibration ? &s->samples : NULL,
                                        .be = s->be,
                                        .most_bytes = SSMQ_COLLECT_BYTES};
    const ssmq_dump_source    values = {.spec = run->collect,
                                        .model = x->model,
                                        .plan = x->ran,
                                        .samples = source.samples,
                                        .be = s->be,
                                        .listener = listener};
    if (run->collect->dump) SSMQ_TRY(ssmq_dump_open(&values, dump, &x->dump));
    return ssmq_collect(&source, x->dump, listener, &x->collection);
}

/* What calibration read as floats is read once more at most, where a weight is packed. */
static void forget_weights(const ssmq_model *m)
{
    for (int32_t i = 0; i < m->n_weight; i++) ssmq_model_forget(m, i);
}

ssmq_status ssmq_execute(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                         const char *dump, ssmq_execution *out)
{
    ssmq_execution                x = {.model = ssmq_model_fork(s->base)};
    const ssmq_calibration_source source = ssmq_session_source(s, run);
    ssmq_status                   st = SSMQ_OK;
    ssmq_alarms_open(run->name, listener ? listener->log : NULL, &x.alarms);
    if (run->recipe) {
        SSMQ_TRY_DONE(st, ssmq_recipe_replay(run->recipe, x.model, s->be, &source, run->seed,
                                            listener, &x.recipe));
        x.ran = ssmq_plan_in_mode(x.recipe.plan, run->mode == SSMQ_MODE_REAL);
        ssmq_alarms_of_recipe(&x.alarms, run->recipe, &x.recipe, source.samples);
        forget_weights(x.model);
    }
    if (run->collect) SSMQ_TRY_DONE(st, collect(s, run, listener, dump, &x));
    SSMQ_TRY_DONE(st, ssmq_speeds_measure(s, run, x.model, x.recipe.plan, listener, &x.speeds));
    SSMQ_TRY_DONE(st, evaluate(s, run, listener, &x));
    ssmq_alarms_of_overlap(&x.alarms, s, run, x.ppl);
    SSMQ_TRY_DONE(st, attribute(s, run, listener, &x));
    *out = x;
    return SSMQ_OK;
done:
    ssmq_execution_free(&x);
    return st;
}

void ssmq_execution_free(ssmq_execution *x)
{
    for (int32_t i = 0; i < x->n_ppl; i++) ssmq_ppl_free(&x->ppl[i]);
    free(x->ppl);
    ssmq_speeds_free(&x->speeds);
    ssmq_site_errors_free(x->errors);
    ssmq_sensitivity_free(x->sensitivity);
    ssmq_interactions_free(x->interactions);
    ssmq_fake_real_free(x->fake_real);
    ssmq_alarms_close(&x->alarms);
    ssmq_dump_discard(x->dump);
    ssmq_collection_free(&x->collection);
    ssmq_plan_free(x->ran);
    ssmq_recipe_result_free(&x->recipe);
    ssmq_model_free(x->model);
    *x = (ssmq_execution){0};
}

/* The dump says what run it is of, as run.h5 does. */
static ssmq_status seal_dump(ssmq_execution *x, const ssmq_result *r)
{
    ssmq_dump *dump = x->dump;
    SSMQ_TRY(ssmq_result_write_root(ssmq_dump_store(dump), r));
    x->dump = NULL;
    return ssmq_dump_seal(dump);
}

ssmq_status ssmq_execution_store(ssmq_execution *x, ssmq_session *s, const ssmq_run *run,
                                 const char *provenance, const char *path)
{
    const ssmq_result r = {
        .run = run,
        .model = x->model,
        .recipe = run->recipe ? &x->recipe : NULL,
        .samples = run->calibration ? &s->samples : NULL,
        .collection = run->collect ? &x->collection : NULL,
        .ppl = x->ppl,
        .errors = x->errors,
        .sensitivity = x->sensitivity,
        .interactions = x->interactions,
        .fake_real = x->fake_real,
        .provenance = provenance,
        .version = ssmq_build_info()->version,
    };
    ssmq_plan *const own = x->recipe.plan;
    ssmq_status      st = SSMQ_OK;
    x->recipe.plan = x->ran;
    if (x->dump) st = seal_dump(x, &r);
    if (st == SSMQ_OK) st = ssmq_result_write(&r, path);
    x->recipe.plan = own;
    return st;
}

/* ---- summary --------------------------------------------------------------------------- */

static ssmq_score score_of(const ssmq_ppl_figures *f)
{
    return (ssmq_score){.ppl = f->ppl,
                        .ppl_se = f->ppl_se,
                        .nll = f->nll,
                        .windows = f->windows,
                        .tokens = f->tokens,
                        .text = f->text};
}

static ssmq_evaluation_score evaluation_of(const ssmq_evaluation *e, const ssmq_ppl *p,
                                           ssmq_arena *arena)
{
    const ssmq_comparison *c = p->comparison;
    ssmq_subset_score     *subset = SSMQ_ARENA_ARRAY(arena, ssmq_subset_score, p->n_subset);
    for (int32_t i = 0; i < p->n_subset; i++) {
        subset[i] = (ssmq_subset_score){.name = ssmq_arena_strdup(arena, p->subset_name[i]),
                                        .score = score_of(&p->subset[i])};
        if (c) subset[i].compare = c->subset[i];
    }
    return (ssmq_evaluation_score){.id = e->id,
                                   .score = score_of(&p->all),
                                   .compare = c ? c->all : (ssmq_compare_score){0},
                                   .dialect = ssmq_dialects[e->dialect],
                                   .window = e->window,
                                   .loss_dtype = ssmq_loss_dtypes[e->loss_dtype],
                                   .state_reset = e->state_reset,
                                   .subset = subset,
                                   .n_subset = p->n_subset};
}

static ssmq_alarm alarm_of(const ssmq_alarm *a, ssmq_arena *arena)
{
    return (ssmq_alarm){
        .event = a->event,
        .evaluation = a->evaluation ? ssmq_arena_strdup(arena, a->evaluation) : NULL,
        .site = a->site ? ssmq_arena_strdup(arena, a->site) : NULL,
        .message = ssmq_arena_strdup(arena, a->message),
    };
}

static void copy_units(const ssmq_sensitivity *s, ssmq_arena *arena, ssmq_sensitivity_scores *out)
{
    ssmq_unit_score *unit = SSMQ_ARENA_ARRAY(arena, ssmq_unit_score, s->scores.n);
    *out = s->scores;
    out->unit = unit;
    for (int32_t i = 0; i < s->scores.n; i++) {
        unit[i] = s->scores.unit[i];
        unit[i].unit = ssmq_arena_strdup(arena, s->scores.unit[i].unit);
    }
}

static void copy_pairs(const ssmq_interactions *s, ssmq_arena *arena, ssmq_interaction_scores *out)
{
    ssmq_interaction_score *pair = SSMQ_ARENA_ARRAY(arena, ssmq_interaction_score, s->scores.n);
    *out = s->scores;
    out->pair = pair;
    for (int32_t i = 0; i < s->scores.n; i++) pair[i] = s->scores.pair[i];
}

ssmq_summary ssmq_execution_summary(const ssmq_execution *x, const ssmq_run *run, ssmq_arena *arena)
{
    ssmq_evaluation_score *e = SSMQ_ARENA_ARRAY(arena, ssmq_evaluation_score, run->n_evaluation);
    ssmq_alarm            *alarm = SSMQ_ARENA_ARRAY(arena, ssmq_alarm, x->alarms.n);
    const ssmq_weight_size size = ssmq_weight_size_of(x->model, x->recipe.plan);
    for (int32_t i = 0; i < run->n_evaluation; i++)
        e[i] = evaluation_of(&run->evaluation[i], &x->ppl[i], arena);
    for (int32_t i = 0; i < x->alarms.n; i++) alarm[i] = alarm_of(&x->alarms.alarm[i], arena);
    ssmq_summary s = {.id = run->id,
                      .name = run->name,
                      .mode = ssmq_modes[run->mode],
                      .recipe = run->recipe ? run->recipe->name : NULL,
                      .status = "done",
                      .evaluation = e,
                      .n_evaluation = run->n_evaluation,
                      .speed = ssmq_speeds_scores(&x->speeds, run, arena),
                      .n_speed = x->speeds.n,
                      .alarm = alarm,
                      .n_alarm = x->alarms.n,
                      .parameters = size.parameters,
                      .weight_bytes = size.bytes};
    if (x->errors)
        s.sites = ssmq_site_errors_scores(x->errors, run->compare,
                                          run->evaluation[run->compare->evaluation].id, arena);
    if (x->sensitivity) copy_units(x->sensitivity, arena, &s.sensitivity);
    if (x->interactions) copy_pairs(x->interactions, arena, &s.interactions);
    return s;
}
