#include "harness/run/checkpoint/quantize.h"
#include <string.h>
#include <unistd.h>
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/execute.h"

/* ---- which run --------------------------------------------------------------------------- */

/* Do they resolve to the same but for the mode? */
static bool same_recipe(const ssmq_run *a, const ssmq_run *b)
{
    const char *x = strstr(a->canonical, "\nmode:"), *y = strstr(b->canonical, "\nmode:");
    if (!x || !y || x - a->canonical != y - b->canonical) return false;
    if (strncmp(a->canonical, b->canonical, (size_t)(x - a->canonical)) != 0) return false;
    x = strstr(x, "\nrecipe:");
    y = strstr(y, "\nrecipe:");
    if (!x || !y) return false;
    const char *end = strstr(x, "\nevaluate:");
    return end && strncmp(x, y, (size_t)(end - x)) == 0;
}

static ssmq_status several(const ssmq_experiment *e, ssmq_arena *arena)
{
    const char *all = "";
    for (int32_t i = 0; i < e->n_run; i++)
        if (e->run[i].recipe)
            all = ssmq_arena_printf(arena, "%s%s%s (%s)", all, *all ? ", " : "", e->run[i].id,
                                    e->run[i].name);
    return SSMQ_FAIL(USAGE, "%s has several recipes; say one with --only ID: %s", e->path, all);
}

ssmq_status ssmq_quantize_choose(const ssmq_experiment *e, const char *only, ssmq_arena *arena,
                                 const ssmq_run **out)
{
    const ssmq_run *first = NULL;
    for (int32_t i = 0; i < e->n_run; i++) {
        const ssmq_run *run = &e->run[i];
        if (only && strcmp(run->id, only) != 0) continue;
        if (only && !run->recipe)
            return SSMQ_FAIL(USAGE, "--only %s: %s quantises nothing", only, run->name);
        if (!run->recipe) continue;
        if (first && !same_recipe(first, run)) return several(e, arena);
        if (!first) first = run;
    }
    *out = first;
    if (first) return SSMQ_OK;
    if (only)
        return SSMQ_FAIL(USAGE, "no run of %s has the id '%s'; ssmq check lists them", e->path,
                         only);
    return SSMQ_FAIL(USAGE, "%s has no run that quantises: mode is only float", e->path);
}

/* ---- carrying it out --------------------------------------------------------------------- */

static const char *tokenizer_of(const ssmq_run *run, ssmq_arena *arena)
{
    const char *own = ssmq_arena_printf(arena, "%s/tokenizer.json", run->model);
    return run->tokenizer ? run->tokenizer : access(own, R_OK) == 0 ? own : NULL;
}

/* Is it refused whatever the samples say?  That is told before they run. */
static ssmq_status is_offered(const ssmq_model *m, const ssmq_recipe *recipe)
{
    ssmq_plan  *plan = ssmq_plan_new(m);
    ssmq_status st = ssmq_recipe_outline(recipe, m, plan);
    if (st == SSMQ_OK) st = ssmq_quantized_offers(m, plan);
    ssmq_plan_free(plan);
    return st;
}

static ssmq_status quantize(ssmq_session *s, const ssmq_run *run, const ssmq_listener *listener,
                            const char *directory, int64_t *bytes, int64_t *elements)
{
    ssmq_model                   *m = ssmq_model_fork(s->base);
    const ssmq_calibration_source source = ssmq_session_source(s, run);
    ssmq_recipe_result            recipe = {0};
    const ssmq_input_file        *file;
    ssmq_status                   st;
    SSMQ_TRY_DONE(st,
                  ssmq_recipe_replay(run->recipe, m, s->be, &source, run->seed, listener, &recipe));
    const int32_t                n = ssmq_session_files(s, run, &file);
    const ssmq_quantized_content c = {.m = m,
                                      .plan = recipe.plan,
                                      .be = s->be,
                                      .recipe = run->canonical,
                                      .source = file,
                                      .n_source = n,
                                      .tokenizer = tokenizer_of(run, s->arena)};
    SSMQ_TRY_DONE(st, ssmq_quantized_write(directory, &c, bytes));
    *elements = 0;
    for (int32_t i = 0; i < m->n_weight; i++)
        if (m->weight[i].tied_to < 0) *elements += ssmq_tensor_count(&m->weight[i].value);
done:
    ssmq_recipe_result_free(&recipe);
    ssmq_model_free(m);
    return st;
}

ssmq_status ssmq_quantize(const ssmq_experiment *e, const ssmq_run *run, const ssmq_catalogue *cat,
                          const char *cache, const ssmq_listener *listener, const char *directory,
                          int64_t *bytes, int64_t *elements)
{
    ssmq_session s;
    ssmq_session_open(e, cat, listener, &s);
    s.cache = cache;
    ssmq_status st = ssmq_session_prepare(&s, run);
    if (st == SSMQ_OK) st = is_offered(s.base, run->recipe);
    if (st == SSMQ_OK) st = quantize(&s, run, listener, directory, bytes, elements);
    ssmq_session_close(&s);
    return st;
}
