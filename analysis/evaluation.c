#include "analysis/evaluation.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/store/score_figures.h"

static const char *path_of(const ssmq_figure_evaluation *e, const char *name, ssmq_arena *arena)
{
    return ssmq_arena_printf(arena, "/eval/%s/%s", e->id, name);
}

ssmq_status ssmq_figure_evaluation_read(const ssmq_figure_evaluation *e, const char *name, int64_t n,
                                        ssmq_arena *arena, double **out)
{
    const char   *path = path_of(e, name, arena);
    const int64_t begin = 0;
    *out = NULL;
    if (!ssmq_sealed_has(e->run->results, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_check_axes(e->run, path, 1, &n));
    *out = SSMQ_ARENA_ARRAY(arena, double, n);
    return ssmq_sealed_block(e->run->results, path, &begin, &n, *out);
}

/* The one that is asked for, or the first there is. */
static ssmq_status find(const ssmq_figure_run *run, const char *wanted, ssmq_arena *arena, const char **out)
{
    const char *const *all;
    SSMQ_TRY(ssmq_sealed_members(run->results, "/eval", arena, &all));
    *out = wanted ? wanted : all[0];
    for (int32_t i = 0; all[i]; i++)
        if (strcmp(all[i], *out) == 0) return SSMQ_OK;
    if (!all[0]) return ssmq_figure_lacks(run, "evaluation", "one of task perplexity");
    return SSMQ_FAIL(INPUT, "%s: no evaluation '%s'; there are %s", ssmq_sealed_path(run->results), wanted,
                     ssmq_option_words(arena, all));
}

/* Without numbers of their own, as in all dialects but lm-eval, all windows have as many tokens. */
static ssmq_status read_tokens(ssmq_figure_evaluation *e, ssmq_arena *arena)
{
    double *tokens;
    SSMQ_TRY(ssmq_figure_evaluation_read(e, "window_tokens", e->n, arena, &tokens));
    if (!tokens) {
        const double unscored =
            ssmq_sealed_number(e->run->results, path_of(e, "window_nll", arena), "unscored");
        tokens = SSMQ_ARENA_ARRAY(arena, double, e->n);
        for (int64_t i = 0; i < e->n; i++)
            tokens[i] = (double)(e->window - 1) - (isnan(unscored) ? 0 : unscored);
    }
    e->tokens = tokens;
    return SSMQ_OK;
}

static ssmq_status open_one(const ssmq_figure_run *run, const char *wanted, ssmq_arena *arena,
                            ssmq_figure_evaluation *out)
{
    ssmq_extent extent;
    *out = (ssmq_figure_evaluation){.run = run};
    SSMQ_TRY(find(run, wanted, arena, &out->id));
    const char *nll = path_of(out, "window_nll", arena);
    SSMQ_TRY(ssmq_figure_check_axes(run, nll, 1, (const int64_t[]){-1}));
    SSMQ_TRY(ssmq_sealed_extent(run->results, nll, &extent));
    SSMQ_TRY(ssmq_sealed_attribute(run->results, nll, "dialect", arena, &out->dialect));
    out->n = extent.dim[0];
    const double window = ssmq_sealed_number(run->results, nll, "window");
    if (!(window >= 1 && window <= INT32_MAX))
        return SSMQ_FAIL(DAMAGED, "%s: %s has no length of its windows", ssmq_sealed_path(run->results), nll);
    out->window = (int64_t)window;
    const double reset = ssmq_sealed_number(run->results, nll, "state_reset");
    out->state_reset = reset >= 1 && reset <= INT32_MAX ? (int64_t)reset : 0;
    return read_tokens(out, arena);
}

static ssmq_status check_resets(const ssmq_figure_evaluation *a, const ssmq_figure_evaluation *b)
{
    if (a->state_reset == b->state_reset) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "%s: '%s' has state_reset %" PRId64 ", that of %s %" PRId64
                     ": such losses are not to be compared",
                     ssmq_sealed_path(a->run->results), a->id, a->state_reset,
                     ssmq_sealed_path(b->run->results), b->state_reset);
}

ssmq_status ssmq_figure_evaluations(const ssmq_figure_request *rq, ssmq_figure_evaluation **out)
{
    ssmq_figure_evaluation *all = SSMQ_ARENA_ARRAY(rq->arena, ssmq_figure_evaluation, rq->n_run);
    const char             *wanted = rq->o->evaluation;
    for (int32_t i = 0; i < rq->n_run; i++) {
        SSMQ_TRY(open_one(&rq->run[i], wanted, rq->arena, &all[i]));
        wanted = all[i].id;
        SSMQ_TRY(check_resets(&all[i], &all[0]));
        if (strcmp(all[i].dialect, all[0].dialect) == 0 && all[i].window == all[0].window) continue;
        return SSMQ_FAIL(INPUT,
                         "%s: '%s' has the dialect %s and windows of %" PRId64
                         " tokens, that of %s %s and %" PRId64 ": such losses are not to be compared",
                         ssmq_sealed_path(rq->run[i].results), wanted, all[i].dialect, all[i].window,
                         ssmq_sealed_path(rq->run[0].results), all[0].dialect, all[0].window);
    }
    *out = all;
    return SSMQ_OK;
}

void ssmq_figure_evaluation_title(const ssmq_figure_request *rq, const ssmq_figure_evaluation *e,
                                  ssmq_figure *f)
{
    char reset[SSMQ_RESET_TEXT];
    f->title = rq->o->title
                   ? rq->o->title
                   : ssmq_arena_printf(rq->arena, "%s, %s, windows of %" PRId64 " tokens%s", e->id,
                                       e->dialect, e->window, ssmq_reset_text(e->state_reset, reset));
}
